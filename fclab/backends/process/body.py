"""The machine's side of one instance: its room, its process group, what that prints, and whether it is frozen."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from fclab.backends.process.groups import Group, limit, spawn
from fclab.backends.process.inside.wire import MOST_LOG, UNREACHABLE
from fclab.engine.failures import process_ended

if TYPE_CHECKING:
    from pathlib import Path

    from fclab.backends.base import Report
    from fclab.backends.process.backend import ProcessBackend
    from fclab.backends.process.guests import Code, Done, Guest
    from fclab.backends.process.home import Room
    from fclab.backends.process.zygotes import Zygote
    from fclab.engine.instance import Instance
    from fclab.engine.rows import Outcome

__all__ = ["DRAIN", "GRACE", "Body"]

GRACE = 200_000
"""µs between asking a group to end (SIGTERM: its stacks are dumped to the log) and ending it."""
DRAIN = 1_000_000
"""µs a server at rest has to end in order."""
_SETTLE = 10_000
"""µs from thawing a group to asking it to end. At once, any of its threads might get the signal, and in some languages only the first one
acts on it without delay."""
_HANG_UP = 50_000
"""µs an instance may go on after it closed its socket: how long an exit takes at most."""
_CHUNK = 1 << 16


class Body:
    """One instance's process group, from the first folder to the last.

    1. After `stop` it tells nobody anything but, once and last, that nothing is left of it.
    2. When its leader ends, what it said and printed before is taken first; then whoever waits alone is told, or else the engine.
    3. Its log holds what belongs to no request, up to `MOST_LOG` characters.
    """

    guest: Guest

    def __init__(self, world: ProcessBackend, instance: Instance, report: Report, code: Code, room: Room) -> None:
        from threading import Event

        self.world = world
        self.clock = world.clock
        self.instance = instance
        self.report = report
        self.code = code
        self.room = room
        self.group: Group | None = None
        self.log: list[str] = []
        self._left = MOST_LOG
        self.frozen = False
        self.over = False
        self.pending = 0
        """Things under way elsewhere that come back: work on a helper thread, a fork."""
        self.used_mb = 0.0
        self.rests = 0
        """When it came to rest, in µs."""
        self.called_off = Event()
        """Set once the work of helper threads is not wanted any more."""
        self._doomed: Outcome | None = None
        self._terminated = False
        self._drained = False
        self._stopped: Callable[[], object] | None = None
        self._buried = False
        self._out = -1

    # ---- life

    @property
    def busy(self) -> bool:
        """There is a process, and something is under way in it."""
        return self.group is not None and self.group.status is None and self.guest.busy

    @property
    def dead(self) -> bool:
        """There was a process, and it is over."""
        return self.group is not None and self.group.status is not None

    def spawn(
        self, command: Sequence[str], environment: Mapping[str, str], keep: Sequence[int] = (), folder: Path | None = None
    ) -> None:
        """Start a fresh process in `folder`, or else in its room. Raises OSError."""
        output = self._outlet()
        try:
            group = spawn(
                self.clock, self.world.lifeline, command, self._ended, environment=environment, folder=folder or self.room.folder,
                output=output, keep=keep,
            )  # fmt: skip
        finally:
            os.close(output)
        self._live(group)

    def fork(self, zygote: Zygote, sock: int, failed: Done) -> None:
        """Let a zygote fork it; `failed` is called, later, if it cannot."""
        output, end = self._outlet(), self.world.lifeline.end()

        def forked(pid: int) -> None:
            self.pending -= 1
            if pid:
                group = Group(pid, self._ended)
                self.world.lifeline.tie(end, pid)
                self._live(group)
                zygote.adopt(group)
            os.close(end)
            if self.over:
                self.finish()
            elif not pid:
                failed(process_ended("its zygote ended"))

        self.pending += 1
        zygote.fork((sock, output, end), forked)
        os.close(output)

    def _live(self, group: Group) -> None:
        self.group = group
        spec = self.instance.function.spec
        limit(group.pid, spec.memory_mb, spec.concurrency)

    def _ended(self, status: int) -> None:
        """The leader was reaped (clause 2)."""
        if self.over:
            self.finish()
            return
        self.guest.drain()
        self.take_output(all_of_it=True)
        outcome = self._doomed or process_ended(_words(status))
        if not self.guest.ended(outcome):
            self.report.died(self.instance, outcome)

    def end(self, outcome: Outcome) -> None:
        """End it for a reason of the platform's own."""
        if self.group is not None and not self.over and self._doomed is None:
            self._doomed = outcome
            self.group.kill()

    def hung_up(self, why: str) -> None:
        """Its socket was closed: by its end, or by code that went on; or it broke the protocol."""
        if why:
            self.end(process_ended(f"it broke the protocol: {why}"))
        elif not self.over and not self.dead:
            closed = process_ended("it closed its connection to the platform")
            self.clock.call_at(self.clock.now() + _HANG_UP, self.end, closed)

    def terminate(self) -> None:
        """Ask it to end: its stacks go to the log first."""
        if self.group is not None and not self._terminated:
            self._terminated = True
            self.group.signal(signal.SIGTERM)

    # ---- frozen and thawed

    def freeze(self) -> None:
        """Stop the group where it stands."""
        if self.group is not None and not self.frozen:
            self.frozen = True
            self.group.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        if self.group is not None and self.frozen:
            self.frozen = False
            self.group.signal(signal.SIGCONT)

    # ---- what it prints

    def write(self, text: str) -> None:
        """Add to the instance's log (clause 3)."""
        if self._left > 0:
            kept = text[: self._left]
            self._left -= len(text)
            kept += "\n[log cut]\n" * (self._left <= 0)
            self.log.append(kept)
            self.report.printed(self.instance, kept)

    def _outlet(self) -> int:
        """The write end of a pipe for its standard output and error, to hand down and then close here."""
        self._close_output()  # of a process before, whose end it has outlived
        self._out, end = os.pipe()
        os.set_blocking(self._out, False)
        self._printed = select.poll()
        self._printed.register(self._out, select.POLLIN)
        self.clock.watch(self._out, self.take_output)
        return end

    def take_output(self, all_of_it: bool = False) -> None:
        """Take what was printed; of a flood, no more at once than one piece."""
        while self._out >= 0 and self._printed.poll(0):  # a third of what a read costs that finds nothing
            data = os.read(self._out, _CHUNK)
            if not data:
                self._close_output()
                return
            self.guest.printed(data.decode("utf-8", "replace"))
            if not all_of_it:
                return

    def _close_output(self) -> None:
        if self._out >= 0:
            self.clock.watch(self._out)
            os.close(self._out)
            self._out = -1

    # ---- the end

    def stop(self, stopped: Callable[[], object]) -> bool:
        """Nobody wants it any more; `stopped` is called when nothing is left. False if it was said before."""
        first, self.over = not self.over, True
        self._stopped = stopped
        return first

    def finish(self) -> None:
        """Go on to the end: end the group, then leave nothing behind."""
        self.called_off.set()
        if self.group is not None and self.group.status is None:
            if self.guest.drains and self._doomed is None and not self._drained:
                self._drain(self.group)
            elif self._terminated and self._doomed is None:
                self._terminated = False
                self.clock.call_at(self.clock.now() + GRACE, self.group.kill)
            else:
                self.group.kill()
        elif not self.pending and not self._buried:
            self._buried = True
            self.take_output(all_of_it=True)
            self.let_go()
            self.world.bury(self)

    def _drain(self, group: Group) -> None:
        """Let it end in order, then end it."""
        self._drained = True
        self.guest.close()
        at = self.clock.now() + (_SETTLE if self.frozen else 0)
        self.thaw()
        self.clock.call_at(at + (GRACE if self._terminated else DRAIN), group.kill)
        self.clock.call_at(at, self.terminate)

    def let_go(self) -> None:
        """Close its descriptors."""
        self.guest.close()
        self._close_output()

    def gone(self) -> None:
        """Nothing is left (clause 1)."""
        stopped, self._stopped = self._stopped, None
        if stopped is not None:
            stopped()


def _words(status: int) -> str:
    """A status of `waitpid` as people say it."""
    code = os.waitstatus_to_exitcode(status)
    if code == UNREACHABLE:
        return "it closed its connection to the platform"
    if code >= 0:
        return f"exit code: {code}"
    name = f"signal {-code}"
    with suppress(ValueError):
        name = signal.Signals(-code).name
    return f"killed by {name}"
