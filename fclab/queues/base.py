"""The contract of the async queue: enqueue, lease, settle. A durable queue may answer later; the engine never waits for a disk."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from fclab.errors import FclabError
from fclab.queues.errors import DuplicateTask, QueueFull

if TYPE_CHECKING:
    from fclab.queues.records import Page, TaskQuery, TaskRecord

__all__ = [
    "PREVIEW", "STOPPED", "Call", "Change", "DuplicateTask", "Ending", "Failed", "Lease", "Message", "Queue", "QueueFull", "Stored",
]  # fmt: skip

Stored = Callable[[], object]
Failed = Callable[[FclabError], object]

PREVIEW = 1_000_000
"""Bytes of an outcome's payload that a task's record keeps, at most."""


@dataclass(slots=True)
class Message:
    """An async event at rest. Times in µs of lab time.

    delivery counts offers from 1: the next lease is delivery number `delivery`. function_errors counts failed executions,
    system_errors the system failures in a row, system_since the time of the first of that row. cause is the request that made this
    one, redrive_of the dead letter that it repeats, 0 for none. `request` names the message: no two of one queue share it.
    """

    request: int
    request_id: str
    function: str
    payload: bytes
    due: int
    enqueued: int
    task_id: str
    delivery: int = 1
    function_errors: int = 0
    system_errors: int = 0
    system_since: int = 0
    cause: int = 0
    redrive_of: int = 0


@dataclass(slots=True)
class Lease:
    """The right to deliver one message from `since` until lab time `until` (µs); after that another may have it."""

    token: int
    message: Message
    until: int
    since: int = 0


@dataclass(slots=True)
class Call:
    """A destination to be told an outcome: a function's name or "queue:NAME", and the body. `number` is the queue's.

    tries counts the attempts that failed, error is what the last of them said; it is due again at `due` µs.
    """

    to: str
    body: bytes
    due: int = 0
    number: int = 0
    request: int = 0
    tries: int = 0
    error: str = ""


@dataclass(slots=True)
class Ending:
    """The outcome of a task: status, error kind and message ("" for none), and the payload, of which `PREVIEW` bytes are kept."""

    status: int = 200
    error_type: str = ""
    error: str = ""
    payload: bytes = b""


_STOPPED = {"errorMessage": "the task was stopped", "errorType": "TaskStopped"}
STOPPED = Ending(200, _STOPPED["errorType"], _STOPPED["errorMessage"], json.dumps(_STOPPED, indent=4, sort_keys=True).encode())
"""Of a task that somebody stopped, whoever writes it down: the engine, or the opening of a home whose lab died while stopping it."""


@dataclass(slots=True)
class Change:
    """What a step leaves in the task's record, stored in the same transaction as the step.

    events      (µs, state, detail) to append to its history; the last one's state is the task's from now on
    executions  deliveries so far that reached the handler
    ending      the outcome, once the state is final; calls: whom to tell of it
    """

    events: tuple[tuple[int, str, str], ...]
    executions: int = 0
    ending: Ending | None = None
    calls: tuple[Call, ...] = ()

    @property
    def state(self) -> str:
        """The state that the task enters."""
        return self.events[-1][1]

    @property
    def at(self) -> int:
        """When it does, in µs."""
        return self.events[-1][0]


class Queue(Protocol):
    """Every queue keeps these clauses; `tests/contract` runs them against each implementation.

    1. `enqueue` calls `on_stored` once the message would survive whatever the queue promises to survive; never before. If that
       cannot be, it calls `on_failed` instead and keeps nothing; without `on_failed` the error is raised, as far as it is known by then.
    2. `lease` gives out the due message (due <= now) of a function that is due first, ties in order of arrival; None if there is
       none. A leased message is given to nobody else until the lease ends.
    3. `settle` ends a lease: `following` None removes the message, otherwise `following` takes its place in the same step: there is no
       moment in which neither is stored. Its payload is the message's own.
    4. A lease that is not settled returns its message, at the next `expire(now)` after `until` or when the home is opened again, as
       the next delivery: one begun counts. Settling it later does nothing and returns False.
    5. Nothing accepted is lost: stored = waiting + leased, always.
    6. A task's record changes in the same step as its message. Without a `change` there is no record: it goes with the message.
    7. A destination's call is stored in the same step as the outcome, and is there until `called`.
    8. A step that cannot be written, other than `enqueue`, is not forgotten: it is tried again before the next, in order, and
       `trouble` says why. Until then what follows from it does not happen; if the process ends before, the delivery is repeated.

    `on_stored` and `on_failed` come on the thread that uses the queue, before the verb returns or after.
    """

    max_depth: int | None
    """Events waiting or leased beyond which `enqueue` refuses, or None."""

    aside: int
    """Waiting messages that do not count against `max_depth`: nobody takes events of their function yet."""

    retention: int
    """µs for which a task that has ended stays on record."""

    forgotten: int
    """Dead letters that were swept before anybody sent them again, ever since the home was made."""

    @property
    def trouble(self) -> FclabError | None:
        """Why steps wait to be written (clause 8), or None."""
        ...

    def enqueue(self, message: Message, on_stored: Stored, on_failed: Failed | None = None, call: Call | None = None) -> None:
        """Accept a message (clause 1). `call` is the destination's call that it carries out: it is over in the same step.

        Errors: `QueueFull`, `DuplicateTask`, `NotStored`.
        """
        ...

    def lease(self, function: str, now: int, until: int) -> Lease | None: ...

    def settle(self, lease: Lease, following: Message | None, on_stored: Stored, change: Change | None = None) -> bool: ...

    def expire(self, now: int) -> list[str]:
        """Return overdue leases to the queue; the functions concerned."""
        ...

    def next_due(self, function: str) -> int | None:
        """When the first waiting message of `function` is due, or None."""
        ...

    def discard(self, function: str, request: int, change: Change | None = None, on_stored: Stored | None = None) -> Message | None:
        """Take a waiting message out, to stop its task; None if it is not waiting."""
        ...

    def note(self, request: int, change: Change) -> None:
        """Record something about a task that moves no message, such as Stopping."""
        ...

    def full(self) -> bool:
        """Whether `max_depth` is reached."""
        ...

    def waiting(self, function: str | None = None) -> int:
        """Messages not leased, of one function or all."""
        ...

    def leased(self) -> int:
        """Messages out on a lease, or coming back from one."""
        ...

    def messages(self) -> Iterator[Message]:
        """Those waiting, in no order, to take up where a home was left; large payloads only come with the lease."""
        ...

    # ---- records

    def known(self, function: str, task_id: str) -> bool:
        """Whether a task of that id is on record or on its way there."""
        ...

    def task(self, request: int) -> TaskRecord | None:
        """The record of one task, with its history."""
        ...

    def tasks(self, query: TaskQuery) -> Page:
        """Records that fit, a page at a time, without payloads. What was handed in a moment ago may not be in it yet."""
        ...

    def number(self, name: str, function: str = "") -> int:
        """The request that has this task id or request id, 0 if none has; of several functions' tasks the last accepted."""
        ...

    def payload(self, request: int) -> bytes:
        """What the task was given."""
        ...

    def sweep(self, before: int) -> int:
        """Forget the tasks that ended before `before` µs and have told their destinations; how many. Their ids are free then.

        From time to time a queue does so by itself, so that records do not pile up where nobody asks for them.
        """
        ...

    # ---- destinations

    def calls(self) -> list[Call]:
        """Calls to be made, in the order of their outcomes."""
        ...

    def called(self, call: Call, at: int, error: str = "") -> None:
        """The destination has been told, or, with an `error`, is given up."""
        ...

    def call_again(self, call: Call, due: int, error: str) -> None:
        """The destination failed; it is to be told again at `due` µs."""
        ...

    def flush(self) -> None:
        """Wait until everything handed in has been written. Raises `NotStored` if it cannot be."""
        ...

    def close(self, now: int | None = None) -> None:
        """Write what is left, and the time in µs at which a virtual lab will go on. Raises `NotStored` if that is impossible."""
        ...
