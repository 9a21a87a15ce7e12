"""What the tests share: workspaces made of a few cells, in the words in which people write notebooks."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ["FASTMCP_CHECK_FOR_UPDATES"] = "off"
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # a hundred processes would compile the package anew
HOME = tempfile.TemporaryDirectory(prefix="fastmcp-home-")  # FastMCP would keep OAuth tokens in the user's
os.environ["FASTMCP_HOME"] = HOME.name
# Nothing here leaves this machine. Each HTTP client would read all of the system's certificates: 30 to 47 ms.
os.environ.pop("SSL_CERT_FILE", None)
os.environ["SSL_CERT_DIR"] = HOME.name

ROOT = Path(__file__).parent.parent
SERVER = '#| export\nfrom fastmcp import FastMCP\n\nmcp = FastMCP("Small")'


def pytest_xdist_auto_num_workers() -> int:
    """One worker more than there are cores: many tests wait for a process of their own."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long: each of xdist's workers has a run of tests, and shares the last ones."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    long = [item for item in items if "nbmake" in item.name or "from_a_wheel" in item.name]
    rest = [item for item in items if item not in long]
    items[:] = []
    for worker in range(workers):
        items += long[worker::workers]
        items += rest[len(rest) * worker // workers : len(rest) * (worker + 1) // workers]


@pytest.fixture(scope="module")
def warm_kernels() -> Iterator[None]:
    """Whoever starts a kernel in this module gets one that has made its imports already; see forking.py."""
    from serving import warm_kernels

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", warm_kernels())
        yield


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, one for all browser tests: Playwright can be started once in an event loop."""
    from jupyterlab import ARGUMENTS, CHROMIUM
    from playwright.sync_api import sync_playwright

    assert CHROMIUM, "Chromium is missing: apt-get install chromium"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


CellSource = str | tuple[str, str]
MakeWorkspace = Callable[..., Path]


def notebook_of(sources: Iterable[CellSource], *, stem: str = "c") -> dict[str, Any]:
    """A notebook's JSON. A line that starts with `# ` and a capital is markdown; (id, source) has an id."""
    cells: list[dict[str, Any]] = []
    for number, item in enumerate(sources, start=1):
        identifier, source = item if isinstance(item, tuple) else (f"{stem}-{number}", item)
        lines = source.splitlines(keepends=True)
        if source.startswith("# ") and source[2].isupper() and "\n" not in source:
            cells.append({"cell_type": "markdown", "id": identifier, "metadata": {}, "source": lines})
        else:
            cells.append(
                {
                    "cell_type": "code",
                    "execution_count": None,
                    "id": identifier,
                    "metadata": {},
                    "outputs": [],
                    "source": lines,
                }
            )
    return {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def write_notebook(path: Path, sources: Iterable[CellSource]) -> None:
    """Write a notebook as Jupyter does."""
    stem = path.stem.partition("_")[2] or "c"
    path.write_text(json.dumps(notebook_of(sources, stem=stem), indent=1, ensure_ascii=False) + "\n", "utf-8")


@pytest.fixture
def make_workspace(tmp_path: Path) -> MakeWorkspace:
    """make_workspace(a=[cells], b=[cells]) writes chapters 00_a and 01_b, and gives the folder."""

    def make(name: str = "desk", /, **chapters: list[CellSource]) -> Path:
        folder = tmp_path / name
        (folder / "notebooks").mkdir(parents=True)
        (folder / "pyproject.toml").write_text('[tool.mcp-workbench]\ndescription = "A small desk."\n')
        for number, (topic, sources) in enumerate(chapters.items()):
            write_notebook(folder / "notebooks" / f"{number:02}_{topic}.ipynb", sources)
        return folder

    return make
