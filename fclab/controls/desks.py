"""Sources as a notebook holds them: `lab.objects.put(...)` runs the same code as a handler's `context.objects.put(...)`."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any

from fclab.errors import UsageError
from fclab.units import seconds

if TYPE_CHECKING:
    from fclab.controls.driver import Driver
    from fclab.controls.live import LiveDriver
    from fclab.sources.base import Binding, Source, Trigger
    from fclab.sources.deliveries import Undelivered
    from fclab.sources.hub import Hub

__all__ = ["Desk", "Shelves", "TriggerHandle", "hub_of"]


def hub_of(driver: Driver | LiveDriver) -> Hub:
    """The lab's sources, made now if this is the first that is heard of them."""
    driver.check()
    return driver.ask(lambda: driver.platform.hub)  # type: ignore[return-value]


class Desk:
    """One source of the lab. Its verbs are the source's; `help(lab.objects.put)` tells their form."""

    def __init__(self, driver: Driver | LiveDriver, source: Source) -> None:
        self._driver = driver
        self._source = source

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in self._source.verbs():
            there = ", ".join(self._source.verbs())
            raise AttributeError(f"lab.{self._source.NAME} has no {name!r}; it has: {there}")
        method: Callable[..., Any] = getattr(self._source, name)

        @wraps(method)
        def do(*args: object, **options: object) -> Any:
            return self._driver.ask(method, *args, **options)

        return do

    def __dir__(self) -> list[str]:
        return self._source.verbs()

    def __repr__(self) -> str:
        return f"lab.{self._source.NAME}: {self._source.TITLE} ({', '.join(self._source.verbs())})"


class Shelves(Desk, Mapping[str, "list[bytes]"]):
    """The queues of the lab: verbs, and a mapping of names to the bodies that are there; after the end of the lab, that were there."""

    def _read(self, fn: Callable[[Any], Any]) -> Any:
        there: Any = {} if isinstance(self._source, type) else self._source  # the class alone: the lab was closed and never had any
        return fn(there) if self._driver.closed else self._driver.ask(fn, there)

    def __getitem__(self, queue: str) -> list[bytes]:
        bodies: list[bytes] = self._read(lambda there: there[queue])
        return bodies

    def __iter__(self) -> Iterator[str]:
        return iter(self._read(list))

    def __len__(self) -> int:
        count: int = self._read(len)
        return count


class TriggerHandle:
    """A trigger of the lab.

    name, function   which it is; trigger: what it watches and how; type: the product's word for its kind
    enabled          False while it is switched off: events wait
    created, modified   lab time in seconds
    undelivered      events that the source gave up, oldest first; `redeliver()` tries them again
    """

    def __init__(self, driver: Driver | LiveDriver, binding: Binding) -> None:
        self._driver = driver
        self._binding = binding
        self.name = binding.name
        self.function = binding.function
        self.type = binding.trigger.TYPE

    @property
    def trigger(self) -> Trigger:
        """What it watches and how."""
        return self._binding.trigger

    @property
    def enabled(self) -> bool:
        """It calls its function."""
        return self._binding.enabled

    @property
    def created(self) -> float:
        """When it was made, in seconds of lab time."""
        return seconds(self._binding.created)

    @property
    def modified(self) -> float:
        """When it was changed last, in seconds of lab time."""
        return seconds(self._binding.modified)

    @property
    def undelivered(self) -> list[Undelivered]:
        """Events that the source gave up."""
        hub = hub_of(self._driver)
        return self._driver.ask(hub.outbox.undelivered, self._binding)

    def redeliver(self) -> int:
        """Try again what was given up; how many events that are."""
        count: int = self._change(lambda hub: hub.outbox.redeliver(self._binding))
        return count

    def enable(self) -> None:
        """Call the function again, also with what waited meanwhile."""
        self._change(lambda hub: hub.registry.switch(self._binding, True))

    def disable(self) -> None:
        """Call it no more until `enable()`; what happens meanwhile waits where the source keeps a log, and is not seen elsewhere."""
        self._change(lambda hub: hub.registry.switch(self._binding, False))

    def update(self, **options: object) -> None:
        """Change options of the trigger, such as its filter. What it watches stays."""
        self._change(lambda hub: hub.registry.update(self._binding, options))

    def delete(self) -> None:
        """Delete it, with what it has not delivered."""
        self._change(lambda hub: hub.registry.delete(self._binding))

    def _change(self, change: Callable[[Hub], Any]) -> Any:
        hub = hub_of(self._driver)

        def do() -> Any:
            if not hub.exists(self._binding):
                raise UsageError(f"Trigger {self.name!r} of {self.function!r} was deleted.", hint="make it again with lab.trigger(...)")
            return change(hub)

        return self._driver.ask(do)

    def __repr__(self) -> str:
        off = "" if self.enabled else ", disabled"
        return f"Trigger({self.name!r}: {self.trigger!r} -> {self.function!r}{off})"

    def _repr_html_(self) -> str:
        return f"<code>{html.escape(repr(self))}</code>"
