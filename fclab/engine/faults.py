"""Things that go wrong on purpose: outages, arrows of the call chain that lose or delay, boots that fail, instances that die."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from fclab.errors import UsageError
from fclab.model import PHASES
from fclab.units import FOREVER, to_us

__all__ = ["ARROWS", "Faults", "Strike"]

ARROWS = (
    "caller->front door",
    "front door->queue",
    "front door->pool",
    "front door->caller",
    "queue->dispatcher",
    "dispatcher->pool",
    "dispatcher->destination",
    "pool->instance",
    "instance->front door",
    "instance->dispatcher",
)
"""Every arrow of the chain that a fault may strike. A `crash` on "pool->instance" takes the instance down; the platform's own parts
restart at once, so there it loses what was on the arrow, as a `drop` does."""


_DELIVERY = ("queue->dispatcher", "dispatcher->pool", "pool->instance", "instance->dispatcher")
"""The arrows that each delivery of an async event crosses."""


@dataclass(frozen=True, slots=True)
class Strike:
    """What a fault does to one crossing: `effect` is "drop", "crash" or "" (only late); `delay` in µs."""

    effect: str
    delay: int


@dataclass(slots=True)
class _Rule:
    where: str
    drop: float
    crash: float
    delay: int
    function: str | None
    start: int
    end: int
    left: int | None
    random: Random


class Faults:
    """The fault plan of one lab. Times are lab time; every fault holds in [start, end).

    Chances are drawn from a random stream of their own for each rule, so a fault changes no other draw.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._rules: list[_Rule] = []
        self.outages: list[tuple[int, int]] = []
        self.arrows: set[str] = set()
        """Arrows and boot phases ("boot:download") that any rule names: where this is empty the engine asks nothing."""

    def outage(self, start: float = 0.0, end: float = float("inf")) -> tuple[int, int]:
        """The platform refuses every dispatch in [start, end) seconds. Returns the window in µs."""
        window = to_us(start, "start"), to_us(end, "end", endless=True)
        if window[1] <= window[0]:
            raise UsageError(f"An outage from {start} to {end} s lasts no time.", hint="give an end after its start")
        self.outages.append(window)
        return window

    def add(
        self, arrow: str, *, drop: float = 0.0, crash: float = 0.0, delay: float = 0.0, function: str | None = None,
        start: float = 0.0, end: float = float("inf"), times: int | None = None,
    ) -> None:  # fmt: skip
        """Strike an arrow of the chain (see `ARROWS`) or a boot phase ("boot:download").

        drop, crash   the chance from 0 to 1 (True is 1) that a crossing is lost, or lost in a crash (see `ARROWS`)
        delay         seconds every crossing takes longer
        function      only for this function; times: at most so many strikes
        """
        phase = arrow[5:] if isinstance(arrow, str) and arrow.startswith("boot:") else None
        if arrow not in ARROWS and phase not in PHASES:
            known = ", ".join((*ARROWS, *(f"boot:{name}" for name in PHASES)))
            raise UsageError(f"There is no arrow {arrow!r} in the call chain.", hint=f"choose one of: {known}")
        for name, chance in (("drop", drop), ("crash", crash)):
            if not isinstance(chance, (int, float)) or not 0 <= chance <= 1:
                raise UsageError(f"{name} must be a chance from 0 to 1, not {chance!r}.", hint="True, or 1, means always")
        late = to_us(delay, "delay")
        if not (drop or crash or late):
            raise UsageError(f"The fault on {arrow!r} does nothing.", hint="give drop=, crash= or delay=")
        if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 1):
            raise UsageError(f"times must be a whole number from 1 up, not {times!r}.", hint="leave it out for no limit")
        first, last = to_us(start, "start"), to_us(end, "end", endless=True)
        if last <= first:
            raise UsageError(f"A fault from {start} to {end} s lasts no time.", hint="give an end after its start")
        like = sum(rule.where == arrow and rule.function == function for rule in self._rules)
        random = Random(f"{self._seed}:fault:{arrow}:{function}:{like}")
        self._rules.append(_Rule(arrow, float(drop), float(crash), late, function, first, last, times, random))
        self.arrows.add(arrow)

    def clear(self) -> None:
        """Forget every fault; what has struck stays struck."""
        self._rules.clear()
        self.outages.clear()
        self.arrows.clear()

    def out(self, now: int) -> bool:
        """Is there an outage at `now` (µs)?"""
        return any(start <= now < end for start, end in self.outages)

    def endless(self, now: int, function: str) -> bool:
        """Is a fault in force that for ever breaks every delivery of `function`: an outage, or an arrow on the way that always breaks?"""
        return any(start <= now and end >= FOREVER for start, end in self.outages) or any(
            rule.start <= now and rule.end >= FOREVER and rule.left is None and max(rule.drop, rule.crash) >= 1
            for rule in self._rules
            if rule.function in (None, function) and (rule.where in _DELIVERY or rule.where.startswith("boot:"))
        )

    def strike(self, where: str, function: str, now: int) -> Strike | None:
        """What happens to a crossing of `where` at `now` (µs), or None. Delays add up; a crash outweighs a drop."""
        effect, late, struck = "", 0, False
        for rule in self._rules:
            if rule.where != where or not rule.start <= now < rule.end or rule.left == 0 or rule.function not in (None, function):
                continue
            crash = rule.crash > 0 and rule.random.random() < rule.crash
            drop = rule.drop > 0 and rule.random.random() < rule.drop
            if not (crash or drop or rule.delay):
                continue
            if rule.left is not None:
                rule.left -= 1
            struck = True
            late += rule.delay
            effect = "crash" if crash or effect == "crash" else "drop" if drop else effect
        return Strike(effect, late) if struck else None
