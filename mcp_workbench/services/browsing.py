"""A person with a browser, without the screen: cookies are kept, forms are read, a button is pressed."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Literal
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx2
from fastmcp.client.auth import OAuth
from mcp.client.auth import OAuthFlowError
from mcp.shared.auth import AuthorizationCodeResult

from mcp_workbench.errors import WorkbenchError

Kind = Literal["sign-in", "consent", "redirect", "page"]

# The forms that a Browser knows, by id: what page that is, the field of the answer, its two values.
FORMS: Mapping[str, tuple[Kind, str, str, str]] = {
    "signInForm": ("sign-in", "decision", "allow", "deny"),  # our identity provider
    "consentForm": ("consent", "action", "approve", "deny"),  # FastMCP's OAuthProxy
}
STEPS = 20  # pages and redirects of one visit, before it is said to go in a circle


@dataclass(frozen=True)
class Page:
    """One answer that the browser got. Neither port nor query is shown: both differ from run to run."""

    method: str
    status: int
    host: str
    path: str
    kind: Kind
    title: str = ""
    text: str = field(default="", repr=False)

    def __str__(self) -> str:
        title = f" {self.title!r}" if self.title else ""
        return f"{self.method} {self.host}{self.path} {self.status} {self.kind}{title}"


@dataclass(frozen=True)
class Visit:
    """What came of following one link.

    Attributes:
        pages: Everything that was answered on the way.
        location: The client's redirect URI with what it was given; "" if the browser never got there.
    """

    pages: tuple[Page, ...]
    location: str = field(default="", repr=False)

    @property
    def answer(self) -> dict[str, str]:
        """The parameters that the client is given: `code`, `state`, `iss`, or `error`."""
        return dict(parse_qsl(urlsplit(self.location).query, keep_blank_values=True))

    @property
    def asked(self) -> bool:
        """Whether the person was asked anything."""
        return any(page.kind in {"sign-in", "consent"} for page in self.pages)


class Browser:
    """A headless browser of one person, who presses Allow unless told otherwise.

    It knows two pages by their forms: the sign-in page of `identity_provider`, and the consent page of
    FastMCP's `OAuthProxy`. Cookies last as long as the object: a second visit is as silent as a real one.

    Args:
        person: Who signs in: a login of the identity provider.
        deny: The kind of page on which Deny is pressed: "sign-in", "consent", or "every".
        hosts: Names for addresses, so that pages read well: `{provider.url: "provider"}`.

    Attributes:
        pages: All pages of all visits.

    >>> browser = Browser("isla", hosts={provider.url: "provider"})
    >>> visit = await browser.visit(authorization_url)
    >>> visit.answer["code"]
    """

    def __init__(
        self,
        person: str = "isla",
        *,
        deny: Literal["", "sign-in", "consent", "every"] = "",
        hosts: Mapping[str, str] | None = None,
    ) -> None:
        self.person = person
        self.deny = deny
        self.hosts = dict(hosts or {})
        self.pages: list[Page] = []
        self._cookies = httpx2.Cookies()

    def __repr__(self) -> str:
        return f"<Browser of {self.person!r}, {len(self.pages)} pages seen>"

    def forget(self) -> None:
        """Drop all cookies, as a new private window would."""
        self._cookies = httpx2.Cookies()

    async def visit(self, url: str, *, stop_at: str = "") -> Visit:
        """Follow a link to where it leads.

        Args:
            url: The link.
            stop_at: The redirect URI of the client, which is not opened; the `redirect_uri` that the link
                itself names unless given.

        Raises:
            WorkbenchError: It leads in a circle.
        """
        stop_at = stop_at or dict(parse_qsl(urlsplit(url).query)).get("redirect_uri", "")
        seen: list[Page] = []
        # A connection of its own for each visit: nothing is left open between them.
        async with httpx2.AsyncClient(cookies=self._cookies, follow_redirects=False) as http:
            try:
                response = await http.get(url)
                for _ in range(STEPS):
                    form = _Form(response.text)
                    seen.append(self._page(response, form))
                    if location := response.headers.get("location"):
                        link = urljoin(str(response.url), location)
                        if stop_at and _same_place(link, stop_at):
                            return Visit(tuple(seen), link)
                        response = await http.get(link)
                    elif form.id in FORMS and response.status_code == httpx2.codes.OK:
                        link = urljoin(str(response.url), form.action or str(response.url))
                        response = await http.post(link, data=self._filled(form))
                    else:
                        return Visit(tuple(seen))
            finally:
                self._cookies = httpx2.Cookies(http.cookies)
                self.pages += seen
        way = " -> ".join(f"{page.host}{page.path}" for page in seen[-4:])
        raise WorkbenchError(f"the link leads in a circle: after {STEPS} steps it goes ... {way}")

    def _page(self, response: httpx2.Response, form: _Form) -> Page:
        if "location" in response.headers:
            kind: Kind = "redirect"
        else:
            kind = FORMS[form.id][0] if form.id in FORMS else "page"
        place = urlsplit(str(response.url))
        host = self.hosts.get(f"{place.scheme}://{place.netloc}", "")
        return Page(
            response.request.method, response.status_code, host, place.path, kind, form.title, response.text
        )

    def _filled(self, form: _Form) -> dict[str, str]:
        kind, name, allow, deny = FORMS[form.id]
        filled = {**form.hidden, name: deny if self.deny in (kind, "every") else allow}
        if "person" in form.choices:
            if self.person not in form.choices["person"]:
                known = ", ".join(form.choices["person"])
                raise WorkbenchError(f"nobody called {self.person!r} can sign in here: choose one of {known}")
            filled["person"] = self.person
        return filled


class BrowserOAuth(OAuth):
    """FastMCP's OAuth client with a `Browser` in the place of yours, so that the whole flow runs by itself.

    Args:
        mcp_url: The server's MCP address.
        browser: Whose browser it is; a new one of "isla" unless given. One that is kept stays signed in.
        **settings: As for `fastmcp.client.auth.OAuth`.

    Attributes:
        visit: What came of the last authorization; None before the first.

    Raises:
        OAuthFlowError: In the flow: the person denied, or the browser never came back to the client.

    >>> auth = BrowserOAuth(f"{address}/mcp", browser=Browser("tomasz"), scopes=["desk:read"])
    >>> async with Client(f"{address}/mcp", auth=auth) as client: ...

    Source: https://gofastmcp.com/clients/auth/oauth
    """

    def __init__(
        self, mcp_url: str | None = None, *, browser: Browser | None = None, **settings: Any
    ) -> None:
        self.browser = browser or Browser()
        self.visit: Visit | None = None
        super().__init__(mcp_url, **settings)

    def _bind(self, mcp_url: str) -> None:
        with warnings.catch_warnings():
            # That tokens in memory are lost at the end is what a lesson wants.
            warnings.filterwarnings("ignore", message="Using in-memory token storage")
            super()._bind(mcp_url)

    async def redirect_handler(self, authorization_url: str) -> None:
        """Let the browser follow the link."""
        self.visit = await self.browser.visit(authorization_url)

    async def callback_handler(self) -> AuthorizationCodeResult:
        """Take what the browser brought to the redirect URI."""
        assert self.visit is not None
        answer = self.visit.answer
        if "error" in answer:
            detail = answer.get("error_description", "")
            raise OAuthFlowError(f"authorization failed: {answer['error']}{detail and f' ({detail})'}")
        if "code" not in answer:
            last = self.visit.pages[-1]
            raise OAuthFlowError(f"authorization ended on a page, not at the client: {last}")
        return AuthorizationCodeResult(code=answer["code"], state=answer.get("state"), iss=answer.get("iss"))


def _same_place(link: str, redirect_uri: str) -> bool:
    a, b = urlsplit(link), urlsplit(redirect_uri)
    return (a.scheme, a.netloc, a.path) == (b.scheme, b.netloc, b.path)


class _Form(HTMLParser):
    """What a browser needs of a page: its title, and its one form."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.id = ""
        self.action = ""
        self.title = ""
        self.hidden: dict[str, str] = {}
        self.choices: dict[str, list[str]] = {}
        self._in_title = False
        self._select = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        self._in_title = tag == "title"
        if tag == "form" and not self.id:
            self.id, self.action = has.get("id", ""), has.get("action", "")
        elif tag == "input" and has.get("type") == "hidden":
            self.hidden[has.get("name", "")] = has.get("value", "")
        elif tag == "select":
            self._select = has.get("name", "")
            self.choices[self._select] = []
        elif tag == "option" and self._select:
            self.choices[self._select].append(has.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        self._in_title = False
        if tag == "select":
            self._select = ""

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data.strip()
