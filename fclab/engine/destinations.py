"""Where the outcome of an async request goes: another function, or a queue or topic of the lab."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from fclab.clock import Order
from fclab.engine.retry import backoff
from fclab.engine.rows import Function, Request
from fclab.engine.tasks import Task
from fclab.errors import FclabError
from fclab.model import FunctionSpec
from fclab.observe import events as e
from fclab.queues.base import Call
from fclab.units import SECOND

if TYPE_CHECKING:
    from fclab.clock import Timer
    from fclab.engine.platform import Platform
    from fclab.engine.rows import Attempt, Outcome

__all__ = ["INSIDE", "TRIES", "Destinations", "Telling", "event_body"]

INSIDE = ("queue:", "topic:")
"""How the names of destinations begin that are no functions."""

FIRST, CAP = SECOND // 2, 512 * SECOND
"""µs before a destination that failed is told again, doubling up to the cap: the waits of system errors."""

TRIES = 10
"""Attempts to tell a destination, of which the last is made after some four minutes; then it is given up, and the task's record says so."""


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


class Telling:
    """A call to a destination under way: of which request's outcome, which delivery's."""

    __slots__ = ("attempt", "call", "request")

    def __init__(self, call: Call, request: Request, attempt: int) -> None:
        self.call = call
        self.request = request
        self.attempt = attempt


class Destinations:
    """Tells `on_success` or `on_failure`.

    1. The call is stored with the outcome that it tells of, and made after that.
    2. A call that fails (lost on its arrow, refused by the function's front door) is made again with back-off, `TRIES` times in all.
       Whatever becomes of it, the outcome of the request stays what it is.
    3. A call that an earlier life of the home left waits for its target, if that is a function, and not for the function whose outcome
       it tells. That is no work of this life, but its tries go on where they were: it is given up as in one life.
    4. A queue or topic has what it is told before the call is over, and takes no outcome twice: so none is lost or doubled, whenever
       the lab ends in between.
    """

    def __init__(self, platform: Platform) -> None:
        self.p = platform
        self.pending = 0
        """Calls that neither succeeded nor were given up."""
        self.found: dict[str, dict[int, tuple[Telling, Timer]]] = {}
        """Calls that an earlier life left, by the function to be called, which is not declared yet, and by number; and the next try."""

    def call(self, request: Request, attempt: Attempt, outcome: Outcome) -> Call | None:
        """The call that an outcome asks for. A stopped task tells nobody."""
        config = request.fn.async_config
        to = config.on_success if outcome.error is None else config.on_failure
        if to is None or outcome.kind == "stopped":
            return None
        now = self.p.clock.time
        return Call(to, event_body(request, request.task_of.request_id, attempt, outcome, now), now)

    def take_up(self) -> None:
        """Go on where a home was left."""
        queue = self.p.queue
        for call in queue.calls():
            record = queue.task(call.request)
            if record is None:
                continue
            source = Function(FunctionSpec(record.function), 0, self.p.preset.retry)  # until it is declared, it has no number
            request = Request(call.request, source, b"", "async", 0, 0, self.p.clock.time, None, None)
            if call.to.startswith(INSIDE):
                self._left(Telling(call, request, record.attempts))
            else:
                self._await(Telling(call, request, record.attempts), max(self.p.clock.time, call.due))

    def adopt(self, fn: Function) -> None:
        """Make the calls to this function that an earlier life left, when they are due (clause 3)."""
        for telling, timer in self.found.pop(fn.name, {}).values():
            timer.cancel()
            self._left(telling)

    def _await(self, telling: Telling, due: int) -> None:
        timer = self.p.clock.call_at(due, self._missing, telling, order=Order.RETRY_DUE)
        self.found.setdefault(telling.call.to, {})[telling.call.number] = telling, timer

    def _missing(self, telling: Telling) -> None:
        """It is due, and nobody is there to be told."""
        call, now = telling.call, self.p.clock.time
        del self.found[call.to][call.number]
        error = f"404 FunctionNotFound: function '{call.to}' does not exist"
        if call.tries + 1 >= TRIES:
            self.p.queue.called(call, now, error=error)
            return
        due = now + backoff(FIRST, CAP, call.tries + 1)
        self.p.queue.call_again(call, due, error)
        self._await(telling, due)

    def _left(self, telling: Telling) -> None:
        self.pending += 1
        self._later(telling, max(self.p.clock.time, telling.call.due))

    def tell(self, telling: Telling) -> None:
        """Make a call."""
        p = self.p
        if p.faults.arrows:
            broken = partial(self._lost, telling)
            p.cross("dispatcher->destination", telling.request, partial(self._send, telling), broken)
        else:
            self._send(telling)

    def _send(self, telling: Telling) -> None:
        p, request, to = self.p, telling.request, telling.call.to
        function = not to.startswith(INSIDE)
        caused = p.front_door.requests + 1 if function else 0
        if not function:
            try:
                p.hub.deliver(to, telling.call.body, request.number)
            except FclabError as error:
                self.failed(telling, error.what)
                return
        p.record(
            p.clock.time, e.DestinationCalled.KIND, request.number, telling.attempt, 0, request.fn.number, p.recording.text(to), caused
        )
        if function:
            p.front_door.accept(to, telling.call.body, "async", cause=request.number, task=Task(0, "", to, telling=telling))
        else:
            self.pending -= 1
            p.queue.called(telling.call, p.clock.time)

    def told(self, telling: Telling) -> None:
        """The function's event is stored, and with it that the call is over."""
        self.pending -= 1

    def _lost(self, telling: Telling, effect: str) -> None:
        self.failed(telling, "the call was lost on the way dispatcher->destination")

    def failed(self, telling: Telling, error: str) -> None:
        """Tell it again later, or no more (clause 2)."""
        p, call = self.p, telling.call
        now = p.clock.time
        if call.tries + 1 >= TRIES:
            self.pending -= 1
            p.queue.called(call, now, error=error)
            return
        due = now + backoff(FIRST, CAP, call.tries + 1)
        p.queue.call_again(call, due, error)
        self._later(telling, due)

    def _later(self, telling: Telling, due: int) -> None:
        self.p.moving += 1
        self.p.clock.call_at(due, self._due, telling, order=Order.RETRY_DUE)

    def _due(self, telling: Telling) -> None:
        p, request = self.p, telling.request
        p.moving -= 1
        request.fn = p.functions.get(request.fn.name, request.fn)
        self.tell(telling)
