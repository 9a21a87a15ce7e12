"""The glossary: its terms, and the page of it. The words themselves are in glossary.md. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from mcp_workbench.book.chapters import label

ENTRY = re.compile(
    r"^(?P<term>\S.*)\n: (?P<text>.+?)(?: \[(?P<chapter>\w+)#(?P<cell>[\w-]+)\])?$", re.MULTILINE
)
LEAD = "Words of the protocol, of FastMCP, and of this workspace, each with the chapter that explains it."
PLAIN = "Words of the protocol, of FastMCP, and of workspaces."


@dataclass(frozen=True, slots=True)
class Term:
    """A word, what it means (Markdown), and the chapter and the cell of the course that explain it."""

    name: str
    text: str
    chapter: str
    cell: str


def terms(text: str) -> tuple[Term, ...]:
    """The entries of glossary.md.

    >>> terms("tool\\n: A function that a model may ask for. [00_first_server#tool-text]")[0].chapter
    '00_first_server'
    """
    return tuple(
        Term(found["term"], found["text"], found["chapter"] or "", found["cell"] or "")
        for found in ENTRY.finditer(text)
    )


def as_page(known: Collection[Term], cells: Collection[tuple[str, str]]) -> str:
    """The page, in MyST's Markdown.

    Args:
        known: The terms.
        cells: The Markdown cells of the book, each with its chapter's name: what a term may link to.
    """
    entries = []
    chapters = False
    for term in sorted(known, key=lambda one: one.name.lower()):
        text = term.text
        if (term.chapter, term.cell) in cells:
            number = term.chapter.partition("_")[0]
            text += f" [Chapter {number}](#{label('cell', term.chapter, term.cell)})"
            chapters = True
        entries.append(f"{term.name}\n    {text}")
    body = "\n\n".join(entries)
    return f"# Glossary\n\n{LEAD if chapters else PLAIN}\n\n````{{glossary}}\n{body}\n````\n"
