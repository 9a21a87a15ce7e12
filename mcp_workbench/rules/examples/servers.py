"""The examples of MCP001, MCP007, MCP008: servers that go wrong, and servers that do not."""

from __future__ import annotations

from mcp_workbench.rules.rule import Example


def _serving(transport: str, port: int, statement: str) -> str:
    """An example's client, while its server listens."""
    return f"""\
import asyncio, socket
door = socket.create_server(("127.0.0.1", {port}))
serving = mcp.run_http_async(transport="{transport}", sockets=[door], show_banner=False)
serving = asyncio.create_task(serving)
await asyncio.sleep(1)
try:
    {statement}
finally:
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    door.close()
"""


BAD: dict[str, tuple[Example, ...]] = {
    "MCP001": (
        Example(
            """\
from fastmcp import FastMCP


def create_server() -> FastMCP:
    desk = FastMCP("desk")

    @desk.tool
    def branches() -> list[str]:
        return ["Central", "Harbour"]

    return desk


if __name__ == "__main__":
    create_server().run()
""",
            command="fastmcp inspect",
            shows="No server object found in .*server.py",
        ),
        Example(
            """\
from fastmcp import FastMCP


def main() -> None:
    mcp = FastMCP("desk")

    @mcp.tool
    def branches() -> list[str]:
        return ["Central", "Harbour"]

    mcp.run()


if __name__ == "__main__":
    main()
""",
            command="fastmcp inspect",
            shows="No server object found in .*server.py",
        ),
        Example(
            """\
from fastmcp import FastMCP


def branches() -> list[str]:
    return ["Central", "Harbour"]


if __name__ == "__main__":
    mcp = FastMCP("desk")
    mcp.tool(branches)
    mcp.run()
""",
            command="fastmcp inspect",
            shows="No server object found in .*server.py",
        ),
        Example(
            """\
from fastmcp import FastMCP

library_desk = FastMCP("desk")


@library_desk.tool
def branches() -> list[str]:
    return ["Central", "Harbour"]


if __name__ == "__main__":
    library_desk.run()
""",
            command="fastmcp run",
            shows="No server object found in .*server.py",
        ),
        Example(
            """\
from fastmcp import FastMCP
from starlette.applications import Starlette

desk = FastMCP("desk")
app = Starlette()  # not what `fastmcp run` looks for under this name

if __name__ == "__main__":
    desk.run(transport="http")
""",
            command="fastmcp inspect",
            shows="No server object found in .*server.py",
        ),
    ),
    "MCP007": (
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")

if __name__ == "__main__":
    mcp.run(host="127.0.0.1", port=8000)
""",
            command="python",
            shows="TypeError: .*run_stdio_async\\(\\) got an unexpected keyword argument '(host|port)'",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")

if __name__ == "__main__":
    mcp.run(transport="streamable_http", port=8000)
""",
            command="python",
            shows="ValueError: Unknown transport: streamable_http",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")

if __name__ == "__main__":
    mcp.run("http", "127.0.0.1", 8000)
""",
            command="python",
            shows="TypeError: .*takes from 1 to 3 positional arguments but 4 were given",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")

if __name__ == "__main__":
    mcp.run(transport="http", port=8000, reload=True)
""",
            command="python",
            shows="TypeError: .*got an unexpected keyword argument 'reload'",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")

if __name__ == "__main__":
    mcp.run(transport="sse", stateless_http=True)
""",
            command="python",
            shows="ValueError: SSE transport does not support stateless mode",
        ),
        Example(
            """\
import os

from fastmcp import FastMCP

mcp = FastMCP("desk")

if __name__ == "__main__":
    mcp.run(transport=os.getenv("DESK_TRANSPORT", "stdio"), port=8000)
""",
            command="python",
            shows="TypeError: .*run_stdio_async\\(\\) got an unexpected keyword argument 'port'",
        ),
        Example(
            """\
import argparse

from fastmcp import FastMCP

mcp = FastMCP("desk")

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--transport", default="stdio")
    args = parser.parse_args()
    mcp.run(transport=args.transport, port=8000)
""",
            command="python",
            shows="TypeError: .*run_stdio_async\\(\\) got an unexpected keyword argument 'port'",
        ),
        Example(
            """\
import asyncio

from fastmcp import FastMCP

mcp = FastMCP("desk")

if __name__ == "__main__":
    asyncio.run(mcp.run_stdio_async(port=8000))
""",
            command="python",
            shows="TypeError: .*run_stdio_async\\(\\) got an unexpected keyword argument 'port'",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.tool
def branches() -> list[str]:
    return ["Central", "Harbour"]


mcp.run()
""",
            command="fastmcp inspect",
            shows="Already running asyncio in this thread",
        ),
        Example(
            """\
from fastmcp import FastMCP

print("The desk opens")  # a client of this process reads it as a message
mcp = FastMCP("desk")

if __name__ == "__main__":
    mcp.run()
""",
            does=(
                "import subprocess, sys\n"
                "end = subprocess.DEVNULL\n"
                "server = subprocess.run([sys.executable, __file__], stdin=end, stderr=end, "
                "capture_output=False, stdout=subprocess.PIPE, text=True)\n"
                "print('stdout:', server.stdout)\n"
            ),
            shows="stdout: The desk opens",
            eras=("handshake",),
        ),
        Example(
            """\
from fastmcp import Client, FastMCP

mcp = FastMCP("desk")


async def tools() -> list:
    async with Client("http://127.0.0.1:48107") as client:
        return await client.list_tools()
""",
            does=_serving("http", 48107, "await tools()"),
            shows="MCPError: Not Found",
            eras=("sessionless",),
        ),
        Example(
            """\
from fastmcp import Client


async def tools() -> list:
    async with Client("127.0.0.1:8000/mcp") as client:
        return await client.list_tools()
""",
            does="await tools()",
            shows="ValueError: Could not infer a valid transport from: 127.0.0.1:8000/mcp",
            eras=("sessionless",),
        ),
        Example(
            """\
from fastmcp import Client, FastMCP
from fastmcp.client.transports import SSETransport

mcp = FastMCP("desk")


async def tools() -> list:
    async with Client(SSETransport("http://127.0.0.1:48109/mcp")) as client:
        return await client.list_tools()
""",
            does=_serving("http", 48109, "await tools()"),
            shows="HTTPStatusError: Client error '400 Bad Request'",
            eras=("sessionless",),
        ),
        Example(
            """\
from fastmcp import Client, FastMCP
from fastmcp.client.transports import StreamableHttpTransport

mcp = FastMCP("desk")


async def tools() -> list:
    async with Client(StreamableHttpTransport("http://127.0.0.1:48111/sse")) as client:
        return await client.list_tools()
""",
            does=_serving("sse", 48111, "await tools()"),
            shows="MCPError: Server returned an error response",
            eras=("sessionless",),
        ),
    ),
    "MCP008": (
        Example(
            """\
from fastmcp import FastMCP

from .catalogue import titles

mcp = FastMCP("desk")
mcp.tool(titles)

if __name__ == "__main__":
    mcp.run()
""",
            files={"catalogue.py": 'def titles() -> list[str]:\n    return ["Emma"]\n'},
            command="fastmcp inspect",
            shows="attempted relative import with no known parent package",
        ),
        Example(
            """\
from fastmcp import FastMCP

from . import catalogue

mcp = FastMCP("desk")
mcp.tool(catalogue.titles)

if __name__ == "__main__":
    mcp.run()
""",
            files={"catalogue.py": 'def titles() -> list[str]:\n    return ["Emma"]\n'},
            command="python",
            shows="ImportError: attempted relative import with no known parent package",
        ),
        Example(
            """\
from fastmcp import FastMCP, ToolError

mcp = FastMCP("desk")


@mcp.tool
def lend(isbn: str) -> str:
    raise ToolError(f"no book {isbn}")
""",
            shows="ImportError: cannot import name 'ToolError' from 'fastmcp'",
        ),
        Example(
            """\
from fastmcp import FastMCP

from catalogue import title

mcp = FastMCP("desk")
mcp.tool(title)
""",
            files={"catalogue.py": 'def find_titles() -> list[str]:\n    return ["Emma"]\n'},
            command="fastmcp inspect",
            shows="cannot import name 'title' from 'catalogue'",
        ),
        Example(
            """\
from fastmcp import FastMCP

from library.loans import lend

mcp = FastMCP("desk")
mcp.tool(lend)
""",
            files={"library/__init__.py": "", "library/lending.py": "def lend(isbn: str) -> None: ...\n"},
            command="python",
            shows="ModuleNotFoundError: No module named 'library.loans'",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")

if __name__ == "__main__":
    mcp.run()
""",
            files={"mcp.py": "BRANCH = 'Central'\n"},
            command="python",
            shows="No module named 'mcp.server'; 'mcp' is not a package.*ImportError: FastMCP server support",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")

if __name__ == "__main__":
    mcp.run()
""",
            files={"fastmcp.py": "BRANCH = 'Central'\n"},
            command="python",
            shows="ImportError: cannot import name 'FastMCP' from 'fastmcp'",
        ),
    ),
}

GOOD: dict[str, tuple[Example, ...]] = {
    "MCP001": (
        Example(
            """\
from fastmcp import FastMCP


def create_server() -> FastMCP:
    desk = FastMCP("desk")

    @desk.tool
    def branches() -> list[str]:
        return ["Central", "Harbour"]

    return desk


mcp = create_server()

if __name__ == "__main__":
    mcp.run()
""",
            command="fastmcp inspect",
            shows="desk",
        ),
        Example(  # a library: what starts the server is elsewhere
            """\
from fastmcp import FastMCP


def create_server(branch: str) -> FastMCP:
    return FastMCP(branch)
""",
        ),
        Example(  # one of several servers that another file mounts
            """\
from fastmcp import FastMCP

loans = FastMCP("loans")


@loans.tool
def lend(isbn: str) -> str:
    return f"lent {isbn}"
""",
        ),
        Example(  # only the command line knows what is to be built
            """\
import argparse

from fastmcp import FastMCP


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--branch", default="Central")
    mcp = FastMCP(parser.parse_args().branch)
    mcp.run()


if __name__ == "__main__":
    main()
""",
            command="python",
            shows="Starting MCP server 'Central'",
        ),
        Example(  # a script that talks to a server of its own
            """\
import asyncio

from fastmcp import Client, FastMCP


def create_server() -> FastMCP:
    return FastMCP("desk")


async def main() -> None:
    async with Client(create_server()) as client:
        print(await client.list_tools())


if __name__ == "__main__":
    asyncio.run(main())
""",
            command="python",
            shows=r"^\[\]$",
        ),
        Example(
            """\
from fastmcp import FastMCP

try:
    from branch_settings import NAME
except ImportError:
    NAME = "desk"

if NAME:
    server: FastMCP = FastMCP(NAME)
else:
    server = FastMCP("library")

if __name__ == "__main__":
    server.run()
""",
            command="fastmcp inspect",
            shows="desk",
        ),
    ),
    "MCP007": (
        Example(
            """\
import sys

from fastmcp import Client, FastMCP

print("The desk opens", file=sys.stderr)
mcp = FastMCP("desk")


async def tools() -> list:
    async with Client("http://127.0.0.1:48113/mcp") as client:
        return await client.list_tools()


if __name__ == "__main__":
    mcp.run(transport="http", host="127.0.0.1", port=8000)
""",
            does=_serving("http", 48113, "print(await tools())"),
            shows=r"^\[\]$",
            eras=("sessionless",),
        ),
        Example(  # what may be stdio is asked before
            """\
import os

from fastmcp import FastMCP

mcp = FastMCP("desk")
transport = os.getenv("DESK_TRANSPORT", "stdio")

if __name__ == "__main__":
    if transport == "stdio":
        mcp.run(show_banner=False, log_level="ERROR")
    else:
        print(f"The desk opens on {transport}")
        mcp.run(transport=transport, port=8000)
""",
            command="python",
        ),
        Example(  # options that are not known here
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")
options: dict = {"transport": "stdio"}

if __name__ == "__main__":
    mcp.run(**options)
""",
            command="python",
            shows="transport 'stdio'",
        ),
        Example(  # other things that run
            """\
from fastmcp import FastMCP


class Courier:
    def run(self, van: str, port: int) -> None:
        print(f"{van} leaves for {port}")


mcp = FastMCP("desk")
Courier().run("van 7", port=3)
""",
            shows="^van 7 leaves for 3$",
        ),
    ),
    "MCP008": (
        Example(
            """\
from fastmcp import FastMCP
from fastmcp.exceptions import ToolError

import library
from catalogue import titles
from library.lending import lend

mcp = FastMCP("desk")
mcp.tool(titles)
mcp.tool(lend)


@mcp.tool
def close(branch: str) -> str:
    raise ToolError(f"{branch} is one of {library.BRANCHES}")


if __name__ == "__main__":
    mcp.run()
""",
            files={
                "catalogue.py": 'def titles() -> list[str]:\n    return ["Emma"]\n',
                "library/__init__.py": 'from .branches import BRANCHES\n\n__all__ = ["BRANCHES"]\n',
                "library/branches.py": 'BRANCHES = ["Central"]\n',
                "library/lending.py": (
                    "from . import branches\n\n\n"
                    "def lend(isbn: str) -> str:\n    return branches.BRANCHES[0]\n"
                ),
            },
            command="fastmcp inspect",
            shows="Tools: +3",
        ),
        Example(  # what may be missing
            """\
from typing import TYPE_CHECKING

from fastmcp import FastMCP

try:
    from fastmcp import Librarian
except ImportError:
    Librarian = None

if TYPE_CHECKING:
    from .catalogue import Title

mcp = FastMCP("desk")


@mcp.tool
def ready() -> bool:
    return Librarian is not None


if __name__ == "__main__":
    mcp.run()
""",
            does='print((await client.call_tool("ready")).data)',
            shows="^False$",
        ),
        Example(  # names that only running the module gives it
            """\
from fastmcp import FastMCP

from catalogue import emma

mcp = FastMCP(emma)
""",
            files={"catalogue.py": 'globals().update({"em" + "ma": "Emma"})\n'},
            command="fastmcp inspect",
            shows="Emma",
        ),
    ),
}
