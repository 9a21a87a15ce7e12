"""The examples of MCP022, MCP023: servers that go wrong, and servers that do not."""

from __future__ import annotations

from mcp_workbench.rules.rule import Example

PROXY = """\
from fastmcp import FastMCP
from fastmcp.server.auth import OAuthProxy, StaticTokenVerifier

login = OAuthProxy(
    upstream_authorization_endpoint="https://login.example.org/authorize",
    upstream_token_endpoint="https://login.example.org/token",
    upstream_client_id="desk",
{given}
    token_verifier=StaticTokenVerifier(tokens={{}}),
    base_url="{base}",
)
mcp = FastMCP("desk", auth=login)
"""

OPEN = "https://desk.example.org"

FROM_UPSTREAM = '    upstream_client_secret="from-the-environment",'


def _proxy(*given: str, base: str = OPEN) -> str:
    """A login with these further arguments."""
    lines = "\n".join([FROM_UPSTREAM, *(f"    {line}," for line in given)])
    return PROXY.format(given=lines, base=base)


AUTHORIZE = """\
from starlette.testclient import TestClient
redirect = "http://localhost:9/callback"
with TestClient(mcp.http_app(), base_url=str(login.base_url)) as web:
    asked = {"redirect_uris": [redirect], "token_endpoint_auth_method": "none"}
    known = web.post("/register", json=asked).json()["client_id"]
    query = {"client_id": known, "redirect_uri": redirect, "response_type": "code", "state": "s"}
    query |= {"code_challenge": "c" * 43, "code_challenge_method": "S256"}
    sent = web.get("/authorize", params=query, follow_redirects=False)
print("sent to", sent.headers["location"].partition("?")[0])
"""

GOOGLE = """\
from fastmcp import FastMCP
from fastmcp.server.auth.providers.google import GoogleProvider

login = GoogleProvider(client_id="desk", base_url="https://desk.example.org")
mcp = FastMCP("desk", auth=login)
"""

KEY = 'jwt_signing_key="read-it-from-the-environment"'

BAD: dict[str, tuple[Example, ...]] = {
    "MCP022": (
        Example(
            _proxy("require_authorization_consent=False"),
            does=AUTHORIZE,
            shows="sent to https://login.example.org/authorize",
        ),
        Example(
            _proxy("enable_consent_screen=True"),
            shows=r"TypeError: OAuthProxy.__init__\(\) got an unexpected keyword argument "
            "'enable_consent_screen'",
        ),
        Example(
            "from fastmcp import FastMCP\nfrom fastmcp.server.auth.providers.github import GitHubProvider\n\n"
            'login = GitHubProvider(\n    client_id="desk",\n    client_secret="from-the-environment",\n'
            f'    base_url="{OPEN}",\n    enable_consent_screen=True,\n)\n'
            'mcp = FastMCP("desk", auth=login)\n',
            shows=r"TypeError: GitHubProvider.__init__\(\) got an unexpected keyword argument "
            "'enable_consent_screen'",
        ),
    ),
    "MCP023": (
        Example(
            _proxy().replace(f"{FROM_UPSTREAM}\n", ""),
            shows="ValueError: jwt_signing_key is required when upstream_client_secret is not provided",
        ),
        Example(GOOGLE, shows="ValueError: jwt_signing_key is required when upstream_client_secret"),
        Example(
            _proxy(KEY)
            .replace("    token_verifier=StaticTokenVerifier(tokens={}),\n", "")
            .replace(f'    base_url="{OPEN}",\n', "")
            .replace(", StaticTokenVerifier", ""),
            shows="TypeError: .* missing 2 required keyword-only arguments: 'token_verifier' and 'base_url'",
        ),
        Example(
            _proxy('signing_key="read-it-from-the-environment"'),
            shows=r"TypeError: OAuthProxy.__init__\(\) got an unexpected keyword argument 'signing_key'",
        ),
        Example(
            GOOGLE.replace("client_id=", 'client_secret="s", redirect_uri="/auth", client_id='),
            shows="got an unexpected keyword argument 'redirect_uri'",
        ),
        Example(
            _proxy('jwt_signing_key="books"'),
            shows="jwt_signing_key is less than 12",
        ),
    ),
}

GOOD: dict[str, tuple[Example, ...]] = {
    "MCP022": (
        Example(_proxy(), does=AUTHORIZE, shows="sent to https://desk.example.org/consent"),
        Example(
            _proxy('require_authorization_consent="remember"'),
            does=AUTHORIZE,
            shows="sent to https://desk.example.org/consent",
        ),
        Example(  # whoever runs it says that something else asks
            _proxy('require_authorization_consent="external"'),
            does=AUTHORIZE,
            shows="sent to https://login.example.org/authorize",
        ),
        Example(  # a login that serves only this machine
            _proxy("require_authorization_consent=False", base="http://localhost:8000"),
            does=AUTHORIZE,
            shows="sent to https://login.example.org/authorize",
        ),
        Example(  # a class of one's own, with arguments of its own
            _proxy("enable_consent_screen=False")
            .replace(
                "\nlogin = OAuthProxy(",
                "\n\nclass Login(OAuthProxy):\n"
                "    def __init__(self, enable_consent_screen: bool, **options: object) -> None:\n"
                "        super().__init__(**options, "
                "require_authorization_consent=enable_consent_screen)\n\n\nlogin = Login(",
            )
            .replace("enable_consent_screen=False", "enable_consent_screen=True"),
            does=AUTHORIZE,
            shows="sent to https://desk.example.org/consent",
        ),
    ),
    "MCP023": (
        Example(_proxy(KEY), does=AUTHORIZE, shows="sent to https://desk.example.org/consent"),
        Example(
            _proxy(), does=AUTHORIZE, shows="sent to https://desk.example.org/consent"
        ),  # from the secret
        Example(
            GOOGLE.replace("client_id=", f"{KEY}, client_id="),
            does=AUTHORIZE,
            shows="sent to https://desk.example.org/consent",
        ),
        Example(  # what is needed comes from elsewhere
            "from fastmcp import FastMCP\n"
            "from fastmcp.server.auth.providers.google import GoogleProvider\n\n"
            'settings = {"client_secret": "from-the-environment", "base_url": "https://desk.example.org"}\n'
            'login = GoogleProvider(client_id="desk", **settings)\n'
            'mcp = FastMCP("desk", auth=login)\n',
            does=AUTHORIZE,
            shows="sent to https://desk.example.org/consent",
        ),
    ),
}
