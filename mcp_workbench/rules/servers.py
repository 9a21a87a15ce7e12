"""MCP001, MCP007, MCP008: the file that is the server: what it exposes, how it runs, what it imports."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import NamedTuple

from mcp_workbench.findings import Edit, Finding
from mcp_workbench.rules.module import GUARDED_OR_TYPING, SERVER, Function, Module, Region, Seen
from mcp_workbench.rules.rule import DOCS, Rule, Target, edit, place_of

STANDARD = ("mcp", "server", "app")
RUNS = ("run", "run_async", "run_stdio_async", "run_http_async")


def runs(module: Module) -> list[Seen]:
    """The calls that start a server of this file."""
    return [
        seen
        for name in RUNS
        for seen in module.calls.get(name, ())
        if isinstance(seen.node.func, ast.Attribute)
        and module.is_server(seen.node.func.value, seen.region)
        and not _own_run(module, name)
    ]


def _own_run(module: Module, name: str) -> bool:
    """Does a class of this file extend FastMCP and define the method itself?"""
    return any(
        any(getattr(statement, "name", "") == name for statement in node.body)
        and any(module.meaning(base, region) == "fastmcp.FastMCP" for base in node.bases)
        for node, region in module.classes
    )


# MCP001 -------------------------------------------------------------------------------------------------


def _no_server(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    if "FastMCP" not in module.text or module.notebook or _in_a_package(module) or _maybe_exposed(module):
        return
    started = runs(module)
    script = bool(started) and (module.has_tail or any(seen.region.at_import for seen in started))
    if not (script or module.entry) or _is_configured(module):
        return
    other = _other_name(module, started)
    if other is not None:
        name, node = other
        yield rule.at(
            module,
            node,
            f"`fastmcp run` looks for mcp, server or app, and the server here is called `{name}`",
            f"Call it mcp, or say its name: fastmcp run {PurePath(module.path).name}:{name}",
            unfixed=f"other files may import `{name}`, so that it cannot be renamed here alone",
        )
    elif (only := _only_when_run(module, started)) is not None:
        yield rule.at(
            module,
            only,
            'the server exists only under if __name__ == "__main__", which nobody who imports the file runs',
            "Create it, and register its tools, at the top level; leave only the run() under the if.",
        )
    elif not any(module.means(name) == SERVER for name in module.scope.names if name not in STANDARD):
        for function, returns in _builders(module, started)[:1]:
            call = f"{function.name}()"
            yield rule.at(
                module,
                function,
                f"the server exists only inside {call}: the module has none by the name mcp, server or app",
                f"Write mcp = {call} at the top level below it, or run "
                f"fastmcp run {PurePath(module.path).name}:{function.name}"
                if returns
                else f"Create the server and its tools at the top level, and leave in {call} only the run().",
            )


def _in_a_package(module: Module) -> bool:
    """A part of a package is started through it, and a test by its runner."""
    file = PurePath(module.path).name
    return (
        module.is_package
        or "." in module.name
        or file.startswith(("test_", "conftest", "__main__"))
        or any(isinstance(node, ast.ImportFrom) and node.level for node, _ in module.imports)
    )


def _maybe_exposed(module: Module) -> bool:
    """Can a name that `fastmcp run` looks at be a server?"""
    if any(alias.name == "*" for node, _ in module.imports for alias in node.names):
        return True
    for name in STANDARD:
        for how, _, region in module.scope.names.get(name, ()):
            meant = module.means(name)
            if how in ("function", "class") or "main" in region.guards:
                continue
            if meant is None or meant == SERVER or not meant.endswith(")") or "MCP" in meant.split(".")[-1]:
                return True
    return "__getattr__" in module.scope.names or bool({"globals", "exec"} & module.calls.keys())


def _is_configured(module: Module) -> bool:
    """A fastmcp.json beside the file may name the object."""
    return Path(module.path).with_name("fastmcp.json").is_file()


def _other_name(module: Module, started: list[Seen]) -> tuple[str, ast.AST] | None:
    """The server that the file runs, where it has another name at the top level."""
    for seen in started:
        owner = seen.node.func.value if isinstance(seen.node.func, ast.Attribute) else None
        if isinstance(owner, ast.Name) and module.means(owner.id) == SERVER:
            binding = module.scope.names[owner.id][0]
            if "main" in binding.region.guards:
                continue
            return owner.id, binding.what if isinstance(binding.what, ast.Call) else seen.node
    if not started:
        for name, bindings in module.scope.names.items():
            if isinstance(bindings[0].what, ast.Call) and module.means(name) == SERVER:
                return name, bindings[0].what
    return None


def _only_when_run(module: Module, started: list[Seen]) -> ast.Call | None:
    """Where a script that takes no arguments makes the server that it runs, behind its `if __name__`."""
    if {"parse_args", "argv"} & (module.calls.keys() | module.attributes.keys()):
        return None
    for seen in started:
        owner = seen.node.func.value if isinstance(seen.node.func, ast.Attribute) else None
        bindings = module.scope.names.get(owner.id, []) if isinstance(owner, ast.Name) else []
        for _, what, region in bindings:
            made = isinstance(what, ast.Call) and module.meaning(what.func, region) == "fastmcp.FastMCP"
            if made and len(bindings) == 1 and "main" in region.guards and isinstance(what, ast.Call):
                return what
    return None


def _builders(module: Module, started: list[Seen]) -> list[tuple[Function, bool]]:
    """The functions that anybody can call and that build a server; whether they return it."""
    found = []
    for function, region in module.functions:
        if region.scope is not module.scope or function.decorator_list:
            continue
        arguments = function.args
        required = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
        if required or None in arguments.kw_defaults or _reads_arguments(module, function):
            continue
        if module.returned(function) == SERVER:
            calls = module.calls.get(function.name, ())
            if not any(seen.node.args or seen.node.keywords for seen in calls):
                found.append((function, True))
        elif any(seen.region.function is function and _built_in(module, seen, function) for seen in started):
            found.append((function, False))
    return sorted(found, key=lambda pair: not pair[1])


def _reads_arguments(module: Module, function: Function) -> bool:
    """Does it read the command line, so that its server cannot be built before?"""
    return any(seen.region.function is function for seen in module.calls.get("parse_args", ()))


def _built_in(module: Module, seen: Seen, function: Function) -> bool:
    """Is what is run there a name that this function itself assigns a new server?"""
    owner = seen.node.func.value if isinstance(seen.node.func, ast.Attribute) else None
    if not isinstance(owner, ast.Name):
        return False
    bindings = module.bindings(owner.id, seen.region.scope)
    return all(
        binding.region.function is function
        and isinstance(binding.what, ast.Call)
        and module.meaning(binding.what.func, binding.region) == "fastmcp.FastMCP"
        for binding in bindings
    )


NO_SERVER = Rule(
    code="MCP001",
    name="no-server-object",
    line="The file has no server by the name mcp, server or app",
    happens=(
        "The file can be imported, but `fastmcp run`, `inspect`, `dev` and `install` end with 'No server "
        "object found in server.py. Please either: 1. Use a standard variable name (mcp, server, or app) 2. "
        "Specify the entrypoint name in fastmcp.json or use `file.py:object` syntax as your path.'"
    ),
    why="They import the file and look for mcp, server or app at its top level. They call no function of it.",
    fix="Create the server at the top level, mcp = FastMCP(...), or say its name: fastmcp run server.py:name",
    links=(f"{DOCS}/deployment/running-server",),
    find=_no_server,
)

# MCP007 -------------------------------------------------------------------------------------------------

TRANSPORTS = ("stdio", "http", "sse", "streamable-http")
STDIO_TAKES = frozenset({"show_banner", "log_level", "stateless"})
HTTP_TAKES = STDIO_TAKES | {
    *("host", "port", "path", "uvicorn_config", "middleware", "json_response", "stateless_http"),
    *("host_origin_protection", "allowed_hosts", "allowed_origins", "sockets"),
}
SELF = r"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::\d+)?"
NO_PATH = re.compile(SELF + r"/?")
NO_PROTOCOL = re.compile(r"[A-Za-z0-9.-]+:\d+(?:/.*)?")


class Transport(NamedTuple):
    """The transport that a call starts: `name` where it is certain, "" where it is not.

    `by_default` says that the name is what an option or a variable has unless it is set.
    """

    name: str
    node: ast.expr | None = None
    by_default: bool = False


def _transport(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    started = runs(module)
    for seen in started:
        if "caught" in seen.region.guards:
            continue
        yield from _arguments(rule, module, seen, len(started) == 1)
        if seen.region.at_import and not module.notebook and not module.path.endswith("__main__.py"):
            yield rule.at(
                module,
                seen.node,
                "the server starts while the file is imported",
                f'Put it under if __name__ == "__main__": and indent {ast.unparse(seen.node)} below it.',
                unfixed="somebody may start the server by importing the file",
            )
    if (
        started
        and not module.notebook
        and all(transport_of(module, seen).name == "stdio" for seen in started)
    ):
        yield from _prints(rule, module)
    if _connects(module):
        yield from _clients(rule, module)


def _arguments(rule: Rule, module: Module, seen: Seen, only: bool) -> Iterator[Finding]:
    """What a run() is given: an unknown transport, or what the transport does not take."""
    method = getattr(seen.node.func, "attr", "")
    transport = transport_of(module, seen)
    if transport.name and transport.name not in TRANSPORTS and not transport.by_default:
        right = _spelled(transport.name)
        unfixed = "" if right else f"{transport.name!r} is no spelling of one of the transports"
        yield rule.at(
            module,
            transport.node or seen.node,
            f"there is no transport {transport.name!r}",
            f'Write transport="{right or "http"}"; there are "stdio", "http", "streamable-http" (the same) '
            'and "sse".',
            edits=_respelled(module, transport.node, right),
            unfixed=unfixed,
        )
        return
    names = [keyword.arg for keyword in seen.node.keywords]
    if None in names or any(isinstance(argument, ast.Starred) for argument in seen.node.args):
        return
    given = [name for name in names if name and not (name == "transport" and method != "run_stdio_async")]
    if method in ("run", "run_async") and len(seen.node.args) > 2:
        yield rule.at(
            module,
            seen.node.args[2],
            f"{method}() takes the transport and show_banner by place, and nothing after them",
            f'Name the others: {method}(transport="http", host="127.0.0.1", port=8000).',
        )
    elif transport.name == "stdio":
        wrong = [name for name in given if name not in STDIO_TAKES]
        if wrong and _always_stdio(module, seen, transport, only):
            yield rule.at(module, seen.node, *_not_for_stdio(method, wrong, transport))
    elif transport.name == "sse" and _true(seen.node, "stateless_http", "stateless"):
        yield rule.at(
            module,
            seen.node,
            "the transport 'sse' cannot be stateless",
            'Write transport="http", which can.',
        )
    else:
        wrong = [name for name in given if name not in HTTP_TAKES]
        if wrong:
            yield rule.at(
                module,
                seen.node,
                f"{method}() does not take {_listed(wrong)}",
                f"Leave out {_listed(wrong)}; what uvicorn takes goes into uvicorn_config={{...}}.",
                unfixed="what it was to do would be lost without a word",
            )


def transport_of(module: Module, seen: Seen) -> Transport:
    """The transport of a call that `runs` gives."""
    method = getattr(seen.node.func, "attr", "")
    if method == "run_stdio_async":
        return Transport("stdio")
    named = [keyword.value for keyword in seen.node.keywords if keyword.arg == "transport"]
    placed = seen.node.args[:1] if method in ("run", "run_async") else []
    node = next(iter([*placed, *named]), None)
    if method == "run_http_async" and node is None:
        return Transport("http")
    if node is None:
        unset = any(keyword.arg is None for keyword in seen.node.keywords)
        return Transport("") if unset or _set_elsewhere(module) else Transport("stdio")
    if isinstance(node, ast.Constant) and node.value is None:
        return Transport("") if _set_elsewhere(module) else Transport("stdio", node)
    return _named(module, node, seen.region)


def _set_elsewhere(module: Module) -> bool:
    """Is the transport of FastMCP's settings chosen in this file?"""
    return "FASTMCP_TRANSPORT" in module.text or "settings.transport" in module.text


def _named(module: Module, node: ast.expr, region: Region, steps: int = 3) -> Transport:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return Transport(node.value, node)
    if isinstance(node, ast.Name) and steps:
        bindings = module.bindings(node.id, region.scope)
        if len(bindings) == 1 and bindings[0].how == "value" and isinstance(bindings[0].what, ast.expr):
            return _named(module, bindings[0].what, bindings[0].region, steps - 1)
    if isinstance(node, ast.Call) and len(node.args) == 2:  # os.environ.get("TRANSPORT", "stdio")
        default = node.args[1]
        known = module.meaning(node.func, region) in ("os.getenv", "os.environ.get")
        if known and isinstance(default, ast.Constant) and isinstance(default.value, str):
            return Transport(default.value, default, by_default=True)
    if isinstance(
        node, ast.Attribute
    ):  # args.transport of parser.add_argument("--transport", default="stdio")
        for option, _, _ in module.calls.get("add_argument", ()):
            called = [argument.value for argument in option.args if isinstance(argument, ast.Constant)]
            if f"--{node.attr.replace('_', '-')}" in called:
                for keyword in option.keywords:
                    value = keyword.value
                    if keyword.arg == "default" and isinstance(value, ast.Constant):
                        return Transport(str(value.value), value, by_default=True)
    return Transport("")


def _always_stdio(module: Module, seen: Seen, transport: Transport, only: bool) -> bool:
    """A default is another thing where other code asks for it before this call."""
    if not transport.by_default:
        return True
    body: ast.AST = seen.region.function or module.tree
    asks = any(
        isinstance(node, ast.Match)
        or (isinstance(node, ast.Compare) and any(_is_transport(part) for part in ast.walk(node)))
        for node in ast.walk(body)
    )
    return only and not asks


def _is_transport(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value in TRANSPORTS


def _not_for_stdio(method: str, wrong: list[str], transport: Transport) -> tuple[str, str]:
    if transport.by_default:
        return (
            f"the transport is 'stdio' unless another is chosen, and 'stdio' does not take {_listed(wrong)}",
            f"Pass {_listed(wrong)} only where the transport is not 'stdio'.",
        )
    if method == "run_stdio_async":
        return (f"run_stdio_async() does not take {_listed(wrong)}", "Call run_http_async(...) with them.")
    without = "" if transport.node is not None else " (it is where none is named)"
    return (
        f"the transport 'stdio'{without} does not take {_listed(wrong)}",
        f'Write {method}(transport="http", ...) to serve HTTP, or leave out {_listed(wrong)}.',
    )


def _listed(names: list[str]) -> str:
    names = [f"{name}=" for name in names]
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _true(call: ast.Call, *names: str) -> bool:
    return any(
        keyword.arg in names and isinstance(keyword.value, ast.Constant) and keyword.value.value is True
        for keyword in call.keywords
    )


def _spelled(transport: str) -> str:
    """The transport of which this is another spelling."""
    plain = re.sub(r"[\W_]", "", transport).lower()
    return {name.replace("-", ""): name for name in TRANSPORTS}.get(plain, "")


def _respelled(module: Module, node: ast.expr | None, right: str) -> list[Edit]:
    if node is None or not right or node.lineno != node.end_lineno:
        return []
    quote = place_of(module, node).source[place_of(module, node).column]
    return [edit(module, node, f"{quote}{right}{quote}")] if quote in "'\"" else []


def _prints(rule: Rule, module: Module) -> Iterator[Finding]:
    for node, _, region in module.calls.get("print", ()):
        elsewhere = any(keyword.arg in ("file", None) for keyword in node.keywords)
        if region.at_import and not elsewhere and not module.bindings("print", region.scope):
            yield rule.at(
                module,
                node,
                "a server on stdio speaks JSON on stdout, and this prints there while the file is imported",
                "Write print(..., file=sys.stderr), or log it.",
                unfixed="a program may read what this file prints",
            )


def _connects(module: Module) -> bool:
    """Does the file use a client, and not only make one?"""
    return any(
        module.meaning(item.context_expr, region) == "fastmcp.Client()"
        for block, region in module.async_blocks
        if isinstance(block, ast.AsyncWith)
        for item in block.items
    )


def _clients(rule: Rule, module: Module) -> Iterator[Finding]:
    for name in ("Client", "SSETransport", "StreamableHttpTransport"):
        for node, _, region in module.calls.get(name, ()):
            named = [keyword.value for keyword in node.keywords if keyword.arg in ("url", "transport")]
            url = next(iter([*node.args[:1], *named]), None)
            if (
                not isinstance(url, ast.Constant)
                or not isinstance(url.value, str)
                or "caught" in region.guards
            ):
                continue
            meant = module.meaning(node.func, region) or ""
            if meant == "fastmcp.Client" or meant.startswith("fastmcp.client."):
                problem = _wrong_address(module, name, url.value)
                if problem:
                    yield rule.at(module, url, *problem)


def _wrong_address(module: Module, name: str, url: str) -> tuple[str, str] | None:
    path = re.sub(r"^\w+://[^/]*", "", url).rstrip("/")
    if name == "Client" and NO_PROTOCOL.fullmatch(url):
        return f"the address {url!r} has no http:// before it", f'Write Client("http://{url}").'
    if re.search(r"\bpath\s*=", module.text) or "STREAMABLE_HTTP_PATH" in module.text:
        return None  # a server may be at another path
    if NO_PATH.fullmatch(url):
        right = f"{url.rstrip('/')}/{'sse' if name == 'SSETransport' else 'mcp'}"
        return f"the address {url!r} has no path, and a server is at /mcp", f'Write "{right}".'
    if name == "SSETransport" and path == "/mcp":
        return (
            "SSETransport speaks to a server of the transport 'sse', which is at /sse; /mcp is HTTP's",
            f'Write Client("{url}").',
        )
    if name == "StreamableHttpTransport" and path == "/sse":
        return (
            "StreamableHttpTransport speaks to a server of the transport 'http', which is at /mcp; /sse is "
            "SSE's",
            f'Write Client("{url}"), or let the server run with transport="http" and use /mcp.',
        )
    return None


WRONG_TRANSPORT = Rule(
    code="MCP007",
    name="transport-mismatch",
    line="Client and server, or run() and its arguments, do not use the same transport",
    happens=(
        "It depends on which side is wrong. run(port=8000) without a transport: 'TypeError: "
        "TransportMixin.run_stdio_async() got an unexpected keyword argument 'port''. A transport that is "
        "spelled otherwise: 'ValueError: Unknown transport: streamable_http'. run() at the top level: "
        "`fastmcp run` and `inspect` say 'Already running asyncio in this thread'. print() while a stdio "
        "server is imported: the client logs 'Failed to parse JSONRPC message from server'. A client at an "
        "address without /mcp: 'MCPError: Not Found'; with SSETransport at /mcp: 'HTTPStatusError: Client "
        "error '400 Bad Request''; with nothing listening: 'RuntimeError: Client failed to connect: All "
        "connection attempts failed'. A client that starts an HTTP server as a process waits until its time "
        "limit. `python server.py --port 8000` changes nothing: run() does not read the command line."
    ),
    why=(
        "A server speaks one transport: 'stdio' unless run() names another. stdio has no address, so it "
        "takes no host, port or path, and its stdout belongs to the protocol."
    ),
    fix=(
        'Name the transport on the server, mcp.run(transport="http", port=8000), and give the client the '
        'address with its path: Client("http://127.0.0.1:8000/mcp").'
    ),
    links=(f"{DOCS}/deployment/running-server", f"{DOCS}/clients/transports"),
    find=_transport,
)

# MCP008 -------------------------------------------------------------------------------------------------

HOMES = {
    **dict.fromkeys(
        ("ToolError", "ResourceError", "PromptError", "NotFoundError", "FastMCPError", "McpError"),
        "fastmcp.exceptions",
    ),
    **dict.fromkeys(("Tool", "tool", "ToolResult", "FunctionTool"), "fastmcp.tools"),
    **dict.fromkeys(("Resource", "resource", "ResourceResult", "ResourceTemplate"), "fastmcp.resources"),
    **dict.fromkeys(("Prompt", "prompt", "Message", "PromptResult"), "fastmcp.prompts"),
    **dict.fromkeys(("Middleware", "MiddlewareContext"), "fastmcp.server.middleware"),
    **dict.fromkeys(
        ("StdioTransport", "PythonStdioTransport", "StreamableHttpTransport", "SSETransport"),
        "fastmcp.client.transports",
    ),
    **dict.fromkeys(("FastMCPTransport",), "fastmcp.client.transports"),
    **dict.fromkeys(("Audio", "File"), "fastmcp.utilities.types"),
    **dict.fromkeys(("Depends", "CurrentContext"), "fastmcp.dependencies"),
    **dict.fromkeys(("get_context", "get_http_request", "get_http_headers"), "fastmcp.server.dependencies"),
    "create_proxy": "fastmcp.server",
}
EXPORTED = frozenset(
    {
        *(
            "Client",
            "ClientGroup",
            "Context",
            "FastMCP",
            "FastMCPApp",
            "FastMCPDeprecationWarning",
            "Settings",
        ),
        *("apps", "cli", "client", "contrib", "decorators", "dependencies", "exceptions", "experimental"),
        *(
            "mcp_config",
            "prompts",
            "resources",
            "server",
            "settings",
            "skills",
            "telemetry",
            "tools",
            "types",
        ),
        *("utilities", "__version__"),
    }
)
# Other rules speak of these: they moved, or tutorials made them up.
ELSEWHERE = frozenset({"Image", "Icon", "BaseMiddleware", "auth", "middleware", "testing"})
GENERATED = re.compile(r"_pb2|version|generated|^_")


def _imports(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    script = module.has_tail or bool(runs(module))
    shadowed = _shadowed(module) if script and not module.notebook else ""
    for node, region in module.imports:
        if region.guards & GUARDED_OR_TYPING:
            continue
        if shadowed and _top(node) & {"fastmcp", "mcp"} and region.at_import:
            yield rule.at(module, node, *_hides(module, shadowed))
            shadowed = ""
        elif isinstance(node, ast.ImportFrom) and node.level and _alone(module):
            if (script or module.entry) and not module.notebook:
                yield rule.at(
                    module,
                    node,
                    f"`{_from(node)}` is relative, and the file that is run is in no package",
                    f"Write {_absolute(node)}: the file's own folder is searched first.",
                    unfixed="if the file is part of a package after all, its imports are right as they are",
                )
        elif isinstance(node, ast.ImportFrom) and node.module == "fastmcp" and not node.level:
            if target.fastmcp >= (4,) and module.find("fastmcp") is None:
                yield from _not_exported(rule, module, node)
        else:
            yield from _missing(rule, module, node)


def _alone(module: Module) -> bool:
    return "." not in module.name and not module.is_package


def _top(node: ast.Import | ast.ImportFrom) -> set[str]:
    if isinstance(node, ast.ImportFrom):
        return set() if node.level else {(node.module or "").partition(".")[0]}
    return {alias.name.partition(".")[0] for alias in node.names}


def _from(node: ast.ImportFrom) -> str:
    return f"from {'.' * node.level}{node.module or ''} import ..."


def _absolute(node: ast.ImportFrom) -> str:
    names = ", ".join(a.name + (f" as {a.asname}" if a.asname else "") for a in node.names)
    return f"from {node.module} import {names}" if node.module else f"import {names}"


def _shadowed(module: Module) -> str:
    """The file of a script's own folder that Python finds in the place of FastMCP or of the SDK."""
    if not _alone(module):
        return ""
    for name, inside in (("fastmcp", "fastmcp.server"), ("mcp", "mcp.shared")):
        other = module.find(name)
        beside = other is not None and _folder(other) == PurePath(module.path).parent
        if other is not None and beside and module.find(inside) is None:
            return PurePath(other.path).as_posix()
    return ""


def _folder(module: Module) -> PurePath:
    """The folder that a module is imported from."""
    return PurePath(module.path).parent.parent if module.is_package else PurePath(module.path).parent


def _hides(module: Module, path: str) -> tuple[str, str]:
    name = "fastmcp" if "fastmcp" in path else "mcp"
    what = (
        "this file is called" if path == PurePath(module.path).as_posix() else "the folder of this file has"
    )
    return (
        f"{what} {path}, which is imported in the place of the installed `{name}`",
        f"Rename {path}, to desk_{name} for instance.",
    )


def _not_exported(rule: Rule, module: Module, node: ast.ImportFrom) -> Iterator[Finding]:
    for alias in node.names:
        if alias.name in EXPORTED | ELSEWHERE or alias.name.startswith("_") or alias.name == "*":
            continue
        home = HOMES.get(alias.name, "")
        yield rule.at(
            module,
            node,
            f"`fastmcp` has no {alias.name}",
            f"Write from {home} import {alias.name}."
            if home
            else "Look it up: there is nothing of that name there.",
            edits=_moved(module, node) if home else (),
            unfixed="" if home else f"nothing in FastMCP is known to stand for {alias.name}",
        )
        return  # the edit puts all names of the statement right


def _moved(module: Module, node: ast.ImportFrom) -> list[Edit]:
    """The statement's names, each imported from where it is."""
    line = module.lines[node.lineno - 1]
    place = place_of(module, node)
    indent, rest = line[: place.column], line[place.end_column :].strip()
    one_line = node.lineno == node.end_lineno and not indent.strip() and (not rest or rest[0] == "#")
    homes: dict[str, list[str]] = {}
    for alias in node.names:
        home = "fastmcp" if alias.name in EXPORTED | ELSEWHERE else HOMES.get(alias.name, "")
        homes.setdefault(home, []).append(alias.name + (f" as {alias.asname}" if alias.asname else ""))
    if not one_line or "" in homes:
        return []
    statements = [f"from {home} import {', '.join(names)}" for home, names in homes.items()]
    return [edit(module, node, f"\n{indent}".join(statements))]


def _missing(rule: Rule, module: Module, node: ast.Import | ast.ImportFrom) -> Iterator[Finding]:
    """Modules and names that a package or module of the project itself does not have."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield from _no_module(rule, module, node, alias.name, [])
        return
    dotted = module.absolute(node)
    other = module.find(dotted) if _of_the_project(module, dotted) else None
    if other is None:
        yield from _no_module(rule, module, node, dotted, [alias.name for alias in node.names])
    elif not other.is_package and other is not module and not _makes_names(other):
        for alias in node.names:
            if alias.name != "*" and not re.search(rf"\b{re.escape(alias.name)}\b", other.text):
                yield rule.at(
                    module,
                    node,
                    f"{other.path} defines no {alias.name}",
                    f"Define {alias.name} there, or import what it has.{_close(alias.name, other)}",
                )


def _of_the_project(module: Module, dotted: str) -> bool:
    """Is it sure that a name is looked for among the project's own modules?"""
    top = dotted.partition(".")[0]
    first = module.find(top) if top and top not in ("fastmcp", "mcp") else None
    if first is None or first.name != top:  # one of a package's own modules, seen from beside it
        return False
    return _alone(module) or top == module.name.partition(".")[0] or first.is_package


def _no_module(rule: Rule, module: Module, node: ast.AST, dotted: str, names: list[str]) -> Iterator[Finding]:
    parts = dotted.split(".")
    if (
        len(parts) < 2
        or not _of_the_project(module, dotted)
        or GENERATED.search(parts[-1])
        or any(GENERATED.search(name) for name in names)
    ):
        return
    if module.find(dotted) or any(module.find(f"{dotted}.{name}") for name in names):
        return
    parent = module.find(".".join(parts[:-1]))
    if parent is None or re.search(rf"\b{re.escape(parts[-1])}\b", parent.text) or _makes_names(parent):
        return
    if any(Path(parent.path).parent.glob(f"{parts[-1]}*")):
        return  # a folder, or a module that is compiled
    why = "" if parent.is_package else f", and {parent.path} is a file, not a folder"
    yield rule.at(
        module,
        node,
        f"the project has no module {dotted}{why}",
        f"Create it beside {parent.path}, or import from the module that there is.",
    )


def _makes_names(module: Module) -> bool:
    """May it have names that cannot be read in it?"""
    return (
        any(alias.name == "*" for node, _ in module.imports for alias in node.names)
        or "__getattr__" in module.scope.names
        or bool({"globals", "exec", "setattr", "vars", "locals", "extend_path"} & module.calls.keys())
        or "modules" in module.attributes
    )


def _close(name: str, other: Module) -> str:
    close = [found for found in other.scope.names if found.lower().strip("_s") == name.lower().strip("_s")]
    return f" Is it {close[0]}?" if close else ""


IMPORT_ERROR = Rule(
    code="MCP008",
    name="import-error",
    line="An import of the server's file cannot be found",
    happens=(
        "The import fails. A relative import in the file that is run: 'ImportError: attempted relative "
        "import with no known parent package'. A module that is not there: 'ModuleNotFoundError: No module "
        "named 'desk.loans''. A name: 'ImportError: cannot import name 'ToolError' from 'fastmcp''. A file "
        "of one's own called mcp.py: 'ImportError: FastMCP server support is not installed'."
    ),
    why=(
        "Python looks first in the folder of the file that is run, then among the installed packages. That "
        "file is part of no package, so nothing is relative to it; and a file beside it hides an installed "
        "package of the same name."
    ),
    fix="Import what lies beside the file by its plain name; install a package of your own: pip install -e .",
    links=(f"{DOCS}/deployment/running-server",),
    find=_imports,
)

RULES = (NO_SERVER, WRONG_TRANSPORT, IMPORT_ERROR)
