"""What a timeline shows, before it has a size: lanes, spans, marks and folds of one recording.

The static picture and the live widget both start here, so they cannot disagree about what happened.
"""

from __future__ import annotations

from dataclasses import dataclass

from fclab.observe.events import InstanceDestroyed, InstanceReclaimed
from fclab.observe.hops import Hops, hops
from fclab.observe.recording import Recording
from fclab.observe.requests import RequestView, requests
from fclab.observe.spans import Spans, spans
from fclab.observe.story import Story, story
from fclab.units import seconds_text

__all__ = ["Axis", "End", "Scene", "outcome", "scene"]


@dataclass(frozen=True, slots=True)
class End:
    """An instance is gone: at `time` (µs), on `lane`; `reclaimed` after its idle window, or destroyed for another reason."""

    time: int
    lane: int
    reclaimed: bool


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything a view of `recording` draws. The picture goes from `begin_us` to `end_us` (µs)."""

    recording: Recording
    spans: Spans
    hops: Hops
    story: Story
    requests: list[RequestView]
    ends: tuple[End, ...]
    begin_us: int
    end_us: int

    @property
    def folds(self) -> tuple[tuple[int, int], ...]:
        """The idle gaps left out of the story scale, as (from, to) in µs."""
        return self.story.folds

    @property
    def instances(self) -> int:
        """How many instances the picture shows."""
        return len(self.recording.instances) - 1

    def summary(self) -> str:
        """A short stable line: what a view's repr says."""
        return f"{_count(self.instances, 'instance')}, {_count(len(self.requests), 'request')}, {_count(len(self.spans.kind), 'span')}"


def outcome(request: RequestView) -> str:
    """What became of a request, in three words or fewer: "cold 1.1 s", "failed 4.9 s", "refused 429", or "" while it is open."""
    if request.outcome == "refused":
        return f"refused {request.status}"
    if request.latency_us is None:
        return ""
    how = "failed" if request.outcome == "failed" else "cold" if request.cold else "warm"
    return f"{how} {seconds_text(request.latency_us)} s"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def scene(recording: Recording) -> Scene:
    """Compute what the views of `recording` show, in time linear in its events."""
    made = spans(recording)
    passed = hops(recording)
    told = story(recording, made, passed)
    begin = told.axis[0][0]
    return Scene(
        recording=recording,
        spans=made,
        hops=passed,
        story=told,
        requests=requests(recording),
        ends=_ends(recording, made),
        begin_us=begin,
        end_us=max(recording.end_us, begin + 1),
    )


def _ends(recording: Recording, made: Spans) -> tuple[End, ...]:
    first_lane: dict[str, int] = {}
    for number, lane in enumerate(made.lanes):
        if lane.group == "instance":
            first_lane[lane.key] = number
    kinds = {InstanceReclaimed.KIND: True, InstanceDestroyed.KIND: False}
    found = []
    for row in recording.rows():
        reclaimed = kinds.get(row[1])
        if reclaimed is not None:
            lane_number = first_lane.get(recording.instances[row[4]].label)
            if lane_number is not None:
                found.append(End(row[0], lane_number, reclaimed))
    return tuple(found)


class Axis:
    """The story scale in pixels: action is linear, a fold is a strip of fixed width however long it was.

    1. Folds together never take more than 45 % of the width; action shares the rest evenly by time.
    2. `x` is monotone; times outside [begin, end] are clamped.
    """

    FOLD = 72.0

    def __init__(self, folds: tuple[tuple[int, int], ...], begin_us: int, end_us: int, left: float, width: float) -> None:
        self.fold_width = min(self.FOLD, 0.45 * width / len(folds)) if folds else 0.0
        action = end_us - begin_us - sum(end - start for start, end in folds)
        self.scale = (width - self.fold_width * len(folds)) / action if action > 0 else 0.0
        self.segments: list[tuple[int, int, float, float]] = []
        """(from µs, to µs, from x, to x), without gaps; folds included."""
        self.folded: list[tuple[int, int, float, float]] = []
        at, x = begin_us, left
        for start, end in folds:
            self._action(at, start, x)
            x += (start - at) * self.scale
            segment = (start, end, x, x + self.fold_width)
            self.segments.append(segment)
            self.folded.append(segment)
            at, x = end, x + self.fold_width
        self._action(at, end_us, x)
        self.right = x + max(0, end_us - at) * self.scale

    def _action(self, start: int, end: int, x: float) -> None:
        if end >= start:
            self.segments.append((start, end, x, x + (end - start) * self.scale))

    def x(self, time: int) -> float:
        """Where lab time `time` (µs) lies, in pixels."""
        low, high = 0, len(self.segments) - 1
        while low < high:
            middle = (low + high) // 2
            if self.segments[middle][1] < time:
                low = middle + 1
            else:
                high = middle
        start, end, x0, x1 = self.segments[low]
        if time <= start or end == start:
            return x0
        return x1 if time >= end else x0 + (time - start) / (end - start) * (x1 - x0)

    def ticks(self, apart: float = 70.0) -> list[tuple[int, float, bool]]:
        """(µs, x, strong) of the ticks: the borders of action (strong), and round times between them `apart` pixels or more."""
        step = _nice(apart / self.scale) if self.scale > 0 else 0
        found: dict[int, bool] = {}
        for segment in self.segments:
            start, end = segment[0], segment[1]
            if segment in self.folded:
                continue
            found[start] = True
            if step:
                for time in range(-(-start // step) * step, end + 1, step):
                    found.setdefault(time, False)
            found[end] = True
        return [(time, self.x(time), strong) for time, strong in sorted(found.items())]


def _nice(us: float) -> int:
    """The smallest of 1, 2, 5 times a power of ten that is at least `us` microseconds."""
    power = 1
    while True:
        for factor in (1, 2, 5):
            if factor * power >= us:
                return factor * power
        power *= 10
