"""Stream records and the event that carries them: the document "Sync-v1", as CBOR (the product's page on Tablestore triggers)."""

from __future__ import annotations

from typing import Any

from cbor2 import dumps, loads

from fclab.sources.tables.columns import Columns
from fclab.sources.tables.keys import Value

__all__ = ["event", "packed", "record", "unpacked"]


def record(kind: str, at: int, key: dict[str, Value], put: Columns, deleted: list[str]) -> dict[str, Any]:
    """What happened to one row: `kind` is PutRow, UpdateRow or DeleteRow, `at` in µs since 1970.

    The columns that were written come first, then those deleted, each with the time in ms. A table keeps one version of a column, so a
    deletion is always DeleteAllVersions; its Value is None. A counter appears as the value that it has now.
    """
    now = at // 1000
    return {
        "Type": kind,
        "Info": {"Timestamp": at},
        "PrimaryKey": [{"ColumnName": name, "Value": value} for name, value in key.items()],
        "Columns": [
            *({"Type": "Put", "ColumnName": name, "Value": value, "Timestamp": now} for name, value in put.items()),
            *({"Type": "DeleteAllVersions", "ColumnName": name, "Value": None, "Timestamp": now} for name in deleted),
        ],
    }


def event(records: list[dict[str, Any]]) -> bytes:
    """The event of a call: its records in the order in which they happened."""
    return dumps({"Version": "Sync-v1", "Records": records})


def packed(value: dict[str, Any]) -> bytes:
    """A record, or a row's columns, for the store."""
    return dumps(value)


def unpacked(data: bytes) -> dict[str, Any]:
    """What was packed."""
    value: dict[str, Any] = loads(data)
    return value
