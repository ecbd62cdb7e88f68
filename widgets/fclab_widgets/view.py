"""What the views of a recording have in common: their player, their still picture, their text."""

from __future__ import annotations

import base64
import html
from typing import ClassVar

import anywidget
import ipywidgets
import traitlets as t

from fclab.errors import UsageError
from fclab.observe.feed import Feed
from fclab.observe.recording import Recording
from fclab.observe.svg_scene import Scene
from fclab_widgets.player import Player

__all__ = ["View"]


class View(anywidget.AnyWidget):
    """A picture of a recording that plays, or of a lab that goes on. All views of one recording, or lab, share one `Player`.

    1. The same output carries a static SVG and one line of text, for readers without a kernel and for strict validation.
    2. `repr` says what is shown, never where it lies in memory.
    """

    _draw: ClassVar[staticmethod[[Scene], str]]
    """What draws the static twin."""

    player = t.Instance(Player).tag(sync=True, **ipywidgets.widget_serialization)

    def __init__(self, recording: Recording | Feed, **unknown: object) -> None:
        if unknown:
            name = type(self).__name__
            raise UsageError(
                f"{name} has no option {next(iter(unknown))!r}.",
                hint=f"{name}(recording) takes nothing else; set speed, folded or selected on its .player",
            )
        super().__init__(player=Player.of(recording))

    @property
    def scene(self) -> Scene:
        """What is shown, as computed from the recording."""
        return self.player.scene

    def svg(self) -> str:
        """The static twin of this view: SVG text."""
        return self._draw(self.scene)

    def seek(self, time: float) -> None:
        """Move the cursor of all views of this recording to lab time `time` (seconds) and stop there."""
        self.player.seek(time)

    def select(self, request: int | str) -> None:
        """Choose a request in all views of this recording: 3 or "R3", 0 for none."""
        self.player.select(request)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.scene.summary()})"

    def _repr_mimebundle_(self, **kwargs: dict[str, object]) -> tuple[dict[str, object], dict[str, object]]:
        live = super()._repr_mimebundle_(**kwargs)
        data, meta = live if isinstance(live, tuple) else (live or {}, {})
        picture = base64.b64encode(self.svg().encode()).decode()
        alt = html.escape(repr(self))
        still = f'<img alt="{alt}" src="data:image/svg+xml;base64,{picture}">'
        return {**data, "text/html": still, "text/plain": repr(self)}, dict(meta)
