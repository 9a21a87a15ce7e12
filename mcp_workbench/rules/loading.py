"""MCP009, MCP010, MCP013 to MCP015: what goes wrong while a server's module is loaded, or starts."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from mcp_workbench.findings import Finding
from mcp_workbench.rules.module import Module, Region, SeenAttribute
from mcp_workbench.rules.rule import DOCS, Rule, Target
from mcp_workbench.rules.servers import runs

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


# MCP009 -------------------------------------------------------------------------------------------------

OF_RUN = frozenset({"host", "port", "path", "transport", "stateless_http", "json_response"})
OF_FASTMCP = frozenset(
    {"home", "test_mode", "log_enabled", "log_level", "enable_rich_logging", "enable_rich_tracebacks"}
    | {"deprecation_warnings", "transport", "host", "port", "sse_path", "message_path", "debug"}
    | {"streamable_http_path", "mask_error_details", "client_log_level", "strict_input_validation"}
    | {"json_response", "stateless_http", "show_server_banner", "check_for_updates"}
)


def _settings(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    seen = [
        use
        for use in module.attributes.get("settings", ())
        if not use.region.guards & {"caught", "asked"} and module.is_server(use.node.value, use.region)
    ]
    if not seen or any(isinstance(use.node.ctx, ast.Store) for use in seen) or _has_own_settings(module):
        return
    for use in seen:
        yield rule.at(
            module,
            use.node,
            f"`{ast.unparse(use.node)}`: a server has no settings of its own",
            _instead_of_settings(use),
            unfixed="whose setting is meant, FastMCP's or your program's, is not in the code",
        )


def _instead_of_settings(use: SeenAttribute) -> str:
    name = use.parent.attr if isinstance(use.parent, ast.Attribute) else ""
    setting = isinstance(use.parent, ast.Attribute) and isinstance(use.parent.ctx, ast.Store)
    if setting and name in OF_RUN:
        server = ast.unparse(use.node.value)
        return f'Give it to the start: {server}.run(transport="http", {name}=...).'
    if name in OF_FASTMCP:
        return (
            f"Write `fastmcp.settings.{name}`, with `import fastmcp`; in the environment it is FASTMCP_"
            + (f"{name.upper()}.")
        )
    return 'Read your own settings from the environment: os.environ["..."], or a pydantic-settings class.'


def _has_own_settings(module: Module) -> bool:
    """Does a class here, or in a module that is imported from, extend FastMCP with settings?"""
    imported = (module.find(module.absolute(n)) for n, _ in module.imports if isinstance(n, ast.ImportFrom))
    for home in (module, *(other for other in imported if other is not None)):
        for node, region in home.classes:
            names = home.regions[node].scope.names.keys() | home.members.get(node, {}).keys()
            if "settings" in names and any(home.meaning(b, region) == "fastmcp.FastMCP" for b in node.bases):
                return True
    return False


SETTINGS = Rule(
    code="MCP009",
    name="server-settings",
    line="A server's settings are read, and it has none",
    happens=(
        "AttributeError: 'FastMCP' object has no attribute 'settings', at the import, or as a ToolError in a "
        "tool. On FastMCP 2.13 and 2.14 there was a DeprecationWarning, and for .get(...) the error "
        "'Settings' object has no attribute 'get'."
    ),
    why="FastMCP 3 took the settings from the servers: fastmcp.settings has FastMCP's own, for all of them.",
    fix=(
        "Read your own settings from the environment (os.environ), FastMCP's from fastmcp.settings, and give "
        "host and port to run()."
    ),
    links=(f"{DOCS}/more/settings", f"{DOCS}/servers/server"),
    find=_settings,
)


# MCP010 -------------------------------------------------------------------------------------------------


def _fixed_port(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    for name in ("run", "run_async", "run_http_async", "Config"):
        for call, _, region in module.calls.get(name, ()):
            port = next((k.value for k in call.keywords if k.arg == "port"), None)
            if not (isinstance(port, ast.Constant) and isinstance(port.value, int) and port.value):
                continue
            if _starts_http(module, call, region):
                yield rule.at(
                    module,
                    port,
                    f"port {port.value} is fixed: where it is in use, the server ends",
                    f'Let it be chosen: port=int(os.environ.get("PORT", "{port.value}")).',
                    unfixed="how the port is to be chosen is yours to say",
                )


def _starts_http(module: Module, call: ast.Call, region: Region) -> bool:
    """Does a call start a server on a port? On stdio a port is MCP007's matter."""
    called = call.func
    if module.meaning(called, region) in ("uvicorn.run", "uvicorn.Config"):
        return bool(call.args) and module.meaning(call.args[0], region) == "fastmcp.FastMCP().http_app()"
    if not isinstance(called, ast.Attribute) or not module.is_server(called.value, region):
        return False
    transport = next((k.value for k in call.keywords if k.arg == "transport"), next(iter(call.args), None))
    return called.attr == "run_http_async" or (
        isinstance(transport, ast.Constant) and transport.value in ("http", "sse", "streamable-http")
    )


FIXED_PORT = Rule(
    code="MCP010",
    name="fixed-port",
    line="A server's port is fixed in the code",
    happens=(
        "Where another program listens there already, uvicorn logs '[Errno 98] error while attempting to "
        "bind on address ('127.0.0.1', 8000): address already in use' (Errno 48 on macOS, 10048 on "
        "Windows), after 'Starting MCP server' and 'Application startup complete', and the process ends "
        "with code 3 and without a traceback. It cannot be seen in the code: the rule, which is off by "
        "default, notes ports that cannot be changed from outside."
    ),
    why="Only one program can listen on a port, and often it is the same server, started before.",
    fix=(
        "Read the port from the environment, or start it with `fastmcp run server.py --transport http --port "
        "8001`; `python server.py --port 8001` does nothing by itself. End the other one by its own means."
    ),
    links=(f"{DOCS}/deployment/running-server",),
    find=_fixed_port,
    default=False,
)


# MCP013 -------------------------------------------------------------------------------------------------


class Import(NamedTuple):
    """An import that always runs while a module is loaded: the names that may be modules, in order.

    `taken` are the names that it takes from the module `source`.
    """

    node: ast.Import | ast.ImportFrom
    loads: tuple[str, ...]
    source: str = ""
    taken: tuple[str, ...] = ()


class Broken(NamedTuple):
    """An import that cannot work: `module` is where it stands."""

    module: Module
    node: ast.Import | ast.ImportFrom
    source: str
    name: str
    twice: bool = False  # it works, on a second copy of `source`


class Loading:
    """Python's import of a few modules that import each other, in mind: what each has bound so far."""

    def __init__(self, modules: dict[str, Module]) -> None:
        self.modules = modules
        self.script = ""  # has been loaded as __main__, and would be loaded again under its name
        self.bound: dict[str, set[str]] = {}
        self.done: set[str] = set()
        self.twice: list[Broken] = []

    def load(self, name: str) -> Broken | None:
        """Load a module, unless it is; gives the import that fails."""
        if name in self.bound or name not in self.modules:
            return None
        self.bound[name] = set()
        broken = self._run(self.modules[name], self.bound[name])
        self.done.add(name)
        return broken

    def run(self, name: str) -> Broken | None:
        """Run a module as a script: under the name __main__."""
        self.script = name
        return self._run(self.modules[name], set())

    def _run(self, module: Module, bound: set[str]) -> Broken | None:
        for step in _steps(module):
            if isinstance(step, str):
                bound.add(step)
                continue
            for other in step.loads:
                broken = self.load(other)
                if broken is not None:
                    return broken
            missing = self._missing(module, step)
            if missing:
                return Broken(module, step.node, step.source, missing)
            if self.script in step.loads and module.name != self.script:
                self._second_copy(module, step)
        return None

    def _missing(self, module: Module, step: Import) -> str:
        """The first name that an import takes from a module which has not bound it yet."""
        source = step.source
        if source not in self.bound or source in self.done or source == module.name:
            return ""
        for name in step.taken:
            if not self.bound[source] & {name, "*", "__getattr__"} and not module.find(f"{source}.{name}"):
                return name
        return ""

    def _second_copy(self, module: Module, step: Import) -> None:
        """Note an import that takes a server from a script's second copy."""
        script = self.modules[self.script]
        if step.source:
            name = next((name for name in step.taken if _is_server_name(script, name)), "")
        else:
            uses = (use for name in script.scope.names for use in module.attributes.get(name, ()))
            name = next((u.node.attr for u in uses if _is_server_of(module, u)), "")
        if name:
            self.twice.append(Broken(module, step.node, self.script, name, twice=True))


def _is_server_name(module: Module, name: str) -> bool:
    """Is a name of a module bound to a server?"""
    return any(
        module.is_server(binding.what, binding.region)
        for binding in module.scope.names.get(name, ())
        if isinstance(binding.what, ast.AST) and binding.how == "value"
    )


def _is_server_of(module: Module, use: SeenAttribute) -> bool:
    """`server.mcp`, with `import server`."""
    return isinstance(use.node.value, ast.Name) and module.is_server(use.node, use.region)


def _steps(module: Module) -> list[Import | str]:
    """What a module does while it is loaded: its imports, and the names that it binds."""
    if "steps" not in module.notes:
        module.notes["steps"] = list(_steps_of(module)) if module.imports else []
    steps: list[Import | str] = module.notes["steps"]
    return steps


def _steps_of(module: Module) -> Iterator[Import | str]:
    for statement in module.tree.body:
        if isinstance(statement, ast.Import):
            yield Import(statement, tuple(n for alias in statement.names for n in _packages(alias.name)))
        elif isinstance(statement, ast.ImportFrom):
            home = module.absolute(statement)
            taken = tuple(alias.name for alias in statement.names if alias.name != "*")
            loads = (*_packages(home), *(f"{home}.{name}" for name in taken))
            yield Import(statement, loads, home, taken)
        yield from _bound(statement)


def _packages(dotted: str) -> Iterator[str]:
    """The modules that the import of a dotted name loads: the packages around it first."""
    parts = dotted.split(".")
    return (".".join(parts[: n + 1]) for n in range(len(parts)))


def _bound(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement of a module binds, in any of its branches."""
    stack: list[ast.AST] = [statement]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Store):
                yield node.id
        elif isinstance(node, ast.alias):
            yield node.asname or node.name.partition(".")[0]
        elif isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            yield node.name
        elif not isinstance(node, ast.Lambda):
            stack.extend(ast.iter_child_nodes(node))


def _loads(module: Module) -> set[str]:
    """The names of modules that a module loads, and of what it takes from them."""
    if "loads" not in module.notes:
        steps = (step for step in _steps(module) if isinstance(step, Import))
        module.notes["loads"] = {name for step in steps for name in step.loads} - {module.name}
    loads: set[str] = module.notes["loads"]
    return loads


def _near(module: Module) -> dict[str, Module]:
    """The modules of the project that a module loads by itself, by name."""
    if "near" not in module.notes:
        found: dict[str, Module] = {}
        for name in sorted(_loads(module)):  # a package before what is in it
            home = name.rpartition(".")[0]
            package = module if home == module.name else found.get(home)
            if not home or (package is not None and package.is_package):
                other = module.find(name)
                if other is not None and other.name == name:
                    found[name] = other
        module.notes["near"] = found
    near: dict[str, Module] = module.notes["near"]
    return near


def _circles(module: Module) -> dict[str, Module]:
    """The modules that import each other with one: two, or three by way of a package or another of MCP.

    To find more, a project would have to be read as a whole for each of its servers.
    """
    members = {module.name: module}
    for name, other in _near(module).items():
        if module.name in _loads(other):
            members[name] = other
        for further, third in _near(other).items() if _leads_on(other) else ():
            if further != module.name and module.name in _loads(third):
                members |= {name: other, further: third}
    return members


def _leads_on(module: Module) -> bool:
    """Is it worth reading what a module imports?"""
    return module.is_package or _speaks_of_mcp(module)


def _judged(modules: dict[str, Module]) -> list[Broken]:
    """The imports that cannot work among modules that import each other."""
    if len(modules) == 1:
        return []
    names = sorted(modules)
    for script in names:
        if _is_script(modules[script]):
            loading = Loading(modules)
            broken = loading.run(script)
            if broken is not None:
                return [broken]
            if loading.twice:
                return loading.twice
    # Imported by others it fails for certain only if it does from wherever the circle is entered.
    first = _first_failure(modules, names[0])
    certain = first is not None and all(_first_failure(modules, name) for name in names[1:])
    return [first] if first is not None and certain else []


def _first_failure(modules: dict[str, Module], name: str) -> Broken | None:
    loading = Loading(modules)
    failures = (loading.load(package) for package in _packages(name))
    return next((broken for broken in failures if broken is not None), None)


def _is_script(module: Module) -> bool:
    """Is it a file of no package that starts a server when it is run?

    A module of a package may also be started by an entry point, and is then loaded once.
    """
    if "." in module.name or module.is_package:
        return False
    started = runs(module)
    return bool(started) and (module.has_tail or any(seen.region.at_import for seen in started))


def _circular(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    if not module.imports_its_project or not _speaks_of_mcp(module):
        return
    circles = _circles(module)
    for broken in _judged(circles):
        if broken.module.path == module.path:
            yield rule.at(module, broken.node, *_words(broken))
    if _has_server(module):
        told = set(circles)
        yield from _at_its_import(rule, module, circles)
        for name, other in _near(module).items():
            if name not in told and _leads_on(other) and not _has_server(other):
                further = _circles(other)
                told |= further.keys()
                yield from _at_its_import(rule, module, further)


def _at_its_import(rule: Rule, module: Module, circle: dict[str, Module]) -> Iterator[Finding]:
    """What cannot work in files that are not checked by themselves, at the import that leads there."""
    for broken in _judged(circle):
        if _speaks_of_mcp(broken.module):
            continue
        for step in _steps(module):
            if isinstance(step, Import) and not circle.keys().isdisjoint({*step.loads} - {module.name}):
                what, do = _words(broken)
                where = f"{broken.module.name}, line {broken.node.lineno}"
                yield rule.at(module, step.node, f"this imports {where}: {what}", do)
                break


def _words(broken: Broken) -> tuple[str, str]:
    source, name = broken.source, broken.name
    if broken.twice:
        return (
            f"{source}.py is run and, here, imported: as a second copy, with another `{name}`",
            f"Write a function register({name}) that {source} calls, or move `{name}` to a module of its own "
            "that imports none of the others.",
        )
    return (
        f"`{ast.unparse(broken.node)}` runs while {source} is still being loaded: it has no `{name}` yet",
        f"Move what both need to a third module, or import `{name}` in the function that uses it.",
    )


def _speaks_of_mcp(module: Module) -> bool:
    """Is the file one that is checked by itself? In others, the finding is at the server's import of it."""
    return "mcp" in module.text.casefold()


CIRCULAR = Rule(
    code="MCP013",
    name="circular-import",
    line="Modules import each other",
    happens=(
        "ImportError: cannot import name 'search' from partially initialized module 'tools' (most likely due "
        "to a circular import). Worse, where server.py imports tools and tools imports `mcp` from server: "
        "nothing fails, and the server has no tools. `fastmcp inspect server.py` says 'Tools: 0', a client "
        "of `python server.py` sees an empty list, and after `import server` they are all there."
    ),
    why=(
        "A module that is still being loaded has only the names bound so far. And a file that is run is not "
        "the module of its name (it is __main__, or server_module under fastmcp run), so `from server import "
        "mcp` loads it a second time: the tools are registered with the copy's server."
    ),
    fix=(
        "Give each module of tools a function register(mcp) that server.py calls, or a FastMCP of its own "
        "that server.py mounts; or put mcp into a module that imports none of the others. An import in a "
        "function, or under TYPE_CHECKING, makes no circle."
    ),
    links=(
        f"{DOCS}/servers/composition",
        "https://docs.python.org/3/faq/programming.html#what-are-the-best-practices-for-using-import-in-a-module",
    ),
    find=_circular,
)


# MCP014 -------------------------------------------------------------------------------------------------

NAIVE = {
    "datetime.datetime.utcnow": "datetime.now(timezone.utc)",
    "datetime.datetime.utcfromtimestamp": "datetime.fromtimestamp(..., tz=timezone.utc)",
}


def _utcnow(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    if not target.python_312:
        return
    for name in ("utcnow", "utcfromtimestamp"):
        for node, _, region in module.attributes.get(name, ()):
            instead = NAIVE.get(module.meaning(node, region) or "")
            if instead and "asked" not in region.guards:
                yield rule.at(
                    module,
                    node,
                    f"`{ast.unparse(node)}` is deprecated since Python 3.12",
                    f"Write {instead}.",
                    unfixed="a time with a zone cannot be compared with the ones without that you may have "
                    "stored, and is written with +00:00",
                )


UTCNOW = Rule(
    code="MCP014",
    name="utcnow",
    line="datetime.utcnow() is deprecated, and gives a time without a zone",
    happens=(
        "From Python 3.12 on: 'DeprecationWarning: datetime.datetime.utcnow() is deprecated and scheduled "
        "for removal in a future version. Use timezone-aware objects to represent datetimes in UTC: "
        "datetime.datetime.now(datetime.UTC).' It is shown in tests, and fails them under -W error. Python "
        "3.11 says nothing. On every version the result works, and does not say that it is UTC: a client "
        "reads '2026-05-01T09:30:00' and takes it for its own time. FastMCP has no part in it."
    ),
    why=(
        "What utcnow() gives is counted in UTC and looks like a local time, to Python too: its .timestamp() "
        "is wrong."
    ),
    fix="Write datetime.now(timezone.utc), and datetime.fromtimestamp(seconds, tz=timezone.utc).",
    links=("https://docs.python.org/3/library/datetime.html#datetime.datetime.utcnow",),
    find=_utcnow,
)


# MCP015 -------------------------------------------------------------------------------------------------

IN_THE_LIFESPAN = (
    "Await it in a lifespan, FastMCP(..., lifespan=...), and take it from ctx.lifespan_context where it is "
    "used."
)
OWN_LOOP = frozenset({"asyncio.run", "anyio.run", "asyncio.Runner().run"})
LOOPS = frozenset({"asyncio.get_event_loop()", "asyncio.new_event_loop()"})
IN_A_LOOP = frozenset({"asyncio.create_task", "asyncio.ensure_future", "asyncio.get_running_loop"})
CONNECTS = frozenset(
    {
        "asyncpg.connect",
        "aio_pika.connect",
        "aio_pika.connect_robust",
        "aiomysql.connect",
        "aiomysql.create_pool",
    }
    | {"asyncio.open_connection", "asyncio.start_server", "asyncio.create_subprocess_exec"}
    | {"psycopg.AsyncConnection.connect", "aiormq.connect", "nats.connect"}
)


def _at_import(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    if not _has_server(module):
        return
    for node, what in _async_at_import(module):
        yield rule.at(module, node, what, IN_THE_LIFESPAN)
    if module.imports_its_project:
        yield from _imported_async(rule, module)


def _has_server(module: Module) -> bool:
    """Does the module, while it is loaded, make a server?"""
    for name in ("FastMCP", "from_openapi", "from_fastapi", "create_proxy", "as_proxy"):
        for call, _, region in module.calls.get(name, ()):
            if region.at_import and module.is_server(call, region):
                return True
    return any(
        binding.region.at_import
        and isinstance(binding.what, ast.Call)
        and module.is_server(binding.what, binding.region)
        for bindings in module.scope.names.values()
        for binding in bindings
        if binding.how == "value"
    )


def _async_at_import(module: Module) -> Iterator[tuple[ast.Call, str]]:
    """The calls that start or need an event loop, or make a coroutine that nobody awaits, at the import."""
    for name in ("run", "run_until_complete"):
        for call, parent, region in module.calls.get(name, ()):
            if (
                not region.at_import
                or _is_the_end(module, call, parent)
                or not _runs_a_loop(module, call, region)
            ):
                continue
            if call.args and not _starts_server(module, call.args[0], region):
                yield call, f"`{ast.unparse(call.func)}` runs while the module is imported"
    for name in ("create_task", "ensure_future", "get_running_loop"):
        for call, _, region in module.calls.get(name, ()):
            if (
                region.at_import
                and module.meaning(call.func, region) in IN_A_LOOP
                and not (name == "get_running_loop" and _tried(module, call))
            ):
                yield call, f"`{ast.unparse(call.func)}` needs a running event loop, and an import has none"
    for statement in module.tree.body:
        value = (
            getattr(statement, "value", None) if isinstance(statement, ast.Assign | ast.AnnAssign) else None
        )
        if isinstance(value, ast.Call) and _is_coroutine(module, value):
            yield (
                value,
                f"`{ast.unparse(value.func)}(...)` is not awaited: this is a coroutine, not its result",
            )


def _runs_a_loop(module: Module, call: ast.Call, region: Region) -> bool:
    if module.meaning(call.func, region) in OWN_LOOP:
        return True
    owner = module.meaning(call.func.value, region) if isinstance(call.func, ast.Attribute) else None
    return isinstance(call.func, ast.Attribute) and call.func.attr == "run_until_complete" and owner in LOOPS


def _is_the_end(module: Module, call: ast.Call, parent: ast.AST) -> bool:
    """Is it a script's last statement, `asyncio.run(main())`? Then the module is that script."""
    last = module.tree.body[-1]
    return parent is last and isinstance(last, ast.Expr)


def _starts_server(module: Module, node: ast.expr, region: Region) -> bool:
    """mcp.run_async(...): that is MCP007's matter."""
    called = node.func if isinstance(node, ast.Call) else node
    return isinstance(called, ast.Attribute) and module.is_server(called.value, region)


def _tried(module: Module, call: ast.Call) -> bool:
    """Does it stand in a `try`? `except RuntimeError` is how one asks whether a loop runs."""
    return any(
        isinstance(statement, ast.Try) and statement.lineno <= call.lineno <= (statement.end_lineno or 0)
        for statement in module.tree.body
    )


def _is_coroutine(module: Module, call: ast.Call) -> bool:
    """Is what a call in the module's body gives a coroutine?"""
    region = Region(module.scope)
    meant = module.meaning(call.func, region)
    home, definition = module.definition(meant)
    if isinstance(definition, ast.AsyncFunctionDef):
        return not definition.decorator_list and definition not in home.generators
    return meant in CONNECTS


def _imported_async(rule: Rule, module: Module) -> Iterator[Finding]:
    """Modules of the project that do so while this one, which has the server, imports them."""
    seen = {module.name}
    imports = (step for step in _steps(module) if isinstance(step, Import))
    for step in imports:
        for name in step.loads:
            other = _near(module).get(name)
            if other is None or name in seen:
                continue
            seen.add(name)
            for call, what in [] if _has_server(other) else _async_at_import(other):
                where = f"{name}, line {call.lineno}"
                yield rule.at(module, step.node, f"this imports {where}: {what}", IN_THE_LIFESPAN)


AT_IMPORT = Rule(
    code="MCP015",
    name="async-at-import",
    line="Something asynchronous is opened while the module is imported",
    happens=(
        "`connection = asyncio.run(connect())`: `fastmcp run` and `fastmcp inspect` fail at once, "
        "'RuntimeError: asyncio.run() cannot be called from a running event loop'; as a script it starts, "
        "and the first call fails, 'ToolError: Error calling tool 'books': Event loop is closed', or 'got "
        "Future <Future pending> attached to a different loop'. `connection = connect()` never connects: "
        "'coroutine 'connect' was never awaited', and ''coroutine' object has no attribute 'fetch''. "
        "asyncio.create_task(...): 'RuntimeError: no running event loop' as a script, while the fastmcp "
        "command happens to run it."
    ),
    why=(
        "A connection belongs to the event loop that it was opened in; asyncio.run ends its loop, and the "
        "server runs in another. The fastmcp command imports the file while its own loop runs already."
    ),
    fix=(
        'Open it in a lifespan (`FastMCP("desk", lifespan=...)`) and take it from ctx.lifespan_context. A '
        "global that is opened on first use works until there is a second loop, as in a second test."
    ),
    links=(f"{DOCS}/servers/lifespan", "https://docs.python.org/3/library/asyncio-runner.html"),
    find=_at_import,
)

RULES = (SETTINGS, FIXED_PORT, CIRCULAR, UTCNOW, AT_IMPORT)
