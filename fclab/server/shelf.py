"""What clients said of functions and the lab itself does not keep: whole definitions, configurations, tags. It is in the lab's home."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fclab.controls.desks import hub_of

if TYPE_CHECKING:
    from fclab.controls.live import LiveDriver

__all__ = ["Shelf"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS served (function TEXT NOT NULL, kind TEXT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (function, kind));
"""


class Shelf:
    """Records by function and kind, JSON objects. Every change is stored, in one transaction, before the verb returns. All of a function's
    go with it, whoever deletes it.

    They are in the store of the event sources: one file of the home has a function's definition and its triggers.
    """

    def __init__(self, driver: LiveDriver) -> None:
        self._driver = driver
        self._hub = hub_of(driver)
        self._store = self._hub.store
        driver.ask(self._store.schema, _SCHEMA)
        self._hub.when_forgotten.append(self._forget)

    def now(self) -> int:
        """µs since 1970."""
        return self._driver.ask(self._hub.unix)

    def unix(self, us: int) -> int:
        """Lab time as µs since 1970."""
        return self._hub.unix(us)

    def get(self, function: str, kind: str) -> dict[str, Any] | None:
        """One record."""
        row = self._driver.ask(self._store.one, "SELECT record FROM served WHERE function = ? AND kind = ?", function, kind)
        return None if row is None else json.loads(row[0])

    def all(self, kind: str) -> dict[str, dict[str, Any]]:
        """The records of a kind, by function."""
        rows = self._driver.ask(self._store.all, "SELECT function, record FROM served WHERE kind = ? ORDER BY function", kind)
        return {function: json.loads(record) for function, record in rows}

    def put(self, function: str, kind: str, record: dict[str, Any]) -> None:
        """Keep a record, in place of the one that was there."""
        text = json.dumps(record, ensure_ascii=False)
        self._driver.ask(self._store.run, "INSERT OR REPLACE INTO served VALUES (?, ?, ?)", function, kind, text)

    def drop(self, function: str, kind: str) -> None:
        """Forget a record."""
        self._driver.ask(self._store.run, "DELETE FROM served WHERE function = ? AND kind = ?", function, kind)

    def close(self) -> None:
        """Look no more for functions that are deleted."""
        self._hub.when_forgotten.remove(self._forget)

    def _forget(self, function: str) -> None:
        self._store.run("DELETE FROM served WHERE function = ?", function)
