"""What an earlier life of a home left: events and calls whose functions this run has not declared yet."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from fclab.engine.rows import Request
from fclab.engine.tasks import Task, restore
from fclab.observe import events as e
from fclab.queues.base import STOPPED, Change

if TYPE_CHECKING:
    from fclab.engine.platform import Platform
    from fclab.engine.rows import Function
    from fclab.queues.base import Message, Stored

__all__ = ["CRASHES", "Left"]

CRASHES = 10
"""Deliveries of an event in a row that may end with the lab, whatever the policy says."""

LAB_ENDED = "the lab ended"
"""What the opening of a home notes of a delivery that was under way."""


class Left:
    """Messages that wait for the declaration of their function.

    1. They are no work of this run until then, so `run()` does not wait for them.
    2. Until then they count neither for the queue's depth and age nor against its maximum; from then on for all of these.
    3. Taken up, an event is what it was: its id, its age, its counts and the time of its next delivery.
    4. A delivery that was cut by an orderly close counts as begun, and as no error. One that was under way when the lab ended otherwise
       is a system error, followed by the next one at once. It is the last where the function's policy ends system errors, and always
       after `CRASHES` in a row: then something in it ends the lab. Whoever was under way is a suspect; whoever ends in any other way
       meanwhile, or is cut by an orderly close, is none any more.
    """

    def __init__(self, platform: Platform) -> None:
        self.p = platform
        self.messages: dict[str, dict[int, Message]] = {}
        self.tasks: dict[int, Task] = {}
        """Those that somebody looked at."""
        self.crashes: dict[int, int] = {}
        """Of events whose last delivery ended with the lab: how many in a row did."""
        self.hopeless: set[int] = set()
        """Events that get no further delivery (clause 4)."""

    def keep(self, messages: Iterable[Message]) -> None:
        """What the queue had when it was opened."""
        for message in messages:
            self.messages.setdefault(message.function, {})[message.request] = message
            self.p.queue.aside += 1

    def adopt(self, fn: Function) -> None:
        """The function is there: its events wait for nothing but their time. Whoever calls this lets those go that are due."""
        p, now = self.p, self.p.clock.time
        messages = self.messages.pop(fn.name, {})
        p.queue.aside -= len(messages)
        for message in messages.values():
            task = self.tasks.pop(message.request, None) or self._restored(message)
            request = Request(message.request, fn, message.payload, "async", message.cause, 0, message.enqueued, None, task)
            crashes, errors = self.crashes.pop(message.request, 0), message.system_errors
            if crashes >= CRASHES or (crashes and p.next_delay(fn.policy, "system", errors, now - message.system_since) is None):
                self.hopeless.add(message.request)
            p.front_door.record_accepted(request, now)
            p.dispatcher.open[request.number] = request
            p.record(now, e.EventEnqueued.KIND, request.number, 0, 0, fn.number, message.due, p.recording.text(message.task_id))
            if message.due > now:
                p.dispatcher.wait(message)

    def waiting(self, function: str, number: int) -> Task | None:
        """The task of an event that waits for its function, or None."""
        message = self.messages.get(function, {}).get(number)
        return self.tasks.get(number) if message is None else self.task(message)

    def task(self, message: Message) -> Task:
        """The task of a message, as its record tells it; the same one each time."""
        known = self.tasks.get(message.request)
        if known is None:
            known = self.tasks[message.request] = self._restored(message)
        return known

    def _restored(self, message: Message) -> Task:
        record = self.p.queue.task(message.request) if message.delivery > 1 else None
        task = Task(message.request, message.request_id, message.function, message.task_id)
        if record is None:
            restore(task, "Enqueued", [(message.enqueued, "Enqueued")], message.delivery - 1, 0)
        else:
            ends = [detail == LAB_ENDED for _, state, detail in reversed(record.history) if state == "Retrying"]
            if record.state == "Retrying" and ends[0]:
                self.crashes[message.request] = (*ends, False).index(False)
            restore(task, record.state, [(at, state) for at, state, _ in record.history], message.delivery - 1, record.executions)
        return task

    def stop(self, task: Task, stored: Stored) -> bool:
        """Stop a task whose function is not there; False if it has ended."""
        p, now = self.p, self.p.clock.time
        here = self.messages.get(task.function, {})
        change = Change(((now, "Stopping", ""), (now, "Stopped", "")), task.executions, STOPPED)
        message = here.pop(task.number, None)
        if message is None:
            return False
        p.queue.aside -= 1
        task.enter(now, "Stopping")
        p.moving += 1
        p.queue.discard(task.function, task.number, change, partial(self._stopped, task, message, now, stored))
        return True

    def _stopped(self, task: Task, message: Message, now: int, stored: Stored) -> None:
        p = self.p
        p.moving -= 1
        self.tasks.pop(task.number, None)
        task.response = p.front_door.remembered(
            task.request_id, STOPPED.status, STOPPED.payload, STOPPED.error, STOPPED.error_type, message.enqueued, now
        )
        task.enter(now, "Stopped")
        stored()
