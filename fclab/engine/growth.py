"""How fast new instances may be created: a burst at once, then a steady rate."""

from __future__ import annotations

__all__ = ["Growth"]


class Growth:
    """A token bucket of `burst` instances, refilled with `count` every `period` µs; None for no limit.

    Exact: what has been refilled is kept in whole parts of a token, so no rounding is lost however often it is asked.
    """

    def __init__(self, burst: int | None, count: int, period: int) -> None:
        self.burst = burst
        self.count = count
        self.period = period
        self._parts = (burst or 0) * period
        self._at = 0

    def available(self, now: int) -> bool:
        """May one more instance be created at `now`?"""
        if self.burst is None:
            return True
        self._parts = min(self.burst * self.period, self._parts + (now - self._at) * self.count)
        self._at = now
        return self._parts >= self.period

    def take(self, now: int) -> None:
        """One instance is being created."""
        if self.burst is not None and self.available(now):
            self._parts -= self.period
