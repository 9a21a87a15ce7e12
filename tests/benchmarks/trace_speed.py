"""What does a trace cost? 10,000 messages, traced and not, in turns; and what they take in memory.

    python tests/benchmarks/trace_speed.py

The floor is the same calls without a trace: in memory, in both eras. This prints and never fails.
"""

from __future__ import annotations

import asyncio
import statistics
import time
import tracemalloc
from typing import Literal

from fastmcp import Client, FastMCP

from mcp_workbench import trace
from mcp_workbench.live import quieten

MESSAGES, ROUNDS = 10_000, 5
TIMES, MEGABYTES = 1.3, 50
lab = FastMCP("lab")


@lab.tool
def double(number: int) -> int:
    """Twice the number."""
    return 2 * number


async def calls(mode: Literal["auto", "legacy"], messages: int) -> float:
    """CPU seconds of so many messages: each call is two."""
    async with Client(lab, mode=mode) as client:
        await client.call_tool("double", {"number": 1})
        began = time.process_time()
        for number in range(messages // 2):
            await client.call_tool("double", {"number": number})
        return time.process_time() - began


def main() -> None:
    quieten()
    for mode in ("auto", "legacy"):
        asyncio.run(calls(mode, 1000))
        plain, traced = [], []
        for _ in range(ROUNDS):
            plain.append(asyncio.run(calls(mode, MESSAGES)))
            with trace(lab):
                traced.append(asyncio.run(calls(mode, MESSAGES)))
        ratio = statistics.median(traced) / statistics.median(plain)
        met = "met" if ratio <= TIMES else "NOT met"
        print(f"{mode:8} {statistics.median(plain):.2f} s, traced {ratio:.2f} x   {met} (<= {TIMES})")
    tracemalloc.start()
    with trace(lab) as t:
        before = tracemalloc.get_traced_memory()[0]
        asyncio.run(calls("auto", MESSAGES))
        megabytes = (tracemalloc.get_traced_memory()[0] - before) / 1e6
    met = "met" if megabytes <= MEGABYTES else "NOT met"
    print(f"{len(t):,} messages: {megabytes:.1f} MB   {met} (<= {MEGABYTES})")
    print(f"as HTML: {len(t._repr_html_()) / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
