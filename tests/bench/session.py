"""One session: every measurement a fresh process, the tools in turn, round after round, so that noise hits all alike."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.peers import interpreter
from tests.bench.workloads import Workload, draw, save

__all__ = ["ROOT", "TOOLS", "Result", "Session", "Tool"]

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Tool:
    """A module that measures itself, the peer whose environment runs it (None: ours), and what else it is told."""

    module: str
    peer: str | None = None
    arguments: tuple[str, ...] = ()


TOOLS = {
    "fclab": Tool("tests.bench.lab_run"),
    "plain loop": Tool("tests.bench.plain_loop"),
    "tight loop": Tool("tests.bench.tight_loop"),
    "SimPy lean": Tool("tests.bench.simpy_models", "simpy", ("lean",)),
    "SimPy": Tool("tests.bench.simpy_models", "simpy"),
    "SimFaaS": Tool("tests.bench.simfaas_model", "simfaas"),
}


@dataclass(slots=True)
class Result:
    """What one tool did with one workload, round by round: the lines its processes printed."""

    workload: str
    tool: str
    samples: list[dict[str, Any]] = field(default_factory=list)

    @property
    def rates(self) -> list[float]:
        """Invocations a second of processor time, ascending."""
        return sorted(sample["done"] / sample["cpu"] for sample in self.samples)

    @property
    def rate(self) -> float:
        """Their median."""
        return float(median(self.rates))

    @property
    def noise(self) -> float:
        """Wall time over processor time, the median: 1 on an idle machine."""
        return float(median(sample["wall"] / sample["cpu"] for sample in self.samples))

    @property
    def peak(self) -> float:
        """Peak memory in bytes, the median."""
        return float(median(sample["peak"] for sample in self.samples))

    @property
    def bytes_each(self) -> float:
        """Bytes by which the process grew, for each invocation; the median."""
        return float(median(sample["grown"] / sample["done"] for sample in self.samples))

    def figure(self, name: str) -> float | None:
        """What came out, from the first sample that says so."""
        return next((sample[name] for sample in self.samples if name in sample), None)


class Session:
    """Draws numbers into `folder` once, runs processes, and collects their results."""

    def __init__(self, folder: Path, say: Callable[[str], object] = lambda text: None) -> None:
        self.folder = folder
        self.say = say
        self.results: dict[tuple[str, str], Result] = {}

    def numbers(self, work: Workload) -> Path:
        """The folder of a workload's numbers."""
        folder = self.folder / f"{work.name}-{work.count}"
        if not folder.exists():
            save(draw(work), folder)
        return folder

    def process(self, module: str, *arguments: str, python: str = sys.executable) -> dict[str, Any]:
        """Run a module of the bench in a fresh interpreter; its last line. Raises `RuntimeError` with its errors if it fails."""
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        done = subprocess.run(
            [python, "-m", module, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{module} {' '.join(arguments)} failed:\n{done.stderr}")
        line: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return line

    def measure(self, work: Workload, name: str) -> Result:
        """Add one sample; the first of fclab also reads the figures back from the recording."""
        tool = TOOLS[name]
        result = self.results.setdefault((work.name, name), Result(work.name, name))
        python = interpreter(tool.peer) if tool.peer else sys.executable
        extra = ("figures",) if name == "fclab" and not result.samples else ()
        result.samples.append(self.process(tool.module, str(self.numbers(work)), *tool.arguments, *extra, python=python))
        self.say(f"{work.name:8} {name:10} {result.samples[-1]['done'] / result.samples[-1]['cpu']:12,.0f}/s")
        return result

    def rounds(self, plan: Iterable[tuple[Workload, tuple[str, ...]]], runs: int) -> None:
        """Every workload with its tools, `runs` times over."""
        plan = list(plan)
        for _ in range(runs):
            for work, tools in plan:
                for tool in tools:
                    self.measure(work, tool)
