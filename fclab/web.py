"""Web applications as handlers, and web hooks that say who sent them.

    from flask import Flask
    app = Flask(__name__)
    ...
    handler = wsgi(app)                 # a handler (event, context) for an HTTP trigger or an API gateway

An event of either becomes one request of the application, and its answer the document {"statusCode", "headers", "isBase64Encoded", "body"}.
An HTTP event joins several values of one query parameter by commas, and so does what the application sees.

It imports nothing of fclab, so that it can go into an instance with the function that uses it.
"""

from __future__ import annotations

import base64
import hmac
import io
import json
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

__all__ = ["asgi", "verify_webhook", "wsgi"]

_SCHEMES = ("sha256", "sha512", "sha1")


def wsgi(app: Callable[..., Iterable[bytes]]) -> Callable[[Any, Any], dict[str, Any]]:
    """Turn a WSGI application (Flask, Django) into a handler. Its environ has the event as fc.event and the context as fc.context."""
    return partial(_run_wsgi, app)


def asgi(app: Callable[..., Awaitable[object]]) -> Callable[[Any, Any], Awaitable[dict[str, Any]]]:
    """Turn an ASGI 3 application (Starlette, FastAPI, Quart) into an async handler, to be awaited by one that calls it. Its scope has the
    event and the context as scope["fc.event"] and scope["fc.context"].

    There are no lifespan events: what a start would do belongs into the function's initializer. In virtual time an application may await
    what a handler may: asyncio.sleep and the context, no threads and no sockets.
    """
    return partial(_run_asgi, app)


def _run_wsgi(app: Callable[..., Iterable[bytes]], event: Any, context: Any) -> dict[str, Any]:
    request = _Request(event)
    status: list[str] = []
    headers: list[tuple[str, str]] = []
    written = io.BytesIO()

    def start_response(line: str, pairs: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        status[:], headers[:] = [line], pairs
        return written.write

    body = app({**request.environ(), "fc.event": request.event, "fc.context": context}, start_response)
    try:
        for part in body:
            written.write(part)
    finally:
        close = getattr(body, "close", None)
        if close is not None:
            close()
    if not status:
        raise RuntimeError("the application did not call start_response")
    return _answer(int(status[0].split(" ", 1)[0]), headers, written.getvalue())


async def _run_asgi(app: Callable[..., Awaitable[object]], event: Any, context: Any) -> dict[str, Any]:
    request = _Request(event)
    incoming = [{"type": "http.request", "body": request.body, "more_body": False}]
    start: dict[str, Any] = {}
    written = io.BytesIO()

    async def receive() -> dict[str, Any]:
        return incoming.pop() if incoming else {"type": "http.disconnect"}

    async def send(message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        elif message["type"] == "http.response.body":
            written.write(message.get("body", b""))

    await app({**request.scope(), "fc.event": request.event, "fc.context": context}, receive, send)
    if not start:
        raise RuntimeError("the application sent no http.response.start")
    headers = [(bytes(name).decode("latin-1"), bytes(value).decode("latin-1")) for name, value in start.get("headers", ())]
    return _answer(int(start["status"]), headers, written.getvalue())


def verify_webhook(secret: str | bytes, body: str | bytes, signature: str | None, scheme: str = "sha256") -> bool:
    """Whether a web hook's sender knows the secret: `signature` is the HMAC of the raw body, in hex, with or without "sha256=" before it.

    verify_webhook(secret, event["body"], event["headers"].get("x-hub-signature-256"))

    scheme   sha256, sha512 or sha1, the hash that both sides agreed on. A signature that names another one is wrong.
    It takes the same time for every wrong signature. A missing one is wrong. Raises `ValueError` for an empty secret or an unknown scheme.
    """
    if scheme not in _SCHEMES:
        raise ValueError(f"there is no scheme {scheme!r}: it is one of {', '.join(_SCHEMES)}")
    if not secret:
        raise ValueError("an empty secret is known to everybody")
    key = secret.encode() if isinstance(secret, str) else secret
    made = hmac.new(key, body.encode() if isinstance(body, str) else body, scheme).hexdigest()
    given = (signature or "").strip().removeprefix(f"{scheme}=")
    return hmac.compare_digest(made.encode(), given.lower().encode("utf-8", "replace"))


class _Request:
    """An HTTP trigger's event, or an API gateway's, as a request."""

    def __init__(self, event: Any) -> None:
        self.event: dict[str, Any] = json.loads(event) if isinstance(event, (bytes, bytearray, str)) else event
        here, gate = self.event.get("requestContext") or {}, "httpMethod" in self.event
        self.method = str(self.event["httpMethod"] if gate else here["http"]["method"])
        self.path = str(self.event["path"] if gate else here["http"]["path"])
        self.raw_path = quote(self.path) if gate else str(self.event["rawPath"]).partition("?")[0]
        self.query = urlencode(self.event.get("queryParameters") or {})
        self.headers = {str(name).lower(): str(value) for name, value in (self.event.get("headers") or {}).items()}
        self.host = self.headers.setdefault("host", str(here.get("domainName", "lab")))
        self.client = str((here.get("http") or {}).get("sourceIp", "127.0.0.1"))
        body = self.event.get("body") or ""
        encoded = str(self.event.get("isBase64Encoded", "")).lower() == "true"
        self.body: bytes = base64.b64decode(body) if encoded else str(body).encode()

    def environ(self) -> dict[str, Any]:
        own = ("content-type", "content-length")
        headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in self.headers.items() if name not in own}
        return {
            **headers, "CONTENT_TYPE": self.headers.get("content-type", ""), "CONTENT_LENGTH": str(len(self.body)),
            "REQUEST_METHOD": self.method, "SCRIPT_NAME": "", "PATH_INFO": self.path.encode().decode("latin-1"),
            "QUERY_STRING": self.query, "SERVER_NAME": self.host.partition(":")[0], "SERVER_PORT": "443", "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": self.client, "wsgi.version": (1, 0), "wsgi.url_scheme": "https", "wsgi.input": io.BytesIO(self.body),
            "wsgi.errors": sys.stderr, "wsgi.multithread": False, "wsgi.multiprocess": True, "wsgi.run_once": False,
        }  # fmt: skip

    def scope(self) -> dict[str, Any]:
        headers = {**self.headers, "content-length": str(len(self.body))}
        return {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": self.method,
            "scheme": "https", "path": self.path, "raw_path": self.raw_path.encode(), "query_string": self.query.encode(), "root_path": "",
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
            "client": (self.client, 0), "server": (self.host.partition(":")[0], 443),
        }  # fmt: skip


def _answer(status: int, headers: Iterable[tuple[str, str]], body: bytes) -> dict[str, Any]:
    """The document. Several headers of one name become a list; a body that is no UTF-8 goes in Base64."""
    joined: dict[str, str | list[str]] = {}
    for name, value in headers:
        before = joined.get(name.lower())
        joined[name.lower()] = value if before is None else [*(before if isinstance(before, list) else [before]), value]
    try:
        text, encoded = body.decode(), False
    except UnicodeDecodeError:
        text, encoded = base64.b64encode(body).decode("ascii"), True
    return {"statusCode": status, "headers": joined, "isBase64Encoded": encoded, "body": text}
