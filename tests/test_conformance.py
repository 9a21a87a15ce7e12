"""The committed report of the conformance suite, and what makes and compares such reports.

The suite itself is run by .ci/run: `python tests/conformance.py`.
"""

from __future__ import annotations

import importlib.util
import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from conformance import CHECK_NEEDS, ERAS, FOLDER, NEEDS, REPORT, differences, install, judged
from fastmcp import Client

from mcp_workbench import export, workspace

COMMITTED: dict[str, Any] = json.loads(REPORT.read_text(encoding="utf-8"))
FASTMCP_LACKS = ["resources-subscribe", "resources-unsubscribe"]  # it has no handler for them


def rows(server: str, era: str, *verdicts: str) -> list[str]:
    """The scenarios that have one of these verdicts."""
    return [name for name, row in COMMITTED[server][era].items() if row["verdict"] in verdicts]


def check(identifier: str, status: str = "SUCCESS", message: str = "") -> dict[str, str]:
    return {"id": identifier, "status": status, "errorMessage": message}


def test_the_report_has_every_scenario_of_both_eras_for_both_servers() -> None:
    assert list(COMMITTED) == ["desk", "fixtures"]
    for server in COMMITTED.values():
        assert {era: len(found) for era, found in server.items()} == {"2025-11-25": 33, "2026-07-28": 40}
    assert COMMITTED["desk"]["2025-11-25"].keys() == COMMITTED["fixtures"]["2025-11-25"].keys()
    assert COMMITTED["desk"]["2026-07-28"].keys() == COMMITTED["fixtures"]["2026-07-28"].keys()


def test_what_the_exporter_makes_conforms_but_for_what_fastmcp_lacks() -> None:
    assert rows("fixtures", "2025-11-25", "failed") == FASTMCP_LACKS
    assert rows("fixtures", "2025-11-25", "warned") == ["server-sse-polling"]
    assert len(rows("fixtures", "2025-11-25", "passed")) == 30
    assert len(rows("fixtures", "2026-07-28", "passed")) == 40


@pytest.mark.parametrize("era", ERAS)
def test_the_desk_passes_all_that_can_be_asked_of_it(era: str) -> None:
    passed = rows("desk", era, "passed")
    assert len(passed) == 8
    assert {"tools-list", "resources-list", "prompts-list", "dns-rebinding-protection"} <= set(passed)
    asked = [name for name in COMMITTED["desk"][era] if name not in NEEDS]
    assert passed == asked
    assert rows("desk", era, "not applicable") == [name for name in COMMITTED["desk"][era] if name in NEEDS]


async def test_the_fixtures_have_what_the_suite_needs(tmp_path: Path) -> None:
    """Otherwise a scenario would be excused for the want of something that nobody could have."""
    made = workspace.at(FOLDER)
    assert made is not None
    exported = export.export(made)
    assert exported.warnings == ()
    path = tmp_path / "fixtures_server.py"
    path.write_text(exported.text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("fixtures_server", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    async with Client(module.mcp) as client:
        offered = {item.name for item in [*await client.list_tools(), *await client.list_prompts()]}
        offered |= {str(resource.uri) for resource in await client.list_resources()}
        offered |= {template.uri_template for template in await client.list_resource_templates()}
    assert {*NEEDS.values(), *CHECK_NEEDS.values()} - offered == set()
    known = {name for era in COMMITTED["fixtures"].values() for name in era}
    assert NEEDS.keys() <= known


def test_a_scenario_is_judged_by_its_worst_check() -> None:
    good, poor, bad = check("a"), check("b", "WARNING", "better not"), check("c", "FAILURE", "wrong")
    other = check("d", "SKIPPED")
    assert judged("ping", [good, other], fixtures=True) == {"verdict": "passed", "checks": 1}
    assert judged("ping", [other], fixtures=True) == {"verdict": "skipped", "checks": 0}
    warned = {"verdict": "warned", "checks": 1, "why": "b: better not"}
    assert judged("ping", [good, poor], fixtures=True) == warned
    failed = {"verdict": "failed", "checks": 1, "why": "c: wrong"}
    assert judged("ping", [good, poor, bad], fixtures=True) == failed


def test_what_needs_a_fixture_says_nothing_of_a_server_without_it() -> None:
    image = "tools-call-image"
    without = {"verdict": "not applicable", "why": "needs test_image_content"}
    assert judged(image, [check(image)], fixtures=False) == without
    assert judged(image, [check(image)], fixtures=True)["verdict"] == "passed"
    lacking = [check("a"), check(next(iter(CHECK_NEEDS)), "FAILURE", "no such tool")]
    assert judged("server-stateless", lacking, fixtures=False) == {"verdict": "passed", "checks": 1}
    assert judged("server-stateless", lacking, fixtures=True)["verdict"] == "failed"


def test_every_difference_is_a_line() -> None:
    now = deepcopy(COMMITTED)
    assert list(differences(COMMITTED, now)) == []
    ping = {"verdict": "failed", "checks": 1, "why": "ping: no answer"}
    now["desk"]["2025-11-25"]["ping"] = ping
    now["fixtures"]["2026-07-28"]["new"] = {"verdict": "passed", "checks": 1}
    del now["fixtures"]["2026-07-28"]["caching"]
    assert list(differences(COMMITTED, now)) == [
        "desk 2025-11-25 ping: passed (2 checks), and now failed (1 checks): ping: no answer",
        "fixtures 2026-07-28 caching: passed (8 checks), and now not in the report",
        "fixtures 2026-07-28 new: not in the report, and now passed (1 checks)",
    ]


def test_without_npms_registry_it_fails_with_a_sentence(tmp_path: Path) -> None:
    """A real npm, an empty cache, and a port on which nobody listens."""
    nowhere = {
        "npm_config_registry": "http://127.0.0.1:9",
        "npm_config_cache": str(tmp_path / "cache"),
        "npm_config_fetch_retries": "0",
        "npm_config_replace_registry_host": "always",
    }
    with pytest.raises(SystemExit) as caught:
        install(tmp_path / "npm", nowhere)
    said = str(caught.value)
    assert "npm could not install @modelcontextprotocol/conformance" in said
    assert "not skipped" in said
    assert "ECONNREFUSED" in said


def test_the_lock_file_pins_every_package_with_a_hash() -> None:
    lock = json.loads((FOLDER / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages["node_modules/@modelcontextprotocol/conformance"]["version"] == "0.2.0-alpha.12"
    assert len(packages) > 100
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
    assert not any("resolved" in entry for entry in packages.values())  # no registry's host is written down
