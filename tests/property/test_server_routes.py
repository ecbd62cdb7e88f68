"""Whatever is asked of whichever operation: an answer of the documented shape, and never a mistake of ours."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fclab import Lab
from fclab.server.endpoint import Endpoint
from fclab.server.fc3.operations import Operation
from tests.server.kit import ask, client, create, zipped

FIELDS = [
    "functionName", "runtime", "handler", "code", "zipFile", "memorySize", "timeout", "instanceConcurrency", "environmentVariables",
    "tags", "layers", "port", "command", "customRuntimeConfig", "instanceLifecycleConfig", "initializer", "preStop",
    "maxAsyncRetryAttempts", "nasConfig", "maxAsyncEventAgeInSeconds", "target", "destinationConfig", "onSuccess", "onFailure",
    "destination", "defaultTarget", "minInstances", "targetTrackingPolicies", "horizontalScalingPolicies", "cpu", "scheduledActions",
    "metricType", "metricTarget", "minCapacity", "maxCapacity", "reservedConcurrency", "reason", "triggerName", "triggerType",
    "triggerConfig", "sourceArn", "description", "invocationRole", "qualifier", "Tag", "ResourceId", "Key", "Value",
    "cronExpression", "enable", "events", "filter", "key", "prefix", "idleTimeout",
]  # fmt: skip
QUERIES = [
    "limit", "nextToken", "prefix", "qualifier", "status", "sortOrderByTime", "startedTimeBegin", "startedTimeEnd", "includePayload",
    "functionName", "ResourceId", "TagKey", "Tag", "Limit", "NextToken", "All", "description", "runtime",
]  # fmt: skip
POLICY = {"metricType": "ProvisionedConcurrencyUtilization", "metricTarget": 0.5, "minCapacity": 1, "maxCapacity": 2}
GOOD: dict[str, dict[str, Any]] = {
    "CreateFunction": {
        "functionName": "g", "runtime": "python3.12", "handler": "index.handler", "code": {"zipFile": zipped("x = 1\n")}, "memorySize": 512,
        "timeout": 3, "environmentVariables": {"A": "b"}, "tags": [{"Key": "a", "Value": "b"}],
        "instanceLifecycleConfig": {"initializer": {"handler": "index.start", "timeout": 3}},
    },
    "UpdateFunction": {"timeout": 3, "memorySize": 256, "customRuntimeConfig": {"command": ["a"], "port": 9000}},
    "PutAsyncInvokeConfig": {
        "maxAsyncRetryAttempts": 1, "maxAsyncEventAgeInSeconds": 60,
        "destinationConfig": {"onSuccess": {"destination": "acs:fc:lab:0:functions/f"}},
    },
    "PutProvisionConfig": {"defaultTarget": 1, "targetTrackingPolicies": [POLICY]},
    "PutScalingConfig": {"minInstances": 1, "horizontalScalingPolicies": [POLICY]},
    "PutConcurrencyConfig": {"reservedConcurrency": 3},
    "TagResources": {"ResourceId": ["acs:fc:lab:0:functions/f"], "Tag": [{"Key": "a", "Value": "b"}]},
    "DisableFunctionInvocation": {"reason": "repair"},
    "CreateTrigger": {"triggerName": "t", "triggerType": "timer", "triggerConfig": '{"cronExpression": "@every 1m"}'},
    "UpdateTrigger": {"triggerConfig": '{"cronExpression": "@every 2m"}', "description": "d"},
}  # fmt: skip
TEXTS = [
    "f", "g", "t", "python3.12", "custom", "index.handler", "timer", "oss", "http", "log", "eventbridge", "alarm", "mns_topic",
    "LATEST", "acs:oss:lab:0:photos", "[]", "{}",
    "acs:fc:lab:0:functions/f", "acs:mns:lab:0:/queues/q/messages", '{"cronExpression": "@every 1m"}', '{"events": [{}]}', '{"filter": 1}',
    '["acs:fc:lab:0:functions/f"]', "ProvisionedConcurrencyUtilization",
]  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 5), st.integers(-(10**20), 10**20), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12), st.sampled_from(TEXTS),
)  # fmt: skip
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), inner, max_size=5),
    max_leaves=12,
)
NAMES = st.text(min_size=1, max_size=8) | st.sampled_from(["f", "g", "t"])


@st.composite
def bodies(draw: st.DrawFn, action: str) -> bytes:
    """What the operation wants, with some fields spoilt; or any JSON, or none."""
    good: dict[str, Any] = GOOD.get(action, {})
    own = draw(st.booleans())
    names = st.sampled_from([*good] if own and good else [*good, *FIELDS])
    spoilt: dict[str, Any] = draw(st.dictionaries(names, JSON, max_size=2))
    whole = json.dumps({**good, **spoilt}).encode()
    other = JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=40)
    return whole if draw(st.integers(0, 4)) else draw(other)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with Lab("process") as lab:
        yield lab.serve()


def operations(endpoint: Endpoint) -> list[Operation]:
    """All of them, in one order; slow ones of the platform's own are not the question here."""
    face = endpoint._server.config.loaded_app._faces[-1]
    found = [operation for rows in face._routes._by.values() for _, operation in rows]
    return sorted(found, key=lambda one: one.action)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_every_operation_answers_in_its_shape(endpoint: Endpoint, data: st.DataObject) -> None:
    every = operations(endpoint)
    chosen = [one for one in every if one.action in GOOD] if data.draw(st.integers(0, 1)) else every
    operation = data.draw(st.sampled_from(chosen))
    if "f" not in endpoint._shared.lab.functions:
        create(client(endpoint), "f", "def handler(event, context):\n    return event\n")
    path = operation.path
    if data.draw(st.integers(0, 4)):
        path = path.replace("{functionName}", "f").replace("{triggerName}", "t")
    path = "/".join(quote(data.draw(NAMES), safe="") if part[:1] == "{" else part for part in path.split("/"))
    values = st.text(max_size=10) | st.sampled_from(["1", "0", "-1", "True", "LATEST", "[]", '["f"]', '[{"Key": "a"}]', "Failed", "asc"])
    query = data.draw(st.dictionaries(st.sampled_from(QUERIES), values, max_size=3))
    body = data.draw(bodies(operation.action)) if operation.method in ("POST", "PUT") else b""
    headers: dict[str, str] = {}
    if operation.action == "InvokeFunction":
        kinds = st.sampled_from(["Sync", "Async", "async", "Task", "Never", ""])
        headers = {"x-fc-invocation-type": data.draw(kinds), "x-fc-async-task-id": quote(data.draw(st.text(max_size=10)))}
    target = f"/2023-03-30{path}" + (f"?{urlencode(query)}" if query else "")
    answer = ask(endpoint, operation.method, target, body, headers)
    assert answer.headers["x-fc-request-id"]
    assert answer.status < 500, answer.body
    if answer.status >= 400:
        assert answer.code not in ("SignatureNotMatch", "PathNotSupported")
        assert "Traceback" not in answer.json["Message"]
    elif operation.action != "InvokeFunction":
        assert answer.body == b"" if answer.status == 204 else isinstance(answer.json, dict)


PIECES = [
    b"GET", b"POST", b"/", b"/2023-03-30/functions", b" HTTP/1.1", b"\r\n", b"host: 127.0.0.1", b"content-length: ", b"5", b" ",
    b"\r\n\r\n", b"transfer-encoding: chunked", b"connection: close", b"%", b"\x00", b"upgrade: websocket", b"expect: 100-continue",
]  # fmt: skip
RAW = st.binary(max_size=200) | st.lists(st.sampled_from(PIECES), max_size=20).map(b"".join)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(RAW)
def test_any_bytes_at_all(endpoint: Endpoint, raw: bytes) -> None:
    """The server says no in the shape of an error, or waits for more; then it serves the next one."""
    with socket.create_connection((endpoint.host, endpoint.port), 20) as plain:
        plain.sendall(raw)
        plain.shutdown(socket.SHUT_WR)
        got = b""
        try:
            while piece := plain.recv(65_536):
                got += piece
        except ConnectionResetError:
            pass
    if got and not got.startswith(b"HTTP/1.1 100"):
        head, _, body = got.partition(b"\r\n\r\n")
        assert b" 4" in head.splitlines()[0]
        assert b'"Code"' in body or b"HEAD" in raw
    assert ask(endpoint, "GET", "/2023-03-30/regions").status == 200


def test_the_shape_of_an_error(endpoint: Endpoint) -> None:
    answer: Any = ask(endpoint, "GET", "/2023-03-30/functions/none")
    assert answer.code == "FunctionNotFound"
