"""Queues of every kind, each made to have answered before its verb returns, so that one suite fits all."""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from fclab.queues.base import Change, Ending, Lease, Message, Queue
from fclab.queues.memory import MemoryQueue
from fclab.queues.sqlite import SqliteQueue

__all__ = ["IMPLEMENTATIONS", "ended", "entered", "message", "put", "take"]


class Patient:
    """A queue in a folder of its own that goes with it; after each verb it waits for the writer and makes the calls handed back."""

    def __init__(self, threaded: bool, **options: Any) -> None:
        self._posts: deque[Callable[[], object]] = deque()
        self._home = tempfile.TemporaryDirectory(prefix="fclab-queue-")
        self._queue = SqliteQueue(self._home.name, post=self._posts.append if threaded else None, **options)

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._queue, name)
        return partial(self._verb, verb) if callable(verb) else verb

    def _verb(self, verb: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        result = verb(*arguments, **more)
        self._queue.flush()
        while self._posts:
            self._posts.popleft()()
            self._queue.flush()
        return result

    def close(self) -> None:
        self._queue.close()
        self._home.cleanup()


def sqlite(threaded: bool, **options: Any) -> Queue:
    return cast(Queue, Patient(threaded, **options))


IMPLEMENTATIONS: dict[str, Callable[..., Queue]] = {
    "memory": MemoryQueue,
    "sqlite": partial(sqlite, False),
    "sqlite with a thread": partial(sqlite, True),
    "sqlite in the time of day": partial(sqlite, False, kind="wall", epoch=1_700_000_000_000_000, synchronous="FULL"),
}


def message(number: int, due: int = 0, function: str = "f", payload: bytes = b"x", task_id: str = "", **more: Any) -> Message:
    return Message(number, f"1-{number:08x}", function, payload, due, 0, task_id, **more)


def put(queue: Queue, *messages: Message) -> None:
    for one in messages:
        stored: list[int] = []
        queue.enqueue(one, partial(stored.append, 1))
        assert stored == [1]


def take(queue: Queue, now: int, function: str = "f", until: int = 1 << 60) -> Lease:
    lease = queue.lease(function, now, until)
    assert lease is not None
    return lease


def ended(queue: Queue, lease: Lease, following: Message | None = None, change: Change | None = None) -> bool:
    return queue.settle(lease, following, lambda: None, change)


def entered(at: int, state: str, *before: tuple[int, str, str], payload: bytes = b"", error: str = "", calls: Any = ()) -> Change:
    """A change that ends in `state`; with an ending where that is final."""
    final = state in ("Succeeded", "Failed", "Stopped", "Expired")
    ending = Ending(200, "E" if error else "", error, payload) if final else None
    return Change((*before, (at, state, "")), 1, ending, calls)
