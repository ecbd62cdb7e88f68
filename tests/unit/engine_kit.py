"""Small helpers for the tests of the engine: short ways to make labs and to read what happened."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from fclab import AsyncConfig, Lab
from fclab.observe.events import (
    DeliveryStarted,
    Event,
    ExecutionStarted,
    InstanceCreated,
    InstanceDestroyed,
    InstanceReclaimed,
    RequestAccepted,
    RequestFailed,
    RequestSucceeded,
    RetryScheduled,
)

Handler = Callable[[bytes, Any], object]


def connect(context: Any) -> None:
    """The initializer of the lessons: 0.2 s."""
    time.sleep(0.2)


def hello(event: bytes, context: Any) -> str:
    """The handler of the lessons: 0.1 s."""
    time.sleep(0.1)
    return "hello"


def failing(event: bytes, context: Any) -> None:
    """Raises after 0.1 s."""
    time.sleep(0.1)
    raise ValueError("no")


def lesson_lab(handler: Handler = hello, **options: Any) -> Lab:
    """A classroom lab with one function named "hello": platform 0.8 s, initializer 0.2 s."""
    lab = Lab()
    lab.function(name="hello", initializer=connect, **options)(handler)
    return lab


def model_lab(duration: object = 0.1, boot: float = 1.0, **options: Any) -> Lab:
    """A lab with one model function "f"; options of `Lab` start with lab_."""
    lab = Lab(**{name[4:]: value for name, value in options.items() if name.startswith("lab_")})
    lab.declare("f", duration=duration, boot=boot, **{name: value for name, value in options.items() if not name.startswith("lab_")})
    return lab


def one(handler: Handler, **options: Any) -> Lab:
    """A lab without boot times and with one function "f"."""
    lab = Lab(profile="instant")
    lab.function(name="f", **options)(handler)
    return lab


def slow_until(attempt: int, seconds: float = 0.1) -> Handler:
    """A handler that raises before delivery number `attempt` and succeeds from it on."""

    def handler(event: bytes, context: Any) -> str:
        time.sleep(seconds)
        if context.retry_count + 1 < attempt:
            raise ValueError("not yet")
        return f"attempt {context.retry_count + 1}"

    return handler


def retries(**options: Any) -> AsyncConfig:
    """An `AsyncConfig`."""
    return AsyncConfig(**options)


def times(lab: Lab, *kinds: type[Event], request: int | None = None) -> list[float]:
    """When events of these kinds happened."""
    return [event.time for event in lab.recording.select(*kinds, request=request)]


def starts(lab: Lab, request: int | None = None) -> list[float]:
    """When executions began."""
    return times(lab, ExecutionStarted, request=request)


def deliveries(lab: Lab, request: int | None = None) -> list[float]:
    """When deliveries began."""
    return times(lab, DeliveryStarted, request=request)


def finishes(lab: Lab) -> list[float]:
    """When requests ended, well or not, in order."""
    return times(lab, RequestSucceeded, RequestFailed)


def waits(lab: Lab, request: int = 1) -> list[float]:
    """The wait before each retry, as announced."""
    return [round(float(event.due) - event.time, 6) for event in lab.recording.select(RetryScheduled, request=request)]


def created(lab: Lab) -> list[float]:
    """When instances were created."""
    return times(lab, InstanceCreated)


def gone(lab: Lab) -> list[tuple[float, str, str]]:
    """(time, instance, why) of each instance that went."""
    return [
        (event.time, event.instance, "idle" if isinstance(event, InstanceReclaimed) else str(event.reason))
        for event in lab.recording.select(InstanceReclaimed, InstanceDestroyed)
    ]


def latencies(calls: Iterable[Any]) -> list[float]:
    """Latency of each call's response."""
    return [call.response.latency for call in calls]


def colds(calls: Iterable[Any]) -> list[bool]:
    """Which calls were cold."""
    return [call.response.cold for call in calls]


def statuses(calls: Iterable[Any]) -> list[int]:
    """Status of each call."""
    return [call.response.status for call in calls]


def whole(lab: Lab) -> bool:
    """Every request that was accepted has ended, and nothing is believed to be under way."""
    platform, driver = lab._platform, lab._driver
    accepted, ended = len(times(lab, RequestAccepted)), len(finishes(lab))
    return accepted == ended and (platform.work, platform.moving, driver.coming, len(platform.dispatcher.open)) == (0, 0, 0, 0)
