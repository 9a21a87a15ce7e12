"""The examples of MCP114 to MCP124: servers that go wrong, and servers that do not."""

from __future__ import annotations

from mcp_workbench.rules.examples.drift_calls import DESK, DESK_CONTEXT, SESSIONLESS
from mcp_workbench.rules.rule import Example


def _prompt(returns: str, before: str = "") -> Example:
    return Example(
        f"{before}{DESK}@mcp.prompt\ndef recommend(genre: str):\n{returns}",
        does='await client.get_prompt("recommend", {"genre": "satire"})',
        shows=(
            r"MCPError: .*(must be Message or str, got|Prompt must return str, list\[Message\], or "
            r"PromptResult)"
        ),
    )


SDK = "from mcp.types import PromptMessage, TextContent\n\n"

BRANCH_API = """\
DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Branches", "version": "1"},
    "paths": {"/hours": {"get": {"operationId": "hours", "responses": {"200": {"description": "hours"}}}}},
}
"""

REFUSED = '''\
def refuse(request):
    return httpx2.Response(401)


def connect(**options):
    """Stands for a branch that refuses us."""
    return httpx2.AsyncClient(transport=httpx2.MockTransport(refuse), **options)


'''

GITHUB = "from fastmcp.server.auth.providers.github import GitHubProvider\n\n"


def _tool(annotation: str, value: str, shows: str, before: str = "") -> Example:
    return Example(
        f"{before}{DESK}@mcp.tool\ndef lookup(isbn: str) -> {annotation}:\n"
        f'    if isbn != "1":\n        return {value}\n    raise ValueError(isbn)\n',
        does='print((await client.call_tool("lookup", {"isbn": "2"})).data)',
        shows=shows,
    )


TASK = 'async def stocktake(branch: str) -> str:\n    return f"{branch}: 7 books"\n'

BAD: dict[str, tuple[Example, ...]] = {
    "MCP114": (
        Example(
            DESK_CONTEXT
            + """\
@mcp.tool
async def choose(branch: str, ctx: Context) -> str:
    await ctx.set_state("branch", branch)
    return f"{branch} it is"


@mcp.tool
async def hours(ctx: Context) -> str:
    return f"open at {await ctx.get_state('branch')}"
""",
            does=(
                'await client.call_tool("choose", {"branch": "North"})\n'
                'print((await client.call_tool("hours")).data)'
            ),
            shows="^open at None",
            eras=SESSIONLESS,
        ),
        Example(
            """\
from fastmcp import Context, FastMCP

mcp = FastMCP("desk")
BASKET = "basket"


@mcp.tool
async def put(book: str, ctx: Context) -> str:
    await ctx.set_state(BASKET, [book])
    return book


@mcp.resource("desk://basket")
async def basket(ctx: Context) -> str:
    return str(await ctx.get_state(key="basket"))
""",
            does=(
                'await client.call_tool("put", {"book": "Emma"})\n'
                'print((await client.read_resource("desk://basket"))[0].text)'
            ),
            shows="^None",
            eras=SESSIONLESS,
        ),
        Example(
            """\
from fastmcp import FastMCP
from fastmcp.exceptions import ToolError
from fastmcp.server.middleware import Middleware


class OnlyReaders(Middleware):
    async def on_initialize(self, context, call_next):
        raise ToolError("show your card")


mcp = FastMCP("desk", middleware=[OnlyReaders()])


@mcp.tool
def lend(book: str) -> str:
    return f"{book} is lent"
""",
            does='print((await client.call_tool("lend", {"book": "Emma"})).data)',
            shows="^Emma is lent",
            eras=SESSIONLESS,
        ),
    ),
    "MCP115": (
        _prompt('    return [{"role": "user", "content": f"Recommend {genre}"}]\n'),
        _prompt('    return {"role": "user", "content": f"Recommend {genre}"}\n'),
        _prompt(
            '    text = TextContent(type="text", text=f"Recommend {genre}")\n'
            '    return [PromptMessage(role="user", content=text)]\n',
            SDK,
        ),
        _prompt(
            '    text = TextContent(type="text", text=f"Recommend {genre}")\n'
            '    return PromptMessage(role="user", content=text)\n',
            SDK,
        ),
        _prompt('    return Message(f"Recommend {genre}")\n', "from fastmcp.prompts import Message\n\n"),
        _prompt(
            '    messages = ["Hello", {"role": "user", "content": f"Recommend {genre}"}]\n    return '
            "messages\n"
        ),
        _prompt('    return [{"role": "user", "content": word} for word in (genre, "please")]\n'),
        Example(
            f"{DESK}@mcp.prompt\ndef recommend(genre: str):\n    if not genre:\n        return "
            f"'Recommend a book'\n"
            "    return None\n",
            does='await client.get_prompt("recommend", {"genre": "satire"})',
            shows="MCPError: .*Prompt must return str, list.Message., or PromptResult, got NoneType",
        ),
    ),
    "MCP119": (
        Example(
            "import httpx\nfrom fastmcp import FastMCP\n\n"
            + BRANCH_API
            + 'branches = httpx.AsyncClient(base_url="https://branches.example")\n'
            + "mcp = FastMCP.from_openapi(DOCUMENT, client=branches)\n",
            shows="FastMCPDeprecationWarning: Passing an httpx.AsyncClient to OpenAPIProvider is deprecated",
        ),
        Example(
            "import httpx\nfrom fastmcp import FastMCP\n"
            + "from fastmcp.server.providers.openapi import OpenAPIProvider\n\n"
            + BRANCH_API
            + 'mcp = FastMCP("desk")\n'
            + 'branches = httpx.AsyncClient(base_url="https://branches.example")\n'
            + "mcp.add_provider(OpenAPIProvider(DOCUMENT, branches))\n",
            shows="FastMCPDeprecationWarning: Passing an httpx.AsyncClient to OpenAPIProvider is deprecated",
        ),
        Example(
            "import httpx\nimport httpx2\nfrom fastmcp import Client\n"
            + "from fastmcp.client.transports import StreamableHttpTransport\n\n\n"
            + REFUSED
            + """\
async def look() -> str:
    branch = StreamableHttpTransport("https://branch.example/mcp", httpx_client_factory=connect)
    try:
        async with Client(branch) as reader:
            print(await reader.list_tools())
    except httpx.HTTPStatusError as error:
        return f"refused: {error.response.status_code}"
    return "open"
""",
            does="print(await look())",
            shows="^MCPError: Server returned an error response",
        ),
        Example(
            "import httpx\nimport httpx2\nfrom fastmcp import Client\n"
            + "from fastmcp.client.transports import SSETransport\n\n\n"
            + REFUSED
            + """\
async def look() -> str:
    branch = SSETransport("https://branch.example/sse", httpx_client_factory=connect)
    try:
        async with Client(branch) as reader:
            await reader.call_tool("hours")
    except (httpx.HTTPStatusError, httpx.ConnectError):
        return "closed"
    return "open"
""",
            does="print(await look())",
            shows="^HTTPStatusError: Client error '401 Unauthorized'",
        ),
        Example(
            """\
import httpx
from fastmcp import Client

branch = Client("http://127.0.0.1:9/mcp", auth=httpx.BasicAuth("reader", "card"))


async def look() -> None:
    async with branch:
        print(await branch.list_tools())
""",
            does="await look()",
            shows='RuntimeError: Client failed to connect: Invalid "auth" argument',
        ),
    ),
    "MCP121": (
        Example(
            """\
import os

os.environ["FASTMCP_SERVER_AUTH"] = "fastmcp.server.auth.providers.github.GitHubProvider"
os.environ.setdefault("FASTMCP_SERVER_AUTH_GITHUB_CLIENT_ID", "desk")
os.environ.update({"FASTMCP_SERVER_AUTH_GITHUB_BASE_URL": "https://desk.example"})

from fastmcp import FastMCP

mcp = FastMCP("desk")
print("login:", mcp.auth)
""",
            command="python",
            shows="^login: None",
            finds=3,
        ),
        Example(
            GITHUB.replace("\n\n", "\n")
            + 'from fastmcp import FastMCP\n\nmcp = FastMCP("desk", auth=GitHubProvider())\n',
            shows=(
                r"TypeError: GitHubProvider.__init__\(\) missing 3 required keyword-only arguments: "
                r"'client_id'"
            ),
        ),
        Example(
            "from fastmcp import FastMCP\nfrom fastmcp.server.auth.providers.google import GoogleProvider\n\n"
            'login = GoogleProvider(base_url="https://desk.example")\nmcp = FastMCP("desk", auth=login)\n',
            shows=(
                r"TypeError: GoogleProvider.__init__\(\) missing 1 required keyword-only argument: "
                r"'client_id'"
            ),
        ),
        Example(
            "from fastmcp import FastMCP\nfrom fastmcp.server.auth import JWTVerifier\n\n"
            'mcp = FastMCP("desk", auth=JWTVerifier())\n',
            shows="ValueError: Either public_key or jwks_uri must be provided",
        ),
    ),
    "MCP122": (
        _tool("str", '{"error": "no such book"}', "{'error': 'no such book'} is not of type 'string'"),
        _tool("str", "None", "None is not of type 'string'"),
        _tool("dict", '"no such book"', "structured_content must be a dict or None. Got str"),
        _tool("dict", "None", "Tool lookup has an output schema but did not return structured content"),
        _tool("list[str]", "[1, 2]", "is not of type 'string'"),
        _tool("list[str]", '{"error": isbn}', "is not of type 'array'"),
        _tool("dict[str, int]", "[]", "structured_content must be a dict or None. Got list"),
        _tool("dict[str, int]", '{"copies": "none"}', "'none' is not of type 'integer'"),
        _tool("int", '"none"', "'none' is not of type 'integer'"),
        _tool("float", "[isbn]", "is not of type 'number'"),
        _tool("bool", "0", "0 is not of type 'boolean'"),
        _tool("str | None", "[isbn]", "is not valid under any of the given schemas"),
        _tool(
            "Optional[dict]",
            'json.dumps({"isbn": isbn})',
            "is not valid under any of the given schemas",
            "import json\nfrom typing import Optional\n\n",
        ),
        Example(
            f"""\
{DESK}@mcp.tool
def lookup(isbn: str) -> str:
    book = {{"isbn": isbn}}
    return book if isbn == "1" else f"no {{isbn}}"
""",
            does='await client.call_tool("lookup", {"isbn": "1"})',
            shows="{'isbn': '1'} is not of type 'string'",
        ),
    ),
    "MCP124": (
        Example(
            f"{DESK}@mcp.tool(task=True)\n{TASK}",
            does='await client.call_tool("stocktake", {"branch": "North"})',
            shows=r"RuntimeError: .*Task-enabled tools \(stocktake\) require the tasks extension",
        ),
        Example(
            f"from fastmcp.utilities.tasks import TaskConfig\n\n{DESK}"
            f'@mcp.tool(task=TaskConfig(mode="optional"))\n{TASK}',
            does='await client.call_tool("stocktake", {"branch": "North"})',
            shows=r"RuntimeError: .*Task-enabled tools \(stocktake\) require the tasks extension",
        ),
        Example(
            f'from fastmcp import FastMCP\n\nmcp = FastMCP("desk", tasks=True)\n\n\n@mcp.tool\n{TASK}',
            does='await client.call_tool("stocktake", {"branch": "North"})',
            shows=r"RuntimeError: .*Task-enabled tools \(stocktake\) require the tasks extension",
        ),
    ),
}

GOOD: dict[str, tuple[Example, ...]] = {
    "MCP114": (
        Example(
            """\
from fastmcp import Context, FastMCP
from fastmcp.server.dependencies import get_session
from fastmcp.server.middleware import Middleware
from fastmcp.server.sessions import SessionId, SessionProvider


class Visits(Middleware):
    visits = 0

    async def on_initialize(self, context, call_next):
        return await call_next(context)

    async def on_call_tool(self, context, call_next):
        await context.fastmcp_context.set_state("visit", "a visit")
        return await call_next(context)


mcp = FastMCP("desk", middleware=[Visits()])
mcp.add_provider(SessionProvider())


@mcp.tool
async def choose(branch: str, session_id: SessionId, ctx: Context) -> str:
    session = await get_session(session_id)
    await session.set("branch", branch)
    await ctx.set_state("said", branch)
    return str(await ctx.get_state("said"))


@mcp.tool
async def hours(session_id: SessionId, ctx: Context) -> str:
    session = await get_session(session_id)
    return f"{await ctx.get_state('visit')}: open at {await session.get('branch')}"
""",
            does=(
                'made = (await client.call_tool("create_session")).data\n'
                "session = made if isinstance(made, str) else made['session_id']\n"
                'await client.call_tool("choose", {"branch": "North", "session_id": session})\n'
                'print((await client.call_tool("hours", {"session_id": session})).data)'
            ),
            shows="^a visit: open at North",
        ),
        Example(
            DESK_CONTEXT
            + """\
@mcp.tool
async def choose(branch: str, ctx: Context) -> str:
    await ctx.set_state("branch", branch)
    return branch


@mcp.tool
async def open_at(branch: str, ctx: Context) -> str:
    await choose(branch, ctx)
    return f"open at {await ctx.get_state('branch')}"
""",
            does='print((await client.call_tool("open_at", {"branch": "North"})).data)',
            shows="^open at North",
        ),
    ),
    "MCP115": (
        Example(
            """\
from fastmcp import FastMCP
from fastmcp.prompts import Message, PromptResult

mcp = FastMCP("desk")


@mcp.prompt
def recommend(genre: str):
    if genre == "any":
        return PromptResult([Message("Recommend a book")])
    question = {"genre": genre, "words": ["a", "book"]}
    return [Message(f"Recommend {question['genre']}"), "please", Message({"shelf": 3}, role="assistant")]


@mcp.tool
def shelf() -> dict:
    return {"role": "user"}
""",
            does='print(len((await client.get_prompt("recommend", {"genre": "satire"})).messages))',
            shows="^3",
        ),
        Example(
            """\
import functools

from fastmcp import FastMCP
from fastmcp.prompts import Message

mcp = FastMCP("desk")


def as_messages(function):
    @functools.wraps(function)
    def wrapped(**given):
        return [Message(said["content"], role=said["role"]) for said in function(**given)]

    return wrapped


@mcp.prompt
@as_messages
def recommend(genre: str):
    return [{"role": "user", "content": f"Recommend {genre}"}]
""",
            does=(
                'print((await client.get_prompt("recommend", {"genre": "satire"})).messages[0].content.text)'
            ),
            shows="^Recommend satire",
        ),
    ),
    "MCP119": (
        Example(
            "import httpx2\nfrom fastmcp import Client, FastMCP\nfrom mcp import MCPError\n"
            + "from fastmcp.client.transports import StreamableHttpTransport\n\n\n"
            + REFUSED
            + BRANCH_API
            + """\
mcp = FastMCP.from_openapi(DOCUMENT, client=httpx2.AsyncClient(base_url="https://branches.example"))


async def look() -> str:
    branch = StreamableHttpTransport("https://branch.example/mcp", httpx_client_factory=connect)
    try:
        async with Client(branch, auth=httpx2.BasicAuth("reader", "card")) as reader:
            print(await reader.list_tools())
    except (MCPError, httpx2.HTTPError):
        return "closed"
    return "open"
""",
            does="print(await look())",
            shows="^closed",
        ),
    ),
    "MCP121": (
        Example(
            """\
import os

from fastmcp import FastMCP
from fastmcp.server.auth.providers.github import GitHubProvider

os.environ.setdefault("DESK_COLOUR", "green")
OPTIONS = {"client_id": "desk", "client_secret": os.environ.get("FASTMCP_SERVER_AUTH_SECRET", "not-a-secret")}


class DeskLogin(GitHubProvider):
    def __init__(self) -> None:
        super().__init__(base_url="https://desk.example", jwt_signing_key="a-long-enough-key", **OPTIONS)


mcp = FastMCP("desk", auth=DeskLogin())
print(type(mcp.auth).__name__)
""",
            shows="DeskLogin",
        ),
    ),
    "MCP122": (
        Example(
            """\
from typing import Annotated, Any

from fastmcp import FastMCP
from fastmcp.exceptions import ToolError
from fastmcp.tools import ToolResult
from typing_extensions import TypedDict

mcp = FastMCP("desk")


class Book(TypedDict):
    title: str


@mcp.tool
def book(isbn: str) -> Book | None:
    return {"title": isbn} if isbn == "1" else None


@mcp.tool
def fee(days: int) -> Annotated[float, "in pounds"]:
    return 1 if days > 1 else 0


@mcp.tool
def shelf(isbn: str) -> "dict[str, list[str]]":
    if not isbn:
        raise ToolError("no number")
    return {"shelf": [isbn, str(7)], **{"row": []}}


@mcp.tool(output_schema=None)
def free(isbn: str) -> str:
    return {"isbn": isbn}


@mcp.tool
def titles() -> list[str]:
    return ("Emma", "Persuasion")


@mcp.tool
def anything() -> Any:
    def helper() -> str:
        return "no answer of the tool"

    return ToolResult(helper())
""",
            does=(
                'for name, arguments in (("book", {"isbn": "2"}), ("fee", {"days": 2}), ("shelf", '
                '{"isbn": "1"}), '
                '("free", {"isbn": "1"}), ("titles", {}), ("anything", {})):\n'
                "    print(name, (await client.call_tool(name, arguments)).data)"
            ),
            shows="book None\nfee 1.0\nshelf {'shelf': \\['1', '7'\\].*titles \\['Emma', 'Persuasion'\\]",
        ),
    ),
    "MCP124": (
        Example(
            f"from fastmcp.utilities.tasks import TaskConfig\n\n{DESK}"
            f'@mcp.tool(task=TaskConfig(mode="forbidden"))\n{TASK}\n\n'
            f"@mcp.tool(task=False)\n{TASK.replace('stocktake', 'count')}",
            does='print((await client.call_tool("stocktake", {"branch": "North"})).data)',
            shows="^North: 7 books",
        ),
        Example(
            f"""\
from fastmcp import FastMCP
from fastmcp.server.extensions import ServerExtension


class Tasks(ServerExtension):
    identifier = "io.modelcontextprotocol/tasks"


mcp = FastMCP("desk")
mcp.add_extension(Tasks())


@mcp.tool(task=True)
{TASK}""",
            does='print((await client.call_tool("stocktake", {"branch": "North"})).data)',
            shows="^North: 7 books",
        ),
    ),
}
