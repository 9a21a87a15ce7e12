"""Findings as text: for people, as JSON in ruff's shape, for GitHub, as SARIF 2.1.0."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mcp_workbench import rules
from mcp_workbench.findings import Finding

Data = dict[str, Any]


def as_text(findings: Sequence[Finding]) -> str:
    """Each finding with its line, a caret, and what to do."""
    return "\n\n".join(map(_block, findings))


def _block(finding: Finding) -> str:
    place = finding.place
    mark = " [*]" if finding.edits else ""
    lines = [f"{place}: {finding.code}{mark} {finding.what}"]
    if place.source:
        number = f"{place.line:>5} | "
        shown = place.source.expandtabs(4)
        start = len(place.source[: place.column].expandtabs(4))
        end = place.end_column if place.end_line == place.line else len(place.source)
        width = max(len(place.source[:end].expandtabs(4)) - start, 1)
        lines += [number + shown, f"{'| ':>8}{' ' * start}{'^' * width}"]
    lines.append(f"  do: {finding.do}")
    return "\n".join(lines)


def as_json(findings: Sequence[Finding]) -> str:
    """A list of objects with the keys that ruff's have; of a notebook, `cell` counts its cells from 1."""
    import json

    return json.dumps([_object(finding) for finding in findings], indent=2, ensure_ascii=False)


def _object(finding: Finding) -> Data:
    place = finding.place
    return {
        "cell": place.cell or None,
        "code": finding.code,
        "end_location": _location(place.end_line or place.line, place.end_column),
        "filename": str(Path(place.chapter).absolute()),
        "fix": _fix(finding),
        "location": _location(place.line, place.column),
        "message": finding.what,
        "url": finding.url or None,
    }


def _location(line: int, column: int) -> Data:
    return {"column": column + 1, "row": max(line, 1)}


def _fix(finding: Finding) -> Data | None:
    if not finding.edits:
        return None
    edits = [
        {
            "content": edit.text,
            "end_location": _location(edit.end_line, edit.end_column),
            "location": _location(edit.line, edit.column),
        }
        for edit in finding.edits
    ]
    return {"applicability": "safe", "edits": edits, "message": finding.do}


def as_github(findings: Sequence[Finding]) -> str:
    """Workflow commands: GitHub shows each at its line of the change.

    https://docs.github.com/actions/reference/workflow-commands-for-github-actions
    """
    return "\n".join(map(_command, findings))


def _command(finding: Finding) -> str:
    place = finding.place
    where: Data = {"title": finding.code, "file": place.chapter}
    if not place.cell:  # of a notebook, GitHub would show a line of its JSON
        where |= {
            "line": max(place.line, 1),
            "col": place.column + 1,
            "endLine": place.end_line or place.line,
        }
    properties = ",".join(f"{key}={_escaped(str(value), ',:')}" for key, value in where.items())
    return f"::error {properties}::{_escaped(f'{place}: {finding.what}. {finding.do}')}"


def _escaped(text: str, more: str = "") -> str:
    for letter in f"%\r\n{more}":
        text = text.replace(letter, f"%{ord(letter):02X}")
    return text


def as_sarif(findings: Sequence[Finding]) -> str:
    """A SARIF 2.1.0 log, which code scanning takes: https://docs.oasis-open.org/sarif/sarif/v2.1.0/"""
    import json

    codes = sorted({finding.code for finding in findings})
    driver = {
        "name": "mcp-workbench",
        "informationUri": "https://gofastmcp.com",
        "rules": [_described(code) for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, codes.index(finding.code)) for finding in findings],
    }
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False)


def _described(code: str) -> Data:
    rule = rules.RULES.get(code)
    if rule is None:
        return {"id": code}
    return {
        "id": code,
        "name": rule.name,
        "shortDescription": {"text": rule.line},
        "fullDescription": {"text": f"{rule.happens} {rule.why}"},
        "help": {"text": rule.fix},
        "helpUri": rule.url,
    }


def _result(finding: Finding, index: int) -> Data:
    place = finding.place
    region = {
        "startLine": max(place.line, 1),
        "startColumn": place.column + 1,
        "endLine": max(place.end_line, place.line, 1),
        "endColumn": max(place.end_column, place.column) + 1,
    }
    uri = Path(place.chapter).as_posix()
    located: Data = {"artifactLocation": {"uri": uri}}
    if not place.cell:
        located["region"] = region
    message = f"{finding.what}. {finding.do}"
    return {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": "error",
        "message": {"text": f"{place}: {message}" if place.cell else message},
        "locations": [{"physicalLocation": located}],
    }


def as_statistics(findings: Sequence[Finding]) -> str:
    """How often each rule spoke, the most frequent first."""
    counts = Counter(finding.code for finding in findings)
    lines = []
    for code, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        rule = rules.RULES.get(code)
        lines.append(f"{count:>5}  {code}  {rule.line if rule else ''}".rstrip())
    return "\n".join(lines)


def explained(code: str) -> str:
    """What a rule says, with its first bad example and its first good one."""
    rule = rules.RULES[code]
    versions = f"FastMCP {'.'.join(map(str, rule.since))} and later"
    if rule.until:
        versions += f", before {'.'.join(map(str, rule.until))}"
    notes = "" if rule.default else "\nNot reported unless it is selected.\n"
    return (
        f"{rule.code} {rule.name}\n{_wrapped(rule.line)}\n  ({versions})\n{notes}"
        f"\nWhat happens\n{_wrapped(rule.happens)}\n\nWhy\n{_wrapped(rule.why)}\n"
        f"\nWhat to do\n{_wrapped(rule.fix)}\n"
        f"\nWrong\n{_indented(rule.bad[0].code)}\nRight\n{_indented(rule.good[0].code)}\n"
        f"Read on\n" + "".join(f"  {link}\n" for link in rule.links)
    )


def _wrapped(text: str) -> str:
    import textwrap

    return textwrap.fill(text, 96, initial_indent="  ", subsequent_indent="  ")


def _indented(code: str) -> str:
    return "".join(f"    {line}\n" if line else "\n" for line in code.rstrip("\n").split("\n"))


FORMATS: dict[str, Callable[[Sequence[Finding]], str]] = {
    "text": as_text,
    "json": as_json,
    "github": as_github,
    "sarif": as_sarif,
}
