"""Find the exercises in a chapter: pure, from a notebook's JSON to values.

In the source, an exercise is a heading with a number, a name and the minutes that it is planned to take, and
the cells after it, which say by a tag what they are:

    ### 01.1 Renew a loan (5 minutes)      the task, Markdown
    exercise    code: the stub; what the learner writes is between `### BEGIN SOLUTION` and `### END SOLUTION`
    check       code: check("01.1", lab)
    hint        Markdown: <details><summary>Hint 1</summary> ... </details>
    wrong       code: an answer that people give, and `not_yet(...)` with what is said of it
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from mcp_workbench.notebook import source_of

Cell = dict[str, Any]
HEADING = re.compile(r"^### (\d\d[a-z]?\.\d+) (.+) \((\d+) minutes?\)$", re.MULTILINE)
SECTION = re.compile(r"^##? ", re.MULTILINE)
SOLUTION = re.compile(
    r"^([ \t]*)### BEGIN SOLUTION\n(.*?)^[ \t]*### END SOLUTION[ \t]*(\n|\Z)", re.MULTILINE | re.DOTALL
)
FOLDED = re.compile(r"<details>\s*<summary>.*?</summary>(.*)</details>", re.DOTALL)
YOURS = "pass  # YOUR CODE HERE"
ONLY_IN_SOURCE = frozenset({"wrong", "solution"})


@dataclass(frozen=True, slots=True)
class Wrong:
    """An answer that people give: why they give it (the cell's first comment), and the cell's source."""

    why: str
    source: str


@dataclass(frozen=True, slots=True)
class Exercise:
    """An exercise as the source has it: its number (01.1), its name, the minutes planned for it, the task,
    what the learner finds, what solves it, the hints in order, and the wrong answers.

    >>> found(json.loads(Path("01_tools.ipynb").read_text()))[0].title
    'Renew a loan'
    """

    number: str
    title: str
    minutes: int
    task: str
    stub: str
    solution: str
    hints: tuple[str, ...]
    wrong: tuple[Wrong, ...]

    @property
    def hash(self) -> str:
        """Changes when the exercise does: a learner's notebook knows by it that it is an older one."""
        return hashlib.sha256("\0".join((self.number, self.task, self.stub)).encode()).hexdigest()[:16]


def tags(cell: Cell) -> frozenset[str]:
    """A cell's tags, as JupyterLab's property inspector shows them."""
    return frozenset(cell.get("metadata", {}).get("tags", ()))


def found(cells: Iterable[Cell]) -> tuple[Exercise, ...]:
    """The exercises among a source notebook's cells, in order."""
    return tuple(_exercise(part) for part in parts(cells))


def is_task(cell: Cell) -> bool:
    """Does an exercise begin with this cell?"""
    return cell["cell_type"] == "markdown" and HEADING.match(source_of(cell)) is not None


def parts(cells: Iterable[Cell]) -> Iterator[list[Cell]]:
    """For each exercise its cells, the task first; a heading of a higher level ends the last one."""
    part: list[Cell] = []
    for cell in cells:
        text = source_of(cell) if cell["cell_type"] == "markdown" else ""
        begins = is_task(cell)
        if part and (begins or SECTION.match(text)):
            yield part
            part = []
        if begins or part:
            part = [*part, cell]
    if part:
        yield part


def _exercise(part: list[Cell]) -> Exercise:
    task, *rest = part
    text = source_of(task)
    heading = HEADING.match(text)
    assert heading is not None  # a part begins with one

    def tagged(tag: str) -> list[str]:
        return [source_of(cell) for cell in rest if tag in tags(cell)]

    written = "\n\n".join(tagged("exercise"))
    return Exercise(
        heading[1],
        heading[2],
        int(heading[3]),
        text[heading.end() :].strip(),
        stub(written),
        _solution(written, tagged("solution")),
        tuple(_unfolded(hint) for hint in tagged("hint")),
        tuple(Wrong(_first_comment(source), source) for source in tagged("wrong")),
    )


def stub(source: str) -> str:
    """What a learner finds: each solution is a line to fill in, at the solution's indentation.

    >>> stub("lab = 1\\n### BEGIN SOLUTION\\nx = 1\\n### END SOLUTION")
    'lab = 1\\npass  # YOUR CODE HERE'
    """
    return SOLUTION.sub(rf"\1{YOURS}\3", source)


def solved(source: str) -> str:
    """The cell with its solution, without the lines that mark it."""
    return SOLUTION.sub(r"\2", source).rstrip("\n")


def _solution(written: str, whole_cells: list[str]) -> str:
    return "\n\n".join([solved(written), *whole_cells])


def _unfolded(hint: str) -> str:
    match = FOLDED.search(hint)
    return (match[1] if match else hint).strip()


def _first_comment(source: str) -> str:
    """The comment above everything else, as one sentence."""
    lines = []
    for line in source.splitlines():
        if not line.startswith("# "):
            break
        lines.append(line.removeprefix("# ").strip())
    return " ".join(lines)
