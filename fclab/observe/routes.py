"""What hops are made of: the components that hand requests to one another, and hops as columns."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

__all__ = ["BEYOND", "COMPONENTS", "HOP_OUTCOMES", "LEASED", "WAITING", "Hops", "Way"]

HOP_OUTCOMES = ("ok", "failed", "dropped")
"""Names of the outcomes; the column `Hops.outcome` holds indices into this."""

COMPONENTS = ("caller", "front door", "queue", "dispatcher", "pool")
"""The nodes every platform has, in the order in which a request meets them; then come instances, sources and destinations."""

POOL = COMPONENTS.index("pool")
WAITING, LEASED, BEYOND = range(3)
"""How far a delivery is: in the queue, with the dispatcher, or further."""


class Way:
    """Where one request stands: who sent it, on which instance it is, which hop is still under way."""

    __slots__ = ("instance", "left", "queued", "sender", "stage", "under_way", "wait")

    def __init__(self, sender: int) -> None:
        self.sender = sender
        """The node that gets the reply."""
        self.queued = False
        """The queue has stored it: its results go to the dispatcher."""
        self.instance = 0
        """The node of the instance it was given and has not left, or 0."""
        self.left = POOL
        """The node of the instance it left last."""
        self.under_way = -1
        """The hop towards that instance, until its handler starts."""
        self.wait = -1
        """The hop back to the queue, until the next delivery."""
        self.stage = WAITING
        """How far its delivery is: in the queue, with the dispatcher, or further (then its failure comes from there)."""


@dataclass(frozen=True, slots=True)
class Hops:
    """Hops as columns of equal length, in the order in which they departed; times in µs.

    nodes          all components (`COMPONENTS`), then instances, "source NAME" and "destination NAME" as they first appear
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
