"""The identity provider's endpoints: HTTP, cookies and pages in front of the rules."""

# mypy: disable-error-code="import-untyped,no-untyped-call"
# (Authlib has no types)

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.requests import JsonRequest
from authlib.oauth2.rfc7591 import InvalidClientMetadataError
from starlette.applications import Starlette
from starlette.requests import Request as WebRequest
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from mcp_workbench.services.grants import Answer, Application, Authority, Person, Request, audience_of
from mcp_workbench.services.pages import consent_page, refusal_page

if TYPE_CHECKING:
    from mcp_workbench.services.identity import IdentityProvider

# Parameters whose values may be logged. Of all others (codes, tokens, secrets, state) only the name is.
OPEN = frozenset(
    "response_type client_id redirect_uri scope resource code_challenge_method grant_type "  # noqa: SIM905
    "token_type_hint prompt decision person client_name redirect_uris token_endpoint_auth_method".split()
)


@dataclass(frozen=True)
class Asked:
    """One request that the provider answered: which endpoint, with what, and how it went."""

    endpoint: str
    parameters: Mapping[str, str]
    status: int
    error: str = ""


@dataclass
class Session:
    """What a browser's cookie stands for."""

    csrf_token: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    person: Person | None = None


def application(provider: IdentityProvider) -> Starlette:
    """The web application; the provider must know its address when the first request comes."""
    web = Endpoints(provider)
    served = [
        ("/.well-known/openid-configuration", "configuration", web.configuration, ["GET"]),
        ("/.well-known/oauth-authorization-server", "configuration", web.configuration, ["GET"]),
        ("/jwks", "jwks", web.jwks, ["GET"]),
        ("/authorize", "authorize", web.authorize, ["GET", "POST"]),
        ("/token", "token", web.token, ["POST"]),
        ("/introspect", "introspect", web.introspect, ["POST"]),
        ("/revoke", "revoke", web.revoke, ["POST"]),
        ("/userinfo", "userinfo", web.userinfo, ["GET", "POST"]),
    ]
    if provider.registration:
        served.append(("/register", "register", web.register, ["POST"]))
    return Starlette(
        routes=[
            Route(path, web.logged(name, endpoint), methods=methods)
            for path, name, endpoint, methods in served
        ]
    )


class Endpoints:
    """HTTP in front of the rules."""

    def __init__(self, provider: IdentityProvider) -> None:
        self.provider = provider
        self._authority: Authority | None = None

    @property
    def authority(self) -> Authority:
        """Made at the first request: only then is the address known, and so the issuer."""
        known = self.provider
        if self._authority is None:
            self._authority = Authority(
                known.issuer, known.scopes, known.applications, known.ledger, known.issue, known.describe
            )
        return self._authority

    def logged(
        self, name: str, endpoint: Callable[[WebRequest], Awaitable[Response]]
    ) -> Callable[[WebRequest], Awaitable[Response]]:
        """The endpoint, and a line in the provider's log for each request, with nothing secret in it."""

        async def answer(request: WebRequest) -> Response:
            response = await endpoint(request)
            form = await request.form()
            said = {**request.query_params, **{k: str(v) for k, v in form.items()}}
            self.provider.requests.append(
                Asked(
                    name if request.method == "GET" or name != "authorize" else "decide",
                    {k: v if k in OPEN else "..." for k, v in said.items()},
                    response.status_code,
                    _error_in(response),
                )
            )
            return response

        return answer

    async def configuration(self, request: WebRequest) -> Response:
        return JSONResponse(self.provider.metadata())

    async def jwks(self, request: WebRequest) -> Response:
        return JSONResponse({"keys": [key.as_dict(private=False) for key in self.provider.keys]})

    async def authorize(self, request: WebRequest) -> Response:
        """Ask the person; who has signed in and allowed this application before is sent straight on."""
        known = self.provider
        asked = Request(
            "GET", known.authorization_url, request.headers, query=request.query_params.multi_items()
        )
        try:
            grant = self.authority.get_consent_grant(asked)
            try:
                resources = audience_of(asked)
            except OAuth2Error as error:
                error.redirect_uri = grant.redirect_uri
                raise
        except OAuth2Error as error:
            return self._browser(self.authority.refusal(asked, error))

        cookie = self._cookie_name
        key = request.cookies.get(cookie, "")
        session = known.sessions.get(key)
        if session is None:
            key, session = secrets.token_urlsafe(16), Session()
            known.sessions[key] = session
        application: Application = asked.client
        scopes = set(asked.scope.split())
        prompt = asked.payload.data.get("prompt", "").split()

        if request.method == "POST":
            form = await request.form()
            sent = str(form.get("csrf_token", "")).encode()
            if not secrets.compare_digest(sent, session.csrf_token.encode()):
                return HTMLResponse(
                    refusal_page(known.name, "invalid_request", "this form was not made for this browser"),
                    403,
                )
            person = session.person or known.people.get(str(form.get("person", "")))
            if person is None or form.get("decision") != "allow":
                return self._browser(self._decided(asked, grant, None))
            del known.sessions[key]  # a new key for who has signed in: the old one may be known to others
            key = secrets.token_urlsafe(16)
            known.sessions[key] = Session(person=person)
            known.consents.setdefault((person.login, application.client_id), set()).update(scopes)
            response = self._browser(self._decided(asked, grant, person))
            response.set_cookie(cookie, key, httponly=True, samesite="lax")
            return response

        person = session.person
        allowed = known.consents.get((person.login, application.client_id), set()) if person else set()
        if person and scopes <= allowed and not {"consent", "login"} & set(prompt):
            return self._browser(self._decided(asked, grant, person))
        if "none" in prompt:
            silent = OAuth2Error(error="interaction_required", redirect_uri=grant.redirect_uri)
            return self._browser(self.authority.refusal(asked, silent))
        page = HTMLResponse(
            consent_page(
                provider=known.name,
                application=application.name,
                redirect_uri=grant.redirect_uri,
                scopes=asked.scope.split(),
                resources=resources,
                person=person.name if person else None,
                people={login: somebody.name for login, somebody in known.people.items()},
                csrf_token=session.csrf_token,
            ),
            headers={"Cache-Control": "no-store", "Content-Security-Policy": "frame-ancestors 'none'"},
        )
        page.set_cookie(cookie, key, httponly=True, samesite="lax")
        return page

    @property
    def _cookie_name(self) -> str:
        """Cookies do not know ports: two providers on one host must not share a name."""
        return f"accounts_{self.provider.url.rpartition(':')[2]}"

    def _decided(self, asked: Request, grant: Any, person: Person | None) -> Answer:
        answer: Answer = self.authority.create_authorization_response(
            asked, grant_user=person.login if person else None, grant=grant
        )
        return answer

    def _browser(self, answer: Answer) -> Response:
        """An answer for a person's browser: a redirect, or a page where redirecting would not be safe."""
        if answer.location:
            # 303: after a POST, a browser may send a 307's form on, and with a 302 it may choose (RFC 9700).
            return Response(
                status_code=303, headers={"Location": answer.location, "Cache-Control": "no-store"}
            )
        error, text = answer.body["error"], answer.body.get("error_description", "")
        page = refusal_page(self.provider.name, error, text)
        return HTMLResponse(page, answer.status)

    async def token(self, request: WebRequest) -> Response:
        return _json(self.authority.create_token_response(await self._read(request)))

    async def introspect(self, request: WebRequest) -> Response:
        return _json(self.authority.create_endpoint_response("introspection", await self._read(request)))

    async def revoke(self, request: WebRequest) -> Response:
        return _json(self.authority.create_endpoint_response("revocation", await self._read(request)))

    async def register(self, request: WebRequest) -> Response:
        wanted = JsonRequest("POST", request.url.path, request.headers)
        try:
            body = await request.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            return _json(self.authority.handle_error_response(wanted, InvalidClientMetadataError()))
        wanted.payload = _Body(body)
        return _json(self.authority.create_endpoint_response("client_registration", wanted))

    async def userinfo(self, request: WebRequest) -> Response:
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        token = self.provider.ledger.access_token(value) if kind.lower() == "bearer" else None
        if token is None:
            challenge = 'Bearer error="invalid_token"' if value else "Bearer"
            return JSONResponse({"error": "invalid_token"}, 401, {"WWW-Authenticate": challenge})
        person = self.provider.people.get(token.subject)
        known = {"name": person.name, "email": person.email} if person else {}
        return JSONResponse({"sub": token.subject, **known})

    async def _read(self, request: WebRequest) -> Request:
        form = [(name, str(value)) for name, value in (await request.form()).multi_items()]
        uri = f"{self.provider.url}{request.url.path}"
        return Request("POST", uri, request.headers, form=form)


@dataclass(frozen=True)
class _Body:
    """A JSON body, where Authlib looks for it."""

    data: dict[str, Any]


def _json(answer: Answer) -> Response:
    return JSONResponse(answer.body, answer.status, answer.headers)


def _error_in(response: Response) -> str:
    """The OAuth error that a response carries, in its redirect or its JSON."""
    if location := response.headers.get("location"):
        return parse_qs(urlsplit(location).query).get("error", [""])[0]
    if isinstance(response, JSONResponse):
        return str(json.loads(bytes(response.body)).get("error", ""))
    return ""
