"""A lab's HTTP server: its socket, its thread, its end."""

from __future__ import annotations

import ipaddress
import socket
import threading
from typing import TYPE_CHECKING

import uvicorn

from fclab.errors import UsageError
from fclab.server.app import App, faces
from fclab.server.intake import Origins
from fclab.server.keys import KeyRing
from fclab.server.protocol import Protocol
from fclab.server.shared import Shared

if TYPE_CHECKING:
    from fclab.controls.live import LiveDriver
    from fclab.lab import Lab
    from fclab.packages.home import CodeHome

__all__ = ["Endpoint"]

GRACE = 10
"""Seconds that requests under way have when the server is closed; then they are answered 503."""
KEEP_ALIVE = 75
"""Seconds for which a connection may rest."""


class Endpoint:
    """A served lab: `url`, `access_key_id`, `access_key_secret`; `close()` ends it.

    1. It listens when it is made. 2. After `close` none of its threads, connections and ports is left; the lab goes on.
    3. Closing the lab closes it first. 4. Only the loopback is served unless the caller says public and brings a key.
    """

    def __init__(
        self, lab: Lab, driver: LiveDriver, code: CodeHome, host: str, port: int, keys: KeyRing, public: bool, grace: float
    ) -> None:
        self._keys = keys
        self._listener = _listen(host, port, public, keys)
        self.host, self.port = host, int(self._listener.getsockname()[1])
        try:
            self._shared = Shared(lab, driver, code, keys, self.url)
            app = App(self._shared, Origins(host, self.port, public), faces())
        except BaseException:
            self._listener.close()
            raise
        config = uvicorn.Config(
            app, http=Protocol, loop="asyncio", ws="none", lifespan="off", interface="asgi3", log_config=None, log_level="critical",
            access_log=False, proxy_headers=False, server_header=False, timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=grace,  # type: ignore[arg-type]
        )  # fmt: skip
        config.load()
        self._server = _Server(config)
        self._closing = threading.Lock()
        self._thread = threading.Thread(target=self._server.run, args=([self._listener],), name="fclab server", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it is: "http://127.0.0.1:9090"."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def access_key_id(self) -> str:
        """The id of the key that clients sign with."""
        return self._keys.key_id

    @property
    def access_key_secret(self) -> str:
        """Its secret."""
        return self._keys.secret

    @property
    def closed(self) -> bool:
        """It has ended."""
        return not self._thread.is_alive()

    def close(self) -> None:
        """End it: no new connections, what is under way has `GRACE` seconds (clause 2). Any thread may, also more than once."""
        with self._closing:
            self._server.should_exit = True
            self._thread.join()
            self._listener.close()
            self._shared.close()

    def __enter__(self) -> Endpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Endpoint({self.url!r}{', closed' if self.closed else ''})"


class _Server(uvicorn.Server):
    """Ends connections that outlast the grace, too."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Called by uvicorn once it is to exit."""
        await super().shutdown(sockets)
        for task in list(self.server_state.tasks):
            task.cancel()
        for task in list(self.server_state.tasks):
            await task
        for connection in list(self.server_state.connections):
            connection.transport.close()


def _listen(host: object, port: object, public: object, keys: KeyRing) -> socket.socket:
    """A listening socket. Raises `UsageError` for what may not be, or cannot be had."""
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65_535:
        raise UsageError(f"A port is a whole number from 0 to 65535, not {port!r}.", hint="0 takes a free one")
    if not isinstance(host, str) or not host:
        raise UsageError(f"A host is an address such as '127.0.0.1', not {host!r}.", hint="leave it out for the loopback")
    try:
        family, _, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{host!r} is no address of this machine: {error}.", hint="leave it out for the loopback") from None
    if not ipaddress.ip_address(str(where[0]).partition("%")[0]).is_loopback and not (public and keys.given):
        hint = "say public=True (--public) and give access_key_id and access_key_secret of your own"
        raise UsageError(f"{host} can be reached from other machines, and clients run code here.", hint=hint)
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
        listener.listen(1024)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise UsageError(f"{host}:{port} cannot be served: {error.strerror}.", hint="port=0 takes a free one") from None
    return listener
