"""The plain-text table of a run: what a learner reads aloud, and what strict notebook validation compares."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fclab.grid import text_grid
from fclab.model import PHASES
from fclab.observe.instances import InstanceLife, instances
from fclab.observe.recording import Recording
from fclab.observe.requests import RequestView, requests
from fclab.units import text_of_times

__all__ = ["table"]

_Write = Callable[[int | None], str]
"""How a time (µs), or its absence, is written."""
_WORDS = frozenset(("request", "function", "mode", "cold/warm", "instance", "outcome", "kind", "then"))
"""Columns that are flush left; the others hold numbers."""
_ENDS = (("refused", "refused"), ("failed", "failed"), ("open", "not ended"))
_NO_STATUS = frozenset(("EventExpired", "TaskStopped"))
"""Failures that are the queue's doing: they have no status of their own."""


def table(recording: Recording, most: int = 40) -> str:
    """One line a request, and below one line an instance: at most `most` of each, the first ones. Times in seconds of lab time: exact
    in virtual time, rounded where a wall clock measured them.

    Where there are async requests `accepted` is when their 202 came, and `completed` when the outcome was known, which is what the others
    call `ends`. Columns that say nothing in this run are left out: `accepted` without async requests, `deliveries` and `executions` without
    retries, phases that no boot had, `kind` without reserved instances. The same recording gives the same text.
    """
    asked, lives = requests(recording), instances(recording)
    say = text_of_times(recording.meta["clock"])

    def time(us: int | None) -> str:
        return "-" if us is None else say(us)

    parts = [_summary(say(recording.end_us), asked, lives)]
    if asked:
        parts.append(_lines([_request(one, time) for one in asked[:most]], _request_columns(asked), len(asked) - most, "request"))
    if lives:
        parts.append(_lines([_instance(one, time) for one in lives[:most]], _instance_columns(lives), len(lives) - most, "instance"))
    return "\n\n".join(parts)


def _lines(rows: Sequence[dict[str, str]], columns: Sequence[str], left_out: int, noun: str) -> str:
    """The rows as aligned text, and how many were left out."""
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in columns if name in _WORDS}
    cells = [[row[name].ljust(widths.get(name, 0)) for name in columns] for row in rows]
    text = text_grid([name.ljust(widths.get(name, 0)) for name in columns], cells)
    return f"{text}\n... and {_count(left_out, f'more {noun}')}" if left_out > 0 else text


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _summary(end: str, asked: Sequence[RequestView], lives: Sequence[InstanceLife]) -> str:
    """The first line: how many, how they started, how they ended, until when."""
    cold = sum(one.cold for one in asked)
    warm = sum(bool(one.executions) and not one.cold for one in asked)
    ends = [f"{sum(one.outcome == end for one in asked)} {word}" for end, word in _ENDS if any(one.outcome == end for one in asked)]
    starts = f" ({cold} cold, {warm} warm)" if cold or warm else ""
    what = [f"{_count(len(asked), 'request')}{starts}", *ends, _count(len(lives), "instance")]
    return f"{', '.join(what)}, {end} s. Times are in seconds."


def _request_columns(asked: Sequence[RequestView]) -> list[str]:
    queued = any(one.mode == "async" for one in asked)
    again = any(one.attempts > 1 for one in asked)
    accepted, ends = (["accepted"], "completed") if queued else ([], "ends")
    tries = ["deliveries", "executions"] if again else []
    return ["request", "function", "mode", "arrives", *accepted, "cold/warm", "instance", *tries, ends, "took", "outcome"]


def _request(one: RequestView, time: _Write) -> dict[str, str]:
    return {
        "request": one.label,
        "function": one.function or "-",
        "mode": one.mode or "-",
        "arrives": time(one.arrived_us),
        "accepted": time(one.replied_us if one.mode == "async" else None),
        "cold/warm": ("cold" if one.cold else "warm") if one.instance else "-",
        "instance": one.instance or "-",
        "deliveries": str(one.attempts),
        "executions": str(one.executions),
        "ends": time(one.finished_us),
        "completed": time(one.finished_us),
        "took": time(one.latency_us),
        "outcome": _outcome(one),
    }


def _outcome(one: RequestView) -> str:
    error = one.error_type or str(one.status)
    match one.outcome:
        case "ok":
            return "ok"
        case "refused":
            return f"refused: {one.status} {one.error_type}".rstrip()
        case "failed":
            return f"failed: {error}" if one.status == 200 or one.error_type in _NO_STATUS else f"failed: {one.status} {error}"
        case "open":
            if one.mode == "async":
                return "accepted, waits" if not one.instance else "accepted, not completed"
            return "waiting" if not one.instance else "not ended"


def _instance_columns(lives: Sequence[InstanceLife]) -> list[str]:
    had = {phase for one in lives for phase, _ in one.phases}
    kind = ["kind"] if any(one.reserved for one in lives) else []
    return ["instance", *kind, "created", *(name for name in PHASES if name in had), "ready", "served", "then"]


def _instance(one: InstanceLife, time: _Write) -> dict[str, str]:
    phases = dict(one.phases)
    return {
        "instance": one.label,
        "kind": "reserved" if one.reserved else "on demand",
        "created": time(one.created_us),
        **{name: time(phases.get(name)) for name in PHASES},
        "ready": time(one.ready_us),
        "served": str(one.served),
        "then": _then(one, time),
    }


def _then(one: InstanceLife, time: _Write) -> str:
    """What became of the instance after its last work."""
    idle = "" if one.idle_us is None else f"idle from {time(one.idle_us)}, "
    if one.failure:
        return f"failed to boot ({one.failure}) at {time(one.stopping_us)}"
    if one.gone_us is not None:
        return f"{idle}{'reclaimed' if one.reason == 'idle' else f'stopped ({one.reason})'} at {time(one.gone_us)}"
    if one.stopping_us is not None:
        return f"{idle}stopping from {time(one.stopping_us)} ({one.reason})"
    if idle:
        return f"{idle}kept" + ("" if one.expires_us is None else f" until {time(one.expires_us)}")
    return "busy" if one.running else "booting" if one.ready_us is None else "ready"
