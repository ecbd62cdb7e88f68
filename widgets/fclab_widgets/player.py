"""The one player of a recording: what it plays, and where it stands. Its views are linked because they share it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Real
from typing import ClassVar
from weakref import WeakKeyDictionary

import ipywidgets
import traitlets as t

from fclab.errors import UsageError
from fclab.observe.feed import Feed, Present
from fclab.observe.recording import Recording
from fclab.observe.svg_scene import Scene
from fclab.units import seconds_text, to_us
from fclab_widgets.playhead import carry, position_at, time_at
from fclab_widgets.reel import reel

__all__ = ["SPEEDS", "Player"]

SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 100.0, 1000.0)
BEFORE = -1.0


class Player(ipywidgets.Widget):  # type: ignore[misc]
    """Plays one recording in the browser, without the kernel's help; while its lab goes on it follows the newest moment.

    1. `Player.of(recording)` is the same object for the same recording of the same length, so all its views are linked; so are those
       of a lab that goes on, whenever they are made, and those of what it has recorded in the end.
    2. Everything that moves is a trait: position (seconds of playing; negative before the first play), speed (0.1 to 1000), folded
       (story scale or true scale), playing, selected (a request's number, 0 for none), following (it stands at the newest moment).
    3. The columns change only while the lab goes on, all at once, in one message that also carries the next `version`; a moment that
       was shown stays where it was. Once the lab is over they never change.
    4. `grow` may be called on any thread: it hands over one complete state and leaves alone what the browser and the cells set.
    """

    spans = t.Bytes().tag(sync=True)
    hops = t.Bytes().tag(sync=True)
    hops_until = t.Float(-1.0).tag(sync=True)
    play = t.Bytes().tag(sync=True)
    steps = t.Bytes().tag(sync=True)
    folds = t.Bytes().tag(sync=True)
    ends = t.Bytes().tag(sync=True)
    clock = t.Unicode("virtual").tag(sync=True)
    begin = t.Float().tag(sync=True)
    end = t.Float().tag(sync=True)
    captions = t.List(t.Unicode()).tag(sync=True)
    lanes = t.List(t.Dict()).tag(sync=True)
    kinds = t.List(t.Dict()).tag(sync=True)
    requests = t.Bytes().tag(sync=True)
    nodes = t.List(t.Dict()).tag(sync=True)
    edges = t.List(t.List(t.Int())).tag(sync=True)
    summary = t.Unicode().tag(sync=True)

    version = t.Int(0).tag(sync=True)
    live = t.Bool(False).tag(sync=True)
    present = t.Float(0.0).tag(sync=True)
    rate = t.Float(0.0).tag(sync=True)
    bound = t.Float(-1.0).tag(sync=True)
    """The last four are those of `Present`; the browser lets its clock go on from there, though nothing is sent."""

    position = t.Float(BEFORE).tag(sync=True)
    speed = t.Float(1.0).tag(sync=True)
    folded = t.Bool(True).tag(sync=True)
    playing = t.Bool(False).tag(sync=True)
    selected = t.Int(0).tag(sync=True)
    following = t.Bool(False).tag(sync=True)

    _known: ClassVar[WeakKeyDictionary[Recording, tuple[int, int, Player]]] = WeakKeyDictionary()

    def __init__(self, made: Scene, feed: Feed | None = None, present: Present | None = None) -> None:
        self.scene = made
        self._feed = feed
        self._columns = reel(made) | _going(present)
        super().__init__(**self._columns, following=present is not None)

    @classmethod
    def of(cls, recording: Recording | Feed) -> Player:
        """The player of `recording`: one as long as nothing is added to it; or that of a lab that goes on."""
        if isinstance(recording, Feed):
            return cls._of_feed(recording)
        if not isinstance(recording, Recording):
            raise UsageError(f"A view shows a recording, not {recording!r}.", hint="call lab.timeline(), or pass lab.recording")
        known = cls._known.get(recording)
        if known is None or known[:2] != (len(recording), recording.end_us):
            known = (len(recording), recording.end_us, cls(Scene(recording)))
            cls._known[recording] = known
        return known[2]

    @classmethod
    def _of_feed(cls, feed: Feed) -> Player:
        present, player = feed.source.present(), feed.follower
        if present.live and isinstance(player, Player) and player.comm is not None:
            feed.refresh()
            return player
        recording = feed.source.recording()
        made = cls(Scene(recording), feed, present) if present.live else cls.of(recording)
        if not present.live or player is not None:
            feed.forget()
        one = feed.follow(made, len(recording))
        return one if isinstance(one, Player) else made

    def grow(self, recording: Recording, present: Present) -> bool:
        """Show more: all of `recording`, which begins like the one shown so far. False if the player was closed."""
        if self.comm is None:
            return False
        made = Scene(recording)
        columns = reel(made) | _going(present) | {"version": self.version + 1}
        before, self._columns = self._columns, columns
        # Not by assignment: traitlets sends and notifies for one trait at a time, and the way to hold that back works on the object as
        # a whole, so what a cell sets meanwhile on another thread would get lost in it.
        values = self._trait_values
        begins = present.live and not before["live"]
        follows = bool(self.following or begins)
        stands = made.story.length if follows and not present.live else carry(self.position, self.scene.story, made.story)
        values.update(columns)
        values.update(position=stands, following=follows and present.live)
        self.scene = made
        if not present.live:
            self._known[recording] = (len(recording), recording.end_us, self)
        self.send_state([name for name, value in columns.items() if value != before.get(name)] + ["following"] * begins)
        return True

    def get_state(self, key: str | Iterable[str] | None = None, drop_defaults: bool = False) -> dict[str, object]:
        """As in every widget, but the columns belong together, and a page that is loaded now learns what time it is now."""
        columns = self._columns
        state: dict[str, object] = super().get_state(key, drop_defaults)
        state.update({name: columns[name] for name in state.keys() & columns.keys()})
        if columns["live"] and "present" in state and self._feed is not None:
            state["present"] = float(self._feed.source.present().time)
        return state

    def follow(self) -> None:
        """Go to the newest moment, and stay there while the lab goes on."""
        self.playing = False
        self.following = self.live
        self.position = self.scene.story.length

    def seek(self, time: float) -> None:
        """Stop at lab time `time`, in seconds: just after the first thing that happened then."""
        self.playing = self.following = False
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
        return self.scene.end_us / 1e6 if self.following else time_at(self.scene.story, self.position) / 1e6

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
        time = time_at(self.scene.story, self.position)
        where = "live" if self.following else "at the start" if self.position < 0 else f"at {seconds_text(time)} s"
        return f"Player({self.scene.summary()}, {where})"


def _going(present: Present | None) -> dict[str, object]:
    """The traits that say how a lab stands; None: it is over."""
    if present is None or not present.live:
        return {"live": False, "present": 0.0, "rate": 0.0, "bound": -1.0}
    return {"live": True, "present": float(present.time), "rate": float(present.rate), "bound": float(present.bound)}
