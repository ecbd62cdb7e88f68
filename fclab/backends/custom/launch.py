"""Starts a custom runtime's server on a port, and watches for it to listen there."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from fclab.backends.custom import ports
from fclab.backends.custom.http_client import HttpClient
from fclab.backends.custom.server_command import environment, find
from fclab.backends.process.groups import descendants
from fclab.backends.process.inside.wire import MOST_RESULT
from fclab.engine.failures import error_object
from fclab.engine.rows import Outcome
from fclab.units import SECOND

if TYPE_CHECKING:
    from fclab.backends.process.body import Body
    from fclab.clock import Timer

__all__ = ["Launch"]

LISTEN_LIMIT = 30 * SECOND
"""µs until the server must listen (Function Compute: 120 s). No more than loading a Python module may take, which the backend limits."""
PORT_LIMIT = 2 * SECOND
"""µs a fixed port may still be in use by the instance before."""
TRIES = 4
"""Free ports that are tried: another program may take one before the server does."""

_AGAIN = 10_000
"""µs between two looks at a port that somebody else has."""
_TAIL = 600
"""Characters of the server's last words in an error."""
_TAKEN = re.compile(r"EADDRINUSE|already in use|port\b.*\bin use", re.IGNORECASE)


class Launch:
    """One server's start. Kind and wording of its failures are Function Compute's (error pages of custom runtimes, read 2026-11).

    1. `done` is called once, not from within `begin`, with None once the server accepts connections on its port, else with how it failed:
       no such program, the server ended, or did not listen in time; unless `close` comes before.
    2. A server that ends because its free port was taken meanwhile is started again on another one.
    """

    def __init__(self, body: Body, done: Callable[[Outcome | None], object]) -> None:
        self._body = body
        self._clock = body.clock
        self._spec = body.instance.function.spec
        self._done = done
        self._command: list[str] = []
        self._tries = 0
        self._late: Timer | None = None
        self._claimed = 0
        """The port to give back, or 0."""
        self.under_way = False
        self.port = 0
        self.client = HttpClient(body.clock, 0, MOST_RESULT)

    def begin(self) -> None:
        """Start it."""
        now = self._clock.now()
        self.under_way = True
        self._command, missing = find(self._spec, self._body.room.code)
        if missing:
            self._clock.call_at(now, self._not_started, f"Failed to start function instance. Error: {missing}")
            return
        self._late = self._clock.call_at(now + LISTEN_LIMIT, self._too_late)
        self._clock.call_at(now, self._claim, now + PORT_LIMIT)

    def _claim(self, until: int) -> None:
        """Get a port; a fixed one may have to wait until the instance before has let go of it."""
        if not self.under_way:
            return
        fixed = self._spec.port
        if fixed is None:
            self._claimed = ports.claim()
            self._spawn(self._claimed)
        elif ports.is_free(fixed):
            self._spawn(fixed)
        elif self._clock.now() < until:
            self._clock.call_at(self._clock.now() + _AGAIN, self._claim, until)
        else:
            self._not_started(f"Failed to start function instance. Error: port {fixed} of this machine is in use")

    def _spawn(self, port: int) -> None:
        body = self._body
        self._tries += 1
        self.port = port
        self.client = HttpClient(self._clock, port, MOST_RESULT)
        try:
            body.spawn(self._command, environment(self._spec, body, port), folder=body.room.code)
        except OSError as error:
            said = error.strerror if error.errno != errno.ENOEXEC else "it is no program, and no script that names one (#!)"
            self._not_started(f"Failed to start function instance. Error: {self._command[0]} cannot be run: {said}")
            return
        self._wait()

    def _wait(self) -> None:
        if self.under_way:
            self.client.wait(self._listening)

    def _listening(self) -> None:
        group = self._body.group
        assert group is not None
        if ports.listens(self.port, descendants(group.pid)):
            self._end(None)
        else:  # somebody else was faster; the server will notice
            self.client.close()
            self._clock.call_at(self._clock.now() + _AGAIN, self._wait)

    def ended(self, outcome: Outcome) -> None:
        """The process is over (clause 2)."""
        self._release()
        if outcome.kind != "exit":
            self._end(outcome)
        elif self._spec.port is None and self._tries < TRIES and _TAKEN.search("".join(self._body.log)):
            self._claim(0)
        else:
            self._not_started(f"{outcome.error}: the server never listened on port {self.port}.{self._last_words()}")

    def _too_late(self) -> None:
        self._body.take_output()
        limit = f"{LISTEN_LIMIT / SECOND:g} seconds"
        self._not_started(f"Function instance health check failed on port {self.port} in {limit}.{self._last_words()}")

    def _last_words(self) -> str:
        """The end of the log, as part of an error."""
        tail = "".join(self._body.log)[-_TAIL:].strip()
        return f"\nLogs:\n{tail}" if tail else " It printed nothing."

    def _not_started(self, message: str) -> None:
        self._end(Outcome("error", error_object(message, "FunctionNotStarted"), message, "FunctionNotStarted"))

    def _end(self, outcome: Outcome | None) -> None:
        if self.under_way:
            self._over()
            self._body.take_output()
            self._done(outcome)

    def _release(self) -> None:
        self.client.close()
        ports.release(self._claimed)
        self._claimed = 0

    def close(self) -> None:
        """Give everything back: the server is not spoken to any more."""
        self._over()
        self._release()

    def _over(self) -> None:
        self.under_way = False
        if self._late is not None:
            self._late.cancel()
