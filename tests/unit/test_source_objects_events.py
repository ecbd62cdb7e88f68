"""What the object store tells functions: the documented event, which trigger gets it, and what happens to one that is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from fclab import Lab, OSSTrigger
from fclab.controls.desks import hub_of
from fclab.errors import SourceError, UsageError
from fclab.observe import events as e
from fclab.sources.objects.events import NAMES
from fclab.sources.objects.limits import SMALLEST_PART
from fclab.sources.objects.service import Objects
from tests.unit.source_kit import payloads


@pytest.fixture(params=["virtual", "process"])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    with Lab(request.param) as made:
        yield made


def watch(lab: Lab, function: str = "see", **options: Any) -> None:
    """A function that is called for everything in the bucket photos, unless told otherwise."""

    def handler(event: bytes, context: object) -> None: ...

    lab.function(name=function)(handler)
    events = options.pop("events", ["oss:ObjectCreated:*", "oss:ObjectRemoved:*", "oss:ObjectModified:*"])
    lab.trigger(function, OSSTrigger(bucket="photos", events=events, **options), name="watch")


def told(lab: Lab, function: str = "see") -> list[tuple[Any, ...]]:
    lab.run()
    events = [payload["events"][0] for payload in payloads(lab, function)]
    return [(one["eventName"], *(one["oss"]["object"][field] for field in ("key", "size", "deltaSize"))) for one in events]


def test_the_golden_event(lab: Lab) -> None:
    watch(lab)
    answer = lab.objects.put("photos", "in/ä b.jpg", b"123456789")
    lab.run()
    ((event,),) = (payload["events"] for payload in payloads(lab, "see"))
    time = event.pop("eventTime")
    assert time == lab.objects.head("photos", "in/ä b.jpg")["last_modified"]
    assert len(time) == len("2017-04-21T12:46:37.000Z")
    assert event == {
        "eventName": "ObjectCreated:PutObject",
        "eventSource": "acs:oss",
        "eventVersion": "1.0",
        "oss": {
            "bucket": {"arn": "acs:oss:lab:000000000000:photos", "name": "photos", "ownerIdentity": "000000000000", "virtualBucket": ""},
            "object": {
                "deltaSize": 9,
                "eTag": "25F9E794323B453885F5181F1B624D0B",
                "key": "in/ä b.jpg",
                "objectMeta": {"mimeType": "image/jpeg"},
                "size": 9,
            },
            "ossSchemaVersion": "1.0",
            "ruleId": "watch",
        },
        "region": "lab",
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"requestId": answer["request_id"]},
        "userIdentity": {"principalId": "000000000000"},
    }
    assert len(answer["request_id"]) == 24


def test_the_example_has_the_shape_of_a_real_one() -> None:
    lab = Lab()
    watch(lab)
    lab.objects.put("photos", "image/a.jpg", b"1")
    lab.run()

    def shape(value: object) -> object:
        return {name: shape(one) for name, one in value.items()} if isinstance(value, dict) else type(value)

    (real,) = payloads(lab, "see")
    (example,) = json.loads(OSSTrigger.example())["events"]
    assert shape(example) == shape(real["events"][0])


def test_every_change_has_its_event_and_its_delta() -> None:
    lab = Lab()
    watch(lab)
    store = lab.objects
    store.put("photos", "a", b"12345")
    store.put("photos", "a", b"12")
    store.copy("photos", "a", "photos", "b")
    store.append("photos", "c", b"123")
    store.append("photos", "c", b"4567")
    store.put_symlink("photos", "d", "a")
    store.update_meta("photos", "a", meta={"n": "1"})
    store.copy("photos", "a", "photos", "a")
    upload = store.initiate_multipart_upload("photos", "e")["upload_id"]
    store.upload_part("photos", "e", upload, 1, b"x" * SMALLEST_PART)
    store.upload_part_copy("photos", "e", upload, 2, "photos", "a")
    store.complete_multipart_upload("photos", "e", upload)
    store.abort_multipart_upload("photos", "f", store.initiate_multipart_upload("photos", "f")["upload_id"])
    source = hub_of(lab._driver).sources["objects"]
    assert isinstance(source, Objects)
    with source.bodies.draft() as draft:
        draft.write_all([b"fo", b"rm"])
        source.store_draft("photos", "g", draft, event="ObjectCreated:PostObject")
    store.delete("photos", "a")
    store.delete("photos", "a")
    store.delete_many("photos", ["b", "none", "c"])
    events = told(lab)
    assert events == [
        ("ObjectCreated:PutObject", "a", 5, 5),
        ("ObjectCreated:PutObject", "a", 2, -3),
        ("ObjectCreated:CopyObject", "b", 2, 2),
        ("ObjectCreated:AppendObject", "c", 3, 3),
        ("ObjectCreated:AppendObject", "c", 7, 4),
        ("ObjectCreated:PutSymlink", "d", 0, 0),
        ("ObjectModified:UpdateObjectMeta", "a", 2, 0),
        ("ObjectModified:UpdateObjectMeta", "a", 2, 0),
        ("ObjectCreated:InitiateMultipartUpload", "e", 0, 0),
        ("ObjectCreated:UploadPart", "e", SMALLEST_PART, 0),
        ("ObjectCreated:UploadPartCopy", "e", 2, 0),
        ("ObjectCreated:CompleteMultipartUpload", "e", SMALLEST_PART + 2, SMALLEST_PART + 2),
        ("ObjectCreated:InitiateMultipartUpload", "f", 0, 0),
        ("ObjectRemoved:AbortMultipartUpload", "f", 0, 0),
        ("ObjectCreated:PostObject", "g", 4, 4),
        ("ObjectRemoved:DeleteObject", "a", 2, -2),
        ("ObjectRemoved:DeleteObjects", "b", 2, -2),
        ("ObjectRemoved:DeleteObjects", "c", 7, -7),
    ]
    assert {f"oss:{name}" for name, *_ in events} == set(NAMES), "every documented event has a verb"
    made = [payload["events"][0]["responseElements"]["requestId"] for payload in payloads(lab, "see")]
    assert made[-1] == made[-2], "one request, two events"
    assert len(set(made)) == len(made) - 1


def test_the_event_bus_learns_of_every_change() -> None:
    lab = Lab()
    watch(lab)
    hub, taken = hub_of(lab._driver), []

    class Bus:
        def take(self, change: object, source: str, kind: str, subject: str, data: dict[str, Any]) -> None:
            taken.append((source, kind, subject, data))

    hub.bus = Bus()
    lab.objects.put("photos", "in/a.jpg", b"1")
    lab.objects.delete("photos", "in/a.jpg")
    lab.run()
    told_too = [payload["events"][0] for payload in payloads(lab, "see")]
    for event in told_too:
        del event["oss"]["ruleId"]
    assert taken == [
        ("acs.oss", "oss:ObjectCreated:PutObject", "acs:oss:lab:000000000000:photos/in/a.jpg", told_too[0]),
        ("acs.oss", "oss:ObjectRemoved:DeleteObject", "acs:oss:lab:000000000000:photos/in/a.jpg", told_too[1]),
    ]


def test_two_runs_tell_the_same() -> None:
    def run() -> list[Any]:
        lab = Lab(seed=7)
        watch(lab)
        lab.objects.put("photos", "a", b"1")
        lab.objects.initiate_multipart_upload("photos", "b")
        lab.run()
        return payloads(lab, "see")

    assert run() == run()


def test_a_trigger_gets_what_it_names() -> None:
    lab = Lab()
    watch(lab, events=["oss:ObjectCreated:PutObject"], prefix="in/", suffix=".jpg")
    store = lab.objects
    for key in ("in/a.jpg", "in/a.png", "out/a.jpg", "in/.jpg", "In/a.jpg", "in/a.JPG"):
        store.put("photos", key, b"")
        store.put("others", key, b"")
    store.copy("photos", "in/a.jpg", "photos", "in/b.jpg")
    store.delete("photos", "in/a.jpg")
    assert [key for _, key, *_ in told(lab)] == ["in/a.jpg", "in/.jpg"]


def test_overlapping_rules_are_refused_when_made_changed_or_enabled() -> None:
    lab = Lab()
    lab.declare("one", duration=0.1)
    lab.declare("two", duration=0.1)
    first = lab.trigger("one", OSSTrigger(bucket="photos", prefix="in/"))
    with pytest.raises(SourceError, match=r"'oss' on bucket 'photos' would get .* of 'in/a.jpg' too"):
        lab.trigger("two", OSSTrigger(bucket="photos", prefix="in/a", suffix=".jpg"))
    lab.trigger("two", OSSTrigger(bucket="other", prefix="in/"))
    second = lab.trigger("two", OSSTrigger(bucket="photos", prefix="out/"))
    with pytest.raises(SourceError, match="would get"):
        second.update(prefix="in")
    assert second.trigger == OSSTrigger(bucket="photos", prefix="out/")
    first.disable()
    second.update(prefix="in")
    with pytest.raises(SourceError, match="would get"):
        first.enable()
    second.delete()
    first.enable()
    lab.objects.put("photos", "in/a", b"")
    lab.run()
    assert payloads(lab, "one")
    assert not payloads(lab, "two")


def test_a_bucket_has_ten_triggers_at_most() -> None:
    lab = Lab()
    lab.declare("one", duration=0.1)
    for number in range(10):
        lab.trigger("one", OSSTrigger(bucket="photos", prefix=f"{number}/"))
    with pytest.raises(SourceError, match="10 triggers already"):
        lab.trigger("one", OSSTrigger(bucket="photos", prefix="x/"))


def test_a_trigger_makes_its_bucket() -> None:
    lab = Lab()
    watch(lab)
    assert lab.objects.list("photos")["objects"] == []


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"bucket": "No"}, "no bucket's name"),
        ({"events": "oss:ObjectCreated:*"}, "events is a list"),
        ({"events": []}, "events is a list"),
        ({"events": ["ObjectCreated:PutObject"]}, "none of this store"),
        ({"events": ["oss:ObjectCreated:Get"]}, "none of this store"),
        ({"prefix": "/in"}, "perhaps 'in' is meant"),
        ({"suffix": None}, "suffix is a text"),
        ({"prefix": "ä" * 512}, "at most 1023 bytes"),
    ],
)
def test_what_makes_no_trigger(options: dict[str, Any], match: str) -> None:
    with pytest.raises(UsageError, match=match):
        OSSTrigger(**{"bucket": "photos", **options})


def test_the_wire_makes_the_same_trigger() -> None:
    trigger = OSSTrigger(bucket="photos", events=["oss:ObjectCreated:PutObject", "oss:ObjectRemoved:*"], prefix="in/", suffix=".jpg")
    assert trigger.config() == {
        "events": ["oss:ObjectCreated:PutObject", "oss:ObjectRemoved:*"], "filter": {"key": {"prefix": "in/", "suffix": ".jpg"}},
    }  # fmt: skip
    assert OSSTrigger.from_config(trigger.arn, trigger.config()) == trigger
    old = {"events": list(trigger.events), "filter": {"Key": {"Prefix": "in/", "Suffix": ".jpg"}}}
    assert OSSTrigger.from_config("acs:oss:cn-hangzhou:123:photos", old) == trigger
    assert OSSTrigger.from_config(trigger.arn, {"events": ["oss:ObjectCreated:*"]}) == OSSTrigger(bucket="photos")


@pytest.mark.parametrize(
    ("arn", "config", "match"),
    [
        ("acs:mns:lab:0:/topics/t", {"events": ["oss:ObjectCreated:*"]}, "sourceArn"),
        ("acs:oss:lab:0:photos", {}, "events is a list"),
        ("acs:oss:lab:0:photos", {"events": ["oss:ObjectCreated:*"], "enable": True}, "triggerConfig has no 'enable'"),
        ("acs:oss:lab:0:photos", {"events": ["oss:ObjectCreated:*"], "filter": {"prefix": "a"}}, "filter has no 'prefix'"),
        ("acs:oss:lab:0:photos", {"events": ["oss:ObjectCreated:*"], "filter": {"key": {"regex": "a"}}}, "filter.key has no 'regex'"),
        ("acs:oss:lab:0:photos", {"events": ["oss:ObjectCreated:*"], "filter": {"key": "a"}}, "filter.key is an object"),
        ("acs:oss:lab:0:photos", [], "triggerConfig is an object"),
    ],
)
def test_what_the_wire_may_not_say(arn: str, config: Any, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        OSSTrigger.from_config(arn, config)


def test_what_the_platform_refuses_is_handed_over_again() -> None:
    lab = Lab()
    watch(lab)
    lab.disable("see")
    lab.objects.put("photos", "a", b"")
    lab.run(until=100)
    fired = [event.time for event in lab.recording.events if isinstance(event, e.TriggerFired)]
    assert [round(later - sooner) for sooner, later in pairwise(fired)] == [1, 2, 4, 8, 16, 32]
    lab.enable("see")
    lab.run()
    assert [event.request for event in lab.recording.events if isinstance(event, e.RequestSucceeded)] == [8]
    assert not lab.triggers()[0].undelivered


def test_in_the_end_it_is_given_up() -> None:
    lab = Lab()
    watch(lab)
    lab.disable("see")
    lab.objects.put("photos", "a", b"")
    lab.run()
    (given_up,) = lab.triggers()[0].undelivered
    assert given_up.attempts == 10
    assert json.loads(given_up.payload)["events"][0]["oss"]["object"]["key"] == "a"


@pytest.mark.parametrize("backend", ["virtual", "process"])
def test_a_home_keeps_objects_triggers_and_undelivered_events(backend: str, tmp_path: Path) -> None:
    with Lab(backend, home=tmp_path) as lab:
        watch(lab, prefix="in/")
        lab.trigger("see", OSSTrigger(bucket="photos", prefix="off/"), name="off").disable()
        lab.objects.put("photos", "in/a", b"1")
        lab.run()
        lab.objects.append("photos", "off/log", b"123")
    with Lab(backend, home=tmp_path) as lab:
        assert lab.objects.get("photos", "in/a") == b"1"
        assert [(one.name, one.enabled) for one in lab.triggers()] == [("watch", True), ("off", False)]
        lab.objects.put("photos", "in/b", b"12")  # its function is not there yet: it waits
        lab.run()
        assert payloads(lab, "see") == []
        lab.objects.append("photos", "off/log", b"456")
        lab.function(name="see")(lambda event, context: None)
        lab.run()
        assert told(lab) == [("ObjectCreated:PutObject", "in/b", 2, 2)]
        lab.function(name="other")(lambda event, context: None)
        with pytest.raises(SourceError, match="'watch' on bucket 'photos' would get"):
            lab.trigger("other", OSSTrigger(bucket="photos", prefix="in"))
    with Lab(backend, home=tmp_path) as lab:
        assert lab.objects.get("photos", "off/log") == b"123456"
