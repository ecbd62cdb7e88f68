"""Fairness under the lab's cap (turns): functions take turns, and within a function events are first come first served."""

from __future__ import annotations

import pytest

from fclab import Lab
from fclab.observe.events import ExecutionStarted, InstanceCreated, InstanceDestroyed


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
    begun = [(event.time, event.function) for event in lab.recording.select(ExecutionStarted)]
    alone = min(max(time for time, name in begun if name == one) for one in "ab")
    assert sum(event.time < alone for event in lab.recording.select(InstanceCreated)) <= 4
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


@pytest.mark.parametrize("mode", ["async", "sync"])
def test_an_idle_instance_of_another_function_goes_at_once(mode: str) -> None:
    """Clause 1: nobody waits for an idle window, and no sync request is refused because of one."""
    lab = Lab(max_instances=1)
    lab.declare("a", duration=0.1, boot=0.5)
    lab.declare("b", duration=0.1, boot=0.5)
    lab.invoke("a")
    response = lab.invoke_async("b").result() if mode == "async" else lab.invoke("b")
    assert (response.status, lab.now) == (200, 1.2)
    assert [event.reason for event in lab.recording.select(InstanceDestroyed)] == ["displaced"]


def test_the_one_used_longest_ago_goes_first() -> None:
    lab = Lab(max_instances=3)
    for name in "abcd":
        lab.declare(name, duration=0.1, boot=0)
    for name in "abca":
        lab.invoke(name)
    lab.invoke_async("d").result()
    assert [len(lab.instances(name)) for name in "abcd"] == [1, 0, 1, 1]


def test_a_reserved_instance_keeps_its_place() -> None:
    lab = Lab(max_instances=1)
    lab.declare("a", duration=0.1, boot=0, reserved=1)
    lab.declare("b", duration=0.1, boot=0)
    lab.invoke("a")
    assert lab.invoke("b").status == 429
    task = lab.invoke_async("b")
    lab.run(until=1000)
    assert task.state == "Enqueued"


def test_many_idle_instances_go_for_a_function_that_may_have_more() -> None:
    lab = Lab(max_instances=400)
    lab.declare("a", duration=1, boot=0)
    lab.declare("b", duration=1, boot=0, max_instances=1)
    for _ in range(400):
        lab.invoke_async("a")
    lab.run()
    for _ in range(400):
        lab.invoke_async("b")
    lab.run(until=lab.now + 0.5)
    lab.limit("b", None)
    lab.run(until=lab.now + 1.5)
    assert len(lab.instances("b")) == 400
