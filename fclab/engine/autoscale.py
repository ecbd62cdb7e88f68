"""How many reserved instances a function should have: pure functions of plain data."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from fclab.model import Schedule, TargetTracking

__all__ = ["SCALE_IN_FACTOR", "TICK", "scheduled", "tracked", "utilization"]

TICK = 60
"""Seconds between evaluations of target tracking (documented)."""

SCALE_IN_FACTOR = 0.1
"""Share of the surplus given back a minute: in slowly. The product documents 'conservatively', no number; assumption."""


def scheduled(rules: Sequence[Schedule], now: float) -> int | None:
    """The largest target of the rules in force at `now` (seconds), or None if none is."""
    return max((rule.target for rule in rules if rule.start <= now < rule.end), default=None)


def utilization(changes: Iterable[tuple[int, int]], start: int, end: int, reserved: int, concurrency: int) -> float:
    """Average share in use over [start, end) µs of `reserved` instances with `concurrency` slots each.

    changes: (time, running) in order; the last one at or before `start` says what was running then.
    """
    if reserved <= 0 or end <= start:
        return 0.0
    area, at, running = 0, start, 0
    for time, count in changes:
        if time > at:
            area += (min(time, end) - at) * running
            at = min(time, end)
        running = count
    area += (end - at) * running
    return area / ((end - start) * reserved * concurrency)


def tracked(policy: TargetTracking, current: int, value: float) -> int:
    """The next target for `current` reserved instances at utilization `value`: out at once, in slowly, within min and max."""
    if value > policy.utilization:
        wanted = math.ceil(round(current * value / policy.utilization, 9))
    else:
        wanted = current - math.ceil(round(current * SCALE_IN_FACTOR * (1 - value / policy.utilization), 9))
    return max(policy.min, min(policy.max, wanted))
