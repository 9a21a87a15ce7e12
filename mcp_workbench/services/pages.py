"""The one page of the identity provider: who are you, and do you allow this?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

FORM = "signInForm"

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 3rem auto; max-width: 34rem; padding: 0 1rem }}
</style>
</head>
<body><main>
<h1>{title}</h1>
{body}
</main></body>
</html>
"""


def consent_page(
    *,
    provider: str,
    application: str,
    redirect_uri: str,
    scopes: Iterable[str],
    resources: Sequence[str],
    person: str | None,
    people: Mapping[str, str],
    csrf_token: str,
) -> str:
    """The page that a person sees who has not allowed this before.

    Args:
        person: Who is signed in already, by full name; None shows a choice of `people` (login to name).
        csrf_token: What the form must send back, and only this browser knows.
    """
    asked = "".join(f"<li>{escape(scope)}</li>" for scope in scopes) or "<li>nothing</li>"
    where = f" at {escape(', '.join(resources))}" if resources else ""
    if person is None:
        options = "".join(f'<option value="{escape(k)}">{escape(v)}</option>' for k, v in people.items())
        who = f'<p><label>Sign in as <select name="person">{options}</select></label></p>'
    else:
        who = f"<p>You are signed in as {escape(person)}.</p>"
    return _PAGE.format(
        title=escape(f"{provider}: {'sign in and allow' if person is None else 'allow'}"),
        body=f"""<p><strong>{escape(application)}</strong> asks to act for you{where}.
It would be allowed:</p>
<ul>{asked}</ul>
<p>The answer goes to <code>{escape(redirect_uri)}</code>.</p>
<form id="{FORM}" method="post" action="">
<input type="hidden" name="csrf_token" value="{escape(csrf_token)}">
{who}
<p><button name="decision" value="allow">Allow</button> <button name="decision" value="deny">Deny</button></p>
</form>""",
    )


def refusal_page(provider: str, error: str, description: str) -> str:
    """What is shown where it would not be safe to send the browser anywhere."""
    said = f"<p><strong>{escape(error)}</strong>: {escape(description or 'no more is known')}</p>"
    return _PAGE.format(title=escape(f"{provider}: refused"), body=said)
