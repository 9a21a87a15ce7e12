"""MCP018, MCP019: the order of middleware, and what a middleware's hooks must be like."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mcp_workbench.findings import Edit, Finding
from mcp_workbench.rules.module import (
    GUARDED,
    Binding,
    DefinedClass,
    Function,
    Module,
    Region,
    Seen,
    is_open,
    keywords,
    own_nodes,
)
from mcp_workbench.rules.rule import DOCS, Rule, Target, edit, insert

BUILT_IN = "fastmcp.server.middleware."
LIMITERS = ("RateLimitingMiddleware", "SlidingWindowRateLimitingMiddleware")
# The hooks for what one request asks; ResponseCachingMiddleware answers these (and lists) from its store.
ASKED = ("on_call_tool", "on_read_resource", "on_get_prompt")
LISTS = ("on_list_tools", "on_list_resources", "on_list_resource_templates", "on_list_prompts")
ALL = ("__call__", "on_message", "on_request")
HOOKS = (*ALL, *ASKED, *LISTS, "on_notification", "on_initialize", "on_discover")
# Who asks, other than by a token: the cache keeps its answers apart by token alone.
CALLER = frozenset({"get_http_headers", "get_http_request", "client_id", "session_id"})


class _Added:
    """A middleware that a server is given."""

    def __init__(self, module: Module, node: ast.expr, region: Region) -> None:
        self.node = node
        meant = module.meaning(node, region) or ""
        self.kind = meant.rpartition(".")[2].removesuffix("()") if meant.startswith(BUILT_IN) else ""
        self.own: ast.ClassDef | None = None
        made = module.origin(node, region)
        if made and isinstance(made.node, ast.Call):
            called = made.module.origin(made.node.func, made.region)
            self.own = called.node if called and isinstance(called.node, ast.ClassDef) else None

    @property
    def name(self) -> str:
        return self.own.name if self.own else self.kind


def _order(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    for added in _stacks(module):
        for number, outer in enumerate(added):
            for inner in added[number + 1 :]:
                what, do = _harm(outer, inner)
                if what:
                    unfixed = "the order is for you to say, and lines may depend on each other"
                    yield rule.at(module, inner.node, what, do, unfixed=unfixed)


def _stacks(module: Module) -> Iterator[list[_Added]]:
    """What each server is given, outermost first: in its constructor, then by add_middleware."""
    later: dict[tuple[int, str, int], list[Seen]] = {}
    for seen in sorted(
        module.calls.get("add_middleware", ()), key=lambda s: (s.node.lineno, s.node.col_offset)
    ):
        call, _, region = seen
        server = call.func.value if isinstance(call.func, ast.Attribute) else None
        if (
            server
            and len(call.args) == 1
            and module.is_server(server, region)
            and not region.guards & GUARDED
        ):
            key = (id(region.scope), ast.unparse(server), len(_bound_before(module, server, region)))
            later.setdefault(key, []).append(seen)
    begun: set[ast.AST] = set()
    for calls in later.values():
        first = calls[0]
        assert isinstance(first.node.func, ast.Attribute)
        bound = _bound_before(module, first.node.func.value, first.region)
        value = bound[-1].what if bound else None
        made = module.origin(value, bound[-1].region) if isinstance(value, ast.AST) else None
        listed: list[_Added] = []
        if made and made.module is module and isinstance(made.node, ast.Call):
            begun.add(made.node)
            listed = _listed(module, made.node, made.region)
        yield [*listed, *(_Added(module, seen.node.args[0], seen.region) for seen in calls)]
    for call, _, region in module.calls_of("FastMCP"):
        if call not in begun and module.meaning(call, region) == "fastmcp.FastMCP()":
            yield _listed(module, call, region)


def _bound_before(module: Module, node: ast.expr, region: Region) -> list[Binding]:
    """The values that a name has been given before this line: each may be another server."""
    if not isinstance(node, ast.Name):
        return []
    bound = [b for b in module.bindings(node.id, region.scope) if isinstance(b.what, ast.expr)]
    places = [(b, (getattr(b.what, "lineno", 0), getattr(b.what, "col_offset", 0))) for b in bound]
    here = (node.lineno, node.col_offset)
    return [b for b, place in sorted(places, key=lambda pair: pair[1]) if place < here]


def _listed(module: Module, call: ast.Call, region: Region) -> list[_Added]:
    """FastMCP(middleware=[...])"""
    given = keywords(call).get("middleware")
    found = module.origin(given.value, region) if given else None
    if found is None or found.module is not module or not isinstance(found.node, ast.List | ast.Tuple):
        return []
    return [_Added(module, element, found.region) for element in found.node.elts]


def _harm(outer: _Added, inner: _Added) -> tuple[str, str]:
    """What surely goes wrong when one middleware stands outside of another."""
    if outer.kind in LIMITERS and inner.kind == "ErrorHandlingMiddleware":
        what = f"{inner.name} never sees the errors of {outer.name}, which is added before it"
        return what, f"Add {inner.name} first."
    if outer.kind == "ResponseCachingMiddleware" and inner.kind in LIMITERS:
        what = f"{inner.name} never sees what {outer.name} answers, which is added before it"
        return what, f"Add {inner.name} before {outer.name}."
    if outer.kind == "ResponseCachingMiddleware" and inner.own and _checks_caller(inner.own):
        what = f"{inner.name} is not asked about what {outer.name} answers, which is added before it"
        return what, f"Add {inner.name} before {outer.name}."
    return "", ""


def _checks_caller(node: ast.ClassDef) -> bool:
    """Does a middleware refuse callers by what the cache does not know them by?"""
    for hook in node.body:
        if isinstance(hook, ast.AsyncFunctionDef) and hook.name in (*ALL, *ASKED):
            inside = list(own_nodes(hook))
            names = {getattr(n, "attr", getattr(n, "id", "")) for n in inside}
            if names & CALLER and any(isinstance(n, ast.Raise) for n in inside):
                return True
    return False


ORDER = Rule(
    code="MCP018",
    name="middleware-in-the-wrong-order",
    line="A middleware hides its answers or errors from one that should see them",
    happens=(
        "Nothing is raised. With the cache outside of the rate limit, cached answers are not counted: 20 "
        "calls pass a limit of 9. With the cache outside of a check of who asks, whoever comes second gets "
        "the answer that was given to the first. With ErrorHandlingMiddleware inside of the rate limit, its "
        "log, counts and callback never see 'Rate limit exceeded'."
    ),
    why=(
        "The middleware that is added first is outermost: it sees a request first and the answer last, and "
        "what it answers itself never reaches those added later."
    ),
    fix=(
        "Add ErrorHandlingMiddleware first, then what only looks (timing, logging), then what refuses "
        "(checks, rate limits), and ResponseCachingMiddleware last."
    ),
    links=(f"{DOCS}/servers/middleware",),
    find=_order,
)


def _hooks(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    for defined in module.classes:
        if _is_middleware(module, defined):
            for hook in defined.node.body:
                if isinstance(hook, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield from _hook(rule, module, defined.node, hook)


def _is_middleware(module: Module, defined: DefinedClass) -> bool:
    bases = [module.meaning(base, defined.region) or "" for base in defined.node.bases]
    return any(base.startswith(BUILT_IN) and not base.endswith(")") for base in bases)


def _hook(rule: Rule, module: Module, owner: ast.ClassDef, hook: Function) -> Iterator[Finding]:
    if [d for d in hook.decorator_list if getattr(d, "attr", getattr(d, "id", "")) != "override"]:
        return
    if hook.name not in HOOKS:
        yield from _unknown(rule, module, owner, hook)
        return
    signature = _signature(rule, module, hook)
    if signature:
        yield signature
        return
    yield from _around(rule, module, owner, hook)
    yield from _next(rule, module, hook)
    yield from _answer(rule, module, hook)


def _unknown(rule: Rule, module: Module, owner: ast.ClassDef, hook: Function) -> Iterator[Finding]:
    """A method that looks like a hook and is none: nobody calls it."""
    named = [a.arg for a in (*hook.args.args, *hook.args.kwonlyargs)]
    if not hook.name.startswith("on_") or "call_next" not in named or len(owner.bases) != 1:
        return
    if hook.name in module.attributes or hook.name in module.calls:
        return
    from difflib import get_close_matches

    words = "_".join(sorted(hook.name.split("_")))
    right = next((h for h in HOOKS if "_".join(sorted(h.split("_"))) == words), "")
    right = right or next(iter(get_close_matches(hook.name, HOOKS, 1, 0.8)), "")
    if right:
        yield rule.at(
            module,
            hook,
            f"`{hook.name}` is no hook, so nothing ever calls it",
            f"Call it {right}.",
            unfixed="it would begin to run",
        )


def _signature(rule: Rule, module: Module, hook: Function) -> Finding | None:
    """`handler(context, call_next=call_next)` is how a hook is called; __call__ by position."""
    a = hook.args
    positional = [*a.posonlyargs, *a.args]
    if a.vararg or a.kwarg:
        return None
    free = [p.arg for p in positional[: len(positional) - len(a.defaults)]]
    needed = [*free, *(p.arg for p, d in zip(a.kwonlyargs, a.kw_defaults, strict=True) if d is None)]
    by_name = hook.name != "__call__"
    if by_name:
        named = [*(p.arg for p in positional[max(2, len(a.posonlyargs)) :]), *(p.arg for p in a.kwonlyargs)]
        fits = "call_next" in named and len(set(needed) - {"call_next"}) <= 2 and len(positional) >= 2
    else:
        fits = len(needed) <= 3 <= len(positional)
    if fits:
        return None
    kind = "async def" if isinstance(hook, ast.AsyncFunctionDef) else "def"
    listed = ", ".join(p.arg for p in positional)
    three = by_name and len(positional) == len(needed) == 3 and "call_next" not in needed
    renamed = _renamed(module, hook) if three else []
    return rule.at(
        module,
        hook,
        f"{hook.name}({listed}) is called with a context and `call_next`",
        f"Write {kind} {hook.name}(self, context, call_next).",
        renamed,
        "" if renamed else "what the other parameters stand for is not known",
    )


def _renamed(module: Module, hook: Function) -> list[Edit]:
    """The third parameter's name, where it is written in this function alone and only read."""
    third = [*hook.args.posonlyargs, *hook.args.args][2]
    if hook.args.posonlyargs:
        return []
    names = [n for n in ast.walk(hook) if isinstance(n, ast.Name) and n.id == third.arg]
    nested = [
        n
        for n in ast.walk(hook)
        if n is not hook and isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    ]
    if nested or any(not isinstance(n.ctx, ast.Load) for n in names):
        return []
    start = module.column(third.lineno, third.col_offset)
    first = Edit(third.lineno, start, third.lineno, start + len(third.arg), "call_next")
    return [first, *(edit(module, name, "call_next") for name in names)]


def _around(rule: Rule, module: Module, owner: ast.ClassDef, hook: Function) -> Iterator[Finding]:
    """Calls that lead back into the hook, or to what there is none of."""
    own = {n.name for n in owner.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
    own |= set(module.members.get(owner, {}))
    first, *others = [p.arg for p in (*hook.args.posonlyargs, *hook.args.args)]
    for call in (n for n in own_nodes(hook) if isinstance(n, ast.Call)):
        on_self = isinstance(call.func, ast.Attribute) and getattr(call.func.value, "id", "") == first
        called = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if on_self and called in ("next", "call_next") and called not in own and len(owner.bases) == 1:
            yield rule.at(
                module,
                call.func,
                f"a middleware has no `{called}`",
                f"Write await call_next({others[0]}).",
                unfixed="" if _is_plain(call, others[:1]) else "what it is given is not the context alone",
                edits=[edit(module, call.func, "call_next")] if _is_plain(call, others[:1]) else [],
            )
        again = getattr(call.func, "id", "") == first or (on_self and called == hook.name)
        if again and _is_plain(call, others) and _is_certain(hook, call):
            yield rule.at(
                module,
                call,
                f"{ast.unparse(call.func)}(...) leads back into {hook.name}, and so on without end",
                f"Write call_next({others[0]}).",
                [edit(module, call, f"call_next({others[0]})")],
            )


def _is_plain(call: ast.Call, names: list[str]) -> bool:
    """Is a call given just these names?"""
    given = [*call.args, *(k.value for k in call.keywords)]
    return [getattr(a, "id", "") for a in given] == names


def _is_certain(hook: Function, call: ast.Call) -> bool:
    """Does a call run whenever the hook does? It stands in a plain statement of its body."""
    for statement in hook.body:
        plain = isinstance(statement, ast.Return | ast.Expr | ast.Assign | ast.AnnAssign)
        if plain and any(node is call for node in ast.walk(statement)):
            return True
        if any(isinstance(n, ast.Return | ast.Raise) for n in ast.walk(statement)):
            return False
    return False


def _next(rule: Rule, module: Module, hook: Function) -> Iterator[Finding]:
    """What is wrong with the calls of call_next."""
    inner = module.regions[hook]
    for call, parent, region in module.calls.get("call_next", ()):
        if region.scope is not inner.scope or not isinstance(call.func, ast.Name):
            continue
        if not is_open(call) and len(call.args) + len(call.keywords) != 1:
            context = [p.arg for p in (*hook.args.posonlyargs, *hook.args.args)][1]
            what = f"call_next is called with {len(call.args)} arguments; it takes the context"
            yield rule.at(module, call, what, f"Write call_next({context}).")
        elif isinstance(hook, ast.AsyncFunctionDef) and _is_lost(hook, call, parent):
            last = hook.body[-1]
            add = "return await " if isinstance(parent, ast.Expr) and parent is last else "await "
            yield rule.at(
                module,
                call,
                "call_next(...) without await: nothing is called, and a coroutine is all there is",
                f"Write {add}{ast.unparse(call)}.",
                [insert(module, call, add)],
            )


def _is_lost(hook: Function, call: ast.Call, parent: ast.AST) -> bool:
    """Is the coroutine returned, dropped, or kept under a name that is never awaited nor given on?"""
    if isinstance(parent, ast.Return | ast.Expr):
        return True
    if not isinstance(parent, ast.Assign) or len(parent.targets) != 1 or parent.value is not call:
        return False
    name = getattr(parent.targets[0], "id", "")
    for node in ast.walk(hook):
        used = node.value if isinstance(node, ast.Await) else None
        if used is not None and getattr(used, "id", "") == name:
            return False
        if isinstance(node, ast.Call) and any(getattr(n, "id", "") == name for n in ast.walk(node)):
            return False
    return bool(name)


def _answer(rule: Rule, module: Module, hook: Function) -> Iterator[Finding]:
    """What a hook gives back where it must give back the result."""
    if hook.name in ("on_notification", "on_initialize") or not isinstance(hook, ast.AsyncFunctionDef):
        return
    nodes = list(own_nodes(hook))
    returns = [n for n in nodes if isinstance(n, ast.Return)]
    for answer in returns:
        kind = _no_result(hook, answer.value)
        if kind:
            do = "Return what call_next gives, or raise ToolError(...)."
            if hook.name == "on_call_tool":
                do = "Return what call_next gives or ToolResult(structured_content=...), or raise ToolError."
            yield rule.at(module, answer, f"{hook.name} returns {kind}, which is no result", do)
    last = hook.body[-1]
    if any(isinstance(n, ast.Yield | ast.YieldFrom) for n in nodes) or _ends(last):
        return
    lost = last.value if isinstance(last, ast.Expr) and isinstance(last.value, ast.Await) else None
    is_next = lost is not None and _is_next(lost.value)
    called = any(_is_next(n) for n in nodes)
    waiting = any(isinstance(n, ast.Expr) and _is_next(n.value) for n in nodes)  # _next speaks of it
    if is_next and lost is not None:
        yield rule.at(
            module,
            last,
            f"{hook.name} drops what call_next gives: the client gets no result",
            f"Write return {ast.unparse(lost)}.",
            [insert(module, last, "return ")],
        )
    elif not returns and not waiting:
        what = "drops what call_next gives" if called else "neither calls call_next nor returns anything"
        yield rule.at(
            module,
            hook,
            f"{hook.name} {what}: the client gets no result",
            "End with return await call_next(context), or keep its result in a name and return that.",
            unfixed="where the result is to be returned, only you know",
        )


def _is_next(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "call_next"


def _ends(statement: ast.stmt) -> bool:
    """May the function not end here: does its last statement return, raise or go on elsewhere?"""
    return isinstance(statement, ast.Return | ast.Raise) or any(
        isinstance(n, ast.Raise) for n in ast.walk(statement)
    )


def _no_result(hook: Function, value: ast.expr | None) -> str:
    """A literal that is not what the hook has to return, in words."""
    if hook.name in (*ALL, "on_discover"):
        return "a str" if isinstance(value, ast.JoinedStr) or _is(value, str) else ""
    if value is None or _is(value, type(None)):
        return "None"
    if isinstance(value, ast.Dict | ast.DictComp):
        return "a dict"
    if isinstance(value, ast.JoinedStr) or _is(value, str):
        return "a str"
    return "a list" if isinstance(value, ast.List) and hook.name == "on_call_tool" else ""


def _is(value: ast.expr | None, kind: type) -> bool:
    return isinstance(value, ast.Constant) and isinstance(value.value, kind)


HOOK = Rule(
    code="MCP019",
    name="middleware-does-not-go-on",
    line="A middleware's hook does not pass the request on, or loses the result",
    happens=(
        "A hook that returns a dict or nothing: MCPError, 'Handler returned an invalid result'. One that "
        "calls itself: 'maximum recursion depth exceeded'. One with other parameters: \"on_call_tool() got "
        "an unexpected keyword argument 'call_next'\". One without await: 'handler returned coroutine; "
        "expected BaseModel, dict, or None'. On connections without a handshake the client reads only "
        "'Internal server error'. A hook with a name that is none is never called."
    ),
    why=(
        "A hook is called with the context and, by that name, `call_next`: it has to await "
        "call_next(context), which is the rest of the chain, and to return its result."
    ),
    fix="Write async def on_call_tool(self, context, call_next): ... return await call_next(context).",
    links=(f"{DOCS}/servers/middleware",),
    find=_hooks,
)

RULES = (ORDER, HOOK)
