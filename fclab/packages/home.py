"""Where the code packages of one lab live: stored by content, and unpacked once each."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import weakref
from pathlib import Path

from fclab.errors import PackageError
from fclab.model import Package
from fclab.packages.limits import LIMITS, Limits, Signal
from fclab.packages.occupied import occupy, remove_stale
from fclab.packages.store import CodeStore
from fclab.packages.unpack import unpack

__all__ = ["CodeHome"]

_PREFIX = "fclab-code-"


class CodeHome:
    """A temporary folder, made when the first package comes.

    1. It is gone after `close`, when nothing holds this object any more, and when the interpreter ends.
    2. What a killed interpreter left is removed when the next such folder is made (see `packages.occupied`).
    3. A forked child never removes it.
    4. A package is added only if it can be unpacked, so what is here is sound.
    """

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._limits = limits
        self._folder: Path | None = None
        self._remove: weakref.finalize[..., CodeHome] | None = None
        self._sources: dict[str, Path] = {}

    def settle(self, folder: Path) -> None:
        """Keep everything in this folder, which may have packages already, from the start; whoever owns it removes it, or keeps it."""
        folder.mkdir(exist_ok=True)
        self._folder = folder

    @property
    def folder(self) -> Path:
        """The folder, which exists from now on."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
            self._remove = weakref.finalize(self, _remove, self._folder, occupy(self._folder), os.getpid())
            remove_stale(self._folder, _PREFIX)
        return self._folder

    @property
    def store(self) -> CodeStore:
        """The packages as they were deployed."""
        return CodeStore(self.folder / "store", self._limits)

    def fetch(self, digest: str, to: Path, *, bytes_per_second: float | None = None, cancelled: Signal | None = None) -> int:
        """See `CodeStore.fetch`."""
        return self.store.fetch(digest, to, bytes_per_second=bytes_per_second, cancelled=cancelled)

    def add(self, source: object) -> Package:
        """Pack a folder, or take a .zip as it is, and unpack it. Raises `PackageError` for what cannot be used."""
        if not isinstance(source, (str, Path)):
            raise PackageError(f"Code is deployed from a folder or a .zip, not from {source!r}.", hint='such as "functions/thumbnail"')
        path = Path(source).expanduser().resolve()
        if path.is_dir():
            package = self.store.put_folder(path)
        elif path.is_file():
            package = self.store.put(path)
        else:
            raise PackageError(f"There is no folder or .zip {str(source)!r}.", hint=f"the path is relative to {str(Path.cwd())!r}")
        self._sources[package.digest] = path
        self.unpacked(package)
        return package

    def take(self, package: Package, other: CodeHome) -> None:
        """Have a package that another home has, or had before it was closed."""
        source = other._sources[package.digest]
        if other._folder is not None:
            self.store.put(other.store.path(package.digest))
            self._sources[package.digest] = source
            self.unpacked(package)
        elif self.add(source) != package:
            raise PackageError(f"The code in {str(source)!r} was changed since it was deployed.", hint="deploy it again, in a new lab")

    def unpacked(self, package: Package) -> Path:
        """The folder with a package's files; the same one each time."""
        place = self.folder / "unpacked" / package.digest
        if not place.is_dir():
            source = self._sources.get(package.digest)
            unpack(self.store.path(package.digest), place, self._limits, called="" if source is None else source.name)
        return place

    def close(self) -> None:
        """Leave nothing (clause 1)."""
        if self._remove is not None:
            self._remove()
        self._folder = self._remove = None


def _remove(folder: Path, lock: int | None, process: int) -> None:
    if os.getpid() != process:
        return
    shutil.rmtree(folder, ignore_errors=True)
    if lock is not None:
        os.close(lock)
    for place in [place for place in sys.path_importer_cache if place.startswith(str(folder))]:
        sys.path_importer_cache.pop(place, None)
