"""How steps reach the disk: what waits for what, what is committed together, and what happens when there is no room."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from fclab.queues.base import Change
from fclab.queues.errors import NotStored
from fclab.queues.sqlite import SqliteQueue
from tests.contract.queue_kit import ended, entered, message, put, take

Posts = deque[Callable[[], object]]


class Lab:
    """A queue on `home`, with a thread or without, and what it was told."""

    def __init__(self, home: Path, threaded: bool) -> None:
        self.posts: Posts = deque()
        self.told: list[object] = []
        self.queue = SqliteQueue(home, post=self.posts.append if threaded else None)

    def enqueue(self, number: int, size: int = 10) -> None:
        self.queue.enqueue(message(number, payload=b"x" * size), partial(self.told.append, number), self.told.append)

    def wait(self) -> None:
        self.queue.flush()
        self.calls()

    def calls(self) -> None:
        while self.posts:
            self.posts.popleft()()

    def room(self, pages: int | None) -> None:
        """Let the database have so many pages more, or as many as it likes."""
        db = self.queue._journal._db
        used = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {1 << 30 if pages is None else used + pages}")


@pytest.fixture(params=[False, True], ids=["at once", "with a thread"])
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path, request.param)
    yield made
    made.queue.close()


def test_without_room_an_event_is_not_accepted_and_the_next_may_be(lab: Lab) -> None:
    lab.enqueue(1)
    lab.wait()
    lab.room(2)
    lab.enqueue(2, 100_000)
    lab.enqueue(3)
    lab.wait()
    assert [lab.told[0], lab.told[2]] == [1, 3]
    assert isinstance(lab.told[1], NotStored)
    assert "no room left" in str(lab.told[1])
    assert (lab.queue.waiting(), lab.queue.task(2), lab.queue.trouble) == (2, None, None)
    lab.room(None)
    lab.enqueue(2, 100_000)
    lab.wait()
    assert lab.told[3:] == [2]


def test_clause_8_an_outcome_waits_for_room_and_no_later_one_overtakes_it(lab: Lab) -> None:
    for number in (1, 2):
        lab.enqueue(number)
    lab.wait()
    first, second = take(lab.queue, 0), take(lab.queue, 0)
    lab.wait()
    lab.room(0)
    stored: list[int] = []
    large = entered(1, "Succeeded", payload=b"r" * 100_000)
    assert lab.queue.settle(first, None, lambda: stored.append(1), large)
    assert lab.queue.settle(second, None, lambda: stored.append(2), entered(1, "Succeeded"))
    with pytest.raises(NotStored, match="2 steps are not written"):
        lab.wait()
    lab.calls()
    assert stored == []
    assert isinstance(lab.queue.trouble, NotStored)
    assert lab.queue.leased() == 2, "as far as the disk knows they run"
    lab.enqueue(3, 100_000)
    lab.room(None)
    lab.wait()
    assert stored == [1, 2]
    assert lab.queue.leased() == 0
    assert str(lab.queue.trouble) == "None"


def test_clause_8_what_could_not_be_written_is_delivered_again(tmp_path: Path) -> None:
    lab = Lab(tmp_path, False)
    lab.enqueue(1)
    lease = take(lab.queue, 0)
    lab.room(0)
    ended(lab.queue, lease, None, entered(1, "Succeeded", payload=b"r" * 100_000))
    with pytest.raises(NotStored, match="not written"):
        lab.queue.close()
    lab = Lab(tmp_path, False)
    assert take(lab.queue, 0).message.delivery == 2
    lab.queue.close()


def test_a_home_that_turns_read_only(lab: Lab) -> None:
    lab.queue._journal._db.execute("PRAGMA query_only = ON")
    lab.enqueue(1)
    lab.wait()
    assert "read-only" in str(lab.told[0])
    lab.queue._journal._db.execute("PRAGMA query_only = OFF")
    lab.enqueue(1)
    lab.wait()
    assert lab.told[1:] == [1]


def test_a_callback_that_raises_costs_no_other_step(tmp_path: Path) -> None:
    lab = Lab(tmp_path, False)
    with pytest.raises(ZeroDivisionError):
        lab.queue.enqueue(message(1), lambda: 1 // 0)
    lab.enqueue(2)
    assert (lab.told, lab.queue.waiting()) == ([2], 2)
    lab.queue.close()


def test_verbs_do_not_wait_for_the_disk_and_what_gathers_is_one_transaction(tmp_path: Path) -> None:
    posts: Posts = deque()
    commits: list[str] = []
    queue = SqliteQueue(tmp_path, post=posts.append, points=lambda name: commits.append(name) if name == "after commit" else None)
    other = sqlite3.connect(tmp_path / "fclab.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    stored: list[int] = []
    for number in range(1, 101):
        queue.enqueue(message(number, task_id=f"t{number}"), partial(stored.append, number))
    assert (stored, queue.waiting(), len(posts)) == ([], 0, 0), "another program has the database, and nobody waited for it"
    assert queue.known("f", "t100")
    other.execute("COMMIT")
    other.close()
    queue.flush()
    assert stored == [], "who uses the queue makes the calls"
    while posts:
        posts.popleft()()
    assert stored == list(range(1, 101))
    assert len(commits) <= 2, "the first may have gone alone"
    queue.close()


def test_full_syncs_what_must_last_and_not_a_lease(tmp_path: Path) -> None:
    levels: list[tuple[str, int]] = []

    def point(name: str) -> None:
        side, _, step = name.partition(" ")
        if side == "before" and step not in ("accept", "ack", "commit"):
            levels.append((step, queue._journal._db.execute("PRAGMA synchronous").fetchone()[0]))

    queue = SqliteQueue(tmp_path, synchronous="FULL", points=point)
    for number in range(1, 4):
        put(queue, message(number))
        ended(queue, take(queue, 0), None, entered(1, "Succeeded"))
    queue.close()
    assert levels == [("enqueue", 2), ("lease", 1), ("outcome", 2)] * 3


def test_a_step_that_cannot_be_put_into_words_is_trouble_and_no_silence(lab: Lab) -> None:
    """Whatever the error is: the thread lives on, events are refused or taken, the end says what is lost."""
    lab.queue.enqueue(replace(message(1), request_id="\udcff"), partial(lab.told.append, 1), lab.told.append)
    lab.enqueue(2)
    lab.wait()
    assert isinstance(lab.told[0], NotStored)
    assert lab.told[1:] == [2]
    lab.queue.note(2, Change(((0, "\udcff", ""),)))
    with pytest.raises(NotStored, match="1 steps are not written"):
        lab.wait()
    assert isinstance(lab.queue.trouble, NotStored)
    lab.queue._journal._owed, lab.queue._journal.trouble = [], None


def test_clause_7_a_thread_that_has_ended_says_so(tmp_path: Path) -> None:
    class End(BaseException):
        pass

    def point(name: str) -> None:
        if name == "before enqueue":
            raise End("here")

    posts: Posts = deque()
    told: list[object] = []
    queue = SqliteQueue(tmp_path, post=posts.append, points=point)
    for number in (1, 2):
        queue.enqueue(message(number), lambda: told.append("stored"), told.append)
        with pytest.raises(NotStored, match="has ended: End: here"):
            queue.flush()
    while posts:
        posts.popleft()()
    assert [str(one).partition(":")[2][:10] for one in told] == [" End: here"] * 2
    assert isinstance(queue.trouble, NotStored)
    with pytest.raises(NotStored, match="has ended"):
        queue.close()
