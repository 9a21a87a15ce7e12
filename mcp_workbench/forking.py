"""Run Python programs in forks of a process that has made their imports: a kernel in a tenth of its time.

Most of what a kernel, or a server, does when it starts is to import what all others import. `warm` starts a
process that imports it once. `python ask_for_fork.py SOCKET FILE ARGUMENT...` is then what one starts instead
of `python FILE ARGUMENT...`: it hands its standard streams, environment and folder to that process, which
forks; the child runs the file as __main__. `-c CODE` and `-m MODULE` may stand in place of the file, and `-P`
before it, as for Python. A signal to the one that asked is passed on, its end by force ends the child and all
that the child started, and the child's exit code is its own. What the child starts with this Python, or with
a command that is installed beside it, is a fork too.

Where that cannot be, Python is started as usual: on other systems than Linux, when the imports failed, with
other options of Python's, and with other settings than the first process has, of those that Python reads
only when it starts and FastMCP when it is imported (READ_ONCE).
"""

from __future__ import annotations

import atexit
import gc
import linecache
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from runpy import run_module
from shutil import which
from types import ModuleType
from typing import Any, NamedTuple

ASK = str(Path(__file__).with_name("ask_for_fork.py"))
READ_ONCE = ("FASTMCP_DEPRECATION_WARNINGS", "FASTMCP_ENV_FILE", "FASTMCP_LOG_ENABLED", "PYTHON")
TOLD = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONUNBUFFERED")
STREAMS = (0, 1, 2)
BEYOND_FORKS = ("executable", "pass_fds", "preexec_fn", "shell")  # what Popen does, a fork does not


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
    with tempfile.TemporaryDirectory(prefix="forking-") as place:
        address = f"{place}/socket"
        process = subprocess.Popen(
            [sys.executable, __file__, address, *names],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=place,
            env=environment,
            start_new_session=True,  # Ctrl-C is for whoever started it, and so it ends with them
        )
        assert process.stdout is not None
        process.stdout.readline()  # it listens, and now imports; or it has ended
        try:
            yield _python(address)
        finally:
            process.communicate()  # its input ends, and so does it


def _python(address: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", ASK, address)


def popen(python: Sequence[str]) -> type[subprocess.Popen[Any]]:
    """A subprocess.Popen that starts with `python` what it would start with this Python.

    >>> with warm(["fastmcp:FastMCP"]) as python:
    ...     popen(python)([sys.executable, "server.py"]).wait()
    """

    class Popen(subprocess.Popen[Any]):
        def __init__(self, args: Any, *more: Any, **options: Any) -> None:
            forked = args
            if not (more or any(options.get(name) for name in BEYOND_FORKS)):
                forked = _forked(args, python, options.get("env") or os.environ)
            super().__init__(forked, *more, **options)
            self.args = args

    return Popen


def _forked(args: Any, python: Sequence[str], environment: Mapping[str, str]) -> Any:
    """The command that has this Python, or a command that is installed beside it, run in a fork."""
    if isinstance(args, str | bytes | os.PathLike) or len(args) == 0:
        return args
    program, *given = args
    place = which(os.fsdecode(program), path=environment.get("PATH"))
    if place is None or Path(place).parent != Path(sys.executable).parent:
        return args
    if Path(place).samefile(sys.executable):
        return [*python, *given]
    with Path(place).open("rb") as script:
        first = script.readline(1000).strip()
    of_this_python = first.startswith(b"#!") and Path(os.fsdecode(first[2:])).parent == Path(place).parent
    return [*python, place, *given] if of_this_python else args


# The process that forks ---------------------------------------------------------------------------------


class Told(NamedTuple):
    """What was asked for, and the three streams that came with it."""

    folder: str
    command: list[str]
    environment: dict[str, str]
    streams: list[int]


def serve(address: str, names: Sequence[str]) -> list[str]:
    """Import, then fork for each who asks, until the process that started this one is gone; gives a child its
    command."""
    at_start = len(warnings.filters)
    atexit.register(_end)  # what is registered first is called last
    ours = _read_once(os.environ)
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
                    told = _told(line)
                except OSError:  # who asked was killed meanwhile
                    line.close()
                    continue
                alike = _is_plain(told.command) and _read_once(told.environment) == ours
                pid = os.fork() if alike else None
                if pid == 0:
                    listening.close()
                    line.close()
                    _become(told, address, at_start)
                    return told.command
                for stream in told.streams:
                    os.close(stream)
                with suppress(OSError):  # nobody is left to be told: the line ends, and so does the child
                    line.sendall(f"{pid or 0}\n".encode())
                if pid is None:
                    line.close()
                    continue
                end = os.pidfd_open(pid)
                running[line.fileno()] = running[end] = (line, pid, end)
                poll.register(end, select.POLLIN)
                poll.register(line, select.POLLIN)
                continue
            if descriptor not in running:  # both have ended, and this is heard of second
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


def _told(line: socket.socket) -> Told:
    """What ask_for_fork.py says, in the order in which it does."""
    first, streams, _, _ = socket.recv_fds(line, 1, len(STREAMS))
    try:
        length = first + _bytes(line, 8 - len(first))
        folder, count, *rest = map(os.fsdecode, _bytes(line, int.from_bytes(length, "big")).split(b"\0"))
    except OSError:
        for stream in streams:  # held open, they would keep their readers waiting
            os.close(stream)
        raise
    command, variables = rest[: int(count)], rest[int(count) :]
    return Told(folder, command, dict(variable.split("=", 1) for variable in variables), streams)


def _bytes(line: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        more = line.recv(count - len(found))
        if not more:
            raise ConnectionResetError
        found += more
    return found


def _is_plain(command: Sequence[str]) -> bool:
    """A file, or one of the options that `run` knows."""
    what = command[command[:1] == ["-P"] :][:1]
    return bool(what) and (what[0] in ("-c", "-m") or not what[0].startswith("-"))


def _read_once(environment: Mapping[str, str]) -> dict[str, str]:
    """What would be other now, had it been other then; a warning that is an error might end an import."""

    def is_told(name: str, value: str) -> bool:
        return name in TOLD or (name == "PYTHONWARNINGS" and "error" not in value)

    return {
        name: value
        for name, value in environment.items()
        if name.startswith(READ_ONCE) and not is_told(name, value)
    }


def _kill(child: int) -> None:
    """End a child, and what it started."""
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:  # it has not come to be a group yet
        os.kill(child, signal.SIGKILL)


# A fork -------------------------------------------------------------------------------------------------


def _become(told: Told, address: str, at_start: int) -> None:
    """Take over the streams, the environment and the folder of who asked; of the warning filters, the last
    `at_start` are Python's own."""
    os.setsid()
    for descriptor, number in zip(told.streams, STREAMS, strict=True):
        os.dup2(descriptor, number, inheritable=True)
        os.close(descriptor)
    os.chdir(told.folder)
    os.environ.clear()
    os.environ.update(told.environment)
    time.tzset()
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    streams: tuple[Any, Any] = (sys.stdout, sys.stderr)
    for stream in streams:
        stream.reconfigure(
            line_buffering=stream is sys.stderr or stream.isatty(),
            write_through=bool(os.environ.get("PYTHONUNBUFFERED")),
        )
    sys.path[:0] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    _tell_warnings(at_start)
    if "fastmcp" in sys.modules:
        _tell_fastmcp()
    subprocess.Popen = popen(_python(address))  # type: ignore[misc, assignment]
    with suppress(ImportError):
        import_module("sitecustomize")


def _tell_warnings(at_start: int) -> None:
    """Put the filters of PYTHONWARNINGS where Python has them: behind those that modules added since."""
    options = [option for option in os.environ.get("PYTHONWARNINGS", "").split(",") if option]
    filters: Any = warnings.filters
    own = len(filters) - at_start
    added = filters[:own]
    del filters[: own + len(sys.warnoptions)]
    warnings._processoptions(options)  # type: ignore[attr-defined]
    filters[:0] = added
    sys.warnoptions[:] = options


def _tell_fastmcp() -> None:
    import fastmcp
    from fastmcp.settings import Settings
    from fastmcp.utilities.logging import configure_logging

    vars(fastmcp.settings).update(vars(Settings()))
    configure_logging(level=fastmcp.settings.log_level)


_code: int | None = None  # with which the program has ended, or the signal's negative


def run(command: list[str]) -> None:
    """Run as __main__ the file, the `-c CODE` or the `-m MODULE` that a command names, as Python does."""
    global _code  # noqa: PLW0603  # for _end
    try:
        _run(command)
        _code = 0
    except SystemExit as ended:
        _code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        raise
    except BaseException as error:
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        _code = -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
        sys.exit(1)


def _run(command: list[str]) -> None:
    safe = command[0] == "-P"
    what, *rest = command[1:] if safe else command
    if what == "-m":
        sys.argv = rest
        sys.path[:0] = [] if safe else [os.getcwd()]  # noqa: PTH109
        run_module(rest[0], run_name="__main__", alter_sys=True)
        return
    main = ModuleType("__main__")
    main.__builtins__ = __builtins__  # type: ignore[attr-defined]
    sys.modules["__main__"] = main
    atexit.register(gc.collect)
    atexit.register(main.__dict__.clear)  # before it: what the program has made ends with it
    if what == "-c":
        sys.argv = ["-c", *rest[1:]]
        sys.path[:0] = [] if safe else [""]
        if sys.version_info >= (3, 13):  # which shows the lines in tracebacks
            linecache.cache["<string>"] = (len(rest[0]), None, rest[0].splitlines(True), "<string>")
        code = compile(rest[0], "<string>", "exec", dont_inherit=True)
    else:
        sys.argv = [what, *rest]
        sys.path[:0] = [] if safe else [str(Path(what).parent)]
        main.__file__ = what
        code = compile(Path(what).read_bytes(), what, "exec", dont_inherit=True)
    exec(code, main.__dict__)  # noqa: S102  # the program that Python would have run


def _end() -> None:
    """End here: to take all imported modules apart, as Python does now, is 0.12 s of CPU."""
    if _code is None:
        return
    with suppress(OSError, ValueError):  # what cannot be written is Python's to report
        sys.stdout.flush()
        sys.stderr.flush()
        if _code < 0:
            signal.signal(-_code, signal.SIG_DFL)
            os.kill(os.getpid(), -_code)
        os._exit(_code)


if __name__ == "__main__":
    del sys.path[0]  # this package's own folder
    run(serve(sys.argv[1], sys.argv[2:]))
