"""Labs that are called over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fclab.controls.driver import Driver
from fclab.errors import MissingExtra, UsageError
from fclab.units import to_us

if TYPE_CHECKING:
    from fclab.controls.live import LiveDriver
    from fclab.packages.home import CodeHome
    from fclab.server.endpoint import Endpoint

__all__ = ["Serving"]


class Serving:
    """The part of a `Lab` that has HTTP servers."""

    _code: CodeHome
    _driver: Driver | LiveDriver
    _endpoints: list[Endpoint]

    def serve(
        self, port: int = 0, host: str = "127.0.0.1", *, access_key_id: str | None = None, access_key_secret: str | None = None,
        public: bool = False, grace: float = 10.0,
    ) -> Endpoint:  # fmt: skip
        """Let official clients call this lab over HTTP, at `.url` of what this returns, until it or the lab is closed.

        port     0: a free one
        host     an address of this machine; one that others can reach needs public=True and a key of yours
        access_key_id, access_key_secret   what clients sign with; left out, a random pair, which `.access_key_id` and so on tell
        grace    seconds that requests under way have to end once it is closed

        Raises `UsageError` for a lab in virtual time, where nothing happens while nobody moves the clock, and for an address that
        cannot be had; `MissingExtra` where the packages of fclab[serve] are not installed.
        """
        self._driver.check()
        if isinstance(self._driver, Driver):
            raise UsageError("A lab in virtual time cannot be served: its clock stands still between calls.", hint='use Lab("process")')
        to_us(grace, "grace")
        try:
            from fclab.server.endpoint import Endpoint
            from fclab.server.keys import KeyRing
        except ModuleNotFoundError as missing:
            if (missing.name or "").startswith("fclab"):
                raise
            raise MissingExtra(f"Serving a lab needs {missing.name}.", hint="pip install 'fclab[serve]'") from None
        keys = KeyRing(access_key_id, access_key_secret)
        made = Endpoint(self, self._driver, self._code, host, port, keys, public, grace)  # type: ignore[arg-type]
        self._endpoints = [one for one in self._endpoints if not one.closed] + [made]
        return made

    def _end_serving(self) -> None:
        for endpoint in self._endpoints:
            endpoint.close()
        self._endpoints = []
