"""A small, real identity provider on loopback: OAuth 2.1 and OpenID Connect, with people who sign in."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

from joserfc import jwt
from joserfc.jwk import RSAKey

from mcp_workbench.errors import WorkbenchError
from mcp_workbench.services.endpoints import Asked, Session, application
from mcp_workbench.services.grants import CONFIDENTIAL, Application, Issue, Ledger, Person, Token
from mcp_workbench.services.serving import serve

SCOPES = ("openid", "profile", "email", "desk:read", "desk:lend", "desk:register")
REFRESH_LIFE = 30 * 24 * 3600  # seconds

PEOPLE = (
    Person("isla", "Isla Drummond", "isla@library.example"),
    Person("tomasz", "Tomasz Zielak", "tomasz@library.example"),
)


class IdentityProvider:
    """The provider while it is served; `identity_provider` makes one.

    Attributes:
        url: Where it is served. Its `issuer`, the name in its tokens, is this and a slash.
        client_id: The application that it knows from the start.
        client_secret: That application's secret, made afresh for each provider.
        people: Who can sign in, by login.
        requests: What was asked, oldest first; no secret is in it.
    """

    def __init__(
        self,
        *,
        redirect_uris: Sequence[str],
        scopes: Sequence[str],
        tokens: Literal["opaque", "jwt"],
        audience: str | None,
        expires_in: int,
        registration: bool,
        name: str,
        client_id: str,
        people: Sequence[Person],
    ) -> None:
        self.url = ""
        self.name = name
        self.scopes = tuple(scopes)
        self.audience = audience
        self.expires_in = expires_in
        self.client_id = client_id
        self.client_secret = secrets.token_urlsafe(32)
        self.people = {person.login: person for person in people}
        self.requests: list[Asked] = []
        self._tokens = tokens
        self.registration = registration
        self.ledger = Ledger()
        self.applications: dict[str, Application] = {}
        self.sessions: dict[str, Session] = {}
        self.consents: dict[tuple[str, str], set[str]] = {}
        self.keys = [_new_key()]
        self.applications[client_id] = Application(
            client_id,
            self.client_secret,
            "the library's desk",
            list(redirect_uris),
            self.scopes,
            ("authorization_code", "refresh_token", "client_credentials"),
        )

    def __repr__(self) -> str:
        return f"<IdentityProvider {self.name!r}, {self._tokens} tokens, client {self.client_id!r}>"

    @property
    def issuer(self) -> str:
        """With a slash at its end, as FastMCP and pydantic write a URL without a path: clients compare it."""
        return f"{self.url}/"

    @property
    def authorization_url(self) -> str:
        return f"{self.url}/authorize"

    @property
    def token_url(self) -> str:
        return f"{self.url}/token"

    @property
    def introspection_url(self) -> str:
        return f"{self.url}/introspect"

    @property
    def revocation_url(self) -> str:
        return f"{self.url}/revoke"

    @property
    def userinfo_url(self) -> str:
        return f"{self.url}/userinfo"

    @property
    def jwks_uri(self) -> str:
        return f"{self.url}/jwks"

    @property
    def configuration_url(self) -> str:
        return f"{self.url}/.well-known/openid-configuration"

    @property
    def key_id(self) -> str:
        """The `kid` of the key that signs now."""
        return str(self.keys[-1].kid)

    def allow_redirect(self, redirect_uri: str) -> None:
        """Let the known application be answered at one more address, compared to the letter."""
        self.applications[self.client_id].redirect_uris.append(redirect_uri)

    def token(
        self,
        subject: str = "isla",
        *,
        scopes: Sequence[str] | None = None,
        audience: str | Sequence[str] | None = None,
        expires_in: int | None = None,
        client_id: str | None = None,
        claims: Mapping[str, Any] | None = None,
    ) -> str:
        """Give an access token as the token endpoint would, without the way there.

        Args:
            subject: Whom it is about; one of `people` or any other name.
            scopes: What it allows; all of the provider's scopes unless given.
            audience: For which resource; the provider's own `audience` unless given.
            expires_in: Seconds; a negative number makes a token that has expired.
            client_id: The application that it is given to; the known one unless given.
            claims: More claims of a JWT; they win over the provider's.

        >>> provider.token("tomasz", scopes=["desk:read"], audience=f"{address}/mcp")
        """
        named = (audience,) if isinstance(audience, str) else tuple(audience or ())
        known = self.applications[self.client_id]
        owner = known if client_id is None else Application(client_id, "", client_id, [], self.scopes)
        scope = " ".join(self.scopes if scopes is None else scopes)
        return str(self.issue(Issue(owner, subject, scope, named), expires_in, claims)["access_token"])

    def revoke(self, token: str) -> None:
        """Revoke a token by the provider's own hand, as when a person leaves.

        Raises:
            WorkbenchError: It was not given by this provider.
        """
        found = self.ledger.tokens.get(token)
        if found is None:
            raise WorkbenchError("this provider has given no such token: pass the text of one that it gave")
        found.revoked = True

    def rotate_key(self, *, keep_old: bool = True) -> str:
        """Sign with a new key from now on, and give its `kid`.

        Args:
            keep_old: Leave the old keys in the JWKS, so that tokens they signed hold until they expire;
                without them those tokens are refused as soon as a resource server reads the JWKS again.
        """
        self.keys = [*(self.keys if keep_old else ()), _new_key()]
        return self.key_id

    def metadata(self) -> dict[str, Any]:
        """What the well-known documents say (RFC 8414, OpenID Connect Discovery)."""
        auth_methods = [*CONFIDENTIAL, "none"]
        return {
            "issuer": self.issuer,
            "authorization_endpoint": self.authorization_url,
            "token_endpoint": self.token_url,
            "jwks_uri": self.jwks_uri,
            "introspection_endpoint": self.introspection_url,
            "revocation_endpoint": self.revocation_url,
            "userinfo_endpoint": self.userinfo_url,
            **({"registration_endpoint": f"{self.url}/register"} if self.registration else {}),
            "scopes_supported": list(self.scopes),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": auth_methods,
            "introspection_endpoint_auth_methods_supported": list(CONFIDENTIAL),
            "revocation_endpoint_auth_methods_supported": auth_methods,
            "authorization_response_iss_parameter_supported": True,
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def issue(
        self, asked: Issue, expires_in: int | None = None, claims: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Make a token response, and write down what was given."""
        now = int(time.time())
        life = self.expires_in if expires_in is None else expires_in
        audience = asked.audience or ((self.audience,) if self.audience else ())
        given = Token(
            "access",
            secrets.token_urlsafe(32),
            asked.application.client_id,
            asked.subject,
            asked.scope,
            audience,
            now,
            now + life,
            asked.family,
        )
        if self._tokens == "jwt":
            # RFC 9068 wants an audience: where no resource is named, the client itself is it.
            said = {"aud": given.client_id, **self._claims(given), "jti": secrets.token_hex(8)}
            given.value = self._signed({**said, **(claims or {})}, "at+jwt")
        self.ledger.tokens[given.value] = given
        response: dict[str, Any] = {
            "access_token": given.value,
            "token_type": "Bearer",
            "expires_in": life,
            "scope": asked.scope,
        }
        if asked.refresh:
            refresh = Token(
                "refresh",
                secrets.token_urlsafe(32),
                given.client_id,
                given.subject,
                given.scope,
                asked.audience,
                now,
                now + REFRESH_LIFE,
                asked.family,
            )
            self.ledger.tokens[refresh.value] = refresh
            response["refresh_token"] = refresh.value
        if asked.subject in self.people and "openid" in asked.scope.split():
            about = {
                "iss": self.issuer,
                "sub": asked.subject,
                "aud": given.client_id,
                "iat": now,
                "exp": now + life,
            }
            response["id_token"] = self._signed(
                about | ({"nonce": asked.nonce} if asked.nonce else {}), "JWT"
            )
        return response

    def _claims(self, token: Token) -> dict[str, Any]:
        audience = token.audience[0] if len(token.audience) == 1 else list(token.audience)
        return {
            "iss": self.issuer,
            "sub": token.subject,
            **({"aud": audience} if audience else {}),
            "client_id": token.client_id,
            "scope": token.scope,
            "iat": token.issued_at,
            "exp": token.expires_at,
        }

    def describe(self, token: Token) -> dict[str, Any]:
        kind = {"token_type": "Bearer"} if token.kind == "access" else {}
        return {"active": True, **kind, "username": token.subject, **self._claims(token)}

    def _signed(self, claims: dict[str, Any], kind: str) -> str:
        return jwt.encode({"alg": "RS256", "kid": self.key_id, "typ": kind}, claims, self.keys[-1])


@asynccontextmanager
async def identity_provider(
    *,
    redirect_uris: Sequence[str] = (),
    scopes: Sequence[str] = SCOPES,
    tokens: Literal["opaque", "jwt"] = "opaque",
    audience: str | None = None,
    expires_in: int = 3600,
    registration: bool = False,
    name: str = "Library accounts",
    client_id: str = "library-desk",
    people: Sequence[Person] = PEOPLE,
    port: int = 0,
) -> AsyncIterator[IdentityProvider]:
    """Serve an identity provider for as long as the block runs.

    It is real: authorization code with PKCE (S256 only), refresh tokens that rotate, client credentials,
    introspection, revocation, JWKS, discovery. People sign in by choosing who they are, for no lesson needs a
    password; a browser that has signed in and allowed an application is not asked again.

    Args:
        redirect_uris: Where the known application is answered, compared to the letter.
        scopes: All that can be asked for.
        tokens: "opaque" (a resource server must ask `/introspect`) or "jwt" (it can check them itself).
        audience: The `aud` of a token whose request names no resource.
        expires_in: Seconds that an access token holds.
        registration: Serve `/register`, for clients that nobody knows yet (RFC 7591).
        name: What its page is called.
        client_id: The id of the known application.
        people: Who can sign in.
        port: As for `serve`.

    >>> async with identity_provider(tokens="jwt", audience="desk") as provider:
    ...     JWTVerifier(jwks_uri=provider.jwks_uri, issuer=provider.issuer, audience="desk")

    Source: https://datatracker.ietf.org/doc/draft-ietf-oauth-v2-1/ and RFCs 7009, 7591, 7636, 7662, 8414,
    8707, 9068, 9207, 9700
    """
    provider = IdentityProvider(
        redirect_uris=redirect_uris,
        scopes=scopes,
        tokens=tokens,
        audience=audience,
        expires_in=expires_in,
        registration=registration,
        name=name,
        client_id=client_id,
        people=people,
    )
    async with serve(application(provider), port=port) as address:
        provider.url = address
        yield provider


def _new_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": secrets.token_hex(4), "use": "sig", "alg": "RS256"})
