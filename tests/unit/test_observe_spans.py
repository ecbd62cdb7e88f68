"""Spans: every recording made by hand, read back as (lane, kind, from, to, request, attempt)."""

from __future__ import annotations

from itertools import pairwise

import pytest

from fclab.observe import events as e
from fclab.observe.recording import Recording
from fclab.observe.spans import SPAN_KINDS, Spans, spans
from tests.unit.observe_runs import Script, broken_boot, capped, failing, lesson00, nested, reserved, two_slots, us

Told = tuple[str, str, float, float, int, int]


def told(recording: Recording) -> list[Told]:
    made = spans(recording)
    return [
        (made.lanes[lane].key, SPAN_KINDS[kind], start / 1e6, end / 1e6, request, attempt)
        for lane, kind, start, end, request, attempt in zip(
            made.lane, made.kind, made.start, made.end, made.request, made.attempt, strict=True
        )
    ]


def boot(lane: str, at: float, request: int) -> list[Told]:
    """The five phases of the classroom, with the initializer of 0.2 s."""
    ends = [round(at + offset, 6) for offset in (0, 0.1, 0.4, 0.55, 0.8, 1.0)]
    return [(lane, kind, *between, request, 0) for kind, between in zip(SPAN_KINDS, pairwise(ends), strict=False)]


def test_cold_warm_reclaimed_cold() -> None:
    assert told(lesson00()) == [
        *boot("hello#1", 0, 1),
        ("hello#1", "run", 1.0, 1.1, 1, 1),
        ("hello#1", "idle", 1.1, 60.0, 0, 0),
        ("hello#1", "run", 60.0, 60.1, 2, 1),
        ("hello#1", "idle", 60.1, 360.1, 0, 0),
        *boot("hello#2", 600, 3),
        ("hello#2", "run", 601.0, 601.1, 3, 1),
    ]


def test_what_is_open_ends_with_the_picture() -> None:
    recording = lesson00()
    recording.until_us = us(700)
    assert told(recording)[-1] == ("hello#2", "idle", 601.1, 700.0, 0, 0)


def test_retries_are_seen_in_the_queue_and_as_errors() -> None:
    seen = told(failing())
    assert [one for one in seen if one[0] == "hello queue"] == [
        ("hello queue", "retry", 1.1, 1.6, 1, 2),
        ("hello queue", "retry", 1.7, 2.7, 1, 3),
        ("hello queue", "retry", 2.8, 4.8, 1, 4),
    ]
    assert [one[2:] for one in seen if one[1] == "error"] == [(1.0, 1.1, 1, 1), (1.6, 1.7, 1, 2), (2.7, 2.8, 1, 3), (4.8, 4.9, 1, 4)]
    assert not [one for one in seen if one[1] == "run"]


def test_an_event_that_waits_for_capacity_waits_in_its_queue() -> None:
    made = spans(capped())
    assert [lane.key for lane in made.lanes] == ["hello queue", "hello#1"]
    assert made.lanes[0].group == "queue"
    assert [one for one in told(capped()) if one[1] in ("wait", "retry")] == [("hello queue", "wait", 0.0, 6.0, 2, 1)]


def test_a_retry_that_is_due_but_finds_no_room_goes_on_waiting() -> None:
    run = Script(until=9)
    run.enqueue(0, 1, due=2)
    run.deliver(2, 1)
    run.emit(2, e.DeliveryFailed, 1, 1, a=503, b="ServiceUnavailable")
    run.retry(2, 1, 1, 4, "system")
    run.deliver(7, 1, 2)
    run.emit(7, e.DeliveryFailed, 1, 2, a=503, b="ServiceUnavailable")
    run.retry(7, 1, 2, 11, "system")
    assert told(run.recording) == [
        ("hello queue", "wait", 0.0, 2.0, 1, 1),
        ("hello queue", "retry", 2.0, 4.0, 1, 2),
        ("hello queue", "wait", 4.0, 7.0, 1, 2),
        ("hello queue", "retry", 7.0, 9.0, 1, 3),
    ]


def test_an_event_that_never_waited_makes_no_queue_lane() -> None:
    run = Script()
    run.enqueue(0, 1)
    run.deliver(0, 1)
    assert spans(run.recording).lanes == ()


def test_an_expired_event_stops_waiting() -> None:
    run = Script(until=20)
    run.enqueue(0, 1)
    run.fail(5, 1, "EventExpired")
    assert told(run.recording) == [("hello queue", "wait", 0.0, 5.0, 1, 1)]


def test_each_slot_has_its_lane() -> None:
    made = spans(two_slots())
    assert [(lane.key, lane.label) for lane in made.lanes] == [("hello#1", "hello#1/1"), ("hello#1/2", "hello#1/2")]
    assert told(two_slots())[5:] == [
        ("hello#1", "run", 1.0, 1.3, 1, 1),
        ("hello#1/2", "run", 1.05, 1.4, 2, 1),
        ("hello#1", "idle", 1.4, 2.0, 0, 0),
    ]


def test_a_failed_boot_phase_is_an_error() -> None:
    assert told(broken_boot()) == [("hello#1", "schedule", 0.0, 0.1, 1, 0), ("hello#1", "error", 0.1, 0.4, 1, 0)]


def test_a_reserved_instance_idles_and_stops_with_its_hook() -> None:
    assert spans(reserved()).lanes[0].reserved
    assert told(reserved())[5:] == [
        ("hello#1", "idle", 1.0, 10.0, 0, 0),
        ("hello#1", "run", 10.0, 10.1, 1, 1),
        ("hello#1", "idle", 10.1, 20.0, 0, 0),
        ("hello#1", "stop", 20.0, 20.5, 0, 0),
    ]


def test_the_pre_freeze_hook_is_work_after_the_reply() -> None:
    run = Script(until=3)
    instance = run.create(0)
    run.emit(0, e.InstanceReady, 0, 0, instance)
    run.accept(0, 1)
    run.assign(0, 1, instance)
    run.start(0, 1, instance)
    run.emit(1, e.ExecutionEnded, 1, 1, instance)
    run.succeed(1, 1)
    run.emit(1.5, e.HookFinished, 1, 1, instance, a="pre_freeze", b=us(1))
    run.emit(1.5, e.InstanceReleased, 1, 1, instance, a=us(301.5))
    assert [one[1:4] for one in told(run.recording)] == [("run", 0.0, 1.0), ("drain", 1.0, 1.5), ("idle", 1.5, 3.0)]


def test_death_ends_what_runs_as_an_error_even_if_nobody_says_so() -> None:
    run = Script(until=5)
    run.accept(0, 1)
    instance = run.create(0, request=1)
    run.assign(0, 1, instance, cold=True)
    run.start(run.boot(0, instance, request=1), 1, instance)
    run.destroy(2, instance, "killed")
    assert told(run.recording)[5:] == [("hello#1", "error", 1.0, 2.0, 1, 1)]


def test_a_stop_is_drawn_from_the_last_handlers_end() -> None:
    run = Script(until=5)
    instance = run.create(0)
    run.emit(0, e.InstanceReady, 0, 0, instance)
    run.assign(0, 1, instance)
    run.start(0, 1, instance)
    run.emit(1, e.InstanceStopping, 0, 0, instance, a="lowered")
    run.emit(2, e.ExecutionEnded, 1, 1, instance)
    run.emit(3, e.InstanceDestroyed, 0, 0, instance, a="lowered")
    assert [one[1:4] for one in told(run.recording)] == [("run", 0.0, 2.0), ("stop", 2.0, 3.0)]


def test_a_handler_that_takes_no_time_is_still_there() -> None:
    run = Script(until=1)
    instance = run.create(0)
    run.emit(0, e.InstanceReady, 0, 0, instance)
    run.warm(0, 1, instance, took=0)
    assert [one[1:4] for one in told(run.recording)] == [("run", 0.0, 0.0), ("idle", 0.0, 1.0)]


def test_lanes_go_by_function_then_queue_then_age() -> None:
    run = Script("a", "b", until=10)
    second = run.create(0, function=2)
    first = run.create(0, function=1)
    run.boot(0, second, function=2)
    run.boot(0, first, function=1)
    run.create(2, function=2)
    run.enqueue(3, 1)
    assert [lane.key for lane in spans(run.recording).lanes] == ["a queue", "a#1", "b#1", "b#2"]


@pytest.mark.parametrize("make", [lesson00, failing, capped, two_slots, broken_boot, reserved, nested])
def test_columns_are_equal_sorted_and_never_overlap_on_an_instance(make: object) -> None:
    assert callable(make)
    made: Spans = spans(make())
    assert {len(column) for column in (made.lane, made.kind, made.end, made.request, made.attempt)} == {len(made)}
    assert sorted(zip(made.start, made.lane, strict=True)) == list(zip(made.start, made.lane, strict=True))
    for number, lane in enumerate(made.lanes):
        mine = [(made.start[i], made.end[i]) for i in range(len(made)) if made.lane[i] == number]
        assert all(start <= end for start, end in mine)
        if lane.group == "instance":
            assert all(end <= start for (_, end), (start, _) in pairwise(mine))


def test_a_function_declared_again_stays_in_its_place() -> None:
    run = Script("a", "b", "a", until=1)
    run.enqueue(0, 1)
    run.emit(0, e.RequestAccepted, 2, function=3, a="async")
    run.emit(0, e.EventEnqueued, 2, function=3)
    run.create(0, function=2)
    run.made[3] = 4
    run.create(0, function=3)
    assert [lane.key for lane in spans(run.recording).lanes] == ["a queue", "a#5", "b#1"]


def test_an_empty_recording_has_no_spans() -> None:
    assert len(spans(Recording())) == 0
