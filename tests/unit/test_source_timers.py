"""Timers: cron expressions and intervals, what a function gets, and what becomes of times that are missed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fclab import Lab, TimerTrigger
from fclab.errors import UsageError
from fclab.observe import events as e
from tests.unit.source_kit import payloads

DAY = 86_400


@pytest.fixture(params=["virtual", "process"])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    with Lab(request.param) as made:
        yield made


def ding(event: bytes, context: object) -> bytes:
    return event


def times(lab: Lab, function: str = "ding") -> list[str]:
    return [event["triggerTime"] for event in payloads(lab, function)]


def test_the_event_is_the_documented_one() -> None:
    assert json.loads(TimerTrigger.example()) == {
        "triggerTime": "2022-07-29T10:02:58Z", "triggerName": "TestTimer", "payload": "TestPayload",
    }  # fmt: skip
    lab = Lab()
    lab.function(ding)
    lab.trigger("ding", TimerTrigger(cron="CRON_TZ=Asia/Shanghai 0 0 2 * * *", payload="nightly"), name="night")
    lab.run(until=DAY)
    assert payloads(lab, "ding") == [{"triggerTime": "2026-01-01T18:00:00Z", "triggerName": "night", "payload": "nightly"}]
    accepted = next(event for event in lab.recording.events if isinstance(event, e.RequestAccepted))
    assert (accepted.mode, accepted.time) == ("async", 18 * 3600.0)
    fired = next(event for event in lab.recording.events if isinstance(event, e.TriggerFired))
    assert (fired.source, fired.trigger) == ("timers CRON_TZ=Asia/Shanghai 0 0 2 * * *", "night")


EXPRESSIONS: list[tuple[str, list[str]]] = [
    ("30 15 4 * * *", ["01-01T04:15:30", "01-02T04:15:30"]),
    ("0 */20 9-10 * * *", ["01-01T09:00:00", "01-01T09:20:00", "01-01T09:40:00", "01-01T10:00:00"]),
    ("0 0 12 ? * MON,wed", ["01-05T12:00:00", "01-07T12:00:00"]),
    ("0 0 0 * * 7", ["01-04T00:00:00", "01-11T00:00:00"]),
    ("0 0 0 * * SUN", ["01-04T00:00:00", "01-11T00:00:00"]),
    ("0 0 0 31 JAN-MAR/2 ?", ["01-31T00:00:00", "03-31T00:00:00"]),
    ("0 0 0 13 * FRI", ["01-02T00:00:00", "01-09T00:00:00", "01-13T00:00:00", "01-16T00:00:00"]),
    ("0 10/25 0 * * *", ["01-01T00:10:00", "01-01T00:35:00", "01-02T00:10:00"]),
    ("@every 1h30m", ["01-01T01:30:00", "01-01T03:00:00"]),
    ("@every 100m", ["01-01T01:40:00", "01-01T03:20:00"]),
    ("@every 10s", ["01-01T00:00:10", "01-01T00:00:20"]),
]


@pytest.mark.parametrize(("cron", "first"), EXPRESSIONS)
def test_the_next_times(cron: str, first: list[str]) -> None:
    """The 1st of January 2026 is a Thursday. Both days given mean either (cron clause 4)."""
    assert Lab().timers.next(cron, len(first)) == [f"2026-{one}Z" for one in first]


EDGES = [
    ("Europe/Berlin 0 30 2 * * *", "2026-03-28", ["2026-03-28T01:30:00Z", "2026-03-30T00:30:00Z"]),
    ("Europe/Berlin 0 30 2 * * *", "2026-10-24",
     ["2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"]),
    ("Europe/Berlin 0 0 * * * *", "2026-03-29T00:00:00Z", ["2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"]),
    ("Europe/Berlin 0 0 9 * * *", "2026-03-28", ["2026-03-28T08:00:00Z", "2026-03-29T07:00:00Z"]),
    ("America/Santiago 0 0 0 * * *", "2026-09-05", ["2026-09-05T04:00:00Z", "2026-09-07T03:00:00Z"]),
    ("America/Santiago 0 0 0 6 9 *", "2026-09-05", ["2027-09-06T03:00:00Z"]),
    ("Asia/Kathmandu 0 0 0 * * *", "2026-05-01", ["2026-05-01T18:15:00Z"]),
]  # fmt: skip


@pytest.mark.parametrize(("cron", "after", "expected"), EDGES)
def test_the_clocks_change(cron: str, after: str, expected: list[str]) -> None:
    """A skipped hour has no tick, a doubled one two (cron clauses 1 and 2); whole hours and fixed times go on."""
    assert Lab().timers.next(f"CRON_TZ={cron}", len(expected), after) == expected


REFUSED = [
    ("* 0 0 * * *", "the seconds"), ("*/5 0 0 * * *", "the seconds"), ("0,30 0 0 * * *", "the seconds"), ("0 0 0 * *", "six fields"),
    ("0 0 0 * * * *", "six fields"), ("60 0 0 * * *", "second"), ("0 60 0 * * *", "minute"), ("0 0 24 * * *", "hour"),
    ("0 0 0 32 * *", "day of month"), ("0 0 0 0 * *", "day of month"), ("0 0 0 * 13 *", "month"), ("0 0 0 * * 0", "day of week"),
    ("0 0 0 * * 8", "day of week"), ("0 0 0 * * MON/2", "day of week"), ("0 0 0 * * FRI-MON", "backwards"), ("0 ? 0 * * *", "minutes"),
    ("0 0 0 L * *", "day of month"), ("0 0 0 * * MON#2", "day of week"), ("0 5-3 0 * * *", "backwards"), ("0 1,,2 * * * *", "minutes"),
    ("0 0 0 30 FEB *", "day of month"), ("0 0/0 * * * *", "minute"), ("@every", "interval"), ("@every 0m", "interval"),
    ("@every 1.5h", "interval"), ("@every 5", "interval"), ("@daily", "interval"), ("@every 9999h", "interval"),
    ("CRON_TZ=Mars/Base 0 0 0 * * *", "time zone"), ("CRON_TZ=../../etc 0 0 0 * * *", "time zone"), ("CRON_TZ=UTC", "six fields"),
    ("", "six fields"),
]  # fmt: skip


@pytest.mark.parametrize(("cron", "said"), REFUSED)
def test_what_the_product_refuses(cron: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        TimerTrigger(cron=cron)
    assert caught.value.hint


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"cron": 5}, "is a text"), ({"payload": b"x"}, "is a text"), ({"payload": "ü" * 65_537}, "131072 bytes, this one 131074"),
    ({"enabled": "yes"}, "True or False"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "said"), WRONG)
def test_wrong_options(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        TimerTrigger(**{"cron": "@every 5m", **options})


def test_the_configuration_is_the_wire_s() -> None:
    trigger = TimerTrigger(cron="@every 4m", payload="x", enabled=False)
    assert trigger.config() == {"cronExpression": "@every 4m", "enable": False, "payload": "x"}
    assert TimerTrigger.from_config("", trigger.config()) == trigger
    assert TimerTrigger.from_config("", {"cronExpression": "@every 4m"}) == TimerTrigger(cron="@every 4m")
    with pytest.raises(UsageError, match="'cron'"):
        TimerTrigger.from_config("", {"cron": "@every 4m"})
    with pytest.raises(UsageError, match="needs cronExpression"):
        TimerTrigger.from_config("", {})


QUESTIONS: list[tuple[dict[str, Any], str]] = [
    ({"n": 0}, "1 to 1000"), ({"n": True}, "1 to 1000"), ({"after": "soon"}, "no time"), ({"cron": "x"}, "six fields"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "said"), QUESTIONS)
def test_wrong_questions(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Lab().timers.next(**{"cron": "@every 1m", **options})


def test_missed_times_are_not_made_up_for() -> None:
    """Clause 2: neither those of a disabled trigger nor of the product's own switch; the next time in the future comes."""
    lab = Lab()
    lab.function(ding)
    handle = lab.trigger("ding", TimerTrigger(cron="@every 10m"))
    lab.run(until=1300)
    handle.disable()
    assert lab.timers.list() == [{"function": "ding", "trigger": "timer", "cron": "@every 10m", "next": None}]
    lab.run(until=7100)
    handle.enable()
    assert lab.timers.list()[0]["next"] == "2026-01-01T02:00:00Z"
    lab.run(until=7300)
    assert times(lab) == ["2026-01-01T00:10:00Z", "2026-01-01T00:20:00Z", "2026-01-01T02:00:00Z"]
    handle.update(enabled=False)
    lab.run(until=9000)
    handle.update(enabled=True, cron="@every 1h")
    lab.run(until=11_000)
    assert times(lab)[3:] == ["2026-01-01T03:00:00Z"]
    handle.delete()
    lab.run(until=2 * DAY)
    assert len(times(lab)) == 4
    assert lab.timers.list() == []


def test_timers_are_no_work() -> None:
    """Clause 1: `run()` does not wait for a tick, but what it set off is work."""
    lab = Lab()
    lab.function(ding)
    lab.trigger("ding", TimerTrigger(cron="@every 1m"))
    lab.run()
    assert lab.now == 0
    lab.run(until=60)
    assert times(lab) == ["2026-01-01T00:01:00Z"]


def test_a_refused_tick_is_repeated() -> None:
    """The call that a switched-off function refuses comes again after 1, 2 and 4 s."""
    lab = Lab()
    lab.function(ding)
    lab.trigger("ding", TimerTrigger(cron="@every 1m"))
    lab.disable("ding")
    lab.run(until=64)
    lab.enable("ding")
    lab.run(until=100)
    fired = [(event.time, event.attempt) for event in lab.recording.events if isinstance(event, e.TriggerFired)]
    assert fired == [(60.0, 1), (61.0, 2), (63.0, 3), (67.0, 4)]


@pytest.mark.parametrize("backend", ["virtual", "process"])
def test_a_home_is_opened_again(backend: str, tmp_path: Path) -> None:
    with Lab(backend, home=tmp_path) as lab:
        lab.function(ding)
        lab.trigger("ding", TimerTrigger(cron="@every 1s", payload="x"))
    with Lab(backend, home=tmp_path) as lab:
        lab.run_for(2.2)
        assert times(lab) == []  # nobody declared its function, and what it missed does not come later
        lab.function(ding)
        lab.run_for(2.2)
        lab.triggers()[0].disable()
        assert 1 <= len(times(lab)) <= 3
        assert len(set(times(lab))) == len(times(lab))


def test_a_handler_may_ask(lab: Lab) -> None:
    @lab.function
    def asks(event: bytes, context: Any) -> Any:
        return context.timers.next("0 0 2 1 1 *", 2, after="2030-05-01T00:00:00Z")

    answer = lab.invoke("asks")
    assert answer.json() == ["2031-01-01T02:00:00Z", "2032-01-01T02:00:00Z"], answer.logs


def test_a_nightly_report_over_a_month() -> None:
    """Thirty days with a sale every minute, and every night at two in Shanghai a report of what was sold since the last: under 2 s."""
    lab = Lab(profile="instant")
    sold: list[int] = []
    reports: dict[str, int] = {}

    @lab.function(concurrency=10)
    def sale(event: bytes, context: object) -> None:
        sold.append(int(event))

    @lab.function
    def report(event: bytes, context: object) -> None:
        reports[json.loads(event)["triggerTime"]] = sum(sold)
        sold.clear()

    lab.trigger("report", TimerTrigger(cron="CRON_TZ=Asia/Shanghai 0 0 2 * * *", payload="nightly"))
    began = time.process_time()
    lab.invoke_at("sale", range(30, 30 * DAY, 60), payload=b"2")
    lab.run(until=30 * DAY)
    took = time.process_time() - began
    assert list(reports) == [f"2026-01-{day:02d}T18:00:00Z" for day in range(1, 31)]
    assert list(reports.values()) == [2 * 18 * 60, *[2 * 24 * 60] * 29]
    assert took < 2


def test_the_cost_of_a_tick_does_not_grow() -> None:
    lab = Lab(record=False)
    lab.declare("ding", duration=0.001)
    lab.trigger("ding", TimerTrigger(cron="CRON_TZ=Europe/Berlin 0 * * * * *"))

    def cost(ticks: int) -> float:
        began = time.process_time()
        lab.run_for(ticks * 60)
        return (time.process_time() - began) / ticks

    cost(200)
    early = min(cost(500) for _ in range(3))
    cost(10_000)
    late = min(cost(500) for _ in range(3))
    assert late < 2 * early
