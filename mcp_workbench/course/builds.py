"""Two notebooks from one source: the learner's and the instructor's. Pure, from JSON to JSON.

Neither touches a finished cell, so that both export the same bytes.
"""

from __future__ import annotations

import copy
import re
from typing import Any

from mcp_workbench.course import exercises
from mcp_workbench.course.exercises import ONLY_IN_SOURCE, Cell, Exercise, tags
from mcp_workbench.notebook import source_of

Notebook = dict[str, Any]
MADE = "mcp_workbench"  # the notebook's metadata of ours
TIME = re.compile(r"^\| time \| (\d+) minutes? \|$", re.MULTILINE)


def learner(notebook: Notebook, version: str) -> Notebook:
    """The learner's notebook: solutions are lines to fill in, wrong answers and outputs are gone.

    Args:
        notebook: The source's JSON, which is left as it is.
        version: Of the package; it is noted with each exercise's hash, so that `check` can tell an old one.

    >>> learner(json.loads(source), "0.1.0")["metadata"]["mcp_workbench"]["version"]
    '0.1.0'
    """
    made = _copy(notebook)
    noted = {one.number: one.hash for one in exercises.found(notebook["cells"])}
    if noted:
        made["metadata"][MADE] = {"version": version, "exercises": noted}
    made["cells"] = [_to_fill_in(cell) for cell in made["cells"] if not tags(cell) & ONLY_IN_SOURCE]
    return made


def instructor(notebook: Notebook, version: str) -> Notebook:
    """The instructor's notebook: the source, with the time of each part, and what usually goes wrong."""
    made = _copy(notebook)
    found = exercises.found(notebook["cells"])
    if not found:
        return made
    title, *rest = made["cells"]
    cells = [title, _note("instructor-plan", _plan(source_of(title), found))]
    to_come = list(found)
    for cell in rest:
        cells.append(cell)
        if exercises.is_task(cell):
            one = to_come.pop(0)
            cells.append(_note(f"instructor-{one.number.replace('.', '-')}", _what_goes_wrong(one)))
    return {**made, "cells": cells}


BUILDS = {"learner": learner, "instructor": instructor}


def _copy(notebook: Notebook) -> Notebook:
    made = copy.deepcopy(notebook)
    for cell in made["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    return made


def _to_fill_in(cell: Cell) -> Cell:
    return {**cell, "source": exercises.stub(source_of(cell))} if "exercise" in tags(cell) else cell


def _note(identifier: str, text: str) -> Cell:
    return {"cell_type": "markdown", "id": identifier, "metadata": {"tags": ["instructor"]}, "source": text}


def _plan(title: str, found: tuple[Exercise, ...]) -> str:
    lesson = TIME.search(title)
    rows = [("The lesson", int(lesson[1]))] if lesson else []
    rows += [(f"{one.number} {one.title}", one.minutes) for one in found]
    lines = [f"| {name} | {minutes} minutes |" for name, minutes in rows]
    total = sum(minutes for _, minutes in rows)
    return "\n".join(
        [
            "**For the instructor.** Planned times, for a room that types along:",
            "",
            "| part | time |",
            "|---|---|",
            *lines,
            f"| together | {total} minutes |",
        ]
    )


def _what_goes_wrong(one: Exercise) -> str:
    lines = [f"{number}. {wrong.why}" for number, wrong in enumerate(one.wrong, start=1)]
    return "\n".join(
        [
            f"**For the instructor.** Plan {one.minutes} minutes. What usually goes wrong (the cells tagged "
            "`wrong` below show it, and what `check` says):",
            "",
            *lines,
        ]
    )
