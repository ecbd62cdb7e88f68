"""Requests and instances as views, and the table made of them."""

from __future__ import annotations

import pytest

from fclab.observe import events as e
from fclab.observe.instances import instances
from fclab.observe.recording import Recording
from fclab.observe.requests import requests
from fclab.observe.table import table
from tests.unit.observe_runs import Script, broken_boot, capped, failing, lesson00, nested, reserved, two_slots


def test_lesson_00_is_cold_warm_cold() -> None:
    seen = requests(lesson00())
    assert [(one.label, one.arrived_us, one.latency_us, one.cold, one.instance, one.outcome) for one in seen] == [
        ("R1", 0, 1_100_000, True, "hello#1", "ok"),
        ("R2", 60_000_000, 100_000, False, "hello#1", "ok"),
        ("R3", 600_000_000, 1_100_000, True, "hello#2", "ok"),
    ]
    one = seen[0]
    assert (one.mode, one.status, one.started_us, one.attempts, one.executions) == ("sync", 200, 1_000_000, 1, 1)
    assert all(one.replied_us == one.finished_us for one in seen)


def test_async_is_replied_at_once_and_finished_later() -> None:
    (one,) = requests(failing())
    assert (one.mode, one.replied_us, one.finished_us, one.attempts, one.executions) == ("async", 0, 4_900_000, 4, 4)
    assert (one.outcome, one.status, one.error_type) == ("failed", 200, "UnhandledInvocationError")


def test_an_event_that_could_not_be_stored_is_answered_with_its_failure() -> None:
    run = Script(until=1)
    run.accept(0, 1, mode="async")
    run.fail(0.5, 1, "InternalServerError", status=500)
    (one,) = requests(run.recording)
    assert (one.replied_us, one.status, one.outcome, one.attempts) == (500_000, 500, "failed", 0)


def test_some_cold_delivery_makes_it_cold() -> None:
    assert requests(failing())[0].cold
    assert [one.cold for one in requests(capped())] == [True, False]


def test_refused_and_failed() -> None:
    failed, refused = requests(broken_boot())
    assert (failed.outcome, failed.status, failed.error_type) == ("failed", 500, "CodeDownloadError")
    assert (failed.executions, failed.cold) == (0, True)
    assert (refused.outcome, refused.status, refused.mode, refused.attempts, refused.replied_us) == ("refused", 429, "", 0, 1_000_000)


def test_cause_and_open() -> None:
    assert [one.cause for one in requests(nested())] == [0, 1]
    run = Script(until=1)
    run.enqueue(0, 1)
    (one,) = requests(run.recording)
    assert (one.outcome, one.status, one.finished_us, one.latency_us) == ("open", None, None, None)


def test_instances() -> None:
    first, second = instances(lesson00())
    assert first.phases == (("schedule", 100_000), ("download", 300_000), ("unpack", 150_000), ("start", 250_000), ("initialize", 200_000))
    assert (first.ready_us, first.served, first.idle_us, first.expires_us, first.gone_us, first.reason) == (
        1_000_000, 2, 60_100_000, 360_100_000, 360_100_000, "idle",
    )  # fmt: skip
    assert (second.gone_us, second.expires_us, second.reason, second.running) == (None, 901_100_000, "", 0)
    assert instances(broken_boot())[0].failure == "download: CodeDownloadError"
    assert instances(two_slots())[0].served == 2


LESSON_00 = """\
3 requests (2 cold, 1 warm), 2 instances, 601.1 s. Times are in seconds.

request  function  mode  arrives  cold/warm  instance   ends  took  outcome
R1       hello     sync        0  cold       hello#1     1.1   1.1  ok
R2       hello     sync       60  warm       hello#1    60.1   0.1  ok
R3       hello     sync      600  cold       hello#2   601.1   1.1  ok

instance  created  schedule  download  unpack  start  initialize  ready  served  then
hello#1         0       0.1       0.3    0.15   0.25         0.2      1       2  idle from 60.1, reclaimed at 360.1
hello#2       600       0.1       0.3    0.15   0.25         0.2    601       1  idle from 601.1, kept until 901.1"""


def test_the_table_of_lesson_00() -> None:
    assert table(lesson00()) == LESSON_00


def test_the_table_shows_replies_deliveries_and_failures_where_there_are_any() -> None:
    lines = table(failing()).splitlines()
    assert lines[0] == "1 request (1 cold, 0 warm), 1 failed, 1 instance, 4.9 s. Times are in seconds."
    assert lines[2].split() == [
        "request", "function", "mode", "arrives", "accepted", "cold/warm", "instance", "deliveries", "executions", "completed", "took",
        "outcome",
    ]  # fmt: skip
    assert lines[3].split()[:11] == ["R1", "hello", "async", "0", "0", "cold", "hello#1", "4", "4", "4.9", "4.9"]
    assert lines[3].endswith("failed: UnhandledInvocationError")


def test_the_table_shows_refusals_and_broken_boots() -> None:
    text = table(broken_boot())
    assert "2 requests (1 cold, 0 warm), 1 refused, 1 failed, 1 instance" in text
    assert "failed: 500 CodeDownloadError" in text
    assert "refused: 429 ResourceExhausted" in text
    assert "failed to boot (download: CodeDownloadError) at 0.4" in text


def test_the_table_shows_who_is_reserved() -> None:
    line = table(reserved()).splitlines()[-1]
    assert line.split()[:2] == ["hello#1", "reserved"]
    assert line.endswith("idle from 10.1, stopped (lowered) at 20.5")


@pytest.mark.parametrize("ends", [0.05, 0.7, 1.05, 1.1])
def test_the_table_of_a_run_cut_short(ends: float) -> None:
    whole = lesson00()
    cut = Recording()
    cut.functions, cut.instances, cut.texts = whole.functions, whole.instances, whole.texts
    for row in whole.rows():
        if row[0] <= ends * 1e6:
            cut.emit(*row)
    last = table(cut).splitlines()[-1]
    assert last.endswith({0.05: "booting", 0.7: "booting", 1.05: "busy", 1.1: "idle from 1.1, kept until 301.1"}[ends])


def test_a_long_table_is_cut_and_says_so() -> None:
    run = Script()
    instance, _ = run.cold(0, 1)
    for number in range(2, 51):
        run.warm(number, number, instance)
    lines = table(run.recording).splitlines()
    assert lines[2:44][-1] == "... and 10 more requests"
    assert "... and 49 more requests" in table(run.recording, most=1)
    assert "more instance" not in table(run.recording)


@pytest.mark.parametrize("make", [lesson00, failing, capped, two_slots, broken_boot, reserved, nested, Recording])
def test_no_line_ends_in_a_space_and_the_text_is_stable(make: object) -> None:
    assert callable(make)
    text = table(make())
    assert text == table(make())
    assert all(line == line.rstrip() for line in text.splitlines())


def test_nothing_happened() -> None:
    assert table(Recording()) == "0 requests, 0 instances, 0 s. Times are in seconds."
    assert requests(Recording()) == []


def test_a_stopping_instance_and_a_waiting_event() -> None:
    run = Script(until=3)
    instance = run.create(0, reserved=True)
    run.boot(0, instance)
    run.emit(1, e.InstanceIdled, 0, 0, instance)
    run.emit(2, e.InstanceStopping, 0, 0, instance, a="lowered")
    run.enqueue(2, 1)
    text = table(run.recording)
    assert text.endswith("idle from 1, stopping from 2 (lowered)")
    assert "accepted, waits" in text
    assert "1 not ended" in text
