"""The contract of the async queue: enqueue, lease, settle. A durable queue may answer later; the engine never waits for a disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Lease", "Message", "Queue"]

Stored = Callable[[], object]


@dataclass(slots=True)
class Message:
    """An async event at rest. Times in µs of lab time.

    delivery counts offers from 1: the next lease is delivery number `delivery`. function_errors counts failed executions,
    system_errors the system failures in a row, system_since the time of the first of that row.
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


@dataclass(slots=True)
class Lease:
    """The right to deliver one message until lab time `until` (µs); after that another may have it."""

    token: int
    message: Message
    until: int


class Queue(Protocol):
    """Every queue keeps these clauses; `tests/contract` runs them against each implementation.

    1. `enqueue` calls `on_stored` once the message would survive whatever the queue promises to survive; never before.
    2. `lease` gives out the due message (due <= now) of a function that is due first, ties in order of arrival; None if there is
       none. A leased message is given to nobody else until the lease ends.
    3. `settle` ends a lease: `following` None removes the message, otherwise `following` takes its place in the same step: there is no
       moment in which neither is stored.
    4. A lease not settled by `until` returns its message to the queue at the next `expire(now)`; settling it later does nothing
       and returns False.
    5. Nothing accepted is lost: stored = waiting + leased, always.
    """

    def enqueue(self, message: Message, on_stored: Stored) -> None: ...

    def lease(self, function: str, now: int, until: int) -> Lease | None: ...

    def settle(self, lease: Lease, following: Message | None, on_stored: Stored) -> bool: ...

    def expire(self, now: int) -> list[str]:
        """Return overdue leases to the queue; the functions concerned."""
        ...

    def next_due(self, function: str) -> int | None:
        """When the first waiting message of `function` is due, or None."""
        ...

    def discard(self, function: str, request: int) -> Message | None:
        """Take a waiting message out, to stop its task; None if it is not waiting."""
        ...

    def waiting(self, function: str | None = None) -> int:
        """Messages not leased, of one function or all."""
        ...

    def leased(self) -> int:
        """Messages out on a lease."""
        ...

    def close(self) -> None: ...
