"""Demo: the whole path once. Run the chapters, export, start server.py, talk to it as a client does."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastmcp import Client
from fastmcp.client.transports import StdioTransport
from rich.console import Console

from mcp_workbench import export, workspace
from mcp_workbench.course.building import build
from mcp_workbench.eras import ERAS
from mcp_workbench.errors import WorkbenchError
from mcp_workbench.executing import environment, execute
from mcp_workbench.workspace import Workspace

KINDS = ("tools", "resources", "templates", "prompts")
START_SECONDS = 60
# The call that shows the library's desk at its best; of another server, a tool that needs no argument.
QUESTION = (
    "find_books",
    {"words": "novel", "language": "French", "years": {"last": 1899}, "on_shelf_at": "Leith", "limit": 3},
)


@dataclass(frozen=True, slots=True)
class Met:
    """What a client found on the server: names by kind, and one call with its result."""

    tools: tuple[str, ...]
    resources: tuple[str, ...]
    templates: tuple[str, ...]
    prompts: tuple[str, ...]
    call: str
    result: str


def demo(start: Path | None = None, console: Console | None = None) -> int:
    """Run the demo in the workspace that `start` lies in, else in a temporary copy of the carried course.

    Raises:
        WorkbenchError: A chapter fails, export refuses, or the server does not start.

    >>> demo()
    0
    """
    console = console or Console(highlight=False, soft_wrap=True)
    try:
        here = workspace.find(start)
    except WorkbenchError:
        with tempfile.TemporaryDirectory(prefix="mcp-workbench-") as folder:
            _show(build(workspace.course(), Path(folder) / "mcp-desk", "learner"), console, carried=True)
    else:
        _show(here, console, carried=False)
    return 0


def _show(here: Workspace, console: Console, *, carried: bool) -> None:
    """The demo, and its twenty lines."""
    chapters = here.chapters()
    began = time.monotonic()
    notebooks = asyncio.run(execute(chapters, console, undone="Nothing was exported."))
    seconds = time.monotonic() - began
    cells = sum(cell.cell_type == "code" for notebook in notebooks for cell in notebook.cells)
    made = export.export(here)
    written = export.write(made, here.server)
    program = made.program
    revised = f": {', '.join(program.revised)}" if program.revised else ""

    def line(word: str, text: str) -> None:
        console.print(f"{word:<12}{text}", markup=False)

    line("chapters", f"{len(chapters)} executed, {cells} code cells, no error, {seconds:.0f} s")
    cells_said = _counted(len(program.cells), "finished cell")
    line("export", f"{cells_said}, {_counted(len(program.revised), 'revision')}{revised}")
    count = made.text.count("\n")
    line("server.py", f"{here.server}, {count} lines, {'written' if written else 'up to date'}")
    met = asyncio.run(_meet(here.server))
    for (transport, era), found in met.items():
        counts = [_counted(len(getattr(found, kind)), kind.removesuffix("s")) for kind in KINDS]
        line(transport, f"{era:<12} {', '.join(counts)}")
    found = next(iter(met.values()))
    alike = all(other == found for other in met.values())
    for kind in KINDS:
        line(kind, ", ".join(getattr(found, kind)) or "none")
    line("call", found.call)
    for index, text in enumerate(found.result.splitlines()[:4]):
        line("" if index else "result", text)
    line(
        "", "the same from both transports in both eras" if alike else "DIFFERENT between transports or eras"
    )
    server = "mcp-desk/server.py" if carried else str(here.server)
    line("open", "mcp-workbench lab" + ("  (makes ./mcp-desk, a copy of the course)" if carried else ""))
    first = "cd mcp-desk && mcp-workbench export && cd .. && " if carried else ""
    line("install", f"{first}fastmcp install claude-desktop {server}")
    line("configure", f"fastmcp install mcp-json {server}  (for any other client)")


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


async def _meet(server: Path) -> dict[tuple[str, str], Met]:
    """Meet the server on both transports in both eras; what it keeps is kept in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="mcp-workbench-", ignore_cleanup_errors=True) as home:
        return await _meet_in(environment(home), server)


async def _meet_in(variables: dict[str, str], server: Path) -> dict[tuple[str, str], Met]:
    met: dict[tuple[str, str], Met] = {}
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        for era, mode in ERAS.items():
            stdio = StdioTransport(
                sys.executable, [str(server)], env=variables, keep_alive=False, log_file=log
            )
            async with Client(stdio, mode=mode) as client:
                met["stdio", era] = await _look(client)
    async with _serving(server, variables) as url:
        for era, mode in ERAS.items():
            async with Client(url, mode=mode) as client:
                met["http", era] = await _look(client)
    return met


async def _look(client: Client[Any]) -> Met:
    """List everything that the server has, and call one tool."""
    tools = await client.list_tools()
    names = [tool.name for tool in tools]
    name, arguments = QUESTION
    if name not in names:
        free = (tool.name for tool in tools if not tool.input_schema.get("required"))
        name, arguments = next(free, ""), {}
    call, result = "no tool can be called without arguments", ""
    if name:
        call = f"{name}({json.dumps(arguments)})"
        answer = await client.call_tool(name, arguments, raise_on_error=False)
        result = _readable(answer)
    return Met(
        tuple(sorted(names)),
        tuple(sorted(str(r.uri) for r in await client.list_resources())),
        tuple(sorted(t.uri_template for t in await client.list_resource_templates())),
        tuple(sorted(p.name for p in await client.list_prompts())),
        call,
        result,
    )


def _readable(answer: Any) -> str:
    """A tool's result for people: a line for each book, else its first text."""
    data = answer.structured_content
    if isinstance(data, dict) and isinstance(data.get("books"), list):
        books = [f"{book['title']} ({book['year']}), {book['author']}" for book in data["books"]]
        return "\n".join([f"{data['total']} books, the first {len(books)}:", *books])
    texts = [getattr(block, "text", type(block).__name__) for block in answer.content]
    return texts[0][:300] if texts else "(no content)"


@asynccontextmanager
async def _serving(server: Path, variables: dict[str, str]) -> AsyncIterator[str]:
    """The server over HTTP, on a loopback port that the system picks; gives its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = [str(server), "--transport", "http", "--host", "127.0.0.1", "--port", str(port)]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, env=variables, stdout=log, stderr=log
        )
        try:
            await _until_it_listens(process, port, log)
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            if process.returncode is None:
                process.terminate()
                try:
                    await asyncio.wait_for(process.wait(), 10)
                except TimeoutError:
                    process.kill()
                    await process.wait()


async def _until_it_listens(process: asyncio.subprocess.Process, port: int, log: Any) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.returncode is not None:
            break
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.close()
        await writer.wait_closed()
        return
    log.seek(0)
    raise WorkbenchError(
        f"server.py did not start over HTTP; the end of its log:\n{log.read()[-2000:]}", exit_code=1
    )
