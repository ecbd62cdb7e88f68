"""Topics: what is published goes at once to all who subscribed, functions and queues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from fclab.errors import SourceError, UsageError
from fclab.sources.base import Binding, Source, verb
from fclab.sources.messages import limits
from fclab.sources.messages.queues import Queues
from fclab.sources.messages.strategies import STRATEGIES
from fclab.sources.messages.topic_trigger import FORMATS, MNSTopicTrigger, check_tag, notice

if TYPE_CHECKING:
    from fclab.sources.hub import Change

__all__ = ["Topics"]

_Names = list[str]
_Bound = list[tuple[Binding, MNSTopicTrigger]]
_Subscriptions = list[dict[str, Any]]


class Topics(Source):
    """1. A message goes to every subscriber whose tag is its own or who has none, in the same step in which it is published: to queues
    there and then, to functions through their triggers. 2. A topic keeps nothing: who subscribes later, or is disabled, misses it.
    3. What a destination publishes comes once, whenever the lab ends in between.
    """

    NAME = "topics"
    TITLE = "message topics"
    SCHEMA = """
    CREATE TABLE IF NOT EXISTS topics (name TEXT PRIMARY KEY, messages INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS subscriptions (
        topic TEXT NOT NULL, name TEXT NOT NULL, queue TEXT NOT NULL, tag TEXT, format TEXT NOT NULL, PRIMARY KEY (topic, name)
    ) WITHOUT ROWID;
    """
    TRIGGERS = (MNSTopicTrigger,)

    def bind(self, binding: Binding) -> None:
        trigger = cast(MNSTopicTrigger, binding.trigger)
        self._make(trigger.topic)
        self.hub.outbox.waits[binding.number] = STRATEGIES[trigger.strategy]

    # ---- topics

    @verb
    def create(self, topic: str) -> bool:
        """Make a topic; False if it is there already. Raises `SourceError` InvalidArgument."""
        limits.name(topic, "topic")
        with self.hub.change() as change:
            made = self._make(topic)
            if made:
                change.happened(self.label(topic), "Topic created")
        return made

    @verb
    def delete(self, topic: str) -> bool:
        """Delete a topic with its subscriptions; whether there was one. Triggers stay: publishing makes the topic anew."""
        limits.name(topic, "topic")
        with self.hub.change() as change:
            there = self.store.run("DELETE FROM topics WHERE name = ?", topic).rowcount > 0
            self.store.run("DELETE FROM subscriptions WHERE topic = ?", topic)
            if there:
                change.happened(self.label(topic), "Topic deleted")
        return there

    @verb
    def publish(
        self, topic: str, body: str | bytes, *, tag: str | None = None, attributes: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Publish a message of 1 to 65536 bytes; {"id", "md5"}. A topic that is not there is made.

        tag         1 to 16 characters, which subscribers can filter by
        attributes  names and texts that travel with it
        Raises `SourceError` InvalidArgument, `UsageError` for wrong types.
        """
        limits.name(topic, "topic")
        data = limits.body_bytes(body)
        check_tag(tag)
        if attributes is not None and (
            not isinstance(attributes, dict) or not all(isinstance(one, str) for pair in attributes.items() for one in pair)
        ):
            raise UsageError("A message's attributes are names and texts.", hint='such as {"Extend": "{}"}')
        with self.hub.change() as change:
            return self._publish(change, topic, data, tag, attributes)

    @verb
    def subscribe(self, topic: str, queue: str, *, name: str | None = None, tag: str | None = None, format: str = "STREAM") -> str:  # noqa: A002
        """Let a queue get what is published: as STREAM or JSON, all of it or what has this tag; the subscription's name.

        `name` left out is the queue's. One of that name is replaced. Functions subscribe with `MNSTopicTrigger`.
        """
        limits.name(topic, "topic")
        limits.name(queue, "queue")
        check_tag(tag)
        if format not in FORMATS:
            raise UsageError(f"format is STREAM or JSON, not {format!r}.", hint="the first is the product's default")
        name = limits.name(queue if name is None else name, "subscription")
        with self.hub.change() as change:
            self._make(topic)
            self.store.run("INSERT OR REPLACE INTO subscriptions VALUES (?, ?, ?, ?, ?)", topic, name, queue, tag, format)
            change.happened(self.label(topic), f"Subscribed {name}")
        return name

    @verb
    def unsubscribe(self, topic: str, name: str) -> bool:
        """End a subscription; whether there was one."""
        with self.hub.change() as change:
            there = self.store.run("DELETE FROM subscriptions WHERE topic = ? AND name = ?", topic, name).rowcount > 0
            if there:
                change.happened(self.label(topic), f"Unsubscribed {name}")
        return there

    @verb
    def subscriptions(self, topic: str) -> _Subscriptions:
        """Who gets what is published to a topic: {"name", "queue" or "function", "tag", "format"}, queues first.

        Raises `SourceError` TopicNotExist.
        """
        limits.name(topic, "topic")
        if self.store.one("SELECT 1 FROM topics WHERE name = ?", topic) is None:
            raise SourceError("TopicNotExist", f"There is no topic {topic!r}.", hint="create it, or publish to it")
        rows = self.store.all("SELECT name, queue, tag, format FROM subscriptions WHERE topic = ? ORDER BY name", topic)
        queues = [dict(zip(("name", "queue", "tag", "format"), row, strict=True)) for row in rows]
        return queues + [
            {"name": one.name, "function": one.function, "tag": trigger.tag, "format": trigger.format}
            for one, trigger in self._triggers(topic)
        ]

    @verb
    def list(self, prefix: str = "") -> _Names:
        """The names of the topics that begin with `prefix`."""
        if not isinstance(prefix, str):
            raise UsageError(f"prefix is a text, not {prefix!r:.99}.", hint='"" is none')
        return [name for (name,) in self.store.all("SELECT name FROM topics ORDER BY name") if name.startswith(prefix)]

    # ---- for the platform and the bus

    def deliver(self, change: Change, topic: str, body: bytes) -> None:
        """What a destination is told (clause 3)."""
        if not self._queues.shelf.told(change.cause):
            self._publish(change, topic, body, None, None)

    def send(self, change: Change, topic: str, body: bytes) -> None:
        """Publish as a part of another change."""
        self._publish(change, topic, body, None, None)

    @property
    def _queues(self) -> Queues:
        return cast(Queues, self.hub.sources["queues"])

    def _make(self, topic: str) -> bool:
        return self.store.run("INSERT OR IGNORE INTO topics (name) VALUES (?)", topic).rowcount > 0

    def _triggers(self, topic: str) -> _Bound:
        found = [(one, cast(MNSTopicTrigger, one.trigger)) for one in self.hub.registry.of(self.NAME)]
        return [(one, trigger) for one, trigger in found if trigger.topic == topic]

    def _publish(
        self, change: Change, topic: str, body: bytes, tag: str | None, attributes: dict[str, str] | None
    ) -> dict[str, Any]:
        self._make(topic)
        row = self.store.one("UPDATE topics SET messages = messages + 1 WHERE name = ? RETURNING messages", topic)
        identity = limits.message_id(f"topic {topic}", row[0] if row else 0)
        published = self.hub.unix() // 1000
        wanted = "SELECT name, queue, format FROM subscriptions WHERE topic = ? AND (tag IS NULL OR tag = ?) ORDER BY name"
        for name, queue, form in self.store.all(wanted, topic, tag):
            self._queues.put(change, queue, notice(form, topic, name, body, identity, published, attributes))
        for binding, trigger in self._triggers(topic):
            if trigger.tag in (None, tag):
                change.send(binding, notice(trigger.format, topic, binding.name, body, identity, published, attributes))
        change.happened(self.label(topic), f"Published {identity}")
        return {"id": identity, "md5": limits.digest(body)}
