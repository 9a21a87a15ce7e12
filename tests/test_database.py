"""The desk's database as its clients meet it, on SQLite and on PostgreSQL, with the exported server.py."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import itertools
import json
import logging
import random
import re
import shutil
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack, closing
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from fastmcp import Client, FastMCP
from fastmcp.client.elicitation import ElicitResult
from fastmcp.exceptions import ToolError
from serving import (
    DATA,
    FASTMCP,
    KINDS,
    SERVER,
    WAYS,
    Kind,
    Way,
    fresh_database,
    from_outside,
    http_process,
    new_desk,
    rows,
    run,
    serving_http,
    warm_server,
)
from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

Settings = dict[str, str]

PATRONS = [row["id"] for row in rows("patrons")]
LENT = {row["copy"] for row in rows("loans")}
COPIES = {row["id"]: row for row in rows("copies")}
ROUND_THE_WORLD = "verne-tour-du-monde"  # one copy, at Leith, on its shelf
SECRET = "pw-secret"  # what no line, log or repr may show


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def settings(kind: Kind, tmp_path: Path) -> Iterator[Settings]:
    """A server's settings, with a new database."""
    with fresh_database(kind, tmp_path) as fresh:
        yield {**fresh, "RATE_LIMIT": "100000/minute"}


@pytest.fixture(scope="module")
def server() -> ModuleType:
    """server.py in this process, for what no client can ask of it."""
    spec = importlib.util.spec_from_file_location("server_under_test", SERVER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, spec.name, module)
        log = logging.getLogger("fastmcp")
        patch.setattr(log, "handlers", log.handlers)  # the file sets its own, and others listen to these
        for name in ("DATABASE_URL", "DESK_DATA", "STORE_URL", "REDIS_URL", "AUTH"):
            patch.delenv(name, raising=False)
        spec.loader.exec_module(module)
    return module


async def ask(client: Client[Any], tool: str, **arguments: Any) -> Any:
    """What a tool answers, as JSON."""
    said = (await client.call_tool(tool, arguments)).structured_content
    assert said is not None
    return said.get("result", said)


def lend_it(client: Client[Any], patron: str = "p001") -> Any:
    return ask(client, "lend", book_id=ROUND_THE_WORLD, patron_id=patron, branch="Leith")


async def filled_in(message: str, response_type: Any, params: Any, context: Any) -> Any:
    """A person who agrees to the privacy notice, and fills in the form."""
    if params.mode == "url":
        return ElicitResult(action="accept")
    return {"name": "Ada", "email": "ada@example.org", "home_branch": "Leith"}


def count(settings: Settings, table: str) -> int:
    ((number,),) = from_outside(settings, f"SELECT count(*) FROM {table}")
    return int(number)


# Kept ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "first", "second"),
    [
        ("sqlite", WAYS[0], WAYS[3]),
        ("sqlite", WAYS[3], WAYS[0]),
        ("sqlite", WAYS[1], WAYS[2]),
        ("postgres", WAYS[2], WAYS[1]),
    ],
    ids=str,
)
async def test_what_is_written_outlasts_the_process(
    kind: Kind, first: Way, second: Way, tmp_path: Path
) -> None:
    """A loan, a patron, a copy that came back: the next process knows them, whichever way it is asked."""
    returned = min(LENT)
    with fresh_database(kind, tmp_path) as settings:
        with new_desk(first, tmp_path, settings=settings, elicitation_handler=filled_in) as desk:
            async with desk as client:
                loan = await lend_it(client, "p002")
                await ask(client, "take_back", copy_id=returned)
                patron = await ask(client, "register")
        with new_desk(second, tmp_path, settings=settings) as desk:
            async with desk as client:
                place = await ask(client, "where_is", book_id=ROUND_THE_WORLD)
                assert place["on_loan"] == [loan]
                assert loan["due"] == (date.today() + timedelta(days=21)).isoformat()
                shelf = await ask(client, "where_is", book_id=COPIES[returned]["book"])
                assert returned in {copy["id"] for copy in shelf["on_shelf"]}
                await ask(client, "take_back", copy_id=loan["copy_id"])
                assert (await lend_it(client, patron))["patron_id"] == patron
        assert count(settings, "patrons") == len(PATRONS) + 1


async def test_a_queue_keeps_its_order(settings: Settings, tmp_path: Path) -> None:
    async def at_leith(message: str, response_type: Any, params: Any, context: Any) -> Any:
        return {"value": "Leith"}

    queue = ["p005", "p001", "p009"]
    for patron in queue:  # each a process of its own
        with new_desk(WAYS[0], tmp_path, settings=settings, elicitation_handler=at_leith) as desk:
            async with desk as client:
                await ask(client, "reserve", book_id=ROUND_THE_WORLD, patron_id=patron)
                with pytest.raises(ToolError, match="in the queue"):
                    await client.call_tool("reserve", {"book_id": ROUND_THE_WORLD, "patron_id": patron})
    assert from_outside(settings, "SELECT patron_id FROM holds ORDER BY place") == [(p,) for p in queue]


async def test_what_is_answered_is_written(settings: Settings, tmp_path: Path) -> None:
    """kill -9, as soon as the answer is there: the process gets no chance to write anything more."""
    with http_process(tmp_path, settings=settings) as (address, process):
        async with Client(f"{address}/mcp") as client:
            loan = await lend_it(client)
            process.kill()
            process.wait()
    columns = "copy_id, patron_id, CAST(due AS VARCHAR)"
    found = from_outside(settings, f"SELECT {columns} FROM loans WHERE copy_id = '{loan['copy_id']}'")
    assert found == [(loan["copy_id"], "p001", loan["due"])]
    with new_desk(WAYS[0], tmp_path, settings=settings) as desk:  # and the database has survived it, too
        async with desk as client:
            assert (await ask(client, "where_is", book_id=ROUND_THE_WORLD))["on_loan"] == [loan]


# Once per server, and closed -------------------------------------------------------------------------


def connections(settings: Settings) -> list[Any]:
    """What a server holds open: on PostgreSQL its connections, on SQLite the log that goes with the last."""
    if settings["DATABASE_URL"].startswith("sqlite"):
        return list(Path(settings["DATABASE_URL"].removeprefix("sqlite:///")).parent.glob("*.db-wal"))
    sql = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    return sorted(from_outside(settings, sql))


async def test_opened_once_for_all_clients(settings: Settings, tmp_path: Path) -> None:
    """The connection is there before and after each client, and it is the same one."""
    with serving_http(tmp_path, settings=settings) as address:
        opened = connections(settings)
        assert len(opened) == 1
        for mode in ("auto", "legacy", "auto"):
            async with Client(f"{address}/mcp", mode=mode) as client:
                await ask(client, "where_is", book_id=ROUND_THE_WORLD)
            assert connections(settings) == opened
    assert connections(settings) == []


async def test_closed_when_stdin_ends(settings: Settings, tmp_path: Path) -> None:
    with new_desk(WAYS[0], tmp_path, settings=settings) as desk:
        async with desk as client:
            await lend_it(client)
            assert len(connections(settings)) == 1
    assert connections(settings) == []


async def test_closed_when_the_start_fails_half_way(
    server: ModuleType, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last step of the lifespan fails; the database was open by then, and must not stay so."""

    async def open_and_fail(database: AsyncEngine, entries: Any) -> None:
        await open_the_books(database, entries)
        assert len(connections(settings)) == 1
        raise OSError("no books today")

    open_the_books = server.open_the_books

    monkeypatch.setattr(server, "DATABASE_URL", server.database_address(settings["DATABASE_URL"]))
    monkeypatch.setattr(server, "open_the_books", open_and_fail)
    with pytest.raises(server.CannotOpen, match="no books today"):
        async with server.library(FastMCP("lab")):
            pass
    assert connections(settings) == []


# Two replicas ----------------------------------------------------------------------------------------


class Replicas(NamedTuple):
    """Two server processes on one database, started at the same moment."""

    settings: Settings
    addresses: list[str]


@pytest.fixture(scope="module", params=KINDS)
def replicas(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicas]:
    homes = [tmp_path_factory.mktemp(side) for side in ("left", "right")]
    with fresh_database(request.param, homes[0]) as fresh, ExitStack() as stack:
        settings = {**fresh, "RATE_LIMIT": "100000/minute"}
        servers = [serving_http(home, settings=settings) for home in homes]
        with ThreadPoolExecutor() as threads:
            addresses = list(threads.map(stack.enter_context, servers))
        yield Replicas(settings, [f"{address}/mcp" for address in addresses])


class Shelf:
    """What the readers hold, by the answers that they got."""

    def __init__(self) -> None:
        self.held: set[str] = set()
        self.lent = 0
        self.refused = 0
        self.wrong: list[str] = []

    async def lend(self, client: Client[Any], book_id: str, branch: str, patron: str) -> str | None:
        wanted = {"book_id": book_id, "branch": branch, "patron_id": patron}
        answer = await client.call_tool("lend", wanted, raise_on_error=False)
        if answer.is_error:
            self.refused += 1
            if not re.match(r"No copy of .* is on the shelf", answer.content[0].text):
                self.wrong.append(answer.content[0].text)
            return None
        copy: str = answer.structured_content["copy_id"]
        if copy in self.held:
            self.wrong.append(f"{copy} was lent twice")
        self.held.add(copy)
        self.lent += 1
        return copy

    async def take_back(self, client: Client[Any], copy: str) -> None:
        self.held.remove(copy)  # from here on it may be lent again
        answer = await client.call_tool("take_back", {"copy_id": copy}, raise_on_error=False)
        if answer.is_error:
            self.wrong.append(answer.content[0].text)


async def test_two_servers_never_lend_a_copy_twice(replicas: Replicas) -> None:
    """200 readers of both eras at two processes, all after the same four books, each at its one branch."""
    chance = random.Random(7)
    free = [copy for copy in COPIES.values() if copy["id"] not in LENT][:4]
    shelf = Shelf()
    loans = "SELECT copy_id, patron_id FROM loans"

    async def reader(client: Client[Any]) -> None:
        copy = chance.choice(free)
        if held := await shelf.lend(client, copy["book"], copy["branch"], chance.choice(PATRONS)):
            await shelf.take_back(client, held)

    before = sorted(from_outside(replicas.settings, loans))
    async with AsyncExitStack() as stack:
        desks = [
            await stack.enter_async_context(Client(address, mode=mode))
            for address in replicas.addresses
            for mode in ("auto", "legacy")
        ]
        await asyncio.gather(*(reader(desk) for desk, _ in zip(itertools.cycle(desks), range(200))))
    assert shelf.wrong == []
    assert shelf.lent + shelf.refused == 200
    assert shelf.refused > 0, "nobody met anybody: the test shows nothing"
    assert sorted(from_outside(replicas.settings, loans)) == before


async def test_two_servers_never_give_a_number_twice(replicas: Replicas) -> None:
    async with AsyncExitStack() as stack:
        desks = [
            await stack.enter_async_context(Client(address, elicitation_handler=filled_in))
            for address in replicas.addresses
        ]
        new = await asyncio.gather(*(ask(desk, "register") for desk in desks * 10))
    last = max(int(patron[1:]) for patron in PATRONS)
    assert sorted(new) == [f"p{last + n:03}" for n in range(1, 21)]


async def test_replicas_that_start_together_fill_a_database_once(
    server: ModuleType, kind: Kind, tmp_path: Path
) -> None:
    """Six at a time, ten times over: without turns, most of them fail."""
    for _ in range(10):
        with fresh_database(kind, tmp_path) as settings:
            async with AsyncExitStack() as stack:
                engines = [
                    server.open_database(server.database_address(settings["DATABASE_URL"])) for _ in "123456"
                ]
                for engine in engines:
                    stack.push_async_callback(engine.dispose)
                entries = server.first_entries()
                await asyncio.gather(*(server.open_the_books(engine, entries) for engine in engines))
            assert (count(settings, "patrons"), count(settings, "loans")) == (len(PATRONS), len(LENT))


def test_replicas_that_start_together_share_a_new_file(
    server: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To switch a file to WAL fails, with no time to wait, while somebody else is at it."""
    gate, connect = threading.Barrier(4), sqlite3.connect

    def connect_together(file: str) -> sqlite3.Connection:
        connection = connect(file)
        gate.wait()
        return connection

    monkeypatch.setattr(server.sqlite3, "connect", connect_together)
    with ThreadPoolExecutor(4) as threads:
        for n in range(100):
            address = server.database_address(f"sqlite:///{tmp_path / str(n)}.db")
            assert len(list(threads.map(server.open_database, [address] * 4))) == 4
            with closing(connect(address.database)) as file:
                assert file.execute("PRAGMA journal_mode").fetchone() == ("wal",)


# The same on both ------------------------------------------------------------------------------------


@pytest.fixture
async def engine(server: ModuleType, settings: Settings) -> AsyncIterator[AsyncEngine]:
    """The desk's database as the lifespan opens it."""
    opened: AsyncEngine = server.open_database(server.database_address(settings["DATABASE_URL"]))
    try:
        await server.open_the_books(opened, server.first_entries())
        yield opened
    finally:
        await opened.dispose()


async def test_no_loan_and_no_hold_without_a_patron(server: ModuleType, engine: AsyncEngine) -> None:
    loan = {"copy_id": "c0", "patron_id": "p999", "due": date(2030, 1, 1)}
    hold = {"book_id": ROUND_THE_WORLD, "patron_id": "p999", "collect_at": "Leith"}
    for table, row in ((server.LOANS, loan), (server.HOLDS, hold)):
        with pytest.raises(IntegrityError):
            async with engine.begin() as db:
                await db.execute(insert(table), row)


async def test_a_patron_who_went_in_the_meantime(
    server: ModuleType, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check found the patron, the insert does not: the model hears what is wrong."""
    monkeypatch.setattr(server, "DATABASE_URL", server.database_address(settings["DATABASE_URL"]))
    lab = FastMCP("lab", lifespan=server.library)

    @lab.tool
    async def lend_late() -> bool:
        loan = server.Loan(copy_id="c0000", patron_id="p999", due=date(2030, 1, 1))
        return bool(await server.add_loan(loan))

    @lab.tool
    async def reserve_late() -> bool:
        hold = server.Hold(book_id=ROUND_THE_WORLD, patron_id="p999", collect_at="Leith")
        return bool(await server.add_hold(hold))

    async with Client(lab) as client:
        for tool in ("lend_late", "reserve_late"):
            with pytest.raises(ToolError, match="No patron has the id 'p999'"):
                await client.call_tool(tool)


async def test_dates_come_back_as_dates(server: ModuleType, engine: AsyncEngine) -> None:
    days = [date(1, 1, 1), date(2028, 2, 29), date(9999, 12, 31)]
    async with engine.begin() as db:
        rows = [{"copy_id": f"x{n}", "patron_id": "p001", "due": day} for n, day in enumerate(days)]
        await db.execute(insert(server.LOANS), rows)
    async with engine.connect() as db:
        query = select(server.LOANS.c.due).where(server.LOANS.c.copy_id.startswith("x"))
        assert list(await db.scalars(query.order_by(server.LOANS.c.due))) == days
        early = query.where(server.LOANS.c.due < date(2028, 3, 1))
        assert len((await db.scalars(early)).all()) == 2


# Who is cancelled while aiosqlite connects leaves the open file to the collector: 3.13 says so.
@pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning")
async def test_a_cancelled_call_gives_its_connection_back(server: ModuleType, engine: AsyncEngine) -> None:
    """More often than there are connections: what it wrote is undone, and the next one is served."""
    nobody = {"id": "q", "name": "", "email": "", "home_branch": "Leith"}

    async def unfinished(n: int) -> None:
        async with engine.begin() as db:
            await db.execute(
                insert(server.PATRONS), {"id": f"q{n}", "name": "", "email": "", "home_branch": ""}
            )
            await asyncio.Event().wait()

    for n in range(20):
        task = asyncio.create_task(unfinished(n))
        await asyncio.sleep(0.001 * n)  # cancelled at whatever step it is
        task.cancel()
        await asyncio.wait([task])
    async with asyncio.timeout(5), engine.begin() as db:
        assert await db.scalar(select(func.count()).select_from(server.PATRONS)) == len(PATRONS)
        await db.execute(insert(server.PATRONS), nobody)
    del task
    gc.collect()  # while what it says is not heard


async def test_errors_do_not_tell_of_patrons(server: ModuleType, engine: AsyncEngine) -> None:
    row = {"id": "p001", "name": "Ada", "email": "ada@example.org", "home_branch": "Leith"}
    with pytest.raises(IntegrityError) as error:
        async with engine.begin() as db:
            await db.execute(insert(server.PATRONS), row)
    assert "ada@example.org" not in f"{error.value} {error.value!r}"


# Each on its own -------------------------------------------------------------------------------------


async def test_postgresql_may_drop_its_connections(tmp_path: Path) -> None:
    """As a restart, a failover or a firewall does; the next call does not notice."""
    with (
        fresh_database("postgres", tmp_path) as settings,
        new_desk(WAYS[0], tmp_path, settings=settings) as desk,
    ):
        async with desk as client:
            loan = await lend_it(client)
            (pid,) = connections(settings)
            from_outside(settings, f"SELECT pg_terminate_backend({pid[0]}, 5000)")
            assert (await ask(client, "where_is", book_id=ROUND_THE_WORLD))["on_loan"] == [loan]
            assert connections(settings) != [pid]


async def test_who_reads_the_file_does_not_stop_the_desk(tmp_path: Path) -> None:
    """A backup, or a person with a database browser, holds a transaction open."""
    with (
        fresh_database("sqlite", tmp_path) as settings,
        new_desk(WAYS[0], tmp_path, settings=settings) as desk,
    ):
        async with desk as client:
            file = settings["DATABASE_URL"].removeprefix("sqlite:///")
            with closing(sqlite3.connect(file, isolation_level=None)) as reader:
                reader.execute("BEGIN")
                reader.execute("SELECT * FROM loans").fetchone()
                started = time.monotonic()
                await lend_it(client)
            assert time.monotonic() - started < 3  # without WAL: 5 seconds, and "database is locked"


# Addresses -------------------------------------------------------------------------------------------


HERE = str(Path.cwd().absolute() / "desk.db")


@pytest.mark.parametrize(
    ("text", "scheme", "database"),
    [
        ("sqlite:////data/desk.db", "sqlite", "/data/desk.db"),
        ("sqlite+aiosqlite:////data/desk.db", "sqlite", "/data/desk.db"),
        ("sqlite+pysqlite:////data/desk.db", "sqlite", "/data/desk.db"),
        ("sqlite:///desk.db", "sqlite", HERE),
        ("sqlite:///./desk.db", "sqlite", HERE),
        ("sqlite:///~/desk.db", "sqlite", str(Path.home() / "desk.db")),
        (f"postgres://u:{SECRET}@h/desk", "postgresql", "desk"),
        (f"postgresql://u:{SECRET}@h:5433/desk?sslmode=require", "postgresql", "desk"),
        (f"postgresql+psycopg://u:{SECRET}@h/desk", "postgresql", "desk"),
        (f"postgresql+psycopg2://u:{SECRET}@h/desk", "postgresql", "desk"),
        (f"postgresql+asyncpg://u:{SECRET}@h/desk", "postgresql", "desk"),
        (f"postgresql://u:{SECRET}@[::1]:5433/desk", "postgresql", "desk"),
        (f"postgresql://u:{SECRET}@/desk?host=/run/postgresql", "postgresql", "desk"),
    ],
)
def test_addresses_as_hosts_spell_them(server: ModuleType, text: str, scheme: str, database: str) -> None:
    url = server.database_address(text)
    assert (url.drivername, url.database) == (scheme, database)
    assert SECRET not in f"{url} {url!r}" if scheme == "postgresql" else True


@pytest.mark.parametrize(
    "text",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite+aiosqlite:///:memory:",
        "sqlite://desk.db",  # two slashes: a host
        "/data/desk.db",
        "desk",
        f"mysql://u:{SECRET}@h/desk",
        f"postgresql://u:{SECRET}@h:port/desk",
        f"postgresq://u:{SECRET}/with/slashes@h/desk",
        "https://h/desk",
    ],
)
def test_addresses_that_are_none(server: ModuleType, text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        server.database_address(text)


@pytest.mark.parametrize(
    "text", [f"mysql://u:{SECRET}@h/desk", f"postgresq://u:{SECRET}/with/slashes@h/desk"]
)
def test_a_bad_address_ends_the_program_in_one_line(text: str, tmp_path: Path) -> None:
    done = run(warm_server(), tmp_path, {"DATABASE_URL": text})
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert re.match(r"DATABASE_URL: got .*; it takes sqlite:////FILE or postgresql://", line)
    assert SECRET not in line


def test_an_engine_shows_no_password(server: ModuleType) -> None:
    engine = server.open_database(server.database_address(f"postgres://u:{SECRET}@h/d?password={SECRET}"))
    desk = server.Desk(engine)
    assert SECRET not in f"{engine!r} {engine.url!r} {engine.sync_engine!r} {engine.pool!r} {desk!r}"


async def test_a_user_and_a_database_with_odd_names(server: ModuleType, tmp_path: Path) -> None:
    """What an address has to escape arrives at PostgreSQL as it was meant."""
    with fresh_database("postgres", tmp_path) as settings:
        from_outside(settings, 'CREATE ROLE "a@b/c:d%e" SUPERUSER LOGIN')
        try:
            text = settings["DATABASE_URL"].replace("//postgres:@", "//a%40b%2Fc%3Ad%25e:p%40ss@")
            engine = server.open_database(server.database_address(text))
            async with engine.connect() as db:
                assert await db.scalar(select(func.current_user())) == "a@b/c:d%e"
            await engine.dispose()
        finally:
            from_outside(settings, 'DROP ROLE "a@b/c:d%e"')


# A desk that cannot open -----------------------------------------------------------------------------


class Hopeless(NamedTuple):
    """A setting with which the desk cannot open, and what its last line should say of it."""

    name: str
    value: str
    says: str


NOBODY = f"postgresql://u:{SECRET}@127.0.0.1:9/desk"
HIDDEN = re.escape("postgresql://u:***@127.0.0.1:9/desk")
HOPELESS = {
    "refused": Hopeless("DATABASE_URL", NOBODY, f"{HIDDEN}: .*Connect call failed"),
    "in the query": Hopeless("DATABASE_URL", f"{NOBODY}?password={SECRET}", f"{HIDDEN}: "),
    "no such port": Hopeless("DATABASE_URL", NOBODY.replace(":9", ":99999"), "port must be 0-65535"),
    "no such host": Hopeless("DATABASE_URL", NOBODY.replace("127.0.0.1:9", "h.invalid"), "h.invalid/desk: "),
    "text": Hopeless("DATABASE_URL", "sqlite:///{home}/text", "file is not a database"),
    "a folder": Hopeless("DATABASE_URL", "sqlite:///{home}", "unable to open database file"),
    "below a file": Hopeless("DATABASE_URL", "sqlite:///{home}/text/desk.db", "text"),
    "no data": Hopeless("DESK_DATA", "{home}/nowhere", "No such file or directory: .*books.json"),
    "empty": Hopeless("DESK_DATA", "{home}/empty", "Expecting value"),
    "latin-1": Hopeless("DESK_DATA", "{home}/latin-1", "codec can't decode"),
    "no list": Hopeless("DESK_DATA", "{home}/no-list", "indices must be integers"),
    "no year": Hopeless("DESK_DATA", "{home}/no-year", "validation errors? for Book"),
    "a stranger": Hopeless("DESK_DATA", "{home}/stranger", "p999"),
}


@pytest.fixture
def hopeless(tmp_path: Path) -> Path:
    """A folder with what cannot be opened in it."""
    (tmp_path / "text").write_text("This is no database, whatever its name says. " * 100)
    for name, file, content in (
        ("empty", "books", ""),
        ("latin-1", "books", '[{"id": "\xe9"}]'),
        ("no-list", "patrons", '{"p001": "Ada"}'),
        ("no-year", "books", '[{"id": "x", "title": "X"}]'),
        ("stranger", "loans", '[{"copy": "c0001", "patron": "p999", "due": "2030-01-01"}]'),
    ):
        shutil.copytree(DATA, tmp_path / name)
        (tmp_path / name / f"{file}.json").write_text(content, encoding="latin-1")
    return tmp_path


@pytest.mark.parametrize("case", HOPELESS.values(), ids=HOPELESS)
def test_it_says_why_in_one_line(case: Hopeless, hopeless: Path) -> None:
    done = run(warm_server(), hopeless, {case.name: case.value.format(home=hopeless)})
    assert done.returncode != 0
    assert done.stdout == ""
    (said,) = done.stderr.splitlines()
    what = "database" if case.name == "DATABASE_URL" else "folder"
    assert re.search(rf"{case.name}: cannot open the {what} .*{case.says}", said)
    assert said.endswith(f"Put that right, or name another {what} in {case.name}.")
    assert SECRET not in said


@pytest.mark.parametrize("name", ["refused", "no data"])
def test_so_it_does_over_http(name: str, tmp_path: Path) -> None:
    case = HOPELESS[name]
    command = [*warm_server(), "--transport", "http", "--port", "0"]
    done = run(command, tmp_path, {case.name: case.value.format(home=tmp_path)})
    assert done.returncode != 0
    assert done.stdout == ""
    said, *more = done.stderr.splitlines()
    assert re.search(rf"{case.name}: cannot open the .*{case.says}", said)
    assert more in ([], ["Application startup failed. Exiting."])  # uvicorn's own
    assert SECRET not in said


def test_so_it_does_under_fastmcp_run(tmp_path: Path) -> None:
    wide = {"DATABASE_URL": NOBODY, "COLUMNS": "1000"}
    done = run([FASTMCP, "run", str(SERVER), "--no-banner"], tmp_path, wide)  # as wide as its imports find it
    assert done.returncode != 0
    (said,) = done.stderr.splitlines()
    assert re.search(rf"DATABASE_URL: cannot open the database {HIDDEN}: ", said)
    assert SECRET not in said


def test_a_database_that_hangs_is_not_waited_for(tmp_path: Path) -> None:
    """A host that takes the connection and never says a word: ten seconds, and no more."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"postgresql://u:{SECRET}@127.0.0.1:{silent.getsockname()[1]}/desk"
        done = run(warm_server(), tmp_path, {"DATABASE_URL": address}, patience=50)  # asyncpg's own is 60
    assert done.returncode != 0
    assert "TimeoutError" in done.stderr.splitlines()[-1]


def test_data_without_patrons_is_data(tmp_path: Path) -> None:
    """Nothing to enter is no reason to fail, nor to enter it at every start."""
    data = tmp_path / "data"
    shutil.copytree(DATA, data)
    for name in ("patrons", "loans"):
        (data / f"{name}.json").write_text("[]")
    with fresh_database("sqlite", tmp_path) as settings:
        for _ in "12":
            done = run(warm_server(), tmp_path, {**settings, "DESK_DATA": str(data)})
            assert done.returncode == 0, done.stderr
        assert json.dumps(from_outside(settings, "SELECT * FROM numbers")) == '[["patrons", 0]]'
