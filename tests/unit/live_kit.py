"""A platform in real time without processes: modelled durations on the wall clock, driven as `Lab("process")` drives it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from fclab.backends.virtual.backend import VirtualBackend
from fclab.clock import VirtualClock
from fclab.controls.live import LiveDriver
from fclab.controls.requests import Requests
from fclab.engine.declare import build
from fclab.engine.platform import Platform
from fclab.engine.policies import Policies
from fclab.engine.presets import PRESETS
from fclab.model import PROFILES
from fclab.observe.recording import Recording
from fclab.queues.memory import MemoryQueue
from fclab.wall_clock import WallClock

DEADLINE = 20.0


class Live:
    """A driver, what makes requests through it, and a short way to declare."""

    def __init__(self) -> None:
        clock = WallClock()
        backend = VirtualBackend(cast(VirtualClock, clock), PROFILES["instant"], 0)
        recording = Recording({"clock": "wall"})
        platform = Platform(clock, backend, MemoryQueue(), recording, PRESETS["article"], policies=Policies())
        self.released: list[bool] = []
        self.driver = LiveDriver(clock, platform, lambda: self.released.append(True))
        self.requests = Requests(self.driver, 0)
        self.platform = platform

    def declare(self, name: str = "f", duration: object = 0.0, **options: Any) -> None:
        """A model function."""
        self.driver.ask(self.platform.declare, build(name, None, {"duration": duration, "boot": 0.0, **options}))


@contextmanager
def live() -> Iterator[Live]:
    """A running platform, closed in the end."""
    made = Live()
    try:
        yield made
    finally:
        made.driver.close()
