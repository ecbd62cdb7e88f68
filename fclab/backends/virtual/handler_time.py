"""Time as handlers see it: inside one, the clock functions of Python tell lab time; anywhere else they are untouched.

The functions are put into the `time` module (and `random`'s, see `handler_random`) when a handler is entered and taken out when it is
left. Names that the learner's modules bound before (`from time import sleep`) are rebound to functions that dispatch in the same way.
`datetime.now()` cannot be replaced and tells the machine's time: handlers have `time.time()` and `context.now`.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, cast

from fclab.backends.virtual import handler_random
from fclab.errors import UsageError

if TYPE_CHECKING:
    from fclab.backends.virtual.runs import Run

__all__ = ["EPOCH_US", "adopt", "current", "dispatching", "enter", "leave"]

EPOCH_US = 1_767_225_600_000_000
"""Lab time 0 as handlers see it: 2026-01-01T00:00:00Z, in µs since 1970."""

_running: list[Run | None] = [None]
_REAL = {name: getattr(time, name) for name in ("sleep", "time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns")}


def current() -> Run | None:
    """The run whose code is executing on this thread now, or None."""
    run = _running[0]
    return run if run is not None and run.here() else None


def _dispatch(real: Callable[..., object], inside: Callable[..., object]) -> Callable[..., object]:
    """A function that does `inside(run, ...)` in a handler and is `real` everywhere else."""

    @wraps(real)
    def dispatching(*args: object, **options: object) -> object:
        run = current()
        return inside(run, *args, **options) if run is not None else real(*args, **options)

    return dispatching


def _sleep(run: Run, seconds: object) -> None:
    if isinstance(seconds, (int, float)) and seconds < 0:
        raise ValueError("sleep length must be non-negative")
    run.wait(seconds)


_LAB: dict[str, Callable[..., object]] = {
    "sleep": _dispatch(_REAL["sleep"], _sleep),
    "time": _dispatch(_REAL["time"], lambda run: (EPOCH_US + run.now()) / 1e6),
    "time_ns": _dispatch(_REAL["time_ns"], lambda run: (EPOCH_US + run.now()) * 1000),
    "monotonic": _dispatch(_REAL["monotonic"], lambda run: run.now() / 1e6),
    "monotonic_ns": _dispatch(_REAL["monotonic_ns"], lambda run: run.now() * 1000),
    "perf_counter": _dispatch(_REAL["perf_counter"], lambda run: run.now() / 1e6),
    "perf_counter_ns": _dispatch(_REAL["perf_counter_ns"], lambda run: run.now() * 1000),
}


def _drawing(name: str) -> Callable[..., object]:
    return _dispatch(handler_random.REAL[name], lambda run, *args, **options: run.chance[name](*args, **options))


_BY_ID = {id(_REAL[name]): _LAB[name] for name in _LAB} | {id(real): _drawing(name) for name, real in handler_random.REAL.items()}
"""Names that a module may have bound before, by the identity of what they were bound to."""


def _async_sleep(delay: object, result: object = None) -> object:
    run = current()
    if run is None:
        import asyncio

        return asyncio.sleep(cast(float, delay), result)
    return run.sleeping(delay, result)


def _no_asyncio_run(*args: object, **options: object) -> None:
    for coroutine in args[:1]:
        close = getattr(coroutine, "close", None)
        if close is not None:
            close()
    raise UsageError("asyncio.run cannot be used inside a handler in virtual time.", hint="make the handler `async def` and await directly")


def dispatching(value: object) -> object:
    """`value`, or what dispatches in its place if it is a clock or chance function."""
    return _BY_ID.get(id(value), value)


def adopt(namespace: dict[str, object]) -> None:
    """Rebind clock and chance functions that a module imported by name, so that they dispatch too."""
    asyncio = sys.modules.get("asyncio")
    asleep = getattr(asyncio, "sleep", None)
    for name, value in list(namespace.items()):
        lab = _async_sleep if value is asleep is not None else _BY_ID.get(id(value))
        if lab is not None:
            namespace[name] = lab


def enter(run: Run) -> dict[str, object]:
    """`run`'s code is about to execute; returns what `leave` needs."""
    _running[0] = run
    time.__dict__.update(_LAB)
    random.__dict__.update(run.chance)
    asyncio = sys.modules.get("asyncio")
    saved: dict[str, object] = {"stdout": sys.stdout, "stderr": sys.stderr}
    if asyncio is not None:
        saved["asyncio"] = asyncio.__dict__, {name: asyncio.__dict__[name] for name in ("sleep", "run")}
        asyncio.__dict__.update(sleep=_async_sleep, run=_no_asyncio_run)
    sys.stdout = sys.stderr = run.capture
    return saved


def leave(saved: dict[str, object]) -> None:
    """`run`'s code has been left."""
    _running[0] = None
    time.__dict__.update(_REAL)
    random.__dict__.update(handler_random.REAL)
    sys.stdout, sys.stderr = saved["stdout"], saved["stderr"]
    if "asyncio" in saved:
        namespace, real = cast("tuple[dict[str, object], dict[str, object]]", saved["asyncio"])
        namespace.update(real)
