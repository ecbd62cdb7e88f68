"""fclab's side of the bench: a lab with the full recording, and figures read back from that recording."""

from __future__ import annotations

import sys

from fclab import Lab
from fclab.engine.placement import newest_created
from fclab.observe.metrics import metrics
from fclab.observe.recording import Recording
from tests.bench.measure import Meter
from tests.bench.workloads import SECOND, Numbers, folder_of_this_job, load

__all__ = ["figures", "prepared"]

TIMEOUT = 86_400.0


def prepared(numbers: Numbers) -> Lab:
    """A lab with the workload declared and its arrivals scheduled; nothing has run yet."""
    work = numbers.work
    lab = Lab(placement=newest_created)
    names = [f"load{number}" for number in range(work.functions)] if work.functions > 1 else ["load"]
    services: list[list[float]] = [[] for _ in names]
    arrivals: list[list[float]] = [[] for _ in names]
    if work.failures:
        services[0] = [service / SECOND for service in numbers.services]
    else:
        for function, service in zip(numbers.functions, numbers.services, strict=True):
            services[function].append(service / SECOND)
    for function, arrival in zip(numbers.functions, numbers.arrivals, strict=True):
        arrivals[function].append(arrival / SECOND)
    for name, times, took in zip(names, arrivals, services, strict=True):
        if work.failures:
            fails = iter(numbers.fails)

            @lab.function(name=name, duration=took, boot=work.boot, idle_timeout=work.keep_alive, timeout=TIMEOUT)
            def load(event: object, context: object) -> None:
                if next(fails):
                    raise RuntimeError("one in five")

        else:
            lab.declare(name, duration=took, boot=work.boot, idle_timeout=work.keep_alive, timeout=TIMEOUT)
        lab.traffic(name, arrivals=times, mode="async" if work.failures else "sync")
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
    meter = Meter()
    lab = prepared(numbers)
    lab.run()
    meter.stop()
    found = figures(lab.recording, last) if "figures" in sys.argv else {}
    meter.report(numbers.work.count, events=len(lab.recording), **found)


if __name__ == "__main__":
    main()
