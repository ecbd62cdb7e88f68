"""HTTP to a server on this machine, from within the engine's loop: many requests at once, no thread, and nothing ever waits."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import h11

from fclab.backends.custom.dial import Dial
from fclab.backends.custom.http_connection import Connection, HttpReply, Trouble
from fclab.units import SECOND

if TYPE_CHECKING:
    from fclab.wall_clock import WallClock

__all__ = ["BadRequest", "Exchange", "HttpClient", "HttpRequest"]

DIAL_LIMIT = 1 * SECOND
"""µs that a server which has listened before may refuse connections: one that handles a connection a process does, in between."""

_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class BadRequest(ValueError):
    """What was to be sent is no HTTP request."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """`target` is path and query as they stand in the request line; `headers` lack those about length and connection."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def with_headers(self, more: tuple[tuple[str, str], ...]) -> HttpRequest:
        """The same request with more headers."""
        return replace(self, headers=self.headers + more)


class Exchange:
    """One request under way."""

    __slots__ = ("done", "event", "repeated", "request", "way")

    def __init__(self, request: HttpRequest, event: h11.Request, done: Callable[[HttpReply | Trouble], object]) -> None:
        self.request = request
        self.event = event
        self.done = done
        self.way: Connection | Dial | None = None
        """What carries it at present."""
        self.repeated = False


class HttpClient:
    """Talks to the server on one port.

    1. `done` is called once a request, never from within `send`, with the answer or what went wrong; after `cancel` and `close` never.
    2. Connections are opened as needed, and used again if both sides are fine with that and they have not rested too long.
    3. A request of an idempotent method is sent once more if a connection that was used before breaks before a byte of the answer came
       (what Function Compute documents); any other is not, since the server may have acted on it.
    """

    def __init__(self, clock: WallClock, port: int, most: int) -> None:
        self._clock = clock
        self._port = port
        self._most = most
        self._ways: dict[Connection | Dial, Exchange | None] = {}
        """What is being opened, or carries a request, and which."""
        self._resting: list[Connection] = []

    def wait(self, listening: Callable[[], object]) -> None:
        """Call `listening` once the server accepts connections, however long that takes.

        The connection is kept for the first request: to a server that serves one connection at a time, one without a request is in the way.
        """

        def opened(sock: socket.socket) -> None:
            del self._ways[dial]
            self._resting.append(self._connection(sock))
            listening()

        self._ways[dial := Dial(self._clock, self._port, opened)] = None

    def send(self, request: HttpRequest, done: Callable[[HttpReply | Trouble], object]) -> Exchange:
        """Send a request. Raises `BadRequest` for what cannot be one."""
        headers = [*request.headers, ("content-length", str(len(request.body)))]
        try:
            event = h11.Request(method=request.method, target=request.target, headers=headers)
        except (h11.LocalProtocolError, UnicodeEncodeError) as error:
            raise BadRequest(str(error)) from None
        exchange = Exchange(request, event, done)
        while self._resting:
            connection = self._resting.pop()
            if connection.usable():
                self._begin(connection, exchange)
                return exchange
            connection.close()
        self._dial(exchange)
        return exchange

    def _dial(self, exchange: Exchange) -> None:
        def opened(sock: socket.socket) -> None:
            del self._ways[dial]
            self._begin(self._connection(sock), exchange)

        def refused() -> None:
            del self._ways[dial]
            exchange.done(Trouble("refused", f"nothing accepts connections on port {self._port}"))

        exchange.way = dial = Dial(self._clock, self._port, opened, refused, self._clock.now() + DIAL_LIMIT)
        self._ways[dial] = exchange

    def _connection(self, sock: socket.socket) -> Connection:
        return Connection(self._clock, sock, self._most, self._ended)

    def _begin(self, connection: Connection, exchange: Exchange) -> None:
        exchange.way = connection
        self._ways[connection] = exchange
        connection.begin(exchange.event, exchange.request.body)

    def _ended(self, connection: Connection, result: HttpReply | Trouble) -> None:
        exchange = self._ways.pop(connection)
        assert exchange is not None
        exchange.way = None
        if connection.open:
            self._resting.append(connection)
        stale = isinstance(result, Trouble) and connection.served > 1 and not connection.heard
        if stale and not exchange.repeated and exchange.request.method in _REPEATABLE:
            exchange.repeated = True
            self._dial(exchange)
        else:
            exchange.done(result)

    def cancel(self, exchange: Exchange) -> None:
        """Forget a request; the server sees its connection close."""
        if exchange.way is not None:
            exchange.way.close()
            self._ways.pop(exchange.way, None)

    def drain(self) -> None:
        """The server is over: take what it still answered."""
        for way in [*self._ways]:
            while isinstance(way, Connection) and way.busy and way.read():
                pass

    def close(self) -> None:
        """Close all connections."""
        ways: list[Connection | Dial] = [*self._ways, *self._resting]
        self._ways.clear()
        self._resting.clear()
        for way in ways:
            way.close()
