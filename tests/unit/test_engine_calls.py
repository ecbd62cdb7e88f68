"""Functions that call functions: nested sync and async calls, what they get, how the chain links; and who may drive a lab."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from fclab import Lab, NestedRun, Response, UsageError, WrongThread
from fclab.observe.events import RequestAccepted, RequestRejected
from tests.unit.engine_kit import deliveries, gone, one


def chain_lab(**options: Any) -> Lab:
    lab = Lab(profile="instant")

    @lab.function(timeout=10)
    def outer(event: bytes, context: Any) -> str:
        time.sleep(1)
        answer = context.invoke("inner", b"hi")
        time.sleep(1)
        return f"{answer.text} {answer.status} {answer.latency:g}"

    @lab.function(**options)
    def inner(event: bytes, context: Any) -> str:
        time.sleep(0.5)
        return event.decode() + "!"

    return lab


def test_a_nested_call_suspends_the_caller() -> None:
    lab = chain_lab()
    response = lab.invoke("outer")
    assert (response.text, response.latency, response.duration) == ("hi! 200 0.5", 2.5, 2.5)
    accepted = lab.recording.select(RequestAccepted)
    assert [(event.time, event.function, event.cause) for event in accepted] == [(0, "outer", 0), (1, "inner", 1)]


def test_other_work_goes_on_meanwhile() -> None:
    lab = chain_lab()
    calls = lab.invoke_at("outer", [0, 0.2, 0.4])
    lab.run()
    assert [call.response.latency for call in calls if call.response] == [2.5] * 3
    assert lab.now == 2.9


def test_chains_link_over_many_levels() -> None:
    lab = Lab(profile="instant")

    @lab.function(timeout=100)
    def down(event: bytes, context: Any) -> str:
        level = int(event)
        time.sleep(0.1)
        return "bottom" if level == 0 else context.invoke("down", str(level - 1)).text + str(level)

    assert lab.invoke("down", b"30").text.startswith("bottom123")
    assert [event.cause for event in lab.recording.select(RequestAccepted)] == list(range(31))
    assert lab.now == 3.1


@pytest.mark.parametrize(
    ("name", "status", "kind"),
    [("nobody", 404, "FunctionNotFound"), ("full", 429, "ResourceExhausted"), ("bad", 200, "UnhandledInvocationError")],
)
def test_a_nested_call_never_raises(name: str, status: int, kind: str) -> None:
    lab = Lab(profile="instant")
    lab.declare("full", duration=1, max_instances=0)
    seen: list[Response] = []

    @lab.function
    def bad(event: bytes, context: Any) -> None:
        raise ValueError("no")

    @lab.function
    def outer(event: bytes, context: Any) -> str:
        seen.append(context.invoke(name))
        return "fine"

    assert lab.invoke("outer").text == "fine"
    assert (seen[0].status, seen[0].error_type, seen[0].ok) == (status, kind, False)


@pytest.mark.parametrize("call", [lambda c: c.invoke(3), lambda c: c.invoke("f", object()), lambda c: c.invoke_async("f", delay=-1)])
def test_a_nested_call_that_is_none_is_an_error_in_the_handler(call: Any) -> None:
    seen: list[str] = []

    def handler(event: bytes, context: Any) -> None:
        try:
            call(context)
        except UsageError as error:
            seen.append(error.what)

    assert one(handler).invoke("f").ok
    assert len(seen) == 1


def test_invoke_async_answers_at_once_with_a_task() -> None:
    lab = Lab(profile="instant")
    seen: list[object] = []
    ran: list[tuple[bytes, float]] = []

    @lab.function
    def later(event: bytes, context: Any) -> None:
        ran.append((event, context.now))

    @lab.function
    def outer(event: bytes, context: Any) -> None:
        time.sleep(1)
        for task_id in (None, "mine", "mine", "not allowed!"):
            task = context.invoke_async("later", b"x", delay=5, task_id=task_id)
            seen.append((task.state, context.now, task.response.status if task.response else None))

    assert lab.invoke("outer").ok
    assert seen == [("Enqueued", 1.0, None), ("Enqueued", 1.0, None), ("Rejected", 1.0, 409), ("Rejected", 1.0, 400)]
    lab.run()
    assert ran == [(b"x", 6.0), (b"x", 6.0)]
    assert [event.cause for event in lab.recording.select(RequestAccepted)] == [0, 1, 1]


def test_async_handlers_call_too() -> None:
    lab = chain_lab()

    @lab.function(timeout=10)
    async def gather(event: bytes, context: Any) -> str:
        first = await context.invoke("inner", b"a")
        task = await context.invoke_async("inner", b"c")
        second = await context.invoke("nobody")
        return f"{first.text} {second.status} {task.state}"

    response = lab.invoke("gather")
    assert (response.text, response.latency) == ("a! 404 Running", 0.5)


def test_a_call_that_is_not_answered_before_the_time_out() -> None:
    lab = chain_lab(timeout=100)

    @lab.function(timeout=1)
    def impatient(event: bytes, context: Any) -> str:
        return str(context.invoke("slow").text)

    @lab.function(timeout=10)
    def slow(event: bytes, context: Any) -> str:
        time.sleep(5)
        return "late"

    response = lab.invoke("impatient")
    assert (response.error_type, response.latency) == ("FunctionTimeoutError", 1.0)
    lab.run()
    assert lab.now == 5.0
    assert [kind for _, _, kind in gone(lab)] == ["timeout"]


def test_a_function_that_waits_for_its_own_only_instance() -> None:
    lab = Lab(profile="instant")

    @lab.function(max_instances=1)
    def me(event: bytes, context: Any) -> str:
        return str(context.invoke("me").status)

    assert lab.invoke("me").text == "429"


def test_initializers_and_hooks_call_nobody() -> None:
    lab = Lab(profile="instant")
    seen: list[int] = []

    def begin(context: Any) -> None:
        seen.append(context.invoke("f").status)

    lab.function(name="f", initializer=begin)(lambda event, context: "x")
    assert lab.invoke("f").text == "x"
    assert seen == [403]


# ---- who may drive


def drivers() -> list[tuple[str, Any]]:
    return [
        ("invoke", lambda lab: lab.invoke("f")),
        ("run", lambda lab: lab.run()),
        ("run until", lambda lab: lab.run(until=1e6)),
        ("run_for", lambda lab: lab.run_for(1)),
        ("step", lambda lab: lab.step()),
        ("drain", lambda lab: lab.drain("f")),
    ]


@pytest.mark.parametrize(("name", "drive"), drivers())
def test_clause_3_a_handler_may_not_drive_its_own_lab(name: str, drive: Any) -> None:
    raised: list[str] = []

    def handler(event: bytes, context: Any) -> str:
        try:
            drive(lab)
        except NestedRun as error:
            raised.append(str(error))
        time.sleep(1)
        return "went on"

    lab = one(handler)
    assert lab.invoke("f").text == "went on"
    assert len(raised) == 1
    assert "context.invoke" in raised[0]


@pytest.mark.parametrize(("name", "drive"), drivers())
@pytest.mark.parametrize("asynchronous", [False, True])
def test_clause_3_an_observer_may_not_drive_the_lab(name: str, drive: Any, asynchronous: bool) -> None:
    lab = one(lambda event, context: time.sleep(1))

    @lab.on(RequestAccepted)
    def note(event: object) -> None:
        drive(lab)

    if asynchronous:
        assert lab.invoke_async("f").result().ok
    else:
        assert lab.invoke("f").ok
    assert [report.error.partition(":")[0] for report in lab.recording.hooks.reports] == ["NestedRun"]


def test_an_observer_may_send_an_event() -> None:
    lab = one(lambda event, context: time.sleep(1))
    sent: list[object] = []

    @lab.on(RequestAccepted)
    def note(event: Any) -> None:
        if event.mode == "sync":
            sent.extend(lab.invoke_async("f") for _ in range(3))

    lab.invoke("f")
    lab.run()
    assert not lab.recording.hooks.reports
    assert len(sent) == 3
    assert len(deliveries(lab)) == 3


def test_an_observer_may_fill_the_place_of_the_request_it_sees() -> None:
    lab = one(lambda event, context: time.sleep(1), max_instances=1)
    lab.invoke("f")

    @lab.on(RequestAccepted)
    def note(event: Any) -> None:
        if event.mode == "sync":
            lab.invoke_async("f")

    assert lab.invoke("f").status == 429
    lab.run()
    assert not lab.recording.hooks.reports
    assert len(deliveries(lab)) == 1


def test_clause_3_a_lab_belongs_to_its_thread() -> None:
    lab = one(lambda event, context: "x")
    raised: list[BaseException] = []

    def elsewhere() -> None:
        for _, drive in (*drivers(), ("invoke_async", lambda lab: lab.invoke_async("f")), ("reserve", lambda lab: lab.reserve("f", 1))):
            try:
                drive(lab)
            except Exception as error:
                raised.append(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert [type(error) for error in raised] == [WrongThread] * 8
    assert lab.invoke("f").ok


def test_a_refused_nested_call_is_recorded() -> None:
    lab = one(lambda event, context: str(context.invoke("nobody").status))
    assert lab.invoke("f").text == "404"
    assert [(event.request, event.status) for event in lab.recording.select(RequestRejected)] == [(2, 404)]
