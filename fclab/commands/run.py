"""Run a scenario (TOML) in virtual time and print what happened.

A scenario may hold:

    title = "Three requests, one surprise"
    until = 700                                # s; needed only where work never ends by itself

    [lab]                                      # options of Lab(): seed, profile, semantics, max_instances
    seed = 1

    [functions.hello]                          # options of lab.declare(): a model of the function, no code
    duration = 0.1
    boot = 1.0

    [[calls]]                                  # lab.invoke_at(): at (s, one or a list), mode, payload
    function = "hello"
    at = [0, 60, 600]

    [[traffic]]                                # lab.traffic(): rate (1/s), duration (s), arrivals, mode
    [[reserve]]                                # lab.reserve() at the lab time `at`: count, schedule, tracking
    [[faults]]                                 # outage = [start, end]; kill = "hello#1" with at; or arrow ("queue->dispatcher",
                                               # "boot:download") with drop, delay, crash, function, start, end, times

    [output]
    show = ["table", "metrics", "bill"]        # default: table
    export = ["run.html"]                      # files, as `fclab export` writes them

    [expect]                                   # checked at the end; exit code 1 where it does not hold
    succeeded = 3
    cold_starts = 2

Exit code 1 where [expect] does not hold or, without it, a function failed.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fclab.observe.recording import Recording

__all__ = ["add_arguments", "counts", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("scenario", metavar="SCENARIO.toml", type=Path, help="the scenario")
    parser.add_argument("--record", metavar="OUT.json", type=Path, help="keep the recording, for `fclab export` or Recording.load")


def run(options: argparse.Namespace) -> int:
    """Play the scenario, print and write what it asks for, and compare with what it expects."""
    from fclab.commands import scenario
    from fclab.observe.export import export, writable

    plan = scenario.load(options.scenario)
    files = [Path(name) for name in plan.export]
    for path in [*files, *([options.record] if options.record else [])]:
        writable(path)
    with plan.play() as lab:
        rec = lab.recording
        seen = counts(rec)
        said = ", ".join(f"{number} {name}" for name, number in seen.items()).replace("_", " ")
        print(f"{plan.title}: {said}")
        shown = {"table": lab.table, "metrics": lab.metrics, "bill": lab.bill}
        for name in plan.show:
            print(f"\n{shown[name]()}")
        for path in files:
            print(f"\nwritten: {export(rec, path)}")
        if options.record:
            print(f"\nwritten: {rec.save(options.record)}")
    wrong = [f"{name}: expected {number}, got {seen[name]}" for name, number in plan.expect.items() if seen[name] != number]
    for line in wrong:
        print(f"fclab run: {line}", file=sys.stderr)
    if not plan.expect and seen["failed"]:
        print(f"fclab run: {seen['failed']} requests failed; if that is meant, say so in [expect]", file=sys.stderr)
        return 1
    return 1 if wrong else 0


def counts(recording: Recording) -> dict[str, int]:
    """How many requests there were, by how they ended; `cold_starts` are requests that waited for a boot."""
    from fclab.observe.requests import requests

    views = requests(recording)
    ended = Counter(view.outcome for view in views)
    return {
        "requests": len(views),
        "succeeded": ended["ok"],
        "failed": ended["failed"],
        "refused": ended["refused"],
        "waiting": ended["open"],
        "cold_starts": sum(view.cold for view in views),
    }
