"""Uses that are refused for where or when they happen: after `close`, from a handler, from another thread, without a record."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fclab import Event, FclabError, Lab, LabClosed, RecordingError, UnknownFunction, UsageError, WrongThread
from fclab.observe.events import RequestAccepted, RequestSucceeded
from tests.unit.engine_kit import hello, model_lab, one, whole

NO_RECORD = "This lab keeps no record"

# ---- without a record


@pytest.mark.parametrize("what", ["table", "metrics", "bill", "timeline", "call_chain"])
def test_without_a_record_there_is_nothing_to_show(what: str) -> None:
    lab = model_lab(lab_record=False)
    lab.invoke("f")
    with pytest.raises(UsageError, match=NO_RECORD) as caught:
        getattr(lab, what)()
    assert "record=True" in caught.value.hint


@pytest.mark.parametrize("what", ["spans", "hops", "chain"])
def test_without_a_record_there_is_nothing_to_compute(what: str, tmp_path: Path) -> None:
    recording = model_lab(lab_record=False).recording
    with pytest.raises(UsageError, match=NO_RECORD):
        getattr(recording, what)()
    with pytest.raises(UsageError, match=NO_RECORD):
        recording.save(tmp_path / "run.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("speed", [0, -1, 1e7, "fast", True, float("nan")])
def test_a_speed_is_no_number_of_seconds(speed: float) -> None:
    with pytest.raises(UsageError, match=r"speed must be a number from 0\.001 to 1000000"):
        model_lab().play(speed)


@pytest.mark.parametrize("name", ["run.html", "run.svg", "run.csv", "run.json"])
def test_without_a_record_nothing_is_exported(name: str, tmp_path: Path) -> None:
    lab = model_lab(lab_record=False)
    lab.invoke("f")
    with pytest.raises(UsageError, match=NO_RECORD):
        lab.export(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_without_a_record_observers_see_what_they_see_with_one() -> None:
    def seen(record: bool) -> list[str]:
        lab = model_lab(lab_record=record)
        found: list[str] = []
        lab.on(Event)(lambda event: found.append(repr(event)))
        lab.traffic("f", rate=2, duration=10)
        lab.run()
        assert len(lab.recording) == (len(found) + 1) * record, "the declaration came before the observer"
        return found

    assert seen(False) == seen(True)
    lab = model_lab(lab_record=False).fresh()
    with pytest.raises(UsageError, match=NO_RECORD):
        lab.table()


# ---- from the wrong place

FAULTS: list[tuple[str, Callable[[Lab], object]]] = [
    ("outage", lambda lab: lab.faults.outage(100, 200)),
    ("add", lambda lab: lab.faults.add("pool->instance", drop=1)),
    ("boot", lambda lab: lab.faults.boot("start", fail=1)),
    ("kill", lambda lab: lab.faults.kill("f#1")),
    ("clear", lambda lab: lab.faults.clear()),
]
ALL: list[tuple[str, Callable[[Lab], object]]] = [
    *FAULTS,
    ("close", lambda lab: lab.close()),
    ("run", lambda lab: lab.run()),
    ("step", lambda lab: lab.step()),
    ("play", lambda lab: lab.play()),
    ("invoke", lambda lab: lab.invoke("f")),
    ("send", lambda lab: lab.invoke_async("f")),
    ("at", lambda lab: lab.invoke_at("f", [100])),
    ("traffic", lambda lab: lab.traffic("f", rate=1, duration=1)),
    ("declare", lambda lab: lab.declare("h", duration=1)),
    ("reserve", lambda lab: lab.reserve("f", 1)),
    ("limit", lambda lab: lab.limit("f", 1)),
    ("disable", lambda lab: lab.disable("f")),
    ("on", lambda lab: lab.on(Event)),
]


@pytest.mark.parametrize("use", [row[1] for row in ALL if row[0] != "close"], ids=[row[0] for row in ALL if row[0] != "close"])
def test_refused_after_close(use: Callable[[Lab], object]) -> None:
    lab = one(hello)
    lab.invoke("f")
    lab.close()
    with pytest.raises(LabClosed, match="This lab is closed"):
        use(lab)


@pytest.mark.parametrize("use", [row[1] for row in ALL], ids=[row[0] for row in ALL])
def test_refused_from_a_handler(use: Callable[[Lab], object]) -> None:
    labs: list[Lab] = []
    lab = one(lambda event, context: use(labs[0]))
    labs.append(lab)
    response = lab.invoke("f")
    assert response.error == "NestedRun: A handler cannot use the lab that runs it.\n  You can mend this: use its context: " \
        "context.invoke, context.invoke_async"  # fmt: skip
    lab.function(name="f")(hello)
    assert lab.invoke("f").ok, "the lab is as sound as before"
    assert whole(lab)


@pytest.mark.parametrize("use", [row[1] for row in ALL], ids=[row[0] for row in ALL])
def test_refused_from_another_thread(use: Callable[[Lab], object]) -> None:
    lab = one(hello)
    lab.invoke("f")
    said: list[BaseException] = []

    def elsewhere() -> None:
        try:
            use(lab)
        except FclabError as error:
            said.append(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join(20)
    assert [type(error) for error in said] == [WrongThread]
    assert lab.invoke("f").ok


def test_an_observer_cannot_close_the_lab_under_the_run() -> None:
    lab = one(hello)
    lab.on(RequestAccepted)(lambda event: lab.close())
    lab.invoke_at("f", [0, 5])
    lab.run()
    assert [report.error.partition(":")[0] for report in lab.recording.hooks.reports] == ["NestedRun"]
    assert len(lab.recording.select(RequestSucceeded)) == 2
    lab.close()


# ---- what there is not


@pytest.mark.parametrize("arrow", ["pool->instance", "boot:start"])
def test_a_fault_for_a_function_that_there_is_not(arrow: str) -> None:
    lab = one(hello)
    with pytest.raises(UnknownFunction, match="no function 'helo'") as caught:
        lab.faults.add(arrow, drop=1, function="helo")
    assert "declared: 'f'" in caught.value.hint
    assert repr(lab.faults) == "Faults(0 outages, on no arrow)"


@pytest.mark.parametrize("instance", ["f#2", "f#0", "g#1", "f", "f#x", "f#²", "f#01", "", None, 1])
def test_killing_an_instance_that_there_is_not(instance: Any) -> None:
    lab = one(hello)
    lab.invoke("f")
    with pytest.raises(UsageError, match="no instance"):
        lab.faults.kill(instance)
    lab.run(until=10)
    assert [view.id for view in lab.instances("f")] == ["f#1"]


def test_an_instance_to_come_may_be_killed_later() -> None:
    lab = one(hello)
    lab.faults.kill("f#1", at=5)
    lab.invoke("f")
    lab.run(until=10)
    assert lab.instances("f") == []


def test_saving_where_there_is_no_folder(tmp_path: Path) -> None:
    lab = one(hello)
    lab.invoke("f")
    with pytest.raises(RecordingError, match="nowhere") as caught:
        lab.recording.save(tmp_path / "nowhere" / "run.json")
    assert caught.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", [1, "f", None, [hello]])
def test_a_function_is_made_of_code(code: Any) -> None:
    made: Any = Lab()
    if code is None:
        assert callable(made.function(None))
        return
    with pytest.raises(UsageError, match="declared from code, not from") as caught:
        made.function(code)
    assert "@lab.function" in caught.value.hint
    assert made.functions == {}


@pytest.mark.parametrize("kind", [3, "RequestAccepted", int, RequestAccepted(0.0, 1, 0, "", "f", {})])
def test_watching_for_what_is_no_event_is_refused_at_once(kind: Any) -> None:
    with pytest.raises(UsageError, match="not an event type"):
        one(hello).on(kind)
