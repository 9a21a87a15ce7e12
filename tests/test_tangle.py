"""The three rules: finished cells in order, a revision replaces, define before use."""

from __future__ import annotations

import sys

import pytest

from mcp_workbench.findings import Refused
from mcp_workbench.imports import render_imports
from mcp_workbench.notebook import Cell
from mcp_workbench.tangle import Program, tangle


def cells(*sources: str, chapter: str = "00_a.ipynb") -> list[Cell]:
    return [Cell(chapter, n, f"c{n}", "", source) for n, source in enumerate(sources, start=1)]


def finished(*bodies: str, chapter: str = "00_a.ipynb") -> list[Cell]:
    return cells(*(f"#| export\n{body}" for body in bodies), chapter=chapter)


def texts(program: Program) -> list[str]:
    return [piece.text for piece in program.pieces]


def codes(made: list[Cell]) -> list[str]:
    with pytest.raises(Refused) as refused:
        tangle(made)
    return [finding.code for finding in refused.value.findings]


class TestFinishedCells:
    def test_only_finished_cells_in_order(self) -> None:
        program = tangle(cells("#| export\na = 1", "scratch = 2\n%time", "#| export\nb = 2"))
        assert texts(program) == ["a = 1", "b = 2"]

    def test_text_is_kept_to_the_byte(self) -> None:
        body = (
            "# why\nx = { 'a' :1,\n   'b':2 }  # odd\n\n\n\ndef f( y ):\n\t'''doc\n   text'''\n\treturn x ,y"
        )
        assert texts(tangle(finished(body))) == [body]

    def test_a_cell_of_comments_is_kept(self) -> None:
        assert texts(tangle(finished("a = 1", "# The answers come from the branch.", "b = 2"))) == [
            "a = 1",
            "# The answers come from the branch.",
            "b = 2",
        ]

    def test_an_empty_finished_cell_leaves_nothing(self) -> None:
        assert texts(tangle(finished("", "a = 1", "\n\n"))) == ["a = 1"]

    def test_a_magic_in_a_string_stays(self) -> None:
        body = 's = """\n%time\n!ls\n"""'
        assert texts(tangle(finished(body))) == [body]

    @pytest.mark.parametrize("body", ["x = 1\rz = 2", "s = 'a\\\n  b'", "x = '\u2028'", "pass;x = 1; y = 2"])
    def test_odd_text(self, body: str) -> None:
        made = [Cell("00_a.ipynb", 1, "c", "", f"#| export\n{body}".replace("\r", "\n"))]
        assert texts(tangle(made)) == [body.replace("\r", "\n")]


class TestRevision:
    def test_a_revision_replaces_and_what_uses_the_name_stays(self) -> None:
        made = [
            *finished("mcp = 1", "uses = [mcp]"),
            *cells("#| export revise\nmcp = 2", chapter="01_b.ipynb"),
        ]
        program = tangle(made)
        assert texts(program) == ["mcp = 2", "uses = [mcp]"]
        assert program.revised == ("mcp",)

    def test_a_revision_of_a_revision(self) -> None:
        made = cells("#| export\na = 1", "#| export revise\na = 2", "#| export revise\na = 3")
        assert texts(tangle(made)) == ["a = 3"]

    def test_only_the_revised_statement_goes_with_its_comment(self) -> None:
        made = cells("#| export\n# about a\na = 1\n\n# about b\nb = 2", "#| export revise\na = 3")
        assert texts(tangle(made)) == ["# about b\nb = 2", "a = 3"]

    def test_an_update_replaces_nothing(self) -> None:
        made = finished("app = 1", "app = [app]", "last = app")
        assert texts(tangle(made)) == ["app = 1", "app = [app]", "last = app"]

    def test_an_augmented_assignment_is_an_update(self) -> None:
        assert texts(tangle(finished("n = 1", "n += 1"))) == ["n = 1", "n += 1"]

    def test_twice_in_one_cell_is_plain_python(self) -> None:
        assert texts(tangle(finished("a = 1\na = 2"))) == ["a = 1\na = 2"]

    def test_an_overload_in_one_cell(self) -> None:
        body = "def f(): pass\ndef f(x): pass"
        assert texts(tangle(finished(body))) == [body]

    def test_half_revised(self) -> None:
        assert codes(cells("#| export\na, b = 1, 2", "#| export revise\na = 3")) == ["MCP209"]

    def test_both_names_revised(self) -> None:
        made = cells("#| export\na, b = 1, 2", "#| export revise\na = 3\nb = 4")
        assert texts(tangle(made)) == ["a = 3\nb = 4"]

    def test_imports_of_a_revise_cell_need_no_earlier_definition(self) -> None:
        program = tangle(cells("#| export\na = 1", "#| export revise\nimport os\na = os.name"))
        assert render_imports(program.imports) == "import os"

    def test_an_import_that_only_a_revised_definition_used_goes(self) -> None:
        program = tangle(cells("#| export\nimport os\na = os.name", "#| export revise\na = 2"))
        assert program.imports == ()


class TestDefineBeforeUse:
    def test_a_cell_moves_up_whole_to_above_the_first_that_needs_it(self) -> None:
        wrap = "def wrap(f): return f\nextra = 3"
        made = finished("first = 1", "@wrap\ndef f(): ...", "between = 2", wrap)
        assert texts(tangle(made)) == [
            "first = 1",
            "def wrap(f): return f\nextra = 3",
            "@wrap\ndef f(): ...",
            "between = 2",
        ]

    def test_a_function_body_needs_nothing_above_it(self) -> None:
        made = finished("def f(): return later", "later = 1")
        assert texts(tangle(made)) == ["def f(): return later", "later = 1"]

    @pytest.mark.parametrize(
        "user",
        [
            "class A(Later): ...",
            "def f(x=Later): ...",
            "def f(x: Later): ...",
            "def f(x: 'Later'): ...",
            "def f() -> Later: ...",
            "class A:\n    x: Later",
            "x = [Later for _ in range(3)]",
            "x = f'{Later}'",
            "if Later:\n    y = 1",
            "x: Later = None",
            "x = (lambda: Later)()\nLater",
        ],
    )
    def test_what_is_read_while_the_module_loads(self, user: str) -> None:
        made = finished(user, "class Later: ...")
        assert texts(tangle(made)) == ["class Later: ...", user]

    def test_a_function_called_at_load_brings_what_it_reads(self) -> None:
        made = finished("def f(): return later", "x = f()", "later = 1")
        assert texts(tangle(made)) == ["def f(): return later", "later = 1", "x = f()"]

    def test_recursion_and_mutual_use_in_bodies_are_no_circle(self) -> None:
        made = finished("def even(n): return n == 0 or odd(n - 1)", "def odd(n): return n and even(n - 1)")
        assert len(texts(tangle(made))) == 2

    def test_updates_stay_above_those_who_read_after_them(self) -> None:
        made = [
            *finished("app = []", "app += [1]", "@register(app)\ndef f(): ..."),
            *finished("def register(a): return lambda f: f", chapter="01_b.ipynb"),
        ]
        assert texts(tangle(made)) == [
            "app = []",
            "app += [1]",
            "def register(a): return lambda f: f",
            "@register(app)\ndef f(): ...",
        ]

    @pytest.mark.parametrize(
        "user",
        [
            "x = [y for y in Later if y]",
            "x = {y: z for y, z in Later.items() if y for z in y}",
            "x = [(y, z) for y in Later if (z := y)]",
            "class A:\n    x = [y for y in Later]\n    y = [y for y in x]",
            "x = {y for y in range(3) if y in Later}",
            "y = [y for y in Later]",
            "x = [(lambda: y)() for y in Later]",
        ],
    )
    def test_the_variables_of_comprehensions_are_their_own(self, user: str) -> None:
        """symtable counts them in from Python 3.12 on (PEP 709); the program must not depend on that."""
        other = "def y(): ...\ndef z(): ..." if not user.startswith("y") and "z :=" not in user else "q = 1"
        made = finished(user, other, "Later = {}")
        assert texts(tangle(made)) == ["Later = {}", user, other]

    def test_a_comprehension_over_a_name_that_it_reuses(self) -> None:
        assert texts(tangle(finished("x = [y for y in y]", "y = [1]"))) == ["y = [1]", "x = [y for y in y]"]

    @pytest.mark.skipif(sys.version_info < (3, 12), reason="the syntax is of Python 3.12")
    @pytest.mark.parametrize(
        ("user", "moved"),
        [
            ("def f[T: Later](x: T) -> list[T]: return x", True),
            ("class A[T](Later[T]): ...", True),
            ("type X = list[Later]", False),
            ("def f[T](x: T) -> T: return Later", False),
        ],
    )
    def test_type_parameters(self, user: str, moved: bool) -> None:
        order = ["class Later: ...", user] if moved else [user, "class Later: ..."]
        assert texts(tangle(finished(user, "class Later: ..."))) == order

    @pytest.mark.skipif(sys.version_info < (3, 12), reason="the syntax is of Python 3.12")
    def test_a_type_alias_brings_what_it_reads(self) -> None:
        made = finished("type X = list[Later]", "def g(x: X): ...", "class Later: ...")
        assert texts(tangle(made)) == ["type X = list[Later]", "class Later: ...", "def g(x: X): ..."]

    @pytest.mark.parametrize(
        "body",
        [
            'class Node:\n    def child(self) -> "Node":\n        return Node()',
            'class Node:\n    parent: "Node | None" = None',
            'class Node:\n    def __eq__(self, other: "Node") -> bool: ...\n\n\ndef root(): return Node()',
        ],
    )
    def test_a_class_may_name_itself_in_a_string(self, body: str) -> None:
        assert texts(tangle(finished(body, "x = Node"))) == [body, "x = Node"]
        made = cells(f"#| export\n{body}", '#| export revise\nclass Node:\n    def twin(self) -> "Node": ...')
        assert "twin" in "".join(texts(tangle(made)))  # a revision, and no update

    def test_what_a_method_says_in_a_string_is_read_later(self) -> None:
        first, second = 'class A:\n    def b(self) -> "B": ...', "class B(A): ..."
        assert texts(tangle(finished(first, second))) == [first, second]
        tool = 'def tool() -> "B": ...'
        assert texts(tangle(finished(tool, "class B: ..."))) == ["class B: ...", tool]

    def test_a_circle(self) -> None:
        assert codes(finished("a = b", "b = a")) == ["MCP215"]

    def test_ten_thousand_cells_deep(self) -> None:
        count = 3000
        made = finished(*(f"v{n} = v{n + 1}" for n in range(count)), f"v{count} = 0")
        assert texts(tangle(made))[0] == f"v{count} = 0"


class TestImports:
    def test_gathered_merged_sorted(self) -> None:
        program = tangle(
            finished(
                "import os\nfrom fastmcp import FastMCP, Context\nx = os, FastMCP, Context",
                "from typing import Any\nimport os\nfrom collections.abc import Set\ny = Any, Set, os",
            )
        )
        assert render_imports(program.imports) == (
            "import os\nfrom collections.abc import Set\nfrom typing import Any\n\n"
            "from fastmcp import Context, FastMCP"
        )

    def test_unused_is_dropped_and_noqa_keeps(self) -> None:
        program = tangle(finished("import os\nimport readline  # noqa: F401\nimport sys\nx = sys"))
        assert render_imports(program.imports) == "import readline  # noqa: F401\nimport sys"

    def test_comments_travel(self) -> None:
        body = "# hosts set this\nimport os  # the environment\nx = os"
        program = tangle(finished(body))
        assert render_imports(program.imports) == "# hosts set this\nimport os  # the environment"
        assert texts(program) == ["x = os"]

    def test_future_goes_first(self) -> None:
        program = tangle(finished("import os\nx = os", "from __future__ import annotations\ny: int = 1"))
        assert render_imports(program.imports).startswith("from __future__ import annotations\n\nimport os")

    @pytest.mark.parametrize(
        "body",
        [
            'import os\nos.environ["A"] = "1"\nimport json\nx = json',
            "import os\ntry:\n    import tomllib\nexcept ImportError:\n    tomllib = None\nx = os, tomllib",
            "import os\ndef f():\n    import json\n    return json, os",
        ],
    )
    def test_only_the_leading_block_is_hoisted(self, body: str) -> None:
        program = tangle(finished(body))
        assert texts(program) == [body.removeprefix("import os\n")]
        assert render_imports(program.imports) == "import os"

    def test_submodules_of_one_package_are_one_name(self) -> None:
        program = tangle(finished("import os.path\nx = os", "import os\ny = os"))
        assert render_imports(program.imports) == "import os\nimport os.path"

    def test_an_alias(self) -> None:
        program = tangle(finished("import numpy as np\nx = np", "from a import b as c\ny = c"))
        assert render_imports(program.imports) == "import numpy as np\nfrom a import b as c"


def test_every_line_knows_its_line_in_the_cell() -> None:
    made = cells(
        "#| export\nimport os\n\n# gone\na = 1\n\nb = os.name\n\n\ndef f():\n    return b",
        "#| export revise\na = 2",
    )
    program = tangle(made)
    for piece in program.pieces:
        source = piece.cell.source.split("\n")
        for number, line in enumerate(piece.text.split("\n"), start=1):
            assert source[piece.line_in_cell(number) - 1] == line
