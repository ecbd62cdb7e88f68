"""Columns of numbers as bytes for the browser: little-endian arrays one after another."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable

__all__ = ["pack"]


def pack(layout: str, *columns: Iterable[float]) -> bytes:
    """The columns as bytes: `layout` has one letter a column, as in `array`, of d, I, H and B, widest first.

    Widest first keeps every column aligned, so the browser reads them in place.
    """
    out = []
    for code, column in zip(layout, columns, strict=True):
        made = array(code, column)
        if sys.byteorder == "big":
            made.byteswap()
        out.append(made.tobytes())
    return b"".join(out)
