"""Chapter 09a, tokens."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mcp_workbench.course.checks.over_http import accounts, caller, locked, opens, port_of, serving, text
from mcp_workbench.course.judging import Lab, NotYet, exercise, text_of

CAFE, DESK, EVIL = "https://cafe.example/mcp", "https://desk.example/mcp", "https://evil.example/"


@exercise(
    "09a.1", then='Ask everybody for the scope "desk:read": what is a token without it told, 401 or 403?'
)
async def cafe(lab: Lab) -> None:
    port = port_of(await text(lab, "lab://accounts")) or 0
    async with accounts(port) as provider, serving(lab) as address:
        await locked(lab, address)

        async def lets_in(
            audience: str = CAFE, issuer: str = provider.issuer, scopes: Sequence[str] = ("desk:read",)
        ) -> bool:
            token = provider.token(scopes=scopes, audience=audience, claims={"iss": issuer})
            return await opens(lab, address, token)

        if not await lets_in():
            more = await lets_in(scopes=provider.scopes)
            lab.expect(
                not more, "who has the scope desk:read alone is refused: the lock asks for more than that"
            )
            bare = await lets_in(issuer=provider.url)
            lab.expect(
                not bare, "good tokens are refused: their issuer ends in a slash, and your `issuer` does not"
            )
            raise NotYet(
                "a good token is refused: are `jwks_uri`, `issuer` and `audience` those of the task?"
            )
        other = await lets_in(audience=DESK)
        lab.expect(not other, "a token that is meant for another server is let in: its `aud` is the desk")
        lab.expect(not await lets_in(issuer=EVIL), "a token in another issuer's name is let in")


@exercise(
    "09a.2", then="Let somebody with the scope desk:lend ask for another person's loans, and nobody else."
)
async def my_loans(lab: Lab) -> None:
    tool = await lab.tool("my_loans")
    asked = sorted(tool.input_schema.get("properties", {}))
    lab.expect(
        not asked, f"`my_loans` takes {', '.join(asked)}: a caller could name somebody else, and read theirs"
    )
    said = await lab.refused("my_loans")
    lab.expect(
        "token" in said and not said.startswith("Error calling tool"),
        f"without a token, the client in memory is told: {said}",
    )
    loans = {"isla": ["emma-1"], "tomasz": ["atlas-1", "candide-2"], "mina": []}
    async with serving(lab) as address:
        for person, copies in loans.items():
            async with caller(lab, address, f"{person}-token") as inside:
                result = await inside.call("my_loans")
            lab.expect(
                sorted(re.findall(r"[a-z]+-\d", text_of(result))) == copies,
                f"{person} has {', '.join(copies) or 'nothing'} on loan, and is told: {text_of(result)}",
            )
