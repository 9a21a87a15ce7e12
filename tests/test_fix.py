"""check --fix: what it changes, what it leaves, and that nothing is lost."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from conftest import SERVER, MakeWorkspace, write_notebook
from hypothesis import given
from hypothesis import strategies as st

from mcp_workbench.cli import main
from mcp_workbench.findings import Edit, Finding, Place
from mcp_workbench.rules import RULES
from mcp_workbench.rules.fixing import _edited
from mcp_workbench.rules.rule import Example, Rule

STATE = (
    "from fastmcp import Context, FastMCP\n\nmcp = FastMCP('desk')\n\n\n"
    "@mcp.tool\nasync def remember(ctx: Context) -> str:\n"
    "    ctx.set_state('book', 'é')  # kept\n    return 'x'\n"
)
FIXED = STATE.replace("    ctx.set_state", "    await ctx.set_state")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    capsys.readouterr()
    main(["check", "--format", "json", *arguments])
    findings: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return findings


EXAMPLES = [
    pytest.param(rule, example, id=f"{rule.code}-{number}")
    for rule in RULES.values()
    for number, example in enumerate(rule.bad, start=1)
]


@pytest.mark.parametrize(("rule", "example"), EXAMPLES)
def test_a_fix_leaves_no_finding_makes_none_and_a_second_changes_nothing(
    rule: Rule, example: Example, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in {"server.py": example.code, **example.files}.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text, encoding="utf-8")
    asked = [] if rule.default else ["--select", rule.code]
    before = found(capsys, ".", *asked)
    main(["check", ".", *asked, "--fix"])
    once = Path("server.py").read_bytes()
    after = found(capsys, ".", *asked)
    ast.parse(once)
    left = [finding for finding in before if not finding["fix"]]
    assert [(f["code"], f["message"]) for f in after] == [(f["code"], f["message"]) for f in left]
    main(["check", ".", *asked, "--fix"])
    assert Path("server.py").read_bytes() == once


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("start", ["", "\ufeff", "# -*- coding: utf-8 -*-\n", "x = '\f\u2028'\n"])
def test_every_other_byte_is_kept(
    start: str, end: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = ((start + text).replace("\n", end).encode() for text in (STATE, FIXED))
    Path("desk.py").write_bytes(before)
    for asked in (["--diff"], ["--fix", "--diff"]):
        assert main(["check", "desk.py", *asked]) == 1
        assert "+    await ctx.set_state('book', 'é')  # kept" in capsys.readouterr().out
        assert Path("desk.py").read_bytes() == before
    assert main(["check", "desk.py", "--fix"]) == 0
    assert "1 fixed; 0 findings in 1 file" in capsys.readouterr().out
    assert Path("desk.py").read_bytes() == after


def test_another_encoding_is_left(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = f"# coding: latin-1\n{STATE}".encode("latin-1")
    Path("desk.py").write_bytes(text)
    assert main(["check", "desk.py", "--fix"]) == 1
    assert Path("desk.py").read_bytes() == text


def test_a_file_that_may_not_be_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("desk.py").write_text(STATE, "utf-8")
    Path("other.py").write_text(STATE, "utf-8")
    Path("other.py").chmod(0o444)
    assert main(["check", ".", "--fix"]) == 2
    assert "other.py: is read-only" in capsys.readouterr().err
    assert Path("desk.py").read_text("utf-8") == STATE  # all of them or none


def test_in_a_notebook_only_the_cell_changes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    top, tool = STATE.split("\n\n\n")
    write_notebook(Path("try.ipynb"), ["# A desk", "%time 1\n" + top, tool, "1"])
    before = json.loads(Path("try.ipynb").read_text("utf-8"))
    before["cells"][2]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "old"}]
    before["cells"][3]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "kept"}]
    Path("try.ipynb").write_text(json.dumps(before, indent=1, ensure_ascii=False) + "\n", "utf-8")
    assert main(["check", ".", "--fix"]) == 0
    text = Path("try.ipynb").read_text("utf-8")
    after = json.loads(text)
    assert "".join(after["cells"][2].pop("source")) == FIXED.split("\n\n\n")[1]
    assert after["cells"][2].pop("outputs") == []
    for key in ("source", "outputs"):
        del before["cells"][2][key]
    assert after == before
    assert text == json.dumps(json.loads(text), indent=1, ensure_ascii=False) + "\n"


def test_in_a_workspace_the_chapter_changes(
    make_workspace: MakeWorkspace, capsys: pytest.CaptureFixture[str]
) -> None:
    tool = "#| export\nfrom fastmcp import Context\n\n\n" + STATE.split("\n\n\n")[1]
    folder = make_workspace(a=[SERVER], b=["1", tool])
    assert main(["check", str(folder), "--fix"]) == 0
    cells = json.loads((folder / "notebooks" / "01_b.ipynb").read_text("utf-8"))["cells"]
    assert "".join(cells[1]["source"]) == tool.replace("    ctx.set", "    await ctx.set")


def test_what_is_left_says_why(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("desk.py").write_text("from fastmcp import FastMCP\n\nmcp = FastMCP('desk', host='127.0.0.1')\n")
    assert main(["check", "desk.py", "--diff"]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("desk.py:3:")
    assert ": MCP106 left: " in said.err


texts = st.text(st.sampled_from("ab \n\ré"), max_size=40)


@given(texts, st.data())
def test_edits_that_overlap_wait_and_others_are_all_made(text: str, data: st.DataObject) -> None:
    """Edits by position give what they would give one by one, from the end."""
    flat = text.replace("\r", "")
    places = sorted(data.draw(st.sets(st.integers(0, len(flat)), max_size=8)))
    pairs = list(zip(places[::2], places[1::2], strict=False))
    lines = [flat.count("\n", 0, place) + 1 for place in range(len(flat) + 1)]
    columns = [place - (flat.rfind("\n", 0, place) + 1) for place in range(len(flat) + 1)]
    findings = [
        Finding(
            "MCP001", Place("x"), "", "", "", (Edit(lines[a], columns[a], lines[b], columns[b], f"<{a}>"),)
        )
        for a, b in pairs
    ]
    expected = flat
    for a, b in reversed(pairs):
        expected = f"{expected[:a]}<{a}>{expected[b:]}"
    assert _edited(flat, findings) == (expected, findings)
    assert _edited(flat, findings * 2)[0] == expected  # the same edit twice is made once
