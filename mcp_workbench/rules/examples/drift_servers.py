"""The examples of MCP106 to MCP109: servers that go wrong, and servers that do not."""

from __future__ import annotations

from collections.abc import Iterator

from mcp_workbench.rules.drift_servers import CONSTRUCTOR, DECORATORS, METHODS, MOUNT, Argument
from mcp_workbench.rules.rule import Example

DESK = """\
from fastmcp import FastMCP

mcp = FastMCP("desk"{0})


@mcp.tool{1}
def shelf(book: str = "Emma", branch: str = "Main") -> str:
    return f"{{book}}: shelf 7"
"""

BRANCH = """\
from fastmcp import FastMCP

mcp = FastMCP("desk")
branch = FastMCP("branch")


@branch.tool
def shelf(book: str) -> str:
    return f"{{book}}: shelf 7"


mcp.mount({0})
"""

RESOURCE = """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.resource({0})
def hours() -> str:
    return "9 to 5"
"""

PROMPT = """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.prompt({0})
def advice(topic: str) -> str:
    return f"Which book about {{topic}} should I read?"
"""

PARENTS = """\
from fastapi import FastAPI
from fastmcp import FastMCP
from fastmcp.server import create_proxy

api = FastAPI()
branch = FastMCP("branch")
{0}
"""

ASK = 'print((await client.call_tool("shelf", {"book": "Emma"})).data)'

ASK_BRANCH = 'print((await client.call_tool("branch_shelf", {"book": "Emma"})).data)'


def _gone(name: str) -> str:
    """What FastMCP says of an argument that is gone."""
    return rf"TypeError: FastMCP\(\) (no longer accepts `{name}`|got unexpected keyword .*'{name}')"


def _starts(line: str, name: str) -> Example:
    """A desk with a line that runs when it starts."""
    code = DESK.format("", "") + f"\n\nasync def start() -> None:\n    {line}\n"
    return Example(code, does="await start()", shows=f"AttributeError: .* has no attribute '{name}'")


CONSTRUCTOR_BAD = """\
from fastmcp import FastMCP

mcp = FastMCP("desk", host="127.0.0.1", port=9000)


@mcp.tool
def shelf(book: str) -> str:
    return f"{book}: shelf 7"


if __name__ == "__main__":
    mcp.run(transport="http")
"""

CONSTRUCTOR_GOOD = """\
from fastmcp import FastMCP


class Desk(FastMCP):
    def __init__(self, name: str, host: str, **settings):
        super().__init__(name, **settings)
        self.host = host


class Door:
    def __init__(self, name: str, port: int):
        self.name, self.port = name, port


door = Door("front", port=9000)
mcp = Desk("desk", host="127.0.0.1", instructions="Finds books.", on_duplicate="error")


@mcp.tool(title="Where is it?", description="The shelf of a book")
def shelf(book: str) -> str:
    return f"{book}: shelf 7"


if __name__ == "__main__":
    mcp.run(transport="http", host=mcp.host, port=door.port)
"""

METHODS_BAD = """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.tool
def shelf(book: str) -> str:
    return f"{book}: shelf 7"


async def names() -> list[str]:
    return list(await mcp.get_tools())
"""

METHODS_GOOD = """\
from fastmcp import FastMCP
from fastmcp.server import create_proxy

branch = FastMCP("branch")


@branch.tool
def shelf(book: str) -> str:
    return f"{book}: shelf 7"


class Catalogue:
    def get_tools(self) -> list[str]:
        return ["a ladder"]

    def remove_tool(self, name: str) -> None:
        pass


mcp = create_proxy(branch)
app = branch.http_app()
catalogue = Catalogue()
catalogue.remove_tool(catalogue.get_tools()[0])


async def names(server: FastMCP) -> list[str]:
    tools = await server.get_tools() if hasattr(server, "get_tools") else await server.list_tools()
    return [tool.name for tool in tools]
"""

MOUNT_GOOD = """\
from fastapi import FastAPI
from fastmcp import FastMCP
from fastmcp.server import create_proxy
from starlette.routing import Mount, Router

mcp = FastMCP("desk")
branch = FastMCP("branch")


@branch.tool
def shelf(book: str) -> str:
    return f"{book}: shelf 7"


class Shelves:
    def mount(self, name: str, board: FastMCP, mode: str = "", prefix: str = "") -> None:
        pass


mcp.mount(branch, namespace="branch")
mcp.mount(create_proxy(branch), "proxied", {"shelf": "where"})
Shelves().mount("oak", branch, mode="nailed", prefix="A")
app = FastAPI()
app.mount("/static", Router())
"""

DECORATORS_GOOD = """\
from fastmcp import FastMCP
from fastmcp.dependencies import Depends
from fastmcp.tools import tool

mcp = FastMCP("desk")


def branch() -> str:
    return "Main"


@mcp.tool("shelf", title="Where is it?", output_schema=None, task=False)
def find(book: str, branch: str = Depends(branch)) -> str:
    return f"{book}: shelf 7, {branch}"


class Kit:
    def tool(self, name: str, size: str, enabled: bool = True):
        return lambda function: function


@Kit().tool("ladder", "long", enabled=False)
def ladder() -> None:
    pass


@mcp.prompt("advice", title="What to read", tags={"readers"})
def advice(topic: str) -> str:
    return f"Which book about {topic} should I read?"


mcp.disable(names={"advice"})
"""

UNEXPECTED = r"TypeError: FastMCP.{0}\(\) got an unexpected keyword argument '{1}'"

TOO_MANY = r"TypeError: FastMCP.{0}\(\) takes .* positional arguments? but 3 were given"


def _decorated(row: Argument) -> Iterator[Example]:
    """An example for each decorator that a row is about."""
    written = f"{row.name}={row.shown}"
    pages = {
        "tool": DESK.format("", f"({written})"),
        "resource": RESOURCE.format(f'"data://hours", {written}'),
        "prompt": PROMPT.format(written),
    }
    for kind in row.of.split():
        shows = UNEXPECTED.format(kind, row.name)
        if row.name == "output_schema":
            shows = "ValidationError: 1 validation error for FunctionTool\noutput_schema"
        yield Example(pages[kind], shows=shows)


BAD: dict[str, tuple[Example, ...]] = {
    "MCP106": (
        Example(CONSTRUCTOR_BAD, shows=_gone("host"), finds=2),
        *(
            Example(DESK.format(f", {row.name}={row.shown}", ""), shows=_gone(row.name))
            for row in CONSTRUCTOR
        ),
        Example(PARENTS.format("mcp = FastMCP.from_fastapi(api, port=9000)"), shows=_gone("port")),
        Example(
            PARENTS.format('mcp = create_proxy(branch, description="A proxy")'), shows=_gone("description")
        ),
    ),
    "MCP107": (
        Example(
            METHODS_BAD, does="await names()", shows="AttributeError: 'FastMCP' object has no attribute 'get_"
        ),
        *(_starts(row.line, row.name) for row in METHODS),
    ),
    "MCP108": (
        *(
            Example(
                BRANCH.format(f"branch, {row.name}={row.shown}"),
                shows=rf"TypeError: FastMCP.mount\(\) got an unexpected keyword argument '{row.name}'",
            )
            for row in MOUNT
        ),
        Example(
            BRANCH.format("branch, as_proxy=False"),
            shows=r"TypeError: FastMCP.mount\(\) got an unexpected keyword argument 'as_proxy'",
        ),
        Example(
            BRANCH.format('"branch", branch'),
            shows="AttributeError: 'str' object has no attribute 'required_extensions'",
        ),
        Example(
            BRANCH.format('branch, "branch", True'),
            shows="AttributeError: 'bool' object has no attribute 'items'",
        ),
    ),
    "MCP109": (
        Example(
            DESK.format("", "(enabled=False)"),
            shows=UNEXPECTED.format("tool", "enabled"),
        ),
        *(example for row in DECORATORS for example in _decorated(row)),
        Example(DESK.format("", "(enabled=True)"), shows=UNEXPECTED.format("tool", "enabled")),
        Example(
            PROMPT.format('"advice", task=False, tags={"readers"}'), shows=UNEXPECTED.format("prompt", "task")
        ),
        Example(PROMPT.format('"advice", "What to read"'), shows=TOO_MANY.format("prompt")),
        Example(DESK.format("", '("where", "Where is it?")'), shows=TOO_MANY.format("tool")),
        Example(RESOURCE.format('"data://hours", "hours"'), shows=TOO_MANY.format("resource")),
    ),
}

GOOD: dict[str, tuple[Example, ...]] = {
    "MCP106": (
        Example(
            CONSTRUCTOR_BAD.replace(', host="127.0.0.1", port=9000', "").replace(
                '"http")', '"http", host="127.0.0.1", port=9000)'
            ),
            does=ASK,
            shows="Emma: shelf 7",
        ),
        Example(CONSTRUCTOR_GOOD, does=ASK, shows="Emma: shelf 7"),
    ),
    "MCP107": (
        Example(
            METHODS_BAD.replace(
                "list(await mcp.get_tools())", "[tool.name for tool in await mcp.list_tools()]"
            ),
            does="print(await names())",
            shows="'shelf'",
        ),
        Example(METHODS_GOOD, does=ASK + "\nprint(await names(branch))", shows="Emma: shelf 7\n.'shelf'"),
    ),
    "MCP108": (
        Example(BRANCH.format('branch, namespace="branch"'), does=ASK_BRANCH, shows="Emma: shelf 7"),
        Example(MOUNT_GOOD, does=ASK_BRANCH, shows="Emma: shelf 7"),
    ),
    "MCP109": (
        Example(
            DESK.format("", "") + '\n\nmcp.disable(names={"shelf"})\n',
            does="print(await client.list_tools())",
            shows=r"^\[\]$",
        ),
        Example(
            DECORATORS_GOOD,
            does='print((await client.call_tool("shelf", {"book": "Emma"})).content[0].text)\n'
            "print(await client.list_prompts())",
            shows=r"Emma: shelf 7, Main\n\[\]",
        ),
    ),
}
