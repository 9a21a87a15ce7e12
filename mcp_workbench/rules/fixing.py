"""Fix: put the edits of findings into files, and change nothing else."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mcp_workbench import notebook
from mcp_workbench.export import write_all
from mcp_workbench.findings import Edit, Finding
from mcp_workbench.rules.module import LINE_END
from mcp_workbench.rules.sources import text_of


@dataclass(frozen=True, slots=True)
class Fixed:
    """Files with their new texts, the findings that were put right in them, and a diff."""

    files: Mapping[Path, str]
    findings: tuple[Finding, ...]
    diff: str

    def write(self) -> None:
        """Write all files, each as a whole or not at all."""
        write_all(self.files)


def fixed(findings: Sequence[Finding]) -> Fixed:
    """What the files say once the findings that can be put right are. Nothing is written."""
    files: dict[Path, str] = {}
    done: list[Finding] = []
    diffs: list[str] = []
    for path in dict.fromkeys(finding.place.chapter for finding in findings if finding.edits):
        here = [f for f in findings if f.place.chapter == path and f.edits]
        if path.endswith(".ipynb"):
            text, applied, diff = _notebook(Path(path), here)
        else:
            before = Path(path).read_bytes().decode("utf-8", errors="ignore")
            mark = before[: before.startswith("\ufeff")]
            if before[len(mark) :] != text_of(Path(path)):
                continue  # in another encoding, in which it would have to be written
            text, applied = _edited(before[len(mark) :], here)
            text = mark + text
            diff = _diff(path, before, text)
        if applied:
            files[Path(path)] = text
            done += applied
            diffs.append(diff)
    return Fixed(files, tuple(done), "".join(diffs))


def _notebook(path: Path, findings: Sequence[Finding]) -> tuple[str, list[Finding], str]:
    """The same in a notebook: only the sources of those cells change, and their outputs are cleared."""
    sources: dict[str, str] = {}
    applied: list[Finding] = []
    diffs: list[str] = []
    for cell in notebook.read(path):
        here = [finding for finding in findings if finding.place.cell == cell.number]
        text, done = _edited(cell.source, here)
        if done:
            sources[cell.address] = text
            applied += done
            diffs.append(_diff(f"{path} cell {cell.number}", f"{cell.source}\n", f"{text}\n"))
    return notebook.with_sources(path, sources), applied, "".join(diffs)


def _edited(text: str, findings: Iterable[Finding]) -> tuple[str, list[Finding]]:
    """The text with the edits of these findings; one that overlaps another waits for the next round."""
    starts = _line_starts(text)
    taken: list[tuple[int, int, str]] = []
    applied = []
    for finding in findings:
        spans = [_span(edit, starts) for edit in finding.edits]
        new = [span for span in spans if span not in taken]  # two findings may want the same import
        if any(_overlap(one, other) for one in new for other in taken):
            continue
        taken += new
        applied.append(finding)
    for start, end, new_text in sorted(taken, reverse=True):
        text = text[:start] + new_text + text[end:]
    return text, applied


def _line_starts(text: str) -> list[int]:
    """Where each line begins."""
    return [0, *(end.end() for end in LINE_END.finditer(text))]


def _span(edit: Edit, starts: Sequence[int]) -> tuple[int, int, str]:
    return starts[edit.line - 1] + edit.column, starts[edit.end_line - 1] + edit.end_column, edit.text


def _overlap(one: tuple[int, int, str], other: tuple[int, int, str]) -> bool:
    if one[0] == one[1] or other[0] == other[1]:  # an insertion
        return one[0] == other[0] or other[0] < one[0] < other[1] or one[0] < other[0] < one[1]
    return one[0] < other[1] and other[0] < one[1]


def _diff(name: str, before: str, after: str) -> str:
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), name, f"{name} (fixed)"
    )
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)
