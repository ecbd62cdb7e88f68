"""What belongs to one process stays its own when that forks: a child has copies of everything, and must leave files and locks alone."""

from __future__ import annotations

import os

from fclab.errors import WrongThread

__all__ = ["check", "keep_for_ever"]


def check(process: int) -> None:
    """Refuse to use in this process what `process` made. Raises `WrongThread`."""
    if os.getpid() != process:
        raise WrongThread("This lab lives in the process that this one was forked from.", hint="make a lab here, or use it there")


def keep_for_ever(thing: object) -> None:
    """Never finalize `thing` in this process, not even when the interpreter ends."""
    import ctypes  # only in a forked child of a process with a home

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))
