"""Workers are killed at random under load: every call gets an answer or a clear error, every event ends, nothing leaks."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

from fclab.engine.tasks import Task
from tests.process.kit import Call, ProcessLab, family

SECONDS = float(os.environ.get("FCLAB_KILL_SECONDS", "3"))
"""How long instances are killed, one every 50 ms. The long run is 30 s."""


def test_killed_at_random_under_load(lab: ProcessLab, nothing_left: Path) -> None:
    source = """
        import time
        def handler(event, context):
            time.sleep(0.02)
            return event
        """
    for name, options in (("one", {}), ("many", {"concurrency": 4}), ("forked", {"start": "fork"})):
        lab.function(source, name=name, max_instances=4, **options)
    chance = random.Random(7)
    calls: list[tuple[bytes, Call]] = []
    tasks: list[Task] = []
    late = time.monotonic() + SECONDS
    pause = threading.Event()
    killed = 0
    while time.monotonic() < late:
        for name in ("one", "many", "forked"):
            payload = str(len(calls)).encode()
            calls.append((payload, lab.start(payload, name)))
            task = Task(0, "", name)
            lab.clock.post(lab.platform.front_door.accept, name, payload, "async", lambda response: None, 0, 0, 0, task)
            tasks.append(task)
        alive = lab.on_engine(lambda: [body.group for body in lab.backend.bodies if body.group and body.group.status is None])
        if alive:
            with suppress(ProcessLookupError):  # it may have ended by itself since
                os.kill(chance.choice(alive).pid, signal.SIGKILL)
                killed += 1
        pause.wait(0.05)
    ends: dict[str, int] = {}
    for payload, call in calls:
        response = call.result
        ends[response.error_type or "ok"] = ends.get(response.error_type or "ok", 0) + 1
        assert response.payload == payload if response.ok else response.error, response
    lab.until(lambda: all(task.finished for task in tasks))
    left = f"{len(family())} processes left for {len(lab.bodies())} instances"
    print(f"{killed} killed; {len(calls)} calls: {ends}; {len(tasks)} events; {left}")
    assert set(ends) <= {"ok", "ProcessExited", "InternalServerError", "ResourceExhausted"}
    assert ends["ok"] > len(calls) / 4
    assert all(task.state in ("Succeeded", "Failed") for task in tasks)
    lab.until(lambda: all(not body.over for body in lab.backend.bodies))
    assert len(family()) <= len(lab.bodies()) + 2, "the zygote, and the shell that removes the folder"
    assert len(list(next(nothing_left.iterdir()).iterdir())) <= len(lab.bodies()) + 2
