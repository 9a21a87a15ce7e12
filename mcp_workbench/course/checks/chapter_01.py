"""Chapter 01, tools."""

from __future__ import annotations

from datetime import date, timedelta

from mcp_workbench.course.judging import Lab, NotYet, exercise, text_of


@exercise(
    "01.1", then="Annotate the tool, so that a host knows that it changes something and deletes nothing."
)
async def renew(lab: Lab) -> None:
    tool = await lab.tool("renew")
    lab.expect(tool.description, "the client sees no description of `renew`: a docstring is missing")
    lab.expect("copy_id" in tool.input_schema["properties"], "`renew` has no argument `copy_id`")
    said = await lab.refused("renew", copy_id="atlas-1")
    lab.expect("atlas-1" in said, f"the refusal does not name the copy that is not on loan: {said}")
    raw = said.startswith("Error calling tool")
    lab.expect(not raw, f"this is Python's error, not a sentence of yours that a model can act on: {said}")
    first, second = [_day(text_of(await lab.call("renew", copy_id="emma-1"))) for _ in range(2)]
    lab.expect(
        second - first == timedelta(days=21),
        f"renewed twice, the loan is due on {first} and then on {second}: each time must add 21 days",
    )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip('"'))
    except ValueError:
        raise NotYet(f"`renew` must give the new day, as in 2026-12-24; the client got: {text}") from None


@exercise("01.2", then="Let `branches` be left out, and mean all of them.")
async def hours(lab: Lab) -> None:
    tool = await lab.tool("hours")
    argument = tool.input_schema["properties"].get("branches", {})
    lab.expect(argument.get("type") == "array", f"`branches` is no list in the schema: {argument}")
    choices = argument["items"].get("enum", [])
    lab.expect(
        "Leith" in choices, "a client cannot see which branches there are: the items have no list of values"
    )
    result = await lab.call("hours", branches=["Leith", "Central"])
    lab.expect(
        isinstance(result.structured_content, dict)
        and set(result.structured_content) == {"Leith", "Central"},
        f"asked for Leith and Central, the client got: {text_of(result)}",
    )
