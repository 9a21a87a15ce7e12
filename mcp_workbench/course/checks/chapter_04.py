"""Chapter 04, context."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any, Literal

from mcp_workbench.course.judging import Lab, NotYet, exercise, text_of

Action = Literal["accept", "decline", "cancel"]


@exercise("04.1", then="Ask for the number of weeks instead: a model with a number from 1 to 6.")
async def renew(lab: Lab) -> None:
    await lab.tool("renew")
    first, second = _day(await _renewed(lab, value=True)), _day(await _renewed(lab, value=True))
    lab.expect(
        second - first == timedelta(days=21),
        f"two people said yes: the loan is due on {first}, then on {second}. A yes adds 21 days; "
        "in the sessionless era, what stands above the question runs twice",
    )
    noes: list[tuple[Action, bool | None]] = [("decline", None), ("cancel", None), ("accept", False)]
    for action, value in noes:
        result = await _renewed(lab, action, value)
        how = "answered no" if value is False else f"chose {action}"
        said = f"the person {how}, which must be refused, and the tool answers: {text_of(result)}"
        lab.expect(result.is_error, said)
    await lab.refused("renew", copy_id="emma-1")  # this client cannot ask anybody
    third = _day(await _renewed(lab, value=True))
    sentence = f"after those who said no, a yes must add 21 days to {second}; the loan is due on {third}"
    lab.expect(third - second == timedelta(days=21), sentence)


async def _renewed(lab: Lab, action: Action = "accept", value: bool | None = None) -> Any:
    """What the tool answers where the person answers so."""
    from fastmcp.client.elicitation import ElicitResult

    asked: list[str] = []

    async def person(message: str, response_type: Any, params: Any, context: Any) -> Any:
        asked.append(message)
        return ElicitResult(action=action, content=None if value is None else {"value": value})

    async with lab.with_client(elicitation_handler=person) as asking:
        result = await asking.client.call_tool("renew", {"copy_id": "emma-1"}, raise_on_error=False)
    said = text_of(result)
    lab.expect(asked, f"the person at the client is not asked, and the tool answers: {said}")
    return result


def _day(result: Any) -> date:
    said = text_of(result)
    try:
        return date.fromisoformat(said.strip('"'))
    except ValueError:
        raise NotYet(f"after a yes, `renew` must give the new day; the client got: {said}") from None


@exercise("04.2", then="Cancel a call that has many copies: does the tool stop?")
async def sort_returns(lab: Lab) -> None:
    await lab.tool("sort_returns")
    seen: list[tuple[float, float | None]] = []
    logged: list[Any] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        seen.append((progress, total))

    async def on_log(entry: Any) -> None:
        logged.append(entry)

    async with lab.with_client(progress_handler=on_progress, log_handler=on_log) as watching:
        result = await watching.call("sort_returns", copies=["emma-1", "lost-9", "ulysses-2"])
    lab.expect(seen, "no progress is reported to the client")
    reported = ", ".join(
        f"{done:g} of {'?' if total is None else format(total, 'g')}" for done, total in seen if done
    )
    lab.expect(
        reported == "1 of 3, 2 of 3, 3 of 3",
        f"for three copies, 1 of 3, 2 of 3, 3 of 3 are expected, and reported is: {reported}",
    )
    warnings = [str(entry.data) for entry in logged if entry.level == "warning"]
    lab.expect(
        any("lost-9" in text for text in warnings), "the client's log has no warning that names lost-9"
    )
    shelves = {"emma-1": "EN-A", "ulysses-2": "EN-J"}
    said = text_of(result)
    lab.expect(_json(said) == shelves, f"the result must be {shelves}, and is: {said}")


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
