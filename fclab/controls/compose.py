"""Puts a lab's parts together: a clock, a backend, a queue and the platform between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fclab.backends.virtual import VirtualBackend
from fclab.clock import VirtualClock
from fclab.controls.driver import Driver
from fclab.engine.platform import Platform
from fclab.engine.policies import own
from fclab.engine.presets import Preset
from fclab.model import BootProfile
from fclab.observe.recording import Recording
from fclab.packages.home import CodeHome
from fclab.queues.memory import MemoryQueue

__all__ = ["Shared", "virtual"]


@dataclass(frozen=True, slots=True)
class Shared:
    """What every lab is made of, whatever its world: see the options of `Lab`."""

    recording: Recording
    preset: Preset
    seed: int
    cap: int | None
    rules: dict[str, Callable[..., object] | None]


def virtual(shared: Shared, profile: BootProfile, code: CodeHome) -> Driver:
    """A platform in virtual time."""
    clock = VirtualClock()
    backend = VirtualBackend(clock, profile, shared.seed, code.unpacked)
    policies = own(shared.rules, clock.complain)
    platform = Platform(
        clock, backend, MemoryQueue(), shared.recording, shared.preset, seed=shared.seed, cap=shared.cap, policies=policies
    )
    return Driver(clock, platform)
