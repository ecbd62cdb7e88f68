"""Which of the free instances takes a request: a rank for each, the highest wins.

The pool always asks reserved instances first and never one that is full; a policy only orders the rest. To write your own, take an
instance (it has `number`, growing with creation, `used`, growing with use, `running`, `expires` in µs) and return a number:

    def least_recently_used(instance):
        return -instance.used

    lab = Lab(placement=least_recently_used)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fclab.engine.instance import Instance

__all__ = ["least_recently_used", "most_recently_used", "newest_created"]


def most_recently_used(instance: Instance) -> float:
    """The default: the others can then fall idle and be reclaimed (the product documents no choice; assumption)."""
    return instance.used


def least_recently_used(instance: Instance) -> float:
    """Spreads requests over all instances, and so keeps all of them alive."""
    return -instance.used


def newest_created(instance: Instance) -> float:
    """The last instance created first: what most simulators of the literature do."""
    return instance.number
