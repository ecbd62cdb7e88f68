"""A whole lab loses nothing, whenever its process is killed: before and after each durable step, and at any moment under load."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import pytest

from tests.property.platform_lives import Told, check, finish, live

STEPS = ("accept", "enqueue", "commit", "lease", "start", "effect", "outcome", "next delivery", "ack", "destination")
KILLS = 60
"""Labs killed at random moments."""


@pytest.mark.parametrize("label", [f"{side} {step}" for step in STEPS for side in ("before", "after")])
def test_killed_at_every_step(label: str, tmp_path: Path) -> None:
    """The first, the third and a later time; each life goes on where the last one was killed."""
    told = Told()
    for nth in (1, 3, 7):
        kills = 0
        for again in range(20):
            kills += live(tmp_path, f"{label} {nth} {again}", told, label=label, nth=nth)
            if kills:
                break
        assert kills, f"no life came to '{label}' {nth} times"
        check(tmp_path, told)
    finish(tmp_path, told)


def test_killed_at_random(tmp_path: Path) -> None:
    """Other seeds with FCLAB_SEED; a failure prints its own."""
    first = int(os.environ.get("FCLAB_SEED", "1"))
    killed = 0
    for seed in range(first, first + KILLS // 3 + 4):
        print(f"FCLAB_SEED={seed}")
        told, rng, home = Told(), Random(seed), tmp_path / str(seed)
        for turn in range(3):
            killed += live(home, f"{seed} {turn}", told, lines=rng.randrange(45))
            check(home, told)
        finish(home, told)
    assert killed >= 50, f"only {killed} were still alive when the signal came"
