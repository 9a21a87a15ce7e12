"""What a server gives, as HTML that is safe to show: names, descriptions, icons, results, errors."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

CHARACTERS = 20_000  # of a text that are shown; a browser lays out a longer one slowly
BYTES = 8_000_000  # of a picture or a sound that is shown
MEDIA = re.compile(r"(image|audio)/[\w.+-]+")
HINTS = {  # what it means that the server says yes, and no
    "read_only_hint": ("only reads", "changes something"),
    "destructive_hint": ("may destroy", "destroys nothing"),
    "idempotent_hint": ("may be repeated", "does more when repeated"),
    "open_world_hint": ("reaches outside", "stays inside"),
}


def has_words(text: str, words: str) -> bool:
    """Whether a text has every one of these words, or parts of words, however they are written."""
    folded = text.casefold()
    return all(word in folded for word in words.casefold().split())


def pre(text: str) -> str:
    """A text as it is, the beginning of a long one."""
    more = len(text) - CHARACTERS
    note = f"<p class='mcp-note'>{more:,} more characters: panel.result has them all</p>" if more > 0 else ""
    return f"<pre class='mcp-text'>{escape(text[:CHARACTERS])}</pre>{note}"


def as_json(value: Any) -> str:
    """A value as JSON that reads well."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def block(content: Any) -> str:
    """One content block of a tool's result or of a prompt's message."""
    kind = content.type
    if kind == "text":
        return pre(content.text)
    if kind in ("image", "audio"):
        return media(content.mime_type, content.data, f"{kind} that the server sent")
    if kind == "resource":
        return contents([content.resource])
    if kind == "resource_link":
        name = content.title or content.name
        return f"<p>Resource <code>{escape(str(content.uri))}</code> {escape(name)}</p>"
    return pre(as_json(content.model_dump(mode="json", exclude_none=True)))


def media(mime_type: str, data: str, text: str) -> str:
    """A picture or a sound, from its Base64; what is neither, or is too large, is described."""
    size = len(data) * 3 // 4
    if not MEDIA.fullmatch(mime_type) or size > BYTES:
        return f"<p>{escape(mime_type or 'unknown type')}, {size:,} bytes: panel.result has them</p>"
    source = f"data:{mime_type};base64,{re.sub('[^A-Za-z0-9+/=_-]', '', data)}"
    if mime_type.startswith("audio/"):
        return f"<audio controls src='{source}' aria-label='{escape(text)}'></audio>"
    return f"<img class='mcp-image' src='{source}' alt='{escape(text)}'>"


def contents(found: Iterable[Any]) -> str:
    """What was read of a resource: texts, pictures, and bytes that are neither."""
    parts = []
    for item in found:
        kind = f", {escape(item.mime_type)}" if item.mime_type else ""
        parts.append(f"<p class='mcp-note'><code>{escape(str(item.uri))}</code>{kind}</p>")
        if (text := getattr(item, "text", None)) is not None:
            parts.append(pre(text))
        else:
            parts.append(media(item.mime_type or "", item.blob, f"contents of {item.uri}"))
    return "".join(parts) or "<p class='mcp-note'>nothing in it</p>"


def tool_result(result: Any) -> str:
    """A tool's result: its content, and its structured data where that says more than the content."""
    parts = ["<p class='mcp-error'><b>The tool answered with an error</b></p>"] if result.is_error else []
    parts += [block(content) for content in result.content]
    structured = result.structured_content
    if structured is not None:
        opened = "" if _says_the_same(result.content, structured) else " open"
        parts.append(
            f"<details{opened}><summary>structured data</summary>{pre(as_json(structured))}</details>"
        )
    return "".join(parts) or "<p class='mcp-note'>an empty result</p>"


def _says_the_same(content: list[Any], structured: Any) -> bool:
    """A tool that gives a text has it in the content, and again as {"result": text}."""
    texts = [item.text for item in content if item.type == "text"]
    return len(texts) == 1 and isinstance(structured, dict) and structured == {"result": texts[0]}


def prompt_result(result: Any) -> str:
    """A prompt's messages, each with its role."""
    return "".join(f"<p><b>{escape(m.role)}</b></p>{block(m.content)}" for m in result.messages)


def error(raised: BaseException) -> str:
    """An exception in a line or a few."""
    name, text = type(raised).__name__, str(raised) or "no message"
    return f"<div class='mcp-error' role='alert'><b>{escape(name)}</b>{pre(text)}</div>"


def about(item: Any) -> str:
    """A component's heading, icon, description, tags and annotations."""
    tags = ((item.meta or {}).get("fastmcp") or {}).get("tags") or []
    annotations = getattr(item, "annotations", None)
    said = {name: getattr(annotations, name, None) for name in HINTS}
    hints = [HINTS[name][0 if value else 1] for name, value in said.items() if value is not None]
    words = [*(f"tag {tag}" for tag in tags), *hints]
    title = item.title or getattr(annotations, "title", None)
    return (
        f"<div class='mcp-about'>{icons(item.icons)}<b><code>{escape(item.name)}</code></b> "
        f"{escape(title or '')}"
        f"<p class='mcp-description'>{escape(item.description or 'no description')}</p>"
        f"<p class='mcp-note'>{escape(', '.join(words))}</p></div>"
    )


def icons(found: Iterable[Any] | None) -> str:
    """The first icon that comes with the listing; one with an address would be fetched from elsewhere."""
    for icon in found or ():
        source = icon.src
        if re.fullmatch(r"data:image/[\w.+-]+(;[\w=-]+)*,[\w+/=%.~-]*", source):
            return f"<img class='mcp-icon' src='{source}' alt=''> "
        return f"<small class='mcp-note'>icon {escape(source[:200])}</small> "
    return ""


def schema(name: str, value: Mapping[str, Any] | None) -> str:
    """A JSON Schema that unfolds."""
    return f"<details><summary>{name}</summary>{pre(as_json(value))}</details>" if value else ""
