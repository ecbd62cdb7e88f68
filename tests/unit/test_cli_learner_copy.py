"""The learner copy, clause by clause."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fclab.commands.learner_copy import copy_lessons, without_outputs
from fclab.errors import UsageError


def notebook(source: str, output: str = "1.1\n") -> str:
    cell = {
        "cell_type": "code",
        "execution_count": 3,
        "id": "a1",
        "metadata": {"execution": {"iopub.status.idle": "2026"}},
        "outputs": [{"name": "stdout", "output_type": "stream", "text": [output]}],
        "source": [source],
    }
    return json.dumps({"cells": [cell], "metadata": {"widgets": {"state": {}}}, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture
def lessons(tmp_path: Path) -> Path:
    folder = tmp_path / "lessons"
    (folder / "data").mkdir(parents=True)
    (folder / "text").mkdir()
    (folder / "00-first.ipynb").write_text(notebook("lab.run()"), encoding="utf-8")
    (folder / "data" / "points.csv").write_text("1,2\n", encoding="utf-8")
    (folder / "text" / "00.toml").write_text("answer = 1.1\n", encoding="utf-8")
    (folder / "nbval.cfg").write_text("[x]\n", encoding="utf-8")
    return folder


def test_clause_1_what_is_not_there_is_written_without_outputs_and_answers(lessons: Path, tmp_path: Path) -> None:
    report = copy_lessons(lessons, tmp_path / "mine")
    assert report.written == ["00-first.ipynb", "data/points.csv"]
    assert not (tmp_path / "mine" / "text").exists()
    made = json.loads((tmp_path / "mine" / "00-first.ipynb").read_text(encoding="utf-8"))
    assert made["cells"][0] == {
        "cell_type": "code",
        "execution_count": None,
        "id": "a1",
        "metadata": {},
        "outputs": [],
        "source": ["lab.run()"],
    }
    assert made["metadata"] == {}


def test_a_second_copy_changes_nothing_and_says_nothing(lessons: Path, tmp_path: Path) -> None:
    copy_lessons(lessons, tmp_path / "mine")
    before = {path: path.read_bytes() for path in (tmp_path / "mine").rglob("*") if path.is_file()}
    assert copy_lessons(lessons, tmp_path / "mine").lines() == []
    assert {path: path.read_bytes() for path in (tmp_path / "mine").rglob("*") if path.is_file()} == before


def test_clause_2_an_untouched_file_is_brought_up_to_date(lessons: Path, tmp_path: Path) -> None:
    copy_lessons(lessons, tmp_path / "mine")
    (lessons / "00-first.ipynb").write_text(notebook("lab.run(until=1)"), encoding="utf-8")
    report = copy_lessons(lessons, tmp_path / "mine")
    assert (report.updated, report.kept, report.beside) == (["00-first.ipynb"], [], [])
    assert "until=1" in (tmp_path / "mine" / "00-first.ipynb").read_text(encoding="utf-8")


def test_clause_3_a_changed_file_is_kept_and_a_newer_lesson_comes_beside_it_once(lessons: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine" / "00-first.ipynb"
    copy_lessons(lessons, mine.parent)
    mine.write_text(notebook("my own work"), encoding="utf-8")
    report = copy_lessons(lessons, mine.parent)
    assert (report.kept, report.beside) == (["00-first.ipynb"], [])

    (lessons / "00-first.ipynb").write_text(notebook("lab.run(until=1)"), encoding="utf-8")
    report = copy_lessons(lessons, mine.parent)
    assert (report.kept, report.beside) == (["00-first.ipynb"], ["00-first.updated.ipynb"])
    assert "my own work" in mine.read_text(encoding="utf-8")
    assert copy_lessons(lessons, mine.parent).beside == []

    (lessons / "00-first.ipynb").write_text(notebook("lab.run(until=2)"), encoding="utf-8")
    assert copy_lessons(lessons, mine.parent).beside == ["00-first.updated-2.ipynb"]
    assert "until=1" in (mine.parent / "00-first.updated.ipynb").read_text(encoding="utf-8")


def test_clause_4_running_and_saving_is_no_change(lessons: Path, tmp_path: Path) -> None:
    """As JupyterLab saves a notebook: outputs, counts, metadata, another layout of the JSON, and the source as one text or as lines."""
    mine = tmp_path / "mine" / "00-first.ipynb"
    copy_lessons(lessons, mine.parent)
    ran = json.loads(notebook("lab.run()"))
    ran["cells"][0] |= {"source": "lab.run()", "execution_count": 7, "metadata": {"trusted": True}}
    ran["metadata"] = {"language_info": {"version": "3.11.7"}}
    mine.write_text(json.dumps(ran), encoding="utf-8")
    assert copy_lessons(lessons, mine.parent).lines() == []
    assert "1.1" in mine.read_text(encoding="utf-8"), "what it printed stays"

    (lessons / "00-first.ipynb").write_text(notebook("lab.run(until=1)"), encoding="utf-8")
    report = copy_lessons(lessons, mine.parent)
    assert (report.updated, report.kept, report.beside) == (["00-first.ipynb"], [], [])


@pytest.mark.parametrize("part", ["source", "cell_type"])
def test_clause_4_an_edit_of_code_or_text_is_a_change(lessons: Path, tmp_path: Path, part: str) -> None:
    mine = tmp_path / "mine" / "00-first.ipynb"
    copy_lessons(lessons, mine.parent)
    edited = json.loads(mine.read_text(encoding="utf-8"))
    edited["cells"][0][part] = {"source": ["lab.run() "], "cell_type": "markdown"}[part]
    mine.write_text(json.dumps(edited), encoding="utf-8")
    assert copy_lessons(lessons, mine.parent).kept == ["00-first.ipynb"]


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"cells": [1]}', '{"cells": [{"cell_type": "code"}]}', '{"cells": [{"source": [1]}]}'])
def test_clause_4_a_broken_notebook_is_a_change(lessons: Path, tmp_path: Path, damage: str) -> None:
    mine = tmp_path / "mine" / "00-first.ipynb"
    copy_lessons(lessons, mine.parent)
    mine.write_text(damage, encoding="utf-8")
    assert copy_lessons(lessons, mine.parent).kept == ["00-first.ipynb"]
    assert mine.read_text(encoding="utf-8") == damage


def test_clause_5_without_the_manifest_every_file_counts_as_changed(lessons: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "00-first.ipynb").write_text("something else entirely", encoding="utf-8")
    report = copy_lessons(lessons, mine)
    assert (report.kept, report.beside) == (["00-first.ipynb"], ["00-first.updated.ipynb"])
    assert (mine / "00-first.ipynb").read_text(encoding="utf-8") == "something else entirely"


def test_a_lost_file_comes_back_and_a_link_is_never_written_through(lessons: Path, tmp_path: Path) -> None:
    mine, other = tmp_path / "mine", tmp_path / "elsewhere.ipynb"
    copy_lessons(lessons, mine)
    (mine / "00-first.ipynb").unlink()
    assert copy_lessons(lessons, mine).updated == ["00-first.ipynb"]
    (mine / "00-first.ipynb").unlink()
    other.write_text("precious", encoding="utf-8")
    (mine / "00-first.ipynb").symlink_to(other)
    assert copy_lessons(lessons, mine).kept == ["00-first.ipynb"]
    assert other.read_text(encoding="utf-8") == "precious"


@pytest.mark.parametrize("inside", [".", "text"])
def test_the_lessons_themselves_are_never_the_copy(lessons: Path, inside: str) -> None:
    with pytest.raises(UsageError, match="holds the lessons themselves"):
        copy_lessons(lessons, lessons / inside)


def test_a_file_is_no_folder(lessons: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="is not a folder"):
        copy_lessons(lessons, tmp_path / "taken")


def test_clearing_is_stable() -> None:
    once = without_outputs(notebook("x = 1").encode())
    assert without_outputs(once) == once
