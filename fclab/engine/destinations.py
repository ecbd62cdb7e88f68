"""Where the outcome of an async request goes: another function, or a queue inside the lab."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from fclab.observe import events as e

if TYPE_CHECKING:
    from fclab.engine.platform import Platform
    from fclab.engine.rows import Attempt, Outcome, Request

__all__ = ["Destinations", "event_body"]


def event_body(request: Request, request_id: str, attempt: Attempt, outcome: Outcome, now: int) -> bytes:
    """The documented event of a result callback, as JSON. Times are lab time in ms."""
    failed = outcome.error is not None
    kind = (outcome.error_type or "UnhandledInvocationError") if failed else ""
    return json.dumps(
        {
            "timestamp": now // 1000,
            "requestContext": {
                "requestId": request_id,
                "functionArn": f"acs:fc:::functions/{request.fn.name}",
                "condition": kind,
                "approximateInvokeCount": attempt.number,
            },
            "requestPayload": request.payload.decode("utf-8", "replace"),
            "responseContext": {"statusCode": outcome.status, "functionError": kind},
            "responsePayload": outcome.payload.decode("utf-8", "replace"),
        }
    ).encode()


class Destinations:
    """Tells `on_success` or `on_failure`; a queue keeps bodies in order of arrival."""

    def __init__(self, platform: Platform) -> None:
        self.p = platform
        self.queues: dict[str, list[bytes]] = {}

    def tell(self, request: Request, attempt: Attempt, outcome: Outcome) -> None:
        """Send the outcome on, if the function asks for it. A stopped task tells nobody."""
        p, config = self.p, request.fn.spec.async_config
        to = config.on_success if outcome.error is None else config.on_failure
        if to is None or outcome.kind == "stopped":
            return
        body = event_body(request, p.request_id(request.number), attempt, outcome, p.clock.now())
        if p.faults.arrows:
            p.cross("dispatcher->destination", request, partial(self._send, request, attempt, to, body), lambda effect: None)
        else:
            self._send(request, attempt, to, body)

    def _send(self, request: Request, attempt: Attempt, to: str, body: bytes) -> None:
        p = self.p
        caused = 0
        if to.startswith("queue:"):
            self.queues.setdefault(to[6:], []).append(body)
        else:
            caused = p.front_door.requests + 1
        p.record(
            p.clock.now(), e.DestinationCalled.KIND, request.number, attempt.number, 0, request.fn.number, p.recording.text(to), caused
        )
        if caused:
            p.front_door.accept(to, body, "async", cause=request.number)
