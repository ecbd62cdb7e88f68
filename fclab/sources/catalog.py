"""All event sources of a lab, and the catalogue made from them: who may call a function, how, and what it then gets."""

from __future__ import annotations

from dataclasses import dataclass

from fclab.grid import html_grid, text_grid
from fclab.sources.base import Source
from fclab.sources.bus.service import Bus
from fclab.sources.cdn.service import Cdn
from fclab.sources.gateway.service import Gateway
from fclab.sources.http.service import Http
from fclab.sources.logs.service import Logs
from fclab.sources.messages.queues import Queues
from fclab.sources.messages.topics import Topics
from fclab.sources.monitor.service import Monitor
from fclab.sources.objects.service import Objects
from fclab.sources.tables.service import Tables
from fclab.sources.timers import Timers

__all__ = ["SOURCES", "Catalog", "Entry", "catalog"]

SOURCES: tuple[type[Source], ...] = (
    Objects,
    Tables,
    Logs,
    Topics,
    Queues,
    Timers,
    Http,
    Gateway,
    Cdn,
    Monitor,
    Bus,
)
"""In the order in which `lab.catalog()` lists them."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One way to call a function.

    source    what calls, in the field's words; at: where the lab has it ("lab.objects")
    trigger   the class that binds it to a function ("OSSTrigger"), "" for calls without a trigger
    type      the product's word for the trigger
    mode      how it calls unless it says otherwise: "sync", "async" or "sync or async"
    retries   what becomes of an event whose delivery fails
    example   an event as a function gets it, made by the code that makes real ones
    """

    source: str
    at: str
    trigger: str
    type: str
    mode: str
    retries: str
    example: bytes


_HEAD = ("source", "in the lab", "trigger", "calls", "what fails is repeated")


class Catalog(tuple[Entry, ...]):
    """The entries; printed, a table without the examples."""

    __slots__ = ()

    def _rows(self) -> list[list[str]]:
        return [[one.source, one.at, one.trigger or "-", one.mode, one.retries] for one in self]

    def __repr__(self) -> str:
        return text_grid(_HEAD, self._rows(), left=5)

    def _repr_html_(self) -> str:
        return html_grid("Who may call a function", _HEAD, self._rows(), left=5)


_DIRECT = (
    Entry("direct call", "lab.invoke", "", "", "sync", "never: the caller has the error, and decides", b"anything"),
    Entry("direct call", "lab.invoke_async", "", "", "async", "by the platform's queue, as the function's async_config says", b"anything"),
)


def catalog(sources: tuple[type[Source], ...] | None = None) -> Catalog:
    """Every source with its triggers, direct calls first."""
    found = list(_DIRECT)
    for source in SOURCES if sources is None else sources:
        for kind in source.TRIGGERS:
            entry = Entry(source.TITLE, f"lab.{source.NAME}", kind.__name__, kind.TYPE, kind.MODE, kind.RETRIES, kind.example())
            found.append(entry)
    return Catalog(found)
