"""The examples of MCP024: servers that go wrong, and servers that do not."""

from __future__ import annotations

from mcp_workbench.rules.rule import Example

BOOK = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

WITH_ICON = """\
from fastmcp import FastMCP
from mcp.types import Icon

mcp = FastMCP("desk")


@mcp.tool(icons=[Icon({given})])
def lend(book: str) -> str:
    return f"{book} is yours"
"""

SENT = "print((await client.list_tools())[0].icons[0].model_dump(exclude_none=True))"


def _icon(given: str, shows: str, does: str = "") -> Example:
    return Example(WITH_ICON.replace("{given}", given), does=does, shows=shows)


BAD: dict[str, tuple[Example, ...]] = {
    "MCP024": (
        Example(
            WITH_ICON.replace("import FastMCP\nfrom mcp.types import Icon", "import FastMCP, Icon").replace(
                "{given}", 'src="https://example.org/book.png"'
            ),
            shows="ImportError: cannot import name 'Icon' from 'fastmcp'",
        ),
        _icon('src="base64,' + BOOK + '"', does=SENT, shows="'src': 'base64,iVBOR"),
        _icon('src="icon-16.png"', does=SENT, shows="'src': 'icon-16.png'"),
        _icon(
            'src="data:image/png;base64,iVBORw0KG..."',
            does=SENT,
            shows="'src': 'data:image/png;base64,iVBORw0KG...'",
        ),
        _icon('url="https://example.org/book.png"', shows="ValidationError: .*src\n +Field required"),
        _icon('mime_type="image/png"', shows="ValidationError: .*src\n +Field required"),
        _icon(
            '"https://example.org/book.png"',
            shows="TypeError: .*takes 1 positional argument but 2 were given",
        ),
        _icon(
            'src="https://example.org/book.png", sizes="48x48"',
            shows="ValidationError: .*sizes\n +Input should be a valid list",
        ),
        _icon('src="https://example.org/book.png", size="48x48"', does=SENT, shows=r"^{'src': '[^']*'}$"),
        _icon('src="https://example.org/book.png", type="image/png"', does=SENT, shows=r"^{'src': '[^']*'}$"),
        _icon(
            'src="https://example.org/book.png", theme="blue"',
            shows="ValidationError: .*theme\n +Input should be 'light' or 'dark'",
        ),
        Example(
            WITH_ICON.replace("Icon({given})", 'Icon.from_file("book.png")'),
            shows="AttributeError: from_file",
        ),
        Example(
            "import fastmcp\n\n"
            'mcp = fastmcp.FastMCP("desk", icons=[fastmcp.Icon(src="https://example.org/book.png")])\n',
            shows="AttributeError: module 'fastmcp' has no attribute 'Icon'",
        ),
    ),
}

GOOD: dict[str, tuple[Example, ...]] = {
    "MCP024": (
        _icon(
            'src="https://example.org/book.png", mime_type="image/png", sizes=["48x48"]',
            does=SENT,
            shows="'sizes': .'48x48'.",
        ),
        _icon(
            'src="https://example.org/book.svg", mimeType="image/svg+xml", theme="dark"',
            does=SENT,
            shows="svg",
        ),
        _icon('src="data:image/png;base64,' + BOOK + '"', does=SENT, shows="data:image/png;base64,iVBOR"),
        _icon(
            "src=\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E\"",
            does=SENT,
            shows="data:image/svg",
        ),
        Example(
            "import base64\nfrom pathlib import Path\n\nfrom fastmcp import FastMCP\n"
            "from fastmcp.utilities.types import Image\nfrom mcp.types import Icon\n\n"
            'book = Path(__file__).with_name("book.png")\n'
            f'book.write_bytes(base64.b64decode("{BOOK}"))\n'
            'mcp = FastMCP("desk")\n\n\n@mcp.tool(icons=[Icon(src=Image(path=book).to_data_uri())])\n'
            'def lend(book: str) -> str:\n    return f"{book} is yours"\n',
            does=SENT,
            shows="data:image/png;base64,iVBOR",
        ),
        Example(  # relative to the server's own site
            WITH_ICON.replace(
                'FastMCP("desk")', 'FastMCP("desk", website_url="https://example.org")'
            ).replace("{given}", 'src="/book.png"'),
            does=SENT,
            shows="/book.png",
        ),
        Example(  # an Icon of another kind
            "from dataclasses import dataclass\n\nfrom fastmcp import FastMCP\n\n\n@dataclass\nclass Icon:\n"
            '    url: str\n    size: int\n\n\nsign = Icon(url="sign.png", size=3)\n'
            'mcp = FastMCP("desk")\nprint("works")\n',
            shows="works",
        ),
        Example(  # one of its own that reads files
            "from pathlib import Path\n\nfrom fastmcp import FastMCP\nfrom mcp.types import Icon\n\n\n"
            'class Picture(Icon):\n    @classmethod\n    def from_file(cls, path: str) -> "Picture":\n'
            '        return cls(src=f"https://example.org/{Path(path).name}")\n\n\n'
            'mcp = FastMCP("desk", icons=[Picture.from_file("shelf/book.png")])\nprint("works")\n',
            shows="works",
        ),
    ),
}
