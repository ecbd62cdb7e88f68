"""Every test here starts real processes, and leaves nothing behind: the fixture looks."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.kit import ProcessLab, family, wait_for


def _descriptors() -> set[str]:
    return {f"{fd.name}:{fd.readlink()}" for fd in Path("/proc/self/fd").iterdir() if fd.is_symlink()}


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """No process, descriptor, thread or folder outlasts a test."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    before = family(), _descriptors(), threading.active_count()
    yield temporary
    wait_for(lambda: family() <= before[0], 5)
    assert _descriptors() <= before[1]
    assert threading.active_count() <= before[2]
    wait_for(lambda: not list(temporary.iterdir()), 5)


@pytest.fixture
def lab(tmp_path: Path, nothing_left: Path) -> Iterator[ProcessLab]:
    lab = ProcessLab(tmp_path)
    yield lab
    lab.close()
