"""Payloads as bytes: what callers may send, and what handlers may return."""

from __future__ import annotations

import datetime
import decimal
import json

from fclab.errors import UsageError

__all__ = ["encode_result", "to_bytes"]


def to_bytes(payload: object) -> bytes:
    """An event as bytes: bytes as they are, text as UTF-8, anything else as JSON. Raises `UsageError` for what JSON cannot say."""
    if isinstance(payload, (bytes, bytearray, memoryview)):
        return bytes(payload)
    if isinstance(payload, str):
        return payload.encode()
    try:
        return json.dumps(payload, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"A payload of type {type(payload).__name__} cannot be sent ({error}).", hint="give bytes, text, or what JSON can say"
        ) from None


def encode_result(value: object) -> bytes:
    """What a handler returned, as bytes: text and bytes as they are, the rest as JSON indented by 4 with sorted keys.

    Decimal becomes a number, dates ISO text, objects with `to_json()` its result (the product's Python runtime). Raises TypeError.
    """
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    if value is None:
        return b"null"  # the commonest of the rest, and what follows is slow
    return json.dumps(value, indent=4, sort_keys=True, default=_default).encode()


def _default(value: object) -> object:
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    to_json = getattr(value, "to_json", None)
    if callable(to_json):
        return to_json()
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
