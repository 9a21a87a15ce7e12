"""Think in notebooks, ship exactly what you ran: the few names that a notebook uses.

>>> from mcp_workbench import expect_error, resume, trace
>>> resume("02_resources")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcp_workbench.course.feedback import acheck, check, hint, not_yet, progress, reset, solution
    from mcp_workbench.errors import WorkbenchError, expect_error
    from mcp_workbench.live import rebuild, resume
    from mcp_workbench.panel.inspector import inspector
    from mcp_workbench.tracing import trace

__all__ = [
    "WorkbenchError",
    "acheck",
    "check",
    "expect_error",
    "hint",
    "inspector",
    "not_yet",
    "progress",
    "rebuild",
    "reset",
    "resume",
    "solution",
    "trace",
]

_HOME = {
    "WorkbenchError": "errors",
    **dict.fromkeys(
        ("acheck", "check", "hint", "not_yet", "progress", "reset", "solution"), "course.feedback"
    ),
    "expect_error": "errors",
    "inspector": "panel.inspector",
    "rebuild": "live",
    "resume": "live",
    "trace": "tracing",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: `mcp-workbench --help` needs none of them."""
    if name in _HOME:
        return getattr(import_module(f"mcp_workbench.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
