"""How fast is `mcp-workbench export`? Ratios against the floor and against nbdev, all measured in one run.

    python tests/benchmarks/export_speed.py [--nbdev PATH/TO/nbdev-export] [--quick]

The floor (floor.py) parses the JSON, parses and compiles each finished cell and writes the text; like nbdev
it checks nothing. What export takes without the findings of `check` that it prints as warnings has rows of
its own (without_warnings.py): measured in the same rounds, and held against the same bars. Without --nbdev, a
pinned nbdev is installed into a temporary virtual environment; where that fails, its columns stay empty. Of
the code cells counted, four in five are finished.

A figure is CPU time, user and system: of a whole process, start-up included, or of a warm call (warm.py).
The contenders take turns, each writing its target anew, and the first round is not counted. `x floor` and
`x nbdev` divide medians over the rounds, with the same of minima in brackets; bars are judged by medians.
From run to run ratios differed by some five per cent, those to nbdev's warm calls by fifteen. Measured with
CPython 3.11 to 3.13 on one shared Linux machine of two cores; milliseconds hold only where they were taken.
This prints and never fails: a bar that is not met says so.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

NBDEV = "nbdev==3.3.26"
HERE = Path(__file__).resolve().parent
WORKBENCH = Path(sys.executable).with_name("mcp-workbench")
# As after `pip install`, which compiles a wheel's modules: an editable install may write its .pyc files too.
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
CONTENDERS = ("workbench", "floor", "nbdev")
SCALING, MEMORY = 12.0, 1.5  # at most, for ten times the cells; at most, times the floor

Rounds = dict[str, list[float]]


@dataclass(frozen=True)
class Shape:
    """So many notebooks of so many code cells, run so often, and the bars for whole processes."""

    name: str
    notebooks: int
    cells: int
    rounds: int
    floor_bar: float | None = None
    nbdev_bar: float | None = None


SHAPES = [
    Shape("10 cells", 1, 10, 45, 4.0, 1 / 3),
    Shape("100 cells", 1, 100, 21),
    Shape("1,000 cells", 1, 1000, 15, 4.0, 1.0),
    Shape("100 x 20 cells", 100, 20, 9),
]
LARGE = Shape("2,000 cells", 1, 2000, 3)

FIRST = """\
#| export
import json
from dataclasses import dataclass

from fastmcp import FastMCP

mcp = FastMCP("bench")
"""
# {n} is the number of the cell, {p} that of the helper above it. Five kinds, and each fifth cell unfinished.
FINISHED = [
    '''\
#| export
from collections.abc import Iterable

LIMIT_{n} = {n} + 5
WORDS_{n} = frozenset({{"sea", "river", "harbour"}})


def rank_{n}(titles: Iterable[str], limit: int = LIMIT_{n}) -> list[str]:
    """The titles in which one of the words occurs, the shortest first."""
    found = [title for title in titles if not WORDS_{n}.isdisjoint(title.casefold().split())]
    return sorted(found, key=lambda title: (len(title), title))[:limit]
''',
    '''\
#| export
@dataclass(frozen=True)
class Shelf_{n}:
    """A shelf, with what is on it."""

    name: str
    titles: tuple[str, ...] = ()

    def holds(self, title: str) -> bool:
        """Is the title on this shelf?"""
        return title in self.titles

    def shortened(self, width: int = 40) -> str:
        """The shelf in one line of at most this width."""
        text = f"{{self.name}}: {{', '.join(self.titles)}}"
        return text if len(text) <= width else f"{{text[: width - 3]}}..."
''',
    '''\
#| export
@mcp.tool
def find_{n}(words: str, limit: int = 10) -> list[str]:
    """Find titles by words that occur in them.

    Args:
        words: What to look for, in any order.
        limit: At most so many.
    """
    if not words.strip():
        raise ValueError("Give at least one word.")
    return rank_{p}(words.split(","), limit)
''',
    '''\
#| export
import asyncio


@mcp.resource("shelf://{n}/{{name}}")
async def shelf_{n}(name: str) -> str:
    """A shelf as JSON, read a little later."""
    await asyncio.sleep(0)
    titles = rank_{p}([f"{{name}} by the sea", "a river"], limit=3)
    return json.dumps({{"name": name, "titles": titles, "count": len(titles)}}, ensure_ascii=False)
''',
]
TRIAL = """\
shown = rank_{p}(["The sea", "A harbour", "Roads"], limit=2)
assert len(shown) <= 2, shown
shown
"""
TEXT = """\
## Part {n}: what it is for

A few words on why the next cell is there, what to look at when it runs, and what could go wrong with it.
"""


def cell(kind: str, identifier: str, source: str) -> dict[str, Any]:
    made: dict[str, Any] = {"cell_type": kind, "id": identifier, "metadata": {}}
    made["source"] = source.rstrip("\n").splitlines(keepends=True)
    return made | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def chapter(first: int, count: int) -> list[dict[str, Any]]:
    """The cells of a notebook; its code cells are numbered from `first` on."""
    made = []
    for n in range(first, first + count):
        kind = (n - first) % 5
        if kind % 2 == 0:
            made.append(cell("markdown", f"text-{n}", TEXT.format(n=n)))
        source = FIRST if n == 0 else (*FINISHED, TRIAL)[kind].format(n=n, p=max(n - kind, 5))
        made.append(cell("code", f"cell-{n}", source))
    return made


def make(folder: Path, shape: Shape) -> tuple[Path, Path]:
    """A workspace of ours and a project of nbdev's with the same cells."""
    metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    ours, theirs = folder / "ours", folder / "theirs"
    for place in (ours, theirs):
        (place / "notebooks").mkdir(parents=True)
        for number in range(shape.notebooks):
            cells = chapter(number * shape.cells, shape.cells)
            if place is theirs:  # to mcp-workbench this mark is an unknown one
                name = "core" if shape.notebooks == 1 else f"part_{number:02}"
                cells.insert(0, cell("code", "default-exp", f"#| default_exp {name}"))
            notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
            path = place / "notebooks" / f"{number:02}_part.ipynb"
            path.write_text(json.dumps(notebook, indent=1), encoding="utf-8")
    (ours / "pyproject.toml").write_text("[tool.mcp-workbench]\n")
    (theirs / "peer").mkdir()
    (theirs / "pyproject.toml").write_text(
        '[project]\nname = "peer"\nversion = "0.1.0"\ndescription = "x"\n'
        '[tool.nbdev]\nlib_path = "peer"\nnbs_path = "notebooks"\n'
    )
    return ours, theirs


def run(command: Sequence[str | Path], folder: Path) -> tuple[float, int]:
    """CPU seconds (user and system) and peak memory of one process and its children."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, stdout=said, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"{command} failed:\n{said.read().decode()[-2000:]}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def cpu(command: Sequence[str | Path], folder: Path) -> float:
    return run(command, folder)[0]


def in_turns(runs: Mapping[str, Callable[[], float]], rounds: int) -> Rounds:
    """What each gave in rounds in which all take turns, forwards and backwards; the first is not counted."""
    found: Rounds = {name: [] for name in runs}
    for number in range(rounds + 1):
        for name in list(runs) if number % 2 else list(runs)[::-1]:
            value = runs[name]()
            if number:
                found[name].append(value)
    return found


WITHOUT: Sequence[str | Path] = [sys.executable, HERE / "without_warnings.py"]


def processes(ours: Path, theirs: Path, nbdev: Path | None) -> dict[str, Callable[[], float]]:
    """Whole processes, each of which writes its target anew."""

    def anew(targets: list[Path], command: Sequence[str | Path], folder: Path) -> float:
        for target in targets:
            target.unlink(missing_ok=True)
        return cpu(command, folder)

    server, joined = ours / "server.py", ours / "floor.txt"
    join: Sequence[str | Path] = [sys.executable, HERE / "floor.py", "notebooks", joined]
    runs = {
        "workbench": lambda: anew([server], [WORKBENCH, "export"], ours),
        "without warnings": lambda: anew([server], WITHOUT, ours),
        "floor": lambda: anew([joined], join, ours),
    }
    if nbdev:
        runs["nbdev"] = lambda: anew(list((theirs / "peer").glob("*.py")), [nbdev], theirs)
    return runs


@contextmanager
def warm(ours: Path, theirs: Path, nbdev: Path | None) -> Iterator[dict[str, Callable[[], float]]]:
    """The same as calls in processes that stay: modules imported, files in the cache."""
    pythons = {"workbench": Path(sys.executable), "floor": Path(sys.executable)}
    if nbdev and nbdev.with_name("python").exists():
        pythons["nbdev"] = nbdev.with_name("python")

    def ask(process: subprocess.Popen[str]) -> float:
        assert process.stdin
        assert process.stdout
        process.stdin.write("\n")
        process.stdin.flush()
        return float(process.stdout.readline())

    with ExitStack() as stack:
        runs: dict[str, Callable[[], float]] = {}
        for name, python in pythons.items():
            process = stack.enter_context(
                subprocess.Popen(
                    [python, HERE / "warm.py", name],
                    cwd=theirs if name == "nbdev" else ours,
                    env=ENVIRONMENT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            runs[name] = partial(ask, process)
        yield runs


def check_outputs(ours: Path, theirs: Path, shape: Shape, nbdev: Path | None) -> None:
    """Each wrote every function and class of the finished cells, once, and none of another."""
    every = [c for n in range(shape.notebooks) for c in chapter(n * shape.cells, shape.cells)]
    sources = ["".join(c["source"]) for c in every]
    expected = defined("\n".join(s for s in sources if s.startswith("#| export")))
    written = {
        "workbench": (ours / "server.py").read_text(),
        "floor": (ours / "floor.txt").read_text(),
    }
    if nbdev:
        written["nbdev"] = "\n".join(p.read_text() for p in sorted((theirs / "peer").glob("[cp]*.py")))
    for name, text in written.items():
        missing = set(expected) ^ (set(defined(text)) - {"main"})
        if missing or len(defined(text)) - (name == "workbench") != len(expected):
            raise SystemExit(f"{name} did not export the same as the others: {sorted(missing)[:5]}")


def defined(text: str) -> list[str]:
    """Found without ast, whose trees would make this process, and its children's peaks, larger."""
    return re.findall(r"^(?:async def|def|class) (\w+)", text, re.MULTILINE)


def ratio(found: Rounds, other: str) -> float | None:
    if other not in found:
        return None
    return statistics.median(found["workbench"]) / statistics.median(found[other])


def row(name: str, *columns: str) -> None:
    print(f"{name:30}" + "".join(f"{column:>15}" for column in columns), flush=True)


def report(name: str, found: Rounds, floor_bar: float | None = None, nbdev_bar: float | None = None) -> None:
    """A line of the table, and one for export without its warnings."""
    columns, verdicts = [f"{statistics.median(found['workbench']) * 1000:.1f}"], []
    for other, bar in (("floor", floor_bar), ("nbdev", nbdev_bar)):
        times = ratio(found, other)
        if times is None:
            columns.append("-")
            continue
        columns.append(f"{times:.3g} ({min(found['workbench']) / min(found[other]):.3g})")
        if bar is not None:
            verdicts.append(verdict(times, bar, f" x {other}"))
    row(name, *columns, "  " + ", ".join(verdicts))
    if "without warnings" in found:
        others = {other: found[other] for other in ("floor", "nbdev") if other in found}
        report(
            f"{name}, no warnings", {"workbench": found["without warnings"], **others}, floor_bar, nbdev_bar
        )


def verdict(value: float, bar: float, of: str = "") -> str:
    return f"{'met' if value <= bar else 'NOT met'} (<= {bar:.3g}{of})"


def peak_memory(folder: Path) -> None:
    """A child's peak counts this process's too, from before its exec; so this is measured first."""
    ours, theirs = make(folder, LARGE)
    join: Sequence[str | Path] = [sys.executable, HERE / "floor.py", "notebooks", "floor.txt"]
    commands = {"": [WORKBENCH, "export"], ", no warnings": WITHOUT}
    peaks: dict[str, list[int]] = {"": [], ", no warnings": [], "floor": []}
    for _ in range(LARGE.rounds):
        for name, command in commands.items():
            (ours / "server.py").unlink(missing_ok=True)
            peaks[name].append(run(command, ours)[1])
        peaks["floor"].append(run(join, ours)[1])
    check_outputs(ours, theirs, LARGE, None)
    for name in commands:
        times = statistics.median(peaks[name]) / statistics.median(peaks["floor"])
        row(f"peak, {LARGE.name}{name}", "", f"{times:.2f}", "-", "  " + verdict(times, MEMORY, " x floor"))


def scaling(kind: str, medians: dict[str, float]) -> None:
    times = medians["1,000 cells"] / medians["100 cells"]
    row(f"100 to 1,000 cells, {kind}", f"x {times:.1f}", "", "", "  " + verdict(times, SCALING))


def install_nbdev(folder: Path) -> Path | None:
    """nbdev in a virtual environment of its own, or None where it cannot be installed."""
    print(f"Installing {NBDEV} into a temporary environment ...", flush=True)
    try:
        venv.create(folder, with_pip=True)
        pip: list[str | Path] = [
            folder / "bin" / "python",
            "-m",
            "pip",
            "install",
            "-q",
            "--disable-pip-version-check",
            NBDEV,
        ]
        subprocess.run(pip, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"It cannot be installed ({error}): the peer is missing from this run.")
        return None
    return folder / "bin" / "nbdev-export"


def main() -> None:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--nbdev", type=Path, help="nbdev-export of the same Python; default: install it")
    parser.add_argument("--quick", action="store_true", help="a third of the rounds")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        nbdev = options.nbdev.absolute() if options.nbdev else install_nbdev(folder / "nbdev")
        if nbdev and not nbdev.exists():
            parser.error(f"{nbdev}: no such file")
        row("export, CPU time", "workbench ms", "x floor (min)", "x nbdev (min)", "  bars")
        peak_memory(folder / "memory")
        cold: dict[str, float] = {}
        hot: dict[str, float] = {}
        for number, shape in enumerate(SHAPES):
            ours, theirs = make(folder / str(number), shape)
            rounds = shape.rounds // 3 if options.quick else shape.rounds
            found = in_turns(processes(ours, theirs, nbdev), rounds)
            check_outputs(ours, theirs, shape, nbdev)
            report(shape.name, found, shape.floor_bar, shape.nbdev_bar)
            cold[shape.name] = statistics.median(found["workbench"])
            with warm(ours, theirs, nbdev) as runs:
                found = in_turns(runs, rounds)
            check_outputs(ours, theirs, shape, nbdev)
            report(f"{shape.name}, warm call", found)
            hot[shape.name] = statistics.median(found["workbench"])
            runs = processes(ours, theirs, None)
            del runs["without warnings"]
            check: Sequence[str | Path] = [WORKBENCH, "export", "--check"]
            runs["workbench"] = partial(cpu, check, ours)
            report(f"{shape.name}, --check", in_turns(runs, rounds))
        scaling("process", cold)
        scaling("warm call", hot)
        bare = {
            "workbench": partial(cpu, [WORKBENCH, "--help"], folder),
            "floor": partial(cpu, [sys.executable, "-c", "pass"], folder),
        }
        report("--help / python -c pass", in_turns(bare, 9 if options.quick else 25))


if __name__ == "__main__":
    main()
