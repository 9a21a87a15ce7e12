"""Where: from a line of server.py to the notebook's cell that it came from, and back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches
from pathlib import Path

from mcp_workbench import notebook, workspace
from mcp_workbench.errors import WorkbenchError
from mcp_workbench.export import export, read_target
from mcp_workbench.notebook import Cell
from mcp_workbench.sections import Layout, Section, take_apart
from mcp_workbench.workspace import Workspace

AROUND = 4
LINE = re.compile(r'(?:File ")?(?P<file>.+?\.py)(?:", line |:)(?P<line>\d+)(?::\d+)?(?:, in .*)?')
CELL = re.compile(
    r'(?:File ")?(?P<file>[^"]+?\.ipynb)#(?P<id>[^:",\s]+)(?:(?:", line |:)(?P<line>\d+))?(?:, in .*)?'
)


@dataclass(frozen=True, slots=True)
class Found:
    """A cell, a line of it (from 1), the line of server.py that it is (0: none), and what to say besides."""

    cell: Cell
    line: int
    server: Path
    server_line: int
    note: str = ""

    def __str__(self) -> str:
        lines = self.cell.source.split("\n")
        first = max(self.line - AROUND, 1)
        shown = [
            f"{'>' if number == self.line else ' '} {number:>3} | {lines[number - 1]}".rstrip()
            for number in range(first, min(self.line + AROUND, len(lines)) + 1)
        ]
        heading = f', under "{self.cell.heading}"' if self.cell.heading else ""
        named = f" ({self.cell.id})" if self.cell.id else ""
        at = f"{self.server}:{self.server_line}" if self.server_line else f"not in {self.server}"
        note = [self.note] if self.note else []
        return "\n".join(
            [
                f"{self.cell.chapter}{heading}: cell {self.cell.number}{named}, line {self.line}",
                at,
                *note,
                "",
                *shown,
            ]
        )


def where(address: str, start: Path | None = None) -> str:
    """Say where a line of server.py comes from, or where a cell's line is in it.

    Args:
        address: `server.py:123`, `04_context.ipynb#ask`, or `04_context.ipynb#ask:7` for a line of the cell;
            a line of a traceback (`File "server.py", line 123`) will do.
        start: Where to look for the workspace of a cell; default: the working folder.

    Raises:
        WorkbenchError: The address is none of these, or there is no such file, line, chapter or cell.

    >>> print(where("server.py:123"))
    01_tools.ipynb, under "Lend a copy": cell 31 (lend), line 12
    server.py:123
    ...
    """
    text = address.strip()
    if match := CELL.fullmatch(text):
        return _from_cell(match["file"], match["id"], int(match["line"] or 0), start)
    if match := LINE.fullmatch(text):
        return _from_line(Path(match["file"]), int(match["line"]), start)
    raise WorkbenchError(
        f"{address!r} is no address. Write server.py:123 for a line, or 04_context.ipynb#ask for a cell."
    )


def _from_line(file: Path, line: int, start: Path | None) -> str:
    text = read_target(file)
    if text is None:
        raise WorkbenchError(f"{file}: no such file. `mcp-workbench export` makes it.")
    count = len(text.splitlines())
    if not 1 <= line <= count:
        raise WorkbenchError(f"{file} has lines 1 to {count}, and no line {line}.")
    layout = take_apart(text)
    if layout is None:
        raise WorkbenchError(f"{file}: no export wrote this file, so its lines come from no cell.")
    here = _workspace_of(file, start)
    section = layout.section_at(line)
    if section is None:
        return f"{file}:{line}\n{_around_the_cells(here, layout, text, line)}"
    chapter, _, cell_id = section.address.partition("#")
    cell = _cell(here, chapter, cell_id)
    found, note = _line_in_cell(here, text, layout, section, cell, max(line - section.start + 1, 1))
    return str(Found(cell, found, file, line, note))


def _workspace_of(file: Path, start: Path | None) -> Workspace:
    """The workspace that the file lies in; of a server.py written elsewhere, the one we are in."""
    try:
        return workspace.find(file.parent)
    except WorkbenchError:
        return workspace.find(start)


def _around_the_cells(here: Workspace, layout: Layout, text: str, line: int) -> str:
    """What the lines are that belong to no cell, and where they are made."""
    if line >= layout.tail_start:
        return "The tail, which export writes: a finished cell that defines `main` takes its place."
    if line < layout.imports_start or not layout.imports:
        if line <= layout.head.split('"""\n')[0].count("\n") + 1:
            return "The docstring: `description` of [tool.mcp-workbench] in pyproject.toml."
        return (
            "The head: `requires` of [tool.mcp-workbench] in pyproject.toml, and hashes that export writes."
        )
    words = set(re.findall(r"\w+", text.split("\n")[line - 1].partition("#")[0]))
    homes = [item.cell.address for item in export(here).program.imports if item.binds in words]
    named = f": {', '.join(dict.fromkeys(homes))}" if homes else ""
    return f"The imports: export gathers them from the tops of the finished cells{named}."


def _line_in_cell(
    here: Workspace, text: str, layout: Layout, section: Section, cell: Cell, line: int
) -> tuple[int, str]:
    """The line of the cell for a line of its section, and a note where the two are not the same text."""
    made = export(here)
    for piece in made.program.pieces:
        if piece.cell.address == cell.address and piece.text == section.text:
            return piece.line_in_cell(min(line, piece.text.count("\n") + 1)), ""
    theirs, ours = section.text.split("\n"), cell.source.split("\n")
    nearest = 1
    for block in SequenceMatcher(None, theirs, ours, autojunk=False).get_matching_blocks():
        if block.a < line and block.size:
            nearest = block.b + min(line - 1 - block.a, block.size - 1) + 1
    return nearest, "The file and the notebook differ here; this is the nearest line. See `export --check`."


def _from_cell(chapter: str, cell_id: str, line: int, start: Path | None) -> str:
    here = workspace.find(start)
    cell = _cell(here, Path(chapter).name, cell_id)
    count = cell.source.count("\n") + 1
    if line > count:
        raise WorkbenchError(f"{cell.address} has {count} lines, and no line {line}.")

    def found(note: str, line: int = line or 1, server_line: int = 0) -> str:
        return str(Found(cell, line, here.server, server_line, note))

    if not cell.finished:
        return found("The cell is not marked `#| export`: it stays in the notebook.")
    made = export(here)
    for piece, begin in zip(made.program.pieces, made.starts, strict=True):
        if piece.cell.address == cell.address:
            numbers = [n for first, last in piece.spans for n in range(first, last + 1)]
            wanted = line or numbers[0]
            if wanted not in numbers:
                return found("The line is a mark, an import that was gathered at the top, or revised later.")
            stale = read_target(here.server) != made.text
            note = "server.py is not up to date: this is its line after an export." if stale else ""
            return found(note, wanted, begin + numbers.index(wanted))
    return found("Nothing of it is left there: imports are gathered at the top, and revised definitions go.")


def _cell(here: Workspace, chapter: str, cell_id: str) -> Cell:
    """A cell by its id, or by its number where nothing has that id."""
    path = here.notebooks / chapter
    if not path.is_file():
        close = get_close_matches(chapter, [p.name for p in here.chapters()], n=1, cutoff=0.3)
        raise WorkbenchError(f"{path}: no such chapter.{f' Did you mean {close[0]}?' if close else ''}")
    cells = notebook.read(path)
    for cell in cells:
        if cell_id in (cell.id, str(cell.number)):
            return cell
    close = get_close_matches(cell_id, [cell.id for cell in cells if cell.id], n=1, cutoff=0.3)
    hint = f"Did you mean {close[0]}?" if close else "Export again if the notebook changed."
    raise WorkbenchError(f"{chapter} has no code cell {cell_id!r}. {hint}")
