"""The table store."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fclab.errors import UsageError
from fclab.sources.base import Binding, Source, verb
from fclab.sources.lines import Line
from fclab.sources.tables import columns as cells
from fclab.sources.tables import keys
from fclab.sources.tables.feeds import Feeds
from fclab.sources.tables.records import record
from fclab.sources.tables.refusals import LIMITS, invalid, refused
from fclab.sources.tables.rows import SCHEMA as ROWS_SCHEMA
from fclab.sources.tables.rows import Rows, Table, row
from fclab.sources.tables.stream import SCHEMA as STREAM_SCHEMA
from fclab.sources.tables.stream import Stream
from fclab.sources.tables.trigger import INSTANCE, TablestoreTrigger

if TYPE_CHECKING:
    from fclab.sources.hub import Hub

__all__ = ["Tables"]

class Tables(Source):
    """Tables with a typed primary key and free columns, one version of each; the product's wide-column model.

    1. Every change of a row appends one record to the stream of its table, in the same transaction. What changes nothing (deleting a row
       or columns of a row that is not there) appends none.
    2. Records are forgotten after the table's `expire` hours. A trigger that did not get them by then keeps them as undelivered.
    3. A key is a mapping of all key columns to int, str or bytes, as the table's INTEGER, STRING or BINARY. Other columns are bool, int
       (64 bits), float, str or bytes, and may differ from row to row.

    The event bus learns nothing of tables: the product has no such event source.
    """

    NAME = "tables"
    TITLE = "table store"
    SCHEMA = ROWS_SCHEMA + STREAM_SCHEMA
    TRIGGERS = (TablestoreTrigger,)

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub)
        self.rows = Rows(self.store)
        self.stream = Stream(self.store)
        self.feeds = Feeds(hub, self.rows, self.stream)

    # ---- triggers

    def bind(self, binding: Binding) -> None:
        """Refuses, when the trigger is made, another instance than the lab's, a table that is not there, and one without a stream."""
        trigger = binding.trigger
        assert isinstance(trigger, TablestoreTrigger)
        if not Line.begun(self.hub, binding, trigger.table):
            if trigger.instance != INSTANCE:
                raise refused("OTSAuthFailed", f"The instance does not exist: {trigger.instance!r}.", f"the lab has one, {INSTANCE!r}")
            if self.rows.table(trigger.table).expire is None:
                raise invalid(f"Table {trigger.table!r} has no stream.", "delete it and create it with stream=True")
        self.feeds.line(binding)

    def unbind(self, binding: Binding) -> None:
        """Its line stays, and stands still, while the trigger is disabled: a call under way ends in its own time."""
        if not self.hub.exists(binding):
            self.feeds.forget(binding)

    def woken(self, binding: Binding) -> None:
        self.feeds.line(binding).wake()

    def reopened(self) -> None:
        for table in self.rows.all():
            self.feeds.arm(table)
        for binding in self.hub.registry.of(self.NAME):
            self.feeds.line(binding).wake()

    # ---- tables

    @verb
    def create_table(self, name: str, key: dict[str, str], stream: bool = True, expire: int = 24) -> None:
        """Make a table: `create_table("orders", {"user": "INTEGER", "order": "STRING"})`.

        key      1 to 4 columns, in the order by which rows are sorted; types INTEGER, STRING and BINARY
        stream   keep a stream of changes, which triggers need; expire: hours that it keeps a record, 1 to 168. Both stay as they are.
        Raises `SourceError`: OTSObjectAlreadyExist, OTSParameterInvalid.
        """
        if not isinstance(name, str) or not cells.NAME.fullmatch(name):
            raise invalid(f"Invalid table name: {name!r}.", "letters, digits and _, not beginning with a digit, at most 255")
        if not isinstance(key, Mapping) or not 1 <= len(key) <= 4:
            raise invalid("The number of primary key columns must be in range: [1, 4].", 'such as key={"id": "INTEGER"}')
        columns = cells.names({}, key)
        if wrong := [column for column in columns if key[column] not in list(keys.TYPES)]:
            raise invalid(f"{key[wrong[0]]!r} is an invalid type for the primary key.", f"one of {', '.join(keys.TYPES)}")
        if not isinstance(stream, bool):
            raise invalid(f"stream is True or False, not {stream!r}.", "True, if a trigger is to watch the table")
        if isinstance(expire, bool) or not isinstance(expire, int) or not 1 <= expire <= 168:
            raise invalid(f"A stream keeps its records for 1 to 168 hours, not {expire!r}.", "expire=24 is a day")
        with self.hub.change() as change:
            self.rows.create(name, dict(key), expire if stream else None)
            change.happened(self.label(name), "CreateTable")

    @verb
    def delete_table(self, name: str) -> None:
        """Delete a table with its rows and its stream, also what triggers have not taken of it. Its triggers stay, and see a new one of
        that name. Raises `SourceError`: OTSObjectNotExist.
        """
        table = self.rows.table(name)
        with self.hub.change() as change:
            self.rows.drop(table)
            self.stream.drop(table.number)
            change.happened(self.label(name), "DeleteTable")

    @verb
    def tables(self) -> list[str]:
        """The tables' names, sorted."""
        return [table.name for table in self.rows.all()]

    @verb
    def describe_table(self, name: str) -> dict[str, Any]:
        """{"name", "key": {column: type}, "stream": bool, "expire": hours or None}. Raises `SourceError`: OTSObjectNotExist."""
        table = self.rows.table(name)
        return {"name": table.name, "key": dict(table.schema), "stream": table.expire is not None, "expire": table.expire}

    # ---- rows

    @verb
    def put_row(self, table: str, key: dict[str, Any], columns: dict[str, Any] | None = None, *, condition: str = "IGNORE",
                when: dict[str, Any] | None = None) -> None:  # fmt: skip
        """Write a whole row; one that is there is replaced: `put_row("orders", {"user": 7, "order": "b-1"}, {"total": 12.5})`.

        condition   what the row must be before: IGNORE, EXPECT_EXIST, EXPECT_NOT_EXIST
        when        what a column must be before: {"column": "state", "comparator": "EQUAL", "value": "new", "pass_if_missing": False}
        Raises `SourceError`: OTSObjectNotExist, OTSConditionCheckFail, OTSInvalidPK, OTSParameterInvalid.
        """
        of = self.rows.table(table)
        at, columns = of.key(key), cells.checked(of.schema, columns, "PutRow")
        cells.expect(condition, when, self.rows.read(of, at))
        self._write(of, "PutRow", at, columns, columns, [])

    @verb
    def update_row(self, table: str, key: dict[str, Any], put: dict[str, Any] | None = None, delete: list[str] | None = None,
                   increment: dict[str, int] | None = None, *, condition: str = "IGNORE",
                   when: dict[str, Any] | None = None) -> dict[str, int]:  # fmt: skip
        """Change columns of a row, and make the row if there is none: `update_row("orders", key, {"paid": True}, delete=["note"])`.

        put         columns to write; delete: names of columns to delete
        increment   integers to add to integer columns, which begin at 0; what they are afterwards is returned
        condition, when   as in `put_row`. Raises what that raises; OTSParameterInvalid also for a counter that is no 64-bit integer.
        A row whose last column is deleted stays. Deleting columns of a row that is not there changes nothing.
        """
        of = self.rows.table(table)
        at = of.key(key)
        old = self.rows.read(of, at)
        new, written, gone, counters = cells.updated(of.schema, old or {}, put, delete, increment)
        cells.expect(condition, when, old)
        if old is not None or written:
            self._write(of, "UpdateRow", at, new, written, gone)
        return {name: int(new[name]) for name in counters}

    @verb
    def delete_row(self, table: str, key: dict[str, Any], *, condition: str = "IGNORE", when: dict[str, Any] | None = None) -> None:
        """Delete a row, if it is there. condition, when: as in `put_row`, with its errors."""
        of = self.rows.table(table)
        at = of.key(key)
        old = self.rows.read(of, at)
        cells.expect(condition, when, old)
        if old is not None:
            self._write(of, "DeleteRow", at, None, {}, [])

    @verb
    def get_row(self, table: str, key: dict[str, Any], columns: list[str] | None = None) -> dict[str, Any] | None:
        """{"key": {...}, "columns": {...}}, or None if there is no such row. columns: only these, where the row has them.

        Raises `SourceError`: OTSObjectNotExist, OTSInvalidPK, OTSParameterInvalid.
        """
        of = self.rows.table(table)
        at = of.key(key)
        only = None if columns is None else cells.names(of.schema, columns)
        found = self.rows.read(of, at)
        return None if found is None else row(of, at, found, only)

    @verb
    def get_range(self, table: str, start: dict[str, Any] | None = None, end: dict[str, Any] | None = None, *, direction: str = "FORWARD",
                  limit: int | None = None, columns: list[str] | None = None) -> dict[str, Any]:  # fmt: skip
        """Rows in the key's order: {"rows": [{"key", "columns"}, ...], "next_start": key or None}.

        start, end   the first key, inclusive, and the last, exclusive: all key columns, each a value, -math.inf (before all values) or
                     math.inf (after all). Left out: the table's ends. All of user 7: start={"user": 7, "order": -math.inf},
                     end={"user": 7, "order": math.inf}
        direction    FORWARD, or BACKWARD from a greater start down to a lesser end
        limit        rows at most, from 1; a read also ends at 5000 rows or 4 MB. `next_start` is where the next goes on, None at the end.
        Raises `SourceError`: OTSObjectNotExist, OTSInvalidPK, OTSParameterInvalid.
        """
        of = self.rows.table(table)
        if direction not in ("FORWARD", "BACKWARD"):
            raise invalid(f"{direction!r} is no direction.", "FORWARD or BACKWARD")
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
            raise invalid(f"The limit must be greater than 0: {limit!r}.", "leave it out to read as much as one read gives")
        forward = direction == "FORWARD"
        first = _bound(of, start, not forward)
        last = _bound(of, end, forward)
        if first >= last if forward else first <= last:
            raise invalid(f"Begin key must {'less' if forward else 'more'} than end key in {direction}.", "exchange start and end")
        only = None if columns is None else cells.names(of.schema, columns)
        return self.rows.scan(of, first, last, forward, min(limit or LIMITS["read rows"], LIMITS["read rows"]), only)

    @verb
    def batch_write(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Write up to 200 rows, each by itself: what fails does not hold up the others.

        rows   {"type": "PUT", "table", "key", ...} with the other arguments of `put_row`; "UPDATE" with those of `update_row`, "DELETE" of
               `delete_row`
        Returns a list in the same order: {"ok": True}, or {"ok": False, "code": ..., "message": ...} with the code that the single verb
        raises. Raises `SourceError`: OTSParameterInvalid for no rows, too many, or what describes none; then nothing is written.
        """
        if not isinstance(rows, list | tuple) or not rows:
            raise invalid("No row is specified in BatchWriteRow.", 'such as [{"type": "PUT", "table": "orders", "key": {"id": 1}}]')
        if len(rows) > LIMITS["batch"]:
            raise invalid(f"Rows count exceeds the upper limit: {LIMITS['batch']}.", "write them in several batches")
        for one in rows:
            _check_batch_row(one)
        return [self._write_one(one) for one in rows]

    def _write_one(self, row: Mapping[str, Any]) -> dict[str, Any]:
        try:
            getattr(self, _BATCH[row["type"]][0])(**{name: value for name, value in row.items() if name != "type"})
        except UsageError as error:
            return {"ok": False, "code": getattr(error, "code", "OTSParameterInvalid"), "message": error.what}
        return {"ok": True}

    def _write(self, table: Table, kind: str, at: bytes, new: cells.Columns | None, put: cells.Columns, gone: list[str]) -> None:
        key = keys.decode(table.schema, at)
        with self.hub.change() as change:
            self.rows.write(table, at, new)
            change.happened(self.label(table.name), f"{kind} {' '.join(f'{name}={value!r}' for name, value in key.items())}")
            if table.expire is None:
                return
            now = self.hub.unix()
            self.stream.append(table.number, now, record(kind, now, key, put, gone), change)
            for binding in self.hub.registry.of(self.NAME):
                if binding.trigger.watches == table.name:
                    change.then(self.feeds.line(binding).wake)
        self.feeds.arm(table)


_BATCH = {
    "PUT": ("put_row", {"columns", "condition", "when"}),
    "UPDATE": ("update_row", {"put", "delete", "increment", "condition", "when"}),
    "DELETE": ("delete_row", {"condition", "when"}),
}


def _check_batch_row(row: object) -> None:
    if not isinstance(row, Mapping) or not {"type", "table", "key"} <= set(row):
        raise invalid(f"{row!r} is no row of a batch.", "it has a type, a table and a key")
    if row["type"] not in list(_BATCH):
        raise invalid(f"The modify type is invalid: {row['type']!r}.", f"one of {', '.join(_BATCH)}")
    verb_name, options = _BATCH[row["type"]]
    if wrong := [name for name in row if name not in {"type", "table", "key", *options}]:
        raise invalid(f"{verb_name} has no {wrong[0]!r}.", f"it has: {', '.join(sorted(options))}")


def _bound(table: Table, key: dict[str, Any] | None, high: bool) -> bytes:
    return keys.encode(table.schema, dict.fromkeys(table.schema, math.inf if high else -math.inf) if key is None else key, bound=True)
