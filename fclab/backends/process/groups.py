"""The process group of an instance: started in a room of its own, signalled as one, counted, and buried."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fclab.backends.process.lifeline import Lifeline
    from fclab.wall_clock import WallClock

__all__ = ["Child", "Group", "descendants", "limit", "resident_kb", "spawn"]

_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024
_MB = 1 << 20


class Group:
    """A leader and what it started.

    1. `ended(status)` is called once, on the engine's thread, when the leader has ended and been reaped; the status is that of `waitpid`.
    2. No signal is sent after that: the number may be somebody else's by then.
    """

    def __init__(self, pid: int, ended: Callable[[int], object]) -> None:
        self.pid = pid
        self.status: int | None = None
        self._ended = ended

    def signal(self, number: int) -> None:
        """Send a signal to every process of the group (clause 2)."""
        if self.status is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    def kill(self) -> None:
        """End all of it, also what has left the group but not the family."""
        if self.status is None:
            strays = [pid for pid in descendants(self.pid) if pid != self.pid]
            self.signal(signal.SIGKILL)
            for pid in strays:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)

    def buried(self, status: int) -> None:
        """The leader was reaped."""
        if self.status is None:
            self.status = status
            self._ended(status)


class Child(Group):
    """A group whose leader is this process's child."""

    def __init__(self, clock: WallClock, popen: subprocess.Popen[bytes], ended: Callable[[int], object]) -> None:
        super().__init__(popen.pid, ended)
        self._clock = clock
        self._popen = popen
        self._fd = os.pidfd_open(popen.pid)
        clock.watch(self._fd, self._reap)

    def _reap(self) -> None:
        self.kill()  # what it left behind, while its number is still its own
        self._clock.watch(self._fd)
        os.close(self._fd)
        code = self._popen.wait()
        self.buried(-code if code < 0 else code << 8)

    def reap(self) -> None:
        """Wait for the end of a leader that was killed, here and now."""
        if self.status is None:
            self._reap()


def spawn(
    clock: WallClock, lifeline: Lifeline, command: Sequence[str], ended: Callable[[int], object], *, environment: Mapping[str, str],
    folder: Path, output: int, keep: Sequence[int] = (),
) -> Child:  # fmt: skip
    """Start a command as the leader of a new group that dies with the lab. `keep` are descriptors it inherits. Raises OSError.

    Not in a session of its own: there a frozen group would outlast a lab whose lifeline somebody holds open.
    """
    end = lifeline.end()
    try:
        popen = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, cwd=folder, pass_fds=(*keep, end),
            process_group=0,
        )  # fmt: skip
        lifeline.tie(end, popen.pid)
    finally:
        os.close(end)
    return Child(clock, popen, ended)


def limit(pid: int, memory_mb: int, threads: int) -> None:
    """Refuse single allocations far beyond the function's memory, and core dumps.

    RLIMIT_DATA counts what is reserved, stacks included, not what is used: hence generous. What is used is measured (`limits`).
    """
    most = (2 * memory_mb + 512 + 8 * (threads + 8)) * _MB
    with suppress(ProcessLookupError, PermissionError, ValueError):
        resource.prlimit(pid, resource.RLIMIT_DATA, (most, most))
        resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))


def descendants(pid: int) -> Iterator[int]:
    """`pid` and the processes it started, as far as they are still related."""
    yield pid
    with suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - ten times a second each
            with suppress(OSError), open(f"/proc/{pid}/task/{task}/children", "rb") as children:  # noqa: PTH123 - ten times a second each
                for child in children.read().split():
                    yield from descendants(int(child))


def resident_kb(pid: int) -> int:
    """KB of memory the process holds now; 0 if it is gone."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as statm:  # noqa: PTH123 - ten times a second each
            return int(statm.read().split()[1]) * _PAGE_KB
    except (OSError, IndexError):
        return 0
