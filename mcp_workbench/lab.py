"""Lab: JupyterLab on the first chapter."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from mcp_workbench import workspace
from mcp_workbench.course.building import build
from mcp_workbench.errors import WorkbenchError
from mcp_workbench.workspace import Workspace


def lab(start: Path | None = None, jupyter: Sequence[str] = ()) -> int:
    """Open JupyterLab on the first chapter of the workspace; gives JupyterLab's exit code.

    Outside a workspace it opens ./mcp-desk, the course as a learner gets it, which it copies the first time
    and leaves alone from then on.

    Args:
        start: A workspace, or a folder in one; by default the working folder.
        jupyter: Further arguments for JupyterLab, such as --no-browser.

    Raises:
        WorkbenchError: `start` is no workspace, or ./mcp-desk is something else.

    >>> lab()
    0
    """
    here = _workspace(start)
    chapters = here.chapters()
    first = chapters[0].relative_to(here.folder) if chapters else Path()
    if here.folder.resolve() == workspace.course().folder.resolve():
        print(
            "This is the course's own source, with its solutions. To learn, run `mcp-workbench lab` in a "
            "folder outside of it.",
            file=sys.stderr,
        )
    print(f"JupyterLab on {here.folder / first}; end it with Ctrl-C", file=sys.stderr)
    # Given the notebook itself, JupyterLab would show its folder only, and not server.py beside it.
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={here.folder}"]
    command.append(f"--LabApp.default_url=/lab/tree/{quote(first.as_posix())}")
    command += jupyter
    try:
        return subprocess.run(command, cwd=here.folder, check=False).returncode
    except KeyboardInterrupt:  # JupyterLab got it too, and has ended
        return 0


def _workspace(start: Path | None) -> Workspace:
    if start is not None:
        return workspace.find(start)
    try:
        return workspace.find()
    except WorkbenchError:
        copy = Path.cwd() / workspace.COPY
    if not copy.exists():
        print(f"No workspace here: the course is copied to ./{workspace.COPY}.", file=sys.stderr)
        return build(workspace.course(), copy, "learner")
    found = workspace.at(copy)
    if found is None:
        raise WorkbenchError(f"{copy}: exists, and is no workspace. Move it away, or go to a workspace.")
    return found
