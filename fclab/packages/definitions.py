"""Finds the text of a function or class where it was defined: a notebook's cell, a script or a module."""

from __future__ import annotations

import ast
import inspect
import linecache
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType, FunctionType

__all__ = ["Definition", "NoSource", "methods", "of_class", "of_function", "texts"]

Statement = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class NoSource(Exception):
    """There is no text to be had; says why."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A `def`, `class` or `lambda` in the lines of its file."""

    node: Statement | ast.Lambda
    lines: tuple[str, ...]
    file: str

    def holds(self, code: CodeType) -> bool:
        """Whether code was compiled from lines of this definition."""
        return code.co_filename == self.file and _first(self.node) <= code.co_firstlineno <= (self.node.end_lineno or self.node.lineno)

    @property
    def indent(self) -> str:
        """What stands before the definition's first line."""
        line = self.lines[self.node.lineno - 1]
        return line[: len(line) - len(line.lstrip())]

    @property
    def decorators(self) -> list[ast.expr]:
        """The decorators, uppermost first."""
        return [] if isinstance(self.node, ast.Lambda) else self.node.decorator_list

    def text(self, without: Callable[[ast.expr], bool]) -> str:
        """The learner's own lines, less the decorators that `without` is true for."""
        if isinstance(self.node, ast.Lambda):
            return _between(self.lines, self.node)
        dropped: set[int] = set()
        for decorator in filter(without, self.decorators):
            dropped.update(range(decorator.lineno, (decorator.end_lineno or decorator.lineno) + 1))
        last = self.node.end_lineno or self.node.lineno
        kept = (self.lines[at - 1] for at in range(_first(self.node), last + 1) if at not in dropped)
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in kept)


def of_function(function: FunctionType) -> Definition:
    """The definition of a plain function or lambda. Raises `NoSource`."""
    code = function.__code__
    lines = _lines(code.co_filename, function.__globals__)
    found = [node for node in ast.walk(_tree(lines)) if _defines(node, code)]
    if len(found) > 1 and code.co_name == "<lambda>":
        found = [node for node in found if isinstance(node, ast.Lambda) and _same_place(node, code)]
    if not found or not isinstance(found[0], (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        raise NoSource("the file was changed after it was loaded")
    if len(found) > 1:
        raise NoSource("there are several in its line")
    return Definition(found[0], lines, code.co_filename)


def of_class(cls: type, home: Mapping[str, object]) -> Definition:
    """The definition of a class whose module has the namespace `home`. Raises `NoSource`."""
    codes = [method.__code__ for method in methods(cls) if method.__code__.co_qualname.startswith(f"{cls.__qualname__}.")]
    for name, lines, tree in _texts([codes[-1].co_filename] if codes else _files(home), home):
        fitting = [node for qualname, node in _classes(tree, "") if qualname == cls.__qualname__ and _fits(node, cls, codes)]
        if fitting:
            return Definition(fitting[-1], lines, name)
    raise NoSource("no cell or file has it any more")


def texts(home: Mapping[str, object]) -> Iterator[tuple[tuple[str, ...], ast.Module]]:
    """The lines and the statements of a namespace: of its file, or of a notebook's cells, the last first."""
    for _, lines, tree in _texts(_files(home), home):
        yield lines, tree


# ---- text


def _files(home: Mapping[str, object]) -> list[str]:
    file = home.get("__file__")
    return [file] if isinstance(file, str) else _cells()


def _texts(names: list[str], home: Mapping[str, object]) -> Iterator[tuple[str, tuple[str, ...], ast.Module]]:
    for name in names:
        try:
            lines = _lines(name, home)
            yield name, lines, _tree(lines)
        except NoSource:
            continue


def _lines(file: str, namespace: Mapping[str, object]) -> tuple[str, ...]:
    lines = tuple(linecache.getlines(file, dict(namespace)))
    if not lines:
        raise NoSource(f"there is no text of {file!r}" if file.startswith("<") else "its file is gone")
    return lines


@lru_cache(maxsize=64)
def _tree(lines: tuple[str, ...]) -> ast.Module:
    try:
        return ast.parse("".join(lines))
    except SyntaxError:
        raise NoSource("the file was changed after it was loaded") from None


def _cells() -> list[str]:
    """The names of a notebook's cells that were run, the last first."""
    return [name for name, entry in reversed(list(linecache.cache.items())) if len(entry) == 4 and entry[1] is None]


def _first(node: Statement | ast.Lambda) -> int:
    decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _between(lines: tuple[str, ...], node: ast.expr) -> str:
    text = ast.get_source_segment("".join(lines), node)
    if text is None:
        raise NoSource("its place is unknown")
    return text


# ---- places


def _defines(node: ast.AST, code: CodeType) -> bool:
    if isinstance(node, ast.Lambda):
        return code.co_name == "<lambda>" and node.lineno == code.co_firstlineno
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and (node.name, _first(node)) == (code.co_name, code.co_firstlineno)


def _same_place(node: ast.Lambda, code: CodeType) -> bool:
    """The lambda whose body, as a whole, is what the code returns."""
    whole = (node.body.lineno, node.body.col_offset, node.body.end_lineno, node.body.end_col_offset)
    return whole in {(line, column, end, last) for line, end, column, last in code.co_positions()}


def _classes(tree: ast.AST, prefix: str) -> Iterator[tuple[str, ast.ClassDef]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield prefix + node.name, node
            yield from _classes(node, f"{prefix}{node.name}.")
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from _classes(node, f"{prefix}{node.name}.<locals>.")
        else:
            yield from _classes(node, prefix)


def methods(cls: type) -> Iterator[FunctionType]:
    """The plain functions among a class's attributes, however they are wrapped."""
    for member in list(vars(cls).values()):
        for inner in ("__func__", "fget", "func"):
            member = getattr(member, inner, member)
        plain = inspect.unwrap(member) if callable(member) else None
        if isinstance(plain, FunctionType):
            yield plain


def _fits(node: ast.ClassDef, cls: type, codes: list[CodeType]) -> bool:
    """This is the class, not another of its name: by its methods' lines, else by the names in its body."""
    if codes:
        return _first(node) <= codes[-1].co_firstlineno <= (node.end_lineno or node.lineno)
    there = {*vars(cls), *getattr(cls, "__annotations__", {})}
    inner = {id(name) for part in ast.walk(node) if isinstance(part, ast.comprehension) for name in ast.walk(part.target)}
    stored = (name for name in ast.walk(node) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store))
    return {name.id for name in stored if id(name) not in inner} <= there
