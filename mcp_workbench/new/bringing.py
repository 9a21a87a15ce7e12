"""Bring a server in: an existing server.py becomes chapters, and exporting them gives the same program back.

path ──read──▶ original ──cut──▶ blocks ──join──▶ blocks ──page──▶ notebooks ──export──▶ the same program
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mcp_workbench import notebook
from mcp_workbench.errors import WorkbenchError
from mcp_workbench.export import made_of
from mcp_workbench.findings import Finding, Refused
from mcp_workbench.layout import TAIL_TITLE
from mcp_workbench.new.cutting import Block, cut
from mcp_workbench.new.joining import join
from mcp_workbench.new.paging import Page, checked_text, notebooks_of, pages_by_address, pages_by_comments
from mcp_workbench.new.reading import MARK, Original, read
from mcp_workbench.new.sameness import difference
from mcp_workbench.notebook import Cell
from mcp_workbench.workspace import FASTMCP, PYTHON, Workspace


@dataclass(frozen=True, slots=True)
class Brought:
    """A server as chapters: `notebooks` are JSON by file name, `requires` what its PEP 723 block asks for,
    `description` the first line of its docstring, `notes` lines for the person who brings it."""

    notebooks: dict[str, str]
    requires: tuple[str, ...]
    description: str
    notes: tuple[str, ...]


def bring(server: Path, name: str) -> Brought:
    """Make chapters of a server.py; nothing is written, and the file is not run.

    Args:
        server: The file.
        name: The name of the workspace.

    Raises:
        WorkbenchError: The file cannot be read, or its chapters would not be the same program.
        Refused: It has what no server can have, or no chapter; every finding, with file and line.

    >>> list(bring(Path("server.py"), "desk").notebooks)
    ['00_the_server.ipynb']
    """
    original = read(server)
    checked = _checked(server)
    blocks = cut(original.tree, original.lines, original.servers)
    problem = ""
    for paged in (_as_exported, _by_comments):
        pages = paged(blocks, original)
        if not pages:
            continue
        notebooks = notebooks_of(pages, original, name, checked)
        problem = _problem(notebooks, original)
        if not problem:
            return Brought(notebooks, original.requires, _description(original), original.notes)
    raise WorkbenchError(
        f"{server}: its chapters would not be the same program: {problem}. Nothing was written. "
        "Where that line needs its place, put what belongs together into one function.",
        exit_code=1,
    )


def _as_exported(blocks: list[Block], original: Original) -> list[Page]:
    return pages_by_address(blocks)


def _by_comments(blocks: list[Block], original: Original) -> list[Page]:
    plain = [Block(b.first, b.last, b.units, b.title, b.section, b.prose) for b in blocks]
    return pages_by_comments(join(plain, partial(_cells, original)), original)


def _cells(original: Original, blocks: Sequence[Block]) -> list[Cell]:
    texts = [*(block.text(original.lines) for block in blocks), *original.added]
    return [Cell("00_all.ipynb", n, f"c{n}", "", MARK + text) for n, text in enumerate(texts)]


def _problem(notebooks: dict[str, str], original: Original) -> str:
    """What keeps the chapters from being the same program; "" where they are."""
    cells = [cell for file, text in notebooks.items() for cell in notebook.code_cells(json.loads(text), file)]
    here = Workspace(Path("brought"), "A server.", original.requires or (FASTMCP,), PYTHON)
    try:
        made = made_of(cells, here)
    except Refused as refused:
        return f"export refuses them: {refused.findings[0].what} ({refused.findings[0].place})"
    text = made.text.rpartition(TAIL_TITLE)[0]  # below it stands export's own `main`
    return difference(original.text, text, original.added)


def _description(original: Original) -> str:
    """The first line of the docstring, where it can be one of server.py."""
    line = original.docstring.partition("\n")[0].strip()
    return "" if '"""' in line or "\\" in line else line.removesuffix('"')


def _checked(server: Path) -> str:
    """What `check` says of the file, with its name but not its folder."""
    from mcp_workbench.rules.checking import asked, check

    found = check([server], asked((), ()))
    lines = [_told(finding) for finding in found.findings]
    lines += [line.replace(str(server), server.name) for line in found.unreadable]
    return checked_text(lines, server.name)


def _told(finding: Finding) -> str:
    what, do = (" ".join(text.split()) for text in (finding.what, finding.do))
    return f"line {finding.place.line}: `{finding.code}` {what}. {do}"
