"""The templates: files of a new workspace, with marked words such as @name@ that are filled in.

They stand in templates/, one folder for each, and common/ for what all have. The end `.in` of a name is
dropped: a pyproject.toml, a .gitignore or a test would be obeyed, or run, where it stands.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mcp_workbench.notebook import dump
from mcp_workbench.workspace import FASTMCP

PLAIN = (FASTMCP, "mcp>=2.2,<3", "pydantic>=2.11")
FOLDER = Path(__file__).with_name("templates")


@dataclass(frozen=True, slots=True)
class Template:
    """A template: what the help and the README say of it, and what its server requires."""

    description: str
    about: str
    requires: tuple[str, ...] = PLAIN
    settings: Mapping[str, str] = field(default_factory=dict)
    """The environment variables that its server reads, and what each takes."""


TEMPLATES = {
    "blank": Template(
        "Counts words, and explains the terms of a glossary.",
        "A server with one tool, two resources and a prompt, there to be rewritten.",
    ),
    "desk": Template(
        "The desk of a small library: find books, lend them, take them back.",
        "The desk of a small library, with eight books. Loans are kept in memory.",
        settings={"DESK_DATA": "the folder with `books.json`; else `notebooks/data` beside the file"},
    ),
    "openapi": Template(
        "The API Tides, for a model.",
        "A server made from an OpenAPI document, which stands in `notebooks/data/openapi.json`. The API "
        "of the template, with invented tides, is started by its tests; `--spec` puts your own in its place.",
        (FASTMCP, "httpx2>=2.16", "mcp>=2.2,<3"),
    ),
    "sqlite": Template(
        "A store room: what is there, on which shelf, and what was taken.",
        "A server over a small SQLite database, which it makes when it starts for the first time.",
        (FASTMCP, "aiosqlite>=0.21", "mcp>=2.2,<3", "platformdirs>=4.9", "pydantic>=2.11"),
        {"STOREROOM_DB": "the file of the database; else `storeroom.db` in the user's data folder"},
    ),
}


def files_of(name: str) -> dict[str, str]:
    """The files of a template, or of common, by their paths in a workspace.

    >>> sorted(files_of("common"))[:2]
    ['.github/workflows/ci.yml', '.gitignore']
    """
    folder = FOLDER / name
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            place = path.relative_to(folder).as_posix().removesuffix(".in")
            found[place] = path.read_text(encoding="utf-8")
    return found


def filled(place: str, text: str, words: Mapping[str, str]) -> str:
    """A file's text with each @word@ replaced; in a notebook, in the cells.

    >>> filled("README.md", "# @title@", {"title": "Tides"})
    '# Tides'
    """
    if not place.endswith(".ipynb"):
        return _filled(text, words)
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        cell["source"] = _filled("".join(cell["source"]), words).splitlines(keepends=True)
    return dump(notebook)


def _filled(text: str, words: Mapping[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    return text
