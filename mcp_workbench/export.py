"""Export: write the program to server.py, the same bytes on every machine, and never over a hand edit."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mcp_workbench import notebook
from mcp_workbench.errors import WorkbenchError
from mcp_workbench.findings import Finding, Place, Refused
from mcp_workbench.imports import STANDARD_LIBRARY, render_imports
from mcp_workbench.layout import SEAL_LINE, TAIL_TITLE, TITLE, is_untouched, seal
from mcp_workbench.notebook import Cell
from mcp_workbench.tangle import Piece, Program, tangle
from mcp_workbench.workspace import Workspace

MADE_BY = "# Made by mcp-workbench from notebooks: edit them and run `mcp-workbench export`,"

# nbconvert leaves a notebook of format 4.4 as it is; nbformat alone upgrades it.
ADD_IDS = (
    'python -c "import nbformat as f, sys; p = sys.argv[1]; '
    'f.write(f.validator.normalize(f.v4.upgrade(f.read(p, 4)))[1], p)"'
)

MAIN = '''\
def main() -> None:
    """Serve on stdio, or over HTTP: python server.py --transport http --port 8000."""
    import argparse  # only here: a host that imports this file needs neither

    from fastmcp import settings

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--transport", choices=["stdio", "http"], default=settings.transport)
    parser.add_argument("--host", default=settings.host, help="address to listen on")
    parser.add_argument("--port", type=int, default=settings.port, help="port to listen on")
    parser.add_argument("--path", default=settings.streamable_http_path, help="of the endpoint")
    options = parser.parse_args()
    if options.transport == "stdio":
        mcp.run(transport="stdio", show_banner=False)
    else:
        # Requests must name this host; FASTMCP_HTTP_ALLOWED_HOSTS lists its other names.
        mcp.run(
            transport="http",
            host=options.host,
            port=options.port,
            path=options.path,
            host_origin_protection=True,
            show_banner=False,
        )


'''
START = """\
if __name__ == "__main__":
    main()
"""


@dataclass(frozen=True, slots=True)
class Export:
    """A rendered server.py: its text, the program in it, the line (from 1) on which each piece's text begins,
    and warnings about requirements."""

    text: str
    program: Program
    starts: tuple[int, ...]
    warnings: tuple[str, ...]


def cells_of(workspace: Workspace) -> Iterator[Cell]:
    """All code cells of the workspace's chapters, in the reader's order."""
    for path in workspace.chapters():
        yield from notebook.read(path)


def export(workspace: Workspace) -> Export:
    """Tangle the workspace's notebooks and render server.py; nothing is written.

    Raises:
        Refused: The notebooks cannot become a server; all findings at once.
        WorkbenchError: A notebook cannot be read.

    >>> export(find()).text.startswith('\"\"\"')
    True
    """
    if not workspace.notebooks.is_dir():
        raise WorkbenchError(f"{workspace.notebooks}: no such folder; chapters live there.")
    return made_of(cells_of(workspace), workspace)


def made_of(cells: Iterable[Cell], workspace: Workspace) -> Export:
    """The server.py that these cells make.

    Raises:
        Refused: They make no program, or one that is no server.
    """
    program = tangle(cells)
    findings = list(_unfit(program, workspace))
    if findings:
        raise Refused(findings)
    return render(program, workspace)


def _unfit(program: Program, workspace: Workspace) -> Iterator[Finding]:
    """What makes a sound program no server: no finished cell, no `mcp`, cells without ids."""
    folder = Place(f"{workspace.folder.name}/notebooks" if workspace.folder.name else "notebooks")
    if not program.cells:
        yield Finding(
            "MCP220",
            folder,
            "no finished cell",
            "There is nothing to export.",
            "Write `#| export` on the first line of a code cell in a chapter such as 00_first.ipynb.",
        )
    elif not program.binds & {"mcp", "main"}:
        yield Finding(
            "MCP218",
            folder,
            "no finished cell defines `mcp`",
            "Hosts and clients look for a server of this name at module level.",
            'Add a finished cell with `mcp = FastMCP("...")`.',
        )
    seen: set[str] = set()
    without: set[str] = set()
    for cell in program.cells:
        if (not cell.id or cell.address in seen) and cell.chapter not in without:
            without.add(cell.chapter)
            path = workspace.notebooks / cell.chapter
            yield Finding(
                "MCP221",
                Place(cell.chapter, cell.number, cell.id),
                "two cells share an id" if cell.id else "its cells have no ids",
                "A line of server.py is traced to its cell by the cell's id.",
                f"Add them: {ADD_IDS} {path}"
                if not cell.id
                else "Save the notebook in JupyterLab once, or give one of them another id.",
            )
        seen.add(cell.address)
        title = TITLE.search(cell.source) if "# %% " in cell.source else None
        if title or TAIL_TITLE in cell.source:
            line = cell.source.count("\n", 0, title.start()) + 1 if title else 1
            yield Finding(
                "MCP223",
                Place(cell.chapter, cell.number, cell.id, line),
                "a line that looks like a title of server.py",
                "`where` and `update` could not tell which cell the lines below it came from.",
                "Write it in another way, or indent it.",
            )


def render(program: Program, workspace: Workspace) -> Export:
    """The text of server.py for a program."""
    tail = f"{TAIL_TITLE}\n{START}" if "main" in program.binds else f"{TAIL_TITLE}\n{MAIN}{START}"
    imports = f"{render_imports(program.imports)}\n\n" if program.imports else ""
    before, after = _header(program, workspace), [f"\n{imports}"]
    line = before.count("\n") + imports.count("\n") + 3  # the seal, a blank line, and from 1
    starts: list[int] = []
    for piece in program.pieces:
        after.append(f"{_titled(piece)}\n\n\n")
        starts.append(line + 1)  # below the title
        line += after[-1].count("\n")
    rest = "".join([*after, tail])
    text = f"{before}{seal(before + rest)}{rest}"
    return Export(text, program, tuple(starts), tuple(_unprovided(program, workspace)))


def _titled(piece: Piece) -> str:
    heading = f"  {piece.cell.heading}" if piece.cell.heading else ""
    return f"# %% {piece.cell.address}{heading}\n{piece.text}"


def _header(program: Program, workspace: Workspace) -> str:
    """The docstring, the PEP 723 block, and what the file was made from."""
    requires = "".join(f"#     {json.dumps(item, ensure_ascii=False)},\n" for item in workspace.requires)
    chapters = "".join(
        f"# chapter {chapter} sha256:{digest}\n" for chapter, digest in chapter_hashes(program.cells).items()
    )
    return (
        f'"""{workspace.description}"""\n\n'
        f"# /// script\n"
        f"# requires-python = {json.dumps(workspace.python)}\n"
        f"# dependencies = [\n{requires}# ]\n"
        f"# ///\n\n"
        f"{MADE_BY}\n# or edit here and run `mcp-workbench update`, which takes the edits home.\n{chapters}"
    )


def chapter_hashes(cells: Iterable[Cell]) -> dict[str, str]:
    """A hash of the finished cells of each chapter that has any."""
    digests: dict[str, hashlib._Hash] = {}
    for cell in cells:
        digest = digests.setdefault(cell.chapter, hashlib.sha256())
        digest.update(f"{cell.id}\n{cell.source}\0".encode("utf-8", "surrogatepass"))
    return {chapter: digest.hexdigest()[:16] for chapter, digest in digests.items()}


def _unprovided(program: Program, workspace: Workspace) -> Iterator[str]:
    """A warning for each import that no requirement provides, with the line to add."""
    provided = {_normal(re.split(r"[^\w.-]", item.strip())[0]) for item in workspace.requires}
    roots = {item.module.partition(".")[0]: item.cell for item in program.imports}
    for piece in program.pieces:
        if "import " in piece.text:
            for root in _imported_roots(piece.text):
                roots.setdefault(root, piece.cell)
    for root in sorted(roots.keys() - STANDARD_LIBRARY):
        if _normal(root) in provided:
            continue
        names = _distributions(root)
        if names and not provided.isdisjoint(_normal(name) for name, _ in names):
            continue
        name, version = names[0] if names else (_normal(root), "")
        add = f"{name}>={version}" if version else name
        guess = "" if names else " (a guess: it is not installed here)"
        yield (
            f"{roots[root].address} imports {root}, and no requirement provides it: "
            f'add "{add}" to requires in [tool.mcp-workbench]{guess}'
        )


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).casefold()


def _imported_roots(text: str) -> set[str]:
    """The first parts of the modules that a piece imports, in functions too."""
    return {
        module.partition(".")[0]
        for node in ast.walk(ast.parse(text))
        for module in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }


def _distributions(root: str) -> list[tuple[str, str]]:
    """The installed distributions that provide a module, the one of the same name first.

    Metadata alone misleads: it gives `fastmcp` to fastmcp-slim, with which `FastMCP()` fails.
    """
    from importlib import metadata  # 60 ms, and only for an import that needs an answer

    try:
        return [(metadata.metadata(root)["Name"], metadata.version(root))]
    except metadata.PackageNotFoundError:
        names = sorted(set(metadata.packages_distributions().get(root, ())))
        return [(name, metadata.version(name)) for name in names]


def write(made: Export, target: Path, *, force: bool = False) -> bool:
    """Write server.py, unless it is the same already; say whether it was written.

    The old file stays byte for byte until the new one is complete: a temporary file is renamed over it.

    >>> write(export(here), here.server)
    True

    Raises:
        Refused: The file was written or edited by hand (MCP222), and `force` is off.
        WorkbenchError: The target cannot be written.
    """
    old = read_target(target)
    if old == made.text:
        return False
    if old is not None and not force and not is_untouched(old):
        raise Refused([_by_hand(target, old)])
    write_all({target: made.text})
    return True


def read_target(target: Path) -> str | None:
    """The text of server.py, or None where there is none yet."""
    try:
        with target.open(encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise WorkbenchError(f"{target}: cannot be read: {error}") from error


def _by_hand(target: Path, old: str) -> Finding:
    ours = SEAL_LINE.search(old) is not None
    return Finding(
        "MCP222",
        Place(str(target)),
        "edited since it was exported" if ours else "not a file that export wrote",
        "Exporting would overwrite what somebody wrote by hand.",
        f"{'`mcp-workbench update` takes the edits home into the notebooks; ' if ours else ''}"
        "`mcp-workbench export --check` shows the difference; `--force` overwrites.",
    )


def write_all(files: Mapping[Path, str]) -> None:
    """Replace files as a whole, all of them or none: every one is complete before the first is renamed.

    >>> write_all({Path("server.py"): text, Path("notebooks/01_tools.ipynb"): other})

    Raises:
        WorkbenchError: One is read-only, or its folder cannot be written; none was changed.
    """
    renames: dict[Path, Path] = {}
    target = Path()
    try:
        for target, text in files.items():
            real = Path(os.path.realpath(target))
            mode = real.stat().st_mode if real.exists() else None
            if mode is not None and not mode & 0o222:  # asked of the bits: root may write anything
                raise WorkbenchError(f"{target}: is read-only. Make it writable (chmod u+w), or use -o FILE.")
            temporary = real.with_name(f".{real.name}.{os.getpid()}.tmp")
            renames[temporary] = real
            with temporary.open("w", encoding="utf-8", newline="") as file:
                file.write(text)
            if mode is not None:
                temporary.chmod(mode)
        for temporary, real in renames.items():
            temporary.replace(real)
    except OSError as error:
        raise WorkbenchError(f"{target}: cannot be written: {error}") from error
    finally:
        for temporary in renames:
            temporary.unlink(missing_ok=True)
