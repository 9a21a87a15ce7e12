"""check, hint, solution, progress and reset, as a learner meets them, on real servers."""

from __future__ import annotations

import asyncio
import json
import stat
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from fastmcp import Client, FastMCP
from fastmcp.exceptions import ToolError

from mcp_workbench import acheck, check, hint, not_yet, progress, reset, solution, workspace
from mcp_workbench.course import judging, record
from mcp_workbench.course.building import build
from mcp_workbench.course.feedback import STRICT


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A learner's copy of the course; the working folder is its notebooks, as in a kernel."""
    made = build(workspace.find(ROOT), tmp_path / "desk", "learner")
    monkeypatch.chdir(made.notebooks)
    monkeypatch.delenv(STRICT, raising=False)
    return made.folder


def noted(desk: Path) -> list[str]:
    path = desk / ".mcp-workbench" / "progress.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [f"{event['about']} {event['what']}" for event in map(json.loads, lines)]


def right() -> FastMCP[Any]:
    lab: FastMCP[Any] = FastMCP("lab")
    due = {"emma-1": date(2026, 12, 3)}

    @lab.tool
    def renew(copy_id: str) -> date:
        """Three more weeks."""
        if copy_id not in due:
            raise ToolError(f"{copy_id} is not on loan")
        due[copy_id] += timedelta(days=21)
        return due[copy_id]

    return lab


def undescribed() -> FastMCP[Any]:
    lab: FastMCP[Any] = FastMCP("lab")

    @lab.tool
    def renew(copy_id: str) -> str:
        return copy_id

    return lab


def test_nothing_was_tried(desk: Path) -> None:
    outcome = check("01.1", FastMCP("lab"))
    assert (outcome.status, repr(outcome)) == ("TODO", "TODO 01.1 - no tool `renew` on this server yet")
    assert noted(desk) == ["01.1 TODO"]


def test_not_yet_says_what_the_client_saw(desk: Path) -> None:
    outcome = check("01.1", undescribed())
    assert outcome.status == "NOT YET"
    assert outcome.text == "NOT YET 01.1 - the client sees no description of `renew`: a docstring is missing"
    assert noted(desk) == ["01.1 NOT YET"]


def test_pass_shows_the_hints_that_were_not_needed_and_what_to_try(desk: Path) -> None:
    hint("01.1")
    outcome = check("01.1", right())
    first, second, last = outcome.text.splitlines()
    assert (outcome.status, first) == ("PASS", "PASS 01.1")
    assert second.startswith("You did not need: Hint 2 of 2 for 01.1: `raise ToolError")
    assert last.startswith("Now try: Annotate the tool")
    assert noted(desk) == ["01.1 hint", "01.1 PASS"]


def test_error_is_about_the_question() -> None:
    assert check("01.1", "mcp").text == (
        'ERROR 01.1 - check takes your server, as in check("01.1", lab), and was given str.'
    )
    assert check("01.7", FastMCP("lab")).text == (
        'ERROR 01.7: the course has no such exercise. Do you mean "01.1" or "01.2"?'
    )
    assert check(0.1, FastMCP("lab")).text.endswith('Do you mean "00.1" or "00.2"?')  # type: ignore[arg-type]
    assert check("99.1", FastMCP("lab")).text.endswith("no such exercise. progress() lists them all.")


def test_a_server_that_does_not_start_is_an_error() -> None:
    @asynccontextmanager
    async def broken(server: FastMCP[Any]) -> AsyncIterator[None]:
        raise RuntimeError("no database")
        yield

    outcome = check("01.1", FastMCP("lab", lifespan=broken))
    assert outcome.status == "ERROR"
    assert "no database" in outcome.text


async def test_a_client_that_is_open_gives_a_message_and_no_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lifespan's lock belongs to the loop of the open client, and is taken there."""

    @asynccontextmanager
    async def locked(server: FastMCP[Any]) -> AsyncIterator[asyncio.Lock]:
        yield asyncio.Lock()

    lab: FastMCP[Any] = FastMCP("lab", lifespan=locked)
    taken = asyncio.Lock()

    @lab.tool
    async def renew(copy_id: str) -> str:
        """Wait for the others."""
        async with taken:
            return "2026-12-24"

    monkeypatch.setattr(judging, "SECONDS", 0.5)
    async with taken, Client(lab):
        began = time.monotonic()
        outcome = check("01.1", lab)
        assert time.monotonic() - began < 10
    assert outcome.status == "ERROR"
    assert "still open in another cell" in outcome.text
    assert "await acheck(...)" in outcome.text


def test_a_tool_that_never_returns_costs_its_thread_only(monkeypatch: pytest.MonkeyPatch) -> None:
    lab: FastMCP[Any] = FastMCP("lab")
    released = threading.Event()

    @lab.tool
    def renew(copy_id: str) -> str:
        """Wait for ever."""
        released.wait()
        return ""

    monkeypatch.setattr(judging, "SECONDS", 0.3)
    monkeypatch.setattr(judging, "GRACE", 0.3)
    try:
        assert "did not answer" in check("01.1", lab).text
    finally:
        released.set()


async def test_acheck_judges_in_the_running_loop() -> None:
    outcome = await acheck("01.1", right())
    assert outcome.status == "PASS"
    assert (await acheck("01.9", right())).status == "ERROR"


def test_strict_raises_for_all_but_pass_and_notes_nothing(
    desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STRICT, "1")
    assert check("01.1", right()).status == "PASS"
    for server in (FastMCP("lab"), undescribed(), "mcp"):
        with pytest.raises(AssertionError, match=r"01\.1"):
            check("01.1", server)
    assert noted(desk) == []


def test_an_author_states_what_is_said_of_a_wrong_answer() -> None:
    assert not_yet("01.1", undescribed(), "no description").status == "NOT YET"
    with pytest.raises(AssertionError, match="does not match 'nonsense'"):
        not_yet("01.1", undescribed(), "nonsense")
    with pytest.raises(AssertionError, match=r"PASS 01\.1"):
        not_yet("01.1", right(), "no description")


def test_a_difference_between_the_eras_is_said() -> None:
    lab = right()

    @lab.tool
    def which() -> str:
        """A tool of one era."""
        return "x"

    async def only_sessionless(lab: judging.Lab) -> None:
        lab.expect(lab.era == "sessionless", "the tool is not there")

    judging.exercise("01.99", then="")(only_sessionless)
    try:
        verdict = judging.judge_apart("01.99", lab)
    finally:
        del judging._CHECKERS["01.99"]
    assert verdict.sentence == "in the handshake era, the tool is not there"


def test_hints_come_one_by_one_and_then_all(desk: Path) -> None:
    assert hint("01.1").text.startswith("Hint 1 of 2 for 01.1: The annotation")
    assert hint("01.1").text.startswith("Hint 2 of 2 for 01.1: `raise")
    every = hint("01.1").text.splitlines()
    assert [line[:12] for line in every[:2]] == ["Hint 1 of 2 ", "Hint 2 of 2 "]
    assert every[2] == 'There are no more. solution("01.1") shows one.'
    assert hint("01.8").text.startswith("ERROR 01.8: the course has no such exercise.")


def test_a_solution_is_shown_when_it_is_meant() -> None:
    assert solution("01.1").text == (
        'You have not passed 01.1 yet, and there are 2 more hints: hint("01.1"). '
        'Call solution("01.1") again to see a solution.'
    )
    assert "def renew(copy_id: str) -> date:" in solution("01.1").text


def test_a_solution_is_shown_at_once_after_pass() -> None:
    check("01.1", right())
    assert "def renew(copy_id: str) -> date:" in solution("01.1").text


def line_of(number: str) -> list[str]:
    return next(line for line in progress().text.splitlines() if line.startswith(number)).split()


def test_progress_is_one_table() -> None:
    check("01.1", undescribed())
    hint("01.1")
    check("01.1", right())
    check("01.1", undescribed())
    text = progress().text
    assert text.startswith("PASS 1 of ")
    assert line_of("01.1") == ["01.1", "PASS", "Renew", "a", "loan", "2", "1"]
    assert line_of("01.2")[:2] == ["01.2", "TODO"]
    assert "Next: 00.1 Greet" in text


def test_a_broken_progress_file_is_read_as_far_as_it_goes(desk: Path) -> None:
    check("01.1", right())
    path = desk / ".mcp-workbench" / "progress.jsonl"
    before = path.read_bytes() + b'not json\n{"about": "01.2", "what": "PA'
    path.write_bytes(before)
    assert line_of("01.1")[1] == "PASS"
    assert "progress.jsonl: lines 2, 3 cannot be read; nothing else is lost" in progress().text
    check("01.1", undescribed())
    assert path.read_bytes().startswith(before)
    assert line_of("01.1")[-2] == "1"


def test_a_folder_that_cannot_be_written_is_said_and_the_outcome_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(record.VARIABLE, str(tmp_path / "file" / "progress.jsonl"))
    text = check("01.1", undescribed()).text
    assert text.startswith("NOT YET 01.1")
    assert "not noted in your progress:" in text
    assert hint("01.1").text.startswith("Hint 1 of 2")


def test_progress_is_kept_where_the_variable_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(record.VARIABLE, str(tmp_path / "elsewhere" / "p.jsonl"))
    check("01.1", right())
    assert '"what": "PASS"' in (tmp_path / "elsewhere" / "p.jsonl").read_text()


def test_reset_keeps_the_learners_chapter(desk: Path) -> None:
    path = desk / "notebooks" / "01_tools.ipynb"
    original = path.read_bytes()
    check("01.1", right())
    for number in (1, 2):
        path.write_text(f"mine {number}")
        said = reset("01").text
        assert said.startswith(f"01_tools.ipynb is as it was; yours is my-01_tools-{number}.ipynb, as far as")
        assert path.read_bytes() == original
        assert (path.parent / f"my-01_tools-{number}.ipynb").read_text() == f"mine {number}"
    assert line_of("01.1")[1] == "TODO"
    assert [chapter.name for chapter in workspace.find(desk).chapters()][1] == "01_tools.ipynb"


def test_reset_of_what_is_not_there(desk: Path) -> None:
    assert reset("77").text.startswith("ERROR 77: the course has no such chapter; it has 00, 01, ")
    assert reset("1").text == 'ERROR 1: the course has no such chapter. Do you mean "01"?'
    path = desk / "notebooks" / "01_tools.ipynb"
    path.unlink()
    assert reset("01").text.startswith("01_tools.ipynb is as it was. Open it anew")
    assert path.is_file()


def test_reset_leaves_the_source_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "notebooks")
    assert "the course's own source, with its solutions" in reset("01").text


def test_reset_where_nothing_can_be_written(desk: Path) -> None:
    folder = desk / "notebooks"
    before = sorted(path.name for path in folder.iterdir())
    (folder / ".01_tools.ipynb.tmp").mkdir()  # root may write in a read-only folder, but not a file here
    assert "cannot be written" in reset("01").text
    (folder / ".01_tools.ipynb.tmp").rmdir()
    assert sorted(path.name for path in folder.iterdir()) == before
    assert stat.S_ISREG((folder / "01_tools.ipynb").stat().st_mode)


def test_an_old_notebook_is_told_what_to_do(desk: Path) -> None:
    path = desk / "notebooks" / "01_tools.ipynb"
    notebook = json.loads(path.read_text("utf-8"))
    notebook["metadata"]["mcp_workbench"] = {"version": "0.0.1", "exercises": {"01.1": "0" * 16}}
    path.write_text(json.dumps(notebook), "utf-8")
    text = check("01.1", right()).text
    assert text.startswith("ERROR 01.1 - 01_tools.ipynb was made by mcp-workbench 0.0.1, and this is ")
    assert text.endswith('reset("01") brings the new chapter, and keeps yours.')
    reset("01")
    assert check("01.1", right()).status == "PASS"
