"""Virtual time at a chosen speed: the lab's clock is turned in step with a real one, so that people can watch."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from fclab.controls.driver import Driver
from fclab.units import SECOND, seconds_text

__all__ = ["FRAME", "Pace", "play"]

FRAME = 1 / 30
"""Real seconds between two looks at the clock."""


@dataclass(frozen=True, slots=True, eq=False)
class Pace:
    """One `play`: `speed` is in lab seconds a real second."""

    speed: float


def play(driver: Driver, speed: float) -> None:
    """Let the lab run at `speed` lab seconds a real second until its work is done: in the running event loop, or here and now.

    1. A lab is paced by one `play` at a time: a new one takes over from the one before, at the time that has been reached.
    2. It ends exactly where `run()` would, whatever the real clock did, and like it raises `EndlessRun`.
    3. In an event loop nobody is left to raise to: what `run()` would raise ends the pacing and is handed to the loop's exception
       handler, which logs it unless told otherwise; the lab is whole and can be played on.
    4. The lab's views move along, and have the last state in the end, however it ends.
    """
    me = driver.playing = Pace(speed)
    began, start = time.monotonic(), driver.clock.now()
    if driver.feed is not None:
        driver.feed.begin()

    def frame() -> bool:
        """Catch up with the real clock; True while there is work left."""
        if driver.closed or driver.playing is not me or not driver.busy():
            return False
        due = start + round((time.monotonic() - began) * speed * SECOND)
        if due > driver.clock.now():
            driver.catch_up(due)
        if driver.feed is not None:
            driver.feed.look()
        return driver.busy()

    def settle() -> float:
        """Show the views the end: 0 when that is done, else the seconds until it can be."""
        if driver.playing not in (me, None):
            return 0.0
        driver.playing = None
        return 0.0 if driver.feed is None else driver.feed.end()

    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        try:
            while frame():
                time.sleep(FRAME)
        finally:
            while wait := settle():
                time.sleep(wait)
        return

    def end() -> None:
        if wait := settle():
            loop.call_later(wait, end)

    def again() -> None:
        more = False
        try:
            more = frame()
        except Exception as error:
            stopped = f"lab.play stopped at {seconds_text(driver.clock.now())} s: {error}"
            loop.call_exception_handler({"message": stopped, "exception": error})
        finally:
            if more:
                loop.call_later(FRAME, again)
            else:
                end()

    more = False
    try:
        more = frame()
    finally:
        if more:
            loop.call_later(FRAME, again)
        else:
            end()
