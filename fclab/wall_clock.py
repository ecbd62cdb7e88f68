"""Lab time that passes by itself, and the one loop that waits for it: timers, descriptors, and what other threads hand in."""

from __future__ import annotations

import _thread
import logging
import os
import selectors
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from heapq import heappop

from fclab.clock import Timers

__all__ = ["WallClock"]

_log = logging.getLogger("fclab")
_LONGEST = 3600.0
"""Seconds the loop sleeps at most."""
_IN_A_ROW = 256
"""Calls handed in, and timers, that have their turn before the others have theirs."""
_EVENTS = (selectors.EVENT_READ, selectors.EVENT_WRITE)


class WallClock(Timers):
    """The twin of `VirtualClock` over the machine's monotonic clock; time starts at `start` µs.

    1. Every call is made on the thread that is in `run`. Other threads use `post`, `stop` and `reading` only.
    2. Time stands still within one call: `now()` is when the call began, so what belongs to one step carries one time.
    3. A timer's call is never early, and those that have come due meanwhile go by (due time, `Order`, first come).
    4. Whatever is handed in by `post` is called, in order, unless the loop has ended; the loop is woken only if it sleeps.
    5. A call that raises is reported to `failed` and ends nothing else.
    """

    def __init__(self, start: int = 0) -> None:
        super().__init__(start)
        self._zero = time.monotonic_ns() - start * 1000
        self.failed: Callable[[BaseException], object] = _report
        self.after_turn: Callable[[], object] | None = None
        """Called at the end of each turn of the loop, while somebody waits for something to become true."""
        self._inbox: deque[tuple[Callable[..., object], tuple[object, ...]]] = deque()
        self._selector = selectors.DefaultSelector()
        self._bell, self._button = os.pipe()
        os.set_blocking(self._bell, False)
        os.set_blocking(self._button, False)
        self._selector.register(self._bell, selectors.EVENT_READ, (self._rung, None))
        self._asleep = False
        self._ending = False
        self._ended = False
        self._thread = 0
        self._door = _thread.allocate_lock()
        """Held while the button is pressed or taken away, so that nobody writes into a descriptor that is somebody else's by now."""

    # ---- time

    def reading(self) -> int:
        """Lab time in µs at this very moment; for any thread."""
        return (time.monotonic_ns() - self._zero) // 1000

    @property
    def epoch(self) -> int:
        """µs since 1970 at lab time 0, by what the machine says at present."""
        return time.time_ns() // 1000 - self.reading()

    def complain(self, error: BaseException) -> None:
        """Report `error`: there is nobody on this thread to raise it to."""
        self.failed(error)

    # ---- the rest of the world

    def post(self, fn: Callable[..., object], *args: object) -> None:
        """Call `fn(*args)` on the loop's thread soon; for any thread, at any time (clause 4)."""
        self._inbox.append((fn, args))
        if self._asleep:
            self._asleep = False
            self._ring()

    def watch(self, fd: int, readable: Callable[[], object] | None = None, writable: Callable[[], object] | None = None) -> None:
        """Call `readable()` while there is something to read from `fd`, `writable()` while it takes something; neither: forget it."""
        events = (selectors.EVENT_READ if readable else 0) | (selectors.EVENT_WRITE if writable else 0)
        known = fd in self._selector.get_map()
        if not events:
            if known:
                self._selector.unregister(fd)
        elif known:
            self._selector.modify(fd, events, (readable, writable))
        else:
            self._selector.register(fd, events, (readable, writable))

    @property
    def here(self) -> bool:
        """The caller is on the loop's thread."""
        return _thread.get_ident() == self._thread

    # ---- the loop

    def run(self) -> None:
        """Make calls until `stop`; on one thread only."""
        self._thread = _thread.get_ident()
        try:
            while not self._ending:
                self._turn()
        finally:
            self._shut()

    def stop(self) -> None:
        """End the loop after the present turn; for any thread."""
        self._ending = True
        self._ring()

    @property
    def ending(self) -> bool:
        """`stop` was called."""
        return self._ending

    @property
    def ended(self) -> bool:
        """The loop is over; what is handed in now is never called."""
        return self._ended

    def _turn(self) -> None:
        inbox, heap = self._inbox, self._heap
        for _ in range(min(len(inbox), _IN_A_ROW)):
            fn, args = inbox.popleft()
            self._make(fn, args)
        due = self.next_time()
        for _ in range(_IN_A_ROW):
            if due is None or due > self.reading():
                break
            timer = heappop(heap)[2]
            timer._number = 0
            self._make(timer.fn, timer.args)
            due = self.next_time()
        if self.after_turn is not None:
            self._make(self.after_turn, ())
        self._asleep = True
        if inbox or self._ending:  # handed in before the loop was known to sleep
            self._asleep = False
        rest = 0.0 if not self._asleep else _LONGEST if due is None else min(_LONGEST, max(0.0, (due - self.reading()) / 1e6))
        ready = self._selector.select(rest)
        self._asleep = False
        watched = self._selector.get_map()
        for key, events in ready:
            for event, call in zip(_EVENTS, key.data, strict=True):
                if events & event and call is not None and watched.get(key.fd) is key:  # an earlier call may have let it go
                    self._make(call, ())

    def _make(self, fn: Callable[..., object], args: tuple[object, ...]) -> None:
        self.time = (time.monotonic_ns() - self._zero) // 1000
        try:
            fn(*args)
        except BaseException as error:
            self.failed(error)

    def _ring(self) -> None:
        with self._door, suppress(BlockingIOError):
            if not self._ended:
                os.write(self._button, b"\0")

    def _rung(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._bell, 4096)

    def _shut(self) -> None:
        with self._door:
            self._ended = True
            self._selector.close()
            os.close(self._bell)
            os.close(self._button)


def _report(error: BaseException) -> None:
    _log.error("a call of the platform failed", exc_info=error)
