"""Make notebooks of blocks: which chapter each goes to, what is said above it, and the JSON."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from mcp_workbench.new.cutting import DIRECTIVE, LONGEST_TITLE, Block, comment_text, is_code
from mcp_workbench.new.reading import MARK, Original
from mcp_workbench.notebook import as_lines, dump
from mcp_workbench.workspace import CHAPTER

SMALL = 150  # lines: such a file is one chapter
LEAST = 80  # lines of a chapter, before another one begins
MOST = 500  # lines of a chapter, before it is cut though no comment says so
KINDS = {"server": "The server", "tool": "Tools", "resource": "Resources", "prompt": "Prompts"}
HELPERS = "Settings and helpers"
LONGEST_TOPIC = 40
ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


@dataclass(frozen=True, slots=True)
class Page:
    """A chapter: its file's name, its title, and its blocks."""

    file: str
    title: str
    blocks: tuple[Block, ...]

    @property
    def stem(self) -> str:
        return self.file.removesuffix(".ipynb")


def pages_by_address(blocks: Sequence[Block]) -> list[Page]:
    """The chapters that an exported file names; [] where it is no such file, or was made one by hand."""
    chapters: dict[str, list[Block]] = {}
    waiting: list[Block] = []
    for block in blocks:
        file = block.address.partition("#")[0]
        if file:
            chapters.setdefault(file, []).append(block)
        elif chapters or block.units[0].defines:
            return []
        else:
            waiting.append(block)
    if not chapters or not all(CHAPTER.match(file) for file in chapters):
        return []
    pages = []
    for file in sorted(chapters, key=_place):
        title = file.removesuffix(".ipynb").partition("_")[2].replace("_", " ")
        pages.append(Page(file, title[:1].upper() + title[1:], (*waiting, *chapters[file])))
        waiting = []
    return pages


def _place(file: str) -> tuple[int, str]:
    match = CHAPTER.match(file)
    return (int(match[1]), match[2]) if match else (0, "")


def pages_by_comments(blocks: Sequence[Block], original: Original) -> list[Page]:
    """The chapters that the file's own sections make of it, or the kinds of what stands in it."""
    total = sum(_length(block) for block in blocks)
    parted = sum(block.section for block in blocks) > 1
    opening = "The server" if total <= SMALL else _opening(blocks[0], original)
    found: list[tuple[str, list[Block]]] = [(opening, [])]
    seen: set[str] = set()
    size, left = 0, total
    for block in blocks:
        kind = kind_of(block, original)
        title = block.title if parted and block.section else ""
        if not parted and kind and kind not in seen:
            title = KINDS[kind]
        if size > MOST and not title:
            title = KINDS.get(kind, HELPERS) if kind or block.units[0].defines else ""
        if total > SMALL and title and size >= LEAST and left >= LEAST / 2:
            found.append((title, []))
            size = 0
        elif not size and not found[-1][1] and title and total > SMALL:
            found[-1] = (title, [])
        seen.add(kind)
        found[-1][1].append(block)
        size += _length(block)
        left -= _length(block)
    return [Page(f"{n:02}_{_topic(title)}.ipynb", title, tuple(own)) for n, (title, own) in enumerate(found)]


def _length(block: Block) -> int:
    return block.last - block.first + 1


def _opening(block: Block, original: Original) -> str:
    return block.title or KINDS.get(kind_of(block, original), HELPERS)


def kind_of(block: Block, original: Original) -> str:
    """What a block is about: the server, tools, resources, prompts, or "" for all that helps them."""
    kinds = {
        original.kinds[line]
        for unit in block.units
        for line in range(unit.start, unit.end + 1)
        if line in original.kinds
    }
    for kind in ("tool", "resource", "prompt"):
        if kind in kinds:
            return kind
    return "server" if _binds(block) & original.servers else ""


def _binds(block: Block) -> set[str]:
    return set(_names(block))


def _names(block: Block) -> Iterator[str]:
    """The names that a block defines, in its order, but for imports."""
    for unit in block.units:
        for node in unit.nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield node.name
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    yield from (part.id for part in ast.walk(target) if isinstance(part, ast.Name))
            elif not isinstance(node, ast.Import | ast.ImportFrom | ast.Expr):
                for part in ast.walk(node):
                    if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                        yield part.id


def _topic(title: str) -> str:
    """A title as a part of a file's name."""
    words = re.sub(r"\W+", "_", title.casefold()).strip("_")
    return (words if len(words) <= LONGEST_TOPIC else words[:LONGEST_TOPIC].rpartition("_")[0]) or "part"


@dataclass(slots=True)
class _Book:
    """The cells of one notebook while it is made."""

    cells: list[dict[str, Any]] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)

    def markdown(self, wanted: str, *paragraphs: str) -> None:
        text = "\n\n".join(paragraph for paragraph in paragraphs if paragraph)
        if text:
            self._add("markdown", wanted, text, {})

    def code(self, wanted: str, text: str) -> None:
        self._add("code", wanted, text, {"execution_count": None, "outputs": []})

    def _add(self, kind: str, wanted: str, text: str, more: dict[str, Any]) -> None:
        name, count = wanted if ID.fullmatch(wanted) else _slug(wanted), 2
        while name in self.ids:
            name, count = f"{_slug(wanted)}-{count}", count + 1
        self.ids.add(name)
        source = as_lines(text)
        cell = {"cell_type": kind, **more, "id": name, "metadata": {}, "source": source}
        self.cells.append(dict(sorted(cell.items())))

    def json(self) -> str:
        return dump({"cells": self.cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5})


def notebooks_of(pages: Sequence[Page], original: Original, name: str, checked: str) -> dict[str, str]:
    """The notebooks by file name.

    Args:
        pages: The chapters.
        original: The file that they are made of.
        name: The workspace's name.
        checked: What `check` says of the file, as Markdown.
    """
    home = _last_binding(pages, original.server) if original.alias else None
    made: dict[str, str] = {}
    for page in pages:
        book = _Book()
        number, first, last = page.stem.partition("_")[0], page is pages[0], page is pages[-1]
        book.markdown("title", f"# {number} {page.title}", *(_about(original, name) if first else ()))
        if first:
            book.markdown("check", checked)
        book.code("setup", f'from mcp_workbench import resume\n\nresume("{page.stem}")')
        above = page.title
        for block in page.blocks:
            _add_block(book, block, above, original)
            above = block.title or ("" if above == page.title else above)
            if block is home:
                book.markdown("mcp-text", "### `mcp`")
                book.code("mcp", MARK + original.alias)
        if last:
            _add_end(book, original)
        made[page.file] = book.json()
    return made


def _last_binding(pages: Sequence[Page], server: str) -> Block | None:
    blocks = [block for page in pages for block in page.blocks if server in _binds(block)]
    return blocks[-1] if blocks else None


def _about(original: Original, name: str) -> Iterator[str]:
    yield f"The server {name}, brought in from `{original.path.name}`."
    first, _, rest = original.docstring.partition("\n\n")
    yield re.sub(r"^([#>=+*-])", r"\\\1", inspect.cleandoc(first), flags=re.MULTILINE)
    if rest.strip():
        yield _fenced(rest.strip("\n"), "text")


def _fenced(text: str, language: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"


def _add_block(book: _Book, block: Block, above: str, original: Original) -> None:
    """A block's cell, and what is said above it; `above` is the heading that it stands under already."""
    names = list(dict.fromkeys(_names(block)))
    wanted = block.address.partition("#")[2]
    if not wanted:
        imports = "imports" if block.units[0].leading else block.title
        wanted = _slug(next(iter(names), "") or _calls(block) or imports)
    book.markdown(f"{wanted}-text", *_said(block, names, above, original))
    book.code(wanted, MARK + block.text(original.lines))


def _slug(name: str) -> str:
    """A name as a cell's id: `_twitter_client` gives twitter-client."""
    return re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")[:48].strip("-") or "cell"


def _calls(block: Block) -> str:
    """What the first statement calls, for a cell that binds nothing."""
    node = block.units[0].nodes[0]
    call = node.value if isinstance(node, ast.Expr) else None
    return ast.unparse(call.func) if isinstance(call, ast.Call) else ""


def _said(block: Block, names: Sequence[str], above: str, original: Original) -> Iterator[str]:
    """What stands above a cell: its heading, and a sentence from its comment or its docstring."""
    comment = _comment(block, original)
    short = len(comment) == 1 and len(comment[0]) <= LONGEST_TITLE and comment[0][-1] not in ".:,;!?"
    yield _heading(block, names, above, comment[0] if short and not block.address else "")
    yield from block.prose
    if block.address:
        return  # what its chapter said is not in the file
    if comment and not short and comment[0] != block.title:
        yield " ".join(comment)
    elif block.units[0].defines:
        yield _first_line(block)


def _heading(block: Block, names: Sequence[str], above: str, comment: str) -> str:
    if block.title:
        return f"## {block.title}" if block.title != above else ""
    if comment:
        return f"### {comment}"
    if block.units[0].leading and not names:
        return "## Imports"
    if names:
        return "### " + ", ".join(f"`{name}`" for name in names[:3]) + (" ..." if len(names) > 3 else "")
    called = _calls(block)
    return f"### `{called}`" if called else ""


def _comment(block: Block, original: Original) -> list[str]:
    """The words of the comment right above a block's first statement."""
    start = block.units[0].start
    top = start
    while top > block.first and original.lines[top - 2].startswith("#"):
        top -= 1
    words = [word for word in comment_text(original.lines[top - 1 : start - 1]) if word]
    if not words or DIRECTIVE.match(words[0]) or is_code(words):
        return []
    return words if all(re.search(r"\w", word) for word in words[:1]) else []


def _first_line(block: Block) -> str:
    """The first line of the docstring of what a block defines."""
    node = block.units[0].nodes[0]
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    return (ast.get_docstring(node) or "").partition("\n")[0].strip()


def _add_end(book: _Book, original: Original) -> None:
    """How the file started, what does it now, and a first call of the server."""
    if original.tail.text:
        book.markdown(
            "start-text",
            "## How it starts",
            "The file ended with this.",
            _fenced(original.tail.text, "python"),
            original.tail.now,
        )
        if original.tail.main:
            book.code("main", MARK + original.tail.main)
    book.markdown("trial-text", "## Try it\n\nA client lists the tools, as a host would.")
    book.code(
        "trial",
        "import fastmcp\n\nasync with fastmcp.Client(mcp) as client:\n"
        '    print(*(tool.name for tool in await client.list_tools()), sep="\\n")',
    )


def checked_text(findings: Iterable[str], file: str) -> str:
    """What `check` says of a file, as Markdown."""
    lines = list(findings)
    if not lines:
        return f"`mcp-workbench check` has nothing to say about `{file}`."
    return f"What `mcp-workbench check` says of `{file}`:\n\n" + "\n".join(f"- {line}" for line in lines)
