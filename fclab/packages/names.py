"""Which names a piece of source needs from outside, and when: as it is defined, or only as it runs."""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from fclab.packages.registries import changed

__all__ = ["Needs", "needs"]

_AROUND = "_around"
_RUN_AT_ONCE = {"genexpr", "listcomp", "setcomp", "dictcomp", _AROUND}

AT_ONCE, LATER, PERHAPS = 0, 1, 2


@dataclass(slots=True)
class Needs:
    """What a definition needs; names in the order of their first appearance.

    at_once   read while the definition is executed: decorators, defaults, annotations, bases, a class's body
    later     read when the function runs
    perhaps   never read as far as can be seen: only assigned, or named in an annotation that is not evaluated
    called      those of `at_once` whose code runs then: decorators, bases, what is called
    changed     names whose values it changes in place
    lines     the line in which a name appears first
    dotted    name -> dotted attributes that are read from it, such as os -> {"path.join"}
    """

    at_once: list[str] = field(default_factory=list)
    later: list[str] = field(default_factory=list)
    perhaps: list[str] = field(default_factory=list)
    called: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    lines: dict[str, str] = field(default_factory=dict)
    dotted: dict[str, set[str]] = field(default_factory=dict)


def needs(text: str, held: Iterable[str] = (), *, lazy_annotations: bool) -> Needs:
    """The needs of a definition's text, which may be indented, or of an expression; `held` are names it has from functions around it."""
    indented = text[:1] in (" ", "\t")
    around = f"def {_AROUND}({', '.join(held)}):\n" if indented else "\n"
    source = ("from __future__ import annotations\n" if lazy_annotations else "\n") + around + text
    tree = ast.parse(source)
    kinds: dict[str, int] = {}
    _scan(symtable.symtable(source, "index.py", "exec"), AT_ONCE, kinds)
    for name in _in_annotations(tree):
        kinds.setdefault(name, PERHAPS)
    for name in held:
        kinds.pop(name, None)
    found = Needs(called=set(_called(tree)), changed=set(changed(tree)))
    lines = source.splitlines()
    places = {node.id: node for node in reversed(list(ast.walk(tree))) if isinstance(node, ast.Name)}
    for name, kind in sorted(kinds.items(), key=lambda pair: _place(places.get(pair[0]))):
        (found.at_once, found.later, found.perhaps)[kind].append(name)
        if name in places:
            found.lines[name] = lines[places[name].lineno - 1].strip()
    for node in ast.walk(tree):
        chain = _chain(node)
        if chain is not None:
            found.dotted.setdefault(chain[0], set()).add(chain[1])
    return found


def _called(node: ast.AST) -> Iterator[str]:
    """Names in decorators, bases and calls that are executed with a definition."""
    parts = list(ast.iter_child_nodes(node))
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name != _AROUND:
        parts = [*node.args.defaults, *(default for default in node.args.kw_defaults if default is not None)]
    elif isinstance(node, ast.Lambda):
        parts = []
    whole = [*getattr(node, "decorator_list", []), *getattr(node, "bases", [])]
    for part in [*whole, *([node] if isinstance(node, ast.Call) else [])]:
        yield from (name.id for name in ast.walk(part) if isinstance(name, ast.Name))
    for part in parts:
        yield from _called(part)


def _place(node: ast.Name | None) -> tuple[int, int]:
    return (node.lineno, node.col_offset) if node is not None else (1 << 30, 0)


def _scan(table: symtable.SymbolTable, when: int, kinds: dict[str, int]) -> None:
    kind = table.get_type()
    for symbol in table.get_symbols():
        name = symbol.get_name()
        if kind == "module":
            outside = symbol.is_referenced()
        elif kind == "class" and symbol.is_referenced() and symbol.is_local():
            outside = False
            kinds.setdefault(name, PERHAPS)  # `x = x` in a class reads the outer one
        else:
            outside = symbol.is_global()
        if outside:
            needed = when if symbol.is_referenced() else PERHAPS
            kinds[name] = min(needed, kinds.get(name, PERHAPS))
    for child in table.get_children():
        runs_now = child.get_type() != "function" or child.get_name() in _RUN_AT_ONCE
        _scan(child, when if runs_now else LATER, kinds)


def _in_annotations(tree: ast.AST) -> list[str]:
    found = []
    for node in ast.walk(tree):
        for part in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if isinstance(part, ast.AST):
                found += [name.id for name in ast.walk(part) if isinstance(name, ast.Name)]
    return found


def _chain(node: ast.AST) -> tuple[str, str] | None:
    """`a.b.c` as ("a", "b.c")."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return (node.id, ".".join(reversed(parts))) if isinstance(node, ast.Name) and parts else None
