"""Boots that fail or drag, and instances that die in the middle of something: who notices, who is replaced, who is retried."""

from __future__ import annotations

import time
from typing import Any

import pytest

from fclab import Lab, UsageError
from fclab.observe.events import (
    BootFailed,
    ExecutionEnded,
    InstanceCreated,
    RequestRejected,
    RequestSucceeded,
)
from tests.unit.engine_kit import deliveries, finishes, gone, lesson_lab, model_lab, one, starts, times


def nap(event: bytes, context: Any) -> str:
    time.sleep(1)
    return "rested"


def open_requests(lab: Lab) -> int:
    """Requests the platform still counts as under way."""
    return lab._platform.work + lab._platform.moving


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
