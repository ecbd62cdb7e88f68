"""What happened: each question names a reader, and a reader finds its answers in a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fclab import UsageError
from fclab.teach.checks import Happening, Run

__all__ = ["BARS", "READERS", "Answer", "bars"]

Fields = dict[str, object]

BARS: dict[str, str] = {
    "InstanceScheduled": "schedule", "CodeDownloaded": "download", "CodeUnpacked": "unpack", "RuntimeStarted": "start",
    "RuntimeForked": "fork", "InstanceInitialized": "initialize", "ExecutionEnded": "run",
}  # fmt: skip
"""What a caller may wait for, by the event that ends it; named as the timeline names them."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What happened, for one line of a card: seconds, why (a key of the question's texts), the event that shows it, and facts for the text.

    `traps` are the numbers that well-known misunderstandings lead to, computed from the same run.
    """

    value: float
    why: str
    event: Happening | None
    facts: Fields
    traps: Fields


def latencies(run: Run) -> list[Answer]:
    """One answer a request: how long its caller waited."""
    answers = []
    for seen in run.requests:
        why, event, facts = run.why(seen.number)
        answers.append(Answer(seen.latency or 0.0, why, event, facts, {}))
    return answers


def last_warm(run: Run) -> list[Answer]:
    """The last moment at which a request would still have met the instance that served the next to last one."""
    if len(run.requests) < 2:
        raise UsageError("This needs a run of two requests or more.", hint="let the trial send all the requests of the lesson")
    before = run.requests[-2]
    release = run.find("InstanceReleased", request=before.number, last=True)
    declared = run.settings(before.function).get("idle_timeout", 300.0)
    window = float(declared) if isinstance(declared, (int, float)) else 0.0
    if release is None:
        raise UsageError("This run has no answer yet: its last request but one never ended.", hint="run the lab to its end first")
    until = float(release.fields["expires"])
    facts: Fields = {"label": run.requests[-1].label, "before": before.label, "since": release.time, "window": window, "until": until}
    first = run.find("InstanceReleased", last=False)
    traps: Fields = {
        "from_arrival": before.arrived + window,
        "from_first": (first.time if first else 0.0) + window,
        "from_zero": window,
        "one_step_late": round(until + 0.1, 6),
    }
    return [Answer(until, "expires", release, facts, traps)]


def bars(run: Run, request: int) -> list[tuple[str, float, Happening]]:
    """What the caller of `request` waited for, in order: (bar, seconds, the event that ended it). A warm request has only `run`."""
    found, since = [], 0.0
    for event in run.events:
        if event.request != request:
            continue
        if event.kind in ("InstanceCreated", "ExecutionStarted"):
            since = event.time
        elif event.kind in BARS:
            found.append((BARS[event.kind], round(event.time - since, 6), event))
            since = event.time
    return found


def bars_of_the_first(run: Run) -> list[Answer]:
    """One answer a bar of the first request, in the order they came."""
    first = run.requests[0]
    mb = run.settings(first.function).get("code_mb", 0.0)
    return [
        Answer(length, bar, event, {"label": bar, "bar": bar, "length": length, "at": event.time, "mb": mb}, {})
        for bar, length, event in bars(run, first.number)
    ]


SMALL_MB = 5.0


def grown(run: Run) -> list[Answer]:
    """How long the first caller waits once the package, `SMALL_MB` before, has the size it has in this run."""
    first = run.requests[0]
    parts = {bar: length for bar, length, _ in bars(run, first.number)}
    declared = run.settings(first.function).get("code_mb", SMALL_MB)
    mb = float(declared) if isinstance(declared, (int, float)) else SMALL_MB
    moved, unpacked = parts.get("download", 0.0), parts.get("unpack", 0.0)
    rest, factor = sum(parts.values()) - moved - unpacked, mb / SMALL_MB
    facts: Fields = {"label": first.label, "mb": mb, "factor": factor, "download": moved, "unpack": unpacked, "rest": rest}
    traps: Fields = {"all_grow": moved + unpacked + rest * factor, "only_download": moved + unpacked / factor + rest}
    return [Answer(first.latency or 0.0, "grows", run.find("CodeDownloaded", request=first.number), facts, traps)]


READERS: dict[str, Callable[[Run], list[Answer]]] = {
    "latencies": latencies, "last_warm": last_warm, "bars": bars_of_the_first, "grown": grown,
}  # fmt: skip
