"""The HTTP entry: a request as an HTTP trigger makes it, and the answer as its caller sees it. No socket is needed."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

from fclab.backends.virtual.handler_time import EPOCH_US
from fclab.engine.payload import to_bytes
from fclab.errors import UnknownFunction, UsageError
from fclab.model import FunctionSpec, Response

if TYPE_CHECKING:
    from fclab.controls.driver import Driver
    from fclab.controls.live import LiveDriver

__all__ = ["HttpAnswer", "HttpEntry"]

Query = str | Mapping[str, object] | Iterable[tuple[str, object]]

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_VALUE = re.compile(r"[\t -~\x80-\xff]*\Z")
_PATH_SAFE = "/%:@!$&'()*+,;=~-._"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, repr=False)
class HttpAnswer:
    """What an HTTP caller gets.

    status     of the HTTP answer: the function's own; 502 where the function failed, or the platform's refusal
    headers    by lower-case name; several of one name are joined by ", "
    body       bytes
    response   the same request as the lab sees it: cold, latency, logs, error
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    response: Response

    @property
    def ok(self) -> bool:
        """The status is below 400."""
        return self.status < 400

    @property
    def text(self) -> str:
        """The body as UTF-8 text."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> object:
        """The body as JSON. Raises `UsageError` if it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise UsageError(f"The body is not JSON: {self.text[:60]!r}.", hint="read .text or .body") from None

    def __repr__(self) -> str:
        said = repr(self.text if len(self.body) <= 40 else self.text[:37] + "...")
        return f"HttpAnswer({self.status}, {said})"

    def _repr_html_(self) -> str:
        return f"<code>{html.escape(repr(self))}</code>"


class HttpEntry:
    """`lab.http`: functions as their HTTP callers see them."""

    def __init__(self, driver: Driver | LiveDriver, functions: Mapping[str, FunctionSpec]) -> None:
        self._driver = driver
        self._functions = functions

    def request(
        self, method: str, path: str, *, function: str | None = None, headers: Mapping[str, str] | None = None, body: object = b"",
        query: Query | None = None,
    ) -> HttpAnswer:  # fmt: skip
        """One HTTP request, answered before this returns. Never raises for what the function does.

        path       begins with /; a query may follow it, or come as `query`: a text, names and values, or pairs
        function   whom it is for; left out, the lab's only function, or its only one with a custom runtime
        body       bytes or text (up to 32 MB as an event; what is no text is a third larger there); anything else is sent as JSON

        A server (custom runtime) gets the request itself. A Python handler gets the event of an HTTP trigger, and answers with
        {"statusCode", "headers", "isBase64Encoded", "body"}; whatever else it returns is the body of a 200.
        """
        name = self._whom(function)
        spec = self._functions[name]
        sent = _headers(headers)
        if not isinstance(body, (bytes, bytearray, memoryview, str)):
            sent.setdefault("content-type", "application/json")
        event = _event(method, path, query, sent, to_bytes(body), name, whole=spec.runtime == "custom")
        platform = self._driver.platform

        def start(reply: Callable[[Response], object]) -> None:
            event["requestContext"] |= _stamps(platform.request_id(platform.front_door.requests + 1), platform.clock.now())
            platform.front_door.accept(name, json.dumps(event).encode(), "sync", reply)

        return _answer(self._driver.answer(start))

    def _whom(self, function: object) -> str:
        """The function that is meant."""
        if function is None:
            names = [name for name, spec in self._functions.items() if spec.runtime == "custom"] or [*self._functions]
            if len(names) == 1:
                return names[0]
            there = ", ".join(map(repr, names)) or "there is none yet"
            raise UsageError("It is not clear which function the request is for.", hint=f"give function=; {there}")
        if not isinstance(function, str) or function not in self._functions:
            there = ", ".join(map(repr, self._functions)) or "none yet"
            raise UnknownFunction(f"There is no function {function!r} in this lab.", hint=f"declared: {there}")
        return function


def _headers(headers: object) -> dict[str, str]:
    """Names in lower case, checked: what no HTTP request can carry is refused here."""
    if not isinstance(headers, (Mapping, type(None))):
        raise UsageError(f"headers must map names to texts, not {headers!r}.", hint="such as {'accept': 'application/json'}")
    sent: dict[str, str] = {}
    for name, value in (headers or {}).items():
        if not isinstance(name, str) or not _TOKEN.match(name) or not isinstance(value, str) or not _VALUE.match(value):
            raise UsageError(f"{name!r}: {value!r} is no HTTP header.", hint="names of letters, digits and -, and texts of one line")
        sent[name.lower()] = value.strip()
    return sent


def _event(
    method: object, path: object, query: Query | None, headers: dict[str, str], body: bytes, function: str, *, whole: bool
) -> dict[str, Any]:
    """An HTTP trigger's event without its stamps. With `whole`, for a server, the query stays in rawPath to the letter."""
    if not isinstance(method, str) or not _TOKEN.match(method):
        raise UsageError(f"{method!r} is no HTTP method.", hint="such as 'GET' or 'POST'")
    if not isinstance(path, str) or not path.startswith("/"):
        raise UsageError(f"A path begins with /, unlike {path!r}.", hint='such as "/orders/7"')
    raw, _, asked = path.partition("#")[0].partition("?")
    raw = quote(raw, safe=_PATH_SAFE)
    asked = "&".join(part for part in (quote(asked, safe=_PATH_SAFE + "?"), _query(query)) if part)
    values: dict[str, str] = {}
    for name, value in parse_qsl(asked, keep_blank_values=True):
        values[name] = f"{values[name]},{value}" if name in values else value
    try:
        text, encoded = body.decode(), False
    except UnicodeDecodeError:
        text, encoded = base64.b64encode(body).decode("ascii"), True
    http = {
        "method": method.upper(), "path": unquote(raw), "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1",
        "userAgent": headers.get("user-agent", "fclab"),
    }  # fmt: skip
    return {
        "version": "v1", "rawPath": f"{raw}?{asked}" if whole and asked else raw, "headers": headers, "queryParameters": values,
        "body": text, "isBase64Encoded": encoded,
        "requestContext": {
            "accountId": "000000000000", "domainName": f"{function}.lab.fcapp.run", "domainPrefix": function, "http": http,
        },
    }  # fmt: skip


def _query(query: Query | None) -> str:
    if query is None or isinstance(query, str):
        return quote((query or "").removeprefix("?"), safe=_PATH_SAFE + "?")
    pairs = query.items() if isinstance(query, Mapping) else query
    try:
        return urlencode(list(pairs), doseq=True)
    except (TypeError, ValueError):
        raise UsageError(f"query must be a text, names and values, or pairs, not {query!r}.", hint="such as {'page': 2}") from None


def _stamps(request_id: str, now_us: int) -> dict[str, str]:
    """The request's id and lab time."""
    stamp = (_EPOCH + timedelta(microseconds=EPOCH_US + now_us)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"requestId": request_id, "time": stamp, "timeEpoch": str((EPOCH_US + now_us) // 1000)}


def _answer(response: Response) -> HttpAnswer:
    """A function's response as its HTTP caller sees it (documented shape; 502 for failures is the product's older page)."""
    payload = response.payload
    try:
        document = json.loads(payload) if response.status < 300 else None
        is_json = True
    except ValueError:
        document, is_json = None, False
    if isinstance(document, dict) and "statusCode" in document:
        answer = _documented(document, response)
        if answer is not None:
            return answer
        return _failed(response, 502, b'{"errorMessage": "the function\'s answer is no HTTP answer"}')
    if response.error is not None:
        return _failed(response, response.status if response.status >= 300 else 502, payload)
    return HttpAnswer(200, {"content-type": "application/json" if is_json else "text/plain; charset=utf-8"}, payload, response)


def _failed(response: Response, status: int, body: bytes) -> HttpAnswer:
    kind = {"x-fc-error-type": response.error_type} if response.error_type else {}
    return HttpAnswer(status, {"content-type": "application/json", "x-fc-request-id": response.request_id, **kind}, body, response)


def _documented(document: dict[str, Any], response: Response) -> HttpAnswer | None:
    """The answer that a document describes, or None where it describes none."""
    status, headers, body = document["statusCode"], document.get("headers") or {}, document.get("body", "")
    if isinstance(status, str) and status.isascii() and status.isdigit():
        status = int(status)
    if isinstance(status, bool) or not isinstance(status, int) or not 100 <= status <= 599 or not isinstance(headers, dict):
        return None
    if document.get("isBase64Encoded") in (True, "true"):
        try:
            content = base64.b64decode(body, validate=True)
        except (TypeError, ValueError):
            return None
    else:
        content = to_bytes("" if body is None else body)
    given = {str(name).lower(): ", ".join(map(str, value)) if isinstance(value, list) else str(value) for name, value in headers.items()}
    return HttpAnswer(status, given, content, response)
