"""A learner's server over HTTP, on loopback: the only door that has a lock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx2
from mcp.shared.exceptions import MCPError

from mcp_workbench.course.judging import Lab, NotTried
from mcp_workbench.eras import ERAS
from mcp_workbench.services.identity import IdentityProvider, identity_provider
from mcp_workbench.services.serving import HOST, serve

# The provider's key, one for the process: a verifier reads a JWKS at most every 30 seconds, and there is a
# new provider for each era and each check.
KEYS: list[Any] = []


@asynccontextmanager
async def serving(lab: Lab, port: int = 0) -> AsyncIterator[str]:
    """Serve the learner's server, and give its address without the path."""
    async with serve(lab.server.http_app(), port=port) as address:
        yield address


@asynccontextmanager
async def accounts(port: int, *, registration: bool = False) -> AsyncIterator[IdentityProvider]:
    """The identity provider, at the port where the learner's server looks for it."""
    async with identity_provider(tokens="jwt", registration=registration, port=port) as provider:
        KEYS[:] = KEYS or provider.keys
        provider.keys = KEYS
        yield provider


@asynccontextmanager
async def caller(lab: Lab, address: str, token: Any = None) -> AsyncIterator[Lab]:
    """The same server and era, seen by a client that comes over HTTP with a token."""
    from fastmcp import Client

    async with Client(f"{address}/mcp", mode=ERAS[lab.era], auth=token) as client:
        yield Lab(lab.server, client, lab.era)


async def opens(lab: Lab, address: str, token: str | None = None) -> bool:
    """Is a client let in with this token?"""
    try:
        async with caller(lab, address, token) as inside:
            await inside.client.list_tools()
    except MCPError:
        return False
    return True


async def fetched(address: str, path: str) -> httpx2.Response:
    """What one GET gives, without a token."""
    async with httpx2.AsyncClient(base_url=address) as http:
        return await http.get(path)


async def text(lab: Lab, uri: str) -> str:
    """The text of a resource that the exercise's stub has; in memory no token is needed."""
    await lab.resource(uri)
    return str((await lab.read(uri))[0].text)


def port_of(address: str) -> int | None:
    """The port of an address on this machine, or None: there is nothing of ours elsewhere."""
    place = urlsplit(address)
    return place.port if place.hostname == HOST else None


async def locked(lab: Lab, address: str) -> None:
    """Go on if a client without a token is refused.

    Raises:
        NotTried: It is let in.
    """
    if await opens(lab, address):
        raise NotTried("a client without a token is let in over HTTP: there is no lock yet")
