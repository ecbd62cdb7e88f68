"""Virtual time at a chosen speed: the lab's clock is turned in step with a real one, so that people can watch."""

from __future__ import annotations

import asyncio
import time

from fclab.controls.driver import Driver
from fclab.units import SECOND, seconds_text

__all__ = ["FRAME", "play"]

FRAME = 1 / 30
"""Real seconds between two looks at the clock."""


def play(driver: Driver, speed: float) -> None:
    """Let the lab run at `speed` lab seconds a real second until its work is done: in the running event loop, or here and now.

    1. A lab is paced by one `play` at a time: a new one takes over from the one before, at the time that has been reached.
    2. It ends exactly where `run()` would, whatever the real clock did, and like it raises `EndlessRun`.
    3. In an event loop nobody is left to raise to: what `run()` would raise ends the pacing and is handed to the loop's exception
       handler, which logs it unless told otherwise; the lab is whole and can be played on.
    """
    me = driver.playing = object()
    began, start = time.monotonic(), driver.clock.now()

    def frame() -> bool:
        """Catch up with the real clock; True while there is work left."""
        if driver.closed or driver.playing is not me or not driver.busy():
            return False
        due = start + round((time.monotonic() - began) * speed * SECOND)
        if due > driver.clock.now():
            driver.catch_up(due)
        return driver.busy()

    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        while frame():
            time.sleep(FRAME)
        return

    def again() -> None:
        try:
            more = frame()
        except Exception as error:
            stopped = f"lab.play stopped at {seconds_text(driver.clock.now())} s: {error}"
            loop.call_exception_handler({"message": stopped, "exception": error})
            return
        if more:
            loop.call_later(FRAME, again)

    if frame():
        loop.call_later(FRAME, again)
