"""Reserved instances: the user says how many, by number, by schedule or by tracking their use; the platform keeps that many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fclab.clock import Order
from fclab.engine import autoscale
from fclab.engine.instance import BOOTING, State
from fclab.engine.retry import backoff
from fclab.model import Schedule, TargetTracking
from fclab.observe import events as e
from fclab.units import SECOND, seconds, to_us

if TYPE_CHECKING:
    from fclab.clock import Timer
    from fclab.engine.instance import Instance
    from fclab.engine.platform import Platform
    from fclab.engine.rows import Function

__all__ = ["Reserve"]


class _Plan:
    """What the user asked for one function."""

    def __init__(self, base: int, schedule: Sequence[Schedule], tracking: TargetTracking | None) -> None:
        self.base = base
        self.schedule = tuple(schedule)
        self.tracking = tracking
        self.timers: list[Timer] = []
        self.tick_began = 0
        self.failures = 0
        """Failed boots since the last good one, a round of them counted once."""
        self.again: Timer | None = None
        """When lost instances are replaced."""
        self.declared = False
        self.short = False
        """There was no room for all of them; ask again when there is."""


class Reserve:
    """Keeps each function's reserved instances at its target.

    1. The target is the largest of the rules in force; outside all of them it is the number the user gave.
    2. Up: new instances boot at once. Down: idle ones go first, then booting ones, busy ones drain and go when they are done.
    3. Tracking is evaluated once a minute from when it was set: out at once, in slowly.
    4. Where limits leave no room for all, the rest follow as room appears.
    5. A reserved instance that dies is replaced at once; one whose boot failed, after 1 s, doubling to 60 s.
    """

    def __init__(self, platform: Platform) -> None:
        self.p = platform
        self.plans: dict[str, _Plan] = {}

    def set(
        self,
        fn: Function,
        target: int,
        schedule: Sequence[Schedule] = (),
        tracking: TargetTracking | None = None,
        *,
        declared: bool = False,
    ) -> None:
        """Replace the function's plan and act on it now; `declared` says that it stands in the function's declaration."""
        p = self.p
        self._drop(fn.name)
        plan = self.plans[fn.name] = _Plan(target, schedule, tracking)
        plan.declared = declared
        now = p.clock.now()
        edges = {to_us(edge, "schedule", endless=True) for rule in plan.schedule for edge in (rule.start, rule.end)}
        for edge in sorted(edges):
            if edge > now:
                plan.timers.append(p.clock.call_at(edge, self._edge, fn, order=Order.TICK))
        fn.track = None
        if tracking is not None:
            fn.track = [(now, fn.reserved_running)]
            plan.tick_began = now
            plan.timers.append(p.clock.call_at(now + autoscale.TICK * SECOND, self.tick, fn, plan, order=Order.TICK))
            plan.base = max(tracking.min, min(tracking.max, target))
        self._aim(fn, self._rule(plan, plan.base), "user")

    def _rule(self, plan: _Plan, otherwise: int) -> int:
        scheduled = autoscale.scheduled(plan.schedule, seconds(self.p.clock.now()))
        if scheduled is None:
            return otherwise
        return max(scheduled, otherwise) if plan.tracking is not None else scheduled

    def _edge(self, fn: Function) -> None:
        plan = self.plans.get(fn.name)
        if plan is not None:
            self._aim(fn, self._rule(plan, plan.base), "schedule")

    def tick(self, fn: Function, plan: _Plan) -> None:
        """Once a minute: follow the use of a function's reserved instances (clause 3)."""
        p, now = self.p, self.p.clock.now()
        if self.plans.get(fn.name) is not plan or plan.tracking is None or fn.track is None:
            return
        standing = sum(1 for instance in fn.instances.values() if instance.reserved and instance.state not in BOOTING)
        value = autoscale.utilization(fn.track, plan.tick_began, now, standing, fn.concurrency)
        fn.track = [(now, fn.reserved_running)]
        plan.tick_began = now
        plan.base = autoscale.tracked(plan.tracking, fn.target, value)
        self._aim(fn, self._rule(plan, plan.base), "tracking")
        plan.timers = [timer for timer in plan.timers if timer.when > now]
        plan.timers.append(p.clock.call_at(now + autoscale.TICK * SECOND, self.tick, fn, plan, order=Order.TICK))

    def _aim(self, fn: Function, target: int, by: str) -> None:
        p = self.p
        if target != fn.target:
            fn.target = target
            p.record(p.clock.now(), e.ReservedTargetSet.KIND, 0, 0, 0, fn.number, target, p.recording.text(by))
        self.keep(fn)

    def keep(self, fn: Function) -> None:
        """Make the number of reserved instances the target (clause 2)."""
        standing = [instance for instance in fn.instances.values() if instance.reserved and not instance.draining]
        for _ in range(fn.target - len(standing)):
            if not self._room(fn):
                self.plans[fn.name].short = True
                break
            self.p.backend.boot(self.p.pool.create(fn, reserved=True), self.p)
        surplus = len(standing) - fn.target
        if surplus > 0:
            standing.sort(key=lambda instance: (self._reluctance(instance), -instance.number))
            for instance in standing[:surplus]:
                instance.draining = True
                instance.mark = -1
                if instance.state is State.IDLE or instance.state in BOOTING:
                    self.p.pool.stop(instance, "lowered")

    def feed(self) -> None:
        """An instance went away: there may be room for reserved ones that found none."""
        for name, plan in self.plans.items():
            if plan.short:
                plan.short = False
                self.keep(self.p.functions[name])

    def _room(self, fn: Function) -> bool:
        return (fn.limit is None or fn.standing() < fn.limit) and (self.p.cap is None or self.p.pool.alive < self.p.cap)

    @staticmethod
    def _reluctance(instance: Instance) -> int:
        return 0 if instance.state is State.IDLE else 1 if instance.state in BOOTING else 2

    def replace(self, fn: Function, *, failed: bool) -> None:
        """A reserved instance was lost (clause 5)."""
        plan = self.plans.get(fn.name)
        if plan is None or self.p.functions.get(fn.name) is not fn:
            return
        if plan.again is not None and plan.again.live:
            return
        plan.failures += failed
        wait = backoff(SECOND, 60 * SECOND, plan.failures) if failed else 0
        plan.again = self.p.clock.call_at(self.p.clock.now() + wait, self.keep, fn, order=Order.TICK)

    def booted(self, fn: Function) -> None:
        """A reserved instance is ready: boots work again."""
        plan = self.plans.get(fn.name)
        if plan is not None:
            plan.failures = 0

    def inherit(self, fn: Function) -> None:
        """A function was declared again, with no word on reserved instances: a plan that was set by itself goes on for the new one."""
        plan = self.plans.get(fn.name)
        if plan is not None and plan.declared:
            self._drop(fn.name)
        elif plan is not None:
            self.set(fn, plan.base, plan.schedule, plan.tracking)

    def drop(self, fn: Function) -> None:
        """The function is deleted, and with it its plan."""
        self._drop(fn.name)
        fn.target = 0

    def _drop(self, name: str) -> None:
        plan = self.plans.pop(name, None)
        if plan is not None:
            for timer in (*plan.timers, *([plan.again] if plan.again else [])):
                timer.cancel()
