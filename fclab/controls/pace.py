"""Virtual time at a chosen speed: the lab's clock is turned in step with a real one, so that people can watch."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from fclab.units import SECOND

if TYPE_CHECKING:
    from fclab.controls.driver import Driver
    from fclab.lab import Lab

__all__ = ["FRAME", "play"]

FRAME = 1 / 30
"""Real seconds between two looks at the clock."""


def play(lab: Lab, driver: Driver, speed: float) -> None:
    """Run `lab` at `speed` lab seconds a real second until its work is done: in the running event loop, or here and now."""
    began, start = time.monotonic(), driver.clock.now()

    def frame() -> bool:
        """Catch up with the real clock; True while there is work left."""
        if driver.closed or not driver.busy():
            return False
        lab.run(until=max(lab.now, (start + (time.monotonic() - began) * speed * SECOND) / SECOND))
        return driver.busy()

    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        while frame():
            time.sleep(FRAME)
        return

    def again() -> None:
        if frame():
            loop.call_later(FRAME, again)

    again()
