"""The examples of MCP009 to MCP015: servers that go wrong, and servers that do not."""

from __future__ import annotations

from mcp_workbench.rules.rule import Example

_BUSY = """\
import socket

with socket.create_server(("127.0.0.1", 0)) as other:
    try:
        {}
    except SystemExit as stopped:
        print("exit code", stopped.code)
"""

_IN_USE = "address already in use.*exit code 3|only one usage of each socket address.*exit code 3"

BAD: dict[str, tuple[Example, ...]] = {
    "MCP009": (
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")
mcp.settings.port = 9000

if __name__ == "__main__":
    mcp.run(transport="http")
""",
            shows="AttributeError: 'FastMCP' object has no attribute 'settings'",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.tool
def branch() -> str:
    return mcp.settings.get("BRANCH")
""",
            does='await client.call_tool("branch")',
            shows="ToolError: Error calling tool 'branch': 'FastMCP' object has no attribute 'settings'",
        ),
        Example(
            """\
from fastmcp import Context, FastMCP


def build() -> FastMCP:
    return FastMCP("desk")


mcp = build()


@mcp.tool
def level(ctx: Context) -> str:
    return ctx.fastmcp.settings.log_level
""",
            does='await client.call_tool("level")',
            shows="ToolError: Error calling tool 'level': 'FastMCP' object has no attribute 'settings'",
        ),
    ),
    "MCP010": (
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")

if __name__ == "__main__":
    mcp.run(transport="http", port=8000)
""",
            does=_BUSY.format(
                'await mcp.run_async(transport="http", port=other.getsockname()[1], show_banner=False)'
            ),
            shows=_IN_USE,
            eras=("sessionless",),
        ),
        Example(
            """\
import uvicorn
from fastmcp import FastMCP

mcp = FastMCP("desk")
app = mcp.http_app()


def main() -> None:
    uvicorn.run(app, host="127.0.0.1", port=8000)
""",
            does=_BUSY.format(
                "import asyncio\n\n"
                "        await asyncio.to_thread(uvicorn.run, app, port=other.getsockname()[1])"
            ),
            shows=_IN_USE,
            eras=("sessionless",),
        ),
    ),
    "MCP013": (
        Example(
            """\
from fastmcp import FastMCP
from shared import get_catalogue

mcp = FastMCP("desk")


@mcp.tool
def books() -> list[str]:
    return get_catalogue()
""",
            files={
                "shared/__init__.py": """\
from shared.monitoring import watch


def get_catalogue() -> list[str]:
    return watch(["Emma"])
""",
                "shared/monitoring.py": """\
from shared import get_catalogue


def watch(books: list[str]) -> list[str]:
    return books or get_catalogue()
""",
            },
            command="python",
            shows="ImportError: cannot import name 'get_catalogue' from partially initialized module",
        ),
        Example(
            """\
from fastmcp import FastMCP
from tools import search

mcp = FastMCP("desk")

if __name__ == "__main__":
    print(search("Emma"))
    mcp.run()
""",
            files={
                "tools.py": """\
from server import mcp


@mcp.tool
def search(title: str) -> str:
    return title
"""
            },
            command="python",
            shows="ImportError: cannot import name 'search' from partially initialized module 'tools'",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")

import tools  # the tools register themselves

if __name__ == "__main__":
    mcp.run()
""",
            files={
                "tools.py": """\
from server import mcp


@mcp.tool
def search(title: str) -> str:
    return title
"""
            },
            command="fastmcp inspect",
            shows=r"Tools:\s+0",
        ),
        Example(
            """\
import catalogue
from fastmcp import FastMCP

mcp = FastMCP("desk")
mcp.mount(catalogue.part)
""",
            files={
                "catalogue.py": """\
from fastmcp import FastMCP
from loans import lent

part = FastMCP("catalogue")


@part.tool
def is_in(title: str) -> bool:
    return title not in lent()
""",
                "loans.py": """\
from catalogue import is_in


def lent() -> list[str]:
    return [title for title in ("Emma",) if is_in(title)]
""",
            },
            command="fastmcp inspect",
            shows="cannot import name 'is_in' from partially initialized module 'catalogue'",
        ),
        Example(
            """\
from fastmcp import FastMCP

import tools

mcp = FastMCP("desk")

if __name__ == "__main__":
    mcp.run()
""",
            files={
                "tools.py": """\
import server


@server.mcp.tool
def search(title: str) -> str:
    return title
"""
            },
            command="fastmcp inspect",
            shows=r"Tools:\s+0",
        ),
    ),
    "MCP014": (
        Example(
            """\
from datetime import datetime

from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.tool
def lent_at() -> str:
    return datetime.utcnow().isoformat()
""",
            does="""\
import sys

print("3.11" if sys.version_info < (3, 12) else "newer")
print((await client.call_tool("lent_at")).data, "end")
""",
            shows=r"^3\.11\n[\d-]{10}T[\d:.]+ end|^newer\n.*DeprecationWarning: datetime.datetime.utcnow\(\)",
        ),
        Example(
            """\
import datetime as dt

from fastmcp import FastMCP
from pydantic import BaseModel, Field

mcp = FastMCP("desk")


class Loan(BaseModel):
    title: str
    lent: dt.datetime = Field(default_factory=dt.datetime.utcnow)
    due: dt.datetime = dt.datetime.utcfromtimestamp(1_800_000_000)


@mcp.tool
def lend(title: str) -> Loan:
    return Loan(title=title)
""",
            does="""\
import sys

print("3.11" if sys.version_info < (3, 12) else "newer")
print((await client.call_tool("lend", {"title": "Emma"})).content[0].text, "end")
""",
            shows=r'^3\.11\n.*"due":"2027-01-15T08:00:00"} end|DeprecationWarning: .*utcfromtimestamp\(\)',
            finds=2,
        ),
    ),
    "MCP015": (
        Example(
            """\
import asyncio

from fastmcp import FastMCP


async def connect() -> list[str]:
    await asyncio.sleep(0)
    return ["Emma"]


connection = asyncio.run(connect())
mcp = FastMCP("desk")


@mcp.tool
def books() -> list[str]:
    return connection
""",
            command="fastmcp inspect",
            shows=r"asyncio\.run\(\) cannot be called from a running event loop",
        ),
        Example(
            """\
import asyncio
import sys
from asyncio.subprocess import PIPE

from fastmcp import Client, FastMCP

command = [sys.executable, "-c", "print(input())"]
printer = asyncio.run(asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE))
mcp = FastMCP("desk")


@mcp.tool
async def print_slip(title: str) -> str:
    printer.stdin.write(f"{title}\\n".encode())
    await printer.stdin.drain()
    return (await printer.stdout.readline()).decode()


async def main() -> None:
    async with Client(mcp) as client:
        await client.call_tool("print_slip", {"title": "Emma"})


if __name__ == "__main__":
    asyncio.run(main())
""",
            command="python",
            shows="ToolError: Error calling tool 'print_slip': .*(is closed|attached to a different loop)",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


class Connection:
    def fetch(self) -> list[str]:
        return ["Emma"]


async def connect() -> Connection:
    return Connection()


connection = connect()


@mcp.tool
def books() -> list[str]:
    return connection.fetch()
""",
            does='await client.call_tool("books")',
            shows="ToolError: Error calling tool 'books': 'coroutine' object has no attribute 'fetch'",
        ),
        Example(
            """\
import asyncpg
from fastmcp import FastMCP

mcp = FastMCP("desk")
connection = asyncpg.connect("postgresql://localhost/library")


@mcp.tool
async def books() -> list[str]:
    return [row["title"] for row in await connection.fetch("SELECT title FROM books")]
""",
            does='await client.call_tool("books")',
            shows="ToolError: Error calling tool 'books': 'coroutine' object has no attribute 'fetch'",
        ),
        Example(
            """\
import asyncio

from fastmcp import FastMCP

mcp = FastMCP("desk")


async def remind() -> None:
    await asyncio.sleep(3600)


task = asyncio.create_task(remind())
""",
            command="python",
            shows="RuntimeError: no running event loop",
        ),
        Example(
            """\
import asyncio

from fastmcp import FastMCP


async def connect() -> list[str]:
    return ["Emma"]


loop = asyncio.new_event_loop()
connection = loop.run_until_complete(connect())
mcp = FastMCP("desk")
""",
            command="fastmcp inspect",
            shows="Cannot run the event loop while another loop is running",
        ),
        Example(
            """\
from database import connection
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.tool
def books() -> list[str]:
    return connection
""",
            files={
                "database.py": """\
import asyncio


async def connect() -> list[str]:
    return ["Emma"]


try:
    asyncio.get_running_loop()
except RuntimeError:
    pass
connection = asyncio.run(connect())
"""
            },
            command="fastmcp inspect",
            shows=r"asyncio\.run\(\) cannot be called from a running event loop",
        ),
    ),
}

GOOD: dict[str, tuple[Example, ...]] = {
    "MCP009": (
        Example(
            """\
import os

import fastmcp
from fastmcp import FastMCP

mcp = FastMCP("desk")


class Branch:
    def __init__(self) -> None:
        self.settings = {"room": os.environ.get("DESK_ROOM", "history")}


branch = Branch()


@mcp.tool
def room() -> str:
    return branch.settings["room"]


@mcp.tool
def level() -> str:
    settings = getattr(mcp, "settings", fastmcp.settings)
    return mcp.settings.log_level if hasattr(mcp, "settings") else settings.log_level
""",
            does="""\
print((await client.call_tool("room")).data)
print((await client.call_tool("level")).data)
""",
            shows="history.*[A-Z]+",
        ),
        Example(
            """\
from fastmcp import FastMCP


class Desk(FastMCP):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.settings = {"room": "history"}


mcp = Desk("desk")


@mcp.tool
def room() -> str:
    return mcp.settings["room"]
""",
            does='print((await client.call_tool("room")).data)',
            shows="history",
        ),
    ),
    "MCP010": (
        Example(
            """\
import os

import uvicorn
from fastmcp import FastMCP
from starlette.applications import Starlette

mcp = FastMCP("desk")
website = Starlette()


def port() -> int:
    return int(os.environ.get("PORT", "8000"))


def main() -> None:
    mcp.run(transport="http", port=port())


def show_website() -> None:
    uvicorn.run(website, port=8080)
""",
            does='os.environ["PORT"] = "8001"\nprint("port", port())\ndel os.environ["PORT"]',
            shows="port 8001",
            eras=("sessionless",),
        ),
    ),
    "MCP013": (
        Example(
            """\
from fastmcp import FastMCP

import loans
import tools

mcp = FastMCP("desk")
tools.register(mcp)
mcp.mount(loans.part)

if __name__ == "__main__":
    mcp.run()
""",
            files={
                "tools.py": """\
from __future__ import annotations

from typing import TYPE_CHECKING

import loans

if TYPE_CHECKING:
    from server import mcp


def register(server: mcp) -> None:
    @server.tool
    def search(title: str) -> str:
        return f"{title}: {loans.count()}"
""",
                "loans.py": """\
from fastmcp import FastMCP

import tools

part = FastMCP("loans")


def count() -> int:
    from server import mcp

    return 0 if mcp and tools else 1


@part.tool
def lend(title: str) -> str:
    return title
""",
            },
            command="fastmcp inspect",
            shows=r"Tools:\s+2",
        ),
        Example(
            """\
from app import mcp

import tools  # registers itself with the server of app

if __name__ == "__main__":
    mcp.run()
""",
            files={
                "app.py": """\
from fastmcp import FastMCP

mcp = FastMCP("desk")
""",
                "tools.py": """\
from app import mcp


@mcp.tool
def search(title: str) -> str:
    return title
""",
            },
            command="fastmcp inspect",
            shows=r"Tools:\s+1",
        ),
        Example(
            """\
from desk.server import mcp

if __name__ == "__main__":
    mcp.run()
""",
            files={
                "desk/__init__.py": "",
                "desk/server.py": """\
from fastmcp import FastMCP

mcp = FastMCP("desk")

from desk import tools


def main() -> None:
    mcp.run()
""",
                "desk/tools.py": """\
from desk.server import mcp


@mcp.tool
def search(title: str) -> str:
    return title
""",
            },
            command="fastmcp inspect",
            shows=r"Tools:\s+1",
        ),
    ),
    "MCP014": (
        Example(
            """\
from datetime import datetime, timezone

from fastmcp import FastMCP

mcp = FastMCP("desk")


class Clock:
    def utcnow(self) -> datetime:
        return datetime.now(timezone.utc)


clock = Clock()


@mcp.tool
def lent_at() -> str:
    return max(clock.utcnow(), datetime.fromtimestamp(0, tz=timezone.utc)).isoformat()
""",
            does='print((await client.call_tool("lent_at")).data)',
            shows=r"\+00:00$",
        ),
    ),
    "MCP015": (
        Example(
            """\
import asyncio
from contextlib import asynccontextmanager

import httpx2
from fastmcp import Client, Context, FastMCP

website = httpx2.AsyncClient()
lock = asyncio.Lock()


async def connect() -> list[str]:
    return ["Emma"]


@asynccontextmanager
async def lifespan(server: FastMCP):
    yield {"books": await connect()}


mcp = FastMCP("desk", lifespan=lifespan)


@mcp.tool
async def books(ctx: Context) -> list[str]:
    async with lock:
        task = asyncio.create_task(connect())
        return ctx.lifespan_context["books"] + await task


@mcp.tool
def count() -> int:
    return len(asyncio.run(connect()))


async def main() -> None:
    async with Client(mcp) as client:
        print(await client.list_tools())


if __name__ == "__main__":
    asyncio.run(main())
""",
            does="""\
print((await client.call_tool("books")).data)
print((await client.call_tool("count")).data)
""",
            shows=r"\['Emma', 'Emma'\]\n1",
        ),
        Example(
            """\
import asyncio

from fastmcp import Client, FastMCP

mcp = FastMCP("desk")


@mcp.tool
def books() -> list[str]:
    return ["Emma"]


async def main() -> None:
    async with Client(mcp) as client:
        print((await client.call_tool("books")).data)


asyncio.run(main())
""",
            command="python",
            shows="Emma",
        ),
    ),
}
