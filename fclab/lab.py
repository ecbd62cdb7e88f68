"""The lab: the whole platform in one object, as a notebook holds it."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, overload

from fclab.backends.durations import Replay
from fclab.controls import settings
from fclab.controls.arguments import check_lab, check_process, check_speed, check_virtual
from fclab.controls.compose import Shared, virtual
from fclab.controls.driver import Driver
from fclab.controls.faultplan import FaultPlan
from fclab.controls.handles import Call, InstanceView, TaskHandle
from fclab.controls.http import HttpEntry
from fclab.controls.requests import Requests
from fclab.controls.watching import Watching
from fclab.engine.declare import build
from fclab.engine.presets import PRESETS
from fclab.engine.rows import Function
from fclab.errors import UnknownFunction, UsageError
from fclab.model import BootProfile, FunctionSpec, Mode, Package, Response, Schedule, TargetTracking
from fclab.observe.recording import Recording
from fclab.packages.home import CodeHome
from fclab.units import seconds, seconds_text, to_us

if TYPE_CHECKING:
    from fclab.controls.live import LiveDriver

__all__ = ["Lab"]

F = TypeVar("F", bound=Callable[..., object])


class Lab(Watching):
    """A function-compute platform: `Lab()` in virtual time, `Lab("process")` over real processes in real time.

    seed           names the run: equal seeds, equal recordings
    profile        how long boot phases take: "classroom", "instant" or a `BootProfile` (simulated, in seconds)
    semantics      "article", "fc" or "lambda": retries, back-off, event age, idle window, growth
    max_instances  cap on instances of all functions together; None: the preset's
    record         False keeps no events (observers still see them)
    bandwidth      MB a second at which processes' code is downloaded, so that its size can be seen; None: as fast as the disk is
    placement, keep_alive, next_delay   your own policies; see the modules `fclab.engine.placement`, `keepalive`, `retry`

    A virtual lab belongs to the thread that made it; one of processes may be used from any. It is a context manager; `close()` leaves
    nothing behind.
    """

    def __init__(
        self, backend: str = "virtual", *, seed: int = 0, profile: str | BootProfile = "classroom", semantics: str = "article",
        home: str | None = None, max_instances: int | None = None, record: bool = True, bandwidth: float | None = None,
        placement: Callable[..., float] | None = None, keep_alive: Callable[..., int] | None = None,
        next_delay: Callable[..., int | None] | None = None,
    ) -> None:  # fmt: skip
        rules: dict[str, Callable[..., object] | None] = {"placement": placement, "keep_alive": keep_alive, "next_delay": next_delay}
        boots = check_lab(backend, home, seed, profile, semantics, max_instances, bandwidth, rules)
        self._options = {
            "backend": backend, "seed": seed, "profile": profile, "semantics": semantics, "max_instances": max_instances,
            "record": record, "bandwidth": bandwidth, **rules,
        }  # fmt: skip
        self._specs: dict[str, FunctionSpec] = {}
        meta: dict[str, str | int] = {"profile": profile if isinstance(profile, str) else "own", "semantics": semantics, "seed": seed}
        self._code = CodeHome()
        shared = Shared(Recording(meta, keep=record), PRESETS[semantics], seed, max_instances, rules)
        self._driver: Driver | LiveDriver
        if backend == "virtual":
            self._driver = virtual(shared, boots, self._code)
        else:
            from fclab.controls.process import process  # threads and processes: not where there are none
            self._driver = process(shared, self._code, None if bandwidth is None else bandwidth * 1e6)
            weakref.finalize(self, self._driver.close)  # a lab that nobody holds any more must not leave its processes
        self._platform = self._driver.platform
        self._requests = Requests(self._driver, seed)
        self.http = HttpEntry(self._driver, self._specs)
        self.faults = FaultPlan(self._driver)

    # ---- functions

    @overload
    def function(self, handler: F, /) -> F: ...
    @overload
    def function(self, /, *, name: str | None = None, **options: Any) -> Callable[[F], F]: ...
    def function(self, handler: F | None = None, /, *, name: str | None = None, **options: Any) -> F | Callable[[F], F]:
        """Declare a function: `@lab.function` or `@lab.function(timeout=10, ...)` above `def name(event, context)`.

        Options are the fields of `FunctionSpec`. The function itself is returned unchanged; a name declared before is replaced.
        In a process lab, code and constants are taken when the first instance boots: declare again to take a change.
        """

        def declare(code: F) -> F:
            self._add(name or getattr(code, "__name__", None), code, options)
            return code

        return declare if handler is None else declare(handler)

    def declare(self, name: str, *, duration: object = None, boot: float | None = None, **options: Any) -> None:
        """Declare a function that is only a model: how long it runs, and boots, in seconds.

        duration   a number, a callable(random), an iterable (one value a request) or a named distribution, "exponential(0.2)"
        boot       seconds of its whole boot; None: the lab's profile
        """
        if isinstance(duration, Iterable) and not isinstance(duration, (str, list, tuple)):
            duration = Replay(duration)
        self._add(name, None, {"duration": duration, "boot": boot, **options})

    def deploy(self, name: str, code: str | Path, handler: str = "index.handler", **options: Any) -> None:
        """Declare a function from a code package: a folder, or a .zip, with everything it needs.

        handler   module.function inside the package; initializer, pre_freeze and pre_stop are named likewise
        options   the fields of `FunctionSpec`; code_mb is the package's real size, unless you give one

        With runtime="custom" the package holds a server, which `command` starts (`fclab.backends.custom` says how it is spoken to); its
        hooks are paths, such as initializer="/initialize". In virtual time it is a model and has a duration.
        Raises `PackageError` for a package that cannot be used. That its code cannot be loaded is a failure of the first request.
        """
        self._driver.check()
        package = self._code.add(code)
        self._add(name, None, options, package, handler)

    def _add(
        self, name: object, code: Callable[..., object] | None, options: Mapping[str, object], package: Package | None = None,
        path: object = "",
    ) -> None:  # fmt: skip
        self._driver.check()
        idle = seconds(PRESETS[str(self._options["semantics"])].idle_us)
        size = {} if package is None else {"code_mb": package.mb}
        spec = build(name, code, {"idle_timeout": idle, **size, **options}, package, path)
        if self._options["backend"] == "virtual":
            check_virtual(spec)
        else:
            spec = check_process(spec, options)
        self._driver.ask(self._declare, spec)

    def _declare(self, spec: FunctionSpec) -> None:
        settings.check_room(self._platform, spec.reserved, spec.max_instances)
        self._specs[spec.name] = spec
        self._platform.declare(spec)

    @property
    def functions(self) -> dict[str, FunctionSpec]:
        """Every declared function by name."""
        return dict(self._specs)

    def instances(self, name: str) -> list[InstanceView]:
        """The instances of a function that are not gone, oldest first."""
        fn = self._known(name)
        return self._driver.ask(lambda: [InstanceView.of(instance) for instance in fn.instances.values()])

    # ---- requests

    def invoke(self, name: str, payload: object = b"") -> Response:
        """Call a function and wait for its response; time moves to that instant. Never raises for what the function does."""
        return self._requests.invoke(name, payload)

    def invoke_async(self, name: str, payload: object = b"", *, delay: float = 0.0, task_id: str | None = None) -> TaskHandle:
        """Send a function an event, accepted at once; no time passes.

        delay     seconds (0 to 3600) to hold it back
        task_id   your own id; the same id again is refused (409)
        """
        return self._requests.invoke_async(name, payload, delay, task_id)

    def invoke_at(self, name: str, times: Iterable[float] | float, payload: object = b"", mode: Mode = "sync") -> list[Call]:
        """Schedule a request at each of these lab times (seconds). `run()` then plays them; read `call.response`."""
        self._driver.check()
        self._known(name)
        return self._requests.at(name, times, payload, mode)

    def traffic(
        self, name: str, rate: float | None = None, duration: float | None = None, arrivals: str | Iterable[float] = "poisson",
        *, payload: object = b"", mode: Mode = "sync",
    ) -> None:  # fmt: skip
        """Requests from now on: `rate` a second for `duration` seconds, or at given times; see `fclab.controls.arrivals`."""
        self._driver.check()
        self._known(name)
        self._requests.traffic(name, rate, duration, arrivals, payload, mode)

    # ---- time

    @property
    def now(self) -> float:
        """Lab time in seconds."""
        return seconds(self._driver.now())

    def run(self, until: float | None = None) -> None:
        """Let time pass until `until` (seconds), or until all work is done: scheduled arrivals, running requests, waiting events.

        Idle expiries, ticks and schedules happen when they are due, but do not keep `run()` going. Raises `EndlessRun` if what is
        left can never finish by itself.
        """
        if until is None:
            self._driver.finish()
            return
        self._driver.to(to_us(until, "until"))

    def run_for(self, seconds: float) -> None:
        """Let `seconds` of lab time pass."""
        self._driver.to(self._driver.now() + to_us(seconds, "the time to run"))

    def step(self) -> bool:
        """Go on to the next thing that happens; False if nothing is left to happen."""
        return self._driver.step()

    def drain(self, name: str) -> None:
        """Run until no event of this function waits or runs."""
        fn = self._known(name)
        p = self._platform
        self._driver.until(lambda: not any(request.fn.name == fn.name for request in p.dispatcher.open.values()))

    def play(self, speed: float = 1.0) -> None:
        """Let virtual time pass at `speed` × real time until all work is done; in a notebook this returns at once."""
        check_speed(speed)
        self._driver.check()
        if isinstance(self._driver, Driver):
            from fclab.controls import pace  # brings in asyncio, which costs more than all of fclab
            pace.play(self._driver, speed)
        elif speed != 1:
            raise UsageError("A lab of real processes plays at the speed of real time.", hint="leave speed out")

    # ---- settings

    def reserve(
        self,
        name: str,
        target: int,
        *,
        schedule: Sequence[Schedule | tuple[float, float, int]] = (),
        tracking: TargetTracking | None = None,
    ) -> None:
        """Keep `target` instances of a function ready, from now on and until you say otherwise; 0 gives them back.

        schedule   `Schedule` rules, or (start, end, target) triples, in lab seconds; the largest in force wins
        tracking   a `TargetTracking`; evaluated once a minute
        """
        self._driver.check()
        self._driver.ask(settings.reserve, self._platform, self._known(name), target, schedule, tracking)

    def limit(self, name: str, max_instances: int | None = None) -> None:
        """Cap a function's instances, reserved ones included; surplus ones go, busy ones last. None lifts the cap, 0 blocks it."""
        self._driver.check()
        self._driver.ask(settings.limit, self._platform, self._known(name), max_instances)

    def disable(self, name: str) -> None:
        """Refuse new requests of a function (403); accepted events wait."""
        self._driver.check()
        self._driver.ask(settings.switch, self._platform, self._known(name), False)

    def enable(self, name: str) -> None:
        """Accept requests again."""
        self._driver.check()
        self._driver.ask(settings.switch, self._platform, self._known(name), True)

    @property
    def queues(self) -> dict[str, list[bytes]]:
        """What has arrived in the lab's destination queues ("queue:NAME"), oldest first."""
        return self._platform.destinations.queues

    # ---- the lab itself

    def fresh(self) -> Lab:
        """A new lab at 0 s with the same functions and options, and nothing else of this one."""
        new = Lab(**self._options)  # type: ignore[arg-type]
        for spec in self._specs.values():
            if spec.package is not None:
                new._code.take(spec.package, self._code)
            new._driver.ask(new._declare, spec)
        return new

    def close(self) -> None:
        """End the lab; its recording stays readable."""
        self._driver.close()
        self._code.close()

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        names, requests = len(self._specs), self._platform.front_door.requests
        declared, at = f"{names} function{'s' * (names != 1)}", seconds_text(self._driver.now())
        return f"Lab({self._options['backend']}, {declared}, {requests} requests, at {at} s)"

    def _known(self, name: object) -> Function:
        fn = self._platform.functions.get(name) if isinstance(name, str) else None
        if fn is None:
            there = ", ".join(map(repr, self._specs)) or "none yet"
            raise UnknownFunction(f"There is no function {name!r} in this lab.", hint=f"declared: {there}")
        return fn
