"""Metrics of a recording as series over lab time, brought up to date with what is new in it: what the lab's monitoring measures.

What counts (named after the product's metrics where it has one; its windows are (start, end], the lab's [start, end)):

1. invocations are requests that arrived, refused ones included. Function errors are counted an attempt: one whose handler failed, or whose
   instance could not initialize. What the platform broke, expired or stopped is none.
2. Refusals and the platform's failures count by status, for sync requests when they end, for async ones a delivery: 429 a throttle,
   another 4xx a client error, 5xx a server error.
3. A duration is an attempt's time in the handler, and belongs to its end. A latency is a sync request's, from arrival to answer.
4. Whatever counts for a function counts for the lab as a whole.
"""

from __future__ import annotations

import heapq
from array import array
from bisect import bisect_left
from dataclasses import dataclass, field

from fclab.observe import events as e
from fclab.observe.meters import BROKEN
from fclab.observe.recording import Recording
from fclab.observe.steps import AgeFunction, StepFunction
from fclab.units import SECOND, seconds

__all__ = ["METRICS", "Metric", "Series"]

_STATISTICS = {
    "count": ("sum",), "time": ("average", "maximum", "p99", "sum"), "gauge": ("maximum", "average"), "age": ("maximum", "average"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Metric:
    """Something that is measured. kind: count (events), time (of each event, in s), gauge (how many), age (of the oldest, in s).

    documented   the product's names: by statistic, of a function's metric and of the whole region's
    """

    name: str
    kind: str
    about: str
    documented: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def statistics(self) -> tuple[str, ...]:
        """What can be asked of a period; the first is what is meant when nothing is said."""
        return _STATISTICS[self.kind]


def _both(name: str, statistic: str = "sum") -> dict[str, tuple[str, ...]]:
    return {statistic: (f"Function{name}", f"Region{name}")}


METRICS = {
    one.name: one
    for one in (
        Metric("invocations", "count", "requests that arrived", _both("TotalInvocations")),
        Metric("function_errors", "count", "attempts whose handler or initializer failed", _both("FunctionErrors")),
        Metric("server_errors", "count", "requests or deliveries that the platform failed (5xx)", _both("ServerErrors")),
        Metric("client_errors", "count", "requests refused for what they were (4xx, but 429)", _both("ClientErrors")),
        Metric("throttles", "count", "requests or deliveries that found no instance (429)", _both("Throttles")),
        Metric("cold_starts", "count", "attempts that had to boot their instance"),
        Metric("enqueued", "count", "async events stored", {"sum": ("FunctionEnqueueCount",)}),
        Metric("dequeued", "count", "deliveries begun", {"sum": ("FunctionDequeueCount",)}),
        Metric("expired", "count", "async events given up for their age", {"sum": ("FunctionAsyncEventExpiredDropped",)}),
        Metric(
            "duration", "time", "time in the handler, an attempt",
            {"average": ("FunctionAvgDuration",), "maximum": ("FunctionMaxDuration",), "p99": ("FunctionP99Duration",)},
        ),
        Metric("latency", "time", "from arrival to answer, sync", {"average": ("FunctionLatencyAvg",)}),
        Metric("concurrency", "gauge", "handlers running", {"maximum": ("RegionConcurrentCount",)}),
        Metric("instances", "gauge", "instances, booting ones included"),
        Metric("reserved_instances", "gauge", "reserved ones of them", _both("ProvisionedCurrentInstance", "maximum")),
        Metric("queue_depth", "gauge", "async events stored and not out for delivery", {"maximum": ("FunctionAsyncMessagesBacklogV2",)}),
        Metric("queue_age", "age", "how long the oldest of them has been stored"),
    )
}  # fmt: skip
"""By name."""


class _Scope:
    """The series of one function, or of all."""

    def __init__(self) -> None:
        self.counts: dict[str, array[int]] = {name: array("q") for name, one in METRICS.items() if one.kind == "count"}
        self.times: dict[str, tuple[array[int], array[int]]] = {
            name: (array("q"), array("q")) for name, one in METRICS.items() if one.kind == "time"
        }
        self.steps: dict[str, StepFunction] = {name: StepFunction() for name, one in METRICS.items() if one.kind == "gauge"}
        self.steps["queue_age"] = AgeFunction()
        self.now = dict.fromkeys(self.steps, 0)
        self.present: dict[int, int] = {}
        """When each async request that has not ended was stored first."""
        self.stored: dict[int, int] = {}
        """The same of those that are not out for delivery."""
        self.ages: list[tuple[int, int]] = []

    def change(self, name: str, time: int, by: int) -> None:
        self.now[name] += by
        self.steps[name].set(time, self.now[name])

    def store(self, request: int, time: int) -> None:
        since = self.stored[request] = self.present.setdefault(request, time)
        heapq.heappush(self.ages, (since, request))
        self.queue(time)

    def leave(self, request: int, time: int, ended: bool = False) -> None:
        if ended:
            self.present.pop(request, None)
        if self.stored.pop(request, None) is not None:
            self.queue(time)

    def queue(self, time: int) -> None:
        self.steps["queue_depth"].set(time, len(self.stored))
        while self.ages and self.stored.get(self.ages[0][1]) != self.ages[0][0]:
            heapq.heappop(self.ages)
        self.steps["queue_age"].set(time, self.ages[0][0] if self.ages else -1)


class Series:
    """The metrics of a recording that grows.

    `catch_up` costs what is new; a question costs what lies in the period, and the logarithm of what there is.
    """

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.read = 0
        """Events looked at."""
        self.total = _Scope()
        self.functions: dict[str, _Scope] = {}
        self._open: dict[int, list[int]] = {}
        """Of requests that have not ended: time of arrival, 1 for sync, last attempt counted as a function error."""
        self._running: dict[tuple[int, int], int] = {}

    def value(self, metric: str, function: str | None, statistic: str, start: int, end: int) -> float | None:
        """A metric's statistic over [start, end) of lab time, µs, which is not empty; None where there is nothing to measure.

        function   by name, or None for all. Counts and gauges as such, times in seconds.
        """
        scope = self.total if function is None else self.functions.get(function) or _Scope()
        kind = METRICS[metric].kind
        if kind == "count":
            times = scope.counts[metric]
            return float(bisect_left(times, end) - bisect_left(times, start))
        if kind == "time":
            ends, all_values = scope.times[metric]
            values = all_values[bisect_left(ends, start) : bisect_left(ends, end)]
            return _statistic(values, statistic) if values else None
        steps = scope.steps[metric]
        return steps.peak(start, end) if statistic == "maximum" else steps.mean(seconds(start), seconds(end))

    def catch_up(self) -> None:
        """Take in what was recorded since."""
        recording, first = self.recording, self.read
        self.read = len(recording)
        for row in recording.rows(_TAKES, first):
            name = recording.functions[row[5]]
            scope = self.functions.get(name)
            if scope is None:
                scope = self.functions[name] = _Scope()
            for one in (scope, self.total):
                self._take(one, row, one is self.total)

    def _take(self, to: _Scope, row: tuple[int, int, int, int, int, int, int, int], last: bool) -> None:
        """Count one event for a scope; `last`: it is the second of the two."""
        time, kind, request, attempt, instance, _, a, b = row
        counts = to.counts
        if kind == _ACCEPTED:
            counts["invocations"].append(time)
            self._open[request] = [time, self.recording.texts[a] == "sync", 0]
        elif kind == _REJECTED:
            counts["invocations"].append(time)
            self._refused(to, time, a)
        elif kind == _ASSIGNED:
            if a:
                counts["cold_starts"].append(time)
        elif kind == _STARTED:
            self._running[request, attempt] = time
            to.change("concurrency", time, 1)
        elif kind == _ENDED:
            self._sample(to, "duration", time, self._running.get((request, attempt), time))
            to.change("concurrency", time, -1)
            if self.recording.texts[a] not in ("", BROKEN):
                self._failed(to, time, request, attempt, last)
            if last:
                self._running.pop((request, attempt), None)
        elif kind == _ENQUEUED:
            counts["enqueued"].append(time)
            to.store(request, time)
        elif kind == _DELIVERY:
            counts["dequeued"].append(time)
            to.leave(request, time)
        elif kind == _DELIVERY_FAILED:
            self._refused(to, time, a)
        elif kind == _RETRY:
            if self.recording.texts[b] == "function":
                self._failed(to, time, request, attempt, last)
            to.store(request, time)
        elif kind in (_SUCCEEDED, _FAILED):
            self._over(to, row, last)
        else:
            by = 1 if kind == _CREATED else -1
            to.change("instances", time, by)
            if self.recording.instances[instance].reserved:
                to.change("reserved_instances", time, by)

    def _over(self, to: _Scope, row: tuple[int, int, int, int, int, int, int, int], last: bool) -> None:
        time, kind, request, attempt, _, _, a, b = row
        to.leave(request, time, ended=True)
        arrived, sync, _ = self._open.get(request, (time, 0, 0))
        if sync:
            self._sample(to, "latency", time, arrived)
        if kind == _FAILED:
            why = self.recording.texts[b]
            if why == "EventExpired":
                to.counts["expired"].append(time)
            elif why != "TaskStopped" and a < 400:
                self._failed(to, time, request, attempt, last)
            elif sync:
                self._refused(to, time, a)
        if last:
            self._open.pop(request, None)

    def _failed(self, to: _Scope, time: int, request: int, attempt: int, last: bool) -> None:
        """A function error, once an attempt (clause 1)."""
        entry = self._open.get(request)
        if entry is not None and entry[2] == attempt:
            return
        to.counts["function_errors"].append(time)
        if entry is not None and last:
            entry[2] = attempt

    @staticmethod
    def _refused(to: _Scope, time: int, status: int) -> None:
        if status >= 400:
            to.counts["throttles" if status == 429 else "client_errors" if status < 500 else "server_errors"].append(time)

    @staticmethod
    def _sample(to: _Scope, name: str, time: int, since: int) -> None:
        ends, values = to.times[name]
        ends.append(time)
        values.append(time - since)


def _statistic(values: array[int], statistic: str) -> float:
    if statistic == "p99":
        return sorted(values)[-(-99 * len(values) // 100) - 1] / SECOND
    if statistic == "maximum":
        return max(values) / SECOND
    return sum(values) / SECOND / (len(values) if statistic == "average" else 1)


_ACCEPTED, _REJECTED, _ASSIGNED, _STARTED, _ENDED = (
    kind.KIND for kind in (e.RequestAccepted, e.RequestRejected, e.InstanceAssigned, e.ExecutionStarted, e.ExecutionEnded)
)
_ENQUEUED, _DELIVERY, _DELIVERY_FAILED, _RETRY = (
    kind.KIND for kind in (e.EventEnqueued, e.DeliveryStarted, e.DeliveryFailed, e.RetryScheduled)
)
_SUCCEEDED, _FAILED, _CREATED, _RECLAIMED, _DESTROYED = (
    kind.KIND for kind in (e.RequestSucceeded, e.RequestFailed, e.InstanceCreated, e.InstanceReclaimed, e.InstanceDestroyed)
)
_TAKES = (
    _ACCEPTED, _REJECTED, _ASSIGNED, _STARTED, _ENDED, _ENQUEUED, _DELIVERY, _DELIVERY_FAILED, _RETRY, _SUCCEEDED, _FAILED, _CREATED,
    _RECLAIMED, _DESTROYED,
)  # fmt: skip
