"""The event bus: events, rules and triggers, in virtual time and over real processes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from fclab import EventBridgeTrigger, Lab, MNSQueue
from fclab.errors import UsageError
from fclab.observe import events as e
from fclab.sources.hub import Hub
from tests.unit.message_kit import code_of, events_of, nothing

SOLD: dict[str, Any] = {"source": "shop", "type": "Sold", "subject": "orders/1", "data": {"total": 12.5, "tags": ["new"]}}


@pytest.fixture(params=["virtual", "process"])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    with Lab(request.param) as made:
        yield made


def listening(lab: Lab, **options: Any) -> Any:
    lab.function(name="f")(nothing)
    return lab.trigger("f", EventBridgeTrigger(**options))


# ---- events


def test_an_event_is_filled_in_and_is_the_documented_one(lab: Lab) -> None:
    listening(lab)
    (identity,) = lab.bus.publish(SOLD)
    lab.run()
    (payload,) = events_of(lab, "f")
    event = json.loads(payload)
    assert event.pop("time") == event.pop("aliyunpublishtime")
    assert event == {
        "id": identity, "source": "shop", "specversion": "1.0", "type": "Sold", "subject": "orders/1",
        "datacontenttype": "application/json; charset=utf-8", "aliyunaccountid": "000000000000", "aliyuneventbusname": "default",
        "aliyunoriginalaccountid": "000000000000", "aliyunregionid": "lab", "aliyunpublishaddr": "127.0.0.1", "data": SOLD["data"],
    }  # fmt: skip
    read = JSONFormat().read(CloudEvent, payload)
    assert (read.get_id(), read.get_data()) == (identity, SOLD["data"])
    assert read.get_extension("aliyunoriginalaccountid") == "000000000000"


def test_what_is_given_is_kept_and_bytes_travel_as_base64() -> None:
    lab = Lab()
    listening(lab)
    lab.bus.publish({**SOLD, "id": "mine", "time": "2020-01-01T00:00:00+08:00", "data": None, "traceid": "t"})
    lab.bus.publish({"source": "s", "type": "t", "data_base64": "AP8="})
    lab.run()
    first, second = map(json.loads, events_of(lab, "f"))
    assert (first["id"], first["time"], first["data"], first["traceid"]) == ("mine", "2020-01-01T00:00:00+08:00", None, "t")
    assert (second["data_base64"], "data" in second) == ("AP8=", False)


def test_ids_are_the_same_in_every_run_and_never_twice() -> None:
    def ids(seed: int) -> list[str]:
        return Lab(seed=seed).bus.publish([SOLD, SOLD])

    assert ids(1) == ids(1) != ids(2)
    assert len(set(ids(1))) == 2


@pytest.mark.parametrize("wrong", [
    "text", {}, {"type": "t"}, {"source": "s"}, {**SOLD, "specversion": "0.3"}, {**SOLD, "id": ""}, {**SOLD, "time": "yesterday"},
    {**SOLD, "subject": ""}, {**SOLD, "Upper": "x"}, {**SOLD, "data": {1, 2}}, {**SOLD, "type": 5},
])  # fmt: skip
def test_what_is_no_event_is_refused_and_nothing_of_its_batch_is_published(wrong: Any) -> None:
    lab = Lab()
    listening(lab)
    with pytest.raises(UsageError):
        lab.bus.publish([SOLD, wrong])
    lab.run()
    assert events_of(lab, "f") == []


def test_an_event_of_more_than_64_kb_is_refused() -> None:
    assert code_of(lambda: Lab().bus.publish({**SOLD, "data": "x" * 65_536})) == "EventSizeExceeded"


# ---- triggers and rules


def test_patterns_choose_and_events_fan_out(lab: Lab) -> None:
    for name, pattern in (("all", {}), ("big", {"data": {"total": [{"numeric": [">", 100]}]}}), ("shop", {"source": [{"prefix": "sh"}]})):
        lab.function(name=name)(nothing)
        lab.trigger(name, EventBridgeTrigger(pattern=pattern, asynchronous=name == "all"))
    lab.bus.put_rule("audit", {"data": {"tags": ["new", "used"]}}, ["queue:audit", "topic:audit"])
    lab.topics.subscribe("audit", "copy")
    lab.bus.publish([SOLD, {"source": "other", "type": "x", "data": {"total": 101}}])
    lab.run()
    assert [len(events_of(lab, name)) for name in ("all", "big", "shop")] == [2, 1, 1]
    assert lab.queues["audit"] == lab.queues["copy"] == events_of(lab, "shop")
    assert [rule["targets"] for rule in lab.bus.rules()] == [
        ["queue:audit", "topic:audit"], ["function:all"], ["function:big"], ["function:shop"],
    ]  # fmt: skip
    assert [lab.bus.delete_rule("audit"), lab.bus.delete_rule("audit")] == [True, False]
    lab.bus.publish(SOLD)
    assert len(lab.queues["audit"]) == 1
    assert lab.bus.fits({"type": ["Sold"]}, SOLD)


def test_a_handler_publishes_and_the_chain_links(lab: Lab) -> None:
    @lab.function
    def first(event: bytes, context: Any) -> Any:
        return context.bus.publish({"source": "first", "type": "Done"})

    listening(lab, pattern={"source": ["first"]})
    answer = lab.invoke("first")
    assert isinstance(answer.json(), list), answer.logs
    lab.run()
    accepted = [(one.function, one.cause) for one in lab.recording.events if isinstance(one, e.RequestAccepted)]
    assert accepted == [("first", 0), ("f", 1)]


def test_other_sources_publish_only_where_somebody_listens() -> None:
    lab = Lab()
    hub = lab._platform.hub
    assert isinstance(hub, Hub)

    def changed(size: int = 1) -> None:
        with hub.change() as change:
            change.publish("acs.oss", "oss:ObjectCreated:PutObject", "acs:oss:lab:1:photos/a.jpg", {"size": "x" * size})

    changed()
    row = hub.store.one("SELECT events FROM bus")
    assert row == (0,), "clause 2: no event is made"
    listening(lab, pattern={"source": ["acs.oss"]})
    changed()
    changed(70_000)
    lab.run()
    (event,) = map(json.loads, events_of(lab, "f"))
    assert (event["type"], event["subject"]) == ("oss:ObjectCreated:PutObject", "acs:oss:lab:1:photos/a.jpg")
    assert any(isinstance(one, e.SourceChanged) and "EventSizeExceeded" in str(one.what) for one in lab.recording.events)


def test_event_driven_errors_are_repeated_and_kept_or_go_to_the_dead_letters() -> None:
    lab = Lab()

    @lab.function
    def fails(event: bytes, context: object) -> None:
        raise ValueError("no")

    kept = lab.trigger("fails", EventBridgeTrigger(pattern={"type": ["kept"]}))
    lab.trigger("fails", EventBridgeTrigger(pattern={"type": ["dead"]}, errors="ALL", dead_letter="queue:lost"))
    lab.bus.publish([{"source": "s", "type": "kept"}, {"source": "s", "type": "dead"}])
    lab.run()
    fired = [one for one in lab.recording.events if isinstance(one, e.TriggerFired)]
    assert sorted(one.attempt for one in fired) == [1, 1, 2, 2, 3, 3, 4, 4]
    assert [json.loads(one.payload)["type"] for one in kept.undelivered] == ["kept"]
    assert [json.loads(body)["type"] for body in lab.queues["lost"]] == ["dead"]
    assert not lab.triggers()[1].undelivered


def test_raw_data_is_the_data_alone() -> None:
    lab = Lab()
    listening(lab, schema="RawData")
    lab.bus.publish([SOLD, {"source": "s", "type": "t", "data": "text"}])
    lab.run()
    assert [json.loads(events_of(lab, "f")[0]), events_of(lab, "f")[1]] == [SOLD["data"], b"text"]


def test_disabled_it_hears_nothing_and_enabled_it_hears_again() -> None:
    lab = Lab()
    handle = listening(lab)
    handle.disable()
    lab.bus.publish(SOLD)
    assert lab.bus.rules() == []
    handle.enable()
    lab.bus.publish({**SOLD, "id": "heard"})
    lab.run()
    assert [json.loads(one)["id"] for one in events_of(lab, "f")] == ["heard"]
    handle.update(pattern={"source": ["nobody"]})
    lab.bus.publish(SOLD)
    lab.run()
    assert len(events_of(lab, "f")) == 1


@pytest.mark.parametrize("options", [
    {"pattern": {"a": "x"}}, {"pattern": {"a": []}}, {"pattern": {"a": {}}}, {"pattern": {"a": [{"prefix": 5}]}}, {"pattern": []},
    {"pattern": {"a": [{"numeric": [">"]}]}}, {"pattern": {"a": [{"cidr": "10.0.0.0/99"}]}}, {"pattern": {"a": [{"anything-but": []}]}},
    {"pattern": {"a": [{"exists": 1}]}}, {"pattern": {"a": [{"like": "x"}]}}, {"mode": "event"}, {"schema": "x"}, {"errors": "SOME"},
    {"retry": "x"}, {"batch": 0, "mode": "event-streaming"}, {"batch": 10_001, "mode": "event-streaming"}, {"batch": 2}, {"window": 1},
    {"window": 16, "mode": "event-streaming"}, {"source": "queue"}, {"asynchronous": 1}, {"dead_letter": "queue:q"},
    {"dead_letter": "q", "errors": "ALL"}, {"dead_letter": "queue:", "errors": "ALL"},
])  # fmt: skip
def test_wrong_triggers_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        EventBridgeTrigger(**options)


TRIGGERS = (
    EventBridgeTrigger(),
    EventBridgeTrigger(
        pattern={"source": ["acs.oss"]}, mode="event-streaming", asynchronous=True, source=MNSQueue(queue="in", base64_decode=False),
        schema="RawData", errors="ALL", retry="EXPONENTIAL_DECAY_RETRY", batch=100, window=15, dead_letter="queue:lost",
    ),
)  # fmt: skip


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_a_trigger_survives_the_wire(trigger: EventBridgeTrigger) -> None:
    assert EventBridgeTrigger.from_config("", json.loads(json.dumps(trigger.config()))) == trigger


def test_the_wire_is_the_documented_one_and_unknown_fields_are_named() -> None:
    config = TRIGGERS[1].config()
    assert config["runOptions"] == {
        "mode": "event-streaming", "errorsTolerance": "ALL", "retryStrategy": {"PushRetryStrategy": "EXPONENTIAL_DECAY_RETRY"},
        "batchWindow": {"CountBasedWindow": 100, "TimeBasedWindow": 15},
        "deadLetterQueue": {"Arn": "acs:mns:lab:000000000000:/queues/lost"},
    }  # fmt: skip
    assert config["eventSourceConfig"]["eventSourceParameters"]["sourceMNSParameters"]["QueueName"] == "in"
    for path, word in (((), "surplus"), (("runOptions",), "maxTasks"), (("runOptions", "batchWindow"), "Bytes")):
        wrong = json.loads(json.dumps(config))
        part = wrong
        for step in path:
            part = part[step]
        part[word] = 1
        with pytest.raises(UsageError, match=word):
            EventBridgeTrigger.from_config("", wrong)
    for given in ({"eventSourceConfig": {"eventSourceType": "Kafka"}}, {"eventRuleFilterPattern": "{"}, {"asyncInvocationType": "true"}):
        with pytest.raises(UsageError):
            EventBridgeTrigger.from_config("", given)


def test_the_example_is_an_event() -> None:
    assert JSONFormat().read(CloudEvent, EventBridgeTrigger.example()).get_type() == "OrderPlaced"


@pytest.mark.parametrize("backend", ["virtual", "process"])
def test_a_home_keeps_rules_and_goes_on_counting(backend: str, tmp_path: Path) -> None:
    with Lab(backend, home=tmp_path, seed=1) as lab:
        listening(lab)
        lab.bus.put_rule("audit", {"source": ["shop"]}, ["queue:audit"])
        ids = lab.bus.publish([SOLD, SOLD])
        lab.run()
    with Lab(backend, home=tmp_path, seed=1) as lab:
        ids += lab.bus.publish(SOLD)  # the function is not there yet
        lab.function(name="f")(nothing)
        lab.run()
        assert [json.loads(one)["id"] for one in events_of(lab, "f")] == ids[2:]
        assert [json.loads(body)["id"] for body in lab.queues["audit"]] == ids
        assert len(set(ids)) == 3


def test_the_cost_of_an_event_does_not_grow() -> None:
    lab = Lab(record=False)
    lab.declare("f", duration=0.001)
    lab.trigger("f", EventBridgeTrigger(mode="event-streaming", batch=50, window=1))
    bus = lab.bus

    def cost(events: int) -> float:
        began = time.process_time()
        for number in range(events):
            bus.publish(SOLD)
            if number % 100 == 99:
                lab.run()
        return (time.process_time() - began) / events

    cost(200)
    early = min(cost(300) for _ in range(3))
    cost(5_000)
    late = min(cost(300) for _ in range(3))
    assert late < 2 * early
