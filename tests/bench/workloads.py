"""The work that is measured: who arrives when and how long it takes, drawn once and handed to every tool as the same whole µs."""

from __future__ import annotations

import json
import sys
from array import array
from dataclasses import asdict, dataclass, replace
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any

__all__ = ["LIVE", "SECOND", "SIZES", "WORKLOADS", "Numbers", "Workload", "draw", "load", "save"]

SECOND = 1_000_000
_SPARE = 1.35
"""Services drawn for each event of a workload with failures: an execution that fails makes another one."""


@dataclass(frozen=True, slots=True)
class Workload:
    """One stream of requests. Rates are per second, times in seconds.

    rate       of all functions together, Poisson; or, if `even`, one arrival every 1/rate
    service    mean of an exponential time; if `even`, the time itself
    tail       exponent of the functions' shares: the r-th busiest has a share proportional to r ** -tail
    failures   chance that an execution fails; then events are async and retried 3 times, 0.5, 1 and 2 s after the failure
    limit      seconds after which a tool that is too slow for all of it is stopped; it then counts what it has done
    """

    name: str
    title: str
    count: int = 200_000
    rate: float = 10.0
    service: float = 0.2
    boot: float = 1.0
    keep_alive: float = 600.0
    functions: int = 1
    tail: float = 1.2
    failures: float = 0.0
    even: bool = False
    seed: int = 1
    limit: float = 20.0

    def sized(self, count: int) -> Workload:
        """The same with another number of invocations; over one day it stays one day."""
        return replace(self, count=count, rate=self.rate * count / self.count if self.functions > 1 else self.rate)


WORKLOADS = {
    one.name: one
    for one in (
        Workload("V1-10", "one function, 10 requests a second"),
        Workload("V1-1000", "one function, 1 000 requests a second", rate=1000.0),
        Workload("V2", "1 000 functions over one day, heavy-tailed", count=500_000, rate=500_000 / 86_400, functions=1000),
        Workload("V3", "async events, one execution in five fails", count=100_000, rate=100.0, failures=0.2),
        Workload("V4", "10 000 instances alive at once", rate=1000.0, service=10.0),
    )
}
"""What the table shows. V2's full size is 10 million a day: `sized(10_000_000)`."""

RARE = Workload("rare", "one request in 1 000 s", count=20_000, rate=0.001, keep_alive=1000.0, seed=7)
"""Where theory is exact: an instance is warm if the next request comes within the keep-alive, so p_cold = e^-1."""

SIZES = {
    f"N{count}": replace(WORKLOADS["V1-10"], name=f"N{count}", title=f"{count:,} invocations".replace(",", " "), count=count)
    for count in (1_000, 10_000, 100_000, 1_000_000)
}
LIVE = {
    f"L{live}": Workload(
        f"L{live}",
        f"{live:,} live".replace(",", " "),
        count=max(100_000, 40 * live),
        rate=1000.0,
        service=(live - 0.5) / 1000,
        boot=0.0,
        even=True,
    )
    for live in (1, 10, 100, 1_000, 10_000)
}
"""A request every millisecond that takes `live` - ½ milliseconds: exactly that many instances, none ever idle for long."""


@dataclass(slots=True)
class Numbers:
    """Columns in µs, by request. Where events are retried, services go by placements and `fails` by executions as they end."""

    work: Workload
    arrivals: array[int]
    services: array[int]
    functions: array[int]
    fails: array[int]


_COLUMNS = {"arrivals": "q", "services": "q", "functions": "H", "fails": "B"}


def draw(work: Workload) -> Numbers:
    """Draw the numbers of a workload: always the same for the same seed."""
    random = Random(work.seed)
    arrivals, services = array("q"), array("q")
    time = 0.0
    for number in range(work.count):
        time = (number + 1) / work.rate if work.even else time + random.expovariate(work.rate)
        arrivals.append(round(time * SECOND))
        services.append(round((work.service if work.even else random.expovariate(1 / work.service)) * SECOND))
    made = Numbers(work, arrivals, services, array("H", bytes(2 * work.count)), array("B"))
    if work.functions > 1:
        shares = list(accumulate((rank + 1) ** -work.tail for rank in range(work.functions)))
        made.functions = array("H", random.choices(range(work.functions), cum_weights=shares, k=work.count))
    if work.failures:
        tries = round(work.count * _SPARE)
        made.services.extend(round(random.expovariate(1 / work.service) * SECOND) for _ in range(work.count, tries))
        made.fails = array("B", (random.random() < work.failures for _ in range(tries)))
    return made


def save(numbers: Numbers, folder: Path) -> None:
    """Write the numbers where `load` finds them; `folder` is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in _COLUMNS:
        (folder / name).write_bytes(getattr(numbers, name).tobytes())
    (folder / "work.json").write_text(json.dumps(asdict(numbers.work)), encoding="utf-8")


def load(folder: Path) -> Numbers:
    """Read what `save` wrote, column by column, without a second copy of any."""
    work: dict[str, Any] = json.loads((folder / "work.json").read_text(encoding="utf-8"))
    columns: dict[str, array[int]] = {}
    for name, code in _COLUMNS.items():
        columns[name] = array(code)
        path = folder / name
        with path.open("rb") as file:
            columns[name].fromfile(file, path.stat().st_size // columns[name].itemsize)
    return Numbers(Workload(**work), **columns)


def folder_of_this_job() -> Path:
    """The numbers' folder: the first argument of every tool's module."""
    return Path(sys.argv[1])
