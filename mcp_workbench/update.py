"""Update: take the edits made by hand in server.py home into the cells that they belong to.

Each section of the file is compared with the text that its cell gives; the difference is made in the cell,
around whatever of it does not reach the file (its mark, its gathered imports, what was revised later). All
of it is planned in memory, tangled again and looked through for a lost line before anything is written.
"""

from __future__ import annotations

import ast
import difflib
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from mcp_workbench import notebook
from mcp_workbench.errors import WorkbenchError
from mcp_workbench.export import Export, cells_of, export, made_of, read_target, write_all
from mcp_workbench.findings import Finding, Place, Refused
from mcp_workbench.imports import Import, read_imports
from mcp_workbench.layout import CHAPTER_LINE, is_untouched
from mcp_workbench.notebook import Cell
from mcp_workbench.sections import Layout, take_apart
from mcp_workbench.tangle import Piece, read_cell
from mcp_workbench.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Update:
    """What an update would do: the new sources of cells by address, and the server.py that comes of them."""

    cells: tuple[Cell, ...]
    sources: dict[str, str]
    made: Export

    def diff(self) -> str:
        """A unified diff of the changed cells, chapter by chapter."""
        lines: list[str] = []
        for cell in self.cells:
            if cell.address in self.sources:
                named = f"{cell.address}  (cell {cell.number}{f', {cell.heading}' if cell.heading else ''})"
                old, new = cell.source.split("\n"), self.sources[cell.address].split("\n")
                lines += difflib.unified_diff(old, new, named, named, lineterm="")
        return "\n".join(lines)


def run(here: Workspace, *, yes: bool) -> int:
    """The command: show the edits, ask, write the notebooks and server.py; gives the exit code."""
    update = plan(here)
    if update is None:
        print(f"{here.server}: no edits to take home")
        return 0
    print(update.diff())
    chapters = sorted({address.partition("#")[0] for address in update.sources})
    count = len(update.sources)
    cells = f"{count} cell{'' if count == 1 else 's'} of {', '.join(chapters)}"
    if not yes and not _agreed(f"\nWrite this into {cells}? [y/N] "):
        print("Nothing was written. `mcp-workbench update --yes` does not ask.", file=sys.stderr)
        return 1
    write(here, update)
    print(f"{cells} written; {here.server}: up to date")
    return 0


def _agreed(question: str) -> bool:
    try:
        return input(question).strip().casefold() in ("y", "yes")
    except EOFError:
        print()
        return False


def plan(here: Workspace) -> Update | None:
    """What taking the edits in server.py home would change; None where it has none. Nothing is written.

    Raises:
        Refused: The file and the notebooks both changed (MCP224), an edit belongs somewhere else (MCP225), or
            with the edits the notebooks would not make a program (any of tangle's).
        WorkbenchError: There is no server.py, or no export wrote it.

    >>> print(plan(workspace.find()).diff())
    --- 01_tools.ipynb#lend  (cell 31, Lend a copy)
    """
    text = read_target(here.server)
    if text is None:
        raise WorkbenchError(f"{here.server}: no such file. `mcp-workbench export` makes it.")
    edited = take_apart(text)
    if edited is None:
        raise WorkbenchError(
            f"{here.server}: not a file that export wrote, so its lines have no cells to go to. "
            "Move it away and run `mcp-workbench export`."
        )
    base = export(here)
    if text == base.text:
        return None
    if is_untouched(text):
        raise WorkbenchError(
            f"{here.server}: has no edits; the notebooks changed since. Run `mcp-workbench export`.",
            exit_code=1,
        )
    _refuse(_changed_chapters(edited, base, here.server))
    original = take_apart(base.text)
    assert original is not None  # export has just written it
    _refuse(_elsewhere(edited, original, here.server))
    every = tuple(cells_of(here))
    sources = dict(_edited_sources(edited, base.program.pieces))
    added = _added_imports(edited, original, here.server)
    sources.update(_with_imports(every, sources, added, edited, here.server))
    cells = [replace(cell, source=sources.get(cell.address, cell.source)) for cell in every]
    try:
        made = made_of(cells, here)
    except Refused as refused:
        raise Refused([replace(f, what=f"with your edit: {f.what}") for f in refused.findings]) from None
    _refuse(_astray(edited, made, here.server))
    return Update(every, sources, made)


def write(here: Workspace, update: Update) -> None:
    """Write the changed cells into their notebooks, and server.py; all of these files or none.

    Raises:
        WorkbenchError: One of them cannot be written.
    """
    files: dict[Path, str] = {}
    for chapter in sorted({address.partition("#")[0] for address in update.sources}):
        path = here.notebooks / chapter
        files[path] = notebook.with_sources(path, update.sources)
    files[here.server] = update.made.text
    write_all(files)


def _refuse(findings: Iterable[Finding]) -> None:
    found = tuple(findings)
    if found:
        raise Refused(found)


def _changed_chapters(edited: Layout, base: Export, server: Path) -> Iterator[Finding]:
    """MCP224: chapters whose finished cells are not those that the file was made from."""
    then = dict(CHAPTER_LINE.findall(edited.head))
    now = dict(CHAPTER_LINE.findall(base.text))
    for chapter in sorted(then.keys() | now.keys()):
        if then.get(chapter) != now.get(chapter):
            yield Finding(
                "MCP224",
                Place(chapter),
                f"changed since {server} was exported, and {server} was edited too",
                "Taking the edit home could overwrite what was written in the notebook since.",
                "Put the notebook back as it was (git stash) and update, or write the edit into it and "
                "`mcp-workbench export --force`.",
            )


def _elsewhere(edited: Layout, original: Layout, server: Path) -> Iterator[Finding]:
    """MCP225: edits in lines that come from no cell, and titles that were moved, removed or invented."""

    def finding(line: int, what: str, do: str, why: str = "The next export would undo it.") -> Finding:
        return Finding("MCP225", Place(f"{server}:{line}"), what, why, do)

    if edited.head != original.head:
        old, new = original.head.split("\n"), edited.head.split("\n")
        line = next(
            i for i, pair in enumerate(zip([*old, ""], [*new, ""], strict=False), 1) if pair[0] != pair[1]
        )
        yield finding(
            line,
            "an edit in the docstring, the PEP 723 block or the lines below it",
            "Change description and requires in [tool.mcp-workbench] in pyproject.toml, and export.",
        )
    if edited.tail.rstrip() != original.tail.rstrip():
        yield finding(
            edited.tail_start,
            "an edit in the tail, which export writes" if edited.tail else "the title of the tail is gone",
            "Define `main` in a finished cell: it takes the tail's place.",
        )
    known = [section.address for section in original.sections]
    titles = [section.address for section in edited.sections]
    for section in edited.sections:
        if section.address not in known:
            yield finding(
                section.start - 1,
                f"no finished cell {section.address}",
                "Make the cell in the notebook, or move these lines under the title of one that is there.",
                "The lines below the title have no cell to go to.",
            )
        elif titles.count(section.address) > 1:
            yield finding(
                section.start - 1,
                f"two titles {section.address}",
                "Join their lines.",
                "Which lines are the cell's?",
            )
    for address in known:
        if address not in titles:
            yield finding(
                edited.tail_start,
                f"the title of {address} is gone",
                "Put it back (to empty a cell, remove its lines), or delete the cell in the notebook.",
                "Its lines could be deleted on purpose, or be under another cell's title now.",
            )
    if sorted(titles) == sorted(known) and titles != known:
        moved = next(new for new, old in zip(edited.sections, known, strict=True) if new.address != old)
        yield finding(
            moved.start - 1,
            f"{moved.address} was moved",
            "Move the cell in its notebook.",
            "The order of the file is the order of the notebooks.",
        )


def _edited_sources(edited: Layout, pieces: tuple[Piece, ...]) -> Iterator[tuple[str, str]]:
    """The new source of each cell whose section differs from its piece."""
    sections = {section.address: section.text for section in edited.sections}
    for piece in pieces:
        text = sections[piece.cell.address]
        if text != piece.text:
            yield piece.cell.address, _carried_over(piece, text)


def _carried_over(piece: Piece, text: str) -> str:
    """The cell's source with the edited lines in place of those that reach server.py."""
    lines = piece.cell.source.split("\n")
    numbers = [number for first, last in piece.spans for number in range(first, last + 1)]
    old, new = piece.text.split("\n"), text.split("\n") if text else []
    instead: dict[int, list[str]] = {number: [] for number in numbers}
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            for number, line in zip(numbers[i1:i2], new[j1:j2], strict=True):
                instead[number].append(line)
        elif tag == "insert" and i1:  # behind the line above, which is of the same definition or before a gap
            instead[numbers[i1 - 1]] += new[j1:j2]
        elif tag == "insert":
            instead[numbers[0]] = new[j1:j2]
        else:
            instead[numbers[i1]] += new[j1:j2]
    result: list[str] = []
    for number, line in enumerate(lines, start=1):
        result += instead.get(number, [line])
    return "\n".join(result).rstrip("\n") if not text else "\n".join(result)


def _imports_of(text: str, cell: Cell) -> list[Import] | None:
    """The names that an import block binds; None where it holds anything else."""
    try:
        body = ast.parse(text).body
    except SyntaxError:
        return None
    found: list[Import] = []
    lines = text.split("\n")
    for node in body:
        if not isinstance(node, (ast.Import, ast.ImportFrom)):
            return None
        found += read_imports(node, "\n".join(lines[node.lineno - 1 : node.end_lineno]), (), cell)
    return found


def _added_imports(edited: Layout, original: Layout, server: Path) -> list[Import]:
    """The imports that were added to the block at the top; any other edit of it is refused."""
    nowhere = Cell(server.name, 0, "", "", edited.imports)
    old, new = _imports_of(original.imports, nowhere), _imports_of(edited.imports, nowhere)
    at = Place(f"{server}:{edited.imports_start}")
    if new is None or old is None:
        raise Refused(
            [
                Finding(
                    "MCP225",
                    at,
                    "the lines above the first title are not imports alone",
                    "They belong to no cell.",
                    "Move what is no import under a title; see that the imports are valid Python.",
                )
            ]
        )
    known = {(item.origin, item.binds) for item in old}
    added = [item for item in new if (item.origin, item.binds) not in known]
    gone = {item.binds for item in old} - {item.binds for item in new}
    other = {item.binds for item in added} & {item.binds for item in old}
    before, after = Counter(_comment_lines(original.imports)), Counter(_comment_lines(edited.imports))
    after -= Counter(item.trailing for item in added if item.trailing)
    comments = (before - after) + (after - before)
    findings = []
    if other:
        findings.append(
            Finding(
                "MCP225",
                at,
                f"`{min(other)}` was imported from another place",
                "Every cell that imports it would have to change.",
                "Change the import in the notebooks: search them for the name.",
            )
        )
    if comments:
        findings.append(
            Finding(
                "MCP225",
                at,
                f"a comment at the imports was changed: {next(iter(comments))}",
                "Comments travel with the imports of the cells.",
                "Change it in the cell that imports the name.",
            )
        )
    still_used = gone & _read_names(edited)
    findings += [
        Finding(
            "MCP225",
            at,
            f"the import of `{name}` was removed, and is still used",
            "The cell that imports it would bring it back.",
            "Put it back, or remove what uses it too.",
        )
        for name in sorted(still_used)
    ]
    _refuse(findings)
    return added


def _comment_lines(text: str) -> list[str]:
    return [line[line.index("#") :].strip() for line in text.split("\n") if "#" in line]


def _read_names(edited: Layout) -> set[str]:
    names: set[str] = set()
    for section in edited.sections:
        names |= _reads(Cell("", 0, "", "", f"#| export\n{section.text}"))
    return names


def _reads(cell: Cell) -> set[str]:
    """The names that a cell's statements read."""
    part, _ = read_cell(cell)
    statements = part.statements if part else ()
    return {name for s in statements for name in (*s.names.loads, *s.names.later, *s.names.maybe)}


def _with_imports(
    every: tuple[Cell, ...], sources: dict[str, str], added: list[Import], edited: Layout, server: Path
) -> Iterator[tuple[str, str]]:
    """Give every added import to the first finished cell that uses it."""
    finished = [replace(c, source=sources.get(c.address, c.source)) for c in every if c.finished]
    new: dict[str, Cell] = {}
    for item in added:
        users = (cell for cell in finished if item.binds in _reads(cell))
        home = next(users, finished[0] if item.kept_unused else None)
        if home is None:
            raise Refused(
                [
                    Finding(
                        "MCP225",
                        Place(f"{server}:{edited.imports_start + item.line - 1}"),
                        f"nothing uses the new import `{item.binds}`",
                        "Export drops an import that nothing uses.",
                        "Remove it, or end its line with `# noqa: F401` if it must stay.",
                    )
                ]
            )
        new[home.address] = _with_import(new.get(home.address, home), item)
    return ((address, cell.source) for address, cell in new.items())


def _with_import(cell: Cell, item: Import) -> Cell:
    """The cell with one more import in its leading block."""
    alias = f" as {item.alias}" if item.alias else ""
    if item.attribute:
        statement = f"from {item.module} import {item.attribute}{alias}"
    else:
        statement = f"import {item.module}{alias}"
    if item.trailing:
        statement += f"  {item.trailing}"
    lines = cell.source.split("\n")
    part, _ = read_cell(cell)
    hoisted = part.hoisted if part else ()
    if hoisted and item.module != "__future__":
        at = hoisted[-1][1]
        lines[at:at] = [statement]
    elif hoisted:
        lines[1:1] = [statement]
    else:
        while len(lines) > 1 and not lines[1].strip():
            del lines[1]
        opens = lines[1:2] and lines[1].startswith(("def ", "async def ", "class ", "@"))
        lines[1:1] = [statement, "", ""] if opens else [statement, ""]
    return replace(cell, source="\n".join(lines))


def _astray(edited: Layout, made: Export, server: Path) -> Iterator[Finding]:
    """Lines that the new file would lack, or have although they were taken out: a net under all above."""
    again = take_apart(made.text)
    assert again is not None  # export has just written it
    there = Counter(line for section in again.sections for line in section.text.split("\n"))
    for section in edited.sections:
        fake = Cell(section.address, 0, "", "", f"#| export\n{section.text}")
        part, _ = read_cell(fake)
        gathered = {n - 1 for first, last in (part.hoisted if part else ()) for n in range(first, last + 1)}
        for number, line in enumerate(section.text.split("\n"), start=1):
            there[line] -= 1
            if line.strip() and there[line] < 0 and number not in gathered:
                yield Finding(
                    "MCP225",
                    Place(f"{server}:{section.start + number - 1}"),
                    f"this line would be lost: {line.strip()}",
                    "Something else in the notebooks replaces or drops it.",
                    "Make this edit in the notebook.",
                )
    for section in again.sections:
        back = next((line for line in section.text.split("\n") if line.strip() and there[line] > 0), None)
        if back is not None:
            yield Finding(
                "MCP225",
                Place(section.address),
                f"this line would come back: {back.strip()}",
                "An earlier definition is in force again when its revision is removed.",
                "Make this edit in the notebooks: remove both definitions.",
            )
