"""server.py: its parts, its bytes, and that nothing a person wrote is ever lost."""

from __future__ import annotations

import ast
import json
import shlex
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from conftest import SERVER, MakeWorkspace, write_notebook

from mcp_workbench import export, workspace
from mcp_workbench.cli import main
from mcp_workbench.errors import WorkbenchError
from mcp_workbench.findings import Refused
from mcp_workbench.layout import is_untouched
from mcp_workbench.sections import take_apart

TOOL = "#| export\n@mcp.tool\ndef hello(name: str) -> str:\n    return f'Hello, {name}'"


def made(folder: Path) -> export.Export:
    return export.export(workspace.find(folder))


def refusal(folder: Path) -> str:
    with pytest.raises(Refused) as refused:
        made(folder)
    return str(refused.value)


class TestText:
    def test_the_parts_in_order(self, make_workspace: MakeWorkspace) -> None:
        folder = make_workspace(a=["# A start", ("server", SERVER)], b=[("hello", TOOL)])
        text = made(folder).text
        assert text.splitlines()[:8] == [
            '"""A small desk."""',
            "",
            "# /// script",
            '# requires-python = ">=3.11"',
            "# dependencies = [",
            '#     "fastmcp>=4.1.2,<4.2",',
            "# ]",
            "# ///",
        ]
        order = [
            "# chapter 00_a.ipynb sha256:",
            "# chapter 01_b.ipynb sha256:",
            "# this file, but for this line, sha256:",
            "from fastmcp import FastMCP",
            "# %% 00_a.ipynb#server  A start",
            "# %% 01_b.ipynb#hello\n",
            "# %% How the server starts",
            'if __name__ == "__main__":\n    main()\n',
        ]
        places = [text.index(part) for part in order]
        assert places == sorted(places)
        ast.parse(text)

    def test_requires_are_copied_as_they_are(self, make_workspace: MakeWorkspace) -> None:
        folder = make_workspace(a=[SERVER])
        (folder / "pyproject.toml").write_text(
            '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.12"\n'
            '[tool.mcp-workbench]\nrequires = ["fastmcp==4.1.2", "zürich ; python_version > \'3\'"]\n'
        )
        text = made(folder).text
        assert '#     "fastmcp==4.1.2",\n#     "zürich ; python_version > \'3\'",\n' in text
        assert '# requires-python = ">=3.12"' in text

    def test_without_requires_the_projects_own_fastmcp(self, make_workspace: MakeWorkspace) -> None:
        folder = make_workspace(a=[SERVER])
        (folder / "pyproject.toml").write_text(
            '[project]\ndependencies = ["fastmcp-slim", "fastmcp>=4.1,<5", "httpx"]\n[tool.mcp-workbench]\n'
        )
        assert '# dependencies = [\n#     "fastmcp>=4.1,<5",\n# ]' in made(folder).text

    def test_a_main_of_the_notebooks_takes_the_tails_place(self, make_workspace: MakeWorkspace) -> None:
        folder = make_workspace(a=[SERVER, "#| export\ndef main() -> None:\n    mcp.run()"])
        text = made(folder).text
        assert "argparse" not in text
        assert text.endswith('if __name__ == "__main__":\n    main()\n')

    def test_an_import_that_no_requirement_provides_is_a_warning(self, make_workspace: MakeWorkspace) -> None:
        folder = make_workspace(
            a=[
                SERVER,
                "#| export\nimport not_here\nfrom key_value.aio import x\ny = x, not_here",
            ]
        )
        warnings = made(folder).warnings
        assert len(warnings) == 2
        assert 'add "py-key-value-aio>=' in warnings[0]
        assert 'add "not-here" to requires in [tool.mcp-workbench] (a guess' in warnings[1]

    def test_an_equal_name_wins_over_metadata(self, make_workspace: MakeWorkspace) -> None:
        folder = make_workspace(a=[SERVER])
        (folder / "pyproject.toml").write_text('[tool.mcp-workbench]\nrequires = ["httpx"]\n')
        assert 'add "fastmcp>=' in made(folder).warnings[0]

    def test_chapters_by_number_not_by_letters(self, make_workspace: MakeWorkspace) -> None:
        folder = make_workspace(a=[SERVER])
        for name in ("10_ten", "9_nine", "09a_nine", "notes", "2026_plan"):
            write_notebook(
                folder / "notebooks" / f"{name}.ipynb", [f"#| export\n{'abc'[len(name) % 3]}{name[-2:]} = 1"]
            )
        titles = [piece.cell.chapter for piece in made(folder).program.pieces]
        assert titles == ["00_a.ipynb", "9_nine.ipynb", "09a_nine.ipynb", "10_ten.ipynb", "2026_plan.ipynb"]

    def test_adding_a_cell_does_not_shift_the_titles_of_others(self, make_workspace: MakeWorkspace) -> None:
        one = made(make_workspace("one", a=[("s", SERVER)], b=[("t", TOOL)]))
        two = made(make_workspace("two", a=[("s", SERVER), ("n", "#| export\nn = 1")], b=[("t", TOOL)]))
        assert {"# %% 01_b.ipynb#t"} <= set(one.text.splitlines()) & set(two.text.splitlines())

    def test_the_tail_is_formatted_as_ruff_would(self, make_workspace: MakeWorkspace, tmp_path: Path) -> None:
        text = made(make_workspace(a=[SERVER, TOOL.replace("'", '"')])).text
        target = tmp_path / "s.py"
        target.write_text(text)
        command = [
            sys.executable,
            "-m",
            "ruff",
            "format",
            "--isolated",
            "--line-length=100",
            "--diff",
            str(target),
        ]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout


class TestUnfit:
    def test_no_finished_cell(self, make_workspace: MakeWorkspace) -> None:
        assert "MCP220 no finished cell" in refusal(make_workspace(a=["a = 1"]))

    def test_no_chapter(self, make_workspace: MakeWorkspace) -> None:
        assert "MCP220" in refusal(make_workspace())

    def test_no_server(self, make_workspace: MakeWorkspace) -> None:
        assert "MCP218 no finished cell defines `mcp`" in refusal(make_workspace(a=["#| export\na = 1"]))

    def test_two_chapters_of_one_number(self, make_workspace: MakeWorkspace) -> None:
        folder = make_workspace(a=[SERVER])
        write_notebook(folder / "notebooks" / "00_b.ipynb", [TOOL])
        text = refusal(folder)
        assert "MCP219" in text
        assert "00_a.ipynb" in text
        assert "00_b.ipynb" in text

    def test_a_notebook_without_ids_and_the_command_that_adds_them(
        self, make_workspace: MakeWorkspace
    ) -> None:
        folder = make_workspace(a=[SERVER])
        path = folder / "notebooks" / "00_a.ipynb"
        notebook = json.loads(path.read_text())
        notebook["nbformat_minor"] = 4
        for cell in notebook["cells"]:
            del cell["id"]
        path.write_text(json.dumps(notebook))
        text = refusal(folder)
        assert "MCP221 its cells have no ids" in text
        command = shlex.split(text.partition("Add them: python ")[2].splitlines()[0])
        subprocess.run([sys.executable, *command], check=True)
        assert made(folder).text

    def test_two_cells_of_one_id(self, make_workspace: MakeWorkspace) -> None:
        assert "MCP221 two cells share an id" in refusal(make_workspace(a=[("x", SERVER), ("x", TOOL)]))

    def test_a_line_like_a_title(self, make_workspace: MakeWorkspace) -> None:
        folder = make_workspace(a=[SERVER, '#| export\ns = """\n# %% 00_a.ipynb#x\n"""'])
        assert "MCP223" in refusal(folder)


class TestWriting:
    def test_the_same_bytes_twice_and_no_needless_write(self, make_workspace: MakeWorkspace) -> None:
        folder = make_workspace(a=[SERVER])
        here = workspace.find(folder)
        assert export.write(made(folder), here.server) is True
        first = here.server.read_bytes(), here.server.stat().st_mtime_ns
        assert export.write(made(folder), here.server) is False
        assert (here.server.read_bytes(), here.server.stat().st_mtime_ns) == first

    @pytest.mark.parametrize("edit", ["# mine\n", "x = 1\n"])
    def test_a_hand_edit_is_not_overwritten(self, make_workspace: MakeWorkspace, edit: str) -> None:
        folder = make_workspace(a=[SERVER])
        server = folder / "server.py"
        export.write(made(folder), server)
        server.write_text(server.read_text() + edit)
        before = server.read_bytes()
        with pytest.raises(Refused, match=r"MCP222 edited since it was exported[^~]*mcp-workbench update"):
            export.write(made(folder), server)
        assert server.read_bytes() == before
        assert export.write(made(folder), server, force=True) is True
        assert is_untouched(server.read_text())

    def test_somebody_elses_file_is_not_overwritten(self, make_workspace: MakeWorkspace) -> None:
        folder = make_workspace(a=[SERVER])
        (folder / "server.py").write_text("print('mine')\n")
        with pytest.raises(Refused, match="MCP222 not a file that export wrote"):
            export.write(made(folder), folder / "server.py")
        assert (folder / "server.py").read_text() == "print('mine')\n"

    def test_a_read_only_target(self, make_workspace: MakeWorkspace) -> None:
        folder = make_workspace(a=[SERVER])
        server = folder / "server.py"
        export.write(made(folder), server)
        before = server.read_bytes()
        write_notebook(folder / "notebooks" / "01_b.ipynb", [TOOL])
        server.chmod(0o444)
        with pytest.raises(WorkbenchError, match="is read-only") as error:
            export.write(made(folder), server)
        assert error.value.exit_code == 2
        assert server.read_bytes() == before
        assert sorted(p.name for p in folder.iterdir()) == ["notebooks", "pyproject.toml", "server.py"]

    def test_a_folder_as_target(self, make_workspace: MakeWorkspace, tmp_path: Path) -> None:
        folder = make_workspace(a=[SERVER])
        with pytest.raises(WorkbenchError, match="cannot be read"):
            export.write(made(folder), tmp_path)
        with pytest.raises(WorkbenchError, match="cannot be written"):
            export.write(made(folder), tmp_path / "nowhere" / "server.py")

    def test_an_interrupted_write_leaves_the_old_file(
        self, make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = make_workspace(a=[SERVER])
        server = folder / "server.py"
        export.write(made(folder), server)
        before = server.read_bytes()
        write_notebook(folder / "notebooks" / "01_b.ipynb", [TOOL])
        result = made(folder)

        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(Path, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            export.write(result, server)
        assert server.read_bytes() == before
        assert list(folder.glob(".*")) == []

    def test_a_reader_never_sees_half_a_file(self, make_workspace: MakeWorkspace) -> None:
        folder = make_workspace(a=[SERVER])
        server = folder / "server.py"
        small = made(folder)
        write_notebook(
            folder / "notebooks" / "01_b.ipynb", [TOOL, *(f"#| export\nv{n} = {n}" for n in range(500))]
        )
        large = made(folder)
        export.write(small, server)
        seen: set[str] = set()
        done = threading.Event()

        def read() -> None:
            while not done.is_set():
                seen.add(server.read_text())

        reader = threading.Thread(target=read)
        reader.start()
        for _ in range(30):
            export.write(large, server)
            export.write(small, server)
        done.set()
        reader.join()
        assert seen <= {small.text, large.text}

    def test_a_link_stays_a_link_and_a_mode_a_mode(
        self, make_workspace: MakeWorkspace, tmp_path: Path
    ) -> None:
        folder = make_workspace(a=[SERVER])
        real = tmp_path / "real.py"
        export.write(made(folder), real)
        real.chmod(0o755)
        (folder / "server.py").symlink_to(real)
        write_notebook(folder / "notebooks" / "01_b.ipynb", [TOOL])
        export.write(made(folder), folder / "server.py")
        assert (folder / "server.py").is_symlink()
        assert "def hello" in real.read_text()
        assert real.stat().st_mode & 0o777 == 0o755

    def test_all_files_or_none(self, tmp_path: Path) -> None:
        one, two = tmp_path / "one", tmp_path / "two"
        one.write_text("1")
        two.write_text("2")
        two.chmod(0o444)
        with pytest.raises(WorkbenchError, match="two: is read-only"):
            export.write_all({one: "new", two: "new"})
        assert (one.read_text(), two.read_text()) == ("1", "2")


class TestTakeApart:
    def test_what_export_wrote(self, make_workspace: MakeWorkspace) -> None:
        result = made(make_workspace(a=[("s", SERVER)], b=[("t", TOOL)]))
        layout = take_apart(result.text)
        assert layout is not None
        assert layout.imports == "from fastmcp import FastMCP"
        assert [s.address for s in layout.sections] == ["00_a.ipynb#s", "01_b.ipynb#t"]
        assert [s.text for s in layout.sections] == [piece.text for piece in result.program.pieces]
        assert [s.start for s in layout.sections] == list(result.starts)
        assert layout.tail.startswith("# %% How the server starts")

    def test_what_it_did_not(self) -> None:
        assert take_apart("import os\n") is None


BAD_NOTEBOOKS = {
    "not a notebook": ("[1, 2]", "not a notebook, it has no list of cells"),
    "a dictionary without cells": ("{}", "not a notebook, it has no list of cells"),
    "truncated": ('{"cells": [', "the file ends too early"),
    "empty": ("", "the file ends too early"),
    "invalid JSON": ('{"cells": [},]}', "it is not valid JSON"),
    "another language": (
        '{"cells": [], "metadata": {"kernelspec": {"language": "R"}}, "nbformat": 4}',
        "a notebook of R; a chapter is one of Python",
    ),
    "format 3": ('{"worksheets": [], "nbformat": 3}', "written in notebook format 3"),
    "not text": (b"\xff\xfe\x00", "cannot be read"),
    "cells that are none": ('{"cells": [1], "metadata": {}, "nbformat": 4}', "cell 1 is not a cell"),
    "a source that is none": (
        '{"cells": [{"cell_type": "code", "source": 3}], "metadata": {}, "nbformat": 4}',
        "cell 1 is not a cell",
    ),
    "metadata that is none": ('{"cells": [], "metadata": [], "nbformat": 4}', "not a notebook"),
}


@pytest.mark.parametrize("kind", BAD_NOTEBOOKS)
def test_bad_notebooks(kind: str, make_workspace: MakeWorkspace, capsys: pytest.CaptureFixture[str]) -> None:
    content, says = BAD_NOTEBOOKS[kind]
    folder = make_workspace(a=[SERVER])
    assert main(["export", str(folder)]) == 0
    before = (folder / "server.py").read_bytes()
    bad = folder / "notebooks" / "01_b.ipynb"
    bad.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert main(["export", str(folder)]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert "01_b.ipynb" in error
    assert "Traceback" not in error
    assert (folder / "server.py").read_bytes() == before
