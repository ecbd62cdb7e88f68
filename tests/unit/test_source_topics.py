"""Topics: what the message service promises, in virtual time and over real processes."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from fclab import AsyncConfig, Lab, MNSTopicTrigger
from fclab.errors import UsageError
from fclab.observe import events as e
from fclab.sources.messages.strategies import STRATEGIES
from fclab.units import SECOND
from tests.unit.message_kit import code_of, events_of, nothing


@pytest.fixture(params=["virtual", "process"])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    with Lab(request.param) as made:
        yield made


def test_the_json_event_is_the_documented_one(lab: Lab) -> None:
    @lab.function
    def reads(event: bytes, context: object) -> None: ...

    lab.trigger("reads", MNSTopicTrigger(topic="orders", format="JSON"), name="sub")
    sent = lab.topics.publish("orders", "hello", attributes={"Extend": '{"a": 1}'})
    lab.run()
    event = json.loads(events_of(lab, "reads")[0])
    published = event.pop("PublishTime")
    assert isinstance(published, int)
    assert len(str(published)) == 13
    assert event == {
        "TopicOwner": "000000000000", "Message": "hello", "Subscriber": "000000000000", "SubscriptionName": "sub",
        "MessageMD5": "5D41402ABC4B2A76B9719D911017C592", "TopicName": "orders", "MessageId": sent["id"], "Extend": '{"a": 1}',
    }  # fmt: skip
    assert list(json.loads(MNSTopicTrigger.example())) == [
        "TopicOwner", "Message", "Subscriber", "PublishTime", "SubscriptionName", "MessageMD5", "TopicName", "MessageId",
    ]  # fmt: skip


def test_the_stream_event_is_the_text_or_the_text_with_attributes() -> None:
    lab = Lab()
    lab.declare("reads", duration=0.1)
    lab.trigger("reads", MNSTopicTrigger(topic="orders"))
    lab.topics.publish("orders", b"\xffraw")
    lab.topics.publish("orders", "hello", attributes={"Extend": '{"key":"value"}'})
    lab.run()
    assert events_of(lab, "reads") == [b"\xffraw", b'{"body":"hello","attrs":{"Extend":"{\\"key\\":\\"value\\"}"}}']


def test_tags_choose_who_gets_it() -> None:
    lab = Lab()
    for name in ("red", "blue", "all"):
        lab.declare(name, duration=0.1)
        lab.trigger(name, MNSTopicTrigger(topic="t", tag=None if name == "all" else name))
    lab.topics.subscribe("t", "q", tag="red")
    for tag in ("red", "blue", "redder", None):
        lab.topics.publish("t", str(tag), tag=tag)
    lab.run()
    assert events_of(lab, "red") == lab.queues["q"] == [b"red"]
    assert events_of(lab, "blue") == [b"blue"]
    assert events_of(lab, "all") == [b"red", b"blue", b"redder", b"None"]


def test_a_disabled_trigger_misses_what_is_published() -> None:
    lab = Lab()
    lab.declare("reads", duration=0.1)
    handle = lab.trigger("reads", MNSTopicTrigger(topic="t"))
    handle.disable()
    lab.topics.publish("t", "missed")
    handle.enable()
    lab.topics.publish("t", "seen")
    handle.delete()
    lab.topics.publish("t", "gone")
    lab.run()
    assert events_of(lab, "reads") == []
    assert lab.topics.subscriptions("t") == []


def test_subscriptions_and_topics_are_listed_and_deleted(lab: Lab) -> None:
    lab.declare("reads", duration=0.01) if lab.recording.meta["clock"] == "virtual" else lab.function(name="reads")(nothing)
    assert [lab.topics.create("t"), lab.topics.create("t")] == [True, False]
    lab.trigger("reads", MNSTopicTrigger(topic="t", tag="x"), name="first")
    assert lab.topics.subscribe("t", "q", format="JSON") == "q"
    assert lab.topics.subscriptions("t") == [
        {"name": "q", "queue": "q", "tag": None, "format": "JSON"},
        {"name": "first", "function": "reads", "tag": "x", "format": "STREAM"},
    ]
    lab.topics.publish("t", "x")
    assert json.loads(lab.queues["q"][0])["SubscriptionName"] == "q"
    assert [lab.topics.unsubscribe("t", "q"), lab.topics.unsubscribe("t", "q")] == [True, False]
    assert lab.topics.list() == ["t"]
    assert [lab.topics.delete("t"), lab.topics.delete("t"), lab.topics.list()] == [True, False, []]
    assert code_of(lambda: lab.topics.subscriptions("t")) == "TopicNotExist"


def test_wrong_triggers_and_messages_are_refused() -> None:
    lab = Lab()
    odd: Any = {"a": 1}
    for wrong in (
        lambda: MNSTopicTrigger(topic=""), lambda: MNSTopicTrigger(topic="t", tag="x" * 17), lambda: MNSTopicTrigger(topic="t", tag=""),
        lambda: MNSTopicTrigger(topic="t", format="XML"), lambda: MNSTopicTrigger(topic="t", strategy="NEVER"),
        lambda: lab.topics.publish("t", "x", tag="x" * 17), lambda: lab.topics.publish("t", "x", attributes=odd),
        lambda: lab.topics.publish("t", b""), lambda: lab.topics.publish("a b", "x"), lambda: lab.topics.subscribe("t", "q", format="x"),
        lambda: MNSTopicTrigger.from_config("acs:oss:x", {}), lambda: MNSTopicTrigger.from_config(MNSTopicTrigger(topic="t").arn, {"a": 1}),
    ):  # fmt: skip
        with pytest.raises(UsageError):
            wrong()


@pytest.mark.parametrize("trigger", [
    MNSTopicTrigger(topic="t"), MNSTopicTrigger(topic="a-1", tag="x", format="JSON", strategy="EXPONENTIAL_DECAY_RETRY"),
])  # fmt: skip
def test_a_trigger_survives_the_wire(trigger: MNSTopicTrigger) -> None:
    assert MNSTopicTrigger.from_config(trigger.arn, json.loads(json.dumps(trigger.config()))) == trigger


def test_the_two_strategies_wait_as_documented() -> None:
    chance = Random(1)
    short = [STRATEGIES["BACKOFF_RETRY"](made, 0, chance) for made in range(1, 5)]
    assert all(wait is not None and 10 * SECOND <= wait <= 20 * SECOND for wait in short[:3])
    assert len(set(short)) == 4, "random ones"
    assert short[3] is None
    long = [STRATEGIES["EXPONENTIAL_DECAY_RETRY"](made, 0, chance) for made in range(1, 178)]
    assert long == [2**n * SECOND for n in range(9)] + [512 * SECOND] * 167 + [None]


def test_a_delivery_that_the_platform_refuses_is_repeated_and_then_kept() -> None:
    lab = Lab()
    lab.declare("reads", duration=0.1)
    handle = lab.trigger("reads", MNSTopicTrigger(topic="t"))
    lab.disable("reads")
    lab.topics.publish("t", "x")
    lab.run()
    times = [one.time for one in lab.recording.events if isinstance(one, e.TriggerFired)]
    assert len(times) == 4
    assert all(10 <= b - a <= 20 for a, b in itertools.pairwise(times))
    (kept,) = handle.undelivered
    assert (kept.payload, kept.attempts) == (b"x", 4)
    lab.enable("reads")
    handle.redeliver()
    lab.run()
    assert events_of(lab, "reads")[-1] == b"x"


def test_a_destination_may_be_a_topic(lab: Lab) -> None:
    @lab.function(async_config=AsyncConfig(on_success="topic:news"))
    def f(event: bytes, context: object) -> str:
        return "well"

    @lab.function
    def reads(event: bytes, context: object) -> None: ...

    lab.trigger("reads", MNSTopicTrigger(topic="news"))
    lab.topics.subscribe("news", "copy")
    lab.invoke_async("f")
    lab.run()
    assert json.loads(events_of(lab, "reads")[0])["responsePayload"] == "well"
    assert lab.queues["copy"] == events_of(lab, "reads")
    accepted = [(one.function, one.cause) for one in lab.recording.events if isinstance(one, e.RequestAccepted)]
    assert accepted == [("f", 0), ("reads", 1)], "the topic's call links to the request whose outcome it tells"


@pytest.mark.parametrize("backend", ["virtual", "process"])
def test_a_home_keeps_messages_subscriptions_and_triggers(backend: str, tmp_path: Path) -> None:
    with Lab(backend, home=tmp_path) as lab:
        lab.function(name="reads")(nothing)
        lab.trigger("reads", MNSTopicTrigger(topic="t"))
        lab.topics.subscribe("t", "q")
        lab.queues.send("q", "kept")
        (hidden,) = lab.queues.receive("q", visibility=43_200)
    with Lab(backend, home=tmp_path) as lab:
        lab.topics.publish("t", "again")  # its function is not there yet
        assert lab.queues["q"] == [b"kept", b"again"]
        assert [one["body"] for one in lab.queues.receive("q", 16)] == [b"again"]
        lab.queues.delete("q", hidden["receipt"])
        lab.function(name="reads")(nothing)
        lab.run()
        assert events_of(lab, "reads") == [b"again"]
        assert lab.queues["q"] == [b"again"]
