"""Many clients with connections of their own, all at once: every one gets its own answer, in one piece, over a connection that stays."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

from fclab import Lab
from fclab.server.endpoint import Endpoint
from fclab.sources.http.signature import Message, sign
from tests.server.kit import DEADLINE, ask

CLIENTS, CALLS = 64, 40
PATH = "/2023-03-30/functions/echo/invocations"


def call(endpoint: Endpoint, body: bytes, nonce: str) -> bytes:
    """A signed invocation as bytes."""
    host = {"host": endpoint.url.removeprefix("http://")}
    signed = sign(Message("POST", PATH, "", host, body), endpoint.access_key_id, endpoint.access_key_secret, now=time.time(), nonce=nonce)
    head = "".join(f"{name}: {value}\r\n" for name, value in signed.items())
    return f"POST {PATH} HTTP/1.1\r\n{head}content-length: {len(body)}\r\n\r\n".encode() + body


def test_sixty_four_clients(lab: Lab, endpoint: Endpoint) -> None:
    @lab.function(concurrency=32)
    def echo(event: bytes, context: object) -> bytes:
        return event

    wrong: list[bytes] = []

    def client(number: int) -> None:
        with socket.create_connection((endpoint.host, endpoint.port), DEADLINE) as plain:
            for turn in range(CALLS):
                body = b"%d-%d" % (number, turn)
                plain.sendall(call(endpoint, body, f"{number}-{turn}"))
                got = plain.recv(65_536)
                if not (got.startswith(b"HTTP/1.1 200 ") and got.endswith(b"\r\n\r\n" + body)):
                    wrong.append(got)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert wrong == []


def test_pipelined_calls_are_answered_in_order(lab: Lab, endpoint: Endpoint) -> None:
    @lab.function
    def echo(event: bytes, context: object) -> bytes:
        return event

    with socket.create_connection((endpoint.host, endpoint.port), DEADLINE) as plain:
        plain.sendall(b"".join(call(endpoint, b"turn-%d." % turn, f"p{turn}") for turn in range(5)))
        got = b""
        while got.count(b"HTTP/1.1 200 ") < 5 or not got.endswith(b"turn-4."):
            piece = plain.recv(65_536)
            assert piece
            got += piece
    assert [got.index(b"turn-%d." % turn) for turn in range(5)] == sorted(got.index(b"turn-%d." % turn) for turn in range(5))


def test_connections_leave_no_descriptors(lab: Lab, endpoint: Endpoint) -> None:
    ask(endpoint, "GET", "/2023-03-30/functions")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(50):
        assert ask(endpoint, "GET", "/2023-03-30/functions").status == 200
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 2
