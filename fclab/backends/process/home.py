"""The folders of a lab with processes: one of its own among the machine's temporary ones, and in it one for each instance."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from fclab.backends.process import bundle
from fclab.backends.process.strays import end_strays

__all__ = ["Home", "Room"]


class Room:
    """One instance's folder: the package, its code unpacked, and a place for temporary files."""

    __slots__ = ("code", "folder", "package", "tmp")

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.package = folder / "code.zip"
        self.code = folder / "code"
        self.tmp = folder / "tmp"

    def make(self) -> None:
        """Make the folder, all but the code. Raises OSError."""
        self.folder.mkdir()
        self.tmp.mkdir()

    def remove(self) -> None:
        """Remove all of it, also where the user's code took its rights away, and end what still runs there."""
        end_strays(self.folder)
        _remove(self.folder)


class Home:
    """A lab's folder."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="fclab-"))
        self.bundle = self.folder / "inside.bin"
        bundle.write(self.bundle)
        self.warm_up = self.folder / "warm-up"
        """A folder with a module for zygotes to import."""
        self.warm_up.mkdir()
        (self.warm_up / "fclab_warm_up.py").write_text("ready = True\n", encoding="utf-8")

    def room(self, label: str) -> Room:
        """The room of an instance; labels are unique in a lab."""
        return Room(self.folder / label.replace("#", "-"))

    def check(self) -> None:
        """Raise OSError if somebody removed what instances start from."""
        if not self.bundle.exists():
            raise FileNotFoundError("the lab's own files are gone; somebody emptied its folder")

    def remove(self) -> None:
        """Remove all of it, and end what still runs there."""
        end_strays(self.folder)
        _remove(self.folder)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        with suppress(OSError):
            for path in folder.rglob("*"):
                if path.is_dir() and not path.is_symlink():
                    path.chmod(0o700)
        shutil.rmtree(folder, ignore_errors=True)
