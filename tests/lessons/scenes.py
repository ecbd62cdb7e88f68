"""The scene of lesson 00, as its notebook makes it."""

from __future__ import annotations

import time
from collections.abc import Iterable

from fclab import Lab
from fclab.teach.checks import Run, read

__all__ = ["hello", "ran", "three"]


def hello() -> Lab:
    """A lab with the lesson's function, at 0 s."""
    lab = Lab()

    def connect(context: object) -> None:
        time.sleep(0.2)

    @lab.function(initializer=connect)
    def hello(event: bytes, context: object) -> str:
        time.sleep(0.1)
        return "hello"

    return lab


def ran(*arrivals: float) -> Lab:
    """The lab after requests at `arrivals` (seconds)."""
    lab = hello()
    lab.invoke_at("hello", list(arrivals))
    lab.run()
    return lab


def three(lab: Lab | Iterable[float] = (0, 60, 600)) -> Run:
    """The lesson's own run, ready for questions."""
    run = read(lab if isinstance(lab, Lab) else ran(*lab))
    assert run is not None
    return run
