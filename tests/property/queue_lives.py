"""Lives of a durable queue: a forked child does random verbs and says what it was told, until it is killed; then the home is read."""

from __future__ import annotations

import os
import signal
import sqlite3
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from fclab.queues.base import Call, Change, Ending, Lease, Message
from fclab.queues.journal import Points
from fclab.queues.records import FINAL, TaskQuery, TaskRecord
from fclab.queues.sqlite import SqliteQueue

__all__ = ["Told", "body", "check", "live"]

FUNCTIONS = ("f", "g")
VERBS = 90


def body(request: int) -> bytes:
    """The payload of a request: one in four is too large for its row."""
    return b"%d;" % request * (3000 if request % 4 == 0 else 10)


@dataclass
class Told:
    """What children were told before they died, over all lives of a home."""

    tried: set[int] = field(default_factory=set)
    accepted: set[int] = field(default_factory=set)
    ended: dict[int, str] = field(default_factory=dict)
    begun: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    """(life, delivery) in order."""
    called: set[int] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)
    lives: int = 0

    def take(self, line: str) -> None:
        """One line of a child."""
        what, number, *rest = line.split(" ", 2)
        request = int(number)
        if what == "try":
            self.tried.add(request)
        elif what == "accepted":
            self.accepted.add(request)
        elif what == "begun":
            assert request not in self.ended, f"R{request} was delivered again after its end was stored"
            self.begun.setdefault(request, []).append((self.lives, int(rest[0])))
        elif what == "ended":
            self.ended[request] = rest[0]
        elif what == "called":
            self.called.add(request)
        else:
            self.broken.append(line)


class Child:
    """Does random verbs on a home; whatever it is told goes down the pipe at once."""

    def __init__(self, home: Path, rng: Random, pipe: int, threaded: bool, points: Points | None) -> None:
        self.pipe = pipe
        self.rng = rng
        self.posts: deque[Callable[[], object]] = deque()
        self.queue = SqliteQueue(home, post=self.posts.append if threaded else None, points=points)
        self.now = self.queue.now
        self.number = self.queue.last_request
        self.leases: list[Lease] = []

    def say(self, *words: object) -> None:
        os.write(self.pipe, (" ".join(map(str, words)) + "\n").encode())

    def run(self) -> None:
        """Some verbs, and a tidy end for who gets that far."""
        verbs = [self.enqueue, self.enqueue, self.deliver, self.deliver, self.settle, self.settle, self.stop, self.call, self.expire]
        for _ in range(VERBS):
            self.now += self.rng.randrange(3)
            self.rng.choice(verbs)()
            if self.rng.random() < 0.2:
                self.queue.flush()
            while self.posts:
                self.posts.popleft()()
        self.queue.close(self.now)

    def enqueue(self) -> None:
        self.number += 1
        number, now = self.number, self.now
        self.say("try", number)
        task_id = f"t{number}" if number % 3 == 0 else ""
        message = Message(
            number, f"1-{number:08x}", self.rng.choice(FUNCTIONS), body(number), now + self.rng.randrange(4), now, task_id
        )
        self.queue.enqueue(message, lambda: self.say("accepted", number))

    def deliver(self) -> None:
        lease = self.queue.lease(self.rng.choice(FUNCTIONS), self.now, self.now + self.rng.choice((2, 1 << 60)))
        if lease is not None:
            assert lease.message.payload == body(lease.message.request)
            self.say("begun", lease.message.request, lease.message.delivery)
            self.leases.append(lease)

    def settle(self) -> None:
        if not self.leases:
            return
        lease = self.leases.pop(self.rng.randrange(len(self.leases)))
        message, now, fate = lease.message, self.now, self.rng.choice(("Retrying", "Succeeded", "Failed", "Stopped", "Expired"))
        events: tuple[tuple[int, str, str], ...] = ((lease.since, "Running", ""), (now, fate, ""))
        if fate == "Retrying":
            following = replace(message, due=now + self.rng.randrange(3), delivery=message.delivery + 1, function_errors=1)
            self.queue.settle(lease, following, lambda: None, Change(events, message.delivery))
            return
        if fate == "Stopped" and lease.token in self.queue._leases:  # who stops a task knows that it runs
            self.queue.note(message.request, Change(((now, "Stopping", ""),)))
            events = events[1:]
        calls = (Call("queue:q", body(message.request)),) if message.request % 2 else ()
        change = Change(events, message.delivery, Ending(200, payload=body(message.request)), calls)
        self.queue.settle(lease, None, lambda: self.say("ended", message.request, fate), change)

    def stop(self) -> None:
        if self.number:
            request = self.rng.randrange(self.number) + 1
            self.queue.discard("f", request, Change(((self.now, "Stopped", ""),)), lambda: self.say("ended", request, "Stopped"))

    def call(self) -> None:
        calls = self.queue.calls()
        if calls:
            if self.rng.random() < 0.3:
                self.queue.call_again(calls[0], self.now + 5, "not now")
            else:
                self.queue.called(calls[0], self.now)
                if not self.posts:
                    self.queue.flush()
                    self.say("called", calls[0].request)

    def expire(self) -> None:
        self.queue.expire(self.now)


def live(home: Path, seed: str, told: Told, *, threaded: bool, label: str = "", nth: int = 1, lines: int = -1) -> bool:
    """One life, ended by SIGKILL at the nth `label`, or once it has said `lines` lines, if it lasts so long; whether it was killed."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        left = [nth]

        def point(name: str) -> None:
            if name == label:
                left[0] -= 1
                if not left[0]:
                    os.kill(os.getpid(), signal.SIGKILL)

        try:
            os.close(reads)
            Child(home, Random(seed), writes, threaded, point if label else None).run()
        except BaseException:
            os.write(writes, ("broken 0 " + traceback.format_exc().replace("\n", "|") + "\n").encode()[:4000])
        finally:
            os._exit(0)
    os.close(writes)
    with os.fdopen(reads, encoding="utf-8") as file:
        for count, line in enumerate(file):
            told.take(line.rstrip("\n"))
            if count == lines:
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    told.lives += 1
    assert not told.broken, told.broken
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def _records(queue: SqliteQueue) -> Iterator[TaskRecord]:
    token = ""
    while True:
        page = queue.tasks(TaskQuery(limit=100, token=token))
        yield from page.tasks
        token = page.token
        if not token:
            return


def check(home: Path, told: Told, threaded: bool) -> None:
    """Conservation: what was accepted is accounted for, what has ended stays so, and nothing else is there."""
    queue = SqliteQueue(home)
    records = {record.request: record for record in _records(queue)}
    waiting = {message.request: message for message in queue.messages()}
    ends = {number: record.state for number, record in records.items() if record.ended is not None}
    assert told.accepted <= set(records) <= told.tried
    assert len(records) == len(ends) + queue.waiting()
    assert set(records) == set(ends) | set(waiting)
    assert queue.leased() == 0
    assert set(ends.values()) <= FINAL
    assert {number: ends.get(number) for number in told.ended} == told.ended, "what was told is what is stored"
    for number, begun in told.begun.items():
        assert begun == sorted(set(begun)), f"R{number}: in one life each delivery has a number of its own, and they grow"
        counts = [delivery for _, delivery in begun]
        if not threaded:  # a thread may not have written yet that a delivery was begun, and even that it ended
            assert counts == sorted(set(counts)), f"R{number}: from life to life, too"
            assert records[number].attempts == counts[-1]
    for number, record in records.items():
        entered = [state for _, state, _ in record.history]
        assert (entered[0], entered[-1]) == ("Enqueued", record.state)
        assert [at for at, _, _ in record.history] == sorted(at for at, _, _ in record.history)
        assert all(at <= queue.now for at, _, _ in record.history)
        assert queue.payload(number) == body(number)
    _check_calls(queue, told, records)
    queue.close()
    db = sqlite3.connect(home / "fclab.db")
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    db.close()


def _check_calls(queue: SqliteQueue, told: Told, records: dict[int, TaskRecord]) -> None:
    pending = [call.request for call in queue.calls()]
    made = [number for number, record in records.items() if record.destination == "Succeeded"]
    due = {number for number, record in records.items() if record.destination}
    assert sorted([*pending, *made]) == sorted(due), "each call is to be made or was made, once"
    assert all(call.body == body(call.request) for call in queue.calls())
    assert not told.called & set(pending)
    assert {number for number in due if records[number].destination == "Pending"} == set(pending)
