"""Run Python programs in forks of a process that has made their imports: a kernel in a tenth of its time.

Most of what a kernel, or a server, does when it starts is to import what all others import. `warm` starts a
process that imports it once. `python forking.py ask SOCKET FILE ARGUMENT...` is then what one starts instead
of `python FILE ARGUMENT...`: it hands its standard streams, environment and folder to that process, which
forks; the child runs the file as __main__. `-c CODE` and `-m MODULE` may stand in place of the file, as they
do for Python. A signal to the one that asked is passed on, its end by force ends the child and all that the
child started, and the child's exit code is its own.

Where that cannot be, Python is started as usual: on other systems than Linux, when the imports failed, and
with other settings than those of the first process that FastMCP reads when it is imported (FASTMCP_..., but
for those in TOLD) or Python when it starts.
"""

from __future__ import annotations

import array
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

READ_AT_IMPORT = ("FASTMCP_", "PYTHONDEVMODE", "PYTHONWARNINGS")
TOLD = ("FASTMCP_HOME", "FASTMCP_LOG_LEVEL")  # used later: a child is told its own
NEVER_MIND = (*TOLD, "FASTMCP_CHECK_FOR_UPDATES")
STREAMS = (0, 1, 2)


@contextmanager
def warm(names: Sequence[str], environment: Mapping[str, str] | None = None) -> Iterator[tuple[str, ...]]:
    """The command with which to start Python programs, in place of sys.executable.

    Args:
        names: What is imported once: modules, or `module:name` where a package imports some of its own when
            asked for them.
        environment: That of the process that does so; by default this one's.

    >>> with warm(["fastmcp:FastMCP"]) as python:
    ...     subprocess.run([*python, "server.py"])
    """
    if sys.platform != "linux":
        yield (sys.executable,)
        return
    import subprocess
    import tempfile

    with tempfile.TemporaryDirectory(prefix="forking-") as place:
        address = f"{place}/socket"
        process = subprocess.Popen(
            [sys.executable, __file__, "serve", address, *names],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=place,
            env=environment,
            start_new_session=True,  # Ctrl-C is for whoever started it, and so it ends with them
        )
        assert process.stdout is not None
        process.stdout.readline()  # it listens, and now imports; or it has ended
        try:
            yield (sys.executable, "-I", "-S", __file__, "ask", address)
        finally:
            process.communicate()  # its input ends, and so does it


# The process that was started in place of Python --------------------------------------------------------


def ask(address: str, command: list[str]) -> int:
    """Have the command run by a fork of the process that listens there; gives its exit code."""
    try:
        with open(f"{address}.read") as read:  # noqa: PTH123  # pathlib takes longer to import than all this
            if json.load(read) != _read_at_import():
                _run_cold(command)
    except FileNotFoundError:
        _run_cold(command)
    folder = os.getcwd()  # noqa: PTH109
    told = {"command": command, "folder": folder, "environment": dict(os.environ)}
    with socket.socket(socket.AF_UNIX) as line:
        try:
            line.connect(address)
            text = json.dumps(told).encode() + b"\n"
            line.sendmsg([text[:1]], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", STREAMS))])
            line.sendall(text[1:])
            answers = line.makefile("r")
            child = int(answers.readline())
        except (OSError, ValueError):  # it has ended
            _run_cold(command)
        for stream in STREAMS:  # the child's own now: where one end waits for the other to close, both must
            os.close(stream)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda got, _: os.kill(child, got))
        code = int(answers.readline() or -signal.SIGKILL)
    if code < 0:  # ended by a signal: end by the same
        with suppress(OSError):  # SIGKILL is as it is
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


def _run_cold(command: list[str]) -> NoReturn:
    os.execv(sys.executable, [sys.executable, *command])  # noqa: S606  # from a list, as ever


def _read_at_import() -> dict[str, str]:
    names = (name for name in os.environ if name.startswith(READ_AT_IMPORT) and name not in NEVER_MIND)
    return {name: os.environ[name] for name in names}


# The process that forks ---------------------------------------------------------------------------------


def serve(address: str, names: Sequence[str]) -> list[str]:
    """Import, then fork for each who asks, until the process that started this one is gone; gives a child its
    command."""
    import gc
    import select
    from importlib import import_module

    with open(f"{address}.read", "w") as read:  # noqa: PTH123
        json.dump(_read_at_import(), read)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address)
    listening.listen(64)
    print("listening", flush=True)
    for module, _, attribute in (name.partition(":") for name in names):
        getattr(import_module(module), attribute, None)
    gc.collect()
    gc.freeze()  # the children's collectors leave these pages alone, so that they stay shared
    poll = select.poll()
    poll.register(listening, select.POLLIN)
    poll.register(0, select.POLLIN)  # closed when its parent ends
    running: dict[int, tuple[socket.socket, int, int]] = {}  # by descriptor: who asked, the child and its end
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == 0:
                for _, child, _ in running.values():
                    _kill(child)
                os._exit(0)
            if descriptor == listening.fileno():
                line, _ = listening.accept()
                try:
                    told, streams = _told(line)
                except OSError:  # who asked was killed meanwhile
                    line.close()
                    continue
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
                with suppress(OSError):  # nobody is left to be told: the line ends, and so does the child
                    line.sendall(f"{child}\n".encode())
                continue
            line, child, end = running[descriptor]
            if descriptor != end:  # who asked was killed
                poll.unregister(line)
                _kill(child)
                continue
            _, status = os.waitpid(child, 0)
            with suppress(KeyError, OSError):  # nobody is left to be told
                poll.unregister(line)
                line.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
            poll.unregister(end)
            del running[line.fileno()], running[end]
            os.close(end)
            line.close()


def _told(line: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """What was asked, and the three streams that came with its first byte."""
    text, streams, _, _ = socket.recv_fds(line, 1, len(STREAMS))
    while not text.endswith(b"\n"):
        more = line.recv(65536)
        if not more:
            raise ConnectionResetError
        text += more
    return json.loads(text), streams


def _kill(child: int) -> None:
    """End a child, and what it started."""
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:  # it has not come to be a group yet
        os.kill(child, signal.SIGKILL)


# A fork -------------------------------------------------------------------------------------------------


def _become(told: dict[str, Any], streams: list[int]) -> None:
    """Take over the streams, the environment and the folder of who asked."""
    from importlib import import_module

    os.setsid()
    for stream, number in zip(streams, STREAMS, strict=True):
        os.dup2(stream, number, inheritable=True)
        os.close(stream)
    os.chdir(told["folder"])
    os.environ.clear()
    os.environ.update(told["environment"])
    sys.path[:0] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    if "fastmcp" in sys.modules:
        _tell_fastmcp()
    with suppress(ImportError):
        import_module("sitecustomize")


def _tell_fastmcp() -> None:
    import fastmcp
    from fastmcp.settings import Settings
    from fastmcp.utilities.logging import configure_logging

    own = Settings()
    fastmcp.settings.home, fastmcp.settings.log_level = own.home, own.log_level
    configure_logging(level=own.log_level)


def run(command: list[str]) -> None:
    """Run as __main__ the file, the `-c CODE` or the `-m MODULE` that a command names, as Python does."""
    from pathlib import Path
    from runpy import run_module
    from types import ModuleType

    what, *rest = command
    if what == "-m":
        sys.argv = rest
        sys.path.insert(0, os.getcwd())  # noqa: PTH109
        run_module(rest[0], run_name="__main__", alter_sys=True)
        return
    main = ModuleType("__main__")
    main.__builtins__ = __builtins__  # type: ignore[attr-defined]
    sys.modules["__main__"] = main
    if what == "-c":
        sys.argv = ["-c", *rest[1:]]
        sys.path.insert(0, "")
        code = compile(rest[0], "<string>", "exec", dont_inherit=True)
    else:
        sys.argv = command
        sys.path.insert(0, str(Path(what).parent))
        main.__file__ = what
        code = compile(Path(what).read_bytes(), what, "exec", dont_inherit=True)
    exec(code, main.__dict__)  # noqa: S102  # the program that Python would have run


if __name__ == "__main__":
    verb, where, *arguments = sys.argv[1:]
    if verb == "ask":
        sys.exit(ask(where, arguments))
    del sys.path[0]  # this package's own folder
    run(serve(where, arguments))
