"""Helps a handler to have its effect once, although its event may be delivered more than once.

    @lab.function
    @idempotent("/data/payments.db")
    def pay(event, context):
        ...                             # charge the card
        return {"paid": True}

Each event has a record in a SQLite file, by its key:

1. While a delivery runs the record is *in progress*, and another request with its key raises `InProgress` instead of running beside it.
   A later delivery of the same request takes the record over: it is only made when the one before has ended, however it did. So does
   one with the same count of retries, or a lower one, if the process that had the record is gone: where a lab was killed before it
   had written down that a delivery began, the next life of its home delivers with the same count again.
2. When the handler has returned the record is *done* and keeps the result: later deliveries return it and run nothing.
3. A handler that raises leaves no record, so that a retry runs it again.
4. A record that is *expired* counts as none: of a delivery in progress after `lease`, because what ran it must be dead by then and its
   request may have been given up; of one that is done after `expires`.

What it cannot do: a process that is killed between its effect and the end of the handler runs again. An effect that is written into
the same database in one transaction with its record is exactly once; everything else is at least once.

It imports nothing of fclab, so that it can go into an instance with the function that uses it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    import sqlite3

__all__ = ["InProgress", "idempotent"]

F = TypeVar("F", bound=Callable[..., Any])

_COROUTINE = 0x80
_TABLE = (
    "CREATE TABLE IF NOT EXISTS idempotent "
    "(key TEXT PRIMARY KEY, state TEXT NOT NULL, owner TEXT NOT NULL, until REAL NOT NULL, result BLOB, "
    "request TEXT NOT NULL DEFAULT '', retry INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID"
)
_ADDED = ("request TEXT NOT NULL DEFAULT ''", "retry INTEGER NOT NULL DEFAULT 0")
"""Columns that a store made by an earlier version lacks. What it has done stays done."""


class InProgress(Exception):
    """Another request with the same key is being worked on. As a function error it is retried, and then finds the result."""


def idempotent(
    store: str | os.PathLike[str], *, key: Callable[[Any, Any], str] | None = None, expires: float = 86_400.0, lease: float | None = None
) -> Callable[[F], F]:
    """Decorate a handler so that it runs once an event; see the module.

    store     absolute path of the SQLite file: each instance has a working directory of its own, and all of them share the file
    key       key(event, context) says which events are the same; by default `context.request_id`, which is stable over retries
    expires   seconds for which a result is kept, more than 0
    lease     seconds after which a delivery in progress is believed dead by other requests, more than 0; by default the function's time-out

    The handler's result is kept as bytes or as JSON, so a tuple comes back as a list. Raises `ValueError` for a path that is not absolute
    and for seconds that are none, `TypeError` if the store is left out.
    """
    if callable(store) or not isinstance(store, (str, os.PathLike)):
        raise TypeError(f"idempotent needs a store, not {store!r}: write @idempotent('/a/path/of.db') above the handler")
    for name, value in (("expires", expires), ("lease", lease)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0):
            raise ValueError(f"{name} must be a positive number of seconds, not {value!r}")
    path = os.fspath(store)
    if not path.startswith(os.sep):
        raise ValueError(f"the store {path!r} must be an absolute path: each instance has a working directory of its own")

    def decorate(handler: F) -> F:
        def begin(event: Any, context: Any) -> _Record:
            name = context.request_id if key is None else key(event, context)
            until = context.function.timeout if lease is None else lease
            return _Record(path, str(name), context.request_id, getattr(context, "retry_count", 0), until, expires)

        @wraps(handler)
        def plain(event: Any, context: Any) -> Any:
            record = begin(event, context)
            if record.done:
                return record.result
            try:
                result = handler(event, context)
                record.keep(result)
            except Exception:
                record.forget()
                raise
            return result

        @wraps(handler)
        async def waiting(event: Any, context: Any) -> Any:
            record = begin(event, context)
            if record.done:
                return record.result
            try:
                result = await handler(event, context)
                record.keep(result)
            except Exception:
                record.forget()
                raise
            return result

        code = getattr(handler, "__code__", None)
        return cast(F, waiting if code is not None and code.co_flags & _COROUTINE else plain)

    return decorate


class _Record:
    """One event's record, taken or found done. Each step is a transaction of its own; none is open while the handler runs."""

    def __init__(self, path: str, key: str, request: str, retry: int, lease: float, expires: float) -> None:
        self._path = path
        self._key = key
        self._owner = f"{os.urandom(8).hex()} {_here()}"
        self._expires = expires
        self.done = False
        self.result: Any = None
        now = time.time()
        with _Step(path) as db:
            _upgrade(db)
            sql = "SELECT state, result, request, retry, owner FROM idempotent WHERE key = ? AND until > ?"
            state, kept, holder, before, owner = db.execute(sql, (key, now)).fetchone() or ("", b"", "", 0, "")
            if state == "done":
                self.done, self.result = True, _read(kept)
                return
            if state and (holder != request or (before >= retry and not _gone(owner))):
                raise InProgress(f"{key!r} is being worked on by another delivery")
            row = (key, self._owner, now + lease, request, retry)
            db.execute("REPLACE INTO idempotent VALUES (?, 'in progress', ?, ?, NULL, ?, ?)", row)

    def keep(self, result: Any) -> None:
        """The handler has returned. If its lease ran out meanwhile and another delivery has the record, that one decides."""
        kept = _written(result)
        with _Step(self._path) as db:
            db.execute(
                "UPDATE idempotent SET state = 'done', until = ?, result = ? WHERE key = ? AND owner = ?",
                (time.time() + self._expires, kept, self._key, self._owner),
            )

    def forget(self) -> None:
        """The handler has failed."""
        with _Step(self._path) as db:
            db.execute("DELETE FROM idempotent WHERE key = ? AND owner = ? AND state = 'in progress'", (self._key, self._owner))


class _Step:
    """A connection for one transaction: handlers of many instances, threads and processes share the file."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> sqlite3.Connection:
        import sqlite3  # only where it is used: Python in the browser may lack it

        self._db = sqlite3.connect(self._path, timeout=10.0, isolation_level=None)
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute(_TABLE)
        except BaseException:
            self._db.close()
            raise
        return self._db

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self._db.execute("ROLLBACK" if kind is not None else "COMMIT")
        finally:
            self._db.close()


def _here() -> str:
    """This process, in words that no other one ever has: its id, when it began, and where ids are counted."""
    return f"{os.getpid()} {_began(os.getpid())[0]} {_where()}"


def _gone(owner: str) -> bool:
    """The process that had a record has certainly ended. One of another machine, or of before a restart, nobody can tell of."""
    _, _, place = owner.partition(" ")
    pid, _, rest = place.partition(" ")
    began, _, where = rest.partition(" ")
    if not pid.isdecimal() or where != _where():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    there, state = _began(int(pid))
    return state in ("Z", "X") or (began != there != "" != began)


def _began(pid: int) -> tuple[str, str]:
    """When a process began, in ticks since the machine did, and its state; empty where the system does not tell."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            fields = file.read().rpartition(")")[2].split()
        return fields[19], fields[0]
    except (OSError, IndexError):
        return "", ""


def _where() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:  # noqa: PTH123
            return f"{file.read().strip()} {os.readlink('/proc/self/ns/pid')}"  # noqa: PTH115
    except OSError:
        return os.uname().nodename


def _upgrade(db: sqlite3.Connection) -> None:
    """Bring a store of an earlier version up to date."""
    known = {row[1] for row in db.execute("PRAGMA table_info(idempotent)")}
    for column in _ADDED:
        if column.partition(" ")[0] not in known:
            db.execute(f"ALTER TABLE idempotent ADD COLUMN {column}")


def _written(result: Any) -> bytes:
    return b"b" + bytes(result) if isinstance(result, (bytes, bytearray, memoryview)) else b"j" + json.dumps(result).encode()


def _read(kept: bytes) -> Any:
    return kept[1:] if kept[:1] == b"b" else json.loads(kept[1:])
