"""The ledger: every request's times and outcome as columns, for pictures of very many of them. One linear pass over a recording."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

from fclab.observe.events import EventEnqueued, InstanceAssigned, RequestAccepted, RequestFailed, RequestRejected, RequestSucceeded
from fclab.observe.recording import Recording
from fclab.units import seconds_text

__all__ = ["LEDGER_OUTCOMES", "Ledger", "ledger"]

LEDGER_OUTCOMES = ("", "cold", "warm", "failed", "refused")
"""What became of a request; "" while it is open. The column `Ledger.outcome` holds indices into this."""

_OPEN, _COLD, _WARM, _FAILED, _REFUSED = range(5)
_KINDS = [made.KIND for made in (RequestAccepted, RequestRejected, EventEnqueued, InstanceAssigned, RequestSucceeded, RequestFailed)]


@dataclass(frozen=True, slots=True)
class Ledger:
    """Requests as columns of equal length, in the order of their numbers; times in µs, -1 for not yet.

    replied is when the caller got its answer (the 202 of an async request), done when nothing more will happen to the request;
    status is 0 while it is open, and cause the number of the request that made this one, or 0.
    """

    number: array[int]
    arrived: array[int]
    replied: array[int]
    done: array[int]
    cause: array[int]
    status: array[int]
    outcome: array[int]

    def __len__(self) -> int:
        return len(self.number)

    def words(self, index: int) -> str:
        """What became of request number `number[index]`, in three words or fewer: "cold 1.1 s", "refused 429", or "" while it is open."""
        how = LEDGER_OUTCOMES[self.outcome[index]]
        if self.outcome[index] == _REFUSED:
            return f"{how} {self.status[index]}"
        return f"{how} {seconds_text(self.done[index] - self.arrived[index])} s" if how else ""


def ledger(recording: Recording) -> Ledger:
    """The ledger of `recording`, refused requests included."""
    accepted, rejected, enqueued, assigned, succeeded, _ = _KINDS
    found: dict[int, list[int]] = {}
    for time, kind, request, _, _, _, a, b in recording.rows(_KINDS):
        if kind == accepted:
            found[request] = [request, time, -1, -1, b, 0, _OPEN, 0]
        elif kind == assigned:
            if a:
                found[request][7] = 1
        elif kind == enqueued:
            found[request][2] = time
        elif kind == rejected:
            found[request] = [request, time, time, time, 0, a, _REFUSED, 0]
        else:
            one = found[request]
            one[3], one[5] = time, a
            if one[2] < 0:  # an async one that was stored has its 202 already
                one[2] = time
            one[6] = _FAILED if kind != succeeded or a >= 400 else _COLD if one[7] else _WARM
    numbers = list(found)
    lines = found.values() if numbers == sorted(numbers) else [found[number] for number in sorted(numbers)]
    columns = list(zip(*lines, strict=True)) or [()] * 8
    return Ledger(*(array(code, column) for code, column in zip("IqqqIHB", columns, strict=False)))
