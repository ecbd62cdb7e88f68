"""Makes zips: the same content gives the same bytes (with the same zlib), whatever the dates, the modes and the order of the files.

1. Entries are sorted by name, dated 1980-01-01, mode 0644 (0755 where the owner may execute it), and deflated.
2. A link is packed as the file or folder that it leads to, if that lies in the packed folder; otherwise it is refused.
3. What is neither file, folder nor such a link is refused.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING

from fclab.errors import PackageError
from fclab.packages.limits import LIMITS, MB, Limits

if TYPE_CHECKING:
    from zipfile import ZipInfo

__all__ = ["IGNORED", "walk", "zip_files", "zip_folder"]

IGNORED = frozenset({"__pycache__", ".git", ".ipynb_checkpoints", ".DS_Store"})
"""Names of folders and files that are never packed."""

_CHUNK = 1 << 16


def zip_folder(folder: Path, to: IO[bytes], limits: Limits = LIMITS) -> None:
    """Write the canonical zip of `folder` to an open file. Raises `PackageError` for what cannot be packed."""
    import zipfile

    if not folder.is_dir():
        raise PackageError(f"There is no folder {str(folder)!r}.", hint="give the path of a folder, or of a .zip")
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        written = 0
        for count, (name, path) in enumerate(walk(folder), 1):
            if count > limits.entries:
                raise _too_large(folder, f"more than {limits.entries} files")
            try:
                facts = path.stat()
                large = facts.st_size > 1 << 30
                with path.open("rb") as source, archive.open(_entry(name, facts.st_mode), "w", force_zip64=large) as target:
                    while chunk := source.read(_CHUNK):
                        target.write(chunk)
                        written += len(chunk)
                        if written > limits.unpacked_mb * MB:
                            raise _too_large(folder, f"more than {limits.unpacked_mb:g} MB of files")
            except OSError as error:
                raise PackageError(f"{str(path)!r} cannot be packed: {error.strerror}.", hint="make it readable, or move it") from error
            if to.tell() > limits.zip_mb * MB:
                raise _too_large(folder, f"a zip of more than {limits.zip_mb:g} MB")


def zip_files(files: Mapping[str, bytes], to: IO[bytes]) -> None:
    """Write the canonical zip of these files, by name inside the package, to an open file."""
    import zipfile

    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            with archive.open(_entry(name), "w") as target:
                target.write(files[name])


def walk(folder: Path) -> Iterator[tuple[str, Path]]:
    """(name inside the package, path) of every file that is packed, by name (clauses 2 and 3)."""
    root = folder.resolve()
    yield from sorted(_files(root, root, "", (root,)))


def _files(folder: Path, root: Path, prefix: str, above: tuple[Path, ...]) -> Iterator[tuple[str, Path]]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise PackageError(f"{str(folder)!r} cannot be read: {error.strerror}.", hint="make it readable, or move it away") from error
    for entry in entries:
        if entry.name in IGNORED:
            continue
        name, path = prefix + entry.name, Path(entry.path)
        if entry.is_symlink():
            path = _inside(name, path, root)
        kind = stat.S_IFMT(path.stat().st_mode)
        if kind == stat.S_IFREG:
            yield name, path
        elif kind != stat.S_IFDIR:
            raise PackageError(f"{name!r} is no file but a {_KINDS.get(kind, 'special file')}.", hint="move it out of the folder")
        elif path.resolve() in above:
            raise PackageError(f"The link {name!r} leads to a folder that it lies in.", hint="remove the link")
        else:
            yield from _files(path, root, f"{name}/", (*above, path.resolve()))


_KINDS = {stat.S_IFSOCK: "socket", stat.S_IFIFO: "pipe", stat.S_IFBLK: "device", stat.S_IFCHR: "device"}


def _inside(name: str, path: Path, root: Path) -> Path:
    """Where a link leads, which must be inside `root`."""
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):  # RuntimeError: a circle of links, before Python 3.13
        raise PackageError(f"The link {name!r} leads nowhere.", hint="remove it, or put the file it meant in its place") from None
    if not target.is_relative_to(root):
        raise PackageError(f"The link {name!r} leaves the folder: it leads to {str(target)!r}.", hint="copy what it leads to in its place")
    return target


def _entry(name: str, mode: int = 0) -> ZipInfo:
    """How an entry is written (clause 1)."""
    import zipfile

    try:
        name.encode()
    except UnicodeEncodeError:
        raise PackageError(f"The file name {name!r} is no text.", hint="rename the file") from None
    entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3
    entry.external_attr = (stat.S_IFREG | (0o755 if mode & stat.S_IXUSR else 0o644)) << 16
    return entry


def _too_large(folder: Path, what: str) -> PackageError:
    return PackageError(f"The folder {str(folder)!r} holds too much: {what}.", hint="leave data and environments out of it")
