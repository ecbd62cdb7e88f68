"""Thousands of small virtual runs with faults on every arrow and the queue in memory: each event ends once, and adds up."""

from __future__ import annotations

import os
from collections import Counter
from random import Random

from fclab import AsyncConfig, Lab
from fclab.observe.events import RequestAccepted, RequestFailed, RequestSucceeded

SEEDS = int(os.environ.get("FCLAB_SEEDS", "10000" if os.environ.get("CI") else "1000"))
ARROWS = (
    "caller->front door", "front door->queue", "queue->dispatcher", "dispatcher->pool", "pool->instance", "instance->dispatcher",
    "dispatcher->destination", "front door->caller",
)  # fmt: skip
EVENTS = 6


def one_run(seed: int) -> None:
    """One lab with two functions that call each other's destination, a few events, and faults that end."""
    rng = Random(seed)
    lab = Lab(seed=seed, profile="instant", max_instances=rng.choice([None, 1, 2]), max_waiting=rng.choice([None, None, 4]))
    to = rng.choice(["g", "queue:q", "nobody"])
    dead = rng.choice([None, "queue:dead"])
    config = AsyncConfig(max_retries=rng.randrange(3), max_age=rng.choice([None, 2]), on_success=to, on_failure=dead)
    lab.declare("f", duration=rng.choice([0.1, 0.5]), timeout=rng.choice([0.3, 3]), concurrency=rng.choice([1, 2]), async_config=config)
    lab.declare("g", duration=0.1)
    for arrow in rng.sample(ARROWS, 3):
        lab.faults.add(arrow, drop=rng.choice([0.2, 0.5]), delay=rng.choice([0, 0.3]), end=10)
    handles = []
    for number in range(EVENTS):
        handles.append(lab.invoke_async("f", b"%d" % number, delay=rng.choice([0, 0.2]), task_id=f"t{number}"))
        if rng.random() < 0.2:
            handles[rng.randrange(len(handles))].stop()
        if rng.random() < 0.3:
            lab.run(until=lab.now + 0.25)
    lab.run()
    platform = lab._platform
    ends = Counter(event.request for event in lab.recording.select(RequestSucceeded, RequestFailed))
    accepted = [event.request for event in lab.recording.select(RequestAccepted)]
    assert sorted(ends) == sorted(accepted), "what was accepted has ended"
    assert set(ends.values()) <= {1}, "once"
    assert (platform.work, platform.moving, len(platform.dispatcher.open), platform.destinations.pending) == (0, 0, 0, 0)
    assert platform.queue.waiting() == platform.queue.leased() == 0
    records = [record for number in accepted if (record := platform.queue.task(number)) is not None]
    states = Counter(record.state for record in records)
    assert sum(states.values()) == states["Succeeded"] + states["Failed"] + states["Expired"] + states["Stopped"]
    told = Counter(record.destination for record in records if (record.function, record.state) == ("f", "Succeeded"))
    assert told["Pending"] == told[""] == 0
    if to == "queue:q":
        assert told["Succeeded"] == len(lab.queues.get("q", []))
    assert not (to == "nobody" and told["Succeeded"])


def test_every_event_ends_once() -> None:
    """10 000 seeds in CI, a tenth of them elsewhere; FCLAB_SEEDS says how many."""
    for seed in range(SEEDS):
        try:
            one_run(seed)
        except BaseException:
            print(f"seed {seed}: tests.property.test_many_seeds.one_run({seed})")
            raise
