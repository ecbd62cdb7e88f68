"""Modules that belong to the learner, beside the notebook: they are packed whole, as files; installed ones are only imported."""

from __future__ import annotations

import ast
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from fclab.errors import PackageError
from fclab.packages.archive import walk
from fclab.packages.limits import LIMITS, MB
from fclab.packages.values import is_lab

__all__ = ["belongs_to_learner", "files_of", "installed"]

_STDLIB = str(Path(os.__file__).parent) + os.sep
_INSTALLED = {"site-packages", "dist-packages"}


def belongs_to_learner(top: str) -> bool:
    """Whether the top-level module of this name is a file or folder that is not installed."""
    return bool(_places(top))


def installed(top: str) -> bool:
    """Whether the top-level module of this name lies where instances look for packages."""
    spec = importlib.util.find_spec(top)
    return spec is not None and spec.origin is not None and _installed(spec.origin)


def files_of(top: str) -> dict[str, bytes]:
    """The files of a learner's module, and of the learner's modules that it imports, by name inside the package.

    Raises `PackageError` if one of them makes a lab, which would run inside the function.
    """
    files: dict[str, bytes] = {}
    waiting, seen = [top], set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for place in _places(name):
            found = dict(_read(name, place))
            files.update(found)
            waiting += [other for text in sorted(found) if text.endswith(".py") for other in _imported(found[text])]
        if seen and sum(map(len, files.values())) > LIMITS.zip_mb * MB:
            raise PackageError(f"The module {name!r} and what lies beside it are too large to pack.", hint="use lab.deploy")
    return files


def _places(top: str) -> list[Path]:
    """Where a learner's module lies: its file, or the folders of a package; nothing for any other."""
    if top in sys.stdlib_module_names or top in ("fclab", "__main__"):
        return []
    module = sys.modules.get(top)
    try:
        spec = getattr(module, "__spec__", None) or importlib.util.find_spec(top)
    except (ImportError, ValueError):
        spec = None
    if module is not None and spec is None:
        found = [getattr(module, "__file__", None)]
    elif spec is not None and spec.submodule_search_locations is not None:
        found = list(spec.submodule_search_locations)
    else:
        found = [spec.origin if spec is not None and spec.has_location else None]
    return [Path(place) for place in found if isinstance(place, str) and not _installed(place)]


def _installed(place: str) -> bool:
    return place.startswith(_STDLIB) or not _INSTALLED.isdisjoint(Path(place).parts)


def _read(top: str, place: Path) -> Iterator[tuple[str, bytes]]:
    _refuse_labs(top)
    try:
        if place.is_dir():
            yield from ((f"{top}/{name}", path.read_bytes()) for name, path in walk(place))
        else:
            yield place.name, place.read_bytes()
    except OSError as error:
        raise PackageError(f"The module {top!r} cannot be read: {error.strerror}.", hint="save it beside the notebook") from error


def _refuse_labs(top: str) -> None:
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == top and isinstance(module, ModuleType) and any(map(is_lab, list(vars(module).values()))):
            raise PackageError(
                f"The module {name!r} makes a Lab, so it cannot be part of a function.", hint="keep the lab in the notebook"
            )


def _imported(source: bytes) -> list[str]:
    """Top-level names of what a module imports, wherever in it; relative imports lie in the same package."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return []
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return sorted(found)
