"""What a timeline shows, before it has a size: lanes, spans, marks and folds of one recording.

The static picture and the live widget both start here, so they cannot disagree about what happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from fclab.observe.events import InstanceDestroyed, InstanceReclaimed
from fclab.observe.hops import Hops, hops
from fclab.observe.ledger import Ledger, ledger
from fclab.observe.recording import Recording
from fclab.observe.spans import Spans, spans
from fclab.observe.story import MANY, Story, idle_gaps, story

__all__ = ["MOST_HOPS", "End", "Scene"]

MOST_HOPS = 20_000
"""Hops that a live call chain shows; of a recording with more, the first ones."""


@dataclass(frozen=True, slots=True)
class End:
    """An instance is gone: at `time` (µs), on `lane`; `reclaimed` after its idle window, or destroyed for another reason."""

    time: int
    lane: int
    reclaimed: bool


class Scene:
    """Everything a view of `recording` draws, each part computed when it is first asked for. The picture goes from `begin_us` to
    `end_us` (µs). A recording that grows needs a new scene.
    """

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.spans = spans(recording)
        self.ends = _ends(recording, self.spans)
        self.instances = len(recording.instances) - 1
        """How many instances the picture shows."""

    @cached_property
    def ledger(self) -> Ledger:
        """Every request's times and outcome."""
        return ledger(self.recording)

    @cached_property
    def first_hops(self) -> Hops:
        """All hops, or of a long recording the first `MOST_HOPS` and one more."""
        return hops(self.recording, None if len(self.recording) <= MANY else MOST_HOPS + 1)

    @cached_property
    def hops(self) -> Hops:
        """All hops."""
        return self.first_hops if len(self.recording) <= MANY or len(self.first_hops) <= MOST_HOPS else hops(self.recording)

    @cached_property
    def story(self) -> Story:
        """The storyboard of what is shown live."""
        return story(self.recording, self.spans, self.first_hops)

    @cached_property
    def _gaps(self) -> tuple[int, tuple[tuple[int, int], ...]]:
        told: Story | None = self.__dict__.get("story")
        return (told.axis[0][0], told.folds) if told else idle_gaps(self.recording, self.spans)

    @property
    def begin_us(self) -> int:
        """Where the picture begins: 0 in virtual time."""
        return self._gaps[0]

    @cached_property
    def end_us(self) -> int:
        """Where it ends."""
        return max(self.recording.end_us, self.begin_us + 1)

    @property
    def folds(self) -> tuple[tuple[int, int], ...]:
        """The idle gaps left out of the story scale, as (from, to) in µs."""
        return self._gaps[1]

    def summary(self) -> str:
        """A short stable line: what a view's repr says."""
        return f"{_count(self.instances, 'instance')}, {_count(len(self.ledger), 'request')}, {_count(len(self.spans), 'span')}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _ends(recording: Recording, made: Spans) -> tuple[End, ...]:
    first_lane: dict[str, int] = {}
    for number, lane in enumerate(made.lanes):
        if lane.group == "instance":
            first_lane[lane.key] = number
    kinds = {InstanceReclaimed.KIND: True, InstanceDestroyed.KIND: False}
    found = []
    for row in recording.rows(kinds):
        lane_number = first_lane.get(recording.instances[row[4]].label)
        if lane_number is not None:
            found.append(End(row[0], lane_number, kinds[row[1]]))
    return tuple(found)
