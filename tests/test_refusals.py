"""What tangle refuses: each with its code, its place, and what to do; all of them in one go."""

from __future__ import annotations

import re

import pytest

from mcp_workbench.findings import Finding, Refused
from mcp_workbench.notebook import Cell
from mcp_workbench.tangle import tangle


def findings(*sources: str) -> tuple[Finding, ...]:
    made = [Cell("00_a.ipynb", n, f"c{n}", "", source) for n, source in enumerate(sources, start=1)]
    try:
        tangle(made)
    except Refused as refused:
        return refused.findings
    return ()


def the(*sources: str) -> Finding:
    (finding,) = findings(*sources)
    return finding


@pytest.mark.parametrize(
    ("code", "line", "says", "sources"),
    [
        ("MCP201", 1, "Did you mean `#| export`", ["#| exprt\na = 1"]),
        ("MCP201", 1, "Did you mean `#| export revise`", ["#| export revize\na = 1"]),
        ("MCP201", 1, "Write `#| export`", ["# export\na = 1"]),
        ("MCP201", 2, "not on the first line", ["a = 1\n#| export"]),
        ("MCP201", 2, "not on the first line", ["\n#| export\na = 1"]),
        ("MCP201", 1, "Known: `#| export`", ["#| hide\na = 1"]),
        ("MCP202", 2, "not valid Python: '(' was never closed", ["#| export\nprint("]),
        ("MCP202", 2, "not valid Python: 'return' outside function", ["#| export\nreturn 1"]),
        ("MCP202", 1, "null bytes", ["#| export\nx = '\0'"]),
        ("MCP203", 3, "a `%`, `!` or `?` line", ["#| export\na = 1\n%timeit a"]),
        ("MCP203", 2, "a `%`, `!` or `?` line", ["#| export\n!pip install x"]),
        ("MCP203", 2, "a `%`, `!` or `?` line", ["#| export\nfiles = !ls"]),
        ("MCP203", 2, "a `%`, `!` or `?` line", ["#| export\nmcp?"]),
        ("MCP203", 3, "a `%`, `!` or `?` line", ["#| export\nif True:\n    %matplotlib inline"]),
        ("MCP204", 2, "await at the top level", ["#| export\nawait x()"]),
        ("MCP204", 2, "await at the top level", ["#| export\nasync with x() as y: pass"]),
        ("MCP204", 2, "await at the top level", ["#| export\nz = [x async for x in y()]"]),
        ("MCP205", 3, "no finished cell defines `fetchh`", ["#| export\ndef f():\n    return fetchh()"]),
        ("MCP205", 2, "Did you mean `fetch`?", ["#| export\nx = fetcg()", "#| export\ndef fetch(): ..."]),
        ("MCP205", 2, "no finished cell defines `Bok`", ["#| export\ndef f(x: 'Bok'): ..."]),
        ("MCP206", 2, "`display` exists in a notebook only", ["#| export\ndisplay(1)"]),
        ("MCP206", 2, "`get_ipython` exists in a notebook only", ["#| export\nx = get_ipython()"]),
        ("MCP207", 2, "00_a.ipynb cell 1 (c1), line 3", ["#| export\n\na = 1", "#| export\na = 2"]),
        ("MCP207", 2, "drop the import", ["#| export\nimport a\nx = a", "#| export\na = 2"]),
        ("MCP208", 2, "`b` has no earlier definition", ["#| export\na = 1", "#| export revise\nb = 2"]),
        ("MCP208", 2, "Did you mean `records`?", ["#| export\nrecords = 1", "#| export revise\nrecord = 2"]),
        ("MCP209", 2, "also binds `b`", ["#| export\na = b = 1", "#| export revise\na = 2"]),
        (
            "MCP210",
            2,
            "`b` is y.b here, and x.b in 00_a.ipynb cell 1 (c1), line 2",
            ["#| export\nfrom x import b\nu = b", "#| export\nfrom y import b\nv = b"],
        ),
        ("MCP211", 2, "from os import *", ["#| export\nfrom os import *"]),
        ("MCP212", 2, "a `print` at the top level", ["#| export\nprint('ready')"]),
        ("MCP212", 3, "a `print` at the top level", ["#| export\nfor x in 'ab':\n    print(x)"]),
        ("MCP213", 3, "mcp.run", ["#| export\nmcp = object()\nmcp.run()"]),
        ("MCP213", 3, "asyncio.run", ["#| export\nimport asyncio\nasyncio.run(print)"]),
        ("MCP213", 2, "__name__", ['#| export\nif __name__ == "__main__":\n    x = 1']),
        ("MCP214", 2, "looks like a key", ["#| export\nx = 'sk-ant-REDACTED'"]),  # not-a-secret
        ("MCP215", 1, "cells need each other", ["#| export\na = b", "#| export\nb = a"]),
        ("MCP216", 2, "`b` is read here, and defined below, on line 3", ["#| export\na = b\nb = 1"]),
        ("MCP217", 2, "a relative import", ["#| export\nfrom . import x\ny = x"]),
        ("MCP217", 2, "import mcp_workbench", ["#| export\nfrom mcp_workbench import trace\ny = trace"]),
        ("MCP217", 3, "import mcp_workbench", ["#| export\ndef f():\n    import mcp_workbench"]),
    ],
)
def test_refused(code: str, line: int, says: str, sources: list[str]) -> None:
    if code == "MCP214":  # put together here, so that no scanner finds a key in this file
        sources = [sources[0].replace("REDACTED", "x" * 24)]
    finding = the(*sources)
    assert finding.code == code
    assert says in str(finding)
    assert finding.place.line == line
    assert finding.why
    assert finding.do


@pytest.mark.parametrize(
    "source",
    [
        "#| echo: false\na = %magic",  # a Quarto option, in an unfinished cell
        "#| export\n#| echo: false\na = 1",
        '#| export\ns = """\n#| exprt\n"""',
        "#| export\ndef log(x):\n    print(x)",
        "#| export\nimport sys\nprint('x', file=sys.stderr)",
        "#| export\nx = 'sk-ant-'  # a prefix alone",
        "#| export\ndef f():\n    import asyncio\n    asyncio.run(x())\ndef x(): ...",
        "#| export\ndef main(mcp):\n    mcp.run()",
        "#| export\nx = __file__, __name__, len, ValueError",
        "#| export\ntry:\n    unicode = str\nexcept NameError as error:\n    print_ = error",
        "#| export\nfrom typing import Literal\nx: Literal['nope'] = 1",
        "#| export\nclass A:\n    x = 1\n    y = x\n    def f(self):\n        return __class__",
        "#| export\nx = [y for y in range(3) if (z := y)]",
        "#| export\nfor i in range(3):\n    j = i\nk = j",
        "#| export\ndef f():\n    global counter\n    counter = 1\ndef g():\n    return counter",
        "#| export\nimport os as _os\nx = _os",
        "#| export\nx = 1\ndel x",
        "#| export\nmatch 1:\n    case int(n):\n        m = n",
    ],
)
def test_not_refused(source: str) -> None:
    assert findings(source) == ()


def test_an_unfinished_cell_that_imports_is_named() -> None:
    finding = the(
        "import asyncio\nawait asyncio.sleep(0)", "#| export\nasync def f():\n    await asyncio.sleep(1)"
    )
    assert (
        finding.what
        == "no finished cell defines `asyncio`; the unfinished 00_a.ipynb cell 1 (c1), line 1 imports it"
    )
    assert finding.do == "Finish that cell (`#| export` on its first line), or import `asyncio` here."


def test_an_unfinished_cell_that_defines_is_named_through_its_magics() -> None:
    finding = the("%load_ext x\ndef fetch(): ...", "#| export\nx = fetch()")
    assert "the unfinished 00_a.ipynb cell 1 (c1), line 2 defines it" in finding.what


def test_a_key_is_never_shown_and_can_be_waved_through() -> None:
    key = "ghp_" + "a1B2" * 9
    finding = the(f"#| export\nTOKEN = '{key}'")
    assert key not in str(finding)
    assert "(hidden)" in str(finding)
    assert findings(f"#| export\nTOKEN = '{key}'  # not-a-secret") == ()


def test_a_finding_shows_the_line_with_a_caret() -> None:
    text = str(the("#| export\ndef f():\n    return  fetchh()"))
    shown = re.search(r"^( +3 \| )(.*)\n(.*\^)", text, re.MULTILINE)
    assert shown is not None
    assert (shown[1] + shown[2])[len(shown[3]) - 1 :].startswith("fetchh")


def test_everything_at_once_in_the_readers_order() -> None:
    found = findings(
        "#| exprt", "#| export\n%time\nawait x", "#| export\nprint(1)\nfrom os import *", "#| export\nx("
    )
    assert [f.code for f in found] == ["MCP201", "MCP203", "MCP204", "MCP212", "MCP211", "MCP202"]
