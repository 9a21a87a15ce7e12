"""The book in a real browser: read in light and dark, wide and on a phone, searched, and by axe-core.

    pytest -m browser -n 0 tests/test_browser_book.py

Needs Chromium. Pictures of what was seen go to tests/screenshots.
"""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from books import book, chapters, small
from conftest import ROOT
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

PICTURES = Path(__file__).parent / "screenshots"
WIDTHS = {"wide": (1280, 900), "phone": (390, 844)}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
# Of the course, unexecuted, and of a small workspace, executed, in which a chapter has every kind of output.
LOOKED_AT = [
    *(("course", name) for name in ("index", "01_tools", "glossary", "errors", "reference", "search")),
    *(("small", name) for name in ("00_a", "01_b", "server")),
]


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("books")
    desk = small(folder / "desk", chapters())
    for arguments in ((folder / "small", desk), ("--no-execute", folder / "course", ROOT)):
        ran = book(*arguments)
        assert (ran.returncode, ran.stderr) == (0, "")
    return {name: folder / name for name in ("small", "course")}


@pytest.fixture(scope="module")
def served(sites: dict[str, Path]) -> Iterator[str]:
    """The course's book, served from loopback."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    handler = functools.partial(Quiet, directory=str(sites["course"]))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def violations(page: Page) -> list[str]:
    found = Axe().run(page, options=RULES).response["violations"]
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]
    ]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_accessible_and_fit(
    browser: Browser, sites: dict[str, Path], scheme: Literal["light", "dark"], width: str
) -> None:
    wide, high = WIDTHS[width]
    context = browser.new_context(viewport={"width": wide, "height": high}, color_scheme=scheme)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for site, name in LOOKED_AT:
        page.goto((sites[site] / f"{name}.html").as_uri())
        page.evaluate("document.querySelectorAll('article details').forEach(folded => folded.open = true)")
        page.evaluate("new Promise(shown => requestAnimationFrame(() => setTimeout(shown)))")  # toggles
        if (width == "wide") == (scheme == "light"):  # each width and each scheme once: axe takes seconds
            assert violations(page) == [], name
        assert page.evaluate("document.documentElement.scrollWidth") <= wide, name
        page.screenshot(path=PICTURES / f"book-{name}-{width}-{scheme}.png")
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    context.close()


def test_axe_sees_what_is_wrong(browser: Browser, sites: dict[str, Path]) -> None:
    page = browser.new_page()
    page.goto((sites["small"] / "01_b.html").as_uri())
    page.evaluate("document.querySelector('article').insertAdjacentHTML('beforeend', '<img src=x>')")
    assert any(line.startswith("image-alt") for line in violations(page))
    page.close()


def test_a_long_line_scrolls_in_its_box_and_with_the_keyboard(
    browser: Browser, sites: dict[str, Path]
) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto((sites["small"] / "00_a.html").as_uri())
    box = page.locator("pre", has_text="long long").last
    expect(box).to_have_attribute("tabindex", "0")
    box.focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("box => box.scrollLeft > 0", arg=box.element_handle())
    assert page.locator("pre[tabindex]").count() < page.locator("pre").count()
    page.close()


@pytest.mark.parametrize("place", ["served", "file"])
def test_search_finds_pages_and_terms(
    browser: Browser, sites: dict[str, Path], served: str, place: str
) -> None:
    start = served if place == "served" else sites["course"].as_uri()
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{start}/index.html")
    page.get_by_role("textbox", name="Search").first.fill("elicitation")
    page.keyboard.press("Enter")
    results = page.locator("#search-results ul.search li")
    expect(results.first).to_be_visible()
    found = results.all_inner_texts()
    assert any("04 Context" in line for line in found), found
    page.locator("#search-results a", has_text="04 Context").first.click()
    expect(page.locator("h1")).to_contain_text("04 Context")
    page.close()


def test_a_finished_cell_leads_to_server_py_and_back(browser: Browser, sites: dict[str, Path]) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto((sites["small"] / "01_b.html").as_uri())
    page.get_by_role("link", name="in server.py").click()
    expect(page).to_have_url(sites["small"].as_uri() + "/server.html#server-01-b-hello")
    expect(page.locator("#server-01-b-hello")).to_be_in_viewport()
    page.locator("#server-01-b-hello").get_by_role("link", name="The cell").click()
    expect(page).to_have_url(sites["small"].as_uri() + "/01_b.html#cell-01-b-hello")
    page.close()
