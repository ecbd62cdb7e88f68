"""Random walks along the lifecycle table, of an instance alone and of whole pools."""

from __future__ import annotations

import time
from contextlib import suppress
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fclab import IllegalTransition, Lab, UsageError
from fclab.engine.instance import TRANSITIONS, Instance, Signal, State, transitions
from fclab.engine.presets import PRESETS, retry_policy
from fclab.engine.rows import Function
from fclab.model import AsyncConfig, FunctionSpec
from fclab.observe.events import (
    ExecutionEnded,
    ExecutionStarted,
    InstanceAssigned,
    InstanceCreated,
    InstanceDestroyed,
    InstanceIdled,
    InstanceReady,
    InstanceReclaimed,
    InstanceReleased,
    InstanceStopping,
)


@given(st.booleans(), st.lists(st.sampled_from(list(Signal)), max_size=60))
def test_random_signals_stay_in_the_table(reserved: bool, walk: list[Signal]) -> None:
    spec = FunctionSpec("f", duration=1)
    instance = Instance(1, 1, Function(spec, 1, retry_policy(PRESETS["article"], AsyncConfig())), reserved, 0)
    table = transitions(reserved)
    seen = [instance.state]
    for signal in walk:
        before = instance.state
        try:
            instance.signal(signal)
        except IllegalTransition:
            assert (before, signal) not in table
            assert instance.state is before
        else:
            assert instance.state is table[before, signal]
            seen.append(instance.state)
    if State.BUSY in seen:
        assert State.IDLE in seen[: seen.index(State.BUSY)], "nobody is busy who was not ready"
    if State.GONE in seen:
        assert seen.index(State.GONE) == len(seen) - 1, "gone is the end"
        assert State.STOPPING in seen


def test_every_state_can_be_reached_and_left() -> None:
    reached = {State.SCHEDULING}
    while more := {to for (state, _), to in TRANSITIONS.items() if state in reached} - reached:
        reached |= more
    assert reached == set(State)
    assert {state for state, _ in TRANSITIONS} == set(State) - {State.GONE}


def act(lab: Lab, random: Random) -> None:
    """Something a teacher might do, at random."""
    choice = random.randrange(9)
    if choice <= 2:
        lab.invoke_at("f", [lab.now] * random.randrange(1, 4), str(random.choice([0, 0.5, 5])), random.choice(["sync", "async"]))
    elif choice == 3:
        lab.reserve("f", random.randrange(3))
    elif choice == 4:
        lab.limit("f", random.choice([None, 2, 4]))
    elif choice == 5 and lab.instances("f"):
        lab.faults.kill(random.choice(lab.instances("f")).id)
    elif choice == 6:
        lab.faults.boot(random.choice(["schedule", "download", "start", "initialize"]), fail=0.5, times=1)
    elif choice == 7:
        lab.faults.add("pool->instance", crash=0.5, drop=0.5, delay=random.choice([0, 0.3]), times=1)
    elif random.random() < 0.2:
        declare(lab)


def declare(lab: Lab) -> None:
    def handler(event: bytes, context: Any) -> None:
        time.sleep(float(event))

    def hook(context: Any) -> None:
        time.sleep(0.3)

    lab.reserve("f", 0) if "f" in lab.functions else None
    lab.function(name="f", concurrency=2, idle_timeout=3, timeout=2, initializer=hook, pre_freeze=hook, pre_stop=hook)(handler)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 32))
def test_whole_pools_stay_in_the_table(seed: int) -> None:
    """Whatever is done to a lab: no illegal transition, every instance's story is complete and in order, nothing is left at the end."""
    random = Random(seed)
    lab = Lab(seed=seed)
    declare(lab)
    for _ in range(30):
        with suppress(UsageError):  # such as reserving more than the limit of the moment
            act(lab, random)
        lab.run_for(random.choice([0, 0.2, 0.7, 3]))
    lab.faults.clear()
    lab.limit("f")
    lab.run()
    lab.reserve("f", 0)
    lab.run_for(1000)
    assert lab._platform.pool.alive == 0
    assert all(not fn.instances and fn.reserved_running == 0 for fn in lab._platform.functions.values())
    stories: dict[str, list[str]] = {}
    running: dict[str, int] = {}
    for event in lab.recording.events:
        if event.instance and not event.kind.startswith(("Request", "Delivery", "Fault")):
            stories.setdefault(event.instance, []).append(event.kind)
        if isinstance(event, (ExecutionStarted, ExecutionEnded)):
            running[event.instance] = running.get(event.instance, 0) + (1 if isinstance(event, ExecutionStarted) else -1)
            assert 0 <= running[event.instance] <= 2
    for story in stories.values():
        assert story.count("InstanceCreated") == 1
        assert story[0] == InstanceCreated.__name__
        assert story.count("InstanceStopping") == 1
        assert story.count("InstanceReclaimed") + story.count("InstanceDestroyed") == 1
        assert story[-1] in (InstanceReclaimed.__name__, InstanceDestroyed.__name__, ExecutionEnded.__name__)
        stopping = story.index(InstanceStopping.__name__)
        assert not {InstanceAssigned.__name__, InstanceReleased.__name__, ExecutionStarted.__name__} & set(story[stopping:])
        ready = story.index(InstanceReady.__name__) if InstanceReady.__name__ in story else len(story)
        assert not {ExecutionStarted.__name__, InstanceReleased.__name__, InstanceIdled.__name__} & set(story[:ready])
