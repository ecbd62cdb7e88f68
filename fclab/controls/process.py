"""Puts together a lab whose instances are processes of this machine."""

from __future__ import annotations

import sys

from fclab.backends.process.backend import ProcessBackend
from fclab.backends.process.guests import Code
from fclab.controls.compose import Shared, take_up_sources, with_sources
from fclab.controls.live import LiveDriver
from fclab.engine.platform import Platform
from fclab.engine.policies import own
from fclab.errors import UsageError
from fclab.model import FunctionSpec
from fclab.packages.bundle import package_of
from fclab.packages.home import CodeHome
from fclab.packages.unpack import unpack
from fclab.wall_clock import WallClock

__all__ = ["process"]


def process(shared: Shared, code: CodeHome, bandwidth: float | None) -> LiveDriver:
    """A platform in real time over processes; packages are fetched at `bandwidth` bytes a second, or as fast as the disk is."""
    if sys.platform != "linux":
        raise UsageError(f"Real processes need Linux; this is {sys.platform}.", hint='Lab("virtual") works everywhere')
    clock = WallClock()
    try:
        durable = shared.storage.durable(clock.post, clock.epoch)
    except BaseException:
        clock.stop()
        clock.run()  # not one turn: it lets go of its descriptors
        raise
    backend = ProcessBackend(clock, code, unpack, Codes(code).of, bytes_per_second=bandwidth)
    code.settle((backend.home.folder if durable is None else durable.path.parent) / "packages")
    shared.recording.meta.update(clock="wall", backend="process")
    platform = Platform(
        clock, backend, durable or shared.storage.memory(), shared.recording, shared.preset, seed=shared.seed, cap=shared.cap,
        policies=own(shared.rules, clock.complain),
    )  # fmt: skip
    with_sources(platform, durable, shared.storage.full, clock.epoch, clock.complain)
    if durable is not None:
        platform.take_up(durable.last_request, durable.life)
        take_up_sources(platform, durable)
    return LiveDriver(clock, platform)


class Codes:
    """Where the functions' code is. A function's source is packed when its first instance boots: by then all that it names is defined."""

    def __init__(self, home: CodeHome) -> None:
        self._home = home
        self._known: dict[str, tuple[FunctionSpec, Code]] = {}

    def of(self, spec: FunctionSpec) -> Code:
        """The code of a function as declared. Raises `PackageError` for a function that cannot be packed."""
        known = self._known.get(spec.name)
        if known is None or known[0] is not spec:
            bundle = package_of(spec, self._home.store)
            names = bundle.entry_points
            handler = names["handler"] or ""
            code = Code(
                bundle.package.digest, handler, names["initializer"], names["pre_freeze"], names["pre_stop"], spec.preload
            )
            known = self._known[spec.name] = spec, code
        return known[1]
