"""MCP114, MCP115, MCP119, MCP121, MCP122, MCP124: what still runs, or seems to, and does something else."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator

from mcp_workbench.findings import Finding
from mcp_workbench.rules.drift_calls import (
    GUIDE,
    knows,
    knows_eras,
)
from mcp_workbench.rules.module import (
    CLIENT,
    CONTEXT,
    Component,
    Function,
    Module,
    Region,
    is_open,
    keywords,
    own_nodes,
)
from mcp_workbench.rules.rule import DOCS, Rule, Target, source_text

OLDER_GUIDE = f"{DOCS}/getting-started/upgrading/from-fastmcp-2"


def _is_plain(component: Component) -> bool:
    """Is it the function itself that a client gets, not what another decorator makes of it?"""
    others = [d for d in component.function.decorator_list if d is not component.register]
    return not others


def _shown(module: Module, node: ast.AST, region: Region) -> tuple[ast.AST, Region, Module]:
    """The expression that a name stands for, where there is exactly one; else the node itself."""
    origin = module.origin(node, region)
    return (origin.node, origin.region, origin.module) if origin is not None else (node, region, module)


# MCP114 ------------------------------------------------------------------------------------------------

PER_REQUEST = frozenset(
    {"__call__", "on_message", "on_request", "on_call_tool", "on_read_resource", "on_get_prompt"}
    | {"on_list_tools", "on_list_resources", "on_list_resource_templates", "on_list_prompts", "on_discover"}
)


def _later(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    if knows_eras(module):
        return
    yield from _state_of_another_call(rule, module)
    for node, region in module.classes:
        methods = module.regions[node].scope.names
        hook = methods["on_initialize"][0].what if "on_initialize" in methods else None
        if not isinstance(hook, ast.AsyncFunctionDef) or methods.keys() & PER_REQUEST:
            continue
        bases = [module.meaning(base, region) for base in node.bases]
        if bases == ["fastmcp.server.middleware.Middleware"]:
            yield rule.at(
                module,
                hook,
                "`on_initialize` never runs for sessionless clients, which send no initialize request",
                "Do it in `on_request`, for each request.",
                unfixed="what is done once must be made fit to be done for each request",
            )


def _state_of_another_call(rule: Rule, module: Module) -> Iterator[Finding]:
    reads = list(_state_calls(module, "get_state"))
    if not reads:
        return
    offered = {component.function: component for component in module.components()}
    writes = list(_state_calls(module, "set_state"))
    if any(key is None for _, key, _ in writes):
        return  # it may be any key
    for call, key, function in reads:
        writers = [writer for _, written, writer in writes if written == key]
        if (
            key is not None
            and function in offered
            and writers
            and all(writer in offered and writer is not function for writer in writers)
            and not _calls_any(function, {writer.name for writer in writers if writer is not None})
        ):
            names = ", ".join(sorted({f"`{writer.name}`" for writer in writers if writer is not None}))
            yield rule.at(
                module,
                call,
                f"the state {key!r} is set in another call ({names}), and lost by then on sessionless "
                f"connections",
                "Keep it for the user (a parameter `session: UserSession`) or for a session with a name "
                "(`session_id: SessionId`, and a `SessionProvider()`), or in the lifespan's dict for "
                "everybody.",
                unfixed="only you know whom the state belongs to",
            )


def _state_calls(module: Module, name: str) -> Iterator[tuple[ast.Call, str | None, Function | None]]:
    """The calls on a context: the key where it is known, and the function around."""
    for call, _, region in module.calls.get(name, ()):
        if isinstance(call.func, ast.Attribute) and module.meaning(call.func.value, region) == CONTEXT:
            given = call.args[0] if call.args else None
            key = keywords(call)["key"].value if given is None and "key" in keywords(call) else given
            node = _shown(module, key, region)[0] if key is not None else None
            value = node.value if isinstance(node, ast.Constant) else None
            yield call, value if isinstance(value, str) else None, region.function


def _calls_any(function: Function | None, names: set[str]) -> bool:
    called = {"call_tool", *names}
    return function is not None and any(
        isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in called
        for node in own_nodes(function)
    )


LATER = Rule(
    code="MCP114",
    name="state-of-another-call",
    line="Something is kept for a later call, which sessionless connections do not do",
    happens=(
        "Nothing is raised: `await ctx.get_state(key)` gives None in the next call, and the middleware's "
        "`on_initialize` never runs. Handshake connections do as before."
    ),
    why=(
        "Since FastMCP 4 clients connect without a session where they can: each request is a connection "
        "of its own."
    ),
    fix=(
        "Keep it by user (`UserSession`) or by session (`SessionId`), and check each request in `on_request`."
    ),
    links=(f"{DOCS}/servers/sessions", GUIDE),
    find=_later,
    since=(4,),
)

# MCP115 ------------------------------------------------------------------------------------------------

MESSAGES = frozenset(
    {"fastmcp.prompts.Message()", "fastmcp.prompts.base.Message()", "fastmcp.prompts.prompt.Message()"}
)
OF_THE_SDK = {
    "mcp.types.PromptMessage()": "a PromptMessage",
    "fastmcp.prompts.PromptMessage()": "a PromptMessage",
    "mcp.types.TextContent()": "a TextContent",
}


def _prompts(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    for component in module.components():
        if component.kind != "prompt" or not _is_plain(component):
            continue
        for node in own_nodes(component.function):
            if isinstance(node, ast.Return):
                yield from _returned_by_prompt(rule, module, component, node)


def _returned_by_prompt(
    rule: Rule, module: Module, component: Component, returned: ast.Return
) -> Iterator[Finding]:
    if returned.value is None:
        what = "None"
    else:
        node, region, home = _shown(module, returned.value, component.region)
        one = _no_message(home, node, region)
        items: Iterable[ast.AST] = node.elts if isinstance(node, ast.List | ast.Tuple) else ()
        items = [node.elt] if isinstance(node, ast.ListComp) else items
        many = next((kind for item in items if (kind := _no_message(home, item, region))), "")
        single = "a single Message" if home.meaning(node, region) in MESSAGES else ""
        what = one or single or (f"a list with {many}" if many else "")
    if what:
        yield rule.at(
            module,
            returned,
            f"the prompt `{component.function.name}` returns {what}",
            _messages(module, returned.value),
            unfixed="a role that is no `user` or `assistant` has to be thought over",
        )


def _no_message(module: Module, node: ast.AST, region: Region) -> str:
    """What an expression is that a prompt cannot return, nor have in its list."""
    if isinstance(node, ast.Dict | ast.DictComp):
        return "a dict"
    if isinstance(node, ast.Constant) and not isinstance(node.value, str):
        return "None" if node.value is None else f"the {type(node.value).__name__} {node.value!r}"
    return OF_THE_SDK.get(module.meaning(node, region) or "", "")


def _messages(module: Module, node: ast.expr | None) -> str:
    """The code to write: with the very texts, where they are written in the dict."""
    inside = node.elts if isinstance(node, ast.List) else [node]
    written = [said for item in inside if (said := _message(module, item))]
    both = ", ".join(written) if len(written) == len(inside) else "Message(...)"
    return f"Return `[{both}]`, with `from fastmcp.prompts import Message`, or a text."


def _message(module: Module, node: ast.expr | None) -> str:
    if not isinstance(node, ast.Dict):
        return ""
    keys = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
    named = dict(zip(keys, node.values, strict=True))
    if named.keys() != {"role", "content"} or isinstance(named["content"], ast.Dict):
        return ""
    return f"Message({source_text(module, named['content'])}, role={source_text(module, named['role'])})"


PROMPTS = Rule(
    code="MCP115",
    name="prompt-result",
    line="A prompt returns a dict, or a message of the SDK",
    happens=(
        "MCPError: Error rendering prompt 'recommend': messages[0] must be Message or str, got dict. Use "
        "Message({...}) to wrap the value. Or: Prompt must return str, list[Message], or "
        "PromptResult, got dict."
    ),
    why=(
        "Until FastMCP 2 anything became a message, dicts as their JSON; since FastMCP 3 only what is "
        "meant to."
    ),
    fix="Return a text, a list of texts and `fastmcp.prompts.Message`, or a PromptResult.",
    links=(f"{DOCS}/servers/prompts", OLDER_GUIDE),
    find=_prompts,
    since=(3,),
)

# MCP119 ------------------------------------------------------------------------------------------------

OPENAPI = frozenset(
    {"fastmcp.FastMCP.from_openapi", "fastmcp.FastMCP().from_openapi"}
    | {f"fastmcp.server.providers.openapi{within}.OpenAPIProvider" for within in ("", ".provider")}
    | {"fastmcp.server.openapi.FastMCPOpenAPI"}
)
TAKE_AUTH = ("Client", "StreamableHttpTransport", "SSETransport")


def _httpx(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    for name in ("from_openapi", "OpenAPIProvider"):
        for call, _, region in module.calls.get(name, ()):
            named = keywords(call).get("client")
            given = named.value if named is not None else call.args[1] if len(call.args) > 1 else None
            if (
                given is not None
                and module.meaning(given, region) == "httpx.AsyncClient()"
                and module.meaning(call.func, region) in OPENAPI
                and not knows(region)
            ):
                yield rule.at(
                    module,
                    given,
                    f"`{name}` is given a client of httpx",
                    "Make it with httpx2: `import httpx2`, `httpx2.AsyncClient(...)`.",
                    unfixed="the client may be used elsewhere, with classes of httpx",
                )
    for name in TAKE_AUTH:
        for call, _, region in module.calls.get(name, ()):
            auth = keywords(call).get("auth")
            meant = module.meaning(auth.value, region) if auth is not None else None
            of = module.meaning(call.func, region) or ""
            if auth is None or not meant or knows(region):
                continue
            if meant.startswith("httpx.") and of.startswith("fastmcp."):
                yield rule.at(
                    module,
                    auth,
                    f"`auth={source_text(module, auth.value)}` is httpx's, and FastMCP's connections are "
                    f"httpx2's",
                    f"Write `auth=httpx2.{meant.removeprefix('httpx.').removesuffix('()')}(...)`.",
                    unfixed="httpx2 has to be imported",
                )
    yield from _dead_handlers(rule, module)


def _dead_handlers(rule: Rule, module: Module) -> Iterator[Finding]:
    made = module.calls.get("AsyncClient", ())
    if any(module.meaning(call.func, region) == "httpx.AsyncClient" for call, _, region in made):
        return  # it may be what the connection uses, by a `httpx_client_factory`
    for attempt, region in module.tries:
        for handler in attempt.handlers:
            if handler.type is None:
                continue
            kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
            meant = [module.meaning(kind, region) or "" for kind in kinds]
            if all(kind.startswith("httpx.") for kind in meant) and _only_clients(module, attempt, region):
                names = " or ".join(source_text(module, kind) for kind in kinds)
                yield rule.at(
                    module,
                    handler,
                    f"{names} is never raised here: FastMCP's connections are httpx2's",
                    "Catch what comes now: MCPError (`from mcp import MCPError`), RuntimeError where no "
                    "connection can be made, and over SSE the same class of httpx2.",
                    unfixed="which of them is meant depends on the transport",
                )


def _only_clients(module: Module, attempt: ast.Try, region: Region) -> bool:
    """Does the body call FastMCP's client, and nothing else that might raise an exception of httpx?"""
    found = False
    for statement in attempt.body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Call):
                meant = module.meaning(node, region) or ""
                if meant.startswith((CLIENT, "fastmcp.client.", "fastmcp.Client")):
                    found = True
                elif not _is_python(module, node, region):
                    return False
    return found


def _is_python(module: Module, call: ast.Call, region: Region) -> bool:
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    return hasattr(builtins, name) and not module.bindings(name, region.scope)


HTTPX = Rule(
    code="MCP119",
    name="httpx-and-httpx2",
    line="Something of httpx where FastMCP has httpx2",
    happens=(
        "FastMCPDeprecationWarning: Passing an httpx.AsyncClient to OpenAPIProvider is deprecated "
        "and will be "
        'removed in a future release; RuntimeError: Client failed to connect: Invalid "auth" '
        "argument; and an `except httpx.HTTPStatusError` around a client catches nothing any more, in "
        "silence."
    ),
    why=(
        "FastMCP 4 connects with httpx2, whose classes are not those of httpx, although they have their "
        "names."
    ),
    fix="Use httpx2 for what FastMCP is given and raises: `import httpx2`.",
    links=(GUIDE,),
    find=_httpx,
    since=(4,),
)

# MCP121 ------------------------------------------------------------------------------------------------

VARIABLES = "FASTMCP_SERVER_AUTH"
PROVIDERS = {
    "auth0.Auth0Provider": ("config_url", "client_id", "client_secret", "audience", "base_url"),
    "aws.AWSCognitoProvider": ("user_pool_id", "client_id", "client_secret", "base_url"),
    "azure.AzureProvider": ("client_id", "tenant_id", "required_scopes", "base_url"),
    "descope.DescopeProvider": ("base_url",),
    "discord.DiscordProvider": ("client_id", "client_secret", "base_url"),
    "github.GitHubProvider": ("client_id", "client_secret", "base_url"),
    "google.GoogleProvider": ("client_id", "base_url"),
    "introspection.IntrospectionTokenVerifier": ("introspection_url", "client_id", "client_secret"),
    "oci.OCIProvider": ("config_url", "client_id", "client_secret", "base_url"),
    "scalekit.ScalekitProvider": ("environment_url", "resource_id"),
    "supabase.SupabaseProvider": ("project_url", "base_url"),
    "workos.AuthKitProvider": ("authkit_domain", "base_url"),
    "workos.WorkOSProvider": ("client_id", "client_secret", "authkit_domain", "base_url"),
    "jwt.JWTVerifier": (),
}


def _auth(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    for node, name in _set_variables(module):
        yield rule.at(
            module,
            node,
            f"nothing reads the variable {name}",
            "Make the provider here and give it to the server: `FastMCP(..., auth=GitHubProvider(...))`.",
            unfixed="the values belong into the provider's arguments",
        )
    for path, needed in PROVIDERS.items():
        home, _, name = path.partition(".")
        for call, _, region in module.calls.get(name, ()):
            missing = [argument for argument in needed if argument not in keywords(call)]
            if name == "JWTVerifier" and not call.keywords and not call.args:
                missing = ["jwks_uri"]
            if knows(region):
                continue
            meant = module.meaning(call.func, region)
            known = (f"fastmcp.server.auth.providers.{home}.{name}", f"fastmcp.server.auth.{name}")
            if (
                missing
                and meant in known
                and not is_open(call)
                and not _is_project_class(module, call, region)
            ):
                yield rule.at(
                    module,
                    call,
                    f"`{name}` is not given {_and(missing)}, and reads no environment variables",
                    f"Write `{name}({', '.join(f'{argument}=...' for argument in missing)})`, with "
                    f"values from "
                    "`os.environ` if you like.",
                    unfixed="the values are yours",
                )


def _and(names: list[str]) -> str:
    written = [f"`{name}`" for name in names]
    return " and ".join([", ".join(written[:-1]), written[-1]] if written[1:] else written)


def _is_project_class(module: Module, call: ast.Call, region: Region) -> bool:
    origin = module.origin(call.func, region)
    return origin is not None and isinstance(origin.node, ast.ClassDef)


def _set_variables(module: Module) -> Iterator[tuple[ast.AST, str]]:
    """Where the file sets such a variable, if it does not read it itself."""
    read: set[str] = set()
    written: list[tuple[ast.AST, str]] = []
    for node, region in module.subscripts:
        name = _variable(node.slice)
        if name and module.meaning(node.value, region) == "os.environ":
            if isinstance(node.ctx, ast.Store):
                written.append((node, name))
            else:
                read.add(name)
    for method in ("get", "getenv", "pop", "setdefault", "putenv"):
        for call, _, region in module.calls.get(method, ()):
            name = _variable(call.args[0]) if call.args else ""
            if name and (module.meaning(call.func, region) or "").startswith("os."):
                if method in ("setdefault", "putenv"):
                    written.append((call, name))
                else:
                    read.add(name)
    for call, _, region in module.calls.get("update", ()):
        if module.meaning(call.func, region) == "os.environ.update":
            keys = call.args[0].keys if call.args and isinstance(call.args[0], ast.Dict) else []
            written += [(key, name) for key in keys if key is not None and (name := _variable(key))]
            written += [(k, k.arg) for k in call.keywords if k.arg and k.arg.startswith(VARIABLES)]
    return ((node, name) for node, name in written if name not in read)


def _variable(node: ast.AST) -> str:
    value = node.value if isinstance(node, ast.Constant) else ""
    return value if isinstance(value, str) and value.startswith(VARIABLES) else ""


AUTH = Rule(
    code="MCP121",
    name="login-from-the-environment",
    line="The server's login is expected from FASTMCP_SERVER_AUTH variables",
    happens=(
        "Nothing is raised and `mcp.auth` is None: the server is open to everybody. A provider without "
        "arguments: TypeError: GitHubProvider.__init__() missing 3 required keyword-only arguments: "
        "'client_id', 'client_secret', and 'base_url'."
    ),
    why=(
        "FastMCP 3 stopped reading the login from the environment: what protects a server is said in its "
        "code."
    ),
    fix="Write `FastMCP(..., auth=GitHubProvider(client_id=..., client_secret=..., base_url=...))`.",
    links=(f"{DOCS}/servers/auth/authentication", OLDER_GUIDE),
    find=_auth,
    since=(3,),
)

# MCP122 ------------------------------------------------------------------------------------------------

SCALARS = frozenset({"str", "int", "float", "bool", "None"})
GENERIC = {"list": "list", "List": "list", "dict": "dict", "Dict": "dict"}
# What a client takes for what: FastMCP's schema is JSON's, which knows no tuples.
TAKEN = {
    "str": {"str"},
    "int": {"int", "bool"},
    "float": {"int", "float", "bool"},
    "bool": {"bool"},
    "None": {"None"},
    "dict": {"dict"},
    "list": {"list"},
}
GIVEN = {ast.JoinedStr: "str", ast.Dict: "dict", ast.DictComp: "dict", ast.List: "list", ast.ListComp: "list"}
MAKES = {"str": "str", "repr": "str", "len": "int", "dict": "dict", "sorted": "list"}


def _results(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    for component in module.components():
        function, call = component.function, component.call
        if (
            component.kind != "tool"
            or function.returns is None
            or not _is_plain(component)
            or (call is not None and (is_open(call) or "output_schema" in keywords(call)))
            or not _promises(module, function.returns, component.region)
        ):
            continue
        own = list(own_nodes(function))
        if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in own):
            continue
        for node in own:
            if isinstance(node, ast.Return):
                given = node.value if node.value is not None else ast.Constant(None)
                wrong = _wrong(module, function.returns, given, component.region)
                if wrong:
                    yield rule.at(
                        module,
                        node,
                        f"`{function.name}` promises `{source_text(module, function.returns)}` and "
                        f"returns {wrong}",
                        "Raise a ToolError for what went wrong, or say in the annotation what is returned.",
                        unfixed="either the annotation or the value is meant",
                    )


def _promises(module: Module, annotation: ast.expr, region: Region) -> bool:
    """A bare `list` promises nothing that a client looks at, nor does `None` alone."""
    return not (isinstance(annotation, ast.Name) and annotation.id == "list") and not (
        isinstance(annotation, ast.Constant) and annotation.value is None
    )


def _wrong(module: Module, annotation: ast.AST, given: ast.AST, region: Region) -> str:
    """What an expression is if the annotation certainly excludes it; an empty text else."""
    if isinstance(given, ast.IfExp):
        return _wrong(module, annotation, given.body, region) or _wrong(
            module, annotation, given.orelse, region
        )
    if isinstance(given, ast.Name):
        given, region, _ = _shown(module, given, region)
    kinds = _kinds(module, annotation, region)
    kind = _kind(module, given, region)
    if not kinds or not kind:
        return ""
    fitting = [(name, parts) for name, parts in kinds if kind in TAKEN[name]]
    if not fitting:
        return "None" if kind == "None" else f"a {kind}" if kind != "int" else "an int"
    if len(kinds) > 1 or not fitting[0][1]:
        return ""
    inner = fitting[0][1][-1]
    parts: list[ast.expr] = []
    if isinstance(given, ast.List):
        parts = given.elts
    elif isinstance(given, ast.Dict):
        parts = [value for key, value in zip(given.keys, given.values, strict=True) if key is not None]
    wrong = next((found for part in parts if (found := _wrong(module, inner, part, region))), "")
    return f"{wrong} in a {kind}" if wrong else ""


def _kind(module: Module, node: ast.AST, region: Region) -> str:
    """str, int, list ... of an expression whose kind is written; "" of any other."""
    if isinstance(node, ast.Constant):
        name = "None" if node.value is None else type(node.value).__name__
        whole = isinstance(node.value, float) and node.value.is_integer()
        return name if name in SCALARS and not whole else ""
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Name) and not module.bindings(node.func.id, region.scope):
            return MAKES.get(node.func.id, "")
        return "str" if module.meaning(node.func, region) == "json.dumps" else ""
    return GIVEN.get(type(node), "")


def _kinds(module: Module, annotation: ast.AST, region: Region) -> list[tuple[str, list[ast.expr]]]:
    """The alternatives of an annotation, each with what it is of; nothing where one is not known."""
    if isinstance(annotation, ast.Constant):
        if isinstance(annotation.value, str):
            try:
                return _kinds(module, ast.parse(annotation.value, mode="eval").body, region)
            except SyntaxError:
                return []
        return [("None", [])] if annotation.value is None else []
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        left, right = _kinds(module, annotation.left, region), _kinds(module, annotation.right, region)
        return [*left, *right] if left and right else []
    if isinstance(annotation, ast.Name):
        known = annotation.id in (*SCALARS, "dict") and not module.bindings(annotation.id, region.scope)
        return [(annotation.id, [])] if known else []
    if isinstance(annotation, ast.Subscript):
        return _subscripted(module, annotation, region)
    return []


def _subscripted(
    module: Module, annotation: ast.Subscript, region: Region
) -> list[tuple[str, list[ast.expr]]]:
    inner = annotation.slice
    parts = list(inner.elts) if isinstance(inner, ast.Tuple) else [inner]
    name = annotation.value.id if isinstance(annotation.value, ast.Name) else ""
    meant = module.meaning(annotation.value, region)
    if meant == "typing.Annotated":
        return _kinds(module, parts[0], region)
    if meant in ("typing.Optional", "typing.Union"):
        each = [_kinds(module, part, region) for part in parts]
        found = [kind for kinds in each for kind in kinds] if all(each) else []
        return [*found, ("None", [])] if found and meant == "typing.Optional" else found
    if (meant is None and not module.bindings(name, region.scope)) or meant in ("typing.List", "typing.Dict"):
        name = GENERIC.get(name, "") or GENERIC.get((meant or "").removeprefix("typing."), "")
        return [(name, parts)] if name else []
    return []


RESULTS = Rule(
    code="MCP122",
    name="result-against-annotation",
    line="A tool returns what its annotation excludes",
    happens=(
        "The client refuses the answer: RuntimeError: Invalid structured content returned by tool "
        "lookup: {'error': 'no such book'} is not of type 'string'. For `-> dict`: ToolError: "
        "structured_content must be a dict or None; RuntimeError: Tool lookup has an output schema but "
        "did not return structured content."
    ),
    why="FastMCP makes the tool's output schema of the annotation, and clients hold every answer against it.",
    fix="Say what is returned in the annotation, or raise a ToolError for what went wrong.",
    links=(f"{DOCS}/servers/tools",),
    find=_results,
    since=(2, 10),
)

# MCP124 ------------------------------------------------------------------------------------------------


NO_EXTENSION = (
    "Install it (`pip install 'fastmcp[tasks]'`) and write `mcp.add_extension(TasksExtension(...))`; or "
    "leave `{}` out."
)
ENTRIES = frozenset({"server", "main", "app", "mcp_server", "__main__"})


def _tasks(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    if "add_extension" in module.calls or "TasksExtension" in module.calls:
        return
    starts = ("run", "run_async", "http_app")
    runs = any(
        isinstance(call.func, ast.Attribute) and module.is_server(call.func.value, region)
        for name in starts
        for call, _, region in module.calls.get(name, ())
    )
    if not runs and module.name.rpartition(".")[2] not in ENTRIES:
        return  # it may be mounted on a server that has the extension
    made = {name for name in module.scope.names if _makes_server(module, name)}
    for component in module.components():
        task = keywords(component.call).get("task") if component.call is not None else None
        if task is not None and _registered_on(component) in made and _is_task(task.value):
            yield rule.at(
                module,
                task,
                f"the tool `{component.function.name}` is a task, and its server has no tasks extension",
                NO_EXTENSION.format("task="),
                unfixed="only you know whether the tool must be a task",
            )
    for call, _, region in module.calls.get("FastMCP", ()):
        tasks = keywords(call).get("tasks")
        if (
            tasks is not None
            and module.meaning(call.func, region) == "fastmcp.FastMCP"
            and _is_true(tasks.value)
        ):
            yield rule.at(
                module,
                tasks,
                "the server's tools are tasks, and it has no tasks extension",
                NO_EXTENSION.format("tasks="),
                unfixed="only you know whether the tools must be tasks",
            )


def _makes_server(module: Module, name: str) -> bool:
    """Is the name a server that this file makes? What another file makes may have its extensions there."""
    return any(
        binding.how == "value"
        and isinstance(binding.what, ast.Call)
        and module.meaning(binding.what.func, binding.region) == "fastmcp.FastMCP"
        for binding in module.scope.names[name]
    )


def _registered_on(component: Component) -> str:
    func = component.call.func if component.call is not None else None
    of = func.value if isinstance(func, ast.Attribute) else None
    return of.id if isinstance(of, ast.Name) else ""


def _is_task(value: ast.expr) -> bool:
    if _is_true(value):
        return True
    if not isinstance(value, ast.Call):
        return False
    mode = keywords(value).get("mode")
    given = mode.value if mode is not None else value.args[0] if value.args else None
    is_config = getattr(value.func, "id", getattr(value.func, "attr", "")) == "TaskConfig"
    return is_config and isinstance(given, ast.Constant) and given.value in ("optional", "required")


def _is_true(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is True


TASKS = Rule(
    code="MCP124",
    name="task-without-extension",
    line="A tool is a task, and the server has no tasks extension",
    happens=(
        "The server does not start: RuntimeError: Task-enabled tools (stocktake) require the tasks "
        "extension, but no extension with identifier 'io.modelcontextprotocol/tasks' is registered. A "
        "client reads: Client failed to connect."
    ),
    why="With the protocol of 2026 tasks became an extension, which FastMCP 4 has in a package of its own.",
    fix="Install `fastmcp[tasks]` and `mcp.add_extension(TasksExtension(...))`, or leave `task=` out.",
    links=(f"{DOCS}/servers/tasks", GUIDE),
    find=_tasks,
    since=(4,),
)

RULES = (LATER, PROMPTS, HTTPX, AUTH, RESULTS, TASKS)
