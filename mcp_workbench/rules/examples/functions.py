"""The examples of MCP003 to MCP006: servers that go wrong, and servers that do not."""

from __future__ import annotations

from mcp_workbench.rules.rule import Example

BAD: dict[str, tuple[Example, ...]] = {
    "MCP003": (
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.tool
async def lend(isbn: str, ctx) -> str:
    await ctx.report_progress(1, 1)
    return f"lent {isbn}"
""",
            does='print((await client.call_tool("lend", {"isbn": "0141439580"})).data)',
            shows=r"ctx\s+Missing required argument",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.tool
async def lend(isbn: str, context) -> str:
    await context.info(f"lending {isbn}")
    return f"lent {isbn}"
""",
            does='print((await client.call_tool("lend", {"isbn": "0141439580", "context": "Ada"})).data)',
            shows="'str' object has no attribute 'info'",
        ),
        Example(
            """\
from contextvars import Context

from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.tool
async def lend(isbn: str, ctx: Context) -> str:
    return f"lent {isbn}"
""",
            shows="PydanticSchemaGenerationError: .* schema for <class '_contextvars.Context'>",
        ),
        Example(
            """\
from __future__ import annotations

from typing import TYPE_CHECKING

from fastmcp import FastMCP

if TYPE_CHECKING:
    from fastmcp import Context

mcp = FastMCP("desk")


@mcp.tool
async def lend(isbn: str, ctx: Context) -> str:
    await ctx.info(f"lending {isbn}")
    return f"lent {isbn}"
""",
            shows="NameError: name 'Context' is not defined",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.tool
async def lend(isbn: str, ctx: "Context") -> str:
    await ctx.info(f"lending {isbn}")
    return f"lent {isbn}"
""",
            shows="NameError: name 'Context' is not defined",
        ),
        Example(
            """\
from typing import Any

from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.tool
async def lend(isbn: str, ctx: Any) -> str:
    await ctx.report_progress(1, 1)
    return f"lent {isbn}"
""",
            does='print((await client.call_tool("lend", {"isbn": "0141439580"})).data)',
            shows=r"ctx\s+Missing required argument",
        ),
        Example(
            """\
from fastmcp import FastMCP
from mcp.server.mcpserver import Context

mcp = FastMCP("desk")


@mcp.tool
async def lend(isbn: str, ctx: Context) -> str:
    await ctx.info(f"lending {isbn}")
    return f"lent {isbn}"
""",
            does='print((await client.call_tool("lend", {"isbn": "0141439580"})).data)',
            shows=r"ctx\s+Missing required argument",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.resource("desk://opening-hours")
async def opening_hours(ctx) -> str:
    await ctx.info("somebody asks when we open")
    return "9 to 17"
""",
            shows="ValueError: URI template must contain at least one parameter",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.prompt
async def recommend(genre: str, ctx) -> str:
    return f"Recommend a book: {genre}. Request {ctx.request_id}."
""",
            does='await client.get_prompt("recommend", {"genre": "crime"})',
            shows="Missing required arguments: {'ctx'}|ctx",
        ),
    ),
    "MCP004": (
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.resource("config")
def config() -> str:
    return "{}"
""",
            shows="ValidationError: .*relative URL without a base",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.resource("users/{user_id}")
def user(user_id: str) -> str:
    return user_id
""",
            does='await client.read_resource("users/7")',
            shows="ValueError: Provided resource URI is invalid: 'users/7'",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.resource("my_desk://config")
def config() -> str:
    return "{}"
""",
            shows="ValidationError: .*relative URL without a base",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.resource("my_desk://users/{user_id}")
def user(user_id: str) -> str:
    return user_id
""",
            does='await client.read_resource("my_desk://users/7")',
            shows="ValueError: Provided resource URI is invalid: 'my_desk://users/7'",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.resource
def config() -> str:
    return "{}"
""",
            shows="TypeError: The @resource decorator was used incorrectly",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")
BRANCH = "central"


@mcp.resource(f"branches/{BRANCH}")
def branch() -> str:
    return "9 to 17"
""",
            shows="ValidationError: .*relative URL without a base",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.resource("file://hours.txt")
def hours() -> str:
    return "9 to 17"
""",
            does="print([str(found.uri) for found in await client.list_resources()])",
            shows=r"^\['file://hours.txt/'\]$",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.resource("file://{name}")
def page(name: str) -> str:
    return name
""",
            does='await client.read_resource("file://hours.txt")',
            shows="MCPError: Resource not found: 'file://hours.txt/'",
        ),
    ),
    "MCP005": (
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.resource("user://{user_id}")
def user(id: str) -> str:
    return id
""",
            shows="Required function arguments {'id'} must be a subset of .* parameters {'user_id'}",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.resource("user://{user_id}")
def user() -> str:
    return "Ada"
""",
            shows=r"URI parameters {'user_id'} must be a subset of the function arguments: set\(\)",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.resource("user://{user_id}")
def user(user_id: str, branch: str) -> str:
    return f"{user_id} of {branch}"
""",
            shows="Required function arguments .* must be a subset of the URI path parameters {'user_id'}",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.resource("user://everybody")
def everybody(branch: str) -> str:
    return branch
""",
            shows="ValueError: URI template must contain at least one parameter",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.resource("desk://loans/{branch}{?limit}")
def loans(branch: str, limit: int) -> str:
    return f"{limit} of {branch}"
""",
            shows="Query parameters {'limit'} must be optional function parameters with default values",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.resource("desk://search?text={text}")
def search(text: str) -> str:
    return text
""",
            does='await client.read_resource("desk://search?text=emma")',
            shows=r"MCPError: Resource not found: 'desk://search\?text=emma'",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.resource("desk://loans/{branch}{?limit}{?page}")
def loans(branch: str, limit: int = 10, page: int = 1) -> str:
    return f"page {page}"
""",
            does='print((await client.read_resource("desk://loans/central?limit=5&page=3"))[0].text)',
            shows="^page 1$",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.resource("desk://{isbn}/copies/{isbn}")
def copy(isbn: str) -> str:
    return isbn
""",
            does='await client.read_resource("desk://0141439580/copies/0141439580")',
            shows="MCPError: Resource not found",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.resource("user://{user id}")
def user(user_id: str) -> str:
    return user_id
""",
            shows="ValueError: URI template must contain at least one parameter",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.resource("user://{user_id:int}")
def user(user_id: int) -> str:
    return str(user_id)
""",
            shows="ValueError: URI template must contain at least one parameter",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.resource("user://{user_id}")
def user(*user_id: str) -> str:
    return str(user_id)
""",
            shows=r"ValueError: Functions with \*args are not supported as resource templates",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.resource("user://{user_id}")
def user(user_id: str, /) -> str:
    return user_id
""",
            shows="ValueError: Functions with positional-only parameters are not supported",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.resource("loan://{user-id}/{user_id}")
def loan(user_id: str) -> str:
    return user_id
""",
            shows="ValueError: .* both normalize to 'user_id'",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.resource("desk://loans{?limit*}")
def loans(limit: int = 10) -> str:
    return str(limit)
""",
            shows="ValueError: Query parameter 'limit' uses the RFC 6570 explode modifier",
        ),
    ),
    "MCP006": (
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.tool
def search(filters: dict = None) -> str:
    return str(filters or "all")
""",
            does='print((await client.call_tool("search", {"filters": None})).data)',
            shows=r"Input should be a valid dictionary \[type=dict_type, input_value=None",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.tool
def search(title: str, limit: int = None) -> str:
    return f"{title}, {limit}"
""",
            does='print((await client.call_tool("search", {"title": "Emma", "limit": None})).data)',
            shows=r"Input should be a valid integer \[type=int_type, input_value=None",
        ),
        Example(
            """\
from typing import Annotated

from fastmcp import FastMCP
from pydantic import Field

mcp = FastMCP("desk")


@mcp.tool
def search(author: Annotated[str, Field(description="a surname")] = None) -> str:
    return str(author)
""",
            does='print((await client.call_tool("search", {"author": None})).data)',
            shows=r"Input should be a valid string \[type=string_type, input_value=None",
        ),
        Example(
            """\
from fastmcp import FastMCP
from pydantic import Field

mcp = FastMCP("desk")


@mcp.tool
def search(branches: list[str] = Field(None, max_length=3)) -> str:
    return str(branches)
""",
            does='print((await client.call_tool("search", {"branches": None})).data)',
            shows=r"Input should be a valid list \[type=list_type, input_value=None",
        ),
        Example(
            """\
from typing import Literal

from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.tool
def search(order: Literal["title", "year"] = "author") -> str:
    return order
""",
            does='print((await client.call_tool("search", {})).data)',
            shows="^author$",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.tool
def search(limit: int = "ten") -> str:
    return f"{limit!r} titles"
""",
            does='print((await client.call_tool("search", {})).data)',
            shows="^'ten' titles$",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.tool
def search(filters: dict = []) -> str:
    return repr(filters)
""",
            does='print((await client.call_tool("search", {})).data)',
            shows=r"^\[\]$",
        ),
        Example(
            """\
from fastmcp import FastMCP
from pydantic import BaseModel


class Filters(BaseModel):
    author: str = ""


mcp = FastMCP("desk")


@mcp.tool
def search(filters: Filters = None) -> str:
    return "all" if filters is None else filters.author
""",
            does='print((await client.call_tool("search", {"filters": None})).data)',
            shows="Input should be a valid dictionary or instance of Filters",
        ),
    ),
}

GOOD: dict[str, tuple[Example, ...]] = {
    "MCP003": (
        Example(
            """\
from fastmcp import Context, FastMCP

mcp = FastMCP("desk")


@mcp.tool
async def lend(isbn: str, ctx: Context) -> str:
    await ctx.report_progress(1, 1)
    return f"lent {isbn}"


@mcp.tool
async def take_back(isbn: str, ctx: Context | None = None) -> str:
    if ctx is not None:
        await ctx.info(f"{isbn} is back")
    return f"took {isbn}"
""",
            does=(
                'print((await client.call_tool("lend", {"isbn": "0141439580"})).data)\n'
                "print([list(tool.input_schema['properties']) for tool in await client.list_tools()])\n"
            ),
            shows=r"lent 0141439580.*\[\['isbn'\], \['isbn'\]\]",
        ),
        Example(  # other ways to get it, and arguments of that name
            """\
from fastmcp import FastMCP
from fastmcp.dependencies import CurrentContext, Depends
from fastmcp.server.context import Context as Ctx
from fastmcp.server.dependencies import get_context

mcp = FastMCP("desk")


@mcp.tool
async def lend(isbn: str, ctx=CurrentContext()) -> str:
    await ctx.report_progress(1, 1)
    return f"lent {isbn}"


@mcp.tool
async def take_back(isbn: str, ctx: "Ctx") -> str:
    await ctx.report_progress(1, 1)
    return f"took {isbn}"


@mcp.tool
async def reserve(isbn: str, ctx=Depends(get_context)) -> str:
    await ctx.report_progress(1, 1)
    return f"reserved {isbn}"


@mcp.tool
def summarize(context: str, log: list[str]) -> str:
    return context.upper()


@mcp.tool
def read(context) -> str:
    return str(context)
""",
            does=(
                'print((await client.call_tool("reserve", {"isbn": "0141439580"})).data)\n'
                'print((await client.call_tool("read", {"context": "a page"})).data)\n'
            ),
            shows="reserved 0141439580.*a page",
        ),
    ),
    "MCP004": (
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.resource("data://config")
def config() -> str:
    return "{}"


@mcp.resource("user://{user_id}")
def user(user_id: str) -> str:
    return user_id
""",
            does='print((await client.read_resource("user://7"))[0].text)',
            shows="^7$",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")
BRANCH = "central"
HOURS = "file:///srv/hours.txt"


@mcp.resource("{kind}://catalogue")
def catalogue(kind: str) -> str:
    return kind


@mcp.resource(f"branch+{BRANCH}://hours")
def hours() -> str:
    return "9 to 17"


@mcp.resource(HOURS)
def file() -> str:
    return "9 to 17"
""",
            does='print((await client.read_resource("books://catalogue"))[0].text, (await client.read_resource("file:///srv/hours.txt"))[0].text)',
            shows="^books 9 to 17$",
        ),
    ),
    "MCP005": (
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.resource("user://{user-id}")
def user(user_id: str) -> str:
    return user_id


@mcp.resource("desk://loans/{branch}{?limit,tags*}")
def loans(branch: str, limit: int = 10, tags: list[str] | None = None) -> str:
    return f"{limit} of {branch}, {tags}"


@mcp.resource("desk://files/{path*}")
def file(path: str, encoding: str = "utf-8") -> str:
    return path


@mcp.resource("desk://any/{name}")
def anything(**names: str) -> str:
    return str(names)


@mcp.resource("desk://search?text=emma")
def emma() -> str:
    return "Emma"
""",
            does=(
                'print((await client.read_resource("desk://loans/central?limit=5&tags=a&tags=b"))[0].text)\n'
                'print((await client.read_resource("desk://search?text=emma"))[0].text)\n'
            ),
            shows=r"5 of central, \['a', 'b'\].*Emma",
        ),
        Example(  # what the server fills in is not in the address
            """\
from typing import Annotated

from fastmcp import Context, FastMCP
from fastmcp.dependencies import Depends
from pydantic import Field

mcp = FastMCP("desk")


def branch() -> str:
    return "Central"


@mcp.resource("desk://hours")
def hours(ctx: Context, where: str = Depends(branch)) -> str:
    return f"{where}: 9 to 17"


@mcp.resource("user://{user_id}")
def user(user_id: Annotated[str, Field(description="a card's number")], ctx: Context | None = None) -> str:
    return user_id


@mcp.resource("desk://loans{?limit}")
def loans(limit: int = Field(10, ge=1)) -> str:
    return str(limit)
""",
            does=(
                'print((await client.read_resource("desk://hours"))[0].text)\n'
                'print((await client.read_resource("user://7"))[0].text)\n'
            ),
            shows="Central: 9 to 17.*7",
        ),
    ),
    "MCP006": (
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.tool
def search(filters: dict | None = None, limit: int = 10, exact: bool = False) -> str:
    return f"{filters} {limit} {exact}"
""",
            does='print((await client.call_tool("search", {"filters": None, "limit": "3"})).data)',
            shows="^None 3 False$",
        ),
        Example(  # what takes None, and what the server fills in
            """\
from typing import Annotated, Any, Optional

from fastmcp import Context, FastMCP
from fastmcp.dependencies import Depends
from pydantic import BeforeValidator, Field

Filters = dict[str, str] | None
mcp = FastMCP("desk")


def branch() -> str:
    return "Central"


@mcp.tool
async def search(
    filters: Filters = None,
    author: Optional[str] = None,
    year: Annotated[int | None, Field(ge=0)] = None,
    isbn: "str | None" = None,
    shelf: Annotated[str, BeforeValidator(lambda value: value or "")] = None,
    limit: Annotated[int, Field(ge=1)] = 10,
    price: float = 5,
    other: Any = None,
    where: str = Depends(branch),
    ctx: Context = None,
) -> str:
    return f"{where} {filters} {author} {year} {isbn} {limit} {price} {other}"
""",
            does='print((await client.call_tool("search", {"filters": None, "shelf": None})).data)',
            shows="^Central None None None None 10 5 None$",
        ),
    ),
}
