"""Fairness under the lab's cap (dispatcher, clause 5): functions take turns, and within a function events are first come first served."""

from __future__ import annotations

import pytest

from fclab import Lab
from fclab.observe.events import ExecutionStarted


def order(lab: Lab) -> list[str]:
    """Functions in the order in which executions began."""
    return [event.function for event in lab.recording.select(ExecutionStarted)]


@pytest.mark.parametrize("cap", [1, 2, 3])
def test_a_busy_function_does_not_starve_another(cap: int) -> None:
    lab = Lab(max_instances=cap)
    lab.declare("busy", duration=1, boot=0)
    lab.declare("rare", duration=1, boot=0)
    for _ in range(200):
        lab.invoke_async("busy")
    lab.run(until=10)
    rare = lab.invoke_async("rare")
    lab.run(until=20)
    assert rare.state == "Succeeded", "long before the busy one's events are done"
    assert rare.history[-1][0] <= 13
    lab.run()
    assert len(order(lab)) == 201


def test_one_place_goes_round() -> None:
    lab = Lab(max_instances=1)
    for name in "abc":
        lab.declare(name, duration=1, boot=0)
        for _ in range(3):
            lab.invoke_async(name)
    lab.run()
    assert order(lab) == list("abcabcabc")


def test_three_places_settle_on_two_and_one() -> None:
    """Nobody hands a place to and fro: each function keeps a warm instance of its own while both have work."""
    lab = Lab(max_instances=3)
    for name in "ab":
        lab.declare(name, duration=1, boot=0)
        for _ in range(30):
            lab.invoke_async(name)
    lab.run()
    assert sum(one.cold for one in lab.metrics().functions) <= 4
    assert min(order(lab)[:30].count(name) for name in "ab") >= 8


def test_slots_are_shared_too() -> None:
    lab = Lab(max_instances=1)
    lab.declare("busy", duration=1, boot=0, concurrency=4)
    lab.declare("rare", duration=1, boot=0)
    lab.traffic("busy", rate=8, duration=30, mode="async")
    lab.run(until=5)
    rare = lab.invoke_async("rare")
    lab.run(until=10)
    assert rare.state == "Succeeded"
    lab.run()


def test_one_function_is_first_come_first_served() -> None:
    lab = Lab(max_instances=1)
    lab.declare("f", duration=1, boot=0)
    for _ in range(9):
        lab.invoke_async("f")
    lab.run()
    assert [event.request for event in lab.recording.select(ExecutionStarted)] == list(range(1, 10))


def test_depth_and_age_are_figures() -> None:
    lab = Lab(max_instances=1)
    lab.declare("f", duration=1, boot=0)
    for _ in range(4):
        lab.invoke_async("f")
    lab.run()
    figures = lab.metrics()
    assert figures.queue_depth.maximum == 3
    assert figures.queue_age.maximum == 3


def test_a_disabled_function_takes_nobodys_place() -> None:
    lab = Lab(max_instances=1)
    for name in "ab":
        lab.declare(name, duration=1, boot=0)
    for _ in range(3):
        lab.invoke_async("a")
    lab.invoke_async("b")
    lab.disable("b")
    lab.run(until=10)
    assert order(lab) == ["a"] * 3
    assert lab.metrics()["a"].cold == 1
