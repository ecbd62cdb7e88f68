"""Bars of a cold start, end to end: one row a run, all on one time axis; and the same bars loose, before anybody knows their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fclab.observe.palette import PAINTS
from fclab.teach.picture import INK, LEFT, LINE, RIGHT, SOFT, Drawing
from fclab.teach.texts import number

__all__ = ["loose", "spoken", "waterfall"]

ROW, HIGH = 68, 26
STRIPES = (
    '<pattern id="h" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="1.6" height="7" fill="#ffffff" opacity=".6"/></pattern>'
)


def waterfall(rows: Mapping[str, Sequence[tuple[str, float]]], title: str) -> str:
    """Each row's bars (name, seconds) end to end on one axis from 0, and under them how long each is."""
    made = Drawing(max((sum(length for _, length in row) for row in rows.values()), default=0.0) or 1.0)
    made.parts.append(STRIPES)
    for place, (name, row) in enumerate(rows.items()):
        y = 12 + place * ROW
        made.text(LEFT - 14, y + 18, name, "end", bold=True)
        made.bar(LEFT, RIGHT, y, HIGH, 'rx="3" fill="#f7f7f7"')
        since = 0.0
        for bar, length in row:
            _bar(made, bar, made.x(since), max(made.x(since + length), made.x(since) + 1), y)
            since += length
        for nth, (bar, length) in enumerate(row):
            x = LEFT + nth * (RIGHT - LEFT) // 6
            made.bar(x, x + 9, y + 35, 9, f'fill="{PAINTS[bar].fill}"')
            made.text(x + 13, y + 44, f"{bar} {spoken(length)}", "start", SOFT, 11)
    return made.page(12 + len(rows) * ROW, title)


def _bar(made: Drawing, bar: str, left: float, right: float, y: float) -> None:
    paint = PAINTS[bar]
    made.bar(left, right, y, HIGH, f'fill="{paint.fill}"')
    if paint.hatched:
        made.bar(left, right, y, HIGH, 'fill="url(#h)"')
    told = bar if right - left > 8 * len(bar) + 8 else paint.letter
    if right - left > 12:
        made.text(round((left + right) / 2, 1), y + 18, told, fill=paint.ink, size=12, bold=True)


def loose(bars: Sequence[str]) -> str:
    """One request, its answer, `?` between them, and the bars side by side: no order and no length can be read from it."""
    made = Drawing(1.0)
    made.text(LEFT, 20, "R1 arrives", "start", bold=True)
    made.text(RIGHT, 20, "R1 is answered", "end", bold=True)
    made.path(f"M{LEFT} 28V64M{RIGHT} 28V64", f'stroke="{INK}" stroke-width="2"')
    made.bar(LEFT, RIGHT, 34, 30, f'fill="#f4f4f4" stroke="{LINE}" stroke-dasharray="5 4"')
    made.text((LEFT + RIGHT) / 2, 56, "?", size=20, bold=True)
    wide = (RIGHT - LEFT) / len(bars)
    for place, bar in enumerate(bars):
        _bar(made, bar, round(LEFT + place * wide + 6, 1), round(LEFT + (place + 1) * wide - 6, 1), 84)
    return made.sheet(122, "What R1 waits for is still open: " + ", ".join(bars) + ", in no order.")


def spoken(length: float) -> str:
    """A length as people say it: 0.15 s; 18 ms, 1.4 ms or 0.08 ms where it was measured."""
    if round(length, 3) == length:
        return f"{number(length)} s"
    if length >= 0.9995:
        return f"{length:.2f} s"
    places = 0 if length >= 0.00995 else 1 if length >= 0.000995 else 2
    return f"{length * 1000:.{places}f} ms"
