"""Under the lab's cap: whose turn it is, and who gives up an instance for whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fclab.engine.instance import Instance, State
from fclab.engine.pool import Refusal
from fclab.units import FOREVER

if TYPE_CHECKING:
    from fclab.engine.platform import Platform
    from fclab.engine.rows import Function

__all__ = ["Turns"]

_WORKING = (State.IDLE, State.BUSY)


class Turns:
    """Shares the places that the lab's cap leaves among functions.

    1. Whoever finds only the cap in the way, an event or a sync request, gets the place of an idle on-demand instance of a function
       without waiting events, the one used longest ago, at once. Reserved instances keep theirs.
    2. Among functions whose events wait, who has the fewest instances is first, then whose turn is longest ago.
    3. A function whose events wait gives an instance up for another one that has none, or two fewer, while that one's events wait.
    """

    def __init__(self, platform: Platform) -> None:
        self.p = platform
        self.clearing = False
        """Whoever lets an instance go takes its place: nobody else is told of it."""

    def find(self, fn: Function) -> Instance | Refusal:
        """The place for one more attempt of `fn`, as the pool's `find`, once an idle instance that was in the way is gone (clause 1)."""
        pool = self.p.pool
        place = pool.find(fn)
        while place is Refusal.FULL and (fn.limit is None or fn.standing() < fn.limit) and (spare := self._spare()) is not None:
            self.clearing = True
            try:
                pool.stop(spare, "displaced")
            finally:
                self.clearing = False
            place = pool.find(fn)
        return place

    def _spare(self) -> Instance | None:
        hungry = self.p.dispatcher.hungry
        idle = (
            instance
            for name, fn in self.p.functions.items()
            if fn.free and name not in hungry
            for on_demand, _, mark, instance in fn.free
            if on_demand and instance.mark == mark and instance.state is State.IDLE
        )
        return min(idle, key=lambda one: (one.used, one.number), default=None)

    def line(self) -> list[str]:
        """The functions whose events wait, in the order in which they are served (clause 2)."""
        return sorted(self.p.dispatcher.hungry, key=self._standing)

    def _standing(self, name: str) -> tuple[int, int]:
        fn = self.p.functions[name]
        return fn.standing(), fn.turn

    def give_way(self, fn: Function) -> None:
        """Let one of a hungry function's instances go, if the cap keeps it from another one that should have it (clause 3)."""
        p = self.p
        if p.cap is None or p.pool.alive < p.cap or any(instance.draining for instance in fn.instances.values()):
            return
        fewest = min((self._room(name) for name in p.dispatcher.hungry if name != fn.name), default=FOREVER)
        if fewest and fewest + 1 >= fn.standing():
            return
        own = [instance for instance in fn.instances.values() if not instance.reserved and instance.state in _WORKING]
        instance = min(own, key=lambda one: (one.running, one.number), default=None)
        if instance is None:
            return
        if instance.running:
            instance.draining = True  # it goes when what runs on it has ended
            instance.mark = -1
        else:
            p.pool.stop(instance, "displaced")

    def _room(self, name: str) -> int:
        """The instances that a function has; very many if it may have no more, or is disabled."""
        fn = self.p.functions[name]
        standing = fn.standing()
        return standing if fn.enabled and (fn.limit is None or standing < fn.limit) else FOREVER
