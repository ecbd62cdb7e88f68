"""What nobody should ask, and homes that nobody made: one clear error each, and nothing changed."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from fclab import Lab
from fclab.errors import UsageError
from fclab.queues.errors import HomeRefused, NotStored


def with_a_task(home: Path, backend: str = "virtual") -> None:
    with Lab(backend, home=home) as lab:
        lab.function(name="f")(lambda event, context: None)
        lab.invoke_async("f", task_id="t").result()


def changed(home: Path, sql: str) -> bytes:
    """Do that to the database; its bytes afterwards."""
    db = sqlite3.connect(home / "fclab.db")
    db.execute(sql)
    db.commit()
    db.close()
    return (home / "fclab.db").read_bytes()


@pytest.mark.parametrize(
    "question", [{"status": 5}, {"status": [5]}, {"prefix": "\udcff"}, {"function": "\udcff"}, {"begin": float("nan")}]
)
def test_a_query_that_makes_no_sense(question: Any, tmp_path: Path) -> None:
    with Lab(home=tmp_path) as lab, pytest.raises(UsageError):
        lab.tasks(**question)


@pytest.mark.parametrize("name", [10**30, -1, 0, True, None, 3.5, "\udcff", "", b"t"])
def test_a_task_that_cannot_be(name: Any, tmp_path: Path) -> None:
    with Lab(home=tmp_path) as lab:
        for ask in (lab.task, lab.redrive):
            with pytest.raises(UsageError, match="There is no task"):
                ask(name)
        with pytest.raises(UsageError, match="There is no task"):
            lab.task("t", "\udcff")


def test_times_of_earlier_lives_are_below_zero(tmp_path: Path) -> None:
    with_a_task(tmp_path, "process")
    with Lab("process", home=tmp_path) as lab:
        [task] = lab.tasks(begin=-60, end=0)
        assert task.history[0][0] < 0
        assert len(lab.tasks(begin=-60, end=-59)) == 0


def test_a_handle_and_its_record_tell_one_time(tmp_path: Path) -> None:
    with Lab("process", home=tmp_path) as lab:
        lab.function(name="f")(lambda event, context: None)
        task = lab.invoke_async("f", delay=60)
        record = lab._driver.ask(lab._platform.queue.task, task.number)
        assert record is not None
        assert task.history == [(record.enqueued / 1e6, "Enqueued")]


def test_a_home_that_no_folder_can_be() -> None:
    with pytest.raises(UsageError, match="home must be a folder"):
        Lab(home="\0")


def test_a_database_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "fclab.db").mkdir()
    with pytest.raises(HomeRefused, match="cannot be read"):
        Lab(home=tmp_path)


def test_a_home_that_lacks_a_column_is_left_alone(tmp_path: Path) -> None:
    with_a_task(tmp_path)
    before = changed(tmp_path, "ALTER TABLE tasks DROP COLUMN cause")
    with pytest.raises(HomeRefused, match=r"it has no tasks\.cause"):
        Lab(home=tmp_path)
    assert (tmp_path / "fclab.db").read_bytes() == before


def test_a_history_that_no_lab_wrote(tmp_path: Path) -> None:
    with_a_task(tmp_path)
    changed(tmp_path, "UPDATE tasks SET history = 'nonsense'")
    with Lab(home=tmp_path) as lab, pytest.raises(NotStored, match="history says 'nonsense'"):
        lab.tasks()
