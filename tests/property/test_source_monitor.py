"""Monitoring against models: how an alarm stands, and what a metric's periods hold."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fclab import AlarmTrigger, Lab
from fclab.observe import events as e
from fclab.sources.monitor.alarm import OPERATORS, Standing, after

PERIODS = st.lists(st.sampled_from([True, False, None]), max_size=30)


def model(periods: list[bool | None], consecutive: int) -> list[str]:
    """The states after each period, from the periods alone."""
    states: list[str] = []
    for at in range(len(periods)):
        if periods[at] is None:
            states.append("INSUFFICIENT_DATA")
        elif not periods[at]:
            states.append("OK")
        elif at + 1 >= consecutive and all(periods[at + 1 - consecutive : at + 1]):
            states.append("ALARM")
        else:
            states.append(states[-1] if states else "INSUFFICIENT_DATA")
    return states


@given(PERIODS, st.integers(1, 4))
def test_an_alarm_stands_as_the_model_says(periods: list[bool | None], consecutive: int) -> None:
    standing, states = Standing(), []
    for breach in periods:
        standing = after(standing, breach, consecutive)
        states.append(standing.state)
        assert 0 <= standing.streak <= consecutive
    assert states == model(periods, consecutive)
    ended = max((at for at, state in enumerate(states) if state == "OK"), default=-1)
    assert standing.raised == ("ALARM" in states[ended + 1 :])


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=12), st.sampled_from(sorted(OPERATORS)), st.integers(0, 3), st.integers(1, 3),
    st.booleans(),
)  # fmt: skip
def test_a_lab_calls_on_transitions_only(loads: list[int], operator: str, threshold: int, consecutive: int, recovery: bool) -> None:
    """`loads` requests in each period of 10 s."""
    lab = Lab(profile="instant")
    lab.declare("busy", duration=0.1)
    lab.declare("told", duration=0.1)
    alarm = AlarmTrigger(
        metric="invocations", function="busy", operator=operator, threshold=threshold, consecutive=consecutive, period=10, recovery=recovery
    )
    lab.trigger("told", alarm)
    lab.invoke_at("busy", [10 * period + 1 + n for period, load in enumerate(loads) for n in range(load)] or [1e6])
    lab.run(until=10 * len(loads) + 5)
    assert [point["value"] for point in lab.monitor.metric("invocations", "busy", period=10)][: len(loads)] == loads
    states = ["INSUFFICIENT_DATA", *model([OPERATORS[operator][1](load, threshold) for load in loads], consecutive)]
    changes = [(10 * at, states[at - 1], states[at]) for at in range(1, len(states)) if states[at] != states[at - 1]]
    assert [(one["time"], one["previous"], one["state"]) for one in lab.monitor.history()] == changes
    due = [time for time, before, state in changes if state == "ALARM" or (recovery and before == "ALARM" and state == "OK")]
    assert [event.time for event in lab.recording.events if isinstance(event, e.TriggerFired)] == due


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(5, 40), st.lists(st.integers(1, 50), max_size=6))
def test_series_taken_in_parts_are_those_of_the_whole(seed: int, period: int, looks: list[int]) -> None:
    """However often somebody looked, the periods say what the recording says."""
    lab = Lab(seed=seed)
    lab.declare("a", duration="exponential(0.5)", max_instances=3, idle_timeout=2)
    lab.declare("b", duration=0.3, max_instances=1)
    lab.traffic("a", rate=2, duration=60)
    lab.traffic("b", rate=2, duration=60, mode="async")

    def ask() -> list[Any]:
        return [
            lab.monitor.metric(name, function, statistic, period=period)
            for name, statistic in (
                ("invocations", None), ("cold_starts", None), ("duration", "p99"), ("latency", "average"), ("instances", None),
                ("concurrency", "average"), ("queue_depth", None), ("queue_age", None),
            )
            for function in ("a", "b", None)
        ]  # fmt: skip

    for seconds in looks:
        lab.run_for(seconds)
        ask()
    lab.run(until=max(lab.now, 120))
    found = ask()
    whole = Lab(seed=seed)
    whole.declare("a", duration="exponential(0.5)", max_instances=3, idle_timeout=2)
    whole.declare("b", duration=0.3, max_instances=1)
    whole.traffic("a", rate=2, duration=60)
    whole.traffic("b", rate=2, duration=60, mode="async")
    whole.run(until=lab.now)
    lab = whole
    assert ask() == found
    arrivals = [event.time for event in lab.recording.events if event.kind in ("RequestAccepted", "RequestRejected")]
    periods = [point["time"] for point in found[2]]
    assert [point["value"] for point in found[2]] == [sum(start <= time < start + period for time in arrivals) for start in periods]
    colds = [event.time for event in lab.recording.events if event.kind == "InstanceAssigned" and event.cold]
    assert [point["value"] for point in found[5]] == [sum(start <= time < start + period for time in colds) for start in periods]
