"""The queue in memory: survives nothing, costs nothing, keeps the whole contract."""

from __future__ import annotations

from fclab.errors import FclabError, UsageError
from fclab.queues.base import PREVIEW, Call, Change, Failed, Lease, Message, Stored
from fclab.queues.errors import DuplicateTask, QueueFull
from fclab.queues.index import Index
from fclab.queues.records import DEAD, FINAL, RETENTION, Page, TaskQuery, TaskRecord

__all__ = ["MemoryQueue"]


class MemoryQueue(Index):
    """Stores at once, so `on_stored` is called before the verb returns. What is handed in is kept; a record is made of it on demand."""

    def __init__(self, max_depth: int | None = None, retention: int = RETENTION) -> None:
        super().__init__()
        self.retention = retention
        self.forgotten = 0
        self._accepted = 0
        self.trouble: FclabError | None = None
        self.max_depth = max_depth
        self._ids: dict[tuple[str, str], int] = {}
        self._changes: dict[int, list[Change]] = {}
        self._started: dict[int, int] = {}
        self._ended: dict[int, tuple[Message, int]] = {}
        """Messages of tasks on record that have ended, and deliveries, in the order in which they did."""
        self._told: dict[int, tuple[str, str]] = {}
        self._redriven: dict[int, int] = {}
        self._calls: dict[int, Call] = {}
        self._call_number = 0

    # ---- the contract's verbs

    def enqueue(self, message: Message, on_stored: Stored, on_failed: Failed | None = None, call: Call | None = None) -> None:
        if (message.task_id or message.redrive_of or self.max_depth is not None) and (error := self._refusal(message)) is not None:
            if on_failed is None:
                raise error
            on_failed(error)
            return
        if message.task_id:
            self._ids[message.function, message.task_id] = message.request
        if message.redrive_of:
            self._redriven[message.redrive_of] = message.request
        self._turn += 1
        self.push(message, self._turn)
        self._accepted += 1
        if not self._accepted & 255:
            self.sweep(message.enqueued - self.retention)
        if call is not None:
            self.called(call, message.enqueued)
        on_stored()

    def settle(self, lease: Lease, following: Message | None, on_stored: Stored, change: Change | None = None) -> bool:
        if self._leases.pop(lease.token, None) is None:
            return False
        message = lease.message
        if change is not None:
            if message.delivery == 1:
                self._started[message.request] = lease.since
            self._change(message, change)
        if following is not None:
            self._turn += 1
            self.push(following, self._turn)
        elif change is None:
            self._forget(message)
        else:
            self._ended[message.request] = message, message.delivery
        on_stored()
        return True

    def expire(self, now: int) -> list[str]:
        for lease, _ in self._leases.values():
            if lease.until <= now:
                self._started.setdefault(lease.message.request, lease.since)
        return super().expire(now)

    def discard(self, function: str, request: int, change: Change | None = None, on_stored: Stored | None = None) -> Message | None:
        message = self.take_out(function, request)
        if message is not None:
            if change is None:
                self._forget(message)
            else:
                self._change(message, change)
                self._ended[request] = message, message.delivery - 1
            if on_stored is not None:
                on_stored()
        return message

    def note(self, request: int, change: Change) -> None:
        message, _ = self._message(request)
        if message is not None:
            self._change(message, change)

    def full(self) -> bool:
        return self.max_depth is not None and self.waiting() + self.leased() - self.aside >= self.max_depth

    def _refusal(self, message: Message) -> FclabError | None:
        if self.full():
            return QueueFull(f"the queue holds {self.max_depth} events, as many as it may.", hint="try again later, or raise max_waiting")
        if message.task_id and (message.function, message.task_id) in self._ids:
            return DuplicateTask(f"'{message.function}' has a task with id '{message.task_id}'.", hint="choose another id")
        if message.redrive_of in self._redriven:
            again = self._redriven[message.redrive_of]
            return DuplicateTask(f"R{message.redrive_of} was redriven already, as R{again}.", hint=f"redrive R{again}")
        dead = message.redrive_of
        if dead and (dead not in self._ended or self._changes[dead][-1].state not in DEAD):
            return UsageError(f"R{message.redrive_of} is no dead letter.", hint="only events that were given up can be redriven")
        return None

    # ---- records

    def known(self, function: str, task_id: str) -> bool:
        return (function, task_id) in self._ids

    def task(self, request: int) -> TaskRecord | None:
        message, since = self._message(request)
        if message is not None:
            attempts = message.delivery - (since is None)
        elif request in self._ended:
            message, attempts = self._ended[request]
        else:
            return None
        record = TaskRecord(
            message.request, message.request_id, message.function, message.task_id, "Enqueued", message.enqueued,
            self._started.get(request, since), attempts=attempts, cause=message.cause, redrive_of=message.redrive_of,
            redriven=self._redriven.get(request, 0), history=[(message.enqueued, "Enqueued", "")],
        )  # fmt: skip
        for change in self._changes.get(request, ()):
            record.history.extend(change.events)
            record.state, record.executions = change.state, change.executions
            if change.calls:
                record.destination, record.destination_error = self._told.get(request, ("Pending", ""))
            if change.state in FINAL:
                record.ended = change.at
            if (ending := change.ending) is not None:
                record.status, record.error_type, record.error = ending.status, ending.error_type, ending.error
                record.payload = ending.payload[:PREVIEW]
        if since is not None and record.state != "Stopping":
            record.state = "Running"
        return record

    def tasks(self, query: TaskQuery) -> Page:
        numbers = {*self._ended, *self._live, *(lease.message.request for lease, _ in self._leases.values())}
        found: list[TaskRecord] = []
        for number in sorted(numbers, reverse=query.newest):
            if query.after is not None and (number >= query.after if query.newest else number <= query.after):
                continue
            record = self.task(number)
            if record is not None and query.admits(record):
                record.payload = b""
                found.append(record)
                if len(found) > query.limit:
                    break
        return Page.of(found, query.limit)

    def number(self, name: str, function: str = "") -> int:
        leased = (lease.message for lease, _ in self._leases.values())
        there = (*self.messages(), *leased, *(message for message, _ in self._ended.values()))
        named = (one.request for one in there if name and name in (one.task_id, one.request_id) and function in ("", one.function))
        return max(named, default=0)

    def payload(self, request: int) -> bytes:
        message, _ = self._message(request)
        if message is None and request in self._ended:
            message, _ = self._ended[request]
        return b"" if message is None else message.payload

    def sweep(self, before: int) -> int:
        pending = {call.request for call in self._calls.values()}
        old = []
        for request, (message, _) in self._ended.items():
            if self._changes[request][-1].at >= before:
                break
            if request not in pending:
                old.append(message)
        for message in old:
            state = self._changes[message.request][-1].state
            self.forgotten += state in DEAD and message.request not in self._redriven
            self._forget(message)
        return len(old)

    def _message(self, request: int) -> tuple[Message | None, int | None]:
        """A message that waits or is leased, and since when."""
        entry = self._live.get(request)
        if entry is not None:
            return entry[2], None
        lease = next((lease for lease, _ in self._leases.values() if lease.message.request == request), None)
        return (lease.message, lease.since) if lease is not None else (None, None)

    def _change(self, message: Message, change: Change) -> None:
        known = self._changes.get(message.request)
        if known is None:
            self._changes[message.request] = [change]
        else:
            known.append(change)
        for call in change.calls:
            self._call_number += 1
            call.number, call.request = self._call_number, message.request
            self._calls[call.number] = call

    def _forget(self, message: Message) -> None:
        for table in (self._ended, self._changes, self._started, self._told, self._redriven):
            table.pop(message.request, None)
        self._ids.pop((message.function, message.task_id), None)

    # ---- destinations

    def calls(self) -> list[Call]:
        return list(self._calls.values())

    def called(self, call: Call, at: int, error: str = "") -> None:
        if self._calls.pop(call.number, None) is None:
            return
        self._told[call.request] = ("Failed" if error else "Succeeded", error)

    def call_again(self, call: Call, due: int, error: str) -> None:
        call.due, call.error = due, error
        call.tries += 1

    def flush(self) -> None:
        """Nothing is ever under way."""

    def close(self, now: int | None = None) -> None:
        self.__init__(self.max_depth, self.retention)  # type: ignore[misc]
