"""Meters, bill and metrics of real runs: the lessons' numbers, and agreement with what callers were told."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fclab import Lab, Recording, UsageError
from fclab.observe.meters import meters
from fclab.observe.metrics import metrics


def connect(context: object) -> None:
    time.sleep(0.2)


def hello(event: bytes, context: object) -> str:
    time.sleep(0.1)
    return "hello"


def nap(event: bytes, context: object) -> None:
    time.sleep(float(event))


def fail(event: bytes, context: object) -> None:
    time.sleep(0.1)
    raise ValueError("always")


def tidy(context: object) -> None:
    time.sleep(0.05)


def test_lesson_00_pays_for_three_handlers_and_two_initializers() -> None:
    with Lab() as lab:
        lab.function(initializer=connect)(hello)
        calls = lab.invoke_at("hello", [0, 60, 600])
        lab.run()
        found = meters(lab.recording)
        assert (found.requests, found.active_seconds) == (3, 0.7)
        assert sum(call.response.billed or 0 for call in calls if call.response) == pytest.approx(0.7)
        assert repr(lab.bill()) == "Bill(0.01 CNY, pay-as-you-go)"
        assert lab.bill(tariff="coins").total == 0.7
        assert lab.bill("server").total == 24 * 0.39
        assert (lab.metrics().cold, lab.metrics().latency.p50, lab.metrics().latency.quantile(0.3)) == (2, 1.1, 0.1)
        with pytest.raises(UsageError, match="no option 'pack'"):
            lab.bill("both", pack=3)


def test_lesson_04_in_figures() -> None:
    with Lab() as lab:
        lab.declare("slow", duration=5.0, timeout=10, max_instances=2, boot=1.0)
        lab.invoke_at("slow", [0] * 10, mode="async")
        lab.run()
        found = lab.metrics()
        assert [round(time / 1e6) for time in found.completion.times] == [6, 6, 11, 11, 16, 16, 21, 21, 26, 26]
        assert found.queue_depth.points() == [(0, 8), (6, 6), (11, 4), (16, 2), (21, 0)]
        assert found.queue_age.maximum == 21.0
        assert (found.running.maximum, found.instances.maximum) == (2, 2)
        assert meters(lab.recording).active_seconds == 50.0
    with lab.fresh() as again:
        again.invoke_at("slow", [0] * 10)
        again.run()
        assert (again.metrics().outcomes["succeeded"], again.metrics().outcomes["throttled"]) == (2, 8)
        assert meters(again.recording).requests == 2


def test_lesson_05_every_execution_is_paid_an_outage_is_not() -> None:
    with Lab() as lab:
        lab.function(initializer=connect)(fail)
        lab.invoke_at("fail", [0], mode="async")
        lab.run()
        found = meters(lab.recording)
        assert (found.requests, found.active_seconds) == (4, 0.6)
        assert lab.metrics().outcomes["function error"] == 1
        assert lab.metrics().completion.max == 4.9
    with Lab() as lab:
        lab.declare("f", duration=0.1, boot=1.0)
        lab.faults.outage(start=0, end=60)
        lab.invoke_at("f", [0], mode="async")
        lab.run()
        assert (meters(lab.recording).requests, meters(lab.recording).active_seconds) == (1, 0.1)
        assert lab.metrics().queue_age.maximum == 63.5


def test_lesson_08_ten_hours_reserved_are_paid_without_traffic() -> None:
    with Lab() as lab:
        lab.declare("r", duration=0.1, boot=1.0)
        lab.reserve("r", 1)
        lab.run(until=36_000)
        found = meters(lab.recording)
        assert (found.requests, found.reserved_seconds, found.utilization) == (0, 36_000, 0.0)
        idle, always = lab.bill(), lab.bill(idle_mode=False)
        assert (idle.cu, always.cu) == (3600, 3600 + 9000)
        assert (round(idle.total, 4), round(always.total, 4)) == (0.396, 1.386)
        assert lab.bill("coins").total == 18_000


def test_overlap_hooks_and_a_time_out_that_breaks_another_request() -> None:
    with Lab() as lab:
        lab.function(concurrency=3, timeout=2.0, pre_freeze=tidy, pre_stop=tidy)(nap)
        for at, length in ((0, b"0.5"), (5, b"1.5"), (5.5, b"1.8")):
            lab.invoke_at("nap", [at], payload=length)
        lab.run(until=400)
        row = meters(lab.recording).rows[0]
        assert (row.requests, row.active_us, row.hooks_us) == (3, 500_000 + 2_300_000 + 150_000, 150_000)
        lab.invoke_at("nap", [1000], payload=b"9")
        broken = lab.invoke_at("nap", [1001.5], payload=b"1.5")[0]
        lab.run()
        assert broken.response is not None
        assert broken.response.status == 500
        found = meters(lab.recording)
        assert (found.requests, found.active_seconds) == (4, 2.95 + 2.0)
        assert lab.metrics().outcomes["platform error"] == 1


def test_a_recording_read_again_gives_the_same_figures(tmp_path: Path) -> None:
    with Lab() as lab:
        lab.function(initializer=connect)(hello)
        lab.invoke_at("hello", [0, 0.5, 400])
        lab.run(until=500)
        read = Recording.load(lab.recording.save(tmp_path / "run.jsonl"))
        assert meters(read) == meters(lab.recording)
        assert str(metrics(read)) == str(lab.metrics())


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 3000)), min_size=1, max_size=15), st.integers(0, 2), st.booleans())
def test_figures_agree_with_what_callers_were_told(work: list[tuple[int, int]], reserved: int, limited: bool) -> None:
    """Arrivals (s) and durations (0.1 ms), one request an instance."""
    with Lab() as lab:
        lab.function(initializer=connect, timeout=10, max_instances=3 if limited else None)(nap)
        lab.reserve("nap", reserved)
        calls = [lab.invoke_at("nap", [at], payload=str(length / 10_000).encode())[0] for at, length in work]
        lab.run(until=1000)
        answers = [call.response for call in calls if call.response is not None]
        found, figures = meters(lab.recording), lab.metrics()
        assert len(answers) == len(work) == figures.requests == sum(figures.outcomes.values())
        ran = [one for one in answers if one.ok]
        boots = 0.2 * reserved
        assert found.busy_seconds == pytest.approx(sum(one.billed or 0 for one in ran) + boots)
        assert found.requests == len(ran) == figures.outcomes["succeeded"]
        assert found.reserved_seconds == 1000 * reserved
        assert figures.cold == sum(one.cold is True for one in ran)
        assert figures.latency.max == (max(one.latency for one in ran) if ran else None)
        assert figures.running.mean(0, 1000) * 1000 == pytest.approx(sum(one.duration or 0 for one in ran))
        assert figures.waiting.at(1000) == figures.running.at(1000) == figures.queue_depth.at(1000) == 0
