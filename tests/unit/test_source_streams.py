"""Streams of the event bus: order, batches, what happens to failures, and queues as their source."""

from __future__ import annotations

import base64
import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from fclab import EventBridgeTrigger, Lab, MNSQueue
from fclab.errors import UsageError
from fclab.observe import events as e
from tests.unit.message_kit import events_of, nothing


@pytest.fixture(autouse=True)
def _whole_payloads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fclab.observe.recording.PREVIEW", 1 << 20)


def numbered(count: int, size: int = 0) -> list[dict[str, Any]]:
    return [{"source": "s", "type": "t", "data": {"n": n, "fill": "x" * size}} for n in range(count)]


def numbers(lab: Lab, function: str = "f") -> list[list[int]]:
    return [[event["data"]["n"] for event in json.loads(payload)] for payload in events_of(lab, function)]


def streaming(lab: Lab, **options: Any) -> Any:
    if not any(spec == "f" for spec in lab._specs):
        lab.function(name="f")(nothing)
    return lab.trigger("f", EventBridgeTrigger(mode="event-streaming", **options))


def fired(lab: Lab) -> list[float]:
    return [one.time for one in lab.recording.events if isinstance(one, e.TriggerFired)]


# ---- clause 2: batches


def test_clause_2_the_documented_example_100_messages_of_2_kb_are_64_and_36() -> None:
    lab = Lab()
    streaming(lab, asynchronous=True, batch=100, window=10)
    size = len(json.dumps(_one_event(lab), separators=(",", ":")))
    lab.bus.publish(numbered(100, 2046 - size - 1))  # 2 KB an event, with the comma after it, where n has two digits
    lab.run()
    assert [len(batch) for batch in numbers(lab)] == [64, 36]
    assert [number for batch in numbers(lab) for number in batch] == list(range(100)), "clause 1: in order"
    assert all(len(payload) <= 128 * 1024 for payload in events_of(lab, "f"))


def _one_event(lab: Lab) -> Any:
    other = Lab()
    other.declare("f", duration=0.001)
    other.trigger("f", EventBridgeTrigger())
    other.bus.publish(numbered(1))
    other.run()
    return json.loads(events_of(other, "f")[0])


def test_clause_2_the_window_ends_a_batch_and_so_does_the_count() -> None:
    lab = Lab()
    streaming(lab, batch=3, window=10)
    lab.bus.publish(numbered(2))
    lab.run_for(9.9)
    assert fired(lab) == []
    lab.run_for(0.1)
    assert fired(lab) == [10]
    lab.bus.publish(numbered(4))
    lab.run()
    assert numbers(lab) == [[0, 1], [0, 1, 2], [3]]
    assert fired(lab)[2] == 20, "its own first event has waited for the window"


def test_clause_2_without_a_window_what_is_there_goes_at_once() -> None:
    lab = Lab()
    streaming(lab, batch=100)
    lab.bus.publish(numbered(5))
    lab.run()
    assert numbers(lab) == [[0, 1, 2, 3, 4]]
    assert fired(lab) == [0]


def test_a_stream_makes_one_call_at_a_time() -> None:
    lab = Lab()
    lab.declare("f", duration=1)
    streaming(lab)
    lab.bus.publish(numbered(3))
    lab.run()
    assert numbers(lab) == [[0], [1], [2]]
    assert all(round(after - before, 6) >= 1 for before, after in itertools.pairwise(fired(lab)))


# ---- failures


def test_none_stands_still_until_the_function_is_mended() -> None:
    lab = Lab()

    @lab.function
    def f(event: bytes, context: object) -> None:
        raise ValueError("no")

    handle = streaming(lab, batch=2)
    lab.bus.publish(numbered(3))
    lab.run()
    assert numbers(lab) == [[0, 1]] * 4
    lab.bus.publish(numbered(1))
    lab.run()
    assert numbers(lab) == [[0, 1]] * 4, "it stands still, and no work is left"
    assert not handle.undelivered
    lab.function(name="f")(nothing)
    lab.run()
    assert numbers(lab)[4:] == [[0, 1], [2, 0]]


def test_all_goes_on_and_the_dead_letters_have_what_failed() -> None:
    lab = Lab()

    @lab.function
    def f(event: bytes, context: object) -> None:
        if json.loads(event)[0]["data"]["n"] == 0:
            raise ValueError("no")

    streaming(lab, batch=2, errors="ALL", dead_letter="queue:lost")
    lab.bus.publish(numbered(4))
    lab.run()
    assert numbers(lab) == [[0, 1]] * 4 + [[2, 3]]
    assert [json.loads(body)["data"]["n"] for body in lab.queues["lost"]] == [0, 1]


def test_all_without_dead_letters_keeps_what_failed_as_undelivered() -> None:
    lab = Lab()
    failures = iter([True] * 4)

    @lab.function
    def f(event: bytes, context: object) -> None:
        if next(failures, False):
            raise ValueError("no")

    handle = streaming(lab, batch=2, errors="ALL")
    lab.bus.publish(numbered(3))
    lab.run()
    (kept,) = handle.undelivered
    assert [event["data"]["n"] for event in json.loads(kept.payload)] == [0, 1]
    handle.redeliver()
    lab.run()
    assert numbers(lab)[-2:] == [[2], [0, 1]]


# ---- a queue as the source


@pytest.mark.parametrize("backend", ["virtual", "process"])
def test_a_queue_is_drained_into_documented_events(backend: str) -> None:
    with Lab(backend) as lab:
        streaming(lab, source=MNSQueue(queue="in"), batch=2)
        (sent, _, _) = lab.queues.send_many("in", ["TEST", "b", "c"])
        lab.run()
        batches = [json.loads(payload) for payload in events_of(lab, "f")]
        assert [[one["data"]["messageBody"] for one in batch] for batch in batches] == [["TEST", "b"], ["c"]]
        event = batches[0][0]
        assert event.pop("time") <= event.pop("aliyunpublishtime")
        assert len(event["data"].pop("requestId")) == 32
        assert event == {
            "id": sent["id"], "source": "acs:mns:in", "specversion": "1.0", "type": "mns:Queue:SendMessage",
            "datacontenttype": "application/json; charset=utf-8", "subject": "acs:mns:lab:000000000000:queues/in",
            "aliyunaccountid": "000000000000", "aliyunoriginalaccountid": "000000000000", "aliyuneventbusname": "acs:mns:in",
            "aliyunregionid": "lab", "aliyunpublishaddr": "127.0.0.1", "data": {"messageId": sent["id"], "messageBody": "TEST"},
        }  # fmt: skip
        assert lab.queues == {"in": []}, "clause 1: deleted when they were taken"


def test_event_driven_it_is_one_message_a_call_as_an_object() -> None:
    lab = Lab()
    lab.function(name="f")(nothing)
    lab.trigger("f", EventBridgeTrigger(source=MNSQueue(queue="in", base64_decode=False)))
    lab.queues.send_many("in", ["a", "b"])
    lab.run()
    bodies = [json.loads(payload)["data"]["messageBody"] for payload in events_of(lab, "f")]
    assert [base64.b64decode(body) for body in bodies] == [b"a", b"b"]


def test_raw_messages_go_alone() -> None:
    lab = Lab()
    lab.function(name="f")(nothing)
    lab.trigger("f", EventBridgeTrigger(source=MNSQueue(queue="in"), schema="RawData"))
    lab.queues.send("in", "just text")
    lab.run()
    assert events_of(lab, "f") == [b"just text"]


def test_messages_that_do_not_fit_are_dealt_with_unheard() -> None:
    lab = Lab()
    streaming(lab, source=MNSQueue(queue="in"), pattern={"data": {"messageBody": [{"prefix": "a"}]}})
    lab.queues.send_many("in", ["b", "a1", "c", "a2"])
    lab.run()
    assert [json.loads(payload)[0]["data"]["messageBody"] for payload in events_of(lab, "f")] == ["a1", "a2"]
    assert lab.queues == {"in": []}


def test_delayed_messages_and_those_that_others_let_go_come_too() -> None:
    lab = Lab()
    lab.queues.send("in", "first")
    lab.queues.receive("in", visibility=20)
    streaming(lab, source=MNSQueue(queue="in"))
    lab.queues.send("in", "late", delay=100)
    lab.run()
    assert fired(lab) == [20, 100]
    assert lab.queues == {"in": []}


def test_clause_1_while_the_function_has_them_nobody_else_receives_them_and_failures_come_again() -> None:
    lab = Lab()
    failures = iter([True, False])

    @lab.function
    def f(event: bytes, context: object) -> None:
        if next(failures):
            raise ValueError("no")

    streaming(lab, source=MNSQueue(queue="in"), batch=10)
    lab.queues.send_many("in", ["a", "b"])
    lab.run_for(5)
    assert lab.queues.receive("in", 16) == []
    assert lab.queues["in"] == [b"a", b"b"]
    lab.run()
    assert [len(json.loads(payload)) for payload in events_of(lab, "f")] == [2, 2]
    assert lab.queues == {"in": []}


def test_clause_3_disabled_it_gives_the_messages_back() -> None:
    lab = Lab()

    @lab.function
    def f(event: bytes, context: object) -> None:
        raise ValueError("no")

    handle = streaming(lab, source=MNSQueue(queue="in"), batch=10)
    lab.queues.send_many("in", ["a", "b"])
    lab.run()
    assert lab.queues.receive("in", 16) == []
    handle.disable()
    assert [one["body"] for one in lab.queues.receive("in", 16, visibility=1)] == [b"a", b"b"]
    lab.function(name="f")(nothing)
    handle.enable()
    lab.run()
    assert lab.queues == {"in": []}
    handle.delete()
    lab.queues.send("in", "stays")
    lab.run()
    assert lab.queues["in"] == [b"stays"]


@pytest.mark.parametrize("backend", ["virtual", "process"])
def test_a_home_goes_on_with_what_was_gathered(backend: str, tmp_path: Path) -> None:
    with Lab(backend, home=tmp_path) as lab:
        streaming(lab, batch=100, window=1)
        streaming(lab, source=MNSQueue(queue="in"), batch=100, window=1)
        lab.bus.publish(numbered(2))
        lab.queues.send("in", "m")
        assert lab.queues["in"] == [b"m"]
    with Lab(backend, home=tmp_path) as lab:
        lab.bus.publish(numbered(1))
        lab.function(name="f")(nothing)
        lab.run()
        got = [json.loads(payload) for payload in events_of(lab, "f")]
        assert sorted(len(batch) for batch in got) == [1, 3]
        assert sorted(str(event["data"].get("n", "m")) for batch in got for event in batch) == ["0", "0", "1", "m"]
        assert lab.queues == {"in": []}


@pytest.mark.parametrize("again", ["enable", "update", "enable twice"])
def test_clause_3_what_a_call_under_way_carries_is_not_sent_again(again: str) -> None:
    lab = Lab()
    lab.declare("f", duration=10, timeout=60)
    handle = streaming(lab, source=MNSQueue(queue="work"), batch=3)
    lab.queues.send_many("work", ["1", "2", "3", "4"])
    lab.run_for(5)
    for _ in range(2 if again == "enable twice" else 1):
        if again == "update":
            handle.update()
        else:
            handle.disable()
            handle.enable()
    lab.run()
    assert [[one["data"]["messageBody"] for one in json.loads(body)] for body in events_of(lab, "f")] == [["1", "2", "3"], ["4"]]
    assert lab.queues["work"] == []


@pytest.mark.parametrize("duration", [10, 100])
def test_clause_3_disabled_the_call_under_way_decides_about_its_messages(duration: float) -> None:
    lab = Lab()
    lab.declare("f", duration=duration, timeout=60)
    handle = streaming(lab, source=MNSQueue(queue="work"), batch=3)
    lab.queues.send_many("work", ["1", "2", "3", "4"])
    lab.run_for(5)
    handle.disable()
    lab.run()
    left = ["4"] if duration < 60 else ["1", "2", "3", "4"]
    assert [one["body"].decode() for one in lab.queues.receive("work", 16)] == left


def test_the_queue_of_a_trigger_is_fixed() -> None:
    lab = Lab()
    handle = streaming(lab, source=MNSQueue(queue="in"))
    for other in (None, MNSQueue(queue="other")):
        with pytest.raises(UsageError, match="source of a EventBridgeTrigger is fixed"):
            handle.update(source=other)
    handle.update(source=MNSQueue(queue="in"), batch=2)
    assert (handle.trigger.source.queue, handle.trigger.batch) == ("in", 2)
