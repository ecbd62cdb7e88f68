"""The least a Python program can do for the same answer: one loop around a heap inside a function, nothing recorded, nothing kept."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush

from tests.bench.measure import Meter
from tests.bench.workloads import SECOND, Numbers, folder_of_this_job, load

__all__ = ["Result", "one_function", "retries", "several_functions"]

_END, _RETRY, _ARRIVAL, _EXPIRY = range(4)
"""Kinds of what is due, in the order in which they happen at one instant."""
_BUSY, _IDLE, _GONE = 0, 1, 2


@dataclass(slots=True)
class Result:
    """Cold starts; averages over [0, last arrival) of requests on an instance (booting or running) and of instances, if kept."""

    cold: int
    running: float = 0.0
    instances: float = 0.0
    executions: int = 0
    failed: int = 0


def one_function(numbers: Numbers) -> Result:
    """Newest idle instance first, one armed timer an instance."""
    arrivals, services = numbers.arrivals.tolist(), numbers.services.tolist()
    boot, keep = round(numbers.work.boot * SECOND), round(numbers.work.keep_alive * SECOND)
    due: list[tuple[int, int, int, int]] = []
    idle: list[int] = []
    state: list[int] = []
    since: list[int] = []
    armed: list[bool] = []
    serial = last = running = alive = ran = lived = 0
    for arrival, service in zip(arrivals, services, strict=True):
        while due and due[0][0] <= arrival:
            now, _, kind, one = heappop(due)
            ran += running * (now - last)
            lived += alive * (now - last)
            last = now
            if kind == _END:
                running -= 1
                state[one] = _IDLE
                since[one] = now
                heappush(idle, -one)
                if not armed[one]:
                    armed[one] = True
                    serial += 1
                    heappush(due, (now + keep, serial, _EXPIRY, one))
            elif state[one] != _IDLE:
                armed[one] = False
            elif since[one] + keep > now:
                serial += 1
                heappush(due, (since[one] + keep, serial, _EXPIRY, one))
            else:
                state[one] = _GONE
                alive -= 1
        ran += running * (arrival - last)
        lived += alive * (arrival - last)
        last = arrival
        one = -1
        while idle:
            found = -heappop(idle)
            if state[found] == _IDLE:
                one = found
                break
        if one < 0:
            one = len(state)
            state.append(_BUSY)
            since.append(0)
            armed.append(False)
            alive += 1
            service += boot
        else:
            state[one] = _BUSY
        running += 1
        serial += 1
        heappush(due, (arrival + service, serial, _END, one))
    return Result(len(state), ran / last, lived / last, len(arrivals))


def several_functions(numbers: Numbers) -> Result:
    """The same with a set of idle instances for each function."""
    arrivals, services, functions = numbers.arrivals.tolist(), numbers.services.tolist(), numbers.functions.tolist()
    boot, keep = round(numbers.work.boot * SECOND), round(numbers.work.keep_alive * SECOND)
    due: list[tuple[int, int, int, int]] = []
    idle: list[list[int]] = [[] for _ in range(numbers.work.functions)]
    state: list[int] = []
    since: list[int] = []
    armed: list[bool] = []
    owner: list[int] = []
    serial = 0
    for arrival, service, function in zip(arrivals, services, functions, strict=True):
        while due and due[0][0] <= arrival:
            now, _, kind, one = heappop(due)
            if kind == _END:
                state[one] = _IDLE
                since[one] = now
                heappush(idle[owner[one]], -one)
                if not armed[one]:
                    armed[one] = True
                    serial += 1
                    heappush(due, (now + keep, serial, _EXPIRY, one))
            elif state[one] != _IDLE:
                armed[one] = False
            elif since[one] + keep > now:
                serial += 1
                heappush(due, (since[one] + keep, serial, _EXPIRY, one))
            else:
                state[one] = _GONE
        free = idle[function]
        one = -1
        while free:
            found = -heappop(free)
            if state[found] == _IDLE:
                one = found
                break
        if one < 0:
            one = len(state)
            state.append(_BUSY)
            since.append(0)
            armed.append(False)
            owner.append(function)
            service += boot
        else:
            state[one] = _BUSY
        serial += 1
        heappush(due, (arrival + service, serial, _END, one))
    return Result(len(state), executions=len(arrivals))


def retries(numbers: Numbers, most: int = 3) -> Result:
    """Events that may fail: `most` retries, the first after 0.5 s, each later one after twice as long."""
    boot, keep = round(numbers.work.boot * SECOND), round(numbers.work.keep_alive * SECOND)
    due: list[tuple[int, int, int, int, int]] = [(time, _ARRIVAL, n, 1, 0) for n, time in enumerate(numbers.arrivals)]
    services, fails = iter(numbers.services.tolist()), iter(numbers.fails.tolist())
    idle: list[int] = []
    state: list[int] = []
    since: list[int] = []
    armed: list[bool] = []
    serial, executions, failed = len(due), 0, 0
    left = len(due)
    while left:
        now, kind, _, attempt, one = heappop(due)
        serial += 1
        if kind in (_RETRY, _ARRIVAL):
            one = -1
            while idle:
                found = -heappop(idle)
                if state[found] == _IDLE:
                    one = found
                    break
            if one < 0:
                one = len(state)
                state.append(_BUSY)
                since.append(0)
                armed.append(False)
                heappush(due, (now + boot + next(services), _END, serial, attempt, one))
            else:
                state[one] = _BUSY
                heappush(due, (now + next(services), _END, serial, attempt, one))
        elif kind == _END:
            executions += 1
            state[one] = _IDLE
            since[one] = now
            heappush(idle, -one)
            if not armed[one]:
                armed[one] = True
                serial += 1
                heappush(due, (now + keep, _EXPIRY, serial, 0, one))
            if not next(fails):
                left -= 1
            elif attempt <= most:
                heappush(due, (now + (SECOND // 2 << attempt - 1), _RETRY, serial, attempt + 1, 0))
            else:
                failed += 1
                left -= 1
        elif state[one] != _IDLE:
            armed[one] = False
        elif since[one] + keep > now:
            heappush(due, (since[one] + keep, _EXPIRY, serial, 0, one))
        else:
            state[one] = _GONE
    return Result(len(state), executions=executions, failed=failed)


def run(numbers: Numbers) -> Result:
    """The loop that fits the workload."""
    if numbers.work.failures:
        return retries(numbers)
    return several_functions(numbers) if numbers.work.functions > 1 else one_function(numbers)


def main() -> None:
    numbers = load(folder_of_this_job())
    meter = Meter()
    found = run(numbers)
    meter.stop()
    averages = {"running": found.running, "instances": found.instances} if found.running else {}
    meter.report(numbers.work.count, cold=found.cold, failed=found.failed, **averages)


if __name__ == "__main__":
    main()
