"""CRC-64 (ECMA-182 as XZ has it: reflected, start and end inverted), the product's checksum of code packages and objects.

anycrc computes it at several GB a second. Python in the browser has no build of anycrc; the loop here, 16 MB a second, stands in there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

__all__ = ["crc64"]

_POLYNOMIAL = 0xC96C_5795_D787_0F42
_ONES = (1 << 64) - 1


def crc64(chunks: Iterable[bytes], start: str = "0") -> str:
    """The checksum of these chunks, one after the other, as a decimal number. `start`: that of what came before them."""
    step, crc = _step(), int(start)
    for chunk in chunks:
        crc = step(chunk, crc)
    return str(crc)


@cache
def _step() -> Callable[[bytes, int], int]:
    try:
        import anycrc
    except ModuleNotFoundError:
        return loop
    calc: Callable[[bytes, int], int] = anycrc.Model("CRC64-XZ").calc
    return calc


def loop(chunk: bytes, crc: int) -> int:
    """The checksum of what had `crc` with `chunk` after it, without anycrc."""
    table, crc = _table(), crc ^ _ONES
    for byte in chunk:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ _ONES


@cache
def _table() -> list[int]:
    return [_entry(byte) for byte in range(256)]


def _entry(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ _POLYNOMIAL if byte & 1 else byte >> 1
    return byte
