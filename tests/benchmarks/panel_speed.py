"""How long from the click to the result on the screen, against the same call from a cell of the same kernel?

    python tests/benchmarks/panel_speed.py

Opens JupyterLab in Chromium, as the browser tests do. The page's own clock is read when Run is pressed (the
cell: when it is told to run) and when the result stands in the page; the two take turns. A trivial tool, so
that the difference is what the panel adds. This prints and never fails.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from conftest import write_notebook
from jupyterlab import ARGUMENTS, CHROMIUM, Notebook, jupyterlab
from playwright.sync_api import sync_playwright

from mcp_workbench import workspace
from mcp_workbench.course.building import build

ROUNDS, MILLISECONDS = 40, 30
CELLS = [
    "from fastmcp import Client, FastMCP\nfrom mcp_workbench import inspector\n"
    "lab = FastMCP('lab')\ncount = 0\n\n\n"
    "@lab.tool\ndef tick() -> str:\n    global count\n    count += 1\n    return f'number {count}.'",
    "panel = await inspector(lab)\npanel",
    "client = await Client(lab).__aenter__()",
    "print((await client.call_tool('tick')).data)",
    "for _ in range(5000):\n    await panel.client.call_tool('tick')\nlen(panel.trace)",
]
# Resolves with the milliseconds until `found` gives another text than it did before.
CHANGED = """async ([begin, number]) => {
  const cell = n => document.querySelectorAll('.jp-Notebook .jp-Cell')[n];
  const found = () => begin === 'click'
    ? cell(1).querySelector('.mcp-result').innerText
    : cell(number).querySelector('.jp-Cell-outputArea').innerText;
  const before = found();
  const content = window.jupyterapp.shell.currentWidget.content;
  content.activeCellIndex = number;
  content.deselectAll();
  const started = performance.now();
  if (begin === 'click') cell(1).querySelector('.mcp-run').click();
  else window.jupyterapp.commands.execute('notebook:run-cell');
  return await new Promise(done => {
    const look = () => {
      const now = found();
      if (now && now !== before && now.includes('number')) {
        watch.disconnect();
        done(performance.now() - started);
      }
    };
    const watch = new MutationObserver(look);
    watch.observe(document.body, {subtree: true, childList: true, characterData: true});
  });
}"""


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = build(workspace.course(), Path(name) / "desk", "learner").folder
        write_notebook(folder / "notebooks" / "speed.ipynb", CELLS)
        with jupyterlab(folder, Path(name) / "home") as lab, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            page = browser.new_page(viewport={"width": 1200, "height": 1000})
            notebook = Notebook(page, lab, "notebooks/speed.ipynb")
            for number in range(3):
                notebook.run(number)
            page.locator(".mcp-run").wait_for()
            times: dict[str, list[float]] = {"click": [], "cell": []}
            for turn in range(ROUNDS + 1):
                for begin in ("click", "cell") if turn % 2 else ("cell", "click"):
                    took = page.evaluate(CHANGED, [begin, 3])
                    if turn:
                        times[begin].append(took)
            notebook.run(4)
            panel = page.locator(".mcp-panel").first
            began = time.perf_counter()
            panel.get_by_role("tab", name="Messages").click()
            panel.locator(".mcp-trace details").nth(199).wait_for(state="attached")
            shown = time.perf_counter() - began
            panel.get_by_role("tab", name="Tools").click()
            panel.locator(".mcp-run").wait_for()
            back = time.perf_counter() - began - shown
            browser.close()
    click, cell = (statistics.median(times[name]) for name in ("click", "cell"))
    met = "met" if click - cell <= MILLISECONDS else "NOT met"
    print(f"click {click:.0f} ms, cell {cell:.0f} ms: the panel adds {click - cell:.0f} ms   ", end="")
    print(f"{met} (<= {MILLISECONDS} ms)")
    print(f"10,000 messages: shown {shown * 1000:.0f} ms after the click, and the tools {back * 1000:.0f} ms")


if __name__ == "__main__":
    main()
