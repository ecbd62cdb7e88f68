"""Requests: what became of each, refused ones included. One linear pass over a recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fclab.observe.events import (
    DeliveryStarted,
    EventEnqueued,
    ExecutionStarted,
    InstanceAssigned,
    RequestAccepted,
    RequestFailed,
    RequestRejected,
    RequestSucceeded,
)
from fclab.observe.recording import Recording

__all__ = ["RequestView", "requests"]


@dataclass(frozen=True, slots=True)
class RequestView:
    """One request, as far as the recording goes. Times in µs of lab time, None while they have not come.

    mode          "" if it was refused: what it would have been is not recorded
    arrived_us    it reached the front door
    replied_us    the caller got its answer: the result (sync), the 202 (async) or the refusal
    started_us    its handler was entered for the first time
    finished_us   nothing more will happen to it
    status        of the final outcome, None while open; error_type is "" where there is no error
    cold          some delivery of it waited for an instance to boot
    instance      name of the last instance it was given, "" if none
    attempts      deliveries (1 for sync, 0 if refused); executions: how many of them reached a handler
    cause         number of the request that made this one, or 0
    """

    number: int
    function: str
    mode: Literal["sync", "async", ""]
    arrived_us: int
    replied_us: int | None
    started_us: int | None
    finished_us: int | None
    status: int | None
    error_type: str
    cold: bool
    instance: str
    attempts: int
    executions: int
    cause: int

    @property
    def label(self) -> str:
        """The name everybody calls it by: R1."""
        return f"R{self.number}"

    @property
    def outcome(self) -> Literal["ok", "failed", "refused", "open"]:
        """How it ended: refused at the front door, failed after that, ok, or open: it has not ended."""
        if self.status is None:
            return "open"
        if not self.error_type and self.status < 400:
            return "ok"
        return "failed" if self.mode else "refused"

    @property
    def latency_us(self) -> int | None:
        """From arrival to the final outcome, in µs; for an async request that is later than the reply."""
        return None if self.finished_us is None else self.finished_us - self.arrived_us


class _Open:
    """A request being put together."""

    __slots__ = ("arrived", "cause", "cold", "deliveries", "error", "executions", "finished", "function", "instance", "mode", "replied",
                 "started", "status")  # fmt: skip

    def __init__(self, arrived: int, function: int, mode: int, cause: int) -> None:
        self.arrived = arrived
        self.function = function
        self.mode = mode
        self.cause = cause
        self.replied = self.started = self.finished = self.status = -1
        self.error = self.instance = self.deliveries = self.executions = 0
        self.cold = False


def requests(recording: Recording) -> list[RequestView]:
    """Every request of `recording` in the order of their numbers."""
    texts = recording.texts
    queued = texts.index("async") if "async" in texts else -1
    found: dict[int, _Open] = {}
    for time, kind, request, _, instance, function, a, b in recording.rows():
        if kind == RequestAccepted.KIND:
            found[request] = one = _Open(time, function, a, b)
            one.deliveries = int(a != queued)
        elif kind == RequestRejected.KIND:
            found[request] = one = _Open(time, function, 0, 0)
            one.replied = one.finished = time
            one.status, one.error = a, b
        elif kind == EventEnqueued.KIND:
            found[request].replied = time
        elif kind == DeliveryStarted.KIND:
            found[request].deliveries += 1
        elif kind == InstanceAssigned.KIND:
            one = found[request]
            one.instance = instance
            one.cold |= bool(a)
        elif kind == ExecutionStarted.KIND:
            one = found[request]
            one.executions += 1
            if one.started < 0:
                one.started = time
        elif kind == RequestSucceeded.KIND or kind == RequestFailed.KIND:
            one = found[request]
            one.finished, one.status = time, a
            one.error = b if kind == RequestFailed.KIND else 0
            if one.replied < 0:  # an async one that was stored has its 202 already
                one.replied = time
    return [_view(recording, number, found[number]) for number in sorted(found)]


def _view(recording: Recording, number: int, one: _Open) -> RequestView:
    mode = recording.texts[one.mode]
    return RequestView(
        number=number,
        function=recording.functions[one.function],
        mode="async" if mode == "async" else "sync" if mode else "",
        arrived_us=one.arrived,
        replied_us=_time(one.replied),
        started_us=_time(one.started),
        finished_us=_time(one.finished),
        status=_time(one.status),
        error_type=recording.texts[one.error],
        cold=one.cold,
        instance=recording.instances[one.instance].label,
        attempts=one.deliveries,
        executions=one.executions,
        cause=one.cause,
    )


def _time(value: int) -> int | None:
    return None if value < 0 else value
