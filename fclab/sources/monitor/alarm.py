"""When an alarm changes its state: a pure function of what it was and what a period brought."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["ALARM", "INSUFFICIENT", "OK", "OPERATORS", "Standing", "after"]

OK, ALARM, INSUFFICIENT = "OK", "ALARM", "INSUFFICIENT_DATA"

OPERATORS: dict[str, tuple[str, Callable[[float, float], bool]]] = {
    ">=": ("GreaterThanOrEqualToThreshold", operator.ge),
    ">": ("GreaterThanThreshold", operator.gt),
    "<=": ("LessThanOrEqualToThreshold", operator.le),
    "<": ("LessThanThreshold", operator.lt),
    "==": ("EqualToThreshold", operator.eq),
    "!=": ("NotEqualToThreshold", operator.ne),
}
"""The product's word for each, and what it does."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How an alarm stands. streak: periods in a row over the threshold, as far as they matter; raised: in ALARM since it was OK last."""

    state: str = INSUFFICIENT
    streak: int = 0
    raised: bool = False


def after(before: Standing, breach: bool | None, consecutive: int) -> Standing:
    """How it stands after a period. breach: the period was over the threshold; None: nothing was measured in it.

    1. It is in ALARM as soon as `consecutive` periods in a row were over the threshold, and OK after the first that was not.
    2. A period without data makes it INSUFFICIENT_DATA, and the row begins anew.
    3. While the row is too short, it stays what it was.
    """
    if breach is None:
        return Standing(INSUFFICIENT, 0, before.raised)
    if not breach:
        return Standing(OK, 0, False)
    streak = min(before.streak + 1, consecutive)
    if streak < consecutive:
        return Standing(before.state, streak, before.raised)
    return Standing(ALARM, streak, True)
