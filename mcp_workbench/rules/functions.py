"""MCP002 to MCP006: what a function must be like to be offered by a server, and how it calls others."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Iterator
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
    Seen,
    is_none,
    own_nodes,
)
from mcp_workbench.rules.rule import DOCS, Rule, Target, insert, place_of, rename

OFFERED = frozenset({"tool", "resource", "prompt"})


class Parameter(NamedTuple):
    """A parameter of a component, with its default (None: it has none) and where its annotation stands."""

    node: ast.arg
    default: ast.expr | None
    region: Region

    @property
    def name(self) -> str:
        return self.node.arg


def outside(module: Module, component: Component) -> Region:
    """The region in which a component's annotations, defaults and decorators are written."""
    scope = component.region.scope.parent
    return Region(scope if scope is not None else module.scope)


def parameters(module: Module, component: Component) -> list[Parameter]:
    """What the function takes by name."""
    arguments, region = component.function.args, outside(module, component)
    placed = [*arguments.posonlyargs, *arguments.args]
    first = [None] * (len(placed) - len(arguments.defaults))
    defaults = [*first, *arguments.defaults, *arguments.kw_defaults]
    pairs = zip([*placed, *arguments.kwonlyargs], defaults, strict=True)
    found = [Parameter(node, default, region) for node, default in pairs]
    return found[1:] if found and region.scope.is_class and found[0].name in ("self", "cls") else found


def intact(component: Component) -> bool:
    """Does the server get the function as it is written, and not what a decorator made of it?"""
    decorators = component.function.decorator_list
    if component.register not in decorators:
        return not decorators
    below = decorators[decorators.index(component.register) + 1 :]
    return not below


def offered(module: Module) -> Iterator[Component]:
    """The components, without those that are registered where a failure is expected, as tests do."""
    tried = {"caught", "handler"}
    expected = {node for node, region in module.functions if region.guards & tried}
    for component in module.components():
        name = getattr(component.call.func, "attr", "") if component.call is not None else ""
        called = (seen for seen in module.calls.get(name, ()) if seen.node is component.register)
        decorates = component.register in component.function.decorator_list
        if component.function in expected or (
            not decorates and any(seen.region.guards & tried for seen in called)
        ):
            continue
        yield component


def injected(module: Module, parameter: Parameter) -> bool | None:
    """Does the server fill the parameter in? None where that is not certain."""
    annotation = parameter.node.annotation
    if module.annotated(annotation, parameter.region) == "fastmcp.Context":
        return True
    calls = [parameter.default, *_metadata(module, annotation, parameter.region)]
    meanings = [module.meaning(call.func, parameter.region) for call in calls if isinstance(call, ast.Call)]
    if not meanings:
        return False
    if all(meant in ("pydantic.Field", "pydantic.fields.Field") for meant in meanings):
        return False
    return True if any((meant or "").endswith(("Depends", "CurrentContext")) for meant in meanings) else None


def _metadata(module: Module, annotation: ast.expr | None, region: Region) -> list[ast.expr]:
    """What stands behind the type in Annotated[type, ...]."""
    if not isinstance(annotation, ast.Subscript) or not isinstance(annotation.slice, ast.Tuple):
        return []
    annotated = module.meaning(annotation.value, region) == "typing.Annotated"
    return annotation.slice.elts[1:] if annotated else []


def literal(module: Module, node: ast.AST | None, region: Region) -> str | None:
    """The text that an expression is: written there, or in a constant of the file."""
    found: ast.AST | str | None = node
    if isinstance(node, ast.Name):
        bindings = module.bindings(node.id, region.scope)
        found = bindings[0].what if len(bindings) == 1 and bindings[0].how == "value" else None
    return found.value if isinstance(found, ast.Constant) and isinstance(found.value, str) else None


def address(component: Component) -> ast.expr | None:
    """The URI that a resource is registered with, as it is written."""
    call = component.call
    if component.kind != "resource" or call is None:
        return None
    named = [keyword.value for keyword in call.keywords if keyword.arg == "uri"]
    return next(iter(call.args or named), None)


# MCP002 -------------------------------------------------------------------------------------------------

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


# MCP003 -------------------------------------------------------------------------------------------------

ONLY_OF_CONTEXT = frozenset({"report_progress", "elicit", "request_context", "lifespan_context"})
OF_CONTEXT = ONLY_OF_CONTEXT | {
    *("info", "debug", "warning", "error", "log", "read_resource", "get_prompt", "list_resources"),
    *("list_prompts", "get_state", "set_state", "delete_state", "send_notification", "session_id"),
    *("request_id", "client_id", "fastmcp", "session", "sample", "list_roots", "get_http_request"),
}
OTHER_CONTEXTS = {
    "contextvars.Context": "contextvars",
    "decimal.Context": "decimal",
    "click.Context": "click",
    "typer.Context": "typer",
    "mcp.server.mcpserver.Context": "the MCP SDK",
    "mcp.server.mcpserver.server.Context": "the MCP SDK",
    "mcp.server.mcpserver.context.Context": "the MCP SDK",
}


def mistaken(module: Module, component: Component, parameter: Parameter) -> str:
    """Why a parameter that is to be the context is none; "" where it is one, or is meant to be something "
    "else."""
    annotation, region, name = parameter.node.annotation, parameter.region, parameter.name
    if annotation is None:
        if parameter.default is not None and not is_none(parameter.default):
            return ""
        named = name == "ctx" or _uses(
            module, component, name, OF_CONTEXT if name == "context" else ONLY_OF_CONTEXT
        )
        return f"`{name}` has no annotation" if named else ""
    inner = _quoted(annotation)
    if isinstance(inner, ast.Name):
        meant = module.annotated(annotation, region)
        bindings = module.bindings(inner.id, region.scope)
        if not bindings and inner.id == "Context" and not _any_name(module):
            return f"`{name}` is a Context, which nothing imports"
        hidden = bindings and all("typing" in binding.region.guards for binding in bindings)
        if hidden and meant == "fastmcp.Context":
            return f"`{name}` is a Context, which is imported only under TYPE_CHECKING"
        if (
            not bindings
            and inner.id in ("object", "dict", "str")
            and _uses(module, component, name, ONLY_OF_CONTEXT)
        ):
            return f"`{name}` is annotated as {inner.id}"
    meant = module.annotated(annotation, region) or ""
    if meant == "typing.Any" and _uses(module, component, name, ONLY_OF_CONTEXT):
        return f"`{name}` is annotated as Any"
    if meant in OTHER_CONTEXTS:
        return f"`{name}` is a Context of {OTHER_CONTEXTS[meant]}, which is another class"
    return ""


def _consequence(component: Component, why: str) -> str:
    if "import" in why or ("another class" in why and "SDK" not in why):
        return "so the server cannot be imported"
    if component.kind == "resource":
        return "so it would have to be in the address"
    return f"so it is one of the {component.kind}'s arguments and not FastMCP's context"


def _quoted(annotation: ast.expr) -> ast.expr:
    """An annotation that is a text, as an expression."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return ast.Name(annotation.value, ast.Load()) if annotation.value.isidentifier() else annotation
    return annotation


def _any_name(module: Module) -> bool:
    """May the file have names that cannot be read in it?"""
    stars = any(alias.name == "*" for node, _ in module.imports for alias in node.names)
    return stars or module.outer is not None or module.notebook


def _uses(module: Module, component: Component, name: str, attributes: frozenset[str]) -> bool:
    return any(
        seen.region.function is component.function
        and isinstance(seen.node.value, ast.Name)
        and seen.node.value.id == name
        for attribute in attributes & module.attributes.keys()
        for seen in module.attributes[attribute]
    )


def _no_context(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    for component in offered(module):
        if component.kind not in OFFERED or not intact(component):
            continue
        for parameter in parameters(module, component):
            why = mistaken(module, component, parameter)
            if why:
                function = component.function.name
                yield rule.at(
                    module,
                    parameter.node,
                    f"{why}, {_consequence(component, why)}",
                    f"Write {function}({parameter.name}: Context), and from fastmcp import Context on top.",
                    unfixed="the parameter would go from what clients see of it",
                )


NO_CONTEXT = Rule(
    code="MCP003",
    name="context-not-injected",
    line="A parameter that is to be the context is an argument of the tool",
    happens=(
        "There is no error when the server starts: the parameter becomes a required argument of the "
        "tool. A call without it: 'ToolError: 1 validation error for call[lend] ctx Missing required "
        "argument [type=missing_argument]'; a model that fills it in causes ''str' object has no "
        "attribute 'report_progress''. With contextvars.Context the import fails: "
        "'PydanticSchemaGenerationError: Unable to generate pydantic-core schema for <class "
        "'_contextvars.Context'>'; with an import under TYPE_CHECKING only: 'NameError: name "
        "'Context' is not defined'; in a resource: 'ValueError: URI template must contain at least "
        "one parameter'."
    ),
    why=(
        "FastMCP fills a parameter in by its annotation, fastmcp.Context. The name does not matter, "
        "and annotations are looked up while the server starts."
    ),
    fix="Write from fastmcp import Context, and annotate the parameter: ctx: Context.",
    links=(f"{DOCS}/servers/context",),
    find=_no_context,
    running=True,
)


# MCP004 -------------------------------------------------------------------------------------------------

SCHEME = re.compile(r"(?:[A-Za-z]|\{[\w-]+\})(?:[A-Za-z0-9+.-]|\{[\w-]+\})*:")
BEFORE_ANY_SCHEME = re.compile(r"[A-Za-z0-9+.-]*[^A-Za-z0-9+.:-]")
HOST_ONLY = re.compile(r"file://(?!localhost)([^/{}]+|\{[\w-]+\})")


def _no_scheme(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    for component in offered(module):
        if component.kind != "resource":
            continue
        if component.call is None:
            yield rule.at(
                module,
                component.register,
                "`@resource` without an address",
                f'Write @mcp.resource("data://{component.function.name}").',
            )
            continue
        node = address(component)
        uri = literal(module, node, outside(module, component))
        if node is not None and uri is not None and not SCHEME.match(uri):
            yield rule.at(
                module, node, *_what_scheme(uri), unfixed="clients know the resource by its address"
            )
        elif isinstance(node, ast.JoinedStr) and node.values and isinstance(node.values[0], ast.Constant):
            start = str(node.values[0].value)
            if BEFORE_ANY_SCHEME.match(start):
                yield rule.at(
                    module, node, *_what_scheme(start), unfixed="clients know the resource by its address"
                )
        elif node is not None and uri is not None and HOST_ONLY.fullmatch(uri):
            yield rule.at(
                module,
                node,
                f"in {uri!r} the name behind file:// is a host, not a file",
                f"Write file:///{uri.removeprefix('file://').rstrip('/')}: a path begins with a slash.",
                unfixed="clients know the resource by its address",
            )


def _what_scheme(uri: str) -> tuple[str, str]:
    scheme, colon, rest = uri.partition("://")
    spelled = re.sub(r"[^A-Za-z0-9+.-]", "-", scheme).strip("-")
    if colon and re.match(r"[A-Za-z]", spelled):
        return (
            f"{scheme!r} is no scheme: those have letters, digits, + . and -",
            f"Write {f'{spelled}://{rest}'!r}.",
        )
    return f"the address {uri!r} has no scheme", f"Give it one, such as {'data://' + uri.lstrip(':/')!r}."


NO_SCHEME = Rule(
    code="MCP004",
    name="resource-without-scheme",
    line="A resource's address has no scheme",
    happens=(
        "The import fails: pydantic's 'ValidationError: ... Input should be a valid URL, relative URL "
        "without a base [type=url_parsing, input_value='config']'. A template ('users/{user_id}') is "
        "accepted and listed, and can never be read: 'ValueError: Provided resource URI is invalid: "
        "'users/7''. A scheme with an underscore is none. Without any address: 'TypeError: The "
        "@resource decorator was used incorrectly. It requires a URI as the first argument.' In "
        "file://hours.txt the name is a host: the resource is listed as file://hours.txt/, and a "
        "template file://{name} is never found."
    ),
    why=(
        "A resource is found by its URI, and a URI starts with a scheme: a letter, then letters, "
        "digits, + . - and a colon."
    ),
    fix=(
        "Write data://config, or another scheme that says what it is; a file's path has three "
        "slashes, file:///srv/hours.txt."
    ),
    links=(f"{DOCS}/servers/resources",),
    find=_no_scheme,
)


# MCP005 -------------------------------------------------------------------------------------------------

PLACEHOLDER = re.compile(r"\{([\w-]+)\*?\}")
QUERY = re.compile(r"\{\?([^}]+)\}")
SCALARS = frozenset({"str", "int", "float", "bool"})


class Template(NamedTuple):
    """An address and the function that serves it."""

    uri: str
    path: tuple[str, ...]
    query: tuple[str, ...]
    sure: dict[str, Parameter]  # parameters that an address must or may fill in
    perhaps: frozenset[str]  # parameters of which it is not known whether the server fills them in
    others: bool  # does the function take **kwargs?
    function: str

    def required(self) -> list[str]:
        """Parameters without a default."""
        return [name for name, parameter in self.sure.items() if parameter.default is None]


def _template_mismatch(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    for component in offered(module):
        node = address(component)
        uri = literal(module, node, outside(module, component))
        if node is None or uri is None or not intact(component):
            continue
        problem = _of_signature(component, uri)
        template = _template(module, component, uri)
        if problem is None and template is not None:
            problem = _mismatch(module, template) or _never_matches(template)
        if problem is not None:
            yield rule.at(
                module,
                node,
                *problem,
                unfixed="which of the two is right, the address or the function, is not said",
            )


def _template(module: Module, component: Component, uri: str) -> Template | None:
    sure: dict[str, Parameter] = {}
    perhaps = set()
    for parameter in parameters(module, component):
        if mistaken(module, component, parameter):
            return None  # MCP003 speaks of it
        known = injected(module, parameter)
        if known is None:
            perhaps.add(parameter.name)
        elif not known:
            sure[parameter.name] = parameter
    query = QUERY.search(uri)
    return Template(
        uri,
        tuple(PLACEHOLDER.findall(uri)),
        tuple(name.strip() for name in query[1].split(",")) if query else (),
        sure,
        frozenset(perhaps),
        component.function.args.kwarg is not None,
        component.function.name,
    )


def _of_signature(component: Component, uri: str) -> tuple[str, str] | None:
    """What no function that serves a template may have."""
    arguments, name = component.function.args, component.function.name
    if arguments.vararg is not None:
        return (
            f"{name}() takes *{arguments.vararg.arg}, and a template fills parameters in by name",
            f"Write the parameters of {name}() one by one.",
        )
    if arguments.posonlyargs and "{" in uri:
        first = arguments.posonlyargs[0].arg
        return (
            f"{name}() takes `{first}` only by place, and a template fills parameters in by name",
            f"Leave out the / in {name}({first}, /).",
        )
    return None


def _mismatch(module: Module, it: Template) -> tuple[str, str] | None:
    """What FastMCP refuses when it makes the template, in its order."""
    named = {name.removesuffix("*").replace("-", "_"): name for name in (*it.query, *it.path)}
    if len(named) < len(set(it.path) | {name.removesuffix("*") for name in it.query}):
        return f"two parameters in {it.uri!r} are one in Python: - becomes _", "Rename one of them."
    if not named:
        return _no_parameter(it)
    query = [name.removesuffix("*").replace("-", "_") for name in it.query]
    for name in query:
        parameter = it.sure.get(name)
        if parameter is not None and _default(module, parameter) is False:
            return (
                f"`{name}` is in {{?...}}, where a client may leave it out, and {it.function}() requires it",
                f"Give it a default: {it.function}({name}=...).",
            )
        if parameter is not None and f"{name}*" in it.query and _is_scalar(parameter):
            return (
                f"`{{?{name}*}}` gives a list, and `{name}` of {it.function}() takes one value",
                f"Write {{?{name}}}, or annotate {name}: list[...].",
            )
    left = [n for n in it.required() if n not in named and _default(module, it.sure[n]) is False]
    extra = [name for name in named if name not in it.sure and name not in it.perhaps and not it.others]
    extra += [name for name in query if it.others and name not in it.sure and name not in it.perhaps]
    if left and extra:
        return (
            f"{_placeholders(extra, named)} in the address, and {_ticked(left)} in {it.function}(), are not "
            f"in both",
            f"Use one name in both: {{{left[0]}}} in the address, or {it.function}({extra[0]}).",
        )
    if left:
        return (
            f"{_ticked(left)} of {it.function}() is not in the address {it.uri!r}",
            f"Add {{{left[0]}}} to the address, or give {left[0]} a default.",
        )
    if extra:
        return (
            f"{_placeholders(extra, named)} is no parameter of {it.function}()",
            f"Write {it.function}({extra[0]}), or take {{{named[extra[0]]}}} out of the address.",
        )
    return None


def _default(module: Module, parameter: Parameter) -> bool | None:
    """Has it a default? None where that is not certain: Field(...) may have one."""
    if parameter.default is None:
        return False
    return None if isinstance(parameter.default, ast.Call) else True


def _no_parameter(it: Template) -> tuple[str, str] | None:
    if "{" in it.uri:
        odd = re.findall(r"\{[^}]*\}?", it.uri)[0]
        return (
            f"`{odd}` in the address is no placeholder",
            "Write {name}, {name*} for the rest of a path, or {?name} for a query: letters, digits, _ and - "
            "only.",
        )
    if not it.sure and not it.others:
        return None
    if it.sure:
        first = next(iter(it.sure))
        return (
            f"{it.function}() takes {_ticked(list(it.sure))}, and the address {it.uri!r} has no placeholder",
            f"Write {it.uri.rstrip('/') + '/{' + first + '}'!r}, or leave `{first}` out of {it.function}().",
        )
    return (
        f"{it.function}() takes **kwargs, and the address {it.uri!r} has no placeholder",
        f"Leave **kwargs out of {it.function}().",
    )


def _never_matches(it: Template) -> tuple[str, str] | None:
    """Templates that FastMCP accepts and lists, and that no address matches as it was meant."""
    groups = QUERY.findall(it.uri)
    rest = QUERY.sub("", it.uri)
    if not (it.path or it.query):
        return None
    if len(groups) > 1:
        names = ",".join(group.strip() for group in groups)
        return f"only the first {{?...}} of {it.uri!r} is read", f"Write {{?{names}}}."
    if "?" in rest:
        names = ",".join(re.findall(r"[?&][^{}]*\{([\w-]+)\}", it.uri))
        right = f"{rest.partition('?')[0]}{{?{names}}}" if names else rest.partition("?")[0]
        return (
            f"the ? in {it.uri!r} is taken as it stands, and no address matches it",
            f"Write {right!r}, and give the parameters of the query defaults.",
        )
    if "{&" in rest:
        return f"`{{&...}}` in {it.uri!r} is no placeholder", "Put all names into one {?first,second}."
    if len(set(it.path)) < len(it.path):
        return (
            f"{it.uri!r} has one placeholder twice, and no address matches it",
            "Give the second its own name.",
        )
    return None


def _is_scalar(parameter: Parameter) -> bool:
    annotation = parameter.node.annotation
    return isinstance(annotation, ast.Name) and annotation.id in SCALARS


def _ticked(names: Iterable[str]) -> str:
    return " and ".join(f"`{name}`" for name in names)


def _placeholders(names: Iterable[str], written: dict[str, str]) -> str:
    return " and ".join(f"`{{{written[name].removesuffix('*')}}}`" for name in names)


TEMPLATE_MISMATCH = Rule(
    code="MCP005",
    name="template-mismatch",
    line="A template's address and its function do not have the same parameters",
    happens=(
        "The import fails with a ValueError: 'Required function arguments {'id'} must be a subset of "
        "the URI path parameters {'user_id'}', 'URI parameters {'user_id'} must be a subset of the "
        "function arguments: set()', 'URI template must contain at least one parameter', or 'Query "
        "parameters {'limit'} must be optional function parameters with default values'. An address "
        "with a literal query, desk://search?text={text}, is accepted and listed, and never found: "
        "'Resource not found'."
    ),
    why=(
        "FastMCP calls the function with what it reads from the address, by name. A query is written "
        "{?name}, may be left out, and so needs a default."
    ),
    fix="Use the same names in the address and in the function: loan://{isbn} and def loan(isbn).",
    links=(f"{DOCS}/servers/resources#resource-templates",),
    find=_template_mismatch,
)


# MCP006 -------------------------------------------------------------------------------------------------

BUILT_IN = frozenset({"str", "int", "float", "bool", "bytes", "dict", "list", "set", "tuple", "frozenset"})
NOT_NONE = frozenset(
    {
        *("typing.List", "typing.Dict", "typing.Set", "typing.Tuple", "typing.Sequence", "typing.Mapping"),
        *("collections.abc.Sequence", "collections.abc.Mapping", "collections.abc.Iterable"),
        *("datetime.datetime", "datetime.date", "datetime.time", "datetime.timedelta", "uuid.UUID"),
        *("decimal.Decimal", "pathlib.Path"),
    }
)
# Literals that pydantic would not have taken for that type, had it looked.
REFUSED = {
    str: (int, float, bool, list, dict, tuple, set),
    int: (str, list, dict, tuple, set),
    float: (str, list, dict, tuple, set),
    bool: (list, dict, tuple, set, float),
    dict: (str, int, float, bool, list, tuple, set),
    list: (str, int, float, bool, dict),
}


def _wrong_default(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    for component in offered(module):
        if component.kind != "tool" or not intact(component):
            continue
        for parameter in parameters(module, component):
            annotation = parameter.node.annotation
            default = _written_default(module, parameter)
            if annotation is None or default is None or injected(module, parameter) is not False:
                continue
            if not _is_described_only(module, parameter):
                continue
            kind = _type_of(module, annotation, parameter.region)
            if is_none(default) and _takes_no_none(module, kind, parameter.region):
                yield rule.at(
                    module,
                    parameter.node,
                    f"`{parameter.name}` is {ast.unparse(kind)} and its default is None, which that is not",
                    f"Write {parameter.name}: {ast.unparse(kind)} | None = None.",
                    edits=[] if isinstance(annotation, ast.Constant) else [_or_none(module, kind)],
                    unfixed="the annotation is a text" if isinstance(annotation, ast.Constant) else "",
                )
            elif not is_none(default) and _is_refused(module, kind, default, parameter.region):
                yield rule.at(
                    module,
                    default,
                    f"`{parameter.name}` is {ast.unparse(kind)} and its default {ast.unparse(default)} is "
                    f"not",
                    f"Give `{parameter.name}` a default that is {ast.unparse(kind)}, or annotate what it is.",
                    unfixed="which of the two was meant, the annotation or the default, is not said",
                )


def _is_described_only(module: Module, parameter: Parameter) -> bool:
    """Is the type only described? A validator in Annotated[...] may take what the type does not."""
    metadata = _metadata(module, parameter.node.annotation, parameter.region)
    return all(isinstance(item, ast.Call | ast.Constant) for item in metadata)


def _written_default(module: Module, parameter: Parameter) -> ast.expr | None:
    """The default: of x: int = Field(3) or Field(default=3), too."""
    default = parameter.default
    if not isinstance(default, ast.Call):
        return default
    if module.meaning(default.func, parameter.region) not in ("pydantic.Field", "pydantic.fields.Field"):
        return None
    named = [keyword.value for keyword in default.keywords if keyword.arg == "default"]
    found = next(iter([*default.args[:1], *named]), None)
    return None if isinstance(found, ast.Constant) and found.value is Ellipsis else found


def _type_of(module: Module, annotation: ast.expr, region: Region) -> ast.expr:
    """The type in Annotated[type, ...], else the annotation itself."""
    if _metadata(module, annotation, region) and isinstance(annotation, ast.Subscript):
        inner = annotation.slice
        return inner.elts[0] if isinstance(inner, ast.Tuple) else annotation
    return annotation


def _takes_no_none(module: Module, kind: ast.expr, region: Region) -> bool:
    """Is it certain that None is not of this type?"""
    if isinstance(kind, ast.Constant):
        return kind.value in BUILT_IN and not module.bindings(kind.value, region.scope)
    if isinstance(kind, ast.BinOp) and isinstance(kind.op, ast.BitOr):
        return all(_takes_no_none(module, side, region) for side in (kind.left, kind.right))
    if isinstance(kind, ast.Subscript):
        outer = module.meaning(kind.value, region)
        inner = kind.slice.elts if isinstance(kind.slice, ast.Tuple) else [kind.slice]
        if outer == "typing.Literal":
            return all(isinstance(value, ast.Constant) and value.value is not None for value in inner)
        if outer == "typing.Union":
            return all(_takes_no_none(module, side, region) for side in inner)
        return _takes_no_none(module, kind.value, region)
    if isinstance(kind, ast.Name) and not module.bindings(kind.id, region.scope):
        return kind.id in BUILT_IN
    return module.meaning(kind, region) in NOT_NONE or _is_model(module, kind, region)


def _is_model(module: Module, kind: ast.expr, region: Region) -> bool:
    """Is it a pydantic model or an enumeration of this file?"""
    bindings = module.bindings(kind.id, region.scope) if isinstance(kind, ast.Name) else []
    node = bindings[0].what if len(bindings) == 1 else None
    if not isinstance(node, ast.ClassDef) or any(
        "__get_pydantic" in str(getattr(s, "name", "")) for s in node.body
    ):
        return False
    bases = [module.meaning(base, bindings[0].region) for base in node.bases]
    return any(base in ("pydantic.BaseModel", "enum.Enum", "enum.StrEnum") for base in bases)


def _or_none(module: Module, kind: ast.expr) -> Edit:
    place = place_of(module, kind)
    return Edit(place.end_line, place.end_column, place.end_line, place.end_column, " | None")


def _is_refused(module: Module, kind: ast.expr, default: ast.expr, region: Region) -> bool:
    if isinstance(kind, ast.Subscript) and module.meaning(kind.value, region) == "typing.Literal":
        inner = kind.slice.elts if isinstance(kind.slice, ast.Tuple) else [kind.slice]
        values = [value.value for value in inner if isinstance(value, ast.Constant)]
        whole = len(values) == len(inner) and isinstance(default, ast.Constant)
        return whole and isinstance(default, ast.Constant) and default.value not in values
    name = kind.value if isinstance(kind, ast.Subscript) else kind
    if not isinstance(name, ast.Name) or module.bindings(name.id, region.scope):
        return False
    wanted = getattr(builtins, name.id, None)
    given = _literal_type(default)
    return given is not None and isinstance(wanted, type) and given in REFUSED.get(wanted, ())


def _literal_type(node: ast.expr) -> type | None:
    if isinstance(node, ast.Constant):
        return type(node.value)
    displays = {ast.List: list, ast.Dict: dict, ast.Tuple: tuple, ast.Set: set, ast.JoinedStr: str}
    return displays.get(type(node))


WRONG_DEFAULT = Rule(
    code="MCP006",
    name="default-is-not-the-type",
    line="A tool's default is not of the type that it is annotated with",
    happens=(
        "A client that sends the default back, as the schema says ('default': null), gets 'ToolError: "
        "1 validation error for call[search] filters Input should be a valid dictionary "
        '[type=dict_type, input_value=None]\'. Another wrong default (limit: int = "ten") reaches the '
        "function as it is: a call without the argument works with a text where a number was "
        "promised."
    ),
    why=(
        "Arguments are checked against the annotation, defaults are not; the schema that clients see "
        "has both."
    ),
    fix="Write filters: dict | None = None, or a default of the type.",
    links=(f"{DOCS}/servers/tools#optional-arguments",),
    find=_wrong_default,
)


RULES = (AWAITING, NO_CONTEXT, NO_SCHEME, TEMPLATE_MISMATCH, WRONG_DEFAULT)
