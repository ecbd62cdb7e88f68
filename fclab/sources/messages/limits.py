"""What the message service accepts, in the product's words, and the errors it answers with."""

from __future__ import annotations

import base64
import hashlib
import re

from fclab.errors import SourceError, UsageError
from fclab.sources.base import utf8
from fclab.units import SECOND

__all__ = ["BATCH", "BODY", "NAME", "body_bytes", "digest", "message_id", "name", "receipt", "receipt_of", "whole", "within"]

BODY = 65_536
"""Bytes of a message, at most."""

BATCH = 16
"""Messages that one send or receive may have, at most."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,119}")


def name(value: object, what: str) -> str:
    """A queue's or topic's name. Raises `SourceError` InvalidArgument."""
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise SourceError("InvalidArgument", f"{value!r} is no {what}'s name.", hint="use 1 to 120 letters, digits and -, not - first")
    return value


def body_bytes(value: object) -> bytes:
    """A message's body: bytes, or text as UTF-8. Raises `UsageError` for other types, `SourceError` for more than 64 KB or none."""
    if isinstance(value, str):
        value = utf8(value, "A message's body")
    if not isinstance(value, bytes):
        raise UsageError(f"A message's body is text or bytes, not {type(value).__name__}.", hint="json.dumps(...) makes text of the rest")
    if not 1 <= len(value) <= BODY:
        raise SourceError("InvalidArgument", f"A message of {len(value)} bytes: 1 to {BODY} are allowed.", hint="send where the data is")
    return value


def whole(value: object, what: str, least: int, most: int) -> int:
    """A whole number in [least, most]. Raises `SourceError` InvalidArgument."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise SourceError("InvalidArgument", f"{what} is a whole number from {least} to {most}, not {value!r}.", hint="choose one of those")
    return value


def within(value: object, what: str, least: int, most: int) -> int:
    """µs of a whole number of seconds in [least, most]. Raises `SourceError` InvalidArgument."""
    return whole(value, f"{what} in seconds", least, most) * SECOND


def digest(body: bytes) -> str:
    """The MD5 as the product writes it: hexadecimal, in capitals."""
    return hashlib.md5(body, usedforsecurity=False).hexdigest().upper()


def message_id(kind: str, number: int) -> str:
    """The id of the message that is the `number`th of its kind: 32 hexadecimal digits, the same in every run."""
    return hashlib.md5(f"{kind}:{number}".encode(), usedforsecurity=False).hexdigest().upper()


def receipt(priority: int, number: int, visible: int, received: int) -> str:
    """The handle that one receipt of a message gives: good until the message is visible again (µs since 1970)."""
    return f"{priority}-{base64.urlsafe_b64encode(f'{number}.{visible}.{received}'.encode()).decode()}"


def receipt_of(handle: object) -> tuple[int, int, int]:
    """Message, end and count of a handle. Raises `SourceError` ReceiptHandleError for what is none."""
    try:
        if not isinstance(handle, str):
            raise TypeError
        number, visible, received = map(int, base64.urlsafe_b64decode(handle.partition("-")[2].encode()).split(b"."))
    except (ValueError, TypeError):
        raise SourceError("ReceiptHandleError", f"{handle!r} is no receipt handle.", hint="receive() gives one with each message") from None
    return number, visible, received
