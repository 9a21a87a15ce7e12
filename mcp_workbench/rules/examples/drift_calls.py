"""The examples of MCP110 to MCP125: servers that go wrong, and servers that do not."""

from __future__ import annotations

from mcp_workbench.rules.drift_calls import KEYS, PRIVATE
from mcp_workbench.rules.rule import Example

DESK = 'from fastmcp import FastMCP\n\nmcp = FastMCP("desk")\n\n\n'

DESK_CONTEXT = 'from fastmcp import Context, FastMCP\n\nmcp = FastMCP("desk")\n\n\n'

SESSIONLESS = ("sessionless",)

LEND = "@mcp.tool\ndef lend(book: str) -> str:\n    return f'{book} is lent'\n"


def _context_example(name: str, statement: str, extra: str = "") -> Example:
    return Example(
        f"{DESK_CONTEXT}@mcp.tool\nasync def {name}(ctx: Context) -> str:\n    {statement}\n",
        does=f'print((await client.call_tool("{name}")).data)',
        shows=f"ToolError: .*'Context' object has no attribute '{extra}'",
    )


BRANCH = """\
@mcp.tool
async def choose(branch: str, ctx: Context) -> str:
    ctx.set_state("branch", branch)
    chosen = ctx.get_state("branch")
    return f"{chosen}"
"""

ANSWER = "async def answer(message, response_type, params, ctx):\n    return {'value': True}\n\n"

ASKS = (
    ANSWER
    + "async with Client(mcp, mode=mode, elicitation_handler=answer) as reader:\n"
    + '    print((await reader.call_tool("lend", {"book": "Emma"})).data)'
)


def _asks(arguments: str) -> str:
    return (
        f"{DESK_CONTEXT}@mcp.tool\nasync def lend(book: str, ctx: Context) -> str:\n"
        f'    answer = await ctx.elicit({arguments})\n    return f"{{book}}: {{answer.action}}"\n'
    )


def _by_session(name: str, statement: str, method: str) -> Example:
    return Example(
        f"from mcp.types import SamplingMessage, TextContent\n\n{DESK_CONTEXT}"
        f"@mcp.tool\nasync def {name}(ctx: Context) -> str:\n{statement}",
        does=f'await client.call_tool("{name}")',
        shows=f"ToolError: .*Cannot send '{method}': this transport context has no back-channel",
        eras=SESSIONLESS,
    )


RENEW = (
    "from fastmcp import FastMCP\nfrom fastmcp.exceptions import McpError\nfrom mcp.types import "
    "ErrorData\n\n"
    'mcp = FastMCP("desk")\n\n\n'
)

SEARCH = (
    DESK
    + '@mcp.tool(annotations={"readOnlyHint": True})\n'
    + "def search(text: str) -> list[str]:\n    return [text]\n\n\n"
)

HOURS = (
    '@mcp.resource("branch://{name}", mime_type="text/plain")\ndef branch(name: str) -> str:\n    return '
    "name\n\n\n"
)

READS = 'import asyncio\n\nfrom fastmcp import Client, FastMCP\n\nmcp = FastMCP("desk")\n\n\n'


def _reads(body: str) -> str:
    return (
        READS
        + SEARCH.removeprefix(DESK)
        + HOURS
        + f"async def main() -> None:\n    async with Client(mcp) as client:\n{body}\n\nasyncio.run(main())\n"
    )


LEND_AND_LIST = DESK + "@mcp.tool\ndef lend(book: str) -> str:\n    return book\n\n\n"


def _tried(*expressions: str) -> str:
    looks = "".join(f"        lambda: {expression},\n" for expression in expressions)
    return (
        f"{LEND_AND_LIST}async def tools() -> None:\n    for look in (\n{looks}    ):\n"
        "        try:\n            print(look())\n        except Exception as error:\n            "
        "print(error)\n"
    )


def _uses(statements: str) -> str:
    return (
        READS.removeprefix("import asyncio\n\n")
        + SEARCH.removeprefix(DESK)
        + f"async def main() -> None:\n    async with Client(mcp) as client:\n{statements}\n"
    )


CALLED = '        result = await client.call_tool("search", {"text": "Emma"})\n'

BAD: dict[str, tuple[Example, ...]] = {
    "MCP110": (
        Example(
            DESK + LEND + '\n\nprint(lend.fn("Emma"))\n',
            shows="AttributeError: 'function' object has no attribute 'fn'",
        ),
        Example(
            DESK + LEND + "\n\nprint(lend.name)\n",
            shows="AttributeError: 'function' object has no attribute 'name'",
        ),
        Example(
            DESK + LEND + "\n\nlend.disable()\n",
            shows="AttributeError: 'function' object has no attribute 'disable'",
        ),
        Example(
            DESK
            + '@mcp.resource("branch://{name}/hours")\ndef hours(name: str) -> str:\n    return "9 to '
            + '18"\n\n\n'
            + '@mcp.prompt("recommend")\ndef recommend(genre: str) -> str:\n    return f"Recommend '
            + '{genre}"\n\n\n'
            + "def addresses() -> list[str]:\n    return [hours.uri_template]\n\n\nprint(recommend.name)\n",
            shows="AttributeError: 'function' object has no attribute 'name'",
            finds=2,
        ),
        Example(
            DESK
            + "def lend(book: str) -> str:\n    return f'{book} is lent'\n\n\n"
            + 'lend_tool = mcp.tool(lend, name="lend_book")\nprint(lend_tool.parameters)\n',
            shows="AttributeError: 'function' object has no attribute 'parameters'",
        ),
        Example(
            'from desk import lend\n\n\nassert lend.fn("Emma") == "Emma is lent"\n',
            files={"desk.py": DESK + LEND},
            command="python",
            shows="AttributeError: 'function' object has no attribute 'fn'",
        ),
        Example(
            DESK
            + LEND
            + "\n\nasync def close() -> None:\n    tool = await mcp.get_tool('lend')\n    tool.disable()\n",
            does="await close()",
            shows=(
                r"NotImplementedError: Component.disable\(\) was removed in FastMCP 3.0. Use "
                r"server.disable"
            ),
        ),
        Example(
            DESK
            + LEND
            + "\n\nasync def close() -> None:\n    for tool in await mcp.list_tools():\n        "
            + "tool.disable()\n",
            does="await close()",
            shows="NotImplementedError: Component.disable",
        ),
    ),
    "MCP111": (
        _context_example("blurb", 'return (await ctx.sample("Praise this book: Emma")).text', "sample"),
        _context_example("blurb", 'return str(await ctx.sample_step("Praise Emma"))', "sample_step"),
        _context_example("folders", "return str(await ctx.list_roots())", "list_roots"),
        _context_example("caller", "return str(ctx.get_http_request().url)", "get_http_request"),
        _context_example(
            "opened", "return str(await ctx.send_tool_list_changed())", "send_tool_list_changed"
        ),
        _context_example(
            "bought", "return str(await ctx.send_resource_list_changed())", "send_resource_list_changed"
        ),
        _context_example(
            "renamed", "return str(await ctx.send_prompt_list_changed())", "send_prompt_list_changed"
        ),
        Example(
            DESK_CONTEXT
            + """\
@mcp.tool
async def blurb(book: str, ctx: Context) -> str:
    try:
        return (await ctx.sample(f"Praise this book: {book}")).text
    except Exception:
        return f"{book} is a book."
""",
            does='print((await client.call_tool("blurb", {"book": "Emma"})).data)',
            shows="^Emma is a book.$",
        ),
        Example(
            DESK
            + """\
from fastmcp.server.dependencies import get_context


@mcp.tool
async def blurb(book: str) -> str:
    context = get_context()
    answer = await context.sample(f"Praise this book: {book}")
    return answer.text
""",
            does='await client.call_tool("blurb", {"book": "Emma"})',
            shows="ToolError: .*'Context' object has no attribute 'sample'",
        ),
    ),
    "MCP112": (
        Example(
            DESK_CONTEXT + BRANCH,
            does='print((await client.call_tool("choose", {"branch": "North"})).data)',
            shows="coroutine object Context.get_state",
            finds=2,
        ),
        Example(
            DESK_CONTEXT
            + """\
@mcp.tool
async def forget(ctx: Context) -> str:
    await ctx.set_state("limit", {"loans": 3})
    ctx.delete_state("limit")
    return str((await ctx.get_state("limit"))["loans"])
""",
            does='print((await client.call_tool("forget")).data)',
            shows="^3",
        ),
        Example(
            DESK_CONTEXT
            + """\
@mcp.tool
def limit(ctx: Context) -> int:
    return (ctx.get_state("limit") or {"loans": 3})["loans"]
""",
            does='await client.call_tool("limit")',
            shows="ToolError: .*'coroutine' object is not subscriptable",
        ),
        Example(
            DESK_CONTEXT
            + """\
@mcp.tool
async def limit(ctx: Context) -> int:
    return ctx.get_state("limit")["loans"]
""",
            does='await client.call_tool("limit")',
            shows="ToolError: .*'coroutine' object is not subscriptable",
        ),
        Example(
            DESK_CONTEXT
            + """\
@mcp.tool
async def limit(ctx: Context):
    overrides = ctx.get_state("overrides")
    if overrides and isinstance(overrides, dict):
        return overrides["loans"]
    return ctx.get_state("limit")
""",
            does='print((await client.call_tool("limit")).content[0].text)',
            shows="coroutine object Context.get_state",
            finds=2,
        ),
        Example(
            """\
from fastmcp import Context, FastMCP
from fastmcp.server.middleware import Middleware


class Visits(Middleware):
    async def on_call_tool(self, context, call_next):
        context.fastmcp_context.set_state("visit", 1)
        return await call_next(context)


mcp = FastMCP("desk", middleware=[Visits()])


@mcp.tool
async def visit(ctx: Context) -> str:
    return f"visit {await ctx.get_state('visit')}"
""",
            does='print((await client.call_tool("visit")).data)',
            shows="^visit None",
        ),
    ),
    "MCP113": (
        Example(
            _asks('f"Lend {book}?", response_type=bool'),
            does=ASKS,
            shows="ToolError: elicitation via server-initiated requests is unavailable on 2026-07-28",
            eras=SESSIONLESS,
        ),
        Example(
            _asks('f"Lend {book}?"'), does=ASKS, shows="ToolError: .*missing 1 .*: 'response_type'", finds=2
        ),
        Example(
            _asks('f"Lend {book}?", None'),
            does=ASKS,
            shows=r"ToolError: .*ctx.elicit\(\) requires a response_type",
            finds=2,
        ),
        Example(
            _asks('f"Lend {book}?", schema=bool'),
            does=ASKS,
            shows="ToolError: .*unexpected keyword argument 'schema'",
            finds=2,
        ),
        Example(
            _asks('f"Lend {book}?", schema={"type": "object"}'),
            does=ASKS,
            shows="ToolError: .*unexpected keyword argument 'schema'",
            finds=2,
        ),
    ),
    "MCP126": (
        _by_session(
            "blurb",
            '    text = TextContent(type="text", text="Praise Emma")\n'
            '    message = SamplingMessage(role="user", content=text)\n'
            "    answer = await ctx.session.create_message(messages=[message], max_tokens=50)\n"
            "    return answer.content.text\n",
            "sampling/createMessage",
        ),
        _by_session("folders", "    return str(await ctx.session.list_roots())\n", "roots/list"),
        _by_session(
            "lend",
            '    form = {"type": "object", "properties": {}}\n'
            '    return str(await ctx.session.elicit("Lend Emma?", form))\n',
            "elicitation/create",
        ),
        _by_session(
            "lend",
            '    form = {"type": "object", "properties": {}}\n'
            '    return str(await ctx.session.elicit_form("Lend Emma?", form))\n',
            "elicitation/create",
        ),
        _by_session(
            "pay",
            '    return str(await ctx.session.elicit_url("Pay", "https://desk.example/pay", "1"))\n',
            "elicitation/create",
        ),
        _by_session("awake", "    return str(await ctx.request_context.session.send_ping())\n", "ping"),
    ),
    "MCP117": (
        Example(
            RENEW
            + """\
@mcp.tool
def renew(book: str) -> str:
    raise McpError(ErrorData(code=-32602, message=f"{book} is reserved"))
""",
            does='await client.call_tool("renew", {"book": "Emma"})',
            shows=r"ToolError: .*MCPError.__init__\(\) missing 1 required positional argument: 'message'",
        ),
        Example(
            RENEW
            + """\
class Reserved(McpError):
    def __init__(self, book: str) -> None:
        super().__init__(
            ErrorData(
                code=-32602,
                message=f"{book} is reserved",
            )
        )


@mcp.tool
def renew(book: str) -> str:
    raise Reserved(book)
""",
            does='await client.call_tool("renew", {"book": "Emma"})',
            shows=r"ToolError: .*MCPError.__init__\(\) missing 1 required positional argument: 'message'",
        ),
        Example(
            RENEW
            + """\
RESERVED = ErrorData(code=-32602, message="it is reserved")


@mcp.tool
def renew(book: str) -> str:
    raise McpError(RESERVED)
""",
            does='await client.call_tool("renew", {"book": "Emma"})',
            shows=r"ToolError: .*MCPError.__init__\(\) missing 1 required positional argument: 'message'",
        ),
        Example(
            RENEW
            + """\
@mcp.tool
def renew(book: str) -> str:
    raise McpError(error=ErrorData(code=-32602, message="it is reserved"))
""",
            does='await client.call_tool("renew", {"book": "Emma"})',
            shows=r"ToolError: .*MCPError.__init__\(\) got an unexpected keyword argument 'error'",
        ),
        Example(
            RENEW
            + """\
@mcp.tool
def renew(book: str) -> str:
    raise McpError(f"{book} is reserved")
""",
            does='await client.call_tool("renew", {"book": "Emma"})',
            shows=r"ToolError: .*MCPError.__init__\(\) missing 1 required positional argument: 'message'",
        ),
    ),
    "MCP118": (
        Example(
            _reads("        for tool in await client.list_tools():\n            print(tool.inputSchema)\n"),
            command="python",
            shows="FastMCPDeprecationWarning: Accessing `Tool.inputSchema` is deprecated",
        ),
        Example(
            _reads(
                "        tools = await client.list_tools()\n"
                "        print({tool.name: tool.outputSchema for tool in tools})\n"
                "        print(next(t for t in tools if t.name == 'search').annotations.readOnlyHint)\n"
            ),
            command="python",
            shows="Accessing `Tool.outputSchema` .*Accessing `ToolAnnotations.readOnlyHint` is deprecated",
            finds=2,
        ),
        Example(
            _reads(
                "        templates = await client.list_resource_templates()\n"
                "        print(templates[0].uriTemplate)\n"
                '        print((await client.read_resource("branch://North"))[0].mimeType)\n'
            ),
            command="python",
            shows="`ResourceTemplate.uriTemplate` .*`TextResourceContents.mimeType` is deprecated",
            finds=2,
        ),
        Example(
            _reads(
                '        result = await client.call_tool_mcp("search", {"text": "Emma"})\n'
                "        print(result.isError, result.structuredContent)\n"
                "        print((await client.list_tools_mcp()).nextCursor)\n"
            ),
            command="python",
            shows="`CallToolResult.isError` .*`ListToolsResult.nextCursor` is deprecated",
            finds=3,
        ),
        Example(
            """\
from fastmcp import FastMCP
from mcp.types import Implementation, Tool

mcp = FastMCP("desk")


def arguments(tool: Tool) -> list[str]:
    return list(tool.inputSchema["properties"])


print(arguments(Tool(name="lend", inputSchema={"properties": {"book": {}}})))
print(Implementation(name="desk", version="1").websiteUrl)
""",
            command="python",
            shows=r"\['book'\].*AttributeError: 'Implementation' object has no attribute 'websiteUrl'",
            finds=2,
        ),
        Example(
            _reads(
                '        result = await client.call_tool("search", {"text": "Emma"})\n'
                "        print(result.isError)\n"
            ),
            command="python",
            shows="AttributeError: 'CallToolResult' object has no attribute 'isError'",
        ),
        Example(
            SEARCH + 'async def schema() -> dict:\n    return (await mcp.get_tool("search")).inputSchema\n',
            does="await schema()",
            shows="AttributeError: 'FunctionTool' object has no attribute 'inputSchema'",
        ),
    ),
    "MCP120": (
        Example(
            f"{LEND_AND_LIST}async def tools() -> None:\n    print(mcp._tool_manager)\n",
            does="await tools()",
            shows="AttributeError: 'FastMCP' object has no attribute '_tool_manager'",
        ),
        Example(
            _tried(*(f"mcp.{name}" for name in PRIVATE)),
            does="await tools()",
            shows="".join(f".*no attribute '{name}'" for name in PRIVATE),
            finds=len(PRIVATE),
        ),
        Example(
            f'{LEND_AND_LIST}async def tools() -> None:\n    print(await mcp.get_tool(key="lend"))\n',
            does="await tools()",
            shows=r"TypeError: FastMCP.get_tool\(\) got an unexpected keyword argument 'key'",
        ),
        Example(
            _tried(*(f'mcp.{method}(key="lend")' for method in KEYS)),
            does="await tools()",
            shows="".join(f".*{method}.* unexpected keyword argument 'key'" for method in KEYS),
            finds=len(KEYS),
        ),
    ),
    "MCP123": (
        Example(
            _uses(CALLED + "        print(result[0].text)\n"),
            does="await main()",
            eras=SESSIONLESS,
            shows="TypeError: 'CallToolResult' object is not subscriptable",
        ),
        Example(
            _uses('        print((await client.call_tool("search", {"text": "Emma"}))[0].text)\n'),
            does="await main()",
            eras=SESSIONLESS,
            shows="TypeError: 'CallToolResult' object is not subscriptable",
        ),
        Example(
            _uses(CALLED + "        print([block.text for block in result])\n"),
            does="await main()",
            eras=SESSIONLESS,
            shows="TypeError: 'CallToolResult' object is not iterable",
        ),
        Example(
            _uses(CALLED + "        print(result.text)\n"),
            does="await main()",
            eras=SESSIONLESS,
            shows="AttributeError: 'CallToolResult' object has no attribute 'text'",
        ),
        Example(
            _uses(CALLED + "        print(len(result))\n"),
            does="await main()",
            eras=SESSIONLESS,
            shows=r"TypeError: object of type 'CallToolResult' has no len\(\)",
        ),
        Example(
            _uses('        print(await client.call_tool("search", {"text": "Emma"}, task=True))\n'),
            does="await main()",
            eras=SESSIONLESS,
            shows=r"TypeError: .*call_tool\(\) got an unexpected keyword argument 'task'",
        ),
        Example(
            _uses('        print(await client.get_prompt("recommend", task=True))\n'),
            does="await main()",
            eras=SESSIONLESS,
            shows=r"TypeError: .*get_prompt\(\) got an unexpected keyword argument 'task'",
        ),
        Example(
            _uses("        print(await client.list_tasks())\n"),
            does="await main()",
            eras=SESSIONLESS,
            shows="AttributeError: 'Client' object has no attribute 'list_tasks'",
        ),
        Example(
            """\
import asyncio
from pathlib import Path

from fastmcp import Client


async def main() -> None:
    async with Client("desk.py") as client:
        print(await client.list_tools(), Path("desk.py").exists())


asyncio.run(main())
""",
            files={"desk.py": f'{SEARCH}if __name__ == "__main__":\n    mcp.run(show_banner=False)\n'},
            command="python",
            shows=(
                "FastMCPDeprecationWarning: Inferring a stdio transport from the string 'desk.py' is "
                "deprecated"
            ),
        ),
        Example(
            """\
from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport

transport = StreamableHttpTransport("https://desk.example/mcp", sse_read_timeout=60)
reader = Client(transport)
""",
            shows="TypeError: .*got an unexpected keyword argument 'sse_read_timeout'",
        ),
    ),
    "MCP125": (
        Example(
            DESK_CONTEXT
            + """\
@mcp.tool
async def lend(book: str, ctx: Context) -> str:
    await ctx.log("info", f"{book} is lent")
    return book
""",
            does='await client.call_tool("lend", {"book": "Emma"})',
            shows="ToolError: Error calling tool 'lend': 'Emma is lent'",
        ),
        Example(
            DESK_CONTEXT
            + """\
@mcp.tool
async def lend(book: str, ctx: Context) -> str:
    await ctx.log("WARNING", "it is late", "desk")
    return book
""",
            does='await client.call_tool("lend", {"book": "Emma"})',
            shows="ToolError: Error calling tool 'lend': 'it is late'",
        ),
        Example(
            DESK_CONTEXT
            + """\
@mcp.resource("desk://hours")
def hours() -> str:
    return "9 to 18"


@mcp.tool
async def opening(ctx: Context) -> str:
    return (await ctx.read_resource("desk://hours"))[0].content
""",
            does='await client.call_tool("opening")',
            shows="ToolError: .*'ResourceResult' object is not subscriptable",
        ),
        Example(
            DESK_CONTEXT
            + """\
@mcp.resource("desk://hours")
def hours() -> str:
    return "9 to 18"


@mcp.tool
async def opening(ctx: Context) -> str:
    found = await ctx.read_resource("desk://hours")
    return found[0].content
""",
            does='await client.call_tool("opening")',
            shows="ToolError: .*'ResourceResult' object is not subscriptable",
        ),
    ),
}

GOOD: dict[str, tuple[Example, ...]] = {
    "MCP110": (
        Example(
            DESK
            + LEND
            + '\n\nmcp.disable(names={"lend"})\n\n\nasync def schema() -> dict:\n    '
            + 'mcp.enable(names={"lend"})\n'
            + '    return (await mcp.get_tool("lend")).parameters\n',
            does='print(lend("Emma"), lend.__name__, sorted(await schema()))',
            shows="^Emma is lent lend .*properties",
        ),
        Example(
            "from collections.abc import Callable\n\n"
            + DESK
            + "def counted(function: Callable[..., str]) -> Callable[..., str]:\n"
            + '    function.name = "counted"\n    return function\n\n\n'
            + "@counted\n@mcp.tool\ndef lend(book: str) -> str:\n    return f'{book} is lent'\n\n\n"
            + "@mcp.tool\ndef renew(book: str) -> str:\n    return book\n\n\n"
            + "call = renew.fn if hasattr(renew, 'fn') else renew\nprint(lend.name, call('Emma'))\n",
            shows="^counted Emma",
        ),
    ),
    "MCP111": (
        Example(
            """\
import random

import mcp.types as types
from fastmcp import Context, FastMCP

mcp = FastMCP("desk")


@mcp.tool
async def shelves(ctx: Context) -> str:
    await ctx.send_notification(types.ToolListChangedNotification())
    return random.choice(random.sample(["A1", "A1"], 1))


@mcp.tool
async def blurb(book: str, ctx: Context) -> str:
    if hasattr(ctx, "sample"):
        return (await ctx.sample(f"Praise this book: {book}")).text
    return f"{book} is a book."
""",
            does=(
                'print((await client.call_tool("shelves")).data)\n'
                'print((await client.call_tool("blurb", {"book": "Emma"})).data)'
            ),
            shows="^A1\nEmma is a book.",
        ),
        Example(
            """\
from fastmcp import Context, FastMCP

mcp = FastMCP("desk")


class Desk(Context):
    async def list_roots(self) -> list[str]:
        return ["north", "south"]


async def roots(desk: Desk) -> list[str]:
    return await desk.list_roots()
""",
            does="print(await roots(Desk(mcp)))",
            shows="^..north., .south..",
        ),
    ),
    "MCP112": (
        Example(
            DESK_CONTEXT.replace("from fastmcp", "import asyncio\n\nfrom fastmcp", 1)
            + """\
@mcp.tool
async def choose(branch: str, ctx: Context) -> str:
    await ctx.set_state("branch", branch)
    later = ctx.get_state("branch")
    both = await asyncio.gather(ctx.get_state("branch"), ctx.get_state("floor"))
    return f"{await later} {both[0]} {await asyncio.wait_for(ctx.get_state('branch'), 1)}"


@mcp.tool
def floor(ctx: Context):
    return ctx.get_state("floor")
""",
            does='print((await client.call_tool("choose", {"branch": "North"})).data)',
            shows="^North North North",
        ),
        Example(
            DESK
            + """\
class Machine:
    def get_state(self, key: str) -> str:
        return key


@mcp.tool
def light(machine: str) -> str:
    return Machine().get_state("on")
""",
            does='print((await client.call_tool("light", {"machine": "door"})).data)',
            shows="^on",
        ),
    ),
    "MCP113": (
        Example(
            """\
from fastmcp import Context, FastMCP
from mcp.types import ElicitRequest, ElicitRequestFormParams, InputRequiredResult
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

mcp = FastMCP("desk")
FORM = {"type": "object", "properties": {"value": {"type": "boolean"}}, "required": ["value"]}


@mcp.tool
async def lend(book: str, ctx: Context) -> str | InputRequiredResult:
    if ctx.request_context.protocol_version not in MODERN_PROTOCOL_VERSIONS:
        answer = await ctx.elicit(f"Lend {book}?", response_type=bool)
    elif ctx.input_responses is None:
        params = ElicitRequestFormParams(message=f"Lend {book}?", requested_schema=FORM)
        return InputRequiredResult(input_requests={"sure": ElicitRequest(params=params)})
    else:
        answer = ctx.input_responses["sure"]
    return f"{book}: {answer.action}"
""",
            does=ASKS,
            shows="^Emma: accept",
        ),
        Example(
            """\
from fastmcp import Context, FastMCP
from fastmcp.exceptions import ToolError

mcp = FastMCP("desk")


@mcp.tool
async def lend(book: str, ctx: Context) -> str:
    try:
        answer = await ctx.elicit(f"Lend {book}?", response_type=bool)
    except ToolError:
        return f"{book}: say that you are sure"
    return f"{book}: {answer.action}"
""",
            does=ASKS,
            shows="^Emma: (accept|say that you are sure)",
        ),
    ),
    "MCP126": (
        Example(
            """\
from fastmcp import Context, FastMCP
from fastmcp.exceptions import ToolError
from mcp.shared.exceptions import MCPError

mcp = FastMCP("desk")


@mcp.tool
async def awake(ctx: Context) -> str:
    try:
        await ctx.session.send_ping()
    except MCPError:
        return "somebody asked"
    return "somebody listens"
""",
            does='print((await client.call_tool("awake")).data)',
            shows="^somebody (asked|listens)",
        ),
    ),
    "MCP117": (
        Example(
            RENEW
            + """\
class Reserved(McpError):
    def __init__(self, book: str) -> None:
        super().__init__(-32602, f"{book} is reserved")


@mcp.tool
def renew(book: str) -> str:
    if book == "Emma":
        raise Reserved(book)
    if book == "Persuasion":
        raise McpError.from_error_data(ErrorData(code=-32602, message="it is lent"))
    raise McpError(code=-32602, message="there is no such book")
""",
            does=(
                'for book in ("Emma", "Persuasion", "Ulysses"):\n    try:\n'
                '        await client.call_tool("renew", {"book": book})\n'
                "    except Exception as error:\n        print(error)"
            ),
            shows="Emma is reserved.*it is lent.*there is no such book",
        ),
    ),
    "MCP118": (
        Example(
            """\
import asyncio

from fastmcp import Client, FastMCP
from mcp.types import Tool, ToolAnnotations

mcp = FastMCP("desk")


@mcp.tool(annotations=ToolAnnotations(readOnlyHint=True))
def search(text: str) -> list[str]:
    return [text]


class Card:
    def __init__(self, mimeType: str) -> None:
        self.mimeType = mimeType


async def main() -> None:
    async with Client(mcp) as client:
        tool = (await client.list_tools())[0]
        result = await client.call_tool("search", {"text": "Emma"})
        print(tool.input_schema["type"], tool.annotations.read_only_hint, result.is_error)
    made = Tool(name="lend", inputSchema={"type": "object"})
    print(made.input_schema["type"], Card("text/html").mimeType)


asyncio.run(main())
""",
            command="python",
            shows="^object True False\nobject text/html",
        ),
    ),
    "MCP120": (
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.tool
def lend(book: str) -> str:
    return book


class Shelf:
    def __init__(self) -> None:
        self._tools = ["ladder"]

    def get_tool(self, key: str) -> str:
        return key


async def tools() -> None:
    print((await mcp.get_tool(name="lend")).name, len(await mcp.list_tools()))
    print(getattr(mcp, "_tool_manager", None), Shelf()._tools, Shelf().get_tool(key="ladder"))
""",
            does="await tools()",
            shows="^lend 1\nNone .*ladder",
        ),
    ),
    "MCP123": (
        Example(
            """\
import asyncio
from pathlib import Path

from fastmcp import Client
from fastmcp.client.transports import SSETransport, StreamableHttpTransport

SSETransport("https://desk.example/sse", sse_read_timeout=60)
Client(StreamableHttpTransport("https://desk.example/mcp"), timeout=60)
Client("https://desk.example/files/desk.py")


async def main() -> None:
    async with Client(Path("desk.py")) as client:
        result = await client.call_tool("search", {"text": "Emma"})
        print(result.data[0], result.content[0].text, (await client.list_tools())[0].name)


asyncio.run(main())
""",
            files={"desk.py": f'{SEARCH}if __name__ == "__main__":\n    mcp.run(show_banner=False)\n'},
            command="python",
            shows="^Emma .*Emma.* search",
        ),
    ),
    "MCP125": (
        Example(
            """\
import logging
import math

from fastmcp import Context, FastMCP

mcp = FastMCP("desk")
logger = logging.getLogger("desk")


@mcp.resource("desk://hours")
def hours() -> str:
    return "9 to 18"


@mcp.tool
async def opening(ctx: Context) -> str:
    await ctx.log("info", "warning")
    await ctx.log("we are open", level="info")
    logger.log(logging.INFO, "%s", math.log(1, 10))
    return (await ctx.read_resource("desk://hours")).contents[0].content
""",
            does='print((await client.call_tool("opening")).data)',
            shows="^9 to 18",
        ),
    ),
}
