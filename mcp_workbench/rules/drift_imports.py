"""MCP101 to MCP105: imports of what moved, went, or never was.

Each rule has a table; a row says what is imported from where, since which version that fails, and what takes
its place. `exact` rows are renames that change nothing else: they come as edits. A statement that imports
several names, of which some moved, is split in two.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from mcp_workbench.findings import Edit, Finding
from mcp_workbench.rules.declared import normalised
from mcp_workbench.rules.module import GUARDED_OR_TYPING, Module, Region
from mcp_workbench.rules.rule import DOCS, Rule, Target, Version, edit, rename

ROOTS = ("mcp", "fastmcp")
# Modules of FastMCP 2 and 3 that are functions now: `from fastmcp.tools import tool` is right.
FUNCTIONS = frozenset({"fastmcp.tools.tool", "fastmcp.resources.resource", "fastmcp.prompts.prompt"})
FROM = re.compile(r"from[ \t\f\\\n]+")
OWN_LINE = re.compile(r"[ \t]*,?[ \t]*(#[^\n]*)?(?=\n)")
BRACKET = re.compile(r"[\s\\]*import[\s\\]*\(")
COMMA = re.compile(r"\s*,[ \t]*")
SCRIPT = re.compile(r"^# /// script$\s(?P<content>(^#(| .*)$\s)+)^# ///$", re.MULTILINE)  # as PEP 723 has it


class Moved(NamedTuple):
    """A row: `names` of a `module`, or the whole module, fail since a version of FastMCP.

    `to` is the module that has them now, "" where none has; `exact` says that importing them from there is
    all there is to do; `now` is the other name that they have there; `do` is the advice where it is not.
    """

    module: str
    names: tuple[str, ...]
    since: Version
    to: str = ""
    exact: bool = False
    now: str = ""
    do: str = ""


PROXY = "fastmcp.server.providers.proxy"
OPENAPI = "fastmcp.server.providers.openapi"
PROXY_NAMES = (
    *("FastMCPProxy", "ProxyClient", "StatefulProxyClient", "ProxyProvider", "ProxyTool", "ProxyResource"),
    *("ProxyTemplate", "ProxyPrompt", "ClientFactoryT"),
)
OPENAPI_NAMES = (
    *("RouteMap", "MCPType", "OpenAPIProvider", "OpenAPITool", "OpenAPIResource", "OpenAPIResourceTemplate"),
    *("ComponentFn", "RouteMapFn"),
)
HTTP_NAMES = (
    *("HTTPRoute", "HttpMethod", "ParameterInfo", "ParameterLocation", "RequestBodyInfo", "ResponseInfo"),
    *("extract_output_schema_from_responses", "parse_openapi_to_http_routes"),
)
AUTH_NAMES = (
    *("OAuthProxy", "OIDCProxy", "OAuthProvider", "RemoteAuthProvider", "JWTVerifier", "StaticTokenVerifier"),
    *("TokenVerifier", "AccessToken", "AuthProvider"),
)
FACTORY = "Build the server with FastMCP.from_openapi(openapi_spec=..., client=...)."
MESSAGES = (
    "Import Message from fastmcp.prompts: Message('...') speaks as the user, "
    "Message('...', role='assistant') as the assistant."
)
MANAGERS = "Ask the server: await mcp.list_tools(), await mcp.get_tool(name), mcp.add_tool(tool)."
INJECTED = (
    "Add a transform instead: mcp.add_transform(PromptsAsTools(mcp)), or ResourcesAsTools, "
    "of fastmcp.server.transforms."
)
TASKS = "Install fastmcp[tasks] and import it from fastmcp_tasks.dependencies; add its TasksExtension."
NO_CACHABLE = "Leave it out: what the cache keeps is no public class any more."
LLM = "Call the language model's own API in the tool: servers cannot ask the client's model any more."

SDK_1 = (
    Moved("mcp.server.fastmcp", ("FastMCP", "Context"), (4,), "fastmcp", exact=True),
    Moved("mcp.server.fastmcp", ("Image", "Audio"), (4,), "fastmcp.utilities.types", exact=True),
    Moved("mcp.server.fastmcp", ("Icon",), (4,), "mcp.types", exact=True),
    Moved(
        "mcp.server.fastmcp.exceptions",
        ("ToolError", "ResourceError", "ValidationError", "FastMCPError", "InvalidSignature"),
        (4,),
        "fastmcp.exceptions",
        exact=True,
    ),
    Moved(
        "mcp.server.fastmcp.prompts.base", ("UserMessage", "AssistantMessage", "Message"), (4,), do=MESSAGES
    ),
    Moved("mcp.server.fastmcp", (), (4,), do="Import it from fastmcp: FastMCP's own package has its like."),
    Moved("mcp.server", ("FastMCP",), (4,), "fastmcp", exact=True),
    Moved("mcp", ("McpError",), (4,), "fastmcp.exceptions", exact=True),
    Moved("mcp.shared.exceptions", ("McpError",), (4,), "fastmcp.exceptions", exact=True),
    Moved("mcp.types", ("Content",), (4,), "mcp.types", exact=True, now="ContentBlock"),
    Moved(
        "mcp.client.streamable_http",
        ("streamablehttp_client",),
        (4,),
        do="Use fastmcp.Client(url), or streamable_http_client(url, http_client=...): it takes headers and "
        "timeouts from an httpx2.AsyncClient, and gives two streams.",
    ),
    Moved("mcp.client.websocket", (), (4,), do="Connect over HTTP: fastmcp.Client('https://host/mcp')."),
    Moved("mcp.server.websocket", (), (4,), do="Serve over HTTP: mcp.run(transport='http')."),
    Moved(
        "mcp.shared.session", (), (4,), do="Use fastmcp.Client: sessions have no common base class any more."
    ),
    Moved("mcp.shared.progress", (), (4,), do="Call await ctx.report_progress(done, total) in the tool."),
    Moved("mcp.shared.version", (), (4,), do="Import LATEST_PROTOCOL_VERSION from mcp.types."),
    Moved(
        "mcp.shared.memory",
        ("create_connected_server_and_client_session",),
        (4,),
        do="Write `async with fastmcp.Client(mcp) as client:`.",
    ),
    Moved(
        "mcp.shared.context",
        ("RequestContext",),
        (4,),
        do="Import ServerRequestContext from mcp.server, or ClientRequestContext from mcp.client.",
    ),
)

MODULES = (
    Moved("fastmcp.server.proxy", PROXY_NAMES, (4,), PROXY, exact=True),
    Moved("fastmcp.server.proxy", (), (4,), PROXY, exact=True, do=f"Import from {PROXY}."),
    Moved("fastmcp.server.openapi", OPENAPI_NAMES, (4,), OPENAPI, exact=True),
    Moved(
        "fastmcp.server.openapi",
        ("HTTPRoute", "HttpMethod"),
        (2, 14),
        "fastmcp.utilities.openapi",
        exact=True,
    ),
    Moved("fastmcp.server.openapi", (), (4,), OPENAPI, exact=True, do=FACTORY),
    Moved("fastmcp.experimental.server.openapi", OPENAPI_NAMES, (4,), OPENAPI, exact=True),
    Moved("fastmcp.experimental.server.openapi", (), (4,), OPENAPI, exact=True, do=FACTORY),
    Moved(
        "fastmcp.experimental.utilities.openapi", HTTP_NAMES, (4,), "fastmcp.utilities.openapi", exact=True
    ),
    Moved("fastmcp.experimental.utilities.openapi", (), (4,), do="Import from fastmcp.utilities.openapi."),
    Moved(
        "fastmcp.experimental.sampling",
        ("OpenAISamplingHandler",),
        (4,),
        "fastmcp.client.sampling.handlers.openai",
        exact=True,
    ),
    Moved("fastmcp.experimental.sampling", (), (4,), do="Look into fastmcp.client.sampling.handlers."),
    Moved("fastmcp.tools.tool", ("Tool", "FunctionTool", "ToolResult"), (4,), "fastmcp.tools", exact=True),
    Moved("fastmcp.tools.tool", ("ParsedFunction",), (4,), "fastmcp.tools.function_parsing", exact=True),
    Moved("fastmcp.tools.tool", (), (4,), do="Import from fastmcp.tools, .base or .function_tool."),
    Moved(
        "fastmcp.resources.resource",
        ("Resource", "FunctionResource", "ResourceContent", "ResourceResult"),
        (4,),
        "fastmcp.resources",
        exact=True,
    ),
    Moved("fastmcp.resources.resource", (), (4,), do="Import from fastmcp.resources."),
    Moved(
        "fastmcp.prompts.prompt",
        ("Prompt", "FunctionPrompt", "Message", "PromptArgument", "PromptMessage", "PromptResult"),
        (4,),
        "fastmcp.prompts",
        exact=True,
    ),
    Moved("fastmcp.prompts.prompt", (), (4,), do=f"Import from fastmcp.prompts. {MESSAGES}"),
    Moved("fastmcp.tools.tool_manager", (), (3,), do=MANAGERS),
    Moved("fastmcp.tools", ("ToolManager",), (3,), do=MANAGERS),
    Moved("fastmcp.resources.resource_manager", (), (3,), do=MANAGERS.replace("tool", "resource")),
    Moved("fastmcp.resources", ("ResourceManager",), (3,), do=MANAGERS.replace("tool", "resource")),
    Moved("fastmcp.prompts.prompt_manager", (), (3,), do=MANAGERS.replace("tool", "prompt")),
    Moved("fastmcp.prompts", ("PromptManager",), (3,), do=MANAGERS.replace("tool", "prompt")),
    Moved(
        "fastmcp.utilities.mcp_config",
        ("MCPConfig", "RemoteMCPServer", "StdioMCPServer", "infer_transport_type_from_url"),
        (3,),
        "fastmcp.mcp_config",
        exact=True,
    ),
    Moved("fastmcp.utilities.mcp_config", (), (3,), do="Import from fastmcp.mcp_config."),
    Moved(
        "fastmcp.contrib.tool_transformer",
        (),
        (2, 13),
        do="Transform the tools: mcp.add_transform(ToolTransform({...})), of fastmcp.server.transforms.",
    ),
    Moved(
        "fastmcp.server.tasks",
        ("TaskConfig", "TaskMeta", "TaskMode"),
        (4,),
        "fastmcp.utilities.tasks",
        exact=True,
    ),
    Moved("fastmcp.server.tasks", (), (4,), do="Install fastmcp[tasks] and import from fastmcp_tasks."),
    Moved("fastmcp.server.sampling", (), (4,), do=LLM),
    Moved(
        "fastmcp.server.apps",
        ("AppConfig", "ResourceCSP", "ResourcePermissions", "UI_EXTENSION_ID", "UI_MIME_TYPE"),
        (4,),
        "fastmcp.apps",
        exact=True,
    ),
    Moved("fastmcp.server.apps", (), (4,), do="Import from fastmcp.apps."),
    Moved("fastmcp.server.app", ("FastMCPApp",), (4,), "fastmcp", exact=True),
    Moved("fastmcp.server.app", (), (4,), do="Import FastMCPApp from fastmcp."),
    Moved(
        "fastmcp.server.auth.authorization",
        ("AuthContext", "AuthCheck", "require_scopes", "restrict_tag", "run_auth_checks"),
        (4,),
        "fastmcp.server.auth",
        exact=True,
    ),
    Moved("fastmcp.server.auth.authorization", (), (4,), do="Import from fastmcp.server.auth."),
    Moved(
        "fastmcp.server.auth.providers.bearer",
        ("BearerAuthProvider",),
        (2, 14),
        "fastmcp.server.auth.providers.jwt",
        exact=True,
        now="JWTVerifier",
    ),
    Moved(
        "fastmcp.server.auth.providers.bearer",
        ("RSAKeyPair", "JWKData", "JWKSData"),
        (2, 14),
        "fastmcp.server.auth.providers.jwt",
        exact=True,
    ),
    Moved(
        "fastmcp.server.auth.providers.bearer",
        (),
        (2, 14),
        do="Import JWTVerifier from fastmcp.server.auth.providers.jwt.",
    ),
)

NAMES = (
    Moved("fastmcp", ("Image",), (2, 14), "fastmcp.utilities.types", exact=True),
    Moved(
        "fastmcp.client.transports",
        ("WSTransport",),
        (3,),
        do="Use StreamableHttpTransport('https://host/mcp'): servers do not speak over WebSockets any more.",
    ),
    Moved(
        "fastmcp.server.auth",
        ("BearerAuthProvider",),
        (2, 14),
        "fastmcp.server.auth",
        exact=True,
        now="JWTVerifier",
    ),
    Moved("fastmcp.server.middleware.caching", ("CachableToolResult",), (4,), do=NO_CACHABLE),
    Moved("fastmcp.server.middleware.caching", ("CachableReadResourceContents",), (3,), do=NO_CACHABLE),
    Moved(
        "fastmcp.server.middleware.caching",
        ("CachableResourceContent", "CachableResourceResult", "CachableMessage", "CachablePromptResult"),
        (4,),
        do=NO_CACHABLE,
    ),
    Moved(
        "fastmcp.server.middleware.tool_injection",
        ("PromptToolMiddleware", "ResourceToolMiddleware"),
        (4,),
        do=INJECTED,
    ),
    Moved(
        "fastmcp.server.providers",
        ("SkillsProvider",),
        (4,),
        "fastmcp.server.providers",
        exact=True,
        now="SkillsDirectoryProvider",
    ),
    Moved(
        "fastmcp.server.providers.skills",
        ("SkillsProvider",),
        (4,),
        "fastmcp.server.providers.skills",
        exact=True,
        now="SkillsDirectoryProvider",
    ),
    Moved("fastmcp.dependencies", ("CurrentDocket", "CurrentWorker"), (4,), do=TASKS),
    Moved("fastmcp.server.dependencies", ("CurrentDocket", "CurrentWorker"), (4,), do=TASKS),
    Moved("fastmcp.prompts.base", ("UserMessage", "AssistantMessage"), (2, 13), do=MESSAGES),
    Moved("fastmcp.prompts", ("UserMessage", "AssistantMessage"), (2, 13), do=MESSAGES),
)

MIDDLEWARE = "fastmcp.server.middleware"
INVENTED = (
    Moved("fastmcp.auth", AUTH_NAMES, (2,), "fastmcp.server.auth", exact=True),
    Moved("fastmcp.auth", (), (2,), do="Look into fastmcp.server.auth and fastmcp.server.auth.providers."),
    Moved(
        "fastmcp.middleware",
        ("Middleware", "MiddlewareContext", "CallNext"),
        (2,),
        MIDDLEWARE,
        exact=True,
    ),
    *(
        Moved("fastmcp.middleware", (name,), (2,), f"{MIDDLEWARE}.{part}", exact=True)
        for name, part in {
            "ErrorHandlingMiddleware": "error_handling",
            "LoggingMiddleware": "logging",
            "RateLimitingMiddleware": "rate_limiting",
            "ResponseCachingMiddleware": "caching",
            "TimingMiddleware": "timing",
        }.items()
    ),
    Moved(
        "fastmcp.middleware",
        (),
        (2,),
        do=f"Look into {MIDDLEWARE} and its modules caching, error_handling, logging, rate_limiting, timing.",
    ),
    Moved("fastmcp.testing", (), (2,), do="Test with `async with fastmcp.Client(mcp) as client:`."),
    Moved(
        MIDDLEWARE,
        ("BaseMiddleware",),
        (2,),
        do=f"Extend Middleware of {MIDDLEWARE}: async def on_call_tool(self, context, call_next).",
    ),
)


class Invented(NamedTuple):
    """A row: an attribute that a `kind` of object never had; `exact` where the object takes its place."""

    kind: str
    attribute: str
    exact: bool
    do: str


INVENTED_ATTRIBUTES = (
    Invented("fastmcp.Context()", "fastmcp_context", True, "Use the context itself: it is FastMCP's own."),
    Invented("fastmcp.Context()", "request_sampling", False, LLM),
    Invented(
        "fastmcp.Context()",
        "request_elicitation",
        False,
        "Write `await ctx.elicit(message, response_type=...)`, for clients of the newest protocol a guard.",
    ),
)
INVENTED_DECORATORS = {
    "middleware": "Write mcp.add_middleware(...) with an instance of a class that extends "
    "fastmcp.server.middleware.Middleware.",
    "lifespan": "Give the function, an @asynccontextmanager, to the server: FastMCP(name, lifespan=...).",
}


class Index:
    """A table, by what is imported."""

    def __init__(self, rows: Iterable[Moved]) -> None:
        self.names: dict[str, Moved] = {}
        self.modules: dict[str, Moved] = {}
        for row in rows:
            if not row.names:
                self.modules[row.module] = row
            for name in row.names:
                self.names[f"{row.module}.{name}"] = row

    def gone(self, dotted: str, target: Target) -> Moved | None:
        """The row of a module that is not there, or that a missing one contains."""
        while dotted:
            row = self.modules.get(dotted)
            if row is not None and target.fastmcp >= row.since:
                return row
            dotted = dotted.rpartition(".")[0]
        return None

    def name(self, home: str, name: str, target: Target) -> Moved | None:
        """The row of a name that is imported from a module; those of a missing one's parts are its own."""
        inner = home
        while inner == home or self.gone(inner, target) is not None:
            row = self.names.get(f"{inner}.{name}")
            if row is not None and target.fastmcp >= row.since:
                return row
            inner = inner.rpartition(".")[0]
        dotted = f"{home}.{name}"
        return self.gone(home if dotted in FUNCTIONS else dotted, target)


INDEX = {
    "MCP101": Index(SDK_1),
    "MCP102": Index(MODULES),
    "MCP103": Index(NAMES),
    "MCP104": Index(INVENTED),
}


# Finding --------------------------------------------------------------------------------------------------


def _find(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    index = INDEX[rule.code]
    ours = [(node, region) for node, region in module.imports if _of_roots(node)]
    for node, region in ours:
        if _has_fallback(module, node, region):
            continue
        if isinstance(node, ast.Import):
            yield from _modules(rule, module, node, index, target)
        else:
            yield from _imported(rule, module, node, index, target)
    if ours:
        yield from _attributes(rule, module, index, target)


def _of_roots(node: ast.Import | ast.ImportFrom) -> bool:
    """Does the statement import from mcp or fastmcp?"""
    if isinstance(node, ast.ImportFrom):
        return not node.level and (node.module or "").partition(".")[0] in ROOTS
    return any(alias.name.partition(".")[0] in ROOTS for alias in node.names)


def _has_fallback(module: Module, node: ast.AST, region: Region) -> bool:
    """Does the file do without what cannot be imported? An `except` that only raises or exits does not."""
    if "caught" not in region.guards or region.guards & (GUARDED_OR_TYPING - {"caught"}):
        return bool(region.guards & GUARDED_OR_TYPING)
    around = [attempt for attempt, _ in module.tries if any(node in ast.walk(part) for part in attempt.body)]
    return not around or not all(_gives_up(handler) for handler in around[-1].handlers)


def _gives_up(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    called = last.value.func if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call) else None
    return isinstance(last, ast.Raise) or getattr(called, "attr", getattr(called, "id", "")) == "exit"


def _lacks(rule: Rule, row: Moved, thing: str) -> str:
    """The clause that says what is missing since when."""
    if rule.code == "MCP104":
        return f"FastMCP never had {thing.replace('no ', 'a ', 1)}"
    since = "mcp 2" if rule.code == "MCP101" else f"FastMCP {'.'.join(map(str, row.since))}"
    return f"there is {thing} since {since}"


def _what(rule: Rule, row: Moved, index: Index, target: Target, home: str, names: Iterable[str]) -> str:
    gone = index.gone(home, target)
    if gone is not None:
        return _lacks(rule, gone, f"no module {gone.module}")
    if not row.names:
        return _lacks(rule, row, f"no module {row.module}")
    return _lacks(rule, row, f"no {' and no '.join(f'`{name}`' for name in names)} in {home}")


def _modules(rule: Rule, module: Module, node: ast.Import, index: Index, target: Target) -> Iterator[Finding]:
    for alias in node.names:
        row = index.gone(alias.name, target)
        if row is None or module.find(alias.name) is not None:
            continue
        edits, unfixed, do = [], "what takes its place is used differently", row.do
        if row.exact and alias.name == row.module and alias.asname:
            if _fits(module, alias.asname, row, index):
                text = f"{row.to} as {alias.asname}"
                edits, unfixed, do = [edit(module, alias, text)], "", f"Write `import {text}`."
        elif row.exact:
            unfixed = "the file uses the module by its full name"
        yield rule.at(module, alias, _lacks(rule, row, f"no module {row.module}"), do, edits, unfixed)


def _fits(module: Module, name: str, row: Moved, index: Index) -> bool:
    """Does the module that took another's place have all that the file takes from it by attribute?"""
    used = {
        attribute
        for attribute, seen in module.attributes.items()
        if any(isinstance(one.node.value, ast.Name) and one.node.value.id == name for one in seen)
    }
    moved = {key: one for key, one in index.names.items() if one.to == row.to and not one.now}
    return used <= {key.rpartition(".")[2] for key in moved}


def _imported(
    rule: Rule, module: Module, node: ast.ImportFrom, index: Index, target: Target
) -> Iterator[Finding]:
    home = node.module or ""
    if module.find(home) is not None:
        return  # the project's own
    moved: dict[int, tuple[str, str]] = {}
    first: Moved | None = None
    rest: dict[Moved, list[ast.alias]] = {}
    for number, alias in enumerate(node.names):
        row = index.name(home, alias.name, target)
        place = _new_place(module, home, alias, row, index) if row is not None else None
        if row is not None and place is not None:
            moved[number] = place
            first = first or row
        elif row is not None:
            rest.setdefault(row, []).append(alias)
    if first is not None:
        names = [node.names[number].name for number in moved]
        edits = rewritten(module, node, moved)
        what = _what(rule, first, index, target, home, names)
        do = f"Write {' and '.join(f'`{line}`' for line in _statements(node, moved))}."
        yield rule.at(module, node, what, do, edits, "" if edits else "the statement is written unusually")
    for row, aliases in rest.items():
        what = _what(rule, row, index, target, home, [alias.name for alias in aliases])
        yield rule.at(module, aliases[0], what, row.do, unfixed="what takes its place is used differently")


def _new_place(
    module: Module, home: str, alias: ast.alias, row: Moved, index: Index
) -> tuple[str, str] | None:
    """The module and the name that a name is to be imported as; None where that is not all there is to do."""
    if not row.exact:
        return None
    if alias.name in row.names:
        both = row.to == "fastmcp" and _has_its_own(module, alias.name)
        return None if both else (row.to, row.now or alias.name)
    if f"{home}.{alias.name}" == row.module and _fits(module, alias.asname or alias.name, row, index):
        to, _, name = row.to.rpartition(".")
        return to, name  # from fastmcp.server import openapi
    return None


def _has_its_own(module: Module, name: str) -> bool:
    """Does the file import FastMCP's FastMCP or Context besides the SDK's? Then it means another thing."""
    return any(
        isinstance(node, ast.ImportFrom)
        and (node.module or "").partition(".")[0] == "fastmcp"
        and any(alias.name == name for alias in node.names)
        for node, _ in module.imports
    )


def _attributes(rule: Rule, module: Module, index: Index, target: Target) -> Iterator[Finding]:
    """Names that are taken from a module by attribute: `types.Content`, `fastmcp.Image`."""
    for dotted, row in index.names.items():
        name = dotted.rpartition(".")[2]
        seen = module.attributes.get(name, ())
        if not seen or target.fastmcp < row.since or index.gone(row.module, target) is not None:
            continue  # where the module is missing, its import fails
        for node, _, region in seen:
            if region.guards & GUARDED_OR_TYPING or module.meaning(node.value, region) != row.module:
                continue
            edits, unfixed = [], "it needs another import"
            if row.exact and row.to == row.module:
                edits, unfixed = [rename(module, node, row.now)], ""
            do = row.do or f"Use `{row.now or name}` of {row.to}."
            yield rule.at(module, node, _lacks(rule, row, f"no `{name}` in {row.module}"), do, edits, unfixed)


def _invented(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    yield from _find(rule, module, target)
    for row in INVENTED_ATTRIBUTES:
        for node, _, region in module.attributes.get(row.attribute, ()):
            if region.guards & GUARDED_OR_TYPING or module.meaning(node.value, region) != row.kind:
                continue
            what = f"the context has no `{row.attribute}`, and never had"
            edits, unfixed = [], "what takes its place is used differently"
            if row.exact and isinstance(node.value, ast.Name):
                edits, unfixed = [edit(module, node, node.value.id)], ""
            yield rule.at(module, node, what, row.do, edits, unfixed)
    for name, do in INVENTED_DECORATORS.items():
        for node, parent, region in module.attributes.get(name, ()):
            if (
                region.guards & GUARDED_OR_TYPING
                or not module.is_server(node.value, region)
                or module.redefines(name)
            ):
                continue
            called = isinstance(parent, ast.Call) and parent.func is node
            if (name == "middleware" and called) or _decorates(module, parent if called else node):
                what = f"`{ast.unparse(node)}` is no decorator, and never was"
                yield rule.at(module, node, what, do, unfixed="a class or an argument takes its place")


def _decorates(module: Module, node: ast.AST) -> bool:
    defined = [*(d.node for d in module.functions), *(d.node for d in module.classes)]
    return any(node in definition.decorator_list for definition in defined)


# Splitting an import ----------------------------------------------------------------------------------------


def _spelled(alias: ast.alias, now: str) -> str:
    """A name as it is imported under its new name, still known in the file as before."""
    known = alias.asname or alias.name
    return now if now == known else f"{now} as {known}"


def _statements(node: ast.ImportFrom, moved: Mapping[int, tuple[str, str]]) -> list[str]:
    """The statements that import what moved."""
    groups: dict[str, list[str]] = {}
    for number, (to, now) in moved.items():
        groups.setdefault(to, []).append(_spelled(node.names[number], now))
    return [f"from {to} import {', '.join(names)}" for to, names in groups.items()]


class _Source:
    """The text of a statement, with offsets for the places in it."""

    def __init__(self, module: Module, node: ast.ImportFrom) -> None:
        self.module, self.first = module, node.lineno
        lines = module.lines[node.lineno - 1 : node.end_lineno]
        self.starts = [0]
        for line in lines:
            self.starts.append(self.starts[-1] + len(line) + 1)
        self.text = "\n".join(lines) + "\n"

    def offset(self, line: int, column: int) -> int:
        return self.starts[line - self.first] + self.module.column(line, column)

    def place(self, offset: int) -> tuple[int, int]:
        number = max(n for n, start in enumerate(self.starts) if start <= offset)
        return self.first + number, offset - self.starts[number]

    def edit(self, start: int, end: int, text: str) -> Edit:
        return Edit(*self.place(start), *self.place(end), text)


def rewritten(module: Module, node: ast.ImportFrom, moved: Mapping[int, tuple[str, str]]) -> tuple[Edit, ...]:
    """Import from elsewhere what moved, and leave the rest of the statement as it is.

    `moved` gives the new module and the new name of some of the statement's names, by their number. There are
    no edits where the statement is written in a way that is not understood.
    """
    source = _Source(module, node)
    begin = source.offset(node.lineno, node.col_offset)
    match = FROM.match(source.text, begin)
    home = node.module or ""
    if match is None or not source.text.startswith(home, match.end()):
        return ()
    edits = []
    groups: dict[str, list[int]] = {}
    for number, (to, _) in moved.items():
        if to != home:
            groups.setdefault(to, []).append(number)
    kept = [n for n in range(len(node.names)) if n not in moved or moved[n][0] == home]
    if not kept:  # the statement becomes that of the largest group
        to = max(groups, key=lambda group: len(groups[group]))
        kept = groups.pop(to)
        edits.append(source.edit(match.end(), match.end() + len(home), to))
    for number in kept:
        alias = node.names[number]
        now = moved[number][1] if number in moved else alias.name
        if now != alias.name:
            start = source.offset(alias.lineno, alias.col_offset)
            text = now if alias.asname else _spelled(alias, now)
            edits.append(source.edit(start, start + len(alias.name), text))
    if groups:
        fresh = not source.text[:begin].strip()
        away = {number for numbers in groups.values() for number in numbers}
        bracketed = BRACKET.match(source.text, match.end() + len(home)) is not None
        cuts, comments = _cuts(source, node, away, fresh, bracketed)
        edits += [source.edit(start, end, "") for start, end in cuts]
        edits.append(source.edit(begin, begin, _inserted(module, node, moved, groups, comments, fresh)))
    return tuple(sorted(edits, key=lambda one: (one.line, one.column)))


def _cuts(
    source: _Source, node: ast.ImportFrom, away: set[int], fresh: bool, bracketed: bool
) -> tuple[list[tuple[int, int]], dict[int, str]]:
    """What to cut for some of a statement's names to go, and the comments that go with them."""
    text = source.text
    spans = [
        (
            source.offset(alias.lineno, alias.col_offset),
            source.offset(alias.end_lineno or alias.lineno, alias.end_col_offset or 0),
        )
        for alias in node.names
    ]
    last = max(number for number in range(len(spans)) if number not in away)
    cuts: list[tuple[int, int]] = []
    comments = {}
    trailing = False  # is the comma before what goes at the end left where it is?
    for number in sorted(away):
        start, end = spans[number]
        line = text.rfind("\n", 0, start) + 1
        own = OWN_LINE.match(text, end) if bracketed and line and not text[line:start].strip() else None
        comma = COMMA.match(text, end)
        if own is not None and (fresh or not own.group(1)):  # the whole line goes, with its comment
            cut = (line, own.end() + 1)
            comments[number] = own.group(1) or ""
            trailing = number > last
        elif number > last and not trailing and "#" not in text[spans[last][1] : start]:
            cut = (spans[number - 1][1], end)
        elif number < last and "#" not in text[end : spans[number + 1][0]]:
            cut = (start, spans[number + 1][0])
        else:
            cut = (start, comma.end() if comma else end)
            trailing = number > last
        if cuts and cut[0] <= cuts[-1][1]:
            cuts[-1] = (min(cuts[-1][0], cut[0]), max(cuts[-1][1], cut[1]))
        else:
            cuts.append(cut)
    return cuts, comments


def _inserted(
    module: Module,
    node: ast.ImportFrom,
    moved: Mapping[int, tuple[str, str]],
    groups: Mapping[str, list[int]],
    comments: Mapping[int, str],
    fresh: bool,
) -> str:
    """The statements for what moved, with what comes between them and the old one."""
    newline = "\r\n" if "\r\n" in module.text else "\n"
    indent = module.lines[node.lineno - 1][: module.column(node.lineno, node.col_offset)]
    text = ""
    for to, numbers in groups.items():
        names = [_spelled(node.names[number], moved[number][1]) for number in numbers]
        remarks = [comments.get(number, "") for number in numbers]
        if len(names) > 1 and any(remarks):
            lines = [f"from {to} import ("]
            for name, remark in zip(names, remarks, strict=True):
                lines.append(f"{indent}    {name},  {remark}".rstrip())
            statement = newline.join([*lines, f"{indent})"])
        else:
            statement = f"from {to} import {', '.join(names)}  {remarks[0]}".rstrip()
        text += statement + (f"{newline}{indent}" if fresh else "; ")
    return text


# httpx ------------------------------------------------------------------------------------------------------

# Packages that bring httpx with them: who declares one of these can import it.
BRING_HTTPX = frozenset(
    {
        *(
            "anthropic",
            "cohere",
            "elevenlabs",
            "githubkit",
            "google-genai",
            "gradio",
            "gradio-client",
            "groq",
        ),
        *("hishel", "httpx-auth", "httpx-oauth", "httpx-retries", "httpx-socks", "httpx-sse", "httpx-ws"),
        *(
            "huggingface-hub",
            "instructor",
            "jupyterlab",
            "langchain",
            "langchain-anthropic",
            "langchain-core",
        ),
        *(
            "langchain-openai",
            "langfuse",
            "langgraph",
            "langgraph-sdk",
            "langsmith",
            "litellm",
            "llama-index",
        ),
        *("llama-index-core", "mistralai", "msgraph-core", "msgraph-sdk", "notebook", "ollama", "openai"),
        *("openai-agents", "postgrest", "prefect", "pydantic-ai", "pydantic-ai-slim", "pytest-httpx"),
        *("python-telegram-bot", "qdrant-client", "replicate", "respx", "semantic-kernel", "smolagents"),
        *("supabase", "svix", "tavily-python", "together", "weaviate-client"),
    }
)


def declared(module: Module, target: Target) -> frozenset[str] | None:
    """What a file's own block declares (PEP 723), else its project; None where that is not known."""
    blocks = list(SCRIPT.finditer(module.text)) if "# /// script" in module.text else []
    if len(blocks) != 1:
        return target.requires
    import tomllib

    lines = blocks[0].group("content").splitlines()
    try:
        found = tomllib.loads("\n".join(line.removeprefix("#").removeprefix(" ") for line in lines))
    except tomllib.TOMLDecodeError:
        return None
    listed = found.get("dependencies", [])
    return frozenset(normalised(str(one)) for one in listed) if isinstance(listed, list) else None


def _httpx(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    wanted = [
        (alias if isinstance(node, ast.Import) else node, region)
        for node, region in module.imports
        for alias in node.names[: 1 if isinstance(node, ast.ImportFrom) else None]
        if _is_httpx(alias.name if isinstance(node, ast.Import) else module.absolute(node))
    ]
    requires = declared(module, target) if wanted and module.find("httpx") is None else None
    if requires is None or "httpx" in requires or requires & BRING_HTTPX:
        return
    if not requires & {"fastmcp", "fastmcp-slim"}:
        return  # then it was not FastMCP that brought it
    for node, region in wanted:
        if not region.guards & GUARDED_OR_TYPING:
            yield rule.at(
                module,
                node,
                "httpx is imported and not declared",
                "Add httpx to the project's dependencies, or import httpx2, which FastMCP 4 itself uses.",
                unfixed="which of the two is the project's decision",
            )


def _is_httpx(dotted: str) -> bool:
    return dotted == "httpx" or dotted.startswith("httpx.")


# The rules --------------------------------------------------------------------------------------------------


SDK_1_RULE = Rule(
    code="MCP101",
    name="import-from-sdk-1",
    line="Something is imported from the MCP SDK as it was before mcp 2",
    happens=(
        "ModuleNotFoundError: No module named 'mcp.server.fastmcp'. This is mcp 2.x, where FastMCP was "
        "renamed to MCPServer ... Or ImportError: cannot import name 'McpError' from 'mcp'."
    ),
    why=(
        "FastMCP 4 brings mcp 2, which gave up the FastMCP that the SDK had of its own, and renamed much. "
        "The message names MCPServer; a FastMCP server goes on with the package fastmcp."
    ),
    fix="Write from fastmcp import FastMCP, Context.",
    links=(f"{DOCS}/getting-started/upgrading/from-mcp-sdk-v1",),
    find=_find,
    since=(4,),
)


MODULES_RULE = Rule(
    code="MCP102",
    name="module-moved",
    line="A module of FastMCP is imported that moved or went",
    happens=(
        "ModuleNotFoundError: No module named 'fastmcp.server.proxy' (or 'fastmcp.server.openapi', "
        "'fastmcp.tools.tool' ...) while the file is imported."
    ),
    why=(
        "FastMCP 4 dropped the old paths, most of which had warned in FastMCP 3; fastmcp.tools.tool, "
        "fastmcp.resources.resource and fastmcp.prompts.prompt had not."
    ),
    fix="Import from the new place.",
    links=(f"{DOCS}/getting-started/upgrading/from-fastmcp-3",),
    find=_find,
    since=(2, 13),
)


NAMES_RULE = Rule(
    code="MCP103",
    name="name-moved",
    line="A name is imported from FastMCP that moved or went",
    happens="ImportError: cannot import name 'Image' from 'fastmcp' (or another) while the file is imported.",
    why="The name moved to another module, has another name now, or what it stood for is gone.",
    fix="Import it from its new place, or use what took its place.",
    links=(f"{DOCS}/getting-started/upgrading/from-fastmcp-3",),
    find=_find,
    since=(2, 13),
)


INVENTED_RULE = Rule(
    code="MCP104",
    name="never-existed",
    line="Something is used that no version of FastMCP had",
    happens=(
        "ModuleNotFoundError: No module named 'fastmcp.middleware' (or fastmcp.auth, fastmcp.testing); "
        "TypeError: 'list' object is not callable (@mcp.middleware); ToolError: 'Context' object has no "
        "attribute 'fastmcp_context'. Inside try/except ImportError it is switched off without a word."
    ),
    why="It stands in tutorials and in generated code, and was made up: no upgrade guide lists it.",
    fix="Use what FastMCP has.",
    links=(f"{DOCS}/servers/middleware", f"{DOCS}/servers/context", f"{DOCS}/servers/lifespan"),
    find=_invented,
)


HTTPX_RULE = Rule(
    code="MCP105",
    name="httpx-not-declared",
    line="httpx is imported, and the project does not declare it",
    happens="ModuleNotFoundError: No module named 'httpx', in a clean environment: where it is deployed.",
    why="FastMCP 2 and 3 brought httpx with them; FastMCP 4 depends on httpx2 instead.",
    fix="Declare httpx, or import httpx2.",
    links=(f"{DOCS}/getting-started/upgrading/from-fastmcp-3",),
    find=_httpx,
    since=(4,),
)

RULES = (SDK_1_RULE, MODULES_RULE, NAMES_RULE, INVENTED_RULE, HTTPX_RULE)
