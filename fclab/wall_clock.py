"""Lab time that passes by itself, and the one loop that waits for it: timers, descriptors, and what other threads hand in."""

from __future__ import annotations

import _thread
import logging
import time
from collections import deque
from collections.abc import Callable
from heapq import heappop

from fclab.clock import Timers
from fclab.readiness import READ, WRITE, readiness

__all__ = ["WallClock"]

_log = logging.getLogger("fclab")
_LONGEST = 3600.0
"""Seconds the loop sleeps at most."""
_IN_A_ROW = 256
"""Calls handed in, and timers, that have their turn before the others have theirs."""

Call = Callable[[], object]


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
        self._last: list[Call] = []
        self._inbox: deque[tuple[Callable[..., object], tuple[object, ...]]] = deque()
        self._readiness = readiness()
        self._watched: dict[int, tuple[Call | None, Call | None]] = {}
        """What to call when a descriptor can be read, and when it can be written."""
        self._new: set[int] = set()
        """Descriptors watched since the loop last looked which are ready: what it saw then was not they."""
        self._asleep = False
        self._ending = False
        self._ended = False
        self._thread = 0
        self._door = _thread.allocate_lock()
        """Held while the bell is rung or taken away, so that nobody writes into a descriptor that is somebody else's by now."""

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

    def watch(self, fd: int, readable: Call | None = None, writable: Call | None = None) -> None:
        """Call `readable()` while there is something to read from `fd`, `writable()` while it takes something; neither: forget it."""
        events = (READ if readable else 0) | (WRITE if writable else 0)
        known = fd in self._watched
        if not events:
            if known:
                del self._watched[fd]
                self._readiness.unregister(fd)
            return
        self._watched[fd] = readable, writable
        if known:
            self._readiness.modify(fd, events)
        else:
            self._new.add(fd)
            self._readiness.register(fd, events)

    def last(self, fn: Call) -> None:
        """Call `fn()` when those whose turn it is have had it: once for all that they ask for. On the loop's thread."""
        self._last.append(fn)

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
        inbox = self._inbox
        if inbox:
            for _ in range(min(len(inbox), _IN_A_ROW)):
                fn, args = inbox.popleft()
                self._make(fn, args)
        due = self.next_time()
        if due is not None and due <= self.reading():
            due = self._due_now(due)
        if self.after_turn is not None:
            self._make(self.after_turn, ())
        if self._last:
            self._round_off()
        self._asleep = True
        if inbox or self._ending:  # handed in before the loop was known to sleep
            self._asleep = False
            rest = 0.0
        elif due is None:
            rest = _LONGEST
        else:
            rest = min(_LONGEST, max(0, due - self.reading()) / 1e6)
        ready = self._readiness.poll(rest)
        self._asleep = False
        watched, new = self._watched, self._new
        new.clear()
        for fd, events in ready:
            calls = watched.get(fd)
            if calls is None or fd in new:  # the bell; or an earlier call let it go, and there may be another of that number
                continue
            readable, writable = calls
            if readable is not None and events & ~WRITE:
                self._make(readable, ())
            if writable is not None and events & ~READ and watched.get(fd) is calls:
                self._make(writable, ())
        if self._last:
            self._round_off()

    def _due_now(self, due: int | None) -> int | None:
        """Make the calls of timers that have come due; when the next one is."""
        for _ in range(_IN_A_ROW):
            if due is None or due > self.reading():
                break
            timer = heappop(self._heap)[2]
            timer._number = 0
            self._make(timer.fn, timer.args)
            due = self.next_time()
        return due

    def _round_off(self) -> None:
        last, self._last = self._last, []
        for fn in last:
            self._make(fn, ())

    def _make(self, fn: Callable[..., object], args: tuple[object, ...]) -> None:
        self.time = (time.monotonic_ns() - self._zero) // 1000
        try:
            fn(*args)
        except BaseException as error:
            self.failed(error)

    def _ring(self) -> None:
        with self._door:
            if not self._ended:
                self._readiness.ring()

    def _shut(self) -> None:
        with self._door:
            self._ended = True
            self._readiness.close()


def _report(error: BaseException) -> None:
    _log.error("a call of the platform failed", exc_info=error)
