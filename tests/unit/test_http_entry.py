"""lab.http: a Python handler as its HTTP callers see it, in virtual time; and what the entry refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from fclab import Lab
from fclab.errors import UnknownFunction, UsageError


def shows(event: bytes, context: object) -> dict[str, object]:
    return {"statusCode": 200, "headers": {"X-Kind": "event"}, "isBase64Encoded": False, "body": event.decode()}


def lab_with(handler: Callable[..., object], **options: Any) -> Lab:
    lab = Lab(profile="instant")
    lab.function(name="web", **options)(handler)
    return lab


def test_the_event_of_a_request() -> None:
    lab = lab_with(shows)
    lab.run(until=90.5)
    answer = lab.http.request(
        "post", "/orders/a%20b ü?q=1&q=2&empty=", headers={"X-A": "1", "User-Agent": "me"}, body="text", query={"page": 3}
    )
    assert (answer.status, answer.ok, answer.headers) == (200, True, {"x-kind": "event"})
    event = answer.json()
    assert event == {
        "version": "v1", "rawPath": "/orders/a%20b%20%C3%BC", "headers": {"x-a": "1", "user-agent": "me"},
        "queryParameters": {"q": "1,2", "empty": "", "page": "3"}, "body": "text", "isBase64Encoded": False,
        "requestContext": {
            "accountId": "000000000000", "domainName": "web.lab.fcapp.run", "domainPrefix": "web",
            "http": {"method": "POST", "path": "/orders/a b ü", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "me"},
            "requestId": answer.response.request_id, "time": "2026-01-01T00:01:30Z", "timeEpoch": "1767225690500",
        },
    }  # fmt: skip


@pytest.mark.parametrize(("body", "text", "encoded"), [(b"\xff\x00", "/wA=", True), ({"a": 1}, '{"a": 1}', False), ("ü", "ü", False)])
def test_bodies(body: object, text: str, encoded: bool) -> None:
    """Bytes that are no text come in Base64; what is neither is JSON, and says so."""
    answer = lab_with(shows).http.request("PUT", "/", body=body)
    event = json.loads(answer.text)
    assert (event["body"], event["isBase64Encoded"]) == (text, encoded)
    assert event["headers"] == ({"content-type": "application/json"} if isinstance(body, dict) else {})


ANSWERS: list[tuple[object, int, bytes, dict[str, str]]] = [
    ({"statusCode": 201, "headers": {"Location": "/x"}, "body": "made"}, 201, b"made", {"location": "/x"}),
    ({"statusCode": "404", "body": "gone"}, 404, b"gone", {}),
    ({"statusCode": 200, "isBase64Encoded": True, "body": "/wA="}, 200, b"\xff\x00", {}),
    ({"statusCode": 200, "headers": {"Set-Cookie": ["a=1", "b=2"], "x": 3}, "body": {"a": 1}}, 200, b'{"a": 1}',
     {"set-cookie": "a=1, b=2", "x": "3"}),
    ({"statusCode": 204}, 204, b"", {}),
    ({"plain": 1}, 200, b'{\n    "plain": 1\n}', {"content-type": "application/json"}),
    ("only text", 200, b"only text", {"content-type": "text/plain; charset=utf-8"}),
    ("7", 200, b"7", {"content-type": "application/json"}),
]  # fmt: skip


@pytest.mark.parametrize(("returned", "status", "body", "headers"), ANSWERS)
def test_what_a_handler_returns_becomes_an_answer(returned: object, status: int, body: bytes, headers: dict[str, str]) -> None:
    answer = lab_with(lambda event, context: returned).http.request("GET", "/")
    assert (answer.status, answer.body, answer.headers) == (status, body, headers)


@pytest.mark.parametrize("document", [
    {"statusCode": 99}, {"statusCode": "ok"}, {"statusCode": True}, {"statusCode": 200, "headers": ["x"]},
    {"statusCode": 200, "isBase64Encoded": True, "body": "no Base64"},
])  # fmt: skip
def test_an_answer_that_is_none_is_502(document: object) -> None:
    answer = lab_with(lambda event, context: document).http.request("GET", "/")
    assert answer.status == 502
    assert answer.json() == {"errorMessage": "the function's answer is no HTTP answer"}


def test_a_failure_is_502_and_a_refusal_has_its_own_status() -> None:
    def fails(event: bytes, context: object) -> None:
        raise ValueError("no")

    lab = lab_with(fails)
    failed = lab.http.request("GET", "/")
    assert failed.status == 502
    assert failed.json()["errorType"] == "ValueError"  # type: ignore[index]
    assert failed.headers["x-fc-error-type"] == "UnhandledInvocationError"
    assert failed.response.error == "ValueError: no"
    lab.disable("web")
    assert lab.http.request("GET", "/").status == 403
    large = lab.http.request("PUT", "/", body="x" * (33 << 20))
    assert large.status == 403
    lab.enable("web")
    assert lab.http.request("PUT", "/", body="x" * (33 << 20)).status == 400


def test_which_function_is_meant() -> None:
    lab = lab_with(shows)
    lab.declare("other", duration=0.1)
    with pytest.raises(UsageError, match="not clear which function"):
        lab.http.request("GET", "/")
    assert lab.http.request("GET", "/", function="web").status == 200
    with pytest.raises(UnknownFunction, match="'gone'"):
        lab.http.request("GET", "/", function="gone")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"method": "GET IT"}, "no HTTP method"),
    ({"method": 3}, "no HTTP method"),
    ({"path": "orders"}, "begins with /"),
    ({"path": None}, "begins with /"),
    ({"headers": {"no name": "x"}}, "no HTTP header"),
    ({"headers": {"x": "two\nlines"}}, "no HTTP header"),
    ({"headers": {"x": 3}}, "no HTTP header"),
    ({"headers": "x: y"}, "must map names"),
    ({"query": 3}, "query must be"),
    ({"body": object()}, "cannot be sent"),
]


@pytest.mark.parametrize(("options", "said"), WRONG)
def test_wrong_use_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        lab_with(shows).http.request(**{"method": "GET", "path": "/", **options})
    assert caught.value.hint


def test_an_answer_is_a_short_word() -> None:
    answer = lab_with(lambda event, context: "x" * 100).http.request("GET", "/")
    assert repr(answer) == f"HttpAnswer(200, {'x' * 37 + '...'!r})"
    with pytest.raises(UsageError, match="not JSON"):
        answer.json()


def test_requests_take_lab_time() -> None:
    def works(event: bytes, context: Any) -> str:
        context.work(0.25)
        return "done"

    lab = lab_with(works)
    assert lab.http.request("GET", "/").response.latency == 0.25
    assert lab.now == 0.25
