"""The scenes of lesson 06, as its notebook makes them in virtual time."""

from __future__ import annotations

import time

from fclab import Lab
from fclab.teach.checks import Run, read

__all__ = ["connect", "hello", "sized", "two_calls"]


def connect(context: object) -> None:
    time.sleep(0.2)


def hello(event: bytes, context: object) -> str:
    time.sleep(0.1)
    return "hello"


def two_calls(lab: Lab | None = None) -> Lab:
    """The lab after R1 at 0 s and R2 right after its answer."""
    lab = lab or Lab()
    lab.function(initializer=connect)(hello)
    lab.invoke("hello")
    lab.invoke("hello")
    return lab


def sized(mb: float) -> Run:
    """One call of the function in a package of `mb` MB."""
    lab = Lab()
    lab.function(initializer=connect, code_mb=mb)(hello)
    lab.invoke("hello")
    run = read(lab)
    assert run is not None
    return run
