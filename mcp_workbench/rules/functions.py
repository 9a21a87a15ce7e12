"""MCP003 to MCP006: what a function must be like to be offered by a server."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from mcp_workbench.findings import Edit, Finding
from mcp_workbench.rules.components import (
    OFFERED,
    Parameter,
    address,
    injected,
    intact,
    literal,
    metadata_of,
    offered,
    outside,
    parameters,
)
from mcp_workbench.rules.module import (
    Component,
    Module,
    Region,
    is_none,
)
from mcp_workbench.rules.rule import DOCS, Rule, Target, place_of

# MCP003 -------------------------------------------------------------------------------------------------

ONLY_OF_CONTEXT = frozenset({"report_progress", "elicit", "request_context", "lifespan_context"})
OF_CONTEXT = ONLY_OF_CONTEXT | {
    *("info", "debug", "warning", "error", "log", "read_resource", "get_prompt", "list_resources"),
    *("list_prompts", "get_state", "set_state", "delete_state", "send_notification", "session_id"),
    *("request_id", "client_id", "fastmcp", "session", "sample", "list_roots", "get_http_request"),
}
OTHER_CONTEXTS = {
    "contextvars.Context": "contextvars",
    "decimal.Context": "decimal",
    "click.Context": "click",
    "typer.Context": "typer",
    "mcp.server.mcpserver.Context": "the MCP SDK",
    "mcp.server.mcpserver.server.Context": "the MCP SDK",
    "mcp.server.mcpserver.context.Context": "the MCP SDK",
}


def mistaken(module: Module, component: Component, parameter: Parameter) -> str:
    """Why a parameter that is to be the context is none; "" where it is one, or is meant to be something "
    "else."""
    annotation, region, name = parameter.node.annotation, parameter.region, parameter.name
    if annotation is None:
        if parameter.default is not None and not is_none(parameter.default):
            return ""
        named = name == "ctx" or _uses(
            module, component, name, OF_CONTEXT if name == "context" else ONLY_OF_CONTEXT
        )
        return f"`{name}` has no annotation" if named else ""
    inner = _quoted(annotation)
    if isinstance(inner, ast.Name):
        meant = module.annotated(annotation, region)
        bindings = module.bindings(inner.id, region.scope)
        if not bindings and inner.id == "Context" and not _any_name(module):
            return f"`{name}` is a Context, which nothing imports"
        hidden = bindings and all("typing" in binding.region.guards for binding in bindings)
        if hidden and meant == "fastmcp.Context":
            return f"`{name}` is a Context, which is imported only under TYPE_CHECKING"
        if (
            not bindings
            and inner.id in ("object", "dict", "str")
            and _uses(module, component, name, ONLY_OF_CONTEXT)
        ):
            return f"`{name}` is annotated as {inner.id}"
    meant = module.annotated(annotation, region) or ""
    if meant == "typing.Any" and _uses(module, component, name, ONLY_OF_CONTEXT):
        return f"`{name}` is annotated as Any"
    if meant in OTHER_CONTEXTS:
        return f"`{name}` is a Context of {OTHER_CONTEXTS[meant]}, which is another class"
    return ""


def _consequence(component: Component, why: str) -> str:
    if "import" in why or ("another class" in why and "SDK" not in why):
        return "so the server cannot be imported"
    if component.kind == "resource":
        return "so it would have to be in the address"
    return f"so it is one of the {component.kind}'s arguments and not FastMCP's context"


def _quoted(annotation: ast.expr) -> ast.expr:
    """An annotation that is a text, as an expression."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return ast.Name(annotation.value, ast.Load()) if annotation.value.isidentifier() else annotation
    return annotation


def _any_name(module: Module) -> bool:
    """May the file have names that cannot be read in it?"""
    stars = any(alias.name == "*" for node, _ in module.imports for alias in node.names)
    return stars or module.outer is not None or module.notebook


def _uses(module: Module, component: Component, name: str, attributes: frozenset[str]) -> bool:
    return any(
        seen.region.function is component.function
        and isinstance(seen.node.value, ast.Name)
        and seen.node.value.id == name
        for attribute in attributes & module.attributes.keys()
        for seen in module.attributes[attribute]
    )


def _no_context(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    for component in offered(module):
        if component.kind not in OFFERED or not intact(component):
            continue
        for parameter in parameters(module, component):
            why = mistaken(module, component, parameter)
            if why:
                function = component.function.name
                yield rule.at(
                    module,
                    parameter.node,
                    f"{why}, {_consequence(component, why)}",
                    f"Write {function}({parameter.name}: Context), and from fastmcp import Context on top.",
                    unfixed="the parameter would go from what clients see of it",
                )


NO_CONTEXT = Rule(
    code="MCP003",
    name="context-not-injected",
    line="A parameter that is to be the context is an argument of the tool",
    happens=(
        "There is no error when the server starts: the parameter becomes a required argument of the "
        "tool. A call without it: 'ToolError: 1 validation error for call[lend] ctx Missing required "
        "argument [type=missing_argument]'; a model that fills it in causes ''str' object has no "
        "attribute 'report_progress''. With contextvars.Context the import fails: "
        "'PydanticSchemaGenerationError: Unable to generate pydantic-core schema for <class "
        "'_contextvars.Context'>'; with an import under TYPE_CHECKING only: 'NameError: name "
        "'Context' is not defined'; in a resource: 'ValueError: URI template must contain at least "
        "one parameter'."
    ),
    why=(
        "FastMCP fills a parameter in by its annotation, fastmcp.Context. The name does not matter, "
        "and annotations are looked up while the server starts."
    ),
    fix="Write from fastmcp import Context, and annotate the parameter: ctx: Context.",
    links=(f"{DOCS}/servers/context",),
    find=_no_context,
    running=True,
)


# MCP004 -------------------------------------------------------------------------------------------------

SCHEME = re.compile(r"(?:[A-Za-z]|\{[\w-]+\})(?:[A-Za-z0-9+.-]|\{[\w-]+\})*:")
BEFORE_ANY_SCHEME = re.compile(r"[A-Za-z0-9+.-]*[^A-Za-z0-9+.:-]")
HOST_ONLY = re.compile(r"file://(?!localhost)([^/{}]+|\{[\w-]+\})")


def _no_scheme(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    for component in offered(module):
        if component.kind != "resource":
            continue
        if component.call is None:
            yield rule.at(
                module,
                component.register,
                "`@resource` without an address",
                f'Write @mcp.resource("data://{component.function.name}").',
            )
            continue
        node = address(component)
        uri = literal(module, node, outside(module, component))
        if node is not None and uri is not None and not SCHEME.match(uri):
            yield rule.at(
                module, node, *_what_scheme(uri), unfixed="clients know the resource by its address"
            )
        elif isinstance(node, ast.JoinedStr) and node.values and isinstance(node.values[0], ast.Constant):
            start = str(node.values[0].value)
            if BEFORE_ANY_SCHEME.match(start):
                yield rule.at(
                    module, node, *_what_scheme(start), unfixed="clients know the resource by its address"
                )
        elif node is not None and uri is not None and HOST_ONLY.fullmatch(uri):
            yield rule.at(
                module,
                node,
                f"in {uri!r} the name behind file:// is a host, not a file",
                f"Write file:///{uri.removeprefix('file://').rstrip('/')}: a path begins with a slash.",
                unfixed="clients know the resource by its address",
            )


def _what_scheme(uri: str) -> tuple[str, str]:
    scheme, colon, rest = uri.partition("://")
    spelled = re.sub(r"[^A-Za-z0-9+.-]", "-", scheme).strip("-")
    if colon and re.match(r"[A-Za-z]", spelled):
        return (
            f"{scheme!r} is no scheme: those have letters, digits, + . and -",
            f"Write {f'{spelled}://{rest}'!r}.",
        )
    return f"the address {uri!r} has no scheme", f"Give it one, such as {'data://' + uri.lstrip(':/')!r}."


NO_SCHEME = Rule(
    code="MCP004",
    name="resource-without-scheme",
    line="A resource's address has no scheme",
    happens=(
        "The import fails: pydantic's 'ValidationError: ... Input should be a valid URL, relative URL "
        "without a base [type=url_parsing, input_value='config']'. A template ('users/{user_id}') is "
        "accepted and listed, and can never be read: 'ValueError: Provided resource URI is invalid: "
        "'users/7''. A scheme with an underscore is none. Without any address: 'TypeError: The "
        "@resource decorator was used incorrectly. It requires a URI as the first argument.' In "
        "file://hours.txt the name is a host: the resource is listed as file://hours.txt/, and a "
        "template file://{name} is never found."
    ),
    why=(
        "A resource is found by its URI, and a URI starts with a scheme: a letter, then letters, "
        "digits, + . - and a colon."
    ),
    fix=(
        "Write data://config, or another scheme that says what it is; a file's path has three "
        "slashes, file:///srv/hours.txt."
    ),
    links=(f"{DOCS}/servers/resources",),
    find=_no_scheme,
)


# MCP005 -------------------------------------------------------------------------------------------------

PLACEHOLDER = re.compile(r"\{([\w-]+)\*?\}")
QUERY = re.compile(r"\{\?([^}]+)\}")
SCALARS = frozenset({"str", "int", "float", "bool"})


class Template(NamedTuple):
    """An address and the function that serves it."""

    uri: str
    path: tuple[str, ...]
    query: tuple[str, ...]
    sure: dict[str, Parameter]  # parameters that an address must or may fill in
    perhaps: frozenset[str]  # parameters of which it is not known whether the server fills them in
    others: bool  # does the function take **kwargs?
    function: str

    def required(self) -> list[str]:
        """Parameters without a default."""
        return [name for name, parameter in self.sure.items() if parameter.default is None]


def _template_mismatch(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    for component in offered(module):
        node = address(component)
        uri = literal(module, node, outside(module, component))
        if node is None or uri is None or not intact(component):
            continue
        problem = _of_signature(component, uri)
        template = _template(module, component, uri)
        if problem is None and template is not None:
            problem = _mismatch(module, template) or _never_matches(template)
        if problem is not None:
            yield rule.at(
                module,
                node,
                *problem,
                unfixed="which of the two is right, the address or the function, is not said",
            )


def _template(module: Module, component: Component, uri: str) -> Template | None:
    sure: dict[str, Parameter] = {}
    perhaps = set()
    for parameter in parameters(module, component):
        if mistaken(module, component, parameter):
            return None  # MCP003 speaks of it
        known = injected(module, parameter)
        if known is None:
            perhaps.add(parameter.name)
        elif not known:
            sure[parameter.name] = parameter
    query = QUERY.search(uri)
    return Template(
        uri,
        tuple(PLACEHOLDER.findall(uri)),
        tuple(name.strip() for name in query[1].split(",")) if query else (),
        sure,
        frozenset(perhaps),
        component.function.args.kwarg is not None,
        component.function.name,
    )


def _of_signature(component: Component, uri: str) -> tuple[str, str] | None:
    """What no function that serves a template may have."""
    arguments, name = component.function.args, component.function.name
    if arguments.vararg is not None:
        return (
            f"{name}() takes *{arguments.vararg.arg}, and a template fills parameters in by name",
            f"Write the parameters of {name}() one by one.",
        )
    if arguments.posonlyargs and "{" in uri:
        first = arguments.posonlyargs[0].arg
        return (
            f"{name}() takes `{first}` only by place, and a template fills parameters in by name",
            f"Leave out the / in {name}({first}, /).",
        )
    return None


def _mismatch(module: Module, it: Template) -> tuple[str, str] | None:
    """What FastMCP refuses when it makes the template, in its order."""
    named = {name.removesuffix("*").replace("-", "_"): name for name in (*it.query, *it.path)}
    if len(named) < len(set(it.path) | {name.removesuffix("*") for name in it.query}):
        return f"two parameters in {it.uri!r} are one in Python: - becomes _", "Rename one of them."
    if not named:
        return _no_parameter(it)
    query = [name.removesuffix("*").replace("-", "_") for name in it.query]
    for name in query:
        parameter = it.sure.get(name)
        if parameter is not None and _default(module, parameter) is False:
            return (
                f"`{name}` is in {{?...}}, where a client may leave it out, and {it.function}() requires it",
                f"Give it a default: {it.function}({name}=...).",
            )
        if parameter is not None and f"{name}*" in it.query and _is_scalar(parameter):
            return (
                f"`{{?{name}*}}` gives a list, and `{name}` of {it.function}() takes one value",
                f"Write {{?{name}}}, or annotate {name}: list[...].",
            )
    left = [n for n in it.required() if n not in named and _default(module, it.sure[n]) is False]
    extra = [name for name in named if name not in it.sure and name not in it.perhaps and not it.others]
    extra += [name for name in query if it.others and name not in it.sure and name not in it.perhaps]
    if left and extra:
        return (
            f"{_placeholders(extra, named)} in the address, and {_ticked(left)} in {it.function}(), are not "
            f"in both",
            f"Use one name in both: {{{left[0]}}} in the address, or {it.function}({extra[0]}).",
        )
    if left:
        return (
            f"{_ticked(left)} of {it.function}() is not in the address {it.uri!r}",
            f"Add {{{left[0]}}} to the address, or give {left[0]} a default.",
        )
    if extra:
        return (
            f"{_placeholders(extra, named)} is no parameter of {it.function}()",
            f"Write {it.function}({extra[0]}), or take {{{named[extra[0]]}}} out of the address.",
        )
    return None


def _default(module: Module, parameter: Parameter) -> bool | None:
    """Has it a default? None where that is not certain: Field(...) may have one."""
    if parameter.default is None:
        return False
    return None if isinstance(parameter.default, ast.Call) else True


def _no_parameter(it: Template) -> tuple[str, str] | None:
    if "{" in it.uri:
        odd = re.findall(r"\{[^}]*\}?", it.uri)[0]
        return (
            f"`{odd}` in the address is no placeholder",
            "Write {name}, {name*} for the rest of a path, or {?name} for a query: letters, digits, _ and - "
            "only.",
        )
    if not it.sure and not it.others:
        return None
    if it.sure:
        first = next(iter(it.sure))
        return (
            f"{it.function}() takes {_ticked(list(it.sure))}, and the address {it.uri!r} has no placeholder",
            f"Write {it.uri.rstrip('/') + '/{' + first + '}'!r}, or leave `{first}` out of {it.function}().",
        )
    return (
        f"{it.function}() takes **kwargs, and the address {it.uri!r} has no placeholder",
        f"Leave **kwargs out of {it.function}().",
    )


def _never_matches(it: Template) -> tuple[str, str] | None:
    """Templates that FastMCP accepts and lists, and that no address matches as it was meant."""
    groups = QUERY.findall(it.uri)
    rest = QUERY.sub("", it.uri)
    if not (it.path or it.query):
        return None
    if len(groups) > 1:
        names = ",".join(group.strip() for group in groups)
        return f"only the first {{?...}} of {it.uri!r} is read", f"Write {{?{names}}}."
    if "?" in rest:
        names = ",".join(re.findall(r"[?&][^{}]*\{([\w-]+)\}", it.uri))
        right = f"{rest.partition('?')[0]}{{?{names}}}" if names else rest.partition("?")[0]
        return (
            f"the ? in {it.uri!r} is taken as it stands, and no address matches it",
            f"Write {right!r}, and give the parameters of the query defaults.",
        )
    if "{&" in rest:
        return f"`{{&...}}` in {it.uri!r} is no placeholder", "Put all names into one {?first,second}."
    if len(set(it.path)) < len(it.path):
        return (
            f"{it.uri!r} has one placeholder twice, and no address matches it",
            "Give the second its own name.",
        )
    return None


def _is_scalar(parameter: Parameter) -> bool:
    annotation = parameter.node.annotation
    return isinstance(annotation, ast.Name) and annotation.id in SCALARS


def _ticked(names: Iterable[str]) -> str:
    return " and ".join(f"`{name}`" for name in names)


def _placeholders(names: Iterable[str], written: dict[str, str]) -> str:
    return " and ".join(f"`{{{written[name].removesuffix('*')}}}`" for name in names)


TEMPLATE_MISMATCH = Rule(
    code="MCP005",
    name="template-mismatch",
    line="A template's address and its function do not have the same parameters",
    happens=(
        "The import fails with a ValueError: 'Required function arguments {'id'} must be a subset of "
        "the URI path parameters {'user_id'}', 'URI parameters {'user_id'} must be a subset of the "
        "function arguments: set()', 'URI template must contain at least one parameter', or 'Query "
        "parameters {'limit'} must be optional function parameters with default values'. An address "
        "with a literal query, desk://search?text={text}, is accepted and listed, and never found: "
        "'Resource not found'."
    ),
    why=(
        "FastMCP calls the function with what it reads from the address, by name. A query is written "
        "{?name}, may be left out, and so needs a default."
    ),
    fix="Use the same names in the address and in the function: loan://{isbn} and def loan(isbn).",
    links=(f"{DOCS}/servers/resources#resource-templates",),
    find=_template_mismatch,
)


# MCP006 -------------------------------------------------------------------------------------------------

BUILT_IN = frozenset({"str", "int", "float", "bool", "bytes", "dict", "list", "set", "tuple", "frozenset"})
NOT_NONE = frozenset(
    {
        *("typing.List", "typing.Dict", "typing.Set", "typing.Tuple", "typing.Sequence", "typing.Mapping"),
        *("collections.abc.Sequence", "collections.abc.Mapping", "collections.abc.Iterable"),
        *("datetime.datetime", "datetime.date", "datetime.time", "datetime.timedelta", "uuid.UUID"),
        *("decimal.Decimal", "pathlib.Path"),
    }
)
# Literals that pydantic would not have taken for that type, had it looked.
REFUSED = {
    str: (int, float, bool, list, dict, tuple, set),
    int: (str, list, dict, tuple, set),
    float: (str, list, dict, tuple, set),
    bool: (list, dict, tuple, set, float),
    dict: (str, int, float, bool, list, tuple, set),
    list: (str, int, float, bool, dict),
}


def _wrong_default(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    for component in offered(module):
        if component.kind != "tool" or not intact(component):
            continue
        for parameter in parameters(module, component):
            annotation = parameter.node.annotation
            default = _written_default(module, parameter)
            if annotation is None or default is None or injected(module, parameter) is not False:
                continue
            if not _is_described_only(module, parameter):
                continue
            kind = _type_of(module, annotation, parameter.region)
            if is_none(default) and _takes_no_none(module, kind, parameter.region):
                yield rule.at(
                    module,
                    parameter.node,
                    f"`{parameter.name}` is {ast.unparse(kind)} and its default is None, which that is not",
                    f"Write {parameter.name}: {ast.unparse(kind)} | None = None.",
                    edits=[] if isinstance(annotation, ast.Constant) else [_or_none(module, kind)],
                    unfixed="the annotation is a text" if isinstance(annotation, ast.Constant) else "",
                )
            elif not is_none(default) and _is_refused(module, kind, default, parameter.region):
                yield rule.at(
                    module,
                    default,
                    f"`{parameter.name}` is {ast.unparse(kind)} and its default {ast.unparse(default)} is "
                    f"not",
                    f"Give `{parameter.name}` a default that is {ast.unparse(kind)}, or annotate what it is.",
                    unfixed="which of the two was meant, the annotation or the default, is not said",
                )


def _is_described_only(module: Module, parameter: Parameter) -> bool:
    """Is the type only described? A validator in Annotated[...] may take what the type does not."""
    metadata = metadata_of(module, parameter.node.annotation, parameter.region)
    return all(isinstance(item, ast.Call | ast.Constant) for item in metadata)


def _written_default(module: Module, parameter: Parameter) -> ast.expr | None:
    """The default: of x: int = Field(3) or Field(default=3), too."""
    default = parameter.default
    if not isinstance(default, ast.Call):
        return default
    if module.meaning(default.func, parameter.region) not in ("pydantic.Field", "pydantic.fields.Field"):
        return None
    named = [keyword.value for keyword in default.keywords if keyword.arg == "default"]
    found = next(iter([*default.args[:1], *named]), None)
    return None if isinstance(found, ast.Constant) and found.value is Ellipsis else found


def _type_of(module: Module, annotation: ast.expr, region: Region) -> ast.expr:
    """The type in Annotated[type, ...], else the annotation itself."""
    if metadata_of(module, annotation, region) and isinstance(annotation, ast.Subscript):
        inner = annotation.slice
        return inner.elts[0] if isinstance(inner, ast.Tuple) else annotation
    return annotation


def _takes_no_none(module: Module, kind: ast.expr, region: Region) -> bool:
    """Is it certain that None is not of this type?"""
    if isinstance(kind, ast.Constant):
        return kind.value in BUILT_IN and not module.bindings(kind.value, region.scope)
    if isinstance(kind, ast.BinOp) and isinstance(kind.op, ast.BitOr):
        return all(_takes_no_none(module, side, region) for side in (kind.left, kind.right))
    if isinstance(kind, ast.Subscript):
        outer = module.meaning(kind.value, region)
        inner = kind.slice.elts if isinstance(kind.slice, ast.Tuple) else [kind.slice]
        if outer == "typing.Literal":
            return all(isinstance(value, ast.Constant) and value.value is not None for value in inner)
        if outer == "typing.Union":
            return all(_takes_no_none(module, side, region) for side in inner)
        return _takes_no_none(module, kind.value, region)
    if isinstance(kind, ast.Name) and not module.bindings(kind.id, region.scope):
        return kind.id in BUILT_IN
    return module.meaning(kind, region) in NOT_NONE or _is_model(module, kind, region)


def _is_model(module: Module, kind: ast.expr, region: Region) -> bool:
    """Is it a pydantic model or an enumeration of this file?"""
    bindings = module.bindings(kind.id, region.scope) if isinstance(kind, ast.Name) else []
    node = bindings[0].what if len(bindings) == 1 else None
    if not isinstance(node, ast.ClassDef) or any(
        "__get_pydantic" in str(getattr(s, "name", "")) for s in node.body
    ):
        return False
    bases = [module.meaning(base, bindings[0].region) for base in node.bases]
    return any(base in ("pydantic.BaseModel", "enum.Enum", "enum.StrEnum") for base in bases)


def _or_none(module: Module, kind: ast.expr) -> Edit:
    place = place_of(module, kind)
    return Edit(place.end_line, place.end_column, place.end_line, place.end_column, " | None")


def _is_refused(module: Module, kind: ast.expr, default: ast.expr, region: Region) -> bool:
    if isinstance(kind, ast.Subscript) and module.meaning(kind.value, region) == "typing.Literal":
        inner = kind.slice.elts if isinstance(kind.slice, ast.Tuple) else [kind.slice]
        values = [value.value for value in inner if isinstance(value, ast.Constant)]
        whole = len(values) == len(inner) and isinstance(default, ast.Constant)
        return whole and isinstance(default, ast.Constant) and default.value not in values
    name = kind.value if isinstance(kind, ast.Subscript) else kind
    if not isinstance(name, ast.Name) or module.bindings(name.id, region.scope):
        return False
    wanted = getattr(builtins, name.id, None)
    given = _literal_type(default)
    return given is not None and isinstance(wanted, type) and given in REFUSED.get(wanted, ())


def _literal_type(node: ast.expr) -> type | None:
    if isinstance(node, ast.Constant):
        return type(node.value)
    displays = {ast.List: list, ast.Dict: dict, ast.Tuple: tuple, ast.Set: set, ast.JoinedStr: str}
    return displays.get(type(node))


WRONG_DEFAULT = Rule(
    code="MCP006",
    name="default-is-not-the-type",
    line="A tool's default is not of the type that it is annotated with",
    happens=(
        "A client that sends the default back, as the schema says ('default': null), gets 'ToolError: "
        "1 validation error for call[search] filters Input should be a valid dictionary "
        '[type=dict_type, input_value=None]\'. Another wrong default (limit: int = "ten") reaches the '
        "function as it is: a call without the argument works with a text where a number was "
        "promised."
    ),
    why=(
        "Arguments are checked against the annotation, defaults are not; the schema that clients see "
        "has both."
    ),
    fix="Write filters: dict | None = None, or a default of the type.",
    links=(f"{DOCS}/servers/tools#optional-arguments",),
    find=_wrong_default,
)


RULES = (NO_CONTEXT, NO_SCHEME, TEMPLATE_MISMATCH, WRONG_DEFAULT)
