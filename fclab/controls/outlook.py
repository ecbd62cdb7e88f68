"""Whether what is left can still finish, and what to say where it cannot: for those who drive the clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fclab.clock import Order
from fclab.engine.deadlines import Deadlines

if TYPE_CHECKING:
    from fclab.engine.platform import Platform

__all__ = ["helps", "stalled"]


def helps(platform: Platform, order: Order, fn: Callable[..., object]) -> bool:
    """Could a call that the clock holds let waiting events run, when nothing else goes on?

    A retry against an endless fault cannot, nor a reclaim unless the lab's cap is what is short, nor another look at idle instances,
    nor the deadlines of runs that are over.
    """
    if order is Order.RETRY_DUE:
        return not platform.hopeless
    if order is Order.IDLE_EXPIRY:
        return platform.cap is not None
    return fn != platform.reserve.tick and getattr(fn, "__func__", None) is not Deadlines.due


def stalled(platform: Platform) -> str:
    """Why what is left cannot finish by itself, and what to do."""
    if platform.work and len(platform.hopeless) >= platform.work:
        what = f"{len(platform.hopeless)} waiting events only retry against a fault without end"
        return f"{what}|mend the fault (lab.faults.clear()), or run(until=...)"
    why = []
    for name, fn in platform.functions.items():
        if count := platform.queue.waiting(name):
            what = "is disabled" if not fn.enabled else "may have no instance" if fn.limit == 0 else "finds no free instance"
            why.append(f"{name!r} {what} ({count} waiting)")
    return (
        f"{', '.join(why) or 'what is left waits for nothing that will come'}|enable the function, raise the limit, or run(until=...)"
    )
