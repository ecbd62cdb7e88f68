"""Handlers as data: what they return, raise, print and use; the documented kinds, shapes and log lines; what the instance survives."""

from __future__ import annotations

import contextvars
import datetime
import decimal
import json
import math
import os
import sys
import time
from typing import Any, ClassVar

import pytest

from fclab import FunctionError, Lab
from tests.unit.engine_kit import Handler, gone, one

COLOUR: contextvars.ContextVar[str] = contextvars.ContextVar("COLOUR", default="none")


class WithJson:
    def to_json(self) -> object:
        return {"x": 1}


@pytest.mark.parametrize(
    ("value", "payload"),
    [
        (b"\x00\xff", b"\x00\xff"),
        ("héllo", "héllo".encode()),
        (None, b"null"),
        ({"b": 1, "a": [2]}, b'{\n    "a": [\n        2\n    ],\n    "b": 1\n}'),
        (decimal.Decimal("1.5"), b"1.5"),
        (datetime.date(2026, 1, 2), b'"2026-01-02"'),
        (WithJson(), b'{\n    "x": 1\n}'),
    ],
)
def test_what_a_handler_returns_as_bytes(value: object, payload: bytes) -> None:
    response = one(lambda event, context: value).invoke("f")
    assert (response.status, response.ok, response.payload) == (200, True, payload)


@pytest.mark.parametrize("value", [object(), {1, 2}, print, {(1, 2): 3}])
def test_a_return_that_cannot_be_encoded_is_a_function_error(value: object) -> None:
    lab = one(lambda event, context: value)
    response = lab.invoke("f")
    assert (response.status, response.error_type) == (200, "UnhandledInvocationError")
    body = response.json()
    assert isinstance(body, dict)
    assert body["errorType"] == "TypeError"
    assert body["stackTrace"] == [], "the encoder's frames are not the function's"
    assert not lab.invoke("f").cold, "the instance lives on"


def test_a_return_that_contains_itself() -> None:
    loop: list[object] = []
    loop.append(loop)
    assert one(lambda event, context: loop).invoke("f").error_type == "UnhandledInvocationError"


def deep(event: bytes, context: Any) -> None:
    def inner() -> None:
        raise KeyError("lost")

    inner()


def test_the_error_object_and_its_stack() -> None:
    lab = one(deep)
    response = lab.invoke("f")
    assert (response.status, response.ok) == (200, False)
    assert (response.error, response.error_type) == ("KeyError: 'lost'", "UnhandledInvocationError")
    assert response.text == json.dumps(json.loads(response.text), indent=4, sort_keys=True)
    body = json.loads(response.text)
    assert sorted(body) == ["errorMessage", "errorType", "stackTrace"]
    assert (body["errorMessage"], body["errorType"]) == ("'lost'", "KeyError")
    assert [frame[2:] for frame in body["stackTrace"]] == [["in deep", "inner()"], ["in inner", 'raise KeyError("lost")']]
    assert {frame[0] for frame in body["stackTrace"]} == {'File "/code/index.py"'}
    assert all(len(frame) == 4 and frame[1].startswith("line ") for frame in body["stackTrace"])
    assert response.payload.decode() + "\n" in response.logs
    with pytest.raises(FunctionError, match="UnhandledInvocationError"):
        response.raise_for_error()
    assert not lab.invoke("f").cold


def by_memory_error(event: bytes, context: Any) -> None:
    raise MemoryError


def by_use_memory(event: bytes, context: Any) -> None:
    context.use_memory(100)
    context.use_memory(513)


def by_exit(event: bytes, context: Any) -> None:
    sys.exit(3)


def by_timeout(event: bytes, context: Any) -> None:
    time.sleep(30)


@pytest.mark.parametrize(
    ("handler", "kind", "said", "reason"),
    [
        (by_memory_error, "FunctionOOMError", "out of memory (limit: 512 MB)", "memory"),
        (by_use_memory, "FunctionOOMError", "out of memory (limit: 512 MB)", "memory"),
        (by_exit, "ProcessExited", "exit code: 3", "exit"),
        (by_timeout, "FunctionTimeoutError", "timed out after 3 seconds", "timeout"),
    ],
)
def test_what_ends_the_instance(handler: Handler, kind: str, said: str, reason: str) -> None:
    lab = one(handler)
    response = lab.invoke("f")
    assert (response.status, response.error_type) == (200, kind)
    assert said in (response.error or "")
    body = json.loads(response.text)
    assert said in body["errorMessage"]
    assert sorted(body) == (["errorMessage"] if kind == "ProcessExited" else ["errorMessage", "errorType"])
    assert [(instance, why) for _, instance, why in gone(lab)] == [("f#1", reason)]
    assert response.logs.count("FC Invoke End") == 1, "one end line"
    assert lab.invoke("f").cold


def test_memory_within_the_limit_is_only_measured() -> None:
    response = one(lambda event, context: context.use_memory(300)).invoke("f")
    assert (response.ok, response.memory_mb) == (True, 300.0)


def test_sys_exit_without_a_code_and_exit_inside_try() -> None:
    def quiet(event: bytes, context: Any) -> str:
        try:
            sys.exit()
        except Exception:
            return "not caught"
        return "no"

    response = one(quiet).invoke("f")
    assert (response.error_type, response.error) == (
        "ProcessExited",
        "Process exited unexpectedly before completing request (exit code: 0)",
    )


def test_finishing_exactly_at_the_time_out_is_success() -> None:
    assert one(lambda event, context: time.sleep(3)).invoke("f").ok
    late = one(lambda event, context: time.sleep(3.000001)).invoke("f")
    assert (late.error_type, late.latency, late.duration) == ("FunctionTimeoutError", 3.0, 3.0)


def test_prints_and_log_lines_belong_to_their_request() -> None:
    def chatty(event: bytes, context: Any) -> None:
        for n in range(3):
            print(event.decode(), n)
            time.sleep(1)
        print("unfinished", end="")
        context.logger.warning("careful %s", event.decode())
        context.logger.debug("not shown")
        print("error stream", file=sys.stderr)

    lab = one(chatty, timeout=10)
    calls = lab.invoke_at("f", [0], b"a") + lab.invoke_at("f", [0.5], b"b")
    lab.run()
    for call, who in zip(calls, "ab", strict=True):
        assert call.response is not None
        request_id = call.response.request_id
        lines = call.response.logs.splitlines()
        assert lines[0] == f"FC Invoke Start RequestId: {request_id}"
        assert lines[1:4] == [f"{who} 0", f"{who} 1", f"{who} 2"]
        start = 3.0 if who == "a" else 3.5
        assert lines[4] == f"unfinished2026-01-01T00:00:0{start:.3f}Z {request_id} [WARNING] careful {who}"
        assert lines[5:] == ["error stream", f"FC Invoke End RequestId: {request_id}"]


def test_the_log_of_a_failure_and_of_a_time_out() -> None:
    lines = one(deep).invoke("f").logs.splitlines()
    assert lines[-1].endswith("Error: Unhandled function error")
    lines = one(by_timeout).invoke("f").logs.splitlines()
    assert lines[-1].endswith("Error: timeout")


def test_an_endless_log_is_cut() -> None:
    response = one(lambda event, context: print("x" * 3_000_000)).invoke("f")
    assert response.ok
    assert "[log cut]" in response.logs
    assert len(response.logs) < 1_100_000


def test_outside_handlers_nothing_is_touched() -> None:
    clocks = (time.time, time.sleep, time.monotonic, time.perf_counter)
    stdout, environment = sys.stdout, dict(os.environ)
    seen: list[object] = []

    def look(event: bytes, context: Any) -> str:
        time.sleep(1)
        seen.append(os.environ["STAGE"])
        return str(sys.stdout is not stdout)

    lab = one(look, environment={"STAGE": "test", "PATH": "/nowhere"})
    untouched: list[bool] = []

    @lab.on()
    def note(event: object) -> None:
        untouched.append((time.time, time.sleep, time.monotonic, time.perf_counter) == clocks and sys.stdout is stdout)
        untouched.append(dict(os.environ) == environment)

    assert lab.invoke("f").text == "True"
    assert seen == ["test"]
    assert all(untouched)
    assert (time.time, time.sleep, time.monotonic, time.perf_counter) == clocks
    assert (sys.stdout, dict(os.environ)) == (stdout, environment)


def test_clause_4_context_variables_are_the_notebooks() -> None:
    seen: list[str] = []

    def colour(event: bytes, context: Any) -> None:
        seen.append(COLOUR.get())
        COLOUR.set(event.decode())
        time.sleep(1)
        seen.append(COLOUR.get())

    lab = one(colour)
    token = COLOUR.set("blue")
    try:
        lab.invoke_at("f", [0], b"red")
        lab.invoke_at("f", [0.5], b"green")
        lab.run()
        assert COLOUR.get() == "blue"
    finally:
        COLOUR.reset(token)
    assert seen == ["blue", "blue", "red", "green"]


def test_what_the_context_knows() -> None:
    seen: dict[str, object] = {}

    def look(event: bytes, context: Any) -> None:
        function = context.function
        seen.update(id=context.request_id, name=function.name, handler=function.handler, memory=function.memory, timeout=function.timeout)
        seen.update(region=context.region, account=context.account_id, key=context.credentials.access_key_id, retry=context.retry_count)
        seen.update(now=context.now, environment=dict(context.environment))

    lab = one(look, memory_mb=1024, timeout=7, environment={"A": "b"})
    lab.run(until=5)
    response = lab.invoke("f")
    assert seen == {
        "id": response.request_id, "name": "f", "handler": "index.look", "memory": 1024, "timeout": 7, "region": "lab",
        "account": "000000000000", "key": "lab-key-id", "retry": 0, "now": 5.0, "environment": {"A": "b"},
    }  # fmt: skip


class Counter:
    seen: ClassVar[list[bytes]] = []

    def __call__(self, event: bytes, context: Any) -> str:
        time.sleep(0.5)
        self.seen.append(event)
        return "called"


def test_a_handler_may_be_any_callable() -> None:
    lab = Lab(profile="instant")
    lab.function(name="object")(Counter())
    response = lab.invoke("object", {"a": 1})
    assert (response.text, response.latency) == ("called", 0.5)
    assert Counter.seen == [b'{"a": 1}']


@pytest.mark.parametrize(
    ("payload", "event"), [(b"x", b"x"), ("é", "é".encode()), ({"a": None}, b'{"a": null}'), (bytearray(b"y"), b"y"), (7, b"7")]
)
def test_payloads_arrive_as_bytes(payload: object, event: bytes) -> None:
    assert one(lambda event, context: event).invoke("f", payload).payload == event


def test_the_function_itself_is_returned_unchanged() -> None:
    lab = Lab()

    def plain(event: bytes, context: Any) -> str:
        return "plain"

    assert lab.function(plain) is plain
    assert lab.function(timeout=5)(plain) is plain
    assert plain(b"", None) == "plain"
    assert list(lab.functions) == ["plain"]


def test_the_time_that_remains() -> None:
    """It counts down in lab time, from the time-out; an initializer has its own and is told of none."""
    left: list[float] = []

    def handler(event: bytes, context: Any) -> None:
        left.append(context.remaining_s)
        time.sleep(1.5)
        left.append(context.remaining_s)

    one(handler, timeout=2, initializer=lambda context: left.append(context.remaining_s)).invoke("f")
    assert left == [math.inf, 2.0, 0.5]
