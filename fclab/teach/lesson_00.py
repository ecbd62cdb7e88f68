"""Lesson 00: what its answers quote, and the exercise "bridge": R1 at 0 s, R3 at 600 s; move R2 alone so that it and R3 are warm."""

from __future__ import annotations

from fclab.teach.checks import Run
from fclab.teach.exercise import Checker, Report

__all__ = ["EXERCISES", "facts"]

FIRST, GIVEN, LAST = 0.0, 60.0, 600.0
KEPT = {"idle_timeout": 300.0, "concurrency": 1, "reserved": 0}


def bridge(run: Run, report: Report) -> None:
    """The window of right answers is [299.9, 301.1] s: late enough that R3 finds the instance, early enough that R2 does."""
    arrivals = [seen.arrived for seen in run.requests]
    report.unattempted(arrivals == [FIRST, GIVEN, LAST], "same")
    report.need(len(arrivals) == 3 and not run.refused, "three", run.find("RequestAccepted", last=True), count=len(arrivals) + run.refused)
    first, middle, last = run.requests
    outer = first.arrived == FIRST and last.arrived == LAST
    report.need(outer, "ends", run.find("RequestAccepted", request=(first if first.arrived != FIRST else last).number))
    settings = run.settings(first.function)
    changed = [f"{name}={settings[name]}" for name, value in KEPT.items() if settings.get(name, value) != value]
    changed += ["no initializer"] if settings.get("initializer") is False else []
    changed += [] if all(one.function == first.function for one in run.requests) else ["another function"]
    reserved = run.find("ReservedTargetSet", last=True)
    changed += ["reserved instances"] if reserved is not None and reserved.fields["target"] else []
    report.need(not changed, "settings", reserved or run.find("FunctionDeclared", last=True), changed=", ".join(changed))
    why, event, facts = run.why(middle.number)
    report.need(not middle.cold, "second", event, wrong=f"second_{why}", **facts)
    why, event, facts = run.why(last.number)
    report.need(not last.cold, "third", event, wrong=f"third_{why}", moved=middle.arrived, **facts)


EXERCISES: dict[str, Checker] = {"bridge": bridge}


def facts(run: Run) -> dict[str, object]:
    """What answers may quote from a run: its first instance, when it was last idle and when it was reclaimed, in seconds."""
    gone = run.find("InstanceReclaimed")
    released = run.find("InstanceReleased", instance=gone.instance, before=gone.time, last=True) if gone else None
    window = run.settings(run.requests[0].function).get("idle_timeout", 0.0)
    times = {"idle": released.time if released else 0.0, "reclaimed": gone.time if gone else 0.0}
    return {**times, "instance": run.requests[0].instance, "window": float(window) if isinstance(window, (int, float)) else 0.0}
