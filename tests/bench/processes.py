"""`python -m tests.bench.processes`: what real instances cost beside a `ProcessPoolExecutor`, as a table and as JSON.

Each part runs in a process of its own, where ours and the pool take turns, round by round. On one core, because the wake-up of a second
one costs more than all the rest and depends on what else the machine does; then once more as the system schedules it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import gettempdir
from typing import Any

from fclab.grid import text_grid
from tests.bench.__main__ import machine, say
from tests.bench.session import ROOT, Session

__all__ = ["goals", "measure", "report"]

PARTS = {
    "one": ("--core", "0"),
    "one, free": (),
    "many": ("--core", "0"),
    "many, free": (),
    "boots": ("--core", "0"),
    "boots, free": (),
    "alive": (),
}
"""Each part and where it runs."""

_COUNTS = {"one": (7, 2000), "many": (5, 2000), "boots": (1, 40), "alive": (1, 200)}
_QUICK = {"one": (3, 400), "many": (2, 400), "boots": (1, 8), "alive": (1, 40)}

Found = dict[str, dict[str, list[float]]]

_ROWS = (
    ("one", "p50_us", "one call at a time, p50", "µs", "pool_p50_us", "p50_ratio"),
    ("one", "rate", "16 in flight", "/s", "pool_rate", "rate_ratio"),
    ("one", "threads_rate", "16 threads that call", "/s", "pool_rate", "threads_ratio"),
    ("one", "engine_us", "16 in flight, the lab's processor time a request", "µs", "", ""),
    ("one", "worker_us", "16 in flight, the instance's", "µs", "", ""),
    ("many", "rate", "16 instances, 16 in flight", "/s", "pool_rate", "rate_ratio"),
    ("boots", "spawn_ms", "new instance answers, fresh interpreter", "ms", "", ""),
    ("boots", "fork_ms", "new instance answers, fork", "ms", "", ""),
    ("alive", "spawn_private_mb", "alive together, private memory of each, fresh", "MB", "", ""),
    ("alive", "fork_private_mb", "alive together, private memory of each, fork", "MB", "", ""),
    ("alive", "spawn_a_second", "booted together, fresh", "/s", "", ""),
    ("alive", "fork_a_second", "booted together, fork", "/s", "", ""),
)
"""Part, figure, what it is, its unit, the pool's figure, the ratio."""


def measure(parts: list[str], quick: bool = False) -> Found:
    """The figures of every part, round by round."""
    session = Session(Path(gettempdir()))
    found: Found = {}
    for name in parts:
        kind = name.partition(",")[0]
        rounds, count = (_QUICK if quick else _COUNTS)[kind]
        say(f"{name}: {rounds} rounds of {count}")
        found[name] = session.process("tests.bench.lives", kind, "--rounds", str(rounds), "--count", str(count), *PARTS[name])
    return found


def _span(values: list[float]) -> list[str]:
    digits = 0 if max(values) >= 1000 else 2 if max(values) < 10 else 1
    return [f"{median(values):,.{digits}f}", f"{min(values):,.{digits}f}–{max(values):,.{digits}f}"]


def _lines(found: Found) -> Iterator[list[str]]:
    for part, figures in found.items():
        where = "free" if part.endswith("free") or not PARTS[part] else "one core"
        for kind, figure, title, unit, pool, ratio in _ROWS:
            if part.partition(",")[0] == kind:
                theirs = _span(figures[pool])[0] if pool else ""
                times = f"{median(figures[ratio]):.2f} ×" if ratio else ""
                yield [title, where, *_span(figures[figure]), unit, theirs, times]


def goals(found: Found) -> list[tuple[str, str, bool]]:
    """(goal, what was measured, reached) for each whose measurement is there."""
    told: list[tuple[str, str, bool]] = []

    def goal(text: str, part: str, figure: str, unit: str, reached: Callable[[float], bool]) -> None:
        if part in found:
            value = median(found[part][figure])
            told.append((text, f"{value:.2f} {unit}", reached(value)))

    goal("one call at a time: at most 0.6 × the pool's time", "one", "p50_ratio", "×", lambda value: value <= 0.6)
    goal("16 in flight: at least 2 × the pool's rate", "one", "rate_ratio", "×", lambda value: value >= 2)
    goal("16 instances: at least the pool's rate", "many", "rate_ratio", "×", lambda value: value >= 1)
    goal("a fresh instance answers within 15 ms", "boots", "spawn_ms", "ms", lambda value: value <= 15)
    goal("a forked instance answers within 3 ms", "boots", "fork_ms", "ms", lambda value: value <= 3)
    goal("200 alive together: under 12 MB of private memory each", "alive", "spawn_most_private_mb", "MB", lambda value: value < 12)
    goal("200 alive together by fork: under 12 MB of private memory each", "alive", "fork_most_private_mb", "MB", lambda value: value < 12)
    if "one" in found:
        both = [sum(pair) for pair in zip(found["one"]["engine_us"], found["one"]["worker_us"], strict=True)]
        told.append(("processor time a request: at most 15 µs", f"{median(both):.1f} µs", median(both) <= 15))
    return told


def report(found: Found) -> str:
    """The table, and how far the goals are."""
    header = ("", "where", "median", "min–max", "", "pool", "fclab is")
    told = [(text, value, "yes" if reached else "NO") for text, value, reached in goals(found)]
    return f"{text_grid(header, list(_lines(found)))}\n\n{text_grid(('goal', 'measured', 'reached'), told)}"


def main(given: list[str] | None = None) -> int:
    """Run what is asked for; 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.processes", description="Measure Lab('process') beside a process pool.")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART", help=f"of: {'; '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="a fifth of the size")
    parser.add_argument("--out", type=Path, default=ROOT / ".artifacts" / "processes.json", help="where the JSON goes")
    options = parser.parse_args(sys.argv[1:] if given is None else given)
    before, started = machine(), datetime.now(UTC)
    found = measure(options.only, options.quick)
    print(report(found))
    told = [{"goal": text, "measured": value, "reached": reached} for text, value, reached in goals(found)]
    kept: dict[str, Any] = {"started": started.isoformat(timespec="seconds"), "machine": before, "figures": found, "goals": told}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    say(f"written: {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
