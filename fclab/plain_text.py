"""Text that comes from anywhere, as it can be written anywhere."""

from __future__ import annotations

__all__ = ["printable"]


def printable(text: str) -> str:
    r"""The same, with \udcff and the like spelled out where a surrogate stands, which UTF-8 cannot say."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return text
