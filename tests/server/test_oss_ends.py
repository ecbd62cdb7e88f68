"""Clients that go in the middle, and many of them at once: nothing half is kept, and nothing is left open."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from pathlib import Path

import pytest

from fclab import Lab
from fclab.packages.checksum import crc64
from fclab.server.endpoint import Endpoint
from fclab.server.oss.asked import parse
from fclab.server.oss.signature_v1 import sign, text_to_sign
from tests.server.kit import DEADLINE, wait_for
from tests.server.oss_kit import by_hand, code

MB = 1 << 20


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def endpoint(home: Path) -> Iterator[Endpoint]:
    with Lab("process", home=home) as lab:
        yield lab.serve()


def begun(endpoint: Endpoint, method: str, path: str, length: int) -> socket.socket:
    """A connection on which the head of a signed request was sent."""
    headers = {"host": f"127.0.0.1:{endpoint.port}", "date": formatdate(usegmt=True)}
    signature = sign(endpoint.access_key_secret, text_to_sign(parse(method, path, "", headers), headers["date"]))
    headers |= {"authorization": f"OSS {endpoint.access_key_id}:{signature}", "content-length": str(length)}
    made = socket.create_connection((endpoint.host, endpoint.port), DEADLINE)
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    made.sendall("\r\n".join(lines).encode())
    return made


def bodies(home: Path) -> list[str]:
    """Files that hold objects, or were to."""
    return sorted(path.name for path in (home / "objects").iterdir())


def test_an_upload_that_breaks_off_leaves_nothing(endpoint: Endpoint, home: Path) -> None:
    assert by_hand(endpoint, "PUT", "/photos/a", b"old").status == 200
    with begun(endpoint, "PUT", "/photos/a", 8 * MB) as half:
        half.sendall(b"x" * 3 * MB)
        wait_for(lambda: [name for name in bodies(home) if name.endswith(".draft")])
    wait_for(lambda: bodies(home) == ["1"])
    assert by_hand(endpoint, "GET", "/photos/a").body == b"old"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are read from /proc")
def test_a_download_that_breaks_off_leaves_no_file_open(endpoint: Endpoint, home: Path) -> None:
    def held() -> bool:
        there = []
        for one in Path("/proc/self/fd").iterdir():
            try:
                there.append(one.readlink())
            except FileNotFoundError:
                continue
        return any(path.is_relative_to(home / "objects") for path in there)

    assert by_hand(endpoint, "PUT", "/photos/a", b"x" * 32 * MB).status == 200
    with begun(endpoint, "GET", "/photos/a", 0) as half:
        assert half.recv(100).startswith(b"HTTP/1.1 200")
        assert held()
    wait_for(lambda: not held())


def test_an_overwritten_object_is_read_to_its_end(endpoint: Endpoint) -> None:
    old = os.urandom(16 * MB)
    assert by_hand(endpoint, "PUT", "/photos/a", old).status == 200
    with begun(endpoint, "GET", "/photos/a", 0) as reader:
        got = reader.recv(1000)
        assert by_hand(endpoint, "PUT", "/photos/a", b"new").status == 200
        head, _, body = got.partition(b"\r\n\r\n")
        while len(body) < len(old):
            piece = reader.recv(MB)
            assert piece, "the rest is missing"
            body += piece
    assert b"200 OK" in head
    assert body == old
    assert by_hand(endpoint, "GET", "/photos/a").body == b"new"


def test_many_at_once_get_what_is_theirs(endpoint: Endpoint) -> None:
    def round_trip(number: int) -> None:
        body = bytes([number]) * (MB + number)
        done = by_hand(endpoint, "PUT", f"/photos/{number}", body)
        assert (done.status, done.headers["x-oss-hash-crc64ecma"]) == (200, crc64((body,)))
        assert by_hand(endpoint, "GET", f"/photos/{number}").body == body

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(round_trip, range(64)))


def test_of_many_that_must_not_overwrite_one_is_first(endpoint: Endpoint) -> None:
    def claim(number: int) -> str:
        done = by_hand(endpoint, "PUT", "/photos/one", b"%d" % number, {"x-oss-forbid-overwrite": "true"})
        return "" if done.status == 200 else code(done)

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(claim, range(16))) == ["", *["FileAlreadyExists"] * 15]


def test_of_many_appends_at_one_place_one_counts(endpoint: Endpoint) -> None:
    def append(number: int) -> int:
        return by_hand(endpoint, "POST", "/photos/log?append&position=0", bytes([number]) * MB).status

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(append, range(8))) == [200] + [409] * 7
    body = by_hand(endpoint, "GET", "/photos/log").body
    assert len(body) == MB
    assert len(set(body)) == 1
