"""Icons as a client gets them: every component and the server has one that a host can draw."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import pytest_asyncio
from fastmcp import Client
from serving import WAYS, new_desk, run, warm_fastmcp

SVG = "{http://www.w3.org/2000/svg}"
MOST_BYTES = 400  # of an icon as JSON; the server's own goes out with every sessionless answer
NUMBER = re.compile(r"-?\d*\.?\d+")

in_one_loop = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=WAYS, ids=str)
async def desk(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Client[Any]]:
    with new_desk(request.param, tmp_path_factory.mktemp("desk")) as client:
        async with client:
            yield client


def drawing(icon: Any) -> str:
    """The path in an icon, after everything that a host relies on was checked."""
    assert (icon.mime_type, icon.sizes) == ("image/svg+xml", ["any"])
    assert len(icon.model_dump_json(by_alias=True, exclude_none=True)) < MOST_BYTES
    announced, _, data = icon.src.partition(";base64,")
    assert announced == f"data:{icon.mime_type}"
    picture = ElementTree.fromstring(base64.b64decode(data, validate=True))
    assert (picture.tag, picture.get("viewBox")) == (f"{SVG}svg", "0 0 24 24")
    (path,) = picture  # no script, no link, nothing but a path
    assert path.tag == f"{SVG}path"
    assert set(path.attrib) == {"fill", "d"}
    assert set(picture.attrib) == {"viewBox"}
    drawn = path.get("d") or ""
    assert re.fullmatch(r"[MLHVQqAacvhlzZt\d .,-]+", drawn)
    assert all(-24 <= float(number) <= 24 for number in NUMBER.findall(drawn))
    return drawn


async def drawings(listed: Any) -> dict[str, str]:
    """What is drawn for each thing of a list, by its name."""
    found = {}
    for thing in await listed:
        (icon,) = thing.icons
        found[thing.name] = drawing(icon)
    assert found
    return found


@in_one_loop
class TestWhatAClientGets:
    async def test_everything_has_an_icon(self, desk: Client[Any]) -> None:
        tools = await drawings(desk.list_tools())
        resources = await drawings(desk.list_resources())
        templates = await drawings(desk.list_resource_templates())
        prompts = await drawings(desk.list_prompts())
        assert {"lend", "find_books", "create_session"} < tools.keys()
        assert len(set(resources.values()) | set(templates.values())) == 1
        assert len(set(prompts.values())) == 1
        pictures = {*tools.values(), *resources.values(), *prompts.values()}
        assert len(pictures) == 7  # a shelf, a book, a card, a house, a person, a page, a bubble

    async def test_a_tool_shows_what_it_is_about(self, desk: Client[Any]) -> None:
        shown = await drawings(desk.list_tools())
        about = {
            "loans": ["lend", "take_back", "reserve"],
            "catalogue": ["find_books", "where_is", "chart_decades", "suggest", "shelf_card"],
            "branches": ["opening_hours", "check_shelves"],
            "patrons": ["register"],
        }
        for names in about.values():
            assert len({shown[name] for name in names}) == 1
        assert len({shown[names[0]] for names in about.values()}) == len(about)

    async def test_the_server_has_one_and_a_website(self, desk: Client[Any]) -> None:
        assert desk.server_info is not None
        assert desk.server_info.website_url == "https://library.example"
        (icon,) = desk.server_info.icons or []
        shelf = drawing(icon)
        assert shelf == (await drawings(desk.list_tools()))["create_session"]

    async def test_a_call_carries_none_but_the_servers(self, desk: Client[Any]) -> None:
        result = await desk.call_tool_mcp("opening_hours", {"branch": "Leith"})
        sent = result.model_dump_json(by_alias=True, exclude_none=True)
        expected = 1 if desk.protocol_version == "2026-07-28" else 0
        assert sent.count("data:image") == expected


def test_inspect_knows_them(tmp_path: Path) -> None:
    """The command by which hosts look at a server."""
    ran = run((*warm_fastmcp("inspect"), "--format", "mcp"), tmp_path)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["serverInfo"]["icons"][0]["src"].startswith("data:image/svg+xml;base64,")
    for kind in ("tools", "resources", "resourceTemplates", "prompts"):
        assert told[kind]
        assert all(len(thing["icons"]) == 1 for thing in told[kind])
