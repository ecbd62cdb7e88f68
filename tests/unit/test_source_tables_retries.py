"""The trigger on a table when something goes wrong: failures, expiry, late answers, loops and ended labs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cbor2
import pytest

from fclab import Lab, LoopDetected, TablestoreTrigger
from fclab.controls.desks import hub_of
from fclab.observe import events as e
from tests.unit.tables_kit import HOUR, Bench, numbers


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    with made.lab:
        yield made


def test_a_failing_batch_is_repeated_with_what_has_come_and_ever_later(bench: Bench) -> None:
    """Clause 3 of the trigger."""
    handle = bench.watch()
    bench.failing = True
    bench.put(1)
    bench.lab.run(until=200)
    bench.put(2)
    bench.failing = False
    bench.lab.run()
    fired = [event for event in bench.lab.recording.events if isinstance(event, e.TriggerFired)]
    assert [event.attempt for event in fired] == list(range(1, len(fired) + 1))
    failed = [event.time for event in bench.lab.recording.events if isinstance(event, e.RequestFailed)]
    waits = [round(after.time - before, 6) for before, after in zip(failed, fired[1:], strict=True)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60][: len(waits)]
    assert len(waits) >= 8
    assert bench.calls == [[1]] * (len(fired) - 1) + [[1, 2]]
    assert handle.undelivered == []


def test_a_batch_that_fails_until_it_expires_is_kept_and_the_rest_goes_on() -> None:
    """Clause 3 of the trigger; clause 2 of the feeds: exactly the expired records are lost."""
    bench = Bench(expire=1)
    handle = bench.watch()
    bench.failing = True
    bench.put(1, 2)
    bench.lab.run(until=HOUR / 2)
    bench.put(3)
    bench.lab.run(until=HOUR + 120)
    (kept,) = handle.undelivered
    assert numbers(kept.payload) == [1, 2]
    assert kept.attempts > 50
    assert "StreamExpired: not taken within 1 h" in kept.reason
    assert "ValueError: not now" in kept.reason
    (gave_up,) = [event for event in bench.lab.recording.events if isinstance(event, e.TriggerGaveUp)]
    assert gave_up.reason == kept.reason
    assert HOUR <= gave_up.time <= HOUR + 61
    assert bench.calls[-1] == [3]
    bench.failing = False
    bench.put(4)
    bench.lab.run()
    assert bench.calls[-1] in ([3, 4], [4])
    assert {n for call in bench.calls for n in call} == {1, 2, 3, 4}
    assert handle.redeliver() == 1
    bench.lab.run()
    assert bench.calls[-1] == [1, 2]
    assert handle.undelivered == []


@pytest.mark.parametrize("how", ["trigger", "function"])
def test_what_expires_while_nothing_is_sent_is_kept_too(how: str) -> None:
    bench = Bench(expire=1)
    handle = bench.watch()
    if how == "trigger":
        handle.disable()
    else:
        hub_of(bench.lab._driver).platform.functions.pop("f")
    bench.put(*range(150))
    bench.lab.run(until=3 * HOUR)
    assert [numbers(one.payload) for one in handle.undelivered] == [list(range(100)), list(range(100, 150))]
    assert bench.records() == 0
    assert bench.calls == []


def test_a_stream_is_trimmed_and_its_numbers_go_on() -> None:
    """Clause 3 of the feeds."""
    bench = Bench(expire=2)
    bench.watch()
    for hour in range(6):
        bench.lab.run(until=hour * HOUR)
        bench.put(hour)
    assert bench.records() <= 4
    bench.lab.run(until=12 * HOUR)
    assert bench.records() == 0
    bench.put(99)
    bench.lab.run()
    assert bench.calls == [[n] for n in (0, 1, 2, 3, 4, 5, 99)]


def test_an_answer_later_than_a_minute_is_a_failure_and_the_run_goes_on() -> None:
    """Clause 2 of the trigger."""
    lab, took = Lab(), iter([90.0, 1.0])
    ended: list[float] = []
    lab.tables.create_table("t", {"n": "INTEGER"})

    @lab.function(timeout=120)
    def slow(event: bytes, context: Any) -> None:
        time.sleep(next(took))
        ended.append(context.now)

    handle = lab.trigger("slow", TablestoreTrigger(table="t"))
    lab.tables.put_row("t", {"n": 1})
    lab.run()
    fired = [event for event in lab.recording.events if isinstance(event, e.TriggerFired)]
    assert [event.attempt for event in fired] == [1, 2]
    assert round(fired[1].time - fired[0].time, 3) == 61
    assert len(ended) == 2
    assert handle.undelivered == []


def test_a_function_that_writes_what_it_watches_is_stopped_and_reported(bench: Bench) -> None:
    lab = bench.lab

    @lab.function
    def echo(event: bytes, context: Any) -> None:
        context.tables.update_row("t", {"n": 0}, increment={"rounds": 1})

    handle = lab.trigger("echo", TablestoreTrigger(table="t"))
    bench.put(0)
    with pytest.raises(LoopDetected, match="17th time"):
        lab.run()
    lab.run()
    row = lab.tables.get_row("t", {"n": 0})
    assert row is not None
    assert row["columns"] == {"rounds": 16}
    assert [one.reason for one in handle.undelivered] == ["LoopDetected"]
    kinds = [event.kind for event in lab.recording.events]
    assert (kinds.count("LoopStopped"), kinds.count("TriggerGaveUp")) == (1, 1)


@pytest.mark.parametrize("backend", ["virtual", "process"])
def test_a_home_keeps_the_checkpoint_and_sends_again_what_failed(backend: str, tmp_path: Path) -> None:
    def fails(event: bytes, context: object) -> None:
        raise ValueError("no")

    def works(event: bytes, context: Any) -> None:

        for record in cbor2.loads(event)["Records"]:
            context.tables.update_row("seen", {"n": record["PrimaryKey"][0]["Value"]}, increment={"times": 1})

    def seen(lab: Lab) -> dict[int, int]:
        return {row["key"]["n"]: row["columns"]["times"] for row in lab.tables.get_range("seen")["rows"]}

    with Lab(backend, home=tmp_path) as lab:
        lab.tables.create_table("t", {"n": "INTEGER"})
        lab.tables.create_table("seen", {"n": "INTEGER"}, stream=False)
        lab.function(name="f")(works)
        lab.trigger("f", TablestoreTrigger(table="t"))
        lab.tables.put_row("t", {"n": 1})
        lab.run()
        assert seen(lab) == {1: 1}
        lab.function(name="g")(fails)
        lab.trigger("g", TablestoreTrigger(table="t"))
        lab.tables.put_row("t", {"n": 2})
        lab.run_for(2)
    with Lab(backend, home=tmp_path) as lab:
        lab.tables.put_row("t", {"n": 3})
        lab.function(name="f")(works)
        lab.run()
        assert seen(lab) == {1: 1, 2: 1, 3: 1}
        lab.function(name="g")(works)
        lab.run()
        assert seen(lab) == {1: 1, 2: 2, 3: 2}
        assert [one.undelivered for one in lab.triggers()] == [[], []]
