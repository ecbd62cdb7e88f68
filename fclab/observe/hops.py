"""Hops: who handed a request to whom, and when. One linear pass over a recording."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from itertools import chain
from math import inf

from fclab.observe.events import (
    BootFailed,
    DeliveryFailed,
    DeliveryStarted,
    DestinationCalled,
    EventEnqueued,
    ExecutionEnded,
    ExecutionStarted,
    FaultInjected,
    InstanceAssigned,
    RequestAccepted,
    RequestFailed,
    RequestRejected,
    RequestSucceeded,
    RetryScheduled,
    SourceChanged,
    TriggerFired,
)
from fclab.observe.recording import Recording
from fclab.observe.routes import BEYOND, COMPONENTS, HOP_OUTCOMES, LEASED, WAITING, Hops, Way

__all__ = ["COMPONENTS", "HOP_OUTCOMES", "Hops", "hops"]

_OK, _FAILED, _DROPPED = range(3)
_CALLER, _DOOR, _QUEUE, _DISPATCHER, _POOL = range(len(COMPONENTS))
_LAST_ATTEMPT = 0xFFFF
_Row = tuple[int, int, int, int, int, int, int, int]


class _Walk:
    """Follows a recording event by event and writes down the hops. One method for each kind of event that matters."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.nodes = list(COMPONENTS)
        self.numbers = {name: number for number, name in enumerate(self.nodes)}
        self.hops: list[tuple[int, int, int, int, int, int]] = []
        """source, target, depart, request, attempt, row."""
        self.arrive: list[int] = []
        self.outcome: list[int] = []
        self.ways: dict[int, Way] = {}
        self.caused: dict[int, int] = {}
        """Requests that a destination or a source made: by number, its node."""
        self.touched: tuple[int, int] = (-1, -1)
        """When, and which, a source was last changed from outside: the node. What it sets off began with the caller."""
        self.last: dict[int, int] = {}
        """By request: its last hop."""
        self.lost: set[int] = set()
        """Requests that a fault dropped before they reached the front door."""
        self.row = -1
        self.methods = {
            RequestAccepted.KIND: self.accepted,
            RequestRejected.KIND: self.rejected,
            EventEnqueued.KIND: self.enqueued,
            DeliveryStarted.KIND: self.leased,
            DeliveryFailed.KIND: self.delivery_failed,
            InstanceAssigned.KIND: self.assigned,
            ExecutionStarted.KIND: self.started,
            ExecutionEnded.KIND: self.ended,
            BootFailed.KIND: self.boot_failed,
            RetryScheduled.KIND: self.put_off,
            RequestSucceeded.KIND: self.done,
            RequestFailed.KIND: self.done,
            DestinationCalled.KIND: self.destination,
            FaultInjected.KIND: self.fault,
            SourceChanged.KIND: self.changed,
            TriggerFired.KIND: self.fired,
        }

    def node(self, name: str) -> int:
        """The number of a node, a new one if need be."""
        number = self.numbers.get(name)
        if number is None:
            number = self.numbers[name] = len(self.nodes)
            self.nodes.append(name)
        return number

    def hop(self, row: _Row, source: int, target: int, outcome: int = _OK, arrive: int = -1) -> int:
        """Write down a hop that departs with event `row` and takes no time, unless `arrive` says otherwise. Returns its number."""
        self.hops.append((source, target, row[0], row[2], row[3], self.row))
        self.arrive.append(row[0] if arrive < 0 else arrive)
        self.outcome.append(outcome)
        self.last[row[2]] = len(self.hops) - 1
        return len(self.hops) - 1

    def way(self, row: _Row) -> Way:
        """The way of the event's request; a recording that starts in the middle has callers we never saw."""
        way = self.ways.get(row[2])
        if way is None:
            way = self.ways[row[2]] = Way(_CALLER)
        return way

    def accepted(self, row: _Row) -> None:
        request, cause = row[2], row[7]
        sender = self.caused.pop(request, _CALLER)
        parent = self.ways.get(cause) if cause else None
        if sender == _CALLER and parent:
            sender = parent.instance or _DISPATCHER
        self.ways[request] = Way(sender)
        self.hop(row, sender, _DOOR)

    def rejected(self, row: _Row) -> None:
        sender = self.node(self.recording.instances[row[4]].label) if row[4] else self.caused.pop(row[2], _CALLER)
        self.hop(row, sender, _DOOR, _DROPPED if row[2] in self.lost else _OK)
        self.hop(row, _DOOR, sender, _FAILED)

    def enqueued(self, row: _Row) -> None:
        way = self.way(row)
        way.queued = True
        self.hop(row, _DOOR, _QUEUE)
        self.hop(row, _DOOR, way.sender)

    def leased(self, row: _Row) -> None:
        way = self.way(row)
        way.wait, way.stage = -1, LEASED
        self.hop(row, _QUEUE, _DISPATCHER)

    def assigned(self, row: _Row) -> None:
        way = self.way(row)
        way.stage = BEYOND
        self.hop(row, _DISPATCHER if way.queued else _DOOR, _POOL)
        way.instance = self.node(self.recording.instances[row[4]].label)
        way.under_way = self.hop(row, _POOL, way.instance)

    def started(self, row: _Row) -> None:
        way = self.way(row)
        if way.under_way >= 0:
            self.arrive[way.under_way] = row[0]
            way.under_way = -1

    def ended(self, row: _Row) -> None:
        self.returned(row, _FAILED if row[6] else _OK)

    def returned(self, row: _Row, outcome: int) -> None:
        """A result, or the news of a failure, leaves the instance; nothing happens if the request is on none."""
        way = self.way(row)
        if not way.instance:
            return
        if way.under_way >= 0:
            self.arrive[way.under_way] = row[0]
            self.outcome[way.under_way] = _FAILED
            way.under_way = -1
        self.hop(row, way.instance, _DISPATCHER if way.queued else _DOOR, outcome)
        way.instance, way.left = 0, way.instance

    def boot_failed(self, row: _Row) -> None:
        if row[2] in self.ways:
            self.returned(row, _FAILED)

    def delivery_failed(self, row: _Row) -> None:
        if self.way(row).stage == BEYOND:
            self.returned(row, _FAILED)
        else:  # refused before it had an instance
            self.hop(row, _DISPATCHER, _POOL, _FAILED)

    def put_off(self, row: _Row) -> None:
        way = self.way(row)
        self.returned(row, _FAILED)
        way.stage = WAITING
        way.wait = self.hop(row, _DISPATCHER, _QUEUE, arrive=row[6])

    def done(self, row: _Row) -> None:
        way = self.way(row)
        failed = row[1] == RequestFailed.KIND
        self.returned(row, _FAILED if failed else _OK)
        if not way.queued:
            self.hop(row, _DOOR, way.sender, _FAILED if failed else _OK)
        elif failed and way.stage == WAITING:  # expired or stopped while it waited
            if way.wait >= 0 and self.arrive[way.wait] > row[0]:
                self.arrive[way.wait] = row[0]
                self.outcome[way.wait] = _DROPPED
            else:
                self.hop(row, _QUEUE, _DISPATCHER, _DROPPED)

    def destination(self, row: _Row) -> None:
        target = self.node(f"destination {self.recording.texts[row[6]]}")
        self.hop(row, _DISPATCHER if self.way(row).queued else _DOOR, target)
        if row[7]:
            self.caused[row[7]] = target

    def changed(self, row: _Row) -> None:
        source = self.node(f"source {self.recording.texts[row[6]]}")
        if row[4]:
            self.hop(row, self.node(self.recording.instances[row[4]].label), source)
        elif not row[2]:
            self.touched = row[0], source

    def fired(self, row: _Row) -> None:
        self.caused[row[2]] = source = self.node(f"source {self.recording.texts[row[6]]}")
        if self.touched == (row[0], source) and row[3] == 1:
            self.hop(row, _CALLER, source)

    def fault(self, row: _Row) -> None:
        """A crossing that broke: the hop itself, if it is written down already, else one that does not arrive."""
        arrow, effect = self.recording.texts[row[6]], self.recording.texts[row[7]]
        source, _, target = arrow.partition("->")
        if effect == "delay" or not target:
            return
        if source == "caller":
            self.lost.add(row[2])
            return
        way = self.way(row)
        ends = self.end(way, source), self.end(way, target)
        last = self.last.get(row[2], -1)
        if last < 0 or self.hops[last][:2] != ends:
            self.hop(row, *ends, _DROPPED)
        else:
            self.outcome[last] = _DROPPED
        if way.under_way >= 0:
            self.arrive[way.under_way] = row[0]
            way.under_way = -1
        way.instance = 0
        way.stage = BEYOND

    def end(self, way: Way, name: str) -> int:
        """The node that one end of an arrow means for a request."""
        if name == "instance":
            return way.instance or way.left
        if name == "destination":
            return self.node("destination lost")
        if name == "dispatcher" and not way.queued:  # it was never stored: the front door tells the destination
            return _DOOR
        return way.sender if name == "caller" else self.numbers[name]

    def settle(self, rows: Iterator[tuple[int, _Row]]) -> None:
        """Follow only the requests that have a hop under way, until it has arrived: the hops written down so far are then complete."""
        pending = {request for request, way in self.ways.items() if way.under_way >= 0 or way.wait >= 0}
        for self.row, row in rows if pending else ():
            request = row[2]
            if request in pending and (method := self.methods.get(row[1])) is not None:
                method(row)
                way = self.ways[request]
                if way.under_way < 0 and way.wait < 0:
                    pending.discard(request)
                    if not pending:
                        break

    def finish(self, end: int) -> None:
        """The recording is over at `end`: what is on its way to an instance arrives there."""
        for way in self.ways.values():
            if way.under_way >= 0:
                self.arrive[way.under_way] = end


def hops(recording: Recording, most: int | None = None) -> Hops:
    """All hops of `recording`, or the first `most`.

    One still on its way to an instance arrives at `recording.end_us`; a back-off keeps its due time.
    """
    walk = _Walk(recording)
    methods = walk.methods
    limit = inf if most is None else most
    full = -1  # the instant at which there were enough; a fault of that instant may still strike one of them
    rows = enumerate(recording.rows())
    for number, row in rows:
        if len(walk.hops) >= limit and row[0] > full:
            if full >= 0:
                walk.settle(chain([(number, row)], rows))
                break
            full = row[0]
        method = methods.get(row[1])
        if method is not None:
            walk.row = number
            method(row)
    walk.finish(recording.end_us)
    kept = walk.hops[:most]
    return Hops(
        tuple(walk.nodes),
        array("I", [hop[0] for hop in kept]),
        array("I", [hop[1] for hop in kept]),
        array("q", [hop[2] for hop in kept]),
        array("q", walk.arrive[:most]),
        array("I", [hop[3] for hop in kept]),
        array("H", [min(hop[4], _LAST_ATTEMPT) for hop in kept]),
        array("B", walk.outcome[:most]),
        array("I", [hop[5] for hop in kept]),
    )
