"""Two plain drawings on a true time axis: the scene before a run (no outcome in it), and idle windows after one."""

from __future__ import annotations

import html
import math

from fclab.teach.checks import Happening, Run
from fclab.teach.texts import number

__all__ = ["Drawing", "scene", "windows"]

WIDTH, LEFT, RIGHT, NEAR = 860, 84, 836, 80
INK, SOFT, PAPER, LINE = "#222222", "#555555", "#ffffff", "#bbbbbb"
COLD, WARM, IDLE, EDGE = "#d55e00", "#00785a", "#cfe8f7", "#56b4e9"
HATCH = (
    f'<pattern id="c" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" '
    f'fill="{COLD}"/><rect width="2" height="6" fill="{PAPER}"/></pattern>'
)


class Drawing:
    """SVG parts on an axis from 0 to `end` seconds."""

    def __init__(self, end: float) -> None:
        self.end = end
        self.parts: list[str] = []

    def x(self, at: float) -> float:
        return round(LEFT + at / self.end * (RIGHT - LEFT), 1)

    def text(self, x: float, y: float, text: str, anchor: str = "middle", fill: str = INK, size: int = 13, bold: bool = False) -> None:
        weight = ' font-weight="700"' if bold else ""
        look = f'text-anchor="{anchor}" fill="{fill}" font-size="{size}"{weight}'
        self.parts.append(f'<text x="{x}" y="{y}" {look}>{html.escape(text)}</text>')

    def bar(self, left: float, right: float, y: float, height: float, look: str) -> None:
        self.parts.append(f'<rect x="{left}" y="{y}" width="{max(0.0, round(right - left, 1))}" height="{height}" {look}/>')

    def path(self, d: str, look: str) -> None:
        self.parts.append(f'<path d="{d}" {look}/>')

    def arrows(self, requests: list[tuple[float, str, str]]) -> None:
        """Requests as (time, name, colour): name, time, an arrow onto the first lane. Neighbours' names keep clear of each other."""
        self.text(LEFT - 14, 60, "requests", "end", SOFT)
        places = [self.x(at) for at, _, _ in requests]
        for (at, name, colour), x, before, after in zip(requests, places, [-WIDTH, *places], [*places[1:], 2 * WIDTH], strict=False):
            anchor = "end" if after - x < NEAR or x > RIGHT - 30 else "start" if x - before < NEAR else "middle"
            near = {"end": x + 3, "start": x - 3}.get(anchor, x)
            self.text(near, 18, name, anchor, colour, bold=True)
            self.text(near, 34, f"{number(at)} s", anchor, SOFT, 12)
            self.path(f"M{x} 42V58", f'stroke="{colour}" stroke-width="2.5"')
            self.path(f"M{x - 6} 56H{x + 6}L{x} 66Z", f'fill="{colour}"')

    def page(self, y: int, title: str) -> str:
        """The drawing with its axis at height `y`."""
        steps = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 60, 100, 120, 200, 300, 600, 1200, 3600, math.ceil(self.end))
        every = next(step for step in steps if self.end / step <= 8)
        self.path(f"M{LEFT} {y}H{RIGHT}", f'stroke="{LINE}"')
        for place in range(math.floor(self.end / every) + 1):
            self.path(f"M{self.x(place * every)} {y}v6", f'stroke="{LINE}"')
            self.text(self.x(place * every), y + 21, f"{number(place * every)} s", fill=SOFT, size=12)
        return self.sheet(y + 32, title)

    def sheet(self, height: int, title: str) -> str:
        """The drawing without an axis, `height` pixels high."""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" role="img" '
            f'font-family="system-ui,sans-serif"><title>{html.escape(title)}</title><defs>{HATCH}</defs>'
            f'<rect width="{WIDTH}" height="{height}" rx="6" fill="{PAPER}"/>{"".join(self.parts)}</svg>'
        )


def scene(arrivals: list[float], *, end: float = 660.0) -> str:
    """Arrows at the arrival times (seconds) above an empty lane marked '?'."""
    made = Drawing(end)
    made.text(LEFT - 14, 91, "instances", "end", SOFT)
    made.bar(LEFT, RIGHT, 70, 34, f'rx="4" fill="#f4f4f4" stroke="{LINE}" stroke-dasharray="5 4"')
    made.text((LEFT + RIGHT) / 2, 95, "?", size=22, bold=True)
    made.arrows([(at, f"R{place}", INK) for place, at in enumerate(arrivals, 1)])
    said = ", ".join(map(number, arrivals))
    return made.page(114, f"Requests arrive at {said} seconds. What the instances do is still open.")


def windows(run: Run, end: float) -> str:
    """What kept each instance alive in `run`, up to `end` seconds: boots, idle windows, the moment it was reclaimed."""
    made = Drawing(end)
    words = [("cold", COLD) if seen.cold else ("warm", WARM) for seen in run.requests]
    made.arrows([(seen.arrived, f"{seen.label} {word}", colour) for seen, (word, colour) in zip(run.requests, words, strict=True)])
    names = list(dict.fromkeys(event.instance for event in run.events if event.kind == "InstanceCreated"))
    for lane, name in enumerate(names):
        y = 72 + 40 * lane
        made.text(LEFT - 14, y + 21, name, "end")
        made.bar(LEFT, RIGHT, y, 32, 'rx="4" fill="#f7f7f7"')
        _lane(made, y, [event for event in run.events if event.instance == name])
    story = "; ".join(f"{seen.label} at {number(seen.arrived)} s {'cold' if seen.cold else 'warm'}" for seen in run.requests)
    return made.page(82 + 40 * max(1, len(names)), story)


def _lane(made: Drawing, y: int, events: list[Happening]) -> None:
    """One instance: hatched where it booted, blue where it was idle, crossed out where it was reclaimed."""
    for place, event in enumerate(events):
        x = made.x(event.time)
        if event.kind == "InstanceReleased" and (until := float(event.fields["expires"])) > 0:
            right = made.x(next((one.time for one in events[place:] if one.kind == "InstanceAssigned"), min(until, made.end)))
            made.bar(x, right, y + 5, 22, f'fill="{IDLE}" stroke="{EDGE}"')
            if right - x > 130:
                made.text(round((x + right) / 2, 1), y + 21, f"idle from {number(event.time)} s", size=12)
        elif event.kind == "InstanceReclaimed" and event.time <= made.end:
            made.path(f"M{x} {y}V{y + 32}M{x - 5} {y + 11}l10 10M{x - 5} {y + 21}l10 -10", f'stroke="{INK}" stroke-width="2"')
            left = x > RIGHT - 150
            made.text(x - 9 if left else x + 9, y + 21, f"reclaimed at {number(event.time)} s", "end" if left else "start", size=12)
    for event in events:
        if event.kind == "InstanceCreated":
            made.bar(made.x(event.time), made.x(event.time) + 6, y + 5, 22, f'fill="url(#c)" stroke="{COLD}"')
