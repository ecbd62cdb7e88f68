"""Faults: outages, every arrow dropped, delayed and crashed, boots that fail or drag, instances that die; and that all of it ends."""

from __future__ import annotations

import time
from typing import Any

import pytest

from fclab import EndlessRun, Lab
from fclab.engine.faults import ARROWS
from fclab.observe.events import (
    FaultInjected,
    InstanceCreated,
    OutageEnded,
    OutageStarted,
    RequestFailed,
    RetryScheduled,
)
from tests.unit.engine_kit import gone, one, retries, starts, times


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
