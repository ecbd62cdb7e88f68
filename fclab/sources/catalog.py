"""All event sources of a lab."""

from __future__ import annotations

from fclab.sources.base import Source
from fclab.sources.cdn.service import Cdn
from fclab.sources.gateway.service import Gateway
from fclab.sources.http.service import Http
from fclab.sources.timers import Timers

__all__ = ["SOURCES"]

SOURCES: tuple[type[Source], ...] = (Http, Gateway, Timers, Cdn)
"""In the order in which `lab.catalog()` lists them."""
