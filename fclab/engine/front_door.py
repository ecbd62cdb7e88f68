"""Where requests come in: validates them, gives them a number, and answers."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from fclab.engine.failures import error_object, lost, platform_error
from fclab.engine.instance import Instance
from fclab.engine.pool import Refusal
from fclab.engine.rows import Attempt, Outcome, Reply, Request
from fclab.engine.tasks import Task
from fclab.model import ASYNC_PAYLOAD_LIMIT, SYNC_PAYLOAD_LIMIT, Mode, Phase, Response
from fclab.observe import events as e
from fclab.units import seconds

if TYPE_CHECKING:
    from fclab.engine.platform import Platform

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

    __slots__ = ("p", "requests")

    def __init__(self, platform: Platform) -> None:
        self.p = platform
        self.requests = 0

    def accept(
        self, name: str, payload: bytes, mode: Mode, reply: Reply | None = None, cause: int = 0, caller: int = 0, delay: int = 0,
        task: Task | None = None,
    ) -> None:  # fmt: skip
        """One request for `name`. `delay` in µs holds an async event back; `caller` is the instance whose handler calls, or 0."""
        p = self.p
        self.requests = number = self.requests + 1
        if task is not None:
            task.number, task.request_id = number, p.request_id(number)
        fn = p.functions.get(name)
        if fn is None:
            self._say_no(number, 0, caller, reply, task, 404, "FunctionNotFound", f"function '{name}' does not exist")
            return
        request = Request(number, fn, payload, mode, cause, caller, p.clock.time, reply, task)
        if p.faults.arrows:
            p.work += 1
            p.moving += 1
            arrive = partial(self._arrive, request, delay)
            p.cross("caller->front door", request, arrive, arrive)
        else:
            self._enter(request, delay)

    def _arrive(self, request: Request, delay: int, effect: str = "") -> None:
        """The request is over the arrow, or lost on it."""
        p = self.p
        p.work -= 1
        p.moving -= 1
        request.arrived = p.clock.time
        request.fn = p.functions.get(request.fn.name, request.fn)  # it may have been replaced on the way
        if effect:
            self.refuse(request, 503, "ServiceUnavailable", "the request was lost on the way caller->front door")
        else:
            self._enter(request, delay)

    def _enter(self, request: Request, delay: int) -> None:
        p, fn = self.p, request.fn
        sync = request.mode == "sync"
        if not fn.enabled:
            self.refuse(request, 403, "FunctionDisabled", f"invocation of function '{fn.name}' is disabled")
            return
        limit = SYNC_PAYLOAD_LIMIT if sync else ASYNC_PAYLOAD_LIMIT
        if request.payload and len(request.payload) > limit:
            self.refuse(request, 400, "EntityTooLarge", f"payload size exceeds maximum allowed size ({limit} bytes)")
            return
        if not sync:
            task = request.task = request.task or Task(request.number, p.request_id(request.number), fn.name)
            if self._admit(request, task, delay):
                p.dispatcher.enqueue(request, task, delay)
            return
        faults = p.faults
        out = faults.outages and faults.out(p.clock.time)
        if out or "front door->pool" in faults.arrows:
            self.record_accepted(request)
            p.moving += 1
            if out:
                self.answer(Attempt(request, 1), platform_error(500, "InternalServerError", "the platform has an outage"))
            else:
                p.cross("front door->pool", request, partial(self._to_pool, request), partial(self._broken, request))
            return
        place = p.turns.find(fn)
        if not isinstance(place, Instance) and place is not Refusal.NEW:
            self.refuse(request, 429, "ResourceExhausted", place.value)
            return
        self.record_accepted(request)
        p.moving += 1
        if p.recording.hooks.by_kind:
            self._to_pool(request)  # an observer may have filled the place just found
        else:
            p.pool.occupy(place, Attempt(request, 1))

    def _to_pool(self, request: Request) -> None:
        request.fn = self.p.functions.get(request.fn.name, request.fn)  # it may have been replaced on the way
        place = self.p.turns.find(request.fn)
        if not isinstance(place, Instance) and place is not Refusal.NEW:
            self.answer(Attempt(request, 1), platform_error(429, "ResourceExhausted", place.value))
        else:
            self.p.pool.occupy(place, Attempt(request, 1))

    def _broken(self, request: Request, effect: str) -> None:
        self.answer(Attempt(request, 1), lost("front door->pool"))

    def _admit(self, request: Request, task: Task, delay: int) -> bool:
        """Check that there is room in the queue, that the event will not be too old, and the task id: its form, and that it is free."""
        p = self.p
        queue = p.queue
        if queue.max_depth is not None and queue.full():
            self.refuse(request, 429, "ResourceExhausted", f"the queue holds {queue.max_depth} events, as many as it may")
            return False
        if delay and delay > request.fn.policy.max_age:
            message = f"a delay of {seconds(delay):g} s is longer than the {seconds(request.fn.policy.max_age):g} s that an event may wait"
            self.refuse(request, 400, "InvalidArgument", message)
            return False
        if not task.task_id:
            return True
        if not _TASK_ID.match(task.task_id):
            message = f"task id {task.task_id[:40]!r} is malformed: a letter or _, then letters, digits, _ and -, at most 128 in all"
            self.refuse(request, 400, "InvalidArgument", message)
            return False
        if p.taken(request.fn.name, task.task_id):
            self.refuse(request, 409, "StatefulAsyncInvocationAlreadyExists", f"a task with id '{task.task_id}' exists already")
            return False
        p.tasks[request.fn.name, task.task_id] = task
        return True

    def record_accepted(self, request: Request, at: int | None = None) -> None:
        """The request is in, and counts until it has ended."""
        p = self.p
        p.work += 1
        mode = p.mode_texts[request.mode]
        put = p.recording.put
        put((request.arrived if at is None else at, _REQUEST_ACCEPTED, request.number, 0, 0, request.fn.number, mode, request.cause))
        if not request.number & 63:
            p.recording.pack()
        if request.payload:
            p.recording.note_payload(request.number, "event", request.payload)

    def refuse(self, request: Request, status: int, kind: str, message: str) -> None:
        """Say no to a request that is not in."""
        self._say_no(request.number, request.fn.number, request.caller, request.reply, request.task, status, kind, message)

    def _say_no(
        self, number: int, function: int, caller: int, reply: Reply | None, task: Task | None, status: int, kind: str, message: str
    ) -> None:  # fmt: skip
        p = self.p
        p.record(p.clock.time, _REQUEST_REJECTED, number, 0, caller, function, status, p.recording.text(kind))
        response = Response(status, error_object(message, kind), message, kind, p.request_id(number))
        if task is not None:
            task.refuse(response)
        if reply is not None:
            reply(response)
        if task is not None and task.telling is not None:
            p.destinations.failed(task.telling, f"{status} {kind}: {message}")

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
        now = p.clock.time
        p.work -= 1
        p.moving -= 1
        instance = attempt.instance.number if attempt.instance is not None else 0
        if outcome.error is None:
            put = p.recording.put
            put((now, _REQUEST_SUCCEEDED, request.number, 1, instance, request.fn.number, outcome.status, 0))
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
        p.moving += 1
        p.work += 1

        def deliver(answer: Response) -> None:
            p.moving -= 1
            p.work -= 1
            reply(answer)

        p.cross("front door->caller", request, partial(deliver, response), lambda effect: deliver(gone))

    @staticmethod
    def remembered(request_id: str, status: int, payload: bytes, error: str, kind: str, arrived: int, ended: int) -> Response:
        """The `Response` that a task's record keeps: without the boot, the times and the logs of its last execution."""
        return Response(status, payload, error or None, kind or None, request_id, None, (), seconds(ended - arrived), None, None, None)

    def response(self, attempt: Attempt, outcome: Outcome) -> Response:
        """The `Response` for an attempt that ended now this way."""
        p, request = self.p, attempt.request
        now = p.clock.time
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
            p.request_id(request.number) if request.task is None else request.task.request_id,
            attempt.instance.label if attempt.instance is not None else None,
            tuple([Phase(name, seconds(start), seconds(took)) for name, start, took in attempt.phases]) if attempt.phases else (),
            seconds(now - request.arrived),
            seconds(ran),
            seconds(billed),
            outcome.memory_mb,
            "".join(attempt.log or ()),
        )
