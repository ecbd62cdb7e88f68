"""The wall guard of virtual time: ends a handler that keeps the interpreter to itself without ever waiting in lab time.

This is the one place of the virtual world that looks at a wall clock; it decides nothing that a recording shows.
"""

from __future__ import annotations

import sys

__all__ = ["WALL_LIMIT", "Guard", "Stuck"]

WALL_LIMIT = 10.0
"""Real seconds a handler may run between two waits."""


class Stuck(BaseException):
    """Raised inside a handler by the guard."""


class Guard:
    """A watchdog thread that lives only while handlers run, and a second or so after.

    Where there are no threads (Python in a browser) it does nothing.
    """

    def __init__(self, limit: float = WALL_LIMIT) -> None:
        self.limit = limit
        self.fired = False
        self._since: float | None = None
        self._quit = False
        self._thread: object = None
        try:
            import threading
            import time

            self._threading, self._now = threading, time.monotonic
            self.works = sys.platform != "emscripten"
        except ImportError:
            self.works = False

    def arm(self) -> None:
        """A handler is being entered on this thread."""
        if not self.works:
            return
        self._since = self._now()
        if self._thread is None:
            self._start()

    def disarm(self) -> bool:
        """The handler was left; was it because it was stuck?"""
        self._since = None
        fired = self.fired
        if fired:
            self.fired = False
            try:  # an interruption under way arrives here, not in the engine
                for _ in range(1000):
                    pass
            except (Stuck, KeyboardInterrupt):
                pass
        return fired

    def close(self) -> None:
        """End the thread now."""
        self._quit = True
        thread = self._thread
        if thread is not None:
            self._wake.set()
            thread.join(5)  # type: ignore[attr-defined]

    def _start(self) -> None:
        target = self._threading.get_ident()
        main = self._threading.current_thread() is self._threading.main_thread()
        self._wake = self._threading.Event()
        self._quit = False
        thread = self._threading.Thread(target=self._watch, args=(target, main), name="fclab-guard", daemon=True)
        self._thread = thread
        thread.start()

    def _watch(self, target: int, main: bool) -> None:
        idle = 0
        while not self._quit and idle < 5:
            self._wake.wait(min(0.25, self.limit / 4))
            since = self._since
            if since is None:
                idle += 1
                continue
            idle = 0
            over = self._now() - since - self.limit
            if over >= 0:
                self._interrupt(target, main, blocked=self.fired and over > min(1.0, self.limit))
        self._thread = None

    def _interrupt(self, target: int, main: bool, blocked: bool) -> None:
        """Raise `Stuck` in the handler's thread; if it is blocked in a system call, interrupt that."""
        if not self.fired:
            import ctypes

            self.fired = True
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(target), ctypes.py_object(Stuck))
        elif blocked and main:
            import ctypes
            import signal

            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(target), None)  # or both would arrive, the second in the engine
            signal.pthread_kill(target, signal.SIGINT)
