"""What a workspace's server offers, asked of the live object in a process of its own.

A process, since running a server's module may end it (a bad value in the environment), and changes it. The
lifespan is not entered: what is listed needs no database.

    python -m mcp_workbench.book.offered WORKSPACE OUTPUT
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import types
from pathlib import Path
from typing import Any

from mcp_workbench.errors import WorkbenchError

SECONDS = 120
KINDS = {
    "tools": ("list_tools", "to_mcp_tool"),
    "resources": ("list_resources", "to_mcp_resource"),
    "templates": ("list_resource_templates", "to_mcp_template"),
    "prompts": ("list_prompts", "to_mcp_prompt"),
}


def offered(folder: Path) -> dict[str, Any]:
    """The server's name, version and instructions, and its tools, resources, templates and prompts as JSON.

    Raises:
        WorkbenchError: The program does not run, or makes no server.

    >>> offered(Path("."))["tools"][0]["name"]
    'opening_hours'
    """
    from mcp_workbench.executing import environment

    with tempfile.TemporaryDirectory(prefix="mcp-workbench-", ignore_cleanup_errors=True) as home:
        answer = Path(home) / "offered.json"
        command = [sys.executable, "-m", "mcp_workbench.book.offered", str(folder.resolve()), str(answer)]
        try:
            ran = subprocess.run(
                command, env=environment(home), capture_output=True, text=True, timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise WorkbenchError(f"the server was not made within {SECONDS} s", exit_code=1) from error
        if ran.returncode or not answer.is_file():
            raise WorkbenchError(
                f"the server could not be asked what it offers:\n{ran.stderr[-2000:].strip()}", exit_code=1
            )
        found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
        return found


def _main(folder: Path, answer: Path) -> None:
    from mcp_workbench import live, workspace
    from mcp_workbench.export import export

    here = workspace.at(folder)
    assert here is not None  # the parent found it
    module = sys.modules["server"] = types.ModuleType("server")  # pydantic looks its classes' module up
    live.run(export(here).program, module.__dict__, here.notebooks)
    answer.write_text(json.dumps(asyncio.run(_ask(module.__dict__["mcp"]))), encoding="utf-8")


async def _ask(server: Any) -> dict[str, Any]:
    """The components as clients see them, whatever the server's middleware would keep from a stranger."""
    told: dict[str, Any] = {key: getattr(server, key) for key in ("name", "version", "instructions")}
    for kind, (listing, conversion) in KINDS.items():
        components = await getattr(server, listing)(run_middleware=False)
        told[kind] = [
            getattr(one, conversion)().model_dump(mode="json", by_alias=True, exclude_none=True)
            for one in components
        ]
    return told


if __name__ == "__main__":
    _main(Path(sys.argv[1]), Path(sys.argv[2]))
