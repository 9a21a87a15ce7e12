"""Read a server that is to be brought in: what its parts are, and what it has that no workspace can keep."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mcp_workbench import refusals
from mcp_workbench.errors import WorkbenchError
from mcp_workbench.export import MADE_BY, MAIN, START
from mcp_workbench.findings import Finding, Place, Refused
from mcp_workbench.layout import SEAL_LINE, TAIL_TITLE
from mcp_workbench.names import FUNCTIONS, names_of
from mcp_workbench.new.cutting import title_of
from mcp_workbench.new.sameness import is_docstring, is_tail, may_go, names_of_import
from mcp_workbench.new.tails import Tail, tail_of
from mcp_workbench.notebook import Cell
from mcp_workbench.rules.module import SERVER, Module
from mcp_workbench.rules.project import Project
from mcp_workbench.rules.servers import runs
from mcp_workbench.rules.sources import NotReadable, Source, text_of
from mcp_workbench.tangle import tangle
from mcp_workbench.workspace import PYTHON

MARK = "#| export\n"
SHEBANG = re.compile(r"#!.*")
COOKIE = re.compile(r"[ \t\f]*#.*?coding[:=][ \t]*[-\w.]+")
PEP_723 = re.compile(r"^# /// script$\n((?:^#(?:| .*)$\n)+?)^# ///$", re.MULTILINE)
ALIAS = (
    "# Added by mcp-workbench: the one line that the file did not have. Notebooks and hosts look for `mcp`.\n"
    "mcp = {}"
)
LOOKED_FOR = "Hosts and notebooks look for a server of the name `mcp` at module level."
DO = {  # refusals speak of notebooks: this is what to do in a file
    "MCP201": "Begin the comment in another way: `#|` is for the marks of a notebook's cells.",
    "MCP202": "Put the syntax right.",
    "MCP203": "Remove it.",
    "MCP204": "Move it into an `async def`, such as a tool or the lifespan.",
    "MCP205": "Define or import it in this file.",
    "MCP206": "Use what a module has, such as `sys.exit`.",
    "MCP207": "Give one of the two another name.",
    "MCP212": "Print to stderr (`file=sys.stderr`), use logging, or remove it.",
    "MCP213": 'Put it under `if __name__ == "__main__":`, without an `else`.',
    "MCP216": "Move the definition up; where the name read here is Python's own, give yours another one.",
}
REGISTERING = {
    "add_tool": "tool",
    "add_resource": "resource",
    "add_template": "resource",
    "add_resource_template": "resource",
    "add_prompt": "prompt",
    "tool": "tool",
    "resource": "resource",
    "prompt": "prompt",
}


@dataclass(frozen=True, slots=True)
class Original:
    """A server's file, read.

    `text` is all of it, `lines` are its lines with blank ones where the docstring, the tail and what belongs
    to the file alone was, and `tree` is what they say. `servers` are the names of the servers that it makes,
    `server` is the one that it offers; `alias` is the line that calls it `mcp`, "" where that is its name.
    `kinds` tells for a line what is registered there: tool, resource or prompt.
    """

    path: Path
    text: str
    lines: tuple[str, ...]
    tree: ast.Module
    docstring: str
    requires: tuple[str, ...]
    tail: Tail
    server: str
    servers: frozenset[str]
    alias: str
    kinds: Mapping[int, str]
    notes: tuple[str, ...]

    @property
    def added(self) -> tuple[str, ...]:
        """The finished cells that the file has no lines for."""
        return tuple(text for text in (self.alias, self.tail.main) if text)


def read(path: Path) -> Original:
    """Read the file of a server.

    Raises:
        WorkbenchError: It cannot be read.
        Refused: It cannot become a workspace; every reason, with file and line.

    >>> read(Path("server.py")).server
    'mcp'
    """
    try:
        text = text_of(path).replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    except NotReadable as error:
        raise WorkbenchError(f"{path}: cannot be read: {error}") from error
    if text.endswith(f"\n{TAIL_TITLE}\n{MAIN}{START}"):  # an export's own tail, which it will write again
        text = text[: -len(f"{TAIL_TITLE}\n{MAIN}{START}")]
    whole = Cell(str(path), 0, "", "", text)
    try:
        tree = ast.parse(text)
        compile(tree, str(path), "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        known = error if isinstance(error, SyntaxError | ValueError) else ValueError("nested too deeply")
        raise Refused(_here(f) for f in refusals.not_python(whole, known)) from None
    project = Project()
    module = project.module(Source(str(path), text, tree))
    findings: list[Finding] = []
    notes: list[str] = []
    lines = text.split("\n")
    requires = tuple(_take_head(lines, tree, notes))
    docstring = _take_docstring(lines, tree)
    server, servers, unnamed = _server(module, tree, path)
    findings += unnamed
    tail, unfit = _take_tail(lines, tree, server, path, notes)
    findings += unfit
    rest = ast.parse("\n".join(lines))
    alias = ALIAS.format(server) if server not in ("", "mcp") else ""
    if alias:
        notes.append(
            f"`mcp = {server}` was added, in a cell of its own, for hosts and notebooks look for `mcp`: "
            f"the server is called `{server}` in {path.name}"
        )
    kinds = dict(_kinds(module))
    findings += _started(module, path)
    project.forget()
    notes += _neighbours(rest, path)
    original = Original(
        path, text, tuple(lines), rest, docstring, requires, tail, server, servers, alias, kinds, tuple(notes)
    )
    findings += [
        f
        for f in _refused(original)
        if (f.code, f.place.line) not in {(k.code, k.place.line) for k in findings}
    ]
    if not rest.body:
        findings.append(
            Finding(
                "MCP220", Place(str(path)), "no statement", "There is nothing to bring.", "Name another file."
            )
        )
    if findings:
        raise Refused(sorted(findings, key=lambda f: (f.place.line, f.code)))
    return _with_kept_imports(original)


def _here(finding: Finding) -> Finding:
    """A finding of tangle in the words for a file."""
    if "mcp_workbench" in finding.what:
        return replace(finding, do="Remove what needs it.")
    what = finding.what.replace("no finished cell defines", "nothing defines")
    what = what.replace(" in a finished cell", "")
    return replace(finding, what=what, do=DO.get(finding.code, finding.do))


def _take_head(lines: list[str], tree: ast.Module, notes: list[str]) -> Iterator[str]:
    """Blank out what belongs to the file alone, and give the dependencies that it declares (PEP 723)."""
    import tomllib

    code = min((node.lineno for node in tree.body if not is_docstring(node)), default=len(lines) + 1)
    if SHEBANG.match(lines[0]):
        notes.append(f"left out: the first line, `{lines[0]}`")
        lines[0] = ""
    for number in range(min(2, code - 1)):
        if COOKIE.match(lines[number]):
            notes.append(f"left out: the encoding, `{lines[number].strip()}`; server.py is UTF-8")
            lines[number] = ""
    text = "\n".join(lines)
    made = next((n for n, line in enumerate(lines[: code - 1]) if line == MADE_BY), None)
    seal = SEAL_LINE.search(text)
    if made is not None and seal is not None:
        end = text.count("\n", 0, seal.end())
        lines[made:end] = [""] * (end - made)
    for match in PEP_723.finditer(text):
        first, end = text.count("\n", 0, match.start()), text.count("\n", 0, match.end()) + 1
        if first >= code - 1:
            continue  # in a text
        try:
            table = tomllib.loads("".join(line[2:] + "\n" for line in match[1].splitlines()))
        except tomllib.TOMLDecodeError:
            continue  # it stays where it is, a comment
        lines[first:end] = [""] * (end - first)
        yield from (item for item in table.get("dependencies", ()) if isinstance(item, str))
        notes += [
            f"left out: `{key} = {table[key]!r}` of the PEP 723 block: that is pyproject.toml's to say"
            for key in sorted(table.keys() - {"dependencies"})
            if (key, table[key]) != ("requires-python", PYTHON)
        ]


def _take_docstring(lines: list[str], tree: ast.Module) -> str:
    """Blank out the module's docstring, and give it."""
    first = tree.body[0] if tree.body else None
    found = ast.get_docstring(tree)
    if first is None or found is None:
        return ""
    end = first.end_lineno or first.lineno
    if len(tree.body) > 1 and tree.body[1].lineno <= end:
        return ""  # it shares its line
    if (behind := lines[end - 1].encode()[first.end_col_offset or 0 :].decode().strip()).startswith("#"):
        lines[end - 1] = behind
        end -= 1
    lines[first.lineno - 1 : end] = [""] * (end - first.lineno + 1)
    return found


def _take_tail(
    lines: list[str], tree: ast.Module, server: str, path: Path, notes: list[str]
) -> tuple[Tail, list[Finding]]:
    """Blank out the tail, with the comments above it, and give what becomes of it."""
    tail, findings = tail_of(tree, lines, server, str(path))
    shown: list[str] = []
    for first, last in tail.spans:
        top = _above(first, lines)
        shown.append("\n".join(lines[top - 1 : last]))
        lines[top - 1 : last] = [""] * (last - top + 1)
    if tail.note:
        notes.append(tail.note)
    return replace(tail, text="\n".join(shown)), findings


def _above(first: int, lines: list[str]) -> int:
    """The first line of the comment that stands right above a line, or of the title above blank lines."""
    bottom = first - 1
    while bottom and not lines[bottom - 1].strip():
        bottom -= 1
    top = bottom + 1
    while top > 1 and lines[top - 2].startswith("#"):
        top -= 1
    free = top > bottom or (bottom < first - 1 and not title_of(top, bottom, lines)[0])
    return first if free else top


def _server(module: Module, tree: ast.Module, path: Path) -> tuple[str, frozenset[str], list[Finding]]:
    """The name of the server that the file offers, those of all that it makes, and why there is none."""
    body = [node for node in tree.body if not is_tail(node)]
    bound = {name: node for node in body for name in names_of(ast.unparse(node), [node]).binds}
    imported = {name for name, node in bound.items() if isinstance(node, ast.Import | ast.ImportFrom)}
    servers = [name for name in bound if name not in imported and module.means(name) == SERVER]
    every = frozenset(servers)
    if "mcp" in bound and "mcp" not in imported:
        return "mcp", every | {"mcp"}, []
    if servers and "mcp" in imported:
        return "", every, [_taken(module, bound["mcp"], servers[0], path)]
    started = {
        n.id for seen in runs(module) if isinstance(n := getattr(seen.node.func, "value", None), ast.Name)
    }
    for chosen in (servers, started & every, every & {"server", "app"}, set(_mounting(tree)) & every):
        if len(chosen) == 1:
            return next(iter(chosen)), every, []
    return "", every, [_nameless(module, bound, servers, path)]


def _mounting(tree: ast.Module) -> Iterator[str]:
    """The servers that others are mounted on."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "mount" and isinstance(node.value, ast.Name):
            yield node.value.id


def _taken(module: Module, node: ast.stmt, server: str, path: Path) -> Finding:
    return Finding(
        "MCP218",
        _at(module, node.lineno, path),
        f"`mcp` is imported, and the server is called `{server}`",
        LOOKED_FOR,
        f"Import what you need under another name, and call the server `mcp`, or add `mcp = {server}`.",
    )


def _at(module: Module, line: int, path: Path) -> Place:
    return Place(str(path), line=line, source=module.text.split("\n")[line - 1])


def _nameless(module: Module, bound: Mapping[str, ast.stmt], servers: list[str], path: Path) -> Finding:
    place, what, do = Place(str(path)), "no server at module level", 'Make it there: `mcp = FastMCP("...")`.'
    if servers:
        place = _at(module, bound[servers[0]].lineno, path)
        what = f"which is the server: {', '.join(f'`{name}`' for name in servers)}?"
        do = "Call it `mcp`, or add `mcp = ...`."
    else:
        for function, region in module.functions:
            made = isinstance(function, FUNCTIONS) and region.scope is module.scope
            if made and module.returned(function) == SERVER:
                place = _at(module, function.lineno, path)
                what = f"the server is made in {function.name}()"
                do = f"Add `mcp = {function.name}(...)` at module level, below it."
                break
    return Finding("MCP218", place, what, LOOKED_FOR, do)


def _started(module: Module, path: Path) -> Iterator[Finding]:
    """MCP213: a server that is started while the file is imported, whatever it is called."""
    for seen in runs(module):
        if seen.region.at_import:
            yield Finding(
                "MCP213",
                _at(module, seen.node.lineno, path),
                "this starts the server while the file is imported",
                "A host imports the file and finds the server by itself.",
                DO["MCP213"],
            )


def _kinds(module: Module) -> Iterator[tuple[int, str]]:
    for name, kind in REGISTERING.items():
        for seen in module.calls.get(name, ()):
            if isinstance(seen.node.func, ast.Attribute):
                yield seen.node.lineno, kind
    for component in module.components():
        yield component.register.lineno, component.kind


def _neighbours(tree: ast.Module, path: Path) -> Iterator[str]:
    """A note for each module beside the file that it imports."""
    roots = {
        name[0].partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in names_of_import(node)
    }
    for root in sorted(roots - {"", path.stem}):
        if (path.parent / f"{root}.py").is_file() or (path.parent / root / "__init__.py").is_file():
            yield f"`{root}` stands beside {path.name} and is imported: it is not brought; copy or install it"


def _refused(original: Original) -> Iterator[Finding]:
    """What tangle says of the file as one cell, in the words for a file; its first line is the mark's."""
    path = str(original.path)
    for node in ast.walk(original.tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield Finding(
                "MCP217",
                Place(path, line=node.lineno, column=node.col_offset, source=original.lines[node.lineno - 1]),
                "a relative import",
                "server.py is one file and belongs to no package.",
                "Import the module by its full name, or define what you need in this file.",
            )
    text = MARK + "\n".join(original.lines)
    bound = names_of(text, original.tree.body).binds
    cells = [Cell(path, 0, "", "", text), *(Cell(path, 0, "added", "", MARK + t) for t in original.added)]
    try:
        tangle(cells)
    except Refused as refused:
        stars = any(finding.code == "MCP211" for finding in refused.findings)
        tail = original.tail.spans[0][0] if original.tail.spans else 0
        for finding in refused.findings:
            line = tail if finding.place.cell_id == "added" else max(finding.place.line - 1, 0)
            if finding.code == "MCP217" and "relative" in finding.what:
                continue  # said above
            if stars and finding.code in ("MCP205", "MCP210"):
                continue  # what a star binds only looks undefined
            name = re.match(r"no finished cell defines `(\w+)`", finding.what)
            if name and name[1] in bound:
                yield _reads_itself(finding, name[1], line)
                continue
            what = re.sub(
                rf"(on line |{re.escape(path)}:)(\d+)", lambda m: f"{m[1]}{int(m[2]) - 1}", finding.what
            )
            yield _here(replace(finding, what=what, place=replace(finding.place, line=line, cell_id="")))


def _reads_itself(finding: Finding, name: str, line: int) -> Finding:
    """A name that tangle takes for updated only.

    So it takes `a = 1; b = a`, which is one statement, and a class that names itself in an annotation.
    """
    return replace(
        finding,
        place=replace(finding.place, line=line, cell_id=""),
        what=f"`{name}` is read by the statement that defines it",
        do="Give each statement a line of its own; in a class, write `Self` (from typing) for the class.",
    )


def _with_kept_imports(original: Original) -> Original:
    """The file with `# noqa: F401` behind imports that tangle would drop, and that may do something.

    What it does to import another module whose name nothing reads (register tools?) cannot be seen here.
    """
    text = MARK + "\n".join(original.lines)
    kept = tangle(
        [Cell("", 0, "", "", text), *(Cell("", 0, f"added {t}", "", MARK + t) for t in original.added)]
    ).imports
    known = {(item.module, item.attribute, item.alias) for item in kept}
    lines = list(original.lines)
    notes = list(original.notes)
    for node in original.tree.body:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            break
        for alias, name in zip(node.names, names_of_import(node), strict=True):
            if name in known:
                continue
            if may_go(original.tree, name):
                told = alias.asname or alias.name
                notes.append(f"left out: the import of `{told}` on line {node.lineno}, which nothing reads")
            elif "noqa: F401" not in lines[alias.lineno - 1] and not lines[alias.lineno - 1].endswith("\\"):
                lines[alias.lineno - 1] += "  # noqa: F401"
    return replace(original, lines=tuple(lines), notes=tuple(notes))
