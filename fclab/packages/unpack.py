"""Unpacks zips of which nothing is believed: neither names, nor links, nor sizes."""

from __future__ import annotations

import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from fclab.errors import PackageError
from fclab.packages.limits import LIMITS, MB, Limits, Signal, check_signal

if TYPE_CHECKING:
    from zipfile import ZipFile, ZipInfo

__all__ = ["Unpacked", "unpack"]

_CHUNK = 1 << 16
_ANEW = "make the zip anew, or give the folder itself"
_LEAN = "leave data out of it"
_LINK_BYTES = 4096
_MOST_LINKS = 40
_TAIL = 22 + 65_535
"""Bytes from the end in which a zip's last record begins, with the longest comment."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What was written: `files` (links included), and their `size` in bytes."""

    files: int
    size: int


def unpack(zip_path: Path, folder: Path, limits: Limits = LIMITS, *, cancelled: Signal | None = None, called: str = "") -> Unpacked:
    """Unpack a zip into `folder`, which must not exist yet. Errors say what the zip is `called`: its own name, unless you give one.

    1. Every file lies inside `folder`: absolute names, `..`, backslashes and drive letters are refused, and so are links that do not
       lead to something inside. No file is written through a link.
    2. A name counts once: duplicates, and a file where another entry needs a folder, are refused.
    3. Only files, folders and links; encrypted entries and methods other than stored and deflated are refused.
    4. Limits hold for the bytes that are written, whatever the headers say.
    5. Modes are 0644, or 0755 where the owner may execute the file: no set-uid bit survives.
    6. If anything fails, or the work is called off, `folder` is gone.

    Raises `PackageError`; `CalledOff` when `cancelled` is set.
    """
    import zipfile

    with _refusing(zip_path, called or zip_path.name):
        size = zip_path.stat().st_size
        if size > limits.zip_mb * MB:
            raise _Unsound(f"is larger than {limits.zip_mb:g} MB")
        with zip_path.open("rb") as file:
            if _directory_bytes(file, size) > limits.entries * 512:
                raise _Unsound(f"lists more than {limits.entries} files")
            with zipfile.ZipFile(file) as archive:
                entries = _checked(archive, limits)
                try:
                    folder.mkdir(parents=True)
                except FileExistsError:
                    raise PackageError(f"{str(folder)!r} exists already.", hint="a package is unpacked into a folder of its own") from None
                try:
                    return _write(archive, entries, folder, limits.most_bytes(size), cancelled)
                except BaseException:
                    shutil.rmtree(folder, ignore_errors=True)
                    raise


@contextmanager
def _refusing(zip_path: Path, called: str) -> Iterator[None]:
    """Whatever is wrong with a zip becomes a `PackageError`."""
    import zipfile
    import zlib

    try:
        yield
    except FileNotFoundError as error:
        raise PackageError(f"There is no file {str(zip_path)!r}.", hint="give the path of a folder, or of a .zip") from error
    except PackageError:
        raise
    except _Unsound as error:
        raise PackageError(f"The package {called!r} {error.what}.", hint=error.hint) from error.__cause__
    except (zipfile.BadZipFile, zlib.error, EOFError, UnicodeError, ValueError, RuntimeError, OverflowError) as error:
        raise PackageError(f"The package {called!r} is no sound zip: {error}.", hint=_ANEW) from error
    except OSError as error:
        raise PackageError(f"The package {called!r} cannot be unpacked: {error.strerror or error}.", hint=_ANEW) from error


class _Unsound(Exception):
    """What is wrong with the zip, and what to try."""

    def __init__(self, what: str, hint: str = _ANEW) -> None:
        self.what = what
        self.hint = hint
        super().__init__(what)


def _directory_bytes(file: IO[bytes], size: int) -> int:
    """Bytes of the zip's list of entries, before that is read into memory; 0 where there is none, which `ZipFile` then says."""
    file.seek(max(0, size - _TAIL))
    tail = file.read()
    at = tail.rfind(b"PK\5\6")
    file.seek(0)
    return int.from_bytes(tail[at + 12 : at + 16], "little") if at >= 0 else 0


def _checked(archive: ZipFile, limits: Limits) -> dict[PurePosixPath, ZipInfo]:
    """The entries by place (clauses 1 to 3, as far as headers tell)."""
    found: dict[PurePosixPath, ZipInfo] = {}
    infos = archive.infolist()
    if len(infos) > limits.entries:
        raise _Unsound(f"lists {len(infos)} files, {limits.entries} are allowed")
    for info in infos:
        place = _place(info.orig_filename)
        if place in found:
            raise _Unsound(f"has two entries {str(place)!r}")
        if info.flag_bits & 0x41:
            raise _Unsound(f"is encrypted: {str(place)!r}", "make it without a password")
        if info.compress_type not in (0, 8):
            raise _Unsound(f"compresses {str(place)!r} by a method other than deflate", "make it with the usual compression")
        if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
            raise _Unsound(f"holds {str(place)!r}, which is no file, folder or link")
        found[place] = info
    for place in found:
        for above in place.parents:
            if above in found and not found[above].is_dir():
                raise _Unsound(f"needs {str(above)!r} as a folder, but has something else of that name")
    return found


def _place(name: str) -> PurePosixPath:
    """Where an entry goes (clause 1)."""
    place = PurePosixPath(name)
    if not name or "\0" in name or "\\" in name or place.is_absolute() or ".." in place.parts or re.match("[A-Za-z]:", name):
        raise _Unsound(f"has an entry {name!r}, which would be written outside its folder", "make the zip from inside the folder")
    return place


def _write(
    archive: ZipFile, entries: dict[PurePosixPath, ZipInfo], folder: Path, most: int, cancelled: Signal | None
) -> Unpacked:
    links: dict[PurePosixPath, str] = {}
    size = files = 0
    for place, info in sorted(entries.items()):
        check_signal(cancelled)
        path = folder / place
        if info.is_dir():
            path.mkdir(parents=True, exist_ok=True)
            continue
        files += 1
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = info.external_attr >> 16
        if stat.S_ISLNK(mode):
            links[place] = _target(archive, info)
            continue
        with archive.open(info) as source, path.open("xb") as target:
            while chunk := source.read(_CHUNK):
                check_signal(cancelled)
                size += len(chunk)
                if size > most:
                    raise _Unsound(f"unpacks to more than {most / MB:g} MB, the most that a zip of its size may", _LEAN)
                target.write(chunk)
        path.chmod(0o755 if mode & stat.S_IXUSR else 0o644)
    _link(folder, links)
    return Unpacked(files, size)


def _target(archive: ZipFile, info: ZipInfo) -> str:
    with archive.open(info) as source:
        raw = source.read(_LINK_BYTES + 1)
    target = raw.decode()
    if not target or len(raw) > _LINK_BYTES or "\0" in target or "\\" in target or PurePosixPath(target).is_absolute():
        raise _loose(info.filename)
    return target


def _link(folder: Path, links: Mapping[PurePosixPath, str]) -> None:
    """Make the links once all files are there; each must lead to something inside, and never leave on the way (clause 1)."""
    for place, target in links.items():
        if not _stays(place, links):
            raise _loose(str(place))
        (folder / place).symlink_to(target)
    root = folder.resolve()
    for place in links:
        try:
            inside = (folder / place).resolve(strict=True).is_relative_to(root)
        except OSError:
            inside = False
        if not inside:
            raise _loose(str(place))


def _stays(place: PurePosixPath, links: Mapping[PurePosixPath, str]) -> bool:
    """Following the link, step by step through the others, never climbs out of the folder, nor runs in a circle."""
    at: list[str] = []
    todo = list(reversed(place.parts))
    followed = 0
    while todo:
        part = todo.pop()
        if part == "..":
            if not at:
                return False
            at.pop()
        elif (target := links.get(PurePosixPath(*at, part))) is not None:
            followed += 1
            if followed > _MOST_LINKS:
                return False
            todo.extend(reversed(PurePosixPath(target).parts))
        else:
            at.append(part)
    return True


def _loose(name: str) -> _Unsound:
    return _Unsound(f"has a link {name!r} that leads nowhere, or out of the folder", "put the file itself in its place")
