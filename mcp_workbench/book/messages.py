"""The error gallery by message: what one reads, why, what to do, and the cell that shows it. Pure.

The messages are the tables of the chapter whose headings are `### MCP001 ...`; the reasons are the rules'.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mcp_workbench.book.chapters import MESSAGE, label
from mcp_workbench.notebook import source_of
from mcp_workbench.rules.rule import Rule

TABLE = re.compile(
    r"^\| (?P<head>[^|\n]+) \| see \| do \|\n\|[-|]+\|\n(?P<rows>(?:\|.*\|(?:\n|\Z))+)", re.MULTILINE
)
CELLS = re.compile(r"(?<!\\)\|")
CODE = re.compile(r"MCP\d{3}")
MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#$|])")


@dataclass(frozen=True, slots=True)
class Row:
    """What one reads or notices, the codes of the rules, and what to do: Markdown."""

    read: str
    codes: tuple[str, ...]
    do: str


def shown(notebook: Mapping[str, Any]) -> frozenset[str]:
    """The codes that a chapter has a heading for; a gallery is a chapter that has some."""
    return frozenset(
        code.split()[1]
        for cell in notebook["cells"]
        if cell["cell_type"] == "markdown"
        for code in MESSAGE.findall(source_of(cell))
    )


def rows(notebook: Mapping[str, Any]) -> dict[str, list[Row]]:
    """The rows of a chapter's tables of messages, by the head of the table's first column."""
    found: dict[str, list[Row]] = {}
    for cell in notebook["cells"]:
        for table in TABLE.finditer(source_of(cell) if cell["cell_type"] == "markdown" else ""):
            lines = (CELLS.split(line)[1:-1] for line in table["rows"].splitlines())
            found[table["head"]] = [
                Row(read.strip(), tuple(CODE.findall(see)), do.strip().replace(r"\|", "|"))
                for read, see, do in lines
            ]
    return found


def as_page(gallery: str, notebook: Mapping[str, Any], rules: Mapping[str, Rule]) -> str:
    """The page of messages, in MyST's Markdown.

    Args:
        gallery: The name of the chapter that shows the errors.
        notebook: Its JSON.
        rules: All rules of `check`, by code.
    """
    have = shown(notebook)
    parts = [
        "# The error gallery by message",
        f"Look for the message that you have, or for a part of it. Each error fails for real, and is put "
        f"right, in [the chapter on errors]({gallery}.ipynb); `mcp-workbench explain MCP005` says more of "
        "MCP005, and `mcp-workbench check` finds the place in a server.",
    ]
    for head, table in rows(notebook).items():
        parts.append(f"## {head[0].upper()}{head[1:].removesuffix(', and')}")
        parts += [_entry(row, rules, have) for row in sorted(table, key=lambda row: _plain(row.read))]
    parts += ["## After a change of versions", "What changed from FastMCP 2 and 3 to 4."]
    for code, rule in sorted(rules.items()):
        if code not in have and rule.until == ():
            parts.append(_rule(rule))
    return "\n\n".join(parts) + "\n"


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9 ]", "", text.lower()).strip()


def _entry(row: Row, rules: Mapping[str, Rule], have: Iterable[str]) -> str:
    whys = "\n\n".join(f"  {escaped(rules[code].why)}" for code in row.codes if code in rules)
    seen = ", ".join(f"[{code}](#{label('message', code)})" if code in have else code for code in row.codes)
    return f"{row.read}\n: {whys.strip()}\n\n  **Do:** {row.do}\n\n  **See:** {seen}"


def _rule(rule: Rule) -> str:
    return (
        f"{escaped(rule.line)}\n: {escaped(rule.happens)}\n\n  {escaped(rule.why)}\n\n"
        f"  **Do:** {escaped(rule.fix)}\n\n  **See:** `mcp-workbench explain {rule.code}`"
    )


def escaped(text: str) -> str:
    """Plain text as Markdown that shows every character as it is.

    >>> escaped("dict[str, *args]")
    'dict\\\\[str, \\\\*args\\\\]'
    """
    return MARKDOWN.sub(r"\\\1", " ".join(text.split()))
