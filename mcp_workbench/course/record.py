"""What was tried so far: one local file of JSON lines, only ever added to. Nothing is sent anywhere."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mcp_workbench import workspace
from mcp_workbench.errors import WorkbenchError

FOLDER, FILE = ".mcp-workbench", "progress.jsonl"
VARIABLE = "MCP_WORKBENCH_PROGRESS"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: `about` is an exercise (01.1) or a chapter (01), `what` is a status of check,
    "hint", "solution" or "reset"."""

    about: str
    what: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Where somebody stands with an exercise: the best status so far, and how often and with what help."""

    status: str = "TODO"
    tries: int = 0
    hints: int = 0
    solutions: int = 0


def path(start: Path | None = None) -> Path:
    """The file that MCP_WORKBENCH_PROGRESS names, for a workspace that cannot be written; else the one in the
    workspace that `start` (default: the working folder) lies in, or in that folder."""
    if named := os.environ.get(VARIABLE):
        return Path(named)
    here = start or Path.cwd()
    try:
        here = workspace.find(here).folder
    except WorkbenchError:
        here = here if here.is_dir() else here.parent
    return here / FOLDER / FILE


def add(file: Path, event: Event) -> str:
    """Add an event; gives a sentence where the file cannot be written, else nothing."""
    line = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "about": event.about, "what": event.what}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("ab+") as opened:
            # A line that was cut off stays as it is, and the new one is still a line.
            opened.seek(0, os.SEEK_END)
            torn = opened.tell() > 0 and (opened.seek(-1, os.SEEK_END), opened.read(1))[1] != b"\n"
            opened.write(b"\n" * torn + json.dumps(line).encode() + b"\n")
    except OSError as error:
        return f"not noted in your progress: {file} cannot be written ({error.strerror})"
    return ""


def read(file: Path) -> tuple[list[Event], str]:
    """The events in order, and a sentence on lines that cannot be read; they are left as they are."""
    try:
        lines = file.read_bytes().splitlines()
    except FileNotFoundError:
        return [], ""
    except OSError as error:
        return [], f"{file} cannot be read ({error.strerror}): your progress is not known"
    events, broken = [], []
    for number, line in enumerate(lines, start=1):
        try:
            data = json.loads(line)
            events.append(Event(str(data["about"]), str(data["what"])))
        except (ValueError, KeyError, TypeError):
            if line.strip():
                broken.append(number)
    if not broken:
        return events, ""
    where = f"line{'s' * (len(broken) > 1)} {', '.join(map(str, broken))}"
    return events, f"{file}: {where} cannot be read; nothing else is lost, and the file is left as it is"


def standings(events: Iterable[Event]) -> dict[str, Standing]:
    """Where somebody stands, by exercise; a reset of a chapter begins its exercises anew.

    >>> standings([Event("01.1", "NOT YET"), Event("01.1", "PASS")])["01.1"]
    Standing(status='PASS', tries=2, hints=0, solutions=0)
    """
    reached: dict[str, Standing] = {}
    for event in events:
        if event.what == "reset":
            reached = {
                number: one for number, one in reached.items() if number.partition(".")[0] != event.about
            }
            continue
        was = reached.get(event.about, Standing())
        match event.what:
            case "hint":
                now = Standing(was.status, was.tries, was.hints + 1, was.solutions)
            case "solution":
                now = Standing(was.status, was.tries, was.hints, was.solutions + 1)
            case status:
                passed = was.status == "PASS"
                tried = not passed and status in ("NOT YET", "PASS")
                now = Standing("PASS" if passed else status, was.tries + tried, was.hints, was.solutions)
        reached[event.about] = now
    return reached
