"""The panel and the trace in JupyterLab, in a real browser: pressed, typed into and read as a person does.

    pytest -m browser -n 0

Needs Chromium. Pictures of what was seen go to tests/screenshots.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import write_notebook
from jupyterlab import PATIENCE, Lab, Notebook, jupyterlab
from playwright.sync_api import Browser, Locator, Page, expect

from mcp_workbench import workspace
from mcp_workbench.course.building import build

pytestmark = pytest.mark.browser

expect.set_options(timeout=PATIENCE / 6)
PICTURES = Path(__file__).parent / "screenshots"
SERVER = '''\
import asyncio
from typing import Literal

from fastmcp import Client, Context, FastMCP
from fastmcp.utilities.types import Image
from mcp.types import ElicitRequest, ElicitRequestFormParams, InputRequiredResult

from mcp_workbench import inspector, trace

lab = FastMCP("lab", version="1.0")
DOT = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c4944415408d763f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)


@lab.tool
def add(a: int, b: int = 1) -> int:
    """Add two numbers."""
    return a + b


@lab.tool
async def count(ctx: Context, steps: int = 5) -> str:
    """Count slowly, and say how far it is."""
    for step in range(steps):
        await ctx.report_progress(step + 1, steps, f"step {step + 1}")
        await asyncio.sleep(0.15)
    await ctx.info("counted")
    return "counted"


@lab.tool
async def wait_for_ever() -> str:
    """Never come back."""
    await asyncio.Event().wait()
    return "impossible"


@lab.tool
def picture() -> Image:
    """A dot."""
    return Image(data=DOT, format="png")


@lab.tool
def much(megabytes: int = 5) -> str:
    """A text that is too long to show."""
    return "x" * (megabytes * 1_000_000)


SIZE = {"type": "object", "properties": {"size": {"enum": ["small", "large"]}}, "required": ["size"]}


@lab.tool
async def order(ctx: Context) -> str | InputRequiredResult:
    """Ask for the size, in the way of the era."""
    if ctx.request_context.protocol_version == "2025-11-25":
        answer = await ctx.elicit("Which size?", Literal["small", "large"])
        return f"{answer.action} {getattr(answer, 'data', '')}"
    if ctx.input_responses is None:
        params = ElicitRequestFormParams(message="Which size?", requested_schema=SIZE)
        return InputRequiredResult(
            result_type="input_required", input_requests={"size": ElicitRequest(params=params)}
        )
    answer = ctx.input_responses["size"]
    return f"{answer.action} {(answer.content or {}).get('size', '')}"


@lab.resource("lab://notes/{topic}")
def notes(topic: str) -> str:
    """Notes on a topic."""
    return f"notes on {topic}"


@lab.prompt
def poem(theme: str) -> str:
    """Ask for a poem."""
    return f"Write a poem on the {theme}."


@lab.completion
def complete(ref, argument, context):
    """Themes that begin so."""
    return [word for word in ("sea", "sky", "sun") if word.startswith(argument.value)]
'''
CELLS = [
    SERVER,
    "panel = await inspector(lab)\npanel",
    '@lab.tool\ndef add(a: int, b: int = 1) -> str:\n    """Add two numbers, in words."""\n'
    '    return f"the sum is {a + b}"',
    "with trace(lab) as t:\n    async with Client(lab) as client:\n"
    "        await client.call_tool('add', {'a': 1})\nt",
    "t.diagram()",
    "import time\nstarted = time.perf_counter()\nawait panel.client.call_tool('add', {'a': 1})\n"
    "f'the call took {(time.perf_counter() - started) * 1000:.1f} ms'",
]
PANEL, REVISION, TRACE, DIAGRAM, CALL = range(1, 6)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = build(workspace.course(), tmp_path_factory.mktemp("course") / "desk", "learner").folder
    write_notebook(folder / "notebooks" / "panel.ipynb", CELLS)
    write_notebook(folder / "notebooks" / "fresh.ipynb", CELLS)
    with jupyterlab(folder, tmp_path_factory.mktemp("jupyter")) as running:
        yield running


def new_page(browser: Browser) -> Page:
    page = browser.new_page(viewport={"width": 1200, "height": 1000})
    page.set_default_timeout(PATIENCE)
    return page


@pytest.fixture(scope="session")
def notebook(browser: Browser, lab: Lab) -> Notebook:
    """The notebook with the server and its panel, which all of these tests use one after the other."""
    opened = Notebook(new_page(browser), lab, "notebooks/panel.ipynb")
    opened.run(0)
    expect(opened.run(PANEL).locator(".mcp-connection")).to_contain_text("sessionless")
    return opened


@pytest.fixture
def panel(notebook: Notebook, request: pytest.FixtureRequest) -> Iterator[Locator]:
    """The panel; a picture is taken at the end of each test, whatever came of it."""
    shown = notebook.output(PANEL).locator(".mcp-panel").first
    shown.scroll_into_view_if_needed()
    yield shown
    PICTURES.mkdir(exist_ok=True)
    notebook.page.screenshot(path=PICTURES / f"{request.node.name}.png")


def tab(panel: Locator, name: str) -> None:
    panel.get_by_role("tab", name=re.compile(name)).click()


def pick(panel: Locator, name: str) -> None:
    tab(panel, "Tools")
    panel.locator(".mcp-list select:visible").select_option(label=name)
    expect(panel.locator(".mcp-about:visible code").first).to_have_text(name)
    expect(panel.locator(".mcp-run:visible")).to_be_enabled()


def press(panel: Locator, name: str) -> None:
    panel.locator(f".mcp-{name}:visible").click()


def result(panel: Locator) -> Locator:
    return panel.locator(".mcp-result:visible")


def status(panel: Locator) -> Locator:
    return panel.locator(".mcp-status:visible")


def test_a_form(panel: Locator) -> None:
    pick(panel, "add")
    panel.locator(".mcp-field-a input[type=text]").fill("40")
    press(panel, "run")
    expect(result(panel)).to_contain_text("41")
    panel.locator(".mcp-field-b input[type=checkbox]").first.check()
    panel.locator(".mcp-field-b input[type=text]").fill("2")
    press(panel, "run")
    expect(result(panel)).to_contain_text("42")
    press(panel, "again")
    expect(status(panel)).to_contain_text("Done in")


def test_what_is_wrong_is_judged_by_the_server(panel: Locator) -> None:
    pick(panel, "add")
    panel.locator(".mcp-field-a input[type=text]").fill("forty")
    press(panel, "run")
    expect(result(panel)).to_contain_text("valid integer")
    expect(result(panel).locator(".mcp-error").first).to_be_visible()


def test_progress(panel: Locator) -> None:
    pick(panel, "count")
    press(panel, "run")
    expect(status(panel)).to_contain_text("step 2")
    expect(panel.locator(".mcp-progress:visible .progress-bar")).to_be_visible()
    expect(result(panel)).to_contain_text("counted")
    tab(panel, "Log")
    expect(panel.locator(".mcp-log")).to_contain_text("counted")


def test_a_tool_that_never_returns_is_cancelled(panel: Locator) -> None:
    pick(panel, "wait_for_ever")
    press(panel, "run")
    expect(status(panel)).to_contain_text("Waiting for")
    press(panel, "cancel")
    expect(status(panel)).to_contain_text("Cancelled after")
    expect(panel.locator(".mcp-run:visible")).to_be_enabled()


def test_an_image(panel: Locator) -> None:
    pick(panel, "picture")
    press(panel, "run")
    image = result(panel).locator("img")
    expect(image).to_be_visible()
    assert image.evaluate("image => image.naturalWidth") == 1


def test_a_result_of_five_megabytes(panel: Locator) -> None:
    pick(panel, "much")
    press(panel, "run")
    expect(result(panel)).to_contain_text("more characters: panel.result has them all")


@pytest.mark.parametrize(
    ("button", "said"), [("accept", "accept large"), ("decline", "decline"), ("give-up", "cancel")]
)
def test_a_question(panel: Locator, button: str, said: str) -> None:
    pick(panel, "order")
    press(panel, "run")
    question = panel.locator(".mcp-question")
    expect(question).to_contain_text("Which size?")
    question.locator("select").select_option(label="large")
    press(question, button)
    expect(result(panel)).to_contain_text(said)
    expect(question).to_have_count(0)


def test_a_completion(panel: Locator) -> None:
    tab(panel, "Prompts")
    box = panel.locator(".mcp-field-theme input")
    box.fill("s")
    expect(panel.locator(".mcp-field-theme datalist option")).to_have_count(3)
    box.fill("sk")
    expect(panel.locator(".mcp-field-theme datalist option")).to_have_count(1)
    box.fill("sky")
    press(panel, "run")
    expect(result(panel)).to_contain_text("Write a poem on the sky.")


def test_a_resource(panel: Locator) -> None:
    tab(panel, "Resources")
    panel.locator(".mcp-field-topic input").fill("ink & paper")
    press(panel, "run")
    expect(result(panel)).to_contain_text("notes on ink & paper")


def test_the_other_era(panel: Locator) -> None:
    era = panel.locator(".mcp-era select")
    era.select_option(label="handshake (2025-11-25)")
    expect(panel.locator(".mcp-connection")).to_contain_text("2025-11-25, handshake")
    pick(panel, "order")
    press(panel, "run")
    question = panel.locator(".mcp-question")
    question.locator("select").select_option(label="small")
    press(question, "accept")
    expect(result(panel)).to_contain_text("accept small")
    tab(panel, "Messages")
    expect(panel.locator(".mcp-trace").get_by_text("elicitation/create").first).to_be_visible()
    era.select_option(label="sessionless (2026-07-28)")
    expect(panel.locator(".mcp-connection")).to_contain_text("2026-07-28, sessionless")


def test_the_messages_unfold_and_stay_so(panel: Locator, notebook: Notebook) -> None:
    pick(panel, "add")
    press(panel, "run")
    tab(panel, "Messages")
    row = panel.locator(".mcp-trace details").filter(has_text="tools/call").last
    row.locator("summary").click()
    expect(row.locator("pre")).to_contain_text('"jsonrpc": "2.0"')
    notebook.run(CALL)
    expect(panel.locator(".mcp-trace details[open]")).to_have_count(1)
    press(panel, "diagram")
    expect(panel.locator(".mcp-panel svg, .jp-RenderedMermaid").first).to_be_visible()


def test_a_tool_that_is_revised_in_a_cell(panel: Locator, notebook: Notebook) -> None:
    notebook.run(REVISION)
    pick(panel, "add")
    expect(panel).to_contain_text("Add two numbers, in words.")
    panel.locator(".mcp-field-a input[type=text]").fill("5")
    press(panel, "run")
    expect(result(panel)).to_contain_text("the sum is 6")


def test_by_keyboard_alone(panel: Locator, notebook: Notebook) -> None:
    keyboard = notebook.page.keyboard
    pick(panel, "add")
    panel.locator(".mcp-field-a input[type=text]").focus()
    keyboard.press("Control+a")
    keyboard.type("7")
    for _ in range(12):
        keyboard.press("Tab")
        if "mcp-run" in (notebook.page.evaluate("() => document.activeElement.className") or ""):
            break
    keyboard.press("Enter")
    expect(result(panel)).to_contain_text("8")


def test_as_python(panel: Locator) -> None:
    pick(panel, "add")
    panel.locator(".mcp-field-a input[type=text]").fill("3")
    press(panel, "python")
    expect(panel.locator(".mcp-code:visible")).to_contain_text('await client.call_tool("add", {"a": 3})')


def test_a_trace_in_a_cell(panel: Locator, notebook: Notebook) -> None:
    """Its rows unfold without a kernel; the diagram is drawn."""
    shown = notebook.run(TRACE)
    row = shown.locator("details").first
    row.locator("summary").click()
    expect(row.locator("pre")).to_contain_text("jsonrpc")
    drawn = notebook.run(DIAGRAM)
    expect(drawn.locator("svg, img").first).to_be_visible()


def test_every_input_has_a_name(panel: Locator) -> None:
    pick(panel, "add")
    for control in panel.locator("input:visible, select:visible, textarea:visible, button:visible").all():
        named = control.evaluate(
            "it => it.labels?.[0]?.innerText || it.innerText || it.getAttribute('aria-label') || it.title"
        )
        assert named, control.evaluate("it => it.outerHTML")


def test_the_dark_theme(panel: Locator, notebook: Notebook) -> None:
    """Every text that is shown has the contrast that WCAG 2.2 asks for (1.4.3: 4.5 to 1)."""
    notebook.theme("JupyterLab Dark")
    pick(panel, "add")
    press(panel, "run")
    expect(status(panel)).to_contain_text("Done in")
    low = panel.evaluate(CONTRAST)
    notebook.page.screenshot(path=PICTURES / "dark.png")
    notebook.theme("JupyterLab Light")
    assert low == []
    assert panel.evaluate(CONTRAST) == []


CONTRAST = """panel => {
  const channel = c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const parts = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = node => {
    for (; node; node = node.parentElement) {
      const found = parts(getComputedStyle(node).backgroundColor);
      if (found.length === 3 || found[3] > 0.5) return found;
    }
    return [255, 255, 255];
  };
  const low = [];
  for (const node of panel.querySelectorAll('*')) {
    const own = [...node.childNodes].some(child => child.nodeType === 3 && child.textContent.trim());
    if (!own || !node.checkVisibility() || node.closest(':disabled, option')) continue;
    const [one, other] = [luminance(parts(getComputedStyle(node).color)), luminance(behind(node))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < 4.5) low.push(`${ratio.toFixed(2)} ${node.textContent.trim().slice(0, 40)}`);
  }
  return low;
}"""


def test_the_first_chapter_from_the_command(lab: Lab, browser: Browser) -> None:
    """What `mcp-workbench lab` opens is chapter 00, and it runs to its end; nothing leaves the machine."""
    page = new_page(browser)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{lab.url}?token={lab.token}")
    page.wait_for_function("() => window.jupyterapp")
    page.locator(".jp-Notebook").first.wait_for()
    page.wait_for_url(re.compile("00_first_server"))
    page.evaluate("() => window.jupyterapp.restored")
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.ready")
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    errors = page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']")
    assert page.locator(".jp-Notebook .jp-InputPrompt", has_text=re.compile(r"\[\d+\]:")).count() > 5
    assert errors.count() == 0
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / "chapter-00.png")
    outside = [url for url in asked if not re.match(r"(https?|ws)://127\.0\.0\.1|data:|blob:", url)]
    assert outside == []
    page.close()
