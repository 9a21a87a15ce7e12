"""Read notebooks: .ipynb to cells. The only reader of notebooks; the standard library is all it needs.

nbformat costs 130 ms to import, more than a whole export; its schema is checked by the tests instead.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from mcp_workbench.errors import WorkbenchError

HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
KERNEL = ("kernelspec", "language_info")
MARK = re.compile(r"#\| export( revise)?[ \t]*(?:\n|$)")


@dataclass(frozen=True, slots=True)
class Cell:
    """A code cell: its chapter's file name, its number among all cells (from 1), its id ("" where the
    notebook has none), the heading that it stands under, and its source.

    >>> cell = Cell("04_context.ipynb", 12, "ask", "Ask the person", "#| export revise\\nx = 1")
    >>> cell.finished, cell.revises, cell.address
    (True, True, '04_context.ipynb#ask')
    """

    chapter: str
    number: int
    id: str
    heading: str
    source: str

    @property
    def finished(self) -> bool:
        """Does the first line mark it for the server?"""
        return MARK.match(self.source) is not None

    @property
    def revises(self) -> bool:
        """Is it marked `#| export revise`?"""
        mark = MARK.match(self.source)
        return mark is not None and mark[1] is not None

    @property
    def address(self) -> str:
        """What `where` takes, and what the titles in server.py say: 04_context.ipynb#ask."""
        return f"{self.chapter}#{self.id or self.number}"


def read_json(path: Path) -> dict[str, Any]:
    """The notebook's JSON, once it is certain that it is one.

    Raises:
        WorkbenchError: The file cannot be read, is not JSON, not a notebook, or not a Python one.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WorkbenchError(f"{path}: cannot be read: {error}") from error
    try:
        notebook = json.loads(text)
    except json.JSONDecodeError as error:
        hint = "the file ends too early" if error.pos >= len(text.rstrip()) else "it is not valid JSON"
        raise WorkbenchError(
            f"{path}:{error.lineno}:{error.colno}: not a readable notebook, {hint} ({error.msg}). "
            "Restore it from git or from .ipynb_checkpoints."
        ) from error
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        if isinstance(notebook, dict) and "worksheets" in notebook:
            raise WorkbenchError(
                f"{path}: written in notebook format 3. Convert it: "
                f"jupyter nbconvert --to notebook --inplace {path}"
            )
        raise WorkbenchError(f"{path}: not a notebook, it has no list of cells.")
    for number, cell in enumerate(notebook["cells"], start=1):
        source = cell.get("source", "") if isinstance(cell, dict) else None
        if not isinstance(source, str) and not (
            isinstance(source, list) and all(isinstance(s, str) for s in source)
        ):
            raise WorkbenchError(f"{path}: cell {number} is not a cell. Restore it from git.")
    metadata = notebook.get("metadata", {})
    kernel, told = (metadata.get(key, {}) if isinstance(metadata, dict) else None for key in KERNEL)
    if not isinstance(kernel, dict) or not isinstance(told, dict):
        raise WorkbenchError(f"{path}: not a notebook, its metadata is malformed. Restore it from git.")
    language = kernel.get("language") or told.get("name", "python")
    if str(language).casefold() not in {"python", "python3", "ipython"}:
        raise WorkbenchError(
            f"{path}: a notebook of {language}; a chapter is one of Python. Move it out of notebooks/."
        )
    return notebook


def source_of(cell: dict[str, Any]) -> str:
    """A cell's text; the format allows a string or a list of lines."""
    source = cell.get("source", "")
    text = source if isinstance(source, str) else "".join(source)
    return text.replace("\r\n", "\n").replace("\r", "\n")  # as Python reads its source


def code_cells(notebook: dict[str, Any], chapter: str) -> Iterator[Cell]:
    """The code cells of a notebook's JSON, in order, each with its nearest heading.

    >>> notebook = {"cells": [{"cell_type": "code", "id": "a", "source": ["x = 1"]}]}
    >>> [cell.address for cell in code_cells(notebook, "00_a.ipynb")]
    ['00_a.ipynb#a']
    """
    heading = ""
    for number, cell in enumerate(notebook["cells"], start=1):
        source = source_of(cell)
        if cell.get("cell_type") == "markdown" and "#" in source:
            headings = HEADING.findall(FENCE.sub("", source))
            heading = headings[-1] if headings else heading
        elif cell.get("cell_type") == "code":
            yield Cell(chapter, number, cell.get("id", ""), heading, source)


def read(path: Path) -> tuple[Cell, ...]:
    """The code cells of the notebook at `path`.

    Raises:
        WorkbenchError: As `read_json`.

    >>> [cell.address for cell in read(Path("notebooks/04_context.ipynb"))][:1]
    ['04_context.ipynb#setup']
    """
    return tuple(code_cells(read_json(path), path.name))


def as_lines(source: str) -> list[str]:
    """A cell's text as a list of lines, which is how Jupyter writes it."""
    return re.findall(r"[^\n]*\n|[^\n]+", source)


def dump(notebook: dict[str, Any]) -> str:
    """A notebook's text, as JupyterLab writes it."""
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def with_sources(path: Path, sources: Mapping[str, str]) -> str:
    """The notebook's text with other sources in some code cells, whose outputs are cleared.

    Args:
        path: The notebook.
        sources: The new sources by address (01_tools.ipynb#lend); those of other notebooks are ignored.

    Nothing else changes, down to the indentation of the JSON.
    """
    before = path.read_bytes().decode("utf-8")
    notebook = read_json(path)
    write = _writer_like(before, notebook)
    addresses = {cell.number: cell.address for cell in code_cells(notebook, path.name)}
    for number, cell in enumerate(notebook["cells"], start=1):
        source = sources.get(addresses.get(number, ""))
        if source is not None:
            as_list = isinstance(cell.get("source"), list)
            cell["source"] = as_lines(source) if as_list else source
            cell["outputs"] = []
            cell["execution_count"] = None
    return write(notebook)


def _writer_like(text: str, notebook: dict[str, Any]) -> Callable[[dict[str, Any]], str]:
    """The way of writing JSON that gives this text, so that a diff shows the cells and nothing else."""
    end = text[len(text.rstrip()) :]
    for indent, ascii_only in product((1, 2, 4, None), (False, True)):

        def write(data: dict[str, Any], indent: int | None = indent, ascii_only: bool = ascii_only) -> str:
            return json.dumps(data, indent=indent, ensure_ascii=ascii_only) + end

        if write(notebook) == text:
            return write
    return lambda data: json.dumps(data, indent=1) + "\n"  # valid whatever the text holds
