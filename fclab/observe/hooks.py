"""Observers: functions called with each event of the kinds they asked for.

An observer that raises is detached and reported; it can never end or change the run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from fclab.errors import UsageError
from fclab.observe.events import EVENT_TYPES, Event

__all__ = ["Hooks", "ObserverReport"]

Observer = Callable[[Event], object]
_log = logging.getLogger("fclab")


@dataclass(frozen=True, slots=True)
class ObserverReport:
    """An observer that was detached: who it was, what it raised, and the event it was given."""

    observer: str
    error: str
    event: Event


class Hooks:
    """Observers by event kind.

    1. Observers of one event are called in the order they were added, on the engine's side, never inside a handler.
    2. An observer that raises is detached at once and reported in `reports` and the log; the run goes on.
    3. Where nobody listens to a kind, no event object is made.
    """

    def __init__(self, changed: Callable[[], object]) -> None:
        self._changed = changed
        """Called whenever somebody begins or stops to listen."""
        self.by_kind: dict[int, list[Observer]] = {}
        self.reports: list[ObserverReport] = []
        self.telling = False
        """An observer is being called now."""

    def asking(self, kinds: Sequence[type[Event]]) -> Callable[[Observer], Observer]:
        """A decorator that adds an observer of `kinds`; `Event` itself stands for all of them, and so does none."""
        for kind in kinds:
            if not (isinstance(kind, type) and issubclass(kind, Event)):
                raise UsageError(f"{kind!r} is not an event type.", hint="take one from fclab.observe.events, such as InstanceReclaimed")
        return partial(self.add, kinds)

    def add(self, kinds: Sequence[type[Event]], observer: Observer) -> Observer:
        """Call `observer` with each event of `kinds`, from now on."""
        if not callable(observer):
            raise UsageError(f"An observer must be callable, not {observer!r}.", hint="decorate a function: @lab.on(InstanceReclaimed)")
        numbers = list(EVENT_TYPES) if (not kinds or Event in kinds) else [kind.KIND for kind in kinds]
        for number in dict.fromkeys(numbers):
            self.by_kind.setdefault(number, []).append(observer)
        self._changed()
        return observer

    def remove(self, observer: Observer) -> None:
        """Forget `observer` for every kind."""
        for number, observers in list(self.by_kind.items()):
            left = [one for one in observers if one is not observer]
            if left:
                self.by_kind[number] = left
            else:
                del self.by_kind[number]
        self._changed()

    def notify(self, event: Event) -> None:
        """Give `event` to everyone who asked for its kind."""
        outer, self.telling = self.telling, True
        try:
            self._tell(event)
        finally:
            self.telling = outer

    def _tell(self, event: Event) -> None:
        for observer in list(self.by_kind.get(event.KIND, ())):
            try:
                observer(event)
            except Exception as error:
                self.remove(observer)
                name = getattr(observer, "__qualname__", repr(observer))
                self.reports.append(ObserverReport(name, f"{type(error).__name__}: {error}", event))
                _log.warning("observer %s was detached: it raised %s: %s at %r", name, type(error).__name__, error, event)
