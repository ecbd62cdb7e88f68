"""A served lab's beginning and end: its clauses, and what it refuses to be."""

from __future__ import annotations

import socket
import threading

import pytest

from fclab import Lab, LabClosed, UsageError
from tests.server.kit import ask, wait_for

LIST = "/2023-03-30/functions"


def test_it_listens_at_once_and_is_gone_after_close(lab: Lab) -> None:
    """Clauses 1 and 2."""
    before = set(threading.enumerate())
    with lab.serve() as endpoint:
        assert endpoint.url == f"http://127.0.0.1:{endpoint.port}"
        assert ask(endpoint, "GET", LIST).status == 200
        idle = socket.create_connection((endpoint.host, endpoint.port), 5)
    assert endpoint.closed
    assert idle.recv(1) == b""
    idle.close()
    assert set(threading.enumerate()) == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((endpoint.host, endpoint.port), 5)
    endpoint.close()
    lab.function(name="still")(lambda event, context: "here")
    assert "still" in lab.functions


def test_closing_the_lab_closes_it() -> None:
    """Clause 3."""
    lab = Lab("process")
    first, second = lab.serve(), lab.serve()
    assert first.url != second.url
    lab.close()
    assert first.closed
    assert second.closed
    with pytest.raises(LabClosed):
        lab.serve()


def test_each_server_has_a_key_of_its_own_and_never_shows_it(lab: Lab) -> None:
    first, second = lab.serve(), lab.serve()
    assert first.access_key_secret != second.access_key_secret
    assert first.access_key_id != second.access_key_id
    assert first.access_key_secret not in repr(first) + repr(vars(first))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"host": "0.0.0.0"}, "other machines"),
        ({"host": "0.0.0.0", "public": True}, "other machines"),
        ({"host": "::", "access_key_id": "abc", "access_key_secret": "a long secret"}, "other machines"),
        ({"host": "no such host"}, "no address"),
        ({"port": 70_000}, "port"),
        ({"port": True}, "port"),
        ({"grace": -1}, "grace"),
        ({"access_key_id": "abc"}, "an id and a secret"),
        ({"access_key_id": "a c", "access_key_secret": "a long secret"}, "key id"),
        ({"access_key_id": "abc", "access_key_secret": "short"}, "secret"),
    ],
)
def test_what_may_not_be_served(lab: Lab, options: dict[str, object], said: str) -> None:
    """Clause 4 among others."""
    with pytest.raises(UsageError, match=said):
        lab.serve(**options)  # type: ignore[arg-type]


def test_a_public_server_with_a_key_of_the_users(lab: Lab) -> None:
    endpoint = lab.serve(host="0.0.0.0", public=True, access_key_id="mine", access_key_secret="a long secret")
    assert endpoint.access_key_id == "mine"


def test_a_port_that_is_taken(lab: Lab) -> None:
    taken = lab.serve()
    with pytest.raises(UsageError, match="cannot be served"):
        lab.serve(port=taken.port)


def test_a_virtual_lab_cannot_be_served() -> None:
    with Lab() as lab, pytest.raises(UsageError, match="virtual time"):
        lab.serve()


def test_connections_that_rest_do_not_hold_up_the_end(lab: Lab) -> None:
    endpoint = lab.serve(grace=1)
    with socket.create_connection((endpoint.host, endpoint.port), 5) as half:
        half.sendall(b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 5\r\n\r\n")
        wait_for(lambda: endpoint._server.server_state.connections)
        endpoint.close()
        assert endpoint.closed
