"""Lab time. The engine asks a clock what time it is and to call it back later; it never looks at a wall clock and never sleeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import IntEnum
from heapq import heapify, heappop, heappush
from typing import Any, Protocol

from fclab.errors import UsageError

__all__ = ["Clock", "Moving", "Order", "Timer", "Timers", "VirtualClock"]


class Order(IntEnum):
    """Who goes first at one instant: what ends before what begins, and expiry last."""

    PROGRESS = 0
    TIMEOUT = 1
    FAULT = 2
    RETRY_DUE = 3
    ARRIVAL = 4
    TICK = 5
    IDLE_EXPIRY = 6


class Timer:
    """A call to come. What lies in the clock's heap is (key, number, timer); it counts while its number is still the timer's.

    `cancel()` may be called at any time, also twice or after it fired. A timer that has fired may be armed again (`call_again`), with
    other `args` if need be: for what happens time and again that is half the work of a new one.
    """

    __slots__ = ("_clock", "_number", "_order", "args", "fn", "when")

    def __init__(self, when: int, order: int, number: int, fn: Callable[..., object], args: tuple[Any, ...], clock: Timers) -> None:
        self.when = when
        """When it is or was due, in µs."""
        self._order = order
        self._number = number
        self.fn = fn
        self.args = args
        self._clock = clock

    @property
    def live(self) -> bool:
        """It will still be called."""
        return self._number != 0

    def cancel(self) -> None:
        """Never call; the clock forgets the entry soon."""
        if self._number:
            self._number = 0
            self._clock._forget()


class Moving(Protocol):
    """Something that counts what it still has under way."""

    moving: int


class Clock(Protocol):
    """What the engine needs from time: to read it, and to be called later."""

    @property
    def time(self) -> int:
        """Lab time in µs: what `now()` returns, for those who ask several times a request."""
        ...

    def now(self) -> int:
        """Lab time in µs."""
        ...

    def call_at(self, when: int, fn: Callable[..., object], *args: object, order: Order = Order.PROGRESS) -> Timer:
        """Call `fn(*args)` at lab time `when` (µs), or now if that has passed; ties go by `order`, then first come."""
        ...

    def call_again(self, timer: Timer, when: int) -> None:
        """Arm a timer that is not live once more, for `when` µs, with the order it had."""
        ...


class Timers:
    """The calls to come: what the clocks share.

    1. A call may add calls for the same instant. Those due at one instant go by `Order`, then first come.
    2. A cancelled call never runs, and cancelled entries never outnumber the live ones by more than 64.
    3. A call for the past is due at the present instant.
    4. A timer that has fired or was cancelled may be armed again, which is one call more; what was cancelled stays uncalled.
    """

    def __init__(self, start: int = 0) -> None:
        self.time = start
        self._heap: list[tuple[int, int, Timer]] = []
        self._serial = 0
        self._dead = 0

    def now(self) -> int:
        """Lab time in µs."""
        return self.time

    def __len__(self) -> int:
        return len(self._heap) - self._dead

    def call_at(self, when: int, fn: Callable[..., object], *args: object, order: Order = Order.PROGRESS) -> Timer:
        """Call `fn(*args)` at `when` µs (clauses 1 and 3)."""
        if when < self.time:
            when = self.time
        self._serial = number = self._serial + 1
        timer = Timer(when, order, number, fn, args, self)
        heappush(self._heap, (when << 3 | order, number, timer))
        return timer

    def call_again(self, timer: Timer, when: int) -> None:
        """Make the call of a timer that has fired or was cancelled once more, at `when` µs, with the order it had."""
        if when < self.time:
            when = self.time
        self._serial = timer._number = number = self._serial + 1
        timer.when = when
        heappush(self._heap, (when << 3 | timer._order, number, timer))

    def next_time(self) -> int | None:
        """When the next call is due, in µs, or None."""
        heap = self._heap
        while heap:
            key, number, timer = heap[0]
            if timer._number == number:
                return key >> 3
            heappop(heap)
            self._dead -= 1
        return None

    def waiting(self) -> Iterator[tuple[Order, Callable[..., object]]]:
        """(order, fn) of every call to come, in no order."""
        for key, number, timer in self._heap:
            if timer._number == number:
                yield Order(key & 7), timer.fn

    def _forget(self) -> None:
        self._dead += 1
        if self._dead > 64 and self._dead * 2 > len(self._heap):
            self._heap[:] = [entry for entry in self._heap if entry[2]._number == entry[1]]
            heapify(self._heap)
            self._dead = 0


class VirtualClock(Timers):
    """Time that jumps from one due call to the next.

    1. Inside a callback `now()` is the callback's due time; after `run(until)` it is `until`.
    2. Time never goes back.
    """

    def __init__(self, start: int = 0) -> None:
        super().__init__(start)
        self._urgent = 0

    def step(self) -> bool:
        """Make the next call; False if there is none."""
        heap = self._heap
        while heap:
            _, number, timer = heappop(heap)
            if timer._number != number:
                self._dead -= 1
                continue
            timer._number = 0
            self.time = timer.when
            timer.fn(*timer.args)
            return True
        return False

    def run(self, until: int) -> None:
        """Make every call due up to and including `until` µs, then stand at `until`."""
        if until < self.time:
            raise UsageError(f"Time cannot go back to {until} µs; it is {self.time} µs.", hint="give a later time")
        while (due := self.next_time()) is not None and due <= until:
            self.step()
        self.time = until

    def run_while(self, work: Moving) -> None:
        """Make calls one after another while `work.moving` is not 0 and there are any."""
        heap = self._heap
        while True:  # Python 3.11 speeds up a loop that jumps back at its end, not one that tests there
            if not (work.moving and heap):
                return
            _, number, timer = heappop(heap)
            if timer._number != number:
                self._dead -= 1
                continue
            timer._number = 0
            self.time = timer.when
            timer.fn(*timer.args)

    def complain(self, error: BaseException) -> None:
        """Raise `error` out of whoever turns the clock, at this instant, before anything else happens and between two calls."""
        self._urgent -= 1
        number = self._urgent
        heappush(self._heap, (self.time << 3, number, Timer(self.time, 0, number, _raise, (error,), self)))

    def vent(self) -> None:
        """Raise what was complained of and not raised yet."""
        while self._heap and self._heap[0][1] < 0:
            self.step()


def _raise(error: BaseException) -> None:
    raise error
