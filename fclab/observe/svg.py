"""Static twins of the live views: one SVG a recording, drawn in Python, readable on a light and on a dark page.

They stand where no kernel runs (a fresh clone, an exported page), so they hold the whole run at once, on the story scale.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from xml.sax.saxutils import escape

from fclab.observe.palette import PAINTS, PICTURE
from fclab.observe.recording import Recording
from fclab.observe.spans import SPAN_KINDS
from fclab.observe.svg_axis import Axis
from fclab.observe.svg_chain import chain_svg, draw_chain
from fclab.observe.svg_parts import DARK, FONT, HATCH, swatches, text_width, zigzag
from fclab.observe.svg_scene import End, Scene
from fclab.observe.svg_thin import Mark, marks, most_telling, pills
from fclab.units import seconds_text, text_of_times, tick_text

__all__ = ["chain_svg", "draw_chain", "draw_timeline", "timeline_svg"]

MOST_SPANS, MOST_LABELS, MOST_LANES, MOST_TITLES, MOST_MARKS = 220, 90, 24, 60, 40
MARGIN = 22
HEAD, STRIP, FOOT, LEGEND = 34, 40, 50, 34
NARROW = 8.0
"""Folds narrower than this many pixels have no torn edges."""
SLIVER = 2.5
"""A handler that ran is at least this many pixels wide; spans narrower than this have no edge, which would leave nothing of them."""
NEAR = 14.0
"""Requests that arrive within this many pixels share one mark."""
IDLE_EDGE = "#a9b4bf"


def timeline_svg(recording: Recording, *, width: int = 960) -> str:
    """The timeline of `recording` as SVG text of `width` pixels: at most 400 shapes and about 30 kB, whatever its length."""
    return draw_timeline(Scene(recording), width=width)


def draw_timeline(made: Scene, *, width: int = 960) -> str:
    """As `timeline_svg`, for a scene that is already computed."""
    return _Timeline(made, width).draw()


class _Timeline:
    """One picture in the making; y grows downwards, all lengths in pixels."""

    def __init__(self, made: Scene, width: int) -> None:
        self.made = made
        self.width = width
        self.say = text_of_times(made.recording.meta["clock"])
        self.lanes = min(len(made.spans.lanes), MOST_LANES)
        self.lane = 46.0 if self.lanes <= 8 else 32.0 if self.lanes <= 16 else 24.0
        self.bar = round(self.lane * (0.65 if self.lane > 40 else 0.8))
        letters = max((len(lane.label) for lane in made.spans.lanes[: self.lanes]), default=0)
        self.left = min(190.0, max(96.0, 28 + letters * 8.2))
        self.plot = width - self.left - MARGIN
        rooms = {end.time: text_width(_word(end), 11) + 22 for end in made.ends if end.lane < self.lanes and self.lane > 30}
        self.axis = Axis(made.folds, made.begin_us, made.end_us, self.left, self.plot, rooms)
        self.top = float(HEAD + STRIP)
        self.bottom = self.top + max(1, self.lanes) * self.lane
        self.height = self.bottom + FOOT + LEGEND
        self.out: list[str] = []

    def draw(self) -> str:
        """The finished SVG text."""
        made = self.made
        title = f"Timeline: {made.summary()}, {self.say(made.begin_us)} to {self.say(made.end_us)} s"
        self.out.append(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height:g}" width="{self.width}" '
            f'height="{self.height:g}" role="img" font-family="{FONT}" font-size="12"><title>{escape(title)}</title>{DARK}{HATCH}'
            f'<rect width="{self.width}" height="{self.height:g}" rx="8" fill="{PICTURE["paper"]}" stroke="{PICTURE["line"]}"/>'
            f'<text x="16" y="23" fill="{PICTURE["soft"]}">{escape(made.summary())}</text>'
        )
        if made.folds:
            note = "zigzag: idle time folded" if self.axis.widest >= NARROW else "idle time folded"
            self._text(self.width - MARGIN, 23, note, PICTURE["soft"], anchor="end")
        self._rows()
        shown = self._chosen()
        places = marks(made.ledger, self.axis, max(NEAR, self.plot / MOST_MARKS))
        feet = self._arrows(places)
        self._spans(shown)
        self._folds()
        named = self._ends(feet)
        self._labels(shown, named)
        self._pills(places)
        self._ticks()
        self._legend(shown)
        self.out.append("</svg>")
        return "".join(self.out)

    def _text(self, x: float, y: float, text: str, fill: str, *, anchor: str = "start", size: float = 12, bold: bool = False) -> None:
        more = (f' text-anchor="{anchor}"' if anchor != "start" else "") + (f' font-size="{size:g}"' if size != 12 else "")
        more += ' font-weight="600"' if bold else ""
        self.out.append(f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}"{more}>{escape(text)}</text>')

    def _y(self, lane: int) -> float:
        return self.top + lane * self.lane

    def _rows(self) -> None:
        for number, lane in enumerate(self.made.spans.lanes[: self.lanes]):
            y = self._y(number)
            fill = PICTURE["faint"] if number % 2 == 0 else PICTURE["paper"]
            self.out.append(f'<rect x="8" y="{y:g}" width="{self.width - 16}" height="{self.lane:g}" rx="4" fill="{fill}"/>')
            label = lane.label if len(lane.label) <= 20 else lane.label[:19] + "…"
            two = lane.reserved and self.lane > 30
            self._text(16, y + self.lane / 2 + (-2 if two else 4), label, PICTURE["ink"], bold=True)
            if two:
                self._text(16, y + self.lane / 2 + 13, "reserved", PICTURE["soft"], size=11)
        hidden = len(self.made.spans.lanes) - self.lanes
        if hidden > 0:
            self._text(16, self.bottom + 14, f"and {hidden} more rows", PICTURE["soft"], size=11)
        if not self.made.spans.lanes:
            self._text(self.left, self.top + self.lane / 2 + 4, "nothing ran", PICTURE["soft"])

    def _chosen(self) -> list[int]:
        spans = self.made.spans
        shown = most_telling(spans, self.axis, self.lanes, MOST_SPANS)
        if len(shown) < len(spans.kind):
            self._text(self.width / 2, 23, f"{len(shown)} of {len(spans.kind)} spans drawn", PICTURE["soft"], anchor="middle")
        return shown

    def _spans(self, shown: list[int]) -> None:
        spans = self.made.spans
        titles = len(shown) <= MOST_TITLES
        boxes: dict[tuple[int, bool, str], list[str]] = defaultdict(list)
        hatched: list[str] = []
        for n in shown:
            paint = PAINTS[SPAN_KINDS[spans.kind[n]]]
            x0, x1 = self.axis.x(spans.start[n]), self.axis.x(spans.end[n])
            ran = paint.name in ("run", "error")
            sliver = x1 - x0 < SLIVER and not paint.quiet
            wide, high = max(SLIVER if ran else 1.0, x1 - x0), self.bar * (0.66 if paint.quiet else 1)
            y = self._y(spans.lane[n]) + (self.lane - high) / 2
            box = f'<rect x="{x0:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}"' + (' rx="3"' if wide > 8 else "")
            if titles:
                who = f"R{spans.request[n]} " if spans.request[n] else ""
                when = f"{self.say(spans.start[n])} to {self.say(spans.end[n])} s"
                box += f"><title>{who}{paint.name} {when}</title></rect>"
            boxes[sliver + (sliver and ran) + (paint.name == "error"), sliver, paint.name].append(box if titles else box + "/>")
            if paint.hatched:
                hatched.append(f"M{x0:.1f} {y:.1f}h{wide:.1f}v{high:.1f}h-{wide:.1f}z")
        for (_, sliver, name), group in sorted(boxes.items(), key=lambda item: item[0][0]):
            edge = IDLE_EDGE if PAINTS[name].quiet else PICTURE["paper"]
            line = "" if sliver else f' stroke="{edge}" stroke-width=".8"'
            self.out.append(f'<g fill="{PAINTS[name].fill}"{line}>{"".join(group)}</g>')
        if hatched:
            self.out.append(f'<path d="{"".join(hatched)}" fill="url(#h)"/>')

    def _labels(self, shown: list[int], named: set[tuple[int, int]]) -> None:
        """Names on the spans, those of handlers first; grouped by their look, which keeps the text short. `named` have one."""
        spans = self.made.spans
        groups: dict[tuple[str, float, bool], list[str]] = defaultdict(list)
        free: dict[int, float] = defaultdict(float)  # where waits overlap, the first name stands
        left = MOST_LABELS
        for n in sorted(shown, key=lambda n: SPAN_KINDS[spans.kind[n]] not in ("run", "error")):
            if not left:
                break
            found = None if (spans.lane[n], spans.end[n]) in named else self._label(n)
            paint = PAINTS[SPAN_KINDS[spans.kind[n]]]
            if found and (not paint.quiet or found[0] - text_width(found[1], found[2]) / 2 >= free[spans.lane[n]]):
                left -= 1
                x, text, size = found
                free[spans.lane[n]] = x + text_width(text, size) / 2
                y = self._y(spans.lane[n]) + self.lane / 2 + 4
                groups[paint.ink, size, not paint.quiet].append(f'<text x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>')
        for (ink, size, bold), texts in groups.items():
            weight = ' font-weight="600"' if bold else ""
            self.out.append(f'<g fill="{ink}" font-size="{size:g}" text-anchor="middle"{weight}>{"".join(texts)}</g>')

    def _label(self, n: int) -> tuple[float, str, float] | None:
        """(middle, words, size in pixels) of a span's name, None where there is no room."""
        spans = self.made.spans
        paint = PAINTS[SPAN_KINDS[spans.kind[n]]]
        x0, x1 = self.axis.x(spans.start[n]), self.axis.x(spans.end[n])
        if paint.quiet:
            fold = self.axis.fold_within(spans.start[n], spans.end[n])
            if fold:
                x0, x1 = fold[2] + 8, fold[3] - 8
        label = f"R{spans.request[n]}"
        if paint.name == "idle":
            tries = [("idle (frozen)", 11.0), ("idle", 11.0)]
        elif paint.quiet:
            tries = [(f"{label} waits", 11.0), (label, 11.0)]
        elif paint.name in ("run", "error"):
            tries = [(f"{paint.name} {label}", 12.0), (label, 11.0)]
        else:
            tries = [(paint.name, 12.0), (paint.name, 10.0), (paint.letter, 11.0)]
        for text, size in tries:
            if x1 - x0 >= text_width(text, size) + 1 and self.bar >= size + 2:
                return (x0 + x1) / 2, text, size
        return None

    def _folds(self) -> None:
        for start, end, x0, x1 in self.axis.folded if self.axis.widest >= NARROW else ():
            y0, y1 = self.top - 4, self.bottom + 6
            inset = min(5.0, (x1 - x0) / 4)
            left, right = zigzag(x0 + inset, y0, y1), zigzag(x1 - inset, y0, y1)
            back = "L" + "L".join(reversed(right[1:].split("L")))
            self.out.append(
                f'<path d="{left}{back}z" fill="{PICTURE["paper"]}" fill-opacity=".5"/>'
                f'<path d="{left}{right}" fill="none" stroke="{PICTURE["soft"]}" stroke-width=".9"/>'
            )
            text = f"{self.say(end - start)} s"
            if x1 - x0 >= text_width(text, 11):
                self._text((x0 + x1) / 2, self.bottom + 18, text, PICTURE["soft"], anchor="middle", size=11)

    def _ends(self, feet: list[tuple[float, float]]) -> set[tuple[int, int]]:
        """Crosses where instances end, named right of the cross, or on the rest before it. Returns (lane, time) of those rests.

        `feet` are the ways of requests, (x, lowest y): a name keeps off them.
        """
        named: set[tuple[int, int]] = set()
        last = dict(zip(self.made.spans.lane, range(len(self.made.spans)), strict=True))
        for end in [end for end in self.made.ends if end.lane < self.lanes][:MOST_MARKS]:
            x, y = self.axis.x(end.time), self._y(end.lane) + self.lane / 2
            cross = f"M{x:.1f} {y - self.lane * 0.38:.1f}v{self.lane * 0.76:.1f}M{x - 5:.1f} {y - 5:g}l10 10m0-10l-10 10"
            word = _word(end)
            self.out.append(
                f'<path d="{cross}" stroke="{PICTURE["gone"]}" stroke-width="2" '
                f'fill="none"><title>{word} at {self.say(end.time)} s</title></path>'
            )
            wide = text_width(word, 11)
            ways = [way for way, foot in feet if foot > y - 8]
            side = ""
            if self.lane > 30 and x + 9 + wide < min([self.width - MARGIN / 2, *(way - 4 for way in ways if way > x)]):
                side = f'x="{x + 9:.1f}"'
            elif self.lane > 30 and x - 12 - wide > max([self._rest(end, last[end.lane]), *(way + 4 for way in ways if way <= x)]):
                side = f'x="{x - 9:.1f}" text-anchor="end"'
                named.add((end.lane, end.time))
            if side:
                self.out.append(
                    f'<text {side} y="{y + 4:g}" font-size="11" font-weight="600" fill="{PICTURE["gone"]}" '
                    f'stroke="{PICTURE["paper"]}" stroke-width="4" paint-order="stroke">{word}</text>'
                )
        return named

    def _rest(self, end: End, n: int) -> float:
        """Where span `n` begins, in pixels, if it is a rest that ends with its instance; else to the right of everything."""
        spans = self.made.spans
        resting = PAINTS[SPAN_KINDS[spans.kind[n]]].quiet and spans.end[n] == end.time
        return self.axis.x(spans.start[n]) if resting else float(self.width)

    def _arrows(self, places: list[Mark]) -> list[tuple[float, float]]:
        """The ways of requests to their rows, below the spans; their (x, lowest y)."""
        spans = self.made.spans
        number = self.made.ledger.number
        home = dict(zip(reversed(spans.request), reversed(spans.lane), strict=True))
        feet = []
        for x, members in places:
            lane = min(home.get(number[index], self.lanes) for index in members)
            feet.append((x, (self._y(lane) + (self.lane - self.bar) / 2 - 1) if lane < self.lanes else self.top - 2))
        path = "".join(f"M{x:.1f} {HEAD + 26}V{foot:.1f}m-4-7l4 7l4-7" for x, foot in feet)
        self.out.append(f'<path d="{path}" fill="none" stroke="{PICTURE["ink"]}" stroke-width="1.3"/>')
        return feet

    def _pills(self, places: list[Mark]) -> None:
        y = HEAD + 22.0
        for left, wide, text in pills(places, self._names, self.width - MARGIN / 2):
            self.out.append(f'<rect x="{left:.1f}" y="{y - 15:g}" width="{wide:.1f}" height="20" rx="10" fill="{PICTURE["ink"]}"/>')
            self._text(left + wide / 2, y - 1, text, PICTURE["paper"], anchor="middle", bold=True)

    def _names(self, members: Sequence[int]) -> tuple[str, str]:
        """The long and the short name of requests that arrive together."""
        first, last = (f"R{self.made.ledger.number[index]}" for index in (members[0], members[-1]))
        if len(members) > 1:
            return f"{first}–{last}", f"{first}–{last}"
        return f"{first} {self.made.ledger.words(members[0], self.say)}".strip(), first

    def _ticks(self) -> None:
        y = self.bottom + 6
        self.out.append(f'<path d="M{self.left:g} {y:g}H{self.axis.right:.1f}" stroke="{PICTURE["line"]}"/>')
        unit = "time in s"
        write = seconds_text if self.say is seconds_text else lambda time: tick_text(time, self.axis.scale)
        for x, middle, text, strong in self.axis.written(write, 16 + text_width(unit, 12) + 4, self.width - 3):
            self.out.append(f'<path d="M{x:.1f} {y:g}v16" stroke="{PICTURE["line"]}"/>')
            self._text(middle, y + 30, text, PICTURE["ink"] if strong else PICTURE["soft"], anchor="middle")
        self._text(16, y + 30, unit, PICTURE["soft"])

    def _legend(self, shown: list[int]) -> None:
        present = {SPAN_KINDS[kind] for kind in {self.made.spans.kind[n] for n in shown}}
        self.out.append(swatches(present, self.height - LEGEND / 2 - 4, self.width - MARGIN))


def _word(end: End) -> str:
    return "reclaimed" if end.reclaimed else "ended"
