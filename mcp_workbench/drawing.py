"""Draw a trace: as text, as an HTML list that unfolds, as a Mermaid sequence diagram, as Python code."""

from __future__ import annotations

import html as escaping
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcp_workbench.tracing import Message

RUN_DEPENDENT = {"requestState": "(sealed)", "elicitationId": "(id)"}
ROWS, CHARACTERS = 200, 4_000  # what an HTML list holds at most: messages, and characters of each
COLOURS = {"request": "info", "response": "success", "notification": "warn", "error": "error"}  # JupyterLab's
STYLE = """\
<style>
.mcp-trace {font-size: var(--jp-code-font-size, 13px); max-height: 420px; overflow: auto}
.mcp-trace details {border-left: 3px solid; padding-left: 6px}
.mcp-trace summary {cursor: pointer; white-space: nowrap; overflow: hidden; text-overflow: ellipsis}
.mcp-trace samp {font-family: var(--jp-code-font-family, monospace)}
.mcp-trace pre {margin: 2px 0 6px 24px; white-space: pre-wrap; overflow-wrap: anywhere}
.mcp-trace small {color: var(--jp-ui-font-color2, #666)}
</style>"""


@dataclass(frozen=True, slots=True)
class Diagram:
    """A Mermaid diagram: JupyterLab draws it, and elsewhere it is text that reads well."""

    source: str

    def __repr__(self) -> str:
        return self.source

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/vnd.mermaid": self.source, "text/plain": self.source}


def text(messages: Sequence[Message], lines: int, width: int) -> str:
    """One message a line, numbered, cut at a width; the last line says how many are left out."""
    shown = [
        f"{message.number:2} {message.direction} {message.method} {_shorten(message.body, width)}"[:width]
        for message in messages[:lines]
    ]
    if len(messages) > lines:
        shown[-1] = f"   and {len(messages) - lines + 1} more"
    return "\n".join(shown)


def plain(value: object) -> object:
    """A body without `_meta` (protocol version, client, progress token), and without what no run repeats."""
    if isinstance(value, dict):
        return {k: RUN_DEPENDENT.get(k, plain(v)) for k, v in value.items() if k != "_meta"}
    return [plain(item) for item in value] if isinstance(value, list) else value


def _shorten(body: object, width: int) -> str:
    return json.dumps(plain(body), ensure_ascii=False)[:width]


def html(messages: Sequence[Message]) -> str:
    """The last messages, one a line that unfolds to its JSON."""
    left_out = len(messages) - ROWS
    note = f"<small>{left_out} earlier messages are not shown; save() keeps all.</small>"
    asked = {message.number: message for message in messages}
    rows = "".join(row(message, asked) for message in messages[-ROWS:])
    return (
        f"{STYLE}<div class='mcp-trace' role='log' aria-label='JSON-RPC messages'>"
        f"{note if left_out > 0 else ''}{rows or '<small>no message yet</small>'}</div>"
    )


def row(message: Message, asked: dict[int, Message]) -> str:
    """A message as a line that unfolds; `asked` has the requests, by number."""
    request = asked.get(message.answers or 0)
    took = "" if request is None else f" {(message.time - request.time) * 1000:.1f} ms"
    pair = "" if message.answers is None else f" to {message.answers}"
    arrow = "client → server" if message.direction == "->" else "client ← server"
    kind = message.kind
    headers = "".join(f"{name}: {value}\n" for name, value in message.headers.items())
    whole = headers + json.dumps(message.payload, indent=2, ensure_ascii=False)
    if len(whole) > CHARACTERS:
        whole = f"{whole[:CHARACTERS]}\n... {len(whole) - CHARACTERS:,} more characters; save() keeps all"
    escape = escaping.escape
    return (
        f"<details style='border-color: var(--jp-{COLOURS[kind]}-color1, #888)'>"
        f"<summary><samp>{message.number:>3} {arrow}</samp> <b>{kind}{pair}</b> {escape(message.method)} "
        f"<small>session {message.session}, {message.time:.3f} s{took}</small> "
        f"<samp>{escape(_shorten(message.body, 80))}</samp></summary><pre>{escape(whole)}</pre></details>"
    )


def mermaid(messages: Sequence[Message], limit: int) -> str:
    """A sequence diagram: solid lines are requests and notifications, broken ones are answers."""
    lines = ["sequenceDiagram", "    participant C as client", "    participant S as server"]
    for message in messages[:limit]:
        ends = "C{}S" if message.direction == "->" else "S{}C"
        arrow = {"response": "-->>", "error": "--x", "notification": "-)"}.get(message.kind, "->>")
        label = f"{message.number} {_label(message)}".replace("#", "#35;").replace(";", "#59;")
        lines.append(f"    {ends.format(arrow)}: {label.replace('#35#59;', '#35;')}")
    if len(messages) > limit:
        lines.append(f"    Note over C,S: and {len(messages) - limit} more")
    return "\n".join(lines)


def _label(message: Message) -> str:
    body, kind = message.body, message.kind
    name = body.get("name") or body.get("uri") or body.get("message")
    if kind == "error":
        return f"error {body.get('code')}: {str(body.get('message'))[:60]}"
    if kind == "response" and "inputRequests" in body:
        return f"{message.method} asks for input"
    if kind == "response":
        return f"{message.method} answered{' with an error' if body.get('isError') else ''}"
    return f"{message.method} {str(name)[:60]}" if name else message.method


def python(messages: Iterable[Message], server: str) -> str:
    """The calls of each session, opened as its client was; a repeated round of one call is written once."""
    sessions: dict[int, list[Message]] = {}
    for message in messages:
        sessions.setdefault(message.session, []).append(message)
    blocks = []
    for session in sessions.values():
        calls = [line for message in session if message.direction == "->" for line in _call(message)]
        mode = ', mode="legacy"' if any(message.method == "initialize" for message in session) else ""
        if calls:
            body = "".join(f"    {line}\n" for call in calls for line in call.splitlines())
            blocks.append(f"async with Client({server}{mode}) as client:\n{body}")
    return "\n".join(blocks).rstrip("\n")


LISTS = {
    "tools/list": "list_tools",
    "resources/list": "list_resources",
    "resources/templates/list": "list_resource_templates",
    "prompts/list": "list_prompts",
}


def _call(message: Message) -> Iterable[str]:
    body = message.body
    if message.kind != "request" or "inputResponses" in body or body.get("cursor"):
        return
    if message.method == "tools/call":
        yield written("call_tool", body["name"], body.get("arguments"))
    elif message.method == "prompts/get":
        yield written("get_prompt", body["name"], body.get("arguments"))
    elif message.method == "resources/read":
        yield written("read_resource", body["uri"], None)
    elif message.method in LISTS:
        yield f"await client.{LISTS[message.method]}()"


def written(method: str, name: str, arguments: Any) -> str:
    """A call as Ruff would write it, or nearly: strings in double quotes, a long one over several lines."""
    given = f", {literal(arguments)}" if arguments else ""
    call = f"await client.{method}({literal(name)}{given})"
    if len(call) <= 100:
        return call
    parts = [literal(name), *([literal(arguments)] if arguments else [])]
    return f"await client.{method}(\n" + "".join(f"    {part},\n" for part in parts) + ")"


def literal(value: Any) -> str:
    """A JSON value as a Python literal, with double quotes where JSON has them."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    if isinstance(value, str):
        quoted = repr(value)
        return f'"{quoted[1:-1]}"' if quoted[0] == "'" and '"' not in quoted else quoted
    return repr(value)
