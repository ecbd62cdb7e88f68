"""Lesson 06: what its answers quote, and the exercise "trim": R1 in at most 0.65 s without reserving, later calls in at most 0.1 s."""

from __future__ import annotations

from fclab.teach.answers import bars
from fclab.teach.checks import Run, Seen
from fclab.teach.exercise import Checker, Report

__all__ = ["EXERCISES", "facts"]

ARRIVALS = [0.0, 60.0, 61.0]
GIVEN = 1.1, 0.3
"""What the first caller and the later ones wait in the starter's run."""

FIRST, LATER = 0.65, 0.1
WORK, CONNECTION, LEAST_MB = 0.1, 0.1, 1.0
PLATFORM = {"schedule": 0.1, "start": 0.25}
"""Bars that are the platform's own: no code and no package changes them."""


def facts(run: Run) -> dict[str, object]:
    """What answers may quote from a run: the bars of its first request, and the part of them that is the platform's; seconds."""
    first = {bar: length for bar, length, _ in bars(run, 1)}
    own = sum(length for bar, length in first.items() if bar not in ("initialize", "run"))
    later = [seen.latency or 0.0 for seen in run.requests[1:]]
    return {**first, "platform": own, "first": run.requests[0].latency or 0.0, "second": later[0] if later else 0.0}


def trim(run: Run, report: Report) -> None:
    """Right answers hold 1 MB and open one connection, in the initializer or at the first call: 0.64 s, then 0.1 s."""
    waits = [seen.latency or 0.0 for seen in run.requests]
    mb = run.settings(run.requests[0].function).get("code_mb") if run.requests else None
    report.unattempted(waits == [GIVEN[0], GIVEN[1], GIVEN[1]] and mb == 5, "same")
    kept = [seen.arrived for seen in run.requests] == ARRIVALS and not run.refused
    report.need(kept, "three", run.find("RequestAccepted", last=True), count=len(waits) + run.refused)
    failed = next((seen for seen in run.requests if not seen.ok), None)
    broke = run.find("ExecutionEnded", request=failed.number, last=True) if failed else None
    report.need(failed is None, "answered", broke, label=failed.label if failed else "")
    _settings(run, report, mb)
    _code(run, report)
    first, *later = run.requests
    parts = {bar: (length, event) for bar, length, event in bars(run, first.number)}
    moved = parts["download"][0] + parts["unpack"][0]
    opened = parts["initialize"][0] if "initialize" in parts else parts["run"][0] - WORK
    wrong = "first_connections" if opened > CONNECTION + 1e-6 else "first_package"
    shows = parts.get("initialize", parts["run"]) if wrong == "first_connections" else parts["download"]
    report.need(waits[0] <= FIRST, "first", shows[1], wrong=wrong, took=waits[0], moved=moved, opened=opened, mb=mb)
    slow = next((seen for seen in later if (seen.latency or 0.0) > LATER), None)
    shows_slow = run.find("ExecutionEnded", request=slow.number) if slow else None
    report.need(slow is None, "later", shows_slow, label=slow.label if slow else "", took=waits[later.index(slow) + 1] if slow else LATER)


def _settings(run: Run, report: Report, mb: object) -> None:
    """Nothing reserved, one function, a platform as slow as it was, and a package that still holds the code."""
    reserved = run.find("ReservedTargetSet", last=True)
    first, *later = run.requests
    lengths = {bar: length for bar, length, _ in bars(run, first.number)}
    changed = ["reserved instances"] if (reserved is not None and reserved.fields["target"]) or not first.cold else []
    changed += ["another function"] if any(seen.function != first.function for seen in later) else []
    changed += [f"the platform's own {bar}" for bar, length in PLATFORM.items() if first.cold and lengths.get(bar) != length]
    report.need(not changed, "settings", reserved or run.find("FunctionDeclared", last=True), changed=", ".join(changed))
    report.need(isinstance(mb, (int, float)) and mb >= LEAST_MB, "package", run.find("FunctionDeclared", last=True), mb=mb)


def _code(run: Run, report: Report) -> None:
    """The handler still works for 0.1 s each time, and the instance still opened a connection before it first did."""

    def spent(seen: Seen) -> dict[str, float]:
        return {bar: length for bar, length, _ in bars(run, seen.number)}

    idle = next((seen for seen in run.requests if spent(seen).get("run", 0.0) < WORK - 1e-6), None)
    shows = run.find("ExecutionEnded", request=idle.number) if idle else None
    report.need(idle is None, "work", shows, label=idle.label if idle else "")
    first = spent(run.requests[0])
    opened = first.get("initialize", 0.0) + first["run"] - WORK
    report.need(opened >= CONNECTION - 1e-6, "connected", run.find("ExecutionStarted", request=1))


EXERCISES: dict[str, Checker] = {"trim": trim}
