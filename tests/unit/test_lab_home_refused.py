"""Homes that cannot be opened, or not be written: clear errors when the lab is made, nothing overwritten, and nothing lost."""

from __future__ import annotations

import gc
import sqlite3
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from fclab import AsyncConfig, Lab
from fclab.queues.errors import HomeRefused, NotStored
from fclab.queues.schema import explain

BACKENDS = ("virtual", "process")


def made(backend: str, home: Path) -> None:
    Lab(backend, home=home).close()


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_damaged_database_is_left_alone(backend: str, tmp_path: Path) -> None:
    (tmp_path / "fclab.db").write_bytes(b"not a database" * 500)
    open_before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        with pytest.raises(HomeRefused, match=r"damaged|no home"):
            made(backend, tmp_path)
    assert (tmp_path / "fclab.db").read_bytes() == b"not a database" * 500
    assert len(list(Path("/proc/self/fd").iterdir())) <= open_before + 1, "what was opened for it is closed again"


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_newer_version_is_left_alone(backend: str, tmp_path: Path) -> None:
    made(backend, tmp_path)
    db = sqlite3.connect(tmp_path / "fclab.db")
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(HomeRefused, match="version 99"):
        made(backend, tmp_path)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_home_that_cannot_be_made(backend: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(HomeRefused, match="cannot be written"):
        made(backend, tmp_path / "file" / "home")


def test_each_kind_of_time_has_homes_of_its_own(tmp_path: Path) -> None:
    made("virtual", tmp_path / "a")
    with pytest.raises(HomeRefused, match="virtual time"):
        made("process", tmp_path / "a")
    made("process", tmp_path / "b")
    with pytest.raises(HomeRefused, match="time of day"):
        made("virtual", tmp_path / "b")


def test_a_full_disk_refuses_new_events_and_keeps_old_ones(tmp_path: Path) -> None:
    """SQLite is told that there is no more room, which is the same error."""
    lab = Lab(home=tmp_path, profile="instant")
    ran: list[bytes] = []

    @lab.function(async_config=AsyncConfig(on_success="queue:done"))
    def f(event: bytes, context: Any) -> bytes:
        ran.append(event[:3])
        return b"x" * 2_000_000

    task = lab.invoke_async("f", b"old", delay=5)
    queue: Any = lab._platform.queue
    db = queue._journal._db
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count = {pages}")
    refused = lab.invoke_async("f", b"new" * 40_000)
    assert (refused.status, refused.state) == (503, "Rejected")
    assert lab.metrics()["f"].outcomes["refused"] == 1
    assert [one.number for one in lab.tasks()] == [task.number]
    with pytest.raises(NotStored, match="no room left"):
        lab.run()
    assert task.state != "Succeeded", "an outcome that is not stored is not told"
    assert lab.queues == {}
    db.execute("PRAGMA max_page_count = 100000")
    queue.flush()
    lab.run()
    assert (task.state, ran, len(lab.queues["done"])) == ("Succeeded", [b"old"], 1)
    lab.close()


def filled(lab: Lab) -> Any:
    """Let the lab's home have no more room."""
    db = lab._platform.queue._journal._db  # type: ignore[attr-defined]
    db.execute(f"PRAGMA max_page_count = {db.execute('PRAGMA page_count').fetchone()[0]}")
    return db


def large(event: bytes, context: Any) -> bytes:
    return b"x" * 2_000_000


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_full_disk_is_told_by_whoever_lets_time_pass_and_by_the_end(
    backend: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    lab = Lab(backend, home=tmp_path)
    lab.function(name="f", memory_mb=256)(large)
    task = lab.invoke_async("f")
    filled(lab)
    with pytest.raises(NotStored, match="no room left"):
        task.result()
    with pytest.raises(NotStored, match="no room left"):
        task.result(timeout=0.01)
    with pytest.raises(NotStored, match="no room left"):
        lab.run_for(0.1)
    with pytest.raises(NotStored, match=r"no room left .* are not written"):
        lab.close()
    lab.close()
    assert "Traceback" not in capfd.readouterr().err + caplog.text
    lab = Lab(backend, home=tmp_path)
    assert lab.task(1).state == "Retrying", "what was not written happens again"
    lab.close()


def test_a_full_disk_of_a_lab_that_nobody_holds_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lab = Lab("process", home=tmp_path)
    lab.function(name="f", memory_mb=256)(large)
    task = lab.invoke_async("f")
    filled(lab)
    with pytest.raises(NotStored):
        task.result()
    thread = lab._driver._thread
    assert isinstance(thread, Thread)
    del lab, task
    gc.collect()
    thread.join(20)
    assert "a lab has ended, but there is no room left" in caplog.text


@pytest.mark.parametrize("backend", ["virtual", "process"])
def test_a_page_that_is_damaged_during_a_run_is_said_once_and_by_everybody(
    backend: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Lab(backend, home=tmp_path) as lab:
        lab.function(name="f")(lambda event, context: None)
        for _ in range(50):
            lab.invoke_async("f", b"x" * 20_000, delay=0.5)
    lab = Lab(backend, home=tmp_path)
    path = tmp_path / "fclab.db"
    with path.open("r+b") as file:
        file.seek(40_960)
        file.write(b"\xa5" * (path.stat().st_size - 40_960))
    lab.function(name="f")(lambda event, context: None)
    with pytest.raises(NotStored, match="is damaged"):
        lab.run()
    task = lab.invoke_async("f")
    assert (task.status, task.state) == (503, "Rejected")
    with pytest.raises(NotStored, match="is damaged"):
        lab.close()
    assert caplog.records == []


@pytest.mark.parametrize("backend", ["virtual", "process"])
def test_a_disk_that_recovers_leaves_no_stale_error(backend: Any, tmp_path: Path) -> None:
    with Lab(backend, home=tmp_path) as lab:
        lab.function(name="f")(large)
        db = lab._platform.queue._journal._db  # type: ignore[attr-defined]
        for wait in (lambda task: lab.run(), lambda task: task.result()):
            task = lab.invoke_async("f", delay=0.2)
            db.execute(f"PRAGMA max_page_count = {db.execute('PRAGMA page_count').fetchone()[0]}")
            with pytest.raises(NotStored, match="no room left"):
                wait(task)
            db.execute("PRAGMA max_page_count = 1073741823")
            wait(task)
            assert task.state == "Succeeded"


def test_a_home_on_a_full_disk_says_so(tmp_path: Path) -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorname = "SQLITE_IOERR_SHMSIZE"
    assert "no room left" in explain(error, tmp_path / "fclab.db").what
