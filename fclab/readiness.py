"""Waits until a descriptor is ready or a bell is rung: the system's own call, with nothing between it and the loop."""

from __future__ import annotations

import os
import select
from functools import partial
from math import ceil
from typing import Protocol

__all__ = ["READ", "WRITE", "Readiness", "readiness"]

READ, WRITE = 1, 4
"""POLLIN and POLLOUT, which epoll calls by the same numbers. Besides these, `poll` may report that the other end is gone."""


class Readiness(Protocol):
    """What the loop needs.

    1. `poll(seconds)` returns (descriptor, events) of those that are ready, also what it does not know: the bell.
    2. A ring is noticed by the `poll` under way or the next one, once; any thread may ring.
    """

    def register(self, fd: int, events: int) -> object: ...
    def modify(self, fd: int, events: int) -> object: ...
    def unregister(self, fd: int) -> object: ...
    def poll(self, seconds: float) -> list[tuple[int, int]]: ...
    def ring(self) -> object: ...
    def close(self) -> object: ...


def readiness() -> Readiness:
    """The best there is on this machine."""
    return _Epoll() if hasattr(select, "epoll") and hasattr(os, "eventfd") else _Poll()


class _Epoll:
    """Linux. The bell is a counter that is watched for changes: nobody ever has to read it."""

    def __init__(self) -> None:
        epoll = select.epoll()
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        epoll.register(self._bell, select.EPOLLIN | select.EPOLLET)
        self.register, self.modify, self.unregister, self.poll = epoll.register, epoll.modify, epoll.unregister, epoll.poll
        self.ring = partial(os.eventfd_write, self._bell, 1)
        self._epoll = epoll

    def close(self) -> None:
        self._epoll.close()
        os.close(self._bell)


class _Poll:
    """Anywhere else with `poll`. The bell is a pipe, and is emptied when it was rung."""

    def __init__(self) -> None:
        poll = select.poll()
        self._bell, self._button = os.pipe()
        os.set_blocking(self._bell, False)
        os.set_blocking(self._button, False)
        poll.register(self._bell, READ)
        self.register, self.modify, self.unregister, self._poll = poll.register, poll.modify, poll.unregister, poll.poll

    def poll(self, seconds: float) -> list[tuple[int, int]]:
        ready = self._poll(ceil(seconds * 1000))
        if any(fd == self._bell for fd, _ in ready):
            os.read(self._bell, 4096)
        return ready

    def ring(self) -> None:
        try:
            os.write(self._button, b"\0")
        except BlockingIOError:  # it is ringing already
            return

    def close(self) -> None:
        os.close(self._bell)
        os.close(self._button)
