"""Chapter 07b, limits and caches."""

from __future__ import annotations

from uuid import uuid4

from mcp_workbench.course.judging import Lab, NotTried, exercise, text_of


@exercise("07b.1", then="Add a tool after the cache has given a list of tools: when does a client see it?")
async def keep(lab: Lab) -> None:
    async def said(tool: str, **arguments: object) -> str:
        return text_of(await lab.call(tool, **arguments))

    nineties, again = [await said("draw", decade=1890) for _ in range(2)]
    if nineties != again:
        raise NotTried("asked twice for the 1890s, `draw` draws twice: nothing is kept yet")
    before, loans = await said("on_loan"), [await said("lend", book="Emma") for _ in range(2)]
    after = await said("on_loan")
    lab.expect(loans[0] != loans[1], f"Emma is lent twice, and both patrons are told {loans[0]!r}")
    lab.expect(
        int(after) == int(before) + 2,
        f"{before} books were on loan before a book was lent twice, and `on_loan` says {after} now",
    )
    other = await said("draw", decade=1900)
    lab.expect("1900" in other, f"asked for the 1900s after the 1890s, `draw` answers {other!r}")


@exercise("07b.2", then="Say in the refusal how many seconds are left: `get_window_stats` knows.")
async def fair(lab: Lab) -> None:
    one, two = (f"p{uuid4().hex[:8]}" for _ in range(2))  # whoever was here before has used up the day

    async def reserved(patron: str) -> tuple[bool, str]:
        refused, said = await lab.answer("reserve", patron=patron, book="Emma")
        return refused, said.replace(one, "p1").replace(two, "p2")

    for number in (1, 2, 3):
        refused, said = await reserved(one)
        lab.expect(not refused, f"reservation {number} of the first patron, p1, is refused: {said}")
    refused, said = await reserved(one)
    if not refused:
        raise NotTried(f"four reservations for p1 on one day, and the fourth is answered: {said}")
    lab.expect("p1" in said, f"the refusal does not name the patron, p1: {said}")
    refused, said = await reserved(two)
    lab.expect(not refused, f"another patron's first reservation is refused: {said}")
    for _ in range(4):
        refused, said = await lab.answer("look", patron=two)
        lab.expect(not refused, f"`look` must not be counted, and is refused: {said.replace(two, 'p2')}")
