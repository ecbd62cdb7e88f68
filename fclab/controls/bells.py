"""What a thread waits at until another one rings."""

from __future__ import annotations

import _thread
import os
from typing import Protocol

__all__ = ["Bell", "bell"]


class Bell(Protocol):
    """Rung at most once for each `wait`; may be waited at again after that. Signals interrupt a wait."""

    def ring(self) -> object:
        """Wake who waits, or is going to."""
        ...

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until it is rung; False if that does not happen within `seconds`."""
        ...


class _Counter:
    """An event counter of the system.

    It is written with the interpreter let go, so who is woken can go on at once. A lock is released with the interpreter held: who is
    woken by that must wait again, for the interpreter, and on one core two threads that talk to each other then switch twice as often.
    """

    __slots__ = ("_fd",)

    def __init__(self) -> None:
        self._fd = os.eventfd(0, os.EFD_CLOEXEC)

    def ring(self) -> None:
        os.eventfd_write(self._fd, 1)

    def wait(self, seconds: float | None = None) -> bool:
        if seconds is not None:
            import select

            poll = select.poll()
            poll.register(self._fd, select.POLLIN)
            if not poll.poll(seconds * 1000):
                return False
        os.read(self._fd, 8)
        return True

    def __del__(self) -> None:
        fd, self._fd = getattr(self, "_fd", -1), -1
        if fd >= 0:
            os.close(fd)


class _Lock:
    """A lock that is held until it rings."""

    __slots__ = ("_lock", "ring")

    def __init__(self) -> None:
        self._lock = _thread.allocate_lock()
        self._lock.acquire()
        self.ring = self._lock.release

    def wait(self, seconds: float | None = None) -> bool:
        return self._lock.acquire(timeout=-1 if seconds is None else seconds)


def bell() -> Bell:
    """A new one: a counter, or a lock where there are none (left)."""
    if hasattr(os, "eventfd"):
        try:
            return _Counter()
        except OSError:
            pass
    return _Lock()
