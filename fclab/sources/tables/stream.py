"""The streams of all tables: what was changed, in order, for as long as a table keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fclab.sources.lines import Batch
from fclab.sources.tables.records import event, packed, unpacked

if TYPE_CHECKING:
    from fclab.sources.hub import Change
    from fclab.sources.store import Store

__all__ = ["BATCH_BYTES", "BATCH_RECORDS", "SCHEMA", "Stream"]

BATCH_RECORDS, BATCH_BYTES = 100, 4 << 20
"""What one call carries at most; a single record may be larger than the bytes. The product states neither."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS table_stream (
    number INTEGER PRIMARY KEY AUTOINCREMENT, tab INTEGER NOT NULL, at INTEGER NOT NULL, record BLOB NOT NULL,
    cause INTEGER NOT NULL, depth INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS table_stream_tab ON table_stream (tab, number);
"""


class Stream:
    """Records by number. Numbers rise over all tables and lives, so a checkpoint holds when a table is deleted and made again."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def append(self, tab: int, at: int, record: dict[str, Any], change: Change) -> None:
        """Add a record, inside a change. `at` in µs since 1970."""
        self.store.run(
            "INSERT INTO table_stream (tab, at, record, cause, depth) VALUES (?, ?, ?, ?, ?)",
            tab, at, packed(record), change.cause, change.depth,
        )  # fmt: skip

    def end(self, tab: int) -> int:
        """The number of a table's newest record, 0 if there is none."""
        (number,) = self.store.one("SELECT max(number) FROM table_stream WHERE tab = ?", tab) or (None,)
        return int(number or 0)

    def oldest(self, tab: int) -> int | None:
        """When a table's oldest record was made, in µs since 1970."""
        row = self.store.one("SELECT at FROM table_stream WHERE tab = ? ORDER BY number LIMIT 1", tab)
        return None if row is None else int(row[0])

    def next(self, tab: int, after: int, made_by: int | None = None) -> Batch | None:
        """The records that follow number `after`, as many as go into one call; only those made by `made_by`, if given."""
        rows = self.store.run(
            "SELECT number, at, record, cause, depth FROM table_stream WHERE tab = ? AND number > ? ORDER BY number LIMIT ?",
            tab, after, BATCH_RECORDS,
        )  # fmt: skip
        taken: list[tuple[Any, ...]] = []
        size = 0
        for row in rows:
            size += len(row[2])
            if (taken and size > BATCH_BYTES) or (made_by is not None and row[1] > made_by):
                break
            taken.append(row)
        rows.close()
        if not taken:
            return None
        number, _, _, cause, depth = taken[-1]
        return Batch(event([unpacked(row[2]) for row in taken]), str(number), taken[0][1], cause, depth)

    def trim(self, tab: int, made_by: int, number: int | None) -> None:
        """Forget a table's records made by `made_by`, but none after `number`, if given."""
        end = self.end(tab) if number is None else number
        self.store.run("DELETE FROM table_stream WHERE tab = ? AND number <= ? AND at <= ?", tab, end, made_by)

    def drop(self, tab: int) -> None:
        """Forget all of a table's records."""
        self.store.run("DELETE FROM table_stream WHERE tab = ?", tab)
