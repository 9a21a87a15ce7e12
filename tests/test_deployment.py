"""server.py as whoever runs it meets it: start, health, faults in the settings, signals, the command line."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastmcp import Client
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
    run,
    serving_http,
)

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
        with sqlite3.connect(self.database, timeout=0) as db:
            db.execute("BEGIN EXCLUSIVE")  # no lock is left
            return db.execute(query).fetchall()

    @contextmanager
    def locked(self) -> Iterator[Callable[[], None]]:
        """Nobody else can write to the database, until the function that this gives is called."""
        with sqlite3.connect(self.database, isolation_level=None, check_same_thread=False) as db:
            db.execute("BEGIN IMMEDIATE")
            yield lambda: db.execute("ROLLBACK") and None
        db.close()


@contextmanager
def running(home: Path, *arguments: str, settings: Mapping[str, str] | None = None) -> Iterator[Running]:
    """Start server.py; stdin and stdout are pipes. It is killed where the test has not ended it."""
    database, log = home / "desk.db", home / "server.log"
    known = environment(home, {"DATABASE_URL": f"sqlite:///{database}", **(settings or {})})
    with log.open("w") as written:
        process = subprocess.Popen(
            [*PYTHON_SERVER, *arguments],
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
ERAS = {"sessionless": "auto", "handshake": "legacy"}


@posix
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("signals", [["SIGTERM"], ["SIGTERM", "SIGTERM"], ["SIGINT"]], ids="+".join)
async def test_http_ends_in_order(era: str, signals: list[str], tmp_path: Path) -> None:
    """A call that is three seconds in flight is answered, what it wrote is there, the pool is closed."""
    with running(tmp_path, *HTTP) as desk:
        address = address_in(desk.log, desk.process)
        async with Client(f"{address}/mcp", mode=ERAS[era], timeout=PATIENCE) as client:
            await client.list_tools()
            with desk.locked() as unlock:
                call = asyncio.create_task(client.call_tool("lend", LEND))
                await desk.until(lambda: CALLED in desk.said())
                await asyncio.sleep(0.3)  # the call is at the lock, or will wait for it
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
    assert desk.rows(f"SELECT patron_id FROM loans WHERE copy_id = '{loan['copy_id']}'") == [("p002",)]
    print(desk.said())
    assert sorted(path.name for path in tmp_path.glob("desk.db*")) == ["desk.db"]
    assert "Traceback" not in desk.said()
    assert "without completing" not in desk.said()


META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
INITIALIZE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}


class Wire:
    """A client on stdio that writes and reads lines itself, so that it can be told when to stop."""

    def __init__(self, desk: Running, era: str) -> None:
        assert desk.process.stdin is not None
        assert desk.process.stdout is not None
        self.stdin, self.stdout = desk.process.stdin, desk.process.stdout
        self.meta = {"_meta": META} if era == "sessionless" else {}
        if era == "handshake":
            self.send(method="initialize", id=0, params=INITIALIZE)
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
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("end", ["EOF", "SIGTERM", "SIGTERM+SIGTERM", "SIGINT"])
async def test_stdio_ends_in_order(era: str, end: str, tmp_path: Path) -> None:
    """The same on stdio, where the client may also close its end; it may also still hold it open."""
    with running(tmp_path) as desk:
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
    assert desk.rows(f"SELECT patron_id FROM loans WHERE copy_id = '{loan['copy_id']}'") == [("p002",)]
    assert sorted(path.name for path in tmp_path.glob("desk.db*")) == ["desk.db"]
    assert "Traceback" not in desk.said()


@posix
async def test_a_second_ctrl_c_does_not_wait_on_stdio(tmp_path: Path) -> None:
    """What was asked for is given up, whole; the desk still closes what it opened."""
    with running(tmp_path) as desk:
        wire = Wire(desk, "handshake")
        await wire.ready(desk)
        with desk.locked():
            wire.call(2, "lend", LEND)
            await desk.until(lambda: desk.said().count(CALLED) == 2)
            await interrupted_twice(desk)
        assert (await wire.rest())[2]["error"]["message"] == "Connection closed"
    assert desk.rows("SELECT count(*) FROM loans WHERE patron_id = 'p002'") == [(0,)]
    assert "Traceback" not in desk.said()


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
    assert await desk.ended(within=7) == 0  # the call alone would have eight seconds
