"""The durable queue: an index in memory that answers at once, and a journal that writes every step into the home's database."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from typing import Literal

from fclab.errors import FclabError, UsageError
from fclab.queues.base import Call, Change, Failed, Lease, Message, Stored
from fclab.queues.errors import DuplicateTask, NotStored, QueueFull
from fclab.queues.folder import Folder
from fclab.queues.index import Index
from fclab.queues.journal import Journal, Points, Post, Step, ThreadedJournal
from fclab.queues.ledger import SWEEP, Ledger
from fclab.queues.reader import Reader
from fclab.queues.records import RETENTION
from fclab.queues.schema import Kind, connect, open_database, recover, refused
from fclab.queues.statements import NOW, RETURNED, SMALL, Statements, forgotten

__all__ = ["BUDGET", "RETENTION", "SqliteQueue"]

BUDGET = 32 << 20
"""Bytes of small payloads that stay in memory; beyond it they, too, are read when they are leased."""


class SqliteQueue(Ledger, Index):
    """A queue that survives its process, in the file `fclab.db` of a home folder that no other lab may open meanwhile.

    kind         "virtual": stored times are lab time, and `now` is where the clock goes on; "wall": they are µs since 1970, and `epoch`
                 is that of lab time 0. A home is of one kind for ever.
    post         None: each step is written before its verb returns. Otherwise a thread writes, all that has gathered in one
                 transaction, and hands the callbacks to `post(fn)`, which calls them on the thread that uses the queue.
    synchronous  "NORMAL" (default): what is accepted survives any end of the process, also `kill -9`. A power cut or a crash of
                 the operating system may cost the last steps, up to 16 MB of them: events that were accepted are gone, and others
                 run again. The database stays whole. "FULL": what is accepted, and every outcome, survives that too, as far
                 as the disk tells the truth; only the count of a delivery under way may be lost. It costs one sync a transaction.
    max_depth    events waiting or leased beyond which `enqueue` refuses; retries are never refused
    retention    µs for which ended tasks are remembered
    points       called with "before X" and "after X" around each durable step, for tests that end the process there

    Raises `HomeRefused`. In a forked child what touches the disk raises `WrongThread`, and `close` does nothing. With `post` the process
    may end before deliveries that were begun are written: those are then not counted.
    """

    def __init__(
        self, home: str | os.PathLike[str], *, kind: Kind = "virtual", epoch: int = 0, post: Post | None = None,
        synchronous: Literal["NORMAL", "FULL"] = "NORMAL", max_depth: int | None = None, retention: int = RETENTION,
        points: Points | None = None,
    ) -> None:  # fmt: skip
        if kind not in ("virtual", "wall") or synchronous not in ("NORMAL", "FULL") or (kind == "virtual" and epoch):
            raise UsageError(f"no home is {kind!r} with epoch {epoch} and synchronous {synchronous!r}.", hint="see SqliteQueue")
        super().__init__()
        self.max_depth = max_depth
        self.retention = retention
        self._epoch = epoch
        self._steps = Statements(epoch)
        self._point = points
        self._away: set[int] = set()
        """Waiting requests whose payload is on disk only."""
        self._kept = 0
        self._coming = 0
        """Messages handed in and not stored yet."""
        self._coming_ids: set[tuple[str, str]] = set()
        self._ending = 0
        """Leases that are over, and not yet in the database."""
        self._accepted = 0
        self._folder = Folder(home)
        self.path = self._folder.path / "fclab.db"
        full = synchronous == "FULL"
        try:
            db = open_database(self.path, kind, full, post is None)
            try:
                stored_now, self.last_request, self.life = recover(db, self.path, epoch if kind == "wall" else None)
                self.now = stored_now - epoch
                self._own = connect(self.path) if post is not None else db
                self._folder.connections += [db, self._own]
                self._read = Reader(self._own, self.path, epoch)
                for turn, away, message in self._read.messages():
                    self._turn = turn
                    self.push(message, turn, away)
                self._calls = {call.number: call for call in self._read.calls()}
                self._call_number = self._read.last_call()
                self.forgotten = self._read.forgotten()
            except NotStored as error:
                db.close()
                raise refused(error) from error
            except BaseException:
                db.close()
                raise
        except BaseException:
            self._folder.close()
            raise
        if post is None:
            self._journal = Journal(db, self.path, full, points)
        else:
            self._journal = ThreadedJournal(db, self.path, full, points, post)

    # ---- the contract's verbs

    @property
    def trouble(self) -> FclabError | None:
        """Why steps wait to be written, or None."""
        return self._journal.trouble

    def enqueue(self, message: Message, on_stored: Stored, on_failed: Failed | None = None, call: Call | None = None) -> None:
        if self._point is not None:
            self._point("before accept")
        key = message.function, message.task_id
        if (error := self._refusal(message, key)) is not None:
            if on_failed is None:
                raise error
            on_failed(error)
            return
        self._coming += 1
        if message.task_id:
            self._coming_ids.add(key)
        turn = self.turn()
        statements = self._steps.accept(message, turn)
        if call is not None and self._calls.pop(call.number, None) is not None:
            statements += self._steps.over(call, "")
        stored = partial(self._stored, message, turn, on_stored)
        self._journal.add(Step("enqueue", *statements, stored=stored, failed=partial(self._failed, message, call, on_failed)))
        self._accepted += 1
        if not self._accepted % SWEEP and self.trouble is None:
            self.sweep(message.enqueued - self.retention)

    def full(self) -> bool:
        return self.max_depth is not None and self.waiting() + self.leased() + self._coming - self.aside >= self.max_depth

    def _refusal(self, message: Message, key: tuple[str, str]) -> FclabError | None:
        if self.full():
            return QueueFull(f"the queue holds {self.max_depth} events, as many as it may.", hint="try again later, or raise max_waiting")
        if message.task_id and key in self._coming_ids:
            return DuplicateTask(f"'{key[0]}' has a task with id '{key[1]}'.", hint="choose another id")
        if message.redrive_of and not self._dead(message.redrive_of):
            return UsageError(f"R{message.redrive_of} is no dead letter.", hint="only events that were given up can be redriven")
        return None

    def _stored(self, message: Message, turn: int, on_stored: Stored) -> None:
        self._coming -= 1
        self._coming_ids.discard((message.function, message.task_id))
        self.push(message, turn)
        on_stored()
        if self._point is not None:
            self._point("after accept")

    def _failed(self, message: Message, call: Call | None, on_failed: Failed | None, error: FclabError) -> None:
        self._coming -= 1
        self._coming_ids.discard((message.function, message.task_id))
        if call is not None:
            self._calls[call.number] = call
        if on_failed is None:
            raise error
        on_failed(error)

    def push(self, message: Message, turn: int, away: bool = False) -> None:
        size = len(message.payload)
        if away or size > SMALL or self._kept + size > BUDGET:
            self._away.add(message.request)
            if size:
                message = replace(message, payload=b"")
        else:
            self._kept += size
        super().push(message, turn)

    def _bring(self, message: Message) -> None:
        """Fetch what was left on disk, for a message that stops waiting. If that is impossible nothing has changed."""
        if message.request in self._away:
            message.payload = self._read.payload(message.request)
            self._away.discard(message.request)
        else:
            self._kept -= len(message.payload)

    def lease(self, function: str, now: int, until: int) -> Lease | None:
        due = self.next_due(function)
        if due is None or due > now:
            return None
        self._bring(self._heaps[function][0][2])
        lease = super().lease(function, now, until)
        assert lease is not None
        self._journal.add(Step("lease", self._steps.lease(lease), synced=False))
        return lease

    def settle(self, lease: Lease, following: Message | None, on_stored: Stored, change: Change | None = None) -> bool:
        if self._point is not None:
            self._point("before ack")
        if self._leases.pop(lease.token, None) is None:
            return False
        self._ending += 1
        turn = 0
        if following is None:
            step = self._end(lease.message.request, change)
        else:
            turn = self.turn()
            step = Step("next delivery", self._steps.again(following, turn, change))
        step.stored = partial(self._settled, following, turn, on_stored)
        self._journal.add(step)
        return True

    def _settled(self, following: Message | None, turn: int, on_stored: Stored) -> None:
        self._ending -= 1
        if following is not None:
            self.push(following, turn)
        on_stored()
        if self._point is not None:
            self._point("after ack")

    def discard(self, function: str, request: int, change: Change | None = None, on_stored: Stored | None = None) -> Message | None:
        entry = self._live.get(request)
        if entry is None or entry[2].function != function:
            return None
        self._bring(entry[2])
        message = self.take_out(function, request)
        step = self._end(request, change)
        step.stored = on_stored
        self._journal.add(step)
        return message

    def note(self, request: int, change: Change) -> None:
        self._journal.add(Step("note", self._steps.note(request, change)))

    def expire(self, now: int) -> list[str]:
        over = [(lease.message.request,) for lease, _ in self._leases.values() if lease.until <= now]
        if over:
            self._journal.add(Step("expiry", *((RETURNED, one) for one in over), synced=False))
        return super().expire(now)

    def leased(self) -> int:
        return len(self._leases) + self._ending

    def _end(self, request: int, change: Change | None) -> Step:
        """The step that takes a message away: into its record, or altogether (clause 6)."""
        if change is None:
            return Step("outcome", *forgotten([request]))
        for call in change.calls:
            self._call_number += 1
            call.number, call.request = self._call_number, request
            self._calls[call.number] = call
        return Step("outcome", *self._steps.end(request, change))

    # ---- records

    def known(self, function: str, task_id: str) -> bool:
        return (function, task_id) in self._coming_ids or self._holds(function, task_id)

    # ---- destinations

    def calls(self) -> list[Call]:
        return list(self._calls.values())

    def called(self, call: Call, at: int, error: str = "") -> None:
        if self._calls.pop(call.number, None) is not None:
            self._journal.add(Step("destination", *self._steps.over(call, error)))

    def call_again(self, call: Call, due: int, error: str) -> None:
        call.due, call.error = due, error
        call.tries += 1
        self._journal.add(Step("destination", self._steps.call_again(call)))

    # ---- the end

    def flush(self) -> None:
        self._journal.flush()

    def close(self, now: int | None = None) -> None:
        if os.getpid() != self._folder.process:
            return
        if now is not None:
            self._journal.add(Step("close", (NOW, (now + self._epoch,))))
        try:
            self._journal.close()
        finally:
            self._own.close()
            self._folder.close()
