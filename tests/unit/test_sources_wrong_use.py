"""Wrong use of triggers, timers, the gateway and HTTP rules: one clear error each, and nothing has changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fclab import AlarmTrigger, APIGatewayTrigger, HTTPTrigger, Lab, TimerTrigger, UnknownFunction, UsageError


def declared() -> Lab:
    lab = Lab(profile="instant")
    lab.declare("shop", duration=0.1)
    return lab


WRONG: list[tuple[str, Callable[[Lab], object]]] = [
    ("enabled is True or False, not 'no'", lambda lab: lab.trigger("shop", TimerTrigger(cron="@every 1m"), enabled="no")),  # type: ignore[arg-type]
    ("'' is no name of a trigger", lambda lab: lab.trigger("shop", TimerTrigger(cron="@every 1m"), name="")),
    ("Times end with the year 9999", lambda lab: lab.timers.next("0 0 2 * * *", after="9999-12-31T23:59:59Z")),
    ("Times end with the year 9999", lambda lab: lab.timers.next("@every 1h", after="9999-12-31T23:59:59Z")),
    ("A stage is one of release, pre, test, not 5", lambda lab: lab.gateway.request("GET", "/", stage=5)),  # type: ignore[arg-type]
    ("A stage is one of release, pre, test, not 'prod'", lambda lab: lab.gateway.request("GET", "/", stage="prod")),
    ("headers map names to texts of one line", lambda lab: lab.gateway.mock("GET", "/a", headers={"a b": "c"})),
    ("headers map names to texts of one line", lambda lab: lab.gateway.mock("GET", "/a", headers={"a": "b\nc: d"})),
    ("nan cannot be sent", lambda lab: lab.gateway.mock("GET", "/a", body=float("nan"))),
    ("'https://a.example/' is no origin", lambda lab: HTTPTrigger(cors={"allowOrigins": ["https://a.example/"]})),
    ("cors allowMethods has no 'get'", lambda lab: HTTPTrigger(cors={"allowMethods": ["get"]})),
    ("no credentials where every origin", lambda lab: HTTPTrigger(cors={"allowCredentials": True})),
    ("operator is one of", lambda lab: AlarmTrigger(metric="cold_starts", threshold=1, operator=[])),  # type: ignore[arg-type]
    ("comparisonOperator is one of", lambda lab: AlarmTrigger.from_config("", {"comparisonOperator": []})),
]


@pytest.mark.parametrize(("said", "do"), WRONG, ids=[f"{number} {said}" for number, (said, _) in enumerate(WRONG)])
def test_wrong_use_is_refused_and_changes_nothing(said: str, do: Callable[[Lab], object]) -> None:
    lab = declared()
    with pytest.raises(UsageError) as caught:
        do(lab)
    assert said in str(caught.value)
    assert lab.triggers() == []
    assert lab.gateway.routes() == []


def test_a_misspelt_function_is_told_and_one_with_triggers_only_is_not() -> None:
    lab = declared()
    assert lab.triggers("shop") == []
    with pytest.raises(UnknownFunction, match="'shp'"):
        lab.triggers("shp")


@pytest.mark.parametrize("headers", [{"a\nb": "x"}, {"a": "x\r\nset-cookie: y"}, {"a": ["x", "y\n"]}, {"": "x"}])
def test_an_answer_that_no_http_can_carry_is_none(headers: dict[str, Any]) -> None:
    lab = Lab(profile="instant")

    @lab.function
    def shop(event: bytes, context: object) -> dict[str, Any]:
        return {"statusCode": 200, "headers": headers, "body": "x"}

    lab.trigger("shop", HTTPTrigger())
    lab.trigger("shop", APIGatewayTrigger(path="/"))
    assert lab.http.request("GET", "/").status == 502
    answer = lab.gateway.request("GET", "/")
    assert (answer.status, answer.headers["x-ca-error-code"]) == (503, "D503FC")


def test_the_catalogue_is_short_enough_to_read() -> None:
    catalog = Lab().catalog()
    assert {len(one.retries) <= 110 for one in catalog} == {True}
    assert "for a day" in next(one.retries for one in catalog if one.type == "alarm")  # what `Monitor.bind` waits


@pytest.mark.parametrize(("method", "status", "body"), [("GET", 200, b"x"), ("HEAD", 200, b""), ("GET", 204, b""), ("POST", 304, b"")])
def test_no_body_comes_where_http_has_none(method: str, status: int, body: bytes) -> None:
    lab = Lab(profile="instant")

    @lab.function
    def shop(event: bytes, context: object) -> dict[str, Any]:
        return {"statusCode": status, "body": "x"}

    assert lab.http.request(method, "/").body == body
    lab.trigger("shop", HTTPTrigger())
    lab.trigger("shop", APIGatewayTrigger(method="ANY", path="/"))
    lab.gateway.mock("ANY", "/mock", status=status, body="x")
    for answer in (lab.http.request(method, "/"), lab.gateway.request(method, "/"), lab.gateway.request(method, "/mock")):
        assert (answer.status, answer.body) == (status, body)
