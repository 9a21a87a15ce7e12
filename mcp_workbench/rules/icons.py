"""MCP024: icons."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from mcp_workbench.findings import Edit, Finding
from mcp_workbench.rules.module import GUARDED, GUARDED_OR_TYPING, Module, Region, is_open, keywords
from mcp_workbench.rules.rule import DOCS, Rule, Target, edit, insert

# Where Icon is sought and is not.
WRONG_HOMES = (
    "fastmcp",
    "fastmcp.icons",
    "fastmcp.server",
    "fastmcp.types",
    "fastmcp.utilities.types",
    "mcp",
)
KNOWN = ("src", "mime_type", "mimeType", "sizes", "theme")
SPELLINGS = {
    **dict.fromkeys(("url", "uri", "href"), "src"),
    **dict.fromkeys(("mime", "mimetype", "media_type", "type"), "mime_type"),
}
MADE = ("from_file", "from_path", "from_url", "from_bytes", "from_data")
# How the base64 of an image begins.
BEGINS = {"iVBORw0KGgo": "png", "/9j/": "jpeg", "R0lGOD": "gif", "PHN2Z": "svg+xml", "UklGR": "webp"}
BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def _icons(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    yield from _imports(rule, module)
    for node, _, region in module.attributes.get("Icon", ()):
        if module.meaning(node.value, region) == "fastmcp" and not region.guards & GUARDED:
            do = "Write from mcp.types import Icon, and Icon(...)."
            yield rule.at(module, node, "the module fastmcp has no Icon", do)
    for name in MADE:
        for node, _, region in module.attributes.get(name, ()):
            icon = _is_icon(module.meaning(node.value, region))
            if icon and not _is_of_project(module, node.value, region):
                do = "Write Icon(src=Image(path=...).to_data_uri()), with Image from fastmcp.utilities.types."
                yield rule.at(module, node, f"Icon has no {name}", do, unfixed="Image has to be imported")
    for call, _, region in module.calls_of("Icon"):
        if _is_icon(module.meaning(call.func, region)) and module.is_library_class(call, region):
            yield from _arguments(rule, module, call, region)


def _is_icon(meaning: str | None) -> bool:
    home, _, name = (meaning or "").rpartition(".")
    return name == "Icon" and home in ("mcp.types", "mcp.server.fastmcp", *WRONG_HOMES)


def _is_of_project(module: Module, node: ast.AST, region: Region) -> bool:
    """Is it a class of the project that extends Icon, and may have methods of its own?"""
    found = module.origin(node, region)
    return found is not None and isinstance(found.node, ast.ClassDef)


def _imports(rule: Rule, module: Module) -> Iterator[Finding]:
    for node, region in module.imports:
        if not isinstance(node, ast.ImportFrom) or node.level or region.guards & GUARDED_OR_TYPING:
            continue
        sought = [alias for alias in node.names if alias.name == "Icon"]
        if sought and node.module in WRONG_HOMES:
            moved = _moved(module, node, sought[0])
            do = "Write from mcp.types import Icon."
            yield rule.at(module, sought[0], f"the module {node.module} has no Icon", do, moved)


def _moved(module: Module, node: ast.ImportFrom, alias: ast.alias) -> list[Edit]:
    """The name in an import of its own, before the others'."""
    line = module.lines[node.lineno - 1]
    start = module.column(node.lineno, node.col_offset)
    if line[:start].strip():
        return []  # not the first statement of its line
    written = f"Icon as {alias.asname}" if alias.asname else "Icon"
    if len(node.names) == 1:
        return [edit(module, node, f"from mcp.types import {written}")]
    place = node.names.index(alias)
    if place:
        before = node.names[place - 1]
        begin = (before.end_lineno or 0, before.end_col_offset or 0)
        end = (alias.end_lineno or 0, alias.end_col_offset or 0)
    else:
        begin = (alias.lineno, alias.col_offset)
        end = (node.names[1].lineno, node.names[1].col_offset)
    gone = Edit(begin[0], module.column(*begin), end[0], module.column(*end), "")
    return [insert(module, node, f"from mcp.types import {written}\n{line[:start]}"), gone]


def _arguments(rule: Rule, module: Module, call: ast.Call, region: Region) -> Iterator[Finding]:
    given = keywords(call)
    if call.args and not isinstance(call.args[0], ast.Starred):
        added = [insert(module, call.args[0], "src=")] if len(call.args) == 1 and "src" not in given else []
        yield rule.at(module, call.args[0], "Icon takes its arguments by name only", "Write src=...", added)
        return
    for name, keyword in given.items():
        if name not in KNOWN:
            yield _unknown(rule, module, keyword, given)
    if not is_open(call) and not any(SPELLINGS.get(name, name) == "src" for name in given):
        yield rule.at(
            module,
            call,
            "Icon is given no src",
            'Write src="https://..." or src="data:image/png;base64,...".',
        )
    sizes = given.get("sizes")
    if sizes and isinstance(sizes.value, ast.Constant) and isinstance(sizes.value.value, str):
        listed = _listed(sizes.value.value)
        yield rule.at(
            module,
            sizes,
            "an icon's sizes are a list",
            f"Write sizes={listed}.",
            [edit(module, sizes.value, listed)],
        )
    theme = given.get("theme")
    if theme and isinstance(theme.value, ast.Constant) and theme.value.value not in ("light", "dark", None):
        what = f"an icon's theme is light or dark, not {theme.value.value!r}"
        yield rule.at(module, theme, what, 'Write theme="light" or theme="dark", or leave it out.')
    if "src" in given:
        yield from _source(rule, module, given["src"].value, region)


def _unknown(rule: Rule, module: Module, keyword: ast.keyword, given: dict[str, ast.keyword]) -> Finding:
    name, value = keyword.arg or "", keyword.value
    text = value.value if isinstance(value, ast.Constant) else None
    right = SPELLINGS.get(name, "sizes" if name == "size" else "")
    what = f"Icon has no argument `{name}`"
    if name != "size":
        what += (
            ", and src is required" if right == "src" and "src" not in given else ", and drops it in silence"
        )
    else:
        what += ", and drops it in silence: the size is not sent"
    start = module.column(keyword.lineno, keyword.col_offset)
    renamed = Edit(keyword.lineno, start, keyword.lineno, start + len(name), right)
    taken = any(
        SPELLINGS.get(k, k).lower().replace("_", "") == right.replace("_", "") for k in given if k != name
    )
    edits = [] if taken or not right else [renamed]
    if name == "size":
        edits = [*edits, edit(module, value, _listed(text))] if edits and isinstance(text, str) else []
    elif right == "src" and isinstance(text, str) and _wrong(text, module):
        edits = []  # under its right name it would be the next finding
    written = _listed(text) if isinstance(text, str) and right == "sizes" else "..."
    do = f"Write {right}={written} instead." if right else "Take it out."
    return rule.at(module, keyword, what, do, edits, "" if edits else "what was meant is not certain")


def _listed(text: str) -> str:
    """The list that is meant by a text: "16x16 32x32"."""
    sizes = [f'"{part}"' for part in text.replace(",", " ").split()]
    return f"[{', '.join(sizes)}]"


def _source(rule: Rule, module: Module, node: ast.expr, region: Region) -> Iterator[Finding]:
    found = module.origin(node, region)
    if found is None:
        return
    text, whole = _text(found.node)
    wrong = _wrong(text, module, whole) if text else ""
    if not wrong:
        return
    kind = next(
        (kind for begin, kind in BEGINS.items() if text.removeprefix(";").startswith(f"base64,{begin}")), ""
    )
    edits = []
    if (
        kind
        and whole
        and found.node is node
        and not _wrong(f"data:image/{kind};{text.removeprefix(';')}", module)
    ):
        quote = module.lines[node.lineno - 1][module.column(node.lineno, node.col_offset) :][:1]
        if quote in "\"'":
            begin = module.column(node.lineno, node.col_offset) + 1
            prefix = f"data:image/{kind}" + ("" if text.startswith(";") else ";")
            edits = [Edit(node.lineno, begin, node.lineno, begin, prefix)]
    do = 'Write src="https://...", or Image(path=...).to_data_uri() with Image from fastmcp.utilities.types.'
    yield rule.at(module, node, wrong, do, edits, "" if edits else "what the image is, is not known")


def _text(node: ast.AST) -> tuple[str, bool]:
    """A literal, or how an f-string begins; and whether that is all."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value, True
    first = node.values[0] if isinstance(node, ast.JoinedStr) and node.values else None
    return (str(first.value), False) if isinstance(first, ast.Constant) else ("", False)


def _wrong(text: str, module: Module, whole: bool = True) -> str:
    """What is wrong with a src; "" where nothing is, or where that is not certain."""
    if text.removeprefix(";").startswith("base64,"):
        return 'an icon\'s src begins with "base64,": no client knows what image it is'
    if text.startswith("data:"):
        head, comma, body = text.partition(",")
        if whole and not comma:
            return "the data URI has no comma before its data"
        if whole and head.endswith(";base64") and (not BASE64.fullmatch(body) or len(body) % 4 == 1):
            return "the data URI's text is no base64"
        return ""
    if SCHEME.match(text) or "website_url" in module.text:
        return ""
    return f"the src {text[:40]!r} is no address: a client does not know where it begins"


ICON = Rule(
    code="MCP024",
    name="icon-that-nobody-sees",
    line="An icon is imported, spelt or addressed so that no client can show it",
    happens=(
        "\"cannot import name 'Icon' from 'fastmcp'\". Icon(url=...): ValidationError, 'src Field required'. "
        "sizes=\"48x48\": 'Input should be a valid list'. Icon.from_file(...): AttributeError, 'from_file'. "
        "An argument that there is not (size=) and a src that is no address (base64,iVBOR..., icon.png) are "
        "accepted in silence, and sent to clients as they are."
    ),
    why=(
        "Icon is a plain model of the protocol, from mcp.types: FastMCP neither reads files for it nor looks "
        "at its src, and the model ignores arguments that it does not know."
    ),
    fix=(
        'Write from mcp.types import Icon and Icon(src="https://...", mime_type="image/png", '
        'sizes=["48x48"]); for '
        "a file src=Image(path=...).to_data_uri(), with Image from fastmcp.utilities.types."
    ),
    links=(f"{DOCS}/servers/icons",),
    find=_icons,
)

RULES = (ICON,)
