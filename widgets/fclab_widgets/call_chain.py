"""The call chain: components are nodes, requests are tokens that travel along the hops."""

from __future__ import annotations

from pathlib import Path

from fclab.observe.svg import draw_chain
from fclab_widgets.view import View

__all__ = ["CallChain"]


class CallChain(View):
    """`CallChain(recording)`: who handed which request to whom."""

    _esm = Path(__file__).parent / "static" / "call_chain.js"

    def svg(self) -> str:
        """The static twin: all components and how often each hop was taken."""
        return draw_chain(self.scene)

    def __repr__(self) -> str:
        hops = len(self.scene.hops.depart)
        return f"CallChain({len(self.player.nodes)} nodes, {len(self.scene.requests)} requests, {hops} hops)"
