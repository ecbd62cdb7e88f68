"""Captions: the story of each hand-made recording, told."""

from __future__ import annotations

import pytest

from fclab.observe import events as e
from fclab.observe.captions import caption, tell
from fclab.observe.events import Event
from fclab.observe.moments import moments
from fclab.observe.recording import Recording
from tests.unit.observe_runs import Script, broken_boot, capped, failing, lesson00, nested, reserved, two_slots


def told(recording: Recording) -> list[str]:
    return [tell(moment, recording) for moment in moments(recording) if not moment.silent]


def test_lesson_00() -> None:
    lines = told(lesson00())
    assert lines[:7] == [
        "R1 arrives; there is no instance yet, so hello#1 is scheduled.",
        "A place for hello#1 is found after 0.1 s; now its code is downloaded.",
        "The code of hello#1 is downloaded after 0.3 s; now it is unpacked.",
        "The code of hello#1 is unpacked after 0.15 s; now the runtime starts.",
        "The runtime of hello#1 is up after 0.25 s; now the initializer runs.",
        "Instance hello#1 is ready after 1 s; the handler of R1 starts.",
        "R1 is answered after 1.1 s, cold; hello#1 is frozen and kept until 301.1 s.",
    ]
    assert lines[7:11] == [
        "R2 arrives; hello#1 is idle, so the handler starts at once.",
        "R2 is answered after 0.1 s, warm; hello#1 is frozen and kept until 360.1 s.",
        "Instance hello#1 has been idle for 300 s and is reclaimed.",
        "R3 arrives; no instance is left, so hello#2 is scheduled.",
    ]
    assert len(lines) == 17


def test_retries_and_the_destination() -> None:
    lines = told(failing())
    assert lines[:2] == [
        "R1 arrives; it is accepted: the queue stores it, and the caller has a 202 before anything runs.",
        "The dispatcher takes R1 from the queue; there is no instance yet, so hello#1 is scheduled.",
    ]
    assert lines[7:9] == [
        "Delivery 1 of R1 fails (UnhandledInvocationError), and the next is due at 1.6 s; hello#1 is frozen and kept until 301.1 s.",
        "The dispatcher takes R1 from the queue for delivery 2; hello#1 is idle, so the handler starts at once.",
    ]
    assert lines[-2:] == [
        "R1 fails for good after 4.9 s: UnhandledInvocationError; hello#1 is frozen and kept until 304.9 s.",
        "The outcome of R1 goes to queue:dead-letters.",
    ]


def test_an_event_for_which_nothing_is_free_waits() -> None:
    stored = "it is accepted: the queue stores it, and the caller has a 202 before anything runs"
    assert [line for line in told(capped()) if "stores" in line] == [
        f"R1 arrives; {stored}.",
        f"R2 arrives; {stored}; nothing is free for it, so it waits.",
    ]


def test_async_ends_are_done_not_answered() -> None:
    assert "R1 is completed, 6 s after it arrived; hello#1 is frozen and kept until 306 s." in told(capped())


def test_a_second_slot_and_a_broken_boot_and_a_refusal() -> None:
    assert "R2 arrives; hello#1 has a place left, so the handler starts at once." in told(two_slots())
    assert "R1 is answered after 1.3 s, cold." in told(two_slots())
    assert told(broken_boot())[-2:] == [
        "Instance hello#1 fails to boot, in its phase download (CodeDownloadError); R1 fails after 0.4 s: CodeDownloadError.",
        "R2 is refused with 429 ResourceExhausted: no instance is free, and none may be created now.",
    ]


def test_reserved_instances() -> None:
    lines = told(reserved())
    assert lines[:2] == ["From now on 1 reserved instance is kept for hello.", "Instance hello#1 is scheduled and will be kept reserved."]
    assert lines[6:9] == [
        "Instance hello#1 is ready after 1 s; it waits for requests.",
        "R1 arrives; the reserved hello#1 is idle, so the handler starts at once.",
        "R1 is answered after 0.1 s, warm; hello#1 stays ready.",
    ]
    assert lines[9:] == [
        "From now on 0 reserved instances are kept for hello.",
        "Instance hello#1 takes no more requests: it is reserved no longer.",
        "Instance hello#1 is gone: it is reserved no longer.",
    ]


def test_nested_calls_name_their_caller() -> None:
    assert "R1 causes R2, a call of inner; there is no instance yet, so inner#1 is scheduled." in told(nested())


@pytest.mark.parametrize(
    ("ready", "why"),
    [((), "hello#1 is still booting"), ((1,), "hello#1 is busy"), ((1, 2), "all 2 instances are busy"),
     ((1, 0), "all 2 instances are busy or booting"), ((0, 0), "all 2 instances are still booting")],
)  # fmt: skip
def test_why_a_new_instance(ready: tuple[int, ...], why: str) -> None:
    run = Script(until=5)
    for booted in ready or (0,):
        instance = run.create(0)
        if booted:
            run.emit(0, e.InstanceReady, 0, 0, instance)
    run.accept(3, 9)
    run.assign(3, 9, run.create(3, request=9), cold=True)
    name = run.recording.instances[-1].label
    assert told(run.recording)[-1] == f"R9 arrives; {why}, so {name} is scheduled."


@pytest.mark.parametrize(
    ("kind", "fields", "text"),
    [
        (e.OutageStarted, {}, "The platform is down: it refuses every dispatch."),
        (e.OutageEnded, {}, "The platform works again."),
        (e.LimitSet, {"a": 2}, "Function hello may have at most 2 instances."),
        (e.LimitSet, {"a": -1}, "Function hello may have any number of instances."),
        (e.FunctionSwitched, {"a": 0}, "Function hello is disabled."),
        (e.TaskStopped, {"request": 4}, "Somebody asks to stop R4."),
        (e.FaultInjected, {"a": "queue->dispatcher", "b": "drop", "request": 4}, "A fault strikes queue->dispatcher: drop of R4."),
    ],
)
def test_settings_and_faults(kind: type[Event], fields: dict[str, int | str], text: str) -> None:
    run = Script(until=5)
    request, a, b = fields.get("request", 0), fields.get("a", 0), fields.get("b", 0)
    assert isinstance(request, int)
    run.emit(1, kind, request, a=a, b=b)
    assert told(run.recording) == [text]


def test_expired_stopped_and_refused_deliveries() -> None:
    run = Script(until=9)
    run.enqueue(0, 1)
    run.fail(5, 1, "EventExpired")
    run.enqueue(6, 2, due=8)
    run.fail(7, 2, "TaskStopped")
    run.enqueue(8, 3)
    run.deliver(8, 3)
    run.emit(8, e.DeliveryFailed, 3, 1, a=503, b="ServiceUnavailable")
    run.retry(8, 3, 1, 8.5, "system")
    assert told(run.recording)[1:4] == [
        "R1 has waited too long and expires, 5 s after it arrived.",
        "R2 arrives; it is accepted: the queue stores it, and the caller has a 202 before anything runs; it is due at 8 s.",
        "R2 is stopped, 1 s after it arrived.",
    ]
    assert told(run.recording)[-1] == (
        "The dispatcher takes R3 from the queue, but it fails (ServiceUnavailable); the next delivery is due at 8.5 s."
    )


def test_a_fault_is_told_with_what_it_broke() -> None:
    run = Script(until=9)
    run.enqueue(0, 1)
    run.deliver(0, 1)
    run.emit(0, e.FaultInjected, 1, a="dispatcher->pool", b="drop")
    run.emit(0, e.DeliveryFailed, 1, 1, a=500, b="InternalServerError")
    run.retry(0, 1, 1, 0.5, "system")
    assert told(run.recording)[1:] == [
        "The dispatcher takes R1 from the queue.",
        "A fault strikes dispatcher->pool: drop of R1; delivery 1 of R1 fails (InternalServerError), and the next is due at 0.5 s.",
    ]
    run = Script(until=9)
    instance = run.create(0)
    run.emit(0.1, e.FaultInjected, 0, 0, instance, a="boot:schedule", b="crash")
    run.emit(0.1, e.BootFailed, 0, 0, instance, a="schedule", b="InternalServerError")
    run.destroy(0.1, instance, "boot")
    assert told(run.recording)[1:] == [
        "A fault strikes boot:schedule: crash; instance hello#1 fails to boot, in its phase schedule (InternalServerError)."
    ]


def test_the_pre_freeze_hook_comes_before_the_freezing() -> None:
    run = Script(until=9)
    instance = run.create(0)
    run.emit(0, e.InstanceReady, 0, 0, instance)
    run.accept(0, 1)
    run.assign(0, 1, instance)
    run.start(0, 1, instance)
    run.emit(1, e.ExecutionEnded, 1, 1, instance)
    run.succeed(1, 1)
    run.emit(1.5, e.HookFinished, 0, 0, instance, a="pre_freeze", b=1_000_000)
    run.emit(1.5, e.InstanceReleased, 1, 1, instance, a=301_500_000)
    assert told(run.recording)[-2:] == [
        "R1 is answered after 1 s, warm.",
        "The pre-freeze hook of hello#1 is over after 0.5 s; hello#1 is frozen and kept until 301.5 s.",
    ]


def test_an_instance_that_dies_takes_its_request_along() -> None:
    run = Script(until=9)
    run.accept(0, 1)
    instance = run.create(0, request=1)
    run.assign(0, 1, instance, cold=True)
    run.start(run.boot(0, instance, request=1), 1, instance)
    run.emit(4, e.ExecutionEnded, 1, 1, instance, a="FunctionTimeoutError")
    run.destroy(4, instance, "timeout")
    run.fail(4, 1, "FunctionTimeoutError")
    assert told(run.recording)[-1] == "R1 fails after 4 s: FunctionTimeoutError; hello#1 is taken down."


def test_two_requests_of_one_instant_are_told_apart_though_their_events_interleave() -> None:
    run = Script(until=2)
    run.accept(0, 1)
    run.accept(0, 2)
    first, second = run.create(0, request=1), run.create(0, request=2)
    run.assign(0, 1, first, cold=True)
    run.assign(0, 2, second, cold=True)
    assert told(run.recording) == [
        "R1 arrives; there is no instance yet, so hello#1 is scheduled.",
        "R2 arrives; hello#1 is still booting, so hello#2 is scheduled.",
    ]


@pytest.mark.parametrize("make", [lesson00, failing, capped, two_slots, broken_boot, reserved, nested])
def test_every_event_has_its_sentence(make: object) -> None:
    assert callable(make)
    recording: Recording = make()
    for event in recording.events:
        text = caption(event, recording)
        assert text[0].isupper()
        assert text.endswith(".")
    assert caption(recording.events[1], Recording()) == ""
