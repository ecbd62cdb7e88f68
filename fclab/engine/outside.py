"""What the platform needs from the room of event sources: the third seam, and the smallest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from fclab.errors import UsageError

if TYPE_CHECKING:
    from fclab.backends.base import Served
    from fclab.engine.rows import Attempt

__all__ = ["Sources", "no_sources"]


class Sources(Protocol):
    """The lab's event sources, as the platform sees them. All is called on the engine's thread."""

    owed: int
    """Deliveries that functions still have to get: work that `run()` waits for."""

    def use(self, attempt: Attempt, service: str, verb: str, args: list[object], options: dict[str, object], reply: Served) -> None:
        """A handler uses a source; `reply` is called once, before this returns or later."""
        ...

    def deliver(self, to: str, body: bytes, request: int) -> None:
        """Tell the destination "queue:NAME" or "topic:NAME" the outcome of a request; doing it again changes nothing.

        Raises `FclabError` if it cannot be.
        """
        ...

    def adopt(self, function: str) -> None:
        """A function was declared: what waits for it may go."""
        ...

    def forget(self, function: str) -> None:
        """A function was deleted, and with it its triggers."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...


def no_sources() -> Sources:
    """A platform that nobody gave sources."""
    raise UsageError("This platform has no event sources.", hint="a Lab has them")
