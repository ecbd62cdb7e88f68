"""The first signature: HMAC-SHA1 over method, MD5, type, date, the store's own headers and the resource, in a header or in the URL."""

from __future__ import annotations

import base64
import hashlib
import hmac

from fclab.errors import SourceError
from fclab.server.oss import moments
from fclab.server.oss.asked import Asked
from fclab.server.oss.evidence import Evidence, no_signature

__all__ = ["from_header", "from_query", "sign", "text_to_sign"]

_SUBRESOURCES = frozenset((
    "acl", "append", "asyncFetch", "bucketInfo", "callback", "callback-var", "cname", "comp", "continuation-token", "cors", "delete",
    "encryption", "endTime", "group", "img", "inventory", "inventoryId", "lifecycle", "link", "live", "location", "logging", "metaQuery",
    "objectInfo", "objectMeta", "partNumber", "policy", "position", "qos", "qosInfo", "referer", "regionList", "replication",
    "replicationLocation", "replicationProgress", "requestPayment", "resourceGroup", "response-cache-control",
    "response-content-disposition", "response-content-encoding", "response-content-language", "response-content-type", "response-expires",
    "restore", "security-token", "sequential", "startTime", "stat", "status", "style", "styleName", "symlink", "tagging",
    "transferAcceleration", "uploadId", "uploads", "versionId", "versioning", "versions", "vod", "website", "worm", "wormExtend",
    "wormId", "x-oss-async-process", "x-oss-process", "x-oss-request-payer", "x-oss-traffic-limit",
))  # fmt: skip
"""Names in the query that the resource has in it; others are not signed."""


def text_to_sign(asked: Asked, date: str) -> bytes:
    """`date` is the Date header, x-oss-date in its place, or the seconds at which a URL expires."""
    own = sorted((name, value) for name, value in asked.headers.items() if name.startswith("x-oss-"))
    lines = [asked.method, asked.header("content-md5"), asked.header("content-type"), date, *(f"{name}:{value}" for name, value in own), ""]
    parts = sorted(pair for pair in asked.query if pair[0] in _SUBRESOURCES)
    query = "&".join(f"{name}={value}" if value else name for name, value in parts)
    resource = (f"/{asked.bucket}/{asked.key}" if asked.bucket else "/") + (f"?{query}" if query else "")
    return "\n".join(lines).encode("latin-1") + resource.encode()


def sign(secret: str, text: bytes) -> str:
    """The signature in base64."""
    return base64.b64encode(hmac.digest(secret.encode(), text, hashlib.sha1)).decode()


def from_header(asked: Asked) -> Evidence:
    """Of `Authorization: OSS <key>:<signature>`. Raises `SourceError`."""
    key, colon, signature = asked.header("authorization").removeprefix("OSS ").strip().partition(":")
    if not (key and colon and signature):
        raise no_signature("Authorization is: OSS <access key id>:<signature>.")
    date = asked.header("x-oss-date") or asked.header("date")
    made = moments.http(date)
    if made is None:
        raise SourceError("AccessDenied", "OSS authentication requires a valid Date.")
    return Evidence(key, signature, lambda secret: sign(secret, text_to_sign(asked, date)), made=made)


def from_query(asked: Asked) -> Evidence:
    """Of a URL with OSSAccessKeyId, Expires and Signature. Raises `SourceError`."""
    key, expires, signature = asked.option("OSSAccessKeyId"), asked.option("Expires"), asked.option("Signature")
    if not (key and expires and signature):
        raise no_signature("A signed URL has OSSAccessKeyId, Expires and Signature.")
    if not (expires.isascii() and expires.isdecimal() and len(expires) < 20):
        raise SourceError("AccessDenied", "Expires is not in seconds since 1970.")
    return Evidence(key, signature, lambda secret: sign(secret, text_to_sign(asked, expires)), expires=int(expires))
