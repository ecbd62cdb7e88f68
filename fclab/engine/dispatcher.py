"""Takes events from the queue and sees each through: deliver, retry, expire, give up, tell the destination."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from fclab.clock import Order
from fclab.engine.failures import lost, platform_error, stopped
from fclab.engine.instance import Instance
from fclab.engine.pool import Refusal
from fclab.engine.retry import next_delay
from fclab.engine.rows import Attempt, Outcome, Request
from fclab.observe import events as e
from fclab.queues.base import Message
from fclab.units import FOREVER

if TYPE_CHECKING:
    from fclab.clock import Timer
    from fclab.engine.platform import Platform
    from fclab.engine.retry import Cause
    from fclab.engine.rows import Function
    from fclab.engine.tasks import Task
    from fclab.queues.base import Lease

__all__ = ["Dispatcher"]


_PATIENCE = 1000
"""System errors in a row after which a learner's own back-off counts as one that never gives up."""


class Dispatcher:
    """The consumer of the queue.

    1. A message whose function has no free capacity is not leased: it waits, first come first served, and that is no attempt.
    2. What is leased is a delivery; the next delivery is stored in the same step in which this one is given up.
    3. Function errors are retried as often as the policy says; system errors back off until the policy's total or the event's age.
    4. An event older than its limit when it is due expires without running.
    5. An outage refuses at dispatch, at once.
    """

    def __init__(self, platform: Platform) -> None:
        self.p = platform
        self.open: dict[int, Request] = {}
        """Accepted async requests that have not ended, by number."""
        self.later: dict[int, tuple[Message, Timer, bool]] = {}
        """Requests whose next delivery is not due yet: its message and timer, and whether that counts as something under way."""
        self.hungry: dict[str, None] = {}
        """Functions with due messages that found no capacity."""

    # ---- in

    def enqueue(self, request: Request, task: Task, delay: int) -> None:
        """Store the event; the 202 and the first delivery follow once it is stored."""
        p, now = self.p, request.arrived
        self.open[request.number] = request
        message = Message(request.number, task.request_id, request.fn.name, request.payload, now + delay, now, task.task_id)
        store = partial(p.queue.enqueue, message, partial(self._stored, request, task, message))
        if p.faults.arrows:
            p.cross("front door->queue", request, store, partial(self._not_stored, request, task))
        else:
            store()

    def _not_stored(self, request: Request, task: Task, effect: str) -> None:
        """The event never reached the queue: the caller is told so, not 202."""
        outcome = lost("front door->queue")
        reply, request.reply = request.reply, None
        self._end(request, Attempt(request, 0), outcome, "Failed", tell=False)
        if reply is not None and task.response is not None:
            reply(task.response)

    def _stored(self, request: Request, task: Task, message: Message) -> None:
        p, now = self.p, self.p.clock.time
        p.record(now, e.EventEnqueued.KIND, request.number, 0, 0, request.fn.number, message.due, p.recording.text(task.task_id))
        task.enter(now, "Enqueued")
        p.front_door.accepted(request, task)
        if task.state == "Stopping" and p.queue.discard(message.function, message.request) is not None:
            self._end(request, Attempt(request, 0), stopped(), "Stopped")
        else:
            self._await(message)

    def _await(self, message: Message) -> None:
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

    def pump(self, function: str) -> None:
        """Deliver due messages of one function while there is room for them (clause 1)."""
        p = self.p
        fn = p.functions.get(function)
        while fn is not None and fn.enabled:
            now = p.clock.time
            due = p.queue.next_due(function)
            if due is None or due > now:
                break
            out = bool(p.faults.outages) and p.faults.out(now)
            place = Refusal.GROWTH if out else p.pool.find(fn)
            if place is Refusal.FULL:
                self.hungry[function] = None
                return
            lease = p.queue.lease(function, now, FOREVER)
            if lease is None:
                break
            self._deliver(lease, fn, out)
        self.hungry.pop(function, None)

    def feed(self, fn: Function) -> None:
        """There may be room again: `fn` first, then whoever else waits for the lab's cap, oldest message first."""
        if fn.name in self.hungry:
            self.pump(fn.name)
        if self.p.cap is not None and self.hungry:
            for name in sorted(self.hungry, key=lambda name: self.p.queue.next_due(name) or 0):
                self.pump(name)

    def _deliver(self, lease: Lease, fn: Function, out: bool) -> None:
        p, message = self.p, lease.message
        now = p.clock.time
        request = self.open[message.request]
        request.fn = fn
        attempt = Attempt(request, message.delivery, message, lease)
        request.attempt = attempt
        p.moving += 1
        if now - message.enqueued > fn.policy.max_age:
            kind = "EventExpired"
            p.queue.settle(lease, None, lambda: None)
            p.moving -= 1
            self._end(request, attempt, Outcome("error", b"", "the event is older than its limit", kind), "Expired")
            return
        task = self._task(request)
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
        if self._task(request).state == "Stopping":
            self._broken(attempt, stopped())
            return
        place = p.pool.find(request.fn)
        if not isinstance(place, Instance) and place is not Refusal.NEW:
            self._broken(attempt, platform_error(429, "ResourceExhausted", place.value))
            return
        self._task(request).enter(p.clock.time, "Running")
        p.pool.occupy(place, attempt)

    def _broken(self, attempt: Attempt, outcome: Outcome) -> None:
        """The platform refused or broke the delivery before it reached an instance."""
        if not attempt.done:
            attempt.done = True
            self.settle(attempt, outcome)

    def _lost(self, attempt: Attempt, arrow: str, effect: str) -> None:
        self._broken(attempt, lost(arrow))

    # ---- settled

    def settle(self, attempt: Attempt, outcome: Outcome) -> None:
        """The delivery has ended: done, again later, or given up (clauses 2 and 3)."""
        p, request, message, lease = self.p, attempt.request, attempt.message, attempt.lease
        assert message is not None
        assert lease is not None
        now = p.clock.time
        task = self._task(request)
        p.moving -= 1
        if attempt.started >= 0:
            task.executions += 1
        if outcome.kind == "stopped" or task.state == "Stopping":
            p.queue.settle(lease, None, lambda: None)
            self._end(request, attempt, stopped(), "Stopped")
            return
        if outcome.error is None:
            p.queue.settle(lease, None, lambda: None)
            self._end(request, attempt, outcome, "Succeeded")
            return
        following = replace(message, delivery=message.delivery + 1)
        cause: Cause = "system" if outcome.system else "function"
        policy = request.fn.policy
        if cause == "system":
            p.record(now, e.DeliveryFailed.KIND, request.number, attempt.number, attempt.instance.number if attempt.instance else 0,
                     request.fn.number, outcome.status, p.recording.text(outcome.error_type or ""))  # fmt: skip
            following.system_errors += 1
            following.system_since = message.system_since if message.system_errors else now
            delay = p.next_delay(policy, cause, following.system_errors, now - following.system_since)
        else:
            following.function_errors += 1
            following.system_errors = 0
            p.hopeless.discard(request.number)
            delay = p.next_delay(policy, cause, following.function_errors, 0)
        if delay is None:
            p.queue.settle(lease, None, lambda: None)
            self._end(request, attempt, outcome, "Failed")
            return
        following.due = now + delay
        for_ever = policy.endless and (p.next_delay is next_delay or following.system_errors >= _PATIENCE)
        if cause == "system" and for_ever and p.faults.endless(now, request.fn.name):
            p.hopeless.add(request.number)
        p.queue.settle(lease, following, partial(self._again, attempt, following, cause))

    def _again(self, attempt: Attempt, following: Message, cause: str) -> None:
        p, request = self.p, attempt.request
        now = p.clock.time
        p.record(now, e.RetryScheduled.KIND, request.number, attempt.number, 0, request.fn.number, following.due, p.recording.text(cause))
        self._task(request).enter(now, "Retrying")
        self._await(following)

    def _end(self, request: Request, attempt: Attempt, outcome: Outcome, state: str, tell: bool = True) -> None:
        p, now = self.p, self.p.clock.time
        del self.open[request.number]
        request.attempt = None
        p.hopeless.discard(request.number)
        p.work -= 1
        instance = attempt.instance.number if attempt.instance else 0
        if outcome.error is None:
            p.record(now, e.RequestSucceeded.KIND, request.number, attempt.number, instance, request.fn.number, outcome.status)
        else:
            kind = p.recording.text(outcome.error_type or "")
            p.record(now, e.RequestFailed.KIND, request.number, attempt.number, instance, request.fn.number, outcome.status, kind)
        if outcome.payload:
            p.recording.note_payload(request.number, "result", outcome.payload)
        task = self._task(request)
        task.response = p.front_door.response(attempt, outcome)
        task.enter(now, state)
        if tell:
            p.destinations.tell(request, attempt, outcome)

    @staticmethod
    def _task(request: Request) -> Task:
        assert request.task is not None
        return request.task

    # ---- stopping a task

    def stop(self, task: Task) -> bool:
        """Stop a queued or running task; False if it has ended already."""
        request = self.open.get(task.number)
        if request is None or task.finished:
            return False
        p, now = self.p, self.p.clock.time
        p.record(now, e.TaskStopped.KIND, request.number, task.attempts, 0, request.fn.number)
        task.enter(now, "Stopping")
        if p.queue.discard(request.fn.name, request.number) is not None:
            if request.number in self.later:
                _, timer, moves = self.later.pop(request.number)
                timer.cancel()
                p.moving -= moves
            self._end(request, Attempt(request, task.attempts), stopped(), "Stopped")
            return True
        attempt = request.attempt
        if attempt is None or attempt.done:
            return True
        if attempt.started >= 0:
            p.backend.cancel(attempt, "stopped")
            p.executor.done(attempt, stopped())
        elif attempt.instance is not None and attempt.instance.attempt is attempt:
            attempt.instance.attempt = None  # the boot goes on without it
            p.executor.done_unstarted(attempt, stopped())
        return True
