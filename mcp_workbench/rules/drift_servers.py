"""MCP106 to MCP109: arguments and methods of servers that changed, and those of mount and the decorators.

Each rule has a table; a row says what is written, since which version that fails, and what to do. Where a row
is an exact rename (or what is written says nothing new and can go), the finding comes with edits.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from mcp_workbench.findings import Edit, Finding
from mcp_workbench.rules.module import (
    GUARDED_OR_TYPING,
    STANDALONE,
    Component,
    Module,
    Region,
    is_open,
    keywords,
)
from mcp_workbench.rules.rule import DOCS, Rule, Target, Version, edit, insert, place_of, rename

SEPARATOR = re.compile(r"\s*,\s*")
IMPORT = "from fastmcp.server import create_proxy"
CREATE_PROXY = frozenset(
    {
        "fastmcp.server.create_proxy",
        "fastmcp.server.server.create_proxy",
    }
)


class Argument(NamedTuple):
    """A row: a keyword argument that fails since a version; `shown` is a value for the example.

    `to` is its new name where it is an exact rename; `idle` are the values with which it says what holds
    without it; `of` are the calls that it is about (`tool`, `resource` ...), "" for all.
    """

    name: str
    since: Version
    do: str
    shown: str
    to: str = ""
    idle: tuple[object, ...] = ()
    of: str = ""


class Method(NamedTuple):
    """A row: a method that is gone since a version; `line` is how the example uses it.

    `to` is the new name where it is an exact rename, for calls with arguments of the names in `takes` (with
    arguments by position only if `positions`); `adds` is an argument that the new one needs.
    """

    name: str
    since: Version
    do: str
    line: str
    to: str = ""
    takes: tuple[str, ...] = ()
    positions: bool = False
    adds: str = ""


RUN = "Give it to the run: mcp.run(transport='http', {0}=...)."
APP = "Give it to the run or to the app: mcp.run(transport='http', {0}=...), mcp.http_app({0}=...)."
DUPLICATES = "Write on_duplicate=...: one answer ('error', 'warn', 'replace', 'ignore') for all kinds."
LLM = "Call the language model's own API in the tool: servers cannot ask the client's model any more."
LOGIN = "Give a provider of fastmcp.server.auth as auth=..., such as JWTVerifier or RemoteAuthProvider."

CONSTRUCTOR = (
    Argument("host", (3,), RUN.format("host"), '"0.0.0.0"'),
    Argument("port", (3,), RUN.format("port"), "9000"),
    Argument("log_level", (3,), RUN.format("log_level"), '"DEBUG"'),
    Argument("debug", (3,), "Set FASTMCP_DEBUG=true in the environment.", "True"),
    Argument("sse_path", (3,), "Give path= to the run: mcp.run(transport='sse', path=...).", '"/sse"'),
    Argument("message_path", (3,), "Set FASTMCP_MESSAGE_PATH in the environment.", '"/messages/"'),
    Argument("streamable_http_path", (3,), "Give path= to the run or to http_app(path=...).", '"/mcp"'),
    Argument("json_response", (3,), APP.format("json_response"), "True"),
    Argument("stateless_http", (3,), APP.format("stateless_http"), "True"),
    Argument("on_duplicate_tools", (3,), DUPLICATES, '"error"'),
    Argument("on_duplicate_resources", (3,), DUPLICATES, '"error"'),
    Argument("on_duplicate_prompts", (3,), DUPLICATES, '"error"'),
    Argument("tool_serializer", (3,), "Return a ToolResult from the tools.", "str"),
    Argument("include_tags", (3,), "Write mcp.enable(tags={...}, only=True) below.", '{"public"}'),
    Argument("exclude_tags", (3,), "Write mcp.disable(tags={...}) below.", '{"staff"}'),
    Argument("tool_transformations", (3,), "Write mcp.add_transform(ToolTransform({...})) below.", "{}"),
    Argument("sampling_handler", (4,), LLM, "print"),
    Argument("sampling_handler_behavior", (4,), LLM, '"always"'),
    Argument("dependencies", (2, 14), "List them in pyproject.toml or in fastmcp.json.", '["pandas"]'),
    Argument("include_fastmcp_meta", (3,), "Leave it out: the tags are always in the meta data.", "False"),
    Argument("cache_expiration_seconds", (2, 13), "Leave it out, or see cache_ttl=.", "60"),
    Argument("warn_on_duplicate_tools", (2, 13), DUPLICATES, "True"),
    Argument("warn_on_duplicate_resources", (2, 13), DUPLICATES, "True"),
    Argument("warn_on_duplicate_prompts", (2, 13), DUPLICATES, "True"),
    Argument("event_store", (2, 13), "Give it to the app: mcp.http_app(event_store=...).", "None"),
    Argument("retry_interval", (2, 13), "Give it to the app: mcp.http_app(retry_interval=...).", "500"),
    Argument("transport", (2, 13), "Give it to the run: mcp.run(transport=...).", '"http"'),
    Argument("mount_path", (2, 13), "Give path= to the run or to http_app(path=...).", '"/desk"'),
    Argument(
        "transport_security",
        (2, 13),
        "Give allowed_hosts= and allowed_origins= to the run or to http_app.",
        "None",
    ),
    Argument("token_verifier", (2, 13), LOGIN, "None"),
    Argument("auth_server_provider", (2, 13), LOGIN, "None"),
    Argument("description", (2,), "Write instructions=...: what a client reads of the server.", '"A desk"'),
    Argument("title", (2,), "Write the name, the first argument; there is no title.", '"Desk"'),
    Argument("server_name", (2,), "Write the name as the first argument.", '"desk"'),
    Argument("mcp_path", (2,), "Give path= to the run or to http_app(path=...).", '"/mcp"'),
)

METHODS = (
    Method(
        "as_proxy",
        (4,),
        "Write create_proxy(...), of fastmcp.server.",
        'FastMCP.as_proxy("https://branch.example/mcp")',
        "create_proxy",
    ),
    Method(
        "from_client",
        (2, 14),
        "Write create_proxy(client), of fastmcp.server (FastMCP.as_proxy(client) in FastMCP 2).",
        "FastMCP.from_client(mcp)",
        "create_proxy",
    ),
    Method(
        "remove_tool",
        (4,),
        "Write {it}.local_provider.remove_tool(name): it raises KeyError for a tool that is not there.",
        'mcp.remove_tool("shelf")',
    ),
    Method(
        "add_tool_transformation",
        (4,),
        "Write {it}.add_transform(ToolTransform({{name: config}})), of fastmcp.server.transforms.",
        'mcp.add_tool_transformation("shelf", None)',
    ),
    Method(
        "remove_tool_transformation",
        (4,),
        "Leave it out: transforms stay. Add them to a server of their own that is mounted.",
        'mcp.remove_tool_transformation("shelf")',
    ),
    *(
        Method(
            f"get_{kind}",
            (3,),
            f"Write `await {{it}}.list_{kind}()`: it gives a list, not a dictionary by name.",
            f"print(list(await mcp.get_{kind}()))",
        )
        for kind in ("tools", "resources", "resource_templates", "prompts")
    ),
    Method(
        "sse_app",
        (2, 14),
        "Write {it}.http_app(transport='sse').",
        "mcp.sse_app()",
        "http_app",
        takes=("path", "middleware"),
        adds='transport="sse"',
    ),
    Method(
        "streamable_http_app",
        (2, 14),
        "Write {it}.http_app().",
        "mcp.streamable_http_app()",
        "http_app",
        takes=("path", "middleware"),
        positions=True,
    ),
    Method(
        "run_sse_async",
        (2, 14),
        "Write {it}.run_http_async(transport='sse').",
        'await mcp.run_sse_async(host="127.0.0.1", port=9000)',
        "run_http_async",
        takes=("host", "port", "log_level", "path", "uvicorn_config"),
        adds='transport="sse"',
    ),
    Method(
        "run_streamable_http_async",
        (2, 14),
        "Write {it}.run_http_async().",
        "await mcp.run_streamable_http_async(port=9000)",
        "run_http_async",
        takes=("host", "port", "log_level", "path", "uvicorn_config"),
    ),
    Method(
        "add_resource_fn",
        (2, 14),
        "Write {it}.resource(uri)(function).",
        'mcp.add_resource_fn(shelf, "data://shelf")',
    ),
    Method(
        "session_manager",
        (2,),
        "Give the lifespan of {it}.http_app() to the application that mounts it: it runs the sessions.",
        "mcp.session_manager.run()",
    ),
    Method(
        "get_context",
        (2,),
        "Write get_context(), of fastmcp.server.dependencies, or give the function a parameter ctx: Context.",
        "mcp.get_context()",
    ),
)

PROXIED = "Mount a proxy: {it}.mount(create_proxy(...)), with create_proxy of fastmcp.server."
FILTERED = "Mount it whole, and write mcp.enable(tags={...}, only=True) or mcp.disable(tags={...}) for it."
JOINED = "Leave it out: names are joined by _, and the namespace is part of the path of addresses."
MOUNT = (
    Argument("prefix", (4,), "Write namespace=...", '"branch"', to="namespace"),
    Argument("as_proxy", (4,), PROXIED, "True", idle=(False, None)),
    Argument("mode", (2,), "Leave it out: what is mounted is always live.", '"live"'),
    Argument("include_tags", (2,), FILTERED, '{"public"}'),
    Argument("exclude_tags", (2,), FILTERED, '{"staff"}'),
    Argument("tool_separator", (2, 14), JOINED, '"_"'),
    Argument("resource_separator", (2, 14), JOINED, '"+"'),
    Argument("prompt_separator", (2, 14), JOINED, '"_"'),
)

DECORATORS = (
    Argument("serializer", (2, 13), "Return a ToolResult with the text that you want.", "str", of="tool"),
    Argument(
        "exclude_args",
        (4,),
        "Give the parameter a default of Depends(...), of fastmcp.dependencies: clients do not see it.",
        '["branch"]',
        of="tool",
    ),
    Argument(
        "output_schema",
        (2, 14),
        "Write output_schema=None.",
        "False",
        of="tool",
    ),
    Argument(
        "structured_output",
        (2,),
        "Leave it out: the return annotation decides; output_schema=None keeps the answer plain.",
        "True",
        of="tool",
    ),
    Argument(
        "enabled",
        (3,),
        "Write mcp.disable(names={{{name!r}}}) below it.",
        "False",
        idle=(True, None),
        of="tool resource prompt",
    ),
    Argument(
        "task",
        (4,),
        "Leave it out: only tools can run in the background.",
        "True",
        idle=(False, None),
        of="resource prompt",
    ),
)
# What SDK 1 took by position, in its order.
POSITIONS = {
    "tool": ("name", "title", "description"),
    "prompt": ("name", "title", "description"),
    "resource": (),
}
BUILDERS = frozenset(
    {
        "fastmcp.FastMCP",
        "fastmcp.FastMCP.from_openapi",
        "fastmcp.FastMCP.from_fastapi",
        "fastmcp.server.providers.proxy.create_proxy",
        *CREATE_PROXY,
    }
)


# Finding --------------------------------------------------------------------------------------------------


def _skips(module: Module, target: Target) -> bool:
    """Is the file's FastMCP the SDK's own, of mcp 1? What holds for FastMCP's servers does not for its."""
    if target.fastmcp >= (4,):
        return False
    return any(
        isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mcp.server")
        for node, _ in module.imports
    )


def _since(since: Version) -> str:
    """Since when something is missing."""
    return "in any FastMCP" if since <= (2,) else f"since FastMCP {'.'.join(map(str, since))}"


def _constructor(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    if _skips(module, target):
        return
    rows = {row.name: row for row in CONSTRUCTOR if target.fastmcp >= row.since}
    names = ("FastMCP", "FastMCPProxy", "create_proxy", "from_openapi", "from_fastapi")
    for call, _, region in module.calls_of(*names):
        wrong = [(word, rows[name]) for name, word in keywords(call).items() if name in rows]
        if (
            not wrong
            or region.guards & GUARDED_OR_TYPING
            or module.meaning(call.func, region) not in BUILDERS
        ):
            continue
        if not module.is_library_class(call, region):
            continue
        called = ast.unparse(call.func)
        for word, row in wrong:
            yield rule.at(
                module,
                word,
                f"`{row.name}=` is no argument of {called}() {_since(row.since)}",
                row.do,
                unfixed="it belongs to another place, which the file does not show",
            )


def _methods(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    if _skips(module, target):
        return
    for row in METHODS:
        seen = module.attributes.get(row.name, ()) if target.fastmcp >= row.since else ()
        for node, parent, region in seen:
            if region.guards & GUARDED_OR_TYPING or module.redefines(row.name):
                continue
            meant = module.meaning(node.value, region)
            if meant != "fastmcp.FastMCP()" and (meant != "fastmcp.FastMCP" or row.to != "create_proxy"):
                continue
            edits = list(_method_edits(module, row, node, parent, region, target))
            yield rule.at(
                module,
                node,
                f"a server has no `{row.name}` {_since(row.since)}",
                row.do.format(it=ast.unparse(node.value)),
                edits,
                "" if edits else "what takes its place is used differently",
            )


def _method_edits(
    module: Module, row: Method, node: ast.Attribute, parent: ast.AST, region: Region, target: Target
) -> Iterator[Edit]:
    if not row.to or not isinstance(parent, ast.Call) or parent.func is not node:
        return
    if row.to == "create_proxy":
        if target.fastmcp >= (3,) and isinstance(node.value, ast.Name):
            yield from _proxy_edits(module, node, parent, region)
        return
    if is_open(parent) or (parent.args and not row.positions) or set(keywords(parent)) - {*row.takes}:
        return
    added = _added(module, parent, row.adds) if row.adds else []
    if added is not None:
        yield rename(module, node, row.to)
        yield from added


def _added(module: Module, call: ast.Call, argument: str) -> list[Edit] | None:
    """Add an argument as the first of a call that has none by position."""
    if call.keywords:
        return [insert(module, call.keywords[0], f"{argument}, ")]
    func, whole = place_of(module, call.func), place_of(module, call)
    start, end = (func.end_line, func.end_column), (whole.end_line, whole.end_column)
    return [Edit(*start, *end, f"({argument})")] if _between(module, start, end) == "()" else None


def _between(module: Module, start: tuple[int, int], end: tuple[int, int]) -> str:
    """The text between two places, given as line and column."""
    lines = module.lines[start[0] - 1 : end[0]]
    lines[-1] = lines[-1][: end[1]]
    lines[0] = lines[0][start[1] :]
    return "\n".join(lines)


def _proxy_edits(module: Module, node: ast.Attribute, call: ast.Call, region: Region) -> Iterator[Edit]:
    """FastMCP.as_proxy(...) as create_proxy(...), with its import where that can be added."""
    bound = module.bindings("create_proxy", region.scope)
    if bound and not all(binding.how == "import" and binding.what in CREATE_PROXY for binding in bound):
        return
    imported = None if bound else _import_above(module, call)
    if not bound and imported is None:
        return
    if imported is not None:
        yield imported
    yield edit(module, node, "create_proxy")
    for keyword in call.keywords:
        if keyword.arg in ("backend", "client"):
            yield _keyword(module, keyword, "target")


def _import_above(module: Module, call: ast.Call) -> Edit | None:
    """The import of create_proxy, above the first statement of the file that imports from fastmcp."""
    for statement in module.tree.body:
        if isinstance(statement, ast.ImportFrom) and not statement.level:
            names = [statement.module or ""]
        else:
            names = [alias.name for alias in statement.names] if isinstance(statement, ast.Import) else []
        if any(name.partition(".")[0] == "fastmcp" for name in names):
            place = place_of(module, statement)
            if place.column or place.line >= call.lineno:
                return None
            newline = "\r\n" if "\r\n" in module.text else "\n"
            return Edit(place.line, 0, place.line, 0, f"{IMPORT}{newline}")
    return None


def _keyword(module: Module, keyword: ast.keyword, name: str) -> Edit:
    """Give an argument another name."""
    place = place_of(module, keyword)
    return Edit(place.line, place.column, place.line, place.column + len(keyword.arg or ""), name)


def _without(module: Module, call: ast.Call, keyword: ast.keyword) -> list[Edit]:
    """Take an argument out of a call; no edits where there is more than a comma around it."""
    parts: list[ast.expr | ast.keyword] = [*call.args, *call.keywords]
    parts.sort(key=lambda part: (part.lineno, part.col_offset))
    number = parts.index(keyword)
    here = place_of(module, keyword)
    start, end = (here.line, here.column), (here.end_line, here.end_column)
    if number:
        before = place_of(module, parts[number - 1])
        gap = ((before.end_line, before.end_column), start)
        start = gap[0]
    elif len(parts) > 1:
        after = place_of(module, parts[1])
        gap = (end, (after.line, after.column))
        end = gap[1]
    else:
        return [Edit(*start, *end, "")]
    return [Edit(*start, *end, "")] if SEPARATOR.fullmatch(_between(module, *gap)) else []


def _literal(node: ast.AST) -> object:
    """The value of a constant; for anything else, something that no table has."""
    return node.value if isinstance(node, ast.Constant) else node


def _is_idle(row: Argument, value: ast.AST) -> bool:
    return any(_literal(value) is idle for idle in row.idle)


def _mounts(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    if _skips(module, target):
        return
    rows = {row.name: row for row in MOUNT if target.fastmcp >= row.since}
    for call, _, region in module.calls.get("mount", ()):
        func = call.func
        if not isinstance(func, ast.Attribute) or not module.is_server(func.value, region):
            continue
        if region.guards & GUARDED_OR_TYPING or module.redefines("mount"):
            continue
        words = keywords(call)
        for name, word in words.items():
            if name not in rows:
                continue
            row, edits = rows[name], []
            if row.to and row.to not in words and len(call.args) < 2:
                edits = [_keyword(module, word, row.to)]
            elif _is_idle(row, word.value):
                edits = _without(module, call, word)
            what = f"`{name}=` is no argument of mount() {_since(row.since)}"
            yield _mount_finding(rule, module, word, what, row.do, func, edits)
        yield from _positions_of_mount(rule, module, call, region, target)


def _mount_finding(
    rule: Rule, module: Module, node: ast.AST, what: str, do: str, func: ast.Attribute, edits: list[Edit]
) -> Finding:
    unfixed = "" if edits else "what takes its place is used differently"
    return rule.at(module, node, what, do.replace("{it}", ast.unparse(func.value)), edits, unfixed)


def _positions_of_mount(
    rule: Rule, module: Module, call: ast.Call, region: Region, target: Target
) -> Iterator[Finding]:
    """`mount("branch", branch)`, and `mount(branch, "branch", True)`."""
    func, args = call.func, call.args
    if is_open(call) or not isinstance(func, ast.Attribute) or len(args) < 2:
        return
    if isinstance(_literal(args[0]), str) and target.fastmcp >= (2, 14):
        edits = []
        if len(args) == 2 and not call.keywords and module.is_server(args[1], region):
            second = place_of(module, args[1])
            first = place_of(module, args[0])
            texts = [
                _between(module, (place.line, place.column), (place.end_line, place.end_column))
                for place in (second, first)
            ]
            edits = [edit(module, args[0], texts[0]), edit(module, args[1], f"namespace={texts[1]}")]
        what = "mount() is given the name first, and the server second"
        yield _mount_finding(
            rule, module, args[0], what, "Write {it}.mount(server, namespace=...).", func, edits
        )
    elif len(args) > 2 and isinstance(_literal(args[2]), bool) and target.fastmcp >= (4,):
        what = "the third argument of mount() is not as_proxy any more"
        yield _mount_finding(rule, module, args[2], what, PROXIED, func, [])


def _kind(module: Module, call: ast.Call, region: Region) -> str:
    """tool, resource or prompt, where the call is one of a server's decorators or FastMCP's own function."""
    if isinstance(call.func, ast.Attribute) and module.is_server(call.func.value, region):
        return "" if module.redefines(call.func.attr) else call.func.attr
    return STANDALONE.get(module.meaning(call.func, region) or "", "")


def _decorators(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    if _skips(module, target):
        return
    rows = {row.name: row for row in DECORATORS if target.fastmcp >= row.since}
    functions: dict[ast.AST, Component] | None = None
    for call, _, region in (seen for kind in POSITIONS for seen in module.calls.get(kind, ())):
        wrong = [(word, rows[name]) for name, word in keywords(call).items() if name in rows]
        if not wrong and len(call.args) < 2:
            continue
        kind = "" if region.guards & GUARDED_OR_TYPING else _kind(module, call, region)
        for word, row in wrong:
            if kind not in row.of.split() or (
                row.name == "output_schema" and _literal(word.value) is not False
            ):
                continue
            if functions is None:
                functions = {component.register: component for component in module.components()}
            edits = _argument_edits(module, call, word, row)
            component = functions.get(call)
            name = component.function.name if component is not None else "name"
            yield rule.at(
                module,
                word,
                _argument_clause(row, kind),
                row.do.format(name=name),
                edits,
                "" if edits else "what takes its place is used differently",
            )
        if kind and len(call.args) > 1:
            yield from _positions(rule, module, call, kind)


def _argument_clause(row: Argument, kind: str) -> str:
    if row.name == "output_schema":
        return "`output_schema=False` is no schema"
    return f"`{row.name}=` is no argument of @{kind} {_since(row.since)}"


def _argument_edits(module: Module, call: ast.Call, word: ast.keyword, row: Argument) -> list[Edit]:
    if row.name == "output_schema":
        return [edit(module, word.value, "None")]
    return _without(module, call, word) if _is_idle(row, word.value) else []


def _positions(rule: Rule, module: Module, call: ast.Call, kind: str) -> Iterator[Finding]:
    """More than one argument by position: so SDK 1 took a tool's or a prompt's title and description."""
    names, edits = POSITIONS[kind], []
    plain = not is_open(call) and isinstance(_literal(call.args[0]), str)
    if plain and len(call.args) <= len(names) and not set(names[: len(call.args)]) & set(keywords(call)):
        edits = [
            insert(module, argument, f"{name}=")
            for name, argument in zip(names[1:], call.args[1:], strict=False)
        ]
    yield rule.at(
        module,
        call.args[1],
        f"@{kind} takes one argument by position",
        "Name the others: title=..., description=...",
        edits,
        "" if edits else "their names are not known",
    )


# The rules --------------------------------------------------------------------------------------------------


CONSTRUCTOR_RULE = Rule(
    code="MCP106",
    name="constructor-argument",
    line="FastMCP() is given an argument that it does not take",
    happens=(
        "TypeError: FastMCP() no longer accepts `host`. Pass `host` to `run_http_async()`, or set "
        "FASTMCP_HOST. Or, without advice: FastMCP() got unexpected keyword argument(s): 'dependencies'."
    ),
    why=(
        "How a server runs is not part of what it is any more; other arguments went, were the SDK's, or "
        "never existed. FastMCP() takes **kwargs, so type checkers do not see it."
    ),
    fix="Give it to run() or http_app(), or write what took its place.",
    links=(f"{DOCS}/getting-started/upgrading/from-fastmcp-2", f"{DOCS}/servers/server"),
    find=_constructor,
)

METHODS_RULE = Rule(
    code="MCP107",
    name="method-gone",
    line="A method of a server is used that is gone",
    happens="AttributeError: 'FastMCP' object has no attribute 'get_tools' (or as_proxy, sse_app ...).",
    why="It has another name now, or what it did is done in another way.",
    fix="Call what took its place.",
    links=(
        f"{DOCS}/getting-started/upgrading/from-fastmcp-2",
        f"{DOCS}/getting-started/upgrading/from-fastmcp-3",
    ),
    find=_methods,
)

MOUNT_RULE = Rule(
    code="MCP108",
    name="mount-argument",
    line="mount() is given an argument that it does not take, or the arguments in the old order",
    happens=(
        "TypeError: FastMCP.mount() got an unexpected keyword argument 'prefix'. With the name first: "
        "AttributeError: 'str' object has no attribute 'required_extensions'."
    ),
    why="FastMCP 4 has mount(server, namespace, tool_names); what is mounted is live, and its lifespan runs.",
    fix="Write mcp.mount(server, namespace=...).",
    links=(f"{DOCS}/servers/composition",),
    find=_mounts,
)


DECORATORS_RULE = Rule(
    code="MCP109",
    name="decorator-argument",
    line="@tool, @resource or @prompt is given an argument that it does not take",
    happens=(
        "TypeError: FastMCP.tool() got an unexpected keyword argument 'enabled' (or exclude_args, serializer "
        "...); for @mcp.prompt('name', 'title'): takes from 1 to 2 positional arguments but 3 were given."
    ),
    why="What is switched on, how answers are written and what clients do not see is said elsewhere now.",
    fix="Leave the argument out, and write what took its place.",
    links=(f"{DOCS}/servers/tools", f"{DOCS}/servers/resources", f"{DOCS}/servers/prompts"),
    find=_decorators,
)

RULES = (CONSTRUCTOR_RULE, METHODS_RULE, MOUNT_RULE, DECORATORS_RULE)
