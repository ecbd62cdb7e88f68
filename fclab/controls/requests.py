"""Makes requests: now, at given times, or as traffic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from fclab.controls.arguments import check_mode, check_name
from fclab.controls.arrivals import checked_times, traffic_times
from fclab.controls.driver import Driver
from fclab.controls.handles import Call, TaskHandle
from fclab.engine.payload import to_bytes
from fclab.engine.tasks import Task
from fclab.errors import UsageError
from fclab.model import Mode, Response
from fclab.units import seconds, to_us

if TYPE_CHECKING:
    from fclab.controls.live import LiveDriver

__all__ = ["Requests"]


class Requests:
    """The caller's side of the front door. Each method is what `Lab` documents under the same name."""

    def __init__(self, driver: Driver | LiveDriver, seed: int) -> None:
        self.driver = driver
        self.platform = driver.platform
        self.seed = seed
        self._streams: dict[str, int] = {}

    def invoke(self, name: str, payload: object) -> Response:
        """One sync request, answered before this returns."""
        check_name(name)
        response: Response = self.driver.answer(partial(self.platform.front_door.accept, name, to_bytes(payload), "sync"))
        return response

    def invoke_async(self, name: str, payload: object, delay: float, task_id: str | None) -> TaskHandle:
        """One async request, stored before this returns."""
        check_name(name)
        held = to_us(delay, "delay", most=3600)
        if task_id is not None and not isinstance(task_id, str):
            raise UsageError(f"A task id is a text, not {task_id!r}.", hint="such as task_id='order-7'")
        event = to_bytes(payload)
        handle, task = self._task(name, task_id)
        accept = partial(self.platform.front_door.accept, name, event, "async", delay=held, task=task)
        self.driver.hand_in(lambda reply: accept(reply=handle.answering(reply)))
        return handle

    def at(self, name: str, times: object, payload: object, mode: Mode) -> list[Call]:
        """Requests at given lab times."""
        check_mode(mode)
        event = to_bytes(payload)
        due = self._due(times)
        calls = [Call(seconds(at)) for at in due]
        order = sorted(range(len(due)), key=due.__getitem__)
        self._source(name, event, mode, iter([due[i] for i in order]), iter([calls[i] for i in order]))
        return calls

    def _due(self, times: object) -> list[int]:
        """The times in µs. Real time does not wait: if the first has passed, all of them move, and the gaps between them stay."""
        if isinstance(self.driver, Driver):
            return checked_times(times, self.driver.now())
        due = checked_times(times, 0)
        late = max(0, self.driver.now() - min(due, default=0))
        return [at + late for at in due]

    def traffic(
        self, name: str, rate: float | None, duration: float | None, arrivals: str | Iterable[float], payload: object, mode: Mode
    ) -> None:
        """Requests by rate, or at given times, with nothing kept of each but its record."""
        check_mode(mode)
        self._streams[name] = like = self._streams.get(name, 0) + 1
        random = Random(f"{self.seed}:traffic:{name}:{like}")
        times = traffic_times(rate, duration, arrivals, self.driver.now(), random)
        self._source(name, to_bytes(payload), mode, times, None)

    def _source(self, name: str, event: bytes, mode: Mode, times: Iterator[int], calls: Iterator[Call] | None) -> None:
        accept = self.platform.front_door.accept
        if calls is None:
            self.driver.ask(self.driver.source, times, lambda: accept(name, event, mode))
            return

        def arrive() -> None:
            call = next(calls)
            if mode == "sync":
                accept(name, event, mode, call.answer)
            else:
                call.task, task = self._task(name, None)
                accept(name, event, mode, call.accept, task=task)

        self.driver.ask(self.driver.source, times, arrive)

    def _task(self, name: str, task_id: str | None) -> tuple[TaskHandle, Task]:
        task = Task(0, "", name, task_id or "")
        return TaskHandle(self.driver, task), task
