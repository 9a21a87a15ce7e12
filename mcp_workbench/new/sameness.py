"""Are two files the same program? Their syntax trees say so: comments, blank lines and quotes do not count.

Left out of the comparison is what export writes anew: the module's docstring, the `__main__` tail, and the
order of the imports at the top, of which those may be missing that nothing uses and that do nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from mcp_workbench.imports import STANDARD_LIBRARY

# Modules that are imported for their names alone: one of these that nothing reads changes nothing by going.
QUIET = STANDARD_LIBRARY | {"fastmcp", "mcp", "mcp_types", "pydantic", "typing_extensions"}
Imported = tuple[str, str, str]


def difference(source: str, other: str, added: Iterable[str] = ()) -> str:
    """The first difference between a file and another that is to be the same program; "" where there is none.

    Args:
        source: The text of the file.
        other: The text of the other one.
        added: Statements that only the other has, on purpose, each of them once.

    >>> difference("import os, sys\\nx = os.sep  # why", "import os\\n\\nx = os.sep")
    ''
    """
    old, new = ast.parse(source), ast.parse(other)
    old_imports, old_rest = _taken_apart(old)
    new_imports, new_rest = _taken_apart(new)
    for text in added:
        shown = _shown(ast.parse(text).body[0])
        places = [index for index, node in enumerate(new_rest) if _shown(node) == shown]
        if not places:
            return f"the addition `{_first_line(text)}` is missing"
        del new_rest[places[-1]]
    for one, two in zip(old_rest, new_rest, strict=False):
        if _shown(one) != _shown(two):
            return f"line {one.lineno}, `{_first_line(ast.unparse(one))}`, came back as `{_unparsed(two)}`"
    for left, what in ((old_rest[len(new_rest) :], "missing"), (new_rest[len(old_rest) :], "new")):
        if left:
            return f"the statement `{_unparsed(left[0])}` is {what}"
    for name in sorted(new_imports - old_imports):
        return f"the import of {_named(name)} is new"
    for name in sorted(old_imports - new_imports):
        if not may_go(old, name):
            return f"the import of {_named(name)} is missing"
    return ""


def may_go(tree: ast.Module, name: Imported) -> bool:
    """May this import be dropped: does nothing read its name, and does importing it do nothing?"""
    module, attribute, alias = name
    if module.partition(".")[0] not in QUIET or module == "__future__":
        return False
    return (alias or attribute or module.partition(".")[0]) not in names_read(tree)


def names_read(tree: ast.Module) -> set[str]:
    """The names that a module reads, its tail aside; in strings that are annotations and in `__all__` too."""
    nodes = [part for node in tree.body if not is_tail(node) for part in ast.walk(node)]
    found = {node.id for node in nodes if isinstance(node, ast.Name)}
    for node in nodes:
        annotation = getattr(node, "annotation", None) or getattr(node, "returns", None)
        if isinstance(annotation, ast.AST):
            found |= set(_in_strings(annotation))
    return found | exported(tree)


def exported(tree: ast.Module) -> set[str]:
    """The names in the module's `__all__`."""
    return {
        part.value
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign)
        and "__all__" in {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    }


def leading(body: list[ast.stmt]) -> list[ast.Import | ast.ImportFrom]:
    """The imports with which a module begins."""
    found: list[ast.Import | ast.ImportFrom] = []
    for node in body:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            break
        found.append(node)
    return found


def names_of_import(node: ast.Import | ast.ImportFrom) -> Iterator[Imported]:
    """What an import statement binds: module, attribute (of a `from`) and alias of each name."""
    for alias in node.names:
        if isinstance(node, ast.Import):
            yield alias.name, "", alias.asname or ""
        else:
            yield "." * node.level + (node.module or ""), alias.name, alias.asname or ""


def is_tail(node: ast.stmt) -> bool:
    """Is it `if __name__ == "__main__":`, with nothing for the other case?"""
    if not isinstance(node, ast.If) or node.orelse or not isinstance(node.test, ast.Compare):
        return False
    test = node.test
    sides = {_shown(side) for side in (test.left, *test.comparators)}
    return isinstance(test.ops[0], ast.Eq) and sides == _SIDES


def is_docstring(node: ast.stmt) -> bool:
    """Is it a text that stands by itself?"""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _taken_apart(tree: ast.Module) -> tuple[set[Imported], list[ast.stmt]]:
    """The leading imports as a set, and the other statements but for the docstring and the tail."""
    body = tree.body[1:] if tree.body and is_docstring(tree.body[0]) else tree.body
    body = [node for node in body if not is_tail(node)]
    first = leading(body)
    rest = body[len(first) :]
    return {name for node in first for name in names_of_import(node)}, rest


def _in_strings(annotation: ast.AST) -> Iterator[str]:
    for part in ast.walk(annotation):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            try:
                inner = ast.parse(part.value, mode="eval")
            except (SyntaxError, ValueError):
                continue  # a text, and no type
            yield from (node.id for node in ast.walk(inner) if isinstance(node, ast.Name))


def _shown(node: ast.AST) -> str:
    return ast.dump(node)


_SIDES = {_shown(ast.Name("__name__", ast.Load())), _shown(ast.Constant("__main__"))}


def _unparsed(node: ast.stmt) -> str:
    return _first_line(ast.unparse(node))


def _first_line(text: str) -> str:
    return next((line for line in text.splitlines() if line.strip()), "")


def _named(name: Imported) -> str:
    module, attribute, alias = name
    return (f"{module}.{attribute}" if attribute else module) + (f" as {alias}" if alias else "")
