"""The contract of the backends: what one run does, the same in virtual time and in a process of its own."""

from __future__ import annotations

import re

import pytest

from tests.contract import backend_kit as kit
from tests.contract.conftest import Make


def test_the_event_arrives_as_bytes_and_bytes_go_back(make: Make) -> None:
    lab = make(kit.echo)
    everything = bytes(range(256)) * 40
    assert lab.invoke("f", everything).payload == everything
    assert lab.invoke("f").payload == b""
    assert lab.invoke("f", {"a": 1}).json() == {"a": 1}


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("bytes", b"\x00\xff"),
        ("text", "grüß".encode()),
        ("none", b"null"),
        ("number", b"7"),
        ("dict", b'{\n    "a": [\n        1,\n        2\n    ],\n    "b": 1\n}'),
        ("object", b'{\n    "items": [\n        "egg"\n    ]\n}'),
    ],
)
def test_returns_are_encoded_as_documented(make: Make, name: str, payload: bytes) -> None:
    response = make(kit.kinds).invoke("f", name)
    assert (response.status, response.error, response.payload) == (200, None, payload)


def test_a_return_that_cannot_be_encoded_is_a_function_error(make: Make) -> None:
    lab = make(kit.kinds)
    response = lab.invoke("f", "set")
    body = response.json()
    assert isinstance(body, dict)
    assert (response.status, response.error_type, body["errorType"]) == (200, "UnhandledInvocationError", "TypeError")
    assert lab.invoke("f", "text").ok


def test_what_a_handler_names_comes_with_it(make: Make) -> None:
    assert make(kit.helped).invoke("f", "you").text == "hello you"


def test_an_exception_is_a_function_error_with_the_documented_object(make: Make) -> None:
    response = make(kit.deeper).invoke("f")
    assert (response.status, response.ok, response.error_type) == (200, False, "UnhandledInvocationError")
    assert response.error == "ValueError: no such thing"
    body = response.json()
    assert isinstance(body, dict)
    assert sorted(body) == ["errorMessage", "errorType", "stackTrace"]
    assert (body["errorMessage"], body["errorType"]) == ("no such thing", "ValueError")
    places = [(file, function, source) for file, _, function, source in body["stackTrace"]]
    assert [function for _, function, _ in places] == ["in deeper", "in raises"]
    assert places[-1][2] == 'raise ValueError("no such thing")'
    assert all(file.startswith('File "/code/') for file, _, _ in places)


def test_the_instance_survives_an_exception_and_serves_the_next_call(make: Make) -> None:
    lab = make(kit.sometimes)
    first, second, third = (lab.invoke("f", what) for what in ("", "raise", ""))
    assert [first.cold, second.cold, third.cold] == [True, False, False]
    assert first.instance_id == second.instance_id == third.instance_id
    assert [first.ok, second.ok, third.ok] == [True, False, True]


@pytest.mark.parametrize(("what", "kind"), [("exit", "ProcessExited"), ("sleep", "FunctionTimeoutError")])
def test_an_exit_or_time_out_ends_the_instance_and_the_next_call_is_good(make: Make, what: str, kind: str) -> None:
    lab = make(kit.sometimes, timeout=0.4)
    lab.invoke("f")
    bad = lab.invoke("f", what)
    assert (bad.status, bad.cold, bad.error_type) == (200, False, kind)
    good = lab.invoke("f")
    assert (good.ok, good.cold, good.instance_id) == (True, True, "f#2")


def test_a_time_out_comes_at_the_time_out(make: Make) -> None:
    response = make(kit.sometimes, timeout=0.4).invoke("f", "sleep")
    assert response.error == "Function timed out after 0.4 seconds"
    assert response.duration is not None
    assert 0.4 <= response.duration < 2


def test_sys_exit_names_the_code(make: Make) -> None:
    response = make(kit.leaves).invoke("f")
    assert response.error is not None
    assert "exit code: 3" in response.error


def test_out_of_memory_is_its_own_kind(make: Make) -> None:
    lab = make(kit.hungry, memory_mb=128)
    assert lab.invoke("f").error_type == "FunctionOOMError"
    assert lab.invoke("f").cold, "the instance is gone"


def test_logs_are_the_requests_own_with_the_documented_lines(make: Make) -> None:
    lab = make(kit.says)
    for word in ("one", "two"):
        response = lab.invoke("f", word)
        lines = response.logs.splitlines()
        rid = response.request_id
        assert lines[0] == f"FC Invoke Start RequestId: {rid}"
        assert lines[1:3] == [f"out {word}", "err"]
        assert re.fullmatch(rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z {re.escape(rid)} \[INFO\] logged {word}", lines[3])
        assert lines[4:] == [f"FC Invoke End RequestId: {rid}"]


def test_the_log_of_a_failure_ends_with_the_error_and_says_so(make: Make) -> None:
    response = make(kit.raises).invoke("f")
    lines = response.logs.splitlines()
    assert lines[-1] == f"FC Invoke End RequestId: {response.request_id}, Error: Unhandled function error"
    assert '"errorType": "ValueError"' in response.logs


def test_the_context_says_who_runs_where(make: Make) -> None:
    lab = make(kit.identity, memory_mb=256, timeout=5.0, environment={"STAGE": "test"})
    response = lab.invoke("f")
    said = response.json()
    assert said == {
        "request_id": response.request_id, "requestId": response.request_id, "retry": 0, "name": "f", "handler": "index.identity",
        "memory": 256, "timeout": 5.0, "region": "lab", "account": "000000000000", "keys": True, "stage": "test", "told": "test",
    }  # fmt: skip


def test_every_clock_in_a_handler_tells_lab_time(make: Make) -> None:
    took = make(kit.doubles).invoke("f").json()
    assert isinstance(took, list)
    assert all(0.09 <= one < 1 for one in took), took


def test_handlers_call_each_other_and_the_calls_never_raise(make: Make) -> None:
    lab = make(kit.front)
    lab.function(name="echo")(kit.echo)
    lab.function(name="raises")(kit.raises)
    said = lab.invoke("f").json()
    lab.run()
    assert said == {
        "good": [200, True, "inner"], "missing": [404, False, "FunctionNotFound"],
        "failed": [200, False, "UnhandledInvocationError", "ValueError"], "task": 202,
    }  # fmt: skip
    causes = [event.cause for event in lab.recording.events if event.kind == "RequestAccepted"]
    assert causes == [0, 1, 1, 1], "the chain links"


def test_an_async_handler_is_awaited(make: Make) -> None:
    lab = make(kit.waits)
    lab.function(name="echo")(kit.echo)
    assert lab.invoke("f", "x").text == "x awaited"


def test_the_front_door_refuses_the_same(make: Make) -> None:
    lab = make(kit.echo)
    assert lab.invoke("nobody").status == 404
    assert (lab.invoke_async("f", b"x" * 200_000).status, lab.invoke_async("f", task_id="9").status) == (400, 400)
    lab.disable("f")
    assert (lab.invoke("f").status, lab.invoke("f").error_type) == (403, "FunctionDisabled")
    lab.enable("f")
    assert lab.invoke("f").ok


def test_durations_are_billed_by_the_millisecond(make: Make) -> None:
    response = make(kit.doubles).invoke("f")
    assert response.duration is not None
    assert response.billed is not None
    assert response.duration >= 0.1
    assert round(response.billed * 1000) == response.billed * 1000
    assert 0 <= response.billed - response.duration < 0.001 + 1e-9
    assert response.latency >= response.duration
