"""Task records of a lab: lists and pages, handles by id, dead letters and sending them again, with and without a home."""

from __future__ import annotations

import html
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fclab import AsyncConfig, Lab, UnknownFunction, UsageError
from fclab.errors import LabClosed
from fclab.observe.events import DestinationCalled
from fclab.observe.hops import hops
from fclab.observe.spans import spans


@pytest.fixture(params=["memory", "home"])
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(home=tmp_path / "home" if request.param == "home" else None, profile="instant")

    @lab.function(async_config=AsyncConfig(max_retries=0, on_success="queue:done"))
    def f(event: bytes, context: Any) -> str:
        if event == b"bad":
            raise ValueError("no")
        return "well"

    lab.declare("slow", duration=2)
    yield lab
    lab.close()


def test_pages(lab: Lab) -> None:
    for number in range(5):
        lab.invoke_async("f", task_id=f"order-{number}")
    lab.invoke_async("slow")
    lab.run()
    assert [task.number for task in lab.tasks(limit=4)] == [6, 5, 4, 3]
    page = lab.tasks("f", limit=3)
    assert ([task.task_id for task in page], page.token != "") == (["order-4", "order-3", "order-2"], True)
    rest = lab.tasks("f", limit=3, token=page.token)
    assert ([task.task_id for task in rest], rest.token) == (["order-1", "order-0"], "")
    assert [task.task_id for task in lab.tasks(prefix="order-3")] == ["order-3"]
    assert len(lab.tasks(status=["Failed", "Expired"])) == 0
    assert len(lab.tasks(status="Succeeded")) == 6
    with pytest.raises(UsageError, match="no task state"):
        lab.tasks(status="Done")


def test_a_page_shows_itself(lab: Lab) -> None:
    lab.invoke_async("f", task_id="a")
    lab.invoke_async("f", "bad")
    lab.run()
    lines = repr(lab.tasks()).splitlines()
    assert lines[0].split() == ["task", "function", "state", "deliveries", "accepted", "s", "ended", "s", "error", "destination"]
    assert lines[1].split() == ["R2", "f", "Failed", "1", "0", "0", "UnhandledInvocationError"]
    assert lines[2].split() == ["R1", "a", "f", "Succeeded", "1", "0", "0", "succeeded"]
    assert lab.tasks()._repr_html_().startswith("<table>")
    assert repr(lab.tasks("slow")) == "no tasks"


def test_a_handle_by_id(lab: Lab) -> None:
    given = lab.invoke_async("f", "x", task_id="order-1")
    waiting = lab.task("order-1")
    assert (waiting.state, waiting.response) == (given.state, given.response)
    lab.run()
    for name in ("order-1", given.request_id, given.number):
        found = lab.task(name)
        assert (found.state, found.attempts, found.executions, found.payload) == ("Succeeded", 1, 1, b"x")
        assert found.history == given.history
        assert found.result().text == given.result().text == "well"
    with pytest.raises(UsageError, match="no task 'nobody'"):
        lab.task("nobody")


def test_stopping_by_id(lab: Lab) -> None:
    given = lab.invoke_async("slow", delay=10, task_id="late")
    assert lab.task("late").stop()
    assert not lab.task("late").stop()
    assert given.state == "Stopped"


def test_dead_letters_are_sent_again_once(lab: Lab) -> None:
    bad = lab.invoke_async("f", "bad")
    lab.invoke_async("f", "good")
    lab.run()
    letters = lab.dead_letters()
    assert [(letter.number, letter.state, letter.payload) for letter in letters] == [(1, "Failed", b"bad")]
    lab.function(name="f")(lambda event, context: "mended")
    again = lab.redrive(letters[0])
    assert again.status == 202
    assert again.result().text == "mended"
    assert len(lab.dead_letters()) == 0
    assert lab.task(bad.number).state == "Failed", "what happened stays on record"
    with pytest.raises(UsageError, match=f"again already, as R{again.number}"):
        lab.redrive(bad)
    with pytest.raises(UsageError, match="no dead letter: it is Succeeded"):
        lab.redrive(2)


def test_a_home_remembers(tmp_path: Path) -> None:
    lab = Lab(home=tmp_path, profile="instant")
    lab.declare("f", duration=1, async_config=AsyncConfig(max_retries=0))
    lab.invoke_async("f", "first", task_id="one")
    lab.invoke_async("f", "second", task_id="two", delay=100)
    lab.run(until=50)
    lab.close()

    lab = Lab(home=tmp_path, profile="instant")
    first, second = lab.task("one"), lab.task("two")
    assert (first.state, first.result().status, first.payload) == ("Succeeded", 200, b"first")
    outcome = first.result()
    assert (outcome.cold, outcome.duration, outcome.billed, outcome.memory_mb, outcome.latency) == (None, None, None, None, 1)
    assert repr(outcome) == "Response(200, '', 1 s)"
    assert outcome._repr_html_() == f"<code>{html.escape(repr(outcome))}</code>"
    assert (second.state, second.payload) == ("Enqueued", b"second")
    lab.declare("f", duration=1)
    assert second.result().status == 200, "the handle follows the task into this run"
    assert second.history[-1] == (101, "Succeeded")
    lab.close()

    lab = Lab(home=tmp_path, profile="instant", retention=10)
    lab.declare("g", duration=1)
    for _ in range(600):
        lab.invoke_async("g", delay=60)
        lab.run(until=lab.now + 1)
    with pytest.raises(UsageError, match="no task 'one'"):
        lab.task("one")
    lab.close()


def test_a_letter_of_a_function_that_is_not_declared(tmp_path: Path) -> None:
    lab = Lab(home=tmp_path, profile="instant")
    lab.function(name="f", async_config=AsyncConfig(max_retries=0))(lambda event, context: 1 / 0)
    lab.invoke_async("f")
    lab.invoke_async("f", delay=9, task_id="later")
    lab.run(until=1)
    lab.close()
    lab = Lab(home=tmp_path, profile="instant")
    with pytest.raises(UnknownFunction, match="not declared"):
        lab.redrive(1)
    assert lab.task("later").stop()
    assert lab.task("later").state == "Stopped"
    lab.close()


@pytest.mark.parametrize("place", ["memory", "home", "unrecorded"])
def test_what_is_no_longer_remembered_is_gone_in_every_view(tmp_path: Path, place: str) -> None:
    """From the due time on, without any other event: ids are free, and what a reopened home tells is what the lab tells."""
    home = tmp_path / "home" if place == "home" else None

    def made() -> Lab:
        lab = Lab(home=home, profile="instant", retention=10, record=place != "unrecorded")

        @lab.function(async_config=AsyncConfig(max_retries=0, on_success="queue:done"))
        def f(event: bytes, context: Any) -> str:
            if event == b"bad":
                raise ValueError("no")
            return "well"

        return lab

    def seen(lab: Lab) -> tuple[object, ...]:
        letters = lab.dead_letters()
        return [one.task_id for one in lab.tasks()], [one.task_id for one in letters], letters.forgotten, lab.queues

    lab = made()
    lab.invoke_async("f", task_id="good")
    lab.invoke_async("f", "bad", task_id="bad")
    lab.run()
    lab.run_for(10)
    assert lab.invoke_async("f", task_id="good").status == 409, "at the last moment it is still there"
    lab.run_for(0.000001)
    if place == "home":
        here = seen(lab)
        assert here[:3] == ([], [], 1)
        assert len(lab.queues["done"]) == 1, "what has arrived somewhere is no task"
        lab.close()
        lab = made()
        assert seen(lab) == here
    if place != "unrecorded":
        assert seen(lab)[:3] == ([], [], 1)
        assert "1 dead letter forgotten" in repr(lab.dead_letters())
        assert "1 dead letter forgotten" in lab.dead_letters()._repr_html_()
        with pytest.raises(UsageError, match="no task 'bad'"):
            lab.task("bad")
    for name in ("good", "bad"):
        assert lab.invoke_async("f", task_id=name).status == 202
        assert lab.invoke_async("f", task_id=name).status == 409
    lab.close()


def test_what_a_handle_tells_of_the_way_to_and_from_its_task(lab: Lab) -> None:
    lab.function(name="g", async_config=AsyncConfig(max_retries=0, on_failure="nobody"))(lambda event, context: 1 / 0)
    bad, good = lab.invoke_async("g"), lab.invoke_async("f")
    assert (bad.error_type, bad.destination, bad.redriven) == (None, "", 0)
    lab.run(until=1)
    assert (bad.function, bad.error_type, bad.destination) == ("g", "UnhandledInvocationError", "Pending")
    lab.run()
    assert (good.destination, good.destination_error, good.error_type) == ("Succeeded", "", None)
    assert (bad.destination, bad.destination_error[:22]) == ("Failed", "404 FunctionNotFound: ")
    again = lab.redrive(bad)
    assert (bad.redriven, again.redrive_of, bad.redrive_of) == (again.number, bad.number, 0)
    lab.run()


def test_a_call_that_was_left_waits_for_its_target_alone(tmp_path: Path) -> None:
    lab = Lab(home=tmp_path, profile="instant")
    lab.declare("a", duration=1, async_config=AsyncConfig(on_success="queue:done"))
    lab.declare("b", duration=1, async_config=AsyncConfig(on_success="g"))
    lab.faults.add("dispatcher->destination", drop=1.0)
    for name in "ab":
        lab.invoke_async(name)
    lab.run(until=2)
    lab.close()

    told: list[bytes] = []
    lab = Lab(home=tmp_path, profile="instant")
    lab.run()
    assert (len(lab.queues["done"]), lab.task(1).destination, lab.task(2).destination) == (1, "Succeeded", "Pending")
    lab.function(name="g")(lambda event, context: told.append(event))
    lab.run()
    assert (len(told), lab.task(2).destination) == (1, "Succeeded")
    assert [event.time for event in lab.recording.select(DestinationCalled)] == [2.5, 2.5]
    assert hops(lab.recording)
    assert spans(lab.recording)
    lab.close()


@pytest.mark.parametrize("backend", ["virtual", "process"])
def test_the_end_of_a_lab_says_how_to_go_on(backend: str, tmp_path: Path) -> None:
    lab = Lab(backend, home=tmp_path)
    lab.close()
    with pytest.raises(LabClosed, match=r"open its home again with Lab\(.*home='"):
        lab.tasks()
    lab = Lab(backend)
    lab.close()
    with pytest.raises(LabClosed, match=r"lab = lab.fresh\(\)"):
        lab.tasks()


def test_who_waits_for_an_undeclared_function_is_told_to_declare_it(tmp_path: Path) -> None:
    lab = Lab(home=tmp_path)
    lab.declare("f", duration=1)
    lab.invoke_async("f", delay=5)
    lab.close()
    lab = Lab(home=tmp_path)
    task = lab.task(1)
    with pytest.raises(UsageError, match="declare 'f'"):
        task.result()
    lab.declare("f", duration=1)
    assert task.result().ok
    lab.close()


def test_refusals_say_why(lab: Lab) -> None:
    assert repr(lab.invoke_async("nobody")) == "Task(R1, Rejected: 404 FunctionNotFound)"
    lab.declare("brief", duration=1, async_config=AsyncConfig(max_age=60))
    late = lab.invoke_async("brief", delay=60.5)
    assert (late.status, late.state) == (400, "Rejected")
    assert "a delay of 60.5 s is longer than the 60 s" in str(late.response and late.response.error)
    assert lab.invoke_async("brief", delay=60).result().ok
    for wrong in ({"prefix": 3}, {"function": 3}, {"token": 3}, {"begin": 5, "end": 1}, {"begin": 5, "end": 5}):
        with pytest.raises(UsageError):
            lab.tasks(**wrong)  # type: ignore[arg-type]
    assert len(lab.tasks(begin=5, end=6)) == 0


def test_a_deleted_function_stops_its_events_and_is_not_found(lab: Lab) -> None:
    lab.declare("f", duration=10, reserved=2)
    lab.limit("f", 2)
    running, waiting, later = lab.invoke_async("f"), [lab.invoke_async("f") for _ in range(3)], lab.invoke_async("f", delay=100)
    call = lab.invoke_at("f", [0.5])[0]
    lab.run_for(1)
    lab.delete("f")
    assert "f" not in lab.functions
    lab.run()
    assert [one.state for one in (running, *waiting, later)] == ["Stopped"] * 5
    assert call.response is not None
    assert call.response.status in (200, 429)
    assert lab.invoke("f").status == 404
    with pytest.raises(UnknownFunction):
        lab.delete("f")
    lab.run_for(600)
    kinds = [event.kind for event in lab.recording.events]
    assert kinds.count("InstanceCreated") == kinds.count("InstanceDestroyed") + kinds.count("InstanceReclaimed") > 0
    lab.declare("f", duration=1)
    assert lab.invoke("f").ok


def test_a_call_to_nobody_is_given_up_over_lives_as_in_one(tmp_path: Path) -> None:
    """Destinations, clauses 2 and 3."""
    for life in range(5):
        with Lab(home=tmp_path, profile="instant") as lab:
            lab.function(name="f", async_config=AsyncConfig(on_success="nobody"))(lambda event, context: None)
            if not life:
                lab.invoke_async("f", task_id="t")
            lab.run(until=lab.now + 120)
            told = lab.task("t").destination
            assert told == ("Pending" if life < 2 else "Failed")
    with Lab(home=tmp_path) as lab:
        assert "'nobody' does not exist" in lab.task("t").destination_error
        lab.run()
        assert lab.now == 600, "nothing is left to do"
