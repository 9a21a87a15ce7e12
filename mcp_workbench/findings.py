"""What tangle and check report: a rule, a place in a notebook, what happens, why, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mcp_workbench.errors import WorkbenchError


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a notebook's cell, or of a Python file.

    `chapter` is the file's name, `cell` counts all cells from 1, `line` counts the cell's lines from 1,
    `column` its characters from 0; `source` is the line's text. `cell` is 0 in a Python file, and where
    a whole notebook is meant. `end_line` and `end_column` are the end, where it is known.
    """

    chapter: str
    cell: int = 0
    cell_id: str = ""
    line: int = 0
    column: int = 0
    source: str = ""
    end_line: int = 0
    end_column: int = 0

    def __str__(self) -> str:
        if not self.cell:
            return f"{self.chapter}:{self.line}:{self.column + 1}" if self.line else self.chapter
        named = f" ({self.cell_id})" if self.cell_id else ""
        line = f", line {self.line}" if self.line else ""
        return f"{self.chapter} cell {self.cell}{named}{line}"


@dataclass(frozen=True, slots=True)
class Edit:
    """A text in the place of what stands between two places of a file: lines from 1, characters from 0."""

    line: int
    column: int
    end_line: int
    end_column: int
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem: `code` such as MCP205, `what` happened, `why` it matters, what to `do`.

    `edits` put it right without a change of meaning; where none do, `unfixed` may say why. `url` leads on.

    >>> print(Finding("MCP219", Place("02_b.ipynb"), "02_a.ipynb has the number too", "...", "Rename one."))
    02_b.ipynb: MCP219 02_a.ipynb has the number too
      why: ...
      do:  Rename one.
    """

    code: str
    place: Place
    what: str
    why: str
    do: str
    edits: tuple[Edit, ...] = ()
    unfixed: str = ""
    url: str = ""

    def __str__(self) -> str:
        lines = [f"{self.place}: {self.code} {self.what}"]
        if self.place.source:
            number = f"{self.place.line:>5} | "
            caret = " " * (len(number) - 2 + 2 + self.place.column) + "^"
            lines += [number + self.place.source, caret]
        lines += [f"  why: {self.why}", f"  do:  {self.do}"]
        return "\n".join(lines)


class Refused(WorkbenchError):  # noqa: N818  # what happened, in the words of the word list
    """The notebooks cannot become a program; `findings` says why, all of them at once."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        count = len(self.findings)
        tail = "1 finding, nothing was written" if count == 1 else f"{count} findings, nothing was written"
        super().__init__("\n\n".join([*map(str, self.findings), tail]), exit_code=1)
