"""The home folder: one lab at a time has it open."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakSet

from fclab import forks
from fclab.errors import UsageError
from fclab.queues.errors import HomeRefused

if TYPE_CHECKING:
    import sqlite3

__all__ = ["Folder"]


class Folder:
    """A home folder held by this lab, made if it is not there. Raises `HomeRefused` if another lab has it or it cannot be written.

    1. Two labs never hold one folder, in one process or in two, also if somebody removes the file of the lock.
    2. The hold ends with the process, however that ends: what a dead one leaves behind keeps nobody out.
    3. A child forked from this process does not keep it, and neither what happens there nor its end changes what is in it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        try:
            import fcntl
        except ImportError:
            raise UsageError("A lab with a home needs Linux or macOS.", hint="leave home= out") from None
        self.path = Path(path).resolve()
        self.process = os.getpid()
        self.connections: list[sqlite3.Connection] = []
        """Open ones to databases in it. SQLite does not know of forks: closing one in a child would delete the parent's log."""
        self._held: list[int] = []
        """Descriptors of the lock: the file that names its holder, and the folder itself, which stays when that file is removed."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = self._locked(fcntl.flock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._let_go()
            raise HomeRefused(
                f"the home {self.path} cannot be written: {error.strerror}.", hint="give another folder, or the right to write there"
            ) from error
        _holders.add(self)
        with suppress(OSError):  # a full disk: the name of the holder is a courtesy
            os.ftruncate(lock, 0)
            os.pwrite(lock, str(os.getpid()).encode(), 0)

    def _locked(self, flock: Callable[[int, int], None], how: int) -> int:
        """The file of the lock, held: the one that has its name by now, for another lab may have removed it while this one waited."""
        while True:
            lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            self._held.append(lock)
            self._take(lock, flock, how)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(lock), (self.path / "lock").stat()):
                    break
            self._let_go()
        folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._held.append(folder)
        self._take(folder, flock, how)
        return lock

    def _take(self, fd: int, flock: Callable[[int, int], None], how: int) -> None:
        try:
            flock(fd, how)
        except OSError as error:
            holder = os.pread(self._held[0], 20, 0).decode("ascii", "replace").strip()
            self._let_go()
            if not isinstance(error, BlockingIOError):
                raise HomeRefused(f"the home {self.path} cannot be locked: {error.strerror}.", hint="choose a folder on a disk") from error
            who = "this process" if holder == str(os.getpid()) else f"process {holder}" if holder else "another process"
            raise HomeRefused(
                f"the home {self.path} is open in another lab, of {who}.", hint="close that lab, or give this one another folder"
            ) from None

    def close(self) -> None:
        """Let others have it, also if a child was forked this very moment."""
        if self._held:
            import fcntl

            for fd in self._held:
                fcntl.flock(fd, fcntl.LOCK_UN)
            self._let_go()

    def _let_go(self) -> None:
        _holders.discard(self)
        while self._held:
            os.close(self._held.pop())


_holders: WeakSet[Folder] = WeakSet()


def _forked() -> None:
    for folder in list(_holders):
        folder._let_go()
        for connection in folder.connections:
            forks.keep_for_ever(connection)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
