"""Who may use server.py over HTTP: every AUTH mode by environment alone, before a real identity provider."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import httpx2
import pytest
import pytest_asyncio
from cryptography.fernet import Fernet
from fastmcp import Client
from fastmcp.client.elicitation import ElicitResult
from fastmcp.exceptions import ToolError
from fastmcp.server.auth.providers.jwt import RSAKeyPair
from joserfc import jwt
from joserfc.jwk import RSAKey
from mcp.shared.exceptions import MCPError
from serving import PATIENCE, SERVER, Way, environment, new_desk, run, serving_http, warm_python, warm_server

from mcp_workbench.services import (
    Browser,
    BrowserOAuth,
    IdentityProvider,
    free_port,
    identity_provider,
    valkey,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")  # the providers live in this loop

AUDIENCE = "https://desk.example/mcp"
ALL = ["desk:lend", "desk:read", "desk:register"]
ERAS: tuple[Literal["auto", "legacy"], ...] = ("auto", "legacy")
eras = pytest.mark.parametrize("era", ERAS, ids=["sessionless", "handshake"])


# Servers and callers ---------------------------------------------------------------------------------


@dataclass
class Desk:
    """A server process, and every secret that it has met, none of which may stand in its log."""

    url: str
    log: Path
    secrets: set[str] = field(default_factory=set)

    @property
    def mcp(self) -> str:
        return f"{self.url}/mcp"

    def client(self, auth: Any, era: Literal["auto", "legacy"] = "auto", **handlers: Any) -> Client[Any]:
        if isinstance(auth, str):
            self.secrets.add(auth)
        return Client(self.mcp, auth=auth, mode=era, timeout=PATIENCE, **handlers)

    async def knock(self, token: str | None, path: str = "/mcp") -> httpx2.Response:
        """One request with a token, as plain HTTP, for what an MCP client does not show."""
        headers = {"Accept": "application/json, text/event-stream"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
            self.secrets.add(token)
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
        async with httpx2.AsyncClient() as http:
            return await http.post(f"{self.url}{path}", headers=headers, json=body)

    async def keeps_out(self, token: str) -> None:
        """A token is refused as RFC 6750 has it, and the answer does not say why."""
        answer = await self.knock(token)
        assert answer.status_code == 401
        assert answer.json()["error"] == "invalid_token"
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
        assert token not in answer.text

    async def lets_in(self, token: str) -> None:
        assert (await self.knock(token)).status_code not in (401, 403)


@contextmanager
def desk_process(
    home: Path, settings: Mapping[str, str], *, port: int = 0, path: str = "desk"
) -> Iterator[Desk]:
    """server.py with these settings; at the end its log is searched for all secrets that it met."""
    place = home / path
    place.mkdir(exist_ok=True)
    secret = {value for name, value in settings.items() if re.search("KEY|SECRET", name) and len(value) > 8}
    with serving_http(place, port=port, settings={"FASTMCP_LOG_LEVEL": "DEBUG", **settings}) as url:
        desk = Desk(url, place / "http-server.log", secret)
        yield desk
    written = desk.log.read_text(encoding="utf-8")
    leaked = [f"{value[:4]}... ({len(value)} characters)" for value in desk.secrets if value in written]
    assert not leaked, f"the server's log shows {leaked}"


async def who(client: Client[Any]) -> dict[str, Any]:
    """What info://caller says."""
    contents: Any
    (contents,) = await client.read_resource("info://caller")
    told: dict[str, Any] = json.loads(contents.text)
    return told


async def names(client: Client[Any]) -> set[str]:
    return {tool.name for tool in await client.list_tools()}


def by_key(provider: IdentityProvider) -> dict[str, str]:
    return {
        "AUTH": "jwt",
        "AUTH_JWKS_URI": provider.jwks_uri,
        "AUTH_ISSUER": provider.issuer,
        "AUTH_AUDIENCE": AUDIENCE,
    }


def by_asking(provider: IdentityProvider) -> dict[str, str]:
    return {
        "AUTH": "introspection",
        "AUTH_INTROSPECTION_URL": provider.introspection_url,
        "AUTH_CLIENT_ID": provider.client_id,
        "AUTH_CLIENT_SECRET": provider.client_secret,
        "AUTH_AUDIENCE": AUDIENCE,
    }


def by_proxy(provider: IdentityProvider, base_url: str, **more: str) -> dict[str, str]:
    return {
        "AUTH": "oauth-proxy",
        "AUTH_BASE_URL": base_url,
        "AUTH_AUTHORIZE_URL": provider.authorization_url,
        "AUTH_TOKEN_URL": provider.token_url,
        "AUTH_REVOKE_URL": provider.revocation_url,
        "AUTH_INTROSPECTION_URL": provider.introspection_url,
        "AUTH_CLIENT_ID": provider.client_id,
        "AUTH_CLIENT_SECRET": provider.client_secret,
        "AUTH_SIGNING_KEY": "a-key-that-only-this-test-knows-0123456789",
        **more,
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def signer() -> AsyncIterator[IdentityProvider]:
    """A provider whose tokens are JWTs."""
    async with identity_provider(tokens="jwt", audience=AUDIENCE) as provider:
        yield provider


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asked() -> AsyncIterator[IdentityProvider]:
    """A provider whose tokens say nothing: one must ask it."""
    async with identity_provider(tokens="opaque", audience=AUDIENCE) as provider:
        yield provider


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def jwt_desk(signer: IdentityProvider, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    with desk_process(tmp_path_factory.mktemp("jwt"), by_key(signer)) as desk:
        yield desk


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asking_desk(
    asked: IdentityProvider, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Desk]:
    with desk_process(tmp_path_factory.mktemp("asking"), by_asking(asked)) as desk:
        yield desk


# Tokens that are checked by a key --------------------------------------------------------------------


def signed(provider: IdentityProvider, header: dict[str, Any], key: Any, **claims: Any) -> str:
    """A token with a header and a key of one's own, and otherwise what the provider would say."""
    said = {
        "iss": provider.issuer,
        "aud": AUDIENCE,
        "sub": "mallory",
        "scope": "desk:read",
        "exp": int(time.time()) + 600,
        **claims,
    }
    said = {name: value for name, value in said.items() if value is not None}
    return jwt.encode(header, said, key, algorithms=[header["alg"]])


def hmac_signed(issuer: str, header: dict[str, Any], secret: str) -> str:
    """A token whose secret is the public key that everybody knows. (No library still signs such.)"""
    claims = {"iss": issuer, "aud": AUDIENCE, "sub": "mallory", "scope": "desk:read", "exp": 9e9}
    signed_part = ".".join(coded(part) for part in (header | {"alg": "HS256"}, claims))
    signature = hmac.digest(secret.encode(), signed_part.encode(), "sha256")
    return f"{signed_part}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def coded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def unsigned(provider: IdentityProvider) -> str:
    """A token that says that it needs no signature."""
    claims = {"iss": provider.issuer, "aud": AUDIENCE, "sub": "mallory", "scope": "desk:read", "exp": 9e9}
    return f"{coded({'alg': 'none', 'kid': provider.key_id})}.{coded(claims)}."


def changed(token: str) -> str:
    """A good token, of which somebody changed the subject."""
    header, claims, signature = token.split(".")
    said = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    said["sub"] = "tomasz"
    return f"{header}.{coded(said)}.{signature}"


def kid(provider: IdentityProvider) -> dict[str, Any]:
    return {"alg": "RS256", "kid": provider.key_id}


BAD_TOKENS: dict[str, Callable[[IdentityProvider], str]] = {
    "other issuer": lambda p: p.token(claims={"iss": "https://evil.example"}),
    "issuer with a slash": lambda p: p.token(claims={"iss": f"{p.issuer}/"}),
    "other audience": lambda p: p.token(audience="https://other.example/mcp"),
    "a longer audience": lambda p: p.token(audience=f"{AUDIENCE}/more"),
    "expired": lambda p: p.token(expires_in=-1),
    "expires never": lambda p: signed(p, kid(p), p.keys[-1], exp=None),
    "expires in words": lambda p: signed(p, kid(p), p.keys[-1], exp="tomorrow"),
    "not yet": lambda p: p.token(claims={"nbf": int(time.time()) + 3600}),
    "from when, in words": lambda p: p.token(claims={"nbf": "yesterday"}),
    "no scope": lambda p: p.token(scopes=[]),
    "other scopes": lambda p: p.token(scopes=["desk:lend", "desk:register"]),
    "other key, same kid": lambda p: signed(p, kid(p), RSAKey.generate_key(2048)),
    "unknown kid": lambda p: signed(p, {"alg": "RS256", "kid": "nobody"}, RSAKey.generate_key(2048)),
    "other algorithm, right key": lambda p: signed(
        p, kid(p) | {"alg": "RS512"}, RSAKey.import_key(p.keys[-1].as_pem(private=True))
    ),
    "unsigned": unsigned,
    "public key as a secret": lambda p: hmac_signed(
        p.issuer, kid(p), p.keys[-1].as_pem(private=False).decode()
    ),
    "changed": lambda p: changed(p.token()),
    "without its signature": lambda p: p.token().rpartition(".")[0] + ".",
    "no token": lambda p: "nonsense",
}


class TestByKey:
    @eras
    async def test_a_good_token(
        self, signer: IdentityProvider, jwt_desk: Desk, era: Literal["auto", "legacy"]
    ) -> None:
        async with jwt_desk.client(signer.token("tomasz"), era) as client:
            told = await who(client)
            assert (told["subject"], set(told["scopes"]) >= set(ALL)) == ("tomasz", True)
            assert await names(client) >= {"find_books", "lend", "register"}

    @pytest.mark.parametrize("kind", BAD_TOKENS)
    async def test_a_bad_token(self, signer: IdentityProvider, jwt_desk: Desk, kind: str) -> None:
        await jwt_desk.keeps_out(BAD_TOKENS[kind](signer))

    @eras
    async def test_a_client_learns_that_it_failed(
        self, signer: IdentityProvider, jwt_desk: Desk, era: Literal["auto", "legacy"]
    ) -> None:
        for auth in (None, signer.token(expires_in=-1)):
            with pytest.raises((MCPError, httpx2.HTTPStatusError)):
                async with jwt_desk.client(auth, era) as client:
                    await client.list_tools()

    async def test_without_a_token(self, jwt_desk: Desk) -> None:
        answer = await jwt_desk.knock(None)
        assert (answer.status_code, answer.text) == (401, "")
        assert answer.headers["www-authenticate"] == 'Bearer scope="desk:read"'

    async def test_a_token_is_read_from_its_header_only(
        self, signer: IdentityProvider, jwt_desk: Desk
    ) -> None:
        """RFC 6750 knows other places; addresses end in logs."""
        token = signer.token()
        answer = await jwt_desk.knock(None, f"/mcp?access_token={token}")
        assert answer.status_code == 401

    async def test_several_audiences(self, signer: IdentityProvider, jwt_desk: Desk) -> None:
        await jwt_desk.lets_in(signer.token(audience=["https://other.example", AUDIENCE]))

    @eras
    async def test_scopes_hide_and_refuse(
        self, signer: IdentityProvider, jwt_desk: Desk, era: Literal["auto", "legacy"]
    ) -> None:
        lend = {"book_id": "verne-tour-du-monde", "patron_id": "p002", "branch": "Leith"}
        async with jwt_desk.client(signer.token(scopes=["desk:read"]), era) as client:
            assert not await names(client) & {"lend", "take_back", "reserve", "register"}
            for tool, arguments, scope in (("lend", lend, "desk:lend"), ("register", {}, "desk:register")):
                with pytest.raises(ToolError, match=f"needs the scope {scope}"):
                    await client.call_tool(tool, arguments)
        async with jwt_desk.client(signer.token(scopes=["desk:read", "desk:lend"]), era) as client:
            assert await names(client) & {"lend", "register"} == {"lend"}
            loan = (await client.call_tool("lend", lend)).structured_content
            await client.call_tool("take_back", {"copy_id": loan["copy_id"]})

    async def test_keys_that_change(self, tmp_path: Path) -> None:
        """While both keys are published both hold; the one that was withdrawn no longer does."""
        async with identity_provider(tokens="jwt", audience=AUDIENCE) as provider:
            old = provider.token()
            provider.rotate_key()
            new = provider.token()
            with desk_process(tmp_path, by_key(provider)) as desk:
                await desk.lets_in(new)
                await desk.lets_in(old)
            provider.rotate_key(keep_old=False)
            newest = provider.token()
            with desk_process(tmp_path, by_key(provider)) as desk:
                await desk.lets_in(newest)
                await desk.keeps_out(old)
                await desk.keeps_out(new)

    @pytest.mark.parametrize("form", ["text", "one line", "file"])
    async def test_one_key_that_is_given(self, tmp_path: Path, form: str) -> None:
        """In PEM, as text, with its line ends written out, or in a file; no issuer needs to be there."""
        keys = RSAKeyPair.generate()
        pem = keys.public_key
        if form == "one line":
            pem = pem.replace("\n", "\\n")
        elif form == "file":
            pem = str(tmp_path / "key.pem")
            (tmp_path / "key.pem").write_text(keys.public_key)
        settings = {
            "AUTH": "jwt",
            "AUTH_PUBLIC_KEY": pem,
            "AUTH_ISSUER": "https://accounts.example/",
            "AUTH_AUDIENCE": AUDIENCE,
        }
        known: dict[str, Any] = {"issuer": "https://accounts.example/", "audience": AUDIENCE}
        with desk_process(tmp_path, settings) as desk:
            desk.secrets.clear()  # the key is a public one
            await desk.lets_in(keys.create_token(scopes=["desk:read"], **known))
            await desk.keeps_out(RSAKeyPair.generate().create_token(scopes=["desk:read"], **known))
            await desk.keeps_out(hmac_signed(known["issuer"], {}, keys.public_key))

    async def test_an_issuer_that_is_away(self, tmp_path: Path) -> None:
        """Nobody gets in, and the answer does not tell the issuer's address."""
        async with identity_provider(tokens="jwt", audience=AUDIENCE) as provider:
            token = provider.token()
        with desk_process(tmp_path, by_key(provider)) as desk:
            await desk.keeps_out(token)
            assert provider.url not in (await desk.knock(token)).text

    @eras
    async def test_stdio_needs_no_token(
        self, signer: IdentityProvider, tmp_path: Path, era: Literal["auto", "legacy"]
    ) -> None:
        way = Way("stdio", "handshake" if era == "legacy" else "sessionless")
        with new_desk(way, tmp_path, settings=by_key(signer)) as desk:
            async with desk as client:
                assert await who(client) == {"subject": None, "scopes": []}
                assert {"lend", "register"} <= await names(client)


# Tokens about which the issuer is asked --------------------------------------------------------------


class TestByAsking:
    @eras
    async def test_a_good_token(
        self, asked: IdentityProvider, asking_desk: Desk, era: Literal["auto", "legacy"]
    ) -> None:
        async with asking_desk.client(asked.token("tomasz", scopes=["desk:read"]), era) as client:
            assert await who(client) == {"subject": "tomasz", "scopes": ["desk:read"]}
            assert "lend" not in await names(client)

    @pytest.mark.parametrize(
        "bad",
        [
            {"audience": "https://other.example/mcp"},
            {"expires_in": -1},
            {"scopes": ["desk:lend"]},
        ],
        ids=str,
    )
    async def test_a_bad_token(self, asked: IdentityProvider, asking_desk: Desk, bad: dict[str, Any]) -> None:
        await asking_desk.keeps_out(asked.token(**bad))

    async def test_an_unknown_token(self, asking_desk: Desk) -> None:
        await asking_desk.keeps_out("0123456789-of-nobody")

    @eras
    async def test_revoked_in_the_middle(
        self, asked: IdentityProvider, asking_desk: Desk, era: Literal["auto", "legacy"]
    ) -> None:
        token = asked.token()
        async with asking_desk.client(token, era) as client:
            await client.call_tool("opening_hours", {"branch": "Leith"})
            asked.revoke(token)
            with pytest.raises((MCPError, httpx2.HTTPStatusError)):
                await client.call_tool("opening_hours", {"branch": "Leith"})
        await asking_desk.keeps_out(token)

    async def test_an_issuer_that_does_not_know_us(self, asked: IdentityProvider, tmp_path: Path) -> None:
        settings = by_asking(asked) | {"AUTH_CLIENT_SECRET": "a-secret-of-somebody-else"}
        with desk_process(tmp_path, settings) as desk:
            await desk.keeps_out(asked.token())

    async def test_an_issuer_that_goes_away(self, tmp_path: Path) -> None:
        async with identity_provider(audience=AUDIENCE) as provider:
            token = provider.token()
            server = ExitStack()
            desk = server.enter_context(desk_process(tmp_path, by_asking(provider)))
            await desk.lets_in(token)
        with server:
            await desk.keeps_out(token)


# Remote: clients are told where tokens are -----------------------------------------------------------


async def document(url: str) -> Any:
    """A metadata document, as JSON; None where there is none."""
    async with httpx2.AsyncClient() as http:
        answer = await http.get(url)
    return answer.json() if answer.status_code == httpx2.codes.OK else None


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def registrar() -> AsyncIterator[IdentityProvider]:
    """A provider with which clients may register themselves."""
    async with identity_provider(tokens="jwt", registration=True) as provider:
        yield provider


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def remote_desk(
    registrar: IdentityProvider, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Desk]:
    port = free_port()
    settings = {
        "AUTH": "remote",
        "AUTH_BASE_URL": f"http://127.0.0.1:{port}",
        "AUTH_ISSUER": registrar.issuer,
        "AUTH_JWKS_URI": registrar.jwks_uri,
        "AUTH_AUDIENCE": f"http://127.0.0.1:{port}/mcp",
    }
    with desk_process(tmp_path_factory.mktemp("remote"), settings, port=port) as desk:
        yield desk


class TestRemote:
    async def test_the_way_from_a_401(self, registrar: IdentityProvider, remote_desk: Desk) -> None:
        answer = await remote_desk.knock(None)
        assert answer.status_code == 401
        challenge = answer.headers["www-authenticate"]
        assert 'scope="desk:read desk:lend desk:register"' in challenge
        (address,) = re.findall(r'resource_metadata="([^"]+)"', challenge)
        assert address == f"{remote_desk.url}/.well-known/oauth-protected-resource/mcp"
        resource = await document(address)
        assert resource["resource"] == remote_desk.mcp
        assert resource["authorization_servers"] == [registrar.issuer]
        assert sorted(resource["scopes_supported"]) == ALL
        assert resource["resource_name"] == "Library desk"
        assert await document(f"{remote_desk.url}/.well-known/oauth-authorization-server") is None

    @eras
    async def test_a_client_that_registers_itself(
        self, registrar: IdentityProvider, remote_desk: Desk, era: Literal["auto", "legacy"]
    ) -> None:
        auth = BrowserOAuth(browser=Browser("tomasz"))
        async with remote_desk.client(auth, era) as client:
            assert await who(client) == {"subject": "tomasz", "scopes": ALL}
            assert {"lend", "register"} <= await names(client)
        tokens = await auth.token_storage_adapter.get_tokens()
        assert tokens is not None
        remote_desk.secrets.add(tokens.access_token)

    @eras
    async def test_a_client_that_the_issuer_knows(
        self, registrar: IdentityProvider, remote_desk: Desk, era: Literal["auto", "legacy"]
    ) -> None:
        port = free_port()
        registrar.allow_redirect(f"http://localhost:{port}/callback")
        auth = BrowserOAuth(
            client_id=registrar.client_id, client_secret=registrar.client_secret, callback_port=port
        )
        remote_desk.secrets.add(registrar.client_secret)
        async with remote_desk.client(auth, era) as client:
            assert (await who(client))["subject"] == "isla"

    async def test_a_person_who_says_no(self, remote_desk: Desk) -> None:
        with pytest.raises(RuntimeError, match="access_denied"):
            async with remote_desk.client(BrowserOAuth(browser=Browser(deny="sign-in"))) as client:
                await client.list_tools()

    async def test_a_token_for_another_server(self, registrar: IdentityProvider, remote_desk: Desk) -> None:
        await remote_desk.keeps_out(registrar.token(audience="http://127.0.0.1:1/mcp"))
        await remote_desk.lets_in(registrar.token(audience=remote_desk.mcp))

    @pytest.mark.parametrize("issuer", ["https://accounts.example", "https://accounts.example/"])
    async def test_the_issuers_name_is_kept_to_the_letter(self, tmp_path: Path, issuer: str) -> None:
        """Clients compare it with what the issuer calls itself; pydantic would add a slash."""
        with desk_process(tmp_path, REMOTE | {"AUTH_ISSUER": issuer}) as desk:
            resource = await document(f"{desk.url}/.well-known/oauth-protected-resource/mcp")
        assert resource["authorization_servers"] == [issuer]

    async def test_a_desk_that_only_reads(self, registrar: IdentityProvider, tmp_path: Path) -> None:
        """AUTH_SCOPES is what clients are told to ask for; by introspection this time."""
        port = free_port()
        settings = {
            "AUTH": "remote",
            "AUTH_BASE_URL": f"http://127.0.0.1:{port}",
            "AUTH_ISSUER": registrar.issuer,
            "AUTH_INTROSPECTION_URL": registrar.introspection_url,
            "AUTH_CLIENT_ID": registrar.client_id,
            "AUTH_CLIENT_SECRET": registrar.client_secret,
            "AUTH_AUDIENCE": f"http://127.0.0.1:{port}/mcp",
            "AUTH_SCOPES": "desk:read",
        }
        with desk_process(tmp_path, settings, port=port) as desk:
            async with desk.client(BrowserOAuth()) as client:
                assert await who(client) == {"subject": "isla", "scopes": ["desk:read"]}
                assert "lend" not in await names(client)


# The OAuth proxy: clients get their token here -------------------------------------------------------


@asynccontextmanager
async def proxied(
    home: Path, *, desks: int = 1, expires_in: int = 3600, **settings: Any
) -> AsyncIterator[tuple[IdentityProvider, list[Desk]]]:
    """A provider with which nobody can register, and desks that stand before it as one."""
    ports = [free_port() for _ in range(desks)]
    base_url = f"http://127.0.0.1:{ports[0]}"
    async with identity_provider(
        redirect_uris=[f"{base_url}/auth/callback"], expires_in=expires_in
    ) as provider:
        known = by_proxy(provider, base_url, **settings)
        with ExitStack() as processes:
            all_desks = [
                processes.enter_context(desk_process(home, known, port=port, path=f"desk-{port}"))
                for port in ports
            ]
            yield provider, all_desks
            for desk in all_desks:
                desk.secrets |= provider.ledger.tokens.keys() | provider.ledger.codes.keys()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def proxy(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[IdentityProvider, Desk]]:
    async with proxied(tmp_path_factory.mktemp("proxy")) as (provider, (desk,)):
        yield provider, desk


async def sign_in(desk: Desk, browser: Browser | None = None, **settings: Any) -> str:
    """Go through the whole flow, and give the access token that the client got."""
    auth = BrowserOAuth(browser=browser or Browser(), **settings)
    async with desk.client(auth) as client:
        await client.list_tools()
    tokens = await auth.token_storage_adapter.get_tokens()
    assert tokens is not None
    assert tokens.refresh_token is not None
    desk.secrets |= {tokens.access_token, tokens.refresh_token}
    return tokens.access_token


Proxy = tuple[IdentityProvider, Desk]


class TestProxy:
    async def test_what_it_says_of_itself(self, proxy: Proxy) -> None:
        _, desk = proxy
        challenge = (await desk.knock(None)).headers["www-authenticate"]
        assert 'scope="desk:read desk:lend desk:register"' in challenge
        resource = await document(f"{desk.url}/.well-known/oauth-protected-resource/mcp")
        assert resource["authorization_servers"] == [f"{desk.url}/"]
        server = await document(f"{desk.url}/.well-known/oauth-authorization-server")
        assert server["registration_endpoint"] == f"{desk.url}/register"
        assert server["revocation_endpoint"] == f"{desk.url}/revoke"
        assert server["code_challenge_methods_supported"] == ["S256"]
        assert sorted(server["scopes_supported"]) == ALL

    @eras
    async def test_the_whole_way(self, proxy: Proxy, era: Literal["auto", "legacy"]) -> None:
        """The person consents here and signs in there; PKCE on both legs; tools may ask, in both eras."""
        provider, desk = proxy
        provider.requests.clear()

        async def at_leith(*_: Any) -> ElicitResult[Any]:
            return ElicitResult(action="accept", content={"value": "Leith"})

        auth = BrowserOAuth(browser=Browser("tomasz"))
        async with desk.client(auth, era, elicitation_handler=at_leith) as client:
            assert await who(client) == {"subject": "tomasz", "scopes": ALL}
            patron = "p003" if era == "auto" else "p004"
            held = await client.call_tool("reserve", {"book_id": "verne-tour-du-monde", "patron_id": patron})
            assert held.structured_content["collect_at"] == "Leith"
        assert auth.visit is not None
        assert [page.kind for page in auth.visit.pages if page.kind != "redirect"] == ["consent", "sign-in"]
        (asked,) = [r.parameters for r in provider.requests if r.endpoint == "authorize"]
        assert asked["code_challenge_method"] == "S256"
        assert asked["redirect_uri"] == f"{desk.url}/auth/callback"
        (redeemed,) = [r.parameters for r in provider.requests if r.endpoint == "token"]
        assert "code_verifier" in redeemed

    async def test_the_client_never_holds_the_upstream_token(self, proxy: Proxy) -> None:
        provider, desk = proxy
        token = await sign_in(desk)
        upstream = {value for value in provider.ledger.tokens if value not in desk.secrets}
        desk.secrets |= upstream
        assert upstream
        assert token not in provider.ledger.tokens
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        assert claims["aud"] == desk.mcp
        assert "sub" not in claims
        await desk.lets_in(token)
        for value in upstream:
            await desk.keeps_out(value)

    @pytest.mark.parametrize("page", ["consent", "sign-in"])
    async def test_a_person_who_says_no(self, proxy: Proxy, page: Literal["consent", "sign-in"]) -> None:
        provider, desk = proxy
        before = len(provider.ledger.tokens)
        with pytest.raises(RuntimeError, match="access_denied"):
            async with desk.client(BrowserOAuth(browser=Browser(deny=page))) as client:
                await client.list_tools()
        assert len(provider.ledger.tokens) == before

    async def test_consent_is_asked_each_time(self, proxy: Proxy) -> None:
        """The provider, which knows the desk, is silent the second time; the desk's own page is not."""
        _, desk = proxy
        browser = Browser()
        await sign_in(desk, browser)
        first = len(browser.pages)
        await sign_in(desk, browser)
        kinds = [page.kind for page in browser.pages[first:] if page.kind != "redirect"]
        assert kinds == ["consent"]

    async def test_revoked_at_the_issuer(self, proxy: Proxy) -> None:
        provider, desk = proxy
        known = set(provider.ledger.tokens)
        token = await sign_in(desk)
        await desk.lets_in(token)
        for value in provider.ledger.tokens.keys() - known:
            provider.revoke(value)
        await desk.keeps_out(token)

    @pytest.mark.parametrize(
        "kind",
        [
            "refresh_token",
            pytest.param(
                "access_token",
                marks=pytest.mark.xfail(
                    strict=True,
                    reason="FastMCP 4.1.2 takes it for a token of the application that the issuer knows",
                ),
            ),
        ],
    )
    async def test_revoked_by_the_client(self, proxy: Proxy, kind: str) -> None:
        """What a client hands back at /revoke is revoked at the issuer, with all that came of it."""
        provider, desk = proxy
        known = set(provider.ledger.tokens)
        auth = BrowserOAuth()
        async with desk.client(auth) as client:
            await client.list_tools()
        tokens = await auth.token_storage_adapter.get_tokens()
        info = await auth.token_storage_adapter.get_client_info()
        assert tokens is not None
        assert info is not None
        # The SDK's endpoint wants the field client_secret even of a client that has none.
        form = {"token": getattr(tokens, kind), "client_id": info.client_id, "client_secret": ""}
        async with httpx2.AsyncClient() as http:
            assert (await http.post(f"{desk.url}/revoke", data=form)).status_code == httpx2.codes.OK
        access = [t for v, t in provider.ledger.tokens.items() if v not in known and t.kind == "access"]
        assert [t.revoked for t in access] == [True]
        await desk.keeps_out(tokens.access_token)

    async def test_no_stranger_is_answered(self, proxy: Proxy) -> None:
        """Neither at registration, nor for the client id that the issuer knows, nor by a trick."""
        provider, desk = proxy
        query = {
            "response_type": "code",
            "client_id": provider.client_id,
            "code_challenge": "x" * 43,
            "code_challenge_method": "S256",
            "state": "s",
        }
        strangers = (
            "https://evil.example/callback",
            "http://localhost@evil.example/callback",
            "http://localhost.evil.example/callback",
            "cursor://evil/callback",
        )
        async with httpx2.AsyncClient() as http:
            for uri in strangers:
                answer = await http.post(f"{desk.url}/register", json={"redirect_uris": [uri]})
                assert answer.status_code == 400, uri
                answer = await http.get(f"{desk.url}/authorize", params={**query, "redirect_uri": uri})
                assert answer.status_code == 400, uri
                assert "location" not in answer.headers

    async def test_no_authorization_without_pkce(self, proxy: Proxy) -> None:
        provider, desk = proxy
        query = {
            "response_type": "code",
            "client_id": provider.client_id,
            "redirect_uri": "http://localhost:1/callback",
            "state": "s",
        }
        async with httpx2.AsyncClient() as http:
            answer = await http.get(f"{desk.url}/authorize", params=query)
        assert "consent" not in answer.headers.get("location", "")
        assert answer.status_code == 400 or "error=invalid_request" in answer.headers["location"]

    async def test_an_address_that_the_operator_allows(self, tmp_path: Path) -> None:
        uri = "https://host.example/api/callback"
        async with proxied(tmp_path, AUTH_REDIRECT_URIS=uri) as (_, (desk,)), httpx2.AsyncClient() as http:
            for asked, status in ((uri, 201), (f"{uri}/more", 400), ("http://localhost:1/callback", 400)):
                answer = await http.post(f"{desk.url}/register", json={"redirect_uris": [asked]})
                assert answer.status_code == status

    async def test_it_is_refreshed_behind_the_clients_back(self, tmp_path: Path) -> None:
        """A client whose token has run out gets another with its refresh token; nobody signs in again."""
        async with proxied(tmp_path, expires_in=2) as (provider, (desk,)):
            auth = BrowserOAuth()
            async with desk.client(auth) as client:
                first = await auth.token_storage_adapter.get_tokens()
                visit = auth.visit
                assert first is not None
                assert first.expires_in == 2
                await asyncio.sleep(2.1)  # until it has run out, which is what is tested
                assert (await who(client))["subject"] == "isla"
                second = await auth.token_storage_adapter.get_tokens()
            assert second is not None
            assert second.access_token != first.access_token
            assert second.refresh_token != first.refresh_token
            assert auth.visit is visit
            grants = [r.parameters["grant_type"] for r in provider.requests if r.endpoint == "token"]
            assert grants == ["authorization_code", "refresh_token"]
            desk.secrets |= {first.access_token, second.access_token, str(second.refresh_token)}

    async def test_signed_tokens_upstream(self, tmp_path: Path) -> None:
        """Without AUTH_INTROSPECTION_URL the issuer's keys decide."""
        port = free_port()
        base_url = f"http://127.0.0.1:{port}"
        callback = f"{base_url}/auth/callback"
        async with identity_provider(tokens="jwt", redirect_uris=[callback]) as provider:
            settings = by_proxy(provider, base_url)
            del settings["AUTH_INTROSPECTION_URL"]
            settings |= {"AUTH_JWKS_URI": provider.jwks_uri, "AUTH_ISSUER": provider.issuer}
            with desk_process(tmp_path, settings, port=port) as desk:
                async with desk.client(BrowserOAuth()) as client:
                    assert await who(client) == {"subject": "isla", "scopes": ALL}


class TestWhereTokensAreKept:
    async def test_two_replicas_behind_one_valkey(self, tmp_path: Path) -> None:
        """Each accepts what the other issued; Valkey holds nothing that can be read."""
        with valkey() as url:
            keys: dict[str, Any] = {"STORE_URL": url, "STORE_KEY": Fernet.generate_key().decode()}
            async with proxied(tmp_path, desks=2, **keys) as (provider, (one, other)):
                token = await sign_in(one)
                for desk in (one, other):
                    async with desk.client(token) as client:
                        assert (await who(client))["subject"] == "isla"
                held = everything_in(url)
                assert len(held) > 3
                secret = [*provider.ledger.tokens, provider.client_secret, token, "localhost", "isla"]
                assert not [s for s in secret if s.encode() in b"".join(held)]
                provider.revoke(next(v for v, t in provider.ledger.tokens.items() if t.kind == "access"))
                await one.keeps_out(token)
                await other.keeps_out(token)

    @pytest.mark.parametrize("store", ["file", "memory"])
    async def test_a_restart(self, tmp_path: Path, store: str) -> None:
        """Files keep tokens, memory loses them."""
        keys = {}
        if store == "file":
            folder = tmp_path / "store"
            keys = {"STORE_URL": f"file://{folder}", "STORE_KEY": Fernet.generate_key().decode()}
        port = free_port()
        base_url = f"http://127.0.0.1:{port}"
        async with identity_provider(redirect_uris=[f"{base_url}/auth/callback"]) as provider:
            settings = by_proxy(provider, base_url, **keys)
            with desk_process(tmp_path, settings, port=port) as desk:
                token = await sign_in(desk)
                await desk.lets_in(token)
            with desk_process(tmp_path, settings, port=port) as desk:
                await (desk.lets_in if store == "file" else desk.keeps_out)(token)
            with desk_process(tmp_path, settings | {"AUTH_SIGNING_KEY": "k" * 32}, port=port) as desk:
                await desk.keeps_out(token)
            if store == "file":
                written = b"".join(f.read_bytes() for f in folder.rglob("*") if f.is_file())
                assert not [value for value in provider.ledger.tokens if value.encode() in written]


def everything_in(url: str) -> list[bytes]:
    """All values of a Valkey, and its keys."""
    import redis

    with redis.Redis.from_url(url) as client:
        keys: Any = client.keys("*")
        return [*keys, *(client.get(key) or b"" for key in keys)]


# Settings --------------------------------------------------------------------------------------------


JWT = {
    "AUTH": "jwt",
    "AUTH_JWKS_URI": "https://accounts.example/jwks",
    "AUTH_ISSUER": "https://accounts.example",
    "AUTH_AUDIENCE": AUDIENCE,
}
ASK = {
    "AUTH": "introspection",
    "AUTH_INTROSPECTION_URL": "https://accounts.example/introspect",
    "AUTH_CLIENT_ID": "desk",
    "AUTH_CLIENT_SECRET": "the-desks-own-secret",
    "AUTH_AUDIENCE": AUDIENCE,
}
REMOTE = JWT | {"AUTH": "remote", "AUTH_BASE_URL": "https://desk.example"}
PROXY = ASK | {
    "AUTH": "oauth-proxy",
    "AUTH_BASE_URL": "https://desk.example",
    "AUTH_AUTHORIZE_URL": "https://accounts.example/authorize",
    "AUTH_TOKEN_URL": "https://accounts.example/token",
    "AUTH_SIGNING_KEY": "s" * 32,
}
OPTIONAL = {"AUTH_AUDIENCE", "AUTH_INTROSPECTION_URL"}  # of the proxy
ADDRESSES = (
    "accounts.example",
    "http://accounts.example/x",
    "http://127.0.0.1.evil.example/x",
    "http://localhost@evil.example/x",
    "https://user:pass@accounts.example/x",
    "https://accounts.example/x y",
    "ftp://accounts.example/x",
    "https://",
)


PRIVATE_KEY = RSAKeyPair.generate().private_key.get_secret_value()


def bad_settings() -> Iterator[Any]:
    """Whole environments with one thing wrong, the variable that it is, and its value."""

    def case(base: dict[str, str], name: str, value: str | None, what: str) -> Any:
        settings = {n: v for n, v in base.items() if n != name}
        return pytest.param(settings if value is None else settings | {name: value}, name, value, id=what)

    for base in (JWT, ASK, REMOTE, PROXY):
        for name in base:
            if name != "AUTH" and not (base is PROXY and name in OPTIONAL):
                yield case(base, name, None, f"{base['AUTH']}-{name}-missing")
    for address in ADDRESSES:
        yield case(JWT, "AUTH_JWKS_URI", address, f"address-{address}")
    for base, name in (
        (JWT, "AUTH_ISSUER"),
        (ASK, "AUTH_INTROSPECTION_URL"),
        (REMOTE, "AUTH_BASE_URL"),
        (PROXY, "AUTH_AUTHORIZE_URL"),
        (PROXY, "AUTH_TOKEN_URL"),
        (PROXY, "AUTH_REVOKE_URL"),
    ):
        yield case(base, name, "http://accounts.example/x", f"{name}-http")
    for kind in ("JWT", "yes", "oauth_proxy", '{"type": "jwt"}'):
        yield case({}, "AUTH", kind, f"AUTH-{kind}")
    for algorithm in ("none", "HS256", "RS1", "rs256"):
        yield case(JWT, "AUTH_ALGORITHM", algorithm, f"algorithm-{algorithm}")
    no_key = "-----BEGIN PUBLIC KEY-----\\nAAAA\\n-----END PUBLIC KEY-----"
    for what, key in (("no-file", "/no/such/file"), ("no-key", no_key), ("private", PRIVATE_KEY)):
        yield case(JWT, "AUTH_PUBLIC_KEY", key, f"public-key-{what}")
    for scopes in ("desk:lend", "desk:read desk:burn", "desk:read,desk:lend"):
        yield case(REMOTE, "AUTH_SCOPES", scopes, f"scopes-{scopes}")
    yield case(PROXY, "AUTH_SIGNING_KEY", "a-short-secret-key", "signing-key-short")
    for uri in ("*", "https://*.example/x", "https://host.example", "http://host.example/x", "javascript:x"):
        yield case(PROXY, "AUTH_REDIRECT_URIS", uri, f"redirect-{uri}")
    neither = {n: v for n, v in PROXY.items() if n != "AUTH_INTROSPECTION_URL"}
    neither["AUTH_ISSUER"] = "https://accounts.example"  # which is asked for together with the keys
    yield case(neither, "AUTH_JWKS_URI", None, "oauth-proxy-no-way-to-check")


CASES = list(bad_settings())

# Runs server.py as often as there are cases, each time as a new module with its own environment.
RUN_ALL = """
import contextlib, io, json, os, runpy, sys
before = dict(os.environ)
for case in json.load(sys.stdin):
    os.environ.clear()
    os.environ.update(before | case)
    said, code = io.StringIO(), None
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        try:
            runpy.run_path(sys.argv[1], run_name="server")
        except SystemExit as end:
            code = end.code
    print(json.dumps([code, said.getvalue()]))
"""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int | None, str]]:
    """How server.py ends with the settings of each case, and what it says."""
    done = subprocess.run(
        [*warm_python(), "-c", RUN_ALL, str(SERVER)],
        input=json.dumps([case.values[0] for case in CASES]),
        check=True,
        capture_output=True,
        encoding="utf-8",
        env=environment(tmp_path_factory.mktemp("settings")),
    )
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


class TestSettings:
    @pytest.mark.parametrize(
        ("number", "name", "value"),
        [pytest.param(n, case.values[1], case.values[2], id=case.id) for n, case in enumerate(CASES)],
    )
    async def test_a_bad_one_ends_it_in_one_line(
        self, outcomes: list[tuple[int | None, str]], number: int, name: str, value: str | None
    ) -> None:
        code, said = outcomes[number]
        assert code == 2
        assert re.fullmatch(rf"{name}: got .+; it takes .+\.\n", said)
        assert "the-desks-own-secret" not in said
        if value is not None and re.search("KEY|SECRET", name):
            assert value not in said

    async def test_as_a_process(self, tmp_path: Path) -> None:
        settings = PROXY | {"AUTH_SIGNING_KEY": "a-short-secret-key"}
        done = await asyncio.to_thread(run, [*warm_server(), "--transport", "http"], tmp_path, settings)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == "AUTH_SIGNING_KEY: got 18 characters; it takes 32 or more random characters.\n"

    @pytest.mark.parametrize("base", [JWT, ASK, REMOTE, PROXY], ids=lambda base: base["AUTH"])
    async def test_a_good_one_says_nothing(self, tmp_path: Path, base: dict[str, str]) -> None:
        """And the issuer need not be there when the desk starts."""
        settings = base | {"PYTHONPATH": str(SERVER.parent)}
        code = "import server; print(server.mcp.auth.required_scopes)"
        done = await asyncio.to_thread(run, [*warm_python(), "-c", code], tmp_path, settings)
        assert (done.returncode, done.stderr) == (0, "")

    async def test_fastmcps_own_old_variable_is_not_believed(self, tmp_path: Path) -> None:
        settings = {"FASTMCP_SERVER_AUTH": "fastmcp.server.auth.providers.jwt.JWTVerifier"}
        done = await asyncio.to_thread(run, [*warm_server(), "--help"], tmp_path, settings)
        assert done.returncode == 2
        assert done.stderr.startswith("AUTH: got nothing; it takes none, jwt,")
        done = await asyncio.to_thread(run, [*warm_server(), "--help"], tmp_path, settings | {"AUTH": "none"})
        assert done.returncode == 0

    async def test_no_auth_costs_no_import(self, tmp_path: Path) -> None:
        code = """
import sys
import server
assert server.mcp.auth is None
for name in sys.modules:
    assert not name.startswith(("authlib", "fastmcp.server.auth.providers", "fastmcp.server.auth.oauth"))
"""
        settings = {"PYTHONPATH": str(SERVER.parent)}
        done = await asyncio.to_thread(run, [sys.executable, "-c", code], tmp_path, settings)
        assert (done.returncode, done.stderr) == (0, "")

    async def test_the_signing_key_is_not_stretched(self, tmp_path: Path) -> None:
        """As text it would cost a million rounds of PBKDF2 at every start."""
        code = "import server; assert server.mcp.auth._jwt_signing_key == b's' * 32"
        settings = PROXY | {"PYTHONPATH": str(SERVER.parent)}
        done = await asyncio.to_thread(run, [*warm_python(), "-c", code], tmp_path, settings)
        assert (done.returncode, done.stderr) == (0, "")
