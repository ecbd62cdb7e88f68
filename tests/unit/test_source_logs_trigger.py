"""The job of a log trigger: the documented event, when it calls, what it repeats, where it goes on."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fclab import Lab, LogTrigger, LoopDetected
from fclab.errors import UsageError
from fclab.observe import events as e
from fclab.sources.logs.trigger import ENDPOINT
from tests.unit.source_kit import payloads


@pytest.fixture(params=["virtual", "process"])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    with Lab(request.param) as made:
        yield made


def pulls(event: bytes, context: Any) -> Any:
    import json

    source = json.loads(event)["source"]
    where = source["projectName"], source["logstoreName"], source["shardId"]
    found, cursor = [], source["beginCursor"]
    while cursor != source["endCursor"]:
        page = context.logs.pull(*where, cursor, source["endCursor"], count=2)
        found += [log["n"] for log in page["logs"]]
        cursor = page["next_cursor"]
    context.logs.append("shop", "seen", [{"shard": source["shardId"], "saw": found}], key="one")
    return found


def seen(lab: Lab) -> list[tuple[int, list[str]]]:
    """(shard, what was pulled from it) of every call of `pulls`, in order."""
    if "seen" not in lab.logs.list_logstores("shop"):
        return []
    return [(int(log["shard"]), json.loads(log["saw"])) for log in lab.logs.query("shop", "seen")]


def test_the_event_has_the_documented_shape() -> None:
    lab = Lab()
    lab.function(pulls)
    lab.logs.create_logstore("shop", "access", shards=1)
    lab.trigger("pulls", LogTrigger(project="shop", logstore="access", parameter={"level": "error"}))
    lab.logs.append("shop", "access", [{"n": 1}, {"n": 2}])
    lab.run_for(7)
    lab.logs.append("shop", "access", [{"n": 3}])
    lab.run_for(60)
    (event,) = payloads(lab, "pulls")
    assert list(event) == ["parameter", "source", "jobName", "taskId", "cursorTime"]
    assert list(event["source"]) == ["endpoint", "projectName", "logstoreName", "shardId", "beginCursor", "endCursor"]
    begin, end = lab.logs.get_cursor("shop", "access", 0, "begin"), lab.logs.get_cursor("shop", "access", 0, 60)
    assert event["parameter"] == {"level": "error"}
    assert event["source"] == {
        "endpoint": ENDPOINT, "projectName": "shop", "logstoreName": "access", "shardId": 0, "beginCursor": begin,
        "endCursor": base64.b64encode(b"1.0.4").decode(),
    }  # fmt: skip
    assert lab.logs.pull("shop", "access", 0, event["source"]["endCursor"])["logs"] == []
    assert end == lab.logs.get_cursor("shop", "access", 0, "end")
    assert event["cursorTime"] == int(lab.logs.query("shop", "access", reverse=True, lines=1)[0]["__time__"])
    assert len(event["jobName"]) == 40
    assert len(event["taskId"]) == 36
    example = json.loads(LogTrigger.example())
    assert [list(example), list(example["source"])] == [list(event), list(event["source"])]


def test_a_look_calls_once_for_each_shard_with_news_and_is_no_work() -> None:
    lab = Lab()
    lab.function(pulls)
    lab.trigger("pulls", LogTrigger(project="shop", logstore="access", interval=10))
    for n in range(5):
        lab.logs.append("shop", "access", [{"n": n}])
    lab.run()
    assert (lab.now, seen(lab)) == (0, [])
    lab.run(until=10)
    lab.run()
    assert sorted(seen(lab)) == [(0, ["0", "2", "4"]), (1, ["1", "3"])]
    lab.run_for(100)
    assert len(payloads(lab, "pulls")) == 2, "nothing new, no call"
    lab.logs.append("shop", "access", [{"n": 5}], key="k")
    lab.run(until=119)
    assert len(payloads(lab, "pulls")) == 2
    lab.run(until=120)
    assert len(payloads(lab, "pulls")) == 3
    fired = [event.time for event in lab.recording.events if isinstance(event, e.TriggerFired)]
    assert [moment % 10 for moment in fired] == [0, 0, 0]


def test_both_backends_poll_pull_and_link_the_chain(lab: Lab) -> None:
    @lab.function
    def writes(event: bytes, context: Any) -> Any:
        return context.logs.append("shop", "access", [{"n": 1}], key="k")["count"]

    lab.function(pulls)
    lab.trigger("pulls", LogTrigger(project="shop", logstore="access", interval=3))
    assert lab.invoke("writes").json() == 1
    lab.run_for(3.5)
    lab.run()
    assert [found for _, found in seen(lab)] == [["1"]]
    accepted = [event for event in lab.recording.events if isinstance(event, e.RequestAccepted)]
    assert [(event.function, event.cause) for event in accepted] == [("writes", 0), ("pulls", 1)]
    changed = [(event.request, event.what) for event in lab.recording.events if isinstance(event, e.SourceChanged)]
    assert (1, "PutLogs 1 shard 1") in changed or (1, "PutLogs 1 shard 0") in changed


def test_what_fails_is_repeated_at_once_then_less_and_less_often_while_other_shards_go_on() -> None:
    lab = Lab(profile="instant")
    broken = True

    @lab.function
    def picky(event: bytes, context: Any) -> None:
        if json.loads(event)["source"]["shardId"] == 0 and broken:
            raise ValueError("no")

    handle = lab.trigger("picky", LogTrigger(project="shop", logstore="access", interval=10, max_retries=2))
    lab.logs.append("shop", "access", [{"n": 0}])
    lab.logs.append("shop", "access", [{"n": 1}])

    def calls(shard: int) -> list[tuple[float, int]]:
        fired = [event for event in lab.recording.events if isinstance(event, e.TriggerFired)]
        tasks = zip(fired, payloads(lab, "picky"), strict=True)
        return [(event.time, int(event.attempt)) for event, task in tasks if task["source"]["shardId"] == shard]

    lab.run(until=10)
    lab.run()
    assert lab.now == 10, "waits between tries are no work"
    assert calls(1) == [(10, 1)]
    assert calls(0) == [(10, 1), (10, 2), (10, 3)]
    for _ in range(3):
        lab.logs.append("shop", "access", [{"n": 2}])
    lab.run(until=85)
    assert calls(0)[3:] == [(20, 4), (40, 5), (80, 6)]
    assert [moment for moment, _ in calls(1)] == [10, 20]
    broken = False
    lab.run(until=300)
    assert calls(0)[6:] == [(160, 7), (170, 1)], "then what came meanwhile"
    events = [one for one in payloads(lab, "picky") if one["source"]["shardId"] == 0]
    assert len({(one["taskId"], one["source"]["endCursor"]) for one in events[:7]}) == 1
    assert events[7]["source"]["beginCursor"] == events[6]["source"]["endCursor"]
    assert not handle.undelivered


def test_the_jobs_own_log_tells_each_attempt_and_sets_nothing_off() -> None:
    lab = Lab()
    failures = iter([True, False])

    @lab.function
    def shaky(event: bytes, context: Any) -> None:
        if next(failures):
            raise ValueError("no")

    lab.trigger("shaky", LogTrigger(project="shop", logstore="access", log_project="shop", log_logstore="job-log"))
    lab.logs.append("shop", "access", [{"n": 1}])
    lab.run_for(600)
    told = [(log["attempt"], log["status"], "no" in log["message"]) for log in lab.logs.query("shop", "job-log")]
    assert told == [("1", "failed", True), ("2", "succeeded", False)]
    event = payloads(lab, "shaky")[0]
    assert {log["taskId"] for log in lab.logs.query("shop", "job-log")} == {event["taskId"]}
    assert len(payloads(lab, "shaky")) == 2


def test_jobs_that_watch_each_others_log_are_a_loop_that_ends() -> None:
    lab = Lab()
    lab.declare("a", duration=0.1)
    lab.declare("b", duration=0.1)
    lab.logs.create_logstore("shop", "one", shards=1)
    lab.logs.create_logstore("shop", "two", shards=1)
    lab.trigger("a", LogTrigger(project="shop", logstore="one", log_project="shop", log_logstore="two", interval=10))
    lab.trigger("b", LogTrigger(project="shop", logstore="two", log_project="shop", log_logstore="one", interval=10))
    lab.logs.append("shop", "one", ["go"])
    with pytest.raises(LoopDetected):
        lab.run_for(3600)
    lab.run_for(3600)
    assert sum(isinstance(event, e.TriggerFired) for event in lab.recording.events) == 16
    assert sum(len(one.undelivered) for one in lab.triggers()) == 1


def test_a_function_that_writes_where_its_trigger_looks_is_a_loop_that_ends() -> None:
    lab = Lab()

    @lab.function
    def echo(event: bytes, context: Any) -> None:
        context.logs.append("shop", "access", [{"n": 1}], key="k")

    handle = lab.trigger("echo", LogTrigger(project="shop", logstore="access", interval=10))
    lab.logs.append("shop", "access", [{"n": 1}], key="k")
    with pytest.raises(LoopDetected):
        lab.run_for(3600)
    assert len(payloads(lab, "echo")) == 16
    assert len(handle.undelivered) == 1


@pytest.mark.parametrize(("start", "calls"), [("end", 0), ("begin", 2), (15, 1)])
def test_a_job_starts_where_it_is_told(start: str | float, calls: int) -> None:
    lab = Lab()
    lab.function(pulls)
    lab.logs.append("shop", "access", [{"n": 0}])
    lab.run_for(20)
    lab.logs.append("shop", "access", [{"n": 1}])
    lab.trigger("pulls", LogTrigger(project="shop", logstore="access", start=start))
    lab.run_for(120)
    assert len(seen(lab)) == calls


def test_disabled_it_stands_still_and_deleted_it_is_gone(lab: Lab) -> None:
    lab.function(pulls)
    handle = lab.trigger("pulls", LogTrigger(project="shop", logstore="access", interval=3))
    handle.disable()
    lab.logs.append("shop", "access", [{"n": 1}], key="k")
    lab.run_for(3.2)
    assert seen(lab) == []
    handle.enable()
    lab.run_for(3.4)
    lab.run()
    assert [found for _, found in seen(lab)] == [["1"]]
    handle.delete()
    lab.logs.append("shop", "access", [{"n": 2}], key="k")
    lab.run_for(3.2)
    assert len(seen(lab)) == 1


def test_it_can_be_changed_and_go_on_with_a_new_logstore_of_the_name() -> None:
    lab = Lab()
    lab.function(pulls)
    handle = lab.trigger("pulls", LogTrigger(project="shop", logstore="access", interval=600))
    handle.update(interval=10)
    lab.logs.append("shop", "access", [{"n": 1}], key="k")
    lab.run(until=20)
    assert [found for _, found in seen(lab)] == [["1"]]
    lab.logs.delete_logstore("shop", "access")
    lab.run(until=40)
    lab.logs.append("shop", "access", [{"n": 2}], key="k")
    lab.run(until=60)
    assert [found for _, found in seen(lab)] == [["1"], ["2"]]
    with pytest.raises(UsageError, match="something else"):
        handle.update(project="other")


@pytest.mark.parametrize("backend", ["virtual", "process"])
def test_a_home_keeps_logs_and_checkpoints(backend: str, tmp_path: Path) -> None:
    with Lab(backend, home=tmp_path) as lab:
        lab.function(pulls)
        lab.trigger("pulls", LogTrigger(project="shop", logstore="access", interval=3))
        lab.logs.append("shop", "access", [{"n": 1}], key="k")
        lab.run_for(3.3)
        lab.run()
        assert [found for _, found in seen(lab)] == [["1"]]
        lab.logs.append("shop", "access", [{"n": 2}], key="k")
    with Lab(backend, home=tmp_path) as lab:
        assert [log["n"] for log in lab.logs.query("shop", "access")] == ["1", "2"]
        lab.run_for(3.2)
        assert len(seen(lab)) == 1, "its function is not there yet"
        lab.function(pulls)
        lab.run_for(3.4)
        lab.run()
        assert [found for _, found in seen(lab)] == [["1"], ["2"]]


def test_logs_are_gone_after_their_days_and_a_job_goes_on_behind_them() -> None:
    lab = Lab()
    lab.function(pulls)
    trigger = lab.trigger("pulls", LogTrigger(project="shop", logstore="access"))
    trigger.disable()
    lab.logs.update_logstore("shop", "access", ttl=1)
    lab.logs.append("shop", "access", [{"n": 1}], key="k")
    lab.run_for(86_400)
    assert [log["n"] for log in lab.logs.query("shop", "access")] == ["1"]
    lab.run_for(1)
    lab.logs.append("shop", "access", [{"n": 2}], key="k")
    assert [log["n"] for log in lab.logs.query("shop", "access")] == ["2"]
    trigger.enable()
    lab.run_for(120)
    assert [found for _, found in seen(lab)] == [["2"]]


def test_a_virtual_run_is_the_same_again() -> None:
    def run() -> str:
        lab = Lab(seed=3)
        lab.function(pulls)
        lab.trigger("pulls", LogTrigger(project="shop", logstore="access", interval=10))
        for n in range(20):
            lab.logs.append("shop", "access", [{"n": n}])
            lab.run_for(3)
        return lab.recording.digest

    assert run() == run()


def test_the_cost_of_a_log_does_not_grow() -> None:
    lab = Lab(record=False)
    lab.declare("counts", duration=0.001)
    lab.trigger("counts", LogTrigger(project="shop", logstore="access", interval=3))

    def cost(logs: int) -> float:
        began = time.process_time()
        for _ in range(logs // 10):
            for _ in range(10):
                lab.logs.append("shop", "access", [{"status": 200, "path": "/orders/7"}])
            lab.run_for(3)
        return (time.process_time() - began) / logs

    cost(200)
    early = min(cost(500) for _ in range(3))
    cost(8_000)
    late = min(cost(500) for _ in range(3))
    assert late < 2 * early
