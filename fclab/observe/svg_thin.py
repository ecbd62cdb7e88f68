"""What of a long run is drawn at all: chosen before anything is described, so that a picture costs little however long the run was."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import pairwise
from math import inf
from operator import le

from fclab.observe.ledger import Ledger
from fclab.observe.palette import PAINTS
from fclab.observe.spans import SPAN_KINDS, Spans
from fclab.observe.svg_axis import Axis
from fclab.observe.svg_parts import text_width

__all__ = ["Mark", "Pill", "marks", "most_telling", "pills"]

Mark = tuple[float, Sequence[int]]
"""Where requests arrive, in pixels, and their places in the ledger."""

Pill = tuple[float, float, str]
"""Left edge and width of what names a mark, in pixels, and its text."""
SLIP = 14.0
"""How far a name may stand to the right of its mark, in pixels."""


def most_telling(spans: Spans, axis: Axis, lanes: int, most: int) -> list[int]:
    """Numbers of the spans to draw on the first `lanes` lanes, in order: the longest of each lane, kind and pixel; of these `most`,
    failures first and waits last, and again the longest.
    """
    lane, kind, end = spans.lane, spans.kind, spans.end
    longest: dict[int, int] = {}
    for number, pixel in enumerate(axis.pixels(spans.start)):
        if lane[number] < lanes:
            cell = (pixel << 16) + (lane[number] << 8) + kind[number]
            known = longest.get(cell)
            if known is None or end[known] < end[number]:
                longest[cell] = number
    rank = [0 if name == "error" else 2 if PAINTS[name].quiet else 1 for name in SPAN_KINDS]
    ranked = sorted((rank[kind[number]], axis.x(spans.start[number]) - axis.x(end[number]), number) for number in longest.values())
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


def pills(places: Sequence[Mark], names: Callable[[Sequence[int]], tuple[str, str]], right: float) -> list[Pill]:
    """Names for all marks, none upon another and none beyond `right`: the long name where there is room before the next mark, else the
    short one. A name may slip to the right of its mark; marks too near to one another for that share a name.

    `names` gives the long and the short name of some requests.
    """
    found: list[tuple[Mark, Pill]] = []
    for number, (x, members) in enumerate(places):
        after = places[number + 1][0] - 8 if number + 1 < len(places) else inf
        while True:
            free = found[-1][1][0] + found[-1][1][1] + 4 if found else 0.0
            made = _pill(x, names(members), free, after, right)
            if made or not found:
                break
            (x, before), _ = found.pop()
            members = [*before, *members]
        found.append(((x, members), made or (0.0, text_width(names(members)[1], 12) + 14, names(members)[1])))
    return [pill for _, pill in found]


def _pill(x: float, names: tuple[str, str], free: float, after: float, right: float) -> Pill | None:
    for name in names:
        wide = text_width(name, 12) + 14
        left = min(max(free, x - 6), right - wide)
        if free <= left <= x - 6 + SLIP and (name == names[1] or left + wide <= after):
            return left, wide, name
    return None
