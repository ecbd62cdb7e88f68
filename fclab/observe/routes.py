"""What hops are made of: the components that hand requests to one another, and hops as columns."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

__all__ = ["COMPONENTS", "HOP_OUTCOMES", "Hops"]

HOP_OUTCOMES = ("ok", "failed", "dropped")
"""Names of the outcomes; the column `Hops.outcome` holds indices into this."""

COMPONENTS = ("caller", "front door", "queue", "dispatcher", "pool")
"""The nodes every platform has, in the order in which a request meets them; then come instances and destinations."""


@dataclass(frozen=True, slots=True)
class Hops:
    """Hops as columns of equal length, in the order in which they departed; times in µs.

    nodes          all components (`COMPONENTS`), then instances and "destination NAME" as they first appear
    source, target indices into `nodes`
    row            the number of the recorded event that made the hop

    Hops of one instant that take no time happened in the order of the columns. What takes time: a request on its way to an
    instance that boots, and a failed delivery on its way back to the queue, which it reaches when the back-off is over.
    """

    nodes: tuple[str, ...]
    source: array[int]
    target: array[int]
    depart: array[int]
    arrive: array[int]
    request: array[int]
    attempt: array[int]
    outcome: array[int]
    row: array[int]

    def __len__(self) -> int:
        return len(self.depart)
