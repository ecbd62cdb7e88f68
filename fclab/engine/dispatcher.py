"""Takes events from the queue and sees each through: deliver, retry, expire, give up, tell the destination."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from fclab.clock import Order
from fclab.engine.failures import lost, platform_error, stopped
from fclab.engine.instance import Instance
from fclab.engine.left import Left
from fclab.engine.pool import Refusal
from fclab.engine.rows import Attempt, Outcome, Request
from fclab.observe import events as e
from fclab.queues.base import DuplicateTask, Message, QueueFull
from fclab.units import FOREVER

if TYPE_CHECKING:
    from fclab.clock import Timer
    from fclab.engine.platform import Platform
    from fclab.engine.rows import Function
    from fclab.engine.tasks import Task
    from fclab.errors import FclabError
    from fclab.queues.base import Lease

__all__ = ["Dispatcher"]

_REFUSALS = {QueueFull: (429, "ResourceExhausted"), DuplicateTask: (409, "StatefulAsyncInvocationAlreadyExists")}


class Dispatcher:
    """The consumer of the queue.

    1. A message whose function has no free capacity is not leased: it waits, first come first served, and that is no attempt.
    2. What is leased is a delivery; `settlement` ends it.
    3. An event older than its limit when it is due expires without running.
    4. An outage refuses at dispatch, at once.
    5. Under the lab's cap functions take turns, as `turns` says.
    """

    def __init__(self, platform: Platform) -> None:
        self.p = platform
        self.open: dict[int, Request] = {}
        """Accepted async requests that have not ended, by number."""
        self.later: dict[int, tuple[Message, Timer, bool]] = {}
        """Requests whose next delivery is not due yet: its message and timer, and whether that counts as something under way."""
        self.hungry: dict[str, None] = {}
        """Functions with due messages that found no capacity."""
        self._turn = 0
        self.coming = 0
        """Events handed to the queue, and neither stored nor refused yet."""
        self.left = Left(platform)
        """What an earlier life of the home left for functions that are not declared yet."""

    # ---- in

    def enqueue(self, request: Request, task: Task, delay: int) -> None:
        """Store the event; the 202 and the first delivery follow once it is stored."""
        p, now = self.p, request.arrived
        self.open[request.number] = request
        p.moving += 1
        self.coming += 1
        message = Message(
            request.number, task.request_id, request.fn.name, request.payload, now + delay, now, task.task_id, cause=request.cause,
            redrive_of=task.redrive_of,
        )  # fmt: skip
        telling = task.telling
        store = partial(
            p.queue.enqueue, message, partial(self._stored, request, task, message), partial(self._refused, request, task),
            None if telling is None else telling.call,
        )  # fmt: skip
        if p.faults.arrows:
            self._accept(request)
            p.cross("front door->queue", request, store, partial(self._astray, request, task))
        else:
            store()

    def _accept(self, request: Request) -> None:
        """The event is in, or on an arrow that may lose it: what becomes of it from now on is an outcome."""
        self.coming -= 1
        self.p.front_door.record_accepted(request, self.p.clock.time)
        request.accepted = True

    def _astray(self, request: Request, task: Task, effect: str) -> None:
        self._not_stored(request, task, lost("front door->queue"))

    def _refused(self, request: Request, task: Task, error: FclabError) -> None:
        """The queue cannot take the event: its disk is full, or another request was faster."""
        p = self.p
        status, kind = _REFUSALS.get(type(error), (503, "ServiceUnavailable"))
        if request.accepted:
            self._not_stored(request, task, platform_error(status, kind, error.what))
            return
        p.moving -= 1
        self.coming -= 1
        del self.open[request.number]
        p.tasks.pop((task.function, task.task_id), None)
        p.front_door.refuse(request, status, kind, error.what)

    def _not_stored(self, request: Request, task: Task, outcome: Outcome) -> None:
        """The event never reached the queue: the caller is told so, not 202."""
        p = self.p
        p.moving -= 1
        reply, request.reply = request.reply, None
        attempt = Attempt(request, 0)
        response = p.front_door.response(attempt, outcome)
        p.settlement.end(attempt, outcome, response, "Failed")
        p.tasks.pop((task.function, task.task_id), None)
        if reply is not None:
            reply(response)
        if task.telling is not None:
            p.destinations.failed(task.telling, str(outcome.error))

    def _stored(self, request: Request, task: Task, message: Message) -> None:
        p, now = self.p, self.p.clock.time
        p.moving -= 1
        if not request.accepted:
            self._accept(request)
        p.record(now, e.EventEnqueued.KIND, request.number, 0, 0, request.fn.number, message.due, p.recording.text(task.task_id))
        task.enter(message.enqueued, "Enqueued")
        p.front_door.accepted(request, task)
        if task.telling is not None:
            p.destinations.told(task.telling)
        if task.state != "Stopping" or not p.settlement.stop_waiting(request, task, message.function):
            self.wait(message)

    def wait(self, message: Message) -> None:
        """Deliver the message when it is due."""
        p = self.p
        if message.due <= p.clock.time:
            self.pump(message.function)
        else:
            moves = message.request not in p.hopeless
            p.moving += moves
            timer = p.clock.call_at(message.due, self._due, message, moves, order=Order.RETRY_DUE)
            self.later[message.request] = message, timer, moves

    def _due(self, message: Message, moves: bool) -> None:
        self.p.moving -= moves
        known = self.later.get(message.request)
        if known is not None and known[0] is message:  # another timer may have delivered it at this instant, and its retry waits now
            del self.later[message.request]
        self.pump(message.function)

    # ---- out

    def pump(self, function: str, most: int = FOREVER) -> int:
        """Deliver due messages of one function, `most` of them, while there is room for them (clause 1); how many."""
        p = self.p
        fn = p.functions.get(function)
        count = 0
        while fn is not None and fn.enabled:
            now = p.clock.time
            due = p.queue.next_due(function)
            if due is None or due > now:
                break
            if count == most:
                return count
            out = bool(p.faults.outages) and p.faults.out(now)
            place = Refusal.GROWTH if out else p.turns.find(fn)
            if place is Refusal.FULL:
                self.hungry[function] = None
                return count
            lease = p.queue.lease(function, now, FOREVER)
            if lease is None:
                break
            count += 1
            self._turn = fn.turn = self._turn + 1
            self._deliver(lease, fn, out)
        self.hungry.pop(function, None)
        return count

    def feed(self, fn: Function) -> None:
        """There may be room again (clause 5)."""
        if self.p.cap is None:
            if fn.name in self.hungry:
                self.pump(fn.name)
            return
        if len(self.hungry) > 1 and fn.name in self.hungry:
            self.p.turns.give_way(fn)
        while any(self.pump(name, 1) for name in self.p.turns.line()):
            pass

    def _deliver(self, lease: Lease, fn: Function, out: bool) -> None:
        p, message = self.p, lease.message
        now = p.clock.time
        request = self.open[message.request]
        request.fn = fn
        request.payload = message.payload
        attempt = Attempt(request, message.delivery, message, lease)
        request.attempt = attempt
        p.moving += 1
        if now - message.enqueued > fn.policy.max_age:
            p.settlement.finish(attempt, Outcome("error", b"", "the event is older than its limit", "EventExpired"), "Expired")
            return
        if self.left.hopeless and message.request in self.left.hopeless:
            self.left.hopeless.discard(message.request)
            why = "the lab ended during its deliveries, and it is not tried again"
            p.settlement.finish(attempt, platform_error(500, "InternalServerError", why), "Failed")
            return
        task = request.task_of
        task.attempts = message.delivery
        p.record(now, e.DeliveryStarted.KIND, request.number, attempt.number, 0, fn.number)
        if out:
            self._broken(attempt, platform_error(500, "InternalServerError", "the platform has an outage"))
        elif p.faults.arrows:
            place, broken = partial(self._place, attempt), partial(self._lost, attempt, "dispatcher->pool")
            to_pool = partial(p.cross, "dispatcher->pool", request, place, broken)
            p.cross("queue->dispatcher", request, to_pool, partial(self._lost, attempt, "queue->dispatcher"))
        else:
            self._place(attempt)

    def _place(self, attempt: Attempt) -> None:
        if attempt.done:
            return
        request, p = attempt.request, self.p
        request.fn = p.functions.get(request.fn.name, request.fn)  # it may have been replaced on the way
        task = request.task_of
        if task.state == "Stopping":
            self._broken(attempt, stopped())
            return
        place = p.turns.find(request.fn)
        if not isinstance(place, Instance) and place is not Refusal.NEW:
            self._broken(attempt, platform_error(429, "ResourceExhausted", place.value))
            return
        attempt.placed = p.clock.time
        task.enter(attempt.placed, "Running")
        p.pool.occupy(place, attempt)

    def _broken(self, attempt: Attempt, outcome: Outcome) -> None:
        """The platform refused or broke the delivery before it reached an instance."""
        if not attempt.done:
            attempt.done = True
            self.p.settlement.settle(attempt, outcome)

    def _lost(self, attempt: Attempt, arrow: str, effect: str) -> None:
        self._broken(attempt, lost(arrow))
