"""`python -m tests.bench`: measure, print the table, write the numbers as JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench.peers import PEERS
from tests.bench.session import ROOT, TOOLS, Session
from tests.bench.small import STORED, ratios, small_costs
from tests.bench.table import goals, report
from tests.bench.workloads import LIVE, RARE, SIZES, WORKLOADS, Workload

PARTS = ("V1", "V2", "V3", "V4", "scale", "views")
_ONLY = {"SimFaaS": ("V1-10", "V1-1000"), "plain loop": ("V1-10", "V1-1000")}
QUICK = {"V1-10": 20_000, "V1-1000": 20_000, "V2": 50_000, "V3": 10_000, "V4": 50_000}


def arguments(given: list[str]) -> argparse.Namespace:
    """The command line, read and checked."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure fclab beside its peers on the same numbers.")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART", help=f"of: {', '.join(PARTS)}")
    parser.add_argument("--runs", type=int, default=None, help="rounds; the median is shown (5, or 2 with --quick)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the size")
    parser.add_argument("--peers", nargs="+", choices=[*PEERS, "none"], default=list(PEERS), help="which to install and measure")
    parser.add_argument("--day", type=int, default=None, metavar="N", help="invocations of V2's day (500 000; the stretch is 10 000 000)")
    parser.add_argument("--out", type=Path, default=ROOT / ".artifacts" / "bench.json", help="where the JSON goes")
    parser.add_argument("--store", action="store_true", help="measure the small form only, and keep its ratios for the guard in CI")
    return parser.parse_args(given)


def tools(work: Workload, peers: list[str]) -> tuple[str, ...]:
    """Who does a workload: everybody V1, fclab and the tight loop the curves. SimFaaS and the plain loop know neither several functions
    nor retries; SimFaaS would need hours for V4, and the plain loop's sums of seconds break some of its ties the other way."""
    if work.name not in WORKLOADS:
        return ("fclab", "tight loop")
    return tuple(
        name for name, tool in TOOLS.items() if tool.peer in (None, *peers) and work.name in _ONLY.get(name, WORKLOADS)
    )


def chosen(options: argparse.Namespace) -> list[Workload]:
    """The workloads of a session, in the order of the report."""
    works = [work for name, work in WORKLOADS.items() if name.partition("-")[0] in options.only]
    if options.quick:
        works = [work.sized(QUICK[work.name]) for work in works]
    if options.day:
        works = [work.sized(options.day) if work.name == "V2" else work for work in works]
    if "scale" in options.only:
        works += [work for work in (*SIZES.values(), *LIVE.values()) if not options.quick or work.count <= 100_000]
    return works


def machine() -> dict[str, Any]:
    """What the numbers depend on."""
    load = os.getloadavg() if hasattr(os, "getloadavg") else ()
    return {
        "python": platform.python_version(), "implementation": platform.python_implementation(), "system": platform.system(),
        "processor": platform.machine(), "cores": os.cpu_count(), "load": list(load), "peers": PEERS,
    }  # fmt: skip


def say(text: str) -> None:
    """What goes on, beside the report."""
    print(text, file=sys.stderr, flush=True)


def main(given: list[str] | None = None) -> int:
    """Run what is asked for; 0."""
    options = arguments(sys.argv[1:] if given is None else given)
    with tempfile.TemporaryDirectory(prefix="fclab-bench-") as folder:
        session = Session(Path(folder), say)
        if options.store:
            kept = ratios(small_costs(session, options.runs or 7))
            STORED.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
            print(json.dumps(kept))
            return 0
        peers = [] if "none" in options.peers else options.peers
        works = chosen(options)
        before = machine()
        started = datetime.now(UTC)
        plan = [(work, tools(work, peers)) for work in works]
        if "V1" in options.only:
            session.rounds([(RARE, ("fclab", "tight loop"))], 1)
        session.rounds(plan, options.runs or (2 if options.quick else 5))
        views = session.process("tests.bench.views_run") if "views" in options.only else {}
    print(report(session.results, views, works))
    found = {
        "started": started.isoformat(timespec="seconds"),
        "machine": before,
        "works": [asdict(work) for work in works],
        "results": [{**asdict(one), "rate": one.rate, "bytes_each": one.bytes_each} for one in session.results.values()],
        "views": views,
        "goals": [{"goal": goal, "measured": measured, "reached": reached} for goal, measured, reached in goals(session.results, views)],
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    say(f"written: {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
