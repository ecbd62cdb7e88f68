"""Turns the clock of a virtual lab: who may, how far, and when there is no point in going on."""

from __future__ import annotations

import _thread
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from fclab import forks
from fclab.backends.virtual import handler_time
from fclab.clock import VirtualClock
from fclab.controls.outlook import helps, stalled
from fclab.controls.sources import Sources
from fclab.engine.platform import Platform
from fclab.errors import EndlessRun, LabClosed, NestedRun, UsageError, WrongThread
from fclab.queues.errors import NotStored
from fclab.units import FOREVER, seconds_text

if TYPE_CHECKING:
    from fclab.controls.pace import Pace
    from fclab.observe.feed import Feed
    from fclab.observe.recording import Recording

__all__ = ["AGAIN", "PATIENCE", "Driver"]

AGAIN = "start a new one with lab = lab.fresh()"

T = TypeVar("T")
P = ParamSpec("P")

PATIENCE = 10_000
"""Clock entries without any work among them after which a run says that what waits will never run."""


class Driver(Sources):
    """The one mover of time.

    1. Only the thread that made the lab may use it, and never from inside a handler; after `close` nobody. In a forked child
       nobody may, and `close` does nothing there.
    2. While the clock is being turned nobody else may turn it: not a handler, not an observer.
    3. Work is: scheduled arrivals, requests that have not ended. Expiries, ticks and schedules are not.
    4. An interrupt (Ctrl-C, the notebook's stop button) ends a handler where it stands, but the platform only between two calls of
       the clock, so the lab stays whole and can go on.
    """

    def __init__(self, clock: VirtualClock, platform: Platform) -> None:
        self.clock: VirtualClock = clock
        self.platform = platform
        self.closed = False
        self.again = AGAIN
        """How to go on after the end of the lab."""
        self.playing: Pace | None = None
        """What paces the lab at present."""
        self.feed: Feed | None = None
        """What its views are made from, once there was one."""
        self._process = os.getpid()
        self._thread = _thread.get_ident()
        self._turning = False
        self._interrupted = False

    def check(self) -> None:
        """Refuse what comes from the wrong place (clause 1)."""
        forks.check(self._process)
        if _thread.get_ident() != self._thread:
            raise WrongThread("This lab was made in another thread.", hint="use it there; a virtual lab belongs to the thread that made it")
        if handler_time.current() is not None:
            raise NestedRun("A handler cannot use the lab that runs it.", hint="use its context: context.invoke, context.invoke_async")
        if self.closed:
            raise LabClosed("This lab is closed.", hint=self.again)

    def idle(self) -> None:
        """Refuse unless the clock could be turned now (clauses 1 and 2)."""
        self.check()
        if self._turning or self.platform.recording.hooks.telling:
            raise NestedRun(
                "This lab is running already: it cannot be driven from inside its own handlers or observers.",
                hint="in a handler use context.invoke; in an observer note what you need and act after run()",
            )

    @contextmanager
    def turning(self) -> Iterator[None]:
        """While the clock is turned; afterwards the recording reaches to the present."""
        self.idle()
        self._turning = True
        try:
            with self._interruptible():
                if self.platform.queue.trouble is not None:
                    with suppress(NotStored):  # the disk may be well again; where it is not, the end of the run says so
                        self.platform.queue.flush()
                yield
            self.clock.vent()
        finally:
            self._turning = False
            self.platform.recording.until_us = self.clock.now()

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Keep clause 4 where Python would raise KeyboardInterrupt wherever it happens to be; elsewhere leave signals alone."""
        try:
            plain = signal.getsignal(signal.SIGINT) is signal.default_int_handler
            if plain:
                signal.signal(signal.SIGINT, self._interrupt)
        except ValueError:  # not the main thread
            plain = False
        self._interrupted = False
        try:
            yield
        finally:
            if plain:
                signal.signal(signal.SIGINT, signal.default_int_handler)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self._interrupted or handler_time.current() is not None:
            raise KeyboardInterrupt
        self._interrupted = True
        self.clock.complain(KeyboardInterrupt())

    def ask(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `fn(...)` returns: something that touches the platform, and lets no time pass."""
        self.check()
        return fn(*args, **kwargs)

    def hand_in(self, start: Callable[[Callable[[Any], object]], object]) -> None:
        """`start(reply)`, and no time passes: a virtual lab stores what it accepts before that returns."""
        self.ask(start, lambda value: None)

    def stored(self, start: Callable[[Callable[[], object]], bool]) -> bool:
        """What `start(stored)` says. A virtual lab has stored it by then."""
        return self.ask(start, lambda: None)

    def answer(self, start: Callable[[Callable[[Any], object]], object]) -> Any:
        """Let time pass until what `start(reply)` began has made somebody call `reply(value)`; that value."""
        box: list[Any] = []
        self.until(lambda: bool(box), first=lambda: start(box.append))
        return box[0]

    def now(self) -> int:
        """Lab time in µs."""
        return self.clock.now()

    def recording(self) -> Recording:
        """What has happened so far."""
        return self.platform.recording

    def close(self) -> None:
        """End the lab."""
        if not self.closed and os.getpid() == self._process:
            self.idle()
            self.closed = True
            try:
                self.platform.stop()
            finally:
                self.platform.close()

    def busy(self) -> bool:
        """There is work (clause 3)."""
        return bool(self.coming) or self.platform.busy()

    def to(self, until: int) -> None:
        """Let time pass to `until` µs. Raises `NotStored` if a step of the lab cannot be written."""
        now = self.clock.now()
        if until < now:
            hint = f"it is {seconds_text(now)} s; run on" + (f", or {self.again}" if self.again == AGAIN else "")
            raise UsageError(f"{seconds_text(until)} s is in the past.", hint=hint)
        with self.turning():
            self.clock.run(until)
        if self.platform.queue.trouble is not None:
            self.platform.queue.flush()

    def step(self) -> bool:
        """Go on until something has been recorded; False if nothing is left to happen, or only ticks that come to nothing."""
        recording = self.platform.recording
        before, idle = len(recording), 0
        with self.turning():
            while idle < PATIENCE and self.clock.step():
                if len(recording) > before or not recording.keep:
                    return True
                idle = 0 if self.busy() else idle + 1
        return False

    def finish(self) -> None:
        """Let time pass until all work is done. Raises `EndlessRun` when that can never be."""
        with self.turning():
            clock, platform = self.clock, self.platform
            idle = 0
            while self.busy():
                if platform.moving and clock.next_time() is not None:
                    clock.run_while(platform)
                    idle = 0
                elif self._hopeless(idle := idle + 1) or not clock.step():
                    self._give_up()

    def until(self, done: Callable[[], bool], limit: int | None = None, first: Callable[[], object] | None = None) -> None:
        """Do `first`, then let time pass until `done()`, at most `limit` µs. Raises `EndlessRun` when that can never be."""
        with self.turning():
            if first is not None:
                first()  # in here, so that an interrupt leaves it whole
            clock, platform = self.clock, self.platform
            end = FOREVER if limit is None else clock.now() + limit
            idle = 0
            while not done():
                due = clock.next_time()
                idle = 0 if platform.moving else idle + 1
                if limit is None and (due is None or (idle and self._hopeless(idle))):
                    self._give_up()
                if due is None or due > end:
                    clock.run(end)
                    return
                clock.step()

    def catch_up(self, until: int) -> None:
        """Let time pass while there is work, at most to `until` µs; with the last of it, time stands where that ended."""
        with self.turning():
            clock, platform = self.clock, self.platform
            idle = 0
            while self.busy():
                idle = 0 if platform.moving else idle + 1
                due = clock.next_time()
                if due is None or (idle and self._hopeless(idle)):
                    self._give_up()
                if due is None or due > until:
                    clock.run(until)
                    return
                clock.step()

    def _hopeless(self, idle: int) -> bool:
        """Nothing is under way, and nothing that the clock holds could change that. Where there is much to look at, every 64 entries."""
        if idle % 64 != 1 and len(self.clock) > 64:
            return False
        return idle > PATIENCE or not any(helps(self.platform, order, fn) for order, fn in self.clock.waiting())

    def _give_up(self) -> None:
        self.platform.queue.flush()  # what waits for a disk says so
        what, _, hint = stalled(self.platform).partition("|")
        raise EndlessRun(f"This run would never end: {what}.", hint=hint)
