"""MCP025: what runs from a server's start to its end."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from mcp_workbench.findings import Edit, Finding
from mcp_workbench.rules.module import GUARDED, Function, Module, Origin, Region, keywords, own_nodes
from mcp_workbench.rules.rule import DOCS, Rule, Target, insert, place_of

MANAGER = "contextlib.asynccontextmanager"
LIFESPAN = "fastmcp.server.lifespan.lifespan"
# What belongs to one caller: a single value of it for the whole server is everybody's.
CALLERS = frozenset(
    {
        "session",
        "session_id",
        "session_data",
        "session_state",
        "user",
        "user_id",
        "user_data",
        "user_session",
        "current_user",
        "cart",
        "basket",
        "conversation",
        "conversation_id",
        "chat_history",
    }
)
EMPTY = ("list", "dict", "set", "defaultdict", "deque", "uuid4", "uuid1", "token_hex", "token_urlsafe")


def _lifespans(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    judged: set[ast.AST] = set()
    for call, _, region in module.calls_of("FastMCP"):
        given = keywords(call).get("lifespan")
        if given is None or region.guards & GUARDED:
            continue
        if module.meaning(call, region) != "fastmcp.FastMCP()" or not module.is_library_class(call, region):
            continue
        value = given.value
        called = module.origin(value.func, region) if isinstance(value, ast.Call) else None
        if called and isinstance(called.node, ast.FunctionDef | ast.AsyncFunctionDef):
            if _decorated(called) == MANAGER:
                what = f"lifespan= is given what {called.node.name}() gives, not the function"
                yield rule.at(module, value, what, f"Write lifespan={called.node.name}.")
            continue
        found = module.origin(value, region) if isinstance(value, ast.Name | ast.Attribute) else None
        if found is None or not isinstance(found.node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if found.node not in judged and found.region.scope.node.__class__ is not ast.ClassDef:
            judged.add(found.node)
            yield from _judged(rule, module, given, found, found.node)


def _decorated(found: Origin) -> str | None:
    """What decorates a lifespan: "" for nothing, None for what is not known."""
    decorators = getattr(found.node, "decorator_list", [])
    meant = [found.module.meaning(decorator, found.region) for decorator in decorators]
    return (meant[0] if len(meant) == 1 else None) if meant else ""


def _judged(
    rule: Rule, module: Module, given: ast.keyword, found: Origin, function: Function
) -> Iterator[Finding]:
    here = found.module is module
    decorator = _decorated(found)
    at: ast.AST = function if here else given.value
    if decorator is None or decorator not in ("", MANAGER, LIFESPAN, "contextlib.contextmanager"):
        return  # not known to be what it seems
    shape = _shape(function, decorator)
    if shape:
        edits = _managed(module, function, found.region) if here and shape == _BARE else []
        do = f"Write @asynccontextmanager above async def {function.name}(server), which yields once."
        unfixed = "" if edits else "what it is to open and close, only you know"
        yield rule.at(module, at, f"{function.name} {shape}", do, edits, unfixed)
    number = _parameters(function)
    if number is not None and (not shape or shape == _BARE):
        what = f"{function.name} takes {number}, and is called with the server"
        edits = _with_server(module, function) if here else []
        yield rule.at(module, at, what, f"Write async def {function.name}(server).", edits)
    if not shape:
        yield from _of_one_caller(rule, module, given, found, function)


_BARE = "is an async generator, and no context manager"


def _shape(function: Function, decorator: str) -> str:
    """What keeps a function from being a lifespan."""
    yields = any(isinstance(n, ast.Yield) for n in own_nodes(function))
    is_async = isinstance(function, ast.AsyncFunctionDef)
    if not decorator:
        if is_async:
            return _BARE if yields else "is a coroutine function, and no context manager"
        return "is a generator, and no context manager" if yields else ""  # it may give a context manager
    if decorator == "contextlib.contextmanager":
        return "is a context manager for `with`, not for `async with`"
    if is_async and not yields:
        return "never yields"
    return "is not async" if not is_async and yields else ""


def _parameters(function: Function) -> str | None:
    """How many parameters a lifespan has, where a server alone does not fit them."""
    a = function.args
    positional = [*a.posonlyargs, *a.args]
    needed = len(positional) - len(a.defaults)
    named = [p.arg for p, d in zip(a.kwonlyargs, a.kw_defaults, strict=True) if d is None]
    if named:
        return f"{', '.join(named)} by name"
    if not positional and not a.vararg:
        return "no parameters"
    return f"{needed} parameters" if needed > 1 else None


def _managed(module: Module, function: Function, region: Region) -> list[Edit]:
    """@asynccontextmanager above the function, and its import."""
    name = ""
    edits: list[Edit] = []
    for local, bound in module.scope.names.items():
        origin = bound[0].what if len(bound) == 1 and bound[0].how == "import" else None
        if origin == MANAGER or (origin == "contextlib" and not name):
            name = local if origin == MANAGER else f"{local}.asynccontextmanager"
    if not name:
        at_top = (n for n, region in module.imports if region.scope is module.scope)
        others = (n for n in at_top if getattr(n, "module", "") != "__future__")
        first = min(others, key=lambda n: n.lineno, default=None)
        if first is None or first.col_offset or "asynccontextmanager" in module.scope.names:
            return []
        name, edits = (
            "asynccontextmanager",
            [insert(module, first, "from contextlib import asynccontextmanager\n")],
        )
    indent = " " * place_of(module, function).column
    return [*edits, insert(module, function, f"@{name}\n{indent}")]


def _with_server(module: Module, function: Function) -> list[Edit]:
    """A parameter for the server, where nobody else calls the function."""
    line = module.lines[function.lineno - 1]
    found = re.search(rf"\bdef\s+{function.name}\s*\((?=\s*\))", line)
    if not found or function.name in module.calls:
        return []
    return [Edit(function.lineno, found.end(), function.lineno, found.end(), "server")]


def _of_one_caller(
    rule: Rule, module: Module, given: ast.keyword, found: Origin, function: Function
) -> Iterator[Finding]:
    """What a lifespan yields under a name that belongs to one caller."""
    for node in own_nodes(function):
        if not isinstance(node, ast.Yield) or not isinstance(node.value, ast.Dict):
            continue
        for key, value in zip(node.value.keys, node.value.values, strict=True):
            name = key.value if isinstance(key, ast.Constant) else None
            inner = found.module.regions[function]
            if isinstance(name, str) and name in CALLERS and _is_begun(found.module, value, inner):
                yield rule.at(
                    module,
                    value if found.module is module else given.value,
                    f'there is one "{name}" for the whole server: all clients share it',
                    "Keep it for each caller: SessionId or UserSession as a parameter of the tool, with "
                    "SessionProvider(); the lifespan is for what all of them may share.",
                    unfixed="whose it is, and how long it is kept, is for you to say",
                )


def _is_begun(module: Module, node: ast.AST, region: Region) -> bool:
    """Is it something empty that is to be filled, or a new identifier?"""
    found = module.origin(node, region)
    value = found.node if found else node
    if isinstance(value, ast.List | ast.Set):
        return not value.elts
    if isinstance(value, ast.Dict):
        return not value.keys or any(_is_begun(module, inner, region) for inner in value.values)
    if isinstance(value, ast.Call):
        name = getattr(value.func, "attr", getattr(value.func, "id", ""))
        if name == "str" and len(value.args) == 1:
            return _is_begun(module, value.args[0], region)
        return name in EMPTY and (not value.args or name in ("defaultdict", "token_hex", "token_urlsafe"))
    return isinstance(value, ast.Attribute) and value.attr == "hex" and _is_begun(module, value.value, region)


SHAPE = Rule(
    code="MCP025",
    name="lifespan-of-the-server",
    line="A lifespan is no async context manager, or holds what is one caller's",
    happens=(
        "No client can connect: \"Client failed to connect: 'builtins.async_generator' object does not "
        "support the asynchronous context manager protocol\", or 'opening() takes 0 positional arguments but "
        "1 was given'. A session, a user or a basket that the lifespan yields is shared in silence: the "
        "second reader finds the books of the first."
    ),
    why=(
        "A lifespan runs once for the whole server, not for each client: FastMCP calls it with the server, "
        "and enters what it gives with `async with`."
    ),
    fix=(
        "Write @asynccontextmanager over async def opening(server) with one yield, for what all may share; "
        "keep what belongs to a caller in SessionId or UserSession."
    ),
    links=(f"{DOCS}/servers/lifespan", f"{DOCS}/servers/context"),
    find=_lifespans,
)

RULES = (SHAPE,)
