"""What do the desk's layers cost over real sessionless HTTP, and what does importing server.py cost?

    python tests/benchmarks/serving_speed.py [--quick]

Three servers take turns in one run, and the CPU time of each process is counted, for calls of one client:

    desk      server.py as exported, with its whole chain
    defaults  the same with FastMCP's defaults: the same layers logging through FastMCP's own (rich) handler,
              and the SDK's list of all tools before each call
    bare      the desk without its layers, but for the one that spares it that list

`where_is` asks the database; `chart_decades` is the one tool whose answers are kept.

Importing is whole processes: `import server` against importing every name that server.py imports. All ratios
are medians over the rounds, of two figures from the same round. This prints and never fails: a bar that is
not met says so.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from export_speed import Rounds, cpu, in_turns, row
from fastmcp import Client

sys.path.insert(0, str(Path(__file__).parent.parent))
from serving import DATA, PYTHON_SERVER, SERVER, serving_http

SETTINGS = {"DESK_DATA": str(DATA), "RATE_LIMIT": "1000000/second"}
Call = tuple[str, dict[str, str]]
CALLS: list[Call] = [
    ("where_is", {"book_id": "verne-vingt-mille-lieues"}),
    ("chart_decades", {"language": "French"}),
]
TIMES = 150  # calls in a turn: some tenths of a second, for the system counts CPU time in hundredths
CHEAPER, DEARER, IMPORT = 3.0, 1.4, 1.25  # defaults / desk at least; desk / bare, and the import, at most

OTHER_SERVERS = f"""
import sys
sys.path.insert(0, {str(SERVER.parent)!r})
import server
from fastmcp.server.middleware.dereference import DereferenceRefsMiddleware
from fastmcp.server.middleware.error_handling import ErrorHandlingMiddleware
from fastmcp.server.middleware.logging import StructuredLoggingMiddleware
from fastmcp.server.middleware.timing import TimingMiddleware
from fastmcp.utilities.logging import configure_logging

kind, layers = sys.argv.pop(1), server.mcp.middleware
if kind == "bare":
    layers[:] = [l for l in layers if isinstance(l, (server.SchemaLookup, DereferenceRefsMiddleware))]
    assert len(layers) == 2
else:
    configure_logging()  # server.py has put a plain handler in the place of FastMCP's own
    own = [ErrorHandlingMiddleware(transform_errors=False), TimingMiddleware(), StructuredLoggingMiddleware()]
    assert [type(layer) for layer in layers[:5]] == [server.SchemaLookup, server.Requests, *map(type, own)]
    layers[:5] = own
server.main()
"""


@contextmanager
def serving(folder: Path, command: Sequence[str]) -> Iterator[tuple[str, psutil.Process]]:
    """A server's address, and its process."""
    folder.mkdir()
    before = psutil.Process().children()
    with serving_http(folder, command=command, settings=SETTINGS) as address:
        (process,) = set(psutil.Process().children()) - set(before)
        yield f"{address}/mcp", process


def cost(run: Callable[[Any], Any], client: Client[Any], process: psutil.Process, call: Call) -> float:
    """CPU seconds of the server for one call, as the mean of a turn."""

    async def turn() -> None:
        for _ in range(TIMES):
            await client.call_tool(*call)

    before = sum(process.cpu_times()[:2])
    run(turn())
    return (sum(process.cpu_times()[:2]) - before) / TIMES


def calls(folder: Path, rounds: int) -> None:
    script = folder / "other_servers.py"
    script.write_text(OTHER_SERVERS, encoding="utf-8")
    commands = {
        "desk": PYTHON_SERVER,
        "defaults": (sys.executable, str(script), "defaults"),
        "bare": (sys.executable, str(script), "bare"),
    }
    row("CPU time of a call", "desk ms", "defaults/desk", "desk/bare", "  bars")
    with ExitStack() as stack:
        runner = stack.enter_context(asyncio.Runner())
        servers = {}
        for name, command in commands.items():
            address, process = stack.enter_context(serving(folder / name, command))
            client = Client(address)
            runner.run(client.__aenter__())
            stack.callback(lambda client=client: runner.run(client.__aexit__(None, None, None)))
            servers[name] = (client, process)
        for call in CALLS:
            answers = [runner.run(client.call_tool(*call)) for client, _ in servers.values()]
            if any(answer.content != answers[0].content for answer in answers):
                raise SystemExit(f"{call}: the servers do not answer the same")
            runs = {name: partial(cost, runner.run, *server, call) for name, server in servers.items()}
            found = in_turns(runs, rounds)
            saved, paid = ratio(found, "defaults", "desk"), ratio(found, "desk", "bare")
            row(
                call[0],
                f"{statistics.median(found['desk']) * 1000:.2f}",
                f"{saved:.2f}",
                f"{paid:.2f}",
                f"  {met(saved >= CHEAPER)} (>= {CHEAPER:g}), {met(paid <= DEARER)} (<= {DEARER:g})",
            )


def ratio(found: Rounds, one: str, other: str) -> float:
    """The median over the rounds of one's time by the other's, each pair from the same round."""
    return statistics.median(a / b for a, b in zip(found[one], found[other], strict=True))


def met(yes: bool) -> str:
    return "met" if yes else "NOT met"


def importing(folder: Path, rounds: int) -> None:
    source = SERVER.read_text(encoding="utf-8")
    imports = [node for node in ast.parse(source).body if isinstance(node, ast.Import | ast.ImportFrom)]
    folder.mkdir()
    (folder / "server.py").write_text(source, encoding="utf-8")
    (folder / "floor.py").write_text("\n".join(map(ast.unparse, imports)), encoding="utf-8")
    modules = ("server", "floor", "fastmcp")
    runs = {name: partial(cpu, [sys.executable, "-c", f"from {name} import *"], folder) for name in modules}
    found = in_turns(runs, rounds)
    times = ratio(found, "server", "floor")
    row("CPU time of a process", "import ms", "import/floor", "floor/fastmcp", "  bar")
    row(
        "import server",
        f"{statistics.median(found['server']) * 1000:.0f}",
        f"{times:.2f}",
        f"{ratio(found, 'floor', 'fastmcp'):.2f}",
        f"  {met(times <= IMPORT)} (<= {IMPORT:g})",
    )


def main() -> None:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--quick", action="store_true", help="a third of the rounds")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        calls(Path(name), 5 if options.quick else 15)
        importing(Path(name) / "import", 5 if options.quick else 15)


if __name__ == "__main__":
    main()
