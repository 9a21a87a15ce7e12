"""The examples of MCP020, MCP021: servers that go wrong, and servers that do not."""

from __future__ import annotations

from mcp_workbench.rules.rule import Example

LOANS = """\
loans = FastMCP("loans")


@loans.tool
def open_loans(card: str) -> list[str]:
    return ["Emma"]
"""

IMPORTED = f"""\
import asyncio

from fastmcp import FastMCP

mcp = FastMCP("desk")
{LOANS}

"""

NO_ATTRIBUTE = "AttributeError: 'FastMCP' object has no attribute 'import_server'"

NAMES = "print([tool.name for tool in await client.list_tools()])"

SHELVES = """\
from fastmcp import Context, FastMCP

{mcp}
loans = FastMCP("loans")


@loans.resource("data://open")
def open_loans() -> str:
    return "Emma"


{mount}
"""

FIRST = """

@mcp.tool
async def first_loan(ctx: Context) -> str:
    found = await ctx.read_resource("{uri}")
    return found.contents[0].content
"""


def _shelves(
    mcp: str = 'mcp = FastMCP("desk")', mount: str = 'mcp.mount(loans, namespace="loans")', uri: str = ""
) -> str:
    tool = FIRST.replace("{uri}", uri) if uri else ""
    code = SHELVES.replace("{mcp}", mcp).replace("{mount}", mount) + tool
    return code if uri else code.replace("Context, ", "")


LOAN = 'print((await client.call_tool("first_loan")).data)'

BAD: dict[str, tuple[Example, ...]] = {
    "MCP020": (
        Example(IMPORTED + 'asyncio.run(mcp.import_server(loans, prefix="loans"))\n', shows=NO_ATTRIBUTE),
        Example(
            IMPORTED.replace("import asyncio\n\n", "") + 'mcp.import_server(loans, prefix="loans")\n',
            shows=NO_ATTRIBUTE,
        ),
        Example(
            IMPORTED + "\nasync def build() -> FastMCP:\n"
            '    await mcp.import_server("loans", loans)\n    return mcp\n',
            does="await build()",
            shows=NO_ATTRIBUTE,
        ),
        Example(
            "import asyncio\n\nfrom fastmcp import FastMCP\n\n\ndef desk() -> FastMCP:\n"
            '    return FastMCP("desk")\n\n\nmcp = desk()\nasyncio.run(mcp.import_server(desk()))\n',
            shows=NO_ATTRIBUTE,
        ),
    ),
    "MCP021": (
        Example(
            _shelves(mcp='mcp = FastMCP("desk", resource_prefix_format="path")'),
            shows=r"TypeError: FastMCP\(\) got unexpected keyword argument\(s\): 'resource_prefix_format'",
        ),
        Example(
            _shelves(mount='mcp.mount(loans, namespace="loans", resource_prefix_format="protocol")'),
            shows=r"TypeError: FastMCP.mount\(\) got an unexpected keyword argument 'resource_prefix_format'",
        ),
        Example(
            _shelves(uri="loans+data://open"),
            does=LOAN,
            shows="Unknown resource: 'loans\\+data://open'",
        ),
        Example(
            _shelves().replace("import FastMCP", "import Client, FastMCP")
            + "\n\nasync def first_loan() -> str:\n    async with Client(mcp) as desk:\n"
            '        return (await desk.read_resource("loans+data://open"))[0].text\n',
            does="print(await first_loan())",
            shows=r"MCPError: Resource not found: 'loans\+data://open'",
        ),
        Example(
            'import fastmcp\n\nfastmcp.settings.resource_prefix_format = "protocol"\n'
            'mcp = fastmcp.FastMCP("desk")\n',
            shows="ValidationError: .*Object has no attribute 'resource_prefix_format'",
        ),
    ),
}

GOOD: dict[str, tuple[Example, ...]] = {
    "MCP020": (
        Example(
            IMPORTED.replace("import asyncio\n\n", "")
            + 'mcp.mount(loans, namespace="loans")\n\n\n@loans.tool\ndef late() -> str:\n    return "too"\n',
            does=NAMES,
            shows="loans_open_loans.*loans_late",
        ),
        Example(  # asked for before it is used
            IMPORTED + 'if hasattr(mcp, "import_server"):\n'
            '    asyncio.run(mcp.import_server(loans, prefix="loans"))\n'
            'else:\n    mcp.mount(loans, namespace="loans")\n',
            does=NAMES,
            shows="loans_open_loans",
        ),
        Example(  # a method of one's own
            "from fastmcp import FastMCP\n\n\nclass Desk(FastMCP):\n"
            "    def import_server(self, server: FastMCP, prefix: str) -> None:\n"
            "        self.mount(server, namespace=prefix)\n\n\n"
            'mcp = Desk("desk")\n' + LOANS + '\n\nmcp.import_server(loans, prefix="loans")\n',
            does=NAMES,
            shows="loans_open_loans",
        ),
        Example(  # something else that has such a method
            "from fastmcp import FastMCP\n\n\nclass Fleet:\n    def import_server(self, name: str) -> str:\n"
            '        return f"{name} is in"\n\n\nmcp = FastMCP("desk")\nfleet = Fleet()\n'
            'print(fleet.import_server("van"))\n',
            shows="van is in",
        ),
    ),
    "MCP021": (
        Example(_shelves(uri="data://loans/open"), does=LOAN, shows="^Emma$"),
        Example(  # an address of one's own with a plus
            _shelves(mount="mcp.mount(loans)", uri="loans+data://open").replace(
                '@loans.resource("data', '@loans.resource("loans+data'
            ),
            does=LOAN,
            shows="^Emma$",
        ),
        Example(  # a scheme with a plus that is no namespace
            _shelves(uri="git+https://example.org/desk").replace(
                "\n\n@mcp.tool",
                '\n\n@mcp.resource("git+https://example.org/desk")\ndef source() -> str:\n'
                '    return "the source"\n\n\n@mcp.tool',
            ),
            does=LOAN,
            shows="^the source$",
        ),
    ),
}
