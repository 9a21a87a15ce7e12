"""The imports of a program: taken from the top of its cells, merged, grouped, written anew."""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterable
from dataclasses import dataclass

from mcp_workbench.notebook import Cell

# What the standard library had or will have between 3.11 and 3.14, so that every Python groups alike.
STANDARD_LIBRARY = sys.stdlib_module_names | frozenset(
    "aifc annotationlib asynchat asyncore audioop cgi cgitb chunk compression crypt distutils imghdr imp "  # noqa: SIM905
    "lib2to3 mailcap msilib nis nntplib ossaudiodev pipes smtpd sndhdr spwd sunau telnetlib uu xdrlib".split()
)
WIDTH = 88
NOQA = re.compile(r"#\s*noqa(?!:)|#\s*noqa:[^#]*\bF401\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Import:
    """One name that a cell's leading imports bind.

    `module` and `attribute` say where it is from (`attribute` is "" for `import module`), `alias` what it
    is called here if not that; `above` are the comment lines over the statement, `trailing` is the comment
    behind it.
    """

    module: str
    attribute: str
    alias: str
    above: tuple[str, ...]
    trailing: str
    cell: Cell
    line: int

    @property
    def binds(self) -> str:
        return self.alias or self.attribute or self.module.partition(".")[0]

    @property
    def origin(self) -> str:
        """What the name is: two imports of one origin are the same import."""
        if self.attribute:
            return f"{self.module}.{self.attribute}"
        return self.module if self.alias else self.module.partition(".")[0]

    @property
    def kept_unused(self) -> bool:
        return self.module == "__future__" or NOQA.search(self.trailing) is not None


def read_imports(
    node: ast.Import | ast.ImportFrom, text: str, above: tuple[str, ...], cell: Cell
) -> list[Import]:
    """The names that an import statement binds; `text` are its lines.

    A comment behind a name stays with it, one behind the opening line goes with every name, and any
    other inside the statement goes above.
    """
    comments = _comments(text, node.lineno) if "#" in text else {}
    named = {alias.lineno for alias in node.names} | {node.lineno}
    above += tuple(comment for line, comment in comments.items() if line not in named)
    found = []
    for alias in node.names:
        trailing = comments.get(alias.lineno) or comments.get(node.lineno, "")
        if isinstance(node, ast.Import):
            parts = (alias.name, "", alias.asname or "")
        else:
            parts = (node.module or "", alias.name, alias.asname or "")
        found.append(Import(*parts, above if alias is node.names[0] else (), trailing, cell, node.lineno))
    return found


def render_imports(imports: Iterable[Import]) -> str:
    """The import block: `__future__`, standard library, the rest; sorted, each origin once.

    >>> cell = Cell("00_a.ipynb", 1, "a", "", "from os import sep, getcwd")
    >>> print(render_imports(read_imports(ast.parse(cell.source).body[0], cell.source, (), cell)))
    from os import getcwd, sep
    """
    groups: dict[int, list[Import]] = {}
    for item in imports:
        root = item.module.partition(".")[0]
        groups.setdefault(0 if root == "__future__" else 1 if root in STANDARD_LIBRARY else 2, []).append(
            item
        )
    return "\n\n".join("\n".join(_group(groups[rank])) for rank in sorted(groups))


def _group(items: list[Import]) -> list[str]:
    """`import a` lines, then `from a import b, c` lines, in the order that isort and ruff use."""
    lines: list[str] = []
    plain = sorted((i for i in items if not i.attribute), key=lambda i: (_key(i.module), i.alias))
    above: dict[str, list[str]] = {}
    trailing: dict[str, list[str]] = {}
    for item in plain:
        statement = f"import {item.module}" + (f" as {item.alias}" if item.alias else "")
        _collect(above, statement, item.above)
        _collect(trailing, statement, [item.trailing] if item.trailing else [])
    for statement, comments in above.items():
        lines += [*comments, _with_comment(statement, trailing[statement])]
    for module in sorted({i.module for i in items if i.attribute}, key=_key):
        lines += _from(module, [i for i in items if i.module == module and i.attribute])
    return lines


def _from(module: str, items: list[Import]) -> list[str]:
    """One `from` statement for all names of a module; a name with a comment has one of its own."""
    above: list[str] = []
    trailing: dict[str, list[str]] = {}
    order: dict[str, tuple[int, str, str]] = {}
    for item in items:
        name = item.attribute + (f" as {item.alias}" if item.alias else "")
        order[name] = (_rank(item.attribute), _key(item.attribute)[0], name)
        _collect(trailing, name, [item.trailing] if item.trailing else [])
        above += [line for line in item.above if line not in above]
    names = sorted(order, key=lambda name: order[name])
    bare = [name for name in names if not trailing[name]]
    lines = above
    if bare:
        statement = f"from {module} import {', '.join(bare)}"
        if len(statement) > WIDTH:
            statement = f"from {module} import (\n    " + ",\n    ".join(bare) + ",\n)"
        lines.append(statement)
    for name in names:
        if trailing[name]:
            lines.append(_with_comment(f"from {module} import {name}", trailing[name]))
    return lines


def _key(name: str) -> tuple[str, str]:
    return name.casefold(), name


def _rank(name: str) -> int:
    """Constants, then classes, then the rest: isort's `order-by-type`."""
    if name.isupper() and len(name) > 1:
        return 0
    return 1 if name[:1].isupper() else 2


def _collect(into: dict[str, list[str]], key: str, lines: Iterable[str]) -> None:
    known = into.setdefault(key, [])
    known += [line for line in lines if line not in known]


def _with_comment(statement: str, comments: list[str]) -> str:
    return "  ".join([statement, *comments])


def _comments(text: str, first_line: int) -> dict[int, str]:
    """The comments of a statement by the line of the cell that they end."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {t.start[0] + first_line - 1: t.string for t in tokens if t.type == tokenize.COMMENT}
