"""What every event source of the lab keeps, whatever it holds: the clauses of `fclab.sources.base`, for each trigger there is."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest

from fclab import (
    AlarmTrigger,
    APIGatewayTrigger,
    CDNTrigger,
    EventBridgeTrigger,
    HTTPTrigger,
    Lab,
    LogTrigger,
    MNSQueue,
    MNSTopicTrigger,
    OSSTrigger,
    TablestoreTrigger,
    TimerTrigger,
    UsageError,
)
from fclab.sources.base import Source, Trigger
from fclab.sources.catalog import SOURCES

TRIGGERS: list[Trigger] = [
    OSSTrigger(bucket="photos", prefix="in/", suffix=".jpg"),
    OSSTrigger(bucket="papers", events=["oss:ObjectRemoved:*", "oss:ObjectCreated:PutObject"]),
    TablestoreTrigger(table="orders"),
    LogTrigger(project="shop", logstore="access", interval=60, parameter={"level": "error"}),
    MNSTopicTrigger(topic="orders", tag="new", format="JSON", strategy="EXPONENTIAL_DECAY_RETRY"),
    TimerTrigger(cron="CRON_TZ=Asia/Shanghai 0 0 2 * * *", payload="nightly"),
    TimerTrigger(cron="@every 5m"),
    HTTPTrigger(methods=["GET", "POST"], auth="anonymous"),
    APIGatewayTrigger(method="GET", path="/orders/{id}"),
    CDNTrigger(event="LogFileCreated", domains=["img.example.com"]),
    EventBridgeTrigger(pattern={"source": ["acs.oss"]}),
    EventBridgeTrigger(source=MNSQueue(queue="inbox"), mode="event-streaming", asynchronous=True, batch=10, window=5),
    AlarmTrigger(metric="cold_starts", function="f", threshold=3, period=60),
]
KINDS = sorted({kind for source in SOURCES for kind in source.TRIGGERS}, key=lambda kind: kind.__name__)
each_trigger = pytest.mark.parametrize("trigger", TRIGGERS, ids=lambda trigger: f"{trigger.TYPE}:{trigger.watches}")
each_source = pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.NAME)


def f(event: bytes, context: object) -> None: ...


def ready(lab: Lab) -> Lab:
    """A lab with a function, and what a trigger cannot make by itself."""
    lab.function(f)
    if "orders" not in lab.tables.tables():
        lab.tables.create_table("orders", {"id": "INTEGER"})
    return lab


def test_every_kind_of_trigger_is_tried_here() -> None:
    assert {type(trigger) for trigger in TRIGGERS} == set(KINDS)
    assert len({kind.TYPE for kind in KINDS}) == len(KINDS)


@each_source
def test_a_source_says_what_it_is(source: type[Source]) -> None:
    assert source.__doc__
    assert source.TITLE
    for name in source.verbs():
        method = getattr(source, name)
        assert method.__doc__, f"{source.NAME}.{name} has no docstring"
        hints = inspect.signature(method)
        assert all(one.annotation is not one.empty for one in list(hints.parameters.values())[1:]), f"{source.NAME}.{name}"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_trigger_tells_the_catalogue_the_truth(kind: type[Trigger]) -> None:
    assert kind.MODE in ("sync", "async")
    assert kind.RETRIES
    assert isinstance(kind.example(), bytes)
    assert kind.example()
    assert kind.SOURCE in {source.NAME for source in SOURCES if kind in source.TRIGGERS}


@each_trigger
def test_clause_2_of_triggers_its_config_makes_an_equal_one(trigger: Trigger) -> None:
    again = type(trigger).from_config(trigger.arn, json.loads(json.dumps(trigger.config())))
    assert again == trigger


@each_trigger
def test_wrong_configs_are_refused_by_name(trigger: Trigger) -> None:
    with pytest.raises(UsageError):
        type(trigger).from_config(trigger.arn, {**trigger.config(), "noSuchField": 1})


@each_trigger
def test_a_trigger_is_switched_listed_changed_and_deleted(trigger: Trigger) -> None:
    with ready(Lab()) as lab:
        handle = lab.trigger("f", trigger, name="mine")
        assert [one.trigger for one in lab.triggers()] == [trigger]
        for _ in range(2):
            handle.disable()
            handle.disable()
            assert not lab.triggers()[0].enabled
            handle.enable()
            handle.enable()
        handle.update()
        handle.delete()
        assert lab.triggers() == []
        lab.trigger("f", trigger, name="mine")  # what it watched is free again
        lab.delete("f")
        assert lab.triggers() == []
        lab.run()


@pytest.mark.parametrize("backend", ["virtual", "process"])
def test_every_trigger_comes_back_with_its_home(backend: str, tmp_path: Path) -> None:
    with Lab(backend, home=tmp_path) as lab:
        ready(lab)
        for number, trigger in enumerate(TRIGGERS):
            lab.trigger("f", trigger, name=f"t{number}", enabled=number % 2 == 0)
        before = [(one.name, one.trigger, one.enabled, one.function) for one in lab.triggers()]
    with Lab(backend, home=tmp_path) as lab:
        assert [(one.name, one.trigger, one.enabled, one.function) for one in lab.triggers()] == before
        ready(lab)
        for one in lab.triggers():
            one.delete()


def test_a_fresh_lab_has_the_triggers_but_no_data() -> None:
    with Lab() as lab:
        lab.declare("f", duration=0.1)
        lab.trigger("f", OSSTrigger(bucket="photos"))
        lab.trigger("f", TimerTrigger(cron="@every 5m"))
        lab.objects.put("photos", "a", b"x")
        with lab.fresh() as fresh:
            assert [one.trigger for one in fresh.triggers()] == [one.trigger for one in lab.triggers()]
            assert fresh.objects.list("photos")["objects"] == []
