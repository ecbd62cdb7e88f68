"""What can live in an instance: the seam between an instance's process group and the conversation with what runs in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from fclab.backends.base import Report
    from fclab.engine.rows import Attempt, Outcome

__all__ = ["Code", "Done", "Guest"]

Done = Callable[["Outcome | None"], object]
"""Told how something ended: None for well."""


@dataclass(frozen=True, slots=True)
class Code:
    """Where a function's code is: a package by its digest, and in it handler and hooks by name ("index.handler")."""

    digest: str
    handler: str
    initializer: str | None = None
    pre_freeze: str | None = None
    pre_stop: str | None = None
    preload: tuple[str, ...] = ()


class Guest(Protocol):
    """Talks to what runs in one instance.

    1. `start` calls `ready` once, `hook` calls `done` once, neither before they have returned; a guest that ended tells them so.
    2. After `run`, `report.done` is called once, not before `run` has returned, unless the attempt is cancelled.
    """

    @property
    def drains(self) -> bool:
        """It is asked to end, and given time for that, also when the platform ends it while it is at rest."""
        ...

    @property
    def busy(self) -> bool:
        """Something is under way in it."""
        ...

    def start(self, ready: Done) -> None:
        """Start the process, and say when it can take requests. Raises OSError if there can be no process."""
        ...

    def hook(self, name: str, done: Done) -> None:
        """Run the hook of this name."""
        ...

    def run(self, attempt: Attempt, report: Report) -> None:
        """Run an attempt."""
        ...

    def cancel(self, attempt: Attempt, reason: str) -> None:
        """Forget an attempt."""
        ...

    def printed(self, text: str) -> None:
        """The process, or one that it started, wrote to its standard output or error."""
        ...

    def drain(self) -> None:
        """The process is over: take what it still said."""
        ...

    def ended(self, outcome: Outcome) -> bool:
        """It is over with this outcome, which goes to whoever waits; False if nobody does."""
        ...

    def close(self) -> None:
        """Let go of descriptors."""
        ...
