"""What each verb of the durable queue writes: SQL and values, times shifted to those of the home."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from fclab.queues.base import PREVIEW, Call, Change, Ending, Lease, Message
from fclab.queues.records import DEAD

__all__ = ["NOW", "RETURNED", "SMALL", "Statement", "Statements", "forgotten"]

Statement = tuple[str, Sequence[Any]]

SMALL = 4096
"""Bytes up to which a payload or a result stays in the row of its task, and a waiting payload in memory."""

NOW = "UPDATE home SET value = ? WHERE name = 'now'"
RETURNED = "UPDATE tasks SET leased = NULL WHERE request = ?"

_ENQUEUE = (
    "INSERT INTO tasks (request, function, task_id, request_id, cause, redrive_of, enqueued, changed, state, turn, due, delivery, "
    "function_errors, system_errors, system_since, history, payload) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'Enqueued', ?, ?, ?, ?, ?, ?, ?, ?)"
)
_PAYLOAD = "INSERT INTO payloads VALUES (?, ?)"
_LEASE = "UPDATE tasks SET leased = ?1, changed = ?1, started = coalesce(started, ?1), delivery = ?2 WHERE request = ?3"
_WAIT = "turn = ?, due = ?, delivery = ?, function_errors = ?, system_errors = ?, system_since = ?, leased = NULL"
_AGAIN = f"UPDATE tasks SET {_WAIT} WHERE request = ?"
_RETRY = f"UPDATE tasks SET {_WAIT}, state = ?, changed = ?, executions = ?, history = history || ? WHERE request = ?"
_END = (
    "UPDATE tasks SET leased = NULL, state = ?, changed = ?, ended = ?, executions = ?, status = ?, error_type = ?, error = ?, "
    "destination = ?, history = history || ?, result = ? WHERE request = ?"
)
_RESULT = "INSERT OR REPLACE INTO results VALUES (?, ?)"
_DEAD = "INSERT OR REPLACE INTO dead VALUES (?)"
_NOT_DEAD = "DELETE FROM dead WHERE request = ?"
_REDRIVEN = "INSERT INTO redriven VALUES (?, ?)"
_NOTE = "UPDATE tasks SET state = ?, changed = ?, executions = ?, history = history || ? WHERE request = ? AND ended IS NULL"
_CALL = "INSERT INTO calls VALUES (?, ?, ?, ?, ?, NULL, ?, ?)"
_CALL_AGAIN = "UPDATE calls SET due = ?, tries = ?, error = ? WHERE number = ?"
_CALL_GONE = "DELETE FROM calls WHERE number = ?"
_TOLD = "UPDATE tasks SET destination = ? WHERE request = ?"

_NO_ENDING = Ending(0)


class Statements:
    """The statements of one home, whose stored times are lab time plus `epoch` µs."""

    def __init__(self, epoch: int) -> None:
        self._epoch = epoch

    def accept(self, message: Message, turn: int) -> list[Statement]:
        """A new message, and its record."""
        epoch, payload = self._epoch, message.payload
        at = message.enqueued + epoch
        small = len(payload) <= SMALL
        row = (
            message.request, message.function, message.task_id, message.request_id, message.cause, message.redrive_of, at, at, turn,
            message.due + epoch, message.delivery, message.function_errors, message.system_errors, message.system_since + epoch,
            f'[{at},"Enqueued",""]\n', payload if small else None,
        )  # fmt: skip
        statements: list[Statement] = [(_ENQUEUE, row)]
        if not small:
            statements.append((_PAYLOAD, (message.request, payload)))
        if message.redrive_of:
            statements += [(_REDRIVEN, (message.redrive_of, message.request)), (_NOT_DEAD, (message.redrive_of,))]
        return statements

    def lease(self, lease: Lease) -> Statement:
        """A delivery has begun, and counts."""
        return _LEASE, (lease.since + self._epoch, lease.message.delivery + 1, lease.message.request)

    def again(self, following: Message, turn: int, change: Change | None) -> Statement:
        """The next delivery takes the place of one that has ended."""
        epoch = self._epoch
        wait = (
            turn, following.due + epoch, following.delivery, following.function_errors, following.system_errors,
            following.system_since + epoch,
        )  # fmt: skip
        if change is None:
            return _AGAIN, (*wait, following.request)
        return _RETRY, (*wait, change.state, change.at + epoch, change.executions, self._history(change), following.request)

    def end(self, request: int, change: Change) -> list[Statement]:
        """The message has become a record; its calls are to be made."""
        at, ending = change.at + self._epoch, change.ending or _NO_ENDING
        result = ending.payload[:PREVIEW]
        row = (
            change.state, at, at, change.executions, ending.status, ending.error_type, ending.error, "Pending" if change.calls else "",
            self._history(change), result if len(result) <= SMALL else None, request,
        )  # fmt: skip
        statements: list[Statement] = [(_END, row)]
        if len(result) > SMALL:
            statements.append((_RESULT, (request, result)))
        if change.state in DEAD:
            statements.append((_DEAD, (request,)))
        rows = ((one.number, request, one.to, one.due + self._epoch, one.tries, one.error, one.body) for one in change.calls)
        statements.extend((_CALL, row) for row in rows)
        return statements

    def note(self, request: int, change: Change) -> Statement:
        """Something about a task under way."""
        return _NOTE, (change.state, change.at + self._epoch, change.executions, self._history(change), request)

    def over(self, call: Call, error: str) -> list[Statement]:
        """A destination was told, or given up: then its state is "Failed: " and why."""
        return [(_CALL_GONE, (call.number,)), (_TOLD, (f"Failed: {error}" if error else "Succeeded", call.request))]

    def call_again(self, call: Call) -> Statement:
        """A destination is told later."""
        return _CALL_AGAIN, (call.due + self._epoch, call.tries, call.error, call.number)

    def _history(self, change: Change) -> str:
        epoch = self._epoch
        return "".join([f'[{at + epoch},"{state}",{json.dumps(detail) if detail else _EMPTY}]\n' for at, state, detail in change.events])


_EMPTY = '""'


_FORGOTTEN = "INSERT INTO home VALUES ('forgotten', ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value"
_TABLES = ("payloads", "results", "dead", "redriven", "tasks")


def forgotten(requests: list[int], unsent: int = 0) -> list[Statement]:
    """Nothing is left of some tasks but that their numbers were used, and that `unsent` of them were dead letters.

    What they brought into a queue inside the lab stays there.
    """
    some = f"WHERE request IN ({', '.join('?' * len(requests))})"
    deletions: list[Statement] = [(f"DELETE FROM {table} {some}", requests) for table in _TABLES]
    count: list[Statement] = [(_FORGOTTEN, (unsent,))] if unsent else []
    return [("UPDATE home SET value = max(value, ?) WHERE name = 'last'", (max(requests),)), *count, *deletions]
