"""`python -m tests.bench.kills [SECONDS]`: instances are killed at random under load, one every 50 ms; prints what came of it.

Every caller gets a response or a clear error, every event ends, and afterwards there are no more processes, descriptors, folders and
no more memory than before.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from fclab import Lab
from tests.bench.measure import resident_bytes

__all__ = ["EVERY", "Run", "State", "main", "run"]

EVERY = 0.05
"""Seconds from one kill to the next."""
CLEAR = ("ok", "ProcessExited", "InternalServerError", "ResourceExhausted")
"""What a caller may be told: an answer; its instance was killed; the one it shared was; there is no room for one more."""
MOST = 8
"""Instances of each function at most."""
_DEADLINE = 120.0


def work(event: bytes, context: Any) -> bytes:
    """The handler."""
    context.work(0.005)
    return event


FUNCTIONS: dict[str, dict[str, Any]] = {"one": {}, "many": {"concurrency": 4}, "forked": {"start": "fork"}}


@dataclass(frozen=True, slots=True)
class State:
    """What a lab holds while nothing is under way: processes, descriptors, folders beyond one an instance; MB of memory; Python objects."""

    processes: int
    descriptors: int
    folders: int
    mb: float
    objects: int


@dataclass(slots=True)
class Run:
    """What came of it: kills; answers of callers and ends of events by kind; wrong answers; the lab before and after."""

    kills: int = 0
    calls: dict[str, int] = field(default_factory=dict)
    events: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    before: State | None = None
    after: State | None = None


class Load:
    """Threads that call and send events as fast as they are answered, and one that kills, for some seconds."""

    def __init__(self, lab: Lab, run: Run, chance: random.Random) -> None:
        self.lab = lab
        self.run = run
        self.chance = chance
        self.over = threading.Event()
        self._door = threading.Lock()

    def go_on(self, seconds: float) -> None:
        """Load and kill; returns when every call is answered and every event has ended."""
        self.over.clear()
        jobs: list[Callable[[], object]] = [partial(self._call, name) for name in FUNCTIONS for _ in range(4)]
        jobs += [partial(self._send, name) for name in FUNCTIONS]
        threads = [threading.Thread(target=job) for job in (*jobs, self._kill)]
        for thread in threads:
            thread.start()
        self.over.wait(seconds)
        self.over.set()
        for thread in threads:
            thread.join(_DEADLINE)
            if thread.is_alive():
                self.run.wrong.append("a caller was never answered")
        self.lab.run()

    def _call(self, name: str) -> None:
        number = 0
        while not self.over.is_set():
            number += 1
            payload = f"{name} {number}".encode()
            response = self.lab.invoke(name, payload)
            kind = "ok" if response.ok else response.error_type or ""
            self._count(self.run.calls, kind)
            if kind not in CLEAR or (response.ok and response.payload != payload) or (not response.ok and not response.error):
                self.run.wrong.append(f"{payload!r}: {response}")

    def _send(self, name: str) -> None:
        sent = []
        while not self.over.wait(0.02):
            sent.append(self.lab.invoke_async(name, b"event"))
        for task in sent:
            response = task.result(timeout=_DEADLINE)
            self._count(self.run.events, task.state)
            if task.state not in ("Succeeded", "Failed") or (response.ok and response.payload != b"event"):
                self.run.wrong.append(f"{task}: {response}")

    def _count(self, kinds: dict[str, int], kind: str) -> None:
        with self._door:
            kinds[kind] = kinds.get(kind, 0) + 1

    def _kill(self) -> None:
        while not self.over.wait(EVERY):
            alive = self.lab._driver.ask(self._alive)
            if alive:
                os.kill(self.chance.choice(alive), signal.SIGKILL)
                self.run.kills += 1

    def _alive(self) -> list[int]:
        bodies = self.lab._platform.backend.bodies  # type: ignore[attr-defined]
        return [body.group.pid for body in bodies if body.group is not None and body.group.status is None]

    def rest(self) -> State:
        """Let every instance go, and look at what is left."""
        backend: Any = self.lab._platform.backend
        for name in FUNCTIONS:
            self.lab.limit(name, 0)
        self.lab._driver.until(lambda: not backend.bodies, limit=int(_DEADLINE * 1e6))
        gc.collect()
        children = sum(len(task.read_text("ascii").split()) for task in Path("/proc/self/task").glob("*/children"))
        found = State(
            children, len(list(Path("/proc/self/fd").iterdir())), len(list(backend.home.folder.iterdir())), resident_bytes() / 2**20,
            len(gc.get_objects()),
        )  # fmt: skip
        for name in FUNCTIONS:
            self.lab.limit(name, MOST)
        return found


def run(seconds: float, seed: int = 7) -> Run:
    """Kill for a fifth of the time, look, kill for the rest, look again. The lab keeps no recording, so that what grows has leaked."""
    found = Run()
    with Lab("process", record=False) as lab:
        for name, options in FUNCTIONS.items():
            lab.function(name=name, max_instances=MOST, timeout=30, **options)(work)
        load = Load(lab, found, random.Random(seed))
        load.go_on(seconds / 5)
        found.before = load.rest()
        load.go_on(seconds * 4 / 5)
        found.after = load.rest()
    return found


def main(given: list[str] | None = None) -> int:
    """Run it; 1 if anything was answered wrongly."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.kills", description="Kill instances at random under load.")
    parser.add_argument("seconds", type=float, nargs="?", default=30.0)
    options = parser.parse_args(sys.argv[1:] if given is None else given)
    began = time.monotonic()
    found = run(options.seconds)
    calls, events = sum(found.calls.values()), sum(found.events.values())
    print(f"{found.kills} instances killed in {time.monotonic() - began:.0f} s")
    print(f"{calls} calls: {found.calls}")
    print(f"{events} events: {found.events}")
    print(f"at rest before: {found.before}\nat rest after:  {found.after}")
    print(*found.wrong[:20], sep="\n")
    print(json.dumps(asdict(found)))
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
