"""What a thread waits at until another one rings."""

from __future__ import annotations

import _thread
import os
from collections.abc import Callable
from functools import partial
from typing import Protocol

__all__ = ["Bell", "bell"]


class Bell(Protocol):
    """Rung at most once for each wait; may be waited at again after that. Signals interrupt a wait."""

    @property
    def ring(self) -> Callable[[], object]:
        """Wake who waits, or is going to."""
        ...

    @property
    def wait(self) -> Callable[[], object]:
        """Wait until it is rung."""
        ...

    def wait_for(self, seconds: float) -> bool:
        """Wait until it is rung; False if that does not happen within `seconds`."""
        ...


class _Counter:
    """An event counter of the system.

    It is written with the interpreter let go, so who is woken can go on at once. A lock is released with the interpreter held: who is
    woken by that must wait again, for the interpreter, and on one core two threads that talk to each other then switch twice as often.
    """

    __slots__ = ("_fd", "ring", "wait")

    def __init__(self) -> None:
        self._fd = os.eventfd(0, os.EFD_CLOEXEC)
        self.ring = partial(os.eventfd_write, self._fd, 1)
        self.wait = partial(os.read, self._fd, 8)

    def wait_for(self, seconds: float) -> bool:
        import select

        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        if poll.poll(seconds * 1000):
            self.wait()
            return True
        return False

    def __del__(self) -> None:
        if hasattr(self, "_fd"):  # there may have been no descriptor left
            os.close(self._fd)


class _Lock:
    """A lock that is held until it rings."""

    __slots__ = ("_lock", "ring", "wait")

    def __init__(self) -> None:
        self._lock = _thread.allocate_lock()
        self._lock.acquire()
        self.ring = self._lock.release
        self.wait = self._lock.acquire

    def wait_for(self, seconds: float) -> bool:
        return self._lock.acquire(timeout=seconds)


def bell() -> Bell:
    """A new one: a counter, or a lock where there are none (left)."""
    if hasattr(os, "eventfd"):
        try:
            return _Counter()
        except OSError:
            pass
    return _Lock()
