"""Values and classes that one call made, and that are written by their parts: enumerations, named tuples, types with arguments."""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

from fclab.packages.definitions import NoSource, of_class

__all__ = ["called", "composed"]

_VARIABLES = ("TypeVar", "ParamSpec", "TypeVarTuple", "NewType")


def composed(value: object, part: Callable[[object], str], module: Callable[[str], str]) -> str | None:
    """The expression for a value that is known by its parts; None for any other.

    part     the expression for a part of it
    module   the expression for a module of the standard library
    """
    it: Any = value
    if isinstance(value, enum.Enum):
        cls = part(type(value))
        if value.name not in type(value).__members__:
            return f"{cls}({part(value.value)})"
        return f"{cls}.{value.name}" if value.name.isidentifier() else f"{cls}[{value.name!r}]"
    if isinstance(value, tuple) and getattr(value, "_fields", None):
        return f"{part(type(value))}({', '.join(map(part, value))})"
    if _only_fields(value):
        return f"{part(type(value))}({', '.join(f'{field.name}={part(getattr(it, field.name))}' for field in dataclasses.fields(it))})"
    return _type(value, part, module)


def _only_fields(value: object) -> bool:
    """An object of a data class that holds what its own `__init__` was given, and nothing else."""
    cls: Any = type(value)
    made_by = getattr(vars(cls).get("__init__"), "__code__", None)
    if not hasattr(cls, "__dataclass_fields__") or hasattr(cls, "__post_init__") or getattr(made_by, "co_filename", "") != "<string>":
        return False
    fields = dataclasses.fields(cls)
    held = {field.name for field in fields}
    return all(field.init and hasattr(value, field.name) for field in fields) and set(getattr(value, "__dict__", held)) <= held


def _type(value: object, part: Callable[[object], str], module: Callable[[str], str]) -> str | None:
    if isinstance(value, typing.ForwardRef):
        return f"{module('typing')}.ForwardRef({value.__forward_arg__!r})"
    origin: Any
    origin, arguments = typing.get_origin(value), typing.get_args(value)
    if origin is None or not arguments:
        return None
    def argument(one: object) -> str:
        if isinstance(one, list):
            return f"[{', '.join(map(argument, one))}]"
        return "None" if one is type(None) else part(one)

    written = list(map(argument, arguments))
    if origin is types.UnionType:
        return f"({' | '.join(written)})"
    if isinstance(origin, type) and origin is not collections.abc.Callable:
        return f"{part(origin)}[{', '.join(written)}]"
    known = str(getattr(origin, "_name", None) or getattr(origin, "__name__", ""))
    return f"{module('typing')}.{known}[{', '.join(written)}]" if hasattr(typing, known) else None


def called(value: object, home: Mapping[str, object], part: Callable[[object], str], module: Callable[[str], str]) -> str | None:
    """The call that made a class or a type variable of the namespace `home`, where no statement did; None for any other."""
    it: Any = value
    if getattr(value, "__module__", None) != home.get("__name__", ""):
        return None
    kind = type(value)
    if kind.__module__ == "typing" and kind.__name__ in _VARIABLES:
        return f"{module('typing')}.{kind.__name__}({', '.join(_of_variable(it, part))})"
    if not isinstance(value, type) or _stated(value, home):
        return None
    if isinstance(value, enum.EnumMeta):
        members = ", ".join(f"({name!r}, {part(member.value)})" for name, member in it.__members__.items())
        mixed = "".join(f", type={part(base)}" for base in it.__bases__[:-1])
        return f"{part(it.__bases__[-1])}({it.__name__!r}, [{members}]{mixed})"
    if value.__bases__ == (tuple,) and hasattr(value, "_field_defaults"):
        defaults = part(tuple(it._field_defaults.values()))
        return f"{module('collections')}.namedtuple({value.__name__!r}, {it._fields!r}, defaults={defaults})"
    if typing.is_typeddict(value):
        keys = ", ".join(f"{name!r}: {part(kind)}" for name, kind in it.__annotations__.items())
        return f"{module('typing')}.TypedDict({value.__name__!r}, {{{keys}}}, total={it.__total__})"
    return None


def _of_variable(it: Any, part: Callable[[object], str]) -> list[str]:
    found = [repr(it.__name__)]
    if hasattr(it, "__supertype__"):
        return [*found, part(it.__supertype__)]
    found += [part(constraint) for constraint in getattr(it, "__constraints__", ())]
    if getattr(it, "__bound__", None) is not None:
        found.append(f"bound={part(it.__bound__)}")
    return found + [f"{name}=True" for name in ("covariant", "contravariant") if getattr(it, f"__{name}__", False)]


def _stated(cls: type, home: Mapping[str, object]) -> bool:
    """Whether a `class` statement says it."""
    try:
        of_class(cls, home)
    except NoSource:
        return False
    return True
