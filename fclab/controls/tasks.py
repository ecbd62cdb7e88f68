"""Tasks on record: find them, look at them, stop them, and send dead letters again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from fclab.controls.handles import TaskHandle
from fclab.engine.tasks import Task, restore
from fclab.errors import UnknownFunction, UsageError
from fclab.grid import html_grid, text_grid
from fclab.plain_text import printable
from fclab.queues.records import DEAD, FINAL, TaskQuery
from fclab.units import seconds_text, to_us

if TYPE_CHECKING:
    from fclab.controls.driver import Driver
    from fclab.controls.live import LiveDriver
    from fclab.controls.requests import Requests
    from fclab.engine.platform import Platform
    from fclab.queues.records import Page, TaskRecord

__all__ = ["TaskPage", "Tasks"]


class TaskPage(Sequence[TaskHandle]):
    """Some tasks, as they were when asked for. `token` gives the next page; it is "" on the last one.

    forgotten   of a page of dead letters: how many there were that are no longer remembered, and that nobody sent again
    """

    def __init__(self, handles: list[TaskHandle], records: list[TaskRecord], token: str, forgotten: int = 0) -> None:
        self._handles = handles
        self._records = records
        self.token = token
        self.forgotten = forgotten

    def __len__(self) -> int:
        return len(self._handles)

    def __iter__(self) -> Iterator[TaskHandle]:
        return iter(self._handles)

    def __getitem__(self, at: int) -> TaskHandle:  # type: ignore[override]
        return self._handles[at]

    def _cells(self) -> tuple[list[str], list[list[str]]]:
        header = ["task", "function", "state", "deliveries", "accepted s", "ended s", "error", "destination"]
        return header, [
            [
                f"R{one.request}" + (f" {one.task_id}" if one.task_id else ""), one.function, one.state, str(one.attempts),
                seconds_text(one.enqueued), "" if one.ended is None else seconds_text(one.ended), one.error_type,
                one.destination.lower(),
            ]
            for one in self._records
        ]  # fmt: skip

    def _gone(self) -> list[str]:
        letters = f"{self.forgotten} dead letter" + "s" * (self.forgotten != 1)
        return [f"{letters} forgotten: older than the lab's retention, and not sent again"] if self.forgotten else []

    def __repr__(self) -> str:
        shown = text_grid(*self._cells(), left=3) if self._records else "no tasks"
        return "\n".join([shown, *([f"more: token={self.token!r}"] if self.token else []), *self._gone()])

    def _repr_html_(self) -> str:
        shown = html_grid("tasks", *self._cells(), left=3) if self._records else "<p>no tasks</p>"
        more = f"<p>more: <code>token={self.token!r}</code></p>" if self.token else ""
        return shown + more + "".join(f"<p>{line}</p>" for line in self._gone())


class Tasks:
    """The part of a `Lab` that reads its task records. Without a home, and with record=False, only tasks that wait have one."""

    _driver: Driver | LiveDriver
    _platform: Platform
    _requests: Requests

    def tasks(
        self, function: str | None = None, status: str | Sequence[str] | None = None, prefix: str | None = None, limit: int = 20,
        token: str | None = None, *, begin: float | None = None, end: float | None = None, newest: bool = True,
    ) -> TaskPage:  # fmt: skip
        """A page of async tasks.

        function    of that function only; prefix: whose task id begins so
        status      a state, or several: Enqueued, Running, Retrying, Succeeded, Failed, Stopping, Stopped, Expired
        begin, end  first delivery begun in [begin, end), lab seconds
        newest      the last accepted first; False: the first
        limit       1 to 100 a page; token: the one of the page before
        """
        if status is not None and not isinstance(status, (str, Sequence)):
            raise UsageError(f"status must be a state or several, not {status!r}.", hint='such as status="Failed"')
        states = () if status is None else (status,) if isinstance(status, str) else tuple(status)
        first, last = (None if at is None else to_us(at, "begin or end", least=-1e12) for at in (begin, end))  # earlier lives are below 0
        return self._page(TaskQuery(function or "", states, prefix or "", first, last, False, newest, limit, token or ""))

    def dead_letters(self, function: str | None = None, limit: int = 20, token: str | None = None) -> TaskPage:
        """Events that were given up (Failed, Expired) and not sent again, the first accepted first; pages as in `tasks`.

        Like every task that has ended they are remembered for the lab's retention; how many went after that the page says.
        """
        return self._page(TaskQuery(function or "", dead=True, newest=False, limit=limit, token=token or ""))

    def task(self, task: str | int, function: str | None = None) -> TaskHandle:
        """The task with this id (yours, or the request's) or request number; `function` says whose, where two have tasks of one id."""
        return TaskHandle(self._driver, self._driver.ask(self._find, task, function))

    def redrive(self, task: TaskHandle | str | int) -> TaskHandle:
        """Send a dead letter to its function again, as a new task with the same payload; each letter once.

        Raises `UsageError` if it is no dead letter, `UnknownFunction` if its function is not declared.
        """
        found = self._driver.ask(self._find, task.number if isinstance(task, TaskHandle) else task, None)
        record, payload = self._driver.ask(self._letter, found.number)
        again = Task(0, "", record.function, redrive_of=record.request)
        handle = TaskHandle(self._driver, again)
        accept = partial(self._platform.front_door.accept, record.function, payload, "async", task=again)
        self._driver.hand_in(lambda reply: accept(reply=handle.answering(reply)))
        return handle

    def _letter(self, number: int) -> tuple[TaskRecord, bytes]:
        queue = self._platform.queue
        record = queue.task(number)
        if record is None or record.state not in DEAD:
            state = "forgotten" if record is None else record.state
            raise UsageError(f"R{number} is no dead letter: it is {state}.", hint="lab.dead_letters() lists those there are")
        if record.redriven:
            raise UsageError(f"R{number} was sent again already, as R{record.redriven}.", hint=f"redrive R{record.redriven}")
        if record.function not in self._platform.functions:
            raise UnknownFunction(f"{record.function!r}, which R{number} was for, is not declared.", hint="declare it first")
        return record, queue.payload(number)

    def _page(self, query: TaskQuery) -> TaskPage:
        def read() -> tuple[Page, list[Task], int]:
            queue = self._platform.queue
            self._platform.forget()
            page = queue.tasks(query)
            return page, [self._of(record) for record in page.tasks], queue.forgotten if query.dead else 0

        page, tasks, forgotten = self._driver.ask(read)
        return TaskPage([TaskHandle(self._driver, task) for task in tasks], page.tasks, page.token, forgotten)

    def _of(self, record: TaskRecord) -> Task:
        dispatcher = self._platform.dispatcher
        request = dispatcher.open.get(record.request)
        if request is not None:
            return request.task_of
        return dispatcher.left.waiting(record.function, record.request) or recorded(self._platform, record)

    def _find(self, task: str | int, function: str | None) -> Task:
        self._platform.forget()
        queue = self._platform.queue
        number = 0
        if isinstance(task, str):
            number = queue.number(task, function or "") if printable(f"{task}{function}") == f"{task}{function}" else 0
        elif isinstance(task, int) and 0 < task < 1 << 63:
            number = task
        record = queue.task(number) if number else None
        if record is None:
            raise UsageError(f"There is no task {task!r} on record.", hint="lab.tasks() lists those there are")
        return self._of(record)


def recorded(platform: Platform, record: TaskRecord) -> Task:
    """A task as its record tells it, outcome included."""
    task = Task(record.request, record.request_id, record.function, record.task_id)
    restore(task, record.state, [(at, state) for at, state, _ in record.history], record.attempts, record.executions)
    if record.state in FINAL:
        full = record if record.payload else platform.queue.task(record.request) or record
        task.response = platform.front_door.remembered(
            full.request_id, full.status, full.payload, full.error, full.error_type, full.enqueued, full.ended or full.enqueued
        )
    return task
