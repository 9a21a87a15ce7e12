"""Which files are checked, and their text: Python files as they are, a notebook as one text of all cells."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mcp_workbench.errors import WorkbenchError
from mcp_workbench.findings import Finding, Place

if TYPE_CHECKING:
    from mcp_workbench.notebook import Cell

MOST_BYTES = 5_000_000
LEFT_OUT = frozenset(
    {"__pycache__", "build", "dist", "node_modules", "site-packages", "venv", "env", "__pypackages__"}
)
COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
MAGIC = re.compile(r"^(\s*)(?:[%!?].*|[\w., ]+=\s*[%!].*|[\w.]+\?{1,2}\s*)$", re.MULTILINE)
AWAITED = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


class NotReadable(Exception):  # noqa: N818  # what is so, not what went wrong
    """A file that cannot be checked; the text is the reason."""


class Source(NamedTuple):
    """What is checked: a file's text, and of notebooks the cell and line of each of its lines.

    `cells` has for each line of `text` its cell and the line in it, and is empty for a Python file; `path` is
    then the notebook, or the folder of several.
    """

    path: str
    text: str
    tree: ast.Module
    cells: tuple[tuple[Cell, int], ...] = ()

    def cell_at(self, line: int) -> Cell | None:
        """The cell that a line of the text stands in; None in a Python file."""
        return self.cells[line - 1][0] if 0 < line <= len(self.cells) else None

    def placed(self, finding: Finding) -> Finding:
        """The finding with the places that a reader knows: of a notebook the cell and its lines."""
        place, edits = finding.place, finding.edits
        cell = self.cell_at(place.line)
        if cell is None:
            return finding
        path = self.path if self.path.endswith(".ipynb") else os.path.join(self.path, cell.chapter)  # noqa: PTH118
        end = self.cells[min(place.end_line, len(self.cells)) - 1][1]
        line = self.cells[place.line - 1][1]
        place = replace(place, chapter=path, cell=cell.number, cell_id=cell.id, line=line, end_line=end)
        if any(self.cell_at(e.line) is not cell or self.cell_at(e.end_line) is not cell for e in edits):
            return replace(finding, place=place, edits=(), unfixed="The change concerns more than one cell.")
        moved = [
            replace(e, line=self.cells[e.line - 1][1], end_line=self.cells[e.end_line - 1][1]) for e in edits
        ]
        return replace(finding, place=place, edits=tuple(moved))


def files_in(paths: Iterable[Path]) -> Iterator[Path]:
    """The Python files and notebooks that are named, or stand in folders that are named, each once.

    Left out: what starts with a dot, virtual environments, and what others built or installed. Folders behind
    symbolic links are not entered, so no circle is.
    """
    seen: set[str] = set()
    for path in paths:
        for file in [path] if not path.is_dir() else _walk(path):
            real = os.path.realpath(file)
            if real not in seen:
                seen.add(real)
                yield file


def _walk(folder: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(
            name
            for name in folders
            if name not in LEFT_OUT
            and not name.startswith(".")
            and not os.path.exists(os.path.join(here, name, "pyvenv.cfg"))  # noqa: PTH110, PTH118  # fast
        )
        for name in sorted(files):
            if name.endswith((".py", ".ipynb")) and not name.startswith("."):
                yield Path(here) / name


def text_of(path: Path) -> str:
    """A Python file's text, in the encoding that it declares.

    Raises:
        NotReadable: It cannot be opened, is too big, binary, or in another encoding than it says.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise NotReadable(f"bigger than {MOST_BYTES // 1_000_000} MB")
        data = path.read_bytes()
    except OSError as error:
        raise NotReadable((error.strerror or str(error)).lower()) from error
    if b"\0" in data:
        raise NotReadable("binary, not Python")
    encoding = "utf-8-sig"
    for line in data.split(b"\n", 2)[:2]:
        if declared := COOKIE.match(line):
            encoding = declared[1].decode("ascii")
            if encoding.casefold() in ("utf-8", "utf8"):
                encoding = "utf-8-sig"
            break
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise NotReadable(f"not {encoding.removesuffix('-sig')}: {error}") from error


def read(path: Path) -> Source | Finding:
    """A file, parsed; or the one finding that says why it is no Python.

    Raises:
        NotReadable: It cannot be read at all.
    """
    if path.suffix == ".ipynb":
        return _read_notebook(path)
    text = text_of(path)
    try:
        return Source(str(path), text, ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return _no_python(Place(str(path)), error, text.splitlines())


def _read_notebook(path: Path) -> Source | Finding:
    from mcp_workbench import notebook

    try:
        if path.stat().st_size > MOST_BYTES:
            raise NotReadable(f"bigger than {MOST_BYTES // 1_000_000} MB")
        cells = notebook.read(path)
    except OSError as error:
        raise NotReadable((error.strerror or str(error)).lower()) from error
    except WorkbenchError as error:
        raise NotReadable(str(error).removeprefix(f"{path}: ")) from error
    return of_cells(str(path), cells)


def of_cells(path: str, cells: Iterable[Cell]) -> Source | Finding:
    """The cells of a notebook as one text, magics aside; or the one finding on a cell that is no Python."""
    texts: list[str] = []
    lines: list[tuple[Cell, int]] = []
    body: list[ast.stmt] = []
    for cell in cells:
        plain = _plain(cell.source)
        try:
            tree = compile(plain, path, "exec", ast.PyCF_ONLY_AST | AWAITED, dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            place = Place(path, cell.number, cell.id)
            return _no_python(place, error, cell.source.splitlines())
        ast.increment_lineno(tree, len(lines))
        body += tree.body
        texts += plain.splitlines() or [""]
        lines += [(cell, number) for number in range(1, len(plain.splitlines() or [""]) + 1)]
    return Source(path, "\n".join(texts), ast.Module(body, []), tuple(lines))


def _plain(source: str) -> str:
    """A cell without its magics: a `pass` stands in their place, and nothing of a `%%` cell."""
    if source.lstrip().startswith("%%"):
        return "\n" * source.count("\n")
    return MAGIC.sub(r"\1pass", source)


def _no_python(place: Place, error: BaseException, lines: list[str]) -> Finding:
    line = getattr(error, "lineno", None) or 1
    column = max((getattr(error, "offset", None) or 1) - 1, 0)
    source = lines[line - 1] if line <= len(lines) else ""
    what = f"invalid Python: {getattr(error, 'msg', None) or str(error) or type(error).__name__}"
    return Finding(
        "MCP202",
        replace(place, line=line, column=column, source=source, end_line=line, end_column=len(source)),
        what,
        "A file that does not parse cannot be imported, and nothing else in it was checked.",
        "Put the syntax right.",
    )
