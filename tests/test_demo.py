"""demo and lab: the long verbs, run for real, from the checkout and from a wheel."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, SERVER, MakeWorkspace
from jupyter_client.blocking.client import BlockingKernelClient
from serving import warm_python

from mcp_workbench import workspace
from mcp_workbench.cli import main

pytestmark = pytest.mark.usefixtures("warm_kernels")
HELLO = '''#| export
@mcp.tool
def hello(name: str = "you") -> str:
    """Greet."""
    return f"Hello, {name}"'''


def workbench(folder: Path, *arguments: str, site: Path = ROOT, **more: str) -> dict[str, Any]:
    """How to start the command line in a folder, from the checkout or from an unpacked wheel.

    From the checkout, and with `warm_kernels`, it is a fork, and so is every server that it starts.
    """
    forks = site == ROOT and "JUPYTER_PATH" in os.environ
    python = warm_python() if forks else (sys.executable,)
    code = f"import sys; from mcp_workbench.cli import main; sys.exit(main({list(arguments)!r}))"
    variables = {**os.environ, "PYTHONPATH": str(site), "FASTMCP_CHECK_FOR_UPDATES": "off", **more}
    return {"args": [*python, "-c", code], "cwd": folder, "env": variables}


def run_demo(folder: Path, *, site: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(**workbench(folder, "demo", site=site), capture_output=True, text=True, check=False)


def test_it_shows_the_whole_path(make_workspace: MakeWorkspace) -> None:
    folder = make_workspace(
        a=[SERVER, "assert mcp.name == 'Small'"],
        b=[SERVER.replace("#| export", "#| export revise")],
        c=["from mcp_workbench import resume\nresume('02_c')", HELLO],
    )
    ran = run_demo(folder)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    lines = [line.rstrip() for line in ran.stdout.splitlines() if "━" not in line]
    said = {line[:12].strip(): line[12:] for line in lines if line[:12].strip()}
    assert said["chapters"].startswith("3 executed, 5 code cells, no error")
    assert said["export"] == "3 finished cells, 1 revision: mcp"
    assert str(folder / "server.py") in said["server.py"]
    assert [line.split()[:2] for line in lines if line.startswith(("stdio", "http"))] == [
        ["stdio", "sessionless"],
        ["stdio", "handshake"],
        ["http", "sessionless"],
        ["http", "handshake"],
    ]
    assert said["http"].endswith("1 tool, 0 resources, 0 templates, 0 prompts")
    assert (said["tools"], said["resources"]) == ("hello", "none")
    assert (said["call"], said["result"]) == ("hello({})", "Hello, you")
    assert any("the same from both transports in both eras" in line for line in lines)
    assert said["open"] == "mcp-workbench lab"
    assert said["install"] == f"fastmcp install claude-desktop {folder / 'server.py'}"
    assert len(lines) <= 24
    assert "def hello" in (folder / "server.py").read_text()


KEEPS = """#| export
import os
from pathlib import Path
from platformdirs import user_data_path

kept = user_data_path("small-desk", ensure_exists=True) / "kept.txt"
_ = kept.write_text(os.environ.get("DATABASE_URL", "a file of its own"))"""


def test_the_server_keeps_nothing_in_the_readers_own_folders(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    """Nor in the database that the reader's shell names."""
    home = tmp_path / "home"
    homes = {name: str(home) for name in ("HOME", "XDG_DATA_HOME", "LOCALAPPDATA")}
    show = HELLO.replace('f"Hello, {name}"', "kept.read_text()")
    folder = make_workspace(a=[SERVER, "from mcp_workbench import resume\nresume('00_a')", KEEPS, show])
    settings = {**homes, "DATABASE_URL": "postgresql://the-readers-own/desk"}
    ran = subprocess.run(**workbench(folder, "demo", **settings), capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "result      a file of its own" in ran.stdout
    assert not list(home.rglob("kept.txt"))


def test_all_chapters_that_fail_are_named_and_nothing_is_exported(make_workspace: MakeWorkspace) -> None:
    folder = make_workspace(a=[SERVER, "x = 1\nassert x == 2, 'one is not two'"], b=["1 / 0"], c=["fine = 1"])
    ran = run_demo(folder)
    assert ran.returncode == 1
    assert "00_a.ipynb cell 2 (a-2) failed: AssertionError: one is not two" in ran.stderr
    assert "----> 2 assert x == 2" in ran.stderr
    assert "01_b.ipynb cell 1 (b-1) failed: ZeroDivisionError" in ran.stderr
    assert "Nothing was exported" in ran.stderr
    assert not (folder / "server.py").exists()


def test_what_a_kernel_says_as_it_ends_is_not_shown(make_workspace: MakeWorkspace) -> None:
    ends = "import atexit, sys\natexit.register(print, 'a word at the end', file=sys.__stderr__)"
    ran = run_demo(make_workspace(a=[SERVER, ends, HELLO]))
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "a word at the end" not in ran.stdout


LOOKS = r"""
import os, sys
from pathlib import Path
command = Path(f"/proc/{os.getppid()}/cmdline").read_bytes().decode().split("\0")
assert Path(command[1]).name == "forking.py" and "ipykernel.ipkernel" in command, command
assert "fastmcp.server.server" in sys.modules
import beside
assert os.environ["MCP_WORKBENCH_PROGRESS"] == os.devnull
"""
UNTOUCHED = "import sys\nassert 'beside' not in sys.modules"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every kernel is started anew")
def test_its_kernels_are_forks(make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JUPYTER_PATH")
    folder = make_workspace(a=[LOOKS, SERVER], b=[UNTOUCHED])
    (folder / "notebooks" / "beside.py").write_text("here = True\n")
    ran = run_demo(folder)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""


def test_a_kernel_that_does_not_start_shows_its_log(
    make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JUPYTER_PATH")
    folder = make_workspace(a=[SERVER])
    (folder / "notebooks" / "ipykernel_launcher.py").write_text("raise SystemExit('no kernel today')")
    ran = run_demo(folder)
    assert ran.returncode == 1
    assert "00_a.ipynb failed: its kernel did not start" in ran.stderr
    assert "no kernel today" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_kernel_that_dies_is_named_with_its_cell(make_workspace: MakeWorkspace) -> None:
    ran = run_demo(make_workspace(a=[SERVER, "import os\nos.abort()"]))
    assert ran.returncode == 1
    assert "00_a.ipynb cell 2 (a-2) failed: Kernel died" in ran.stderr


def test_a_server_that_does_not_start_shows_its_log(make_workspace: MakeWorkspace) -> None:
    starts = (
        "#| export\ndef main() -> None:\n    import sys\n    if '--transport' in sys.argv:\n"
        "        raise SystemExit('no HTTP today')\n    mcp.run(show_banner=False)"
    )
    ran = run_demo(make_workspace(a=[SERVER, HELLO, starts]))
    assert ran.returncode == 1
    assert "did not start over HTTP" in ran.stderr
    assert "no HTTP today" in ran.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel, unpacked: what an ordinary `pip install` gives."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    subprocess.run([*build, str(ROOT)], check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    zipfile.ZipFile(built).extractall(folder / "site")
    chapters = sorted((folder / "site" / "mcp_workbench" / "desk" / "notebooks").glob("*.ipynb"))
    assert [path.name for path in chapters] == [path.name for path in workspace.find(ROOT).chapters()]
    for path in chapters[5:]:  # all are executed by test_notebooks; here the first ones will do
        path.unlink()
    return folder / "site"


def test_from_a_wheel_outside_a_workspace(wheel: Path, tmp_path: Path) -> None:
    ran = run_demo(tmp_path, site=wheel)
    assert ran.returncode == 0, ran.stderr
    assert "11 tools, 4 resources, 4 templates, 3 prompts" in ran.stdout
    assert "Alexandre Dumas" in ran.stdout
    assert "(makes ./mcp-desk, a copy of the course)" in ran.stdout
    assert list(tmp_path.iterdir()) == []
    assert ran.stderr == ""


def test_lab_opens_jupyterlab_on_a_copy_of_the_course(wheel: Path, tmp_path: Path) -> None:
    """The real JupyterLab, asked over HTTP; the second time the copy is left as it is."""
    config, runtime, here = tmp_path / "config", tmp_path / "runtime", tmp_path / "here"
    config.mkdir()
    here.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {"open_browser": False, "port": port, "ip": "127.0.0.1", "allow_root": True}
    (config / "jupyter_server_config.json").write_text(json.dumps({"ServerApp": settings}))
    homes = {"JUPYTER_CONFIG_DIR": config, "JUPYTER_RUNTIME_DIR": runtime, "HOME": tmp_path}
    start = workbench(here, "lab", site=wheel, **{name: str(path) for name, path in homes.items()})
    for _ in range(2):
        process = subprocess.Popen(
            **start, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
        )
        try:
            server = _running(runtime, process)
            listed = _ask(server, "api/contents/notebooks")["content"]
            names = {item["name"] for item in listed}
            assert {"00_first_server.ipynb", "04_context.ipynb", "data"} <= names
            assert "02_resources: resumed with 17 finished cells; 6 tools" in _resumed_in_jupyterlab(
                server, runtime
            )
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.communicate(timeout=30)
        (here / "mcp-desk" / "notebooks" / "mine.txt").write_text("kept")
    assert (here / "mcp-desk" / "notebooks" / "mine.txt").read_text() == "kept"
    assert "YOUR CODE HERE" in (here / "mcp-desk" / "notebooks" / "01_tools.ipynb").read_text("utf-8")
    made, course = workspace.at(here / "mcp-desk"), workspace.at(ROOT)
    assert made is not None
    assert course is not None
    assert (made.description, made.requires) == (course.description, course.requires)


def _running(runtime: Path, process: subprocess.Popen[bytes]) -> dict[str, str]:
    """Where JupyterLab listens and its token, once it answers."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        for path in runtime.glob("jpserver-*.json"):
            try:
                server: dict[str, str] = json.loads(path.read_text())
                _ask(server, "api/status")
                return server
            except (json.JSONDecodeError, urllib.error.URLError):
                continue  # half written, or not listening yet
        time.sleep(0.1)
    process.kill()
    raise AssertionError(process.communicate()[1].decode())


def _ask(server: dict[str, str], path: str, body: object = None) -> Any:
    """Ask JupyterLab's REST interface."""
    request = urllib.request.Request(
        f"{server['url']}{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"token {server['token']}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def _resumed_in_jupyterlab(server: dict[str, str], runtime: Path) -> str:
    """Open chapter 02 as JupyterLab does, and run its setup cell in the kernel that it starts."""
    opened = {"path": "notebooks/02_resources.ipynb", "type": "notebook", "name": "02_resources.ipynb"}
    session = _ask(server, "api/sessions", {**opened, "kernel": {"name": "python3"}})
    client = BlockingKernelClient(connection_file=str(runtime / f"kernel-{session['kernel']['id']}.json"))
    client.load_connection_file()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        expression = {"it": "repr(__import__('mcp_workbench').resume('02_resources'))"}
        reply = client.execute("", user_expressions=expression, reply=True, timeout=60)
        return str(reply["content"]["user_expressions"]["it"])
    finally:
        client.stop_channels()


def test_lab_does_not_take_a_folder_that_is_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mcp-desk").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main(["lab"]) == 2
    assert "exists, and is no workspace" in capsys.readouterr().err
