"""Chapter 00, a first server."""

from __future__ import annotations

from mcp_workbench.course.judging import Lab, exercise, text_of


@exercise("00.1", then="Let `name` be left out, and greet whoever it is.")
async def greet(lab: Lab) -> None:
    tool = await lab.tool("greet")
    lab.expect("name" in tool.input_schema["properties"], "`greet` has no argument `name`")
    for name in ("Ada", "Grace"):
        result = await lab.call("greet", name=name)
        lab.expect(
            result.content,
            f"the client gets nothing from greet(name={name!r}): what is printed does not reach it",
        )
        said = text_of(result)
        lab.expect(name in said, f"the name is not in the answer to greet(name={name!r}): {said}")
    lab.expect(
        tool.description,
        "the client sees no description of `greet`: a model must guess what it is for. Add a docstring",
    )


@exercise("00.2", then="Give `today` a default, and look at what the schema says of it then.")
async def days_left(lab: Lab) -> None:
    tool = await lab.tool("days_left")
    for name in ("today", "due"):
        schema = tool.input_schema["properties"].get(name)
        lab.expect(schema is not None, f"`days_left` has no argument `{name}`")
        lab.expect(
            "'format': 'date'" in str(schema),
            f"a client cannot see that `{name}` is a date; it sees: {schema}",
        )
    for today, due, days in (("2026-12-01", "2026-12-24", "23"), ("2026-12-26", "2026-12-24", "-2")):
        said = text_of(await lab.call("days_left", today=today, due=due))
        lab.expect(said == days, f"from {today} to {due} the client expected {days}, and got: {said}")
    await lab.refused("days_left", today="2026-12-01", due="soon")
