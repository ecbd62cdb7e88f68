"""The placement ladder, limits, growth, the front door's refusals, hooks, and replaceable policies."""

from __future__ import annotations

import time
from typing import Any

import pytest

from fclab import Lab
from fclab.engine.placement import least_recently_used, newest_created
from fclab.observe.events import (
    InstanceAssigned,
    InstanceReleased,
)
from tests.unit.engine_kit import colds, gone, latencies, model_lab, statuses, waits


def nap(event: bytes, context: Any) -> str:
    time.sleep(1)
    return "rested"


def used(lab: Lab) -> list[str]:
    """Which instance each request went to."""
    return [event.instance for event in lab.recording.select(InstanceAssigned)]


# ---- clause 1: the ladder


def test_clause_1_reserved_before_warm_before_new() -> None:
    lab = model_lab(1.0)
    lab.invoke("f")
    lab.reserve("f", 1)
    lab.run(until=10)
    calls = lab.invoke_at("f", [10, 10, 10])
    lab.run()
    assert used(lab)[1:] == ["f#2", "f#1", "f#3"]
    assert colds(calls) == [False, False, True]


def test_clause_1_the_most_recently_used_first() -> None:
    lab = model_lab(1.0)
    lab.invoke_at("f", [0, 0.1, 0.2, 10, 20, 20])
    lab.run()
    assert used(lab) == ["f#1", "f#2", "f#3", "f#3", "f#3", "f#2"]


@pytest.mark.parametrize(
    ("placement", "expected"),
    [(least_recently_used, ["f#1", "f#2", "f#3", "f#1"]), (newest_created, ["f#3"] * 4), (lambda instance: -instance.number, ["f#1"] * 4)],
)
def test_a_learners_placement(placement: Any, expected: list[str]) -> None:
    lab = model_lab(1.0, lab_placement=placement)
    lab.invoke_at("f", [0, 0.1, 0.2, 10, 20, 30, 40])
    lab.run()
    assert used(lab)[3:] == expected


def test_clause_1_the_functions_cap() -> None:
    lab = model_lab(1.0, max_instances=2)
    calls = lab.invoke_at("f", [0, 0, 0, 2.1, 2.1, 2.1])
    lab.run()
    assert statuses(calls) == [200, 200, 429, 200, 200, 429]
    assert calls[2].response is not None
    assert "limit on instances" in str(calls[2].response.error)


def test_clause_1_the_labs_cap_counts_all_functions() -> None:
    lab = model_lab(1.0, lab_max_instances=2)
    lab.declare("g", duration=1, boot=1)
    calls = lab.invoke_at("f", [0, 0]) + lab.invoke_at("g", [0.1, 400])
    lab.run()
    assert statuses(calls) == [200, 200, 429, 200]


def test_clause_2_slots_of_a_busy_instance() -> None:
    lab = model_lab(1.0, concurrency=2)
    calls = lab.invoke_at("f", [0, 1.5, 1.6])
    lab.run()
    assert used(lab) == ["f#1", "f#1", "f#2"]
    assert latencies(calls) == [2.0, 1.0, 2.0]
    assert [(event.running, event.expires) for event in lab.recording.select(InstanceReleased)] == [(1, 0), (0, 302.5), (0, 303.6)]


def test_clause_3_nobody_else_waits_for_a_boot() -> None:
    lab = model_lab(0.1, 1.0, concurrency=100)
    calls = lab.invoke_at("f", [0, 0.999999, 1.0])
    lab.run()
    assert colds(calls) == [True, True, False], "at 1.0 the boot has ended before the arrival"


def test_the_heap_of_free_instances_does_not_grow_with_requests() -> None:
    lab = model_lab(0.001, 0.5, concurrency=2)
    lab.traffic("f", rate=50, duration=60, arrivals="uniform")
    lab.run()
    fn = lab._platform.functions["f"]
    assert len(fn.free) <= 65 + 2 * len(fn.instances)


# ---- idle windows


def test_an_idle_window_runs_from_the_last_release() -> None:
    lab = model_lab(1.0, idle_timeout=10)
    lab.invoke_at("f", [0, 5, 14, 25])
    lab.run(until=100)
    assert used(lab) == ["f#1"] * 4
    assert gone(lab) == [(36.0, "f#1", "idle")]


def test_a_learners_keep_alive() -> None:
    seen: list[tuple[float, int]] = []

    def keep_alive(window: float, uses: int) -> float:
        seen.append((window, uses))
        return window if len(seen) > 1 else 5

    lab = model_lab(1.0, lab_keep_alive=keep_alive)
    lab.invoke("f")
    lab.run(until=7)
    assert gone(lab) == [(7.0, "f#1", "idle")]
    lab.invoke("f")
    lab.run(until=309)
    assert gone(lab)[1:] == [(309.0, "f#2", "idle")]
    assert {window for window, _ in seen} == {300.0}


def test_a_learners_back_off() -> None:
    lab = model_lab(lab_next_delay=lambda policy, cause, failures, since_first: failures if failures < 4 else None)
    lab.faults.outage(0)
    task = lab.invoke_async("f")
    lab.run()
    assert (waits(lab), task.state) == ([1, 2, 3], "Failed")


def test_modelled_runs_in_several_slots_end_each_at_its_time() -> None:
    """Each slot has one timer for the ends of its runs, armed again for the next."""
    lab = model_lab([10, 3, 4, 1, 1], concurrency=3, timeout=60)
    lab.invoke_async("f")
    lab.run(until=1)
    calls = lab.invoke_at("f", [2, 2, 5.5, 6.5])
    lab.run()
    assert latencies(calls) == [3.0, 4.0, 1.0, 1.0]
    assert gone(lab) == []
    assert lab.now == 11.0
