"""Writes values as source, and says in a word what a value is."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Any, cast

__all__ = ["PLAIN", "Unwritable", "described", "is_lab", "real", "write"]

_DEEPEST = 40
_LONGEST = 1 << 20


class Unwritable(Exception):
    """A value that no source can be written for; `value` is the part that is to blame, `hint` says what else can be done, if anything."""

    def __init__(self, value: object, why: str = "", hint: str = "") -> None:
        self.hint = hint
        self.value = value
        self.why = why or described(value)
        super().__init__(self.why)


def is_lab(value: object) -> bool:
    """A `Lab`, without importing it."""
    return any((cls.__module__, cls.__qualname__) == ("fclab.lab", "Lab") for cls in type(value).__mro__)


def real(value: object) -> object:
    """What a clock or chance function of virtual time stands for; any other value itself."""
    if getattr(value, "__globals__", {}).get("__name__") != "fclab.backends.virtual.handler_time":
        return value
    if getattr(value, "__name__", "") == "_async_sleep":
        import asyncio

        return asyncio.sleep
    return getattr(value, "__wrapped__", value)


def described(value: object) -> str:
    """What it is, for an error: "an open file"."""
    kind = type(value)
    if is_lab(value):
        return "the lab itself"
    if isinstance(value, io.IOBase):
        return "an open file"
    if kind.__module__ in ("_thread", "threading"):
        name = kind.__name__.lower().strip("_")
        return f"an {name}" if name[0] in "aeio" else f"a {name}"
    if isinstance(value, type):
        return f"the class {value.__qualname__!r}"
    named = getattr(value, "__qualname__", None)
    if callable(value) and isinstance(named, str):
        return f"the function {named!r}"
    return f"a live object of the class {kind.__qualname__!r}"


def write(
    value: object, refer: Callable[[object], str], builtin: Callable[[str], str], module: Callable[[str], str], depth: int = 0
) -> str:
    """`value` as an expression that makes it anew.

    refer     the expression for what is no plain value: a function, class or module. Raises `Unwritable`
    builtin   the expression for a builtin's name, which the source may have given to something else
    module    the expression for a module of the standard library

    Raises `Unwritable` for a value that cannot be written, that holds itself, or that is nested too deep.
    """
    if depth > _DEEPEST:
        raise Unwritable(value, "a value that holds itself, or is nested too deep")

    def inner(part: object) -> str:
        return write(part, refer, builtin, module, depth + 1)

    it: Any = value
    kind = type(value)
    if kind in _WORDS:
        text = repr(value)
        if len(text) > _LONGEST:
            raise Unwritable(value, f"a constant of {len(text) / _LONGEST:.0f} MB")
        return text
    if kind is int:
        return repr(it) if abs(it) < 1 << 512 else hex(it)
    if kind is float:
        return repr(it) if abs(it) < float("inf") else f'{builtin("float")}("{it}")'
    if kind is complex:
        return f"{builtin('complex')}({inner(it.real)}, {inner(it.imag)})"
    if kind in _GROUPS:
        return _group(value, inner, builtin)
    if kind is dict:
        return "{" + ", ".join(f"{inner(key)}: {inner(held)}" for key, held in it.items()) + "}"
    return _of_library(value, inner, module) or refer(value)


_WORDS = (str, bytes, bool, type(None), type(...))
_GROUPS = (list, tuple, set, frozenset, bytearray)
PLAIN = (*_WORDS, *_GROUPS, int, float, complex, dict)
"""Types that are always written by value: they do not say which module they are from."""


def _group(value: object, inner: Callable[[object], str], builtin: Callable[[str], str]) -> str:
    if isinstance(value, bytearray):
        return f"{builtin('bytearray')}({bytes(value)!r})"
    parts = [inner(part) for part in cast('Iterable[object]', value)]
    if isinstance(value, list):
        return f"[{', '.join(parts)}]"
    if isinstance(value, tuple):
        return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
    parts.sort()
    written = f"{{{', '.join(parts)}}}" if parts else ""
    return written if written and isinstance(value, set) else f"{builtin(type(value).__name__)}({written})"


def _of_library(value: object, inner: Callable[[object], str], module: Callable[[str], str]) -> str | None:
    """Values of the standard library that are made by one call."""
    it: Any = value
    kind = type(value)
    place, name = kind.__module__.lstrip("_").partition(".")[0], kind.__name__
    arguments: tuple[object, ...]
    if (place, name) == ("re", "Pattern"):
        return f"{module('re')}.compile({inner(it.pattern)}, {it.flags})"
    if (place, name) == ("logging", "Logger"):
        return f"{module('logging')}.getLogger({inner(it.name)})"
    if place == "pathlib":
        arguments = (str(value),)
        name = name if name.startswith("Pure") else "Path"
    elif place in ("decimal", "pydecimal") and name == "Decimal":
        place, arguments = "decimal", (str(value),)
    elif (place, name) == ("fractions", "Fraction"):
        arguments = (it.numerator, it.denominator)
    elif (place, name) == ("uuid", "UUID"):
        arguments = (str(value),)
    elif (place, name) == ("zoneinfo", "ZoneInfo"):
        arguments = (it.key,)
    elif place == "datetime":
        reduced = _moment(value)
        if reduced is None:
            return None
        arguments = reduced
    elif (place, name) == ("functools", "partial"):
        options = "".join(f", {key}={inner(held)}" for key, held in it.keywords.items())
        return f"{module('functools')}.partial({', '.join(map(inner, (it.func, *it.args)))}{options})"
    elif place == "collections" and name in _COLLECTIONS:
        arguments = _COLLECTIONS[name](it)
    else:
        return None
    return f"{module(place)}.{name}({', '.join(map(inner, arguments))})"


_COLLECTIONS: dict[str, Callable[[Any], tuple[object, ...]]] = {
    "OrderedDict": lambda it: (list(it.items()),),
    "Counter": lambda it: (dict(it),),
    "defaultdict": lambda it: (it.default_factory, dict(it)),
    "deque": lambda it: (list(it), it.maxlen),
}


def _moment(value: object) -> tuple[object, ...] | None:
    """The arguments that make a value of the datetime module anew."""
    import datetime

    if isinstance(value, datetime.timedelta):
        return (value.days, value.seconds, value.microseconds)
    if isinstance(value, datetime.timezone):
        offset, name = value.utcoffset(None), value.tzname(None)
        return (offset,) if datetime.timezone(offset).tzname(None) == name else (offset, name)
    if isinstance(value, datetime.datetime):
        return (value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond, value.tzinfo)
    if isinstance(value, datetime.date):
        return (value.year, value.month, value.day)
    if isinstance(value, datetime.time):
        return (value.hour, value.minute, value.second, value.microsecond, value.tzinfo)
    return None
