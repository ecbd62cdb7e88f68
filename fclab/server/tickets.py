"""Addresses that give a file to whoever has them, for a while."""

from __future__ import annotations

import secrets
import time

__all__ = ["Tickets"]

GOOD_FOR = 3600.0
"""Seconds."""
_MOST = 1000


class Tickets:
    """Random names for what may be fetched without a signature; the oldest go when there are too many."""

    def __init__(self) -> None:
        self._until: dict[str, tuple[float, str]] = {}

    def issue(self, what: str) -> str:
        """A new ticket for `what`."""
        while len(self._until) >= _MOST:
            del self._until[next(iter(self._until))]
        ticket = secrets.token_urlsafe(24)
        self._until[ticket] = time.monotonic() + GOOD_FOR, what
        return ticket

    def redeem(self, ticket: str) -> str | None:
        """What it is for; None if it is not good, or no longer."""
        until, what = self._until.get(ticket, (0.0, ""))
        return what if what and time.monotonic() < until else None
