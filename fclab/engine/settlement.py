"""How a delivery ends, and a task: again later, done, given up, stopped. What is decided is stored first, and then told."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from fclab.engine.destinations import Telling
from fclab.engine.failures import stopped
from fclab.engine.retry import next_delay
from fclab.engine.rows import Attempt, Outcome, Request
from fclab.observe import events as e
from fclab.queues.base import Change, Ending, Message

if TYPE_CHECKING:
    from fclab.engine.platform import Platform
    from fclab.engine.retry import Cause
    from fclab.engine.tasks import Task
    from fclab.model import Response
    from fclab.queues.base import Call, Stored

__all__ = ["Settlement"]

_PATIENCE = 1000
"""System errors in a row after which a learner's own back-off counts as one that never gives up."""


class Settlement:
    """Ends deliveries and tasks.

    1. The next delivery, or the outcome with the call to its destination, is stored in the step that ends the present delivery; nobody
       is told before that.
    2. Function errors are retried as often as the policy says; system errors back off until the policy's total or the event's age.
    """

    def __init__(self, platform: Platform) -> None:
        self.p = platform

    def settle(self, attempt: Attempt, outcome: Outcome) -> None:
        """The delivery has ended: done, again later, or given up (clauses 2 and 3)."""
        p, request, message, lease = self.p, attempt.request, attempt.message, attempt.lease
        assert message is not None
        assert lease is not None
        now = p.clock.time
        task = request.task_of
        if attempt.started >= 0:
            task.executions += 1
        if outcome.kind == "stopped" or task.state == "Stopping":
            self.finish(attempt, stopped(), "Stopped")
            return
        if outcome.error is None:
            self.finish(attempt, outcome, "Succeeded")
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
            self.finish(attempt, outcome, "Failed")
            return
        following.due = now + delay
        for_ever = policy.endless and (p.next_delay is next_delay or following.system_errors >= _PATIENCE)
        if cause == "system" and for_ever and p.faults.endless(now, request.fn.name):
            p.hopeless.add(request.number)
        change = self._change(attempt, "Retrying", outcome) if p.records else None
        p.queue.settle(lease, following, partial(self._again, attempt, following, cause, now), change)

    def _again(self, attempt: Attempt, following: Message, cause: str, since: int) -> None:
        p, request = self.p, attempt.request
        now, task = p.clock.time, request.task_of
        p.moving -= 1
        request.attempt = None
        p.record(now, e.RetryScheduled.KIND, request.number, attempt.number, 0, request.fn.number, following.due, p.recording.text(cause))
        task.enter(since, "Retrying")
        if task.state != "Stopping" or not self.stop_waiting(request, task, following.function):
            p.dispatcher.wait(following)

    def _change(self, attempt: Attempt, state: str, outcome: Outcome, call: Call | None = None) -> Change:
        """What the end of a delivery leaves in the task's record."""
        running, attempt.placed = attempt.placed, -1
        executions = attempt.request.task_of.executions
        last = (self.p.clock.time, state, outcome.error_type or "")
        events = (last,) if running < 0 else ((running, "Running", ""), last)
        if state == "Retrying":
            return Change(events, executions)
        ending = Ending(outcome.status, outcome.error_type or "", outcome.error or "", outcome.payload)
        return Change(events, executions, ending, () if call is None else (call,))

    def finish(self, attempt: Attempt, outcome: Outcome, state: str) -> None:
        """The event's outcome is known; it is told once it is stored, in the same step in which the message goes."""
        p, request, lease = self.p, attempt.request, attempt.lease
        assert lease is not None
        request.ending = True
        response = p.front_door.response(attempt, outcome)
        call = p.destinations.call(request, attempt, outcome)
        change = self._change(attempt, state, outcome, call) if p.records or call is not None else None
        p.queue.settle(lease, None, partial(self._finished, attempt, outcome, response, state, p.clock.time, call), change)

    def _finished(self, attempt: Attempt, outcome: Outcome, response: Response, state: str, since: int, call: Call | None) -> None:
        p = self.p
        p.moving -= 1
        self.end(attempt, outcome, response, state, since)
        if call is not None:
            p.destinations.pending += 1
            p.destinations.tell(Telling(call, attempt.request, attempt.number))

    def end(self, attempt: Attempt, outcome: Outcome, response: Response, state: str, since: int = -1) -> None:
        p, now, request = self.p, self.p.clock.time, attempt.request
        del p.dispatcher.open[request.number]
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
        task = request.task_of
        task.response = response
        task.enter(now if since < 0 else since, state)
        if task.task_id and p.records:
            p.tasks.pop((task.function, task.task_id), None)  # its record keeps the id

    # ---- stopping a task

    def stop(self, task: Task, stored: Stored = lambda: None) -> bool:
        """Stop a queued or running task; False if it has ended already, otherwise `stored` is called once no later life can run it."""
        p, now = self.p, self.p.clock.time
        if task.finished:
            return False
        request = p.dispatcher.open.get(task.number)
        if request is None:
            return p.dispatcher.left.stop(task, stored)
        if request.ending:
            return False
        p.record(now, e.TaskStopped.KIND, request.number, task.attempts, 0, request.fn.number)
        attempt = request.attempt
        task.enter(now, "Stopping")
        if attempt is None:
            if not self.stop_waiting(request, task, request.fn.name, stored):
                self._note(request, Change(((now, "Stopping", ""),), task.executions), stored)  # for a life after this one
            return True
        running = () if attempt.placed < 0 else ((attempt.placed, "Running", ""),)
        attempt.placed = -1
        self._note(request, Change((*running, (now, "Stopping", "")), task.executions), stored)
        if attempt.done:
            return True
        if attempt.started >= 0:
            p.backend.cancel(attempt, "stopped")
            p.executor.done(attempt, stopped())
        elif attempt.instance is not None and attempt.instance.attempt is attempt:
            attempt.instance.attempt = None  # the boot goes on without it
            p.executor.done_unstarted(attempt, stopped())
        return True

    def _note(self, request: Request, change: Change, stored: Stored) -> None:
        if self.p.records:
            self.p.queue.note(request.number, change, stored)
        else:
            stored()

    def stop_waiting(self, request: Request, task: Task, function: str, stored: Stored = lambda: None) -> bool:
        """Take a stopped task's message out of the queue; False if it is not there yet."""
        p, now = self.p, self.p.clock.time
        attempt, outcome = Attempt(request, task.attempts), stopped()
        ending = Ending(outcome.status, outcome.error_type or "", outcome.error or "", outcome.payload)
        change = Change(((now, "Stopping", ""), (now, "Stopped", "")), task.executions, ending) if p.records else None
        response = p.front_door.response(attempt, outcome)
        finished = partial(self._finished, attempt, outcome, response, "Stopped", now, None)

        def then() -> None:
            finished()
            stored()

        p.moving += 1
        if p.queue.discard(function, request.number, change, then) is None:
            p.moving -= 1
            return False
        request.ending = True
        if request.number in p.dispatcher.later:
            _, timer, moves = p.dispatcher.later.pop(request.number)
            timer.cancel()
            p.moving -= moves
        return True
