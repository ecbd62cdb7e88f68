"""Streams of chance are named: what one source, function or fault draws is the same whatever stands beside it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from fclab import Lab, UsageError
from fclab.observe.events import FaultInjected, RequestAccepted
from fclab.units import all_to_us, to_us
from tests.unit.engine_kit import model_lab


def arrivals(lab: Lab, function: str) -> list[float]:
    return [event.time for event in lab.recording.select(RequestAccepted) if event.function == function]


def traffic(*order: str) -> Lab:
    lab = Lab(seed=3)
    for name in ("a", "b"):
        lab.declare(name, duration="exponential(0.1)", boot=0.5)
    for name in order:
        lab.traffic(name, rate=3, duration=50)
    lab.run()
    return lab


def test_traffic_of_one_function_changes_no_arrivals_of_another() -> None:
    alone, after, before = traffic("b"), traffic("a", "b"), traffic("b", "a")
    assert len(arrivals(alone, "b")) > 100
    assert arrivals(alone, "b") == arrivals(after, "b") == arrivals(before, "b")
    assert arrivals(after, "a") == arrivals(before, "a") != arrivals(before, "b")


def test_two_sources_of_one_function_have_two_streams() -> None:
    lab = traffic("a", "a")
    times = arrivals(lab, "a")
    assert len(set(times)) == len(times)
    assert set(arrivals(traffic("a"), "a")) < set(times)


def struck(*functions: str | None, watch: str | None) -> list[float]:
    """When a fault of chance struck `watch`, among faults for these functions."""
    lab = Lab(seed=3)
    for name in ("f", "g"):
        lab.declare(name, duration=0.1, boot=0.5)
        lab.traffic(name, rate=4, duration=50, arrivals="uniform")
    for function in functions:
        lab.faults.add("front door->pool", drop=0.5, function=function)
    lab.run()
    return [event.time for event in lab.recording.select(FaultInjected) if event.function == watch]


@pytest.mark.parametrize("functions", [("g", "f"), ("f", "g")])
def test_a_fault_for_one_function_changes_no_draw_of_anothers(functions: tuple[str, ...]) -> None:
    alone = struck("f", watch="f")
    assert 50 < len(alone) < 150
    assert struck(*functions, watch="f") == alone


def test_two_equal_faults_draw_apart() -> None:
    once, twice = struck("f", watch="f"), struck("f", "f", watch="f")
    assert set(once) < set(twice)
    assert 120 < len(twice) < 180, "three in four"


@pytest.mark.parametrize(
    ("rate", "duration", "count"), [(0.5, 10, 5), (2.5, 4, 10), (0.29, 100, 29), (1.1, 10, 11), (0.1, 9, 0), (1 / 3, 9, 3), (3, 2, 6)]
)
def test_bursts_with_fractional_rates(rate: float, duration: float, count: int) -> None:
    lab = model_lab(0.1, 0.5)
    lab.traffic("f", rate=rate, duration=duration, arrivals="burst")
    lab.run()
    times = arrivals(lab, "f")
    assert len(times) == count
    assert all(time == int(time) < duration for time in times), "at whole seconds"
    assert {times.count(time) - int(rate) for time in times} <= {0, 1}


def test_bursts_are_spread_evenly() -> None:
    lab = model_lab(0.1, 0.5)
    lab.traffic("f", rate=2.5, duration=4, arrivals="burst")
    lab.run()
    assert arrivals(lab, "f") == [0, 0, 1, 1, 1, 2, 2, 3, 3, 3]


@pytest.mark.parametrize("values", [[], [0, 1.5, 2], (0.1, 0.2), [1e11], [True, 1.0]])
def test_many_seconds_are_read_like_one(values: Any) -> None:
    def one_by_one() -> list[int]:
        return [to_us(value, "it") for value in values]

    try:
        expected = one_by_one()
    except UsageError as error:
        with pytest.raises(UsageError, match=re.escape(error.what)):
            all_to_us(values, "it")
    else:
        assert all_to_us(values, "it") == expected


@pytest.mark.parametrize("wrong", [-1.0, float("nan"), float("inf"), "1", None])
def test_one_wrong_second_among_many_is_named(wrong: Any) -> None:
    for values in ([1.0, wrong, 2.0], [wrong], [2.0, 1.0, wrong]):
        with pytest.raises(UsageError, match="it must be"):
            all_to_us(values, "it")
