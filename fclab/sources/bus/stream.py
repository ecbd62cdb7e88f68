"""Events of one trigger in order: gathered from the bus or a queue, pushed batch by batch."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from fclab.sources.base import Binding, document
from fclab.sources.bus.cloud_events import queue_event
from fclab.sources.bus.pattern import fits
from fclab.sources.bus.trigger import EventBridgeTrigger, MNSQueue
from fclab.sources.lines import Batch, Line
from fclab.sources.messages.limits import message_id
from fclab.sources.messages.strategies import STRATEGIES
from fclab.units import SECOND

if TYPE_CHECKING:
    from fclab.sources.hub import Change, Hub
    from fclab.sources.messages.queues import Queues

__all__ = ["SCHEMA", "Stream", "element", "payload_of"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS streams (
    number INTEGER PRIMARY KEY AUTOINCREMENT, trigger INTEGER NOT NULL, body TEXT NOT NULL, made INTEGER NOT NULL, cause INTEGER NOT NULL,
    depth INTEGER NOT NULL, message INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS streams_trigger ON streams (trigger, number);
CREATE INDEX IF NOT EXISTS streams_message ON streams (message) WHERE message > 0;
"""
"""What was gathered and is not taken yet, as JSON; `message` is the queue's, 0 for the bus."""

_HELD = 43_200 * SECOND
"""For so long a message is hidden from other receivers while a stream has it, the longest that there is."""


def element(trigger: EventBridgeTrigger, event: dict[str, Any]) -> str:
    """An event as JSON in the trigger's schema."""
    raw = trigger.schema == "RawData"
    value = event.get("data", event.get("data_base64")) if raw else event
    if raw and trigger.source is not None:
        value = event["data"]["messageBody"]
    return document(value).decode()


def payload_of(trigger: EventBridgeTrigger, body: str) -> bytes:
    """The payload of a call that carries one event: raw text goes without quotes."""
    value = json.loads(body) if trigger.schema == "RawData" and body.startswith('"') else None
    return (body if value is None else str(value)).encode()


class Stream:
    """1. What was gathered is in the store until the function has taken it (sync), or the platform (async); a queue's message is deleted
    then, and hidden from other receivers until then. So each event comes at least once, and in order.
    2. A batch ends with its number of events, with the bytes that one call may carry, or when its first event has waited for the window.
    3. When the trigger is disabled or deleted, what it has of a queue is visible there again. When it is disabled, that waits for a call
    under way, and what this has taken is deleted. What it has of the bus waits, or is lost.
    """

    def __init__(self, hub: Hub, binding: Binding, dead: Callable[[Change, str], object] | None) -> None:
        self.hub = hub
        self.store = hub.store
        self.binding = binding
        self.trigger = cast(EventBridgeTrigger, binding.trigger)
        self.dead = dead
        self._next: int | None = None
        """When (µs since 1970) it looks again by itself."""
        waits = STRATEGIES[self.trigger.retry]
        lost = None if dead is None else self._lost
        self.line = Line(hub, binding, "events", self.read, waits, "0", blocks=self.trigger.errors == "NONE", lost=lost)
        self._count, self._bytes = self._gathered(int(self.line.checkpoint))
        if self.trigger.source is not None:
            self.queues.watch(self.trigger.source.queue, self._told)

    @property
    def queues(self) -> Queues:
        return cast("Queues", self.hub.sources["queues"])

    def start(self) -> None:
        """Take up what is there, also what it stood still before."""
        self._pull()
        self.line.resume()

    def end(self) -> None:
        """No more calls (clause 3)."""
        self.line.end()
        if self.trigger.source is None:
            return
        self.queues.unwatch(self.trigger.source.queue, self._told)
        under_way = self.hub.calling.get((self.binding.number, self.line.name))
        if under_way is not None and self.hub.exists(self.binding):
            under_way.ended = self._let_go
        else:
            self._let_go()

    def _let_go(self) -> None:
        """Delete from the queue what the function has taken, and leave the rest to others."""
        assert self.trigger.source is not None
        self.line.take_up()
        taken = int(self.line.checkpoint)
        rows = self.store.all("SELECT number, message FROM streams WHERE trigger = ? AND message > 0", self.binding.number)
        with self.hub.change() as change:
            self.queues.shelf.delete([message for number, message in rows if number <= taken])
            for number, message in rows:
                if number > taken:
                    self.queues.release(change, self.trigger.source.queue, message)
            self.store.run("DELETE FROM streams WHERE trigger = ? AND message > 0", self.binding.number)

    def add(self, change: Change, body: str) -> None:
        """The bus has an event for it."""
        self._store(body, change.cause, change.depth, 0)
        change.then(self._arrived)

    def _store(self, body: str, cause: int, depth: int, message: int) -> None:
        self.store.run(
            "INSERT INTO streams (trigger, body, made, cause, depth, message) VALUES (?, ?, ?, ?, ?, ?)",
            self.binding.number, body, self.hub.unix(), cause, depth, message,
        )  # fmt: skip
        self._count += 1
        self._bytes += len(body.encode()) + 1

    def _arrived(self) -> None:
        trigger = self.trigger
        if trigger.window == 0 or self._count >= trigger.batch or self._bytes + 1 >= trigger.limit:
            self.line.wake()
        else:
            self._later(self.hub.unix() + trigger.window * SECOND)

    def _later(self, unix: int) -> None:
        if self._next is None or unix < self._next:
            self._next = unix
            self.hub.owe(max(0, unix - self.hub.unix()), self._look, unix)

    def _look(self, unix: int) -> None:
        if self._next == unix:
            self._next = None
            self._pull()
            self.line.wake()

    # ---- from a queue

    def _told(self, wait: int) -> None:
        if wait:
            self._later(self.hub.unix() + wait)
        elif self._pull():
            self._arrived()

    def _pull(self) -> bool:
        """Receive what there is room for; whether that was anything."""
        source, found = self.trigger.source, False
        if source is None or not self.hub.ready(self.binding):
            return False
        shelf = self.queues.shelf
        with self.store.transaction():
            while (room := self.trigger.batch - self._count) > 0:
                rows = shelf.take(source.queue, room, _HELD, self.binding.number)
                for row in rows:
                    found = self._receive(source, row) or found
                if not rows:
                    break
        if self._count < self.trigger.batch and (visible := shelf.next(source.queue)) is not None:
            self._later(visible)
        return found

    def _receive(self, source: MNSQueue, row: tuple[Any, ...]) -> bool:
        number, queue, body, _, sent, _, _, received, cause, depth = row
        if self.store.one("SELECT 1 FROM streams WHERE message = ? AND trigger = ?", number, self.binding.number) is not None:
            return False  # it has it: only the time for which it was hidden was over
        text = body.decode("utf-8", "replace") if source.base64_decode else base64.b64encode(body).decode()
        identity = message_id(queue, number)
        event = queue_event(identity, message_id(f"{queue} receive {received}", number), queue, identity, text, sent, self.hub.unix())
        if not fits(self.trigger.pattern, event):
            self.queues.shelf.delete([number])
            return False
        self._store(element(self.trigger, event), cause, depth, number)
        return True

    # ---- to the function

    def read(self, after: str) -> Batch | None:
        """See `Line.read`."""
        hub, trigger, taken = self.hub, self.trigger, int(after)
        with self.store.transaction():
            held = "SELECT message FROM streams WHERE trigger = ? AND number <= ? AND message > 0"
            self.queues.shelf.delete([message for (message,) in self.store.all(held, self.binding.number, taken)])
            self.store.run("DELETE FROM streams WHERE trigger = ? AND number <= ?", self.binding.number, taken)
            self._count, self._bytes = self._gathered(taken)
            self._pull()
        rows = self._rows(taken)
        if not rows:
            return None
        chosen: list[tuple[Any, ...]] = []
        size = 1
        for row in rows:
            size += len(row[1].encode()) + 1
            if size > trigger.limit and chosen:
                break
            chosen.append(row)
        due = rows[0][2] + trigger.window * SECOND
        if len(chosen) == len(rows) < trigger.batch and hub.unix() < due:
            self._later(due)
            return None
        bodies = [row[1] for row in chosen]
        payload = f"[{','.join(bodies)}]".encode() if trigger.streams else payload_of(trigger, bodies[0])
        return Batch(payload, str(chosen[-1][0]), chosen[0][2], *chosen[-1][3:])

    def _rows(self, after: int) -> list[tuple[Any, ...]]:
        sql = "SELECT number, body, made, cause, depth FROM streams WHERE trigger = ? AND number > ? ORDER BY number LIMIT ?"
        return self.store.all(sql, self.binding.number, after, self.trigger.batch)

    def _gathered(self, after: int) -> tuple[int, int]:
        rows = self._rows(after)
        return len(rows), sum(len(row[1].encode()) + 1 for row in rows)

    def _lost(self, checkpoint: str) -> None:
        assert self.dead is not None
        sql = "SELECT body, cause FROM streams WHERE trigger = ? AND number <= ? ORDER BY number"
        for body, cause in self.store.all(sql, self.binding.number, int(checkpoint)):
            with self.hub.change(cause) as change:
                self.dead(change, body)
