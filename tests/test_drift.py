"""Version drift: the tables hold on the installed version, and edits change what they should and no more."""

from __future__ import annotations

import ast
import importlib
import io
import tokenize
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rule_examples import seen

from mcp_workbench.findings import Edit, Finding
from mcp_workbench.rules import RULES, drift_imports
from mcp_workbench.rules.module import Module
from mcp_workbench.rules.rule import Example, Rule, Target

DRIFT = [RULES[f"MCP{number}"] for number in range(101, 110) if f"MCP{number}" in RULES]


def found(text: str, target: Target | None = None) -> list[Finding]:
    module = Module("server.py", text, ast.parse(text), "server")
    target = target or Target()
    return [
        f
        for rule in RULES.values()
        if rule.default and rule.holds(target)
        for f in rule.find(rule, module, target)
    ]


def applied(text: str, edits: list[Edit]) -> str:
    """The text after the edits, of which one that overlaps an earlier one is left out."""
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    spans = sorted(
        {(starts[e.line - 1] + e.column, starts[e.end_line - 1] + e.end_column, e.text) for e in edits}
    )
    result, reached = "", 0
    for start, end, new in spans:
        if start >= reached:
            result += text[reached:start] + new
            reached = end
    return result + text[reached:]


def fixed(text: str) -> str:
    """The text after the edits of all findings, until there are none."""
    for _ in range(9):
        edits = next((list(f.edits) for f in found(text) if f.edits), [])
        if not edits:
            return text
        text = applied(text, edits)
    raise AssertionError(f"edits without an end:\n{text}")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from mcp.server.fastmcp import FastMCP, Context", "from fastmcp import FastMCP, Context"),
        ("from mcp.server.fastmcp import FastMCP as Server", "from fastmcp import FastMCP as Server"),
        (
            "from mcp.server.fastmcp import FastMCP, Image, Context",
            "from fastmcp.utilities.types import Image\nfrom fastmcp import FastMCP, Context",
        ),
        (
            "from mcp import ClientSession, McpError, types  # the SDK",
            "from fastmcp.exceptions import McpError\nfrom mcp import ClientSession, types  # the SDK",
        ),
        (
            "from mcp import ClientSession, McpError",
            "from fastmcp.exceptions import McpError\nfrom mcp import ClientSession",
        ),
        ("from mcp.types import Content, Tool", "from mcp.types import ContentBlock as Content, Tool"),
        ("from mcp.types import Content as C", "from mcp.types import ContentBlock as C"),
        (
            "from fastmcp import (\n    FastMCP,\n    Image,  # covers\n    Context,\n)",
            "from fastmcp.utilities.types import Image  # covers\n"
            "from fastmcp import (\n    FastMCP,\n    Context,\n)",
        ),
        (
            "from fastmcp import (FastMCP,  # the server\n    Image)",
            "from fastmcp.utilities.types import Image\nfrom fastmcp import (FastMCP,  # the server\n    )",
        ),
        (
            "import os; from fastmcp import FastMCP, Image; import re",
            "import os; from fastmcp.utilities.types import Image; from fastmcp import FastMCP; import re",
        ),
        (
            "from fastmcp import FastMCP, \\\n    Image",
            "from fastmcp.utilities.types import Image\nfrom fastmcp import FastMCP",
        ),
        (
            "if True:\n\tfrom fastmcp import Image, Client  # é",
            "if True:\n\tfrom fastmcp.utilities.types import Image\n\tfrom fastmcp import Client  # é",
        ),
        (
            "é = 'é'; from fastmcp import Image, Client",
            "é = 'é'; from fastmcp.utilities.types import Image; from fastmcp import Client",
        ),
        (
            "import os\r\nfrom fastmcp import FastMCP, Image\r\nimport re",
            "import os\r\nfrom fastmcp.utilities.types import Image\r\n"
            "from fastmcp import FastMCP\r\nimport re",
        ),
        ("import fastmcp.server.openapi as api", "import fastmcp.server.providers.openapi as api"),
        (
            "import fastmcp.server.openapi as api\n\napi.FastMCPOpenAPI",
            "import fastmcp.server.openapi as api\n\napi.FastMCPOpenAPI",
        ),
        (
            "from fastmcp.server import openapi, proxy as p, Context\n\nm = openapi.RouteMap",
            "from fastmcp.server.providers import openapi, proxy as p\n"
            "from fastmcp.server import Context\n\nm = openapi.RouteMap",
        ),
        (
            "from fastmcp.server.openapi.routing import RouteMap",
            "from fastmcp.server.providers.openapi import RouteMap",
        ),
        (
            "from fastmcp.server.openapi import FastMCPOpenAPI, MCPType",
            "from fastmcp.server.providers.openapi import MCPType\n"
            "from fastmcp.server.openapi import FastMCPOpenAPI",
        ),
        (
            "from fastmcp.tools.tool import Tool, ParsedFunction",
            "from fastmcp.tools.function_parsing import ParsedFunction\nfrom fastmcp.tools import Tool",
        ),
        ("from mcp import types\n\nt: types.Content", "from mcp import types\n\nt: types.ContentBlock"),
        ("from mcp . server . fastmcp import FastMCP", "from mcp . server . fastmcp import FastMCP"),
        (
            "from fastmcp import FastMCP\nfrom mcp.server.fastmcp import FastMCP as Old, Image",
            "from fastmcp import FastMCP\nfrom fastmcp.utilities.types import Image\n"
            "from mcp.server.fastmcp import FastMCP as Old",
        ),
    ],
)
def test_imports_are_rewritten(before: str, after: str) -> None:
    assert fixed(before + "\n") == after + "\n"


DESK = "from fastmcp import FastMCP\n\nmcp = FastMCP('a')\nsub = FastMCP('b')\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("mcp.mount(sub, prefix='x')", "mcp.mount(sub, namespace='x')"),
        ("mcp.mount(server=sub, prefix = 'x')", "mcp.mount(server=sub, namespace = 'x')"),
        ("mcp.mount('x', sub)", "mcp.mount(sub, namespace='x')"),
        ("mcp.mount(\n    'x',  # é\n    sub,\n)", "mcp.mount(\n    sub,  # é\n    namespace='x',\n)"),
        ("mcp.mount(sub, 'x', as_proxy=False)", "mcp.mount(sub, 'x')"),
        ("mcp.mount(sub, as_proxy=None, namespace='x')", "mcp.mount(sub, namespace='x')"),
        ("mcp.mount(sub, as_proxy=True)", "mcp.mount(sub, as_proxy=True)"),
        ("mcp.mount(sub, 'x', prefix='y')", "mcp.mount(sub, 'x', prefix='y')"),
        ("app = mcp.sse_app()", 'app = mcp.http_app(transport="sse")'),
        ("app = mcp.sse_app(path='/x')", "app = mcp.http_app(transport=\"sse\", path='/x')"),
        ("app = mcp.sse_app(message_path='/x')", "app = mcp.sse_app(message_path='/x')"),
        ("app = mcp.sse_app('/x')", "app = mcp.sse_app('/x')"),
        ("app = mcp.streamable_http_app('/x')", "app = mcp.http_app('/x')"),
        ("make = mcp.streamable_http_app", "make = mcp.streamable_http_app"),
        ("run = mcp.run_sse_async(port=1)", 'run = mcp.run_http_async(transport="sse", port=1)'),
        ("run = mcp.run_streamable_http_async()", "run = mcp.run_http_async()"),
        ("run = mcp.run_sse_async('host')", "run = mcp.run_sse_async('host')"),
        ("run = mcp.run_sse_async(**how)", "run = mcp.run_sse_async(**how)"),
        ("@mcp.tool(enabled=True)\ndef f(): ...", "@mcp.tool()\ndef f(): ..."),
        ("@mcp.tool('f', enabled=True)\ndef f(): ...", "@mcp.tool('f')\ndef f(): ..."),
        ("@mcp.tool(enabled=True, name='f')\ndef f(): ...", "@mcp.tool(name='f')\ndef f(): ..."),
        ("@mcp.tool(enabled=(True), name='f')\ndef f(): ...", "@mcp.tool(name='f')\ndef f(): ..."),
        ("@mcp.tool(('f'), enabled=True)\ndef f(): ...", "@mcp.tool(('f'), enabled=True)\ndef f(): ..."),
        (
            "@mcp.tool(\n    name='f',  # f\n    enabled=True,\n)\ndef f(): ...",
            "@mcp.tool(\n    name='f',  # f\n    enabled=True,\n)\ndef f(): ...",
        ),
        ("@mcp.tool(output_schema=False)\ndef f(): ...", "@mcp.tool(output_schema=None)\ndef f(): ..."),
        ("@mcp.prompt('f', 'F')\ndef f(): ...", "@mcp.prompt('f', title='F')\ndef f(): ..."),
        (
            "@mcp.tool('f', 'F', 'does')\ndef f(): ...",
            "@mcp.tool('f', title='F', description='does')\ndef f(): ...",
        ),
        ("@mcp.tool('f', 'F', title='G')\ndef f(): ...", "@mcp.tool('f', 'F', title='G')\ndef f(): ..."),
    ],
)
def test_calls_are_rewritten(before: str, after: str) -> None:
    assert fixed(f"{DESK}{before}\n") == f"{DESK}{after}\n"


PROXY = "from fastmcp.server import create_proxy\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "import os\nfrom fastmcp import FastMCP\n\np = FastMCP.as_proxy(backend='x', name='p')\n",
            f"import os\n{PROXY}from fastmcp import FastMCP\n\np = create_proxy(target='x', name='p')\n",
        ),
        (
            "from fastmcp import FastMCP\n\np = FastMCP.as_proxy('x')\nq = FastMCP.as_proxy('y')\n",
            f"{PROXY}from fastmcp import FastMCP\n\np = create_proxy('x')\nq = create_proxy('y')\n",
        ),
        (
            f"from fastmcp import FastMCP\n{PROXY}\np = FastMCP.as_proxy('x')\n",
            f"from fastmcp import FastMCP\n{PROXY}\np = create_proxy('x')\n",
        ),
        (
            "from fastmcp import FastMCP\n\ncreate_proxy = 1\np = FastMCP.as_proxy('x')\n",
            "from fastmcp import FastMCP\n\ncreate_proxy = 1\np = FastMCP.as_proxy('x')\n",
        ),
        (
            "def f():\n    from fastmcp import FastMCP\n    return FastMCP.as_proxy('x')\n",
            "def f():\n    from fastmcp import FastMCP\n    return FastMCP.as_proxy('x')\n",
        ),
        (
            "import fastmcp\n\np = fastmcp.FastMCP.as_proxy('x')\n",
            "import fastmcp\n\np = fastmcp.FastMCP.as_proxy('x')\n",
        ),
    ],
)
def test_proxies_are_made_by_create_proxy(before: str, after: str) -> None:
    assert fixed(before) == after


NAMES = {
    "mcp.server.fastmcp": ["FastMCP", "Context", "Image", "Icon", "gone"],
    "fastmcp": ["FastMCP", "Image", "Client", "settings"],
    "mcp.types": ["Content", "Tool", "TextContent"],
    "mcp": ["McpError", "types", "ClientSession"],
    "fastmcp.tools.tool": ["Tool", "ToolResult", "ParsedFunction", "ToolKind"],
}
WHERE = {
    ("mcp.server.fastmcp", "FastMCP"): ("fastmcp", "FastMCP"),
    ("mcp.server.fastmcp", "Context"): ("fastmcp", "Context"),
    ("mcp.server.fastmcp", "Image"): ("fastmcp.utilities.types", "Image"),
    ("mcp.server.fastmcp", "Icon"): ("mcp.types", "Icon"),
    ("fastmcp", "Image"): ("fastmcp.utilities.types", "Image"),
    ("mcp.types", "Content"): ("mcp.types", "ContentBlock"),
    ("mcp", "McpError"): ("fastmcp.exceptions", "McpError"),
    ("fastmcp.tools.tool", "Tool"): ("fastmcp.tools", "Tool"),
    ("fastmcp.tools.tool", "ToolResult"): ("fastmcp.tools", "ToolResult"),
    ("fastmcp.tools.tool", "ParsedFunction"): ("fastmcp.tools.function_parsing", "ParsedFunction"),
}
GAP = st.sampled_from(["", " ", "\n", "\n        ", "  # é\n    ", "\n    # why\n    ", "\n\n"])


@st.composite
def statements(draw: st.DrawFn) -> tuple[str, str, list[tuple[str, str]]]:
    """An import statement, its module, and its names with those by which the file knows them."""
    home = draw(st.sampled_from(sorted(NAMES)))
    names = draw(st.lists(st.sampled_from(NAMES[home]), min_size=1, max_size=4, unique=True))
    known = [draw(st.sampled_from([name, f"{name}_"])) for name in names]
    written = [n if n == k else f"{n} as {k}" for n, k in zip(names, known, strict=True)]
    if draw(st.booleans()):
        between = draw(st.sampled_from([", ", ",", " , ", ", \\\n    "]))
        text = f"from {home} import {between.join(written)}"
    else:
        inner = draw(GAP)
        for number, name in enumerate(written):
            comma = "," if number < len(written) - 1 or draw(st.booleans()) else ""
            inner += name + draw(st.sampled_from(["", " "])) + comma + draw(GAP)
        text = f"from {home} import ({inner})"
    return text, home, list(zip(names, known, strict=True))


@given(statements(), st.sampled_from(["", "if True:\n    ", "x = 'é'; "]), st.sampled_from(["\n", "\r\n"]))
def test_a_split_import_keeps_names_comments_and_the_rest(
    statement: tuple[str, str, list[tuple[str, str]]], before: str, newline: str
) -> None:
    text, home, names = statement
    source = f"import os\n{before}{text}  # end\nlast = 1\n".replace("\n", newline)
    after = fixed(source)
    wanted = {(*WHERE.get((home, name), (home, name)), known) for name, known in names}
    got = {
        (node.module, alias.name, alias.asname or alias.name)
        for node in ast.walk(ast.parse(after))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert got == wanted, after
    assert comments(after) == comments(source), after
    assert after.startswith(f"import os{newline}{before}".replace("\n", newline).replace("\r\r", "\r"))
    assert after.endswith(f"  # end{newline}last = 1{newline}")


def comments(text: str) -> list[str]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return sorted(token.string for token in tokens if token.type == tokenize.COMMENT)


def test_what_takes_an_import_s_place_can_be_imported() -> None:
    tables = (drift_imports.SDK_1, drift_imports.MODULES, drift_imports.NAMES, drift_imports.INVENTED)
    for row in (row for table in tables for row in table):
        assert row.exact or row.do, row
        if row.exact and "handlers.openai" not in row.to:  # for which openai is needed
            module = importlib.import_module(row.to)
            assert all(hasattr(module, row.now or name) for name in row.names), row


@pytest.mark.parametrize(
    ("text", "versions"),
    [
        ("from mcp.server.fastmcp import FastMCP", {(4,)}),
        ("from fastmcp.tools.tool_manager import ToolManager", {(3,), (4,)}),
        ("from fastmcp.server.auth.providers.bearer import BearerAuthProvider", {(2, 14), (3,), (4,)}),
        ("from fastmcp.server.proxy import FastMCPProxy", {(4,)}),
        ("from fastmcp.middleware import Middleware", {(2, 14), (3,), (4,)}),
        ("from fastmcp import FastMCP\nFastMCP('a', port=1)", {(3,), (4,)}),
        ("from fastmcp import FastMCP\nFastMCP('a', sampling_handler=f)", {(4,)}),
        ("from fastmcp import FastMCP\nFastMCP('a', title='A')", {(2, 14), (3,), (4,)}),
        ("from fastmcp import FastMCP\nFastMCP.as_proxy('a')", {(4,)}),
        ("from fastmcp import FastMCP\nFastMCP('a').get_tools()", {(3,), (4,)}),
        ("from fastmcp import FastMCP\nFastMCP('a').mount(FastMCP('b'), prefix='b')", {(4,)}),
        ("from fastmcp import FastMCP\nFastMCP('a').tool(enabled=False)(f)", {(3,), (4,)}),
        ("from fastmcp import FastMCP\nFastMCP('a').resource('a://b', task=True)(f)", {(4,)}),
    ],
)
def test_each_row_knows_since_when(text: str, versions: set[tuple[int, ...]]) -> None:
    for version in ((2, 14), (3,), (4,)):
        assert bool(found(text, Target(fastmcp=version))) == (version in versions)


def test_the_sdk_s_own_server_is_another_one_before_fastmcp_4() -> None:
    text = "from mcp.server.fastmcp import FastMCP\nmcp = FastMCP('a', port=1)\nmcp.streamable_http_app()\n"
    assert found(text, Target(fastmcp=(3,))) == []
    assert [f.code for f in found(text)] == ["MCP101", "MCP106", "MCP107"]


@pytest.mark.parametrize("rule", DRIFT, ids=lambda rule: rule.code)
def test_what_is_fixed_whole_can_be_imported(rule: Rule, tmp_path: Path) -> None:
    for example in rule.bad:
        before = found(example.code)
        if all(finding.edits for finding in before) and "experimental.sampling" not in example.code:
            failed, text = seen(Example(fixed(example.code)), tmp_path, "sessionless")
            assert not failed, text


def test_httpx_is_judged_by_what_the_project_declares() -> None:
    text = "import httpx\n"
    assert found(text) == []
    assert [f.code for f in found(text, Target(requires=frozenset({"fastmcp", "pydantic"})))] == ["MCP105"]
    assert found(text, Target(requires=frozenset({"fastmcp", "httpx"}))) == []
    assert found(text, Target(requires=frozenset({"fastmcp", "openai"}))) == []
    assert found(text, Target(requires=frozenset({"requests"}))) == []
