"""The tail of a server that is brought in: what `if __name__ == "__main__":` does, and who does it now.

Export ends server.py with a tail of its own, which calls `main()` where a finished cell defines it. So a tail
that only runs the server is left to it, and one that does more becomes that `main`.
"""

from __future__ import annotations

import ast
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from mcp_workbench.findings import Finding, Place
from mcp_workbench.names import FUNCTIONS, loaded, names_of
from mcp_workbench.new.sameness import is_tail

MADE = "# Added by mcp-workbench: this is what stood under `if __name__`; server.py ends by calling it."
OVER = f"{MADE}\n# The `main` above has its name, and is what is called in here."
OPTIONS = {"transport": "--transport", "host": "--host", "port": "--port", "path": "--path"}
SILENT = {"show_banner", "log_level"}  # what the exporter's tail need not be told
HTTP = {"http", "streamable-http"}


@dataclass(frozen=True, slots=True)
class Tail:
    """What becomes of the tail: `spans` are its lines (from 1), `text` is how it stood, `main` the finished
    cell in its place ("" where none is needed), `now` a sentence on who does it from now on, and `note` a
    line for the person."""

    spans: tuple[tuple[int, int], ...] = ()
    text: str = ""
    main: str = ""
    now: str = ""
    note: str = ""


def tail_of(tree: ast.Module, lines: list[str], server: str, path: str) -> tuple[Tail, list[Finding]]:
    """What the tail of a file is, and what becomes of it.

    Args:
        tree: The file, parsed.
        lines: Its lines.
        server: The name of its server, "" where that is not known.
        path: The file, as findings name it.

    >>> tail_of(ast.parse(text), text.split("\\n"), "mcp", "server.py")[0].note
    'the tail, `mcp.run()`, is left to export: python server.py'
    """
    tails = [node for node in tree.body if isinstance(node, ast.If) and is_tail(node)]
    main = _binding_of_main(tree)
    findings = list(_unfit_main(main, tree, tails, path))
    if not tails:
        return Tail(), findings
    spans = tuple(_span(node, lines) for node in tails)
    body = [statement for node in tails for statement in node.body]
    told = ast.unparse(ast.Module(body, [])).replace("\n", "; ")
    if _calls_main(body, main):
        return Tail(spans, now="`server.py` ends in the same way."), findings
    command = _command(body, server)
    if command is not None and main is None:
        now = f"`server.py` ends in a `main` that takes options: `{command}` does the same."
        return Tail(spans, now=now, note=f"the tail, `{told}`, is left to export: {command}"), findings
    made = _main(tails, lines, tree, defined=main is not None)
    now = "It is a function now, and `server.py` ends by calling it."
    note = "what the tail did is the finished cell `main` of the last chapter; server.py ends by calling it"
    return Tail(spans, main=made, now=now, note=note), findings


def _binding_of_main(tree: ast.Module) -> ast.stmt | None:
    """The last statement that binds `main` while the module loads."""
    found = None
    for node in tree.body:
        if is_tail(node):
            continue
        for part in loaded(node):
            names = [
                alias.asname or alias.name for alias in getattr(part, "names", ()) if hasattr(alias, "asname")
            ]
            own = getattr(part, "name", "") if isinstance(part, (*FUNCTIONS, ast.ClassDef)) else ""
            stored = part.id if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store) else ""
            if "main" in (*names, own, stored) and not (
                own and part is not node and isinstance(node, ast.ClassDef)
            ):
                found = node
    return found


def _unfit_main(main: ast.stmt | None, tree: ast.Module, tails: list[ast.If], path: str) -> Iterator[Finding]:
    """A `main` with which the tail that export writes would fail."""
    if main is None:
        return
    body = [statement for node in tails for statement in node.body]
    fine = isinstance(main, ast.FunctionDef) and not _required(main)
    if fine and (not tails or _calls_main(body, main)):
        return
    if not tails:
        how = "a coroutine" if isinstance(main, ast.AsyncFunctionDef) else "no function without arguments"
        yield Finding(
            "MCP207",
            Place(path, line=main.lineno),
            f"`main` is {how}, and server.py ends by calling `main()`",
            "The server could not be started by running the file.",
            "Give it another name.",
        )
    for node in tree.body:
        if node in tails or node is main:
            continue
        text = ast.unparse(node)
        names = names_of(text, [node])
        if "main" in names.later:
            yield Finding(
                "MCP207",
                Place(path, line=node.lineno),
                "`main` is called here, and server.py needs the name for what stands under `if __name__`",
                "The call would run that instead.",
                "Give your `main` another name.",
            )


def _required(function: ast.FunctionDef) -> bool:
    """Does calling it without arguments fail? A decorator (click's) may give it some."""
    if function.decorator_list:
        return False
    arguments = function.args
    positional = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
    return bool(positional) or None in arguments.kw_defaults


def _span(node: ast.If, lines: list[str]) -> tuple[int, int]:
    """Its lines, with the indented comments that end it."""
    last = node.end_lineno or node.lineno
    index = last
    while index < len(lines) and (not lines[index].strip() or lines[index][0] in " \t"):
        index += 1
        if lines[index - 1].strip():
            last = index
    return node.lineno, last


def _calls_main(body: list[ast.stmt], main: ast.stmt | None) -> bool:
    """Is it `main()`, or an exit with what that gives, where it gives nothing?"""
    if len(body) != 1 or not isinstance(main, ast.FunctionDef):
        return False
    text = ast.unparse(body[0])
    gives = any(isinstance(part, ast.Return) and part.value for part in ast.walk(main))
    return text == "main()" or (not gives and text in ("sys.exit(main())", "raise SystemExit(main())"))


def _command(body: list[ast.stmt], server: str) -> str | None:
    """The command that does with the exporter's tail what this one does; None where none can."""
    rest = [node for node in body if not isinstance(node, ast.Import)]
    if len(rest) != 1 or not isinstance(rest[0], ast.Expr) or not isinstance(rest[0].value, ast.Call):
        return None
    call = rest[0].value
    if ast.unparse(call.func) in ("asyncio.run", "anyio.run") and len(call.args) == 1 and not call.keywords:
        inner = call.args[0]
        call = inner if isinstance(inner, ast.Call) else ast.Call(inner, [], [])
        if not ast.unparse(call.func).endswith("_async"):
            return None
    names = {f"{server}.run": "", f"{server}.run_async": ""}
    names |= {f"{server}.run_stdio_async": "stdio", f"{server}.run_http_async": "http"}
    function = ast.unparse(call.func)
    if function not in names or len(call.args) > 1:
        return None
    given: dict[str, object] = {"transport": names[function]} if names[function] else {}
    for keyword in [*(ast.keyword("transport", value) for value in call.args), *call.keywords]:
        if keyword.arg is None or not isinstance(keyword.value, ast.Constant):
            return None
        if keyword.arg in OPTIONS:
            given[keyword.arg] = keyword.value.value
        elif keyword.arg not in SILENT:
            return None
    transport = given.get("transport", "stdio")
    if transport in HTTP:
        given["transport"] = "http"
    elif transport != "stdio" or given.keys() - {"transport"}:
        return None
    options = (f" {OPTIONS[key]} {shlex.quote(str(value))}" for key, value in given.items())
    return "python server.py" + ("".join(options) if transport != "stdio" else "")


def _main(tails: list[ast.If], lines: list[str], tree: ast.Module, *, defined: bool) -> str:
    """A function `main` with the body of the tail, its text kept as it is."""
    bodies: list[str] = []
    for node in tails:
        first, last = _span(node, lines)
        start = node.body[0].lineno
        if start == node.lineno:  # if __name__ == "__main__": mcp.run()
            line = lines[start - 1].encode()[node.body[0].col_offset :].decode()
            bodies += [f"    {line}", *lines[start:last]]
        else:
            header = node.test.end_lineno or first
            bodies += lines[header:last]
    statements = [statement for node in tails for statement in node.body]
    indent = next(line for line in bodies if line.strip() and not line.lstrip().startswith("#"))
    indent = indent[: len(indent) - len(indent.lstrip())]
    shared = sorted(_shared(statements, tails, tree))
    declared = [f"{indent}global {', '.join(shared)}"] if shared else []
    head = f"{OVER}\ndef main(main=main) -> None:" if defined else f"{MADE}\ndef main() -> None:"
    return "\n".join([head, *declared, *bodies])


def _shared(statements: list[ast.stmt], tails: list[ast.If], tree: ast.Module) -> set[str]:
    """The names that the tail binds and other code of the module reads: in a function they need `global`."""
    text = ast.unparse(ast.Module(statements, []))
    imports = [node for node in statements if isinstance(node, ast.Import | ast.ImportFrom)]
    bound = names_of(text, statements).binds
    imported = {a.asname or a.name.partition(".")[0] for node in imports for a in node.names}
    read: set[str] = set()
    known: set[str] = set()
    for node in tree.body:
        if node not in tails:
            names = names_of(ast.unparse(node), [node])
            read |= names.later | names.assigns_later
            known |= names.binds
    return set(bound & (read | known)) - (imported & known)
