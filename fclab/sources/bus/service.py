"""The lab's event bus."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from fclab.errors import SourceError, UsageError
from fclab.sources.base import Binding, Source, document, verb
from fclab.sources.bus import pattern as language
from fclab.sources.bus.cloud_events import BUS, event_id, filled
from fclab.sources.bus.stream import SCHEMA as STREAMS
from fclab.sources.bus.stream import Stream, element, payload_of
from fclab.sources.bus.trigger import EventBridgeTrigger
from fclab.sources.messages import limits
from fclab.sources.messages.strategies import STRATEGIES

if TYPE_CHECKING:
    from fclab.sources.hub import Change, Hub
    from fclab.sources.messages.queues import Queues
    from fclab.sources.messages.topics import Topics

__all__ = ["Bus"]

_Names = list[str]


class Bus(Source):
    """1. An event goes to every trigger and rule whose pattern it fits, in the same step in which it is published; the bus keeps nothing.
    2. Other sources publish what changes in them (`Change.publish`); where nobody listens, no event is made of it.
    3. Ids of events are the same in every run of a seed.
    """

    NAME = "bus"
    TITLE = "event bus"
    SCHEMA = (
        "CREATE TABLE IF NOT EXISTS bus (name TEXT PRIMARY KEY, events INTEGER NOT NULL);"
        "CREATE TABLE IF NOT EXISTS rules (name TEXT PRIMARY KEY, pattern TEXT NOT NULL, targets TEXT NOT NULL);" + STREAMS
    )
    TRIGGERS = (EventBridgeTrigger,)

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub)
        self.store.run("INSERT OR IGNORE INTO bus VALUES (?, 0)", BUS)
        self.streams: dict[int, Stream] = {}
        """Of triggers whose events keep their order."""
        self.listeners: dict[int, Binding] = {}
        """Triggers that listen to the bus."""
        rows = self.store.all("SELECT name, pattern, targets FROM rules ORDER BY name")
        self._rules = {name: (json.loads(pattern), json.loads(targets)) for name, pattern, targets in rows}

    # ---- triggers

    def bind(self, binding: Binding) -> None:
        number, trigger = binding.number, cast(EventBridgeTrigger, binding.trigger)
        dead = self._dead(trigger.dead_letter)
        if trigger.source is not None or trigger.streams:
            stream = self.streams[number] = Stream(self.hub, binding, dead)
            self.hub.owe(0, self._begin, stream)
        else:
            self.hub.outbox.waits[number] = STRATEGIES[trigger.retry]
            if dead is not None:
                self.hub.outbox.lost[number] = lambda payload, cause: self._bury(dead, payload, cause)
        if trigger.source is None:
            self.listeners[number] = binding

    def unbind(self, binding: Binding) -> None:
        self.listeners.pop(binding.number, None)
        self.hub.outbox.lost.pop(binding.number, None)
        stream = self.streams.pop(binding.number, None)
        if stream is not None:
            stream.end()

    def reopened(self) -> None:
        self.store.run("DELETE FROM streams WHERE trigger NOT IN (SELECT number FROM triggers)")

    def woken(self, binding: Binding) -> None:
        if binding.number in self.streams:
            self.streams[binding.number].start()

    def _begin(self, stream: Stream) -> None:
        if self.streams.get(stream.binding.number) is stream:
            stream.start()

    def _dead(self, target: str | None) -> Callable[[Change, str], object] | None:
        if target is None:
            return None
        return lambda change, body: self._queues.put(change, target.removeprefix("queue:"), body.encode())

    def _bury(self, dead: Callable[[Change, str], object], payload: bytes, cause: int) -> None:
        with self.hub.change(cause) as change:
            dead(change, payload.decode("utf-8", "replace"))

    # ---- verbs

    @verb
    def publish(self, events: dict[str, Any] | list[dict[str, Any]]) -> _Names:
        """Publish one event or several, all or none; their ids.

        An event is a mapping of CloudEvents 1.0 attributes: source and type (texts, needed), subject, data (what JSON can say) or
        data_base64, extensions; id, time (RFC 3339), specversion and datacontenttype are filled in. At most 64 KB as JSON each.
        Raises `UsageError` for what is no CloudEvent, `SourceError` EventSizeExceeded.
        """
        several = events if isinstance(events, list) else [events]
        with self.hub.change() as change:
            made = [filled(event, self._identity(), self.hub.unix()) for event in several]
            for event in made:
                change.happened(self.label(BUS), f"{event['type']} {event['id']}")
                self._spread(change, event)
        return [event["id"] for event in made]

    @verb
    def put_rule(self, name: str, pattern: dict[str, Any], targets: _Names) -> None:
        """Send events that fit `pattern` to queues and topics: `targets` are "queue:NAME" and "topic:NAME".

        A rule of that name is replaced. Functions listen with `EventBridgeTrigger`. Raises `UsageError`, `SourceError` InvalidArgument.
        """
        limits.name(name, "rule")
        language.check(pattern)
        if not isinstance(targets, list) or not targets:
            raise UsageError("A rule has one target or more.", hint='such as targets=["queue:audit"]')
        for target in targets:
            kind, _, whom = target.partition(":") if isinstance(target, str) else ("", "", "")
            if kind not in ("queue", "topic"):
                raise UsageError(f"A rule's target is 'queue:NAME' or 'topic:NAME', not {target!r}.", hint="functions have triggers")
            limits.name(whom, kind)
        with self.hub.change() as change:
            self.store.run("INSERT OR REPLACE INTO rules VALUES (?, ?, ?)", name, json.dumps(pattern), json.dumps(targets))
            change.happened(self.label(BUS), f"Rule put {name}")
        self._rules[name] = (json.loads(json.dumps(pattern)), list(targets))

    @verb
    def delete_rule(self, name: str) -> bool:
        """Delete a rule; whether there was one."""
        if limits.name(name, "rule") not in self._rules:
            return False
        with self.hub.change() as change:
            self.store.run("DELETE FROM rules WHERE name = ?", name)
            change.happened(self.label(BUS), f"Rule deleted {name}")
        del self._rules[name]
        return True

    @verb
    def rules(self) -> list[dict[str, Any]]:
        """Who listens: {"name", "pattern", "targets"}; a trigger's target is "function:NAME"."""
        bound = [(one, cast(EventBridgeTrigger, one.trigger)) for one in self.listeners.values()]
        triggers = [(one.name, trigger.pattern, [f"function:{one.function}"]) for one, trigger in bound]
        named = [(name, *rule) for name, rule in sorted(self._rules.items())]
        return [{"name": name, "pattern": pattern, "targets": targets} for name, pattern, targets in [*named, *triggers]]

    @verb
    def fits(self, pattern: dict[str, Any], event: dict[str, Any]) -> bool:
        """Would an event with these fields fit a pattern? Raises `UsageError` for what is no pattern."""
        return language.fits(language.check(pattern), event)

    # ---- for the other sources

    def take(self, change: Change, source: str, kind: str, subject: str, data: dict[str, Any]) -> None:
        """Another source publishes a change of its own (clause 2)."""
        if self.listeners or self._rules:
            event = {"source": source, "type": kind, "subject": subject, "data": data}
            try:
                whole = filled(event, self._identity(), self.hub.unix())
            except SourceError as error:  # too large to be carried: the change itself is none the worse
                change.happened(self.label(BUS), f"{error.code} {kind}")
                return
            self._spread(change, whole)

    def _identity(self) -> str:
        row = self.store.one("UPDATE bus SET events = events + 1 WHERE name = ? RETURNING events", BUS)
        return event_id(self.hub.platform.seed, row[0] if row else 0)

    def _spread(self, change: Change, event: dict[str, Any]) -> None:
        for number, binding in self.listeners.items():
            trigger = cast(EventBridgeTrigger, binding.trigger)
            if language.fits(trigger.pattern, event):
                body = element(trigger, event)
                if number in self.streams:
                    self.streams[number].add(change, body)
                else:
                    change.send(binding, payload_of(trigger, body))
        for pattern, targets in self._rules.values():
            if language.fits(pattern, event):
                for target in targets:
                    self._hand(change, target, document(event))

    def _hand(self, change: Change, target: str, body: bytes) -> None:
        kind, _, name = target.partition(":")
        if kind == "queue":
            self._queues.put(change, name, body)
        else:
            cast("Topics", self.hub.sources["topics"]).send(change, name, body)

    @property
    def _queues(self) -> Queues:
        return cast("Queues", self.hub.sources["queues"])
