"""Meter readings of hand-made recordings: what is charged, how it is rounded, where it lies, and what is free."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fclab.errors import UsageError
from fclab.observe import events as e
from fclab.observe.meters import merge, meters
from fclab.observe.recording import Recording
from fclab.units import SECOND
from fclab.usage import HOUR, Meters, Usage


class Tape:
    """Writes a recording event by event; times in seconds."""

    def __init__(self, *functions: str, memory_mb: int = 1024, cpu: float = 0.5) -> None:
        self.recording = Recording()
        self.made: dict[str, int] = {}
        self.at: dict[str, int] = {}
        for name in functions:
            self.made[name] = self.recording.add_function(name)
            settings = self.recording.text(json.dumps({"cpu": cpu, "disk_mb": 512, "concurrency": 1}))
            self.recording.emit(0, e.FunctionDeclared.KIND, function=self.made[name], a=memory_mb, b=settings)

    def put(
        self, time: float, kind: type[e.Event], function: str, instance: str, *, request: int = 0, attempt: int = 1, a: int = 0, b: int = 0
    ) -> None:
        where = (self.at[instance], self.made[function])
        self.recording.emit(round(time * SECOND), kind.KIND, request, attempt if request else 0, *where, a, b)

    def boot(self, created: float, ready: float, function: str, instance: str, *, initialize: float = 0.0, reserved: bool = False) -> None:
        self.at[instance] = self.recording.add_instance(self.made[function], len(self.at) + 1, reserved)
        self.put(created, e.InstanceCreated, function, instance, a=int(reserved))
        self.put(ready - initialize, e.RuntimeStarted, function, instance)
        if initialize:
            self.put(ready, e.InstanceInitialized, function, instance)
        self.put(ready, e.InstanceReady, function, instance)

    def run(self, start: float, end: float, function: str, instance: str, request: int, *, error: str = "", attempt: int = 1) -> None:
        self.put(start, e.ExecutionStarted, function, instance, request=request, attempt=attempt)
        self.put(end, e.ExecutionEnded, function, instance, request=request, attempt=attempt, a=self.recording.text(error))

    def read(self, until: float = 0.0) -> Meters:
        self.recording.until_us = round(until * SECOND)
        return meters(self.recording)


def only(found: Meters) -> Usage:
    (row,) = found.rows
    return row


def test_a_cold_start_pays_for_initializer_and_handler_not_for_the_platform() -> None:
    tape = Tape("f")
    tape.boot(0, 1.0, "f", "f#1", initialize=0.2)
    tape.run(1.0, 1.1, "f", "f#1", 1)
    row = only(tape.read())
    assert (row.requests, row.active_us, row.initializer_us, row.hooks_us) == (1, 300_000, 200_000, 0)
    assert (row.memory_mb, row.vcpu, row.disk_mb, row.hour) == (1024, 0.5, 512, 0)


def test_busy_time_is_rounded_up_to_1_ms_each_stretch_by_itself() -> None:
    tape = Tape("f")
    tape.boot(0, 1.0001, "f", "f#1", initialize=0.0001)
    tape.run(2, 2.0031, "f", "f#1", 1)
    tape.run(3, 3.004, "f", "f#1", 2)
    tape.run(4, 4, "f", "f#1", 3)
    row = only(tape.read())
    assert row.active_us == 1000 + 4000 + 4000
    assert row.requests == 3


def test_requests_that_overlap_on_one_instance_count_once() -> None:
    tape = Tape("f")
    tape.boot(0, 1, "f", "f#1")
    for request, start in ((1, 1.0), (2, 2.0), (3, 2.5)):
        tape.put(start, e.ExecutionStarted, "f", "f#1", request=request)
    for request, end in ((2, 3.0), (1, 4.0), (3, 5.0)):
        tape.put(end, e.ExecutionEnded, "f", "f#1", request=request)
    tape.run(5, 6, "f", "f#1", 4)
    row = only(tape.read())
    assert (row.requests, row.active_us) == (4, 5 * SECOND)


def test_the_same_overlap_on_two_instances_counts_twice() -> None:
    tape = Tape("f")
    tape.boot(0, 1, "f", "f#1")
    tape.boot(0, 1, "f", "f#2")
    tape.put(1, e.ExecutionStarted, "f", "f#1", request=1)
    tape.run(1, 2, "f", "f#2", 2)
    tape.put(2, e.ExecutionEnded, "f", "f#1", request=1)
    assert only(tape.read()).active_us == 2 * SECOND


def test_function_errors_are_charged_attempt_by_attempt_and_broken_ones_are_not() -> None:
    tape = Tape("f")
    tape.boot(0, 1, "f", "f#1")
    for attempt in (1, 2, 3):
        tape.run(attempt, attempt + 0.1, "f", "f#1", 1, error="UnhandledInvocationError", attempt=attempt)
    tape.run(9, 9.5, "f", "f#1", 1, error="InternalServerError", attempt=4)
    row = only(tape.read())
    assert (row.requests, row.active_us) == (3, 300_000)


def test_what_a_broken_execution_shares_with_a_charged_one_is_charged_once() -> None:
    tape = Tape("f")
    tape.boot(0, 1, "f", "f#1")
    tape.put(1, e.ExecutionStarted, "f", "f#1", request=1)
    tape.put(3, e.ExecutionStarted, "f", "f#1", request=2)
    tape.put(6, e.ExecutionEnded, "f", "f#1", request=2, a=tape.recording.text("FunctionTimeoutError"))
    tape.put(6, e.InstanceDestroyed, "f", "f#1")
    tape.put(6, e.ExecutionEnded, "f", "f#1", request=1, a=tape.recording.text("InternalServerError"))
    row = only(tape.read())
    assert (row.requests, row.active_us) == (1, 3 * SECOND)


def test_a_failed_initializer_is_charged_and_a_failed_download_is_not() -> None:
    tape = Tape("f")
    for phase in ("initialize", "download"):
        tape.at[phase] = tape.recording.add_instance(1, len(tape.at) + 1, False)
        tape.put(0, e.InstanceCreated, "f", phase)
        tape.put(1, e.RuntimeStarted, "f", phase)
        tape.put(1.5, e.BootFailed, "f", phase, a=tape.recording.text(phase), b=tape.recording.text("FunctionTimeoutError"))
        tape.put(1.5, e.InstanceDestroyed, "f", phase)
    row = only(tape.read())
    assert (row.requests, row.active_us, row.initializer_us) == (0, 500_000, 500_000)


def test_hooks_are_busy_time_and_no_calls() -> None:
    tape = Tape("f")
    tape.boot(0, 1, "f", "f#1")
    tape.run(1, 2, "f", "f#1", 1)
    tape.put(2.5, e.HookFinished, "f", "f#1", a=tape.recording.text("pre_freeze"), b=2 * SECOND)
    tape.put(302.5, e.InstanceStopping, "f", "f#1")
    tape.put(303.0005, e.HookFinished, "f", "f#1", a=tape.recording.text("pre_stop"), b=round(302.5 * SECOND))
    tape.put(303.0005, e.InstanceReclaimed, "f", "f#1")
    row = only(tape.read())
    assert (row.requests, row.active_us, row.hooks_us) == (1, 2_001_000, 1_001_000)


def test_idle_on_demand_instances_are_free() -> None:
    tape = Tape("f")
    tape.boot(0, 1, "f", "f#1")
    assert tape.read(until=300).rows == ()


@pytest.mark.parametrize(("life", "charged"), [(10, 10), (51, 60), (61, 70), (0.000001, 10)])
def test_a_reserved_life_is_rounded_up_to_10_s(life: float, charged: int) -> None:
    tape = Tape("f")
    tape.boot(5, 5, "f", "f#1", reserved=True)
    tape.put(5 + life, e.InstanceDestroyed, "f", "f#1")
    row = only(tape.read(until=1000))
    assert (row.reserved_us, row.active_us, row.requests) == (charged * SECOND, 0, 0)


def test_a_reserved_instance_pays_from_creation_and_its_busy_time_is_kept_apart() -> None:
    tape = Tape("f")
    tape.boot(0, 0.8, "f", "f#1", reserved=True, initialize=0.2)
    tape.run(4, 5, "f", "f#1", 1)
    found = tape.read(until=24)
    row = only(found)
    assert (row.reserved_us, row.reserved_active_us, row.active_us) == (30 * SECOND, 1_200_000, 0)
    assert found.utilization == 0.04


def test_a_reserved_instance_that_never_was_ready_is_free() -> None:
    tape = Tape("f")
    tape.at["f#1"] = tape.recording.add_instance(1, 1, True)
    tape.put(0, e.InstanceCreated, "f", "f#1", a=1)
    tape.put(1, e.InstanceDestroyed, "f", "f#1")
    assert tape.read(until=100).rows == ()


def test_time_lies_in_its_hours_and_a_call_where_it_began() -> None:
    tape = Tape("f")
    tape.boot(0, 1, "f", "f#1")
    tape.run(3599, 3602, "f", "f#1", 1)
    tape.boot(3600, 3600, "f", "f#2", reserved=True)
    rows = {row.hour: row for row in tape.read(until=3 * 3600).rows}
    assert [(hour, row.requests, row.active_us, row.reserved_us) for hour, row in rows.items()] == [
        (0, 1, SECOND, 0),
        (1, 0, 2 * SECOND, HOUR),
        (2, 0, 0, HOUR),
    ]


def test_what_still_runs_counts_up_to_the_end() -> None:
    tape = Tape("f")
    tape.boot(0, 1, "f", "f#1")
    tape.put(1, e.ExecutionStarted, "f", "f#1", request=1)
    row = only(tape.read(until=3))
    assert (row.requests, row.active_us) == (1, 2 * SECOND)


def test_a_function_declared_again_has_its_new_size_from_then_on() -> None:
    tape = Tape("f")
    tape.boot(0, 1, "f", "f#1")
    tape.run(1, 2, "f", "f#1", 1)
    tape.made["f"] = tape.recording.add_function("f")
    settings = tape.recording.text('{"cpu": 2}')
    tape.recording.emit(2 * SECOND, e.FunctionDeclared.KIND, function=tape.made["f"], a=4096, b=settings)
    tape.boot(2, 3, "f", "f#2")
    tape.run(3, 4, "f", "f#2", 2)
    found = tape.read()
    assert [(row.memory_mb, row.vcpu, row.active_us) for row in found.rows] == [(1024, 0.5, SECOND), (4096, 2, SECOND)]
    assert (found.vcpu_seconds, found.gb_seconds, found.functions) == (2.5, 5.0, ("f",))


def test_how_meters_look() -> None:
    tape = Tape("f", "<g>")
    tape.boot(0, 1, "f", "f#1", initialize=0.2)
    tape.run(1, 1.1, "f", "f#1", 1)
    tape.boot(2, 3, "<g>", "g#1", reserved=True)
    found = tape.read(until=60)
    assert repr(found) == "Meters(1 requests, 0.3 s active, 60 s reserved)"
    assert str(found) == (
        "function  size              requests  active s  initializer s  hooks s  reserved s  vCPU·s  GB·s\n"
        "<g>       0.5 vCPU 1024 MB         0         0              0        0          60       0    60\n"
        "f         0.5 vCPU 1024 MB         1       0.3            0.2        0           0    0.15   0.3"
    )
    assert "<g>" not in found._repr_html_()
    assert found.only("f").reserved_seconds == 0
    with pytest.raises(UsageError, match=r"no reading for 'h'.*\n.*<g>, f"):
        found.only("h")
    assert found.only("f").utilization is None


# ---- for any run

stretch = st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda pair: (min(pair), max(pair)))


@given(st.lists(stretch, max_size=12))
def test_merging_in_order_of_ends_gives_the_union(spans: list[tuple[int, int]]) -> None:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans, key=lambda span: span[1]):
        merge(merged, start, end)
    assert {at for start, end in merged for at in range(start, end)} == {at for start, end in spans for at in range(start, end)}
    assert all(one[1] < two[0] for one, two in pairwise(merged))


@given(st.lists(stretch, min_size=1, max_size=12), st.integers(1, 999))
def test_an_instance_is_charged_for_the_union_of_its_requests(spans: list[tuple[int, int]], unit: int) -> None:
    """Whatever overlaps: not less than the union, less than 1 ms a request more, and never more than each by itself."""
    tape = Tape("f")
    tape.boot(0, 0, "f", "f#1")
    steps = sorted((at, ends, number) for number, span in enumerate(spans, 1) for ends, at in enumerate(span))
    for at, ends, number in steps:
        tape.put(at * unit / SECOND, e.ExecutionEnded if ends else e.ExecutionStarted, "f", "f#1", request=number)
    found = tape.read()
    union = unit * len({at for start, end in spans for at in range(start, end)})
    charged = sum(row.active_us for row in found.rows)
    assert union <= charged <= union + 999 * len(spans)
    assert charged <= sum(-(-(end - start) * unit // 1000) * 1000 for start, end in spans)
    assert found.requests == len(spans)


@given(st.integers(0, 3 * HOUR), st.integers(0, 3 * HOUR))
def test_no_time_is_lost_between_hours(start: int, length: int) -> None:
    tape = Tape("f")
    tape.boot(0, 0, "f", "f#1", reserved=True)
    tape.run(start / SECOND, (start + length) / SECOND, "f", "f#1", 1)
    tape.put((start + length) / SECOND, e.InstanceDestroyed, "f", "f#1")
    found = tape.read()
    assert sum(row.reserved_active_us for row in found.rows) == -(-length // 1000) * 1000
    assert sum(row.reserved_us for row in found.rows) == -(-(start + length) // (10 * SECOND)) * 10 * SECOND
