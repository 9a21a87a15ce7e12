"""MCP002: what is awaited where it cannot be, or not awaited where it must be."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mcp_workbench.findings import Edit, Finding
from mcp_workbench.rules.components import (
    OFFERED,
)
from mcp_workbench.rules.module import (
    CLIENT,
    CONTEXT,
    SERVER,
    Component,
    Function,
    Module,
    Region,
    Seen,
    is_none,
    own_nodes,
)
from mcp_workbench.rules.rule import DOCS, Rule, Target, insert, place_of, rename

ASYNC_METHODS = {
    CONTEXT: frozenset(
        {
            *("close_sse_stream", "debug", "disable_components", "elicit", "enable_components", "error"),
            *("get_prompt", "info", "list_prompts", "list_resources", "log", "read_resource"),
            *("report_progress", "reset_visibility", "send_notification", "warning"),
        }
    ),
    CLIENT: frozenset(
        {
            *("call_tool", "call_tool_mcp", "close", "complete", "complete_mcp", "get_prompt"),
            *("get_prompt_mcp", "list_prompts", "list_prompts_mcp", "list_resource_templates"),
            *("list_resource_templates_mcp", "list_resources", "list_resources_mcp", "list_tools"),
            *("list_tools_mcp", "ping", "read_resource", "read_resource_mcp", "set_logging_level"),
        }
    ),
    SERVER: frozenset(
        {
            *("call_tool", "get_prompt", "get_resource", "get_resource_template", "get_tool"),
            *("list_prompts", "list_resource_templates", "list_resources", "list_tools", "read_resource"),
            *("render_prompt", "run_async", "run_http_async", "run_stdio_async"),
        }
    ),
}
SYNC_METHODS = frozenset(
    {
        *("add_completion_handler", "add_extension", "add_middleware", "add_prompt", "add_provider"),
        *(
            "add_resource",
            "add_template",
            "add_tool",
            "add_transform",
            "disable",
            "enable",
            "http_app",
            "mount",
        ),
    }
)
BLOCKING = {
    "time.sleep": "await asyncio.sleep(...)",
    "urllib.request.urlopen": "an async HTTP client such as httpx2.AsyncClient",
    "os.system": "asyncio.create_subprocess_shell(...)",
    **dict.fromkeys(
        (f"subprocess.{name}" for name in ("run", "call", "check_call", "check_output")),
        "asyncio.create_subprocess_exec(...)",
    ),
    **dict.fromkeys(
        (
            f"{package}.{method}"
            for package in ("requests", "httpx", "httpx2")
            for method in ("get", "post", "put", "patch", "delete", "head", "request")
        ),
        "an async HTTP client such as httpx2.AsyncClient",
    ),
}
BLOCKING_NAMES = frozenset(name.rpartition(".")[2] for name in BLOCKING)
LOOP_STARTERS = {
    "asyncio.run": "asyncio.run() cannot be called from a running event loop",
    "anyio.run": "Already running asyncio in this thread",
}
NEEDS_LOOP = frozenset(
    f"asyncio.{name}" for name in ("get_event_loop", "get_running_loop", "create_task", "ensure_future")
)
PLAIN = frozenset({"str", "int", "float", "bool", "dict", "list", "set", "tuple", "bytes", "None"})
COROUTINES_OWN = frozenset({"close", "send", "throw"})


def _awaiting(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    components = {c.function: c for c in module.components() if c.kind in OFFERED}
    yield from _awaits_in_sync(rule, module, components)
    yield from _awaits_of_sync(rule, module)
    yield from _not_awaited(rule, module, target, components)
    if "nest_asyncio" not in module.text:
        yield from _loops(rule, module, target, components)
    yield from _blocks(rule, module, components)


# An await where there can be none.


def _awaits_in_sync(rule: Rule, module: Module, components: dict[Function, Component]) -> Iterator[Finding]:
    seen: set[Function | None] = set()
    for node, region in (*module.awaits, *module.async_blocks):
        function = region.function
        if function in seen or isinstance(function, ast.AsyncFunctionDef):
            continue
        if isinstance(region.scope.node, ast.Lambda) or (function is None and _is_interactive(module)):
            continue
        seen.add(function)
        word = {ast.AsyncWith: "async with", ast.AsyncFor: "async for"}.get(type(node), "await")
        if function is None:
            yield rule.at(
                module,
                node,
                f"`{word}` stands outside of any function",
                "Put it into an async function, and start that with asyncio.run(...) where the file is run.",
            )
            continue
        alone = (
            function in components and not module.calls.get(function.name) and not _waits(module, function)
        )
        yield rule.at(
            module,
            node,
            f"`{word}` stands in {function.name}(), which is not async",
            f"Write async def {function.name}(...).",
            edits=[insert(module, function, "async ")] if alone else (),
            unfixed="" if alone else f"who calls {function.name}() would have to await it",
        )


def _is_interactive(module: Module) -> bool:
    """Are these cells? Of a script, too: editors run its # %% parts as a notebook's."""
    return module.notebook or "# %%" in module.text


def _waits(module: Module, function: Function) -> bool:
    """Does it do what an async function must not?"""
    names = BLOCKING_NAMES | {"run", "run_until_complete", "get_event_loop"}
    return any(
        isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in names
        for node in own_nodes(function)
    )


def _awaits_of_sync(rule: Rule, module: Module) -> Iterator[Finding]:
    for node, region in module.awaits:
        call = node.value
        if not isinstance(call, ast.Call) or "caught" in region.guards:
            continue
        if isinstance(call.func, ast.Name):
            function = _the_function(module, call.func, region)
            if not isinstance(function, ast.FunctionDef) or not _gives_plain(module, function):
                continue
            what = f"{function.name}(){_line(module, function)} is no async function, so it cannot be awaited"
        elif (
            isinstance(call.func, ast.Attribute)
            and call.func.attr in SYNC_METHODS
            and module.is_server(call.func.value, region)
        ):
            what = f"{call.func.attr}() of a server is no async method, so it cannot be awaited"
        else:
            continue
        yield rule.at(
            module,
            node,
            what,
            f"Write {ast.unparse(call.func)}(...) without await.",
            edits=_without_await(module, node),
        )


def _line(module: Module, function: Function) -> str:
    """Where a function of the file is; cells have lines of their own."""
    here = function in module.regions and module.path.endswith(".py")
    return f" on line {function.lineno}" if here else ""


def _gives_plain(module: Module, function: ast.FunctionDef) -> bool:
    """Does it say that it gives one of Python's own types?"""
    kind: ast.AST | None = function.returns
    if isinstance(kind, ast.Subscript):
        kind = kind.value
    name = kind.id if isinstance(kind, ast.Name) else "None" if is_none(kind) else ""
    return name in PLAIN and not function.decorator_list and not module.bindings(name, module.scope)


def _without_await(module: Module, node: ast.Await) -> list[Edit]:
    start, value = place_of(module, node), place_of(module, node.value)
    word = module.lines[start.line - 1][start.column : value.column]
    if start.line != value.line or word.strip() != "await":
        return []
    return [Edit(start.line, start.column, value.line, value.column, "")]


# A call that nobody awaits.


def _the_function(module: Module, name: ast.Name, region: Region) -> Function | None:
    """The one function of the project that a name means."""
    bindings = module.bindings(name.id, region.scope)
    if not bindings and module.outer is not None:
        bindings = module.outer.scope.names.get(name.id, [])
    if len(bindings) != 1:
        return None
    how, what, _ = bindings[0]
    if how == "import":
        home, _, its = str(what).rpartition(".")
        other = module.find(home) if home else None
        found = other.scope.names.get(its, []) if other is not None else []
        what = found[0].what if len(found) == 1 else None
    return what if isinstance(what, ast.FunctionDef | ast.AsyncFunctionDef) else None


def _coroutines(module: Module, target: Target) -> Iterator[tuple[Seen, str]]:
    """The calls that give a coroutine, and what is called."""
    names = _async_names(module)
    for name, calls in module.calls.items():
        owners = [owner for owner, methods in ASYNC_METHODS.items() if name in methods]
        if not owners and name not in names:
            continue
        for seen in calls:
            function = seen.node.func
            if isinstance(function, ast.Attribute) and owners:
                if module.meaning(function.value, seen.region) in owners:
                    yield seen, f"{ast.unparse(function)}()"
            elif isinstance(function, ast.Name) and name in names:
                defined = _the_function(module, function, seen.region)
                if isinstance(defined, ast.AsyncFunctionDef) and _is_plain_async(defined, target):
                    line = _line(module, defined)
                    yield seen, f"{name}()" + (f" (async def{line})" if line else "")


def _async_names(module: Module) -> set[str]:
    """The names that may mean an async function."""
    modules = [module, *([module.outer] if module.outer is not None else [])]
    own = {d.node.name for m in modules for d in m.functions if isinstance(d.node, ast.AsyncFunctionDef)}
    imported = {
        alias.asname or alias.name
        for node, _ in module.imports
        if isinstance(node, ast.ImportFrom) and module.find(module.absolute(node)) is not None
        for alias in node.names
    }
    return own | imported


def _is_plain_async(function: ast.AsyncFunctionDef, target: Target) -> bool:
    """Does calling it give a coroutine? A generator's call does not, nor what a decorator has made of it."""
    if any(isinstance(node, ast.Yield) for node in own_nodes(function)):
        return False
    for decorator in function.decorator_list:
        name = decorator.func if isinstance(decorator, ast.Call) else decorator
        if not (isinstance(name, ast.Attribute) and name.attr in OFFERED and target.fastmcp >= (3,)):
            return False
    return True


def _not_awaited(
    rule: Rule, module: Module, target: Target, components: dict[Function, Component]
) -> Iterator[Finding]:
    families: dict[ast.AST, dict[ast.AST, ast.AST]] = {}
    for seen, called in _coroutines(module, target):
        if isinstance(seen.parent, ast.Await) or seen.region.guards & {"typing", "caught"}:
            continue
        body: ast.AST = seen.region.function or module.tree
        if body not in families:
            families[body] = {child: node for node in ast.walk(body) for child in ast.iter_child_nodes(node)}
        use = _use(module, seen, families[body], components)
        if use is None:
            continue
        can = _may_await(module, seen.region)
        call = ast.unparse(seen.node.func)
        do = f"Write await {call}(...)"
        if not can:
            function = seen.region.function
            do += f", and make {function.name}() an async def." if function else " in an async function."
        elif use == DROPPED and isinstance(seen.node.func, ast.Name):
            do += ", or asyncio.create_task(...) if nobody is to wait for it."
        else:
            do += "."
        dropped = isinstance(seen.node.func, ast.Name) and use == DROPPED
        yield rule.at(
            module,
            seen.node,
            f"{called} gives a coroutine, and {use}",
            do,
            edits=_with_await(module, seen) if can and not dropped else (),
            unfixed="" if can and not dropped else "somebody has to say who waits for it, and where",
        )


DROPPED = "nothing awaits it, so that it never runs"
USED = "it is used as if it were the result"


def _may_await(module: Module, region: Region) -> bool:
    node = region.scope.node
    return isinstance(node, ast.AsyncFunctionDef) or (module.notebook and isinstance(node, ast.Module))


def _with_await(module: Module, seen: Seen) -> list[Edit]:
    """`await` before a call; in brackets where something follows that binds more tightly."""
    before = insert(module, seen.node, "await ")
    parent = seen.parent
    if not isinstance(parent, ast.Attribute | ast.Subscript) or parent.value is not seen.node:
        return [before]
    end = place_of(module, seen.node)
    after = Edit(end.end_line, end.end_column, end.end_line, end.end_column, ")")
    return [Edit(before.line, before.column, before.line, before.column, "(await "), after]


def _use(
    module: Module,
    seen: Seen,
    parents: dict[ast.AST, ast.AST],
    components: dict[Function, Component],
) -> str | None:
    """What is wrong with how a coroutine is used; None where it may be awaited somewhere."""
    parent = seen.parent
    if isinstance(parent, ast.Expr):
        return DROPPED
    if _as_a_result(module, seen.node, parent, seen.region):
        return USED
    offered = components.get(seen.region.function) if seen.region.function else None
    if offered is not None and _returned(seen.node, parents, offered):
        return f"{offered.function.name}() returns it"
    if (
        isinstance(parent, ast.Assign)
        and len(parent.targets) == 1
        and isinstance(parent.targets[0], ast.Name)
    ):
        return _use_of_name(module, parent.targets[0].id, seen, parents, offered)
    return None


def _use_of_name(
    module: Module,
    name: str,
    seen: Seen,
    parents: dict[ast.AST, ast.AST],
    offered: Component | None,
) -> str | None:
    """The same of a name that the coroutine was assigned to."""
    if len(seen.region.scope.names.get(name, ())) != 1 or name in seen.region.scope.outside:
        return None
    loads = [
        node
        for node in parents
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
    ]
    if not loads:
        return DROPPED if seen.region.function is not None else None
    as_results = [
        _as_a_result(module, node, parents[node], seen.region)
        or (offered is not None and _returned(node, parents, offered))
        for node in loads
    ]
    return USED if all(as_results) else None


def _as_a_result(module: Module, node: ast.expr, parent: ast.AST, region: Region) -> bool:
    """Does this use of a coroutine fail, or say <coroutine object>?"""
    if isinstance(parent, ast.Attribute):
        return parent.attr not in COROUTINES_OWN
    if isinstance(parent, ast.Subscript):
        return parent.value is node
    if isinstance(parent, ast.For | ast.comprehension):
        return parent.iter is node
    if isinstance(parent, ast.If | ast.While | ast.IfExp):
        return parent.test is node
    if isinstance(parent, ast.Compare):
        return not any(isinstance(operator, ast.Is | ast.IsNot) for operator in parent.ops)
    if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and node in parent.args:
        name = parent.func.id
        plain = name in (
            "print",
            "len",
            "str",
            "int",
            "float",
            "list",
            "dict",
            "set",
            "sorted",
            "sum",
            "repr",
        )
        return plain and not module.bindings(name, region.scope)
    return isinstance(parent, ast.FormattedValue | ast.BinOp | ast.UnaryOp)


def _returned(node: ast.AST, parents: dict[ast.AST, ast.AST], offered: Component) -> bool:
    """Does a component return it, as it is or in a dict or list? Of a sync function FastMCP awaits the "
    "former."""
    inside = False
    parent = parents.get(node)
    while isinstance(parent, ast.Dict | ast.List | ast.Tuple | ast.IfExp):
        inside = inside or not isinstance(parent, ast.IfExp)
        parent = parents.get(parent)
    if not isinstance(parent, ast.Return):
        return False
    return inside or isinstance(offered.function, ast.AsyncFunctionDef)


# A loop that is started in another, or expected where there is none.


def _loops(
    rule: Rule, module: Module, target: Target, components: dict[Function, Component]
) -> Iterator[Finding]:
    for name in (
        "run",
        "run_until_complete",
        "get_event_loop",
        "get_running_loop",
        "create_task",
        "ensure_future",
    ):
        for seen in module.calls.get(name, ()):
            if not seen.region.guards & {"handler", "typing", "caught"}:
                yield from _loop(rule, module, target, seen, components)


def _loop(
    rule: Rule, module: Module, target: Target, seen: Seen, components: dict[Function, Component]
) -> Iterator[Finding]:
    meant = module.meaning(seen.node.func, seen.region) or ""
    scope = seen.region.scope.node
    offered = components.get(scope) if isinstance(scope, ast.FunctionDef) else None
    inside = _may_await(module, seen.region)  # in a running loop
    threaded = offered is not None and target.fastmcp >= (3,) and not _in_the_loop(offered)
    inside = inside or (offered is not None and not threaded)
    runs_server = meant == f"{SERVER}.run"
    if meant == "asyncio.run" and seen.node.args and _runs_server(module, seen.node.args[0], seen.region):
        inner = seen.node.args[0]
        assert isinstance(inner, ast.Call)
        assert isinstance(inner.func, ast.Attribute)
        yield rule.at(
            module,
            seen.node,
            "run() is no async method: it has served and come back with None when asyncio.run gets that",
            f"Write asyncio.run({ast.unparse(inner.func)}_async(...)), or {ast.unparse(inner.func)}(...) "
            f"alone.",
            edits=[rename(module, inner.func, "run_async")],
        )
    elif inside and (meant in LOOP_STARTERS or runs_server):
        if _is_tried(module, seen):
            return
        told = LOOP_STARTERS.get(meant, LOOP_STARTERS["anyio.run"])
        called = ast.unparse(seen.node.func)
        where = f"{seen.region.function.name}()" if seen.region.function else "a notebook's cell"
        yield rule.at(
            module,
            seen.node,
            f"{called}() starts a loop in {where}, where one is running: {told!r}",
            f"Write await {called}_async(...)." if runs_server else f"Write await {_given(seen.node)}.",
            edits=_run_async(module, seen) if runs_server else _await_argument(module, seen),
        )
    elif inside and seen.node.args and _is_loop(module, seen) and not _is_tried(module, seen):
        yield rule.at(
            module,
            seen.node,
            "run_until_complete() waits for a loop that is running, and runs this very code",
            f"Write await {ast.unparse(seen.node.args[0])}.",
        )
    elif threaded and meant in NEEDS_LOOP and offered is not None:
        if _is_tried(module, seen) or "set_event_loop" in module.calls:
            return
        yield rule.at(
            module,
            seen.node,
            f"{meant}() looks for a loop, and {offered.function.name}() runs in a thread that has none",
            f"Write async def {offered.function.name}(...) and await what it calls; in a sync one "
            f"asyncio.run(...) "
            "works.",
        )


def _in_the_loop(component: Component) -> bool:
    """Is it a sync function that FastMCP calls in the loop's own thread?"""
    keywords = component.call.keywords if component.call is not None else []
    return any(keyword.arg in ("run_in_thread", None) for keyword in keywords)


def _runs_server(module: Module, node: ast.expr, region: Region) -> bool:
    return isinstance(node, ast.Call) and module.meaning(node.func, region) == f"{SERVER}.run"


def _run_async(module: Module, seen: Seen) -> list[Edit]:
    """mcp.run(...) as await mcp.run_async(...)."""
    assert isinstance(seen.node.func, ast.Attribute)
    renamed = [rename(module, seen.node.func, "run_async")]
    if isinstance(seen.parent, ast.Await):
        return renamed
    return [insert(module, seen.node, "await "), *renamed] if isinstance(seen.parent, ast.Expr) else []


def _await_argument(module: Module, seen: Seen) -> list[Edit]:
    """asyncio.run(f()) as await f()."""
    call = seen.node
    plain = len(call.args) == 1 and not call.keywords and call.lineno == call.end_lineno
    if not plain or isinstance(seen.parent, ast.Attribute | ast.Subscript | ast.Await):
        return []
    whole, inner = place_of(module, call), place_of(module, call.args[0])
    return [
        Edit(whole.line, whole.column, inner.line, inner.column, "await "),
        Edit(inner.end_line, inner.end_column, whole.end_line, whole.end_column, ""),
    ]


def _given(call: ast.Call) -> str:
    return ast.unparse(call.args[0]) if call.args else "..."


def _is_loop(module: Module, seen: Seen) -> bool:
    function = seen.node.func
    owner = function.value if isinstance(function, ast.Attribute) else None
    kinds = [f"asyncio.{name}_event_loop()" for name in ("get", "new")]
    meant = module.meaning(owner, seen.region)
    return getattr(function, "attr", "") == "run_until_complete" and (
        meant in kinds or meant == "asyncio.get_running_loop()"
    )


def _is_tried(module: Module, seen: Seen) -> bool:
    """Does the code deal with a loop that is there, or is not?"""
    body: ast.AST = seen.region.function or module.tree
    for node in ast.walk(body):
        if isinstance(node, ast.Try) and any(part is seen.node for s in node.body for part in ast.walk(s)):
            return True
        if isinstance(node, ast.Attribute) and node.attr == "is_running":
            return True
    return False


# A call that stops the loop.


def _blocks(rule: Rule, module: Module, components: dict[Function, Component]) -> Iterator[Finding]:
    for name in BLOCKING_NAMES & module.calls.keys():
        for seen in module.calls[name]:
            scope = seen.region.scope.node
            if not isinstance(scope, ast.AsyncFunctionDef) or scope not in components:
                continue
            meant = module.meaning(seen.node.func, seen.region) or ""
            if meant in BLOCKING:
                yield rule.at(
                    module,
                    seen.node,
                    f"{meant}() stops the loop of {scope.name}(), and with it every client of the server",
                    f"Write {BLOCKING[meant]}, or make {scope.name}() a plain def: those run in threads.",
                    unfixed="an async function may be awaited by others",
                )


AWAITING = Rule(
    code="MCP002",
    name="not-awaited",
    line="Async and sync code are mixed up",
    happens=(
        "It depends on what is mixed up. `await` in a plain def: 'SyntaxError: 'await' outside async "
        "function'. Awaiting a sync function: 'TypeError: object str can't be used in 'await' "
        "expression'. A coroutine in what a tool returns: 'ToolError: Could not serialize the return "
        "value of tool ... Unable to serialize unknown type: <class 'coroutine'>'. ctx.info(...) "
        "without await: nothing, but for 'RuntimeWarning: coroutine 'Context.info' was never "
        "awaited'. asyncio.run() in an async tool: 'asyncio.run() cannot be called from a running "
        "event loop'; mcp.run() in an async function: 'Already running asyncio in this thread'; "
        "asyncio.run(mcp.run()): 'ValueError: a coroutine was expected, got None', when the server "
        "ends. A loop that is looked for in a sync tool: 'no running event loop', or 'There is no "
        "current event loop in thread 'AnyIO worker thread''. time.sleep() in an async tool: every "
        "client waits."
    ),
    why=(
        "Calling an async function only makes a coroutine, and await runs it, in the one loop that "
        "serves all clients. FastMCP awaits async tools in that loop, and runs sync ones in threads, "
        "which have none."
    ),
    fix="Await what is async, in functions that are async def; leave sync what blocks.",
    links=(
        f"{DOCS}/servers/tools",
        "https://docs.python.org/3/library/asyncio-dev.html#detect-never-awaited-coroutines",
    ),
    find=_awaiting,
    running=True,
)

RULES = (AWAITING,)
