"""Temporary folders of packages that killed interpreters left. Clauses are those of `packages.occupied`."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fclab.packages.home import CodeHome
from fclab.packages.occupied import occupy

if sys.platform == "win32":
    pytest.skip("no POSIX locks", allow_module_level=True)

_OTHER = """
import sys
from fclab.packages.home import CodeHome
home = CodeHome()
print(home.folder, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def other(temporary: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Another interpreter with a home, and its folder."""
    with subprocess.Popen([sys.executable, "-c", _OTHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process, Path(process.stdout.readline().strip())
        process.kill()


def aged(folder: Path, seconds: float = 61) -> Path:
    lock = folder / "in-use"
    made = lock.stat().st_mtime - seconds
    os.utime(lock, (made, made))
    return folder


@pytest.mark.parametrize("end", [subprocess.Popen.kill, subprocess.Popen.terminate])
def test_home_clause_2_what_a_killed_interpreter_left_goes_when_the_next_home_is_made(
    end: Callable[[subprocess.Popen[str]], None], other: tuple[subprocess.Popen[str], Path]
) -> None:
    process, folder = other
    end(process)
    process.wait(timeout=30)
    assert folder.is_dir()
    aged(folder)
    home = CodeHome()
    assert home.folder.is_dir()
    assert not folder.exists()
    home.close()


def test_clause_1_a_folder_in_use_stays_whoever_uses_it(other: tuple[subprocess.Popen[str], Path]) -> None:
    mine, new = CodeHome(), CodeHome()
    folders = [aged(other[1]), aged(mine.folder)]
    assert new.folder.is_dir()
    assert all(folder.is_dir() for folder in folders)
    new.close()
    mine.close()


def test_clause_2_young_folders_and_others_stay(temporary: Path) -> None:
    young, stale, bare, outside = (temporary / name for name in ("fclab-code-a", "fclab-code-b", "fclab-code-c", "outside"))
    for folder in (young, stale, outside):
        folder.mkdir()
        lock = occupy(folder)
        assert lock is not None
        os.close(lock)
    bare.mkdir()
    (temporary / "fclab-code-link").symlink_to(aged(outside))
    aged(young, 50)
    aged(stale)
    home = CodeHome()
    assert home.folder.is_dir()
    assert sorted(path.name for path in temporary.iterdir() if path != home.folder) == [
        "fclab-code-a", "fclab-code-c", "fclab-code-link", "outside",
    ]  # fmt: skip
    home.close()
