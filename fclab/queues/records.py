"""Records of async tasks, and the questions one may ask of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from fclab.errors import UsageError
from fclab.plain_text import printable
from fclab.units import SECOND

__all__ = ["DEAD", "FINAL", "RETENTION", "STATES", "Page", "TaskQuery", "TaskRecord"]

STATES = ("Enqueued", "Running", "Retrying", "Succeeded", "Failed", "Stopping", "Stopped", "Expired")
FINAL = frozenset({"Succeeded", "Failed", "Stopped", "Expired"})
DEAD = ("Failed", "Expired")
"""Those whose event was given up: dead letters, until they are redriven."""

RETENTION = 7 * 86_400 * SECOND
"""µs for which the record of a task that has ended is kept."""


@dataclass(slots=True)
class TaskRecord:
    """A task at rest. Times in µs of lab time, None for what has not happened.

    history     [(µs, state, detail)]; a lease under way shows in `state` only, its events come with the settlement
    attempts    deliveries begun; executions: those that reached the handler
    payload     the outcome's, at most 1 MB of it; what the task was given is the queue's `payload(request)`
    destination Pending, Succeeded or Failed; "" if nobody was to be told; destination_error: why it failed
    redriven    the request that repeats this one, or 0
    """

    request: int
    request_id: str
    function: str
    task_id: str
    state: str
    enqueued: int
    started: int | None = None
    ended: int | None = None
    attempts: int = 0
    executions: int = 0
    status: int = 0
    error_type: str = ""
    error: str = ""
    payload: bytes = b""
    destination: str = ""
    cause: int = 0
    redrive_of: int = 0
    redriven: int = 0
    history: list[tuple[int, str, str]] = field(default_factory=list)
    destination_error: str = ""


@dataclass(frozen=True, slots=True)
class TaskQuery:
    """Which tasks, in which order. Raises `UsageError` for what makes no sense.

    function    of that function only; prefix: whose task id begins so
    states      in one of these, all if empty; dead: events given up and not redriven yet
    begin, end  first delivery begun in [begin, end), µs
    newest      the last accepted first, otherwise the first
    limit       1 to 100 a page; token: a page's, for the next one
    """

    function: str = ""
    states: tuple[str, ...] = ()
    prefix: str = ""
    begin: int | None = None
    end: int | None = None
    dead: bool = False
    newest: bool = True
    limit: int = 20
    token: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.limit, bool) or not isinstance(self.limit, int) or not 1 <= self.limit <= 100:
            raise UsageError(f"limit must be a whole number from 1 to 100, not {self.limit!r}.", hint="20 is the default")
        for name, text in (("function", self.function), ("prefix", self.prefix), ("token", self.token)):
            if not isinstance(text, str) or text != printable(text):
                raise UsageError(f"{name} must be a text, not {text!r}.", hint="leave it out for all")
        if self.begin is not None and self.end is not None and self.end <= self.begin:
            raise UsageError("No task begins between begin and an end that is not after it.", hint="give an end after begin")
        unknown = [state for state in self.states if state not in STATES]
        if unknown:
            raise UsageError(f"there is no task state {unknown[0]!r}.", hint=f"the states are {', '.join(STATES)}")
        if self.token and not re.fullmatch("[0-9]{1,18}", self.token):
            raise UsageError(f"{self.token[:40]!r} is no page's token.", hint="give back the token of the page before, as it came")

    @property
    def after(self) -> int | None:
        """The last request of the page before."""
        return int(self.token) if self.token else None

    def admits(self, record: TaskRecord) -> bool:
        """Whether a record fits, the page apart."""
        return (
            (not self.function or record.function == self.function)
            and (not self.states or record.state in self.states)
            and record.task_id.startswith(self.prefix)
            and (self.begin is None or (record.started is not None and record.started >= self.begin))
            and (self.end is None or (record.started is not None and record.started < self.end))
            and (not self.dead or (record.state in DEAD and not record.redriven))
        )


@dataclass(frozen=True, slots=True)
class Page:
    """Some tasks, and the token of the next page; "" on the last."""

    tasks: list[TaskRecord]
    token: str = ""

    @classmethod
    def of(cls, found: list[TaskRecord], limit: int) -> Page:
        """A page from at most one record more than fits."""
        return cls(found[:limit], str(found[limit - 1].request) if len(found) > limit else "")
