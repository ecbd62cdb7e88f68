"""Waiting in lab time: sleep, work, clocks and asyncio as handlers see them; interruption, the wall guard, and what is left behind."""

from __future__ import annotations

import asyncio
import threading
import time
from asyncio import sleep as asleep
from collections.abc import Callable, Generator
from time import perf_counter, sleep
from typing import Any

import pytest

from fclab import Lab
from fclab.backends.virtual.guard import Guard
from tests.unit.engine_kit import one

EPOCH = 1_767_225_600


@pytest.fixture
def quick_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fclab.backends.virtual.backend.Guard", lambda: Guard(0.2))


# ---- clause 5: what the clocks tell


def test_clause_5_clocks_tell_lab_time() -> None:
    seen: list[float] = []

    def look(event: bytes, context: Any) -> None:
        time.sleep(0.25)
        sleep(0.25)
        context.work(0.5)
        seen.extend([time.time(), time.time_ns() / 1e9, time.monotonic(), time.perf_counter(), perf_counter(), context.now])
        seen.extend([time.monotonic_ns() / 1e9, time.perf_counter_ns() / 1e9])

    lab = one(look)
    lab.run(until=100)
    assert lab.invoke("f").latency == 1.0
    assert seen == [EPOCH + 101, EPOCH + 101, 101, 101, 101, 101, 101, 101]


def test_clause_5_names_bound_before_still_work_outside() -> None:
    one(lambda event, context: sleep(5), timeout=10).invoke("f")
    began = perf_counter()
    sleep(0)
    assert perf_counter() - began < 1
    assert time.time() > EPOCH or time.time() != EPOCH


def test_a_negative_sleep_is_the_handlers_own_error() -> None:
    response = one(lambda event, context: time.sleep(-1)).invoke("f")
    assert response.error == "ValueError: sleep length must be non-negative"


@pytest.mark.parametrize("spell", ["asyncio.sleep", "from asyncio import sleep", "context.work"])
def test_clause_5_async_handlers_wait_in_lab_time(spell: str) -> None:
    async def handler(event: bytes, context: Any) -> object:
        if spell == "asyncio.sleep":
            return await asyncio.sleep(1.5, "result")
        if spell == "context.work":
            return await context.work(1.5)
        return await asleep(1.5, "result")

    lab = Lab(profile="instant")
    lab.function(name="f")(handler)
    calls = lab.invoke_at("f", [0, 0.5])
    lab.run()
    for call in calls:
        assert call.response is not None
        assert call.response.latency == 1.5
        assert call.response.text == ("null" if spell == "context.work" else "result")


def test_the_real_asyncio_sleep_is_back_outside() -> None:
    async def handler(event: bytes, context: Any) -> None:
        await asleep(1)

    lab = Lab(profile="instant")
    lab.function(name="f")(handler)
    lab.invoke("f")
    assert asyncio.run(asleep(0, "real")) == "real"
    assert asyncio.run(asyncio.sleep(0, "real")) == "real"


def awaits_future(event: bytes, context: Any) -> Any:
    async def foreign() -> None:
        class Future:
            def __await__(self) -> Generator[object, None, None]:
                yield self

        await Future()

    return foreign()


def test_clause_5_a_foreign_awaitable_is_a_clear_error() -> None:
    async def handler(event: bytes, context: Any) -> None:
        await awaits_future(event, context)

    lab = Lab(profile="instant")
    lab.function(name="f")(handler)
    response = lab.invoke("f")
    assert response.error is not None
    assert "awaited a Future, which nothing in lab time will ever finish" in response.error
    assert "context.invoke" in response.error


def test_clause_5_asyncio_run_is_a_clear_error() -> None:
    def handler(event: bytes, context: Any) -> None:
        asyncio.run(asyncio.sleep(1))

    response = one(handler).invoke("f")
    assert "asyncio.run cannot be used inside a handler" in (response.error or "")
    assert "async def" in (response.error or "")


def test_clause_5_the_context_from_a_thread_the_handler_started() -> None:
    said: list[str] = []

    def handler(event: bytes, context: Any) -> None:
        def other(call: Callable[[], object]) -> None:
            try:
                call()
            except Exception as error:
                said.append(f"{type(error).__name__}: {error}")

        for call in (lambda: context.work(1), lambda: context.invoke("f"), lambda: context.invoke_async("f"), lambda: context.now):
            thread = threading.Thread(target=other, args=(call,))
            thread.start()
            thread.join()

    assert one(handler).invoke("f").ok
    assert len(said) == 4
    assert all(text.startswith("UsageError: The context was used outside its own run") for text in said)


def test_clause_5_the_context_after_the_handler_returned() -> None:
    kept: list[Any] = []
    one(lambda event, context: kept.append(context)).invoke("f")
    with pytest.raises(ValueError, match="after the handler returned"):
        kept[0].work(1)
