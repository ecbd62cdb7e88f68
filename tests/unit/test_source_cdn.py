"""The CDN: its eight events to the letter, domains, cache, tasks and log files."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fclab import CDNTrigger, Lab
from fclab.errors import SourceError, UsageError
from fclab.observe import events as e
from fclab.sources.cdn.trigger import EVENTS
from tests.unit.source_kit import payloads

IMG, WWW = "img.example.com", "www.example.com"
EPOCH = 1_767_225_600


@pytest.fixture(params=["virtual", "process"])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    with Lab(request.param) as made:
        yield made


def noted(event: bytes, context: object) -> bytes:
    return event


def watching(*names: str, domains: tuple[str, ...] = (IMG,)) -> Lab:
    lab = Lab(profile="instant")
    lab.function(noted)
    for name in names or EVENTS:
        lab.trigger("noted", CDNTrigger(event=name, domains=domains), name=name)
    return lab


def told(lab: Lab) -> list[Any]:
    lab.run()
    return [(one["events"][0]["eventName"], one["events"][0]["eventParameter"]) for one in payloads(lab, "noted")]


def test_an_event_is_the_documented_one() -> None:
    lab = watching()
    lab.run(until=30)
    lab.cdn.add(IMG)
    lab.run()
    (event,) = payloads(lab, "noted")
    (one,) = event["events"]
    assert len(one.pop("traceId")) == 36
    assert event == {"events": [{
        "eventName": "CdnDomainAdded", "eventVersion": "1.0.0", "eventSource": "cdn", "region": "lab",
        "eventTime": "2026-01-01T08:00:30+08:00", "resource": {"domain": IMG},
        "eventParameter": {"domain": IMG, "status": "online"}, "userIdentity": {"aliUid": "000000000000"},
    }]}  # fmt: skip
    accepted = next(event for event in lab.recording.events if isinstance(event, e.RequestAccepted))
    assert accepted.mode == "sync"
    assert [*json.loads(CDNTrigger.example())["events"][0]] == [
        "eventName", "eventVersion", "eventSource", "region", "eventTime", "traceId", "resource", "eventParameter", "userIdentity",
    ]  # fmt: skip


def test_all_eight_events() -> None:
    lab = watching()
    cdn = lab.cdn
    cdn.add(IMG)
    cdn.stop(IMG)
    cdn.stop(IMG)
    cdn.start(IMG)
    for act, kind in ((cdn.refresh, "CachedObjectsRefreshed"), (cdn.push, "CachedObjectsPushed"), (cdn.block, "CachedObjectsBlocked")):
        before = int(lab.now)
        number = act(IMG, ["/a.jpg", "/b.jpg"])
        assert cdn.tasks(number)[0]["status"] == "Refreshing"
        name, parameter = told(lab)[-1]
        assert (name, cdn.tasks(number)[0]["status"]) == (kind, "Complete")
        assert parameter == {
            "objectPath": ["/a.jpg", "/b.jpg"], "createTime": EPOCH + before, "completeTime": EPOCH + int(lab.now), "domain": IMG,
            "objectType": "File", "taskId": number,
        }  # fmt: skip
    cdn.request(IMG, "/c.jpg", size=10)
    lab.run(until=300)
    cdn.stop(IMG)
    cdn.delete(IMG)
    found = told(lab)
    assert found[:3] == [
        ("CdnDomainAdded", {"domain": IMG, "status": "online"}), ("CdnDomainStopped", {"domain": IMG, "status": "offline"}),
        ("CdnDomainStarted", {"domain": IMG, "status": "online"}),
    ]  # fmt: skip
    (file,) = cdn.log_files(IMG)
    assert found[6:] == [
        ("LogFileCreated", {"domain": IMG, **file}), ("CdnDomainStopped", {"domain": IMG, "status": "offline"}),
        ("CdnDomainDeleted", {"domain": IMG, "status": "offline"}),
    ]  # fmt: skip
    assert {name for name, _ in found} == set(EVENTS)


def test_only_the_domains_of_the_filter() -> None:
    lab = watching("CdnDomainAdded")
    for domain in (IMG, WWW, "x" + IMG):
        lab.cdn.add(domain)
    assert [parameter["domain"] for _, parameter in told(lab)] == [IMG]
    lab.triggers()[0].update(domains=[WWW, "new.example.com"])
    lab.cdn.add("new.example.com")
    lab.run()
    lab.triggers()[0].disable()
    lab.cdn.stop(WWW)
    assert [parameter["domain"] for _, parameter in told(lab)] == [IMG, "new.example.com"]


def test_the_cache() -> None:
    """Clauses 1 and 2."""
    lab = Lab()
    lab.cdn.add(IMG)

    def ask(path: str) -> tuple[int, str, int]:
        answer = lab.cdn.request(IMG, path, 5)
        return answer["status"], answer["cache"], answer["bytes"]

    assert [ask("/a"), ask("/a"), ask("/b/1"), ask("/b/2"), ask("/c")] == [(200, one, 5) for one in ("MISS", "HIT", "MISS", "MISS", "MISS")]
    lab.cdn.refresh(IMG, "/a")
    assert ask("/a") == (200, "HIT", 5)
    lab.run()
    assert (ask("/a"), lab.now) == ((200, "MISS", 5), 2.0)
    lab.cdn.refresh(IMG, ["/b/"], "Directory")
    lab.cdn.push(IMG, "/new")
    lab.cdn.block(IMG, "/c")
    lab.run()
    assert [ask(path) for path in ("/b/1", "/b/2", "/new", "/c", "/c")] == [
        (200, "MISS", 5), (200, "MISS", 5), (200, "HIT", 5), (403, "HIT", 0), (403, "HIT", 0),
    ]  # fmt: skip
    lab.cdn.refresh(IMG, "/c")
    lab.run()
    assert ask("/c") == (200, "MISS", 5)


def test_log_files_come_at_the_end_of_an_interval() -> None:
    """Clause 3: by domain, only where there was anything, and `run()` does not wait for them."""
    lab = watching("LogFileCreated", domains=(IMG, WWW))
    lab.cdn.add(IMG)
    lab.cdn.add(WWW)
    lab.run(until=10)
    lab.cdn.request(IMG, "/a.jpg", size=7)
    lab.cdn.request(IMG, "/a.jpg", size=7)
    lab.cdn.request(WWW, "/")
    lab.run()
    assert (lab.now, lab.cdn.log_files(IMG)) == (10, [])
    lab.run(until=900)
    lab.cdn.request(IMG, "/b.jpg")
    lab.run(until=1200)
    first, second = lab.cdn.log_files(IMG)
    assert first == {
        "startTime": EPOCH, "endTime": EPOCH + 300, "fileSize": len(lab.cdn.read_log(first["filePath"])),
        "filePath": "img.example.com/2026_01_01/img.example.com_2026_01_01_080000_080500.log",
    }  # fmt: skip
    assert lab.cdn.read_log(first["filePath"]) == (
        '[01/Jan/2026:00:00:10 +0000] 127.0.0.1 "GET https://img.example.com/a.jpg" 200 7 MISS\n'
        '[01/Jan/2026:00:00:10 +0000] 127.0.0.1 "GET https://img.example.com/a.jpg" 200 7 HIT\n'
    )
    assert second["startTime"] == EPOCH + 900
    assert [parameter["domain"] for _, parameter in told(lab)] == [IMG, WWW, IMG]
    fired = [event.time for event in lab.recording.events if isinstance(event, e.TriggerFired)]
    assert fired == [300.0, 300.0, 1200.0]
    with pytest.raises(SourceError, match="no log file"):
        lab.cdn.read_log("img.example.com/none")


def test_a_handler_refreshes_and_the_chain_links(lab: Lab) -> None:
    """The request that a completed task causes links to the one whose handler began it."""

    @lab.function
    def publishes(event: bytes, context: Any) -> Any:
        context.cdn.push("img.example.com", ["/a.jpg"])
        return context.cdn.request("img.example.com", "/b.jpg")

    lab.function(noted)
    lab.cdn.add(IMG)
    lab.trigger("noted", CDNTrigger(event="CachedObjectsPushed", domains=[IMG]))
    answer = lab.invoke("publishes")
    assert answer.json() == {"status": 200, "cache": "MISS", "bytes": 1024}, answer.logs
    lab.run()
    accepted = [event for event in lab.recording.events if isinstance(event, e.RequestAccepted)]
    assert [(event.function, event.cause) for event in accepted] == [("publishes", 0), ("noted", 1)]
    assert lab.cdn.request(IMG, "/a.jpg")["cache"] == "HIT"


def test_a_failed_call_is_repeated_three_times() -> None:
    lab = Lab(profile="instant")

    @lab.function
    def bad(event: bytes, context: object) -> None:
        raise ValueError("no")

    handle = lab.trigger("bad", CDNTrigger(event="CdnDomainAdded", domains=[IMG]))
    lab.cdn.add(IMG)
    lab.run()
    fired = [(event.time, event.attempt) for event in lab.recording.events if isinstance(event, e.TriggerFired)]
    assert fired == [(0.0, 1), (1.0, 2), (3.0, 3), (7.0, 4)]
    (kept,) = handle.undelivered
    assert kept.attempts == 4


@pytest.mark.parametrize("backend", ["virtual", "process"])
def test_a_home_is_opened_again(backend: str, tmp_path: Path) -> None:
    """A task goes on in the next life; data and triggers are there; a function declared later gets what waits."""
    with Lab(backend, home=tmp_path) as lab:
        lab.function(noted)
        lab.cdn.add(IMG)
        lab.trigger("noted", CDNTrigger(event="CachedObjectsPushed", domains=[IMG]))
        lab.cdn.request(IMG, "/x")
        lab.cdn.push(IMG, "/a.jpg")
    with Lab(backend, home=tmp_path) as lab:
        assert lab.cdn.domains() == [{"domain": IMG, "status": "online"}]
        assert lab.cdn.request(IMG, "/x")["cache"] == "HIT"
        lab.run()
        assert lab.cdn.tasks()[0]["status"] == "Complete"
        assert lab.cdn.request(IMG, "/a.jpg")["cache"] == "HIT"
        lab.function(noted)
        assert [name for name, _ in told(lab)] == ["CachedObjectsPushed"]


def test_a_log_file_of_an_earlier_life(tmp_path: Path) -> None:
    with Lab(home=tmp_path) as lab:
        lab.cdn.add(IMG)
        lab.cdn.request(IMG, "/x")
    with Lab(home=tmp_path) as lab:
        lab.run(until=300)
        assert len(lab.cdn.log_files(IMG)) == 1


def refused(lab: Lab, code: str, verb: str, *args: Any) -> None:
    with pytest.raises(SourceError) as caught:
        getattr(lab.cdn, verb)(*args)
    assert (caught.value.code, bool(caught.value.hint)) == (code, True)


def test_errors() -> None:
    lab = Lab()
    for verb in ("start", "stop", "delete"):
        refused(lab, "InvalidDomain.NotFound", verb, IMG)
    for verb in ("request", "refresh", "push", "block"):
        refused(lab, "InvalidDomain.NotFound", verb, IMG, "/")
    lab.cdn.add(IMG)
    refused(lab, "DomainAlreadyExist", "add", IMG)
    refused(lab, "DomainInService", "delete", IMG)
    lab.cdn.stop(IMG)
    refused(lab, "InvalidDomain.Offline", "request", IMG, "/")


BAD_CALLS: list[tuple[str, tuple[Any, ...], str]] = [
    ("add", ("Img.Example.com",), "A domain is"), ("add", ("localhost",), "A domain is"), ("add", (3,), "A domain is"),
    ("request", (IMG, "a"), "begins with /"), ("request", (IMG, "/", -1), "size is"), ("request", (IMG, "/\n"), "begins with /"),
    ("refresh", (IMG, []), "1 to 1000"), ("refresh", (IMG, ["a"]), "begins with /"), ("refresh", (IMG, "/a", "Regex"), "kind is"),
    ("refresh", (IMG, "/a", "Directory"), "ends in /"), ("push", (IMG, ["/"] * 1001), "1 to 1000"),
]  # fmt: skip


@pytest.mark.parametrize(("verb", "args", "said"), BAD_CALLS)
def test_wrong_calls(verb: str, args: tuple[Any, ...], said: str) -> None:
    lab = Lab()
    if verb != "add":
        lab.cdn.add(IMG)
    with pytest.raises(UsageError, match=said):
        getattr(lab.cdn, verb)(*args)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"event": "LogFileDeleted"}, "no event"), ({"version": "2"}, "of version"), ({"domains": []}, "at least one"),
    ({"domains": IMG}, "at least one"), ({"domains": ["*.example.com"]}, "A domain is"), ({"notes": 1}, "notes is a text"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "said"), WRONG)
def test_wrong_triggers(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        CDNTrigger(**{"domains": [IMG], **options})
    assert caught.value.hint


def test_event_and_version_are_fixed() -> None:
    lab = watching("LogFileCreated")
    handle = lab.triggers()[0]
    handle.disable()
    with pytest.raises(UsageError, match="event of a CDNTrigger is fixed"):
        handle.update(event="CdnDomainAdded")
    handle.update(event="LogFileCreated", notes="mine")
    assert lab.triggers()[0].trigger == CDNTrigger(domains=(IMG,), notes="mine")


def test_the_configuration_is_the_wire_s() -> None:
    trigger = CDNTrigger(event="CdnDomainStopped", domains=[IMG, WWW, IMG], notes="n")
    config = trigger.config()
    assert config == {"eventName": "CdnDomainStopped", "eventVersion": "1.0.0", "notes": "n", "filter": {"domain": [IMG, WWW]}}
    assert trigger.arn == "acs:cdn:*:000000000000"
    assert CDNTrigger.from_config(trigger.arn, config) == trigger
    for change, said in (({"url": 1}, "no 'url'"), ({"filter": {"domains": []}}, "names domains"), ({"filter": None}, "names domains")):
        with pytest.raises(UsageError, match=said):
            CDNTrigger.from_config("", {**config, **change})
    with pytest.raises(UsageError, match="needs filter"):
        CDNTrigger.from_config("", {"eventName": "LogFileCreated"})


def test_the_cost_of_a_request_does_not_grow() -> None:
    lab = Lab(record=False)
    lab.declare("noted", duration=0.001)
    lab.cdn.add(IMG)
    lab.trigger("noted", CDNTrigger(domains=[IMG]))
    number = 0

    def cost(requests: int) -> float:
        nonlocal number
        began = time.process_time()
        for _ in range(requests):
            number += 1
            lab.cdn.request(IMG, f"/{number}.jpg")
            if number % 20 == 0:
                lab.run_for(300)
        return (time.process_time() - began) / requests

    cost(200)
    early = min(cost(500) for _ in range(3))
    cost(8_000)
    assert min(cost(500) for _ in range(3)) < 2 * early
