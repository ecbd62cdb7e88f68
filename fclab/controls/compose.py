"""Puts a lab's parts together: a clock, a backend, a queue and the platform between them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fclab.backends.virtual.backend import VirtualBackend
from fclab.backends.virtual.handler_time import EPOCH_US
from fclab.clock import VirtualClock
from fclab.controls.driver import Driver
from fclab.engine.platform import Platform
from fclab.engine.policies import own
from fclab.engine.presets import Preset
from fclab.errors import FclabError
from fclab.model import BootProfile
from fclab.observe.recording import Recording
from fclab.packages.home import CodeHome
from fclab.queues.memory import MemoryQueue

if TYPE_CHECKING:
    from fclab.queues.sqlite import SqliteQueue
    from fclab.sources.hub import Hub

__all__ = ["Shared", "Storage", "let_go", "take_up_sources", "virtual", "with_sources"]


@dataclass(frozen=True, slots=True)
class Storage:
    """Where events rest: see the options of `Lab`. `retention` in µs."""

    home: Path | None
    full: bool
    max_waiting: int | None
    retention: int

    def durable(self, post: Callable[..., object] | None = None, epoch: int = 0) -> SqliteQueue | None:
        """The queue of the home, if there is one. Raises `HomeRefused`."""
        if self.home is None:
            return None
        from fclab.queues.sqlite import SqliteQueue  # a lab in memory needs no database

        return SqliteQueue(
            self.home, kind="virtual" if post is None else "wall", epoch=epoch, post=post, synchronous="FULL" if self.full else "NORMAL",
            max_depth=self.max_waiting, retention=self.retention,
        )  # fmt: skip

    def memory(self) -> MemoryQueue:
        """The queue of a lab without a home."""
        return MemoryQueue(self.max_waiting, self.retention)


@dataclass(frozen=True, slots=True)
class Shared:
    """What every lab is made of, whatever its world: see the options of `Lab`."""

    recording: Recording
    preset: Preset
    seed: int
    cap: int | None
    rules: dict[str, Callable[..., object] | None]
    storage: Storage


def virtual(shared: Shared, profile: BootProfile, code: CodeHome) -> Driver:
    """A platform in virtual time; with a home it goes on at the lab time at which that was left."""
    durable = shared.storage.durable()
    clock = VirtualClock(0 if durable is None else durable.now)
    shared.recording.start_us = shared.recording.until_us = clock.time
    backend = VirtualBackend(clock, profile, shared.seed, code.unpacked)
    policies = own(shared.rules, clock.complain)
    queue = durable or shared.storage.memory()
    platform = Platform(clock, backend, queue, shared.recording, shared.preset, seed=shared.seed, cap=shared.cap, policies=policies)
    with_sources(platform, durable, shared.storage.full, EPOCH_US, clock.complain)
    if durable is not None:
        code.settle(durable.path.parent / "packages")
        platform.take_up(durable.last_request, durable.life)
        take_up_sources(platform, durable)
    return Driver(clock, platform)


def with_sources(
    platform: Platform, durable: SqliteQueue | None, full: bool, epoch: int, complain: Callable[[BaseException], object]
) -> None:
    """Let the platform have event sources when they are first needed. `epoch`: µs since 1970 at lab time 0."""

    def made() -> Hub:
        from fclab.sources.catalog import SOURCES  # a lab without triggers needs none of them
        from fclab.sources.hub import Hub
        from fclab.sources.store import Store

        return Hub(platform, Store(None if durable is None else durable.path.parent, full), epoch, SOURCES, complain)

    platform.open_sources = made


def take_up_sources(platform: Platform, durable: SqliteQueue) -> None:
    """Go on with the sources of a home, if it has any."""
    if (durable.path.parent / "sources.db").exists():
        platform.hub  # noqa: B018  made now


def let_go(platform: Platform) -> None:
    """Leave the home of a virtual lab that nobody holds any more and that was not closed."""
    with suppress(FclabError):  # nobody is there to be told; what was accepted is stored
        platform.queue.close(platform.clock.now())
