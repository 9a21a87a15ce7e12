"""What a learner says in a notebook: check, hint, solution, progress, reset."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import wraps
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mcp_workbench import workspace
from mcp_workbench.course import builds, exercises, judging, record
from mcp_workbench.course.exercises import Exercise
from mcp_workbench.course.judging import Verdict
from mcp_workbench.course.record import Event, Standing
from mcp_workbench.errors import WorkbenchError
from mcp_workbench.notebook import dump, read_json

STRICT = "MCP_WORKBENCH_STRICT"


@dataclass(frozen=True, slots=True, repr=False)
class Shown:
    """Text for a person: the same in JupyterLab, in a terminal, and in an executed notebook."""

    text: str

    def __repr__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True, repr=False)
class Outcome(Shown):
    """What `check` found: its text, and `status`, which is TODO, NOT YET, PASS or ERROR."""

    status: str


def _or_error(verb: Callable[[str], Shown]) -> Callable[[str], Shown]:
    """A verb that says what is wrong with the question, and raises nothing for it."""

    @wraps(verb)
    def told(number: str) -> Shown:
        try:
            return verb(number)
        except WorkbenchError as error:
            return Shown(f"ERROR {error}")

    return told


def check(number: str, lab: Any) -> Outcome:
    """Judge your answer to an exercise as a client sees it, in both protocol eras.

    Args:
        number: The exercise's number, such as "01.1".
        lab: Your server.

    Returns:
        The outcome, shown as text. TODO: nothing was tried. NOT YET: one thing that the client saw. PASS.
        ERROR: the server, or the question, does not work. An answer never raises, so "Run All" passes over
        an exercise that is not solved; with MCP_WORKBENCH_STRICT=1 in the environment all but PASS does.

    Raises:
        AssertionError: Under the strict setting, the outcome is not PASS.

    >>> check("01.1", lab)
    TODO 01.1 - no tool `renew` on this server yet
    """
    try:
        one = _current(number)
        return _told(one, judging.judge_apart(number, lab))
    except WorkbenchError as error:
        return _refused(error)


async def acheck(number: str, lab: Any) -> Outcome:
    """`check` in the notebook's own event loop, for a server that holds something of that loop.

    Such as one whose lifespan made a lock, while a client of yours is still open: `check` would wait for it
    in vain.

    >>> await acheck("06a.1", lab)
    PASS 06a.1
    """
    try:
        one = _current(number)
        return _told(one, await judging.judge(number, lab))
    except WorkbenchError as error:
        return _refused(error)


def not_yet(number: str, lab: Any, match: str) -> Outcome:
    """State that an answer is wrong, and what is said of it: for authors, in a cell tagged `wrong`.

    Args:
        number: The exercise's number.
        lab: A server with a wrong answer.
        match: A regular expression that must be found in the sentence.

    Raises:
        AssertionError: The answer is accepted, or something else is said.

    >>> not_yet("01.1", lab, "no description")
    NOT YET 01.1 - the client sees no description of renew: add a docstring
    """
    verdict = judging.judge_apart(_known(number).number, lab)
    outcome = Outcome(f"{verdict.status} {number} - {verdict.sentence}", verdict.status)
    assert verdict.status == "NOT YET", outcome
    assert re.search(match, verdict.sentence), f"{outcome.text}: does not match {match!r}"
    return outcome


@_or_error
def hint(number: str) -> Shown:
    """The next hint for an exercise; from the last one on, all of them.

    >>> hint("01.1")
    Hint 1 of 2 for 01.1: ...
    """
    one = _known(number)
    file = record.path()
    events, note = record.read(file)
    given = min(_standing(events, number).hints, len(one.hints))
    if given == len(one.hints):
        every = [_hint(one, index) for index in range(given)]
        return _shown(*every, f'There are no more. solution("{number}") shows one.', note)
    note = record.add(file, Event(number, "hint")) or note
    return _shown(_hint(one, given), note)


@_or_error
def solution(number: str) -> Shown:
    """A solution of an exercise. Before you have passed it, the first call asks whether you mean it.

    >>> solution("01.1")
    You have not passed 01.1 yet, and there are 2 more hints: hint("01.1"). Call solution("01.1") again ...
    """
    one = _known(number)
    file = record.path()
    events, note = record.read(file)
    was = _standing(events, number)
    note = record.add(file, Event(number, "solution")) or note
    if was.status != "PASS" and not was.solutions:
        left = len(one.hints) - was.hints
        more = "is 1 more hint" if left == 1 else f"are {left} more hints"
        hints = f', and there {more}: hint("{number}")'
        asked = f"You have not passed {number} yet{hints if left > 0 else ''}."
        return _shown(f'{asked} Call solution("{number}") again to see a solution.', note)
    return _shown(one.solution, note)


def progress() -> Shown:
    """Where you stand with every exercise of the course; from a file in your workspace that goes nowhere.

    >>> progress()
    PASS 2 of 31 exercises ...
    """
    events, note = record.read(record.path())
    reached = record.standings(events)
    every = [one for chapter in _chapters() for one in _exercises_in(chapter)]
    passed = sum(reached.get(one.number, Standing()).status == "PASS" for one in every)
    width = max(len(one.title) for one in every)
    lines = [f"{'':6}{'':8}{'':{width}}  tries  hints"]
    for one in every:
        was = reached.get(one.number, Standing())
        help = f"{was.hints:5}" if was.status != "TODO" or was.hints else ""  # noqa: A001
        tries = f"{was.tries:5}" if was.tries else f"{'':5}"
        lines.append(f"{one.number:6}{was.status:8}{one.title:{width}}  {tries}  {help}".rstrip())
    following = next((one for one in every if reached.get(one.number, Standing()).status != "PASS"), None)
    end = f"Next: {following.number} {following.title}" if following else "That was the last one: well done."
    return _shown(f"PASS {passed} of {len(every)} exercises {_bar(passed, len(every))}", *lines, end, note)


@_or_error
def reset(chapter: str) -> Shown:
    """Bring back a chapter as it was; yours is kept beside it, as my-01_tools-1.ipynb.

    Args:
        chapter: Its number, such as "01" or "09a".

    >>> reset("01")
    01_tools.ipynb is as it was; yours is my-01_tools-1.ipynb. ...
    """
    source = _source_of(chapter)
    try:
        folder = workspace.find().notebooks
    except WorkbenchError:
        folder = Path.cwd()
    if folder.resolve() == source.parent.resolve():
        raise WorkbenchError(
            f"{source.name} is the course's own source, with its solutions: nothing to reset."
        )
    made = builds.learner(read_json(source), version("mcp-workbench"))
    target = folder / source.name
    unfinished = target.with_name(f".{target.name}.tmp")
    kept = ""
    try:
        unfinished.write_text(dump(made), encoding="utf-8")
        if target.exists():
            mine = _free(target)
            shutil.copy2(target, mine)
            kept = f"; yours is {mine.name}, as far as it was saved"
        unfinished.replace(target)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise WorkbenchError(f"{target}: cannot be written ({error.strerror}); nothing was lost.") from error
    note = record.add(record.path(), Event(chapter, "reset"))
    said = (
        f"{target.name} is as it was{kept}. Open it anew (File, Reload Notebook from "
        "Disk, or Revert where JupyterLab asks). Its exercises count as not passed."
    )
    return _shown(said, note)


def _free(target: Path) -> Path:
    number = 1
    while (mine := target.with_name(f"my-{target.stem}-{number}.ipynb")).exists():
        number += 1
    return mine


# How an outcome is told.


def _told(one: Exercise, verdict: Verdict) -> Outcome:
    lines = [f"{verdict.status} {one.number}" + (f" - {verdict.sentence}" if verdict.sentence else "")]
    notes = []
    if not _is_strict():
        file = record.path()
        events, note = record.read(file)
        notes = [note, record.add(file, Event(one.number, verdict.status))]
        if verdict.status == "PASS":
            unused = range(_standing(events, one.number).hints, len(one.hints))
            lines += [f"You did not need: {_hint(one, index)}" for index in unused]
    if verdict.status == "PASS":
        lines.append(f"Now try: {judging.checker_of(one.number).then}")
    return _strict(Outcome(_shown(*lines, *notes).text, verdict.status))


def _is_strict() -> bool:
    return os.environ.get(STRICT, "") not in ("", "0")


def _refused(error: WorkbenchError) -> Outcome:
    return _strict(Outcome(f"ERROR {error}", "ERROR"))


def _strict(outcome: Outcome) -> Outcome:
    if _is_strict() and outcome.status != "PASS":
        raise AssertionError(outcome.text)
    return outcome


def _current(number: str) -> Exercise:
    """The exercise, if the learner's notebook has it in the form that this package judges.

    Raises:
        WorkbenchError: There is no such exercise, or the notebook was made by another version.
    """
    one = _known(number)
    chapter = number.partition(".")[0]
    for path in sorted(Path.cwd().glob(f"{chapter}[_-]*.ipynb")):
        made = read_json(path).get("metadata", {}).get(builds.MADE)
        if isinstance(made, dict) and made.get("exercises", {}).get(number) != one.hash:
            raise WorkbenchError(
                f"{number} - {path.name} was made by mcp-workbench {made.get('version')}, and this is "
                f"{version('mcp-workbench')}, where the exercise is another. "
                f'reset("{chapter}") brings the new chapter, and keeps yours.'
            )
    return one


def _shown(*parts: str) -> Shown:
    return Shown("\n".join(part for part in parts if part))


def _hint(one: Exercise, index: int) -> str:
    return f"Hint {index + 1} of {len(one.hints)} for {one.number}: {one.hints[index]}"


def _bar(passed: int, total: int) -> str:
    return f"[{'#' * passed}{'.' * (total - passed)}]"


def _standing(events: list[Event], number: str) -> Standing:
    return record.standings(events).get(number, Standing())


# Where the exercises are: in the course that the package carries.


def _chapters() -> list[Path]:
    return workspace.course().chapters()


def _exercises_in(chapter: Path) -> tuple[Exercise, ...]:
    return exercises.found(read_json(chapter)["cells"])


def _source_of(number: str) -> Path:
    chapters = {path.name.partition("_")[0]: path for path in _chapters()}
    if number in chapters:
        return chapters[number]
    if (padded := f"0{number}") in chapters:
        raise WorkbenchError(f'{number}: the course has no such chapter. Do you mean "{padded}"?')
    raise WorkbenchError(f"{number}: the course has no such chapter; it has {', '.join(chapters)}.")


def _known(number: str) -> Exercise:
    """The exercise of this number.

    Raises:
        WorkbenchError: There is none; the text names the nearest.
    """
    chapter = str(number).partition(".")[0]
    found = (path for path in _chapters() if path.name.startswith((f"{chapter}_", f"{chapter.zfill(2)}_")))
    near = [one for path in found for one in _exercises_in(path)]
    for one in near:
        if one.number == number:
            return one
    names = " or ".join(f'"{one.number}"' for one in near)
    known = f"Do you mean {names}?" if near else "progress() lists them all."
    raise WorkbenchError(f"{number}: the course has no such exercise. {known}")
