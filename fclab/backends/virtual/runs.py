"""One run of user code in virtual time: suspended while it waits, resumed when its time has come."""

from __future__ import annotations

import _thread
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any

from fclab.backends.virtual import asking, handler_time
from fclab.backends.virtual.jobs import Capture, Job, Wish
from fclab.backends.virtual.outcomes import encode, failed, stuck, succeeded
from fclab.errors import HandlerStuck, Interrupted, SourceError, UsageError
from fclab.units import to_us

if TYPE_CHECKING:
    from fclab.backends.base import Report
    from fclab.backends.virtual.backend import VirtualBackend
    from fclab.clock import Timer

__all__ = ["Asking", "AsyncRun", "AtomicRun", "Run"]

Asking = Callable[[Callable[[object], object]], object]
"""Asks somebody for something, who then calls what it is given with the answer."""

THROWS = 3
"""How often a run that is being ended is interrupted before it is parked."""


class Run(ABC):
    """User code under way.

    1. It executes only inside `inside`: clocks, prints and environment are the lab's there, and nowhere else.
    2. `job.finish` is called once, never before `start` has returned; after `cancel` it is not called.
    3. `cancel` interrupts it at its present wait and at the next two; after that it is parked for good, and reported.
    """

    def __init__(self, world: VirtualBackend, job: Job) -> None:
        self.world = world
        self.job = job
        self.capture = Capture(job.log)
        self.memory_mb = 0.0
        self.chance = world.chance(job.spec.name)
        """The functions of `random`, drawing from this function's stream."""
        self.skew = 0
        """µs this run is ahead of the lab, where it cannot be suspended."""
        self.over = False
        self.stuck = False
        self.report: Report | None = None
        self.timer: Timer | None = None
        self._context = copy_context()

    # ---- what the code inside may ask

    def here(self) -> bool:
        """The code executing now, on this thread, is this run's."""
        return handler_time._running[0] is self and _thread.get_ident() == self.world.thread

    def now(self) -> int:
        """Lab time in µs."""
        return self.world.clock.now() + self.skew

    def wait(self, seconds: object) -> None:
        """Let lab time pass."""
        self.skew += to_us(seconds, "the time to sleep")

    def work(self, seconds: object) -> object:
        """Let lab time pass, or in an async run an awaitable that does."""
        self.wait(seconds)
        return None

    def sleeping(self, delay: object, result: object) -> object:
        """`asyncio.sleep` inside."""
        return Wish(to_us(delay, "the time to sleep"), result=result)

    def use_memory(self, mb: float) -> None:
        """The run declares its memory."""
        self.memory_mb = max(self.memory_mb, mb)
        if mb > self.job.spec.memory_mb:
            raise MemoryError(f"{mb:g} MB used, {self.job.spec.memory_mb} MB allowed")

    def call(self, name: str, payload: bytes, task_id: str | None, delay: int) -> object:
        """Call another function; in an async run, an awaitable that does."""
        return self.ask(partial(asking.call, self, name, payload, task_id, delay), f"call {name!r}")

    def use(self, service: str, verb: str, args: list[object], options: dict[str, object]) -> object:
        """Use one of the lab's sources: what it answers, or an awaitable for that."""
        return unwrapped(self.ask(partial(asking.use, self, service, verb, args, options), f"use context.{service}"))

    def ask(self, start: Asking, what: str) -> object:
        """Wait for what `start(resume)` makes somebody answer; here that is impossible."""
        raise UsageError(
            f"This handler cannot {what}: without greenlets a plain handler runs in one piece.",
            hint="write it as `async def` and await the context's methods, or install greenlet",
        )

    # ---- what the world does with it

    @abstractmethod
    def start(self) -> None:
        """Begin now."""

    def cancel(self) -> None:
        """End it (clause 3)."""
        self.over = True
        self.world.live.discard(self)
        if self.timer is not None:
            self.timer.cancel()

    def inside(self, fn: Callable[..., Any], *args: object) -> Any:
        """Call `fn`, which enters the user's code, with the lab's clocks and prints in place (clause 1)."""
        environment = self.job.spec.environment
        before = {name: os.environ.get(name) for name in environment}
        if environment:
            os.environ.update(environment)  # slow even with nothing to add
        saved = handler_time.enter(self)
        guard, modules = self.world.guard, self.job.modules
        if modules is not None:
            modules.enter()
        guard.arm()
        try:
            return fn(*args)
        finally:
            self.stuck = guard.disarm() or self.stuck
            if modules is not None:
                modules.leave()
            handler_time.leave(saved)
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value

    def ended(self, result: bytes | None, error: BaseException | None) -> None:
        """The code returned or raised: report it, at the instant it did (clause 2)."""
        if self.over:
            return
        self.over = True
        self.world.live.discard(self)
        self.job.args = ()  # with these gone no circle of references is left, and the run goes at once
        self.timer = None
        if error is None:
            outcome = succeeded(result or b"", self.memory_mb)
        elif self.stuck:
            outcome = stuck(self.world.guard.limit)
        else:
            outcome = failed(error, self.memory_mb, self.job.spec.memory_mb, self._code_place())
        self.world.clock.call_at(self.now(), self.job.finish, outcome)
        if self.stuck:
            name, limit = self.job.spec.name, self.world.guard.limit
            raise HandlerStuck(
                f"{self.job.fn.__name__!r} of function {name!r} ran for {limit:g} real seconds without waiting in lab time.",
                hint="look for an endless loop or a lock held across a wait; handlers wait with time.sleep or context.work",
            ) from None
        if isinstance(error, KeyboardInterrupt):
            raise error

    def _code_place(self) -> str:
        """The file of the handler, or the folder of its package."""
        if self.job.modules is not None:
            return self.job.modules.folder
        code = getattr(self.job.fn, "__code__", None)
        return code.co_filename if code is not None else ""

    def _body(self) -> tuple[bytes | None, BaseException | None]:
        """The user's function from entry to exit, its output encoded."""
        try:
            if self.job.before_us:
                self.wait(self.job.before_us / 1e6)
            return encode(self.job.fn(*self.job.args)), None
        except Interrupted as error:
            return None, error
        except BaseException as error:
            if type(error).__name__ == "GreenletExit":
                raise
            return None, error


class AtomicRun(Run):
    """A plain function where there are no greenlets: it runs in one piece, and its waits add up to when it ends."""

    def start(self) -> None:
        self.ended(*self.inside(self._context.run, self._body))


class AsyncRun(Run):
    """An `async def` handler: stepped from wish to wish."""

    def __init__(self, world: VirtualBackend, job: Job) -> None:
        super().__init__(world, job)
        self._coroutine: Coroutine[object, object, object] | None = None

    def work(self, seconds: object) -> object:
        return Wish(to_us(seconds, "the time to work"))

    def use(self, service: str, verb: str, args: list[object], options: dict[str, object]) -> object:
        return self._used(super().use(service, verb, args, options))

    @staticmethod
    async def _used(wish: Any) -> object:
        return unwrapped(await wish)

    def ask(self, start: Asking, what: str) -> object:
        return Wish(call=start)

    def start(self) -> None:
        import asyncio  # noqa: F401  so that its sleep is ours also where the handler is the first to import it

        self.world.live.add(self)
        self.skew = self.job.before_us
        self._step(self._first)

    def _first(self) -> object:
        coroutine = self.job.fn(*self.job.args)
        self._coroutine = coroutine  # type: ignore[assignment]
        return coroutine.send(None)  # type: ignore[attr-defined]

    def _send(self, value: object) -> None:
        if not self.over and self._coroutine is not None:
            self._step(self._coroutine.send, value)

    def _step(self, move: Callable[..., object], *args: object) -> None:
        """Run the code to its next wish or its end."""
        try:
            wish = self.inside(self._context.run, move, *args)
        except StopIteration as end:
            try:
                self.ended(self.inside(self._context.run, encode, end.value), None)
            except (TypeError, ValueError, RecursionError) as error:
                self.ended(None, error)
            return
        except BaseException as error:
            self.ended(None, error)
            return
        self._grant(wish)

    def _grant(self, wish: object) -> None:
        if self.over:
            return
        clock = self.world.clock
        if not isinstance(wish, Wish):
            what = type(wish).__name__
            error = UsageError(
                f"The handler awaited a {what}, which nothing in lab time will ever finish.",
                hint="await asyncio.sleep, context.work, context.invoke or context.invoke_async",
            )
            assert self._coroutine is not None
            self._step(self._coroutine.throw, error)
        elif wish.call is None:
            self.timer = clock.call_at(self.now() + wish.us, self._send, None)
            self.skew = 0
        else:
            late, self.skew = self.now(), 0
            self.timer = clock.call_at(late, wish.call, self._send)

    def cancel(self) -> None:
        super().cancel()
        coroutine = self._coroutine
        for _ in range(THROWS):
            if coroutine is None:
                return
            try:
                self.inside(self._context.run, coroutine.throw, Interrupted("the platform ends this run"))
            except BaseException:
                return
        self.world.park(self, coroutine)


def unwrapped(answer: object) -> object:
    """What a source answered, or its error raised."""
    if isinstance(answer, SourceError):
        raise answer
    return answer
