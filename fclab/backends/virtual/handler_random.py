"""Chance as handlers see it: inside one, the functions of `random` draw from a stream of its own function, named after the lab's seed.

So a run can be repeated digit by digit also where the learner's code draws. `random.Random(...)` objects, numpy, uuid and os.urandom
are the learner's own affair.
"""

from __future__ import annotations

import random
from collections.abc import Callable

__all__ = ["REAL", "stream"]

REAL: dict[str, Callable[..., object]] = {
    name: getattr(random, name) for name in random.__all__ if isinstance(getattr(getattr(random, name), "__self__", None), random.Random)
}
"""The module's functions as they are outside handlers."""


def stream(name: str) -> dict[str, Callable[..., object]]:
    """The same functions, drawing from the stream of this name."""
    source = random.Random(name)
    return {function: getattr(source, function) for function in REAL}
