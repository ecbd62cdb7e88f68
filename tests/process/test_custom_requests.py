"""What servers are sent, and what becomes of their answers, also of the odd ones."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from fclab import Lab
from fclab.backends.custom import http_connection, launch
from tests.process.custom_kit import bodies, deploy, server


@pytest.fixture
def lab(nothing_left: Path) -> Iterator[Lab]:
    with Lab("process") as lab:
        yield lab


SHOWS = server("""
    shown = [self.command, self.path, sorted((name.lower(), value) for name, value in self.headers.items()), self.body().decode()]
    self.answer(json.dumps(shown).encode())
""")


def test_an_event_is_posted_with_the_documented_headers(lab: Lab, tmp_path: Path) -> None:
    deploy(lab, tmp_path, SHOWS, memory_mb=256, timeout=12)
    response = lab.invoke("shop", b'{"order": 7}')
    method, path, headers, body = json.loads(response.payload)
    assert (method, path, body) == ("POST", "/invoke", '{"order": 7}')
    there = dict(headers)
    assert there.pop("host").startswith("127.0.0.1:")
    assert there == {
        "content-length": "12", "content-type": "application/octet-stream", "x-fc-request-id": response.request_id,
        "x-fc-control-path": "/invoke", "x-fc-function-name": "shop", "x-fc-function-handler": "index.handler",
        "x-fc-function-memory": "256", "x-fc-function-timeout": "12", "x-fc-initialization-timeout": "3", "x-fc-region": "lab",
        "x-fc-account-id": "000000000000", "x-fc-qualifier": "LATEST", "x-fc-version-id": "LATEST", "x-fc-access-key-id": "lab-key-id",
        "x-fc-access-key-secret": "lab-key-secret", "x-fc-security-token": "lab-token",
    }  # fmt: skip


def test_an_http_request_arrives_as_it_was_made(lab: Lab, tmp_path: Path) -> None:
    """Its headers too, but what concerns one connection, and what only the platform may say."""
    deploy(lab, tmp_path, SHOWS)
    sent = {
        "X-Mine": "a, b", "Cookie": "k=v; l=w", "Connection": "close", "Transfer-Encoding": "chunked", "Upgrade": "h2c", "TE": "trailers",
        "x-fc-request-id": "forged",
    }  # fmt: skip
    answer = lab.http.request("PUT", "/a/../b%2Fc d/ü?q=1&q=2#part", headers=sent, body="text")
    method, path, headers, body = json.loads(answer.body)
    assert (method, path, body) == ("PUT", "/a/../b%2Fc%20d/%C3%BC?q=1&q=2", "text")
    there = {name: value for name, value in headers if name not in ("host", "content-length") and not name.startswith("x-fc-")}
    assert there == {"x-mine": "a, b", "cookie": "k=v; l=w", "user-agent": "fclab"}
    assert dict(headers)["x-fc-request-id"] == answer.response.request_id
    assert dict(headers)["x-fc-control-path"] == "/http-invoke"


def test_the_event_of_an_http_trigger_is_such_a_request(lab: Lab, tmp_path: Path) -> None:
    """Also where it comes from elsewhere, with its query as values and its body in Base64; the answer has the documented shape."""
    deploy(lab, tmp_path, SHOWS)
    event = {
        "version": "v1", "rawPath": "/x%20y", "queryParameters": {"a b": "1,2"}, "headers": {"Accept": "*/*"}, "body": "b2s=",
        "isBase64Encoded": True, "requestContext": {"http": {"method": "DELETE", "path": "/x y"}, "domainName": "shop.lab"},
    }  # fmt: skip
    response = lab.invoke("shop", event)
    answer = response.json()
    assert isinstance(answer, dict)
    assert set(answer) == {"statusCode", "headers", "isBase64Encoded", "body"}
    method, path, headers, body = json.loads(answer["body"])
    assert (method, path, body) == ("DELETE", "/x%20y?a+b=1%2C2", "ok")
    assert dict(headers)["host"] == "shop.lab"
    other = lab.invoke("shop", {**event, "version": "v9"})
    assert json.loads(other.payload)[1] == "/invoke"
    wrong = lab.invoke("shop", {**event, "headers": {"no name": "x"}})
    assert wrong.error is not None
    assert wrong.error.startswith("the event is no HTTP request")


STATUS = server("""
    body = self.body()
    own = {"x_fc_status": self.headers["own"]} if self.headers["own"] else {}
    code, _, text = body.decode().partition(" ")
    self.answer(text.encode(), int(code), **own)
""")


def test_a_failed_status_of_an_event_is_the_functions_failure(lab: Lab, tmp_path: Path) -> None:
    deploy(lab, tmp_path, STATUS)
    missing = lab.invoke("shop", b"404")
    assert (missing.status, missing.error_type) == (200, "UnhandledInvocationError")
    assert missing.error == "the server answered 404 Not Found to POST /invoke"
    assert missing.json() == {"errorMessage": missing.error, "errorType": "UnhandledInvocationError"}
    assert missing.logs.splitlines()[-2:] == [
        missing.error, f"FC Invoke End RequestId: {missing.request_id}, Error: Unhandled function error",
    ]  # fmt: skip
    own = lab.invoke("shop", b'500 {"errorMessage": "no stock", "errorType": "Stock"}')
    assert own.error == "no stock"
    assert own.payload == b'{"errorMessage": "no stock", "errorType": "Stock"}'
    assert lab.invoke("shop", b"200 fine").text == "fine"
    assert lab.invoke("shop", b"299 fine").instance_id == "shop#1"


def test_a_server_may_call_an_http_request_failed(lab: Lab, tmp_path: Path) -> None:
    """x-fc-status makes it a failure of the function; the caller has the server's answer all the same."""
    deploy(lab, tmp_path, STATUS)
    plain = lab.http.request("POST", "/", body="404 gone")
    assert (plain.status, plain.text, plain.response.error) == (404, "gone", None)
    marked = lab.http.request("POST", "/", body="404 gone", headers={"own": "404"})
    assert (marked.status, marked.text) == (404, "gone")
    assert marked.response.error == "the server answered 404 Not Found to an HTTP request"
    assert lab.http.request("POST", "/", body="200 well", headers={"own": "200"}).response.error is None


def test_large_bodies_both_ways(lab: Lab, tmp_path: Path) -> None:
    deploy(lab, tmp_path, server('self.answer(self.body(), content_type="x/y")'))
    data = random.Random(2).randbytes(5_000_000)
    assert lab.invoke("shop", data).payload == data
    answer = lab.http.request("PUT", "/", body=data)
    assert (answer.status, answer.body == data, answer.headers["content-type"]) == (200, True, "x/y")


def test_an_answer_that_is_too_large_is_given_up(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "MOST_RESULT", 100_000)
    deploy(lab, tmp_path, server("self.answer(b'x' * int(self.body()))"))
    assert lab.invoke("shop", b"100000").payload == b"x" * 100_000
    large = lab.invoke("shop", b"100001")
    assert large.error == "result size exceeds maximum allowed size (100000 bytes)"
    assert lab.invoke("shop", b"1").instance_id == large.instance_id


def test_one_slow_server_holds_up_nobody(lab: Lab, tmp_path: Path) -> None:
    """A chunked answer in pieces: while it hangs in the middle, another function answers."""
    gate = tmp_path / "gate"
    slow = server("""
        self.send_response(200)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"3\\r\\none\\r\\n")
        self.wfile.flush()
        while not os.path.exists(os.environ["GATE"]):
            threading.Event().wait(0.002)
        self.wfile.write(b"4;extension=1\\r\\n two\\r\\n0\\r\\nx-trailer: 1\\r\\n\\r\\n")
    """)
    deploy(lab, tmp_path, slow, environment={"GATE": str(gate)})
    opens = server('open(os.environ["GATE"], "w").close()\nself.answer(b"quick")')
    deploy(lab, tmp_path, opens, name="quick", environment={"GATE": str(gate)})
    (call,) = lab.invoke_at("shop", [0])
    assert lab.invoke("quick").text == "quick"
    lab.run()
    assert call.response is not None
    assert call.response.text == "one two"


def test_several_requests_in_one_instance_at_once(lab: Lab, tmp_path: Path) -> None:
    """What is printed meanwhile belongs to none of them; what is printed while one runs, to that one."""
    here, said = tmp_path / "here", tmp_path / "said"
    here.mkdir()
    said.mkdir()
    deploy(lab, tmp_path, server("""
        if self.path == "/invoke":
            print("alone")
        else:
            meet(os.environ["HERE"], 5)
            print("together")
            meet(os.environ["SAID"], 5)
        self.answer(str(os.getpid()).encode())
    """), concurrency=8, environment={"HERE": str(here), "SAID": str(said)})  # fmt: skip
    alone = lab.invoke("shop")
    assert "alone\n" in alone.logs
    event = {"version": "v1", "rawPath": "/", "requestContext": {"http": {"method": "GET"}}}
    calls = lab.invoke_at("shop", [0] * 5, payload=event)
    lab.run()
    answers = [call.response for call in calls if call.response is not None]
    assert [json.loads(answer.payload)["body"] for answer in answers] == [alone.text] * 5
    assert len(lab.instances("shop")) == 1
    (body,) = bodies(lab)
    assert "".join([*body.log, *(answer.logs for answer in answers)]).count("together") == 5
    assert "".join(body.log).count("together") >= 4


WHO = 'self.answer(f"{os.getpid()} {self.client_address[1]}".encode())'


def test_connections_are_kept(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deploy(lab, tmp_path, server(WHO))
    first, second = lab.invoke("shop").text, lab.invoke("shop").text
    assert first == second
    monkeypatch.setattr(http_connection, "REST_LIMIT", -1)
    third = lab.invoke("shop").text
    assert third.split()[0] == first.split()[0]
    assert third != first


def test_an_early_answer(lab: Lab, tmp_path: Path) -> None:
    """An answer before the request was read to its end is an answer."""
    deploy(lab, tmp_path, server("""
        self.answer(b"too much", 413)
        self.close_connection = True
        self.wfile.flush()
        import socket
        self.connection.shutdown(socket.SHUT_WR)
        while self.connection.recv(65536):
            pass
    """))  # fmt: skip
    answer = lab.http.request("POST", "/", body="x" * 3_000_000)
    assert (answer.status, answer.text) == (413, "too much")
    assert lab.http.request("POST", "/", body="x").status == 413
