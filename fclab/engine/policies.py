"""The rules a learner may replace, each a plain function, and the care that is taken of somebody else's.

A rule of your own speaks seconds. If it raises, or returns what cannot be used, the default decides in its place, and the run then
ends with a `UsageError` that names the rule; the platform itself is never left half-way.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

from fclab.engine.instance import Instance
from fclab.engine.keepalive import fixed_window
from fclab.engine.placement import least_recently_used, most_recently_used, newest_created
from fclab.engine.retry import RetryPolicy, next_delay
from fclab.errors import UsageError
from fclab.model import LEAST_WAIT
from fclab.units import seconds, to_us

__all__ = ["Policies", "own"]

_OURS = (most_recently_used, least_recently_used, newest_created, fixed_window, next_delay)
Complain = Callable[[UsageError], object]


@dataclass(frozen=True, slots=True)
class Policies:
    """What the engine asks. Times in µs; see the modules the defaults come from."""

    placement: Callable[[Instance], float] = most_recently_used
    keep_alive: Callable[[int, int], int] = fixed_window
    next_delay: Callable[..., int | None] = next_delay


def own(rules: dict[str, Callable[..., object] | None], complain: Complain) -> Policies:
    """The defaults with a learner's rules in their place; `complain` is called with what is wrong with one, when it shows."""
    chosen: dict[str, Any] = {}
    adapters: dict[str, Callable[[Callable[..., object]], Callable[..., Any]]] = {
        "placement": _placement,
        "keep_alive": _keep_alive,
        "next_delay": _next_delay,
    }
    for name, rule in rules.items():
        if rule in _OURS:
            chosen[name] = rule  # sound, and the same in µs as in seconds
        elif rule is not None:
            chosen[name] = _careful(name, adapters[name](rule), getattr(Policies(), name), complain)
    return Policies(**chosen)


def _careful(name: str, rule: Callable[..., Any], default: Callable[..., Any], complain: Complain) -> Callable[..., Any]:
    def decide(*args: object) -> object:
        try:
            return rule(*args)
        except Exception as error:
            said = error.what if isinstance(error, UsageError) else f"{type(error).__name__}: {error}"
            complain(UsageError(f"Your {name} rule failed: {said}", hint=f"mend it; fclab.engine says what {name} is given and returns"))
            return default(*args)

    return decide


def _placement(rule: Callable[..., object]) -> Callable[[Instance], float]:
    def rank(instance: Instance) -> float:
        value = rule(instance)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
            raise UsageError(f"it ranked {instance.label} {value!r}, which is no number.")
        return value

    return rank


def _keep_alive(rule: Callable[..., object]) -> Callable[[int, int], int]:
    return lambda window, uses: to_us(rule(seconds(window), uses), "the window it returned", endless=True)


def _next_delay(rule: Callable[..., object]) -> Callable[..., int | None]:
    def delay(policy: RetryPolicy, cause: str, failures: int, since_first: int) -> int | None:
        times = {field.name: seconds(getattr(policy, field.name)) for field in fields(policy) if field.name != "max_retries"}
        value = rule(replace(policy, **times), cause, failures, seconds(since_first))  # type: ignore[arg-type]
        return None if value is None else to_us(value, "the wait it returned", least=LEAST_WAIT)

    return delay
