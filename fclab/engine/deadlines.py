"""The time-outs of one function's runs: one entry in the clock, however many run."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from fclab.clock import Clock, Order

if TYPE_CHECKING:
    from fclab.engine.rows import Attempt

__all__ = ["Deadlines"]


class Deadlines:
    """All runs of a function have the same time-out, so they come due in the order in which they started: a line, not a heap.

    1. `late(attempt)` is called at its due time, in `Order.TIMEOUT`, unless the attempt is done by then.
    2. Attempts that are done leave the line from its head; at most the runs since the oldest one still running stand in it.
    """

    __slots__ = ("_armed", "_clock", "_late", "_line", "_timeout")

    def __init__(self, clock: Clock, timeout_us: int, late: Callable[[Attempt], object]) -> None:
        self._clock = clock
        self._timeout = timeout_us
        self._late = late
        self._line: deque[tuple[int, Attempt]] = deque()
        self._armed = False

    def add(self, attempt: Attempt, now: int) -> None:
        """The attempt starts now."""
        line = self._line
        while line and line[0][1].done:
            line.popleft()
        line.append((now + self._timeout, attempt))
        if not self._armed:
            self._armed = True
            self._clock.call_at(line[0][0], self._due, order=Order.TIMEOUT)

    def _due(self) -> None:
        now = self._clock.now()
        line = self._line
        while line and (line[0][1].done or line[0][0] <= now):
            _, attempt = line.popleft()
            if not attempt.done:
                self._late(attempt)
        self._armed = bool(line)
        if line:
            self._clock.call_at(line[0][0], self._due, order=Order.TIMEOUT)
