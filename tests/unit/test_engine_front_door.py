"""Growth limits, the front door's refusals and numbers, replacing a function, and the hooks of an instance's life."""

from __future__ import annotations

import time
from typing import Any

import pytest

from fclab import BootProfile, Lab
from fclab.engine.growth import Growth
from fclab.model import ASYNC_PAYLOAD_LIMIT, SYNC_PAYLOAD_LIMIT
from fclab.observe.events import (
    FunctionDeclared,
    FunctionSwitched,
    HookFinished,
    InstanceAssigned,
    InstanceStopping,
    LimitSet,
    RequestAccepted,
    RequestRejected,
    RequestSucceeded,
)
from tests.unit.engine_kit import deliveries, gone, latencies, model_lab, one, starts, statuses, times, waits


def nap(event: bytes, context: Any) -> str:
    time.sleep(1)
    return "rested"


def used(lab: Lab) -> list[str]:
    """Which instance each request went to."""
    return [event.instance for event in lab.recording.select(InstanceAssigned)]


# ---- growth


def test_growth_is_exact() -> None:
    growth = Growth(2, 1, 3)
    for _ in range(2):
        assert growth.available(0)
        growth.take(0)
    assert not growth.available(0)
    assert [growth.available(at) for at in (1, 2)] == [False, False]
    assert growth.available(3)
    growth.take(3)
    assert [growth.available(at) for at in (4, 5, 6)] == [False, False, True]
    assert Growth(None, 0, 0).available(0)


@pytest.mark.parametrize(("semantics", "burst", "later", "at"), [("fc", 300, 5, 1), ("lambda", 1000, 100, 1)])
def test_a_burst_over_the_growth_limit(semantics: str, burst: int, later: int, at: float) -> None:
    lab = Lab(semantics=semantics, max_instances=10_000)
    lab.declare("f", duration=30, timeout=60, boot=1)
    calls = lab.invoke_at("f", [0] * (burst + 10) + [at] * (later + 5))
    lab.run()
    assert statuses(calls)[:burst] == [200] * burst
    assert statuses(calls)[burst : burst + 10] == [429] * 10
    assert statuses(calls)[burst + 10 :] == [200] * later + [429] * 5
    refused = [event for event in lab.recording.select(RequestRejected) if event.time == 0]
    assert len(refused) == 10
    first = calls[burst].response
    assert first is not None
    assert "too fast" in str(first.error)


def test_growth_refusal_of_async_is_a_system_retry() -> None:
    lab = Lab(semantics="fc", max_instances=10_000)
    lab.declare("f", duration=30, timeout=60, boot=1)
    lab.invoke_at("f", [0] * 303, mode="async")
    lab.run()
    assert len(deliveries(lab)) == 303 + 3 + 1
    assert [waits(lab, request) for request in (300, 301, 302, 303)] == [[], [0.5], [0.5], [0.5, 1]]
    assert starts(lab, 303) == [2.5]


def test_the_presets_cap() -> None:
    lab = Lab(semantics="fc")
    lab.declare("f", duration=30, timeout=60)
    calls = lab.invoke_at("f", [0] * 301)
    lab.run()
    assert statuses(calls).count(429) == 1


# ---- the front door


@pytest.mark.parametrize(
    ("mode", "size", "status"),
    [
        ("sync", SYNC_PAYLOAD_LIMIT, 200), ("sync", SYNC_PAYLOAD_LIMIT + 1, 400),
        ("async", ASYNC_PAYLOAD_LIMIT, 202), ("async", ASYNC_PAYLOAD_LIMIT + 1, 400),
    ],
)  # fmt: skip
def test_how_much_a_request_may_carry(mode: str, size: int, status: int) -> None:
    lab = model_lab()
    payload = bytes(size)
    if mode == "sync":
        response = lab.invoke("f", payload)
        assert (response.status, response.error_type) == (status, None if status == 200 else "EntityTooLarge")
        assert size <= SYNC_PAYLOAD_LIMIT or str(SYNC_PAYLOAD_LIMIT) in (response.error or "")
    else:
        assert lab.invoke_async("f", payload).status == status


def test_clause_1_every_request_has_a_number_and_an_answer() -> None:
    lab = model_lab(max_instances=1)
    responses = [lab.invoke(name) for name in ("nobody", "f", "nobody")]
    assert [response.status for response in responses] == [404, 200, 404]
    assert [response.request_id for response in responses] == [f"1-00000000-{n:012x}" for n in (1, 2, 3)]


def test_clause_2_a_refusal_is_one_event() -> None:
    lab = model_lab()
    lab.disable("f")
    response = lab.invoke("f")
    assert (response.status, response.error_type) == (403, "FunctionDisabled")
    assert [event.kind for event in lab.recording.events if event.request] == ["RequestRejected"]
    lab.enable("f")
    assert lab.invoke("f").ok
    assert [event.enabled for event in lab.recording.select(FunctionSwitched)] == [False, True]
    assert len(lab.recording.select(RequestAccepted)) == len(lab.recording.select(RequestSucceeded)) == 1


def test_what_is_billed_is_rounded_up_to_the_millisecond() -> None:
    def begin(context: Any) -> None:
        time.sleep(0.2001)

    lab = one(lambda event, context: time.sleep(0.1001), initializer=begin)
    first, second = lab.invoke("f"), lab.invoke("f")
    assert (first.duration, first.billed) == (0.1001, 0.302)
    assert (second.duration, second.billed) == (0.1001, 0.101)


def test_replacing_a_function() -> None:
    lab = model_lab(1.0)
    running = lab.invoke_at("f", [0])
    lab.run(until=1.5)
    lab.declare("f", duration=5, boot=1, timeout=10)
    lab.run()
    assert latencies(running) == [2.0], "what runs is finished by the old one"
    assert gone(lab) == [(2.0, "f#1", "lowered")]
    assert lab.invoke("f").latency == 6
    assert len(lab.recording.select(FunctionDeclared)) == 2


def test_limits_are_recorded() -> None:
    lab = model_lab(max_instances=3)
    lab.limit("f", 1)
    lab.limit("f")
    assert [event.max_instances for event in lab.recording.select(LimitSet)] == [3, 1, -1]


# ---- initializers and hooks


def wait_for(seconds: float, seen: list[float]) -> Any:
    def hook(context: Any) -> None:
        seen.append(context.now)
        time.sleep(seconds)

    return hook


def test_an_initializer_runs_once_an_instance() -> None:
    seen: list[float] = []
    lab = one(nap, initializer=wait_for(2, seen))
    calls = lab.invoke_at("f", [0, 10, 10])
    lab.run()
    assert latencies(calls) == [3, 1, 3]
    assert seen == [0, 10]


@pytest.mark.parametrize(("seconds", "kind"), [(3, None), (3.000001, "FunctionTimeoutError")])
def test_an_initializer_has_a_time_out_of_its_own(seconds: float, kind: str | None) -> None:
    lab = one(nap, initializer=wait_for(seconds, []))
    response = lab.invoke("f")
    assert response.error_type == kind
    if kind:
        assert (response.status, response.latency, response.error) == (200, 3.0, "Function initializer timed out after 3 seconds")
        assert gone(lab) == [(3.0, "f#1", "boot")]


def test_an_initializer_that_raises_is_a_function_error() -> None:
    def broken(context: Any) -> None:
        raise RuntimeError("no database")

    lab = one(nap, initializer=broken)
    response = lab.invoke("f")
    assert (response.status, response.error) == (200, "RuntimeError: no database")
    task = lab.invoke_async("f")
    lab.run()
    assert (task.state, task.attempts, task.executions) == ("Failed", 4, 0)


def test_pre_freeze_runs_after_the_reply_and_keeps_the_instance() -> None:
    seen: list[float] = []
    lab = one(nap, pre_freeze=wait_for(0.5, seen), max_instances=1)
    calls = lab.invoke_at("f", [0, 1.4, 1.5, 3.9])
    lab.run()
    assert statuses(calls) == [200, 429, 200, 200]
    assert latencies(calls)[0] == 1.0
    assert seen == [1.0, 2.5, 4.9]
    first = lab.recording.select(HookFinished)[0]
    assert (first.time, first.hook, first.began) == (1.5, "pre_freeze", 1.0)


def test_nobody_comes_while_pre_freeze_runs() -> None:
    lab = one(nap, pre_freeze=wait_for(0.5, []), concurrency=2)
    lab.invoke_at("f", [0, 0.1, 1.2])
    lab.run()
    assert used(lab) == ["f#1", "f#1", "f#2"]


def test_async_events_wait_for_the_end_of_pre_freeze() -> None:
    lab = one(nap, pre_freeze=wait_for(0.5, []), max_instances=1)
    for _ in range(3):
        lab.invoke_async("f")
    lab.run()
    assert starts(lab) == [0, 1.5, 3.0]


def test_pre_stop_runs_before_an_instance_goes() -> None:
    seen: list[float] = []
    lab = one(nap, pre_stop=wait_for(2, seen), idle_timeout=10)
    lab.invoke("f")
    lab.run(until=20)
    assert seen == [11]
    assert times(lab, InstanceStopping) == [11]
    assert gone(lab) == [(13, "f#1", "idle")]


@pytest.mark.parametrize("how", ["time-out", "raises"])
def test_a_hook_that_fails_blocks_nothing(how: str) -> None:
    def broken(context: Any) -> None:
        if how == "raises":
            raise RuntimeError("no")
        time.sleep(1000)

    lab = one(nap, pre_stop=broken, idle_timeout=10)
    lab.invoke("f")
    lab.run(until=200)
    assert gone(lab) == [(11 if how == "raises" else 101, "f#1", "idle")]


def test_a_pre_freeze_hook_that_hangs_costs_the_instance() -> None:
    lab = one(nap, pre_freeze=wait_for(1000, []))
    assert lab.invoke("f").ok
    lab.run(until=200)
    assert gone(lab) == [(91, "f#1", "timeout")]


def test_pre_stop_does_not_run_where_nothing_was_ever_ready_or_after_a_crash() -> None:
    seen: list[float] = []
    lab = Lab(profile=BootProfile())
    lab.function(name="f", pre_stop=wait_for(1, seen), timeout=1)(lambda event, context: time.sleep(9))
    lab.reserve("f", 1)
    lab.run(until=0.5)
    lab.reserve("f", 0)
    lab.invoke("f")
    lab.run(until=100)
    assert seen == []
