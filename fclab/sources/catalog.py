"""All event sources of a lab."""

from __future__ import annotations

from fclab.sources.base import Source
from fclab.sources.bus.service import Bus
from fclab.sources.messages.queues import Queues
from fclab.sources.messages.topics import Topics

__all__ = ["SOURCES"]

SOURCES: tuple[type[Source], ...] = (Queues, Topics, Bus)
"""In the order in which `lab.catalog()` lists them."""
