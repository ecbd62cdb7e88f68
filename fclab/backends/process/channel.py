"""The platform's end of an instance's socket: never waits, gives whole frames, and believes nothing the other end says."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from fclab.backends.process.inside.wire import HEAD, MOST_BODY, split

if TYPE_CHECKING:
    from fclab.wall_clock import WallClock

__all__ = ["Channel", "Nonsense"]

Received = Callable[[int, int, int, list[bytes]], object]
_CHUNK = 1 << 16
_HEAD = HEAD.size
_AT_ONCE = 256
"""Frames written with one call."""


class Nonsense(Exception):
    """The other end broke the protocol."""


class Channel:
    """One socket.

    1. `send` never waits. What is sent in one turn of the clock goes out together at its end, and what the socket does not take then
       when it does.
    2. `received(kind, request, number, fields)` is called for each whole frame, in order, never from within `send`.
       It raises `Nonsense` if the frame makes none.
    3. `ended(why)` is called once, never from within `send`: "" when the other end is closed, else how it broke the protocol. After that,
       and after `close`, nothing is called.
    """

    __slots__ = ("_clock", "_due", "_full", "_in", "_out", "_wanted", "ended", "fd", "received", "sock")

    def __init__(self, clock: WallClock, sock: socket.socket, received: Received, ended: Callable[[str], object]) -> None:
        self._clock = clock
        self._in = bytearray()
        """The beginning of a frame."""
        self._wanted = 0
        """Bytes of which it can be told more: its whole head, or all of it."""
        self._out: list[bytes | memoryview] = []
        self._due = False
        """What is to go out will be written, at the end of the turn or when the socket takes it."""
        self._full = False
        """The socket did not take all there was."""
        self.sock = sock
        self.fd = sock.fileno()
        self.received = received
        self.ended = ended
        sock.setblocking(False)
        clock.watch(self.fd, self.read)

    def send(self, frame: bytes) -> None:
        """Have a frame written (clause 1)."""
        if self.fd >= 0:
            self._out.append(frame)
            if not self._due:
                self._due = True
                self._clock.last(self._write)

    def _write(self) -> None:
        out = self._out
        if self.fd < 0:
            return
        try:
            sent = os.write(self.fd, out[0]) if len(out) == 1 else os.writev(self.fd, out[:_AT_ONCE])
        except BlockingIOError:
            sent = 0
        except OSError:  # the other end is gone: `read` says so
            out.clear()
        while out and sent >= len(out[0]):
            sent -= len(out.pop(0))
        if out:
            out[0] = memoryview(out[0])[sent:]
        else:
            self._due = False
        if bool(out) is not self._full:
            self._full = not self._full
            self._clock.watch(self.fd, self.read, self._write if self._full else None)

    def read(self) -> None:
        """Take what has come."""
        if self.fd < 0:
            return
        try:
            data = os.read(self.fd, _CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._over("")
            return
        try:
            self._parse(data)
        except Nonsense as error:
            self._over(str(error))

    def _parse(self, data: bytes) -> None:
        held = self._in
        if held:
            held += data
            if len(held) < self._wanted:
                return
            data = bytes(held)
            held.clear()
        at, there, wanted = 0, len(data), _HEAD
        while there - at >= _HEAD:
            kind, request, number, size = HEAD.unpack_from(data, at)
            if size > MOST_BODY:
                raise Nonsense(f"a frame of {size} bytes, {MOST_BODY} are allowed")
            end = at + _HEAD + size
            if end > there:
                wanted = end - at
                break
            try:
                fields = split(data, at + _HEAD, end)
            except ValueError as error:
                raise Nonsense(str(error)) from None
            at = end
            self.received(kind, request, number, fields)
            if self.fd < 0:
                return
        if at < there:
            held += data[at:]
            self._wanted = wanted

    def drain(self) -> None:
        """Take all that has come, now that the other end writes no more."""
        while self.fd >= 0:
            try:
                data = os.read(self.fd, _CHUNK)
            except OSError:
                return
            if not data:
                return
            try:
                self._parse(data)
            except Nonsense:
                return

    def _over(self, why: str) -> None:
        if self.fd >= 0:
            self.close()
            self.ended(why)

    def close(self) -> None:
        """Let go of the socket."""
        if self.fd >= 0:
            self._clock.watch(self.fd)
            self.fd = -1
            self._in.clear()
            self._out.clear()
            self.sock.close()
