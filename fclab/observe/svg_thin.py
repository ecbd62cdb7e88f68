"""What of a long run is drawn at all: chosen before anything is described, so that a picture costs little however long the run was."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from operator import le

from fclab.observe.ledger import Ledger
from fclab.observe.palette import PAINTS
from fclab.observe.spans import SPAN_KINDS, Spans
from fclab.observe.svg_axis import Axis

__all__ = ["Mark", "marks", "most_telling"]

Mark = tuple[float, Sequence[int]]
"""Where requests arrive, in pixels, and their places in the ledger."""


def most_telling(spans: Spans, axis: Axis, lanes: int, most: int) -> list[int]:
    """Numbers of the spans to draw on the first `lanes` lanes, in order: the longest of each lane, kind and pixel; of these `most`,
    again the longest, and waits last.
    """
    lane, kind, end = spans.lane, spans.kind, spans.end
    longest: dict[int, int] = {}
    for number, pixel in enumerate(axis.pixels(spans.start)):
        if lane[number] < lanes:
            cell = (pixel << 16) + (lane[number] << 8) + kind[number]
            known = longest.get(cell)
            if known is None or end[known] < end[number]:
                longest[cell] = number
    quiet = [PAINTS[name].quiet for name in SPAN_KINDS]
    ranked = sorted((quiet[kind[number]], axis.x(spans.start[number]) - axis.x(end[number]), number) for number in longest.values())
    return sorted(number for _, _, number in ranked[:most])


def marks(requests: Ledger, axis: Axis, apart: float) -> list[Mark]:
    """The marks of arrivals; requests that arrive within `apart` pixels share the mark of the first."""
    arrived = requests.arrived
    order: Sequence[int] = range(len(arrived))
    if not all(le(*pair) for pair in pairwise(arrived)):
        order = sorted(order, key=arrived.__getitem__)
    found: list[Mark] = []
    at = 0
    while at < len(order):
        x = axis.x(arrived[order[at]])
        after = max(at + 1, bisect_left(order, x + apart, at, key=lambda index: axis.x(arrived[index])))
        found.append((x, order[at:after]))
        at = after
    return found
