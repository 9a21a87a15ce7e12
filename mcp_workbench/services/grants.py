"""The rules of the identity provider: OAuth 2.1 by Authlib's server, which knows no web framework.

Authlib checks clients, redirect URIs, scopes, PKCE and grants. What it leaves to its user is here: where
codes and tokens are kept, that S256 is the only challenge, that a second use of a code or of a rotated
refresh token revokes everything that came of the first (RFC 9700).

Source: https://docs.authlib.org/en/latest/oauth2/authorization-server/
"""

# mypy: allow-subclassing-any, disable-error-code="import-untyped,no-untyped-call,no-any-return"
# (Authlib has no types)

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from authlib.oauth2 import AuthorizationServer, OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749 import (
    AuthorizationCodeMixin,
    ClientMixin,
    InvalidRequestError,
    TokenMixin,
    grants,
)
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7591 import ClientRegistrationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from authlib.oauth2.rfc9207 import IssuerParameter

CODE_LIFE = 60  # seconds; a client redeems its code at once
CONFIDENTIAL = ("client_secret_basic", "client_secret_post")
Pairs = Iterable[tuple[str, str]]


@dataclass(frozen=True)
class Person:
    """Somebody who can sign in."""

    login: str
    name: str
    email: str


@dataclass
class Application(ClientMixin):
    """A client of the identity provider, in OAuth's sense: a program that asks to act for people."""

    client_id: str
    client_secret: str = field(repr=False)  # "" for a public client
    name: str
    redirect_uris: list[str]
    scopes: Sequence[str]
    grant_types: Sequence[str] = ("authorization_code", "refresh_token")

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> None:
        """None: a request must name its redirect URI."""

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """What a request gets: what it asks for; all of the application's scopes if it asks for none."""
        if not scope:
            return " ".join(self.scopes)
        return scope if set(scope.split()) <= set(self.scopes) else None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        return secrets.compare_digest(self.client_secret.encode(), client_secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in CONFIDENTIAL if self.client_secret else method == "none"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.grant_types


@dataclass
class Code(AuthorizationCodeMixin):
    """An authorization code, and what it was given for."""

    client_id: str
    redirect_uri: str
    scope: str
    subject: str
    audience: tuple[str, ...]
    nonce: str
    code_challenge: str
    expires_at: float
    family: str
    used: bool = False
    code_challenge_method = "S256"

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope


@dataclass
class Token(TokenMixin):
    """An access or refresh token that was given; all that came of one consent are a family."""

    kind: Literal["access", "refresh"]
    value: str = field(repr=False)
    client_id: str
    subject: str
    scope: str
    audience: tuple[str, ...]
    issued_at: int
    expires_at: int
    family: str
    revoked: bool = False

    def check_client(self, client: Application) -> bool:
        return self.client_id == client.client_id

    def get_scope(self) -> str:
        return self.scope

    def is_expired(self) -> bool:
        return self.expires_at <= time.time()

    def is_revoked(self) -> bool:
        return self.revoked


@dataclass
class Ledger:
    """What the provider has given out. It is gone with the provider."""

    codes: dict[str, Code] = field(default_factory=dict, repr=False)
    tokens: dict[str, Token] = field(default_factory=dict, repr=False)

    def revoke_family(self, family: str) -> None:
        for token in self.tokens.values():
            if token.family == family:
                token.revoked = True

    def access_token(self, value: str) -> Token | None:
        """An access token that is good now."""
        token = self.tokens.get(value)
        good = token and token.kind == "access" and not token.revoked and not token.is_expired()
        return token if good else None


@dataclass
class Answer:
    """What Authlib wants to be sent."""

    status: int
    body: Any
    headers: dict[str, str]

    @property
    def location(self) -> str | None:
        return self.headers.get("Location")

    @location.setter
    def location(self, uri: str) -> None:
        self.headers["Location"] = uri


class Request(OAuth2Request):
    """A request as Authlib reads it: headers, query, form. `payload` is the query or the form."""

    def __init__(
        self, method: str, uri: str, headers: Mapping[str, str], *, query: Pairs = (), form: Pairs = ()
    ) -> None:
        super().__init__(method, uri, headers=headers)
        self._form = dict(form)
        self.payload = _Payload(form if method == "POST" else query)

    @property
    def form(self) -> dict[str, str]:
        return self._form


class _Payload(BasicOAuth2Payload):
    """Parameters, of which a request may have smuggled in two with one name."""

    def __init__(self, pairs: Pairs) -> None:
        several: dict[str, list[str]] = {}
        for name, value in pairs:
            several.setdefault(name, []).append(value)
        super().__init__({name: values[-1] for name, values in several.items()})
        self._datalist = several


@dataclass(frozen=True)
class Issue:
    """What `issue` is asked to make tokens of."""

    application: Application
    subject: str
    scope: str
    audience: tuple[str, ...]
    family: str = field(default_factory=lambda: secrets.token_hex(8))
    nonce: str = ""
    refresh: bool = False


class Authority(AuthorizationServer):
    """Authlib's authorization server, with the ledger behind it.

    Args:
        issuer: This server's name, for the `iss` parameter of RFC 9207.
        scopes: All that can be asked for.
        applications: The clients by id; registration adds to it.
        ledger: Where codes and tokens are.
        issue: Makes the token response, and writes it into the ledger.
        describe: What introspection says of a token that is active.
    """

    def __init__(
        self,
        issuer: str,
        scopes: Sequence[str],
        applications: dict[str, Application],
        ledger: Ledger,
        issue: Callable[[Issue], dict[str, Any]],
        describe: Callable[[Token], dict[str, Any]],
    ) -> None:
        super().__init__(scopes_supported=list(scopes))
        self.applications = applications
        self.ledger = ledger
        self.issue = issue
        self.describe = describe
        self.issuer = _Issuer(issuer)
        self.register_extension(self.issuer)
        self.register_grant(_CodeGrant, [_OnlyS256(required=True)])
        self.register_grant(_RefreshGrant)
        self.register_grant(_ClientCredentialsGrant)
        self.register_endpoint(_Introspection)
        self.register_endpoint(_Revocation)
        self.register_endpoint(_Registration)

    def refusal(self, request: Request, error: OAuth2Error) -> Answer:
        """The answer to an authorization request that is refused: sent to the client where that is safe."""
        error.state = request.payload.state
        answer: Answer = self.handle_error_response(request, error)
        self.issuer.add_issuer_parameter(self, answer)
        return answer

    def query_client(self, client_id: str) -> Application | None:
        return self.applications.get(client_id)

    def save_token(self, token: dict[str, Any], request: Request) -> None:
        """Nothing: `issue` has written it down."""

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nothing: nobody listens."""

    def create_oauth2_request(self, request: Request) -> Request:
        return request

    def create_json_request(self, request: Any) -> Any:
        return request

    def handle_response(self, status: int, body: Any, headers: Pairs) -> Answer:
        return Answer(status, body, dict(headers))


class _Issuer(IssuerParameter):
    def __init__(self, issuer: str) -> None:
        self.issuer = issuer

    def get_issuer(self) -> str:
        return self.issuer


def audience_of(request: Request) -> tuple[str, ...]:
    """The resources that a request names (RFC 8707): absolute URIs without a fragment."""
    named = tuple(request.payload.datalist.get("resource", ()))
    for resource in named:
        scheme, colon, rest = resource.partition(":")
        if not (scheme and colon and rest) or "#" in resource:
            raise OAuth2Error(error="invalid_target", description="The resource is not an absolute URI.")
    return named


class _OnlyS256(CodeChallenge):
    """PKCE as OAuth 2.1 has it: always, and never `plain`, which is also what no method at all means."""

    DEFAULT_CODE_CHALLENGE_METHOD = "S256"
    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def validate_code_challenge(self, grant: Any, redirect_uri: str | None) -> None:
        if grant.request.payload.data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("PKCE with the 'code_challenge_method' S256 is required.")
        super().validate_code_challenge(grant, redirect_uri)


class _CodeGrant(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = (*CONFIDENTIAL, "none")

    def save_authorization_code(self, code: str, request: Request) -> None:
        asked = request.payload.data
        self.server.ledger.codes[code] = Code(
            client_id=request.client.client_id,
            redirect_uri=asked["redirect_uri"],
            scope=request.scope,
            subject=request.user,
            audience=audience_of(request),
            nonce=asked.get("nonce", ""),
            code_challenge=asked["code_challenge"],
            expires_at=time.time() + CODE_LIFE,
            family=secrets.token_hex(8),
        )

    def query_authorization_code(self, code: str, client: Application) -> Code | None:
        found: Code | None = self.server.ledger.codes.get(code)
        if found is None or found.client_id != client.client_id or found.expires_at <= time.time():
            return None
        if found.used:  # one of the two who have it is a thief, and nobody can tell which
            self.server.ledger.revoke_family(found.family)
            return None
        return found

    def delete_authorization_code(self, authorization_code: Code) -> None:
        authorization_code.used = True

    def authenticate_user(self, authorization_code: Code) -> str:
        return authorization_code.subject

    def generate_token(self, user: str, scope: str, include_refresh_token: bool) -> dict[str, Any]:
        code: Code = self.request.authorization_code
        narrowed = audience_of(self.request)
        if not set(narrowed) <= set(code.audience or narrowed):
            raise OAuth2Error(error="invalid_target", description="The code was given for another resource.")
        asked = Issue(
            self.request.client, user, scope, narrowed or code.audience, code.family, code.nonce,
            include_refresh_token,
        )  # fmt: skip
        return self.server.issue(asked)


class _RefreshGrant(grants.RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = (*CONFIDENTIAL, "none")
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Token | None:
        token: Token | None = self.server.ledger.tokens.get(refresh_token)
        if token is None or token.kind != "refresh" or not token.check_client(self.request.client):
            return None
        if token.revoked:  # rotated before: either the client or a thief holds a copy
            self.server.ledger.revoke_family(token.family)
            return None
        return None if token.is_expired() else token

    def authenticate_user(self, refresh_token: Token) -> str:
        return refresh_token.subject

    def revoke_old_credential(self, refresh_token: Token) -> None:
        refresh_token.revoked = True

    def generate_token(self, user: str, scope: str, include_refresh_token: bool) -> dict[str, Any]:
        old: Token = self.request.refresh_token
        asked = Issue(
            self.request.client, user, scope, old.audience, old.family, refresh=include_refresh_token
        )
        return self.server.issue(asked)


class _ClientCredentialsGrant(grants.ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = CONFIDENTIAL

    def generate_token(self, scope: str | None, include_refresh_token: bool) -> dict[str, Any]:
        application: Application = self.request.client
        granted = scope or " ".join(application.scopes)  # Authlib has checked the scope
        return self.server.issue(
            Issue(application, application.client_id, granted, audience_of(self.request))
        )


class _Introspection(IntrospectionEndpoint):
    CLIENT_AUTH_METHODS = CONFIDENTIAL

    def query_token(self, token_string: str, token_type_hint: str | None) -> Token | None:
        return self.server.ledger.tokens.get(token_string)

    def check_permission(self, token: Token, client: Application, request: Request) -> bool:
        """Whoever has a secret may ask: at this provider the resource servers are such clients."""
        return True

    def introspect_token(self, token: Token) -> dict[str, Any]:
        return self.server.describe(token)


class _Revocation(RevocationEndpoint):
    CLIENT_AUTH_METHODS = (*CONFIDENTIAL, "none")

    def query_token(self, token_string: str, token_type_hint: str | None) -> Token | None:
        return self.server.ledger.tokens.get(token_string)

    def revoke_token(self, token: Token, request: Request) -> None:
        if token.kind == "refresh":
            self.server.ledger.revoke_family(token.family)
        token.revoked = True


class _Registration(ClientRegistrationEndpoint):
    """RFC 7591, open to everybody, as MCP clients need it. (The provider serves it only when told.)"""

    def authenticate_token(self, request: Any) -> bool:
        return True

    def get_server_metadata(self) -> dict[str, Any]:
        return {}

    def generate_client_info(self, request: Any) -> dict[str, Any]:
        public = request.payload.data.get("token_endpoint_auth_method") == "none"
        identity = {"client_id": secrets.token_urlsafe(12), "client_id_issued_at": int(time.time())}
        secret = {"client_secret": secrets.token_urlsafe(32), "client_secret_expires_at": 0}
        return identity if public else identity | secret

    def save_client(self, info: dict[str, Any], metadata: dict[str, Any], request: Any) -> Application:
        if not metadata.get("redirect_uris"):
            raise InvalidRequestError("Missing 'redirect_uris'.")
        supported = self.server.scopes_supported
        application = Application(
            client_id=info["client_id"],
            client_secret=info.get("client_secret", ""),
            name=metadata.get("client_name", info["client_id"]),
            redirect_uris=list(metadata["redirect_uris"]),
            scopes=[s for s in metadata.get("scope", "").split() if s in supported] or supported,
        )
        self.server.applications[application.client_id] = application
        return application
