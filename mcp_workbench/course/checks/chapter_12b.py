"""Chapter 12b, hosts."""

from __future__ import annotations

import os
from pathlib import Path
from unittest.mock import patch

from mcp_workbench.course.judging import Lab, NotYet, exercise

SET = {"LAB_SHELF": "Leith", "LAB_KEY": "for nobody else"}


@exercise("12b.1", then="Start your own server from its entry, with `StdioTransport(**entry)`.")
async def entry(lab: Lab) -> None:
    await lab.tool("host_entry")
    file = str(Path.cwd() / "server.py")
    with patch.dict(os.environ, SET):
        os.environ.pop("LAB_UNSET", None)
        made = (await lab.call("host_entry", file=file, settings=["LAB_SHELF"])).structured_content or {}
        await _refused(lab, "server.py", ["LAB_SHELF"], "server.py", "a relative file")
        await _refused(lab, file, ["LAB_UNSET"], "LAB_UNSET", "the name of a setting that is not set")
    missing = [name for name in ("command", "args", "env") if name not in made]
    lab.expect(not missing, f"the entry has no {' and no '.join(missing)}")
    lab.expect(
        _is_program(made["command"]),
        f"the command is {made['command']!r}: a host may have another PATH than you, and looks there",
    )
    lab.expect(file in made["args"], "the file is not among the arguments")
    lab.expect(
        made["env"].get("LAB_SHELF") == "Leith",
        "LAB_SHELF was asked for, and is not in `env` with its value: a host hands over nothing else",
    )
    lab.expect(
        "LAB_KEY" not in made["env"],
        "`env` has LAB_KEY, which nobody asked for: the host's file would be full of your secrets",
    )


def _is_program(command: str) -> bool:
    return Path(command).is_absolute() and Path(command).is_file()


async def _refused(lab: Lab, file: str, settings: list[str], name: str, what: str) -> None:
    arguments = {"file": file, "settings": settings}
    result = await lab.client.call_tool("host_entry", arguments, raise_on_error=False)
    if not result.is_error:
        raise NotYet(f"{what} must be refused, and `host_entry` made an entry with it")
    said = str(result.content[0].text)
    if name not in said or said.startswith("Error calling tool"):
        raise NotYet(f"{what} must be refused in a sentence that names it; the client was told: {said}")
