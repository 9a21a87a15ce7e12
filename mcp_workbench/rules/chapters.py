"""A workspace as `check` sees it: the program that its finished cells make, and what else its cells do."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_workbench.findings import Finding, Refused
from mcp_workbench.rules.sources import Source

if TYPE_CHECKING:  # most checks are of files outside a workspace
    from mcp_workbench.notebook import Cell
    from mcp_workbench.tangle import Program
    from mcp_workbench.workspace import Workspace


def workspaces_of(paths: Sequence[Path]) -> dict[Path, Workspace]:
    """The notebooks among the paths that are chapters of a workspace, and which."""
    from mcp_workbench import workspace

    found: dict[Path, Workspace] = {}
    folders = dict.fromkeys(path.parent for path in paths if path.suffix == ".ipynb")
    for folder in folders:
        here = workspace.at(folder.parent) if folder.name == "notebooks" else None
        if here is not None:
            found |= dict.fromkeys(here.chapters(), here)
    return {path: found[path] for path in paths if path in found}


def made_from(path: Path) -> bool:
    """Is this a server.py as its workspace's notebooks made it? Those are checked in its place."""
    if path.name != "server.py" or not (path.parent / "notebooks").is_dir():
        return False
    from mcp_workbench.layout import is_untouched

    try:
        return is_untouched(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return False


def program_of(here: Workspace, cells: Iterable[Cell]) -> Source | list[Finding]:
    """The program that a workspace's cells make, each line as in its cell; or what export refuses."""
    from mcp_workbench import export

    try:
        program = export.made_of(cells, here).program
    except Refused as refused:
        return [
            replace(f, place=replace(f.place, chapter=str(here.notebooks / f.place.chapter)))
            for f in refused.findings
        ]
    return source_of(program, here.notebooks)


def source_of(program: Program, folder: Path) -> Source:
    """All lines of the finished cells, in the program's order; what was revised later is left blank."""
    spans = {piece.cell.address: piece.spans for piece in program.pieces}
    ordered = {piece.cell.address: piece.cell for piece in program.pieces}
    ordered |= {cell.address: cell for cell in program.cells if cell.address not in ordered}
    text: list[str] = []
    where: list[tuple[Cell, int]] = []
    for address, cell in ordered.items():
        lines = cell.source.split("\n")
        if any(name in cell.source for name in program.revised):  # else nothing of it was left out
            lines = _kept(cell, lines, spans.get(address, ()))
        text += lines
        where += [(cell, number) for number in range(1, len(lines) + 1)]
    return Source(str(folder), "\n".join(text), ast.parse("\n".join(text)), tuple(where))


def _kept(cell: Cell, lines: list[str], spans: Iterable[tuple[int, int]]) -> list[str]:
    """A cell's lines without those that a revision replaced: its imports, and what reached the program."""
    from mcp_workbench.tangle import read_cell

    part, _ = read_cell(cell)
    hoisted = part.hoisted if part else ()
    kept = {number for first, last in (*spans, *hoisted) for number in range(first, last + 1)}
    return [line if number in kept else "" for number, line in enumerate(lines, start=1)]
