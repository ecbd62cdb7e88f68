"""The words of hints and notes, wrapped for a page, and a button to the place in the run that a hint is about."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable

from fclab.grid import Text
from fclab.teach import blocks
from fclab.teach.stage import Panel, panel
from fclab.teach.texts import plain

__all__ = ["COLUMNS", "Hint", "wrapped"]

COLUMNS = 88
"""Width of a line of prose in plain text: it fits a page of 1280 pixels."""


def wrapped(text: str, begin: str = "", rest: str = "") -> str:
    """`text` without its marks in lines of at most `COLUMNS` characters, the first after `begin`, the others after `rest`.

    Words stay whole, and a number stays with its unit.
    """
    held = re.sub(r"(\d) (s|ms|MB)\b", "\\1\u00a0\\2", plain(text))
    lines = textwrap.wrap(held, COLUMNS, initial_indent=begin, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).replace("\u00a0", " ")


class Hint(Text):
    """A hint that knows its place in the watched run: plain text, and a card with a button that goes there where there are widgets."""

    __slots__ = ("panel",)
    panel: Panel | None

    def __new__(cls, text: str, jump: str, go: Callable[[], object]) -> Hint:
        """`text` with its marks; `jump` labels the button, and a press calls `go` and shows the timeline of Watch."""
        made = super().__new__(cls, wrapped(text))
        made.panel = panel("hint", [blocks.text(text), blocks.buttons({"go": jump}, to="watch")])
        if made.panel is not None:
            made.panel.on_press(lambda _: go())
        return made

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, object]:
        live = self.panel._repr_mimebundle_() if self.panel is not None else {}
        data = live[0] if isinstance(live, tuple) else live
        return {**data, "text/plain": str(self), "text/html": self._repr_html_()}
