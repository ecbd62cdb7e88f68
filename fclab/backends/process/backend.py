"""The world of real processes: a package is really fetched and unpacked, an interpreter really starts, and time passes by itself."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fclab.backends.process.body import Body
from fclab.backends.process.boot import Boot, refused
from fclab.backends.process.groups import Child
from fclab.backends.process.helpers import Helpers
from fclab.backends.process.home import Home
from fclab.backends.process.lifeline import Lifeline
from fclab.backends.process.limits import Watchman
from fclab.backends.process.python_guest import PythonGuest
from fclab.backends.process.zygotes import Zygote
from fclab.errors import UsageError

if TYPE_CHECKING:
    from fclab.backends.base import Report
    from fclab.backends.process.guests import Code, Guest
    from fclab.engine.instance import Instance
    from fclab.engine.rows import Attempt, Outcome
    from fclab.model import FunctionSpec
    from fclab.wall_clock import WallClock

__all__ = ["FREEZE_AFTER", "ProcessBackend", "Store"]

_log = logging.getLogger("fclab")

FREEZE_AFTER = 10_000
"""µs of rest after which an idle on-demand instance is frozen. At once, the two signals would cost each request of a busy one more than
all the rest of the platform's work."""


class Store(Protocol):
    """Where code packages come from (`fclab.packages.store`)."""

    def fetch(self, digest: str, to: Path, *, bytes_per_second: float | None = None, cancelled: Any = None) -> object:
        """Copy the package `digest` to `to`, and verify it."""
        ...


class ProcessBackend:
    """See `backends.base.Backend` for the clauses it keeps.

    code               where a function's code is
    unpack             (zip, folder, cancelled=event) unpacks a package, or refuses it
    bytes_per_second   how fast packages are fetched; None: as fast as the disk is

    All of it happens on the clock's thread but fetching, unpacking and removing, which helper threads do.
    """

    freezes = True

    def __init__(
        self, clock: WallClock, store: Store, unpack: Callable[..., object], code: Callable[[FunctionSpec], Code],
        *, bytes_per_second: float | None = None,
    ) -> None:  # fmt: skip
        self.clock = clock
        self.store = store
        self.unpack = unpack
        self.code = code
        self.bytes_per_second = bytes_per_second
        self.home = Home()
        self.lifeline = Lifeline(self.home.folder)
        self.bodies: dict[Body, None] = {}
        self.watchman = Watchman(clock, self.bodies)
        self.helpers = Helpers(clock)
        self.closed = False
        self._zygotes: dict[tuple[str, ...], Zygote] = {}
        self._resting: dict[Body, None] = {}
        """Idle ones to be frozen, longest at rest first."""
        self._freezing = False

    # ---- boot

    def boot(self, instance: Instance, report: Report) -> None:
        """See `Backend`."""
        try:
            code = self.code(instance.function.spec)
        except UsageError as error:  # it names what cannot be packed
            self.clock.call_at(self.clock.now(), report.boot_ended, instance, refused(error))
            return
        body = Body(self, instance, report, code, self.home.room(instance.label))
        body.guest = self._guest(body)
        instance.world = body
        self.bodies[body] = None
        self.watchman.wake()
        self.clock.call_at(self.clock.now(), Boot(body).begin)

    def _guest(self, body: Body) -> Guest:
        if body.instance.function.spec.runtime == "custom":
            from fclab.backends.custom.guest import CustomGuest  # brings in HTTP, which only such functions need

            return CustomGuest(body)
        return PythonGuest(body)

    # ---- run

    def run(self, instance: Instance, attempt: Attempt, report: Report) -> None:
        """See `Backend`."""
        body: Body = instance.world  # type: ignore[assignment]
        if not self.watchman.awake:
            self.watchman.wake()
        body.guest.run(attempt, report)

    def cancel(self, attempt: Attempt, reason: str) -> None:
        """See `Backend`."""
        body = attempt.instance.world if attempt.instance is not None else None
        if isinstance(body, Body):
            attempt.memory_mb = body.used_mb
            body.guest.cancel(attempt, reason)
            if reason == "timeout":
                body.terminate()

    # ---- rest

    def freeze(self, instance: Instance, done: Callable[[], object]) -> None:
        """See `Backend`. It is frozen after `FREEZE_AFTER`, unless it is wanted before."""
        body = instance.world
        if isinstance(body, Body) and not body.over and not body.dead:
            if body.code.pre_freeze is not None:
                body.guest.hook(body.code.pre_freeze, partial(self._may_rest, body, done))
                return
            self._rest(body)
        done()

    def _may_rest(self, body: Body, done: Callable[[], object], outcome: Outcome | None) -> None:
        """The pre-freeze hook is over; that it failed is no reason not to freeze, that it ended the process is."""
        if body.over:
            return
        if outcome is not None:
            _log.info("the pre_freeze hook of %s failed: %s", body.instance.label, outcome.error)
            body.write(f"the pre_freeze hook failed: {outcome.payload.decode('utf-8', 'replace')}\n")
            if outcome.kind != "error":
                body.report.died(body.instance, outcome)
                return
        self._rest(body)
        done()

    def _rest(self, body: Body) -> None:
        body.rests = self.clock.now()
        self._resting[body] = None
        if not self._freezing:
            self._freezing = True
            self.clock.call_at(body.rests + FREEZE_AFTER, self._freeze)

    def _freeze(self) -> None:
        due = self.clock.now() - FREEZE_AFTER
        while self._resting:
            body = next(iter(self._resting))
            if body.rests > due:
                self.clock.call_at(body.rests + FREEZE_AFTER, self._freeze)
                return
            del self._resting[body]
            body.freeze()
        self._freezing = False

    def thaw(self, instance: Instance) -> None:
        """See `Backend`."""
        body: Body = instance.world  # type: ignore[assignment]
        self._resting.pop(body, None)
        if body.frozen:
            body.thaw()

    # ---- the end

    def stop(self, instance: Instance, hook: bool, done: Callable[[], object]) -> None:
        """See `Backend`."""
        body = instance.world
        if not isinstance(body, Body) or body not in self.bodies:
            done()
            return
        first = body.stop(done)
        self._resting.pop(body, None)
        if first and hook and body.code.pre_stop is not None and not body.dead:
            body.thaw()
            body.guest.hook(body.code.pre_stop, partial(self._stopped, body))
        else:
            body.finish()

    def _stopped(self, body: Body, outcome: Outcome | None) -> None:
        if outcome is not None:
            _log.info("the pre_stop hook of %s failed: %s", body.instance.label, outcome.error)
            body.write(f"the pre_stop hook failed: {outcome.payload.decode('utf-8', 'replace')}\n")
        body.finish()

    def bury(self, body: Body) -> None:
        """The process is over and its descriptors are closed: remove its room."""
        if not self.closed:  # then the whole home is removed at once; and where the interpreter is ending there are no helpers
            self.helpers.submit(body.room.remove, partial(self._buried, body))

    def _buried(self, body: Body, error: BaseException | None) -> None:
        self.bodies.pop(body, None)
        body.gone()

    def zygote(self, preload: tuple[str, ...]) -> Zygote:
        """The warmed interpreter for these modules, started now if there is none. Raises OSError."""
        zygote = self._zygotes.get(preload)
        if zygote is None or zygote.over:
            zygote = self._zygotes[preload] = Zygote(self.clock, self.lifeline, self.home, preload)
        return zygote

    def close(self) -> None:
        """End everything, here and now: processes, threads, descriptors, folders."""
        if self.closed:
            return
        self.closed = True
        for body in self.bodies:
            body.stop(lambda: None)
            body.called_off.set()
            if body.group is not None:
                body.group.kill()
        for zygote in self._zygotes.values():
            zygote.close()
        for body in self.bodies:
            group = body.group
            if isinstance(group, Child):
                group.reap()
            body.let_go()
        self.bodies.clear()
        self.helpers.close()
        self.home.remove()
        self.lifeline.close()
