"""The same platform as somebody would write it in SimPy. Run by SimPy's own environment: `python -m tests.bench.simpy_models DIR [lean]`.

Plain: a process for each request and one for each idle period. Lean: one timer an instance, armed again until it is due.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from heapq import heappop, heappush
from typing import Any

import simpy  # type: ignore[import-not-found,unused-ignore]

from tests.bench.measure import Meter
from tests.bench.workloads import SECOND, Numbers, folder_of_this_job, load

Steps = Generator[Any, Any, None]


class Instance:
    """One instance: `version` grows with each use, so an old timer knows that it is out of date."""

    __slots__ = ("armed", "busy", "gone", "number", "since", "version")

    def __init__(self, number: int) -> None:
        self.number = number
        self.version = 0
        self.since = 0
        self.busy = True
        self.gone = self.armed = False


class Platform:
    """Newest idle instance first; sums for the averages are kept at each change."""

    def __init__(self, env: Any, numbers: Numbers, lean: bool) -> None:
        self.env = env
        self.lean = lean
        self.arrivals, self.functions = numbers.arrivals.tolist(), numbers.functions.tolist()
        self.services = numbers.services.tolist()
        self.drawn, self.fails = iter(self.services), iter(numbers.fails.tolist())
        self.boot, self.keep = round(numbers.work.boot * SECOND), round(numbers.work.keep_alive * SECOND)
        self.idle: list[list[tuple[int, Instance]]] = [[] for _ in range(numbers.work.functions)]
        self.made = self.ended = self.running = self.alive = self.failed = 0
        self.last = self.ran = self.lived = 0

    def tick(self) -> None:
        now = self.env.now
        self.ran += self.running * (now - self.last)
        self.lived += self.alive * (now - self.last)
        self.last = now

    def acquire(self, function: int) -> tuple[Instance, bool]:
        free = self.idle[function]
        while free:
            _, one = heappop(free)
            if not one.gone:
                one.version += 1
                one.busy = True
                return one, False
        self.made += 1
        self.alive += 1
        return Instance(self.made), True

    def release(self, one: Instance, function: int) -> None:
        one.busy = False
        one.since = self.env.now
        heappush(self.idle[function], (-one.number, one))
        if not self.lean:
            self.env.process(self.expire(one, one.version))
        elif not one.armed:
            one.armed = True
            self.env.process(self.watch(one))

    def request(self, number: int) -> Steps:
        function = self.functions[number]
        self.tick()
        one, cold = self.acquire(function)
        self.running += 1
        yield self.env.timeout(self.services[number] + (self.boot if cold else 0))
        self.tick()
        self.running -= 1
        self.ended += 1
        self.release(one, function)

    def event(self, number: int) -> Steps:
        """An async event: tried up to four times."""
        for wait in (SECOND // 2, SECOND, 2 * SECOND, 0):
            one, cold = self.acquire(0)
            yield self.env.timeout(next(self.drawn) + (self.boot if cold else 0))
            self.release(one, 0)
            if not next(self.fails):
                break
            if wait:
                yield self.env.timeout(wait)
        else:
            self.failed += 1
        self.ended += 1

    def expire(self, one: Instance, version: int) -> Steps:
        yield self.env.timeout(self.keep)
        if one.version == version and not one.gone and not one.busy:
            self.end(one)

    def watch(self, one: Instance) -> Steps:
        while True:
            yield self.env.timeout(one.since + self.keep - self.env.now)
            if one.busy:
                one.armed = False
                return
            if one.since + self.keep <= self.env.now:
                self.end(one)
                return

    def end(self, one: Instance) -> None:
        self.tick()
        one.gone = True
        self.alive -= 1

    def source(self, meter: Meter, limit: float, retried: bool) -> Steps:
        before = 0
        body = self.event if retried else self.request
        waiting = []
        for number, arrival in enumerate(self.arrivals):
            yield self.env.timeout(arrival - before)
            before = arrival
            made = self.env.process(body(number))
            if retried:
                waiting.append(made)
            if not number & 255 and meter.elapsed > limit:
                return
        for made in waiting:
            if not made.processed:
                yield made


def main() -> None:
    numbers = load(folder_of_this_job())
    meter = Meter()
    env = simpy.Environment()
    platform = Platform(env, numbers, "lean" in sys.argv)
    env.run(until=env.process(platform.source(meter, numbers.work.limit, numbers.work.failures > 0)))
    meter.stop()
    done = platform.ended + platform.running
    averages = {"running": platform.ran / platform.last, "instances": platform.lived / platform.last} if platform.ran else {}
    meter.report(done, cold=platform.made, failed=platform.failed, **averages)


if __name__ == "__main__":
    main()
