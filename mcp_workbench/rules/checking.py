"""Check: which rules are asked of which files, on one core or several."""

from __future__ import annotations

import gc
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mcp_workbench import rules
from mcp_workbench.errors import WorkbenchError
from mcp_workbench.findings import Finding
from mcp_workbench.rules.chapters import made_from, program_of, workspaces_of
from mcp_workbench.rules.declared import target_of
from mcp_workbench.rules.module import Module
from mcp_workbench.rules.project import Project
from mcp_workbench.rules.rule import Target, Version
from mcp_workbench.rules.sources import NotReadable, Source, files_in, of_cells

if TYPE_CHECKING:
    from mcp_workbench.notebook import Cell
    from mcp_workbench.workspace import Workspace

NOQA = re.compile(r"#\s*noqa(?::\s*(?P<codes>[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*))?", re.IGNORECASE)
WORTH_ANOTHER_CORE = 400_000  # bytes: below, starting a process takes longer than it saves
PART = 2_000_000  # bytes that are checked before the memory that they took is given back
DIST_INFO = re.compile(r"fastmcp-(\d[\w.]*)\.dist-info")
WRONG = re.compile(r"_wrong\b")
ELSEWHERE = {"MCP014": "utc", "MCP110": ".fn"}  # asked of files that only say this, and not MCP


class Asked(NamedTuple):
    """What is asked for: codes or their beginnings (MCP1 is MCP101 to MCP126), and FastMCP's version.

    `select` is empty for all that is reported by default, and ("ALL",) for every rule.
    """

    select: tuple[str, ...]
    ignore: tuple[str, ...]
    fastmcp: Version

    def wants(self, code: str, *, by_default: bool = True) -> bool:
        """Is a finding with this code to be reported? The codes of rules, and MCP201 and on."""
        chosen = _named(code, self.select) if self.select else by_default
        return chosen and not _named(code, self.ignore)


def _named(code: str, words: Sequence[str]) -> bool:
    return any(word == "ALL" or code.startswith(word) for word in words)


class Checked(NamedTuple):
    """What came of it: findings in order, a line for each file that could not be read, and how many could."""

    findings: tuple[Finding, ...]
    unreadable: tuple[str, ...]
    files: int


def asked(select: Sequence[str], ignore: Sequence[str], target: str = "") -> Asked:
    """The rules that codes or their beginnings select (MCP1 is MCP101 to MCP126), and the version.

    Args:
        select: Codes or beginnings; none for all rules that are reported by default. ALL is every rule.
        ignore: Codes or beginnings to leave out.
        target: 2.14, 3, 4 or a full version; "" is the one that is installed.

    Raises:
        WorkbenchError: A code that no rule has; a target that is no version.
    """
    for word in (*select, *ignore):
        known = word == "ALL" or word.startswith("MCP2")
        if not known and not any(code.startswith(word) for code in rules.RULES):
            raise WorkbenchError(f"no rule's code begins with {word!r}: `mcp-workbench explain` lists them")
    return Asked(tuple(select), tuple(ignore), version_of(target))


def version_of(target: str) -> Version:
    """A version as numbers; of a series (3) its last one. Without a text, the installed FastMCP's."""
    target = target or _installed()
    if not target:
        return Target().fastmcp
    numbers = re.match(r"\d+(?:\.\d+)*", target)
    if numbers is None:
        raise WorkbenchError(f"--target {target!r} is no version; it takes 2.14, 3 or 4, or a full version")
    found = tuple(int(number) for number in numbers[0].split("."))
    return found if len(found) > 1 else (*found, 99)


def _installed() -> str:
    """The installed FastMCP's version, "" where there is none; importlib.metadata takes 20 ms to say it."""
    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")  # noqa: PTH208  # a hundred paths are not made for one
        except OSError:
            continue
        for name in names:
            if found := DIST_INFO.fullmatch(name):
                return found[1]
    return ""


def check(paths: Iterable[Path], what: Asked) -> Checked:
    """Check files and folders; what cannot be read is said of each, and the rest goes on.

    A single file is the server that somebody is about to run; of several, most are others' modules.
    """
    paths = list(paths)
    files = [file for file in files_in(paths) if not made_from(file)]
    chapters = workspaces_of(files)
    plain = [file for file in files if file not in chapters]
    parts = _check_plain(plain, what, entry=files == paths and len(files) == 1)
    for here in dict.fromkeys(chapters.values()):
        mine = [file for file, its in chapters.items() if its == here]
        parts.append(_check_workspace(here, mine, what))
    return Checked(
        tuple(finding for part in parts for finding in part.findings),
        tuple(line for part in parts for line in part.unreadable),
        sum(part.files for part in parts),
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # said when it is read


def _check_workspace(here: Workspace, chapters: Sequence[Path], what: Asked) -> Checked:
    """Check the program that a workspace's finished cells make, and what else is run in these chapters."""
    from mcp_workbench import notebook

    names = {str(path) for path in chapters}
    project = Project()
    try:
        cells = {path: notebook.read(path) for path in here.chapters()}
        program = program_of(here, [cell for its_cells in cells.values() for cell in its_cells])
    except WorkbenchError as error:
        return Checked((), (f"{here.notebooks}: not checked: {error}",), 0)
    found: list[Finding] = []
    outer = None
    if isinstance(program, list):
        found += [finding for finding in program if what.wants(finding.code)]
    else:
        outer = project.module(program)
        found += check_source(program, project, what)
    for path, its_cells in cells.items():
        source = of_cells(str(path), its_cells)
        if isinstance(source, Finding):
            found += [source] if what.wants(source.code) and not _said(source, found) else []
        else:
            found += [f for f in check_source(source, project, what, outer) if not _is_finished(f, its_cells)]
    return Checked(tuple(f for f in found if f.place.chapter in names), (), len(chapters))


def _said(finding: Finding, findings: Iterable[Finding]) -> bool:
    """Does export refuse that cell already?"""
    place = (finding.place.chapter, finding.place.cell)
    return any((other.place.chapter, other.place.cell) == place for other in findings)


def _is_finished(finding: Finding, cells: Iterable[Cell]) -> bool:
    return any(cell.number == finding.place.cell and cell.finished for cell in cells)


def _check_plain(files: list[Path], what: Asked, *, entry: bool) -> list[Checked]:
    """Check files part by part. Neighbours stay together: they are likely to import each other."""
    size = sum(map(_size, files))
    workers = min(os.cpu_count() or 1, len(files)) if size > WORTH_ANOTHER_CORE else 1
    count = max(workers * 4 if workers > 1 else 1, size // PART)
    parts = [files[len(files) * n // count : len(files) * (n + 1) // count] for n in range(count)]
    if workers == 1:
        return [_check_some(part, what, entry=entry) for part in parts]
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(workers) as pool:
        return list(pool.map(_check_some, parts, [what] * count))


def _check_some(files: Iterable[Path], what: Asked, *, entry: bool = False) -> Checked:
    project, count = Project(), 0
    findings: list[Finding] = []
    unreadable: list[str] = []
    with without_collector():
        for file in files:
            try:
                source = project.read(file)
            except NotReadable as error:
                unreadable.append(f"{file}: not checked: {error}")
                continue
            count += 1
            if not isinstance(source, Finding):
                findings += check_source(source, project, what, entry=entry)
            elif what.wants(source.code):
                findings.append(source)
        project.forget()
    return Checked(tuple(findings), tuple(unreadable), count)


@contextmanager
def without_collector() -> Iterator[None]:
    """Leave the garbage until the end: again and again the collector would visit all trees (3 x the time)."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def check_source(
    source: Source, project: Project, what: Asked, outer: Module | None = None, *, entry: bool = False
) -> list[Finding]:
    """The findings in one source, in order of their places.

    Of a notebook with finished cells, those count as the server: other cells have findings only of rules that
    speak of what a learner meets while running.
    """
    speaks = "mcp" in source.text.casefold() or outer is not None
    if not speaks and not any(word in source.text for word in ELSEWHERE.values()):
        return []
    module = project.module(source, outer)
    module.entry = entry
    target = target_of(Path(source.path), what.fastmcp)
    server_cells = outer is not None or any(cell.finished for cell, _ in source.cells)
    found: list[Finding] = []
    for rule in rules.rules_for(module):
        code, wanted = rule.code, what.wants(rule.code, by_default=rule.default)
        if not (wanted and rule.holds(target) and (speaks or code in ELSEWHERE)):
            continue
        for finding in rule.find(rule, module, target):
            cell = source.cell_at(finding.place.line)
            if (
                cell is not None
                and not cell.finished
                and ((server_cells and not rule.running) or _meant(cell))
            ):
                continue
            if not silenced(finding.place.source, code):
                found.append(source.placed(finding))
    return sorted(dict.fromkeys(found), key=_place)


def _meant(cell: Cell) -> bool:
    """Does it name what it shows `..._wrong`, as chapters do with what is meant to fail?"""
    return WRONG.search(cell.source) is not None


def _place(finding: Finding) -> tuple[Any, ...]:
    place = finding.place
    return (place.chapter, place.cell, place.line, place.column, finding.code)


def silenced(line: str, code: str) -> bool:
    """Does a comment on the line say noqa, to all or to this code?"""
    noqa = NOQA.search(line) if "noqa" in line.casefold() else None
    if noqa is None:
        return False
    codes = noqa["codes"]
    return codes is None or code in re.split(r"[,\s]+", codes.upper())
