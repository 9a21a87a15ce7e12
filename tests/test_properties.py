"""What holds for every workspace: generated ones, with revisions, updates, imports and cells out of order.

A generated workspace is legal by construction: each cell knows names that some cell defines, and a name is
read while the module loads only by cells that come later in one hidden legal order. The reader's order is
another.
"""

from __future__ import annotations

import ast
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyflakes.api
import pyflakes.reporter
from conftest import write_notebook
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcp_workbench import export, notebook, update, workspace
from mcp_workbench.findings import Refused
from mcp_workbench.sections import take_apart
from mcp_workbench.tangle import tangle
from mcp_workbench.workspace import Workspace

QUICK = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MODULES = ["json", "math", "os", "string", "textwrap"]
COMMENTS = ["", "# why\n", "# %time is no magic here\n", "# žluťoučký kůň\n"]


@dataclass(frozen=True)
class Made:
    """Chapters of (id, source) cells; `kept` are the sources that survive, in a legal order."""

    chapters: list[list[tuple[str, str]]]
    kept: list[str]


def _definition(draw: st.DrawFn, name: str, at_load: list[str], in_bodies: list[str], module: str) -> str:
    """Source that binds `name`; what it reads while the module loads is in `at_load`."""
    reads = draw(st.lists(st.sampled_from(at_load), max_size=3, unique=True)) if at_load else []
    body_reads = draw(st.lists(st.sampled_from(in_bodies), max_size=3, unique=True)) if in_bodies else []
    comment = draw(st.sampled_from(COMMENTS))
    number = draw(st.integers(0, 99))
    listed = "".join(f"repr({read}), " for read in reads)
    inner = "".join(f"{read}, " for read in body_reads)
    uses = f"{module}.__name__, " if module else ""
    kind = draw(st.integers(0, 5))
    if kind == 0:
        text = f"{name} = ({number}, {uses}{listed})"
    elif kind == 1:
        text = f"def {name}(a=({uses}{listed})):\n    return ({inner})\n\n\n{name}.tag = {number}"
    elif kind == 2:
        text = (
            f"class {name}:\n    value = ({number}, {uses}{listed})\n\n    def f(s):\n        return {inner}1"
        )
    elif kind == 3:
        text = f'{name} = """{number}\n\n%magic in a string\n  #| export\n""", ({uses}{listed})'
    elif kind == 4:
        text = f"{name} = [(v, {uses}{listed}) for v in range(2) if v]"
    else:
        text = f"if {number} > 50:\n    {name} = ({uses}{listed})\nelse:\n    {name} = [{number}]\n\n\n"
    return comment + text


@st.composite
def workspaces(draw: st.DrawFn) -> Made:
    count = draw(st.integers(1, 12))
    names = [f"n{index}" for index in range(count)]
    modules = [draw(st.sampled_from(["", *MODULES])) for _ in names]
    bodies: dict[str, str] = {}
    for index, name in enumerate(names):
        bodies[name] = _definition(draw, name, names[:index], names, modules[index])
    reader = draw(st.permutations(names))
    cells: list[tuple[str, str]] = [("server", "#| export\nmcp = object()")]
    for name, module in ((n, modules[names.index(n)]) for n in reader):
        imports = f"import {module}\n\n" if module else ""
        cells.append((name, f"#| export\n{imports}{bodies[name]}"))
        if draw(st.booleans()):
            cells.append(
                (
                    f"scratch-{name}",
                    draw(st.sampled_from([f"{name}", "%time", "!ls", f"{name} = 3", "x = ("])),
                )
            )
    legal = [
        "mcp = object()",
        *(f"import {m}\n{bodies[n]}" if m else bodies[n] for n, m in zip(names, modules, strict=True)),
    ]
    for index, name in enumerate(names):  # some revisions: the later text takes the name over
        if draw(st.integers(0, 4)) == 0 and "value.tag" not in bodies[name] and ".tag" not in bodies[name]:
            new = f"{name} = ('revised', {index})"
            cells.append((f"revised-{name}", f"#| export revise\n{new}"))
            legal[index + 1] = new
    cuts = sorted(draw(st.lists(st.integers(0, len(cells)), max_size=3)))
    edges = [0, *cuts, len(cells)]
    chapters = [cells[a:b] for a, b in pairwise(edges)]
    return Made(chapters, legal)


@contextmanager
def on_disk(made: Made) -> Iterator[Workspace]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "notebooks").mkdir()
        (folder / "pyproject.toml").write_text("[tool.mcp-workbench]\n")
        for number, cells in enumerate(made.chapters):
            write_notebook(folder / "notebooks" / f"{number:02}_c.ipynb", cells)
        found = workspace.at(folder)
        assert found is not None
        yield found


def namespace(text: str) -> dict[str, str]:
    """What running the text binds, as values that can be compared; modules and `mcp` apart."""
    space: dict[str, Any] = {"__name__": "server"}
    exec(compile(text, "server.py", "exec", dont_inherit=True), space)
    found = {}
    for name in sorted(space):
        if name[0] == "n" and name[1:].isdigit():
            value = space[name]
            found[name] = repr(getattr(value, "value", getattr(value, "__defaults__", value)))
    return {name: _without_addresses(text) for name, text in found.items()}


def _without_addresses(text: str) -> str:
    return "".join(
        part.partition(">")[2] if index else part for index, part in enumerate(text.split(" at 0x"))
    )


@given(workspaces())
@QUICK
def test_it_compiles_and_is_the_same_twice(made: Made) -> None:
    with on_disk(made) as here:
        one, two = export.export(here), export.export(here)
        assert one.text == two.text
        compile(one.text, "server.py", "exec")


@given(workspaces())
@QUICK
def test_the_namespace_is_that_of_the_kept_cells_in_a_legal_order(made: Made) -> None:
    with on_disk(made) as here:
        text = export.export(here).text.partition("# %% How the server starts")[0]
    assert namespace(text) == namespace("\n".join(made.kept))


@given(workspaces())
@QUICK
def test_every_kept_line_is_there_unchanged_and_in_its_cells_order(made: Made) -> None:
    with on_disk(made) as here:
        result = export.export(here)
    lines = result.text.split("\n")
    for piece, start in zip(result.program.pieces, result.starts, strict=True):
        source = piece.cell.source.split("\n")
        for number, text in enumerate(piece.text.split("\n"), start=1):
            assert lines[start + number - 2] == text == source[piece.line_in_cell(number) - 1]
    kept = {line for body in made.kept for line in body.split("\n") if line.strip()}
    assert kept - {f"import {module}" for module in MODULES} <= set(lines)


@given(workspaces())
@QUICK
def test_pyflakes_finds_no_undefined_name_where_we_find_none(made: Made) -> None:
    with on_disk(made) as here:
        text = export.export(here).text
    assert "undefined name" not in _pyflakes(text)


@given(workspaces(), st.data())
@QUICK
def test_where_a_cell_is_left_out_we_and_pyflakes_agree(made: Made, data: st.DataObject) -> None:
    """Leave one finished cell out: both finders name the same undefined names."""
    cells = [cell for chapter in made.chapters for cell in chapter if cell[1].startswith("#| export\n")]
    gone = data.draw(st.sampled_from(cells))
    left = [cell for cell in cells if cell != gone]
    legal = sorted(left, key=lambda cell: -1 if cell[0] == "server" else int(cell[0][1:]))
    joined = "\n\n".join(source for _, source in legal)
    theirs = {
        line.rpartition("undefined name ")[2]
        for line in _pyflakes(joined).splitlines()
        if "undefined" in line
    }
    read = [notebook.Cell("00_c.ipynb", n, i, "", s) for n, (i, s) in enumerate(left, 1)]
    try:
        tangle(read)
        ours: set[str] = set()
    except Refused as refused:
        ours = {f.what.partition("`")[2].partition("`")[0] for f in refused.findings if f.code == "MCP205"}
    assert {f"'{name}'" for name in ours} == theirs


def _pyflakes(text: str) -> str:
    import io

    out = io.StringIO()
    pyflakes.api.check(text, "server.py", pyflakes.reporter.Reporter(out, out))
    return out.getvalue()


EDITS = ["append", "prepend", "comment", "remove", "blank"]


@given(workspaces(), st.data())
@QUICK
def test_update_after_an_edit_and_export_again_is_a_fixed_point(made: Made, data: st.DataObject) -> None:
    with on_disk(made) as here:
        result = export.export(here)
        export.write(result, here.server)
        before = {path: json.loads(path.read_text()) for path in here.chapters()}
        edited = _edited(result, data)
        here.server.write_text(edited)
        planned = update.plan(here)
        if edited == result.text:
            assert planned is None
            return
        assert planned is not None
        update.write(here, planned)
        again = export.export(here)
        assert here.server.read_text() == again.text
        assert update.plan(here) is None
        sections = edited.split("# %% ")[1:-1]
        assert [s.rstrip() for s in again.text.split("# %% ")[1:-1]] == [
            s.rstrip() for s in sections if "\n" in s.strip()
        ]
        for path, old in before.items():
            for cell, was in zip(json.loads(path.read_text())["cells"], old["cells"], strict=True):
                if f"{path.name}#{cell['id']}" not in planned.sources:
                    assert cell == was


def _edited(result: export.Export, data: st.DataObject) -> str:
    """server.py after a few edits that keep it legal."""
    lines = result.text.split("\n")
    chosen = data.draw(st.lists(st.integers(0, len(result.starts) - 1), min_size=1, max_size=3, unique=True))
    for index in sorted(chosen, reverse=True):
        piece, start = result.program.pieces[index], result.starts[index] - 1
        end = start + piece.text.count("\n") + 1
        kind = data.draw(st.sampled_from(EDITS))
        revises = piece.cell.revises
        if kind == "append" and not revises:
            lines[end:end] = ["", "", f"def new_{index}():", '    """Added."""', f"    return {index}"]
        elif kind == "prepend" and not revises:
            lines[start:start] = [f"early_{index} = {index}"]
        elif kind == "comment":
            lines[end:end] = ["# said by hand"]
        elif kind == "remove" and "# why" in lines[start:end]:
            lines.pop(lines.index("# why", start))
        elif kind == "blank":
            tree = ast.parse(piece.text)
            first = tree.body[-1].lineno - 1 if tree.body else 0
            if first:
                lines[start + first : start + first] = ["", ""]
    return "\n".join(lines)


IMPORTS = ["", "import os\n\n", "import os  # c\nfrom json import (\n    dumps,\n)\n\n"]
STATEMENTS = [
    "v{0} = {0}",
    "# about v{0}\nv{0} = {0}",
    "def v{0}():\n    a = 1\n\n    return a",
    "class v{0}:\n    x = 1",
    "v{0} = [\n    1,\n    2,\n]",
]


@st.composite
def crowded(draw: st.DrawFn) -> Made:
    """Cells of several statements, some of which are revised later, with and without imports above them."""
    cells = [("server", "#| export\nmcp = object()")]
    count = 0
    for index in range(draw(st.integers(1, 3))):
        body = draw(
            st.sampled_from(["", "import os\n\n", "import os  # c\nfrom json import (\n    dumps,\n)\n\n"])
        )
        uses = f"\nuses{index} = os" if body else ""
        for _ in range(draw(st.integers(1, 4))):
            body += draw(st.sampled_from(STATEMENTS)).format(count) + draw(
                st.sampled_from(["\n", "\n\n", "\n\n\n"])
            )
            count += 1
        cells.append((f"cell-{index}", f"#| export\n{body.rstrip()}{uses}"))
    revised = draw(st.lists(st.integers(0, count - 1), max_size=3, unique=True))
    cells += [(f"revision-{n}", f"#| export revise\nv{n} = {n}0") for n in revised]
    return Made([cells], [])


@st.composite
def edits(draw: st.DrawFn, text: str) -> str:
    """Any line of any section taken out, changed, doubled or added."""
    lines = text.split("\n")
    layout = take_apart(text)
    assert layout is not None
    inside = [n for s in layout.sections for n in range(s.start - 1, s.start + s.text.count("\n"))]
    for place in sorted(draw(st.lists(st.sampled_from(inside), min_size=1, max_size=4)), reverse=True):
        kind = draw(st.integers(0, 3))
        if kind == 0:
            del lines[place]
        elif kind == 1:
            lines[place] += "  # edited"
        else:
            lines.insert(place, "" if kind == 2 else f"new{place} = 1")
    return "\n".join(lines)


@given(crowded(), st.data())
@QUICK
def test_whatever_the_edit_update_keeps_all_of_it_or_changes_nothing(made: Made, data: st.DataObject) -> None:
    with on_disk(made) as here:
        result = export.export(here)
        edited = data.draw(edits(result.text))
        here.server.write_text(edited)
        try:
            planned = update.plan(here)
        except Refused:
            return  # `plan` writes nothing
        if planned is None:
            return
        update.write(here, planned)
        again = export.export(here)
        assert here.server.read_text() == again.text
        assert _lines_of_sections(again.text) == _lines_of_sections(edited)


def _lines_of_sections(text: str) -> dict[str, list[str]]:
    layout = take_apart(text)
    assert layout is not None
    found = {s.address: [line for line in s.text.split("\n") if line.strip()] for s in layout.sections}
    return {address: lines for address, lines in found.items() if lines}
