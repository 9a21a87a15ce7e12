"""The server's reference: from what it offers (see offered.py) to a page of Markdown. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mcp_workbench.book.chapters import label
from mcp_workbench.book.messages import escaped

Data = Mapping[str, Any]
HINTS = {
    "readOnlyHint": ("reads only", "may change something"),
    "destructiveHint": ("may destroy or overwrite", "only adds"),
    "idempotentHint": ("twice is as good as once", "twice is not as once"),
    "openWorldHint": ("reaches the world outside", "stays with its own data"),
}
LIMITS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "pattern": "matches `{}`",
    "format": "format {}",
}


def as_page(offered: Data) -> str:
    """The reference of a server, in MyST's Markdown.

    >>> as_page(offered(Path("."))).splitlines()[0]
    '# Reference of Library desk'
    """
    version = f", version {escaped(str(offered['version']))}" if offered.get("version") else ""
    parts = [f"# Reference of {escaped(offered['name'])}", f"What a client is told of the server{version}."]
    if offered.get("instructions"):
        parts += ["Instructions, which a host may give to its model:", *_paragraphs(offered["instructions"])]
    sections = {
        "Tools": ("tools", _tool),
        "Resources": ("resources", _resource),
        "Resource templates": ("templates", _resource),
        "Prompts": ("prompts", _prompt),
    }
    for title, (kind, write) in sections.items():
        parts.append(f"## {title}")
        parts += [part for one in offered[kind] for part in write(one)] or ["None."]
    return "\n\n".join(parts) + "\n"


def _head(kind: str, one: Data, name: str) -> Iterator[str]:
    yield f"({label(kind, name)})=\n### {_code(name)}"
    title = str(one.get("title") or "")
    if title and title.lower().replace(" ", "_") != name.lower():
        yield f"**{escaped(title)}**"
    yield from _paragraphs(one.get("description") or "No description.")


def _tool(tool: Data) -> Iterator[str]:
    yield from _head("tool", tool, tool["name"])
    schema = tool["inputSchema"]
    yield from _table("argument", _properties(schema, schema.get("$defs", {})))
    hints = tool.get("annotations") or {}
    told = [words[not hints[hint]] for hint, words in HINTS.items() if hints.get(hint) is not None]
    if told:
        yield f"Annotations: {'; '.join(told)}."
    yield from _tags(tool)
    yield _folded("Input schema", schema)
    if tool.get("outputSchema"):
        yield _folded("Output schema", tool["outputSchema"])


def _resource(one: Data) -> Iterator[str]:
    yield from _head("resource", one, str(one.get("uri") or one.get("uriTemplate")))
    if one.get("mimeType"):
        yield f"Mime type: {_code(one['mimeType'])}."
    yield from _tags(one)


def _prompt(prompt: Data) -> Iterator[str]:
    yield from _head("prompt", prompt, prompt["name"])
    rows = [
        (
            _code(one["name"]),
            "text",
            "yes" if one.get("required") else "no",
            escaped(one.get("description", "")),
        )
        for one in prompt.get("arguments") or ()
    ]
    yield from _table("argument", rows)
    yield from _tags(prompt)


def _tags(one: Data) -> Iterator[str]:
    tags = ((one.get("_meta") or {}).get("fastmcp") or {}).get("tags")
    if tags:
        yield f"Tags: {', '.join(map(_code, sorted(tags)))}."


Cells = tuple[str, str, str, str]


def _table(first: str, rows: Iterable[Cells]) -> Iterator[str]:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    if lines:
        yield "\n".join([f"| {first} | type | required | what it is |", "|---|---|---|---|", *lines])
    else:
        yield "It takes no arguments."


def _properties(schema: Data, definitions: Data) -> Iterator[Cells]:
    required = schema.get("required", ())
    for name, value in schema.get("properties", {}).items():
        default = value.get("default")
        needed = (
            "yes" if name in required else "no" if default is None else f"no; default {_code(_json(default))}"
        )
        yield (_code(name), described(value, definitions), needed, escaped(value.get("description", "")))


def described(schema: Data, definitions: Data) -> str:
    """A value's type and limits in words (Markdown).

    >>> described({"type": "integer", "minimum": 1}, {})
    'integer, at least 1'
    """
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        target = definitions.get(name, {})
        return described(target, {**definitions, name: {"type": "object"}}) if target else escaped(name)
    for joined in ("anyOf", "oneOf"):
        if joined in schema:
            return " or ".join(dict.fromkeys(described(one, definitions) for one in schema[joined]))
    if "const" in schema:
        return _code(_json(schema["const"]))
    if "enum" in schema:
        return "one of " + ", ".join(_code(_json(value)) for value in schema["enum"])
    kind = schema.get("type", "anything")
    words = " or ".join(kind) if isinstance(kind, list) else str(kind)
    if kind == "array":
        words = f"array of {described(schema.get('items', {}), definitions)}"
    elif kind == "object" and schema.get("properties"):
        inner = (f"{_code(key)}: {described(one, definitions)}" for key, one in schema["properties"].items())
        words = f"object ({'; '.join(inner)})"
    limits = [text.format(schema[key]) for key, text in LIMITS.items() if key in schema]
    return ", ".join([words, *limits]).replace("|", r"\|")


def _folded(title: str, value: Any) -> str:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return f"<details><summary>{title}</summary>\n\n````json\n{text}\n````\n\n</details>"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _code(text: str) -> str:
    """Text as Markdown's code; in a table, too."""
    ticks = "``" if "`" in text else "`"
    space = " " if "`" in text else ""
    return f"{ticks}{space}{text}{space}{ticks}".replace("|", r"\|")


def _paragraphs(text: str) -> list[str]:
    return [escaped(part) for part in text.split("\n\n") if part.strip()]
