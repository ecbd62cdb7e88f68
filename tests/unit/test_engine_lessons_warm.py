"""The numbers the course teaches about booting, staying warm and reserving (lessons 06 to 08, the demo), computed again by the engine."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest

from fclab import BootProfile, Lab
from fclab.observe.events import InstanceReady, InstanceReclaimed
from fclab.observe.spans import SPAN_KINDS
from tests.unit.engine_kit import (
    colds,
    finishes,
    latencies,
    lesson_lab,
    model_lab,
    times,
)

# ---- lesson 06


@pytest.mark.parametrize(("code_mb", "latency"), [(5, 1.1), (200, 18.65), (1, 0.74)])
def test_06_download_and_unpack_are_linear_in_the_package(code_mb: float, latency: float) -> None:
    assert lesson_lab(code_mb=code_mb).invoke("hello").latency == latency


def test_06_one_connection_and_one_megabyte() -> None:
    lab = Lab()

    def tenth(context: Any) -> None:
        time.sleep(0.1)

    lab.function(name="hello", initializer=tenth, code_mb=1)(lambda event, context: time.sleep(0.1))
    first, second = lab.invoke("hello"), lab.invoke("hello")
    assert (first.latency, second.latency) == (0.64, 0.1)


# ---- lesson 07


def test_07_which_of_five_are_cold() -> None:
    lab = lesson_lab()
    calls = lab.invoke_at("hello", [0, 0.5, 2, 301.2, 700])
    lab.run()
    assert colds(calls) == [True, True, False, False, True]
    assert [call.response.instance_id for call in calls] == ["hello#1", "hello#2", "hello#2", "hello#2", "hello#3"]  # type: ignore[union-attr]
    assert latencies(calls)[1] == 1.1


@pytest.mark.parametrize(("gap", "low", "high"), [(60, 0.83, 0.91), (300, 36.7, 37.0), (600, 60.6, 60.8)])
def test_07_poisson_traffic_follows_the_closed_form(gap: float, low: float, high: float) -> None:
    """A tenth of the lesson's runs, so a wider band: within 2 % of the requests of the closed form exp(-T/gap)."""
    lab = model_lab(0.1, 1.0)
    lab.traffic("f", rate=1 / gap, duration=gap * 10_000)
    lab.run()
    cold = 100 * len(times(lab, InstanceReady)) / len(finishes(lab))
    assert low - 2 < cold < high + 2
    assert abs(cold - 100 * math.exp(-300 / gap)) < 2


# ---- lesson 08


def test_08_one_reserved_instance_and_three_calls() -> None:
    lab = lesson_lab()
    lab.reserve("hello", 1)
    calls = lab.invoke_at("hello", [36_000] * 3)
    lab.run()
    assert latencies(calls) == [0.1, 1.1, 1.1]
    assert not times(lab, InstanceReclaimed), "reserved ten hours ago, without traffic: never reclaimed"


def test_08_reserving_and_calling_at_once_leaves_all_cold() -> None:
    lab = lesson_lab()
    lab.reserve("hello", 1)
    calls = lab.invoke_at("hello", [0] * 3)
    lab.run()
    assert colds(calls) == [True] * 3


# ---- the live demo


def test_the_demo_of_sixty_seconds() -> None:
    lab = lesson_lab()
    first = lab.invoke("hello")
    assert (first.latency, first.cold) == (1.1, True)
    lab.run(until=6)
    assert lab.invoke("hello").latency == 0.1
    calls = lab.invoke_at("hello", [10, 10, 10, 320, 320, 320])
    lab.run(until=330)
    assert colds(calls) == [False, True, True, True, True, True]
    lab.reserve("hello", 3)
    calls = lab.invoke_at("hello", [640] * 3 + [650] * 4)
    lab.run()
    assert latencies(calls) == [0.1] * 6 + [1.1]


def test_profiles() -> None:
    lab = Lab(profile="instant")
    lab.function(name="hello")(lambda event, context: "x")
    assert (lab.invoke("hello").latency, lab.invoke("hello").cold) == (0.0, False)
    lab = Lab(profile=BootProfile(schedule=1, download_per_mb=0, unpack_per_mb=0, start=2))
    lab.function(name="hello", start="fork", initializer=lambda context: None)(lambda event, context: "x")
    forked = lab.invoke("hello")
    assert forked.latency == 1.02
    assert [phase.name for phase in forked.phases] == ["schedule", "download", "unpack", "fork", "initialize"]
    assert "RuntimeForked" in [event.kind for event in lab.recording.events]
    spans = lab.recording.spans()
    assert [SPAN_KINDS[kind] for kind in spans.kind][:2] == ["schedule", "fork"]
    assert " fork " in str(lab.table())
