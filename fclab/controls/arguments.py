"""Checks of what a notebook hands to the lab, each with an error that says what is allowed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from random import Random

from fclab.backends.virtual.durations import model
from fclab.controls.compose import Storage
from fclab.engine.presets import PRESETS
from fclab.errors import UsageError
from fclab.model import PROFILES, BootProfile, FunctionSpec, Schedule, TargetTracking
from fclab.units import to_us

__all__ = [
    "check_count", "check_lab", "check_mode", "check_name", "check_process", "check_rule", "check_speed", "check_storage", "check_tracking",
    "check_virtual",
]  # fmt: skip


def check_lab(
    backend: object, seed: object, profile: object, semantics: object, cap: object, bandwidth: object,
    rules: dict[str, Callable[..., object] | None],
) -> BootProfile:  # fmt: skip
    """The options of `Lab`; returns the boot profile they name."""
    if backend not in ("virtual", "process"):
        raise UsageError(f"There is no backend {backend!r}.", hint='there are Lab("virtual") and Lab("process")')
    if bandwidth is not None:
        if isinstance(bandwidth, bool) or not isinstance(bandwidth, (int, float)) or not 0 < bandwidth < math.inf:
            raise UsageError(f"bandwidth must be a positive number of MB a second, not {bandwidth!r}.", hint="such as bandwidth=10")
        if backend == "virtual":
            hint = "BootProfile(download_per_mb=...) says how long a download takes"
            raise UsageError("In virtual time nothing is downloaded, so there is no bandwidth.", hint=hint)
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise UsageError(f"seed must be a whole number, not {seed!r}.", hint="such as seed=7")
    if not isinstance(semantics, str) or semantics not in PRESETS:
        raise UsageError(f"There are no semantics {semantics!r}.", hint=f"choose one of {', '.join(PRESETS)}")
    check_count(cap, "max_instances", optional=True)
    for name, rule in rules.items():
        if rule is not None and not callable(rule):
            raise UsageError(f"{name} must be a function, not {rule!r}.", hint=f"fclab.engine says what {name} is given")
    if isinstance(profile, BootProfile):
        return profile
    if not isinstance(profile, str) or profile not in PROFILES:
        raise UsageError(f"There is no profile {profile!r}.", hint=f"choose one of {', '.join(PROFILES)}, or give a BootProfile(...)")
    return PROFILES[profile]


def check_storage(home: object, durability: object, max_waiting: object, retention: object) -> Storage:
    """The options of `Lab` that say where events rest."""
    if home is not None and (not isinstance(home, (str, Path)) or not str(home) or "\0" in str(home)):
        raise UsageError(f"home must be a folder, not {home!r}.", hint='such as home="my-lab"; without one, events rest in memory')
    if durability not in ("normal", "full"):
        raise UsageError(f"durability must be 'normal' or 'full', not {durability!r}.", hint="'full' also survives a power cut")
    if durability == "full" and home is None:
        raise UsageError("Without a home nothing is on a disk.", hint='give home="a folder" too')
    check_count(max_waiting, "max_waiting", optional=True)
    kept = to_us(retention, "retention", endless=True)
    return Storage(None if home is None else Path(home), durability == "full", max_waiting if isinstance(max_waiting, int) else None, kept)


def check_virtual(spec: FunctionSpec) -> None:
    """What only virtual time asks: a duration model that can be drawn from, and one where no code is run.

    An iterable of one's own shows whether it can be drawn from only when it is read.
    """
    if isinstance(spec.duration, (str, list, tuple)):
        model(spec.name, spec.duration, Random(0))
    if spec.runtime == "custom" and spec.duration is None:
        raise UsageError(
            f"{spec.name!r} has a custom runtime: its server runs in real time only.", hint='give a duration, or use Lab("process")'
        )
    hooks = [hook for hook in ("initializer", "pre_freeze", "pre_stop") if spec.runtime == "custom" and getattr(spec, hook) is not None]
    if hooks:
        raise UsageError(f"{hooks[0]} of {spec.name!r} is a path of its server, which runs in real time only.", hint="leave it out")


def check_process(spec: FunctionSpec, options: Mapping[str, object]) -> FunctionSpec:
    """What only real processes ask: code that can be handed to one, and nothing modelled. Reads what the code names.

    Returns the function with the size that its code really has.
    """
    if "code_mb" in options:
        raise UsageError(
            f"The package of {spec.name!r} has the size it has: it is really downloaded.", hint="leave code_mb out, or add a file to it"
        )
    for name in ("duration", "boot"):
        if getattr(spec, name) is not None:
            raise UsageError(f"{spec.name!r} has a modelled {name}, but processes take the time they take.", hint="use Lab() for models")
    if spec.runtime == "custom":
        import fclab.backends.custom.guest  # noqa: F401 - now, and not while its first instance boots: that is measured
    from fclab.packages.bundle import check_source  # an import that only packing needs
    return replace(spec, code_mb=round(check_source(spec) / (1024 * 1024), 4))


def check_mode(mode: object) -> None:
    """ "sync" or "async"."""
    if mode not in ("sync", "async"):
        raise UsageError(f"mode must be 'sync' or 'async', not {mode!r}.", hint="a sync caller waits; an async one gets 202 at once")


def check_name(name: object) -> None:
    """Functions are called by name; whether there is one of that name the front door says."""
    if not isinstance(name, str):
        raise UsageError(f"A function is called by its name, not {name!r}.", hint='such as lab.invoke("hello")')


def check_count(value: object, name: str, *, optional: bool = False) -> None:
    """A whole number from 0 up, or None where that is allowed."""
    if value is None and optional:
        return
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise UsageError(f"{name} must be a whole number from 0 up, not {value!r}.", hint="such as 3")


def check_speed(speed: object) -> None:
    """Lab seconds a real second: from 0.001 to a million."""
    if isinstance(speed, bool) or not isinstance(speed, (int, float)) or not 0.001 <= speed <= 1e6:
        raise UsageError(f"speed must be a number from 0.001 to 1000000, not {speed!r}.", hint="10 shows ten lab seconds in each real one")


def check_rule(rule: object) -> Schedule:
    """A `Schedule`, also given as (start, end, target)."""
    if isinstance(rule, tuple) and len(rule) == 3:
        rule = Schedule(*rule)
    if not isinstance(rule, Schedule):
        raise UsageError(f"{rule!r} is no schedule rule.", hint="give Schedule(start, end, target) or (start, end, target)")
    check_count(rule.target, "the target of a schedule rule")
    if to_us(rule.end, "end", endless=True) <= to_us(rule.start, "start"):
        raise UsageError(f"The rule {rule} is never in force.", hint="give an end after its start")
    return rule


def check_tracking(tracking: object) -> None:
    """A `TargetTracking` that can be kept."""
    if not isinstance(tracking, TargetTracking):
        raise UsageError(f"tracking must be a TargetTracking, not {tracking!r}.", hint="TargetTracking(utilization=0.6, min=1, max=10)")
    check_count(tracking.min, "min")
    check_count(tracking.max, "max")
    share = tracking.utilization
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 < share <= 1 or tracking.max < tracking.min:
        raise UsageError(f"{tracking} cannot be kept.", hint="0 < utilization <= 1 and min <= max")
