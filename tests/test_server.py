"""server.py as a client meets it: over stdio and HTTP, in both protocol eras, on the library's real data."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import shutil
import socket
import struct
import sys
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest
import pytest_asyncio
from fastmcp import Client
from fastmcp.client.elicitation import ElicitResult
from fastmcp.exceptions import ToolError
from mcp.shared.exceptions import MCPError
from mcp.types import (
    CreateMessageResult,
    ElicitRequestFormParams,
    ElicitRequestURLParams,
    ImageContent,
    PromptReference,
    ResourceTemplateReference,
)
from serving import (
    BACKINGS,
    DATA,
    FASTMCP,
    PATIENCE,
    PYTHON_SERVER,
    ROOT,
    SERVER,
    WAYS,
    Backing,
    Way,
    backed,
    environment,
    fresh_database,
    from_outside,
    new_desk,
    rows,
    run,
    serving_http,
    warm_fastmcp,
    warm_python,
    warm_server,
)

Connect = Callable[..., Client[Any]]

BRANCHES = ["Central", "Leith", "Morningside", "Portobello"]
LEAGUES = "verne-vingt-mille-lieues"  # one copy at Leith, on loan to p007; one at Central
ASK = r"\. Tell those who run the desk: request [0-9a-f]{32}\."  # how an error ends that nobody foresaw
ROUND_THE_WORLD = "verne-tour-du-monde"  # one copy, at Leith

in_one_loop = pytest.mark.asyncio(loop_scope="module")  # the loop in which `desk` lives


# What the data says ----------------------------------------------------------------------------------


BOOKS = {row["id"]: row for row in rows("books")}
COPIES = rows("copies")
LOANS = {row["copy"]: row for row in rows("loans")}
PATRONS = [row["id"] for row in rows("patrons")]


def told(book_id: str) -> dict[str, Any]:
    """A book as the desk tells of it."""
    book = BOOKS[book_id]
    known = ("id", "title", "english_title", "author", "year", "language", "subjects")
    return {**{name: book.get(name) for name in known}, "uri": f"book://{book_id}"}


def on_shelf(branch: str) -> set[str]:
    """The ids of the books of which a copy stands at this branch."""
    return {copy["book"] for copy in COPIES if copy["branch"] == branch and copy["id"] not in LOANS}


def whereabouts(book_id: str) -> dict[str, Any]:
    """What where_is has to say of a book, as long as nobody lends or returns anything."""
    copies = [copy for copy in COPIES if copy["book"] == book_id]
    loans = [LOANS[copy["id"]] for copy in copies if copy["id"] in LOANS]
    return {
        "book": told(book_id),
        "on_shelf": [copy for copy in copies if copy["id"] not in LOANS],
        "on_loan": [{"copy_id": o["copy"], "patron_id": o["patron"], "due": o["due"]} for o in loans],
    }


def by_decade(language: str | None = None) -> dict[str, int]:
    """How many books first appeared in each decade, oldest first."""
    years = [b["year"] for b in BOOKS.values() if language in (None, b["language"])]
    return {str(decade): count for decade, count in sorted(Counter(y // 10 * 10 for y in years).items())}


def bars_in(png: bytes) -> list[int]:
    """The heights of the bars in a chart, from its pixels; every checksum of the file is checked."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    chunks: dict[bytes, bytes] = {}
    rest = png[8:]
    while rest:
        (length,), kind = struct.unpack(">I", rest[:4]), rest[4:8]
        chunks[kind] = rest[8 : 8 + length]
        assert struct.unpack(">I", rest[8 + length : 12 + length])[0] == zlib.crc32(kind + chunks[kind])
        rest = rest[12 + length :]
    width, height, bits, colour = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert (height, bits, colour, list(chunks)) == (96, 8, 0, [b"IHDR", b"IDAT", b"IEND"])
    pixels = zlib.decompress(chunks[b"IDAT"])
    lines = [pixels[at + 1 : at + 1 + width] for at in range(0, len(pixels), width + 1)]
    assert len(lines) == height
    return [sum(line[left] < 0x80 for line in lines) for left in range(0, width, 12)]


def bars_of(counts: dict[str, int]) -> list[int]:
    """How high each bar is when the highest has 96 pixels; a part of a pixel counts as one."""
    top = max(counts.values())
    return [-(-count * 96 // top) for count in counts.values()]


# The desk, and what one asks it ----------------------------------------------------------------------


class Setup(NamedTuple):
    """A way to a server, and where that server keeps things."""

    way: Way
    backing: Backing

    def __str__(self) -> str:
        return f"{self.way}-{self.backing}"


SETUPS = [Setup(way, backing) for backing in BACKINGS for way in WAYS]

# For tests with a server of their own, which takes seconds to start: every way, and every backing with
# both transports and both eras.
OWN = [
    setup
    for setup in SETUPS
    if setup.backing == BACKINGS[0]
    or str(setup.way)
    in (
        ("stdio-sessionless", "http-handshake")
        if setup.backing == BACKINGS[1]
        else ("stdio-handshake", "http-sessionless")
    )
]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=SETUPS, ids=str)
async def desk(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Client[Any]]:
    """A connected client that can answer no questions, for tests that change nothing."""
    home = tmp_path_factory.mktemp("desk")
    with (
        backed(request.param.backing, home) as settings,
        new_desk(request.param.way, home, settings=settings) as client,
    ):
        async with client:
            yield client


@pytest.fixture(params=WAYS, ids=str)
def way(request: pytest.FixtureRequest) -> Way:
    chosen: Way = request.param
    return chosen


@pytest.fixture(params=OWN, ids=str)
def connect(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connect]:
    """connect(handlers) gives a client of a server of this test's own, which it may change."""
    with backed(request.param.backing, tmp_path) as kept, ExitStack() as servers:

        def new(settings: dict[str, str] | None = None, **handlers: Any) -> Client[Any]:
            both = {**kept, **(settings or {})}
            return servers.enter_context(new_desk(request.param.way, tmp_path, settings=both, **handlers))

        yield new


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Backing], str]]:
    """The address of a server over HTTP, by its backing: one for all tests that change nothing."""
    with ExitStack() as servers:

        @cache
        def address(backing: Backing) -> str:
            home = tmp_path_factory.mktemp("standing")
            settings = servers.enter_context(backed(backing, home))
            return servers.enter_context(serving_http(home, settings=settings))

        yield address


@pytest.fixture(params=OWN, ids=str)
def visit(
    request: pytest.FixtureRequest, tmp_path: Path, standing: Callable[[Backing], str]
) -> Iterator[Connect]:
    """visit(handlers) gives a client of a server that it must not change; over HTTP others visit it, too."""
    way, backing = request.param
    with ExitStack() as servers:

        def new(**handlers: Any) -> Client[Any]:
            if way.transport == "http":
                return Client(f"{standing(backing)}/mcp", mode=way.mode, timeout=PATIENCE, **handlers)
            settings = servers.enter_context(backed(backing, tmp_path))
            return servers.enter_context(new_desk(way, tmp_path, settings=settings, **handlers))

        yield new


async def ask(client: Client[Any], tool: str, **arguments: Any) -> Any:
    """Call a tool and give its structured result, without the wrapper that a plain value needs."""
    content = (await client.call_tool(tool, arguments)).structured_content
    return content["result"] if content is not None and content.keys() == {"result"} else content


async def read(client: Client[Any], uri: str) -> Any:
    """Read a resource: parsed where it is JSON, bytes where it is no text."""
    contents: Any
    (contents,) = await client.read_resource(uri)
    if contents.mime_type == "application/json":
        return json.loads(contents.text)
    return base64.b64decode(contents.blob) if contents.mime_type == "image/png" else contents.text


async def render(client: Client[Any], prompt: str, **arguments: Any) -> list[tuple[str, str]]:
    """Render a prompt, and give the role and the text of each message."""
    contents: list[tuple[str, Any]] = [
        (message.role, message.content) for message in (await client.get_prompt(prompt, arguments)).messages
    ]
    return [(role, content.text) for role, content in contents]


class Person:
    """Somebody at the client who gives these answers in turn, and remembers the questions."""

    def __init__(self, *answers: ElicitResult[Any]) -> None:
        self.answers = list(answers)
        self.asked: list[Any] = []

    async def __call__(self, message: str, kind: Any, question: Any, context: Any) -> ElicitResult[Any]:
        self.asked.append(question)
        return self.answers.pop(0)


def accept(**content: Any) -> ElicitResult[Any]:
    return ElicitResult(action="accept", content=content)


DECLINE: ElicitResult[Any] = ElicitResult(action="decline")
CANCEL: ElicitResult[Any] = ElicitResult(action="cancel")


async def until(happened: Callable[[], bool]) -> None:
    """Wait, at most 5 seconds, for notifications: they may come after the result of their call."""
    for _ in range(500):
        if happened():
            return
        await asyncio.sleep(0.01)


# What the server offers ------------------------------------------------------------------------------


class Offer(NamedTuple):
    """What a client sees of a tool. Without a schema of its result, `result` is None."""

    title: str | None
    hints: dict[str, bool]
    required: list[str]
    optional: list[str]
    result: list[str] | None
    version: str | None = None


READS = {"readOnlyHint": True, "openWorldHint": False}
ADDS = {"destructiveHint": False, "openWorldHint": False}
REMOVES = {"destructiveHint": True, "idempotentHint": False, "openWorldHint": False}
LOAN = ["copy_id", "patron_id", "due"]
HOLD = ["book_id", "patron_id", "collect_at"]
COPY = ["id", "book", "branch", "shelf"]
FILTERS = ["words", "language", "years", "on_shelf_at", "limit"]

TOOLS = {
    "opening_hours": Offer("Opening hours", READS, ["branch"], [], ["result"], version="2.0"),
    "find_books": Offer("Find books", READS, [], FILTERS, ["total", "books"]),
    "where_is": Offer("Where is it?", READS, ["book_id"], [], ["book", "on_shelf", "on_loan"]),
    "lend": Offer("Lend a book", ADDS, ["book_id", "patron_id", "branch"], [], LOAN),
    "take_back": Offer("Take a copy back", REMOVES, ["copy_id"], [], COPY),
    "chart_decades": Offer("Books by decade", READS, [], ["language"], None),
    "reserve": Offer("Reserve a book", ADDS, ["book_id", "patron_id"], [], HOLD),
    "register": Offer("Register a patron", ADDS, [], [], ["result"]),
    "suggest": Offer("Suggest books", READS, ["branch"], [], ["result"]),
    "check_shelves": Offer("Check the shelves", READS, ["branch"], [], []),
    "shelf_card": Offer("Write a shelf card", READS, ["book_id"], [], ["result"]),
    "set_aside": Offer("Set a book aside", ADDS, ["book_id", "session_id"], [], ["result"]),
    "put_back": Offer("Put a book back", REMOVES, ["book_id", "session_id"], [], ["result"]),
    "books_set_aside": Offer("Books set aside", READS, ["session_id"], [], ["result"]),
    "create_session": Offer("Create Session", {}, [], [], ["result"]),  # these two are FastMCP's
    "end_session": Offer("End Session", {}, ["session_id"], [], ["result"]),
}
RESOURCES = {
    "info://desk": "text/markdown",
    "data://branches": "application/json",
    "data://decades.png": "image/png",
    "data://reading-lists": "application/json",
    "info://caller": "application/json",
    "health://status": "application/json",
}
TEMPLATES = {
    "book://{book_id}": "application/json",
    "shelf://{branch}/{shelf}": "application/json",
    "catalogue://search{?words,language,limit}": "application/json",
    "file://reading-lists/{path*}": "text/markdown",
}
PROMPTS = {
    "help": ("What can this desk do?", {}),
    "recommend": ("Recommend a book", {"subject": True, "language": False}),
    "reading_group": ("Plan a reading group", {"book_id": True, "weeks": False}),
}


@in_one_loop
class TestWhatIsOffered:
    async def test_it_says_who_it_is(self, desk: Client[Any]) -> None:
        assert desk.server_info is not None
        assert (desk.server_info.name, desk.server_info.version) == ("Library desk", "1.0.0")
        assert desk.instructions is not None
        assert "Find a book's id with find_books" in desk.instructions

    async def test_the_tools(self, desk: Client[Any]) -> None:
        offered = {}
        tool: Any
        for tool in await desk.list_tools():
            required = tool.input_schema.get("required", [])
            result = tool.output_schema
            offered[tool.name] = Offer(
                title=tool.title,
                hints=tool.annotations.model_dump(by_alias=True, exclude_none=True)
                if tool.annotations
                else {},
                required=required,
                optional=[name for name in tool.input_schema["properties"] if name not in required],
                result=None if result is None else result.get("required", []),
                version=tool.meta["fastmcp"].get("version"),
            )
            assert tool.description
        assert offered == TOOLS

    async def test_what_the_tools_accept(self, desk: Client[Any]) -> None:
        schemas = {tool.name: tool.input_schema["properties"] for tool in await desk.list_tools()}
        assert [name for name in schemas if schemas[name].get("branch", {}).get("enum") == BRANCHES] == [
            "opening_hours",
            "lend",
            "suggest",
            "check_shelves",
        ]
        filters = schemas["find_books"]
        assert filters["on_shelf_at"]["anyOf"][0]["enum"] == BRANCHES
        assert (filters["limit"]["minimum"], filters["limit"]["maximum"]) == (1, 50)
        assert filters["years"]["anyOf"][0]["properties"].keys() == {"first", "last"}
        assert all(about["description"] for about in filters.values())

    async def test_the_resources(self, desk: Client[Any]) -> None:
        assert {str(r.uri): r.mime_type for r in await desk.list_resources()} == RESOURCES

    async def test_the_templates(self, desk: Client[Any]) -> None:
        templates = await desk.list_resource_templates()
        assert {template.uri_template: template.mime_type for template in templates} == TEMPLATES

    async def test_the_prompts(self, desk: Client[Any]) -> None:
        assert {
            prompt.name: (prompt.title, {a.name: a.required for a in prompt.arguments or []})
            for prompt in await desk.list_prompts()
        } == PROMPTS


@pytest.mark.parametrize(("era", "version"), [("sessionless", "2026-07-28"), ("handshake", "2025-11-25")])
async def test_both_eras_are_spoken(era: Any, version: str, tmp_path: Path) -> None:
    """The other tests depend on this: a client's mode decides which era it speaks."""
    with new_desk(Way("stdio", era), tmp_path) as client:
        async with client:
            assert client.protocol_version == version


# Tools -----------------------------------------------------------------------------------------------


def mentions(book: dict[str, Any], *words: str) -> bool:
    """Does every word stand in the title, the English title, the author or a subject?"""
    known = [book["title"], book.get("english_title") or "", book["author"], *book["subjects"]]
    return all(any(word in text.casefold() for text in known) for word in words)


SEARCHES: dict[str, tuple[dict[str, Any], Callable[[dict[str, Any]], bool]]] = {
    "all": ({}, lambda book: True),
    "words of any case": ({"words": "Jules VERNE"}, lambda book: book["author"] == "Jules Verne"),
    "subject": ({"words": "novel", "limit": 3}, lambda book: mentions(book, "novel")),
    "title and author": ({"words": "lieues verne"}, lambda book: book["id"] == LEAGUES),
    "language": ({"language": "french", "limit": 50}, lambda book: book["language"] == "French"),
    "first year": ({"years": {"first": 1872}, "limit": 50}, lambda book: book["year"] >= 1872),
    "last year": ({"years": {"last": 1870}, "limit": 50}, lambda book: book["year"] <= 1870),
    "one year": ({"years": {"first": 1870, "last": 1870}}, lambda book: book["year"] == 1870),
    "branch": ({"on_shelf_at": "Leith", "limit": 50}, lambda book: book["id"] in on_shelf("Leith")),
    "nothing": ({"words": "no book has these words"}, lambda book: False),
    "everything at once": (
        {"words": "novel", "language": "French", "years": {"last": 1899}, "on_shelf_at": "Leith"},
        lambda book: (
            mentions(book, "novel")
            and book["language"] == "French"
            and book["year"] <= 1899
            and book["id"] in on_shelf("Leith")
        ),
    ),
}


@in_one_loop
class TestReadingTools:
    @pytest.mark.parametrize("branch", BRANCHES)
    async def test_opening_hours(self, desk: Client[Any], branch: str) -> None:
        (expected,) = [row["hours"] for row in rows("branches") if row["name"] == branch]
        assert await ask(desk, "opening_hours", branch=branch) == expected
        assert branch != "Leith" or expected == "Mon-Fri 10:00-18:00"

    @pytest.mark.parametrize("search", SEARCHES)
    async def test_find_books(self, desk: Client[Any], search: str) -> None:
        arguments, fits = SEARCHES[search]
        expected = [told(book["id"]) for book in BOOKS.values() if fits(book)]
        assert await ask(desk, "find_books", **arguments) == {
            "total": len(expected),
            "books": expected[: arguments.get("limit", 10)],
        }

    async def test_what_is_on_loan_is_not_on_the_shelf(self, desk: Client[Any]) -> None:
        at_leith = await ask(desk, "find_books", words="Jules Verne", on_shelf_at="Leith")
        found = {book["id"] for book in at_leith["books"]}
        assert ROUND_THE_WORLD in found
        assert LEAGUES not in found

    @pytest.mark.parametrize("book_id", [LEAGUES, ROUND_THE_WORLD])
    async def test_where_is(self, desk: Client[Any], book_id: str) -> None:
        assert await ask(desk, "where_is", book_id=book_id) == whereabouts(book_id)

    async def test_one_copy_is_out_and_the_other_in(self, desk: Client[Any]) -> None:
        leagues = await ask(desk, "where_is", book_id=LEAGUES)
        assert [copy["branch"] for copy in leagues["on_shelf"]] == ["Central"]
        assert [loan["patron_id"] for loan in leagues["on_loan"]] == ["p007"]

    @pytest.mark.parametrize(("arguments", "language"), [({}, None), ({"language": "french"}, "French")])
    async def test_chart_decades(
        self, desk: Client[Any], arguments: dict[str, str], language: str | None
    ) -> None:
        decades = by_decade(language)
        result = await desk.call_tool("chart_decades", arguments)
        text: Any
        picture: Any
        text, picture = result.content
        assert result.structured_content == {"decades": decades}
        assert text.text == ", ".join(f"{decade}s: {count}" for decade, count in decades.items())
        assert picture.mime_type == "image/png"
        assert bars_in(base64.b64decode(picture.data)) == bars_of(decades)


@in_one_loop
class TestMistakes:
    @pytest.mark.parametrize(
        ("tool", "arguments", "advice"),
        [
            ("where_is", {"book_id": LEAGUES[:-1]}, rf"Did you mean .*{LEAGUES}"),
            ("where_is", {"book_id": "?!"}, r"'\?!'\. Search with find_books"),
            ("where_is", {}, r"book_id\s+Missing required argument"),
            ("shelf_card", {"book_id": LEAGUES[:-1]}, rf"Did you mean .*{LEAGUES}"),
            ("reserve", {"book_id": LEAGUES, "patron_id": "p7"}, r"No patron has the id 'p7'.*'p007'"),
            (
                "lend",
                {"book_id": LEAGUES, "patron_id": "p999", "branch": "Central"},
                r"No patron has the id 'p999'",
            ),
            (
                "lend",
                {"book_id": LEAGUES, "patron_id": "p001", "branch": "Leith"},
                r"No copy of 'Vingt mille lieues.*' is on the shelf at Leith\. Ask where_is",
            ),
            ("take_back", {"copy_id": "c9"}, r"No copy has the id 'c9'.*'c0042'"),
            ("find_books", {"limit": 0}, r"limit\s+Input should be greater than or equal to 1"),
            ("find_books", {"limit": 51}, r"limit\s+Input should be less than or equal to 50"),
            ("find_books", {"colour": "red"}, r"colour\s+Unexpected keyword argument"),
            ("chart_decades", {"language": "Klingon"}, r"'Klingon'\. There are books in .*English.*French"),
            ("burn", {}, r"Unknown tool: 'burn'"),
        ],
    )
    async def test_a_tool_says_what_to_do_instead(
        self, desk: Client[Any], tool: str, arguments: dict[str, Any], advice: str
    ) -> None:
        with pytest.raises(ToolError, match=f"(?s){advice}"):
            await desk.call_tool(tool, arguments)

    @pytest.mark.parametrize("tool", ["opening_hours", "lend", "suggest", "check_shelves"])
    async def test_a_wrong_branch_is_answered_with_the_branches(self, desk: Client[Any], tool: str) -> None:
        others = {"book_id": LEAGUES, "patron_id": "p001"} if tool == "lend" else {}
        with pytest.raises(ToolError, match="'Central', 'Leith', 'Morningside' or 'Portobello'"):
            await desk.call_tool(tool, {**others, "branch": "Atlantis"})

    async def test_a_copy_that_is_not_on_loan_is_not_taken_back(self, desk: Client[Any]) -> None:
        (copy,) = [copy["id"] for copy in COPIES if copy["book"] == ROUND_THE_WORLD]
        with pytest.raises(ToolError, match=f"Copy '{copy}' is not on loan"):
            await desk.call_tool("take_back", {"copy_id": copy})

    @pytest.mark.parametrize(
        ("tool", "arguments", "says"),
        [
            ("reserve", {"book_id": LEAGUES, "patron_id": "p001"}, "cannot ask one .elicitation"),
            ("suggest", {"branch": "Leith"}, "cannot ask one .elicitation"),
            ("register", {}, "open https://library.example/privacy yourself"),
            ("shelf_card", {"book_id": LEAGUES}, "lends none .sampling.*Write the text yourself"),
        ],
    )
    async def test_a_client_without_the_capability_is_told_so(
        self, desk: Client[Any], tool: str, arguments: dict[str, Any], says: str
    ) -> None:
        with pytest.raises(ToolError, match=says):
            await desk.call_tool(tool, arguments)


# Resources -------------------------------------------------------------------------------------------


@in_one_loop
class TestResources:
    async def test_the_desk_in_a_page(self, desk: Client[Any]) -> None:
        page = await read(desk, "info://desk")
        languages = sorted({book["language"] for book in BOOKS.values()})
        assert page.startswith(f"# Library desk\n\n{len(BOOKS)} books in {', '.join(languages)}.\n")
        for row in rows("branches"):
            assert f"- {row['name']}: {row['address']}, {row['hours']}\n" in page

    async def test_branches(self, desk: Client[Any]) -> None:
        branches = await read(desk, "data://branches")
        assert branches == rows("branches")
        assert [row["name"] for row in branches] == BRANCHES

    async def test_the_picture(self, desk: Client[Any]) -> None:
        assert bars_in(await read(desk, "data://decades.png")) == bars_of(by_decade())

    async def test_every_reading_list_has_an_address_and_can_be_read(self, desk: Client[Any]) -> None:
        addresses = await read(desk, "data://reading-lists")
        files = sorted((DATA / "reading-lists").glob("*.md"))
        assert addresses == [f"file://reading-lists/{file.name}" for file in files]
        assert "file://reading-lists/sea-stories.md" in addresses
        for address, file in zip(addresses, files, strict=True):
            assert await read(desk, address) == file.read_text(encoding="utf-8")

    @pytest.mark.parametrize("book_id", [LEAGUES, ROUND_THE_WORLD])
    async def test_a_book(self, desk: Client[Any], book_id: str) -> None:
        assert await read(desk, f"book://{book_id}") == whereabouts(book_id)

    async def test_a_shelf(self, desk: Client[Any]) -> None:
        (shelf,) = [copy["shelf"] for copy in COPIES if copy["book"] == ROUND_THE_WORLD]
        standing = [
            told(copy["book"])
            for copy in COPIES
            if (copy["branch"], copy["shelf"]) == ("Leith", shelf) and copy["id"] not in LOANS
        ]
        assert await read(desk, f"shelf://Leith/{shelf}") == standing
        assert ROUND_THE_WORLD in {book["id"] for book in standing}

    @pytest.mark.parametrize(
        ("query", "arguments"),
        [
            ("", {}),
            ("?words=jules%20verne", {"words": "jules verne"}),
            ("?language=French&limit=2", {"language": "French", "limit": 2}),
            ("?words=novel&language=English&limit=1", {"words": "novel", "language": "English", "limit": 1}),
        ],
    )
    async def test_a_search_with_an_address(
        self, desk: Client[Any], query: str, arguments: dict[str, Any]
    ) -> None:
        found = await read(desk, f"catalogue://search{query}")
        assert found["total"] > 1
        assert found == await ask(desk, "find_books", **arguments)

    @pytest.mark.parametrize(
        ("uri", "says"),
        [
            ("book://no-such-book", "No book has the id 'no-such-book'"),
            ("shelf://Leith/XX-X", "No branch 'Leith' with a shelf 'XX-X'"),
            ("shelf://Atlantis/FR-V", "No branch 'Atlantis' with a shelf 'FR-V'"),
            ("file://reading-lists/no-such-list.md", "No reading list 'no-such-list.md'"),
            ("data://nothing", "Resource not found: 'data://nothing'"),
        ],
    )
    async def test_what_is_not_there(self, desk: Client[Any], uri: str, says: str) -> None:
        with pytest.raises(MCPError, match=re.escape(says)):
            await desk.read_resource(uri)

    @pytest.mark.parametrize(
        "path",
        [
            "../books.json",
            "..%2Fbooks.json",
            "..%2F..%2Fpyproject.toml",
            "..%2F..%2F..%2Fpyproject.toml",
            "sea-stories.md%2F..%2F..%2Fbooks.json",
            "%2Fetc%2Fpasswd",
            "..%252Fbooks.json",
        ],
    )
    async def test_only_reading_lists_are_given_out(self, desk: Client[Any], path: str) -> None:
        assert (DATA / "reading-lists" / "../books.json").is_file()
        assert (DATA / "reading-lists" / "../../../pyproject.toml").resolve() == ROOT / "pyproject.toml"
        with pytest.raises(MCPError, match=r"Resource not found|No reading list"):
            await desk.read_resource(f"file://reading-lists/{path}")

    async def test_an_address_refuses_the_limit_that_the_tool_refuses(self, desk: Client[Any]) -> None:
        with pytest.raises(MCPError):
            await desk.read_resource("catalogue://search?limit=-1")


async def test_a_reading_list_is_in_the_folder_and_small(connect: Connect, tmp_path: Path) -> None:
    """FastMCP refuses `..` itself; a link that leads out, and a long file, are for the server to refuse."""
    data = tmp_path / "data"
    shutil.copytree(DATA, data)
    lists = data / "reading-lists"
    (lists / "books.md").symlink_to(data / "books.json")
    (lists / "most.md").write_text("x" * 64 * 1024)
    (lists / "too-long.md").write_text("x" * (64 * 1024 + 1))
    (lists / "winter").mkdir()
    (lists / "winter" / "snow.md").write_text("# Snow\n")
    async with connect(settings={"DESK_DATA": str(data)}) as client:
        assert await read(client, "file://reading-lists/winter/snow.md") == "# Snow\n"
        assert len(await read(client, "file://reading-lists/most.md")) == 64 * 1024
        with pytest.raises(MCPError, match=r"'too-long\.md' has more than 65536 bytes"):
            await client.read_resource("file://reading-lists/too-long.md")
        with pytest.raises(MCPError, match=r"No reading list 'books\.md'"):
            await client.read_resource("file://reading-lists/books.md")


# Prompts and completion ------------------------------------------------------------------------------


@in_one_loop
class TestPrompts:
    async def test_help(self, desk: Client[Any]) -> None:
        ((role, text),) = await render(desk, "help")
        assert role == "user"
        assert "three examples" in text

    async def test_recommend(self, desk: Client[Any]) -> None:
        ((role, text),) = await render(desk, "recommend", subject="the sea")
        assert role == "user"
        assert "on the subject 'the sea', written in English." in text
        ((_, text),) = await render(desk, "recommend", subject="the sea", language="French")
        assert "written in French." in text

    async def test_reading_group(self, desk: Client[Any]) -> None:
        book = BOOKS[ROUND_THE_WORLD]
        opening, plan, begin = await render(desk, "reading_group", book_id=ROUND_THE_WORLD, weeks=6)
        about = f"{book['title']!r} by {book['author']} ({book['year']})"
        assert opening == ("user", f"Our group reads {about} in 6 meetings.")
        assert plan[0] == "assistant"
        assert begin[0] == "user"
        assert repr(ROUND_THE_WORLD) in begin[1]
        assert "in 4 meetings" in (await render(desk, "reading_group", book_id=ROUND_THE_WORLD))[0][1]

    @pytest.mark.parametrize(
        ("prompt", "arguments", "says"),
        [
            ("recommend", {}, "recommend"),
            ("reading_group", {"weeks": 6}, "reading_group"),
            ("reading_group", {"book_id": LEAGUES[:-1]}, f"Did you mean .*{LEAGUES}"),
            ("reading_group", {"book_id": LEAGUES, "weeks": "many"}, "'weeks' with value 'many'"),
            ("nonsense", {}, "Unknown prompt: 'nonsense'"),
        ],
    )
    async def test_mistakes(
        self, desk: Client[Any], prompt: str, arguments: dict[str, Any], says: str
    ) -> None:
        with pytest.raises(MCPError, match=says):
            await desk.get_prompt(prompt, arguments)

    @pytest.mark.xfail(strict=True, reason="masked by FastMCP 4.1.2: 'Error rendering prompt'")
    @pytest.mark.parametrize(("prompt", "missing"), [("recommend", "subject"), ("reading_group", "book_id")])
    async def test_a_missing_argument_is_named(self, desk: Client[Any], prompt: str, missing: str) -> None:
        with pytest.raises(MCPError, match=missing):
            await desk.get_prompt(prompt)


RECOMMEND = PromptReference(type="ref/prompt", name="recommend")
READING_GROUP = PromptReference(type="ref/prompt", name="reading_group")
BOOK = ResourceTemplateReference(type="ref/resource", uri="book://{book_id}")
SHELF = ResourceTemplateReference(type="ref/resource", uri="shelf://{branch}/{shelf}")


@in_one_loop
class TestCompletion:
    @pytest.mark.parametrize(
        ("where", "argument", "typed", "offered"),
        [
            (RECOMMEND, "language", "", sorted({book["language"] for book in BOOKS.values()})),
            (RECOMMEND, "language", "fr", ["French"]),
            (
                RECOMMEND,
                "subject",
                "s",
                sorted({s for b in BOOKS.values() for s in b["subjects"] if s.casefold()[0] == "s"}),
            ),
            (READING_GROUP, "book_id", "verne-", sorted(b for b in BOOKS if b.startswith("verne-"))),
            (READING_GROUP, "weeks", "", []),
            (BOOK, "book_id", "", sorted(BOOKS)[:100]),
            (BOOK, "book_id", "verne-tour", [ROUND_THE_WORLD]),
            (SHELF, "branch", "", BRANCHES),
            (SHELF, "branch", "l", ["Leith"]),
            (SHELF, "shelf", "FR-", sorted({c["shelf"] for c in COPIES if c["shelf"].startswith("FR-")})),
        ],
    )
    async def test_values(
        self, desk: Client[Any], where: Any, argument: str, typed: str, offered: list[str]
    ) -> None:
        completion = await desk.complete(where, {"name": argument, "value": typed})
        assert completion.values == offered

    async def test_a_shelf_is_one_of_the_branch_that_was_chosen(self, desk: Client[Any]) -> None:
        completion = await desk.complete(SHELF, {"name": "shelf", "value": ""}, {"branch": "Portobello"})
        at_portobello = {copy["shelf"] for copy in COPIES if copy["branch"] == "Portobello"}
        assert completion.values == sorted(at_portobello)
        assert at_portobello < {copy["shelf"] for copy in COPIES}


# Loans -----------------------------------------------------------------------------------------------


async def test_a_loan_and_its_return_are_seen_everywhere(connect: Connect) -> None:
    (copy,) = [copy for copy in COPIES if copy["book"] == ROUND_THE_WORLD]
    request = {"book_id": ROUND_THE_WORLD, "patron_id": "p001", "branch": "Leith"}
    shelf = f"shelf://Leith/{copy['shelf']}"
    async with connect() as client:
        shelf_before = await read(client, shelf)
        first_day = date.today()
        loan = await ask(client, "lend", **request)
        due = {str(day + timedelta(weeks=3)) for day in (first_day, date.today())}
        assert (loan["copy_id"], loan["patron_id"]) == (copy["id"], "p001")
        assert loan["due"] in due

        lent = {"book": told(ROUND_THE_WORLD), "on_shelf": [], "on_loan": [loan]}
        assert await ask(client, "where_is", book_id=ROUND_THE_WORLD) == lent
        assert await read(client, f"book://{ROUND_THE_WORLD}") == lent
        assert await read(client, shelf) == [book for book in shelf_before if book["id"] != ROUND_THE_WORLD]
        with pytest.raises(ToolError, match="is on the shelf at Leith"):
            await client.call_tool("lend", request)

        assert await ask(client, "take_back", copy_id=copy["id"]) == copy
        assert await ask(client, "where_is", book_id=ROUND_THE_WORLD) == whereabouts(ROUND_THE_WORLD)
        assert await read(client, shelf) == shelf_before
        with pytest.raises(ToolError, match="is not on loan"):
            await client.call_tool("take_back", {"copy_id": copy["id"]})


# Questions -------------------------------------------------------------------------------------------


REFUSALS = (DECLINE, CANCEL)
REQUEST = {"book_id": LEAGUES, "patron_id": "p001"}
ADA = {"name": "Ada Example", "email": "ada@example.org"}


class TestReserve:
    async def test_the_patron_is_asked_where(self, connect: Connect) -> None:
        patron = Person(accept(value="Portobello"))
        async with connect(elicitation_handler=patron) as client:
            assert await ask(client, "reserve", **REQUEST) == {**REQUEST, "collect_at": "Portobello"}
            with pytest.raises(ToolError, match=r"p001 is in the queue for 'Vingt mille lieues.*' already"):
                await client.call_tool("reserve", REQUEST)
        (question,) = patron.asked
        assert isinstance(question, ElicitRequestFormParams)
        assert question.message == f"Where will you collect {BOOKS[LEAGUES]['title']!r}?"
        assert question.requested_schema["properties"]["value"]["enum"] == BRANCHES

    async def test_a_refusal_reserves_nothing(self, connect: Connect) -> None:
        async with connect(elicitation_handler=Person(*REFUSALS, accept(value="Leith"))) as client:
            for refusal in REFUSALS:
                with pytest.raises(ToolError, match=f"Nothing was reserved: .* chose to {refusal.action}"):
                    await client.call_tool("reserve", REQUEST)
            assert (await ask(client, "reserve", **REQUEST))["collect_at"] == "Leith"

    async def test_an_answer_that_was_not_offered(self, connect: Connect) -> None:
        async with connect(elicitation_handler=Person(accept(value="Atlantis"))) as client:
            with pytest.raises(ToolError, match=r"Atlantis|Central"):
                await client.call_tool("reserve", REQUEST)


class TestRegister:
    async def test_notice_then_form(self, connect: Connect) -> None:
        person = Person(accept(), accept(**ADA))
        async with connect(elicitation_handler=person) as client:
            patron_id = await ask(client, "register")
            assert re.fullmatch(r"p\d{3}", patron_id)
            assert patron_id not in PATRONS
            loan = await ask(client, "lend", book_id=ROUND_THE_WORLD, patron_id=patron_id, branch="Leith")
            assert loan["patron_id"] == patron_id
        notice, form = person.asked
        assert isinstance(notice, ElicitRequestURLParams)
        assert notice.url == "https://library.example/privacy"
        assert isinstance(form, ElicitRequestFormParams)
        assert form.requested_schema["required"] == ["name", "email"]
        home = form.requested_schema["properties"]["home_branch"]
        assert (home["enum"], home["default"]) == (BRANCHES, "Central")

    async def test_a_refusal_registers_nobody(self, connect: Connect) -> None:
        at_the_form = [answer for refusal in REFUSALS for answer in (accept(), refusal)]
        person = Person(*REFUSALS, *at_the_form, accept(), accept(**ADA))
        next_id = f"p{len(PATRONS) + 1:03}"
        whys = ["the privacy notice was not accepted"] * 2 + [f"chose to {r.action}" for r in REFUSALS]
        async with connect(elicitation_handler=person) as client:
            for why in whys:
                with pytest.raises(ToolError, match=f"Nobody was registered: .*{why}"):
                    await client.call_tool("register")
                with pytest.raises(ToolError, match="No patron has the id"):
                    await client.call_tool(
                        "lend", {"book_id": ROUND_THE_WORLD, "patron_id": next_id, "branch": "Leith"}
                    )
            assert len(person.asked) == 2 + 2 * 2
            assert await ask(client, "register") == next_id

    async def test_a_form_that_is_filled_in_wrongly(self, connect: Connect) -> None:
        person = Person(accept(), accept(name="Ada", email="nowhere"))
        async with connect(elicitation_handler=person) as client:
            with pytest.raises(ToolError, match="email"):
                await client.call_tool("register")


class TestSuggest:
    async def test_books_on_the_shelf_that_share_most_subjects(self, visit: Connect) -> None:
        at_leith = on_shelf("Leith")
        counts = Counter(subject for book_id in at_leith for subject in BOOKS[book_id]["subjects"])
        liked = [subject for subject, _ in counts.most_common(2)]

        def in_common(book_id: str) -> int:
            return len(set(liked).intersection(BOOKS[book_id]["subjects"]))

        reader = Person(accept(value=liked))
        async with visit(elicitation_handler=reader) as client:
            books = await ask(client, "suggest", branch="Leith")
        ids = [book["id"] for book in books]
        assert books == [told(book_id) for book_id in ids]
        assert at_leith.issuperset(ids)
        assert [in_common(book_id) for book_id in ids] == sorted(map(in_common, at_leith), reverse=True)[:5]
        (question,) = reader.asked
        choice = question.requested_schema["properties"]["value"]
        assert choice["type"] == "array"
        assert choice["items"]["enum"] == sorted({s for b in BOOKS.values() for s in b["subjects"]})

    async def test_a_refusal_suggests_nothing(self, visit: Connect) -> None:
        reader = Person(*REFUSALS)
        async with visit(elicitation_handler=reader) as client:
            for _ in REFUSALS:
                with pytest.raises(ToolError, match=r"nothing to suggest\. Use find_books"):
                    await client.call_tool("suggest", {"branch": "Leith"})
        assert len(reader.asked) == len(REFUSALS)

    async def test_only_what_was_asked_for(self, visit: Connect) -> None:
        async with visit(elicitation_handler=Person(accept(value=[]))) as client:
            assert await ask(client, "suggest", branch="Leith") == []


class TestShelfCard:
    async def test_the_words_are_those_of_the_clients_model(self, visit: Connect) -> None:
        prompts: list[tuple[str, str | None, int]] = []

        def model(messages: Any, params: Any, context: Any) -> str:
            prompts.append((messages[0].content.text, params.system_prompt, params.max_tokens))
            return "Captain Nemo goes down."

        async with visit(sampling_handler=model) as client:
            assert await ask(client, "shelf_card", book_id=LEAGUES) == "Captain Nemo goes down."
        ((prompt, system_prompt, max_tokens),) = prompts
        book = BOOKS[LEAGUES]
        assert prompt.endswith(f"for {book['title']!r} by {book['author']}, {book['year']}.")
        assert system_prompt == "You are a librarian. Do not give the ending away."
        assert max_tokens == 200

    async def test_a_picture_is_no_text(self, visit: Connect) -> None:
        def painter(messages: Any, params: Any, context: Any) -> CreateMessageResult:
            picture = ImageContent(type="image", data="AAAA", mime_type="image/png")
            return CreateMessageResult(role="assistant", model="painter", content=picture)

        async with visit(sampling_handler=painter) as client:
            with pytest.raises(ToolError, match="model sent image, and this needs text"):
                await client.call_tool("shelf_card", {"book_id": LEAGUES})


# Progress, log, and what stays hidden ----------------------------------------------------------------


async def test_checking_the_shelves_reports_each(connect: Connect, tmp_path: Path) -> None:
    """On data in which the shelf of one book is empty, so that there is something to warn of."""
    data = tmp_path / "data"
    shutil.copytree(DATA, data)
    (empty,) = [copy["shelf"] for copy in COPIES if copy["book"] == ROUND_THE_WORLD]
    at_leith = [copy for copy in COPIES if copy["branch"] == "Leith"]
    lent = LOANS.keys() | {copy["id"] for copy in at_leith if copy["shelf"] == empty}
    loans = [{"copy": copy_id, "patron": "p001", "due": "2030-01-01"} for copy_id in sorted(lent)]
    (data / "loans.json").write_text(json.dumps(loans))
    shelves = dict.fromkeys(sorted({copy["shelf"] for copy in at_leith}), 0)
    for copy in at_leith:
        shelves[copy["shelf"]] += copy["id"] not in lent
    assert shelves[empty] == 0
    assert sum(shelves.values()) > 0

    progress: list[tuple[float, float | None, str | None]] = []
    log: list[tuple[str, str, Any]] = []

    async def on_progress(done: float, total: float | None, message: str | None) -> None:
        progress.append((done, total, message))

    async def on_log(message: Any) -> None:
        log.append((message.level, message.data["msg"], message.data["extra"]))

    settings = {"DESK_DATA": str(data)}
    async with connect(settings=settings, progress_handler=on_progress, log_handler=on_log) as client:
        assert await ask(client, "check_shelves", branch="Leith") == shelves
        await until(lambda: len(progress) >= len(shelves) and bool(log) and log[-1][0] == "info")
    assert progress == [(n, len(shelves), f"Shelf {shelf}") for n, shelf in enumerate(shelves, start=1)]
    warned = [
        ("warning", f"Shelf {s} at Leith is empty", None) for s, standing in shelves.items() if not standing
    ]
    assert log == [*warned, ("info", f"{len(shelves)} shelves at Leith", {"copies": sum(shelves.values())})]


class TestInternalErrors:
    """What fails inside: the client learns that it failed, not how, nor where the files are."""

    async def test_tools_and_resources_hide_them(self, connect: Connect, tmp_path: Path) -> None:
        """Somebody drops a table while the server runs."""
        with fresh_database("sqlite", tmp_path) as settings:
            async with connect(settings=settings) as client:
                assert await ask(client, "where_is", book_id=LEAGUES) == whereabouts(LEAGUES)
                from_outside(settings, "DROP TABLE loans")
                with pytest.raises(ToolError, match=rf"^Error calling tool 'where_is'{ASK}$"):
                    await client.call_tool("where_is", {"book_id": LEAGUES})
                with pytest.raises(MCPError, match=rf"^Error reading resource 'book://{LEAGUES}'{ASK}$"):
                    await client.read_resource(f"book://{LEAGUES}")

    async def test_files_hide_where_they_are(self, connect: Connect, tmp_path: Path) -> None:
        """A reading list that is no UTF-8."""
        data = tmp_path / "data"
        shutil.copytree(DATA, data)
        (data / "reading-lists" / "old.md").write_bytes("Émile Zola".encode("latin-1"))
        async with connect(settings={"DESK_DATA": str(data)}) as client:
            with pytest.raises(
                MCPError, match=rf"^Error reading resource 'file://reading-lists/old\.md'{ASK}$"
            ):
                await client.read_resource("file://reading-lists/old.md")

    @pytest.mark.xfail(strict=True, reason="FastMCP 4.1.2 does not mask what a prompt or completion raises")
    async def test_prompts_and_completions_hide_them(self, way: Way, tmp_path: Path) -> None:
        """Neither has anything that could fail, so what they use is broken before the server starts."""
        broken = (*warm_python(), "-c", BROKEN)
        settings = {"PYTHONPATH": str(SERVER.parent)}
        with new_desk(way, tmp_path, command=broken, settings=settings) as desk:
            async with desk as client:
                with pytest.raises(MCPError) as prompt:
                    await client.get_prompt("reading_group", {"book_id": LEAGUES})
                with pytest.raises(MCPError) as completion:
                    await client.complete(SHELF, {"name": "branch", "value": ""})
        assert "no-data" not in f"{prompt.value} {completion.value}"


BROKEN = """
import server

def lost(*anything):
    raise OSError("no-data")

server.book_by_id = server.get_args = lost
server.main()
"""


# The process -----------------------------------------------------------------------------------------


IMPORT = """
import sys, threading
import server
assert server.mcp.name == "Library desk"
assert server.__file__ == sys.argv[1], server.__file__
assert "mcp_workbench" not in sys.modules
assert threading.active_count() == 1, threading.enumerate()
"""


class TestImport:
    def test_it_starts_nothing_prints_nothing_and_reads_no_data(self, tmp_path: Path) -> None:
        settings = {"DESK_DATA": str(tmp_path), "PYTHONPATH": str(SERVER.parent)}
        done = run([sys.executable, "-c", IMPORT, str(SERVER)], tmp_path, settings)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def test_it_never_names_the_package(self) -> None:
        assert "mcp_workbench" not in SERVER.read_text(encoding="utf-8")


INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


def request(number: int, method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


@pytest.mark.parametrize(
    "command", [PYTHON_SERVER, (FASTMCP, "run", str(SERVER))], ids=["python", "fastmcp-run"]
)
async def test_stdout_carries_nothing_but_json_rpc(command: tuple[str, ...], tmp_path: Path) -> None:
    """Line by line, with no client to tidy an address: good calls, bad calls, and no JSON at all."""
    sent: list[dict[str, Any] | str] = [
        INITIALIZE,
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        request(
            2, "tools/call", name="check_shelves", arguments={"branch": "Leith"}, _meta={"progressToken": 7}
        ),
        request(3, "tools/call", name="where_is", arguments={"book_id": "nothing"}),
        request(4, "resources/read", uri="file://reading-lists/../books.json"),
        request(5, "prompts/get", name="recommend"),
        request(6, "no/such/method"),
        "this is no JSON",
        request(7, "tools/call", name="opening_hours", arguments={"branch": "Leith"}),
    ]
    answers: dict[int, Any] = {}
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=tmp_path,
        env=environment(tmp_path),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            for message in sent:
                line = message if isinstance(message, str) else json.dumps(message)
                process.stdin.write(f"{line}\n".encode())
            while answers.keys() < {1, 2, 3, 4, 5, 6, 7}:
                said = json.loads(await process.stdout.readline())
                assert said["jsonrpc"] == "2.0"
                if "id" in said:
                    answers[said["id"]] = said
            process.stdin.close()
            assert await process.stdout.read() == b""
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert answers[1]["result"]["serverInfo"]["version"] == "1.0.0"
    assert answers[2]["result"]["structuredContent"]
    assert answers[3]["result"]["isError"]
    assert "Resource not found" in answers[4]["error"]["message"]
    assert answers[7]["result"]["structuredContent"] == {"result": "Mon-Fri 10:00-18:00"}


class TestCommandLine:
    def test_help_names_the_options(self, tmp_path: Path) -> None:
        done = run([*warm_server(), "--help"], tmp_path)
        assert done.returncode == 0
        for option in ("--transport {stdio,http}", "--host", "--port", "--path"):
            assert option in done.stdout

    def test_an_unknown_transport_is_refused(self, tmp_path: Path) -> None:
        done = run([*warm_server(), "--transport", "pigeon"], tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert "invalid choice: 'pigeon'" in done.stderr

    async def test_port_and_path(self, tmp_path: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with serving_http(tmp_path, "--path", "/desk", port=port) as address:
            assert address == f"http://127.0.0.1:{port}"
            async with Client(f"{address}/desk") as client:
                assert await ask(client, "opening_hours", branch="Leith") == "Mon-Fri 10:00-18:00"
            async with httpx2.AsyncClient() as http:
                assert (await http.post(f"{address}/mcp", json=INITIALIZE)).status_code == 404

    def test_host(self, tmp_path: Path) -> None:
        """192.0.2.1 is nobody's address (RFC 5737): that it cannot be bound shows that it was tried."""
        done = run(
            [*warm_server(), "--transport", "http", "--host", "192.0.2.1", "--port", "0"],
            tmp_path,
        )
        assert done.returncode != 0
        assert re.search(r"bind on .*'192\.0\.2\.1'", done.stderr)  # Pythons differ in the words between

    async def test_settings_from_the_environment(self, tmp_path: Path) -> None:
        settings = {"FASTMCP_STREAMABLE_HTTP_PATH": "/from-the-environment"}
        with serving_http(tmp_path, settings=settings) as address:
            async with Client(f"{address}/from-the-environment") as client:
                assert await client.list_tools()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that is also known as desk.example."""
    names = {"FASTMCP_HTTP_ALLOWED_HOSTS": json.dumps(["desk.example"])}
    with serving_http(tmp_path_factory.mktemp("guarded"), settings=names) as address:
        yield address


class TestOverHttp:
    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({}, 200),
            ({"Host": "localhost"}, 200),
            ({"Origin": "http://localhost"}, 200),
            ({"Host": "desk.example"}, 200),
            ({"Host": "evil.example"}, 421),
            ({"Host": "evil.example", "Origin": "http://evil.example"}, 421),
            ({"Host": "127.0.0.1.evil.example"}, 421),
            ({"Origin": "https://evil.example"}, 403),
            ({"Origin": "null"}, 403),
        ],
    )
    def test_only_its_own_names_are_served(self, guarded: str, headers: dict[str, str], status: int) -> None:
        accepts = {"Accept": "application/json, text/event-stream"}
        answer = httpx2.post(f"{guarded}/mcp", json=INITIALIZE, headers={**accepts, **headers})
        assert answer.status_code == status
        assert ("Library desk" in answer.text) == (status == 200)

    async def test_both_eras_meet_at_one_desk(self, tmp_path: Path) -> None:
        """What a client of one era changes, a client of the other sees, at the same time."""
        with serving_http(tmp_path) as address:
            url = f"{address}/mcp"
            async with Client(url) as sessionless, Client(url, mode="legacy") as handshake:
                loan = await ask(
                    sessionless, "lend", book_id=ROUND_THE_WORLD, patron_id="p002", branch="Leith"
                )
                seen = await ask(handshake, "where_is", book_id=ROUND_THE_WORLD)
                assert seen["on_loan"] == [loan]
                await ask(handshake, "take_back", copy_id=loan["copy_id"])
                returned = await ask(sessionless, "where_is", book_id=ROUND_THE_WORLD)
                assert returned == whereabouts(ROUND_THE_WORLD)


class TestFastmcpCommand:
    def test_inspect_counts(self, tmp_path: Path) -> None:
        done = run([FASTMCP, "inspect", str(SERVER)], tmp_path)
        assert done.returncode == 0
        said = dict(re.findall(r"^\s*(\w+):\s+(.+?)\s*$", done.stdout, re.MULTILINE))
        assert (said["Name"], said["Version"]) == ("Library desk", "1.0.0")
        counts = {kind: int(said[kind]) for kind in ("Tools", "Prompts", "Resources", "Templates")}
        assert counts == {
            "Tools": len(TOOLS),
            "Prompts": len(PROMPTS),
            "Resources": len(RESOURCES),
            "Templates": len(TEMPLATES),
        }

    async def test_run(self, way: Way, tmp_path: Path) -> None:
        with new_desk(way, tmp_path, command=warm_fastmcp("run")) as desk:
            async with desk as client:
                assert {tool.name for tool in await client.list_tools()} == TOOLS.keys()
                assert await ask(client, "where_is", book_id=LEAGUES) == whereabouts(LEAGUES)
                assert await read(client, f"book://{LEAGUES}") == whereabouts(LEAGUES)
