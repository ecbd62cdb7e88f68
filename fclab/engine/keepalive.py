"""How long an idle instance is kept: a pure function, called when an on-demand instance falls idle.

To write your own, take the function's window (seconds) and how often the instance has run, and return seconds:

    def only_after_five(window, uses):
        return window if uses >= 5 else 10

    lab = Lab(keep_alive=only_after_five)
"""

from __future__ import annotations

__all__ = ["fixed_window"]


def fixed_window(window: int, uses: int) -> int:
    """The function's idle window, however often (`uses`) the instance has run. The product keeps 3 to 5 minutes."""
    return window
