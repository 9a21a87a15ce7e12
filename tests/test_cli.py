"""The command line: exit codes, what is printed where, and that nothing is imported without need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import SERVER, MakeWorkspace, write_notebook

from mcp_workbench.cli import _split, main

VERBS = ["demo", "lab", "course", "book", "new", "export", "where", "update", "check", "explain"]


@pytest.mark.parametrize("arguments", [["--help"], *([verb, "--help"] for verb in VERBS)])
def test_help_teaches(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert len(text) > 100
    if arguments == ["--help"]:
        assert all(verb in text for verb in VERBS)
        assert "exit codes:" in text


@pytest.mark.parametrize("arguments", ["--help", "export --help", "export ."])
def test_nothing_heavy_is_imported(arguments: str, make_workspace: MakeWorkspace) -> None:
    folder = make_workspace(a=[SERVER])
    code = (
        "import sys\nfrom mcp_workbench.cli import main\n"
        f"try:\n    main({arguments.split()!r})\nexcept SystemExit:\n    pass\n"
        "heavy = {'fastmcp', 'mcp', 'IPython', 'nbformat', 'nbclient', 'jupyterlab', 'rich', 'asyncio'}\n"
        "print(sorted(heavy & {name.partition('.')[0] for name in sys.modules}), file=sys.stderr)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    assert result.stderr == "[]\n"


def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["exprt"])
    assert ended.value.code == 2
    assert "invalid choice: 'exprt'" in capsys.readouterr().err


def test_a_workspace_without_notebooks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.mcp-workbench]")
    assert main(["export", str(tmp_path)]) == 2
    assert "notebooks: no such folder; chapters live there" in capsys.readouterr().err


def test_no_workspace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(tmp_path)]) == 2
    assert "no workspace here or above" in capsys.readouterr().err
    assert main(["export", str(tmp_path / "nowhere")]) == 2
    assert "no such folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[tool.mcp-workbench", "not valid TOML"),
        ("[tool.mcp-workbench]\nrequire = []", "has no key 'require'"),
        ("[tool.mcp-workbench]\nrequires = 'fastmcp'", "requires must be a list of strings"),
        ('[tool.mcp-workbench]\ndescription = "a\\nb"', "description must be one line"),
        ("[tool]\nmcp-workbench = 3", "must be a table"),
        ("[project]\nname = 'mcp-workbench-like'", "no workspace here or above"),
    ],
)
def test_a_bad_pyproject(
    text: str, says: str, make_workspace: MakeWorkspace, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_workspace(a=[SERVER])
    (folder / "pyproject.toml").write_text(text)
    assert main(["export", str(folder)]) == 2
    assert says in capsys.readouterr().err


def test_export_and_check(make_workspace: MakeWorkspace, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_workspace(a=[("server", SERVER)])
    assert main(["export", str(folder), "--check"]) == 1
    assert not (folder / "server.py").exists()
    assert '+mcp = FastMCP("Small")' in capsys.readouterr().out
    assert main(["export", str(folder)]) == 0
    assert main(["export", str(folder), "--check"]) == 0
    assert "up to date" in capsys.readouterr().out
    write_notebook(folder / "notebooks" / "01_b.ipynb", ["#| export\nextra = 1"])
    before = (folder / "server.py").read_bytes()
    assert main(["export", str(folder), "--check"]) == 1
    out, err = capsys.readouterr()
    assert "+extra = 1" in out
    assert "run `mcp-workbench export`" in err
    assert (folder / "server.py").read_bytes() == before


def test_check_of_an_edited_file_says_update(
    make_workspace: MakeWorkspace, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_workspace(a=[("server", SERVER)])
    main(["export", str(folder)])
    server = folder / "server.py"
    server.write_text(server.read_text().replace("Small", "Large"))
    assert main(["export", str(folder), "--check"]) == 1
    assert "it was edited: run `mcp-workbench update`" in capsys.readouterr().err
    assert main(["export", str(folder)]) == 1
    assert main(["export", str(folder), "--force"]) == 0


def test_another_file(make_workspace: MakeWorkspace, tmp_path: Path) -> None:
    folder = make_workspace(a=[SERVER])
    assert main(["export", str(folder), "-o", str(tmp_path / "other.py")]) == 0
    assert "FastMCP" in (tmp_path / "other.py").read_text()
    assert not (folder / "server.py").exists()


def test_from_inside_the_workspace(make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_workspace(a=[SERVER])
    monkeypatch.chdir(folder / "notebooks")
    assert main(["export"]) == 0
    assert (folder / "server.py").exists()


def test_findings_go_to_stderr_all_at_once(
    make_workspace: MakeWorkspace, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_workspace(a=[SERVER, "#| export\nprint(1)"], b=["#| export\nx = fetch()"])
    assert main(["export", str(folder)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "00_a.ipynb cell 2 (a-2), line 2: MCP212" in err
    assert "01_b.ipynb cell 1 (b-1), line 2: MCP205" in err
    assert "2 findings, nothing was written" in err
    assert not (folder / "server.py").exists()


def test_without_a_command_it_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "start here:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "own", "theirs"),
    [
        (["lab"], ["lab"], []),
        (["lab", "desk", "--", "--no-browser"], ["lab", "desk"], ["--no-browser"]),
        (["where", "--", "x"], ["where", "--", "x"], []),
    ],
)
def test_what_follows_is_jupyters(given: list[str], own: list[str], theirs: list[str]) -> None:
    assert _split(given) == (own, theirs)


def test_beside_a_copy_of_the_course_it_is_named(
    make_workspace: MakeWorkspace, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_workspace(a=[SERVER])
    home = folder.with_name("home")
    home.mkdir()
    folder.rename(home / "mcp-desk")
    assert main(["export", str(home)]) == 2
    assert "but there is one in mcp-desk. Go there, or name it." in capsys.readouterr().err
