"""The queue in memory: survives nothing, costs nothing, keeps the whole contract."""

from __future__ import annotations

from dataclasses import replace

from fclab.errors import FclabError, UsageError
from fclab.queues.base import PREVIEW, Call, Change, Failed, Lease, Message, Stored
from fclab.queues.errors import DuplicateTask, QueueFull
from fclab.queues.index import Index
from fclab.queues.records import DEAD, FINAL, RETENTION, Page, TaskQuery, TaskRecord

__all__ = ["MemoryQueue"]


class MemoryQueue(Index):
    """Stores at once, so `on_stored` is called before the verb returns. Records are made when the first change asks for one."""

    def __init__(self, max_depth: int | None = None, retention: int = RETENTION) -> None:
        super().__init__()
        self.retention = retention
        self._accepted = 0
        self.trouble: FclabError | None = None
        self.max_depth = max_depth
        self._ids: dict[tuple[str, str], int] = {}
        self._records: dict[int, TaskRecord] = {}
        self._payloads: dict[int, bytes] = {}
        """Of tasks that have ended."""
        self._redriven: dict[int, int] = {}
        self._calls: dict[int, Call] = {}
        self._letters: dict[str, list[bytes]] = {}
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
        if change is not None:
            self._change(lease.message, change, lease.since)
        if following is not None:
            self._turn += 1
            self.push(following, self._turn)
        elif change is None:
            self._forget(lease.message)
        on_stored()
        return True

    def expire(self, now: int) -> list[str]:
        for lease, _ in self._leases.values():
            if lease.until <= now:
                self._record(lease.message, lease.since)
        return super().expire(now)

    def discard(self, function: str, request: int, change: Change | None = None, on_stored: Stored | None = None) -> Message | None:
        message = self.take_out(function, request)
        if message is not None:
            if change is None:
                self._forget(message)
            else:
                self._change(message, change, None)
            if on_stored is not None:
                on_stored()
        return message

    def note(self, request: int, change: Change) -> None:
        message, since = self._message(request)
        if message is not None:
            self._change(message, change, since)

    def full(self) -> bool:
        return self.max_depth is not None and self.waiting() + self.leased() >= self.max_depth

    def _refusal(self, message: Message) -> FclabError | None:
        if self.full():
            return QueueFull(f"the queue holds {self.max_depth} events, as many as it may.", hint="try again later, or raise max_depth")
        if message.task_id and (message.function, message.task_id) in self._ids:
            return DuplicateTask(f"'{message.function}' has a task with id '{message.task_id}'.", hint="choose another id")
        if message.redrive_of in self._redriven:
            again = self._redriven[message.redrive_of]
            return DuplicateTask(f"R{message.redrive_of} was redriven already, as R{again}.", hint=f"redrive R{again}")
        if message.redrive_of and ((dead := self._records.get(message.redrive_of)) is None or dead.state not in DEAD):
            return UsageError(f"R{message.redrive_of} is no dead letter.", hint="only events that were given up can be redriven")
        return None

    # ---- records

    def known(self, function: str, task_id: str) -> bool:
        return (function, task_id) in self._ids

    def task(self, request: int) -> TaskRecord | None:
        message, since = self._message(request)
        record = self._records.get(request)
        if message is None:
            return record and self._told(replace(record, history=list(record.history)))
        if record is None:
            record = _made(message)
        running = since is not None and record.state != "Stopping"
        return replace(
            record,
            state="Running" if running else record.state,
            attempts=message.delivery - (since is None),
            started=since if record.started is None else record.started,
            history=list(record.history),
        )

    def tasks(self, query: TaskQuery) -> Page:
        numbers = {*self._records, *self._live, *(lease.message.request for lease, _ in self._leases.values())}
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

    def payload(self, request: int) -> bytes:
        message, _ = self._message(request)
        return message.payload if message is not None else self._payloads.get(request, b"")

    def sweep(self, before: int) -> int:
        pending = {call.request for call in self._calls.values()}
        old = []
        for one in self._records.values():
            if one.enqueued >= before:
                break
            if one.ended is not None and one.ended < before and one.request not in pending:
                old.append(one)
        for record in old:
            del self._records[record.request]
            self._payloads.pop(record.request, None)
            self._ids.pop((record.function, record.task_id), None)
            self._redriven.pop(record.redrive_of, None)
        return len(old)

    def _message(self, request: int) -> tuple[Message | None, int | None]:
        """A message that waits or is leased, and since when."""
        entry = self._live.get(request)
        if entry is not None:
            return entry[2], None
        lease = next((lease for lease, _ in self._leases.values() if lease.message.request == request), None)
        return (lease.message, lease.since) if lease is not None else (None, None)

    def _record(self, message: Message, since: int | None) -> TaskRecord:
        record = self._records.get(message.request)
        if record is None:
            record = self._records[message.request] = _made(message)
        if record.started is None:
            record.started = since
        return record

    def _change(self, message: Message, change: Change, since: int | None) -> None:
        record = self._record(message, since)
        record.history.extend(change.events)
        record.state = change.state
        record.executions = change.executions
        record.attempts = message.delivery - (since is None)
        if change.ending is not None:
            ending = change.ending
            record.status, record.error_type, record.error = ending.status, ending.error_type, ending.error
            record.payload = ending.payload[:PREVIEW]
        if change.state in FINAL:
            record.ended = change.at
            self._payloads[message.request] = message.payload
        for call in change.calls:
            self._call_number += 1
            call.number, call.request = self._call_number, message.request
            self._calls[call.number] = call
            record.destination = "Pending"

    def _forget(self, message: Message) -> None:
        self._records.pop(message.request, None)
        self._ids.pop((message.function, message.task_id), None)
        self._redriven.pop(message.redrive_of, None)

    def _told(self, record: TaskRecord) -> TaskRecord:
        record.redriven = self._redriven.get(record.request, 0)
        return record

    # ---- destinations

    def calls(self) -> list[Call]:
        return list(self._calls.values())

    def called(self, call: Call, at: int, error: str = "", keep: bool = False) -> None:
        if self._calls.pop(call.number, None) is None:
            return
        if keep:
            self._letters.setdefault(call.to, []).append(call.body)
        record = self._records.get(call.request)
        if record is not None:
            record.destination = "Failed" if error else "Succeeded"

    def call_again(self, call: Call, due: int, error: str) -> None:
        call.due, call.error = due, error
        call.tries += 1

    def boxes(self) -> list[str]:
        return list(self._letters)

    def letters(self, to: str) -> list[bytes]:
        return list(self._letters.get(to, ()))

    def flush(self) -> None:
        """Nothing is ever under way."""

    def close(self, now: int | None = None) -> None:
        self.__init__(self.max_depth, self.retention)  # type: ignore[misc]


def _made(message: Message) -> TaskRecord:
    history = [(message.enqueued, "Enqueued", "")]
    return TaskRecord(
        message.request, message.request_id, message.function, message.task_id, "Enqueued", message.enqueued,
        cause=message.cause, redrive_of=message.redrive_of, history=history,
    )  # fmt: skip
