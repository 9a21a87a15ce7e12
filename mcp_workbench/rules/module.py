"""What a Python file says, as the rules ask: its scopes, what names in them mean, its calls. Nothing is run.

A *meaning* is a dotted name: `fastmcp.FastMCP` is the class, wherever it was imported from and whatever it is
called here, and `fastmcp.FastMCP()` is what calling it gives. A name that may mean two things means nothing,
so that no rule speaks of what it does not know.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

Function = ast.FunctionDef | ast.AsyncFunctionDef
LINE_END = re.compile(r"\r\n|\r|\n")  # as Python counts lines; str.splitlines knows more ends

# One name for each thing that can be imported from several places, and for what its classes' methods give.
CANONICAL = {
    "fastmcp.server.FastMCP": "fastmcp.FastMCP",
    "fastmcp.server.server.FastMCP": "fastmcp.FastMCP",
    "mcp.server.fastmcp.FastMCP": "fastmcp.FastMCP",  # SDK 1: MCP101 speaks of the import
    "mcp.server.fastmcp.server.FastMCP": "fastmcp.FastMCP",
    "mcp.server.FastMCP": "fastmcp.FastMCP",
    "fastmcp.server.proxy.FastMCPProxy": "fastmcp.FastMCP",
    "fastmcp.server.providers.proxy.FastMCPProxy": "fastmcp.FastMCP",
    "fastmcp.FastMCP.from_openapi()": "fastmcp.FastMCP()",
    "fastmcp.FastMCP.from_fastapi()": "fastmcp.FastMCP()",
    "fastmcp.FastMCP.as_proxy()": "fastmcp.FastMCP()",
    "fastmcp.FastMCP().as_proxy()": "fastmcp.FastMCP()",
    "fastmcp.server.create_proxy()": "fastmcp.FastMCP()",
    "fastmcp.server.providers.proxy.create_proxy()": "fastmcp.FastMCP()",
    "fastmcp.server.Context": "fastmcp.Context",
    "fastmcp.server.context.Context": "fastmcp.Context",
    "mcp.server.fastmcp.Context": "fastmcp.Context",
    "fastmcp.server.dependencies.get_context()": "fastmcp.Context()",
    "fastmcp.dependencies.get_context()": "fastmcp.Context()",
    "fastmcp.Context().fastmcp": "fastmcp.FastMCP()",
    "fastmcp.Context().fastmcp_context": "fastmcp.Context()",  # there is none: MCP104 speaks of it
    "mcp.McpError": "fastmcp.exceptions.McpError",  # SDK 1
    "mcp.shared.exceptions.McpError": "fastmcp.exceptions.McpError",
    "mcp.server.fastmcp.Icon": "mcp.types.Icon",
    "mcp.server.fastmcp.Image": "fastmcp.utilities.types.Image",
    "mcp.server.fastmcp.Audio": "fastmcp.utilities.types.Audio",
    "mcp.server.fastmcp.exceptions.ToolError": "fastmcp.exceptions.ToolError",
    "fastmcp.Image": "fastmcp.utilities.types.Image",  # FastMCP 2: MCP103 speaks of the import
    "fastmcp.tools.tool.Tool": "fastmcp.tools.Tool",
    "fastmcp.tools.tool.ToolResult": "fastmcp.tools.ToolResult",
    "fastmcp.prompts.prompt.Message": "fastmcp.prompts.Message",
    "fastmcp.prompts.prompt.PromptMessage": "fastmcp.prompts.PromptMessage",
    "fastmcp.middleware.Middleware": "fastmcp.server.middleware.Middleware",  # there is no such module
    "fastmcp.middleware.MiddlewareContext": "fastmcp.server.middleware.MiddlewareContext",
    "fastmcp.auth.OAuthProxy": "fastmcp.server.auth.OAuthProxy",
    "fastmcp.client.Client": "fastmcp.Client",
    "fastmcp.client.client.Client": "fastmcp.Client",
    "typing_extensions.Annotated": "typing.Annotated",
    "fastmcp.Icon": "mcp.types.Icon",  # there is none: MCP024 speaks of the import
    "mcp_types.Icon": "mcp.types.Icon",
    "fastmcp.server.middleware.middleware.Middleware": "fastmcp.server.middleware.Middleware",
    "fastmcp.server.auth.oauth_proxy.OAuthProxy": "fastmcp.server.auth.OAuthProxy",
    "fastmcp.server.auth.oauth_proxy.proxy.OAuthProxy": "fastmcp.server.auth.OAuthProxy",
    "fastmcp.server.auth.oidc_proxy.OIDCProxy": "fastmcp.server.auth.OIDCProxy",
    "starlette.applications.Starlette": "starlette.Starlette",
    "fastapi.applications.FastAPI": "fastapi.FastAPI",
    # What a client's calls give; `X[]` is an item of X.
    "fastmcp.client.sampling.SamplingParams": "mcp.types.CreateMessageRequestParams",
    "fastmcp.client.elicitation.ElicitRequestParams": "mcp.types.ElicitRequestFormParams",
    "fastmcp.server.middleware.middleware.MiddlewareContext": "fastmcp.server.middleware.MiddlewareContext",
    "fastmcp.server.middleware.MiddlewareContext().fastmcp_context": "fastmcp.Context()",
    "fastmcp.Client().new()": "fastmcp.Client()",
    "fastmcp.Client().list_tools()[]": "mcp.types.Tool()",
    "fastmcp.Client().list_tools_mcp()": "mcp.types.ListToolsResult()",
    "fastmcp.Client().list_resources()[]": "mcp.types.Resource()",
    "fastmcp.Client().list_resources_mcp()": "mcp.types.ListResourcesResult()",
    "fastmcp.Client().list_resource_templates()[]": "mcp.types.ResourceTemplate()",
    "fastmcp.Client().list_resource_templates_mcp()": "mcp.types.ListResourceTemplatesResult()",
    "fastmcp.Client().list_prompts()[]": "mcp.types.Prompt()",
    "fastmcp.Client().list_prompts_mcp()": "mcp.types.ListPromptsResult()",
    "fastmcp.Client().read_resource()[]": "mcp.types.TextResourceContents()",
    "fastmcp.Client().read_resource_mcp()": "mcp.types.ReadResourceResult()",
    "fastmcp.Client().get_prompt()": "mcp.types.GetPromptResult()",
    "fastmcp.Client().call_tool().content[]": "mcp.types.ContentBlock()",
    "fastmcp.Client().call_tool_mcp()": "mcp.types.CallToolResult()",
    "fastmcp.Client().complete()": "mcp.types.Completion()",
    "fastmcp.Client().initialize_result": "mcp.types.InitializeResult()",
    "mcp.types.CallToolResult().content[]": "mcp.types.ContentBlock()",
    "mcp.types.ListToolsResult().tools[]": "mcp.types.Tool()",
    "mcp.types.ListResourcesResult().resources[]": "mcp.types.Resource()",
    "mcp.types.ReadResourceResult().contents[]": "mcp.types.TextResourceContents()",
    "mcp.types.GetPromptResult().messages[]": "mcp.types.PromptMessage()",
    "mcp.types.PromptMessage().content": "mcp.types.ContentBlock()",
    "mcp.types.Tool().annotations": "mcp.types.ToolAnnotations()",
}
SERVER, CLIENT, CONTEXT = "fastmcp.FastMCP()", "fastmcp.Client()", "fastmcp.Context()"
DEEPEST = 60  # of names that stand for names; also a thousand modules may return what the next one does
# Guards of a region (see there) whose code deals with what may be missing or have another shape.
GUARDED = frozenset({"caught", "handler", "asked"})
GUARDED_OR_TYPING = GUARDED | {"typing"}
KEEPING = frozenset({"functools.cache", "functools.lru_cache"})  # decorators that change no result
WITH_GIVES_ITSELF = frozenset({CLIENT})
_NOTHING = (ast.Name, ast.Constant, ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SCOPES = (*_FUNCTIONS, ast.ClassDef, ast.Lambda)


class Binding(NamedTuple):
    """One way in which a scope gives a name a meaning.

    `how` is import, value, enter (what a `with` gives), item (what a `for` gives), exception (what an
    `except` names), function, class, parameter, or other (not known).
    `what` is the dotted name of an import, else the node: the value, the definition, the annotation.
    """

    how: str
    what: ast.AST | str | None
    region: Region


class Scope:
    """A module, class or function, and the names that it binds."""

    __slots__ = ("names", "node", "outside", "parent")

    def __init__(self, node: ast.AST, parent: Scope | None) -> None:
        self.node, self.parent = node, parent
        self.names: dict[str, list[Binding]] = {}
        self.outside: set[str] = set()  # what `global` and `nonlocal` name

    @property
    def is_class(self) -> bool:
        return isinstance(self.node, ast.ClassDef)


class Region:
    """A part of a scope: what has been asked before anything in it runs.

    `guards` has "main" (`if __name__ == "__main__"`), "typing" (`if TYPE_CHECKING`), "caught" (a `try` that
    catches ImportError, AttributeError or TypeError by name), "asked" (`hasattr(...)` or a version),
    "handler" (an `except` block).
    """

    __slots__ = ("guards", "scope")

    def __init__(self, scope: Scope, guards: frozenset[str] = frozenset()) -> None:
        self.scope, self.guards = scope, guards

    @property
    def function(self) -> Function | None:
        """The innermost function whose body this is part of; a lambda counts as part of its function."""
        scope: Scope | None = self.scope
        while scope is not None:
            if isinstance(scope.node, _FUNCTIONS):
                return scope.node
            scope = scope.parent
        return None

    @property
    def at_import(self) -> bool:
        """Does it run while the module is imported? Class bodies do."""
        return self.function is None and not self.guards & {"main", "typing"}


class Seen(NamedTuple):
    """A call, the node that holds it, and where it stands."""

    node: ast.Call
    parent: ast.AST
    region: Region


class SeenAttribute(NamedTuple):
    """An attribute that is read or set, the node that holds it, and where it stands."""

    node: ast.Attribute
    parent: ast.AST
    region: Region


class DefinedFunction(NamedTuple):
    """A function, and where it is defined."""

    node: Function
    region: Region


class DefinedClass(NamedTuple):
    """A class, and where it is defined."""

    node: ast.ClassDef
    region: Region


class Origin(NamedTuple):
    """An expression or a definition, the module that it is written in, and where it stands there."""

    module: Module
    node: ast.AST
    region: Region


class Component(NamedTuple):
    """A function that a server offers.

    `kind` is tool, resource, prompt, completion or custom_route; `register` is the decorator, or the
    call that was given the function; `region` is where the function's parameters and statements stand.
    """

    kind: str
    function: Function
    register: ast.expr
    region: Region

    @property
    def call(self) -> ast.Call | None:
        """The decorator's call: None for a bare `@mcp.tool`."""
        return self.register if isinstance(self.register, ast.Call) else None


class Module:
    """A parsed file.

    Args:
        path: As findings name it.
        text: Its source.
        tree: The parsed source; its nodes' lines are those of `text`.
        name: The dotted name by which its project imports it.
        find: Gives the module of the same project with a dotted name, or None.
        outer: What was run before it, whose names it sees: of a chapter, those before it.

    `entry` is set by who knows the project: the file was named as the server, or no other file imports it.
    """

    _depth = 0  # how many meanings of any module are being looked for, one for the sake of the other

    def __init__(
        self,
        path: str,
        text: str,
        tree: ast.Module,
        name: str = "",
        find: Callable[[str], Module | None] = lambda name: None,
        is_package: bool = False,
        outer: Module | None = None,
    ) -> None:
        self.path, self.text, self.tree, self.name, self.find = path, text, tree, name, find
        self.is_package, self.outer = is_package, outer
        self.entry = False
        self.lines = LINE_END.split(text)
        self.scope = Scope(tree, None)
        self.calls: dict[str, list[Seen]] = {}  # by the last name of what is called
        self.attributes: dict[str, list[SeenAttribute]] = {}  # by name
        self.functions: list[DefinedFunction] = []
        self.classes: list[DefinedClass] = []
        self.imports: list[tuple[ast.Import | ast.ImportFrom, Region]] = []
        self.awaits: list[tuple[ast.Await, Region]] = []
        self.tries: list[tuple[ast.Try, Region]] = []
        self.returns: dict[Function, list[ast.Return]] = {}
        self.generators: set[Function] = set()
        self.subscripts: list[tuple[ast.Subscript, Region]] = []
        self.async_blocks: list[tuple[ast.AsyncWith | ast.AsyncFor, Region]] = []
        self.regions: dict[ast.AST, Region] = {}  # of functions and classes: the region of their bodies
        self.members: dict[ast.ClassDef, dict[str, list[Binding]]] = {}  # what methods assign to self
        self._walk()
        self.notes: dict[str, Any] = {}  # what rules found out about it, by the rule's own key
        self._meanings: dict[tuple[int, int], str | None] = {}
        self._busy: set[tuple[int, int]] = set()
        self._followed: dict[str, str] = {}
        self._quoted: dict[str, ast.expr | None] = {}
        self._classes: list[ast.expr] = []  # the bases that are being looked at

    # The one pass ---------------------------------------------------------------------------------------

    def _walk(self) -> None:
        """Visit every node once: bind names, and keep what rules look at."""
        top = Region(self.scope)
        stack: list[tuple[ast.AST, ast.AST, Region]] = [(self.tree, self.tree, top)]
        push, handlers = stack.append, self._handlers()
        while stack:
            node, parent, region = stack.pop()
            handler = handlers.get(type(node))
            if handler is not None and handler(node, parent, region, push):
                continue  # it has pushed its own children
            for field in node._fields:
                value = getattr(node, field, None)
                if type(value) is list:
                    for item in value:
                        if isinstance(item, ast.AST) and not isinstance(item, _NOTHING):
                            push((item, node, region))
                elif isinstance(value, ast.AST) and not isinstance(value, _NOTHING):
                    push((value, node, region))

    def _handlers(self) -> dict[type, Callable[..., bool | None]]:
        return {
            ast.FunctionDef: self._function,
            ast.AsyncFunctionDef: self._function,
            ast.Lambda: self._lambda,
            ast.ClassDef: self._class,
            ast.Import: self._import,
            ast.ImportFrom: self._import_from,
            ast.Assign: self._assign,
            ast.AnnAssign: self._annotated,
            ast.AugAssign: lambda node, parent, region, push: self._bind(node.target, "other", None, region),
            ast.NamedExpr: lambda node, parent, region, push: self._bind(
                node.target, "value", node.value, region
            ),
            ast.For: lambda node, parent, region, push: self._bind(node.target, "item", node.iter, region),
            ast.AsyncFor: self._async_for,
            ast.comprehension: lambda node, parent, region, push: self._bind(
                node.target, "item", node.iter, region
            ),
            ast.With: self._with,
            ast.AsyncWith: self._async_with,
            ast.ExceptHandler: self._handler,
            ast.Global: lambda node, parent, region, push: region.scope.outside.update(node.names),
            ast.Nonlocal: lambda node, parent, region, push: region.scope.outside.update(node.names),
            ast.If: self._if,
            ast.IfExp: self._if_expression,
            ast.Try: self._try,
            ast.Call: self._call,
            ast.Attribute: self._attribute,
            ast.Return: self._return,
            ast.Yield: self._yield,
            ast.YieldFrom: self._yield,
            ast.Await: lambda node, parent, region, push: self.awaits.append((node, region)),
            ast.Subscript: lambda node, parent, region, push: self.subscripts.append((node, region)),
        }

    def _name(self, name: str, how: str, what: ast.AST | str | None, region: Region) -> None:
        scope = region.scope
        if name in scope.outside:
            scope = self.scope
        scope.names.setdefault(name, []).append(Binding(how, what, region))

    def _bind(self, target: ast.AST, how: str, what: ast.AST | None, region: Region) -> None:
        if isinstance(target, ast.Name):
            self._name(target.id, how, what, region)
        elif isinstance(target, ast.Tuple | ast.List):
            for item in target.elts:
                self._bind(item, "other", None, region)
        elif isinstance(target, ast.Starred):
            self._bind(target.value, "other", None, region)
        elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
            owner = self._class_of_self(target.value.id, region)
            if owner is not None:
                members = self.members.setdefault(owner, {})
                members.setdefault(target.attr, []).append(Binding(how, what, region))

    def _class_of_self(self, name: str, region: Region) -> ast.ClassDef | None:
        """The class whose instance a name is, as a method's first parameter."""
        scope: Scope | None = region.scope
        while scope is not None:
            node = scope.node
            if isinstance(node, _FUNCTIONS) and scope.parent is not None and scope.parent.is_class:
                first = [*node.args.posonlyargs, *node.args.args][:1]
                if first and first[0].arg == name:
                    return scope.parent.node if isinstance(scope.parent.node, ast.ClassDef) else None
            scope = scope.parent
        return None

    def _function(self, node: Function, parent: ast.AST, region: Region, push: Callable[..., None]) -> bool:
        self._name(node.name, "function", node, region)
        self.functions.append(DefinedFunction(node, region))
        inner = Region(Scope(node, region.scope), region.guards - {"caught", "asked", "handler"})
        self.regions[node] = inner
        arguments = node.args
        for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            self._name(argument.arg, "parameter", argument.annotation, inner)
            if argument.annotation is not None:
                push((argument.annotation, node, region))
        for star in (arguments.vararg, arguments.kwarg):
            if star is not None:
                self._name(star.arg, "other", None, inner)
        for outer in (*node.decorator_list, *arguments.defaults, *arguments.kw_defaults, node.returns):
            if outer is not None:
                push((outer, node, region))
        for statement in reversed(node.body):
            push((statement, node, inner))
        return True

    def _lambda(self, node: ast.Lambda, parent: ast.AST, region: Region, push: Callable[..., None]) -> bool:
        inner = Region(Scope(node, region.scope), region.guards)
        self.regions[node] = inner
        for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
            self._name(argument.arg, "other", None, inner)
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default is not None:
                push((default, node, region))
        push((node.body, node, inner))
        return True

    def _class(self, node: ast.ClassDef, parent: ast.AST, region: Region, push: Callable[..., None]) -> bool:
        self._name(node.name, "class", node, region)
        self.classes.append(DefinedClass(node, region))
        inner = Region(Scope(node, region.scope), region.guards)
        self.regions[node] = inner
        for outer in (*node.decorator_list, *node.bases, *(k.value for k in node.keywords)):
            push((outer, node, region))
        for statement in reversed(node.body):
            push((statement, node, inner))
        return True

    def _import(self, node: ast.Import, parent: ast.AST, region: Region, push: object) -> None:
        self.imports.append((node, region))
        for alias in node.names:
            origin = alias.name if alias.asname else alias.name.partition(".")[0]
            self._name(alias.asname or origin, "import", origin, region)

    def _import_from(self, node: ast.ImportFrom, parent: ast.AST, region: Region, push: object) -> None:
        self.imports.append((node, region))
        origin = self.absolute(node)
        for alias in node.names:
            if alias.name != "*":
                self._name(alias.asname or alias.name, "import", f"{origin}.{alias.name}", region)

    def absolute(self, node: ast.ImportFrom) -> str:
        """The dotted name of the module that a `from` imports from."""
        if not node.level:
            return node.module or ""
        parts = self.name.split(".") if self.name else []
        if not self.is_package:
            parts = parts[:-1]
        parts = parts[: len(parts) - node.level + 1]
        return ".".join([*parts, node.module] if node.module else parts)

    def _assign(self, node: ast.Assign, parent: ast.AST, region: Region, push: object) -> None:
        for target in node.targets:
            self._bind(target, "value", node.value, region)

    def _annotated(self, node: ast.AnnAssign, parent: ast.AST, region: Region, push: object) -> None:
        if node.value is not None:
            self._bind(node.target, "value", node.value, region)
        else:
            self._bind(node.target, "parameter", node.annotation, region)

    def _with(
        self, node: ast.With | ast.AsyncWith, parent: ast.AST, region: Region, push: Callable[..., None]
    ) -> bool:
        guards = region.guards
        for item in node.items:
            if item.optional_vars is not None:
                self._bind(item.optional_vars, "enter", item.context_expr, region)
            called = item.context_expr.func if isinstance(item.context_expr, ast.Call) else None
            if getattr(called, "attr", getattr(called, "id", "")) in ("expect_error", "raises", "suppress"):
                guards |= {"caught"}
            push((item.context_expr, node, region))
        inner = region if guards == region.guards else Region(region.scope, guards)
        for statement in reversed(node.body):
            push((statement, node, inner))
        return True

    def _async_with(
        self, node: ast.AsyncWith, parent: ast.AST, region: Region, push: Callable[..., None]
    ) -> bool:
        self.async_blocks.append((node, region))
        return self._with(node, parent, region, push)

    def _async_for(self, node: ast.AsyncFor, parent: ast.AST, region: Region, push: object) -> None:
        self.async_blocks.append((node, region))
        self._bind(node.target, "item", node.iter, region)

    def _handler(
        self, node: ast.ExceptHandler, parent: ast.AST, region: Region, push: Callable[..., None]
    ) -> bool:
        if node.name:
            self._name(node.name, "exception", node.type, region)
        inner = Region(region.scope, region.guards | {"handler"})
        for statement in reversed(node.body):
            push((statement, node, inner))
        return True

    def _if(self, node: ast.If, parent: ast.AST, region: Region, push: Callable[..., None]) -> bool:
        guard = _asked(node.test)
        inner = Region(region.scope, region.guards | {guard}) if guard else region
        otherwise = inner if guard == "asked" else region
        push((node.test, node, region))
        for statement in reversed(node.orelse):
            push((statement, node, otherwise))
        for statement in reversed(node.body):
            push((statement, node, inner))
        return True

    def _if_expression(
        self, node: ast.IfExp, parent: ast.AST, region: Region, push: Callable[..., None]
    ) -> bool:
        inner = Region(region.scope, region.guards | {"asked"}) if _asked(node.test) == "asked" else region
        for part, its in ((node.test, region), (node.body, inner), (node.orelse, inner)):
            push((part, node, its))
        return True

    def _try(self, node: ast.Try, parent: ast.AST, region: Region, push: Callable[..., None]) -> bool:
        self.tries.append((node, region))
        inner = Region(region.scope, region.guards | {"caught"}) if _catches(node) else region
        for handler in node.handlers:
            push((handler, node, region))
        for statement in reversed([*node.orelse, *node.finalbody]):
            push((statement, node, region))
        for statement in reversed(node.body):
            push((statement, node, inner))
        return True

    def _call(self, node: ast.Call, parent: ast.AST, region: Region, push: object) -> None:
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        self.calls.setdefault(name, []).append(Seen(node, parent, region))

    def _return(self, node: ast.Return, parent: ast.AST, region: Region, push: object) -> None:
        if region.function is not None:
            self.returns.setdefault(region.function, []).append(node)

    def _yield(self, node: ast.AST, parent: ast.AST, region: Region, push: object) -> None:
        if region.function is not None:
            self.generators.add(region.function)

    def _attribute(self, node: ast.Attribute, parent: ast.AST, region: Region, push: object) -> None:
        self.attributes.setdefault(node.attr, []).append(SeenAttribute(node, parent, region))

    def column(self, line: int, offset: int) -> int:
        """The character (from 0) at which a line's byte stands: `ast` counts bytes."""
        text = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        return offset if text.isascii() else len(text.encode()[:offset].decode(errors="ignore"))

    # What names mean ------------------------------------------------------------------------------------

    def bindings(self, name: str, scope: Scope | None) -> list[Binding]:
        """The bindings of a name as Python looks it up: class bodies are seen only from within."""
        first = True
        while scope is not None:
            if name in scope.names and (first or not scope.is_class):
                return scope.names[name]
            first, scope = False, scope.parent
        return []

    def meaning(self, node: ast.AST | None, region: Region) -> str | None:
        """What an expression means, as a dotted name; None where that is not known for certain."""
        if node is None:
            return None
        key = (id(node), id(region.scope))
        if key in self._meanings:
            return self._meanings[key]
        if key in self._busy or Module._depth == DEEPEST:
            return None  # a = b; b = a
        self._busy.add(key)
        Module._depth += 1
        try:
            found = self._meaning(node, region)
        finally:
            Module._depth -= 1
            self._busy.discard(key)
        found = CANONICAL.get(found, found) if found else None
        self._meanings[key] = found
        return found

    def _meaning(self, node: ast.AST, region: Region) -> str | None:
        if isinstance(node, ast.Name):
            bound = self.bindings(node.id, region.scope)
            if not bound and self.outer is not None:
                return self.outer._agreed(self.outer.scope.names.get(node.id, []))
            return self._agreed(bound)
        if isinstance(node, ast.Attribute):
            owner = self._member_class(node, region)
            if owner is not None:
                return self._agreed(self.members.get(owner, {}).get(node.attr, []))
            if node.attr == "fastmcp_context" and self._is_of_hook(node.value, region):
                return "fastmcp.Context()"
            base = self.meaning(node.value, region)
            return self._joined(base, node.attr) if base else None
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id == "next" and node.args:
                first = node.args[0]  # next(tool for tool in tools if ...)
                return self.meaning(first.elt, region) if isinstance(first, ast.GeneratorExp) else None
            return self._given_by(self.meaning(node.func, region))
        if isinstance(node, ast.Await):
            return self.meaning(node.value, region)
        if isinstance(node, ast.Subscript):
            base = self.meaning(node.value, region)
            if base and ")" in base and not isinstance(node.slice, ast.Slice):
                return f"{base}[]"
            return base  # FastMCP[Settings]("name")
        if isinstance(node, ast.NamedExpr):
            return self.meaning(node.value, region)
        return None

    def _is_of_hook(self, node: ast.AST, region: Region) -> bool:
        """Is this the `context` that a hook of a middleware is given, with or without its annotation?"""
        function = region.function
        if not isinstance(node, ast.Name) or function is None or not function.name.startswith("on_"):
            return False
        arguments = [argument.arg for argument in function.args.args]
        owner = self._class_of_self(arguments[0], self.regions[function]) if arguments else None
        if owner is None or arguments[1:2] != [node.id]:
            return False
        meant = self._base_of(owner, Region(self.regions[owner].scope.parent or self.scope))
        return meant == "fastmcp.server.middleware.Middleware"

    def _member_class(self, node: ast.Attribute, region: Region) -> ast.ClassDef | None:
        """The class of `self` in self.attr, where its methods assign that attribute."""
        if not isinstance(node.value, ast.Name):
            return None
        owner = self._class_of_self(node.value.id, region)
        return owner if owner is not None and node.attr in self.members.get(owner, {}) else None

    def _agreed(self, bindings: list[Binding]) -> str | None:
        """What all bindings of a name mean, `None` and the alternatives of an `except` aside."""
        if len(bindings) > 1:
            bindings = [b for b in bindings if "handler" not in b.region.guards]
            kinds = {binding.how for binding in bindings}
            if {"import", "function"} <= kinds:
                return None  # they cannot agree: the other module need not be read
            if kinds == {"import"}:  # each cell of a notebook may have it
                bindings = list({binding.what: binding for binding in bindings}.values())
        found: str | None = None
        for binding in bindings:
            if isinstance(binding.what, ast.AST) and is_none(binding.what):
                continue
            meant = self._bound(binding)
            if meant is None or (found is not None and meant != found):
                return None
            found = meant
        return found

    def _bound(self, binding: Binding) -> str | None:
        how, what, region = binding
        if how == "import":
            return self.imported(str(what))
        if how == "value" and isinstance(what, ast.AST):
            return self.meaning(what, region)
        if how == "enter" and isinstance(what, ast.AST):
            entered = self.meaning(what, region)
            return entered if entered in WITH_GIVES_ITSELF else None
        if how == "item" and isinstance(what, ast.AST):
            whole = self.meaning(what, region)
            return CANONICAL.get(f"{whole}[]", f"{whole}[]") if whole and ")" in whole else None
        if how == "parameter" and isinstance(what, ast.AST):
            kind = self.annotated(what, region)
            return f"{kind}()" if kind else None
        if how == "function" and isinstance(what, _FUNCTIONS):
            return f"{self.name or self.path}:{what.name}" if region.scope is self.scope else None
        if how == "class" and isinstance(what, ast.ClassDef):
            return self._base_of(what, region)
        return None

    def _base_of(self, node: ast.ClassDef, region: Region) -> str | None:
        """A class of the file stands for the one of FastMCP that it extends."""
        known = [base for base in (self.meaning(b, region) for b in node.bases) if base]
        if len(known) == 1 and ":" not in known[0] and known[0].startswith(("fastmcp.", "mcp.")):
            return known[0]
        return f"{self.name or self.path}:{node.name}"

    def imported(self, dotted: str) -> str:
        """What an imported name means: followed into the modules of the same project."""
        if dotted not in self._followed:
            self._followed[dotted] = self._follow(dotted)
        return self._followed[dotted]

    def _follow(self, dotted: str) -> str:
        if dotted in CANONICAL:
            return CANONICAL[dotted]
        if dotted.startswith("mcp_types."):
            return f"mcp.types.{dotted.removeprefix('mcp_types.')}"
        home, _, name = dotted.rpartition(".")
        other = self.find(home) if home else None
        if other is not None and other is not self and name in other.scope.names:
            if Module._depth == DEEPEST:
                return f"{other.name}:{name}"
            Module._depth += 1
            try:
                return other._agreed(other.scope.names[name]) or f"{other.name}:{name}"
            finally:
                Module._depth -= 1
        return dotted

    def _joined(self, base: str, name: str) -> str | None:
        """What an attribute of a meaning means."""
        if ":" in base:
            return None
        dotted = f"{base}.{name}"
        return dotted if base.endswith((")", "]")) else self.imported(dotted)

    def _given_by(self, meant: str | None) -> str | None:
        """What calling a meaning gives: follows functions of the project that build something."""
        if meant is None:
            return None
        if ":" not in meant:
            return f"{meant}()"
        module, node = self.definition(meant)
        return module.returned(node) if isinstance(node, _FUNCTIONS) else None

    def definition(self, meant: str | None) -> tuple[Module, Function | ast.ClassDef | None]:
        """The function or class of the project that a meaning names, and its module; None for any other."""
        home, _, name = (meant or "").partition(":")
        module = self if home == (self.name or self.path) else self.find(home) if name else None
        bound = module.scope.names.get(name, []) if module is not None else []
        if module is not None and len(bound) == 1 and isinstance(bound[0].what, (*_FUNCTIONS, ast.ClassDef)):
            return module, bound[0].what
        return self, None

    def base_classes(self, node: ast.ClassDef) -> set[str] | None:
        """The classes from outside of the project that a class extends, `builtins.dict` too, at any depth.

        None where one of them is not known.
        """
        found: set[str] = set()
        region = Region(self.regions[node].scope.parent or self.scope)
        for base in node.bases:
            meant = self.named(base, region)
            if meant is None or base in self._classes:
                return None
            module, definition = self.definition(meant)
            if isinstance(definition, ast.ClassDef):
                self._classes.append(base)  # class A(B), class B(A)
                inherited = module.base_classes(definition)
                self._classes.pop()
                if inherited is None:
                    return None
                found |= inherited
            else:
                found.add(meant)
        return found

    def named(self, node: ast.AST, region: Region) -> str | None:
        """The meaning of a name or of what is called, where Python's own mean something too: builtins.set."""
        if isinstance(node, ast.Name) and not self.bindings(node.id, region.scope):
            return f"builtins.{node.id}" if hasattr(builtins, node.id) else None
        return self.meaning(node, region)

    def returned(self, function: Function) -> str | None:
        """What a function of this file gives: by its annotation, else by what all of its returns mean.

        A decorator may give something else, and so may a function that says that it gives a dict.
        """
        inner = self.regions[function]
        for decorator in function.decorator_list:
            named = decorator.func if isinstance(decorator, ast.Call) else decorator
            if self.meaning(named, inner) not in KEEPING:
                return None
        if isinstance(function.returns, ast.Name) and hasattr(builtins, function.returns.id):
            return None
        kind = self.annotated(function.returns, inner) if function.returns is not None else None
        if kind is not None:
            return f"{kind}()"
        found: str | None = None
        for statement in self.returns.get(function, ()):
            if statement.value is not None:
                meant = self.meaning(statement.value, inner)
                if meant is None or (found is not None and meant != found):
                    return None
                found = meant
        return found

    def origin(self, node: ast.AST | None, region: Region, steps: int = 8) -> Origin | None:
        """The expression or definition that a name stands for, also in the project's other modules.

        An expression that is no name stands for itself. None where there is not exactly one.
        """
        if node is None or not steps:
            return None
        if isinstance(node, ast.Name):
            return self._origin_of(self.bindings(node.id, region.scope), steps)
        if isinstance(node, ast.Attribute):
            owner = self._member_class(node, region)
            if owner is not None:
                return self._origin_of(self.members[owner][node.attr], steps)
            other = self.find(self.meaning(node.value, region) or "")
            if other is not None:
                return other._origin_of(other.scope.names.get(node.attr, []), steps)
        return Origin(self, node, region)

    def _origin_of(self, bindings: list[Binding], steps: int) -> Origin | None:
        if len(bindings) != 1:
            return None
        how, what, region = bindings[0]
        if how == "import":
            home, _, name = str(what).rpartition(".")
            other = self.find(home) if home else None
            return other._origin_of(other.scope.names.get(name, []), steps - 1) if other and steps else None
        if how == "value" and isinstance(what, ast.AST):
            return self.origin(what, region, steps - 1)
        if how in ("function", "class") and isinstance(what, ast.AST):
            return Origin(self, what, region)
        return None

    def annotated(self, annotation: ast.AST | None, region: Region) -> str | None:
        """The class that an annotation names; `X | None`, `Optional[X]`, `Annotated[X, ...]`, "X" are X."""
        annotation = self.unquoted(annotation)
        if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
            sides = [s for s in (annotation.left, annotation.right) if not is_none(s)]
            return self.annotated(sides[0], region) if len(sides) == 1 else None
        if isinstance(annotation, ast.Subscript):
            outer = self.meaning(annotation.value, region)
            inner = annotation.slice
            first = inner.elts[0] if isinstance(inner, ast.Tuple) and inner.elts else inner
            if outer in ("typing.Annotated", "typing.Optional"):
                return self.annotated(first, region)
            return outer
        return self.meaning(annotation, region)

    def unquoted(self, annotation: ast.AST | None) -> ast.AST | None:
        """What stands in the quotes of an annotation; None where it is no expression."""
        if not (isinstance(annotation, ast.Constant) and isinstance(annotation.value, str)):
            return annotation
        if annotation.value not in self._quoted:  # kept: meanings are remembered by the node's id
            try:
                self._quoted[annotation.value] = ast.parse(annotation.value, mode="eval").body
            except SyntaxError:
                self._quoted[annotation.value] = None
        return self._quoted[annotation.value]

    # What rules ask most -------------------------------------------------------------------------------

    def redefines(self, name: str) -> bool:
        """Does a class of this file, or of a module that it imports from, define an attribute of that name?

        Then a class that extends one of FastMCP's may have it although FastMCP's has not.
        """
        froms = (node for node, _ in self.imports if isinstance(node, ast.ImportFrom))
        sources = (self.find(self.absolute(node)) for node in froms)
        return any(
            name in module.regions[node].scope.names or name in module.members.get(node, ())
            for module in (self, *(source for source in sources if source is not None))
            for node, _ in module.classes
        )

    def mentions(self, *names: str) -> bool:
        """Is one of these names written here, or may a module of its project or what ran before bring it?"""
        return self.outer is not None or not self.names.isdisjoint(names) or self.imports_its_project

    @cached_property
    def names(self) -> set[str]:
        """What is called, imported, an attribute, or an argument's name; of dotted names, each part."""
        arguments = (k.arg for calls in self.calls.values() for seen in calls for k in seen.node.keywords)
        dotted = [alias.name for node, _ in self.imports for alias in node.names]
        dotted += [node.module or "" for node, _ in self.imports if isinstance(node, ast.ImportFrom)]
        return {*self.calls, *self.attributes, *filter(None, arguments), *".".join(dotted).split(".")}

    @cached_property
    def imports_its_project(self) -> bool:
        """Does it import a module of its own project, or a package around one?"""
        for node, _ in self.imports:
            if isinstance(node, ast.ImportFrom) and node.level:
                return True
            home = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            for alias in node.names:
                parts = f"{home}{alias.name}".split(".")
                if any(self.find(".".join(parts[:count])) for count in range(1, len(parts) + 1)):
                    return True
        return False

    @property
    def notebook(self) -> bool:
        """Are these the cells of a notebook, where a loop runs already?"""
        return self.path.endswith(".ipynb")

    @property
    def has_tail(self) -> bool:
        """Does it end in `if __name__ == "__main__"`: is it run as a script?"""
        return any(isinstance(s, ast.If) and _asked(s.test) == "main" for s in self.tree.body)

    def means(self, name: str) -> str | None:
        """What a name means to who imports this module; None where that is not known."""
        return self._agreed(self.scope.names.get(name, []))

    def is_server(self, node: ast.AST | None, region: Region) -> bool:
        """Is this expression a FastMCP server?"""
        return self.meaning(node, region) == SERVER

    def calls_of(self, *names: str) -> Iterator[Seen]:
        """The calls of what has one of these names, or was imported from one: `import FastMCP as Server`."""
        aliases = {
            alias.asname: None
            for node, _ in self.imports
            for alias in node.names
            if alias.asname and alias.name.rpartition(".")[2] in names
        }
        for name in {**dict.fromkeys(names), **aliases}:
            yield from self.calls.get(name, ())

    def is_library_class(self, call: ast.Call, region: Region) -> bool:
        """Is what is called a library's own class, not one of the project that extends it?

        The arguments of such a class are its own.
        """
        found = self.origin(call.func, region)
        return found is None or not isinstance(found.node, ast.ClassDef)

    def components(self) -> tuple[Component, ...]:
        """The functions of this file that a server offers: decorated, or given to the decorator's method."""
        return self._components

    @cached_property
    def _components(self) -> tuple[Component, ...]:
        return tuple(self._find_components())

    def _find_components(self) -> Iterator[Component]:
        for function, region in self.functions:
            for decorator in function.decorator_list:
                target = decorator.func if isinstance(decorator, ast.Call) else decorator
                kind = self._registers(target, region)
                if kind:
                    yield Component(kind, function, decorator, self.regions[function])
        for call, _, region in (seen for name in ("tool", "prompt") for seen in self.calls.get(name, ())):
            kind = self._registers(call.func, region) if call.args else ""
            if kind and isinstance(call.args[0], ast.Name):
                for binding in self.bindings(call.args[0].id, region.scope):
                    if binding.how == "function" and isinstance(binding.what, _FUNCTIONS):
                        yield Component(kind, binding.what, call, self.regions[binding.what])

    def _registers(self, target: ast.AST, region: Region) -> str:
        """tool, resource, prompt ... where `target` is that method of a server, or FastMCP's own function."""
        if isinstance(target, ast.Attribute):
            name = target.attr
            if name in _REGISTERING and self.is_server(target.value, region):
                return name
            if name not in _REGISTERING:
                return ""
        return STANDALONE.get(self.meaning(target, region) or "", "")


_REGISTERING = frozenset({"tool", "resource", "prompt", "completion", "custom_route"})
STANDALONE = {
    "fastmcp.tools.tool": "tool",
    "fastmcp.resources.resource": "resource",
    "fastmcp.prompts.prompt": "prompt",
}


def keywords(call: ast.Call) -> dict[str, ast.keyword]:
    """A call's arguments by name; without what `**` adds."""
    return {keyword.arg: keyword for keyword in call.keywords if keyword.arg is not None}


def is_open(call: ast.Call) -> bool:
    """Are there arguments that the call does not show (`*args`, `**options`)?"""
    return any(k.arg is None for k in call.keywords) or any(isinstance(a, ast.Starred) for a in call.args)


def own_nodes(function: Function) -> tuple[ast.AST, ...]:
    """The nodes of a function's body, without those of the functions and classes inside it."""
    known: tuple[ast.AST, ...] | None = getattr(function, "own_nodes", None)
    if known is not None:
        return known
    found: list[ast.AST] = []
    stack: list[ast.AST] = [*reversed(function.body)]
    while stack:
        node = stack.pop()
        found.append(node)
        if isinstance(node, _SCOPES):
            continue
        inside: list[ast.AST] = []  # as ast.iter_child_nodes, which takes twice the time
        for field in node._fields:
            value = getattr(node, field, None)
            if isinstance(value, ast.AST):
                inside.append(value)
            elif type(value) is list:
                inside += [item for item in value if isinstance(item, ast.AST)]
        stack += reversed(inside)
    setattr(function, "own_nodes", tuple(found))  # noqa: B010  # many rules ask; a node has room for it
    return tuple(found)


def is_none(node: ast.AST | None) -> bool:
    """Is it the literal None?"""
    return isinstance(node, ast.Constant) and node.value is None


def _asked(test: ast.expr) -> str:
    """What an `if` asks: "main", "typing", or "asked" for hasattr and versions."""
    name = getattr(test, "id", getattr(test, "attr", ""))
    if name == "TYPE_CHECKING":
        return "typing"
    for node in ast.walk(test):
        called = getattr(node, "id", getattr(node, "attr", ""))
        if isinstance(node, ast.Name) and called == "__name__":
            return "main"
        if called in ("hasattr", "version_info", "__version__", "version", "find_spec", "signature"):
            return "asked"
    return ""


def _catches(node: ast.Try) -> bool:
    """Does this `try` deal with a name or a module that is not there? `except Exception` only hides it."""
    caught = {"ImportError", "ModuleNotFoundError", "AttributeError", "TypeError"}
    for handler in node.handlers:
        if handler.type is None:
            continue
        kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        if any(getattr(kind, "id", getattr(kind, "attr", "")) in caught for kind in kinds):
            return True
    return False
