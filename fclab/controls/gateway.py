"""The API gateway's face: a request as its callers make it, and the answer that they see. No socket is needed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING
from uuid import UUID

from fclab.controls.desks import Desk
from fclab.controls.http_message import HttpAnswer, Query, Sent, answer_of, as_told, described
from fclab.errors import UsageError
from fclab.model import FunctionSpec, Response
from fclab.sources.gateway.routes import STAGES
from fclab.sources.gateway.service import Gateway, GatewayRefused, Mock
from fclab.sources.gateway.trigger import gateway_event, trigger_of
from fclab.units import SECOND

if TYPE_CHECKING:
    from fclab.controls.driver import Driver
    from fclab.controls.live import LiveDriver
    from fclab.sources.base import Binding

__all__ = ["GatewayDesk"]

Said = Response | Mock | GatewayRefused


class GatewayDesk(Desk):
    """`lab.gateway`: routes, and requests to them."""

    def __init__(self, driver: Driver | LiveDriver, source: Gateway, functions: Mapping[str, FunctionSpec]) -> None:
        super().__init__(driver, source)
        self._gateway = source
        self._functions = functions

    def __dir__(self) -> list[str]:
        return sorted([*super().__dir__(), "request"])

    def request(
        self, method: str, path: str, *, stage: str = "release", headers: Mapping[str, str] | None = None, body: object = b"",
        query: Query | None = None,
    ) -> HttpAnswer:  # fmt: skip
        """One HTTP request to a route, answered before this returns. Never raises for what the route or its function does.

        path    begins with /; a query may follow it, or come as `query`: a text, names and values, or pairs
        body    bytes or text; anything else is sent as JSON
        stage   release, pre or test; a header X-Ca-Stage says it too

        A function gets {"path", "httpMethod", "headers", "queryParameters", "pathParameters", "body", "isBase64Encoded"}, and must answer
        {"isBase64Encoded", "statusCode", "headers", "body"}. What the gateway answers itself says so in the headers X-Ca-Error-Code and
        X-Ca-Error-Message: 404 I404NF no such route, 429 T429PA throttled, 504 D504TO the function took too long, 503 D503FC it failed, or
        its answer has another shape. (The product's page on functions says 503 for those; the code follows the form of its other ones.)
        """
        self._driver.check()
        if stage not in STAGES:
            raise UsageError(f"A stage is one of {', '.join(STAGES)}, not {stage!r}.", hint="leave it out for release")
        sent = Sent.of(method, path, query, headers, body)
        where = sent.headers.get("x-ca-stage", stage).lower()

        def start(reply: Callable[[tuple[Said, str, bool]], object]) -> None:
            ident = self._id()
            try:
                answers, parameters = self._gateway.find(where, sent.method, sent.path)
            except GatewayRefused as refused:
                reply((refused, ident, False))
                return
            if isinstance(answers, Mock):
                reply((answers, ident, False))
            else:
                spec = self._functions.get(answers.function)
                server = spec is not None and spec.runtime == "custom"
                self._call(answers, sent, parameters, lambda said: reply((said, ident, server)))

        return as_told(_answer(*self._driver.answer(start)), sent.method)

    def _call(self, binding: Binding, sent: Sent, parameters: dict[str, str], reply: Callable[[Said], object]) -> None:
        """Through the trigger to its function; whichever comes first, the answer or the end of patience, is the reply."""
        hub, trigger = self._gateway.hub, trigger_of(binding)
        if binding.function not in hub.platform.functions:
            reply(_broken(f"function '{binding.function}' does not exist"))
            return
        over = False

        def late() -> None:
            nonlocal over
            over = True
            reply(GatewayRefused(504, "D504TO", f"Backend service request timeout, {trigger.timeout:g} s"))

        def replied(said: Response) -> None:
            if not over:
                timer.cancel()
                reply(said)

        timer = hub.tick(hub.unix() + round(trigger.timeout * SECOND), late)
        hub.request(binding, self._event(binding.function, sent, parameters), "sync", replied)

    def _event(self, function: str, sent: Sent, parameters: dict[str, str]) -> bytes:
        """What the function gets; a server (custom runtime) gets the request itself."""
        text, encoded = sent.text()
        if self._functions[function].runtime != "custom":
            return gateway_event(sent.decoded, sent.method, sent.headers, sent.values(), parameters, text, encoded)
        from fclab.sources.http.trigger import request_event

        raw = f"{sent.path}?{sent.query}" if sent.query else sent.path
        return json.dumps(request_event(sent.method, raw, sent.decoded, sent.headers, sent.values(), text, encoded, function)).encode()

    def _id(self) -> str:
        """A request's id: of the run's seed, the time, and the requests so far."""
        hub = self._gateway.hub
        self._gateway.requests += 1
        made = sha256(f"{hub.platform.seed}:gateway:{hub.unix()}:{self._gateway.requests}".encode()).digest()
        return str(UUID(bytes=made[:16])).upper()


def _broken(what: str) -> GatewayRefused:
    return GatewayRefused(503, "D503FC", f"Backend Function Compute: {what}")


def _answer(said: Said, ident: str, server: bool) -> HttpAnswer:
    """What the caller sees: a mock's answer, the function's, or the gateway's own."""
    own = {"x-ca-request-id": ident}
    if isinstance(said, Mock):
        body = said.body.encode()
        return HttpAnswer(said.status, {**said.headers, **own}, body, Response(said.status, body))
    if isinstance(said, GatewayRefused):
        response = Response(said.status, b"", said.message, said.code)
        return HttpAnswer(said.status, {**own, "x-ca-error-code": said.code, "x-ca-error-message": said.message}, b"", response)
    answer = _of_function(said, server)
    if answer is not None:
        return replace(answer, headers={**answer.headers, **own})
    failure = _broken(said.error or "its answer is not {isBase64Encoded, statusCode, headers, body}")
    return replace(_answer(failure, ident, server), response=said)


def _of_function(said: Response, server: bool) -> HttpAnswer | None:
    """The answer that a function gave, or None if it failed or gave none of the documented shape."""
    if said.error is not None:
        return None
    if server:
        return answer_of(said)
    try:
        document = said.json()
    except UsageError:
        return None
    return described(document, said) if isinstance(document, dict) and "statusCode" in document else None
