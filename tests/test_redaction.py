"""redact: what is secret is hidden, and nothing else."""

from __future__ import annotations

import json

import pytest

from mcp_workbench.redaction import declared_secrets, redact

HIDDEN = "(hidden)"


@pytest.mark.parametrize(
    "name",
    [
        *(
            "password",
            "db_password",
            "Passphrase",
            "client_secret",
            "clientSecret",
            "apiKey",
            "api-key",
            "X-API-Key",
        ),
        *("access_token", "refreshToken", "id_token", "token", "Authorization", "Cookie", "set-cookie"),
        *("private_key", "code_verifier", "client_assertion", "credentials", "csrf_token"),
    ],
)
def test_by_name(name: str) -> None:
    assert json.loads(redact(json.dumps({"params": [{name: "s3cr3t", "other": "seen"}]}))) == {
        "params": [{name: HIDDEN, "other": "seen"}]
    }
    assert "s3cr3t" not in redact(json.dumps({"text": json.dumps({name: "s3cr3t"})}))


@pytest.mark.parametrize(
    "text",
    [
        "Bearer abcdefghijkl.mno",
        "Basic dXNlcjpwYXNz",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----",
        "sk-" + "abcdef12" * 3,
        "ghp_abcdefghijklmnopqrst",
        "redis://user:hunter22@127.0.0.1:6379/0",
        "https://desk.example/callback?code=abcdef123&state=x",
        "https://desk.example/?access_token=abcdef123",
    ],
)
def test_by_look(text: str) -> None:
    found = json.loads(redact(json.dumps({"said": f"before {text} after"})))["said"]
    assert HIDDEN in found
    assert found.startswith("before ")
    assert found.endswith("after")
    for part in ("abcdef", "dXNl", "eyJ", "MIIE", "hunter22"):
        assert part not in found


@pytest.mark.parametrize(
    "value",
    [
        {"_meta": {"progressToken": 3}, "maxTokens": 500, "nextCursor": "abc"},
        {"inputSchema": {"properties": {"password": {"type": "string", "title": "Password"}}}},
        {"author": "Keats", "keywords": ["a basic guide", "key"], "tokens": 3, "email": "ada@desk.example"},
        {"secret": True, "password": None, "token": ""},
        {"uri": "desk://books/keats?page=2", "text": "Secretary, cookie jar, passwords are discussed"},
    ],
)
def test_the_rest_stays(value: object) -> None:
    assert json.loads(redact(json.dumps(value))) == value


def test_what_a_schema_declares() -> None:
    tools = {
        "tools": [
            {
                "inputSchema": {
                    "properties": {"door": {"type": "string", "format": "password", "writeOnly": True}}
                }
            },
            {
                "inputSchema": {
                    "properties": {"safe": {"anyOf": [{"writeOnly": True}, {"type": "null"}]}, "name": {}}
                }
            },
        ]
    }
    names = declared_secrets(tools)
    assert names == {"door", "safe"}
    assert json.loads(redact('{"door": "open", "name": "Ada"}', names)) == {"door": HIDDEN, "name": "Ada"}
    assert "open" in redact('{"door": "open"}')
