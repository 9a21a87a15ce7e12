"""Chapter 13, the error gallery, and the rules of `check`: each holds for the other."""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import ROOT
from notebook_style import Cell, is_code, source

from mcp_workbench import WorkbenchError, gallery, live
from mcp_workbench.rules import RULES
from mcp_workbench.rules.checking import asked, check

CELLS: list[Cell] = json.loads((ROOT / "notebooks" / "13_errors.ipynb").read_text("utf-8"))["cells"]
CODES = sorted(code for code in RULES if code <= "MCP025")
DEFAULT = tuple(code for code, rule in RULES.items() if rule.default)
HEADING = re.compile(r"^### (MCP\d+) (.+)$", re.MULTILINE)
Files = dict[str, str]
each_code = pytest.mark.parametrize("code", CODES)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where nothing lies beside a cell: check would read the modules that it imports."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def section(code: str) -> list[Cell]:
    """The cells under an error's heading."""
    start = next(n for n, cell in enumerate(CELLS) if not is_code(cell) and f"### {code} " in source(cell))
    rest = CELLS[start + 1 :]
    end = next(n for n, cell in enumerate(rest) if not is_code(cell) and re.search("^##", source(cell), re.M))
    return [CELLS[start], *rest[:end]]


def versions(code: str, kind: str) -> list[Cell]:
    """The cells with an error's wrong or right versions."""
    return [cell for cell in section(code) if is_code(cell) and cell["id"].endswith(f"-{kind}")]


def before(cell: Cell) -> list[str]:
    return [source(other) for other in CELLS[: CELLS.index(cell)] if is_code(other)]


def files(code: str, until: Cell) -> Files:
    """The texts of files that a section has bound up to a cell, that included; of each name the last one."""
    bound: Files = {}
    for cell in section(code):
        if is_code(cell):
            bound |= dict(_texts(source(cell)))
        if cell is until:
            return bound
    raise AssertionError(until["id"])


def _texts(cell: str) -> Iterator[tuple[str, str]]:
    tree = compile(cell, "cell", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    for node in tree.body:
        value = node.value if isinstance(node, ast.Assign) else None
        text = value.value if isinstance(value, ast.Constant) else None
        if isinstance(text, str) and "\n" in text:
            yield node.targets[0].id, text


def codes_found(code: str, cell: Cell, folder: Path) -> set[str]:
    """What check finds in a version, be it a cell or files of a project; asked for this code, too."""
    bound = files(code, cell)
    wrong = cell["id"].endswith("wrong")
    if ("server_wrong" if wrong else "server") not in dict(_texts(source(cell))):
        return {finding.code for finding in gallery.findings(source(cell), before(cell))}
    kept = {
        name.removesuffix("_wrong"): text for name, text in bound.items() if wrong or "_wrong" not in name
    }
    for name, text in kept.items():
        (folder / f"{name}.py").write_text(text.lstrip())
    all_of_it = any('"mcp-workbench check ."' in source(other) for other in section(code))
    found = check([folder if all_of_it else folder / "server.py"], asked((*DEFAULT, code), ()))
    assert not found.unreadable
    return {finding.code for finding in found.findings}


def test_there_is_a_section_for_each_of_the_25_in_the_order_of_its_group() -> None:
    assert len(CODES) == 25
    text = "\n\n".join(source(cell) for cell in CELLS if not is_code(cell))
    groups = [[code for code, _ in HEADING.findall(group)] for group in re.split(r"^## ", text, flags=re.M)]
    assert all(group == sorted(group) for group in groups)
    assert sorted(code for group in groups for code in group) == CODES


@each_code
def test_the_wrong_version_is_found(code: str, folder: Path) -> None:
    wrong = versions(code, "wrong")
    assert wrong
    for cell in wrong:
        assert "_wrong" in source(cell)
        assert code in codes_found(code, cell, folder), cell["id"]


@each_code
def test_the_right_version_is_not_found(code: str, folder: Path) -> None:
    right = versions(code, "right")
    assert right
    for cell in right:
        assert codes_found(code, cell, folder) == set()


@each_code
def test_the_section_says_what_check_says_and_asserts_that_the_fix_works(code: str) -> None:
    cells = [cell for cell in section(code) if is_code(cell)]
    assert any(re.search(r"check_cell\(\)|, CHECK, |mcp-workbench check ", source(cell)) for cell in cells)
    works = cells[-1]
    assert works["id"].endswith("-works")
    assert re.search(r"^assert |^terminal\(.+, match=", source(works), re.M)
    assert (
        cells.index(works)
        > cells.index(versions(code, "right")[-1])
        > cells.index(versions(code, "wrong")[-1])
    )


@each_code
def test_the_messages_are_those_that_the_rule_tells(code: str) -> None:
    """What the heading quotes, and what expect_error expects, stands in the rule's `happens`."""
    happens = RULES[code].happens
    (title,) = [title for found, title in HEADING.findall(source(section(code)[0])) if found == code]
    quoted = re.findall(r'"([^"]+)"', title)
    expected = [
        message
        for cell in versions(code, "wrong")
        for message in re.findall(r'(?:expect_error\(\w+|terminal\(.+), match="([^"]+)"', source(cell))
    ]
    for message in (*quoted, *expected):
        assert message.replace(" +", " ") in happens, message


def test_the_table_has_all_codes_and_only_messages_that_the_rules_tell() -> None:
    (table,) = [source(cell) for cell in CELLS if cell["id"] == "all-messages"]
    rows = re.findall(r"^\| (.+) \| (MCP\d+(?:, MCP\d+)*) \| .+ \|$", table, re.M)
    seen = set()
    for text, codes in rows:
        seen |= set(codes.split(", "))
        if re.fullmatch("`[^`]+`", text):
            assert all(text.strip("`") in RULES[code].happens for code in codes.split(", ")), text
    assert seen == set(CODES)


class TestMeant:
    def test_what_is_expected_to_fail_stands_in_its_place(self) -> None:
        cell = (
            "mcp_wrong = 1\n"
            "with expect_error(\n    ValueError, match='x',\n):\n"
            "    @mcp_wrong.tool\n    def f() -> str:\n        return 'a_wrong'\n\n    x_wrong_2 = 1\n"
            "if 1:\n    with expect_error(TypeError): await f(mcp_wrong)"
        )
        assert gallery.meant(cell) == (
            "mcp = 1\n@mcp.tool\ndef f() -> str:\n    return 'a'\n\nx_wrong_2 = 1\nif 1:\n    await f(mcp)"
        )

    def test_in_each_other_and_other_blocks(self) -> None:
        cell = "with expect_error(A):\n    with expect_error(B):\n        f()\n    with open(x):\n        g()"
        assert gallery.meant(cell) == "f()\nwith open(x):\n    g()"


@pytest.mark.usefixtures("folder")
class TestCheckCell:
    WRONG = (
        'mcp_wrong = FastMCP("desk")\nwith expect_error(ValueError):\n'
        '    @mcp_wrong.resource("config")\n    def config() -> str:\n        return "{}"'
    )

    def ask(self, monkeypatch: pytest.MonkeyPatch, *cells: str) -> None:
        history = SimpleNamespace(input_hist_raw=["", *cells, "check_cell()"])
        shell = SimpleNamespace(history_manager=history)
        monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
        gallery.check_cell()

    def test_it_speaks_of_the_last_cell_that_does_not_ask(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.ask(monkeypatch, "%time x", "from fastmcp import FastMCP", self.WRONG, "check_cell()")
        assert capsys.readouterr().out == (
            "MCP004 the address 'config' has no scheme\n"
            '    @mcp.resource("config")\n'
            "  do: Give it one, such as 'data://config'.\n"
        )
        self.ask(monkeypatch, "from fastmcp import FastMCP", self.WRONG, "x = 1")
        assert capsys.readouterr().out == "nothing found\n"

    def test_the_imports_are_those_of_the_cells_before(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.ask(monkeypatch, self.WRONG)
        assert capsys.readouterr().out == "nothing found\n"

    def test_without_a_kernel(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(live, "running_shell", lambda: None)
        with pytest.raises(WorkbenchError, match="mcp-workbench check"):
            gallery.check_cell()


class TestTerminal:
    def test_it_prints_what_one_reads(self, capsys: pytest.CaptureFixture[str]) -> None:
        server = """
import other, sys
def fail():
    print("\\nport 8000\\n")
    raise ValueError(f"in {other.__file__}, at {sys.argv[0]}")
fail()
"""
        commands = ("python server.py", "python other.py")
        gallery.terminal(*commands, match="port 8000", server=server, other="", port="4711")
        assert capsys.readouterr().out == (
            "$ python server.py\nport 8000\nValueError: in FOLDER/other.py, at server.py\nexit code 1\n"
            "$ python other.py\n"
        )

    def test_the_port_is_another_one_while_it_runs(self, capsys: pytest.CaptureFixture[str]) -> None:
        gallery.terminal("python server.py", server="print(8000 + 1)", port="4711")
        assert capsys.readouterr().out.endswith("\n4712\n")

    def test_only_some_lines(self, capsys: pytest.CaptureFixture[str]) -> None:
        gallery.terminal("python server.py", only="^b", server="print('a\\nb\\n\\nbc')")
        assert capsys.readouterr().out == "$ python server.py\nb\nbc\n"

    def test_it_fails_where_what_it_expects_is_not_said(self) -> None:
        with pytest.raises(AssertionError, match=r"'oops' is not in what was printed:\n\$ python server.py"):
            gallery.terminal("python server.py", match="oops", server="")

    def test_it_knows_this_environments_commands(self, capsys: pytest.CaptureFixture[str]) -> None:
        gallery.terminal("mcp-workbench check server.py", match="MCP024", server="from fastmcp import Icon")
        assert "exit code 1" in capsys.readouterr().out
