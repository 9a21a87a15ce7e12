"""The learner's first look at each exercise, as cells to run in the source: the stub, which must be TODO."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mcp_workbench.course import exercises
from mcp_workbench.notebook import source_of

Cell = dict[str, Any]


def with_stubs(cells: list[Cell]) -> Iterator[Cell]:
    """The cells, and before each answer its stub and a check that nothing was tried yet."""
    number = ""
    for cell in cells:
        if exercises.is_task(cell):
            number = exercises.found([cell])[0].number
        elif "exercise" in exercises.tags(cell):
            yield {**cell, "id": f"{cell['id']}-stub", "source": exercises.stub(source_of(cell))}
            judged = (
                "from mcp_workbench.course.judging import judge_apart\n"
                f"verdict = judge_apart({number!r}, lab)\n"
                "assert verdict.status == 'TODO', verdict\n"
                "verdict.sentence"
            )
            yield {**cell, "id": f"{cell['id']}-todo", "metadata": {"tags": ["stub"]}, "source": judged}
        yield cell
