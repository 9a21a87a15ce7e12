"""How our chapters are written, as far as it can be counted: pure functions from a notebook to its faults."""

from __future__ import annotations

import ast
import math
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from mcp_workbench.course import exercises

Cell = dict[str, Any]
FIRST = "00"  # the first chapter may be shorter, and has nothing that fails yet
LAST_WITH_EXERCISES = "12"
REFERENCE = "13"  # nobody reads the error gallery through: it may be long
TABLE = ("time", "needs", "adds to server.py", "offline")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
BANNED = re.compile(r"\b(simply|just|obviously|obvious)\b", re.IGNORECASE)
EMOJI = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf]")
SECRET = re.compile(
    r"\bsk-\w{6,}|Bearer \w{8,}|\b[0-9a-f]{32,}\b|\b(?!FileTreeV1)[A-Za-z0-9+/]{40,}={0,2}(?!\w)"
)
ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*$")
FORBIDDEN = ("asyncio.run(", "nest_asyncio", "mcp.run(", "__aenter__")
FILE = re.compile(r"^\w+ = '''\n.*?^'''$", re.MULTILINE | re.DOTALL)  # for a process of its own
NOT_YET = re.compile(r'not_yet\(\s*"[\w.]+",\s*lab,\s*r?"(.+)",?\s*\)$')
SETUP = re.compile(
    r"from fastmcp import (?P<fastmcp>[\w, ]+)\n"
    r"from mcp_workbench import (?P<workbench>[\w, ]+)\n"
    r'resume\("(?P<stem>\w+)"\)'
)


def faults(stem: str, notebook: dict[str, Any]) -> list[str]:
    """What is wrong with a chapter; `stem` is its file's name without `.ipynb`."""
    cells: list[Cell] = notebook["cells"]
    return [
        *_format(notebook),
        *_frame(stem, cells),
        *_size(stem, lesson(cells)),
        *_rhythm(lesson(cells)),
        *_exercises(stem, cells),
        *_prose(stem, cells),
        *_code(cells),
        *_finished(cells),
    ]


def source(cell: Cell) -> str:
    text = cell["source"]
    return text if isinstance(text, str) else "".join(text)


def is_code(cell: Cell) -> bool:
    return bool(cell["cell_type"] == "code")


def is_finished(cell: Cell) -> bool:
    return is_code(cell) and source(cell).startswith("#| export")


def is_docassert(cell: Cell) -> bool:
    return "docassert" in cell["metadata"].get("tags", [])


def is_trial(cell: Cell) -> bool:
    return is_code(cell) and not is_finished(cell) and not is_docassert(cell) and cell["id"] != "setup"


def prose(cells: list[Cell]) -> str:
    """The markdown, without code."""
    text = "\n\n".join(source(cell) for cell in cells if not is_code(cell))
    return CODE.sub("", FENCE.sub("", text))


def lesson(cells: list[Cell]) -> list[Cell]:
    """The cells without the exercises': those have a rhythm of their own, and come on top of a sitting."""
    own = {id(cell) for part in exercises.parts(cells) for cell in part}
    return [cell for cell in cells if id(cell) not in own and "check" not in exercises.tags(cell)]


def _format(notebook: dict[str, Any]) -> Iterator[str]:
    if (notebook["nbformat"], notebook["nbformat_minor"]) != (4, 5):
        yield "not notebook format 4.5"
    if notebook["metadata"].get("kernelspec", {}).get("name") != "python3":
        yield "the kernel is not python3"
    ids = [cell.get("id", "") for cell in notebook["cells"]]
    for identifier in ids:
        if not ID.match(identifier) or len(identifier) > 40:
            yield f"id {identifier!r} is not readable: kebab-case, at most 40 characters"
        if ids.count(identifier) > 1:
            yield f"id {identifier!r} stands twice"
    for cell in notebook["cells"]:
        if is_code(cell) and (cell["outputs"] or cell["execution_count"] is not None):
            yield f"{cell['id']}: committed with outputs"
        if "raises-exception" in cell["metadata"].get("tags", []):
            yield f"{cell['id']}: tagged raises-exception; use expect_error"
        if any(line != line.rstrip() for line in source(cell).split("\n")):
            yield f"{cell['id']}: trailing spaces"


def _frame(stem: str, cells: list[Cell]) -> Iterator[str]:
    number = stem.partition("_")[0]
    title = source(cells[0]) if cells else ""
    if not re.match(rf"# {number} \S", title) or cells[0]["id"] != "title":
        yield f"title: the first cell is not `# {number} Title` with the id title"
    if "You will build" not in title:
        yield "title: does not say what you will build"
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", title, re.MULTILINE)
    if tuple(name.strip() for name, _ in rows) != TABLE:
        yield f"title: the table's rows are not {', '.join(TABLE)}"
    elif rows[-1][1].strip() != "yes":
        yield "title: not offline"
    setup = cells[1] if len(cells) > 1 else {}
    match = SETUP.fullmatch(source(setup)) if setup and is_code(setup) else None
    if match is None or setup["id"] != "setup" or match["stem"] != stem:
        yield f'setup: not the three lines that end in resume("{stem}")'
    sections = [text for level, text in HEADING.findall(prose(cells)) if level == "##"]
    if sections[-2:] != ["Exercises", "Recap"]:
        yield "the last two sections are not Exercises and Recap"
    if not 3 <= len(sections) - 2 <= (math.inf if number == REFERENCE else 6):
        yield f"{len(sections) - 2} sections, not 3 to 6"
    recap = source(cells[-2]) if len(cells) > 1 else ""
    if "You can now" not in recap or "Exported:" not in recap:
        yield "recap: without `You can now` or `Exported:`"
    if cells[-1]["id"] != "next" or not source(cells[-1]).startswith("Next: "):
        yield "the last cell does not say what is next"


def _size(stem: str, cells: list[Cell]) -> Iterator[str]:
    fewest, least = (20, 700) if stem.startswith(FIRST) else (30, 1000)
    most, longest = (math.inf, math.inf) if stem.startswith(REFERENCE) else (60, 1800)
    if not fewest <= len(cells) <= most:
        yield f"{len(cells)} cells, not {fewest} to {most}"
    words = len(prose(cells).split())
    if not least <= words <= longest:
        yield f"{words} words, not {least} to {longest}"


def _rhythm(cells: list[Cell]) -> Iterator[str]:
    trials = [cell for cell in cells if is_trial(cell)]
    if trials and statistics.median(len(source(cell).split("\n")) for cell in trials) > 4:
        yield "the median trial cell has more than 4 lines"
    run: list[str] = []
    words = 0
    for cell in cells:
        if not is_code(cell):
            words = len(prose([cell]).split())
            run = []
            continue
        lines = len(source(cell).split("\n"))
        if lines > (40 if is_finished(cell) else 15):
            yield f"{cell['id']}: {lines} lines"
        if is_trial(cell):
            if not run and not 10 <= words <= 90:
                yield f"{cell['id']}: {words} words before it"
            run.append(cell["id"])
            if len([i for i in run if i]) > 2:
                yield f"{cell['id']}: the third code cell in a row"
        elif is_finished(cell):
            run.append("")
    if prose(cells).count("Predict:") < 2:
        yield "fewer than two predictions"


def _exercises(stem: str, cells: list[Cell]) -> Iterator[str]:
    number = stem.partition("_")[0]
    found = exercises.found(cells)
    if not found and number[:2] <= LAST_WITH_EXERCISES:
        yield "no exercise"
    if [one.number for one in found] != [f"{number}.{place}" for place in range(1, len(found) + 1)]:
        yield f"the exercises are numbered {', '.join(one.number for one in found)}"
    for one, part in zip(found, exercises.parts(cells), strict=True):
        yield from _exercise(one, part)
    tagged = [cell for cell in cells if exercises.tags(cell) & {"exercise", "hint", "wrong"}]
    own = {id(cell) for part in exercises.parts(cells) for cell in part}
    yield from (f"{cell['id']}: belongs to no exercise" for cell in tagged if id(cell) not in own)


def _exercise(one: exercises.Exercise, part: list[Cell]) -> Iterator[str]:
    kinds = [next(iter(exercises.tags(cell)), "") for cell in part[1:]]
    if not re.fullmatch("exercise check (hint ){2,3}(wrong ?){2,}", " ".join(kinds)):
        yield f"{one.number}: the cells after the task are {', '.join(kinds)}"
    if one.stub == one.solution or exercises.YOURS not in one.stub:
        yield f"{one.number}: nothing is left to the learner"
    if not 15 <= len(one.task.split()) <= 110:
        yield f"{one.number}: a task of {len(one.task.split())} words"
    check = source(part[2]) if len(part) > 2 else ""
    if check not in (f'check("{one.number}", lab)', f'await acheck("{one.number}", lab)'):
        yield f"{one.number}: the cell after the answer does not check it"
    if len({hint.casefold() for hint in one.hints}) < len(one.hints) or not all(one.hints):
        yield f"{one.number}: a hint that says nothing new"
    said = [match[1] for wrong in one.wrong if (match := NOT_YET.search(wrong.source))]
    if len(set(said)) < len(one.wrong) or not all(wrong.why for wrong in one.wrong):
        yield f"{one.number}: a wrong answer begins with why it is given, and ends in a sentence of its own"
    for cell in part:
        if is_code(cell) and len(source(cell).split("\n")) > 30:
            yield f"{cell['id']}: {len(source(cell).splitlines())} lines"


def _prose(stem: str, cells: list[Cell]) -> Iterator[str]:
    level = 0
    for marks, text in HEADING.findall(prose(cells)):
        if len(marks) > level + 1:
            yield f"heading {text!r} skips a level"
        level = len(marks)
    for match in BANNED.finditer(prose(cells)):
        yield f"the word {match[0]!r}"
    for cell in cells:
        if EMOJI.search(source(cell)):
            yield f"{cell['id']}: an emoji"
        if SECRET.search(source(cell)):
            yield f"{cell['id']}: looks like a secret"
    if not stem.startswith(FIRST) and not any("with expect_error(" in source(c) for c in cells if is_code(c)):
        yield "nothing fails in this chapter: no expect_error"


def _code(cells: list[Cell]) -> Iterator[str]:
    for cell in filter(is_code, cells):
        text = source(cell)
        for word in FORBIDDEN:
            if word in FILE.sub("", text):
                yield f"{cell['id']}: {word}"
        if re.search(r"^\s*[%!]", text, re.MULTILINE):
            yield f"{cell['id']}: a magic"
        if max(map(len, text.split("\n"))) > 100:
            yield f"{cell['id']}: a line of more than 100 characters"


def _finished(cells: list[Cell]) -> Iterator[str]:
    for cell in filter(is_finished, cells):
        for word in ("mcp_workbench", "print(", "assert "):
            if word in source(cell):
                yield f"{cell['id']}: {word.strip('( ')} in a finished cell"
        tree = ast.parse(source(cell))
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield from _function(cell, node)
            elif isinstance(node, ast.ClassDef) and not ast.get_docstring(node):
                yield f"{cell['id']}: class {node.name} without a docstring"
        if not _formatted(source(cell)):
            yield f"{cell['id']}: not as ruff formats it"


def _function(cell: Cell, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    if not ast.get_docstring(node):
        yield f"{cell['id']}: {node.name} without a docstring"
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    if node.returns is None or any(argument.annotation is None for argument in arguments):
        yield f"{cell['id']}: {node.name} without annotations"


def _formatted(text: str) -> bool:
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length=100", "-"]
    ran = subprocess.run(command, input=text + "\n", capture_output=True, text=True, check=True)
    return ran.stdout.rstrip("\n") == text.rstrip("\n")
