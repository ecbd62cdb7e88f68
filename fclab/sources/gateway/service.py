"""The API gateway: routes with path parameters and stages, in front of functions and of mock answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fclab.errors import SourceError, UsageError
from fclab.sources.base import Binding, Source, verb
from fclab.sources.gateway.routes import STAGES, Route, header
from fclab.sources.gateway.trigger import APIGatewayTrigger, check_throttle, trigger_of
from fclab.units import SECOND

if TYPE_CHECKING:
    from fclab.sources.hub import Hub

__all__ = ["Gateway", "GatewayRefused", "Mock"]


class GatewayRefused(Exception):
    """What the gateway answers itself: HTTP `status`, and what the headers X-Ca-Error-Code and X-Ca-Error-Message say."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Mock:
    """An answer that needs no function."""

    route: Route
    status: int
    headers: dict[str, str]
    body: str
    throttle: int | None


class Gateway(Source):
    """Routes, and who answers them. Calling is the caller's part: what waits for an answer is no verb."""

    NAME = "gateway"
    TITLE = "API gateway"
    SCHEMA = """
    CREATE TABLE IF NOT EXISTS gateway_mocks (
        stage TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, status INTEGER NOT NULL, headers TEXT NOT NULL, body TEXT NOT NULL,
        throttle INTEGER, PRIMARY KEY (stage, method, path)
    ) WITHOUT ROWID;
    """
    TRIGGERS = (APIGatewayTrigger,)

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub)
        self._passed: dict[Route, tuple[int, int]] = {}
        """By route: the second in which a request passed last, and how many did in it."""
        self.requests = 0
        """Those that came, since the lab was made."""

    def bind(self, binding: Binding) -> None:
        self._check_free(trigger_of(binding).route, binding)

    def find(self, stage: str, method: str, path: str) -> tuple[Binding | Mock, dict[str, str]]:
        """Who answers a request, and the path's parameters, decoded. Counts it; raises `GatewayRefused` (404, 429).

        path   encoded, as sent
        """
        best: tuple[tuple[tuple[int, ...], int], Binding | Mock, Route, dict[str, str]] | None = None
        for route, answers in self._routes():
            if route.stage == stage and (best is None or route.rank < best[0]) and (values := route.match(method, path)) is not None:
                best = route.rank, answers, route, values
        if best is None:
            raise GatewayRefused(404, "I404NF", f"API not found with `{method}` `{path}` in stage `{stage}`")
        _, answers, route, values = best
        self._count(route, answers.throttle if isinstance(answers, Mock) else trigger_of(answers).throttle)
        return answers, values

    def _count(self, route: Route, throttle: int | None) -> None:
        second = self.hub.unix() // SECOND
        last, count = self._passed.get(route, (second, 0))
        count = count if last == second else 0
        if throttle is not None and count >= throttle:
            raise GatewayRefused(429, "T429PA", f"Throttled by API Flow Control, {throttle} requests per second")
        self._passed[route] = second, count + 1

    def _routes(self) -> list[tuple[Route, Binding | Mock]]:
        bound = [(trigger_of(one).route, one) for one in self.hub.registry.of(self.NAME)]
        return [*bound, *((mock.route, mock) for mock in self._mocks())]

    def _mocks(self) -> list[Mock]:
        rows = self.store.all("SELECT stage, method, path, status, headers, body, throttle FROM gateway_mocks ORDER BY stage, path, method")
        return [Mock(Route.of(stage, method, path), status, json.loads(headers), body, most) for
                stage, method, path, status, headers, body, most in rows]  # fmt: skip

    def _check_free(self, route: Route, binding: Binding | None = None) -> None:
        """Clause 3 of `Route`."""
        for other in self.hub.registry.all():
            if other is not binding and isinstance(other.trigger, APIGatewayTrigger) and other.trigger.route.right == route.right:
                what = f"{other.trigger.method} {other.trigger.path} is a route of {other.function!r}, by its trigger {other.name!r}."
                raise SourceError("DuplicateRoute", what, hint="delete that one, or choose another path")
        if any(mock.route.right == route.right for mock in self._mocks() if binding is not None or mock.route != route):
            raise SourceError("DuplicateRoute", f"{route.method} {route.path} has a mock answer.", hint="lab.gateway.unmock it first")

    @verb
    def mock(
        self, method: str, path: str, status: int = 200, body: object = "", headers: Mapping[str, str] | None = None,
        stage: str = "release", throttle: int | None = None,
    ) -> None:  # fmt: skip
        """Answer a route without a function; again for the same route replaces the answer.

        status   100 to 599; body: a text, or what is sent as JSON; throttle: requests in each second that pass. None: all
        Raises `SourceError` ("DuplicateRoute") where a function has the route, `UsageError` for wrong values.
        """
        route = Route.of(stage, method, path)
        if isinstance(status, bool) or not isinstance(status, int) or not 100 <= status <= 599:
            raise UsageError(f"A status is from 100 to 599, not {status!r}.", hint="such as 200")
        given = {} if headers is None else headers
        if not isinstance(given, Mapping) or not all(header(*pair) for pair in given.items()):
            raise UsageError(f"headers map names to texts of one line, not {headers!r}.", hint='such as {"content-type": "text/plain"}')
        check_throttle(throttle)
        told = {name.lower(): value for name, value in given.items()}
        if not isinstance(body, str):
            try:
                body = json.dumps(body, allow_nan=False)
            except (TypeError, ValueError):
                raise UsageError(f"{body!r} cannot be sent.", hint="a text, or plain values") from None
            told.setdefault("content-type", "application/json")
        self._check_free(route)
        with self.hub.change() as change:
            self.store.run("INSERT OR REPLACE INTO gateway_mocks VALUES (?, ?, ?, ?, ?, ?, ?)",
                           stage, method, route.path, status, json.dumps(told), body, throttle)  # fmt: skip
            change.happened(self.label(f"{method} {path}"), f"mock {status}")

    @verb
    def unmock(self, method: str, path: str, stage: str = "release") -> None:
        """Take a mock answer away. Raises `SourceError` ("NotFoundApi") if there is none."""
        route = Route.of(stage, method, path)
        with self.hub.change() as change:
            where = (stage, method, route.path)
            if not self.store.run("DELETE FROM gateway_mocks WHERE stage = ? AND method = ? AND path = ?", *where).rowcount:
                raise SourceError("NotFoundApi", f"{method} {path} has no mock answer in {stage!r}.", hint="see lab.gateway.routes()")
            change.happened(self.label(f"{method} {path}"), "mock removed")

    @verb
    def routes(self, stage: str | None = None) -> list[dict[str, Any]]:
        """The routes that are on, most specific first: [{"stage", "method", "path", "function" or None for a mock, "throttle"}]."""
        rows = []
        for route, answers in sorted(self._routes(), key=lambda one: (STAGES.index(one[0].stage), one[0].rank, one[0].segments)):
            function, most = (None, answers.throttle) if isinstance(answers, Mock) else (answers.function, trigger_of(answers).throttle)
            if stage in (None, route.stage):
                rows.append({"stage": route.stage, "method": route.method, "path": route.path, "function": function, "throttle": most})
        return rows
