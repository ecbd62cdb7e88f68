"""HTTP triggers: who may call a function by HTTP, how, and from which web pages."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from fclab.errors import UsageError
from fclab.model import Mode
from fclab.sources.base import ACCOUNT, Trigger

__all__ = ["METHODS", "HTTPTrigger"]

METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS")
_CORS: dict[str, type] = {
    "allowOrigins": list, "allowMethods": list, "allowHeaders": list, "exposeHeaders": list, "allowCredentials": bool, "maxAge": int,
}  # fmt: skip
_LONGEST_AGE = 86_400
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#]+")


@dataclass(frozen=True, kw_only=True)
class HTTPTrigger(Trigger):
    """Let a function be called by HTTP: `lab.http.request("GET", "/orders/7", function="shop")`.

    methods            those that pass; any other is refused with 403. All seven by default
    auth               "anonymous", or "function": requests must be signed with the account's keys (ACS3-HMAC-SHA256)
    cors               from which pages browsers may call it: {"allowOrigins": ["https://shop.example"], "allowMethods", "allowHeaders",
                       "exposeHeaders", "allowCredentials", "maxAge" (s, up to a day)}. Preflights are then answered without the function.
                       None: all of it is the function's own affair
    disable_internet   the public address is off: 403, but for `request(..., intranet=True)`
    """

    TYPE: ClassVar[str] = "http"
    SOURCE: ClassVar[str] = "http"
    MODE: ClassVar[Mode] = "sync"
    RETRIES: ClassVar[str] = "never: the caller has the answer; with X-Fc-Invocation-Type: Async the platform's queue retries"
    methods: Sequence[str] = METHODS
    auth: Literal["anonymous", "function"] = "anonymous"
    cors: Mapping[str, Any] | None = None
    disable_internet: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.methods, str) or not isinstance(self.methods, Sequence) or not self.methods:
            raise UsageError(f"methods is a list of HTTP methods, not {self.methods!r}.", hint='such as ["GET", "POST"]')
        if wrong := [one for one in self.methods if one not in METHODS]:
            raise UsageError(f"An HTTP trigger knows no method {wrong[0]!r}.", hint=f"it knows: {', '.join(METHODS)}")
        if self.auth not in ("anonymous", "function"):
            raise UsageError(f"auth is 'anonymous' or 'function', not {self.auth!r}.", hint="the lab has no tokens (jwt)")
        if not isinstance(self.disable_internet, bool):
            raise UsageError(f"disable_internet is True or False, not {self.disable_internet!r}.", hint="False lets everybody in")
        object.__setattr__(self, "methods", tuple(dict.fromkeys(self.methods)))
        if self.cors is not None:
            object.__setattr__(self, "cors", _checked(self.cors))

    def config(self) -> dict[str, Any]:
        cors = {} if self.cors is None else {"corsConfig": dict(self.cors)}
        return {"authType": self.auth, "methods": list(self.methods), "disableURLInternet": self.disable_internet, **cors}

    @classmethod
    def from_config(cls, arn: str, config: dict[str, Any]) -> HTTPTrigger:
        """As the base class says. Without authType it is "function", as in the product."""
        names = {"authType": "auth", "methods": "methods", "disableURLInternet": "disable_internet", "corsConfig": "cors"}
        given = {name: value for name, value in config.items() if name != "authConfig" or value}
        if unknown := [name for name in given if name not in names]:
            raise UsageError(f"An HTTP trigger's configuration has no {unknown[0]!r} here.", hint=f"it has: {', '.join(names)}")
        return cls(**{"auth": "function", **{names[name]: value for name, value in given.items()}})

    @classmethod
    def example(cls) -> bytes:
        event = request_event("GET", "/orders/7", "/orders/7", {"accept": "application/json"}, {"page": "2"}, "", False, "shop")
        event["requestContext"] |= {"requestId": "1-00000000-000000000001", "time": "2026-01-01T00:00:00Z", "timeEpoch": "1767225600000"}
        return json.dumps(event).encode()


def request_event(
    method: str, raw: str, path: str, headers: dict[str, str], query: dict[str, str], body: str, encoded: bool, function: str
) -> dict[str, Any]:
    """What a function gets of a request, version v1; its context lacks requestId, time and timeEpoch.

    raw    the path as sent; path: decoded. Several values of one name are joined by commas in `headers` and `query`
    """
    agent = headers.get("user-agent", "fclab")
    http = {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": agent}
    context = {"accountId": ACCOUNT, "domainName": f"{function}.lab.fcapp.run", "domainPrefix": function, "http": http}
    return {
        "version": "v1", "rawPath": raw, "headers": headers, "queryParameters": query, "body": body, "isBase64Encoded": encoded,
        "requestContext": context,
    }  # fmt: skip


def _checked(cors: object) -> dict[str, Any]:
    """The CORS rules with lists in place of tuples. Raises `UsageError`."""
    if not isinstance(cors, Mapping):
        raise UsageError(f"cors maps names to values, not {cors!r}.", hint='such as {"allowOrigins": ["*"]}')
    checked: dict[str, Any] = {}
    for name, value in cors.items():
        kind = _CORS.get(name)
        if kind is None:
            raise UsageError(f"cors has no {name!r}.", hint=f"it has: {', '.join(_CORS)}")
        texts = isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value)
        if not (texts if kind is list else type(value) is kind):
            raise UsageError(f"cors {name} cannot be {value!r}.", hint="a list of texts" if kind is list else f"give it as {kind.__name__}")
        checked[name] = list(value) if kind is list else value
    if not 0 <= checked.get("maxAge", 0) <= _LONGEST_AGE:
        raise UsageError(f"cors maxAge is from 0 to {_LONGEST_AGE} s, not {checked['maxAge']}.", hint="such as 3600")
    if wrong := [one for one in checked.get("allowOrigins", ()) if one not in ("*", "null") and not _ORIGIN.fullmatch(one)]:
        raise UsageError(f"{wrong[0]!r} is no origin, and no page has it.", hint='such as "https://shop.example", without a path')
    if wrong := [one for one in checked.get("allowMethods", ()) if one not in ("*", *METHODS)]:
        raise UsageError(f"cors allowMethods has no {wrong[0]!r}.", hint=f"it has: {', '.join(METHODS)}")
    if checked.get("allowCredentials") and "*" in checked.get("allowOrigins", ["*"]):
        raise UsageError("Browsers send no credentials where every origin is allowed.", hint="name the origins")
    return checked
