"""Triggers of every kind through the product's own client."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_fc20230330 import models as m
from alibabacloud_fc20230330.client import Client

from fclab import Lab
from fclab.sources.catalog import SOURCES
from tests.server.kit import client, create, refusal, wait_for

ECHO = "def handler(event, context):\n    print(event.decode())\n"
OSS = "acs:oss:lab:000000000000:photos"
KINDS: dict[str, tuple[str | None, dict[str, Any], dict[str, Any]]] = {
    "timer": (None, {"cronExpression": "@every 4m", "enable": True, "payload": "p"}, {"cronExpression": "0 0 4 * * *"}),
    "http": (None, {"authType": "anonymous", "methods": ["GET", "POST"]}, {"authType": "function", "methods": ["GET"]}),
    "oss": (
        OSS, {"events": ["oss:ObjectCreated:*"], "filter": {"key": {"prefix": "in/", "suffix": ".jpg"}}},
        {"events": ["oss:ObjectCreated:PutObject"]},
    ),
    "log": (
        "acs:log:lab:000000000000:project/shop",
        {"sourceConfig": {"logstore": "access"}, "jobConfig": {"maxRetryTime": 1, "triggerInterval": 60}, "enable": True},
        {"sourceConfig": {"logstore": "access"}, "jobConfig": {"triggerInterval": 120}, "enable": False},
    ),
    "mns_topic": (
        "acs:mns:lab:000000000000:/topics/orders", {"notifyContentFormat": "JSON", "notifyStrategy": "BACKOFF_RETRY"},
        {"notifyContentFormat": "STREAM", "notifyStrategy": "BACKOFF_RETRY"},
    ),
    "cdn_events": (
        "acs:cdn:*:000000000000", {"eventName": "CachedObjectsRefreshed", "eventVersion": "1.0.0", "filter": {"domain": ["a.example.com"]}},
        {"eventName": "CachedObjectsRefreshed", "eventVersion": "1.0.0", "filter": {"domain": ["b.example.com"]}},
    ),
    "tablestore": ("acs:ots:lab:000000000000:instance/lab/table/orders", {}, {}),
    "eventbridge": (
        None, {"triggerEnable": True, "asyncInvocationType": False, "eventRuleFilterPattern": '{"source": ["shop"]}'},
        {"triggerEnable": False, "eventRuleFilterPattern": '{"source": ["other"]}'},
    ),
    "apigateway": (None, {"path": "/orders/{id}", "method": "GET"}, {"path": "/orders/{id}", "method": "GET", "timeout": 7}),
    "alarm": (
        None, {"metricName": "function_errors", "threshold": 1, "comparisonOperator": "GreaterThanOrEqualToThreshold"},
        {"metricName": "function_errors", "threshold": 2},
    ),
}  # fmt: skip


def make(fc: Client, kind: str, arn: str | None, config: object, name: str = "t") -> m.Trigger:
    text = config if isinstance(config, str) else json.dumps(config)
    said = m.CreateTriggerInput(
        trigger_name=name, trigger_type=kind, source_arn=arn, trigger_config=text, description="about", invocation_role="acs:ram::1:role/x"
    )
    return fc.create_trigger("f", m.CreateTriggerRequest(body=said)).body


def change(fc: Client, config: object = None, **said: str) -> m.Trigger:
    given = {} if config is None else {"trigger_config": json.dumps(config)}
    return fc.update_trigger("f", "t", m.UpdateTriggerRequest(body=m.UpdateTriggerInput(**given, **said))).body


def test_the_table_has_every_kind() -> None:
    assert {kind.TYPE for source in SOURCES for kind in source.TRIGGERS} <= set(KINDS)


@pytest.mark.parametrize("kind", sorted({kind.TYPE for source in SOURCES for kind in source.TRIGGERS}))
def test_a_trigger_of_every_kind(kind: str, fc: Client, lab: Lab) -> None:
    arn, config, other = KINDS[kind]
    if kind == "tablestore":
        lab.tables.create_table("orders", {"id": "INTEGER"})
    create(fc, "f", ECHO)
    made = make(fc, kind, arn, config)
    assert (made.trigger_name, made.trigger_type, made.qualifier, made.status) == ("t", kind, "LATEST", "Active")
    assert (made.description, made.invocation_role, made.target_arn[-12:]) == ("about", "acs:ram::1:role/x", ":functions/f")
    told = json.loads(made.trigger_config)
    assert {name: told.get(name) for name in config if name not in ("sourceConfig", "jobConfig", "eventRuleFilterPattern")} == {
        name: value for name, value in config.items() if name not in ("sourceConfig", "jobConfig", "eventRuleFilterPattern")
    }
    assert fc.get_trigger("f", "t").body.to_map() == made.to_map()
    assert [one.trigger_name for one in fc.list_triggers("f", m.ListTriggersRequest()).body.triggers] == ["t"]
    changed = change(fc, other)
    assert changed.description == "about"
    if "enable" in other or "triggerEnable" in other:
        assert changed.status == "Disabled"
    if other:
        assert changed.trigger_config != made.trigger_config
    back = json.loads(change(fc, config).trigger_config)
    assert back == told
    assert refusal(lambda: make(fc, kind, arn, config)) == (409, "TriggerAlreadyExists")
    assert fc.delete_trigger("f", "t").status_code == 204
    assert refusal(lambda: fc.get_trigger("f", "t")) == (404, "TriggerNotFound")
    assert lab.triggers() == []


def test_what_makes_no_trigger(fc: Client) -> None:
    create(fc, "f", ECHO)
    good = {"events": ["oss:ObjectCreated:*"]}
    assert refusal(lambda: make(fc, "kafka", None, {})) == (400, "InvalidArgument")
    assert refusal(lambda: make(fc, "oss", "acs:oss:lab", good)) == (400, "InvalidArgument")
    assert refusal(lambda: make(fc, "oss", OSS, {"events": "all"})) == (400, "InvalidArgument")
    assert refusal(lambda: make(fc, "oss", OSS, "[1]")) == (400, "InvalidArgument")
    assert refusal(lambda: make(fc, "oss", OSS, "{")) == (400, "InvalidArgument")
    assert refusal(lambda: make(fc, "oss", OSS, good, name="9 lives")) == (400, "InvalidArgument")
    assert refusal(lambda: make(fc, "timer", None, {"cronExpression": "never"})) == (400, "InvalidArgument")
    assert refusal(lambda: change(fc, good)) == (404, "TriggerNotFound")
    make(fc, "oss", OSS, good)
    assert refusal(lambda: change(fc, {"events": 7})) == (400, "InvalidArgument")
    assert json.loads(fc.get_trigger("f", "t").body.trigger_config)["events"] == good["events"]
    versioned = m.CreateTriggerInput(trigger_name="v", trigger_type="oss", qualifier="3", source_arn=OSS, trigger_config=json.dumps(good))
    assert refusal(lambda: fc.create_trigger("f", m.CreateTriggerRequest(body=versioned))) == (404, "VersionNotFound")


def test_pages(fc: Client) -> None:
    create(fc, "f", ECHO)
    for number in range(3):
        make(fc, "timer", None, {"cronExpression": "@every 4m"}, name=f"t{number}")
    first = fc.list_triggers("f", m.ListTriggersRequest(limit=2, prefix="t")).body
    second = fc.list_triggers("f", m.ListTriggersRequest(limit=2, prefix="t", next_token=first.next_token)).body
    assert [one.trigger_name for one in [*first.triggers, *second.triggers]] == ["t0", "t1", "t2"]
    assert second.next_token is None


def test_an_upload_calls_the_function(fc: Client, lab: Lab) -> None:
    create(fc, "f", ECHO)
    make(fc, "oss", OSS, {"events": ["oss:ObjectCreated:*"], "filter": {"key": {"prefix": "in/"}}})
    lab.objects.put("photos", "in/a.jpg", b"jpeg")
    lab.run()
    (task,) = fc.list_async_tasks("f", m.ListAsyncTasksRequest(include_payload=True)).body.tasks
    assert task.status == "Succeeded"
    assert json.loads(task.task_payload)["events"][0]["oss"]["object"]["key"] == "in/a.jpg"


def test_a_home_keeps_triggers(tmp_path: Path) -> None:
    with Lab("process", home=tmp_path / "home") as lab:
        fc = client(lab.serve())
        create(fc, "f", ECHO)
        made = make(fc, "oss", OSS, {"events": ["oss:ObjectCreated:*"]})
    with Lab("process", home=tmp_path / "home") as lab:
        fc = client(lab.serve())
        assert fc.get_trigger("f", "t").body.to_map() == made.to_map()
        lab.objects.put("photos", "b.jpg", b"jpeg")
        wait_for(lambda: [one.status for one in fc.list_async_tasks("f", m.ListAsyncTasksRequest()).body.tasks] == ["Succeeded"])
        fc.delete_function("f")
        assert lab.triggers() == []
