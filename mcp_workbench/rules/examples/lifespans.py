"""The examples of MCP025: servers that go wrong, and servers that do not."""

from __future__ import annotations

from mcp_workbench.rules.rule import Example

DESK = """\
{imports}from collections.abc import AsyncIterator
from typing import Any

from fastmcp import Context, FastMCP


{lifespan}


mcp = FastMCP("desk", lifespan={given})


@mcp.tool
def borrow(book: str, ctx: Context) -> list[str]:
    ctx.lifespan_context["{key}"].append(book)
    return ctx.lifespan_context["{key}"]
"""

BORROW = 'print((await client.call_tool("borrow", {"book": "Emma"})).data)'

TWO = """\
from fastmcp.utilities.tests import asgi_server
async with asgi_server(mcp) as running:
    for reader, book in (("Ada", "Emma"), ("Bob", "Dune")):
        async with running.client(mode=mode) as desk:
            print(reader, (await desk.call_tool("borrow", {"book": book})).data)
"""

IMPORT = "from contextlib import asynccontextmanager\n"

FUNCTION = 'async def opening(server: FastMCP) -> AsyncIterator[dict[str, Any]]:\n    yield {"log": []}'

MANAGED = f"@asynccontextmanager\n{FUNCTION}"


def _desk(
    lifespan: str,
    does: str = BORROW,
    shows: str = "^\\['Emma'\\]$",
    imports: str = IMPORT,
    given: str = "opening",
    key: str = "log",
) -> Example:
    code = DESK
    for name, text in (("imports", imports), ("lifespan", lifespan), ("given", given), ("key", key)):
        code = code.replace(f"{{{name}}}", text)
    if "AsyncIterator" not in lifespan:
        code = code.replace("from collections.abc import AsyncIterator\n", "")
    return Example(code, does=does, shows=shows)


def _failing(
    lifespan: str, shows: str, imports: str = IMPORT, given: str = "opening", finds: int = 1
) -> Example:
    code = _desk(lifespan, imports=imports, given=given).code
    return Example(code, BORROW, f"RuntimeError: Client failed to connect: ({shows})", finds=finds)


# The coroutine that nobody awaits: a log of the error would keep it beyond the example.
CONNECT = """\
import gc, logging
logging.disable()
try:
    async with Client(mcp, mode=mode) as desk:
        await desk.list_tools()
except Exception as error:
    print(f"{type(error).__name__}: {error}")
logging.disable(logging.NOTSET)
gc.collect()
"""

SESSIONS = """\
from fastmcp import FastMCP
from fastmcp.server.dependencies import get_session
from fastmcp.server.sessions import SessionId, SessionProvider

mcp = FastMCP("desk", providers=[SessionProvider()])


@mcp.tool
async def borrow(book: str, session_id: SessionId) -> list[str]:
    session = await get_session(session_id)
    books = [*(await session.get("books") or []), book]
    await session.set("books", books)
    return books
"""

EACH = """\
for reader, books in (("Ada", ["Emma"]), ("Bob", ["Dune", "Ulysses"])):
    number = (await client.call_tool("create_session")).content[0].text
    for book in books:
        taken = await client.call_tool("borrow", {"book": book, "session_id": number})
    print(reader, taken.data)
"""

NUMBERED = """\
from contextlib import asynccontextmanager
from uuid import uuid4

from fastmcp import Context, FastMCP


@asynccontextmanager
async def opening(server):
    yield {"session_id": str(uuid4())}


mcp = FastMCP("desk", lifespan=opening)


@mcp.tool
def number(ctx: Context) -> str:
    return ctx.lifespan_context["session_id"]
"""

TWO_NUMBERS = """\
from fastmcp.utilities.tests import asgi_server
async with asgi_server(mcp) as running:
    async with running.client(mode=mode) as one, running.client(mode=mode) as other:
        numbers = {(await desk.call_tool("number")).data for desk in (one, other)}
print(len(numbers), "number for two clients")
"""

BAD: dict[str, tuple[Example, ...]] = {
    "MCP025": (
        _failing(
            FUNCTION,
            "'builtins.async_generator' object does not support the asynchronous context",
            imports="",
        ),
        _desk(
            MANAGED.replace("log", "basket"),
            does=TWO,
            shows=r"Ada \['Emma'\]\nBob \['Emma', 'Dune'\]",
            key="basket",
        ),
        _failing(
            MANAGED.replace("server: FastMCP", ""),
            r"opening\(\) takes 0 positional arguments but 1 was given",
        ),
        _failing(
            MANAGED.replace("server: FastMCP", "server: FastMCP, branch: str"),
            r"opening\(\) missing 1 required positional argument: 'branch'",
        ),
        _failing(
            FUNCTION.replace("server: FastMCP", ""),
            "'builtins.async_generator' object does not support|opening\\(\\) takes 0 positional",
            imports="",
            finds=2,
        ),
        _failing(
            '@contextmanager\ndef opening(server: FastMCP):\n    yield {"log": []}',
            "'contextlib._GeneratorContextManager' object does not support the asynchronous context",
            imports="from contextlib import contextmanager\n",
        ),
        Example(
            _desk(
                'async def opening(server: FastMCP) -> dict[str, Any]:\n    return {"log": []}', imports=""
            ).code,
            does=CONNECT,
            shows="RuntimeError: Client failed to connect: 'builtins.coroutine' object does not support",
        ),
        _failing(MANAGED, "'builtins.function' object", given="opening(None)"),
        Example(NUMBERED, does=TWO_NUMBERS, shows="1 number for two clients"),
    ),
}

GOOD: dict[str, tuple[Example, ...]] = {
    "MCP025": (
        _desk(MANAGED),
        _desk(  # FastMCP's own decorator
            f"@lifespan\n{FUNCTION}", imports="from fastmcp.server.lifespan import lifespan\n"
        ),
        _desk(  # the shelves of all readers, by their names
            MANAGED.replace("log", "baskets"), key="baskets"
        ),
        _desk(  # the connection of the server itself
            MANAGED.replace("[]", '[], "session": server')
        ),
        _desk(  # it gives a context manager
            "class Opening:\n"
            "    async def __aenter__(self) -> dict[str, Any]:\n"
            '        return {"log": []}\n\n'
            "    async def __aexit__(self, *raised: object) -> None:\n"
            '        print("closed")\n\n\n'
            "def opening(server: FastMCP) -> Opening:\n    return Opening()",
            shows="\\['Emma'\\]\nclosed",
            imports="",
        ),
        _desk(  # a function that makes the lifespan
            "def for_branch(branch: str):\n    @asynccontextmanager\n    "
            + FUNCTION.replace("\n", "\n    ")
            + "\n\n    return opening",
            given='for_branch("Hill")',
        ),
        Example(SESSIONS, does=EACH, shows=r"Ada \['Emma'\]\nBob \['Dune', 'Ulysses'\]"),
    ),
}
