"""Which runs are endless, how soon that shows and what is said of it; and which only look so."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from fclab import EndlessRun, Lab, Schedule, TargetTracking
from fclab.observe.events import InstanceCreated
from tests.unit.engine_kit import hello, model_lab, one, retries, starts, whole


def disabled(lab: Lab) -> None:
    lab.disable("f")


def limited(lab: Lab) -> None:
    lab.limit("f", 0)


def outage(lab: Lab) -> None:
    lab.faults.outage(0)


def lossy(lab: Lab) -> None:
    lab.faults.add("queue->dispatcher", drop=True)


def broken_boots(lab: Lab) -> None:
    lab.faults.boot("download", fail=1)


BLOCKED: list[tuple[Callable[[Lab], None], str, str]] = [
    (disabled, "'f' is disabled (2 waiting)", "enable the function"),
    (limited, "'f' may have no instance (2 waiting)", "raise the limit"),
    (outage, "2 waiting events only retry against a fault without end", "mend the fault (lab.faults.clear())"),
    (lossy, "2 waiting events only retry against a fault without end", "mend the fault (lab.faults.clear())"),
    (broken_boots, "2 waiting events only retry against a fault without end", "mend the fault (lab.faults.clear())"),
]


def blocked(block: Callable[[Lab], None]) -> Lab:
    """A lab whose function is blocked after it accepted two events, due at 1 s."""
    lab = Lab()
    lab.function(name="f", timeout=600)(hello)
    for _ in range(2):
        lab.invoke_async("f", delay=1)
    block(lab)
    return lab


@pytest.mark.parametrize(("block", "what", "hint"), BLOCKED, ids=[row[0].__name__ for row in BLOCKED])
@pytest.mark.parametrize("drive", ["run", "drain"])
def test_what_is_said_of_an_endless_run(block: Callable[[Lab], None], what: str, hint: str, drive: str) -> None:
    lab = blocked(block)
    with pytest.raises(EndlessRun) as caught:
        lab.run() if drive == "run" else lab.drain("f")
    assert caught.value.what == f"This run would never end: {what}."
    assert hint in caught.value.hint
    assert "run(until=...)" in caught.value.hint
    assert 1 <= lab.now < 5
    lab.run(until=100)
    lab.faults.clear()
    lab.limit("f", None)
    lab.enable("f")
    lab.run()
    assert len(starts(lab)) == 2
    assert whole(lab)


def test_waiting_for_the_result_of_a_task_that_never_ends() -> None:
    lab = model_lab(0.1, 0.5, max_instances=0)
    with pytest.raises(EndlessRun, match=r"'f' may have no instance \(1 waiting\)"):
        lab.invoke_async("f").result()


def test_what_is_said_of_several_functions() -> None:
    lab = blocked(disabled)
    lab.declare("g", duration=0.1, boot=0.1, max_instances=0)
    lab.invoke_async("g")
    with pytest.raises(EndlessRun, match=r"'f' is disabled \(2 waiting\), 'g' may have no instance \(1 waiting\)"):
        lab.run()


def test_a_fault_for_another_function_ends_no_run() -> None:
    lab = model_lab(0.1, 0.5)
    lab.declare("g", duration=0.1)
    lab.faults.add("queue->dispatcher", drop=True, function="g")
    lab.invoke_async("f")
    lab.run()
    assert whole(lab)
    lab.invoke_async("g")
    with pytest.raises(EndlessRun, match="1 waiting"):
        lab.run()


@pytest.mark.parametrize("block", [disabled, limited])
def test_time_does_not_run_away_before_the_error(block: Callable[[Lab], None]) -> None:
    lab = Lab()
    lab.function(name="f", timeout=600)(hello)
    lab.declare("other", duration=0.1, boot=1, timeout=7200)
    lab.reserve("other", 1, tracking=TargetTracking(min=1, max=3))
    lab.invoke("other")
    lab.invoke("f")
    if block is limited:
        lab.faults.kill("f#1")
    lab.invoke_async("f", delay=1)
    block(lab)
    began = lab.now
    with pytest.raises(EndlessRun):
        lab.run()
    assert lab.now == began + 1, "neither ticks of tracking nor deadlines of runs that are over are waited for"
    lab.enable("f")
    lab.limit("f", None)
    lab.run()
    assert whole(lab)


def test_a_learners_own_back_off_that_never_gives_up() -> None:
    lab = model_lab(lab_next_delay=lambda policy, cause, failures, since: 0.5)
    lab.faults.outage(10)
    lab.invoke("f")
    lab.run(until=10)
    task = lab.invoke_async("f")
    with pytest.raises(EndlessRun, match="retry against a fault without end"):
        lab.run()
    assert task.attempts >= 1000
    assert lab.now < 600


# ---- what only looks endless


def rests(context: Any) -> None:
    time.sleep(5)


def test_events_that_wait_for_a_pre_freeze_hook() -> None:
    lab = one(hello, pre_freeze=rests, max_instances=1)
    for _ in range(3):
        lab.invoke_async("f")
    lab.run()
    assert starts(lab) == [0, 5.1, 10.2]


def test_events_that_wait_for_another_functions_pre_stop_under_the_labs_cap() -> None:
    lab = Lab(profile="instant", max_instances=1)
    lab.function(name="f", pre_stop=rests, idle_timeout=10)(hello)
    lab.function(name="g")(hello)
    lab.invoke("f")
    task = lab.invoke_async("g")
    lab.run()
    assert task.state == "Succeeded"
    assert starts(lab, request=2) == [0.1], "the idle instance goes at once, and its hook holds no place"


def test_events_that_wait_for_a_reserved_boot() -> None:
    lab = model_lab(0.1, 100.0, reserved=1, max_instances=1)
    lab.invoke_async("f")
    lab.run()
    assert starts(lab) == [100]
    assert len(lab.recording.select(InstanceCreated)) == 1


def test_events_that_wait_for_the_edge_of_a_schedule() -> None:
    lab = Lab(max_instances=1)
    for name in ("f", "g"):
        lab.declare(name, duration=0.1, boot=1)
    lab.reserve("f", 0, schedule=[Schedule(0, 1000, 1)])
    lab.invoke_async("g")
    lab.run()
    assert starts(lab) == [1001]


def test_events_that_wait_for_a_reserved_instance_to_be_replaced() -> None:
    lab = model_lab(0.1, 1.0, reserved=1, max_instances=1)
    lab.faults.boot("start", fail=1, end=30)
    lab.invoke_async("f", delay=1)
    lab.run()
    assert whole(lab)
    assert starts(lab)[0] > 30


def test_events_that_wait_for_the_end_of_an_outage_or_of_a_fault() -> None:
    lab = model_lab(0.1, 1.0, async_config=retries(cap=10))
    lab.faults.outage(0, 10_000)
    lab.faults.add("pool->instance", drop=True, end=20_000)
    lab.invoke_async("f")
    lab.run()
    assert whole(lab)
    assert 20_000 <= lab.now < 20_020


def test_events_that_wait_for_an_instance_to_be_killed() -> None:
    lab = Lab(max_instances=1)
    lab.declare("f", duration=1000, timeout=2000, boot=1)
    lab.declare("g", duration=0.1, boot=1)
    lab.invoke_at("f", [0])
    lab.faults.kill("f#1", at=500)
    lab.invoke_at("g", [1], mode="async")
    lab.run()
    assert starts(lab, request=2) == [501]
