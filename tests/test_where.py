"""From a line of server.py to its cell, and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import SERVER, MakeWorkspace, write_notebook

from mcp_workbench.cli import main
from mcp_workbench.errors import WorkbenchError
from mcp_workbench.where import where

HELLO = "#| export\nimport os\n\n# gone\nWORD = 'Hi'\n\n\ndef hello() -> str:\n    return WORD + os.name"


@pytest.fixture
def desk(make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = make_workspace(
        a=["# The start", ("server", SERVER), ("hello", HELLO), ("scratch", "hello()")],
        b=["# Later", ("other", "#| export revise\nWORD = 'Hello'")],
    )
    monkeypatch.chdir(folder)
    assert main(["export"]) == 0
    return folder


def line_of(text: str) -> int:
    return Path("server.py").read_text().split("\n").index(text) + 1


@pytest.mark.usefixtures("desk")
class TestFromALine:
    def test_chapter_heading_cell_line_and_source(self) -> None:
        number = line_of("    return WORD + os.name")
        assert where(f"server.py:{number}").splitlines() == [
            '00_a.ipynb, under "The start": cell 3 (hello), line 9',
            f"server.py:{number}",
            "",
            "    5 | WORD = 'Hi'",
            "    6 |",
            "    7 |",
            "    8 | def hello() -> str:",
            ">   9 |     return WORD + os.name",
        ]

    @pytest.mark.parametrize(
        "form", ["server.py:{0}", "server.py:{0}:7", 'File "server.py", line {0}, in hello']
    )
    def test_forms(self, form: str) -> None:
        assert ">   8 | def hello" in where(form.format(line_of("def hello() -> str:")))

    def test_a_title_is_its_cells(self) -> None:
        assert "cell 2 (server), line 4" in where(f"server.py:{line_of('# %% 00_a.ipynb#server  The start')}")

    @pytest.mark.parametrize(
        ("line", "says"),
        [
            ('"""A small desk."""', "`description` of [tool.mcp-workbench]"),
            ("# dependencies = [", "`requires` of [tool.mcp-workbench]"),
            (
                "from fastmcp import FastMCP",
                "export gathers them from the tops of the finished cells: 00_a.ipynb#server",
            ),
            ("    main()", "a finished cell that defines `main` takes its place"),
        ],
    )
    def test_lines_of_no_cell(self, line: str, says: str) -> None:
        assert says in where(f"server.py:{line_of(line)}")

    def test_an_edited_file_finds_the_nearest_line(self) -> None:
        server = Path("server.py")
        server.write_text(
            server.read_text().replace("def hello() -> str:\n", "def hello() -> str:\n    # why\n")
        )
        found = where(f"server.py:{line_of('    return WORD + os.name')}")
        assert "line 9" in found
        assert "The file and the notebook differ here" in found

    @pytest.mark.parametrize(
        "address", ["server.py:0", "server.py:9999", "nowhere.py:1", "server.py", "x", ""]
    )
    def test_bad_addresses(self, address: str) -> None:
        with pytest.raises(WorkbenchError):
            where(address)

    def test_a_file_of_somebody_else(self, tmp_path: Path) -> None:
        (tmp_path / "mine.py").write_text("x = 1\n")
        with pytest.raises(WorkbenchError, match="no export wrote this file"):
            where(f"{tmp_path / 'mine.py'}:1")

    def test_a_server_written_elsewhere(self, tmp_path: Path) -> None:
        assert main(["export", "-o", str(tmp_path / "elsewhere.py")]) == 0
        number = line_of("def hello() -> str:")
        assert "cell 3 (hello), line 8" in where(f"{tmp_path / 'elsewhere.py'}:{number}")


@pytest.mark.usefixtures("desk")
class TestFromACell:
    def test_its_line_in_the_server(self) -> None:
        found = where("00_a.ipynb#hello")
        assert f"server.py:{line_of('def hello() -> str:')}\n" in found
        assert ">   8 | def hello() -> str:" in found

    @pytest.mark.parametrize("form", ["00_a.ipynb#hello:9", "notebooks/00_a.ipynb#hello:9", "00_a.ipynb#3:9"])
    def test_a_line_of_it_as_tracebacks_name_it(self, form: str) -> None:
        assert f"server.py:{line_of('    return WORD + os.name')}\n" in where(form)

    @pytest.mark.parametrize(
        ("address", "says"),
        [
            ("00_a.ipynb#scratch", "not marked `#| export`"),
            ("00_a.ipynb#hello:2", "gathered at the top"),
            ("00_a.ipynb#hello:5", "revised later"),
        ],
    )
    def test_what_is_not_there(self, address: str, says: str) -> None:
        found = where(address)
        assert says in found
        assert "not in " in found

    @pytest.mark.parametrize(
        ("address", "says"),
        [
            ("00_a.ipynb#helo", "Did you mean hello?"),
            ("00_aa.ipynb#hello", "Did you mean 00_a.ipynb?"),
            ("00_a.ipynb#hello:99", "has 9 lines, and no line 99"),
        ],
    )
    def test_did_you_mean(self, address: str, says: str) -> None:
        with pytest.raises(WorkbenchError) as error:
            where(address)
        assert says in str(error.value)

    def test_a_stale_server(self, desk: Path) -> None:
        write_notebook(desk / "notebooks" / "02_c.ipynb", [("c", "#| export\nc = 1")])
        assert "not up to date" in where("00_a.ipynb#hello")


def test_both_ways_agree_on_every_line(desk: Path) -> None:
    for number in range(1, len((desk / "server.py").read_text().splitlines()) + 1):
        first = where(f"server.py:{number}").splitlines()[0]
        if "cell" in first and "line" in first and ".ipynb" in first:
            chapter, line = first.partition(",")[0], first.rpartition("line ")[2]
            identifier = first.rpartition("(")[2].partition(")")[0]
            back = where(f"{chapter}#{identifier}:{line}")
            text = (desk / "server.py").read_text().splitlines()[number - 1]
            if text.strip() and not text.startswith("# %%"):
                assert f"server.py:{number}\n" in back
