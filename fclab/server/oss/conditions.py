"""Which bytes a request wants, and under which conditions it wants them."""

from __future__ import annotations

import re
from typing import Any

from fclab.errors import SourceError
from fclab.server.oss import moments
from fclab.server.oss.asked import Asked

__all__ = ["byte_range", "changed", "copy_range"]

_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})", re.ASCII)

Span = tuple[int | None, int | None]


def byte_range(asked: Asked, size: int) -> Span | None:
    """The span of `Range: bytes=first-last`, None for all of it: also where the header is of another form or has several ranges, and,
    unless x-oss-range-behavior is "standard", where the range begins behind the end, as the product has it."""
    found = _RANGE.fullmatch(asked.header("range"))
    if found is None:
        return None
    first, last = (int(text) if text else None for text in found.groups())
    if (first is None and not last) or (first is not None and last is not None and last < first):
        return None
    beyond = not size or (first is not None and first >= size) or (last is not None and first is not None and last >= size)
    if beyond and asked.header("x-oss-range-behavior").lower() != "standard":
        return None
    return first, last


def copy_range(asked: Asked) -> Span | None:
    """The span of x-oss-copy-source-range, None if there is none. Raises `SourceError` (InvalidArgument) for what is no range."""
    text = asked.header("x-oss-copy-source-range")
    if not text:
        return None
    found = _RANGE.fullmatch(text)
    if found is None or not found[1]:
        raise SourceError("InvalidArgument", f"{text!r:.99} is no range.", hint="bytes=0-99")
    return int(found[1]), int(found[2]) if found[2] else None


def changed(asked: Asked, facts: dict[str, Any], before: str = "") -> bool:
    """Whether an object is to be sent: False if the client has it already.

    facts    what the store tells of the object
    before   what stands in front of the four headers' names: "x-oss-copy-source-" for a copy
    Raises `SourceError` (PreconditionFailed) if it is not the one that is meant. A time that is none is no condition; If-None-Match
    counts more than If-Modified-Since, If-Match more than If-Unmodified-Since.
    """
    etag, modified = facts["etag"], moments.from_iso(facts["last_modified"])
    match, none = asked.header(f"{before}if-match"), asked.header(f"{before}if-none-match")
    unmodified = moments.http(asked.header(f"{before}if-unmodified-since"))
    since = moments.http(asked.header(f"{before}if-modified-since"))
    if (match and not _among(etag, match)) or (not match and unmodified is not None and modified > unmodified):
        raise SourceError("PreconditionFailed", "At least one of the pre-conditions you specified did not hold.")
    if none:
        return not _among(etag, none)
    return since is None or modified > since


def _among(etag: str, listed: str) -> bool:
    tags = [one.strip().removeprefix("W/").strip('"').upper() for one in listed.split(",")]
    return "*" in tags or etag.upper() in tags
