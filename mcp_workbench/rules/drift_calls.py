"""MCP110 to MCP113, MCP117, MCP118, MCP120, MCP123, MCP125, MCP126: calls that went, or changed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from mcp_workbench.findings import Edit, Finding
from mcp_workbench.rules.module import (
    CLIENT,
    CONTEXT,
    SERVER,
    Component,
    Function,
    Module,
    Region,
    is_open,
    keywords,
    own_nodes,
)
from mcp_workbench.rules.rule import DOCS, Rule, Target, Version, edit, insert, place_of, source_text

GUIDE = f"{DOCS}/getting-started/upgrading/from-fastmcp-3"


class Gone(NamedTuple):
    """An attribute that is no more: since which version, and what to write."""

    since: Version
    do: str


def knows(region: Region) -> bool:
    """Does the code ask first, or deal with the failure? Then its author knows."""
    return bool(region.guards & {"asked", "caught", "handler"})


def _gone(
    rule: Rule, module: Module, target: Target, owner: str, names: dict[str, Gone], what: str
) -> Iterator[Finding]:
    """The attributes of a table that are read from what has the meaning `owner`."""
    for name, gone in names.items():
        for node, _, region in module.attributes.get(name, ()):
            if (
                target.fastmcp >= gone.since
                and isinstance(node.ctx, ast.Load)
                and not knows(region)
                and module.meaning(node.value, region) == owner
                and not module.redefines(name)
                and not _is_set(module, name)
            ):
                yield rule.at(module, node, what.format(name=name), gone.do)


def _is_set(module: Module, name: str) -> bool:
    return any(isinstance(seen.node.ctx, ast.Store) for seen in module.attributes.get(name, ()))


# MCP110 ------------------------------------------------------------------------------------------------

READ = (
    *("name", "title", "description", "tags", "enabled", "parameters", "output_schema", "annotations", "key"),
    *("uri", "uri_template", "mime_type", "arguments", "meta", "model_copy", "model_dump"),
    *("to_mcp_tool", "to_mcp_prompt", "to_mcp_resource"),
)
FIND_IT = (
    'Ask the server for the component: `await mcp.get_{kind}("{name}")`, then read `.{attribute}` of it.'
)
OF_COMPONENTS = {
    "fn": "Call the function itself: `{name}(...)`.",
    "run": "Call the function itself: `{name}(...)`, or `await mcp.call_tool(...)` as a client would.",
    "render": "Call the function itself: `{name}(...)`, or `await mcp.render_prompt(...)` as a client would.",
    "read": "Call the function itself: `{name}(...)`, or `await mcp.read_resource(...)` as a client would.",
    "disable": 'Hide it by its name: `mcp.disable(names={{"{name}"}})`.',
    "enable": 'Show it by its name: `mcp.enable(names={{"{name}"}})`.',
    **dict.fromkeys(READ, FIND_IT),
}
LISTED = {
    f"{SERVER}.{given}": kind
    for kind in ("tool", "resource", "prompt")
    for given in (f"get_{kind}()", f"list_{kind}s()[]")
}


def _decorated(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    offered: dict[Module, dict[Function, Component]] = {}
    for attribute, do in OF_COMPONENTS.items():
        for node, _, region in module.attributes.get(attribute, ()):
            if not isinstance(node.ctx, ast.Load) or knows(region):
                continue
            component = _offered(module, node.value, region, offered)
            if component is None or _is_set_on(module, node):
                continue
            name = source_text(module, node.value)
            yield rule.at(
                module,
                node,
                f"`{name}` is the function, which has no `.{attribute}`",
                do.format(name=component.function.name, kind=component.kind, attribute=attribute),
                [edit(module, node, name)] if attribute == "fn" else [],
                "" if attribute == "fn" else "what is meant may be the function or the server's component",
            )
    for attribute in ("disable", "enable"):
        for node, parent, region in module.attributes.get(attribute, ()):
            kind = LISTED.get(module.meaning(node.value, region) or "")
            if kind and isinstance(parent, ast.Call) and not knows(region):
                yield rule.at(
                    module,
                    node,
                    f"a {kind} cannot {attribute} itself",
                    f"Say it to the server: `mcp.{attribute}(names={{...}})`, with the {kind}'s name.",
                    unfixed="the server must be told which one is meant",
                )


def _offered(
    module: Module, node: ast.expr, region: Region, offered: dict[Module, dict[Function, Component]]
) -> Component | None:
    """The component that a name stands for: a decorated function, or what `mcp.tool(function)` gave."""
    if not isinstance(node, ast.Name | ast.Attribute):
        return None
    origin = module.origin(node, region)
    if origin is None or not isinstance(origin.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Call):
        return None
    home, made = origin.module, origin.node
    if isinstance(made, ast.Call):
        first = made.args[0] if made.args else None
        if getattr(made.func, "attr", "") not in ("tool", "prompt") or not isinstance(first, ast.Name):
            return None
    if home not in offered:
        known = ("tool", "resource", "prompt")
        offered[home] = {c.function: c for c in home.components() if c.kind in known}
    for function, component in offered[home].items():
        if made is component.register:
            return component
        if made is function and function.decorator_list[:1] == [component.register]:
            return component  # the outermost decorator: what it gives is what the name means
    return None


def _is_set_on(module: Module, node: ast.Attribute) -> bool:
    """Does the file itself set this attribute on that name?"""
    name = ast.unparse(node.value)
    return any(
        isinstance(seen.node.ctx, ast.Store) and ast.unparse(seen.node.value) == name
        for seen in module.attributes[node.attr]
    )


DECORATED = Rule(
    code="MCP110",
    name="decorated-function-is-a-function",
    line="An attribute of a component is read from the decorated function",
    happens=(
        "AttributeError: 'function' object has no attribute 'fn' (or 'name', 'disable', 'run' ...); a "
        "component from `get_tool` raises NotImplementedError: Component.disable() was removed in "
        "FastMCP 3.0."
    ),
    why="Since FastMCP 3 a decorator gives back the function; the component is the server's.",
    fix="Call the function itself, and ask the server for its component: `await mcp.get_tool(name)`.",
    links=(f"{DOCS}/getting-started/upgrading/from-fastmcp-2",),
    find=_decorated,
    since=(3,),
)

# MCP111 ------------------------------------------------------------------------------------------------

MODEL = "Call a language model from the server, with its own client library and key."
NOTIFY = "Write `await ctx.send_notification(mcp.types.{}ListChangedNotification())`."
OF_CONTEXT = {
    "sample": Gone((4,), MODEL),
    "sample_step": Gone((4,), MODEL),
    "list_roots": Gone((4,), "Take the folders as an argument of the tool, or from the server's settings."),
    "get_http_request": Gone(
        (2, 14),
        "Write `get_http_request()`, after `from fastmcp.server.dependencies import get_http_request`.",
    ),
    "send_tool_list_changed": Gone((3,), NOTIFY.format("Tool")),
    "send_resource_list_changed": Gone((3,), NOTIFY.format("Resource")),
    "send_prompt_list_changed": Gone((3,), NOTIFY.format("Prompt")),
}


def _gone_from_context(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    yield from _gone(rule, module, target, CONTEXT, OF_CONTEXT, "a Context has no `{name}` any more")


GONE_FROM_CONTEXT = Rule(
    code="MCP111",
    name="context-method-that-went",
    line="A method of the context that FastMCP has removed",
    happens=(
        "ToolError: Error calling tool 'blurb': 'Context' object has no attribute 'sample'; an `except "
        "Exception` around it hides that, and the tool always takes its other way."
    ),
    why=(
        "Sessionless connections let a server ask a client nothing, so FastMCP 4 dropped sampling and roots; "
        "the others went in 2.14 and 3."
    ),
    fix="Do without the client: call a model yourself, take the folders as an argument.",
    links=(GUIDE, f"{DOCS}/servers/context"),
    find=_gone_from_context,
)

# MCP112 ------------------------------------------------------------------------------------------------

# What is only given a value looks at it: a coroutine there is a mistake. Anything else may await it.
LOOKS = frozenset(
    {"print", "str", "repr", "int", "float", "bool", "len", "list", "dict", "set", "tuple", "sorted"}
    | {"isinstance", "loads", "dumps"}
)
CARRIES = (ast.Await, ast.Yield, ast.List, ast.Tuple, ast.Set, ast.Starred, ast.keyword, ast.Lambda)


def _unawaited_state(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    for name in ("get_state", "set_state", "delete_state"):
        for call, parent, region in module.calls.get(name, ()):
            if (
                isinstance(call.func, ast.Attribute)
                and module.meaning(call.func.value, region) == CONTEXT
                and not knows(region)
                and not module.redefines(name)
                and not _may_be_awaited(call, parent, region)
            ):
                yield _state(rule, module, call, parent, region)


def _state(rule: Rule, module: Module, call: ast.Call, parent: ast.AST, region: Region) -> Finding:
    function, written = region.function, source_text(module, call)
    what = f"`{written}` is a coroutine that nobody awaits"
    if not isinstance(function, ast.AsyncFunctionDef):
        where = f"`async def {function.name}`" if function is not None else "an `async def`"
        return rule.at(
            module, call, what, f"Write `await {written}`, in {where}.", unfixed="not in an async def"
        )
    if region.scope.node is not function or _in_generator(function, call):
        return rule.at(
            module,
            call,
            what,
            f"Write `await {written}`, in a statement of its own.",
            unfixed="not a statement",
        )
    inner = isinstance(parent, ast.Attribute | ast.Subscript)
    edits = [insert(module, call, "(await " if inner else "await ")]
    if inner:
        place = place_of(module, call)
        edits.append(Edit(place.end_line, place.end_column, place.end_line, place.end_column, ")"))
    return rule.at(module, call, what, f"Write `await {written}`.", edits)


def _in_generator(function: Function, call: ast.Call) -> bool:
    """`await` would turn a generator expression into an asynchronous one, which most functions refuse."""
    return any(
        isinstance(node, ast.GeneratorExp) and any(inner is call for inner in ast.walk(node))
        for node in own_nodes(function)
    )


def _may_be_awaited(call: ast.Call, parent: ast.AST, region: Region) -> bool:
    function = region.function
    is_async = isinstance(function, ast.AsyncFunctionDef)
    if isinstance(parent, ast.Return):
        return not is_async  # FastMCP, or the caller, awaits what a plain function gives
    if isinstance(parent, ast.Assign | ast.AnnAssign | ast.NamedExpr):
        targets = parent.targets if isinstance(parent, ast.Assign) else [parent.target]
        names = {target.id for target in targets if isinstance(target, ast.Name)}
        return len(names) < len(targets) or function is None or _is_handed_on(function, names, is_async)
    if isinstance(parent, ast.Call):
        return parent.func is not call and _called(parent) not in LOOKS
    return isinstance(parent, (*CARRIES, ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp))


def _called(call: ast.Call) -> str:
    return str(getattr(call.func, "attr", getattr(call.func, "id", "")))


def _is_handed_on(function: Function, names: set[str], is_async: bool) -> bool:
    """Are these names awaited in the function, or given to somebody who may?"""
    for node in own_nodes(function):
        carries = isinstance(node, CARRIES) or (isinstance(node, ast.Call) and _called(node) not in LOOKS)
        if carries or (isinstance(node, ast.Return) and not is_async):
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.Name) and child.id in names:
                    return True
    return False


UNAWAITED_STATE = Rule(
    code="MCP112",
    name="state-without-await",
    line="State is read or written without await",
    happens=(
        "Nothing is written, and what is read is `<coroutine object Context.get_state at 0x...>`, which is "
        "always true. Only a RuntimeWarning: coroutine 'Context.get_state' was never awaited. Using it: "
        "ToolError: 'coroutine' object is not subscriptable."
    ),
    why=(
        "Since FastMCP 3 the state is kept in a store, and `get_state`, `set_state` and `delete_state` "
        "are async."
    ),
    fix="Write `await ctx.get_state(key)`, in an `async def`.",
    links=(f"{DOCS}/servers/context", f"{DOCS}/getting-started/upgrading/from-fastmcp-2"),
    find=_unawaited_state,
    since=(3,),
    running=True,
)

# MCP113 and MCP126 -------------------------------------------------------------------------------------

# Who uses one of these knows that there are connections on which a server cannot ask.
ERA = ("input_responses", "protocol_version", "request_state", "_is_modern_protocol")


def knows_eras(module: Module) -> bool:
    """Does the file look at what its connections can do, or have its clients make handshakes?"""
    return (
        any(name in module.attributes for name in ERA)
        or "InputRequiredResult" in module.calls
        or any(_mode(call) == "legacy" for call, _, _ in module.calls.get("Client", ()))
    )


def _mode(call: ast.Call) -> object:
    mode = keywords(call).get("mode")
    return mode.value.value if mode is not None and isinstance(mode.value, ast.Constant) else None


def _is_tried(module: Module, region: Region, node: ast.AST) -> bool:
    """Does the function itself deal with the failure?"""
    return any(
        inner is node
        for attempt, around in module.tries
        if around.function is region.function and any(_is_tool_error(handler) for handler in attempt.handlers)
        for statement in attempt.body
        for inner in ast.walk(statement)
    )


def _is_tool_error(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(
        getattr(k, "attr", getattr(k, "id", "")) in ("ToolError", "MCPError", "McpError") for k in kinds
    )


def _elicit(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    for call, _, region in module.calls.get("elicit", ()):
        if (
            not isinstance(call.func, ast.Attribute)
            or module.meaning(call.func.value, region) != CONTEXT
            or knows(region)
            or module.redefines("elicit")
        ):
            continue
        named = keywords(call)
        if "schema" in named:
            yield _schema(rule, module, call, named["schema"])
        elif target.fastmcp >= (4,) and not is_open(call):
            kind = call.args[1] if len(call.args) > 1 else None
            kind = named["response_type"].value if "response_type" in named else kind
            if kind is None or (isinstance(kind, ast.Constant) and kind.value is None):
                yield rule.at(
                    module,
                    call,
                    "`elicit` is not told what kind of answer is expected",
                    "Say it: `response_type=bool` where a yes or no is enough.",
                    unfixed="only you know what answer is wanted",
                )
        if target.fastmcp >= (4,) and not (knows_eras(module) or _is_tried(module, region, call)):
            yield rule.at(
                module,
                call.func,
                "`elicit` fails on sessionless connections, which FastMCP's own client opens",
                "Return an `InputRequiredResult` where `ctx.input_responses` is None, and ask with "
                "`elicit` only on handshake connections; or let the client connect with `mode='legacy'`.",
                unfixed="the tool has to be written as one that is called again with the answer",
            )


def _schema(rule: Rule, module: Module, call: ast.Call, schema: ast.keyword) -> Finding:
    place = place_of(module, schema)
    name = Edit(place.line, place.column, place.line, place.column + len("schema"), "response_type")
    is_type = (
        isinstance(schema.value, ast.Name | ast.Attribute) and len(call.args) < 2
    )  # a dict means another
    return rule.at(
        module,
        schema,
        "`elicit` takes no `schema`",
        f"Write `response_type={source_text(module, schema.value)}`.",
        [name] if is_type else [],
        "" if is_type else "`response_type` takes a type, not a JSON schema",
    )


ELICIT = Rule(
    code="MCP113",
    name="elicit",
    line="`ctx.elicit` on connections that cannot ask, or with arguments that it does not take",
    happens=(
        "On sessionless connections ToolError: elicitation via server-initiated requests is unavailable on "
        "2026-07-28 connections. `Context.elicit() missing 1 required positional argument: 'response_type'`; "
        "`got an unexpected keyword argument 'schema'`; `ctx.elicit() requires a response_type` for None."
    ),
    why="A sessionless server cannot send a request: it answers with its question, and is called again.",
    fix="Return an `InputRequiredResult` while `ctx.input_responses` is None; give `elicit` a response_type.",
    links=(f"{DOCS}/servers/elicitation", GUIDE),
    find=_elicit,
)

OF_SESSION = {
    "create_message": MODEL,
    "list_roots": OF_CONTEXT["list_roots"].do,
    "elicit": "Return an `InputRequiredResult` where `ctx.input_responses` is None.",
    "elicit_form": "Return an `InputRequiredResult` where `ctx.input_responses` is None.",
    "elicit_url": "Return an `InputRequiredResult` where `ctx.input_responses` is None.",
    "send_ping": "Leave it out: a sessionless connection lasts for one request.",
}
SESSIONS = (f"{CONTEXT}.session", f"{CONTEXT}.request_context.session")


def _asks_client(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    if knows_eras(module):
        return
    for name, do in OF_SESSION.items():
        for call, _, region in module.calls.get(name, ()):
            if (
                isinstance(call.func, ast.Attribute)
                and module.meaning(call.func.value, region) in SESSIONS
                and not knows(region)
                and not _is_tried(module, region, call)
            ):
                yield rule.at(
                    module,
                    call.func,
                    f"`session.{name}` sends the client a request, which sessionless connections do "
                    f"not carry",
                    do,
                    unfixed="there is no call that does the same",
                )


ASKS_CLIENT = Rule(
    code="MCP126",
    name="session-request-to-client",
    line="The server sends the client a request through the session",
    happens=(
        "On sessionless connections ToolError: Cannot send 'sampling/createMessage': this transport "
        "context has no back-channel for server-initiated requests. Handshake connections still carry it."
    ),
    why="A sessionless connection is one request and its answer: the server cannot ask in between.",
    fix="Answer with an `InputRequiredResult`, or do without the client.",
    links=(GUIDE, f"{DOCS}/servers/context"),
    find=_asks_client,
    since=(4,),
)

# MCP117 ------------------------------------------------------------------------------------------------

ERRORS = frozenset(
    f"{home}.{name}"
    for home in ("fastmcp.exceptions", "mcp", "mcp.shared.exceptions")
    for name in ("McpError", "MCPError")
)


def _error(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    for call, region in _error_calls(module):
        named = keywords(call)
        alone = len(call.args) == 1 and not call.keywords
        if is_open(call) or knows(region) or not (alone or set(named) == {"error"}):
            continue
        given = call.args[0] if alone else named["error"].value
        inner = _inside(module, given) if isinstance(given, ast.Call) else ""
        is_data = module.meaning(given, region) == "mcp.types.ErrorData()"
        if inner and is_data:
            whole = call.args[0] if alone else named["error"]
            yield rule.at(
                module,
                call,
                f"`{source_text(module, call.func)}` takes a code and a message, not an ErrorData",
                f"Write `{source_text(module, call.func)}({inner})`.",
                [edit(module, whole, inner)],
            )
        else:
            data = f"{source_text(module, given)}" if is_data else "..."
            yield rule.at(
                module,
                call,
                f"`{source_text(module, call.func)}` takes a code and a message",
                f"Write `{source_text(module, call.func)}(code=-32602, message=...)`"
                + (f", or `McpError.from_error_data({data})`." if is_data else "."),
                unfixed="the code and the message are not written here",
            )


def _error_calls(module: Module) -> Iterator[tuple[ast.Call, Region]]:
    """The calls of the class itself, and what the constructors of the file's own subclasses hand to it."""
    for name in ("McpError", "MCPError"):
        for call, _, region in module.calls.get(name, ()):
            if module.meaning(call.func, region) in ERRORS:
                yield call, region
    for call, _, region in module.calls.get("__init__", ()):
        function = region.function
        of = call.func.value if isinstance(call.func, ast.Attribute) else None
        if function is None or not isinstance(of, ast.Call) or _called(of) != "super":
            continue
        around = module.regions[function].scope.parent
        if around is not None and isinstance(around.node, ast.ClassDef):
            outside = Region(around.parent or module.scope)
            if any(module.meaning(base, outside) in ERRORS for base in around.node.bases):
                yield call, region


def _inside(module: Module, call: ast.Call) -> str:
    """What stands between the parentheses, where all of it is `code=`, `message=` and `data=`."""
    names = [keyword.arg for keyword in call.keywords]
    if call.args or not {"code", "message"} <= set(names) or not set(names) <= {"code", "message", "data"}:
        return ""
    start, end = place_of(module, call.keywords[0]), place_of(module, call.keywords[-1])
    last = place_of(module, call)
    lines = module.lines[start.line - 1 : last.end_line]
    if any("#" in line for line in lines):
        return ""
    lines = module.lines[start.line - 1 : end.end_line]
    lines[-1] = lines[-1][: end.end_column]
    lines[0] = lines[0][start.column :]
    return "\n".join(lines)


ERROR = Rule(
    code="MCP117",
    name="error-from-error-data",
    line="McpError is given an ErrorData",
    happens=(
        "TypeError: MCPError.__init__() missing 1 required positional argument: 'message'; in a tool the "
        "client reads ToolError: Error calling tool 'renew': MCPError.__init__() missing ... instead of "
        "your message."
    ),
    why="FastMCP 4 builds on version 2 of the SDK, whose error takes code, message and data by themselves.",
    fix="Write `McpError(code=..., message=...)`.",
    links=(GUIDE,),
    find=_error,
    since=(4,),
)

# MCP118 ------------------------------------------------------------------------------------------------

# The fields of the SDK's models whose old names FastMCP still answers to, with a warning.
BRIDGED = {
    "inputSchema": "input_schema",
    "outputSchema": "output_schema",
    "readOnlyHint": "read_only_hint",
    "destructiveHint": "destructive_hint",
    "idempotentHint": "idempotent_hint",
    "openWorldHint": "open_world_hint",
    "mimeType": "mime_type",
    "uriTemplate": "uri_template",
    "isError": "is_error",
    "structuredContent": "structured_content",
    "hasMore": "has_more",
    "serverInfo": "server_info",
    "protocolVersion": "protocol_version",
    "nextCursor": "next_cursor",
    "resourceTemplates": "resource_templates",
    "systemPrompt": "system_prompt",
    "maxTokens": "max_tokens",
    "stopSequences": "stop_sequences",
    "modelPreferences": "model_preferences",
    "toolChoice": "tool_choice",
    "requestedSchema": "requested_schema",
}
# Those that are simply gone.
UNBRIDGED = {
    "stopReason": "stop_reason",
    "progressToken": "progress_token",
    "websiteUrl": "website_url",
    "clientInfo": "client_info",
    "includeContext": "include_context",
    "listChanged": "list_changed",
}
# What FastMCP's own classes call the same; they never had the SDK's names.
OWN_NAMES = {
    f"{CLIENT}.call_tool()": {"isError": "is_error", "structuredContent": "structured_content"},
    f"{SERVER}.list_tools()[]": {"inputSchema": "parameters", "outputSchema": "output_schema"},
    f"{SERVER}.get_tool()": {"inputSchema": "parameters", "outputSchema": "output_schema"},
    f"{SERVER}.list_resources()[]": {"mimeType": "mime_type"},
    f"{SERVER}.get_resource()": {"mimeType": "mime_type"},
    f"{SERVER}.list_resource_templates()[]": {"mimeType": "mime_type", "uriTemplate": "uri_template"},
}


def _old_names(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    for old in (*BRIDGED, *UNBRIDGED):
        for node, _, region in module.attributes.get(old, ()):
            if not isinstance(node.ctx, ast.Load) or knows(region):
                continue
            meant = module.meaning(node.value, region) or ""
            new = OWN_NAMES.get(meant, {}).get(old, "")
            if not new and target.fastmcp >= (4,) and meant.startswith("mcp.types.") and meant.endswith("()"):
                new = BRIDGED.get(old) or UNBRIDGED[old]
            if new and not module.redefines(old):
                place = place_of(module, node)
                column = place.end_column - len(old)
                yield rule.at(
                    module,
                    node,
                    f"the name of `.{old}` is `.{new}`",
                    f"Write `{source_text(module, node.value)}.{new}`.",
                    [Edit(place.end_line, column, place.end_line, place.end_column, new)],
                )


OLD_NAMES = Rule(
    code="MCP118",
    name="camel-case-fields",
    line="A field of a protocol object is read by its old name",
    happens=(
        "FastMCPDeprecationWarning: Accessing `Tool.inputSchema` is deprecated; MCP SDK v2 renamed this "
        "field to `input_schema`. AttributeError: 'CallToolResult' object has no attribute 'isError' for "
        "what `Client.call_tool` gives, and for fields that have no bridge."
    ),
    why="Version 2 of the SDK names fields as Python does; the JSON on the wire has kept its names.",
    fix="Read `input_schema`, `mime_type`, `is_error` and so on.",
    links=(GUIDE,),
    find=_old_names,
)

# MCP120 ------------------------------------------------------------------------------------------------

LIST = "Write `await mcp.list_tools()`, or `await mcp.get_tool(name)`."
PRIVATE = {
    "_tool_manager": Gone((3,), LIST),
    "_resource_manager": Gone((3,), "Write `await mcp.list_resources()`, or `await mcp.get_resource(uri)`."),
    "_prompt_manager": Gone((3,), "Write `await mcp.list_prompts()`, or `await mcp.get_prompt(name)`."),
    "_mounted_servers": Gone((3,), "Keep the servers that you mount, or look through `mcp.providers`."),
    "_tools": Gone((2,), LIST),
    "_tool_serializer": Gone((3,), "Return a ToolResult with the text that you want."),
    "_deprecated_settings": Gone((3,), "Read `fastmcp.settings`."),
    "_call_tool": Gone((3,), "Write `await mcp.call_tool(name, arguments)`."),
    "_read_resource": Gone((3,), "Write `await mcp.read_resource(uri)`."),
    "_mcp_call_tool": Gone((2, 14), "Write `await mcp.call_tool(name, arguments)`."),
    "_mcp_list_tools": Gone((2, 14), "Write `await mcp.list_tools()`."),
    "_call_tool_mcp": Gone((4,), "Write `await mcp.call_tool(name, arguments)`."),
    "_list_tools_mcp": Gone((4,), "Write `await mcp.list_tools()`."),
    "_list_resources_mcp": Gone((4,), "Write `await mcp.list_resources()`."),
    "_list_prompts_mcp": Gone((4,), "Write `await mcp.list_prompts()`."),
    "_read_resource_mcp": Gone((4,), "Write `await mcp.read_resource(uri)`."),
    "_get_prompt_mcp": Gone((4,), "Write `await mcp.render_prompt(name, arguments)`."),
}
KEYS = {"get_tool": "name", "get_prompt": "name", "get_resource": "uri", "get_resource_template": "uri"}


def _private(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    yield from _gone(rule, module, target, SERVER, PRIVATE, "a server has no `{name}`")
    for method, name in KEYS.items() if target.fastmcp >= (3,) else ():
        for call, _, region in module.calls.get(method, ()):
            key = keywords(call).get("key")
            if (
                key is None
                or not isinstance(call.func, ast.Attribute)
                or not module.is_server(call.func.value, region)
                or knows(region)
                or module.redefines(method)
            ):
                continue
            place = place_of(module, key)
            yield rule.at(
                module,
                key,
                f"`{method}` takes no `key`",
                f"Write `{name}={source_text(module, key.value)}`.",
                [Edit(place.line, place.column, place.line, place.column + len("key"), name)],
            )


INTERNALS = Rule(
    code="MCP120",
    name="server-internals",
    line="A private attribute of a server that is gone, or a component asked for by `key=`",
    happens=(
        "AttributeError: 'FastMCP' object has no attribute '_tool_manager'; TypeError: "
        "FastMCP.get_tool() got an unexpected keyword argument 'key'."
    ),
    why=(
        "FastMCP 3 keeps components in providers, and replaced the managers that earlier versions had inside."
    ),
    fix=(
        "Use what is public: `await mcp.list_tools()`, `await mcp.get_tool(name)`, `await "
        "mcp.call_tool(name)`."
    ),
    links=(f"{DOCS}/getting-started/upgrading/from-fastmcp-2", f"{DOCS}/servers/server"),
    find=_private,
)

# MCP123 ------------------------------------------------------------------------------------------------

RESULT_OF_CALL = f"{CLIENT}.call_tool()"
SCRIPTS = (".py", ".js")
TASKS = dict.fromkeys(
    ("cancel_task", "get_task_result", "get_task_status", "list_tasks"),
    Gone((4,), "Call the tool plainly: tasks are an extension now, and its result is awaited for you."),
)
TRANSPORTS = (
    "fastmcp.client.transports.StreamableHttpTransport",
    "fastmcp.client.transports.http.StreamableHttpTransport",
    "fastmcp.client.transports.streamable_http.StreamableHttpTransport",
)


def _client(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    if target.fastmcp >= (2, 10):
        yield from _result(rule, module)
    if target.fastmcp >= (4,):
        yield from _gone(rule, module, target, CLIENT, TASKS, "a client has no `{name}` any more")
        yield from _task(rule, module)
        yield from _script(rule, module)
        yield from _timeout(rule, module)


def _result(rule: Rule, module: Module) -> Iterator[Finding]:
    if not module.mentions("call_tool"):
        return  # there are many subscripts to look at
    for subscript, region in module.subscripts:
        if module.meaning(subscript.value, region) == RESULT_OF_CALL and not knows(region):
            yield rule.at(
                module,
                subscript,
                "the result of `call_tool` is no list",
                "Read `.data`, or `.content[0]` for the first piece of its content.",
                _named_first(module, subscript, ".content"),
            )
    for seen in module.attributes.get("text", ()):
        node, region = seen.node, seen.region
        if knows(region):
            continue
        of_item = not isinstance(node.value, ast.Subscript)  # which is one finding already
        meant = module.meaning(node.value, region)
        if meant == RESULT_OF_CALL:
            yield rule.at(
                module,
                node,
                "the result of `call_tool` has no text of its own",
                f"Write `{source_text(module, node.value)}.content[0].text`, or `.data`.",
                unfixed="the content may have more than one piece",
            )
        elif of_item and meant == f"{RESULT_OF_CALL}[]":
            yield rule.at(
                module,
                node,
                "the result of `call_tool` is no list to go through",
                "Go through its `.content`.",
                unfixed="the loop stands elsewhere",
            )
    for call, _, region in module.calls.get("len", ()):
        if call.args and module.meaning(call.args[0], region) == RESULT_OF_CALL and not knows(region):
            yield rule.at(
                module,
                call,
                "the result of `call_tool` has no length",
                f"Write `len({source_text(module, call.args[0])}.content)`.",
                unfixed="what is counted may be `.content` or `.data`",
            )


def _named_first(module: Module, node: ast.Subscript, name: str) -> list[Edit]:
    """Insert an attribute before the bracket of a subscript."""
    value, index = place_of(module, node.value), place_of(module, node.slice)
    if value.end_line != index.line:
        return []
    between = module.lines[value.end_line - 1][value.end_column : index.column]
    column = value.end_column + between.rfind("[")
    return [Edit(value.end_line, column, value.end_line, column, name)]


def _task(rule: Rule, module: Module) -> Iterator[Finding]:
    for method in ("call_tool", "read_resource", "get_prompt"):
        for call, _, region in module.calls.get(method, ()):
            task = keywords(call).get("task")
            if (
                task is not None
                and isinstance(call.func, ast.Attribute)
                and module.meaning(call.func.value, region) == CLIENT
                and not knows(region)
            ):
                yield rule.at(
                    module,
                    task,
                    f"`{method}` takes no `task`",
                    "Leave it out: the client waits for a task by itself.",
                    unfixed="what is given is a result, not a task",
                )


def _script(rule: Rule, module: Module) -> Iterator[Finding]:
    has_path = module.scope.names.get("Path", [])
    imported = len(has_path) == 1 and has_path[0].what == "pathlib.Path"
    for call, _, region in module.calls.get("Client", ()):
        named = keywords(call).get("transport")
        given = call.args[0] if call.args else named.value if named is not None else None
        if (
            isinstance(given, ast.Constant)
            and isinstance(given.value, str)
            and given.value.endswith(SCRIPTS)
            and not given.value.startswith(("http://", "https://"))
            and module.meaning(call.func, region) == "fastmcp.Client"
            and not knows(region)
        ):
            written = source_text(module, given)
            yield rule.at(
                module,
                given,
                f"{written} is a path, and FastMCP 5 will not take paths as texts",
                f"Write `Client(Path({written}))`, with `from pathlib import Path`.",
                [edit(module, given, f"Path({written})")] if imported else [],
                "" if imported else "`Path` has to be imported",
            )


def _timeout(rule: Rule, module: Module) -> Iterator[Finding]:
    for call, _, region in module.calls.get("StreamableHttpTransport", ()):
        timeout = keywords(call).get("sse_read_timeout")
        if timeout is not None and module.meaning(call.func, region) in TRANSPORTS and not knows(region):
            yield rule.at(
                module,
                timeout,
                "`StreamableHttpTransport` takes no `sse_read_timeout`",
                f"Say it to the client: `Client(transport, timeout={source_text(module, timeout.value)})`.",
                unfixed="the time belongs to the client",
            )


CLIENT_CALLS = Rule(
    code="MCP123",
    name="client-calls",
    line="A client's call, or what it gives, as earlier versions had it",
    happens=(
        "TypeError: 'CallToolResult' object is not subscriptable; TypeError: "
        "ClientToolsMixin.call_tool() got an unexpected keyword argument 'task'; "
        "FastMCPDeprecationWarning: Inferring a stdio transport from the string 'server.py' is "
        "deprecated and will be removed in FastMCP 5; TypeError: StreamableHttpTransport.__init__() got "
        "an unexpected keyword argument 'sse_read_timeout'."
    ),
    why="`call_tool` gives one object since 2.10; FastMCP 4 moved tasks and timeouts out of these calls.",
    fix="Read `result.data` or `result.content[0].text`; call plainly; give paths as `Path`.",
    links=(f"{DOCS}/clients/tools", GUIDE),
    find=_client,
)

# MCP125 ------------------------------------------------------------------------------------------------

LEVELS = frozenset({"debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"})


def _context_calls(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    for call, _, region in module.calls.get("log", ()):
        if (
            isinstance(call.func, ast.Attribute)
            and module.meaning(call.func.value, region) == CONTEXT
            and len(call.args) > 1
            and not is_open(call)
            and _is_level(call.args[0])
            and not _is_level(call.args[1])
            and not knows(region)
            and not module.redefines("log")
        ):
            yield _log(rule, module, call)
    reads = target.fastmcp >= (3,) and module.mentions("read_resource")
    for node, region in module.subscripts if reads else ():
        if module.meaning(node.value, region) == f"{CONTEXT}.read_resource()" and not knows(region):
            yield rule.at(
                module,
                node,
                "what `ctx.read_resource` gives is no list",
                "Read its `.contents`, whose items have a `.content`.",
                _named_first(module, node, ".contents"),
            )


def _is_level(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.lower() in LEVELS


def _log(rule: Rule, module: Module, call: ast.Call) -> Finding:
    level, message = source_text(module, call.args[0]), source_text(module, call.args[1])
    level = level.lower()
    second = f"level={level}" if len(call.args) == 2 else level
    return rule.at(
        module,
        call,
        "`ctx.log` takes the message first, then the level",
        f"Write `{source_text(module, call.func)}({message}, level={level})`.",
        [edit(module, call.args[0], message), edit(module, call.args[1], second)],
    )


LOG = Rule(
    code="MCP125",
    name="context-log-and-read",
    line="`ctx.log` with the level first, or what `ctx.read_resource` gives taken for a list",
    happens=(
        "ToolError: Error calling tool 'lend': 'Emma is lent' (a KeyError: the message is taken for a "
        "level); ToolError: 'ResourceResult' object is not subscriptable."
    ),
    why=(
        "FastMCP's `log` has always taken the message first, unlike the SDK's; since FastMCP 3 "
        "`read_resource` gives a ResourceResult."
    ),
    fix=(
        'Write `await ctx.log("...", level="info")`, and `(await '
        "ctx.read_resource(uri)).contents[0].content`."
    ),
    links=(f"{DOCS}/servers/context", f"{DOCS}/getting-started/upgrading/from-fastmcp-2"),
    find=_context_calls,
)

RULES = (
    DECORATED,
    GONE_FROM_CONTEXT,
    UNAWAITED_STATE,
    ELICIT,
    ERROR,
    OLD_NAMES,
    INTERNALS,
    CLIENT_CALLS,
    LOG,
    ASKS_CLIENT,
)
