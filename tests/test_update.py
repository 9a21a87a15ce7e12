"""Edits in server.py go home into their cells, and nothing else changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import SERVER, MakeWorkspace

from mcp_workbench.cli import main

HELLO = (
    "#| export\nimport os\n\n# gone\nWORD = 'Hi'\n\n\ndef hello() -> str:\n"
    '    """Say hello."""\n    return WORD + os.name\n\n\ndef bye() -> str:\n    return "Bye"'
)
Edit = Callable[..., None]


@pytest.fixture
def desk(make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = make_workspace(
        a=["# The start", ("server", SERVER), ("hello", HELLO), ("scratch", "hello()")],
        b=[
            "# Later",
            ("other", "#| export revise\nWORD = 'Hello'"),
            ("last", "#| export\nlast = [hello, bye]"),
        ],
    )
    path = folder / "notebooks" / "00_a.ipynb"
    notebook = json.loads(path.read_text())
    for cell in notebook["cells"][1:]:
        cell["execution_count"] = 7
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["ümlaut\n"]}]
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")
    monkeypatch.chdir(folder)
    assert main(["export"]) == 0
    return folder


def edit(*pairs: tuple[str, str]) -> None:
    server = Path("server.py")
    text = server.read_text()
    for old, new in pairs:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    server.write_text(text)


def cell(identifier: str, chapter: str = "00_a") -> dict[str, Any]:
    notebook = json.loads(Path(f"notebooks/{chapter}.ipynb").read_text())
    return next(c for c in notebook["cells"] if c["id"] == identifier)


def source(identifier: str, chapter: str = "00_a") -> str:
    return "".join(cell(identifier, chapter)["source"])


def update() -> None:
    """Update, and see that the file and the notebooks agree from then on."""
    assert main(["update", "--yes"]) == 0
    assert main(["export", "--check"]) == 0


def snapshot() -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in [Path("server.py"), *sorted(Path("notebooks").iterdir())]}


@pytest.mark.usefixtures("desk")
class TestEdits:
    def test_a_changed_line(self) -> None:
        edit(("    return WORD + os.name", "    return WORD.upper() + os.name"))
        update()
        assert source("hello") == HELLO.replace("WORD + os.name", "WORD.upper() + os.name")

    def test_only_that_cell_changes_and_its_outputs_go(self) -> None:
        before = Path("notebooks/00_a.ipynb").read_text().splitlines()
        other = Path("notebooks/01_b.ipynb").read_bytes()
        edit(('return "Bye"', 'return "So long"'))
        update()
        after = json.loads(Path("notebooks/00_a.ipynb").read_text())
        hello = cell("hello")
        assert (hello["outputs"], hello["execution_count"]) == ([], None)
        assert cell("server")["execution_count"] == 7
        assert cell("scratch")["outputs"] != []
        assert Path("notebooks/01_b.ipynb").read_bytes() == other
        expected = json.loads("\n".join(before))
        expected["cells"][2] |= {"outputs": [], "execution_count": None}
        expected["cells"][2]["source"] = HELLO.replace('"Bye"', '"So long"').splitlines(keepends=True)
        assert after == expected
        assert (
            Path("notebooks/00_a.ipynb").read_text()
            == json.dumps(expected, indent=1, ensure_ascii=False) + "\n"
        )

    @pytest.mark.parametrize("indent", [2, 4, None])
    def test_the_json_keeps_its_form(self, indent: int | None) -> None:
        path = Path("notebooks/00_a.ipynb")
        notebook = json.loads(path.read_text())
        for one in notebook["cells"]:
            one["source"] = "".join(one["source"])
        path.write_text(json.dumps(notebook, indent=indent, ensure_ascii=True))
        edit(('return "Bye"', 'return "Later"'))
        update()
        notebook["cells"][2] |= {"outputs": [], "execution_count": None}
        notebook["cells"][2]["source"] = HELLO.replace('"Bye"', '"Later"')
        assert path.read_text() == json.dumps(notebook, indent=indent, ensure_ascii=True)

    def test_a_definition_added_under_a_title(self) -> None:
        edit(('    return "Bye"', '    return "Bye"\n\n\ndef again() -> str:\n    return hello()'))
        update()
        assert source("hello").endswith('    return "Bye"\n\n\ndef again() -> str:\n    return hello()')

    def test_a_definition_added_at_the_top_of_a_section(self) -> None:
        edit(("def hello()", "def before() -> str:\n    return bye()\n\n\ndef hello()"))
        update()
        assert source("hello").startswith(
            "#| export\nimport os\n\n# gone\nWORD = 'Hi'\n\n\ndef before() -> str:"
        )

    def test_a_definition_removed(self) -> None:
        edit(('def bye() -> str:\n    return "Bye"\n', ""), ("[hello, bye]", "[hello]"))
        update()
        assert source("hello") == HELLO.partition("\n\n\ndef bye")[0]
        assert source("last", "01_b") == "#| export\nlast = [hello]"

    def test_all_lines_of_a_cell_removed(self) -> None:
        edit(("last = [hello, bye]\n", ""))
        update()
        assert source("last", "01_b") == "#| export"

    def test_an_added_import_goes_to_the_first_cell_that_uses_it(self) -> None:
        edit(
            ("import os\n", "import os\nimport textwrap\n"), ('return "Bye"', 'return textwrap.dedent("Bye")')
        )
        update()
        assert source("hello").startswith("#| export\nimport os\nimport textwrap\n\n# gone")

    def test_an_added_import_for_a_cell_without_imports(self) -> None:
        edit(
            ("import os\n", "import os\nfrom textwrap import dedent as plain  # words\n"),
            ("last = [hello, bye]", "last = [hello, bye, plain]"),
        )
        update()
        assert source("last", "01_b") == (
            "#| export\nfrom textwrap import dedent as plain  # words\n\nlast = [hello, bye, plain]"
        )

    def test_an_import_removed_with_what_used_it(self) -> None:
        edit(("import os\n", ""), ("WORD + os.name", "WORD"))
        update()
        assert "import os" not in Path("server.py").read_text()

    def test_two_chapters_at_once(self) -> None:
        edit(('"Bye"', '"Ciao"'), ("WORD = 'Hello'", "WORD = 'Salut'"))
        update()
        assert '"Ciao"' in source("hello")
        assert source("other", "01_b") == "#| export revise\nWORD = 'Salut'"

    def test_a_local_import_is_an_edit_like_any_other(self) -> None:
        edit(('    return "Bye"', '    import json\n\n    return json.dumps("Bye")'))
        update()
        assert "    import json\n" in source("hello")

    def test_an_import_written_under_a_title_is_gathered(self) -> None:
        edit(("last = [hello, bye]", "import json\n\nlast = [hello, bye, json]"))
        update()
        assert Path("server.py").read_text().index("import json") < Path("server.py").read_text().index(
            "# %%"
        )

    def test_blank_lines_and_comments(self) -> None:
        edit(("last = [hello, bye]", "# All of them:\n\nlast = [hello, bye]\n# The end."))
        update()
        assert source("last", "01_b") == "#| export\n# All of them:\n\nlast = [hello, bye]\n# The end."

    def test_a_change_of_order_follows_from_the_edit(self) -> None:
        edit(("WORD = 'Hello'", "WORD = str(last)"), ("last = [hello, bye]", "last = []"))
        update()


@pytest.mark.usefixtures("desk")
class TestRefused:
    @pytest.mark.parametrize(
        ("old", "new", "says"),
        [
            (
                '"""A small desk."""',
                '"""A large desk."""',
                "description and requires in [tool.mcp-workbench]",
            ),
            ('requires-python = ">=3.11"', 'requires-python = ">=3.13"', "the PEP 723 block"),
            ("    main()\n", "    main()\n    print()\n", "an edit in the tail"),
            ("# %% How the server starts when this file is run\n", "", "the title of the tail is gone"),
            ("# %% 01_b.ipynb#last  Later\n", "", "the title of 01_b.ipynb#last is gone"),
            (
                "# %% 01_b.ipynb#last  Later\n",
                "# %% 01_b.ipynb#lost  Later\n",
                "no finished cell 01_b.ipynb#lost",
            ),
            ("# %% 01_b.ipynb#last  Later\n", "# %% 00_a.ipynb#hello\n", "two titles 00_a.ipynb#hello"),
            ("import os\n", "from posix import os\n", "`os` was imported from another place"),
            ("import os\n", "", "the import of `os` was removed, and is still used"),
            ("import os\n", "import os  # hm\n", "a comment at the imports was changed"),
            ("import os\n", "import os\nX = 1\n", "not imports alone"),
            ("import os\n", "import os\nimport json\n", "nothing uses the new import `json`"),
            ("def bye() -> str:", "def bye( -> str:", "with your edit: not valid Python"),
            (
                "def bye() -> str:",
                "def hello_2(x=nope) -> str:",
                "with your edit: no finished cell defines `nope`",
            ),
            ("WORD = 'Hello'", "WORD = 'Hello'\nNEW = 1", "with your edit: `NEW` has no earlier definition"),
            ('    return "Bye"\n', '    return "Bye"\n\n\nlast = 1\n', "`last` is defined already"),
        ],
    )
    def test_edits_that_belong_elsewhere(
        self, old: str, new: str, says: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        edit((old, new))
        before = snapshot()
        assert main(["update", "--yes"]) == 1
        assert says in capsys.readouterr().err
        assert snapshot() == before

    def test_a_removed_revision_would_bring_the_earlier_definition_back(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        edit(("WORD = 'Hello'\n", ""))
        before = snapshot()
        assert main(["update", "--yes"]) == 1
        assert "MCP225 this line would come back: # gone" in capsys.readouterr().err
        assert snapshot() == before

    def test_without_mcp_it_would_be_no_server(self, capsys: pytest.CaptureFixture[str]) -> None:
        edit(('mcp = FastMCP("Small")', 'app = FastMCP("Small")'))
        assert main(["update", "--yes"]) == 1
        assert "with your edit: no finished cell defines `mcp`" in capsys.readouterr().err

    def test_sections_that_were_moved(self, capsys: pytest.CaptureFixture[str]) -> None:
        text = Path("server.py").read_text()
        head, *sections = text.split("# %% ")
        sections[0], sections[1] = sections[1], sections[0]
        Path("server.py").write_text("# %% ".join([head, *sections]))
        assert main(["update", "--yes"]) == 1
        assert "was moved" in capsys.readouterr().err

    def test_a_notebook_that_changed_too(self, capsys: pytest.CaptureFixture[str]) -> None:
        edit(('"Bye"', '"Ciao"'))
        path = Path("notebooks/00_a.ipynb")
        path.write_text(path.read_text().replace("Say hello.", "Greet."))
        before = snapshot()
        assert main(["update", "--yes"]) == 1
        assert "MCP224 changed since" in capsys.readouterr().err
        assert snapshot() == before

    def test_only_the_notebook_changed(self, capsys: pytest.CaptureFixture[str]) -> None:
        path = Path("notebooks/00_a.ipynb")
        path.write_text(path.read_text().replace("Say hello.", "Greet."))
        assert main(["update", "--yes"]) == 1
        assert "has no edits; the notebooks changed since" in capsys.readouterr().err

    def test_markdown_may_change(self) -> None:
        edit(('"Bye"', '"Ciao"'))
        path = Path("notebooks/00_a.ipynb")
        path.write_text(path.read_text().replace("# The start", "# A start"))
        update()
        assert '"Ciao"' in source("hello")

    def test_a_read_only_notebook_and_nothing_is_written(self, capsys: pytest.CaptureFixture[str]) -> None:
        edit(('"Bye"', '"Ciao"'), ("WORD = 'Hello'", "WORD = 'Salut'"))
        Path("notebooks/01_b.ipynb").chmod(0o444)
        before = snapshot()
        assert main(["update", "--yes"]) == 2
        assert "01_b.ipynb: is read-only" in capsys.readouterr().err
        assert snapshot() == before

    def test_no_server_and_somebody_elses(self, capsys: pytest.CaptureFixture[str]) -> None:
        Path("server.py").write_text("x = 1\n")
        assert main(["update", "--yes"]) == 2
        assert "not a file that export wrote" in capsys.readouterr().err
        Path("server.py").unlink()
        assert main(["update", "--yes"]) == 2
        assert "`mcp-workbench export` makes it" in capsys.readouterr().err


@pytest.mark.usefixtures("desk")
class TestAsking:
    @pytest.mark.parametrize(("answer", "code"), [("y", 0), ("yes", 0), ("n", 1), ("", 1)])
    def test_it_shows_the_diff_and_asks(
        self, answer: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        edit(('"Bye"', '"Ciao"'))
        before = snapshot()
        monkeypatch.setattr("builtins.input", lambda _: answer)
        assert main(["update"]) == code
        out = capsys.readouterr().out
        assert "--- 00_a.ipynb#hello  (cell 3, The start)" in out
        assert '-    return "Bye"\n+    return "Ciao"' in out
        assert (snapshot() == before) is (code == 1)

    def test_without_a_terminal_nothing_is_written(self, monkeypatch: pytest.MonkeyPatch) -> None:
        edit(('"Bye"', '"Ciao"'))
        before = snapshot()

        def closed(_: str) -> str:
            raise EOFError

        monkeypatch.setattr("builtins.input", closed)
        assert main(["update"]) == 1
        assert snapshot() == before

    def test_no_edits(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["update"]) == 0
        assert "no edits to take home" in capsys.readouterr().out
