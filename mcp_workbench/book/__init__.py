"""Book: a workspace's executed chapters as a site that is read, and searched, without a network."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mcp_workbench.errors import WorkbenchError
from mcp_workbench.workspace import Workspace

MARKER = ".mcp-workbench-book"
NEEDED = ("sphinx", "myst_nb", "furo")
LOCAL = re.compile(r"\]\((?!\w+:|#|/)([^)#\s]+)")


def book(target: Path, start: Path | None = None, *, run: bool = True) -> int:
    """Write the book of a workspace to the folder `target`, which is replaced as a whole, or not at all.

    Args:
        target: A folder that does not exist, is empty, or is a book that this wrote.
        start: Where to look for the workspace; default: the working folder.
        run: Whether the chapters are executed; else their outputs are those that the files have.

    Raises:
        WorkbenchError: Sphinx, MyST-NB or Furo is missing; a chapter fails; `target` is something else, or
            cannot be written.
        Refused: The chapters do not make a server.

    >>> book(Path("site"))
    0
    """
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise WorkbenchError(
            f"the book needs packages that are not installed ({', '.join(missing)}): "
            "pip install 'mcp-workbench[book]'"
        )
    from rich.console import Console

    from mcp_workbench import workspace

    here = workspace.find(start)
    _refuse_what_is_no_book(target)
    began = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(dir=target.absolute().parent, prefix=f".{target.name}-") as folder:
            made, warnings = _make(here, Path(folder), Console(highlight=False, soft_wrap=True), run=run)
            _put(made, target)
    except OSError as error:
        raise WorkbenchError(f"{target}: the book cannot be written: {error}") from error
    for warning in warnings:
        print(f"mcp-workbench: warning: {warning}", file=sys.stderr)
    files = [path for path in target.rglob("*") if path.is_file()]
    pages = sum(path.suffix == ".html" for path in files)
    size = sum(path.stat().st_size for path in files) / 1e6
    print(f"{target / 'index.html'}: {pages} pages, {size:.1f} MB, {time.monotonic() - began:.0f} s")
    return 0


def _make(here: Workspace, folder: Path, console: Any, *, run: bool) -> tuple[Path, list[str]]:
    """Write the pages into a folder and build the site beside them."""
    from mcp_workbench.book import site
    from mcp_workbench.book.offered import offered
    from mcp_workbench.export import export

    text = export(here).text
    told = offered(here.folder)
    notebooks = _notebooks(here, console, run=run)
    source = folder / "pages"
    source.mkdir()
    written = _pages(here, notebooks, text, told)
    for name, content in written.items():
        (source / name).write_text(content, encoding="utf-8")
    (source / "server.py").write_text(text, encoding="utf-8")
    _copy_what_is_referred_to(here.notebooks, notebooks, source)
    names = [Path(name).stem for name in written]
    return folder / "site", site.build(source, folder / "site", str(told["name"]), names, console)


def _notebooks(here: Workspace, console: Any, *, run: bool) -> dict[str, Any]:
    """The chapters by name, executed if that is asked for."""
    from mcp_workbench import notebook
    from mcp_workbench.executing import execute

    chapters = here.chapters()
    if run:
        done = asyncio.run(execute(chapters, console, undone="The book was not written."))
    else:
        done = [notebook.read_json(path) for path in chapters]
    return {path.stem: content for path, content in zip(chapters, done, strict=True)}


def _pages(
    here: Workspace, notebooks: Mapping[str, Any], text: str, told: Mapping[str, Any]
) -> dict[str, str]:
    """All pages of the book, by file name."""
    from mcp_workbench.book import chapters, glossary, messages, pages, reference
    from mcp_workbench.rules import RULES
    from mcp_workbench.sections import take_apart

    layout = take_apart(text)
    assert layout is not None  # export made it
    known = glossary.terms(Path(__file__).with_name("glossary.md").read_text(encoding="utf-8"))
    spelled = {term.name.lower(): term.name for term in known}
    kept: dict[str, set[str]] = {stem: set() for stem in notebooks}
    for section in layout.sections:
        stem, _, cell = section.address.partition(".ipynb#")
        kept[stem].add(cell)
    made = {
        f"{stem}.ipynb": json.dumps(chapters.page(content, stem, kept[stem], spelled))
        for stem, content in notebooks.items()
    }
    texts = {
        (stem, cell.get("id", ""))
        for stem, content in notebooks.items()
        for cell in content["cells"]
        if cell["cell_type"] == "markdown"
    }
    others = {"reference.md": reference.as_page(told), "server.md": pages.server(layout)}
    gallery = next((stem for stem, content in notebooks.items() if messages.shown(content)), None)
    if gallery is not None:
        others = {"errors.md": messages.as_page(gallery, notebooks[gallery], RULES), **others}
    others = {"glossary.md": glossary.as_page(known, texts), **others}
    names = [name.removesuffix(".md") for name in others]
    index = pages.first(str(told["name"]), here.description, notebooks, names)
    return {"index.md": index, **made, **others}


def _copy_what_is_referred_to(folder: Path, notebooks: Mapping[str, Any], target: Path) -> None:
    """Pictures and files beside the notebooks that their text links to."""
    from mcp_workbench.notebook import source_of

    texts = (
        cell for content in notebooks.values() for cell in content["cells"] if cell["cell_type"] == "markdown"
    )
    for name in {name for cell in texts for name in LOCAL.findall(source_of(cell))}:
        path = folder / name
        inside = path.resolve().is_relative_to(folder.resolve())
        if inside and path.is_file() and path.suffix != ".ipynb":
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / name)


def _refuse_what_is_no_book(target: Path) -> None:
    """Whatever else lies in a folder is somebody's."""
    if not target.exists():
        return
    if not target.is_dir():
        raise WorkbenchError(f"{target}: is a file; name a folder for the book.")
    there = {path.relative_to(target).as_posix() for path in target.rglob("*") if not path.is_dir()}
    if not there:
        return
    marker = target / MARKER
    if not marker.is_file():
        raise WorkbenchError(f"{target}: exists, and is no book of mcp-workbench. Name another folder.")
    ours = set(marker.read_text(encoding="utf-8").splitlines())
    if strange := sorted(there - ours - {MARKER}):
        raise WorkbenchError(
            f"{target}: the book would be replaced, and {strange[0]} is not of it. Move that away, or name "
            "another folder."
        )


def _put(made: Path, target: Path) -> None:
    """Put a book in the place of the one before."""
    (made / ".buildinfo").unlink(missing_ok=True)
    names = sorted(path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file())
    (made / MARKER).write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    before = made.with_name("before")
    if target.exists():
        target.rename(before)
    try:
        made.rename(target)
    except OSError:
        if before.exists():
            before.rename(target)
        raise
