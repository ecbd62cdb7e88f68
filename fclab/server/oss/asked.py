"""What a request to the object store asks for: bucket, key, query and headers, out of the raw request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from fclab.errors import SourceError

__all__ = ["Asked", "encode", "parse"]

_VIRTUAL = re.compile(r"([a-z0-9][a-z0-9-]{1,61}[a-z0-9])\.oss[-.]")
"""A client that takes an IP address for a proxy sends the key as the path, and its bucket in Host."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The head of a request.

    bucket    "" for what is about all buckets
    key       "" for what is about a bucket
    query     names and values, decoded, in the order in which they came
    headers   by name in lower case; values as ISO 8859-1 has their bytes, without blanks around
    """

    method: str
    bucket: str
    key: str
    query: tuple[tuple[str, str], ...]
    headers: dict[str, str]

    def header(self, name: str) -> str:
        """A header's value, or ""."""
        return self.headers.get(name, "")

    def option(self, name: str) -> str | None:
        """The value of a name in the query, None if it is not there; "" both for `name` and `name=`."""
        return next((value for one, value in self.query if one == name), None)

    def __contains__(self, name: str) -> bool:
        return self.option(name) is not None

    def text(self, name: str) -> str:
        """A header's value in UTF-8 if it is that. Raises nothing: what is no UTF-8 is taken as ISO 8859-1."""
        raw = self.header(name).encode("latin-1")
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return raw.decode("latin-1")

    def number(self, name: str, default: int, least: int, most: int) -> int:
        """A whole number of the query; `default` if it is absent or empty. Raises `SourceError` (InvalidArgument) outside [least, most]."""
        value = self.option(name)
        if not value:
            return default
        if not (value.isascii() and value.isdecimal() and len(value) < 20 and least <= int(value) <= most):
            raise SourceError("InvalidArgument", f"{name} is a whole number from {least} to {most}, not {value!r:.99}.")
        return int(value)


def parse(method: str, path: str, query: str, headers: Mapping[str, str]) -> Asked:
    """Read a request's head. `path` and `query` are percent-encoded, as they were sent, `headers` as `Asked` has them.

    A "+" in the query is a blank: one client sends it so, and no client sends a plus that is not "%2B". Raises `SourceError`.
    """
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    options = tuple((_decode(name.replace("+", " ")), _decode(value.replace("+", " "))) for name, _, value in pairs)
    rest = path.removeprefix("/")
    virtual = _VIRTUAL.match(headers.get("host", ""))
    if virtual is not None:
        return Asked(method, virtual[1], _decode(rest), options, dict(headers))
    bucket, _, key = rest.partition("/")
    return Asked(method, _decode(bucket), _decode(key), options, dict(headers))


def _decode(raw: str) -> str:
    try:
        return unquote_to_bytes(raw.encode("latin-1")).decode()
    except UnicodeDecodeError:
        raise SourceError("InvalidURI", f"{raw!r:.99} is no UTF-8.", hint="percent-encode the UTF-8 bytes of a text") from None


def encode(text: str, safe: str = "") -> str:
    """Percent-encode all but A-Z a-z 0-9 - . _ ~ and `safe`."""
    return quote(text, safe=safe)
