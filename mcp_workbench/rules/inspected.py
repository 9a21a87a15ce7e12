"""The child of `check --import`: loads one file as `fastmcp run` does, and notes what that does and gives.

A script that needs nothing but Python and the server's own FastMCP. Its one argument is JSON: `file`;
`report`, the file that it writes to; `name` and `package`, as what the file is loaded; `roots`, what it
imports from; `text`, a file with the source where that is not `file`; `seconds`. The report has a JSON object
in each line, written at once: what was noted before the server ended the process, or never ended, is there.

No lifespan is entered and nothing is served: the methods that would do so note it and raise SystemExit.
"""

# Paths are compared as texts, in every frame that is looked at:
# ruff: noqa: PTH117, PTH118, PTH119, PTH123, PTH206

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
import importlib
import importlib.util
import inspect
import io
import json
import logging
import os
import re
import socket
import sys
import sysconfig
import threading
import types
import typing
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

Data = dict[str, Any]
At = tuple[str, int]

MOST_NOTES = 200
MOST_TEXT = 240
SHORTEST_SECRET = 8  # characters of a variable's value that no text shows
STANDARD = ("mcp", "server", "app")
INSTALLED = ("site-packages", "dist-packages")
SERVES = (
    "run",
    "run_async",
    "run_stdio_async",
    "run_http_async",
    "run_sse_async",
    "run_streamable_http_async",
)
_PROCESS = os.getpid()
_exit = os._exit


class Started(SystemExit):
    """In the place of a server that would now run."""


# What is noted, and where ---------------------------------------------------------------------------------


class Notes:
    """The report, and which places are the user's."""

    def __init__(self, asked: Data) -> None:
        self.file: str = asked["file"]
        self.report: str = asked["report"]
        self.root: str = asked["roots"][-1]
        if asked["package"]:
            self.root = os.path.join(self.root, asked["package"].partition(".")[0])
        paths = sysconfig.get_paths()
        self.installed = [
            os.path.realpath(paths[key]) for key in ("stdlib", "platstdlib", "purelib", "platlib")
        ]
        self.seen: set[str] = set()
        self.lock = threading.RLock()

    def note(self, kind: str, at: At | None = None, **what: object) -> None:
        """Write a line, once, and only in the process that was started."""
        if os.getpid() != _PROCESS:
            return  # the server forked
        line = json.dumps({"kind": kind, "at": at, **what}, default=str)
        with self.lock:
            if line in self.seen or len(self.seen) > MOST_NOTES:
                return
            self.seen.add(line)
            # Opened anew: the server may have closed what it did not know.
            target = os.open(self.report, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0))
            os.write(target, f"{line}\n".encode())
            os.close(target)

    def is_users(self, name: str) -> bool:
        """Is this a file of the server's project, and not one that was installed?"""
        return _is_users(name, self.file, self.root, tuple(self.installed))

    def here(self, frame: types.FrameType | None = None) -> At | None:
        """The innermost line of the user's that runs."""
        frame = frame or sys._getframe(1)
        while frame is not None:
            name = frame.f_code.co_filename
            if self.is_users(name):
                return os.path.realpath(name), frame.f_lineno
            frame = frame.f_back
        return None

    def of(self, function: Any) -> At | None:
        """Where a function is defined: the line of its first decorator."""
        function = inspect.unwrap(function)
        function = getattr(function, "__func__", function)
        if isinstance(function, functools.partial):
            function = function.func
        code = getattr(function, "__code__", None)
        if code is None or not self.is_users(code.co_filename):
            return None
        return os.path.realpath(code.co_filename), code.co_firstlineno


@functools.cache
def _is_users(name: str, file: str, root: str, installed: tuple[str, ...]) -> bool:
    if name.startswith("<") or name == __file__:
        return False
    real = os.path.realpath(name)
    if real == file:
        return True
    inside = real.startswith(root + os.sep) and os.path.basename(root) not in INSTALLED
    parts = (real[len(root) :] if inside else real).split(os.sep)
    if any(part in INSTALLED for part in parts):
        return False
    return inside or not any(real.startswith(folder + os.sep) for folder in installed)


def plain(error: BaseException) -> str:
    """An exception's text in a line, without values: of the input that was refused, or of the environment."""
    try:
        text = str(error)
    except Exception:
        return ""
    text = re.sub(r"input_value=.*?, (?=input_type=)", "", text, flags=re.DOTALL)
    text = re.sub(r"\s*For further information visit \S+", "", text)
    for secret, name in sorted(_secrets(), key=lambda pair: -len(pair[0])):
        text = text.replace(secret, f"<{name}>")
    text = " ".join(text.split())
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT].rpartition(' ')[0]} [...]"


def _secrets() -> Iterator[tuple[str, str]]:
    """The values of the environment that no text may show, and the passwords in its addresses."""
    for name, value in os.environ.items():
        if len(value) >= SHORTEST_SECRET and not _is_paths(value):
            yield value, name
        if "://" in value:
            with contextlib.suppress(ValueError):
                if password := urlsplit(value).password:
                    yield password, name


def _is_paths(value: str) -> bool:
    return all(os.path.isabs(part) for part in value.split(os.pathsep) if part)


# Watching -------------------------------------------------------------------------------------------------


class Watched(io.TextIOWrapper):
    """stdout, with a note of who writes to it."""

    notes: Notes

    def write(self, text: str, /) -> int:
        if text:
            self.notes.note("print", self.notes.here())
        return super().write(text)


class Warned(logging.Handler):
    """What FastMCP warns of and what cannot be seen afterwards."""

    def __init__(self, notes: Notes) -> None:
        super().__init__(logging.WARNING)
        self.notes = notes

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith("jwt_signing_key is less than"):
            self.notes.note("seen", self.notes.here(), code="MCP023")


def limit(notes: Notes, seconds: float) -> None:
    """End the process after a time, and note where it stands then."""
    main, never = threading.get_ident(), threading.Event()

    def over() -> None:
        never.wait(seconds)
        frame = sys._current_frames().get(main)
        notes.note("stuck", notes.here(frame) if frame else None)
        _exit(3)

    threading.Thread(target=over, daemon=True).start()


def watch(notes: Notes) -> None:
    """Note what is printed, connected to, listened on, and who ends the process."""

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("socket.connect", "socket.bind"):
            _socket(notes, event, arguments[0], arguments[1])

    def leave(code: int) -> None:
        notes.note("exit", notes.here(), code=code, says="")
        _exit(code)

    sys.addaudithook(audit)
    os._exit = leave  # type: ignore[assignment]
    Watched.notes = notes
    encoding = sys.stdout.encoding
    buffer = typing.cast("io.TextIOWrapper", sys.stdout).detach()
    watched = Watched(buffer, encoding, "backslashreplace", line_buffering=True)
    sys.stdout = sys.__stdout__ = watched  # type: ignore[misc]


def _socket(notes: Notes, event: str, sock: socket.socket, address: object) -> None:
    """Streams count: the connect of a datagram sends nothing, and port 0 is how a free one is found."""
    if sock.family not in (socket.AF_INET, socket.AF_INET6) or sock.type != socket.SOCK_STREAM:
        return
    if not isinstance(address, tuple) or not address[1] or _is_a_pair(sys._getframe(1)):
        return
    notes.note("connect" if event == "socket.connect" else "listen", notes.here(), port=address[1])


def _is_a_pair(frame: types.FrameType | None) -> bool:
    """Does an event loop make itself a pair of sockets? Where there are no pipes, it connects to itself."""
    while frame is not None:
        if frame.f_code.co_name in ("socketpair", "_fallback_socketpair"):
            return True
        frame = frame.f_back
    return False


def hold(notes: Notes) -> None:
    """Let no server run."""

    def held(*arguments: object, **named: object) -> None:
        notes.note("run", notes.here())
        raise Started(0)

    from fastmcp import FastMCP

    for kind in (FastMCP, _sdk_server()):
        for name in SERVES:
            if kind is not None and hasattr(kind, name):
                setattr(kind, name, held)


def _sdk_server() -> Any:
    try:
        from mcp.server.mcpserver import MCPServer
    except ImportError:
        return None
    return MCPServer


# Loading --------------------------------------------------------------------------------------------------


async def load(asked: Data, notes: Notes) -> types.ModuleType | None:
    """The module, in a running loop, as FastMCP's command line loads it; None where loading failed."""
    name, package = asked["name"], asked["package"]
    spec = importlib.util.spec_from_file_location(name, asked["file"])
    if spec is None or spec.loader is None:
        return None
    module = importlib.util.module_from_spec(spec)
    try:
        if package:
            importlib.import_module(package)
            if name in sys.modules:  # the package imports it itself
                return sys.modules[name]
            module.__package__ = package
        sys.modules[name] = module
        if asked["text"]:
            _execute(asked["text"], asked["file"], module)
        else:
            spec.loader.exec_module(module)
    except Started:
        return module
    except (SystemExit, KeyboardInterrupt) as error:
        code = getattr(error, "code", 1)
        says = "" if isinstance(code, int | None) else plain(error)
        notes.note("exit", _raised_at(notes, error), code=1 if says else code or 0, says=says)
    except BaseException as error:
        _failed(notes, error)
    else:
        return module
    return None


def _execute(text: str, file: str, module: types.ModuleType) -> None:
    """Run a source in the name of another file."""
    with open(text, "rb") as source:
        exec(compile(source.read(), file, "exec"), vars(module))  # noqa: S102  # it is what was asked for


def _frames(error: BaseException) -> Iterator[types.TracebackType]:
    traceback = error.__traceback__
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _raised_at(notes: Notes, error: BaseException) -> At | None:
    """The innermost line of the user's that an exception went through."""
    if isinstance(error, SyntaxError) and error.filename and notes.is_users(error.filename):
        return os.path.realpath(error.filename), error.lineno or 1
    at = None
    for traceback in _frames(error):
        name = traceback.tb_frame.f_code.co_filename
        if notes.is_users(name):
            at = (os.path.realpath(name), traceback.tb_lineno)
    return at


def _failed(notes: Notes, error: BaseException) -> None:
    files = [traceback.tb_frame.f_code.co_filename for traceback in _frames(error)]
    variable = ""
    if isinstance(error, KeyError) and files[-1] in ("<frozen os>", os.__file__):
        variable = str(error.args[0])
    notes.note(
        "error",
        _raised_at(notes, error),
        type=type(error).__name__,
        text=plain(error),
        variable=variable,
        settings=any("pydantic_settings" in file for file in files),
        raised=notes.is_users(files[-1]),
        system=isinstance(error, OSError),
        value=isinstance(error, ValueError),
        missing=(error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else "",
        uvicorn=any(f"{os.sep}uvicorn{os.sep}" in file for file in files),
    )


# Looking --------------------------------------------------------------------------------------------------


def look(module: types.ModuleType, notes: Notes) -> None:
    """Note which servers a module has, and what is wrong with each and with what is mounted on it."""
    from fastmcp import FastMCP

    known = (FastMCP, _sdk_server()) if _sdk_server() else (FastMCP,)
    names = [name for name, value in vars(module).items() if isinstance(value, known)]
    notes.note("servers", names=names, standard=[name for name in STANDARD if name in names])
    servers: dict[int, Any] = {}
    for name in sorted(names, key=lambda name: name not in STANDARD):
        for server in _with_mounted(vars(module)[name]):
            if id(server) not in servers:
                servers[id(server)] = server
                _server(server, name if server is vars(module)[name] else "", notes)
    _twice(module, list(servers.values()), notes)


def _with_mounted(server: Any) -> Iterator[Any]:
    """A server and those mounted on it. A proxy is not asked: it would connect."""
    from fastmcp import FastMCP

    stack, seen = [server], set()
    while stack:
        here = stack.pop()
        if id(here) in seen or not isinstance(here, FastMCP):
            continue
        seen.add(id(here))
        yield here
        for provider in here.providers:
            inner: Any = provider
            while hasattr(inner, "_inner"):
                inner = inner._inner
            stack.append(getattr(inner, "server", None))


def _components(server: Any) -> list[Any]:
    """What was registered on the server itself, without a transform or a filter."""
    return list(server.local_provider._components.values())


def _server(server: Any, name: str, notes: Notes) -> None:
    for check in (_icons_of_server, _middleware, _login):
        _try(check, server, name, notes)
    for component in _components(server):
        for look_at in (_icons, _context, _null, _output):
            _try(look_at, component, notes)


def _try(check: Callable[..., None], *arguments: object) -> None:
    """A check that stumbles over what it does not know finds nothing."""
    try:
        check(*arguments)
    except Exception:
        return


def _described(component: Any) -> Data:
    kind = type(component).__name__.removeprefix("Function").lower()
    return {"subject": f"{kind} `{component.name}`"}


def _icons_of_server(server: Any, name: str, notes: Notes) -> None:
    for icon in server.icons or ():
        if wrong := _wrong_icon(icon.src):
            notes.note(
                "seen", None, code="MCP024", server=name, subject="the server", src=icon.src, wrong=wrong
            )


def _icons(component: Any, notes: Notes) -> None:
    for icon in component.icons or ():
        if wrong := _wrong_icon(icon.src):
            at = notes.of(component.fn)
            notes.note("seen", at, code="MCP024", src=icon.src, wrong=wrong, **_described(component))


def _wrong_icon(src: str) -> str:
    """Why no client can show it; "" where one can."""
    scheme = urlsplit(src[:100]).scheme.lower()
    if scheme in ("http", "https"):
        return ""
    if scheme != "data":
        return "is neither an https: nor a data: address"
    kind, comma, content = src.partition(",")
    if not comma or not kind.lower().startswith("data:image/"):
        return "is a data: address without an image"
    if kind.lower().endswith(";base64"):
        try:
            base64.b64decode(content, validate=True)
        except ValueError:
            return "is not valid base64"
    return ""


def _signature(component: Any) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(component.fn).parameters)


def _context(component: Any, notes: Notes) -> None:
    """A `ctx` that was meant to be FastMCP's, and that clients are asked for."""
    listed = {argument.name for argument in getattr(component, "arguments", None) or ()}
    listed |= (getattr(component, "parameters", None) or {}).get("properties", {}).keys()
    if hasattr(component, "uri_template"):
        return  # a part of the address may be called so
    for name, parameter in _signature(component).items():
        if name in ("ctx", "context") and name in listed and parameter.annotation is parameter.empty:
            notes.note("seen", notes.of(component.fn), code="MCP003", parameter=name, **_described(component))


def _null(component: Any, notes: Notes) -> None:
    """A default of null that the parameter's own type refuses."""
    from pydantic import TypeAdapter, ValidationError

    schema = getattr(component, "parameters", None) or {}
    hints = typing.get_type_hints(component.fn, include_extras=True)
    for name, of in schema.get("properties", {}).items():
        if of.get("default", "") is not None or _takes_null(of, schema):
            continue
        try:
            TypeAdapter(hints[name]).validate_python(None)
        except ValidationError:
            at = notes.of(component.fn)
            notes.note("seen", at, code="MCP006", parameter=name, **_described(component))


def _takes_null(of: Data, root: Data) -> bool:
    if "$ref" in of:
        target: Any = root
        for part in of["$ref"].lstrip("#/").split("/"):
            target = target.get(part, {})
        return _takes_null(target, root)
    for several in ("anyOf", "oneOf"):
        if several in of:
            return any(_takes_null(one, root) for one in of[several])
    if "enum" in of:
        return None in of["enum"]
    kind = of.get("type")
    return kind is None or kind == "null" or (isinstance(kind, list) and "null" in kind)


def _output(component: Any, notes: Notes) -> None:
    """A tool whose result has a type of which no schema can be made: the model gets its str()."""
    meta = getattr(component.fn, "__fastmcp__", None)
    if not hasattr(component, "return_type") or component.output_schema is not None:
        return
    if getattr(meta, "output_schema", None) is not Ellipsis:
        return  # said to have none, or not registered by a decorator
    for kind in _classes(component.return_type):
        if _has_no_schema(kind):
            at = notes.of(component.fn)
            notes.note("seen", at, code="MCP011", type=kind.__qualname__, **_described(component))
            return


def _classes(kind: Any) -> Iterator[type]:
    if isinstance(kind, types.UnionType) or typing.get_origin(kind) is not None:
        for part in typing.get_args(kind)[: 1 if typing.get_origin(kind) is typing.Annotated else None]:
            yield from _classes(part)
    elif isinstance(kind, type):
        yield kind


def _has_no_schema(kind: type) -> bool:
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError

    if any(  # a result in its own right
        base.__module__.partition(".")[0] in ("fastmcp", "mcp", "mcp_types", "prefab_ui")
        for base in kind.__mro__
    ):
        return False
    try:
        TypeAdapter(kind).json_schema(mode="serialization")
    except (PydanticSchemaGenerationError, PydanticInvalidForJsonSchema):
        return True
    return False


def _middleware(server: Any, name: str, notes: Notes) -> None:
    """Orders in which the second sees nothing of what it is for; the first one added is the outermost."""
    from fastmcp.server.middleware import authorization, caching, error_handling, rate_limiting

    limits = (rate_limiting.RateLimitingMiddleware, rate_limiting.SlidingWindowRateLimitingMiddleware)
    rejects = (*limits, authorization.AuthMiddleware)
    added = list(server.middleware)
    for index, item in enumerate(added):
        for outer in added[:index]:
            behind_a_cache = isinstance(outer, caching.ResponseCachingMiddleware) and isinstance(
                item, rejects
            )
            too_late = isinstance(item, error_handling.ErrorHandlingMiddleware) and isinstance(outer, rejects)
            if behind_a_cache or too_late:
                pair = {"outer": type(outer).__name__, "inner": type(item).__name__}
                notes.note("seen", None, code="MCP018", server=name, late=too_late, **pair)
                return


def _login(server: Any, name: str, notes: Notes) -> None:
    for login in (server.auth, getattr(server.auth, "server", None)):
        if login is None or _is_local(str(getattr(login, "base_url", None) or "")):
            continue
        kind = type(login).__name__
        if getattr(login, "_require_authorization_consent", None) is False:
            notes.note("seen", None, code="MCP022", server=name, type=kind)
        store: Any = getattr(login, "_client_storage", None)
        while hasattr(store, "key_value"):
            store = store.key_value
        if type(store).__name__ == "MemoryStore":
            notes.note("seen", None, code="MCP016", server=name, type=kind)


def _is_local(address: str) -> bool:
    return (urlsplit(address).hostname or "") in ("localhost", "127.0.0.1", "0.0.0.0", "::1")  # noqa: S104


def _twice(module: types.ModuleType, servers: list[Any], notes: Notes) -> None:
    """Was the file imported again under its own name, and did tools go to that second server?"""
    from fastmcp import FastMCP

    ours = {notes.of(part.fn) for server in servers for part in _components(server) if hasattr(part, "fn")}
    for name, other in list(sys.modules.items()):
        again = os.path.realpath(getattr(other, "__file__", None) or "") == notes.file
        if other is module or not again or name == "__mp_main__":
            continue
        for server in [value for value in vars(other).values() if isinstance(value, FastMCP)]:
            for part in _components(server):
                at = notes.of(part.fn) if hasattr(part, "fn") else None
                if at is not None and at[0] != notes.file and at not in ours:
                    notes.note("twice", at, module=name, **_described(part))


# Together -------------------------------------------------------------------------------------------------


async def inspected(asked: Data, notes: Notes) -> None:
    """Load, and look at what is there; of a file that did not load to its end, at nothing."""
    module = await load(asked, notes)
    if os.getpid() != _PROCESS:
        _exit(0)  # the server forked
    if module is not None:
        notes.note("loaded")
        look(module, notes)


def main() -> None:
    asked = json.loads(sys.argv[1])
    sys.argv = [asked["file"]]
    sys.dont_write_bytecode = True  # nothing is left in the project
    notes = Notes(asked)
    limit(notes, asked["seconds"])
    try:
        import fastmcp  # noqa: F401  # as the command line has, before it loads a file
    except BaseException as error:
        notes.note("without", text=f"{type(error).__name__}: {plain(error)}")
        _exit(1)
    for root in asked["roots"]:
        if root not in sys.path:
            sys.path.insert(0, root)
    hold(notes)
    logging.getLogger("fastmcp").addHandler(Warned(notes))
    watch(notes)
    try:
        asyncio.run(inspected(asked, notes))
    finally:
        notes.note("end")
        sys.stdout.flush()
        _exit(0)  # whatever threads still run


if __name__ == "__main__":
    main()
