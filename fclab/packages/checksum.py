"""CRC-64 (ECMA-182 as XZ has it: reflected, start and end inverted), which the product names a code package's checksum by.

Plain Python does about 16 MB a second, so it is computed when somebody asks; what decides in the lab is the SHA-256.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["crc64"]

_POLYNOMIAL = 0xC96C_5795_D787_0F42
_ONES = (1 << 64) - 1


def _entry(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ _POLYNOMIAL if byte & 1 else byte >> 1
    return byte


_TABLE = [_entry(byte) for byte in range(256)]


def crc64(chunks: Iterable[bytes]) -> str:
    """The checksum of these chunks, one after the other, as a decimal number."""
    table, crc = _TABLE, _ONES
    for chunk in chunks:
        for byte in chunk:
            crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return str(crc ^ _ONES)
