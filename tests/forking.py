"""Start server.py, or a kernel, in a process that has imported FastMCP already: for a tenth of the CPU.

Every test that meets the server starts one, and most of that time went into imports that are the same each
time. `python forking.py ask SOCKET FILE ARGUMENT...` is what a test starts instead of
`python FILE ARGUMENT...`: it hands its standard streams, environment and folder to the process in which
`serve` runs, which forks; the child runs the file as __main__. `-c CODE` and `-m MODULE` are run in place of
a file, as Python does. A signal to the one that asked is passed on, its end by force ends the child, and the
child's exit code is its own. Other settings that FastMCP reads when it is imported (FASTMCP_..., but for
those in TOLD), or Python when it starts, than those of the first process start Python as usual.
"""

from __future__ import annotations

import array
import json
import os
import signal
import socket
import sys
from typing import Any

READ_AT_IMPORT = ("FASTMCP_", "PYTHONDEVMODE", "PYTHONWARNINGS")
HOME, LOG_LEVEL = TOLD = ("FASTMCP_HOME", "FASTMCP_LOG_LEVEL")  # used later: a child is told its own
NEVER_MIND = (*TOLD, "FASTMCP_CHECK_FOR_UPDATES")
STREAMS = (0, 1, 2)
LATER = """
uvicorn.lifespan.on uvicorn.protocols.http.auto uvicorn.loops.auto jsonschema sse_starlette aiosqlite asyncpg
anyio._backends._asyncio encodings.idna griffe jsonref sqlalchemy.dialects.sqlite.aiosqlite
sqlalchemy.dialects.postgresql.asyncpg
"""


def ask(address: str, command: list[str]) -> int:
    """Have the command run by a fork of the process that listens there; gives its exit code."""
    with open(f"{address}.read") as read:  # noqa: PTH123  # pathlib takes longer to import than all of this
        if json.load(read) != _read_at_import():
            os.execv(sys.executable, [sys.executable, *command])
    folder = os.getcwd()  # noqa: PTH109
    told = {"command": command, "folder": folder, "environment": dict(os.environ)}
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(address)
        text = json.dumps(told).encode() + b"\n"
        line.sendmsg([text[:1]], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", STREAMS))])
        line.sendall(text[1:])
        for stream in STREAMS:  # the child's own now: where one end waits for the other to close, both must
            os.close(stream)
        answers = line.makefile("r")
        child = int(answers.readline())
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda got, _: os.kill(child, got))
        code = int(answers.readline() or -signal.SIGKILL)
    if code < 0:  # ended by a signal: end by the same
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


def _read_at_import() -> dict[str, str]:
    names = (name for name in os.environ if name.startswith(READ_AT_IMPORT) and name not in NEVER_MIND)
    return {name: os.environ[name] for name in names}


def serve(address: str, *files: str) -> list[str]:
    """Import what these files import, and fork for each who asks, until the process that started this one is
    gone; gives a child its command."""
    import gc
    import select
    from importlib import import_module

    for name in LATER.split():
        import_module(name)
    for module, attribute in (found for file in files for found in _imports(file)):
        getattr(import_module(module), attribute, None)  # packages import some of theirs when asked
    with open(f"{address}.read", "w") as read:  # noqa: PTH123
        json.dump(_read_at_import(), read)
    gc.collect()
    gc.freeze()  # the children's collectors leave these pages alone, so that they stay shared
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address)
    listening.listen(64)
    print("ready", flush=True)
    poll = select.poll()
    poll.register(listening, select.POLLIN)
    poll.register(0, select.POLLIN)  # closed when the tests end
    running: dict[int, tuple[socket.socket, int, int]] = {}  # by descriptor: who asked, the child and its end
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == 0:
                for _, child, _ in running.values():
                    os.kill(child, signal.SIGKILL)
                os._exit(0)
            if descriptor == listening.fileno():
                line, _ = listening.accept()
                told, streams = _told(line)
                child = os.fork()
                if child == 0:
                    listening.close()
                    line.close()
                    _become(told, streams)
                    return list(told["command"])
                for stream in streams:
                    os.close(stream)
                end = os.pidfd_open(child)
                running[line.fileno()] = running[end] = (line, child, end)
                poll.register(end, select.POLLIN)
                poll.register(line, select.POLLIN)
                line.sendall(f"{child}\n".encode())
                continue
            line, child, end = running[descriptor]
            if descriptor != end:  # who asked was killed
                poll.unregister(line)
                os.kill(child, signal.SIGKILL)
                continue
            _, status = os.waitpid(child, 0)
            try:
                poll.unregister(line)
                line.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
            except (KeyError, OSError):
                pass  # nobody is left to be told
            poll.unregister(end)
            del running[line.fileno()], running[end]
            os.close(end)
            line.close()


def _imports(file: str) -> list[tuple[str, str]]:
    """The modules that a program imports when it starts, and what it takes from them."""
    import ast
    from pathlib import Path

    found: list[tuple[str, str]] = []
    for node in ast.parse(Path(file).read_bytes()).body:
        if isinstance(node, ast.Import):
            found += [(alias.name, "__name__") for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.module != "__future__":
            found += [(node.module, alias.name) for alias in node.names]
    return found


def _told(line: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """What was asked, and the three streams that came with its first byte."""
    text, streams, _, _ = socket.recv_fds(line, 1, len(STREAMS))
    while not text.endswith(b"\n"):
        text += line.recv(65536)
    return json.loads(text), streams


def _become(told: dict[str, Any], streams: list[int]) -> None:
    """Take over the streams, the environment and the folder of who asked."""
    for stream, number in zip(streams, STREAMS, strict=True):
        os.dup2(stream, number, inheritable=True)
        os.close(stream)
    os.chdir(told["folder"])
    os.environ.clear()
    os.environ.update(told["environment"])
    sys.argv = list(told["command"])
    sys.path[1:1] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    from contextlib import suppress
    from importlib import import_module
    from pathlib import Path

    import fastmcp
    from fastmcp.utilities.logging import configure_logging
    from platformdirs import user_data_path

    fastmcp.settings.home = Path(os.environ.get(HOME) or user_data_path("fastmcp", appauthor=False))
    if level := os.environ.get(LOG_LEVEL):
        fastmcp.settings.log_level = level
        configure_logging(level=level)
    with suppress(ImportError):
        import_module("sitecustomize")


def run(command: list[str]) -> None:
    """Run as __main__ the file, the `-c CODE` or the `-m MODULE` that a command names, as Python does."""
    from pathlib import Path
    from runpy import run_module
    from types import ModuleType

    what, *rest = command
    if what == "-m":
        sys.argv, sys.path[0] = rest, os.getcwd()  # noqa: PTH109
        run_module(rest[0], run_name="__main__", alter_sys=True)
        return
    main = ModuleType("__main__")
    main.__builtins__ = __builtins__  # type: ignore[attr-defined]
    sys.modules["__main__"] = main
    if what == "-c":
        sys.argv, sys.path[0] = ["-c", *rest[1:]], ""
        code = compile(rest[0], "<string>", "exec", dont_inherit=True)
    else:
        main.__file__, sys.path[0] = what, str(Path(what).parent)
        code = compile(Path(what).read_bytes(), what, "exec", dont_inherit=True)
    exec(code, main.__dict__)


if __name__ == "__main__":
    verb, where, *rest = sys.argv[1:]
    if verb == "ask":
        sys.exit(ask(where, rest))
    run(serve(where, *rest))
