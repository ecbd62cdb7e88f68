"""A recording that grows while people look at it: when they are shown more, and what that may cost."""

from __future__ import annotations

import _thread
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from fclab.observe.recording import Recording

__all__ = ["BUDGET", "GAP", "SHARE", "Budget", "Feed", "Follower", "Present", "Source"]

_log = logging.getLogger("fclab")

GAP = 1 / 30
"""Real seconds between two messages to the browser, whichever lab they are about: the notebook's server drops what is too much."""
SHARE = 0.1
"""How much of one CPU a feed may take: an update that took c seconds is followed by a pause of 9 c."""


@dataclass(frozen=True, slots=True)
class Present:
    """How things stand in a lab: whether it goes on, its time in µs, and how fast that passes by itself.

    rate    lab seconds a real second
    bound   lab time in µs before which nothing will be recorded that is not asked for; -1 where nobody knows
    """

    live: bool
    time: int
    rate: float = 1.0
    bound: int = -1


class Source(Protocol):
    """What a feed is about. `size` and `present` are cheap, and for any thread."""

    def size(self) -> int:
        """How many events there are."""

    def present(self) -> Present:
        """How things stand."""

    def recording(self) -> Recording:
        """All that has happened. While the lab goes on it is a copy that nothing is added to; afterwards the lab's own recording."""


class Follower(Protocol):
    """Who is shown what is new: one for all views of a lab, so that they stay linked."""

    def grow(self, recording: Recording, present: Present) -> bool:
        """Take the newest state. False: it is closed, and wants no more."""


class Budget:
    """Turns to send, one every `GAP` seconds for all feeds of this process together, first come, first served."""

    def __init__(self) -> None:
        self._free = float("-inf")
        self._door = _thread.allocate_lock()

    def turn(self, now: float) -> float:
        """When the asker may send: `now` or later, by the same clock. Nobody else has that turn."""
        with self._door:
            turn = max(now, self._free)
            self._free = turn + GAP
            return turn

    def free(self, now: float) -> bool:
        """Somebody who asked now could send now."""
        return now >= self._free


BUDGET = Budget()
"""The one budget of the process."""


class Feed:
    """Shows one follower what a lab records, while it does.

    1. The engine is not slowed down: no observer, no object an event. Whether there is more is seen by the length of the recording.
    2. All feeds together send no more often than `BUDGET` allows, and each computes for no more than a tenth of the time (`SHARE`).
    3. Nothing is sent while nothing was recorded, but for the beginning and the end of a run.
    4. The last state always arrives: after `end` has returned 0 the follower has all of it.
    5. It has no clock and no thread of its own: somebody calls `look`, and again when it says.
    6. A follower that raises is let go and reported; it can neither end nor change a run.
    """

    def __init__(self, source: Source, clock: Callable[[], float], budget: Budget = BUDGET) -> None:
        self.source = source
        self.clock = clock
        self.budget = budget
        self._follower: Follower | None = None
        self._size = -1
        """Events that the follower has been shown; -1: it knows nothing of this run."""
        self._rest = 0.0
        self._turn: float | None = None
        self._over = True
        """The follower has been shown the end."""
        self._busy = _thread.allocate_lock()
        """Held while an update is made: two would overtake one another."""
        self._door = _thread.allocate_lock()

    @property
    def live(self) -> bool:
        """The lab goes on by itself."""
        return self.source.present().live

    @property
    def follower(self) -> Follower | None:
        """Who is shown what is new."""
        return self._follower

    def follow(self, follower: Follower, size: int) -> Follower:
        """Make `follower`, who knows the first `size` events, the one, unless there is one already. Returns the one."""
        with self._door:
            if self._follower is None:
                self._follower, self._size, self._over = follower, size, False
            return self._follower

    def forget(self) -> None:
        """Nobody follows any more."""
        with self._door:
            self._follower = None

    def begin(self) -> None:
        """The lab goes on from here. A follower who has not seen all of it stays with what it has."""
        if self._follower is not None and self._size != self.source.size():
            self.forget()
        self._size, self._over, self._rest = -1, False, 0.0

    def refresh(self) -> None:
        """Show what is new now, because somebody asks to see it; not if it is being shown this very moment, or another has the turn."""
        if self._behind and self._busy.acquire(blocking=False):
            try:
                now = self.clock()
                if self.budget.free(now):
                    self.budget.turn(now)
                    self._show()
            finally:
                self._busy.release()

    def look(self) -> float:
        """Show what is new if it is time for that; the seconds until the next look."""
        with self._busy:
            now = self.clock()
            if not self._behind:
                return GAP
            if now < self._rest:
                return max(GAP, self._rest - now)
            return self._in_turn(now) or GAP

    def end(self) -> float:
        """The lab goes on no more: show the last state. The seconds until this must be called again; 0 when it is done (clause 4)."""
        with self._busy:
            if not self._over and self._follower is not None and (wait := self._in_turn(self.clock())):
                return wait
            self._over = True
            return 0.0

    @property
    def _behind(self) -> bool:
        return self._follower is not None and self._size != self.source.size()

    def _in_turn(self, now: float) -> float:
        """Show what is new when the turn has come: 0 if that was now, else the seconds until then."""
        if self._turn is None:
            self._turn = self.budget.turn(now)
        if now < self._turn:
            return self._turn - now
        self._turn = None
        self._show()
        return 0.0

    def _show(self) -> None:
        began = self.clock()
        try:
            present = self.source.present()
            recording = self.source.recording()
            self._size = len(recording)
            if self._follower is not None and not self._follower.grow(recording, present):
                self.forget()
        except Exception:
            self.forget()
            _log.exception("the views of this lab do not move any more, because showing what is new failed")
        ended = self.clock()
        self._rest = ended + (ended - began) * (1 / SHARE - 1)
