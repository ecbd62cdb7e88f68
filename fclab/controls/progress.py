"""A bar that shows how far a long wait in real time is: in a notebook a widget, on a terminal one line, elsewhere nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

__all__ = ["AFTER", "Bar"]

AFTER = 2.0
"""Real seconds after which a wait is long. Shorter ones leave no trace, so outputs of lessons stay the same."""
_WIDTH = 30


class Bar:
    """Shows what `progress()` says: (share done from 0 to 1, a few words). Whatever it has shown is gone when the wait is over."""

    def __init__(self, progress: Callable[[], tuple[float, str]], after: float = AFTER) -> None:
        self._progress = progress
        self._due = time.monotonic() + after
        self._widget: Any = None
        self._drawn = 0

    def look(self) -> None:
        """Draw the present state, if the wait has become a long one."""
        if time.monotonic() < self._due:
            return
        share, words = self._progress()
        share = min(1.0, max(0.0, share))
        if self._widget is None and not self._drawn:
            self._widget = _widget()
        if self._widget is not None:
            self._widget.value, self._widget.description = share, f"{share:.0%}"
            self._widget.tooltip = words
        elif sys.stderr.isatty():
            full = round(share * _WIDTH)
            line = f"[{'#' * full}{'.' * (_WIDTH - full)}] {share:4.0%} {words}"
            print(f"\r{line:<{self._drawn}}", end="", file=sys.stderr, flush=True)
            self._drawn = len(line)

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._widget is not None:
            self._widget.close()
        elif self._drawn:
            print(f"\r{' ' * self._drawn}\r", end="", file=sys.stderr, flush=True)


def _widget() -> Any:
    """A shown progress widget, or None outside a notebook."""
    if "ipykernel" not in sys.modules:
        return None
    try:
        from IPython import get_ipython
        from IPython.display import display
        from ipywidgets import FloatProgress
    except ImportError:
        return None
    if getattr(get_ipython(), "kernel", None) is None:
        return None
    made = FloatProgress(0.0, min=0.0, max=1.0)
    display(made)  # type: ignore[no-untyped-call]
    return made
