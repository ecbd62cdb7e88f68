"""The call chain: components are nodes, requests are tokens that travel along the hops."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from fclab.observe.svg import draw_chain
from fclab.observe.svg_scene import Scene
from fclab_widgets.view import View

__all__ = ["CallChain"]


class CallChain(View):
    """`CallChain(recording)`: who handed which request to whom."""

    _draw: ClassVar[staticmethod[[Scene], str]] = staticmethod(draw_chain)
    _esm = Path(__file__).parent / "static" / "call_chain.js"

    def __repr__(self) -> str:
        hops = len(self.scene.hops.depart)
        return f"CallChain({len(self.player.nodes)} nodes, {len(self.scene.ledger)} requests, {hops} hops)"
