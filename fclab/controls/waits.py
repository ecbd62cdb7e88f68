"""Threads that wait for an engine on another thread: for an answer, or for something to become true."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fclab.controls.bells import Bell, bell
from fclab.errors import LabClosed

if TYPE_CHECKING:
    from fclab.clock import Timer
    from fclab.controls.live import LiveDriver

__all__ = ["Wait", "Waits"]

SLICE = 0.25
"""Real seconds between two looks at how far the work is, for a wait that shows it."""

Progress = Callable[[], tuple[float, str]]


class Wait:
    """One thread's wait: `give` or `fail` ends it, from any thread; only the first of them counts."""

    __slots__ = ("_bell", "_done", "_error", "_value", "_waits")

    def __init__(self, waits: Waits) -> None:
        self._waits = waits
        self._bell = waits.bells.pop() if waits.bells else bell()
        self._done = False
        self._error: BaseException | None = None
        self._value: Any = None
        waits.waiting[id(self)] = self
        if waits.driver.closed:
            self.fail(LabClosed("This lab is closed.", hint=waits.driver.again))

    def give(self, value: Any) -> None:
        """The wait is over: it returns `value`."""
        if not self._done:
            self._done = True
            self._value = value
            self._bell.ring()

    def fail(self, error: BaseException) -> None:
        """The wait is over: it raises `error`."""
        if not self._done:
            self._done = True
            self._error = error
            self._bell.ring()

    @property
    def left(self) -> bool:
        """Nobody waits here any more: it was interrupted, or has ended."""
        return self._done or id(self) not in self._waits.waiting

    def result(self, look: Callable[[], object] | None = None) -> Any:
        """Wait; where `look` is given, call it every quarter of a second meanwhile."""
        try:
            if look is None:
                self._bell.wait()
            else:
                while not self._bell.wait_for(SLICE):
                    look()
            if not self._waits.driver.closed:
                self._waits.bells.append(self._bell)
            del self._bell  # whoever still knows this wait must not keep a descriptor
        finally:
            self._waits.waiting.pop(id(self), None)
        if self._error is not None:
            raise self._error
        return self._value


class Waits:
    """All waits of a lab. Conditions are looked at on the engine's thread, at the end of each of its turns."""

    def __init__(self, driver: LiveDriver) -> None:
        self.driver = driver
        self.waiting: dict[int, Wait] = {}
        """Every wait that somebody is in, by identity, oldest first."""
        self.bells: list[Bell] = []
        """Those nobody waits at, to be used again. A wait that is interrupted keeps its own: it may still be rung."""
        self._conditions: list[tuple[Wait, Callable[[], bool], Timer | None, Callable[[], BaseException | None] | None]] = []
        """(wait, what it waits for, the timer of its end, what there is to say where that can never be)."""

    def until(
        self,
        done: Callable[[], bool],
        end: int | None,
        progress: Progress | None,
        hopeless: Callable[[], BaseException | None] | None = None,
    ) -> None:
        """Wait until `done()`, at most to lab time `end` (µs); without an end, raise what `hopeless` says if it says something."""
        wait = Wait(self)
        self.driver.clock.post(self._add, wait, done, end, hopeless)
        if progress is None:
            wait.result()
            return
        from fclab.controls.progress import Bar

        with Bar(progress) as bar:
            wait.result(bar.look)

    def _add(
        self, wait: Wait, done: Callable[[], bool], end: int | None, hopeless: Callable[[], BaseException | None] | None
    ) -> None:
        timer = None if end is None else self.driver.clock.call_at(end, lambda: None)  # so that there is a turn then
        self._conditions.append((wait, done, timer, hopeless))
        self.driver.clock.after_turn = self._look

    def _look(self) -> None:
        clock, still = self.driver.clock, []
        for condition in self._conditions:
            wait, done, timer, hopeless = condition
            if not wait.left:
                try:
                    error = None
                    over = done() or (timer is not None and clock.time >= timer.when)
                    if not over and timer is None and hopeless is not None:
                        error = hopeless()
                except Exception as failed:
                    error = failed
                if error is not None:
                    wait.fail(error)
                elif over:
                    wait.give(None)
                else:
                    still.append(condition)
                    continue
            if timer is not None:
                timer.cancel()
        self._conditions = still
        if not still:
            clock.after_turn = None

    def fail_oldest(self, error: BaseException) -> bool:
        """Raise `error` in the oldest wait for a condition; False if there is none."""
        for wait, *_ in self._conditions:
            if not wait.left:
                wait.fail(error)
                return True
        return False

    def fail_all(self, error: BaseException) -> None:
        """Raise `error` in every wait."""
        self.bells.clear()
        for wait in list(self.waiting.values()):
            wait.fail(error)
