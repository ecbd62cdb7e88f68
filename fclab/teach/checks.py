"""Reading a run: what each request met, told by its recording alone.

Verdicts and exercises ask this module, never a learner's variables or source text.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Happening", "Run", "Seen", "cite", "read"]


class Happening(Protocol):
    """An event of a recording, as far as lessons use it: times in seconds."""

    @property
    def time(self) -> float: ...
    @property
    def kind(self) -> str: ...
    @property
    def request(self) -> int: ...
    @property
    def instance(self) -> str: ...
    @property
    def function(self) -> str: ...
    @property
    def fields(self) -> dict[str, int | float | str | bool]: ...


class Recorded(Protocol):
    """What has events."""

    @property
    def events(self) -> Sequence[Happening]: ...


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as the recording tells it. Times in seconds; `latency` is None while there is no answer."""

    number: int
    function: str
    arrived: float
    cold: bool
    instance: str
    latency: float | None
    ok: bool

    @property
    def label(self) -> str:
        """R1, R2 …"""
        return f"R{self.number}"


class Run:
    """A recording, ready for questions. `requests` are those the front door let in, by arrival."""

    def __init__(self, events: Iterable[Happening]) -> None:
        self.events = list(events)
        arrived: dict[int, Happening] = {}
        assigned: dict[int, Happening] = {}
        ended: dict[int, Happening] = {}
        failed: set[int] = set()
        for event in self.events:
            if event.kind == "RequestAccepted":
                arrived[event.request] = event
            elif event.kind == "InstanceAssigned":
                assigned[event.request] = event
            elif event.kind in ("RequestSucceeded", "RequestFailed"):
                ended[event.request] = event
            if event.kind in ("RequestFailed", "RequestRejected"):
                failed.add(event.request)
        self.refused = sum(event.kind == "RequestRejected" for event in self.events)
        self.requests = tuple(
            Seen(
                number,
                event.function,
                event.time,
                number in assigned and bool(assigned[number].fields.get("cold")),
                assigned[number].instance if number in assigned else "",
                round(ended[number].time - event.time, 6) if number in ended else None,
                number in ended and number not in failed,
            )
            for number, event in arrived.items()
        )

    def find(
        self, kind: str, *, request: int = 0, instance: str = "", before: float = math.inf, last: bool = False
    ) -> Happening | None:
        """The first (or `last`) event of `kind` up to `before` seconds, of that request and instance if given."""
        found = [
            event
            for event in self.events
            if event.kind == kind and event.time <= before and (not request or event.request == request)
            and (not instance or event.instance == instance)
        ]  # fmt: skip
        return found[-1 if last else 0] if found else None

    def settings(self, function: str) -> dict[str, object]:
        """What `function` was declared with: timeout, concurrency, idle_timeout (seconds), code_mb, reserved, handler, initializer …"""
        found = [event for event in self.events if event.kind == "FunctionDeclared" and event.function == function]
        return dict(json.loads(str(found[-1].fields["settings"]))) if found else {}

    def boot(self, request: int) -> float:
        """Seconds that `request` waited for an instance to boot; 0 when it was warm."""
        begun, ready = self.find("InstanceCreated", request=request), self.find("ExecutionStarted", request=request)
        return round(ready.time - begun.time, 6) if begun and ready else 0.0

    def why(self, request: int) -> tuple[str, Happening | None, dict[str, object]]:
        """Why `request` was cold or warm: a word (first, reclaimed, busy, warm), the event that shows it, and facts in seconds.

        first      no instance of its function existed before
        reclaimed  there had been one, and its idle window had ended
        busy       there was one, but it was booting or running another request
        warm       an idle instance was there
        """
        seen = next(one for one in self.requests if one.number == request)
        facts: dict[str, object] = {"label": seen.label, "arrived": seen.arrived, "instance": seen.instance, "latency": seen.latency or 0.0}
        if not seen.cold:
            release = self.find("InstanceReleased", instance=seen.instance, before=seen.arrived, last=True)
            facts["since"] = release.time if release else 0.0
            return "warm", self.find("InstanceAssigned", request=request), facts
        facts["boot"] = self.boot(request)
        earlier = [one for one in self.events if one.function == seen.function and one.time <= seen.arrived]
        gone = [one for one in earlier if one.kind == "InstanceReclaimed"]
        made = [one.instance for one in earlier if one.kind == "InstanceCreated" and one.request != request]
        ended = {one.instance for one in earlier if one.kind in ("InstanceReclaimed", "InstanceDestroyed")}
        alive = [instance for instance in made if instance not in ended]
        if alive:
            facts["other"] = alive[-1]
            return "busy", self.find("InstanceCreated", request=request), facts
        if gone:
            release = self.find("InstanceReleased", instance=gone[-1].instance, before=gone[-1].time, last=True)
            facts |= {"gone": gone[-1].instance, "reclaimed": gone[-1].time, "since": release.time if release else 0.0}
            return "reclaimed", gone[-1], facts
        return "first", self.find("InstanceCreated", request=request), facts


def read(answer: object) -> Run | None:
    """The run of a lab or a recording; None for anything else."""
    recording = getattr(answer, "recording", answer)
    events = getattr(recording, "events", None)
    return Run(events) if isinstance(events, Sequence) and not isinstance(events, str) else None


def cite(event: Happening) -> str:
    """An event in a few words: 'InstanceReclaimed, hello#1, at 500.1 s'."""
    who = [f"R{event.request}"] if event.request and not event.kind.startswith("Instance") else []
    where = [event.instance] if event.instance else []
    return ", ".join([event.kind, *who, *where, f"at {f'{event.time:.6f}'.rstrip('0').rstrip('.')} s"])
