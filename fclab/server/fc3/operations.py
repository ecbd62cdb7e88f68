"""What an operation of FC 3.0 is given, and how it is found: by method and path."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl, unquote

from fclab.server.refusals import Refused

if TYPE_CHECKING:
    from starlette.responses import Response

    from fclab.server.intake import Arrived
    from fclab.server.shared import Shared

__all__ = ["VERSION", "Call", "Operation", "Part", "Routes", "decoded", "page"]

VERSION = "2023-03-30"
_MB = 1 << 20


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an operation.

    params    what stands in the path for {names}, decoded
    query     decoded, the last of several of one name
    headers   by lower-case name; body: raw
    """

    params: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def name(self) -> str:
        """The function that it is about."""
        return self.params[0]

    def json(self) -> dict[str, Any]:
        """The body, a JSON object; {} where there is none. Raises `Refused`."""
        try:
            value = json.loads(self.body or b"{}")
        except (ValueError, RecursionError):
            raise Refused(400, "InvalidArgument", "the body is no JSON") from None
        if not isinstance(value, dict):
            raise Refused(400, "InvalidArgument", "the body is no JSON object")
        return {name: one for name, one in value.items() if one is not None}

    def whole(self, name: str, usual: int, least: int, most: int) -> int:
        """A number of the query."""
        text = self.query.get(name) or str(usual)
        if not (text.isascii() and text.isdigit()) or not least <= int(text[:18]) <= most:
            raise Refused(400, "InvalidArgument", f"{name} is a whole number from {least} to {most}, not {text[:40]!r}")
        return int(text)

    def flag(self, name: str) -> bool:
        """A truth value of the query; clients write it as True or true."""
        return self.query.get(name, "").lower() == "true"

    def latest(self) -> None:
        """Refuse every qualifier but LATEST, for there are no versions."""
        qualifier = self.query.get("qualifier") or "LATEST"
        if qualifier != "LATEST":
            raise Refused(404, "VersionNotFound", f"function '{self.name}' has no version or alias '{qualifier[:64]}'")


def page(call: Call, rows: list[dict[str, Any]], key: str, name: str, usual: int = 20) -> dict[str, Any]:
    """The part of `rows`, sorted by their `key`, that a list call asks for; nextToken is the first key of the next page."""
    limit, token = call.whole("limit", usual, 1, 100), call.query.get("nextToken") or ""
    prefix = call.query.get("prefix") or ""
    rest = sorted((row for row in rows if row[key] >= token and row[key].startswith(prefix)), key=lambda row: cast(str, row[key]))
    more = {"nextToken": rest[limit][key]} if len(rest) > limit else {}
    return {name: rest[:limit], **more}


@dataclass(frozen=True, slots=True)
class Operation:
    """action   the product's name for it
    do       the answer's JSON object, or None for an answer without a body
    most     bytes of its body
    direct   in place of `do`: makes the whole answer on the server's loop
    """

    action: str
    method: str
    path: str
    do: Callable[[Call], Mapping[str, Any] | None] | None
    most: int = _MB
    direct: Callable[[Arrived, Call], Awaitable[Response]] | None = None


class Part:
    """Operations that belong together, on one kind of thing."""

    def __init__(self, shared: Shared) -> None:
        self.shared = shared
        self.lab, self.shelf = shared.lab, shared.shelf

    def operations(self) -> list[Operation]:
        """What clients may ask."""
        return []

    def restore(self) -> None:
        """The server begins: bring back what the shelf of an earlier life says."""


class Routes:
    """Operations by method and path. Paths are split before they are decoded, so a name may hold a slash."""

    def __init__(self, operations: list[Operation]) -> None:
        self._by: dict[tuple[str, int], list[tuple[tuple[str, ...], Operation]]] = {}
        for one in operations:
            parts = tuple(one.path.strip("/").split("/"))
            self._by.setdefault((one.method, len(parts)), []).append((parts, one))

    def find(self, method: str, path: str) -> tuple[Operation, tuple[str, ...]]:
        """The operation, and the path's parameters. Raises `Refused`: PathNotSupported."""
        given = path.split("/")[2:]
        for parts, operation in self._by.get((method, len(given)), ()):
            if all(part[0] == "{" or part == text for part, text in zip(parts, given, strict=True)):
                params = tuple(unquote(text) for part, text in zip(parts, given, strict=True) if part[0] == "{")
                if all(params):
                    return operation, params
        raise Refused(400, "PathNotSupported", f"'{method}' against '{path[:200]}' is not supported")


def decoded(query: str) -> dict[str, str]:
    """A raw query as names and values."""
    try:
        return dict(parse_qsl(query, keep_blank_values=True, max_num_fields=200)) if query else {}
    except ValueError:
        raise Refused(400, "InvalidArgument", "the query has too many fields") from None
