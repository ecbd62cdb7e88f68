"""Who sent a request: which scheme it was signed by, and whether that is right."""

from __future__ import annotations

import hmac
from collections.abc import Callable

from fclab.errors import SourceError
from fclab.server.oss import signature_v1, signature_v4
from fclab.server.oss.asked import Asked
from fclab.server.oss.evidence import Evidence

__all__ = ["SKEW", "claims", "verify"]

SKEW = 900
"""Seconds by which the sender's clock may differ from ours: 15 minutes."""


def claims(authorization: str, query: str) -> bool:
    """A request is meant for the object store: its header, or the raw query of its URL, is signed as only this service's are."""
    names = {pair.partition("=")[0] for pair in query.split("&")}
    return authorization.startswith(("OSS ", "OSS2 ", "OSS4-")) or bool(names & {"OSSAccessKeyId", "x-oss-signature-version"})


def verify(asked: Asked, secret_of: Callable[[str], str | None], now: float) -> str:
    """The id of the access key that signed a request. `now` in seconds since 1970.

    1. Nothing but a signature that the right secret makes is accepted; the two are compared in constant time.
    2. What was signed more than `SKEW` away from now is refused, and a signed URL from its expiry on.

    Raises `SourceError`: AccessDenied (no signature, no date, expired), InvalidAccessKeyId, SignatureDoesNotMatch, RequestTimeTooSkewed,
    InvalidArgument (what is no signature).
    """
    found = _evidence(asked)
    secret = secret_of(found.key)
    if secret is None:
        raise SourceError("InvalidAccessKeyId", "The OSS Access Key Id you provided does not exist in our records.")
    if not hmac.compare_digest(found.expected(secret).encode(), found.signature.encode()):
        what = "The request signature we calculated does not match the signature you provided. Check your key and signing method."
        raise SourceError("SignatureDoesNotMatch", what)
    if found.expires is not None and now >= found.expires:
        raise SourceError("AccessDenied", "Request has expired.")
    if found.made is not None and (found.made > now + SKEW or (found.expires is None and found.made < now - SKEW)):
        what = "The difference between the request time and the current time is too large."
        raise SourceError("RequestTimeTooSkewed", what)
    return found.key


def _evidence(asked: Asked) -> Evidence:
    given = asked.header("authorization")
    if given.startswith("OSS "):
        return signature_v1.from_header(asked)
    if given.startswith(f"{signature_v4.SCHEME} "):
        return signature_v4.from_header(asked)
    version = asked.option("x-oss-signature-version")
    if not given and version == signature_v4.SCHEME:
        return signature_v4.from_query(asked)
    if not given and "OSSAccessKeyId" in asked:
        return signature_v1.from_query(asked)
    if given.startswith("OSS") or version is not None:
        raise SourceError("InvalidArgument", "Of the signatures there are V1 and V4 here.")
    raise SourceError("AccessDenied", "You have no right to access this object because of bucket acl.")
