"""Each instance's own copy of the user's module, as each real one has its own process.

Names are the instance's own: `global count; count += 1` counts per instance, so a warm one remembers and a cold one starts anew.
The objects behind them are shared with the notebook: what a handler appends to a notebook's list is seen there.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import CellType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from fclab.backends.virtual.context import FunctionInfo
from fclab.backends.virtual.handler_time import adopt, dispatching

if TYPE_CHECKING:
    from fclab.backends.virtual.deployed import Modules
    from fclab.backends.virtual.runs import Run
    from fclab.clock import Timer
    from fclab.model import FunctionSpec

__all__ = ["Code", "Sandbox"]

Code = Callable[..., object]
_INSTALLED = tuple(f"{place}{os.sep}" for place in {Path(os.__file__).parent, Path(sys.prefix, "lib"), Path(sys.base_prefix, "lib")})
"""Where Python and installed packages lie."""


class Sandbox:
    """The code of one instance; `hook` is the initializer or hook it runs now, `ends` the timers of modelled runs by slot.

    Functions that call each other, or wrap each other as decorators do, keep doing so inside the copy. What is no plain function (a
    method, a partial, an object with `__call__`) is used as it is.
    """

    __slots__ = ("_codes", "_copies", "_functions", "ends", "hook", "info", "modelled", "modules", "spec")

    def __init__(self, spec: FunctionSpec) -> None:
        self.spec = spec
        self.modelled = not spec.runs_python
        """Its runs only take their time: there is no code."""
        self.hook: Run | None = None
        self.modules: Modules | None = None
        """Modules of its own, where its code comes from a package."""
        self.ends: list[Timer | None] = [None] * spec.concurrency
        self.info = FunctionInfo(spec.name, spec.handler_name, spec.memory_mb, spec.timeout)
        self._codes: dict[str, tuple[Code, bool]] = {}
        self._copies: dict[int, dict[str, object]] = {}
        self._functions: dict[int, tuple[FunctionType, FunctionType]] = {}
        """(original, copy) by the original's identity, which it keeps as long as it is held here."""

    def ready(self, role: str) -> bool:
        """The code for this role can be had at once; otherwise `load` has to run first."""
        return True

    def load(self, role: str) -> None:
        """Load the code for this role."""

    def code(self, name: str) -> tuple[Code, bool]:
        """The instance's own handler, initializer, pre_freeze or pre_stop, and whether it is an `async def`."""
        known = self._codes.get(name)
        if known is None:
            code: Code = getattr(self.spec, name)
            if isinstance(code, FunctionType):
                code = self._copy(code)
            else:
                _adopt_reachable({name: code}, set())
            known = self._codes[name] = code, inspect.iscoroutinefunction(inspect.unwrap(code))
        return known

    def _module(self, original: dict[str, object]) -> dict[str, object]:
        copy = self._copies.get(id(original))
        if copy is None:
            if not _installed(original):
                adopt(original)  # methods of its classes go on using it
            copy = self._copies[id(original)] = dict(original)
            for name, value in original.items():
                if isinstance(value, FunctionType) and value.__globals__ is original:
                    copy[name] = self._copy(value)
            adopt(copy)
            _adopt_reachable(original, {id(original)})
        return copy

    def _copy(self, function: FunctionType) -> FunctionType:
        """`function` with the copy of its module as its globals; clock functions that it holds otherwise dispatch from now on."""
        known = self._functions.get(id(function))
        if known is not None:
            return known[1]
        module = self._module(function.__globals__)
        known = self._functions.get(id(function))  # the module may have had it
        if known is not None:
            return known[1]
        old = function.__closure__ or ()
        cells = tuple(CellType() if isinstance(_held(cell), FunctionType) else cell for cell in old)
        copy = FunctionType(function.__code__, module, function.__name__, _all_dispatching(function.__defaults__), cells or None)
        self._functions[id(function)] = function, copy  # before its cells: it may hold itself
        for cell, own in zip(old, cells, strict=True):
            held = _held(cell)
            if own is not cell:
                own.cell_contents = self._copy(held) if not _installed(held.__globals__) else dispatching(held)
            elif held is not None:
                cell.cell_contents = dispatching(held)
        copy.__kwdefaults__ = {name: dispatching(value) for name, value in (function.__kwdefaults__ or {}).items()} or None
        copy.__qualname__ = function.__qualname__
        copy.__doc__ = function.__doc__
        copy.__dict__.update(function.__dict__)
        return copy


def _held(cell: CellType) -> Any:
    """What a cell of a closure holds; None where it is empty yet."""
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _all_dispatching(defaults: tuple[object, ...] | None) -> tuple[object, ...] | None:
    return None if defaults is None else tuple(map(dispatching, defaults))


def _installed(namespace: dict[str, object]) -> bool:
    """It is the namespace of one of Python's modules, an installed package's, or ours."""
    name, file = str(namespace.get("__name__")), namespace.get("__file__")
    return name.partition(".")[0] == "fclab" or (isinstance(file, str) and file.startswith(_INSTALLED))


def _adopt_reachable(namespace: dict[str, object], seen: set[int]) -> None:
    """Adopt the learner's other modules, as far as this one reaches: not Python's, nor installed packages."""
    for value in list(namespace.values()):
        while isinstance(value, partial):
            value = value.func
        module = value if isinstance(value, ModuleType) else sys.modules.get(getattr(value, "__module__", None) or "")
        if module is None or id(module.__dict__) in seen:
            continue
        seen.add(id(module.__dict__))
        if (getattr(module, "__file__", None) or module.__name__ == "__main__") and not _installed(module.__dict__):
            adopt(module.__dict__)
            _adopt_reachable(module.__dict__, seen)
