"""The partner library behind the desk: a second process of server.py, or a server that a test wrote."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client
from fastmcp.client.elicitation import ElicitResult
from fastmcp.client.transports import StreamableHttpTransport
from fastmcp.exceptions import ToolError
from serving import PATIENCE, SERVER, WAYS, Way, new_desk, run, serving_http, warm_fastmcp, warm_python

LEAGUES = "verne-vingt-mille-lieues"
SHOWN = {"partner_find_books", "partner_where_is", "partner_chart_decades"}
STDIO = Way("stdio", "sessionless")

# A partner that says what reaches it. Its other tools try what a partner must not.
RECORDER = '''
from fastmcp import Context, FastMCP
from fastmcp.server.dependencies import get_http_headers
from mcp.types import Icon

mcp = FastMCP("Recorder")
READS = {"readOnlyHint": True}


@mcp.tool(tags={"catalogue"}, annotations=READS, icons=[Icon(src="https://partner.example/seen.png")])
def seen(ctx: Context) -> dict:
    """What this server sees of a call."""
    can = ctx.session.client_capabilities
    return {
        "headers": get_http_headers(include_all=True),
        "meta": dict(ctx.request_context.meta or {}),
        "asks": can is not None and (can.elicitation or can.sampling or can.roots) is not None,
    }


@mcp.tool(tags={"catalogue"}, annotations=READS)
def broken() -> str:
    """Fails."""
    raise ValueError("a secret of the partner")


@mcp.tool(tags={"catalogue"})
def silent() -> str:
    """Does not say that it only reads."""
    return "ran"


@mcp.tool(tags={"catalogue"}, annotations={"readOnlyHint": False})
def writing() -> str:
    """Writes."""
    return "ran"


@mcp.tool(tags={"staff"}, annotations=READS)
def staff() -> str:
    """For the staff."""
    return "ran"


@mcp.tool(tags={"catalogue", "partner"}, annotations=READS)
def echo() -> str:
    """Of a partner's partner."""
    return "ran"


@mcp.resource("data://branches", tags={"catalogue"})
def branches() -> str:
    """A resource."""
    return "read"


@mcp.prompt(tags={"catalogue"})
def advice() -> str:
    """A prompt."""
    return "rendered"
'''


@pytest.fixture
def homes(tmp_path: Path) -> tuple[Path, Path]:
    """A folder for the desk and one for its partner."""
    ours, theirs = tmp_path / "desk", tmp_path / "partner"
    ours.mkdir()
    theirs.mkdir()
    return ours, theirs


@contextmanager
def desk_with(partner: str, way: Way, home: Path, **handlers: Any) -> Iterator[Client[Any]]:
    with new_desk(way, home, settings={"PARTNER_URL": partner}, **handlers) as client:
        yield client


async def names(client: Client[Any]) -> set[str]:
    return {tool.name for tool in await client.list_tools()}


async def hours(client: Client[Any]) -> str:
    found: str = (await client.call_tool("opening_hours", {"branch": "Leith"})).data
    return found


# A real partner --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def partner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The same server.py as a second process, which is another library; gives its address."""
    with serving_http(tmp_path_factory.mktemp("partner")) as address:
        yield f"{address}/mcp"


@pytest.mark.parametrize("way", WAYS, ids=str)
async def test_its_catalogue_shows_and_answers(way: Way, partner: str, tmp_path: Path) -> None:
    with desk_with(partner, way, tmp_path) as client:
        async with client:
            tools = {tool.name: tool for tool in await client.list_tools()}
            assert {name for name in tools if name.startswith("partner_")} == SHOWN
            tool: Any = tools["partner_find_books"]
            assert tool.title == "Find books (partner library)"
            assert tool.description.endswith("Asks another library: ids are its own.")
            assert (tool.annotations.read_only_hint, tool.annotations.open_world_hint) == (True, True)
            assert tool.input_schema == tools["find_books"].input_schema
            search = {"words": "verne", "limit": 3}
            own = await client.call_tool("find_books", search)
            there = await client.call_tool("partner_find_books", search)
            assert there.structured_content == own.structured_content
            assert there.structured_content["total"] > 0
            chart = await client.call_tool("partner_chart_decades")
            assert [part.type for part in chart.content] == ["text", "image"]
            with pytest.raises(ToolError, match=f"Did you mean {LEAGUES}"):
                await client.call_tool("partner_where_is", {"book_id": f"{LEAGUES}s"})


async def test_it_is_another_library(partner: str, tmp_path: Path) -> None:
    """What is lent there is not lent here."""
    with desk_with(partner, STDIO, tmp_path) as client:
        async with Client(partner) as at_the_partner, client:
            loan = {"book_id": LEAGUES, "patron_id": "p003", "branch": "Central"}
            await at_the_partner.call_tool("lend", loan)
            there = await client.call_tool("partner_where_is", {"book_id": LEAGUES})
            here = await client.call_tool("where_is", {"book_id": LEAGUES})
            assert "p003" in {loan["patron_id"] for loan in there.structured_content["on_loan"]}
            assert "p003" not in {loan["patron_id"] for loan in here.structured_content["on_loan"]}


async def test_the_rest_cannot_be_called(partner: str, tmp_path: Path) -> None:
    """What writes, asks our reader, borrows their model, or needs a session."""

    async def person(message: str, kind: Any, question: Any, context: Any) -> ElicitResult[Any]:
        raise AssertionError(f"a stranger asked our reader: {message}")

    with desk_with(partner, STDIO, tmp_path, elicitation_handler=person) as client:
        async with client:
            own = {name for name in await names(client) if f"partner_{name}" not in SHOWN} - SHOWN
            assert {"lend", "register", "suggest", "shelf_card", "set_aside", "books_set_aside"} < own
            for name in own:
                with pytest.raises(ToolError, match=f"Unknown tool: 'partner_{name}'"):
                    await client.call_tool(f"partner_{name}", {"book_id": LEAGUES})


# What reaches a partner ------------------------------------------------------------------------------


@contextmanager
def recorder(home: Path) -> Iterator[str]:
    """The partner that says what it sees, as a process of its own; gives its address."""
    script = home / "recorder.py"
    script.write_text(RECORDER)
    with serving_http(home, "--no-banner", command=warm_fastmcp("run", script)) as address:
        yield address.removesuffix("/mcp") + "/mcp"


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_nothing_of_the_caller_goes_there(mode: Any, homes: tuple[Path, Path]) -> None:
    """No token, no cookie, no header, no metadata, and no way to ask the caller or borrow their model."""
    ours, theirs = homes
    private = {"Authorization": "Bearer for-the-desk-alone", "Cookie": "a=b", "X-Reader": "p007"}

    async def never(*arguments: Any) -> Any:
        raise AssertionError("a stranger reached our reader")

    with recorder(theirs) as partner, serving_http(ours, settings={"PARTNER_URL": partner}) as desk:
        transport = StreamableHttpTransport(f"{desk}/mcp", headers=private)
        handlers: Any = {"elicitation_handler": never, "sampling_handler": never}
        async with Client(transport, mode=mode, timeout=PATIENCE, **handlers) as client:
            assert "partner_seen" in await names(client)
            where = {"com.example/place": "55.97, -3.17"}
            seen = (await client.call_tool("partner_seen", meta=where)).data
    told = json.dumps(seen)
    assert not [text for text in ("for-the-desk", "a=b", "p007", "55.97") if text in told]
    assert not {"authorization", "cookie", "x-reader"} & seen["headers"].keys()
    assert "com.example/place" not in seen["meta"]
    assert seen["asks"] is False
    assert seen["headers"]["host"] in partner  # it was the partner that was asked


@pytest.mark.parametrize("way", [WAYS[0], WAYS[3]], ids=str)
async def test_only_what_looks_something_up_shows(way: Way, homes: tuple[Path, Path]) -> None:
    ours, theirs = homes
    with recorder(theirs) as partner, desk_with(partner, way, ours) as client:
        async with client:
            theirs_shown = {tool for tool in await names(client) if tool.startswith("partner_")}
            assert theirs_shown == {"partner_seen", "partner_broken"}
            for hidden in ("silent", "writing", "staff", "echo"):
                with pytest.raises(ToolError, match="Unknown tool"):
                    await client.call_tool(f"partner_{hidden}")
            uris = [str(resource.uri) for resource in await client.list_resources()]
            assert "data://branches" in uris
            assert not [uri for uri in uris if "partner" in uri]
            prompts = [prompt.name for prompt in await client.list_prompts()]
            assert "help" in prompts
            assert not [name for name in prompts if "partner" in name]
            with pytest.raises(ToolError, match="a secret of the partner"):  # its words: it chose not to mask
                await client.call_tool("partner_broken")
            addresses = [icon.src for tool in await client.list_tools() for icon in tool.icons or []]
            assert not [address for address in addresses if "partner.example" in address]


# A partner that is not there -------------------------------------------------------------------------


@contextmanager
def silent_partner() -> Iterator[str]:
    """An address where somebody listens and never says a word."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"


NOBODY = "http://127.0.0.1:1/mcp"  # refused at once


@pytest.mark.parametrize("way", [WAYS[0], WAYS[3]], ids=str)
async def test_the_desk_opens_without_its_partner(way: Way, tmp_path: Path) -> None:
    with desk_with(NOBODY, way, tmp_path) as client:
        async with client:
            offered = await names(client)
            assert "find_books" in offered
            assert not [name for name in offered if name.startswith("partner_")]
            assert await hours(client)
            with pytest.raises(ToolError, match="Unknown tool"):
                await client.call_tool("partner_find_books")


async def test_a_silent_partner_keeps_nobody_waiting(tmp_path: Path) -> None:
    with silent_partner() as address, desk_with(address, STDIO, tmp_path) as client:
        async with client:  # the desk asked the partner once, when it opened, and waited 5 seconds
            began = time.monotonic()
            assert await names(client)
            assert await hours(client)
            assert time.monotonic() - began < 3


async def test_a_partner_that_goes_and_comes_back(homes: tuple[Path, Path]) -> None:
    ours, theirs = homes
    with ExitStack() as first:
        address = first.enter_context(serving_http(theirs))
        with desk_with(f"{address}/mcp", STDIO, ours) as client:
            async with client:
                assert (await client.call_tool("partner_find_books", {"words": "verne"})).data
                first.close()
                with pytest.raises(ToolError, match="partner library does not answer"):
                    await client.call_tool("partner_find_books", {"words": "verne"})
                assert await names(client) > SHOWN  # the list is kept: it may be back in a moment
                assert await hours(client)
                port = int(address.rpartition(":")[2])
                with serving_http(theirs, port=port):
                    assert (await client.call_tool("partner_find_books", {"words": "verne"})).data


# Without a partner, and with a wrong one -------------------------------------------------------------


def test_nothing_is_opened_at_import(tmp_path: Path) -> None:
    """No connection to the partner, and no code that only a desk with a partner needs."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
        code = "import sys, server; assert 'fastmcp.server.providers.proxy' not in sys.modules"
        settings = {"PARTNER_URL": address, "PYTHONPATH": str(SERVER.parent)}
        ran = run((sys.executable, "-c", code), tmp_path, settings)
        assert (ran.returncode, ran.stderr) == (0, "")
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_an_address_that_is_none(tmp_path: Path) -> None:
    ran = run((*warm_python(), str(SERVER)), tmp_path, {"PARTNER_URL": "partner.example"})
    assert ran.returncode == 2
    assert (
        ran.stderr == "PARTNER_URL: got 'partner.example'; it takes the http(s) address of an MCP server.\n"
    )
