"""Which names a statement binds, and which it reads: now, when the module loads, or later.

`symtable` is the compiler's own answer to which scope a name belongs to, and costs a quarter of pyflakes
(which also cannot say when a name is read). What it does not see is added from the syntax tree: names in
annotations that are strings, and which functions are called while the module loads.
"""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

COMPREHENSIONS = frozenset({"listcomp", "setcomp", "dictcomp", "genexpr"})
DEFERRED = frozenset({"function", "type alias"})
COMPREHENSION_NODES = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SIMPLE = (ast.Assign, ast.AugAssign, ast.AnnAssign, *FUNCTIONS, ast.ClassDef, ast.Expr, ast.Delete)


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one statement.

    `binds` at module level; `loads` are read while the module loads (decorators, defaults, base classes,
    annotations, class bodies, expressions), `later` when a function runs; `maybe` are read in a class body
    that also binds them, so either its own or the module's; `calls` are called, or decorate, while the module
    loads. `assigns_later` are bound by a function's `global`.
    """

    binds: frozenset[str]
    loads: frozenset[str]
    later: frozenset[str]
    maybe: frozenset[str]
    calls: frozenset[str]
    assigns_later: frozenset[str]


def names_of(text: str, nodes: Iterable[ast.stmt]) -> Names:
    """The names of a top-level statement: its source and its nodes (several where `;` joins them).

    >>> names = names_of("x = [f(y) for y in z]", ast.parse("x = [f(y) for y in z]").body)
    >>> sorted(names.binds), sorted(names.loads), sorted(names.calls)
    (['x'], ['f', 'z'], ['f'])
    """
    table = symtable.symtable(text, "<cell>", "exec")
    binds: set[str] = set()
    loads: set[str] = set()
    later: set[str] = set()
    maybe: set[str] = set()
    assigns_later: set[str] = set()
    for symbol in table.get_symbols():
        name = symbol.get_name()
        if symbol.is_assigned() or symbol.is_imported():
            binds.add(name)
        if symbol.is_referenced():
            loads.add(name)
    pending = [(child, False) for child in table.get_children()]
    while pending:
        scope, deferred = pending.pop()
        deferred = deferred or _is_deferred(scope)
        reads = later if deferred else loads
        is_class = scope.get_type() == "class"
        for symbol in scope.get_symbols():
            name = symbol.get_name()
            if symbol.is_global():
                if symbol.is_referenced():
                    reads.add(name)
                if symbol.is_assigned():
                    (assigns_later if deferred else binds).add(name)
            elif is_class and symbol.is_local() and symbol.is_referenced():
                maybe.add(name)
        pending += [(child, deferred) for child in scope.get_children()]
    calls: set[str] = set()
    inside: set[str] = set()
    walrus: set[str] = set()
    methods: set[int] = set()  # whose annotations, where they are strings, nobody reads yet
    for node in nodes:
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            loads.add(node.target.id)
        elif isinstance(node, ast.Delete):
            deleted = {target.id for target in node.targets if isinstance(target, ast.Name)}
            binds -= deleted
            loads |= deleted
        for part in loaded(node):
            if isinstance(part, ast.ClassDef):
                methods.update(map(id, part.body))
            if isinstance(part, ast.Call) and isinstance(part.func, ast.Name):
                calls.add(part.func.id)
            elif isinstance(part, (*FUNCTIONS, ast.ClassDef)):
                calls.update(d.id for d in part.decorator_list if isinstance(d, ast.Name))
                if isinstance(part, FUNCTIONS):
                    reads = later if id(part) in methods else loads
                    reads.update(_names_in_strings(_annotations(part)) - binds)
            elif isinstance(part, ast.AnnAssign):
                loads.update(_names_in_strings([part.annotation]) - binds)
            elif isinstance(part, COMPREHENSION_NODES):
                inside |= _targets(part)
                walrus |= _walrus_targets(part)
    if inside:  # from 3.12 on, symtable counts a comprehension's variables among those around it (PEP 709)
        read, stored = _around_comprehensions(nodes)
        binds = (binds - (inside - stored)) | walrus
        loads -= (inside | walrus) - read
        maybe -= inside - read
    return Names(
        frozenset(binds),
        frozenset(loads),
        frozenset(later),
        frozenset(maybe),
        frozenset(calls),
        frozenset(assigns_later),
    )


def _targets(comprehension: Comprehension) -> set[str]:
    """The variables of a comprehension."""
    parts = (part for generator in comprehension.generators for part in ast.walk(generator.target))
    return {part.id for part in parts if isinstance(part, ast.Name)}


def _walrus_targets(comprehension: Comprehension) -> set[str]:
    """What `:=` in a comprehension binds around it (PEP 572)."""
    return {part.target.id for part in ast.walk(comprehension) if isinstance(part, ast.NamedExpr)}


def _around_comprehensions(nodes: Iterable[ast.stmt]) -> tuple[set[str], set[str]]:
    """What code that runs at once reads and stores outside the comprehensions whose variable it is."""
    read: set[str] = set()
    stored: set[str] = set()
    pending: list[tuple[ast.AST, frozenset[str]]] = [(node, frozenset()) for node in nodes]
    while pending:
        part, own = pending.pop()
        if isinstance(part, ast.Name):
            if isinstance(part.ctx, ast.Load) and part.id not in own:
                read.add(part.id)
            elif isinstance(part.ctx, ast.Store):
                stored.add(part.id)
        elif isinstance(part, COMPREHENSION_NODES):
            first, *others = part.generators
            pending.append((first.iter, own))  # it is evaluated outside
            own |= _targets(part) | _walrus_targets(part)
            pending += [(inner, own) for g in part.generators for inner in g.ifs]
            pending += [(generator.iter, own) for generator in others]
            elements = [part.key, part.value] if isinstance(part, ast.DictComp) else [part.elt]
            pending += [(element, own) for element in elements]
        else:
            pending += [(child, own) for child in _loaded_children(part)]
    return read, stored


def loaded(node: ast.AST) -> Iterator[ast.AST]:
    """The node and what is in it that runs when the module loads: not the bodies of functions.

    >>> [type(part).__name__ for part in loaded(ast.parse("def f(x=1): return y").body[0])]
    ['FunctionDef', 'Constant']
    """
    pending = [node]
    while pending:
        part = pending.pop()
        yield part
        pending += _loaded_children(part)


def _loaded_children(part: ast.AST) -> Iterable[ast.AST]:
    if isinstance(part, FUNCTIONS):
        defaults = [default for default in part.args.kw_defaults if default is not None]
        return [*part.decorator_list, *part.args.defaults, *defaults]
    return () if isinstance(part, ast.Lambda) else ast.iter_child_nodes(part)


def _is_deferred(scope: symtable.SymbolTable) -> bool:
    """Does the scope's code run only when something is called?"""
    if scope.get_type() not in DEFERRED:
        return False
    return scope.get_name() not in COMPREHENSIONS or ".0" not in scope.get_identifiers()


def _annotations(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.expr]:
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [argument for argument in (arguments.vararg, arguments.kwarg) if argument]
    found = [argument.annotation for argument in every if argument.annotation]
    return [*found, function.returns] if function.returns else found


def _names_in_strings(annotations: Iterable[ast.expr]) -> set[str]:
    """The names in annotations that are strings: FastMCP evaluates them when it registers a function."""
    names: set[str] = set()
    pending: list[ast.AST] = list(annotations)
    while pending:
        part = pending.pop()
        if isinstance(part, ast.Constant):
            if isinstance(part.value, str):
                try:
                    inner = ast.parse(part.value, mode="eval")
                except SyntaxError:
                    continue  # not a forward reference
                names.update(n.id for n in ast.walk(inner) if isinstance(n, ast.Name))
        elif isinstance(part, ast.Subscript) and _ends_with(part.value, "Literal"):
            continue  # its strings are values
        elif isinstance(part, ast.Subscript) and _ends_with(part.value, "Annotated"):
            types = part.slice.elts[:1] if isinstance(part.slice, ast.Tuple) else [part.slice]
            pending += types
        else:
            pending += ast.iter_child_nodes(part)
    return names


def _ends_with(node: ast.expr, name: str) -> bool:
    return (isinstance(node, ast.Name) and node.id == name) or (
        isinstance(node, ast.Attribute) and node.attr == name
    )
