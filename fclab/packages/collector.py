"""Follows names from a function to all that it uses, and makes a piece of source of each."""

from __future__ import annotations

import ast
import builtins
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

from fclab.errors import PackageError
from fclab.packages.composed import called, composed
from fclab.packages.definitions import Definition, NoSource, of_class, of_function
from fclab.packages.factories import bracketed, factory, held_by, held_by_class
from fclab.packages.imports import Imports
from fclab.packages.lab_decorators import dropped
from fclab.packages.later import Given, given_later, written
from fclab.packages.layout import Unit
from fclab.packages.names import Needs, needs
from fclab.packages.registries import CONTAINERS
from fclab.packages.values import PLAIN, Unwritable, described, real, write

__all__ = ["HINT", "Collector", "inner_of"]

_OF_THE_MODULE = {"__name__", "__file__", "__doc__", "__spec__", "__loader__", "__package__", "__builtins__", "__annotations__"}
_ABSENT = object()
_DEPLOY = "put the code in a folder and use lab.deploy"
_WRITE = f"write it in a notebook or a file and run that, or {_DEPLOY}"
_APART = f"define both at the top, or {_DEPLOY}"
HINT = f"make it inside the function or in its initializer, or {_DEPLOY}"


@dataclass(frozen=True, slots=True)
class _Made:
    """A value that has a definition in index.py: `value` is held, so that its identity stays its own."""

    value: object
    name: str
    unit: Unit


class Collector:
    """Names of the namespace `home` become names of index.py. See `source` for what is kept and what is refused."""

    def __init__(self, home: dict[str, object], roots: list[FunctionType], *, lazy_annotations: bool) -> None:
        self.home = home
        self.units: list[Unit] = []
        self.imports = Imports(home)
        self._lazy = lazy_annotations
        self._own: dict[str, object] = {}
        self._bound: dict[str, Unit | None] = {}
        self._made: dict[int, _Made] = {}
        self._containers: dict[str, tuple[Unit, object]] = {}
        self._whole: set[int] = set()
        """Functions that are packed with their decorators though their names mean others."""
        self._closing: set[int] = set()
        """Functions whose closures are being written: one of them cannot be part of another's."""
        for function in roots:
            name = function.__code__.co_name
            at_home = inner_of(home.get(name)) is function
            if function.__globals__ is home and "<" not in function.__qualname__ and not at_home:
                self._own.setdefault(name, function)

    def root(self, role: str, code: Callable[..., object]) -> str:
        """Pack a function for this role; returns its name in index.py."""
        try:
            if isinstance(code, FunctionType) or inspect.unwrap(code) is not code:
                name, unit = self._named(code, role)
            else:
                name, unit = self.imports.fresh(role), Unit()
                unit.text = f"{name} = {self._expression(code, unit.at_once)}\n"
        except Unwritable as error:
            raise PackageError(f"The {role} cannot be packed: it is {error.why}.", hint=error.hint or HINT) from None
        if unit is not None:
            self.units.append(unit)
        return name

    # ---- names

    def _lookup(self, name: str) -> object:
        return real(self._own.get(name, self.home.get(name, _ABSENT)))

    def _need(self, name: str, user: str, line: str, *, perhaps: bool = False) -> Unit | None:
        """Have `name` mean in index.py what it means at home; the unit that sees to it, if any."""
        if name in self._bound or name in _OF_THE_MODULE:
            return self._bound.get(name)
        value = self._lookup(name)
        if value is _ABSENT:
            _refuse_notebooks_own(name, user)
            return None
        try:
            unit = self._bind(name, value)
        except Unwritable as error:
            if perhaps:
                return None
            said = error.why if error.value is value else f"a value that holds {error.why}"
            raise PackageError(f"{name!r} cannot be packed: it is {said}. {user!r} uses it: {line}", hint=error.hint or HINT) from None
        except PackageError:
            if perhaps:
                return None
            raise
        self._bound[name] = unit
        return unit

    def _bind(self, name: str, value: object) -> Unit | None:
        if isinstance(value, ModuleType):
            self.imports.module(value, name)
            return None
        made = self._define(value, name)
        if made is not None:
            return made.unit if made.name == name else Unit(f"{name} = {made.name}\n", [made.unit])
        if type(value) not in PLAIN and self.imports.member(value, name):
            return None
        unit = Unit()
        if type(value).__name__ in CONTAINERS:
            self._bound[name] = unit
            self._containers[name] = unit, value
        try:
            unit.text = f"{name} = {self._expression(value, unit.at_once)}\n"
        except BaseException as error:
            self._bound.pop(name, None)
            self._containers.pop(name, None)
            if not isinstance(error, Unwritable):
                raise
            if type(value) not in PLAIN and self.imports.found(value, name):
                return None
            raise
        return unit

    def _named(self, value: object, prefer: str) -> tuple[str, Unit | None]:
        """The name of a function, class or module in index.py, whatever it is called at home."""
        made = self._define(value, prefer)
        if made is not None:
            return made.name, made.unit
        known = getattr(value, "__name__", prefer).rpartition(".")[2]
        name = known if self._lookup(known) is value else self.imports.fresh(known)
        if isinstance(value, ModuleType):
            self.imports.module(value, name)
            return name, None
        if self.imports.member(value, name):
            return name, None
        raise Unwritable(value)

    # ---- values

    def _expression(self, value: object, at_once: list[Unit]) -> str:
        def refer(part: object) -> str:
            part = real(part)
            known = str(getattr(part, "__name__", ""))
            if part is not None and getattr(builtins, known, None) is part:
                return self.imports.builtin(known)
            text = composed(part, lambda inner: self._expression(inner, at_once), self.imports.library)
            if text is not None:
                return text
            name, unit = self._named(part, "value")
            if unit is not None:
                at_once.append(unit)
            return name

        return write(real(value), refer, self.imports.builtin, self.imports.library)

    # ---- definitions

    def _define(self, value: object, prefer: str) -> _Made | None:
        """The definition of what was defined at home, functions and classes; None for anything else."""
        known = self._made.get(id(value))
        if known is not None:
            return known
        inner = inner_of(value)
        if isinstance(inner, FunctionType) and inner.__globals__ is self.home:
            try:
                return self._add(value, inner, of_function(inner), prefer, held_by(inner))
            except NoSource as error:
                raise Unwritable(value, f"{described(inner)}, whose source cannot be read: {error}", _WRITE) from None
        made = self._called(value, prefer)
        if made is None and isinstance(value, type) and value.__module__ == self.home.get("__name__", _ABSENT):
            try:
                definition = of_class(value, self.home)
                return self._add(value, value, definition, prefer, held_by_class(value, definition))
            except NoSource as error:
                raise Unwritable(value, f"{described(value)}, whose source cannot be read: {error}", _WRITE) from None
        return made

    def _called(self, value: object, prefer: str) -> _Made | None:
        """What a call made that is one of its kind, such as a type variable: each has one definition."""
        unit = Unit()
        text = called(value, self.home, lambda part: self._expression(part, unit.at_once), self.imports.library)
        if text is None:
            return None
        wish = str(getattr(value, "__name__", prefer))
        name = wish if self._lookup(wish) is value else self.imports.fresh(wish)
        unit.text = f"{name} = {text}\n"
        made = self._made[id(value)] = _Made(value, name, unit)
        return made

    def _add(self, value: object, inner: Any, definition: Definition, prefer: str, closure: dict[str, object]) -> _Made:
        own_name = getattr(definition.node, "name", prefer)
        nested = "<locals>" in inner.__qualname__
        drop = dropped(definition.decorators, lambda name: closure.get(name, _ABSENT if nested else self.home.get(name, _ABSENT)), _ABSENT)
        at_home = self.home.get(own_name)
        kept = drop.kept(wrapped=value is not inner, known=at_home is value or id(value) in self._whole)
        if value is not inner and not kept:
            raise Unwritable(value, f"{described(inner)} changed by a call; write that as a decorator, @...")
        text = definition.text(lambda decorator: decorator not in kept)
        named = self._lookup(own_name) is value and "<" not in own_name
        made = _Made(value, own_name if named else self.imports.fresh(own_name), Unit(lines=2))
        self._made[id(value)] = made
        try:
            whole = f"({text})" if isinstance(definition.node, ast.Lambda) else text
            needed = needs(whole, closure, lazy_annotations=self._lazy)
            self._fill(made, definition, text, needed, closure, inner)
            for given in given_later(value, definition, self.home, decorated=bool(kept or getattr(definition.node, "keywords", None))):
                self._give(made, given)
        except BaseException:
            del self._made[id(value)]
            raise
        return made

    def _fill(
        self, made: _Made, definition: Definition, text: str, needed: Needs, closure: dict[str, object], inner: Any
    ) -> None:
        made.unit.changes = needed.changed
        unit, own_name = made.unit, getattr(definition.node, "name", None)
        user = own_name or made.name
        for name in needed.at_once:
            self._check_known(name, user)
            before = len(unit.at_once)
            self._depend(unit.at_once, name, user, needed)
            unit.calls += unit.at_once[before:] if name in needed.called else []
        for name in needed.later:
            self._depend(unit.later, name, user, needed)
        for name in needed.perhaps:
            if (found := self._need(name, user, "", perhaps=True)) is not None:
                unit.later.append(found)
        held = {name: value for name, value in closure.items() if not (name == own_name and value in (made.value, inner))}
        arguments = self._arguments(made, held, user)
        if own_name is None and not held:
            unit.text, unit.lines = f"{made.name} = {bracketed(text)}\n", 0
        elif own_name == made.name and not definition.indent and not held:
            unit.text = text
        else:
            unit.text = factory(self.imports.fresh(f"_make_{made.name}"), made.name, own_name, definition, text, held, arguments)

    def _give(self, made: _Made, given: Given) -> None:
        """A line below the definition that gives it what it was given later."""
        unit = Unit("", [made.unit])
        try:
            unit.text = written(given, made.name, lambda part: self._expression(part, unit.at_once))
        except (Unwritable, PackageError) as error:
            if not given.known:
                return
            why = f"it is {error.why}" if isinstance(error, Unwritable) else error.what
            hint = error.hint or HINT
            raise PackageError(f"{given.what!r} of {made.name!r} cannot be packed: {why.rstrip('.')}.", hint=hint) from None
        made.unit.later.append(unit)

    def _depend(self, units: list[Unit], name: str, user: str, needed: Needs) -> None:
        unit = self._need(name, user, needed.lines.get(name, ""))
        if unit is not None:
            units.append(unit)
        value = self._lookup(name)
        if isinstance(value, ModuleType):
            self.imports.submodules(value, name, needed.dotted.get(name, set()))

    def _check_known(self, name: str, user: str) -> None:
        if self._lookup(name) is _ABSENT and not hasattr(builtins, name) and name not in _OF_THE_MODULE:
            raise PackageError(f"{user!r} cannot be packed: {name!r}, which its definition needs, is not to be found.", hint=HINT)

    def _arguments(self, made: _Made, held: Mapping[str, object], user: str) -> list[str]:
        """The values that a nested function was given by the one around it, as expressions."""
        if not held:
            return []
        self._closing.add(id(made.value))
        found = []
        for name, value in held.items():
            if id(value) in self._closing:
                raise PackageError(f"{user!r} cannot be packed: it and {name!r} hold each other.", hint=_APART)
            try:
                found.append(self._expression(value, made.unit.at_once))
            except Unwritable as error:
                why = f"it is {error.why}. {user!r} holds it from outside"
                raise PackageError(f"{name!r} cannot be packed: {why}.", hint=error.hint or HINT) from None
        self._closing.discard(id(made.value))
        return found


def inner_of(value: object) -> object:
    """The plain function inside decorators that say so; any other value itself."""
    return inspect.unwrap(value) if callable(value) else value


def _refuse_notebooks_own(name: str, user: str) -> None:
    """`display` and the like are builtins only in a notebook."""
    if str(getattr(getattr(builtins, name, None), "__module__", "")).startswith("IPython"):
        raise PackageError(f"{name!r} belongs to the notebook. {user!r} uses it.", hint="use print: it goes to the log")
