"""Ports of this machine for servers that the lab starts: free ones, and whether a given one is."""

from __future__ import annotations

import socket

__all__ = ["HOST", "claim", "is_free", "release"]

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
