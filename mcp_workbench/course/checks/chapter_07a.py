"""Chapter 07a, middleware."""

from __future__ import annotations

import json

from mcp_workbench.course.judging import Lab, NotTried, NotYet, exercise, shown


@exercise(
    "07a.1", then="Put `ResponseCachingMiddleware` before it, then behind it: does a kept answer count?"
)
async def counts(lab: Lab) -> None:
    await lab.resource("data://calls")
    before = await _counted(lab)
    for name, arguments, told in (
        ("add", {"a": 2, "b": 3}, "5"),
        ("add", {"a": 2, "b": 3}, "5"),
        ("divide", {"a": 2, "b": 0}, "Nothing can be divided by 0."),
    ):
        _, said = await lab.answer(name, **arguments)
        call = shown(name, arguments)
        lab.expect(said == told, f"{call} must give {told}, and the client reads: {said}")
    after = await _counted(lab)
    others = sorted(set(after) - {"add", "divide"})
    lab.expect(not others, f"{', '.join(others)} are counted, which are no tools: {json.dumps(after)}")
    for name, times, how in (("add", 2, "twice"), ("divide", 1, "once, and refused")):
        more = after.get(name, 0) - before.get(name, 0)
        lab.expect(more == times, f"`{name}` was called {how}, and its count has grown by {more}")


async def _counted(lab: Lab) -> dict[str, int]:
    text = getattr((await lab.read("data://calls"))[0], "text", "")
    try:
        counted = json.loads(text)
        return {name: int(times) for name, times in counted.items()}
    except (ValueError, AttributeError, TypeError):
        raise NotYet(f"data://calls must give a JSON object of numbers; the client read: {text}") from None


@exercise("07a.2", then="Let callers whose token has the scope `night` be loud at any hour.")
async def quiet(lab: Lab) -> None:
    await _at(lab, 12)
    hidden, refused, said = await _announced(lab)
    lab.expect(not hidden and not refused, f"at 12 `announce` must be listed and answer, and says: {said}")
    await _at(lab, 23)
    hidden, refused, said = await _announced(lab)
    if not hidden and not refused:
        raise NotTried("at 23 `announce` is listed and answers as it does at noon: nothing is in its way yet")
    await _at(lab, 12)  # as a tool that is not loud, it answers at night
    lab.expect(refused, f"at 23 `announce` is not in the list, and whoever calls it reads: {said}")
    lab.expect(hidden, f"at 23 `announce` is refused, and it is still in the list: {said}")
    lab.expect("8" in said, f"the refusal of `announce` does not name the hour 8: {said}")
    for hour, silent in ((7, True), (8, False), (21, False), (22, True)):
        await _at(lab, hour)
        hidden, refused, _ = await _announced(lab)
        seen = f"{'not ' * hidden}listed and {'refused' if refused else 'answers'}"
        lab.expect((hidden, refused) == (silent, silent), f"at {hour}:00 `announce` is {seen}")
    await _at(lab, 12)


async def _at(lab: Lab, hour: int) -> None:
    refused, said = await lab.answer("set_clock", hour=hour)
    lab.expect(not refused, f"`set_clock` is not loud, and at night it is refused: {said}")


async def _announced(lab: Lab) -> tuple[bool, bool, str]:
    refused, said = await lab.answer("announce")  # first: the SDK warns of a tool that it has not seen
    hidden = "announce" not in {tool.name for tool in await lab.client.list_tools()}
    return hidden, refused, said
