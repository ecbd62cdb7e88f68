"""The HTTP entry: a request as an HTTP trigger makes it, and the answer as its caller sees it. No socket is needed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from fclab.backends.virtual.handler_time import EPOCH_US
from fclab.controls.http_message import HttpAnswer, Query, Sent, answer_of, as_told, failed
from fclab.errors import UnknownFunction, UsageError
from fclab.model import FunctionSpec, Response
from fclab.units import SECOND

if TYPE_CHECKING:
    from fclab.controls.driver import Driver
    from fclab.controls.live import LiveDriver
    from fclab.sources.base import Binding
    from fclab.sources.http.service import Http
    from fclab.sources.hub import Hub

__all__ = ["HttpAnswer", "HttpEntry"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class HttpEntry:
    """`lab.http`: functions as their HTTP callers see them.

    1. A function with an HTTP trigger is reached through it: by the trigger's rules, and recorded as its work.
    2. A function without one is reached all the same, by anybody: that is the lab's own address, for trying things out.
    """

    def __init__(self, driver: Driver | LiveDriver, functions: Mapping[str, FunctionSpec]) -> None:
        self._driver = driver
        self._functions = functions
        self._signed = 0

    def request(
        self, method: str, path: str, *, function: str | None = None, headers: Mapping[str, str] | None = None, body: object = b"",
        query: Query | None = None, signed: bool = False, intranet: bool = False,
    ) -> HttpAnswer:  # fmt: skip
        """One HTTP request, answered before this returns. Never raises for what the function does.

        path       begins with /; a query may follow it, or come as `query`: a text, names and values, or pairs
        function   whom it is for; left out, the lab's only function, its only one with an HTTP trigger, or with a custom runtime
        body       bytes or text (up to 32 MB as an event; what is no text is a third larger there); anything else is sent as JSON
        signed     sign it with the account's keys, as an HTTP trigger with auth="function" asks for
        intranet   use the trigger's address inside the region, which is there when the one on the internet is not

        A server (custom runtime) gets the request itself. A Python handler gets the event of an HTTP trigger, and answers with
        {"statusCode", "headers", "isBase64Encoded", "body"}; whatever else it returns is the body of a 200. Through a trigger, the header
        X-Fc-Invocation-Type: Async makes it an async request, answered 202 at once.
        """
        hub = self._hub()
        name = self._whom(function, hub)
        sent = Sent.of(method, path, query, headers, body)
        binding = None if hub is None else self._driver.ask(_web(hub).of_function, name)
        if signed:
            sent = replace(sent, headers=self._sign(sent, name))
        event = _event(sent, name, whole=self._functions[name].runtime == "custom")
        if hub is None or binding is None:
            return as_told(self._plain(name, event), sent.method)
        return as_told(self._through(hub, binding, sent, event, internet=not intranet), sent.method)

    def _plain(self, name: str, event: dict[str, Any]) -> HttpAnswer:
        """Clause 2."""
        platform = self._driver.platform

        def start(reply: Callable[[Response], object]) -> None:
            platform.front_door.accept(name, self._stamped(event), "sync", reply)

        return answer_of(self._driver.answer(start))

    def _through(self, hub: Hub, binding: Binding, sent: Sent, event: dict[str, Any], internet: bool) -> HttpAnswer:
        """Clause 1."""
        from fclab.sources.http.service import GateAnswer, trigger_of
        from fclab.sources.http.signature import Message

        web = _web(hub)
        headers = {"host": _host(binding.function), **sent.headers}
        message = Message(sent.method, sent.path, sent.query, headers, sent.body)
        kind = headers.get("x-fc-invocation-type", "Sync").lower()

        def start(reply: Callable[[Response | GateAnswer], object]) -> None:
            given = web.admit(binding, message, internet)
            if given is None and kind not in ("sync", "async"):
                given = GateAnswer.refusal(400, "InvalidArgument", f"invocation type '{kind}' is neither Sync nor Async")
            if given is not None:
                reply(given)
            else:
                hub.request(binding, self._stamped(event), "async" if kind == "async" else "sync", reply)

        said = self._driver.answer(start)
        readable = web.cors(trigger_of(binding), message)
        if isinstance(said, GateAnswer):
            response = Response(said.status, said.body, said.message or None, said.code or None)
            return HttpAnswer(said.status, {**said.headers, **readable}, said.body, response)
        if kind == "async" and said.ok:
            answer = HttpAnswer(202, {"x-fc-request-id": said.request_id}, b"", said)
        elif kind == "async":
            answer = failed(said, said.status, said.payload)
        else:
            answer = answer_of(said)
        return replace(answer, headers={**answer.headers, **readable})

    def _stamped(self, event: dict[str, Any]) -> bytes:
        """The event with the next request's id and lab time."""
        platform = self._driver.platform
        us = EPOCH_US + platform.clock.now() if platform.sources is None else platform.hub.unix()  # type: ignore[attr-defined]
        stamp = (_EPOCH + timedelta(microseconds=us)).strftime("%Y-%m-%dT%H:%M:%SZ")
        ident = platform.request_id(platform.front_door.requests + 1)
        event["requestContext"] |= {"requestId": ident, "time": stamp, "timeEpoch": str(us // 1000)}
        return json.dumps(event).encode()

    def _sign(self, sent: Sent, function: str) -> dict[str, str]:
        from fclab.controls.desks import hub_of
        from fclab.sources.http.service import KEYS
        from fclab.sources.http.signature import Message, sign

        hub = hub_of(self._driver)
        ((key, secret),) = KEYS.items()
        self._signed += 1
        nonce = hashlib.sha256(f"{self._driver.platform.seed}:{self._signed}".encode()).hexdigest()[:32]
        message = Message(sent.method, sent.path, sent.query, {"host": _host(function), **sent.headers}, sent.body)
        return sign(message, key, secret, now=self._driver.ask(hub.unix) / SECOND, nonce=nonce)

    def _hub(self) -> Hub | None:
        """The sources, if there are any: a lab that has no trigger needs none."""
        self._driver.check()
        hub: Hub | None = self._driver.platform.sources  # type: ignore[assignment]
        return hub

    def _whom(self, function: object, hub: Hub | None) -> str:
        """The function that is meant."""
        if function is None:
            names = [name for name, spec in self._functions.items() if spec.runtime == "custom"] or [*self._functions]
            if len(names) != 1 and hub is not None:
                bound = {one.function for one in self._driver.ask(hub.registry.all) if one.trigger.TYPE == "http"}
                names = [name for name in self._functions if name in bound] or names
            if len(names) == 1:
                return names[0]
            there = ", ".join(map(repr, names)) or "there is none yet"
            raise UsageError("It is not clear which function the request is for.", hint=f"give function=; {there}")
        if not isinstance(function, str) or function not in self._functions:
            there = ", ".join(map(repr, self._functions)) or "none yet"
            raise UnknownFunction(f"There is no function {function!r} in this lab.", hint=f"declared: {there}")
        return function


def _web(hub: Hub) -> Http:
    web: Http = hub.sources["http"]  # type: ignore[assignment]
    return web


def _host(function: str) -> str:
    return f"{function}.lab.fcapp.run"


def _event(sent: Sent, function: str, *, whole: bool) -> dict[str, Any]:
    """An HTTP trigger's event without its stamps. With `whole`, for a server, the query stays in rawPath to the letter."""
    from fclab.sources.http.trigger import request_event

    text, encoded = sent.text()
    raw = f"{sent.path}?{sent.query}" if whole and sent.query else sent.path
    return request_event(sent.method, raw, sent.decoded, sent.headers, sent.values(), text, encoded, function)
