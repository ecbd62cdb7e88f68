"""The lab: the whole platform in one object, as a notebook holds it."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, overload

from fclab.backends.virtual.durations import Replay
from fclab.controls import settings
from fclab.controls.arguments import check_lab, check_process, check_speed, check_storage, check_virtual
from fclab.controls.compose import Shared, let_go, virtual
from fclab.controls.driver import Driver
from fclab.controls.faultplan import FaultPlan
from fclab.controls.handles import Call, InstanceView, TaskHandle
from fclab.controls.http import HttpEntry
from fclab.controls.requests import Requests
from fclab.controls.serving import Serving
from fclab.controls.steering import Steering
from fclab.controls.tasks import Tasks
from fclab.controls.triggers import Triggers
from fclab.controls.watching import Watching
from fclab.engine.declare import build
from fclab.engine.presets import PRESETS
from fclab.errors import UsageError
from fclab.model import BootProfile, FunctionSpec, Mode, Package, Response
from fclab.observe.recording import Recording
from fclab.packages.home import CodeHome
from fclab.units import seconds, text_of_times, to_us

if TYPE_CHECKING:
    from fclab.controls.live import LiveDriver

__all__ = ["Lab"]

F = TypeVar("F", bound=Callable[..., object])


class Lab(Watching, Steering, Tasks, Triggers, Serving):
    """A function-compute platform: `Lab()` in virtual time, `Lab("process")` over real processes in real time.

    seed           names the run: in virtual time equal seeds give equal recordings; real processes answer when they answer
    profile        how long boot phases take: "classroom", "instant" or a `BootProfile` (simulated, in seconds)
    semantics      "article", "fc" or "lambda": retries, back-off, event age, idle window, growth
    home           folder that keeps async events, task records and code packages: whatever ends this lab, the next one with that home
                   goes on there, in virtual time at the lab time of the last event. Without one they are gone with the lab
    durability     of a home: "normal" survives any end of the process, "full" a power cut too; see `fclab.queues.sqlite`
    max_waiting    async events that may wait or run; beyond that they are refused (429). None: no limit
    retention      seconds for which tasks that have ended are remembered
    max_instances  cap on instances of all functions together; None: the preset's
    record         False keeps no events (observers still see them)
    bandwidth      MB a second at which processes' code is downloaded, so that its size can be seen; None: as fast as the disk is
    placement, keep_alive, next_delay   your own policies; see the modules `fclab.engine.placement`, `keepalive`, `retry`

    A virtual lab belongs to the thread that made it; one of processes may be used from any. It is a context manager; `close()` leaves
    nothing behind.
    """

    def __init__(
        self, backend: str = "virtual", *, seed: int = 0, profile: str | BootProfile = "classroom", semantics: str = "article",
        home: str | Path | None = None, durability: str = "normal", max_waiting: int | None = None, retention: float = 604_800.0,
        max_instances: int | None = None, record: bool = True, bandwidth: float | None = None,
        placement: Callable[..., float] | None = None, keep_alive: Callable[..., int] | None = None,
        next_delay: Callable[..., int | None] | None = None,
    ) -> None:  # fmt: skip
        rules: dict[str, Callable[..., object] | None] = {"placement": placement, "keep_alive": keep_alive, "next_delay": next_delay}
        boots = check_lab(backend, seed, profile, semantics, max_instances, bandwidth, rules)
        storage = check_storage(home, durability, max_waiting, retention)
        self._options = {
            "home": home, "max_waiting": max_waiting, "retention": retention,
            "backend": backend, "seed": seed, "profile": profile, "semantics": semantics, "max_instances": max_instances,
            "record": record, "bandwidth": bandwidth, **rules,
        }  # fmt: skip
        self._specs: dict[str, FunctionSpec] = {}
        self._endpoints = []
        meta: dict[str, str | int] = {"profile": profile if isinstance(profile, str) else "own", "semantics": semantics, "seed": seed}
        self._code = CodeHome()
        shared = Shared(Recording(meta, keep=record), PRESETS[semantics], seed, max_instances, rules, storage)
        self._driver: Driver | LiveDriver
        if backend == "virtual":
            self._driver = virtual(shared, boots, self._code)
        else:
            from fclab.controls.process import process  # threads and processes: not where there are none
            self._driver = process(shared, self._code, None if bandwidth is None else bandwidth * 1e6)
            weakref.finalize(self, self._driver.abandon)  # a lab that nobody holds any more must not leave its processes
        self._platform = self._driver.platform
        if home is not None:
            self._driver.again = f"open its home again with Lab({'' if backend == 'virtual' else repr(backend) + ', '}home={str(home)!r})"
        self._left: weakref.finalize[..., Lab] | None = None
        if home is not None and backend == "virtual":  # nor must it keep its home from the next one
            self._left = weakref.finalize(self, let_go, self._platform)
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

        With runtime="custom" the package holds a server, which `command` starts (see `fclab.backends.custom.guest`); its
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
        """Send a function an event; it is accepted (202) once it is stored, which takes no lab time.

        delay     seconds (0 to 3600) to hold it back
        task_id   your own id; the same id again is refused (409)
        """
        return self._requests.invoke_async(name, payload, delay, task_id)

    def invoke_at(self, name: str, times: Iterable[float] | float, payload: object = b"", mode: Mode = "sync") -> list[Call]:
        """Schedule a request at each of these lab times (seconds). `run()` then plays them; read `call.response`.

        Virtual time refuses the past. Real time does not wait for you: if the first of the times has passed, all of them are moved, so
        that the first is now and the gaps between them stay; `call.at` says when.
        """
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
        """Go on to the next thing that happens; False if nothing is left to happen, or in real time if no work is left."""
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

    # ---- the lab itself

    def fresh(self) -> Lab:
        """A new lab at 0 s with the same functions, triggers and options, and nothing else of this one.

        A lab with a home has no such twin, because a home belongs to one lab: that is a `UsageError`.
        """
        if self._options["home"] is not None:
            hint = "close it and open the same home again, or make a Lab(...) with another home or none"
            raise UsageError("This lab has a home, and a fresh lab would need one of its own.", hint=hint)
        new = Lab(**self._options)  # type: ignore[arg-type]
        for spec in self._specs.values():
            if spec.package is not None:
                new._code.take(spec.package, self._code)
            new._driver.ask(new._declare, spec)
        if self._platform.sources is not None:
            for one in self.triggers():
                new.trigger(one.function, one.trigger, name=one.name, enabled=one.enabled)
        return new

    def close(self) -> None:
        """End the lab; its recording stays readable. Raises `NotStored` if its home could not take all that has happened."""
        if self._left is not None:
            self._left.detach()
        self._end_serving()
        try:
            self._driver.close()
        finally:
            self._code.close()

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        names, requests = len(self._specs), self._platform.front_door.requests - self._platform.first
        declared, at = f"{names} function{'s' * (names != 1)}", text_of_times(self._platform.recording.meta["clock"])(self._driver.now())
        closed = ", closed" if self._driver.closed else ""
        return f"Lab({self._options['backend']}, {declared}, {requests} requests, at {at} s{closed})"
