"""What can live in an instance: the seam between an instance's process group and the conversation with what runs in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from fclab.backends.process.inside.wire import MOST_LOG

if TYPE_CHECKING:
    from fclab.backends.base import Report
    from fclab.engine.rows import Attempt, Outcome

__all__ = ["Code", "Done", "Guest", "GuestRun"]

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


class GuestRun:
    """An attempt under way in a guest, and its log, of which `MOST_LOG` characters are kept."""

    __slots__ = ("_left", "attempt", "log", "report", "request_id")

    def __init__(self, attempt: Attempt, report: Report, request_id: str, log: list[str]) -> None:
        self.attempt = attempt
        self.report = report
        self.request_id = request_id
        self.log = log
        self._left = MOST_LOG

    def write(self, text: str) -> None:
        """Add what the attempt printed."""
        if self._left > 0:
            self.log.append(text[: self._left])
            self._left -= len(text)
            if self._left <= 0:
                self.log.append("\n[log cut]\n")


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
