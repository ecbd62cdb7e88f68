"""Each instance's own copy of the user's module, as each real one has its own process.

Names are the instance's own: `global count; count += 1` counts per instance, so a warm one remembers and a cold one starts anew.
The objects behind them are shared with the notebook: what a handler appends to a notebook's list is seen there.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING

from fclab.backends.context import FunctionInfo
from fclab.backends.handler_time import adopt, dispatching

if TYPE_CHECKING:
    from fclab.backends.runs import Run
    from fclab.model import FunctionSpec

__all__ = ["Sandbox"]

Code = Callable[..., object]
_INSTALLED = {Path(os.__file__).parent, Path(sys.prefix, "lib"), Path(sys.base_prefix, "lib")}
"""Where Python and installed packages lie."""


class Sandbox:
    """The code of one instance; `hook` is the initializer or hook it runs now.

    Functions of one module that call each other keep doing so inside the copy. What is no plain function (a method, a partial, an
    object with `__call__`) is used as it is.
    """

    __slots__ = ("_codes", "_copies", "hook", "info", "spec")

    def __init__(self, spec: FunctionSpec) -> None:
        self.spec = spec
        self.hook: Run | None = None
        self.info = FunctionInfo(spec.name, spec.handler_name, spec.memory_mb, spec.timeout)
        self._codes: dict[str, tuple[Code, bool]] = {}
        self._copies: dict[int, dict[str, object]] = {}

    def code(self, name: str) -> tuple[Code, bool]:
        """The instance's own handler, initializer, pre_freeze or pre_stop, and whether it is an `async def`."""
        known = self._codes.get(name)
        if known is None:
            code: Code = getattr(self.spec, name)
            if isinstance(code, FunctionType):
                code = _rebound(code, self._module(code.__globals__))
            known = self._codes[name] = code, inspect.iscoroutinefunction(inspect.unwrap(code))
        return known

    def _module(self, original: dict[str, object]) -> dict[str, object]:
        copy = self._copies.get(id(original))
        if copy is None:
            copy = self._copies[id(original)] = dict(original)
            for name, value in original.items():
                if isinstance(value, FunctionType) and value.__globals__ is original:
                    copy[name] = _rebound(value, copy)
            adopt(copy)
            _adopt_helpers(original, {id(original)})
        return copy


def _adopt_helpers(namespace: dict[str, object], seen: set[int]) -> None:
    """Adopt the learner's other modules, as far as this one reaches: not Python's, nor installed packages."""
    for value in list(namespace.values()):
        module = value if isinstance(value, ModuleType) else sys.modules.get(getattr(value, "__module__", None) or "")
        if module is None or id(module.__dict__) in seen or module.__name__.partition(".")[0] == "fclab":
            continue
        seen.add(id(module.__dict__))
        file = getattr(module, "__file__", None)
        if file and not any(Path(file).is_relative_to(place) for place in _INSTALLED):
            adopt(module.__dict__)
            _adopt_helpers(module.__dict__, seen)


def _rebound(function: FunctionType, module: dict[str, object]) -> FunctionType:
    """`function` with `module` as its globals; clock functions in its closure dispatch from now on."""
    for cell in function.__closure__ or ():
        with suppress(ValueError):  # a cell may be empty
            cell.cell_contents = dispatching(cell.cell_contents)
    copy = FunctionType(function.__code__, module, function.__name__, function.__defaults__, function.__closure__)
    copy.__kwdefaults__ = function.__kwdefaults__
    copy.__qualname__ = function.__qualname__
    copy.__doc__ = function.__doc__
    copy.__dict__.update(function.__dict__)
    return copy
