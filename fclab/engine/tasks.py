"""The record of one async request: its states, and its outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fclab.errors import UsageError

if TYPE_CHECKING:
    from fclab.engine.destinations import Telling
    from fclab.model import Response

__all__ = ["FINAL", "Task", "restore"]

FINAL = frozenset({"Succeeded", "Failed", "Stopped", "Expired", "Rejected"})
"""States a task does not leave. The names are the product's, but for Rejected: the front door refused the request."""


class Task:
    """One async request as its owner sees it.

    state       Enqueued, Running, Retrying, Stopping, or one of `FINAL`
    history     [(µs, state)]
    attempts    deliveries begun; executions: those that reached the handler
    response    the outcome once the state is final, the refusal if it was rejected
    telling     the call to a destination that the request carries out, if it does; redrive_of: the dead letter that it repeats, or 0
    """

    __slots__ = (
        "attempts", "executions", "function", "history", "number", "redrive_of", "request_id", "response", "state", "task_id", "telling",
    )  # fmt: skip

    def __init__(
        self, number: int, request_id: str, function: str, task_id: str = "", *, telling: Telling | None = None, redrive_of: int = 0
    ) -> None:
        self.number = number
        self.request_id = request_id
        self.function = function
        self.task_id = task_id
        self.telling = telling
        self.redrive_of = redrive_of
        self.state = ""
        self.history: list[tuple[int, str]] = []
        self.attempts = 0
        self.executions = 0
        self.response: Response | None = None

    def enter(self, now: int, state: str) -> None:
        """Move on; a final state is never left, Stopping only for one, and no state is entered twice in a row."""
        if self.state not in FINAL and state != self.state and (self.state != "Stopping" or state in FINAL):
            self.state = state
            self.history.append((now, state))

    def refuse(self, response: Response) -> None:
        """The front door said no."""
        self.response = response
        self.state = "Rejected"

    def __repr__(self) -> str:
        tries = f", {self.attempts} attempt{'s' * (self.attempts != 1)}" if self.attempts else ""
        why = f": {self.response.status} {self.response.error_type}" if self.state == "Rejected" and self.response is not None else ""
        return f"Task(R{self.number}, {self.state or 'on its way'}{why}{tries})"

    @property
    def status(self) -> int:
        """202 if it was accepted, otherwise the refusal's status."""
        return self.response.status if self.state == "Rejected" and self.response is not None else 202

    def result(self) -> Response:
        """The outcome of a task that has ended; a handler cannot wait for one. Raises `UsageError` while it is under way."""
        if self.response is None:
            raise UsageError(
                f"R{self.number} is {self.state or 'on its way'}, and a handler cannot wait for it.", hint="use context.invoke"
            )
        return self.response

    @property
    def finished(self) -> bool:
        """Nothing more will happen to it."""
        return self.state in FINAL


def restore(task: Task, state: str, history: list[tuple[int, str]], attempts: int, executions: int) -> None:
    """Make a task what a record says."""
    task.state = state
    task.history = history
    task.attempts = attempts
    task.executions = executions
