"""Plain values as bytes: what a handler says to the lab's sources, and what they answer.

A value is a mark and what follows it: N none, T true, F false, I an integer's digits, D eight bytes of a double, S text, B bytes, L a list,
M a mapping of texts. What has a size says it in four bytes. Nothing in it can name code, so reading it is safe whoever wrote it.
"""

from _struct import Struct

__all__ = ["DEPTH", "SERVICES", "decode", "encode"]

SERVICES = ("objects", "tables", "logs", "topics", "queues", "bus", "timers", "cdn")
"""The sources that a handler's context has."""

DEPTH = 64
"""Lists and mappings may hold one another so deep."""

_SIZE = Struct("<I")
_DOUBLE = Struct("<d")


def encode(value: object) -> bytes:
    """A value as bytes. Raises TypeError for what is not plain, ValueError for what is nested too deep."""
    parts: list[bytes] = []
    _write(value, parts, 0)
    return b"".join(parts)


def _write(value: object, parts: "list[bytes]", depth: int) -> None:
    if depth > DEPTH:
        raise ValueError(f"a value nested deeper than {DEPTH}")
    if value is None:
        parts.append(b"N")
    elif value is True or value is False:
        parts.append(b"T" if value else b"F")
    elif isinstance(value, int):
        _sized(b"I", b"%d" % value, parts)
    elif isinstance(value, float):
        parts.append(b"D" + _DOUBLE.pack(value))
    elif isinstance(value, str):
        _sized(b"S", value.encode(), parts)
    elif isinstance(value, (bytes, bytearray, memoryview)):
        _sized(b"B", bytes(value), parts)
    elif isinstance(value, (list, tuple)):
        parts.append(b"L" + _SIZE.pack(len(value)))
        for one in value:
            _write(one, parts, depth + 1)
    elif isinstance(value, dict):
        parts.append(b"M" + _SIZE.pack(len(value)))
        for key, one in value.items():
            if not isinstance(key, str):
                raise TypeError(f"a mapping's names are texts, not {type(key).__name__}")
            _sized(b"S", key.encode(), parts)
            _write(one, parts, depth + 1)
    else:
        raise TypeError(f"a {type(value).__name__} is no plain value")


def _sized(mark: bytes, data: bytes, parts: "list[bytes]") -> None:
    parts += (mark, _SIZE.pack(len(data)), data)


def decode(data: bytes) -> object:
    """The value. Raises ValueError for what `encode` did not make."""
    value, end = _read(data, 0, 0)
    if end != len(data):
        raise ValueError("more bytes than the value has")
    return value


def _read(data: bytes, at: int, depth: int) -> "tuple[object, int]":
    mark, at = data[at : at + 1], at + 1
    if mark in (b"N", b"T", b"F"):
        return (None if mark == b"N" else mark == b"T"), at
    if mark == b"D":
        return _DOUBLE.unpack(_cut(data, at, 8))[0], at + 8
    size, at = _SIZE.unpack(_cut(data, at, 4))[0], at + 4
    if mark in (b"I", b"S", b"B"):
        body, at = _cut(data, at, size), at + size
        if mark == b"B":
            return body, at
        text = body.decode()
        return (int(text) if mark == b"I" else text), at
    if mark not in (b"L", b"M") or depth >= DEPTH or size > len(data) - at:
        raise ValueError("no value")
    if mark == b"L":
        some: list[object] = []
        for _ in range(size):
            one, at = _read(data, at, depth + 1)
            some.append(one)
        return some, at
    made: dict[str, object] = {}
    for _ in range(size):
        key, at = _read(data, at, depth + 1)
        if not isinstance(key, str):
            raise ValueError("a mapping's name is no text")
        made[key], at = _read(data, at, depth + 1)
    return made, at


def _cut(data: bytes, at: int, size: int) -> bytes:
    body = data[at : at + size]
    if len(body) != size:
        raise ValueError("a value is cut")
    return body
