"""What a server offers, as rules see it: the functions, their parameters and their addresses."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from mcp_workbench.rules.module import (
    Component,
    Module,
    Region,
)

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
    calls = [parameter.default, *metadata_of(module, annotation, parameter.region)]
    meanings = [module.meaning(call.func, parameter.region) for call in calls if isinstance(call, ast.Call)]
    if not meanings:
        return False
    if all(meant in ("pydantic.Field", "pydantic.fields.Field") for meant in meanings):
        return False
    return True if any((meant or "").endswith(("Depends", "CurrentContext")) for meant in meanings) else None


def metadata_of(module: Module, annotation: ast.expr | None, region: Region) -> list[ast.expr]:
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
