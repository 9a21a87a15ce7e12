"""The exercises and their builds: read from the chapters, pure."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from conftest import ROOT, MakeWorkspace

from mcp_workbench import export, workspace
from mcp_workbench.cli import main
from mcp_workbench.course import exercises
from mcp_workbench.course.building import build
from mcp_workbench.course.builds import BUILDS, instructor, learner
from mcp_workbench.errors import WorkbenchError
from mcp_workbench.notebook import read_json, source_of

SOURCES = {path.stem: read_json(path) for path in workspace.find(ROOT).chapters()}
EVERY = [(stem, one) for stem, notebook in SOURCES.items() for one in exercises.found(notebook["cells"])]


def test_chapter_01_has_its_exercises() -> None:
    first, second = exercises.found(SOURCES["01_tools"]["cells"])
    assert (first.number, first.title, first.minutes) == ("01.1", "Renew a loan", 6)
    assert first.stub.endswith('due = {"emma-1": date(2026, 12, 3)}\n\npass  # YOUR CODE HERE')
    assert "def renew(copy_id: str) -> date:" in first.solution
    assert "###" not in first.solution
    assert first.hints[0] == "The annotation of the result may be `date`: FastMCP sends it as text."
    assert [wrong.why for wrong in second.wrong] == [
        "A list of any text: a model has to guess the names.",
        "One text with commas in it, as on a command line.",
    ]


def test_every_chapter_from_00_to_12_has_exercises() -> None:
    assert {stem for stem, _ in EVERY} >= {stem for stem in SOURCES if stem < "13"}


@pytest.mark.parametrize(
    ("written", "stub", "solved"),
    [
        ("### BEGIN SOLUTION\nx = 1\n### END SOLUTION", "pass  # YOUR CODE HERE", "x = 1"),
        (
            "def f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION\n\nf()",
            "def f():\n    pass  # YOUR CODE HERE\n\nf()",
            "def f():\n    return 1\n\nf()",
        ),
        (
            "### BEGIN SOLUTION\na\n### END SOLUTION\nb\n### BEGIN SOLUTION\nc\n### END SOLUTION\n",
            "pass  # YOUR CODE HERE\nb\npass  # YOUR CODE HERE\n",
            "a\nb\nc",
        ),
        ("x = 1", "x = 1", "x = 1"),
    ],
)
def test_a_solution_is_cut_at_its_indentation(written: str, stub: str, solved: str) -> None:
    assert exercises.stub(written) == stub
    assert exercises.solved(written) == solved


@pytest.mark.parametrize("kind", BUILDS)
@pytest.mark.parametrize("stem", SOURCES)
def test_a_build_is_a_notebook_and_leaves_the_source_alone(stem: str, kind: str) -> None:
    source = copy.deepcopy(SOURCES[stem])
    made = BUILDS[kind](source, "1.0")
    assert source == SOURCES[stem]
    nbformat.validate(made)
    finished = [source_of(cell) for cell in made["cells"] if source_of(cell).startswith("#| export")]
    assert finished == [source_of(c) for c in source["cells"] if source_of(c).startswith("#| export")]


@pytest.mark.parametrize("stem", SOURCES)
def test_a_learner_sees_no_solution(stem: str) -> None:
    made = learner(SOURCES[stem], "1.0")
    text = json.dumps(made)
    for word in ("SOLUTION", "not_yet", '"wrong"', "docassert_wrong"):
        assert word not in text
    for one in exercises.found(SOURCES[stem]["cells"]):
        written = one.solution.replace(one.stub.replace(exercises.YOURS, ""), "").strip()
        assert json.dumps(written)[1:-1] not in text
    assert all(not cell.get("outputs") for cell in made["cells"])
    assert [one.stub for one in exercises.found(made["cells"])] == [
        one.stub for one in exercises.found(SOURCES[stem]["cells"])
    ]


def test_an_instructor_sees_times_and_what_goes_wrong() -> None:
    made = instructor(SOURCES["01_tools"], "1.0")
    notes = [source_of(cell) for cell in made["cells"] if "instructor" in exercises.tags(cell)]
    assert "| The lesson | 30 minutes |" in notes[0]
    assert "| 01.1 Renew a loan | 6 minutes |" in notes[0]
    assert "| together | 41 minutes |" in notes[0]
    assert "1. The name of the copy is looked up without a thought" in notes[1]
    assert any("### BEGIN SOLUTION" in source_of(cell) for cell in made["cells"])


def test_both_builds_export_the_bytes_of_the_source(tmp_path: Path) -> None:
    source = workspace.find(ROOT)
    texts = {kind: export.export(build(source, tmp_path / kind, kind)).text for kind in BUILDS}
    assert texts["learner"] == texts["instructor"] == export.export(source).text


def test_a_note_in_a_finished_cell_would_be_seen(tmp_path: Path) -> None:
    """The comparison above can fail: another finished cell gives other bytes."""
    made = build(workspace.find(ROOT), tmp_path / "made", "learner")
    path = made.chapters()[1]
    path.write_text(path.read_text("utf-8").replace("The records, read when", "Records, read when"), "utf-8")
    assert export.export(made).text != export.export(workspace.find(ROOT)).text


def test_a_teachers_own_course_is_built(
    make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_workspace(a=['#| export\nfrom fastmcp import FastMCP\n\nmcp = FastMCP("Mine")'])
    monkeypatch.chdir(folder)
    assert main(["course", "build", "--for", "learner", "handout"]) == 0
    assert capsys.readouterr().out == (
        "handout: 1 chapters for learners. Open them: mcp-workbench lab handout\n"
    )
    assert 'FastMCP(\\"Mine\\")' in next((folder / "handout" / "notebooks").glob("*.ipynb")).read_text(
        "utf-8"
    )


def test_copy_gives_the_learners_chapters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["course", "copy", "desk"]) == 0
    made = workspace.find(tmp_path / "desk")
    assert [path.stem for path in made.chapters()] == list(SOURCES)
    assert "YOUR CODE HERE" in (made.notebooks / "01_tools.ipynb").read_text("utf-8")
    assert (made.notebooks / "data" / "books.json").is_file()


def test_a_folder_with_something_in_it_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "desk").mkdir()
    (tmp_path / "desk" / "mine.txt").write_text("kept")
    monkeypatch.chdir(tmp_path)
    assert main(["course", "copy", "desk"]) == 2
    said = "mcp-workbench: desk: is there already, and not empty. Name a folder that is not there yet.\n"
    assert capsys.readouterr().err == said
    assert [path.name for path in tmp_path.rglob("*")] == ["desk", "mine.txt"]
    (tmp_path / "desk" / "mine.txt").unlink()
    assert main(["course", "copy", "desk"]) == 0


def test_a_folder_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkbenchError, match="cannot be written"):
        build(workspace.course(), tmp_path / "file" / "desk", "learner")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def in_learners(stem: str, number: str) -> Any:
    made = learner(SOURCES[stem], "1.0")
    return made["metadata"]["mcp_workbench"]["exercises"][number]


def test_a_changed_task_changes_the_hash() -> None:
    changed = copy.deepcopy(SOURCES["01_tools"])
    for cell in changed["cells"]:
        if cell["id"] == "exercise-01-1":
            cell["source"] = source_of(cell).replace("21 days", "28 days")
    made = learner(changed, "1.0")["metadata"]["mcp_workbench"]["exercises"]
    assert made["01.1"] != in_learners("01_tools", "01.1")
    assert made["01.2"] == in_learners("01_tools", "01.2")
