"""The chapters: how they are written, that each runs alone, and that a cell may be run twice."""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from conftest import ROOT
from exercise_cells import with_stubs
from notebook_scan import scan
from notebook_style import faults
from serving import warm_kernels, warm_python

from mcp_workbench.course.feedback import STRICT

NOTEBOOKS = ROOT / "notebooks"
CHAPTERS = sorted(NOTEBOOKS.glob("*.ipynb"))
STARTING_PROCESSES = ("12a", "12b", "13", "15")  # cell by cell, each from nothing: twice would take minutes
Notebook = dict[str, Any]


def each_chapter(test: Callable[..., None]) -> Callable[..., None]:
    return pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)(test)


@pytest.fixture
def copies(tmp_path: Path) -> Path:
    """The chapters and their data, copied to another folder."""
    folder = tmp_path / "copies"
    shutil.copytree(NOTEBOOKS, folder, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    return folder


def execute(path: Path) -> tuple[Notebook, str]:
    """Execute a notebook under nbmake, as CI does; gives it executed, and what pytest said if it failed."""
    command = [*warm_python(), "-m", "pytest", "-p", "no:cacheprovider", "-o", "addopts=", "-q"]
    ran = subprocess.run(
        [*command, "--nbmake", "--nbmake-timeout=300", "--overwrite", str(path)],
        cwd=path.parent,
        env={**os.environ, STRICT: "1", "JUPYTER_PATH": warm_kernels()},
        capture_output=True,
        text=True,
        check=False,
    )
    said = "" if ran.returncode == 0 else ran.stdout
    return json.loads(path.read_text("utf-8")), said


def test_there_are_chapters() -> None:
    """One for each number from 00 on, or several with a letter: 09a, 09b."""
    places = [path.stem.partition("_")[0] for path in CHAPTERS]
    numbers = sorted({place[:2] for place in places})
    assert numbers == [f"{n:02}" for n in range(len(numbers))]
    for number in numbers:
        parts = [place[2:] for place in places if place[:2] == number]
        assert parts == ([""] if len(parts) == 1 else list("abcdef"[: len(parts)]))
    assert places[-1] >= "12"


@each_chapter
def test_it_is_written_as_chapters_are(chapter: Path) -> None:
    assert faults(chapter.stem, json.loads(chapter.read_text("utf-8"))) == []


@each_chapter
def test_it_is_a_valid_notebook(chapter: Path) -> None:
    nbformat.validate(json.loads(chapter.read_text("utf-8")))


@each_chapter
def test_it_runs_alone_under_nbmake_and_a_cell_may_be_run_twice(chapter: Path, copies: Path) -> None:
    """Every code cell stands twice; what it shows is the same. Not in the chapters that start processes.

    Each exercise's stub is TODO, its solution PASS, and each wrong answer NOT YET, with its sentence.
    """
    notebook = json.loads(chapter.read_text("utf-8"))
    times = 1 if chapter.stem.startswith(STARTING_PROCESSES) else 2
    cells = []
    for cell in with_stubs(notebook["cells"]):
        again = {**cell, "id": f"{cell['id']}-again"}
        cells += [cell] if cell["cell_type"] != "code" or times == 1 else [cell, again]
    notebook["cells"] = cells
    path = copies / chapter.name
    path.write_text(json.dumps(notebook), "utf-8")
    executed, said = execute(path)
    assert said == ""
    assert scan(executed) == []
    code = [cell for cell in executed["cells"] if cell["cell_type"] == "code"]
    for once, again in zip(code[::times], code[times - 1 :: times], strict=True):
        assert shown(again) == shown(once), once["id"]


def shown(cell: Notebook) -> str:
    """All text that a cell showed; how a stream is cut into messages is the kernel's affair."""
    parts = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell["outputs"]]
    return "".join("".join(part) for part in parts)


# The rules themselves: a good notebook has no fault, and each rule is seen to catch something.


def markdown(identifier: str, text: str) -> Notebook:
    return {"cell_type": "markdown", "id": identifier, "metadata": {}, "source": text}


def code(identifier: str, text: str, *tags: str) -> Notebook:
    metadata = {"tags": list(tags)} if tags else {}
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": identifier,
        "metadata": metadata,
        "outputs": [],
        "source": text,
    }


SETUP = 'from fastmcp import Client, FastMCP\nfrom mcp_workbench import expect_error, resume\nresume("07_x")'
TITLE = (
    "# 07 X\n\nYou will build x.\n\n| time | 20 minutes |\n|---|---|\n| needs | chapter 06 |\n"
    "| adds to server.py | x |\n| offline | yes |"
)
FINISHED = '#| export\n@mcp.tool\ndef x(y: int) -> int:\n    """Twice."""\n    return 2 * y'


def good() -> Notebook:
    words = " ".join(["A plain sentence of ten words that says what comes."] * 4)
    cells = [markdown("title", TITLE), code("setup", SETUP)]
    for number in range(3):
        cells.append(markdown(f"section-{number}", f"## Section {number}\n\n{words}\n\nPredict: what comes?"))
        cells.append(code(f"first-{number}", "with expect_error(ValueError):\n    raise ValueError"))
        for step in range(3):
            cells.append(markdown(f"text-{number}-{step}", words))
            cells.append(code(f"code-{number}-{step}", "x = 1\nx"))
    cells.append(markdown("finished-text", words))
    cells.append(code("finished", FINISHED))
    cells.append(markdown("filler", ("word " * 500).strip()))
    cells.append(markdown("exercises", "## Exercises\n\nOn a server of your own."))
    cells += exercise()
    cells.append(markdown("recap", "## Recap\n\nYou can now x.\n\nExported: `x`."))
    cells.append(markdown("next", "Next: 08 Y"))
    kernel = {"kernelspec": {"name": "python3"}}
    return {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}


def exercise() -> list[Notebook]:
    task = f"### 07.1 X (5 minutes)\n\n{' '.join(['word'] * 20)}"
    answer = 'lab = FastMCP("lab")\n### BEGIN SOLUTION\nx = 1\n### END SOLUTION'
    wrongs = [f'# People forget {n}.\nnot_yet("07.1", lab, "no {n}")' for n in (1, 2)]
    return [
        markdown("task", task),
        code("answer", answer, "exercise"),
        code("check", 'check("07.1", lab)', "check"),
        *[{**markdown(f"hint-{n}", f"Hint {n}"), "metadata": {"tags": ["hint"]}} for n in (1, 2)],
        *[code(f"wrong-{n}", wrong, "wrong") for n, wrong in enumerate(wrongs)],
    ]


def without(*identifiers: str) -> Callable[[Notebook], None]:
    def change(notebook: Notebook) -> None:
        notebook["cells"] = [cell for cell in notebook["cells"] if cell["id"] not in identifiers]

    return change


def cell_of(notebook: Notebook, identifier: str) -> Notebook:
    return next(cell for cell in notebook["cells"] if cell["id"] == identifier)


def write(identifier: str, text: str) -> Callable[[Notebook], None]:
    def change(notebook: Notebook) -> None:
        cell_of(notebook, identifier)["source"] = text

    return change


def replace(identifier: str, old: str, new: str) -> Callable[[Notebook], None]:
    def change(notebook: Notebook) -> None:
        cell = cell_of(notebook, identifier)
        assert old in cell["source"]
        cell["source"] = cell["source"].replace(old, new)

    return change


def insert(before: str, *cells: Notebook) -> Callable[[Notebook], None]:
    def change(notebook: Notebook) -> None:
        place = notebook["cells"].index(cell_of(notebook, before))
        notebook["cells"][place:place] = copy.deepcopy(list(cells))

    return change


def put(identifier: str, key: str, value: Any) -> Callable[[Notebook], None]:
    def change(notebook: Notebook) -> None:
        cell_of(notebook, identifier)[key] = value

    return change


def everywhere(old: str, new: str) -> Callable[[Notebook], None]:
    def change(notebook: Notebook) -> None:
        for cell in notebook["cells"]:
            cell["source"] = cell["source"].replace(old, new)

    return change


BROKEN: dict[str, tuple[Callable[[Notebook], Any], str]] = {
    "format": (lambda n: n.update(nbformat_minor=4), "format 4.5"),
    "kernel": (lambda n: n["metadata"].update(kernelspec={"name": "ir"}), "python3"),
    "id": (put("code-0-0", "id", "Code_1"), "not readable"),
    "long id": (put("code-0-0", "id", "a" * 41), "not readable"),
    "same id": (put("code-0-0", "id", "code-0-1"), "stands twice"),
    "outputs": (put("code-0-0", "execution_count", 3), "committed with outputs"),
    "raises": (put("code-0-0", "metadata", {"tags": ["raises-exception"]}), "use expect_error"),
    "spaces": (write("code-0-0", "x = 1 \nx"), "trailing spaces"),
    "number": (replace("title", "# 07", "# 08"), "the first cell is not"),
    "build": (replace("title", "You will build", "This is"), "what you will build"),
    "table": (replace("title", "| needs | chapter 06 |\n", ""), "the table's rows"),
    "online": (replace("title", "| offline | yes |", "| offline | no |"), "not offline"),
    "setup": (replace("setup", "07_x", "06_x"), "setup"),
    "long setup": (replace("setup", "resume(", "x = 1\nresume("), "setup"),
    "exercises": (replace("exercises", "Exercises", "Homework"), "not Exercises and Recap"),
    "sections": (replace("section-2", "## Section 2", ""), "2 sections"),
    "recap": (replace("recap", "Exported:", "Names:"), "recap"),
    "next": (write("next", "The end."), "what is next"),
    "cells": (lambda n: n["cells"].__delitem__(slice(3, 9)), "cells, not 30"),
    "too many cells": (insert("next", *[markdown(f"m{i}", "x") for i in range(40)]), "to 60"),
    "words": (write("filler", "few"), "words, not"),
    "too many words": (write("filler", "word " * 2000), "words, not"),
    "median": (everywhere("x = 1\nx", "x = 1\n\n\n\nx"), "median"),
    "long cell": (write("code-0-0", "x\n" * 15 + "x"), "16 lines"),
    "long finished cell": (replace("finished", "    return", "    # x\n" * 36 + "    return"), "41 lines"),
    "no text": (write("text-0-0", "Now."), "1 words before it"),
    "row": (insert("code-0-0", code("a", "1"), code("b", "2")), "third code cell"),
    "predictions": (everywhere("Predict:", "Well:"), "predictions"),
    "skipped heading": (replace("section-1", "## Section", "#### Section"), "skips a level"),
    "banned": (write("text-0-0", "This is just a word of ten that says it all."), "the word 'just'"),
    "emoji": (write("text-0-0", "A plain sentence of ten words that says it \U0001f600."), "emoji"),
    "secret": (write("code-0-0", "key = 'Bearer abcdefgh'"), "secret"),
    "nothing fails": (everywhere("with expect_error(ValueError):\n    raise", "raise"), "no expect_error"),
    "run": (write("code-0-0", "asyncio.run(x)"), "asyncio.run("),
    "enter": (write("code-0-0", "await client.__aenter__()"), "__aenter__"),
    "magic": (write("code-0-0", "%time x"), "a magic"),
    "long line": (write("code-0-0", f"x = '{'x' * 100}'"), "100 characters"),
    "workbench": (replace("finished", "2 * y", "mcp_workbench"), "mcp_workbench in a finished"),
    "print": (replace("finished", "return", "print(y)\n    return"), "print in a finished"),
    "docstring": (replace("finished", '    """Twice."""\n', ""), "without a docstring"),
    "class": (write("finished", "#| export\nclass X:\n    pass"), "class X without"),
    "annotation": (replace("finished", "y: int", "y"), "without annotations"),
    "no exercise": (replace("task", "(5 minutes)", ""), "no exercise"),
    "number of an exercise": (replace("task", "07.1", "07.2"), "numbered 07.2"),
    "one hint": (without("hint-1"), "the cells after the task"),
    "same hints": (write("hint-1", "Hint 2"), "says nothing new"),
    "one wrong answer": (without("wrong-0"), "the cells after the task"),
    "same sentence": (replace("wrong-1", "no 2", "no 1"), "a sentence of its own"),
    "no reason": (replace("wrong-1", "# People", "People"), "why it is given"),
    "nothing to do": (write("answer", "lab = 1"), "nothing is left"),
    "long task": (replace("task", "word", "word word word word word word"), "a task of"),
    "short task": (write("task", "### 07.1 X (5 minutes)\n\nWrite it."), "a task of"),
    "another check": (replace("check", "07.1", "07.2"), "does not check it"),
    "astray": (
        insert("recap", markdown("up", "## Up"), code("lost", "1", "wrong")),
        "belongs to no exercise",
    ),
    "long answer": (replace("answer", "x = 1", "x = 1\n" * 30), "lines"),
    "unformatted": (replace("finished", "2 * y", "2*y"), "as ruff formats"),
}


def test_a_good_notebook_has_no_fault() -> None:
    assert faults("07_x", good()) == []


def test_the_reference_may_be_long_and_no_other_chapter() -> None:
    long = good()
    sections = [markdown(f"more-{number}", f"## More {number}") for number in range(9)]
    texts = [markdown(f"text-{number}", ("word " * 40).strip()) for number in range(60)]
    insert("finished", *sections, *texts)(long)
    assert [fault.split()[1] for fault in faults("07_x", long)] == ["sections,", "cells,", "words,"]
    everywhere("# 07", "# 13")(long)
    everywhere("07_x", "13_x")(long)
    everywhere("07.1", "13.1")(long)
    assert faults("13_x", long) == []
    assert any("words" in fault for fault in faults("13_x", {**long, "cells": long["cells"][:9]}))


def test_what_a_file_says_is_not_what_the_cell_does() -> None:
    notebook = good()
    write("code-0-0", "server = '''\nimport asyncio\nasyncio.run(x())\n'''")(notebook)
    assert faults("07_x", notebook) == []
    write("code-0-0", "x = '''\n1\n'''\nasyncio.run(x())")(notebook)
    assert faults("07_x", notebook) == ["code-0-0: asyncio.run("]


@pytest.mark.parametrize("rule", BROKEN)
def test_each_rule_catches(rule: str) -> None:
    change, keyword = BROKEN[rule]
    notebook = good()
    change(notebook)
    found = faults("07_x", notebook)
    assert any(keyword in fault for fault in found), found


def test_the_scan_sees_what_nbmake_does_not(tmp_path: Path) -> None:
    """A notebook that nbmake passes, executed for real, with every silent defect in it."""
    cells = [
        code("magic", "%nosuchmagic"),
        code("thread", "import threading\nt = threading.Thread(target=lambda: 1 / 0)\nt.start()\nt.join()"),
        code("coroutine", "import asyncio\nasync def f(): pass\nf()"),
        code("awaited", "f()\nNone"),
        code("task", "async def die(): 1 / 0\nt = asyncio.create_task(die())\nawait asyncio.sleep(0)\ndel t"),
        code("collected", "import gc\n_ = gc.collect()"),
        code("raises", "1", "raises-exception"),
        code("long", "print('x\\n' * 20)"),
        code("unstable", "print(object(), '127.0.0.1:80', '/tmp/x', '2026-01-01T10:00')"),
        code("fine", "'Mon-Fri 10:00-18:00'"),
    ]
    path = tmp_path / "x.ipynb"
    notebook = {**good(), "cells": cells}
    notebook["metadata"]["execution"] = {"allow_errors": True}
    path.write_text(json.dumps(notebook), "utf-8")
    executed, said = execute(path)
    assert said == ""
    found = scan(executed)
    for expected in (
        "magic: a magic that does not exist",
        "thread: a thread that died",
        "coroutine: a coroutine that was never awaited",
        "raises: raises-exception, and nothing was raised",
        "long: 21 lines of output",
        "unstable: an address in memory",
        "unstable: a port",
        "unstable: a path",
        "unstable: a time",
    ):
        assert any(fault.startswith(expected) for fault in found), (expected, found)
    assert any("a task that died" in fault for fault in found), found
    assert any("was never awaited" in fault for fault in found), found
    assert not any(fault.startswith("fine") for fault in found)


def test_the_scan_sees_a_cell_that_was_not_executed() -> None:
    assert scan({"cells": [code("x", "1")]}) == ["x: was not executed"]
