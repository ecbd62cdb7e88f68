"""Small parts of static pictures: faces, widths of texts, hatching, torn edges."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from xml.sax.saxutils import escape

from fclab.observe.palette import NIGHT, PAINTS, PICTURE

__all__ = ["DARK", "FONT", "HATCH", "swatches", "text_width", "zigzag"]

FONT = "system-ui,-apple-system,'Segoe UI','Noto Sans','DejaVu Sans',sans-serif"

DARK = (
    "<style>@media(prefers-color-scheme:dark){"
    + "".join(f'[fill="{day}"]{{fill:{night}}}[stroke="{day}"]{{stroke:{night}}}' for day, night in NIGHT.items())
    + "}</style>"
)
"""A picture's other colours, for a reader whose page is dark; who knows no style sheets draws the light ones."""

HATCH = (
    '<defs><pattern id="h" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<path d="M0 0V7" stroke="#000" stroke-opacity=".28" stroke-width="3.2"/></pattern></defs>'
)
"""The pattern of cold phases, filled in with url(#h)."""


def text_width(text: str, size: float) -> float:
    """About how wide `text` is at `size` pixels in a semi-bold sans-serif face, rather too wide than too narrow."""
    return sum(0.36 if c in "ijlt.,'|: " else 0.95 if c in "mwMW%" else 0.67 for c in text) * size


def zigzag(x: float, y0: float, y1: float) -> str:
    """The path of a torn edge, downwards at `x`."""
    points, y, side = [f"{x:.1f} {y0:g}"], y0, 3.0
    while y < y1:
        y = min(y1, y + 6)
        points.append(f"{x + side:.1f} {y:g}")
        side = -side
    return "M" + "L".join(points)


def swatches(present: AbstractSet[str], y: float, right: float) -> str:
    """The legend of the kinds of span `present`, in one line at `y` up to `right`; what hatching means, if there is room."""
    shown = [(name, paint, "idle (frozen)" if name == "idle" else name) for name, paint in PAINTS.items() if name in present]
    note = "hatched = cold start" if any(paint.hatched for _, paint, _ in shown) else ""
    wide = sum(24 + text_width(word, 12) for _, _, word in shown)
    room = (right - 16 - wide - text_width(note, 12)) / max(1, len(shown))
    gap = min(16.0, max(3.0, room))
    x = 16.0
    out: list[str] = []
    for _, paint, word in shown:
        swatch = f'<rect x="{x:.1f}" y="{y - 8:g}" width="18" height="16" rx="3" '
        out.append(f'{swatch}fill="{paint.fill}" stroke="{PICTURE["line"]}"/>' + (f'{swatch}fill="url(#h)"/>' if paint.hatched else ""))
        out.append(
            f'<text x="{x + 9:.1f}" y="{y + 4:.1f}" fill="{paint.ink}" text-anchor="middle" font-size="11" font-weight="600">'
            f'{paint.letter}</text><text x="{x + 24:.1f}" y="{y + 4:.1f}" fill="{PICTURE["ink"]}">{escape(word)}</text>'
        )
        x += 24 + text_width(word, 12) + gap
    if note and room >= gap:
        out.append(f'<text x="{right:.1f}" y="{y + 4:.1f}" fill="{PICTURE["soft"]}" text-anchor="end">{note}</text>')
    return "".join(out)
