"""The panel's form: a schema becomes inputs, and what is typed becomes the arguments that are sent."""

from __future__ import annotations

import inspect
import itertools
import json
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from datetime import time as clock
from decimal import Decimal
from enum import Enum, IntEnum
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Annotated, Any, Literal, NotRequired, Optional, Union
from uuid import UUID

import pytest
from fastmcp import Client, Context, FastMCP
from fastmcp.client.elicitation import ElicitResult
from fastmcp.exceptions import ToolError
from fastmcp.tools import Tool
from fastmcp.utilities.json_schema import dereference_refs
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, SecretStr, create_model
from typing_extensions import TypedDict

from mcp_workbench.panel.form import Form, FormError
from mcp_workbench.panel.schema import MISSING, describe, json_of, number_of, read, valid

# What a person finds in a form: inputs by their place, buttons by what they say.


def walk(widget: Any) -> Iterator[Any]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from walk(child)


def every(widget: Any, css: str) -> list[Any]:
    return [found for found in walk(widget) if css in found._dom_classes]


def one(widget: Any, css: str) -> Any:
    (found,) = every(widget, css)
    return found


def field(form: Form, name: str) -> Any:
    return one(form.widget, f"mcp-field-{name}")


def box(form: Form, name: str) -> Any:
    return one(field(form, name), "mcp-input")


def kind(widget: Any) -> str:
    return type(widget).__name__


def tick(form: Form, name: str, on: bool = True) -> None:
    every(field(form, name), "mcp-tick")[0].value = on


def texts(widget: Any) -> str:
    return "\n".join(found.value for found in walk(widget) if kind(found) == "HTML")


def exact(value: Any) -> str:
    """JSON, in which True, 1 and 1.0 differ."""
    return json.dumps(value, sort_keys=True)


# Tools whose parameters are all that people write.


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    good: bool


class Book(BaseModel):
    """A book of the catalogue."""

    title: str
    year: Annotated[int, Field(ge=1450, description="of the first edition")]
    tags: list[str] = []


class Node(BaseModel):
    name: str
    parent: Node | None = None
    children: list[Node] = []


class Chain(BaseModel):
    link: Chain | None


class Endless(BaseModel):
    again: Endless


class Sum(BaseModel):
    left: Sum | int
    right: Sum | int


class Loose(BaseModel):
    model_config = ConfigDict(extra="allow")
    a: int


class Partly(TypedDict):
    x: int
    y: NotRequired[int | None]


desk = FastMCP("desk")


@desk.tool
def scalars(
    count: Annotated[int, Field(ge=1, le=5, description="how <b>many</b>")],
    ratio: float,
    name: Annotated[str, Field(max_length=20)],
    text: str,
    day: date,
    moment: datetime,
    at: clock,
    long: timedelta,
    token: SecretStr,
    raw: bytes,
    ident: UUID,
    price: Decimal,
    sure: bool,
) -> str:
    """One of each."""
    return f"{count} {ratio} {name} {text} {day} {moment} {at} {long} {raw!r} {ident} {price} {sure}"


@desk.tool
def chosen(
    colour: Colour,
    level: Level,
    mixed: Literal["a", 1, True, None],
    size: Literal["s", "m"] = "m",
    several: set[Colour] | None = None,
    ordered: list[Colour] = [],  # noqa: B006
    fixed: Literal["v1"] = "v1",
) -> str:
    return f"{colour} {level} {mixed!r} {size} {several} {ordered} {fixed}"


@desk.tool
def optional(
    limit: int = 10,
    note: str | None = None,
    most: int | None = 5,
    verbose: bool = False,
    since: date = date(2026, 1, 1),
    tags: list[str] = ["new"],  # noqa: B006
    book: Book | None = None,
) -> dict[str, Any]:
    return {"limit": limit, "note": note, "most": most, "tags": tags}


@desk.tool
def nested(
    book: Book,
    books: list[Book],
    pair: tuple[int, str],
    scores: dict[str, int],
    free: dict[str, Any],
    anything: Any,
    numbers: set[int],
    holes: list[int | None],
    loose: Loose,
    partly: Partly,
) -> str:
    return f"{book} {books} {pair} {scores} {free} {anything} {numbers} {holes} {loose} {partly}"


@desk.tool
def recursive(node: Node, chain: Chain, total: Sum, tree: Node | None = None) -> str:
    return f"{node} {chain} {total} {tree}"


@desk.tool
def endless(value: Endless) -> str:
    return f"{value}"


@desk.tool
def either(
    value: int | str,
    pet: Annotated[Cat | Dog, Field(discriminator="kind")],
    animal: Cat | Dog | None,
    many: int | list[int] = 1,
) -> str:
    return f"{value!r} {pet} {animal} {many}"


@desk.tool
def nothing() -> str:
    return "done"


async def schema_of(name: str) -> dict[str, Any]:
    async with Client(desk) as client:
        return next(tool for tool in await client.list_tools() if tool.name == name).input_schema


async def form_of(name: str) -> Form:
    return Form(await schema_of(name))


def made(properties: dict[str, Any], required: list[str] | None = None, **more: Any) -> Form:
    needed = list(properties) if required is None else required
    return Form({"type": "object", "properties": properties, "required": needed, **more})


SCALARS = {
    "count": 3,
    "ratio": 0.5,
    "name": "Ada",
    "text": "one\ntwo",
    "day": "2026-11-25",
    "moment": "2026-11-25T18:30:00Z",
    "at": "18:30:00",
    "long": "PT90M",
    "token": "abc",
    "raw": "bytes",
    "ident": "12345678-1234-5678-1234-567812345678",
    "price": "1.50",
    "sure": True,
}


# What is read back of what is typed.


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("5", 5),
        ("-0", 0),
        ("1.5", 1.5),
        ("1.0", 1.0),
        (" 7 ", 7),
        ("1e3", 1000.0),
        ("99999999999999999999", 99999999999999999999),
        ("abc", "abc"),
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("1e999", "1e999"),
        ("1,5", "1,5"),
        ("007", "007"),
        ("+5", "+5"),
        ("1_000", "1_000"),
        ("٣", "٣"),
        ("true", "true"),
        ("9" * 5000, "9" * 5000),
        (" x ", " x "),
    ],
)
async def test_a_number_is_sent_as_it_was_typed(typed: str, sent: Any) -> None:
    for name in ("integer", "number"):
        form = made({"n": {"type": name, "minimum": 1, "maximum": 5}})
        box(form, "n").value = typed
        assert exact(form.get()) == exact({"n": sent})
    assert exact(number_of(typed)) == exact(sent)


async def test_the_server_judges_what_was_typed() -> None:
    form = await form_of("scalars")
    form.set(SCALARS)
    async with Client(desk) as client:
        for typed, answer in (
            ("9", "less than or equal to 5"),
            ("abc", "unable to parse"),
            ("1.5", "fractional"),
        ):
            box(form, "count").value = typed
            with pytest.raises(ToolError, match=answer):
                await client.call_tool("scalars", form.get())
        box(form, "count").value = ""
        assert "count" not in form.get()
        with pytest.raises(ToolError, match=r"count\s+Missing required argument"):
            await client.call_tool("scalars", form.get())


async def test_what_is_set_is_sent_and_the_server_takes_it() -> None:
    form = await form_of("scalars")
    form.set(SCALARS)
    assert exact(form.get()) == exact(SCALARS)
    async with Client(desk) as client:
        result = await client.call_tool("scalars", form.get())
    assert result.data.startswith(
        "3 0.5 Ada one\ntwo 2026-11-25 2026-11-25 18:30:00+00:00 18:30:00 1:30:00 b'bytes'"
    )


async def test_every_kind_of_parameter_has_its_input() -> None:
    form = await form_of("scalars")
    shown = {name: kind(every(field(form, name), "mcp-input")[0]) for name in SCALARS}
    assert shown == {
        "count": "Text",
        "ratio": "Text",
        "name": "Text",
        "text": "Textarea",
        "day": "DatePicker",
        "moment": "Text",
        "at": "Text",
        "long": "Text",
        "token": "Password",
        "raw": "Text",
        "ident": "Text",
        "price": "Text",
        "sure": "Checkbox",
    }
    assert box(form, "text").rows == 1


async def test_the_hint_tells_what_is_allowed() -> None:
    form = await form_of("scalars")
    said = {name: texts(field(form, name)) for name in SCALARS}
    assert "required, integer, 1 to 5" in said["count"]
    assert "at most 20 characters" in said["name"]
    assert "format date-time, such as 2026-11-25T18:30:00Z" in said["moment"]
    assert "format uuid" in said["ident"]


def test_the_hint_of_one_limit() -> None:
    hints = {
        "integer, at least 1": {"type": "integer", "minimum": 1},
        "number, above 0, below 1": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        "integer, a multiple of 5": {"type": "integer", "multipleOf": 5},
        "pattern ^a, 2 to 3 characters": {"type": "string", "pattern": "^a", "minLength": 2, "maxLength": 3},
        "1 to 3 items, each once": {
            "type": "array",
            "items": {"type": "integer"},
            "minItems": 1,
            "maxItems": 3,
            "uniqueItems": True,
        },
        "JSON": {},
    }
    assert {read(schema).hint for schema in hints.values()} == set(hints)


# Ticks: what is not ticked is not sent.


async def test_an_optional_value_that_is_not_ticked_is_not_sent() -> None:
    form = await form_of("optional")
    assert form.get() == {}
    async with Client(desk) as client:
        result = await client.call_tool("optional", form.get())
    assert result.data == {"limit": 10, "note": None, "most": 5, "tags": ["new"]}


async def test_an_optional_value_that_is_ticked_is_sent_with_its_default_and_what_is_typed() -> None:
    form = await form_of("optional")
    for name in ("limit", "verbose", "since", "tags"):
        tick(form, name)
    assert form.get() == {"limit": 10, "verbose": False, "since": "2026-01-01", "tags": ["new"]}
    box(form, "limit").value = "3"
    tick(form, "verbose", False)
    assert form.get() == {"limit": 3, "since": "2026-01-01", "tags": ["new"]}


async def test_an_input_that_is_not_ticked_is_disabled_and_shows_the_default() -> None:
    form = await form_of("optional")
    limit = box(form, "limit")
    assert (limit.disabled, limit.value) == (True, "10")
    tick(form, "limit")
    assert not limit.disabled
    limit.value = "3"
    tick(form, "limit", False)
    assert (limit.disabled, limit.value) == (True, "10")


async def test_an_optional_group_is_made_when_it_is_ticked_and_kept_when_it_is_unticked() -> None:
    form = await form_of("optional")
    assert not every(field(form, "book"), "mcp-input")
    assert "default [&quot;new&quot;]" in texts(field(form, "tags"))
    tick(form, "book")
    title, year = every(field(form, "book"), "mcp-input")[:2]
    title.value, year.value = "Emma", "1815"
    tick(form, "book", False)
    assert form.get() == {}
    assert not every(field(form, "book"), "mcp-input")
    tick(form, "book")
    assert form.get() == {"book": {"title": "Emma", "year": 1815}}


async def test_null_is_sent_only_where_leaving_out_says_something_else() -> None:
    form = await form_of("optional")
    assert every(field(form, "note"), "mcp-null") == []
    form.set({"note": None, "most": None})
    assert form.get() == {"most": None}
    assert box(form, "most").disabled
    one(field(form, "most"), "mcp-null").value = False
    assert form.get() == {"most": 5}
    assert not box(form, "most").disabled
    tick(form, "most", False)
    assert one(field(form, "most"), "mcp-null").disabled


def test_a_value_that_is_set_survives_a_null_tick_that_the_person_left_on() -> None:
    form = made({"n": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": 5}}, [])
    form.set({"n": None})
    tick(form, "n", False)
    form.set({"n": 8})
    assert form.get() == {"n": 8}


def test_a_required_value_may_be_null() -> None:
    nullable = {"anyOf": [{"type": "integer"}, {"type": "null"}]}
    form = made({"n": nullable})
    assert form.get() == {}
    one(form.widget, "mcp-null").value = True
    assert form.get() == {"n": None}
    form.set({"n": 4})
    assert form.get() == {"n": 4}
    assert made({"n": {**nullable, "default": None}}).get() == {"n": None}


def test_null_without_a_default_is_another_value_than_none() -> None:
    form = made({"n": {"type": ["integer", "null"]}}, [])
    assert form.get() == {}
    form.set({"n": None})
    assert form.get() == {"n": None}


def test_a_required_value_with_a_default_starts_with_it() -> None:
    form = made({"n": {"type": "string", "default": "x"}, "b": {"type": "boolean", "default": True}})
    assert form.get() == {"n": "x", "b": True}
    form.set({"n": "y", "b": False})
    assert form.get() == {"n": "y", "b": False}
    form.clear()
    assert form.get() == {"n": "x", "b": True}


async def test_a_cleared_form_is_as_new() -> None:
    for name in ("scalars", "chosen", "optional", "nested", "recursive", "either"):
        form = await form_of(name)
        new = exact(form.get())
        form.set(FILLED.get(name, {}))
        form.clear()
        assert exact(form.get()) == new


# Choices.


async def test_a_choice_that_was_not_made_is_not_sent() -> None:
    form = await form_of("chosen")
    assert form.get() == {}
    assert box(form, "colour").options[0][0] == "(choose)"
    box(form, "colour").value = 1
    assert form.get() == {"colour": "blue"}


async def test_an_optional_choice_starts_with_its_default() -> None:
    form = await form_of("chosen")
    assert [label for label, _ in box(form, "size").options] == ["s", "m"]
    tick(form, "size")
    assert form.get() == {"size": "m"}


async def test_choices_keep_their_types() -> None:
    form = await form_of("chosen")
    for value in ("a", 1, True, None):
        form.set({"mixed": value})
        assert exact(form.get()) == exact({"mixed": value})
    form = made({"c": {"enum": [1, 1.0, True, "1", "true"]}})
    labels = [label for label, _ in box(form, "c").options[1:]]
    assert len(set(labels)) == 5
    for value in (1, 1.0, True, "1", "true"):
        form.set({"c": value})
        assert exact(form.get()) == exact({"c": value})


def test_a_value_that_is_no_choice_is_shown_as_json_for_the_server_to_judge() -> None:
    form = made({"c": {"enum": ["red", "blue"]}})
    form.set({"c": "green"})
    assert kind(box(form, "c")) == "Textarea"
    assert form.get() == {"c": "green"}
    form.set({"c": "red"})
    assert kind(box(form, "c")) == "Dropdown"


def test_null_may_be_an_option() -> None:
    form = made({"c": {"type": ["string", "null"], "enum": ["a", None]}})
    assert [label for label, _ in box(form, "c").options] == ["(choose)", "a", "null"]
    assert every(form.widget, "mcp-null") == []
    form.set({"c": None})
    assert form.get() == {"c": None}
    some = {"type": "array", "items": {"anyOf": [{"enum": ["a", "b"]}, {"type": "null"}]}}
    assert read(some).kind == "array"
    form = made({"c": some})
    form.set({"c": [None, "b"]})
    assert form.get() == {"c": [None, "b"]}


def test_options_may_have_titles() -> None:
    options = [{"const": 1, "title": "One"}, {"const": 2, "title": "Two"}]
    for schema in ({"oneOf": options}, {"anyOf": [*options, {"type": "null"}]}):
        form = made({"c": schema})
        assert [label for label, _ in box(form, "c").options] == ["(choose)", "One", "Two"]
    old = made({"c": {"type": "string", "enum": ["a", "b"], "enumNames": ["A", "B"]}})
    assert [label for label, _ in box(old, "c").options] == ["(choose)", "A", "B"]


async def test_several_of_some_options() -> None:
    form = await form_of("chosen")
    form.set({"several": ["blue", "red"], "ordered": []})
    assert form.get() == {"several": ["red", "blue"], "ordered": []}
    assert kind(box(form, "several")) == "SelectMultiple"
    box(form, "several").value = (1,)
    assert form.get() == {"several": ["blue"], "ordered": []}


async def test_a_list_of_options_keeps_an_order_that_it_has() -> None:
    form = await form_of("chosen")
    for value in (["blue", "red"], ["red", "red"], ["green"]):
        form.set({"ordered": value})
        assert form.get() == {"ordered": value}
        assert {kind(found) for found in every(field(form, "ordered"), "mcp-row")} == {"HBox"}
    form.set({"ordered": ["red", "blue"]})
    assert form.get() == {"ordered": ["red", "blue"]}
    assert kind(box(form, "ordered")) == "SelectMultiple"


async def test_an_optional_constant_has_a_tick() -> None:
    form = await form_of("chosen")
    assert "fixed" not in form.get()
    tick(form, "fixed")
    assert form.get() == {"fixed": "v1"}
    assert box(form, "fixed").disabled


# Dates and texts.


def test_a_date_that_is_none_falls_back_to_a_text_box() -> None:
    form = made({"d": {"type": "string", "format": "date"}})
    assert form.get() == {}
    for value, shown in (
        ("2026-11-25", "DatePicker"),
        ("20261125", "Text"),
        ("tomorrow", "Text"),
        ("", "Text"),
    ):
        form.set({"d": value})
        assert form.get() == {"d": value}
        assert kind(box(form, "d")) == shown
    form.clear()
    assert kind(box(form, "d")) == "DatePicker"


def test_a_picked_date_is_sent() -> None:
    form = made({"d": {"type": "string", "format": "date"}})
    box(form, "d").value = date(1450, 1, 2)
    assert form.get() == {"d": "1450-01-02"}


def test_a_text_with_lines_gets_a_box_with_lines() -> None:
    form = made({"t": {"type": "string", "maxLength": 50}})
    assert kind(box(form, "t")) == "Text"
    for value in ("a\nb", "a\n", "a\rb"):
        form.set({"t": value})
        assert kind(box(form, "t")) == "Textarea"
        assert form.get() == {"t": value}


def test_values_of_another_type_are_kept_for_the_server_to_judge() -> None:
    types = ("string", "integer", "boolean", "array", "object")
    values = (None, True, 3, 1.5, "", " ", "5", "x", [1], {"a": 1})
    form = made({name: {"type": name} for name in types})
    for value in values:
        form.set(dict.fromkeys(types, value))
        assert exact(form.get()) == exact(dict.fromkeys(types, value))


# Groups.

FILLED: dict[str, Any] = {
    "scalars": SCALARS,
    "chosen": {"colour": "red", "level": 2, "mixed": True, "several": ["red"]},
    "optional": {"limit": 1, "most": None, "tags": [], "book": {"title": "Emma", "year": 1815}},
    "nested": {
        "book": {"title": "Emma", "year": 1815, "tags": ["novel", ""]},
        "books": [{"title": "a", "year": 1500}, {"title": "b", "year": 1501, "tags": []}],
        "pair": [1, "x"],
        "scores": {"a": 1, "": 2, "a b": 3},
        "free": {"deep": [{"x": None}]},
        "anything": "text",
        "numbers": [3, 1, 2],
        "holes": [1, None, 2],
        "loose": {"a": 1, "other": [2], "more": "x"},
        "partly": {"x": 1, "y": None},
    },
    "recursive": {
        "node": {"name": "a", "children": [{"name": "b", "parent": {"name": "c"}}, {"name": "d"}]},
        "chain": {"link": {"link": {"link": None}}},
        "total": {"left": {"left": 1, "right": 2}, "right": 3},
        "tree": {"name": "t"},
    },
    "either": {
        "value": "5",
        "pet": {"kind": "dog", "good": True},
        "animal": {"kind": "cat", "lives": 3},
        "many": [1, 2],
    },
}


@pytest.mark.parametrize("name", FILLED)
async def test_what_is_set_comes_back_and_the_server_takes_it(name: str) -> None:
    form = await form_of(name)
    form.set(FILLED[name])
    assert exact(form.get()) == exact(FILLED[name])
    async with Client(desk) as client:
        await client.call_tool(name, form.get())


async def test_set_forgets_what_was_there_before() -> None:
    form = await form_of("optional")
    form.set({"limit": 1, "tags": ["a"]})
    form.set({"note": "x"})
    assert form.get() == {"note": "x"}
    assert box(form, "limit").value == "10"


async def test_rows_are_added_and_removed() -> None:
    form = await form_of("nested")
    books = field(form, "books")
    add = one(books, "mcp-add")
    assert (add.description, add.tooltip) == ("add", "add to books")
    for _ in range(3):
        add.click()
    for index, row in enumerate(every(books, "mcp-row")):
        every(row, "mcp-input")[0].value = f"book {index}"
    removers = every(books, "mcp-remove")
    assert [button.tooltip for button in removers] == [f"remove books[{index}]" for index in range(3)]
    assert {button.description for button in removers} == {"remove"}
    removers[1].click()
    assert [book["title"] for book in form.get()["books"]] == ["book 0", "book 2"]
    assert [button.tooltip for button in every(books, "mcp-remove")] == ["remove books[0]", "remove books[1]"]
    assert "<b>books[1]</b>" in texts(books)
    assert "<b>books[2]</b>" not in texts(books)


async def test_a_row_that_holds_nothing_is_sent_as_null_for_the_server_to_judge() -> None:
    form = await form_of("nested")
    form.set(FILLED["nested"])
    one(field(form, "numbers"), "mcp-add").click()
    assert form.get()["numbers"] == [3, 1, 2, None]
    async with Client(desk) as client:
        with pytest.raises(ToolError, match=r"numbers.*\n.*valid integer"):
            await client.call_tool("nested", form.get())


async def test_a_map_has_rows_of_a_key_and_a_value() -> None:
    form = await form_of("nested")
    scores = field(form, "scores")
    one(scores, "mcp-add").click()
    one(scores, "mcp-key").value, one(scores, "mcp-input").value = "ada", "7"
    assert form.get()["scores"] == {"ada": 7}
    assert one(scores, "mcp-remove").tooltip == "remove ada from scores"


async def test_a_key_that_stands_twice_is_said_not_lost() -> None:
    form = await form_of("nested")
    form.set(FILLED["nested"])
    one(field(form, "scores"), "mcp-add").click()
    every(field(form, "scores"), "mcp-key")[-1].value = "a"
    with pytest.raises(FormError, match=r'^scores: the key "a" stands here twice$'):
        form.get()
    assert "stands here twice" in texts(field(form, "scores"))


async def test_further_properties_have_a_box() -> None:
    form = await form_of("nested")
    form.set(FILLED["nested"])
    assert "further properties" in [getattr(w, "description", "") for w in walk(field(form, "loose"))]
    further = every(field(form, "loose"), "mcp-input")[-1]
    assert json.loads(further.value) == {"other": [2], "more": "x"}
    for typed, problem in (("[1]", "not a JSON object"), ('{"a": 2}', "has a field of its own: a")):
        further.value = typed
        with pytest.raises(FormError, match=f"^loose.further properties: {problem}"):
            form.get()
        assert problem in texts(field(form, "loose"))


async def test_what_has_no_place_is_named_and_nothing_is_changed() -> None:
    form = await form_of("nested")
    form.set(FILLED["nested"])
    wrong = {
        **FILLED["nested"],
        "colour": 1,
        "books": [{"title": "a", "year": 1, "isbn": "x"}],
        "pair": [2, "y"],
    }
    with pytest.raises(
        FormError, match=r"^no such field: (colour, books\[0\].isbn|books\[0\].isbn, colour)$"
    ):
        form.set(wrong)
    assert exact(form.get()) == exact(FILLED["nested"])


def test_only_json_can_be_set() -> None:
    form = made({"x": {}})
    for value in ({"x": float("nan")}, {"x": {1, 2}}, [1]):
        with pytest.raises(FormError, match=r"^not "):
            form.set(value)  # type: ignore[arg-type]
    form.set({"x": (1, 2)})
    assert form.get() == {"x": [1, 2]}


def test_a_very_long_list_is_shown_as_json() -> None:
    form = made({"n": {"type": "array", "items": {"type": "integer"}}})
    form.set({"n": list(range(20_000))})
    assert form.get() == {"n": list(range(20_000))}
    assert kind(box(form, "n")) == "Textarea"


# Types that contain themselves.


async def test_a_type_that_contains_itself_is_opened_a_step_at_a_time() -> None:
    form = await form_of("recursive")
    assert form.get() == {"node": {"name": ""}, "chain": {"link": None}, "total": {}}
    node = field(form, "node")
    for _ in range(5):
        closed = [
            found for found in every(node, "mcp-tick") if found.description == "parent" and not found.value
        ]
        closed[0].value = True
    value = form.get()["node"]
    for _ in range(5):
        value = value["parent"]
    assert value == {"name": ""}


async def test_a_type_that_has_no_end_is_json() -> None:
    form = await form_of("endless")
    assert form.get() == {"value": {}}
    assert kind(every(field(form, "value"), "mcp-input")[0]) == "Textarea"


async def test_a_schema_that_refers_to_itself_through_the_root_or_in_a_circle() -> None:
    form = Form({"type": "object", "properties": {"next": {"$ref": "#"}, "x": {"type": "integer"}}})
    form.set({"next": {"next": {"x": 1}}})
    assert form.get() == {"next": {"next": {"x": 1}}}
    circle = {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}
    form = made({"x": {"$ref": "#/$defs/a"}, "y": {"$ref": "#/nowhere/0"}}, **circle)
    form.set({"x": 1, "y": [2]})
    assert form.get() == {"x": 1, "y": [2]}


def test_references_have_escapes() -> None:
    schema = {
        "properties": {"x": {"$ref": "#/$defs/a~1b~0c%20d"}, "y": {"$ref": "#/$defs/list/0"}},
        "$defs": {"a/b~c d": {"type": "integer", "title": "X"}, "list": [{"type": "boolean"}]},
    }
    found = read(schema).properties
    assert (found["x"].kind, found["x"].label, found["y"].kind) == ("integer", "X", "boolean")


# Unions.


async def test_a_union_offers_its_alternatives() -> None:
    form = await form_of("either")
    choice = one(field(form, "value"), "mcp-alternative")
    assert [label for label, _ in choice.options] == ["(choose)", "integer", "string", "JSON"]
    box(form, "value").value = "5"
    assert form.get()["value"] == 5
    choice.value = 1
    box(form, "value").value = "5"
    assert form.get()["value"] == "5"
    choice.value = 0
    assert form.get()["value"] == 5, "what was typed in another alternative is kept"
    choice.value = -1
    assert "value" not in form.get()


async def test_objects_of_a_union_are_told_by_their_constants_which_are_always_sent() -> None:
    form = await form_of("either")
    assert "pet" not in form.get()
    choice = one(field(form, "pet"), "mcp-alternative")
    assert [label for label, _ in choice.options][1:3] == ["object (kind: cat)", "object (kind: dog)"]
    choice.value = 0
    assert form.get()["pet"] == {"kind": "cat"}
    one(field(form, "animal"), "mcp-null").value = False
    one(field(form, "animal"), "mcp-alternative").value = 0
    assert form.get()["animal"] == {"kind": "cat"}, "though the schema does not require it here"
    form.set({"value": 1, "animal": {"kind": "dog", "good": False}, "pet": {"kind": "cat", "lives": 1}})
    assert one(field(form, "pet"), "mcp-alternative").value == 0
    assert one(field(form, "animal"), "mcp-alternative").value == 1


def test_a_constant_that_may_be_null_tells_nothing_apart_and_is_optional() -> None:
    constant = {"anyOf": [{"const": "a"}, {"type": "null"}], "default": None}
    form = made({"x": {"anyOf": [{"type": "integer"}, {"type": "object", "properties": {"k": constant}}]}})
    for value in ({}, {"k": "a"}):
        form.set({"x": value})
        assert form.get() == {"x": value}


async def test_a_union_takes_the_first_alternative_that_holds_the_value_else_json() -> None:
    form = await form_of("either")
    alternative = one(field(form, "value"), "mcp-alternative")
    for value, at in ((1, 0), ("1", 1), (1.0, 0), (1.5, 2), (True, 2), ([{}], 2), (None, 2)):
        form.set({"value": value})
        assert alternative.value == at, value
        assert exact(form.get()["value"]) == exact(value)


def test_an_alternative_that_would_lose_something_is_passed_over() -> None:
    first = {"type": "object", "properties": {"a": {"type": "integer"}}}
    second = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}
    form = made({"x": {"anyOf": [first, second]}})
    for value, at in (({"a": 1}, 0), ({"a": 1, "b": 2}, 1), ({"c": 3}, 2)):
        form.set({"x": value})
        assert form.get() == {"x": value}
        assert one(form.widget, "mcp-alternative").value == at


def test_a_schema_of_several_types_is_a_union() -> None:
    form = made({"x": {"type": ["string", "integer", "null"], "description": "a key"}})
    assert form.get() == {"x": None}
    one(form.widget, "mcp-null").value = False
    labels = [label for label, _ in one(form.widget, "mcp-alternative").options]
    assert labels == ["(choose)", "string", "integer", "JSON"]
    for value in ("a", 1, None):
        form.set({"x": value})
        assert exact(form.get()) == exact({"x": value})
    assert one(form.widget, "mcp-null").value


def test_alternatives_of_the_same_name_are_numbered() -> None:
    same = {"type": "array", "items": {"type": "integer"}}
    form = made({"x": {"anyOf": [same, {**same, "minItems": 3}, {}]}})
    labels = [label for label, _ in one(form.widget, "mcp-alternative").options]
    assert labels == ["(choose)", "list of integer 1", "list of integer 2", "JSON 1", "JSON 2"]


def test_a_schema_that_cannot_be_applied_fits_nothing() -> None:
    bad = [{"type": "string", "pattern": "("}, {"type": "nonsense"}, {"$ref": "#/nowhere"}, {"minimum": "x"}]
    for schema in bad:
        form = made({"x": {"anyOf": [schema, {"type": "array", "items": {}}]}})
        form.set({"x": "text"})
        assert form.get() == {"x": "text"}


def test_what_a_schema_refers_to_elsewhere_is_never_fetched() -> None:
    asked: list[str] = []

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        elsewhere = {"$ref": f"http://127.0.0.1:{server.server_port}/schema.json"}
        form = made({"x": {"anyOf": [elsewhere, {"type": "integer"}]}})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # jsonschema would warn and fetch
            form.set({"x": 1})
        server.shutdown()
        thread.join()
    assert form.get() == {"x": 1}
    assert asked == []


# JSON boxes: the only ones that can fail.


def test_what_is_not_json_is_named_with_its_path_and_shown_beside_the_box_until_it_is_put_right() -> None:
    form = made({"filter": {}, "n": {"type": "integer"}})
    box(form, "filter").value = "{'a': 1}"
    with pytest.raises(
        FormError, match=r"^filter: not JSON: Expecting property name enclosed in double quotes at"
    ):
        form.get()
    box(form, "filter").value = '["a" 1'
    with pytest.raises(FormError, match=r"^filter: not JSON: Expecting ',' at character 6$"):
        form.get()
    assert "not JSON: Expecting &#x27;,&#x27; at character 6" in texts(field(form, "filter"))
    assert "role='alert'" in texts(field(form, "filter"))
    box(form, "filter").value = '["a", 1'
    assert "not JSON" in texts(field(form, "filter"))
    box(form, "filter").value = '["a", 1]'
    assert "not JSON" not in texts(field(form, "filter"))
    assert form.get() == {"filter": ["a", 1]}


def test_the_path_leads_to_the_box() -> None:
    form = made(
        {"rows": {"type": "array", "items": {"type": "object", "properties": {"x": {}}, "required": ["x"]}}}
    )
    form.set({"rows": [{"x": 1}, {"x": 2}]})
    every(form.widget, "mcp-input")[1].value = "nope"
    with pytest.raises(FormError, match=r"^rows\[1\].x: not JSON") as raised:
        form.get()
    assert raised.value.path == ("rows", 1, "x")
    assert isinstance(raised.value, ValueError)


@pytest.mark.parametrize(
    "typed", ["NaN", "[Infinity]", "-Infinity", "1e999", "[" * 200_000, "9" * 5000, "{", "'a'"]
)
def test_what_only_python_takes_for_json_is_refused(typed: str) -> None:
    form = made({"x": {}})
    box(form, "x").value = typed
    with pytest.raises(FormError, match=r"^x: "):
        form.get()
    with pytest.raises(ValueError, match=r"not JSON|integer string conversion"):
        json_of(typed)


def test_an_empty_json_box_is_not_sent() -> None:
    assert made({"x": {}}).get() == {}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        True,
        False,
        {"type": "object"},
        {"type": "object", "additionalProperties": True},
        {"allOf": [{"type": "object"}, {"required": ["a"]}]},
        {"type": "object", "patternProperties": {"^x": {"type": "integer"}}},
        {"type": "object", "properties": {"a": {}}, "patternProperties": {"^x": {"type": "integer"}}},
        {"type": "array", "items": [{"type": "integer"}]},
        {"type": "array", "prefixItems": [{"type": "integer"}], "items": {"type": "string"}},
        {"anyOf": [{"minimum": 1}, {"minLength": 1}], "oneOf": [{"type": "string"}, {"type": "integer"}]},
        {"not": {"type": "null"}},
        {"$ref": "https://example.com/schema.json"},
    ],
)
def test_what_has_no_input_of_its_own_is_json(schema: Any) -> None:
    assert read(schema).kind == "json"
    form = made({"x": schema})
    for value in (1, {"a": [None]}, ["x"]):
        form.set({"x": value})
        assert form.get() == {"x": value}


def test_parts_of_one_schema_are_put_together() -> None:
    base = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    schema = {
        "$defs": {"Base": base},
        "allOf": [{"$ref": "#/$defs/Base"}],
        "properties": {"b": {"type": "string"}},
        "required": ["b"],
        "title": "Both",
    }
    found = read(schema)
    assert (found.kind, found.label, list(found.properties)) == ("object", "Both", ["a", "b"])
    assert all(inner.required for inner in found.properties.values())
    either = {
        "type": "object",
        "properties": {"a": {}, "b": {}},
        "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
    }
    assert read(either).kind == "object"


# Whole schemas.


async def test_a_tool_without_arguments() -> None:
    form = await form_of("nothing")
    assert form.get() == {}
    assert "nothing to fill in" in texts(form.widget)
    for schema in ({}, {"type": "object"}):
        assert Form(schema).get() == {}
        assert "nothing to fill in" in texts(Form(schema).widget)


def test_a_whole_schema_may_be_more_than_properties() -> None:
    free = Form({"type": "object", "additionalProperties": True})
    free.set({"a": 1})
    assert free.get() == {"a": 1}
    several = Form(
        {"anyOf": [{"type": "object", "properties": {"a": {"type": "integer"}}}, {"type": "object"}]}
    )
    assert several.get() == {}
    for value in ({"a": 1}, {"b": 2}):
        several.set(value)
        assert several.get() == value
    scores = Form({"type": "object", "additionalProperties": {"type": "integer"}})
    scores.set({"ada": 7})
    assert scores.get() == {"ada": 7}
    one(several.widget, "mcp-alternative").value = 2
    every(several.widget, "mcp-input")[-1].value = "[1]"
    with pytest.raises(FormError, match="not a JSON object"):
        several.get()


async def test_a_question_of_the_server() -> None:
    asked: list[dict[str, Any]] = []
    answers: list[Any] = []
    server = FastMCP("asks")

    @dataclass
    class Person:
        name: str
        age: int = 30
        colour: Literal["red", "blue"] = "red"

    @server.tool
    async def ask(ctx: Context) -> str:
        for wanted in (
            Person,
            ["a", "b"],
            [["a", "b", "c"]],
            {"low": {"title": "Low"}, "high": {"title": "High"}},
        ):
            answer = await ctx.elicit("?", response_type=wanted)  # type: ignore[call-overload]
            answers.append(answer)
        return "asked"

    filled = iter(
        [{"name": "Ada", "colour": "blue"}, {"value": "b"}, {"value": ["a", "c"]}, {"value": "high"}]
    )

    async def handler(
        _message: str, _type: object, params: Any, _context: object
    ) -> ElicitResult[dict[str, Any]]:
        asked.append(params.requested_schema)
        form = Form(params.requested_schema)
        form.set(next(filled))
        return ElicitResult(action="accept", content=form.get())

    async with Client(server, mode="legacy", elicitation_handler=handler) as client:
        await client.call_tool("ask")
    assert [answer.data for answer in answers] == [Person("Ada", 30, "blue"), "b", ["a", "c"], "high"]
    kinds = [read(schema).properties.get("value") for schema in asked]
    assert [found and found.kind for found in kinds] == [None, "choice", "choices", "choice"]
    assert read(asked[3]).properties["value"].choices == (("Low", "low"), ("High", "high"))


# For people who cannot see the form, and for those who look for something in it.


@pytest.mark.parametrize("name", FILLED)
async def test_every_input_has_a_label_and_every_button_a_text(name: str) -> None:
    form = await form_of(name)
    form.set(FILLED[name])
    inputs = [w for w in walk(form.widget) if hasattr(w, "value") and kind(w) != "HTML"]
    assert len(inputs) >= len(FILLED[name])
    assert all(w.description.strip() for w in inputs)
    buttons = [w for w in walk(form.widget) if kind(w) == "Button"]
    assert {button.description for button in buttons} <= {"add", "remove"}
    assert all(button.tooltip for button in buttons)


async def test_a_required_value_is_marked_and_a_tick_comes_before_its_input() -> None:
    form = await form_of("scalars")
    assert box(form, "count").description == "count *"
    assert "required" in texts(field(form, "count"))
    form = await form_of("optional")
    order = [w for w in walk(field(form, "most")) if hasattr(w, "value") and kind(w) != "HTML"]
    assert [w.description for w in order] == ["most", "most", "null"]
    assert [kind(w) for w in order] == ["Checkbox", "Text", "Checkbox"]
    assert box(form, "verbose").description == "verbose is true"
    assert "sent when it is ticked" in texts(form.widget)


async def test_what_a_server_says_is_shown_as_text() -> None:
    form = await form_of("scalars")
    assert "how &lt;b&gt;many&lt;/b&gt;" in texts(field(form, "count"))
    evil = "<img src=x onerror=alert(1)>"
    properties = {
        evil: {"type": "object", "title": evil, "description": evil, "properties": {}},
        "a": {"type": "string", "pattern": evil, "format": evil},
        "b": {
            "type": "array",
            "title": evil,
            "items": {"title": evil, "type": "object", "properties": {}},
            "default": [evil],
        },
        "c": {"anyOf": [{"title": evil, "type": "object", "properties": {}}, {"type": "array", "items": {}}]},
    }
    form = made(properties, [evil, "a", "c"])
    form.set({evil: {}, "a": evil, "b": [{}], "c": {}})
    assert evil in form.get()
    assert "<img" not in texts(form.widget)
    form.set({evil: {}, "a": evil, "b": [{}, {}], "c": {}})
    every(field(form, "b"), "mcp-remove")[0].click()
    assert "<img" not in texts(form.widget)
    assert "&lt;img" in texts(field(form, "b"))
    with pytest.raises(FormError):
        form.set({f"{evil}2": 1})
    assert not any(getattr(w, "description_allow_html", False) for w in walk(form.widget))


async def test_every_argument_is_found_by_its_name() -> None:
    form = await form_of("nested")
    assert [one(form.widget, f"mcp-field-{name}") for name in FILLED["nested"]]
    assert every(form.widget, "mcp-field-title") == []
    assert field(made({"two words": {"type": "string"}}), "two-words")


async def test_colours_are_those_of_the_theme() -> None:
    form = await form_of("nested")
    borders = {w.layout.border_left for w in walk(form.widget) if getattr(w.layout, "border_left", None)}
    assert borders == {"2px solid var(--jp-border-color1, #bbb)"}


# What it costs.


def test_a_hundred_arguments_take_well_under_a_second() -> None:
    properties = {f"a{n}": {"type": "integer", "description": "how many", "default": n} for n in range(100)}
    took = []
    for _ in range(3):
        began = time.perf_counter()
        form = made(properties, [f"a{n}" for n in range(0, 100, 2)])
        took.append(time.perf_counter() - began)
    assert len(form.get()) == 50
    assert min(took) < 0.5


def test_the_form_is_made_without_fastmcp_and_jsonschema() -> None:
    code = (
        "import sys; from mcp_workbench.panel.form import Form; Form({'properties': {'x': {}}});"
        "print(sorted({'fastmcp', 'mcp', 'jsonschema', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# Anything that FastMCP makes a schema of.


class AbsentOrNull:
    """What is expected of an optional value whose default is null, set to null."""


class AnyOrder(list[Any]):
    """What is expected of a set."""


def equal(expected: Any, found: Any) -> bool:
    if isinstance(expected, AnyOrder):
        return sorted(map(exact, expected)) == sorted(map(exact, found))
    if isinstance(expected, dict):
        rest = {name: inner for name, inner in expected.items() if inner is not AbsentOrNull}
        nulls = {name for name in expected if name not in rest}
        kept = {name: inner for name, inner in found.items() if not (name in nulls and inner is None)}
        return sorted(rest) == sorted(kept) and all(equal(rest[name], kept[name]) for name in rest)
    if isinstance(expected, list):
        return len(expected) == len(found) and all(map(equal, expected, found))
    return exact(expected) == exact(found)


Pair = tuple[Any, Any]  # a value, and what is expected to come back


@dataclass(frozen=True)
class Typed:
    """An annotation, and values that are valid for it.

    shape: what JSON its values are; a union has at most one list, as the first that fits takes the value.
    native: are its values also what Python has, so that one can be a default?
    """

    annotation: Any
    values: st.SearchStrategy[Pair]
    shape: str = "scalar"
    native: bool = False


numbers = itertools.count()


def plain(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Pair]:
    return values.map(lambda value: (value, value))


def leaf(annotation: Any, values: st.SearchStrategy[Any], *, native: bool = False) -> Typed:
    return Typed(annotation, plain(values), native=native)


finite = st.floats(allow_nan=False, allow_infinity=False)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | finite | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)
words = st.text("abcxyz", min_size=1, max_size=4)

LEAVES = [
    leaf(int, st.integers(), native=True),
    leaf(Annotated[int, Field(ge=1, le=9)], st.integers(1, 9), native=True),
    leaf(float, finite, native=True),
    leaf(bool, st.booleans(), native=True),
    leaf(str, st.text(), native=True),
    leaf(Annotated[str, Field(max_length=9, description="short")], st.text(max_size=9), native=True),
    leaf(Annotated[str, Field(pattern="^a")], st.text().map("a".__add__), native=True),
    leaf(date, st.dates().map(str)),
    leaf(datetime, st.datetimes().map(datetime.isoformat)),
    leaf(clock, st.times().map(clock.isoformat)),
    leaf(UUID, st.uuids().map(str)),
    leaf(Decimal, finite | st.integers().map(str)),
    leaf(bytes, st.text()),
    leaf(SecretStr, st.text()),
    leaf(Colour, st.sampled_from(["red", "blue"])),
    leaf(Level, st.sampled_from([1, 2])),
    leaf(Literal["a", "b", 1, True, None], st.sampled_from(["a", "b", 1, True, None])),
    leaf(Literal["only"], st.just("only")),
    Typed(Any, plain(anything), shape="any"),
    Typed(dict[str, Any], plain(st.dictionaries(words, anything, max_size=2)), shape="map"),
    Typed(list, plain(st.lists(anything, max_size=2)), shape="list"),
    Typed(
        set[Colour],
        st.lists(st.sampled_from(["red", "blue"]), unique=True).map(lambda found: (found, AnyOrder(found))),
        shape="list",
    ),
    Typed(list[Colour], plain(st.lists(st.sampled_from(["red", "blue"]), max_size=3)), shape="list"),
    Typed(set[int], plain(st.lists(st.integers(), unique=True, max_size=3)), shape="list"),
]


def zipped(pairs: list[Pair]) -> Pair:
    return [value for value, _ in pairs], [expected for _, expected in pairs]


def keyed(pairs: dict[str, Pair]) -> Pair:
    return {k: value for k, (value, _) in pairs.items()}, {k: expected for k, (_, expected) in pairs.items()}


def a_list(item: Typed) -> Typed:
    return Typed(list[item.annotation], st.lists(item.values, max_size=3).map(zipped), "list", item.native)  # type: ignore[name-defined]


def a_tuple(items: list[Typed]) -> Typed:
    places = st.tuples(*(item.values for item in items)).map(list)
    return Typed(tuple[*(item.annotation for item in items)], places.map(zipped), "list")  # type: ignore[valid-type]


def a_map(item: Typed) -> Typed:
    values = st.dictionaries(words, item.values, max_size=3).map(keyed)
    return Typed(dict[str, item.annotation], values, "map", item.native)  # type: ignore[name-defined]


def or_none(item: Typed) -> Typed:
    return Typed(Optional[item.annotation], st.just((None, None)) | item.values, item.shape)  # noqa: UP045


def a_union(items: list[Typed]) -> Typed:
    lists = [item for item in items if item.shape == "list"][:1]
    kept = [item for item in items if item.shape != "list"] + lists
    shape = "list" if lists else kept[0].shape
    annotation = Union[tuple(item.annotation for item in kept)]  # noqa: UP007
    return Typed(annotation, st.one_of(*(item.values for item in kept)), shape)


@dataclass(frozen=True)
class Parameter:
    annotation: Any
    default: Any  # MISSING: it is required
    values: st.SearchStrategy[Pair]
    always: bool = False  # is it in every value, required or not?


@st.composite
def parameters(draw: Callable[..., Any], items: st.SearchStrategy[Typed]) -> Parameter:
    item = draw(items)
    how = draw(st.sampled_from(["required", "null", "absent", "default"]))
    if how == "null":
        null = st.just((None, AbsentOrNull))
        # A value may be null in itself, as Any and a choice may; it is then not sent either.
        values = item.values.map(lambda pair: pair if pair[0] is not None else (None, AbsentOrNull))
        return Parameter(Optional[item.annotation], None, null | values)  # noqa: UP045
    if how == "absent":
        return Parameter(item.annotation, Field(default_factory=int), item.values)
    if how == "default" and item.native:
        return Parameter(item.annotation, draw(item.values)[0], item.values)
    return Parameter(item.annotation, MISSING, item.values)


def given_for(chosen: dict[str, Parameter]) -> st.SearchStrategy[Pair]:
    required = {name: one.values for name, one in chosen.items() if one.default is MISSING or one.always}
    rest = {name: one.values for name, one in chosen.items() if name not in required}
    return st.fixed_dictionaries(required, optional=rest).map(keyed)


@st.composite
def models(draw: Callable[..., Any], items: st.SearchStrategy[Typed]) -> Typed:
    """A model whose names no other has: of two that a value fits, a union takes the first."""
    number = next(numbers)
    drawn = draw(st.lists(parameters(items), max_size=3))
    # A constant may be what tells alternatives apart: in a union, it is always sent.
    drawn = [replace(one, always=one.annotation == Literal["only"]) for one in drawn]
    fields = {f"f{number}_{at}": one for at, one in enumerate(drawn)}
    made_of = {
        name: (one.annotation, ... if one.default is MISSING else one.default) for name, one in fields.items()
    }
    extra: Literal["allow", "ignore"] = draw(st.sampled_from(["allow", "ignore"]))
    model = create_model(f"Model{number}", __config__=ConfigDict(extra=extra), **made_of)  # type: ignore[call-overload]
    return Typed(model, given_for(fields), "object")


def grown(items: st.SearchStrategy[Typed]) -> st.SearchStrategy[Typed]:
    return (
        items.map(a_list)
        | items.map(a_map)
        | items.map(or_none)
        | st.lists(items, min_size=1, max_size=3).map(a_tuple)
        | st.lists(items, min_size=2, max_size=3).map(a_union)
        | models(items)
    )


nodes: st.SearchStrategy[Any] = st.deferred(
    lambda: st.fixed_dictionaries(
        {"name": st.text()},
        optional={"parent": nodes, "children": st.lists(nodes, max_size=2)},
    )
)
annotations = st.recursive(
    st.sampled_from([*LEAVES, Typed(Node, plain(nodes), "object")]), grown, max_leaves=5
)


def tool_schema(chosen: dict[str, Parameter]) -> dict[str, Any]:
    """The input schema that FastMCP makes of a function with these parameters."""

    def function(**_: Any) -> None:
        """Generated."""

    function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if one.default is MISSING else one.default,
                annotation=one.annotation,
            )
            for name, one in chosen.items()
        ]
    )
    function.__annotations__ = {name: one.annotation for name, one in chosen.items()}
    return Tool.from_function(function).parameters


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_what_is_set_comes_back_whatever_the_parameters_are(data: st.DataObject) -> None:
    drawn = data.draw(st.lists(parameters(annotations), min_size=1, max_size=3))
    chosen = {f"p{at}": one for at, one in enumerate(drawn)}
    schema = tool_schema(chosen)
    form = Form(dereference_refs(schema) if data.draw(st.booleans()) else schema)
    required = set(schema.get("required", []))
    assert set(form.get()) <= required
    for _ in range(2):
        value, expected = data.draw(given_for(chosen))
        assert valid(read(schema), value)
        form.set(value)
        found = form.get()
        assert equal(expected, found), (value, found)
        sent = {name for name, inner in expected.items() if inner is not AbsentOrNull}
        assert set(found) == sent
    form.clear()
    assert set(form.get()) <= required


@settings(max_examples=100, deadline=None)
@given(st.text() | st.from_regex(r"-?[0-9]{1,5}(\.[0-9]{1,3})?", fullmatch=True))
def test_a_number_box_sends_a_json_number_or_the_text(typed: str) -> None:
    form = made({"n": {"type": "number"}})
    box(form, "n").value = typed
    found = form.get().get("n", MISSING)
    if found is MISSING:
        assert not typed.strip()
    elif isinstance(found, str):
        assert found == typed
    else:
        assert exact(found) == exact(json.loads(typed))


def test_alternatives_are_described() -> None:
    described = {
        "integer": {"type": "integer"},
        "date": {"type": "string", "format": "date"},
        "one of a, b, c, ...": {"enum": ["a", "b", "c", "d"]},
        "map of list of string": {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
        "object (a, b)": {"type": "object", "properties": {"a": {}, "b": {}}},
        "Titled": {"title": "Titled", "type": "integer"},
    }
    assert [describe(read(schema)) for schema in described.values()] == list(described)
    endless_list = {"$defs": {"T": {"type": "array", "items": {"$ref": "#/$defs/T"}}}, "$ref": "#/$defs/T"}
    assert describe(read(endless_list)) == "list of list of list of list"
