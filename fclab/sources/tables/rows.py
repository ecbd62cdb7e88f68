"""The rows of all tables, by encoded key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fclab.sources.tables import keys
from fclab.sources.tables.columns import Columns
from fclab.sources.tables.records import packed, unpacked
from fclab.sources.tables.refusals import LIMITS, refused

if TYPE_CHECKING:
    from fclab.sources.store import Store

__all__ = ["SCANS", "SCHEMA", "Rows", "Table", "row"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS tables (
    tab INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, key BLOB NOT NULL, expire INTEGER
);
CREATE TABLE IF NOT EXISTS table_rows (
    tab INTEGER NOT NULL, key BLOB NOT NULL, columns BLOB NOT NULL, PRIMARY KEY (tab, key)
) WITHOUT ROWID;
"""
"""expire: hours, NULL for a table without a stream."""

SCANS = {
    True: "SELECT key, columns FROM table_rows WHERE tab = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?",
    False: "SELECT key, columns FROM table_rows WHERE tab = ? AND key <= ? AND key > ? ORDER BY key DESC LIMIT ?",
}
"""By direction: forward or not."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it was created. expire: hours that its stream keeps a record, or None if it has none."""

    number: int
    name: str
    schema: keys.Schema
    expire: int | None

    def key(self, key: object) -> bytes:
        """A row's key, encoded."""
        return keys.encode(self.schema, key)


class Rows:
    """Tables and what they hold. Changes are made inside the caller's transaction."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._tables: dict[str, Table] = {}

    def find(self, name: str) -> Table | None:
        """A table by name, or None."""
        table = self._tables.get(name)
        if table is None:
            row = self.store.one("SELECT tab, name, key, expire FROM tables WHERE name = ?", name)
            if row is not None:
                table = self._tables[name] = Table(row[0], row[1], unpacked(row[2]), row[3])
        return table

    def all(self) -> list[Table]:
        """All tables, by name."""
        found = [self.find(name) for (name,) in self.store.all("SELECT name FROM tables ORDER BY name")]
        return [table for table in found if table is not None]

    def table(self, name: object) -> Table:
        """A table by name. Raises `SourceError`: OTSObjectNotExist."""
        table = self.find(name) if isinstance(name, str) else None
        if table is None:
            there = ", ".join(one.name for one in self.all()) or "none yet: create_table makes one"
            raise refused("OTSObjectNotExist", f"Requested table does not exist: {name!r}.", f"there is: {there}")
        return table

    def create(self, name: str, schema: keys.Schema, expire: int | None) -> None:
        """Make a table. Raises `SourceError`: OTSObjectAlreadyExist."""
        if self.find(name) is not None:
            raise refused("OTSObjectAlreadyExist", f"Requested table already exists: {name!r}.", "take another name, or delete_table first")
        self.store.run("INSERT INTO tables (name, key, expire) VALUES (?, ?, ?)", name, packed(schema), expire)

    def drop(self, table: Table) -> None:
        """Delete a table and its rows."""
        self._tables.pop(table.name, None)
        self.store.run("DELETE FROM table_rows WHERE tab = ?", table.number)
        self.store.run("DELETE FROM tables WHERE tab = ?", table.number)

    def read(self, table: Table, at: bytes) -> Columns | None:
        """A row's columns, or None if there is no such row."""
        found = self.store.one("SELECT columns FROM table_rows WHERE tab = ? AND key = ?", table.number, at)
        return None if found is None else unpacked(found[0])

    def write(self, table: Table, at: bytes, columns: Columns | None) -> None:
        """Write a row; None deletes it."""
        if columns is None:
            self.store.run("DELETE FROM table_rows WHERE tab = ? AND key = ?", table.number, at)
        else:
            self.store.run("INSERT OR REPLACE INTO table_rows (tab, key, columns) VALUES (?, ?, ?)", table.number, at, packed(columns))

    def scan(self, table: Table, first: bytes, last: bytes, forward: bool, limit: int, only: list[str] | None) -> dict[str, Any]:
        """Rows from `first` to before `last`: see `Tables.get_range`."""
        found = self.store.run(SCANS[forward], table.number, first, last, limit + 1)
        rows: list[dict[str, Any]] = []
        size, next_start = 0, None
        for at, columns in found:
            size += len(at) + len(columns)
            if len(rows) == limit or (rows and size > LIMITS["read"]):
                next_start = keys.decode(table.schema, at)
                break
            rows.append(row(table, at, unpacked(columns), only))
        found.close()
        return {"rows": rows, "next_start": next_start}


def row(table: Table, at: bytes, columns: Columns, only: list[str] | None) -> dict[str, Any]:
    """A row as verbs give it, with all columns or some."""
    kept = columns if only is None else {name: columns[name] for name in only if name in columns}
    return {"key": keys.decode(table.schema, at), "columns": kept}
