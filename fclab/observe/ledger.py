"""The ledger: every request's times and outcome as columns, for pictures of very many of them. One linear pass over a recording."""

from __future__ import annotations

from array import array
from collections.abc import Callable
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

    def columns(self) -> tuple[array[int], ...]:
        """The columns, in the order of their names."""
        return self.number, self.arrived, self.replied, self.done, self.cause, self.status, self.outcome

    def words(self, index: int, say: Callable[[int], str] = seconds_text) -> str:
        """What became of request number `number[index]`, in three words or fewer: "cold 1.1 s", "refused 429", or "" while it is open.

        `say` writes a time (µs).
        """
        how = LEDGER_OUTCOMES[self.outcome[index]]
        if self.outcome[index] == _REFUSED:
            return f"{how} {self.status[index]}"
        return f"{how} {say(self.done[index] - self.arrived[index])} s" if how else ""


def ledger(recording: Recording) -> Ledger:
    """The ledger of `recording`, refused requests included."""
    accepted, rejected, enqueued, assigned, succeeded, _ = _KINDS
    found = Ledger(*(array(code) for code in "IqqqIHB"))
    number, arrived, replied, done = found.number, found.arrived, found.replied, found.done
    cause, status, outcome = found.cause, found.status, found.outcome
    place: dict[int, int] = {}
    cold: set[int] = set()
    for time, kind, request, _, _, _, a, b in recording.rows(_KINDS):
        if kind in (accepted, rejected):
            place[request] = len(number)
            refused = kind == rejected
            number.append(request)
            arrived.append(time)
            replied.append(time if refused else -1)
            done.append(time if refused else -1)
            cause.append(0 if refused else b)
            status.append(a if refused else 0)
            outcome.append(_REFUSED if refused else _OPEN)
        elif kind == assigned:
            if a:
                cold.add(request)
        elif kind == enqueued:
            replied[place[request]] = time
        else:
            at = place[request]
            done[at], status[at] = time, a
            if replied[at] < 0:  # an async one that was stored has its 202 already
                replied[at] = time
            failed = a >= 400 or (kind != succeeded and b)
            outcome[at] = _FAILED if failed else _COLD if request in cold else _WARM
    order = sorted(place)
    if order == list(place):
        return found
    return Ledger(*(array(column.typecode, [column[place[request]] for request in order]) for column in found.columns()))
