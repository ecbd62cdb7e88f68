"""The lab's fault plan: what a notebook calls as `lab.faults`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from fclab.clock import Order
from fclab.errors import UnknownFunction, UsageError
from fclab.observe.events import OutageEnded, OutageStarted
from fclab.units import FOREVER, SECOND, seconds_text, to_us

if TYPE_CHECKING:
    from fclab.controls.driver import Driver
    from fclab.controls.live import LiveDriver

__all__ = ["FaultPlan"]

F = TypeVar("F", bound=Callable[..., object])

_LATER = "give a later time, or start again at 0 s with lab = lab.fresh()"


def _asked(method: F) -> F:
    """Where the engine has a thread of its own, the method runs there."""

    @wraps(method)
    def call(plan: FaultPlan, *args: object, **kwargs: object) -> object:
        return plan._driver.ask(method, plan, *args, **kwargs)

    return cast(F, call)


class FaultPlan:
    """Make things go wrong at known times. Times are lab time in seconds; a fault holds in [start, end)."""

    def __init__(self, driver: Driver | LiveDriver) -> None:
        self._driver = driver
        self._generation = 0

    @_asked
    def outage(self, start: float | None = None, end: float = float("inf")) -> None:
        """The platform refuses every dispatch from `start` (now) until `end`: sync calls get 500, async events back off."""
        p = self._driver.platform
        now = p.clock.now()
        if isinstance(end, (int, float)) and end * SECOND <= now:
            raise UsageError(f"An outage until {end:g} s is over: it is {seconds_text(now)} s.", hint=_LATER)
        first, last = p.faults.outage(now / 1e6 if start is None else start, end)
        p.clock.call_at(first, self._mark, self._generation, OutageStarted.KIND, order=Order.FAULT)
        if last < FOREVER:
            p.clock.call_at(last, self._mark, self._generation, OutageEnded.KIND, order=Order.FAULT)

    @_asked
    def add(self, arrow: str, **options: Any) -> None:
        """Strike an arrow of the chain, such as "queue->dispatcher", or a boot phase, such as "boot:download".

        drop, crash: the chance from 0 to 1 (True is always); delay: seconds; function: only this one; start, end; times: at most.
        """
        p = self._driver.platform
        name = options.get("function")
        if name is not None and name not in p.functions:
            raise UnknownFunction(f"There is no function {name!r} in this lab.", hint=f"declared: {', '.join(map(repr, p.functions))}")
        try:
            p.faults.add(arrow, **options)
        except TypeError as error:
            raise UsageError(
                f"A fault cannot be made so: {error}.", hint="options: drop, crash, delay, function, start, end, times"
            ) from None

    def boot(self, phase: str, *, fail: float = 0.0, delay: float = 0.0, **options: Any) -> None:
        """Make a boot phase fail with chance `fail`, or take `delay` seconds longer."""
        self.add(f"boot:{phase}", drop=fail, delay=delay, **options)

    @_asked
    def kill(self, instance: str, at: float | None = None) -> None:
        """The instance with this id ("hello#1") dies at lab time `at` (now), in the middle of whatever it does."""
        p = self._driver.platform
        name, _, number = instance.partition("#") if isinstance(instance, str) else ("", "", "")
        if name not in p.functions or not number.isdecimal() or number.startswith("0"):
            raise UsageError(f"{instance!r} is no instance id.", hint='ids look like "hello#1"; see lab.instances("hello")')
        now = p.clock.now()
        when = now if at is None else to_us(at, "at")
        if at is None and int(number) > p.functions[name].created:
            raise UsageError(f"There has been no instance {instance!r}.", hint=f"see lab.instances({name!r})")
        if when < now:
            raise UsageError(f"{seconds_text(when)} s is in the past: it is {seconds_text(now)} s.", hint=_LATER)
        p.clock.call_at(when, self._kill, instance, order=Order.FAULT)

    @_asked
    def clear(self) -> None:
        """End every fault now."""
        p = self._driver.platform
        if p.faults.out(p.clock.now()):
            p.record(p.clock.now(), OutageEnded.KIND)
        self._generation += 1
        p.hopeless.clear()
        p.faults.clear()

    def __repr__(self) -> str:
        faults = self._driver.platform.faults
        return f"Faults({len(faults.outages)} outages, on {', '.join(sorted(faults.arrows)) or 'no arrow'})"

    def _mark(self, generation: int, kind: int) -> None:
        if generation == self._generation:
            p = self._driver.platform
            p.record(p.clock.now(), kind)

    def _kill(self, label: str) -> None:
        p = self._driver.platform
        for fn in p.functions.values():
            for instance in list(fn.instances.values()):
                if instance.label == label:
                    p.kill(instance)
