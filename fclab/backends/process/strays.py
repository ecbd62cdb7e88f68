"""Processes that have left their instance's group and family (`setsid`, a double fork), found by the environment they inherited."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

__all__ = ["MARK", "end_strays"]

MARK = "FC_FUNC_CODE_PATH"
"""The variable they are known by: the folder of an instance lies in the folder of its lab."""
_TRIES = 20
"""Looks, because what is being ended may have started something since the last one."""


def end_strays(folder: Path) -> None:
    """End every process whose code lies below `folder`. What cleans its environment on purpose is not found."""
    mark = f"{MARK}={folder}/".encode()
    for _ in range(_TRIES):
        found = [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if mark in _environment(pid)]  # noqa: PTH208
        if not found:
            return
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def _environment(pid: int) -> bytes:
    """Empty where there is none, or none to see: of the dead, and of others."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123 - many, each time an instance ends
            return file.read()
    except OSError:
        return b""
