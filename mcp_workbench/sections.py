"""Take a server.py apart into its head, its imports, its sections and its tail (see layout.py)."""

from __future__ import annotations

from dataclasses import dataclass

from mcp_workbench.layout import SEAL_LINE, TAIL_TITLE, TITLE


@dataclass(frozen=True, slots=True)
class Section:
    """The text under one title: `address` is 04_context.ipynb#ask, `start` its first line (from 1).

    Blank lines at both ends are no part of `text`.
    """

    address: str
    title: str
    start: int
    text: str


@dataclass(frozen=True, slots=True)
class Layout:
    """A server.py, taken apart. `imports_start` and `tail_start` are lines (from 1); `tail` is "" where its
    title is gone, `head` is without the seal."""

    head: str
    imports: str
    imports_start: int
    sections: tuple[Section, ...]
    tail: str
    tail_start: int

    def section_at(self, line: int) -> Section | None:
        """The section that a line of the file lies in; its title counts."""
        if line >= self.tail_start:
            return None
        return next((s for s in reversed(self.sections) if s.start - 1 <= line), None)


def take_apart(text: str) -> Layout | None:
    """The parts of a server.py; None where no export wrote it.

    >>> take_apart(Path("server.py").read_text()).sections[0].address
    '00_first_server.ipynb#the-server'
    """
    found = SEAL_LINE.search(text)
    if found is None:
        return None
    lines = text.split("\n")
    after_seal = text.count("\n", 0, found.end())
    tail_start = len(lines)
    titles: list[int] = []
    for index in range(after_seal, len(lines)):
        if lines[index] == TAIL_TITLE:
            tail_start = index
            break
        if TITLE.match(lines[index]):
            titles.append(index)
    sections = []
    for index, end in zip(titles, [*titles[1:], tail_start], strict=True):
        match = TITLE.match(lines[index])
        assert match is not None  # that is how it got among the titles
        text_of, start = _stripped(lines, index + 1, end)
        sections.append(Section(f"{match[1]}#{match[2]}", lines[index], start, text_of))
    imports, imports_start = _stripped(lines, after_seal, titles[0] if titles else tail_start)
    return Layout(
        head=text[: found.start()],
        imports=imports,
        imports_start=imports_start,
        sections=tuple(sections),
        tail="\n".join(lines[tail_start:]),
        tail_start=tail_start + 1,
    )


def _stripped(lines: list[str], first: int, end: int) -> tuple[str, int]:
    """Lines without the blank ones at both ends, and the number (from 1) of the first that is left."""
    while first < end and not lines[first].strip():
        first += 1
    while end > first and not lines[end - 1].strip():
        end -= 1
    return "\n".join(lines[first:end]), first + 1
