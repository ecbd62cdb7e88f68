"""Sources of requests: each keeps one entry in the clock, however many requests it makes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from fclab.clock import Order, VirtualClock
from fclab.engine.platform import Platform

if TYPE_CHECKING:
    from fclab.wall_clock import WallClock

__all__ = ["Sources"]


class Sources:
    """The part of a driver that makes requests come."""

    clock: VirtualClock | WallClock
    platform: Platform
    coming = 0
    """Sources that have another arrival in the clock."""

    def source(self, times: Iterator[int], arrive: Callable[[], object]) -> None:
        """Call `arrive` at each of `times` (µs, never decreasing). Where the engine has a thread of its own, to be called there."""
        clock, platform = self.clock, self.platform

        def come() -> None:
            try:
                at = next(times, None)
            except Exception as error:  # a learner's own iterator of times
                clock.complain(error)
                at = None
            if at is None:
                self.coming -= 1
                platform.moving -= 1
            else:
                clock.call_again(timer, at)
            arrive()

        first = next(times, None)
        if first is not None:
            self.coming += 1
            platform.moving += 1
            timer = clock.call_at(first, come, order=Order.ARRIVAL)
