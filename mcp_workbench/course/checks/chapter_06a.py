"""Chapter 06a, lifespan."""

from __future__ import annotations

import asyncio

from mcp_workbench.course.judging import Lab, NotTried, exercise, text_of


@exercise(
    "06a.1",
    then="Make the lock outside the lifespan, and `check` it twice: each time there is a new event loop.",
)
async def draw(lab: Lab) -> None:
    await lab.tool("draw")
    first = text_of(await lab.call("draw"))
    lab.expect(
        first == "1",
        f"the server has started for this check, and the first number is {first}, not 1 "
        "(if a client of yours is still open, close it)",
    )
    async with lab.with_client() as other:
        callers = [one.client for one in (lab, other, lab, other)]
        calls = [caller.call_tool("draw", raise_on_error=False) for caller in callers]
        results = await asyncio.gather(*calls)
    for result in results:
        said = f"four callers at the same moment, and one of them gets an error: {text_of(result)}"
        lab.expect(not result.is_error, said)
    drawn = sorted(map(text_of, results))
    lab.expect(
        drawn == ["2", "3", "4", "5"],
        f"four callers at the same moment must get 2, 3, 4 and 5, and got {', '.join(drawn)}",
    )


@exercise("06a.2", then="Let `index` raise before its `yield`. Is the catalogue closed?")
async def index(lab: Lab) -> None:
    await lab.tool("log")
    seen = (await lab.call("log")).data[-6:]  # of a start before this one, what is there of it
    if "index opens" not in seen:
        raise NotTried("the server has started, and no index was opened")
    in_log = f"the log has: {', '.join(seen)}"
    is_open: list[str] = []
    for name, _, happens in (line.partition(" ") for line in seen):
        if happens == "opens":
            is_open.append(name)
        elif is_open:
            lab.expect(is_open[-1] == name, f"the {name} was closed before the {is_open[-1]}; {in_log}")
            is_open.pop()
    lab.expect("catalogue" in is_open, f"the server has started, and the catalogue is not open; {in_log}")
    lab.expect(
        is_open == ["catalogue", "index"], f"the catalogue must be open when the index opens; {in_log}"
    )
