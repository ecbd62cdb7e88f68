"""Hops: who hands what to whom, read back as "source -> target" with times and outcomes."""

from __future__ import annotations

import pytest

from fclab.observe import events as e
from fclab.observe.hops import COMPONENTS, HOP_OUTCOMES, hops
from fclab.observe.recording import Recording
from tests.unit.observe_runs import Script, broken_boot, capped, failing, lesson00, nested, reserved, two_slots


def told(recording: Recording, request: int = 0) -> list[str]:
    """ "source -> target depart[..arrive] [outcome]", of one request or of all."""
    made = hops(recording)
    lines: list[str] = []
    for source, target, depart, arrive, number, outcome in zip(
        made.source, made.target, made.depart, made.arrive, made.request, made.outcome, strict=True
    ):
        if request in (0, number):
            when = f"{depart / 1e6:g}" + (f"..{arrive / 1e6:g}" if arrive != depart else "")
            lines.append(f"{made.nodes[source]} -> {made.nodes[target]} {when} {HOP_OUTCOMES[outcome]}")
    return lines


def test_a_cold_sync_request_is_on_its_way_while_its_instance_boots() -> None:
    assert told(lesson00(), 1) == [
        "caller -> front door 0 ok",
        "front door -> pool 0 ok",
        "pool -> hello#1 0..1 ok",
        "hello#1 -> front door 1.1 ok",
        "front door -> caller 1.1 ok",
    ]


def test_a_warm_one_is_there_at_once() -> None:
    assert told(lesson00(), 2)[:3] == ["caller -> front door 60 ok", "front door -> pool 60 ok", "pool -> hello#1 60 ok"]


def test_the_202_leaves_before_anything_ran_and_retries_travel_back_for_the_back_off() -> None:
    lines = told(failing())
    assert lines[:6] == [
        "caller -> front door 0 ok",
        "front door -> queue 0 ok",
        "front door -> caller 0 ok",
        "queue -> dispatcher 0 ok",
        "dispatcher -> pool 0 ok",
        "pool -> hello#1 0..1 ok",
    ]
    assert lines[6:12] == [
        "hello#1 -> dispatcher 1.1 failed",
        "dispatcher -> queue 1.1..1.6 ok",
        "queue -> dispatcher 1.6 ok",
        "dispatcher -> pool 1.6 ok",
        "pool -> hello#1 1.6 ok",
        "hello#1 -> dispatcher 1.7 failed",
    ]
    assert lines[-2:] == ["hello#1 -> dispatcher 4.9 failed", "dispatcher -> destination queue:dead-letters 4.9 ok"]
    assert list(hops(failing()).attempt)[-5:] == [4] * 5


def test_an_event_waiting_for_capacity_stays_in_the_queue() -> None:
    assert told(capped(), 2)[3] == "queue -> dispatcher 6 ok"


def test_a_failed_boot_comes_back_as_a_failure_and_a_refusal_too() -> None:
    assert told(broken_boot(), 1)[2:] == [
        "pool -> hello#1 0..0.4 failed",
        "hello#1 -> front door 0.4 failed",
        "front door -> caller 0.4 failed",
    ]
    assert told(broken_boot(), 2) == ["caller -> front door 1 ok", "front door -> caller 1 failed"]


def test_a_nested_call_starts_and_ends_at_the_calling_instance() -> None:
    lines = told(nested(), 2)
    assert lines[0] == "outer#1 -> front door 1.05 ok"
    assert lines[-2:] == ["inner#1 -> front door 1.95 ok", "front door -> outer#1 1.95 ok"]
    assert told(nested(), 1)[-1] == "front door -> caller 2 ok"


def test_what_a_destination_made_starts_at_that_destination() -> None:
    run = Script("work", "report", until=3)
    run.enqueue(0, 1)
    run.deliver(0, 1)
    instance = run.create(0, request=1)
    run.assign(0, 1, instance, cold=True)
    run.start(run.boot(0, instance, request=1), 1, instance)
    run.end(2, 1, instance)
    run.succeed(2, 1)
    run.emit(2, e.DestinationCalled, 1, 1, 0, 1, "report", 2)
    run.accept(2, 2, mode="async", function=2, cause=1)
    assert told(run.recording)[-2:] == ["dispatcher -> destination report 2 ok", "destination report -> front door 2 ok"]


def test_an_outage_refuses_at_the_pool() -> None:
    run = Script(until=1)
    run.enqueue(0, 1)
    run.deliver(0, 1)
    run.emit(0, e.DeliveryFailed, 1, 1, a=503, b="ServiceUnavailable")
    run.retry(0, 1, 1, 0.5, "system")
    assert told(run.recording)[3:] == ["queue -> dispatcher 0 ok", "dispatcher -> pool 0 failed", "dispatcher -> queue 0..0.5 ok"]


def test_a_delivery_that_dies_on_its_instance_comes_back_once() -> None:
    run = Script(until=3)
    run.enqueue(0, 1)
    run.deliver(0, 1)
    instance = run.create(0, request=1)
    run.assign(0, 1, instance, cold=True)
    run.start(run.boot(0, instance, request=1), 1, instance)
    run.emit(2, e.ExecutionEnded, 1, 1, instance, a="InstanceKilled")
    run.emit(2, e.DeliveryFailed, 1, 1, a=500, b="InstanceKilled")
    run.retry(2, 1, 1, 2.5, "system")
    assert told(run.recording)[6:] == ["hello#1 -> dispatcher 2 failed", "dispatcher -> queue 2..2.5 ok"]


def test_stopped_during_its_back_off_it_is_dropped_there() -> None:
    run = Script(until=9)
    run.enqueue(0, 1)
    run.deliver(0, 1)
    run.emit(0, e.DeliveryFailed, 1, 1, a=503, b="ServiceUnavailable")
    run.retry(0, 1, 1, 8, "system")
    run.fail(3, 1, "TaskStopped", attempt=1)
    assert told(run.recording)[-1] == "dispatcher -> queue 0..3 dropped"


def test_expired_in_the_queue_it_is_dropped_at_the_dispatcher() -> None:
    run = Script(until=9)
    run.enqueue(0, 1, due=5)
    run.fail(5, 1, "EventExpired")
    assert told(run.recording)[-1] == "queue -> dispatcher 5 dropped"


def test_a_fault_that_drops_shows_on_its_arrow_and_a_delay_does_not() -> None:
    run = Script(until=1)
    run.accept(0, 1)
    run.emit(0, e.FaultInjected, 1, a="front door->pool", b="delay")
    run.emit(0, e.FaultInjected, 1, a="front door->pool", b="drop")
    run.fail(0, 1, "InternalServerError", status=500)
    assert told(run.recording) == ["caller -> front door 0 ok", "front door -> pool 0 dropped", "front door -> caller 0 failed"]


def test_a_request_dropped_on_its_way_to_the_instance_never_arrives_and_never_returns() -> None:
    run = Script(until=1)
    run.enqueue(0, 1)
    run.deliver(0, 1)
    instance = run.create(0, request=1)
    run.assign(0, 1, instance, cold=True)
    run.emit(0.8, e.InstanceReady, 1, 1, instance)
    run.emit(0.8, e.FaultInjected, 1, a="pool->instance", b="drop")
    run.emit(0.8, e.DeliveryFailed, 1, 1, instance, a=500, b="InternalServerError")
    run.retry(0.8, 1, 1, 1.3, "system")
    assert told(run.recording)[5:] == ["pool -> hello#1 0..0.8 dropped", "dispatcher -> queue 0.8..1.3 ok"]


@pytest.mark.parametrize("arrow", ["queue->dispatcher", "dispatcher->pool"])
def test_a_delivery_that_a_fault_drops_fails_once(arrow: str) -> None:
    run = Script(until=1)
    run.enqueue(0, 1)
    run.deliver(0, 1)
    run.emit(0, e.FaultInjected, 1, a=arrow, b="drop")
    run.emit(0, e.DeliveryFailed, 1, 1, a=500, b="InternalServerError")
    run.retry(0, 1, 1, 0.5, "system")
    first = f"queue -> dispatcher 0 {'dropped' if arrow.startswith('queue') else 'ok'}"
    more = [] if arrow.startswith("queue") else ["dispatcher -> pool 0 dropped"]
    assert told(run.recording)[3:] == [first, *more, "dispatcher -> queue 0..0.5 ok"]


@pytest.mark.parametrize(
    ("arrow", "line"),
    [("instance->front door", "hello#1 -> front door 1.1 dropped"), ("front door->caller", "front door -> caller 1.1 dropped")],
)
def test_a_result_lost_on_its_way_back(arrow: str, line: str) -> None:
    run = Script(until=2)
    run.accept(0, 1)
    instance = run.create(0, request=1)
    run.assign(0, 1, instance, cold=True)
    run.start(run.boot(0, instance, request=1), 1, instance)
    run.end(1.1, 1, instance)
    if arrow == "front door->caller":
        run.succeed(1.1, 1)
    run.emit(1.1, e.FaultInjected, 1, a=arrow, b="drop")
    lines = told(run.recording)
    assert line in lines
    assert len([one for one in lines if one.startswith(line.rpartition(" ")[0])]) == 1


def test_a_request_dropped_before_the_front_door_is_still_refused() -> None:
    run = Script(until=1)
    run.emit(0, e.FaultInjected, 1, a="caller->front door", b="drop")
    run.emit(0, e.RequestRejected, 1, a=503, b="ServiceUnavailable")
    assert told(run.recording) == ["caller -> front door 0 dropped", "front door -> caller 0 failed"]


def test_an_outcome_lost_on_its_way_to_its_destination() -> None:
    run = Script(until=1)
    run.enqueue(0, 1)
    run.emit(0, e.FaultInjected, 1, a="dispatcher->destination", b="drop")
    assert told(run.recording)[-1] == "dispatcher -> destination lost 0 dropped"


def test_what_is_under_way_arrives_with_the_end_of_the_picture() -> None:
    run = Script(until=0.7)
    run.accept(0, 1)
    run.assign(0, 1, run.create(0, request=1), cold=True)
    assert told(run.recording)[-1] == "pool -> hello#1 0..0.7 ok"


@pytest.mark.parametrize("make", [lesson00, failing, capped, two_slots, broken_boot, reserved, nested])
def test_columns_are_equal_and_departures_in_order(make: object) -> None:
    assert callable(make)
    made = hops(make())
    assert made.nodes[: len(COMPONENTS)] == COMPONENTS
    columns = (made.source, made.target, made.arrive, made.request, made.attempt, made.outcome, made.row)
    assert {len(column) for column in columns} == {len(made)}
    assert list(made.depart) == sorted(made.depart)
    assert list(made.row) == sorted(made.row)
    assert all(depart <= arrive for depart, arrive in zip(made.depart, made.arrive, strict=True))
