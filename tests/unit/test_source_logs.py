"""The log service: what it holds, how it is asked, and what its trigger may be."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fclab import Lab, LogTrigger
from fclab.errors import SourceError, UsageError


@pytest.fixture(params=["virtual", "process"])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    with Lab(request.param) as made:
        yield made


def refused(what: Callable[[], object]) -> str:
    with pytest.raises(SourceError) as caught:
        what()
    return caught.value.code


# ---- what it holds


def test_what_is_appended_is_found_and_pulled_with_the_documented_fields(lab: Lab) -> None:
    logs = lab.logs
    said = logs.append("shop", "access", [{"status": 500, "path": "/a", "slow": True, "more": {"ü": [1]}}, "plain text"], None, "t", "s")
    assert (said["shard"], said["count"]) == (0, 2)
    first, second = logs.query("shop", "access")
    stamp = first.pop("__time__")
    assert first == {"__topic__": "t", "__source__": "s", "status": "500", "path": "/a", "slow": "true", "more": '{"ü": [1]}'}
    assert second == {"__time__": stamp, "__topic__": "t", "__source__": "s", "content": "plain text"}
    begin, end = logs.get_cursor("shop", "access", 0, "begin"), logs.get_cursor("shop", "access", 0)
    assert logs.pull("shop", "access", 0, begin) == {"logs": logs.query("shop", "access"), "count": 2, "next_cursor": end}
    assert said["cursor"] == end
    assert logs.pull("shop", "access", 0, end) == {"logs": [], "count": 0, "next_cursor": end}
    base64.b64decode(begin, validate=True)


def test_shards_take_turns_and_a_key_has_one_by_its_md5(lab: Lab) -> None:
    logs = lab.logs
    logs.create_logstore("shop", "access", shards=3)
    assert [logs.append("shop", "access", ["x"])["shard"] for _ in range(4)] == [0, 1, 2, 0]
    of_key = [logs.append("shop", "access", ["x"], key=key)["shard"] for key in ("a", "b", "c", "a")]
    ranges = [(int(one["inclusiveBeginKey"], 16), int(one["exclusiveEndKey"], 16)) for one in logs.list_shards("shop", "access")]
    md5 = {"a": 0x0CC175B9C0F1B6A831C399E269772661, "b": 0x92EB5FFEE6AE2FEC3AD71C777531578F, "c": 0x4A8A08F09D37B73795649038408B5F33}
    assert of_key == [next(n for n, (low, high) in enumerate(ranges) if low <= md5[key] < high) for key in ("a", "b", "c", "a")]
    assert logs.append("shop", "access", [])["count"] == 0
    assert logs.append("shop", "access", ["x"])["shard"] == 1, "what adds nothing takes no turn"


def test_projects_and_logstores_are_made_listed_and_deleted(lab: Lab) -> None:
    logs = lab.logs
    logs.create_project("shop")
    logs.create_logstore("shop", "access", shards=1, ttl=7)
    logs.append("stock", "moves", ["x"])
    assert logs.list_projects() == ["shop", "stock"]
    assert logs.list_logstores("stock") == ["moves"]
    assert logs.get_logstore("shop", "access") == {"logstoreName": "access", "shardCount": 1, "ttl": 7}
    logs.update_logstore("shop", "access", ttl=3650)
    assert logs.get_logstore("shop", "access")["ttl"] == 3650
    cursor = logs.get_cursor("stock", "moves", 0, "begin")
    logs.delete_logstore("stock", "moves")
    assert refused(lambda: logs.query("stock", "moves")) == "LogStoreNotExist"
    logs.append("stock", "moves", ["y"])
    assert refused(lambda: logs.pull("stock", "moves", 0, cursor)) == "InvalidCursor", "that was another logstore's"
    logs.delete_project("stock")
    assert logs.list_projects() == ["shop"]


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda logs: logs.create_project("shop"), "ProjectAlreadyExist"),
        (lambda logs: logs.create_logstore("shop", "access"), "LogStoreAlreadyExist"),
        (lambda logs: logs.create_logstore("shop", "more", shards=11), "ParameterInvalid"),
        (lambda logs: logs.create_logstore("shop", "more", ttl=0), "ParameterInvalid"),
        (lambda logs: logs.delete_project("nowhere"), "ProjectNotExist"),
        (lambda logs: logs.query("nowhere", "access"), "ProjectNotExist"),
        (lambda logs: logs.query("shop", "nothing"), "LogStoreNotExist"),
        (lambda logs: logs.query("shop", "access", "status:500 and"), "ParameterInvalid"),
        (lambda logs: logs.query("shop", "access", from_=5, to=4), "ParameterInvalid"),
        (lambda logs: logs.query("shop", "access", lines=1001), "ParameterInvalid"),
        (lambda logs: logs.query("shop", "access", offset=-1), "ParameterInvalid"),
        (lambda logs: logs.get_cursor("shop", "access", 2), "ShardNotExist"),
        (lambda logs: logs.get_cursor("shop", "access", 0, "middle"), "ParameterInvalid"),
        (lambda logs: logs.pull("shop", "access", 0, "?"), "InvalidCursor"),
        (lambda logs: logs.pull("shop", "access", 0, "MQ=="), "InvalidCursor"),
        (lambda logs: logs.pull("shop", "access", 1, logs.get_cursor("shop", "access", 0)), "InvalidCursor"),
        (lambda logs: logs.pull("shop", "access", 0, logs.get_cursor("shop", "access", 0), count=0), "ParameterInvalid"),
        (lambda logs: logs.append("shop", "access", "text"), "ParameterInvalid"),
        (lambda logs: logs.append("shop", "access", [7]), "ParameterInvalid"),
        (lambda logs: logs.append("shop", "access", [{"__time__": 1}]), "ParameterInvalid"),
        (lambda logs: logs.append("shop", "access", [{"a": b"bytes"}]), "ParameterInvalid"),
        (lambda logs: logs.append("shop", "access", ["x"] * 4097), "PostBodyTooLarge"),
        (lambda logs: logs.append("shop", "access", ["x" * 11_000_000]), "PostBodyTooLarge"),
    ],
)
def test_wrong_use_is_one_clear_error(act: Callable[[Any], object], code: str) -> None:
    logs = Lab().logs
    logs.append("shop", "access", ["x"])
    assert refused(lambda: act(logs)) == code
    assert logs.list_projects() == ["shop"]
    assert len(logs.query("shop", "access")) == 1


def test_names_and_texts_are_checked() -> None:
    logs = Lab().logs
    for act in (
        lambda: logs.append("Shop", "access", ["x"]),
        lambda: logs.append("shop", "a", ["x"]),
        lambda: logs.append("shop", "access", ["x"], key=7),  # type: ignore[arg-type]
        lambda: logs.query("shop", None),  # type: ignore[arg-type]
    ):
        with pytest.raises(UsageError):
            act()
    assert logs.list_projects() == []


def test_time_ranges_are_half_open_in_lab_time_and_in_unix_time() -> None:
    lab = Lab()
    for n in range(3):
        lab.logs.append("shop", "access", [{"n": n}])
        lab.run_for(10)
    epoch = int(lab.logs.query("shop", "access")[0]["__time__"])

    def found(**options: Any) -> list[str]:
        return [log["n"] for log in lab.logs.query("shop", "access", **options)]

    assert found(from_=10) == ["1", "2"]
    assert found(from_=0, to=20) == ["0", "1"]
    assert found(from_=epoch + 10, to=epoch + 20) == ["1"]
    assert found(reverse=True, lines=1) == ["2"]
    assert found(offset=1, lines=1) == ["1"]
    logs = lab.logs
    assert logs.pull("shop", "access", 0, logs.get_cursor("shop", "access", 0, 0.5))["logs"][0]["n"] == "2"
    assert logs.get_cursor("shop", "access", 0, 25) == logs.get_cursor("shop", "access", 0, "end")


def test_an_async_handler_awaits_the_service(lab: Lab) -> None:
    @lab.function
    async def f(event: bytes, context: Any) -> Any:
        await context.logs.append("shop", "access", [{"n": 1}])
        try:
            await context.logs.query("shop", "access", "((")
        except ValueError as error:
            return [len(await context.logs.query("shop", "access", "n:1")), error.code]  # type: ignore[attr-defined]

    assert lab.invoke("f").json() == [1, "ParameterInvalid"]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"project": "S"}, "project"),
        ({"logstore": "x"}, "logstore"),
        ({"interval": 2}, "interval"),
        ({"interval": 60.0}, "interval"),
        ({"max_retries": 101}, "max_retries"),
        ({"parameter": {"a": {1}}}, "parameter"),
        ({"parameter": []}, "parameter"),
        ({"log_project": "shop"}, "log_logstore"),
        ({"log_project": "shop", "log_logstore": "access"}, "own log|its log"),
        ({"start": "middle"}, "start"),
        ({"start": True}, "start"),
        ({"start": -1}, "start"),
    ],
)
def test_a_trigger_that_cannot_work_is_refused(options: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError, match=named):
        LogTrigger(**{"project": "shop", "logstore": "access", **options})


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"interval": 3, "max_retries": 0, "parameter": {"a": [1, None]}, "start": "begin"},
        {"log_project": "ops", "log_logstore": "jobs", "start": 1_767_225_600},
    ],
)
def test_config_and_back(options: dict[str, Any]) -> None:
    trigger = LogTrigger(project="shop", logstore="access", **options)
    assert LogTrigger.from_config(trigger.arn, json.loads(json.dumps(trigger.config()))) == trigger


def test_the_wires_config_is_the_documented_one() -> None:
    trigger = LogTrigger(project="shop", logstore="access", log_project="ops", log_logstore="jobs")
    assert trigger.arn == "acs:log:lab:000000000000:project/shop"
    assert trigger.config() == {
        "sourceConfig": {"logstore": "access", "startTime": None},
        "jobConfig": {"maxRetryTime": 3, "triggerInterval": 60},
        "functionParameter": {},
        "logConfig": {"project": "ops", "logstore": "jobs"},
        "enable": True,
    }
    assert LogTrigger.from_config("acs:log:cn-hangzhou:1:project/shop", {"sourceConfig": {"logstore": "access"}}).interval == 60


@pytest.mark.parametrize(
    ("arn", "config", "named"),
    [
        ("acs:oss:lab:0:photos", {"sourceConfig": {"logstore": "access"}}, "sourceArn"),
        ("ok", {}, "sourceConfig"),
        ("ok", {"sourceConfig": {"logstore": "access", "since": 1}}, "since"),
        ("ok", {"sourceConfig": {"logstore": "access", "startTime": "begin"}}, "startTime"),
        ("ok", {"sourceConfig": {"logstore": "access"}, "jobs": {}}, "jobs"),
        ("ok", {"sourceConfig": {"logstore": "access"}, "jobConfig": []}, "jobConfig"),
        ("ok", {"sourceConfig": {"logstore": "access"}, "jobConfig": {"triggerInterval": 1}}, "interval"),
        ("ok", {"sourceConfig": {"logstore": "access"}, "enable": "yes"}, "enable"),
        ("ok", {"sourceConfig": {"logstore": "access"}, "functionParameter": "x"}, "parameter"),
    ],
)
def test_a_wrong_config_is_refused_by_name(arn: str, config: dict[str, Any], named: str) -> None:
    arn = "acs:log:lab:000000000000:project/shop" if arn == "ok" else arn
    with pytest.raises(UsageError, match=named):
        LogTrigger.from_config(arn, config)
