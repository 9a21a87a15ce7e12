"""MCP017: a server's app inside another web application."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mcp_workbench.findings import Edit, Finding
from mcp_workbench.rules.module import GUARDED, Function, Module, Origin, Region, is_open, keywords
from mcp_workbench.rules.rule import DOCS, Rule, Target, edit

WEB = ("fastapi.FastAPI", "starlette.Starlette")
MOUNT = ("starlette.routing.Mount", "fastapi.routing.Mount")
HTTP_APP = "fastmcp.FastMCP().http_app()"
# Whoever speaks of one of these may well run the server's lifespan.
RUNS = frozenset({"lifespan", "lifespan_context", "lifespan_handler", "session_manager", "router"})
RUNNING = ("lifespan", "mcp", "session", "enter_async_context")


def _lifespan(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    for call, _, region in module.calls_of("FastAPI", "Starlette"):
        if module.meaning(call.func, region) not in WEB or region.guards & GUARDED:
            continue
        yield from _judged(rule, module, Origin(module, call, region), _mounted(module, call, region))
    elsewhere: dict[ast.AST, tuple[Origin, list[Origin]]] = {}
    for parent, child in _mounts(module):
        if parent.module is not module:
            elsewhere.setdefault(parent.node, (parent, []))[1].append(child)
    for parent, children in elsewhere.values():
        yield from _judged(rule, module, parent, children)


def _mounts(module: Module) -> Iterator[tuple[Origin, Origin]]:
    """Each `app.mount(path, child)`: where the web application is constructed, and the server's app."""
    for call, _, region in sorted(module.calls.get("mount", ()), key=lambda seen: seen.node.lineno):
        receiver = call.func.value if isinstance(call.func, ast.Attribute) else None
        given = [*call.args[1:2], *(k.value for k in call.keywords if k.arg == "app")]
        if receiver is None or not given or region.guards & GUARDED:
            continue
        if not _serves(module, given[0], region):
            continue
        parent = module.origin(receiver, region)
        made = parent.node if parent else None
        if parent and isinstance(made, ast.Call) and parent.module.meaning(made.func, parent.region) in WEB:
            yield parent, Origin(module, given[0], region)


def _mounted(module: Module, parent: ast.Call, region: Region) -> list[Origin]:
    """The servers' apps that this file puts into a web application."""
    found = [child for origin, child in _mounts(module) if origin.node is parent]
    routes = keywords(parent).get("routes")
    listed = module.origin(routes.value, region) if routes else None
    if listed is None or not isinstance(listed.node, ast.List):
        return found
    for element in listed.node.elts:
        child: ast.AST | None = None
        if isinstance(element, ast.Starred):  # routes=[*child.routes]
            child = element.value.value if isinstance(element.value, ast.Attribute) else None
        elif isinstance(element, ast.Call) and listed.module.meaning(element.func, listed.region) in MOUNT:
            given = [*element.args[1:2], *(k.value for k in element.keywords if k.arg == "app")]
            child = given[0] if given else None
        if child is not None and _serves(listed.module, child, listed.region):
            found.append(Origin(listed.module, child, listed.region))
    return found


def _serves(module: Module, node: ast.AST, region: Region) -> bool:
    """Is it the app of a server, with the transport that needs its lifespan?"""
    if module.meaning(node, region) != HTTP_APP:
        return False
    made = module.origin(node, region)
    call = made.node if made else None
    transport = keywords(call).get("transport") if isinstance(call, ast.Call) else None
    return transport is None or (
        isinstance(transport.value, ast.Constant) and transport.value.value in ("http", "streamable-http")
    )


def _judged(rule: Rule, module: Module, parent: Origin, children: list[Origin]) -> Iterator[Finding]:
    call = parent.node
    if not isinstance(call, ast.Call):
        return
    given = keywords(call).get("lifespan")
    if given is None:
        if children and not is_open(call) and not _run_elsewhere(module, parent.module):
            yield _found(
                rule, module, parent, children, call, "runs no lifespan, so the server's never starts"
            )
        return
    wrong = _wrong(parent.module, given.value, parent.region, children)
    if wrong:
        yield _found(rule, module, parent, children, given.value, wrong)


def _found(
    rule: Rule, module: Module, parent: Origin, children: list[Origin], node: ast.AST, wrong: str
) -> Finding:
    call = parent.node
    assert isinstance(call, ast.Call)
    kind = (parent.module.meaning(call.func, parent.region) or "").rpartition(".")[2]
    named = [child.node.id for child in children if isinstance(child.node, ast.Name)]
    own = _own_lifespans(parent.module, node, parent.region) if node is not call else []
    lifespans = [*own, *(f"{name}.lifespan" for name in named or ["mcp_app"])]
    do = "" if named else 'Write mcp_app = mcp.http_app(path="/mcp") and mount that. '
    if len(lifespans) == 1:
        do += f"Construct {lifespans[0].partition('.')[0]} first and give {kind} lifespan={lifespans[0]}."
    else:
        combined = f"combine_lifespans({', '.join(lifespans)})"
        do += f"Give {kind} lifespan={combined}, with that function from fastmcp.utilities.lifespan."
    at = node if parent.module is module else children[0].node
    edits = _edits(module, parent, children, node)
    unfixed = "" if edits else "the server's app must be there before the application is constructed"
    return rule.at(module, at, f"the {kind} application {wrong}", do, edits, unfixed)


def _own_lifespans(module: Module, node: ast.AST, region: Region) -> list[str]:
    """The lifespans that an application is given besides the servers', as they are written."""
    if isinstance(node, ast.Call):
        return [text for argument in node.args for text in _own_lifespans(module, argument, region)]
    found = module.origin(node, region) if isinstance(node, ast.Name) else None
    return (
        [ast.unparse(node)]
        if found and isinstance(found.node, ast.FunctionDef | ast.AsyncFunctionDef)
        else []
    )


def _edits(module: Module, parent: Origin, children: list[Origin], node: ast.AST) -> list[Edit]:
    """The child's lifespan for the application, where the child is there before it."""
    call, child = parent.node, children[0] if len(children) == 1 else None
    if child is None or not isinstance(child.node, ast.Name) or not isinstance(call, ast.Call):
        return []
    if parent.module is not module or child.region.scope is not parent.region.scope:
        return []
    bound = module.bindings(child.node.id, child.region.scope)
    before = len(bound) == 1 and isinstance(bound[0].what, ast.AST) and bound[0].region is parent.region
    if not before or getattr(bound[0].what, "lineno", call.lineno) >= call.lineno:
        return []
    if node is not call:
        single = isinstance(node, ast.Attribute)  # not one of several that are combined
        return [edit(module, node, f"{child.node.id}.lifespan")] if single else []
    if "on_event" in module.calls or "on_startup" in keywords(call) or "on_shutdown" in keywords(call):
        return []  # a lifespan takes their place
    return _appended(module, call, f"lifespan={child.node.id}.lifespan")


def _appended(module: Module, call: ast.Call, argument: str) -> list[Edit]:
    """One more argument at the end of a call."""
    last = max(
        (*call.args, *(k.value for k in call.keywords)),
        key=lambda n: (n.end_lineno, n.end_col_offset),
        default=None,
    )
    if last is None:
        end = module.column(call.end_lineno or 0, (call.end_col_offset or 0) - 1)
        return [Edit(call.end_lineno or 0, end, call.end_lineno or 0, end, argument)]
    line = last.end_lineno or 0
    end = module.column(line, last.end_col_offset or 0)
    return [Edit(line, end, line, end, f", {argument}")]


def _run_elsewhere(*modules: Module) -> bool:
    """Does anything in these files speak of a lifespan that is not a server's own attribute?"""
    for module in modules:
        for name in ("lifespan", "lifespan_context", "session_manager"):
            for node, _, region in module.attributes.get(name, ()):
                if not module.is_server(node.value, region):
                    return True
    return False


def _wrong(module: Module, node: ast.AST, region: Region, children: list[Origin]) -> str:
    """Why a lifespan surely does not start the servers that are mounted; "" where it does or may."""
    if isinstance(node, ast.Attribute) and node.attr == "lifespan":
        if module.is_server(node.value, region):
            return "is given the server's lifespan, which is none of a web application"
        return _other(module, node.value, region, children)
    if isinstance(node, ast.Call) and (module.meaning(node.func, region) or "").endswith(
        ".combine_lifespans"
    ):
        reasons = [_wrong(module, argument, region, children) for argument in node.args]
        servers = [reason for reason in reasons if "server's lifespan" in reason]
        return next(iter(servers or (reasons if all(reasons) and not is_open(node) else [])), "")
    found = module.origin(node, region) if isinstance(node, ast.Name | ast.Attribute) else None
    if found and children and isinstance(found.node, ast.FunctionDef | ast.AsyncFunctionDef):
        silent = not _run_elsewhere(module, found.module) and not _may_run(found.node, children)
        return "has a lifespan of its own that does not run the server's" if silent else ""
    if found and isinstance(found.node, ast.Attribute | ast.Call) and found.node is not node:
        return _wrong(found.module, found.node, found.region, children)
    return ""


def _other(module: Module, node: ast.AST, region: Region, children: list[Origin]) -> str:
    """Is this server's app another one than those that are mounted?"""
    if module.meaning(node, region) != HTTP_APP or not children:
        return ""
    own = module.origin(node, region)
    mounted = [child.module.origin(child.node, child.region) for child in children]
    if own is None or None in mounted:
        return ""
    missing = [m for m in mounted if m is not None and m.node is not own.node]
    if len(missing) == len(mounted):
        return "is given the lifespan of another http_app() than the one it mounts"
    return "is given the lifespan of one of its servers, so the others never start" if missing else ""


def _may_run(function: Function, children: list[Origin]) -> bool:
    """Might this lifespan run the server's? It has to speak of it, or to call what does."""
    names = {child.node.id for child in children if isinstance(child.node, ast.Name)}
    names |= {a.arg for a in (*function.args.posonlyargs, *function.args.args)}  # the application
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute) and node.attr in RUNS:
            return True
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names:
            return True
        if isinstance(node, ast.Call):
            called = getattr(node.func, "attr", getattr(node.func, "id", "")).lower()
            if any(word in called for word in RUNNING):
                return True
    return False


NO_LIFESPAN = Rule(
    code="MCP017",
    name="lifespan-not-passed-on",
    line="A web application mounts a server's app and does not run its lifespan",
    happens=(
        "Every request raises RuntimeError: \"FastMCP's StreamableHTTPSessionManager task group was not "
        "initialized. This commonly occurs when the FastMCP application's lifespan is not passed to the "
        "parent "
        "ASGI application (e.g., FastAPI or Starlette).\" The server's own lifespan has not run either. "
        "With FastAPI(lifespan=mcp.lifespan) the start fails: TypeError, 'AggregateProvider.lifespan() takes "
        "1 positional argument but 2 were given'."
    ),
    why=(
        "A web application runs its own lifespan, never that of what it mounts, and a server's app starts "
        "what it needs there. Each call of http_app() makes another app with another lifespan."
    ),
    fix=(
        'Write mcp_app = mcp.http_app(path="/mcp"), app = FastAPI(lifespan=mcp_app.lifespan), '
        'app.mount("/", mcp_app).'
    ),
    links=(f"{DOCS}/integrations/fastapi", f"{DOCS}/deployment/http"),
    find=_lifespan,
)

RULES = (NO_LIFESPAN,)
