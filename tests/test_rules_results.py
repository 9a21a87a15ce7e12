"""MCP011, MCP012 and MCP116 on what is not installed here, and on code that only looks wrong."""

from __future__ import annotations

import ast

import pytest

from mcp_workbench.rules import RULES
from mcp_workbench.rules.module import Module
from mcp_workbench.rules.rule import Target

HEAD = """
from __future__ import annotations
import datetime as dt, enum, json
from typing import TYPE_CHECKING, Annotated, Any, Optional
import numpy as np, pandas as pd
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, InstanceOf, SkipValidation
from fastmcp import FastMCP
from fastmcp.dependencies import Depends
if TYPE_CHECKING:
    from elsewhere import Unknown
mcp = FastMCP("desk")
class Shelf:
    pass
class Item:
    pass
class Book(Item, BaseModel):
    title: str
class Kind(enum.Enum):
    NOVEL = "novel"
    def label(self): return self.value
class Level(str, enum.Enum):
    LOW = "low"
"""


def codes(code: str, version: tuple[int, ...] = (4, 1, 2)) -> list[str]:
    module = Module("server.py", HEAD + code, ast.parse(HEAD + code), "server")
    target = Target(version)
    rules = [RULES[code] for code in ("MCP011", "MCP012", "MCP116") if code in RULES]
    return [f.code for rule in rules if rule.holds(target) for f in rule.find(rule, module, target)]


@pytest.mark.parametrize(
    "code",
    [
        "@mcp.tool\ndef f() -> np.ndarray: return np.zeros(3)",
        "@mcp.tool\ndef f() -> NDArray[np.float64]: return np.zeros(3)",
        "@mcp.tool\ndef f() -> Optional['pd.DataFrame']: return None",
        "@mcp.tool\ndef f(x: np.ndarray) -> int: return 1",
        "@mcp.tool\ndef f(x: Annotated[dict[str, pd.DataFrame], 'books']) -> int: return 1",
        "@mcp.tool\ndef f(image: Image.Image) -> int: return 1",
        "@mcp.tool\ndef f(): return {'loans': np.array([1, 2])}",
        "@mcp.tool\ndef f() -> dict[str, Any]: return {'loans': [np.array([1, 2])]}",
        "@mcp.tool\ndef f() -> Any: return [Shelf() for _ in range(3)]",
        "@mcp.tool\nasync def f():\n    loans = pd.read_csv('loans.csv')\n    return loans or None",
    ],
)
def test_numpy_pandas_and_pillow_have_no_schema(code: str) -> None:
    assert codes(code) == ["MCP011"]


@pytest.mark.parametrize(
    "code",
    [
        "@mcp.tool\ndef f() -> list[float]: return np.zeros(3).tolist()",
        "@mcp.tool\ndef f() -> dict: return {'loans': np.array([1, 2]).tolist(), 'mean': np.mean([1])}",
        "@mcp.tool\ndef f() -> Item: return Book(title='Emma')",
        "@mcp.tool\ndef f(x: InstanceOf[Shelf], y: Annotated[Shelf, SkipValidation()]) -> int: return 1",
        "@mcp.tool\ndef f(x: Shelf = Depends(Shelf)) -> int: return 1",
        "@mcp.tool\ndef f(x: 'Unknown') -> int: return 1",
        "@mcp.tool(output_schema=None)\ndef f() -> np.ndarray: return np.zeros(3)",
        "@mcp.tool\n@wrapped\ndef f(*args) -> np.ndarray: return np.zeros(3)",
        "@other.tool\ndef f(*args) -> np.ndarray: return np.zeros(3)",
        "@mcp.tool\ndef f() -> dict:\n    x = {'at': Shelf()}\n    x.update(at='history')\n    return x",
        "@mcp.tool\ndef f() -> dict: return {'shelf': str(Shelf()), 'kind': Kind.NOVEL, 'on': dt.date.min}",
        "@mcp.tool\ndef f(shelf): return {'shelf': shelf, 'room': shelf.room}",
        "class Own:\n    def __get_pydantic_core_schema__(cls, s, h): ...\n"
        "class Sub(Own): ...\n@mcp.tool\ndef f(x: Sub) -> Sub: return x",
        "import pytest\nwith pytest.raises(ValueError):\n    @mcp.tool\n    def f(*books): ...",
        "class Loop(Loop): ...\n@mcp.tool\ndef f(x: Loop) -> Loop: return x",
    ],
)
def test_what_has_a_schema_or_may_have_one_is_left_alone(code: str) -> None:
    assert codes(code) == []


RESOURCE = '@mcp.resource("a://b")\n'


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (RESOURCE + "def f() -> dict: return {'loans': np.array([1])}", ["MCP012"]),
        (RESOURCE + "def f() -> Shelf: return shelves[0]", ["MCP012"]),
        (RESOURCE + "def f() -> list[dt.date]: return days()", ["MCP012"]),
        (RESOURCE + "def f(): return {'kind': Kind.NOVEL}", ["MCP012"]),
        (RESOURCE + "def f(): return [k for k in Kind] or {dt.date.today(): 1}", ["MCP012"]),
        (RESOURCE + "def f(): return {'n': (i for i in range(3)), 's': set('ab')}", ["MCP012", "MCP012"]),
        (RESOURCE + "def f(): return json.dumps(Book(title='Emma'))", ["MCP012"]),
        (RESOURCE + "def f() -> 'list[Book]': return books()", ["MCP116"]),
        ("@mcp.prompt\ndef f(): return json.dumps([{'on': dt.date.today()}])", ["MCP012"]),
        ("def days() -> dt.date: ...\n" + RESOURCE + "def f(): return {'on': days()}", ["MCP012"]),
    ],
)
def test_what_json_cannot_write(code: str, expected: list[str]) -> None:
    assert codes(code) == expected


@pytest.mark.parametrize(
    "code",
    [
        RESOURCE + "def f() -> Book: return book().model_dump_json()",
        RESOURCE + "def f() -> Item: return item()",
        RESOURCE
        + "def f(): return {'kind': Kind.NOVEL.value, 'label': Kind.NOVEL.label(), 'level': Level.LOW}",
        RESOURCE + "def f(): return json.dumps({'on': dt.date.today()}, default=str)",
        RESOURCE + "def f(): return json.dumps({'on': dt.date.today()}, **options)",
        RESOURCE + "def f(): return json.dumps({'on': dt.date.today().isoformat(), 'days': (a - b).days})",
        RESOURCE + "def f():\n    try: return json.dumps({'on': dt.date.today()})\n"
        "    except TypeError: return '{}'",
        RESOURCE + "def f():\n    x = {'on': dt.date.today()}\n    x['on'] = str(x['on'])\n    return x",
        RESOURCE + "def f():\n    x = dt.date.today()\n    x = x.isoformat()\n    return {'on': x}",
        RESOURCE + "def f(): return {'hours': (b - a) / dt.timedelta(hours=1)}",
        RESOURCE + "def f(): return b'cover'",
        "import orjson\n@mcp.tool\ndef f() -> bytes: return orjson.dumps({'on': dt.date.today()})",
        "def own(): return json.dumps({'on': dt.date.today()})",
        "@mcp.tool\ndef f() -> dict:\n    for error in (1, 2): return {'error': error}",
        "@mcp.tool\ndef f() -> Book: return Book(title='Emma')",
        "@mcp.tool\ndef f() -> dict: return {'on': dt.date.today(), 'text': b'plain'}",
    ],
)
def test_what_json_can_write_or_nobody_knows(code: str) -> None:
    assert codes(code) == []


def test_resources_of_fastmcp_2_are_written_by_pydantic() -> None:
    code = RESOURCE + "def f(): return {'on': dt.date.today(), 'book': Book(title='Emma')}"
    assert codes(code, (2, 14)) == []
    assert codes(code) == ["MCP012", "MCP116"]


def test_places_only_fail_since_fastmcp_4() -> None:
    code = "@mcp.tool\ndef f(title: str, /) -> str: return title"
    assert codes(code, (3, 4)) == []
    assert codes(code) == ["MCP011"]
