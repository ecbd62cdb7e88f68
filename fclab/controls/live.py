"""Speaks for callers to an engine that runs by itself, on a thread of its own, in real time."""

from __future__ import annotations

import _thread
import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from fclab import forks
from fclab.controls.driver import AGAIN
from fclab.controls.outlook import helps, stalled
from fclab.controls.sources import Sources
from fclab.controls.waits import Wait, Waits
from fclab.engine.platform import Platform
from fclab.errors import EndlessRun, FclabError, LabClosed, NestedRun, UsageError, WrongThread
from fclab.observe.recording import Recording
from fclab.units import seconds_text
from fclab.wall_clock import WallClock

if TYPE_CHECKING:
    from fclab.controls.feeds import Pump

__all__ = ["LiveDriver"]

T = TypeVar("T")
P = ParamSpec("P")
_log = logging.getLogger("fclab")


class LiveDriver(Sources):
    """The twin of `Driver` for real time: the same verbs, but time passes whether anybody calls or not.

    1. Any thread may use it, also one that runs an event loop; everything that touches the platform happens on the engine's thread.
    2. From the engine's own thread (an observer) what returns at once works, and what would wait is refused.
    3. A caller that is interrupted leaves; what it asked for goes on, and the lab stays whole.
    4. After `close` every call that waits, and every later one, raises `LabClosed`.
    5. What fails on the engine's thread while nobody asked for it is logged, and raised by the oldest wait for the lab's work.
    6. After `close`, called from another thread than the engine's, no thread of the lab is left, and its views have the last state.
    """

    def __init__(self, clock: WallClock, platform: Platform, release: Callable[[], object] = lambda: None) -> None:
        self.clock: WallClock = clock
        self.platform = platform
        self.closed = False
        self.pump: Pump | None = None
        """What keeps its views up to date, once there was one."""
        self._release = release
        """Lets go of what the lab holds besides the platform, once that is closed."""
        self._waits = Waits(self)
        self._process = os.getpid()
        self._closing = _thread.allocate_lock()
        self._kept: Recording | None = None
        self.again = AGAIN
        """How to go on after the end of the lab."""
        self._lost: FclabError | None = None
        """What the end of the lab could not write."""
        clock.failed = self._failed
        self._thread = threading.Thread(target=clock.run, name="fclab engine", daemon=True)
        self._thread.start()

    # ---- who may

    def check(self) -> None:
        """Refuse what comes too late, or from a forked child, where there is no engine (clause 4)."""
        if self.closed:
            raise LabClosed("This lab is closed.", hint=self.again)
        forks.check(self._process)

    def idle(self) -> None:
        """Refuse to wait on the engine's own thread (clause 2)."""
        self.check()
        if self.clock.here:
            raise NestedRun("An observer cannot wait for the lab that calls it.", hint="note what you need, and act elsewhere")

    # ---- asking

    def ask(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `fn(...)` returns, or raises, on the engine's thread."""
        self.check()
        if self.clock.here:
            return fn(*args, **kwargs)
        wait = Wait(self._waits)

        def call() -> None:
            try:
                wait.give(fn(*args, **kwargs))
            except BaseException as error:
                wait.fail(error)

        self.clock.post(call)
        return cast(T, wait.result())

    def answer(self, start: Callable[[Callable[[Any], object]], object]) -> Any:
        """What `start(reply)` makes somebody call `reply` with, sooner or later."""
        self.idle()
        wait = Wait(self._waits)
        self.clock.post(self._begin, wait, start)
        return wait.result()

    def hand_in(self, start: Callable[[Callable[[Any], object]], object]) -> None:
        """`start(reply)`, and wait for the reply; on the engine's own thread do not wait."""
        if self.clock.here:
            self.ask(start, lambda value: None)
        else:
            self.answer(start)

    def stored(self, start: Callable[[Callable[[], object]], bool]) -> bool:
        """What `start(stored)` says: if that is True, once it has called `stored`; on the engine's own thread do not wait.

        Raises `NotStored` while the home cannot be written: then it is written as soon as it can be.
        """
        box: list[bool] = []
        answer = self.ask(start, lambda: box.append(True))
        if answer and not box and not self.clock.here:
            self._waits.until(lambda: bool(box), None, None, lambda: self.platform.queue.trouble)
        return answer

    def _begin(self, wait: Wait, start: Callable[[Callable[[Any], object]], object]) -> None:
        try:
            start(wait.give)
        except BaseException as error:
            wait.fail(error)

    # ---- waiting

    def _ready(self) -> None:
        """Refuse where waiting is impossible; and try what could not be written once more, for the disk may be well again."""
        self.idle()
        if self.platform.queue.trouble is not None:
            with suppress(FclabError):
                self.platform.queue.flush()

    def now(self) -> int:
        """Lab time in µs."""
        return self.clock.reading()

    def busy(self) -> bool:
        """There is work: scheduled arrivals, requests that have not ended."""
        return bool(self.coming) or self.platform.busy()

    def to(self, until: int) -> None:
        """Wait until lab time `until` µs. Raises `NotStored` if a step of the lab is not written by then."""
        now = self.now()
        if until < now:
            raise UsageError(f"{seconds_text(until)} s is in the past.", hint=f"it is {seconds_text(now)} s, and real time only goes on")
        self._ready()
        self._waits.until(lambda: self.clock.time >= until, until, lambda: ((self.now() - now) / max(1, until - now), ""))
        if self.platform.queue.trouble is not None:
            raise self.platform.queue.trouble

    def finish(self) -> None:
        """Wait until all work is done. Raises `EndlessRun` when that can never be."""
        self._ready()
        most = max(1, self.platform.work)

        def progress() -> tuple[float, str]:
            nonlocal most
            left = self.platform.work
            most = max(most, left)
            return 1 - left / most, f"{left} requests to go" + (", more to come" if self.coming else "")

        self._waits.until(lambda: not self.busy(), None, progress, self.endless)

    def until(
        self, done: Callable[[], bool], limit: int | None = None, progress: Callable[[], tuple[float, str]] | None = None
    ) -> None:
        """Wait until `done()`, at most `limit` µs. Raises `EndlessRun` when that can never be."""
        self._ready()
        self._waits.until(done, None if limit is None else self.now() + limit, progress, self.endless)

    def step(self) -> bool:
        """Wait until something has been recorded; False as soon as no work is left, for what comes then may come in minutes."""
        self.idle()
        recording = self.platform.recording
        before, more = len(recording), [True]

        def done() -> bool:
            more[0] = len(recording) > before
            return more[0] or not self.busy()

        self._waits.until(done, None, None)
        return more[0]

    def endless(self) -> FclabError | None:
        """What to say where nothing is under way, and nothing that the clock holds could change that; or where a disk holds all up."""
        platform = self.platform
        if platform.queue.trouble is not None:
            return platform.queue.trouble
        if platform.moving or any(helps(platform, order, fn) for order, fn in self.clock.waiting()):
            return None
        what, _, hint = stalled(platform).partition("|")
        return EndlessRun(f"This run would never end: {what}.", hint=hint)

    # ---- the record

    def recording(self) -> Recording:
        """What has happened so far: a recording that nothing is added to. The same one again while nothing more has happened."""
        try:
            return self.ask(self._copy)
        except (LabClosed, WrongThread):
            if os.getpid() == self._process and not self.clock.here:
                self._thread.join()  # what closing records belongs to it
            return self._copy()

    def _copy(self) -> Recording:
        live = self.platform.recording
        if self._kept is None or len(self._kept) != len(live):
            live.until_us = max(live.until_us, self.now() if not self.closed else 0)
            self._kept = live.copy()
        return self._kept

    # ---- the end

    def close(self) -> None:
        """End the lab and everything in it; any thread may, also more than once. It returns when nothing is left.

        Raises `NotStored`, once, if steps could not be written: the lab has ended then too, and they are lost.
        """
        if os.getpid() != self._process:
            return
        with self._closing:
            if not self.closed:
                self.closed = True
                self.clock.post(self._end)  # never in the middle of a call, also where an observer asks, or a collection of garbage
        if self.clock.here:
            return
        self._thread.join()
        if self.pump is not None:
            self.pump.join()
        lost, self._lost = self._lost, None
        if lost is not None:
            raise lost

    def abandon(self) -> None:
        """The same for a lab that nobody holds any more: what is to be said is logged."""
        try:
            self.close()
        except FclabError as error:
            _log.error("a lab has ended, but %s", error)

    def _end(self) -> None:
        try:
            self.platform.recording.until_us = self.now()
            self.platform.stop()
        except FclabError as error:
            self._lost = error
        finally:
            self.clock.post(self._close)  # behind the calls that `stop` hands in

    def _close(self) -> None:
        try:
            self.platform.close()
        except FclabError as error:
            self._lost = error
        finally:
            self.clock.stop()
            self._release()
            self._waits.fail_all(LabClosed("This lab was closed meanwhile.", hint=self.again))
            if self.pump is not None:
                self.pump.stop()

    def _failed(self, error: BaseException) -> None:
        if not self._waits.fail_oldest(error):
            _log.error("the lab goes on, but this went wrong: %s", error, exc_info=None if isinstance(error, UsageError) else error)
