"""The forms that times have in requests and answers."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

__all__ = ["basic", "from_iso", "http", "rfc1123", "whole"]


def rfc1123(unix: float) -> str:
    """Seconds since 1970 as "Mon, 05 Jan 2026 12:00:00 GMT"."""
    return format_datetime(datetime.fromtimestamp(int(unix), UTC), usegmt=True)


def http(text: str) -> int | None:
    """Seconds since 1970 of such a text, or None if it is none."""
    try:
        moment = parsedate_to_datetime(text)
        return int((moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, TypeError, OverflowError):
        return None


def basic(text: str) -> int | None:
    """Seconds since 1970 of "20260105T120000Z", or None if it is none."""
    try:
        return int(datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp())
    except ValueError:
        return None


def from_iso(text: str) -> int:
    """Seconds since 1970, rounded down, of "2026-01-05T12:00:00.000Z"."""
    return int(datetime.fromisoformat(text).timestamp())


def whole(text: str) -> str:
    """"2026-01-05T12:00:00.999Z" as "2026-01-05T12:00:00.000Z": the product has whole seconds, and a client takes nothing else."""
    return f"{text[:19]}.000Z"
