"""The examples of MCP002: servers that go wrong, and servers that do not."""

from __future__ import annotations

from mcp_workbench.rules.rule import Example

BAD: dict[str, tuple[Example, ...]] = {
    "MCP002": (
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


async def find(title: str) -> str:
    return f"{title} is on shelf 4"


@mcp.tool
def where(title: str) -> str:
    return await find(title)
""",
            shows="SyntaxError: 'await' outside async function",
        ),
        Example(
            """\
from fastmcp import Client, FastMCP

mcp = FastMCP("desk")
partner = FastMCP("partner")


@mcp.tool
def partner_tools() -> int:
    async with Client(partner) as client:
        return len(await client.list_tools())
""",
            shows="SyntaxError: '(async with|await)' outside async function",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")

print(await mcp.list_tools())  # fine in a notebook's cell
""",
            shows="SyntaxError: 'await' outside function",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


def shelf(title: str) -> str:
    return f"{title} is on shelf 4"


@mcp.tool
async def where(title: str) -> str:
    return await shelf(title)
""",
            does='print((await client.call_tool("where", {"title": "Emma"})).data)',
            shows="object str can't be used in 'await' expression",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")
loans = FastMCP("loans")


async def build() -> None:
    await mcp.mount(loans)
""",
            does="await build()",
            shows="TypeError: object .* can't be used in 'await' expression",
            eras=("sessionless",),
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


async def find(title: str) -> str:
    return f"{title} is on shelf 4"


@mcp.tool
def where(title: str) -> dict:
    return {"title": title, "shelf": find(title)}
""",
            does='print((await client.call_tool("where", {"title": "Emma"})).data)',
            shows="ToolError: Could not serialize the return value of tool 'where'.*<class 'coroutine'>",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


async def find(title: str) -> str:
    return f"{title} is on shelf 4"


@mcp.tool
async def where(title: str) -> str:
    return find(title)
""",
            does='print((await client.call_tool("where", {"title": "Emma"})).data)',
            shows="ToolError: Could not serialize the return value of tool 'where'.*<class 'coroutine'>",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


async def find(title: str) -> str:
    return f"{title} is on shelf 4"


@mcp.tool
async def where(title: str) -> str:
    shelf = find(title)
    return f"Look here: {shelf}"
""",
            does='print((await client.call_tool("where", {"title": "Emma"})).data)',
            shows="Look here: <coroutine object find",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")
shelves: dict[str, int] = {}


async def shelve(title: str) -> None:
    shelves[title] = 4


@mcp.tool
async def take_back(title: str) -> str:
    shelve(title)
    return f"{title} is on shelf {shelves.get(title)}"
""",
            does='print((await client.call_tool("take_back", {"title": "Emma"})).data)',
            shows="Emma is on shelf None",
        ),
        Example(
            """\
from fastmcp import Context, FastMCP

mcp = FastMCP("desk")


@mcp.tool
async def lend(isbn: str, ctx: Context) -> str:
    ctx.report_progress(1, 2)
    ctx.info(f"lending {isbn}")
    return isbn
""",
            does=(
                "async def log(message):\n"
                '    print("logged", message.data)\n'
                "\n"
                "async def progress(done, total, message):\n"
                '    print("progress", done)\n'
                "\n"
                "async with Client(mcp, mode=mode, log_handler=log, progress_handler=progress) as reader:\n"
                '    await reader.call_tool("lend", {"isbn": "0141439580"})\n'
                '    print("the client was told nothing")\n'
            ),
            shows="RuntimeWarning: coroutine 'Context.(info|report_progress)' was never awaited",
            finds=2,
        ),
        Example(
            """\
from fastmcp import Client, FastMCP

mcp = FastMCP("desk")


@mcp.tool
def branches() -> list[str]:
    return ["Central", "Harbour"]


async def first() -> str:
    async with Client(mcp) as client:
        result = client.call_tool("branches")
        return result.data[0]
""",
            does="print(await first())",
            shows="AttributeError: 'coroutine' object has no attribute 'data'",
            eras=("sessionless",),
        ),
        Example(
            """\
import asyncio

from fastmcp import FastMCP

mcp = FastMCP("desk")


async def find(title: str) -> str:
    return f"{title} is on shelf 4"


@mcp.tool
async def where(title: str) -> str:
    return asyncio.run(find(title))
""",
            does='print((await client.call_tool("where", {"title": "Emma"})).data)',
            shows=r"ToolError: .*asyncio.run\(\) cannot be called from a running event loop",
        ),
        Example(
            """\
import asyncio

from fastmcp import FastMCP

mcp = FastMCP("desk")


async def find(title: str) -> str:
    return f"{title} is on shelf 4"


@mcp.tool
async def where(title: str) -> str:
    return asyncio.get_event_loop().run_until_complete(find(title))
""",
            does='print((await client.call_tool("where", {"title": "Emma"})).data)',
            shows="ToolError: .*This event loop is already running",
        ),
        Example(
            """\
import asyncio

from fastmcp import FastMCP

mcp = FastMCP("desk")


async def find(title: str) -> str:
    return f"{title} is on shelf 4"


@mcp.tool
def where(title: str) -> str:
    return asyncio.get_event_loop().run_until_complete(find(title))
""",
            does='print((await client.call_tool("where", {"title": "Emma"})).data)',
            shows="There is no current event loop in thread 'AnyIO worker thread'",
        ),
        Example(
            """\
import asyncio

from fastmcp import FastMCP

mcp = FastMCP("desk")


async def remind(reader: str) -> None:
    await asyncio.sleep(0)


@mcp.tool
def lend(isbn: str, reader: str) -> str:
    asyncio.create_task(remind(reader))
    return isbn
""",
            does='print((await client.call_tool("lend", {"isbn": "0141439580", "reader": "Ada"})).data)',
            shows="ToolError: .*no running event loop",
        ),
        Example(
            """\
import asyncio

from fastmcp import FastMCP

mcp = FastMCP("desk")


async def main() -> None:
    mcp.run()


if __name__ == "__main__":
    asyncio.run(main())
""",
            command="python",
            shows="RuntimeError: Already running asyncio in this thread",
        ),
        Example(
            """\
import asyncio

from fastmcp import FastMCP

mcp = FastMCP("desk")

if __name__ == "__main__":
    asyncio.run(mcp.run())
""",
            command="python",
            shows="ValueError: a coroutine was expected, got None",
        ),
        Example(
            """\
import time

from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.tool
async def stocktake(branch: str) -> str:
    time.sleep(0.4)
    return f"{branch} is complete"
""",
            does=(
                "import asyncio, time\n"
                "start = time.perf_counter()\n"
                'calls = [client.call_tool("stocktake", {"branch": b}) for b in ("Central", "Harbour")]\n'
                "await asyncio.gather(*calls)\n"
                'print("one after the other" if time.perf_counter() - start > 0.75 else "together")\n'
            ),
            shows="^one after the other$",
        ),
    ),
}

GOOD: dict[str, tuple[Example, ...]] = {
    "MCP002": (
        Example(
            """\
import asyncio
import time

from fastmcp import Context, FastMCP

mcp = FastMCP("desk")


async def find(title: str) -> str:
    return f"{title} is on shelf 4"


@mcp.tool
async def where(title: str, ctx: Context) -> str:
    await ctx.info(f"looking for {title}")
    await asyncio.sleep(0.01)
    return await find(title)


@mcp.tool
def where_sync(title: str) -> str:
    time.sleep(0.01)  # in a thread of its own
    return asyncio.run(find(title))


async def main() -> None:
    await mcp.run_async()


if __name__ == "__main__":
    asyncio.run(main())
""",
            does=(
                'print((await client.call_tool("where", {"title": "Emma"})).data)\n'
                'print((await client.call_tool("where_sync", {"title": "Emma"})).data)\n'
            ),
            shows="Emma is on shelf 4.*Emma is on shelf 4",
        ),
        Example(  # FastMCP awaits what a sync tool returns
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


async def find(title: str) -> str:
    return f"{title} is on shelf 4"


@mcp.tool
def where(title: str) -> str:
    return find(title)
""",
            does='print((await client.call_tool("where", {"title": "Emma"})).data)',
            shows="^Emma is on shelf 4$",
        ),
        Example(  # coroutines that are awaited later
            """\
import asyncio
from collections.abc import Awaitable

from fastmcp import FastMCP

mcp = FastMCP("desk")


async def find(title: str) -> str:
    return f"{title} is on shelf 4"


@mcp.tool
async def where(titles: list[str]) -> list[str]:
    last = find(titles[-1])
    task = asyncio.create_task(find(titles[0]))
    rest: list[Awaitable[str]] = [find(title) for title in titles[1:-1]]
    return [await task, *await asyncio.gather(*rest), await last]
""",
            does='print((await client.call_tool("where", {"titles": ["Emma", "Dune", "Ulysses"]})).data)',
            shows="Emma is on shelf 4.*Dune.*Ulysses",
        ),
        Example(  # who asks for a loop, makes one, or leaves the thread
            """\
import asyncio

from fastmcp import FastMCP

mcp = FastMCP("desk")


async def find(title: str) -> str:
    return f"{title} is on shelf 4"


def find_now(title: str) -> str:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(find(title))
    return title


@mcp.tool
def where(title: str) -> str:
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        with asyncio.Runner() as runner:
            return runner.run(find(title))
    return f"{title}, said {loop}"


@mcp.tool
async def where_else(title: str) -> str:
    return await asyncio.to_thread(lambda: asyncio.run(find(title)))
""",
            does=(
                'print((await client.call_tool("where", {"title": "Emma"})).data)\n'
                'print((await client.call_tool("where_else", {"title": "Emma"})).data)\n'
            ),
            shows="Emma is on shelf 4.*Emma is on shelf 4",
        ),
        Example(  # what only looks like a coroutine
            """\
from collections.abc import AsyncIterator

from fastmcp import Client, FastMCP

mcp = FastMCP("desk")


async def titles() -> AsyncIterator[str]:
    yield "Emma"


def shelf(title: str) -> str:
    async def later() -> str:
        return title

    def shelf() -> str:
        return f"{title} is on shelf 4"

    return shelf()


@mcp.tool
async def catalogue() -> list[str]:
    found = titles()
    return [shelf(title) async for title in found]


async def tools() -> list:
    client = Client(mcp)
    async with client:
        return await client.list_tools()
""",
            does='print((await client.call_tool("catalogue", {})).data)',
            shows="Emma is on shelf 4",
        ),
    ),
}
