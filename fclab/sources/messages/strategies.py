"""How the message service and the event bus try again: two strategies, by the product's names."""

from __future__ import annotations

from random import Random

from fclab.errors import UsageError
from fclab.sources.base import Waits
from fclab.sources.deliveries import backoff
from fclab.units import SECOND

__all__ = ["RETRIES", "STRATEGIES", "strategy"]

RETRIES = "BACKOFF_RETRY: 3 times, 10 to 20 s apart; EXPONENTIAL_DECAY_RETRY: 176 times, after 1, 2, 4 ... 512 s"


def _backoff(made: int, age: int, chance: Random) -> int | None:
    return chance.randint(10 * SECOND, 20 * SECOND) if made <= 3 else None


STRATEGIES: dict[str, Waits] = {"BACKOFF_RETRY": _backoff, "EXPONENTIAL_DECAY_RETRY": backoff(1, 512, tries=177)}
"""The second takes 86,015 s, almost a day, and so do its 167 last waits of 512 s nearly alone."""


def strategy(name: object, field: str) -> str:
    """One of the two names. Raises `UsageError`."""
    if not isinstance(name, str) or name not in STRATEGIES:
        raise UsageError(f"{field} is {' or '.join(STRATEGIES)}, not {name!r}.", hint="the first is the product's default")
    return name
