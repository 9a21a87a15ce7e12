"""The panel: a real client on a server, with forms to use it and everything that it says."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine, Mapping
from html import escape
from typing import Any

import ipywidgets
from fastmcp import FastMCP

from mcp_workbench import drawing
from mcp_workbench.eras import HANDSHAKE, SESSIONLESS, Mode
from mcp_workbench.live import components, quieten, running_shell, warm_up
from mcp_workbench.panel import shown
from mcp_workbench.panel.asking import Asking
from mcp_workbench.panel.connection import Connection, Heard
from mcp_workbench.panel.heard import Log, Messages
from mcp_workbench.panel.runner import button
from mcp_workbench.panel.style import STYLE
from mcp_workbench.panel.tabs import Prompts, Resources, Tools
from mcp_workbench.tracing import Trace

ERAS = [("sessionless (2026-07-28)", SESSIONLESS), ("handshake (2025-11-25)", HANDSHAKE)]
TABS = ("Tools", "Resources", "Prompts", "Messages", "Log")
MESSAGES = TABS.index("Messages")
_by_cell: dict[str, Inspector] = {}


async def inspector(
    server: Any, *, mode: Mode = "auto", answers: Mapping[str, Any] | None = None
) -> Inspector:
    """A panel on a server, connected: shown as the last expression of a cell, it is used by hand.

    It follows the server object: what a later cell adds or revises, it shows. Without a person (under nbmake,
    nbconvert or `demo`) it waits for nobody: `answers` answers, and a snapshot is shown in its place.

    Args:
        server: A server object, or what Client takes: a URL, the path of a server, a configuration.
        mode: "auto" for the sessionless era where the server knows it, "legacy" for the handshake era.
        answers: What is answered when the server asks: to a question's message, or a part of it, a dict
            accepts with this content, a text is what the model says, an ElicitResult is taken as it is.
            Without an answer the question is cancelled.

    >>> panel = await inspector(mcp, answers={"Which branch": {"value": "Leith"}})
    >>> panel
    """
    quieten()
    panel = Inspector(server, mode, answers)
    await panel.connection.open()
    panel.show()
    return panel


class Inspector:
    """What `inspector` gives. Its calls can also be made by code, and are shown as if made by hand.

    `result` is the last result, whole; `trace` has the messages; `client` is the connected client.
    """

    def __init__(self, server: Any, mode: Mode, answers: Mapping[str, Any] | None) -> None:
        self.result: Any = None
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()  # what a tool prints goes to the cell that made the panel
        self._tasks: set[asyncio.Task[Any]] = set()
        self._log, self._asking = Log(), Asking()
        self._messages = Messages(lambda: self.connection.trace.messages, self._loop)
        heard = Heard(self._changed, self._log.add, self._updated, self._messages.heard, self._asking.show)
        self.connection = Connection(server, mode, answers, heard)
        self._tools, self._resources, self._prompts = Tools(self), Resources(self), Prompts(self)
        self._status = ipywidgets.HTML()
        self._status.add_class("mcp-connection")
        self._era = ipywidgets.Dropdown(options=ERAS, value=mode, description="era")
        self._era.add_class("mcp-era")
        again = button("Reconnect", "close the connection and open it again", "reconnect")
        again.on_click(lambda _: self.spawn(self.reconnect()))
        self._era.observe(lambda change: self.spawn(self.reconnect(change["new"])), "value")
        parts = (self._tools, self._resources, self._prompts, self._messages, self._log)
        self._tabs = ipywidgets.Tab([part.widget for part in parts], titles=TABS)
        self._tabs.observe(lambda _: self._looked(), "selected_index")
        head = ipywidgets.HBox([self._status, self._era, again])
        head.layout.flex_flow = "row wrap"
        self.widget = ipywidgets.VBox([ipywidgets.HTML(STYLE), head, self._asking.widget, self._tabs])
        self.widget.add_class("mcp-panel")
        self._follow()
        warm_up()

    @property
    def client(self) -> Any:
        """The connected client, None where there is none."""
        return self.connection.client

    @property
    def trace(self) -> Trace:
        """The messages of the panel's client."""
        return self.connection.trace

    async def call(self, name: str, arguments: dict[str, Any] | None = None) -> Any:
        """Call a tool as if by hand: its form is filled in, and its result is shown and given.

        Raises:
            FormError: The tool takes no such argument.

        >>> await panel.call("opening_hours", {"branch": "Leith"})
        """
        self._tabs.selected_index = 0
        self._tools.picker.pick(name)
        assert self._tools.form
        assert self._tools.runner
        self._tools.form.set(arguments or {})
        await self._tools.runner.send(self._tools.form.get())
        return self.result

    async def reconnect(self, mode: Mode | None = None) -> None:
        """Close the connection and open another, in this era or another."""
        self.connection.mode = mode or self.connection.mode
        self._say("connecting ...")
        await self.connection.open()
        self.show()

    async def close(self) -> None:
        """Close the connection; the panel stays as it is."""
        self._unfollow()
        await self.connection.close()
        self.show()

    def show(self) -> None:
        """Show what the connection has."""
        connection = self.connection
        if connection.client is None:
            self._say(f"<span class='mcp-error' role='alert'>{escape(connection.failure)}</span>")
            return
        info = connection.client.server_info
        name = f"{info.name} {info.version or ''}" if info else "a server"
        self._say(f"<b>{escape(name)}</b> {shown.icons(info and info.icons)}{escape(connection.era)}")
        offered = connection.offered
        self._tools.show(offered.tools)
        self._resources.show(offered.resources, offered.templates)
        self._prompts.show(offered.prompts)
        counts = [len(offered.tools), len(offered.resources) + len(offered.templates), len(offered.prompts)]
        self._tabs.titles = [f"{tab} ({n})" for tab, n in zip(TABS, counts, strict=False)] + list(TABS[3:])

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Start a task in the kernel's loop. JupyterLab may call a widget back in a thread of its own."""

        def start() -> None:
            task = self._loop.create_task(coroutine, context=self._context.copy())
            self._tasks.add(task)
            task.add_done_callback(self._done)

        self._loop.call_soon_threadsafe(start)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.add("error", f"panel: {type(error).__name__}: {error}")
            self._say(f"<span class='mcp-error' role='alert'>{escape(str(error))}</span>")

    def _say(self, html: str) -> None:
        self._status.value = html

    def _looked(self) -> None:
        self._messages.visible = self._tabs.selected_index == MESSAGES
        if self._messages.visible:
            self._messages.paint()

    def _updated(self, uri: str) -> None:
        self._log.add("info", f"changed: {uri}")

    def _changed(self) -> None:
        self.spawn(self._refresh())

    async def _refresh(self) -> None:
        if self.connection.client is not None and await self.connection.refresh():
            self.show()

    # It follows the server -----------------------------------------------------------------------------

    def _follow(self) -> None:
        """Look after each cell whether it changed the server, or bound its name to another one."""
        self._name, self._cell, self._seen = "", "", {}
        shell = running_shell()
        if shell is None or not isinstance(self.connection.server, FastMCP):
            return
        bound = (n for n, v in shell.user_ns.items() if v is self.connection.server and n[0] != "_")
        self._name = next(bound, "")
        self._seen = components(self.connection.server)
        self._cell = str(shell.get_parent().get("metadata", {}).get("cellId") or "")
        if self._cell and (before := _by_cell.pop(self._cell, None)):
            self.spawn(before.close())  # the same cell, run again
        if self._cell:
            _by_cell[self._cell] = self
        shell.events.register("post_run_cell", self._after_a_cell)

    def _unfollow(self) -> None:
        shell = running_shell()
        if shell is not None and self._after_a_cell in shell.events.callbacks["post_run_cell"]:
            shell.events.unregister("post_run_cell", self._after_a_cell)

    def _after_a_cell(self, _: object) -> None:
        if self.connection.client is None:
            return
        now = running_shell().user_ns.get(self._name)
        if isinstance(now, FastMCP) and now is not self.connection.server:
            self.connection.server, self._seen = now, components(now)
            self.spawn(self.reconnect())
        elif (found := components(self.connection.server)) != self._seen:
            self._seen = found
            self._changed()

    # Without a front end that has widgets --------------------------------------------------------------

    def __repr__(self) -> str:
        connection, offered = self.connection, self.connection.offered
        if connection.client is None:
            return f"Inspector: {connection.failure}"
        info = connection.client.server_info
        lists = {
            "tools": [tool.name for tool in offered.tools],
            "resources": [str(resource.uri) for resource in offered.resources],
            "templates": [template.uri_template for template in offered.templates],
            "prompts": [prompt.name for prompt in offered.prompts],
        }
        lines = [f"Inspector of {info.name if info else 'a server'}, {connection.era}"]
        lines += [f"  {len(names)} {kind}: {_few(names)}" for kind, names in lists.items() if names]
        return "\n".join(lines)

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = dict(self.widget._repr_mimebundle_(**options) or {})
        return bundle | {"text/plain": repr(self), "text/html": self._snapshot()}

    def _snapshot(self) -> str:
        """What is read where no kernel runs: the lists, and the messages so far."""
        offered = self.connection.offered
        kinds = {
            "tool": [(t.name, t.description) for t in offered.tools],
            "resource": [(str(r.uri), r.description) for r in offered.resources],
            "template": [(t.uri_template, t.description) for t in offered.templates],
            "prompt": [(p.name, p.description) for p in offered.prompts],
        }
        rows = "".join(
            f"<tr><td>{kind}</td><td><code>{escape(name)}</code></td><td>{escape(_first(text))}</td></tr>"
            for kind, items in kinds.items()
            for name, text in items
        )
        return (
            f"<div class='mcp-panel'>{STYLE}<p><b>{escape(repr(self).splitlines()[0])}</b> "
            "<small>a snapshot; run the cell to use the panel</small></p><table><thead><tr><th>kind</th>"
            f"<th>name</th><th>description</th></tr></thead><tbody>{rows}</tbody></table>"
            f"<details><summary>messages</summary>{drawing.html(self.trace.messages)}</details></div>"
        )


def _first(text: str | None) -> str:
    return (text or "").strip().split("\n")[0]


def _few(names: list[str], most: int = 6) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
