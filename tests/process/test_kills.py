"""Labs of real processes are killed at random moments under load: nothing that was accepted is lost, and everything ends at last."""

from __future__ import annotations

import json
import os
import signal
import traceback
from collections import Counter
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

from fclab import AsyncConfig, Lab

HOMES, LIVES = 3, 4
CONFIG = AsyncConfig(max_retries=1, first_delay=0.05, on_success="queue:done", on_failure="queue:lost")
FINAL = ("Succeeded", "Failed", "Expired", "Stopped")


def work(event: bytes, context: Any) -> str:
    name, _, effects = event.decode().partition(" ")
    with Path(effects).open("a", encoding="utf-8") as file:
        file.write(f"{name}\n")
    if int(name.partition("-")[2]) % 5 == 0:
        raise ValueError("no")
    return name


def event_of(body: bytes) -> str:
    """The event that a destination was told of."""
    return str(json.loads(body)["requestPayload"]).partition(" ")[0]


def live(home: Path, effects: Path, life: int, lines: int) -> tuple[set[str], bool]:
    """One life; the names of the events that were accepted, and whether it was killed: after that many lines."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reads)
            lab = Lab("process", home=home, max_instances=2)
            lab.function(name="work", async_config=CONFIG)(work)
            for number in range(1, 41):
                handle = lab.invoke_async("work", f"{life}-{number} {effects}", delay=0.2 * (number % 3))
                assert handle.status == 202
                os.write(writes, f"{life}-{number}\n".encode())
            lab.run()
            lab.close()
        except BaseException:
            os.write(writes, ("broken " + traceback.format_exc().replace("\n", "|") + "\n").encode())
        finally:
            os._exit(0)
    os.close(writes)
    accepted = set()
    with os.fdopen(reads, encoding="utf-8") as file:
        for count, line in enumerate(file):
            assert not line.startswith("broken"), line
            accepted.add(line.strip())
            if count == lines:
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return accepted, os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def test_killed_at_random(tmp_path: Path) -> None:
    """Other seeds with FCLAB_SEED; a failure prints its own."""
    first = int(os.environ.get("FCLAB_SEED", "1"))
    killed = 0
    for seed in range(first, first + HOMES):
        print(f"FCLAB_SEED={seed}")
        rng, home, effects = Random(seed), tmp_path / f"home-{seed}", tmp_path / f"effects-{seed}"
        accepted: set[str] = set()
        for life in range(LIVES):
            told, dead = live(home, effects, life, rng.randrange(40))
            accepted |= told
            killed += dead
        with Lab("process", home=home) as lab:
            lab.function(name="work", async_config=CONFIG)(work)
            lab.run()
            page = lab.tasks(limit=100)
            tasks = list(page)
            while page.token:
                page = lab.tasks(limit=100, token=page.token)
                tasks += page
            named = {task.payload.decode().partition(" ")[0]: task.state for task in tasks}
            queues = {name: Counter(map(event_of, bodies)) for name, bodies in lab.queues.items()}
        assert len(named) == len(tasks)
        assert accepted <= set(named)
        assert set(named.values()) == {"Succeeded", "Failed"}
        assert queues["done"] == Counter(name for name, state in named.items() if state == "Succeeded")
        assert queues["lost"] == Counter(name for name, state in named.items() if state == "Failed")
        ran = Counter(effects.read_text(encoding="utf-8").split())
        assert {name for name, state in named.items() if state == "Succeeded"} <= set(ran)
    assert killed >= HOMES * LIVES * 2 // 3
