"""What functions print and log, kept for a while: for the reader who asks what a function said, not only what one request did."""

from __future__ import annotations

from collections import deque

__all__ = ["MOST", "Logbook"]

MOST = 1 << 20
"""Characters kept of each function; the oldest entries go first."""


class Logbook:
    """Entries by function: what one request printed, or what an instance printed outside of any request."""

    def __init__(self) -> None:
        self._entries: dict[str, deque[tuple[str, str]]] = {}
        self._sizes: dict[str, int] = {}

    def add(self, function: str, instance: str, text: str) -> None:
        """Keep `text`, which `instance` printed."""
        entries = self._entries.setdefault(function, deque())
        entries.append((instance, text))
        size = self._sizes.get(function, 0) + len(text)
        while size > MOST and len(entries) > 1:
            size -= len(entries.popleft()[1])
        self._sizes[function] = size

    def read(self, function: str, instance: str | None = None) -> str:
        """What is kept of a function, oldest first; of one of its instances if one is named."""
        return "".join(text for who, text in self._entries.get(function, ()) if instance in (None, who))
