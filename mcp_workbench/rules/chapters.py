"""A workspace as `check` sees it: the program that its finished cells make, and what else its cells do."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_workbench.findings import Finding, Refused
from mcp_workbench.rules.sources import NotReadable, Source

if TYPE_CHECKING:  # most checks are of files outside a workspace
    from mcp_workbench.notebook import Cell
    from mcp_workbench.tangle import Program
    from mcp_workbench.workspace import Workspace


def workspace_of(path: Path) -> Workspace | None:
    """The workspace that a notebook is a chapter of."""
    if path.suffix != ".ipynb" or path.parent.name != "notebooks":
        return None
    from mcp_workbench import workspace

    here = workspace.at(path.parent.parent)
    return here if here is not None and path in here.chapters() else None


def made_from(path: Path) -> bool:
    """Is this a server.py as its workspace's notebooks made it? Those are checked in its place."""
    if path.name != "server.py" or not (path.parent / "notebooks").is_dir():
        return False
    from mcp_workbench.layout import is_untouched

    try:
        return is_untouched(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return False


def program_of(here: Workspace) -> Source | list[Finding]:
    """The workspace's program, each line as it stands in its cell; or what export refuses (MCP201 on)."""
    from mcp_workbench import export

    folder = here.notebooks
    try:
        program = export.export(here).program
    except Refused as refused:
        return [
            replace(f, place=replace(f.place, chapter=str(folder / f.place.chapter)))
            for f in refused.findings
        ]
    return source_of(program, folder)


def source_of(program: Program, folder: Path) -> Source:
    """All lines of the finished cells, in the program's order; what was revised later is left blank."""
    from mcp_workbench.tangle import read_cell

    spans = {piece.cell.address: piece.spans for piece in program.pieces}
    ordered = {piece.cell.address: piece.cell for piece in program.pieces}
    ordered |= {cell.address: cell for cell in program.cells if cell.address not in ordered}
    text: list[str] = []
    where: list[tuple[Cell, int]] = []
    for address, cell in ordered.items():
        part, _ = read_cell(cell)
        hoisted = part.hoisted if part else ()
        kept = {n for first, last in (*spans.get(address, ()), *hoisted) for n in range(first, last + 1)}
        for number, line in enumerate(cell.source.split("\n"), start=1):
            text.append(line if number in kept else "")
            where.append((cell, number))
    return Source(str(folder), "\n".join(text), ast.parse("\n".join(text)), tuple(where))


def chapters_read(here: Workspace) -> Iterable[tuple[Path, tuple[Cell, ...]]]:
    """Each chapter with its code cells.

    Raises:
        NotReadable: A chapter is no notebook.
    """
    from mcp_workbench import notebook

    for path in here.chapters():
        try:
            yield path, notebook.read(path)
        except Exception as error:
            raise NotReadable(str(error)) from error
