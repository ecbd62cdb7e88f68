"""Positions of playing and lab times: where one is on the other, and where a position goes when its story grows."""

from __future__ import annotations

from itertools import pairwise

from fclab.observe.story import Story

__all__ = ["carry", "position_at", "time_at"]


def time_at(story: Story, position: float) -> int:
    """Lab time in µs at a position of playing."""
    play = story.play
    if position <= play[0][0]:
        return play[0][1]
    for (p0, t0), (p1, t1) in pairwise(play):
        if position <= p1:
            return round(t0 + (position - p0) / (p1 - p0) * (t1 - t0))
    return play[-1][1]


def position_at(story: Story, time: int) -> float:
    """The first position of playing at which lab time `time` (µs) has come."""
    play = story.play
    if time <= play[0][1]:
        return play[0][0]
    for (p0, t0), (p1, t1) in pairwise(play):
        if time <= t1:
            return p0 + (time - t0) / (t1 - t0) * (p1 - p0)
    return play[-1][0]


def carry(position: float, story: Story, grown: Story) -> float:
    """The position in `grown` that shows the moment that `position` shows in `story`, of which `grown` is the continuation.

    Where the clock stands, one keeps one's distance from the beginning of that; it shrinks with it.
    """
    if position < 0:
        return position
    time = time_at(story, position)
    first, last = _stand(story, time)
    begin, end = _stand(grown, time)
    inside = (position - first) * min(1.0, (end - begin) / (last - first)) if last > first else 0.0
    return begin + inside


def _stand(story: Story, time: int) -> tuple[float, float]:
    """The positions between which the clock stands at `time` (µs)."""
    first = position_at(story, time)
    return first, max((p for p, at in story.play if at == time), default=first)
