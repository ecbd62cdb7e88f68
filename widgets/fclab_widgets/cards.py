"""What the prediction card and the panel share: still pictures, and the output of a cell in its three forms."""

from __future__ import annotations

import base64
import html
import re
import textwrap

__all__ = ["bundle", "plain", "still"]

WIDTH = 860
LINE = 21


def plain(text: str) -> str:
    """`text` without the two marks that cards know: `code` and **strong**."""
    return re.sub(r"\*\*(.+?)\*\*", r"\1", text).replace("`", "")


def still(badge: str, lines: list[tuple[str, str]]) -> str:
    """An SVG of a card that nobody can press: `lines` are (style, text), style one of question, text, option, code.

    It has its own background, so it reads in a light and in a dark page.
    """
    rows: list[str] = []
    y = 30
    styles = {
        "question": ('font-size="17" font-weight="600"', 88, 24, 24),
        "text": ('font-size="14" fill="#555"', 112, 24, LINE),
        "option": ('font-size="14"', 100, 44, LINE),
        "code": ('font-size="12.5" font-family="monospace" xml:space="preserve"', 400, 24, 18),
    }
    for style, text in lines:
        look, most, x, step = styles[style]
        for number, part in enumerate(textwrap.wrap(plain(text), most) if style != "code" else [text]):
            y += step
            if style == "option" and not number:
                rows.append(f'<circle cx="32" cy="{y - 5}" r="5.5" fill="none" stroke="#777"/>')
            rows.append(f'<text x="{x}" y="{y}" {look}>{html.escape(part)}</text>')
        y += 4
    height = y + 18
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="system-ui,sans-serif" fill="#222"><rect x=".5" y=".5" width="{WIDTH - 1}" height="{height - 1}" rx="6" '
        f'fill="#fff" stroke="#bbb"/><rect width="5" height="{height}" rx="2" fill="#0072b2"/>'
        f'<text x="24" y="28" font-size="11" font-weight="700" letter-spacing="1" fill="#0072b2">{html.escape(badge.upper())}</text>'
        f"{''.join(rows)}</svg>"
    )


def bundle(live: object, svg: str, alt: str, text: str) -> tuple[dict[str, object], dict[str, object]]:
    """The live view where there is one, a still picture for readers without a kernel, and plain text, which is what is compared."""
    data, meta = live if isinstance(live, tuple) else (live, {})
    picture = base64.b64encode(svg.encode()).decode()
    found = dict(data) if isinstance(data, dict) else {}
    found["text/html"] = f'<img alt="{html.escape(alt)}" src="data:image/svg+xml;base64,{picture}">'
    found["text/plain"] = text
    return found, dict(meta)
