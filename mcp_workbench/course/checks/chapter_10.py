"""Chapter 10, icons."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from mcp_workbench.course.judging import Lab, NotTried, NotYet, exercise

DATA_URI = re.compile(r"data:image/svg\+xml;base64,(.+)")


@exercise("10.1", then="Look at it in 16 pixels, and measure the contrast of each colour to its ground.")
async def grounds(lab: Lab) -> None:
    tool = await lab.tool("renew")
    icons = tool.icons or []
    themes = sorted(str(icon.theme) for icon in icons)
    lab.expect(
        themes == ["dark", "light"],
        f"`renew` must have an icon for `light` and one for `dark`; the client sees {_themes(themes)}",
    )
    drawings = [_drawing(icon) for icon in icons]
    for icon, drawing in zip(icons, drawings, strict=True):
        which = f"the icon for `{icon.theme}`"
        lab.expect(icon.mime_type == "image/svg+xml", f"{which} says that its type is {icon.mime_type}")
        lab.expect(icon.sizes == ["any"], f"{which} says that its sizes are {icon.sizes}, not ['any']")
        lab.expect(
            re.search(r"""<svg[^>]*viewBox=(["'])0 0 24 24\1""", drawing),
            f"{which} is no <svg> with the viewBox 0 0 24 24; it begins: {drawing[:60]}",
        )
    lab.expect(drawings[0] != drawings[1], "`light` and `dark` get the same drawing, in the same colour")


def _themes(themes: list[str]) -> str:
    return f"icons for {', '.join(themes)}" if themes else "none"


def _drawing(icon: Any) -> str:
    match = DATA_URI.fullmatch(icon.src)
    try:
        return base64.b64decode(match[1], validate=True).decode() if match else _no_data_uri(icon)
    except (binascii.Error, UnicodeDecodeError):
        return _no_data_uri(icon)


def _no_data_uri(icon: Any) -> str:
    begins = f"{icon.src[:40]} ..." if len(icon.src) > 40 else icon.src
    raise NotYet(f"the icon for `{icon.theme}` is no data URI of SVG in base64; it is: {begins}")


@exercise("10.2", then="Let it choose by tag, and mount a server: do its tools have a face, too?")
async def faces(lab: Lab) -> None:
    tools = await _icons(lab.client.list_tools())
    prompts = await _icons(lab.client.list_prompts())
    for name in ("ask_a_person", "open_desk"):
        lab.expect(name in tools, f"`{name}` has gone from the list")
    if not tools["open_desk"] and not prompts.get("who_is"):
        raise NotTried("`open_desk` and `who_is` have no icon: nothing gives them one yet")
    lab.expect(tools["open_desk"], "the tool `open_desk` has no icon")
    lab.expect(prompts.get("who_is"), "the prompt `who_is` has no icon; tools have one")
    (face,) = tools["open_desk"][:1]
    own = tools["ask_a_person"]
    lab.expect(own and own != [face], "`ask_a_person` had an icon of its own, and has another one now")
    await lab.call("open_desk")
    later = (await _icons(lab.client.list_tools())).get("opened")
    lab.expect(later, "`opened`, which came later, has no icon")


async def _icons(listed: Any) -> dict[str, list[str]]:
    return {thing.name: [icon.src for icon in thing.icons or []] for thing in await listed}
