"""SimFaaS's own simulator, fed the shared numbers. Run by SimFaaS's own environment: `python -m tests.bench.simfaas_model DIR`."""

from __future__ import annotations

from simfaas.ServerlessSimulator import ServerlessSimulator  # type: ignore[import-not-found,unused-ignore]
from simfaas.SimProcess import SimProcess  # type: ignore[import-not-found,unused-ignore]

from tests.bench.measure import Meter
from tests.bench.workloads import SECOND, folder_of_this_job, load


class Gaps(SimProcess):  # type: ignore[misc,unused-ignore]
    """The time to the next arrival, in seconds."""

    def __init__(self, arrivals: list[float]) -> None:
        self.gaps = iter([after - before for before, after in zip([0.0, *arrivals], arrivals, strict=False)])

    def generate_trace(self) -> float:
        return next(self.gaps, 1e18)


class Services(SimProcess):  # type: ignore[misc,unused-ignore]
    """The next service time, in seconds, a boot longer if cold. Requests start in order of arrival, so warm and cold share one line."""

    def __init__(self, services: list[float], boot: float) -> None:
        self.services, self.boot = services, boot

    def generate_trace(self) -> float:
        return self.services.pop() + self.boot


class Limited(ServerlessSimulator):  # type: ignore[misc,unused-ignore]
    """Stops at the last arrival, or when its time is up."""

    def within(self, count: int, limit: float) -> None:
        self.count, self.limit, self.asked = count, limit, 0
        self.meter = Meter()

    def trace_condition(self, time: float) -> bool:
        self.asked += 1
        if not self.asked & 63 and self.meter.elapsed > self.limit:
            return False
        return bool(self.total_req_count < self.count)


def main() -> None:
    numbers = load(folder_of_this_job())
    work = numbers.work
    services = [time / SECOND for time in reversed(numbers.services)]
    simulator = Limited(
        arrival_process=Gaps([time / SECOND for time in numbers.arrivals]),
        warm_service_process=Services(services, 0.0),
        cold_service_process=Services(services, work.boot),
        expiration_threshold=work.keep_alive,
        max_time=1e18,
        maximum_concurrency=10**9,
    )
    simulator.within(work.count, work.limit)
    simulator.generate_trace()
    simulator.meter.stop()
    running, instances = simulator.get_average_server_running_count(), simulator.get_average_server_count()
    simulator.meter.report(
        int(simulator.total_req_count), cold=int(simulator.total_cold_count), running=float(running), instances=float(instances)
    )


if __name__ == "__main__":
    main()
