"""The panel's tabs of what a server offers: a list to pick from, and the picked one with its form."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from html import escape
from typing import Any, Protocol

import ipywidgets
from fastmcp.resources.template import expand_uri_template
from mcp_types import PromptReference, ResourceTemplateReference

from mcp_workbench.drawing import literal, written
from mcp_workbench.panel import shown
from mcp_workbench.panel.background import Background, can_run_tasks
from mcp_workbench.panel.connection import Connection
from mcp_workbench.panel.form import Form, FormError
from mcp_workbench.panel.runner import Progress, Runner, button

PAUSE = 0.15  # seconds of not typing before the server is asked to complete


class Host(Protocol):
    """What a tab needs of the panel."""

    connection: Connection
    result: Any

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Start a task in the kernel's loop."""


class Picker:
    """A list to pick from, with a box that narrows it: usable with 200 entries, and by keyboard alone."""

    def __init__(self, what: str, picked: Callable[[Any], None]) -> None:
        self._items: Sequence[tuple[str, str, Any]] = ()
        self._picked = picked
        self._by_key: dict[str, Any] = {}
        self.find = ipywidgets.Text(description="find", placeholder=f"part of a {what}'s name or description")
        self.find.add_class("mcp-find")
        self.list = ipywidgets.Select(options=[], rows=8, description=what)
        self.list.add_class("mcp-list")
        self.detail = ipywidgets.VBox()
        self.find.observe(lambda _: self._narrow(), "value")
        self.list.observe(lambda change: self._pick(change["new"]), "value")
        for box in (self.find, self.list):
            box.style.description_width = "80px"
            box.layout.width = "min(480px, 98%)"
        self.widget = ipywidgets.VBox([self.find, self.list, self.detail])

    def show(self, items: Sequence[tuple[str, str, Any]]) -> None:
        """Offer items: each a key, a text to search in, and itself. What is picked stays picked."""
        self._items = items
        before = self._by_key.get(self.list.value)
        self._by_key = {key: item for key, _, item in items}
        self.find.layout.display = "none" if len(items) < 8 else ""
        self.list.rows = min(max(len(items), 2), 8)
        chosen = self.list.value
        self._narrow()
        if chosen in self._by_key and chosen == self.list.value and self._by_key[chosen] != before:
            self._pick(chosen)

    def pick(self, key: str) -> None:
        """Pick as if by hand."""
        self.find.value = ""
        self.list.value = key

    def open(self, detail: list[ipywidgets.Widget]) -> None:
        """Show the picked one; the widgets of the one before are given back, here and in the browser."""
        before, self.detail.children = self.detail.children, detail
        for widget in before:
            _close(widget)

    def _narrow(self) -> None:
        keys = [key for key, text, _ in self._items if shown.has_words(text, self.find.value)]
        chosen = self.list.value
        if list(self.list.options) != keys:
            self.list.options = keys
        self.list.value = chosen if chosen in keys else (keys[0] if keys else None)
        if not keys:
            self.open([ipywidgets.HTML("<p class='mcp-note'>none</p>")])

    def _pick(self, key: str | None) -> None:
        if key is not None:
            self._picked(self._by_key[key])


def _close(widget: ipywidgets.Widget) -> None:
    for child in getattr(widget, "children", ()):
        _close(child)
    for part in (getattr(widget, "style", None), widget.layout, widget):
        if isinstance(part, ipywidgets.Widget):
            part.close()


class Tools:
    """The tools: a form for the arguments, and the result of a call."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.picker = Picker("tool", self._open)
        self.widget = self.picker.widget
        self.form: Form | None = None
        self.runner: Runner | None = None

    def show(self, tools: Sequence[Any]) -> None:
        """Offer these tools."""
        self.picker.show([(t.name, f"{t.name} {t.title or ''} {t.description or ''}", t) for t in tools])

    def _open(self, tool: Any) -> None:
        kept = self._typed(tool.name)
        form = self.form = Form(tool.input_schema)
        host = self._host

        async def send(values: dict[str, Any], progress: Progress) -> str:
            host.result = await host.connection.call(tool.name, values, progress)
            return shown.tool_result(host.result)

        runner = self.runner = Runner(
            "Run", host.spawn, form.get, send, lambda values: written("call_tool", tool.name, values)
        )
        self._name = tool.name
        self.picker.open(
            [
                ipywidgets.HTML(shown.about(tool)),
                form.widget,
                _as_json(form),
                runner.widget,
                *(self._tasks(tool.name, form, runner) if can_run_tasks(host.connection) else []),
                ipywidgets.HTML(
                    shown.schema("input schema", tool.input_schema)
                    + shown.schema("output schema", tool.output_schema)
                ),
            ]
        )
        if kept:
            _fill(form, kept)

    def _tasks(self, name: str, form: Form, runner: Runner) -> list[ipywidgets.Widget]:
        """A button that starts the tool as a task, and the tasks so far."""
        host = self._host
        start = button("Run in the background", "start it as a task and go on", "task")
        background = Background(host.connection, host.spawn)

        def clicked(_: object) -> None:
            try:
                background.start(name, form.get())
            except FormError as error:
                runner.say(f"Not sent. {error}")

        start.on_click(clicked)
        return [start, background.widget]

    _name = ""

    def _typed(self, name: str) -> dict[str, Any]:
        """What stands in the form of the same tool, which a revision must not throw away."""
        if self.form is None or self._name != name:
            return {}
        try:
            return self.form.get()
        except FormError:
            return {}


def _fill(form: Form, values: dict[str, Any]) -> None:
    """Fill in what the form still has a place for."""
    for name, value in values.items():
        try:
            form.set({**form.get(), name: value})
        except (FormError, ValueError, TypeError):
            continue


def _as_json(form: Form) -> ipywidgets.Widget:
    """The form's content as JSON, to copy, and to paste into."""
    box = ipywidgets.Textarea(rows=5, description="JSON", layout={"width": "min(480px, 98%)"})
    box.add_class("mcp-json")
    said = ipywidgets.HTML()
    read = button("From the form", "write what the form holds into the box", "from-form")
    fill = button("Into the form", "fill the form with the JSON in the box", "into-form")

    def write(_: object) -> None:
        try:
            box.value, said.value = shown.as_json(form.get()), ""
        except FormError as error:
            said.value = shown.error(error)

    def paste(_: object) -> None:
        try:
            value = json.loads(box.value)
            if not isinstance(value, dict):
                raise FormError("the arguments are a JSON object: {...}")
            form.set(value)
            said.value = "<span role='status'>The form is filled.</span>"
        except (FormError, ValueError) as error:
            said.value = shown.error(error)

    read.on_click(write)
    fill.on_click(paste)
    fold = ipywidgets.Accordion([ipywidgets.VBox([box, ipywidgets.HBox([read, fill]), said])])
    fold.set_title(0, "arguments as JSON")
    fold.add_class("mcp-as-json")
    return fold


class Arguments:
    """Text boxes that the server completes: of a prompt, and of a template's address."""

    def __init__(
        self, host: Host, reference: PromptReference | ResourceTemplateReference, names: Mapping[str, str]
    ) -> None:
        self._host, self._reference = host, reference
        self.boxes: dict[str, ipywidgets.Combobox] = {}
        self._asked: dict[str, int] = {}
        rows = []
        for name, described in names.items():
            box = ipywidgets.Combobox(
                description=name, ensure_option=False, layout={"width": "min(480px, 98%)"}
            )
            box.style.description_width = "130px"
            box.add_class(f"mcp-field-{name}")
            box.observe(lambda _, name=name: self._typed(name), "value")
            self.boxes[name] = box
            rows += [box, ipywidgets.HTML(f"<small class='mcp-note'>{escape(described)}</small>")]
        self.widget = ipywidgets.VBox(rows)

    def get(self) -> dict[str, str]:
        """The values that were typed; an empty box is none."""
        return {name: box.value for name, box in self.boxes.items() if box.value}

    def _typed(self, name: str) -> None:
        self._asked[name] = self._asked.get(name, 0) + 1
        self._host.spawn(self._complete(name, self._asked[name]))

    async def _complete(self, name: str, asked: int) -> None:
        await asyncio.sleep(PAUSE)
        if self._asked[name] != asked:  # another letter was typed
            return
        box, others = self.boxes[name], {k: v for k, v in self.get().items() if k != name}
        try:
            found = await self._host.connection.complete(self._reference, name, box.value, others)
        except Exception:  # a server that cannot complete this one: the person types it
            return
        box.options = tuple(found)


class Prompts:
    """The prompts: their arguments, and the messages that they give."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.picker = Picker("prompt", self._open)
        self.widget = self.picker.widget
        self.arguments: Arguments | None = None
        self.runner: Runner | None = None

    def show(self, prompts: Sequence[Any]) -> None:
        """Offer these prompts."""
        self.picker.show([(p.name, f"{p.name} {p.title or ''} {p.description or ''}", p) for p in prompts])

    def _open(self, prompt: Any) -> None:
        host = self._host
        names = {
            argument.name: f"{'required. ' if argument.required else ''}{argument.description or ''}"
            for argument in prompt.arguments or []
        }
        arguments = self.arguments = Arguments(
            host, PromptReference(type="ref/prompt", name=prompt.name), names
        )

        async def send(values: dict[str, str], _: Progress) -> str:
            host.result = await host.connection.get(prompt.name, values)
            return shown.prompt_result(host.result)

        self.runner = Runner(
            "Get", host.spawn, arguments.get, send, lambda values: written("get_prompt", prompt.name, values)
        )
        self.picker.open(
            [
                ipywidgets.HTML(shown.about(prompt)),
                arguments.widget,
                self.runner.widget,
            ]
        )


class Resources:
    """Resources and templates: the address, its parameters, what is read; and changes, where announced."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.picker = Picker("resource", self._open)
        self.widget = self.picker.widget
        self.arguments: Arguments | None = None
        self.runner: Runner | None = None

    def show(self, resources: Sequence[Any], templates: Sequence[Any]) -> None:
        """Offer these resources and templates, by their addresses."""
        items = [(str(r.uri), f"{r.uri} {r.name} {r.description or ''}", r) for r in resources]
        items += [(t.uri_template, f"{t.uri_template} {t.name} {t.description or ''}", t) for t in templates]
        self.picker.show(items)

    def _open(self, item: Any) -> None:
        host = self._host
        template = getattr(item, "uri_template", None)
        names = dict.fromkeys(_variables(template or ""), "")
        arguments = self.arguments = Arguments(
            host, ResourceTemplateReference(type="ref/resource", uri=template or ""), names
        )

        def address() -> str:
            return expand_uri_template(template, arguments.get()) if template else str(item.uri)

        async def send(uri: str, _: Progress) -> str:
            host.result = await host.connection.read(uri)
            return shown.contents(host.result)

        runner = self.runner = Runner(
            "Read", host.spawn, address, send, lambda uri: f"await client.read_resource({literal(uri)})"
        )
        kind = f", {escape(item.mime_type)}" if item.mime_type else ""
        uri = f"<p><code>{escape(template or str(item.uri))}</code>{kind}</p>"
        self.picker.open(
            [
                ipywidgets.HTML(shown.about(item) + uri),
                arguments.widget,
                runner.widget,
                *([self._subscription(address)] if host.connection.can_subscribe else []),
            ]
        )

    def _subscription(self, address: Callable[[], str]) -> ipywidgets.Widget:
        host = self._host
        follow = button("Subscribe", "hear of this resource's changes; press again to stop", "subscribe")

        async def turn() -> None:
            uri = address()
            if uri in host.connection.subscribed:
                await host.connection.unsubscribe(uri)
            else:
                await host.connection.subscribe(uri)
            follow.description = "Unsubscribe" if uri in host.connection.subscribed else "Subscribe"

        follow.on_click(lambda _: host.spawn(turn()))
        return follow


def _variables(template: str) -> list[str]:
    """The parameters of a template's address: {name}, {path*}, {?limit,page}."""
    found = re.findall(r"\{[?&]?([^}]+)\}", template)
    return [name.strip().removesuffix("*") for names in found for name in names.split(",")]
