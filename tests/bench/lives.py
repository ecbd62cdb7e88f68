"""What real instances cost, measured in this process beside a `ProcessPoolExecutor`, round by round: prints one line of JSON.

`python -m tests.bench.lives PART [--core N] [--rounds N] [--count N]`; `tests.bench.processes` runs all parts and shows them.
"""

from __future__ import annotations

import argparse
import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from fclab import Lab, Response

__all__ = ["PARTS", "alive", "boots", "many", "one"]

PAYLOAD = json.dumps({"key1": "value1", "key2": "value2", "pad": "x" * 53}).encode()
"""100 bytes, as in every measurement of peers."""
IN_FLIGHT = 16
DEADLINE = 120.0


def echo(event: bytes, context: object = None) -> bytes:
    """The handler, and the pool's work."""
    return event


def microseconds(call: Callable[[], object], count: int) -> float:
    """The median of `count` calls one after another."""
    took = []
    for _ in range(count):
        began = time.perf_counter_ns()
        call()
        took.append(time.perf_counter_ns() - began)
    return median(took) / 1000


def cpu_us(pids: list[int]) -> float:
    """Processor time that other processes have had so far, all their threads together."""
    tasks = [task for pid in pids for task in Path(f"/proc/{pid}/task").iterdir()]
    return sum(int((task / "schedstat").read_text(encoding="ascii").split()[0]) for task in tasks) / 1000


def pids(lab: Lab) -> list[int]:
    """The processes of a lab's instances."""
    bodies = lab._driver.ask(lambda: list(lab._platform.backend.bodies))  # type: ignore[attr-defined]
    return [body.group.pid for body in bodies]


class Flow:
    """Requests that keep `IN_FLIGHT` under way: each answer brings the next, as the lab's own traffic does, on the engine's thread."""

    def __init__(self, lab: Lab, name: str) -> None:
        self._accept = partial(lab._platform.front_door.accept, name, PAYLOAD, "sync", self._answered)
        self._post = lab._driver.clock.post  # type: ignore[union-attr]
        self._over = threading.Event()

    def rate(self, count: int) -> float:
        """`count` requests; how many a second."""
        self._left = self._open = count
        self._over.clear()
        began = time.perf_counter()
        for _ in range(IN_FLIGHT):
            self._post(self._next)
        assert self._over.wait(DEADLINE), "requests are missing"
        return count / (time.perf_counter() - began)

    def _next(self) -> None:
        if self._left:
            self._left -= 1
            self._accept()

    def _answered(self, response: Response) -> None:
        assert response.payload == PAYLOAD, response
        self._open -= 1
        self._next()
        if not self._open:
            self._over.set()


def pool_rate(pool: ProcessPoolExecutor, count: int) -> float:
    """`count` works of the pool with `IN_FLIGHT` under way; how many a second."""
    waiting: deque[Future[bytes]] = deque()
    began = time.perf_counter()
    for _ in range(count):
        if len(waiting) == IN_FLIGHT:
            waiting.popleft().result()
        waiting.append(pool.submit(echo, PAYLOAD))
    while waiting:
        waiting.popleft().result()
    return count / (time.perf_counter() - began)


def threads_rate(lab: Lab, name: str, count: int) -> float:
    """The same by `IN_FLIGHT` threads that call `lab.invoke`."""

    def call() -> None:
        for _ in range(count // IN_FLIGHT):
            assert lab.invoke(name, PAYLOAD).ok

    threads = [threading.Thread(target=call) for _ in range(IN_FLIGHT)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return count // IN_FLIGHT * IN_FLIGHT / (time.perf_counter() - began)


def warm_pool(workers: int) -> ProcessPoolExecutor:
    """A pool whose workers have started; before there is any thread that a fork could catch in the middle of something."""
    pool = ProcessPoolExecutor(workers)
    for future in [pool.submit(echo, PAYLOAD) for _ in range(200)]:
        future.result()
    return pool


def one(rounds: int, count: int) -> dict[str, Any]:
    """One instance with concurrency 16 beside a pool of one: one call at a time, and 16 in flight."""
    found: dict[str, list[float]] = {}

    def note(**figures: float) -> None:
        for name, value in figures.items():
            found.setdefault(name, []).append(value)

    with warm_pool(1) as pool, Lab("process") as lab:
        lab.function(concurrency=IN_FLIGHT, timeout=60, max_instances=1)(echo)
        invoke = partial(lab.invoke, "echo", PAYLOAD)
        work = lambda: pool.submit(echo, PAYLOAD).result()  # noqa: E731
        flow = Flow(lab, "echo")
        assert invoke().ok
        instance = pids(lab)
        microseconds(invoke, 300)
        flow.rate(2000)
        for _ in range(rounds):
            ours, theirs = microseconds(invoke, count), microseconds(work, count)
            note(p50_us=ours, pool_p50_us=theirs, p50_ratio=ours / theirs)
        for _ in range(rounds):
            engine, worker = time.process_time(), cpu_us(instance)
            ours = flow.rate(count * 4)
            engine_us, worker_us = (time.process_time() - engine) * 1e6 / (count * 4), (cpu_us(instance) - worker) / (count * 4)
            theirs = pool_rate(pool, count * 2)
            note(rate=ours, pool_rate=theirs, rate_ratio=ours / theirs, engine_us=engine_us, worker_us=worker_us)
            ours = threads_rate(lab, "echo", count)
            note(threads_rate=ours, threads_ratio=ours / theirs)
    return found


def many(rounds: int, count: int) -> dict[str, Any]:
    """16 instances that serve one request at a time beside a pool of 16, with 16 in flight."""
    found: dict[str, list[float]] = {"rate": [], "pool_rate": [], "rate_ratio": []}
    with warm_pool(IN_FLIGHT) as pool, Lab("process") as lab:
        lab.function(timeout=60, max_instances=IN_FLIGHT)(echo)
        lab.reserve("echo", IN_FLIGHT)
        ready(lab, IN_FLIGHT)
        flow = Flow(lab, "echo")
        flow.rate(2000)
        for _ in range(rounds):
            ours, theirs = flow.rate(count * 4), pool_rate(pool, count * 2)
            for name, value in (("rate", ours), ("pool_rate", theirs), ("rate_ratio", ours / theirs)):
                found[name].append(value)
        assert len(pids(lab)) == IN_FLIGHT
    return found


def ready(lab: Lab, count: int) -> None:
    """Wait until so many instances are up."""
    there = partial(lab.instances, "echo")
    lab._driver.until(lambda: sum(view.state == "idle" for view in there()) == count, limit=int(DEADLINE * 1e6))
    assert sum(view.state == "idle" for view in there()) == count, there()


def boots(rounds: int, count: int) -> dict[str, Any]:
    """A new instance answers its first call, with a fresh interpreter and by fork; with how long each phase took of it."""
    found: dict[str, list[float]] = {}
    with Lab("process") as lab:
        bodies = lab._platform.backend.bodies  # type: ignore[attr-defined]
        for start in ("spawn", "fork"):
            lab.function(name=start, start=start, max_instances=1)(echo)
            assert lab.invoke(start).cold  # packs the function, and warms the zygote
        for _ in range(rounds * count):
            for start in ("spawn", "fork"):
                lab.limit(start, 0)
                lab._driver.until(partial(gone, bodies, start), limit=int(DEADLINE * 1e6))
                lab.limit(start, 1)
                began = time.perf_counter()
                response = lab.invoke(start, PAYLOAD)
                took = time.perf_counter() - began
                assert response.cold
                assert response.payload == PAYLOAD
                for name, seconds in (("", took), *((f"{phase.name}_", phase.duration) for phase in response.phases)):
                    found.setdefault(f"{start}_{name}ms", []).append(seconds * 1e3)
    return found


def gone(bodies: Iterable[Any], name: str) -> bool:
    """Nothing is left of a function's instances."""
    return all(body.instance.function.name != name for body in bodies)


def private_mb(pid: int) -> float:
    """Memory that a process shares with nobody."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Clean:", "Private_Dirty:"))) / 1024


def alive(rounds: int, count: int) -> dict[str, Any]:
    """`count` instances up at the same time: how fast they come, what each holds, and that each of them answers."""
    found: dict[str, list[float]] = {}
    for start in ("spawn", "fork"):
        for _ in range(rounds):
            with Lab("process") as lab:
                lab.function(start=start, max_instances=count, timeout=60)(echo)
                began = time.perf_counter()
                lab.reserve("echo", count)
                ready(lab, count)
                took = time.perf_counter() - began
                held = [private_mb(pid) for pid in pids(lab)]
                Flow(lab, "echo").rate(count * 2)
                assert len(held) == count
                found.setdefault(f"{start}_a_second", []).append(count / took)
                found.setdefault(f"{start}_private_mb", []).append(median(held))
                found.setdefault(f"{start}_most_private_mb", []).append(max(held))
    return found


PARTS: dict[str, Callable[[int, int], dict[str, Any]]] = {"one": one, "many": many, "boots": boots, "alive": alive}


def main() -> None:
    """Measure one part."""
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--core", type=int, default=None, help="run everything on this core")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=2000)
    options = parser.parse_args()
    if options.core is not None:
        os.sched_setaffinity(0, {options.core})
    print(json.dumps(PARTS[options.part](options.rounds, options.count)), flush=True)


if __name__ == "__main__":
    main()
