"""The trigger of the event bus."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, ClassVar

from fclab.errors import UsageError
from fclab.model import ASYNC_PAYLOAD_LIMIT, SYNC_PAYLOAD_LIMIT, Mode
from fclab.sources.base import ACCOUNT, REGION, Trigger, document
from fclab.sources.bus import pattern as language
from fclab.sources.bus.cloud_events import BUS, event_id, filled
from fclab.sources.messages import limits
from fclab.sources.messages.strategies import RETRIES, strategy

__all__ = ["EventBridgeTrigger", "MNSQueue"]

_QUEUE = re.compile(r"acs:mns:[^:]*:[^:]*:/?queues/([^/]+)")


@dataclass(frozen=True, kw_only=True)
class MNSQueue:
    """A message queue as an event source: its messages are received, and deleted when the function has taken them.

    base64_decode  True: `messageBody` is the text that was sent; False: what stands on the wire, which is base64
    """

    queue: str
    base64_decode: bool = True

    def __post_init__(self) -> None:
        limits.name(self.queue, "queue")
        if not isinstance(self.base64_decode, bool):
            raise UsageError(f"base64_decode is True or False, not {self.base64_decode!r}.", hint="the product's default is True")


@dataclass(frozen=True, kw_only=True)
class EventBridgeTrigger(Trigger):
    """Events of the lab's bus, or messages of a queue, call a function.

    pattern       which events: see `fclab.sources.bus.pattern`; left out, all
    source        None: the bus; MNSQueue(queue=...): a queue
    mode          event-driven: one event a call, as an object. event-streaming: an array, in order, one call at a time; the product
                  streams from queues only, the lab from its bus too
    asynchronous  False: the call waits for the function, and at most 32 MB go with it; True: 128 KB
    batch         events of one array, 1 to 10000; window: seconds, 0 to 15, for which the first of them waits for more. What comes first
                  (number, time, bytes) ends a batch. Only with event-streaming.
    schema        CloudEvents: events as they are; RawData: their data alone
    retry         BACKOFF_RETRY or EXPONENTIAL_DECAY_RETRY
    errors        NONE: an ordered stream stands still at what fails after all retries, until the trigger is enabled anew, its function
                  declared anew or the home opened again; events that go one by one are kept as undelivered. ALL: it goes on
    dead_letter   "queue:NAME", which gets what ALL gives up; None: it is kept as undelivered
    Raises `UsageError` for other values.
    """

    TYPE: ClassVar[str] = "eventbridge"
    SOURCE: ClassVar[str] = "bus"
    MODE: ClassVar[Mode] = "sync"
    FIXED: ClassVar[tuple[str, ...]] = ("source",)
    RETRIES: ClassVar[str] = RETRIES
    pattern: dict[str, Any] = field(default_factory=dict)
    mode: str = "event-driven"  # type: ignore[assignment]
    asynchronous: bool = False
    source: MNSQueue | None = None
    schema: str = "CloudEvents"
    errors: str = "NONE"
    retry: str = "BACKOFF_RETRY"
    batch: int = 1
    window: int = 0
    dead_letter: str | None = None

    def __post_init__(self) -> None:
        language.check(self.pattern)
        strategy(self.retry, "retry")
        _one_of(self.mode, "mode", ("event-driven", "event-streaming"))
        _one_of(self.schema, "schema", ("CloudEvents", "RawData"))
        _one_of(self.errors, "errors", ("NONE", "ALL"))
        if self.source is not None and not isinstance(self.source, MNSQueue):
            raise UsageError(f"source is MNSQueue(queue=...) or None for the bus, not {self.source!r}.", hint="leave it out for the bus")
        if not isinstance(self.asynchronous, bool):
            raise UsageError(f"asynchronous is True or False, not {self.asynchronous!r}.", hint="the product's default is False")
        _whole(self.batch, "batch", 1, 10_000)
        _whole(self.window, "window", 0, 15)
        if self.mode == "event-driven" and (self.batch, self.window) != (1, 0):
            raise UsageError("event-driven calls carry one event each: batch and window are for streams.", hint='mode="event-streaming"')
        if self.dead_letter is not None:
            if not isinstance(self.dead_letter, str) or not self.dead_letter.startswith("queue:"):
                raise UsageError(f"dead_letter is 'queue:NAME', not {self.dead_letter!r}.", hint="such as dead_letter='queue:lost'")
            limits.name(self.dead_letter[6:], "queue")
            if self.errors != "ALL":
                raise UsageError("What fails goes to a dead letter queue only if errors is ALL.", hint='errors="ALL"')

    @property
    def call_mode(self) -> Mode:
        return "async" if self.asynchronous else "sync"

    @property
    def watches(self) -> str:
        return BUS if self.source is None else self.source.queue

    @property
    def streams(self) -> bool:
        """Its calls carry arrays."""
        return self.mode == "event-streaming"

    @property
    def limit(self) -> int:
        """Bytes that one call may carry."""
        return ASYNC_PAYLOAD_LIMIT if self.asynchronous else SYNC_PAYLOAD_LIMIT

    def config(self) -> dict[str, Any]:
        origin: dict[str, Any] = {"eventSourceType": "Default"}
        if self.source is not None:
            queue = {"RegionId": REGION, "QueueName": self.source.queue, "IsBase64Decode": self.source.base64_decode}
            origin = {"eventSourceType": "MNS", "eventSourceParameters": {"sourceMNSParameters": queue}}
        options: dict[str, Any] = {
            "mode": self.mode,
            "errorsTolerance": self.errors,
            "retryStrategy": {"PushRetryStrategy": self.retry},
            "batchWindow": {"CountBasedWindow": self.batch, "TimeBasedWindow": self.window},
        }
        if self.dead_letter is not None:
            options["deadLetterQueue"] = {"Arn": f"acs:mns:{REGION}:{ACCOUNT}:/queues/{self.dead_letter[6:]}"}
        return {
            "triggerEnable": True,
            "asyncInvocationType": self.asynchronous,
            "eventRuleFilterPattern": json.dumps(self.pattern),
            "eventSourceConfig": origin,
            "eventSinkConfig": {"deliveryOption": {"eventSchema": self.schema}},
            "runOptions": options,
        }

    @classmethod
    def from_config(cls, arn: str, config: dict[str, Any]) -> EventBridgeTrigger:
        given = _Fields(config, "triggerConfig")
        given.take("triggerEnable", bool, True)
        text = given.take("eventRuleFilterPattern", str, "{}")
        try:
            wanted = json.loads(text or "{}")
        except ValueError as error:
            raise UsageError(f"eventRuleFilterPattern is no JSON: {error}.", hint="it is the pattern as a text") from None
        made: dict[str, Any] = {"pattern": wanted, "asynchronous": given.take("asyncInvocationType", bool, False)}
        origin = given.inside("eventSourceConfig")
        kind = origin.take("eventSourceType", str, "Default")
        if kind not in ("Default", "MNS"):
            raise UsageError(f"eventSourceType {kind!r} is none that the lab has.", hint="it has Default and MNS")
        queue = origin.inside("eventSourceParameters").inside("sourceMNSParameters")
        if kind == "MNS":
            queue.take("RegionId", str, "")
            made["source"] = MNSQueue(queue=queue.take("QueueName", str, ""), base64_decode=queue.take("IsBase64Decode", bool, True))
        sink = given.inside("eventSinkConfig").inside("deliveryOption")
        made["schema"] = sink.take("eventSchema", str, "CloudEvents")
        if sink.take("concurrency", int, 1) != 1:
            raise UsageError("concurrency is 1: the lab makes one call at a time.", hint="leave it out")
        options = given.inside("runOptions")
        made["mode"] = options.take("mode", str, "event-driven")
        made["errors"] = options.take("errorsTolerance", str, "NONE")
        made["retry"] = options.inside("retryStrategy").take("PushRetryStrategy", str, "BACKOFF_RETRY")
        window = options.inside("batchWindow")
        made["batch"], made["window"] = window.take("CountBasedWindow", int, 1), window.take("TimeBasedWindow", int, 0)
        if (target := options.inside("deadLetterQueue").take("Arn", str, "")) != "":
            found = _QUEUE.fullmatch(target)
            if found is None:
                raise UsageError(f"deadLetterQueue {target!r} is no queue's ARN.", hint="such as acs:mns:lab:000000000000:/queues/lost")
            made["dead_letter"] = f"queue:{found[1]}"
        given.finish()
        return cls(**made)

    @classmethod
    def example(cls) -> bytes:
        event = {"source": "shop", "type": "OrderPlaced", "subject": "orders/1", "data": {"order": 1, "total": 12.5}}
        return document(filled(event, event_id(0, 1), 1_700_000_000_000_000))


def _one_of(value: object, what: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UsageError(f"{what} is {' or '.join(choices)}, not {value!r}.", hint="the first is the default")


def _whole(value: object, what: str, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise UsageError(f"{what} is a whole number from {least} to {most}, not {value!r}.", hint="choose one of those")


class _Fields:
    """An object of the wire from which every field is taken once: what is left over is refused."""

    def __init__(self, given: object, where: str) -> None:
        if not isinstance(given, dict):
            raise UsageError(f"{where} is an object, not {given!r}.", hint="see EventBridgeTrigger(...).config()")
        self._left = dict(given)
        self._where = where
        self._parts: list[_Fields] = []

    def take(self, name: str, kind: type, default: Any) -> Any:
        value = self._left.pop(name, default)
        if type(value) is not kind:
            raise UsageError(f"{self._where}.{name} is {value!r}, no {kind.__name__}.", hint="see EventBridgeTrigger(...).config()")
        return value

    def inside(self, name: str) -> _Fields:
        part = _Fields(self._left.pop(name, {}), f"{self._where}.{name}")
        self._parts.append(part)
        return part

    def finish(self) -> None:
        if self._left:
            raise UsageError(f"{self._where} has no {next(iter(self._left))!r}.", hint="see EventBridgeTrigger(...).config()")
        for part in self._parts:
            part.finish()
