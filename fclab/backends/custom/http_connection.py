"""One connection to an HTTP server: a request at a time, written and read as the socket takes and gives."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import h11

from fclab.units import SECOND

if TYPE_CHECKING:
    from fclab.wall_clock import WallClock

__all__ = ["Connection", "HttpReply", "Trouble"]

REST_LIMIT = 1 * SECOND
"""µs a connection may rest and still be used again. Servers close theirs after 2 to 5 s, a frozen one as soon as it is thawed."""

_CHUNK = 1 << 18


@dataclass(frozen=True, slots=True)
class HttpReply:
    """An answer, whole. Header names are in lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there is no answer: `kind` is "refused" (nobody listens), "broken" (the connection, or the protocol) or "large"."""

    kind: str
    text: str


class Connection:
    """A connected socket.

    1. It never waits: what the socket does not take at once is written when it does.
    2. After `begin`, `ended(self, result)` is called once, never from within `begin`, unless it is closed before.
    3. By then it is `open` only if both sides are fine with another request.
    4. An answer of more than `most` bytes is given up.
    """

    __slots__ = (
        "_body", "_clock", "_ended", "_fd", "_head", "_http", "_most", "_out", "_rested", "_size", "_sock", "busy", "heard", "served",
    )  # fmt: skip

    def __init__(
        self, clock: WallClock, sock: socket.socket, most: int, ended: Callable[[Connection, HttpReply | Trouble], object]
    ) -> None:
        self._clock = clock
        self._sock = sock
        self._fd = sock.fileno()
        self._most = most
        self._ended = ended
        self._http = h11.Connection(h11.CLIENT)
        self._out: list[memoryview] = []
        self._head: h11.Response | None = None
        self._body: list[bytes] = []
        self._size = 0
        self._rested = clock.now()
        self.busy = False
        self.heard = False
        """Some of the present answer has come."""
        self.served = 0
        """Requests begun on it."""
        clock.watch(self._fd, self.read)

    @property
    def open(self) -> bool:
        """It is not closed from this side."""
        return self._fd >= 0

    def usable(self) -> bool:
        """It has not rested too long, and the server has neither closed it nor said what nobody asked for."""
        if self._fd < 0 or self._clock.now() - self._rested > REST_LIMIT:
            return False
        try:
            self._sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def begin(self, request: h11.Request, body: bytes) -> None:
        """Send a request whose headers say how long its body is."""
        self.busy, self.heard = True, False
        self.served += 1
        self._head, self._body, self._size = None, [], 0
        parts: list[bytes] = [self._http.send(request) or b""]
        if body:
            parts += self._http.send_with_data_passthrough(h11.Data(data=body)) or []
        self._http.send(h11.EndOfMessage())
        self._out = [memoryview(part) for part in parts]
        self._push()
        if self._out:
            self._clock.watch(self._fd, self.read, self._write)

    def _push(self) -> None:
        out = self._out
        while out:
            try:
                sent = self._sock.sendmsg(out)
            except BlockingIOError:
                return
            except OSError:  # the server reads no more; it may have answered all the same
                out.clear()
                return
            while out and sent >= len(out[0]):
                sent -= len(out.pop(0))
            if sent:
                out[0] = out[0][sent:]

    def _write(self) -> None:
        self._push()
        if not self._out:
            self._clock.watch(self._fd, self.read)

    def read(self) -> bool:
        """Take what has come; False if there is no more at present."""
        if self._fd < 0:
            return False
        try:
            data = self._sock.recv(_CHUNK)
        except BlockingIOError:
            return False
        except OSError as error:
            self._end(Trouble("broken", f"the server reset the connection ({error.strerror})"))
            return False
        if not self.busy:  # closed by the server, or it says what nobody asked for
            self.close()
            return False
        self.heard = self.heard or bool(data)
        try:
            self._http.receive_data(data)
            self._follow()
        except h11.RemoteProtocolError as error:
            how = "in mid-answer" if self.heard else "and did not answer"
            why = f"the server does not speak HTTP/1.1: {error}" if data else f"the server closed the connection {how}"
            self._end(Trouble("broken", why))
        return bool(data)

    def _follow(self) -> None:
        while self.busy:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                return
            if isinstance(event, h11.Response):
                self._head = event
            elif isinstance(event, h11.Data):
                self._body.append(bytes(event.data))
                self._size += len(event.data)
                if self._size > self._most:
                    self._end(Trouble("large", f"result size exceeds maximum allowed size ({self._most} bytes)"))
            elif isinstance(event, h11.EndOfMessage):
                assert self._head is not None
                headers = tuple((name.decode("ascii"), value.decode("latin-1")) for name, value in self._head.headers)
                self._end(HttpReply(self._head.status_code, headers, b"".join(self._body)))
            elif not isinstance(event, h11.InformationalResponse):
                self._end(Trouble("broken", "the server closed the connection and did not answer"))

    def _end(self, result: HttpReply | Trouble) -> None:
        """The request is over (clauses 2 and 3)."""
        if not self.busy:
            self.close()
            return
        self.busy = False
        self._body = []
        if isinstance(result, HttpReply) and not self._out and self._http.our_state is self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            self._rested = self._clock.now()
        else:
            self.close()
        self._ended(self, result)

    def close(self) -> None:
        """Let go of the socket."""
        if self._fd >= 0:
            self._clock.watch(self._fd)
            self._fd = -1
            self._out.clear()
            self._sock.close()
            self.busy = False
