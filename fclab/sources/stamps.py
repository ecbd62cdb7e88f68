"""Times as events and answers say them. All take µs since 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["stamp", "stamp_ms"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def stamp(unix: int) -> str:
    """To the second: "2026-01-31T02:00:00Z"."""
    return (_EPOCH + timedelta(microseconds=unix)).strftime("%Y-%m-%dT%H:%M:%SZ")


def stamp_ms(unix: int) -> str:
    """To the millisecond: "2026-01-05T12:00:00.000Z"."""
    return (_EPOCH + timedelta(microseconds=unix)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
