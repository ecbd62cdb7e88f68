"""Primary keys: their types, and their encoding as bytes that sort as the keys do.

1. For two keys of one table, `encode(a) < encode(b)` as bytes exactly if a < b column by column: integers by value, texts by their code
   points, binaries by their bytes.
2. `decode` gives back what was encoded.
3. A bound with `math.inf` or `-math.inf` in a column lies after or before all keys that agree with it in the columns before.

All tables' rows lie in one SQLite table under (table, encoded key), so a range read over a key of one to four columns is one index scan.
Rejected: a SQLite table for each of ours. Its columns would sort the same way, but a composite bound needs row values and a statement for
each schema, a table's name would become SQL, and every `create_table` would throw away the prepared statements.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from fclab.sources.tables.refusals import LIMITS, invalid, refused

__all__ = ["TYPES", "Schema", "decode", "encode"]

Value = int | str | bytes | float
Schema = dict[str, str]
"""The columns of a primary key in their order, with their types."""

TYPES = {"INTEGER": int, "STRING": str, "BINARY": bytes}

_LOW, _VALUE, _HIGH = b"\x00", b"\x01", b"\x02"
"""What a column begins with: less than every value, a value, more than every value."""
_END, _ZERO = b"\x00\x00", b"\x00\xff"
"""A text or binary ends with the first; a zero byte inside it is written as the second."""
_SIGN = 1 << 63


def encode(schema: Schema, key: object, bound: bool = False) -> bytes:
    """A key as bytes (clause 1); with `bound`, infinite columns are allowed (clause 3).

    Raises `SourceError`: OTSInvalidPK for a key of another form than the schema, OTSParameterInvalid for a value that no key can have.
    """
    if not isinstance(key, Mapping) or list(key) != list(schema):
        key = _ordered(schema, key)
    return b"".join(_column(name, kind, key[name], bound) for name, kind in schema.items())


def decode(schema: Schema, data: bytes) -> dict[str, Value]:
    """The key that was encoded (clause 2)."""
    key: dict[str, Value] = {}
    at = 0
    for name, kind in schema.items():
        at += 1
        if kind == "INTEGER":
            key[name] = int.from_bytes(data[at : at + 8], "big") - _SIGN
            at += 8
            continue
        end = data.index(_END, at)
        raw = data[at:end].replace(_ZERO, b"\x00")
        key[name] = raw if kind == "BINARY" else raw.decode()
        at = end + 2
    return key


def _ordered(schema: Schema, key: object) -> dict[str, object]:
    form = ", ".join(f"{name!r}: {kind}" for name, kind in schema.items())
    if not isinstance(key, Mapping):
        raise invalid(f"A primary key is a mapping of column names to values, not {key!r}.", f"give {{{form}}}")
    if set(key) != set(schema):
        raise refused("OTSInvalidPK", f"Primary key schema mismatch: {dict(key)!r}.", f"the table's key is {{{form}}}, all of it")
    return {name: key[name] for name in schema}


def _column(name: str, kind: str, value: object, bound: bool) -> bytes:
    if bound and isinstance(value, float) and math.isinf(value):
        return _HIGH if value > 0 else _LOW
    if isinstance(value, bool) or not isinstance(value, TYPES[kind]):
        also = ", math.inf or -math.inf" if bound else ""
        raise refused("OTSInvalidPK", f"Primary key column {name!r} is {kind}, unlike {value!r}.", f"give {TYPES[kind].__name__}{also}")
    if isinstance(value, int):
        if not -_SIGN <= value < _SIGN:
            raise invalid(f"Value of column {name!r} is no 64-bit integer: {value}.", "from -2**63 to 2**63 - 1")
        return _VALUE + (value + _SIGN).to_bytes(8, "big")
    assert isinstance(value, str | bytes)
    raw = value if isinstance(value, bytes) else utf8(name, value)
    if len(raw) > LIMITS["key"]:
        raise invalid(
            f"The length of primary key column {name!r} exceeds the MaxLength: {LIMITS['key']} with CurrentLength: {len(raw)}.",
            "keep long values in other columns",
        )
    return _VALUE + raw.replace(b"\x00", _ZERO) + _END


def utf8(name: str, value: str) -> bytes:
    """A text as bytes. Raises `SourceError` for half a surrogate pair."""
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        raise invalid(f"Value of column {name!r} must be UTF8 encoding.", f"position {error.start} holds half a surrogate pair") from None
