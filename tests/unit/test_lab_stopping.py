"""Stopped tasks: one outcome, whoever wrote it down, in whichever life of the home it is read."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from fclab import Lab
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
