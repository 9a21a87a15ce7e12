"""MCP022, MCP023: the OAuth proxy and the providers that are made from it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from mcp_workbench.findings import Edit, Finding
from mcp_workbench.rules.module import GUARDED, Module, Region, is_open, keywords
from mcp_workbench.rules.rule import DOCS, Rule, Target

_ALL = (
    "resource_base_url issuer_url redirect_path allowed_client_redirect_uris client_storage jwt_signing_key "
    "require_authorization_consent consent_csp_policy forward_resource fallback_refresh_token_expiry_seconds "
    "fastmcp_access_token_expiry_seconds token_expiry_threshold_seconds enable_cimd"
)
# What each class must be given, and what else it may be given besides _ALL (FastMCP 4.1).
PROVIDERS = {
    "OAuthProxy": (
        "upstream_authorization_endpoint upstream_token_endpoint upstream_client_id token_verifier base_url",
        "upstream_client_secret upstream_revocation_endpoint service_documentation_url valid_scopes "
        "forward_pkce token_endpoint_auth_method extra_authorize_params extra_token_params "
        "fallback_access_token_expiry_seconds identity_assertion",
    ),
    "OIDCProxy": (
        "config_url client_id base_url",
        "strict client_secret audience timeout_seconds token_verifier algorithm required_scopes "
        "verify_id_token valid_scopes token_endpoint_auth_method extra_authorize_params extra_token_params "
        "fallback_access_token_expiry_seconds identity_assertion",
    ),
    "Auth0Provider": (
        "config_url client_id client_secret audience base_url",
        "timeout_seconds required_scopes",
    ),
    "AWSCognitoProvider": (
        "user_pool_id client_id client_secret base_url",
        "timeout_seconds aws_region required_scopes",
    ),
    "AzureProvider": (
        "client_id tenant_id required_scopes base_url",
        "client_secret identifier_uri additional_authorize_scopes base_authority token_issuer "
        "extra_authorize_params http_client",
    ),
    "ClerkProvider": (
        "domain client_id base_url",
        "client_secret required_scopes valid_scopes timeout_seconds extra_authorize_params http_client",
    ),
    "DiscordProvider": (
        "client_id client_secret base_url",
        "required_scopes timeout_seconds http_client",
    ),
    "GitHubProvider": (
        "client_id client_secret base_url",
        "required_scopes timeout_seconds cache_ttl_seconds max_cache_size http_client",
    ),
    "GoogleProvider": (
        "client_id base_url",
        "client_secret required_scopes valid_scopes timeout_seconds cache_ttl_seconds max_cache_size "
        "extra_authorize_params http_client",
    ),
    "HuggingFaceProvider": (
        "client_id base_url",
        "client_secret required_scopes valid_scopes timeout_seconds extra_authorize_params "
        "extra_token_params http_client",
    ),
    "OCIProvider": (
        "config_url client_id client_secret base_url",
        "timeout_seconds audience required_scopes",
    ),
    "WorkOSProvider": (
        "client_id client_secret authkit_domain base_url",
        "required_scopes valid_scopes timeout_seconds extra_authorize_params http_client",
    ),
}
# Spellings of an argument that can only mean one thing.
SPELLINGS = {
    **dict.fromkeys(("signing_key", "jwt_key", "jwt_secret", "jwt_secret_key"), "jwt_signing_key"),
    **dict.fromkeys(("storage", "token_storage", "oauth_storage"), "client_storage"),
    **dict.fromkeys(("server_url", "public_url"), "base_url"),
}
CONSENT = "require_authorization_consent"
SHORT = 12  # characters of a key below which FastMCP warns
LOCAL = re.compile(r"\b(localhost|127\.0\.0\.1|0\.0\.0\.0)\b|\[::1\]")
TEST = re.compile(r"(^|[/\\])(tests?|conftest\.py|test_\w+\.py|\w+_test\.py)([/\\]|$)")


def logins(module: Module) -> Iterator[tuple[str, ast.Call, Region]]:
    """Where an OAuth proxy or a provider made from it is constructed, with the name of the class."""
    for call, _, region in module.calls_of(*PROVIDERS):
        meant = module.meaning(call.func, region) or ""
        name = meant.rpartition(".")[2]
        known = name in PROVIDERS and meant.startswith("fastmcp.server.auth.")
        if known and not region.guards & GUARDED and module.is_library_class(call, region):
            yield name, call, region


def is_local(module: Module, call: ast.Call, region: Region) -> bool:
    """Is it a login for this machine only: of a test, of `python server.py`, or with a local address?"""
    if TEST.search(module.path) or "main" in region.guards:
        return True
    given = keywords(call).get("base_url")
    found = module.origin(given.value, region) if given else None
    return found is not None and any(
        isinstance(part, ast.Constant) and isinstance(part.value, str) and LOCAL.search(part.value)
        for part in ast.walk(found.node)
    )


def is_literal(keyword: ast.keyword | None, *values: object) -> bool:
    """Is an argument written, and one of these constants?"""
    value = keyword.value if keyword else None
    return isinstance(value, ast.Constant) and any(value.value is v for v in values)


def renamed(module: Module, keyword: ast.keyword, name: str) -> Edit:
    """Another name for an argument."""
    start = module.column(keyword.lineno, keyword.col_offset)
    return Edit(keyword.lineno, start, keyword.lineno, start + len(keyword.arg or ""), name)


def _consent(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    for name, call, region in logins(module):
        given = keywords(call)
        for wrong in (w for w in given if "consent" in w and w not in (CONSENT, "consent_csp_policy")):
            yes = is_literal(given[wrong], True) and CONSENT not in given
            yield rule.at(
                module,
                given[wrong],
                f"{name} has no argument `{wrong}`",
                f"Write {CONSENT}=True, or nothing: the page is shown unless you turn it off.",
                [renamed(module, given[wrong], CONSENT)] if yes else [],
                "" if yes else "whether the page is to be shown is for you to say",
            )
        if is_literal(given.get(CONSENT), False) and not is_local(module, call, region):
            yield rule.at(
                module,
                given[CONSENT],
                f"{name} sends people to the upstream login without asking them",
                f'Leave {CONSENT} out; write "remember" to ask once in each browser, or "external" where '
                "something in front of the server asks instead.",
                unfixed="it changes what people see when they log in",
            )


NO_CONSENT = Rule(
    code="MCP022",
    name="login-without-consent",
    line="The OAuth proxy's consent page is turned off, or misspelt",
    happens=(
        f"With {CONSENT}=False FastMCP only logs 'Authorization consent screen disabled - only use for local "
        "development or testing', and /authorize leads straight to the upstream login. The argument "
        'enable_consent_screen=True that is passed around is a TypeError: "got an unexpected keyword '
        "argument "
        "'enable_consent_screen'\"."
    ),
    why=(
        "The upstream login knows one application, the proxy, and any client may register with the proxy: "
        "without the page, a link is enough for a stranger's client to be let in as whoever follows it and "
        "is logged in."
    ),
    fix=f"Leave {CONSENT} out: the page is shown by default.",
    links=(f"{DOCS}/servers/auth/oauth-proxy",),
    find=_consent,
    since=(2, 13),
)


def _key(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    for name, call, region in logins(module):
        given = keywords(call)
        if (4,) <= target.fastmcp < (4, 2):
            yield from _arguments(rule, module, name, call)
        secret = "upstream_client_secret" if name == "OAuthProxy" else "client_secret"
        needed = PROVIDERS[name][0].split()
        absent = all(k not in given or is_literal(given[k], None) for k in (secret, "jwt_signing_key"))
        misspelt = any(SPELLINGS.get(k) == "jwt_signing_key" for k in given)
        if absent and secret not in needed and call.keywords and not misspelt and not is_open(call):
            yield rule.at(
                module,
                call,
                f"{name} is given neither {secret} nor jwt_signing_key",
                'Add jwt_signing_key=os.environ["JWT_SIGNING_KEY"].',
                unfixed="the key is yours, and belongs in no source file",
            )
        key = given.get("jwt_signing_key")
        if key and _is_short(key) and not is_local(module, call, region):
            yield rule.at(
                module,
                key,
                f"a signing key of less than {SHORT} characters can be guessed",
                'Make one with secrets.token_urlsafe(32), and read it: os.environ["JWT_SIGNING_KEY"].',
                unfixed="the key is yours, and belongs in no source file",
            )


def _arguments(rule: Rule, module: Module, name: str, call: ast.Call) -> Iterator[Finding]:
    needed, others = PROVIDERS[name]
    given = keywords(call)
    if not call.keywords and not call.args:
        return  # GitHubProvider() once read its arguments from the environment: MCP121 speaks of it
    if call.args and not isinstance(call.args[0], ast.Starred):
        what = f"{name} takes its arguments by name only"
        yield rule.at(module, call.args[0], what, f"Write {needed.split()[0]}=... and so on.")
        return
    known = {*needed.split(), *others.split(), *_ALL.split()}
    for wrong in (w for w in given if w not in known and "consent" not in w):
        right = SPELLINGS.get(wrong) or _nearest(wrong, known)
        # Another name for a store or a short key would be the next finding.
        sure = wrong in SPELLINGS and right not in (*given, "client_storage") and not _is_short(given[wrong])
        yield rule.at(
            module,
            given[wrong],
            f"{name} has no argument `{wrong}`",
            f"Write {right}=..." if right else "Take it out.",
            [renamed(module, given[wrong], right)] if sure else [],
            "" if sure else "what was meant is not certain",
        )
    missing = [k for k in needed.split() if k not in given and k not in map(SPELLINGS.get, given)]
    if missing and not is_open(call):
        listed = ", ".join(missing)
        yield rule.at(module, call, f"{name} is not given {listed}", f"Add {'=..., '.join(missing)}=...")


def _is_short(key: ast.keyword) -> bool:
    text = key.value.value if isinstance(key.value, ast.Constant) else None
    return isinstance(text, str) and len(text) < SHORT


def _nearest(wrong: str, known: set[str]) -> str:
    from difflib import get_close_matches

    return next(iter(get_close_matches(wrong, sorted(known), 1, 0.7)), "")


NO_KEY = Rule(
    code="MCP023",
    name="login-without-signing-key",
    line="The OAuth proxy lacks its signing key, or another argument",
    happens=(
        "ValueError: 'jwt_signing_key is required when upstream_client_secret is not provided. The JWT "
        "signing key cannot be derived without a client secret.' Without token_verifier or base_url: "
        "TypeError, \"OAuthProxy.__init__() missing 2 required keyword-only arguments: 'token_verifier' and "
        "'base_url'\". A key of fewer than 12 characters is accepted, with a warning in the log."
    ),
    why=(
        "The proxy hands out tokens of its own and signs them; without a key it derives one from the "
        "upstream client secret, which a public client does not have."
    ),
    fix='Give it a key that stays the same across restarts: jwt_signing_key=os.environ["JWT_SIGNING_KEY"].',
    links=(f"{DOCS}/servers/auth/oauth-proxy",),
    find=_key,
    since=(2, 13),
)

RULES = (NO_CONSENT, NO_KEY)
