"""server.py as whoever runs it meets it: start, health, faults in the settings, signals, the command line."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.fernet import Fernet
from fastmcp import Client
from fastmcp.exceptions import ToolError
from mcp.shared.exceptions import MCPError
from serving import (
    FASTMCP,
    PATIENCE,
    PYTHON_SERVER,
    SERVER,
    WAYS,
    Way,
    address_in,
    environment,
    new_desk,
    rows,
    run,
    serving_http,
    warm_server,
)

from mcp_workbench.eras import ERAS
from mcp_workbench.services import valkey

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process without a signal")

LEAGUES = "verne-vingt-mille-lieues"
LEND = {"book_id": "verne-tour-du-monde", "patron_id": "p002", "branch": "Leith"}


# A server that is ended while it works ----------------------------------------------------------------


@dataclass
class Running:
    """A desk of its own process, its database file, and what it says on stderr."""

    process: subprocess.Popen[bytes]
    database: Path
    log: Path

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for what must come; the server's log is shown where it does not."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, self.said()
            await asyncio.sleep(0.02)

    async def ended(self, within: float = 15) -> int:
        """The exit code, once it has ended."""
        return await asyncio.to_thread(self.process.wait, within)

    def rows(self, query: str) -> list[Any]:
        """What the database says, once it is nobody's."""
        with closing(sqlite3.connect(self.database, timeout=0)) as db, db:
            db.execute("BEGIN EXCLUSIVE")  # no lock is left
            return db.execute(query).fetchall()

    @contextmanager
    def locked(self) -> Iterator[Callable[[], None]]:
        """Nobody else can write to the database, until the function that this gives is called."""
        held = sqlite3.connect(self.database, isolation_level=None, check_same_thread=False)
        with closing(held) as db:
            db.execute("BEGIN IMMEDIATE")
            yield lambda: db.execute("ROLLBACK") and None


@contextmanager
def running(
    home: Path,
    *arguments: str,
    command: Sequence[str] = (),
    settings: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """Start a server; stdin and stdout are pipes. It is killed where the test has not ended it."""
    database, log = home / "desk.db", home / "server.log"
    known = environment(home, {"DATABASE_URL": f"sqlite:///{database}", **(settings or {})})
    with log.open("w") as written:
        process = subprocess.Popen(
            [*(command or warm_server()), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=written,
            cwd=home,
            env=known,
        )
    try:
        yield Running(process, database, log)
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()


HTTP = ("--transport", "http", "--host", "127.0.0.1", "--port", "0")
CALLED = '"request_start", "method": "tools/call"'


@posix
@pytest.mark.parametrize(
    ("era", "signals"),
    [
        ("sessionless", ["SIGTERM"]),
        ("handshake", ["SIGTERM"]),
        ("handshake", ["SIGTERM", "SIGTERM"]),
        ("handshake", ["SIGINT"]),
    ],
)
async def test_http_ends_in_order(era: str, signals: list[str], tmp_path: Path) -> None:
    """A call that is three seconds in flight is answered, what it wrote is there, the pool is closed."""
    with running(tmp_path, *HTTP, settings=telling(tmp_path)) as desk:
        address = address_in(desk.log, desk.process)
        async with Client(f"{address}/mcp", mode=ERAS[era], timeout=PATIENCE) as client:
            await client.list_tools()
            with desk.locked() as unlock:
                call = asyncio.create_task(client.call_tool("lend", LEND))
                await desk.until(lambda: CALLED in desk.said())
                for name in signals:
                    desk.process.send_signal(signal.Signals[name])
                await asyncio.sleep(3)
                assert desk.process.poll() is None
                unlock()
            loan = (await call).structured_content
            assert loan is not None
            began = time.monotonic()
            assert await desk.ended() == 0
            assert time.monotonic() - began < 2
    assert loan["copy_id"] in loans_of_p002(desk)


def telling(home: Path) -> dict[str, str]:
    """The settings of a process in which SQLAlchemy tells what it does with its connections."""
    (home / "site").mkdir()
    (home / "site" / "sitecustomize.py").write_text(
        "import logging\nlogging.basicConfig()\nlogging.getLogger('sqlalchemy.pool').setLevel('INFO')\n"
    )
    return {"PYTHONPATH": str(home / "site")}


def loans_of_p002(desk: Running) -> list[str]:
    """What LEND has lent, as the file says that the desk left behind; all else in order, too."""
    assert "Traceback" not in desk.said()
    assert "without completing" not in desk.said()
    assert desk.said().count("Pool disposed") == 1
    assert [path.name for path in desk.database.parent.glob("desk.db*")] == ["desk.db"]
    return [row[0] for row in desk.rows("SELECT copy_id FROM loans WHERE patron_id = 'p002'")]


META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
INITIALIZE = {
    "protocolVersion": "2025-11-25",
    "clientInfo": {"name": "test", "version": "1"},
}


class Wire:
    """A client on stdio that writes and reads lines itself, so that it can be told when to stop."""

    def __init__(self, desk: Running, era: str, can: dict[str, Any] | None = None) -> None:
        assert desk.process.stdin is not None
        assert desk.process.stdout is not None
        self.stdin, self.stdout = desk.process.stdin, desk.process.stdout
        self.meta = {"_meta": META} if era == "sessionless" else {}
        if era == "handshake":
            self.send(method="initialize", id=0, params={**INITIALIZE, "capabilities": can or {}})
            self.send(method="notifications/initialized")

    def send(self, **message: Any) -> None:
        self.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self.stdin.flush()

    async def ready(self, desk: Running) -> None:
        """Wait until the desk is open: it has answered something."""
        self.call(1, "opening_hours", {"branch": "Leith"})
        await desk.until(lambda: "tools/call completed" in desk.said())

    def call(self, number: int, tool: str, arguments: dict[str, Any]) -> None:
        params = {"name": tool, "arguments": arguments, **self.meta}
        self.send(method="tools/call", id=number, params=params)

    async def rest(self) -> dict[int, Any]:
        """All that the server still says, to the end of its stdout: its answers by number."""
        lines = (await asyncio.to_thread(self.stdout.read)).splitlines()
        answers = {line.get("id"): line for line in map(json.loads, lines)}
        return {number: answer for number, answer in answers.items() if number}


@posix
@pytest.mark.parametrize(
    ("era", "end"),
    [
        ("sessionless", "EOF"),
        ("handshake", "EOF"),
        ("sessionless", "SIGTERM"),
        ("handshake", "SIGTERM"),
        ("handshake", "SIGTERM+SIGTERM"),
        ("handshake", "SIGINT"),
    ],
)
async def test_stdio_ends_in_order(era: str, end: str, tmp_path: Path) -> None:
    """The same on stdio, where the client may also close its end; it may also still hold it open."""
    with running(tmp_path, settings=telling(tmp_path)) as desk:
        wire = Wire(desk, era)
        await wire.ready(desk)
        with desk.locked() as unlock:
            wire.call(2, "lend", LEND)
            await desk.until(lambda: desk.said().count(CALLED) == 2)
            if end == "EOF":
                wire.stdin.close()
            else:
                for name in end.split("+"):
                    desk.process.send_signal(signal.Signals[name])
            await asyncio.sleep(1)
            assert desk.process.poll() is None
            unlock()
        assert await desk.ended() == 0
        loan = (await wire.rest())[2]["result"]["structuredContent"]
    assert loan["copy_id"] in loans_of_p002(desk)


@posix
async def test_a_second_ctrl_c_does_not_wait_on_stdio(tmp_path: Path) -> None:
    """What was asked for is given up, whole; the desk still closes what it opened."""
    with running(tmp_path, settings=telling(tmp_path)) as desk:
        wire = Wire(desk, "handshake")
        await wire.ready(desk)
        with desk.locked():
            wire.call(2, "lend", LEND)
            await desk.until(lambda: desk.said().count(CALLED) == 2)
            await interrupted_twice(desk)
        assert (await wire.rest())[2]["error"]["message"] == "Connection closed"
    assert loans_of_p002(desk) == []


@posix
async def test_a_second_ctrl_c_does_not_wait_over_http(tmp_path: Path) -> None:
    with running(tmp_path, *HTTP) as desk:
        address = address_in(desk.log, desk.process)
        async with Client(f"{address}/mcp", mode="legacy", timeout=PATIENCE) as client:
            await client.list_tools()
            with desk.locked():
                call = asyncio.create_task(client.call_tool("lend", LEND))
                await desk.until(lambda: CALLED in desk.said())
                await interrupted_twice(desk)
            with pytest.raises(MCPError):
                await call
    assert desk.rows("SELECT count(*) FROM loans WHERE patron_id = 'p002'") == [(0,)]


async def interrupted_twice(desk: Running) -> None:
    """Press Ctrl+C, and once more before the call in flight is answered."""
    desk.process.send_signal(signal.SIGINT)
    await asyncio.sleep(0.5)
    assert desk.process.poll() is None
    desk.process.send_signal(signal.SIGINT)
    assert await desk.ended(within=3) == 0  # the call alone would have eight seconds, SQLite waits five


@posix
def test_after_eight_seconds_nobody_waits_for_a_question_that_is_open(tmp_path: Path) -> None:
    """A client that never answers what it was asked does not keep the desk from ending."""
    with running(tmp_path) as desk:
        wire = Wire(desk, "handshake", can={"elicitation": {}})
        wire.call(1, "reserve", {"book_id": LEAGUES, "patron_id": "p002"})
        assert desk.process.stdout is not None
        while b"elicitation/create" not in desk.process.stdout.readline():
            assert desk.process.poll() is None
        began = time.monotonic()
        wire.stdin.close()
        assert desk.process.wait(PATIENCE) == 0
        assert 8 <= time.monotonic() - began < 10


# What stands on stdout and on stderr ------------------------------------------------------------------


class TestOutput:
    """stdout belongs to the protocol; all else goes to stderr, and shows no secret."""

    LOUD: Mapping[str, str] = {
        "FASTMCP_LOG_LEVEL": "DEBUG",
        "PYTHONWARNINGS": "default",
        "PYTHONDEVMODE": "1",
    }

    async def test_stdio(self, tmp_path: Path) -> None:
        with running(tmp_path, settings=self.LOUD) as desk:
            wire = Wire(desk, "handshake")
            wire.send(method="tools/call", id=1, params={"name": "where_is", "arguments": {}})
            wire.call(2, "check_shelves", {"branch": "Leith"})
            wire.stdin.write(b"no JSON\n")
            wire.stdin.close()
            answers = await wire.rest()  # which parses every line
            assert answers.keys() == {1, 2}
            assert await desk.ended() == 0
            assert "DEBUG" in desk.said()

    async def test_http(self, tmp_path: Path) -> None:
        with running(tmp_path, *HTTP, settings=self.LOUD) as desk:
            address = address_in(desk.log, desk.process)
            async with Client(f"{address}/mcp", timeout=PATIENCE) as client:
                await client.call_tool("check_shelves", {"branch": "Leith"})
            async with httpx2.AsyncClient() as http:
                assert (await http.get(f"{address}/nothing")).status_code == 404
            desk.process.terminate()
            assert desk.process.stdout is not None
            assert await asyncio.to_thread(desk.process.stdout.read) == b""

    def test_without_any_setting_it_starts_on_stdio_and_says_nothing(self, tmp_path: Path) -> None:
        """No client: stdin is at its end, and so is the desk; its database is where the user's data is."""
        done = run(PYTHON_SERVER, tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert [path.name for path in tmp_path.rglob("*.db")] == ["library.db"]

    @pytest.mark.parametrize(
        ("host", "auth", "warned"), [("127.0.0.1", "none", 0), ("0.0.0.0", "none", 1), ("0.0.0.0", "jwt", 0)]
    )
    def test_a_desk_that_is_open_to_all_says_so(
        self, host: str, auth: str, warned: int, tmp_path: Path
    ) -> None:
        with running(tmp_path, *HTTP, "--host", host, settings={**JWT, "AUTH": auth}) as desk:
            address_in(desk.log, desk.process)
        warnings = [line for line in desk.said().splitlines() if "WARNING" in line]
        assert len(warnings) == warned
        assert all("AUTH=none" in line and host in line for line in warnings)


JWT = {
    "AUTH_JWKS_URI": "http://127.0.0.1:9/keys",
    "AUTH_ISSUER": "https://issuer.example",
    "AUTH_AUDIENCE": "https://desk.example",
}


# Faults -----------------------------------------------------------------------------------------------


class TestFaults:
    """One line for whoever has to mend it, and an exit code that is not 0."""

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("AUTH", "maybe"),
            ("STORE_URL", "ftp://me:s3cret@store"),
            ("STORE_KEY", "s3cret, and much too short"),
            ("DATABASE_URL", "mysql://me:s3cret@base/desk"),
            ("RATE_LIMIT", "often"),
        ],
    )
    def test_a_setting_that_cannot_be(self, name: str, value: str, tmp_path: Path) -> None:
        done = run(warm_server(), tmp_path, {name: value})
        assert (done.returncode, done.stdout) == (2, "")
        (line,) = done.stderr.splitlines()
        assert re.match(rf"{name}: got .+; it takes .", line)
        assert "s3cret" not in line

    @pytest.mark.parametrize("transport", ["stdio", "http"])
    @pytest.mark.parametrize(
        "settings",
        [
            {"DATABASE_URL": "sqlite:////dev/null/desk.db"},
            {"DATABASE_URL": "postgresql://me:s3cret@127.0.0.1:1/desk"},
            {"DESK_DATA": "/dev/null/data"},
        ],
        ids=["sqlite", "postgresql", "data"],
    )
    def test_what_cannot_be_opened(self, settings: dict[str, str], transport: str, tmp_path: Path) -> None:
        done = run([*warm_server(), "--transport", transport, "--port", "0"], tmp_path, settings)
        assert done.returncode not in (0, 2)
        assert done.stdout == ""
        line, *more = done.stderr.splitlines()
        assert line.startswith("The desk: ")
        assert more in ([], ["Application startup failed. Exiting."])  # the second is uvicorn's
        assert "s3cret" not in done.stderr

    def test_a_port_in_use(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            done = run([*warm_server(), "--transport", "http", "--port", str(port)], tmp_path)
        assert (done.returncode, done.stdout) == (1, "")
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"The desk: cannot listen on 127.0.0.1, port {port}: ")
        assert not list(tmp_path.rglob("*.db"))  # it did not come as far as its database

    def test_a_host_that_nobody_knows(self, tmp_path: Path) -> None:
        done = run([*warm_server(), "--transport", "http", "--host", "nowhere.invalid"], tmp_path)
        assert (done.returncode, done.stdout) == (1, "")
        (line,) = done.stderr.splitlines()
        assert "cannot listen on nowhere.invalid, port 8000: " in line

    def test_a_port_that_is_none(self, tmp_path: Path) -> None:
        done = run([*warm_server(), "--port", "70000"], tmp_path)
        assert done.returncode == 2
        assert "--port: got '70000'; it takes a number from 0 to 65535" in done.stderr

    def test_the_whole_traceback_is_there_for_those_who_ask(self, tmp_path: Path) -> None:
        address = "postgresql://me:s3cret@127.0.0.1:1/desk"
        settings = {"DATABASE_URL": address, "FASTMCP_LOG_LEVEL": "DEBUG"}
        for transport in ("stdio", "http"):
            done = run([*warm_server(), "--transport", transport, "--port", "0"], tmp_path, settings)
            assert "Traceback" in done.stderr
            assert "s3cret" not in done.stderr
            assert "\nThe desk: " in done.stderr


# Health -----------------------------------------------------------------------------------------------


WELL = {"database": "ok", "store": "ok"}


class TestHealth:
    @pytest.mark.parametrize("way", WAYS, ids=str)
    async def test_as_a_resource(self, way: Way, tmp_path: Path) -> None:
        with new_desk(way, tmp_path) as desk:
            async with desk as client:
                content: Any
                (content,) = await client.read_resource("health://status")
        assert content.mime_type == "application/json"
        assert json.loads(content.text) == WELL

    @pytest.mark.parametrize("command", [PYTHON_SERVER, (FASTMCP, "run", str(SERVER))], ids=["python", "run"])
    def test_for_a_load_balancer(self, command: tuple[str, ...], tmp_path: Path) -> None:
        with serving_http(tmp_path, command=command) as address:
            answer = httpx2.get(f"{address}/health")
        assert (answer.status_code, answer.json()) == (200, WELL)
        assert answer.headers["cache-control"] == "no-store"

    def test_it_needs_no_token_and_no_name(self, tmp_path: Path) -> None:
        """A balancer has no token, and calls by a number; what it learns is no secret."""
        with serving_http(tmp_path, settings={**JWT, "AUTH": "jwt"}) as address:
            by_number = {"Host": "10.0.0.7:8000"}
            assert httpx2.get(f"{address}/health", headers=by_number).json() == WELL
            assert httpx2.post(f"{address}/mcp", json={}, headers=by_number).status_code == 421
            assert httpx2.post(f"{address}/mcp", json={}).status_code == 401

    def test_a_database_without_its_tables(self, tmp_path: Path) -> None:
        with running(tmp_path, *HTTP) as desk:
            address = address_in(desk.log, desk.process)
            with closing(sqlite3.connect(desk.database)) as other, other:
                other.execute("DROP TABLE patrons")
            answer = httpx2.get(f"{address}/health")
            assert answer.status_code == 503
            assert answer.json() == {"database": "OperationalError", "store": "ok"}
            assert "no such table" in desk.said()

    def test_a_store_that_has_gone(self, tmp_path: Path) -> None:
        settings = {"STORE_KEY": Fernet.generate_key().decode()}
        with valkey() as url, ExitStack() as stack:
            address = stack.enter_context(serving_http(tmp_path, settings={**settings, "REDIS_URL": url}))
            assert httpx2.get(f"{address}/health").json() == WELL
            stack_of_the_desk = stack.pop_all()
        with stack_of_the_desk:
            time.sleep(1.1)  # what was found is believed for a second
            answer = httpx2.get(f"{address}/health", timeout=PATIENCE)
            assert answer.status_code == 503
            assert answer.json() in ({**WELL, "store": "ConnectionError"}, {**WELL, "store": "TimeoutError"})
            said = (tmp_path / "http-server.log").read_text(encoding="utf-8")
            assert re.search(r'"WARNING", "event": "store: \w', said)  # the log says why

    def test_a_store_that_is_silent(self, tmp_path: Path) -> None:
        """Something that takes the connection and never answers: nobody waits for long."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            settings = {
                "REDIS_URL": f"redis://127.0.0.1:{silent.getsockname()[1]}",
                "STORE_KEY": Fernet.generate_key().decode(),
            }
            with serving_http(tmp_path, settings=settings) as address:
                began = time.monotonic()
                answer = httpx2.get(f"{address}/health", timeout=PATIENCE)
                assert time.monotonic() - began < 4
        assert (answer.status_code, answer.json()) == (503, {**WELL, "store": "TimeoutError"})


# Other servers around it ------------------------------------------------------------------------------


UVICORN = (sys.executable, "-m", "uvicorn", "--app-dir", str(SERVER.parent), "--port", "0")


class TestUvicorn:
    """server.py under a server of somebody else's, which never calls its `main`."""

    @posix
    @pytest.mark.parametrize("era", ERAS)
    async def test_it_ends_in_order_there_too(self, era: str, tmp_path: Path) -> None:
        limit = ("--factory", "server:app", "--timeout-graceful-shutdown", "8")
        with running(tmp_path, command=[*UVICORN, *limit]) as desk:
            address = address_in(desk.log, desk.process)
            async with Client(f"{address}/mcp", mode=ERAS[era], timeout=PATIENCE) as client:
                await client.list_tools()
                with desk.locked() as unlock:
                    call = asyncio.create_task(client.call_tool("lend", LEND))
                    await desk.until(lambda: CALLED in desk.said())
                    desk.process.terminate()
                    await asyncio.sleep(1)
                    unlock()
                assert (await call).structured_content
                assert await desk.ended() == -signal.SIGTERM  # as uvicorn has it
        assert desk.rows("SELECT count(*) FROM loans WHERE patron_id = 'p002'") == [(1,)]
        assert "Traceback" not in desk.said()
        assert "ERROR" not in desk.said()

    def test_what_cannot_be_opened_is_one_line_there_too(self, tmp_path: Path) -> None:
        settings = {"DATABASE_URL": "sqlite:////dev/null/desk.db"}
        done = run([*UVICORN, "--factory", "server:app"], tmp_path, settings)
        assert done.returncode == 3
        errors = [line for line in done.stderr.splitlines() if not line.startswith("INFO")]
        assert len(errors) == 2
        assert "The desk: " in errors[0]
        assert "startup failed" in errors[1]

    async def test_without_the_word_factory(self, tmp_path: Path) -> None:
        with running(tmp_path, command=[*UVICORN, "server:app"]) as desk:
            address = address_in(desk.log, desk.process)
            async with Client(f"{address}/mcp") as client:
                assert await client.list_tools()

    async def test_a_strange_host_is_refused(self, tmp_path: Path) -> None:
        with running(tmp_path, command=[*UVICORN, "--factory", "server:app"]) as desk:
            address = address_in(desk.log, desk.process)
            evil = {"Host": "evil.example"}
            assert httpx2.post(f"{address}/mcp", json={}, headers=evil).status_code == 421

    @posix
    async def test_two_processes_are_one_desk(self, tmp_path: Path) -> None:
        """On one database and one store; both start on an empty database at the same time."""
        key = Fernet.generate_key().decode()
        patrons = [f"p{number:03}" for number in range(1, 9)]
        with valkey() as url:
            settings = {"REDIS_URL": url, "STORE_KEY": key, "RATE_LIMIT": "9/hour"}
            two = [*UVICORN, "--factory", "server:app", "--workers", "2"]
            with running(tmp_path, command=two, settings=settings) as desk:
                address = address_in(desk.log, desk.process)
                await desk.until(lambda: desk.said().count("startup complete") == 2)

                async def lent(patron: str) -> bool:
                    async with Client(f"{address}/mcp", timeout=PATIENCE) as client:
                        answer = await client.call_tool(
                            "lend", {**LEND, "patron_id": patron}, raise_on_error=False
                        )
                        return not answer.is_error

                assert sum(await asyncio.gather(*map(lent, patrons))) == 1  # there is one copy
                assert not await lent("p009")
                async with Client(f"{address}/mcp", timeout=PATIENCE) as client:
                    with pytest.raises(ToolError, match="Too many calls"):  # the tenth, on whichever it lands
                        await client.call_tool("where_is", {"book_id": LEAGUES})
                desk.process.terminate()
                await desk.ended()
        copies = "SELECT count(*), count(DISTINCT copy_id) FROM loans"
        assert desk.rows(copies) == [(len(rows("loans")) + 1,) * 2]


HOST = """
from fastapi import FastAPI
from server import mcp

desk = mcp.http_app(path="/")
web = FastAPI(lifespan=desk.lifespan)
web.mount("/desk", desk)
"""


@pytest.mark.parametrize("era", ERAS)
async def test_inside_a_fastapi_application(era: str, tmp_path: Path) -> None:
    """The lifespan handed over: the desk's database is open there."""
    (tmp_path / "host.py").write_text(HOST)
    command = [*UVICORN[:3], "--app-dir", str(tmp_path), "--port", "0", "host:web"]
    with running(tmp_path, command=command, settings={"PYTHONPATH": str(SERVER.parent)}) as desk:
        address = address_in(desk.log, desk.process)
        async with Client(f"{address}/desk/", mode=ERAS[era], timeout=PATIENCE) as client:
            answer = await client.call_tool("where_is", {"book_id": LEAGUES})
            assert answer.structured_content
            assert [loan["patron_id"] for loan in answer.structured_content["on_loan"]] == ["p007"]


# What is kept -----------------------------------------------------------------------------------------


@posix
async def test_what_was_answered_survives_the_hardest_end(tmp_path: Path) -> None:
    """SIGKILL right behind the answer: the loan is in the file, and in the next desk."""
    with running(tmp_path, *HTTP) as desk:
        address = address_in(desk.log, desk.process)
        async with Client(f"{address}/mcp", timeout=PATIENCE) as client:
            await client.list_tools()
            await client.call_tool("lend", LEND)
            desk.process.kill()
            await desk.ended()
    with running(tmp_path, *HTTP) as desk:
        address = address_in(desk.log, desk.process)
        async with Client(f"{address}/mcp", timeout=PATIENCE) as client:
            found = await client.call_tool("where_is", {"book_id": LEND["book_id"]})
    assert found.structured_content is not None
    assert [loan["patron_id"] for loan in found.structured_content["on_loan"]] == ["p002"]


async def test_an_answer_is_sent_at_once(tmp_path: Path) -> None:
    """A sessionless answer comes in two parts, and the second once waited for the first's acknowledgement."""

    async def seconds(address: str, mode: Any) -> float:
        async with Client(f"{address}/mcp", mode=mode) as client:
            await client.list_tools()
            began = time.perf_counter()
            for _ in range(20):
                await client.call_tool("where_is", {"book_id": LEAGUES})
            return time.perf_counter() - began

    with serving_http(tmp_path) as address:
        assert await seconds(address, "auto") < 4 * await seconds(address, "legacy")  # it was 12 times
