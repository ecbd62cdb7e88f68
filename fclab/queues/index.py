"""What every queue knows by heart: who waits for what time, and who is out on a lease."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from heapq import heapify, heappop, heappush

from fclab.queues.base import Lease, Message

__all__ = ["Index"]

_Entry = tuple[int, int, Message]


class Index:
    """Heaps of (due, turn, message), one a function, and the leases.

    1. An entry of a heap is alive if and only if it is what `_live` has for its request; the others are dropped as they come up.
    2. `turn` numbers arrivals; a message that comes back from an expired lease keeps its own.
    """

    def __init__(self) -> None:
        self._heaps: dict[str, list[_Entry]] = {}
        self._live: dict[int, _Entry] = {}
        self._counts: dict[str, int] = {}
        self._leases: dict[int, tuple[Lease, int]] = {}
        self._turn = 0
        self.aside = 0

    def turn(self) -> int:
        """The next number in the line."""
        self._turn += 1
        return self._turn

    def push(self, message: Message, turn: int) -> None:
        """Let a message wait."""
        entry = (message.due, turn, message)
        function = message.function
        heap = self._heaps.get(function)
        if heap is None:
            heap = self._heaps[function] = []
            self._counts[function] = 0
        self._live[message.request] = entry
        self._counts[function] += 1
        heappush(heap, entry)

    def next_due(self, function: str) -> int | None:
        """When the first waiting message of `function` is due, or None."""
        heap = self._heaps.get(function)
        while heap:
            entry = heap[0]
            if self._live.get(entry[2].request) is entry:
                return entry[0]
            heappop(heap)
        return None

    def lease(self, function: str, now: int, until: int) -> Lease | None:
        """Give out the message that is due first, or None."""
        due = self.next_due(function)
        if due is None or due > now:
            return None
        _, turn, message = heappop(self._heaps[function])
        del self._live[message.request]
        self._counts[function] -= 1
        token = self._turn = self._turn + 1
        lease = Lease(token, message, until, now)
        self._leases[token] = lease, turn
        return lease

    def expire(self, now: int) -> list[str]:
        """Return overdue leases to the queue as the next delivery; the functions concerned."""
        over = [(lease, turn) for lease, turn in self._leases.values() if lease.until <= now]
        for lease, turn in over:
            del self._leases[lease.token]
            self.push(replace(lease.message, delivery=lease.message.delivery + 1), turn)
        return list(dict.fromkeys(lease.message.function for lease, _ in over))

    def take_out(self, function: str, request: int) -> Message | None:
        """Remove a waiting message; None if it does not wait."""
        entry = self._live.get(request)
        if entry is None or entry[2].function != function:
            return None
        del self._live[request]
        count = self._counts[function] = self._counts[function] - 1
        heap = self._heaps[function]
        if len(heap) > 2 * count + 64:
            heap[:] = [one for one in heap if self._live.get(one[2].request) is one]
            heapify(heap)
        return entry[2]

    def waiting(self, function: str | None = None) -> int:
        """Messages not leased, of one function or all."""
        return len(self._live) if function is None else self._counts.get(function, 0)

    def leased(self) -> int:
        """Messages out on a lease."""
        return len(self._leases)

    def messages(self) -> Iterator[Message]:
        """Those waiting, in no order."""
        return (message for _, _, message in self._live.values())
