"""Reserved instances whose boots fail or that die: when they are replaced, and what a plan keeps in the clock."""

from __future__ import annotations

from fclab import Schedule, TargetTracking
from tests.unit.engine_kit import created, model_lab


def rounds(reserved: int) -> list[float]:
    """When boots began, in a lab where they fail for a hundred seconds."""
    lab = model_lab(0.1, 0.5)
    lab.faults.boot("start", fail=1, end=100)
    lab.reserve("f", reserved)
    lab.run(until=300)
    assert len(lab.instances("f")) == reserved
    times = created(lab)
    assert len(times) == reserved * len(set(times))
    return sorted(set(times))


def test_clause_5_failed_boots_back_off_by_the_round() -> None:
    assert rounds(1) == [0, 1.5, 4, 8.5, 17, 33.5, 66, 126.5]
    assert rounds(4) == rounds(1)


def test_clause_5_a_good_boot_starts_the_count_anew() -> None:
    lab = model_lab(0.1, 0.5)
    lab.faults.boot("start", fail=1, times=3)
    lab.reserve("f", 1)
    lab.run(until=100)
    lab.faults.boot("start", fail=1, times=2)
    lab.faults.kill(lab.instances("f")[0].id)
    lab.run(until=200)
    assert created(lab) == [0, 1.5, 4, 8.5, 100, 101.5, 104]
    assert [view.state for view in lab.instances("f")] == ["idle"]


def test_clause_5_one_that_dies_is_replaced_at_once() -> None:
    lab = model_lab(0.1, 0.5, reserved=3)
    lab.run(until=10)
    for view in lab.instances("f")[:2]:
        lab.faults.kill(view.id)
    lab.run(until=20)
    assert created(lab) == [0, 0, 0, 10, 10]


def test_the_timers_of_a_plan_do_not_pile_up() -> None:
    lab = model_lab(0.1, 0.5)
    lab.reserve("f", 1, schedule=[Schedule(5000 * n, 5000 * n + 100, 2) for n in range(1, 4)], tracking=TargetTracking())
    sizes = []
    for _ in range(200):
        lab.run_for(60)
        sizes.append((len(lab._platform.reserve.plans["f"].timers), len(lab._driver.clock)))
    assert max(sizes) == sizes[0] == (7, 7)
    assert sizes[-1][0] == 3
    for _ in range(50):
        lab.reserve("f", 1, schedule=[Schedule(20_000, 30_000, 2)], tracking=TargetTracking())
    assert len(lab._driver.clock) == 3


def test_nor_do_those_of_its_replacements() -> None:
    lab = model_lab(0.1, 0.5)
    lab.reserve("f", 2)
    for _ in range(100):
        lab.run_for(10)
        for view in lab.instances("f"):
            lab.faults.kill(view.id)
    lab.run_for(10)
    assert len(created(lab)) == 202
    assert lab._platform.reserve.plans["f"].timers == []
    assert len(lab._driver.clock) == 0
