"""`mcp-workbench export` without its last step, the findings of `check` that it prints as warnings."""

from __future__ import annotations

import sys
from types import ModuleType

from mcp_workbench.cli import main

CHECK = ModuleType("mcp_workbench.rules.command")
vars(CHECK)["warnings_of"] = lambda here, program: ""


if __name__ == "__main__":
    sys.modules[CHECK.__name__] = CHECK
    sys.exit(main(["export"]))
