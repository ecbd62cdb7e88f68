"""Async requests: delay, states, ids, stopping, age, capacity, retries, destinations; the `Dispatcher`'s clauses."""

from __future__ import annotations

import json
import math
import time
from typing import Any

import pytest

from fclab import AsyncConfig, Lab
from fclab.observe.events import (
    DeliveryFailed,
    DestinationCalled,
    EventEnqueued,
    ExecutionEnded,
    RequestAccepted,
    RequestFailed,
    RequestRejected,
    RetryScheduled,
    TaskStopped,
)
from tests.unit.engine_kit import deliveries, failing, finishes, gone, model_lab, one, retries, slow_until, starts, times, waits


def nap(event: bytes, context: Any) -> str:
    time.sleep(1)
    return "rested"


def test_states_and_history_of_a_task() -> None:
    lab = one(slow_until(3, 1.0))
    task = lab.invoke_async("f", b"x")
    assert (task.state, task.attempts, task.response) == ("Running", 1, None)
    response = task.result()
    assert response.text == "attempt 3"
    assert [at for at, _ in task.history] == [0, 0, 1, 1.5, 2.5, 3.5, 4.5]
    assert [state for _, state in task.history] == ["Enqueued", *["Running", "Retrying"] * 2, "Running", "Succeeded"]
    assert (task.attempts, task.executions, task.status, task.number) == (3, 3, 202, 1)
    assert repr(task) == "Task(R1, Succeeded, 3 attempts)"


def test_the_request_id_is_the_same_in_every_attempt() -> None:
    seen: list[tuple[str, int]] = []

    def handler(event: bytes, context: Any) -> None:
        seen.append((context.request_id, context.retry_count))
        raise ValueError

    lab = one(handler)
    task = lab.invoke_async("f")
    lab.run()
    assert seen == [(task.request_id, n) for n in range(4)]


def test_delay_holds_an_event_back() -> None:
    lab = one(nap)
    task = lab.invoke_async("f", delay=3600)
    lab.run()
    assert task.history == [(0, "Enqueued"), (3600, "Running"), (3601, "Succeeded")]
    assert [event.due for event in lab.recording.select(EventEnqueued)] == [3600]
    assert task.response is not None
    assert task.response.latency == 3601


def test_result_with_a_timeout_stops_there() -> None:
    lab = one(nap)
    task = lab.invoke_async("f", delay=10)
    with pytest.raises(TimeoutError, match=r"R1 is Enqueued after 5 s of lab time"):
        task.result(timeout=5)
    assert lab.now == 5
    assert task.result(timeout=6).text == "rested"


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


# ---- clause 1: capacity is waited for, and that is no attempt


def test_clause_1_first_come_first_served_without_attempts() -> None:
    lab = one(nap, max_instances=1)
    tasks = [lab.invoke_async("f", str(n)) for n in range(5)]
    lab.run()
    assert [task.history[-1][0] for task in tasks] == [1, 2, 3, 4, 5]
    assert {task.attempts for task in tasks} == {1}
    assert deliveries(lab) == [0, 1, 2, 3, 4]


def test_clause_1_a_lab_wide_cap_serves_the_oldest_message_of_any_function() -> None:
    lab = Lab(profile="instant", max_instances=1)
    lab.declare("a", duration=1, idle_timeout=0)
    lab.declare("b", duration=1, idle_timeout=0)
    order = ["a", "b", "b", "a", "b"]
    for name in order:
        lab.invoke_async(name)
    lab.run()
    served = [event.function for event in lab.recording.select(ExecutionEnded)]
    assert sorted(served) == sorted(order)
    assert served[0] == "a"
    assert max(len(lab.instances(name)) for name in "ab") <= 1


def test_clause_1_raising_the_limit_lets_them_in() -> None:
    lab = one(nap, max_instances=0)
    task = lab.invoke_async("f")
    lab.run(until=9)
    assert task.state == "Enqueued"
    lab.limit("f", 1)
    assert (task.result().text, lab.now) == ("rested", 10)


def test_a_disabled_function_keeps_its_events() -> None:
    lab = one(nap)
    early = lab.invoke_async("f", delay=5)
    lab.disable("f")
    assert lab.invoke("f").status == 403
    assert lab.invoke_async("f").status == 403
    lab.run(until=100)
    assert early.state == "Enqueued"
    lab.enable("f")
    assert (early.result().text, lab.now) == ("rested", 101)


def test_a_replaced_function_gets_the_waiting_events() -> None:
    lab = one(nap)
    task = lab.invoke_async("f", delay=5)
    lab.function(name="f")(lambda event, context: "the new one")
    assert task.result().text == "the new one"


# ---- clause 3: retries


@pytest.mark.parametrize("count", [0, 1, 8])
def test_clause_3_as_often_as_the_policy_says(count: int) -> None:
    lab = one(failing, async_config=retries(max_retries=count))
    task = lab.invoke_async("f")
    lab.run()
    assert (task.state, task.executions) == ("Failed", count + 1)
    assert waits(lab) == [0.5 * 2**n for n in range(count)]


def test_clause_3_function_errors_do_not_end_on_the_cap() -> None:
    lab = one(failing, async_config=retries(max_retries=6, cap=2, first_delay=1))
    lab.invoke_async("f")
    lab.run()
    assert waits(lab) == [1, 2, 2, 2, 2, 2]


def test_clause_3_a_time_out_is_retried_like_any_function_error() -> None:
    lab = one(lambda event, context: time.sleep(10), async_config=retries(max_retries=1))
    task = lab.invoke_async("f")
    lab.run()
    assert [event.error_type for event in lab.recording.select(ExecutionEnded)] == ["FunctionTimeoutError"] * 2
    assert task.response is not None
    assert task.response.status == 200
    assert lab.now == 6.5


def test_clause_3_system_errors_do_not_count_as_retries_of_the_function() -> None:
    lab = one(failing, async_config=retries(max_retries=2))
    lab.faults.outage(0, 10)
    task = lab.invoke_async("f")
    lab.run()
    assert (task.attempts, task.executions) == (6 + 2, 3)
    assert [event.cause for event in lab.recording.select(RetryScheduled)] == ["system"] * 5 + ["function"] * 2
    assert waits(lab) == [0.5, 1, 2, 4, 8, 0.5, 1]
    assert len(lab.recording.select(DeliveryFailed)) == 5


def test_clause_3_a_row_of_system_errors_starts_anew_after_a_run() -> None:
    lab = one(failing)
    lab.faults.outage(0, 1)
    lab.faults.outage(1.55, 3)
    lab.invoke_async("f")
    lab.run()
    assert waits(lab)[:5] == [0.5, 1, 0.5, 0.5, 1], "system 0.5, 1; function 0.5; system from the beginning"


def test_clause_3_the_total_is_counted_from_the_first_system_error() -> None:
    lab = model_lab(async_config=retries(total=10))
    lab.faults.outage(0)
    task = lab.invoke_async("f", delay=100)
    lab.run()
    assert deliveries(lab) == [100, 100.5, 101.5, 103.5, 107.5]
    assert (task.state, lab.now) == ("Failed", 107.5)


# ---- clause 4: age


def test_clause_4_an_event_expires_when_it_is_due_too_late() -> None:
    lab = one(failing, async_config=retries(max_age=1.5, on_failure="queue:dead"))
    task = lab.invoke_async("f")
    lab.run()
    assert deliveries(lab) == [0, 0.6]
    assert task.state == "Expired"
    assert [(event.time, event.error_type) for event in lab.recording.select(RequestFailed)] == [(1.7, "EventExpired")]
    assert len(lab.queues["dead"]) == 1


@pytest.mark.parametrize(("age", "state"), [(60, "Succeeded"), (59.999999, "Expired")])
def test_clause_4_exactly_at_the_limit_it_still_runs(age: float, state: str) -> None:
    lab = one(nap, async_config=retries(max_age=age))
    task = lab.invoke_async("f", delay=60)
    lab.run()
    assert task.state == state


def test_clause_4_waiting_for_capacity_ages_too() -> None:
    lab = one(nap, max_instances=1, async_config=retries(max_age=2))
    tasks = [lab.invoke_async("f") for _ in range(5)]
    lab.run()
    assert [task.state for task in tasks] == ["Succeeded"] * 3 + ["Expired"] * 2


# ---- clause 5


def test_clause_5_an_outage_refuses_at_dispatch_in_no_time() -> None:
    lab = one(nap)
    lab.faults.outage(0, 0.5)
    task = lab.invoke_async("f")
    assert task.status == 202
    lab.run()
    (failed,) = lab.recording.select(DeliveryFailed)
    assert (failed.time, failed.status, failed.error_type) == (0, 500, "InternalServerError")
    assert (task.attempts, task.executions) == (2, 1)


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


def test_a_destination_that_does_not_exist_is_refused_and_recorded() -> None:
    lab = one(nap, async_config=retries(on_success="nobody"))
    lab.invoke_async("f")
    lab.run()
    assert [(event.request, event.status) for event in lab.recording.select(RequestRejected)] == [(2, 404)]


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
