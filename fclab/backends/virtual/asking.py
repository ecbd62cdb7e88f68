"""What a handler asks of others: another function's answer, or a source's. It goes on at the instant the answer comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fclab.engine.tasks import Task
from fclab.errors import SourceError
from fclab.model import Response

if TYPE_CHECKING:
    from fclab.backends.virtual.runs import Run

__all__ = ["call", "use"]

Resume = Callable[[object], object]


def call(run: Run, name: str, payload: bytes, task_id: str | None, delay: int, resume: Resume) -> None:
    """Call another function: `resume` gets its response, or with a task id the task. Hooks call nobody: they get a refusal."""
    attempt, clock = run.job.attempt, run.world.clock
    task = None if task_id is None else Task(0, "", name, task_id)

    def reply(response: Response) -> None:
        clock.call_at(clock.time, resume, response if task is None else task)

    if attempt is None or run.report is None:
        message = "initializers and hooks cannot call functions"
        reply(Response(403, message.encode(), message, "AccessDenied"))
    else:
        run.report.call(attempt, name, payload, reply, task, delay)


def use(run: Run, service: str, verb: str, args: list[object], options: dict[str, object], resume: Resume) -> None:
    """Use a source: `resume` gets what it answers, or the `SourceError` to raise."""
    attempt, clock = run.job.attempt, run.world.clock

    def reply(answer: object, error: SourceError | None) -> None:
        clock.call_at(clock.time, resume, answer if error is None else error)

    if attempt is None or run.report is None:
        reply(None, SourceError("AccessDenied", f"Initializers and hooks cannot use context.{service}.", hint="use it in the handler"))
    else:
        run.report.use(attempt, service, verb, args, options, reply)
