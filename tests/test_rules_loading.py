"""MCP009, MCP010, MCP013 to MCP015 on code that only looks wrong, and on projects of several files."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from mcp_workbench.rules import RULES
from mcp_workbench.rules.module import Module
from mcp_workbench.rules.rule import Target

OWN = ("MCP009", "MCP010", "MCP013", "MCP014", "MCP015")
SERVER = 'import asyncio\nfrom fastmcp import FastMCP\nmcp = FastMCP("desk")\n'
TARGET = Target()
START = '\nif __name__ == "__main__":\n    mcp.run()\n'
TOOLS = "from server import mcp\n@mcp.tool\ndef search() -> str: ...\n"


def found(files: dict[str, str], target: Target = TARGET, again: bool = False) -> list[str]:
    modules: dict[str, Module] = {}

    def find(name: str) -> Module | None:
        for path in (f"{name.replace('.', '/')}.py", f"{name.replace('.', '/')}/__init__.py"):
            if path in files and name not in modules:
                package = path.endswith("__init__.py")
                modules[name] = Module(path, files[path], ast.parse(files[path]), name, find, package)
        return modules.get(name)

    names = [path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in files]

    def checked() -> Iterator[Module]:
        for name in names:
            if again:
                modules.pop(name, None)
            module = find(name)
            if module is not None:
                yield module

    return [
        f"{f.code} {f.place.chapter}:{f.place.line}"
        for module in checked()
        for code in OWN
        for f in RULES[code].find(RULES[code], module, target)
    ]


def test_a_circle_is_reported_where_the_import_fails() -> None:
    files = {
        "server.py": f"import a\n{SERVER}",
        "a/__init__.py": "from a.b import y\nx = 1\n",
        "a/b.py": "from a.c import z\ny = 1\n",
        "a/c.py": "from a import x\nz = 1\n",
        "outside.py": "import a\n",
    }
    assert found(files) == []  # a long way round, and not one of these files speaks of it
    files["a/b.py"] += "# of the MCP server\n"
    assert found(files) == ["MCP013 server.py:1"]
    files["a/c.py"] += "# of the MCP server\n"
    assert found(files) == ["MCP013 a/c.py:1"]
    files["a/b.py"] = "from a import x\ny = 1\n"
    assert found(files) == ["MCP013 server.py:1"]


def test_a_file_that_is_read_twice_is_still_of_its_circle() -> None:
    files = {"server.py": SERVER + "import tools\n" + START, "tools.py": TOOLS}
    assert found(files, again=True) == ["MCP013 tools.py:1"]


@pytest.mark.parametrize(
    "files",
    [
        {"a.py": "import b\nx = 1\n", "b.py": "import a\ndef y(): return a.x\n"},
        {"a.py": "x = 1\nfrom b import y\n", "b.py": "from a import x\ny = 1\n"},  # works from a
        {
            "a.py": "from b import y\nx = 1\n",
            "b.py": "try:\n    from a import x\nexcept ImportError: x = 0\ny = 1\n",
        },
        {"a.py": "from b import y\nx = 1\n", "b.py": "if OLD:\n    from a import x\ny = 1\n"},
        {"a.py": "from b import *\nx = 1\n", "b.py": "from a import *\ny = 1\n"},
        {
            "p/__init__.py": "from .one import x\nfrom .two import y\n",
            "p/one.py": "from . import two\nx = 1\n",
            "p/two.py": "from p import one\ny = 1\n",
        },
        {"p/__init__.py": "version = 1\nfrom .one import x\n", "p/one.py": "from . import version\nx = 1\n"},
        {
            "server.py": SERVER + "import tools\n",
            "tools.py": TOOLS,
            "main.py": "from server import mcp\nmcp.run()\n",
        },
        {
            "server.py": SERVER + "ROOM = 'history'\nimport tools\n" + START,
            "tools.py": "from server import ROOM\ndef search() -> str: ...\n",
        },
        {
            "server.py": SERVER + "import tools\n" + START,
            "tools.py": "def search():\n    from server import mcp\n",
        },
        {"server.py": "import server\nfrom elsewhere import server\n"},
    ],
)
def test_a_circle_that_works_is_left_alone(files: dict[str, str]) -> None:
    assert found(files) == []


def test_tools_that_import_the_script_register_with_its_copy() -> None:
    files = {"server.py": SERVER + "import one, two\n" + START, "one.py": TOOLS, "two.py": "import server\n"}
    assert found(files) == ["MCP013 one.py:1"]
    files["two.py"] = "import server as s\n@s.mcp.tool\ndef two(): ...\n"
    assert found(files) == ["MCP013 one.py:1", "MCP013 two.py:1"]


def test_a_long_chain_of_names() -> None:
    files = {f"m{n}.py": f"from m{n + 1} import f as g\nx0 = 1\ndef f(): return g()\n" for n in range(1000)}
    chain = "".join(f"x{n + 1} = x{n}\n" for n in range(1000)) + "def f(): return x1000\n"
    tool = "from m0 import f\n@mcp.tool\ndef tool(): return [f(), f()]\nprint(f().settings)\n"
    assert found({**files, "m1000.py": "x0 = 1\n" + chain, "server.py": SERVER + tool}) == []


def test_a_long_chain_of_imports() -> None:
    files = {f"m{n}.py": f"import m{n + 1}\n" for n in range(3000)} | {"m3000.py": "import m0\n"}
    assert found(files) == []


@pytest.mark.parametrize(
    "code",
    [
        "class Desk:\n    def __init__(self, mcp): self.settings = mcp.settings\n",
        "def f(mcp: FastMCP | None, settings): return settings.settings\n",
        "try:\n    port = mcp.settings.port\nexcept AttributeError:\n    port = 8000\n",
        "mcp.settings = {}\nprint(mcp.settings)\n",
        "from config import mcp as other\nprint(other.settings)\n",
        "mcp.run(transport='stdio')\nmcp.run(transport='http', port=port)\nother.run(port=8000)\n",
        "import uvicorn\nuvicorn.run(web, port=8000)\nuvicorn.run(mcp.http_app(), port=0)\n",
        "import arrow\narrow.utcnow()\nclock.datetime.utcnow()\n",
        "import sys\nfrom datetime import datetime\n"
        "now = datetime.utcnow() if sys.version_info < (3, 12) else None\n",
        "loop = None\ntry:\n    loop = asyncio.get_running_loop()\nexcept RuntimeError: pass\n",
        "def main(): asyncio.run(other())\n",
        "async def setup(): ...\ntask = setup\nready = lambda: setup()\n",
        "import subprocess, runner\nsubprocess.run(['ls'])\nrunner.run(mcp)\n",
        "import httpx2, asyncpg\nclient = httpx2.AsyncClient()\npool = asyncpg.create_pool('x')\nx = 1\n",
        "from helpers import cached\n@cached\nasync def books(): ...\nall_books = books()\n",
        "async def rows():\n    yield 1\nsource = rows()\n",
    ],
)
def test_what_only_looks_wrong(code: str) -> None:
    assert found({"server.py": SERVER + code}) == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("print(mcp.settings.port, mcp.settings.host)\n", ["MCP009 server.py:4"] * 2),
        ("mcp.run('sse', port=8000)\n", ["MCP010 server.py:4"]),
        ("import uvicorn\nuvicorn.Config(mcp.http_app(path='/'), port=8000)\n", ["MCP010 server.py:5"]),
        ("from datetime import datetime as d\nnow = d.utcnow\n", ["MCP014 server.py:5"]),
        ("asyncio.run(setup())\nx = 1\n", ["MCP015 server.py:4"]),
        ("try:\n    loop = asyncio.get_running_loop()\nexcept RuntimeError:\n    db = asyncio.run(f())\n",
         ["MCP015 server.py:7"]),
        ("class Desk:\n    db = asyncio.get_event_loop().run_until_complete(f())\n", ["MCP015 server.py:5"]),
    ],
)  # fmt: skip
def test_what_is_wrong(code: str, expected: list[str]) -> None:
    assert found({"server.py": SERVER + code}) == expected


def test_modules_without_a_server_may_run_what_they_like() -> None:
    client = (
        "import asyncio\nfrom fastmcp import Client\nasync def f(): ...\ntools = asyncio.run(f())\nx = f()\n"
    )
    assert found({"client.py": client}) == []
    assert found({"server.py": "import client\n" + SERVER, "client.py": client}) == ["MCP015 server.py:1"] * 2


def test_utcnow_is_left_alone_below_python_3_12() -> None:
    files = {"server.py": "import datetime\nnow = datetime.datetime.utcnow()\n"}
    assert found(files) == ["MCP014 server.py:2"]
    assert found(files, Target(python_312=False)) == []
