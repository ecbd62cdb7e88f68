"""All event sources of a lab."""

from __future__ import annotations

from fclab.sources.base import Source
from fclab.sources.tables.service import Tables

__all__ = ["SOURCES"]

SOURCES: tuple[type[Source], ...] = (Tables,)
"""In the order in which `lab.catalog()` lists them."""
