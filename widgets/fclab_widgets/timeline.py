"""The timeline: rows are instances, spans are phases, requests are marks."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import traitlets as t

from fclab.observe.svg import draw_timeline
from fclab.observe.svg_scene import Scene
from fclab_widgets.view import View

__all__ = ["Timeline"]


class Timeline(View):
    """`Timeline(recording)`: what every instance did, and when. Ctrl and the wheel zoom, a double click shows everything again."""

    _draw: ClassVar[staticmethod[[Scene], str]] = staticmethod(draw_timeline)
    _esm = Path(__file__).parent / "static" / "timeline.js"

    window = t.List(t.Float(), default_value=[0.0, 1.0]).tag(sync=True)
    """The part of the run that fills the width, as two numbers from 0 to 1."""
