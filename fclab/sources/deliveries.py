"""How events that may overtake one another get from a source to a function: from an outbox, each by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fclab.units import SECOND

if TYPE_CHECKING:
    from fclab.model import Response
    from fclab.sources.base import Binding, Waits
    from fclab.sources.hub import Hub

__all__ = ["SCHEMA", "Failure", "Outbox", "Undelivered", "backoff"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS outbox (
    number INTEGER PRIMARY KEY, trigger INTEGER NOT NULL, payload BLOB NOT NULL, cause INTEGER NOT NULL, depth INTEGER NOT NULL,
    made INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0, due INTEGER NOT NULL, given_up TEXT
);
CREATE INDEX IF NOT EXISTS outbox_trigger ON outbox (trigger, given_up);
CREATE TABLE IF NOT EXISTS lines (
    trigger INTEGER NOT NULL, name TEXT NOT NULL, checkpoint TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (trigger, name)
) WITHOUT ROWID;
"""
"""Times in µs since 1970. An outbox row is gone when the platform has the event; one that was given up stays, with the reason."""


def backoff(first: float, most: float, tries: int | None = None, age: float | None = None) -> Waits:
    """Waits of `first` s, doubling up to `most` s, for at most `tries` attempts and events at most `age` s old; None: without end."""

    def waits(made: int, old: int, chance: object) -> int | None:
        if (tries is not None and made >= tries) or (age is not None and old >= age * SECOND):
            return None
        return round(min(most, first * 2.0 ** min(made - 1, 60)) * SECOND)

    return waits


@dataclass(frozen=True, slots=True)
class Undelivered:
    """An event that a source gave up: what it was, how often it was tried, and why it ended."""

    number: int
    payload: bytes
    attempts: int
    reason: str

    def __repr__(self) -> str:
        size = len(self.payload)
        payload = f"{self.payload!r}" if size <= 60 else f"{self.payload[:60]!r}... ({size} bytes)"
        return f"Undelivered(number={self.number}, payload={payload}, attempts={self.attempts}, reason={self.reason[:200]!r})"


class _Delivery:
    """An event on its way out of the outbox."""

    __slots__ = ("binding", "cause", "depth", "made", "number", "payload", "tries")

    def __init__(self, number: int, binding: Binding, payload: bytes, cause: int, depth: int, made: int, tries: int) -> None:
        self.number = number
        self.binding = binding
        self.payload = payload
        self.cause = cause
        self.depth = depth
        self.made = made
        self.tries = tries


class Outbox:
    """Events that go each by itself.

    1. An event is stored with the change that made it, and leaves the store when the platform has stored it (async) or the function has
       succeeded (sync). So it is delivered at least once, whatever ends the lab in between.
    2. A delivery that fails is repeated as `waits` says; then it is kept as undelivered, with the reason.
    3. Events of a disabled trigger, or of a function that is not declared, wait; they are no work of this run until then.
    """

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.waits: dict[int, Waits] = {}
        """By trigger: how its source tries again."""
        self.lost: dict[int, Callable[[bytes, int], object]] = {}
        """By trigger: who gets, in the same step, what is given up (payload, cause) instead of its being kept."""
        self._held: dict[int, list[_Delivery]] = {}

    def put(self, binding: Binding, payload: bytes, cause: int, depth: int, delay: int = 0) -> Callable[[], object]:
        """Store an event, inside a change. What is returned starts its delivery once the change is committed."""
        now = self.hub.unix()
        row = self.hub.store.run(
            "INSERT INTO outbox (trigger, payload, cause, depth, made, due) VALUES (?, ?, ?, ?, ?, ?)",
            binding.number, payload, cause, depth, now, now + delay,
        )  # fmt: skip
        return lambda: self._wait(_Delivery(row.lastrowid or 0, binding, payload, cause, depth, now, 0), delay)

    def reopened(self, binding: Binding) -> None:
        """Take up what an earlier life left for a trigger."""
        now = self.hub.unix()
        rows = self.hub.store.all(
            "SELECT number, payload, cause, depth, made, tries, due FROM outbox WHERE trigger = ? AND given_up IS NULL ORDER BY number",
            binding.number,
        )
        for number, payload, cause, depth, made, tries, due in rows:
            self._wait(_Delivery(number, binding, payload, cause, depth, made, tries), max(0, due - now))

    def wake(self, binding: Binding) -> None:
        """The function is there, or the trigger is enabled: what waits may go."""
        for delivery in self._held.pop(binding.number, ()):
            self._wait(delivery, 0)

    def forget(self, binding: Binding) -> None:
        """The trigger is deleted, and with it what it has not delivered."""
        self._held.pop(binding.number, None)
        self.waits.pop(binding.number, None)
        self.lost.pop(binding.number, None)
        self.hub.store.run("DELETE FROM outbox WHERE trigger = ?", binding.number)

    def undelivered(self, binding: Binding) -> list[Undelivered]:
        """What was given up, oldest first."""
        rows = self.hub.store.all(
            "SELECT number, payload, tries, given_up FROM outbox WHERE trigger = ? AND given_up IS NOT NULL ORDER BY number", binding.number
        )
        return [Undelivered(*row) for row in rows]

    def redeliver(self, binding: Binding) -> int:
        """Try once more what was given up; how many that are."""
        given = self.undelivered(binding)
        self.hub.store.run("UPDATE outbox SET given_up = NULL, tries = 0, due = ? WHERE trigger = ? AND given_up IS NOT NULL",
                           self.hub.unix(), binding.number)  # fmt: skip
        for one in given:
            cause, depth, made = self.hub.store.one("SELECT cause, depth, made FROM outbox WHERE number = ?", one.number) or (0, 0, 0)
            self._wait(_Delivery(one.number, binding, one.payload, cause, depth, made, 0), 0)
        return len(given)

    def keep(self, binding: Binding, payload: bytes, attempts: int, reason: str) -> None:
        """Store an event that a line gave up among the undelivered ones."""
        now = self.hub.unix()
        self.hub.store.run(
            "INSERT INTO outbox (trigger, payload, cause, depth, made, tries, due, given_up) VALUES (?, ?, 0, 0, ?, ?, ?, ?)",
            binding.number, payload, now, attempts, now, reason,
        )  # fmt: skip

    def _wait(self, delivery: _Delivery, delay: int) -> None:
        if not self.hub.ready(delivery.binding):
            self._held.setdefault(delivery.binding.number, []).append(delivery)
        else:
            self.hub.owe(delay, self._start, delivery)

    def _start(self, delivery: _Delivery) -> None:
        binding = delivery.binding
        if not self.hub.ready(binding):
            if self.hub.exists(binding):
                self._held.setdefault(binding.number, []).append(delivery)
            return
        delivery.tries += 1
        self.hub.call(binding, delivery.payload, delivery.cause, delivery.depth, delivery.tries, lambda said: self._done(delivery, said))

    def _done(self, delivery: _Delivery, failure: Failure | None) -> None:
        hub, binding = self.hub, delivery.binding
        if not hub.exists(binding):
            return
        if failure is None:
            hub.store.run("DELETE FROM outbox WHERE number = ?", delivery.number)
            return
        waits = self.waits.get(binding.number, _NEVER)
        wait = None if failure.final else waits(delivery.tries, hub.unix() - delivery.made, hub.chance)
        if wait is None:
            if (lost := self.lost.get(binding.number)) is not None:
                with hub.store.transaction():
                    lost(delivery.payload, delivery.cause)
                    hub.store.run("DELETE FROM outbox WHERE number = ?", delivery.number)
            else:
                hub.store.run("UPDATE outbox SET tries = ?, given_up = ? WHERE number = ?", delivery.tries, failure.reason, delivery.number)
            hub.gave_up(binding, failure)
            return
        hub.store.run("UPDATE outbox SET tries = ?, due = ? WHERE number = ?", delivery.tries, hub.unix() + wait, delivery.number)
        self._wait(delivery, wait)


class Failure:
    """How a delivery failed. `final`: there is no point in trying again. `request` is its number."""

    __slots__ = ("final", "reason", "request", "response")

    def __init__(self, request: int, reason: str, final: bool, response: Response | None = None) -> None:
        self.request = request
        self.reason = reason
        self.final = final
        self.response = response


def _NEVER(made: int, old: int, chance: object) -> int | None:  # noqa: N802  a policy by name
    return None
