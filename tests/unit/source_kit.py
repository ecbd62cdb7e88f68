"""A source small enough to test the contract with: bells that ring, one event a ring; a tape that keeps them in order."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, ClassVar

from fclab import Lab
from fclab.controls.desks import Desk, hub_of
from fclab.errors import SourceError
from fclab.model import Mode
from fclab.sources.base import Binding, Source, Trigger, document, verb
from fclab.sources.deliveries import backoff
from fclab.sources.hub import Hub
from fclab.sources.lines import Batch, Line

RETRY = backoff(1, 4, tries=3)


@dataclass(frozen=True, kw_only=True)
class BellTrigger(Trigger):
    TYPE: ClassVar[str] = "bell"
    SOURCE: ClassVar[str] = "objects"
    MODE: ClassVar[Mode] = "async"
    RETRIES: ClassVar[str] = "twice more, after 1 and 2 seconds"
    bell: str
    ordered: bool = False

    @property
    def mode(self) -> Mode:
        return "sync" if self.ordered else "async"

    @property
    def arn(self) -> str:
        return f"acs:bell:{self.bell}"

    @property
    def watches(self) -> str:
        return self.bell

    def config(self) -> dict[str, Any]:
        return {"bell": self.bell, "ordered": self.ordered}

    @classmethod
    def from_config(cls, arn: str, config: dict[str, Any]) -> BellTrigger:
        return cls(**config)

    @classmethod
    def example(cls) -> bytes:
        return b"1"


class Bells(Source):
    """Under the name of the object store, so that a handler's context has it."""

    NAME = "objects"
    TITLE = "bells"
    SCHEMA = "CREATE TABLE IF NOT EXISTS rings (number INTEGER PRIMARY KEY, bell TEXT NOT NULL, at INTEGER, cause INTEGER, depth INTEGER)"
    TRIGGERS = (BellTrigger,)

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub)
        self.lines: dict[int, Line] = {}

    def bind(self, binding: Binding) -> None:
        trigger = binding.trigger
        assert isinstance(trigger, BellTrigger)
        if trigger.bell == "broken":
            raise SourceError("NoSuchBell", "the bell is broken", hint="take another")
        self.hub.outbox.waits[binding.number] = RETRY
        if trigger.ordered:
            self.lines[binding.number] = Line(self.hub, binding, trigger.bell, lambda after: self.next(trigger.bell, after), RETRY, "0")

    def unbind(self, binding: Binding) -> None:
        line = self.lines.pop(binding.number, None)
        if line is not None:
            line.end()

    def woken(self, binding: Binding) -> None:
        if binding.number in self.lines:
            self.lines[binding.number].wake()

    def reopened(self) -> None:
        for line in self.lines.values():
            line.wake()

    def next(self, bell: str, after: str) -> Batch | None:
        rows = self.store.all("SELECT number, at, cause, depth FROM rings WHERE bell = ? AND number > ? LIMIT 10", bell, int(after))
        if not rows:
            return None
        _, made, cause, depth = rows[-1]
        return Batch(document([row[0] for row in rows]), str(rows[-1][0]), made, cause, depth)

    @verb
    def ring(self, bell: str, note: object = None, loud: bool = True) -> dict[str, Any]:
        """Ring a bell."""
        if bell == "missing":
            raise SourceError("NoSuchBell", f"there is no bell {bell!r}", hint="hang one up")
        with self.hub.change() as change:
            row = self.store.run(
                "INSERT INTO rings (bell, at, cause, depth) VALUES (?, ?, ?, ?)", bell, self.hub.unix(), change.cause, change.depth
            )
            change.happened(self.label(bell), f"Rung {row.lastrowid}")
            for binding in self.hub.registry.of(self.NAME):
                if binding.trigger.watches == bell:
                    if binding.number in self.lines:
                        change.then(self.lines[binding.number].wake)
                    else:
                        change.send(binding, document({"bell": bell, "ring": row.lastrowid}))
            if bell == "cracked":
                raise SourceError("Cracked", "the bell cracked", hint="mend it")
        return {"ring": row.lastrowid, "note": note, "loud": loud}

    @verb
    def count(self, bell: str) -> int:
        """How often it rang."""
        row = self.store.one("SELECT count(*) FROM rings WHERE bell = ?", bell)
        return int(row[0]) if row else 0


def bells_of(lab: Lab) -> Desk:
    """The bells of a lab made under the `bells` fixture."""
    return Desk(lab._driver, hub_of(lab._driver).sources["objects"])


def payloads(lab: Lab, function: str) -> list[Any]:
    """The events that a function's accepted requests were made with, as far as the recording keeps them."""
    noted = lab.recording.payloads
    made = [event.request for event in lab.recording.events if event.kind == "RequestAccepted" and event.function == function]
    return [json.loads(noted[number, "event"]) if (number, "event") in noted else None for number in made]  # type: ignore[arg-type]
