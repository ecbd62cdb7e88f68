"""Packs functions defined in a notebook's cell, a script or a module as source: index.py, and the learner's modules it imports.

1. The lines are the learner's own, so a stack trace shows what was written. Decorators of the lab are left out, others are kept.
2. What the functions name comes with them, and what that names in turn: imports, functions, classes and constants. Constants are
   written by the value they have now.
3. A function is packed as the object that it is, even if its name means another one now. The names *in* it are looked up now, as
   Python does when it runs; only its own name means itself.
4. A name that is not defined anywhere stays as it is, and is Python's own NameError when the function runs.
5. What cannot be written as source is an error that says which name, where, and what to do.
6. The same definitions and values give the same bytes.
7. What functions and classes were given after their definition is given again below it. Containers that decorators fill are filled
   by them again (see `packages.filling`).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from types import FunctionType

from fclab.errors import PackageError
from fclab.packages.filling import Filling
from fclab.packages.layout import arranged
from fclab.packages.learner_modules import belongs_to_learner

__all__ = ["Source", "pack_source"]

_FUTURE = import_module("__future__").annotations


@dataclass(frozen=True, slots=True)
class Source:
    """Packed functions: the files by name, and under which name in index.py each function is found."""

    files: dict[str, bytes]
    names: dict[str, str]


def pack_source(roots: Mapping[str, Callable[..., object]]) -> Source:
    """Pack these functions, by the role that each has: "handler", "initializer", ... Raises `PackageError` (clause 5)."""
    home = _home(list(roots.values()))
    plain = [code for code in map(_plain, roots.values()) if code is not None]
    lazy = home.get("annotations") is _FUTURE or any(code.__code__.co_flags & _FUTURE.compiler_flag for code in plain)
    collector = Filling(home, plain, lazy_annotations=lazy)
    names = {role: collector.root(role, code) for role, code in roots.items()}
    collector.settle()
    text = arranged(collector.imports, collector.units, lazy_annotations=lazy)
    files = dict(collector.imports.files)
    if "index.py" in files or any(name.startswith("index/") for name in files):
        raise PackageError("A module named 'index' cannot be packed beside the functions.", hint="rename the module: index.py is theirs")
    try:
        compile(text, "index.py", "exec", dont_inherit=True)
    except SyntaxError as error:
        raise PackageError(f"The packed source is not valid: {error}.", hint="put the code in a folder and use lab.deploy") from error
    return Source({**files, "index.py": text.encode("utf-8", "surrogatepass")}, names)


def _plain(code: object) -> FunctionType | None:
    while isinstance(code, partial):
        code = code.func
    found = inspect.unwrap(code) if callable(code) else None
    return found if isinstance(found, FunctionType) else None


def _home(roots: list[Callable[..., object]]) -> dict[str, object]:
    """The namespace that functions are taken out of: the notebook's if any is from there, else the first one's own module.

    Functions of installed packages stay there and are imported; one of them may be given a function as its argument.
    """
    given = [part for code in roots if isinstance(code, partial) for part in code.args]
    spaces = [code.__globals__ for code in map(_plain, [*roots, *given]) if code is not None]
    notebook = [space for space in spaces if space.get("__name__") == "__main__"]
    own = [space for space in spaces if belongs_to_learner(str(space.get("__name__")).partition(".")[0])]
    return (notebook or own or [{}])[0]
