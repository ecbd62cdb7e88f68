"""Code packages by content: what is stored is named by its SHA-256, so the same content is stored once."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from fclab.errors import CodeStoreError, PackageError, UsageError
from fclab.model import Package
from fclab.packages.archive import zip_files, zip_folder
from fclab.packages.checksum import crc64
from fclab.packages.limits import LIMITS, MB, Limits, Signal, check_signal

__all__ = ["CodeStore"]

_AGAIN = "declare or deploy the function again, which stores its code anew"
_CHUNK = 1 << 18
_PACE = 1 << 14
"""Bytes between two pauses of a paced download, so that it also moves at a slow rate and can be called off."""


class CodeStore:
    """A folder of zips, each named by its digest.

    1. A package appears whole or not at all, also when several threads or processes put the same one at once.
    2. What `fetch` delivers has the digest it was asked for; else it raises and leaves nothing.

    All methods may be called from any thread.
    """

    def __init__(self, folder: Path, limits: Limits = LIMITS) -> None:
        self.folder = folder
        self.limits = limits
        folder.mkdir(parents=True, exist_ok=True)

    # ---- in

    def put(self, source: bytes | Path) -> Package:
        """Store a zip, as it is. Whether it is a sound one shows when it is unpacked. Raises `PackageError` if it is too large."""

        def copy(to: IO[bytes]) -> None:
            if isinstance(source, bytes):
                to.write(source)
                return
            try:
                with source.open("rb") as file:
                    shutil.copyfileobj(file, to, _CHUNK)
            except OSError as error:
                raise PackageError(f"{str(source)!r} cannot be read: {error.strerror}.", hint="give a folder or a .zip") from error

        return self._store(copy)

    def put_folder(self, folder: Path) -> Package:
        """Store the canonical zip of a folder."""
        return self._store(lambda to: zip_folder(folder, to, self.limits))

    def put_files(self, files: dict[str, bytes]) -> Package:
        """Store the canonical zip of these files, by name inside the package."""
        return self._store(lambda to: zip_files(files, to))

    def _store(self, write: Callable[[IO[bytes]], None]) -> Package:
        with tempfile.NamedTemporaryFile(dir=self.folder, prefix="new-", suffix=".tmp", delete=False) as file:
            path = Path(file.name)
            try:
                write(file)
                size = file.tell()
                if size > self.limits.zip_mb * MB:
                    raise PackageError(f"A package of {size / MB:.0f} MB is too large.", hint=f"{self.limits.zip_mb:g} MB are allowed")
                file.close()
                digest = _digest(path)
                path.replace(self._path(digest))
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        return Package(digest, size)

    # ---- out

    def path(self, digest: str) -> Path:
        """Where a package lies. Raises `CodeStoreError` if it is not there."""
        path = self._path(digest)
        if not path.is_file():
            raise CodeStoreError(f"The platform has lost the package {digest[:12]}.", hint=_AGAIN)
        return path

    def _path(self, digest: str) -> Path:
        return self.folder / f"{digest}.zip"

    def checksum(self, digest: str) -> str:
        """The CRC-64 of a package as a decimal number, as the header X-Fc-Code-Checksum carries it."""
        with self.path(digest).open("rb") as file:
            return crc64(_chunks(file, _CHUNK))

    def fetch(self, digest: str, to: Path, *, bytes_per_second: float | None = None, cancelled: Signal | None = None) -> int:
        """Copy a package to the path `to` and verify it on the way; returns its size in bytes.

        bytes_per_second   None: as fast as the disk is. Otherwise it takes size / bytes_per_second seconds, so it belongs on a
                           thread of its own
        cancelled          a `threading.Event`: once set, the copy ends with `CalledOff`, also out of a pause

        Raises `CodeStoreError` if the package is missing or damaged. Nothing is left at `to` unless it returns.
        """
        if bytes_per_second is not None and not bytes_per_second > 0:
            raise UsageError(f"bytes_per_second must be a positive number, not {bytes_per_second!r}.", hint="None means no limit")
        pace = _pace(bytes_per_second, cancelled)
        found = hashlib.sha256()
        copied = 0
        with _whole(to), self.path(digest).open("rb") as source, to.open("xb") as target:
            for chunk in _chunks(source, _CHUNK if bytes_per_second is None else _PACE):
                check_signal(cancelled)
                found.update(chunk)
                target.write(chunk)
                copied += len(chunk)
                pace(copied)
            check_signal(cancelled)
            if found.hexdigest() != digest:
                raise CodeStoreError(f"The package {digest[:12]} is damaged in the platform's code store.", hint=_AGAIN)
        return copied


@contextmanager
def _whole(to: Path) -> Iterator[None]:
    """Leave nothing at `to` if the work on it fails; what was there before is refused, and stays."""
    if to.exists():
        raise UsageError(f"{str(to)!r} exists already.", hint="a package is fetched to a path of its own")
    try:
        yield
    except BaseException:
        with suppress(OSError):
            to.unlink(missing_ok=True)
        raise


def _pace(bytes_per_second: float | None, cancelled: Signal | None) -> Callable[[int], object]:
    """What waits until so many bytes may have passed."""
    if bytes_per_second is None:
        return lambda copied: None
    import threading

    began = time.monotonic()
    signal = threading.Event() if cancelled is None else cancelled

    def wait(copied: int) -> None:
        left = began + copied / bytes_per_second - time.monotonic()
        if left > 0:
            signal.wait(left)

    return wait


def _chunks(file: IO[bytes], size: int) -> Iterator[bytes]:
    while chunk := file.read(size):
        yield chunk


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
