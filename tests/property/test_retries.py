"""Back-off: never shrinks, reaches the cap, is exact for any count; and a run costs time linear in its requests."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fclab import AsyncConfig, Lab
from fclab.engine.presets import PRESETS, retry_policy
from fclab.engine.retry import RetryPolicy, backoff, next_delay
from fclab.observe.events import RetryScheduled
from fclab.units import FOREVER, SECOND, to_us

COUNTS = st.integers(1, 10**6)


@given(st.integers(1, 10**9), st.integers(1, FOREVER), COUNTS)
def test_waits_never_shrink_and_reach_the_cap(first: int, cap: int, failures: int) -> None:
    waits = [backoff(first, cap, n) for n in (failures, failures + 1)]
    assert waits[0] <= waits[1] <= cap
    assert waits[0] == min(cap, first * 2 ** min(failures - 1, 200))
    assert backoff(first, cap, 200) == cap


@settings(max_examples=50, deadline=None)
@given(
    st.floats(0.001, 100),
    st.none() | st.floats(0.001, 2000),
    st.sampled_from(sorted(PRESETS)),
    st.integers(1, 30),
    st.none() | st.floats(0, 1e5),
)
def test_a_labs_system_retries_never_shrink_and_reach_the_cap(
    first: float, cap: float | None, semantics: str, count: int, total: float | None
) -> None:
    config = AsyncConfig(first_delay=first, cap=cap, total=total)
    lab = Lab(semantics=semantics)
    lab.declare("f", duration=1, async_config=config)
    lab.faults.outage(0)
    policy = retry_policy(PRESETS[semantics], config)
    lab.invoke_async("f")
    expected: list[int] = []
    now, ended = 0, False
    for n in range(1, count + 1):
        wait = min(policy.system_cap, policy.system_first * 2 ** (n - 1))
        ended = now + wait > policy.system_total or now > policy.max_age
        if ended:
            break
        expected.append(wait)
        now += wait
    lab.run(until=now / 1e6)
    waits = [to_us(float(event.due), "") - to_us(event.time, "") for event in lab.recording.select(RetryScheduled)]
    assert waits[: len(expected)] == expected
    assert waits == sorted(waits)
    assert len(waits) - len(expected) in (0, 1)


@given(st.sampled_from(["function", "system"]), COUNTS, st.integers(0, 10**12))
def test_a_policy_gives_up_for_good(cause: str, failures: int, since: int) -> None:
    policy = RetryPolicy(3, SECOND, 8 * SECOND, SECOND, 8 * SECOND, 100 * SECOND, FOREVER)
    now = next_delay(policy, "function" if cause == "function" else "system", failures, since)
    later = next_delay(policy, "function" if cause == "function" else "system", failures + 1, since + SECOND)
    if now is None:
        assert later is None
    if cause == "function":
        assert (now is not None) == (failures <= 3)


# ---- cost


def sync_traffic(lab: Lab, requests: int) -> None:
    lab.declare("f", duration="exponential(0.2)", boot=1.0)
    lab.traffic("f", rate=20, duration=requests / 20, arrivals="uniform")


def async_traffic(lab: Lab, requests: int) -> None:
    lab.declare("f", duration="exponential(0.2)", boot=1.0, max_instances=3)
    lab.traffic("f", rate=20, duration=requests / 20, arrivals="uniform", mode="async")


def shared_instances(lab: Lab, requests: int) -> None:
    lab.declare("f", duration="exponential(0.5)", boot=1.0, concurrency=50, idle_timeout=2)
    lab.traffic("f", rate=100, duration=requests / 100, arrivals="burst")


def cost(fill: Callable[[Lab, int], None], requests: int) -> tuple[int, int, float, Lab]:
    """(clock entries, events, wall seconds, lab) of one run."""
    lab = Lab()
    fill(lab, requests)
    began = time.perf_counter()
    lab.run()
    return lab._driver.clock._serial, len(lab.recording), time.perf_counter() - began, lab


@pytest.mark.parametrize("fill", [sync_traffic, async_traffic, shared_instances])
def test_cost_is_linear_in_requests(fill: Callable[[Lab, int], None]) -> None:
    few, many = 4_000, 40_000
    entries_few, events_few, wall_few, _ = cost(fill, few)
    entries_many, events_many, wall_many, lab = cost(fill, many)
    assert events_many / events_few < 1.1 * many / few
    assert entries_many / entries_few < 1.1 * many / few
    assert wall_many / max(wall_few, 0.01) < 4 * many / few, "generous: the machine may be busy"
    fn = lab._platform.functions["f"]
    assert len(lab._driver.clock._heap) < 2_000, "entries do not pile up"
    assert len(fn.free) < 1_000
    assert not lab._platform.dispatcher.open


def test_a_hundred_thousand_requests() -> None:
    entries, events, _, lab = cost(sync_traffic, 100_000)
    assert lab._platform.front_door.requests == 100_000
    assert entries < 6 * 100_000
    assert events < 8 * 100_000
