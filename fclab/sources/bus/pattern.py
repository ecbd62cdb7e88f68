"""The language of event patterns: which events a rule or a trigger wants. Pure functions.

A pattern is an object whose names are fields of the event, nested as the event is; at its leaves are arrays of conditions. All fields
must fit (and); for one field one of the conditions is enough (or). Where the event has an array, one element of it is enough.

"text", 5, true, null, ""             equal; 5 equals 5.0, and true is no number
{"prefix": "a"}  {"suffix": "a"}  {"contains": "a"}   of texts
{"anything-but": ...}                 there, and neither this text or number, nor one of these, nor {"prefix"|"suffix"|"contains": ...}
{"numeric": [">", 0, "<=", 5]}        a number in the range; also "=", "<", ">="
{"cidr": "10.0.0.0/24"}               an IPv4 address in the block
{"exists": true}  {"exists": false}   there at all, whatever it is; or not
"""

from __future__ import annotations

import ipaddress
import operator
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from fclab.errors import UsageError

__all__ = ["check", "fits"]

_DEEPEST = 32
_SIGNS: dict[object, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_TEXTS: dict[str, Callable[[str, str], bool]] = {"prefix": str.startswith, "suffix": str.endswith, "contains": operator.contains}


class _Missing:
    pass


_MISSING = _Missing()


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


@lru_cache(maxsize=256)
def _block(cidr: str) -> ipaddress.IPv4Network:
    return ipaddress.IPv4Network(cidr, strict=False)


# ---- checking a pattern


def check(pattern: object, where: str = "the pattern", depth: int = 0) -> Mapping[str, Any]:
    """The pattern, if it is one. Raises `UsageError` that says where it is none."""
    if not isinstance(pattern, Mapping):
        raise UsageError(f"{where} is an object of fields, not {pattern!r}.", hint='such as {"source": ["acs.oss"]}')
    if depth > _DEEPEST:
        raise UsageError(f"{where} is nested deeper than {_DEEPEST}.", hint="look at fewer levels")
    for field, wanted in pattern.items():
        place = f"{where}: {field}"
        if not isinstance(field, str):
            raise UsageError(f"{where} has a field {field!r} that is no text.", hint="fields are texts")
        if isinstance(wanted, Mapping) and wanted:
            check(wanted, place, depth + 1)
        elif isinstance(wanted, (list, tuple)) and wanted:
            for condition in wanted:
                _check_condition(condition, place)
        else:
            raise UsageError(f"{place} is an array of conditions or an object of fields, neither empty, unlike {wanted!r}.",
                             hint='such as ["acs.oss"]')  # fmt: skip
    return pattern


def _check_condition(condition: object, place: str) -> None:
    if condition is None or isinstance(condition, (str, bool)) or _number(condition):
        return
    if isinstance(condition, Mapping) and len(condition) == 1:
        ((name, value),) = condition.items()
        if _right(name, value):
            return
    hint = "a text, number, true, false or null, or one of prefix, suffix, contains, anything-but, numeric, cidr, exists"
    raise UsageError(f"{place} has a condition that is none: {condition!r}.", hint=hint)


def _right(name: object, value: object) -> bool:
    if name in _TEXTS:
        return isinstance(value, str) and value != ""
    if name == "exists":
        return isinstance(value, bool)
    if name == "numeric":
        return _right_range(value)
    if name == "cidr":
        return isinstance(value, str) and _is_block(value)
    if name == "anything-but":
        if isinstance(value, Mapping):
            return len(value) == 1 and all(key in _TEXTS and _right(key, text) for key, text in value.items())
        return all(isinstance(one, str) or _number(one) for one in _several(value)) and value != []
    return False


def _right_range(value: object) -> bool:
    if not isinstance(value, (list, tuple)) or len(value) not in (2, 4):
        return False
    return all(one in _SIGNS if place % 2 == 0 else _number(one) for place, one in enumerate(value))


def _is_block(text: str) -> bool:
    try:
        _block(text)
    except ValueError:
        return False
    return True


def _several(value: object) -> list[Any] | tuple[Any, ...]:
    return value if isinstance(value, (list, tuple)) else [value]


# ---- matching


def fits(pattern: Mapping[str, Any], event: object) -> bool:
    """Does an event fit a pattern that was checked? An empty pattern fits every event."""
    for field, wanted in pattern.items():
        value = event.get(field, _MISSING) if isinstance(event, Mapping) else _MISSING
        if isinstance(wanted, Mapping):
            if not fits(wanted, value):
                return False
        elif not any(_meets(condition, value) for condition in wanted):
            return False
    return True


def _meets(condition: object, value: object) -> bool:
    if isinstance(condition, Mapping) and "exists" in condition:
        return (value is not _MISSING) is condition["exists"]
    if isinstance(value, (list, tuple)):
        return any(_holds(condition, one) for one in value)
    return value is not _MISSING and _holds(condition, value)


def _holds(condition: object, value: object) -> bool:
    if not isinstance(condition, Mapping):
        return _equal(condition, value)
    ((name, wanted),) = condition.items()
    if name in _TEXTS:
        return isinstance(value, str) and _TEXTS[name](value, wanted)
    if name == "numeric":
        return _number(value) and all(_SIGNS[sign](value, bound) for sign, bound in zip(wanted[::2], wanted[1::2], strict=True))
    if name == "cidr":
        return isinstance(value, str) and _inside(value, wanted)
    if isinstance(wanted, Mapping):
        return not _holds(wanted, value)
    return not any(_equal(one, value) for one in _several(wanted))


def _equal(wanted: object, value: object) -> bool:
    if isinstance(wanted, bool) or isinstance(value, bool) or wanted is None:
        return wanted is value
    return wanted == value


def _inside(text: str, cidr: str) -> bool:
    try:
        return ipaddress.IPv4Address(text) in _block(cidr)
    except ValueError:
        return False
