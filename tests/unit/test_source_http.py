"""HTTP triggers: what passes, what the gate answers itself, and what is recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fclab import HTTPTrigger, Lab
from fclab.errors import UsageError
from fclab.observe import events as e
from fclab.sources.http.signature import Message, sign

NOW = 1_767_225_600
"""Lab time 0, in seconds since 1970."""


def shows(event: bytes, context: object) -> dict[str, object]:
    return {"statusCode": 200, "headers": {"X-Kind": "event"}, "isBase64Encoded": False, "body": event.decode()}


@pytest.fixture(params=["virtual", "process"])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    with Lab(request.param) as made:
        made.function(name="web")(shows)
        yield made


def web(**options: Any) -> Lab:
    lab = Lab(profile="instant")
    lab.function(name="web")(shows)
    lab.trigger("web", HTTPTrigger(**options))
    return lab


def kinds(lab: Lab) -> list[str]:
    return [event.kind for event in lab.recording.events]


def code_of(answer: Any) -> str:
    return str(answer.json()["Code"])


def test_a_request_through_a_trigger_is_its_work(lab: Lab) -> None:
    lab.trigger("web", HTTPTrigger(), name="front")
    answer = lab.http.request("POST", "/orders/a%20b?q=1&q=2", headers={"X-A": "1"}, body="text")
    assert (answer.status, answer.headers) == (200, {"x-kind": "event"})
    event: Any = answer.json()
    assert event["requestContext"].pop("time").endswith("Z")
    assert event["requestContext"].pop("timeEpoch").isdigit()
    assert event == {
        "version": "v1", "rawPath": "/orders/a%20b", "headers": {"x-a": "1"}, "queryParameters": {"q": "1,2"}, "body": "text",
        "isBase64Encoded": False,
        "requestContext": {
            "accountId": "000000000000", "domainName": "web.lab.fcapp.run", "domainPrefix": "web", "requestId": answer.response.request_id,
            "http": {"method": "POST", "path": "/orders/a b", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "fclab"},
        },
    }  # fmt: skip
    fired = [event for event in lab.recording.events if isinstance(event, e.TriggerFired)]
    assert [(one.request, one.source, one.trigger, one.attempt) for one in fired] == [(1, "http", "front", 1)]


def test_the_example_has_the_shape_of_a_real_event() -> None:
    real: Any = web().http.request("GET", "/orders/7?page=2", headers={"accept": "application/json"}).json()
    example = json.loads(HTTPTrigger.example())
    assert {**example, "requestContext": 0} == {**real, "requestContext": 0}
    assert example["requestContext"].keys() == real["requestContext"].keys()


def test_only_the_listed_methods_pass() -> None:
    lab = web(methods=["GET", "GET", "PATCH"])
    assert [lab.http.request(method, "/").status for method in ("GET", "get", "PATCH", "POST", "TRACE")] == [200, 200, 200, 403, 403]
    refused = lab.http.request("POST", "/")
    assert refused.json() == {"Code": "AccessDenied", "Message": "method POST is not allowed, only GET, PATCH"}
    assert (refused.response.error_type, refused.response.request_id) == ("AccessDenied", "")
    assert kinds(lab).count("RequestAccepted") == 3  # service clause 2


def test_a_switched_off_trigger_or_address() -> None:
    lab = web(disable_internet=True)
    assert code_of(lab.http.request("GET", "/")) == "AccessDenied"
    assert lab.http.request("GET", "/", intranet=True).status == 200
    handle = lab.triggers()[0]
    handle.update(disable_internet=False)
    assert lab.http.request("GET", "/").status == 200
    handle.disable()
    assert lab.http.request("GET", "/").status == 403
    handle.delete()
    assert lab.http.request("GET", "/").status == 200  # the lab's own address
    assert kinds(lab).count("TriggerFired") == 2


def test_limits_of_a_request() -> None:
    lab = web()
    for headers, path in (({"x": "y" * 8200}, "/"), ({}, "/" + "p" * 4100), ({}, "/?" + "q" * 4100)):
        answer = lab.http.request("GET", path, headers=headers)
        assert (answer.status, code_of(answer)) == (400, "InvalidArgument")


def test_signed_requests() -> None:
    lab = web(auth="function")
    assert code_of(lab.http.request("GET", "/")) == "MissingRequiredHeader"
    for _ in range(3):
        answer = lab.http.request("POST", "/a b/é?x=1 2&y=", body=b"\xff", query={"z": "~*+"}, signed=True)
        assert answer.status == 200, answer.text
    event: Any = answer.json()
    assert event["headers"]["authorization"].startswith("ACS3-HMAC-SHA256 Credential=lab-key-id,SignedHeaders=host;x-acs-")
    mine = sign(Message("GET", "/x", "", {"host": "web.lab.fcapp.run"}, b""), "lab-key-id", "lab-key-secret", now=NOW, nonce="n")
    assert lab.http.request("GET", "/x", headers=mine).status == 200
    again = lab.http.request("GET", "/x", headers=mine)
    assert (again.status, code_of(again)) == (403, "SignatureNonceUsed")
    assert code_of(lab.http.request("GET", "/y", headers=mine)) == "SignatureNotMatch"
    stranger = sign(Message("GET", "/x", "", {"host": "h"}, b""), "nobody", "s", now=NOW, nonce="m")
    assert code_of(lab.http.request("GET", "/x", headers=stranger)) == "InvalidAccessKeyID"
    lab.run(until=901)
    late = sign(Message("GET", "/x", "", {"host": "web.lab.fcapp.run"}, b""), "lab-key-id", "lab-key-secret", now=NOW, nonce="o")
    assert code_of(lab.http.request("GET", "/x", headers=late)) == "AccessDenied"


PREFLIGHT = {"origin": "https://shop.example", "access-control-request-method": "PUT", "access-control-request-headers": "X-A, x-b"}
RULES: list[tuple[dict[str, Any], dict[str, str], dict[str, str]]] = [
    ({}, {}, {"access-control-allow-origin": "*", "access-control-allow-methods": "GET, PUT", "access-control-allow-headers": "x-a, x-b"}),
    ({"allowOrigins": ["https://shop.example"], "allowCredentials": True, "allowHeaders": ["X-A", "X-B", "X-C"], "maxAge": 60}, {},
     {"access-control-allow-origin": "https://shop.example", "vary": "Origin", "access-control-allow-credentials": "true",
      "access-control-allow-methods": "GET, PUT", "access-control-allow-headers": "x-a, x-b, x-c", "access-control-max-age": "60"}),
    ({"allowOrigins": ["https://other.example"]}, {}, {}),
    ({"allowMethods": ["GET"]}, {}, {}),
    ({"allowHeaders": ["x-a"]}, {}, {}),
    ({"allowHeaders": ["x-a"]}, {"access-control-request-headers": ""},
     {"access-control-allow-origin": "*", "access-control-allow-methods": "GET, PUT"}),
]  # fmt: skip


@pytest.mark.parametrize(("cors", "headers", "said"), RULES)
def test_a_preflight_is_answered_without_the_function(cors: dict[str, Any], headers: dict[str, str], said: dict[str, str]) -> None:
    """The rules travel in headers; what is not allowed gets none, also where the answer itself is signed for."""
    lab = web(methods=["GET", "PUT"], cors=cors, auth="function")
    answer = lab.http.request("OPTIONS", "/", headers={**PREFLIGHT, **headers})
    told = {name: value for name, value in answer.headers.items() if name.startswith("access-control") or name == "vary"}
    expected = dict(said)
    if cors.get("allowOrigins") != ["https://other.example"]:
        expected = {"access-control-allow-origin": "*", **said}
    assert (answer.status, told) == (204, expected)
    assert kinds(lab).count("RequestAccepted") == 0


def test_answers_carry_cors_headers() -> None:
    lab = web(cors={"allowOrigins": ["https://shop.example"], "exposeHeaders": ["X-Kind"]})
    answer = lab.http.request("GET", "/", headers={"origin": "https://shop.example"})
    assert answer.headers == {
        "x-kind": "event", "access-control-allow-origin": "https://shop.example", "vary": "Origin",
        "access-control-expose-headers": "X-Kind",
    }  # fmt: skip
    assert lab.http.request("GET", "/", headers={"origin": "https://evil.example"}).headers == {"x-kind": "event"}
    assert lab.http.request("GET", "/").headers == {"x-kind": "event"}


def test_without_rules_options_is_the_function_s_affair() -> None:
    assert web().http.request("OPTIONS", "/", headers=PREFLIGHT).headers == {"x-kind": "event"}


def test_an_async_request(lab: Lab) -> None:
    lab.trigger("web", HTTPTrigger())
    answer = lab.http.request("POST", "/", headers={"X-Fc-Invocation-Type": "Async"})
    assert (answer.status, answer.body) == (202, b"")
    assert answer.headers == {"x-fc-request-id": answer.response.request_id}
    lab.run()
    accepted = next(event for event in lab.recording.events if isinstance(event, e.RequestAccepted))
    assert accepted.mode == "async"
    assert "RequestSucceeded" in kinds(lab)
    assert code_of(lab.http.request("POST", "/", headers={"X-Fc-Invocation-Type": "Later"})) == "InvalidArgument"
    lab.disable("web")
    assert lab.http.request("POST", "/", headers={"X-Fc-Invocation-Type": "Async"}).status == 403


def test_failures_are_502() -> None:
    lab = Lab()

    @lab.function
    def bad(event: bytes, context: object) -> None:
        raise ValueError("no")

    lab.trigger("bad", HTTPTrigger())
    answer = lab.http.request("GET", "/")
    assert (answer.status, answer.response.error) == (502, "ValueError: no")


def test_one_trigger_a_function(lab: Lab) -> None:
    """Service clause 1; the same trigger again is the one that is there."""
    first = lab.trigger("web", HTTPTrigger(methods=["GET"]))
    assert lab.trigger("web", HTTPTrigger(methods=["GET"])).name == first.name
    with pytest.raises(UsageError, match="has an HTTP trigger, 'http'"):
        lab.trigger("web", HTTPTrigger(methods=["POST"]), name="second")
    first.update(methods=["POST"])
    assert lab.triggers()[0].trigger == HTTPTrigger(methods=("POST",))


def test_whom_a_request_means() -> None:
    lab = web()
    lab.declare("other", duration=0.1)
    assert lab.http.request("GET", "/").status == 200  # the only one with a trigger
    lab.trigger("other", HTTPTrigger())
    with pytest.raises(UsageError, match="not clear"):
        lab.http.request("GET", "/")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"methods": "GET"}, "list of HTTP methods"), ({"methods": []}, "list of HTTP methods"), ({"methods": ["FETCH"]}, "no method 'FETCH'"),
    ({"methods": ["get"]}, "no method 'get'"), ({"auth": "jwt"}, "'anonymous' or 'function'"), ({"disable_internet": 1}, "True or False"),
    ({"cors": ["*"]}, "maps names"), ({"cors": {"origins": ["*"]}}, "no 'origins'"), ({"cors": {"allowOrigins": "*"}}, "cannot be"),
    ({"cors": {"maxAge": True}}, "cannot be"), ({"cors": {"maxAge": -1}}, "from 0 to"),
    ({"cors": {"allowOrigins": ["*"], "allowCredentials": True}}, "no credentials"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "said"), WRONG)
def test_wrong_triggers(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        HTTPTrigger(**options)
    assert caught.value.hint


def test_the_configuration_is_the_wire_s() -> None:
    trigger = HTTPTrigger(methods=["GET"], auth="function", cors={"allowOrigins": ("https://a.example",)}, disable_internet=True)
    config = trigger.config()
    assert config == {
        "authType": "function", "methods": ["GET"], "disableURLInternet": True, "corsConfig": {"allowOrigins": ["https://a.example"]},
    }  # fmt: skip
    assert HTTPTrigger.from_config("", json.loads(json.dumps(config))) == trigger
    assert HTTPTrigger.from_config("", {"methods": ["GET"], "authConfig": None}).auth == "function"
    with pytest.raises(UsageError, match="'authConfig'"):
        HTTPTrigger.from_config("", {"authConfig": {"jwks": {}}})


@pytest.mark.parametrize("backend", ["virtual", "process"])
def test_a_home_is_opened_again(backend: str, tmp_path: Path) -> None:
    with Lab(backend, home=tmp_path) as lab:
        lab.function(name="web")(shows)
        lab.trigger("web", HTTPTrigger(methods=["GET"]))
    with Lab(backend, home=tmp_path) as lab:
        lab.function(name="web")(shows)
        assert [lab.http.request(method, "/").status for method in ("GET", "POST")] == [200, 403]


def test_a_request_s_cost_does_not_grow() -> None:
    import time

    lab = Lab(record=False)
    lab.declare("web", duration=0.001)
    lab.trigger("web", HTTPTrigger(auth="function"))

    def cost(requests: int) -> float:
        began = time.process_time()
        for _ in range(requests):
            assert lab.http.request("GET", "/", signed=True).status == 200
        return (time.process_time() - began) / requests

    cost(200)
    early = min(cost(200) for _ in range(3))
    cost(3_000)
    assert min(cost(200) for _ in range(3)) < 2 * early
