"""Chapter 09c, attacks."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from mcp_workbench.course.checks.over_http import port_of, text
from mcp_workbench.course.judging import Lab, exercise, text_of
from mcp_workbench.services.serving import serve

COVER = b"\xff" * 1234


@exercise("09c.1", then="Take any https address as well, with `ssrf_safe_fetch`.")
async def covers(lab: Lab) -> None:
    await lab.tool("cover_size")
    reached: list[str] = []

    async def obey(request: Request) -> Response:
        reached.append(request.url.path)
        return Response("yes")

    async def cover(request: Request) -> Response:
        moved = request.url.path == "/moved.jpg"
        return RedirectResponse(f"{inner}/admin") if moved else Response(COVER)

    library = Starlette(routes=[Route("/{path:path}", cover)])
    port = port_of(await text(lab, "lab://covers")) or 0
    async with (
        serve(Starlette(routes=[Route("/{path:path}", obey)])) as inner,
        serve(library, port=port) as own,
    ):
        attacks = {
            "an address inside": f"{inner}/admin",
            "an address that begins with the library's, and after an @ goes on to another": (
                f"{own}@{inner.removeprefix('http://')}/admin"
            ),
            "an address of the library that redirects inside": f"{own}/moved.jpg",
        }
        size = text_of(await lab.call("cover_size", url=f"{own}/emma.jpg"))
        lab.expect(
            size == str(len(COVER)), f"the cover has {len(COVER)} bytes, and the client was told: {size}"
        )
        for attack, url in attacks.items():
            result = await lab.client.call_tool("cover_size", {"url": url}, raise_on_error=False)
            lab.expect(not reached, f"given {attack}, the tool opened the machine that is behind it")
            lab.expect(
                result.is_error, f"given {attack}, the tool must refuse, and answers: {text_of(result)}"
            )
