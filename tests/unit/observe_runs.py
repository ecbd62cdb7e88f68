"""Recordings made by hand, event by event, in the order the engine would emit them: what the observe tests read."""

from __future__ import annotations

from fclab.observe import events as e
from fclab.observe.events import Event
from fclab.observe.recording import Recording

__all__ = ["Script", "broken_boot", "capped", "failing", "lesson00", "nested", "reserved", "two_slots", "us"]

CLASSROOM = ((e.InstanceScheduled, 0.1), (e.CodeDownloaded, 0.3), (e.CodeUnpacked, 0.15), (e.RuntimeStarted, 0.25))


def us(seconds: float) -> int:
    return round(seconds * 1_000_000)


class Script:
    """Writes a recording; all times in seconds."""

    def __init__(self, *names: str, until: float = 0.0) -> None:
        self.recording = Recording()
        self.recording.until_us = us(until)
        self.made: dict[int, int] = {}
        for name in names or ("hello",):
            number = self.recording.add_function(name)
            self.emit(0, e.FunctionDeclared, function=number, a=512, b="{}")

    def emit(
        self, at: float, kind: type[Event], request: int = 0, attempt: int = 0, instance: int = 0, function: int = 1,
        a: int | str = 0, b: int | str = 0,
    ) -> None:  # fmt: skip
        number = self.recording.text
        self.recording.emit(
            us(at), kind.KIND, request, attempt, instance, function,
            number(a) if isinstance(a, str) else a, number(b) if isinstance(b, str) else b,
        )  # fmt: skip

    def create(self, at: float, *, request: int = 0, function: int = 1, reserved: bool = False) -> int:
        self.made[function] = self.made.get(function, 0) + 1
        instance = self.recording.add_instance(function, self.made[function], reserved)
        self.emit(at, e.InstanceCreated, request, int(request > 0), instance, function, a=int(reserved))
        return instance

    def boot(self, at: float, instance: int, *, request: int = 0, function: int = 1, initializer: float = 0.2, attempt: int = 1) -> float:
        """The phases of a boot that begins at `at`; returns when it is ready."""
        for kind, took in (*CLASSROOM, (e.InstanceInitialized, initializer)):
            if took:
                at = round(at + took, 6)
                self.emit(at, kind, request, attempt if request else 0, instance, function)
        self.emit(at, e.InstanceReady, request, attempt if request else 0, instance, function)
        return at

    def accept(self, at: float, request: int, *, mode: str = "sync", function: int = 1, cause: int = 0) -> None:
        self.emit(at, e.RequestAccepted, request, 0, 0, function, mode, cause)

    def assign(
        self, at: float, request: int, instance: int, *, cold: bool = False, slot: int = 0, function: int = 1, attempt: int = 1
    ) -> None:  # fmt: skip
        self.emit(at, e.InstanceAssigned, request, attempt, instance, function, int(cold), slot)

    def start(self, at: float, request: int, instance: int, *, slot: int = 0, function: int = 1, attempt: int = 1) -> None:
        self.emit(at, e.ExecutionStarted, request, attempt, instance, function, 0, slot)

    def end(
        self, at: float, request: int, instance: int, *, error: str = "", function: int = 1, attempt: int = 1, idle: float = 300.0,
        running: int = 0,
    ) -> None:  # fmt: skip
        """The handler is left and the instance released."""
        self.emit(at, e.ExecutionEnded, request, attempt, instance, function, error)
        expires = 0 if running or self.recording.instances[instance].reserved else us(at + idle)
        self.emit(at, e.InstanceReleased, request, attempt, instance, function, expires, running)

    def succeed(self, at: float, request: int, *, attempt: int = 1, function: int = 1) -> None:
        self.emit(at, e.RequestSucceeded, request, attempt, 0, function, 200)

    def fail(self, at: float, request: int, error: str, *, status: int = 200, attempt: int = 1, function: int = 1) -> None:
        self.emit(at, e.RequestFailed, request, attempt, 0, function, status, error)

    def reclaim(self, at: float, instance: int, *, function: int = 1) -> None:
        self.emit(at, e.InstanceStopping, 0, 0, instance, function, "idle")
        self.emit(at, e.InstanceReclaimed, 0, 0, instance, function)

    def destroy(self, at: float, instance: int, reason: str, *, function: int = 1, gone: float | None = None) -> None:
        self.emit(at, e.InstanceStopping, 0, 0, instance, function, reason)
        self.emit(at if gone is None else gone, e.InstanceDestroyed, 0, 0, instance, function, reason)

    # ---- whole ways

    def cold(
        self, at: float, request: int, *, took: float = 0.1, function: int = 1, cause: int = 0, initializer: float = 0.2
    ) -> tuple[int, float]:  # fmt: skip
        """A sync request that boots an instance; returns the instance and the end."""
        self.accept(at, request, function=function, cause=cause)
        instance = self.create(at, request=request, function=function)
        self.assign(at, request, instance, cold=True, function=function)
        ready = self.boot(at, instance, request=request, function=function, initializer=initializer)
        self.start(ready, request, instance, function=function)
        end = round(ready + took, 6)
        self.end(end, request, instance, function=function)
        self.succeed(end, request, function=function)
        return instance, end

    def warm(self, at: float, request: int, instance: int, *, took: float = 0.1) -> float:
        self.accept(at, request)
        self.assign(at, request, instance)
        self.start(at, request, instance)
        end = round(at + took, 6)
        self.end(end, request, instance)
        self.succeed(end, request)
        return end

    def enqueue(self, at: float, request: int, *, due: float | None = None) -> None:
        self.accept(at, request, mode="async")
        self.emit(at, e.EventEnqueued, request, 0, 0, 1, us(at if due is None else due))

    def deliver(self, at: float, request: int, attempt: int = 1) -> None:
        self.emit(at, e.DeliveryStarted, request, attempt)

    def retry(self, at: float, request: int, attempt: int, due: float, cause: str = "function") -> None:
        self.emit(at, e.RetryScheduled, request, attempt, 0, 1, us(due), cause)


def lesson00() -> Recording:
    """Arrivals at 0, 60 and 600 s; initializer 0.2 s, handler 0.1 s, idle window 300 s."""
    run = Script(until=601.1)
    first, _ = run.cold(0, 1)
    run.warm(60, 2, first)
    run.reclaim(360.1, first)
    run.cold(600, 3)
    return run.recording


def failing() -> Recording:
    """An async event whose handler always raises: executions at 0 (cold), 1.6, 2.7 and 4.8 s, given up at 4.9; then a destination."""
    run = Script(until=4.9)
    run.enqueue(0, 1)
    run.deliver(0, 1)
    instance = run.create(0, request=1)
    run.assign(0, 1, instance, cold=True)
    begins = (run.boot(0, instance, request=1), 1.6, 2.7, 4.8)
    for attempt, begin in enumerate(begins, 1):
        if attempt > 1:
            run.deliver(begin, 1, attempt)
            run.assign(begin, 1, instance, attempt=attempt)
        run.start(begin, 1, instance, attempt=attempt)
        end = round(begin + 0.1, 6)
        run.end(end, 1, instance, error="UnhandledInvocationError", attempt=attempt)
        if attempt < 4:
            run.retry(end, 1, attempt, begins[attempt])
    run.fail(4.9, 1, "UnhandledInvocationError", attempt=4)
    run.emit(4.9, e.DestinationCalled, 1, 4, 0, 1, "queue:dead-letters")
    return run.recording


def two_slots() -> Recording:
    """A function with concurrency 2: R1 cold at 0, R2 at 1.05 s beside it, R1 until 1.3, R2 until 1.4; idle until the end at 2 s."""
    run = Script(until=2)
    run.accept(0, 1)
    instance = run.create(0, request=1)
    run.assign(0, 1, instance, cold=True)
    run.start(run.boot(0, instance, request=1), 1, instance)
    run.accept(1.05, 2)
    run.assign(1.05, 2, instance, slot=1)
    run.start(1.05, 2, instance, slot=1)
    run.end(1.3, 1, instance, running=1)
    run.succeed(1.3, 1)
    run.end(1.4, 2, instance)
    run.succeed(1.4, 2)
    return run.recording


def broken_boot() -> Recording:
    """R1's instance fails while it downloads, at 0.4 s; R1 fails with 500; R2 is refused with 429 at 1 s."""
    run = Script(until=1)
    run.accept(0, 1)
    instance = run.create(0, request=1)
    run.assign(0, 1, instance, cold=True)
    run.emit(0.1, e.InstanceScheduled, 1, 1, instance)
    run.emit(0.4, e.BootFailed, 1, 1, instance, a="download", b="CodeDownloadError")
    run.destroy(0.4, instance, "boot")
    run.fail(0.4, 1, "CodeDownloadError", status=500)
    run.emit(1, e.RequestRejected, 2, a=429, b="ResourceExhausted")
    return run.recording


def reserved() -> Recording:
    """One reserved instance, ready at 1 s, takes R1 at 10 s, and is lowered at 20 s with a pre-stop hook of 0.5 s."""
    run = Script(until=30)
    run.emit(0, e.ReservedTargetSet, a=1, b="user")
    instance = run.create(0, reserved=True)
    run.boot(0, instance)
    run.emit(1, e.InstanceIdled, 0, 0, instance)
    run.warm(10, 1, instance)
    run.emit(20, e.ReservedTargetSet, a=0, b="user")
    run.emit(20, e.InstanceStopping, 0, 0, instance, a="lowered")
    run.emit(20.5, e.HookFinished, 0, 0, instance, a="pre_stop", b=us(20))
    run.emit(20.5, e.InstanceDestroyed, 0, 0, instance, a="lowered")
    return run.recording


def nested() -> Recording:
    """R1 on outer#1 calls `inner` at 1.05 s: R2 boots inner#1 (no initializer) and answers at 1.95; R1 answers at 2 s."""
    run = Script("outer", "inner", until=2)
    run.accept(0, 1)
    outer = run.create(0, request=1)
    run.assign(0, 1, outer, cold=True)
    run.start(run.boot(0, outer, request=1), 1, outer)
    run.cold(1.05, 2, function=2, cause=1, initializer=0)
    run.end(2, 1, outer)
    run.succeed(2, 1)
    return run.recording


def capped() -> Recording:
    """Two async events at once, one instance allowed, initializer 0.2 s, handler 5 s: the second waits until 6 s."""
    run = Script(until=11)
    run.enqueue(0, 1)
    run.deliver(0, 1)
    instance = run.create(0, request=1)
    run.assign(0, 1, instance, cold=True)
    run.enqueue(0, 2)
    run.start(run.boot(0, instance, request=1), 1, instance)
    run.end(6, 1, instance)
    run.succeed(6, 1)
    run.deliver(6, 2)
    run.assign(6, 2, instance)
    run.start(6, 2, instance)
    run.end(11, 2, instance)
    run.succeed(11, 2)
    return run.recording
