"""Monitoring: the lab's own metrics, period by period."""

from __future__ import annotations

from typing import Any

import pytest

from fclab import AlarmTrigger, AsyncConfig, Lab
from fclab.errors import UsageError


def values(lab: Lab, name: str, *args: Any, **options: Any) -> list[float | None]:
    """Up to this instant, which is not included."""
    return [point["value"] for point in lab.monitor.metric(name, *args, **{"end": lab.now, **options})]


def test_counts_go_to_the_period_they_happen_in() -> None:
    lab = Lab(profile="instant")
    lab.declare("a", duration=1, idle_timeout=10)
    lab.declare("b", duration=1)
    lab.invoke_at("a", [0, 59.5, 60, 200])
    lab.invoke_at("b", [61])
    lab.run(until=240)
    assert values(lab, "invocations") == [2, 2, 0, 1]
    assert values(lab, "invocations", "a") == [2, 1, 0, 1]
    assert values(lab, "cold_starts", "a") == [2, 1, 0, 1], "the third finds the second still at work"
    assert values(lab, "cold_starts", "b") == [0, 1, 0, 0]
    assert values(lab, "FunctionTotalInvocations", "a") == values(lab, "invocations", "a")
    assert [point["time"] for point in lab.monitor.metric("invocations", start=1, end=180)] == [60, 120]
    assert values(lab, "invocations", period=100) == [4, 0, 1]


def test_times_have_averages_maxima_and_p99_and_none_where_nothing_ended() -> None:
    lab = Lab(profile="instant")
    lab.declare("a", duration=[0.5, 1.5, 4.0], timeout=10)
    lab.invoke_at("a", [0, 10, 59])
    lab.run(until=180)
    assert values(lab, "duration", "a") == [1.0, 4.0, None]
    assert values(lab, "duration", "a", "sum") == [2.0, 4.0, None]
    assert values(lab, "FunctionMaxDuration", "a") == [1.5, 4.0, None]
    assert values(lab, "FunctionP99Duration", "a") == [1.5, 4.0, None]
    assert values(lab, "latency", "a", "maximum") == [1.5, 4.0, None]


def test_gauges_last_and_ages_grow() -> None:
    lab = Lab(profile="instant")
    lab.declare("a", duration=30, timeout=60, max_instances=1, idle_timeout=60)
    for _ in range(3):
        lab.invoke_async("a")
    lab.run(until=120)
    assert values(lab, "concurrency", "a", period=30) == [1, 1, 1, 0]
    assert values(lab, "concurrency", "a", "average", period=60) == [1, 0.5]
    assert values(lab, "instances", "a", period=30) == [1, 1, 1, 1]
    assert values(lab, "queue_depth", "a", period=30)[0] == 2
    ages = values(lab, "queue_age", "a", period=30)
    assert ages[0] == 30
    assert ages[3] == 0
    assert values(lab, "queue_age", "a", "average", period=30)[0] == 15
    lab.declare("b", duration=1, reserved=2)
    lab.run_for(30)
    assert values(lab, "reserved_instances", "b", period=30)[-1] == 2
    assert values(lab, "reserved_instances", "a", period=30)[-1] == 0


def test_errors_count_by_kind() -> None:
    lab = Lab()

    @lab.function(async_config=AsyncConfig(max_retries=2))
    def fails(event: bytes, context: object) -> None:
        raise ValueError

    def no(context: object) -> None:
        raise ValueError

    @lab.function(initializer=no)
    def unborn(event: bytes, context: object) -> None: ...

    lab.declare("narrow", duration=10, timeout=20, max_instances=1)
    lab.invoke("fails")
    lab.invoke_async("fails")
    lab.run()
    lab.invoke("unborn")
    lab.invoke_at("narrow", [lab.now, lab.now + 5])
    lab.run()
    lab.run_for(60)

    def total(name: str, function: str | None = None) -> float:
        return sum(value or 0 for value in values(lab, name, function, end=None))

    assert total("function_errors", "fails") == 4, "one, and one that is tried three times"
    assert total("function_errors", "unborn") == 1
    assert total("function_errors") == 5
    assert total("throttles", "narrow") == 1
    lab.faults.outage(start=lab.now, end=lab.now + 60)
    assert lab.invoke("fails").status == 500
    assert total("server_errors", "fails") == 1
    assert total("function_errors", "fails") == 4
    lab.disable("fails")
    assert 400 <= lab.invoke("fails").status < 500
    assert total("client_errors", "fails") + total("throttles", "fails") == 1


def test_metrics_agree_with_the_figures_of_the_run() -> None:
    lab = Lab(seed=5)
    lab.declare("a", duration="exponential(0.3)", max_instances=4, idle_timeout=3)
    lab.declare("b", duration=0.2, max_instances=2)
    lab.traffic("a", rate=8, duration=300)
    lab.traffic("b", rate=4, duration=300, mode="async")
    for name in ("invocations", "cold_starts", "throttles"):
        values(lab, name)  # looked at again and again, nothing is counted twice
    for _ in range(12):
        lab.run_for(30)
        values(lab, "duration")
    lab.run()
    lab.run_for(1)
    figures = lab.metrics()
    for function in ("a", "b"):
        assert sum(values(lab, "invocations", function)) == figures[function].requests  # type: ignore[arg-type]
        assert sum(values(lab, "cold_starts", function)) == figures[function].cold  # type: ignore[arg-type]
    assert sum(values(lab, "throttles", "a")) == figures["a"].outcomes["throttled"]  # type: ignore[arg-type]
    whole = {"period": 100_000}
    assert values(lab, "instances", **whole) == [figures.instances.maximum]
    assert values(lab, "concurrency", statistic="average", **whole) == [pytest.approx(figures.running.mean())]
    assert values(lab, "queue_age", **whole) == [pytest.approx(figures.queue_age.maximum)]
    assert values(lab, "latency", "a", "p99", **whole) == [figures["a"].latency.p99]


def test_wrong_questions_are_refused_by_name() -> None:
    lab = Lab()
    for options, named in (
        ({"name": "cold"}, "cold_starts"),
        ({"name": "cold_starts", "statistic": "average"}, "sum"),
        ({"name": "cold_starts", "function": "nobody"}, "nobody"),
        ({"name": "cold_starts", "period": 0}, "period"),
        ({"name": "cold_starts", "start": -1}, "start"),
    ):
        with pytest.raises(UsageError, match=named):
            lab.monitor.metric(**options)
    lab.run_for(50_000)
    with pytest.raises(UsageError, match="periods"):
        lab.monitor.metric("invocations", period=1)


def test_a_lab_without_a_record_says_so() -> None:
    lab = Lab(record=False)
    lab.declare("a", duration=1)
    with pytest.raises(UsageError, match="record=True"):
        lab.monitor.metric("invocations")
    with pytest.raises(UsageError, match="record=True"):
        lab.trigger("a", AlarmTrigger(metric="invocations", threshold=1))
    assert lab.triggers() == []
