"""server.py with the acquisitions office, a real web API, as a client meets it on each way to the desk."""

from __future__ import annotations

import asyncio
import copy
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest
import pytest_asyncio
from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport
from fastmcp.exceptions import ToolError
from mcp.shared.exceptions import MCPError
from serving import SERVER, WAYS, Way, new_desk, run, serving_http, warm_python, warm_server

from mcp_workbench.services import acquisitions_office, free_port, serve

TOKEN = "a-token-of-the-office-that-nobody-may-read"  # not-a-secret
EYRE, CRISTO = "9780141441146", "9780140449266"
STAFF = ("list_orders", "get_order", "suggest_purchase", "change_order", "cancel_order", "read_budget")
SEARCH, SUGGEST = "acquisitions_search_offers", "suggest_purchase"
SUPPLIERS, SUPPLIER = "resource://acquisitions/suppliers", "resource://acquisitions/supplier/{supplier_id}"
OFFERED = {SEARCH, SUGGEST, SUPPLIERS, SUPPLIER}

STDIO, HTTP = WAYS[0], WAYS[2]

in_one_loop = pytest.mark.asyncio(loop_scope="module")  # the loop in which `desk` lives


# The office ------------------------------------------------------------------------------------------


class Answer(NamedTuple):
    """What is answered in place of the office."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = {}
    seconds: float = 0


class Office:
    """The acquisitions office behind a door at which everything that comes in is written down.

    `instead` answers a path in the office's place: a broken document, a redirect, a crash.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.app = acquisitions_office(token=TOKEN)
        self.instead: dict[str, Answer] = {}
        self.heard: list[dict[str, str]] = []
        self.waited: list[float] = []  # seconds, until somebody hung up

    @property
    def requests(self) -> list[str]:
        """What the office was asked, without readings of its document."""
        asked: list[str] = self.app.state.requests
        return asked

    def document(self) -> dict[str, Any]:
        return copy.deepcopy(self.app.openapi())

    async def is_left(self, receive: Any, seconds: float) -> bool:
        """Let somebody wait so long; did they hang up before?"""
        started = time.monotonic()
        try:
            async with asyncio.timeout(seconds):
                while (await receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            return False
        self.waited.append(time.monotonic() - started)
        return True

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            self.heard.append({name.decode(): value.decode() for name, value in scope["headers"]})
            if (answer := self.instead.get(scope["path"])) is not None:
                if answer.seconds and await self.is_left(receive, answer.seconds):
                    return
                headers = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
                await send({"type": "http.response.start", "status": answer.status, "headers": headers})
                await send({"type": "http.response.body", "body": answer.body})
                return
        await self.app(scope, receive, send)


@contextmanager
def is_open(office: Office, port: int = 0) -> Iterator[str]:
    """Serve the office in a thread, for this one waits for processes; gives its address."""
    started: Future[tuple[str, Callable[[], object]]] = Future()

    async def serving() -> None:
        closed = asyncio.Event()
        try:
            async with serve(office, port=port) as url:
                loop = asyncio.get_running_loop()
                started.set_result((url, lambda: loop.call_soon_threadsafe(closed.set)))
                await closed.wait()
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    thread = threading.Thread(target=lambda: asyncio.run(serving()))
    thread.start()
    try:
        url, close = started.result(timeout=10)
        try:
            yield url
        finally:
            close()
    finally:
        thread.join()


def told_of(url: str, **more: str) -> dict[str, str]:
    return {"ACQUISITIONS_URL": url, "ACQUISITIONS_TOKEN": TOKEN, **more}


def log_of(home: Path) -> str:
    """What the desk's process wrote to stderr, over HTTP with stdout."""
    (log,) = home.glob("*-server.log")
    return log.read_text(encoding="utf-8")


def troubles(home: Path) -> list[str]:
    """What the desk has said of the office, in its log, which has a line of JSON for each event."""
    lines = [json.loads(line) for line in log_of(home).splitlines() if line.startswith("{")]
    events = [str(line["event"]) for line in lines]
    return [event.partition(": ")[2] for event in events if event.startswith("Acquisitions office: ")]


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Office, str]]:
    """An office that stays open, and its address."""
    office = Office()
    with is_open(office) as url:
        yield office, url


class Served(NamedTuple):
    client: Client[Any]
    office: Office
    way: Way
    home: Path


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=WAYS, ids=str)
async def connected(
    request: pytest.FixtureRequest, shared: tuple[Office, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Served]:
    home = tmp_path_factory.mktemp("desk")
    office, url = shared
    with new_desk(request.param, home, settings=told_of(url)) as client:
        async with client:
            yield Served(client, office, request.param, home)


@pytest.fixture
def desk(connected: Served) -> Iterator[Served]:
    """A connected client of a desk that has an office, in which nothing has happened yet."""
    connected.office.reset()
    yield connected
    assert TOKEN not in log_of(connected.home)


async def offered(client: Client[Any]) -> set[str]:
    """All that a client sees of the office."""
    names = {tool.name for tool in await client.list_tools()}
    names |= {str(resource.uri) for resource in await client.list_resources()}
    names |= {template.uri_template for template in await client.list_resource_templates()}
    return {name for name in names if "acquisitions" in name or "purchase" in name}


async def search(client: Client[Any], **arguments: Any) -> list[dict[str, Any]]:
    content = (await client.call_tool(SEARCH, arguments)).structured_content
    assert content is not None
    found: list[dict[str, Any]] = content["result"]
    return found


async def read(client: Client[Any], uri: str) -> Any:
    content: Any
    (content,) = await client.read_resource(uri)
    return json.loads(content.text)


async def suggest(client: Client[Any], **wanted: Any) -> dict[str, Any]:
    order: dict[str, Any] | None = (await client.call_tool(SUGGEST, wanted)).structured_content
    assert order is not None
    return order


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 20) -> None:
    """Wait for what another process does in its own time."""
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110 (what happens is in another process)
            await asyncio.sleep(0.05)


# With no office --------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS, ids=str)
async def test_without_an_office_nothing_of_it_is_offered(way: Way, tmp_path: Path) -> None:
    with new_desk(way, tmp_path) as client:
        async with client:
            assert await offered(client) == set()
            with pytest.raises(ToolError, match="Unknown tool: 'suggest_purchase'"):
                await client.call_tool(SUGGEST, {"isbn": EYRE})


@pytest.mark.parametrize("settings", [{}, told_of("http://127.0.0.1:9")], ids=["without", "with an office"])
def test_what_reads_openapi_is_not_imported_with_the_server(settings: dict[str, str], tmp_path: Path) -> None:
    code = f"import sys; sys.path.insert(0, {str(SERVER.parent)!r}); import server; "
    code += "print('fastmcp.server.providers.openapi' in sys.modules)"
    ran = run([sys.executable, "-c", code], tmp_path, settings)
    assert (ran.stdout.strip(), ran.stderr) == ("False", "")


def test_without_an_office_it_is_not_mounted_and_never_imported(tmp_path: Path) -> None:
    code = (
        f"import asyncio, sys; sys.path.insert(0, {str(SERVER.parent)!r}); import server\n"
        "from fastmcp import Client\n"
        "async def main():\n"
        "    async with Client(server.mcp) as client:\n"
        "        await client.list_tools(), await client.list_resources()\n"
        "    print(len(server.mcp.providers), 'fastmcp.server.providers.openapi' in sys.modules)\n"
        "asyncio.run(main())"
    )
    without = run([sys.executable, "-c", code], tmp_path).stdout.split()
    having = run([sys.executable, "-c", code], tmp_path, told_of("http://127.0.0.1:9")).stdout.split()
    assert int(having[0]) == int(without[0]) + 1
    assert without[1] == "False"


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (
            {"ACQUISITIONS_URL": "office", "ACQUISITIONS_TOKEN": TOKEN},
            "ACQUISITIONS_URL: got 'office'; it takes the http(s) address of the acquisitions office.",
        ),
        (
            {"ACQUISITIONS_URL": "http://127.0.0.1:9"},
            "ACQUISITIONS_TOKEN: got nothing; it takes the desk's token at the acquisitions office.",
        ),
        (
            {"ACQUISITIONS_URL": "http://127.0.0.1:9", "ACQUISITIONS_TOKEN": f"{TOKEN}\n{TOKEN}"},
            f"ACQUISITIONS_TOKEN: got {2 * len(TOKEN) + 1} characters; "
            "it takes the desk's token at the acquisitions office.",
        ),
        (
            {"ACQUISITIONS_REFRESH": "0"},
            "ACQUISITIONS_REFRESH: got '0'; it takes whole seconds, one or more.",
        ),
    ],
)
def test_bad_settings_are_one_line(settings: dict[str, str], line: str, tmp_path: Path) -> None:
    ran = run(warm_server(), tmp_path, settings)
    assert (ran.returncode, ran.stdout, ran.stderr) == (2, "", f"{line}\n")


# What is offered -------------------------------------------------------------------------------------


@in_one_loop
class TestWhatIsOffered:
    async def test_the_public_part_and_the_tool_on_top(self, desk: Served) -> None:
        assert await offered(desk.client) == OFFERED
        assert desk.office.requests == []  # to be listed costs the office nothing

    async def test_what_a_model_reads_of_the_tools(self, desk: Served) -> None:
        tools: dict[str, Any] = {tool.name: tool for tool in await desk.client.list_tools()}
        assert tools[SEARCH].title == "Search Offers"
        assert tools[SEARCH].description.startswith("Search the titles that suppliers have for sale")
        assert tools[SEARCH].input_schema["properties"].keys() == {"text", "max_price_pence", "limit"}
        assert tools[SEARCH].annotations.read_only_hint is True
        assert set(tools[SEARCH].meta["fastmcp"]["tags"]) == {"public", "acquisitions"}
        assert tools[SUGGEST].title == "Suggest a purchase"
        assert SEARCH in tools[SUGGEST].description
        assert tools[SUGGEST].input_schema["required"] == ["isbn"]
        hints = tools[SUGGEST].annotations
        assert (hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint) == (None, False, True)

    async def test_every_operation(self, desk: Served) -> None:
        (jane,) = await search(desk.client, text="eyre")
        assert (jane["isbn"], jane["supplier_id"], jane["price_pence"]) == (EYRE, "northlight", 899)
        assert {o["title"] for o in await search(desk.client, max_price_pence=799)} == {
            "A Tale of Two Cities",
            "Frankenstein",
        }
        assert len(await search(desk.client, limit=2)) == 2
        suppliers = await read(desk.client, SUPPLIERS)
        assert [supplier["id"] for supplier in suppliers] == ["harbour", "northlight", "quire"]
        assert await read(desk.client, SUPPLIER.format(supplier_id="northlight")) == suppliers[1]
        assert await suggest(desk.client, isbn=EYRE, copies=3, reason="Book club") == {
            "id": "A-1003",
            "title": "Jane Eyre",
            "copies": 3,
            "total_pence": 2697,
            "status": "suggested",
        }
        assert Counter(desk.office.requests) == {
            "GET /offers": 3,
            "GET /suppliers": 1,
            "GET /suppliers/northlight": 1,
            "POST /orders": 1,
        }

    @pytest.mark.parametrize("operation", STAFF)
    async def test_the_staffs_operations_cannot_be_had(self, desk: Served, operation: str) -> None:
        with pytest.raises(ToolError, match="Unknown tool"):
            await desk.client.call_tool(f"acquisitions_{operation}", {"order_id": "A-1001", "isbn": EYRE})
        for address in (operation, f"{operation}/A-1001"):
            with pytest.raises(MCPError, match="Resource not found"):
                await desk.client.read_resource(f"resource://acquisitions/{address}")
        assert desk.office.requests == []

    async def test_a_call_passes_the_desks_middleware_once(self, desk: Served) -> None:
        before = log_of(desk.home)
        await search(desk.client, text="austen")

        async def logged() -> bool:
            return "request_success" in log_of(desk.home).removeprefix(before)

        await until(logged)
        lines = [line for line in log_of(desk.home).removeprefix(before).splitlines() if "tools/call" in line]
        assert sum("request_success" in line for line in lines) == 1, lines


# Once more, and once only ----------------------------------------------------------------------------


@in_one_loop
class TestTryingAgain:
    async def test_a_busy_office_is_asked_again(self, desk: Served) -> None:
        desk.office.app.state.trouble.unavailable(2, retry_after=0)
        assert await search(desk.client, text="eyre")
        assert desk.office.requests == ["GET /offers"] * 3
        desk.office.app.state.trouble.unavailable(2, retry_after=0)
        assert await read(desk.client, SUPPLIERS)
        assert desk.office.requests[3:] == ["GET /suppliers"] * 3
        desk.office.app.state.trouble.unavailable(2, retry_after=0)
        assert await suggest(desk.client, isbn=EYRE)
        assert desk.office.requests[6:] == ["POST /orders"] * 3

    async def test_not_for_ever(self, desk: Served) -> None:
        desk.office.app.state.trouble.unavailable(3, retry_after=0)
        with pytest.raises(ToolError, match=r"^The acquisitions office is busy\. Try again in a minute\.$"):
            await search(desk.client)
        assert desk.office.requests == ["GET /offers"] * 3

    async def test_it_waits_as_long_as_it_is_told_but_not_long(self, desk: Served) -> None:
        desk.office.app.state.trouble.unavailable(1, retry_after=1)
        started = time.monotonic()
        assert await search(desk.client)
        assert time.monotonic() - started >= 1
        desk.office.app.state.trouble.unavailable(1, retry_after=60)
        with pytest.raises(ToolError, match="is busy"):
            await search(desk.client)
        assert desk.office.requests == ["GET /offers"] * 3

    async def test_a_lost_answer_does_not_order_twice(self, desk: Served) -> None:
        desk.office.app.state.trouble.lost(2, retry_after=0)
        order = await suggest(desk.client, isbn=EYRE, copies=2)
        assert desk.office.requests == ["POST /orders"] * 3
        assert await suggest(desk.client, isbn=EYRE, copies=2) == order  # nor does the model
        another = await suggest(desk.client, isbn=EYRE, copies=1)
        assert (order["id"], another["id"]) == ("A-1003", "A-1004")


async def test_a_slow_office_is_asked_once(office: Office, tmp_path: Path) -> None:
    with is_open(office) as url, new_desk(STDIO, tmp_path, settings=told_of(url)) as client:
        async with client:
            office.app.state.trouble.slow(seconds=8)
            started = time.monotonic()
            with pytest.raises(ToolError, match=r"^The acquisitions office is too slow\. Try again later\.$"):
                await search(client)
            assert 4.5 < time.monotonic() - started < 7.5
            assert office.requests == ["GET /offers"]


# What goes wrong -------------------------------------------------------------------------------------


@in_one_loop
class TestErrors:
    async def test_the_office_says_what_is_wrong(self, desk: Served) -> None:
        with pytest.raises(ToolError, match=r"^The acquisitions office refuses: no supplier offers 978"):
            await suggest(desk.client, isbn="9780000000000")
        with pytest.raises(ToolError, match=r"refuses: limit: Input should be less than or equal to 50"):
            await search(desk.client, limit=99)
        with pytest.raises(MCPError, match="refuses: there is no supplier 'nobody'"):
            await read(desk.client, SUPPLIER.format(supplier_id="nobody"))
        for number in range(16):
            await suggest(desk.client, isbn=CRISTO, copies=20, reason=str(number))
        with pytest.raises(ToolError, match=r"refuses: 29980 pence is more than is left of this year's"):
            await suggest(desk.client, isbn=CRISTO, copies=20, reason="one more")

    async def test_what_does_not_fit_is_not_sent(self, desk: Served) -> None:
        for wrong in (
            {"isbn": "0141441146"},
            {"isbn": EYRE, "copies": 21},
            {"isbn": EYRE, "reason": "x" * 201},
        ):
            with pytest.raises(ToolError, match="1 validation error"):
                await suggest(desk.client, **wrong)
        assert desk.office.requests == []

    @pytest.mark.parametrize("status", [301, 302, 404, 418, 500])
    async def test_the_offices_internals_stay_there(self, desk: Served, status: int) -> None:
        crash = b'{"trace": "/srv/office/db.py", "detail": ["SELECT"]}'
        desk.office.instead["/offers"] = desk.office.instead["/suppliers"] = Answer(crash, status)
        expected = rf"^The acquisitions office failed \(HTTP {status}\)\. Try again later\.$"
        with pytest.raises(ToolError, match=expected):
            await search(desk.client)
        with pytest.raises(MCPError, match=expected):
            await read(desk.client, SUPPLIERS)

    async def test_an_answer_without_end(self, desk: Served) -> None:
        desk.office.instead["/offers"] = Answer(b"[" + b" " * 1_000_000 + b"]")
        with pytest.raises(ToolError, match=r"^The answer is too long\. Ask for less\.$"):
            await search(desk.client)

    async def test_an_answer_that_makes_no_sense(self, desk: Served) -> None:
        for nonsense in (b"", b"[]", b'{"id": 1}', b"<html>"):
            desk.office.instead["/orders"] = Answer(nonsense)
            with pytest.raises(ToolError, match=r"^It may be ordered: "):
                await suggest(desk.client, isbn=EYRE)

    async def test_a_redirect_is_not_followed(self, desk: Served) -> None:
        elsewhere = Office()
        with is_open(elsewhere) as url:
            desk.office.instead["/offers"] = Answer(b"", 307, {"Location": f"{url}/offers"})
            with pytest.raises(ToolError, match="HTTP 307"):
                await search(desk.client)
        assert elsewhere.heard == []

    async def test_the_token_is_sent_each_time(self, desk: Served) -> None:
        await search(desk.client)
        await read(desk.client, SUPPLIERS)
        await suggest(desk.client, isbn=EYRE)
        assert [heard["authorization"] for heard in desk.office.heard] == [f"Bearer {TOKEN}"] * 3


async def test_the_wrong_token_is_for_those_who_run_the_desk(office: Office, tmp_path: Path) -> None:
    wrong = "an-old-token-of-the-desk"  # not-a-secret
    with is_open(office) as url:
        settings = {**told_of(url), "ACQUISITIONS_TOKEN": wrong, "FASTMCP_LOG_LEVEL": "DEBUG"}
        with new_desk(STDIO, tmp_path, settings=settings) as client:
            async with client:
                with pytest.raises(ToolError, match=r"^The acquisitions office does not accept this desk"):
                    await search(client)
    told = '"level": "ERROR", "event": "Acquisitions office: token refused, HTTP 401"'
    assert told in log_of(tmp_path)
    assert wrong not in log_of(tmp_path)


async def test_nothing_of_the_mcp_request_reaches_the_office(office: Office, tmp_path: Path) -> None:
    """FastMCP copies the headers of the MCP client's own request; the office would believe them."""
    lies = {"X-User": "director", "X-Forwarded-For": "10.0.0.1", "Idempotency-Key": "of-somebody-else"}
    with is_open(office) as url, serving_http(tmp_path, settings=told_of(url)) as address:
        async with Client(StreamableHttpTransport(f"{address}/mcp", headers=lies)) as client:
            await search(client)
            await read(client, SUPPLIERS)
            await suggest(client, isbn=EYRE)
    sent = [header for heard in office.heard for header in heard]
    assert set(sent) == {
        *("accept", "accept-encoding", "authorization", "connection", "host", "user-agent"),
        *("content-length", "content-type", "idempotency-key"),
    }
    (key,) = [heard["idempotency-key"] for heard in office.heard if "idempotency-key" in heard]
    assert key != lies["Idempotency-Key"]


# The office comes and goes ---------------------------------------------------------------------------


@pytest.mark.parametrize("way", [STDIO, HTTP], ids=str)
async def test_an_office_opens_closes_and_opens_again(way: Way, office: Office, tmp_path: Path) -> None:
    port = free_port()
    with new_desk(way, tmp_path, settings=told_of(f"http://127.0.0.1:{port}")) as client:
        async with client:
            assert await offered(client) == {SUGGEST}
            assert (await client.call_tool("opening_hours", {"branch": "Leith"})).data
            with pytest.raises(
                ToolError, match=r"^The acquisitions office does not answer\. Try again later\.$"
            ):
                await suggest(client, isbn=EYRE)

            async def is_there() -> bool:
                return await offered(client) == OFFERED

            with is_open(office, port):
                await until(is_there)
                assert len(await search(client)) == 6
            assert await is_there()
            with pytest.raises(ToolError, match="does not answer"):
                await search(client)
            with is_open(office, port):
                assert len(await search(client)) == 6
    assert troubles(tmp_path) == [
        "ToolError('The acquisitions office does not answer. Try again later.')",
        "read again",
    ]
    assert TOKEN not in log_of(tmp_path)


def broken(office: Office) -> dict[str, Answer]:
    """Documents that must not stop the desk."""
    outside = office.document()
    outside["paths"]["/offers"]["get"]["responses"]["200"]["content"]["application/json"]["schema"] = {
        "$ref": "file:///etc/hostname"
    }
    return {
        "no JSON": Answer(b"<html>"),
        "another JSON": Answer(b"[1, 2]"),
        "no OpenAPI": Answer(b'{"openapi": "3.1.0", "paths": {"/offers": 7}}'),
        "too deep": Answer(b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
        "too long": Answer(json.dumps({**office.document(), "x": "x" * 1_000_000}).encode()),
        "missing": Answer(b"", 404),
        "crash": Answer(b"Traceback", 500),
        "slow": Answer(b"{}", seconds=30),
        "a reference to elsewhere": Answer(json.dumps(outside).encode()),
    }


@pytest.mark.parametrize("what", ["no JSON", "slow"])
async def test_a_document_that_cannot_be_read_does_not_stop_the_desk(
    what: str, office: Office, tmp_path: Path
) -> None:
    office.instead["/openapi.json"] = broken(office)[what]
    with is_open(office) as url, new_desk(STDIO, tmp_path, settings=told_of(url)) as client:
        started = time.monotonic()
        async with client:
            assert time.monotonic() - started < 15
            assert await offered(client) == {SUGGEST}
            assert await suggest(client, isbn=EYRE)
            office.instead.clear()

            async def is_there() -> bool:
                return await offered(client) == OFFERED

            await until(is_there)
            assert await search(client)
    assert all(waited < 4.5 for waited in office.waited)
    assert len(office.waited) == (what == "slow")
    assert len(troubles(tmp_path)) == 2
    assert troubles(tmp_path)[1] == "read again"


async def test_no_document_takes_away_what_was_offered(office: Office, tmp_path: Path) -> None:
    with is_open(office) as url:
        settings = told_of(url, ACQUISITIONS_REFRESH="1")
        with new_desk(HTTP, tmp_path, settings=settings) as client:
            async with client:
                for number, (what, answer) in enumerate(broken(office).items(), start=1):
                    office.instead["/openapi.json"] = answer

                    async def said(number: int = number) -> bool:
                        return len(troubles(tmp_path)) >= number

                    await until(said)
                    assert len(troubles(tmp_path)) == number, what
                    assert await offered(client) == OFFERED, what
                office.instead.clear()
                assert len(await search(client)) == 6
    assert TOKEN not in log_of(tmp_path)


async def test_a_document_that_changes(office: Office, tmp_path: Path) -> None:
    """What is public and reads comes along; what changes things, or is not said to be public, does not."""
    with is_open(office) as url:
        settings = told_of(url, ACQUISITIONS_REFRESH="1")
        with new_desk(STDIO, tmp_path, settings=settings) as client:
            async with client:
                assert await offered(client) == OFFERED
                more = office.document()
                ok = {"responses": {"200": {"description": "ok"}}}
                more["paths"]["/news"] = {
                    "get": {**ok, "operationId": "news", "tags": ["public"]},
                    "post": {**ok, "operationId": "add_news", "tags": ["public"]},
                    "delete": {**ok, "operationId": "drop_news", "tags": ["public"]},
                }
                more["paths"]["/payroll"] = {"get": {**ok, "operationId": "payroll"}}
                more["paths"]["/audit"] = {"get": {**ok, "operationId": "audit", "tags": ["staff"]}}
                office.instead["/openapi.json"] = Answer(json.dumps(more).encode())

                async def has_news() -> bool:
                    return await offered(client) == OFFERED | {"resource://acquisitions/news"}

                await until(has_news)
                office.instead["/openapi.json"] = Answer(b"{}{")

                async def complained() -> bool:
                    return "JSONDecodeError" in log_of(tmp_path)

                await until(complained)
                readings = len(office.heard)

                async def read_again() -> bool:
                    return len(office.heard) >= readings + 3

                await until(read_again)
                assert await has_news()  # what was offered stays
                assert await search(client)
    assert len(troubles(tmp_path)) == 1  # said once, read often


async def test_the_document_sends_the_desk_nowhere(office: Office, tmp_path: Path) -> None:
    elsewhere = Office()
    with is_open(office) as url, is_open(elsewhere) as other:
        document = office.document()
        document["servers"] = [{"url": other}]
        search_offers = document["paths"]["/offers"]["get"]
        search_offers["servers"] = [{"url": other}]
        for number, path in enumerate((f"//{other[7:]}/x", f"@{other[7:]}/x", f"{other}/x")):
            document["paths"][path] = {"get": {**search_offers, "operationId": f"odd_{number}"}}
        office.instead["/openapi.json"] = Answer(json.dumps(document).encode())
        with new_desk(STDIO, tmp_path, settings=told_of(url)) as client:
            async with client:
                assert await search(client)
                for number in range(3):
                    with pytest.raises(ToolError, match="The acquisitions office refuses: Not Found"):
                        await client.call_tool(f"acquisitions_odd_{number}")
    assert elsewhere.heard == []


async def test_in_memory_it_is_offered_once_for_each_client_and_then_no_more(
    office: Office, tmp_path: Path
) -> None:
    code = (
        f"import asyncio, sys; sys.path.insert(0, {str(SERVER.parent)!r}); import server\n"
        "from fastmcp import Client\n"
        "async def main():\n"
        "    for _ in range(3):\n"
        "        async with Client(server.mcp) as a, Client(server.mcp) as b:\n"
        "            for client in (a, b):\n"
        "                print([t.name for t in await client.list_tools() if 'acq' in t.name])\n"
        "        print(len(server.offered.providers), len(asyncio.all_tasks()))\n"
        "for _ in range(2): asyncio.run(main())"
    )
    with is_open(office) as url:
        ran = run([*warm_python(), "-c", code], tmp_path, told_of(url))
    listed, after = f"['{SEARCH}']", "0 1"
    assert ran.stdout.splitlines() == [listed, listed, after] * 6, ran.stderr
    assert "Duplicate" not in ran.stderr
    assert "never" not in ran.stderr


def test_the_office_of_these_tests_refuses_without_the_token(office: Office) -> None:
    """Else the tests above would show nothing."""
    with is_open(office) as url:
        assert httpx2.get(f"{url}/suppliers").status_code == 401
