"""Async tasks on record: look at one, list them, stop one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fclab.errors import UsageError
from fclab.queues.records import FINAL, STATES, TaskQuery
from fclab.server.fc3.definitions import arn
from fclab.server.fc3.operations import Call, Operation, Part
from fclab.server.refusals import Refused

if TYPE_CHECKING:
    from fclab.queues.records import Page, TaskRecord

__all__ = ["AsyncTasks"]


class AsyncTasks(Part):
    """Times are milliseconds since 1970. Payloads are told as text, what is no UTF-8 in them with U+FFFD."""

    def operations(self) -> list[Operation]:
        """What clients may ask."""
        path = "/functions/{functionName}/async-tasks"
        return [
            Operation("ListAsyncTasks", "GET", path, self.listed),
            Operation("GetAsyncTask", "GET", f"{path}/{{taskId}}", self.get),
            Operation("StopAsyncTask", "PUT", f"{path}/{{taskId}}/stop", self.stop),
        ]

    def get(self, call: Call) -> dict[str, Any]:
        """GetAsyncTask."""
        call.latest()
        name, task_id = call.params
        self.shared.spec(name)

        def read() -> tuple[TaskRecord | None, bytes]:
            platform = self.shared.driver.platform
            platform.forget()
            number = platform.queue.number(task_id, name)
            return (platform.queue.task(number), platform.queue.payload(number)) if number else (None, b"")

        record, payload = self.shared.driver.ask(read)
        if record is None:
            raise Refused(404, "AsyncTaskNotFound", f"function '{name}' has no async task '{task_id[:128]}'")
        return self._shown(record, payload)

    def listed(self, call: Call) -> dict[str, Any]:
        """ListAsyncTasks."""
        call.latest()
        self.shared.spec(call.name)
        query, whole = self._query(call), call.flag("includePayload")

        def read() -> tuple[Page, list[bytes]]:
            platform = self.shared.driver.platform
            platform.forget()
            page = platform.queue.tasks(query)
            return page, [platform.queue.payload(one.request) if whole else b"" for one in page.tasks]

        page, payloads = self.shared.driver.ask(read)
        rows = [self._shown(record, payload) for record, payload in zip(page.tasks, payloads, strict=True)]
        return {"tasks": rows, **({"nextToken": page.token} if page.token else {})}

    def stop(self, call: Call) -> None:
        """StopAsyncTask."""
        self.get(call)
        name, task_id = call.params
        try:
            stopped = self.lab.task(task_id, name).stop()
        except UsageError:
            stopped = False
        if not stopped:
            raise Refused(412, "PreconditionFailed", f"async task '{task_id[:128]}' has ended already")

    def _query(self, call: Call) -> TaskQuery:
        state, order = call.query.get("status") or "", call.query.get("sortOrderByTime") or "desc"
        if state and state not in STATES:
            raise Refused(400, "InvalidArgument", f"status is one of {', '.join(STATES)}, not {state[:40]!r}")
        if order.lower() not in ("asc", "desc"):
            raise Refused(400, "InvalidArgument", f"sortOrderByTime is asc or desc, not {order[:40]!r}")
        return TaskQuery(
            call.name, (state,) if state else (), call.query.get("prefix") or "", self._lab_time(call, "startedTimeBegin"),
            self._lab_time(call, "startedTimeEnd"), newest=order.lower() == "desc", limit=call.whole("limit", 20, 1, 100),
            token=call.query.get("nextToken") or "",
        )  # fmt: skip

    def _lab_time(self, call: Call, name: str) -> int | None:
        if not call.query.get(name):
            return None
        return call.whole(name, 0, 0, 10**15) * 1000 - self.shelf.unix(0)

    def _ms(self, us: int | None) -> int | None:
        return None if us is None else self.shelf.unix(us) // 1000

    def _shown(self, record: TaskRecord, payload: bytes) -> dict[str, Any]:
        took = None if record.ended is None or record.started is None else (record.ended - record.started) // 1000
        row = {
            "taskId": record.task_id or record.request_id, "requestId": record.request_id, "functionArn": arn(record.function),
            "qualifier": "LATEST", "status": record.state, "startedTime": self._ms(record.started), "endTime": self._ms(record.ended),
            "durationMs": took, "alreadyRetriedTimes": max(0, record.attempts - 1), "taskErrorMessage": record.error or None,
            "destinationStatus": record.destination or None, "taskPayload": payload.decode("utf-8", "replace") if payload else None,
            "returnPayload": record.payload.decode("utf-8", "replace") if record.state in FINAL and record.payload else None,
            "events": [
                {"eventId": number, "timestamp": self._ms(at), "status": state, "eventDetail": detail}
                for number, (at, state, detail) in enumerate(record.history, 1)
            ],
        }  # fmt: skip
        return {name: value for name, value in row.items() if value is not None}
