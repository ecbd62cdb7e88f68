"""What objects consist of: files under the home, or memory in a lab without one."""

from __future__ import annotations

import hashlib
import io
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import BinaryIO, Self

from fclab.errors import SourceError
from fclab.packages.checksum import crc64

__all__ = ["CHUNK", "Bodies", "Draft", "Files", "Memory", "md5"]

CHUNK = 1 << 20
"""Bytes that are read or copied at once."""


def md5(data: bytes) -> str:
    """In upper-case hex, as ETags are."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest().upper()


class Draft(ABC):
    """A body that is being written: it knows the size, MD5 and CRC-64 of what came so far. Any thread may write one.

    Use it as a context: leaving that lets go of what was not kept.
    """

    def __init__(self) -> None:
        self.size = 0
        self.crc64 = "0"
        self._md5 = hashlib.md5(usedforsecurity=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()

    @property
    def etag(self) -> str:
        """The MD5 in upper-case hex."""
        return self._md5.hexdigest().upper()

    def write(self, data: bytes) -> None:
        """Add to it. Raises `SourceError` if there is no room."""
        self._add(data)
        self.size += len(data)
        self.crc64 = crc64((data,), self.crc64)
        self._md5.update(data)

    def write_all(self, chunks: Iterable[bytes]) -> None:
        """Add all of these."""
        for chunk in chunks:
            self.write(chunk)

    @abstractmethod
    def chunks(self) -> Iterator[bytes]:
        """What was written so far, in pieces of at most `CHUNK`."""

    @abstractmethod
    def _add(self, data: bytes) -> None: ...

    @abstractmethod
    def discard(self) -> None:
        """Let go of it; a body that it became stays."""


class Bodies(ABC):
    """Bodies by number.

    1. A body that is kept does not change but by `extend`, beyond what its readers were told is there.
    2. `open` and `chunks` go on reading a body that is removed meanwhile.
    """

    @abstractmethod
    def draft(self) -> Draft:
        """A new body."""

    @abstractmethod
    def keep(self, number: int, draft: Draft) -> None:
        """A draft is whole: it is body `number` now, whatever was there."""

    @abstractmethod
    def extend(self, number: int, at: int, data: bytes) -> None:
        """Put `data` at `at`; what is behind that was never committed."""

    @abstractmethod
    def open(self, number: int) -> BinaryIO:
        """For reading. It may hold more than was committed."""

    @abstractmethod
    def remove(self, number: int) -> None:
        """Nobody holds it any more."""

    @abstractmethod
    def sweep(self, held: set[int]) -> None:
        """Remove all others, and drafts."""

    def read(self, number: int, start: int, stop: int) -> bytes:
        """Bytes [start, stop), in one piece."""
        with _explained(), self.open(number) as file:
            file.seek(start)
            return file.read(stop - start)

    def chunks(self, number: int, start: int, stop: int) -> Iterator[bytes]:
        """Bytes [start, stop) in pieces of at most `CHUNK`. It is open when this returns."""
        with _explained():
            file = self.open(number)
            file.seek(start)
        return _chunks(file, stop - start)


def _pieces(held: bytes | bytearray, start: int, stop: int) -> Iterator[bytes]:
    return (bytes(held[at : min(at + CHUNK, stop)]) for at in range(start, stop, CHUNK))


def _chunks(file: BinaryIO, left: int) -> Iterator[bytes]:
    with file, _explained():
        while left > 0 and (chunk := file.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = f"The object store's files cannot be used: {error}."
        raise SourceError("InternalError", what, hint="see whether the disk is full, read-only or lost a file") from error


class _FileDraft(Draft):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        with _explained():
            self.file = path.open("xb")

    def chunks(self) -> Iterator[bytes]:
        with _explained():
            self.file.flush()
            file = self.path.open("rb")
        return _chunks(file, self.size)

    def _add(self, data: bytes) -> None:
        with _explained():
            self.file.write(data)

    def discard(self) -> None:
        with suppress(OSError):
            self.file.close()
        self.path.unlink(missing_ok=True)


class Files(Bodies):
    """Each a file named by its number. A draft has a name of its own until it is whole; with `full`, it is on the disk by then."""

    def __init__(self, folder: Path, full: bool) -> None:
        self.folder = folder
        self.full = full
        self._drafts = count(1)

    def _path(self, number: int) -> Path:
        return self.folder / str(number)

    def draft(self) -> Draft:
        with _explained():
            self.folder.mkdir(exist_ok=True)
        return _FileDraft(self.folder / f"{next(self._drafts)}.draft")

    def keep(self, number: int, draft: Draft) -> None:
        assert isinstance(draft, _FileDraft)
        with _explained():
            if self.full:
                draft.file.flush()
                os.fsync(draft.file.fileno())
            draft.file.close()
            draft.path.replace(self._path(number))
            if self.full:
                self._settle()

    def _settle(self) -> None:
        if os.name == "posix":
            folder = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def extend(self, number: int, at: int, data: bytes) -> None:
        with _explained(), self._path(number).open("r+b") as file:
            file.truncate(at)
            file.seek(at)
            file.write(data)
            if self.full:
                file.flush()
                os.fsync(file.fileno())

    def open(self, number: int) -> BinaryIO:
        return self._path(number).open("rb")

    def remove(self, number: int) -> None:
        with suppress(OSError):  # left over, it is swept at the next opening
            self._path(number).unlink(missing_ok=True)

    def sweep(self, held: set[int]) -> None:
        if self.folder.is_dir():
            for path in self.folder.iterdir():
                if path.suffix == ".draft" or (path.name.isdecimal() and int(path.name) not in held):
                    path.unlink(missing_ok=True)


class _MemoryDraft(Draft):
    """The first piece is kept as it is, so a body that comes in one is not copied."""

    def __init__(self) -> None:
        super().__init__()
        self.data: bytes | bytearray = b""

    def chunks(self) -> Iterator[bytes]:
        return _pieces(self.data, 0, self.size)

    def _add(self, data: bytes) -> None:
        if not self.data:
            self.data = data
        elif isinstance(self.data, bytearray):
            self.data += data
        else:
            self.data = bytearray(self.data) + data

    def discard(self) -> None:
        self.data = b""


class Memory(Bodies):
    """In a lab without a home: gone with it."""

    def __init__(self) -> None:
        self._data: dict[int, bytes | bytearray] = {}

    def draft(self) -> Draft:
        return _MemoryDraft()

    def keep(self, number: int, draft: Draft) -> None:
        assert isinstance(draft, _MemoryDraft)
        self._data[number] = draft.data

    def extend(self, number: int, at: int, data: bytes) -> None:
        held = self._data[number]
        if not isinstance(held, bytearray):
            held = self._data[number] = bytearray(held)
        del held[at:]
        held += data

    def open(self, number: int) -> BinaryIO:
        return io.BytesIO(self._data[number])

    def read(self, number: int, start: int, stop: int) -> bytes:
        held = self._data[number]
        return held[start:stop] if isinstance(held, bytes) else bytes(memoryview(held)[start:stop])

    def chunks(self, number: int, start: int, stop: int) -> Iterator[bytes]:
        return _pieces(self._data[number], start, stop)

    def remove(self, number: int) -> None:
        self._data.pop(number, None)

    def sweep(self, held: set[int]) -> None:
        for number in [one for one in self._data if one not in held]:
            del self._data[number]
