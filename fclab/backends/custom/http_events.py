"""Between events and HTTP: what a custom runtime is sent for an event, and what its answer is as a function's result.

Names and shapes are Function Compute's (HTTP triggers and custom runtime specification, read 2026-11).
"""

from __future__ import annotations

import base64
import binascii
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlencode

from fclab.backends.custom.http_client import BadRequest, HttpRequest

if TYPE_CHECKING:
    from fclab.backends.custom.http_connection import HttpReply
    from fclab.model import FunctionSpec

__all__ = ["document", "event_request", "failed_status", "invocation", "platform_headers", "said"]

_HOP_BY_HOP = frozenset({
    "connection", "content-length", "expect", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
    "transfer-encoding", "upgrade",
})  # fmt: skip
"""Headers about one connection: the caller's is not the server's, and the other way round."""

_ASCII = "/%:@!$&'()*+,;=~?-._"


def platform_headers(spec: FunctionSpec, handler: str, request_id: str, path: str) -> tuple[tuple[str, str], ...]:
    """What the platform adds to each request it sends; `path` is /invoke, /http-invoke, or a hook's."""
    return (
        ("x-fc-request-id", request_id),
        ("x-fc-control-path", path),
        ("x-fc-function-name", spec.name),
        ("x-fc-function-handler", handler),
        ("x-fc-function-memory", str(spec.memory_mb)),
        ("x-fc-function-timeout", f"{spec.timeout:g}"),
        ("x-fc-initialization-timeout", f"{spec.init_timeout:g}"),
        ("x-fc-region", "lab"),
        ("x-fc-account-id", "000000000000"),
        ("x-fc-qualifier", "LATEST"),
        ("x-fc-version-id", "LATEST"),
        ("x-fc-access-key-id", "lab-key-id"),
        ("x-fc-access-key-secret", "lab-key-secret"),
        ("x-fc-security-token", "lab-token"),
    )


def invocation(payload: bytes, host: str, headers: tuple[tuple[str, str], ...]) -> HttpRequest:
    """Any event: POST /invoke with the event as it is."""
    return HttpRequest("POST", "/invoke", (("host", host), ("content-type", "application/octet-stream"), *headers), payload)


def event_request(payload: bytes) -> HttpRequest | None:
    """The HTTP request that an HTTP trigger's event stands for, without the platform's headers; None for any other event.

    A rawPath with a query of its own keeps it to the letter; otherwise the query is made of queryParameters. Raises `BadRequest`.
    """
    if b'"requestContext"' not in payload:
        return None
    try:
        event = json.loads(payload)
    except ValueError:
        return None
    context = event.get("requestContext") if isinstance(event, dict) and event.get("version") == "v1" else None
    http = context.get("http") if isinstance(context, dict) else None
    if not isinstance(http, dict) or not isinstance(http.get("method"), str):
        return None
    return _request(event, http, cast("dict[str, Any]", context))


def _request(event: dict[str, Any], http: dict[str, Any], context: dict[str, Any]) -> HttpRequest:
    path = event.get("rawPath") or quote(str(http.get("path") or "/"))
    query, headers = event.get("queryParameters") or {}, event.get("headers") or {}
    if not (isinstance(path, str) and path.startswith("/") and isinstance(query, dict) and isinstance(headers, dict)):
        raise BadRequest("rawPath must begin with /, and headers and queryParameters must be objects")
    target = quote(path, safe=_ASCII)
    if query and "?" not in target:
        target += "?" + urlencode({str(key): str(value) for key, value in query.items()})
    sent = {str(name).lower(): str(value) for name, value in headers.items()}
    kept = {name: value for name, value in sent.items() if name not in _HOP_BY_HOP and not name.startswith("x-fc-")}
    kept.setdefault("host", str(context.get("domainName") or "lab"))
    if http.get("userAgent"):
        kept.setdefault("user-agent", str(http["userAgent"]))
    return HttpRequest(http["method"].upper(), target, tuple(kept.items()), _body(event))


def _body(event: dict[str, Any]) -> bytes:
    body = event.get("body") or ""
    if not isinstance(body, str):
        raise BadRequest("body must be a text")
    if event.get("isBase64Encoded") is not True:
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise BadRequest(f"body is not Base64: {error}") from None


def document(reply: HttpReply) -> bytes:
    """The answer as a function of a built-in runtime would return it: statusCode, headers, isBase64Encoded, body.

    Several headers of one name are joined by commas, which cookies do not bear: several Set-Cookie are a list.
    """
    headers: dict[str, str | list[str]] = {}
    cookies = [value for name, value in reply.headers if name == "set-cookie"]
    for name, value in reply.headers:
        if name not in _HOP_BY_HOP and name != "set-cookie":
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if cookies:
        headers["set-cookie"] = cookies[0] if len(cookies) == 1 else cookies
    try:
        body, encoded = reply.body.decode(), False
    except UnicodeDecodeError:
        body, encoded = base64.b64encode(reply.body).decode("ascii"), True
    return json.dumps({"statusCode": reply.status, "headers": headers, "isBase64Encoded": encoded, "body": body}).encode()


def failed_status(reply: HttpReply, of_event: bool) -> int:
    """The status that makes an answer a failure of the function, or 0.

    The server may say so itself in x-fc-status; short of that a failed status does, but to HTTP requests it is the caller's business.
    """
    own = next((value for name, value in reply.headers if name == "x-fc-status"), "")
    if own.isascii() and own.isdigit() and int(own) >= 400:
        return int(own)
    return reply.status if of_event and reply.status >= 400 else 0


def said(reply: HttpReply, status: int, to: str) -> str:
    """What went wrong, in the server's own words if it gave an error object."""
    try:
        message = json.loads(reply.body).get("errorMessage")
    except (ValueError, AttributeError):
        message = None
    if isinstance(message, str) and message:
        return message
    try:
        phrase = f" {HTTPStatus(status).phrase}"
    except ValueError:
        phrase = ""
    return f"the server answered {status}{phrase} to {to}"
