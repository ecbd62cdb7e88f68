"""Metrics of hand-made recordings: outcomes, latencies, cold share, and quantities over time."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fclab.errors import UsageError
from fclab.observe import events as e
from fclab.observe.latency import Latency
from fclab.observe.metrics import OUTCOMES, Metrics, metrics
from fclab.observe.recording import Recording
from fclab.observe.steps import AgeFunction, StepFunction
from fclab.units import SECOND


class Tape:
    """Writes a recording of function f with one instance; times in seconds."""

    def __init__(self) -> None:
        self.recording = Recording()
        self.f = self.recording.add_function("f")
        self.instance = self.recording.add_instance(self.f, 1, False)

    def put(
        self, time: float, kind: type[e.Event], request: int = 0, a: int = 0, b: int = 0, *, instance: int = 0, function: int = 1
    ) -> None:
        self.recording.emit(round(time * SECOND), kind.KIND, request, 1 if request else 0, instance, function, a, b)

    def text(self, text: str) -> int:
        return self.recording.text(text)

    def sync(
        self, arrival: float, start: float, end: float, request: int, *, status: int = 200, error: str = "", cold: bool = False
    ) -> None:
        self.put(arrival, e.RequestAccepted, request, self.text("sync"))
        self.put(arrival, e.InstanceAssigned, request, int(cold), instance=self.instance)
        self.put(start, e.ExecutionStarted, request, instance=self.instance)
        self.put(end, e.ExecutionEnded, request, self.text(error), instance=self.instance)
        self.end(end, request, status, error)

    def end(self, time: float, request: int, status: int = 200, error: str = "") -> None:
        self.put(time, e.RequestFailed if error else e.RequestSucceeded, request, status, self.text(error) if error else 0)

    def read(self, until: float = 0.0, function: str | None = None) -> Metrics:
        self.recording.until_us = round(until * SECOND)
        return metrics(self.recording, function)


def lesson_00() -> Tape:
    """Three requests at 0, 60 and 600 s: cold, warm, cold."""
    tape = Tape()
    for request, arrival, wait in ((1, 0, 1.0), (2, 60, 0), (3, 600, 1.0)):
        if wait:
            tape.put(arrival, e.InstanceCreated, request, instance=tape.instance)
        tape.sync(arrival, arrival + wait, arrival + wait + 0.1, request, cold=bool(wait))
        if request == 2:
            tape.put(360.1, e.InstanceReclaimed, instance=tape.instance)
    return tape


def test_three_requests() -> None:
    found = lesson_00().read()
    assert (found.requests, found.cold, found.cold_share) == (3, 2, 2 / 3)
    assert (found.latency.p50, found.latency.p99, found.latency.max) == (1.1, 1.1, 1.1)
    assert found.latency.quantile(1 / 3) == 0.1
    assert found.latency.mean == pytest.approx(2.3 / 3)
    assert len(found.completion) == 0
    assert repr(found) == "Metrics(3 requests, 2 cold, p50 1.1 s, p99 1.1 s)"
    assert repr(found["f"]) == "FunctionMetrics(f, 3 requests, 2 cold, p50 1.1 s, p99 1.1 s)"
    assert repr(found.latency) == "Latency(3 requests, p50 1.1 s, p99 1.1 s, max 1.1 s)"
    assert str(found) == (
        "function  requests  succeeded  failed  refused  unfinished  cold  p50 s  p90 s  p99 s  max s\n"
        "f                3          3       0        0           0     2    1.1    1.1    1.1    1.1\n"
        "\n"
        "over time       mean  max\n"
        "running    0.0004991    1\n"
        "instances     0.6009    1\n"
        "waiting     0.003327    1"
    )


def test_what_went_on_at_each_moment() -> None:
    found = lesson_00().read()
    assert [found.instances.at(time) for time in (0, 360.099999, 360.1, 599, 600)] == [1, 1, 0, 0, 1]
    assert [found.running.at(time) for time in (0.5, 1.0, 1.05, 1.1, 60, 60.1)] == [0, 1, 1, 0, 1, 0]
    assert [found.waiting.at(time) for time in (0, 0.999999, 1.0, 60)] == [1, 1, 0, 0]
    assert found.running.points() == [(1.0, 1), (1.1, 0), (60.0, 1), (60.1, 0), (601.0, 1), (601.1, 0)]
    assert found.running.mean(0, 10) == 0.01
    assert found.instances.mean(360, 361) == pytest.approx(0.1)


def test_every_outcome_has_its_place() -> None:
    tape = Tape()
    tape.sync(0, 0, 1, 1)
    tape.sync(1, 1, 2, 2, error="UnhandledInvocationError")
    tape.sync(2, 2, 3, 3, status=500, error="InternalServerError")
    for request, error in ((4, "EventExpired"), (5, "TaskStopped"), (6, "FunctionTimeoutError")):
        tape.put(3, e.RequestAccepted, request, tape.text("async"))
        tape.end(4, request, 200, error)
    tape.put(4, e.RequestRejected, 7, 429, tape.text("ResourceExhausted"))
    tape.put(4, e.RequestRejected, 8, 404, tape.text("FunctionNotFound"), function=0)
    tape.put(5, e.RequestAccepted, 9, tape.text("sync"))
    found = tape.read(until=6)
    assert found.outcomes == dict(zip(OUTCOMES, (1, 2, 1, 1, 1, 1, 1, 1), strict=True))
    assert [one.function for one in found.functions] == ["(unknown)", "f"]
    assert found["f"].requests == 8
    assert (len(found.latency), len(found.completion)) == (3, 3)
    assert found.waiting.at(6) == 1


def test_queue_depth_and_age() -> None:
    tape = Tape()
    for request, at in ((1, 0), (2, 2)):
        tape.put(at, e.RequestAccepted, request, tape.text("async"))
        tape.put(at, e.EventEnqueued, request, at * SECOND)
        if request == 1:
            tape.put(0, e.DeliveryStarted, 1)
            tape.put(0, e.ExecutionStarted, 1, instance=1)
    tape.put(3, e.ExecutionEnded, 1, tape.text("UnhandledInvocationError"), instance=1)
    tape.put(3, e.RetryScheduled, 1, 5 * SECOND)
    tape.put(4, e.DeliveryStarted, 2)
    tape.put(5, e.DeliveryStarted, 1)
    tape.put(6, e.RequestSucceeded, 1)
    tape.put(6, e.RequestSucceeded, 2)
    found = tape.read(until=10)
    assert found.queue_depth.points() == [(2.0, 1), (3.0, 2), (4.0, 1), (5.0, 0)]
    assert [found.queue_age.at(time) for time in (1, 2, 2.5, 3, 4.5, 5)] == [0, 0, 0.5, 3, 4.5, 0]
    assert found.queue_age.maximum == 5.0
    assert found.queue_age.mean(0, 10) == pytest.approx((0.5 + (3 + 5) / 2 * 2) / 10)
    assert (found.queue_age.points()[:2], found.queue_age.points()[-2:]) == ([(0.0, 0.0), (2.0, 0.0)], [(5.0, 0.0), (10.0, 0.0)])
    assert found.completion.texts() == ("4", "6", "6", "6")
    assert "queue age s" in str(found)
    assert "completed p99 s" in str(found)


def test_an_event_that_ends_in_the_queue_leaves_it() -> None:
    tape = Tape()
    tape.put(0, e.RequestAccepted, 1, tape.text("async"))
    tape.put(0, e.EventEnqueued, 1)
    tape.end(3, 1, 200, "EventExpired")
    found = tape.read(until=4)
    assert found.queue_depth.points() == [(0.0, 1), (3.0, 0)]
    assert found.queue_age.maximum == 3.0


def test_one_function_of_several() -> None:
    tape = lesson_00()
    other = tape.recording.add_function("<g>")
    tape.put(700, e.RequestAccepted, 4, tape.text("sync"), function=other)
    both = tape.read(until=701)
    assert [both.requests, both["f"].requests, both["<g>"].requests] == [4, 3, 1]
    assert str(both).splitlines()[3].startswith("all")
    assert "<g>" not in both._repr_html_()
    assert tape.read(701, "f").waiting.at(700) == 0
    assert tape.read(701, "<g>").waiting.at(700) == 1


def test_an_empty_recording() -> None:
    found = Tape().read()
    assert repr(found) == "Metrics(0 requests, 0 cold, p50 - s, p99 - s)"
    assert (found.cold_share, found.latency.p99, found.latency.mean) == (None, None, None)
    assert (found.running.mean(), found.running.maximum) == (0, 0)
    assert found.queue_age.at(3) == 0.0
    assert str(found).splitlines()[1].startswith("all")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: metrics(Recording(), "h"), "no function 'h'"),
        (lambda: Tape().read()["f"], "No request named a function 'f'"),
        (lambda: Latency([1]).quantile(99), "share from 0 to 1"),
        (lambda: Latency([1]).quantile("p99"), "share from 0 to 1"),  # type: ignore[arg-type]
        (lambda: StepFunction().mean(5, 4), "before start"),
        (lambda: StepFunction().at(-1), "time must be"),
    ],
)
def test_wrong_uses_are_told(wrong: Callable[[], object], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        wrong()


# ---- for any numbers


@given(st.lists(st.integers(0, 10**12), min_size=1), st.integers(0, 1000))
def test_quantiles_are_exact_by_nearest_rank(times: list[int], share: int) -> None:
    found = Latency(times)
    value = found.quantile(share / 1000)
    assert value is not None
    at = round(value * SECOND)
    assert at in times
    assert 1000 * sum(one <= at for one in times) >= share * len(times)
    assert share == 0 or 1000 * sum(one < at for one in times) < share * len(times)


changes = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), max_size=12)


@given(changes, st.integers(0, 60), st.integers(0, 60))
def test_averages_are_exact(steps: list[tuple[int, int]], one: int, two: int) -> None:
    """Against summing the value of each µs."""
    function, time = StepFunction(), 0
    values = [0] * 80
    for gap, value in steps:
        time += gap
        function.set(time, value)
        values[time:] = [value] * (80 - time)
    start, end = min(one, two), max(one, two)
    if end > start:
        assert function.mean(start / SECOND, end / SECOND) == pytest.approx(sum(values[start:end]) / (end - start))
    assert [function.at(at / SECOND) for at in range(80)] == values
    assert all(left < right for left, right in zip(function.times, function.times[1:], strict=False))
    assert all(left != right for left, right in zip([0, *function.values], function.values, strict=False))


@given(changes)
def test_ages_are_exact(steps: list[tuple[int, int]]) -> None:
    """Against the age in the middle of each µs, which is its average over it."""
    function, time = AgeFunction(), 0
    since = [-1] * 80
    for gap, value in steps:
        time += gap
        oldest = max(-1, time - value)
        function.set(time, oldest)
        since[time:] = [oldest] * (80 - time)
    function.end_us = 80
    ages = [at + 0.5 - begun if begun >= 0 else 0.0 for at, begun in enumerate(since)]
    assert function.mean() == pytest.approx(sum(ages) / 80 / SECOND)
    assert function.maximum == pytest.approx(max(age + 0.5 if age else 0.0 for age in ages) / SECOND)
