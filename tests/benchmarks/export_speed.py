"""How fast is `mcp-workbench export`? Ratios against the floor and against nbdev-export, in one run.

    python tests/benchmarks/export_speed.py [--nbdev PATH/TO/nbdev-export] [--rounds 15]

The floor (floor.py) parses the JSON, parses and compiles each cell and writes; it checks nothing, nor does
nbdev-export. Without --nbdev, nbdev is installed into a temporary virtual environment. All take turns in
each round; a figure is the median over the rounds of the CPU time (user and system) of a whole process,
start-up included, or of a warm call in one process. This prints and never fails: machines are shared, and a
bar that is not met says so.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from floor import floor
from rich.console import Console
from rich.progress import track
from rich.table import Table

from mcp_workbench import export, workspace

NBDEV = "nbdev==3.3.26"
HERE = Path(__file__).parent
SHAPES = {"10 cells": (1, 10), "100 cells": (1, 100), "1,000 cells": (1, 1000), "100 x 20 cells": (100, 20)}
BARS = {  # at most so many times (the floor, nbdev)
    "10 cells": (4.0, 1 / 3),
    "1,000 cells": (4.0, 1.0),
}
# As after `pip install`, which compiles a wheel's modules: an editable install may write its .pyc files too.
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
console = Console(width=110)


@dataclass(frozen=True)
class Place:
    """One set of notebooks on disk: a workspace of ours that is a project of nbdev's too."""

    folder: Path

    @property
    def notebooks(self) -> Path:
        return self.folder / "notebooks"


def cell(kind: str, identifier: str, source: str) -> dict[str, Any]:
    made: dict[str, Any] = {"cell_type": kind, "id": identifier, "metadata": {}}
    made["source"] = source.splitlines(keepends=True)
    return made | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def finished(number: int, first: int) -> str:
    """A cell of a server: an import, a class or a function, a constant, a use of others."""
    imports = ["import json", "from pathlib import Path", "from typing import Any", "import os"][number % 4]
    used = ["json.dumps", "Path", "Any", "os.fspath"][number % 4]
    before = f"answer_{number - 1}" if number > first and (number - 1) % 5 else "str"
    if number % 5 == 0:
        return (
            f"#| export\n{imports}\n\n\nclass Record{number}:\n"
            f'    """A record of kind {number}, with what is known of it."""\n\n'
            f"    kind = {number}\n    read = {used}\n\n"
            f"    def matches(self, words: str) -> bool:\n"
            f'        """Does every one of these words occur?"""\n'
            f"        return all(word in str(self.kind) for word in words.split())"
        )
    return (
        f"#| export\n{imports}\n\nLIMIT_{number} = {number}\n\n\n"
        f"def answer_{number}(words: str, limit: int = LIMIT_{number}) -> object:\n"
        f'    """Say what is known of these words.\n\n    Args:\n        words: What to look for.\n    """\n'
        f"    found = [word for word in words.split() if len(word) > limit]\n"
        f"    if not found:\n        return {before}(words)\n"
        f"    return {used}, sorted(found)"
    )


def make(folder: Path, chapters: int, cells: int) -> Place:
    """Write notebooks: finished cells, each with a text above it, and a scratch cell behind every fourth."""
    place = Place(folder)
    place.notebooks.mkdir(parents=True)
    (folder / "core").mkdir()
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "peer"\nversion = "1.0.0"\ndescription = "x"\n[tool.mcp-workbench]\n'
        '[tool.nbdev]\nlib_path = "core"\nnbs_path = "notebooks"\n'
    )
    for chapter in range(chapters):
        made = [cell("code", "default-exp", f"#| default_exp part{chapter:02}")]
        for index in range(cells):
            number = chapter * cells + index
            made.append(cell("markdown", f"text-{number}", f"## Part {number}\n\nWhat it is for, and why.\n"))
            if number == 0:
                made.append(cell("code", "server", "#| export\nmcp = object()"))
                continue
            made.append(cell("code", f"cell-{number}", finished(number, chapter * cells + 1)))
            if number % 4 == 0:
                made.append(cell("code", f"try-{number}", f"scratch = {number}\nscratch"))
        metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
        notebook = {"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
        (place.notebooks / f"{chapter:02}_part.ipynb").write_text(json.dumps(notebook, indent=1))
    return place


def without_default_exp(place: Place) -> None:
    """nbdev's mark is an unknown one to us: our copy of the notebooks has none."""
    for path in place.notebooks.glob("*.ipynb"):
        notebook = json.loads(path.read_text())
        del notebook["cells"][0]
        path.write_text(json.dumps(notebook, indent=1))


def measured(command: list[str], folder: Path) -> tuple[float, int]:
    """CPU seconds (user and system) and peak memory (KiB) of one process."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover
        os.chdir(folder)
        os.dup2(writing, 1)
        os.dup2(writing, 2)
        os.execve(command[0], command, ENVIRONMENT)
    os.close(writing)
    said = b""
    while chunk := os.read(reading, 65536):
        said += chunk
    os.close(reading)
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"{' '.join(command)}: {said.decode()[-2000:]}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def interleaved(runs: dict[str, Callable[[], float]], rounds: int, label: str) -> dict[str, float]:
    """The median of each over rounds in which all take turns; the first round warms the disk's cache."""
    found: dict[str, list[float]] = {name: [] for name in runs}
    for number in track(range(rounds + 1), label, console=console, transient=True):
        for name in list(runs) if number % 2 else list(runs)[::-1]:
            value = runs[name]()
            if number:
                found[name].append(value)
    return {name: statistics.median(values) for name, values in found.items()}


def ours_and_theirs(folder: Path, name: str) -> tuple[Place, Place]:
    chapters, cells = SHAPES[name]
    ours, theirs = (make(folder / f"{who}-{chapters}-{cells}", chapters, cells) for who in ("ours", "theirs"))
    without_default_exp(ours)
    return ours, theirs


def commands(ours: Place, theirs: Place, nbdev: Path | None) -> dict[str, Callable[[], float]]:
    """What is measured on one set of notebooks: whole processes, each of which writes its target anew."""
    workbench = str(Path(sys.executable).with_name("mcp-workbench"))
    target = ours.folder / "server.py"

    def run_ours() -> float:
        target.unlink(missing_ok=True)
        return measured([workbench, "export"], ours.folder)[0]

    def run_floor() -> float:
        joined = str(ours.folder / "floor.txt")
        return measured([sys.executable, str(HERE / "floor.py"), str(ours.notebooks), joined], ours.folder)[0]

    found = {"ours": run_ours, "floor": run_floor}
    if nbdev is not None:
        found["nbdev"] = lambda: measured([str(nbdev)], theirs.folder)[0]
    return found


def check_outputs(ours: Place, theirs: Place, cells: int, nbdev: Path | None) -> None:
    """Everybody exported every definition."""
    expected = sum(1 for number in range(1, cells) if number % 5)
    texts = [(ours.folder / "server.py").read_text(), (ours.folder / "floor.txt").read_text()]
    if nbdev is not None:
        texts.append("".join(path.read_text() for path in (theirs.folder / "core").glob("part*.py")))
    for text in texts:
        assert text.count("def answer_") == expected, (text.count("def answer_"), expected)


def warm(ours: Place) -> dict[str, Callable[[], float]]:
    """The same in this process, modules imported and files in the cache."""
    found = workspace.at(ours.folder)
    assert found is not None

    def timed(work: Callable[[], object]) -> Callable[[], float]:
        def run() -> float:
            began = time.process_time()
            work()
            return time.process_time() - began

        return run

    def export_once() -> None:
        target = ours.folder / "warm.py"
        target.unlink(missing_ok=True)
        export.write(export.export(found), target)

    return {
        "ours": timed(export_once),
        "floor": timed(lambda: floor(ours.notebooks, ours.folder / "floor.txt")),
    }


def row(table: Table, name: str, found: dict[str, float], bars: tuple[float, float] | None) -> None:
    floor_ratio = found["ours"] / found["floor"]
    nbdev_ratio = found["ours"] / found["nbdev"] if "nbdev" in found else None
    verdict = ""
    if bars:
        met = floor_ratio <= bars[0] and (nbdev_ratio is None or nbdev_ratio <= bars[1])
        verdict = f"{'met' if met else 'NOT met'} (floor {bars[0]:.2g}, nbdev {bars[1]:.2g})"
    table.add_row(
        name,
        f"{found['ours'] * 1000:.0f}",
        f"{floor_ratio:.2f}",
        f"{nbdev_ratio:.2f}" if nbdev_ratio is not None else "not measured",
        verdict,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--nbdev", type=Path, help="an installed nbdev-export; default: install one for this run"
    )
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        nbdev = options.nbdev.absolute() if options.nbdev else installed_nbdev(folder / "nbdev")
        table = Table(
            "export, CPU of",
            "ours, ms",
            "x floor",
            "x nbdev",
            "bar",
            title="whole processes, then warm calls",
        )
        at: dict[str, float] = {}
        for shape, (chapters, cells) in SHAPES.items():
            ours, theirs = ours_and_theirs(folder, shape)
            rounds = options.rounds if chapters * cells <= 100 else max(options.rounds // 2, 3)
            found = interleaved(commands(ours, theirs, nbdev), rounds, shape)
            check_outputs(ours, theirs, chapters * cells, nbdev)
            row(table, shape, found, BARS.get(shape))
            found = interleaved(warm(ours), rounds, f"{shape}, warm")
            at[shape] = found["ours"]
            row(table, f"{shape}, warm", found, None)
        console.print(table)
        for few, many in (("10 cells", "100 cells"), ("100 cells", "1,000 cells")):
            times = at[many] / at[few]
            verdict = "met" if times <= 12 else "NOT met"
            print(f"{few} to {many}, warm: {times:.1f} times the time: {verdict} (12)")
        memory(folder)
        start_up(options.rounds)


def memory(folder: Path) -> None:
    place = make(folder / "memory", 1, 2000)
    without_default_exp(place)
    ours = str(Path(sys.executable).with_name("mcp-workbench"))
    floor_command = [sys.executable, str(HERE / "floor.py"), str(place.notebooks), str(folder / "floor.txt")]
    found: dict[str, list[int]] = {"ours": [], "floor": []}
    for _ in range(3):
        (place.folder / "server.py").unlink(missing_ok=True)
        found["ours"].append(measured([ours, "export"], place.folder)[1])
        found["floor"].append(measured(floor_command, place.folder)[1])
    ratio = statistics.median(found["ours"]) / statistics.median(found["floor"])
    verdict = "met" if ratio <= 1.5 else "NOT met"
    print(f"peak memory at 2,000 cells: {ratio:.2f} times the floor's: {verdict} (1.5)")


def start_up(rounds: int) -> None:
    ours = str(Path(sys.executable).with_name("mcp-workbench"))
    here = Path.cwd()
    runs = {
        "help": lambda: measured([ours, "--help"], here)[0],
        "bare": lambda: measured([sys.executable, "-c", "pass"], here)[0],
    }
    found = interleaved(runs, rounds, "--help")
    print(f"mcp-workbench --help: {(found['help'] - found['bare']) * 1000:.0f} ms CPU over bare Python")


def installed_nbdev(folder: Path) -> Path | None:
    """nbdev in a virtual environment of its own, or None where it cannot be installed."""
    print(f"installing {NBDEV} for this run ...")
    venv.create(folder, with_pip=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", NBDEV]
    if subprocess.run(pip, check=False, capture_output=True).returncode:
        print("nbdev could not be installed: the peer is missing from this run")
        return None
    return folder / "bin" / "nbdev-export"


if __name__ == "__main__":
    main()
