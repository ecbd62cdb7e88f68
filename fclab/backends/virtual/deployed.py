"""Deployed code in virtual time: each instance imports the modules of its package for itself, as a process of its own would."""

from __future__ import annotations

import inspect
import os
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, cast

from fclab.backends.virtual.handler_time import adopt
from fclab.backends.virtual.sandbox import Code, Sandbox

if TYPE_CHECKING:
    from fclab.model import FunctionSpec

__all__ = ["Deployed", "LoadFailure", "Modules"]


class LoadFailure(Exception):
    """The code could not be loaded. The names of its kinds, and the messages, are the product's."""


class ImportModuleError(LoadFailure):
    """The module, or one that it imports, was not found or refused."""


class UserCodeSyntaxError(LoadFailure):
    """The module is no valid Python."""


class UserCodeError(LoadFailure):
    """The module raised while it was imported."""


class InvalidHandleName(LoadFailure):  # the product's own spelling
    """The path is not module.function."""


class HandlerNotFound(LoadFailure):
    """The module has no function of that name."""


class Modules:
    """One instance's imported modules and search path; they are Python's while its code executes, and only then.

    1. Between `enter` and `leave` the package's folder comes first on sys.path and is the working directory, and its modules are this
       instance's, whatever else the process has imported under their names.
    2. `leave` puts everything back. Modules from outside the package stay imported, as they would after any import.
    """

    __slots__ = ("_before", "_cwd", "_hidden", "_path", "_tops", "folder", "own")

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)
        self.own: dict[str, ModuleType] = {}
        self._tops = {entry.name.partition(".")[0] for entry in os.scandir(folder)}
        self._path = [self.folder, *sys.path]
        self._hidden: dict[str, ModuleType] = {}
        self._before: set[str] = set()
        self._cwd: str | None = None

    def enter(self) -> None:
        """The instance's code is about to execute (clause 1)."""
        self._path, sys.path[:] = sys.path[:], self._path
        taken = tuple(f"{top}." for top in self._tops if top in sys.modules and top not in _FIXED)
        if taken:
            hidden = [name for name in sys.modules if f"{name}.".startswith(taken)]
            self._hidden = {name: sys.modules.pop(name) for name in hidden}
        sys.modules.update(self.own)
        self._before = set(sys.modules)
        try:
            self._cwd = os.getcwd()  # noqa: PTH109  cheaper than a Path, and this is entered at every step of a run
            os.chdir(self.folder)
        except OSError:
            self._cwd = None  # the notebook's folder was removed, or the lab is being closed

    def leave(self) -> None:
        """The instance's code has been left (clause 2)."""
        if self._cwd is not None:
            os.chdir(self._cwd)
        found = {name: sys.modules.pop(name) for name in list(self.own) if name in sys.modules}
        for name in [name for name in sys.modules if name not in self._before]:
            module = sys.modules[name]
            if self._has(name, module):
                found[name] = sys.modules.pop(name)
                adopt(module.__dict__)
        self.own = found
        sys.modules.update(self._hidden)
        self._hidden = {}
        self._path, sys.path[:] = sys.path[:], self._path

    def _has(self, name: str, module: ModuleType) -> bool:
        top = name.partition(".")[0]
        return (top in self._tops and top not in _FIXED) or str(getattr(module, "__file__", None) or "").startswith(self.folder + os.sep)


_FIXED = {*sys.builtin_module_names, "abc", "codecs", "encodings", "genericpath", "importlib", "io", "ntpath", "os", "posixpath", "stat"}
"""Modules that every interpreter has imported before it looks at a package: no file of a package takes their place."""


class Deployed(Sandbox):
    """The code of one instance of a deployed function. It is loaded by the first run that needs it, and takes part in its time."""

    __slots__ = ("_folder",)

    def __init__(self, spec: FunctionSpec, folder: Path) -> None:
        super().__init__(spec)
        self.modules = Modules(folder)
        self._folder = self.modules.folder

    def ready(self, role: str) -> bool:
        return role in self._codes

    def load(self, role: str) -> None:
        """Import the module and find the function. Raises a `LoadFailure`, or what ends the process in a real one."""
        path = self.spec.handler_path if role == "handler" else cast(str, getattr(self.spec, role))
        place, _, name = path.rpartition(".")
        place = place.replace("/", ".")
        if not place or not name or "" in place.split("."):
            raise InvalidHandleName(f"Invalid handler {path!r}")
        try:
            __import__(place)
        except SyntaxError as error:
            raise self._failed(UserCodeSyntaxError(f"Syntax error in module {place!r}"), error) from None
        except ImportError as error:
            raise self._failed(ImportModuleError(f"Unable to import module {place!r}"), error) from None
        except Exception as error:
            raise self._failed(UserCodeError(f"Module initialization error: '{error}'"), error) from None
        code: Code | None = getattr(sys.modules[place], name, None)
        if not callable(code):
            raise HandlerNotFound(f"Handler {name!r} is missing on module {place!r}")
        self._codes[role] = code, inspect.iscoroutinefunction(inspect.unwrap(code))

    def _failed(self, failure: LoadFailure, error: Exception) -> LoadFailure:
        """`failure` in the place of `error`, which goes to the log."""
        said = "".join(traceback.format_exception_only(error))
        print(said.replace(self._folder, "/code"), end="")
        return failure.with_traceback(error.__traceback__)
