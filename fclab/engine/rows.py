"""What the engine keeps while something is going on: slotted, mutable, private to the engine and its backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fclab.engine.retry import RetryPolicy
from fclab.model import Mode, Response
from fclab.plain_text import printable
from fclab.units import to_us

if TYPE_CHECKING:
    from fclab.engine.deadlines import Deadlines
    from fclab.engine.instance import Instance
    from fclab.engine.tasks import Task
    from fclab.model import FunctionSpec
    from fclab.queues.base import Lease, Message

__all__ = ["Attempt", "Function", "Outcome", "Request"]

Reply = Callable[[Response], object]


class Function:
    """A declared function and what the pool knows about it. Times in µs."""

    __slots__ = (
        "async_config", "concurrency", "created", "deadlines", "enabled", "free", "idle_us", "init_timeout_us", "instances", "limit",
        "name", "number", "policy", "predecessor", "reserved_running", "spec", "target", "timeout_us", "track", "turn",
    )  # fmt: skip

    deadlines: Deadlines

    def __init__(self, spec: FunctionSpec, number: int, policy: RetryPolicy) -> None:
        self.spec = spec
        self.name = spec.name
        self.number = number
        self.policy = policy
        self.async_config = spec.async_config
        """Where outcomes go; like `policy` it can be changed while the function stays."""
        self.timeout_us = to_us(spec.timeout, "timeout")
        self.init_timeout_us = to_us(spec.init_timeout, "init_timeout")
        self.idle_us = to_us(spec.idle_timeout, "idle_timeout", endless=True)
        self.concurrency = spec.concurrency
        self.limit = spec.max_instances
        self.enabled = True
        self.predecessor: Function | None = None
        """The function of this name before it was declared again, while instances of that are left."""
        self.instances: dict[int, Instance] = {}
        """Those that count against limits, by number, oldest first."""
        self.free: list[tuple[bool, float, int, Instance]] = []
        """Heap of (not reserved, -rank, mark, instance): who may take a request."""
        self.created = 0
        self.turn = 0
        """When it last had its turn, in numbers of the dispatcher."""
        self.target = 0
        """Reserved instances to keep."""
        self.reserved_running = 0
        self.track: list[tuple[int, int]] | None = None
        """While its reserved target is tracked: (time, attempts running on reserved instances) at each change since the last tick."""

    def standing(self) -> int:
        """Instances that count against the function's cap: its own, and its predecessor's that are not gone yet."""
        count, newer = len(self.instances), self
        while (older := newer.predecessor) is not None:
            if older.instances:
                count += len(older.instances)
                newer = older
            else:
                newer.predecessor = older.predecessor
        return count


class Request:
    """One request on its way. `reply` is called once with the `Response`, or is None where nobody waits for it.

    cause and caller are the request that made this one and the instance it ran on, or 0; `task` is an async request's record.
    """

    __slots__ = ("accepted", "arrived", "attempt", "caller", "cause", "ending", "fn", "mode", "number", "payload", "reply", "task")

    def __init__(
        self, number: int, fn: Function, payload: bytes, mode: Mode, cause: int, caller: int, arrived: int, reply: Reply | None,
        task: Task | None,
    ) -> None:  # fmt: skip
        self.number = number
        self.fn = fn
        self.payload = payload
        self.mode: Mode = mode
        self.cause = cause
        self.caller = caller
        self.arrived = arrived
        self.reply = reply
        self.task = task
        self.attempt: Attempt | None = None
        self.accepted = False
        """An async request's acceptance is recorded."""
        self.ending = False
        """Its outcome is known, and being stored."""

    @property
    def task_of(self) -> Task:
        """The record of an async request."""
        assert self.task is not None
        return self.task


class Outcome:
    """How a run of the user's code ended.

    kind        "ok"; function errors: "error" (the instance lives on), "timeout", "exit", "memory" (it does not);
                system errors: "killed", "lost"
    payload     the encoded output, or the error object
    """

    __slots__ = ("error", "error_type", "kind", "memory_mb", "payload", "status")

    def __init__(
        self,
        kind: str,
        payload: bytes = b"",
        error: str | None = None,
        error_type: str | None = None,
        memory_mb: float = 0.0,
        status: int = 200,
    ) -> None:
        self.kind = kind
        self.payload = payload
        self.error = None if error is None else printable(error)
        self.error_type = None if error_type is None else printable(error_type)
        self.memory_mb = memory_mb
        self.status = status

    @property
    def system(self) -> bool:
        """The platform's fault, not the function's."""
        return self.status >= 500 or self.status == 429

    def __repr__(self) -> str:
        return f"Outcome({self.kind}, {self.error_type or len(self.payload)})"


class Attempt:
    """One delivery of a request to an instance."""

    __slots__ = (
        "done",
        "instance",
        "lease",
        "log",
        "memory_mb",
        "message",
        "number",
        "phases",
        "placed",
        "request",
        "slot",
        "started",
        "world",
    )

    def __init__(self, request: Request, number: int, message: Message | None = None, lease: Lease | None = None) -> None:
        self.request = request
        self.number = number
        self.message = message
        self.lease = lease
        self.instance: Instance | None = None
        self.slot = 0
        self.phases: tuple[tuple[str, int, int], ...] = ()
        self.placed = -1
        """When its task entered Running, until that is in the task's record."""
        self.started = -1
        self.done = False
        self.log: list[str] | None = None
        self.memory_mb = 0.0
        self.world: object = None
        """The backend's own business."""
