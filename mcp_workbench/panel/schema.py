"""Read a JSON Schema as the fields of a form; nothing here knows how a form looks."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Literal
from urllib.parse import unquote

Kind = Literal[
    "text", "secret", "integer", "number", "boolean", "choice", "choices", "const", "date",
    "object", "array", "tuple", "map", "union", "json",
]  # fmt: skip
Schema = Mapping[str, Any]
Part = str | int

GROUPS: Final = ("object", "array", "tuple", "map", "union")
EXAMPLES: Final = {"date-time": "2026-11-25T18:30:00Z", "time": "18:30:00", "duration": "PT90M"}
FOLLOWED: Final = 32  # references to references, after which a schema is taken for a circle
ALTERNATIVES: Final = ("anyOf", "oneOf")
NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")


class Missing(Enum):
    """The type of MISSING."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING


@dataclass(frozen=True, slots=True)
class Field:
    """One value that a schema asks for. The fields inside it are read when they are asked for.

    Args:
        name: Its key in the object around it, else "".
        kind: What sort of input it needs.
        label: The schema's title, else the name.
        description: The schema's description.
        required: Must it be sent?
        nullable: May it be null, besides what its kind says?
        default: The schema's default, MISSING where there is none.
        hint: What is allowed, in a few words.
        choices: Of choice and choices, each option's label and value.
        raw: The schema as it was written.
        schema: The same with its reference followed and null taken out of it.
        root: The whole schema, in which references point.
        variant: Is it one of several alternatives? Then its constants tell which, and are always sent.
        seen: The references on the way here that have to be filled in for a value to exist.
    """

    name: str
    kind: Kind
    label: str
    description: str
    required: bool
    nullable: bool
    default: Any
    hint: str
    choices: tuple[tuple[str, Any], ...]
    raw: Any
    schema: Schema
    root: Schema
    variant: bool = False
    seen: frozenset[str] = frozenset()

    @property
    def properties(self) -> dict[str, Field]:
        """Of an object, the field of each property."""
        needed = _strings(self.schema.get("required"))
        found = {}
        for name, raw in self.schema.get("properties", {}).items():
            settled = _settled(raw, self.root)
            fixed = self.variant and not settled.nullable and settled.schema.get("const") is not None
            found[name] = _read(raw, self.root, name, required=name in needed or fixed, seen=self.seen)
        return found

    @property
    def further(self) -> Field | None:
        """Of an object, the field of properties that it allows but does not list."""
        if not self.schema.get("additionalProperties"):
            return None
        wanted = self.schema["additionalProperties"]
        described = describe(_read(wanted, self.root)) if wanted is not True else "anything"
        raw = {"title": "further properties", "description": f'a JSON object: {{"name": {described}}}'}
        return _read(raw, self.root, required=False)

    @property
    def element(self) -> Field:
        """Of an array or a map, the field of each value in it."""
        return _read(self.schema.get("additionalProperties" if self.kind == "map" else "items"), self.root)

    @property
    def places(self) -> tuple[Field, ...]:
        """Of a tuple, the field of each place."""
        return tuple(_read(raw, self.root, seen=self.seen) for raw in self.schema["prefixItems"])

    @property
    def alternatives(self) -> tuple[Field, ...]:
        """Of a union, the field of each alternative."""
        return tuple(_read(raw, self.root, variant=True) for raw in _options(self.schema))


def read(schema: Any) -> Field:
    """Read a JSON Schema as a field.

    Args:
        schema: The schema, in which its references point.

    >>> read({"type": "object", "properties": {"limit": {"type": "integer"}}}).properties["limit"].kind
    'integer'
    """
    return _read(schema, schema if isinstance(schema, Mapping) else {})


def describe(field: Field, depth: int = 3) -> str:
    """What kind of value a field takes, in a few words: the name of one alternative among others.

    Args:
        field: The field.
        depth: How many lists in lists are told; a list may be a list of itself.

    >>> describe(read({"type": "array", "items": {"type": "integer"}}))
    'list of integer'
    """
    if field.label:
        return field.label
    if field.kind == "const":
        return text_of(field.schema["const"])
    if field.kind in ("choice", "choices"):
        few = ", ".join(label for label, _ in field.choices[:3])
        return f"one of {few}{', ...' if len(field.choices) > 3 else ''}"
    if field.kind == "object":
        return f"object ({_distinguished(field) or 'empty'})"
    if field.kind in ("array", "map"):
        word = "list" if field.kind == "array" else "map"
        return f"{word} of {describe(field.element, depth - 1)}" if depth else word
    return str(field.schema.get("format") or field.schema.get("type") or "JSON")


def valid(field: Field, value: Any) -> bool:
    """Is a value what a field's schema asks for? A schema that cannot be applied asks for nothing.

    Args:
        field: The field.
        value: The value, as JSON has it.
    """
    from jsonschema import Draft202012Validator
    from referencing import Registry

    # An empty registry: without one, jsonschema fetches what a server's schema refers to.
    everything = Draft202012Validator(field.root, registry=Registry())
    try:
        return bool(everything.evolve(schema=field.raw).is_valid(value))
    except Exception:  # an unknown type, a pattern that is none, a reference to nowhere
        return False


def strangers(field: Field, value: Any, path: tuple[Part, ...] = ()) -> Iterator[str]:
    """The paths of a value's properties that have no place in its field.

    Args:
        field: The field.
        value: The value, as JSON has it.
        path: Where it is, from the whole.
    """
    if field.kind == "object" and isinstance(value, dict):
        known = field.properties
        for name, inner in value.items():
            if name in known:
                yield from strangers(known[name], inner, (*path, name))
            elif not field.schema.get("additionalProperties"):
                yield path_text((*path, name))
    elif field.kind == "array" and isinstance(value, list):
        for index, inner in enumerate(value):
            yield from strangers(field.element, inner, (*path, index))
    elif field.kind == "tuple" and isinstance(value, list):
        for index, (place, inner) in enumerate(zip(field.places, value, strict=False)):
            yield from strangers(place, inner, (*path, index))
    elif field.kind == "map" and isinstance(value, dict):
        for name, inner in value.items():
            yield from strangers(field.element, inner, (*path, name))


def path_text(path: Sequence[Part]) -> str:
    """A path as it is written: `loans[0].book`.

    Args:
        path: The keys and indices, from the whole inwards.
    """
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts).removeprefix(".")


def number_of(text: str) -> int | float | str | Missing:
    """What a box for a number holds: the number, else the text as it was typed; MISSING when it is blank.

    Args:
        text: What was typed.

    >>> number_of(" 1.5 "), number_of("abc")
    (1.5, 'abc')
    """
    typed = text.strip()
    if not typed:
        return MISSING
    if not NUMBER.fullmatch(typed):
        return text
    try:
        found: int | float = json.loads(typed)
    except ValueError:  # more digits than Python converts
        return text
    return found if math.isfinite(found) else text


def json_of(text: str) -> Any:
    """What a JSON box holds.

    Args:
        text: What was typed.

    Raises:
        ValueError: It is not JSON; the text says what is wrong, and where.
    """
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except json.JSONDecodeError as error:
        said = error.msg.removesuffix(" delimiter")
        raise ValueError(f"not JSON: {said} at character {error.pos + 1}") from None
    except RecursionError:
        raise ValueError("not JSON: too many brackets in each other") from None


def text_of(value: Any) -> str:
    """A value in a line: a string as it is, all else as JSON.

    Args:
        value: The value, as JSON has it.
    """
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def same(left: Any, right: Any) -> bool:
    """Are two values the same JSON? To Python, True, 1 and 1.0 are equal.

    Args:
        left: One value.
        right: The other.
    """
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


@dataclass(frozen=True, slots=True)
class _Settled:
    """A schema with its reference followed, null taken out, and the first reference that it went through."""

    schema: Schema
    nullable: bool = False
    reference: str = ""


def _read(
    raw: Any,
    root: Schema,
    name: str = "",
    *,
    required: bool = True,
    variant: bool = False,
    seen: frozenset[str] = frozenset(),
) -> Field:
    settled = _settled(raw, root)
    schema, nullable = settled.schema, settled.nullable
    if not required or nullable:
        seen = frozenset()  # nothing has to be filled in here, so that a value may end here
    kind = "json" if settled.reference in seen else _kind(schema, root)
    choices = _choices(schema) or (_element_choices(schema, root) if kind == "choices" else ())
    return Field(
        name=name,
        kind=kind,
        label=_string(schema, "title") or name,
        description=_string(schema, "description"),
        required=required,
        nullable=nullable,
        default=schema.get("default", MISSING),
        hint=_hint(schema, kind),
        choices=choices,
        raw=raw,
        schema=schema,
        root=root,
        variant=variant,
        seen=seen | {settled.reference} if settled.reference else seen,
    )


def _settled(raw: Any, root: Schema) -> _Settled:
    schema: Schema = raw if isinstance(raw, Mapping) else {}
    nullable, reference = False, ""
    for _ in range(FOLLOWED):
        if isinstance(pointer := schema.get("$ref"), str):
            reference = reference or pointer
            schema = _merged(_pointed(pointer, root), _without(schema, "$ref"))
        elif len(_list(schema, "allOf")) == 1:
            schema = _merged(schema["allOf"][0], _without(schema, "allOf"))
        elif isinstance(types := schema.get("type"), list):
            nullable = nullable or ("null" in types and not {"enum", "const"} & set(schema))
            schema = _of_types(schema, [kind for kind in types if kind != "null"])
        elif (key := _alternatives_key(schema)) and "enum" not in schema:
            options = [option for option in _list(schema, key) if not _is_null(option, root)]
            nullable = nullable or len(options) < len(schema[key])
            if len(options) != 1:
                return _Settled({**schema, key: options} if options else {"const": None}, nullable, reference)
            schema = _merged(options[0], _without(schema, key))
        elif schema.get("type") == "null":
            return _Settled({**_without(schema, "type"), "const": None}, False, reference)
        else:
            return _Settled(schema, nullable, reference)
    return _Settled({}, nullable, reference)


def _of_types(schema: Schema, types: list[str]) -> Schema:
    """A schema of several types is a union of schemas of one."""
    if len(types) == 1 or "enum" in schema or "const" in schema:
        return {**_without(schema, "type"), **({"type": types[0]} if len(types) == 1 else {})}
    if not types:
        return {**schema, "type": "null"}
    about = ("title", "description", "default")
    plain = {key: value for key, value in schema.items() if key not in about}
    kept = {key: value for key, value in schema.items() if key in about}
    return {**kept, "anyOf": [{**plain, "type": kind} for kind in types]}


def _alternatives_key(schema: Schema) -> str:
    """anyOf or oneOf, if the schema has one that says more than which properties are required."""
    for key in ALTERNATIVES:
        options = _list(schema, key)
        conditions = all(isinstance(option, Mapping) and set(option) <= {"required"} for option in options)
        if options and not ("properties" in schema and conditions):
            return key
    return ""


def _options(schema: Schema) -> list[Any]:
    return _list(schema, _alternatives_key(schema))


def _merged(under: Any, over: Schema) -> Schema:
    """A schema with the keywords that stand beside a reference to it."""
    if not isinstance(under, Mapping):
        return over
    both = {**under, **over}
    if isinstance(inner := under.get("properties"), Mapping) and isinstance(over.get("properties"), Mapping):
        both["properties"] = {**inner, **over["properties"]}
    if "required" in under and "required" in over:
        both["required"] = _strings(under["required"]) + _strings(over["required"])
    return both


def _pointed(pointer: str, root: Schema) -> Any:
    """What a JSON pointer (RFC 6901) in a fragment points at; anything goes where it points at nothing."""
    if not pointer.startswith("#"):
        return {}
    node: Any = root
    for part in unquote(pointer[1:]).split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(node, Mapping) and key in node:
            node = node[key]
        elif isinstance(node, list) and key.isdecimal() and int(key) < len(node):
            node = node[int(key)]
        else:
            return {}
    return node


def _is_null(option: Any, root: Schema) -> bool:
    if not isinstance(option, Mapping):
        return False
    if "$ref" in option:
        option = _merged(_pointed(str(option["$ref"]), root), {})
    return option.get("type") == "null" or ("const" in option and option["const"] is None)


def _kind(schema: Schema, root: Schema) -> Kind:
    if "const" in schema:
        return "const"
    if _choices(schema):
        return "choice"
    if _list(schema, "allOf") or "patternProperties" in schema:
        return "json"
    if _alternatives_key(schema):
        several = all(_list(schema, key) for key in ALTERNATIVES) or "properties" in schema
        return "json" if several else "union"
    match schema.get("type"):
        case "string":
            return _string_kind(schema)
        case "integer" | "number" | "boolean" as kind:
            found: Kind = kind
            return found
        case "array":
            return _array_kind(schema, root)
        case "object" | None if isinstance(schema.get("properties"), Mapping):
            return "object"
        case "object" if isinstance(schema.get("additionalProperties"), Mapping):
            return "map" if schema["additionalProperties"] else "json"
    return "json"


def _string_kind(schema: Schema) -> Kind:
    if schema.get("format") == "password" or schema.get("writeOnly") is True:
        return "secret"
    return "date" if schema.get("format") == "date" else "text"


def _array_kind(schema: Schema, root: Schema) -> Kind:
    if "prefixItems" in schema:
        places = len(_list(schema, "prefixItems"))
        fixed = schema.get("items", False) is False and schema.get("maxItems", places) == places
        return "tuple" if fixed and places else "json"
    if isinstance(schema.get("items"), list):
        return "json"
    return "choices" if _element_choices(schema, root) else "array"


def _element_choices(schema: Schema, root: Schema) -> tuple[tuple[str, Any], ...]:
    element = _settled(schema.get("items"), root)
    return () if element.nullable else _choices(element.schema)


def _choices(schema: Schema) -> tuple[tuple[str, Any], ...]:
    """The options that a schema lists, each with a label that no other has."""
    values, labels = _list(schema, "enum"), _list(schema, "enumNames")
    if not values:
        options = _options(schema)
        if not all(isinstance(option, Mapping) and "const" in option for option in options):
            return ()
        values = [option["const"] for option in options]
        labels = [option.get("title") or text_of(option["const"]) for option in options]
    if len(labels) != len(values):
        labels = [text_of(value) for value in values]
    written = [str(label) for label in labels]
    return tuple(
        (label if written.count(label) == 1 else json.dumps(value, ensure_ascii=False), value)
        for label, value in zip(written, values, strict=True)
    )


def _hint(schema: Schema, kind: Kind) -> str:
    match kind:
        case "text" | "secret":
            words = _string_hint(schema)
        case "integer" | "number":
            words = _number_hint(schema)
        case "array" | "choices":
            words = _array_hint(schema)
        case _:
            words = ["JSON"] if kind == "json" else []
    return ", ".join(words)


def _string_hint(schema: Schema) -> list[str]:
    form, pattern = _string(schema, "format"), _string(schema, "pattern")
    example = f", such as {EXAMPLES[form]}" if form in EXAMPLES else ""
    length = _between(schema.get("minLength"), schema.get("maxLength"))
    return [
        *([f"format {form}{example}"] if form and form != "password" else []),
        *([f"pattern {pattern}"] if pattern else []),
        *([f"{length} characters"] if length else []),
    ]


def _number_hint(schema: Schema) -> list[str]:
    between = _between(schema.get("minimum"), schema.get("maximum"))
    words = {"exclusiveMinimum": "above", "exclusiveMaximum": "below", "multipleOf": "a multiple of"}
    limits = [f"{word} {schema[key]}" for key, word in words.items() if key in schema]
    return [str(schema.get("type")), *([between] if between else []), *limits]


def _array_hint(schema: Schema) -> list[str]:
    between = _between(schema.get("minItems"), schema.get("maxItems"))
    return [
        *([f"{between} items"] if between else []),
        *(["each once"] if schema.get("uniqueItems") is True else []),
    ]


def _between(low: Any, high: Any) -> str:
    if low is not None and high is not None:
        return f"{low} to {high}"
    if low is not None:
        return f"at least {low}"
    return "" if high is None else f"at most {high}"


def _distinguished(field: Field) -> str:
    """What tells an object from others: its constants, else its first properties."""
    fields = field.properties.values()
    fixed = [f"{inner.name}: {text_of(inner.schema['const'])}" for inner in fields if inner.kind == "const"]
    return ", ".join(fixed or [inner.name for inner in fields][:3])


def _refuse(constant: str) -> Any:
    raise ValueError(f"not JSON: {constant}")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"not JSON: {digits} is too large")
    return number


def _without(schema: Schema, key: str) -> Schema:
    return {name: value for name, value in schema.items() if name != key}


def _list(schema: Schema, key: str) -> list[Any]:
    found = schema.get(key)
    return found if isinstance(found, list) else []


def _string(schema: Schema, key: str) -> str:
    found = schema.get(key)
    return found if isinstance(found, str) else ""


def _strings(found: Any) -> list[str]:
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []
