"""What tangle and export refuse, MCP201 and on: each says what is wrong, where, why, and what to do."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Iterator, Mapping, Set

from mcp_workbench.findings import Finding, Place
from mcp_workbench.imports import Import
from mcp_workbench.names import loaded
from mcp_workbench.notebook import Cell

NOTEBOOK_ONLY = frozenset({"display", "get_ipython", "In", "Out", "_", "__", "___", "exit", "quit"})
ALWAYS_DEFINED = (
    frozenset(dir(builtins)) - NOTEBOOK_ONLY - {"__IPYTHON__"}
    | {"__file__", "__name__", "__doc__", "__package__", "__spec__", "__loader__", "__builtins__"}
    | {"__annotations__", "__debug__", "WindowsError"}
)
DIRECTIVE = re.compile(r"^[ \t]*#[ \t]*\|[ \t]*([\w-]+)([^\n]*)", re.MULTILINE)
ALMOST = re.compile(r"#[ \t]*(export(?:[ \t]+revise)?)[ \t]*$")
# Patterns below are compiled by `re` when a cell first needs them: most exports need none.
MAGIC = r"^\s*(?:%|!|\?)|^\s*[\w, .]+=\s*[%!]|\?\s*$"
KEY_STARTS = ("sk-", "gh", "glpat-", "AKIA", "AIza", "hf_", "xox", "k_live_", "-----BEGIN", "eyJ")
KEY = (
    r"sk-ant-[\w-]{20,}|sk-(?:proj-)?[\w-]{20,}|gh[opsur]_\w{30,}|github_pat_\w{30,}|glpat-[\w-]{18,}"
    r"|AKIA[0-9A-Z]{16}|AIza[\w-]{35}|hf_[A-Za-z]{30,}|xox[abeprs]-[\w-]{10,}|[rs]k_live_\w{16,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"
)
NOT_A_SECRET = "# not-a-secret"  # noqa: S105
SERVER_METHODS = frozenset({"run", "run_async", "run_stdio_async", "run_http_async"})
LOOP_STARTERS = frozenset({"asyncio", "anyio", "trio", "uvicorn"})
OUTSIDE = r"'await' outside|'async (?:for|with)' outside|asynchronous comprehension outside"


def place(cell: Cell, line: int = 1, column: int = 0, source: str | None = None) -> Place:
    """A line of a cell, with its text."""
    lines = cell.source.split("\n")
    text = lines[line - 1] if source is None and 0 < line <= len(lines) else source or ""
    return Place(cell.chapter, cell.number, cell.id, line, column, text)


def _at(cell: Cell, line: int = 1) -> str:
    return str(place(cell, line))


def marks(cell: Cell) -> Iterator[Finding]:
    """MCP201: a mark that is unknown, or not on the first line."""
    if "#" not in cell.source:
        return
    almost = ALMOST.match(cell.source.partition("\n")[0])
    if almost:
        yield _mark(cell, 1, f"`{almost[0].strip()}` is not a mark", f"Write `#| {almost[1]}`.")
    for match in DIRECTIVE.finditer(cell.source):
        word, rest = match[1], match[2]
        line = cell.source.count("\n", 0, match.start()) + 1
        if (line == 1 and cell.finished) or rest.startswith(":"):
            continue  # a Quarto option such as `#| echo: false` is nobody's mark
        if not _is_comment(cell.source, line):
            continue
        text = match[0].strip()
        if text in ("#| export", "#| export revise"):
            yield _mark(cell, line, f"the mark `{text}` is not on the first line", "Move it to the top.")
        else:
            close = _closest(f"{word}{rest}".strip(), ["export", "export revise"])
            do = f"Did you mean `#| {close}`?" if close else "Known: `#| export`, `#| export revise`."
            yield _mark(cell, line, f"`{text}` is not a mark", do)


def _mark(cell: Cell, line: int, what: str, do: str) -> Finding:
    why = "The cell would be left out of the server without a word."
    return Finding("MCP201", place(cell, line), what, why, do)


def _is_comment(source: str, line: int) -> bool:
    """Is that line a comment, and not inside a string?"""
    import io
    import tokenize

    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):
        return True
    return any(t.type == tokenize.COMMENT and t.start[0] == line for t in tokens)


def not_python(cell: Cell, error: SyntaxError | ValueError) -> list[Finding]:
    """MCP202 to MCP204: what keeps a finished cell from being plain Python, every line of it."""
    findings: list[Finding] = []
    lines = cell.source.split("\n")
    for _ in lines:
        line = min(getattr(error, "lineno", 1) or 1, len(lines))
        culprit = _magic_near(lines, line) if isinstance(error, SyntaxError) else None
        if culprit is None:
            findings.append(_syntax(cell, line, error))
            break
        findings.append(
            Finding(
                "MCP203",
                place(cell, culprit, len(lines[culprit - 1]) - len(lines[culprit - 1].lstrip())),
                "a `%`, `!` or `?` line in a finished cell",
                "Only a notebook understands it; a server is plain Python.",
                "Move it to a cell of its own without `#| export`.",
            )
        )
        indent = lines[culprit - 1][: len(lines[culprit - 1]) - len(lines[culprit - 1].lstrip())]
        lines[culprit - 1] = f"{indent}pass"
        try:
            compile("\n".join(lines), "<cell>", "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as again:
            error = again
        else:
            break
    return findings


def _magic_near(lines: list[str], line: int) -> int | None:
    """The line of a magic that the error is about: the parser may only notice on the next one."""
    for number in (line, line - 1):
        if 0 < number <= len(lines) and re.search(MAGIC, lines[number - 1]):
            return number
    return None


def _syntax(cell: Cell, line: int, error: SyntaxError | ValueError) -> Finding:
    column = max((getattr(error, "offset", 1) or 1) - 1, 0)
    message = getattr(error, "msg", None) or str(error)
    if re.search(OUTSIDE, message):
        return Finding(
            "MCP204",
            place(cell, line, column),
            f"{message}: await at the top level",
            "A notebook has a running event loop; a file that is being imported has none.",
            "Move it into an `async def`, such as a tool or the lifespan, or unmark the cell.",
        )
    return Finding(
        "MCP202",
        place(cell, line, column),
        f"not valid Python: {message}",
        "The server could not be imported.",
        "Correct the line, run the cell, and export again.",
    )


def secrets(cell: Cell) -> list[Finding]:
    """MCP214: a literal in the format of a known kind of key; the message never shows it."""
    findings: list[Finding] = []
    if not any(start in cell.source for start in KEY_STARTS):
        return findings
    for match in re.finditer(KEY, cell.source):
        line = cell.source.count("\n", 0, match.start()) + 1
        text = cell.source.split("\n")[line - 1]
        if NOT_A_SECRET in text:
            continue
        column = match.start() - cell.source.rfind("\n", 0, match.start()) - 1
        findings.append(
            Finding(
                "MCP214",
                place(cell, line, column, re.sub(KEY, "(hidden)", text)),
                "this looks like a key",
                "server.py is committed, shared and deployed; a key in it is everybody's.",
                f"Read it from the environment (os.environ), or end the line with `{NOT_A_SECRET}`.",
            )
        )
    return findings


def statements(cell: Cell, group: list[ast.stmt]) -> Iterator[Finding]:
    """MCP211 to MCP213 and MCP217: what must not happen when a server is imported."""
    if "mcp_workbench" in cell.source:
        yield from _own_imports(cell, group)
    for node in group:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import)):
            continue
        for part in loaded(node):
            if isinstance(part, ast.ImportFrom):
                yield from _import_from(cell, part)
            elif isinstance(part, ast.Call):
                yield from _call(cell, part)
            elif isinstance(part, ast.If) and _tests_main(part.test):
                yield _starts(cell, part, 'the test `if __name__ == "__main__"`')


def _import_from(cell: Cell, node: ast.ImportFrom) -> Iterator[Finding]:
    where = place(cell, node.lineno, node.col_offset)
    if any(alias.name == "*" for alias in node.names):
        yield Finding(
            "MCP211",
            where,
            f"`from {'.' * node.level}{node.module or ''} import *`",
            "Nobody can say which names it binds, so nothing else can be checked.",
            "Name what you use.",
        )
    elif node.level:
        yield Finding(
            "MCP217",
            where,
            "a relative import",
            "server.py is one file and belongs to no package.",
            "Import the module by its full name, or define what you need in a finished cell.",
        )


def _own_imports(cell: Cell, group: list[ast.stmt]) -> Iterator[Finding]:
    for node in group:
        for part in ast.walk(node):
            if not isinstance(part, ast.Import | ast.ImportFrom):
                continue
            modules = (
                [alias.name for alias in part.names] if isinstance(part, ast.Import) else [part.module or ""]
            )
            if any(module.partition(".")[0] == "mcp_workbench" for module in modules):
                yield Finding(
                    "MCP217",
                    place(cell, part.lineno, part.col_offset),
                    "the server would import mcp_workbench",
                    "A server runs wherever FastMCP does, without the workbench.",
                    "Use it in cells without `#| export` only.",
                )


def _call(cell: Cell, node: ast.Call) -> Iterator[Finding]:
    function = node.func
    if isinstance(function, ast.Name) and function.id == "print":
        if not any(keyword.arg == "file" for keyword in node.keywords):
            yield Finding(
                "MCP212",
                place(cell, node.lineno, node.col_offset),
                "a `print` at the top level",
                "On stdio, stdout is the protocol: the client would read this line as a broken message.",
                "Move it to a cell of its own without `#| export`, or use logging.",
            )
    elif isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        owner = function.value.id
        if (owner in ("mcp", "server", "app") and function.attr in SERVER_METHODS) or (
            owner in LOOP_STARTERS and function.attr == "run"
        ):
            yield _starts(cell, node, f"`{owner}.{function.attr}(...)`")


def _starts(cell: Cell, node: ast.expr | ast.stmt, what: str) -> Finding:
    return Finding(
        "MCP213",
        place(cell, node.lineno, node.col_offset),
        f"{what} starts the server while it is imported",
        'A host imports the file and finds the server by itself; in a kernel, __name__ is "__main__".',
        "Remove it: export ends server.py with the lines that start it.",
    )


def _tests_main(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and any(
        isinstance(side, ast.Name) and side.id == "__name__" for side in (test.left, *test.comparators)
    )


def undefined(cell: Cell, start: int, end: int, name: str, cells: Iterable[Cell], known: Set[str]) -> Finding:
    """MCP205: a name that no finished cell defines; MCP206: one that only a notebook has."""
    line, column = _where_read(cell, start, end, name)
    where = place(cell, line, column)
    if name in NOTEBOOK_ONLY:
        return Finding(
            "MCP206",
            where,
            f"`{name}` exists in a notebook only",
            "In a server the name is not defined.",
            "Move the line to a cell without `#| export`.",
        )
    why = "The server would fail with NameError."
    what = f"no finished cell defines `{name}`"
    for other in cells:
        if not other.finished and (found := _bound_at(other, name)):
            imported = found[1]
            return Finding(
                "MCP205",
                where,
                f"{what}; the unfinished {_at(other, found[0])} {'imports' if imported else 'defines'} it",
                why,
                "Finish that cell (`#| export` on its first line), or "
                f"{f'import `{name}` here' if imported else 'move the definition into a finished one'}.",
            )
    close = _closest(name, known)
    return Finding(
        "MCP205",
        where,
        what,
        why,
        f"Did you mean `{close}`?" if close else f"Define or import `{name}` in a finished cell.",
    )


def _where_read(cell: Cell, start: int, end: int, name: str) -> tuple[int, int]:
    """Line and column at which a statement reads a name (or holds it in a string annotation)."""
    fallback = (start, 0)
    for node in ast.walk(ast.parse(cell.source)):
        if isinstance(node, ast.Name) and node.id == name and start <= node.lineno <= end:
            return node.lineno, node.col_offset
        if not isinstance(node, ast.Constant) or not start <= node.lineno <= end:
            continue
        if isinstance(node.value, str) and name in node.value:
            fallback = (node.lineno, node.col_offset)
    return fallback


def _bound_at(cell: Cell, name: str) -> tuple[int, bool] | None:
    """Where an unfinished cell binds a name, and whether by an import; its magics are passed over."""
    lines = cell.source.split("\n")
    text = "\n".join("pass" if re.search(MAGIC, line) else line for line in lines)
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    for node in tree.body:
        for part in ast.walk(node):
            if isinstance(part, (ast.Import, ast.ImportFrom)):
                bound = [a.asname or a.name.partition(".")[0] for a in part.names]
            elif isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                bound = [part.name] if part is node else []
            elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                bound = [part.id]
            else:
                continue
            if name in bound:
                return part.lineno, isinstance(part, (ast.Import, ast.ImportFrom))
    return None


def _closest(word: str, words: Iterable[str]) -> str | None:
    from difflib import get_close_matches

    return next(iter(get_close_matches(word, list(words), n=1, cutoff=0.75)), None)


def defined_twice(cell: Cell, line: int, name: str, other: Cell, other_line: int) -> Finding:
    """MCP207."""
    return Finding(
        "MCP207",
        place(cell, line),
        f"`{name}` is defined already, in {_at(other, other_line)}",
        "One of the two would silently win, and chapters that use the other would change.",
        f"Choose another name, or, to replace it on purpose, mark this cell `#| export revise`"
        f"{' and drop the import' if _imports(other, name) else ''}.",
    )


def _imports(cell: Cell, name: str) -> bool:
    found = _bound_at(cell, name)
    return found is not None and found[1]


def revises_nothing(cell: Cell, line: int, name: str, known: Mapping[str, object]) -> Finding:
    """MCP208."""
    close = _closest(name, known)
    return Finding(
        "MCP208",
        place(cell, line),
        f"`{name}` has no earlier definition to revise",
        "Every name that a revise cell binds must replace one.",
        f"Did you mean `{close}`?" if close else "Define new names in a cell marked `#| export`.",
    )


def half_revised(cell: Cell, line: int, names: Set[str], binds: Set[str]) -> Finding:
    """MCP209."""
    left = ", ".join(f"`{name}`" for name in sorted(binds - names))
    return Finding(
        "MCP209",
        place(cell, line),
        f"{', '.join(f'`{n}`' for n in sorted(names))} is revised later, but the statement also binds {left}",
        "A statement goes as a whole or stays: text is never edited.",
        "Write one statement for each name, or revise all of them.",
    )


def imported_twice(item: Import, known: Import) -> Finding:
    """MCP210."""
    return Finding(
        "MCP210",
        place(item.cell, item.line),
        f"`{item.binds}` is {item.origin} here, and {known.origin} in {_at(known.cell, known.line)}",
        "Imports gather at the top, where a name can be one thing only.",
        "Import one of them under another name (`as`).",
    )


def circle(cells: list[Cell]) -> Finding:
    """MCP215."""
    named = " needs ".join(_at(cell) for cell in [*cells, cells[0]])
    return Finding(
        "MCP215",
        place(cells[0]),
        f"cells need each other while the module loads: {named}",
        "None of them can come first.",
        "Move what both need into a cell of its own, or read it inside a function.",
    )


def used_too_early(cell: Cell, start: int, end: int, name: str, defined: int) -> Finding:
    """MCP216."""
    line, column = _where_read(cell, start, end, name)
    return Finding(
        "MCP216",
        place(cell, line, column),
        f"`{name}` is read here, and defined below, on line {defined}",
        "The module loads from top to bottom: NameError.",
        "Move the definition up.",
    )
