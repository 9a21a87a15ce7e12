"""The providers that ship with FastMCP: the table of chapter 09d, each made, and where it sends people."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import pkgutil
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from unittest.mock import patch

import httpx2
import pytest
from conftest import ROOT
from fastmcp import Client, FastMCP
from fastmcp.server.auth import AuthProvider, OAuthProxy, RemoteAuthProvider, StaticTokenVerifier
from fastmcp.server.auth import providers as shipped
from fastmcp.server.auth.oidc_proxy import OIDCConfiguration, OIDCProxy
from fastmcp.server.auth.providers.auth0 import Auth0Provider
from fastmcp.server.dependencies import get_access_token
from key_value.aio.stores.memory import MemoryStore

from mcp_workbench.services import (
    Browser,
    BrowserOAuth,
    IdentityProvider,
    free_port,
    identity_provider,
    serve,
)

BASE = "https://desk.example"
CALLBACK = "http://localhost:1/callback"


@dataclass(frozen=True)
class Shipped:
    """A provider class, what it must be given, and what the table says about it.

    Attributes:
        sends_to: Where a proxy sends people; for a remote one, the authorization server that it names.
        audience: What its verifier wants of a token; "none" where it checks no audience.
    """

    module: str
    sends_to: str = ""
    audience: Any = "none"
    settings: Mapping[str, Any] = field(default_factory=dict)


OFFLINE = {
    "GitHubProvider": Shipped("github", "https://github.com/login/oauth/authorize"),
    "GoogleProvider": Shipped("google", "https://accounts.google.com/o/oauth2/v2/auth", "id"),
    "AzureProvider": Shipped(
        "azure",
        "https://login.microsoftonline.com/tenant/oauth2/v2.0/authorize",
        ["id", "api://id"],
        {"tenant_id": "tenant", "required_scopes": ["read"]},
    ),
    "DiscordProvider": Shipped("discord", "https://discord.com/oauth2/authorize"),
    "HuggingFaceProvider": Shipped("huggingface", "https://huggingface.co/oauth/authorize"),
    "ClerkProvider": Shipped(
        "clerk", "https://x.clerk.example/oauth/authorize", settings={"domain": "x.clerk.example"}
    ),
    "WorkOSProvider": Shipped(
        "workos",
        "https://x.authkit.example/oauth2/authorize",
        settings={"authkit_domain": "x.authkit.example"},
    ),
    "AuthKitProvider": Shipped(
        "workos",
        "https://x.authkit.example",
        f"{BASE}/mcp",
        {"authkit_domain": "https://x.authkit.example"},
    ),
    "KeycloakAuthProvider": Shipped(
        "keycloak", "https://k.example/realms/r", settings={"realm_url": "https://k.example/realms/r"}
    ),
    "SupabaseProvider": Shipped(
        "supabase", "https://x.supabase.example/auth/v1", "authenticated",
        {"project_url": "https://x.supabase.example"},
    ),
    "DescopeProvider": Shipped(
        "descope",
        "https://api.descope.example/v1/apps/agentic/P1/M1",
        "P1",
        {"config_url": "https://api.descope.example/v1/apps/agentic/P1/M1/.well-known/openid-configuration"},
    ),
    "ScalekitProvider": Shipped(
        "scalekit",
        "https://x.scalekit.example/resources/res_1",
        "res_1",
        {"environment_url": "https://x.scalekit.example", "resource_id": "res_1"},
    ),
    "PropelAuthProvider": Shipped(
        "propelauth",
        "https://a.example/oauth/2.1",
        settings={
            "auth_url": "https://a.example",
            "introspection_client_id": "id",
            "introspection_client_secret": "secret",
        },
    ),
}  # fmt: skip

DISCOVERED = {
    "Auth0Provider": Shipped("auth0", audience="desk", settings={"audience": "desk"}),
    "Auth0MCPProvider": Shipped("auth0", audience=f"{BASE}/mcp"),
    "AWSCognitoProvider": Shipped("aws", settings={"user_pool_id": "eu-central-1_Pool"}),
    "OCIProvider": Shipped("oci"),
}


def made(name: str, **more: Any) -> Any:
    """An instance, with the settings that every class of its kind takes."""
    case = (OFFLINE | DISCOVERED)[name]
    cls = getattr(importlib.import_module(f"{shipped.__name__}.{case.module}"), name)
    takes = inspect.signature(cls).parameters
    common = {"client_id": "id", "client_secret": "a-secret-of-the-desk", "client_storage": MemoryStore()}
    known = {key: value for key, value in common.items() if key in takes}
    return cls(**{"base_url": BASE, **known, **case.settings, **more})


def kind_of(provider: AuthProvider) -> str:
    if isinstance(provider, OIDCProxy):
        return "OIDC proxy"
    if isinstance(provider, OAuthProxy):
        return "proxy"
    assert isinstance(provider, RemoteAuthProvider)
    return "remote"


def audience_of(provider: Any) -> Any:
    provider.set_mcp_path("/mcp")  # as http_app does
    remote = isinstance(provider, RemoteAuthProvider)
    verifier = provider.token_verifier if remote else provider._token_validator
    found = getattr(verifier, "audience", None)
    return "none" if found is None else found


async def sends_to(provider: OAuthProxy) -> httpx2.URL:
    """Where the browser of a client that registered is sent: read, not followed."""
    app = FastMCP("desk", auth=provider).http_app()
    async with serve(app) as url, httpx2.AsyncClient(base_url=url) as http:
        registered = (await http.post("/register", json={"redirect_uris": [CALLBACK]})).json()
        asked = {"client_id": registered["client_id"], "redirect_uri": CALLBACK, "response_type": "code"}
        answer = await http.get("/authorize", params=asked | {"code_challenge": "x" * 43})
    return httpx2.URL(answer.headers["location"])


@contextmanager
def no_network() -> Iterator[None]:
    def refuse(*arguments: Any, **_: Any) -> Any:
        raise AssertionError(f"it went to the network: {arguments[:2]}")

    with patch.object(socket.socket, "connect", refuse), patch.object(socket, "getaddrinfo", refuse):
        yield


# The table of the chapter


def chapter() -> dict[str, str]:
    notebook = json.loads((ROOT / "notebooks" / "09d_authorization_servers.ipynb").read_text("utf-8"))
    return {cell["id"]: "".join(cell["source"]) for cell in notebook["cells"]}


def table() -> dict[str, tuple[str, str]]:
    """Class: kind, and where people sign in."""
    rows = re.findall(r"^\| `?(\w+)`? \| ([\w ]+) \| `?([^|`]+?)`? \|", chapter()["providers"], re.MULTILINE)
    return {name: (kind, place) for name, kind, place in rows if name != "class"}


def test_the_table_and_these_tests_are_about_the_same() -> None:
    assert table().keys() == OFFLINE.keys() | DISCOVERED.keys() | {"Facebook"}


def test_the_table_is_complete() -> None:
    """Every module of the folder is in it or said to be none, and so is every provider class in them."""
    modules = {module.name for module in pkgutil.iter_modules(shipped.__path__)}
    without = chapter()["providers"].partition("The other modules of")[2]
    others = set(re.findall(r"`(\w+)`", without))
    assert others == {"jwt", "introspection", "in_memory", "debug"}
    assert modules == {case.module for case in (OFFLINE | DISCOVERED).values()} | others
    classes = set()
    for module in modules:
        found = importlib.import_module(f"{shipped.__name__}.{module}")
        for name, cls in vars(found).items():
            if inspect.isclass(cls) and cls.__module__ == found.__name__ and name.endswith("Provider"):
                assert issubclass(cls, AuthProvider)
                classes.add(name)
    assert classes - {"InMemoryOAuthProvider"} == OFFLINE.keys() | DISCOVERED.keys()


@pytest.mark.parametrize("name", OFFLINE)
async def test_made_without_a_network(name: str) -> None:
    case = OFFLINE[name]
    kind, place = table()[name]
    consent = {"require_authorization_consent": False} if kind != "remote" else {}
    with no_network():
        provider = made(name, **consent)
    assert kind_of(provider) == kind
    assert audience_of(provider) == case.audience
    if kind == "remote":
        (server,) = provider.authorization_servers
        assert str(server) == case.sends_to
    else:
        link = await sends_to(provider)
        assert f"https://{link.host}{link.path}" == case.sends_to
        assert link.params["client_id"] == "id"
        assert link.params["code_challenge_method"] == "S256"
    host = httpx2.URL(case.sends_to).host
    if "." in place:
        assert host == place
    else:  # the name of the setting that says where
        assert host in str(case.settings[place])


@pytest.mark.parametrize(
    "name", [name for name, (kind, _) in table().items() if name in OFFLINE and kind == "proxy"]
)
def test_a_proxy_asks_for_consent_unless_told_otherwise(name: str) -> None:
    assert made(name)._require_authorization_consent is True


async def test_facebook_has_no_class_and_needs_none() -> None:
    """Only the generic proxy knows the way, with the addresses that are given to it."""
    assert not [module.name for module in pkgutil.iter_modules(shipped.__path__) if "facebook" in module.name]
    with no_network():
        provider = OAuthProxy(
            upstream_authorization_endpoint="https://www.facebook.com/v23.0/dialog/oauth",
            upstream_token_endpoint="https://graph.facebook.com/v23.0/oauth/access_token",
            upstream_client_id="id",
            upstream_client_secret="a-secret-of-the-desk",
            token_verifier=StaticTokenVerifier({}, required_scopes=["email"]),
            base_url=BASE,
            client_storage=MemoryStore(),
            require_authorization_consent=False,
        )
    link = await sends_to(provider)
    assert table()["Facebook"] == (kind_of(provider), link.host)
    assert (link.path, link.params["scope"]) == ("/v23.0/dialog/oauth", "email")


# Those that read the provider's description when they are made


@contextmanager
def cognito_at(idp_url: str, asked: list[str]) -> Iterator[None]:
    """Read Cognito's description from another address: its own is built from the region and the pool."""
    real = OIDCConfiguration.get_oidc_configuration

    def get(config_url: Any, **settings: Any) -> OIDCConfiguration:
        asked.append(str(config_url))
        return real(idp_url, **settings)

    with patch.object(OIDCConfiguration, "get_oidc_configuration", get):
        yield


def discovered(name: str, config_url: str, asked: list[str]) -> Any:
    if name == "AWSCognitoProvider":
        with cognito_at(config_url, asked):
            return made(name)
    asked.append(config_url)
    return made(name, config_url=config_url)


@pytest.mark.parametrize("name", DISCOVERED)
async def test_it_finds_what_it_needs_by_discovery(name: str) -> None:
    asked: list[str] = []
    async with identity_provider(tokens="jwt") as idp:
        # In a thread: it blocks, and the provider is served by this loop.
        provider = await asyncio.to_thread(discovered, name, idp.configuration_url, asked)
        assert [request.endpoint for request in idp.requests] == ["configuration"]
        assert table()[name] == (kind_of(provider), "discovered")
        assert audience_of(provider) == DISCOVERED[name].audience
        if kind_of(provider) == "remote":
            assert [str(server) for server in provider.authorization_servers] == [idp.issuer]
        else:
            provider._require_authorization_consent = False
            link = await sends_to(provider)
            assert str(link.copy_with(query=None)) == idp.authorization_url
    if name == "AWSCognitoProvider":
        pool = "eu-central-1_Pool/.well-known/openid-configuration"
        assert asked == [f"https://cognito-idp.eu-central-1.amazonaws.com/{pool}"]


@pytest.mark.parametrize("name", DISCOVERED)
def test_without_the_network_it_is_not_made(name: str) -> None:
    with pytest.raises(httpx2.ConnectError):
        discovered(name, f"http://127.0.0.1:{free_port()}/.well-known/openid-configuration", [])


@pytest.mark.parametrize("era", ["auto", "legacy"])
async def test_a_person_signs_in_through_a_shipped_class(era: Literal["auto", "legacy"]) -> None:
    """The whole way through Auth0's class, with our provider in Auth0's place."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"

    def auth0(idp: IdentityProvider) -> Auth0Provider:
        return Auth0Provider(
            config_url=idp.configuration_url,
            client_id=idp.client_id,
            client_secret=idp.client_secret,
            audience=f"{base}/mcp",
            base_url=base,
            client_storage=MemoryStore(),
        )

    def whoami() -> str:
        token = get_access_token()
        assert token is not None
        return str(token.claims["sub"])

    async with identity_provider(tokens="jwt", redirect_uris=[f"{base}/auth/callback"]) as idp:
        desk = FastMCP("desk", tools=[whoami], auth=await asyncio.to_thread(auth0, idp))
        async with serve(desk.http_app(), port=port):
            auth = BrowserOAuth(browser=Browser("tomasz"))
            async with Client(f"{base}/mcp", auth=auth, mode=era) as client:
                assert (await client.call_tool("whoami")).data == "tomasz"


# What the table says about single ones


def test_azure_wants_a_tenant_and_a_scope_of_its_own() -> None:
    for missing in ("tenant_id", "required_scopes"):
        settings = {k: v for k, v in OFFLINE["AzureProvider"].settings.items() if k != missing}
        without = patch.dict(OFFLINE, AzureProvider=Shipped("azure", settings=settings))
        with without, pytest.raises(TypeError, match=missing):
            made("AzureProvider")
    with pytest.raises(ValueError, match="at least one non-OIDC scope"):
        made("AzureProvider", required_scopes=["openid"])


def test_a_proxy_without_a_secret_needs_a_signing_key() -> None:
    with pytest.raises(ValueError, match="jwt_signing_key"):
        made("HuggingFaceProvider", client_secret=None)
    assert made("HuggingFaceProvider", client_secret=None, jwt_signing_key=b"k" * 32)


@pytest.mark.parametrize("domain", ["x.authkit.example", "https://x.authkit.example"])
async def test_workos_takes_its_domain_either_way(domain: str) -> None:
    link = await sends_to(made("WorkOSProvider", authkit_domain=domain, require_authorization_consent=False))
    assert str(link.copy_with(query=None)) == OFFLINE["WorkOSProvider"].sends_to


async def test_clerk_takes_its_domain_without_https() -> None:
    link = await sends_to(
        made("ClerkProvider", domain="https://x.clerk.example", require_authorization_consent=False)
    )
    assert link.host == "https"  # https://https://..., which FastMCP 4.1.2 does not notice


def test_audiences_that_one_may_give() -> None:
    assert audience_of(made("KeycloakAuthProvider", audience="desk")) == "desk"
    assert made("PropelAuthProvider").token_verifier.introspection_url.startswith("https://a.example/")
    with pytest.raises(TypeError, match="audience"):
        Auth0Provider(config_url="x", client_id="id", client_secret="s", base_url=BASE)  # type: ignore[call-arg]
    aws = importlib.import_module(f"{shipped.__name__}.aws").AWSCognitoProvider
    assert inspect.signature(aws).parameters["aws_region"].default == "eu-central-1"
