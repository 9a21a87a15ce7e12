"""The verbs check and explain, as people and CI use them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from conftest import SERVER, MakeWorkspace, write_notebook

from mcp_workbench.cli import main
from mcp_workbench.rules import RULES
from mcp_workbench.rules.checking import version_of
from mcp_workbench.rules.declared import target_of
from mcp_workbench.rules.rule import Target

RESOURCE = '@mcp.resource("config")\ndef config() -> str:\n    return "{}"\n'
BAD = f'from fastmcp import FastMCP\n\nmcp = FastMCP("desk")\n\n\n{RESOURCE}'
GOOD = BAD.replace('"config"', '"data://config"')
LOST = "x = 1\ndef f(:\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["check", *arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(check(capsys, "--format", "json", *arguments)[1])
    return found


class TestText:
    def test_a_finding_shows_its_place_its_line_and_what_to_do(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Path("desk.py").write_text(BAD)
        code, out, _ = check(capsys, "desk.py")
        assert code == 1
        assert out == (
            "desk.py:6:15: MCP004 the address 'config' has no scheme\n"
            '    6 | @mcp.resource("config")\n'
            "      |               ^^^^^^^^\n"
            "  do: Give it one, such as 'data://config'.\n"
            "\n"
            "1 finding in 1 file\n"
        )

    def test_nothing_found(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        Path("desk.py").write_text(GOOD)
        assert check(capsys, "desk.py") == (0, "0 findings in 1 file\n", "")

    def test_columns_are_characters(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        Path("desk.py").write_text(BAD.replace('"config"', 'name="é", uri="çonfig"'), encoding="utf-8")
        (found,) = as_json(capsys, "desk.py")
        assert found["location"] == {"column": 29, "row": 6}
        assert found["end_location"] == {"column": 37, "row": 6}

    def test_statistics(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        Path("desk.py").write_text(BAD + RESOURCE)
        _, out, _ = check(capsys, "desk.py", "--statistics")
        assert out.splitlines()[0] == f"    2  MCP004  {RULES['MCP004'].line}"


class TestWhatIsRead:
    def test_folders_but_not_what_others_made(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        for name in ("a.py", "sub/b.py", ".hidden/c.py", "node_modules/d.py", "env3/e.py", "note.txt"):
            Path(name).parent.mkdir(exist_ok=True)
            Path(name).write_text(BAD)
        Path("env3/pyvenv.cfg").write_text("")
        names = [Path(f["filename"]).relative_to(folder).as_posix() for f in as_json(capsys, ".")]
        assert names == ["a.py", "sub/b.py"]

    def test_a_file_that_is_named_twice_is_read_once(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Path("a.py").write_text(BAD)
        Path("b.py").symlink_to("a.py")
        assert len(as_json(capsys, "a.py", "a.py", ".", "b.py")) == 1

    def test_what_does_not_parse_is_one_finding(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Path("desk.py").write_text(LOST)
        Path("other.py").write_text(BAD)
        found = as_json(capsys, ".")
        assert [(f["code"], f["location"]["row"]) for f in found] == [("MCP202", 2), ("MCP004", 6)]
        assert found[0]["message"].startswith("invalid Python: ")

    @pytest.mark.parametrize(
        ("name", "data", "why"),
        [
            ("binary.py", b"x = 1\0", "binary"),
            ("latin.py", "x = 'é'".encode("latin-1"), "not utf-8"),
            ("cookie.py", b"# coding: klingon\nx = 1", "klingon"),
            ("huge.py", b"#" * 5_000_001, "bigger than 5 MB"),
            ("broken.ipynb", b"{", "not a readable notebook"),
            ("list.ipynb", b"[]", "not a notebook"),
            ("binary.ipynb", b"\xff\xfe", "cannot be read"),
        ],
    )
    def test_what_cannot_be_read_is_a_line_and_the_rest_goes_on(
        self, name: str, data: bytes, why: str, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Path(name).write_bytes(data)
        code, out, err = check(capsys, ".")
        assert code == 2
        (line,) = err.splitlines()
        assert line.startswith(f"{name}: not checked: ")
        assert why in line
        Path("desk.py").write_text(BAD)
        code, out, _ = check(capsys, ".")
        assert code == 1
        assert "desk.py:6:15: MCP004" in out

    def test_a_circle_of_links_and_what_is_not_there(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Path("round.py").symlink_to("trip.py")
        Path("trip.py").symlink_to("round.py")
        Path("sub").mkdir()
        Path("sub/again").symlink_to(folder)
        code, _, err = check(capsys, ".", "nowhere.py")
        assert code == 2
        lines = err.splitlines()
        assert len(lines) == 3
        assert "nowhere.py: not checked: no such file" in lines[2]

    def test_empty_and_with_a_mark_at_the_start(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Path("empty.py").write_bytes(b"")
        Path("marked.py").write_bytes(b"\xef\xbb\xbf" + BAD.replace("\n", "\r\n").encode())
        Path("old.py").write_bytes(b"# -*- coding: latin-1 -*-\n" + BAD.encode() + b"# \xe9\n")
        assert [f["location"]["row"] for f in as_json(capsys, ".")] == [6, 7]

    def test_a_file_of_many_brackets(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        Path("deep.py").write_text("x = " + "(" * 5000 + ")" * 5000)
        (found,) = as_json(capsys, "deep.py")
        assert found["code"] == "MCP202"


class TestSilence:
    @pytest.mark.parametrize(
        ("comment", "count"),
        [
            ("# noqa", 0),
            ("# noqa: MCP004", 0),
            ("# NOQA: E501, MCP004", 0),
            ("# noqa: MCP005", 1),
            ("# n", 1),
        ],
    )
    def test_noqa(self, comment: str, count: int, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        Path("desk.py").write_text(BAD.replace('("config")', f'("config")  {comment}'))
        assert len(as_json(capsys, "desk.py")) == count

    def test_select_and_ignore(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        Path("desk.py").write_text(BAD)
        Path("lost.py").write_text(LOST)
        for arguments, codes in (
            (["--select", "MCP004"], ["MCP004"]),
            (["--select", "mcp0,mcp1"], ["MCP004"]),
            (["--select", "MCP2"], ["MCP202"]),
            (["--select", "ALL", "--ignore", "MCP00"], ["MCP202"]),
            (["--ignore", "MCP004", "--ignore", "MCP202"], []),
        ):
            assert [f["code"] for f in as_json(capsys, ".", *arguments)] == codes, arguments

    def test_the_same_keys_in_pyproject(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        Path("desk.py").write_text(BAD)
        table = Path("pyproject.toml")
        table.write_text('[tool.mcp-workbench.check]\nignore = ["MCP004"]\n')
        assert as_json(capsys, "desk.py") == []
        assert len(as_json(capsys, "desk.py", "--ignore", "MCP005")) == 1  # the command line comes first
        for text in ('select = "MCP004"', "what = 1", "target = 4", "select = [1]"):
            table.write_text(f"[tool.mcp-workbench.check]\n{text}\n")
            code, _, err = check(capsys, "desk.py")
            assert code == 2
            assert "[tool.mcp-workbench.check]" in err
            assert text.split(" ")[0] in err
        table.write_text("[tool")
        assert "cannot be read" in check(capsys, "desk.py")[2]

    @pytest.mark.parametrize("arguments", [["--select", "MCP9"], ["--ignore", "E5"], ["--target", "new"]])
    def test_what_does_not_exist(
        self, arguments: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        code, out, err = check(capsys, ".", *arguments)
        assert (code, out) == (2, "")
        assert arguments[1] in err


class TestFormats:
    def test_json_has_the_shape_of_ruffs(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        Path("desk.py").write_text(f"import os\n{BAD}")
        ruff = subprocess.run(
            [sys.executable, "-m", "ruff", "check", "--isolated", "--output-format", "json", "desk.py"],
            capture_output=True,
            check=False,
        )
        theirs = json.loads(ruff.stdout)[0]
        (ours,) = as_json(capsys, "desk.py")
        assert ours.keys() <= theirs.keys()
        for key in ("code", "filename", "location", "end_location", "message", "url"):
            assert type(ours[key]) is type(theirs[key]), key
        assert ours["location"].keys() == theirs["location"].keys()

    def test_github(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        Path("a,b.py").write_text(BAD.replace('"config"', '"50%"'))
        _, out, _ = check(capsys, ".", "--format", "github")
        assert out.startswith(
            "::error title=MCP004,file=a%2Cb.py,line=6,col=15,endLine=6::a,b.py:6:15: the address '50%25'"
        )
        assert out.count("\n") == 1

    def test_sarif(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        Path("desk.py").write_text(BAD)
        log = json.loads(check(capsys, "desk.py", "--format", "sarif")[1])
        (run,) = log["runs"]
        (result,) = run["results"]
        rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]
        assert (log["version"], rule["id"], result["ruleId"]) == ("2.1.0", "MCP004", "MCP004")
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"] == {"uri": "desk.py"}
        assert place["region"] == {"startLine": 6, "startColumn": 15, "endLine": 6, "endColumn": 23}

    @pytest.mark.parametrize("format_", ["json", "sarif"])
    def test_nothing_found_is_a_document_too(
        self, format_: str, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Path("desk.py").write_text(GOOD)
        code, out, _ = check(capsys, ".", "--format", format_)
        assert code == 0
        assert json.loads(out) is not None

    def test_a_reader_who_has_enough(self, folder: Path) -> None:
        Path("desk.py").write_text(BAD + RESOURCE * 2000)
        line = f'{sys.executable} -c \'from mcp_workbench.cli import main; main(["check", "."])\' | head -1'
        done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=False)
        assert done.stdout.count("\n") == 1
        assert "Traceback" not in done.stderr


class TestNotebooks:
    def test_a_place_is_a_cell_and_its_line(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        cells = [
            "# A server",
            "%time x = 1\n!ls\n" + SERVER.removeprefix("#| export\n"),
            "%%html\n<p>",
            RESOURCE,
        ]
        write_notebook(Path("try.ipynb"), cells)
        code, out, _ = check(capsys, "try.ipynb")
        assert code == 1
        assert out.startswith("try.ipynb cell 4 (c-4), line 1: MCP004 the address 'config' has no scheme\n")
        (found,) = as_json(capsys, ".")
        assert (found["cell"], found["location"]["row"]) == (4, 1)

    def test_only_finished_cells_count_as_the_server(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        write_notebook(Path("try.ipynb"), [SERVER, RESOURCE, f"#| export\n{RESOURCE}"])
        assert [f["cell"] for f in as_json(capsys, ".")] == [3]

    def test_a_workspace_is_one_program(
        self, make_workspace: MakeWorkspace, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folder = make_workspace(a=[SERVER], b=["x = 1", f"#| export\n{RESOURCE}", RESOURCE])
        main(["export", str(folder)])
        capsys.readouterr()
        (found,) = as_json(capsys, str(folder))
        assert Path(found["filename"]) == folder / "notebooks" / "01_b.ipynb"
        assert (found["cell"], found["location"]) == (2, {"column": 15, "row": 2})

    def test_what_export_refuses_is_found_too(
        self, make_workspace: MakeWorkspace, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folder = make_workspace(a=[SERVER, "#| export\nprint(mcp)"], b=["#| export\nx = nothing"])
        found = as_json(capsys, str(folder))
        assert [(Path(f["filename"]).name, f["code"]) for f in found] == [
            ("00_a.ipynb", "MCP212"),
            ("01_b.ipynb", "MCP205"),
        ]

    def test_export_warns_of_what_is_found(
        self, make_workspace: MakeWorkspace, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folder = make_workspace(a=[SERVER, f"#| export\n{RESOURCE}"])
        assert main(["export", str(folder)]) == 0
        out, err = capsys.readouterr()
        assert out.endswith("written, 2 cells\n")
        assert "00_a.ipynb cell 2 (a-2), line 2: MCP004 the address 'config' has no scheme" in err
        (folder / "pyproject.toml").write_text("[tool.mcp-workbench.check]\nignore = ['MCP004']\n")
        assert main(["export", str(folder)]) == 0
        assert capsys.readouterr().err == ""

    def test_an_edited_server_is_checked_itself(
        self, make_workspace: MakeWorkspace, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folder = make_workspace(a=[SERVER])
        (folder / "server.py").write_text(BAD)
        assert [Path(f["filename"]).name for f in as_json(capsys, str(folder))] == ["server.py"]

    def test_a_cell_that_is_no_python(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        write_notebook(Path("try.ipynb"), [SERVER, "def f(:", "await client.ping()"])
        (found,) = as_json(capsys, ".")
        assert (found["code"], found["cell"], found["location"]["row"]) == ("MCP202", 2, 1)

    def test_our_own_chapters(self, capsys: pytest.CaptureFixture[str]) -> None:
        root = Path(__file__).parent.parent
        package = [path for path in (root / "mcp_workbench").iterdir() if path.name != "new"]
        made = (root / "mcp_workbench" / "new").glob("*.py")  # beside it are templates, to be filled in
        assert check(capsys, *map(str, (root / "notebooks", *package, *made)))[:1] == (0,)


class TestExplain:
    @pytest.mark.parametrize("code", RULES)
    def test_every_rule_says_all(self, code: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["explain", code.lower()]) == 0
        out = capsys.readouterr().out
        for heading in ("What happens", "Why", "What to do", "Wrong", "Right", "Read on"):
            assert f"\n{heading}\n" in out
        prose = [line for line in out.splitlines() if not line.startswith("    ") and "https:" not in line]
        assert all(len(line) <= 100 for line in prose)

    def test_all_codes(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["explain"]) == 0
        assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == sorted(RULES)

    def test_a_code_of_exports(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["explain", "MCP205"]) == 2
        assert "MCP205 is export's" in capsys.readouterr().err

    def test_an_unknown_code(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["explain", "MCP0O4"]) == 2
        assert "Did you mean MCP" in capsys.readouterr().err


def test_it_imports_no_fastmcp(folder: Path) -> None:
    Path("desk.py").write_text(GOOD)
    code = "import sys; from mcp_workbench.cli import main; main(['check', 'desk.py']); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ}
    )
    loaded = set(done.stdout.split())
    assert not loaded & {"fastmcp", "mcp", "nbformat", "libcst", "pydantic", "packaging"}


def test_many_files_on_several_cores_are_the_same_findings(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(12):
        Path(f"desk{number:02}.py").write_text(BAD + f"# {'x' * 80}\n" * 1000)
    found = as_json(capsys, ".")
    assert [Path(f["filename"]).name for f in found] == [f"desk{n:02}.py" for n in range(12)]


class TestWhatAProjectDeclares:
    @pytest.mark.parametrize(
        ("text", "reaches", "requires"),
        [
            ("", True, None),
            ("[project]\nrequires-python = '>=3.10'", True, None),
            (
                "[project]\nrequires-python = '>=3.10,<3.12'\ndependencies = ['FastMCP>=4']",
                False,
                {"fastmcp"},
            ),
            ("[project]\nrequires-python = '==3.11.*'\ndynamic = ['dependencies']", False, None),
            ("[project]\nrequires-python = '<4'\noptional-dependencies.x = ['a_b[c]; d']", True, {"a-b"}),
            ("[dependency-groups]\ndev = ['httpx', {include-group = 'x'}]", True, {"httpx", "x"}),
            ("[tool.poetry.dependencies]\npython = '^3.11'\nfastmcp = '*'", True, {"python", "fastmcp"}),
            ("[project", True, None),
        ],
    )
    def test_in_pyproject(self, text: str, reaches: bool, requires: set[str] | None, folder: Path) -> None:
        Path("pyproject.toml").write_text(text)
        found = target_of(folder / "sub" / "server.py", (4, 1, 2))
        assert found == Target((4, 1, 2), reaches, frozenset(requires) if requires else None)

    def test_in_requirements(self, folder: Path) -> None:
        Path("requirements.txt").write_text("fastmcp==4.1.2  # pinned\n-r other.txt\n\nHTTPX\n")
        assert target_of(folder / "server.py", (4,)).requires == {"fastmcp", "httpx"}


def test_the_installed_version_is_what_its_metadata_says() -> None:
    assert version_of("") == tuple(map(int, version("fastmcp").split(".")))
    assert (version_of("3"), version_of("2.14"), version_of("4.1.2")) == ((3, 99), (2, 14), (4, 1, 2))


@pytest.mark.parametrize(
    ("decorated", "count"), [("", 1), ("@cache\n", 1), ("@parsed\n", 0), ("@parsed('x')\n", 0)]
)
def test_what_a_decorated_function_gives_is_not_known(
    decorated: str, count: int, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A decorator of the project may return something else: then nothing is said of the result."""
    Path("desk.py").write_text(
        "from functools import cache\n\nfrom fastmcp import FastMCP\n\n\n"
        f"{decorated}def create():\n    return FastMCP('desk')\n\n\nmcp = create()\n\n\n{RESOURCE}"
    )
    assert len(as_json(capsys, "desk.py", "--select", "MCP004")) == count


def test_a_file_that_does_not_mention_mcp(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A test of a server's tools, say: what it gets from the server is known."""
    Path("desk.py").write_text(GOOD.replace("@mcp.resource", "@mcp.tool\ndef lend(): ...\n\n\n@mcp.resource"))
    Path("try.py").write_text("from desk import lend\n\nlend.fn()\n")
    assert [f["code"] for f in as_json(capsys, ".")] == ["MCP110"]
