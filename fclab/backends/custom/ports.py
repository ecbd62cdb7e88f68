"""Ports of this machine for servers that the lab starts: free ones, and whether a given one is."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

__all__ = ["HOST", "claim", "is_free", "listens", "release"]

HOST = "127.0.0.1"
"""Where instances are reached. Servers may listen on all addresses, as the product asks them to."""

_claimed: set[int] = set()
"""Ports handed out and not given back, of all labs in this process: a server takes a while until it listens, and meanwhile the machine
would say that its port is free. Only whole steps under the interpreter's lock touch it."""


def claim() -> int:
    """A free port that nobody else gets from here until `release`. Another program may still be faster than the server."""
    while True:
        with socket.socket() as sock:
            sock.bind((HOST, 0))
            port: int = sock.getsockname()[1]
        if port not in _claimed:
            _claimed.add(port)
            return port


def release(port: int) -> None:
    """Give a claimed port back; nothing happens if it was not claimed."""
    _claimed.discard(port)


def is_free(port: int) -> bool:
    """Nobody listens on the port; False also if this user may not."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what old connections left behind does not count
        try:
            sock.bind((HOST, port))
        except OSError:
            return False
    return True


def listens(port: int, pids: Iterable[int]) -> bool:
    """One of these processes listens on the port; also True if the machine does not say who does."""
    sockets = {f"socket:[{inode}]" for table in ("tcp", "tcp6") for inode in _listeners(Path("/proc/net") / table, port)}
    return not sockets or any(_holds(pid, sockets) for pid in pids)


def _listeners(table: Path, port: int) -> Iterable[str]:
    """The inodes of listening sockets, by the kernel's table: state 0A is LISTEN, the port is in hexadecimal."""
    with suppress(OSError):
        for line in table.read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]


def _holds(pid: int, sockets: set[str]) -> bool:
    with suppress(OSError), os.scandir(f"/proc/{pid}/fd") as descriptors:
        for fd in descriptors:
            with suppress(OSError):
                if os.readlink(fd.path) in sockets:  # noqa: PTH115 - some hundred of them
                    return True
    return False
