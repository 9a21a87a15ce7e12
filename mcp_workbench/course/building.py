"""Write a build of a course's chapters to a folder of its own: a workspace, all of it or nothing."""

from __future__ import annotations

import json
import shutil
from importlib.metadata import version
from pathlib import Path

from mcp_workbench import workspace
from mcp_workbench.course.builds import BUILDS
from mcp_workbench.errors import WorkbenchError
from mcp_workbench.notebook import dump, read_json
from mcp_workbench.workspace import Workspace


def build(source: Workspace, folder: Path, kind: str) -> Workspace:
    """Make the learner's or the instructor's workspace of a course.

    Args:
        source: The workspace with the source notebooks.
        folder: Where to; it must not exist yet, or be empty.
        kind: "learner" or "instructor".

    Raises:
        WorkbenchError: The folder has something in it, or cannot be written; nothing was changed.

    >>> build(workspace.course(), Path("mcp-desk"), "learner").notebooks
    PosixPath('mcp-desk/notebooks')
    """
    make = BUILDS[kind]
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise WorkbenchError(
            f"{folder}: is there already, and not empty. Name a folder that is not there yet."
        )
    unfinished = folder.with_name(f".{folder.name}.tmp")
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        leave_out = shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__")
        shutil.copytree(source.notebooks, unfinished / "notebooks", ignore=leave_out)
        for chapter in source.chapters():
            made = make(read_json(chapter), version("mcp-workbench"))
            (unfinished / "notebooks" / chapter.name).write_text(dump(made), encoding="utf-8")
        (unfinished / "pyproject.toml").write_text(_pyproject(source), encoding="utf-8")
        if folder.exists():
            folder.rmdir()
        unfinished.rename(folder)
    except OSError as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise WorkbenchError(f"{folder}: cannot be written: {error}") from error
    made_workspace = workspace.at(folder)
    assert made_workspace is not None  # its pyproject.toml was written above
    return made_workspace


def _pyproject(source: Workspace) -> str:
    requires = "".join(f"    {json.dumps(item)},\n" for item in source.requires)
    description = json.dumps(source.description, ensure_ascii=False)
    return f"[tool.mcp-workbench]\ndescription = {description}\nrequires = [\n{requires}]\n"
