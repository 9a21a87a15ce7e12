"""MCP003 to MCP006, MCP011, MCP012: what a function must be like to be offered by a server."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from mcp_workbench.findings import Finding
from mcp_workbench.rules.module import Component, Module
from mcp_workbench.rules.rule import DOCS, Example, Rule, Target

SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
PARAMETER = re.compile(r"\{([\w-]+)\*?\}")
QUERY = re.compile(r"\{\?([\w,-]+)\}")


def address(component: Component) -> ast.expr | None:
    """The URI that a resource is registered with, as it is written."""
    call = component.call
    if component.kind != "resource" or call is None:
        return None
    named = [keyword.value for keyword in call.keywords if keyword.arg == "uri"]
    return next(iter(call.args or named), None)


def _no_scheme(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    for component in module.components():
        uri = address(component)
        if component.kind == "resource" and component.call is None:
            yield rule.at(
                module,
                component.register,
                "`@resource` without an address",
                f'Write @mcp.resource("data://{component.function.name}").',
            )
        elif isinstance(uri, ast.Constant) and isinstance(uri.value, str) and not SCHEME.match(uri.value):
            yield rule.at(
                module,
                uri,
                f"the address {uri.value!r} has no scheme",
                f"Give it one, such as 'data://{uri.value.lstrip('/')}'.",
            )


NO_SCHEME = Rule(
    code="MCP004",
    name="resource-without-scheme",
    line="A resource's address has no scheme",
    happens=(
        "The import fails: pydantic's ValidationError, 'Input should be a valid URL, relative URL without a "
        "base'. A template ('users/{user_id}') is accepted and listed, and can never be read."
    ),
    why="A resource is found by its URI, and a URI starts with a scheme: letters, digits, + . - and a colon.",
    fix="Write data://config, or another scheme that says what it is.",
    bad=(
        Example(
            'from fastmcp import FastMCP\n\nmcp = FastMCP("desk")\n\n\n'
            '@mcp.resource("config")\ndef config() -> str:\n    return "{}"\n',
            shows="ValidationError: .*relative URL without a base",
        ),
        Example(
            'from fastmcp import FastMCP\n\nmcp = FastMCP("desk")\n\n\n'
            '@mcp.resource("users/{user_id}")\ndef user(user_id: str) -> str:\n    return user_id\n',
            does='await client.read_resource("users/7")',
            shows="resource URI is invalid|Invalid|Unknown resource|not found",
        ),
    ),
    good=(
        Example(
            'from fastmcp import FastMCP\n\nmcp = FastMCP("desk")\n\n\n'
            '@mcp.resource("data://config")\ndef config() -> str:\n    return "{}"\n\n\n'
            '@mcp.resource("user://{user_id}")\ndef user(user_id: str) -> str:\n    return user_id\n',
            does='print((await client.read_resource("user://7"))[0].text)',
            shows="^7$",
        ),
    ),
    links=(f"{DOCS}/servers/resources",),
    find=_no_scheme,
)

RULES = (NO_SCHEME,)
