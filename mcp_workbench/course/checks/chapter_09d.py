"""Chapter 09d, authorization servers."""

from __future__ import annotations

from typing import Any

import httpx2
from mcp.client.auth.oauth2 import PKCEParameters

from mcp_workbench.course.checks.over_http import caller, fetched, port_of, serving
from mcp_workbench.course.judging import Lab, NotTried, NotYet, exercise, text_of
from mcp_workbench.services.browsing import BrowserOAuth

BACK = "http://localhost:1/callback"


@exercise("09d.1", then='Give the page a button Deny, and see what `Browser("tomasz", deny="sign-in")` gets.')
async def other_targets(lab: Lab) -> None:
    async with serving(lab) as anywhere:
        metadata = await fetched(anywhere, "/.well-known/oauth-authorization-server")
    if metadata.status_code != httpx2.codes.OK:
        raise NotTried("this server is no authorization server: it has no `auth=`")
    async with serving(lab, port_of(metadata.json()["issuer"]) or 0) as address:
        answers = {
            resource: await _answer(address, resource)
            for resource in ("https://cafe.example/mcp", f"{address}/mcp", "")
        }
        other, own, none = answers.values()
        if other == "sign-in":
            raise NotTried(
                "who asks for a token for another server is sent to the page on which one signs in"
            )
        lab.expect(
            other == "invalid_target",
            f"a client that wants a token for another server is told {other}, and not invalid_target",
        )
        lab.expect(
            own == "sign-in",
            f"a request for this server itself is refused with {own}: clients name the address at which "
            "they call it, with /mcp",
        )
        lab.expect(
            none == "sign-in",
            f"a request that names no resource is refused with {none}: older clients name none",
        )
        async with caller(lab, address, BrowserOAuth()) as inside:
            who = text_of(await inside.call("whoami"))
        lab.expect(who == "isla", f"Isla signed in, and `whoami` answers: {who}")


async def _answer(address: str, resource: str) -> str:
    """What comes of a request for this resource: sign-in, or the error that the client gets."""
    async with httpx2.AsyncClient(base_url=address) as http:
        form = {"redirect_uris": [BACK], "token_endpoint_auth_method": "none", "scope": "desk:read"}
        client = (await http.post("/register", json=form)).json()
        asked: dict[str, Any] = {
            "client_id": client["client_id"],
            "redirect_uri": BACK,
            "response_type": "code",
            "scope": "desk:read",
            "code_challenge": PKCEParameters.generate().code_challenge,
            "code_challenge_method": "S256",
        }
        if resource:
            asked["resource"] = resource
        answer = await http.get("/authorize", params=asked)
    if "location" not in answer.headers:
        raise NotYet(f"a request to /authorize is answered with {answer.status_code}, and no redirect")
    place = httpx2.URL(answer.headers["location"])
    return str(place.params.get("error", "sign-in"))
