"""Take secrets out of JSON before anything keeps it: by the name of a field, and by the look of a text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

HIDDEN = "(hidden)"
NAMES = (
    r"authorization|proxy-authorization|cookie|set-cookie|token"
    r"|[\w-]*(?:password|passwd|passphrase|secret|api[-_]?key|private[-_]?key|credentials?|code[-_]?verifier)"
    r"|[\w-]*(?:access|refresh|id|auth|bearer|session|api|csrf)[-_]?token|client[-_]?assertion"
)
SECRET_NAME = re.compile(NAMES, re.IGNORECASE)
LOOKS = (
    (re.compile(r"\b(Bearer|Basic|DPoP)\s+[\w.~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"\beyJ[\w-]{4,}\.[\w-]{4,}\.[\w-]*"), HIDDEN),  # a JSON Web Token, RFC 7519
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*-----|\Z)", re.DOTALL), HIDDEN),
    (re.compile(r"\b(?:sk|pk|rk)[-_](?:live_|test_|proj-|ant-)?[\w-]{16,}|\bgh[opsur]_\w{16,}"), HIDDEN),
    (re.compile(r"(\w://[^/\s:@]*:)[^/\s@]+@"), rf"\1{HIDDEN}@"),  # user:password in an address, RFC 3986
    (re.compile(rf"([?&#](?:{NAMES}|code|key)=)[^&\s\"'#]+", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(rf"(\"(?:{NAMES})\"\s*:\s*)\"(?:[^\"\\]|\\.)*\"", re.IGNORECASE), rf'\1"{HIDDEN}"'),
)
# Without one of these in its lower-case text, a message has nothing to hide; most are let through so.
SIGNS = (
    *(
        'token"',
        "token=",
        'token\\"',
        "passw",
        "passphrase",
        "secret",
        "authorization",
        "cookie",
        "credential",
    ),
    *("apikey", "api_key", "api-key", "privatekey", "private_key", "private-key", "private key", "key="),
    *("verifier", "assertion", "bearer ", "basic ", "dpop ", "eyj", "@", "code="),
    *("sk-", "sk_", "pk-", "pk_", "rk-", "rk_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
)


def redact(text: str, names: Iterable[str] = ()) -> str:
    """A JSON text in which (hidden) stands for what is secret.

    Args:
        text: A JSON value.
        names: Names of fields that are secret too, such as `declared_secrets` finds.

    >>> redact('{"user": "ada", "password": "lovelace"}')
    '{"user": "ada", "password": "(hidden)"}'
    """
    known = frozenset(names)
    lowered = text.lower().replace("progresstoken", "")  # most requests have one, and it is no secret
    if not any(sign in lowered for sign in SIGNS) and not any(name.lower() in lowered for name in known):
        return text
    return json.dumps(redacted(json.loads(text), known), ensure_ascii=False)


def redacted(value: Any, names: frozenset[str] = frozenset()) -> Any:
    """The same of a value that is parsed already."""
    if isinstance(value, dict):
        return {
            key: HIDDEN if _is_secret(key, names) and _is_said(item) else redacted(item, names)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [redacted(item, names) for item in value]
    return _without_secrets(value) if isinstance(value, str) else value


def _is_secret(key: str, names: frozenset[str]) -> bool:
    return key in names or SECRET_NAME.fullmatch(key) is not None


def _is_said(value: Any) -> bool:
    """Is it a secret, and not the schema of one, a flag, or nothing?"""
    if isinstance(value, list):
        return bool(value) and all(map(_is_said, value))
    return value not in (None, "") and isinstance(value, str | int | float) and not isinstance(value, bool)


def _without_secrets(text: str) -> str:
    for look, instead in LOOKS:
        text = look.sub(instead, text)
    return text


def declared_secrets(value: Any) -> frozenset[str]:
    """The names of properties that the schemas in a message declare secret, as Pydantic does for SecretStr.

    >>> sorted(declared_secrets({"properties": {"door": {"type": "string", "writeOnly": True}}}))
    ['door']
    """
    if isinstance(value, list):
        return frozenset().union(*map(declared_secrets, value))
    if not isinstance(value, dict):
        return frozenset()
    found = frozenset().union(*map(declared_secrets, value.values()))
    properties = value.get("properties")
    if isinstance(properties, dict):
        found |= {name for name, schema in properties.items() if _declares(schema)}
    return found


def _declares(schema: Any) -> bool:
    if not isinstance(schema, dict):
        return False
    if schema.get("writeOnly") is True or schema.get("format") == "password":
        return True
    choices = [*schema.get("anyOf", ()), *schema.get("oneOf", ()), schema.get("items")]
    return any(map(_declares, choices))
