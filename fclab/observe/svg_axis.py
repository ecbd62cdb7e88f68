"""The time axis of a static picture: lab time to pixels, folds as strips."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping

from fclab.observe.svg_parts import text_width

__all__ = ["Axis"]


class Axis:
    """The story scale in pixels: action is linear, a fold is a strip of about the same width however long it was.

    1. Folds together never take more than 45 % of the width; action shares the rest evenly by time.
    2. `x` is monotone; times outside [begin, end] are clamped.
    """

    FOLD = 72.0

    def __init__(
        self,
        folds: tuple[tuple[int, int], ...],
        begin_us: int,
        end_us: int,
        left: float,
        width: float,
        rooms: Mapping[int, float] | None = None,
    ) -> None:
        """`rooms`: pixels that a fold is wide at least if something is written at its beginning (µs)."""
        wide = [max(self.FOLD, (rooms or {}).get(start, 0.0)) for start, _ in folds]
        shrink = min(1.0, 0.45 * width / sum(wide)) if folds else 1.0
        self.widest = max(wide, default=0.0) * shrink
        action = end_us - begin_us - sum(end - start for start, end in folds)
        self.scale = (width - sum(wide) * shrink) / action if action > 0 else 0.0
        self.segments: list[tuple[int, int, float, float]] = []
        """(from µs, to µs, from x, to x), without gaps: action, fold, action, fold … action."""
        at, x = begin_us, left
        for (start, end), strip in zip(folds, wide, strict=True):
            torn = x + (start - at) * self.scale
            self.segments += ((at, start, x, torn), (start, end, torn, torn + strip * shrink))
            at, x = end, torn + strip * shrink
        self.right = x + max(0, end_us - at) * self.scale
        self.segments.append((at, max(at, end_us), x, self.right))
        self._ends = [segment[1] for segment in self.segments]

    @property
    def folded(self) -> list[tuple[int, int, float, float]]:
        """The segments that are folds."""
        return self.segments[1::2]

    def fold_within(self, start: int, end: int) -> tuple[int, int, float, float] | None:
        """The first fold that lies between two times (µs)."""
        at = bisect_left(self._ends, start) | 1
        if at < len(self.segments) and self.segments[at][0] < start:
            at += 2
        return self.segments[at] if at < len(self.segments) and self.segments[at][1] <= end else None

    def x(self, time: int) -> float:
        """Where lab time `time` (µs) lies, in pixels."""
        start, end, x0, x1 = self.segments[min(bisect_left(self._ends, time), len(self._ends) - 1)]
        if time <= start or end == start:
            return x0
        return x1 if time >= end else x0 + (time - start) / (end - start) * (x1 - x0)

    def pixels(self, times: Iterable[int]) -> Iterator[int]:
        """The whole pixel of each of some ascending times (µs), faster than by `x`."""
        segments = iter(self.segments)
        start, end, x0, x1 = next(segments)
        slope = (x1 - x0) / (end - start) if end > start else 0.0
        for time in times:
            while time > end:
                following = next(segments, None)
                if following is None:
                    time = end
                    break
                start, end, x0, x1 = following
                slope = (x1 - x0) / (end - start) if end > start else 0.0
            yield int(x0 + (time - start) * slope) if time > start else int(x0)

    def ticks(self, apart: float = 70.0) -> list[tuple[int, float, bool]]:
        """(µs, x, strong) of the ticks: the borders of action (strong), one a pixel, and round times `apart` pixels or more."""
        step = _nice(apart / self.scale) if self.scale > 0 else 0
        found: dict[int, bool] = {}
        last = -2.0
        for start, end, x0, x1 in self.segments[::2]:
            if x0 >= last + 1:
                found[start], last = True, x0
            if step:
                for time in range(-(-start // step) * step, end + 1, step):
                    found.setdefault(time, False)
            if x1 >= last + 1 or end == self._ends[-1]:
                found[end], last = True, x1
        return [(time, self.x(time), strong) for time, strong in sorted(found.items())]

    def written(self, say: Callable[[int], str], least: float, most: float) -> Iterator[tuple[float, float, str, bool]]:
        """(x of the tick, middle of its text, text, strong): ticks whose texts do not meet, all of them between `least` and `most`."""
        taken = bytearray(int(most) + 200)  # a byte a pixel, from 100 left of the picture
        for time, x, strong in sorted(self.ticks(), key=lambda tick: not tick[2]):
            text = say(time)
            half = text_width(text, 12) / 2
            middle = max(least + half, min(x, most - half))
            left, right = int(middle - half) + 97, int(middle + half) + 104
            if any(taken[left:right]):
                continue
            taken[left + 3 : right - 3] = bytes([1]) * (right - left - 6)
            yield x, middle, text, strong


def _nice(us: float) -> int:
    """The smallest of 1, 2, 5 times a power of ten that is at least `us` microseconds."""
    power = 1
    while True:
        for factor in (1, 2, 5):
            if factor * power >= us:
                return factor * power
        power *= 10
