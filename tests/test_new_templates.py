"""Each template: a workspace is made, passes its own tests, is exported already, and can be served."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from serving import WAYS, new_desk, warm_python

from mcp_workbench.cli import main
from mcp_workbench.new.templates import TEMPLATES

pytestmark = pytest.mark.usefixtures("warm_kernels")

# YAML, with what documents have: no ids, a path of its own for each verb, a body that is no object.
SPEC = """
openapi: 3.0.3
info: {title: "Müller's \\"shop\\"", version: 1.0.0}
paths:
  /v1/offers:
    get: {responses: {200: {description: all of them}}}
    post:
      description: Make an offer.
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: "#/components/schemas/Offer"}}}
      responses: {201: {description: made}}
  /v1/offers/{offerId}:
    parameters: [{name: offerId, in: path, required: true, schema: {type: integer}}]
    get: {responses: {200: {description: one}}}
    put:
      requestBody: {content: {application/json: {schema: {type: array, items: {type: string}}}}}
      responses: {200: {description: changed}}
    delete: {deprecated: true, responses: {204: {description: gone}}}
  /v1/search:
    get:
      parameters:
        - {name: words, in: query, required: true, schema: {type: array, items: {type: string}}}
        - {name: X-Trace, in: header, schema: {type: string}}
      responses: {200: {description: found}}
components:
  schemas:
    Offer: {type: object, required: [price], properties: {price: {type: number}, note: {type: string}}}
"""


def own_tests(folder: Path, *arguments: str) -> str:
    """Run `pytest` in a workspace's folder, in a fork that has imported it. Gives its last line."""
    ran = subprocess.run(
        [*warm_python(), "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout.strip().splitlines()[-1]


async def served(folder: Path, home: Path) -> None:
    """Over stdio and HTTP, in both eras, a client finds the tools of the listing."""
    listing = json.loads((folder / "tests" / "listing.json").read_text("utf-8"))
    command = (*warm_python(), str(folder / "server.py"))
    for way in WAYS:
        with new_desk(way, home, command=command) as client:
            async with client:
                assert sorted(tool.name for tool in await client.list_tools()) == listing["tools"], way


@pytest.mark.parametrize("template", TEMPLATES)
async def test_it_passes_its_own_tests_under_nbmake_and_is_served(
    template: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / f"my-{template}"
    assert main(["new", str(folder), "--template", template]) == 0
    said = own_tests(folder)
    assert "passed" in said
    assert "skipped" not in said
    assert main(["export", str(folder), "--check"]) == 0
    assert main(["check", str(folder)]) == 0
    await served(folder, tmp_path)


async def test_a_workspace_of_a_document_passes_its_own_tests_offline(tmp_path: Path) -> None:
    """Its chapters are those of the template but for four cells, and are executed there."""
    spec, folder = tmp_path / "shop.yaml", tmp_path / "shop"
    spec.write_text(SPEC, "utf-8")
    assert main(["new", str(folder), "--template", "openapi", "--spec", str(spec)]) == 0
    assert json.loads((folder / "tests" / "listing.json").read_text("utf-8")) == {
        "tools": ["create_offer", "list_search", "replace_offer"],
        "resources": ["resource://list_offers"],
        "templates": ["resource://get_offer/{offerId}"],
        "prompts": [],
    }
    assert "passed" in own_tests(folder, "tests")
    assert main(["export", str(folder), "--check"]) == 0
    assert main(["check", str(folder)]) == 0
    await served(folder, tmp_path)


def test_its_own_tests_notice_what_is_changed(tmp_path: Path) -> None:
    """A tool that is gone is missed: the tests of a template can fail."""
    folder = tmp_path / "mine"
    assert main(["new", str(folder)]) == 0
    server = folder / "server.py"
    server.write_text(server.read_text("utf-8").replace("def count_words(", "def count_the_words("), "utf-8")
    with pytest.raises(AssertionError, match="2 failed"):
        own_tests(folder, "tests/test_server.py", "-k", "listing_says")
