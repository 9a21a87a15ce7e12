"""Books for the tests: made with the command, in a process of its own, and read with the HTML parser."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from conftest import ROOT, SERVER, notebook_of

HELLO = '''#| export
from typing import Annotated, Literal
from pydantic import Field

@mcp.tool(annotations={"readOnlyHint": True})
def hello(
    times: Annotated[int, Field(ge=1, le=3, description="How often|how much")] = 1,
    size: Literal["s", "l"] = "s",
) -> str:
    """Greet *plainly*."""
    return "Hello " * times'''
DIAGRAM = (
    "from fastmcp import Client\nfrom mcp_workbench import inspector, trace\n"
    "with trace(mcp) as t:\n    async with Client(mcp) as client:\n"
    "        await client.call_tool('hello', {})\nt.diagram()"
)
SOLUTION = "lab = 1\n### BEGIN SOLUTION\nlab = 'solved'\n### END SOLUTION\nlab"


def markdown(text: str, *tags: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {"tags": list(tags)}, "source": text}


def chapters() -> dict[str, dict[str, Any]]:
    """Two chapters with a cell of every kind that the book treats in its own way."""
    first = notebook_of([("server", SERVER), ("long", "print('long ' * 100)"), ("panel", "1 + 1")], stem="a")
    second = notebook_of(
        [
            ("setup", "from mcp_workbench import inspector, resume\nresume('01_b')"),
            ("hello", HELLO),
            ("diagram", DIAGRAM),
            ("panel", "await inspector(mcp)"),
            ("tested", "assert t.messages"),
            ("exercise", SOLUTION),
            ("wrong", "'a wrong answer'"),
        ],
        stem="b",
    )
    by_id = {cell["id"]: cell for cell in second["cells"]}
    for identifier, tag in {"tested": "docassert", "exercise": "exercise", "wrong": "wrong"}.items():
        by_id[identifier]["metadata"]["tags"] = [tag]
    text = "# The second\n\nA *tool* costs $x^2$; see [the first](00_a.ipynb).\n\n"
    text += "| a | b |\n|---|---|\n| 1 | 2 |"
    second["cells"].insert(0, {**markdown(text), "id": "title"})
    second["cells"].append({**markdown("Look at the *schema*.", "hint"), "id": "hint"})
    return {"00_a": first, "01_b": second}


def small(folder: Path, notebooks: dict[str, dict[str, Any]]) -> Path:
    """A workspace of these chapters."""
    (folder / "notebooks").mkdir(parents=True)
    (folder / "pyproject.toml").write_text('[tool.mcp-workbench]\ndescription = "A *small* desk."\n')
    for name, notebook in notebooks.items():
        (folder / "notebooks" / f"{name}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    return folder


def book(*arguments: str | Path, prepare: str = "") -> subprocess.CompletedProcess[str]:
    """`mcp-workbench book ...`; `prepare` is run before."""
    given = ["book", *map(str, arguments)]
    code = f"import sys\n{prepare}\nfrom mcp_workbench.cli import main\nsys.exit(main({given!r}))"
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=False
    )


class Page(HTMLParser):
    """The ids and links of a page, and what it loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.ids.update(found[name] for name in ("id", "name") if name in found)
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif tag != "a":
            self.loads += [
                found[name] for name in ("src", "href", "srcset", "data", "poster") if name in found
            ]


def broken(site: Path) -> Iterator[str]:
    """Links and loads of a site that lead nowhere within it; links to the web are not followed."""
    pages = {path.resolve(): Page(path) for path in site.rglob("*.html")}
    for path, page in pages.items():
        for link in [*page.links, *page.loads]:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            ids = pages[target].ids if target in pages else set()
            if not target.is_file() or (
                parts.fragment and target in pages and unquote(parts.fragment) not in ids
            ):
                yield f"{path.name}: {link}"


def from_the_web(site: Path) -> Iterator[str]:
    """What pages and styles would load from another host."""
    for path in site.rglob("*.html"):
        yield from (
            f"{path.name}: {url}" for url in Page(path).loads if "//" in url and not url.startswith("data:")
        )
    for path in site.rglob("*.css"):
        text = path.read_text(encoding="utf-8")
        yield from (f"{path.name}: {part[:60]}" for part in text.split("url(")[1:] if "//" in part[:12])
        yield from (f"{path.name}: @import" for _ in range(text.count("@import")))
