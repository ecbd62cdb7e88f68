"""The signature ACS3-HMAC-SHA256: made by clients, verified by servers. Nothing here knows the lab.

A server gives what arrived: the raw path and the raw query, header names in lower case, and the body's bytes.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, unquote_plus

__all__ = ["ALGORITHM", "WINDOW", "Message", "Nonces", "SignatureRefused", "sign", "verify"]

ALGORITHM = "ACS3-HMAC-SHA256"
WINDOW = 900.0
"""Seconds by which the date of a request and the server's may differ."""
_DATE = "%Y-%m-%dT%H:%M:%SZ"
_AUTHORIZATION = re.compile(
    rf"{ALGORITHM}\s+Credential=(?P<key>[^,\s]+),\s*SignedHeaders=(?P<names>[^,\s]+),\s*Signature=(?P<signature>[0-9a-f]{{64}})"
)


class SignatureRefused(Exception):
    """A request whose signature does not hold: HTTP `status`, the product's `code`, and the message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Message:
    """What is signed of a request. `query` is raw and without the ?; `headers` by lower-case name,
    several of one name sorted and joined by a comma."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


class Nonces:
    """The nonces of the last `2 * WINDOW` seconds: beyond that a repeated request is refused for its date anyway."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._order: deque[tuple[float, str]] = deque()

    def fresh(self, nonce: str, now: float) -> bool:
        """Remember it; False if it was used before. `now` in seconds since 1970."""
        while self._order and self._order[0][0] < now - 2 * WINDOW:
            self._seen.discard(self._order.popleft()[1])
        if nonce in self._seen:
            return False
        self._seen.add(nonce)
        self._order.append((now, nonce))
        return True


def sign(message: Message, key: str, secret: str, *, now: float, nonce: str) -> dict[str, str]:
    """The headers of `message` with those that a signed request has besides: its date, nonce, hash, and Authorization.

    now   seconds since 1970
    """
    headers = {
        **message.headers, "x-acs-date": datetime.fromtimestamp(now, UTC).strftime(_DATE), "x-acs-signature-nonce": nonce,
        "x-acs-content-sha256": hashlib.sha256(message.body).hexdigest(),
    }  # fmt: skip
    signed = sorted(name for name in headers if name in ("host", "content-type") or name.startswith("x-acs-"))
    made = _signature(Message(message.method, message.path, message.query, headers, message.body), signed, secret)
    headers["authorization"] = f"{ALGORITHM} Credential={key},SignedHeaders={';'.join(signed)},Signature={made}"
    return headers


def verify(message: Message, secrets: Mapping[str, str], *, now: float, nonces: Nonces | None = None) -> str:
    """The access key that signed. Raises `SignatureRefused`.

    1. The body is the one whose hash is signed; host and every x-acs-* header that arrived are signed.
    2. The date is at most `WINDOW` seconds from `now` (seconds since 1970), and a nonce counts once, if `nonces` are given.
    3. The comparison takes the same time for every wrong signature. A nonce is spent only by a request whose signature holds.
    """
    headers = message.headers
    for name in ("authorization", "x-acs-date", "x-acs-content-sha256"):
        if not headers.get(name):
            raise SignatureRefused(400, "MissingRequiredHeader", f"required HTTP header {name} was not specified")
    found = _AUTHORIZATION.fullmatch(headers["authorization"].strip())
    if found is None:
        raise SignatureRefused(400, "InvalidArgument", f"the authorization is not of the form of {ALGORITHM}")
    names = found["names"].split(";")
    must = {"host", *(name for name in headers if name.startswith("x-acs-"))}
    if names != sorted(set(names)) or any(name not in headers for name in names) or not must.issubset(names):
        raise _mismatch()
    secret = secrets.get(found["key"])
    if secret is None:
        raise SignatureRefused(403, "InvalidAccessKeyID", f"invalid access key ID '{found['key']}'")
    whole = hmac.compare_digest(headers["x-acs-content-sha256"].encode(), hashlib.sha256(message.body).hexdigest().encode())
    if not hmac.compare_digest(_signature(message, names, secret).encode(), found["signature"].encode()) or not whole:
        raise _mismatch()
    _check_date(headers["x-acs-date"], now)
    nonce = headers.get("x-acs-signature-nonce")
    if nonces is not None and (not nonce or not nonces.fresh(nonce, now)):
        raise SignatureRefused(403, "SignatureNonceUsed", "the signature nonce was used before, or there is none")
    return found["key"]


def _check_date(text: str, now: float) -> None:
    try:
        date = datetime.strptime(text, _DATE).replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise SignatureRefused(400, "InvalidArgument", f"{text!r} is no date of the form YYYY-MM-DDThh:mm:ssZ") from None
    if abs(date - now) > WINDOW:
        raise SignatureRefused(403, "AccessDenied", f"the date of the request is more than {WINDOW:.0f} s from the server's")


def _mismatch() -> SignatureRefused:
    said = "The request signature we calculated does not match the signature you provided. Check your access key and signing method"
    return SignatureRefused(403, "SignatureNotMatch", said)


def _signature(message: Message, names: list[str], secret: str) -> str:
    """Of the canonical request: method, path, query, the named headers, their names, and the body's hash."""
    headers = "".join(f"{name}:{message.headers[name].strip()}\n" for name in names)
    parts = [message.method, message.path, _query(message.query), headers, ";".join(names), hashlib.sha256(message.body).hexdigest()]
    canonical = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return hmac.new(secret.encode(), f"{ALGORITHM}\n{canonical}".encode(), hashlib.sha256).hexdigest()


def _query(raw: str) -> str:
    """The pairs decoded, sorted by name, and encoded anew with only letters, digits and -._~ left as they are."""
    pairs = [part.partition("=") for part in raw.split("&") if part]
    decoded = sorted((unquote_plus(name), unquote_plus(value)) for name, _, value in pairs)
    return "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in decoded)
