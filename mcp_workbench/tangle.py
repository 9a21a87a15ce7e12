"""Tangle: the finished cells of an ordered list of chapters become one program.

Three rules, and no more. (1) Finished cells, in chapter order. (2) A revision replaces. (3) Define before
use: a cell moves up, whole, to just above the first cell that needs it while the module loads. Text is
moved, never edited, and everything that is refused is refused in one go. Pure: no I/O, no FastMCP, no
IPython.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mcp_workbench import refusals
from mcp_workbench.findings import Finding, Refused
from mcp_workbench.imports import Import, read_imports
from mcp_workbench.names import SIMPLE, Names, names_of
from mcp_workbench.notebook import Cell

ALIAS: tuple[type[ast.stmt], ...] = (ast.TypeAlias,) if hasattr(ast, "TypeAlias") else ()


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """A top-level statement of a finished cell (or several that share a line).

    Lines count from 1 in the cell: `start` is the first of its code, `end` the last, `taken` the first
    of the comment lines directly above it. `lazy` is a type alias, which is evaluated when somebody first
    looks. `imports` are its names where it is an import that stays.
    """

    cell: Cell
    taken: int
    start: int
    end: int
    simple: bool
    lazy: bool
    imports: tuple[Import, ...]
    names: Names


@dataclass(frozen=True, slots=True)
class Part:
    """A finished cell, read: its leading imports with their lines, and its other statements."""

    cell: Cell
    imports: tuple[Import, ...]
    hoisted: tuple[tuple[int, int], ...]
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """The text of one cell that reaches the program, and the lines of the cell that it is made of."""

    cell: Cell
    text: str
    spans: tuple[tuple[int, int], ...]

    def line_in_cell(self, line: int) -> int:
        """The line of the cell (from 1) that is this line (from 1) of the text."""
        for first, last in self.spans:
            if line <= last - first + 1:
                return first + line - 1
            line -= last - first + 1
        raise IndexError(line)


@dataclass(frozen=True, slots=True)
class Program:
    """What the finished cells say: `imports` for the top, then `pieces` in an order that runs.

    `cells` are all finished cells in the reader's order, `revised` the names that a later definition
    replaced, in the order of the revisions.
    """

    imports: tuple[Import, ...]
    pieces: tuple[Piece, ...]
    cells: tuple[Cell, ...]
    revised: tuple[str, ...]
    binds: frozenset[str]


def tangle(cells: Iterable[Cell]) -> Program:
    """Make one program of the finished cells among `cells`.

    Args:
        cells: All code cells of the chapters, in the reader's order; the unfinished ones serve the messages.

    Raises:
        Refused: With every finding (MCP201 to MCP217), none of them only the first.

    >>> tangle(cell for path in workspace.chapters for cell in notebook.read(path)).revised
    ('mcp', 'opening_hours', 'Book')
    """
    every = tuple(cells)
    finished = tuple(cell for cell in every if cell.finished)
    findings: list[Finding] = []
    for cell in every:
        findings += refusals.marks(cell)
    parts: list[Part] = []
    for cell in finished:
        part, found = read_cell(cell)
        findings += found
        if part:
            parts.append(part)
    definitions = _Definitions(parts)
    findings += definitions.findings
    imports, clashes = _merge(parts, definitions)
    findings += clashes
    if len(parts) == len(finished):  # names of a cell that could not be read would only look undefined
        findings += _undefined(definitions, {item.binds for item in imports}, every)
    order, unordered = _order(parts, definitions)
    findings += unordered
    if findings:
        raise Refused(sorted(findings, key=lambda f: (f.place.chapter, f.place.cell, f.place.line)))
    used = {name for s in definitions.kept() for name in (*s.names.loads, *s.names.later, *s.names.maybe)}
    pieces = (_piece(part, definitions) for part in order)
    return Program(
        imports=tuple(item for item in imports if item.binds in used or item.kept_unused),
        pieces=tuple(piece for piece in pieces if piece.text),
        cells=finished,
        revised=tuple(definitions.revised),
        binds=frozenset(name for s in definitions.kept() for name in s.names.binds),
    )


def read_cell(cell: Cell) -> tuple[Part | None, list[Finding]]:
    """Read a finished cell; None where it is not plain Python."""
    try:
        tree = ast.parse(cell.source, "<cell>")
        compile(tree, "<cell>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        return None, refusals.not_python(cell, error)
    findings = refusals.secrets(cell)
    lines = cell.source.split("\n")
    imports: list[Import] = []
    hoisted: list[tuple[int, int]] = []
    statements: list[Statement] = []
    previous = 1
    for group in _groups(tree.body):
        first, end = group[0], group[-1].end_lineno or group[-1].lineno
        start = min([first.lineno, *(d.lineno for d in getattr(first, "decorator_list", ()))])
        taken = start
        while taken - 1 > previous and lines[taken - 2].startswith("#"):
            taken -= 1
        previous = end
        findings += refusals.statements(cell, group)
        text = "\n".join(lines[start - 1 : end])
        found: tuple[Import, ...] = ()
        if len(group) == 1 and isinstance(first, (ast.Import, ast.ImportFrom)):
            above = tuple(lines[taken - 1 : start - 1])
            found = tuple(read_imports(first, text, above, cell))
            if not statements:
                imports += found
                hoisted.append((taken, end))
                continue
        simple = all(isinstance(node, SIMPLE) for node in group)
        names = names_of(text, group)
        lazy = isinstance(first, ALIAS)
        statements.append(Statement(cell, taken, start, end, simple, lazy, found, names))
    return Part(cell, tuple(imports), tuple(hoisted), tuple(statements)), findings


def _groups(body: list[ast.stmt]) -> Iterator[list[ast.stmt]]:
    """Statements one by one, but those that share a line (`a = 1; b = 2`) together."""
    group: list[ast.stmt] = []
    for node in body:
        if group and node.lineno > (group[-1].end_lineno or 0):
            yield group
            group = []
        group.append(node)
    if group:
        yield group


class _Definitions:
    """Who binds which name, after the revisions have replaced what came before them."""

    def __init__(self, parts: list[Part]) -> None:
        self.findings: list[Finding] = []
        self.revised: list[str] = []
        self.of: dict[str, list[Statement]] = {}
        self.updates: dict[str, list[Statement]] = {}
        self.later: set[str] = set()
        self._parts = parts
        self._imported = {item.binds for part in parts for item in part.imports}
        self._lost: dict[Statement, set[str]] = {}
        for part in parts:
            for statement in part.statements:
                self.later |= statement.names.assigns_later
                for name in sorted(statement.names.binds - {"_"}):
                    self._define(name, statement)
        self._dropped: set[Statement] = set()
        for statement, names in self._lost.items():
            if names == statement.names.binds:
                self._dropped.add(statement)
            else:
                self.findings.append(
                    refusals.half_revised(statement.cell, statement.start, names, statement.names.binds)
                )

    def kept(self, part: Part | None = None) -> Iterator[Statement]:
        """The statements that no revision replaced, of one cell or of all."""
        for one in self._parts if part is None else (part,):
            yield from (s for s in one.statements if s not in self._dropped)

    def _define(self, name: str, statement: Statement) -> None:
        known = self.of.get(name)
        if name in statement.names.loads and (statement.simple or known):
            self.updates.setdefault(name, []).append(statement)
            return
        cell = statement.cell
        if known is None:
            if cell.revises and not statement.imports and name not in self._imported:
                self.findings.append(refusals.revises_nothing(cell, statement.start, name, self.of))
            self.of[name] = [statement]
        elif known[-1].cell is cell or _same_import(name, statement, known[-1]):
            known.append(statement)
        elif cell.revises:
            for earlier in known:
                self._lost.setdefault(earlier, set()).add(name)
            self.of[name] = [statement]
            self.revised.append(name)
        else:
            self.findings.append(
                refusals.defined_twice(cell, statement.start, name, known[0].cell, known[0].start)
            )


def _same_import(name: str, one: Statement, other: Statement) -> bool:
    origins = {i.origin for s in (one, other) for i in s.imports if i.binds == name}
    return bool(one.imports and other.imports) and len(origins) == 1


def _merge(parts: list[Part], definitions: _Definitions) -> tuple[list[Import], list[Finding]]:
    """All leading imports, and a finding for each name that is bound in two ways."""
    first: dict[str, Import] = {}
    findings: list[Finding] = []
    every = [item for part in parts for item in part.imports]
    for item in every:
        known = first.setdefault(item.binds, item)
        if known.origin != item.origin:
            findings.append(refusals.imported_twice(item, known))
    for name, item in first.items():
        for statement in definitions.of.get(name, ()):
            if not any(i.origin == item.origin for i in statement.imports if i.binds == name):
                findings.append(
                    refusals.defined_twice(statement.cell, statement.start, name, item.cell, item.line)
                )
                break
    return every, findings


def _undefined(definitions: _Definitions, imported: set[str], cells: tuple[Cell, ...]) -> list[Finding]:
    """A finding for every name that a kept statement reads and nothing in the program binds."""
    known = imported | definitions.of.keys() | definitions.later | refusals.ALWAYS_DEFINED
    findings: list[Finding] = []
    seen: set[tuple[Cell, str]] = set()
    for statement in definitions.kept():
        missing = (statement.names.loads | statement.names.later) - known
        for name in sorted(missing):
            if (statement.cell, name) not in seen:
                seen.add((statement.cell, name))
                findings.append(
                    refusals.undefined(statement.cell, statement.start, statement.end, name, cells, known)
                )
    return findings


def _order(parts: list[Part], definitions: _Definitions) -> tuple[list[Part], list[Finding]]:
    """The cells in the reader's order, each one below those that it needs while the module loads."""
    findings: list[Finding] = []
    place = {part.cell: index for index, part in enumerate(parts)}
    home = {name: place[found[0].cell] for name, found in definitions.of.items()}
    needs = _Needs(parts, definitions, place, home)
    done: list[int] = []
    state = [0] * len(parts)  # 1: its needs are being placed, 2: placed
    for root in range(len(parts)):
        if state[root]:
            continue
        state[root] = 1
        path = [(root, iter(needs.of(root)))]
        while path:
            index, pending = path[-1]
            for need, certain in pending:
                if state[need] == 0:
                    state[need] = 1
                    path.append((need, iter(needs.of(need))))
                    break
                if state[need] == 1 and certain:
                    circle = [i for i, _ in path]
                    findings.append(refusals.circle([parts[i].cell for i in circle[circle.index(need) :]]))
            else:
                path.pop()
                state[index] = 2
                done.append(index)
    for part in parts:
        findings += _used_too_early(part, definitions)
    return [parts[index] for index in done], findings


class _Needs:
    """Which cells a cell needs above it.

    Certain are the definitions of names that it reads while the module loads, and the updates that the
    reader had run before it. Likely are those that the functions called at that time read in turn; they
    are left out where they would make a circle.
    """

    def __init__(
        self, parts: list[Part], definitions: _Definitions, place: dict[Cell, int], home: dict[str, int]
    ) -> None:
        self._parts = parts
        self._definitions = definitions
        self._place = place
        self._home = home

    def of(self, index: int) -> list[tuple[int, bool]]:
        certain: set[int] = set()
        called: set[str] = set()
        for statement in self._definitions.kept(self._parts[index]):
            names = statement.names
            called |= names.calls
            for name in names.loads | names.maybe:
                if any(found.lazy for found in self._definitions.of.get(name, ())):
                    called.add(name)
                if name in self._home:
                    certain.add(self._home[name])
                    for update in self._definitions.updates.get(name, ()):
                        if self._place[update.cell] < index:
                            certain.add(self._place[update.cell])
        likely = {self._home[n] for n in self._reads_of(called) if n in self._home}
        found = [(need, True) for need in certain] + [(need, False) for need in likely - certain]
        return sorted((need, sure) for need, sure in found if need != index)

    def _reads_of(self, called: set[str]) -> set[str]:
        """The names that these functions read when they run, and those that they call in turn."""
        found: set[str] = set()
        pending = list(called)
        while pending:
            for statement in self._definitions.of.get(pending.pop(), ()):
                new = statement.names.later - found
                found |= new
                pending += new
        return found


def _used_too_early(part: Part, definitions: _Definitions) -> list[Finding]:
    """Names that a cell reads while it loads, above its own definition of them."""
    kept = list(definitions.kept(part))
    findings: list[Finding] = []
    for index, statement in enumerate(kept):
        for name in sorted(statement.names.loads - statement.names.binds):
            found = definitions.of.get(name, ())
            if found and found[0].cell is part.cell and found[0] not in kept[:index]:
                findings.append(
                    refusals.used_too_early(part.cell, statement.start, statement.end, name, found[0].start)
                )
    return findings


def _piece(part: Part, definitions: _Definitions) -> Piece:
    """What is left of a cell: without its mark, its leading imports, and what was revised."""
    lines = part.cell.source.split("\n")
    gone = {1}
    kept = set(definitions.kept(part))
    removed = [*part.hoisted, *((s.taken, s.end) for s in part.statements if s not in kept)]
    for first, last in removed:
        gone.update(range(first, last + 1))
        while first - 1 not in gone and not lines[first - 2].strip():
            first -= 1  # noqa: PLW2901
            gone.add(first)
    left = [number for number in range(1, len(lines) + 1) if number not in gone]
    while left and not lines[left[0] - 1].strip():
        del left[0]
    while left and not lines[left[-1] - 1].strip():
        del left[-1]
    if not kept and not any(lines[number - 1].strip() for number in left):
        return Piece(part.cell, "", ())
    text = "\n".join(lines[number - 1] for number in left)
    return Piece(part.cell, text, tuple(_spans(left)))


def _spans(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """Runs of consecutive numbers: [2, 3, 6] gives (2, 3), (6, 6)."""
    start = 0
    for index in range(1, len(numbers) + 1):
        if index == len(numbers) or numbers[index] != numbers[index - 1] + 1:
            yield numbers[start], numbers[index - 1]
            start = index
