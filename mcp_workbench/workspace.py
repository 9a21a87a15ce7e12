"""Find and describe a workspace: nothing else knows where files are.

A workspace is a folder with `notebooks/`, a `pyproject.toml` that says `[tool.mcp-workbench]`, and the
`server.py` that they make. Two keys, both optional:

    [tool.mcp-workbench]
    description = "..."     # first line of server.py's docstring
    requires = ["..."]      # the server's requirements, copied as they are into its PEP 723 block
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcp_workbench.errors import WorkbenchError
from mcp_workbench.findings import Finding, Place, Refused

FASTMCP = "fastmcp>=4.1.2,<4.2"
PYTHON = ">=3.11"
COPY = "mcp-desk"  # where `lab` puts the course
CHAPTER = re.compile(r"(\d+)([a-z]?)[_-].+\.ipynb$")
NUMBERED = re.compile(r"\d.*\.ipynb$")


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace: its folder, what pyproject.toml says of the server, and its chapters in order."""

    folder: Path
    description: str
    requires: tuple[str, ...]
    python: str

    @property
    def notebooks(self) -> Path:
        return self.folder / "notebooks"

    @property
    def server(self) -> Path:
        return self.folder / "server.py"

    def chapters(self) -> list[Path]:
        """The chapters by number: 2_b.ipynb before 10_a.ipynb, 09_x before 09a_y.

        Raises:
            Refused: Two chapters have one number (MCP219), so their order would be anybody's guess.
        """
        return chapters_in(self.notebooks)


def chapters_in(folder: Path) -> list[Path]:
    """The chapters in a folder, by number; other notebooks in it are not chapters."""
    placed: dict[tuple[int, str], Path] = {}
    findings: list[Finding] = []
    for path in sorted(folder.glob("*.ipynb")):
        match = CHAPTER.match(path.name)
        if match is None:
            continue
        place = (int(match[1]), match[2])
        if place in placed:
            findings.append(
                Finding(
                    "MCP219",
                    Place(path.name),
                    f"{placed[place].name} has the number {match[1]}{match[2]} too",
                    "A chapter's number is its place: which comes first would be a guess.",
                    "Rename one of them; a letter makes a place in between, such as 09a_, 09b_.",
                )
            )
        placed[place] = path
    if findings:
        raise Refused(findings)
    return [placed[place] for place in sorted(placed)]


def find(start: Path | None = None) -> Workspace:
    """The workspace that `start` (default: the working folder) is, or lies in.

    Raises:
        WorkbenchError: There is none here or above, or its pyproject.toml cannot be read.

    >>> find(Path("my-server")).server
    PosixPath('my-server/server.py')
    """
    here = Path.cwd() if start is None else start
    if not here.exists():
        raise WorkbenchError(f"{here}: no such folder.")
    above = here if here.is_dir() else here.parent
    for folder in (above, *above.resolve().parents):
        workspace = at(folder)
        if workspace:
            return workspace
    if at(above / COPY):
        raise WorkbenchError(
            f"{here}: no workspace here or above, but there is one in {COPY}. Go there, or name it."
        )
    raise WorkbenchError(
        f"{here}: no workspace here or above. A workspace is a folder with notebooks/ and a pyproject.toml "
        "that has a table [tool.mcp-workbench] (it may be empty). Go to one, or name it."
    )


def course() -> Workspace:
    """The course's own workspace, with the source notebooks: in the wheel, or the checkout."""
    inside = Path(__file__).parent / "desk"
    found = at(inside if inside.is_dir() else Path(__file__).parent.parent)
    assert found is not None  # the wheel and the checkout both have it
    return found


def at(folder: Path) -> Workspace | None:
    """The workspace whose folder this is, or None."""
    pyproject = folder / "pyproject.toml"
    try:
        text = pyproject.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise WorkbenchError(f"{pyproject}: cannot be read: {error}") from error
    if "mcp-workbench" not in text:
        return None
    import tomllib

    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise WorkbenchError(f"{pyproject}: not valid TOML: {error}") from error
    table = data.get("tool", {}).get("mcp-workbench")
    only_checked = isinstance(table, dict) and table.keys() == {"check"}
    if table is None or (only_checked and not (folder / "notebooks").is_dir()):
        return None
    return _described(folder, pyproject, table, data.get("project", {}))


def _described(folder: Path, pyproject: Path, table: object, project: dict[str, Any]) -> Workspace:
    if not isinstance(table, dict):
        raise WorkbenchError(f"{pyproject}: tool.mcp-workbench must be a table; an empty one will do.")
    unknown = sorted(table.keys() - {"check", "description", "requires"})
    if unknown:
        raise WorkbenchError(
            f"{pyproject}: [tool.mcp-workbench] has no key {unknown[0]!r}; "
            "it knows check, description and requires."
        )
    own = [d for d in project.get("dependencies", ()) if re.match(r"fastmcp\b(?!-)", str(d))]
    requires = table.get("requires", own or [FASTMCP])
    if not isinstance(requires, list) or not all(isinstance(r, str) and "\n" not in r for r in requires):
        raise WorkbenchError(
            f'{pyproject}: requires must be a list of strings, such as ["fastmcp>=4.1.2,<4.2"].'
        )
    description = str(table.get("description") or f"{folder.resolve().name}: an MCP server.")
    if '"""' in description or "\\" in description or "\n" in description:
        raise WorkbenchError(f'{pyproject}: description must be one line without """ and \\.')
    return Workspace(folder, description, tuple(requires), str(project.get("requires-python", PYTHON)))
