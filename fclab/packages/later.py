"""What functions and classes were given after their definition: attributes, and the cases of `singledispatch`."""

from __future__ import annotations

import ast
from abc import ABCMeta
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType, GetSetDescriptorType, MemberDescriptorType

from fclab.packages.definitions import Definition
from fclab.packages.values import PLAIN

__all__ = ["Given", "given_later", "written"]

_OF_ABC = "_abc_"


@dataclass(frozen=True, slots=True)
class Given:
    """`value`, and the line that gives it to `{name}`, where `{value}` stands for it.

    known   it was surely given by a statement after the definition. Otherwise a decorator or metaclass may have done it, and will again
    """

    what: str
    line: str
    value: object
    known: bool


def given_later(value: object, definition: Definition, home: Mapping[str, object], *, decorated: bool) -> Iterator[Given]:
    """What the definition does not say, in the order in which it was given; `decorated`: other code has worked on it too."""
    if isinstance(value, type):
        yield from _of_class(value, definition, home, decorated=decorated)
        return
    for name, held in list(getattr(value, "__dict__", {}).items()):
        if not name.startswith("__") and (not decorated or type(held) in PLAIN):
            yield Given(name, f"{{name}}.{name} = {{value}}", held, not decorated)
    registry = getattr(value, "registry", None)
    if isinstance(registry, Mapping) and callable(getattr(value, "dispatch", None)):
        for kind, code in list(registry.items()):
            if kind is not object:
                yield Given(f"the case {kind.__name__}", "{name}.register{value}", (kind, code), known=True)


def _of_class(cls: type, definition: Definition, home: Mapping[str, object], *, decorated: bool) -> Iterator[Given]:
    said = {_mangled(name, cls): part for name, part in _said(definition.node)}
    plain = not decorated and type(cls) in (type, ABCMeta) and tuple not in cls.__bases__ and all(map(_silent, cls.__mro__[1:]))
    for name, held in list(vars(cls).items()):
        inner = next((found for found in (getattr(held, key, None) for key in ("__func__", "fget")) if found is not None), held)
        foreign = isinstance(inner, FunctionType) and inner.__globals__ is home and not definition.holds(inner.__code__)
        if foreign and getattr(inner, "__qualname__", "").startswith(f"{cls.__qualname__}."):
            foreign = False  # a decorator, such as `dataclass`, made it
        if name in said:
            given = foreign or _changed(said[name], held)
        elif name.startswith("__") and name.endswith("__"):
            given = foreign
        else:
            given = foreign or (plain and not name.startswith(_OF_ABC)) or (type(held) in PLAIN and not name.startswith("_"))
        if given and not isinstance(held, (MemberDescriptorType, GetSetDescriptorType)):
            yield Given(name, f"{{name}}.{name} = {{value}}", held, known=plain)


def _mangled(name: str, cls: type) -> str:
    """What a private name of a class's body is called among its attributes."""
    return f"_{cls.__name__.lstrip('_')}{name}" if name.startswith("__") and not name.endswith("__") else name


def _silent(base: type) -> bool:
    """A base class that does nothing to the classes below it."""
    return "__init_subclass__" not in vars(base) or base is object


def _said(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """What the body of a class binds: a name, and its value's expression or else the part of the text that binds it."""
    for part in ast.iter_child_nodes(node):
        if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield part.name, part
        elif isinstance(part, ast.Assign) and len(part.targets) == 1 and isinstance(part.targets[0], ast.Name):
            yield part.targets[0].id, part.value
            continue
        elif isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name) and part.value is not None:
            yield part.target.id, part.value
            continue
        elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            yield part.id, part
        elif isinstance(part, ast.alias):
            yield (part.asname or part.name).partition(".")[0], part
        elif isinstance(part, (ast.MatchAs, ast.ExceptHandler)) and part.name:
            yield part.name, part
        if not isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            yield from _said(part)


def _changed(said: ast.AST, held: object) -> bool:
    """A constant of the body that has another value now."""
    if type(held) not in PLAIN:
        return False
    try:
        first = ast.literal_eval(said) if isinstance(said, ast.expr) and not isinstance(said, ast.Name) else held
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return type(first) is not type(held) or repr(first) != repr(held)


def written(given: Given, name: str, expression: Callable[[object], str]) -> str:
    """The line that gives it again to what `name` means."""
    value = given.value
    for kind, parts in ((staticmethod, ("__func__",)), (classmethod, ("__func__",)), (property, ("fget", "fset", "fdel", "__doc__"))):
        if type(value) is kind:
            text = f"{expression(kind)}({', '.join(expression(getattr(value, part)) for part in parts)})"
            break
    else:
        text = expression(value)
    return given.line.format(name=name, value=text) + "\n"
