"""What a lab is told about its functions while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from fclab.controls import settings
from fclab.errors import UnknownFunction
from fclab.model import AsyncConfig, Schedule, TargetTracking

if TYPE_CHECKING:
    from fclab.controls.driver import Driver
    from fclab.controls.live import LiveDriver
    from fclab.engine.platform import Platform
    from fclab.engine.rows import Function
    from fclab.model import FunctionSpec

__all__ = ["Steering"]


class Steering:
    """The part of a `Lab` that changes how many instances there are, and who may be called."""

    _driver: Driver | LiveDriver
    _platform: Platform
    _specs: dict[str, FunctionSpec]

    def reserve(
        self,
        name: str,
        target: int,
        *,
        schedule: Sequence[Schedule | tuple[float, float, int]] = (),
        tracking: TargetTracking | None = None,
    ) -> None:
        """Keep `target` instances of a function ready, from now on and until you say otherwise; 0 gives them back.

        schedule   `Schedule` rules, or (start, end, target) triples, in lab seconds; the largest in force wins
        tracking   a `TargetTracking`; evaluated once a minute
        """
        self._driver.check()
        self._driver.ask(settings.reserve, self._platform, self._known(name), target, schedule, tracking)

    def limit(self, name: str, max_instances: int | None = None) -> None:
        """Cap a function's instances, reserved ones included; surplus ones go, busy ones last. None lifts the cap, 0 blocks it."""
        self._driver.check()
        self._driver.ask(settings.limit, self._platform, self._known(name), max_instances)

    def configure_async(self, name: str, config: AsyncConfig) -> None:
        """How a function's async requests are retried, and who is told of their outcomes, from now on; its instances stay.

        What has been accepted already meets it too. A later declaration takes what it says itself.
        """
        self._driver.check()
        self._driver.ask(settings.configure_async, self._platform, self._known(name), config)
        self._specs[name] = replace(self._specs[name], async_config=config)

    def disable(self, name: str) -> None:
        """Refuse new requests of a function (403); accepted events wait."""
        self._driver.check()
        self._driver.ask(settings.switch, self._platform, self._known(name), False)

    def enable(self, name: str) -> None:
        """Accept requests again."""
        self._driver.check()
        self._driver.ask(settings.switch, self._platform, self._known(name), True)

    def delete(self, name: str) -> None:
        """Delete a function and its triggers. Its async events are stopped, waiting ones and running ones; sync requests end by themselves.

        Its instances go, busy ones when they are done. What comes later finds no such function (404).
        """
        self._driver.check()
        self._driver.ask(settings.delete, self._platform, self._known(name))
        del self._specs[name]

    def _known(self, name: object) -> Function:
        fn = self._platform.functions.get(name) if isinstance(name, str) else None
        if fn is None:
            there = ", ".join(map(repr, self._specs)) or "none yet"
            raise UnknownFunction(f"There is no function {name!r} in this lab.", hint=f"declared: {there}")
        return fn
