"""Progress is private, optional, and never seen in what a cell prints; texts are found in a checkout and in a wheel."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest

from fclab import UsageError
from fclab.teach import texts
from fclab.teach.lesson import lesson
from fclab.teach.progress import Progress, home
from tests.lessons.scenes import ran
from tests.meta.tree import ROOT


@pytest.fixture
def on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Progress kept in a folder of this test."""
    monkeypatch.setenv("FCLAB_PROGRESS", str(tmp_path / "kept"))
    return tmp_path / "kept" / "progress.json"


@pytest.mark.parametrize("word", ["off", "OFF", "0", "no", "false"])
def test_off_is_off(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FCLAB_PROGRESS", word)
    assert home() is None
    kept = Progress("00")
    kept.keep("x", 1)
    assert kept.get("x") is None
    assert kept.count("y") == 1
    kept.forget()


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the folder of this system is another one")
def test_the_users_own_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FCLAB_PROGRESS")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert home() == tmp_path / "fclab"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert home() == tmp_path / ".local" / "share" / "fclab"


def test_what_is_kept_is_the_learners_alone(on: Path) -> None:
    course = lesson("00")
    course.predict("wait", [1.1, 0.1, 0.1])
    course.check("bridge", ran(0, 200, 600))
    course.check("bridge", ran(0, 400, 600))
    kept = json.loads(on.read_text())["00"]
    assert kept["predict.wait"] == "about 1.1 s, about 0.1 s, about 0.1 s"
    assert kept["check.bridge.not yet"] == 2
    if sys.platform != "win32":
        assert stat.S_IMODE(on.stat().st_mode) == 0o600
    course.progress.forget()
    assert "00" not in json.loads(on.read_text())


def test_it_never_changes_what_a_cell_prints(on: Path) -> None:
    first = lesson("00")
    before = [repr(first.predict("wait")), repr(first.watch(ran(0, 60, 600)))]
    first.predict("wait", [1.1, 0.1, 0.1])
    again = lesson("00")
    assert [repr(again.predict("wait")), repr(again.watch(ran(0, 60, 600)))] == before
    assert again.card("wait").undecided, "an old prediction opens nothing"
    assert "about 1.1 s, about 0.1 s" in again.card("wait").note
    again.reset("wait")
    assert not lesson("00").card("wait").note


@pytest.mark.parametrize("damage", ["", "[]", "{", '{"00": 3}', '{"00": {"predict.wait": 5}}'])
def test_a_damaged_file_is_an_empty_one(on: Path, damage: str) -> None:
    on.parent.mkdir()
    on.write_text(damage)
    lesson("00").predict("wait", [1.1, 0.1, 0.1])
    assert json.loads(on.read_text())["00"]["predict.wait"]


def test_a_folder_that_cannot_be_made_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FCLAB_PROGRESS", str(tmp_path / "file" / "under"))
    lesson("00").predict("wait", [1.1, 0.1, 0.1])


# ---- where the words are


def laid_out(at: Path) -> Path:
    (at / "text").mkdir(parents=True)
    (at / "text" / "00.toml").write_text('title = "found"\n[words]\nbadge = "its own"\n')
    (at / "text" / "words.toml").write_text('badge = "all"\nhit = "all"\n')
    (at / "00-x.ipynb").write_text("{}")
    return at


def test_in_a_checkout_and_in_a_wheel(tmp_path: Path) -> None:
    checkout = laid_out(tmp_path / "checkout" / "lessons")
    assert texts.folder(tmp_path / "checkout" / "fclab") == checkout
    wheel = laid_out(tmp_path / "site" / "fclab" / "_lessons")
    assert texts.folder(tmp_path / "site" / "fclab") == wheel
    assert texts.texts("00", wheel) == {"title": "found", "words": {"badge": "its own", "hit": "all"}}
    assert texts.notebook("00", wheel).name == "00-x.ipynb"
    assert texts.folder() == ROOT / "lessons"


def test_where_there_are_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not where this installation"):
        texts.folder(tmp_path / "fclab")
    with pytest.raises(UsageError, match="notebook of lesson 00 is missing"):
        texts.notebook("00", tmp_path)


@pytest.mark.parametrize(("value", "said"), [(360.1, "360.1"), (0.1 + 0.2, "0.3"), (600.0, "600"), (360.100001, "360.100001")])
def test_times_as_people_write_them(value: float, said: str) -> None:
    assert texts.number(value) == said
    assert texts.fill("at {t} s\n  {name}", t=value, name="x") == f"at {said} s x"
