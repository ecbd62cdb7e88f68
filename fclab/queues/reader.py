"""What is asked of a home's database: messages to take up again, records of tasks, calls to be made."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fclab import forks
from fclab.queues.base import Call, Message
from fclab.queues.records import Page, TaskQuery, TaskRecord
from fclab.queues.schema import explain

__all__ = ["Reader"]

_STATE = "CASE WHEN leased IS NOT NULL AND state <> 'Stopping' THEN 'Running' ELSE state END"
_RECORD = (
    f"SELECT request, request_id, function, task_id, {_STATE}, enqueued, started, ended, delivery - 1, executions, status, error_type, "
    f"error, destination, cause, redrive_of, coalesce((SELECT again FROM redriven r WHERE r.request = tasks.request), 0), "
    "history FROM tasks"
)
_MESSAGE = (
    "SELECT turn, payload IS NULL, request, request_id, function, coalesce(payload, x''), due, enqueued, task_id, delivery, "
    "function_errors, system_errors, system_since, cause, redrive_of FROM tasks WHERE ended IS NULL"
)


_RESULT = "SELECT coalesce(result, (SELECT body FROM results r WHERE r.request = tasks.request)) FROM tasks WHERE request = ?"


class Reader:
    """Reads through a connection that only the queue's own thread uses. Stored times minus `epoch` µs are lab time.

    Every method raises `NotStored` if the database cannot be read, and `WrongThread` in a forked child.
    """

    def __init__(self, db: sqlite3.Connection, path: Path, epoch: int) -> None:
        self._db = db
        self._path = path
        self._epoch = epoch
        self._process = os.getpid()

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> Iterator[Any]:
        forks.check(self._process)
        try:
            yield from self._db.execute(sql, values)
        except sqlite3.Error as error:
            raise explain(error, self._path) from error

    def _value(self, sql: str, *values: Any) -> Any:
        return next(self._rows(sql, values), (None,))[0]

    def messages(self) -> Iterator[tuple[int, bool, Message]]:
        """(turn, whether the payload stayed on disk, message) of all that wait, in order of arrival."""
        epoch = self._epoch
        for turn, away, *columns in self._rows(f"{_MESSAGE} ORDER BY turn"):
            message = Message(*columns)
            message.due -= epoch
            message.enqueued -= epoch
            message.system_since -= epoch
            yield turn, bool(away), message

    def payload(self, request: int) -> bytes:
        """What a task was given; empty if there is no such task."""
        sql = "SELECT coalesce(payload, (SELECT body FROM payloads WHERE payloads.request = tasks.request)) FROM tasks WHERE request = ?"
        return self._value(sql, request) or b""

    def holder(self, function: str, task_id: str) -> int:
        """The request of the task of that id, 0 if there is none."""
        return int(self._value("SELECT request FROM tasks WHERE function = ? AND task_id = ? AND task_id <> ''", function, task_id) or 0)

    def dead(self, request: int) -> bool:
        """Whether the task's event was given up."""
        sql = "SELECT 1 FROM dead WHERE request = ?1 UNION SELECT 1 FROM redriven WHERE request = ?1"
        return self._value(sql, request) is not None

    def task(self, request: int) -> TaskRecord | None:
        """One record, with the outcome's payload."""
        for row in self._rows(f"{_RECORD} WHERE request = ?", (request,)):
            record = self._record(row)
            record.payload = self._value(_RESULT, request) or b""
            return record
        return None

    def tasks(self, query: TaskQuery) -> Page:
        """A page of records, without payloads."""
        where: list[str] = []
        values: list[Any] = []

        def term(sql: str, *more: Any) -> None:
            where.append(sql)
            values.extend(more)

        if query.function:
            term("function = ?", query.function)
        if query.states:
            term(f"{_STATE} IN ({', '.join('?' * len(query.states))})", *query.states)
        if query.prefix:
            term("task_id >= ? AND task_id < ? AND task_id <> ''", query.prefix, query.prefix + chr(0x10FFFF))
        if query.begin is not None:
            term("started >= ?", query.begin + self._epoch)
        if query.end is not None:
            term("started < ?", query.end + self._epoch)
        if query.dead:
            term("request IN (SELECT request FROM dead)")
        if query.after is not None:
            term(f"request {'<' if query.newest else '>'} ?", query.after)
        sql = _RECORD + (" WHERE " + " AND ".join(where) if where else "")
        rows = self._rows(f"{sql} ORDER BY request {'DESC' if query.newest else 'ASC'} LIMIT ?", (*values, query.limit + 1))
        return Page.of([self._record(row) for row in rows], query.limit)

    def _record(self, row: Sequence[Any]) -> TaskRecord:
        epoch = self._epoch
        (request, request_id, function, task_id, state, enqueued, started, ended, attempts, executions, status, error_type, error,
         destination, cause, redrive_of, redriven, history) = row  # fmt: skip
        return TaskRecord(
            request, request_id, function, task_id, state, enqueued - epoch,
            None if started is None else started - epoch, None if ended is None else ended - epoch,
            attempts, executions, status, error_type, error, b"", destination.partition(": ")[0], cause, redrive_of, redriven,
            self._history(history),
            destination.partition(": ")[2],
        )  # fmt: skip

    def _history(self, lines: str) -> list[tuple[int, str, str]]:
        """What a record says; a stop that was noted, and then done, entered Stopping once."""
        found: list[tuple[int, str, str]] = []
        for at, entered, detail in map(json.loads, lines.splitlines()):
            if not found or found[-1][1] != entered:
                found.append((at - self._epoch, entered, detail))
        return found

    def number(self, name: str, function: str) -> int:
        """The last task with this task id or request id, or 0."""
        sql = "SELECT max(request) FROM tasks WHERE (task_id = ?1 OR request_id = ?1) AND function IN (?2, iif(?2 = '', function, ?2))"
        return int(self._value(sql, name, function) or 0)

    def over(self, before: int) -> list[tuple[int, bool]]:
        """(request, whether it is a dead letter) of tasks that ended before that lab time and have nobody left to tell."""
        pending = "EXISTS (SELECT 1 FROM calls WHERE calls.request = tasks.request AND told IS NULL)"
        before += self._epoch
        found: list[tuple[int, bool]] = []
        dead = "EXISTS (SELECT 1 FROM dead WHERE dead.request = tasks.request)"
        sql = f"SELECT request, enqueued, ended, {dead} FROM tasks WHERE NOT {pending} ORDER BY request"
        for request, enqueued, ended, unsent in self._rows(sql):
            if enqueued >= before:
                break
            if ended is not None and ended < before:
                found.append((request, bool(unsent)))
        return found

    def forgotten(self) -> int:
        """How many dead letters were forgotten before anybody sent them again."""
        return int(self._value("SELECT value FROM home WHERE name = 'forgotten'") or 0)

    def calls(self) -> Iterator[Call]:
        """Calls that are to be made, in the order of their outcomes."""
        sql = "SELECT destination, body, due, number, request, tries, error FROM calls WHERE told IS NULL ORDER BY number"
        for to, body, due, *others in self._rows(sql):
            yield Call(to, body, due - self._epoch, *others)

    def last_call(self) -> int:
        """The highest number of a call."""
        return int(self._value("SELECT coalesce(max(number), 0) FROM calls"))
