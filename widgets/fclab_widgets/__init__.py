"""Jupyter widgets of fclab: the timeline and the call chain of a recording, and the cards of its lessons.

Everything shown is computed from a recording; the widgets import `fclab.observe` and nothing else of fclab's rooms.
"""

from fclab_widgets.call_chain import CallChain
from fclab_widgets.panel import Panel
from fclab_widgets.player import Player
from fclab_widgets.prediction import Prediction
from fclab_widgets.timeline import Timeline

__all__ = ["CallChain", "Panel", "Player", "Prediction", "Timeline"]
