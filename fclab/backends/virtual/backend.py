"""The world of virtual time: phases take modelled durations, handlers are the learner's real code, and time jumps."""

from __future__ import annotations

import _thread
import logging
from collections.abc import Callable
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from fclab.backends.virtual import handler_random, handler_time
from fclab.backends.virtual.context import Context
from fclab.backends.virtual.deployed import Deployed
from fclab.backends.virtual.durations import model
from fclab.backends.virtual.guard import Guard
from fclab.backends.virtual.jobs import Job
from fclab.backends.virtual.runs import AsyncRun, AtomicRun, Run
from fclab.backends.virtual.sandbox import Sandbox
from fclab.clock import Timer, VirtualClock
from fclab.engine.rows import Outcome
from fclab.errors import UsageError
from fclab.model import BootProfile
from fclab.units import SECOND

if TYPE_CHECKING:
    from pathlib import Path

    from fclab.backends.base import Report
    from fclab.engine.instance import Instance
    from fclab.engine.rows import Attempt, Function
    from fclab.model import FunctionSpec, Package

__all__ = ["VirtualBackend"]

_log = logging.getLogger("fclab")
_FINE = Outcome("ok")


class VirtualBackend:
    """See `backends.base.Backend` for the clauses it keeps.

    Code runs in greenlets where they exist (`greenlets`), so that a plain handler can wait; otherwise in one piece.
    """

    freezes = False

    def __init__(self, clock: VirtualClock, profile: BootProfile, seed: int, folder_of: Callable[[Package], Path] | None = None) -> None:
        self.clock = clock
        self.profile = profile
        self.seed = seed
        self.folder_of = folder_of
        """Where a package lies unpacked; needed for deployed functions only."""
        self.thread = _thread.get_ident()
        self.guard = Guard()
        self.spare: list[Any] = []
        self.parked: list[object] = []
        self.live: set[Run] = set()
        """Runs under way: `close` ends them."""
        self._printed: Callable[[Instance, str], object] = lambda instance, text: None
        self._draws: dict[int, Callable[[], int]] = {}
        self._chances: dict[str, dict[str, Callable[..., object]]] = {}
        self._plain: type[Run] = AtomicRun
        try:
            from fclab.backends.virtual.greenlets import GreenletRun

            self._plain = GreenletRun
        except ImportError:
            _log.debug("greenlet is not installed: plain handlers run in one piece")

    def _draw(self, fn: Function) -> int:
        """The modelled µs of the function's next run."""
        draw = self._draws.get(fn.number)
        if draw is None:
            duration = fn.spec.duration
            random = Random(f"{self.seed}:duration:{fn.name}")
            draw = self._draws[fn.number] = model(fn.name, 0 if duration is None else duration, random)
        try:
            return draw()
        except Exception as error:
            said = (
                error
                if isinstance(error, UsageError)
                else UsageError(
                    f"The duration of {fn.name!r} failed: {type(error).__name__}: {error}",
                    hint="a callable takes a random.Random and returns seconds",
                )
            )
            self.clock.complain(said)
            return 0

    def chance(self, function: str) -> dict[str, Callable[..., object]]:
        """The functions of `random` as handlers of this function draw with them."""
        drawn = self._chances.get(function)
        if drawn is None:
            drawn = self._chances[function] = handler_random.stream(f"{self.seed}:random:{function}")
        return drawn

    # ---- boot

    def boot(self, instance: Instance, report: Report) -> None:
        fn = instance.function
        spec = fn.spec
        if instance.attempt is not None:
            instance.attempt.world = self._draw(fn)  # now, so that durations are drawn in the order of the requests
        instance.world = self._code_of(spec)
        self._printed = report.printed
        phases = (("start", spec.boot),) if spec.boot is not None else self.profile.phases(spec.code_mb, spec.start)
        self._phase(instance, report, tuple((name, round(took * SECOND)) for name, took in phases), 0)

    def _phase(self, instance: Instance, report: Report, phases: tuple[tuple[str, int], ...], at: int) -> None:
        if not instance.alive:
            return
        if at < len(phases):
            name, took = phases[at]
            proceed = partial(self._phase, instance, report, phases, at + 1)
            self.clock.call_at(self.clock.time + took, report.phase_ended, instance, name, proceed)
        elif instance.function.spec.initializer is None:
            report.boot_ended(instance, None)
        else:
            self._hook(instance, "initializer", partial(self._initialized, instance, report))

    def _initialized(self, instance: Instance, report: Report, outcome: Outcome) -> None:
        if outcome.error is not None:
            report.boot_ended(instance, outcome)
        else:
            report.phase_ended(instance, "initialize", lambda: report.boot_ended(instance, None))

    def _hook(self, instance: Instance, name: str, finish: Callable[[Outcome], object]) -> None:
        """Run an initializer or hook on the instance; its prints belong to no request."""
        sandbox = self._sandbox(instance)
        log: list[str] = []
        if not sandbox.ready(name):
            run = self._plain(self, Job(sandbox.load, (name,), sandbox.spec, log, finish, modules=sandbox.modules))
            run.job.finish = partial(self._hook_loaded, instance, name, finish, run)
        else:
            code, steps = sandbox.code(name)
            told = partial(self._hook_ended, instance, log, finish)
            run = (AsyncRun if steps else self._plain)(self, Job(code, (), sandbox.spec, log, told, modules=sandbox.modules))
            run.job.args = (Context(run, instance.label, sandbox.info, sandbox.spec.environment, 0),)
        sandbox.hook = run
        run.start()

    def _hook_loaded(self, instance: Instance, name: str, finish: Callable[[Outcome], object], run: Run, outcome: Outcome) -> None:
        run.job.finish = finish  # no circle of references stays
        if self._sandbox(instance).hook is not run:
            return  # the instance was stopped in that very instant
        if outcome.error is not None:
            finish(outcome)
        else:
            self._hook(instance, name, finish)

    def _hook_ended(self, instance: Instance, log: list[str], finish: Callable[[Outcome], object], outcome: Outcome) -> None:
        if log:
            self._printed(instance, "".join(log))
        finish(outcome)

    # ---- run

    def run(self, instance: Instance, attempt: Attempt, report: Report) -> None:
        fn = attempt.request.fn
        took = attempt.world if isinstance(attempt.world, int) else self._draw(fn)
        sandbox = instance.world
        assert isinstance(sandbox, Sandbox)
        if sandbox.modelled:
            clock, slot = self.clock, attempt.slot
            timer = sandbox.ends[slot]  # nothing else uses the slot, so the timer is free
            if timer is None:
                timer = sandbox.ends[slot] = clock.call_at(clock.time + took, report.done, attempt, _FINE)
            else:
                timer.args = (attempt, _FINE)
                clock.call_again(timer, clock.time + took)
            attempt.world = timer
            return
        request_id = report_id(report, attempt)
        attempt.log = log = [f"FC Invoke Start RequestId: {request_id}\n"]
        finish = partial(self._finished, attempt, report, log, request_id)
        handle = partial(self._handle, sandbox, attempt, report, log, finish, took, request_id)
        if sandbox.ready("handler"):
            handle()
            return
        run = self._plain(self, Job(sandbox.load, ("handler",), fn.spec, log, finish, attempt, 0, sandbox.modules))
        run.report = report
        run.job.finish = partial(self._loaded, attempt, run, finish, handle)
        attempt.world = run
        run.start()

    def _handle(
        self, sandbox: Sandbox, attempt: Attempt, report: Report, log: list[str], finish: Callable[[Outcome], object], took: int,
        request_id: str,
    ) -> None:  # fmt: skip
        code, steps = sandbox.code("handler")
        job = Job(code, (), sandbox.spec, log, finish, attempt, took, sandbox.modules)
        run = (AsyncRun if steps else self._plain)(self, job)
        run.report = report
        context = Context(run, request_id, sandbox.info, sandbox.spec.environment, attempt.number - 1)
        job.args = (attempt.request.payload, context)
        attempt.world = run
        run.start()

    def _loaded(
        self, attempt: Attempt, run: Run, finish: Callable[[Outcome], object], handle: Callable[[], object], outcome: Outcome
    ) -> None:
        run.job.finish = finish  # no circle of references stays
        if attempt.world is not run:
            return  # the platform ended it in that very instant
        if outcome.error is not None:
            finish(outcome)
        else:
            handle()

    def _sandbox(self, instance: Instance) -> Sandbox:
        if not isinstance(instance.world, Sandbox):
            instance.world = self._code_of(instance.function.spec)
        return instance.world

    def _code_of(self, spec: FunctionSpec) -> Sandbox:
        """The code of one instance."""
        if spec.package is None or not spec.runs_python or self.folder_of is None:
            return Sandbox(spec)
        return Deployed(spec, self.folder_of(spec.package))

    def _finished(self, attempt: Attempt, report: Report, log: list[str], request_id: str, outcome: Outcome) -> None:
        if outcome.error is None:
            open_line = "" if log[-1].endswith("\n") else "\n"
            log.append(f"{open_line}FC Invoke End RequestId: {request_id}\n")
        else:
            log.append(outcome.payload.decode("utf-8", "replace") + "\n")
            log.append(f"FC Invoke End RequestId: {request_id}, Error: Unhandled function error\n")
        report.done(attempt, outcome)

    # ---- end

    def cancel(self, attempt: Attempt, reason: str) -> None:
        world, attempt.world = attempt.world, None
        if isinstance(world, Run):
            if not world.over:
                world.cancel()
            world.job.log.append(f"FC Invoke End RequestId: {report_id(world.report, attempt)}, Error: {reason}\n")
        elif isinstance(world, Timer):
            world.cancel()

    def freeze(self, instance: Instance, done: Callable[[], object]) -> None:
        if instance.function.spec.pre_freeze is None:
            done()
        else:
            self._hook(instance, "pre_freeze", partial(self._hooked, instance, "pre_freeze", done))

    def thaw(self, instance: Instance) -> None:
        pass

    def stop(self, instance: Instance, hook: bool, done: Callable[[], object]) -> None:
        self._drop(instance)
        if hook and instance.function.spec.pre_stop is not None:
            self._hook(instance, "pre_stop", partial(self._hooked, instance, "pre_stop", done))
        else:
            done()

    def _hooked(self, instance: Instance, name: str, done: Callable[[], object], outcome: Outcome) -> None:
        if outcome.error is not None:
            self._printed(instance, f"the {name} hook failed: {outcome.payload.decode('utf-8', 'replace')}\n")
        done()

    def _drop(self, instance: Instance) -> None:
        sandbox = self._sandbox(instance)
        sandbox.ends.clear()  # they hold the last attempts, which hold the instance
        run, sandbox.hook = sandbox.hook, None
        if run is not None and not run.over:
            run.cancel()

    def park(self, run: Run, code: object) -> None:
        """A run would not end: keep it out of the way for good, and say so once."""
        self.parked.append(code)
        _log.warning("the handler of %s went on after it was interrupted; it is left suspended for good", run.job.spec.name)

    def close(self) -> None:
        if _thread.get_ident() == self.thread and handler_time.current() is None:
            for run in list(self.live):
                run.cancel()
        self.guard.close()
        self.spare.clear()
        self.parked.clear()


def report_id(report: Report | None, attempt: Attempt) -> str:
    """The request's id: a message carries it, a sync request asks the platform."""
    if attempt.message is not None or report is None:
        return attempt.message.request_id if attempt.message is not None else ""
    return report.request_id(attempt.request.number)
