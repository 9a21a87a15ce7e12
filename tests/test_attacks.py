"""The attacks of chapter 09c against server.py, a process of its own with AUTH=oauth-proxy or AUTH=jwt.

Mallory attacks, Tomasz is her victim. Where an attack must fail, the same steps succeed for who is honest: so
that a test which sees a refusal has not seen a mistake of its own.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

import httpx2
import pytest
import pytest_asyncio
from cryptography.fernet import Fernet
from fastmcp import Client
from mcp.shared.auth import AuthorizationCodeResult
from mcp.shared.exceptions import MCPError
from serving import PATIENCE, serving_http

from mcp_workbench.services import Browser, BrowserOAuth, IdentityProvider, free_port, identity_provider

pytestmark = pytest.mark.asyncio(loop_scope="module")  # the providers live in this loop

MALLORYS = "https://mallory.example/callback"
HERE = "http://localhost:1/callback"  # never opened: the browser stops before it
Era = Literal["auto", "legacy"]
eras = pytest.mark.parametrize("era", ["auto", "legacy"], ids=["sessionless", "handshake"])
SILENT = {"accept": "application/json, text/event-stream"}


def coded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class Flow:
    """An authorization that somebody prepares: the query of its link, and the PKCE verifier to it."""

    asked: dict[str, str]
    verifier: str


@dataclass
class Desk:
    """The exported server behind its own OAuth proxy, and the identity provider that it stands before."""

    url: str
    idp: IdentityProvider

    def browser(self, person: str, **settings: Any) -> Browser:
        return Browser(person, hosts={self.idp.url: "provider", self.url: "desk"}, **settings)

    def link(self, flow: Flow, **changed: str | None) -> str:
        asked = {k: v for k, v in (flow.asked | changed).items() if v is not None}
        return f"{self.url}/authorize?{urlencode(asked)}"

    async def get(self, link: str, **settings: Any) -> httpx2.Response:
        async with httpx2.AsyncClient() as http:
            return await http.get(link, **settings)

    async def post(self, path: str, **settings: Any) -> httpx2.Response:
        async with httpx2.AsyncClient() as http:
            return await http.post(f"{self.url}{path}", **settings)

    async def prepare(self, redirect_uri: str = HERE) -> Flow:
        """Register a client, as anybody may, and make the link that starts its flow."""
        form = {"client_name": "Library Helper", "redirect_uris": [redirect_uri]}
        registered = await self.post("/register", json=form)
        assert registered.status_code == 201
        verifier = secrets.token_urlsafe(48)
        return Flow(
            {
                "response_type": "code",
                "client_id": registered.json()["client_id"],
                "redirect_uri": redirect_uri,
                "scope": "desk:read",
                "state": "s",
                "code_challenge": coded(hashlib.sha256(verifier.encode()).digest()),
                "code_challenge_method": "S256",
            },
            verifier,
        )

    async def redeem(self, flow: Flow, code: str, **changed: str) -> httpx2.Response:
        form = {"grant_type": "authorization_code", "code": code, "code_verifier": flow.verifier}
        known = {name: flow.asked[name] for name in ("client_id", "redirect_uri")}
        return await self.post("/token", data=form | known | changed)

    async def connect(self, auth: Any, era: Era = "auto") -> str:
        """Who the desk says that this client is."""
        return await who(self.url, auth, era)

    async def signed_in(self, person: str = "tomasz") -> Browser:
        """A browser in which this person has connected an honest client once."""
        browser = self.browser(person)
        assert await self.connect(BrowserOAuth(browser=browser)) == person
        return browser


async def who(url: str, auth: Any, era: Era = "auto") -> str:
    async with Client(f"{url}/mcp", auth=auth, mode=era, timeout=PATIENCE) as client:
        contents: Any
        (contents,) = await client.read_resource("info://caller")
        return str(json.loads(contents.text)["subject"])


def settings_of(idp: IdentityProvider, base_url: str, **more: str) -> dict[str, str]:
    return {
        "AUTH": "oauth-proxy",
        "AUTH_BASE_URL": base_url,
        "AUTH_AUTHORIZE_URL": idp.authorization_url,
        "AUTH_TOKEN_URL": idp.token_url,
        "AUTH_INTROSPECTION_URL": idp.introspection_url,
        "AUTH_CLIENT_ID": idp.client_id,
        "AUTH_CLIENT_SECRET": idp.client_secret,
        "AUTH_SIGNING_KEY": "a-key-that-only-this-test-knows-0123456789",
        **more,
    }


@asynccontextmanager
async def desk_process(home: Path, **settings: str) -> AsyncIterator[Desk]:
    port = free_port()
    base_url = f"http://127.0.0.1:{port}"
    async with identity_provider(redirect_uris=[f"{base_url}/auth/callback"]) as idp:
        with serving_http(home, port=port, settings=settings_of(idp, base_url, **settings)):
            yield Desk(base_url, idp)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """The desk as it is: answers go to this machine only."""
    async with desk_process(tmp_path_factory.mktemp("desk")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lax_desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """A desk whose operator was talked into allowing Mallory's address."""
    async with desk_process(tmp_path_factory.mktemp("lax"), AUTH_REDIRECT_URIS=MALLORYS) as running:
        yield running


class TestConfusedDeputy:
    """Tomasz is signed in at the provider and allows the desk; Mallory's link would use that."""

    @pytest.mark.parametrize("redirect_uri", [HERE, MALLORYS], ids=["this machine", "an allowed stranger"])
    async def test_the_victim_is_asked_and_sees_who_asks(
        self, desk: Desk, lax_desk: Desk, redirect_uri: str, tmp_path: Path
    ) -> None:
        target = desk if redirect_uri == HERE else lax_desk
        tomasz = target.browser("tomasz")
        flow = await target.prepare(redirect_uri)
        first = await tomasz.visit(target.link(flow))  # he connects once, so that the provider is silent
        assert first.answer["code"]
        target.idp.requests.clear()
        tomasz.deny = "consent"
        mallorys = await target.prepare(redirect_uri)
        visit = await tomasz.visit(target.link(mallorys))
        (page,) = [page for page in visit.pages if page.kind == "consent"]
        assert "Library Helper" in page.text
        assert redirect_uri in page.text
        assert visit.answer["error"] == "access_denied"
        assert "code" not in visit.answer
        assert target.idp.requests == []  # nothing went on to the provider

    @eras
    async def test_the_page_is_all_that_stands_between(self, desk: Desk, era: Era) -> None:
        """Who allows it is asked nothing more, and Mallory is in: the attack as such is real."""
        tomasz = await desk.signed_in()
        flow = await desk.prepare()
        visit = await tomasz.visit(desk.link(flow))
        assert [page.kind for page in visit.pages if page.kind != "redirect"] == ["consent"]
        tokens = (await desk.redeem(flow, visit.answer["code"])).json()
        assert await desk.connect(tokens["access_token"], era) == "tomasz"

    async def test_her_consent_does_not_count_for_him(self, desk: Desk) -> None:
        """She allows it in her own browser, and sends him the provider's link that she gets."""
        tomasz = await desk.signed_in()
        flow = await desk.prepare()
        half = await desk.browser("isla").visit(desk.link(flow), stop_at=desk.idp.authorization_url)
        assert half.location
        visit = await tomasz.visit(half.location, stop_at=HERE)
        assert [page.status for page in visit.pages] == [303, 403]
        assert visit.answer == {}

    async def test_nobody_presses_allow_for_him(self, desk: Desk) -> None:
        """The page's form cannot be sent from elsewhere: its token belongs to one browser's cookie."""
        flow = await desk.prepare()
        where = (await desk.get(desk.link(flow))).headers["location"]
        page = await desk.get(where)
        tokens = dict.fromkeys(("txn_id", "csrf_token"), "")
        for name in tokens:
            tokens[name] = page.text.partition(f'name="{name}" value="')[2].partition('"')[0]
            assert tokens[name]
        form = tokens | {"action": "approve"}
        async with httpx2.AsyncClient() as victim:
            assert (await victim.post(where, data=form)).status_code == 403
        async with httpx2.AsyncClient(cookies=page.cookies) as own:
            guessed = await own.post(where, data=form | {"csrf_token": "guessed"})
            assert guessed.status_code == 400
            answer = await own.post(where, data=form)
        assert answer.headers["location"].startswith(desk.idp.authorization_url)

    async def test_the_page_cannot_be_framed(self, desk: Desk) -> None:
        where = (await desk.get(desk.link(await desk.prepare()))).headers["location"]
        page = await desk.get(where)
        assert page.headers["x-frame-options"] == "DENY"


class TestRedirects:
    @pytest.mark.parametrize(
        "stranger",
        [
            MALLORYS,
            "http://localhost@mallory.example/callback",
            "http://localhost:1@mallory.example/callback",
            "http://localhost.mallory.example/callback",
            "http://127.0.0.1.mallory.example/callback",
            "http://127.0.0.1:1@mallory.example",
            "https://localhost:1/callback",
            "javascript:alert(1)",
            "data:text/html,hello",
            "cursor://mallory/callback",
        ],
    )
    async def test_a_stranger(self, desk: Desk, stranger: str) -> None:
        """Not at registration; and nobody is sent there, not even with an error."""
        assert (await desk.post("/register", json={"redirect_uris": [stranger]})).status_code == 400
        flow = await desk.prepare()
        for client_id in (flow.asked["client_id"], desk.idp.client_id):
            answer = await desk.get(desk.link(flow, redirect_uri=stranger, client_id=client_id))
            assert answer.status_code == 400
            assert "location" not in answer.headers

    async def test_an_answer_goes_to_no_other_address_of_an_allowed_host(self, lax_desk: Desk) -> None:
        flow = await lax_desk.prepare(MALLORYS)
        others = (f"{MALLORYS}/more", "https://mallory.example/", "https://mallory.example:8443/callback")
        for changed in others:
            answer = await lax_desk.get(lax_desk.link(flow, redirect_uri=changed))
            assert answer.status_code == 400, changed
            assert "location" not in answer.headers

    async def test_what_the_operator_allows_replaces_what_a_client_registered(self, desk: Desk) -> None:
        """FastMCP 4.1.2: with patterns, the client's own list does not count. The person sees the address."""
        flow = await desk.prepare(HERE)
        other = "http://127.0.0.1:2/elsewhere?query=1"
        tomasz = desk.browser("tomasz", deny="consent")
        visit = await tomasz.visit(desk.link(flow, redirect_uri=other))
        (page,) = [page for page in visit.pages if page.kind == "consent"]
        assert other in page.text
        assert visit.location.startswith(other)


class Fooled(BrowserOAuth):
    """A client at whose callback address Mallory's code comes in, with a state that she guesses or knows."""

    def __init__(self, code: str, state: str | None, **settings: Any) -> None:
        self.code, self.guess = code, state
        super().__init__(**settings)

    async def callback_handler(self) -> AuthorizationCodeResult:
        assert self.visit is not None
        own = self.visit.answer
        return AuthorizationCodeResult(code=self.code, state=self.guess or own["state"], iss=own["iss"])


class TestState:
    @eras
    @pytest.mark.parametrize(
        ("state", "refusal"),
        [("guessed", "State parameter mismatch"), (None, "invalid_grant")],
        ids=["the client compares", "a client that does not"],
    )
    async def test_a_foreign_code(self, desk: Desk, era: Era, state: str | None, refusal: str) -> None:
        flow = await desk.prepare()
        code = (await desk.browser("isla").visit(desk.link(flow))).answer["code"]
        auth = Fooled(code, state, browser=desk.browser("tomasz"))
        with pytest.raises(RuntimeError, match=refusal):
            await desk.connect(auth, era)
        assert (await desk.redeem(flow, code)).status_code == 200  # it was a good one

    async def test_an_answer_that_nobody_asked_for(self, desk: Desk) -> None:
        """At the desk's own callback: a code of the provider with no flow, or with somebody else's."""
        callback = f"{desk.url}/auth/callback"
        assert (await desk.get(callback, params={"code": "c"})).status_code == 400
        assert (await desk.get(callback, params={"code": "c", "state": "guessed"})).status_code == 400
        flow = await desk.prepare()
        where = (await desk.get(desk.link(flow))).headers["location"]
        ticket = httpx2.URL(where).params["txn_id"]  # before anybody has consented
        assert (await desk.get(callback, params={"code": "c", "state": ticket})).status_code == 403


class TestCodes:
    @pytest.mark.parametrize(
        ("changed", "error"),
        [
            ({"code_challenge": None}, "invalid_request"),
            ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
            ({"code_challenge_method": "plain"}, "invalid_request"),
            ({"response_type": "token"}, "unsupported_response_type"),
            ({"scope": "desk:read desk:burn"}, "invalid_scope"),
            ({"resource": "https://cafe.example/mcp"}, "invalid_target"),
        ],
        ids=str,
    )
    async def test_a_weaker_request(self, desk: Desk, changed: dict[str, str | None], error: str) -> None:
        flow = await desk.prepare()
        answer = await desk.get(desk.link(flow, **changed))
        place = httpx2.URL(answer.headers["location"])
        assert (place.host, place.params["error"]) == ("localhost", error)

    async def test_a_stolen_code(self, desk: Desk) -> None:
        """Good for one client with one verifier and one address, once."""
        flow, mallorys = await desk.prepare(), await desk.prepare()
        code = (await desk.browser("tomasz").visit(desk.link(flow))).answer["code"]
        wrong: list[Mapping[str, str]] = [
            {"code_verifier": mallorys.verifier},
            {"code_verifier": flow.asked["code_challenge"]},  # what `plain` would have taken
            {"client_id": mallorys.asked["client_id"]},
            {"redirect_uri": "http://localhost:2/callback"},
        ]
        for changed in wrong:
            answer = await desk.redeem(flow, code, **changed)
            assert answer.status_code in (400, 401), changed
            assert "access_token" not in answer.text
        first, again = await desk.redeem(flow, code), await desk.redeem(flow, code)
        assert (first.status_code, again.status_code) == (200, 401)
        assert again.json()["error"] == "invalid_grant"


class TestTokens:
    async def test_the_providers_token_is_no_key_to_the_desk(self, desk: Desk) -> None:
        known = set(desk.idp.ledger.tokens)
        auth = BrowserOAuth(browser=desk.browser("tomasz"))
        assert await desk.connect(auth) == "tomasz"
        upstream = desk.idp.ledger.tokens.keys() - known
        assert len(upstream) == 2  # access and refresh
        for token in (*upstream, desk.idp.token("tomasz"), desk.idp.token("tomasz", client_id="cafe")):
            with pytest.raises(MCPError):
                await desk.connect(token)

    async def test_one_desks_token_is_none_of_another(self, tmp_path: Path) -> None:
        """With the same signing key and the same store, but another address."""
        folder = tmp_path / "store"
        store = {"STORE_URL": folder.as_uri(), "STORE_KEY": Fernet.generate_key().decode()}
        async with desk_process(tmp_path, **store) as first:
            auth = BrowserOAuth(browser=first.browser("tomasz"))
            assert await first.connect(auth) == "tomasz"
            tokens = await auth.token_storage_adapter.get_tokens()
            assert tokens is not None
            port = free_port()
            other = f"http://127.0.0.1:{port}"
            (tmp_path / "other").mkdir()
            with serving_http(
                tmp_path / "other", port=port, settings=settings_of(first.idp, other, **store)
            ), pytest.raises(MCPError):  # fmt: skip
                await who(other, tokens.access_token)
            assert await first.connect(tokens.access_token) == "tomasz"

    @eras
    async def test_forged_and_stray_tokens(self, tmp_path: Path, era: Era) -> None:
        """AUTH=jwt: signed with the public key, not signed, and a good one that is meant for the café."""
        audience = "https://desk.example/mcp"
        async with identity_provider(tokens="jwt", audience=audience) as idp:
            settings = {
                "AUTH": "jwt",
                "AUTH_JWKS_URI": idp.jwks_uri,
                "AUTH_ISSUER": idp.issuer,
                "AUTH_AUDIENCE": audience,
            }
            with serving_http(tmp_path, settings=settings) as url:
                assert await who(url, idp.token("tomasz"), era) == "tomasz"
                for token in (forged(idp, "none"), forged(idp, "None"), forged(idp, "HS256")):
                    with pytest.raises(MCPError):
                        await who(url, token, era)
                with pytest.raises(MCPError):
                    await who(url, idp.token("tomasz", audience="https://cafe.example/mcp"), era)


def forged(idp: IdentityProvider, algorithm: str) -> str:
    claims = {"iss": idp.issuer, "aud": "https://desk.example/mcp", "sub": "tomasz", "scope": "desk:read"}
    claims |= {"exp": int(time.time()) + 600}  # type: ignore[dict-item]
    header = {"alg": algorithm, "kid": idp.key_id}
    body = ".".join(coded(json.dumps(part).encode()) for part in (header, claims))
    key = idp.keys[-1].as_pem(private=False)
    mark = coded(hmac.digest(key, body.encode(), "sha256")) if algorithm == "HS256" else ""
    return f"{body}.{mark}"


class TestAddressesThatPointInwards:
    """A client's id may be an address, which the desk opens; a listener inside counts who comes."""

    @pytest.mark.parametrize(
        "host",
        ["127.0.0.1", "localhost", "2130706433", "0x7f.0.0.1", "127.1", "[::ffff:127.0.0.1]", "0.0.0.0"],
    )
    async def test_a_client_id_inside(self, desk: Desk, host: str) -> None:
        came: list[str] = []

        async def note(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            came.append(host)
            writer.close()

        flow = await desk.prepare()
        async with await asyncio.start_server(note, "127.0.0.1", 0) as listener:
            port = listener.sockets[0].getsockname()[1]
            client_id = f"https://{host}:{port}/client.json"
            answer = await desk.get(desk.link(flow, client_id=client_id))
            assert answer.status_code == 400
            assert came == []
            # The listener would have noticed.
            with pytest.raises(httpx2.HTTPError):
                await desk.get(f"https://127.0.0.1:{port}/client.json")
        assert came == [host]

    async def test_its_own_metadata_names_no_other_host(self, desk: Desk) -> None:
        """Whatever the Host header says: what a client is told comes from AUTH_BASE_URL."""
        for path in ("oauth-authorization-server", "oauth-protected-resource/mcp"):
            honest = await desk.get(f"{desk.url}/.well-known/{path}")
            assert honest.status_code == 200
            lied = await desk.get(
                f"{desk.url}/.well-known/{path}",
                headers={"Host": "mallory.example", "X-Forwarded-Host": "mallory.example"},
            )
            assert "mallory" not in lied.text
            assert lied.status_code != 200 or lied.json() == honest.json()
        challenge = await desk.post("/mcp", headers=SILENT, json={})
        assert f'resource_metadata="{desk.url}/' in challenge.headers["www-authenticate"]
