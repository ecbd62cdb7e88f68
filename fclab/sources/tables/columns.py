"""Attribute columns: what they may hold, how an update changes them, and the conditions of a write. Pure functions of plain data."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fclab.sources.tables.keys import Schema, utf8
from fclab.sources.tables.refusals import LIMITS, invalid, refused

__all__ = ["Columns", "Value", "checked", "expect", "names", "updated"]

Value = bool | int | float | str | bytes
Columns = dict[str, Value]

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
"""Of tables and columns alike."""

EXPECTATIONS = ("IGNORE", "EXPECT_EXIST", "EXPECT_NOT_EXIST")
COMPARATORS: dict[str, Callable[[Any, Any], bool]] = {
    "EQUAL": operator.eq,
    "NOT_EQUAL": operator.ne,
    "GREATER_THAN": operator.gt,
    "GREATER_EQUAL": operator.ge,
    "LESS_THAN": operator.lt,
    "LESS_EQUAL": operator.le,
}


def checked(schema: Schema, columns: object, what: str) -> Columns:
    """`columns` if a row of that table may have them; `what` is the operation that brings them. Raises `SourceError`."""
    if columns is None:
        return {}
    if not isinstance(columns, Mapping):
        raise invalid(f"Columns are a mapping of names to values, not {columns!r}.", 'such as {"total": 3.5}')
    size = 0
    made: Columns = {}
    for name in names(schema, columns):
        made[name], one = _value(name, columns[name])
        size += len(name) + one
    if size > LIMITS["row"]:
        raise invalid(
            f"The total data size of {what} request exceeds the limit, limit size: {LIMITS['row']}, data size: {size}.",
            "keep large things in the object store",
        )
    return made


def names(schema: Schema, given: Iterable[object]) -> list[str]:
    """Names that columns of that table may have. Raises `SourceError`."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise invalid(f"Names of columns are a list, not {given!r}.", f"give [{given!r}]")
    made: list[str] = []
    for name in given:
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise invalid(f"Invalid column name: {name!r}.", "letters, digits and _, not beginning with a digit, at most 255")
        if name in schema:
            raise invalid(f"Duplicated attribute column name with primary key column: {name!r}.", "the key's columns are given in the key")
        made.append(name)
    return made


def _value(name: str, value: object) -> tuple[Value, int]:
    if isinstance(value, bool):
        return value, 1
    if isinstance(value, int):
        if not -(1 << 63) <= value < 1 << 63:
            raise invalid(f"Value of column {name!r} is no 64-bit integer: {value}.", "from -2**63 to 2**63 - 1; larger ones as text")
        return value, 8
    if isinstance(value, float):
        return value, 8
    if isinstance(value, str | bytes):
        size = len(value if isinstance(value, bytes) else utf8(name, value))
        if size > LIMITS["value"]:
            raise invalid(
                f"The length of attribute column: {name!r} exceeded the MaxLength: {LIMITS['value']} with Current Length: {size}.",
                "keep large things in the object store",
            )
        return value, size
    raise invalid(f"{type(value).__name__} is an invalid type for the attribute column {name!r}.", "bool, int, float, str or bytes")


def updated(schema: Schema, old: Columns, put: object, delete: object, increment: object) -> tuple[Columns, Columns, list[str], list[str]]:
    """What an update makes of a row's columns `old`: all of them, those it writes, those it deletes, and which are counters.

    Raises `SourceError` for nothing to do, a column named twice, a counter that holds no integer, and one that would leave 64 bits.
    """
    written, steps = checked(schema, put, "UpdateRow"), checked(schema, increment, "UpdateRow")
    if delete is not None and not isinstance(delete, Iterable):
        raise invalid(f"Columns to delete are a list of names, not {delete!r}.", 'such as ["note"]')
    gone = names(schema, delete or ())
    if not (written or gone or steps):
        raise invalid("Invalid update row request: missing cells in request.", "say what to put, delete or increment")
    all_names = [*written, *gone, *steps]
    if twice := next((name for name in all_names if all_names.count(name) > 1), None):
        raise invalid(f"Column {twice!r} is named more than once in one update.", "put, delete or increment it")
    for name, step in steps.items():
        before = old.get(name, 0)
        if type(step) is not int or type(before) is not int:
            raise invalid(f"Column {name!r} is no counter: {before!r} + {step!r}.", "only integer columns are incremented, by an int")
        written[name] = _value(name, before + step)[0]
    new = {**old, **written}
    for name in gone:
        new.pop(name, None)
    return new, written, gone, list(steps)


def expect(condition: object, when: object, old: Columns | None) -> None:
    """Check a row, None if there is none, before it is written.

    condition   IGNORE, EXPECT_EXIST or EXPECT_NOT_EXIST
    when        None or {"column", "comparator", "value", "pass_if_missing"}: the comparator is one of EQUAL, NOT_EQUAL, GREATER_THAN,
                GREATER_EQUAL, LESS_THAN, LESS_EQUAL; without the column, or the row, it passes if `pass_if_missing`, as it does unless
                told otherwise. Values of different types are unequal and have no order.
    Raises `SourceError`: OTSConditionCheckFail if the row is otherwise, OTSParameterInvalid for what is no condition.
    """
    if condition not in EXPECTATIONS:
        raise invalid(f"Invalid row-existence expectation: {condition!r}.", f"one of {', '.join(EXPECTATIONS)}")
    test = None if when is None else _test(when)
    if condition == "EXPECT_EXIST" and old is None:
        raise refused("OTSConditionCheckFail", "Condition check failed: the row does not exist.", "put it first, or use IGNORE")
    if condition == "EXPECT_NOT_EXIST" and old is not None:
        raise refused("OTSConditionCheckFail", "Condition check failed: the row exists.", "update it, or use IGNORE")
    if test is not None and not test(old or {}):
        raise refused("OTSConditionCheckFail", f"Condition check failed: {when}.", "read the row again and decide anew")


def _test(when: object) -> Callable[[Columns], bool]:
    form = '{"column": "state", "comparator": "EQUAL", "value": "new"}'
    if not isinstance(when, Mapping) or not {"column", "comparator", "value"} <= set(when):
        raise invalid(f"{when!r} is no column condition.", f"such as {form}")
    if wrong := sorted(set(map(str, when)) - {"column", "comparator", "value", "pass_if_missing"}):
        raise invalid(f"A column condition has no {wrong[0]!r}.", f"such as {form}")
    (name,) = names({}, [when["column"]])
    compare, missing = COMPARATORS.get(str(when["comparator"])), when.get("pass_if_missing", True)
    if compare is None:
        raise invalid(f"{when['comparator']!r} is no comparator.", f"one of {', '.join(COMPARATORS)}")
    if not isinstance(missing, bool):
        raise invalid(f"pass_if_missing is True or False, not {missing!r}.", "True: a row without the column passes")
    value, unequal = _value(name, when["value"])[0], compare is operator.ne
    passes: bool = missing

    def test(old: Columns) -> bool:
        if name not in old:
            return passes
        if type(old[name]) is not type(value):
            return unequal
        return bool(compare(old[name], value))

    return test
