"""Import: load a server in a process of its own, and report what only the live object shows."""

from __future__ import annotations

import ast
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import IO, Any

from mcp_workbench.errors import WorkbenchError
from mcp_workbench.export import Export, export
from mcp_workbench.findings import Finding, Place
from mcp_workbench.rules import RULES
from mcp_workbench.rules.chapters import made_from, workspaces_of
from mcp_workbench.rules.checking import Asked, silenced
from mcp_workbench.rules.module import SERVER, Function, Module
from mcp_workbench.rules.project import Project, dotted_name
from mcp_workbench.rules.rule import place_of
from mcp_workbench.rules.servers import runs, transport_of
from mcp_workbench.rules.sources import NotReadable, files_in

SECONDS = 20
GRACE = 3  # seconds more, for a child that cannot end itself
CHILD = Path(__file__).with_name("inspected.py")
TEST = re.compile(r"test_.*\.py|.*_test\.py|conftest\.py")
OVER_HTTP = frozenset({"http", "sse", "streamable-http"})
# An exception's type and text, and the rule that speaks of it; the first that fits.
ERRORS = tuple(
    (code, re.compile(pattern))
    for code, pattern in (
        ("MCP013", r"partially initialized module|circular import"),
        ("MCP007", r"Already running asyncio|^EOFError|Unknown transport|run_\w+_async\(\) got"),
        ("MCP015", r"running event loop|no current event loop|Event loop is closed"),
        ("MCP003", r"NameError: name 'Context'|_contextvars\.Context"),
        ("MCP004", r"relative URL without a base|@resource decorator was used incorrectly"),
        ("MCP005", r"URI (path )?parameters|URI template must contain|Query parameters"),
        ("MCP011", r"^PydanticSchemaGenerationError|\*k?w?args are not supported"),
        ("MCP009", r"'FastMCP' object has no attribute 'settings'"),
        ("MCP016", r"No module named 'key_value|unexpected keyword argument\(s\): 'storage'"),
        ("MCP020", r"no attribute 'import_server'"),
        ("MCP021", r"resource_prefix_format"),
        ("MCP022", r"unexpected keyword argument '\w*consent\w*'"),
        ("MCP023", r"jwt_signing_key"),
        ("MCP024", r"validation errors? for Icon\b"),
        ("MCP106", r"FastMCP\(\) (no longer accepts|got unexpected)"),
        ("MCP108", r"FastMCP\.mount\(\)|'required_extensions'"),
        ("MCP107", r"'FastMCP' object has no attribute"),
        ("MCP010", r"[Aa]ddress already in use"),
        ("MCP008", r""),
    )
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What loading showed, and a line for each server that could not be looked at."""

    findings: tuple[Finding, ...]
    lines: tuple[str, ...]


@dataclass(frozen=True)
class _Server:
    """A file to load. Of a workspace, `made` is its server.py as an export would write it."""

    path: Path
    module: Module
    named: bool = False
    made: Export | None = None
    notebooks: Path = Path()

    @cached_property
    def file(self) -> str:
        return os.path.realpath(self.path)


@dataclass(frozen=True, slots=True)
class _Report:
    """What a child noted, the bytes that the server wrote to stdout, and how the process ended."""

    notes: tuple[dict[str, Any], ...]
    printed: int
    ended: int | None
    """Its exit code, or None where it had to be killed."""

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [note for note in self.notes if note["kind"] == kind]


def loaded(paths: Sequence[Path], what: Asked, found: Sequence[Finding] = ()) -> Loaded:
    """The findings that loading each server among the files shows, and that `found` does not have."""
    project = Project()
    files = {os.path.realpath(file): str(file) for file in files_in(paths)}
    servers = list(_servers(paths, project))
    findings: list[Finding] = []
    lines: list[str] = []
    for server, report in zip(servers, _reports(servers), strict=True):
        told = _Telling(server, report, project, files, found)
        findings += [
            finding
            for finding in told.findings()
            if what.wants(finding.code, by_default=RULES[finding.code].default)
            and not silenced(finding.place.source, finding.code)
        ]
        lines += told.lines
    ordered = sorted(
        dict.fromkeys(findings), key=lambda f: (f.place.chapter, f.place.cell, f.place.line, f.code)
    )
    return Loaded(tuple(ordered), tuple(dict.fromkeys(lines)))


# Which files are servers ------------------------------------------------------------------------------------


def _servers(paths: Sequence[Path], project: Project) -> Iterator[_Server]:
    """The files that build a server, the one file that was named, and the server of each workspace."""
    named = paths[0] if len(paths) == 1 and paths[0].is_file() else None
    files = list(files_in(paths))
    for path in files:
        if path.suffix != ".py" or made_from(path):
            continue
        try:
            source = project.read(path)
        except NotReadable:
            continue
        if isinstance(source, Finding):
            continue
        speaks = "mcp" in source.text.casefold() and not TEST.fullmatch(path.name)
        if path != named and not speaks:
            continue
        module = project.module(source)
        if path == named or _builds(module):
            yield _Server(path, module, path == named)
    for here in dict.fromkeys(workspaces_of(files).values()):
        with suppress(WorkbenchError):  # refused, and said before
            made = export(here)
            module = Module(str(here.server), made.text, ast.parse(made.text))
            yield _Server(here.server, module, made=made, notebooks=here.notebooks)


def _builds(module: Module) -> bool:
    """Does the file make a server, at module level or in a function?"""
    return any(module.is_server(seen.node, seen.region) for calls in module.calls.values() for seen in calls)


# Loading them -----------------------------------------------------------------------------------------------


def _reports(servers: Sequence[_Server]) -> list[_Report]:
    """Load each in a process of its own, several at a time."""
    running: set[subprocess.Popen[bytes]] = set()
    pool = ThreadPoolExecutor(os.cpu_count() or 1)
    try:
        return list(pool.map(lambda server: _report(server, running), servers))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in list(running):  # interrupted
            _end(process)


def _report(server: _Server, running: set[subprocess.Popen[bytes]]) -> _Report:
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        report = Path(folder) / "report"
        report.touch()
        asked = {
            **_as_module(server),
            "file": server.file,
            "report": str(report),
            "seconds": SECONDS,
            "text": "",
        }
        if server.made is not None:
            text = Path(folder) / "server.py"
            text.write_text(server.made.text, encoding="utf-8")
            asked["text"] = str(text)
        process = subprocess.Popen(
            [sys.executable, "-P", str(CHILD), json.dumps(asked)],
            cwd=Path(server.file).parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # so that all that it starts can be ended
        )
        running.add(process)
        counted = [0]
        reader = Thread(target=_count, args=(process.stdout, counted), daemon=True)
        reader.start()
        ended: int | None = None
        try:
            with suppress(subprocess.TimeoutExpired):
                ended = process.wait(SECONDS + GRACE)
        finally:
            _end(process)
            running.discard(process)
        reader.join(1)
        return _Report(tuple(_read_notes(report)), counted[0], ended)


def _as_module(server: _Server) -> dict[str, Any]:
    """As what a file is imported, and from where: as `fastmcp run` does, and parts of a package as such.

    A part of a package that can be run (`python -m`) is not itself the module that its package imports.
    """
    path = Path(server.file)
    home, dotted = dotted_name(path)
    if server.made is not None or ("." not in dotted and path.stem != "__init__"):
        return {"name": "server_module", "package": "", "roots": [str(path.parent)]}
    package = dotted if path.stem == "__init__" else dotted.rpartition(".")[0]
    name = "server_module" if server.module.has_tail and path.stem != "__init__" else dotted
    return {"name": name, "package": package, "roots": [str(path.parent), str(home)]}


def _count(stream: IO[bytes], counted: list[int]) -> None:
    """Read what the server prints, so that it does not wait for a reader; none of it is kept."""
    with stream, suppress(OSError, ValueError):
        while piece := stream.read1(65536):  # type: ignore[attr-defined]
            counted[0] += len(piece)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and all that it started."""
    if sys.platform == "win32":
        if process.poll() is None:
            subprocess.run(
                ["taskkill", "/F", "/T", "/PID", str(process.pid)],  # noqa: S607  # where Windows keeps it
                capture_output=True,
                check=False,
            )
    else:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _read_notes(report: Path) -> Iterator[dict[str, Any]]:
    for line in report.read_text(encoding="utf-8", errors="replace").splitlines():
        with suppress(ValueError):  # killed while it wrote
            yield json.loads(line)


# What it means ----------------------------------------------------------------------------------------------


class _Telling:
    """Turns what a child noted into findings, and into `lines` of what is no finding."""

    def __init__(
        self,
        server: _Server,
        report: _Report,
        project: Project,
        files: dict[str, str],
        found: Sequence[Finding],
    ) -> None:
        self.server, self.report, self.project, self.files = server, report, project, files
        self.lines: list[str] = []
        self.found = {(f.code, f.place.chapter, f.place.cell, f.place.line) for f in found}
        self.codes = {(f.code, f.place.chapter) for f in found}
        self.modules: dict[str, Module | None] = {server.file: server.module}

    def findings(self) -> Iterator[Finding]:
        """All findings in this server."""
        if self._is_script():
            if self.server.named:
                self._line("it is a script: it runs to its end when it is imported")
            return
        for finding in (*self._while_loading(), *self._failure(), *self._objects()):
            if finding is not None:
                yield finding

    def _is_script(self) -> bool:
        """Does importing it run a client of its server, or whatever its end is? Nobody means to serve it."""
        module = self.server.module
        failed = [
            self.at(note["at"])[2]
            for note in self.report.of("error")
            if IN_A_LOOP in note["text"] and not note["uvicorn"]  # which serves
        ]
        ends = [statement.end_lineno for statement in failed if isinstance(statement, ast.Expr)]
        at_the_end = module.tree.body[-1:] and ends == [module.tree.body[-1].end_lineno]
        return bool(ends) and (
            (at_the_end and not runs(module))
            or any(
                module.meaning(seen.node, seen.region) == "fastmcp.Client()"
                for calls in module.calls.values()
                for seen in calls
            )
        )

    # Places -----------------------------------------------------------------------------------------------

    def shown(self, file: str) -> str:
        """A file as the reader named it, or as seen from here."""
        if file in self.files:
            return self.files[file]
        if file == self.server.file:
            return str(self.server.path)
        path, here = Path(file), Path.cwd()
        return str(path.relative_to(here)) if path.is_relative_to(here) else file

    def module(self, file: str) -> Module | None:
        """The parsed file that a note speaks of."""
        if file not in self.modules:
            self.modules[file] = None
            with suppress(NotReadable):
                source = self.project.read(Path(self.shown(file)))
                if not isinstance(source, Finding):
                    self.modules[file] = self.project.module(source)
        return self.modules[file]

    def at(self, at: Sequence[Any] | None) -> tuple[str, int, ast.AST | None]:
        """File, line and statement of a note; of one without a place, the server's file."""
        file, line = (str(at[0]), int(at[1])) if at else (self.server.file, 1)
        module = self.module(file)
        return file, line, _statement(module, line) if module else None

    def place(self, file: str, line: int, node: ast.AST | None = None) -> Place:
        """A node's place, or a whole line's; in a workspace that of its cell."""
        module = self.module(file)
        if module is not None and node is not None and hasattr(node, "lineno"):
            place = replace(place_of(module, node), chapter=self.shown(file))
        else:
            text = module.lines[line - 1] if module is not None and 0 < line <= len(module.lines) else ""
            start, end = len(text) - len(text.lstrip()), len(text.rstrip())
            place = Place(self.shown(file), 0, "", line, start, text, line, end)
        return self._in_cell(place) if file == self.server.file else place

    def _in_cell(self, place: Place) -> Place:
        """The place in the notebooks of a line of a workspace's server.py."""
        made = self.server.made
        if made is None:
            return place
        for piece, start in zip(made.program.pieces, made.starts, strict=True):
            if start <= place.line <= start + piece.text.count("\n"):
                line = piece.line_in_cell(place.line - start + 1)
                cell = piece.cell
                chapter = str(self.server.notebooks / cell.chapter)
                end = line + max(place.end_line - place.line, 0)
                return replace(
                    place, chapter=chapter, cell=cell.number, cell_id=cell.id, line=line, end_line=end
                )
        words = set(re.findall(r"\w+", place.source))
        homes = [item.cell for item in made.program.imports if item.binds in words]
        if homes:  # one of the imports that were gathered at the top
            chapter = str(self.server.notebooks / homes[0].chapter)
            return Place(chapter, homes[0].number, homes[0].id)
        return replace(place, chapter=str(self.server.path))

    # Findings ---------------------------------------------------------------------------------------------

    def finding(
        self,
        code: str,
        file: str,
        line: int,
        what: str,
        do: str = "",
        node: ast.AST | None = None,
        within: tuple[int, int] = (0, 0),
        once: bool = False,
    ) -> Finding | None:
        """A finding, unless the static pass has it: on its line, `within` lines, or (`once`) in the file."""
        place = self.place(file, line, node)
        if once and (code, place.chapter) in self.codes:
            return None
        for number in {line, place.line, *range(within[0], within[1] + 1)}:
            other = self.place(file, number)
            if (code, other.chapter, other.cell, other.line) in self.found:
                return None
        rule = RULES[code]
        return Finding(code, place, what, rule.why, do or rule.fix, url=rule.url)

    def _while_loading(self) -> Iterator[Finding | None]:
        """What loading did before it ended, or instead."""
        for note in self.report.of("run"):
            yield self._on_line("MCP007", note, "importing the file starts the server", UNDER_MAIN)
        printed = self.report.of("print")[:1]
        if (printed or self.report.printed) and not self._only_http():
            what = "the import prints to stdout, which over stdio carries the protocol"
            yield self._on_line("MCP007", (printed or [{"at": None}])[0], what, TO_STDERR)
        failed = {tuple(note["at"] or ()) for note in self.report.of("error")}
        for note in (*self.report.of("connect"), *self.report.of("listen")):
            port = note["port"]
            does = (
                f"opens a connection to port {port}"
                if note["kind"] == "connect"
                else f"listens on port {port}"
            )
            fails = ", and fails" if note["at"] and tuple(note["at"]) in failed else ""
            yield self._on_line("MCP015", note, f"the import {does}{fails}", IN_LIFESPAN)
        for note in self.report.of("stuck"):
            if note["at"]:
                what = f"the import does not end: after {SECONDS} seconds it still stands here"
                yield self._on_line("MCP007", note, what, UNDER_MAIN)
            else:
                self._line(f"loading it takes more than {SECONDS} seconds")
        for note in self.report.of("seen"):
            if note["code"] == "MCP023":
                what = "a signing key of less than 12 characters can be guessed"
                yield self._on_line("MCP023", note, what, LONG_KEY, once=True)

    def _on_line(
        self, code: str, note: dict[str, Any], what: str, do: str, once: bool = False
    ) -> Finding | None:
        file, line, statement = self.at(note["at"])
        return self.finding(code, file, line, what, do, within=_lines(statement), once=once)

    def _only_http(self) -> bool:
        """Do all runs of the file say that they serve over HTTP? Then stdout is free."""
        started = runs(self.server.module)
        named = [transport_of(self.server.module, seen) for seen in started]
        return bool(named) and all(each.name in OVER_HTTP and not each.by_default for each in named)

    def _line(self, text: str, at: Sequence[Any] | None = None) -> None:
        place = self.place(str(at[0]), int(at[1])) if at else self.server.path
        self.lines.append(f"{place}: not looked at: {text}")

    def _failure(self) -> Iterator[Finding | None]:
        """Why it did not load to its end: a finding where the code is wrong, a line where it may be right."""
        report = self.report
        for note in report.of("without"):
            self._line(f"FastMCP cannot be imported here: {note['text']}")
        for note in report.of("exit"):
            says = f": {note['says']}" if note["says"] else ""
            self._line(f"loading it ends the process, with exit code {note['code']}{says}", note["at"])
        for note in report.of("error"):
            yield self._error(note)
        if report.ended is None and not report.of("stuck"):
            self._line(f"loading it does not end within {SECONDS} seconds")
        elif not report.of("end") and not any(map(report.of, ("without", "exit", "stuck"))):
            self._line(f"loading it ended the process, with exit code {report.ended}")

    def _error(self, note: dict[str, Any]) -> Finding | None:
        said = f"{note['type']}: {note['text']}".rstrip(": .")
        file, line, statement = self.at(note["at"])
        first, last = _lines(statement)
        for number in range(first or line, (last or line) + 1):
            other = self.place(file, number)
            if any(key[1:] == (other.chapter, other.cell, other.line) for key in self.found):
                return None  # the static pass has seen why
        if note["variable"]:
            self._line(f"it needs the environment variable {note['variable']}", note["at"])
            return None
        if any(other["at"] == note["at"] for kind in ("connect", "listen") for other in self.report.of(kind)):
            return None  # said
        code = "MCP007" if note["uvicorn"] else next(c for c, pattern in ERRORS if pattern.search(said))
        if self._is_its_own(code, note, statement):
            missing = f"it needs {note['missing']}, which is not installed here"
            self._line(missing if note["missing"] else f"it refuses to load: {said}", note["at"])
            return None
        what = f"the import fails: {said}"
        fits = code != "MCP008" or note["type"] in ("ImportError", "ModuleNotFoundError")
        return self.finding(code, file, line, what, "" if fits else WHAT_IT_SAYS)

    def _is_its_own(self, code: str, note: dict[str, Any], statement: ast.AST | None) -> bool:
        """Is it what the server asks for, such as settings, and not its code, that is not right here?"""
        if note["missing"]:
            return _declares(self.server, note["missing"])
        empty = note["value"] or "NoneType" in note["text"]
        module = self.module(str(note["at"][0])) if note["at"] else None
        if empty and module is not None and _reads_environment(module, statement):
            return True
        if code != "MCP008":
            return False
        extra = note["type"] == "ImportError" and not note["raised"] and "install" in note["text"].casefold()
        refused = note["raised"] and isinstance(statement, ast.Raise | ast.Assert)
        return bool(extra or refused or note["settings"] or note["system"])

    def _objects(self) -> Iterator[Finding | None]:
        """What is wrong with the servers that are there."""
        for note in self.report.of("servers"):
            if not note["standard"] and not self.report.of("run"):
                yield self._no_server(note["names"])
        for note in self.report.of("seen"):
            if note["code"] in SEEN:
                yield SEEN[note["code"]](self, note)
        yield from self._twice()

    def _no_server(self, names: list[str]) -> Finding | None:
        module, path = self.server.module, self.server.path
        if not self.server.named or "." in module.name or path.with_name("fastmcp.json").is_file():
            return None  # a part of something, or started in another way
        if names:
            node = self._made(names[0])
            what = f"`fastmcp run` looks for mcp, server or app, and the server here is called `{names[0]}`"
            do = f"Call it mcp, or say its name: fastmcp run {path.name}:{names[0]}"
            return self.finding("MCP001", self.server.file, 1, what, do, node, once=True)
        if not _builds(module):
            self._line("no server is made in it")
            return None
        node = next(
            (function for function, _ in module.functions if module.returned(function) == SERVER), None
        )
        what = "after the import, the module has no server by the name mcp, server or app"
        do = 'Write mcp = FastMCP("...") at the top level'
        if node is not None:
            do = f"Write mcp = {node.name}() at the top level, or run fastmcp run {path.name}:{node.name}"
        return self.finding("MCP001", self.server.file, 1, what, f"{do}.", node, once=True)

    def _made(self, name: str) -> ast.AST | None:
        """Where a server of the file is constructed, by its name."""
        bound = self.server.module.scope.names.get(name, [])
        return bound[0].what if bound and isinstance(bound[0].what, ast.Call) else None

    def context(self, note: dict[str, Any]) -> Finding | None:
        name = note["parameter"]
        what = f"`{name}` has no annotation, so that {note['subject']} takes it from its clients"
        return self._parameter(note, what, f"Write {name}: Context, with `from fastmcp import Context`.")

    def null(self, note: dict[str, Any]) -> Finding | None:
        name = note["parameter"]
        what = f"{note['subject']} offers null as the default of `{name}`, and refuses a null that is sent"
        return self._parameter(note, what, f"Add `| None` to the annotation of `{name}`.")

    def _parameter(self, note: dict[str, Any], what: str, do: str) -> Finding | None:
        file, line, function = self._function(note)
        node = next((a for a in _arguments(function) if a.arg == note["parameter"]), function)
        return self.finding(note["code"], file, line, what, do, node, _lines(function))

    def output(self, note: dict[str, Any]) -> Finding | None:
        file, line, function = self._function(note)
        what = (
            f"{note['subject']} has no output schema, for none can be made of {note['type']}: "
            "the model gets its str()"
        )
        do = "Return what JSON knows, a Pydantic model, a dataclass or a TypedDict, and annotate it so."
        node = function.returns if function is not None and function.returns else function
        return self.finding("MCP011", file, line, what, do, node, _lines(function))

    def icon(self, note: dict[str, Any]) -> Finding | None:
        src = note["src"] if len(note["src"]) <= LONGEST_SRC else f"{note['src'][:LONGEST_SRC]}..."
        what = f"the icon {src!r} of {note['subject']} {note['wrong']}"
        do = "Write an https: address, or Image(path=...).to_data_uri()."
        if note["at"]:
            file, line, function = self._function(note)
        else:
            file, line, function = self.server.file, 1, None
        module = self.module(file)
        literal = (
            next(
                (n for n in ast.walk(module.tree) if isinstance(n, ast.Constant) and n.value == note["src"]),
                None,
            )
            if module
            else None
        )
        node = literal or function or self._made(note.get("server", ""))
        return self.finding("MCP024", file, line, what, do, node, _lines(function))

    def order(self, note: dict[str, Any]) -> Finding | None:
        outer, inner = note["outer"], note["inner"]
        if note["late"]:
            what = f"{inner} is added after {outer}, and never sees what that rejects"
        else:
            what = f"{outer} is added before {inner}, and answers from its cache what that would reject"
        node = self._call(outer) or self._made(note["server"])
        do = f"Add {inner} first: the first one is the outermost."
        return self.finding("MCP018", self.server.file, 1, what, do, node, once=True)

    def memory(self, note: dict[str, Any]) -> Finding | None:
        what = f"{note['type']} keeps its clients and tokens in memory, and a restart logs everybody out"
        do = "Give client_storage= a store that lasts, or leave it out: the default is encrypted files."
        return self._of_login("MCP016", note, "client_storage", what, do)

    def consent(self, note: dict[str, Any]) -> Finding | None:
        what = f"{note['type']} sends people to the upstream login without asking them"
        do = "Leave require_authorization_consent out: the page is shown by default."
        return self._of_login("MCP022", note, "require_authorization_consent", what, do)

    def _of_login(self, code: str, note: dict[str, Any], argument: str, what: str, do: str) -> Finding | None:
        call = self._call(note["type"])
        given = [k for k in call.keywords if k.arg == argument] if call else []
        node = given[0] if given else call or self._made(note["server"])
        return self.finding(code, self.server.file, 1, what, do, node, once=True)

    def _call(self, name: str) -> ast.Call | None:
        """Where something of that class is constructed in the server's file."""
        return next((seen.node for seen in self.server.module.calls.get(name, ())), None)

    def _function(self, note: dict[str, Any]) -> tuple[str, int, Function | None]:
        """The function that a note speaks of: `at` is the line of its first decorator."""
        file, line, _ = self.at(note["at"])
        module = self.module(file)
        for function, _ in module.functions if module else ():
            if _lines(function)[0] == line:
                return file, line, function
        return file, line, None

    def _twice(self) -> Iterator[Finding | None]:
        """Tools that went to a second copy of the server: a finding for each file that they stand in."""
        by_file: dict[str, list[dict[str, Any]]] = {}
        for note in self.report.of("twice"):
            by_file.setdefault(note["at"][0], []).append(note)
        for file, notes in by_file.items():
            name, module = notes[0]["module"], self.module(file)
            here = (self.shown(file), str(self.server.path))
            if any(("MCP013", chapter) in self.codes for chapter in here):
                continue
            lost = ", ".join(note["subject"] for note in notes[:3]) + (", ..." if len(notes) > 3 else "")
            what = (
                f"{self.server.path.name} is run a second time when it is imported as `{name}`, and {lost} "
                "is on that second server, not on the one that is started"
            )
            do = "Move the server to a module of its own, or write def register(mcp) here and call it there."
            node = _import_of(module, name) if module else None
            yield self.finding("MCP013", file, notes[0]["at"][1], what, do, node)


ENVIRONMENT = frozenset({"environ", "getenv", "environb"})
IN_A_LOOP = "cannot be called from a running event loop"
UNDER_MAIN = 'Put it under `if __name__ == "__main__":`, or into the lifespan.'
TO_STDERR = "Print to sys.stderr, or use logging."
IN_LIFESPAN = "Open it in the server's lifespan=: an import should need nothing but the code."
LONG_KEY = 'Make one with secrets.token_urlsafe(32), and read it: os.environ["JWT_SIGNING_KEY"].'
WHAT_IT_SAYS = "Put right what the exception names."
LONGEST_SRC = 40
SEEN = {
    "MCP003": _Telling.context,
    "MCP006": _Telling.null,
    "MCP011": _Telling.output,
    "MCP016": _Telling.memory,
    "MCP018": _Telling.order,
    "MCP022": _Telling.consent,
    "MCP024": _Telling.icon,
}


def _statement(module: Module, line: int) -> ast.stmt | None:
    """The innermost statement whose lines have this one."""
    found: ast.stmt | None = None
    body: Iterable[ast.AST] = module.tree.body
    while True:
        inner = next((s for s in body if _first(s) <= line <= (getattr(s, "end_lineno", 0) or 0)), None)
        if inner is None:
            return found
        if isinstance(inner, ast.stmt):
            found = inner
        body = [
            child
            for child in ast.iter_child_nodes(inner)
            if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case)
        ]


def _first(node: ast.AST) -> int:
    """The first line of a node, with its decorators."""
    if isinstance(node, ast.match_case):
        return node.pattern.lineno
    lines: list[int] = [d.lineno for d in getattr(node, "decorator_list", ())]
    return min([getattr(node, "lineno", 0), *lines])


def _lines(statement: ast.AST | None) -> tuple[int, int]:
    """First and last line of a statement; of one that has a body, those of its head."""
    if statement is None:
        return 0, 0
    last = getattr(statement, "end_lineno", 0) or 0
    body = getattr(statement, "body", None)
    if isinstance(body, list) and body:
        last = max(_first(body[0]) - 1, getattr(statement, "lineno", 0))
    return _first(statement), last


def _arguments(function: Function | None) -> list[ast.arg]:
    given = function.args if function else None
    return [*given.posonlyargs, *given.args, *given.kwonlyargs] if given else []


def _reads_environment(module: Module, statement: ast.AST | None) -> bool:
    """Does a statement use the environment, or a name that was made from it?"""
    for node in ast.walk(statement) if statement is not None else ():
        if isinstance(node, ast.Attribute) and node.attr in ENVIRONMENT:
            return True
        if isinstance(node, ast.Name):
            bound = [b.what for b in module.scope.names.get(node.id, ()) if isinstance(b.what, ast.AST)]
            inner = [n for what in bound if not isinstance(what, ast.stmt) for n in ast.walk(what)]
            names = {getattr(n, "attr", getattr(n, "id", "")) for n in inner}
            if node.id in ENVIRONMENT or names & ENVIRONMENT:
                return True
    return False


def _declares(server: _Server, name: str) -> bool:
    """Does the server's project say that it needs a module, which is not installed here then?"""
    word = re.compile(rf"(?<![\w.-]){name.replace('_', '[-_.]')}(?![\w-])", re.IGNORECASE)
    head = re.search(r"^# /// script$.*?^# ///$", server.module.text, re.MULTILINE | re.DOTALL)
    if head and word.search(head[0]):
        return True
    for folder in Path(server.file).parents:
        texts = [folder / "pyproject.toml", folder / "fastmcp.json", *folder.glob("requirements*.txt")]
        for path in texts:
            with suppress(OSError):
                if word.search(path.read_text("utf-8", "replace")):
                    return True
        if (folder / ".git").exists():
            break
    return False


def _import_of(module: Module, name: str) -> ast.AST | None:
    """The import of a module by its dotted name."""
    for node, _ in module.imports:
        if isinstance(node, ast.ImportFrom):
            origin = module.absolute(node)
            if name == origin or any(name == f"{origin}.{alias.name}" for alias in node.names):
                return node
        elif any(alias.name == name for alias in node.names):
            return node
    return None
