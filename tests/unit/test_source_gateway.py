"""The API gateway: routing, stages, throttling, mock answers, and what becomes of a function's answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fclab import APIGatewayTrigger, Lab, wsgi
from fclab.errors import SourceError, UsageError
from fclab.observe import events as e


def shows(event: bytes, context: object) -> dict[str, object]:
    return {"isBase64Encoded": False, "statusCode": "201", "headers": {"X-Kind": "event"}, "body": event.decode()}


@pytest.fixture(params=["virtual", "process"])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    with Lab(request.param) as made:
        made.function(name="orders")(shows)
        yield made


def gate(**options: Any) -> Lab:
    lab = Lab(profile="instant")
    lab.function(name="orders")(shows)
    lab.trigger("orders", APIGatewayTrigger(**{"path": "/orders/{id}", **options}))
    return lab


def test_the_event_and_the_answer_are_the_documented_ones(lab: Lab) -> None:
    lab.trigger("orders", APIGatewayTrigger(method="PUT", path="/orders/{id}/items/{rest+}"))
    answer = lab.gateway.request("put", "/orders/a%20b/items/x/y%2Fz?q=1&q=2", headers={"X-A": "1"}, body=b"\xff")
    assert answer.status == 201, answer.response.logs
    assert answer.json() == {
        "path": "/orders/a b/items/x/y/z", "httpMethod": "PUT", "headers": {"x-a": "1"}, "queryParameters": {"q": "1,2"},
        "pathParameters": {"id": "a b", "rest": "x/y/z"}, "body": "/w==", "isBase64Encoded": True,
    }  # fmt: skip
    assert answer.headers.keys() == {"x-kind", "x-ca-request-id"}
    fired = [event for event in lab.recording.events if isinstance(event, e.TriggerFired)]
    assert [(one.source, one.trigger) for one in fired] == [("gateway PUT /orders/{id}/items/{rest+}", "apigateway")]


def test_the_example_has_the_shape_of_a_real_event() -> None:
    real = gate().gateway.request("GET", "/orders/7?page=2", headers={"accept": "application/json"}).json()
    assert json.loads(APIGatewayTrigger.example()) == real


ROUTES = ["/", "/orders", "/orders/{id}", "/orders/new", "/orders/{id}/items", "/orders/new/{rest+}", "/{all+}"]
ASKED = [
    ("/", "/"), ("/orders", "/orders"), ("/orders/", "/orders"), ("/orders/7", "/orders/{id}"), ("/orders/new", "/orders/new"),
    ("/orders/%6Eew", "/orders/new"), ("/orders/7/items", "/orders/{id}/items"), ("/orders/new/items", "/orders/new/{rest+}"),
    ("/orders/7/other", "/{all+}"), ("/orders/7/items/1", "/{all+}"), ("/x", "/{all+}"),
]  # fmt: skip


@pytest.mark.parametrize("routes", [ROUTES, ROUTES[::-1]])
def test_the_most_specific_route_wins(routes: list[str]) -> None:
    """`Route` clause 2, whichever was made first."""
    lab = Lab()
    for path in routes:
        lab.gateway.mock("GET", path, body=path)
    assert [(asked, lab.gateway.request("GET", asked).text) for asked, _ in ASKED] == ASKED


def test_a_named_method_wins_over_any() -> None:
    lab = Lab()
    lab.gateway.mock("ANY", "/x", body="any")
    lab.gateway.mock("GET", "/{y}", body="get y")
    lab.gateway.mock("GET", "/x", body="get")
    assert [lab.gateway.request(method, "/x").text for method in ("GET", "POST", "TRACE")] == ["get", "any", "any"]
    assert [lab.gateway.request(method, "/y").status for method in ("GET", "POST")] == [200, 404]


def test_stages_are_apart() -> None:
    lab = gate()
    lab.gateway.mock("GET", "/orders/{id}", body="a draft", stage="test")
    assert lab.gateway.request("GET", "/orders/7", stage="test").text == "a draft"
    assert lab.gateway.request("GET", "/orders/7", headers={"X-Ca-Stage": "TEST"}).text == "a draft"
    missing = lab.gateway.request("GET", "/orders/7", stage="pre")
    assert (missing.status, missing.body, missing.headers["x-ca-error-code"]) == (404, b"", "I404NF")
    assert missing.headers["x-ca-error-message"] == "API not found with `GET` `/orders/7` in stage `pre`"
    assert missing.response.error_type == "I404NF"
    assert lab.gateway.routes() == [
        {"stage": "release", "method": "GET", "path": "/orders/{id}", "function": "orders", "throttle": None},
        {"stage": "test", "method": "GET", "path": "/orders/{id}", "function": None, "throttle": None},
    ]
    assert len(lab.gateway.routes("test")) == 1


def test_two_routes_of_one_right_are_refused() -> None:
    """`Route` clause 3."""
    lab = gate()
    lab.declare("other", duration=0.1)
    with pytest.raises(SourceError, match="a route of 'orders'") as caught:
        lab.trigger("other", APIGatewayTrigger(path="/orders/{number}"))
    assert caught.value.code == "DuplicateRoute"
    with pytest.raises(SourceError, match="a route of 'orders'"):
        lab.gateway.mock("GET", "/orders/{x}")
    lab.gateway.mock("GET", "/mocked/{a}")
    with pytest.raises(SourceError, match="has a mock answer"):
        lab.gateway.mock("GET", "/mocked/{b}")
    with pytest.raises(SourceError, match="has a mock answer"):
        lab.trigger("other", APIGatewayTrigger(path="/mocked/{b}"))
    lab.trigger("other", APIGatewayTrigger(path="/orders/{number}", method="POST"))
    lab.gateway.unmock("GET", "/mocked/{a}")
    with pytest.raises(SourceError, match="no mock answer"):
        lab.gateway.unmock("GET", "/mocked/{a}")


def test_throttling_counts_each_second() -> None:
    lab = gate(throttle=2)
    lab.gateway.mock("GET", "/free", throttle=1)

    def statuses(path: str, n: int) -> list[int]:
        return [lab.gateway.request("GET", path).status for _ in range(n)]

    assert statuses("/orders/1", 4) == [201, 201, 429, 429]
    assert statuses("/free", 2) == [200, 429]
    refused = lab.gateway.request("GET", "/orders/1")
    assert refused.headers["x-ca-error-code"] == "T429PA"
    lab.run(until=1)
    assert statuses("/orders/1", 3) == [201, 201, 429]
    lab.triggers()[0].update(throttle=None)
    assert statuses("/orders/1", 3) == [201] * 3


WRONG_ANSWERS: list[object] = [
    "text", {"no": "status"}, [1], None, {"statusCode": "ok"}, {"statusCode": 200, "headers": ["x"]},
    {"statusCode": 200, "isBase64Encoded": True, "body": "no Base64"},
]  # fmt: skip


@pytest.mark.parametrize("returned", WRONG_ANSWERS)
def test_an_answer_of_another_shape_is_503(returned: object) -> None:
    lab = Lab()
    lab.function(name="bad")(lambda event, context: returned)
    lab.trigger("bad", APIGatewayTrigger(path="/"))
    answer = lab.gateway.request("GET", "/")
    assert (answer.status, answer.headers["x-ca-error-code"], answer.body) == (503, "D503FC", b"")
    assert "its answer is not" in answer.headers["x-ca-error-message"]


def test_a_function_that_fails_or_is_not_there_is_503(tmp_path: Path) -> None:
    def bad(event: bytes, context: object) -> None:
        raise ValueError("no")

    with Lab(home=tmp_path) as lab:
        lab.function(bad)
        lab.trigger("bad", APIGatewayTrigger(path="/"))
        answer = lab.gateway.request("GET", "/")
        assert (answer.status, answer.response.error) == (503, "ValueError: no")
        assert answer.headers["x-ca-error-message"] == "Backend Function Compute: ValueError: no"
        lab.disable("bad")
        assert lab.gateway.request("GET", "/").status == 503
        lab.gateway.mock("GET", "/kept", status=418, body={"a": 1}, headers={"X-A": "1"})
    with Lab(home=tmp_path) as lab:
        assert "does not exist" in lab.gateway.request("GET", "/").headers["x-ca-error-message"]
        kept = lab.gateway.request("GET", "/kept")
        assert (kept.status, kept.json(), kept.headers["x-a"]) == (418, {"a": 1}, "1")


def test_the_gateway_s_patience_ends() -> None:
    lab = Lab(profile="instant")
    finished: list[float] = []

    @lab.function(timeout=10)
    def slow(event: bytes, context: Any) -> dict[str, object]:
        context.work(2.0)
        finished.append(context.now)
        return {"statusCode": 200}

    handle = lab.trigger("slow", APIGatewayTrigger(path="/", timeout=1.5))
    answer = lab.gateway.request("GET", "/")
    assert (answer.status, answer.headers["x-ca-error-code"], lab.now) == (504, "D504TO", 1.5)
    lab.run()
    assert (len(finished), lab.now) == (1, 2.0)
    handle.update(timeout=5)
    assert (lab.gateway.request("GET", "/").status, lab.now) == (200, 4.0)


def test_a_disabled_trigger_is_no_route() -> None:
    lab = gate()
    handle = lab.triggers()[0]
    handle.disable()
    assert lab.gateway.request("GET", "/orders/7").status == 404
    assert lab.gateway.routes() == []
    handle.enable()
    assert lab.gateway.request("GET", "/orders/7").status == 201


@pytest.mark.parametrize("backend", ["virtual", "process"])
def test_a_home_is_opened_again(backend: str, tmp_path: Path) -> None:
    with Lab(backend, home=tmp_path) as lab:
        lab.function(name="orders")(shows)
        lab.trigger("orders", APIGatewayTrigger(path="/orders/{id}", throttle=7))
        first = lab.gateway.request("GET", "/orders/7")
    with Lab(backend, home=tmp_path) as lab:
        lab.function(name="orders")(shows)
        assert lab.gateway.routes()[0]["throttle"] == 7
        again = lab.gateway.request("GET", "/orders/7")
        assert (again.status, again.body) == (201, first.body)


def test_a_wsgi_application_behind_it() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [environ["PATH_INFO"].encode(), str(environ["fc.event"]["pathParameters"]).encode()]

    lab = Lab()
    lab.function(name="app")(wsgi(app))
    lab.trigger("app", APIGatewayTrigger(method="ANY", path="/{rest+}"))
    assert lab.gateway.request("POST", "/a/b").text == "/a/b{'rest': 'a/b'}"


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"method": "get"}, "method is one of"), ({"stage": "prod"}, "stage is one of"), ({"path": "orders"}, "begins with /"),
    ({"path": "/a{b}"}, "cannot be a segment"), ({"path": "/{a}/{a}"}, "one name"), ({"path": "/{a+}/b"}, "nothing can follow"),
    ({"path": "/a b"}, "cannot be a segment"), ({"path": "/{}"}, "cannot be a segment"), ({"path": 3}, "begins with /"),
    ({"timeout": 0}, "timeout must be"), ({"timeout": 31}, "timeout must be"), ({"throttle": 0}, "throttle is"),
    ({"throttle": True}, "throttle is"), ({"throttle": 0.5}, "throttle is"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "said"), WRONG)
def test_wrong_triggers(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        APIGatewayTrigger(**{"path": "/", **options})
    assert caught.value.hint


MOCKS: list[tuple[dict[str, Any], str]] = [
    ({"status": 99}, "100 to 599"), ({"status": True}, "100 to 599"), ({"headers": {"a": 1}}, "headers map"),
    ({"headers": "a"}, "headers map"), ({"body": object()}, "cannot be sent"), ({"throttle": -1}, "throttle is"),
    ({"path": "x"}, "begins with /"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "said"), MOCKS)
def test_wrong_mocks(options: dict[str, Any], said: str) -> None:
    lab = Lab()
    with pytest.raises(UsageError, match=said):
        lab.gateway.mock(**{"method": "GET", "path": "/", **options})
    assert lab.gateway.routes() == []


def test_the_configuration_comes_back() -> None:
    trigger = APIGatewayTrigger(method="POST", path="/a/{b}", stage="pre", timeout=3.5, throttle=9)
    assert APIGatewayTrigger.from_config(trigger.arn, json.loads(json.dumps(trigger.config()))) == trigger
    with pytest.raises(UsageError, match="'url'"):
        APIGatewayTrigger.from_config("", {"path": "/", "url": "x"})
    with pytest.raises(UsageError, match="needs path"):
        APIGatewayTrigger.from_config("", {})


def test_a_request_s_cost_does_not_grow() -> None:
    import time

    lab = Lab(record=False)
    lab.gateway.mock("GET", "/a/{b}")

    def cost(requests: int) -> float:
        began = time.process_time()
        for _ in range(requests):
            assert lab.gateway.request("GET", "/a/7").status == 200
        return (time.process_time() - began) / requests

    cost(200)
    early = min(cost(300) for _ in range(3))
    cost(5_000)
    assert min(cost(300) for _ in range(3)) < 2 * early
