"""Background tasks (SEP-2663): calls that the server runs on while the person does something else."""

from __future__ import annotations

import asyncio
from html import escape
from importlib.util import find_spec
from typing import Any

import ipywidgets

from mcp_workbench.panel import shown
from mcp_workbench.panel.connection import Connection
from mcp_workbench.panel.runner import Spawn, button

OFTEN = 0.3  # seconds between two looks at a task


def can_run_tasks(connection: Connection) -> bool:
    """Does the server offer tasks, and is FastMCP's client half installed (`fastmcp[tasks]`)?"""
    can = connection.client.server_capabilities if connection.client else None
    offered = (can.extensions if can else None) or {}
    return any(name.endswith("/tasks") for name in offered) and find_spec("fastmcp_tasks") is not None


class Background:
    """The tasks that were started here: how far each is, a button that cancels it, and its result."""

    def __init__(self, connection: Connection, spawn: Spawn) -> None:
        self._connection, self._spawn = connection, spawn
        self.widget = ipywidgets.VBox()

    def start(self, name: str, arguments: dict[str, Any]) -> None:
        """Start a tool as a task, in a row of its own."""
        said, result = ipywidgets.HTML(), ipywidgets.HTML()
        stop = button("Cancel", f"cancel the task of {name}", "cancel-task", disabled=True)
        row = ipywidgets.VBox([ipywidgets.HBox([stop, said]), result])
        row.add_class("mcp-task")
        self.widget.children = [*self.widget.children, row]
        self._spawn(self._follow(name, arguments, said, result, stop))

    async def _follow(
        self,
        name: str,
        arguments: dict[str, Any],
        said: ipywidgets.HTML,
        result: ipywidgets.HTML,
        stop: ipywidgets.Button,
    ) -> None:
        from fastmcp_tasks import call_tool_task

        assert self._connection.client
        try:
            task = await call_tool_task(self._connection.client, name, arguments, raise_on_error=False)
            stop.on_click(lambda _: self._spawn(task.cancel()))
            stop.disabled = False
            finishing = asyncio.ensure_future(task.result())  # answers the task's questions too
            while not finishing.done():
                now = await task.status()
                told = escape(f"{name}: {now.status} {now.status_message or ''}")
                said.value = f"<span role='status'>{told}</span>"
                await asyncio.wait([finishing], timeout=OFTEN)
            found = await finishing
            now = await task.status()
            said.value = f"<span role='status'>{escape(name)}: {now.status}</span>"
            result.value = shown.tool_result(found)
        except Exception as error:
            result.value = shown.error(error)
        finally:
            stop.disabled = True
