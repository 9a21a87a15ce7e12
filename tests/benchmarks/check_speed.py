"""How fast is `mcp-workbench check`? Ratios against parsing the same files, and the least that one needs.

    python tests/benchmarks/check_speed.py [--quick]

A project of 1,000 files and 200,000 lines is checked from the command line, and parsed by a short script
on one core. Once a fifth of its files are servers, as in a real project, and once all of them are. A single
file is checked, and parsed by a script with the imports that such a command cannot do without. Figures are
elapsed times of whole processes, start-up included: check uses all cores. The contenders take turns, and the
first round is not counted; ratios divide medians. This prints and never fails: a bar that is not met says so.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# As after `pip install`, which compiles a wheel's modules.
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
CHECK = [str(Path(sys.executable).with_name("mcp-workbench")), "check", "--statistics"]
PARSE_ALL = """\
import ast, pathlib, sys
for path in pathlib.Path(sys.argv[1]).rglob("*.py"):
    ast.parse(path.read_text(encoding="utf-8"))
"""
PARSE_ONE = """\
import argparse, ast, pathlib, re, tomllib, importlib.metadata, sys
ast.parse(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
"""
SERVER = '''\
"""The desk of branch {n}: what it lends, and to whom."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Annotated, Any

from fastmcp import Context, FastMCP
from fastmcp.exceptions import ToolError
from pydantic import BaseModel, Field

from .part_{other} import shelf_of

mcp = FastMCP("desk {n}")
'''
TOOLS = '''

class Loan{k}(BaseModel):
    """Who has a copy of a book, and until when."""

    copy_id: str
    patron_id: str
    due: date = Field(description="The day on which it is due back")


@mcp.tool(tags={{"loans"}})
async def lend_{k}(book_id: str, ctx: Context, days: Annotated[int, Field(ge=1, le=60)] = 21) -> Loan{k}:
    """Lend a copy for some days."""
    await ctx.info(f"lending {{book_id}}")
    if not book_id:
        raise ToolError("Which book?")
    return Loan{k}(copy_id=book_id, patron_id="p1", due=date.today() + timedelta(days=days))


@mcp.resource("book://{k}/{{book_id}}", mime_type="application/json")
def book_{k}(book_id: str) -> str:
    """A book of the catalogue."""
    return json.dumps({{"id": book_id, "shelf": shelf_of(book_id)}})
'''
PLAIN = '''\
"""Shelves, part {n}."""

from __future__ import annotations

import re
from collections import Counter

from .part_{other} import shelf_of as other_shelf
'''
FUNCTIONS = '''

class Shelf{k}:
    """A shelf and the books on it."""

    def __init__(self, name: str, books: list[str]) -> None:
        self.name = name
        self.books = [book.strip() for book in books if book]

    def counted(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        for book in self.books:
            if match := re.match(r"(\\\\w+)-", book):
                counts[match[1]] += 1
        return counts


def sorted_{k}(shelves: dict[str, Shelf{k}], least: int = 1) -> list[tuple[str, int]]:
    """The names of shelves with how many books stand there."""
    found = [(name, len(shelf.books)) for name, shelf in shelves.items() if len(shelf.books) >= least]
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))
'''
END = '''

def shelf_of(book_id: str) -> str:
    """The shelf of a book."""
    return book_id[:2] or other_shelf(book_id)
'''


def make(folder: Path, files: int, lines: int, servers: int) -> int:
    """Write a project, of which one file in `servers` is a server; gives its number of lines."""
    package = folder / "desks"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    total = 0
    for n in range(files):
        is_server = n % servers == 0
        text = (SERVER if is_server else PLAIN).format(n=n, other=(n + 1) % files)
        k = 0
        while text.count("\n") < lines - 6:
            text += (TOOLS if is_server else FUNCTIONS).format(k=k)
            k += 1
        text += END.replace("other_shelf(book_id)", '"?"') if is_server else END
        (package / f"part_{n}.py").write_text(text)
        total += text.count("\n")
    return total


def seconds(command: list[str], folder: Path) -> float:
    start = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    took = time.perf_counter() - start
    assert done.returncode == 0, done.stdout.decode()
    return took


def compare(name: str, ours: list[str], floor: list[str], folder: Path, rounds: int, bar: float) -> None:
    times: dict[str, list[float]] = {"check": [], "floor": []}
    for number in range(rounds + 1):
        for who, command in (("check", ours), ("floor", floor)):
            took = seconds(command, folder)
            if number:
                times[who].append(took)
    one, other = statistics.median(times["check"]), statistics.median(times["floor"])
    verdict = "met" if one / other <= bar else "NOT met"
    print(f"{name}: {one:.3f} s, {other:.3f} s, {one / other:.2f} x (bar {bar}: {verdict})", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    quick = parser.parse_args().quick
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores; medians: check, floor, ratio")
    with tempfile.TemporaryDirectory() as temporary:
        for name, servers in (("a fifth servers", 5), ("all servers", 1)):
            folder = Path(temporary) / name.replace(" ", "-")
            lines = make(folder, 1000, 200, servers)
            floor = [sys.executable, "-c", PARSE_ALL, "."]
            title = f"1,000 files, {lines:,} lines, {name}"
            compare(title, [*CHECK, "."], floor, folder, 3 if quick else 9, 3.0)
        folder = Path(temporary) / "one"
        make(folder, 1, 200, 1)
        one = "desks/part_0.py"
        floor = [sys.executable, "-c", PARSE_ONE, one]
        compare("one file of 200 lines", [*CHECK, one], floor, folder, 15 if quick else 45, 1.6)


if __name__ == "__main__":
    main()
