"""`python -m tests.bench.queues`: durable queues side by side, cycles of enqueue, lease and ack with 1 KB, as ratios of one session."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from fclab.grid import text_grid
from tests.bench.peers import PEERS, interpreter
from tests.bench.session import ROOT, Session

__all__ = ["PLAN", "goals", "main"]

Who = tuple[str, str]

PLAN: dict[Who, int] = {
    ("bare", "NORMAL"): 500, ("fclab", "NORMAL"): 500, ("fclab grouped", "NORMAL"): 2000, ("huey", "OFF"): 500,
    ("bare", "FULL"): 100, ("fclab", "FULL"): 100, ("fclab grouped", "FULL"): 2000, ("huey", "FULL"): 100, ("persist-queue", "FULL"): 100,
}  # fmt: skip
"""(tool, level) and how many cycles are one turn; a peer runs in an environment of its own."""

WARM = 500
"""Cycles that do not count: the log of a database grows in them, and is used again from then on."""


class Tool:
    """A process that does cycles when it is told to."""

    def __init__(self, who: Who, folder: str) -> None:
        self.who = who
        python = interpreter(who[0]) if who[0] in PEERS else sys.executable
        command = [python, "-m", "tests.bench.queues_run", *who, folder]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.level = str(self._line())
        self.rates: list[float] = []
        self.turn(WARM)
        self.rates.clear()

    def turn(self, count: int) -> None:
        """Do `count` cycles, and keep how many a second that was."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        self.rates.append(count / float(self._line()))

    def _line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.who} ended")
        return str(json.loads(line))

    def close(self) -> None:
        """End of its input, end of the process."""
        self.process.communicate()


def ratio(rates: dict[Who, list[float]], one: Who, other: Who) -> float:
    """How many times as fast `one` was: the median over the turns, as both had each turn within the same second."""
    return float(median(a / b for a, b in zip(rates[one], rates[other], strict=True)))


def goals(rates: dict[Who, list[float]], deep: list[dict[str, float]]) -> list[tuple[str, float, bool]]:
    """What was asked for, what was measured, and whether that is enough."""
    pairs: list[tuple[str, Who, Who, float]] = [
        ("NORMAL, of the bare loop, at least 0.7", ("fclab", "NORMAL"), ("bare", "NORMAL"), 0.7),
        ("FULL, one by one, of the bare loop, at least 1.3", ("fclab", "FULL"), ("bare", "FULL"), 1.3),
        ("FULL, with group commit, of the bare loop, at least 7", ("fclab grouped", "FULL"), ("bare", "FULL"), 7.0),
        ("FULL, with group commit, of huey with fsync, at least 1", ("fclab grouped", "FULL"), ("huey", "FULL"), 1.0),
        ("FULL, one by one, of huey, which forgets what it hands out, at least 0.8", ("fclab", "FULL"), ("huey", "FULL"), 0.8),
        ("FULL, one by one, of persist-queue with acks, at least 1", ("fclab", "FULL"), ("persist-queue", "FULL"), 1.0),
    ]
    fast = [(text, ratio(rates, ours, theirs), least) for text, ours, theirs, least in pairs]
    slow = [
        (f"{verb} with 100 000 waiting, at most 1.5 times as long", median(one[f"{verb} 100000"] / one[f"{verb} 0"] for one in deep))
        for verb in ("enqueue", "lease")
    ]
    return [(text, found, found >= least) for text, found, least in fast] + [(text, found, found <= 1.5) for text, found in slow]


def report(tools: list[Tool], rates: dict[Who, list[float]], deep: list[dict[str, float]]) -> str:
    """The rates, and how far the goals are."""
    lines = []
    for tool in tools:
        sorted_rates = sorted(rates[tool.who])
        base = ratio(rates, tool.who, ("bare", "FULL" if tool.who[1] == "FULL" else "NORMAL"))
        span = f"{sorted_rates[0]:,.0f}–{sorted_rates[-1]:,.0f}"
        lines.append([f"{tool.who[0]}, {tool.level}", f"{median(sorted_rates):,.0f}", span, f"{base:.2f}"])
    depths = [[f"{verb}, {count} waiting", f"{median(one[f'{verb} {count}'] for one in deep):.1f}"]
              for verb in ("enqueue", "lease") for count in (0, 100_000)]  # fmt: skip
    wanted = [[text, f"{measured:.2f}", "yes" if enough else "NO"] for text, measured, enough in goals(rates, deep)]
    tables = (
        text_grid(("cycles of 1 KB", "a second", "min–max", "of bare"), lines),
        text_grid(("NORMAL", "µs"), depths),
        text_grid(("goal", "measured", "met"), wanted),
    )
    return "\n\n".join(tables)


def main(given: list[str] | None = None) -> int:
    """Measure in turns, each tool in a process and a folder of its own; 0, or 1 if a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.queues", description="Measure durable queues on one disk.")
    parser.add_argument("--turns", type=int, default=40, help="of each tool; the median is shown")
    parser.add_argument("--disk", type=Path, default=None, help="a folder on the disk to measure; the temporary folder's by default")
    parser.add_argument("--out", type=Path, default=ROOT / ".artifacts" / "queues.json", help="where the JSON goes")
    options = parser.parse_args(given)
    tools: list[Tool] = []
    with tempfile.TemporaryDirectory(prefix="fclab-bench-", dir=options.disk) as top:
        try:
            tools.extend(Tool(who, tempfile.mkdtemp(dir=top)) for who in PLAN)
            for _ in range(options.turns):
                for tool in tools:
                    tool.turn(PLAN[tool.who])
        finally:
            for tool in tools:
                tool.close()
        session = Session(Path(top))
        deep = [session.process("tests.bench.queues_run", "depth", "NORMAL", tempfile.mkdtemp(dir=top)) for _ in range(3)]
    rates = {tool.who: tool.rates for tool in tools}
    print(report(tools, rates, deep))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    found = {"rates": [[*who, each] for who, each in rates.items()], "depth": deep}
    options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0 if all(enough for _, _, enough in goals(rates, deep)) else 1


if __name__ == "__main__":
    sys.exit(main())
