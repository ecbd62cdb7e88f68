"""Feeds of labs: what their views are shown while time passes by itself, and the thread that does it in real time."""

from __future__ import annotations

import _thread
import time
from typing import TYPE_CHECKING

from fclab.controls.driver import Driver
from fclab.errors import LabClosed
from fclab.observe.feed import GAP, Feed, Present
from fclab.observe.recording import Recording

if TYPE_CHECKING:
    from fclab.controls.live import LiveDriver

__all__ = ["Pump", "feed_of"]


def feed_of(driver: Driver | LiveDriver) -> Feed | Recording:
    """What a view of the lab is made from: its feed, or, where the lab is over, its recording."""
    driver.platform.recording.kept()
    if isinstance(driver, Driver):
        if driver.feed is None:
            driver.feed = Feed(_Paced(driver), time.monotonic)
        return driver.feed
    try:
        return driver.ask(_pumped, driver).feed
    except LabClosed:
        return driver.recording()


def _pumped(driver: LiveDriver) -> Pump:
    """The pump of a lab in real time, started with its first view. On the engine's thread: so none is started twice, or after the end."""
    if driver.pump is None:
        driver.pump = Pump(driver)
    return driver.pump


class _Paced:
    """A lab in virtual time: it goes on by itself while `lab.play` paces it."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def size(self) -> int:
        return len(self._driver.platform.recording)

    def present(self) -> Present:
        driver = self._driver
        now = driver.clock.now()
        if driver.playing is None:
            return Present(False, now, 0.0, now)
        due = driver.clock.next_time()
        return Present(True, now, driver.playing.speed, now if due is None else due)

    def recording(self) -> Recording:
        recording = self._driver.platform.recording
        return recording if self._driver.playing is None else recording.copy()


class _Running:
    """A lab in real time: it goes on until it is closed."""

    def __init__(self, driver: LiveDriver) -> None:
        self._driver = driver

    def size(self) -> int:
        return len(self._driver.platform.recording)

    def present(self) -> Present:
        return Present(not self._driver.closed, self._driver.now())

    def recording(self) -> Recording:
        return self._driver.recording()


class Pump:
    """The thread that shows the views of one lab in real time what is new.

    1. It is the lab's: `stop` ends it once the views have the last state, and `join` waits for that.
    2. It needs nobody's event loop, so views move while a cell is blocked.
    """

    def __init__(self, driver: LiveDriver) -> None:
        import threading

        self.feed = Feed(_Running(driver), time.monotonic)
        self.feed.begin()
        self._bell = _thread.allocate_lock()
        self._bell.acquire()
        self._thread = threading.Thread(target=self._run, name="fclab views", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        wait = GAP
        while not self._bell.acquire(timeout=wait):
            wait = self.feed.look()
        while wait := self.feed.end():
            self._bell.acquire(timeout=wait)

    def stop(self) -> None:
        """The lab is over: nothing will be added to its recording. For the engine's thread, once."""
        self._bell.release()

    def join(self) -> None:
        """Wait until the thread is gone; nothing for the thread itself."""
        if self._thread.ident != _thread.get_ident():
            self._thread.join()
