"""What happens to a request while it is on an arrow of the chain: its task is stopped, its function is declared again."""

from __future__ import annotations

import time
from typing import Any

import pytest

from fclab import Lab
from fclab.observe.events import FunctionDeclared, RequestAccepted, RequestFailed, RequestSucceeded
from tests.unit.engine_kit import created, gone, hello, latencies, model_lab, one, starts, statuses, whole

LATE = ["front door->queue", "queue->dispatcher", "dispatcher->pool", "pool->instance"]
"""The arrows that an event crosses before it runs."""


def stopped_on(arrow: str, *, warm: bool) -> Lab:
    """A lab in which R1's task (R2's if an instance is warm) was stopped while it was on the arrow."""
    lab = one(hello)
    if warm:
        lab.invoke("f")
    before = len(starts(lab))
    lab.faults.add(arrow, delay=5)
    task = lab.invoke_async("f")
    lab.run_for(2)
    assert task.stop()
    assert task.state == "Stopping"
    lab.run()
    assert task.state == "Stopped"
    assert task.response is not None
    assert (task.response.error_type, task.executions) == ("TaskStopped", 0)
    assert [state for _, state in task.history][-2:] == ["Stopping", "Stopped"]
    assert len(starts(lab)) == before, "it never runs"
    assert not task.stop()
    return lab


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("arrow", LATE)
def test_a_task_stopped_on_an_arrow_never_runs(arrow: str, warm: bool) -> None:
    lab = stopped_on(arrow, warm=warm)
    assert lab.now == (5.1 if warm else 5)
    assert gone(lab) == [], "an instance on which nothing ran lives on"
    assert [view.state for view in lab.instances("f")] == ["idle"] * (warm or arrow == "pool->instance")
    assert whole(lab)
    lab.faults.clear()
    assert lab.invoke("f").ok


def test_a_task_stopped_on_its_way_back_is_stopped_all_the_same() -> None:
    lab = one(hello)
    lab.faults.add("instance->dispatcher", delay=5)
    task = lab.invoke_async("f")
    lab.run(until=1)
    assert task.stop()
    lab.run()
    assert (task.state, task.executions, lab.now) == ("Stopped", 1, 5.1)
    assert whole(lab)


def test_a_stop_outweighs_a_loss_on_the_same_arrow() -> None:
    lab = one(hello)
    lab.faults.add("queue->dispatcher", delay=5, drop=True)
    task = lab.invoke_async("f")
    lab.run(until=1)
    assert task.stop()
    lab.run()
    assert (task.state, task.attempts, lab.now) == ("Stopped", 1, 5)


# ---- the slots of a fresh instance


def test_the_free_slots_of_a_fresh_instance_are_offered() -> None:
    lab = model_lab(1.0, 0.8, concurrency=10, max_instances=1)
    tasks = [lab.invoke_async("f") for _ in range(3)]
    lab.run()
    assert [task.response.latency for task in tasks if task.response] == [1.8] * 3
    assert starts(lab) == [0.8] * 3
    assert created(lab) == [0]


def test_the_slots_of_a_fresh_instance_and_those_that_come_later() -> None:
    lab = model_lab(1.0, 0.8, concurrency=2, max_instances=1)
    for _ in range(3):
        lab.invoke_async("f")
    lab.run()
    assert starts(lab) == [0.8, 0.8, 1.8]


# ---- declared again


def answers(text: str) -> Any:
    def handler(event: bytes, context: Any) -> str:
        time.sleep(0.1)
        return text

    return handler


@pytest.mark.parametrize("arrow", ["caller->front door", "front door->pool"])
def test_a_sync_request_on_its_way_meets_the_new_code(arrow: str) -> None:
    lab = one(answers("old"))
    lab.faults.add(arrow, delay=5)
    calls = lab.invoke_at("f", [0, 0])
    lab.run(until=2)
    lab.function(name="f")(answers("new"))
    lab.run()
    assert [call.response.text for call in calls if call.response] == ["new", "new"]
    assert whole(lab)


@pytest.mark.parametrize("arrow", ["caller->front door", *LATE[:3]])
def test_an_event_on_its_way_meets_the_new_code(arrow: str) -> None:
    lab = one(answers("old"))
    lab.faults.add(arrow, delay=5)
    task = lab.invoke_async("f")
    lab.run(until=2)
    lab.function(name="f", concurrency=2)(answers("new"))
    lab.run()
    assert task.response is not None
    assert (task.response.text, task.attempts) == ("new", 1)
    assert whole(lab)


def test_a_request_on_its_way_meets_what_was_switched_meanwhile() -> None:
    lab = one(answers("old"))
    lab.faults.add("caller->front door", delay=5)
    calls = lab.invoke_at("f", [0])
    lab.run(until=2)
    lab.function(name="f")(answers("new"))
    lab.disable("f")
    lab.run()
    assert statuses(calls) == [403]


def test_what_was_set_by_name_survives() -> None:
    lab = model_lab(0.1, 0.5)
    lab.disable("f")
    lab.reserve("f", 2)
    lab.run(until=5)
    lab.declare("f", duration=0.2, boot=0.5)
    lab.run(until=10)
    assert lab.invoke("f").status == 403
    assert [(view.id, view.reserved) for view in lab.instances("f")] == [("f#3", True), ("f#4", True)]
    lab.enable("f")
    assert lab.invoke("f").duration == 0.2


def test_a_schedule_and_tracking_survive_too() -> None:
    lab = model_lab(0.1, 0.5)
    lab.reserve("f", 1, schedule=[(100, 200, 3)])
    lab.run(until=50)
    lab.declare("f", duration=0.2, boot=0.5)
    standing = []
    for at in (60, 150, 250):
        lab.run(until=at)
        standing.append(len(lab.instances("f")))
    assert standing == [1, 3, 1]


def test_a_declared_number_replaces_the_plan() -> None:
    lab = model_lab(0.1, 0.5)
    lab.reserve("f", 3, schedule=[(100, 200, 5)])
    lab.declare("f", duration=0.1, boot=0.5, reserved=1)
    standing = []
    for at in (50, 150):
        lab.run(until=at)
        standing.append(len(lab.instances("f")))
    assert standing == [1, 1]
    lab.declare("f", duration=0.1, boot=0.5)
    lab.run(until=160)
    assert lab.instances("f") == [], "what the declaration reserved goes with it"


def test_the_cap_counts_what_is_left_of_the_one_before() -> None:
    lab = model_lab(10.0, 1.0, timeout=60, max_instances=2)
    old = lab.invoke_at("f", [0, 0])
    lab.run(until=2)
    lab.declare("f", duration=1, boot=1, max_instances=2)
    refused = lab.invoke("f")
    task = lab.invoke_async("f")
    lab.run()
    assert (refused.status, refused.error_type) == (429, "ResourceExhausted")
    assert latencies(old) == [11, 11], "what runs is finished"
    assert starts(lab, request=4) == [12], "the event waits until one of the old instances has gone"
    assert task.state == "Succeeded"


def test_declaring_again_and_again_while_all_of_them_run() -> None:
    lab = Lab(profile="instant")
    for _ in range(60):
        lab.declare("f", duration=1000, timeout=2000, max_instances=61)
        lab.invoke_async("f")
    lab.run(until=1)
    assert len(starts(lab)) == 60
    assert [lab.invoke_async("f").number for _ in range(2)] == [61, 62]
    assert len(starts(lab)) == 60
    lab.run()
    assert sorted(starts(lab))[60:] == [1.0, 1000.0], "one more has room, the other waits for the first to end"
    assert len(lab.recording.select(FunctionDeclared)) == 60
    assert len(lab.recording.select(RequestAccepted)) == len(lab.recording.select(RequestSucceeded, RequestFailed)) == 62


@pytest.mark.parametrize("delay", [100, 3600])
def test_a_stopped_event_does_not_hold_the_run_until_it_was_due(delay: float) -> None:
    lab = model_lab(1.0)
    task = lab.invoke_async("f", delay=delay)
    lab.invoke_at("f", [0])
    assert task.stop()
    lab.run()
    assert (lab.now, task.state, whole(lab)) == (2.0, "Stopped", True)


def test_a_stopped_retry_does_not_hold_the_run_until_it_was_due() -> None:
    lab = model_lab(1.0)
    lab.faults.outage(0, 1)
    tasks = [lab.invoke_async("f"), lab.invoke_async("f", delay=2)]
    lab.run(until=0.6)
    assert tasks[0].stop()
    lab.run()
    assert (lab.now, [task.state for task in tasks]) == (4.0, ["Stopped", "Succeeded"])
