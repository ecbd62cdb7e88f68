"""A place in the notebook that stays closed until its predictions are made, and can then be filled with live views and text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from fclab import MissingExtra
from fclab.grid import html_text
from fclab.teach.blocks import Block, text_of
from fclab.views import view

__all__ = ["Panel", "Stage", "cursor", "panel"]


class Panel(Protocol):
    """The panel widget, as far as lessons use it."""

    blocks: list[Block]
    value: float

    def on_press(self, callback: Callable[[str], object]) -> None: ...
    def observe(self, handler: Callable[[dict[str, object]], object], names: str) -> None: ...
    def _repr_mimebundle_(self) -> tuple[dict[str, object], dict[str, object]] | dict[str, object]: ...


def panel(name: str, blocks: list[Block], value: float = 0.0) -> Panel | None:
    """A panel with `blocks`, or None where the widgets are not installed."""
    try:
        made: Panel = view("panel")(name, blocks, value=value)
    except MissingExtra:
        return None
    return made


def cursor(player: object, seconds: float) -> bool:
    """Move the cursor of a timeline to lab time `seconds`; False where there is none to move."""
    seek = getattr(player, "seek", None)
    if seek is None:
        return False
    seek(seconds)
    return True


class Stage:
    """What `watch`, `ask` and `tweak` return. Shows `closed` until `open` is called, then `text` and the live views.

    1. Before `open` nothing of the outcome is in any view, picture or text of it.
    2. Its text is stable: the same run gives the same words, with and without widgets.
    """

    def __init__(self, name: str, closed: list[Block], in_code: str) -> None:
        self.name = name
        self.is_open = False
        self.text = f"{text_of(closed)}\n{in_code}"
        self.gate = panel(name, closed)
        self.children: list[object] = [self.gate] if self.gate is not None else []
        self._box: object = None

    def open(self, text: str, children: list[object]) -> None:
        """Show what happened: `text` for places without widgets, `children` are live views, top to bottom."""
        self.is_open = True
        self.text = text
        self.children = [child for child in children if child is not None]
        if self._box is not None:
            self._box.children = self.children  # type: ignore[attr-defined]

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, object]:
        bundle: dict[str, object] = {}
        pictures = []
        if self.children:
            import ipywidgets

            if self._box is None:
                self._box = ipywidgets.VBox(self.children)
            made = self._box._repr_mimebundle_()  # type: ignore[attr-defined]
            bundle |= made[0] if isinstance(made, tuple) else made
            for child in self.children:
                own = child._repr_mimebundle_()  # type: ignore[attr-defined]
                pictures.append(str((own[0] if isinstance(own, tuple) else own).get("text/html", "")))
        bundle["text/plain"] = self.text
        bundle["text/html"] = "".join(f"<div>{picture}</div>" for picture in pictures if picture) or html_text(self.text)
        return bundle
