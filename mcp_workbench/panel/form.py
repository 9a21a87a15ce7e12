"""A form made of a JSON Schema. It holds what the person typed, and leaves judging that to the server."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import escape
from typing import Any, ClassVar

import ipywidgets

from mcp_workbench.panel.schema import (
    GROUPS,
    MISSING,
    Field,
    Part,
    describe,
    json_of,
    number_of,
    path_text,
    read,
    same,
    strangers,
    text_of,
    valid,
)

CHOOSE = -1  # the option that sends nothing
ONE_LINE = 100  # characters that a text may have at the most to be typed in a box of one line
LINES = 8  # that a box has at the most before it scrolls
ROWS = 200  # of inputs in a list; more values are shown as JSON, as so many inputs take seconds to make
LABEL = "160px"
WIDTHS = {
    "": {},
    "alone": {"width": "min(520px, 98%)"},
    "beside": {"width": "min(360px, 98%)"},
    "label": {"width": "156px", "flex": "0 0 auto"},
    "short": {"width": "auto", "align_self": "flex-start"},
    "note": {"margin": "0 0 4px 168px"},
    "group note": {"margin": "0 0 4px 24px"},
    "group": {
        "margin": "0 0 4px 16px",
        "padding": "0 0 0 8px",
        "border_left": "2px solid var(--jp-border-color1, #bbb)",
    },
}


class FormError(ValueError):
    """What a form holds cannot be sent; the text says which field, and what is wrong.

    Args:
        problem: What is wrong.
        path: The keys and indices that lead to the field.

    >>> raise FormError("not JSON: Expecting ',' at character 7", ("filter",))
    mcp_workbench.panel.form.FormError: filter: not JSON: Expecting ',' at character 7
    """

    def __init__(self, problem: str, path: tuple[Part, ...] = ()) -> None:
        super().__init__(f"{path_text(path)}: {problem}" if path else problem)
        self.problem = problem
        self.path = path


class Form:
    """Inputs for the properties of a schema: a tool's input_schema, an elicitation's requested_schema.

    Args:
        schema: The JSON Schema.

    >>> form = Form(tool.input_schema)
    >>> form.widget  # in a notebook: the form
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        make = _Maker()
        self._field = _whole(schema)
        self._root: _Object | _Slot
        if self._field.kind == "object":
            self._root = _Object(self._field, "", make)
            for name, part in self._root.parts.items():
                part.widget.add_class(f"mcp-field-{'-'.join(name.split())}")
            parts = [*_explained(self._root, make), *self._root.widget.children]
        else:
            self._root = _Slot(self._field, self._field.label or "value", make)
            parts = [self._root.widget]
        self.widget = make("VBox", "mcp-form", children=parts)

    def get(self) -> dict[str, Any]:
        """What the form holds, as it is to be sent.

        Raises:
            FormError: A JSON box does not hold JSON, or a key stands in a map twice.

        >>> form.get()
        {'limit': 5}
        """
        value = self._root.get()
        if value is MISSING:
            return {}
        if not isinstance(value, dict):
            raise FormError("not a JSON object: {...}")
        return value

    def set(self, value: Mapping[str, Any]) -> None:
        """Fill the form in; what the value does not have is cleared.

        Args:
            value: The arguments, as JSON has them.

        Raises:
            FormError: It is not JSON, or has a property that the form has no place for. Nothing is changed.

        >>> form.set({"limit": 5})
        """
        try:
            value = json.loads(json.dumps(value, allow_nan=False))
        except (TypeError, ValueError, RecursionError) as error:
            raise FormError(f"not JSON: {error}") from None
        if not isinstance(value, dict):
            raise FormError("not a JSON object: {...}")
        if unknown := list(strangers(self._field, value)):
            raise FormError(f"no such field: {', '.join(unknown)}")
        self._root.set(value)

    def clear(self) -> None:
        """Put the form back as it was when it was made.

        >>> form.clear()
        """
        self._root.reset()


class _Maker:
    """Makes the widgets of one form. They share layouts and styles, as each is a model in the browser."""

    def __init__(self) -> None:
        self._shared: dict[tuple[Any, str], Any] = {}

    def __call__(self, kind: str, css: str = "", width: str = "", **traits: Any) -> Any:
        cls = getattr(ipywidgets, kind)
        layout = self._one(ipywidgets.Layout, width, WIDTHS[width])
        if hasattr(cls, "style"):
            label = "0px" if width == "beside" else LABEL  # beside a tick, whose label stands there already
            style_class = cls.style.klass
            has_label = "description_width" in style_class.class_trait_names()
            described = {"description_width": label} if has_label else {}
            traits["style"] = self._one(style_class, label, described)
        return cls(layout=layout, _dom_classes=(css,) if css else (), **traits)

    def _one(self, cls: Any, key: str, traits: Mapping[str, str]) -> Any:
        if (cls, key) not in self._shared:
            self._shared[cls, key] = cls(**traits)
        return self._shared[cls, key]


class _Control:
    """An input for one value that is sent. A new one shows nothing.

    Args:
        field: What the value is.
        label: What it is called.
        make: Makes the widgets.
        beside: Does it stand beside a tick that has the label?
    """

    widget: Any

    def __init__(self, field: Field, label: str, make: _Maker, *, beside: bool = False) -> None:
        self.field, self.label, self.make, self.beside = field, label, make, beside

    @classmethod
    def holds(cls, field: Field, value: Any) -> bool:
        """Would `get` give exactly this value after `set`?"""
        raise NotImplementedError

    def get(self) -> Any:
        """The value, MISSING where there is none."""
        raise NotImplementedError

    def set(self, value: Any) -> None:
        """Show a value that it holds."""
        raise NotImplementedError

    def reset(self) -> None:
        """Show nothing."""
        raise NotImplementedError

    def relabel(self, label: str) -> None:
        """Take another label."""
        self.label = label


class _Box(_Control):
    """An input of one widget, whose value is what it holds."""

    KIND: ClassVar[str] = "Text"
    BLANK: ClassVar[Any] = ""

    def __init__(self, field: Field, label: str, make: _Maker, *, beside: bool = False) -> None:
        super().__init__(field, label, make, beside=beside)
        width = "beside" if beside else "alone"
        self.widget = make(self.KIND, "mcp-input", width, **{"description": label, **self._traits()})

    def _traits(self) -> dict[str, Any]:
        return {}

    def enable(self, on: bool) -> None:
        """Let the person change it, or not."""
        self.widget.disabled = not on

    @classmethod
    def holds(cls, field: Field, value: Any) -> bool:
        return isinstance(value, str)

    def get(self) -> Any:
        return self.widget.value

    def set(self, value: Any) -> None:
        self.widget.value = value

    def reset(self) -> None:
        self.widget.value = self.BLANK

    def relabel(self, label: str) -> None:
        self.label = self.widget.description = label


class _Line(_Box):
    @classmethod
    def holds(cls, field: Field, value: Any) -> bool:
        return isinstance(value, str) and not {"\n", "\r"} & set(value)


class _Lines(_Box):
    KIND = "Textarea"

    def _traits(self) -> dict[str, Any]:
        return {"rows": 1}

    def set(self, value: Any) -> None:
        self.widget.rows = min(value.count("\n") + 1, LINES)
        super().set(value)


class _Secret(_Box):
    KIND = "Password"


class _Number(_Box):
    @classmethod
    def holds(cls, field: Field, value: Any) -> bool:
        if isinstance(value, str):
            return number_of(value) == value
        return isinstance(value, int | float) and not isinstance(value, bool)

    def get(self) -> Any:
        return number_of(self.widget.value)

    def set(self, value: Any) -> None:
        super().set(text_of(value))


class _Boolean(_Box):
    KIND = "Checkbox"
    BLANK = False

    def _traits(self) -> dict[str, Any]:
        return {"description": f"{self.label} is true", "indent": False} if self.beside else {}

    @classmethod
    def holds(cls, field: Field, value: Any) -> bool:
        return isinstance(value, bool)


class _Date(_Box):
    KIND = "DatePicker"
    BLANK = None

    @classmethod
    def holds(cls, field: Field, value: Any) -> bool:
        try:
            return isinstance(value, str) and datetime.date.fromisoformat(value).isoformat() == value
        except ValueError:
            return False

    def get(self) -> Any:
        return MISSING if self.widget.value is None else self.widget.value.isoformat()

    def set(self, value: Any) -> None:
        super().set(datetime.date.fromisoformat(value))


class _Const(_Box):
    def _traits(self) -> dict[str, Any]:
        return {"value": text_of(self.field.schema["const"]), "disabled": True}

    def enable(self, on: bool) -> None:
        pass

    @classmethod
    def holds(cls, field: Field, value: Any) -> bool:
        return same(value, field.schema["const"])

    def get(self) -> Any:
        return self.field.schema["const"]

    def set(self, value: Any) -> None:
        pass

    def reset(self) -> None:
        pass


class _Choice(_Box):
    """Its values are places among the choices: True, 1 and 1.0 would be one value to the widget."""

    KIND = "Dropdown"
    BLANK = CHOOSE

    def _traits(self) -> dict[str, Any]:
        has_default = _has_default(self.field) and self.holds(self.field, self.field.default)
        first = [] if has_default else [_CHOOSE]
        return {"options": first + _numbered(self.field)}

    @classmethod
    def holds(cls, field: Field, value: Any) -> bool:
        return bool(_places(field, [value]))

    def get(self) -> Any:
        at = self.widget.value
        return MISSING if at == CHOOSE else self.field.choices[at][1]

    def set(self, value: Any) -> None:
        super().set(_places(self.field, [value])[0])

    def reset(self) -> None:
        self.widget.value = self.widget.options[0][1]


class _Choices(_Box):
    KIND = "SelectMultiple"
    BLANK = ()

    def _traits(self) -> dict[str, Any]:
        return {"options": _numbered(self.field), "rows": min(len(self.field.choices), LINES)}

    @classmethod
    def holds(cls, field: Field, value: Any) -> bool:
        if not isinstance(value, list):
            return False
        places = _places(field, value)
        if field.schema.get("uniqueItems") is not True and places != sorted(places):
            return False
        return len(set(places)) == len(value)

    def get(self) -> Any:
        return [self.field.choices[at][1] for at in self.widget.value]

    def set(self, value: Any) -> None:
        super().set(tuple(sorted(_places(self.field, value))))


class _Json(_Box):
    KIND = "Textarea"

    def _traits(self) -> dict[str, Any]:
        return {"rows": 2, "placeholder": "JSON"}

    @classmethod
    def holds(cls, field: Field, value: Any) -> bool:
        return True

    def get(self) -> Any:
        if not self.widget.value.strip():
            return MISSING
        try:
            return json_of(self.widget.value)
        except ValueError as error:
            raise FormError(str(error)) from None

    def set(self, value: Any) -> None:
        text = json.dumps(value, ensure_ascii=False)
        if len(text) > ONE_LINE:
            text = json.dumps(value, ensure_ascii=False, indent=1)
        self.widget.rows = min(text.count("\n") + 2, LINES)
        super().set(text)


class _Group(_Control):
    """An input of several values, below its label."""

    def __init__(self, field: Field, label: str, make: _Maker, *, beside: bool = False) -> None:
        super().__init__(field, label, make, beside=beside)
        self.widget = make("VBox", "mcp-group", "group")


class _Object(_Group):
    """The properties, and a JSON box for those that the schema allows but does not list."""

    def __init__(self, field: Field, label: str, make: _Maker, *, beside: bool = False) -> None:
        super().__init__(field, label, make, beside=beside)
        self.parts = {
            name: _Slot(inner, inner.label, make, starred=inner.required and inner.kind != "const")
            for name, inner in field.properties.items()
        }
        further = field.further
        self.further = _Slot(further, further.label, make) if further else None
        slots = [*self.parts.values(), *([self.further] if self.further else [])]
        self.widget.children = [slot.widget for slot in slots]

    @classmethod
    def holds(cls, field: Field, value: Any) -> bool:
        return isinstance(value, dict)

    def get(self) -> Any:
        found = {}
        for name, slot in self.parts.items():
            with _at(name):
                if (value := slot.get()) is not MISSING:
                    found[name] = value
        return found | self._further()

    def _further(self) -> dict[str, Any]:
        if self.further is None:
            return {}
        with _at(self.further.label):
            value = self.further.get()
            if value is MISSING:
                return {}
            if not isinstance(value, dict):
                raise self.further.wrong('not a JSON object: {"name": ...}')
            if again := [name for name in value if name in self.parts]:
                raise self.further.wrong(f"has a field of its own: {', '.join(again)}")
            return value

    def set(self, value: Any) -> None:
        for name, slot in self.parts.items():
            slot.set(value.get(name, MISSING))
        if self.further is not None:
            further = {name: inner for name, inner in value.items() if name not in self.parts}
            self.further.set(further or MISSING)

    def reset(self) -> None:
        for slot in self.parts.values():
            slot.reset()
        if self.further is not None:
            self.further.reset()


class _Tuple(_Group):
    def __init__(self, field: Field, label: str, make: _Maker, *, beside: bool = False) -> None:
        super().__init__(field, label, make, beside=beside)
        self.slots = [
            _Slot(place, place.label or f"{label}[{index}]", make) for index, place in enumerate(field.places)
        ]
        self.widget.children = [slot.widget for slot in self.slots]

    @classmethod
    def holds(cls, field: Field, value: Any) -> bool:
        return isinstance(value, list) and len(value) == len(field.places)

    def get(self) -> Any:
        return [_sent(index, slot) for index, slot in enumerate(self.slots)]

    def set(self, value: Any) -> None:
        for slot, inner in zip(self.slots, value, strict=True):
            slot.set(inner)

    def reset(self) -> None:
        for slot in self.slots:
            slot.reset()

    def relabel(self, label: str) -> None:
        super().relabel(label)
        for index, slot in enumerate(self.slots):
            slot.relabel(slot.field.label or f"{label}[{index}]")


class _Rows(_Group):
    """Values that can be added and removed, each in a row."""

    def __init__(self, field: Field, label: str, make: _Maker, *, beside: bool = False) -> None:
        super().__init__(field, label, make, beside=beside)
        self.slots: list[_Slot] = []
        self._rows: list[Any] = []
        self._removers: list[Any] = []
        self.add = make("Button", "mcp-add", "short", description="add", tooltip=f"add to {label}")
        self.add.on_click(lambda _: self.insert())
        self._arrange()

    def insert(self) -> None:
        """Add a row that holds nothing."""
        self._append()
        self._arrange()

    def _append(self) -> _Slot:
        slot = self._slot()
        remove = self.make("Button", "mcp-remove", "short", description="remove")
        remove.on_click(lambda _: self.remove(slot))
        self.slots.append(slot)
        self._removers.append(remove)
        self._rows.append(self.make("HBox", "mcp-row", children=[self._shown(slot), remove]))
        return slot

    def remove(self, slot: _Slot) -> None:
        """Take a row away."""
        at = self.slots.index(slot)
        for parts in (self.slots, self._rows, self._removers):
            del parts[at]
        self._arrange()

    def reset(self) -> None:
        for parts in (self.slots, self._rows, self._removers):
            parts.clear()
        self._arrange()

    def relabel(self, label: str) -> None:
        super().relabel(label)
        self.add.tooltip = f"add to {label}"
        self._arrange()

    def _slot(self) -> _Slot:
        raise NotImplementedError

    def _shown(self, slot: _Slot) -> Any:
        return slot.widget

    def _name(self, index: int) -> str:
        raise NotImplementedError

    def _arrange(self) -> None:
        self.widget.children = [*self._rows, self.add]
        for index, remove in enumerate(self._removers):
            remove.tooltip = f"remove {self._name(index)}"


class _Array(_Rows):
    @classmethod
    def holds(cls, field: Field, value: Any) -> bool:
        return isinstance(value, list) and len(value) <= ROWS

    def get(self) -> Any:
        return [_sent(index, slot) for index, slot in enumerate(self.slots)]

    def set(self, value: Any) -> None:
        self.reset()
        for inner in value:
            self._append().set(inner)
        self._arrange()

    def _slot(self) -> _Slot:
        return _Slot(self.field.element, self._name(len(self.slots)), self.make)

    def _name(self, index: int) -> str:
        return f"{self.label}[{index}]"  # as errors name it, this form's and the server's

    def _arrange(self) -> None:
        super()._arrange()
        for index, slot in enumerate(self.slots):
            slot.relabel(self._name(index))


class _Map(_Rows):
    def __init__(self, field: Field, label: str, make: _Maker, *, beside: bool = False) -> None:
        self._keys: dict[_Slot, Any] = {}
        super().__init__(field, label, make, beside=beside)

    @classmethod
    def holds(cls, field: Field, value: Any) -> bool:
        return isinstance(value, dict) and len(value) <= ROWS

    def get(self) -> Any:
        found: dict[str, Any] = {}
        for slot in self.slots:
            key = self._keys[slot].value
            if key in found:
                raise FormError(f"the key {json.dumps(key, ensure_ascii=False)} stands here twice")
            found[key] = _sent(key, slot)
        return found

    def set(self, value: Any) -> None:
        self.reset()
        for key, inner in value.items():
            slot = self._append()
            self._keys[slot].value = key
            slot.set(inner)
        self._arrange()

    def _slot(self) -> _Slot:
        return _Slot(self.field.element, "value", self.make)

    def _shown(self, slot: _Slot) -> Any:
        key = self._keys[slot] = self.make("Text", "mcp-key", "alone", description="key")
        key.observe(lambda _: self._arrange(), "value")
        return self.make("VBox", children=[key, slot.widget])

    def _name(self, index: int) -> str:
        return f"{self._keys[self.slots[index]].value or 'the row without a key'} from {self.label}"


class _Union(_Group):
    """A choice of alternatives, and the input of the one that is chosen."""

    def __init__(self, field: Field, label: str, make: _Maker, *, beside: bool = False) -> None:
        super().__init__(field, label, make, beside=beside)
        self.alternatives = [*field.alternatives, read({"title": "JSON"})]
        self._slots: dict[int, _Slot] = {}
        names = [describe(alternative) for alternative in self.alternatives]
        options = [_CHOOSE, *((_one_of(names, at), at) for at in range(len(names)))]
        self.chosen = make("Dropdown", "mcp-alternative", "alone", description=f"{label} is", options=options)
        self.chosen.observe(lambda _: self._show(), "value")
        self.reset()

    @classmethod
    def holds(cls, field: Field, value: Any) -> bool:
        return True

    def get(self) -> Any:
        at = self.chosen.value
        return MISSING if at == CHOOSE else self._slot(at).get()

    def set(self, value: Any) -> None:
        fits = (at for at, inner in enumerate(self.alternatives) if _fits(inner, value))
        at = next(fits)  # the last alternative is any JSON
        self._slot(at).set(value)
        self.chosen.value = at

    def reset(self) -> None:
        self._slots.clear()
        # A group is not opened unasked: it may be one that contains this union again.
        self.chosen.value = CHOOSE if self.alternatives[0].kind in GROUPS else 0
        self._show()

    def relabel(self, label: str) -> None:
        super().relabel(label)
        self.chosen.description = f"{label} is"
        for slot in self._slots.values():
            slot.relabel(label)

    def _slot(self, at: int) -> _Slot:
        if at not in self._slots:
            self._slots[at] = _Slot(self.alternatives[at], self.label, self.make)
        return self._slots[at]

    def _show(self) -> None:
        at = self.chosen.value
        self.widget.children = [self.chosen, *([] if at == CHOOSE else [self._slot(at).widget])]


class _Slot:
    """The place of one value: whether it is sent, whether it is null, its input, and what is said about it.

    Args:
        field: What the value is.
        label: What it is called.
        make: Makes the widgets.
        starred: Is it to be marked as required?
    """

    def __init__(self, field: Field, label: str, make: _Maker, *, starred: bool = False) -> None:
        self.field, self.label, self._make = field, label, make
        self._title = f"{label} *" if starred else label
        self._control: _Control | None = None
        self._tick = None if field.required else make("Checkbox", "mcp-tick", "label", **_ticked(label))
        self._null = make("Checkbox", "mcp-null", "short", **_ticked("null")) if _has_null(field) else None
        self._line = make("HBox") if self._tick or self._null else None
        self._heading: Any = None
        self._problem: Any = None
        note = _note(field, starred)
        self._indent = "group note" if field.kind in GROUPS else "note"
        self._note = [make("HTML", "mcp-hint", self._indent, value=note)] if note else []
        self.widget = make("VBox", "mcp-field")
        self.reset()
        if self._tick is not None:
            self._tick.observe(lambda _: self._tick_turned(), "value")
        if self._null is not None:
            self._null.observe(lambda _: self._show(), "value")

    @property
    def _is_sent(self) -> bool:
        return self._tick is None or self._tick.value

    @property
    def _is_null(self) -> bool:
        return self._null is not None and self._null.value

    def get(self) -> Any:
        """The value; MISSING where none is to be sent."""
        self._say("")
        if not self._is_sent:
            return MISSING
        if self._is_null:
            return None
        assert self._control is not None
        try:
            return self._control.get()
        except FormError as error:
            if not error.path:
                self._say(error.problem)
            raise

    def set(self, value: Any) -> None:
        """Show a value, and send it; MISSING is not sent."""
        if value is MISSING or (value is None and self._tick is not None and self.field.default is None):
            self.reset()
            return
        null = value is None and self._null is not None
        if not null:
            self._place(value)
        self._say("")
        self._turn(sent=True, null=null)

    def reset(self) -> None:
        """Show the default, and send nothing that need not be sent."""
        self._say("")
        null = self._tick is None and self._null is not None and self._starts_as_null()
        if self.field.kind in GROUPS and (self._tick is not None or null):
            self._control = None  # made when it is wanted: it may contain itself
        else:
            self._fresh()
        self._turn(sent=False, null=null)

    def wrong(self, problem: str) -> FormError:
        """Show what is wrong with the value, and give the error to raise."""
        self._say(problem)
        return FormError(problem)

    def relabel(self, label: str) -> None:
        """Take another label."""
        if label == self.label:
            return
        self.label = self._title = label
        if self._control is not None:
            self._control.relabel(label)
        if self._heading is not None:
            self._heading.value = f"<b>{escape(label)}</b>"

    def _starts_as_null(self) -> bool:
        return self.field.kind in GROUPS or self.field.default is None

    def _turn(self, *, sent: bool, null: bool) -> None:
        if self._tick is not None:
            self._tick.value = sent
        if self._null is not None:
            self._null.value = null
        self._show()

    def _tick_turned(self) -> None:
        if not self._is_sent and isinstance(self._control, _Box):
            self._fresh()  # what is not sent is shown as what the server takes instead
        self._show()

    def _fresh(self) -> None:
        cls = _controls(self.field)[0]
        if type(self._control) is cls:
            self._control.reset()
        else:
            self._control = self._made(cls)
        if _has_default(self.field):
            self._place(self.field.default)

    def _place(self, value: Any) -> None:
        cls = next(cls for cls in _controls(self.field) if cls.holds(self.field, value))
        if type(self._control) is not cls:
            self._control = self._made(cls)
        self._control.set(value)

    def _made(self, cls: type[_Control]) -> _Control:
        label = self._title if issubclass(cls, _Box) else self.label
        control = cls(self.field, label, self._make, beside=self._tick is not None)
        if isinstance(control, _Json):
            control.widget.observe(lambda _: self._recheck(control), "value")
        return control

    def _show(self) -> None:
        is_open = self._is_sent and not self._is_null
        if is_open and self._control is None:
            self._fresh()
        below = []
        if isinstance(self._control, _Box):
            self._control.enable(is_open)
            line = [self._control.widget]
        else:
            line = self._headings()
            below = [self._control.widget] if self._control is not None and is_open else []
        if self._null is not None:
            self._null.disabled = not self._is_sent
        if self._line is not None:
            self._line.children = [*_those(self._tick), *line, *_those(self._null)]
            line = [self._line]
        problems = [self._problem] if self._problem is not None and self._problem.value else []
        self.widget.children = [*line, *problems, *self._note, *below]

    def _say(self, problem: str) -> None:
        if self._problem is None:
            if not problem:
                return
            self._problem = self._make("HTML", "mcp-problem", self._indent)
        text = f"<span class='mcp-error' role='alert'>{escape(problem)}</span>" if problem else ""
        if self._problem.value != text:
            self._problem.value = text
            self._show()

    def _headings(self) -> list[Any]:
        """The label of a group, where no tick has it and no choice of alternatives says it."""
        if self._tick is not None or self.field.variant:
            return []
        if self._heading is None:
            self._heading = self._make("HTML", "mcp-heading", value=f"<b>{escape(self._title)}</b>")
        return [self._heading]

    def _recheck(self, control: _Json) -> None:
        """Take the error away when it is put right; leave it, and silence, while the person types."""
        if self._problem is None or control is not self._control:
            return
        try:
            control.get()
        except FormError:
            return
        self._say("")


_CHOOSE = ("(choose)", CHOOSE)
CONTROLS: Mapping[str, tuple[type[_Control], ...]] = {
    # Of each kind, the inputs from the best to the one that holds any value.
    "secret": (_Secret, _Json),
    "integer": (_Number, _Json),
    "number": (_Number, _Json),
    "boolean": (_Boolean, _Json),
    "choice": (_Choice, _Json),
    "choices": (_Choices, _Array, _Json),
    "const": (_Const, _Json),
    "text": (_Lines, _Json),
    "date": (_Date, _Line, _Lines, _Json),
    "object": (_Object, _Json),
    "array": (_Array, _Json),
    "tuple": (_Tuple, _Json),
    "map": (_Map, _Json),
    "union": (_Union,),
    "json": (_Json,),
}


def _controls(field: Field) -> tuple[type[_Control], ...]:
    found = CONTROLS[field.kind]
    return (_Line, *found) if field.kind == "text" and _is_short(field.schema) else found


def _is_short(schema: Mapping[str, Any]) -> bool:
    longest = schema.get("maxLength")
    return "format" in schema or "pattern" in schema or (isinstance(longest, int) and longest <= ONE_LINE)


def _has_null(field: Field) -> bool:
    """Can null be sent besides? Not where the value that is not sent is null."""
    return field.nullable and (field.required or field.default is not None)


def _has_default(field: Field) -> bool:
    return field.default is not MISSING and field.default is not None


def _ticked(label: str) -> dict[str, Any]:
    return {"description": label, "indent": False}


def _those(widget: Any) -> list[Any]:
    return [] if widget is None else [widget]


def _whole(schema: Mapping[str, Any]) -> Field:
    """The field of a whole schema; one that says little is still that of an object."""
    field = read(schema)
    return read({"type": "object", "properties": {}, **schema}) if field.kind == "json" else field


@contextmanager
def _at(part: Part) -> Iterator[None]:
    """Put a part of the path before those of an error that is raised inside."""
    try:
        yield
    except FormError as error:
        raise FormError(error.problem, (part, *error.path)) from None


def _sent(part: Part, slot: _Slot) -> Any:
    """What a row sends: null where it holds nothing, so that the server says what belongs there."""
    with _at(part):
        value = slot.get()
        return None if value is MISSING else value


def _fits(field: Field, value: Any) -> bool:
    return valid(field, value) and not list(strangers(field, value))


def _places(field: Field, values: list[Any]) -> list[int]:
    """Where the values stand among the choices; a value that is none of them is left out."""
    options = [option for _, option in field.choices]
    found = (next((at for at, option in enumerate(options) if same(option, value)), None) for value in values)
    return [at for at in found if at is not None]


def _numbered(field: Field) -> list[tuple[str, int]]:
    return [(label, at) for at, (label, _) in enumerate(field.choices)]


def _one_of(names: list[str], at: int) -> str:
    """A name that no other has: those that are the same are numbered."""
    return names[at] if names.count(names[at]) == 1 else f"{names[at]} {names[: at + 1].count(names[at])}"


def _note(field: Field, starred: bool) -> str:
    """What stands below an input: is it required, what is allowed, what is it for."""
    words = [
        "required" if starred else "",
        field.hint,
        "hold Ctrl, Cmd or Shift to pick several" if field.kind == "choices" else "",
        _default_text(field) if field.kind in GROUPS and not field.required else "",
    ]
    said = escape(", ".join(word for word in words if word))
    about = f"<span class='mcp-description'>{escape(field.description)}</span>" if field.description else ""
    return _small(". ".join(filter(None, (said, about))))


def _small(html: str) -> str:
    return f"<small class='mcp-note' style='display: block; line-height: 1.4'>{html}</small>" if html else ""


def _default_text(field: Field) -> str:
    """The default of what is made only when it is ticked, and cannot show it before."""
    text = text_of(field.default) if _has_default(field) else ""
    return f"default {text[:ONE_LINE]}{'...' if len(text) > ONE_LINE else ''}" if text else ""


def _explained(root: _Object, make: _Maker) -> list[Any]:
    """What has to be said once about the whole form."""
    if not root.widget.children:
        said = "nothing to fill in"
    elif all(part.field.required for part in root.parts.values()) and root.further is None:
        return []
    else:
        said = "What has a box to tick is sent when it is ticked."
    return [make("HTML", value=_small(said))]
