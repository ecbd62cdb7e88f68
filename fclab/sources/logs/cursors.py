"""Cursors: places in a shard, opaque to those who hold them."""

from __future__ import annotations

import base64
import re

from fclab.errors import SourceError

__all__ = ["cursor", "position"]

_FORM = re.compile(rb"(\d{1,18})\.(\d{1,4})\.(\d{1,18})")


def cursor(store: int, shard: int, number: int) -> str:
    """The place in a shard just before the log of that number."""
    return base64.b64encode(b"%d.%d.%d" % (store, shard, number)).decode()


def position(text: object, store: int, shard: int, what: str) -> int:
    """The number in a cursor of this very shard. Raises `SourceError` ("InvalidCursor")."""
    hint = "take one from get_cursor, from pull, or from the event"
    try:
        match = _FORM.fullmatch(base64.b64decode(text, validate=True)) if isinstance(text, str) else None
    except ValueError:
        match = None
    if match is None:
        raise SourceError("InvalidCursor", f"{what} is no cursor: {text!r}.", hint=hint)
    if (int(match[1]), int(match[2])) != (store, shard):
        raise SourceError("InvalidCursor", f"{what} is a cursor of another shard.", hint=hint)
    return int(match[3])
