"""`python -m tests.bench.queues`: durable queues side by side, cycles of enqueue, lease and ack with 1 KB, as ratios of one session."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from fclab.grid import text_grid
from tests.bench.peers import interpreter
from tests.bench.session import ROOT, Session

__all__ = ["PLAN", "goals", "main"]

PLAN: tuple[tuple[str, str, int], ...] = (
    ("bare", "NORMAL", 5000), ("fclab", "NORMAL", 5000), ("fclab grouped", "NORMAL", 20_000), ("huey", "OFF", 5000),
    ("bare", "FULL", 2000), ("fclab", "FULL", 2000), ("fclab grouped", "FULL", 20_000), ("huey", "FULL", 2000),
    ("persist-queue", "FULL", 2000), ("depth", "NORMAL", 2000),
)  # fmt: skip
"""(tool, level, cycles); who is named after a peer runs in its environment."""

Samples = dict[tuple[str, str], list[dict[str, Any]]]


def ratio(samples: Samples, one: tuple[str, str], other: tuple[str, str]) -> float:
    """How many times as fast `one` was: the median over the rounds, as both ran within the same minute."""
    return float(median(a["rate"] / b["rate"] for a, b in zip(samples[one], samples[other], strict=True)))


def slower(samples: Samples, verb: str) -> float:
    """How many times as long `verb` takes with 100 000 events waiting."""
    return float(median(one[f"{verb} 100000"] / one[f"{verb} 0"] for one in samples["depth", "NORMAL"]))


def goals(samples: Samples) -> list[tuple[str, float, bool]]:
    """What was asked for, what was measured, and whether that is enough."""
    pairs = [
        ("NORMAL, of the bare loop, at least 0.7", ("fclab", "NORMAL"), ("bare", "NORMAL"), 0.7),
        ("FULL, one by one, of the bare loop, at least 1.3", ("fclab", "FULL"), ("bare", "FULL"), 1.3),
        ("FULL, with group commit, of the bare loop, at least 7", ("fclab grouped", "FULL"), ("bare", "FULL"), 7.0),
        ("FULL, of huey with fsync, which has no ack, at least 1", ("fclab", "FULL"), ("huey", "FULL"), 1.0),
        ("FULL, of persist-queue with acks, at least 1", ("fclab", "FULL"), ("persist-queue", "FULL"), 1.0),
    ]
    deep = [(f"{verb} with 100 000 waiting, at most 1.5 times as long", slower(samples, verb)) for verb in ("enqueue", "lease")]
    fast = [(text, ratio(samples, ours, theirs), least) for text, ours, theirs, least in pairs]
    return [(text, found, found >= least) for text, found, least in fast] + [(text, found, found <= 1.5) for text, found in deep]


def report(samples: Samples) -> str:
    """The rates, and how far the goals are."""
    lines = []
    for (tool, level), runs in samples.items():
        if tool == "depth":
            continue
        rates = sorted(run["rate"] for run in runs)
        base = ratio(samples, (tool, level), ("bare", "FULL" if level == "FULL" else "NORMAL"))
        lines.append([f"{tool}, {runs[0]['level']}", f"{median(rates):,.0f}", f"{rates[0]:,.0f}–{rates[-1]:,.0f}", f"{base:.2f}"])
    deep = [[f"{verb}, {count} waiting", f"{median(run[f'{verb} {count}'] for run in samples['depth', 'NORMAL']):.1f}"]
            for verb in ("enqueue", "lease") for count in (0, 100_000)]  # fmt: skip
    wanted = [[text, f"{measured:.2f}", "yes" if enough else "NO"] for text, measured, enough in goals(samples)]
    tables = (
        text_grid(("cycles of 1 KB", "a second", "min–max", "of bare"), lines),
        text_grid(("NORMAL", "µs"), deep),
        text_grid(("goal", "measured", "met"), wanted),
    )
    return "\n\n".join(tables)


def main(given: list[str] | None = None) -> int:
    """Measure in rounds, each tool in a fresh process and folder; 0, or 1 if a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.queues", description="Measure durable queues on one disk.")
    parser.add_argument("--runs", type=int, default=5, help="rounds; the median is shown")
    parser.add_argument("--quick", action="store_true", help="a fifth of the size")
    parser.add_argument("--disk", type=Path, default=None, help="a folder on the disk to measure; the temporary folder's by default")
    parser.add_argument("--out", type=Path, default=ROOT / ".artifacts" / "queues.json", help="where the JSON goes")
    options = parser.parse_args(given)
    samples: Samples = {(tool, level): [] for tool, level, _ in PLAN}
    for turn in range(options.runs):
        for tool, level, count in PLAN:
            python = interpreter(tool) if tool in ("huey", "persist-queue") else sys.executable
            with tempfile.TemporaryDirectory(prefix="fclab-bench-", dir=options.disk) as folder:
                count = count // 5 if options.quick else count
                line = Session(Path(folder)).process("tests.bench.queues_run", tool, level, str(count), folder, python=python)
            samples[tool, level].append(line)
            print(f"{turn + 1}  {tool:14} {level:7} {line.get('rate', 0):12,.0f}/s", file=sys.stderr, flush=True)
    print(report(samples))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps([[*key, runs] for key, runs in samples.items()], indent=1) + "\n", encoding="utf-8")
    return 0 if all(enough for _, _, enough in goals(samples)) else 1


if __name__ == "__main__":
    sys.exit(main())
