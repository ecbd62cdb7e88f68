"""One queue measures itself: cycles of enqueue, lease, ack with 1 KB. `python -m tests.bench.queues_run TOOL LEVEL FOLDER`.

For each number that it reads it does so many cycles, and prints the seconds of wall time, since what is measured waits for a disk. The
first line says which level its database has. So several can take turns, and what else uses the disk meets all alike.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

BODY = os.urandom(1024)
AT_ONCE = 256
"""Events under way together where commits are grouped."""
LEVELS = ("OFF", "NORMAL", "FULL", "EXTRA")


Run = Callable[[int], None]


def repeated(cycle: Callable[[], object]) -> Run:
    """So many cycles, one after the other."""

    def run(count: int) -> None:
        for _ in range(count):
            cycle()

    return run


def level_of(db: sqlite3.Connection) -> str:
    """What a connection's `synchronous` is."""
    return LEVELS[db.execute("PRAGMA synchronous").fetchone()[0]]


def bare(level: str, folder: Path) -> tuple[Run, str]:
    """Three transactions a cycle on a table with one index: insert, mark running, delete the first that runs."""
    db = sqlite3.connect(folder / "bare.db", isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(f"PRAGMA synchronous = {level}")
    db.execute("CREATE TABLE q (id INTEGER PRIMARY KEY, state INTEGER NOT NULL DEFAULT 0, body BLOB, t REAL)")
    db.execute("CREATE INDEX q_state ON q (state, id)")

    def cycle() -> None:
        db.execute("BEGIN IMMEDIATE")
        number = db.execute("INSERT INTO q (body, t) VALUES (?, ?)", (BODY, 1.0)).lastrowid
        db.execute("COMMIT")
        db.execute("BEGIN IMMEDIATE")
        db.execute("UPDATE q SET state = 1 WHERE id = ?", (number,))
        db.execute("COMMIT")
        db.execute("BEGIN IMMEDIATE")
        found = db.execute("DELETE FROM q WHERE id = (SELECT id FROM q WHERE state = 1 ORDER BY id LIMIT 1) RETURNING body").fetchall()
        db.execute("COMMIT")
        assert len(found) == 1

    return repeated(cycle), level_of(db)


class Fclab:
    """The durable queue, each event with its record, history and outcome."""

    def __init__(self, level: Any, folder: Path, **options: Any) -> None:
        from fclab.queues.base import Change, Ending, Message
        from fclab.queues.sqlite import SqliteQueue

        self.queue = SqliteQueue(folder / "home", synchronous=level, **options)
        self.number = 0
        self.message, self.change, self.ending = Message, Change, Ending

    def enqueue(self, stored: Callable[[], object]) -> None:
        self.number = number = self.number + 1
        self.queue.enqueue(self.message(number, f"1-{number:08x}", "f", BODY, number, number, ""), stored)

    def deliver(self, stored: Callable[[], object]) -> None:
        now = self.number
        lease = self.queue.lease("f", now, 1 << 60)
        assert lease is not None
        events = ((now, "Running", ""), (now, "Succeeded", ""))
        self.queue.settle(lease, None, stored, self.change(events, 1, self.ending(200, "", "", b"ok")))

    def cycle(self) -> None:
        self.enqueue(nothing)
        self.deliver(nothing)


def nothing() -> None:
    """Nobody to tell."""


def fclab(level: str, folder: Path) -> tuple[Run, str]:
    """One event at a time, each step written before the next."""
    return repeated(Fclab(level, folder).cycle), level


def grouped(level: str, folder: Path) -> tuple[Run, str]:
    """`AT_ONCE` events under way; each is enqueued, delivered once that is stored, and followed by a new one once its end is stored."""
    from queue import SimpleQueue

    posts: SimpleQueue[Callable[[], object]] = SimpleQueue()
    ours = Fclab(level, folder, post=posts.put)
    left = [0, 0]

    def start() -> None:
        if left[0]:
            left[0] -= 1
            ours.enqueue(stored)

    def stored() -> None:
        ours.deliver(done)

    def done() -> None:
        left[1] -= 1
        start()

    def run(count: int) -> None:
        left[:] = count, count
        for _ in range(AT_ONCE):
            start()
        while left[1]:
            posts.get()()

    return run, level


def huey(level: str, folder: Path) -> tuple[Run, str]:
    """huey's storage: what is dequeued is gone, there is no ack."""
    from huey import SqliteHuey  # type: ignore[import-not-found]

    storage = SqliteHuey(filename=str(folder / "huey.db"), fsync=level == "FULL").storage

    def cycle() -> None:
        storage.enqueue(BODY)
        assert storage.dequeue() == BODY

    return repeated(cycle), level_of(storage.conn)


def persist(level: str, folder: Path) -> tuple[Run, str]:
    """persist-queue's queue with acks; it knows one level."""
    from persistqueue import SQLiteAckQueue  # type: ignore[import-not-found]

    queue = SQLiteAckQueue(str(folder / "persist"), auto_commit=True)

    def cycle() -> None:
        queue.put(BODY)
        queue.ack(queue.get())

    return repeated(cycle), level_of(queue._conn)


def depth(level: str, folder: Path, count: int = 2000) -> dict[str, float]:
    """µs an enqueue and a lease take, the median of `count`, with next to nothing waiting and with 100 000 events."""
    ours = Fclab(level, folder)
    figures: dict[str, float] = {}
    for waiting in (0, 100_000):
        while ours.queue.waiting() < waiting:
            ours.enqueue(nothing)
        taken: dict[str, list[float]] = {"enqueue": [], "lease": []}
        for _ in range(count):
            began = time.perf_counter()
            ours.enqueue(nothing)
            middle = time.perf_counter()
            ours.queue.lease("f", ours.number, 1 << 60)
            taken["enqueue"].append(middle - began)
            taken["lease"].append(time.perf_counter() - middle)
        figures |= {f"{verb} {waiting}": sorted(times)[count // 2] * 1e6 for verb, times in taken.items()}
    ours.queue.close()
    return figures


TOOLS = {"bare": bare, "fclab": fclab, "fclab grouped": grouped, "huey": huey, "persist-queue": persist}


def main(tool: str, level: str, folder: Path) -> None:
    """Do what is read."""
    if tool == "depth":
        print(json.dumps(depth(level, folder)))
        return
    run, found = TOOLS[tool](level, folder)
    print(json.dumps(found), flush=True)
    for line in sys.stdin:
        began = time.perf_counter()
        run(int(line))
        print(json.dumps(time.perf_counter() - began), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
