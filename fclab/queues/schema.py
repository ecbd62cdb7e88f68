"""The database of a home: its tables, the checks before anything is written, and what a killed lab left behind."""

from __future__ import annotations

import os
import re
import sqlite3
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from fclab.queues.base import STOPPED
from fclab.queues.errors import HomeRefused, NotStored

__all__ = ["Kind", "connect", "explain", "open_database", "recover", "refused"]

Kind = Literal["virtual", "wall"]

APPLICATION = 0x66636C62
"""The application id in the file's header: fclb."""

VERSION = 1
"""The schema's. A newer one is refused, an older one would be brought up to date here."""

LOG_PAGES = 4000
"""Pages of 4 KiB that the log may hold before they are moved to the database, which takes syncs at every level."""

_SCHEMA = """
CREATE TABLE home (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE tasks (
    request INTEGER PRIMARY KEY, function TEXT NOT NULL, task_id TEXT NOT NULL, request_id TEXT NOT NULL, cause INTEGER NOT NULL,
    redrive_of INTEGER NOT NULL, enqueued INTEGER NOT NULL, changed INTEGER NOT NULL, started INTEGER, ended INTEGER, leased INTEGER,
    state TEXT NOT NULL, turn INTEGER NOT NULL, due INTEGER NOT NULL, delivery INTEGER NOT NULL, function_errors INTEGER NOT NULL,
    system_errors INTEGER NOT NULL, system_since INTEGER NOT NULL, executions INTEGER NOT NULL DEFAULT 0,
    status INTEGER NOT NULL DEFAULT 0, destination TEXT NOT NULL DEFAULT '', error_type TEXT NOT NULL DEFAULT '',
    error TEXT NOT NULL DEFAULT '', history TEXT NOT NULL, result BLOB, payload BLOB
);
CREATE INDEX tasks_open ON tasks (request) WHERE ended IS NULL;
CREATE UNIQUE INDEX tasks_id ON tasks (function, task_id) WHERE task_id <> '';
CREATE TABLE dead (request INTEGER PRIMARY KEY);
CREATE TABLE redriven (request INTEGER PRIMARY KEY, again INTEGER NOT NULL);
CREATE TABLE payloads (request INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE results (request INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE calls (
    number INTEGER PRIMARY KEY, request INTEGER NOT NULL, destination TEXT NOT NULL, due INTEGER NOT NULL, tries INTEGER NOT NULL,
    told INTEGER, error TEXT NOT NULL, body BLOB NOT NULL
);
CREATE INDEX calls_request ON calls (request);
"""
"""One row of `tasks` is a message and its record at once, so they cannot disagree. It waits or is leased while `ended` is NULL; then
`leased` says which. Times are µs, of the lab or since 1970 by the home's kind. Large payloads and results are in tables of their own,
because a row is written anew with each change. `history` holds a JSON array a line. `told` is set in
older homes alone, which kept here what queues had been told. `dead` has those given up, until they are in
`redriven`. Each further index would cost every event a tenth; what is asked once an opening, or stops early, has none."""

_NAMES = re.findall(r"^CREATE (?:TABLE|(?:UNIQUE )?INDEX) (\w+)", _SCHEMA, re.MULTILINE)

_RECOVERY = (
    "UPDATE tasks SET state = 'Stopped', ended = :now, changed = :now, leased = NULL, status = :status, error_type = :error_type, "
    "error = :error, result = :payload, history = history || '[' || :now || ',\"Stopped\",\"\"]' || char(10) "
    "WHERE ended IS NULL AND state = 'Stopping'",
    "UPDATE tasks SET state = 'Retrying', changed = :now, system_errors = system_errors + 1, "
    "system_since = iif(system_errors = 0, :now, system_since), history = history || '[' || leased || "
    "',\"Running\",\"\"]' || char(10) || '[' || :now || ',\"Retrying\",\"the lab ended\"]' || char(10), leased = NULL "
    "WHERE ended IS NULL AND leased IS NOT NULL",
)

_STOPPED = asdict(STOPPED)


def explain(error: sqlite3.Error, path: Path) -> NotStored:
    """What a failed step means and what to do about it."""
    code = str(getattr(error, "sqlite_errorname", ""))
    where = f"the home {path.parent}"
    if code.startswith("SQLITE_FULL"):
        return NotStored(f"there is no room left for {where}.", hint="free some space; what could not be written is tried again")
    if code.startswith("SQLITE_READONLY"):
        return NotStored(f"{where} cannot be written: it is read-only.", hint="give the right to write there")
    if code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return _damage(path, str(error))
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return NotStored(f"another program keeps {path} busy.", hint="close it; what could not be written is tried again")
    return NotStored(f"{where} cannot be used: {error} ({code or type(error).__name__}).", hint="look after the disk it is on")


def _damage(path: Path, said: str) -> NotStored:
    hint = f"put {path.name} aside and copy what is left of it with sqlite3's .recover"
    return NotStored(f"the home {path.parent} is damaged: {said}.", hint=hint)


def connect(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode, whose transactions are begun by hand. Any thread may use it, one at a time."""
    db = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False, cached_statements=64)
    db.execute("PRAGMA cache_size = -16384")
    return db


def _one(db: sqlite3.Connection, sql: str) -> object:
    row = db.execute(sql).fetchone()
    return row[0] if row else None


def open_database(path: Path, kind: Kind, full: bool, alone: bool) -> sqlite3.Connection:
    """The writing connection of a home, made or checked; `alone` if no other will be opened, which saves a third of the system calls.

    Raises `HomeRefused` before a byte of a file that is not ours, or is damaged, has changed: all of its pages are looked at, which
    takes half a second a GB.
    """
    try:
        made = not path.exists() or path.stat().st_size == 0 or _check(path, kind)
        db = connect(path)
    except sqlite3.Error as error:
        raise _refused(error, path) from error
    try:
        db.execute("PRAGMA secure_delete = OFF")
        if alone:
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
        db.execute(f"PRAGMA synchronous = {'FULL' if full else 'NORMAL'}")
        if full:
            db.execute("PRAGMA fullfsync = ON")  # where fsync alone does not reach the platter
            db.execute("PRAGMA checkpoint_fullfsync = ON")
        if made:
            db.executescript(
                f"BEGIN IMMEDIATE; {_SCHEMA} INSERT INTO home VALUES ('kind', '{kind}'), ('now', 0), ('last', 0), ('opened', 0);"
                f"PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}; COMMIT;"
            )
        db.execute("UPDATE home SET value = value + 1 WHERE name = 'opened'")
    except sqlite3.Error as error:
        db.close()
        raise _refused(error, path) from error
    return db


def _check(path: Path, kind: Kind) -> bool:
    """Refuse what is no home of this kind and version; whether the file is an empty one, whose maker was killed while making it."""
    with path.open("rb") as file:
        head = file.read(16)
    if head != b"SQLite format 3\0":
        raise HomeRefused(f"{path} is damaged, or no home of a lab.", hint="nothing was changed; put it aside, or give another folder")
    if not os.access(path, os.W_OK):
        raise HomeRefused(f"the home {path.parent} cannot be written.", hint="give another folder, or the right to write there")
    db = sqlite3.connect(f"{path.as_uri()}?mode=ro", timeout=5.0, uri=True)
    try:
        if _one(db, "SELECT count(*) FROM sqlite_master") == 0 == _one(db, "PRAGMA application_id"):
            return True
        if _one(db, "PRAGMA application_id") != APPLICATION:
            raise HomeRefused(f"{path} is a database of another program.", hint="nothing was changed; give another folder")
        version = _one(db, "PRAGMA user_version")
        if version != VERSION:
            raise HomeRefused(
                f"the home {path.parent} is of version {version}, and this fclab reads version {VERSION}.",
                hint="nothing was changed; use the newer fclab, or give another folder",
            )
        there = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
        missing = [name for name in _NAMES if name not in there]
        said = f"it has no {missing[0]}" if missing else str(_one(db, "PRAGMA quick_check(1)"))
        if said != "ok":
            raise refused(_damage(path, said.splitlines()[-1]))
        found = _one(db, "SELECT value FROM home WHERE name = 'kind'")
        if found != kind:
            raise HomeRefused(
                f"the home {path.parent} keeps {_TIMES.get(str(found), found)}, and this lab has {_TIMES[kind]}.",
                hint="give each kind of lab a home of its own",
            )
        return False
    finally:
        db.close()


_TIMES = {"virtual": "virtual time", "wall": "the time of day"}


def _refused(error: sqlite3.Error, path: Path) -> HomeRefused:
    return refused(explain(error, path))


def refused(told: NotStored) -> HomeRefused:
    """The same, of a home that is being opened."""
    return HomeRefused(told.what, hint=told.hint)


def recover(db: sqlite3.Connection, path: Path, now: int | None) -> tuple[int, int, int]:
    """Bring back what was leased when the last lab ended, as the next delivery; a task that was being stopped is stopped.

    The delivery that was under way counts as a system error, of the time of this opening.

    `now` is the stored time of this opening, None where the home knows it better. Returns that time, the number of the last
    request on record, and how often the home was opened before.
    """
    try:
        if now is None:
            latest = "SELECT max((SELECT value FROM home WHERE name = 'now'), (SELECT coalesce(max(changed), 0) FROM tasks))"
            now = int(str(_one(db, latest)))
        db.execute("BEGIN IMMEDIATE")
        for statement in _RECOVERY:
            db.execute(statement, {"now": now, **_STOPPED})
        db.execute("COMMIT")
        last = _one(db, "SELECT max((SELECT value FROM home WHERE name = 'last'), (SELECT coalesce(max(request), 0) FROM tasks))")
        life = _one(db, "SELECT value - 1 FROM home WHERE name = 'opened'")
        return now, int(str(last)), int(str(life))
    except sqlite3.Error as error:
        raise _refused(error, path) from error
