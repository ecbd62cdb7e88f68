"""The queue in memory: survives nothing, costs nothing, keeps the whole contract."""

from __future__ import annotations

import heapq

from fclab.queues.base import Lease, Message, Stored

__all__ = ["MemoryQueue"]


class MemoryQueue:
    """Heaps of (due, serial, message), one a function. Stores at once, so `on_stored` is called before the verb returns."""

    def __init__(self) -> None:
        self._heaps: dict[str, list[tuple[int, int, Message]]] = {}
        self._gone: set[int] = set()
        self._leases: dict[int, tuple[Lease, int]] = {}
        self._serial = 0

    def enqueue(self, message: Message, on_stored: Stored) -> None:
        self._serial += 1
        self._push(message, self._serial)
        on_stored()

    def lease(self, function: str, now: int, until: int) -> Lease | None:
        due = self.next_due(function)
        if due is None or due > now:
            return None
        _, serial, message = heapq.heappop(self._heaps[function])
        self._serial += 1
        lease = Lease(self._serial, message, until)
        self._leases[lease.token] = lease, serial
        return lease

    def settle(self, lease: Lease, following: Message | None, on_stored: Stored) -> bool:
        if self._leases.pop(lease.token, None) is None:
            return False
        if following is not None:
            self._serial += 1
            self._push(following, self._serial)
        on_stored()
        return True

    def expire(self, now: int) -> list[str]:
        over = [(lease, serial) for lease, serial in self._leases.values() if lease.until <= now]
        for lease, serial in over:
            del self._leases[lease.token]
            self._push(lease.message, serial)
        return list(dict.fromkeys(lease.message.function for lease, _ in over))

    def next_due(self, function: str) -> int | None:
        heap = self._heaps.get(function)
        while heap and heap[0][1] in self._gone:
            self._gone.discard(heapq.heappop(heap)[1])
        return heap[0][0] if heap else None

    def discard(self, function: str, request: int) -> Message | None:
        for _, serial, message in self._heaps.get(function, ()):
            if message.request == request and serial not in self._gone:
                self._gone.add(serial)
                return message
        return None

    def waiting(self, function: str | None = None) -> int:
        if function is None:
            return sum(map(len, self._heaps.values())) - len(self._gone)
        heap = self._heaps.get(function, [])
        return sum(serial not in self._gone for _, serial, _ in heap) if self._gone else len(heap)

    def leased(self) -> int:
        return len(self._leases)

    def close(self) -> None:
        self._heaps.clear()
        self._leases.clear()

    def _push(self, message: Message, serial: int) -> None:
        heapq.heappush(self._heaps.setdefault(message.function, []), (message.due, serial, message))
