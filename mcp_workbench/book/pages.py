"""The pages that no chapter is: the first one, and server.py with its cells. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from mcp_workbench.book.chapters import label
from mcp_workbench.book.messages import escaped
from mcp_workbench.notebook import HEADING, source_of
from mcp_workbench.sections import Layout, Section

PROSE = re.compile(r"^[A-Za-z*`].*$", re.MULTILINE)


def first(
    title: str, description: str, chapters: Mapping[str, Mapping[str, Any]], others: Sequence[str]
) -> str:
    """The first page: what the server is, its chapters, and where to look things up.

    Args:
        title: The server's name.
        description: The workspace's.
        chapters: Notebooks by name, in order.
        others: The names of the other pages.
    """
    parts = [
        f"# {escaped(title)}",
        escaped(description),
        "An MCP server, built in notebooks, of which each chapter is one. The cells marked *in server.py* "
        "make the file that is deployed; the others try things.",
        "## Chapters",
        *(f"{{doc}}`{stem}`\n: {_about(notebook)}" for stem, notebook in chapters.items()),
        "## Look things up",
        "\n".join(f"- {{doc}}`{name}`" for name in others),
        _toctree("Chapters", chapters),
        _toctree("Look things up", others),
    ]
    return "\n\n".join(parts) + "\n"


def _about(notebook: Mapping[str, Any]) -> str:
    """The first sentences of a chapter, without links; else how many cells it has."""
    for cell in notebook["cells"][:3]:
        text = source_of(cell) if cell["cell_type"] == "markdown" else ""
        if found := PROSE.search(HEADING.sub("", text)):
            return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", found[0])
    return f"{len(notebook['cells'])} cells."


def _toctree(caption: str, names: Sequence[str] | Mapping[str, Any]) -> str:
    return "\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", "", *names, "```"])


def server(layout: Layout) -> str:
    """server.py, a heading for each of its cells, with a link back to the cell."""
    parts = [
        "# server.py",
        "The file that the finished cells make: {download}`server.py`. Line numbers are the file's.",
        "## Head and imports",
        _code(f"{layout.head.rstrip()}\n", 1),
        _code(layout.imports, layout.imports_start),
    ]
    for section in layout.sections:
        parts += _section(section)
    parts += ["## How the server starts", _code(layout.tail, layout.tail_start)]
    return "\n\n".join(parts) + "\n"


def _section(section: Section) -> list[str]:
    stem, _, cell = section.address.partition(".ipynb#")
    heading = section.title.partition("  ")[2]
    under = f', under "{escaped(heading)}"' if heading else ""
    return [
        f"({label('server', stem, cell)})=\n## {cell}",
        f"[The cell](#{label('cell', stem, cell)}) in {{doc}}`{stem}`{under}.",
        _code(section.text, section.start),
    ]


def _code(text: str, start: int) -> str:
    return f"``````{{code-block}} python\n:lineno-start: {start}\n\n{text}\n``````" if text.strip() else ""
