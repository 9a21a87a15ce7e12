"""The examples of MCP017: servers that go wrong, and servers that do not."""

from __future__ import annotations

from mcp_workbench.rules.rule import Example

WRITTEN = """\
from fastapi import FastAPI
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.tool
def branches() -> list[str]:
    return ["Harbour", "Hill"]


{app}
"""

ASKED = """\
from starlette.testclient import TestClient
ask = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}}}
ask["params"] |= {"protocolVersion": "2025-06-18", "clientInfo": {"name": "reader", "version": "1"}}
accept = {"accept": "application/json, text/event-stream"}
with TestClient(app, base_url="http://localhost") as web:
    print("answered", web.post("/mcp", json=ask, headers=accept).status_code)
"""

NOT_STARTED = "RuntimeError: FastMCP's StreamableHTTPSessionManager task group was not initialized"

ONCE = ("sessionless",)  # what is asked does not differ


def _written(app: str, does: str = ASKED, shows: str = "answered 200") -> Example:
    code = WRITTEN.replace("{app}", app)
    if "Starlette" in app:
        code = code.replace(
            "from fastapi import FastAPI\nfrom fastmcp import FastMCP\n",
            "from fastmcp import FastMCP\nfrom starlette.applications import Starlette\n"
            "from starlette.routing import Mount\n",
        )
    return Example(code, does=does, shows=shows, eras=ONCE)


OWN = """\
import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI
from fastmcp import FastMCP
{imports}
mcp = FastMCP("desk")


@contextlib.asynccontextmanager
async def open_the_doors(app: FastAPI) -> AsyncIterator[None]:
    print("doors open")
    {runs}


mcp_app = mcp.http_app(path="/mcp")
app = FastAPI(lifespan={lifespan})
app.mount("/", mcp_app)
"""


def _own(runs: str = "yield", lifespan: str = "open_the_doors", imports: str = "") -> str:
    return OWN.format(runs=runs, lifespan=lifespan, imports=imports)


DESK = 'from fastmcp import FastMCP\n\nmcp = FastMCP("desk")\nmcp_app = mcp.http_app(path="/mcp")\n'


def _project(imports: str, app: str, shows: str) -> Example:
    """A server in a file, the web application in another."""
    web = f'from fastapi import FastAPI\n\n{imports}\n\n{app}\napp.mount("/", mcp_app)\n'
    return Example(
        f"from website import app\n\n{ASKED}",
        command="python",
        shows=shows,
        files={"desk.py": DESK, "website.py": web},
    )


BAD: dict[str, tuple[Example, ...]] = {
    "MCP017": (
        _written(
            'app = FastAPI()\napp.mount("/", mcp.http_app(path="/mcp"))',
            shows=NOT_STARTED,
        ),
        _written(
            'mcp_app = mcp.http_app(path="/mcp")\napp = FastAPI(title="The library")\napp.mount("/", '
            "mcp_app)",
            shows=NOT_STARTED,
        ),
        _written(
            'app = FastAPI(lifespan=mcp.lifespan)\napp.mount("/", mcp.http_app(path="/mcp"))',
            shows=r"TypeError: AggregateProvider.lifespan\(\) takes 1 positional argument but 2 were given",
        ),
        _written(
            'mcp_app = mcp.http_app(path="/mcp")\napp = FastAPI(lifespan=mcp.http_app().lifespan)\n'
            'app.mount("/", mcp_app)',
            shows=NOT_STARTED,
        ),
        _written(
            'app = Starlette(routes=[Mount("/", app=mcp.http_app(path="/mcp"))])',
            shows=NOT_STARTED,
        ),
        Example(_own(), does=ASKED, shows=f"doors open.*{NOT_STARTED}", eras=ONCE),
        Example(
            _own(
                lifespan="combine_lifespans(open_the_doors, mcp.lifespan)",
                imports="from fastmcp.utilities.lifespan import combine_lifespans\n",
            ),
            does=ASKED,
            shows="TypeError: AggregateProvider.lifespan",
            eras=ONCE,
        ),
        Example(
            "from fastmcp import FastMCP\nfrom starlette.applications import Starlette\n"
            "from starlette.routing import Mount\n\n"
            'loans = FastMCP("loans").http_app(path="/")\nmcp = FastMCP("desk")\n'
            'mcp_app = mcp.http_app(path="/mcp")\n'
            'app = Starlette(\n    routes=[Mount("/loans", app=loans), Mount("/", app=mcp_app)],\n'
            "    lifespan=loans.lifespan,\n)\n",
            does=ASKED,
            shows=NOT_STARTED,
            eras=ONCE,
        ),
        _project("from desk import mcp", 'mcp_app = mcp.http_app(path="/mcp")\napp = FastAPI()', NOT_STARTED),
    ),
}

GOOD: dict[str, tuple[Example, ...]] = {
    "MCP017": (
        _written(
            'mcp_app = mcp.http_app(path="/mcp")\napp = FastAPI(lifespan=mcp_app.lifespan)\n'
            'app.mount("/", mcp_app)'
        ),
        _written(
            'mcp_app = mcp.http_app(path="/mcp")\n'
            'app = Starlette(routes=[Mount("/", app=mcp_app)], lifespan=mcp_app.lifespan)'
        ),
        Example(
            _own(
                lifespan="combine_lifespans(open_the_doors, mcp_app.lifespan)",
                imports="from fastmcp.utilities.lifespan import combine_lifespans\n",
            ),
            does=ASKED,
            shows="doors open\nanswered 200",
            eras=ONCE,
        ),
        Example(
            _own("async with mcp_app.lifespan(app):\n        yield"),
            does=ASKED,
            shows="doors open\nanswered 200",
            eras=ONCE,
        ),
        Example(  # a router's lifespan counts as the application's
            'from fastapi import APIRouter, FastAPI\nfrom fastmcp import FastMCP\n\nmcp = FastMCP("desk")\n'
            'mcp_app = mcp.http_app(path="/mcp")\napp = FastAPI()\n'
            'app.include_router(APIRouter(lifespan=mcp_app.lifespan))\napp.mount("/", mcp_app)\n',
            does=ASKED,
            shows="answered 200",
            eras=ONCE,
        ),
        Example(  # the app within an app: the outer one runs the lifespan
            'from fastapi import FastAPI\nfrom fastmcp import FastMCP\n\nmcp = FastMCP("desk")\n'
            'mcp_app = mcp.http_app(path="/mcp")\ninner = FastAPI()\ninner.mount("/", mcp_app)\n'
            'app = FastAPI(lifespan=mcp_app.lifespan)\napp.mount("/", inner)\n',
            does=ASKED,
            shows="answered 200",
            eras=ONCE,
        ),
        Example(  # no web application of another kind: the server's own one
            "from fastmcp import FastMCP\nfrom starlette.requests import Request\n"
            "from starlette.responses import PlainTextResponse\n\n"
            'mcp = FastMCP("desk")\n\n\n@mcp.custom_route("/health", methods=["GET"])\n'
            "async def health(request: Request) -> PlainTextResponse:\n    return "
            'PlainTextResponse("well")\n\n\napp = mcp.http_app(path="/mcp")\n',
            does=ASKED,
            shows="answered 200",
            eras=ONCE,
        ),
        Example(  # other things are mounted, and servers within servers
            "from fastapi import FastAPI\nfrom fastmcp import FastMCP\n\n"
            'mcp = FastMCP("desk")\nmcp.mount(FastMCP("loans"), namespace="loans")\n'
            'app = FastAPI()\napp.mount("/readers", FastAPI(title="Readers"))\nprint("works")\n',
            shows="works",
        ),
        _project("from desk import mcp_app", "app = FastAPI(lifespan=mcp_app.lifespan)", "answered 200"),
    ),
}
