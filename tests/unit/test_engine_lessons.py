"""The numbers the course teaches, computed again by the engine: a text and the platform must not drift apart."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest

from fclab import AsyncConfig, Lab
from fclab.observe.events import InstanceReclaimed, RequestFailed, RequestRejected, RequestSucceeded, RetryScheduled
from tests.unit.engine_kit import (
    colds,
    connect,
    deliveries,
    failing,
    finishes,
    latencies,
    lesson_lab,
    model_lab,
    starts,
    statuses,
    times,
    waits,
)


def five_seconds(event: bytes, context: Any) -> str:
    time.sleep(5)
    return "done"


def lesson_04() -> Lab:
    return lesson_lab(five_seconds, timeout=10)


# ---- lesson 00


def test_00_three_requests() -> None:
    lab = lesson_lab()
    calls = lab.invoke_at("hello", [0, 60, 600])
    lab.run()
    assert latencies(calls) == [1.1, 0.1, 1.1]
    assert colds(calls) == [True, False, True]
    assert times(lab, InstanceReclaimed) == [360.1]
    assert [(phase.name, phase.start, phase.duration) for phase in calls[0].response.phases] == [  # type: ignore[union-attr]
        ("schedule", 0.0, 0.1),
        ("download", 0.1, 0.3),
        ("unpack", 0.4, 0.15),
        ("start", 0.55, 0.25),
        ("initialize", 0.8, 0.2),
    ]


@pytest.mark.parametrize(("third", "cold"), [(360.099999, False), (360.1, False), (360.100001, True), (600, True)])
def test_00_the_last_second_at_which_r3_is_warm(third: float, cold: bool) -> None:
    lab = lesson_lab()
    calls = lab.invoke_at("hello", [0, 60, third])
    lab.run()
    assert colds(calls) == [True, False, cold]


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (200, [True, False, True]),
        (299.899999, [True, False, True]),
        (299.9, [True, False, False]),
        (300, [True, False, False]),
        (301.1, [True, False, False]),
        (301.100001, [True, True, False]),
        (400, [True, True, False]),
    ],
)
def test_00_the_window_in_which_r2_keeps_both_warm(second: float, expected: list[bool]) -> None:
    lab = lesson_lab()
    calls = lab.invoke_at("hello", [0, second, 600])
    lab.run()
    assert colds(calls) == expected
    if second == 200:
        assert times(lab, InstanceReclaimed) == [500.1]


# ---- lesson 02


def pictures(**options: Any) -> Lab:
    lab = Lab()

    def convert(event: bytes, context: Any) -> None:
        time.sleep(2)

    lab.function(name="hello", initializer=connect, **options)(convert)
    return lab


def test_02_forty_pictures_at_once() -> None:
    lab = pictures()
    lab.invoke_at("hello", [0] * 40, mode="async")
    lab.run()
    assert lab.now == 3.0
    assert finishes(lab) == [3.0] * 40
    assert len(lab.instances("hello")) == 40


def test_02_a_cap_of_ten_async() -> None:
    lab = pictures(max_instances=10)
    lab.invoke_at("hello", [0] * 40, mode="async")
    lab.run()
    assert finishes(lab) == [3.0] * 10 + [5.0] * 10 + [7.0] * 10 + [9.0] * 10


def test_02_a_cap_of_ten_sync() -> None:
    lab = pictures(max_instances=10)
    calls = lab.invoke_at("hello", [0] * 40)
    lab.run()
    assert sorted(statuses(calls)) == [200] * 10 + [429] * 30


# ---- lesson 04


def test_04_sync_waits_for_the_result() -> None:
    response = lesson_04().invoke("hello")
    assert (response.latency, response.text) == (6.0, "done")


def test_04_async_answers_at_once() -> None:
    lab = lesson_04()
    task = lab.invoke_async("hello")
    assert lab.now == 0
    assert task.accepted is not None
    assert (task.accepted.status, task.accepted.latency, task.accepted.request_id) == (202, 0.0, task.request_id)
    assert (task.result().text, lab.now) == ("done", 6.0)


def test_04_ten_calls_with_two_instances() -> None:
    lab = lesson_04()
    lab.limit("hello", 2)
    calls = lab.invoke_at("hello", [0] * 10)
    lab.run()
    assert statuses(calls) == [200] * 2 + [429] * 8
    assert {call.response.error_type for call in calls[2:]} == {"ResourceExhausted"}  # type: ignore[union-attr]
    assert len(times(lab, RequestRejected)) == 8

    lab = lesson_04()
    lab.limit("hello", 2)
    tasks = [lab.invoke_async("hello") for _ in range(10)]
    lab.run()
    assert [task.status for task in tasks] == [202] * 10
    assert [task.history[-1] for task in tasks] == [(float(at), "Succeeded") for at in (6, 6, 11, 11, 16, 16, 21, 21, 26, 26)]
    assert [task.attempts for task in tasks] == [1] * 10, "waiting for capacity is no attempt"


# ---- lesson 05


def test_05_an_always_raising_function_runs_four_times() -> None:
    """Cold first, in the delivery's own count: 0, 1.6, 2.7, 4.8, final failure at 4.9 s."""
    lab = lesson_lab(failing)
    task = lab.invoke_async("hello")
    lab.run()
    assert deliveries(lab) == [0, 1.6, 2.7, 4.8]
    assert starts(lab) == [1.0, 1.6, 2.7, 4.8]
    assert times(lab, RequestFailed) == [4.9]
    assert (task.attempts, task.executions, task.state) == (4, 4, "Failed")
    assert waits(lab) == [0.5, 1.0, 2.0]


def outage(end: float) -> Lab:
    lab = lesson_lab()
    lab.faults.outage(0, end)
    lab.invoke_async("hello")
    lab.run()
    return lab


def test_05_an_outage_of_sixty_seconds() -> None:
    lab = outage(60)
    assert deliveries(lab) == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 63.5]
    assert starts(lab) == [64.5]
    assert times(lab, RequestSucceeded) == [64.6]


@pytest.mark.parametrize(
    ("end", "start"), [(31.5, 31.5), (31.500001, 63.5), (40, 63.5), (63.5, 63.5), (63.500001, 127.5), (63.6, 127.5)]
)
def test_05_the_start_depends_on_the_outage_in_steps(end: float, start: float) -> None:
    assert deliveries(outage(end))[-1] == start


@pytest.mark.parametrize(("cap", "retry_20"), [(512, 5631.5), (math.inf, 524_287.5)])
def test_05_the_twentieth_retry(cap: float, retry_20: float) -> None:
    lab = model_lab(async_config=AsyncConfig(cap=cap))
    lab.faults.outage(0)
    lab.invoke_async("f")
    lab.run(until=600_000)
    assert deliveries(lab)[20] == retry_20
    assert round(524_287.5 / 86_400, 2) == 6.07


@pytest.mark.parametrize(("cap", "retries"), [(math.inf, 15), (512, 44)])
def test_05_five_hours_of_fc(cap: float, retries: int) -> None:
    lab = model_lab(lab_semantics="fc", async_config=AsyncConfig(cap=cap))
    lab.faults.outage(0)
    task = lab.invoke_async("f")
    lab.run()
    assert task.state == "Failed"
    assert len(deliveries(lab)) == retries + 1
    assert task.response is not None
    assert (task.response.status, task.response.error_type) == (500, "InternalServerError")


def test_05_lambda_waits_one_and_two_minutes() -> None:
    lab = Lab(semantics="lambda")
    lab.function(name="hello", initializer=connect)(failing)
    task = lab.invoke_async("hello")
    lab.run()
    assert waits(lab) == [60, 120]
    assert task.executions == 3
    assert [event.cause for event in lab.recording.select(RetryScheduled)] == ["function", "function"]
