"""Functions that hold values of the functions around them: what they hold, and source that makes them anew with it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from contextlib import suppress
from types import FunctionType

from fclab.packages.definitions import Definition, methods

__all__ = ["bracketed", "factory", "held_by", "held_by_class"]


def held_by(function: FunctionType) -> dict[str, object]:
    """What a function holds of the functions around it, as far as it has a value yet."""
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with suppress(ValueError):
            found[name] = cell.cell_contents
    return found


def held_by_class(cls: type, definition: Definition) -> dict[str, object]:
    """What the methods in the text of a class hold of the functions around it; not those that a decorator or a metaclass made."""
    found: dict[str, object] = {}
    for method in methods(cls):
        if definition.holds(method.__code__):
            found.update(held_by(method))
    found.pop("__class__", None)
    return found


def bracketed(text: str) -> str:
    """An expression of several lines, in brackets so that it may stand after `=`."""
    return f"({text})" if "\n" in text else text


def factory(
    maker: str, name: str, own_name: str | None, definition: Definition, text: str, held: Mapping[str, object], arguments: list[str]
) -> str:
    """A function that makes the definition where its outer names have their values; the learner's lines stay as they are."""
    indent = definition.indent if own_name is not None else "    "
    if own_name is None:
        body, result = "", f"({text})"
    else:
        body, result = (text if indent else _indented(text)), own_name
    indent = indent or "    "
    return f"def {maker}({', '.join(held)}):\n{body}{indent}return {result}\n\n\n{name} = {maker}({', '.join(arguments)})\n"


def _indented(text: str) -> str:
    """`text` four columns to the right, less the lines that begin inside a string."""
    inside: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Constant, ast.JoinedStr)):
            inside.update(range(node.lineno + 1, (node.end_lineno or node.lineno) + 1))
    lines = text.splitlines(keepends=True)
    return "".join(line if at in inside or not line.strip() else f"    {line}" for at, line in enumerate(lines, 1))
