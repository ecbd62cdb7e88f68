"""Connecting to a server of this machine that may not listen yet, without waiting for it."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from fclab.backends.custom.ports import HOST

if TYPE_CHECKING:
    from fclab.wall_clock import WallClock

__all__ = ["Dial"]

_AGAIN = 4_000
"""µs between two tries."""


class Dial:
    """Tries until it works, or until `until` (µs; None: for ever).

    1. One of `opened(socket)` and `refused()` is called once, from the loop, unless `close` comes before.
    """

    __slots__ = ("_clock", "_opened", "_port", "_refused", "_sock", "_timer", "_until")

    def __init__(
        self, clock: WallClock, port: int, opened: Callable[[socket.socket], object], refused: Callable[[], object] = lambda: None,
        until: int | None = None,
    ) -> None:  # fmt: skip
        self._clock = clock
        self._port = port
        self._opened = opened
        self._refused = refused
        self._until = until
        self._sock: socket.socket | None = None
        self._timer = clock.call_at(clock.now(), self._try)

    def _try(self) -> None:
        self._sock = sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = sock.connect_ex((HOST, self._port))
        if code == errno.EINPROGRESS:
            self._clock.watch(sock.fileno(), None, self._decided)
        else:
            self._tried(sock, code)

    def _decided(self) -> None:
        sock = self._sock
        assert sock is not None
        self._clock.watch(sock.fileno())
        self._tried(sock, sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

    def _tried(self, sock: socket.socket, code: int) -> None:
        self._sock = None
        if not code and _other(sock):
            self._opened(sock)
            return
        sock.close()
        if self._until is not None and self._clock.now() >= self._until:
            self._refused()
        else:
            self._clock.call_again(self._timer, self._clock.now() + _AGAIN)

    def close(self) -> None:
        """Give up."""
        self._timer.cancel()
        if self._sock is not None:
            self._clock.watch(self._sock.fileno())
            self._sock.close()
            self._sock = None


def _other(sock: socket.socket) -> bool:
    """There is somebody else at the other end: where nobody listens, a socket can end up connected to itself."""
    with suppress(OSError):
        return bool(sock.getsockname() != sock.getpeername())
    return False
