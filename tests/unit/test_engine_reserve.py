"""Reserved instances: the `Reserve` clauses, schedules, target tracking, overflow, and the pure functions under them."""

from __future__ import annotations

from itertools import pairwise

import pytest

from fclab import Lab, Schedule, TargetTracking
from fclab.engine import autoscale
from fclab.observe.events import InstanceReady, ReservedTargetSet
from tests.unit.engine_kit import colds, created, gone, latencies, lesson_lab, model_lab, statuses


def targets(lab: Lab) -> list[tuple[float, int, str]]:
    """(time, target, by whom) at each change."""
    return [(event.time, int(event.target), str(event.by)) for event in lab.recording.select(ReservedTargetSet)]


def standing(lab: Lab, at: float) -> int:
    """Reserved instances at a time to come."""
    lab.run(until=at)
    return sum(view.reserved for view in lab.instances("f"))


def test_clause_1_the_largest_rule_in_force() -> None:
    lab = model_lab()
    lab.reserve("f", 1, schedule=[Schedule(10, 30, 4), Schedule(20, 40, 2), Schedule(25, 26, 0)])
    assert [standing(lab, at) for at in (0, 9.9, 10, 29.9, 30, 39.9, 40, 100)] == [1, 1, 4, 4, 2, 2, 1, 1]
    assert targets(lab) == [(0, 1, "user"), (10, 4, "schedule"), (30, 2, "schedule"), (40, 1, "schedule")]


def test_clause_1_a_rule_without_an_end_and_one_in_force_already() -> None:
    lab = model_lab()
    lab.run(until=50)
    lab.reserve("f", 0, schedule=[Schedule(0, float("inf"), 2)])
    assert standing(lab, 50) == 2
    assert standing(lab, 1e6) == 2


def test_clause_2_up_at_once() -> None:
    lab = model_lab(boot=1.0)
    lab.reserve("f", 3)
    assert created(lab) == [0, 0, 0]
    lab.run(until=5)
    assert [event.time for event in lab.recording.select(InstanceReady)] == [1, 1, 1]


def test_clause_2_down_idle_first_then_booting_then_busy() -> None:
    lab = model_lab(10.0, 1.0, timeout=60)
    lab.reserve("f", 2)
    lab.run(until=2)
    calls = lab.invoke_at("f", [2])
    lab.run(until=3)
    lab.reserve("f", 3)
    lab.run(until=3.5)
    assert sorted(view.state for view in lab.instances("f")) == ["busy", "idle", "scheduling"]
    lab.reserve("f", 2)
    assert sorted(view.state for view in lab.instances("f")) == ["busy", "scheduling"]
    lab.reserve("f", 1)
    assert [view.state for view in lab.instances("f")] == ["busy"]
    lab.reserve("f", 0)
    assert [view.state for view in lab.instances("f")] == ["busy"]
    lab.run()
    assert latencies(calls) == [10.0], "a busy one drains"
    assert gone(lab)[-1][0] == 12.0
    assert lab.instances("f") == []


def test_a_draining_instance_takes_no_more() -> None:
    lab = model_lab(10.0, 1.0, timeout=60, concurrency=2)
    lab.reserve("f", 1)
    lab.run(until=2)
    lab.invoke_at("f", [2])
    lab.run(until=3)
    lab.reserve("f", 0)
    second = lab.invoke_at("f", [4])
    lab.run()
    assert colds(second) == [True]


def test_clause_3_tracking_goes_out_at_once_and_in_slowly() -> None:
    lab = model_lab(1.0, 0.5)
    lab.reserve("f", 1, tracking=TargetTracking(utilization=0.5, min=1, max=10))
    lab.traffic("f", rate=1, duration=180, arrivals="uniform")
    lab.run(until=240)
    seen = targets(lab)
    assert seen[0] == (0, 1, "user")
    assert seen[1][:2] == (60, 2)
    assert [by for _, _, by in seen[1:]] == ["tracking"] * (len(seen) - 1)
    assert all(at % 60 == 0 for at, _, _ in seen)
    lab.run(until=3600)
    assert targets(lab)[-1][1] == 1
    ups = [later - earlier for (_, earlier, _), (_, later, _) in pairwise(seen)]
    assert min(ups) >= -1


def test_tracking_keeps_within_its_bounds_and_a_schedule_may_raise_it() -> None:
    lab = model_lab(1.0, 0.5)
    lab.reserve("f", 0, schedule=[Schedule(100, 200, 5)], tracking=TargetTracking(utilization=0.5, min=2, max=3))
    assert [standing(lab, at) for at in (0, 99, 100, 199, 200, 300)] == [2, 2, 5, 5, 3, 2], "in slowly, also from the schedule's five"


def test_reserving_again_replaces_the_plan() -> None:
    lab = model_lab()
    lab.reserve("f", 1, schedule=[Schedule(10, 20, 5)], tracking=TargetTracking())
    lab.reserve("f", 2)
    assert [standing(lab, at) for at in (5, 15, 100)] == [2, 2, 2]


def test_clause_4_the_rest_follow_as_room_appears() -> None:
    lab = model_lab(5.0, 1.0, timeout=60, lab_max_instances=3, idle_timeout=10)
    calls = lab.invoke_at("f", [0, 0])
    lab.run(until=1)
    lab.reserve("f", 3)
    assert sum(view.reserved for view in lab.instances("f")) == 1
    lab.run(until=100)
    assert [view.reserved for view in lab.instances("f")] == [True] * 3
    assert statuses(calls) == [200, 200]
    assert created(lab) == [0, 0, 1, 16, 16]


def test_overflow_goes_to_on_demand_and_is_cold() -> None:
    lab = lesson_lab(reserved=2)
    calls = lab.invoke_at("hello", [10] * 3)
    lab.run()
    assert colds(calls) == [False, False, True]
    assert [view.reserved for view in lab.instances("hello")] == [True, True, False]


def test_reserved_instances_count_against_limits() -> None:
    lab = model_lab(1.0, max_instances=2, reserved=2)
    calls = lab.invoke_at("f", [5] * 3)
    lab.run()
    assert statuses(calls) == [200, 200, 429]


def test_reserved_instances_are_never_reclaimed() -> None:
    lab = model_lab(reserved=2, idle_timeout=1)
    lab.run(until=1e7)
    assert len(lab.instances("f")) == 2
    assert gone(lab) == []


def test_replacing_a_function_moves_its_reservation() -> None:
    lab = model_lab(reserved=2)
    lab.run(until=5)
    lab.declare("f", duration=1, reserved=1)
    lab.run(until=10)
    assert [view.id for view in lab.instances("f")] == ["f#3"]
    lab.declare("f", duration=1)
    lab.run(until=20)
    assert lab.instances("f") == []


# ---- pure functions


@pytest.mark.parametrize(
    ("current", "value", "wanted"),
    [(1, 1.0, 2), (3, 0.9, 5), (3, 0.6, 3), (10, 0.0, 9), (20, 0.3, 19), (100, 0.0, 20), (1, 0.0, 1), (0, 0.0, 1)],
)
def test_tracked(current: int, value: float, wanted: int) -> None:
    assert autoscale.tracked(TargetTracking(0.6, 1, 20), current, value) == wanted


def test_scheduled() -> None:
    rules = [Schedule(0, 10, 3), Schedule(5, 20, 1)]
    assert [autoscale.scheduled(rules, at) for at in (0, 5, 9.999, 10, 19.999, 20)] == [3, 3, 3, 1, 1, None]
    assert autoscale.scheduled([], 0) is None


@pytest.mark.parametrize(
    ("changes", "reserved", "concurrency", "value"),
    [
        ([], 1, 1, 0.0),
        ([(0, 1)], 1, 1, 1.0),
        ([(0, 1), (30, 0)], 1, 1, 0.5),
        ([(0, 2), (30, 0)], 2, 2, 0.25),
        ([(-5, 1)], 2, 1, 0.5),
        ([(0, 1)], 0, 1, 0.0),
    ],
)
def test_utilization(changes: list[tuple[int, int]], reserved: int, concurrency: int, value: float) -> None:
    assert autoscale.utilization(changes, 0, 60, reserved, concurrency) == value
