"""Chapter 05, storage."""

from __future__ import annotations

from mcp_workbench.course.judging import Lab, NotYet, exercise, text_of


@exercise("05.1", then="Let a count be forgotten after a minute without a visit.")
async def visit(lab: Lab) -> None:
    await lab.tool("visit")
    theirs, writes = [text_of(await lab.call(tool)) for tool in ("other_library", "writes")]
    first = await _visits(lab, "Leith")
    elsewhere = await _visits(lab, "Central")
    second = await _visits(lab, "Leith")
    after = text_of(await lab.call("other_library"))
    lab.expect(
        after == theirs,
        f"two visits to your Leith, and the other library's count went from {theirs} to {after}: "
        "you share its collection and its key",
    )
    lab.expect(
        second - first == 1,
        f"one visit after another, Leith is at {first} and then at {second}, and Central at {elsewhere}: "
        "each branch counts for itself, by one",
    )
    written = int(text_of(await lab.call("writes"))) - int(writes)
    lab.expect(written >= 3, f"three visits, and what was put into `shared`: {written}")


async def _visits(lab: Lab, branch: str) -> int:
    said = text_of(await lab.call("visit", branch=branch))
    try:
        return int(said)
    except ValueError:
        raise NotYet(f"`visit` must give the number of visits; the client got: {said}") from None
