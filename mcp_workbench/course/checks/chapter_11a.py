"""Chapter 11a, calling an API."""

from __future__ import annotations

import json
from typing import Any

from mcp_workbench.course.judging import Lab, exercise, text_of

ODD_IDS = ("../suppliers/quire", "A-1002/../A-1001", "A-1002?all=yes", "")


@exercise("11a.1", then="Lose two answers, then five. What does `persist` do, and what does the model read?")
async def cancel(lab: Lab) -> None:
    await lab.tool("cancel_purchase")
    before = await _asked(lab)
    for odd in ODD_IDS:
        result = await lab.client.call_tool("cancel_purchase", {"order_id": odd}, raise_on_error=False)
        more = (await _asked(lab))[len(before) :]
        called = f"cancel_purchase(order_id={odd!r})"
        lab.expect(not more, f"{called} must not get there, and the office was asked: {', '.join(more)}")
        lab.expect(result.is_error, f"{called} must be refused, and answers: {text_of(result)}")
    said = await lab.refused("cancel_purchase", order_id="A-1001")
    lab.expect(
        "is sent" in said, f"A-1001 is sent, and the refusal does not say so in the office's words: {said}"
    )
    await lab.call("lose_an_answer")
    lost = await lab.client.call_tool("cancel_purchase", {"order_id": "A-1002"}, raise_on_error=False)
    lab.expect(
        not lost.is_error,
        f"an answer was lost, A-1002 is cancelled at the office, and the client reads: {text_of(lost)}",
    )
    for result in (lost, await lab.call("cancel_purchase", order_id="A-1002")):
        order = _order(result)
        lab.expect(
            (order.get("id"), order.get("status")) == ("A-1002", "cancelled"),
            f"A-1002 as the office has it is expected, cancelled; the client got: {text_of(result)}",
        )


def _order(result: Any) -> dict[str, Any]:
    """The order, which a tool may give as an object or as the office's JSON; empty where it is neither."""
    order = (result.structured_content or {}).get("result", result.structured_content)
    try:
        order = json.loads(order) if isinstance(order, str) else order
    except ValueError:
        return {}
    return order if isinstance(order, dict) else {}


async def _asked(lab: Lab) -> list[str]:
    asked: list[str] = (await lab.call("asked")).data
    return asked
