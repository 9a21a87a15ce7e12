"""The examples of MCP018, MCP019: servers that go wrong, and servers that do not."""

from __future__ import annotations

from mcp_workbench.rules.rule import Example

STACK = """\
from fastmcp import FastMCP
{imports}

mcp = FastMCP("desk")
{added}


@mcp.tool
def opening_hours(branch: str) -> str:
    print("looked up")
    return "9 to 17"
"""

LIMIT = "from fastmcp.server.middleware.rate_limiting import RateLimitingMiddleware\n"

CACHE = "from fastmcp.server.middleware.caching import ResponseCachingMiddleware\n"

ERRORS = "from fastmcp.server.middleware.error_handling import ErrorHandlingMiddleware\n"

ADD_LIMIT = "mcp.add_middleware(RateLimitingMiddleware(max_requests_per_second=0.001, burst_capacity=9))"

ADD_CACHE = "mcp.add_middleware(ResponseCachingMiddleware())"

ADD_ERRORS = "mcp.add_middleware(ErrorHandlingMiddleware(error_callback=lambda error, _: print(error)))"

TWENTY = """\
answered = 0
try:
    for _ in range(20):
        await client.call_tool("opening_hours", {"branch": "Hill"})
        answered += 1
except Exception:
    pass
print("answered all" if answered == 20 else "refused some")
"""


def _stack(imports: str, *added: str, code: str = STACK) -> str:
    return code.replace("{imports}\n", imports).replace("{added}", "\n".join(added))


MEMBERS = """\
class MembersOnly(Middleware):
    async def on_call_tool(self, context, call_next):
        if get_http_headers().get("x-card") != "7":
            raise ToolError("no card")
        return await call_next(context)

"""

MEMBERS_FROM = (
    "from fastmcp.exceptions import ToolError\n"
    "from fastmcp.server.dependencies import get_http_headers\n"
    "from fastmcp.server.middleware import Middleware\n"
)

STRANGER = """\
from fastmcp.utilities.tests import asgi_server
async with asgi_server(mcp) as running:
    async with running.client(headers={"x-card": "7"}, mode=mode) as member:
        print("member:", (await member.call_tool("opening_hours", {"branch": "Hill"})).data)
    async with running.client(mode=mode) as stranger:
        try:
            print("stranger:", (await stranger.call_tool("opening_hours", {"branch": "Hill"})).data)
        except Exception as error:
            print("stranger is refused")
"""

HOOKED = """\
from fastmcp import FastMCP
from fastmcp.server.middleware import Middleware, MiddlewareContext


class Watch(Middleware):
{hook}


mcp = FastMCP("desk", middleware=[Watch()])


@mcp.tool
def lend(book: str) -> str:
    return f"{book} is yours"
"""

LEND = 'print((await client.call_tool("lend", {"book": "Emma"})).data)\n'

LEND_BOTH = """\
for each in ("auto", "legacy"):
    try:
        async with Client(mcp, mode=each) as reader:
            print((await reader.call_tool("lend", {"book": "Emma"})).data)
    except Exception as error:
        print(f"{each}: {error}")
"""


def _hooked(hook: str, does: str = LEND, shows: str = "^Emma is yours$") -> Example:
    lines = "\n".join(f"    {line}" if line else "" for line in hook.splitlines())
    code = HOOKED.replace("{hook}", lines)
    if "asyncio" in hook:
        code = f"import asyncio\n\n{code}"
    if "ToolResult" in hook:
        code = code.replace(
            "MiddlewareContext\n", "MiddlewareContext\nfrom fastmcp.tools import ToolResult\n", 1
        )
    return Example(code, does=does, shows=shows)


def _failing(hook: str, shows: str, does: str = LEND_BOTH) -> Example:
    """The text is shown on connections with a handshake; others say 'Internal server error'."""
    return _hooked(hook, does, f"auto: Internal server error\n.*legacy: .*{shows}")


# The coroutine that nobody awaits: a log of the error would keep it beyond the example.
DROPPED = f"import gc, logging\nlogging.disable()\n{LEND_BOTH}logging.disable(logging.NOTSET)\ngc.collect()\n"

CALL = "async def on_call_tool(self, context: MiddlewareContext, call_next):\n"

NO_RESULT = "MCPError: Handler returned an invalid result"

BAD: dict[str, tuple[Example, ...]] = {
    "MCP018": (
        Example(_stack(CACHE + LIMIT, ADD_CACHE, ADD_LIMIT), does=TWENTY, shows="looked up\nanswered all"),
        Example(
            _stack(ERRORS + LIMIT, ADD_LIMIT, ADD_ERRORS),
            does=TWENTY,
            shows=r"\A(?!.*Rate limit exceeded for client).*refused some",
        ),
        Example(
            _stack(MEMBERS_FROM + CACHE + "\n\n" + MEMBERS, ADD_CACHE, "mcp.add_middleware(MembersOnly())"),
            does=STRANGER,
            shows="member: 9 to 17\nstranger: 9 to 17",
        ),
        Example(
            _stack(CACHE + LIMIT).replace(
                'FastMCP("desk")\n',
                'FastMCP(\n    "desk",\n    middleware=[\n        ResponseCachingMiddleware(),\n'
                "        RateLimitingMiddleware(max_requests_per_second=0.001, burst_capacity=9),\n    ],\n)",
            ),
            does=TWENTY,
            shows="looked up\nanswered all",
        ),
        Example(
            _stack(CACHE + LIMIT, ADD_LIMIT).replace(
                'FastMCP("desk")', 'FastMCP("desk", middleware=[ResponseCachingMiddleware()])'
            ),
            does=TWENTY,
            shows="looked up\nanswered all",
        ),
    ),
    "MCP019": (
        _hooked(CALL + '    return {"lent": context.message.arguments["book"]}', shows=NO_RESULT),
        _failing(CALL + "    return await self(context, call_next)", "maximum recursion depth exceeded"),
        _failing(
            CALL + "    return await self.on_call_tool(context, call_next)",
            "maximum recursion depth exceeded",
        ),
        _hooked(CALL + "    print(context.method)\n    await call_next(context)", shows=NO_RESULT),
        _hooked(
            CALL + '    result = await call_next(context)\n    print("lent", result.content)', shows=NO_RESULT
        ),
        _hooked(CALL + "    print(context.method)", shows=NO_RESULT),
        _hooked(
            CALL + '    if context.message.name == "lend":\n        return None\n'
            "    return await call_next(context)",
            shows=NO_RESULT,
        ),
        _failing(
            "async def on_call_tool(self, tool_name, arguments, context):\n"
            "    return await self.next(tool_name, arguments, context)",
            r"on_call_tool\(\) got an unexpected keyword argument 'call_next'",
        ),
        _failing(
            "async def on_call_tool(self, context: MiddlewareContext, next):\n    return await next(context)",
            r"on_call_tool\(\) got an unexpected keyword argument 'call_next'",
        ),
        _failing(CALL + "    return await self.next(context)", "object has no attribute 'next'"),
        _failing(CALL + "    return call_next(context)", "handler returned coroutine; expected", DROPPED),
        _failing(
            CALL + "    result = call_next(context)\n    return result", "handler returned coroutine", DROPPED
        ),
        _failing(CALL + "    return await call_next()", "missing 1 required positional argument: 'context'"),
        _failing(
            CALL + "    return f\"{context.message.arguments['book']} is yours\"",
            "handler returned str; expected",
        ),
        _hooked(
            "async def on_tool_call(self, context: MiddlewareContext, call_next):\n"
            '    print("seen")\n    return await call_next(context)',
            shows=r"\A(?!.*seen).*Emma is yours",
        ),
        _hooked(
            "async def on_list_tools(self, context: MiddlewareContext, call_next):\n    await "
            "call_next(context)",
            does="try:\n    await client.list_tools()\nexcept Exception as error:\n    print(error)\n",
            shows="Internal server error|'NoneType' object is not iterable",
        ),
    ),
}

GOOD: dict[str, tuple[Example, ...]] = {
    "MCP018": (
        Example(
            _stack(CACHE + ERRORS + LIMIT, ADD_ERRORS, ADD_LIMIT, ADD_CACHE),
            does=TWENTY,
            shows="looked up.*Rate limit exceeded for client.*refused some",
        ),
        Example(
            _stack(MEMBERS_FROM + CACHE + "\n\n" + MEMBERS, "mcp.add_middleware(MembersOnly())", ADD_CACHE),
            does=STRANGER,
            shows="member: 9 to 17\nstranger is refused",
        ),
        Example(  # two servers, each with one
            _stack(CACHE + LIMIT, ADD_CACHE)
            + '\n\nloans = FastMCP("loans")\nloans.add_middleware(RateLimitingMiddleware())\n',
            does=TWENTY,
            shows="answered all",
        ),
        Example(  # and under one name
            _stack(CACHE + LIMIT, "mcp.add_middleware(RateLimitingMiddleware())").replace(
                '\n\nmcp = FastMCP("desk")',
                '\n\nmcp = FastMCP("loans")\nmcp.add_middleware(ResponseCachingMiddleware())\n\n'
                'mcp = FastMCP("desk")',
            ),
            does=TWENTY,
            shows="answered all|refused some",
        ),
        Example(  # what only looks may stand anywhere
            _stack(
                CACHE + ERRORS + "from fastmcp.server.middleware.timing import TimingMiddleware\n",
                "mcp.add_middleware(TimingMiddleware())",
                ADD_ERRORS,
                ADD_CACHE,
            ),
            does=TWENTY,
            shows="answered all",
        ),
        Example(  # a check of what is asked, not of who asks: it holds for the cached answer too
            _stack(
                "from fastmcp.exceptions import ToolError\nfrom fastmcp.server.middleware import Middleware\n"
                + CACHE
                + "\n\nclass KnownBranch(Middleware):\n"
                "    async def on_call_tool(self, context, call_next):\n"
                '        if context.message.arguments.get("branch") not in ("Hill", "Harbour"):\n'
                '            raise ToolError("no such branch")\n'
                "        return await call_next(context)\n\n",
                ADD_CACHE,
                "mcp.add_middleware(KnownBranch())",
            ),
            does=TWENTY,
            shows="answered all",
        ),
    ),
    "MCP019": (
        _hooked(CALL + "    return await call_next(context)"),
        _hooked(
            CALL + "    result = await call_next(context)\n    print(context.method)\n    return result",
        ),
        _hooked(  # an answer of its own
            'async def on_call_tool(self, context, call_next):\n    if context.message.name == "lend":\n'
            '        return ToolResult(structured_content={"result": "Emma is yours"})\n'
            "    return await call_next(context)"
        ),
        _hooked(  # nothing is expected of a notification
            "async def on_notification(self, context: MiddlewareContext, call_next):\n"
            "    await call_next(context)"
        ),
        _hooked(CALL + "    return await super().on_call_tool(context, call_next)"),
        _hooked("async def __call__(self, ctx: MiddlewareContext, go_on):\n    return await go_on(ctx)"),
        _hooked(
            "def on_call_tool(self, context: MiddlewareContext, call_next):\n    return call_next(context)"
        ),
        _hooked("async def on_request(self, context, *, call_next):\n    return await call_next(context)"),
        _hooked(
            CALL
            + "    try:\n        return await call_next(context)\n    finally:\n        print(context.method)"
        ),
        _hooked(
            "async def on_call_tool(self, context, call_next):\n"
            "    return await asyncio.wait_for(call_next(context), 5)"
        ),
        _hooked(
            "async def on_call_tool(self, context, call_next):\n"
            "    task = asyncio.ensure_future(call_next(context))\n    return await task"
        ),
        _hooked(  # a second try, once
            "tried = False\n\n" + CALL + "    if not self.tried:\n        self.tried = True\n"
            "        return await self.on_call_tool(context, call_next)\n"
            "    return await call_next(context)",
        ),
        _hooked(  # a helper with parameters of its own
            "async def on_loan(self, book, call_next, context):\n    print(book)\n"
            "    return await call_next(context)\n\n"
            + CALL
            + '    return await self.on_loan(context.message.arguments["book"], call_next, context)'
        ),
        Example(  # the middleware of a web application
            "from fastmcp import FastMCP\nfrom starlette.middleware.base import BaseHTTPMiddleware\n\n\n"
            "class Plain(BaseHTTPMiddleware):\n    async def dispatch(self, request, call_next):\n"
            "        response = await call_next(request)\n        return response\n\n\n"
            "class on_call_tool:\n    def on_call_tool(self) -> dict[str, str]:\n        return {}\n\n\n"
            'mcp = FastMCP("desk")\nprint("works")\n',
            shows="works",
        ),
    ),
}
