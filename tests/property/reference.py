"""A deliberately naive model of the platform, written from the design pages and not from the engine: lists, scans and `min`.

It knows: sync and async requests, delays, real durations, failures and time-outs, instance concurrency, caps of a function and of the
lab, reserved instances, idle windows, outages, both kinds of retries. Times are µs. What it does is slow and easy to check by eye.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

PROGRESS, TIMEOUT, FAULT, RETRY, ARRIVAL, TICK, EXPIRY = range(7)


@dataclass
class Rules:
    """One function: µs and counts."""

    boot: int
    timeout: int
    idle: int
    concurrency: int = 1
    limit: int | None = None
    reserved: int = 0


@dataclass
class Order:
    """One request to come: it runs for `seconds` µs and fails its first `fails` deliveries."""

    function: str
    at: int
    mode: str
    runs: int
    fails: int = 0
    delay: int = 0


@dataclass
class Plan:
    """A whole workload."""

    functions: dict[str, Rules]
    orders: list[Order]
    cap: int | None = None
    outages: list[tuple[int, int]] = field(default_factory=list)


@dataclass
class Fate:
    """What became of one request: (time, instance) of each execution, when it ended and how."""

    order: Order
    starts: list[tuple[int, str]] = field(default_factory=list)
    deliveries: list[int] = field(default_factory=list)
    ended: int = -1
    how: str = ""
    due: int = 0
    serial: int = 0
    failures: int = 0
    broken: int = 0


@dataclass(eq=False)
class Box:
    """One instance."""

    function: str
    label: str
    reserved: bool
    slots: list[Fate | None]
    state: str = "booting"
    used: int = 0
    offered: int = 0
    expires: int = -1
    waiting: Fate | None = None
    leaving: bool = False

    @property
    def running(self) -> list[Fate]:
        return [fate for fate in self.slots if fate is not None]


class Reference:
    """Runs a plan; afterwards `fates`, `made` and `gone` say what happened."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.now = 0
        self.count = 0
        self.endless = False
        """Some events wait for room that never comes."""
        self.todo: list[tuple[int, int, int, Callable[[], object]]] = []
        self.boxes: list[Box] = []
        self.numbers = dict.fromkeys(plan.functions, 0)
        self.queue: list[Fate] = []
        self.hungry: list[str] = []
        self.turns = dict.fromkeys(plan.functions, 0)
        self.short: list[str] = []
        self.fates: list[Fate] = []
        self.made: list[tuple[int, str]] = []
        self.gone: list[tuple[int, str]] = []

    def run(self) -> None:
        for name in self.plan.functions:
            self.keep(name)
        for order in self.plan.orders:
            self.later(order.at, ARRIVAL, lambda order=order: self.arrive(order))  # type: ignore[misc]
        while len(self.fates) < len(self.plan.orders) or any(fate.ended < 0 for fate in self.fates):
            if not self.todo:
                self.endless = True
                return
            entry = min(self.todo, key=lambda entry: entry[:3])
            self.todo.remove(entry)
            self.now = entry[0]
            entry[3]()

    def tick(self) -> int:
        self.count += 1
        return self.count

    def later(self, when: int, order: int, do: Callable[[], object]) -> None:
        self.todo.append((when, order, self.tick(), do))

    # ---- arrivals and the queue

    def out(self) -> bool:
        return any(start <= self.now < end for start, end in self.plan.outages)

    def arrive(self, order: Order) -> None:
        fate = Fate(order)
        self.fates.append(fate)
        if order.mode == "async":
            self.wait(fate, order.delay)
        elif self.out():
            self.end(fate, "failed")
        else:
            place = self.find(order.function)
            if place is None:
                self.end(fate, "refused")
            else:
                self.place(fate, place)

    def wait(self, fate: Fate, delay: int) -> None:
        fate.due, fate.serial = self.now + delay, self.tick()
        self.queue.append(fate)
        if delay == 0:
            self.pump(fate.order.function)
        else:
            self.later(fate.due, RETRY, lambda: self.pump(fate.order.function))

    def pump(self, name: str, most: int = 1_000_000) -> bool:
        for turn in range(most + 1):
            due = [fate for fate in self.queue if fate.order.function == name and fate.due <= self.now]
            if not due:
                self.hungry = [other for other in self.hungry if other != name]
                return turn > 0
            if turn == most:
                break
            place = None if self.out() else self.find(name)
            if place is None and not self.out():
                if name not in self.hungry:
                    self.hungry.append(name)
                return turn > 0
            self.turns[name] = self.tick()
            first = min(due, key=lambda fate: (fate.due, fate.serial))
            self.queue.remove(first)
            first.deliveries.append(self.now)
            if self.out() or place is None:
                self.settle(first, "system")
            else:
                self.place(first, place)
        return True

    def has(self, name: str) -> int:
        return sum(box.function == name for box in self.boxes)

    def give_way(self, name: str) -> None:
        """A function whose events wait lets an instance go for one that has none, or two fewer, and could have more."""
        limits = {other: self.plan.functions[other].limit for other in self.hungry if other != name}
        others = [self.has(other) for other, limit in limits.items() if limit is None or self.has(other) < limit]
        mine = [box for box in self.boxes if box.function == name]
        if self.plan.cap is None or len(self.boxes) < self.plan.cap or any(box.leaving for box in mine):
            return
        if not any(other == 0 or other + 1 < len(mine) for other in others):
            return
        own = [box for box in mine if not box.reserved and box.state != "booting"]
        if own:
            least = min(own, key=lambda box: len(box.running))
            if least.running:
                least.leaving = True
            else:
                self.remove(least)

    def capacity(self, name: str) -> None:
        if self.plan.cap is None:
            if name in self.hungry:
                self.pump(name)
        else:
            if name in self.hungry:
                self.give_way(name)
            while True:
                line = sorted(self.hungry, key=lambda other: (self.has(other), self.turns[other]))
                if not any(self.pump(other, 1) for other in line):
                    break
        for other in list(self.short):
            self.short.remove(other)
            self.keep(other)

    def settle(self, fate: Fate, how: str) -> None:
        if how == "ok":
            self.end(fate, "succeeded")
        elif fate.order.mode == "sync":
            self.end(fate, "failed")
        elif how == "system":
            fate.broken += 1
            self.wait(fate, min(512_000_000, 500_000 * 2 ** (fate.broken - 1)))
        else:
            fate.broken = 0
            fate.failures += 1
            if fate.failures > 3:
                self.end(fate, "failed")
            else:
                self.wait(fate, 500_000 * 2 ** (fate.failures - 1))

    def end(self, fate: Fate, how: str) -> None:
        fate.ended, fate.how = self.now, how

    # ---- instances

    def room(self, name: str) -> bool:
        limit = self.plan.functions[name].limit
        mine = sum(box.function == name for box in self.boxes)
        return (limit is None or mine < limit) and (self.plan.cap is None or len(self.boxes) < self.plan.cap)

    def find(self, name: str) -> Box | str | None:
        """A free instance, "new", or None."""
        able = [box for box in self.boxes if box.state in ("idle", "busy") and not box.leaving]
        free = [box for box in able if box.function == name and None in box.slots]
        if free:
            return min(free, key=lambda box: (not box.reserved, -box.used, box.offered))
        limit = self.plan.functions[name].limit
        while not self.room(name) and (limit is None or self.has(name) < limit):
            idle = [box for box in self.boxes if box.state == "idle" and not box.reserved and box.function not in self.hungry]
            if not idle:
                break
            self.remove(min(idle, key=lambda box: box.used), told=False)
        return "new" if self.room(name) else None

    def create(self, name: str, waiting: Fate | None) -> None:
        rules = self.plan.functions[name]
        self.numbers[name] += 1
        box = Box(name, f"{name}#{self.numbers[name]}", waiting is None, [None] * rules.concurrency, waiting=waiting)
        self.boxes.append(box)
        self.made.append((self.now, box.label))
        self.later(self.now + rules.boot, PROGRESS, lambda: self.ready(box))

    def keep(self, name: str) -> None:
        missing = self.plan.functions[name].reserved - sum(box.function == name and box.reserved for box in self.boxes)
        for _ in range(missing):
            if not self.room(name):
                self.short.append(name)
                return
            self.create(name, None)

    def ready(self, box: Box) -> None:
        fate, box.waiting = box.waiting, None
        box.state = "idle"
        if fate is None:
            box.offered = self.tick()
            self.capacity(box.function)
        else:
            self.start(fate, box)
            if len(box.slots) > 1:
                self.capacity(box.function)

    def place(self, fate: Fate, place: Box | str) -> None:
        if isinstance(place, Box):
            self.start(fate, place)
        else:
            self.create(fate.order.function, fate)

    def start(self, fate: Fate, box: Box) -> None:
        slot = box.slots.index(None)
        box.slots[slot] = fate
        box.state = "busy"
        box.used, box.offered = self.tick(), self.tick()
        fate.starts.append((self.now, box.label))
        delivery = len(fate.deliveries)
        here = len(fate.starts)
        how = "function" if max(1, delivery) <= fate.order.fails else "ok"

        def on() -> bool:
            return box in self.boxes and box.slots[slot] is fate and len(fate.starts) == here

        def finish() -> None:
            if on():
                self.finish(fate, box, slot, how)

        def overrun() -> None:
            if on():
                self.overrun(fate, box)

        self.later(self.now + fate.order.runs, PROGRESS, lambda: self.later(self.now, PROGRESS, finish))
        self.later(self.now + self.plan.functions[box.function].timeout, TIMEOUT, overrun)

    def finish(self, fate: Fate, box: Box, slot: int, how: str) -> None:
        box.slots[slot] = None
        box.used, box.offered = self.tick(), self.tick()
        if not box.running:
            box.state = "idle"
            if box.leaving:
                self.remove(box)
            elif not box.reserved:
                box.expires = expires = self.now + self.plan.functions[box.function].idle
                self.later(expires, EXPIRY, lambda: self.expire(box, expires))
        self.settle(fate, how)
        self.capacity(box.function)

    def overrun(self, fate: Fate, box: Box) -> None:
        others = [other for other in box.running if other is not fate]
        self.remove(box)
        if box.reserved:
            self.later(self.now, TICK, lambda: self.keep(box.function))
        self.settle(fate, "function")
        for other in others:
            self.settle(other, "system")

    def expire(self, box: Box, when: int) -> None:
        if box in self.boxes and box.state == "idle" and box.expires == when:
            self.remove(box)

    def remove(self, box: Box, told: bool = True) -> None:
        self.boxes.remove(box)
        self.gone.append((self.now, box.label))
        if told:
            self.capacity(box.function)
