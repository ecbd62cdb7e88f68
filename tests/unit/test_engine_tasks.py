"""Async requests as tasks: their ids, stopping them, and the destinations that hear of their outcome."""

from __future__ import annotations

import json
import math
import time
from itertools import pairwise
from typing import Any

import pytest

from fclab import AsyncConfig, Lab
from fclab.observe.events import (
    DestinationCalled,
    RequestAccepted,
    RequestFailed,
    RequestRejected,
    TaskStopped,
)
from tests.unit.engine_kit import deliveries, failing, finishes, gone, model_lab, one, retries, starts, times


def nap(event: bytes, context: Any) -> str:
    time.sleep(1)
    return "rested"


# ---- ids


def test_a_task_id_is_refused_the_second_time() -> None:
    lab = one(nap)
    first, second = (lab.invoke_async("f", task_id="order-7") for _ in range(2))
    lab.function(name="g")(nap)
    other = lab.invoke_async("g", task_id="order-7")
    lab.run()
    again = lab.invoke_async("f", task_id="order-7")
    assert [task.status for task in (first, second, other, again)] == [202, 409, 202, 409]
    assert second.state == "Rejected"
    assert second.response is not None
    assert second.response.error_type == "StatefulAsyncInvocationAlreadyExists"
    assert "order-7" in (second.response.error or "")
    assert (second.result().status, second.stop()) == (409, False)
    assert first.task_id == "order-7"


@pytest.mark.parametrize(
    ("task_id", "status"), [("", 202), ("_x", 202), ("a" * 128, 202), ("a" * 129, 400), ("7days", 400), ("a b", 400), ("é", 400)]
)
def test_the_form_of_a_task_id(task_id: str, status: int) -> None:
    lab = one(nap)
    task = lab.invoke_async("f", task_id=task_id)
    assert task.status == status
    if status == 400:
        assert [event.error_type for event in lab.recording.select(RequestRejected)] == ["InvalidArgument"]


# ---- stopping


def test_stop_while_it_waits() -> None:
    lab = one(nap)
    task = lab.invoke_async("f", delay=10)
    lab.run(until=4)
    assert task.stop()
    assert not task.stop()
    lab.run()
    assert (task.state, lab.now, starts(lab)) == ("Stopped", 4, [])
    assert task.response is not None
    assert task.response.error_type == "TaskStopped"
    assert times(lab, TaskStopped, RequestFailed) == [4, 4]


def test_stop_while_it_runs_ends_the_instance() -> None:
    seen: list[str] = []

    def handler(event: bytes, context: Any) -> None:
        try:
            time.sleep(2)
        except BaseException as error:
            seen.append(type(error).__name__)
            raise

    lab = one(handler, async_config=retries(on_failure="queue:dead"))
    task = lab.invoke_async("f")
    lab.run(until=1)
    assert task.stop()
    lab.run()
    assert (task.state, seen, gone(lab)) == ("Stopped", ["Interrupted"], [(1.0, "f#1", "stopped")])
    assert [state for _, state in task.history] == ["Enqueued", "Running", "Stopping", "Stopped"]
    assert lab.queues == {}, "a stopped task tells nobody"


def test_stop_while_its_instance_boots_never_runs_it() -> None:
    lab = Lab()
    lab.function(name="f")(nap)
    task = lab.invoke_async("f")
    lab.run(until=0.5)
    assert task.stop()
    assert task.history[-1] == (0.5, "Stopped")
    lab.run(until=2)
    assert starts(lab) == []
    assert [view.state for view in lab.instances("f")] == ["idle"], "the boot goes on and leaves a warm instance"
    assert not lab.invoke("f").cold


def test_stop_between_retries() -> None:
    lab = one(failing)
    task = lab.invoke_async("f")
    lab.run(until=0.3)
    assert task.state == "Retrying"
    assert task.stop()
    lab.run()
    assert (task.state, task.executions) == ("Stopped", 1)


def test_stop_after_the_end() -> None:
    lab = one(nap)
    task = lab.invoke_async("f")
    task.result()
    assert not task.stop()


# ---- destinations


def test_success_goes_to_a_queue_with_the_documented_body() -> None:
    lab = one(nap, async_config=retries(on_success="queue:done", on_failure="queue:dead"))
    task = lab.invoke_async("f", b"in")
    lab.run()
    assert list(lab.queues) == ["done"]
    assert json.loads(lab.queues["done"][0]) == {
        "timestamp": 1000,
        "requestContext": {
            "requestId": task.request_id, "functionArn": "acs:fc:::functions/f", "condition": "", "approximateInvokeCount": 1,
        },
        "requestPayload": "in",
        "responseContext": {"statusCode": 200, "functionError": ""},
        "responsePayload": "rested",
    }  # fmt: skip


def test_failure_goes_to_a_function_which_knows_its_cause() -> None:
    lab = one(failing, async_config=retries(on_failure="rescue"))
    got: list[dict[str, Any]] = []

    @lab.function
    def rescue(event: bytes, context: Any) -> None:
        got.append(json.loads(event))

    task = lab.invoke_async("f", b"in")
    lab.run()
    body = got[0]
    assert body["requestContext"]["condition"] == body["responseContext"]["functionError"] == "UnhandledInvocationError"
    assert (body["requestContext"]["approximateInvokeCount"], body["requestContext"]["requestId"]) == (4, task.request_id)
    assert json.loads(body["responsePayload"])["errorMessage"] == "no"
    assert [(event.destination, event.caused) for event in lab.recording.select(DestinationCalled)] == [("rescue", 2)]
    assert [event.cause for event in lab.recording.select(RequestAccepted)] == [0, 1]
    assert finishes(lab)[0] == body["timestamp"] / 1000


def test_a_destination_that_does_not_exist_is_told_again_and_given_up() -> None:
    lab = one(nap, async_config=retries(on_success="nobody"))
    task = lab.invoke_async("f")
    lab.run()
    refused = lab.recording.select(RequestRejected)
    assert [(event.request, event.status) for event in refused] == [(number, 404) for number in range(2, 12)]
    assert [later.time - one.time for one, later in pairwise(refused)] == pytest.approx([0.5 * 2**n for n in range(9)])
    assert task.state == "Succeeded", "what becomes of the destination does not touch the outcome"
    record = lab._platform.queue.task(1)
    assert record is not None
    assert record.destination == "Failed"


def test_a_destination_that_comes_late_is_told() -> None:
    lab = one(nap, async_config=retries(on_success="later"))
    lab.invoke_async("f")
    lab.run(until=2)
    got: list[bytes] = []
    lab.function(name="later")(lambda event, context: got.append(event))
    lab.run()
    assert len(got) == 1
    record = lab._platform.queue.task(1)
    assert record is not None
    assert record.destination == "Succeeded"


def test_a_call_lost_on_its_way_to_a_queue_is_made_again() -> None:
    lab = one(nap, async_config=retries(on_success="queue:done"))
    lab.faults.add("dispatcher->destination", drop=1.0, end=1.0)
    lab.invoke_async("f")
    lab.run()
    assert len(lab.queues["done"]) == 1
    assert lab.now >= 1


def test_sync_requests_have_no_destinations() -> None:
    lab = one(nap, async_config=retries(on_success="queue:done"))
    lab.invoke("f")
    assert lab.queues == {}


def test_drain_waits_for_one_function_only() -> None:
    lab = one(nap)
    lab.declare("g", duration=1)
    lab.invoke_async("f", delay=5)
    lab.invoke_async("g", delay=500)
    lab.drain("f")
    assert lab.now == 6


def test_none_and_infinity_in_a_config() -> None:
    assert AsyncConfig().max_retries is None
    lab = model_lab(lab_semantics="fc", async_config=retries(total=math.inf, max_age=math.inf, cap=math.inf))
    lab.faults.outage(0, 40_000)
    task = lab.invoke_async("f")
    lab.run()
    assert (task.state, deliveries(lab)[-1]) == ("Succeeded", 65_535.5)
