"""What a slider shows of the run at its position beside the first one: a picture, the same in words, and a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fclab.teach.answers import bars
from fclab.teach.blocks import Cell
from fclab.teach.checks import Run, Seen
from fclab.teach.picture import windows
from fclab.teach.texts import number
from fclab.teach.waterfall import waterfall

__all__ = ["COMPARE", "Beside", "Slider", "how"]


@dataclass(frozen=True, slots=True)
class Slider:
    """A slider's ends, where it started and where it is, in `unit`; `words` are the lesson's."""

    high: float
    start: float
    value: float
    unit: str
    words: dict[str, str]

    @property
    def first(self) -> str:
        """The heading of the first run's column."""
        return f"{self.words['first_run']} ({number(self.start)} {self.unit})"


@dataclass(frozen=True, slots=True)
class Beside:
    """An SVG picture, the same in words, and a table's heads and rows."""

    picture: str
    story: str
    heads: list[str]
    rows: list[list[Cell]]


def requests(run: Run, first: Run, at: Slider) -> Beside:
    """Request by request: when it arrived, and whether it was cold. The slider moves one arrival, in seconds."""
    story = "; ".join(f"{one.label} at {number(one.arrived)} {at.unit}: {how(one)}" for one in run.requests)
    rows: list[list[Cell]] = [
        [now.label, f"{number(now.arrived)} {at.unit}", how(now), how(first.requests[place]) if place < len(first.requests) else ""]
        for place, now in enumerate(run.requests)
    ]
    heads = [at.words["column_request"], at.words["arrives"], at.words["this_run"], at.first]
    return Beside(windows(run, at.high + 20), story, heads, rows)


def parts(run: Run, first: Run, at: Slider) -> Beside:
    """Bar by bar: what the first request of each run waited for."""
    now, then = ([(bar, length) for bar, length, _ in bars(one, 1)] for one in (run, first))
    story = "; ".join(f"{bar} {number(length)} s" for bar, length in now)
    sums = [sum(length for _, length in side) for side in (now, then)]
    before = dict(then)
    rows: list[list[Cell]] = [[bar, f"{number(length)} s", f"{number(before[bar])} s" if bar in before else ""] for bar, length in now]
    rows.append([f"**{at.words['together']}**", *(f"**{number(total)} s**" for total in sums)])
    named = {f"{number(at.start)} {at.unit}": then, f"{number(at.value)} {at.unit}": now}
    return Beside(waterfall(named, story), story, [at.words["column_bar"], at.words["this_run"], at.first], rows)


COMPARE: dict[str, Callable[[Run, Run, Slider], Beside]] = {"requests": requests, "bars": parts}
"""By the word `compare` of a slider's texts."""


def how(seen: Seen) -> str:
    """'cold, 1.1 s' or 'warm, 0.1 s'."""
    return f"{'cold' if seen.cold else 'warm'}, {number(seen.latency)} s" if seen.latency is not None else "no answer"
