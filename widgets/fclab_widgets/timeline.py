"""The timeline: rows are instances, spans are phases, requests are marks."""

from __future__ import annotations

from pathlib import Path

import traitlets as t

from fclab.observe.svg import draw_timeline
from fclab_widgets.view import View

__all__ = ["Timeline"]


class Timeline(View):
    """`Timeline(recording)`: what every instance did, and when. Ctrl and the wheel zoom, a double click shows everything again."""

    _esm = Path(__file__).parent / "static" / "timeline.js"

    window = t.List(t.Float(), default_value=[0.0, 1.0]).tag(sync=True)
    """The part of the run that fills the width, as two numbers from 0 to 1."""

    def svg(self) -> str:
        """The static twin: the whole run on the story scale."""
        return draw_timeline(self.scene)
