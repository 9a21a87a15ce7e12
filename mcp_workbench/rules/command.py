"""The verbs `check` and `explain`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mcp_workbench.errors import WorkbenchError
from mcp_workbench.findings import Finding
from mcp_workbench.rules.chapters import source_of
from mcp_workbench.rules.checking import (
    Asked,
    Checked,
    asked,
    check,
    check_source,
    without_collector,
)
from mcp_workbench.rules.output import FORMATS, as_statistics, explained
from mcp_workbench.rules.project import Project

if TYPE_CHECKING:
    from mcp_workbench.tangle import Program
    from mcp_workbench.workspace import Workspace

ROUNDS = 10  # an edit may make room for another that overlapped it


class Options(NamedTuple):
    """What the command line asks of `check`."""

    paths: tuple[Path, ...]
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    target: str = ""
    format: str = "text"
    statistics: bool = False
    fix: bool = False
    diff: bool = False
    load: bool = False


def run(options: Options) -> int:
    """Check, print, and give the exit code: 0 nothing found, 1 findings, 2 something could not be checked."""
    what = _asked(options.paths[0], options.select, options.ignore, options.target)
    checked = check(options.paths, what)
    if options.diff:
        return _show_fixes(checked)
    count = 0
    if options.fix:
        checked, count = _fix(options.paths, what, checked)
    findings, unreadable = checked.findings, checked.unreadable
    if options.load:
        from mcp_workbench.rules.imported import loaded

        shown = loaded(options.paths, what, findings)
        findings, unreadable = findings + shown.findings, unreadable + shown.lines
    _print(options, findings, checked.files, count)
    for line in unreadable:
        print(line, file=sys.stderr)
    if findings:
        return 1
    return 2 if unreadable else 0


def warnings_of(here: Workspace, program: Program) -> str:
    """The findings in a workspace's program, as text: what export says after it has written."""
    project = Project()
    with without_collector():
        found = check_source(source_of(program, here.notebooks), project, _asked(here.folder))
        project.forget()
    return FORMATS["text"](found)


def _asked(path: Path, select: Sequence[str] = (), ignore: Sequence[str] = (), target: str = "") -> Asked:
    """What the command line asks, and where it says nothing, pyproject.toml."""
    configured = configuration(path)
    return asked(
        select or configured.get("select", ()),
        ignore or configured.get("ignore", ()),
        target or configured.get("target", ""),
    )


def configuration(path: Path) -> dict[str, Any]:
    """[tool.mcp-workbench.check] of the nearest pyproject.toml: select, ignore, target.

    Raises:
        WorkbenchError: It cannot be read, or has another key, or another kind of value.
    """
    start = path.absolute() if path.is_dir() else path.absolute().parent
    candidates = (folder / "pyproject.toml" for folder in (start, *start.parents))
    file = next((candidate for candidate in candidates if candidate.is_file()), None)
    if file is None:
        return {}
    import tomllib

    try:
        tool = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {})
    except (OSError, ValueError) as error:
        raise WorkbenchError(f"{file}: cannot be read: {error}") from error
    table: dict[str, Any] = tool.get("mcp-workbench", {}).get("check", {})
    for key, value in table.items():
        words = isinstance(value, list) and all(isinstance(word, str) for word in value)
        if not (words if key in ("select", "ignore") else key == "target" and isinstance(value, str)):
            raise WorkbenchError(
                f"{file}: [tool.mcp-workbench.check] has {key} = {value!r}; it takes select and ignore, "
                'lists of codes such as ["MCP1"], and target, a version such as "4"'
            )
    return table


def _print(options: Options, findings: Sequence[Finding], files: int, count: int) -> None:
    if options.statistics:
        print(as_statistics(findings)) if findings else None
    elif findings or options.format in ("json", "sarif"):
        print(FORMATS[options.format](findings))
    if options.format != "text":
        return
    told = [f"{count} fixed"] if count else []
    told.append(f"{len(findings)} finding{'s' * (len(findings) != 1)} in {files} file{'s' * (files != 1)}")
    fixable = sum(bool(finding.edits) for finding in findings)
    if fixable:
        told.append(f"[*] {fixable} can be put right with --fix")
    print(("\n" if findings and not options.statistics else "") + "; ".join(told))


def _show_fixes(checked: Checked) -> int:
    """The diff that --fix would make, and why it leaves what it leaves."""
    from mcp_workbench.rules.fixing import fixed

    plan = fixed(checked.findings)
    sys.stdout.write(plan.diff)
    for finding in checked.findings:
        if finding not in plan.findings:
            why = finding.unfixed or "it needs a decision"
            print(f"{finding.place}: {finding.code} left: {why}", file=sys.stderr)
    return 1 if plan.files else 0


def _fix(paths: Sequence[Path], what: Asked, checked: Checked) -> tuple[Checked, int]:
    """Put right what can be. A file that had more findings afterwards gets its old text back."""
    from mcp_workbench.export import write_all
    from mcp_workbench.rules.fixing import fixed

    before = checked
    originals: dict[Path, str] = {}
    count = 0
    for _ in range(ROUNDS):
        plan = fixed(checked.findings)
        if not plan.files:
            break
        for path in plan.files:
            originals.setdefault(path, path.read_bytes().decode("utf-8"))
        plan.write()
        count += len(plan.findings)
        checked = check(paths, what)
    worse = {path: text for path, text in originals.items() if _count(checked, path) > _count(before, path)}
    if worse:
        write_all(worse)
        checked = check(paths, what)
        names = ", ".join(map(str, worse))
        print(f"left as it was, for a fix would have led to more findings: {names}", file=sys.stderr)
    return checked, count


def _count(checked: Checked, path: Path) -> int:
    return sum(finding.place.chapter == str(path) for finding in checked.findings)


def explain(code: str) -> str:
    """What a rule says; without a code, a line for each.

    Raises:
        WorkbenchError: No rule has that code.
    """
    from mcp_workbench.rules import RULES

    if not code:
        return "\n".join(f"{rule.code}  {rule.line}" for rule in sorted(RULES.values(), key=lambda r: r.code))
    if code.upper().startswith("MCP2"):
        raise WorkbenchError(
            f"{code.upper()} is export's: `mcp-workbench export` says of each finding why and what to do; "
            "the README lists all codes from MCP201 on."
        )
    if code.upper() not in RULES:
        from difflib import get_close_matches

        close = get_close_matches(code.upper(), RULES, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise WorkbenchError(f"no rule has the code {code!r}.{hint} `mcp-workbench explain` lists all.")
    return explained(code.upper())
