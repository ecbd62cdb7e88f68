"""Where the sources keep what they hold: one SQLite database, in the lab's home or in memory."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakSet

from fclab import forks
from fclab.errors import SourceError, UsageError
from fclab.queues.errors import HomeRefused

__all__ = ["Store"]

VERSION = 1
APPLICATION = 0x66636C73
"""The application id in the file's header: fcls."""


class Store:
    """One connection, used on the engine's thread only.

    1. What was committed survives any end of the process; with `full` a power cut too, otherwise that may cost the last changes, never
       the database.
    2. A failed transaction leaves nothing behind. A full or read-only disk is a `SourceError` ("InternalError") that says so;
       a value that no column holds, such as half of a surrogate pair or a list, is a `UsageError`.
    3. A file that is no such database, or of a newer version, is refused untouched (`HomeRefused`).
    """

    def __init__(self, folder: Path | None, full: bool = False) -> None:
        self.folder = folder
        """The home, or None where everything is in memory."""
        self.path = None if folder is None else folder / "sources.db"
        try:
            made = self.path is None or not self.path.exists() or self.path.stat().st_size == 0
            self.db = sqlite3.connect(self.path or ":memory:", isolation_level=None, check_same_thread=False, cached_statements=256)
            if not made:
                self._check()
            if self.path is not None:
                self.db.execute("PRAGMA journal_mode = WAL")
                self.db.execute(f"PRAGMA synchronous = {'FULL' if full else 'NORMAL'}")
            if made:
                self.db.executescript(f"PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION};")
        except (sqlite3.Error, OSError) as error:
            raise HomeRefused(f"{self.path} cannot be used: {error}.", hint="put it aside, or give another home") from error
        self._after: list[Callable[[], object]] = []
        _open.add(self)

    def _check(self) -> None:
        found = self.db.execute("PRAGMA application_id").fetchone()[0], self.db.execute("PRAGMA user_version").fetchone()[0]
        if found[0] != APPLICATION:
            raise HomeRefused(f"{self.path} is a database of another program.", hint="nothing was changed; give another home")
        if found[1] > VERSION:
            raise HomeRefused(f"{self.path} is of version {found[1]}, newer than this fclab reads.", hint="use the newer fclab")

    def schema(self, script: str) -> None:
        """Make tables that are not there yet."""
        try:
            self.db.executescript(script)
        except sqlite3.Error as error:
            raise self.explain(error) from error

    def one(self, sql: str, *values: object) -> tuple[Any, ...] | None:
        """The first row, or None."""
        row: tuple[Any, ...] | None = self.run(sql, *values).fetchone()
        return row

    def all(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """All rows."""
        return self.run(sql, *values).fetchall()

    def run(self, sql: str, *values: object) -> sqlite3.Cursor:
        """Execute one statement."""
        try:
            return self.db.execute(sql, values)
        except _REFUSED as error:
            raise self.explain(error) from error

    def many(self, sql: str, rows: Iterable[tuple[object, ...]]) -> None:
        """Execute one statement for each row."""
        try:
            self.db.executemany(sql, rows)
        except _REFUSED as error:
            raise self.explain(error) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing (clause 2). One inside another is part of the outer one."""
        if self.db.in_transaction:
            yield
            return
        self.run("BEGIN IMMEDIATE")
        try:
            yield
            self.run("COMMIT")
        except BaseException:
            self._after.clear()
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            raise
        after, self._after = self._after, []
        for fn in after:
            fn()

    def after(self, fn: Callable[[], object]) -> None:
        """Inside a transaction: call `fn` once all of it is committed, the outer one if there are two."""
        self._after.append(fn)

    def explain(self, error: Exception) -> UsageError:
        """What a failed statement means and what to do about it."""
        if not isinstance(error, sqlite3.Error) or "binding parameter" in str(error):
            return UsageError(f"That cannot be kept or looked for: {error}.", hint="give text, or a number of at most 64 bits")
        where = "the sources' store" if self.path is None else str(self.path)
        name = str(getattr(error, "sqlite_errorname", type(error).__name__))
        hints = {"SQLITE_FULL": "free some space and try again", "SQLITE_READONLY": "give the right to write there"}
        hint = next((text for code, text in hints.items() if name.startswith(code)), "look after the disk it is on")
        return SourceError("InternalError", f"{where} could not be changed: {error} ({name}).", hint=hint)

    def close(self) -> None:
        """Let go of it."""
        self.db.close()


_REFUSED = (sqlite3.Error, OverflowError, UnicodeEncodeError)

_open: WeakSet[Store] = WeakSet()


def _forked() -> None:
    for store in list(_open):
        forks.keep_for_ever(store.db)  # SQLite does not know of forks: closing it here would harm the parent's


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
