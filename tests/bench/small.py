"""The bench's small form: what CI can afford. A few fresh processes for each workload, tools in turn."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from tests.bench.session import Session
from tests.bench.workloads import LIVE, SIZES, WORKLOADS, Workload

__all__ = ["SMALL", "STORED", "ratios", "small_costs", "stored"]

STORED = Path(__file__).with_name("stored.json")

SMALL: dict[str, Workload] = {
    name: replace(work, name=f"small {name}", count=count)
    for name, work, count in (
        ("V1-10", WORKLOADS["V1-10"], 20_000),
        ("V1-1000", WORKLOADS["V1-1000"], 20_000),
        ("V3", WORKLOADS["V3"], 2_000),
        ("N2000", SIZES["N1000"], 2_000),
        ("L1000", LIVE["L1000"], 20_000),
    )
}


def small_costs(session: Session, runs: int = 3) -> dict[tuple[str, str], float]:
    """µs an invocation, by workload and tool: the cheapest of all runs of this session so far, for noise only ever adds."""
    tools = ("fclab", "tight loop")
    session.rounds([(work, tools) for work in SMALL.values()], runs)
    return {(name, tool): 1e6 / session.results[work.name, tool].rates[-1] for name, work in SMALL.items() for tool in tools}


def ratios(costs: dict[tuple[str, str], float]) -> dict[str, float]:
    """Cost of fclab ÷ cost of the tight loop, by workload."""
    return {name: round(costs[name, "fclab"] / costs[name, "tight loop"], 2) for name in SMALL}


def stored() -> dict[str, float]:
    """The ratios that `python -m tests.bench --store` kept."""
    kept: dict[str, float] = json.loads(STORED.read_text(encoding="utf-8"))
    return kept
