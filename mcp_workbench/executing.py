"""Execute chapters, each from a fresh kernel, with a bar for each: what `demo` and `book` begin with.

A kernel takes about four CPU-seconds until a chapter's first cell has run, nearly all of them for imports.
The kernels of this Python are forks of a process that has made them.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from mcp_workbench.course.record import VARIABLE
from mcp_workbench.errors import WorkbenchError
from mcp_workbench.forking import warm

OWN_KERNEL = [sys.executable, "-m", "ipykernel_launcher"]
IMPORTED = [
    *("IPython.core.completer", "ipykernel.ipkernel", "ipykernel.kernelapp", "ipykernel.zmqshell"),
    *("fastmcp:Client", "fastmcp:Context", "fastmcp:FastMCP", "jsonschema", "mcp.types", "uvicorn"),
]
THEIRS = frozenset({"DATABASE_URL", "STORE_URL", "STORE_KEY", "REDIS_URL"})  # not ours to write to


def bars(console: Console) -> Progress:
    """Progress bars that a terminal does not keep."""
    columns = (TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=console.is_terminal)


def environment(home: str) -> dict[str, str]:
    """The reader's environment, but for what would touch the reader's own.

    Not their database and store, not their data folder (platformdirs looks at the variables set here), and
    no network: FastMCP does not look for a newer version.
    """
    kept = {name: value for name, value in os.environ.items() if name not in THEIRS}
    folders = dict.fromkeys(("XDG_DATA_HOME", "WIN_PD_OVERRIDE_LOCAL_APPDATA", "FASTMCP_HOME"), home)
    return {**kept, **folders, "FASTMCP_CHECK_FOR_UPDATES": "off", "PYTHONUNBUFFERED": "1"}


class Kernel(AsyncKernelManager):
    """Jupyter's manager, which starts a fork where it would start this Python."""

    def __init__(self, python: Callable[[], Sequence[str]]) -> None:
        super().__init__(transport_encryption="auto")
        self.python = python

    def format_kernel_cmd(self, extra_arguments: list[str] | None = None) -> list[str]:
        command = super().format_kernel_cmd(extra_arguments)
        return [*self.python(), *command[1:]] if command[:3] == OWN_KERNEL else command


async def execute(chapters: Sequence[Path], console: Console, *, undone: str) -> list[Any]:
    """Execute every chapter from a fresh kernel, one more at once than there are cores; the files stay.

    Args:
        chapters: The notebooks.
        console: Where the bars are drawn.
        undone: What a failure leaves undone, a sentence such as "Nothing was exported."

    Returns:
        The executed notebooks (nbformat's), in the order of `chapters`.

    Raises:
        WorkbenchError: Chapters fail; all of them are named, each with its cell and error.

    >>> notebooks = await execute(find().chapters(), Console(), undone="Nothing was exported.")
    >>> notebooks[0].cells[1].outputs
    """
    at_a_time = asyncio.Semaphore((os.cpu_count() or 1) + 1)  # chapters wait, too: for servers, for time
    with ExitStack() as started, bars(console) as progress:

        @cache
        def python() -> Sequence[str]:
            return started.enter_context(warm(IMPORTED))

        async def one(path: Path) -> Any:
            async with at_a_time:
                return await _execute_one(path, progress, python)

        results = await asyncio.gather(*(one(path) for path in chapters), return_exceptions=True)
    failures = [result for result in results if isinstance(result, BaseException)]
    if any(not isinstance(failure, WorkbenchError) for failure in failures):
        raise next(failure for failure in failures if not isinstance(failure, WorkbenchError))
    if failures:
        advice = f"{undone} Run the chapter in JupyterLab (`mcp-workbench lab`) to see the traceback."
        raise WorkbenchError("\n".join([*map(str, failures), advice]), exit_code=1)
    return results


async def _execute_one(path: Path, progress: Progress, python: Callable[[], Sequence[str]]) -> Any:
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    numbers = {id(cell): number for number, cell in enumerate(notebook.cells, start=1)}
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    task = progress.add_task(path.stem, total=len(code))
    running: list[Any] = []

    def started(cell: Any, **_: Any) -> None:
        running[:] = [cell]

    def executed(cell: Any, **_: Any) -> None:
        if cell.cell_type == "code":
            progress.advance(task)

    kernel = Kernel(python)
    client = NotebookClient(
        notebook,
        km=kernel,
        timeout=600,
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_start=started,
        on_cell_executed=executed,
    )
    unnoted = {**os.environ, VARIABLE: os.devnull}  # what is checked here is nobody's progress
    # The kernel's own output, such as what a library logs when the kernel ends, is nobody's.
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        try:
            # nbclient leaves a manager that it was given alone, unless told to clean up.
            await client.async_execute(cleanup_kc=True, stdout=log, stderr=log, env=unnoted)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            cell = running[0] if running else None
            where = f" cell {numbers[id(cell)]} ({cell.get('id', '')})" if cell is not None else ""
            what = _what_failed(error) if isinstance(error, CellExecutionError) else str(error)
            raise WorkbenchError(f"{path.name}{where} failed: {what}", exit_code=1) from error
        except RuntimeError as error:
            if client.kc is not None:
                raise
            client.km = kernel  # nbclient cleans up once more when Python exits
            log.seek(0)
            end = log.read()[-2000:].strip()
            raise WorkbenchError(
                f"{path.name} failed: its kernel did not start ({error}); the end of its log:\n{end}",
                exit_code=1,
            ) from error
    return notebook


def _what_failed(error: CellExecutionError) -> str:
    """The exception and the line of the cell that raised it, from IPython's traceback."""
    lines = re.sub(r"\x1b\[[0-9;]*m", "", error.traceback).splitlines()
    arrows = [line for line in lines if re.match(r"-+> \d", line)]
    return "\n".join([f"{error.ename}: {error.evalue}".rstrip(": "), *arrows[:1]])
