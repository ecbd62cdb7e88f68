"""Which decorators of a function are the lab's, and which of the others made the object at hand."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from fclab.packages.values import is_lab

__all__ = ["Dropped", "dropped"]

_METHODS = {"function", "on"}


class Dropped:
    """The decorators of one definition, uppermost first, and which are the lab's."""

    def __init__(self, decorators: Sequence[ast.expr], labs: Sequence[bool]) -> None:
        self._all = list(zip(decorators, labs, strict=True))

    def kept(self, *, wrapped: bool, known: bool) -> list[ast.expr]:
        """The decorators that make the object at hand.

        wrapped   it is not the plain function of the `def`, but what a decorator made of it
        known     it is what the function's name means at home, so all decorators have worked on it

        A plain function that its name does not mean is what decorators were given, not what they made. What a lab was given has been
        through those below `@lab.function` only.
        """
        if known:
            return [decorator for decorator, lab in self._all if not lab]
        if not wrapped:
            return []
        lowest = max((at for at, (_, lab) in enumerate(self._all) if lab), default=-1)
        return [decorator for decorator, _ in self._all[lowest + 1 :]]


def dropped(decorators: Sequence[ast.expr], lookup: Callable[[str], object], absent: object) -> Dropped:
    """Tell the lab's decorators from others. `lookup` says what a name means, or `absent`."""
    return Dropped(decorators, [_labs_own(decorator, lookup, absent) for decorator in decorators])


def _labs_own(decorator: ast.expr, lookup: Callable[[str], object], absent: object) -> bool:
    """`@lab.function`, `@labs[0].function(...)`: by what it is, else, where that cannot be told, by the method's name."""
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    parts: list[str] = []
    at = called
    while isinstance(at, ast.Attribute):
        parts.append(at.attr)
        at = at.value
    value = lookup(at.id) if isinstance(at, ast.Name) else absent
    if value is absent:
        return isinstance(called, ast.Attribute) and called.attr in _METHODS
    while parts and not is_lab(value):
        value = getattr(value, parts.pop(), None)
    return is_lab(value) or is_lab(getattr(value, "__self__", None))
