"""A chapter as a page: what is folded, what is left out, and what is marked as part of server.py. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from mcp_workbench.book.diagrams import as_svg
from mcp_workbench.course.exercises import stub, tags
from mcp_workbench.notebook import MARK, source_of

Cell = dict[str, Any]
CODE = re.compile(r"(^```.*?^```|`[^`\n]*`)", re.MULTILINE | re.DOTALL)
EMPHASIS = re.compile(r"(?<![*\w])\*([A-Za-z][\w -]*)\*(?![*\w])")
MESSAGE = re.compile(r"^(#+ MCP\d{3} )", re.MULTILINE)
TITLE = re.compile(r"# \S")
MERMAID = "text/vnd.mermaid"
FOLDED = {"docassert": "Assertions", "hint": "Hint", "solution": "Solution"}
Terms = Mapping[str, str]


def label(*parts: str) -> str:
    """The name of an anchor, one for the whole book.

    >>> label("cell", "01_tools", "find-books")
    'cell-01-tools-find-books'
    """
    return re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")


def page(notebook: Mapping[str, Any], stem: str, in_server: Iterable[str], terms: Terms) -> dict[str, Any]:
    """The notebook that the book shows in the place of a chapter.

    Args:
        notebook: The chapter's JSON, executed or not.
        stem: Its file name without `.ipynb`.
        in_server: The ids of its cells whose text stands in server.py.
        terms: What the glossary explains, in lower case, and how it spells it.

    >>> page(notebook, "01_tools", {"find-books"}, {"tool": "tool"})["cells"][0]["source"]
    '(cell-01-tools-title)=\\n# 01 Tools'
    """
    kept = frozenset(in_server)
    cells = [
        shown
        for cell in notebook["cells"]
        if "wrong" not in tags(cell)
        for shown in (_text if cell["cell_type"] == "markdown" else _code)(cell, stem, kept, terms)
    ]
    if not cells or not TITLE.match(source_of(notebook["cells"][0])):
        cells.insert(0, _markdown(f"# {stem}"))
    return {**notebook, "cells": [{**cell, "id": f"c{number}"} for number, cell in enumerate(cells)]}


def linked(text: str, terms: Terms) -> str:
    """Markdown in which each emphasised word that the glossary explains is a link to it.

    >>> linked("A *tool*, `*tool*`", {"tool": "tool"})
    'A {term}`tool`, `*tool*`'
    """

    def link(match: re.Match[str]) -> str:
        word, term = match[1], terms.get(match[1].lower())
        if term is None:
            return match[0]
        return f"{{term}}`{term}`" if word == term else f"{{term}}`{word} <{term}>`"

    return _outside_code(text, lambda part: EMPHASIS.sub(link, part))


def _outside_code(text: str, change: Callable[[str], str]) -> str:
    parts = CODE.split(text)
    return "".join(part if index % 2 else change(part) for index, part in enumerate(parts))


def _text(cell: Cell, stem: str, kept: frozenset[str], terms: Terms) -> Iterator[Cell]:
    source = linked(source_of(cell), terms)
    source = _outside_code(source, lambda part: MESSAGE.sub(_with_anchor, part))
    summary = next((FOLDED[tag] for tag in FOLDED if tag in tags(cell)), "")
    if summary and "<details" not in source:
        source = f"<details><summary>{summary}</summary>\n\n{source}\n\n</details>"
    yield _markdown(f"({label('cell', stem, cell.get('id', ''))})=\n{source}" if cell.get("id") else source)


def _with_anchor(heading: re.Match[str]) -> str:
    """`### MCP001 ...`, of which the page of messages wants to be able to say: see there."""
    return f"({label('message', heading[1].split()[1])})=\n{heading[1]}"


def _code(cell: Cell, stem: str, kept: frozenset[str], terms: Terms) -> Iterator[Cell]:
    source, marked, identifier = source_of(cell), tags(cell), str(cell.get("id", ""))
    finished = MARK.match(source) is not None
    if finished:
        yield _markdown(_badge(stem, identifier, in_server=identifier in kept))
    if "exercise" in marked and (asked := stub(source)) != source:
        yield {**cell, "metadata": {}, "source": asked, "outputs": []}
        marked |= {"solution"}
    metadata: dict[str, Any] = {"tags": ["finished"]} if finished else {}
    for tag, summary in FOLDED.items():
        if tag in marked:
            prompt = {f"code_prompt_{state}": summary for state in ("show", "hide")}
            metadata = {"tags": ["hide-cell"], "mystnb": prompt}
    yield {**cell, "metadata": metadata, "outputs": [_drawn(output) for output in cell["outputs"]]}


def _drawn(output: Cell) -> Cell:
    """An output, with a picture where JupyterLab would draw one."""
    data = output.get("data", {})
    picture = as_svg(data.get(MERMAID, ""))
    return {**output, "data": {**data, "text/html": picture}} if picture else output


def _badge(stem: str, identifier: str, *, in_server: bool) -> str:
    """What stands above a finished cell: an anchor, and a word on its place in server.py."""
    place = (
        f"[in server.py](#{label('server', stem, identifier)})" if in_server else "finished, revised later"
    )
    return f"({label('cell', stem, identifier)})=\n{{.in-server}}\n{place}"


def _markdown(source: str) -> Cell:
    return {"cell_type": "markdown", "metadata": {}, "source": source}
