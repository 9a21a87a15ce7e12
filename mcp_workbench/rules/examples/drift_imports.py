"""The examples of MCP101 to MCP105: servers that go wrong, and servers that do not."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mcp_workbench.rules.drift_imports import INVENTED, MODULES, NAMES, SDK_1, Moved
from mcp_workbench.rules.rule import Example


def _desk(statement: str, shows: str = "") -> Example:
    """A desk whose first statement is an import."""
    known = re.search(r"\bFastMCP\b", statement)
    imports = statement if known else f"{statement}\nfrom fastmcp import FastMCP"
    return Example(f'{imports}\n\nmcp = FastMCP("desk")\n', shows=shows)


def _rows(rows: Iterable[Moved]) -> tuple[Example, ...]:
    """An example for each row of a table: the first import that fails hides those behind it."""
    found = []
    for row in rows:
        if row.names:
            statement = f"from {row.module} import {', '.join(row.names)}"
            shows = rf"ImportError: .*'{row.names[0]}'|ModuleNotFoundError: No module named '\w+\."
        else:
            statement = f"import {row.module}" + (" as moved" if row.exact else "")
            shows = r"ModuleNotFoundError: No module named '\w+\."
        found.append(_desk(statement, shows))
    return tuple(found)


SDK_1_BAD = """\
from mcp.server.fastmcp import FastMCP, Context

mcp = FastMCP("desk")


@mcp.tool
async def lend(book: str, ctx: Context) -> str:
    await ctx.info(f"lending {book}")
    return f"{book}: until Friday"
"""

TAKEN_BY_ATTRIBUTE = """\
from fastmcp import FastMCP
from mcp import types

mcp = FastMCP("desk")


@mcp.tool
def cover(book: str) -> list[types.Content]:
    return [types.TextContent(type="text", text=f"the cover of {book}")]
"""

NO_FALLBACK = """\
try:
    from mcp.server.fastmcp import FastMCP
except ImportError as error:
    raise SystemExit("pip install mcp") from error

mcp = FastMCP("desk")
"""

SDK_1_GOOD = """\
import mcp.types
from fastmcp import Context, FastMCP
from fastmcp.exceptions import McpError
from fastmcp.utilities.types import Image
from mcp import types
from mcp.server import Server
from mcp.server.session import ServerSession
from mcp.types import ContentBlock, TextContent

server = FastMCP("desk")


@server.tool
async def lend(book: str, ctx: Context) -> list[ContentBlock]:
    await ctx.info(f"lending {book}")
    return [types.TextContent(type="text", text=f"{book}: until Friday")]


mcp = server
"""

FALLBACK = """\
try:
    from mcp.server.fastmcp import FastMCP
except ImportError:
    from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.tool
def shelf(book: str) -> str:
    return f"{book}: shelf 7"
"""

LEND = 'print((await client.call_tool("lend", {"book": "Emma"})).content[0].text)'

ASK_SHELF = 'print((await client.call_tool("shelf", {"book": "Emma"})).data)'

MODULES_BAD = """\
from fastmcp import FastMCP
from fastmcp.server.openapi import MCPType, RouteMap

SPEC = {
    "openapi": "3.1.0",
    "info": {"title": "branches", "version": "1"},
    "servers": [{"url": "https://library.example"}],
    "paths": {},
}

mcp = FastMCP.from_openapi(SPEC, route_maps=[RouteMap(methods=["GET"], mcp_type=MCPType.RESOURCE)])
"""

MODULES_GOOD = """\
import fastmcp.tools as kinds
from fastmcp import FastMCP
from fastmcp.prompts import prompt
from fastmcp.resources import resource
from fastmcp.server.providers import openapi
from fastmcp.server.providers.openapi import MCPType, RouteMap
from fastmcp.server.providers.proxy import FastMCPProxy
from fastmcp.tools import Tool, tool
from fastmcp.utilities import types

mcp = FastMCP("desk")


@tool
def shelf(book: str) -> str:
    return f"{book}: shelf 7"


mcp.add_tool(shelf)
"""

OPTIONAL = """\
from typing import TYPE_CHECKING

from fastmcp import FastMCP

if TYPE_CHECKING:
    from fastmcp.server.proxy import FastMCPProxy

try:
    from fastmcp.server.openapi import RouteMap
except ModuleNotFoundError:
    RouteMap = None

mcp = FastMCP("desk")


@mcp.tool
def can_map() -> bool:
    return RouteMap is not None
"""

NAMES_BAD = """\
from fastmcp import FastMCP, Image

mcp = FastMCP("desk")


@mcp.tool
def cover(book: str) -> Image:
    return Image(path=f"covers/{book}.png")
"""

NAMES_BY_ATTRIBUTE = """\
import fastmcp

mcp = fastmcp.FastMCP("desk")


@mcp.tool
def cover(book: str):
    return fastmcp.Image(path=f"covers/{book}.png")
"""

NAMES_GOOD = """\
import fastmcp
from fastmcp import FastMCP
from fastmcp.server.auth import JWTVerifier
from fastmcp.server.providers import SkillsDirectoryProvider
from fastmcp.utilities.types import Image

mcp = FastMCP("desk")


class Cover:
    Image = "cover.png"


@mcp.tool
def cover(book: str) -> str:
    return Cover.Image
"""

INVENTED_BAD = """\
from fastmcp import FastMCP
from fastmcp.middleware.rate_limiting import RateLimitingMiddleware

mcp = FastMCP("desk")
mcp.add_middleware(RateLimitingMiddleware(max_requests_per_second=10))
"""

ASKS = """\
from fastmcp import Context, FastMCP

mcp = FastMCP("desk")


@mcp.tool
async def lend(book: str, ctx: Context) -> str:
    {line}
    return f"{{book}}: until Friday"
"""

DECORATED = """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


{decorator}
async def before(context, call_next):
    return await call_next(context)
"""

ADDED = """\
from fastmcp import FastMCP
from fastmcp.server.middleware.timing import TimingMiddleware

mcp = FastMCP("desk")
mcp.middleware(TimingMiddleware())
"""

STARTS = """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.lifespan()
async def opens():
    print("the desk opens")


@mcp.tool
def shelf(book: str) -> str:
    return f"{book}: shelf 7"
"""

INVENTED_GOOD = """\
from contextlib import asynccontextmanager

from fastmcp import Context, FastMCP
from fastmcp.server.middleware import Middleware, MiddlewareContext
from fastmcp.server.middleware.rate_limiting import RateLimitingMiddleware


@asynccontextmanager
async def lifespan(server: FastMCP):
    yield {"shelf": 7}


class Counts(Middleware):
    async def on_call_tool(self, context: MiddlewareContext, call_next):
        await context.fastmcp_context.set_state("counted", True)
        return await call_next(context)


mcp = FastMCP("desk", lifespan=lifespan, middleware=[RateLimitingMiddleware(), Counts()])
count = len(mcp.middleware)


@mcp.tool
async def shelf(book: str, ctx: Context) -> str:
    return f"{book}: shelf {ctx.lifespan_context['shelf']}, {await ctx.get_state('counted')}"
"""

SWITCHED_OFF = """\
from fastmcp import FastMCP

try:
    from fastmcp.testing import TestClient
except ImportError:
    TestClient = None

mcp = FastMCP("desk")
"""


def _asks(line: str, attribute: str) -> Example:
    return Example(
        ASKS.format(line=line),
        does='await client.call_tool("lend", {"book": "Emma"})',
        shows=f"ToolError: .*'Context' object has no attribute '{attribute}'",
    )


NOT_CALLABLE = "TypeError: 'list' object is not callable"

HTTPX_BAD = """\
# /// script
# dependencies = ["fastmcp>=4"]
# ///
import httpx
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.tool
async def opening_hours(branch: str) -> str:
    async with httpx.AsyncClient() as client:
        return (await client.get(f"https://library.example/{branch}")).text
"""

# Where httpx is installed for another reason the import works: what FastMCP brings is read from metadata.
BROUGHT = """\
from importlib.metadata import PackageNotFoundError, requires
from packaging.requirements import Requirement
found, wanted = set(), [("fastmcp", "")]
while wanted:
    name, extra = wanted.pop()
    if (name, extra) in found:
        continue
    found.add((name, extra))
    try:
        lines = requires(name) or []
    except PackageNotFoundError:
        continue
    for one in map(Requirement, lines):
        if one.marker is None or one.marker.evaluate({"extra": extra}):
            wanted += [(one.name.lower(), part) for part in ("", *one.extras)]
names = {name for name, _ in found}
print("fastmcp brings httpx:", "httpx" in names, "and httpx2:", "httpx2" in names)
"""

ONLY_HTTPX2 = "fastmcp brings httpx: False and httpx2: True"

BAD: dict[str, tuple[Example, ...]] = {
    "MCP101": (
        Example(SDK_1_BAD, shows="ModuleNotFoundError: No module named 'mcp.server.fastmcp'"),
        *_rows(SDK_1),
        _desk("from mcp import McpError, types", "ImportError: cannot import name 'McpError' from 'mcp'"),
        Example(TAKEN_BY_ATTRIBUTE, shows="AttributeError: module 'mcp.types' has no attribute 'Content'"),
        Example(NO_FALLBACK, shows="SystemExit: pip install mcp"),
    ),
    "MCP102": (
        Example(MODULES_BAD, shows="ModuleNotFoundError: No module named 'fastmcp.server.openapi'"),
        *_rows(MODULES),
        _desk("from fastmcp.server import openapi", "ImportError: cannot import name 'openapi'"),
        _desk("import fastmcp.server.proxy", "ModuleNotFoundError: No module named 'fastmcp.server.proxy'"),
        _desk(
            "from fastmcp.tools.tool import *", "ModuleNotFoundError: No module named 'fastmcp.tools.tool'"
        ),
    ),
    "MCP103": (
        Example(NAMES_BAD, shows="ImportError: cannot import name 'Image' from 'fastmcp'"),
        *_rows(NAMES),
        Example(
            NAMES_BY_ATTRIBUTE,
            does='await client.call_tool("cover", {"book": "Emma"})',
            shows="ToolError: .*module 'fastmcp' has no attribute 'Image'",
        ),
        _desk(
            "from fastmcp.server.middleware.tool_injection import (\n"
            "    PromptToolMiddleware,\n    ToolInjectionMiddleware,\n)",
            "ImportError: cannot import name 'PromptToolMiddleware'",
        ),
    ),
    "MCP104": (
        Example(INVENTED_BAD, shows="ModuleNotFoundError: No module named 'fastmcp.middleware'"),
        *_rows(INVENTED),
        _asks('await ctx.fastmcp_context.info("lending")', "fastmcp_context"),
        _asks('await ctx.request_sampling(messages=["how long?"])', "request_sampling"),
        _asks('await ctx.request_elicitation("how long?")', "request_elicitation"),
        Example(DECORATED.format(decorator="@mcp.middleware"), shows=NOT_CALLABLE),
        Example(DECORATED.format(decorator='@mcp.middleware("tools")'), shows=NOT_CALLABLE),
        Example(ADDED, shows=NOT_CALLABLE),
        Example(
            DECORATED.format(decorator="@mcp.lifespan"),
            shows=r"TypeError: AggregateProvider.lifespan\(\) takes 1 positional argument but 2 were given",
        ),
        Example(STARTS, does=ASK_SHELF, shows=r"\AEmma: shelf 7$"),  # and nothing opened
    ),
    "MCP105": (
        Example(HTTPX_BAD, does=BROUGHT, shows=ONLY_HTTPX2),
        Example(
            HTTPX_BAD.replace("import httpx\n", "from httpx import AsyncClient, Timeout\n").replace(
                "httpx.AsyncClient", "AsyncClient"
            ),
            does=BROUGHT,
            shows=ONLY_HTTPX2,
        ),
    ),
}

GOOD: dict[str, tuple[Example, ...]] = {
    "MCP101": (
        Example(SDK_1_BAD.replace("mcp.server.fastmcp", "fastmcp"), does=LEND, shows="Emma: until Friday"),
        Example(
            SDK_1_GOOD,
            does=LEND,
            shows="Emma: until Friday",
        ),
        Example(FALLBACK, does=ASK_SHELF, shows="Emma: shelf 7"),
    ),
    "MCP102": (
        Example(MODULES_BAD.replace("fastmcp.server.openapi", "fastmcp.server.providers.openapi")),
        Example(MODULES_GOOD, does=ASK_SHELF, shows="Emma: shelf 7"),
        Example(OPTIONAL, does='print((await client.call_tool("can_map")).data)', shows="False"),
    ),
    "MCP103": (
        Example(
            NAMES_BAD.replace("FastMCP, Image", "FastMCP\nfrom fastmcp.utilities.types import Image"),
        ),
        Example(
            NAMES_GOOD,
            does='print((await client.call_tool("cover", {"book": "Emma"})).data)',
            shows="cover.png",
        ),
    ),
    "MCP104": (
        Example(INVENTED_BAD.replace("fastmcp.middleware", "fastmcp.server.middleware")),
        Example(INVENTED_GOOD, does=ASK_SHELF, shows="Emma: shelf 7, True"),
        Example(SWITCHED_OFF),
    ),
    "MCP105": (
        Example(HTTPX_BAD.replace('4"]', '4", "HTTPX[http2]>=0.28; python_version > \'3\'"]')),
        Example(HTTPX_BAD.replace("import httpx\n", "import httpx2\n").replace("httpx.", "httpx2.")),
        Example(HTTPX_BAD.replace('4"]', '4", "openai>=1"]')),
        Example(HTTPX_BAD.replace("fastmcp>=4", "mcp-desk")),
        Example(HTTPX_BAD.partition("# ///\n")[2]),  # what is declared is not known
        Example(
            HTTPX_BAD.replace(
                "import httpx\n",
                "try:\n    import httpx\nexcept ImportError:\n    import httpx2 as httpx\n",
            )
        ),
    ),
}
