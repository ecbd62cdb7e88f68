"""Threads for what takes a while and is no business of the engine's: fetching, unpacking, removing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fclab.wall_clock import WallClock

__all__ = ["Helpers"]

_MOST = 16
"""Threads at most; a slow download holds one."""


class Helpers:
    """A few threads, started when they are needed.

    1. After `submit`, `back(error)` is called once on the clock's thread, with None for a work that ended well; never after `close`.
    2. `close` returns when no thread is left. Work that can take long must have been called off before.
    """

    def __init__(self, clock: WallClock) -> None:
        self._clock = clock
        self._pool: Any = None
        self._closed = False

    def submit(self, work: Callable[[], object], back: Callable[[BaseException | None], object]) -> None:
        """Do `work` on some thread (clause 1)."""
        if self._closed:
            return
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(_MOST, "fclab-helper")
        self._pool.submit(self._do, work, back)

    def _do(self, work: Callable[[], object], back: Callable[[BaseException | None], object]) -> None:
        failure: BaseException | None = None
        try:
            work()
        except BaseException as error:
            failure = error
        self._clock.post(self._done, back, failure)

    def _done(self, back: Callable[[BaseException | None], object], failure: BaseException | None) -> None:
        if not self._closed:
            back(failure)

    def close(self) -> None:
        """Wait for the threads (clause 2)."""
        self._closed = True
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
