"""Temporary folders whose owner holds a lock, so that what a killed one left can be told from what is in use.

1. A folder is in use while its lock is held, by this process or another; the system lets go of it when the last holder ends.
2. Only a folder of this user, with a free lock that is older than a minute, is stale: a younger one may be about to be locked.
3. Without POSIX locks nothing is stale.
"""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

__all__ = ["occupy", "remove_stale"]

_LOCK = "in-use"
_YOUNG_S = 60.0


def occupy(folder: Path) -> int | None:
    """Lock a new folder; it is in use until the descriptor returned is closed. None where there are no such locks."""
    return _locked(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL)


def remove_stale(new: Path, prefix: str) -> None:
    """Remove stale folders beside `new`, whose names begin with `prefix`. The age of a folder is counted up to the making of `new`."""
    try:
        made = (new / _LOCK).stat().st_mtime
        beside = [Path(entry.path) for entry in os.scandir(new.parent) if entry.name.startswith(prefix) and entry.name != new.name]
    except OSError:
        return
    for folder in beside:
        if _old(folder, made) and (lock := _locked(folder / _LOCK, os.O_RDWR)) is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _old(folder: Path, now: float) -> bool:
    try:
        facts, lock = folder.lstat(), (folder / _LOCK).lstat()
    except OSError:
        return False
    return stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.getuid() and stat.S_ISREG(lock.st_mode) and now - lock.st_mtime > _YOUNG_S


def _locked(path: Path, flags: int) -> int | None:
    """The descriptor of a lock that nobody else holds; None if it cannot be had."""
    try:
        import fcntl
    except ImportError:
        return None
    try:
        lock = os.open(path, flags, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock
