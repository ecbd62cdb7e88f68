"""Bodies of any size pass through the server in constant memory."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from email.utils import formatdate
from http.client import HTTPConnection
from pathlib import Path

import pytest

from fclab.server.oss.asked import parse
from fclab.server.oss.signature_v1 import sign, text_to_sign

KEY, SECRET = "LABKEY", "a secret of the lab"
SERVER = f"""
import sys
from fclab import Lab
with Lab("process", home=sys.argv[1]) as lab:
    print(lab.serve(access_key_id={KEY!r}, access_key_secret={SECRET!r}).port, flush=True)
    sys.stdin.readline()
"""
"""In a process of its own, so that its memory is the server's alone."""

STEP = 1 << 20
STEPS = int(os.environ.get("FCLAB_TEST_BODY_MB", "96"))
"""MB of each body. The bound below does not depend on it."""
ROOM_MB = 20
"""What all of it may add to the server's memory: a few pieces under way, and what the allocator keeps of them."""
CHUNKED = {"transfer-encoding": "chunked"}


def ask(port: int, method: str, path: str, body: bytes | Iterator[bytes] = b"", headers: dict[str, str] | None = None) -> bytes:
    """One signed request; the answer, or its MD5 where it is larger than 1 MB."""
    given = {"date": formatdate(usegmt=True), **(headers or {})}
    plain, _, query = path.partition("?")
    given["authorization"] = f"OSS {KEY}:{sign(SECRET, text_to_sign(parse(method, plain, query, given), given['date']))}"
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, given, encode_chunked=True)
        answer = connection.getresponse()
        assert answer.status < 300, answer.read()
        first = answer.read(STEP)
        digest = hashlib.md5(first)
        while piece := answer.read(STEP):
            digest.update(piece)
        return first if len(first) < STEP else digest.digest()
    finally:
        connection.close()


def most(pid: int) -> int:
    """MB of memory that a process had at its largest."""
    return int(Path(f"/proc/{pid}/status").read_text().split("VmHWM:")[1].split()[0]) >> 10


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the most memory that a process ever had is read from /proc")
def test_a_large_body_costs_the_server_no_more_than_a_few_pieces(tmp_path: Path) -> None:
    """Put, get, append, part, copied part, complete, range: each sent and read 1 MB at a time."""
    pieces, size = [os.urandom(STEP)] * STEPS, STEP * STEPS
    whole = hashlib.md5()
    for piece in pieces:
        whole.update(piece)
    command = [sys.executable, "-c", SERVER, str(tmp_path / "home")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        ask(port, "PUT", "/photos/warm", iter(pieces[:4]), CHUNKED)
        ask(port, "GET", "/photos/warm")
        before = most(server.pid)

        ask(port, "PUT", "/photos/put", iter(pieces), CHUNKED)
        assert ask(port, "GET", "/photos/put") == whole.digest()
        ask(port, "POST", "/photos/log?append&position=0", iter(pieces), CHUNKED)
        ask(port, "POST", f"/photos/log?append&position={size}", iter(pieces), CHUNKED)
        upload = ask(port, "POST", "/photos/parts?uploads").decode().split("<UploadId>")[1].split("<")[0]
        ask(port, "PUT", f"/photos/parts?partNumber=1&uploadId={upload}", iter(pieces), CHUNKED)
        ask(port, "PUT", f"/photos/parts?partNumber=2&uploadId={upload}", headers={"x-oss-copy-source": "/photos/put"})
        ask(port, "POST", f"/photos/parts?uploadId={upload}", headers={"x-oss-complete-all": "yes"})
        assert ask(port, "GET", "/photos/parts", headers={"range": f"bytes={size}-"}) == whole.digest()

        grown = most(server.pid) - before
        server.communicate("\n", timeout=60)
    assert server.returncode == 0
    print(f"{STEPS} MB bodies: {grown} MB more")
    assert grown <= ROOM_MB, f"the server needed {grown} MB more"
