"""Cut the text of a server into blocks, each of which becomes a finished cell, by the comments that it has.

A block is a run of lines. Between two blocks stand only blank lines and comments that are the title of what
follows (`# ---- Tools ----`, `# %% Tools`, a line of its own between blank lines); those are taken out of the
code, for they become headings. Every other comment stays where it is.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from mcp_workbench.layout import TITLE

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
PERCENT = re.compile(r"#[ \t]?%%(?!\w)[ \t]*(.*)")
TAGS = re.compile(r"\[\w+\]|\{.*\}|[\w.-]+=\S+")
RULE = r"[-=#*~_+%/\\|\u2012-\u2015\u2022\u2500-\u257f\u2580-\u259f]"
DECORATED = re.compile(rf"^{RULE}*({RULE})\1{RULE}*|{RULE}*({RULE})\2{RULE}*$")
DIRECTIVE = re.compile(
    r"(type:|noqa|pylint|mypy|ruff|fmt:|isort|pragma|pyright|flake8|bandit|nosec|-\*-|SPDX|copyright|todo|fixme|xxx"
    r"|hack\b|/// )",
    re.IGNORECASE,
)
LONGEST_TITLE = 60


@dataclass(frozen=True, slots=True)
class Unit:
    """A statement, or several that share a line, or all the leading imports: its lines, from 1."""

    nodes: tuple[ast.stmt, ...]
    start: int
    end: int
    leading: bool = False

    @property
    def defines(self) -> bool:
        """Is it a function or a class?"""
        return isinstance(self.nodes[0], DEFINITIONS)

    @property
    def imports(self) -> bool:
        return all(isinstance(node, ast.Import | ast.ImportFrom) for node in self.nodes)


@dataclass(frozen=True, slots=True)
class Block:
    """The lines of one finished cell, from 1, and what its comments say.

    `title` is the heading that stood above it, and `section` is set where that parts what follows from what
    was before; `prose` is Markdown from above it; `address` is the cell that an export names
    (04_context.ipynb#ask).
    """

    first: int
    last: int
    units: tuple[Unit, ...]
    title: str = ""
    section: bool = False
    prose: tuple[str, ...] = ()
    address: str = ""

    def text(self, lines: Sequence[str]) -> str:
        """Its lines, without the blank ones at both ends."""
        first, last = self.first, self.last
        while first < last and not lines[first - 1].strip():
            first += 1
        while last > first and not lines[last - 1].strip():
            last -= 1
        return "\n".join(lines[first - 1 : last])

    def joined(self, other: Block) -> Block:
        """One block of this one, the next, and all that stands between them."""
        return replace(self, last=other.last, units=self.units + other.units)


@dataclass(frozen=True, slots=True)
class _Gap:
    """What stands between two units: the last line that belongs to the upper one, the first of the lower one,
    and what is said above that. `marked` is set where `# %%` parts them, and `paragraph` where a blank line
    and a comment do."""

    upper: int
    lower: int
    title: str = ""
    section: bool = False
    prose: tuple[str, ...] = ()
    address: str = ""
    marked: bool = False
    paragraph: bool = False


def cut(tree: ast.Module, lines: Sequence[str], servers: Iterable[str] = ()) -> list[Block]:
    """The blocks of a file, in its order.

    Args:
        tree: The file, parsed, without its docstring and its tail.
        lines: Its lines, in which what was taken out is blank.
        servers: The names of the servers that it makes: such a statement is a block by itself.

    >>> [block.title for block in cut(ast.parse(text), text.split("\\n"))]
    ['', 'Tools']
    """
    units = list(_units(tree.body))
    if not units:
        return []
    names = set(servers)
    ends = [0, *(unit.end for unit in units)]
    gaps = [_gap(end, unit.start, lines) for end, unit in zip(ends, units, strict=False)]
    marked = any(gap.marked for gap in gaps)
    blocks: list[Block] = []
    above: _Gap | None = None  # what was said above imports, which go to the block before them
    for index, (unit, gap) in enumerate(zip(units, gaps, strict=True)):
        last = gaps[index + 1].upper if index + 1 < len(units) else len(lines)
        speaks = gap.marked or (not marked and bool(index))
        if not blocks:
            starts = True
        elif unit.imports:
            starts, above = False, gap if speaks and (gap.title or gap.prose) else above
        else:
            starts = (
                gap.marked or above is not None or (not marked and _parts(units[index - 1], unit, gap, names))
            )
        if starts:
            said = gap if speaks and (gap.title or above is None) else above or _Gap(0, 0)
            first = gap.lower if index or gap.marked else 1
            blocks.append(Block(first, last, (unit,), said.title, said.section, said.prose, said.address))
            above = None
        else:
            blocks[-1] = replace(blocks[-1], last=last, units=(*blocks[-1].units, unit))
    return blocks


def _units(body: list[ast.stmt]) -> Iterator[Unit]:
    """The leading imports as one, then statements one by one, but those that share a line together."""
    groups: list[list[ast.stmt]] = []
    for node in body:
        if groups and _start(node) <= (groups[-1][-1].end_lineno or 0):
            groups[-1].append(node)
        else:
            groups.append([node])
    count = 0
    while count < len(groups) and len(groups[count]) == 1:
        if not isinstance(groups[count][0], ast.Import | ast.ImportFrom):
            break
        count += 1
    if count:
        nodes = [node for group in groups[:count] for node in group]
        yield Unit(tuple(nodes), nodes[0].lineno, nodes[-1].end_lineno or nodes[-1].lineno, leading=True)
    for group in groups[count:]:
        yield Unit(tuple(group), _start(group[0]), group[-1].end_lineno or group[-1].lineno)


def _start(node: ast.stmt) -> int:
    """The line on which a statement begins: a decorator's, where it has one."""
    decorators = node.decorator_list if isinstance(node, DEFINITIONS) else []
    return min(node.lineno, *(decorator.lineno for decorator in decorators), node.lineno)


def _parts(upper: Unit, lower: Unit, gap: _Gap, servers: set[str]) -> bool:
    """Does a new block begin between two units?"""
    if upper.leading or gap.title or gap.prose or gap.paragraph:
        return True
    if gap.lower == upper.end + 1:
        return upper.defines and lower.defines
    return upper.defines or lower.defines or _makes(upper, servers) or _makes(lower, servers)


def _makes(unit: Unit, servers: set[str]) -> bool:
    return any(
        isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store) and part.id in servers
        for node in unit.nodes
        for part in ast.walk(node)
    )


def _gap(end: int, start: int, lines: Sequence[str]) -> _Gap:
    """Read what stands between the line `end` and the line `start`."""
    groups = list(_groups(end + 1, start, lines))
    marks = [number for number in range(end + 1, start) if PERCENT.match(lines[number - 1])]
    if marks:
        return _marked(end, start, marks, lines)
    own = 0
    for index, (top, bottom) in enumerate(groups):
        indented = any(lines[number - 1][0] in " \t" for number in range(top, bottom + 1))
        trailing = end and top == end + 1 and bottom != start - 1 and not title_of(top, bottom, lines)[1]
        if indented or trailing:
            own = index + 1
    upper = groups[own - 1][1] if own else end
    groups = groups[own:]
    lower = groups[0][0] if groups else start
    paragraph = bool(groups) and groups[0][0] > upper + 1
    for index, (top, bottom) in enumerate(groups):
        attached = bottom == start - 1
        title, decorated, text = title_of(top, bottom, lines)
        if not title or (attached and not decorated):
            continue
        if index or attached:  # it stays in the code, and is a heading as well
            return _Gap(upper, lower, title, section=True, paragraph=paragraph)
        lower = groups[1][0] if len(groups) > 1 else start
        return _Gap(upper, lower, title, section=True, prose=(text,) if text else (), paragraph=paragraph)
    return _Gap(upper, lower, paragraph=paragraph)


def _marked(end: int, start: int, marks: list[int], lines: Sequence[str]) -> _Gap:
    """A gap with `# %%` lines in it: of the cells that they begin, the last holds the code below."""
    before = [bottom for _, bottom in _groups(end + 1, marks[0], lines)]
    prose = [] if end else ["\n".join(comment_text(lines[: marks[0] - 1])).strip()]
    title = address = ""
    for mark, following in zip(marks, [*marks[1:], start], strict=True):
        match = PERCENT.match(lines[mark - 1])
        assert match is not None  # that is how it got among the marks
        ours = TITLE.match(lines[mark - 1])
        title = TAGS.sub("", match[1]).strip() if ours is None else match[1].partition("  ")[2].strip()
        address = f"{ours[1]}#{ours[2]}" if ours else ""
        text = "[markdown]" in match[1] or "[md]" in match[1]
        if text or following != start:
            said = "\n".join(re.sub(r"^# ?", "", line) for line in lines[mark : following - 1])
            prose += [part for part in (title if following != start else "", said.strip()) if part]
        lower = start if text else next((top for top, _ in _groups(mark + 1, start, lines)), start)
    return _Gap(
        before[-1] if before else end,
        lower,
        title,
        bool(title),
        tuple(filter(None, prose)),
        address,
        marked=True,
    )


def _groups(first: int, end: int, lines: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The runs of lines that are not blank, from `first` to above `end`."""
    top = 0
    for number in range(first, end + 1):
        blank = number == end or not lines[number - 1].strip()
        if not blank and not top:
            top = number
        elif blank and top:
            yield top, number - 1
            top = 0


def comment_text(lines: Iterable[str]) -> list[str]:
    """The words of comment lines, without signs and rules."""
    found = []
    for line in lines:
        text = re.sub(r"^[ \t]*#[ \t]?", "", line).strip()
        text = DECORATED.sub("", text).strip() if text else text
        text = DECORATED.sub("", text).strip()
        found.append(text)
    return found


def title_of(top: int, bottom: int, lines: Sequence[str]) -> tuple[str, bool, str]:
    """The title in a run of comment lines ("" where it is none), whether rules frame it, and the rest."""
    raw = [re.sub(r"^[ \t]*#[ \t]?", "", line).strip() for line in lines[top - 1 : bottom]]
    words = comment_text(lines[top - 1 : bottom])
    decorated = any(one != two for one, two in zip(raw, words, strict=True))
    said = [word for word in words if word]
    if not said or not re.search(r"\w", said[0]) or len(said[0]) > LONGEST_TITLE:
        return "", False, ""
    if DIRECTIVE.match(said[0]) or is_code(raw):
        return "", False, ""
    if not decorated and (bottom > top or said[0][-1] in ".:,;!?"):
        return "", False, ""
    return said[0].rstrip(":"), decorated, "\n".join(said[1:])


def is_code(texts: Iterable[str]) -> bool:
    """Is a comment code that was commented out?"""
    try:
        tree = ast.parse("\n".join(texts))
    except (SyntaxError, ValueError):
        return False
    plain = (ast.Name, ast.Tuple, ast.Attribute, ast.Constant, ast.BinOp, ast.Compare)
    return any(
        not isinstance(node, ast.AnnAssign)
        and not (isinstance(node, ast.Expr) and isinstance(node.value, plain))
        for node in tree.body
    )
