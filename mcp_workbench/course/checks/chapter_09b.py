"""Chapter 09b, OAuth."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import httpx2

from mcp_workbench.course.checks.over_http import accounts, caller, fetched, opens, port_of, serving
from mcp_workbench.course.judging import Lab, NotTried, NotYet, exercise, text_of
from mcp_workbench.services.browsing import BrowserOAuth


@exercise(
    "09b.1", then="Name the scopes that clients may ask for, with `scopes_supported` and `challenge_scopes`."
)
async def the_way(lab: Lab) -> None:
    document = await _document(lab)
    here, named = str(document["resource"]), [str(name) for name in document["authorization_servers"]]
    lab.expect(
        urlsplit(here).path == "/mcp",
        f"the document says that this server is at {urlsplit(here).path}, and clients call it at /mcp: "
        "`base_url` is the address without a path",
    )
    ports = [port_of(name) for name in named]
    if len(ports) != 1 or None in ports or ports == [port_of(here)]:
        raise NotYet(
            "the document must name one authorization server, which is the identity provider at ACCOUNTS"
        )
    async with (
        accounts(ports[0] or 0, registration=True) as provider,
        serving(lab, port_of(here) or 0) as address,
    ):
        lab.expect(
            named == [provider.issuer],
            "the document gives the identity provider another name than it has itself: its own ends in a "
            "slash, and clients compare names to the letter",
        )
        who = await _signed_in(lab, address)
        lab.expect(who == "isla", f"Isla signed in, and `subject` answers: {who}")
        other = provider.token(audience="https://cafe.example/mcp")
        lab.expect(
            not await opens(lab, address, other),
            "a token that is meant for another server is let in: the verifier has no `audience`",
        )


async def _signed_in(lab: Lab, address: str) -> str:
    """Go the whole way as Isla, and give what `subject` answers then."""
    try:
        async with caller(lab, address, BrowserOAuth()) as inside:
            return text_of(await inside.call("subject"))
    except NotYet:
        raise
    except Exception as error:
        raise NotYet(
            "Isla signed in, and her token is refused: what it says is checked by the verifier, whose "
            "`issuer` and `audience` must be the provider's and this server's"
        ) from error


async def _document(lab: Lab) -> dict[str, Any]:
    """The document that this server's 401 names: where a client gets a token."""
    async with serving(lab) as address, httpx2.AsyncClient() as http:
        answer = await http.post(f"{address}/mcp", json={})
        if answer.status_code != httpx2.codes.UNAUTHORIZED:
            raise NotTried("a client without a token is let in over HTTP: there is no lock yet")
        found = re.search(r'resource_metadata="([^"]+)"', answer.headers.get("www-authenticate", ""))
        if found is None:
            raise NotYet("the 401 names no document: a client does not learn where a token is to be had")
        document: dict[str, Any] = (await fetched(address, urlsplit(found[1]).path)).json()
        return document
