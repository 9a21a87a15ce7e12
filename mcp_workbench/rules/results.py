"""MCP011, MCP012, MCP116: what a function takes and gives, and whether it can be written as JSON."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from mcp_workbench.findings import Finding
from mcp_workbench.rules.module import Binding, Component, Function, Module, Region, own_nodes
from mcp_workbench.rules.rule import DOCS, Rule, Target, source_text

# What is read through to the classes inside it.
CONTAINERS = frozenset(
    [f"builtins.{name}" for name in ("list", "dict", "tuple", "set", "frozenset")]
    + [f"typing.{name}" for name in ("List", "Dict", "Tuple", "Set", "Optional", "Union")]
    + [
        f"{home}.{name}"
        for home in ("typing", "collections.abc")
        for name in ("Sequence", "Mapping", "Iterable")
    ]
)
# Classes from elsewhere of which pydantic knows no schema: what to give, and what to take, in their place.
FOREIGN = {
    "numpy.ndarray": ("{}.tolist()", "list[float]"),
    "numpy.typing.NDArray": ("{}.tolist()", "list[float]"),
    "numpy.int64": ("int({})", "int"),
    "numpy.float64": ("float({})", "float"),
    "pandas.DataFrame": ('{}.to_dict(orient="records")', "list[dict]"),
    "pandas.Series": ("{}.tolist()", "list[float]"),
    "polars.DataFrame": ("{}.to_dicts()", "list[dict]"),
    "torch.Tensor": ("{}.tolist()", "list[float]"),
    "array.array": ("{}.tolist()", "list[float]"),
    "sqlite3.Row": ("dict({})", "dict"),
    "sqlalchemy.Row": ("dict({}._mapping)", "dict"),
    "sqlalchemy.engine.Row": ("dict({}._mapping)", "dict"),
    "types.SimpleNamespace": ("vars({})", "dict"),
    "argparse.Namespace": ("vars({})", "dict"),
    "requests.Response": ("{}.json()", "str"),
    "httpx.Response": ("{}.json()", "str"),
    "httpx2.Response": ("{}.json()", "str"),
    "PIL.Image.Image": (
        "fastmcp.utilities.types.Image(data=..., format='png')",
        "str (a path, or base64 text)",
    ),
    "sqlite3.Connection": ("", "Depends(...), or open it in the lifespan"),
    "sqlite3.Cursor": ("list({})", "Depends(...), or open it in the lifespan"),
    "sqlalchemy.orm.Session": ("", "Depends(...), or open it in the lifespan"),
    "sqlalchemy.ext.asyncio.AsyncSession": ("", "Depends(...), or open it in the lifespan"),
    "io.BytesIO": ("{}.getvalue()", "bytes"),
    "logging.Logger": ("", "nothing: use a logger of the module"),
}
# Calls that give one of these.
GIVES_FOREIGN = {
    **{
        f"numpy.{name}()": "numpy.ndarray"
        for name in (
            "array",
            "asarray",
            "zeros",
            "ones",
            "full",
            "empty",
            "arange",
            "linspace",
            "eye",
            "load",
        )
    },
    "numpy.int64()": "numpy.int64",
    "pandas.read_csv()": "pandas.DataFrame",
    "pandas.read_excel()": "pandas.DataFrame",
    "pandas.read_sql()": "pandas.DataFrame",
    "polars.read_csv()": "polars.DataFrame",
    "torch.tensor()": "torch.Tensor",
    "torch.zeros()": "torch.Tensor",
    "PIL.Image.open()": "PIL.Image.Image",
    "PIL.Image.new()": "PIL.Image.Image",
    "requests.get()": "requests.Response",
    "requests.post()": "requests.Response",
    "httpx.get()": "httpx.Response",
    "httpx2.get()": "httpx2.Response",
} | {f"{name}()": name for name in FOREIGN if name not in ("numpy.float64", "numpy.typing.NDArray")}
# What json cannot write, though pydantic can: the class, and how to write it instead.
_TIME, _STR = "{}.isoformat()", "str({})"
NOT_JSON = {
    **{
        f"datetime.datetime{call}()": ("datetime", _TIME)
        for call in ("", ".now", ".utcnow", ".today", ".fromtimestamp", ".fromisoformat", ".strptime")
    },
    **{
        f"datetime.{call}()": ("date", _TIME)
        for call in (
            "date",
            "date.today",
            "date.fromisoformat",
            "datetime.now().date",
            "datetime.utcnow().date",
        )
    },
    "datetime.time()": ("time", _TIME),
    "datetime.timedelta()": ("timedelta", "{}.total_seconds()"),
    "decimal.Decimal()": ("Decimal", _STR),
    "fractions.Fraction()": ("Fraction", _STR),
    **{f"uuid.{call}()": ("UUID", _STR) for call in ("UUID", "uuid1", "uuid3", "uuid4", "uuid5")},
    **{f"pathlib.Path{call}()": ("Path", _STR) for call in ("", ".cwd", ".home")},
    "builtins.set()": ("set", "sorted({})"),
    "builtins.frozenset()": ("frozenset", "sorted({})"),
    "builtins.range()": ("range", "list({})"),
    "builtins.map()": ("map", "list({})"),
    "builtins.filter()": ("filter", "list({})"),
    "builtins.zip()": ("zip", "list({})"),
    "builtins.complex()": ("complex", _STR),
    "collections.deque()": ("deque", "list({})"),
    "re.compile()": ("Pattern", "{}.pattern"),
    "base64.b64encode()": ("bytes", "{}.decode()"),
    "base64.urlsafe_b64encode()": ("bytes", "{}.decode()"),
    "binascii.hexlify()": ("bytes", "{}.decode()"),
    "pathlib.Path().read_bytes()": ("bytes", "base64.b64encode({}).decode()"),
}
# Bytes that are no UTF-8, as good as surely.
NO_TEXT = frozenset(
    {
        "os.urandom()",
        "secrets.token_bytes()",
        "struct.pack()",
        "pickle.dumps()",
        "zlib.compress()",
        "gzip.compress()",
    }
    | {f"hashlib.{name}().digest()" for name in ("md5", "sha1", "sha256", "sha512", "blake2b")}
)
# Extending these adds no schema; what a decorator in the second list gives has none either.
NO_SCHEMA = frozenset({"builtins.object", "abc.ABC", "typing.Generic", "typing.Protocol"})
ORM = frozenset({"sqlalchemy.orm.DeclarativeBase", "sqlalchemy.orm.declarative_base()"})
STILL_NO_SCHEMA = frozenset(
    {"functools.total_ordering", "attr.s", "attr.s()", "attr.define", "attr.define()", "attrs.define"}
    | {"attrs.define()", "attrs.frozen", "attrs.frozen()"}
)
MAKES_MODEL = frozenset(
    {"model_validate", "model_validate_json", "model_construct", "model_copy", "parse_obj"}
)
SURELY_TEXT = frozenset({"model_dump_json", "model_dump", "dumps", "json", "dict", "asdict", "dump_json"})
PYDANTIC = frozenset(
    {"pydantic.BaseModel", "pydantic.main.BaseModel", "pydantic.RootModel", "sqlmodel.SQLModel"}
)


class Value(NamedTuple):
    """An expression that becomes part of a result: as it is made, and as it is written there."""

    made: ast.expr
    shown: ast.expr
    nested: bool


# Classes ------------------------------------------------------------------------------------------------


def _schemaless(module: Module, node: ast.ClassDef, depth: int = 0) -> bool:
    """Is it a class of the project of which pydantic can make no schema?"""
    inner = module.regions[node]
    region = Region(inner.scope.parent or module.scope)
    if node.keywords or depth > 8:
        return False
    if any(
        name.startswith(("__get_pydantic", "__pydantic", "__get_validators")) for name in inner.scope.names
    ):
        return False
    if any(module.meaning(d, region) not in STILL_NO_SCHEMA for d in node.decorator_list):
        return False
    for base in node.bases:
        meant = module.named(base, region) or ""
        home, definition = module.definition(meant)
        if isinstance(definition, ast.ClassDef):
            if not _schemaless(home, definition, depth + 1):
                return False
        elif meant not in NO_SCHEMA | ORM and not _is_exception(meant):
            return False
    return True


def _is_exception(meant: str) -> bool:
    return meant.startswith("builtins.") and meant.endswith(("Exception", "Error"))


def _open_ended(module: Module, node: ast.ClassDef) -> bool:
    """May an object be of a subclass that has a schema after all?"""
    if (module.base_classes(node) or set()) & {"abc.ABC", "typing.Protocol"}:
        return True
    return any(
        len(other.node.bases) > 1
        and any(module.definition(module.meaning(b, other.region))[1] is node for b in other.node.bases)
        for other in module.classes
    )


def _is_model(module: Module, node: ast.ClassDef) -> bool:
    return bool((module.base_classes(node) or set()) & PYDANTIC)


def _class_json_cannot_write(module: Module, node: ast.ClassDef) -> tuple[str, str] | None:
    """The name of a class whose objects json.dumps refuses, and how to write one."""
    region = Region(module.regions[node].scope.parent or module.scope)
    decorators = {(module.meaning(d, region) or "?").removesuffix("()") for d in node.decorator_list}
    bases = module.base_classes(node)
    if bases is None or any(base.startswith("builtins.") and base != "builtins.object" for base in bases):
        return None
    if bases & PYDANTIC:
        return node.name, '{}.model_dump(mode="json")'
    if bases == {"enum.Enum"} and decorators <= {"enum.unique"}:
        return node.name, "{}.value"
    if bases <= NO_SCHEMA and decorators & {"dataclasses.dataclass", "pydantic.dataclasses.dataclass"}:
        return node.name, "dataclasses.asdict({})"
    return (node.name, "vars({})") if _schemaless(module, node) else None


def _classes(module: Module, annotation: ast.AST | None, region: Region) -> Iterator[str]:
    """The classes that an annotation names, those inside of list, dict, Optional and the like too."""
    node = module.unquoted(annotation)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        yield from _classes(module, node.left, region)
        yield from _classes(module, node.right, region)
    elif isinstance(node, ast.Subscript):
        outer = module.named(node.value, region)
        inside = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if outer == "typing.Annotated":
            if all(_only_describes(module, extra, region) for extra in inside[1:]):
                yield from _classes(module, inside[0], region)
        elif outer in CONTAINERS:
            for part in inside:
                yield from _classes(module, part, region)
        else:
            yield from _classes(module, node.value, region)
    elif isinstance(node, ast.Name | ast.Attribute):
        root: ast.AST = node
        while isinstance(root, ast.Attribute):
            root = root.value
        bound = module.bindings(root.id, region.scope) if isinstance(root, ast.Name) else []
        meant = module.named(node, region)
        if meant and not any("typing" in binding.region.guards for binding in bound):
            yield meant


def _only_describes(module: Module, extra: ast.expr, region: Region) -> bool:
    """A text or Field(...) in Annotated: it does not bring a schema along."""
    if isinstance(extra, ast.Constant):
        return True
    return isinstance(extra, ast.Call) and module.meaning(extra.func, region) == "pydantic.Field"


# Values -------------------------------------------------------------------------------------------------


def _is_plain(module: Module, component: Component) -> bool:
    """Is the function registered as it stands: not wrapped by another decorator, no generator, not tried?"""
    if "tried" not in module.notes:
        module.notes["tried"] = {d.node for d in module.functions if "caught" in d.region.guards}
    if component.function in module.notes["tried"]:
        return False
    others = [d for d in component.function.decorator_list if d is not component.register]
    if any(getattr(d, "id", "") != "staticmethod" for d in others):
        return False
    return component.function not in module.generators


def _returned(module: Module, component: Component) -> Iterator[Value]:
    for node in module.returns.get(component.function, ()):
        if node.value is not None:
            yield from _parts(module, node.value, component.region)


def _parts(
    module: Module, node: ast.expr, region: Region, nested: bool = False, depth: int = 0
) -> Iterator[Value]:
    """The values that a result is made of: through dicts, lists, alternatives, and names bound once."""
    inside: list[ast.expr] = []
    if isinstance(node, ast.Dict):
        for key in node.keys:
            if key is not None:
                yield Value(key, key, True)
        inside = node.values
    elif isinstance(node, ast.List | ast.Tuple):
        inside = [part for part in node.elts if not isinstance(part, ast.Starred)]
    elif isinstance(node, ast.ListComp):
        inside = [node.elt]
    elif isinstance(node, ast.DictComp):
        yield Value(node.key, node.key, True)
        inside = [node.value]
    if inside:
        for part in inside:
            yield from _parts(module, part, region, True, depth)
    elif isinstance(node, ast.IfExp):
        for part in (node.body, node.orelse):
            yield from _parts(module, part, region, nested, depth)
    elif isinstance(node, ast.BoolOp):
        for part in node.values:
            yield from _parts(module, part, region, nested, depth)
    elif isinstance(node, ast.Name):
        made = _bound_once(node, region) if depth < 5 else None
        if made is None:
            yield Value(node, node, nested)
            return
        for value in _parts(module, made, region, nested, depth + 1):
            yield value._replace(shown=node) if value.made is made else value
    else:
        yield Value(node, node, nested)


def _bound_once(node: ast.Name, region: Region) -> ast.expr | None:
    """What a local name is bound to, where it is bound once and not changed afterwards."""
    bindings: list[Binding] = region.scope.names.get(node.id, [])
    function = region.function
    if len(bindings) != 1 or bindings[0].how != "value" or function is None:
        return None
    value = bindings[0].what
    if isinstance(value, ast.Dict | ast.List | ast.ListComp | ast.DictComp):
        for other in own_nodes(function):
            if (
                isinstance(other, ast.Subscript | ast.Attribute)
                and isinstance(other.value, ast.Name)
                and other.value.id == node.id
                and (isinstance(other, ast.Attribute) or not isinstance(other.ctx, ast.Load))
            ):
                return None  # result["at"] = ..., result.update(...)
    return value if isinstance(value, ast.expr) else None


def _meaning(module: Module, node: ast.expr, region: Region) -> str:
    """A value's meaning; `builtins.set()` too."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        called = module.named(node.func, region) or ""
        if called.startswith("builtins."):
            return f"{called}()"
        if isinstance(module.definition(called)[1], ast.ClassDef):
            return f"{called}()"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MAKES_MODEL:
        owner = module.meaning(node.func.value, region) or ""
        if isinstance(module.definition(owner.removesuffix("()"))[1], ast.ClassDef):
            return f"{owner.removesuffix('()')}()"  # Book.model_validate(...)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        owner = module.meaning(node.value, region) or ""
        home, definition = module.definition(owner)
        if isinstance(definition, ast.ClassDef) and home.base_classes(definition) == {"enum.Enum"}:
            members = home.regions[definition].scope.names.get(node.attr, [])
            return f"{owner}()" if members and all(m.how == "value" for m in members) else ""
    return module.meaning(node, region) or ""


def _is_exception_name(node: ast.expr, region: Region) -> bool:
    """Does a name hold an exception: `except ValueError as error`, and nothing else?"""
    bindings = region.scope.names.get(node.id, []) if isinstance(node, ast.Name) else []
    return bool(bindings) and all(binding.how == "exception" for binding in bindings)


def _json_cannot_write(module: Module, node: ast.expr, component: Component) -> tuple[str, str] | None:
    """The class of a value that json.dumps refuses, and how to write the value: `{}` stands for it."""
    region = component.region
    if isinstance(node, ast.Set | ast.SetComp):
        return "set", "sorted({})"
    if isinstance(node, ast.GeneratorExp):
        return "generator", "list({})"
    if isinstance(node, ast.Constant) and isinstance(node.value, bytes):
        return "bytes", "{}.decode()"
    if isinstance(node, ast.Tuple) and node.elts:
        return "tuple as a key", _STR  # no other tuple is looked at whole
    if _is_exception_name(node, region):
        return "an exception", _STR
    if isinstance(node, ast.BinOp):
        left = _json_cannot_write(module, node.left, component)
        stays = {
            "datetime": ast.Add,
            "date": ast.Add,
            "Decimal": ast.Add | ast.Sub | ast.Mult,
            "Path": ast.Div,
        }
        return left if left and left[0] in stays and isinstance(node.op, stays[left[0]]) else None
    meant = _meaning(module, node, region)
    if meant in NOT_JSON:
        return NOT_JSON[meant]
    if meant in NO_TEXT:
        return "bytes", "base64.b64encode({}).decode()"
    foreign = GIVES_FOREIGN.get(meant)
    if foreign:
        return foreign.rpartition(".")[2], FOREIGN[foreign][0] or _STR
    if _is_exception(meant.removesuffix("()")) and meant.endswith("()"):
        return meant.removesuffix("()").removeprefix("builtins."), _STR
    if meant.endswith("()"):
        home, definition = module.definition(meant.removesuffix("()"))
        return _class_json_cannot_write(home, definition) if isinstance(definition, ast.ClassDef) else None
    return None


def _has_schema(module: Module, annotation: ast.AST | None, region: Region) -> bool:
    """Does a tool with this return annotation have an output schema, as far as can be known?"""
    node = module.unquoted(annotation)
    if isinstance(node, ast.BinOp):
        return _has_schema(module, node.left, region)
    outer = node.value if isinstance(node, ast.Subscript) else node
    named = module.named(outer, region) if outer is not None else None
    if named in ("builtins.dict", "builtins.str", "typing.Dict"):
        return not any(_without_schema(module, node, region))
    inside = isinstance(node, ast.Subscript) and named in CONTAINERS
    return inside and not any(_without_schema(module, node, region))


def _without_schema(module: Module, annotation: ast.AST | None, region: Region) -> Iterator[str]:
    """The classes in an annotation of which pydantic knows no schema."""
    for meant in _classes(module, annotation, region):
        home, definition = module.definition(meant)
        if meant in FOREIGN or (isinstance(definition, ast.ClassDef) and _schemaless(home, definition)):
            yield meant


def _short(meant: str) -> str:
    """A class as one speaks of it: sqlite3.Row, and a class of the project by its name alone."""
    return meant if meant in FOREIGN else meant.rpartition(".")[2].rpartition(":")[2]


def _write(module: Module, node: ast.expr, pattern: str) -> str:
    text = source_text(module, node)
    if isinstance(node, ast.BinOp) and pattern.startswith("{}"):
        text = f"({text})"
    return pattern.replace("{}", " ".join(text.split()))


# MCP011 -------------------------------------------------------------------------------------------------


def _no_schema(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    for component in module.components():
        if component.kind in ("tool", "prompt", "resource") and _is_plain(module, component):
            yield from _signature(rule, module, component, target)
            yield from _parameters(rule, module, component)
            if component.kind == "tool":
                yield from _tool_result(rule, module, component)
    for name in ("tool", "prompt", "add_tool"):
        for call, _, region in module.calls.get(name, ()):
            if (
                call.args
                and isinstance(call.args[0], ast.Lambda)
                and isinstance(call.func, ast.Attribute)
                and module.is_server(call.func.value, region)
                and not any(keyword.arg in ("name", None) for keyword in call.keywords)
            ):
                yield rule.at(
                    module,
                    call.args[0],
                    "a lambda has no name to be offered under",
                    f'Define a function, or write {ast.unparse(call.func)}(lambda ..., name="...").',
                )


def _signature(rule: Rule, module: Module, component: Component, target: Target) -> Iterator[Finding]:
    function, arguments = component.function, component.function.args
    if arguments.vararg:
        yield rule.at(
            module,
            arguments.vararg,
            f"`*{arguments.vararg.arg}` cannot be described to a client",
            f"Take a list: `{arguments.vararg.arg}: list[str]`.",
        )
    if arguments.kwarg and component.kind != "resource":  # a template's may: its URI names them
        yield rule.at(
            module,
            arguments.kwarg,
            f"`**{arguments.kwarg.arg}` cannot be described to a client",
            f"Name the parameters, or take a dictionary: `{arguments.kwarg.arg}: dict[str, str]`.",
        )
    if arguments.posonlyargs and target.fastmcp >= (4,):
        first = arguments.posonlyargs[0]
        yield rule.at(
            module,
            first,
            f"`{first.arg}` can only be given by its place, and MCP gives arguments by name",
            f"Take the `/` out of {function.name}'s parameters.",
        )
    first_name = next((a.arg for a in (*arguments.posonlyargs, *arguments.args)), "")
    register = component.call.func if component.call else component.register
    scope = component.region.scope.parent
    if (
        first_name in ("self", "cls")
        and scope is not None
        and scope.is_class
        and isinstance(register, ast.Attribute)
        and module.is_server(register.value, Region(scope))
    ):
        yield rule.at(
            module,
            component.register,
            f"{function.name} is a method, and is registered before there is an object: "
            f"`{first_name}` would be an argument",
            f"Decorate it with `{register.attr}` of fastmcp.{register.attr}s and register the bound method: "
            f"{ast.unparse(register.value)}.add_{register.attr}(obj.{function.name}).",
        )


def _parameters(rule: Rule, module: Module, component: Component) -> Iterator[Finding]:
    arguments = component.function.args
    if component.call and any(k.arg in ("exclude_args", None) for k in component.call.keywords):
        return
    placed = [*arguments.posonlyargs, *arguments.args]
    defaults = dict(zip(reversed(placed), reversed(arguments.defaults), strict=False))
    defaults |= {
        a: d for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if d is not None
    }
    for argument in (*placed, *arguments.kwonlyargs):
        if isinstance(defaults.get(argument), ast.Call):
            continue  # Depends(...), CurrentContext() and the like: injected
        for meant in _without_schema(module, argument.annotation, component.region):
            name = _short(meant)
            instead = FOREIGN.get(meant, ("", ""))[1]
            yield rule.at(
                module,
                argument.annotation or argument,
                f"pydantic knows no schema for `{name}`, the type of {component.function.name}'s "
                f"`{argument.arg}`",
                f"Take {instead} instead."
                if instead
                else f"Make {name} a dataclass or a pydantic BaseModel, or take its values one by one.",
            )
            break


def _tool_result(rule: Rule, module: Module, component: Component) -> Iterator[Finding]:
    function, returns = component.function, component.function.returns
    if component.call and any(
        k.arg in ("output_schema", "serializer", None) for k in component.call.keywords
    ):
        return
    for meant in _without_schema(module, returns, component.region):
        home, definition = module.definition(meant)
        if isinstance(definition, ast.ClassDef) and _open_ended(home, definition):
            continue
        yield rule.at(
            module,
            returns or function,
            f"{function.name} returns `{_short(meant)}`, which has no schema: the model reads its repr",
            _give(module, meant, None),
        )
        return
    if not _takes_any(module, returns, component.region):
        return
    fails = _has_schema(module, returns, component.region)
    for value in _returned(module, component):
        if returns is not None and not value.nested:
            continue
        meant = _meaning(module, value.made, component.region)
        name = GIVES_FOREIGN.get(meant) or meant.removesuffix("()")
        home, definition = module.definition(name)
        plain = isinstance(definition, ast.ClassDef) and _schemaless(home, definition)
        if not meant.endswith("()") or not (plain or meant in GIVES_FOREIGN):
            continue
        yield rule.at(
            module,
            value.shown,
            f"the result of {function.name} has {_a(f'`{_short(name)}`')}, which "
            + ("cannot be serialised" if fails else "has no schema: the model reads its repr"),
            _give(module, name, value.shown),
        )


def _takes_any(module: Module, annotation: ast.AST | None, region: Region) -> bool:
    """Does the annotation leave open what the values are?"""
    node = module.unquoted(annotation)
    outer = node.value if isinstance(node, ast.Subscript) else node
    named = module.named(outer, region) if outer is not None else ""
    return named in {"", "typing.Any", "builtins.object"} | CONTAINERS


def _give(module: Module, meant: str, shown: ast.expr | None) -> str:
    pattern, annotation = FOREIGN.get(meant, ("", ""))
    if not pattern:
        name = _short(meant)
        return f"Make {name} a dataclass or a pydantic BaseModel, or return a dict of its values."
    if shown is not None:
        return f"Write `{_write(module, shown, pattern)}`."
    annotated = f", and annotate it as {annotation}" if " " not in annotation else ""
    return f"Give `{pattern.replace('{}', 'value')}`{annotated}."


NO_SCHEMA_RULE = Rule(
    code="MCP011",
    name="no-schema",
    line="A function's parameters or result have no schema",
    happens=(
        "A parameter of such a type (numpy.ndarray, pandas.DataFrame, sqlite3.Row, a class of your own): the "
        "import fails, 'PydanticSchemaGenerationError: Unable to generate pydantic-core schema for <class "
        "...>'. As the result of a tool nothing fails: the tool has no output schema, and the model reads a "
        "repr such as '[1. 2.]' or '<server.Shelf object at 0x7f...>'. In the dict of a tool that says `-> "
        "dict`: 'ToolError: Could not serialize the return value of tool 'loans' for its output schema: "
        "Unable to serialize unknown type: <class 'numpy.ndarray'>'. Signatures fail at the import: "
        "'ValueError: Functions with *args are not supported as tools' (so **kwargs, and parameters before a "
        "/), 'You must provide a name for lambda functions', 'TypeError: The function 'lend' has 'self' as "
        "its first parameter'."
    ),
    why="A client knows a function by its JSON schema, and pydantic makes one only of types that it knows.",
    fix=(
        "Use numbers, texts, lists and dicts, a dataclass, a TypedDict or a pydantic BaseModel: "
        "`list[float]` and .tolist() for an array, dict(row) for a database's row; and named parameters."
    ),
    links=(f"{DOCS}/servers/tools", f"{DOCS}/servers/tools#return-values"),
    find=_no_schema,
)

# MCP012 -------------------------------------------------------------------------------------------------


def _not_json(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    components = {c.function: c for c in module.components() if c.kind in ("tool", "prompt", "resource")}
    for component in components.values():
        if not _is_plain(module, component):
            continue
        if component.kind == "resource" and target.fastmcp >= (3,):
            yield from _resource_values(rule, module, component)
        elif component.kind == "tool":
            yield from _tool_values(rule, module, component)
    yield from _dumped(rule, module, components)


def _resource_values(rule: Rule, module: Module, component: Component) -> Iterator[Finding]:
    name, found = component.function.name, False
    for value in _returned(module, component):
        refused = _json_cannot_write(module, value.made, component)
        if refused is None or _makes_model(module, value.made, component.region):
            continue
        if refused[0] == "bytes" and not value.nested:
            continue  # a resource may be bytes
        found = True
        yield rule.at(
            module,
            value.shown,
            f"the resource {name} gives {_a(refused[0])}, which json cannot write",
            f"Write `{_write(module, value.shown, refused[1])}`.",
        )
    if not found and not _surely_text(module, component):
        for meant in _classes(module, component.function.returns, component.region):
            home, definition = module.definition(meant)
            refused = NOT_JSON.get(f"{meant}()")
            if isinstance(definition, ast.ClassDef) and not _is_model(home, definition):
                open_ended = _open_ended(home, definition)
                refused = None if open_ended else _class_json_cannot_write(home, definition)
            if refused is not None:
                yield rule.at(
                    module,
                    component.function.returns or component.function,
                    f"the resource {name} gives {_a(refused[0])}, which json cannot write",
                    f"Return `{refused[1].replace('{}', 'value')}`, and say so in the annotation.",
                )
                return


def _tool_values(rule: Rule, module: Module, component: Component) -> Iterator[Finding]:
    """Pydantic writes nearly everything; not bytes that are no text, and no exception under a schema."""
    function = component.function
    if component.call and any(
        k.arg in ("output_schema", "serializer", None) for k in component.call.keywords
    ):
        return
    schema = _has_schema(module, function.returns, component.region)
    for value in _returned(module, component):
        if schema and value.nested and _is_exception_name(value.made, component.region):
            error = ast.unparse(value.made)
            yield rule.at(
                module,
                value.shown,
                f"{function.name} gives the exception `{error}`, which cannot be serialised",
                f"Write `str({error})`; better, `raise ToolError(str({error}))`: the client then sees a "
                "failed call.",
            )
        elif value.nested and _is_no_text(module, value.made, component.region):
            yield rule.at(
                module,
                value.shown,
                f"{function.name} gives bytes that are not UTF-8",
                f"Write `{_write(module, value.shown, 'base64.b64encode({}).decode()')}`, or return an "
                "Image, Audio or File of fastmcp.utilities.types.",
            )


def _is_no_text(module: Module, node: ast.expr, region: Region) -> bool:
    if isinstance(node, ast.Constant) and isinstance(node.value, bytes):
        try:
            node.value.decode()
        except UnicodeDecodeError:
            return True
        return False
    return _meaning(module, node, region) in NO_TEXT


def _dumped(rule: Rule, module: Module, components: Mapping[Function, Component]) -> Iterator[Finding]:
    """json.dumps(...) in a function that a server offers."""
    for call, _, region in module.calls.get("dumps", ()):
        component = components.get(region.function) if region.function else None
        if (
            component is None
            or not call.args
            or "caught" in region.guards
            or any(keyword.arg in ("default", "cls", "skipkeys", None) for keyword in call.keywords)
            or module.meaning(call.func, region) != "json.dumps"
        ):
            continue
        for value in _parts(module, call.args[0], region):
            refused = _json_cannot_write(module, value.made, component)
            if refused is not None:
                yield rule.at(
                    module,
                    value.shown,
                    f"json.dumps in {component.function.name} is given {_a(refused[0])}",
                    f"Write `{_write(module, value.shown, refused[1])}`, or json.dumps(..., default=str).",
                )


def _makes_model(module: Module, node: ast.expr, region: Region) -> bool:
    meant = _meaning(module, node, region)
    home, definition = module.definition(meant.removesuffix("()"))
    return meant.endswith("()") and isinstance(definition, ast.ClassDef) and _is_model(home, definition)


def _surely_text(module: Module, component: Component) -> bool:
    """Does the function return texts, whatever its annotation says?"""
    for node in module.returns.get(component.function, ()):
        called = node.value.func if isinstance(node.value, ast.Call) else None
        name = getattr(called, "attr", getattr(called, "id", ""))
        if name in SURELY_TEXT or isinstance(node.value, ast.Constant | ast.JoinedStr | ast.Dict):
            return True
    return False


def _a(name: str) -> str:
    """With an article: a date, an Enum, bytes."""
    if name == "bytes" or name.startswith("an "):
        return name
    return f"{'an' if name.lstrip('`')[0].lower() in 'aeio' else 'a'} {name}"


NOT_JSON_RULE = Rule(
    code="MCP012",
    name="not-json",
    line="A result has a value that cannot be written as JSON",
    happens=(
        "A resource that gives a date, Decimal, Path, UUID, set, Enum, dataclass or bytes in a dict or list: "
        "'MCPError: Error reading resource 'hours://today': Object of type date is not JSON "
        "serializable'; by itself: 'contents must be str, bytes, or list[ResourceContent], got date'. "
        "json.dumps() in any function: 'Object of type datetime is not JSON serializable'. A tool's result "
        "may have all of these; there it is bytes that fail, 'Error serializing to JSON: invalid utf-8 "
        "sequence of 1 bytes from index 0', and an exception, 'Could not serialize the return value of tool "
        "... Unable to serialize unknown type: <class 'ValueError'>'. It fails when it is called, not before."
    ),
    why=(
        "A tool's result is written by pydantic, a resource's content by json.dumps, which knows only dict, "
        "list, str, int, float, bool and None (until FastMCP 3, pydantic wrote both)."
    ),
    fix="Write what is to be read: value.isoformat(), str(value), sorted(values), member.value, base64 text.",
    links=(f"{DOCS}/servers/resources", f"{DOCS}/servers/tools#return-values"),
    find=_not_json,
)


# MCP116 -------------------------------------------------------------------------------------------------


def _gives_model(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    for component in module.components():
        if component.kind != "resource" or not _is_plain(module, component):
            continue
        function, found = component.function, False
        for value in _returned(module, component):
            if _makes_model(module, value.made, component.region):
                found = True
                name = _short(_meaning(module, value.made, component.region).removesuffix("()"))
                yield _model_finding(rule, module, value.shown, function.name, name, value)
        if found or _surely_text(module, component):
            continue
        for meant in _classes(module, function.returns, component.region):
            home, definition = module.definition(meant)
            if isinstance(definition, ast.ClassDef) and _is_model(home, definition) and function.returns:
                yield _model_finding(rule, module, function.returns, function.name, _short(meant), None)
                break


def _model_finding(
    rule: Rule, module: Module, node: ast.AST, function: str, name: str, value: Value | None
) -> Finding:
    if value is None:
        do = "Return `value.model_dump_json()` as `-> str`, or a list of `value.model_dump(mode='json')`."
    elif value.nested:
        do = f"Write `{_write(module, value.shown, '{}.model_dump(mode=' + repr('json') + ')')}`."
    else:
        do = f"Return `{_write(module, value.shown, '{}.model_dump_json()')}` and annotate `-> str`."
    return rule.at(
        module,
        node,
        f"the resource {function} gives a `{name}`, a pydantic model, which json cannot write",
        do,
        unfixed="the annotation, each return and perhaps the media type change with it",
    )


MODEL_RULE = Rule(
    code="MCP116",
    name="resource-gives-model",
    line="A resource gives a pydantic model",
    happens=(
        "Reading it fails: 'MCPError: Error reading resource 'book://1': contents must be str, bytes, or "
        "list[ResourceContent], got Book'; in a list or dict, 'Object of type Book is not JSON "
        "serializable'. It is listed as any other, and FastMCP 2 wrote it as JSON."
    ),
    why=(
        "Since FastMCP 3 a resource's content is text, bytes, or what json.dumps can write; only a tool's "
        "result may be a model."
    ),
    fix=(
        "Return book.model_dump_json() and annotate `-> str`; of many, a list of "
        'book.model_dump(mode="json").'
    ),
    links=(f"{DOCS}/servers/resources",),
    find=_gives_model,
    since=(3,),
)

RULES = (NO_SCHEMA_RULE, NOT_JSON_RULE, MODEL_RULE)
