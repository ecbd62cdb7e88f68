"""What a lab's functions are called by besides its user: event sources, and the triggers between the two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from fclab.controls.desks import Desk, Shelves, TriggerHandle, hub_of
from fclab.errors import UsageError

if TYPE_CHECKING:
    from fclab.controls.driver import Driver
    from fclab.controls.gateway import GatewayDesk
    from fclab.controls.live import LiveDriver
    from fclab.engine.rows import Function
    from fclab.model import FunctionSpec
    from fclab.sources.base import Trigger
    from fclab.sources.bus.service import Bus
    from fclab.sources.catalog import Catalog
    from fclab.sources.cdn.service import Cdn
    from fclab.sources.hub import Hub
    from fclab.sources.logs.service import Logs
    from fclab.sources.messages.queues import Queues
    from fclab.sources.messages.topics import Topics
    from fclab.sources.monitor.service import Monitor
    from fclab.sources.objects.service import Objects
    from fclab.sources.tables.service import Tables
    from fclab.sources.timers import Timers

__all__ = ["Triggers"]


class Triggers:
    """The part of a `Lab` that has event sources."""

    _driver: Driver | LiveDriver
    _specs: dict[str, FunctionSpec]

    if TYPE_CHECKING:

        def _known(self, name: object) -> Function: ...

    def trigger(self, function: str, trigger: Trigger, *, name: str | None = None, enabled: bool = True) -> TriggerHandle:
        """Let a source call `function`: `lab.trigger("thumbnail", OSSTrigger(bucket="photos", prefix="in/"))`.

        name   of the trigger, one of its function's; left out, its type. One that is there already is returned, so a cell may run twice.
        Raises `UsageError` or `SourceError` for a trigger that cannot work.
        """
        from fclab.sources.base import Trigger as Kind

        hub = hub_of(self._driver)
        self._known(function)
        if not isinstance(trigger, Kind):
            raise UsageError(f"{trigger!r} is no trigger.", hint='such as OSSTrigger(bucket="photos")')
        return TriggerHandle(self._driver, self._driver.ask(hub.registry.create, function, trigger, name, enabled))

    def triggers(self, function: str | None = None) -> list[TriggerHandle]:
        """The lab's triggers, or those of one function, in the order in which they were made.

        Raises `UnknownFunction` for a function that is neither declared nor has triggers.
        """
        hub = hub_of(self._driver)
        found = [TriggerHandle(self._driver, one) for one in self._driver.ask(hub.registry.all, function)]
        if function is not None and not found:
            self._known(function)
        return found

    @property
    def queues(self) -> Queues:
        """The lab's message queues, also those of destinations: verbs such as `send` and `receive`, and a mapping of names to bodies.

        `lab.queues["NAME"]` is the list of all bodies in a queue, oldest first. It can be read when the lab is closed too.
        """
        from fclab.sources.messages.queues import Queues

        driver = self._driver
        hub: Hub | None = driver.platform.sources if driver.closed else hub_of(driver)  # type: ignore[assignment]
        return Shelves(driver, Queues if hub is None else hub.sources["queues"])  # type: ignore[arg-type, return-value]

    @property
    def topics(self) -> Topics:
        """The lab's topics."""
        return self._desk("topics")  # type: ignore[no-any-return]

    @property
    def bus(self) -> Bus:
        """The lab's event bus."""
        return self._desk("bus")  # type: ignore[no-any-return]

    @property
    def logs(self) -> Logs:
        """The log service: `lab.logs.append("shop", "access", [{"status": 500}])`."""
        return cast("Logs", self._desk("logs"))

    @property
    def monitor(self) -> Monitor:
        """Metrics of the lab itself, and how alarms stand: `lab.monitor.metric("cold_starts", "checkout")`."""
        return cast("Monitor", self._desk("monitor"))

    def catalog(self) -> Catalog:
        """Who may call a function: each source, its trigger, how it calls, what it does when a delivery fails, an example event."""
        from fclab.sources.catalog import catalog

        return catalog()

    @property
    def tables(self) -> Tables:
        """The table store: `lab.tables.put_row("orders", {"id": 1}, {"total": 12.5})`."""
        return self._desk("tables")  # type: ignore[no-any-return]

    @property
    def objects(self) -> Objects:
        """The object store: `lab.objects.put("photos", "in/a.jpg", data)`."""
        objects: Objects = self._desk("objects")
        return objects

    @property
    def timers(self) -> Timers:
        """When timers go off: `lab.timers.next("0 0 2 * * *", 3)`."""
        desk: Timers = self._desk("timers")
        return desk

    @property
    def cdn(self) -> Cdn:
        """The content delivery network: `lab.cdn.add("img.example.com")`, `.request(...)`, `.refresh(...)`."""
        desk: Cdn = self._desk("cdn")
        return desk

    @property
    def gateway(self) -> GatewayDesk:
        """The API gateway: `lab.gateway.request("GET", "/orders/7")`, `.mock(...)`, `.routes()`."""
        from fclab.controls.gateway import GatewayDesk

        return GatewayDesk(self._driver, hub_of(self._driver).sources["gateway"], self._specs)  # type: ignore[arg-type]

    def _desk(self, name: str) -> Any:
        return Desk(self._driver, hub_of(self._driver).sources[name])
