"""All event sources of a lab."""

from __future__ import annotations

from fclab.sources.base import Source

__all__ = ["SOURCES"]

SOURCES: tuple[type[Source], ...] = ()
"""In the order in which `lab.catalog()` lists them."""
