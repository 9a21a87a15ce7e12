"""JupyterLab in a real browser: one server for the tests, opened by `mcp-workbench lab`, token on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page

PATIENCE = 60_000  # milliseconds until a page is said to hang: two cores, and a kernel that imports FastMCP
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
NOTIFICATION = "@jupyterlab/apputils-extension/notification.jupyterlab-settings"
# The cell's run is over when this resolves; a click on Run only begins it.
RUN = """async (number) => {
  const content = window.jupyterapp.shell.currentWidget.content;
  content.activeCellIndex = number;
  content.deselectAll();
  await window.jupyterapp.commands.execute('notebook:run-cell');
}"""
# "idle" is shown before there is a kernel.
READY = """async () => {
  await window.jupyterapp.restored;
  const shown = window.jupyterapp.shell.currentWidget;
  await shown.context.ready;
  await shown.sessionContext.ready;
  await shown.sessionContext.session.kernel.info;
  return shown.context.path;
}"""


@dataclass(frozen=True)
class Lab:
    """A JupyterLab that runs: its address, which ends in a slash, its token, and its workspace's folder."""

    url: str
    token: str
    folder: Path

    def address(self, path: str) -> str:
        """The address of a notebook; each has a layout of its own, so that none opens in two pages."""
        name = Path(path).stem
        return f"{self.url}lab/workspaces/{name}/tree/{path}?token={self.token}"


@contextmanager
def jupyterlab(folder: Path, home: Path) -> Iterator[Lab]:
    """Open a workspace with `mcp-workbench lab`, as a person does, with settings of its own."""
    config, runtime, settings = home / "config", home / "runtime", home / "settings"
    for made in (config, runtime, (settings / NOTIFICATION).parent):
        made.mkdir(parents=True)
    server = {"open_browser": False, "port": 0, "ip": "127.0.0.1", "allow_root": True}
    lab = {"expose_app_in_browser": True, "check_for_updates_class": "jupyterlab.NeverCheckForUpdate"}
    (config / "jupyter_server_config.json").write_text(json.dumps({"ServerApp": server, "LabApp": lab}))
    # A question about news would lie over what the tests press.
    (settings / NOTIFICATION).write_text(json.dumps({"fetchNews": "false", "checkForUpdates": False}))
    homes = {"CONFIG_DIR": config, "RUNTIME_DIR": runtime, "DATA_DIR": home / "data"}
    environment = os.environ | {f"JUPYTER_{name}": str(path) for name, path in homes.items()}
    environment |= {"IPYTHONDIR": str(home / "ipython"), "JUPYTERLAB_SETTINGS_DIR": str(settings)}
    environment |= {"JUPYTERLAB_WORKSPACES_DIR": str(home / "layouts"), "HOME": str(home)}
    command = [str(Path(sys.executable).with_name("mcp-workbench")), "lab", str(folder)]
    with (home / "lab.log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=home, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield _listening(runtime, process, folder, home / "lab.log")
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def _listening(runtime: Path, process: subprocess.Popen[bytes], folder: Path, log: Path) -> Lab:
    deadline = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < deadline and process.poll() is None:
        for path in runtime.glob("jpserver-*.json"):
            try:
                told: dict[str, Any] = json.loads(path.read_text())
                urllib.request.urlopen(f"{told['url']}api/status?token={told['token']}").close()
            except (json.JSONDecodeError, urllib.error.URLError):
                continue  # half written, or not listening yet
            return Lab(told["url"], told["token"], folder)
        time.sleep(0.1)
    raise AssertionError(f"JupyterLab does not listen: {log.read_text()}")


class Notebook:
    """A notebook that is open in a page, with its kernel."""

    def __init__(self, page: Page, lab: Lab, path: str) -> None:
        self.page = page
        page.goto(lab.address(path))
        page.wait_for_function("() => window.jupyterapp", timeout=PATIENCE)
        page.locator(".jp-Notebook").first.wait_for(timeout=PATIENCE)
        assert page.evaluate(READY) == path

    def run(self, number: int) -> Locator:
        """Run a cell to its end, and give its output."""
        self.page.evaluate(RUN, number)
        return self.output(number)

    def output(self, number: int) -> Locator:
        """What a cell shows."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(number).locator(".jp-Cell-outputArea").first

    def theme(self, name: str) -> None:
        """Change JupyterLab's theme, and wait until it is there."""
        self.page.evaluate(
            "name => window.jupyterapp.commands.execute('apputils:change-theme', {theme: name})", name
        )
        light = "false" if "Dark" in name else "true"
        self.page.locator(f"body[data-jp-theme-light='{light}']").wait_for(state="attached")
