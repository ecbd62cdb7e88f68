"""Tasks that are stopped, and deliveries that end with their lab: one outcome, in whichever life of the home it is read."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fclab import AsyncConfig, Lab
from fclab.observe.events import RequestAccepted
from fclab.queues.base import Change
from fclab.queues.sqlite import SqliteQueue
from tests.contract.queue_kit import message, put, take

STOPPED = (200, "TaskStopped", "the task was stopped", False)


def outcome(lab: Lab, name: str) -> tuple[int, str | None, str | None, bool]:
    response = lab.task(name).result()
    return response.status, response.error_type, response.error, response.ok


def test_a_task_is_stopped_while_its_function_is_not_declared(tmp_path: Path) -> None:
    lab = Lab(home=tmp_path, profile="instant")
    lab.declare("f", duration=1)
    for name in ("here", "w"):
        lab.invoke_async("f", delay=9, task_id=name)
    lab.task("here").stop()
    assert outcome(lab, "here") == STOPPED
    lab.close()

    lab = Lab(home=tmp_path, profile="instant")
    task = lab.task("w")
    assert task.stop()
    assert not task.stop()
    assert [state for _, state in task.history] == ["Enqueued", "Stopping", "Stopped"]
    assert task.result().text == lab.task("here").result().text
    assert outcome(lab, "w") == STOPPED
    lab.close()

    lab = Lab(home=tmp_path, profile="instant")
    assert outcome(lab, "w") == STOPPED
    assert [state for _, state in lab.task("w").history] == ["Enqueued", "Stopping", "Stopped"]
    lab.close()


@pytest.mark.parametrize("leased", [True, False])
def test_a_task_whose_lab_died_while_stopping_it_is_stopped(tmp_path: Path, leased: bool) -> None:
    child = os.fork()
    if child == 0:
        try:
            queue = SqliteQueue(tmp_path)
            put(queue, message(1, task_id="w"))
            if leased:
                take(queue, 4)
            queue.note(1, Change(((6, "Stopping", ""),)))
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    lab = Lab(home=tmp_path)
    assert lab.task("w").state == "Stopped"
    assert outcome(lab, "w") == STOPPED
    assert "errorMessage" in lab.task("w").result().text
    lab.close()


def crashed(home: Path, times: int, semantics: str = "article", **config: float) -> Lab:
    """A lab after as many that ended while they delivered the same event."""
    for life in range(times):
        child = os.fork()
        if child == 0:
            try:
                lab = Lab(home=home, profile="instant", semantics=semantics)
                lab.function(name="f", async_config=AsyncConfig(**config))(lambda event, context: os._exit(1))  # type: ignore[arg-type]
                if not life:
                    lab.invoke_async("f", task_id="poison")
                lab.run()
            finally:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    lab = Lab(home=home, profile="instant", semantics=semantics)
    lab.function(name="f", async_config=AsyncConfig(**config))(lambda event, context: "well")  # type: ignore[arg-type]
    return lab


@pytest.mark.parametrize(("times", "state"), [(9, "Succeeded"), (10, "Failed")])
def test_an_event_that_ends_the_lab_is_not_delivered_for_ever(tmp_path: Path, times: int, state: str) -> None:
    lab = crashed(tmp_path, times)
    lab.run()
    task = lab.task("poison")
    assert task.state == state
    assert task.result().status == (200 if state == "Succeeded" else 500)
    assert [one.number for one in lab.dead_letters()] == ([] if state == "Succeeded" else [1])
    lab.close()


def test_a_delivery_that_ended_with_the_lab_is_a_system_error(tmp_path: Path) -> None:
    """Bounded where the policy bounds those."""
    lab = crashed(tmp_path, 1, total=0)
    lab.run()
    assert lab.task("poison").state == "Failed"
    assert "the lab ended" in str(lab.task("poison").result().error)
    lab.close()


def test_a_stop_asked_for_while_a_retry_is_stored_outlives_the_lab(tmp_path: Path) -> None:
    """The writer is held up; what it writes afterwards has the stop in it, also if nothing more happens in this life."""
    posts: list[Callable[[], object]] = []
    lab = Lab(home=tmp_path, profile="instant")
    lab.function(name="f", async_config=AsyncConfig(first_delay=9))(lambda event, context: 1 / 0)
    task = lab.invoke_async("f", delay=1, task_id="w")
    queue: Any = lab._platform.queue
    settle = queue.settle

    def slowly(lease: Any, following: Any, on_stored: Any, change: Any) -> bool:
        return bool(settle(lease, following, lambda: posts.append(on_stored), change))

    queue.settle = slowly
    lab.run_for(2)
    assert len(posts) == 1
    assert task.stop()
    record = queue.task(1)
    assert record.state == "Stopping"
    assert [state for _, state, _ in record.history] == ["Enqueued", "Running", "Retrying", "Stopping"]
    posts[0]()
    assert [state for _, state, _ in queue.task(1).history] == ["Enqueued", "Running", "Retrying", "Stopping", "Stopped"]
    assert task.state == "Stopped"
    lab.close()


def test_a_stop_that_is_answered_is_stored(tmp_path: Path) -> None:
    """Whatever ends the process then, no later life runs the task."""
    with Lab("process", home=tmp_path) as lab:
        lab.function(name="f")(lambda event, context: None)
        tasks = [lab.invoke_async("f", delay=60) for _ in range(40)]
        db = sqlite3.connect(tmp_path / "fclab.db")
        for task in tasks:
            assert task.stop()
            assert db.execute("SELECT state FROM tasks WHERE request = ?", (task.number,)).fetchone() == ("Stopped",)
        db.close()


def test_an_observer_that_stops_a_task_does_not_wait(tmp_path: Path) -> None:
    with Lab("process", home=tmp_path) as lab:
        lab.function(name="f")(lambda event, context: None)
        task = lab.invoke_async("f", delay=60)
        answers: list[bool] = []
        lab.on(RequestAccepted)(lambda event: answers.append(task.stop()))
        lab.invoke("f")
        assert answers == [True]
        lab.run()
        assert task.state == "Stopped"


@pytest.mark.parametrize("backend", ["virtual", "process"])
def test_an_orderly_close_is_no_crash(backend: Any, tmp_path: Path) -> None:
    """Left, clause 4: however often a lab is closed during a long delivery, the event goes on."""
    for life in range(12):
        with Lab(backend, home=tmp_path) as lab:
            lab.declare("f", duration=100, timeout=200) if backend == "virtual" else lab.function(name="f", timeout=200)(waits)
            if not life:
                lab.invoke_async("f", task_id="long")
            while lab.task("long").state != "Running" or lab.task("long").attempts <= life:
                lab.step()
            task = lab.task("long")
            assert (task.state, task.attempts, task.response) == ("Running", life + 1, None)
    queue = SqliteQueue(tmp_path, kind="virtual" if backend == "virtual" else "wall")
    [(_, _, message)] = queue._read.messages()
    assert (message.delivery, message.system_errors) == (13, 0)
    record = queue.task(1)
    assert record is not None
    assert record.history[-1][1:] == ("Retrying", "the lab was closed")
    queue.close()


def waits(event: bytes, context: Any) -> None:
    import sys

    sys.stdin.read()
    while True:
        pass
