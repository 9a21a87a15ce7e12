"""Import: load a server in a process of its own, and report what only the live object shows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mcp_workbench.findings import Finding
from mcp_workbench.rules.checking import Asked


def loaded(paths: Sequence[Path], what: Asked) -> tuple[Finding, ...]:
    """The findings that loading each server among the files shows."""
    raise NotImplementedError(paths, what)
