"""MCP001 to MCP008: their fixes, what they say of notebooks, and what only a whole project shows."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from mcp_workbench.rules import RULES
from mcp_workbench.rules.checking import asked, check
from mcp_workbench.rules.fixing import fixed
from mcp_workbench.rules.module import Module
from mcp_workbench.rules.rule import Target

MINE = [RULES[f"MCP{number:03}"] for number in range(1, 9)]


def found(path: Path, *codes: str) -> list[str]:
    codes = codes or tuple(rule.code for rule in MINE)
    return [f"{f.code} {f.what}" for f in check([path], asked(codes, ())).findings]


def written(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def cells(path: Path, *sources: str) -> Path:
    path.write_text(
        json.dumps(
            {
                "cells": [
                    {
                        "cell_type": "code",
                        "id": f"cell-{number}",
                        "metadata": {},
                        "execution_count": None,
                        "outputs": [],
                        "source": source,
                    }
                    for number, source in enumerate(sources)
                ],
                "metadata": {},
                "nbformat": 4,
                "nbformat_minor": 5,
            }
        )
    )
    return path


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('mcp.run(transport="streamable_http")', 'mcp.run(transport="streamable-http")'),
        ("asyncio.run(mcp.run())", "asyncio.run(mcp.run_async())"),
        (
            "def branches() -> str:\n    return await name()",
            "async def branches() -> str:\n    return await name()",
        ),
        ("    return name().upper()", "    return (await name()).upper()"),
        ("    return asyncio.run(name())", "    return await name()"),
    ],
)
def test_what_a_fix_writes(before: str, after: str, tmp_path: Path) -> None:
    head = 'import asyncio\n\nfrom fastmcp import FastMCP\n\nmcp = FastMCP("désk")\n\n\n'
    tool = "async def name() -> str:\n    return 'Central'\n\n\n@mcp.tool\n"
    if before.startswith("    "):
        tool += "async def branches() -> str:\n"
    body = tool if "branches" in tool + before else 'if __name__ == "__main__":\n    '
    (tmp_path / "server.py").write_text(f"{head}{body}{before}\n")
    fixed(check([tmp_path], asked(("MCP002", "MCP007"), ())).findings).write()
    assert (tmp_path / "server.py").read_text() == f"{head}{body}{after}\n"


def test_what_a_learner_meets_in_a_notebook(tmp_path: Path) -> None:
    path = cells(
        tmp_path / "trial.ipynb",
        'import asyncio\n\nfrom fastmcp import Client, FastMCP\n\nmcp = FastMCP("desk")',
        "@mcp.tool\nasync def branches() -> list[str]:\n    return ['Central']",
        "tools = await mcp.list_tools()\nawait branches()",
        "branches()",
        "asyncio.run(branches())",
        "mcp.run()",
        "async with Client(mcp) as client:\n    result = client.call_tool('branches')\nresult.data",
    )
    assert [line.partition(",")[0] for line in found(path)] == [
        "MCP002 branches() gives a coroutine",
        "MCP002 asyncio.run() starts a loop in a notebook's cell",
        "MCP002 mcp.run() starts a loop in a notebook's cell",
        "MCP002 client.call_tool() gives a coroutine",
    ]


def test_a_notebook_that_lets_loops_nest_is_left_alone(tmp_path: Path) -> None:
    path = cells(
        tmp_path / "trial.ipynb",
        "import asyncio\nimport nest_asyncio\nfrom fastmcp import FastMCP\nnest_asyncio.apply()",
        "async def name():\n    return 'Central'\nasyncio.run(name())",
    )
    assert found(path) == []


def test_what_is_expected_to_fail_is_not_found(tmp_path: Path) -> None:
    written(
        tmp_path,
        {
            "trial.py": """\
import pytest
from fastmcp import FastMCP

mcp = FastMCP("desk")

with pytest.raises(ValueError):

    @mcp.resource("user://{user_id}")
    def user(id: str) -> str:
        return id


with pytest.raises(TypeError):
    mcp.run(transport="http", reload=True)
"""
        },
    )
    assert found(tmp_path) == []


def test_a_file_that_nothing_imports_may_be_the_server() -> None:
    text = 'from fastmcp import FastMCP\n\n\ndef create():\n    return FastMCP("desk")\n'
    module = Module("server.py", text, ast.parse(text), "server")
    rule = RULES["MCP001"]
    assert list(rule.find(rule, module, Target())) == []
    module.entry = True
    assert len(list(rule.find(rule, module, Target()))) == 1


def test_a_fastmcp_json_names_the_server(tmp_path: Path) -> None:
    written(tmp_path, {"server.py": RULES["MCP001"].bad[0].code})
    assert len(found(tmp_path)) == 1
    written(tmp_path, {"fastmcp.json": "{}"})
    assert found(tmp_path) == []


def test_before_fastmcp_3_sync_tools_ran_in_the_loop() -> None:
    rule = RULES["MCP002"]
    text = rule.good[0].code
    module = Module("server.py", text, ast.parse(text), "server")
    assert list(rule.find(rule, module, Target(fastmcp=(4, 1, 2)))) == []
    found = list(rule.find(rule, module, Target(fastmcp=(2, 14, 7))))
    assert ["asyncio.run() starts a loop in where_sync()" in f.what for f in found] == [True]


def test_imports_are_looked_for_where_python_looks(tmp_path: Path) -> None:
    """A package's own modules, files that are generated or compiled, folders without __init__.py."""
    written(
        tmp_path,
        {
            "pyproject.toml": "",
            "src/library/__init__.py": "",
            "src/library/py.typed": "",
            "src/library/mcp.py": "BRANCH = 'Central'\n",
            "src/library/fast.cpython-311-x86_64-linux-gnu.so": "",
            "src/library/shelves/one.py": "A = 1\n",
            "src/library/server.py": """\
from fastmcp import FastMCP
from mcp.types import Tool

from library import shelves
from library._version import version
from library.desk_pb2 import Loan
from library.fast import count
from library.mcp import BRANCH
from library.shelves import one
from library.shelves.one import A

from . import mcp as branch
from .mcp import BRANCH as SAME

mcp = FastMCP(BRANCH)

if __name__ == "__main__":
    mcp.run()
""",
        },
    )
    assert found(tmp_path) == []
    written(
        tmp_path, {"src/library/loans.py": "from fastmcp import FastMCP\nfrom library.lending import lend\n"}
    )
    assert found(tmp_path) == ["MCP008 the project has no module library.lending"]
