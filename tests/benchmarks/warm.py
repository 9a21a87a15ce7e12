"""Warm calls: `python warm.py workbench|floor|nbdev` exports the workspace or project in the working folder
once for each line that it reads, and answers with the CPU seconds that the call took.

Each contender has a process of its own: nbdev has its own environment, and the others' objects would be in
the way of the garbage collector.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path.cwd()


def workbench() -> Callable[[], object]:
    from mcp_workbench import export, workspace

    found = workspace.find(HERE)
    return lambda: export.write(export.export(found), found.server)


def floor() -> Callable[[], object]:
    from floor import floor as join

    return lambda: join(HERE / "notebooks", HERE / "floor.txt")


def nbdev() -> Callable[[], object]:
    from nbdev.export import nb_export  # type: ignore[import-not-found]

    return lambda: [nb_export(path) for path in sorted((HERE / "notebooks").glob("*.ipynb"))]


def main() -> None:
    targets = {"workbench": "server.py", "floor": "floor.txt", "nbdev": "peer/*.py"}[sys.argv[1]]
    once = {"workbench": workbench, "floor": floor, "nbdev": nbdev}[sys.argv[1]]()
    for _ in sys.stdin:
        for target in list(HERE.glob(targets)):
            target.unlink()
        began = time.process_time()
        once()
        print(time.process_time() - began, flush=True)


if __name__ == "__main__":
    main()
