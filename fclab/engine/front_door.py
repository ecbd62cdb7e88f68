"""Where requests come in: validates them, gives them a number, and answers."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from fclab.engine.failures import error_object, lost, platform_error
from fclab.engine.pool import Refusal
from fclab.engine.rows import Attempt, Outcome, Reply, Request
from fclab.engine.tasks import Task
from fclab.model import ASYNC_PAYLOAD_LIMIT, SYNC_PAYLOAD_LIMIT, Mode, Phase, Response
from fclab.observe import events as e
from fclab.units import seconds

if TYPE_CHECKING:
    from fclab.engine.platform import Platform
    from fclab.engine.rows import Function

__all__ = ["FrontDoor"]

_REQUEST_ACCEPTED = e.RequestAccepted.KIND
_REQUEST_FAILED = e.RequestFailed.KIND
_REQUEST_REJECTED = e.RequestRejected.KIND
_REQUEST_SUCCEEDED = e.RequestSucceeded.KIND

_TASK_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}\Z")
_BILLED = 1_000
"""µs of the billing grain: 1 ms on demand."""


class FrontDoor:
    """Accepts, refuses and answers.

    1. Every request gets a number and an answer, also a refused one.
    2. A refusal at the door is `RequestRejected` and nothing else; what was accepted ends in RequestSucceeded or RequestFailed.
    3. A sync request is answered when its handler ended; an async one with 202 once its event is stored, before anything ran.
    """

    def __init__(self, platform: Platform) -> None:
        self.p = platform
        self.requests = 0

    def accept(
        self, name: str, payload: bytes, mode: Mode, reply: Reply | None = None, *, cause: int = 0, delay: int = 0, task: Task | None = None
    ) -> Request | None:
        """One request for `name`. `delay` in µs holds an async event back. Returns the request, None if it was refused at once."""
        p = self.p
        self.requests = number = self.requests + 1
        if task is not None:
            task.number, task.request_id = number, p.request_id(number)
        if not p.faults.arrows:
            return self._enter(number, name, payload, mode, reply, cause, delay, task)
        p.work += 1
        p.pending += 1

        def arrive(effect: str = "") -> None:
            p.work -= 1
            p.pending -= 1
            if effect:
                self._refuse(number, p.functions.get(name), reply, task, 503, "ServiceUnavailable", lost("caller->front door").error or "")
            else:
                self._enter(number, name, payload, mode, reply, cause, delay, task)

        fn = p.functions.get(name)
        p.cross_raw("caller->front door", fn.number if fn else 0, name, number, arrive, arrive)
        return None

    def _enter(
        self, number: int, name: str, payload: bytes, mode: Mode, reply: Reply | None, cause: int, delay: int, task: Task | None
    ) -> Request | None:
        p = self.p
        fn = p.functions.get(name)
        if fn is None:
            self._refuse(number, fn, reply, task, 404, "FunctionNotFound", f"function '{name}' does not exist")
            return None
        if not fn.enabled:
            self._refuse(number, fn, reply, task, 403, "FunctionDisabled", f"invocation of function '{name}' is disabled")
            return None
        limit = SYNC_PAYLOAD_LIMIT if mode == "sync" else ASYNC_PAYLOAD_LIMIT
        if len(payload) > limit:
            message = f"payload size exceeds maximum allowed size ({limit} bytes)"
            self._refuse(number, fn, reply, task, 400, "EntityTooLarge", message)
            return None
        now = p.clock.now()
        request = Request(number, "", fn, payload, mode, cause, now, reply)
        if mode == "async":
            task = task or Task(number, p.request_id(number), fn.name)
            if not self._admit(task, fn, reply):
                return None
            request.task = task
            self._record_accepted(request, now)
            p.dispatcher.enqueue(request, task, delay)
            return request
        if not (p.faults.arrows or p.faults.outages):
            place = p.pool.find(fn)
            if isinstance(place, Refusal) and place is not Refusal.NEW:
                self._refuse(number, fn, reply, task, 429, "ResourceExhausted", place.value)
                return None
            self._record_accepted(request, now)
            p.active += 1
            p.pool.occupy(place, Attempt(request, 1))
            return request
        self._record_accepted(request, now)
        p.active += 1
        if p.faults.out(now):
            self.answer(Attempt(request, 1), platform_error(500, "InternalServerError", "the platform has an outage"))
        else:
            go, broken = partial(self._to_pool, request), partial(self._broken, request)
            p.cross("front door->pool", request, go, broken)
        return request

    def _to_pool(self, request: Request) -> None:
        place = self.p.pool.find(request.fn)
        if isinstance(place, Refusal) and place is not Refusal.NEW:
            self.answer(Attempt(request, 1), platform_error(429, "ResourceExhausted", place.value))
        else:
            self.p.pool.occupy(place, Attempt(request, 1))

    def _broken(self, request: Request, effect: str) -> None:
        self.answer(Attempt(request, 1), lost("front door->pool"))

    def _admit(self, task: Task, fn: Function, reply: Reply | None) -> bool:
        """Check the task id: its form, and that no task of this function has it."""
        if task.task_id and not _TASK_ID.match(task.task_id):
            message = f"task id {task.task_id[:40]!r} is malformed: a letter or _, then letters, digits, _ and -, at most 128 in all"
            self._refuse(task.number, fn, reply, task, 400, "InvalidArgument", message)
            return False
        if task.task_id and (fn.name, task.task_id) in self.p.tasks:
            message = f"a task with id '{task.task_id}' exists already"
            self._refuse(task.number, fn, reply, task, 409, "StatefulAsyncInvocationAlreadyExists", message)
            return False
        if task.task_id:
            self.p.tasks[fn.name, task.task_id] = task
        return True

    def _record_accepted(self, request: Request, now: int) -> None:
        p = self.p
        p.work += 1
        p.record(now, _REQUEST_ACCEPTED, request.number, 0, 0, request.fn.number, p.mode_texts[request.mode], request.cause)
        if request.payload:
            p.recording.note_payload(request.number, "event", request.payload)

    def _refuse(
        self, number: int, fn: Function | None, reply: Reply | None, task: Task | None, status: int, kind: str, message: str
    ) -> None:
        p = self.p
        p.record(p.clock.now(), _REQUEST_REJECTED, number, 0, 0, fn.number if fn else 0, status, p.recording.text(kind))
        response = Response(status, error_object(message, kind), message, kind, p.request_id(number))
        if task is not None:
            task.refuse(response)
        if reply is not None:
            reply(response)

    # ---- answering

    def accepted(self, request: Request, task: Task) -> None:
        """The event is stored: the caller's 202 leaves, before anything ran."""
        if request.reply is not None:
            reply, request.reply = request.reply, None
            self._send(request, reply, Response(202, b"", None, None, task.request_id))

    def answer(self, attempt: Attempt, outcome: Outcome) -> None:
        """The sync request has ended."""
        p = self.p
        request = attempt.request
        now = p.clock.now()
        p.work -= 1
        p.active -= 1
        instance = attempt.instance.number if attempt.instance is not None else 0
        if outcome.error is None:
            p.record(now, _REQUEST_SUCCEEDED, request.number, 1, instance, request.fn.number, outcome.status)
        else:
            kind = p.recording.text(outcome.error_type or "")
            p.record(now, _REQUEST_FAILED, request.number, 1, instance, request.fn.number, outcome.status, kind)
        if outcome.payload:
            p.recording.note_payload(request.number, "result", outcome.payload)
        if request.reply is not None:
            self._send(request, request.reply, self.response(attempt, outcome))

    def _send(self, request: Request, reply: Reply, response: Response) -> None:
        """The last hop, front door to caller."""
        p = self.p
        if not p.faults.arrows:
            reply(response)
            return
        message = "the answer was lost on the way front door->caller"
        gone = Response(503, error_object(message, "ServiceUnavailable"), message, "ServiceUnavailable", response.request_id)
        p.pending += 1
        p.work += 1

        def deliver(answer: Response) -> None:
            p.pending -= 1
            p.work -= 1
            reply(answer)

        p.cross("front door->caller", request, partial(deliver, response), lambda effect: deliver(gone))

    def response(self, attempt: Attempt, outcome: Outcome) -> Response:
        """The `Response` for an attempt that ended now this way."""
        p, request = self.p, attempt.request
        now = p.clock.now()
        ran = now - attempt.started if attempt.started >= 0 else 0
        billed = -(-ran // _BILLED) * _BILLED
        for name, _, took in attempt.phases:
            if name == "initialize":
                billed += -(-took // _BILLED) * _BILLED
        return Response(
            outcome.status,
            outcome.payload,
            outcome.error,
            outcome.error_type,
            p.request_id(request.number),
            attempt.instance.label if attempt.instance is not None else None,
            tuple(Phase(name, seconds(start), seconds(took)) for name, start, took in attempt.phases),
            seconds(now - request.arrived),
            seconds(ran),
            seconds(billed),
            outcome.memory_mb,
            "".join(attempt.log or ()),
        )
