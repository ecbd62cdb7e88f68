"""The folder of a lab of real processes: code packages, sandboxes of instances, logs."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from weakref import WeakSet

from fclab.errors import UsageError

__all__ = ["Home"]

_JANITOR = """
trap '' HUP INT TERM
echo
exec >/dev/null
while read -r _; do :; done
tries=0
while [ -e "$1" ] && [ $tries -lt 100 ]; do
  rm -rf -- "$1" 2>/dev/null || sleep 0.1
  tries=$((tries + 1))
done
"""
"""Waits until our end of its input closes, however that came about, and sweeps the folder; tries again while others still write there."""


class Home:
    """A temporary folder that goes with its lab.

    1. `close` leaves nothing of it.
    2. If this process ends without `close`, also by `kill -9`, a janitor removes it: a shell of its own group that nobody interrupts.
    3. A child forked from this process does not keep it alive.
    """

    def __init__(self) -> None:
        if os.name != "posix":
            raise UsageError("Real processes need Linux or macOS.", hint='Lab("virtual") works everywhere')
        self.folder = Path(tempfile.mkdtemp(prefix="fclab-")).resolve()
        for part in ("packages", "instances", "logs"):
            (self.folder / part).mkdir()
        waits, self._alive = os.pipe()
        try:
            self._janitor = subprocess.Popen(
                ["/bin/sh", "-c", _JANITOR, "fclab-janitor", str(self.folder)],
                stdin=waits, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/", process_group=0,
            )  # fmt: skip
        finally:
            os.close(waits)
        _open.add(self)
        assert self._janitor.stdout is not None
        with self._janitor.stdout as ready:
            ready.read()  # from here on nothing but our end stops it

    def close(self) -> None:
        """Remove the folder, and let the janitor go."""
        if self._alive >= 0:
            shutil.rmtree(self.folder, ignore_errors=True)
            self._let_go()
            self._janitor.wait()

    def _let_go(self) -> None:
        _open.discard(self)
        fd, self._alive = self._alive, -1
        with suppress(OSError):
            os.close(fd)


_open: WeakSet[Home] = WeakSet()


def _forked() -> None:
    for home in list(_open):
        home._let_go()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
