"""MCP020, MCP021: servers within servers, and the addresses of what they offer."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from mcp_workbench.findings import Edit, Finding
from mcp_workbench.rules.module import GUARDED, Module, Region, keywords
from mcp_workbench.rules.rule import DOCS, Rule, Target, edit

# loans+data://open, as addresses were written once: a namespace before the scheme
BEFORE_SCHEME = re.compile(r"([A-Za-z][\w.-]*)\+([A-Za-z][\w.-]*)://(.*)", re.DOTALL)
READERS = ("fastmcp.Client()", "fastmcp.Context()", "fastmcp.FastMCP()")


def _import_server(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    for node, parent, region in module.attributes.get("import_server", ()):
        if not module.is_server(node.value, region) or region.guards & GUARDED:
            continue
        if _defines(module, node.value, region, node.attr):
            continue
        server = ast.unparse(node.value)
        call = parent if isinstance(parent, ast.Call) and parent.func is node else None
        yield rule.at(
            module,
            call or node,
            f"`{server}` has no import_server",
            f"Write {server}.mount({_mounted(call)}), without await.",
            unfixed="what is mounted stays live, with its own lifespan and middleware: it is not the same",
        )


def _defines(module: Module, node: ast.AST, region: Region, name: str) -> bool:
    """Is it a server of a class of the project that has this method itself?"""
    made = module.origin(node, region)
    if made is None or not isinstance(made.node, ast.Call):
        return any(function.node.name == name for function in module.functions)
    found = made.module.origin(made.node.func, made.region)
    return (
        found is not None
        and isinstance(found.node, ast.ClassDef)
        and any(
            isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef) and n.name == name for n in found.node.body
        )
    )


def _mounted(call: ast.Call | None) -> str:
    """What mount() is to be given instead: import_server(server, prefix), or (prefix, server) before 2.9."""
    if call is None or any(isinstance(a, ast.Starred) for a in call.args):
        return 'server, namespace="..."'
    given = keywords(call)
    values = [*call.args[:2], *(given[k].value for k in ("server", "prefix") if k in given)]
    texts = [v for v in values if isinstance(v, ast.Constant) and isinstance(v.value, str)]
    servers = [v for v in values if not isinstance(v, ast.Constant)]
    server = ast.unparse(servers[0]) if servers else "server"
    names = [*texts, *servers[1:]]
    return f"{server}, namespace={ast.unparse(names[0])}" if names else server


IMPORT_SERVER = Rule(
    code="MCP020",
    name="import-server",
    line="import_server() is gone",
    happens="AttributeError: 'FastMCP' object has no attribute 'import_server'.",
    why=(
        "FastMCP 4 has one way of putting a server into another: mount(), which asks the other server each "
        "time. What is added to it later is there too."
    ),
    fix='Write mcp.mount(server, namespace="name"). The tools are called name_tool.',
    links=(f"{DOCS}/servers/composition",),
    find=_import_server,
    since=(4,),
)


def _prefix_format(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    yield from _argument(rule, module)
    yield from _setting(rule, module)
    yield from _addresses(rule, module)


def _argument(rule: Rule, module: Module) -> Iterator[Finding]:
    for call, _, region in (*module.calls_of("FastMCP"), *module.calls.get("mount", ())):
        given = keywords(call).get("resource_prefix_format")
        if given is None or region.guards & GUARDED:
            continue
        if isinstance(call.func, ast.Attribute) and call.func.attr == "mount":
            known, name = module.is_server(call.func.value, region), "mount()"
            known = known and not _defines(module, call.func.value, region, "mount")
        else:
            known, name = module.meaning(call, region) == "fastmcp.FastMCP()", "FastMCP()"
            known = known and module.is_library_class(call, region)
        if known:
            path = isinstance(given.value, ast.Constant) and given.value.value == "path"
            yield rule.at(
                module,
                given,
                f"{name} has no argument `resource_prefix_format`",
                "Take it out: in the namespace loans, data://open has the address data://loans/open.",
                [_removed(module, call, given)] if path else [],
                "" if path else "the addresses that clients know change with it",
            )


def _removed(module: Module, call: ast.Call, keyword: ast.keyword) -> Edit:
    """A call without one of its arguments, and without its comma."""
    others: list[ast.expr | ast.keyword] = sorted(
        [*call.args, *call.keywords], key=lambda n: (n.lineno, n.col_offset)
    )
    place = others.index(keyword)
    start = (keyword.lineno, keyword.col_offset)
    end = (keyword.end_lineno or 0, keyword.end_col_offset or 0)
    if place:
        start = (others[place - 1].end_lineno or 0, others[place - 1].end_col_offset or 0)
    elif len(others) > 1:
        end = (others[1].lineno, others[1].col_offset)
    return Edit(start[0], module.column(*start), end[0], module.column(*end), "")


def _setting(rule: Rule, module: Module) -> Iterator[Finding]:
    for node, _, region in module.attributes.get("resource_prefix_format", ()):
        if module.meaning(node.value, region) == "fastmcp.settings" and not region.guards & GUARDED:
            yield rule.at(
                module,
                node,
                "FastMCP's settings have no `resource_prefix_format`",
                "Take it out: in the namespace loans, data://open has the address data://loans/open.",
                unfixed="the addresses that clients know change with it",
            )


def _addresses(rule: Rule, module: Module) -> Iterator[Finding]:
    """Addresses with a namespace of this file's servers before the scheme."""
    reads = module.calls.get("read_resource")
    spaces = _namespaces(module) if reads else set()
    for call, _, region in reads or () if spaces else ():
        given = [*call.args[:1], *(k.value for k in call.keywords if k.arg == "uri")]
        uri = given[0] if given else None
        if not isinstance(uri, ast.Constant) or not isinstance(uri.value, str):
            continue
        parts = BEFORE_SCHEME.fullmatch(uri.value)
        reader = call.func.value if isinstance(call.func, ast.Attribute) else None
        if not parts or parts[1] not in spaces or module.meaning(reader, region) not in READERS:
            continue
        if region.guards & GUARDED or _is_own(module, parts[1]):
            continue
        right = f"{parts[2]}://{parts[1]}/{parts[3]}"
        what = f"no resource has the address {uri.value!r}"
        fixed = [edit(module, uri, repr(right) if "'" in module.lines[uri.lineno - 1] else f'"{right}"')]
        yield rule.at(module, uri, what, f'Write "{right}".', fixed)


def _namespaces(module: Module) -> set[str]:
    """The namespaces in which this file mounts servers."""
    found = set()
    for call, _, region in module.calls.get("mount", ()):
        if isinstance(call.func, ast.Attribute) and module.is_server(call.func.value, region):
            named = [k.value for k in call.keywords if k.arg in ("namespace", "prefix")]
            found |= {v.value for v in (*call.args[:2], *named) if isinstance(v, ast.Constant)}
    return {name for name in found if isinstance(name, str)}


def _is_own(module: Module, name: str) -> bool:
    """Is there a resource whose own scheme begins like that: @mcp.resource("loans+data://open")?"""
    return any(
        isinstance(first, ast.Constant) and str(first.value).startswith(f"{name}+")
        for call, _, _ in module.calls.get("resource", ())
        for first in (*call.args[:1], *(k.value for k in call.keywords if k.arg == "uri"))
    )


PREFIX_FORMAT = Rule(
    code="MCP021",
    name="resource-prefix-format",
    line="A namespace is not written before the scheme of an address",
    happens=(
        'FastMCP(resource_prefix_format=...) is a TypeError, "FastMCP() got unexpected keyword argument(s): '
        "'resource_prefix_format'\"; mount(resource_prefix_format=...) as well. Reading loans+data://open "
        "fails: 'Resource not found', or 'Unknown resource' from a context."
    ),
    why=(
        "Since FastMCP 2.14 a namespace is always part of the path: in the namespace loans, data://open is "
        "data://loans/open."
    ),
    fix="Take the argument out, and write the namespace after the scheme: data://loans/open.",
    links=(f"{DOCS}/servers/composition",),
    find=_prefix_format,
    since=(2, 14),
)

RULES = (IMPORT_SERVER, PREFIX_FORMAT)
