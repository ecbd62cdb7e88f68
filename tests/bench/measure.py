"""What every tool's process uses to measure itself and to say what it found. Standard library only."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

__all__ = ["Meter", "peak_bytes", "resident_bytes"]


def _status(field: str) -> int | None:
    """What Linux says of this process in `field`, in bytes; None where nobody says it."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    lines = status.read_text(encoding="ascii").splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:")), None)


def peak_bytes() -> int:
    """The most memory this process ever had, in bytes; 0 where the system does not say. `ru_maxrss` alone may count its parent's."""
    peak = _status("VmHWM")
    if peak is not None:
        return peak
    try:
        import resource
    except ImportError:
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def resident_bytes() -> int:
    """The memory this process has now, in bytes; its peak where the system does not say."""
    resident = _status("VmRSS")
    return peak_bytes() if resident is None else resident


class Meter:
    """Measures from its making to `stop`: seconds of processor and of wall, and memory.

    Rates are per second of processor time: every tool here is one thread that waits for nothing, so on an idle machine both are
    the same, and on a busy one only the wall clock counts the neighbours.
    """

    def __init__(self) -> None:
        self.base = resident_bytes()
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        self.cpu = self.wall = 0.0
        self.peak = 0

    def stop(self) -> None:
        """The work is done."""
        self.cpu = time.process_time() - self._cpu
        self.wall = time.perf_counter() - self._wall
        self.peak = peak_bytes()

    @property
    def elapsed(self) -> float:
        """Seconds of processor time so far."""
        return time.process_time() - self._cpu

    def report(self, done: int, **figures: object) -> None:
        """Print one line of JSON: the measurement of `done` invocations, and what came out."""
        measured = {"done": done, "cpu": self.cpu, "wall": self.wall, "peak": self.peak, "grown": self.peak - self.base}
        print(json.dumps({**measured, **figures}), flush=True)
