"""HTTP requests as notebooks make them, and answers as their callers see them. No socket is needed."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

from fclab.engine.payload import to_bytes
from fclab.errors import UsageError
from fclab.model import Response

__all__ = ["HttpAnswer", "Query", "Sent", "answer_of", "as_told", "described", "failed"]

Query = str | Mapping[str, object] | Iterable[tuple[str, object]]

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_VALUE = re.compile(r"[\t -~\x80-\xff]*\Z")
_PATH_SAFE = "/%:@!$&'()*+,;=~-._"


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


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it would be on the wire: `path` and `query` encoded, headers by lower-case name."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @classmethod
    def of(cls, method: object, path: object, query: Query | None, headers: object, body: object) -> Sent:
        """Checked: what no HTTP request can carry is refused (`UsageError`). A body that is no text and no bytes is sent as JSON."""
        sent = _headers(headers)
        if not isinstance(body, (bytes, bytearray, memoryview, str)):
            sent.setdefault("content-type", "application/json")
        if not isinstance(method, str) or not _TOKEN.match(method):
            raise UsageError(f"{method!r} is no HTTP method.", hint="such as 'GET' or 'POST'")
        if not isinstance(path, str) or not path.startswith("/"):
            raise UsageError(f"A path begins with /, unlike {path!r}.", hint='such as "/orders/7"')
        raw, _, asked = path.partition("#")[0].partition("?")
        asked = "&".join(part for part in (quote(asked, safe=_PATH_SAFE + "?"), _query(query)) if part)
        return cls(method.upper(), quote(raw, safe=_PATH_SAFE), asked, sent, to_bytes(body))

    @property
    def decoded(self) -> str:
        """The path, decoded."""
        return unquote(self.path)

    def values(self) -> dict[str, str]:
        """The query's values by name; several of one name are joined by commas."""
        values: dict[str, str] = {}
        for name, value in parse_qsl(self.query, keep_blank_values=True):
            values[name] = f"{values[name]},{value}" if name in values else value
        return values

    def text(self) -> tuple[str, bool]:
        """The body as text, and whether it is in Base64, because it is no UTF-8."""
        try:
            return self.body.decode(), False
        except UnicodeDecodeError:
            return base64.b64encode(self.body).decode("ascii"), True


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


def _query(query: Query | None) -> str:
    if query is None or isinstance(query, str):
        return quote((query or "").removeprefix("?"), safe=_PATH_SAFE + "?")
    pairs = query.items() if isinstance(query, Mapping) else query
    try:
        return urlencode(list(pairs), doseq=True)
    except (TypeError, ValueError):
        raise UsageError(f"query must be a text, names and values, or pairs, not {query!r}.", hint="such as {'page': 2}") from None


def as_told(answer: HttpAnswer, method: str) -> HttpAnswer:
    """What reaches the caller: HTTP gives no body with the answer to a HEAD, nor with 204 and 304."""
    return replace(answer, body=b"") if method == "HEAD" or answer.status in (204, 304) else answer


def answer_of(response: Response) -> HttpAnswer:
    """A function's response as its HTTP caller sees it (documented shape; 502 for failures is the product's older page)."""
    payload = response.payload
    try:
        document = json.loads(payload) if response.status < 300 else None
        is_json = True
    except ValueError:
        document, is_json = None, False
    if isinstance(document, dict) and "statusCode" in document:
        answer = described(document, response)
        if answer is not None:
            return answer
        return failed(response, 502, b'{"errorMessage": "the function\'s answer is no HTTP answer"}')
    if response.error is not None:
        return failed(response, response.status if response.status >= 300 else 502, payload)
    return HttpAnswer(200, {"content-type": "application/json" if is_json else "text/plain; charset=utf-8"}, payload, response)


def failed(response: Response, status: int, body: bytes) -> HttpAnswer:
    """An error of the platform's."""
    kind = {"x-fc-error-type": response.error_type} if response.error_type else {}
    return HttpAnswer(status, {"content-type": "application/json", "x-fc-request-id": response.request_id, **kind}, body, response)


def described(document: dict[str, Any], response: Response) -> HttpAnswer | None:
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
    if any(not _VALUE.match(str(one)) or not _TOKEN.match(str(name)) for name, value in headers.items() for one in _several(value)):
        return None
    given = {str(name).lower(): ", ".join(map(str, _several(value))) for name, value in headers.items()}
    return HttpAnswer(status, given, content, response)


def _several(value: object) -> list[object]:
    """A header's values: one, or those of a list."""
    return value if isinstance(value, list) else [value]
