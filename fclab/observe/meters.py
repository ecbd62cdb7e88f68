"""Meter readings from a recording, in one pass: what each function used in each hour.

What counts (Function Compute's billing pages; where they are silent, the lab's choice is marked *):

1. An on-demand instance is busy from a request's entering the handler to its end; requests that overlap on one instance count once.
   Each busy stretch is rounded up to 1 ms.
2. The platform's part of a cold start is free. The initializer, also a failing one, and the hooks count as busy time, not as calls.
3. Every execution is a call, retries after function errors included. An execution that the platform broke costs nothing*: neither a
   call nor time.
4. A reserved instance counts from its creation to its end, rounded up to 10 s over its whole life*; one that never was ready does not*.
5. Time belongs to the hours it lies in, a call to the hour in which the handler was entered.
6. What still runs when the recording ends counts up to there.
"""

from __future__ import annotations

import json

from fclab.observe.events import (
    BootFailed,
    CodeDownloaded,
    CodeUnpacked,
    ExecutionEnded,
    ExecutionStarted,
    FunctionDeclared,
    HookFinished,
    InstanceCreated,
    InstanceDestroyed,
    InstanceInitialized,
    InstanceReady,
    InstanceReclaimed,
    InstanceScheduled,
    RuntimeForked,
    RuntimeStarted,
)
from fclab.observe.recording import Recording
from fclab.units import SECOND
from fclab.usage import HOUR, Meters, Usage

__all__ = ["BROKEN", "ON_DEMAND_STEP", "RESERVED_STEP", "merge", "meters"]

ON_DEMAND_STEP = SECOND // 1000
"""µs to which busy time is rounded up."""

RESERVED_STEP = 10 * SECOND
"""µs to which a reserved instance's life is rounded up."""

BROKEN = "InternalServerError"
"""The error kind of an execution that the platform broke."""

_REQUESTS, _ACTIVE, _RESERVED, _RESERVED_ACTIVE, _INITIALIZER, _HOOKS = range(6)

Hours = dict[int, list[int]]
Size = tuple[str, int, float, int]


def merge(stretches: list[tuple[int, int]], start: int, end: int) -> None:
    """Add [start, end] to disjoint ascending `stretches`, none of which ends after `end`; touching ones become one."""
    while stretches and stretches[-1][1] >= start:
        start = min(start, stretches.pop()[0])
    stretches.append((start, end))


def up(length: int, step: int) -> int:
    """`length` rounded up to a multiple of `step`."""
    return -(-length // step) * step


class _Instance:
    """What the pass knows of one instance. Times in µs."""

    __slots__ = ("began", "created", "gone", "hours", "open", "phase", "ready", "reserved", "stretches")

    def __init__(self, created: int, reserved: bool, hours: Hours) -> None:
        self.created = self.phase = created
        self.reserved = reserved
        self.hours = hours
        self.ready = self.gone = False
        self.open: dict[tuple[int, int], int] = {}
        """Start of each execution that is going on, by request and attempt."""
        self.stretches: list[tuple[int, int]] = []

    def spread(self, field: int, start: int, length: int) -> None:
        """Put [start, start + length) into the hours it lies in (clause 5)."""
        while length > 0:
            hour = start // HOUR
            part = min(length, (hour + 1) * HOUR - start)
            self.row(hour)[field] += part
            start += part
            length -= part

    def row(self, hour: int) -> list[int]:
        found = self.hours.get(hour)
        if found is None:
            found = self.hours[hour] = [0] * 6
        return found

    def busy(self, start: int, end: int, field: int | None = None) -> None:
        """A busy stretch, of which `field` may want a note."""
        length = up(end - start, ON_DEMAND_STEP)
        self.spread(_RESERVED_ACTIVE if self.reserved else _ACTIVE, start, length)
        if field is not None:
            self.spread(field, start, length)

    def ended(self, key: tuple[int, int], time: int, broken: bool) -> None:
        """An execution ended; with the last of them the busy stretches are known (clauses 1 and 3)."""
        start = self.open.pop(key, None)
        if start is None:
            return
        if not broken:
            self.row(start // HOUR)[_REQUESTS] += 1
            merge(self.stretches, start, time)
        if not self.open:
            for first, last in self.stretches:
                self.busy(first, last)
            self.stretches.clear()

    def held(self, end: int) -> None:
        """A reserved instance's life, from its creation to `end` (clause 4)."""
        if self.reserved and self.ready:
            self.spread(_RESERVED, self.created, up(end - self.created, RESERVED_STEP))


def meters(recording: Recording) -> Meters:
    """The readings of `recording` up to its end; time linear in its events."""
    sizes: dict[int, Size] = {}
    readings: dict[Size, Hours] = {}
    instances: dict[int, _Instance] = {}
    broken = {number for number, text in enumerate(recording.texts) if text == BROKEN}
    initialize = {number for number, text in enumerate(recording.texts) if text == "initialize"}
    created, ready, started, ended = InstanceCreated.KIND, InstanceReady.KIND, ExecutionStarted.KIND, ExecutionEnded.KIND
    platform_phases = {InstanceScheduled.KIND, CodeDownloaded.KIND, CodeUnpacked.KIND, RuntimeStarted.KIND, RuntimeForked.KIND}
    initialized, failed, hooked, declared = InstanceInitialized.KIND, BootFailed.KIND, HookFinished.KIND, FunctionDeclared.KIND
    gone = {InstanceReclaimed.KIND, InstanceDestroyed.KIND}
    for time, kind, request, attempt, number, function, a, b in recording.rows():
        if kind == declared:
            sizes[function] = _size(recording.functions[function], a, recording.texts[b])
            continue
        if kind == created:
            size = sizes.get(function) or _size(recording.functions[function], 512, "")
            instances[number] = _Instance(time, recording.instances[number].reserved, readings.setdefault(size, {}))
            continue
        one = instances.get(number)
        if one is None:
            continue
        if kind == started:
            one.open[request, attempt] = time
        elif kind == ended:
            one.ended((request, attempt), time, a in broken)
        elif kind in platform_phases:
            one.phase = time
        elif kind == initialized or (kind == failed and a in initialize):
            one.busy(one.phase, time, _INITIALIZER)
        elif kind == hooked:
            one.busy(b, time, _HOOKS)
        elif kind == ready:
            one.ready = True
        elif kind in gone:
            one.held(time)
            one.gone = True
        if one.gone and not one.open:
            del instances[number]
    end = recording.end_us
    for one in instances.values():
        for key in list(one.open):
            one.ended(key, end, False)
        if not one.gone:
            one.held(end)
    rows = [
        Usage(name, hour, memory_mb, vcpu, disk_mb, *values)
        for (name, memory_mb, vcpu, disk_mb), hours in readings.items()
        for hour, values in hours.items()
        if any(values)
    ]
    return Meters(tuple(sorted(rows, key=lambda row: (row.function, row.memory_mb, row.vcpu, row.hour))), end)


def _size(name: str, memory_mb: int, settings: str) -> Size:
    """A function's name and the size of its instances, from its declaration: half a vCPU a GB and 512 MB of disk unless it says so."""
    said = json.loads(settings) if settings else {}
    return (name, memory_mb, said.get("cpu", memory_mb / 2048), said.get("disk_mb", 512))
