"""An existing server.py comes in: cut into chapters, and exported again as the same program."""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from pathlib import Path

import pytest
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_workbench import notebook
from mcp_workbench.errors import WorkbenchError
from mcp_workbench.export import made_of
from mcp_workbench.findings import Refused
from mcp_workbench.new.bringing import Brought, bring
from mcp_workbench.new.sameness import difference
from mcp_workbench.workspace import Workspace

HEAD = 'from fastmcp import FastMCP\n\nmcp = FastMCP("Small")\n'
TOOL = '\n\n@mcp.tool\ndef add(a: int, b: int) -> int:\n    """Add two numbers."""\n    return a + b\n'
TAIL = '\n\nif __name__ == "__main__":\n    mcp.run()\n'


def brought(folder: Path, text: str | bytes) -> Brought:
    file = folder / "server.py"
    file.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return bring(file, "small")


def exported(made: Brought) -> str:
    """What export writes, from the notebooks as they would be on disk."""
    cells = [
        cell for file, text in made.notebooks.items() for cell in notebook.code_cells(json.loads(text), file)
    ]
    here = Workspace(Path("small"), made.description or "A server.", made.requires or ("fastmcp",), ">=3.11")
    return made_of(cells, here).text


def body(text: str) -> list[str]:
    """A second opinion on sameness: each statement's dump, without docstring, tail and top imports."""
    nodes = ast.parse(text).body
    if isinstance(nodes[0], ast.Expr) and isinstance(nodes[0].value, ast.Constant):
        nodes = nodes[1:]
    while nodes and isinstance(nodes[0], ast.Import | ast.ImportFrom):
        nodes = nodes[1:]
    return [ast.dump(node) for node in nodes if "'__main__'" not in ast.dump(node)]


def program(made: Brought) -> list[str]:
    """The statements of the exported program, but for the `main` that export writes itself."""
    return body(exported(made).rpartition("# %% How the server starts")[0])


def everything(made: Brought) -> str:
    """The text of every cell."""
    return "\n".join("".join(cell["source"]) for cell in cells(made))


def cells(made: Brought) -> list[dict[str, object]]:
    return [cell for text in made.notebooks.values() for cell in json.loads(text)["cells"]]


def code(made: Brought) -> list[str]:
    """The finished cells, without their marks."""
    texts = ("".join(cell["source"]) for cell in cells(made) if cell["cell_type"] == "code")
    return [text.removeprefix("#| export\n") for text in texts if text.startswith("#| export\n")]


def words(comment: str) -> list[str]:
    return re.findall(r"\w+", comment)


def assert_nothing_lost(text: str, made: Brought) -> None:
    """Every comment of the source is found in the notebooks, and every statement to the byte."""
    told = everything(made)
    flat = " ".join(words(told))
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            assert " ".join(words(token.string)) in flat, token.string
    for node in ast.parse(text).body:
        segment = ast.get_source_segment(text, node)
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        assert docstring or segment in told, segment


DIFFICULT = """\
=== comments
# About the limit,
# in two lines.
LIMIT = 3  # of books
# below it

# free

x = 1
=== decorators
import functools


@functools.cache
# between
@functools.wraps(print)
def f(): return 1
=== an indented comment
def f():
    return 1
    # the end of f

# about g
def g(): ...
=== overloads
from typing import overload


@overload
def f(x: int) -> int: ...
@overload
def f(x: str) -> str: ...
def f(x):
    return x
=== a name defined twice, far apart
state = None


def f(): return state


state = {}


last = 1
=== conditional definitions
import sys

if sys.platform == 'win32':
    def f(): return 1
else:
    def f(): return 2
=== imports in a try
try:
    import orjson as fast
except ImportError:
    import json as fast

dump = fast.dumps
=== imports below code
import os

os.environ.setdefault('A', 'b')

import json
from math import pi


def area(r): return json.dumps(pi * r)
=== imports for types only
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from os import PathLike


def f(p: 'PathLike[str]') -> str: return str(p)
=== type aliases
from typing import Annotated, TypeAlias

Name: TypeAlias = Annotated[str, 'a name']


def f(n: Name) -> Name: return n
=== __all__
__all__ = ['f', 'mcp']


def f(): ...
=== global mutation
cache = {}
cache['a'] = 1


def f():
    global count
    count = 1


count = 0
cache.update(b=2)
count += 1
=== statements on one line
a = 1; b = 2
c = a; print_ = 3
import os; import sys
d = os.sep + sys.platform
=== a class that reads a name of below
class A:
    limit: int = 3
    twice = limit * 2


limit = 4
=== a function that is called reads what is below
def made():
    return later() if False else 1


value = made()


def between(): ...


def later(): return 2
=== loops and a with
from contextlib import suppress

table = {}
for n in range(3):
    table[n] = n
with suppress(KeyError):
    del table[9]
for n in table:
    table[n] += 1
=== strings that look like marks and titles
s = '''
#| export
# %% 01_a.ipynb not an address
# %% Tools
# ---- x ----
%time
'''


def f():
    '''# %% Inside
    # ==== too ====
    '''
=== characters that end lines elsewhere
a = '\u2028 \x0c'
b = '''one\u2029two'''
=== tabs
def f(x):
\tif x:
\t\treturn 1
\treturn 2
=== text that is not ASCII
# Größe der Bücherei
GRÖSSE = 'naïve café 図書館'


def suche(wörter: str): return wörter
=== code that was commented out
x = 1

# y = f(x)
# z = [y]

# noqa

w = 2
=== an update of a name
def wrap(x): return x


app = [1]


def f(): return app


app = wrap(app)
=== a deleted name
for i in range(2):
    pass
del i
=== match and walrus
import os

match os.name:
    case 'nt':
        kind = 1
    case _:
        kind = 2
found = [y for x in range(3) if (y := x)]
"""
CASES = dict(part.split("\n", 1) for part in f"\n{DIFFICULT}".split("\n=== ")[1:])


@pytest.mark.parametrize("middle", CASES.values(), ids=CASES)
def test_what_is_difficult_comes_back(tmp_path: Path, middle: str) -> None:
    imports, rest = "", middle
    while re.match(r"(from|import) (?!.*;)", rest):
        line, rest = rest.split("\n", 1)
        imports += f"{line}\n"
    text = f'"""Small."""\n\n{imports}{HEAD}\n{rest}{TOOL}{TAIL}'
    made = brought(tmp_path, text)
    assert program(made) == body(text)
    assert_nothing_lost(text, made)
    below = f"{HEAD}\n\n{middle}{TOOL}{TAIL}"  # its imports stand behind code now
    made = brought(tmp_path, below)
    assert program(made) == body(below)
    assert_nothing_lost(below, made)


def test_mounted_servers_and_calls_that_register(tmp_path: Path) -> None:
    text = (
        'from fastmcp import FastMCP\n\nsub = FastMCP("Sub")\n\n\n@sub.tool\ndef one() -> int: return 1\n\n\n'
        'mcp = FastMCP("Main")\nmcp.mount(sub, namespace="sub")\n\n\n'
        "def two() -> int: return 2\nmcp.add_tool(two)\n"
        'mcp.tool(two, name="three")\n'
    )
    made = brought(tmp_path, text)
    assert program(made) == body(text)


@pytest.mark.parametrize("ends", ["\r\n", "\r"])
def test_other_line_ends(tmp_path: Path, ends: str) -> None:
    text = f"{HEAD}\ns = '''a\nb'''{TOOL}{TAIL}"
    made = brought(tmp_path, text.replace("\n", ends))
    assert program(made) == body(text)
    assert "\r" not in everything(made)


def test_a_byte_order_mark_and_an_encoding(tmp_path: Path) -> None:
    text = f"{HEAD}\nname = 'é'{TOOL}"
    assert program(brought(tmp_path, b"\xef\xbb\xbf" + text.encode())) == body(text)
    made = brought(tmp_path, f"#!/usr/bin/env python3\n# -*- coding: latin-1 -*-\n{text}".encode("latin-1"))
    assert program(made) == body(text)
    assert "'é'" in everything(made)
    assert "#!" not in exported(made)
    assert [note.split(":")[0] for note in made.notes] == ["left out", "left out"]


def test_future_annotations_stay_first(tmp_path: Path) -> None:
    text = f"from __future__ import annotations\n\n{HEAD}{TOOL}"
    text = exported(brought(tmp_path, text))
    assert isinstance(ast.parse(text).body[1], ast.ImportFrom)
    assert ast.parse(text).body[1].module == "__future__"


def test_the_repositorys_own_server_comes_back_to_the_byte() -> None:
    """With its chapters, the ids of its cells and their headings; its hashes are others."""
    made = bring(ROOT / "server.py", "desk")
    text = (ROOT / "server.py").read_text(encoding="utf-8")
    hashes = re.compile(r"^# (chapter \S+|this file, but for this line,) sha256:\w+\n", re.MULTILINE)
    assert hashes.sub("", exported(made)) == hashes.sub("", text)
    titles = re.findall(r"^# %% (\S+\.ipynb)#", text, re.MULTILINE)
    assert set(made.notebooks) == set(titles)
    assert made.requires[0].startswith("fastmcp")


def test_an_export_with_the_exporters_tail_comes_back(tmp_path: Path) -> None:
    first = exported(brought(tmp_path, f'"""Small."""\n{HEAD}{TOOL}'))
    assert "def main() -> None:" in first
    again = brought(tmp_path, first)
    assert list(again.notebooks) == ["00_the_server.ipynb"]
    assert re.sub("sha256:.*", "", exported(again)) == re.sub("sha256:.*", "", first)


def test_an_export_edited_by_hand_comes_back(tmp_path: Path) -> None:
    first = exported(brought(tmp_path, f'"""Small."""\n{HEAD}{TOOL}'))
    edited = first.replace("return a + b", "return b + a\n\n\nextra = 1")
    assert program(brought(tmp_path, edited)) == body(edited.rpartition("# %% How")[0])


class TestChapters:
    def test_a_small_file_is_one_chapter_that_starts_as_the_courses_do(self, tmp_path: Path) -> None:
        made = brought(tmp_path, f'"""Adds.\n\nMore of it.\n# no heading\n"""\n{HEAD}{TOOL}{TAIL}')
        assert list(made.notebooks) == ["00_the_server.ipynb"]
        found = cells(made)
        assert "".join(found[0]["source"]).startswith("# 00 The server\n")
        assert "Adds." in "".join(found[0]["source"])
        assert 'resume("00_the_server")' in "".join(found[2]["source"])
        assert "fastmcp.Client(mcp)" in "".join(found[-1]["source"])
        assert made.description == "Adds."

    def test_what_check_says_stands_at_the_top(self, tmp_path: Path) -> None:
        clean = brought(tmp_path, f"{HEAD}{TOOL}")
        assert "has nothing to say about `server.py`" in "".join(cells(clean)[1]["source"])
        wrong = brought(tmp_path, f'{HEAD}\n\n@mcp.resource("config")\ndef config() -> str: return ""\n')
        said = "".join(cells(wrong)[1]["source"])
        assert "- line 6: `MCP004` the address 'config' has no scheme. Give it one" in said
        assert str(tmp_path) not in said

    def test_sections_become_chapters_and_headings(self, tmp_path: Path) -> None:
        def many(word: str) -> str:
            return "\n\n".join(f"def {word}_{n}():\n{'    x = 1' + chr(10)}    return {n}" for n in range(30))

        text = (
            f"{HEAD}\n\n# ---- Settings ----\n\nLIMIT = 1\n\n\n{many('a')}\n\n"
            f"# ======\n# Tools & more\n# of them\n# ======\n\n{many('b')}\n\n\n"
            f"# Small one\n\nx = 1\n\n\n{many('c')}\n"
        )
        made = brought(tmp_path, text)
        assert list(made.notebooks) == [
            "00_settings_and_helpers.ipynb",
            "01_tools_more.ipynb",
            "02_small_one.ipynb",
        ]
        assert "of them" in made.notebooks["01_tools_more.ipynb"]
        assert not any("# ======" in cell or "# ---- " in cell for cell in code(made))
        assert program(made) == body(text)

    def test_without_sections_the_kinds_make_chapters_in_the_files_order(self, tmp_path: Path) -> None:
        helpers = "\n\n".join(f"def helper_{n}():\n    return {n}" for n in range(40))
        tools = "\n\n".join(f"@mcp.tool\ndef tool_{n}() -> int:\n    return helper_{n}()" for n in range(40))
        prompts = "\n\n".join(f"@mcp.prompt\ndef prompt_{n}() -> str:\n    return 'x'" for n in range(40))
        start = f"from fastmcp import FastMCP\n\n\n{helpers}\n\n\nmcp = FastMCP('S')\n\n\n"
        text = f"{start}{tools}\n\n\n{prompts}\n"
        made = brought(tmp_path, text)
        assert list(made.notebooks) == [
            "00_settings_and_helpers.ipynb",
            "01_the_server.ipynb",
            "02_prompts.ipynb",
        ]
        assert program(made) == body(text)

    def test_percent_cells_are_kept_as_they_are(self, tmp_path: Path) -> None:
        text = (
            "# %% [markdown]\n# # A note\n# with *two* lines\n\n# %% Start\n"
            'from fastmcp import FastMCP\n\nmcp = FastMCP("S")\nx = 1\n\n# %% Tools and all\n# about it\n'
            "@mcp.tool\ndef one() -> int:\n    return x\n\n\n"
            "@mcp.tool\ndef two() -> int:\n    return 2\n\n#%%\ny = 3\n"
        )
        made = brought(tmp_path, text)
        assert [cell.split("\n")[0] for cell in code(made)] == [
            "from fastmcp import FastMCP",
            "# about it",
            "y = 3",
        ]
        assert "## Tools and all" in everything(made)
        assert "# A note\nwith *two* lines" in everything(made)
        assert "%%" not in "".join(code(made))
        assert program(made) == body(text)

    def test_a_percent_cell_with_imports_of_its_own(self, tmp_path: Path) -> None:
        text = f"# %% One\n{HEAD}\nx = 1\n\n# %% Two\nimport os\n\ny = os.sep\n\n# %% Three\nz = 1\n"
        made = brought(tmp_path, text)
        assert program(made) == body(text)
        assert code(made)[-2:] == ["y = os.sep", "z = 1"]
        assert "## Two" in everything(made)

    def test_a_comment_that_is_attached_stays_in_the_code(self, tmp_path: Path) -> None:
        made = brought(tmp_path, f"{HEAD}\n\n# The limit of loans\nLIMIT = 3{TOOL}")
        assert "# The limit of loans\nLIMIT = 3" in code(made)
        assert "### The limit of loans" in everything(made)

    def test_cells_are_valid_and_their_ids_differ(self, tmp_path: Path) -> None:
        import nbformat

        parts = ["_x = 1", "def x(): ...", "def X(): ...", "print_ = {}", "mcp.name", "def ß(): ..."]
        text = "\n\n\n".join([HEAD, *parts])
        made = brought(tmp_path, text)
        for source in made.notebooks.values():
            nbformat.validate(nbformat.reads(source, as_version=4))
        assert len({cell["id"] for cell in cells(made)}) == len(cells(made))


class TestTails:
    def test_a_plain_run_is_left_to_export(self, tmp_path: Path) -> None:
        made = brought(
            tmp_path, f'{HEAD}{TOOL}\n\nif __name__ == "__main__":\n    mcp.run("http", port=8000)  # why\n'
        )
        assert made.notes == (
            "the tail, `mcp.run('http', port=8000)`, is left to export: "
            "python server.py --transport http --port 8000",
        )
        assert "# why" in everything(made)
        assert "main" not in [
            node.name for node in ast.parse("\n".join(code(made))).body if hasattr(node, "name")
        ]

    @pytest.mark.parametrize(
        "tail",
        ["import asyncio\n    asyncio.run(mcp.run_async())", "mcp.run(transport='stdio', show_banner=False)"],
    )
    def test_others_that_are_plain(self, tmp_path: Path, tail: str) -> None:
        made = brought(tmp_path, f'{HEAD}{TOOL}\n\nif __name__ == "__main__":\n    {tail}\n')
        assert made.notes[0].endswith("is left to export: python server.py")

    @pytest.mark.parametrize(
        "tail",
        [
            "import uvicorn\n    # the port\n    uvicorn.run(mcp.http_app(), port=80)",
            "mcp.run(transport='sse')",
            "mcp.run(transport='http', port=int(PORT))",
            "print('hello')\n    mcp.run()",
        ],
    )
    def test_one_that_does_more_is_a_finished_main(self, tmp_path: Path, tail: str) -> None:
        made = brought(tmp_path, f'{HEAD}\nPORT = "1"{TOOL}\n\nif __name__ == "__main__":\n    {tail}\n')
        assert code(made)[-1].endswith(f"def main() -> None:\n    {tail}")
        assert "finished cell `main`" in made.notes[0]
        assert exported(made).endswith('if __name__ == "__main__":\n    main()\n')

    def test_names_that_it_shares_are_global(self, tmp_path: Path) -> None:
        text = (
            f"{HEAD}\nlevel = 1\n\n\n@mcp.tool\ndef f() -> str: return options\n\n\n"
            "if __name__ == '__main__':\n    options = 'a'\n    level = level + 1\n"
            "    mine = 2\n    mcp.run()\n"
        )
        assert (
            "def main() -> None:\n    global level, options\n    options = 'a'"
            in code(brought(tmp_path, text))[-1]
        )

    def test_a_main_that_it_calls_is_the_tail(self, tmp_path: Path) -> None:
        for call in ("main()", "raise SystemExit(main())"):
            text = f"{HEAD}{TOOL}\n\ndef main():\n    mcp.run()\n\n\nif __name__ == '__main__':\n    {call}\n"
            made = brought(tmp_path, text)
            assert made.notes == ()
            assert program(made) == body(text)

    @pytest.mark.parametrize(
        "call", ["asyncio.run(main())", "sys.exit(main())", "print(main())\n    mcp.run()"]
    )
    def test_a_main_that_it_does_more_with_is_called_by_the_new_one(self, tmp_path: Path, call: str) -> None:
        kind = "async def" if "asyncio" in call else "def"
        text = (
            f"import asyncio\nimport sys\n{HEAD}{TOOL}\n\n{kind} main():\n    return 3\n\n\n"
            f"if __name__ == '__main__':\n    {call}\n"
        )
        made = brought(tmp_path, text)
        assert code(made)[-1].endswith(f"def main(main=main) -> None:\n    {call}")
        assert program(made)[:-1] == body(text)

    def test_one_line_and_two_tails_and_a_title_above(self, tmp_path: Path) -> None:
        text = f"{HEAD}{TOOL}\n\n# ---- Start ----\n\nif '__main__' == __name__: mcp.run()\n"
        made = brought(tmp_path, text)
        assert program(made) == body(text)
        assert "# ---- Start ----" not in "".join(code(made))
        assert "# ---- Start ----" in everything(made)
        first, second = (f"\n\nif __name__ == '__main__':{rest}\n" for rest in (" x = 1", "\n    mcp.run()"))
        text = f"{HEAD}{TOOL}{first}\ny = 2\n{second}"
        made = brought(tmp_path, text)
        assert code(made)[-1].endswith("def main() -> None:\n    x = 1\n    mcp.run()")


class TestNames:
    @pytest.mark.parametrize("name", ["server", "app", "library"])
    def test_a_server_of_another_name_is_called_mcp_too(self, tmp_path: Path, name: str) -> None:
        text = f"{HEAD}{TOOL}\n\nif __name__ == '__main__':\n    mcp.run()\n".replace("mcp", name)
        text = text.replace(f"fast{name}", "fastmcp")
        made = brought(tmp_path, text)
        statements = program(made)
        assert statements.pop(1) == ast.dump(ast.parse(f"mcp = {name}").body[0])
        assert statements == body(text)
        assert any(f"`mcp = {name}` was added" in note for note in made.notes)
        assert sum(cell.endswith(f"\nmcp = {name}") for cell in code(made)) == 1

    def test_of_several_the_one_that_is_run_or_mounted_on(self, tmp_path: Path) -> None:
        two = 'from fastmcp import FastMCP\n\na = FastMCP("A")\nb = FastMCP("B")\n'
        assert "mcp = b" in everything(brought(tmp_path, f"{two}if __name__ == '__main__':\n    b.run()\n"))
        assert "mcp = a" in everything(brought(tmp_path, f"{two}a.mount(b)\n"))


class TestImports:
    def test_one_that_nothing_reads_is_left_out_and_said(self, tmp_path: Path) -> None:
        made = brought(tmp_path, f"import json\nfrom fastmcp import Context\n{HEAD}{TOOL}")
        assert made.notes == (
            "left out: the import of `json` on line 1, which nothing reads",
            "left out: the import of `Context` on line 2, which nothing reads",
        )

    def test_one_that_may_do_something_is_kept(self, tmp_path: Path) -> None:
        made = brought(
            tmp_path,
            f"import somebodys.tools\nfrom other import (\n    a,  # why\n    b,\n)\n{HEAD}\n\nprint_ = b\n",
        )
        assert "import somebodys.tools  # noqa: F401\n" in exported(made)
        assert "from other import a  # why  # noqa: F401\n" in exported(made)

    def test_one_that_all_offers_is_kept(self, tmp_path: Path) -> None:
        made = brought(tmp_path, f"from json import dumps\n{HEAD}\n\n__all__ = ['dumps']\n")
        assert "from json import dumps  # noqa: F401\n" in exported(made)

    def test_a_neighbour_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "helpers.py").write_text("x = 1\n")
        made = brought(tmp_path, f"import helpers\n{HEAD}\n\nx = helpers.x\n")
        assert "`helpers` stands beside server.py" in made.notes[0]


def test_the_pep_723_block(tmp_path: Path) -> None:
    block = (
        "# /// script\n# requires-python = '>=3.12'\n# dependencies = [\n"
        "#   'fastmcp>=4',\n#\n#   'rich',\n# ]\n# [tool.uv]\n# exclude-newer = '2026-01-01'\n# ///\n"
    )
    made = brought(tmp_path, f"#!/usr/bin/env -S uv run\n{block}\n# A comment\n{HEAD}{TOOL}")
    assert made.requires == ("fastmcp>=4", "rich")
    assert [note.split("`")[1].split(" ")[0] for note in made.notes] == [
        "#!/usr/bin/env",
        "requires-python",
        "tool",
    ]
    assert "# A comment" in exported(made)


REFUSED = {
    "invalid Python": (f"{HEAD}def f(:\n", "MCP202", 4),
    "a magic": (f"{HEAD}%time x\n", "MCP203", 4),
    "await": (f"{HEAD}await mcp.list_tools()\n", "MCP204", 4),
    "a name of nowhere": (f"{HEAD}x = 1 + nowhere\n", "MCP205", 4),
    "statements on one line": (f"{HEAD}a = 1; b = a\n", "MCP205", 4),
    "display": (f"{HEAD}\n\ndef f(): display(1)\n", "MCP206", 6),
    "an import defined anew": (f"import json\n{HEAD}def json(): ...\n", "MCP207", 5),
    "a main that is called": (
        f"{HEAD}async def main(): ...\ndef f(): return main()\n"
        "if __name__ == '__main__':\n    print(main())\n",
        "MCP207",
        5,
    ),
    "a main that cannot be called": (f"{HEAD}async def main(): ...\n", "MCP207", 4),
    "two imports of one name": (f"from a import x\nfrom b import x\n{HEAD}y = x\n", "MCP210", 2),
    "a star": (f"from os import *\n{HEAD}x = getcwd()\n", "MCP211", 1),
    "print": (f"{HEAD}print('on')\n", "MCP212", 4),
    "a server that starts": (f"{HEAD}mcp.run()\n", "MCP213", 4),
    "one of another name": (f"{HEAD.replace('mcp =', 'desk =')}desk.run()\n", "MCP213", 4),
    "a tail with else": (f"{HEAD}if __name__ == '__main__':\n    mcp.run()\nelse:\n    x = 1\n", "MCP213", 4),
    "a key": (f"{HEAD}KEY = 'sk-proj-{'a1' * 12}'\n", "MCP214", 4),
    "a tool with the name of a type": (
        f"{HEAD}def f() -> list[int]: ...\n@mcp.tool\ndef list() -> int: return 1\n", "MCP216", 4),
    "a relative import": (f"from . import x\n{HEAD}y = x\n", "MCP217", 1),
    "one in a function": (f"{HEAD}def f():\n    from .a import b\n    return b\n", "MCP217", 5),
    "the workbench": (f"import mcp_workbench\n{HEAD}x = mcp_workbench\n", "MCP217", 1),
    "no server": ("x = 1\n", "MCP218", 0),
    "a server in a function": (
        "from fastmcp import FastMCP\ndef made() -> FastMCP:\n    return FastMCP('S')\n", "MCP218", 2),
    "which server": (f"{HEAD}b = FastMCP('B')\n".replace("mcp =", "a ="), "MCP218", 3),
    "the SDK under the name": (f"import mcp\n{HEAD.replace('mcp =', 'a =')}x = mcp\n", "MCP218", 1),
    "nothing": ('"""Nothing."""\n', "MCP220", 0),
    "a mark": (f"{HEAD}#| export\nx = 1\n", "MCP201", 4),
}  # fmt: skip


class TestRefusals:
    @pytest.mark.parametrize(("text", "expected", "line"), REFUSED.values(), ids=REFUSED)
    def test_each_with_file_and_line(self, tmp_path: Path, text: str, expected: str, line: int) -> None:
        with pytest.raises(Refused) as refused:
            brought(tmp_path, text)
        found = {(finding.code, finding.place.line) for finding in refused.value.findings}
        assert (expected, line) in found
        for finding in refused.value.findings:
            assert finding.place.chapter == str(tmp_path / "server.py")
            assert "cell" not in f"{finding.what} {finding.do}".replace("notebook's cells", "")
        assert refused.value.exit_code == 1

    def test_all_at_once(self, tmp_path: Path) -> None:
        text = "from os import *\nfrom . import y\nprint(1)\nx = FastMCP\nmcp = 1\nmcp.run()\n"
        with pytest.raises(Refused) as refused:
            brought(tmp_path, text)
        assert [finding.code for finding in refused.value.findings] == [
            "MCP211",
            "MCP217",
            "MCP212",
            "MCP213",
        ]

    def test_lines_in_the_text_of_a_finding_are_the_files(self, tmp_path: Path) -> None:
        with pytest.raises(Refused, match=r"`json` is defined already, in \S+server.py:1:1"):
            brought(tmp_path, f"import json\n{HEAD}def json(): ...\n")
        with pytest.raises(Refused, match="defined below, on line 5"):
            brought(tmp_path, f"{HEAD}def f() -> list[int]: ...\ndef list(): ...\n")

    def test_a_key_is_not_shown(self, tmp_path: Path) -> None:
        with pytest.raises(Refused) as refused:
            brought(tmp_path, REFUSED["a key"][0])
        assert "a1a1" not in str(refused.value)

    def test_a_file_that_cannot_be_read(self, tmp_path: Path) -> None:
        with pytest.raises(WorkbenchError, match="no such file") as missing:
            bring(tmp_path / "missing.py", "small")
        assert missing.value.exit_code == 2
        with pytest.raises(WorkbenchError, match="binary"):
            brought(tmp_path, b"\0\1")
        with pytest.raises(WorkbenchError, match="not utf-8"):
            brought(tmp_path, b"x = '\xff'\n")


class TestSameness:
    @pytest.mark.parametrize(
        ("source", "other"),
        [
            ("x = 1", "x = 2"),
            ("x = 1\ny = 2", "y = 2\nx = 1"),
            ("x = 1", "x = 1\ny = 2"),
            ("x = 1\ny = 2", "x = 1"),
            ("def f(): return 1", "async def f(): return 1"),
            ("def f(a, /): ...", "def f(a): ..."),
            ("x = 'a'", "x = b'a'"),
            ("x = 1", "x = True"),
            ("x: int = 1", "x = 1"),
            ("@a\n@b\ndef f(): ...", "@b\n@a\ndef f(): ..."),
            ("def f():\n    '''Doc.'''", "def f():\n    '''Doc!'''"),
            ("import os\nx = os", "x = os"),
            ("import os\nx = os", "import os as os2\nx = os"),
            ("from a import b\nx = b", "from c import b\nx = b"),
            ("from .a import b\nx = b", "from a import b\nx = b"),
            ("import side_effect", ""),
            ("from json import dumps\n__all__ = ['dumps']", "__all__ = ['dumps']"),
            ("from os import PathLike\ndef f(x: 'PathLike'): ...", "def f(x: 'PathLike'): ..."),
            ("from __future__ import annotations\nx = 1", "x = 1"),
            ("x = 1", "import os\nx = 1"),
            ("x = 1\nimport os\ny = os", "import os\nx = 1\ny = os"),
            ("if __name__ == '__main__':\n    x()\nelse:\n    y()", ""),
            ("if __name__ == '__main__':\n    pass\nimport a\nx = a", "x = a"),
            ("if __name__ != '__main__':\n    x()", ""),
            ("x = 1\n'text'", "x = 1"),
        ],
    )
    def test_programs_that_differ(self, source: str, other: str) -> None:
        assert difference(source, other) != ""

    @pytest.mark.parametrize(
        ("source", "other"),
        [
            ("x=1 # a", "x = 1"),
            ("'''Doc.'''\nx = 1", "'''Other.'''\n\nx = 1"),
            ("import b, a\nx = a, b", "import a\nimport b\n\nx = a, b"),
            ("from os import sep, getcwd\nx = sep", "from os import sep\nx = sep"),
            ("x = 1\nif __name__ == '__main__':\n    run()", "x = 1"),
            ("x = 'a'", 'x = "a"'),
            ("if __name__ == '__main__':\n    run()\nimport a\nx = a", "import a\nx = a"),
        ],
    )
    def test_programs_that_are_the_same(self, source: str, other: str) -> None:
        assert difference(source, other) == ""

    def test_additions_count_once_and_must_be_there(self) -> None:
        assert difference("x = 1", "x = 1\nmcp = x", ["mcp = x"]) == ""
        assert difference("mcp = x", "mcp = x\nmcp = x", ["mcp = x"]) == ""
        assert "missing" in difference("x = 1", "x = 1", ["mcp = x"])
        assert "new" in difference("x = 1", "x = 1\nmcp = x\nmcp = x", ["mcp = x"])

    def test_the_first_difference_is_named(self) -> None:
        assert (
            difference("x = 1\ny = 2\nz = 3", "x = 1\ny = 4\nz = 5")
            == "line 2, `y = 2`, came back as `y = 4`"
        )


PARTS = [
    "v{n} = {n}",
    "v{n}: dict[str, int] = {{}}  # why",
    "def f{n}(x: int = {n}) -> int:\n    # inside\n    return x",
    "@mcp.tool\nasync def t{n}(q: str) -> str:\n    '''Find.'''\n    return q",
    "@mcp.resource('a://{n}')\ndef r{n}() -> str: return '# %% x'",
    "class C{n}:\n    a: int = 1\n    b = a + 1",
    "shared = {n}",
    "shared += {n}" ,
    "import json as j{n}\nk{n} = j{n}",
    "for i in range({n}):\n    pass",
    "if shared:\n    w{n} = f0()\nelse:\n    w{n} = None",
    "f0(shared)",
    "s{n} = '''\n# ---- a ----\n#| export\n'''",
    "def f{n}():\n    return g()\nz{n} = f{n}",
    "def g(): return {n}",
]  # fmt: skip
BETWEEN = [
    "\n",
    "\n\n",
    "\n\n\n# ---- Part {n} ----\n\n",
    "\n# about {n}\n",
    "\n\n# A title {n}\n\n",
    "\n  # indented {n}\n\n",
    "\n\n# ====\n# Big {n}\n# and more\n# ====\n",
    "\n# %% cell {n}\n",
]


@given(st.lists(st.tuples(st.sampled_from(PARTS), st.sampled_from(BETWEEN)), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_whatever_the_parts_and_what_stands_between(
    tmp_path_factory: pytest.TempPathFactory, parts: list[tuple[str, str]]
) -> None:
    start = f"{HEAD}\nshared = 0\n\n\ndef g(): return 0\n\n\ndef f0(x=0): return g()\n"
    text = (
        start + "".join((f"{between}{part}").format(n=n) for n, (part, between) in enumerate(parts, 1)) + "\n"
    )
    made = brought(tmp_path_factory.mktemp("server"), text)
    assert program(made) == body(text)
    assert_nothing_lost(text, made)


@pytest.mark.usefixtures("warm_kernels")
async def test_the_chapters_run_and_the_server_answers(tmp_path: Path) -> None:
    """Each notebook from a fresh kernel, as nbmake runs it; and what export writes, in both eras."""
    import nbformat
    from fastmcp import Client
    from nbclient import NotebookClient

    helpers = "\n\n".join(f"def helper_{n}():\n    return {n}" for n in range(60))
    more = helpers.replace("helper", "more")
    server = HEAD.replace("mcp =", "desk =") + TOOL.replace("mcp", "desk")
    text = (
        f"import os\n\n\n# ---- Helpers ----\n\n{helpers}\n\n\n# ---- The desk ----\n\n{server}\n\n{more}\n"
    )
    made = brought(tmp_path, text)
    assert len(made.notebooks) == 2
    for file, source in made.notebooks.items():
        (tmp_path / "notebooks").mkdir(exist_ok=True)
        (tmp_path / "notebooks" / file).write_text(source, encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text("[tool.mcp-workbench]\n")
    for file, source in made.notebooks.items():
        book = nbformat.reads(source, as_version=4)
        client = NotebookClient(book, timeout=60, resources={"metadata": {"path": tmp_path / "notebooks"}})
        await client.async_execute()
        assert file
    assert book.cells[-1].outputs[0]["text"] == "add\n"
    namespace: dict[str, object] = {"__name__": "server"}
    exec(compile(exported(made), "server.py", "exec"), namespace)  # a server of this test
    for mode in ("legacy", "auto"):
        async with Client(namespace["mcp"], mode=mode) as client:
            assert (await client.call_tool("add", {"a": 1, "b": 2})).data == 3
