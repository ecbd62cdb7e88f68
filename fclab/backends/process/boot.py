"""Brings one instance up: its room, its package fetched and unpacked, its process, its initializer, each a phase that really happens."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from fclab.clock import Order
from fclab.engine.failures import error_object, platform_error
from fclab.engine.rows import Outcome
from fclab.errors import UsageError
from fclab.units import SECOND

if TYPE_CHECKING:
    from fclab.backends.process.body import Body

__all__ = ["LOAD_LIMIT", "Boot", "refused"]

LOAD_LIMIT = 30 * SECOND
"""µs that starting the process and loading the user's module may take: the engine has no time-out for the platform's own phases."""


class Boot:
    """One boot.

    1. The phases follow each other, and after each the engine says whether the next may begin.
    2. Failures of the platform are system errors; of the package, of loading it and of the initializer function errors, whose log is what
       was printed so far.
    3. Once the instance has been stopped it reports nothing more.
    """

    def __init__(self, body: Body) -> None:
        self.body = body
        self.world = body.world

    def begin(self) -> None:
        """Make the room: the phase schedule."""
        if self.body.over:
            return
        try:
            self.body.room.make()
        except OSError as error:
            self._broken(error)
            return
        self._ended("schedule", self._download)

    def _ended(self, phase: str, proceed: Callable[[], object]) -> None:
        self.body.report.phase_ended(self.body.instance, phase, proceed)

    def _download(self) -> None:
        body, world = self.body, self.world
        fetch = partial(world.store.fetch, body.code.digest, body.room.package, bytes_per_second=world.bytes_per_second)
        self._help(partial(fetch, cancelled=body.called_off), partial(self._ended, "download", self._unpack))

    def _unpack(self) -> None:
        body = self.body
        unpack = partial(self.world.unpack, body.room.package, body.room.code, cancelled=body.called_off)
        self._help(unpack, partial(self._ended, "unpack", self._start))

    def _help(self, work: Callable[[], object], then: Callable[[], object]) -> None:
        """Do `work` on a helper thread, then go on here."""
        self.body.pending += 1
        self.world.helpers.submit(work, partial(self._helped, then))

    def _helped(self, then: Callable[[], object], error: BaseException | None) -> None:
        self.body.pending -= 1
        if self.body.over:
            self.body.finish()
        elif error is not None:
            self._broken(error)
        else:
            then()

    def _broken(self, error: BaseException) -> None:
        """A phase of the platform's failed. What is wrong with the package is its author's to mend, the rest is the platform's."""
        if isinstance(error, UsageError):
            outcome = refused(error)
        else:
            outcome = platform_error(500, "InternalServerError", f"the instance could not be made: {error}")
        self.body.report.boot_ended(self.body.instance, outcome)

    def _start(self) -> None:
        """Start the process; loading the user's module is part of it."""
        clock = self.world.clock
        timer = clock.call_at(clock.now() + LOAD_LIMIT, self._late, order=Order.TIMEOUT)

        def ready(outcome: Outcome | None) -> None:
            timer.cancel()
            if self.body.over:
                return
            if outcome is None:
                self._ended("fork" if self.body.instance.function.spec.start == "fork" else "start", self._initialize)
            else:
                self._failed(outcome)

        try:
            self.body.guest.start(ready)
        except Exception as error:  # whatever the system says to such a start
            timer.cancel()
            self._broken(error)

    def _late(self) -> None:
        message = f"Function timed out after {LOAD_LIMIT // SECOND} seconds while its code was loaded"
        self._failed(Outcome("timeout", error_object(message, "FunctionTimeoutError"), message, "FunctionTimeoutError"))

    def _initialize(self) -> None:
        if self.body.code.initializer is None:
            self.body.report.boot_ended(self.body.instance, None)
        else:
            self.body.guest.hook(self.body.code.initializer, self._initialized)

    def _initialized(self, outcome: Outcome | None) -> None:
        if self.body.over:
            return
        if outcome is None:
            self._ended("initialize", partial(self.body.report.boot_ended, self.body.instance, None))
        else:
            self._failed(outcome)

    def _failed(self, outcome: Outcome) -> None:
        """The user's part of a boot failed: what it printed and how it failed is the log of the request that waited."""
        body = self.body
        if body.over:
            return
        body.write(outcome.payload.decode("utf-8", "replace") + "\n")
        if body.instance.attempt is not None:
            body.instance.attempt.log = body.log[:]
        body.report.boot_ended(body.instance, outcome)


def refused(error: UsageError) -> Outcome:
    """A package that cannot be made or used: the function's author can mend it."""
    kind = type(error).__name__
    return Outcome("error", error_object(error.what, kind), error.what, kind)
