"""Quantities over lab time: step functions (how many) and ages (how long the oldest has waited), exact in integers."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain, pairwise

from fclab.errors import UsageError
from fclab.units import SECOND, seconds, to_us

__all__ = ["AgeFunction", "StepFunction"]


class StepFunction:
    """A whole number over time: `values[i]` from `times[i]` (µs) up to, but not at, the next time; the last up to `end_us`.

    1. Times ascend strictly; before the first the value is `before`.
    2. Changes at one instant are one change: what lasted no time is not there.
    """

    before = 0

    def __init__(self) -> None:
        self.times: array[int] = array("q")
        self.values: array[int] = array("q")
        self.start_us = 0
        """Where the recording begins, and averages with it."""
        self.end_us = 0

    def set(self, time: int, value: int) -> None:
        """From `time` (µs, not before the last one) on it is `value`."""
        if self.times and self.times[-1] == time:
            self.values[-1] = value
            if (self.values[-2] if len(self.values) > 1 else self.before) == value:
                self.times.pop()
                self.values.pop()
        elif (self.values[-1] if self.values else self.before) != value:
            self.times.append(time)
            self.values.append(value)
        self.end_us = max(self.end_us, time)

    def __len__(self) -> int:
        """How many changes there are."""
        return len(self.times)

    def _value(self, time: int) -> int:
        at = bisect_right(self.times, time) - 1
        return self.values[at] if at >= 0 else self.before

    def _pieces(self, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        """(from, to, value) of every piece of [start, end), µs."""
        first, last = bisect_right(self.times, start), bisect_right(self.times, end - 1)
        edges = chain((start,), self.times[first:last], (end,))
        for at, (left, right) in enumerate(pairwise(edges), first - 1):
            yield left, right, self.values[at] if at >= 0 else self.before

    def _span(self, start: float | None, end: float | None) -> tuple[int, int]:
        first = self.start_us if start is None else to_us(start, "start")
        last = self.end_us if end is None else to_us(end, "end")
        if last < first:
            ends = f"the recording ends at {seconds(self.end_us):g} s"
            raise UsageError(f"end must not be before start, but {seconds(last):g} is before {seconds(first):g}.", hint=ends)
        return first, last

    def _area(self, start: int, end: int) -> Fraction:
        return Fraction(sum((right - left) * value for left, right, value in self._pieces(start, end)))

    def at(self, time: float) -> float:
        """The value at lab time `time` (s)."""
        return self._value(to_us(time, "time"))

    @property
    def maximum(self) -> float:
        """The largest value it ever has."""
        return max(self.values, default=self.before)

    def mean(self, start: float | None = None, end: float | None = None) -> float:
        """The average over lab time [start, end) in seconds, by default over the whole recording; over no time, the value there."""
        first, last = self._span(start, end)
        return float(self._area(first, last) / (last - first)) if last > first else self.at(seconds(first))

    def peak(self, start: int, end: int) -> float:
        """The largest value in [start, end), µs, which is not empty."""
        return max(value for _, _, value in self._pieces(start, end))

    def points(self) -> list[tuple[float, float]]:
        """(seconds, value from then on) of every change."""
        return [(seconds(time), float(value)) for time, value in zip(self.times, self.values, strict=True)]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} changes, mean {self.mean():.4g}, max {self.maximum:g})"


class AgeFunction(StepFunction):
    """How old the oldest waiting thing is, in seconds over time: 0 where nothing waits, else growing by a second a second.

    Kept as a step function of when the oldest was put there (µs), -1 for nothing.
    """

    before = -1

    def at(self, time: float) -> float:
        """Seconds the oldest has waited at lab time `time`; 0 for nothing."""
        moment = to_us(time, "time")
        since = self._value(moment)
        return (moment - since) / SECOND if since >= 0 else 0.0

    def _area(self, start: int, end: int) -> Fraction:
        pieces = ((left, right, since) for left, right, since in self._pieces(start, end) if since >= 0)
        return Fraction(sum((right - left) * (right + left - 2 * since) for left, right, since in pieces), 2 * SECOND)

    @property
    def maximum(self) -> float:
        """The greatest age in seconds, just before that one left."""
        ends = chain(self.times[1:], (self.end_us,))
        return max((end - since for end, since in zip(ends, self.values, strict=False) if since >= 0), default=0) / SECOND

    def peak(self, start: int, end: int) -> float:
        """The greatest age in [start, end), µs, in seconds."""
        return max((right - since if since >= 0 else 0) for _, right, since in self._pieces(start, end)) / SECOND

    def points(self) -> list[tuple[float, float]]:
        """(seconds, age) where the age jumps, and just before: what a plot with straight lines needs."""
        found: list[tuple[float, float]] = []
        for left, right, since in self._pieces(self.start_us, self.end_us):
            found += [(seconds(moment), (moment - since) / SECOND if since >= 0 else 0.0) for moment in (left, right)]
        return found
