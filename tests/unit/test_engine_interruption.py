"""Handlers that do not end by themselves: interruption at a time-out, the wall guard, greenlets and what is left behind after `close`."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import threading
import time
from typing import Any

import pytest
from greenlet import greenlet

from fclab import HandlerStuck, Interrupted
from fclab.backends.virtual.guard import Guard
from fclab.observe.events import ExecutionEnded
from tests.unit.engine_kit import Handler, gone, one


@pytest.fixture
def quick_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fclab.backends.virtual.backend.Guard", lambda: Guard(0.2))


# ---- clause 1: interruption


def counting(waits: list[str], swallow: int) -> Handler:
    """Swallows the first `swallow` interruptions, whatever they are."""

    def handler(event: bytes, context: Any) -> str:
        for n in range(swallow + 1):
            try:
                time.sleep(10)
            except BaseException as error:
                waits.append(type(error).__name__)
                if n == swallow:
                    raise
        return "came through"

    return handler


def test_clause_1_except_exception_cannot_swallow_a_time_out() -> None:
    seen: list[str] = []

    def handler(event: bytes, context: Any) -> str:
        try:
            time.sleep(10)
        except Exception:
            seen.append("swallowed")
        finally:
            seen.append("finally")
        return "fine"

    response = one(handler).invoke("f")
    assert (response.error_type, seen) == ("FunctionTimeoutError", ["finally"])
    assert not issubclass(Interrupted, Exception)


@pytest.mark.parametrize("swallow", [0, 1, 2])
def test_clause_1_its_next_two_waits_throw_again(swallow: int) -> None:
    seen: list[str] = []
    lab = one(counting(seen, swallow))
    response = lab.invoke("f")
    assert (response.error_type, response.latency) == ("FunctionTimeoutError", 3.0)
    assert seen == ["Interrupted"] * (swallow + 1)
    assert not lab._platform.backend.parked  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_clause_1_a_handler_that_goes_on_is_parked_and_reported_once(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[str] = []

    def plain(event: bytes, context: Any) -> None:
        while True:
            try:
                time.sleep(1)
            except BaseException as error:
                seen.append(type(error).__name__)

    async def coroutine(event: bytes, context: Any) -> None:
        while True:
            try:
                await asyncio.sleep(1)
            except BaseException as error:
                if isinstance(error, GeneratorExit):
                    raise
                seen.append(type(error).__name__)

    lab = one(plain if kind == "plain" else coroutine)
    with caplog.at_level(logging.WARNING, "fclab"):
        assert lab.invoke("f").error_type == "FunctionTimeoutError"
        lab.run(until=1000)
    assert seen == ["Interrupted"] * 3
    assert len(lab._platform.backend.parked) == 1  # type: ignore[attr-defined]
    assert [record.message.count("left suspended for good") for record in caplog.records] == [1]
    lab.close()


def test_clause_1_the_outcome_is_time_out_whatever_the_handler_returns() -> None:
    def handler(event: bytes, context: Any) -> str:
        try:
            time.sleep(10)
        except Interrupted:
            return "never mind"
        return "fine"

    lab = one(handler)
    response = lab.invoke("f")
    assert (response.error_type, response.error) == ("FunctionTimeoutError", "Function timed out after 3 seconds")
    assert gone(lab) == [(3.0, "f#1", "timeout")]


# ---- clause 2: the wall guard


def spin(event: bytes, context: Any) -> None:
    while True:
        pass


async def async_spin(event: bytes, context: Any) -> None:
    while True:
        pass


@pytest.mark.usefixtures("quick_guard")
@pytest.mark.parametrize("handler", [spin, async_spin])
def test_clause_2_an_endless_loop_ends_with_a_clear_error(handler: Handler) -> None:
    lab = one(handler)
    with pytest.raises(HandlerStuck, match=r"spin' of function 'f' ran for 0\.2 real seconds without waiting") as caught:
        lab.invoke("f")
    assert "endless loop" in caught.value.hint
    lab.function(name="g")(lambda event, context: "the lab goes on")
    assert lab.invoke("g").text == "the lab goes on"
    assert lab.recording.select(ExecutionEnded)[0].error_type == "FunctionTimeoutError"
    lab.close()


@pytest.mark.usefixtures("quick_guard")
def test_clause_2_a_real_lock_held_across_a_wait() -> None:
    lock = threading.Lock()

    def handler(event: bytes, context: Any) -> None:
        with lock:
            time.sleep(1)

    lab = one(handler)
    lab.invoke_at("f", [0, 0.5])
    with pytest.raises(HandlerStuck, match="lock held across a wait"):
        lab.run()
    lab.run()
    assert lab.now >= 1
    lab.close()


@pytest.mark.usefixtures("quick_guard")
def test_clause_2_waiting_in_lab_time_is_never_stuck() -> None:
    def patient(event: bytes, context: Any) -> None:
        for _ in range(100):
            time.sleep(1)

    lab = one(patient, timeout=1000)
    for _ in range(20):
        assert lab.invoke("f").ok
    lab.close()


# ---- clause 4: greenlets


def test_clause_4_greenlets_are_reused() -> None:
    used: set[int] = set()

    def handler(event: bytes, context: Any) -> None:
        from greenlet import getcurrent

        used.add(id(getcurrent()))
        time.sleep(0.5)

    lab = one(handler)
    for _ in range(50):
        lab.invoke("f")
    assert len(used) == 1
    lab.invoke_at("f", [lab.now] * 3)
    lab.run()
    assert len(used) == 3


def test_nothing_is_left_after_close() -> None:
    gc.collect()
    before = sum(isinstance(thing, greenlet) for thing in gc.get_objects())
    threads = threading.active_count()
    seen: list[str] = []

    def handler(event: bytes, context: Any) -> None:
        try:
            time.sleep(float(event))
        finally:
            seen.append(event.decode())

    lab = one(handler, timeout=10_000)
    for seconds in (1, 1, 1, 5000, 6000):
        lab.invoke_async("f", str(seconds))
    lab.run(until=10)
    lab.close()
    assert sorted(seen) == ["1", "1", "1", "5000", "6000"], "a suspended handler is interrupted, so its finally runs"
    lab.close()
    gc.collect()
    assert sum(isinstance(thing, greenlet) for thing in gc.get_objects()) == before
    assert threading.active_count() <= threads


def test_a_recording_can_be_read_after_close() -> None:
    with one(lambda event, context: "x") as lab:
        lab.invoke("f")
    assert len(lab.recording.events) > 5
    assert "f#1" in str(lab.table())


@pytest.mark.skipif(sys.platform == "emscripten", reason="no threads")
def test_no_thread_is_kept_where_nothing_runs() -> None:
    before = set(threading.enumerate())
    lab = one(lambda event, context: "x")
    lab.invoke("f")
    lab.close()
    assert {thread for thread in threading.enumerate() if thread.name == "fclab-guard"} <= before
