"""Rows and columns as aligned plain text and as an HTML table, and plain text itself: how every printed value of the lab looks."""

from __future__ import annotations

import html
from collections.abc import Sequence
from fractions import Fraction

__all__ = ["Text", "html_grid", "html_text", "number_text", "text_grid"]

Rows = Sequence[Sequence[str]]

_WHOLE = "margin:0 -20px 0 0;padding:0;white-space:pre;overflow-x:auto;font-size:calc(var(--jp-code-font-size, 13px) - 1px);line-height:1.4"
"""A run's table fits a page of 1280 pixels, with the 20 that JupyterLab leaves free at the right; a teacher's larger code font counts."""


class Text(str):
    """Text that shows itself as it is, also as the value of a notebook cell.

    In a notebook its lines stay whole: a page that is too narrow scrolls, where plain text would be broken inside words.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return html_text(self)


def number_text(value: Fraction | float, least: int = 0, most: int = 6) -> str:
    """`value` in plain digits with `least` to `most` decimals, halves rounded to even, no exponent: 15.4 with least=2 -> '15.40'."""
    scaled = round(Fraction(value) * 10**most)
    sign, scaled = ("-", -scaled) if scaled < 0 else ("", scaled)
    whole, part = divmod(scaled, 10**most)
    digits = f"{part:0{most}d}".rstrip("0").ljust(least, "0") if most else ""
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"


def text_grid(header: Sequence[str], rows: Rows, *, left: int = 1) -> str:
    """Columns two spaces apart; the first `left` of them flush left, the rest flush right; no line ends in a space."""
    lines = [list(header), *map(list, rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(header))]
    for line in lines:
        line[:] = [cell.ljust(width) if at < left else cell.rjust(width) for at, (cell, width) in enumerate(zip(line, widths, strict=True))]
    return "\n".join("  ".join(line).rstrip() for line in lines)


def html_grid(caption: str, header: Sequence[str], rows: Rows, *, left: int = 1) -> str:
    """The same as an HTML table with a caption; every text is escaped."""

    def line(cells: Sequence[str], tag: str) -> str:
        align = ("left", "right")
        return (
            "<tr>"
            + "".join(f'<{tag} style="text-align:{align[at >= left]}">{html.escape(cell)}</{tag}>' for at, cell in enumerate(cells))
            + "</tr>"
        )

    body = "".join(line(row, "td") for row in rows)
    return f"<table><caption>{html.escape(caption)}</caption><thead>{line(header, 'th')}</thead><tbody>{body}</tbody></table>"


def html_text(text: str) -> str:
    """Plain text as HTML: escaped, every line whole."""
    return f'<pre style="{_WHOLE}">{html.escape(text)}</pre>'
