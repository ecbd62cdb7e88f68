"""InvokeFunction: straight to the engine and back, with the documented headers."""

from __future__ import annotations

import base64
import math
from functools import partial
from typing import TYPE_CHECKING

from starlette.responses import Response as Answer

from fclab.engine.tasks import Task
from fclab.model import SYNC_PAYLOAD_LIMIT
from fclab.server.fc3.operations import Call, Operation, Part
from fclab.server.refusals import Refused
from fclab.units import SECOND

if TYPE_CHECKING:
    from fclab.model import Response
    from fclab.server.intake import Arrived
    from fclab.server.shared import Shared

__all__ = ["Invocations"]

TAIL = 4096
"""Bytes of log that X-Fc-Log-Result holds."""
_EXPOSED = ",".join(
    f"X-Fc-{name}"
    for name in ("Request-Id", "Instance-Id", "Invocation-Duration", "Max-Memory-Usage", "Code-Checksum", "Invocation-Service-Version",
                 "Error-Type", "Log-Result", "Async-Task-Id")
)  # fmt: skip
_KINDS = {"": "sync", "sync": "sync", "async": "async", "task": "async"}
_LONGEST_DELAY = 3600


class Invocations(Part):
    """1. What the function answers passes untouched, with 200, also where it failed: X-Fc-Error-Type then says so.
    2. What does not reach it is an error of the platform's, 4xx or 5xx. 3. An async call is answered 202 once its event is stored.
    """

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared)
        self._accept = shared.driver.platform.front_door.accept

    def operations(self) -> list[Operation]:
        """What clients may ask."""
        path = "/functions/{functionName}/invocations"
        return [Operation("InvokeFunction", "POST", path, None, SYNC_PAYLOAD_LIMIT, direct=self.invoke)]

    async def invoke(self, arrived: Arrived, call: Call) -> Answer:
        """InvokeFunction."""
        call.latest()
        headers = call.headers
        kind = _KINDS.get(headers.get("x-fc-invocation-type", "").lower())
        tail = headers.get("x-fc-log-type", "None").lower()
        if kind is None:
            raise Refused(400, "InvalidArgument", "x-fc-invocation-type is Sync or Async")
        if tail not in ("none", "tail"):
            raise Refused(400, "InvalidArgument", "x-fc-log-type is None or Tail")
        if kind == "async":
            return await self._send(arrived, call)
        response: Response = await self.shared.engine(partial(self._accept, call.name, call.body, "sync"))
        arrived.request_id = response.request_id
        if response.status >= 400:
            raise _refusal(response)
        said = {
            "X-Fc-Request-Id": response.request_id,
            "X-Fc-Instance-Id": response.instance_id or "",
            "X-Fc-Invocation-Duration": str(math.ceil((response.duration or 0.0) * 1000)),
            "X-Fc-Max-Memory-Usage": f"{response.memory_mb or 0.0:.2f}",
            "X-Fc-Code-Checksum": await self._checksum(call.name),
            "X-Fc-Invocation-Service-Version": "LATEST",
            "Access-Control-Expose-Headers": _EXPOSED,
            "Content-Type": "application/octet-stream" if response.error is None else "application/json",
        }
        if response.error is not None:
            said["X-Fc-Error-Type"] = "UnhandledInvocationError"
        if tail == "tail":
            said["X-Fc-Log-Result"] = base64.b64encode(response.logs.encode()[-TAIL:]).decode()
        return Answer(response.payload, 200, said)

    async def _send(self, arrived: Arrived, call: Call) -> Answer:
        """Clause 3."""
        text = call.headers.get("x-fc-async-delay", "0")
        if not text.isascii() or not text.isdigit() or int(text[:9]) > _LONGEST_DELAY:
            raise Refused(400, "InvalidArgument", f"x-fc-async-delay is whole seconds from 0 to {_LONGEST_DELAY}, not {text[:40]!r}")
        wanted = call.headers.get("x-fc-async-task-id") or call.headers.get("x-fc-stateful-async-invocation-id") or ""
        task = Task(0, "", call.name, wanted)
        start = partial(self._accept, call.name, call.body, "async", delay=int(text) * SECOND, task=task)
        response: Response = await self.shared.engine(start)
        arrived.request_id = response.request_id
        if response.status >= 400:
            raise _refusal(response)
        said = {"X-Fc-Request-Id": response.request_id, "X-Fc-Async-Task-Id": task.task_id or response.request_id}
        return Answer(b"", 202, said)

    async def _checksum(self, name: str) -> str:
        spec = self.shared.lab.functions.get(name)
        if spec is None or spec.package is None:
            return ""
        known = self.shared.checksums.get(spec.package.digest)
        return await self.shared.control(self.shared.checksum, spec) if known is None else known


def _refusal(response: Response) -> Refused:
    return Refused(response.status, response.error_type or "InternalServerError", response.error or "")
