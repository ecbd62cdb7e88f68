"""Who is let in, and what everybody else is told: in one shape, whatever is wrong."""

from __future__ import annotations

import json
import time

import pytest

from fclab import Lab
from fclab.server import intake, protocol
from fclab.server.endpoint import Endpoint
from fclab.server.intake import Origins
from fclab.server.refusals import Refused
from tests.server.kit import ask, exchange

LIST = "/2023-03-30/functions"


def test_a_signed_request_is_answered(endpoint: Endpoint) -> None:
    answer = ask(endpoint, "GET", LIST)
    assert (answer.status, answer.json) == (200, {"functions": []})
    assert answer.headers["x-fc-request-id"].startswith("1-")


@pytest.mark.parametrize(
    ("header", "value", "status", "code"),
    [
        ("authorization", None, 400, "MissingRequiredHeader"),
        ("authorization", "acs AK:abc=", 400, "InvalidArgument"),
        ("x-acs-date", None, 400, "MissingRequiredHeader"),
        ("x-acs-date", "2020-01-01T00:00:00Z", 403, "SignatureNotMatch"),
        ("x-acs-content-sha256", "0" * 64, 403, "SignatureNotMatch"),
        ("x-acs-action", "ListFunctions", 403, "SignatureNotMatch"),
    ],
)
def test_what_is_not_signed_so_is_refused(endpoint: Endpoint, header: str, value: str | None, status: int, code: str) -> None:
    def spoil(headers: dict[str, str]) -> None:
        if value is None:
            del headers[header]
        else:
            headers[header] = value

    answer = ask(endpoint, "GET", LIST, change=spoil)
    assert (answer.status, answer.code) == (status, code)


def test_a_wrong_secret_and_an_unknown_key_are_refused(lab: Lab, endpoint: Endpoint) -> None:
    other = lab.serve(access_key_id=endpoint.access_key_id, access_key_secret="another secret")
    stolen = ask(other, "GET", LIST, headers={"host": endpoint.url.removeprefix("http://")})
    assert stolen.code == "AccessDenied"  # the other one's host
    signed: dict[str, str] = {}
    ask(other, "GET", LIST, change=signed.update)

    def keep(headers: dict[str, str]) -> None:
        headers["authorization"] = headers["authorization"].replace("Signature=", "Signature=" + "0" * 64)[: -64]

    assert ask(endpoint, "GET", LIST, change=keep).code == "SignatureNotMatch"
    unknown = ask(endpoint, "GET", LIST, change=lambda h: h.update(authorization=h["authorization"].replace("Credential=", "Credential=X")))
    assert (unknown.status, unknown.code) == (403, "InvalidAccessKeyID")


def test_an_old_date_and_a_second_nonce_are_refused(endpoint: Endpoint) -> None:
    assert ask(endpoint, "GET", LIST, now=time.time() - 1_000).code == "AccessDenied"
    assert ask(endpoint, "GET", LIST, now=time.time() + 1_000).code == "AccessDenied"
    assert ask(endpoint, "GET", LIST, nonce="once").status == 200
    assert ask(endpoint, "GET", LIST, nonce="once").code == "SignatureNonceUsed"


def test_a_changed_body_is_refused(endpoint: Endpoint) -> None:
    def spoil(headers: dict[str, str]) -> None:
        headers["content-length"] = "3"

    assert ask(endpoint, "POST", LIST, b"{} ", change=spoil).code == "InvalidArgument"  # whole: it is looked at
    assert ask(endpoint, "POST", LIST, b"{}", change=lambda h: h.update({"x-acs-content-sha256": "00"})).code == "SignatureNotMatch"


def test_chunked_bodies_are_read(endpoint: Endpoint) -> None:
    held: dict[str, str] = {}
    body = json.dumps({"functionName": "9"}).encode()

    def keep(headers: dict[str, str]) -> None:
        held.update(headers)
        headers["authorization"] = "spent"

    ask(endpoint, "POST", LIST, body, change=keep)
    head = "".join(f"{name}: {value}\r\n" for name, value in held.items())
    chunks = b"".join(b"1\r\n" + body[i : i + 1] + b"\r\n" for i in range(len(body))) + b"0\r\n\r\n"
    got = exchange(endpoint, f"POST {LIST} HTTP/1.1\r\n{head}transfer-encoding: chunked\r\nconnection: close\r\n\r\n".encode() + chunks)
    assert b" 400 " in got.splitlines()[0]
    assert b"cannot name a function" in got or b"functionName" in got


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("BREW", LIST, 400),
        ("PATCH", LIST, 400),
        ("GET", "/2023-03-30/functions//code", 400),
        ("GET", "/2023-03-30/", 400),
    ],
)
def test_unknown_paths_and_methods(endpoint: Endpoint, method: str, path: str, status: int) -> None:
    if method == "BREW":
        got = exchange(endpoint, b"BREW / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert json.loads(got.partition(b"\r\n\r\n")[2])["Code"] == "InvalidArgument"
        return
    answer = ask(endpoint, method, path)
    assert (answer.status, answer.code) == (status, "PathNotSupported")


def test_what_is_no_http_and_headers_without_end(endpoint: Endpoint) -> None:
    got = exchange(endpoint, b"\x16\x03\x01 no http\r\n\r\n")
    assert json.loads(got.partition(b"\r\n\r\n")[2])["Code"] == "InvalidArgument"
    got = exchange(endpoint, b"GET / HTTP/1.1\r\nx: " + b"a" * (protocol.MOST_HEADERS + 10) + b"\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 431")
    assert json.loads(got.partition(b"\r\n\r\n")[2])["Code"] == "RequestHeaderFieldsTooLarge"


def test_bodies_have_a_limit(endpoint: Endpoint) -> None:
    answer = ask(endpoint, "GET", LIST, headers={"content-length": str(1 << 40)})
    assert (answer.status, answer.code) == (400, "EntityTooLarge")
    assert answer.headers["connection"] == "close"


def test_bodies_must_come_in_time(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "PATIENCE", 0.1)
    got = exchange(endpoint, f"POST {LIST} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 100\r\n\r\n{{".encode())
    assert got.startswith(b"HTTP/1.1 408")
    assert json.loads(got.partition(b"\r\n\r\n")[2])["Code"] == "RequestTimeout"


def test_a_header_that_comes_twice() -> None:
    """Its values are sorted and joined by a comma, each as it is."""
    scope = {
        "type": "http", "method": "GET", "raw_path": b"/a%2Fb", "query_string": b"x=+",
        "headers": [(b"x-acs-a", b"2, 1"), (b"x-acs-b", b" z "), (b"x-acs-a", b"1")],
    }  # fmt: skip
    arrived = intake.Arrived(scope, None)  # type: ignore[arg-type]
    assert arrived.headers == {"x-acs-a": "1,2, 1", "x-acs-b": "z"}
    assert (arrived.path, arrived.query) == ("/a%2Fb", "x=+")


def test_headers_must_come_in_time(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEADERS_WITHIN", 0.1)
    endpoint = lab.serve()
    assert exchange(endpoint, b"GET / HTTP/1.1\r\nhost:") == b""
    assert exchange(endpoint, b"") == b""


def test_foreign_hosts_and_foreign_pages_are_refused(endpoint: Endpoint) -> None:
    for host in ("evil.example", f"evil.example:{endpoint.port}", "127.0.0.1:1", ""):
        assert ask(endpoint, "GET", LIST, headers={"host": host}).code == "AccessDenied"
    for host in ("127.0.0.1", f"localhost:{endpoint.port}", f"[::1]:{endpoint.port}"):
        assert ask(endpoint, "GET", LIST, headers={"host": host}).status == 200
    assert ask(endpoint, "GET", LIST, headers={"origin": "https://evil.example"}).code == "AccessDenied"
    assert ask(endpoint, "GET", LIST, headers={"origin": "null"}).code == "AccessDenied"
    assert ask(endpoint, "GET", LIST, headers={"origin": endpoint.url}).status == 200


def test_a_public_address_has_any_name() -> None:
    Origins("0.0.0.0", 80, public=True).check({"host": "lab.school.example"})
    with pytest.raises(Refused):
        Origins("0.0.0.0", 80, public=True).check({"host": "lab.school.example", "origin": "https://evil.example"})


def test_a_mistake_of_ours_shows_no_traceback(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("our secret")

    monkeypatch.setattr(endpoint._shared, "control", broken)
    answer = ask(endpoint, "GET", LIST)
    assert (answer.status, answer.code) == (500, "InternalServerError")
    assert b"secret" not in answer.body
    assert "our secret" in caplog.text
