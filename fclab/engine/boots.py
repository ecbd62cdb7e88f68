"""Follows an instance from its creation to readiness, phase by phase."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from fclab.clock import Order
from fclab.engine.failures import init_timed_out, lost
from fclab.engine.instance import Instance, Signal, State
from fclab.observe import events as e

if TYPE_CHECKING:
    from fclab.engine.platform import Platform
    from fclab.engine.rows import Outcome

__all__ = ["Boots"]

_PHASE_EVENTS = {
    "schedule": e.InstanceScheduled.KIND,
    "download": e.CodeDownloaded.KIND,
    "unpack": e.CodeUnpacked.KIND,
    "start": e.RuntimeStarted.KIND,
    "fork": e.RuntimeForked.KIND,
    "initialize": e.InstanceInitialized.KIND,
}
_PHASE_SIGNALS = (
    (State.SCHEDULING, Signal.SCHEDULED, "schedule"),
    (State.DOWNLOADING, Signal.DOWNLOADED, "download"),
    (State.UNPACKING, Signal.UNPACKED, "unpack"),
)
"""A boot modelled as one phase ("start") passes through these states in no time."""


class Boots:
    """What the backend reports of boots.

    1. Each phase is recorded when it ends; it began where the one before it ended.
    2. A phase that fails ends the instance. A platform phase is a system error for the request that waited; the initializer is
       the user's code, so its failure or time-out is a function error.
    3. What is reported of an instance that has been stopped meanwhile is ignored.
    """

    def __init__(self, platform: Platform) -> None:
        self.p = platform

    def phase_ended(self, instance: Instance, phase: str, proceed: Callable[[], object]) -> None:
        """A boot phase ended; a fault may make it longer or break it."""
        if not instance.alive:
            return
        where = f"boot:{phase}"
        fn = instance.function
        strike = self.p.faults.strike(where, fn.name, self.p.clock.time) if where in self.p.faults.arrows else None
        if strike is None:
            self._phase_over(instance, phase, proceed)
            return
        now = self.p.clock.time
        effect = strike.effect or "delay"
        request = instance.attempt.request.number if instance.attempt else 0
        self.p.record(
            now, e.FaultInjected.KIND, request, 0, instance.number, fn.number, self.p.recording.text(where), self.p.recording.text(effect)
        )
        over: Callable[[], object] = partial(self._phase_over, instance, phase, proceed)
        if strike.effect:
            over = partial(self._failed, instance, phase, lost(where))
        if strike.delay:
            self.p.clock.call_at(now + strike.delay, over)
        else:
            over()

    def _phase_over(self, instance: Instance, phase: str, proceed: Callable[[], object]) -> None:
        if not instance.alive:
            return
        now = self.p.clock.time
        attempt, fn = instance.attempt, instance.function
        self.p.record(
            now,
            _PHASE_EVENTS[phase],
            attempt.request.number if attempt else 0,
            attempt.number if attempt else 0,
            instance.number,
            fn.number,
        )
        if attempt is not None:
            attempt.phases += ((phase, instance.phase_began, now - instance.phase_began),)
        instance.phase_began = now
        for state, signal, named in _PHASE_SIGNALS:
            if instance.state is state and (phase == named or phase == "start"):
                instance.signal(signal)
        if phase in ("start", "fork") and fn.spec.initializer is not None:
            instance.signal(Signal.STARTED)
            instance.timer = self.p.clock.call_at(now + fn.init_timeout_us, self._init_timeout, instance, order=Order.TIMEOUT)
        elif phase == "initialize" and instance.timer is not None:
            instance.timer.cancel()
            instance.timer = None
        proceed()

    def _init_timeout(self, instance: Instance) -> None:
        instance.timer = None
        self._failed(instance, "initialize", init_timed_out(instance.function.init_timeout_us))

    def ended(self, instance: Instance, outcome: Outcome | None) -> None:
        """The boot is over, well or not."""
        if not instance.alive:
            return
        if outcome is None:
            self.p.pool.ready(instance)
        else:
            last = "fork" if instance.function.spec.start == "fork" else "start"
            phase = {State.SCHEDULING: "schedule", State.DOWNLOADING: "download", State.UNPACKING: "unpack", State.STARTING: last}
            self._failed(instance, phase.get(instance.state, "initialize"), outcome)

    def _failed(self, instance: Instance, phase: str, outcome: Outcome) -> None:
        if not instance.alive:
            return
        attempt = instance.attempt
        now = self.p.clock.time
        self.p.record(
            now, e.BootFailed.KIND, attempt.request.number if attempt else 0, attempt.number if attempt else 0, instance.number,
            instance.function.number, self.p.recording.text(phase), self.p.recording.text(outcome.error_type or ""),
        )  # fmt: skip
        if attempt is not None:
            attempt.phases += ((phase, instance.phase_began, now - instance.phase_began),)
        self.p.pool.kill(instance, "boot")
        if attempt is not None:
            attempt.instance = instance
            self.p.executor.done_unstarted(attempt, outcome)
