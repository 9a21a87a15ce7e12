"""book: a workspace's chapters as a site; made for real, and read as a browser would."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pytest
from books import book, broken, chapters, from_the_web, small
from conftest import ROOT

from mcp_workbench.book import MARKER, diagrams, glossary, messages, reference
from mcp_workbench.book import chapters as pages
from mcp_workbench.cli import main
from mcp_workbench.rules import RULES
from mcp_workbench.tracing import Trace

pytestmark = pytest.mark.usefixtures("warm_kernels")
TERMS = glossary.terms((Path(pages.__file__).with_name("glossary.md")).read_text(encoding="utf-8"))
GALLERY = json.loads((ROOT / "notebooks" / "13_errors.ipynb").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small(tmp_path_factory.mktemp("small") / "desk", chapters())


@pytest.fixture(scope="module")
def site(workspace: Path) -> Path:
    """The book of a small workspace, executed; made twice, for a book replaces the one before."""
    target = workspace / "site"
    target.mkdir()
    for arguments in (["--no-execute"], []):
        ran = book(target, workspace, *arguments)
        assert (ran.returncode, ran.stderr) == (0, "")
        assert re.search(r"index\.html: \d+ pages, [\d.]+ MB, \d+ s", ran.stdout)
    return target


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The book of the course, unexecuted: execution takes minutes, and is others' to test."""
    target = tmp_path_factory.mktemp("course") / "site"
    ran = book("--no-execute", target, ROOT)
    assert (ran.returncode, ran.stderr) == (0, "")  # no warning of Sphinx's either
    return target


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def words(page: str) -> str:
    """What is read on a page."""
    return html.unescape(re.sub(r"<[^>]*>", "", page))


@pytest.mark.parametrize("name", ["site", "course"])
def test_every_link_leads_somewhere_and_nothing_is_loaded_from_the_web(
    name: str, request: pytest.FixtureRequest
) -> None:
    found: Path = request.getfixturevalue(name)
    assert list(broken(found)) == []
    assert list(from_the_web(found)) == []


def test_the_checks_of_links_see_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "b.html").write_text("<p id='there'></p>")
    (tmp_path / "a.html").write_text(
        "<a href='b.html#there'></a><a href='b.html#gone'></a><a href='c.html'></a><a href='https://x.org'></a>"
        "<script src='https://cdn.example/x.js'></script><img src='gone.png'>"
    )
    (tmp_path / "a.css").write_text("@import 'x.css'; a {src: url(https://fonts.example/a.woff)}")
    assert [line.split(": ")[1] for line in broken(tmp_path)] == ["b.html#gone", "c.html", "gone.png"]
    assert len(list(from_the_web(tmp_path))) == 3


def test_a_chapter_is_shown_with_its_outputs_and_its_marks(site: Path) -> None:
    page = text(site / "01_b.html")
    assert '<a class="reference internal" href="server.html#server-01-b-hello">' in page
    assert "tag_finished" in page
    assert '<figure class="sequence">' in page
    assert "sequenceDiagram" not in page
    assert "a snapshot; run the cell to use the panel" in page
    assert '<a class="reference internal" href="glossary.html#term-tool">' in page
    assert "<math" in page
    assert "MathJax" not in page
    assert "long long long" in text(site / "00_a.html")


def test_what_would_say_too_much_is_folded_or_gone(site: Path) -> None:
    page = text(site / "01_b.html")
    assert "a wrong answer" not in page
    folded = re.findall(r"<details.*?</details>", page, re.DOTALL)
    summaries = [words(one.partition("</summary>")[0]).split()[0] for one in folded]
    assert [one for one in summaries if one.istitle()] == ["Assertions", "Solution", "Hint"]
    outside = re.sub(r"<details.*?</details>", "", page, flags=re.DOTALL)
    assert "YOUR CODE HERE" in outside
    for hidden in ("solved", "Look at the", "messages</span>"):
        assert hidden in page
        assert hidden not in outside


def test_the_other_pages_of_a_workspace_of_ones_own(site: Path) -> None:
    names = ["00_a", "01_b", "glossary", "index", "reference", "search", "server"]
    assert sorted(path.stem for path in site.glob("*.html")) == names
    assert "A *small* desk." in text(site / "index.html")
    assert "Chapter" not in text(site / "glossary.html").partition("term-annotations")[2]
    page = words(text(site / "reference.html"))
    for said in (
        "Greet *plainly*.",
        "at least 1, at most 3",
        "How often|how much",
        "reads only",
        "no; default",
    ):
        assert said in page
    assert "def hello(" in words(text(site / "server.html"))
    assert '<a class="reference internal" href="01_b.html#cell-01-b-hello">' in text(site / "server.html")


def test_the_course_has_everything(course: Path) -> None:
    names = {path.stem for path in (ROOT / "notebooks").glob("[0-9]*.ipynb")}
    assert names <= {path.stem for path in course.glob("*.html")}
    gallery = text(course / "errors.html")
    assert 'href="13_errors.html#message-mcp017"' in gallery
    assert "task group was not initialized" in words(gallery)
    assert 'href="00_first_server.html#cell-00-first-server-tool-text"' in text(course / "glossary.html")
    assert 'id="tool-find-books"' in text(course / "reference.html")


def test_every_term_is_explained_where_it_says() -> None:
    """In a Markdown cell of that chapter that has the word, or its stem."""
    assert len(TERMS) >= 40
    assert len({term.name.lower() for term in TERMS}) == len(TERMS)
    for term in (term for term in TERMS if term.chapter):
        notebook = json.loads((ROOT / "notebooks" / f"{term.chapter}.ipynb").read_text(encoding="utf-8"))
        (cell,) = (c for c in notebook["cells"] if c["id"] == term.cell)
        assert cell["cell_type"] == "markdown"
        assert term.name.lower().removesuffix("s")[:5] in "".join(cell["source"]).lower(), term


def test_the_gallery_has_each_row_of_chapter_13_with_its_reason() -> None:
    source = "".join(next(c for c in GALLERY["cells"] if c["id"] == "all-messages")["source"])
    expected = [line for line in source.splitlines() if line.startswith("|") and "MCP" in line]
    tables = messages.rows(GALLERY)
    assert sum(map(len, tables.values())) == len(expected) > 80
    page = messages.as_page("13_errors", GALLERY, RULES)
    for row in (row for table in tables.values() for row in table):
        assert f"{row.read}\n: " in page
        assert f"**Do:** {row.do}" in page
        assert set(row.codes) <= messages.shown(GALLERY)
    for code in messages.shown(GALLERY):
        assert messages.escaped(RULES[code].why) in page
    assert "mcp-workbench explain MCP101" in page


def test_a_schema_is_told_in_words() -> None:
    years = {"type": "object", "properties": {"first": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}}
    definitions = {
        "Years": years,
        "Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}},
    }
    told = {
        "object (`first`: integer or null)": {"$ref": "#/$defs/Years"},
        "array of string, at most 3 items": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
        'one of `"a"`, `2`': {"enum": ["a", 2]},
        "anything": {},
        "object (`next`: object)": {"$ref": "#/$defs/Node"},
    }
    assert {reference.described(schema, definitions): schema for schema in told.values()} == told


def test_a_diagram_is_drawn_with_all_that_it_says() -> None:
    drawn = diagrams.as_svg(
        "sequenceDiagram\n    C->>S: 1 <a#35;b>\n    S-->>C: 2 b\n    Note over C,S: and 3 more"
    )
    assert 'aria-label="1 &lt;a#b&gt;; 2 b; and 3 more"' in drawn
    assert drawn.count("stroke-dasharray") == 1
    assert diagrams.as_svg("flowchart TD") == ""
    assert diagrams.as_svg(Trace([]).diagram().source).count("<path") == 0


def test_a_chapter_that_fails_is_named_and_the_book_is_left(tmp_path: Path) -> None:
    notebooks = chapters()
    notebooks["01_b"]["cells"][2]["source"] = "1 / 0"
    folder = small(tmp_path / "desk", {"00_a": notebooks["00_a"], "01_b": notebooks["01_b"]})
    ran = book(tmp_path / "site", folder)
    assert ran.returncode == 1
    assert "01_b.ipynb cell 3 (hello) failed: ZeroDivisionError" in ran.stderr
    assert "The book was not written." in ran.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["desk"]


def test_what_is_no_book_is_left_alone(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "mine.txt").write_text("kept")
    added = site / "CNAME"
    added.write_text("desk.example")
    try:
        for target, said in {
            theirs: "exists, and is no book",
            theirs / "mine.txt": "is a file",
            theirs / "mine.txt" / "site": "cannot be written",
            tmp_path / "no" / "site": "cannot be written",
            site: "CNAME is not of it",
        }.items():
            assert main(["book", str(target), str(site.parent)]) == 2
            error = capsys.readouterr().err
            assert said in error
            assert error.count("\n") == 1
        assert (theirs / "mine.txt").read_text() == "kept"
        assert added.read_text() == "desk.example"
    finally:
        added.unlink()
    assert (site / MARKER).is_file()


def test_without_the_extra_it_says_what_to_install(site: Path, tmp_path: Path) -> None:
    """`None` in sys.modules is how Python says that a module is not there."""
    ran = book(tmp_path / "site", site.parent, prepare="sys.modules['furo'] = None")
    assert ran.returncode == 2
    assert "pip install 'mcp-workbench[book]'" in ran.stderr
    assert ran.stderr.count("\n") == 1
