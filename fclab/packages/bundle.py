"""A function's code as a package in a store: what any world outside of this process needs to run it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from fclab.model import FunctionSpec, Package
from fclab.packages.source import pack_source
from fclab.packages.store import CodeStore

__all__ = ["ROLES", "Bundle", "check_source", "package_of"]

ROLES = ("handler", "initializer", "pre_freeze", "pre_stop")
"""What code of a function may be for; each is an entry point of its package."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A stored package and its entry points.

    entry_points   role -> "module.function", or None where the function has nothing for that role; see `ROLES`
    """

    package: Package
    entry_points: dict[str, str | None]


def package_of(spec: FunctionSpec, store: CodeStore) -> Bundle:
    """A function's code in `store`: what was deployed, or else its source, packed now (see `packages.source`).

    Do this once for a declared function, when it first boots: by then all that it names is defined. Takes milliseconds, and must not
    run while the learner's code does. Raises `PackageError` for a function that cannot be packed.
    """
    if spec.package is not None:
        store.path(spec.package.digest)
        return Bundle(spec.package, {role: _path(spec, role) for role in ROLES})
    source = pack_source(_code(spec))
    names = source.names
    return Bundle(store.put_files(source.files), {role: f"index.{names[role]}" if role in names else None for role in ROLES})


def check_source(spec: FunctionSpec) -> int:
    """The bytes of a function's code as it was just declared. Raises `PackageError` if it names something that can never be packed."""
    if spec.package is not None:
        return spec.package.size
    return sum(map(len, pack_source(_code(spec)).files.values())) if spec.handler is not None else 0


def _code(spec: FunctionSpec) -> dict[str, Callable[..., object]]:
    found = {role: getattr(spec, role) for role in ROLES}
    return {role: cast("Callable[..., object]", code) for role, code in found.items() if code is not None}


def _path(spec: FunctionSpec, role: str) -> str | None:
    path = spec.handler_path if role == "handler" else getattr(spec, role)
    return path or None
