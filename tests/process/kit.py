"""A small lab over real processes: the engine on a thread of its own, functions given as source, and ways to wait for what happens."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any, TypeVar

from fclab.backends.process.backend import ProcessBackend
from fclab.backends.process.body import Body
from fclab.backends.process.guests import Code
from fclab.engine.declare import build
from fclab.engine.platform import Platform
from fclab.engine.presets import PRESETS
from fclab.engine.tasks import Task
from fclab.model import FunctionSpec, Response
from fclab.observe.recording import Recording
from fclab.packages.store import CodeStore
from fclab.packages.unpack import unpack
from fclab.queues.memory import MemoryQueue
from fclab.wall_clock import WallClock

DEADLINE = 20.0
"""Seconds a test waits for anything."""

T = TypeVar("T")
HOOKS = ("initializer", "pre_freeze", "pre_stop")


def _never(*args: object) -> None:
    """Stands for code that is in a package: the engine only asks whether it is there."""


class Call:
    """A request under way."""

    def __init__(self) -> None:
        self._there = threading.Event()
        self._response: Response | None = None

    def reply(self, response: Response) -> None:
        self._response = response
        self._there.set()

    @property
    def result(self) -> Response:
        assert self._there.wait(DEADLINE), "no answer"
        assert self._response is not None
        return self._response


class ProcessLab:
    """Platform, process backend and wall clock, put together as `Lab` does."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.store = CodeStore(folder / "store")
        self.codes: dict[str, Code] = {}
        self.clock = WallClock()
        self.errors: list[BaseException] = []
        self.clock.failed = self.errors.append
        self.backend = ProcessBackend(self.clock, self.store, unpack, lambda spec: self.codes[spec.name], **options)
        self.recording = Recording({"profile": "process", "semantics": "article", "seed": 0})
        self.platform = Platform(self.clock, self.backend, MemoryQueue(), self.recording, PRESETS["article"])
        self._thread = threading.Thread(target=self.clock.run, name="engine")
        self._thread.start()
        self.closed = False
        self.inode = os.fstat(self.backend.lifeline._write).st_ino

    def on_engine(self, fn: Callable[..., T], *args: Any, **options: Any) -> T:
        """Call something on the engine's thread."""
        done = threading.Event()
        held: list[Any] = []

        def call() -> None:
            try:
                held.append(fn(*args, **options))
            except BaseException as error:
                held.append(error)
            done.set()

        self.clock.post(call)
        assert done.wait(DEADLINE), "the engine does not answer"
        if isinstance(held[0], BaseException):
            raise held[0]
        return held[0]  # type: ignore[no-any-return]

    def function(self, source: str | dict[str, str], name: str = "f", handler: str = "index.handler", **options: Any) -> None:
        """Declare a function by the source of its index.py, or by files."""
        files = {"index.py": dedent(source)} if isinstance(source, str) else {file: dedent(text) for file, text in source.items()}
        hooks = {hook: options.pop(hook) for hook in HOOKS if hook in options}
        package = self.store.put_files({file: text.encode() for file, text in files.items()})
        self.codes[name] = Code(package.digest, handler, preload=options.pop("preload", ()), **hooks)
        spec: FunctionSpec = build(name, _never, {**options, **dict.fromkeys(hooks, _never)})
        self.on_engine(self.platform.declare, spec)

    def start(self, payload: bytes = b"", name: str = "f") -> Call:
        """Begin a request."""
        call = Call()
        self.clock.post(self.platform.front_door.accept, name, payload, "sync", call.reply)
        return call

    def invoke(self, payload: bytes = b"", name: str = "f") -> Response:
        return self.start(payload, name).result

    def send(self, payload: bytes = b"", name: str = "f") -> Task:
        """Send an event, and wait until it has ended."""
        task = Task(0, "", name)
        self.on_engine(self.platform.front_door.accept, name, payload, "async", lambda response: None, task=task)
        self.until(lambda: task.finished)
        return task

    def until(self, true: Callable[[], bool]) -> None:
        """Wait until something is true, which is asked on the engine's thread."""
        there = threading.Event()

        def ask() -> None:
            if true():
                there.set()
            else:
                self.clock.call_at(self.clock.now() + 2000, ask)

        self.clock.post(ask)
        assert there.wait(DEADLINE), "it did not become true"

    def bodies(self) -> list[Body]:
        return self.on_engine(lambda: list(self.backend.bodies))

    def body(self) -> Body:
        """The one instance there is."""
        (body,) = self.bodies()
        return body

    def pid(self) -> int:
        group = self.body().group
        assert group is not None
        return group.pid

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.on_engine(self.platform.stop)
            self.on_engine(self.platform.close)
            self.clock.stop()
            self._thread.join(DEADLINE)
            assert not self._thread.is_alive()
            if self.errors:
                raise self.errors[0]


def state(pid: int) -> str:
    """A process's state as one letter (R, S, T, Z), or "" if there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2][0]
    except OSError:
        return ""


def running(pid: int) -> bool:
    return state(pid) not in ("", "Z", "X")


def wait_for(true: Callable[[], bool], seconds: float = DEADLINE) -> None:
    """Wait for something outside the lab, which nobody reports: the kernel's table of processes."""
    late = time.monotonic() + seconds
    pause = threading.Event()
    while not true():
        assert time.monotonic() < late, "it did not become true"
        pause.wait(0.002)


def family() -> set[int]:
    """Processes below this one that are alive."""
    found: set[int] = set()
    todo = [os.getpid()]
    while todo:
        pid = todo.pop()
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                kids = [int(child) for child in children.read_text(encoding="ascii").split()]
            except OSError:
                continue
            todo += kids
            found.update(kid for kid in kids if running(kid))
    return found
