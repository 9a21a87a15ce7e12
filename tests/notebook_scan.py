"""What nbmake passes in silence, read off an executed notebook."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

MOST_LINES = 12
SILENT = {
    "a magic that does not exist": re.compile(r"UsageError:"),
    "a task that died": re.compile(r"never retrieved"),
    "a coroutine that was never awaited": re.compile(r"was never awaited|<coroutine object"),
    "a thread that died": re.compile(r"Exception in thread"),
    "a warning": re.compile(r"\w*Warning\b"),
}
UNSTABLE = {
    "an address in memory": re.compile(r"\bat 0x[0-9a-f]+"),
    "a port": re.compile(r"(127\.0\.0\.1|localhost):\d+"),
    "a path": re.compile(r"(?<![\w/:.])/(home|tmp|root|usr|Users|work|var)/"),
    "a time": re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d"),
    "a random id": re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-"),
}


def scan(executed: dict[str, Any]) -> list[str]:
    """What is wrong with the outputs of an executed notebook."""
    return [fault for cell in executed["cells"] if cell["cell_type"] == "code" for fault in _cell(cell)]


def _cell(cell: dict[str, Any]) -> Iterator[str]:
    source = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
    if source.strip() and cell["execution_count"] is None:
        yield f"{cell['id']}: was not executed"
    failed = any(output["output_type"] == "error" for output in cell["outputs"])
    if "raises-exception" in cell["metadata"].get("tags", []) and not failed:
        yield f"{cell['id']}: raises-exception, and nothing was raised"
    shown = ""
    for output in cell["outputs"]:
        text = _text(output)
        shown += text
        if output.get("name") == "stderr":
            yield f"{cell['id']}: writes to stderr: {text[:80]}"
        for what, pattern in (SILENT | UNSTABLE).items():
            if pattern.search(text):
                yield f"{cell['id']}: {what}: {text[:80]}"
    if len(shown.splitlines()) > MOST_LINES:
        yield f"{cell['id']}: {len(shown.splitlines())} lines of output"


def _text(output: dict[str, Any]) -> str:
    found = output.get("text") or output.get("data", {}).get("text/plain") or output.get("evalue", "")
    return found if isinstance(found, str) else "".join(found)
