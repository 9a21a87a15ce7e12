"""Run a rule's example: import it, run its command, or do with it what a client would; say what was seen."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import io
import itertools
import logging
import os
import subprocess
import sys
import textwrap
import threading
import warnings
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from fastmcp import Client
from serving import warm_python

from mcp_workbench.eras import ERAS
from mcp_workbench.rules.rule import Example

COMMANDS = {
    "python": (),
    "fastmcp inspect": ("-m", "fastmcp.cli", "inspect"),
    "fastmcp run": ("-m", "fastmcp.cli", "run", "--no-banner"),
}
_numbers = itertools.count()


def seen(example: Example, folder: Path, era: str) -> tuple[bool, str]:
    """Whether something was raised (or the command failed), and all that one reads of it."""
    for name, text in {"server.py": example.code, **example.files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    if example.command:
        # Where a file of the example is imported in the place of a package, none must be imported before.
        shadows = any(find_spec(Path(name).parts[0].removesuffix(".py")) for name in example.files)
        return _run(example.command, folder, (sys.executable,) if shadows else warm_python())
    said = io.StringIO()
    failed = False
    threads = set(threading.enumerate())
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, category, *_: said.write(f"{category.__name__}: {message}\n")
        try:
            asyncio.run(asyncio.wait_for(_use(example, folder, era), 30))
        except (Exception, SystemExit) as error:
            failed = True
            said.write(f"{type(error).__name__}: {error}\n")
        for thread in set(threading.enumerate()) - threads:
            thread.join(1)  # one that ran a tool, and is ending, still holds its frame
        _forget_frames()
    return failed, said.getvalue()


def _forget_frames() -> None:
    """Let go of what logged tracebacks hold: of a coroutine that nobody awaited it is said here, then.

    What is left, the tests' own, is not looked through again after the next example: 0.4 seconds of CPU.
    """
    for handler in logging.getLogger().handlers:
        getattr(handler, "records", []).clear()
    gc.collect()
    gc.freeze()


async def _use(example: Example, folder: Path, era: str) -> None:
    module = ModuleType(f"example_{next(_numbers)}")
    module.__file__ = str(folder / "server.py")
    sys.modules[module.__name__] = module  # as an import does: pydantic looks names up there
    try:
        code = compile(example.code, module.__file__, "exec", dont_inherit=True)
        exec(code, module.__dict__)
        if example.does:
            await _as_a_client(example, module, ERAS[era])
    finally:
        del sys.modules[module.__name__]


async def _as_a_client(example: Example, module: ModuleType, mode: Any) -> None:
    body = f"async def does(client):\n{textwrap.indent(example.does, '    ')}"
    names = module.__dict__ | {"Client": Client, "mode": mode}
    exec(compile(body, "<does>", "exec", dont_inherit=True), names)
    if "client" not in example.does.replace("Client", ""):
        await names["does"](None)
        return
    async with Client(module.mcp, mode=mode) as client:
        await names["does"](client)


def _run(command: str, folder: Path, python: tuple[str, ...]) -> tuple[bool, str]:
    plain = {"NO_COLOR": "1", "COLUMNS": "200", "FASTMCP_CHECK_FOR_UPDATES": "off", "HOME": str(folder)}
    done = subprocess.run(
        [*python, *COMMANDS[command], "server.py"],
        cwd=folder,
        env={**os.environ, **plain},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode != 0, done.stdout + done.stderr
