"""Runs attempts on instances: start, time-out, end, and what each ending means for the instance."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from fclab.engine.failures import lost, stopped, timed_out
from fclab.observe import events as e
from fclab.units import FOREVER

if TYPE_CHECKING:
    from fclab.engine.platform import Platform
    from fclab.engine.rows import Attempt, Outcome

__all__ = ["FATAL", "Executor"]

_EXECUTION_ENDED = e.ExecutionEnded.KIND
_EXECUTION_STARTED = e.ExecutionStarted.KIND

FATAL = {"timeout": "timeout", "exit": "exit", "memory": "memory", "stopped": "stopped", "killed": "killed"}
"""Kinds of outcome that end the instance, and the reason recorded for it. An exception is none of them."""


class Executor:
    """One attempt on one instance.

    1. Finishing exactly at the time-out is success; a time-out outweighs whatever the handler returns afterwards.
    2. Time-out, exit and out of memory end the instance; the other attempts on it then fail as system errors.
    3. The slot is free before the caller has the answer, so its next request finds the instance warm.
    """

    __slots__ = ("p",)

    def __init__(self, platform: Platform) -> None:
        self.p = platform

    def begin(self, attempt: Attempt, crossed: bool = False) -> None:
        """Hand the attempt, which has its slot, to the instance; `crossed` says that it is over the arrow already."""
        p, instance, request = self.p, attempt.instance, attempt.request
        if p.faults.arrows and not crossed:
            p.cross("pool->instance", request, partial(self.begin, attempt, True), partial(self._not_started, attempt))
            return
        assert instance is not None
        if attempt.done:
            return
        if request.task is not None and request.task.state == "Stopping":
            self.done(attempt, stopped())
            return
        fn = request.fn
        attempt.started = now = p.clock.time
        put = p.recording.put
        put((now, _EXECUTION_STARTED, request.number, attempt.number, instance.number, fn.number, 0, attempt.slot))
        if fn.timeout_us < FOREVER:
            fn.deadlines.add(attempt, now)
        if p.backend.freezes and not instance.reserved:
            p.backend.thaw(instance)
        p.backend.run(instance, attempt, p)

    def _not_started(self, attempt: Attempt, effect: str) -> None:
        if attempt.done:
            return
        outcome = lost("pool->instance")
        if effect == "crash":
            outcome.kind = "killed"
        self.done(attempt, outcome)

    def late(self, attempt: Attempt) -> None:
        """The attempt has run for its whole time-out."""
        self.p.backend.cancel(attempt, "timeout")
        self.done(attempt, timed_out(attempt))

    def done(self, attempt: Attempt, outcome: Outcome) -> None:
        """The attempt ended, once; later endings are ignored."""
        if attempt.done:
            return
        attempt.done = True
        attempt.world = None
        p, instance, request = self.p, attempt.instance, attempt.request
        assert instance is not None
        fn, now = request.fn, p.clock.time
        if attempt.started >= 0:
            fn.deadlines.line.pop(attempt, None)
            error = p.recording.text(outcome.error_type) if outcome.error_type else 0
            memory = int(outcome.memory_mb * 1024) if outcome.memory_mb else 0
            put = p.recording.put
            put((now, _EXECUTION_ENDED, request.number, attempt.number, instance.number, fn.number, error, memory))
        reason = FATAL.get(outcome.kind)
        if reason is None or (outcome.kind == "stopped" and attempt.started < 0):
            p.pool.leave(attempt, now)
            self._answer(attempt, outcome)
            if p.dispatcher.hungry or p.reserve.plans:
                p.capacity(fn)
            return
        others = p.pool.kill(instance, reason)
        self._answer(attempt, outcome)
        self.fail([other for other in others if other is not attempt])

    def done_unstarted(self, attempt: Attempt, outcome: Outcome) -> None:
        """The attempt ended before its instance was ready: the boot failed."""
        if not attempt.done:
            attempt.done = True
            self._answer(attempt, outcome)

    def fail(self, attempts: list[Attempt], ending: Outcome | None = None) -> None:
        """The instance under these attempts is gone: they end as it did, or else with system errors."""
        p = self.p
        for attempt in attempts:
            if attempt.done:
                continue
            attempt.done = True
            attempt.request.fn.deadlines.line.pop(attempt, None)
            outcome = ending or lost("instance")
            instance = attempt.instance
            if attempt.started >= 0 and instance is not None:
                p.record(p.clock.time, _EXECUTION_ENDED, attempt.request.number, attempt.number, instance.number,
                         attempt.request.fn.number, p.recording.text(outcome.error_type or ""), 0)  # fmt: skip
            self._answer(attempt, outcome)

    def _answer(self, attempt: Attempt, outcome: Outcome) -> None:
        """Carry the outcome back to the front door (sync) or the dispatcher (async)."""
        p = self.p
        if attempt.log and attempt.started >= 0 and attempt.instance is not None:
            p.logbook.add(attempt.request.fn.name, attempt.instance.label, "".join(attempt.log))
        if attempt.request.mode == "sync":
            home, arrow = p.front_door.answer, "instance->front door"
        else:
            home, arrow = p.settlement.settle, "instance->dispatcher"
        if p.faults.arrows:
            p.cross(arrow, attempt.request, partial(home, attempt, outcome), partial(_lost, home, attempt, arrow))
        else:
            home(attempt, outcome)


def _lost(home: Callable[[Attempt, Outcome], object], attempt: Attempt, arrow: str, effect: str) -> None:
    home(attempt, lost(arrow))
