"""What breaks off a run from outside, an interrupt or a learner's own rule or model, leaves the lab whole: it can go on."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from random import Random
from types import FrameType
from typing import Any

import pytest

from fclab import Lab, UsageError
from fclab.backends.virtual import handler_time
from fclab.engine import retry
from fclab.observe.events import ExecutionEnded, ExecutionStarted, RequestAccepted
from tests.unit.engine_kit import failing, gone, hello, model_lab, one, starts, waits, whole

NAN = float("nan")


@pytest.fixture
def _plain_interrupts() -> Iterator[None]:
    """Ctrl-C as Python has it from the start, whoever runs the tests."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupting(lab: Lab, kind: Any, at: int) -> list[int]:
    """Press Ctrl-C at the `at`-th event of a kind."""
    seen: list[int] = []

    @lab.on(kind)
    def press(event: object) -> None:
        seen.append(1)
        if len(seen) == at:
            signal.raise_signal(signal.SIGINT)

    return seen


# ---- interrupts


@pytest.mark.usefixtures("_plain_interrupts")
@pytest.mark.parametrize("at", [1, 2, 5])
@pytest.mark.parametrize("kind", [RequestAccepted, ExecutionStarted, ExecutionEnded])
def test_an_interrupt_ends_the_run_and_nothing_else(kind: Any, at: int) -> None:
    lab = one(hello)
    lab.declare("g", duration=1.5, boot=0.5)
    lab.traffic("f", rate=2, duration=4, arrivals="uniform")
    lab.traffic("g", rate=2, duration=4, arrivals="uniform", mode="async")
    seen = interrupting(lab, kind, at)
    with pytest.raises(KeyboardInterrupt):
        lab.run()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert len(seen) == at, "it stops at once, between two calls of the clock"
    lab.run()
    assert len(lab.recording.select(RequestAccepted)) == 16
    assert whole(lab)


@pytest.mark.usefixtures("_plain_interrupts")
@pytest.mark.parametrize("kind", [RequestAccepted, ExecutionStarted, ExecutionEnded])
def test_an_interrupt_of_one_invocation(kind: Any) -> None:
    lab = one(hello)
    interrupting(lab, kind, 1)
    with pytest.raises(KeyboardInterrupt):
        lab.invoke("f")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    lab.run()
    assert whole(lab)
    assert lab.invoke("f").ok


@pytest.mark.usefixtures("_plain_interrupts")
def test_an_interrupt_ends_a_handler_where_it_stands() -> None:
    inside = threading.Event()

    def spin(event: bytes, context: Any) -> str:
        time.sleep(1)
        if event == b"spin" and not inside.is_set():
            inside.set()
            while True:
                pass
        return "fine"

    def press() -> None:
        if inside.wait(20):
            os.kill(os.getpid(), signal.SIGINT)

    lab = one(spin)
    calls = [*lab.invoke_at("f", [0], b"spin"), *lab.invoke_at("f", [0.5, 3])]
    thread = threading.Thread(target=press)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        lab.run()
    thread.join()
    assert handler_time.current() is None
    assert time.sleep is not handler_time._LAB["sleep"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    lab.run()
    assert [call.response.error for call in calls if call.response] == ["KeyboardInterrupt", None, None]
    assert lab.now == 4
    assert whole(lab)
    lab.close()


@pytest.mark.usefixtures("_plain_interrupts")
def test_somebody_elses_signal_handler_is_left_alone() -> None:
    pressed: list[int] = []

    def own(number: int, frame: FrameType | None) -> None:
        pressed.append(number)

    signal.signal(signal.SIGINT, own)
    lab = one(hello)
    interrupting(lab, ExecutionStarted, 1)
    assert lab.invoke("f").ok
    assert pressed == [signal.SIGINT]
    assert signal.getsignal(signal.SIGINT) is own


@pytest.mark.usefixtures("_plain_interrupts")
def test_outside_the_main_thread_signals_are_not_touched() -> None:
    seen: list[object] = []

    def elsewhere() -> None:
        lab = one(hello)
        lab.on()(lambda event: seen.append(signal.getsignal(signal.SIGINT)))
        seen.append(lab.invoke("f").text)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join(20)
    assert seen.pop() == "hello"
    assert set(seen) == {signal.default_int_handler}


# ---- rules of one's own


def nonsense(name: str, value: Any, turns: int) -> tuple[Lab, list[int]]:
    """A lab whose rule returns (or raises) `value` the first so many times, and a sane answer from then on."""
    asked: list[int] = []

    def rule(*args: Any) -> object:
        asked.append(1)
        if len(asked) > turns:
            return None if name == "next_delay" else 1
        if isinstance(value, Exception):
            raise value
        return value

    rules: dict[str, Any] = {name: rule}
    lab = Lab(**rules)
    lab.declare("f", duration=0.4, boot=0.5, concurrency=2, max_instances=3)
    lab.function(name="bad")(failing)
    lab.traffic("f", rate=3, duration=5, arrivals="uniform", mode="async")
    lab.traffic("bad", rate=1, duration=2, arrivals="uniform", mode="async")
    return lab, asked


NONSENSE = [
    (name, value)
    for name in ("placement", "keep_alive", "next_delay")
    for value in (None, "soon", -5, NAN, True, ZeroDivisionError("no"), UsageError("It cannot say."))
    if (name, value) not in (("next_delay", None), ("placement", -5))  # these mean something
]


@pytest.mark.parametrize(("name", "value"), NONSENSE)
def test_a_rule_that_fails_is_named_and_the_lab_stays_whole(name: str, value: Any) -> None:
    lab, asked = nonsense(name, value, 1)
    with pytest.raises(UsageError, match=f"Your {name} rule failed: ") as caught:
        lab.run()
    assert len(asked) == 1, "at once"
    assert "mend it" in caught.value.hint
    lab.run()
    assert whole(lab)
    assert len(lab.recording.select(RequestAccepted)) == 17


@pytest.mark.parametrize("name", ["placement", "keep_alive", "next_delay"])
def test_a_rule_that_always_fails_says_so_each_time_until_all_is_done(name: str) -> None:
    lab, asked = nonsense(name, ZeroDivisionError("no"), 10**6)
    said = []
    for _ in range(100):
        try:
            lab.run()
            break
        except UsageError as error:
            said.append(error.what)
    assert said == [f"Your {name} rule failed: ZeroDivisionError: no"] * len(asked)
    assert len(asked) > 2
    assert whole(lab), "the default decided in its place"


def test_a_wait_of_nothing_is_refused() -> None:
    lab = model_lab(lab_next_delay=lambda *given: 0)
    lab.faults.outage(0, 60)
    lab.invoke_async("f")
    with pytest.raises(UsageError, match=r"the wait it returned must be at least 0\.001 seconds, not 0"):
        lab.run()
    lab.faults.clear()
    lab.run()
    assert whole(lab)


def test_rules_are_given_seconds_and_return_seconds() -> None:
    given: list[Any] = []

    def window(seconds: float, uses: int) -> float:
        given.append((seconds, uses))
        return 60

    def wait(policy: retry.RetryPolicy, cause: str, failures: int, since: float) -> float | None:
        given.append((policy.max_retries, policy.system_first, policy.system_cap, policy.max_age, cause, failures, since))
        return 2.5 if failures < 3 else None

    lab = model_lab(0.1, 0.5, lab_keep_alive=window, lab_next_delay=wait, idle_timeout=7)
    lab.faults.outage(10, 100)
    lab.invoke("f")
    lab.run(until=10)
    lab.invoke_async("f")
    lab.run(until=100)
    assert given[0] == (7.0, 1)
    assert given[1:] == [(3, 0.5, 512.0, float("inf"), "system", n, 2.5 * (n - 1)) for n in (1, 2, 3)]
    assert waits(lab, 2) == [2.5, 2.5]
    assert gone(lab) == [(60.6, "f#1", "idle")]


def test_the_default_rule_can_be_called_with_what_yours_was_given() -> None:
    def run(**rules: Any) -> str:
        lab = Lab(semantics="fc", **rules)
        lab.declare("f", duration=0.1, boot=0.5)
        lab.function(name="bad")(failing)
        lab.faults.outage(0, 3000)
        for name in ("f", "bad"):
            lab.invoke_async(name)
        lab.run()
        return lab.recording.digest

    assert run(next_delay=lambda *given: retry.next_delay(*given)) == run()


# ---- models of one's own


def test_a_duration_that_fails_in_the_middle_of_a_run() -> None:
    drawn: list[float] = []

    def draw(random: Random) -> float:
        drawn.append(random.random())
        return 1 / (3 - len(drawn))

    lab = model_lab(draw, 0.5)
    lab.invoke_at("f", [0, 0, 0, 10])
    with pytest.raises(UsageError, match="The duration of 'f' failed: ZeroDivisionError"):
        lab.run()
    assert len(drawn) == 3
    with pytest.raises(UsageError, match="duration of 'f' must be at least 0 seconds, not -1"):
        lab.run()
    lab.run()
    assert whole(lab)


def test_durations_that_run_out_in_the_middle_of_a_run() -> None:
    lab = model_lab(iter([0.1, 0.2]), 0.5)
    lab.invoke_at("f", [0, 1, 2])
    with pytest.raises(UsageError, match="The durations of 'f' have run out"):
        lab.run()
    lab.run()
    assert whole(lab)
    assert len(starts(lab)) == 3


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (lambda: 1, r"duration of 'g' does not take \(random\)"),
        ("exponentail(0.2)", "duration of 'g' cannot be 'exponentail"),
        ("exponential(0.2, 1)", "cannot be 'exponential"),
        ([0.1, -1], "duration of 'g' must be at least 0"),
    ],
)
def test_a_model_that_is_none_is_refused_at_once(duration: Any, words: str) -> None:
    lab = Lab()
    with pytest.raises(UsageError, match=words):
        lab.declare("g", duration=duration)
    assert list(lab.functions) == []
