"""Async requests: delay, states, ids, stopping, age, capacity, retries, destinations; the `Dispatcher`'s clauses."""

from __future__ import annotations

import time
from typing import Any

import pytest

from fclab import Lab
from fclab.observe.events import (
    DeliveryFailed,
    EventEnqueued,
    ExecutionEnded,
    RequestFailed,
    RetryScheduled,
)
from tests.unit.engine_kit import deliveries, failing, model_lab, one, retries, slow_until, waits


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


@pytest.mark.parametrize(("age", "state"), [(60, "Succeeded"), (59.999999, "Rejected")])
def test_clause_4_exactly_at_the_limit_it_still_runs_and_a_longer_delay_is_refused(age: float, state: str) -> None:
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
