"""A request as it arrived, and what is asked of it before any face looks: where it came from, and how much of it there is."""

from __future__ import annotations

import asyncio
import itertools
import re
import secrets
import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope

from fclab.server.refusals import Refused
from fclab.sources.http.signature import Message

__all__ = ["PATIENCE", "SLOWEST", "Arrived", "Origins"]

PATIENCE, SLOWEST = 30.0, 64 << 10
"""A body must have arrived within so many seconds, and one more for each so many bytes of it."""
_LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}
_VENDOR = re.compile(r"[a-z0-9.-]+\.aliyuncs\.com")
"""Some clients name a host of the vendor's whatever their endpoint is. No web page can make its own host look like one."""
_IDS = itertools.count(1)
_RANDOM = secrets.token_hex(4)


class Arrived:
    """One request. `path` and `query` are as sent; `headers` by lower-case name, several of one name sorted and joined by a comma."""

    __slots__ = ("_request", "headers", "method", "path", "query", "request_id")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._request = Request(scope, receive)
        self.method: str = scope["method"]
        self.path: str = scope["raw_path"].decode("latin-1")
        self.query: str = scope["query_string"].decode("latin-1")
        self.headers: dict[str, str] = {}
        several: dict[str, list[str]] = {}
        for raw, value in scope["headers"]:
            name, text = raw.decode("latin-1"), value.decode("latin-1").strip()
            if name in self.headers:
                several.setdefault(name, [self.headers[name]]).append(text)
            self.headers[name] = text
        for name, texts in several.items():
            self.headers[name] = ",".join(sorted(texts))
        self.request_id = f"1-{int(time.time()):08x}-{_RANDOM}{next(_IDS):016x}"
        """Of the answer, unless the platform gives the request one of its own."""

    async def body(self, most: int) -> bytes:
        """All of its body, at most `most` bytes. Raises `Refused`: EntityTooLarge, RequestTimeout, ClientClosedRequest."""
        parts = [part async for part in self.stream(most)]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def stream(self, most: int) -> AsyncIterator[bytes]:
        """Its body piece by piece; the same limits."""
        length, seen = self.headers.get("content-length", "0"), 0
        if length.isdigit() and int(length) > most:
            raise self._too_large(most)
        parts, end = self._request.stream(), asyncio.get_running_loop().time() + PATIENCE
        while True:
            try:
                async with asyncio.timeout_at(end + seen / SLOWEST):
                    part = await anext(parts, None)
            except TimeoutError:
                raise Refused(408, "RequestTimeout", "the body arrives too slowly", close=True) from None
            except ClientDisconnect:
                raise Refused(499, "ClientClosedRequest", "the client has gone", close=True) from None
            if part is None:
                return
            seen += len(part)
            if seen > most:
                raise self._too_large(most)
            if part:
                yield part

    @staticmethod
    def _too_large(most: int) -> Refused:
        return Refused(400, "EntityTooLarge", f"payload size exceeds maximum allowed size ({most} bytes)", close=True)

    def message(self, body: bytes) -> Message:
        """What its signature is about."""
        return Message(self.method, self.path, self.query, self.headers, body)


class Origins:
    """Whom a request may be from: no web page, and nobody who reached the lab under a foreign name (DNS rebinding).

    1. Host is a name of this machine's loopback, or the address served, with the port or none; a served address that is public may
       have any name.
    2. A request that a page of another origin makes is refused.
    """

    def __init__(self, host: str, port: int, public: bool) -> None:
        self._names = _LOOPBACK | {f"[{host}]" if ":" in host else host}
        self._port = str(port)
        self._public = public

    def check(self, headers: dict[str, str]) -> None:
        """Raises `Refused`."""
        host = headers.get("host", "").lower()
        if not self._public and not self._ours(host) and not _VENDOR.fullmatch(host.partition(":")[0]):
            raise Refused(403, "AccessDenied", f"this lab is not to be reached as host {host[:80]!r}")
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host:
            raise Refused(403, "AccessDenied", "pages of another origin may not use this lab")

    def _ours(self, host: str) -> bool:
        name, colon, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
        return (name if colon else host) in self._names and (not colon or port == self._port)
