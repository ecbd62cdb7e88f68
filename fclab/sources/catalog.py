"""All event sources of a lab."""

from __future__ import annotations

from fclab.sources.base import Source
from fclab.sources.objects.service import Objects

__all__ = ["SOURCES"]

SOURCES: tuple[type[Source], ...] = (Objects,)
"""In the order in which `lab.catalog()` lists them."""
