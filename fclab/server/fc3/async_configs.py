"""How async calls are retried and who is told of their outcomes: AsyncInvokeConfig."""

from __future__ import annotations

import re
from typing import Any

from fclab.model import AsyncConfig
from fclab.server.fc3.definitions import arn, named
from fclab.server.fc3.operations import Call, Operation, Part, page
from fclab.server.refusals import Refused
from fclab.sources.stamps import stamp

__all__ = ["AsyncConfigs", "translated"]

_BOX = re.compile(r"acs:mns:[^:]*:[^:]*:/(queue|topic)s/([^/]+)/messages")
_KIND = "async-invoke-config"


class AsyncConfigs(Part):
    """Put, get, delete and list; the lab has one a function."""

    def operations(self) -> list[Operation]:
        """What clients may ask."""
        path = "/functions/{functionName}/async-invoke-config"
        return [
            Operation("PutAsyncInvokeConfig", "PUT", path, self.put),
            Operation("GetAsyncInvokeConfig", "GET", path, self.get),
            Operation("DeleteAsyncInvokeConfig", "DELETE", path, self.delete),
            Operation("ListAsyncInvokeConfigs", "GET", "/async-invoke-configs", self.listed),
        ]

    def put(self, call: Call) -> dict[str, Any]:
        """PutAsyncInvokeConfig."""
        call.latest()
        self.shared.spec(call.name)
        said = call.json()
        self.lab.configure_async(call.name, translated(said))
        now, before = self.shelf.now(), self.shelf.get(call.name, _KIND) or {}
        self.shelf.put(call.name, _KIND, {"said": said, "created": before.get("created", now), "modified": now})
        return self.get(call)

    def get(self, call: Call) -> dict[str, Any]:
        """GetAsyncInvokeConfig."""
        call.latest()
        self.shared.spec(call.name)
        record = self.shelf.get(call.name, _KIND)
        if record is None:
            raise Refused(404, "AsyncConfigNotExists", f"function '{call.name}' has no async invoke config")
        return _shown(call.name, record)

    def delete(self, call: Call) -> None:
        """DeleteAsyncInvokeConfig."""
        self.get(call)
        self.lab.configure_async(call.name, AsyncConfig())
        self.shelf.drop(call.name, _KIND)

    def listed(self, call: Call) -> dict[str, Any]:
        """ListAsyncInvokeConfigs."""
        wanted = call.query.get("functionName")
        rows = [_shown(name, record) for name, record in self.shelf.all(_KIND).items() if wanted in (None, "", name)]
        return page(call, rows, "functionArn", "configs")

    def restore(self) -> None:
        """Bring back what the shelf says."""
        for name, record in self.shelf.all(_KIND).items():
            if name in self.lab.functions:
                self.lab.configure_async(name, translated(record["said"]))


def _shown(name: str, record: dict[str, Any]) -> dict[str, Any]:
    times = {"createdTime": stamp(record["created"]), "lastModifiedTime": stamp(record["modified"])}
    return {"asyncTask": False, "maxAsyncRetryAttempts": 3, **record["said"], **times, "functionArn": arn(name)}


def translated(said: dict[str, Any]) -> AsyncConfig:
    """The lab's configuration for the wire's. Raises `Refused`, or `UsageError` for a number out of range."""
    known = {"asyncTask", "maxAsyncRetryAttempts", "maxAsyncEventAgeInSeconds", "destinationConfig"}
    if wrong := [field for field in said if field not in known]:
        raise Refused(400, "InvalidArgument", f"an async invoke config has no {wrong[0][:64]!r}")
    to = said.get("destinationConfig") or {}
    if not isinstance(to, dict):
        raise Refused(400, "InvalidArgument", "destinationConfig is an object with onSuccess and onFailure")
    return AsyncConfig(
        max_retries=said.get("maxAsyncRetryAttempts", 3), max_age=said.get("maxAsyncEventAgeInSeconds"),
        on_success=_destination(to.get("onSuccess")), on_failure=_destination(to.get("onFailure")),
    )  # fmt: skip


def _destination(said: object) -> str | None:
    if said in (None, {}):
        return None
    text = said.get("destination") if isinstance(said, dict) else None
    if not text:
        return None
    box = _BOX.fullmatch(text) if isinstance(text, str) else None
    if box is not None:
        return f"{box[1]}:{box[2]}"
    if not isinstance(text, str) or ":functions/" not in text:
        raise Refused(400, "InvalidArgument", f"destination {str(text)[:200]!r} is no ARN of a function, a queue or a topic")
    return named(text)
