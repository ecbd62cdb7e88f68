"""Wrong uses of the API: each is refused with an error that names what happened and says what to try, and leaves the lab sound."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fclab import (
    AsyncConfig,
    BootProfile,
    EndlessRun,
    FclabError,
    FunctionError,
    Lab,
    LabClosed,
    PlatformError,
    Recording,
    RecordingError,
    RequestRefused,
    Schedule,
    TargetTracking,
    UnknownFunction,
    UsageError,
)
from fclab.observe.events import InstanceReclaimed

MadeLab: Any = Lab
"""`Lab` without its types: this table is about what they forbid."""

NAN, INF = float("nan"), float("inf")


def handler(event: bytes, context: Any) -> str:
    time.sleep(1)
    return "fine"


def loops() -> list[object]:
    made: list[object] = []
    made.append(made)
    return made


def no_arguments() -> None:
    pass


def generator(event: bytes, context: Any) -> Any:
    yield 1


def closed(lab: Lab) -> Lab:
    lab.close()
    return lab


TABLE: list[tuple[str, Callable[[Any], object], type[FclabError], str]] = [
    # ---- the lab
    ("no such backend", lambda lab: MadeLab("cloud"), UsageError, "no backend 'cloud'|Lab(\"virtual\")"),
    ("durability without a home", lambda lab: MadeLab(durability="full"), UsageError, "nothing is on a disk|home="),
    ("a home that is no folder", lambda lab: MadeLab(home=7), UsageError, "must be a folder|home="),
    ("an unknown durability", lambda lab: MadeLab(home="x", durability="safe"), UsageError, "normal|full"),
    ("a seed that is no number", lambda lab: MadeLab(seed="x"), UsageError, "seed must be a whole number, not 'x'|seed=7"),
    ("a seed that is a truth", lambda lab: MadeLab(seed=True), UsageError, "seed must be a whole number"),
    ("no such semantics", lambda lab: MadeLab(semantics="aws"), UsageError, "no semantics 'aws'|article, fc, lambda"),
    ("no such profile", lambda lab: MadeLab(profile="fast"), UsageError, "no profile 'fast'|classroom, instant"),
    ("a profile of the wrong type", lambda lab: MadeLab(profile=[]), UsageError, "no profile []|BootProfile"),
    ("a negative cap", lambda lab: MadeLab(max_instances=-1), UsageError, "max_instances must be a whole number from 0 up"),
    ("a policy that cannot be called", lambda lab: MadeLab(placement=3), UsageError, "placement must be a function, not 3|fclab.engine"),
    ("a phase of negative length", lambda lab: BootProfile(start=-1), UsageError, "BootProfile.start must be seconds from 0 up, not -1"),
    ("a closed lab", lambda lab: closed(lab.fresh()).invoke("f"), LabClosed, "This lab is closed|lab.fresh()"),
    ("sending to a closed lab", lambda lab: closed(lab.fresh()).invoke_async("f"), LabClosed, "closed"),
    # ---- declaring
    ("a name with a space", lambda lab: lab.declare("my f", duration=1), UsageError, "'my f' cannot name a function|letters, digits"),
    ("a name that is no text", lambda lab: lab.declare(3, duration=1), UsageError, "3 cannot name a function"),
    ("a name of 65", lambda lab: lab.declare("x" * 65, duration=1), UsageError, "cannot name a function|1 to 64"),
    ("an option misspelt", lambda lab: lab.function(timeou=3)(handler), UsageError, "no option 'timeou'|did you mean timeout?"),
    ("a negative time-out", lambda lab: lab.function(timeout=-1)(handler), UsageError, "timeout of 'handler' must be from 0.001 to 86400"),
    ("a time-out of text", lambda lab: lab.function(timeout="3")(handler), UsageError, "timeout of 'handler' must be a number of seconds"),
    ("no time-out", lambda lab: lab.function(timeout=None)(handler), UsageError, "must be a number of seconds, not None|leave it out"),
    ("an idle window of no number", lambda lab: lab.function(idle_timeout=NAN)(handler), UsageError, "idle_timeout of 'handler'|finite"),
    ("too little memory", lambda lab: lab.function(memory_mb=64)(handler), UsageError, "memory_mb of 'handler'|from 128 to 32768"),
    ("half an instance", lambda lab: lab.function(concurrency=1.5)(handler), UsageError, "concurrency|whole number from 1 to 200"),
    ("too much concurrency", lambda lab: lab.function(concurrency=201)(handler), UsageError, "from 1 to 200, not 201"),
    ("a package too large", lambda lab: lab.function(code_mb=501)(handler), UsageError, "code_mb|500 MB"),
    ("no such start", lambda lab: lab.function(start="thread")(handler), UsageError, "'spawn' or 'fork'|warmed interpreter"),
    ("environment of numbers", lambda lab: lab.function(environment={"A": 1})(handler), UsageError, "environment|STAGE"),
    ("a config that is none", lambda lab: lab.function(async_config={})(handler), UsageError, "must be an AsyncConfig|from fclab import"),
    (
        "more reserved than allowed", lambda lab: lab.declare("g", duration=1, reserved=3, max_instances=2),
        UsageError, "reserves 3|limited to 2",
    ),
    (
        "a handler without arguments", lambda lab: lab.function(no_arguments),
        UsageError, "does not take (event, context)|def handler(event, context)",
    ),
    ("a handler that is a generator", lambda lab: lab.function(generator), UsageError, "is a generator|return instead of yield"),
    (
        "an initializer with two arguments", lambda lab: lab.function(initializer=handler)(handler),
        UsageError, "initializer|def initializer(context)",
    ),
    (
        "a hook that is no function", lambda lab: lab.function(pre_stop=3)(handler),
        UsageError, "pre_stop of 'handler' must be a function, not 3",
    ),
    ("neither code nor duration", lambda lab: lab.declare("g"), UsageError, "neither code nor a duration|duration=0.2"),
    ("a negative duration", lambda lab: lab.declare("g", duration=-1), UsageError, "duration of 'g'|at least 0"),
    ("a duration of truth", lambda lab: lab.declare("g", duration=True), UsageError, "duration of 'g' cannot be True"),
    # ---- retries
    ("nine retries", lambda lab: AsyncConfig(max_retries=9), UsageError, "max_retries|0 to 8"),
    ("a negative first delay", lambda lab: AsyncConfig(first_delay=-1), UsageError, "first_delay must be"),
    ("no first delay", lambda lab: AsyncConfig(first_delay=0), UsageError, "first_delay must be a positive number"),
    ("an age of half a second", lambda lab: AsyncConfig(max_age=0.5), UsageError, "max_age must be at least 1 s|604800"),
    ("a destination without a name", lambda lab: AsyncConfig(on_failure="queue:"), UsageError, "on_failure names|queue:dead-letters"),
    # ---- requests
    (
        "a payload that cannot be sent", lambda lab: lab.invoke("f", object()),
        UsageError, "payload of type object cannot be sent|bytes, text",
    ),
    ("a payload that contains itself", lambda lab: lab.invoke("f", loops()), UsageError, "payload of type list cannot be sent"),
    ("a payload of no number", lambda lab: lab.invoke_async("f", NAN), UsageError, "payload of type float cannot be sent"),
    ("a negative delay", lambda lab: lab.invoke_async("f", delay=-1), UsageError, "delay must be from 0 to 3600"),
    ("a delay over an hour", lambda lab: lab.invoke_async("f", delay=3601), UsageError, "delay must be from 0 to 3600"),
    ("a task id of number", lambda lab: lab.invoke_async("f", task_id=7), UsageError, "A task id is a text, not 7|order-7"),
    ("an unknown function, later", lambda lab: lab.invoke_at("nobody", [1]), UnknownFunction, "no function 'nobody'|declared: 'f'"),
    ("a negative time", lambda lab: lab.invoke_at("f", [-1]), UsageError, "a time must be at least 0"),
    ("a time of text", lambda lab: lab.invoke_at("f", ["1"]), UsageError, "a time must be a number of seconds, not '1'"),
    ("times of text", lambda lab: lab.invoke_at("f", "123"), UsageError, "must be a list of seconds|[0, 60, 600]"),
    ("no times", lambda lab: lab.invoke_at("f", None), UsageError, "must be a list of seconds, not None"),
    ("a time past", lambda lab: lab.invoke_at("f", [9]), UsageError, "9 s is in the past|it is 10 s|lab.fresh()"),
    ("no such mode", lambda lab: lab.invoke_at("f", [20], mode="later"), UsageError, "mode must be 'sync' or 'async', not 'later'"),
    ("traffic without a rate", lambda lab: lab.traffic("f"), UsageError, "rate must be a positive number|rate=5"),
    ("traffic without an end", lambda lab: lab.traffic("f", rate=1), UsageError, "needs a duration|3600"),
    ("no such arrivals", lambda lab: lab.traffic("f", 1, 1, "gauss"), UsageError, "no 'gauss' arrivals|poisson"),
    ("arrivals of a number", lambda lab: lab.traffic("f", arrivals=3), UsageError, "arrivals cannot be 3"),
    ("traffic to nobody", lambda lab: lab.traffic("nobody", rate=1, duration=1), UnknownFunction, "no function 'nobody'"),
    # ---- time
    ("back in time", lambda lab: lab.run(until=9), UsageError, "9 s is in the past|lab.fresh()"),
    ("until some text", lambda lab: lab.run(until="noon"), UsageError, "until must be a number of seconds, not 'noon'"),
    ("until for ever", lambda lab: lab.run(until=INF), UsageError, "until must be a finite number"),
    ("for a negative time", lambda lab: lab.run_for(-1), UsageError, "the time to run must be at least 0"),
    ("playing at no speed", lambda lab: lab.play(0), UsageError, "speed must be a number from 0.001"),
    ("draining nobody", lambda lab: lab.drain("nobody"), UnknownFunction, "no function 'nobody'"),
    # ---- settings
    ("reserving for nobody", lambda lab: lab.reserve("nobody", 1), UnknownFunction, "no function 'nobody'"),
    ("reserving less than nothing", lambda lab: lab.reserve("f", -1), UsageError, "reserved instances must be a whole number from 0 up"),
    ("reserving half", lambda lab: lab.reserve("f", 0.5), UsageError, "must be a whole number from 0 up, not 0.5"),
    ("reserving over the cap", lambda lab: lab.reserve("f", 4), UsageError, "4 instances cannot be reserved where at most 3"),
    (
        "a rule that is none", lambda lab: lab.reserve("f", 0, schedule=[(1, 2)]),
        UsageError, "(1, 2) is no schedule rule|(start, end, target)",
    ),
    ("a rule never in force", lambda lab: lab.reserve("f", 0, schedule=[Schedule(5, 5, 1)]), UsageError, "never in force"),
    ("tracking that is none", lambda lab: lab.reserve("f", 1, tracking=0.6), UsageError, "must be a TargetTracking, not 0.6"),
    ("tracking over the whole", lambda lab: lab.reserve("f", 1, tracking=TargetTracking(1.5)), UsageError, "cannot be kept|utilization"),
    ("a negative limit", lambda lab: lab.limit("f", -1), UsageError, "max_instances must be a whole number"),
    ("a limit for nobody", lambda lab: lab.limit("nobody", 1), UnknownFunction, "no function 'nobody'"),
    ("instances of nobody", lambda lab: lab.instances("nobody"), UnknownFunction, "no function 'nobody'"),
    ("disabling nobody", lambda lab: lab.disable("nobody"), UnknownFunction, "no function 'nobody'"),
    # ---- faults
    ("an outage of no time", lambda lab: lab.faults.outage(20, 20), UsageError, "lasts no time|end after its start"),
    ("an outage before the beginning", lambda lab: lab.faults.outage(-5, 20), UsageError, "start must be at least 0"),
    ("no such arrow", lambda lab: lab.faults.add("queue->pool", drop=1), UsageError, "no arrow 'queue->pool'|queue->dispatcher"),
    ("no such phase", lambda lab: lab.faults.boot("compile", fail=1), UsageError, "no arrow 'boot:compile'|boot:download"),
    ("a chance of two", lambda lab: lab.faults.add("pool->instance", drop=2), UsageError, "drop must be a chance from 0 to 1, not 2"),
    ("a fault that does nothing", lambda lab: lab.faults.add("pool->instance"), UsageError, "does nothing|drop="),
    (
        "a fault so many times", lambda lab: lab.faults.add("pool->instance", drop=1, times=0),
        UsageError, "times must be a whole number from 1",
    ),
    ("an option no fault has", lambda lab: lab.faults.add("pool->instance", chance=1), UsageError, "chance|options: drop"),
    ("killing what is no instance", lambda lab: lab.faults.kill("nobody#1"), UsageError, "no instance id|hello#1"),
    ("an outage that is over", lambda lab: lab.faults.outage(0, 9), UsageError, "until 9 s is over: it is 10 s|lab.fresh()"),
    ("killing in the past", lambda lab: lab.faults.kill("f#1", at=9), UsageError, "9 s is in the past: it is 10 s|lab.fresh()"),
    ("a name that is a list", lambda lab: lab.invoke(["f"]), UsageError, "called by its name, not ['f']"),
    ("a schedule of number", lambda lab: lab.reserve("f", 1, schedule=5), UsageError, "a list of rules, not 5|Schedule("),
    # ---- watching
    ("an observer that cannot be called", lambda lab: lab.on(InstanceReclaimed)(3), UsageError, "must be callable, not 3|@lab.on"),
    ("an event that is none", lambda lab: lab.on(int)(print), UsageError, "not an event type|InstanceReclaimed"),
    ("no such tariff", lambda lab: lab.bill("free"), UsageError, "no tariff 'free'|pay-as-you-go"),
    ("an event by name", lambda lab: lab.recording.events["first"], UsageError, "Events are numbered"),
    ("a recording from nowhere", lambda lab: Recording.load("/nowhere/run.json"), RecordingError, "cannot be read|check the path"),
    # ---- answers
    ("JSON that is none", lambda lab: lab.invoke("f").json(), UsageError, "is not JSON: 'fine'|.text"),
]


@pytest.fixture
def lab() -> Lab:
    made = Lab(profile="instant")
    made.function(name="f", max_instances=3)(handler)
    made.run(until=10)
    return made


@pytest.mark.parametrize(("call", "error", "words"), [row[1:] for row in TABLE], ids=[row[0].replace(" ", "-") for row in TABLE])
def test_wrong_use(lab: Lab, call: Callable[[Any], object], error: type[FclabError], words: str) -> None:
    with pytest.raises(error) as caught:
        call(lab)
    message = str(caught.value)
    for part in words.split("|"):
        assert part in message, message
    assert caught.value.what.endswith("."), "a whole sentence"
    assert caught.value.hint, "and something to try"
    assert "can mend this: " in message
    assert (lab.invoke("f").text, lab.now) in (("fine", 11.0), ("fine", 12.0)), "the lab is as sound as before"


def test_the_table_is_long_enough() -> None:
    assert len(TABLE) >= 30
    assert len({row[0] for row in TABLE}) == len(TABLE)


# ---- what needs more than a line


@pytest.mark.parametrize(("name", "status"), [("nobody", 404), ("", 404)])
def test_an_unknown_function_is_answered_not_raised(lab: Lab, name: str, status: int) -> None:
    response = lab.invoke(name)
    assert (response.status, response.error_type) == (status, "FunctionNotFound")
    task = lab.invoke_async(name)
    assert (task.status, task.state) == (status, "Rejected")


def test_a_payload_too_large_is_answered_not_raised(lab: Lab) -> None:
    response = lab.invoke("f", b"x" * (33 * 1024 * 1024))
    assert (response.status, response.error_type) == (400, "EntityTooLarge")
    with pytest.raises(RequestRefused, match="maximum allowed size"):
        response.raise_for_error()


def test_raise_for_error_by_kind(lab: Lab) -> None:
    assert lab.invoke("f").raise_for_error().ok
    lab.function(name="bad")(lambda event, context: 1 / 0)
    with pytest.raises(FunctionError, match="ZeroDivisionError") as function:
        lab.invoke("bad").raise_for_error()
    assert "function's author can mend this" in str(function.value)
    lab.faults.outage()
    with pytest.raises(PlatformError, match="500 InternalServerError") as platform:
        lab.invoke("f").raise_for_error()
    assert "platform can mend this" in str(platform.value)
    assert platform.value.response is not None


def test_an_iterator_of_arrivals_that_goes_back(lab: Lab) -> None:
    lab.traffic("f", arrivals=iter([20.0, 15.0]))
    with pytest.raises(UsageError, match="An arrival at 15 s comes after one at 20 s"):
        lab.run()


@pytest.mark.parametrize(("text", "words"), [("gauss(1)", "there are constant, exponential"), ("exponential()", "exponential takes 1")])
def test_a_distribution_that_is_none(lab: Lab, text: str, words: str) -> None:
    with pytest.raises(UsageError, match="duration of 'g' cannot be") as caught:  # noqa: PT012  at declaring, or at the latest when it runs
        lab.declare("g", duration=text)
        lab.invoke("g")
    assert words in caught.value.hint


def test_durations_that_run_out(lab: Lab) -> None:
    lab.declare("g", duration=[0.1])
    assert lab.invoke("g").ok
    with pytest.raises(UsageError, match="durations of 'g' have run out"):
        lab.invoke("g")


@pytest.mark.parametrize("drawn", [-1, "x", NAN, None])
def test_a_drawn_duration_that_is_none(lab: Lab, drawn: Any) -> None:
    lab.declare("g", duration=lambda random: drawn)
    with pytest.raises(UsageError, match="duration of 'g'"):
        lab.invoke("g")
    assert lab.invoke("f").ok


def test_a_run_without_end(lab: Lab) -> None:
    lab.limit("f", 0)
    lab.invoke_async("f")
    with pytest.raises(EndlessRun, match=r"'f' may have no instance \(1 waiting\)") as caught:
        lab.run()
    assert "raise the limit" in caught.value.hint
    lab.limit("f", 1)
    lab.run()


def test_a_response_knows_itself(lab: Lab) -> None:
    assert repr(lab.invoke("f")) == "Response(200, 'fine', 1 s, cold)"
    assert repr(lab.invoke("nobody")) == "Response(404, FunctionNotFound)"
    assert repr(lab) == "Lab(virtual, 1 function, 2 requests, at 11 s)"


def test_a_closed_lab_stays_readable(lab: Lab, tmp_path: Path) -> None:
    lab.invoke("f")
    lab.close()
    assert "f#1" in lab.table()
    assert lab.recording.save(tmp_path / "run.json").exists()
    assert lab.fresh().invoke("f").ok
