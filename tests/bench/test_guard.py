"""Guards what the bench has shown: the answers exactly, the speed as ratios to the tight loop of the same minute, and straight lines."""

from __future__ import annotations

import gc
from dataclasses import replace
from math import exp, sqrt
from pathlib import Path

import pytest

from fclab.observe.recording import Recording
from tests.bench.lab_run import dealt, figures, prepared
from tests.bench.session import Session
from tests.bench.small import SMALL, ratios, small_costs, stored
from tests.bench.tight_loop import one_function, retries, several_functions
from tests.bench.workloads import RARE, SECOND, WORKLOADS, Numbers, Workload, draw

FACTOR = 2.0
"""A ratio may get this much worse before the guard says so: machines and Pythons differ."""


def played(numbers: Numbers) -> Recording:
    lab = prepared(numbers, dealt(numbers))
    lab.run()
    return lab.recording


def same(work: Workload, cold: int | None = None) -> dict[str, float]:
    """The lab's figures, which must be the tight loop's: the count exactly, the averages to nine digits."""
    numbers = draw(work)
    loop = one_function(numbers)
    found = figures(played(numbers), numbers.arrivals[-1] / SECOND)
    assert found["cold"] == loop.cold == (loop.cold if cold is None else cold)
    assert found["running"] == pytest.approx(loop.running, rel=1e-9)
    assert found["instances"] == pytest.approx(loop.instances, rel=1e-9)
    return found


def test_31_cold_starts_of_200_000_at_10_a_second() -> None:
    found = same(WORKLOADS["V1-10"], cold=31)
    assert f"{found['running']:.6f} {found['instances']:.6f}" == "1.999677 9.928223"


def test_1098_cold_starts_at_1000_a_second() -> None:
    """All of them fall into the first seconds, so a tenth of the bench's 200 000 has them."""
    same(replace(WORKLOADS["V1-1000"], count=20_000), cold=1098)


def test_rare_traffic_is_cold_as_theory_says_and_littles_law_holds() -> None:
    work = replace(RARE, count=5_000)
    found = same(work)
    share = found["cold"] / work.count
    assert abs(share - exp(-1)) < 3 * sqrt(exp(-1) * (1 - exp(-1)) / work.count)
    numbers = draw(work)
    rate = work.count / (numbers.arrivals[-1] / SECOND)
    mean = sum(numbers.services) / work.count / SECOND + share * work.boot
    assert found["running"] == pytest.approx(rate * mean, rel=1e-3)


def test_retried_events_agree() -> None:
    numbers = draw(replace(WORKLOADS["V3"], count=3_000))
    loop = retries(numbers)
    found = figures(played(numbers), numbers.arrivals[-1] / SECOND)
    assert (found["cold"], found["failed"]) == (loop.cold, loop.failed)


def test_many_functions_agree() -> None:
    numbers = draw(WORKLOADS["V2"].sized(10_000))
    assert figures(played(numbers), numbers.arrivals[-1] / SECOND)["cold"] == several_functions(numbers).cold


def test_a_request_leaves_rows_and_no_object() -> None:
    """2 000 requests: six rows each (a cold one has five more), and only what stands for instances and code stays behind."""
    numbers = draw(replace(WORKLOADS["V1-10"], count=2_000))
    lab = prepared(numbers, dealt(numbers))
    gc.collect()
    before = len(gc.get_objects())
    lab.run()
    gc.collect()
    assert len(lab.recording) < 6.1 * 2_000
    assert len(gc.get_objects()) - before < 600


Costs = dict[tuple[str, str], float]


def slower(costs: Costs) -> list[str]:
    """Workloads whose ratio to the tight loop is more than `FACTOR` times the stored one."""
    return [name for name, ratio in ratios(costs).items() if ratio >= FACTOR * stored()[name]]


def bent(costs: Costs) -> list[str]:
    """Where ten times the invocations, or a hundred times the instances, make each invocation twice as dear."""
    ours = {name: costs[name, "fclab"] for name in SMALL}
    return [f"{more} after {less}" for less, more in (("N2000", "V1-10"), ("V1-10", "L1000")) if ours[more] >= FACTOR * ours[less]]


@pytest.fixture(scope="module")
def costs(tmp_path_factory: pytest.TempPathFactory) -> Costs:
    """Measured now; and, where that does not look well, with more runs, because the machine may have been busy."""
    session = Session(Path(tmp_path_factory.mktemp("numbers")))
    found = small_costs(session)
    return small_costs(session) if slower(found) or bent(found) else found


def test_not_twice_as_slow_as_when_it_was_stored(costs: Costs) -> None:
    """Beside the tight loop of the same minute. If a slower engine is meant: python -m tests.bench --store."""
    assert slower(costs) == [], ratios(costs)


def test_cost_grows_linearly(costs: Costs) -> None:
    assert bent(costs) == [], costs
