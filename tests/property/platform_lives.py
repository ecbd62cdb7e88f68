"""Lives of a whole lab with a home: a forked child works and says what it was told, until it is killed; then the home is read."""

from __future__ import annotations

import json
import os
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import fclab.queues.sqlite
from fclab import AsyncConfig, Lab
from fclab.controls.handles import TaskHandle
from fclab.observe.events import ExecutionStarted

__all__ = ["Told", "check", "finish", "live"]

EVENTS = 14
CONFIG = AsyncConfig(max_retries=2, first_delay=0.05, cap=0.1, max_age=40, on_success="queue:done", on_failure="undertaker")
FINAL = ("Succeeded", "Failed", "Expired", "Stopped")
Say = Callable[..., None]
Point = Callable[[str], None]


@dataclass
class Told:
    """What the children of one home said. An event's name is its payload."""

    tried: set[str] = field(default_factory=set)
    accepted: set[str] = field(default_factory=set)
    ended: dict[str, str] = field(default_factory=dict)
    effects: Counter[tuple[str, int]] = field(default_factory=Counter)
    """By event and delivery."""
    broken: list[str] = field(default_factory=list)
    lives: int = 0

    def take(self, line: str) -> None:
        """One line of a child."""
        what, name, rest = line.split(" ", 2)
        if what == "try":
            self.tried.add(name)
        elif what == "accepted":
            self.accepted.add(name)
        elif what == "ended":
            assert self.ended.get(name, rest) == rest, f"{name} was {self.ended[name]}, and is {rest}"
            self.ended[name] = rest
        elif what == "effect":
            assert name not in self.ended, f"{name} ran after it had ended"
            self.effects[name, int(rest)] += 1
        else:
            self.broken.append(line)


def declared(home: Path, say: Say, point: Point, **options: Any) -> Lab:
    """A virtual lab whose function does something that can be counted; one event in five always fails, one in three is slow to succeed."""
    lab = Lab(home=home, profile="instant", **options)

    @lab.function(name="work", async_config=CONFIG, timeout=30)
    def work(event: bytes, context: Any) -> str:
        point("after start")
        name, delivery = event.decode(), context.retry_count + 1
        point("before effect")
        say("effect", name, delivery)
        point("after effect")
        time.sleep(0.02)
        number = int(name.partition("-")[2])
        if number % 5 == 0 or (number % 3 == 0 and delivery == 1):
            raise ValueError("not this time")
        return name

    @lab.function(name="undertaker")
    def undertaker(event: bytes, context: Any) -> None:
        point("after start")

    lab.on(ExecutionStarted)(lambda event: point("before start"))
    return lab


def work(home: Path, rng: Random, life: int, say: Say, point: Point) -> None:
    """Send events at random times, stop some, let time pass in pieces, close tidily if it comes so far."""
    lab = declared(home, say, point, max_instances=rng.choice([None, 2]))
    if rng.random() < 0.5:
        lab.faults.add("queue->dispatcher", drop=0.2)
        lab.faults.add("dispatcher->destination", drop=0.3, end=lab.now + 5)
    handles: dict[str, TaskHandle] = {}
    for number in range(1, EVENTS + 1):
        name = f"{life}-{number}"
        say("try", name, "")
        handle = lab.invoke_async("work", name, delay=rng.choice([0, 0, 0.3]), task_id=f"t{life}_{number}" if number % 2 else None)
        assert handle.status == 202
        say("accepted", name, "")
        handles[name] = handle
        if rng.random() < 0.1:
            handle.stop()
        if rng.random() < 0.3:
            lab.run(until=lab.now + rng.choice([0.01, 0.05, 0.5]))
    if rng.random() < 0.3:
        lab.invoke("work", "0-1")
    for _ in range(4):
        lab.run(until=lab.now + 0.1)
        for name, handle in handles.items():
            if handle.state in FINAL:
                say("ended", name, handle.state)
    lab.close()


def live(home: Path, seed: str, told: Told, *, label: str = "", nth: int = 1, lines: int = -1) -> bool:
    """One life, ended by SIGKILL at the nth `label`, or once it has said `lines` lines, if it lasts so long; whether it was killed."""
    reads, writes = os.pipe()
    life = told.lives = told.lives + 1
    child = os.fork()
    if child == 0:
        left = [nth]

        def point(name: str) -> None:
            if name == label:
                left[0] -= 1
                if not left[0]:
                    os.kill(os.getpid(), signal.SIGKILL)

        def say(*words: object) -> None:
            os.write(writes, (" ".join(map(str, words)) + "\n").encode())

        try:
            os.close(reads)
            if label:
                durable = fclab.queues.sqlite.SqliteQueue
                fclab.queues.sqlite.SqliteQueue = partial(durable, points=point)  # type: ignore[assignment, misc]
            work(home, Random(seed), life, say, point)
        except BaseException:
            os.write(writes, ("broken - " + traceback.format_exc().replace("\n", "|") + "\n").encode()[:4000])
        finally:
            os._exit(0)
    os.close(writes)
    with os.fdopen(reads, encoding="utf-8") as file:
        for count, line in enumerate(file):
            told.take(line.rstrip("\n"))
            if count == lines:
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert not told.broken, told.broken
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def everything(lab: Lab, function: str) -> list[TaskHandle]:
    """All tasks of a function on record."""
    found: list[TaskHandle] = []
    token = ""
    while True:
        page = lab.tasks(function, limit=100, token=token)
        found += page
        token = page.token
        if not token:
            return found


def check(home: Path, told: Told) -> None:
    """Conservation in a home as it was left: accepted = succeeded + failed + expired + stopped + waiting, and nothing else is there."""
    lab = Lab(home=home)
    tasks = {task.payload.decode(): task for task in everything(lab, "work")}
    assert told.accepted <= set(tasks) <= told.tried, "nothing accepted is lost, and nothing comes from nowhere"
    assert len(tasks) == len(everything(lab, "work")), "each event is on record once"
    states = Counter("waiting" if task.state not in FINAL else task.state for task in tasks.values())
    assert sum(states.values()) == len(tasks)
    waiting = lab._platform.queue.waiting("work")
    assert states["waiting"] == waiting
    assert {name: tasks[name].state for name in told.ended} == told.ended, "what was told is what is stored"
    for (name, delivery), count in told.effects.items():
        if not name.startswith("0-"):
            assert count == 1, f"{name}: an effect comes twice only in two deliveries"
            assert delivery <= tasks[name].attempts
    lab.close()


def finish(home: Path, told: Told) -> None:
    """A last life without mishaps: everything ends, each outcome was told once, and each success had its effect."""

    def say(what: str, name: str, rest: object) -> None:
        told.take(f"{what} {name} {rest}")

    lab = declared(home, say, lambda name: None)
    lab.run()
    tasks = {task.payload.decode(): task for task in everything(lab, "work")}
    assert {task.state for task in tasks.values()} <= set(FINAL)
    by_state = {state: sorted(name for name, task in tasks.items() if task.state == state) for state in FINAL}
    effects = Counter(name for name, _ in told.effects.elements())
    assert all(effects[name] for name in by_state["Succeeded"])
    letters = Counter(_named(body) for body in lab.queues.get("done", []))
    assert letters == Counter(by_state["Succeeded"]), "the queue has each success once"
    funerals = Counter(_named(task.payload) for task in everything(lab, "undertaker"))
    assert funerals == Counter(by_state["Failed"] + by_state["Expired"]), "the function hears of each failure once"
    lab.close()


def _named(body: bytes) -> str:
    return str(json.loads(body)["requestPayload"])
