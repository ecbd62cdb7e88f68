"""Containers that decorators fill while functions are defined: what they began as, and who fills them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from types import FunctionType

from fclab.packages.definitions import texts
from fclab.packages.layout import Unit
from fclab.packages.values import Unwritable

__all__ = ["CONTAINERS", "changed", "filled", "fills", "first_value", "members"]

CONTAINERS = {"dict", "list", "set", "bytearray", "defaultdict", "OrderedDict", "deque", "Counter"}
"""Names of the types that code may fill."""

_CHANGING = {"append", "appendleft", "add", "extend", "insert", "setdefault", "update", "pop", "remove", "discard", "clear"}


def changed(tree: ast.AST) -> Iterator[str]:
    """Names whose values this code changes in place."""
    for node in ast.walk(tree):
        at: ast.AST | None = None
        if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            at = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGING:
            at = node.func.value
        elif isinstance(node, ast.AugAssign):
            at = node.target
        while isinstance(at, (ast.Subscript, ast.Call, ast.Attribute)):
            at = at.func if isinstance(at, ast.Call) else at.value
        if isinstance(at, ast.Name):
            yield at.id


def filled(name: str, container: Unit, roots: Iterable[Unit]) -> bool:
    """Whether code that runs while something is defined may fill the container of this name."""
    return any(fills(unit, name, container) for unit in _below(roots))


def fills(unit: Unit, name: str, container: Unit) -> bool:
    """Whether this definition, while it is executed, calls what changes the container."""
    return any(name in other.changes for other in _below(unit.calls, without=container))


def _below(roots: Iterable[Unit], without: Unit | None = None) -> Iterator[Unit]:
    seen: set[Unit] = set()
    waiting = list(roots)
    while waiting:
        unit = waiting.pop()
        if unit not in seen and unit is not without:
            seen.add(unit)
            yield unit
            waiting += [*unit.at_once, *unit.later]


def members(value: object) -> Iterator[object]:
    """Functions and classes in a container, in its order, also in containers in it."""
    if isinstance(value, (FunctionType, type)) or hasattr(value, "__wrapped__"):
        yield value
    elif isinstance(value, Mapping):
        for held in list(value.values()):
            yield from members(held)
    elif isinstance(value, (list, tuple, set, frozenset)) or type(value).__name__ == "deque":
        for held in list(value):  # type: ignore[call-overload]
            yield from members(held)


def first_value(name: str, value: object, home: Mapping[str, object]) -> str:
    """The expression that the container began as, where it was assigned. Raises `Unwritable` if other code than decorators changes it."""
    found = None
    for lines, tree in texts(home):
        for statement in tree.body:
            if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and name in changed(statement):
                raise Unwritable(value, "filled by decorators, and in another way too")
            targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
            begun = getattr(statement, "value", None)
            if found is None and any(isinstance(target, ast.Name) and target.id == name for target in targets) and begun is not None:
                found = ast.get_source_segment("".join(lines), begun) if _harmless(begun) else None
                if found is None:
                    break
    if found is None:
        raise Unwritable(value, "filled by decorators, and what it began as is not to be found")
    return found


def _harmless(begun: ast.expr) -> bool:
    """A display, or the call of a container's type."""
    for node in ast.walk(begun):
        if isinstance(node, ast.Call):
            known = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if known not in CONTAINERS:
                return False
    return True
