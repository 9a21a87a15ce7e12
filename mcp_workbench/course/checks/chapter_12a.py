"""Chapter 12a, running."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2

from mcp_workbench.course.checks.over_http import fetched, serving
from mcp_workbench.course.judging import Lab, NotTried, NotYet, exercise

PATIENCE = 3  # seconds


@exercise("12a.1", then='Say in a header that nobody may keep the answer: "Cache-Control: no-store".')
async def health(lab: Lab) -> None:
    async with serving(lab) as address:
        well = await fetched(address, "/health")
        if well.status_code == httpx2.codes.NOT_FOUND:
            raise NotTried("GET /health is answered with 404: there is no such route yet")
        lab.expect(
            well.status_code == httpx2.codes.OK and _read(well.text) == {"catalogue": "ok"},
            f"all is well, and the balancer gets {well.status_code}: {well.text[:200]}",
        )
        async with _trouble(lab, "catalogue", "gone"):
            ill = await fetched(address, "/health")
        lab.expect(
            ill.status_code != httpx2.codes.INTERNAL_SERVER_ERROR,
            "the catalogue is gone, and the balancer gets 500: the error came out of your route",
        )
        lab.expect(
            ill.status_code == httpx2.codes.SERVICE_UNAVAILABLE,
            f"the catalogue is gone, and the balancer still gets {ill.status_code}: it never reads what is "
            "under the status",
        )
        lab.expect(
            "private" not in ill.text,
            f"everybody may read this answer, and it says what only the log should: {ill.text[:200]}",
        )
        lab.expect(
            _read(ill.text) == {"catalogue": "FileNotFoundError"},
            f"the answer does not name the kind of the error, and no more: {ill.text[:200]}",
        )


@exercise("12a.2", then="Ask both at once, with `asyncio.gather`, so that two that hang cost half a second.")
async def patience(lab: Lab) -> None:
    await lab.resource("health://status")
    found = {"all is well": await _status(lab)}
    async with _trouble(lab, "store", "gone"):
        found["the store is gone"] = await _status(lab)
    async with _trouble(lab, "database", "hangs"):
        found["the database hangs"] = await _status(lab)
    expected = (
        {"database": "ok", "store": "ok"},
        {"database": "ok", "store": "FileNotFoundError"},
        {"database": "TimeoutError", "store": "ok"},
    )
    for (case, seen), right in zip(found.items(), expected, strict=True):
        lab.expect(seen == right, f"{case}, and the client reads {json.dumps(seen)}, not {json.dumps(right)}")


@asynccontextmanager
async def _trouble(lab: Lab, part: str, state: str) -> AsyncIterator[None]:
    """Make a part of the learner's server ill, by the tool of the stub, and well again."""
    await lab.tool("make")
    await lab.call("make", part=part, state=state)
    try:
        yield
    finally:
        await lab.call("make", part=part, state="well")


async def _status(lab: Lab) -> object:
    try:
        async with asyncio.timeout(PATIENCE):
            contents = await lab.read("health://status")
    except TimeoutError:
        raise NotYet(
            f"a part hangs, and so does the answer: the client waited for {PATIENCE} seconds"
        ) from None
    return _read(contents[0].text)


def _read(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text
