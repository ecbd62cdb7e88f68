"""Threads for what takes a while and is no business of the engine's: fetching, unpacking, removing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from queue import SimpleQueue
    from threading import Thread

    from fclab.wall_clock import WallClock

__all__ = ["Helpers"]

_MOST = 16
"""Threads at most; a slow download holds one."""


class Helpers:
    """A few threads, started when they are needed.

    1. After `submit`, `back(error)` is called once on the clock's thread, with None for a work that ended well; never after `close`.
    2. `close` returns when no thread is left. Work that can take long must have been called off before.

    Used on the clock's thread alone, so that handing work over takes a queue and nothing else.
    """

    def __init__(self, clock: WallClock) -> None:
        self._clock = clock
        self._work: Any = None
        self._threads: list[Thread] = []
        self._open = 0
        """Works submitted whose `back` was not called."""
        self._closed = False

    def submit(self, work: Callable[[], object], back: Callable[[BaseException | None], object]) -> None:
        """Do `work` on some thread (clause 1)."""
        if self._closed:
            return
        self._open += 1
        if self._open > len(self._threads) and len(self._threads) < _MOST:
            from queue import SimpleQueue
            from threading import Thread

            self._work = self._work or SimpleQueue()
            self._threads.append(Thread(target=self._live, args=(self._work,), name="fclab helper", daemon=True))
            self._threads[-1].start()
        self._work.put((work, back))

    def _live(self, queue: SimpleQueue[Any]) -> None:
        while (job := queue.get()) is not None:
            work, back = job
            failure: BaseException | None = None
            try:
                work()
            except BaseException as error:
                failure = error
            self._clock.post(self._done, back, failure)
            del job, work, back, failure  # nothing is kept alive by a thread that waits

    def _done(self, back: Callable[[BaseException | None], object], failure: BaseException | None) -> None:
        self._open -= 1
        if not self._closed:
            back(failure)

    def close(self) -> None:
        """Wait for the threads (clause 2)."""
        self._closed = True
        if not self._threads:
            return
        from queue import Empty

        with suppress(Empty):
            while True:
                self._work.get_nowait()
        for _ in self._threads:
            self._work.put(None)
        for thread in self._threads:
            thread.join()
