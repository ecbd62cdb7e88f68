"""The one player of a recording: what it plays, and where it stands. Its views are linked because they share it."""

from __future__ import annotations

import math
from itertools import pairwise
from numbers import Real
from typing import ClassVar
from weakref import WeakKeyDictionary

import ipywidgets
import traitlets as t

from fclab.errors import UsageError
from fclab.observe.recording import Recording
from fclab.observe.story import Story
from fclab.observe.svg_scene import Scene
from fclab.units import seconds_text, to_us
from fclab_widgets.reel import reel

__all__ = ["SPEEDS", "Player"]

SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 100.0, 1000.0)
BEFORE = -1.0


class Player(ipywidgets.Widget):  # type: ignore[misc]
    """Plays one recording in the browser, without the kernel's help.

    1. `Player.of(recording)` is the same object for the same recording of the same length, so all its views are linked.
    2. Everything that moves is a trait: position (seconds of playing; negative before the first play), speed (0.1 to 1000), folded
       (story scale or true scale), playing, selected (a request's number, 0 for none).
    3. The columns never change after the player was made.
    """

    spans = t.Bytes().tag(sync=True)
    hops = t.Bytes().tag(sync=True)
    hops_until = t.Float(-1.0).tag(sync=True)
    play = t.Bytes().tag(sync=True)
    steps = t.Bytes().tag(sync=True)
    folds = t.Bytes().tag(sync=True)
    ends = t.Bytes().tag(sync=True)
    begin = t.Float().tag(sync=True)
    end = t.Float().tag(sync=True)
    captions = t.List(t.Unicode()).tag(sync=True)
    lanes = t.List(t.Dict()).tag(sync=True)
    kinds = t.List(t.Dict()).tag(sync=True)
    requests = t.Bytes().tag(sync=True)
    nodes = t.List(t.Dict()).tag(sync=True)
    edges = t.List(t.List(t.Int())).tag(sync=True)
    summary = t.Unicode().tag(sync=True)

    position = t.Float(BEFORE).tag(sync=True)
    speed = t.Float(1.0).tag(sync=True)
    folded = t.Bool(True).tag(sync=True)
    playing = t.Bool(False).tag(sync=True)
    selected = t.Int(0).tag(sync=True)

    _known: ClassVar[WeakKeyDictionary[Recording, tuple[int, int, Player]]] = WeakKeyDictionary()

    def __init__(self, made: Scene) -> None:
        self.scene = made
        super().__init__(**reel(made))

    @classmethod
    def of(cls, recording: Recording) -> Player:
        """The player of `recording`: one as long as nothing is added to it."""
        if not isinstance(recording, Recording):
            raise UsageError(f"A view shows a recording, not {recording!r}.", hint="call lab.timeline(), or pass lab.recording")
        known = cls._known.get(recording)
        if known is None or known[:2] != (len(recording), recording.end_us):
            known = (len(recording), recording.end_us, cls(Scene(recording)))
            cls._known[recording] = known
        return known[2]

    def seek(self, time: float) -> None:
        """Stop at lab time `time`, in seconds: just after the first thing that happened then."""
        self.playing = False
        self.position = position_at(self.scene.story, to_us(time, "time"))

    def select(self, request: int | str) -> None:
        """Choose a request in every view: its number or its label, 0 for none."""
        text = str(request).removeprefix("R")
        if not text.isdecimal() or int(text) > len(self.scene.ledger):
            raise UsageError(f"There is no request {request!r}.", hint=f"this recording has R1 to R{len(self.scene.ledger)}")
        self.selected = int(text)

    @property
    def now(self) -> float:
        """The lab time the player stands at, in seconds."""
        return time_at(self.scene.story, self.position) / 1e6

    @t.validate("speed")
    def _sound_speed(self, proposal: dict[str, float]) -> float:
        if not 0.1 <= proposal["value"] <= 1000:
            raise UsageError(f"speed must be from 0.1 to 1000, not {proposal['value']!r}.", hint="1 plays a second of action in a second")
        return proposal["value"]

    @t.validate("position")
    def _sound_position(self, proposal: dict[str, float]) -> float:
        value = proposal["value"]
        if not isinstance(value, Real) or math.isnan(value):
            raise UsageError(f"position must be a number of seconds, not {value!r}.", hint="use seek() for lab times")
        return BEFORE if value < 0 else min(float(value), self.scene.story.length)

    def __repr__(self) -> str:
        where = "at the start" if self.position < 0 else f"at {seconds_text(time_at(self.scene.story, self.position))} s"
        return f"Player({self.scene.summary()}, {where})"


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
