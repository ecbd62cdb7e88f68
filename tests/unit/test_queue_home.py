"""The home of a durable queue: who may open it, what it remembers, and what it does when it cannot be written."""

from __future__ import annotations

import fcntl
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from fclab.queues.base import Call, Change, Message
from fclab.queues.errors import HomeRefused
from fclab.queues.records import TaskQuery
from fclab.queues.schema import Kind
from fclab.queues.sqlite import SqliteQueue
from tests.contract.queue_kit import ended, entered, message, put, take


def forked(does: Callable[[], str]) -> str:
    """What `does` returns or raises, in a forked child."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            said = does()
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(writes, said.encode())
        os._exit(0)
    os.close(writes)
    with os.fdopen(reads, encoding="utf-8") as file:
        said = file.read()
    os.waitpid(child, 0)
    return said


def refusal(home: Path, **options: object) -> str:
    """Why the home is not opened; nothing in it changes by that."""
    path = home / "fclab.db"
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(HomeRefused) as caught:
        SqliteQueue(home, **options)  # type: ignore[arg-type]
    assert (path.read_bytes() if path.is_file() else b"") == before
    return str(caught.value)


# ---- one lab at a time


def test_two_labs_never_share_a_home(tmp_path: Path) -> None:
    queue = SqliteQueue(tmp_path)
    put(queue, message(1))
    text = refusal(tmp_path)
    assert str(tmp_path) in text
    assert "this process" in text
    text = forked(lambda: str(SqliteQueue(tmp_path)))
    assert text.startswith("HomeRefused")
    assert f"process {os.getpid()}" in text
    put(queue, message(2))
    queue.close()
    SqliteQueue(tmp_path).close()


def test_a_removed_lock_lets_nobody_in(tmp_path: Path) -> None:
    queue = SqliteQueue(tmp_path, kind="wall", post=lambda call: None)
    (tmp_path / "lock").unlink()
    for _ in range(2):
        with pytest.raises(HomeRefused, match="is open in another lab"):
            SqliteQueue(tmp_path, kind="wall", post=lambda call: None)
    assert "is open in another lab" in forked(lambda: str(SqliteQueue(tmp_path, kind="wall", post=lambda call: None)))
    queue.close()
    SqliteQueue(tmp_path, kind="wall").close()


def test_a_lock_that_is_removed_while_it_is_taken_is_taken_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    flock = fcntl.flock

    def late(fd: int, how: int) -> None:
        flock(fd, how)
        taken.append(os.fstat(fd).st_ino)
        if len(taken) == 1:
            (tmp_path / "lock").rename(tmp_path / "gone")

    monkeypatch.setattr(fcntl, "flock", late)
    queue = SqliteQueue(tmp_path)
    assert taken[1:] == [(tmp_path / "lock").stat().st_ino, tmp_path.stat().st_ino]
    queue.close()


def test_a_dead_lab_keeps_nobody_out(tmp_path: Path) -> None:
    def die() -> str:
        put(SqliteQueue(tmp_path), message(1))
        os.kill(os.getpid(), signal.SIGKILL)
        return ""

    forked(die)
    assert (tmp_path / "lock").read_text(encoding="ascii") != str(os.getpid())
    queue = SqliteQueue(tmp_path)
    assert queue.waiting() == 1
    queue.close()


def test_a_forked_child_does_not_keep_the_home(tmp_path: Path) -> None:
    """Neither when its parent closes it, nor when its parent is killed."""
    stay, go = os.pipe()

    def die(closes: bool) -> str:
        queue = SqliteQueue(tmp_path)
        here, there = os.pipe()
        if os.fork() == 0:
            os.close(go)
            os.write(there, b".")
            os.read(stay, 1)
            os._exit(0)
        os.read(here, 1)
        if closes:
            queue.close()
            SqliteQueue(tmp_path)
        os.kill(os.getpid(), signal.SIGKILL)
        return ""

    for closes in (True, False):
        child = os.fork()
        if child == 0:
            die(closes)
        os.waitpid(child, 0)
        SqliteQueue(tmp_path).close()
    for fd in (stay, go):
        os.close(fd)


def test_a_failed_opening_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "fclab.db").write_bytes(b"?" * 8192)
    refusal(tmp_path)
    (tmp_path / "fclab.db").unlink()
    SqliteQueue(tmp_path).close()


# ---- what is refused


def test_a_home_is_of_one_kind(tmp_path: Path) -> None:
    SqliteQueue(tmp_path).close()
    assert "keeps virtual time, and this lab has the time of day" in refusal(tmp_path, kind="wall", epoch=5)


def test_a_home_of_a_newer_version(tmp_path: Path) -> None:
    SqliteQueue(tmp_path).close()
    db = sqlite3.connect(tmp_path / "fclab.db")
    db.execute("PRAGMA user_version = 2")
    db.close()
    assert "is of version 2, and this fclab reads version 1" in refusal(tmp_path)


def test_the_database_of_another_program(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "fclab.db")
    db.execute("CREATE TABLE theirs (x)")
    db.close()
    assert "database of another program" in refusal(tmp_path)


@pytest.mark.parametrize("junk", [b"hello", b"\0" * 9000, b"SQLite format 3\0" + b"\xff" * 9000])
def test_a_file_that_is_no_database(tmp_path: Path, junk: bytes) -> None:
    (tmp_path / "fclab.db").write_bytes(junk)
    assert "damaged" in refusal(tmp_path)


def test_a_damaged_database(tmp_path: Path) -> None:
    queue = SqliteQueue(tmp_path)
    put(queue, *(message(number, payload=b"x" * 1000) for number in range(1, 200)))
    queue.close()
    path = tmp_path / "fclab.db"
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))
    assert "is damaged" in refusal(tmp_path)


@pytest.mark.parametrize(
    "name", ["home", "tasks", "tasks_open", "tasks_id", "dead", "redriven", "payloads", "results", "calls", "calls_request"]
)
def test_a_database_that_lacks_something(tmp_path: Path, name: str) -> None:
    SqliteQueue(tmp_path).close()
    db = sqlite3.connect(tmp_path / "fclab.db")
    kind = db.execute("SELECT type FROM sqlite_master WHERE name = ?", (name,)).fetchone()[0]
    db.execute(f"DROP {kind} {name}")
    db.close()
    said = refusal(tmp_path)
    assert f"is damaged: it has no {name}" in said
    assert ".recover" in said


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("kind", ["virtual", "wall"])
def test_some_damaged_pages(tmp_path: Path, seed: int, kind: Kind) -> None:
    """Wherever they are: refused, nothing changed. Pages full of payloads have no structure that could be seen to be wrong."""
    queue = SqliteQueue(tmp_path, kind=kind)
    put(queue, *(message(number, task_id=f"t{number}", payload=b"x" * 500) for number in range(1, 300)))
    for number in range(1, 100):
        ended(queue, take(queue, 0), None, entered(number, "Succeeded", calls=(Call("g", b"told", 8),) if number % 2 else ()))
    queue.close()
    path = tmp_path / "fclab.db"
    whole = path.read_bytes()
    random = Random(seed)
    damaged = bytearray(whole)
    for page in random.sample(range(1, len(whole) // 4096), 3):
        damaged[page * 4096 : (page + 1) * 4096] = random.randbytes(4096)
    path.write_bytes(damaged)
    assert "is damaged" in refusal(tmp_path, kind=kind)
    path.write_bytes(whole)
    queue = SqliteQueue(tmp_path, kind=kind)
    assert (queue.waiting(), queue.life) == (200, 1), "an opening that was refused does not count"
    queue.close()


def test_a_home_that_cannot_be_written() -> None:
    """As somebody who is not root, since nothing keeps root out."""
    with tempfile.TemporaryDirectory(prefix="fclab-home-") as folder:
        home = Path(folder)
        SqliteQueue(home).close()
        for path in (home, *home.iterdir()):
            path.chmod(0o555 if path.is_dir() else 0o444)

        def opened() -> str:
            if os.geteuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            SqliteQueue(home)
            return "opened"

        text = forked(opened)
        home.chmod(0o755)
    assert text.startswith("HomeRefused")
    assert "cannot be written" in text
    assert str(home) in text


def test_who_was_killed_while_making_a_home_leaves_no_obstacle(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "fclab.db")
    db.execute("PRAGMA journal_mode = WAL")
    db.close()
    assert (tmp_path / "fclab.db").stat().st_size > 0
    queue = SqliteQueue(tmp_path)
    put(queue, message(1))
    queue.close()


# ---- what is remembered


def test_a_reopened_home_goes_on_where_it_was(tmp_path: Path) -> None:
    queue = SqliteQueue(tmp_path)
    put(queue, message(1), message(2, due=5), message(3, due=5, function="later", payload=b"z" * 9000), message(4, due=2))
    lease = take(queue, 0)
    ended(queue, lease, replace(lease.message, due=5, delivery=2, function_errors=1, system_errors=2, system_since=7))
    ended(queue, take(queue, 3), None, entered(3, "Succeeded", calls=(Call("g", b"told", 8),)))
    queue.close(1000)
    queue = SqliteQueue(tmp_path)
    assert (queue.now, queue.last_request, queue.waiting(), queue.waiting("later")) == (1000, 4, 3, 1)
    assert [(call.to, call.body, call.due, call.request) for call in queue.calls()] == [("g", b"told", 8, 4)]
    assert take(queue, 5).message.request == 2
    assert take(queue, 5).message == Message(1, "1-00000001", "f", b"x", 5, 0, "", 2, 1, 2, 7)
    assert take(queue, 5, "later").message.payload == b"z" * 9000
    assert queue.next_due("f") is None
    queue.close()


def test_a_delivery_begun_counts_after_a_crash(tmp_path: Path) -> None:
    def die() -> str:
        queue = SqliteQueue(tmp_path)
        put(queue, message(1), message(2))
        take(queue, 4)
        take(queue, 5)
        queue.note(2, Change(((6, "Stopping", ""),)))
        os.kill(os.getpid(), signal.SIGKILL)
        return ""

    forked(die)
    queue = SqliteQueue(tmp_path)
    assert queue.now == 6
    first, second = queue.task(1), queue.task(2)
    assert first is not None
    assert second is not None
    assert (first.state, first.attempts, second.state) == ("Retrying", 1, "Stopped")
    assert first.history == [(0, "Enqueued", ""), (4, "Running", ""), (6, "Retrying", "the lab ended")]
    assert take(queue, 6).message.delivery == 2
    assert queue.waiting() == 0
    queue.close()


def test_a_home_of_the_time_of_day_shifts_to_each_labs_own(tmp_path: Path) -> None:
    day = 1_700_000_000_000_000
    queue = SqliteQueue(tmp_path, kind="wall", epoch=day)
    put(queue, message(1, due=100), message(2))
    ended(queue, take(queue, 40), None, entered(50, "Succeeded"))
    queue.close(60)
    queue = SqliteQueue(tmp_path, kind="wall", epoch=day + 1000)
    assert (queue.now, queue.next_due("f")) == (0, -900)
    record = queue.task(2)
    assert record is not None
    assert (record.enqueued, record.started, record.ended) == (-1000, -960, -950)
    assert [one.request for one in queue.tasks(TaskQuery(begin=-960, end=-959)).tasks] == [2]
    assert take(queue, 0).message.enqueued == -1000
    queue.close()


def test_numbers_are_not_given_again_when_their_tasks_are_forgotten(tmp_path: Path) -> None:
    queue = SqliteQueue(tmp_path)
    put(queue, message(1), message(2))
    for _ in range(2):
        ended(queue, take(queue, 0), None, entered(1, "Succeeded"))
    assert queue.sweep(2) == 2
    queue.close()
    queue = SqliteQueue(tmp_path)
    assert queue.last_request == 2
    queue.close()


def test_old_records_go_by_themselves(tmp_path: Path) -> None:
    queue = SqliteQueue(tmp_path, retention=1000)
    for number in range(1, 1025):
        put(queue, replace(message(number), due=number * 10, enqueued=number * 10))
        ended(queue, take(queue, number * 10), None, entered(number * 10, "Succeeded"))
    kept = [one.request for one in queue.tasks(TaskQuery(newest=False, limit=1)).tasks]
    assert kept == [924], "the last step of 256 came with the last event"
    queue.close()


def test_waiting_payloads_do_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fclab.queues.sqlite.BUDGET", 5000)
    queue = SqliteQueue(tmp_path)
    put(queue, *(message(number, payload=b"%04d" % number * (250 if number % 2 else 30_000)) for number in range(1, 21)))

    def held() -> int:
        return sum(len(one.payload) for one in queue.messages())

    assert held() == 5000
    assert [take(queue, 0).message.payload[:4] for _ in range(6)] == [b"%04d" % number for number in range(1, 7)]
    assert held() == 2000
    put(queue, message(21, payload=b"a" * 4000))
    assert held() == 2000, "3000 of 5000 bytes are free again, and this has 4000"
    queue.close()
    queue = SqliteQueue(tmp_path)
    assert held() <= 5000
    assert sorted(take(queue, 0).message.payload[:4] for _ in range(21)) == [*(b"%04d" % one for one in range(1, 21)), b"aaaa"]
    queue.close()


def test_the_package_is_imported_without_a_database() -> None:
    code = "import sys, fclab; fclab.Lab().close(); sys.exit('sqlite3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_what_to_forget_is_looked_up_and_old_events_that_wait_are_not(tmp_path: Path) -> None:
    queue = SqliteQueue(tmp_path)
    sql: list[str] = []
    queue._own.set_trace_callback(sql.append)
    queue.sweep(5)
    queue._own.set_trace_callback(None)
    plan = " ".join(row[3] for row in queue._own.execute(f"EXPLAIN QUERY PLAN {sql[0]}"))
    assert "INDEX tasks_ended (ended<?)" in plan
    assert "SCAN tasks" not in plan
    queue.close()


def test_a_home_of_before_that_index_gets_it(tmp_path: Path) -> None:
    SqliteQueue(tmp_path).close()
    with sqlite3.connect(tmp_path / "fclab.db") as db:
        db.execute("DROP INDEX tasks_ended")
    db.close()
    queue = SqliteQueue(tmp_path)
    put(queue, message(1))
    ended(queue, take(queue, 0), None, entered(3, "Succeeded"))
    assert (queue.sweep(3), queue.sweep(4)) == (0, 1)
    queue.close()
