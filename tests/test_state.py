"""Sessions of the desk in both eras, whose they are, and the desk as a guest in a web application."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from fastmcp import Client
from fastmcp.exceptions import ToolError
from serving import ROOT, WAYS, Way, new_desk, run, serving_http, warm_python

from mcp_workbench.services import identity_provider

LEAGUES = "verne-vingt-mille-lieues"
ISLAND = "stevenson-treasure-island"
UNKNOWN = "Invalid or unknown session"

in_one_loop = pytest.mark.asyncio(loop_scope="module")  # the loop in which `desk` lives


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=WAYS, ids=str)
async def desk(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Client[Any]]:
    way: Way = request.param
    with new_desk(way, tmp_path_factory.mktemp("desk")) as client:
        async with client:
            yield client


async def told(client: Client[Any], tool: str, **arguments: Any) -> Any:
    content = (await client.call_tool(tool, arguments)).structured_content
    assert content is not None
    return content["result"]


async def set_aside(client: Client[Any], session: str) -> list[str]:
    return [book["id"] for book in await told(client, "books_set_aside", session_id=session)]


# A session -------------------------------------------------------------------------------------------


@in_one_loop
async def test_books_are_set_aside_and_put_back(desk: Client[Any]) -> None:
    session = await told(desk, "create_session")
    assert await set_aside(desk, session) == []
    here = {"session_id": session}
    assert await told(desk, "set_aside", book_id=LEAGUES, **here) == [LEAGUES]
    assert await told(desk, "set_aside", book_id=ISLAND, **here) == [LEAGUES, ISLAND]
    assert await told(desk, "set_aside", book_id=LEAGUES, **here) == [LEAGUES, ISLAND]
    assert await set_aside(desk, session) == [LEAGUES, ISLAND]
    assert await told(desk, "put_back", book_id=LEAGUES, **here) == [ISLAND]
    assert await told(desk, "put_back", book_id=LEAGUES, **here) == [ISLAND]
    assert await told(desk, "put_back", book_id=ISLAND, **here) == []
    assert await set_aside(desk, session) == []


@in_one_loop
async def test_sessions_do_not_mix_and_an_ended_one_is_gone(desk: Client[Any]) -> None:
    one, two = await told(desk, "create_session"), await told(desk, "create_session")
    await told(desk, "set_aside", book_id=LEAGUES, session_id=one)
    assert await set_aside(desk, two) == []
    await told(desk, "end_session", session_id=one)
    for tool, arguments in (("books_set_aside", {}), ("put_back", {"book_id": LEAGUES}), ("end_session", {})):
        with pytest.raises(ToolError, match=UNKNOWN):
            await told(desk, tool, session_id=one, **arguments)
    assert await set_aside(desk, two) == []


@in_one_loop
async def test_a_book_that_is_none_is_not_set_aside(desk: Client[Any]) -> None:
    session = await told(desk, "create_session")
    with pytest.raises(ToolError, match="No book has the id"):
        await told(desk, "set_aside", book_id="verne", session_id=session)
    assert await set_aside(desk, session) == []


@in_one_loop
@pytest.mark.parametrize("session", ["", "session", "00000000-0000-4000-8000-000000000000", "*", "a:b"])
async def test_an_id_that_nobody_made_opens_nothing(desk: Client[Any], session: str) -> None:
    with pytest.raises(ToolError, match=UNKNOWN):
        await told(desk, "set_aside", book_id=LEAGUES, session_id=session)


@in_one_loop
async def test_the_model_learns_where_an_id_comes_from(desk: Client[Any]) -> None:
    tools = {tool.name: tool for tool in await desk.list_tools()}
    assert {"create_session", "end_session"} <= tools.keys()
    for name in ("set_aside", "put_back", "books_set_aside"):
        schema = tools[name].input_schema
        assert "session_id" in schema["required"]
        assert "Use a tool to create a session" in schema["properties"]["session_id"]["description"]


# Whose it is -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("era", ["auto", "legacy"])
async def test_with_users_a_session_opens_only_for_who_made_it(era: Any, tmp_path: Path) -> None:
    async with identity_provider(tokens="jwt", audience="desk") as provider:
        settings = {
            "AUTH": "jwt",
            "AUTH_JWKS_URI": provider.jwks_uri,
            "AUTH_ISSUER": provider.issuer,
            "AUTH_AUDIENCE": "desk",
        }
        with serving_http(tmp_path, settings=settings) as address:

            def of(person: str) -> Client[Any]:
                return Client(f"{address}/mcp", auth=provider.token(person), mode=era)

            async with of("isla") as isla, of("tomasz") as tomasz:
                session = await told(isla, "create_session")
                await told(isla, "set_aside", book_id=LEAGUES, session_id=session)
                for tool in ("books_set_aside", "end_session"):
                    with pytest.raises(ToolError, match=UNKNOWN):
                        await told(tomasz, tool, session_id=session)
            async with of("isla") as isla_again:
                assert await set_aside(isla_again, session) == [LEAGUES]


# The desk as a guest ---------------------------------------------------------------------------------

GUEST = """
import asyncio, json, sys
import httpx2
from contextlib import asynccontextmanager
from fastapi import FastAPI
from fastmcp import Client
from fastmcp.utilities.lifespan import combine_lifespans
from mcp_workbench.services import serve
from server import mcp

@asynccontextmanager
async def own(app):
    told.append("open")
    yield
    told.append("closed")

async def main():
    guest = mcp.http_app()
    web = FastAPI(lifespan=combine_lifespans(own, guest.lifespan))
    web.get("/")(lambda: "a page")
    web.mount(under, guest)
    async with serve(web) as url, httpx2.AsyncClient() as http:
        told.append((await http.get(url)).json())
        for mode in ("auto", "legacy"):
            async with Client(f"{url}{under}/mcp", mode=mode) as client:
                found = await client.call_tool("where_is", {"book_id": "verne-tour-du-monde"})
                told.append(found.structured_content["book"]["id"])
    json.dump(told, sys.stdout)

told, under = [], sys.argv[1]
asyncio.run(main())
"""


@pytest.mark.parametrize("under", ["", "/desk"])
def test_the_desk_is_a_guest_in_an_application(under: str, tmp_path: Path) -> None:
    ended = run([*warm_python(), "-c", GUEST, under], tmp_path, {"PYTHONPATH": str(ROOT)})
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert told == ["open", "a page", "verne-tour-du-monde", "verne-tour-du-monde", "closed"]
