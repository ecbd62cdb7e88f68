"""Packs containers that decorators fill, such as a table of routes: as they began, with all that fills them."""

from __future__ import annotations

from collections.abc import Iterator
from types import FunctionType
from typing import Any

from fclab.errors import PackageError
from fclab.packages.collector import HINT, Collector, inner_of
from fclab.packages.definitions import NoSource, of_class, of_function
from fclab.packages.factories import bracketed
from fclab.packages.layout import Unit
from fclab.packages.names import needs
from fclab.packages.registries import filled, fills, first_value, members
from fclab.packages.values import Unwritable, described

__all__ = ["Filling"]


class Filling(Collector):
    """A collector that lets the decorators fill containers again, in the order in which they did at home.

    1. A container begins with the expression that it was assigned, and what decorators put in it comes along, with its decorators.
    2. What was put in it in another way cannot be had again: it is refused.
    """

    def settle(self) -> None:
        """See to the containers. Call it when all roots are there."""
        while due := [name for name, (unit, _) in self._containers.items() if filled(name, unit, self.units)]:
            for name in due:
                unit, value = self._containers.pop(name)
                try:
                    self._begin(name, unit, value)
                except Unwritable as error:
                    raise PackageError(f"{name!r} cannot be packed: it is {error.why}.", hint=error.hint or HINT) from None

    def _begin(self, name: str, unit: Unit, value: object) -> None:
        text = first_value(name, value, self.home)
        unit.text, unit.at_once, unit.later = f"{name} = {bracketed(text)}\n", [], []
        needed = needs(text, lazy_annotations=self._lazy)
        for other in needed.at_once:
            self._depend(unit.at_once, other, name, needed)
        began = list(unit.at_once)
        before: list[Unit] = []
        for member in list(members(value)) or list(self._callers(name, unit)):
            if (there := self._with_decorators(member, name)) is None or there in began:
                continue
            if not fills(there, name, unit):
                raise Unwritable(value, f"filled by decorators, but not with {described(inner_of(member))}")
            there.at_once += before
            before = [there]
            unit.later += before

    def _with_decorators(self, member: object, wish: str) -> Unit | None:
        """The definition of what was put in a container, which may be a function before all its decorators worked on it."""
        inner: Any = inner_of(member)
        known = self.home.get(str(getattr(inner, "__name__", "")))
        whole = known if inner_of(known) is inner else member
        made = self._made.get(id(whole))
        if made is None or not made.unit.calls:
            self._whole.add(id(whole))
            self._made.pop(id(whole), None)
            made = self._define(whole, wish)
            if made is None:
                return None
        return made.unit

    def _callers(self, name: str, container: Unit) -> Iterator[object]:
        """Functions and classes of the namespace whose definitions call what fills a container that does not hold them."""
        filling = {
            known for known, value in self.home.items()
            if (made := self._made.get(id(value))) is not None and fills(Unit(calls=[made.unit]), name, container)
        }  # fmt: skip
        for value in list(self.home.values()):
            inner = inner_of(value)
            try:
                if isinstance(inner, FunctionType) and inner.__globals__ is self.home:
                    definition = of_function(inner)
                elif isinstance(value, type) and value.__module__ == self.home.get("__name__"):
                    definition = of_class(value, self.home)
                else:
                    continue
            except NoSource:
                continue
            called = needs(definition.text(lambda _: False), lazy_annotations=self._lazy).called
            if not filling.isdisjoint(called):
                yield value
