"""What a session found, as text: a table for each workload, the curves, the views, and how far the goals are."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, isclose, sqrt
from typing import Any

from fclab.grid import text_grid
from tests.bench.session import TOOLS, Result
from tests.bench.workloads import LIVE, SIZES, WORKLOADS, Workload

__all__ = ["goals", "report"]

Results = dict[tuple[str, str], Result]

_HEADER = ("", "a second", "min–max", "fclab is", "peak MiB", "B each", "wall/CPU", "cold", "running", "instances", "failed")


def _thousands(number: float) -> str:
    return f"{number:,.0f}".replace(",", " ")


def _shown(value: float | None, digits: int = 6) -> str:
    return "" if value is None else str(value) if isinstance(value, int) else f"{value:.{digits}f}"


def workload_table(work: Workload, results: Results) -> str:
    """One line a tool: median rate, its range, how many times as fast fclab is, memory, and what came out."""
    ours = results.get((work.name, "fclab"))
    lines: list[Sequence[str]] = []
    for tool in TOOLS:
        one = results.get((work.name, tool))
        if one is None:
            continue
        span = f"{_thousands(one.rates[0])}–{_thousands(one.rates[-1])}"
        ratio = "" if ours is None or one is ours else f"{ours.rate / one.rate:.2f} ×"
        figures = [_shown(one.figure(name)) for name in ("cold", "running", "instances")]
        failed = _shown(one.figure("failed")) if work.failures else ""
        memory = [f"{one.peak / 2**20:.0f}", f"{one.bytes_each:.0f}"]
        done = min(sample["done"] for sample in one.samples)
        name = tool if done >= work.count else f"{tool} (stopped at {_thousands(done)})"
        lines.append([name, _thousands(one.rate), span, ratio, *memory, f"{one.noise:.2f}", *figures, failed])
    title = f"{work.name}: {work.title}, {_thousands(work.count)} invocations"
    return f"{title}\n{text_grid(_HEADER, lines)}"


def curve_table(title: str, works: Sequence[Workload], results: Results) -> str:
    """µs an invocation of fclab and of the tight loop, their ratio, and the share of cold starts, which cost more."""
    lines = []
    for work in works:
        ours, loop = results.get((work.name, "fclab")), results.get((work.name, "tight loop"))
        if ours is None or loop is None:
            continue
        cold = (ours.figure("cold") or 0) / work.count
        lines.append([work.title, f"{1e6 / ours.rate:.2f}", f"{1e6 / loop.rate:.3f}", f"{loop.rate / ours.rate:.1f}", f"{cold:.1%}"])
    return f"{title}\n{text_grid(('', 'fclab µs', 'tight loop µs', 'ratio', 'cold'), lines)}"


def goals(results: Results, views: dict[str, Any]) -> list[tuple[str, str, bool]]:
    """(goal, what was measured, reached) for every goal whose measurements are there. "The floor" of the goals is the plain loop."""
    found: list[tuple[str, str, bool]] = []

    def rate(work: str, tool: str) -> float | None:
        one = results.get((work, tool))
        return one.rate if one is not None else None

    def at_least(goal: str, value: float | None, least: float) -> None:
        if value is not None:
            found.append((goal, f"{value:.2f} ×", value >= least))

    def at_most(goal: str, value: float | None, most: float, text: str = "{:.2f} ×") -> None:
        if value is not None:
            found.append((goal, text.format(value), value <= most))

    def ratio(a: float | None, b: float | None) -> float | None:
        return a / b if a and b else None

    for work in ("V1-10", "V1-1000"):
        ours = rate(work, "fclab")
        at_least(f"{work}: at least SimPy × 2", ratio(ours, rate(work, "SimPy")), 2)
        at_most(f"{work}: within 4 × of the plain loop", ratio(rate(work, "plain loop"), ours), 4)
        at_least(f"{work}: stretch, lean SimPy", ratio(ours, rate(work, "SimPy lean")), 1)
    at_least("V1-1000: at least SimFaaS × 45", ratio(rate("V1-1000", "fclab"), rate("V1-1000", "SimFaaS")), 45)
    slower = ratio(rate("V1-10", "fclab"), rate("V1-1000", "fclab"))
    loop_slower = ratio(rate("V1-10", "plain loop"), rate("V1-1000", "plain loop"))
    at_most("from 10 to 1 100 instances: at most 1.5 × slower", slower, 1.5)
    at_most("and at most 1.15 × the plain loop's own slow-down", ratio(slower, loop_slower), 1.15)
    for title, works in (("from 10³ to 10⁶ invocations", SIZES), ("from 1 to 10⁴ live instances", LIVE)):
        costs = [1 / speed for name in works if (speed := rate(name, "fclab"))]
        if len(costs) > 1:
            at_most(f"{title}: dearest ÷ cheapest, 1.2 ÷ 0.8", max(costs) / min(costs), 1.2 / 0.8)
    for work in ("V1-10", "V1-1000"):
        if (work, "fclab") in results:
            at_most(f"{work}: at most 600 bytes an invocation", results[work, "fclab"].bytes_each, 600, "{:.0f} B")
    day = rate("V2", "fclab")
    at_most("V2: stretch, 10 million in 60 s (extrapolated)", 1e7 / day if day else None, 60, "{:.0f} s")
    for name in ("spans", "hops"):
        at_most(f"{name}() of a million events in 2 s", views.get(name), 2, "{:.2f} s")
    at_most("first paint of 100 000 spans in 300 ms", views.get("paint_ms"), 300, "{:.0f} ms")
    return found


def agreement(results: Results) -> list[str]:
    """Where a tool that did all of a workload came to another answer than fclab's recording; empty if nowhere."""
    wrong = []
    for name, work in WORKLOADS.items():
        ours = results.get((name, "fclab"))
        for tool in TOOLS:
            one = results.get((name, tool))
            if ours is None or one is None or one is ours or any(sample["done"] < work.count for sample in one.samples):
                continue
            for figure in ("cold", "failed") if work.failures else ("cold", "running", "instances"):
                a, b = ours.figure(figure), one.figure(figure)
                if a is not None and b is not None and not isclose(a, b, rel_tol=1e-6):
                    wrong.append(f"{name}: {figure} is {a} in fclab, {b} in {tool}")
    return wrong


def theory(rare: Result) -> str:
    """p_cold beside e^-λT, for one request in 1 000 s kept alive for 1 000 s."""
    count = rare.samples[0]["done"]
    p = (rare.figure("cold") or 0) / count
    return f"rare traffic: p_cold {p:.5f}, theory e^-1 = {exp(-1):.5f}, standard deviation {sqrt(p * (1 - p) / count):.5f}"


def report(results: Results, views: dict[str, Any], works: Sequence[Workload]) -> str:
    """Everything, in the order in which one wants to know it."""
    parts = [workload_table(work, results) for work in works if work.name in WORKLOADS]
    for title, curve in (("Cost of an invocation, by how many", SIZES), ("Cost of an invocation, by live instances", LIVE)):
        measured = [work for work in works if work.name in curve]
        if measured:
            parts.append(curve_table(title, measured, results))
    if ("rare", "fclab") in results:
        parts.append(theory(results["rare", "fclab"]))
    if views:
        parts.append("\n".join(["Views", *(f"{name}: {value:.4g}" for name, value in views.items() if isinstance(value, float))]))
    wrong = agreement(results)
    if any(tool != "fclab" for _, tool in results):
        parts.append("\n".join(["The tools disagree:", *wrong]) if wrong else "All tools that did all of a workload agree.")
    told = [(goal, measured, "yes" if reached else "NO") for goal, measured, reached in goals(results, views)]
    if told:
        parts.append(text_grid(("goal", "measured", "reached"), told))
    return "\n\n".join(parts)
