"""The imports of packed source: made anew from the objects that names are bound to."""

from __future__ import annotations

import builtins
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

from fclab.packages.learner_modules import belongs_to_learner, files_of, installed
from fclab.packages.values import Unwritable

__all__ = ["Imports"]

_ABSENT = object()
_HELP = {"fclab.idempotency": ("InProgress", "idempotent"), "fclab.web": ("asgi", "verify_webhook", "wsgi")}
"""What functions may use of fclab, by module. These go with them as files: an instance need not see fclab, nor load all of it."""
_NOT_FOUND_IN = ("fclab", "IPython", "ipykernel", "__main__")


class Imports:
    """Lines to import by, and the files of the learner's modules among them.

    `home` is the namespace whose names index.py takes over: names made up here avoid its own.
    """

    def __init__(self, home: dict[str, object]) -> None:
        self.files: dict[str, bytes] = {}
        self._home = home
        self._lines: set[str] = set()
        self._taken = {*home, *dir(builtins)}

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    def fresh(self, wish: str) -> str:
        """A name that nothing has yet, like `wish`."""
        wish = wish if wish.isidentifier() else "value"
        name, number = wish, 1
        while name in self._taken:
            name = f"_{wish}" if number == 1 else f"_{wish}_{number}"
            number += 1
        self._taken.add(name)
        return name

    def module(self, module: ModuleType, name: str) -> None:
        """Have `name` mean `module`. Raises `Unwritable` for one that cannot be imported."""
        if module.__name__ == "fclab" and not installed("fclab"):
            lines = [f"from {self._help(place)} import {', '.join(names)}\n" for place, names in _HELP.items()]
            self.files["fclab.py"] = "".join(lines).encode()
        self._reach(module.__name__, module)
        self._lines.add(f"import {name}\n" if name == module.__name__ else f"import {module.__name__} as {name}\n")

    def submodules(self, module: ModuleType, name: str, dotted: Iterable[str]) -> None:
        """Import what is read as `name.sub`, where `sub` is a module that the package may not import by itself."""
        whole = sorted(dotted)
        for chain in (one for one in whole if not any(other.startswith(f"{one}.") for other in whole)):
            at: ModuleType = module
            path = module.__name__
            for part in chain.split("."):
                below = sys.modules.get(f"{path}.{part}")
                attached = hasattr(at, "__path__") and bool(getattr(at, part, None) is below)
                if below is None or not attached:
                    break
                at, path = below, f"{path}.{part}"
            if at is not module and name == module.__name__:
                self._lines.discard(f"import {name}\n")  # the longer one does that too
                self._lines.add(f"import {path}\n")
            elif at is not module:
                self._lines.add(f"import {path} as _{path.replace('.', '_')}\n")

    def member(self, value: object, name: str) -> bool:
        """Have `name` mean `value`, by importing it from the module it says it is from; False if it is not there."""
        owner = type(getattr(value, "__self__", None))
        for place in (getattr(value, "__module__", None), owner.__module__, type(value).__module__):
            for known in (name, getattr(value, "__name__", None), getattr(value, "_name", None)):
                if isinstance(place, str) and isinstance(known, str) and self._from(place, known, value, name):
                    return True
        return False

    def found(self, value: object, name: str) -> bool:
        """The same for an object that does not say where it is from: any module that has it under this very name."""
        places = [place for place in list(sys.modules) if place.partition(".")[0] not in _NOT_FOUND_IN]
        return any(self._from(place, name, value, name) for place in sorted(places, key=lambda place: (place.count("."), place)))

    def _from(self, place: str, known: str, value: object, name: str) -> bool:
        module = sys.modules.get(place)
        if not isinstance(module, ModuleType) or place == "__main__" or vars(module) is self._home:
            return False
        if vars(module).get(known, _ABSENT) is not value:
            return False
        if place in _HELP:
            place = self._help(place)
            self._lines.add(f"from {place} import {known}\n" if known == name else f"from {place} import {known} as {name}\n")
            return True
        try:
            self._reach(place, module)
        except Unwritable:
            return False
        self._lines.add(f"from {place} import {known}\n" if known == name else f"from {place} import {known} as {name}\n")
        return True

    def _help(self, module: str) -> str:
        """Pack one of the modules for functions as a file; the name by which it is imported there."""
        spec = importlib.util.find_spec(module)
        assert spec is not None
        assert spec.origin is not None
        name = module.replace(".", "_")
        self.files[f"{name}.py"] = Path(spec.origin).read_bytes()
        return name

    def _reach(self, name: str, module: ModuleType) -> None:
        """See that a module can be imported by its name inside the function."""
        top = name.partition(".")[0]
        if belongs_to_learner(top):
            if f"{top}.py" not in self.files and not any(file.startswith(f"{top}/") for file in self.files):
                self.files.update(files_of(top))
        elif name == "__main__" or (getattr(module, "__spec__", None) is None and importlib.util.find_spec(top) is None):
            raise Unwritable(module, f"a module {name!r} that is in no file")

    # ---- what written values need

    def builtin(self, name: str) -> str:
        """An expression for a builtin, also where the learner's code has given its name to something else."""
        return name if self._home.get(name, getattr(builtins, name)) is getattr(builtins, name) else f"{self.library('builtins')}.{name}"

    def library(self, name: str) -> str:
        """An expression for a module of the standard library."""
        module = sys.modules[name]
        alias = name if self._home.get(name) is module else f"_{name}"
        while self._home.get(alias, module) is not module:
            alias = f"_{alias}"
        self.module(module, alias)
        return alias
