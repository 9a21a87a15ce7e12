"""Real servers for the tests: server.py as a process of its own, and a client that is connected to it."""

from __future__ import annotations

import ast
import asyncio
import atexit
import json
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import asyncpg  # type: ignore[import-untyped]
from cryptography.fernet import Fernet
from fastmcp import Client
from fastmcp.client.transports import StdioTransport
from mcp.client.stdio import get_default_environment
from sqlalchemy import make_url

from mcp_workbench.eras import ERAS, Mode
from mcp_workbench.forking import warm
from mcp_workbench.services import postgres, valkey

ROOT = Path(__file__).parent.parent
SERVER = ROOT / "server.py"
DATA = ROOT / "notebooks" / "data"

# What this process has started. Held here: from Python 3.13 on, multiprocessing forgets in a fork what atexit
# would call, and what nobody else held would end there and then.
STARTED = ExitStack()
atexit.register(STARTED.close)

FASTMCP = str(Path(sys.executable).with_name("fastmcp"))
PYTHON_SERVER = (sys.executable, str(SERVER))


# What server.py, FastMCP's command line, `demo` and pytest with nbmake import when they start, or soon after.
IMPORTED = """
anyio._backends._asyncio asyncpg aiosqlite encodings.idna griffe jsonref sse_starlette
sqlalchemy.dialects.postgresql.asyncpg sqlalchemy.dialects.sqlite.aiosqlite
uvicorn.lifespan.on uvicorn.loops.auto uvicorn.protocols.http.auto
fastapi fastmcp.cli fastmcp.cli.run fastmcp.exceptions fastmcp.utilities.inspect
jupyter_client.manager nbclient nbformat rich.progress
"""  # Not pytest: cyclopts and pytest itself warn where it is imported too early.


def _imported_by(file: Path) -> Iterator[str]:
    """What a program takes from where when it starts, as `warm` has it."""
    for node in ast.parse(file.read_bytes()).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module != "__future__":
            yield from (f"{node.module}:{alias.name}" for alias in node.names)


@cache
def warm_python() -> tuple[str, ...]:
    """The command that runs Python without the wait for these imports, in place of sys.executable."""
    from mcp_workbench.executing import IMPORTED as FOR_KERNELS

    home = STARTED.enter_context(tempfile.TemporaryDirectory(prefix="home-"))
    names = [*FOR_KERNELS, *IMPORTED.split(), *_imported_by(SERVER)]
    return STARTED.enter_context(warm(names, environment(Path(home))))


def warm_server() -> tuple[str, ...]:
    """The command that starts server.py without the wait for its imports."""
    return (*warm_python(), str(SERVER))


def warm_fastmcp(verb: str, server: Path = SERVER) -> tuple[str, ...]:
    """The command `fastmcp VERB server.py`, without the wait for its imports."""
    return (*warm_python(), "-m", "fastmcp.cli", verb, str(server))


@cache
def warm_kernels() -> str:
    """A JUPYTER_PATH under which Jupyter finds a kernel `python3` that starts for a fraction of the CPU."""
    found = STARTED.enter_context(tempfile.TemporaryDirectory(prefix="kernels-"))
    folder = Path(found) / "kernels" / "python3"
    folder.mkdir(parents=True)
    command = [*warm_python(), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": command, "display_name": "Python 3", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec))
    return found


PATIENCE = 30  # seconds until a process is said to hang


@dataclass(frozen=True)
class Way:
    """One way to meet the server: a transport, and a protocol era as the client's mode asks for it."""

    transport: Literal["stdio", "http"]
    era: Literal["sessionless", "handshake"]

    @property
    def mode(self) -> Mode:
        return ERAS[self.era]

    def __str__(self) -> str:
        return f"{self.transport}-{self.era}"


WAYS = (
    Way("stdio", "sessionless"),
    Way("stdio", "handshake"),
    Way("http", "sessionless"),
    Way("http", "handshake"),
)


def rows(name: str) -> list[dict[str, Any]]:
    """What a data file says, read without the server."""
    found: list[dict[str, Any]] = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    return found


def environment(home: Path, settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a server's process may know: nothing of this shell's settings, and a home of its own."""
    homes = {"HOME": str(home), "XDG_DATA_HOME": str(home), "LOCALAPPDATA": str(home)}
    quiet = {"FASTMCP_CHECK_FOR_UPDATES": "off", "NO_COLOR": "1", "COLUMNS": "200"}
    nobody = {"SSL_CERT_DIR": str(home)}  # to be trusted: no server of the tests is met over TLS
    return {**get_default_environment(), **homes, **quiet, **nobody, **(settings or {})}


def run(
    command: Sequence[str],
    home: Path,
    settings: Mapping[str, str] | None = None,
    patience: float = PATIENCE,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, in a folder that is not the server's."""
    return subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        cwd=home,
        env=environment(home, settings),
        timeout=patience,
    )


@contextmanager
def http_process(
    home: Path,
    *arguments: str,
    command: Sequence[str] = (),
    port: int = 0,
    settings: Mapping[str, str] | None = None,
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Serve over HTTP on loopback: the address and the process; with port 0 the system chooses a free one."""
    log = home / "http-server.log"
    full = [
        *(command or warm_server()),
        "--transport",
        "http",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        *arguments,
    ]
    with log.open("w") as written:
        process = subprocess.Popen(
            full,
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
            cwd=home,
            env=environment(home, settings),
        )
    try:
        yield address_in(log, process), process
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def serving_http(home: Path, *arguments: str, **options: Any) -> Iterator[str]:
    """The address of a server over HTTP, for those who leave its process alone."""
    with http_process(home, *arguments, **options) as (address, _):
        yield address


def address_in(log: Path, process: subprocess.Popen[bytes]) -> str:
    """Wait for the line in which the server says where it listens."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        said = log.read_text(encoding="utf-8")
        if listens := re.search(r"running on (http://\S+)", said):
            return listens[1]
        if process.poll() is not None:
            break
        time.sleep(0.03)
    raise AssertionError(f"the server does not listen: {log.read_text(encoding='utf-8')}")


@contextmanager
def new_desk(
    way: Way,
    home: Path,
    *,
    command: Sequence[str] = (),
    settings: Mapping[str, str] | None = None,
    **handlers: Any,
) -> Iterator[Client[Any]]:
    """A client, not yet connected, of a server that nobody else talks to."""
    if way.transport == "http":
        with serving_http(home, command=command, settings=settings) as address:
            yield Client(f"{address}/mcp", mode=way.mode, timeout=PATIENCE, **handlers)
    else:
        program, *arguments = command or warm_server()
        transport = StdioTransport(
            program,
            arguments,
            env=environment(home, settings),
            cwd=str(home),
            keep_alive=False,
            log_file=home / "stdio-server.log",
        )
        yield Client(transport, mode=way.mode, timeout=PATIENCE, **handlers)


# What the server keeps things in ---------------------------------------------------------------------


Kind = Literal["sqlite", "postgres"]
KINDS: tuple[Kind, ...] = ("sqlite", "postgres")


@dataclass(frozen=True)
class Backing:
    """A database and a store. The first of BACKINGS is what a server uses with no environment at all."""

    database: Kind
    store: Literal["memory", "files", "valkey"]

    def __str__(self) -> str:
        return f"{self.database}-{self.store}"


BACKINGS = (Backing("sqlite", "memory"), Backing("sqlite", "files"), Backing("postgres", "valkey"))


@contextmanager
def backed(backing: Backing, home: Path) -> Iterator[dict[str, str]]:
    """The settings of a server that keeps things there: new and empty, and gone afterwards."""
    with ExitStack() as started:
        settings: dict[str, str] = {}
        if backing != BACKINGS[0]:
            settings |= started.enter_context(fresh_database(backing.database, home))
        if backing.store != "memory":
            files = (home / "store").as_uri()
            settings["STORE_URL"] = files if backing.store == "files" else started.enter_context(valkey())
            settings["STORE_KEY"] = Fernet.generate_key().decode()
        yield settings


@contextmanager
def fresh_database(kind: Kind, home: Path) -> Iterator[dict[str, str]]:
    """The settings of a server whose database is new and empty, and gone afterwards."""
    name = f"desk_{uuid.uuid4().hex}"
    if kind == "sqlite":
        yield {"DATABASE_URL": f"sqlite:///{home / name}.db"}  # `home` is absolute: that makes four slashes
        return
    postgresql = {"DATABASE_URL": _postgresql()}
    from_outside(postgresql, f"CREATE DATABASE {name}")
    address = make_url(postgresql["DATABASE_URL"]).set(database=name)
    try:
        yield {"DATABASE_URL": address.render_as_string(hide_password=False)}
    finally:
        from_outside(postgresql, f"DROP DATABASE {name} WITH (FORCE)")


def from_outside(settings: Mapping[str, str], statement: str) -> list[tuple[Any, ...]]:
    """Run a statement in the database of a server, past that server, and give the rows."""
    address = settings["DATABASE_URL"]
    if address.startswith("sqlite"):
        with closing(sqlite3.connect(address.removeprefix("sqlite:///"))) as database, database:
            return database.execute(statement).fetchall()

    async def ask() -> list[tuple[Any, ...]]:
        database = await asyncpg.connect(address)
        try:
            return [tuple(row) for row in await database.fetch(statement)]
        finally:
            await database.close()

    with ThreadPoolExecutor(1) as thread:  # the caller may be in a loop
        return thread.submit(asyncio.run, ask()).result()


@cache
def _postgresql() -> str:
    """The address of this process's PostgreSQL, which starts when it is first asked for."""
    return STARTED.enter_context(postgres())
