"""The one door from the lab to its widgets, opened only when a view is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from fclab.errors import MissingExtra, UsageError

__all__ = ["VIEWS", "view"]

VIEWS = {"timeline": "Timeline", "call_chain": "CallChain", "prediction": "Prediction", "panel": "Panel"}


def view(name: str) -> Any:
    """The widget class of a view. Raises `MissingExtra` naming what to install where the widgets are not there."""
    if name not in VIEWS:
        raise UsageError(f"There is no view {name!r}.", hint=f"there are {', '.join(VIEWS)}")
    try:
        widgets = import_module("fclab_widgets")
    except ImportError as error:
        raise MissingExtra(
            f"The view {name!r} needs packages that are not installed ({error}).",
            hint="pip install 'fclab[lab]'; lab.table() works without",
        ) from error
    return getattr(widgets, VIEWS[name])
