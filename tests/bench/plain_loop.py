"""The loop that the goals mean: what one writes in an afternoon to get the same answer, and runs as a script.

Times are seconds, the code stands at the top level, each request leaves its duration in a list and nothing else is recorded. `tight_loop`
gives the same answer about twice as fast: it is this loop after somebody who knows the interpreter has been at it.
"""

from __future__ import annotations

from heapq import heappop, heappush

from tests.bench.measure import Meter
from tests.bench.workloads import SECOND, folder_of_this_job, load

END, TIMER = 1, 2
BUSY, IDLE, GONE = 0, 1, 2

if __name__ == "__main__":
    numbers = load(folder_of_this_job())
    boot, keep_alive = numbers.work.boot, numbers.work.keep_alive
    arrivals = [time / SECOND for time in numbers.arrivals]
    services = [time / SECOND for time in numbers.services]
    count, never = len(arrivals), float("inf")
    meter = Meter()
    events: list[tuple[float, int, int, int]] = []
    idle: list[int] = []  # a heap of negative numbers: the newest instance comes out first
    state: list[int] = []
    idle_since: list[float] = []
    has_timer: list[bool] = []
    durations: list[float] = []
    arrived = serial = busy = alive = cold = 0
    last = busy_time = alive_time = 0.0
    while arrived < count:
        time = arrivals[arrived]
        if time < (events[0][0] if events else never):
            busy_time += busy * (time - last)
            alive_time += alive * (time - last)
            last = time
            found = -1
            while idle:
                newest = -heappop(idle)
                if state[newest] == IDLE:
                    found = newest
                    break
            duration = services[arrived]
            if found < 0:
                cold += 1
                found = len(state)
                state.append(BUSY)
                idle_since.append(0.0)
                has_timer.append(False)
                alive += 1
                duration += boot
            else:
                state[found] = BUSY
            busy += 1
            durations.append(duration)
            serial += 1
            heappush(events, (time + duration, serial, END, found))
            arrived += 1
        else:
            time, _, kind, instance = heappop(events)
            busy_time += busy * (time - last)
            alive_time += alive * (time - last)
            last = time
            if kind == END:
                busy -= 1
                state[instance] = IDLE
                idle_since[instance] = time
                heappush(idle, -instance)
                if not has_timer[instance]:
                    has_timer[instance] = True
                    serial += 1
                    heappush(events, (time + keep_alive, serial, TIMER, instance))
            elif state[instance] == BUSY:
                has_timer[instance] = False
            elif idle_since[instance] + keep_alive > time:
                serial += 1
                heappush(events, (idle_since[instance] + keep_alive, serial, TIMER, instance))
            else:
                state[instance] = GONE
                alive -= 1
    meter.stop()
    mean = sum(durations) / count
    meter.report(count, cold=cold, mean=mean, running=busy_time / last, instances=alive_time / last)
