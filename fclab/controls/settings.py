"""What can be changed while a lab runs: reserved instances, caps, and whether a function takes requests."""

from __future__ import annotations

from collections.abc import Sequence

from fclab.controls.arguments import check_count, check_rule, check_tracking
from fclab.engine.instance import State
from fclab.engine.platform import Platform
from fclab.engine.presets import retry_policy
from fclab.engine.rows import Function
from fclab.errors import UsageError
from fclab.model import AsyncConfig, Schedule, TargetTracking
from fclab.observe.events import FunctionDeleted, FunctionSwitched, LimitSet
from fclab.units import FOREVER

__all__ = ["check_room", "configure_async", "delete", "limit", "reserve", "switch"]


def check_room(platform: Platform, reserved: int, most: int | None) -> None:
    """So many reserved instances must fit the function's cap and the lab's."""
    room = min(FOREVER if most is None else most, FOREVER if platform.cap is None else platform.cap)
    if reserved > room:
        raise UsageError(
            f"{reserved} instances cannot be reserved where at most {room} are allowed.", hint="raise max_instances or reserve fewer"
        )


def reserve(
    platform: Platform, fn: Function, target: int, schedule: Sequence[Schedule | tuple[float, float, int]], tracking: TargetTracking | None
) -> None:
    """See `Lab.reserve`."""
    check_count(target, "the number of reserved instances")
    if not isinstance(schedule, Sequence):
        raise UsageError(f"A schedule is a list of rules, not {schedule!r}.", hint="such as [Schedule(0, 3600, 3)]")
    rules = [check_rule(rule) for rule in schedule]
    if tracking is not None:
        check_tracking(tracking)
    check_room(platform, max([target, *(rule.target for rule in rules), tracking.max if tracking else 0]), fn.limit)
    platform.reserve.set(fn, target, rules, tracking)


def limit(platform: Platform, fn: Function, most: int | None) -> None:
    """See `Lab.limit`."""
    check_count(most, "max_instances", optional=True)
    if most is not None and fn.target > most:
        raise UsageError(f"{fn.name!r} has {fn.target} reserved instances.", hint="reserve fewer first, or raise max_instances")
    fn.limit = most
    platform.record(platform.clock.now(), LimitSet.KIND, 0, 0, 0, fn.number, -1 if most is None else most)
    _shrink(platform, fn)
    platform.capacity(fn)


def configure_async(platform: Platform, fn: Function, config: AsyncConfig) -> None:
    """See `Lab.configure_async`."""
    if not isinstance(config, AsyncConfig):
        raise UsageError(f"An async configuration is an AsyncConfig, not {config!r}.", hint="from fclab import AsyncConfig")
    fn.async_config = config
    fn.policy = retry_policy(platform.preset, config)


def _shrink(platform: Platform, fn: Function) -> None:
    """Bring a function's instances under its cap: the least recently used idle ones go now, busy ones when they are done."""
    staying = [one for one in fn.instances.values() if not one.draining]
    surplus = len(staying) - fn.limit if fn.limit is not None else 0
    loose = [one for one in staying if not one.reserved]
    loose.sort(key=lambda one: (one.state is not State.IDLE, one.used))
    for instance in loose[: max(0, surplus)]:
        instance.draining = True
        instance.mark = 0
        if instance.state is State.IDLE:
            platform.pool.stop(instance, "lowered")


def switch(platform: Platform, fn: Function, on: bool) -> None:
    """See `Lab.enable` and `Lab.disable`."""
    fn.enabled = on
    platform.record(platform.clock.now(), FunctionSwitched.KIND, 0, 0, 0, fn.number, int(on))
    if on:
        platform.dispatcher.pump(fn.name)


def delete(platform: Platform, fn: Function) -> None:
    """See `Lab.delete`."""
    for request in [one for one in platform.dispatcher.open.values() if one.fn.name == fn.name]:
        platform.settlement.stop(request.task_of)
    platform.reserve.drop(fn)
    del platform.functions[fn.name]
    platform.dispatcher.hungry.pop(fn.name, None)
    platform.retire(fn, "deleted")
    if platform.sources is not None:
        platform.sources.forget(fn.name)
    platform.record(platform.clock.now(), FunctionDeleted.KIND, 0, 0, 0, fn.number)
    platform.capacity(fn)
