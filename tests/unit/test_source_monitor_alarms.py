"""Alarms on the lab's own metrics: when they call, the event they send, and what survives."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fclab import AlarmTrigger, Lab
from fclab.errors import UsageError
from fclab.observe import events as e
from tests.unit.source_kit import payloads


@pytest.fixture(params=["virtual", "process"])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    with Lab(request.param) as made:
        yield made


def values(lab: Lab, name: str, *args: Any, **options: Any) -> list[float | None]:
    """Up to this instant, which is not included."""
    return [point["value"] for point in lab.monitor.metric(name, *args, **{"end": lab.now, **options})]


def notes(event: bytes, context: object) -> bytes:
    return event


def test_the_event_has_the_shape_of_the_products() -> None:
    lab = Lab(profile="instant")
    got: list[Any] = []

    @lab.function
    def keeps(event: bytes, context: object) -> None:
        got.append(json.loads(event))

    lab.declare("checkout", duration=1)
    lab.trigger("keeps", AlarmTrigger(metric="invocations", function="checkout", threshold=2), name="busy")
    lab.run_for(60)
    lab.invoke_at("checkout", [61, 62])
    lab.run(until=130)
    (event,) = got
    data = event.pop("data")
    now = 1_767_225_600 + 120
    assert event == {
        "id": "lab-trigger-1-2", "source": "acs.cms", "specversion": "1.0", "type": "cms:CloudMonitor:AlertWebHook",
        "datacontenttype": "application/json; charset=utf-8", "subject": "acs:cms:lab:000000000000:alarm/lab-trigger-1",
        "time": "2026-01-01T00:02:00Z", "aliyunaccountid": "000000000000", "aliyunpublishtime": "2026-01-01T00:02:00Z",
        "aliyunoriginalaccountid": "000000000000", "aliyuneventbusname": "default", "aliyunregionid": "lab",
    }  # fmt: skip
    assert data == {
        "ruleId": "lab-trigger-1", "ruleName": "busy", "curLevel": "WARN", "preLevel": "OK",
        "resources": '{"region":"lab","functionName":"checkout"}',
        "escalation": {
            "comparisonOperator": "GreaterThanOrEqualToThreshold", "level": 3, "statistics": "Sum", "tag": "WARN", "threshold": "2",
            "times": 1,
        },
        "metricData": {"timestamp": now * 1000, "userId": "000000000000", "functionName": "checkout", "Sum": 2.0},
        "metricName": "FunctionTotalInvocations", "namespace": "acs_fc", "period": "60", "lastTime": 60_000, "time": now * 1000,
        "userId": "000000000000", "eventName": "AlertRaised", "eventType": "Alert", "batchId": "lab-trigger-1-2", "version": "1.0",
        "state": "ALARM", "previousState": "OK", "metric": "invocations", "function": "checkout", "value": 2.0,
    }  # fmt: skip
    example = json.loads(AlarmTrigger.example())
    assert [*example] == [*event, "data"]
    assert [*example["data"]] == [*data]


def test_an_alarm_calls_when_it_begins_and_when_it_ends() -> None:
    lab = Lab(profile="instant")
    lab.declare("seen", duration=0.1)
    lab.declare("checkout", duration=1)
    lab.trigger("seen", AlarmTrigger(metric="invocations", function="checkout", threshold=2, consecutive=2, period=10))
    lab.invoke_at("checkout", [1, 2, 11, 12, 21, 22, 31])
    lab.run()
    lab.run(until=100)
    assert [(one["time"], one["previous"], one["state"], one["value"]) for one in lab.monitor.history()] == [
        (20, "INSUFFICIENT_DATA", "ALARM", 2), (40, "ALARM", "OK", 1),
    ]  # fmt: skip
    fired = [event.time for event in lab.recording.events if isinstance(event, e.TriggerFired)]
    assert fired == [20, 40]
    told = [(event.source, event.what) for event in lab.recording.events if isinstance(event, e.SourceActed)]
    assert told == [
        ("monitor invocations checkout", "alarm INSUFFICIENT_DATA -> ALARM"), ("monitor invocations checkout", "alarm ALARM -> OK"),
    ]  # fmt: skip
    (stands,) = lab.monitor.alarms()
    assert (stands["state"], stands["since"], stands["value"], stands["calls"]) == ("OK", 40, 1, "seen")


def test_without_recovery_only_the_beginning_is_told() -> None:
    lab = Lab(profile="instant")
    lab.declare("seen", duration=0.1)
    lab.declare("checkout", duration=1)
    lab.trigger("seen", AlarmTrigger(metric="duration", function="checkout", operator=">", threshold=0.5, period=10, recovery=False))
    lab.invoke_at("checkout", [1, 31])
    lab.run(until=100)
    states = [(one["time"], one["state"]) for one in lab.monitor.history()]
    assert states == [(10, "ALARM"), (20, "INSUFFICIENT_DATA"), (40, "ALARM"), (50, "INSUFFICIENT_DATA")]
    assert [event.time for event in lab.recording.events if isinstance(event, e.TriggerFired)] == [10, 40]


def test_looks_are_no_work_and_steps_end() -> None:
    lab = Lab()
    lab.declare("seen", duration=0.1)
    lab.trigger("seen", AlarmTrigger(metric="cold_starts", threshold=3))
    lab.run()
    assert lab.now == 0
    while lab.step():
        pass
    assert lab.monitor.alarms()[0]["state"] == "OK"


def test_disabled_it_does_not_look_and_deleted_it_is_gone() -> None:
    lab = Lab(profile="instant")
    lab.declare("seen", duration=0.1)
    lab.declare("checkout", duration=1)
    handle = lab.trigger("seen", AlarmTrigger(metric="invocations", function="checkout", threshold=1, period=10))
    handle.disable()
    lab.invoke_at("checkout", [1])
    lab.run(until=20)
    assert lab.monitor.history() == []
    handle.enable()
    lab.invoke_at("checkout", [21])
    lab.run(until=30)
    assert [one["state"] for one in lab.monitor.history("alarm")] == ["ALARM"]
    handle.update(threshold=5)
    lab.run(until=40)
    assert lab.monitor.alarms()[0]["state"] == "OK"
    handle.delete()
    assert (lab.monitor.alarms(), lab.monitor.history()) == ([], [])
    with pytest.raises(UsageError):
        lab.trigger("seen", AlarmTrigger(metric="invocations", threshold=1)).update(metric="throttles")


@pytest.mark.parametrize("backend", ["virtual", "process"])
def test_how_it_stands_survives_a_reopening(backend: str, tmp_path: Path) -> None:
    alarm = AlarmTrigger(metric="invocations", function="checkout", threshold=1, period=1)

    def checkout(event: bytes, context: object) -> None: ...

    with Lab(backend, home=tmp_path) as lab:
        lab.function(checkout)
        lab.function(notes)
        lab.trigger("notes", alarm)
        lab.invoke("checkout")
        lab.run_for(1.1)
        lab.run()
        history = lab.monitor.history()
        assert "ALARM" in [one["state"] for one in history]
        lab.triggers()[0].disable()
        stood = lab.monitor.alarms()
    with Lab(backend, home=tmp_path) as lab:
        assert [one["state"] for one in lab.monitor.alarms()] == [one["state"] for one in stood]
        assert [one["state"] for one in lab.monitor.history()][: len(history)] == [one["state"] for one in history]
        lab.function(notes)
        lab.triggers()[0].enable()
        lab.run_for(2.2)
        lab.run()
        assert lab.monitor.alarms()[0]["state"] == "OK"
        assert any(isinstance(event, e.TriggerFired) for event in lab.recording.events) == (stood[0]["state"] == "ALARM")


def test_a_home_opens_without_a_record_too_and_its_alarms_are_off_until_there_is_one(tmp_path: Path) -> None:
    for record, state in ((True, True), (False, False), (True, True)):
        with Lab(home=tmp_path, record=record) as lab:
            lab.declare("seen", duration=0.1)
            if not lab.triggers():
                lab.trigger("seen", AlarmTrigger(metric="invocations", threshold=1))
            assert [one.enabled for one in lab.triggers()] == [state]
            lab.run_for(60)


def test_the_lab_reacts_to_its_own_cold_starts(lab: Lab) -> None:
    @lab.function(idle_timeout=0.2)
    def checkout(event: bytes, context: Any) -> None:
        import time

        time.sleep(0.3)

    @lab.function
    def warns(event: bytes, context: Any) -> None:
        import json

        data = json.loads(event)["data"]
        if data["state"] == "ALARM":
            context.logs.append("ops", "advice", [{"reserve": data["function"], "seen": data["value"]}])

    asked: list[str] = []

    @lab.on(e.SourceChanged)
    def advised(event: e.Event) -> None:
        if event.source == "logs ops/advice" and str(event.what).startswith("PutLogs"):
            asked.append("checkout")

    lab.trigger("warns", AlarmTrigger(metric="cold_starts", function="checkout", threshold=3, period=1))
    start = lab.now
    lab.invoke_at("checkout", [start + 0.01] * 4)
    lab.run()
    lab.run_for(1.2)
    lab.run()
    assert asked == ["checkout"]
    (advice,) = lab.logs.query("ops", "advice", "reserve:checkout and seen >= 3")
    lab.reserve(advice["reserve"], 4)
    lab.run_for(2)
    lab.run()
    before = sum(values(lab, "cold_starts", "checkout", period=1000))  # type: ignore[arg-type]
    lab.invoke_at("checkout", [lab.now + 0.01] * 4)
    lab.run()
    lab.run_for(0.1)
    assert sum(values(lab, "cold_starts", "checkout", period=1000)) == before  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"metric": "colds"}, "colds"),
        ({"statistic": "p99"}, "statistic"),
        ({"function": 7}, "function"),
        ({"operator": "=>"}, "operator"),
        ({"threshold": "3"}, "threshold"),
        ({"threshold": float("nan")}, "threshold"),
        ({"period": 0}, "period"),
        ({"period": 1.5}, "period"),
        ({"consecutive": 101}, "consecutive"),
        ({"recovery": "yes"}, "recovery"),
    ],
)
def test_an_alarm_that_cannot_work_is_refused(options: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError, match=named):
        AlarmTrigger(**{"metric": "cold_starts", "threshold": 3, **options})


def test_config_and_back_and_wrong_configs() -> None:
    for alarm in (
        AlarmTrigger(metric="cold_starts", threshold=3),
        AlarmTrigger(metric="FunctionP99Duration", function="a", operator="<", threshold=0.5, period=1, consecutive=3, recovery=False),
    ):
        assert AlarmTrigger.from_config(alarm.arn, json.loads(json.dumps(alarm.config()))) == alarm
    assert AlarmTrigger(metric="FunctionP99Duration", threshold=1).statistic == "p99"
    for config, named in (
        ({"metricName": "cold_starts", "threshold": 3, "level": 1}, "level"),
        ({"metricName": "cold_starts", "threshold": 3, "comparisonOperator": ">="}, "comparisonOperator"),
        ({"metricName": "cold_starts"}, "threshold"),
        ({"threshold": 3}, "metric"),
    ):
        with pytest.raises(UsageError, match=named):
            AlarmTrigger.from_config("", config)


def test_a_look_costs_what_is_new() -> None:
    lab = Lab()
    lab.declare("a", duration=0.01)
    lab.declare("seen", duration=0.01)
    for metric in ("cold_starts", "duration", "instances"):
        lab.trigger("seen", AlarmTrigger(metric=metric, threshold=1e9, period=1))

    def cost(requests: int) -> float:
        lab.traffic("a", rate=20, duration=requests / 20)
        began = time.process_time()
        lab.run()
        return (time.process_time() - began) / requests

    cost(500)
    early = min(cost(500) for _ in range(3))
    cost(20_000)
    late = min(cost(500) for _ in range(3))
    assert late < 2 * early
    assert payloads(lab, "seen") == []
