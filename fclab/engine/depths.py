"""How many triggers stand behind a request: what tells a loop from a chain."""

from __future__ import annotations

__all__ = ["DEEPEST", "Depths"]

DEEPEST = 16
"""Triggers in one chain after which the next is refused (AWS Lambda stops recursion at about 16; the product names no number)."""

_KEPT = 100_000
"""Requests whose depth is remembered; the oldest go first."""


class Depths:
    """The depth of requests that a trigger stands behind; all others have 0."""

    def __init__(self) -> None:
        self._of: dict[int, int] = {}

    def of(self, request: int) -> int:
        """Triggers in the chain that led to this request, its own included."""
        return self._of.get(request, 0)

    def set(self, request: int, depth: int) -> None:
        """A trigger makes this request."""
        self._of[request] = depth
        if len(self._of) > _KEPT:
            del self._of[next(iter(self._of))]

    def inherit(self, request: int, cause: int) -> None:
        """A handler makes this request: it is as deep as its cause."""
        if self._of and (depth := self._of.get(cause)):
            self.set(request, depth)
