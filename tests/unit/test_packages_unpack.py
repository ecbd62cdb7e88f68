"""Zips of which nothing is believed: clauses of `packages.archive` and `packages.unpack`."""

from __future__ import annotations

import os
import socket
import struct
import threading
import zipfile
from pathlib import Path

import pytest

from fclab import PackageError
from fclab.packages.archive import walk, zip_files, zip_folder
from fclab.packages.limits import CalledOff, Limits
from fclab.packages.unpack import unpack
from tests.unit.packages_kit import link, make_zip, tree


def zipped(folder: Path, to: Path) -> bytes:
    with to.open("wb") as file:
        zip_folder(folder, file)
    return to.read_bytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "code"
    (root / "lib").mkdir(parents=True)
    (root / "index.py").write_text("handler = 1\n")
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o4750)
    (root / "lib" / "a.py").write_text("A = 1\n")
    for name in ("__pycache__", ".git", ".ipynb_checkpoints"):
        (root / name).mkdir()
        (root / name / "junk").write_text("x")
    return root


def test_archive_clause_1_the_same_content_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    first = zipped(folder, tmp_path / "1.zip")
    for path in folder.rglob("*.py"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
        path.chmod(0o600)
    assert zipped(folder, tmp_path / "2.zip") == first
    (folder / "index.py").write_text("handler = 2\n")
    assert zipped(folder, tmp_path / "3.zip") != first


def test_what_is_never_packed(folder: Path) -> None:
    assert [name for name, _ in walk(folder)] == ["index.py", "lib/a.py", "run.sh"]


def test_archive_clause_2_links_inside_are_followed_others_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "again").symlink_to("lib")
    (folder / "alias.py").symlink_to("index.py")
    assert [name for name, _ in walk(folder)] == ["again/a.py", "alias.py", "index.py", "lib/a.py", "run.sh"]
    secret = tmp_path / "secret"
    secret.write_text("s")
    loose = "leads nowhere"
    for target, said in ((str(secret), "leaves the folder"), ("gone", loose), ("loop", loose), (".", "that it lies in")):
        (folder / "loop").symlink_to(target)
        with pytest.raises(PackageError, match=said):
            list(walk(folder))
        (folder / "loop").unlink()


def test_archive_clause_3_sockets_and_pipes_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    os.mkfifo("pipe")
    with pytest.raises(PackageError, match="'pipe' is no file but a pipe"):
        list(walk(folder))
    Path("pipe").unlink()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("door")
        with pytest.raises(PackageError, match="'door' is no file but a socket"):
            list(walk(folder))


def test_a_folder_that_is_too_large_is_refused(folder: Path, tmp_path: Path) -> None:
    noise = os.urandom(1 << 20)
    (folder / "noise").write_bytes(noise)
    most = {"2 files": Limits(entries=2), "0.5 MB of files": Limits(unpacked_mb=0.5), "a zip of more than": Limits(zip_mb=0.5)}
    for said, limits in most.items():
        with (tmp_path / "x.zip").open("wb") as file, pytest.raises(PackageError, match=said):
            zip_folder(folder, file, limits)


def test_there_and_back(folder: Path, tmp_path: Path) -> None:
    """Clause 5: executable stays executable, set-uid does not stay."""
    zipped(folder, tmp_path / "c.zip")
    done = unpack(tmp_path / "c.zip", tmp_path / "out")
    assert tree(tmp_path / "out") == {"index.py": b"handler = 1\n", "lib/a.py": b"A = 1\n", "run.sh": b"#!/bin/sh\n"}
    assert (done.files, done.size) == (3, 28)
    assert [(tmp_path / "out" / name).stat().st_mode & 0o7777 for name in ("run.sh", "index.py")] == [0o755, 0o644]


def test_clause_5_set_uid_bits_of_a_zip_are_dropped(tmp_path: Path) -> None:
    unpack(make_zip(tmp_path / "a.zip", {"run": (0o106755, b"x"), "odd": (0o100000, b"y")}), tmp_path / "out")
    assert (tmp_path / "out/run").stat().st_mode & 0o7777 == 0o755
    assert (tmp_path / "out/odd").stat().st_mode & 0o7777 == 0o644


HOSTILE: list[tuple[str, dict[str, bytes | tuple[int, bytes]], str]] = [
    ("absolute", {"/etc/evil": b""}, "outside its folder"),
    ("climbing", {"../evil": b""}, "outside its folder"),
    ("climbing later", {"a/../../evil": b""}, "outside its folder"),
    ("climbing within", {"a/../b": b""}, "outside its folder"),
    ("backslash", {"a\\..\\..\\evil": b""}, "outside its folder"),
    ("drive", {"C:evil": b""}, "outside its folder"),
    ("zero byte", {"a\0b": b""}, "outside its folder|no sound zip"),
    ("the same twice", {"a": b"1", "./a": b"2"}, "two entries"),
    ("file and folder", {"a": b"1", "a/b": b"2"}, "as a folder"),
    ("device", {"null": (0o020666, b"")}, "no file, folder or link"),
    ("pipe", {"pipe": (0o010666, b"")}, "no file, folder or link"),
    ("absolute link", {"l": link("/etc/passwd")}, "link 'l'"),
    ("climbing link", {"l": link("../outside")}, "link 'l'"),
    ("link out and in again", {"a": b"", "l": link("../out/a")}, "link 'l'"),
    ("link to nothing", {"l": link("gone")}, "link 'l'"),
    ("links in a circle", {"l": link("m"), "m": link("l")}, "link 'l'"),
    ("links that climb together", {"d/e/f/x": b"", "d/e/l": link("../.."), "k": link("d/e/l/../up")}, "link 'k'"),
    ("through a link", {"d": link("."), "d/evil": b""}, "as a folder"),
    ("empty link", {"l": link("")}, "link 'l'"),
    ("too long a name", {"n" * 300: b""}, "cannot be unpacked"),
]


@pytest.mark.parametrize(("entries", "said"), [row[1:] for row in HOSTILE], ids=[row[0] for row in HOSTILE])
def test_clauses_1_to_3_hostile_entries_are_refused_and_leave_nothing(
    entries: dict[str, bytes | tuple[int, bytes]], said: str, tmp_path: Path
) -> None:
    there = sorted(tmp_path.iterdir())
    path = make_zip(tmp_path / "evil.zip", {"index.py": b"pass", **entries})
    with pytest.raises(PackageError, match=said) as caught:
        unpack(path, tmp_path / "out")
    assert caught.value.hint
    assert sorted(tmp_path.iterdir()) == [*there, path]


def test_links_inside_are_kept(tmp_path: Path) -> None:
    unpack(make_zip(tmp_path / "a.zip", {"lib/x.py": b"X", "y.py": link("lib/x.py"), "lib/up": link("../y.py")}), tmp_path / "out")
    assert (tmp_path / "out/lib/up").read_bytes() == b"X"
    assert (tmp_path / "out/y.py").is_symlink()


def patched(path: Path, change: bytes, offset: int) -> Path:
    """The zip with bytes of its one entry changed in both headers, `offset` counted in the central one."""
    data = bytearray(path.read_bytes())
    central = data.index(b"PK\1\2")
    data[central + offset : central + offset + len(change)] = change
    data[offset - 2 : offset - 2 + len(change)] = change
    path.write_bytes(data)
    return path


def test_clause_3_encrypted_entries_and_odd_methods_are_refused(tmp_path: Path) -> None:
    locked = patched(make_zip(tmp_path / "locked.zip", {"a": b"x"}), b"\1", 8)
    with pytest.raises(PackageError, match="encrypted"):
        unpack(locked, tmp_path / "out")
    with zipfile.ZipFile(tmp_path / "odd.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a", b"x" * 1000)
    with pytest.raises(PackageError, match="other than deflate"):
        unpack(tmp_path / "odd.zip", tmp_path / "out")


def test_clause_4_bombs_are_stopped_while_they_unpack(tmp_path: Path) -> None:
    bomb = make_zip(tmp_path / "bomb.zip", {f"{n}": bytes(8 << 20) for n in range(3)})
    assert bomb.stat().st_size < 100_000
    with pytest.raises(PackageError, match="unpacks to more than 16 MB"):
        unpack(bomb, tmp_path / "out")
    with pytest.raises(PackageError, match="unpacks to more than 2 MB"):
        unpack(bomb, tmp_path / "out", Limits(unpacked_mb=2))
    assert not (tmp_path / "out").exists()
    assert unpack(bomb, tmp_path / "out", Limits(ratio=1100)).size == 24 << 20


def test_clause_4_a_header_that_lies_about_its_size_gains_nothing(tmp_path: Path) -> None:
    path = patched(make_zip(tmp_path / "liar.zip", {"a": bytes(20 << 20)}), struct.pack("<I", 10), 24)
    with pytest.raises(PackageError):
        unpack(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_too_many_entries_are_refused_before_they_are_read(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "many.zip", {f"{n:03}": b"" for n in range(100)})
    with pytest.raises(PackageError, match="100 files, 99 are allowed"):
        unpack(path, tmp_path / "out", Limits(entries=99))
    with pytest.raises(PackageError, match="more than 5 files"):
        unpack(path, tmp_path / "out", Limits(entries=5))


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\5\6" + bytes(10), b"PK\3\4" + bytes(100)], ids=["empty", "text", "cut", "no end"])
def test_what_is_no_zip_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(PackageError, match="no sound zip"):
        unpack(tmp_path / "x.zip", tmp_path / "out")


def test_damaged_content_is_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "x.zip", {"a": os.urandom(1000)})
    data = bytearray(path.read_bytes())
    data[200] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(PackageError, match="no sound zip"):
        unpack(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_exists_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").write_text("kept")
    with pytest.raises(PackageError, match="exists already"):
        unpack(make_zip(tmp_path / "a.zip", {"a": b""}), tmp_path / "out")
    assert tree(tmp_path / "out") == {"mine": b"kept"}


def test_clause_6_called_off_work_leaves_nothing(tmp_path: Path) -> None:
    signal = threading.Event()
    signal.set()
    with pytest.raises(CalledOff):
        unpack(make_zip(tmp_path / "a.zip", {"a": b"x"}), tmp_path / "out", cancelled=signal)
    assert not (tmp_path / "out").exists()


def test_files_in_memory_are_packed_in_any_order_alike(tmp_path: Path) -> None:
    for name, files in (("1", {"b.py": b"B", "a.py": b"A"}), ("2", {"a.py": b"A", "b.py": b"B"})):
        with (tmp_path / name).open("wb") as file:
            zip_files(files, file)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
