"""Chapter 06b, state."""

from __future__ import annotations

from typing import Any

from mcp_workbench.course.judging import Lab, exercise, shown, text_of
from mcp_workbench.eras import ERAS


@exercise("06b.1", then="Let `create_session` choose the number too, so that each session has its own.")
async def guess(lab: Lab) -> None:
    tool = await lab.tool("guess")
    lab.expect(
        "session_id" in tool.input_schema["properties"],
        "`guess` has no argument `session_id`, and nothing else joins the calls of a sessionless client",
    )
    names = {tool.name for tool in await lab.client.list_tools()}
    lab.expect("create_session" in names, "a client finds no `create_session`, and so cannot make a session")
    one, two = [text_of(await lab.call("create_session")) for _ in range(2)]

    async def said(number: int, session_id: str) -> str:
        return text_of(await lab.call("guess", number=number, session_id=session_id))

    for number, expected in ((10, "higher"), (25, "lower")):
        told = await said(number, one)
        lab.expect(told == expected, f"{number} is answered with {told!r}, not with {expected!r}")
    await said(10, two)
    found, again = await said(19, one), await said(19, one)
    both = "one session guesses 10, 25 and 19, another one 10 in between"
    lab.expect(found == "found in 3", f"{both}: the 19 is answered with {found!r}, not with 'found in 3'")
    lab.expect(
        again == "found in 1", f"the next game in that session begins with 19, and the answer is {again!r}"
    )
    await lab.refused("guess", number=10, session_id="a-session-of-adas")


@exercise("06b.2", then="Give it a third tool that lists the user's bookmarks, the newest first.")
async def bookmark(lab: Lab) -> None:
    from mcp_workbench.services.serving import serve

    for name, own in (("bookmark", {"book", "page"}), ("page_of", {"book"})):
        tool = await lab.tool(name)
        asked = set(tool.input_schema["properties"])
        lab.expect(asked == own, f"`{name}` asks the model for {_listed(asked)}, not for {_listed(own)}")

    steps = (
        ("ada", "bookmark", {"book": "Emma", "page": 12}, None),
        ("bob", "bookmark", {"book": "Emma", "page": 40}, None),
        ("ada", "page_of", {"book": "Emma"}, "12"),
        ("bob", "page_of", {"book": "Emma"}, "40"),
        ("bob", "page_of", {"book": "Ivanhoe"}, "1"),
    )
    async with serve(lab.server.http_app()) as address:
        for user, name, arguments, page in steps:
            told = await _as_user(lab, user, f"{address}/mcp", name, arguments)
            lab.expect(
                page in (None, told),
                f"ada is on page 12 of Emma, bob on page 40; {user} calls {shown(name, arguments)} "
                f"and is told {told}, not {page}",
            )


async def _as_user(lab: Lab, user: str, address: str, tool: str, arguments: dict[str, Any]) -> str:
    """What a user is told, over HTTP with a token, by a client that comes for this call alone."""
    from fastmcp import Client

    async with Client(address, mode=ERAS[lab.era], auth=user) as client:
        result = await client.call_tool(tool, arguments, raise_on_error=False)
    told = text_of(result)
    lab.expect(not result.is_error, f"{user} calls {shown(tool, arguments)} and reads an error: {told}")
    return told


def _listed(names: set[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names)) or "nothing"
