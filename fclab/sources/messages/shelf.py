"""Where the messages of all queues lie: one row each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fclab.sources.store import Store

__all__ = ["SCHEMA", "Shelf"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS queues (
    name TEXT PRIMARY KEY, number INTEGER NOT NULL, delay INTEGER NOT NULL, visibility INTEGER NOT NULL, retention INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages (
    number INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, body BLOB NOT NULL, priority INTEGER NOT NULL, enqueued INTEGER NOT NULL,
    visible INTEGER NOT NULL, first INTEGER, received INTEGER NOT NULL DEFAULT 0, expires INTEGER, cause INTEGER NOT NULL,
    depth INTEGER NOT NULL, hidden INTEGER NOT NULL, holder INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS messages_visible ON messages (queue, priority, number) WHERE hidden = 0;
CREATE INDEX IF NOT EXISTS messages_hidden ON messages (queue, visible) WHERE hidden = 1;
CREATE INDEX IF NOT EXISTS messages_expire ON messages (queue, expires) WHERE expires IS NOT NULL;
CREATE TABLE IF NOT EXISTS told (request INTEGER PRIMARY KEY);
"""
"""Times in µs since 1970, spans in µs. `hidden` is 1 until somebody looks after `visible` has come, so that neither receiving nor
looking ever passes over messages that others have. `holder` is the trigger that has it, 0 for who called `receive`.
`told` has the requests whose outcome a destination has here."""

_COLUMNS = "number, queue, body, priority, enqueued, visible, first, received, cause, depth"


class Shelf:
    """The statements. Every method that changes something is called inside a transaction."""

    def __init__(self, store: Store, unix: Callable[[], int]) -> None:
        self.store = store
        self.unix = unix

    # ---- queues

    def names(self) -> list[str]:
        """In the order in which they were made."""
        return [name for (name,) in self.store.all("SELECT name FROM queues ORDER BY number")]

    def settings(self, queue: str) -> tuple[int, int, int | None] | None:
        """Delay, visibility and retention of a queue, None if there is none."""
        return self.store.one("SELECT delay, visibility, retention FROM queues WHERE name = ?", queue)

    def create(self, queue: str, delay: int, visibility: int, retention: int | None) -> tuple[int, int, int | None]:
        """Make a queue; its settings."""
        number = "(SELECT coalesce(max(number), 0) + 1 FROM queues)"
        self.store.run(f"INSERT INTO queues VALUES (?, {number}, ?, ?, ?)", queue, delay, visibility, retention)
        return delay, visibility, retention

    def change(self, queue: str, delay: int, visibility: int, retention: int | None) -> None:
        """Other settings."""
        sql = "UPDATE queues SET delay = ?, visibility = ?, retention = ? WHERE name = ?"
        self.store.run(sql, delay, visibility, retention, queue)

    def drop(self, queue: str) -> None:
        """A queue and its messages go."""
        self.store.run("DELETE FROM messages WHERE queue = ?", queue)
        self.store.run("DELETE FROM queues WHERE name = ?", queue)

    # ---- messages

    def add(self, queue: str, body: bytes, priority: int, delay: int, retention: int | None, cause: int, depth: int) -> int:
        """Store a message; its number."""
        now = self.unix()
        row = self.store.run(
            "INSERT INTO messages (queue, body, priority, enqueued, visible, expires, cause, depth, hidden) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            queue, body, priority, now, now + delay, None if retention is None else now + retention, cause, depth, delay > 0,
        )  # fmt: skip
        return row.lastrowid or 0

    def look(self, queue: str, count: int) -> list[tuple[Any, ...]]:
        """The first visible messages."""
        self._settle(queue)
        sql = f"SELECT {_COLUMNS} FROM messages WHERE queue = ? AND hidden = 0 ORDER BY priority, number LIMIT ?"
        return self.store.all(sql, queue, count)

    def take(self, queue: str, count: int, hidden: int, holder: int = 0) -> list[tuple[Any, ...]]:
        """The first visible messages, hidden from now on for a while; `holder` is the number of the trigger that has them then."""
        now, rows = self.unix(), self.look(queue, count)
        state = "hidden = 1, visible = ?, received = received + 1, first = coalesce(first, ?), holder = ?"
        sql = f"UPDATE messages SET {state} WHERE number = ?"
        self.store.many(sql, [(now + hidden, now, holder, row[0]) for row in rows])
        return [(*row[:5], now + hidden, now if row[6] is None else row[6], row[7] + 1, *row[8:]) for row in rows]

    def hide(self, number: int, hidden: int) -> tuple[int, int, int]:
        """Hide a message until another time; its priority, that time and how often it was received."""
        until = self.unix() + hidden
        row = self.store.one(
            "UPDATE messages SET hidden = 1, visible = ?, holder = 0 WHERE number = ? RETURNING priority, visible, received", until, number
        )
        return row or (0, until, 0)

    def holds(self, queue: str, number: int, until: int, received: int) -> bool:
        """A receipt is still good."""
        self._settle(queue)
        sql = "SELECT 1 FROM messages WHERE number = ? AND queue = ? AND hidden = 1 AND visible = ? AND received = ?"
        return self.store.one(sql, number, queue, until, received) is not None

    def delete(self, numbers: Iterable[int]) -> None:
        """They are dealt with."""
        self.store.many("DELETE FROM messages WHERE number = ?", [(number,) for number in numbers])

    def next(self, queue: str) -> int | None:
        """When (µs since 1970) a message is visible next, None if the queue has none but those that triggers have."""
        row = self.store.one("SELECT 1 FROM messages WHERE queue = ? AND hidden = 0 LIMIT 1", queue)
        if row is not None:
            return self.unix()
        (visible,) = self.store.one("SELECT min(visible) FROM messages WHERE queue = ? AND hidden = 1 AND holder = 0", queue) or (None,)
        return None if visible is None else int(visible)

    def bodies(self, queue: str) -> list[bytes]:
        """All bodies, oldest first."""
        sql = "SELECT body FROM messages WHERE queue = ? AND (expires IS NULL OR expires > ?) ORDER BY number"
        return [body for (body,) in self.store.all(sql, queue, self.unix())]

    def counts(self, queue: str) -> tuple[int, int, int]:
        """Messages that are visible, received, and delayed."""
        now = self.unix()
        active = "count(*) FILTER (WHERE hidden = 0 OR visible <= ?1)"
        inactive, delayed = (f"count(*) FILTER (WHERE hidden = 1 AND visible > ?1 AND received {which} 0)" for which in (">", "="))
        sql = f"SELECT {active}, {inactive}, {delayed} FROM messages WHERE queue = ?2 AND (expires IS NULL OR expires > ?1)"
        return self.store.one(sql, now, queue) or (0, 0, 0)

    def _settle(self, queue: str) -> None:
        now = self.unix()
        self.store.run("DELETE FROM messages WHERE queue = ? AND expires IS NOT NULL AND expires <= ?", queue, now)
        self.store.run("UPDATE messages SET hidden = 0, holder = 0 WHERE queue = ? AND hidden = 1 AND visible <= ?", queue, now)

    # ---- destinations

    def told(self, request: int) -> bool:
        """Note that the outcome of a request is here; whether it was noted already. In memory nothing comes twice."""
        if self.store.folder is None:
            return False
        return self.store.run("INSERT OR IGNORE INTO told VALUES (?)", request).rowcount == 0

    def forget_calls(self, pending: set[int]) -> None:
        """Requests whose destination will not be told again need no note."""
        gone = [(request,) for (request,) in self.store.all("SELECT request FROM told") if request not in pending]
        with self.store.transaction():
            self.store.many("DELETE FROM told WHERE request = ?", gone)
