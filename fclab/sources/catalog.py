"""All event sources of a lab."""

from __future__ import annotations

from fclab.sources.base import Source
from fclab.sources.logs.service import Logs
from fclab.sources.monitor.service import Monitor

__all__ = ["SOURCES"]

SOURCES: tuple[type[Source], ...] = (Logs, Monitor)
"""In the order in which `lab.catalog()` lists them."""
