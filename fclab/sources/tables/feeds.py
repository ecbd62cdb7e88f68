"""From streams to triggers: a line for each trigger, and what happens to records that nobody took in time."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from fclab.sources.deliveries import backoff
from fclab.sources.lines import Batch, Line
from fclab.units import SECOND

if TYPE_CHECKING:
    from fclab.sources.base import Binding
    from fclab.sources.hub import Hub
    from fclab.sources.tables.rows import Rows, Table
    from fclab.sources.tables.stream import Stream

__all__ = ["Feeds"]

_RETRY = backoff(1, 60)
"""Without end: what ends it is that the records expire."""

_HOUR = 3600 * SECOND


class Feeds:
    """1. A trigger has one line, from when it is made until it is deleted. While it is disabled the line stands still.
    2. A record is expired when it is as old as its table keeps records. A line whose next records are expired loses exactly those: they
       are kept as undelivered, and the line goes on behind them. A call under way is waited for first.
    3. Expired records leave the disk at most 1/24 of the table's time later, unless a call under way carries them.
    """

    def __init__(self, hub: Hub, rows: Rows, stream: Stream) -> None:
        self.hub = hub
        self.rows = rows
        self.stream = stream
        self._lines: dict[int, Line] = {}
        self._ticking: set[int] = set()
        """Tables whose stream has a trimming to come."""

    def line(self, binding: Binding) -> Line:
        """A trigger's line; a new one begins at the present end of the stream."""
        line = self._lines.get(binding.number)
        if line is None:
            name = binding.trigger.watches
            table = self.rows.find(name)
            start = 0 if table is None else self.stream.end(table.number)
            line = self._lines[binding.number] = Line(self.hub, binding, name, partial(self._next, binding), _RETRY, str(start))
        return line

    def forget(self, binding: Binding) -> None:
        """A trigger is deleted."""
        self._lines.pop(binding.number, None)

    def arm(self, table: Table) -> None:
        """See to it that a table's stream is trimmed in time (clause 3)."""
        if table.expire is None or table.number in self._ticking:
            return
        oldest = self.stream.oldest(table.number)
        if oldest is not None:
            kept = table.expire * _HOUR
            self._ticking.add(table.number)
            self.hub.tick(max(oldest + kept, self.hub.unix() + kept // 24), self._trim, table)

    def _next(self, binding: Binding, after: str) -> Batch | None:
        table, line = self.rows.find(binding.trigger.watches), self.line(binding)
        if table is None:
            return None
        self._lose(table, line)
        return self.stream.next(table.number, int(line.checkpoint))

    def _lose(self, table: Table, line: Line) -> None:
        while lost := self.stream.next(table.number, int(line.checkpoint), made_by=self._horizon(table)):
            line.lose(lost.payload, lost.checkpoint, f"StreamExpired: not taken within {table.expire} h")

    def _horizon(self, table: Table) -> int:
        return self.hub.unix() - (table.expire or 0) * _HOUR

    def _trim(self, table: Table) -> None:
        self._ticking.discard(table.number)
        if self.rows.find(table.name) != table:
            return
        bindings = [one for one in self.hub.registry.all() if one.trigger.SOURCE == "tables" and one.trigger.watches == table.name]
        lines = [self.line(one) for one in bindings]
        for line in lines:
            if not line.busy:
                self._lose(table, line)
        self.stream.trim(table.number, self._horizon(table), min((int(line.checkpoint) for line in lines if line.busy), default=None))
        self.arm(table)
