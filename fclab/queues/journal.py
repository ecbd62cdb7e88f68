"""Writes the steps of a queue into its database: at once, or from a thread that takes all that has gathered into one transaction."""

from __future__ import annotations

import os
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from fclab import forks
from fclab.errors import FclabError
from fclab.queues.base import Failed, Stored
from fclab.queues.errors import DuplicateTask, NotStored
from fclab.queues.schema import explain

__all__ = ["Journal", "Points", "Post", "Step", "ThreadedJournal"]

Points = Callable[[str], object]
Post = Callable[..., object]

PATIENCE = 1.0
"""Real seconds after which the thread tries steps again that could not be written."""


class Step:
    """One verb: statements that belong together, and whom to tell.

    label    what it is, for crash points
    synced   it must survive a power cut where the journal promises that; a lease need not: at worst a delivery is not counted
    failed   may be told that it was not stored; without, it has to be, sooner or later
    """

    __slots__ = ("failed", "label", "statements", "stored", "synced")

    def __init__(
        self, label: str, *statements: tuple[str, Sequence[Any]], stored: Stored | None = None, failed: Failed | None = None,
        synced: bool = True,
    ) -> None:  # fmt: skip
        self.label = label
        self.statements = statements
        self.stored = stored
        self.failed = failed
        self.synced = synced


class Journal:
    """Writes each step in a transaction of its own, before `add` returns.

    1. Steps reach the database in the order of `add`, each whole or not at all.
    2. A step without `failed` that cannot be written is owed: it is tried again before the next one, and no later one without
       `failed` overtakes it. One with `failed` is told, and forgotten.
    3. `stored` is called after the commit, never before.
    4. It is the process's that made it: `add` and `flush` raise `WrongThread` in a forked child.
    """

    def __init__(self, db: sqlite3.Connection, path: Path, full: bool, points: Points | None) -> None:
        self.trouble: NotStored | None = None
        self._db = db
        self._process = os.getpid()
        self._path = path
        self._full = self._syncing = full
        self._point = points
        self._owed: list[Step] = []
        self._calls: deque[Callable[[], object]] = deque()
        """To be made in this order, also if one of them raises, or takes a step of its own."""

    def add(self, step: Step) -> None:
        """Take a step in."""
        forks.check(self._process)
        self._calls.extend(self._write([step]))
        while self._calls:
            self._calls.popleft()()

    def flush(self) -> None:
        """Everything is written when this returns. Raises `NotStored` if something is owed still."""
        forks.check(self._process)
        if self._owed:
            self._calls.extend(self._write([]))
        while self._calls:
            self._calls.popleft()()
        self._complain()

    def close(self) -> None:
        """Write what is left and close the database. Raises `NotStored` if something could not be written."""
        try:
            self.flush()
        finally:
            self._db.close()

    def _complain(self) -> None:
        if self.trouble is not None and not self._owed:
            raise self.trouble
        if self.trouble is not None:
            raise NotStored(f"{self.trouble.what[:-1]}: {len(self._owed)} steps are not written.", hint=self.trouble.hint)

    def _write(self, steps: list[Step]) -> list[Callable[[], object]]:
        """Commit `steps` and what is owed; the calls to make."""
        todo = self._owed + steps
        try:
            self._transaction(todo)
        except Exception as error:
            return self._one_by_one(todo, error)
        self._owed = []
        self.trouble = None
        return [step.stored for step in todo if step.stored is not None]

    def _one_by_one(self, todo: list[Step], error: Exception) -> list[Callable[[], object]]:
        calls: list[Callable[[], object]] = []
        owed: list[Step] = []
        trouble: NotStored | None = None
        for step in todo:
            if step.failed is None and owed:
                owed.append(step)
                continue
            try:
                if len(todo) == 1:
                    raise error
                self._transaction([step])
            except Exception as reason:
                if step.failed is None:
                    trouble = explain(reason, self._path)
                    owed.append(step)
                else:
                    calls.append(partial(step.failed, self._refusal(reason)))
            else:
                if step.stored is not None:
                    calls.append(step.stored)
        self._owed, self.trouble = owed, trouble
        return calls

    def _refusal(self, error: Exception) -> FclabError:
        if not isinstance(error, sqlite3.IntegrityError):
            return explain(error, self._path)
        if "tasks.task_id" in str(error):
            return DuplicateTask("a task with this id is on record.", hint="choose another id")
        if "redriven.request" in str(error):
            return DuplicateTask("this dead letter was redriven already.", hint="redrive what became of it")
        return NotStored(f"the event contradicts what is stored: {error}.", hint="report this: request numbers must not repeat")

    def _transaction(self, steps: list[Step]) -> None:
        db, point = self._db, self._point
        if self._full and self._syncing != (synced := any(step.synced for step in steps)):
            db.execute("PRAGMA synchronous = FULL" if synced else "PRAGMA synchronous = NORMAL")
            self._syncing = synced
        if point is None and len(steps) == 1 and len(steps[0].statements) == 1:
            db.execute(*steps[0].statements[0])  # a transaction by itself
            return
        db.execute("BEGIN IMMEDIATE")
        try:
            if point is None:
                for step in steps:
                    for sql, values in step.statements:
                        db.execute(sql, values)
                db.execute("COMMIT")
                return
            for step in steps:
                point(f"before {step.label}")
                for sql, values in step.statements:
                    db.execute(sql, values)
                point(f"after {step.label}")
            point("before commit")
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        point("after commit")


class ThreadedJournal(Journal):
    """The same from a thread of its own (clauses 1 to 4): what gathers while one transaction is written makes up the next.

    5. `stored` and `failed` are handed to `post(fn)`, in order; the thread that uses the queue calls them.
    6. `add` never waits for the disk; `flush` and `close` do.
    7. Should the thread end before `close`, then `trouble` says so, `flush` and `close` raise it, and what is added from then on fails,
       or is owed.
    """

    def __init__(self, db: sqlite3.Connection, path: Path, full: bool, points: Points | None, post: Post) -> None:
        from threading import Condition, Thread  # Python in the browser has none

        super().__init__(db, path, full, points)
        self._post = post
        self._changed = Condition()
        self._waiting: list[Step] = []
        self._writing = False
        self._asked = False
        self._ending = self._dead = False
        self._thread = Thread(target=self._run, name="fclab-journal", daemon=True)
        self._thread.start()

    def add(self, step: Step) -> None:
        forks.check(self._process)
        with self._changed:
            if self._dead:
                self._leave([step])
                return
            self._waiting.append(step)
            if not self._writing:
                self._changed.notify_all()

    def flush(self) -> None:
        forks.check(self._process)
        with self._changed:
            self._asked = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not (self._waiting or self._writing or self._asked) or self._dead)
        self._complain()

    def close(self) -> None:
        try:
            self.flush()
        finally:
            with self._changed:
                self._ending = True
                self._changed.notify_all()
            self._thread.join()
            self._db.close()

    def _run(self) -> None:
        steps: list[Step] | None = []
        try:
            while (steps := self._gathered()) is not None:
                for call in self._write(steps) if steps or self._owed else ():
                    self._post(call)
                steps = []
        except BaseException as error:
            told = f"what writes to the home {self._path.parent} has ended: {type(error).__name__}: {error}."
            self.trouble = NotStored(told, hint="close the lab and open it again; report this")
        finally:
            with self._changed:
                self._dead = True
                self._leave([*(steps or ()), *self._waiting])
                self._waiting = []
                self._changed.notify_all()

    def _leave(self, steps: list[Step]) -> None:
        """Nobody is left to write these."""
        for step in steps:
            if step.failed is None:
                self._owed.append(step)
            else:
                self._post(partial(step.failed, self.trouble or NotStored("the home is closed.", hint="open it again")))

    def _gathered(self) -> list[Step] | None:
        """What there is to write next, as soon as there is something; None at the end."""
        with self._changed:
            self._writing = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._waiting or self._asked or self._ending, PATIENCE if self._owed else None)
            if self._ending:
                return None
            steps, self._waiting = self._waiting, []
            self._asked, self._writing = False, True
            return steps
