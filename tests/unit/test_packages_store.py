"""The code store: what is in it is whole, and what comes out is what was asked for."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

import pytest

from fclab import CodeStoreError, PackageError, UsageError
from fclab.packages.checksum import crc64, loop
from fclab.packages.limits import CalledOff, Limits
from fclab.packages.store import CodeStore


@pytest.fixture
def store(tmp_path: Path) -> CodeStore:
    return CodeStore(tmp_path / "store")


def test_a_package_is_named_by_its_content_and_stored_once(store: CodeStore, tmp_path: Path) -> None:
    package = store.put(b"zip")
    assert (package.digest, package.size) == (hashlib.sha256(b"zip").hexdigest(), 3)
    (tmp_path / "same.zip").write_bytes(b"zip")
    assert store.put(tmp_path / "same.zip") == package
    assert [path.name for path in store.folder.iterdir()] == [f"{package.digest}.zip"]
    assert store.path(package.digest).read_bytes() == b"zip"


def test_clause_1_concurrent_puts_of_the_same_and_of_others(store: CodeStore) -> None:
    contents = [bytes([n % 4]) * 300_000 for n in range(32)]
    with ThreadPoolExecutor(8) as threads:
        packages = list(threads.map(store.put, contents))
    assert len({package.digest for package in packages}) == 4
    assert sorted(path.name for path in store.folder.iterdir()) == sorted({f"{package.digest}.zip" for package in packages})
    for package, content in zip(packages, contents, strict=True):
        assert store.path(package.digest).read_bytes() == content


def test_clause_1_a_put_that_fails_leaves_nothing(tmp_path: Path) -> None:
    store = CodeStore(tmp_path / "store", Limits(zip_mb=0.001))
    with pytest.raises(PackageError, match="too large"):
        store.put(bytes(2000))
    with pytest.raises(PackageError, match="cannot be read"):
        store.put(tmp_path / "gone.zip")
    assert list(store.folder.iterdir()) == []


def test_fetch_copies_and_verifies(store: CodeStore, tmp_path: Path) -> None:
    content = bytes(range(256)) * 4000
    digest = store.put(content).digest
    assert store.fetch(digest, tmp_path / "copy.zip") == len(content)
    assert (tmp_path / "copy.zip").read_bytes() == content
    with pytest.raises(UsageError, match="exists already"):
        store.fetch(digest, tmp_path / "copy.zip")
    assert (tmp_path / "copy.zip").read_bytes() == content


def test_clause_2_damaged_and_missing_packages_are_errors_of_the_platform(store: CodeStore, tmp_path: Path) -> None:
    digest = store.put(b"sound").digest
    store.path(digest).write_bytes(b"Sound")
    with pytest.raises(CodeStoreError, match=r"damaged in the platform's.*\n.*You can mend this: declare or deploy the function again"):
        store.fetch(digest, tmp_path / "copy.zip")
    with pytest.raises(CodeStoreError, match="The platform has lost the package 0000"):
        store.fetch("0" * 64, tmp_path / "copy.zip")
    assert not (tmp_path / "copy.zip").exists()
    store.put(b"sound")
    assert store.fetch(digest, tmp_path / "copy.zip") == 5


def test_a_bandwidth_limit_makes_size_visible(store: CodeStore, tmp_path: Path) -> None:
    digest = store.put(bytes(100_000)).digest
    began = monotonic()
    store.fetch(digest, tmp_path / "slow.zip", bytes_per_second=1_000_000)
    assert monotonic() - began >= 0.1
    with pytest.raises(UsageError, match="bytes_per_second"):
        store.fetch(digest, tmp_path / "x.zip", bytes_per_second=0)


def test_a_paced_fetch_is_called_off_out_of_its_pause(store: CodeStore, tmp_path: Path) -> None:
    digest = store.put(bytes(1 << 20)).digest
    signal = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        fetching = threads.submit(store.fetch, digest, tmp_path / "never.zip", bytes_per_second=1, cancelled=signal)
        signal.set()
        with pytest.raises(CalledOff):
            fetching.result(timeout=30)
    assert not (tmp_path / "never.zip").exists()


def test_the_checksum_is_the_products(store: CodeStore) -> None:
    assert int(crc64([b"123456789"])) == 0x995D_C9BB_DF19_39FA, "the check value of CRC-64/XZ"
    assert crc64([]) == "0"
    assert crc64([b"1234", b"56789"]) == crc64([b"56789"], crc64([b"1234"])) == crc64([b"123456789"])
    data = bytes(range(256)) * 33
    assert loop(data, 0) == int(crc64([data])), "without anycrc the answer is the same"
    assert loop(data[100:], loop(data[:100], 0)) == int(crc64([data]))
    assert store.checksum(store.put(b"123456789").digest) == str(0x995D_C9BB_DF19_39FA)
