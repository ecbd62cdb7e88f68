"""The durable queue loses nothing, whenever its process is killed: at each step of the way, and at any moment under load."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import pytest

from tests.property.queue_lives import Told, check, live

STEPS = ("accept", "enqueue", "commit", "lease", "next delivery", "outcome", "ack", "destination", "note", "expiry")
KILLS = 60
"""Homes whose labs are killed at random moments, three times each."""


@pytest.mark.parametrize("threaded", [False, True], ids=["at once", "with a thread"])
@pytest.mark.parametrize("label", [f"{side} {step}" for step in STEPS for side in ("before", "after")])
def test_killed_at_every_step(label: str, threaded: bool, tmp_path: Path) -> None:
    """The first, the second and a later time; each life goes on where the last one was killed."""
    told = Told()
    for nth in (1, 2, 5):
        kills = 0
        for again in range(20):
            kills += live(tmp_path, f"{label} {nth} {again}", told, threaded=threaded, label=label, nth=nth)
            if kills:
                break
        assert kills, f"no life came to '{label}' {nth} times"
        check(tmp_path, told, threaded)


@pytest.mark.parametrize("threaded", [False, True], ids=["at once", "with a thread"])
def test_killed_at_random(threaded: bool, tmp_path: Path) -> None:
    """Other seeds with FCLAB_SEED; a failure prints its own."""
    first = int(os.environ.get("FCLAB_SEED", "1"))
    killed = 0
    for seed in range(first, first + KILLS // 2):
        print(f"FCLAB_SEED={seed}")
        told, rng, home = Told(), Random(seed), tmp_path / str(seed)
        for turn in range(3):
            killed += live(home, f"{seed} {turn}", told, threaded=threaded, lines=rng.randrange(100))
        live(home, f"{seed} last", told, threaded=threaded)
        check(home, told, threaded)
    assert killed >= KILLS // 2 * 3 // 2, "too few were still alive when the signal came"
