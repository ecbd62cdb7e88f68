"""What ends every instance at the moment its lab's process ends, however that ends: a pipe whose closing kills.

The lab holds the only write end. Each process group gets a description of the read end of its own, set so that the kernel sends SIGKILL to
the whole group when there is something to report, and the only thing that is ever reported is that no writer is left. No code of the
group takes part in it, so it also ends what loops in C, ignores every signal, or is stopped.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import weakref
from contextlib import suppress
from pathlib import Path

from fclab.backends.process.strays import MARK

__all__ = ["Lifeline"]

_all: weakref.WeakSet[Lifeline] = weakref.WeakSet()
_SWEEP = """
trap '' HUP INT TERM
echo
exec >/dev/null
while read -r _; do :; done
tries=0
while [ -e "$1" ] && [ $tries -lt 100 ]; do
  for place in $(grep -laF -- "$2=$1/" /proc/[0-9]*/environ 2>/dev/null); do
    place=${place#/proc/}
    kill -9 "${place%/environ}" 2>/dev/null
  done
  rm -rf -- "$1" 2>/dev/null || sleep 0.1
  tries=$((tries + 1))
done
"""
"""Waits for the end of its input, which nobody writes to, ends what still runs in the folder, and removes that."""


class Lifeline:
    """One pipe a lab, and a small shell that removes the lab's folder if the lab itself cannot."""

    def __init__(self, folder: Path) -> None:
        self._read, self._write = os.pipe()
        _all.add(self)
        self._sweeper = subprocess.Popen(
            ["/bin/sh", "-c", _SWEEP, "sh", str(folder), MARK], stdin=self._read, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            cwd="/", env={"PATH": os.defpath}, process_group=0,
        )  # fmt: skip
        assert self._sweeper.stdout is not None
        with self._sweeper.stdout as ready:
            ready.read()  # from here on nothing but our end stops it

    def end(self) -> int:
        """A read end for one process group, as a descriptor to hand down and then close here."""
        return os.open(f"/proc/self/fd/{self._read}", os.O_RDONLY | os.O_CLOEXEC)

    def tie(self, end: int, group: int) -> None:
        """Let the group die with the lab from now on."""
        with suppress(ProcessLookupError):  # it is over already
            fcntl.fcntl(end, fcntl.F_SETSIG, signal.SIGKILL)
            fcntl.fcntl(end, fcntl.F_SETOWN, -group)
            fcntl.fcntl(end, fcntl.F_SETFL, fcntl.fcntl(end, fcntl.F_GETFL) | os.O_ASYNC)

    def close(self) -> None:
        """Let go: whatever is still tied dies. Returns when the folder is gone."""
        if self._write >= 0:
            self.forget()
            self._sweeper.wait()

    def forget(self) -> None:
        """Close both ends."""
        for fd in (self._write, self._read):
            with suppress(OSError):
                os.close(fd)
        self._write = self._read = -1


def _forget_all() -> None:
    """A copy of the lab's process is not the lab: it must not keep the instances alive."""
    for line in _all:
        if line._write >= 0:
            line.forget()


os.register_at_fork(after_in_child=_forget_all)
