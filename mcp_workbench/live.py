"""The program in the kernel: `resume` a chapter where the ones before it end, `rebuild` after a revision."""

from __future__ import annotations
import __future__

import asyncio
import inspect
import linecache
import logging
import os
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from mcp_workbench import notebook, workspace
from mcp_workbench.errors import WorkbenchError
from mcp_workbench.notebook import Cell
from mcp_workbench.tangle import Piece, Program, read_cell, tangle

Namespace = dict[str, Any]
Components = dict[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class Resumed:
    """What `resume` did, for a notebook to show."""

    chapter: str
    cells: int
    components: Components

    def __repr__(self) -> str:
        if not self.cells:
            return f"{self.chapter}: the first chapter, nothing to resume"
        return f"{self.chapter}: resumed with {_cells(self.cells)}; {_counts(self.components)}"


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What `rebuild` changed in the server, for a notebook to show."""

    cells: int
    before: Components
    after: Components

    @property
    def changes(self) -> list[str]:
        """Lines such as `revised tool opening_hours`, in the order added, revised, gone."""
        lists = {
            "added": self.after.keys() - self.before.keys(),
            "revised": {k for k in self.after.keys() & self.before.keys() if self.after[k] != self.before[k]},
            "gone": self.before.keys() - self.after.keys(),
        }
        return [f"{what} {kind} {name}" for what, keys in lists.items() for kind, name in sorted(keys)]

    def __repr__(self) -> str:
        changes = "".join(f"\n  {line}" for line in self.changes) or "\n  nothing changed"
        return f"rebuilt from {_cells(self.cells)}; {_counts(self.after)}{changes}"


@dataclass
class _Session:
    """One kernel's memory: the chapter that it runs, and every cell that it has run, with its id if known."""

    folder: Path
    chapter: str
    executed: list[tuple[str, str]] = field(default_factory=list)

    def remember(self, result: Any) -> None:
        info = result.info
        self.executed.append((getattr(info, "cell_id", None) or "", info.raw_cell or ""))


_session: _Session | None = None
_data_home: tempfile.TemporaryDirectory[str] | None = None


def resume(chapter: str) -> Resumed:
    """Put the reader where a chapter starts: run the program of the chapters before it in this namespace.

    It also makes the kernel a place for lessons. FastMCP's log is silenced (the client gets every error
    anyway; `logging.getLogger("fastmcp").setLevel("INFO")` brings it back). What a server keeps in the
    user's data folder goes to a temporary one, which ends with the kernel. And a slow import that the first
    call of a tool would wait for starts in a thread.

    Args:
        chapter: The chapter's file name without `.ipynb`, such as "02_resources". Its siblings are found
            in the running notebook's folder.

    Raises:
        WorkbenchError: There is no such chapter, or one before it cannot be read.
        Refused: The chapters before it do not make a program.

    >>> resume("02_resources")
    02_resources: resumed with 16 finished cells; 6 tools, 0 resources, 0 templates, 0 prompts
    """
    namespace = _callers_namespace()
    folder = _folder(namespace, chapter)
    quieten()
    _keep_apart()
    warm_up()
    program = tangle(_cells_before(folder, chapter))
    _open_session(folder, chapter)
    run(program, namespace, folder)
    return Resumed(chapter, len(program.cells), components(namespace.get("mcp")))


def rebuild() -> Rebuilt:
    """Run the program as it stands now: the chapters before this one, and this session's finished cells.

    A finished cell counts with the text that was last run, matched to the notebook on disk by its id where
    the front end tells it, else by its text, else by the names that it binds. Use it when a revision left
    other cells with the old object: "I revised `mcp` and my tools are gone".

    Raises:
        WorkbenchError: Nothing says which chapter this is; call `resume` first.
        Refused: The cells do not make a program; nothing was run.

    >>> rebuild()
    rebuilt from 17 finished cells; 6 tools, 0 resources, 0 templates, 0 prompts
      revised tool find_books
    """
    namespace = _callers_namespace()
    session = _session
    if session is None:
        chapter = _running_chapter(namespace)
        if chapter is None:
            raise WorkbenchError('which chapter is this? Start it with resume("NN_topic").')
        folder = _folder(namespace, chapter)
        session = _open_session(folder, chapter)
    before = components(namespace.get("mcp"))
    cells = [*_cells_before(session.folder, session.chapter), *_session_cells(session)]
    program = tangle(cells)
    run(program, namespace, session.folder)
    return Rebuilt(len(program.cells), before, components(namespace.get("mcp")))


def cells_run() -> list[str]:
    """The cells that this kernel has run, as they were typed; the last one is the one that runs now."""
    shell = running_shell()
    return [] if shell is None else list(shell.history_manager.input_hist_raw[1:])


def run(program: Program, namespace: Namespace, folder: Path) -> None:
    """Run a program in a namespace. A traceback names notebook, cell and line, and shows the source.

    `__file__` becomes the server.py that the program would be, so that data beside it is found.
    """
    namespace["__file__"] = str(_home(folder, program) / "server.py")
    future = [item.attribute for item in program.imports if item.module == "__future__"]
    flags = sum(getattr(__future__, name).compiler_flag for name in future)
    for item in program.imports:
        alias = f" as {item.alias}" if item.alias else ""
        statement = f"import {item.module}{alias}"
        if item.attribute:
            statement = f"from {item.module} import {item.attribute}{alias}"
        _execute(item.cell, "\n" * (item.line - 1) + statement, namespace)
    for piece in program.pieces:
        _execute(piece.cell, _in_place(piece), namespace, flags)


def _in_place(piece: Piece) -> str:
    """The piece's text with every line on the number that it has in its cell."""
    lines = piece.cell.source.split("\n")
    kept = [""] * len(lines)
    for first, last in piece.spans:
        kept[first - 1 : last] = lines[first - 1 : last]
    return "\n".join(kept)


def _execute(cell: Cell, source: str, namespace: Namespace, flags: int = 0) -> None:
    name = f"{cell.chapter}#{cell.id or cell.number}"
    lines = [f"{line}\n" for line in cell.source.split("\n")]
    linecache.cache[name] = (len(cell.source), None, lines, name)
    code = compile(source, name, "exec", flags, dont_inherit=True)
    exec(code, namespace)  # the reader's own notebooks


def components(server: Any) -> Components:
    """What a server offers: (kind, name or address) to a text that differs where the component does.

    Runs in a thread of its own, since FastMCP lists asynchronously and a cell's event loop is busy.
    """
    found: Components = {}
    if server is None or not hasattr(server, "list_tools"):
        return found

    async def collect() -> None:
        for kind, key, listed in (
            ("tool", "name", server.list_tools),
            ("resource", "uri", server.list_resources),
            ("template", "uri_template", server.list_resource_templates),
            ("prompt", "name", server.list_prompts),
        ):
            for component in await listed(run_middleware=False):
                found[kind, str(getattr(component, key))] = _fingerprint(component)

    thread = threading.Thread(target=lambda: asyncio.run(collect()))
    thread.start()
    thread.join()
    return found


def _fingerprint(component: Any) -> str:
    """The component as a client sees it, and the source of its function."""
    seen = repr(component.model_dump(mode="json", exclude={"fn"}, fallback=repr))
    try:
        return seen + inspect.getsource(component.fn)
    except (AttributeError, OSError, TypeError):
        return seen


def _cells_before(folder: Path, chapter: str) -> list[Cell]:
    """All code cells of the chapters before `chapter`."""
    chapters = workspace.chapters_in(folder)
    stems = [path.stem for path in chapters]
    if chapter not in stems:
        from difflib import get_close_matches

        close = get_close_matches(chapter, stems, n=1)
        hint = f"Did you mean {close[0]!r}?" if close else f"It has {', '.join(stems) or 'no chapters'}."
        raise WorkbenchError(f"no chapter {chapter!r} in {folder}. {hint}")
    return [cell for path in chapters[: stems.index(chapter)] for cell in notebook.read(path)]


def _session_cells(session: _Session) -> list[Cell]:
    """This session's finished cells, each with the text that was last run, in the notebook's order."""
    on_disk = list(notebook.read(session.folder / f"{session.chapter}.ipynb"))
    latest: dict[str, Cell] = {}
    for identifier, source in session.executed:
        ran = Cell(f"{session.chapter}.ipynb", 0, identifier, "", source.rstrip("\n"))
        known = {cell.id: cell for cell in [*on_disk, *latest.values()] if cell.id}
        match = known.get(identifier)
        if match is None and not (identifier and known):  # an id that is new, among ids, is a new cell
            match = _match(ran, [*latest.values(), *on_disk])
        if match is None and not ran.finished:
            continue
        home = match or Cell(ran.chapter, len(on_disk) + len(latest) + 1, identifier, "", "")
        latest[home.address] = Cell(home.chapter, home.number, home.id, home.heading, ran.source)
    return sorted((cell for cell in latest.values() if cell.finished), key=lambda cell: cell.number)


def _match(ran: Cell, known: list[Cell]) -> Cell | None:
    """The cell that this text is of: the same text, else a finished cell that binds one of its names."""
    for cell in known:
        if cell.source.rstrip("\n") == ran.source:
            return cell
    if not ran.finished:
        return None
    names = _binds(ran)
    return next((cell for cell in known if cell.finished and names & _binds(cell)), None)


def _binds(cell: Cell) -> frozenset[str]:
    part, _ = read_cell(cell)
    found = (s.names.binds for s in part.statements) if part else ()
    return frozenset().union(*found)


def _open_session(folder: Path, chapter: str) -> _Session:
    """Start to remember the cells that this kernel runs, those that it ran already included."""
    global _session  # noqa: PLW0603  # a kernel has one
    shell = running_shell()
    if _session is not None:
        _session.folder, _session.chapter = folder, chapter
        return _session
    _session = _Session(folder, chapter)
    if shell is not None:
        _session.executed += [("", text) for text in shell.history_manager.input_hist_raw[1:]]
        shell.events.register("post_run_cell", _session.remember)
    return _session


def running_shell() -> Any:
    """IPython's shell, None outside of it; IPython is not imported for it."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def _callers_namespace() -> Namespace:
    shell = running_shell()
    return shell.user_ns if shell is not None else sys._getframe(2).f_globals


def _running_chapter(namespace: Namespace) -> str | None:
    """The running notebook's name, where the front end tells it."""
    told = namespace.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME")
    return Path(told).stem if told else None


def _folder(namespace: Namespace, chapter: str) -> Path:
    """The running notebook's folder: VS Code and JupyterLab tell it, and others start the kernel in it."""
    for told in (namespace.get("__vsc_ipynb_file__"), os.environ.get("JPY_SESSION_NAME")):
        if told and (Path(told).parent / f"{chapter}.ipynb").is_file():
            return Path(told).resolve().parent
    return Path.cwd()


def _home(folder: Path, program: Program) -> Path:
    """The workspace whose server.py the program would be.

    That is the one that the notebooks lie in; copies of the course's chapters, run somewhere else,
    belong to the workspace that the package carries.
    """
    for above in (folder, *folder.parents):
        if workspace.at(above):
            return above
    course = workspace.course()
    ours = {path.name for path in course.notebooks.glob("*.ipynb")}
    here = {path.name for path in folder.glob("*.ipynb")}
    if folder.name != "notebooks" and here and here <= ours:
        return course.folder
    return folder.parent


def quieten() -> None:
    """Silence FastMCP's log, and what the SDK says of the next protocol: neither is a learner's doing."""
    logging.getLogger("fastmcp").setLevel(logging.CRITICAL)
    with_warning = sys.modules.get("mcp.shared.exceptions")
    category = getattr(with_warning, "MCPDeprecationWarning", DeprecationWarning)
    warnings.filterwarnings("ignore", category=category)


def _keep_apart() -> None:
    """Give the kernel, and the servers that it starts, a data folder of their own (see platformdirs)."""
    global _data_home  # noqa: PLW0603  # a kernel has one
    if _data_home is None:
        _data_home = tempfile.TemporaryDirectory(prefix="mcp-workbench-", ignore_cleanup_errors=True)
        os.environ["XDG_DATA_HOME"] = os.environ["WIN_PD_OVERRIDE_LOCAL_APPDATA"] = _data_home.name
        os.environ["FASTMCP_HOME"] = str(Path(_data_home.name) / "fastmcp")
        fastmcp = sys.modules.get("fastmcp")
        if fastmcp is not None:  # read when it was imported
            fastmcp.settings.home = Path(os.environ["FASTMCP_HOME"])


def warm_up() -> None:
    """Import, in a thread, what the SDK does at a tool's first result: 1.5 CPU-seconds beside JupyterLab."""
    threading.Thread(target=import_module, args=("jsonschema",), daemon=True).start()


def _cells(count: int) -> str:
    return f"{count} finished cell{'' if count == 1 else 's'}"


def _counts(found: Iterable[tuple[str, str]]) -> str:
    kinds = [kind for kind, _ in found]
    return ", ".join(
        f"{kinds.count(kind)} {kind}{'' if kinds.count(kind) == 1 else 's'}"
        for kind in ("tool", "resource", "template", "prompt")
    )
