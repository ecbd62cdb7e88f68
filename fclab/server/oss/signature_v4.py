"""The fourth signature: HMAC-SHA256 with a key made for a day, a region and a product, in a header or in the URL."""

from __future__ import annotations

import hashlib
import hmac

from fclab.errors import SourceError
from fclab.server.oss import moments
from fclab.server.oss.asked import Asked, encode
from fclab.server.oss.evidence import Evidence, no_signature

__all__ = ["SCHEME", "UNSIGNED", "canonical_request", "from_header", "from_query", "sign"]

SCHEME = "OSS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
LONGEST = 604_800
"""Seconds for which a URL may be signed: 7 days."""


def canonical_request(asked: Asked, additional: list[str]) -> bytes:
    """`additional`: names of headers that are signed besides x-oss-*, content-type and content-md5."""
    path = encode(f"/{asked.bucket}/{asked.key}" if asked.bucket else "/", safe="/")
    pairs = sorted((encode(name), encode(value)) for name, value in asked.query if name != "x-oss-signature")
    query = "&".join(f"{name}={value}" if value else name for name, value in pairs)
    signed = {"content-type", "content-md5", *additional}
    headers = sorted((name, value) for name, value in asked.headers.items() if name.startswith("x-oss-") or name in signed)
    lines = [*(f"{name}:{value}" for name, value in headers), "", ";".join(sorted(additional)), payload(asked)]
    return f"{asked.method}\n{path}\n{query}\n".encode() + "\n".join(lines).encode("latin-1")


def payload(asked: Asked) -> str:
    """What the signature says of the body: UNSIGNED, or its SHA-256 in hex."""
    return asked.header("x-oss-content-sha256") or UNSIGNED


def sign(secret: str, stamp: str, scope: str, canonical: bytes) -> str:
    """The signature in hex. `scope` is "20260105/cn-hangzhou/oss/aliyun_v4_request", `stamp` "20260105T120000Z"."""
    key = f"aliyun_v4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = "\n".join((SCHEME, stamp, scope, hashlib.sha256(canonical).hexdigest()))
    return hmac.digest(key, text.encode(), "sha256").hex()


def from_header(asked: Asked) -> Evidence:
    """Of `Authorization: OSS4-HMAC-SHA256 Credential=...,AdditionalHeaders=...,Signature=...`. Raises `SourceError`."""
    parts = (part.strip().partition("=") for part in asked.header("authorization").removeprefix(SCHEME).split(","))
    fields = {name: value for name, _, value in parts}
    stamp = asked.header("x-oss-date")
    made = moments.basic(stamp)
    if made is None:
        raise SourceError("AccessDenied", "OSS authentication requires a valid x-oss-date.")
    return _evidence(asked, fields.get("Credential"), fields.get("Signature"), fields.get("AdditionalHeaders"), stamp, made, None)


def from_query(asked: Asked) -> Evidence:
    """Of a URL with x-oss-credential, x-oss-date, x-oss-expires and x-oss-signature. Raises `SourceError`."""
    stamp, seconds = asked.option("x-oss-date") or "", asked.option("x-oss-expires") or ""
    made = moments.basic(stamp)
    if made is None or not (seconds.isascii() and seconds.isdecimal() and len(seconds) < 10 and 1 <= int(seconds) <= LONGEST):
        raise SourceError("InvalidArgument", f"A signed URL has a valid x-oss-date, and x-oss-expires of 1 to {LONGEST} seconds.")
    credential, signature, additional = (asked.option(f"x-oss-{name}") for name in ("credential", "signature", "additional-headers"))
    return _evidence(asked, credential, signature, additional, stamp, made, made + int(seconds))


def _evidence(
    asked: Asked, credential: str | None, signature: str | None, additional: str | None, stamp: str, made: int, expires: int | None
) -> Evidence:
    key, *scope = (credential or "").split("/")
    if not (key and signature and len(scope) == 4 and scope[2:] == ["oss", "aliyun_v4_request"]):
        raise no_signature("A credential is <access key id>/<yyyymmdd>/<region>/oss/aliyun_v4_request.")
    if scope[0] != stamp[:8]:
        raise SourceError("InvalidArgument", "Invalid signing date in Authorization header.")
    names = [name for name in (additional or "").lower().split(";") if name]
    return Evidence(
        key, signature, lambda secret: sign(secret, stamp, "/".join(scope), canonical_request(asked, names)), made=made, expires=expires
    )
