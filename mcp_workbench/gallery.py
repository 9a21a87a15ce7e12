"""What chapter 13, the error gallery, shows with: `check` asked about a cell, and a terminal."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterable
from pathlib import Path

from mcp_workbench.errors import WorkbenchError
from mcp_workbench.findings import Finding
from mcp_workbench.live import cells_run
from mcp_workbench.notebook import Cell
from mcp_workbench.rules.checking import WRONG, asked, check_source
from mcp_workbench.rules.project import Project
from mcp_workbench.rules.sources import AWAITED, of_cells

HERE = "cell.ipynb"
FRAMES = re.compile(r"^(?:Traceback|  File ).*\n(?: .*\n)*", re.MULTILINE)
SECONDS = 60
SETTINGS = {
    "NO_COLOR": "1",
    "COLUMNS": "200",
    "TZ": "JST-9",  # a clock that is not UTC's shows what mistakes it for that
    "PYTHONWARNINGS": "ignore",
    "FASTMCP_ENABLE_RICH_LOGGING": "false",
    "FASTMCP_LOG_LEVEL": "ERROR",
    "FASTMCP_SHOW_SERVER_BANNER": "false",
}


def check_cell() -> None:
    """Print what `mcp-workbench check` says of the cell that was run last, read as it would be meant.

    Raises:
        WorkbenchError: No notebook's kernel runs this.

    >>> check_cell()
    MCP004 the address 'config' has no scheme
        @mcp.resource("config")
      do: Give it one, such as 'data://config'.
    """
    cells = [source for source in cells_run() if "check_cell()" not in source]
    if not cells:
        raise WorkbenchError("no cell was run before this one; of files, ask `mcp-workbench check`")
    found = findings(cells[-1], cells[:-1])
    for finding in found:
        print(f"{finding.code} {finding.what}\n    {finding.place.source.strip()}\n  do: {finding.do}")
    if not found:
        print("nothing found")


def findings(source: str, before: Iterable[str] = ()) -> list[Finding]:
    """What check finds in a cell, read as it would be meant, with the imports of the cells before it."""
    imports = dict.fromkeys(line for cell in before for line in _imports(cell))
    cells = [Cell(HERE, 1, "", "", "\n".join(imports)), Cell(HERE, 2, "", "", meant(source))]
    read = of_cells(HERE, cells)
    found = [read] if isinstance(read, Finding) else check_source(read, Project(), asked((), ()))
    return [finding for finding in found if finding.place.cell == 2]


def meant(source: str) -> str:
    """A cell that is meant to fail as it would be meant: its names without `_wrong`, and no expect_error.

    >>> print(meant('with expect_error(TypeError):\\n    mcp_wrong = FastMCP(port=8000)'))
    mcp = FastMCP(port=8000)
    """
    while (block := _expecting(_parsed(source))) is not None:
        source = _opened(source.split("\n"), block)
    return WRONG.sub("", source)


def _expecting(tree: ast.Module) -> ast.With | None:
    """The first `with expect_error(...):` in a cell."""
    for node in ast.walk(tree):
        called = node.items[0].context_expr if isinstance(node, ast.With) else None
        named = called.func if isinstance(called, ast.Call) else None
        if isinstance(node, ast.With) and isinstance(named, ast.Name) and named.id == "expect_error":
            return node
    return None


def _opened(lines: list[str], block: ast.With) -> str:
    """The text with the statements of a block in the block's place."""
    first = block.body[0]
    decorators = getattr(first, "decorator_list", [])
    begin = min(node.lineno for node in (first, *decorators))
    body = lines[begin - 1 : block.end_lineno]
    inner = slice(block.lineno - 1, block.end_lineno)
    lines[inner] = [(" " * block.col_offset + line[first.col_offset :]).rstrip() for line in body]
    return "\n".join(lines)


def _imports(source: str) -> list[str]:
    """The imports at a cell's top level; of a cell that is no Python none."""
    try:
        tree = _parsed(source)
    except SyntaxError:
        return []
    return [ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]


def _parsed(source: str) -> ast.Module:
    tree: ast.Module = compile(source, HERE, "exec", ast.PyCF_ONLY_AST | AWAITED, dont_inherit=True)
    return tree


def terminal(*commands: str, match: str = "", only: str = "", port: str = "8000", **files: str) -> None:
    """Write files into a new folder, run commands there, and print what a terminal shows.

    Of tracebacks the last lines are left, and of places FOLDER (the new one) and SITE (installed packages).

    Args:
        commands: As they are typed; `python`, `fastmcp` and `mcp-workbench` are those of this environment.
        match: A regular expression that must be found in what is printed.
        only: One that a line must match to be printed.
        port: What takes the place of 8000 in the files; it is printed as 8000.
        files: Texts of Python files, by name without `.py`.

    Raises:
        AssertionError: `match` is not found.

    >>> terminal("python server.py", match="nothing", server="import nothing")
    $ python server.py
    ModuleNotFoundError: No module named 'nothing'
    exit code 1
    """
    said = []
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            Path(folder, f"{name}.py").write_text(text.lstrip().replace("8000", port), encoding="utf-8")
        for command in commands:
            done = subprocess.run(
                command.split(),
                cwd=folder,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
            lines = _without_places(FRAMES.sub("", done.stdout + done.stderr), folder).splitlines()
            said += [f"$ {command}", *(line for line in lines if line.strip() and re.search(only, line))]
            said += [f"exit code {done.returncode}"] if done.returncode else []
    shown = "\n".join(said).replace(port, "8000")
    if not re.search(match, shown):
        raise AssertionError(f"{match!r} is not in what was printed:\n{shown}")
    print(shown)


def _environment() -> dict[str, str]:
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    kept = {name: value for name, value in os.environ.items() if name != "FORCE_COLOR"}
    return {**kept, **SETTINGS, "PATH": path}


def _without_places(text: str, folder: str) -> str:
    places = {os.path.realpath(folder): "FOLDER", folder: "FOLDER", sysconfig.get_path("purelib"): "SITE"}
    for place, name in places.items():
        text = text.replace(place, name)
    return text
