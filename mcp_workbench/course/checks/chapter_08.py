"""Chapter 08, composition."""

from __future__ import annotations

from mcp_workbench.course.judging import Lab, NotTried, exercise, text_of


@exercise("08.1", then="Offer a snapshot of `leith` instead, give `leith` a new tool, and say who noticed.")
async def branches(lab: Lab) -> None:
    names = await _names(lab)
    if not names - {"at_central"}:
        raise NotTried("a client finds nothing of `leith` or `central` on this server yet")
    for name, told in (("leith_status", "Leith is open"), ("central_status", "Central is closed")):
        lab.expect(name in names, f"a client finds no `{name}`; it finds {_listed(names)}")
        said = text_of(await lab.call(name))
        lab.expect(said == told, f"`{name}` answers {said!r}, not {told!r}")
    lab.expect("at_central" in names, "`at_central`, a tool of `lab` itself, has gone with what was hidden")
    hidden = sorted(name for name in names if name.endswith("payroll"))
    lab.expect(not hidden, f"`{''.join(hidden)}` is in the list, and is for the branches alone")
    for name in ("central_payroll", "payroll"):
        refused, said = await lab.answer(name)
        lab.expect(refused, f"`{name}` is not in the list, and whoever calls it reads: {said}")
    there = text_of(await lab.call("at_central"))
    lab.expect("payroll" in there, f"hidden from everybody: `central` itself offers only {there}")


@exercise("08.2", then="Let it find five letters unless told otherwise, and hide `n` from the model.")
async def renamed(lab: Lab) -> None:
    names = await _names(lab)
    if not names:
        raise NotTried("a client finds nothing of `partner` on this server yet")
    new, old = "archive_find_letters", sorted(names - {"archive_find_letters"})
    lab.expect(new in names, f"a client finds {_listed(names)} and no `{new}`")
    lab.expect(not old, f"a client finds {_listed(set(old))} beside `{new}`, and so two tools for one thing")
    tool = await lab.tool(new)
    asked = tool.input_schema["properties"]
    lab.expect(set(asked) == {"words", "n"}, f"`{new}` takes {_listed(set(asked))}, not `n`, `words`")
    lab.expect(tool.description, f"the client sees no description of `{new}`")
    lab.expect(
        asked["words"].get("description"), f"the argument `words` has no description: {asked['words']}"
    )
    said = text_of(await lab.call(new, words="Scott", n=1))
    lab.expect("letter 1 to Scott" in said, f"asked for one letter to Scott, `{new}` answers {said}")


async def _names(lab: Lab) -> set[str]:
    return {tool.name for tool in await lab.client.list_tools()}


def _listed(names: set[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))
