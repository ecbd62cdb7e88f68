"""When a failed delivery of an async event is offered again: pure functions of plain data.

They take times of any one unit: the engine uses µs, a rule of your own is given seconds. To write your own, return the wait before
the next delivery, or None to give up:

    def steady(policy, cause, failures, since_first):
        return 5 if failures <= 10 else None

    lab = Lab(next_delay=steady)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fclab.units import FOREVER

__all__ = ["Cause", "RetryPolicy", "backoff", "next_delay"]

Cause = Literal["function", "system"]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The numbers of one function's retries. In the engine µs, `FOREVER` for no limit; given to a rule of yours, seconds and `math.inf`.

    max_retries       retries of function errors
    function_first, function_cap   wait before the first of them, doubling up to the cap
    system_first, system_cap       the same for system errors, which are retried without a count
    system_total      but no later than this after the first of them
    max_age           age of an event at which it expires instead of being delivered
    """

    max_retries: int
    function_first: int
    function_cap: int
    system_first: int
    system_cap: int
    system_total: int
    max_age: int

    @property
    def endless(self) -> bool:
        """System errors are retried for ever."""
        return self.system_total >= FOREVER and self.max_age >= FOREVER


def backoff(first: int, cap: int, failures: int) -> int:
    """The wait after the `failures`-th failure in a row, failures >= 1: first, doubled each time, at most cap; exact for any count."""
    return min(cap, first * (1 << min(failures - 1, 62)))


def next_delay(policy: RetryPolicy, cause: Cause, failures: int, since_first: int) -> int | None:
    """The wait before the next delivery, or None to give up.

    failures      how many failures of this cause so far, this one included; system errors count those in a row
    since_first   time from the first system error in that row to now (0 for function errors)
    """
    if cause == "function":
        return backoff(policy.function_first, policy.function_cap, failures) if failures <= policy.max_retries else None
    delay = backoff(policy.system_first, policy.system_cap, failures)
    return delay if since_first + delay <= policy.system_total else None
