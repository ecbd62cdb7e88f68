"""Plain handlers, suspended at their waits: each runs in a greenlet of its own, taken from a pool."""

from __future__ import annotations

from contextvars import copy_context
from typing import Any

from greenlet import getcurrent, greenlet

from fclab.backends.virtual.runs import THROWS, Asking, Run
from fclab.errors import Interrupted
from fclab.units import to_us

__all__ = ["GreenletRun"]

_KEEP = 64
"""Idle greenlets kept for reuse: a fresh one costs ten times as much."""


def _worker(run: GreenletRun) -> None:
    """Serve one run after another; between them the greenlet rests in its world's pool."""
    while True:
        result = run._body()
        run = run.hub.switch(("end", result))


class GreenletRun(Run):
    """A plain function that can wait: the greenlet is left at a wait and entered again when the time has come."""

    hub: Any
    _greenlet: Any

    def wait(self, seconds: object) -> None:
        us = to_us(seconds, "the time to sleep")
        self._suspend(("wait", us))

    def ask(self, start: Asking, what: str) -> object:
        return self._suspend(("ask", start))

    def _suspend(self, wish: tuple[str, object]) -> object:
        return self.hub.switch(wish)

    def start(self) -> None:
        spare = self.world.spare
        self._greenlet = spare.pop() if spare else greenlet(_worker)
        self._greenlet.gr_context = copy_context()
        self.world.live.add(self)
        self._go(self)

    def _go(self, value: object = None) -> None:
        """Enter the code and carry out what it wishes when it comes back."""
        if self.over:
            return
        self.hub = getcurrent()
        kind, wish = self.inside(self._greenlet.switch, value)
        if kind == "wait":
            clock = self.world.clock
            self.timer = clock.call_at(clock.now() + wish, self._go)
        elif kind == "ask":
            wish(self._go)
        else:
            self._rest()
            self.ended(*wish)

    def _rest(self) -> None:
        spare, used = self.world.spare, self._greenlet
        self._greenlet = None  # its frame holds this run: without this neither could ever be let go
        if len(spare) < _KEEP and not used.dead:
            spare.append(used)

    def cancel(self) -> None:
        super().cancel()
        for _ in range(THROWS):
            self.hub = getcurrent()
            kind, _ = self.inside(self._greenlet.throw, Interrupted("the platform ends this run"))
            if kind == "end":
                self._rest()
                return
        self.world.park(self, self._greenlet)
