"""How a run went, in figures: latencies, cold starts, outcomes, and what was going on at each moment."""

from __future__ import annotations

import heapq
from array import array
from dataclasses import dataclass

from fclab.errors import UsageError
from fclab.grid import html_grid, text_grid
from fclab.observe.events import (
    DeliveryStarted,
    EventEnqueued,
    ExecutionEnded,
    ExecutionStarted,
    InstanceAssigned,
    InstanceCreated,
    InstanceDestroyed,
    InstanceReclaimed,
    RequestAccepted,
    RequestFailed,
    RequestRejected,
    RequestSucceeded,
    RetryScheduled,
)
from fclab.observe.latency import Latency
from fclab.observe.recording import Recording
from fclab.observe.steps import AgeFunction, StepFunction

__all__ = ["OUTCOMES", "FunctionMetrics", "Latency", "Metrics", "metrics"]

OUTCOMES = ("succeeded", "function error", "platform error", "expired", "stopped", "throttled", "refused", "unfinished")
"""How a request can end: the last three are no instance free (429), refused at the door, and not ended when the recording does."""

_FAILED = ("function error", "platform error", "expired", "stopped")


@dataclass(frozen=True, slots=True, repr=False)
class FunctionMetrics:
    """The figures of one function, or of all ("all").

    requests      all that arrived, refused ones included
    outcomes      count of each of `OUTCOMES`
    executions    attempts that were given an instance, and `cold` of them one that had to boot first
    latency       sync requests: from arrival to the answer, whatever it was
    completion    async requests: from arrival to the final outcome
    """

    function: str
    requests: int
    outcomes: dict[str, int]
    executions: int
    cold: int
    latency: Latency
    completion: Latency

    @property
    def cold_share(self) -> float | None:
        """cold / executions, 0 to 1; None without executions."""
        return self.cold / self.executions if self.executions else None

    def __repr__(self) -> str:
        shown = self.latency if len(self.latency) or not len(self.completion) else self.completion
        p50, _, p99, _ = shown.texts()
        return f"FunctionMetrics({self.function}, {self.requests} requests, {self.cold} cold, p50 {p50} s, p99 {p99} s)"


@dataclass(frozen=True, slots=True, repr=False)
class Metrics:
    """The figures of a run.

    functions    by name, sorted; total: all of them together
    running      handlers running at each moment; instances: those there are, booting ones included
    waiting      requests accepted that neither run nor have ended
    queue_depth  async events stored and not out for delivery; queue_age: how long the oldest of them has been stored
    """

    functions: tuple[FunctionMetrics, ...]
    total: FunctionMetrics
    running: StepFunction
    instances: StepFunction
    waiting: StepFunction
    queue_depth: StepFunction
    queue_age: AgeFunction

    @property
    def requests(self) -> int:
        """All that arrived."""
        return self.total.requests

    @property
    def outcomes(self) -> dict[str, int]:
        """Count of each of `OUTCOMES`."""
        return self.total.outcomes

    @property
    def cold(self) -> int:
        """Executions that waited for a boot."""
        return self.total.cold

    @property
    def cold_share(self) -> float | None:
        """Their share, 0 to 1; None without executions."""
        return self.total.cold_share

    @property
    def latency(self) -> Latency:
        """Of sync requests."""
        return self.total.latency

    @property
    def completion(self) -> Latency:
        """Of async requests."""
        return self.total.completion

    def __getitem__(self, function: str) -> FunctionMetrics:
        for one in self.functions:
            if one.function == function:
                return one
        names = ", ".join(one.function for one in self.functions) or "none"
        raise UsageError(f"No request named a function {function!r}.", hint=f"functions that were called: {names}")

    def table(self) -> str:
        """One line a function, then what was going on, as plain text."""
        series = [(name, f"{one.mean():.4g}", f"{one.maximum:g}") for name, one in self._series()]
        return text_grid(*self._cells()) + "\n\n" + text_grid(("over time", "mean", "max"), series)

    def _series(self) -> list[tuple[str, StepFunction]]:
        found = [("running", self.running), ("instances", self.instances), ("waiting", self.waiting)]
        return [*found, ("queue depth", self.queue_depth), ("queue age s", self.queue_age)] if len(self.queue_depth) else found

    def _cells(self) -> tuple[list[str], list[list[str]]]:
        modes = [name for name in ("latency", "completion") if len(getattr(self.total, name))]
        header = ["function", "requests", "succeeded", "failed", "refused", "unfinished", "cold"]
        header += [f"{'' if name == 'latency' else 'completed '}{what} s" for name in modes for what in ("p50", "p90", "p99", "max")]
        lines = []
        for one in (*self.functions, *([self.total] if len(self.functions) != 1 else [])):
            counts = one.outcomes
            failed, refused = sum(counts[name] for name in _FAILED), counts["throttled"] + counts["refused"]
            cells = [one.requests, counts["succeeded"], failed, refused, counts["unfinished"], one.cold]
            lines.append([one.function, *map(str, cells), *(text for name in modes for text in getattr(one, name).texts())])
        return header, lines

    def __repr__(self) -> str:
        return repr(self.total).replace("FunctionMetrics(all, ", "Metrics(")

    def __str__(self) -> str:
        return self.table()

    def _repr_html_(self) -> str:
        return html_grid(repr(self), *self._cells())


class _Tally:
    """One function's figures while they are being counted."""

    __slots__ = ("cold", "executions", "outcomes", "times")

    def __init__(self) -> None:
        self.outcomes = dict.fromkeys(OUTCOMES, 0)
        self.executions = self.cold = 0
        self.times = {"sync": array("q"), "async": array("q")}

    def finished(self, name: str) -> FunctionMetrics:
        times = self.times
        return FunctionMetrics(
            name, sum(self.outcomes.values()), self.outcomes, self.executions, self.cold, Latency(times["sync"]), Latency(times["async"])
        )

    def add(self, other: _Tally) -> None:
        self.outcomes = {name: count + other.outcomes[name] for name, count in self.outcomes.items()}
        self.executions += other.executions
        self.cold += other.cold
        for mode, times in self.times.items():
            times.extend(other.times[mode])


def metrics(recording: Recording, function: str | None = None) -> Metrics:
    """The figures of `recording`, or of one function in it; time linear in its events, but for the order of what it sorts.

    Raises `UsageError` for a function it does not know.
    """
    if function is not None and function not in recording.functions[1:]:
        raise UsageError(f"The recording has no function {function!r}.", hint=f"it has {', '.join(recording.functions[1:]) or 'none'}")
    texts = recording.texts
    tallies: dict[str, _Tally] = {}
    going: dict[int, tuple[int, str, _Tally]] = {}
    stored: dict[int, int] = {}
    ages: list[tuple[int, int]] = []
    present: dict[int, int] = {}
    running, instances, waiting, depth, age = StepFunction(), StepFunction(), StepFunction(), StepFunction(), AgeFunction()
    busy = alive = 0
    accepted, rejected, enqueued, delivery = RequestAccepted.KIND, RequestRejected.KIND, EventEnqueued.KIND, DeliveryStarted.KIND
    assigned, started, ended, retry = InstanceAssigned.KIND, ExecutionStarted.KIND, ExecutionEnded.KIND, RetryScheduled.KIND
    succeeded, failed, created = RequestSucceeded.KIND, RequestFailed.KIND, InstanceCreated.KIND
    gone = {InstanceReclaimed.KIND, InstanceDestroyed.KIND}
    for time, kind, request, _, _, number, a, b in recording.rows():
        name = recording.functions[number]
        if function is not None and name != function:
            continue
        if kind == accepted:
            tally = tallies.get(name)
            if tally is None:
                tally = tallies[name] = _Tally()
            going[request] = (time, texts[a], tally)
        elif kind == rejected:
            tallies.setdefault(name, _Tally()).outcomes["throttled" if a == 429 else "refused"] += 1
            continue
        elif kind == assigned:
            tally = tallies.setdefault(name, _Tally())
            tally.executions += 1
            tally.cold += a
            continue
        elif kind in (started, ended):
            busy += 1 if kind == started else -1
            running.set(time, busy)
        elif kind == created or kind in gone:
            alive += 1 if kind == created else -1
            instances.set(time, alive)
            continue
        elif kind in (enqueued, retry):
            since = stored[request] = present.setdefault(request, time)
            heapq.heappush(ages, (since, request))
        elif kind == delivery:
            stored.pop(request, None)
        elif kind in (succeeded, failed):
            if present.pop(request, None) is not None:
                stored.pop(request, None)
            entry = going.pop(request, None)
            if entry is not None:
                arrived, mode, tally = entry
                tally.outcomes["succeeded" if kind == succeeded else _failure(a, texts[b])] += 1
                tally.times[mode].append(time - arrived)
        else:
            continue
        if present or depth.times:
            depth.set(time, len(stored))
            while ages and stored.get(ages[0][1]) != ages[0][0]:
                heapq.heappop(ages)
            age.set(time, ages[0][0] if ages else -1)
        waiting.set(time, len(going) - busy)
    for _, _, tally in going.values():
        tally.outcomes["unfinished"] += 1
    for one in (running, instances, waiting, depth, age):
        one.start_us, one.end_us = recording.start_us, recording.end_us
    total = _Tally()
    for tally in tallies.values():
        total.add(tally)
    found = tuple(tallies[name].finished(name or "(unknown)") for name in sorted(tallies))
    return Metrics(found, total.finished("all"), running, instances, waiting, depth, age)


def _failure(status: int, error_type: str) -> str:
    """Which of `OUTCOMES` a final failure is."""
    if error_type == "EventExpired":
        return "expired"
    if error_type == "TaskStopped":
        return "stopped"
    if status == 429:
        return "throttled"
    return "platform error" if status >= 400 else "function error"
