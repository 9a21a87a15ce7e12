"""Chapter 02, resources."""

from __future__ import annotations

import json
from typing import Any

from mcp_workbench.course.judging import Lab, NotYet, exercise

JSON = "application/json"


@exercise("02.1", then="Add a resource `loans://all` that lists the addresses of all patrons' loans.")
async def loans(lab: Lab) -> None:
    await lab.template("loans://{patron_id}")
    for patron, copies in (("p003", ["c0051", "c0058"]), ("p007", [])):
        found = await _json(lab, f"loans://{patron}")
        lab.expect(found == copies, f"loans://{patron} must give {copies}, and gives: {found}")
    said = await lab.unreadable("loans://p999")
    raw = said.endswith("resource 'loans://p999': 'p999'")
    lab.expect(not raw, f"this is Python's error, not a sentence of yours that a reader understands: {said}")
    lab.expect("p999" in said, f"the refusal does not name the patron that nobody knows: {said}")


@exercise(
    "02.2", then="Make `since://{year}{?limit}`, with a limit of at least 1, and read one with `limit=0`."
)
async def of_a_year(lab: Lab) -> None:
    await lab.template("year://{year}{?language}")
    french, english = "Vingt mille lieues", "The Mystery of Edwin Drood"
    both = sorted(await _json(lab, "year://1870"))
    lab.expect(
        both == [english, french], f"year://1870 names no language: both books are expected, and come: {both}"
    )
    one = await _json(lab, "year://1870?language=French")
    lab.expect(one == [french], f"year://1870?language=French must give the French book, and gives: {one}")
    none = await _json(lab, "year://1999")
    lab.expect(none == [], f"year://1999 must give an empty list, and gives: {none}")
    await lab.unreadable("year://soon")


async def _json(lab: Lab, uri: str) -> Any:
    """What stands at an address, where it is JSON and says so."""
    content = (await lab.read(uri))[0]
    lab.expect(content.mime_type == JSON, f"{uri} is announced as {content.mime_type}, not as {JSON}")
    text = getattr(content, "text", "(bytes)")
    try:
        return json.loads(text)
    except ValueError:
        raise NotYet(f"{uri} says that it is JSON, and is not: {text!r:.200}") from None
