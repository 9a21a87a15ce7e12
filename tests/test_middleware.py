"""The layers around server.py, as its clients and its operator meet them: log, limit, scopes, cache."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.fernet import Fernet
from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport
from fastmcp.exceptions import ToolError
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from serving import (
    DATA,
    PYTHON_SERVER,
    ROOT,
    SERVER,
    WAYS,
    Way,
    environment,
    new_desk,
    rows,
    serving_http,
    warm_python,
    warm_server,
)

from mcp_workbench.services import IdentityProvider, identity_provider, valkey

LEAGUES = "verne-vingt-mille-lieues"
BOTH_ERAS = [way for way in WAYS if way.transport == "http"]

# What a person would not want to find in a log; none of them is what the desk would say by itself.
IN_ARGUMENT, IN_HEADER, IN_URI, IN_NAME = "0f-argument", "0f-header", "0f-address", "0f-name"


@pytest.fixture(params=WAYS, ids=str)
def way(request: pytest.FixtureRequest) -> Way:
    chosen: Way = request.param
    return chosen


@pytest.fixture(params=BOTH_ERAS, ids=str)
def over_http(request: pytest.FixtureRequest) -> Way:
    chosen: Way = request.param
    return chosen


def log_of(home: Path, way: Way) -> str:
    """What a desk has written to stderr so far."""
    return (home / f"{way.transport}-server.log").read_text(encoding="utf-8")


def lines_in(log: str) -> list[dict[str, Any]]:
    """The desk's own lines; around them stand those of FastMCP and uvicorn."""
    return [json.loads(line) for line in log.splitlines() if line.startswith("{")]


async def admitted(client: Client[Any], most: int) -> tuple[int, str]:
    """How many of so many calls were let in, and what the others were told."""
    refusals = []
    for _ in range(most):
        reply = await client.call_tool("where_is", {"book_id": LEAGUES}, raise_on_error=False)
        if reply.is_error:
            refusals.append(reply.content[0].text)
    return most - len(refusals), refusals[-1] if refusals else ""


def charted(reply: Any) -> dict[str, int]:
    decades: dict[str, int] = reply.structured_content["decades"]
    return decades


@contextmanager
def store_elsewhere() -> Iterator[dict[str, str]]:
    """The settings of desks that share a Valkey."""
    with valkey() as address:
        yield {"STORE_URL": address, "STORE_KEY": Fernet.generate_key().decode()}


def accepting(provider: IdentityProvider) -> dict[str, str]:
    """The settings of a desk that accepts this provider's tokens."""
    return {
        "AUTH": "jwt",
        "AUTH_JWKS_URI": provider.jwks_uri,
        "AUTH_ISSUER": provider.issuer,
        "AUTH_AUDIENCE": "desk",
    }


def fewer_books(folder: Path) -> dict[str, str]:
    """Settings for a desk of a library that has only the books of before 1850."""
    folder.mkdir()
    for name in ("books", "copies", "branches", "patrons", "loans"):
        kept = rows(name)
        if name == "books":
            kept = [book for book in kept if book["year"] < 1850]
        (folder / f"{name}.json").write_text(json.dumps(kept), encoding="utf-8")
    return {"DESK_DATA": str(folder)}


# Errors ----------------------------------------------------------------------------------------------


async def test_a_tools_error_stays_a_result_that_a_model_reads(way: Way, tmp_path: Path) -> None:
    with new_desk(way, tmp_path) as desk:
        async with desk as client:
            reply = await client.call_tool("where_is", {"book_id": "vern"}, raise_on_error=False)
            assert reply.is_error
            assert reply.content[0].text.startswith("No book has the id 'vern'.")
            wrong = await client.call_tool("find_books", {"limit": 99}, raise_on_error=False)
            assert wrong.is_error
            assert "less than or equal to 50" in wrong.content[0].text
            with pytest.raises(MCPError, match="Resource not found") as refused:
                await client.read_resource("nowhere://at-all")
            assert refused.value.error.code == INVALID_PARAMS


# The log ---------------------------------------------------------------------------------------------


async def test_the_log_is_json_lines_and_tells_no_secret(way: Way, tmp_path: Path) -> None:
    with new_desk(way, tmp_path) as desk:
        if way.transport == "http":
            assert isinstance(desk.transport, StreamableHttpTransport)
            desk.transport.headers["x-secret"] = IN_HEADER
        async with desk as client:
            await client.call_tool("where_is", {"book_id": LEAGUES})
            for arguments in ({"book_id": IN_ARGUMENT}, {"book_id": [IN_ARGUMENT]}, {"id": IN_ARGUMENT}):
                reply = await client.call_tool("where_is", arguments, raise_on_error=False)
                assert IN_ARGUMENT in reply.content[0].text  # the caller is told; the log is not
            await client.call_tool(IN_NAME, raise_on_error=False)
            with pytest.raises(MCPError):
                await client.read_resource(f"book://{IN_URI}")
        log = log_of(tmp_path, way)

    lines = lines_in(log)
    for line in lines:
        assert {"time", "level", "event"} <= line.keys()
    calls = [line for line in lines if "tools/call" in line["event"] or line.get("method") == "tools/call"]
    assert Counter(line["event"] for line in calls if "method" in line) == {
        "request_start": 5,
        "request_success": 1,
        "request_error": 4,
    }
    assert sum(line["event"].startswith("Request tools/call completed in ") for line in calls) == 1
    assert sum(line["event"].startswith("Request tools/call failed after ") for line in calls) == 4
    errors = Counter(line["error"] for line in calls if line["event"].startswith("Error in "))
    assert errors == {"ToolError": 1, "ValidationError": 2, "NotFoundError": 1}
    for secret in (IN_ARGUMENT, IN_HEADER, IN_URI):
        assert secret not in "".join(map(str, lines))
    for secret in (IN_ARGUMENT, IN_HEADER):  # nor do FastMCP's own lines
        assert secret not in log


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell that can redirect")
async def test_the_log_goes_to_stderr(tmp_path: Path) -> None:
    """On stdio stdout is the protocol's, and a line of the log would break it; over HTTP nothing is there."""
    said = tmp_path / "stdout"
    command = ("sh", "-c", 'exec "$@" > "$0"', str(said), *PYTHON_SERVER)
    with serving_http(tmp_path, command=command) as address:
        async with Client(f"{address}/mcp") as client:
            await client.call_tool("where_is", {"book_id": "nowhere"}, raise_on_error=False)
    assert lines_in((tmp_path / "http-server.log").read_text(encoding="utf-8"))
    assert said.read_bytes() == b""


async def test_the_sdks_own_list_is_nobodys_request(tmp_path: Path) -> None:
    """Before a sessionless call over HTTP the SDK asks for the schema; only the client's list is logged."""
    way = Way("http", "sessionless")
    with new_desk(way, tmp_path) as desk:
        async with desk as client:
            listed = await client.list_tools()
            for _ in range(3):
                await client.call_tool("where_is", {"book_id": LEAGUES})
            assert len(await client.list_tools()) == len(listed) > 1
        methods = [line["method"] for line in lines_in(log_of(tmp_path, way)) if "method" in line]
    assert methods.count("tools/call") == 2 * 3  # a start and an end
    assert methods.count("tools/list") == 2 * 2


# The limit -------------------------------------------------------------------------------------------


async def test_exactly_so_many_calls_are_let_in(way: Way, tmp_path: Path) -> None:
    with new_desk(way, tmp_path, settings={"RATE_LIMIT": "7/day"}) as desk:
        async with desk as client:
            for _ in range(9):  # what is not a tool call is not counted
                await client.list_tools()
                await client.read_resource("info://desk")
            let_in, refusal = await admitted(client, 12)
            assert await client.list_tools()
    assert let_in == 7
    assert "Too many calls: 7 per 1 day are allowed. Wait " in refusal


async def test_two_processes_count_together(over_http: Way, tmp_path: Path) -> None:
    with store_elsewhere() as shared, ExitStack() as stack:
        settings = {**shared, "RATE_LIMIT": "7/day"}
        desks = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            desks.append(stack.enter_context(new_desk(over_http, tmp_path / name, settings=settings)))
        async with desks[0] as one, desks[1] as two:
            let_in = [(await admitted(client, 1))[0] for _ in range(6) for client in (one, two)]
    assert sum(let_in) == 7
    assert let_in == [1] * 7 + [0] * 5


async def test_each_address_has_its_own_limit_where_the_proxy_is_believed(tmp_path: Path) -> None:
    for believed, expected in (("127.0.0.1", [3, 3]), ("192.0.2.1", [3, 0])):
        home = tmp_path / believed
        home.mkdir()
        settings = {"RATE_LIMIT": "3/day", "FORWARDED_ALLOW_IPS": believed}
        with serving_http(home, settings=settings) as address:
            let_in = []
            for caller in ("192.0.2.10", "192.0.2.11"):
                sent = StreamableHttpTransport(f"{address}/mcp", headers={"X-Forwarded-For": caller})
                async with Client(sent) as client:
                    let_in.append((await admitted(client, 5))[0])
        assert let_in == expected


async def test_the_desk_stays_open_when_the_store_is_gone(over_http: Way, tmp_path: Path) -> None:
    """Calls are then counted, and answers kept, by the process itself."""
    with ExitStack() as store:
        settings = {**store.enter_context(store_elsewhere()), "RATE_LIMIT": "7/day"}
        with new_desk(over_http, tmp_path, settings=settings) as desk:
            async with desk as client:
                assert (await admitted(client, 5))[0] == 5
                store.close()
                charts = [charted(await client.call_tool("chart_decades")) for _ in range(2)]
                assert charts[0] == charts[1] != {}
                let_in, refusal = await admitted(client, 12)
            log = lines_in(log_of(tmp_path, over_http))
    assert let_in == 7 - 2
    assert "Too many calls" in refusal
    warnings = [line for line in log if line["level"] == "WARNING"]
    assert {line["error"] for line in warnings} == {"StorageError"}


async def test_no_traceback_is_drawn(tmp_path: Path) -> None:
    """FastMCP would draw the traceback of what cannot be read, for half a second of CPU each."""
    way = Way("stdio", "sessionless")
    with new_desk(way, tmp_path) as desk:
        async with desk as client:
            with pytest.raises(MCPError, match="No book has the id 'nowhere'"):
                await client.read_resource("book://nowhere")
    log = log_of(tmp_path, way)
    assert "ERROR:fastmcp.server.server:Error reading resource 'book://nowhere'\nTraceback (most" in log
    assert not set("╭│❱").intersection(log)


# Scopes ----------------------------------------------------------------------------------------------


async def test_scopes_hide_and_refuse_by_tag(over_http: Way, tmp_path: Path) -> None:
    async with identity_provider(tokens="jwt", audience="desk") as provider:
        settings = accepting(provider)
        everything = {"where_is", "lend", "take_back", "reserve", "register"}
        allowed = {
            ("desk:read",): {"where_is"},
            ("desk:read", "desk:lend"): {"where_is", "lend", "take_back", "reserve"},
            ("desk:read", "desk:lend", "desk:register"): everything,
        }
        with serving_http(tmp_path, settings=settings) as address:
            for scopes, tools in allowed.items():
                token = provider.token("isla", scopes=scopes)
                async with Client(f"{address}/mcp", auth=token, mode=over_http.mode) as client:
                    listed = {tool.name for tool in await client.list_tools()} & everything
                    assert listed == tools
                    reply = await client.call_tool("take_back", {"copy_id": "c0"}, raise_on_error=False)
                    refused = await client.call_tool("register", raise_on_error=False)
                    assert await client.read_resource("info://desk")
                said = reply.content[0].text
                lends = "take_back" in tools
                assert said.startswith("No copy has the id" if lends else "This needs the scope desk:lend.")
                told = refused.content[0].text
                assert ("This needs the scope desk:register." in told) == ("register" not in tools)
                assert token not in log_of(tmp_path, over_http)


async def test_no_list_is_passed_off_as_a_call(tmp_path: Path) -> None:
    """SchemaLookup answers outside of Scopes, so nobody but the SDK may get an answer from it."""
    async with identity_provider(tokens="jwt", audience="desk") as provider:
        with serving_http(tmp_path, settings=accepting(provider)) as address:
            token = provider.token("isla", scopes=["desk:read"])
            disguise = {"Mcp-Method": "tools/call", "Mcp-Name": "lend"}
            liar = StreamableHttpTransport(f"{address}/mcp", headers=disguise, auth=token)
            async with Client(liar, mode="legacy") as client:
                listed = {tool.name for tool in await client.list_tools()}
                assert "where_is" in listed
                assert "lend" not in listed
            about = "io.modelcontextprotocol"
            version = MODERN_PROTOCOL_VERSIONS[0]
            meta = {f"{about}/protocolVersion": version, f"{about}/clientCapabilities": {}}
            headers = {
                "Accept": "application/json, text/event-stream",
                "Authorization": f"Bearer {token}",
                "Mcp-Protocol-Version": version,
            }
            question = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}}
            async with httpx2.AsyncClient(headers=headers) as http:
                url = f"{address}/mcp"
                refused = await http.post(url, json=question, headers=disguise)
                plain = await http.post(url, json=question, headers={"Mcp-Method": "tools/list"})
    assert refused.status_code == 400
    assert "header does not match" in refused.json()["error"]["message"]
    assert "where_is" in plain.text
    assert '"lend"' not in plain.text + refused.text


async def test_limits_are_each_persons_own(tmp_path: Path) -> None:
    async with identity_provider(tokens="jwt", audience="desk") as provider:
        settings = {**accepting(provider), "RATE_LIMIT": "3/day"}
        with serving_http(tmp_path, settings=settings) as address:
            let_in = []
            for person in ("isla", "tomasz", "isla"):  # with a new token each time
                async with Client(f"{address}/mcp", auth=provider.token(person)) as client:
                    let_in.append((await admitted(client, 5))[0])
    assert let_in == [3, 3, 0]


async def test_without_tokens_everything_is_offered(way: Way, tmp_path: Path) -> None:
    with new_desk(way, tmp_path) as desk:
        async with desk as client:
            assert {"lend", "register"} <= {tool.name for tool in await client.list_tools()}


# Kept answers ----------------------------------------------------------------------------------------


async def test_a_chart_that_one_process_kept_is_given_by_another(over_http: Way, tmp_path: Path) -> None:
    """The other has fewer books: what it says of them by itself tells whose answer it gave."""
    few = fewer_books(tmp_path / "few")
    with store_elsewhere() as shared:
        said = {}
        for name, settings in {
            "first": shared,
            "second": {**shared, **few},
            "alone": few,
        }.items():
            (tmp_path / name).mkdir()
            with new_desk(over_http, tmp_path / name, settings=settings) as desk:
                async with desk as client:
                    replies = [await client.call_tool("chart_decades") for _ in range(2)]
                    assert replies[0].content == replies[1].content
                    said[name] = charted(replies[0])
                    picture = base64.b64decode(replies[1].content[1].data)
                    assert picture.startswith(b"\x89PNG")
    assert said["second"] == said["first"]
    assert said["alone"] != said["first"]


async def test_a_new_version_does_not_give_the_old_ones_answers(tmp_path: Path) -> None:
    code = SERVER.read_text(encoding="utf-8")
    assert code.count('\nVERSION = "1.0.0"\n') == 1
    newer = tmp_path / "server.py"
    newer.write_text(code.replace('\nVERSION = "1.0.0"\n', '\nVERSION = "1.0.1"\n'), encoding="utf-8")
    few = fewer_books(tmp_path / "few")
    way = Way("stdio", "sessionless")
    with store_elsewhere() as shared:
        said = []
        for command, settings in (
            (warm_server(), {**shared, "DESK_DATA": str(DATA)}),
            ((*warm_python(), str(newer)), {**shared, **few}),
        ):
            with new_desk(way, tmp_path, command=command, settings=settings) as desk:
                async with desk as client:
                    said.append(charted(await client.call_tool("chart_decades")))
    assert said[0] != said[1]


@pytest.mark.parametrize(
    ("kind", "way"),
    [
        ("memory", Way("stdio", "handshake")),
        ("file", Way("stdio", "sessionless")),
        ("valkey", Way("http", "handshake")),
        ("valkey", Way("http", "sessionless")),
    ],
    ids=str,
)
async def test_what_is_kept_and_what_is_not(kind: str, way: Way, tmp_path: Path) -> None:
    """A loan is never an answer from the cache; where a copy is, is always as it is now."""
    with ExitStack() as stack:
        settings = {}
        if kind == "file":
            folder = tmp_path / "store"
            settings = {"STORE_URL": folder.as_uri(), "STORE_KEY": Fernet.generate_key().decode()}
        elif kind == "valkey":
            settings = stack.enter_context(store_elsewhere())
        desk = stack.enter_context(new_desk(way, tmp_path, settings=settings))
        async with desk as client:
            lending = {"book_id": LEAGUES, "patron_id": "p002", "branch": "Central"}
            first = (await client.call_tool("lend", lending)).structured_content
            with pytest.raises(ToolError, match="No copy of"):
                await client.call_tool("lend", lending)
            seen = (await client.call_tool("where_is", {"book_id": LEAGUES})).structured_content
            assert first in seen["on_loan"]
            await client.call_tool("take_back", {"copy_id": first["copy_id"]})
            seen = (await client.call_tool("where_is", {"book_id": LEAGUES})).structured_content
            assert first not in seen["on_loan"]
            charts = [await client.call_tool("chart_decades", {"language": "French"}) for _ in range(2)]
            assert charts[0].content == charts[1].content
            assert charted(charts[1]) != {}


async def test_a_token_has_a_cache_to_itself(tmp_path: Path) -> None:
    """What was kept for one caller is not given to another: their answers may differ one day."""
    async with identity_provider(tokens="jwt", audience="desk") as provider:
        with store_elsewhere() as shared:
            settings = {**shared, **accepting(provider)}
            said = []
            for person, data in (("isla", {}), ("tomasz", fewer_books(tmp_path / "few"))):
                with serving_http(tmp_path, settings={**settings, **data}) as address:
                    async with Client(f"{address}/mcp", auth=provider.token(person)) as client:
                        said.append(charted(await client.call_tool("chart_decades")))
    assert said[0] != said[1]


# Import ----------------------------------------------------------------------------------------------


WATCH = """
import os, sys, threading
seen = []
def watch(event, args):
    if event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        seen.append(f"open {args[0]}")
    elif event in {"socket.__new__", "socket.connect", "socket.bind", "subprocess.Popen", "os.mkdir",
                   "os.rename", "os.remove", "sqlite3.connect"}:
        seen.append(f"{event} {args}")
sys.dont_write_bytecode = True
sys.addaudithook(watch)
threading.Thread.start = lambda thread: seen.append(f"thread {thread.name}")
import server
assert server.mcp.name == "Library desk"
print(seen)
"""


def test_importing_the_server_touches_nothing(tmp_path: Path) -> None:
    for settings in ({}, {"STORE_URL": "redis://127.0.0.1:1", "STORE_KEY": Fernet.generate_key().decode()}):
        done = subprocess.run(
            [sys.executable, "-c", WATCH],
            check=True,
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=environment(tmp_path, settings),
            timeout=60,
        )
        assert (done.stdout, done.stderr) == ("[]\n", "")
    assert list(tmp_path.iterdir()) == []
