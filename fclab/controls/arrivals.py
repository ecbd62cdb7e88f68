"""When requests come: lists of times, and traffic by rate. Each source keeps one entry in the clock, however many requests it makes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count, repeat
from random import Random

from fclab.errors import UsageError
from fclab.units import SECOND, all_to_us, seconds_text, to_us

__all__ = ["checked_times", "traffic_times"]

_PAST = "it is {now} s already; give later times, or start again at 0 s with lab = lab.fresh()"


def checked_times(times: object, now: int) -> list[int]:
    """Lab times in seconds as µs, in the order given. Raises `UsageError` for times past."""
    if isinstance(times, (int, float)):
        times = [times]
    if isinstance(times, (str, bytes)) or not isinstance(times, Iterable):
        raise UsageError(f"The times must be a list of seconds, not {times!r}.", hint="such as [0, 60, 600]")
    checked = all_to_us(list(times), "a time")
    if checked and (first := min(checked)) < now:
        raise UsageError(f"{seconds_text(first)} s is in the past.", hint=_PAST.format(now=seconds_text(now)))
    return checked


def traffic_times(rate: float | None, duration: float | None, arrivals: object, now: int, random: Random) -> Iterator[int]:
    """The arrivals of one traffic source as µs, never decreasing, made one at a time.

    arrivals is "poisson", "uniform" (one every 1/rate s), "burst" (every second `rate` at once, on average where that is no whole
    number), or times in seconds: a list or an iterator, for which rate and duration are not needed.
    """
    if isinstance(arrivals, str):
        if arrivals not in ("poisson", "uniform", "burst"):
            raise UsageError(f"There are no {arrivals!r} arrivals.", hint='use "poisson", "uniform", "burst", or times in seconds')
        if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 < rate < 1e9:
            raise UsageError(f"rate must be a positive number of requests a second, not {rate!r}.", hint="such as rate=5")
        if duration is None:
            raise UsageError("Traffic by rate needs a duration.", hint="such as duration=3600")
        return _by_rate(arrivals, float(rate), now, now + to_us(duration, "duration"), random)
    if not isinstance(arrivals, Iterable):
        raise UsageError(f"arrivals cannot be {arrivals!r}.", hint='use "poisson", "uniform", "burst", or times in seconds')
    end = None if duration is None else now + to_us(duration, "duration")
    if isinstance(arrivals, (list, tuple)):
        return iter([at for at in sorted(checked_times(arrivals, now)) if end is None or at < end])
    return _given(iter(arrivals), now, end)


def _by_rate(kind: str, rate: float, start: int, end: int, random: Random) -> Iterator[int]:
    if kind == "poisson":
        at = float(start)
        draw, scale = random.expovariate, rate / SECOND
        while (at := at + draw(scale)) < end:
            yield round(at)
    elif kind == "uniform":
        for n in count():
            if (at_us := start + round(n * SECOND / rate)) >= end:
                return
            yield at_us
    else:
        made = 0
        for n, second in enumerate(range(start, end, SECOND), 1):
            due = int(round(rate * n, 6))  # 0.29 × 100 is 29, not the 28.999… of binary numbers
            yield from repeat(second, due - made)
            made = due


def _given(times: Iterator[object], now: int, end: int | None) -> Iterator[int]:
    last = now
    for time in times:
        at = to_us(time, "an arrival")
        if at < last:
            raise UsageError(f"An arrival at {seconds_text(at)} s comes after one at {seconds_text(last)} s.", hint="give times in order")
        if end is not None and at >= end:
            return
        last = at
        yield at
