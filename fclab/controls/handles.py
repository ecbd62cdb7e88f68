"""What a notebook holds after it asked for something: a call to come, a task under way, a look at an instance."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from fclab.engine.instance import Instance
from fclab.engine.tasks import Task
from fclab.errors import UsageError
from fclab.grid import Text
from fclab.model import Response
from fclab.units import seconds, to_us

if TYPE_CHECKING:
    from fclab.controls.driver import Driver
    from fclab.controls.live import LiveDriver

__all__ = ["Call", "InstanceView", "TaskHandle", "Text"]

T = TypeVar("T")


class Call:
    """A request scheduled for lab time `at` (seconds).

    response   what the caller got, once it did: for an async request the 202 or a refusal
    task       of an async request, once it has arrived; its .response is the outcome
    """

    __slots__ = ("at", "response", "task")

    def __init__(self, at: float) -> None:
        self.at = at
        self.response: Response | None = None
        self.task: TaskHandle | None = None

    def answer(self, response: Response) -> None:
        """Keep the answer."""
        self.response = response

    def accept(self, response: Response) -> None:
        """Keep the acceptance, for the task as well."""
        self.response = response
        if self.task is not None:
            self.task.accepted = response

    def __repr__(self) -> str:
        return f"Call(at {self.at:g} s, {self.response or 'not answered yet'})"


class TaskHandle:
    """An async request you sent.

    state        Enqueued, Running, Retrying, Stopping, Succeeded, Failed, Stopped, Expired, or Rejected by the front door
    attempts     deliveries so far; executions: those that reached the handler
    history      [(lab time in seconds, state)]
    response     the outcome once there is one; result() runs the lab until then
    destination  Pending, Succeeded or Failed; "" if nobody is to be told. destination_error: why it failed
    redrive_of   the request number of the dead letter that this repeats, redriven: of the task that repeats this; 0 for none
    """

    __slots__ = ("_driver", "_task", "accepted")

    def __init__(self, driver: Driver | LiveDriver, task: Task) -> None:
        self._driver = driver
        self._task = task
        self.accepted: Response | None = None
        """What the caller got at once: 202, or a refusal."""

    def answering(self, reply: Callable[[Response], object]) -> Callable[[Response], object]:
        """A reply that is noted here as well."""

        def answer(response: Response) -> None:
            self.accepted = response
            reply(response)

        return answer

    @property
    def number(self) -> int:
        """The request's number: R1 is 1."""
        return self._task.number

    @property
    def request_id(self) -> str:
        """The request's id."""
        return self._task.request_id

    @property
    def task_id(self) -> str:
        """The task's id: yours, or else the request's."""
        return self._task.task_id or self._task.request_id

    @property
    def function(self) -> str:
        """The function's name."""
        return self._task.function

    @property
    def error_type(self) -> str | None:
        """The kind of error of its outcome, None while there is no outcome and where that is no error."""
        return None if self.response is None else self.response.error_type

    @property
    def destination(self) -> str:
        """What became of the call to its destination."""
        return self._told("destination", "")

    @property
    def destination_error(self) -> str:
        """Why its destination was given up."""
        return self._told("destination_error", "")

    @property
    def redrive_of(self) -> int:
        """The dead letter that it repeats."""
        return self._told("redrive_of", 0)

    @property
    def redriven(self) -> int:
        """The task that repeats it."""
        return self._told("redriven", 0)

    def _told(self, name: str, nothing: T) -> T:
        """What the task's record says; `nothing` where there is none, or no longer."""
        found: T = getattr(self._driver.ask(self._driver.platform.queue.task, self.number), name, nothing)
        return found

    @property
    def status(self) -> int:
        """202 if it was accepted, otherwise the refusal's status."""
        return self.accepted.status if self.accepted is not None else 202

    @property
    def state(self) -> str:
        """Where it stands now."""
        return self._task.state

    @property
    def attempts(self) -> int:
        """Deliveries begun."""
        return self._task.attempts

    @property
    def executions(self) -> int:
        """Deliveries that reached the handler."""
        return self._task.executions

    @property
    def payload(self) -> bytes:
        """What the function was given; empty once the task is forgotten."""
        return self._driver.ask(self._driver.platform.queue.payload, self.number)

    @property
    def history(self) -> list[tuple[float, str]]:
        """When it entered each state, lab time in seconds."""
        return [(seconds(at), state) for at, state in self._task.history]

    @property
    def response(self) -> Response | None:
        """The outcome, or None while it is under way."""
        return self._task.response

    def result(self, timeout: float | None = None) -> Response:
        """Run the lab until the task has ended, at most `timeout` seconds of lab time, and return its outcome.

        Raises TimeoutError if it has not ended by then, `EndlessRun` if it never will, `NotStored` if its home cannot be written,
        `UsageError` if its function is not declared in this run.
        """
        limit = None if timeout is None else to_us(timeout, "timeout")
        if not self._task.finished and self._driver.ask(self._driver.platform.dispatcher.left.waiting, self.function, self.number):
            hint = f"declare {self.function!r}, and it goes on"
            raise UsageError(f"R{self.number} waits for its function {self.function!r}, which is not declared.", hint=hint)
        self._driver.until(lambda: self._task.finished, limit)
        if self._task.response is None:
            if (trouble := self._driver.platform.queue.trouble) is not None:
                raise trouble
            raise TimeoutError(f"R{self.number} is {self.state} after {timeout:g} s of lab time; wait longer, or look at .history")
        return self._task.response

    def stop(self) -> bool:
        """Stop it, waiting or running; False if it has ended already. Its destinations are not told.

        When this returns it is stored: no later life of the home runs it. Raises `NotStored` if the home cannot be written at present.
        """
        return self._driver.stored(partial(self._driver.platform.settlement.stop, self._task))

    def __repr__(self) -> str:
        return repr(self._task)

    def _repr_html_(self) -> str:
        return f"<code>{html.escape(repr(self))}</code>"


@dataclass(frozen=True, slots=True, repr=False)
class InstanceView:
    """One instance as it is now. `idle_until`: lab time in seconds at which it will be reclaimed, or None."""

    id: str
    function: str
    state: str
    reserved: bool
    running: int
    idle_until: float | None

    @classmethod
    def of(cls, instance: Instance) -> InstanceView:
        """What there is to see of an instance."""
        idle = instance.state.value == "idle" and not instance.reserved and instance.expires > 0
        return cls(
            instance.label, instance.function.name, instance.state.value, instance.reserved, instance.running,
            seconds(instance.expires) if idle else None,
        )  # fmt: skip

    def __repr__(self) -> str:
        until = f" until {self.idle_until:g} s" if self.idle_until is not None else ""
        return f"Instance({self.id}, {self.state}{until}{', reserved' if self.reserved else ''})"

    def _repr_html_(self) -> str:
        return f"<code>{html.escape(repr(self))}</code>"
