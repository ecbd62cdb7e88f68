"""Frames: the words that the platform and an instance exchange over one socket, and the instance's end of it.

A frame is a head of fixed form (kind, request, number, size of what follows) and then fields, each a length and so many bytes. What the
fields of each kind are stands where it is packed. The platform imports this module too, so there is one definition of the protocol.
"""

import _thread
import os
from _struct import Struct

__all__ = [
    "CALL", "DONE", "EXITED", "FAILED", "FORK", "FORKED", "HEAD", "HOOK", "HOOKED", "LOG", "MOST_BODY", "MOST_LOG", "MOST_RESULT", "READY",
    "REPLY", "RUN", "SETUP", "UNREACHABLE", "USE", "Wire", "pack", "split",
]  # fmt: skip

HEAD = Struct("<BIqI")
_LENGTH = Struct("<I")

SETUP, RUN, HOOK, REPLY, FORK = range(1, 6)
"""To the instance, or its zygote: who you are; a request; a hook by name; another function's answer; a new instance."""
READY, DONE, FAILED, LOG, CALL, HOOKED, FORKED, EXITED, USE = range(11, 20)
"""From it: loaded, or how not; a result; a failure; a piece of log; a call of another function; a hook's end, well or not; a new
instance's process; its end; a verb of one of the lab's sources."""

MOST_RESULT = 32 << 20
"""Bytes a handler may return; as much as a request may carry (the product names no other limit)."""
MOST_BODY = MOST_RESULT + (4 << 20)
"""Bytes a frame may have after its head: the largest payload, and what goes with it. A peer that says more has broken the protocol."""
UNREACHABLE = 70
"""The exit code of an instance whose socket was closed under it."""
MOST_LOG = 1 << 20
"""Characters of log kept of one request, and of an instance outside requests."""


def pack(kind: int, request: int, number: int, *fields: bytes) -> bytes:
    """One frame."""
    parts = [b""]
    size = 0
    for field in fields:
        length = len(field)
        size += length + 4
        parts += (_LENGTH.pack(length), field)
    parts[0] = HEAD.pack(kind, request, number, size)
    return b"".join(parts)


def split(data: "bytes | memoryview", at: int, end: int) -> "list[bytes]":
    """The fields between `at` and `end`. Raises ValueError if they do not fill that room exactly."""
    fields = []
    while at < end:
        if end - at < 4:
            raise ValueError("a frame's field is cut")
        length = _LENGTH.unpack_from(data, at)[0]
        at += 4
        field = data[at : at + length]
        fields.append(field if type(field) is bytes else bytes(field))
        at += length
    if at != end:
        raise ValueError("a frame's field is longer than the frame")
    return fields


class Wire:
    """The instance's end of the socket: blocking, whole frames, written by one thread at a time."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.lock = _thread.allocate_lock()
        self._rest = b""
        self._kept: list[bytes] = []

    def next(self) -> "tuple[int, int, int, list[bytes]]":
        """The next frame: kind, request, number, fields. Raises EOFError when the platform is gone."""
        data = self._rest
        while len(data) < 17:
            data += self._read(65536)
        kind, request, number, size = HEAD.unpack_from(data)
        end = 17 + size
        if len(data) < end:
            whole = bytearray(data)
            while len(whole) < end:
                whole += self._read(min(end - len(whole), 1 << 20))
            data = bytes(whole)
        self._rest = data[end:]
        return kind, request, number, split(data, 17, end)

    def frames(self, data: bytes) -> "list[tuple[int, int, int, list[bytes]]]":
        """The frames that `data`, read by somebody else, begins; what is missing of the last is waited for."""
        if not data:
            raise EOFError
        self._rest = data
        frames = []
        while self._rest:
            frames.append(self.next())
        return frames

    def _read(self, most: int) -> bytes:
        try:
            data = os.read(self.fd, most)
        except OSError:
            data = b""
        if not data:
            raise EOFError
        return data

    def send(self, frame: bytes) -> None:
        """Write one frame, after those that were kept."""
        with self.lock:
            if self._kept:
                frame = b"".join((*self._kept, frame))
                self._kept.clear()
            sent = os.write(self.fd, frame)
            while sent < len(frame):
                sent += os.write(self.fd, memoryview(frame)[sent:])

    def keep(self, frame: bytes) -> None:
        """Write one frame with the next, or when `flush` says so."""
        with self.lock:
            self._kept.append(frame)

    def flush(self) -> None:
        """Write what was kept."""
        if self._kept:
            self.send(b"")
