"""Faults: outages, every arrow dropped, delayed and crashed, boots that fail or drag, instances that die; and that all of it ends."""

from __future__ import annotations

import time
from typing import Any

import pytest

from fclab import EndlessRun, Lab, UsageError
from fclab.engine.faults import ARROWS
from fclab.observe.events import (
    BootFailed,
    ExecutionEnded,
    FaultInjected,
    InstanceCreated,
    OutageEnded,
    OutageStarted,
    RequestFailed,
    RequestRejected,
    RequestSucceeded,
    RetryScheduled,
)
from tests.unit.engine_kit import deliveries, finishes, gone, lesson_lab, model_lab, one, retries, starts, times


def nap(event: bytes, context: Any) -> str:
    time.sleep(1)
    return "rested"


def open_requests(lab: Lab) -> int:
    """Requests the platform still counts as under way."""
    return lab._platform.work + lab._platform.moving


# ---- outages


@pytest.mark.parametrize(("at", "status"), [(4.999999, 200), (5, 500), (9.999999, 500), (10, 200)])
def test_an_outage_holds_from_its_start_until_just_before_its_end(at: float, status: int) -> None:
    lab = one(nap)
    lab.faults.outage(5, 10)
    call = lab.invoke_at("f", [at])[0]
    lab.run()
    assert call.response is not None
    assert call.response.status == status
    assert times(lab, OutageStarted)[0] == 5


def test_a_sync_call_during_an_outage_is_refused_in_no_time() -> None:
    lab = one(nap)
    lab.faults.outage(0, 10)
    response = lab.invoke("f")
    assert (response.status, response.error_type, response.latency, response.instance_id) == (500, "InternalServerError", 0.0, None)
    assert lab.recording.select(InstanceCreated) == []


def test_an_outage_leaves_running_requests_alone() -> None:
    lab = one(nap)
    lab.faults.outage(0.5, 10)
    assert lab.invoke("f").ok


def test_an_endless_outage_is_seen_through() -> None:
    lab = one(nap)
    lab.faults.outage()
    task = lab.invoke_async("f")
    with pytest.raises(EndlessRun, match="only retry against a fault without end"):
        lab.run()
    with pytest.raises(EndlessRun):
        task.result()
    lab.run(until=100)
    assert task.state == "Retrying"
    lab.faults.clear()
    assert task.result().text == "rested", "mending the fault is what the error says to try"
    assert times(lab, OutageEnded) == [100]


def test_an_endless_fault_elsewhere_does_not_make_a_run_endless() -> None:
    lab = one(nap)
    lab.function(name="g")(nap)
    lab.faults.outage(0, 10)
    lab.faults.add("queue->dispatcher", drop=True, function="g")
    lab.faults.add("instance->front door", drop=True)
    task = lab.invoke_async("f")
    lab.run()
    assert task.state == "Succeeded"


def test_two_outages_may_overlap() -> None:
    lab = one(nap)
    lab.faults.outage(0, 10)
    lab.faults.outage(5, 20)
    calls = lab.invoke_at("f", [9, 12, 20])
    lab.run()
    assert [call.response.status for call in calls if call.response] == [500, 500, 200]


def test_clear_ends_everything_now() -> None:
    lab = one(nap)
    lab.faults.outage(0, 100)
    lab.faults.add("front door->pool", drop=True)
    lab.run(until=5)
    lab.faults.clear()
    assert lab.invoke("f").ok
    lab.run(until=200)
    assert times(lab, OutageStarted, OutageEnded) == [0, 5], "no second end at 100"


# ---- arrows

SYNC = {  # arrow -> status of the caller, did the handler run
    "caller->front door": (503, False),
    "front door->pool": (500, False),
    "pool->instance": (500, False),
    "instance->front door": (500, True),
    "front door->caller": (503, True),
}
ASYNC = {  # arrow -> status at once, deliveries, executions
    "caller->front door": (503, 0, 0),
    "front door->queue": (500, 0, 0),
    "front door->caller": (503, 1, 1),
    "queue->dispatcher": (202, 2, 1),
    "dispatcher->pool": (202, 2, 1),
    "pool->instance": (202, 2, 1),
    "instance->dispatcher": (202, 2, 2),
}


def test_every_arrow_is_struck_by_some_test() -> None:
    assert set(SYNC) | set(ASYNC) | {"dispatcher->destination"} == set(ARROWS)


@pytest.mark.parametrize("effect", ["drop", "crash"])
@pytest.mark.parametrize("arrow", SYNC)
def test_sync_lost_on_an_arrow(arrow: str, effect: str) -> None:
    lab = one(nap)
    lab.faults.add(arrow, times=1, **{effect: True})
    status, ran = SYNC[arrow]
    response = lab.invoke("f")
    lab.run()
    assert response.status == status
    assert arrow in (response.error or "")
    assert len(starts(lab)) == ran
    assert [(event.arrow, event.effect) for event in lab.recording.select(FaultInjected)] == [(arrow, effect)]
    assert [why for _, _, why in gone(lab)] == (["killed"] if (arrow, effect) == ("pool->instance", "crash") else [])
    assert lab.invoke("f").ok, "only once"
    assert open_requests(lab) == 0


@pytest.mark.parametrize("arrow", SYNC)
def test_sync_late_on_an_arrow(arrow: str) -> None:
    lab = one(nap)
    lab.faults.add(arrow, delay=0.25)
    response = lab.invoke("f")
    assert (response.ok, lab.now) == (True, 1.25)
    assert response.latency == (1.0 if "caller" in arrow else 1.25), "from the front door and back to it"
    assert open_requests(lab) == 0


@pytest.mark.parametrize("effect", ["drop", "crash"])
@pytest.mark.parametrize("arrow", ASYNC)
def test_async_lost_on_an_arrow(arrow: str, effect: str) -> None:
    lab = one(nap)
    lab.faults.add(arrow, times=1, **{effect: True})
    status, offered, ran = ASYNC[arrow]
    task = lab.invoke_async("f")
    lab.run()
    assert task.status == status
    assert (task.attempts, len(starts(lab))) == (offered, ran)
    assert task.state == ("Rejected" if arrow == "caller->front door" else "Failed" if arrow == "front door->queue" else "Succeeded")
    assert open_requests(lab) == 0
    assert lab._platform.queue.waiting() + lab._platform.queue.leased() == 0
    if offered == 2:
        assert [event.cause for event in lab.recording.select(RetryScheduled)] == ["system"]


@pytest.mark.parametrize("arrow", ASYNC)
def test_async_late_on_an_arrow(arrow: str) -> None:
    lab = one(nap)
    lab.faults.add(arrow, delay=0.25)
    task = lab.invoke_async("f")
    lab.run()
    assert (task.status, task.state, task.attempts) == (202, "Succeeded", 1)
    assert starts(lab) == [0.0 if arrow in ("front door->caller", "instance->dispatcher") else 0.25]
    assert open_requests(lab) == 0


@pytest.mark.parametrize(("effect", "told"), [({"drop": True}, []), ({"delay": 2}, [3])])
def test_the_way_to_a_destination(effect: dict[str, Any], told: list[float]) -> None:
    lab = one(nap, async_config=retries(on_success="g"))
    lab.declare("g", duration=0)
    lab.faults.add("dispatcher->destination", **effect)
    lab.invoke_async("f")
    lab.run(until=10)
    assert starts(lab, request=2) == told


def test_chance_window_function_and_count() -> None:
    lab = one(nap)
    lab.declare("g", duration=0)
    lab.faults.add("front door->pool", drop=0.5, start=100, end=200, function="f")
    for name in "fg":
        lab.invoke_at(name, [50 + n / 10 for n in range(2000)])
    lab.run()
    failed = lab.recording.select(RequestFailed)
    assert {event.function for event in failed} == {"f"}
    assert min(event.time for event in failed) >= 100
    assert max(event.time for event in failed) < 200
    assert 400 < len(failed) < 600

    lab = one(nap)
    lab.faults.add("front door->pool", drop=True, times=3)
    calls = lab.invoke_at("f", range(6))
    lab.run()
    assert [call.response.status for call in calls if call.response] == [500] * 3 + [200] * 3


def test_delays_add_up_and_a_crash_outweighs_a_drop() -> None:
    lab = one(nap)
    lab.faults.add("pool->instance", delay=1)
    lab.faults.add("pool->instance", delay=2, crash=True)
    lab.faults.add("pool->instance", drop=True)
    response = lab.invoke("f")
    assert (response.status, lab.now) == (500, 3)
    assert [event.effect for event in lab.recording.select(FaultInjected)] == ["crash"]
    assert [why for _, _, why in gone(lab)] == ["killed"]


# ---- boots


@pytest.mark.parametrize(("phase", "end"), [("schedule", 0.1), ("download", 0.4), ("unpack", 0.55), ("start", 0.8), ("initialize", 1.0)])
def test_a_boot_phase_fails(phase: str, end: float) -> None:
    lab = lesson_lab()
    lab.faults.boot(phase, fail=1, times=1)
    response = lab.invoke("hello")
    assert (response.status, response.latency) == (500, end)
    assert [(event.time, event.phase) for event in lab.recording.select(BootFailed)] == [(end, phase)]
    assert gone(lab) == [(end, "hello#1", "boot")]
    assert lab.invoke("hello").latency == 1.1
    assert open_requests(lab) == 0


@pytest.mark.parametrize("phase", ["schedule", "download", "unpack", "start", "initialize"])
def test_a_boot_phase_drags(phase: str) -> None:
    lab = lesson_lab()
    lab.faults.boot(phase, delay=2)
    response = lab.invoke("hello")
    assert (response.ok, response.latency) == (True, 3.1)
    assert {one.name: one.duration for one in response.phases}[phase] > 2


def test_an_async_event_survives_a_failed_boot() -> None:
    lab = lesson_lab()
    lab.faults.boot("download", fail=1, times=2)
    task = lab.invoke_async("hello")
    lab.run()
    assert deliveries(lab) == [0, 0.9, 2.3]
    assert (task.state, task.executions) == ("Succeeded", 1)


def test_a_reserved_instance_that_cannot_boot_is_tried_again_more_and_more_slowly() -> None:
    lab = lesson_lab()
    lab.faults.boot("start", fail=1, times=4)
    lab.reserve("hello", 1)
    lab.run(until=100)
    assert [event.time for event in lab.recording.select(InstanceCreated)] == [0, 1.8, 4.6, 9.4, 18.2]
    assert [view.state for view in lab.instances("hello")] == ["idle"]


# ---- death of an instance


def test_an_instance_dies_in_the_middle_of_a_sync_request() -> None:
    lab = one(nap)
    call = lab.invoke_at("f", [0])[0]
    lab.run(until=0)
    lab.faults.kill("f#1", at=0.5)
    lab.run()
    assert call.response is not None
    assert (call.response.status, call.response.error, call.response.latency) == (500, "the instance died", 0.5)
    assert gone(lab) == [(0.5, "f#1", "killed")]
    assert [event.error_type for event in lab.recording.select(ExecutionEnded)] == ["InternalServerError"]


def test_an_instance_dies_in_the_middle_of_an_async_event() -> None:
    lab = one(nap)
    task = lab.invoke_async("f")
    lab.faults.kill("f#1", at=0.5)
    lab.run()
    assert (task.state, task.attempts, task.executions) == ("Succeeded", 2, 2)
    assert starts(lab) == [0, 1.0]


def test_neighbours_on_a_killed_instance_fail_as_system_errors() -> None:
    lab = one(nap, concurrency=3)
    calls = lab.invoke_at("f", [0, 0.1, 0.2])
    lab.run(until=0.25)
    assert [view.running for view in lab.instances("f")] == [3]
    lab.faults.kill("f#1", at=0.3)
    lab.run()
    assert [call.response.status for call in calls if call.response] == [500] * 3


def test_a_time_out_takes_its_neighbours_down() -> None:
    def sleeper(event: bytes, context: Any) -> None:
        time.sleep(float(event))

    lab = one(sleeper, concurrency=3)
    calls = lab.invoke_at("f", [0], b"10") + lab.invoke_at("f", [2], b"2")
    task = lab.invoke_at("f", [2.5], b"1", mode="async")[0]
    lab.run()
    assert [call.response.error_type for call in calls if call.response] == ["FunctionTimeoutError", "InternalServerError"]
    assert task.task is not None
    assert (task.task.state, task.task.history[-1][0], task.task.attempts) == ("Succeeded", 4.5, 2)
    assert starts(lab, request=3) == [2.5, 3.5]
    assert gone(lab) == [(3.0, "f#1", "timeout")]


def test_a_killed_instance_may_be_idle_booting_or_gone() -> None:
    lab = model_lab(1.0)
    call = lab.invoke_at("f", [0])[0]
    lab.run(until=0.5)
    lab.faults.kill("f#1")
    lab.run()
    assert call.response is not None
    assert (call.response.status, call.response.latency) == (500, 0.5)
    lab.invoke("f")
    lab.faults.kill("f#2")
    lab.faults.kill("f#1")
    lab.run_for(0)
    assert lab.instances("f") == []
    assert lab.invoke("f").cold


def test_a_killed_reserved_instance_is_replaced_at_once() -> None:
    lab = model_lab(1.0)
    lab.reserve("f", 2)
    lab.faults.kill("f#1", at=50)
    lab.run(until=60)
    assert [(event.time, event.instance) for event in lab.recording.select(InstanceCreated)] == [(0, "f#1"), (0, "f#2"), (50, "f#3")]
    assert [view.id for view in lab.instances("f")] == ["f#2", "f#3"]


def test_a_fault_with_an_error_in_it() -> None:
    lab = one(nap)
    with pytest.raises(UsageError, match="options: drop, crash, delay"):
        lab.faults.add("front door->pool", chance=1)
    assert lab.invoke("f").ok
    assert not lab.recording.select(RequestRejected)
    assert finishes(lab) == times(lab, RequestSucceeded)
