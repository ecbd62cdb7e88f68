"""The time-outs of one function's runs: one entry in the clock, however many run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fclab.clock import Clock, Order

if TYPE_CHECKING:
    from fclab.engine.rows import Attempt

__all__ = ["Deadlines"]


class Deadlines:
    """All runs of a function have the same time-out, so they come due in the order in which they started: a line, not a heap.

    1. `late(attempt)` is called at its due time, in `Order.TIMEOUT`, unless the attempt has left the line by then.
    2. `line` holds the attempts that run, in the order of their start; who is done leaves it.
    """

    __slots__ = ("_armed", "_clock", "_late", "_timeout", "line")

    def __init__(self, clock: Clock, timeout_us: int, late: Callable[[Attempt], object]) -> None:
        self._clock = clock
        self._timeout = timeout_us
        self._late = late
        self.line: dict[Attempt, None] = {}
        self._armed = False

    def add(self, attempt: Attempt, now: int) -> None:
        """The attempt starts now."""
        self.line[attempt] = None
        if not self._armed:
            self._armed = True
            self._clock.call_at(now + self._timeout, self.due, order=Order.TIMEOUT)

    def due(self) -> None:
        """Call `late` for those whose time has come, and look again when the next one's does."""
        now = self._clock.time
        line = self.line
        try:
            while line:
                attempt = next(iter(line))
                if attempt.started + self._timeout > now:
                    break
                del line[attempt]
                self._late(attempt)
        finally:
            self._armed = bool(line)
            if line:
                self._clock.call_at(next(iter(line)).started + self._timeout, self.due, order=Order.TIMEOUT)
