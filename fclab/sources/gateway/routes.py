"""Routes: which requests they match, and which of them wins."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from fclab.errors import UsageError

__all__ = ["METHODS", "STAGES", "Route", "header"]

METHODS = ("ANY", "GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS")
STAGES = ("release", "pre", "test")
_LITERAL = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%-]+")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t -~\x80-\xff]*")
_PARAMETER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(\+?)\}")


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path of a stage.

    1. A path is of segments: a text, one parameter {id} for a whole segment, or, as the last, {rest+} for one segment or more.
    2. Of the routes that match, the most specific wins: from the left, a text before a parameter before {rest+}; then a named method
       before ANY.
    3. Two routes of a stage never match by the same right: equal up to the names of their parameters, one is refused.
    """

    stage: str
    method: str
    segments: tuple[str, ...]

    @classmethod
    def of(cls, stage: object, method: object, path: object) -> Route:
        """Checked. Raises `UsageError`."""
        if stage not in STAGES:
            raise UsageError(f"A stage is one of {', '.join(STAGES)}, not {stage!r}.", hint="release is what everybody calls")
        if method not in METHODS:
            raise UsageError(f"A route's method is one of {', '.join(METHODS)}, not {method!r}.", hint="ANY stands for all")
        if not isinstance(path, str) or not path.startswith("/"):
            raise UsageError(f"A route's path begins with /, unlike {path!r}.", hint='such as "/orders/{id}"')
        segments = _segments(path)
        names = []
        for place, segment in enumerate(segments, 1):
            found = _PARAMETER.fullmatch(segment)
            if found is None and not _LITERAL.fullmatch(segment):
                raise UsageError(f"{segment!r} cannot be a segment of the path {path!r}.", hint="a text, {name}, or {name+} at the end")
            if found is not None:
                names.append(found[1])
                if found[2] and place < len(segments):
                    raise UsageError(f"{segment!r} takes all that follows, so nothing can follow it in {path!r}.", hint="put it last")
        if len(set(names)) < len(names):
            raise UsageError(f"The path {path!r} gives one name to two parameters.", hint="choose other names")
        return cls(str(stage), str(method), segments)

    @property
    def path(self) -> str:
        """As it was given."""
        return "/" + "/".join(self.segments)

    @property
    def right(self) -> tuple[str, str, tuple[str, ...]]:
        """What two routes of a stage may not have in common (clause 3)."""
        shape = tuple(("{+}" if found[2] else "{}") if (found := _PARAMETER.fullmatch(one)) else one for one in self.segments)
        return self.stage, self.method, shape

    @property
    def rank(self) -> tuple[tuple[int, ...], int]:
        """The lower, the more specific (clause 2)."""
        ranks = tuple((2 if found[2] else 1) if (found := _PARAMETER.fullmatch(one)) else 0 for one in self.segments)
        return ranks, self.method == "ANY"

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """The parameters, decoded, of a request's method and encoded path; None if it is for another route."""
        if self.method not in ("ANY", method):
            return None
        asked = _segments(path)
        values: dict[str, str] = {}
        for place, segment in enumerate(self.segments):
            if place >= len(asked):
                return None
            found = _PARAMETER.fullmatch(segment)
            if found is None:
                if unquote(segment) != unquote(asked[place]):
                    return None
            elif found[2]:
                values[found[1]] = unquote("/".join(asked[place:]))
                return values
            else:
                values[found[1]] = unquote(asked[place])
        return values if len(asked) == len(self.segments) else None


def header(name: object, value: object) -> bool:
    """Whether an HTTP answer can carry it: a token, and a text of one line in Latin-1."""
    return isinstance(name, str) and isinstance(value, str) and bool(_TOKEN.fullmatch(name) and _VALUE.fullmatch(value))


def _segments(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.split("/") if part)
