"""The panel's tabs of what was heard: the messages on the wire, and the server's log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets

from mcp_workbench import drawing
from mcp_workbench.panel import shown
from mcp_workbench.panel.runner import button
from mcp_workbench.tracing import Message, Trace

BREATH = 0.1  # seconds between two paintings
PARTS = 40  # how many paintings are kept apart
LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
LINES = 300


class Messages:
    """The trace: what is new is added below, so that what was unfolded stays unfolded."""

    def __init__(self, messages: Callable[[], list[Message]], loop: asyncio.AbstractEventLoop) -> None:
        self._messages, self._loop = messages, loop
        self._painted = 0
        self._due: asyncio.TimerHandle | None = None
        self.visible = False
        self.rows = ipywidgets.VBox()
        self.rows.add_class("mcp-trace")
        self.diagram = ipywidgets.Output()
        self.find = ipywidgets.Text(description="find", placeholder="words of a method or a message")
        self.find.add_class("mcp-find-message")
        self.find.observe(lambda _: self._narrow(), "value")
        self.file = ipywidgets.Text(value="trace.jsonl", description="file")
        self.said = ipywidgets.HTML()
        draw = button("Diagram", "draw the messages that are found as a sequence diagram", "diagram")
        code = button("As Python", "write the calls as Python, to paste into a cell", "trace-python")
        save = button("Save", "write the messages to the file, a line of JSON each", "save")
        clear = button("Clear", "forget the messages so far", "clear")
        draw.on_click(lambda _: self._draw())
        code.on_click(lambda _: self._say(shown.pre(Trace(messages()).as_python() or "no call yet")))
        save.on_click(lambda _: self._save())
        clear.on_click(lambda _: self._clear())
        self.widget = ipywidgets.VBox(
            [
                ipywidgets.HBox([draw, code, clear, self.file, save]),
                *(self.find, self.said, self.diagram, ipywidgets.HTML(drawing.STYLE), self.rows),
            ]
        )

    def heard(self, _: Message) -> None:
        """Paint soon, if somebody looks."""
        if self.visible and self._due is None:
            self._due = self._loop.call_later(BREATH, self.paint)  # messages come in the kernel's loop

    def paint(self) -> None:
        """Add what came since the last time, as far as it is looked for."""
        self._due = None
        messages = self._messages()
        found = self._found(messages[self._painted :])
        self._painted = len(messages)
        if not found:
            return
        new = found[-drawing.ROWS :]
        left_out = len(found) - len(new)
        note = f"<small>{left_out} more before are not shown; Save keeps all.</small>" if left_out else ""
        asked = {message.number: message for message in messages}
        part = ipywidgets.HTML(note + "".join(drawing.row(message, asked) for message in new))
        self.rows.children = [*self.rows.children[-PARTS + 1 :], part]

    def _found(self, messages: list[Message]) -> list[Message]:
        words = self.find.value
        return [m for m in messages if shown.has_words(f"{m.method} {m.text}", words)]

    def _narrow(self) -> None:
        self._painted, self.rows.children = 0, ()
        self.paint()
        count = len(self._messages())
        self._say("" if self.rows.children or not count else f"none of {count} messages has these words")

    def _draw(self) -> None:
        picture = Trace(self._found(self._messages())).diagram()
        data: dict[str, Any] = picture._repr_mimebundle_()
        self.diagram.outputs = ({"output_type": "display_data", "data": data, "metadata": {}},)

    def _save(self) -> None:
        try:
            path = Trace(self._messages()).save(self.file.value)
        except OSError as error:
            self._say(shown.error(error))
        else:
            self._say(f"<span role='status'>{len(self._messages())} messages in {escape(str(path))}</span>")

    def _clear(self) -> None:
        self._messages().clear()
        self._painted = 0
        self.rows.children, self.diagram.outputs = (), ()
        self._say("")

    def _say(self, html: str) -> None:
        self.said.value = html


class Log:
    """What the server logged, by level; the level is a word, since not everybody sees the colour."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.level = ipywidgets.Dropdown(options=LEVELS, value="debug", description="from level")
        self.level.add_class("mcp-level")
        self.shown = ipywidgets.HTML()
        self.shown.add_class("mcp-log")
        self.level.observe(lambda _: self._paint(), "value")
        self.widget = ipywidgets.VBox([self.level, self.shown])
        self._paint()

    def add(self, level: str, text: str) -> None:
        """One more line."""
        self.lines.append((level, text))
        self._paint()

    def _paint(self) -> None:
        least = LEVELS.index(self.level.value)
        lines = [
            f"<b>{level}</b> {escape(text[:2000])}"
            for level, text in self.lines[-LINES:]
            if level not in LEVELS or LEVELS.index(level) >= least
        ]
        self.shown.value = f"<div role='log'>{'<br>'.join(lines) or 'nothing was logged'}</div>"
