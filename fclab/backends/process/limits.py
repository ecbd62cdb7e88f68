"""Looks at what busy instances use: memory and processes, ten times a second, and only while something is busy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fclab.backends.process.groups import descendants, resident_kb
from fclab.engine.failures import out_of_memory, process_ended

if TYPE_CHECKING:
    from fclab.backends.process.body import Body
    from fclab.wall_clock import WallClock

__all__ = ["MOST_PROCESSES", "Watchman"]

MOST_PROCESSES = 64
"""Processes an instance may have. The product allows 1024 processes and threads, which would be the end of a teaching machine."""

_EVERY = 100_000
"""µs between two looks."""


class Watchman:
    """Ends what uses too much. `bodies` are all there are; those that are not busy cost nothing but the asking."""

    def __init__(self, clock: WallClock, bodies: Iterable[Body]) -> None:
        self._clock = clock
        self._bodies = bodies
        self.awake = False

    def wake(self) -> None:
        """Something is busy from now on."""
        if not self.awake:
            self.awake = True
            self._clock.call_at(self._clock.now() + _EVERY, self._look)

    def _look(self) -> None:
        busy = [body for body in self._bodies if body.busy]
        for body in busy:
            self._check(body)
        if busy:
            self._clock.call_at(self._clock.now() + _EVERY, self._look)
        else:
            self.awake = False

    def _check(self, body: Body) -> None:
        if body.group is None or body.group.status is not None:
            return
        used = 0
        for count, pid in enumerate(descendants(body.group.pid), 1):
            used += resident_kb(pid)
            if count > MOST_PROCESSES:
                body.end(process_ended(f"more than {MOST_PROCESSES} processes"))
                return
        allowed = body.instance.function.spec.memory_mb
        body.used_mb = max(body.used_mb, used / 1024)
        if used > allowed * 1024:
            body.end(out_of_memory(allowed, used / 1024))
