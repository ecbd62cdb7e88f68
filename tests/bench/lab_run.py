"""fclab's side of the bench: a lab with the full recording, and figures read back from that recording."""

from __future__ import annotations

import sys

from fclab import Lab
from fclab.engine.placement import newest_created
from fclab.observe.metrics import metrics
from fclab.observe.recording import Recording
from tests.bench.measure import Meter
from tests.bench.workloads import SECOND, Numbers, folder_of_this_job, load

__all__ = ["dealt", "figures", "prepared"]

TIMEOUT = 86_400.0


def dealt(numbers: Numbers) -> list[tuple[str, list[float], list[float]]]:
    """Name, arrivals and services (seconds) of each function."""
    work = numbers.work
    names = [f"load{number}" for number in range(work.functions)] if work.functions > 1 else ["load"]
    services: list[list[float]] = [[] for _ in names]
    arrivals: list[list[float]] = [[] for _ in names]
    for function, arrival, service in zip(numbers.functions, numbers.arrivals, numbers.services, strict=False):
        arrivals[function].append(arrival / SECOND)
        services[function].append(service / SECOND)
    services[0] += [service / SECOND for service in numbers.services[work.count :]]
    return list(zip(names, arrivals, services, strict=True))


def prepared(numbers: Numbers, functions: list[tuple[str, list[float], list[float]]]) -> Lab:
    """A lab with the functions declared and their arrivals scheduled; nothing has run yet."""
    work = numbers.work
    lab = Lab(placement=newest_created)
    fails = iter(numbers.fails)

    def one_in_five(event: object, context: object) -> None:
        if next(fails):
            raise RuntimeError("one in five")

    for name, arrivals, services in functions:
        if work.failures:
            options = {"duration": services, "boot": work.boot, "idle_timeout": work.keep_alive, "timeout": TIMEOUT}
            lab.function(name=name, **options)(one_in_five)
        else:
            lab.declare(name, duration=services, boot=work.boot, idle_timeout=work.keep_alive, timeout=TIMEOUT)
        lab.traffic(name, arrivals=arrivals, mode="async" if work.failures else "sync")
    return lab


def figures(recording: Recording, last: float) -> dict[str, float]:
    """What the peers also report, over [0, last) seconds: cold starts, requests on an instance, instances."""
    found = metrics(recording)
    on_instance = found.running.mean(0, last) + found.waiting.mean(0, last)
    failed = found.outcomes["function error"]
    return {"cold": found.cold, "running": on_instance, "instances": found.instances.mean(0, last), "failed": failed}


def main() -> None:
    numbers = load(folder_of_this_job())
    last = numbers.arrivals[-1] / SECOND
    functions = dealt(numbers)
    Lab().close()  # the first one also imports what labs need; the peers' imports are not measured either
    meter = Meter()
    lab = prepared(numbers, functions)
    lab.run()
    meter.stop()
    found = figures(lab.recording, last) if "figures" in sys.argv else {}
    meter.report(numbers.work.count, events=len(lab.recording), **found)


if __name__ == "__main__":
    main()
