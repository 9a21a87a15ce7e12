"""resume and rebuild in a real kernel, as JupyterLab, VS Code and nbmake drive it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, SERVER, MakeWorkspace, write_notebook
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

HELLO = '#| export\n@mcp.tool\ndef hello(name: str) -> str:\n    """Greet."""\n    return "Hello, " + name'
LOUD = HELLO.replace("export", "export revise").replace('"Hello, " + name', '("Hello, " + name).upper()')
pytestmark = pytest.mark.usefixtures("warm_kernels")


@dataclass
class Kernel:
    """A running kernel; `run` gives what a cell printed and showed, and the plain text of its traceback."""

    client: BlockingKernelClient

    def run(self, source: str, cell_id: str | None = None) -> tuple[str, str]:
        content = {"code": source, "silent": False, "store_history": True, "user_expressions": {}}
        metadata = {"cellId": cell_id} if cell_id else {}
        message = self.client.session.msg("execute_request", content, metadata=metadata)
        self.client.shell_channel.send(message)
        shown, error = "", ""
        while True:
            reply = self.client.get_iopub_msg(timeout=60)
            if reply["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                continue
            body: dict[str, Any] = reply["content"]
            match reply["msg_type"]:
                case "stream":
                    shown += body["text"]
                case "execute_result":
                    shown += body["data"]["text/plain"]
                case "error":
                    error = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(body["traceback"]))
                case "status" if body["execution_state"] == "idle":
                    return shown, error

    def good(self, source: str, cell_id: str | None = None) -> str:
        shown, error = self.run(source, cell_id)
        assert error == ""
        return shown

    def value(self, expression: str) -> str:
        return self.good(f"print({expression})").strip()


StartKernel = Callable[..., Kernel]


@pytest.fixture
def start_kernel() -> Iterator[StartKernel]:
    running: list[tuple[KernelManager, BlockingKernelClient]] = []

    def start(folder: Path, **environment: str) -> Kernel:
        manager = KernelManager(transport_encryption="auto")
        manager.start_kernel(cwd=str(folder), env={**os.environ, **environment})
        client = manager.client()
        running.append((manager, client))
        client.start_channels()
        client.wait_for_ready(timeout=60)
        return Kernel(client)

    yield start
    for manager, client in running:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
        manager.context.destroy()


@pytest.fixture
def desk(make_workspace: MakeWorkspace) -> Path:
    """Three chapters: a server, a tool, and a place to work."""
    return make_workspace(
        a=[("server", SERVER)],
        b=[("hello", HELLO), ("scratch", "scratch = 1")],
        c=[("setup", "setup"), ("loud", LOUD)],
    )


ASK = (
    "from fastmcp import Client\nasync with Client(mcp) as client:\n"
    "    print((await client.call_tool('hello', {'name': 'Ada'})).data)"
)
RESUME = "from mcp_workbench import resume, rebuild\nresume({!r})"


class TestResume:
    def test_the_reader_is_where_the_chapter_starts(self, desk: Path, start_kernel: StartKernel) -> None:
        kernel = start_kernel(desk / "notebooks")
        shown = kernel.good(RESUME.format("02_c"))
        assert shown == "02_c: resumed with 2 finished cells; 1 tool, 0 resources, 0 templates, 0 prompts"
        assert kernel.good(ASK) == "Hello, Ada\n"
        assert kernel.value("__file__") == str(desk / "server.py")
        _, error = kernel.run("scratch")
        assert "NameError" in error

    def test_the_first_chapter(self, desk: Path, start_kernel: StartKernel) -> None:
        shown = start_kernel(desk / "notebooks").good(RESUME.format("00_a"))
        assert shown == "00_a: the first chapter, nothing to resume"

    @pytest.mark.parametrize("variable", ["JPY_SESSION_NAME", "__vsc_ipynb_file__"])
    def test_where_the_kernel_was_started_elsewhere(
        self, variable: str, desk: Path, start_kernel: StartKernel, tmp_path: Path
    ) -> None:
        told = str(desk / "notebooks" / "02_c.ipynb")
        if variable == "JPY_SESSION_NAME":  # JupyterLab tells it in the environment
            kernel = start_kernel(tmp_path, JPY_SESSION_NAME=told)
        else:  # VS Code in the namespace
            kernel = start_kernel(tmp_path)
            kernel.good(f"__vsc_ipynb_file__ = {told!r}")
        assert "resumed with 2 finished cells" in kernel.good(RESUME.format("02_c"))

    def test_copies_of_the_chapters_in_another_folder(
        self, desk: Path, start_kernel: StartKernel, tmp_path: Path
    ) -> None:
        copies = tmp_path / "copies"
        shutil.copytree(desk / "notebooks", copies)
        kernel = start_kernel(copies)
        kernel.good(RESUME.format("02_c"))
        assert kernel.good(ASK) == "Hello, Ada\n"

    def test_no_such_chapter(self, desk: Path, start_kernel: StartKernel) -> None:
        _, error = start_kernel(desk / "notebooks").run(RESUME.format("2_c"))
        assert "no chapter '2_c'" in error
        assert "Did you mean '02_c'?" in error

    def test_chapters_that_make_no_program(
        self, make_workspace: MakeWorkspace, start_kernel: StartKernel
    ) -> None:
        folder = make_workspace(a=[SERVER, "#| export\nx = nope"], b=["y"])
        _, error = start_kernel(folder / "notebooks").run(RESUME.format("01_b"))
        assert "00_a.ipynb cell 2 (a-2), line 2: MCP205" in error

    def test_a_traceback_names_notebook_cell_and_line(
        self, make_workspace: MakeWorkspace, start_kernel: StartKernel
    ) -> None:
        body = "#| export\nimport math\n\n\ndef fails() -> float:\n    x = 1\n    return math.sqrt(-x)"
        folder = make_workspace(a=[("server", SERVER), ("fails", body)], b=["x"])
        kernel = start_kernel(folder / "notebooks")
        kernel.good(RESUME.format("01_b"))
        _, error = kernel.run("fails()")
        assert "00_a.ipynb#fails:7" in error.replace(", line ", ":").replace("(), ", "")
        assert "----> 7     return math.sqrt(-x)" in error


class TestRebuild:
    def test_a_revision_is_said_and_met(self, desk: Path, start_kernel: StartKernel) -> None:
        kernel = start_kernel(desk / "notebooks")
        kernel.good(RESUME.format("02_c"), "setup")
        kernel.good("#| export revise\nfrom fastmcp import FastMCP\n\nmcp = FastMCP('New')", "new")
        assert kernel.value("len(await mcp.list_tools())") == "0"
        assert kernel.good("rebuild()") == (
            "rebuilt from 3 finished cells; 1 tool, 0 resources, 0 templates, 0 prompts\n  added tool hello"
        )
        assert kernel.value("mcp.name") == "New"
        kernel.good(LOUD, "loud")
        assert kernel.good("rebuild()").endswith("\n  nothing changed")
        assert kernel.good(ASK) == "HELLO, ADA\n"

    @pytest.mark.parametrize("cell_id", ["loud", None])
    def test_the_last_text_that_was_run_counts(
        self, cell_id: str | None, desk: Path, start_kernel: StartKernel
    ) -> None:
        kernel = start_kernel(desk / "notebooks")
        kernel.good(RESUME.format("02_c"))
        kernel.good(LOUD, cell_id)
        kernel.good(LOUD.replace(".upper()", ".lower()"), cell_id)
        assert "3 finished cells" in kernel.good("rebuild()")
        assert kernel.good(ASK) == "hello, ada\n"

    def test_a_cell_whose_mark_was_taken_away_counts_no_more(
        self, desk: Path, start_kernel: StartKernel
    ) -> None:
        kernel = start_kernel(desk / "notebooks")
        kernel.good(RESUME.format("02_c"))
        kernel.good(LOUD, "loud")
        kernel.good(LOUD.partition("\n")[2], "loud")
        assert "2 finished cells" in kernel.good("rebuild()")
        assert kernel.good(ASK) == "Hello, Ada\n"

    def test_what_changed_is_listed(self, desk: Path, start_kernel: StartKernel) -> None:
        kernel = start_kernel(desk / "notebooks")
        kernel.good(RESUME.format("02_c"))
        kernel.good('#| export\n@mcp.resource("data://x")\ndef x() -> str:\n    return "x"', "x")
        kernel.good("#| export revise\nfrom fastmcp import FastMCP\n\nmcp = FastMCP('New')", "new")
        shown = kernel.good("rebuild()")
        assert "  added resource data://x" in shown
        assert "  added tool hello" in shown

    def test_without_resume(self, desk: Path, start_kernel: StartKernel) -> None:
        _, error = start_kernel(desk / "notebooks").run("from mcp_workbench import rebuild\nrebuild()")
        assert 'which chapter is this? Start it with resume("NN_topic").' in error

    def test_a_refusal_runs_nothing(self, desk: Path, start_kernel: StartKernel) -> None:
        kernel = start_kernel(desk / "notebooks")
        kernel.good(RESUME.format("02_c"))
        kernel.good("#| export\nfirst = 1", "one")
        kernel.good("#| export\nfirst = 2", "two")
        kernel.good("same = mcp")
        _, error = kernel.run("rebuild()")
        assert "MCP207 `first` is defined already" in error
        assert kernel.value("same is mcp") == "True"


def test_under_nbmake_in_another_folder(desk: Path, tmp_path: Path) -> None:
    """nbmake runs copies; `resume` finds the siblings of the copy, and the copied data beside it."""
    copies = tmp_path / "elsewhere"
    shutil.copytree(desk / "notebooks", copies)
    last = copies / "02_c.ipynb"
    write_notebook(last, [RESUME.format("02_c"), LOUD, "rebuild()", ASK, 'assert mcp.name == "Small"'])
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--nbmake", "-q", str(last)]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_the_course_finds_its_data_from_copies(start_kernel: StartKernel, tmp_path: Path) -> None:
    """Copies of the chapters without their data belong to the workspace that carries them."""
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        shutil.copy(path, tmp_path)
    kernel = start_kernel(tmp_path)
    kernel.good(RESUME.format("02_resources"))
    assert int(kernel.value("len(records().books)")) > 200
