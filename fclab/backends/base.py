"""What a world must offer the engine: boot instances, run attempts, stop. The engine decides everything else and owns every time-out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from fclab.engine.instance import Instance
    from fclab.engine.rows import Attempt, Outcome, Reply
    from fclab.engine.tasks import Task
    from fclab.errors import SourceError

__all__ = ["Backend", "Report", "Served"]

Served = Callable[[object, "SourceError | None"], object]
"""Told what a source answers: a plain value (see `backends.process.inside.values`), or an error."""


class Report(Protocol):
    """What a backend tells the engine. Each is called on the engine's thread."""

    def request_id(self, number: int) -> str:
        """The id of request `number`."""
        ...

    def phase_ended(self, instance: Instance, phase: str, proceed: Callable[[], object]) -> None:
        """A boot phase ended: one of `model.PHASES`. The engine calls `proceed` when the next one may begin, or never."""
        ...

    def boot_ended(self, instance: Instance, outcome: Outcome | None) -> None:
        """The boot is over: None, or how its present phase failed. Exactly once a boot."""
        ...

    def done(self, attempt: Attempt, outcome: Outcome) -> None:
        """The attempt ended. Exactly once a run; later calls are ignored."""
        ...

    def printed(self, instance: Instance, text: str) -> None:
        """The instance printed something outside of any request, such as in a hook."""
        ...

    def died(self, instance: Instance, outcome: Outcome) -> None:
        """The instance ended by itself, this way, while it did not boot. Every attempt on it ends so: nobody knows whose doing it was."""
        ...

    def call(self, attempt: Attempt, function: str, payload: bytes, reply: Reply, task: Task | None = None, delay: int = 0) -> None:
        """The handler calls another function; `reply` gets the response, or with a `task` (async, `delay` in µs) the acceptance."""
        ...

    def use(self, attempt: Attempt, service: str, verb: str, args: list[object], options: dict[str, object], reply: Served) -> None:
        """The handler uses a source of the lab; `reply` gets a plain value and None, or None and the error to raise."""
        ...


class Backend(Protocol):
    """The seam between the platform that decides and the world it decides over.

    1. After `boot`, exactly one `boot_ended`; after `run`, exactly one `done`, unless the instance is stopped first. Neither comes
       before `boot` or `run` has returned.
    2. After `cancel` the run makes no further call and its outcome is ignored.
    3. `freeze` and `stop` run the function's pre-freeze or pre-stop hook, then call `done` once; `stop` leaves nothing behind. A second
       `stop`, without the hook, takes the place of one whose hook is still running; the first one's `done` is then never called.
    """

    freezes: bool
    """Idle instances must be told to freeze and thaw; False where that costs nothing."""

    def boot(self, instance: Instance, report: Report) -> None: ...

    def run(self, instance: Instance, attempt: Attempt, report: Report) -> None: ...

    def cancel(self, attempt: Attempt, reason: str) -> None: ...

    def freeze(self, instance: Instance, done: Callable[[], object]) -> None: ...

    def thaw(self, instance: Instance) -> None: ...

    def stop(self, instance: Instance, hook: bool, done: Callable[[], object]) -> None: ...

    def close(self) -> None: ...
