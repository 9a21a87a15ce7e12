"""Chapter 11b, from OpenAPI."""

from __future__ import annotations

import json
from collections.abc import Iterable

from mcp_workbench.course.judging import Lab, NotTried, NotYet, exercise


@exercise(
    "11b.1", then="Put a route `/payroll` into `office_document`, make it anew: does a client find that?"
)
async def staff(lab: Lab) -> None:
    tools = {tool.name: tool for tool in await lab.client.list_tools()}
    resources = {resource.name: str(resource.uri) for resource in await lab.client.list_resources()}
    templates = [template.name for template in await lab.client.list_resource_templates()]
    if not tools and not resources and not templates:
        raise NotTried("a client finds nothing of the office on this server yet")
    lab.expect("read_budget" not in tools, "a client finds `read_budget` as a tool, not as a resource")
    lab.expect("read_budget" in resources, f"no resource `read_budget`; there is {_listed(resources)}")
    lab.expect("cancel_order" in tools, f"no tool `cancel_order`; there is {_listed(tools)}")
    others = sorted({*tools, *resources, *templates} - {"read_budget", "cancel_order"})
    lab.expect(not others, f"besides `read_budget` and `cancel_order` a client finds {_listed(others)}")
    hints = tools["cancel_order"].annotations
    lab.expect(hints and hints.destructive_hint, "`cancel_order` is not marked as destructive")
    text = (await lab.read(resources["read_budget"]))[0].text
    try:
        left = json.loads(text)["left_pence"]
    except (ValueError, KeyError, TypeError):
        raise NotYet(f"`read_budget` must give the office's budget; the client read: {text}") from None
    lab.expect(left > 0, f"`read_budget` says that nothing is left: {text}")
    said = await lab.refused("cancel_order", order_id="A-1001")
    lab.expect("409" in said or "sent" in said, f"A-1001 is sent; the office's refusal is expected: {said}")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"
