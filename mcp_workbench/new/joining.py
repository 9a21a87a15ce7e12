"""Join blocks that tangle would not leave as they are: what it would move or refuse stays in one cell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from mcp_workbench.findings import Refused
from mcp_workbench.new.cutting import Block
from mcp_workbench.notebook import Cell
from mcp_workbench.tangle import Part, read_cell, tangle

Cells = Callable[[Sequence[Block]], list[Cell]]


def join(blocks: Sequence[Block], cells: Cells) -> list[Block]:
    """Join blocks until tangle gives them back in their order.

    A name that is defined twice needs all that stands between in one cell, and so does a name that is read
    while the module loads and defined below (it was Python's own until then), and a function that is called
    at that time and reads what stands below it.

    Args:
        blocks: In the order of the file.
        cells: Gives the finished cells of blocks, one for each and in their order, and after them any others.
    """
    every = list(blocks)
    every = _merged(every, _ties(cells(every)[: len(every)]))
    while True:
        made = cells(every)
        place = {cell.address: index for index, cell in enumerate(made)}
        try:
            program = tangle(made)
        except Refused:
            return every  # said by whoever tangles it next
        order = [place[piece.cell.address] for piece in program.pieces]
        moved = list(_moved(order))
        if not moved:
            return every
        count = len(every)
        every = _merged(every, [(first, min(last, count - 1)) for first, last in moved])
        if len(every) == count:
            return every


def _ties(cells: Sequence[Cell]) -> list[tuple[int, int]]:
    """Pairs of cells that must be one."""
    parts = [read_cell(cell)[0] for cell in cells]
    home: dict[str, int] = {}
    origins: dict[str, set[str]] = {}
    ties: list[tuple[int, int]] = []
    for index, part in enumerate(parts):
        for statement in part.statements if part else ():
            names = statement.names
            for name in names.binds - {"_"}:
                imported = {item.origin for item in statement.imports if item.binds == name}
                if name in names.loads and (statement.simple or name in home):
                    continue  # an update
                if name in home and home[name] != index and not (imported and imported == origins[name]):
                    ties.append((home[name], index))
                home.setdefault(name, index)
                origins.setdefault(name, imported)
    return ties + [(index, home[name]) for index, name in _loads(parts) if home.get(name, 0) > index]


def _loads(parts: Sequence[Part | None]) -> Iterable[tuple[int, str]]:
    for index, part in enumerate(parts):
        for statement in part.statements if part else ():
            yield from ((index, name) for name in statement.names.loads | statement.names.maybe)


def _moved(order: Sequence[int]) -> Iterable[tuple[int, int]]:
    """The shortest runs of places within which an order is not that of the numbers.

    >>> list(_moved([0, 2, 1, 3]))
    [(1, 2)]
    """
    ranks = {number: rank for rank, number in enumerate(sorted(order))}
    numbers = sorted(order)
    start = highest = 0
    for place, number in enumerate(order):
        highest = max(highest, ranks[number])
        if highest == place:
            if place > start:
                yield numbers[start], numbers[place]
            start = place + 1


def _merged(blocks: Sequence[Block], ties: Iterable[tuple[int, int]]) -> list[Block]:
    """The blocks, with each pair of places and all between them made one."""
    reach = list(range(len(blocks)))
    for first, last in ties:
        if first < last:
            reach[first] = max(reach[first], last)
    merged: list[Block] = []
    end = -1
    for index, block in enumerate(blocks):
        if index <= end:
            merged[-1] = merged[-1].joined(block)
        else:
            merged.append(block)
        end = max(end, reach[index])
    return merged
