"""A panel: what a lesson says between its cards. Plain blocks go to the browser; buttons and a slider come back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anywidget
import traitlets as t

from fclab_widgets.cards import bundle, still

__all__ = ["Panel"]

Block = dict[str, object]


class Panel(anywidget.AnyWidget):
    """Blocks, top to bottom; each is a dict with a `type`:

    head {badge, text} · text {text} · quote {text} · pre {text, label} · table {head, rows} · image {src, alt} · rule
    buttons {items: [{id, label, main}]} · slider {label, low, high, step, unit}, whose position is the trait `value`
    """

    _esm = Path(__file__).parent / "static" / "panel.js"

    name = t.Unicode().tag(sync=True)
    blocks = t.List(t.Dict()).tag(sync=True)
    value = t.Float(0.0).tag(sync=True)

    def __init__(self, name: str, blocks: list[Block] | None = None, *, value: float = 0.0) -> None:
        super().__init__(name=name, blocks=blocks or [], value=value)
        self._presses: list[Callable[[str], object]] = []
        self.on_msg(self._told)

    def on_press(self, callback: Callable[[str], object]) -> None:
        """Call `callback(button id)` for each press."""
        self._presses.append(callback)

    def press(self, button: str) -> None:
        """What a press of `button` in the browser does."""
        for callback in self._presses:
            callback(button)

    def _told(self, _: object, content: object, __: object) -> None:
        if isinstance(content, dict) and isinstance(content.get("press"), str):
            self.press(content["press"])

    def __repr__(self) -> str:
        return f"Panel({self.name})"

    def svg(self) -> str:
        """The panel's words as a still picture."""
        lines: list[tuple[str, str]] = []
        badge = self.name
        for block in self.blocks:
            if block["type"] == "head":
                badge = str(block.get("badge") or badge)
                lines += [("question", str(block["text"]))] if block.get("text") else []
            elif block["type"] in ("text", "quote"):
                lines += [("text", part) for part in str(block["text"]).split("\n\n")]
            elif block["type"] == "pre":
                lines += [("code", line) for line in str(block["text"]).split("\n")]
        return still(badge, lines)

    def _repr_mimebundle_(self, **kwargs: dict[object, object]) -> tuple[dict[str, object], dict[str, object]]:
        live: object = super()._repr_mimebundle_(**kwargs)
        return bundle(live, self.svg(), self.name, repr(self))
