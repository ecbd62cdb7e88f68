"""How events that must keep their order get from a source to a function: along a line, with a checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fclab.sources.deliveries import Failure

if TYPE_CHECKING:
    from fclab.sources.base import Binding, Waits
    from fclab.sources.hub import Hub

__all__ = ["Batch", "Line"]


@dataclass(frozen=True, slots=True)
class Batch:
    """What comes next on a line: the event that carries it, and the checkpoint once it was taken.

    cause, depth   of the request whose handler made its newest record, as `Change` has them; made: µs since 1970 of its oldest record
    """

    payload: bytes
    checkpoint: str
    made: int
    cause: int = 0
    depth: int = 0


class Line:
    """Events of one trigger that must keep their order, such as those of a shard.

    1. One call at a time; the checkpoint moves, and is stored, when the function has succeeded (sync) or the platform has the event
       (async). So records come in order, and again after a crash.
    2. A call that fails is repeated with the records that are there then, as `waits` says; when that gives up, or there is no point in
       trying again, the batch is kept as undelivered, or goes to `lost`, and the line goes on; if it `blocks`, it stands still before
       that batch until it is made anew or resumed.
    3. While the trigger is disabled or its function not declared, the line stands still, and is no work of this run.
    """

    def __init__(
        self, hub: Hub, binding: Binding, name: str, read: Callable[[str], Batch | None], waits: Waits, start: str = "",
        *, blocks: bool = False, lost: Callable[[str], object] | None = None,
    ) -> None:  # fmt: skip
        self.hub = hub
        self.blocks = blocks
        self.lost = lost
        """Who gets, in the same step, what is given up (up to a checkpoint), instead of its being kept."""
        self.blocked = False
        """It stands still before a batch that was given up."""
        self.binding = binding
        self.name = name
        self.read = read
        """The next batch after a checkpoint, or None if there is nothing yet."""
        self.waits = waits
        self._busy = False
        self._over = False
        self.ended: Callable[[], object] | None = None
        """Called when a call that outlived this line, ended meanwhile, is over, unless another line goes on in its place."""
        self._next: Line | None = None
        """A line in this one's place, made while a call of this one was under way: it goes on after that."""
        hub.store.run("INSERT OR IGNORE INTO lines (trigger, name, checkpoint) VALUES (?, ?, ?)", binding.number, name, start)
        self.failure: Failure | None = None
        """How the last call failed; None if it did not."""
        self.checkpoint, self.tries = start, 0
        self.take_up()

    def take_up(self) -> None:
        """Go on where the store says, which another line of this name may have changed."""
        row = self.hub.store.one("SELECT checkpoint, tries FROM lines WHERE trigger = ? AND name = ?", self.binding.number, self.name)
        if row is not None:
            self.checkpoint, self.tries = row

    @staticmethod
    def begun(hub: Hub, binding: Binding, name: str) -> bool:
        """The trigger has such a line, perhaps from an earlier life."""
        return hub.store.one("SELECT 1 FROM lines WHERE trigger = ? AND name = ?", binding.number, name) is not None

    @property
    def busy(self) -> bool:
        """A call, or the wait after one that failed, is under way."""
        return self._busy

    def wake(self) -> None:
        """There may be something to carry. It is read and sent in a moment, at the same instant, not from here."""
        if not self._busy and not self.blocked:
            self._busy = True
            self.hub.owe(0, self._go)

    def resume(self) -> None:
        """Go on, also with what it stands still before."""
        self.blocked = False
        self.wake()

    def _go(self) -> None:
        hub, key = self.hub, (self.binding.number, self.name)
        before = hub.calling.get(key)
        batch = None
        if before is not None:
            before._next = self
        elif not self._over and hub.ready(self.binding):
            self.take_up()
            batch = self.read(self.checkpoint)
        if batch is None:
            self._busy = False
            return
        self.tries += 1
        hub.calling[key] = self
        hub.call(self.binding, batch.payload, batch.cause, batch.depth, self.tries, lambda said: self._done(batch, said))

    def end(self) -> None:
        """No more calls; the checkpoint stays."""
        self._over = True

    def _done(self, batch: Batch, failure: Failure | None) -> None:
        self._busy = False
        del self.hub.calling[self.binding.number, self.name]
        if self.hub.exists(self.binding):
            self._came_to(batch, failure)
            if self.ended is not None and (self._next is None or self._next._over):
                self.ended()

    def _came_to(self, batch: Batch, failure: Failure | None) -> None:
        hub, binding = self.hub, self.binding
        if self._next is not None:
            self._next.wake()
        wait, self.failure = None, failure
        if failure is not None and not failure.final:
            wait = self.waits(self.tries, hub.unix() - batch.made, hub.chance)
        if failure is not None and wait is not None:
            hub.store.run("UPDATE lines SET tries = ? WHERE trigger = ? AND name = ?", self.tries, binding.number, self.name)
            if not self._over:
                self._busy = True
                hub.owe(wait, self._go)
            return
        if failure is not None and self.blocks:
            self.blocked, self.tries = True, 0
            hub.store.run("UPDATE lines SET tries = 0 WHERE trigger = ? AND name = ?", binding.number, self.name)
            hub.gave_up(binding, failure)
            return
        self._move(batch.payload, batch.checkpoint, failure)
        self.wake()

    def lose(self, payload: bytes, checkpoint: str, reason: str) -> None:
        """What came next is gone from its source: keep it as undelivered, and go on behind it. Not while a call is under way."""
        last = self.failure
        reason = reason if last is None else f"{reason}; the last attempt: {last.reason}"
        self._move(payload, checkpoint, Failure(0 if last is None else last.request, reason, True))

    def _move(self, payload: bytes, checkpoint: str, failure: Failure | None) -> None:
        hub, binding = self.hub, self.binding
        with hub.store.transaction():
            if failure is not None and self.lost is not None:
                self.lost(checkpoint)
            elif failure is not None:
                hub.outbox.keep(binding, payload, self.tries, failure.reason)
            hub.store.run(
                "UPDATE lines SET checkpoint = ?, tries = 0 WHERE trigger = ? AND name = ?", checkpoint, binding.number, self.name
            )
        self.checkpoint, self.tries, self.failure = checkpoint, 0, None
        if failure is not None:
            hub.gave_up(binding, failure)
