"""One request of the panel: its buttons, how far it is, and what came of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from html import escape
from typing import Any

import ipywidgets

from mcp_workbench.panel import shown
from mcp_workbench.panel.form import FormError

Spawn = Callable[[Coroutine[Any, Any, Any]], None]
Progress = Callable[[float, float | None, str | None], Awaitable[None]]
Send = Callable[[Any, Progress], Awaitable[str]]
NOT_AT_ONCE = 0.4  # seconds after which a person wants to know how long it takes


def button(text: str, tooltip: str, name: str, **more: Any) -> ipywidgets.Button:
    """A button that a keyboard reaches, a screen reader names and a test finds."""
    made = ipywidgets.Button(description=text, tooltip=tooltip, layout={"width": "auto"}, **more)
    made.add_class(f"mcp-{name}")
    return made


class Runner:
    """Sends what a form holds, shows what comes, and can cancel, repeat, and write the request as Python.

    Args:
        verb: What the first button says.
        spawn: Starts a coroutine in the kernel's loop.
        values: Reads the form; FormError stands beside the field already.
        send: Sends the values, tells progress, gives the result as HTML.
        code: Writes the values' request as Python.
    """

    def __init__(
        self, verb: str, spawn: Spawn, values: Callable[[], Any], send: Send, code: Callable[[Any], str]
    ) -> None:
        self._spawn, self._values, self._send, self._code = spawn, values, send, code
        self._task: asyncio.Task[Any] | None = None
        self._last: Any = None
        self._began = 0.0
        self.run = button(verb, "send what the form holds", "run", button_style="primary")
        self.again = button("Run again", "send the same as last time", "again", disabled=True)
        self.stop = button("Cancel", "tell the server to stop", "cancel", disabled=True)
        self.copy = button("As Python", "show this request as Python, to paste into a cell", "python")
        self.bar = ipywidgets.FloatProgress(min=0, max=1, description="progress", layout={"display": "none"})
        self.bar.add_class("mcp-progress")
        self.said = ipywidgets.HTML(layout={"min_height": "1.4em"})
        self.said.add_class("mcp-status")
        self.python = ipywidgets.HTML()
        self.python.add_class("mcp-code")
        self.result = ipywidgets.HTML()
        self.result.add_class("mcp-result")
        self.run.on_click(lambda _: self.start())
        self.again.on_click(lambda _: self.start(repeat=True))
        self.stop.on_click(lambda _: self.cancel())
        self.copy.on_click(lambda _: self.show_code())
        self.widget = ipywidgets.VBox(
            [
                ipywidgets.HBox([self.run, self.again, self.stop, self.copy]),
                *(self.python, self.bar, self.said, self.result),
            ]
        )

    def start(self, *, repeat: bool = False) -> None:
        """Send, unless a request of this form is on its way or the form cannot be read."""
        if self._task is not None:
            return
        try:
            values = self._last if repeat else self._values()
        except FormError as error:
            self.say(f"Not sent. {error}")
            return
        self._spawn(self.send(values))

    async def send(self, values: Any) -> None:
        """Send these values and show what comes."""
        self._task = asyncio.current_task()
        self._last, self._began = values, time.perf_counter()
        self.run.disabled, self.again.disabled, self.stop.disabled = True, True, False
        self.bar.layout.display = "none"
        self.say("")
        ticking = asyncio.create_task(self._tick())
        try:
            html = await self._send(values, self._progress)
        except asyncio.CancelledError:
            self.say(f"Cancelled after {self._seconds()}.")
            self.result.value = ""
        except Exception as error:
            self.say(f"Failed after {self._seconds()}.")
            self.result.value = shown.error(error)
        else:
            self.result.value = html
            self.say(f"Done in {self._seconds()}.")
        finally:
            ticking.cancel()
            self._task = None
            self.run.disabled, self.again.disabled, self.stop.disabled = False, False, True

    def cancel(self) -> None:
        """Cancel the request that is on its way: the server is told."""
        if self._task is not None:
            self._task.get_loop().call_soon_threadsafe(self._task.cancel)

    def show_code(self) -> None:
        """Show the request as Python, with a button that copies it."""
        try:
            code = self._code(self._values())
        except FormError as error:
            self.say(f"{error}")
            return
        self.python.value = (
            "<button class='jupyter-button widget-button' style='width: auto' onclick='navigator.clipboard"
            ".writeText(this.nextElementSibling.innerText)'>Copy</button>" + shown.pre(code)
        )

    def say(self, text: str) -> None:
        """A line about the request, which a screen reader reads out."""
        self.said.value = f"<span role='status'>{escape(text)}</span>"

    def _seconds(self) -> str:
        took = time.perf_counter() - self._began
        return f"{took * 1000:.0f} ms" if took < 1 else f"{took:.1f} s"

    async def _tick(self) -> None:
        await asyncio.sleep(NOT_AT_ONCE)
        while True:
            self.say(f"Waiting for {self._seconds()} ...")
            await asyncio.sleep(1)

    async def _progress(self, done: float, total: float | None, message: str | None) -> None:
        self.bar.layout.display = ""
        self.bar.max = total or max(self.bar.max, done)
        self.bar.value = done
        of = f" of {total:g}" if total else ""
        self.say(f"{done:g}{of} {message or ''}")
