"""Queues: messages wait, are received for a while, and are deleted by those who have dealt with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fclab.errors import SourceError, UsageError
from fclab.sources.base import Source, verb
from fclab.sources.messages import limits
from fclab.sources.messages.shelf import SCHEMA, Shelf
from fclab.units import SECOND, seconds

if TYPE_CHECKING:
    from fclab.sources.hub import Change, Hub

__all__ = ["Queues"]

_Names = list[str]
_Bodies = list[bytes]
_Watchers = list[Callable[[int], object]]
_Sent = list[dict[str, Any]]
_DELAY, _VISIBILITY, _RETENTION = (0, 604_800), (1, 43_200), (60, 604_800)
"""Seconds, at least and at most."""


class Queues(Source, Mapping[str, list[bytes]]):
    """All queues of the lab; those of destinations ("queue:NAME") are no others.

    1. A message is visible after its delay, to one receiver at a time: who receives it has it for the visibility time-out, then it is
       visible again. Who deletes it within that time, with the receipt handle, ends it. So each is dealt with at least once.
    2. Of the visible ones the lowest priority number comes first, then the one that was sent first.
    3. A message is gone when its queue's retention is over. A queue that a destination made keeps messages for ever.
    4. What a destination delivers comes once, whenever the lab ends in between.

    As a mapping, `lab.queues["NAME"]` is the list of all bodies in a queue, oldest first, whether visible or not. It can be read after
    the end of the lab too.
    """

    NAME = "queues"
    TITLE = "message queues"
    SCHEMA = SCHEMA

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub)
        self.shelf = Shelf(hub.store, hub.unix)
        self.watchers: dict[str, _Watchers] = {}
        """By queue: who is to be told when, in µs from now, there may be something to receive."""
        self._left: dict[str, _Bodies] | None = None

    def reopened(self) -> None:
        """Destination calls that are over will not come again (clause 4)."""
        self.shelf.forget_calls({call.request for call in self.hub.platform.queue.calls()})

    def close(self) -> None:
        """Keep what can be read afterwards."""
        self._left = dict(self)

    # ---- as a mapping

    def __getitem__(self, queue: str) -> _Bodies:
        if self._left is not None:
            return self._left[queue]
        if self.shelf.settings(queue) is None:
            raise KeyError(queue)
        return self.shelf.bodies(queue)

    def __iter__(self) -> Iterator[str]:
        return iter(self.shelf.names() if self._left is None else self._left)

    def __len__(self) -> int:
        return len(self.shelf.names() if self._left is None else self._left)

    # ---- queues

    @verb
    def create(self, queue: str, *, delay: int = 0, visibility: int = 30, retention: int | None = 345_600) -> None:
        """Make a queue, or nothing if it is there with the same attributes.

        delay       seconds before a message is visible, 0 to 604800, unless it says otherwise
        visibility  seconds for which a received message is hidden, 1 to 43200, unless the receiver says otherwise
        retention   seconds for which a message is kept, 60 to 604800; None: for ever
        Raises `SourceError` QueueAlreadyExist for one with other attributes, InvalidArgument.
        """
        limits.name(queue, "queue")
        asked = _attributes(delay, visibility, retention)
        there = self.shelf.settings(queue)
        if there is not None and there != asked:
            raise SourceError("QueueAlreadyExist", f"Queue {queue!r} has other attributes.", hint="use set_attributes to change them")
        if there is None:
            with self.hub.change() as change:
                self.shelf.create(queue, *asked)
                change.happened(self.label(queue), "Queue created")

    @verb
    def delete_queue(self, queue: str) -> bool:
        """Delete a queue with all its messages; whether there was one."""
        there = self.shelf.settings(queue) is not None
        if there:
            with self.hub.change() as change:
                self.shelf.drop(queue)
                change.happened(self.label(queue), "Queue deleted")
        return there

    @verb
    def attributes(self, queue: str) -> dict[str, Any]:
        """A queue's delay, visibility and retention in seconds, and its messages: active (visible), inactive (received), delayed.

        Raises `SourceError` QueueNotExist.
        """
        delay, visibility, retention = self._settings(queue)
        active, inactive, delayed = self.shelf.counts(queue)
        return {
            "name": queue, "delay": delay // SECOND, "visibility": visibility // SECOND,
            "retention": None if retention is None else retention // SECOND,
            "active": active, "inactive": inactive, "delayed": delayed,
        }  # fmt: skip

    @verb
    def set_attributes(self, queue: str, **changes: int | None) -> None:
        """Change delay, visibility or retention (see `create`), for messages that come from now on. Raises `SourceError` QueueNotExist."""
        there = dict(zip(("delay", "visibility", "retention"), self._settings(queue), strict=True))
        if wrong := [one for one in changes if one not in there]:
            raise UsageError(f"A queue has no {wrong[0]!r} to set.", hint=f"it has: {', '.join(there)}")
        old = {key: None if value is None else value // SECOND for key, value in there.items()}
        asked = _attributes(**{**old, **changes})
        with self.hub.change() as change:
            self.shelf.change(queue, *asked)
            change.happened(self.label(queue), "Queue attributes set")

    # ---- messages

    @verb
    def send(self, queue: str, body: str | bytes, *, delay: int | None = None, priority: int = 8) -> dict[str, Any]:
        """Send a message of 1 to 65536 bytes; {"id", "md5"}. A queue that is not there is made.

        delay     seconds before it is visible, 0 to 604800; None: as the queue says
        priority  1 (first) to 16
        Raises `SourceError` InvalidArgument.
        """
        return self.send_many(queue, [{"body": body, "delay": delay, "priority": priority}])[0]

    @verb
    def send_many(self, queue: str, messages: Sequence[str | bytes | dict[str, Any]]) -> _Sent:
        """Send up to 16 messages, all or none; each a body, or {"body", "delay", "priority"}. See `send`."""
        limits.name(queue, "queue")
        if not isinstance(messages, list) or not 1 <= len(messages) <= limits.BATCH:
            raise SourceError("InvalidArgument", f"1 to {limits.BATCH} messages are sent at a time.", hint="send the rest by another call")
        checked = [_message(one) for one in messages]
        with self.hub.change() as change:
            sent = [self.put(change, queue, *one) for one in checked]
            change.happened(self.label(queue), f"Sent {len(sent)}" if len(sent) > 1 else f"Sent {sent[0]['id']}")
        return sent

    @verb
    def receive(self, queue: str, count: int = 1, *, visibility: int | None = None) -> _Sent:
        """Receive up to `count` (1 to 16) visible messages, which nobody else receives for `visibility` seconds (1 to 43200; None: as
        the queue says).

        Each is {"id", "body" (bytes), "md5", "receipt", "priority", "dequeue_count", "enqueued", "first_dequeued", "next_visible"}; the
        times in seconds of lab time. Empty if none is visible. Raises `SourceError` QueueNotExist, InvalidArgument.
        """
        limits.whole(count, "count", 1, limits.BATCH)
        standard = self._settings(queue)[1]
        hidden = standard if visibility is None else limits.within(visibility, "visibility", *_VISIBILITY)
        with self.hub.change() as change:
            rows = self.shelf.take(queue, count, hidden)
            if rows:
                self._tell(change, queue, hidden)
                change.happened(self.label(queue), f"Received {len(rows)}")
        return [self._seen(row, received=True) for row in rows]

    @verb
    def peek(self, queue: str, count: int = 1) -> _Sent:
        """Look at up to `count` (1 to 16) visible messages, as `receive` gives them but without receipts, and leave them as they are."""
        limits.whole(count, "count", 1, limits.BATCH)
        self._settings(queue)
        with self.store.transaction():
            rows = self.shelf.look(queue, count)
        return [self._seen(row, received=False) for row in rows]

    @verb
    def delete(self, queue: str, receipt: str) -> None:
        """A received message is dealt with. Raises `SourceError` QueueNotExist, ReceiptHandleError, or MessageNotExist if the visibility
        time-out is over or it was deleted before."""
        with self.hub.change() as change:
            number = self._held(queue, receipt)
            self.shelf.delete([number])
            change.happened(self.label(queue), f"Deleted {limits.message_id(queue, number)}")

    @verb
    def change_visibility(self, queue: str, receipt: str, visibility: int) -> dict[str, Any]:
        """Hide a received message for `visibility` seconds (1 to 43200) from now on; {"receipt", "next_visible"} replace the old ones.

        Raises `SourceError` as `delete` does.
        """
        hidden = limits.within(visibility, "visibility", *_VISIBILITY)
        with self.hub.change() as change:
            number = self._held(queue, receipt)
            priority, until, received = self.shelf.hide(number, hidden)
            self._tell(change, queue, hidden)
            change.happened(self.label(queue), f"Visibility changed {limits.message_id(queue, number)}")
        return {"receipt": limits.receipt(priority, number, until, received), "next_visible": seconds(self.hub.lab(until))}

    @verb
    def list(self, prefix: str = "") -> _Names:
        """The names of the queues that begin with `prefix`."""
        if not isinstance(prefix, str):
            raise UsageError(f"prefix is a text, not {prefix!r:.99}.", hint='"" is none')
        return sorted(name for name in self.shelf.names() if name.startswith(prefix))

    # ---- for the other sources and the platform

    def put(self, change: Change, queue: str, body: bytes, delay: int | None = None, priority: int = 8) -> dict[str, Any]:
        """Add a message inside a change. `delay` in µs, None: as the queue says."""
        settings = self.shelf.settings(queue)
        if settings is None:
            settings = self.shelf.create(queue, *_attributes())
        wait = settings[0] if delay is None else delay
        number = self.shelf.add(queue, body, priority, wait, settings[2], change.cause, change.depth)
        self._tell(change, queue, wait)
        return {"id": limits.message_id(queue, number), "md5": limits.digest(body)}

    def deliver(self, change: Change, queue: str, body: bytes) -> None:
        """What a destination is told (clause 4)."""
        if self.shelf.told(change.cause):
            return
        if self.shelf.settings(queue) is None:
            self.shelf.create(queue, *_attributes(retention=None))
        self.put(change, queue, body)

    def watch(self, queue: str, told: Callable[[int], object]) -> None:
        """Call `told` with the µs after which something may be there to receive, whenever that changes."""
        self.watchers.setdefault(queue, []).append(told)

    def unwatch(self, queue: str, told: Callable[[int], object]) -> None:
        """No more."""
        self.watchers[queue].remove(told)

    def release(self, change: Change, queue: str, number: int) -> None:
        """A message that a stream held is visible again."""
        self.shelf.hide(number, 0)
        self._tell(change, queue, 0)

    def _tell(self, change: Change, queue: str, wait: int) -> None:
        for told in self.watchers.get(queue, ()):
            change.then(lambda told=told: told(wait))  # type: ignore[misc]

    def _settings(self, queue: str) -> tuple[int, int, int | None]:
        limits.name(queue, "queue")
        settings = self.shelf.settings(queue)
        if settings is None:
            raise SourceError("QueueNotExist", f"There is no queue {queue!r}.", hint="create it, or send it a message")
        return settings

    def _held(self, queue: str, receipt: str) -> int:
        self._settings(queue)
        number, until, received = limits.receipt_of(receipt)
        if not self.shelf.holds(queue, number, until, received):
            raise SourceError("MessageNotExist", "This receipt of the message is over.", hint="receive it again, for a longer time")
        return number

    def _seen(self, row: tuple[Any, ...], received: bool) -> dict[str, Any]:
        number, queue, body, priority, enqueued, visible, first, count = row[:8]
        seen = {
            "id": limits.message_id(queue, number), "body": body, "md5": limits.digest(body), "priority": priority,
            "dequeue_count": count, "enqueued": seconds(self.hub.lab(enqueued)),
            "first_dequeued": None if first is None else seconds(self.hub.lab(first)), "next_visible": seconds(self.hub.lab(visible)),
        }  # fmt: skip
        if received:
            seen["receipt"] = limits.receipt(priority, number, visible, count)
        return seen


def _attributes(delay: object = 0, visibility: object = 30, retention: object = 345_600) -> tuple[int, int, int | None]:
    kept = None if retention is None else limits.within(retention, "retention", *_RETENTION)
    return limits.within(delay, "delay", *_DELAY), limits.within(visibility, "visibility", *_VISIBILITY), kept


def _message(one: object) -> tuple[bytes, int | None, int]:
    asked = one if isinstance(one, dict) else {"body": one}
    if wrong := [key for key in asked if key not in ("body", "delay", "priority")]:
        raise UsageError(f"A message has no {wrong[0]!r}.", hint="it has a body, and may have delay and priority")
    delay = asked.get("delay")
    return (
        limits.body_bytes(asked.get("body")),
        None if delay is None else limits.within(delay, "delay", *_DELAY),
        limits.whole(asked.get("priority", 8), "priority", 1, 16),
    )
