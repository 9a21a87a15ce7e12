"""Chapter 03, prompts."""

from __future__ import annotations

from mcp_workbench.course.judging import Lab, NotTried, NotYet, exercise


@exercise(
    "03.1", then="Give it a `days` that may be left out, a number, and say in the text how late the book is."
)
async def overdue(lab: Lab) -> None:
    prompt = await lab.prompt("overdue")
    names = [argument.name for argument in prompt.arguments or []]
    lab.expect("patron_id" in names, f"`overdue` has no argument `patron_id`; it has: {names}")
    messages = await lab.messages("overdue", patron_id="p003")
    lab.expect(
        len(messages) == 2,
        f"`overdue` must give two messages; the number of those that came: {len(messages)}",
    )
    roles = [message.role for message in messages]
    lab.expect(
        roles == ["user", "assistant"],
        f"the roles must be user and assistant, and are: {' and '.join(roles)}",
    )
    text = getattr(messages[0].content, "text", "")
    lab.expect("Emma" in text, f"the first message for p003 does not name the book, Emma: {text}")
    try:
        await lab.client.get_prompt("overdue", {"patron_id": "p999"})
    except Exception as error:
        said = str(error)
    else:
        raise NotYet("nothing is overdue for p999, and the prompt is given all the same")
    raw = said.endswith("prompt 'overdue': 'p999'")
    lab.expect(not raw, f"this is Python's error, not a sentence of yours that a visitor understands: {said}")
    lab.expect("p999" in said, f"the refusal does not name the patron p999: {said}")


@exercise("03.2", then="Complete `tone`, too: with friendly and strict.")
async def completion(lab: Lab) -> None:
    await lab.prompt("remind")
    for typed, ids in (("p01", ["p011", "p019"]), ("P003", ["p003"]), ("p9", [])):
        offered = sorted(await _offered(lab, "patron_id", typed))
        lab.expect(
            offered == ids,
            f"for {typed!r} as `patron_id`, {ids} must be offered, and the client is offered {offered}",
        )
    offered = await _offered(lab, "tone", "p")
    lab.expect(not offered, f"`tone` is no patron, and the client is offered: {offered}")


async def _offered(lab: Lab, argument: str, typed: str) -> list[str]:
    """What a client offers somebody who has typed this."""
    from mcp.types import PromptReference

    try:
        found = await lab.client.complete(PromptReference(name="remind"), {"name": argument, "value": typed})
    except Exception as error:
        if "Method not found" in str(error):
            raise NotTried(
                "this server completes nothing yet: `Method not found`, the client is told"
            ) from None
        raise NotYet(f"completing `{argument}` for {typed!r} fails: {error}") from error
    return list(found.values)
