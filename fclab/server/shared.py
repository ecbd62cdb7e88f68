"""What all faces stand on: the lab, its keys, and the two ways to its engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from fclab.errors import LabClosed
from fclab.server.keys import KeyRing
from fclab.server.refusals import Refused
from fclab.server.shelf import Shelf
from fclab.server.tickets import Tickets
from fclab.sources.http.signature import Nonces

if TYPE_CHECKING:
    from fclab.controls.live import LiveDriver
    from fclab.lab import Lab
    from fclab.model import FunctionSpec
    from fclab.packages.home import CodeHome

__all__ = ["Shared"]

P = ParamSpec("P")
T = TypeVar("T")


class Shared:
    """1. What changes or reads the lab through its own methods goes through `control`, one call after the other, off the server's loop.
    2. What must be fast goes to the engine itself, through `engine`: no thread waits for its answer.
    """

    def __init__(self, lab: Lab, driver: LiveDriver, code: CodeHome, keys: KeyRing, url: str) -> None:
        self.lab = lab
        self.driver = driver
        self.code = code
        self.shelf = Shelf(driver)
        self.tickets = Tickets()
        self.checksums: dict[str, str] = {}
        """Of packages, by digest, as far as somebody asked."""
        self.keys = keys
        self.url = url
        self.nonces = Nonces()
        self._closed = False
        self._control = ThreadPoolExecutor(1, thread_name_prefix="fclab control")

    async def control(self, do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `do(...)` returns or raises (clause 1)."""
        return await asyncio.get_running_loop().run_in_executor(self._control, lambda: do(*args, **kwargs))

    async def engine(self, start: Callable[[Callable[[Any], object]], object]) -> Any:
        """What `start(reply)`, on the engine's thread, makes somebody call `reply` with, sooner or later (clause 2)."""
        if self.driver.closed:
            raise LabClosed("This lab is closed.")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()

        def tell(value: object, error: BaseException | None) -> None:
            if answer.done():
                return
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(value)

        def begin() -> None:
            try:
                start(lambda value: loop.call_soon_threadsafe(tell, value, None))
            except Exception as error:
                loop.call_soon_threadsafe(tell, None, error)

        self.driver.clock.post(begin)
        return await answer

    def spec(self, name: str) -> FunctionSpec:
        """A declared function. Raises `Refused`: FunctionNotFound."""
        spec = self.lab.functions.get(name)
        if spec is None:
            raise Refused(404, "FunctionNotFound", f"function '{name[:128]}' does not exist")
        return spec

    def checksum(self, spec: FunctionSpec) -> str:
        """The CRC-64 of a function's package as a decimal number; "" where it has none."""
        if spec.package is None:
            return ""
        digest = spec.package.digest
        if digest not in self.checksums:
            self.checksums[digest] = self.code.store.checksum(digest)
        return self.checksums[digest]

    def close(self) -> None:
        """Wait for what `control` is doing, and do no more."""
        if not self._closed:
            self._closed = True
            self._control.shutdown(cancel_futures=True)
            self.shelf.close()
