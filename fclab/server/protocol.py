"""HTTP on one connection: uvicorn's protocol over httptools, with limits, deadlines, and answers that leave in one write."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import httptools

__all__ = ["HEADERS_WITHIN", "MOST_HEADERS", "Protocol"]

HEADERS_WITHIN = 20.0
"""Seconds from a connection's start, or from a request's first byte, to the end of its headers."""
MOST_HEADERS = 64 << 10
"""Bytes of the request line and all headers."""


class Joined:
    """A transport that sends what is written in one turn of the loop in one piece. Closing sends it too."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Send `data`, with what comes in this turn."""
        if not self._pieces:
            self._loop.call_soon(self._flush)
        self._pieces.append(data)

    def _flush(self) -> None:
        pieces, self._pieces = self._pieces, []
        if pieces and not self._transport.is_closing():
            self._transport.write(b"".join(pieces))

    def close(self) -> None:
        """Send what is left, and close."""
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class Protocol(HttpToolsProtocol):
    """1. Headers are complete in time, or the connection is closed; they are not too large, or it is refused with 431.
    2. What is no HTTP is refused in the shape of every other error.
    3. A connection that rests is closed after uvicorn's keep-alive time.
    """

    parser: httptools.HttpRequestParser
    _deadline: asyncio.TimerHandle | None = None
    _seen = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there."""
        super().connection_made(Joined(transport, self.loop))  # type: ignore[arg-type]
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._stop_waiting()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._seen = 0
        self._stop_waiting()
        self._wait()

    def on_url(self, url: bytes) -> None:
        """A part of the request line."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """All headers are there."""
        self._stop_waiting()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Bytes of a request. Where the parser keeps them to itself, in the middle of a header, they count as well."""
        if self._deadline is not None:
            self._seen += len(data)
            if self._seen > 4 * MOST_HEADERS and not self.transport.is_closing():
                self._refuse(431, "RequestHeaderFieldsTooLarge", f"the headers exceed {MOST_HEADERS} bytes")
                return
        if not self.transport.is_closing():
            super().data_received(data)

    def send_400_response(self, msg: str) -> None:
        """It is no HTTP."""
        if self._seen > MOST_HEADERS:
            self._refuse(431, "RequestHeaderFieldsTooLarge", f"the headers exceed {MOST_HEADERS} bytes")
        else:
            self._refuse(400, "InvalidArgument", "this is no valid HTTP request")

    def _count(self, size: int) -> None:
        self._seen += size
        if self._seen > MOST_HEADERS:
            raise ValueError("the headers are too large")  # the parser stops, and send_400_response is called

    def _refuse(self, status: int, code: str, message: str) -> None:
        self._stop_waiting()
        body = json.dumps({"Code": code, "Message": message, "RequestId": ""}).encode()
        head = f"HTTP/1.1 {status} \r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _wait(self) -> None:
        self._deadline = self.loop.call_later(HEADERS_WITHIN, self.timeout_keep_alive_handler)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
